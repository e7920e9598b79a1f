"""The learner's desk: what was done, with how many hints, what was predicted, in one readable file.

The file is written whole under a lock, so that two notebooks may work at once. Nothing here ever stops a
notebook: where the file cannot be read or written, the desk is empty and keeps nothing.
"""

import contextlib
import json
import math
import numbers
import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from llmasos_edu.exercises.checker.worker import INSIDE
from llmasos_edu.foundation.files import write_atomically

# Verdicts that tell of a try; the others say that nothing was judged.
TRIES = ("correct", "known mistake", "wrong", "error", "too slow")
WITHIN = 2.0  # a predicted number counts as near within this factor
WAIT = 2.0  # seconds that one notebook waits for another


def desk_file() -> Path:
    """Where the desk lies: LLMASOS_EDU_DATA if it is set, else the place for users' data of the system."""
    folder = os.environ.get("LLMASOS_EDU_DATA")
    if folder:
        return Path(folder) / "desk.json"
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    elif os.name == "nt":
        base = Path(os.environ.get("APPDATA") or Path.home())
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "llmasos_edu" / "desk.json"


def read() -> dict:
    """What lies on the desk: {"exercises": {key: ...}, "predictions": {key: ...}}; empty where nothing does.

    A file that cannot be understood is put aside as desk.json.damaged.
    """
    empty = {"exercises": {}, "predictions": {}}
    file = desk_file()
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {part: {key: dict(item) for key, item in content.get(part, {}).items()} for part in empty}
    except OSError:
        return empty
    except (ValueError, TypeError, AttributeError):
        with contextlib.suppress(OSError):
            os.replace(file, file.with_suffix(".json.damaged"))
        return empty


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Alone with the file among all notebooks; a lock that was left behind is passed over after a while."""
    lock, end = file.with_suffix(".lock"), time.monotonic() + WAIT
    file.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            if time.monotonic() > end:
                break
            time.sleep(0.01)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _change(change: Callable[[dict], None]) -> None:
    if os.environ.get(INSIDE):  # an answer that is being checked leaves nothing
        return
    with contextlib.suppress(OSError, RuntimeError):
        file = desk_file()
        with _locked(file):
            content = read()
            change(content)
            write_atomically(file, json.dumps(content, indent=1, sort_keys=True).encode())


def keep_verdict(key: str, status: str) -> None:
    """Count a try, and keep the day on which an exercise was done first."""

    def change(content: dict) -> None:
        item = content["exercises"].setdefault(key, {})
        item["tries"] = int(item.get("tries", 0)) + 1
        if status == "correct":
            item.setdefault("done", date.today().isoformat())

    if status in TRIES:
        _change(change)


def keep_hints(key: str, count: int) -> None:
    """Keep how many hints of an exercise have been seen; more than before, never fewer."""

    def change(content: dict) -> None:
        item = content["exercises"].setdefault(key, {})
        item["hints"] = max(count, int(item.get("hints", 0)))

    _change(change)


def keep_prediction(key: str, guess: object, measured: object = None) -> None:
    """Keep a guess, and what was measured once it is known."""
    item = {"guess": _storable(guess)} | ({} if measured is None else {"measured": _storable(measured)})
    _change(lambda content: content["predictions"].update({key: item}))


def _storable(value: object) -> object:
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    return str(value)[:80]


def clear(key: str | None = None) -> bool:
    """Take one exercise or prediction from the desk, or (None) erase the file; whether anything was there."""
    if key is None:
        with contextlib.suppress(OSError):
            desk_file().unlink()
            return True
        return False
    there = any(key in part for part in read().values())
    if there:
        _change(lambda content: [part.pop(key, None) for part in content.values()])
    return there


def is_near(guess: object, measured: object) -> bool | None:
    """Whether a guess came within a factor of two of a number, or was the right choice; None if neither."""
    if isinstance(measured, (bool, str)):
        return None if type(guess) is not type(measured) else guess == measured
    if not isinstance(measured, numbers.Real) or isinstance(guess, bool):
        return None
    if not isinstance(guess, numbers.Real):
        return None
    if guess == 0 or measured == 0:
        return guess == measured
    return 1 / WITHIN <= guess / measured <= WITHIN
