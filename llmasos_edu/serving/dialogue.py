"""The dialogue model on a server: tools that the client runs, or a desk whose calls the kernel makes here.

A request that brings `tools` gets the model's call as `tool_calls`: the client runs it and sends the answer
in a `tool` message. Without `tools`, a server that has a desk makes the calls itself, as system calls of the
user whom the request names. Either way the kernel decides by rights, and its log has each call.
"""

import errno
import hashlib
import itertools
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from llmasos_edu.dialogue.assistant import REPLY, as_read, leaving, turn_rights, waits_for_a_yes
from llmasos_edu.dialogue.desk import RIGHTS
from llmasos_edu.dialogue.orders import confirmed
from llmasos_edu.dialogue.schemas import CALLS, PARAMETERS, call_name, wire_name
from llmasos_edu.dialogue.template import ERRNOS, TOOLS, framed, messages_tokens, syntax, tokenizer
from llmasos_edu.dialogue.transcript import Said, TranscriptReader, parts_of
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import Process
from llmasos_edu.kernel.syscalls import Call, Result, SyscallTable
from llmasos_edu.serving.engine import Engine
from llmasos_edu.serving.plan import HANDED, NoCall, Plan
from llmasos_edu.serving.refusals import BadRequest, shown
from llmasos_edu.serving.requests import Asked
from llmasos_edu.serving.text import TurnStream
from llmasos_edu.serving.tools import ToolCall, paired

CONFIRMED = confirmed("")  # how the right to cancel one order begins
SCHEMA = {"type", "properties", "required", "additionalProperties", "description", "title"}
PROPERTY = {"type", "description", "title"}


class ServerCalls(SyscallTable):
    """All calls of a server: those that end a turn, since the client runs them, and those of a desk.

    A process has the one kind or the other, by its rights; the log is one.

    Args:
        desk: the calls of a desk; None where there is none.
    """

    def __init__(self, desk: SyscallTable | None = None):
        super().__init__(syntax())
        self.desk, self.kernel = desk, None
        self.rights: OrderedDict[int, frozenset[str]] = OrderedDict()  # of the processes that have called
        for name in TOOLS:
            self.register(name, partial(self._hand_over, name))
        if desk is not None:
            desk.audit, desk.dropped = self.audit, self.dropped

    def serve(self, kernel: Kernel) -> None:
        """Take the kernel whose processes a call may end."""
        self.kernel = kernel

    def dispatch(self, process: Process, request: str, now: float) -> Result:
        """As in `SyscallTable`, by whoever runs this process's calls."""
        self.rights[process.pid] = process.capabilities
        if len(self.rights) > self.kept:
            self.rights.popitem(last=False)
        if self.desk is None or HANDED in process.capabilities:
            return super().dispatch(process, request, now)
        return self.desk.dispatch(process, request, now)

    def noted(self, line: Call) -> dict:
        """What stands beside a line of the log: the rights held of those that it needs, and who runs it."""
        rights = self.rights.get(line.pid, frozenset())
        more = sorted(right for right in rights if right.startswith(CONFIRMED))
        return {
            "rights": [right for right in (line.name, *more) if right in rights],
            "handed": HANDED in rights and line.errno == "OK",
        }

    def _hand_over(self, name: str, process: Process, **arguments) -> str:
        """The turn ends here: the client has the next word. `EINVAL` where the arguments are others."""
        wanted = PARAMETERS[name]
        if set(arguments) != set(wanted) or not all(isinstance(each, str) for each in arguments.values()):
            raise OSError(errno.EINVAL, f"{name} takes {', '.join(wanted)}, each a text")
        self.kernel.kill(process, HANDED)
        return HANDED


class Turn(NamedTuple):
    """A turn that was served at the desk: its tokens, calls and all; the order that waits for a yes."""

    tokens: list[int]
    pending: str | None


class Dialogues:
    """How requests become texts of the dialogue model.

    Args:
        calls: of the kernel.
        window: tokens that the model reads at most, its turn included.
        kept: turns at the desk that are kept with their calls; the oldest go first. Of a turn that has gone
            the model reads what the client sends of it: the text alone.
        heard: is told each turn that a user of the desk got, as `Desk.heard`.
    """

    def __init__(
        self,
        calls: ServerCalls,
        window: int,
        *,
        kept: int = 1000,
        heard: Callable[[str, Sequence[int]], None] | None = None,
    ):
        self.calls, self.window, self.kept, self.heard = calls, window, kept, heard
        self.turns: OrderedDict[str, Turn] = OrderedDict()

    def plan(self, asked: Asked) -> Plan:
        """The text that answers a chat.

        Raises:
            BadRequest: tools that the model has not learned, messages in an order that it has no form for, a
                desk without a user.
        """
        messages = [_told(message) for message in paired(asked.messages)]
        if self.calls.desk is not None and asked.offered is None:
            return self._at_desk(asked, messages)
        return self._for_client(asked, messages)

    # ---- tools of the client's ----

    def _for_client(self, asked: Asked, messages: list[dict]) -> Plan:
        names = learned(asked)
        try:
            prompt = messages_tokens(messages)
        except ValueError as error:
            raise BadRequest(f"the model has learned no such order: {error}", "messages") from error
        if messages[-1]["role"] not in ("user", "tool"):
            raise BadRequest(
                "the last message must be the user's or a tool's: else nothing is asked", "messages"
            )
        words, begun = tokenizer(), []
        if asked.offered is not None and asked.offered.choice == "required":
            only = f'{names[0]} {{"{next(iter(PARAMETERS[names[0]]))}": "' if len(names) == 1 else ""
            begun = [words.marks["call"], *words.encode(only)]
        stop = {words.marks["end"]} | ({words.marks["do"]} if begun else set())
        rights = frozenset({HANDED, *names}) if names else frozenset({HANDED})
        return Plan(
            [*prompt, *begun], frozenset(stop), rights, None, partial(_stream, begun=begun),
            partial(self._handed, begun=begun),
        )  # fmt: skip

    async def _handed(self, engine: Engine, process: Process, begun: list[int]) -> list[ToolCall]:
        """The call that ended the turn, if one did."""
        text = [*begun, *process.output]
        request = self.calls.syntax.request(text)
        if begun:
            if request is None:
                said = tokenizer().decode(process.output)
                raise NoCall(f"the model was made to call a tool and wrote {shown(said)}")
            result = await engine.call(lambda kernel: self.calls.dispatch(process, request, kernel.now))
            if result.errno != "OK":
                raise NoCall(f"the model was made to call a tool: {result.errno} {result.text}")
        elif process.reason != HANDED:
            return []
        name, _, arguments = request.partition(" ")
        return [ToolCall(wire_name(name), arguments)]

    # ---- the desk's ----

    def _at_desk(self, asked: Asked, messages: list[dict]) -> Plan:
        if not asked.user:
            raise BadRequest("this server's desk serves users: say in `user` whose orders and notes", "user")
        if asked.n > 1:
            raise BadRequest(f"n={asked.n}: at a desk calls have effects, so a turn is answered once", "n")
        notes = messages[0]["content"] if messages[0]["role"] == "system" else ""
        spoken = messages[1:] if messages[0]["role"] == "system" else messages
        roles = [message["role"] for message in spoken]
        if roles != [("user", "assistant")[at % 2] for at in range(len(roles) | 1)]:
            what = "at a desk messages are user, assistant, user ... and the user has the last word"
            raise BadRequest(f"{what}; calls are made here and not sent: {', '.join(roles)}", "messages")
        head = framed("system", notes)
        turns = [self._turn(asked.user, notes, spoken[: at + 2]) for at in range(0, len(spoken) - 1, 2)]
        text = spoken[-1]["content"]
        said = [*framed("user", text), tokenizer().marks["assistant"]]
        if not text.strip() or len(head) + len(said) + REPLY > self.window:
            raise BadRequest(
                f"the last message has {len(said) - 3} tokens: 1 to "
                f"{self.window - REPLY - len(head) - 3} fit into the window", "messages",
                code="context_length_exceeded",
            )  # fmt: skip
        tokens = [turn.tokens for turn in turns]
        tokens = tokens[leaving(tokens, self.window - REPLY - len(head) - len(said)) :]
        rights = turn_rights(RIGHTS, turns[-1].pending if turns else None, text)
        remember = partial(self._remember, user=asked.user, notes=notes, spoken=spoken, said=said)
        stop = frozenset({tokenizer().marks["end"]})
        return Plan([*head, *itertools.chain(*tokens), *said], stop, rights, REPLY, _stream, remember)

    def _turn(self, user: str, notes: str, spoken: Sequence[dict]) -> Turn:
        """The last turn of these messages, as it was served here; else as the client tells it."""
        known = self.turns.get(_digest(user, notes, spoken))
        if known is not None:
            return known
        said, answered = (message["content"] for message in spoken[-2:])
        words = tokenizer()
        answer = [words.marks["assistant"], *words.encode(answered), words.marks["end"]]
        return Turn([*framed("user", said), *answer], None)

    async def _remember(
        self, engine: Engine, process: Process, user: str, notes: str, spoken: list[dict], said: list[int]
    ) -> list[ToolCall]:
        """Keep the turn under all that was said before it, so that no other conversation can confirm it."""
        pending = await engine.call(lambda kernel: waits_for_a_yes(self.calls, {process.pid}, process.output))
        if self.heard is not None:
            await engine.call(lambda kernel: self.heard(user, process.output))
        answer = "".join(part.text for part in parts_of(process.output) if isinstance(part, Said))
        output, end = list(process.output), tokenizer().marks["end"]
        tokens = [*said, *output] if output[-1:] == [end] else [*said, *output, end]
        key = _digest(user, notes, [*spoken, {"role": "assistant", "content": answer}])
        self.turns[key] = Turn(tokens, pending)
        self.turns.move_to_end(key)
        while len(self.turns) > self.kept:
            self.turns.popitem(last=False)
        return []


def _stream(stop: Sequence[str], begun: Sequence[int] = ()) -> TurnStream:
    """What the model says, without its calls; `begun` is of its turn and stands in the prompt already."""
    reader = TranscriptReader()
    reader.push(begun)
    return TurnStream(reader, Said, stop)


def _digest(user: str, notes: str, spoken: Sequence[dict]) -> str:
    content = [user, notes, [[message["role"], message["content"]] for message in spoken]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _told(message: dict) -> dict:
    """A message in the template's words, a bare yes or no in the spelling that the model has learned.

    Raises:
        BadRequest: the answer of a tool that is none of the kernel's.
    """
    if message["role"] == "developer":
        return message | {"role": "system"}
    if message["role"] == "user":
        return message | {"content": as_read(message["content"])}
    if message["role"] == "tool" and message["content"].partition(" ")[0] not in ERRNOS:
        raise BadRequest(
            f"a tool's answer begins with OK or the name of an error, such as 'OK lamp sent Friday' or "
            f"'ENOENT no order 4711'; got {shown(message['content'])}", "messages",
        )  # fmt: skip
    calls = message.get("tool_calls", [])
    for call in calls:
        name = call["function"]["name"]
        if name not in CALLS:
            raise BadRequest(f"the call of {name!r} is none that the model has learned", "messages")
    told = [{"function": each["function"] | {"name": call_name(each["function"]["name"])}} for each in calls]
    return message | ({"tool_calls": told} if told else {})


# ---- the tools that the model has learned --------------------------------------------


def learned(asked: Asked) -> list[str]:
    """The calls that a request allows, by the kernel's names; all of them such as the model has learned.

    Raises:
        BadRequest: another function, other parameters, a choice that cannot be kept.
    """
    if asked.offered is None:
        return []
    offered = asked.offered
    for name, parameters in offered.functions.items():
        if name not in CALLS:
            hint = ", ".join(CALLS)
            raise BadRequest(f"the model has not learned to call {name!r}; it has learned {hint}", "tools")
        _check_schema(name, parameters)
    names = list(offered.functions) if offered.only is None else [offered.only]
    if offered.choice == "none":
        return []
    if offered.choice == "required" and len(names) not in (1, len(TOOLS)):
        raise BadRequest(
            f"tool_choice='required' with {len(names)} of the {len(TOOLS)} tools: the model can be made to "
            "call one that is named, or any of all", "tool_choice",
        )  # fmt: skip
    return [call_name(name) for name in names]


def _check_schema(name: str, schema: dict | None) -> None:
    """Refuse a schema that the model's calls might not fit: it writes what it has learned, texts alone."""
    if schema is None:
        return
    wanted, properties = PARAMETERS[call_name(name)], schema.get("properties", {})
    if schema.get("type") != "object" or not isinstance(properties, dict):
        raise BadRequest(f"{name}: parameters={shown(schema)} must be of the type object", "tools")
    _check_keys(name, schema, SCHEMA)
    if set(properties) != set(wanted):
        raise BadRequest(
            f"{name}: the model has learned {', '.join(wanted)}, not {', '.join(properties) or 'nothing'}",
            "tools",
        )
    for each, property_ in properties.items():
        if not isinstance(property_, dict) or property_.get("type", "string") != "string":
            raise BadRequest(f"{name}.{each}={shown(property_)}: the model writes texts alone", "tools")
        _check_keys(f"{name}.{each}", property_, PROPERTY)
    required = schema.get("required", [])
    if not isinstance(required, list) or any(each not in list(wanted) for each in required):
        raise BadRequest(f"{name}: required={shown(required)} must list parameters", "tools")
    if not isinstance(schema.get("additionalProperties", False), bool):
        raise BadRequest(f"{name}: additionalProperties must be true or false", "tools")


def _check_keys(where: str, schema: dict, known: set[str]) -> None:
    if more := schema.keys() - known:
        raise BadRequest(
            f"{where}: the model keeps to no {min(more)!r}; there may be {', '.join(sorted(known))}", "tools"
        )
