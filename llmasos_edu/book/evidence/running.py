"""`make evidence`: run what is declared, two processes side by side, and go on where it was stopped."""

from __future__ import annotations

import datetime
import hashlib
import json
import multiprocessing
import os
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from llmasos_edu.book.evidence.code import code_digests, named_by_function
from llmasos_edu.book.evidence.results import (
    Stored,
    experiments,
    load,
    read_results,
    rounded,
    section_of,
    write_results,
)


class RunFailed(RuntimeError):
    """One run of an experiment raised; those that had ended are kept."""


def compute(path: Path, *, workers: int = 2, only: str | None = None, again: bool = False, say=None) -> int:
    """Compute the runs of a declaration that are not stored yet for the code as it is.

    A run belongs to the function that made it and to all that this reaches: where a statement's words,
    another experiment or the number of seeds is changed, stored runs stay, and only what is missing is made.

    Args:
        path: the declaring file.
        workers: processes, one thread each; 1 runs in this process.
        only: the key of one experiment; all unless given.
        again: also those that are stored.
        say: called with a line for the reader now and then; prints on standard error unless given.

    Returns:
        How many runs were computed.

    Raises:
        ValueError: no experiment of that key.
        RunFailed: a run raised; its setting and seed are named. Ended runs are kept.
    """
    say = say or (lambda line: print(line, file=sys.stderr, flush=True))
    declared = experiments(path)
    if only is not None and only not in declared:
        raise ValueError(f"{path.name} declares no experiment {only!r}, only {', '.join(declared)}")
    _name_by_function(path, declared)
    computed = 0
    for key, experiment in declared.items():
        if only is not None and key != only:
            continue
        code = code_digests(path, experiment.run.__name__)
        journal = Journal(path, key, code)
        stored = read_results(path).get(key)
        if not again and stored is not None and stored.code == code:
            if _whole(stored, experiment):
                say(f"{section_of(path)} {key}: stored, {len(stored.runs)} runs")
                continue
            journal.take_over(stored)
        todo = [(s, n) for s, n in experiment.runs() if journal.name(s, n) not in journal.done]
        _run_all(path, key, todo, journal, workers, say)
        computed += len(todo)
        done = [(s, n, journal.done[journal.name(s, n)]) for s, n in experiment.runs()]
        # Read anew: another terminal may have computed another experiment meanwhile.
        results = {name: each for name, each in read_results(path).items() if name in declared}
        results[key] = Stored(
            [(setting, seed, line["figures"]) for setting, seed, line in done],
            code,
            versions(),
            datetime.date.today().isoformat(),
            round(sum(line["cpu"] for *_, line in done), 1),
        )
        write_results(path, results)
        journal.remove()
    return computed


def _whole(stored, experiment) -> bool:
    return [(s, n) for s, n, _ in stored.runs] == [(_plain(s), n) for s, n in experiment.runs()]


def _name_by_function(path, declared):
    """Say of every stored result that the file as it is has computed which function of the file it was."""
    results, changed = read_results(path), False
    for key, stored in results.items():
        if key in declared:
            code = named_by_function(stored.code, path, declared[key].run.__name__)
            stored.code, changed = code, changed or code != stored.code
    if changed:
        write_results(path, results)


def _plain(setting):
    """A setting as it comes back from JSON: tuples are lists."""
    return json.loads(json.dumps(setting))


def _run_all(path, key, todo, journal, workers, say):
    started, last = time.monotonic(), 0.0
    for number, (setting, seed, result) in enumerate(_ended(path, key, todo, workers), 1):
        try:
            journal.add(setting, seed, *result())
        except Exception as error:
            raise RunFailed(f"{key} with {setting}, seed {seed}: {error}") from error
        passed = time.monotonic() - started
        if passed - last > 10 or number == len(todo):
            last = passed
            left = passed / number * (len(todo) - number)
            say(f"{section_of(path)} {key}: {number} of {len(todo)} runs, about {left:.0f} s left")


def _ended(path, key, todo, workers):
    """(setting, seed, function that gives the result) for each run as it ends."""
    if workers == 1:
        for setting, seed in todo:
            yield setting, seed, partial(_one, path, key, setting, seed)
        return
    # Spawned, not forked: a forked torch with threads can hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread)
    try:
        waiting = {pool.submit(_one, path, key, setting, seed): (setting, seed) for setting, seed in todo}
        for future in as_completed(waiting):
            yield *waiting[future], future.result
    finally:
        pool.shutdown(cancel_futures=True)


def _one_thread():
    os.environ["LLMASOS_PROGRESS"] = "0"
    import torch

    torch.set_num_threads(1)


def _one(path, key, setting, seed):
    """One run, in a process of its own: its figures and its CPU seconds."""
    run = experiments(path)[key].run
    started = time.process_time()
    figures = rounded(run(seed, **setting))
    return figures, round(time.process_time() - started, 2)


def run_again(path: Path, key: str, setting, seed: int) -> dict[str, float]:
    """One run, here and now: what a test compares with what is stored."""
    load(path)
    return _one(path, key, setting, seed)[0]


def versions() -> dict[str, str]:
    import torch

    return {"python": platform.python_version(), "torch": torch.__version__, "processor": platform.machine()}


class Journal:
    """What has been computed so far of an experiment that is not whole: one line a run, only ever added to.

    Lines that other code has computed, and one that was cut by a kill, are passed over.
    """

    def __init__(self, path: Path, key: str, code: dict[str, str]):
        self.file = path.parent / "results" / f".{path.stem}.{key}.part"
        self.code = hashlib.sha256(json.dumps(code).encode()).hexdigest()[:12]
        self.done = {}
        if self.file.is_file():
            for line in self.file.read_text(encoding="utf-8").splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if entry["code"] == self.code:
                    self.done[self.name(entry["setting"], entry["seed"])] = entry

    @staticmethod
    def name(setting, seed) -> str:
        return json.dumps([setting, seed], sort_keys=True)

    def add(self, setting, seed, figures, cpu):
        entry = {"setting": setting, "seed": seed, "figures": figures, "cpu": cpu, "code": self.code}
        self.done[self.name(setting, seed)] = entry
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            # A line that a kill has cut stays a line of its own.
            file.write("\n" * (file.tell() > 0) + json.dumps(entry))
            file.flush()
            os.fsync(file.fileno())

    def take_over(self, stored: Stored) -> None:
        """Stored runs of the same code count as done; of their CPU time only the mean is known."""
        each = stored.cpu_seconds / max(1, len(stored.runs))
        for setting, seed, figures in stored.runs:
            entry = {"setting": setting, "seed": seed, "figures": figures, "cpu": each}
            self.done.setdefault(self.name(setting, seed), entry)

    def remove(self):
        self.file.unlink(missing_ok=True)
