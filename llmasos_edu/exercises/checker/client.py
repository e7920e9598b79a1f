"""The kernel's side of checking: send the answer to the worker, wait, turn what comes back into a verdict."""

import atexit
import contextlib
import linecache
import os
import select
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from llmasos_edu.exercises.checker.blanks import blank, is_empty
from llmasos_edu.exercises.checker.clock import BUSY, LOADING
from llmasos_edu.exercises.checker.exercise import Exercise, Verdict
from llmasos_edu.exercises.checker.worker import INSIDE, read_frame, write_frame

# Importing torch on a slow disk, the first time after the machine started, can take this long.
PATIENCE_AT_START = 120.0


class WorkerLost(Exception):
    """The worker ended or fell silent."""


class Worker:
    """A running worker process, which lives until its stdin ends: at the latest when this kernel does."""

    def __init__(self):
        self.owner = os.getpid()
        package_root = str(Path(__file__).parents[3])
        path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
        # One thread: the answers are small, and a process with a thread pool must not fork.
        # Few arenas: each thread of an answer would otherwise reserve much of the memory that it may take.
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        try:
            self.process = subprocess.Popen(
                # -P: a file called torch.py or random.py beside the notebook must not be imported instead.
                [sys.executable, "-P", "-m", f"{__package__}.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                env=environment,
                start_new_session=True,  # interrupting the kernel's group must not reach it
            )
        except OSError:
            self.log.close()
            raise

    def alive(self) -> bool:
        """Whether it runs and is this process's own, not that of a process we were forked from."""
        return self.owner == os.getpid() and self.process.poll() is None

    def ask(self, request: dict, patience: float) -> dict:
        try:
            write_frame(self.process.stdin, request)
        except OSError as error:
            raise WorkerLost from error
        return self.receive(patience)

    def receive(self, patience: float) -> object:
        output = self.process.stdout.fileno()
        if not select.select([output], [], [], patience)[0]:
            raise WorkerLost
        reply = read_frame(output)
        if reply is None:
            raise WorkerLost
        return reply

    def last_words(self) -> str:
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def close(self) -> None:
        """Let it end (it then ends the answer it runs), and make sure."""
        if self.owner != os.getpid():
            return
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


_worker: Worker | None = None
_busy = threading.Lock()
_busy_owner = os.getpid()


@atexit.register
def stop_worker() -> None:
    """End the worker; the next check starts another."""
    global _worker
    if _worker is not None:
        _worker.close()
        _worker = None


def judge_apart(
    exercise: Exercise, answer: object, *, seed: int | None = None, seconds: float, megabytes: int
) -> Verdict:
    """Judge an answer in a process of its own.

    Args:
        exercise: what was asked.
        answer: the reader's function.
        seed: what further cases are drawn from, where the exercise draws any.
        seconds: wall-clock time that the answer may take on all cases together.
        megabytes: memory that it may take.

    Returns:
        the verdict. Whatever the answer does, nothing is raised and the kernel lives on.
    """
    global _busy, _busy_owner
    if is_empty(answer):
        return blank(exercise.key)
    if seed is not None and exercise.draw is None:
        return Verdict("stopped", "this exercise has fixed inputs and draws none from a seed: leave it out.")
    if os.environ.get(INSIDE):
        return Verdict("stopped", "an answer cannot be checked from inside an answer that is being checked.")
    if not hasattr(os, "fork"):
        message = (
            "answers are run in a forked process, and Windows has none. Open the book in WSL, on Linux "
            "or on a Mac to have them checked; hints and solutions work here too."
        )
        return Verdict("stopped", message)
    if _busy_owner != os.getpid():
        # This process was forked, and a lock that was held at that moment is held for ever here.
        _busy, _busy_owner = threading.Lock(), os.getpid()
    if not _busy.acquire(blocking=False):
        return Verdict(
            "stopped", "another check is still running. Wait for its verdict, then run this cell again."
        )
    try:
        return _ask_the_worker(exercise, answer, seed, seconds, megabytes)
    except KeyboardInterrupt:
        stop_worker()
        return Verdict(
            "stopped", "you interrupted the check, so there is no verdict. Run the cell again for one."
        )
    finally:
        _busy.release()


def _ask_the_worker(
    exercise: Exercise, answer: object, seed: int | None, seconds: float, megabytes: int
) -> Verdict:
    global _worker
    from llmasos_edu.exercises.checker.parcel import TooLarge, pack

    try:
        parcel = pack(answer)
    except TooLarge as largest:
        message = (
            f"your answer uses {largest}, which is too much to hand over to the process that runs it. Does "
            "it need that? Take it as an argument, or keep a small part of it under a name of its own."
        )
        return Verdict("error", message)
    except Exception as error:
        text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        message = (
            f"I could not send your answer to the process that runs it ({text}). Does it use something "
            "from another cell that cannot be copied, such as an open file or a lock? Make that inside it."
        )
        return Verdict("error", message)
    request = {"key": exercise.key, "answer": parcel, "seconds": seconds, "megabytes": megabytes}
    request["seed"] = seed
    request["path"] = [entry or os.getcwd() for entry in sys.path]
    try:
        if _worker is None or not _worker.alive():
            stop_worker()
            _worker = Worker()
            _worker.receive(PATIENCE_AT_START)
        reply = _worker.ask(request, patience=LOADING + BUSY * seconds + 20)
    except WorkerLost:
        return _lost()
    except OSError as error:
        return Verdict(
            "crashed",
            f"the checker's own process could not be started ({error}). Your answer was not judged.",
        )
    return _verdict(reply)


def _lost() -> Verdict:
    words = _worker.last_words() if _worker is not None and _worker.owner == os.getpid() else ""
    stop_worker()
    reason = f" Its last words: {words}" if words else ""
    message = f"the checker's own process ended before a verdict. Run the cell again: it starts anew.{reason}"
    return Verdict("crashed", message)


def _verdict(reply: dict) -> Verdict:
    place = tuple(reply["place"]) if reply.get("place") else None
    message = reply["message"]
    if place is not None:
        source = linecache.getline(*place).strip()
        message += f" It happened in your line {place[1]}" + (f": {source}" if source else ".")
    said = reply.get("prints", ""), reply.get("example", "")
    return Verdict(reply["status"], message, reply.get("mistake"), place, *said)
