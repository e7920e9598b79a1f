"""System calls: how a process asks for what it cannot do itself (chapter 2.3).

The model writes a call into its text, between two marks. The kernel sees the closing mark, takes the process
off the run queue and asks the table; the answer comes back as tokens. Whatever goes wrong comes back as
tokens too: the kernel never raises for a tool. A right is checked here and not in the prompt, since a text
cannot be trusted to keep a promise about texts.

The errors: `ENOSYS` no such call, `EPERM` no right to it, `EINVAL` arguments that do not fit, `ETIMEDOUT` too
slow, `EIO` the tool failed, `ESTALE` it may have been done and its receipt is gone; a tool may raise
`OSError` with an errno of its own.
"""

import errno
import hashlib
import inspect
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.kernel.process import Process


@dataclass(frozen=True)
class CallSyntax:
    """How calls and answers stand in a text: marks are tokens of their own, all else is bytes.

    `begin name {"argument": value} end`, and the answer: `result OK text result_end`.

    Fields:
        begin, end, result, result_end: the four marks.
        cut: the tokens that stand where an answer was cut to fit the window.
        encode, decode: from text to tokens and back.
    """

    begin: int = 256
    end: int = 257
    result: int = 258
    result_end: int = 259
    cut: tuple[int, ...] = tuple(b"[cut]")
    encode: Callable[[str], Sequence[int]] = lambda text: list(text.encode())
    decode: Callable[[Sequence[int]], str] = lambda tokens: bytes(
        token for token in tokens if token < 256
    ).decode(errors="replace")

    def request(self, tokens: Sequence[int]) -> str | None:
        """The call that the last token closes, as text; None where it closes none."""
        if tokens[-1] != self.end:
            return None
        for at in range(len(tokens) - 2, -1, -1):
            if tokens[at] == self.begin:
                return self.decode(tokens[at + 1 : -1])
            if tokens[at] in (self.end, self.result, self.result_end):
                break
        return None

    def whole(self, tokens: Sequence[int]) -> int:
        """How many of the tokens stand before an answer that has no end; all where there is none."""
        for at in range(len(tokens) - 1, -1, -1):
            if tokens[at] in (self.begin, self.end, self.result_end):
                break
            if tokens[at] == self.result:
                return at
        return len(tokens)

    def answer(self, result: "Result", room: int) -> list[int]:
        """The tokens of an answer, at most `room` of them; what is too long ends in the mark `cut`."""
        text = f"{result.errno} {result.text}".rstrip()
        # A tool may say half of a character, which no encoding takes.
        said = list(self.encode(text.encode(errors="backslashreplace").decode()))
        if len(said) + 2 > room:
            kept = max(0, room - 2 - len(self.cut))
            said = said[:kept] + list(self.cut)
        return [self.result, *said, self.result_end][: max(0, room)]


class Result(NamedTuple):
    """What a call came to: `OK` or the name of an error, a text, and when the answer is there."""

    errno: str
    text: str
    latency: float = 0.0
    replayed: bool = False  # taken from a receipt, nothing was done again


class Call(NamedTuple):
    """A line of the audit log."""

    time: float
    pid: int
    user: str
    name: str
    arguments: str
    errno: str
    replayed: bool


@dataclass(frozen=True)
class Tool:
    """A registered function and what the table knows about it; fields as in `SyscallTable.register`."""

    function: Callable
    capability: str
    latency: float
    limit: float
    effect: bool
    signature: inspect.Signature


class SyscallTable:
    """The calls that there are, who may use them, what was asked and what was done.

    Args:
        syntax: how calls stand in a text.
        kept: lines of the audit log, and receipts, at most; the oldest go first. A process that is resumed
            and asks for an effect whose receipt may have gone is answered `ESTALE`: nothing is done twice.

    Fields:
        dropped: how many lines and receipts have gone.

    Source: Saltzer and Schroeder 1975, "The Protection of Information in Computer Systems", section I.A
    (capabilities; complete mediation).
    """

    def __init__(self, syntax: CallSyntax | None = None, *, kept: int = 10_000):
        check_count("kept", kept)
        self.syntax, self.kept = syntax or CallSyntax(), kept
        self.tools: dict[str, Tool] = {}
        self.audit: list[Call] = []
        self.receipts: dict[tuple, Result] = {}
        self.dropped = {"audit": 0, "receipts": 0}
        self._forgotten = _age("")  # of the youngest job that has lost a receipt

    def register(
        self,
        name: str,
        function: Callable,
        *,
        capability: str | None = None,
        latency: float = 0.0,
        limit: float = math.inf,
        effect: bool = False,
    ) -> None:
        """Add a call.

        Args:
            name: without blanks.
            function: called as `function(process, **arguments)`; returns a text, or what JSON can write.
                Annotations `str`, `int`, `float`, `bool`, `list`, `dict` of its parameters are checked.
            capability: the right that it asks for; its own name unless given.
            latency: time units until the answer is there.
            limit: a call that would take longer is not begun and answers `ETIMEDOUT` after this time.
            effect: it changes something outside: a receipt keeps it from being done twice.

        Raises:
            ValueError: a bad name, a name that is taken, times that are negative.
        """
        if not name or name != "".join(name.split()) or name in self.tools:
            raise ValueError(f"name={name!r} is empty, has blanks or is registered already")
        if not (0 <= latency < math.inf and limit >= 0):
            raise ValueError(f"latency={latency} and limit={limit} must not be negative, latency finite")
        signature = inspect.signature(function)
        capability = name if capability is None else capability
        self.tools[name] = Tool(function, capability, latency, limit, effect, signature)

    def dispatch(self, process: Process, request: str, now: float) -> Result:
        """Answer a call, and write it down. Never raises for what the process or a tool does.

        A call with an effect leaves a receipt under the process's job, its place in the text and its words. A
        process that was killed and resumed, and asks the same there again, gets the receipt's answer.
        """
        name, _, arguments = request.strip().partition(" ")
        receipt = (process.job, len(process.tokens), hashlib.sha256(request.encode()).hexdigest())
        result = self._perform(process, name, arguments, receipt)
        if result.errno == "OK" and self.tools[name].effect:
            self.receipts[receipt] = result
        process.calls += 1
        entry = Call(now, process.pid, process.user, name, arguments, result.errno, result.replayed)
        self.audit.append(entry)
        self._forget()
        return result

    def _forget(self) -> None:
        """Keep to the bound: a server must not grow for ever."""
        if len(self.audit) > self.kept:
            del self.audit[0]
            self.dropped["audit"] += 1
        if len(self.receipts) > self.kept:
            oldest = next(iter(self.receipts))
            del self.receipts[oldest]
            self.dropped["receipts"] += 1
            self._forgotten = max(self._forgotten, _age(oldest[0]))

    def _perform(self, process: Process, name: str, arguments: str, receipt: tuple) -> Result:
        tool = self.tools.get(name)
        if tool is None:
            return Result("ENOSYS", f"there is no call {name!r}")
        if tool.capability not in process.capabilities:
            return Result("EPERM", f"this process may not {tool.capability}")
        if receipt in self.receipts:
            return self.receipts[receipt]._replace(replayed=True)
        if tool.effect and process.job != str(process.pid) and _age(process.job) <= self._forgotten:
            return Result("ESTALE", "this may have been done already: the receipt is gone")
        try:
            bound = _bind(tool.signature, process, arguments)
        except (TypeError, ValueError, RecursionError) as error:
            return Result("EINVAL", str(error))
        if tool.latency > tool.limit:
            return Result("ETIMEDOUT", f"no answer within {tool.limit:g}", tool.limit)
        try:
            said = tool.function(*bound.args, **bound.kwargs)
            text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False, allow_nan=False)
        except (Exception, SystemExit) as error:  # a tool may fail in any way; the kernel goes on
            return Result(*_failure(error), tool.latency)
        return Result("OK", text, tool.latency)


def _age(job: str) -> tuple:
    """The order in which jobs began: they are named by numbers."""
    return len(job), job


def _failure(error: BaseException) -> tuple[str, str]:
    """The name and the words of a tool's error, whatever it carries."""
    try:
        if isinstance(error, OSError):
            return errno.errorcode.get(error.errno, "EIO"), str(error.strerror or error)
        return "EIO", f"{type(error).__name__}: {error}"
    except Exception:
        return "EIO", f"{type(error).__name__} without words"


KINDS = {str: str, int: int, float: (int, float), bool: bool, list: list, dict: dict}


def _bind(signature: inspect.Signature, process: Process, arguments: str) -> inspect.BoundArguments:
    """The arguments of the function, checked against its signature."""
    given = json.loads(arguments) if arguments.strip() else {}
    if not isinstance(given, dict):
        raise ValueError(f"arguments must be a JSON object, got {arguments[:40]}")
    bound = signature.bind(process, **given)
    for name, value in given.items():
        parameter = signature.parameters.get(name)
        kind = KINDS.get(parameter.annotation) if parameter is not None else None
        wrong_bool = isinstance(value, bool) and parameter is not None and parameter.annotation is not bool
        if kind is not None and (wrong_bool or not isinstance(value, kind)):
            raise ValueError(f"{name}={value!r} is not {parameter.annotation.__name__}")
    return bound


class MemoryFS:
    """Long-term memory: files of text that outlive a process, a home directory for each user.

    Nobody can name another user's file: a path is looked up in the caller's home alone.

    Args:
        quota: bytes a user may keep.
        files: what is there already, `{user: {path: text}}`; kept and changed in place.
    """

    def __init__(self, quota: int = 1 << 20, files: dict[str, dict[str, str]] | None = None):
        if quota < 0:
            raise ValueError(f"quota={quota} must not be negative")
        self.quota, self.files = quota, {} if files is None else files

    def install(self, table: SyscallTable, latency: float = 0.0) -> None:
        """Register `list`, `read` (right `read`) and `write`, `append`, `delete` (right `write`)."""
        table.register("list", self.list, capability="read", latency=latency)
        table.register("read", self.read, capability="read", latency=latency)
        for name in ("write", "append", "delete"):
            table.register(name, getattr(self, name), capability="write", latency=latency, effect=True)

    def list(self, process: Process) -> str:
        """The caller's paths, one a line."""
        return "\n".join(sorted(self.files.get(process.user, {})))

    def read(self, process: Process, path: str) -> str:
        """The text of a file; `ENOENT` where there is none."""
        home = self.files.get(process.user, {})
        if path not in home:
            raise FileNotFoundError(errno.ENOENT, f"there is no {path}")
        return home[path]

    def write(self, process: Process, path: str, text: str) -> str:
        """Make a file or replace it; `ENOSPC` where the quota is used up."""
        if not path:
            raise OSError(errno.EINVAL, "a path needs a name")
        home = self.files.setdefault(process.user, {})
        kept = sum(len(name.encode()) + len(home[name].encode()) for name in home if name != path)
        needed = kept + len(path.encode()) + len(text.encode())
        if needed > self.quota:
            raise OSError(errno.ENOSPC, f"{needed} bytes are more than the quota of {self.quota}")
        home[path] = text
        return f"{len(text.encode())} bytes"

    def append(self, process: Process, path: str, text: str) -> str:
        """Add to a file's end, or make it."""
        return self.write(process, path, self.files.get(process.user, {}).get(path, "") + text)

    def delete(self, process: Process, path: str) -> str:
        """Take a file away; `ENOENT` where there is none."""
        self.read(process, path)
        del self.files[process.user][path]
        return f"deleted {path}"
