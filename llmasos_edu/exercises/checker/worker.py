"""The process that runs readers' code: it imports torch once and forks for every answer.

Started by `client.py` as `python -m llmasos_edu.exercises.checker.worker`. Requests come in on stdin and
replies go out on stdout, each a length of 8 bytes and a pickle. It never runs a backward pass itself, because
a process that has started autograd's threads must not fork; its children may. The limits protect the reader
from slips. They are no sandbox: the reader's code may do all that the reader may do.
"""

import base64
import builtins
import contextlib
import gc
import importlib
import itertools
import json
import math
import os
import pickle
import select
import signal
import struct
import sys
import time

from llmasos_edu.exercises.checker.clock import BUSY, LOADING, Clock

PRINT_LIMIT = 2000
# What a stopped answer must have taken or printed for its message to say so, in bytes.
GROWN, PRINTED = 48 * 2**20, 200_000
FILE_LIMIT = 16 * 2**20
# From so many processor seconds on, what solution and mistakes give is kept for the next answer.
WORTH_KEEPING = 0.1
INSIDE = "LLMASOS_EDU_INSIDE_A_CHECK"
HEADER = struct.Struct(">Q")


def write_frame(stream, content: object) -> None:
    """Send one pickled message."""
    data = pickle.dumps(content)
    stream.write(HEADER.pack(len(data)) + data)
    stream.flush()


def _read_exactly(descriptor: int, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        chunk = os.read(descriptor, min(count - len(data), 2**20))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def read_frame(descriptor: int) -> object | None:
    """Receive one pickled message; None where the other side has gone."""
    header = _read_exactly(descriptor, HEADER.size)
    body = None if header is None else _read_exactly(descriptor, HEADER.unpack(header)[0])
    return None if body is None else pickle.loads(body)


def main() -> None:
    """Answer requests until stdin ends, which is when the kernel does."""
    requests, replies = os.dup(0), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    import cloudpickle  # noqa: F401 (here, so that not every child imports it anew; judging as well)
    import torch

    from llmasos_edu.exercises.checker import judging  # noqa: F401

    torch.set_num_threads(1)
    write_frame(replies, "ready")
    kept: dict = {}
    while (request := read_frame(requests)) is not None:
        write_frame(replies, judge_in_a_child(request, requests, replies.fileno(), kept))


def judge_in_a_child(request: dict, requests: int, replies: int, kept: dict) -> dict:
    """Fork, let the child judge, and tell what became of it.

    Args:
        request: key, seed (or None), answer (bytes), path (the kernel's sys.path), seconds, megabytes.
        requests, replies: descriptors to the kernel. The first ends when the kernel does; a child gets none.
        kept: {(key, seed): pickled `Known`}, what earlier children took long to find; this one's is added.

    Returns:
        the verdict's fields. Where the child ended without a verdict they say so: silence is never success.
    """
    from llmasos_edu.exercises.checker.catalogue import (
        find,  # in the parent, so that the chapter's exercises are imported once
    )

    exercise = find(request["key"]).with_seed(request["seed"])
    asked = request["key"], request["seed"]
    for module in exercise.imports:
        importlib.import_module(module)
    result_end, result_start = os.pipe()
    print_end, print_start = os.pipe()
    gc.freeze()  # what is here already stays out of a child's collections, which would copy its pages
    child = os.fork()
    if child == 0:
        for descriptor in (requests, replies, result_end, print_end):
            os.close(descriptor)
        _child(exercise, request, kept.get(asked), result_start, print_start)
    os.close(result_start)
    os.close(print_start)
    with contextlib.suppress(OSError):
        os.setpgid(child, child)
    try:
        reply = _watch(child, request["seconds"], requests, result_end, print_end)
        if (known := reply.pop("known")) is not None:
            kept[asked] = known
        return reply
    finally:
        os.close(result_end)
        os.close(print_end)


def _watch(child: int, seconds: float, requests: int, result_end: int, print_end: int) -> dict:
    clock = Clock(child, seconds)
    results, prints, printed, lines, held = bytearray(), bytearray(), 0, 0, 0
    listening, status = {result_end, print_end, requests}, None
    while True:
        # One more round after the child has ended, to empty the pipes.
        last_round = status is not None
        ready = select.select(list(listening), [], [], 0 if last_round else 0.05)[0]
        if requests in ready:  # the kernel sends nothing while it waits, so this is its end
            _kill(child)
            sys.exit()
        for descriptor in ready:
            chunk = os.read(descriptor, 2**16)
            if not chunk:
                listening.discard(descriptor)
            elif descriptor == result_end:
                results += chunk
            else:
                printed += len(chunk)
                lines += chunk.count(b"\n")
                prints += chunk[: max(0, 4 * PRINT_LIMIT - len(prints))]
        if not clock.started and b'"running"' in results:
            clock.start()
        if last_round and not (set(ready) & listening):
            break
        if status is None:
            ended, status_now = os.waitpid(child, os.WNOHANG)
            if ended:
                status = status_now
                _kill(child)  # what it started may still hold the pipes
            elif clock.is_over():
                held = clock.grown()
                _kill(child)
                status = "too slow"
    reply = _reply(results, status, seconds, clock.started, _why_slow(held, printed, lines))
    return reply | {"prints": _cut(prints, printed), "known": _sent_before_the_answer(results)}


def _sent_before_the_answer(results: bytes) -> bytes | None:
    """What the child found out of solution and mistakes, before any of the reader's code ran."""
    first = bytes(results).partition(b"\n")[0]
    parcel = json.loads(first).get("known") if first.endswith(b"}") else None
    return parcel and base64.b64decode(parcel)


def _why_slow(held: int, printed: int, lines: int) -> str:
    """What an answer that was stopped was busy with, as far as it shows from outside."""
    if held > GROWN:
        return (
            f"It held {held / 2**20:,.0f} MB more than at its start by then: is there a list or a tensor "
            "that grows in a loop that does not end?"
        )
    if printed > PRINTED:
        return f"It had printed {lines:,} lines by then, which takes time: take the `print` out of the loop."
    return (
        "Is there a loop whose condition never becomes false, or work that multiplies with every further "
        "entry (such as trying all orders)?"
    )


def _kill(child: int) -> None:
    """End the child with everything that it started in its group."""
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.waitpid(child, 0)


def _cut(prints: bytes, printed: int) -> str:
    text = prints.decode(errors="replace")
    if len(text) > PRINT_LIMIT or printed > len(prints):
        return f"{text[:PRINT_LIMIT]}\n... (cut here; {printed:,} bytes were printed)"
    return text


def _reply(results: bytes, status: int | str, seconds: float, started: bool, why: str) -> dict:
    lines = [json.loads(line) for line in results.decode(errors="replace").splitlines() if line.endswith("}")]
    verdict = next((line["verdict"] for line in lines if "verdict" in line), None)
    if verdict is not None:
        return verdict
    case = next((line["running"] for line in reversed(lines) if "running" in line), None)
    where = f"for {case}" if case else "before its first case"
    if status == "too slow" or (
        os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM)
    ):
        if not started:
            message = f"your answer could not be loaded within {LOADING:g} seconds, and was not judged."
            return {"status": "crashed", "message": message}
        if lines and "right" in lines[-1]:
            return _stopped_afterwards(lines[-1], seconds)
        message = f"Your code was still running {where} after {seconds:g} seconds, and was stopped. {why}"
        return {"status": "too slow", "message": message}
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        reason = "ran out of memory or was killed" if name == "SIGKILL" else "crashed"
        message = (
            f"Python itself {reason} ({name}) {where} while it ran your code. Your notebook is not affected."
        )
    else:
        code = os.WEXITSTATUS(status)
        message = (
            f"Your code ended its whole process {where} (exit code {code}) instead of returning a result. "
            "Look for a call that exits."
        )
    return {"status": "crashed", "message": message}


def _stopped_afterwards(compared: dict, seconds: float) -> dict:
    """The reply where all cases were run, and time ended while the answer was looked at more closely."""
    right, every = compared["right"], compared["of"]
    if right == every:
        message = (
            f"Your answer is right in all {every} cases, but after {seconds:g} seconds it was still running "
            "on further inputs, and was stopped. Is it slow, or the machine busy? Then run this cell again."
        )
        return {"status": "too slow", "message": message}
    message = (
        f"Your answer is right in {right} of {every} cases. I had no time left to look for what is wrong in "
        "the others: is the machine busy? Then run this cell again."
    )
    return {"status": "wrong", "message": message}


class _PrintsByCase:
    """A stdout that writes the name of the case before the first thing printed in it."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, descriptor: int):
        self.descriptor = descriptor
        self.heading = ""

    def write(self, text: str) -> int:
        data = (self.heading + str(text)).encode(errors="replace")
        self.heading = ""
        while data:
            data = data[os.write(self.descriptor, data) :]
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self.descriptor


def _no_input(prompt: object = "") -> str:
    raise RuntimeError(
        "input() cannot be answered here: the checker calls your function with inputs of its own"
    )


def _limit(name: str, value: int) -> None:
    """A limit of the system, where it knows one of this name; one that stands is not raised again."""
    import resource

    with contextlib.suppress(OSError, ValueError, AttributeError):
        _, hard = resource.getrlimit(getattr(resource, name))
        resource.setrlimit(getattr(resource, name), (value, hard))


def _limit_memory(megabytes: int) -> None:
    """Limits on memory and on the size of files, from before the answer is loaded."""
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_FSIZE", FILE_LIMIT)
    with contextlib.suppress(OSError), open("/proc/self/statm") as status:
        _limit("RLIMIT_AS", int(status.read().split()[0]) * os.sysconf("SC_PAGE_SIZE") + megabytes * 2**20)
    # A file that grows over its limit should raise in the reader's code, not end it.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    # A last resort: should the worker be killed, a sleeping child does not stay behind.
    signal.alarm(math.ceil(LOADING) + 2)


def _limit_time(seconds: float) -> None:
    """A limit on processor time from here on; on the wall it may take longer, where the machine is busy."""
    _limit("RLIMIT_CPU", math.ceil(time.process_time() + seconds) + 1)
    signal.alarm(math.ceil(BUSY * seconds) + 2)


def _child(exercise, request: dict, kept: bytes | None, result_start: int, print_start: int) -> None:
    """Judge in this process and leave it; nothing comes back from here."""
    child = os.getpid()
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    os.dup2(print_start, 1)
    sys.stdin, sys.stderr = open(os.devnull), open(os.devnull, "w")  # noqa: SIM115 (the process ends with them)
    sys.stdout = prints = _PrintsByCase(1)
    builtins.input = _no_input
    os.environ[INSIDE] = "1"

    def report(line: dict) -> None:
        # The reader's code may have forked as well: only this process reports.
        if os.getpid() == child:
            os.write(result_start, json.dumps(line).encode() + b"\n")

    def running(case: str) -> None:
        prints.heading = f"[for {case}]\n"
        report({"running": case})

    def compared(right: int, all_cases: int) -> None:
        report({"right": right, "of": all_cases})

    try:
        known = _known(exercise, kept, report)
        report({"verdict": _judge(exercise, request, known, running, compared)})
    except Exception as error:
        message = (
            f"the checker itself stumbled over your answer ({type(error).__name__}: {str(error)[:200]}). "
            "That is a fault of the checker: compare with the solution, and tell its authors if you like."
        )
        report({"verdict": {"status": "crashed", "message": message}})
    finally:
        os._exit(0)


def _known(exercise, kept: bytes | None, report):
    """What solution and mistakes give: as an earlier child found it, or found now, and sent if dear."""
    from llmasos_edu.exercises.checker.judging import known_outcomes

    if kept is not None:
        return pickle.loads(kept)
    started = time.process_time()
    known = known_outcomes(exercise)
    if time.process_time() - started >= WORTH_KEEPING:
        with contextlib.suppress(Exception):  # what does not come back whole is found anew each time
            parcel = pickle.dumps(known)
            pickle.loads(parcel)
            report({"known": base64.b64encode(parcel).decode()})
    return known


def _judge(exercise, request: dict, known, running, compared) -> dict:
    import cloudpickle

    from llmasos_edu.exercises.checker.judging import examine

    class Unreadable(Exception):
        pass

    def load():
        _limit_memory(request["megabytes"])
        sys.path[:] = request["path"]
        try:
            return cloudpickle.loads(request["answer"])
        except BaseException as error:
            raise Unreadable(f"{type(error).__name__}: {error}") from error

    calls = itertools.count()

    def run(case: str) -> None:
        if next(calls) == 0:
            _limit_time(request["seconds"])
        running(case)

    try:
        verdict = examine(exercise, load, run, known, compared)
    except Unreadable as error:
        message = (
            f"I could not carry your answer over to the process that runs it ({str(error)[:200]}). "
            "Does it use something that only your notebook has? Define or import it in the same cell."
        )
        return {"status": "error", "message": message}
    return {
        "status": verdict.status,
        "message": verdict.message,
        "mistake": verdict.mistake,
        "place": verdict.place,
        "example": verdict.example,
    }


if __name__ == "__main__":
    main()
