"""Evidence: what every verdict of the book rests on.

`evidence/<chapter>.py` declares experiments (what is varied, how many seeds) and statements (who says it,
what it is held against, what would count). `make evidence` computes the runs into `evidence/results/`, and
the verdicts are read from there: by the chapters, by the page of all claims and by the tests.
"""

from functools import cache
from pathlib import Path

from llmasos_edu.book.evidence.deciding import Decision, Interval, bootstrap, decide
from llmasos_edu.book.evidence.declaring import Condition, Experiment, Source, Statement
from llmasos_edu.book.evidence.results import find, read_results, statements

__all__ = [
    "Condition",
    "Decision",
    "Experiment",
    "Interval",
    "Source",
    "Statement",
    "bootstrap",
    "decide",
    "decision",
    "decisions",
    "runs_of",
]


def decisions(path: Path) -> dict[str, Decision]:
    """The verdicts on all statements of a declaration, by their keys, from its stored runs.

    Raises:
        ValueError: runs are missing, or a threshold is no threshold.
    """
    results = read_results(path)
    found = {}
    for key, statement in statements(path).items():
        stored = results.get(statement.experiment.key)
        found[key] = decide(statement, stored.runs if stored else [])
    return found


@cache
def decision(key: str) -> Decision:
    """The stored verdict on one statement, such as `"4.1.3-more-heads"`.

    Raises:
        ValueError: no such statement is declared, or its runs are missing.
    """
    path = _declaring(key)
    statement = statements(path)[key]
    stored = read_results(path).get(statement.experiment.key)
    return decide(statement, stored.runs if stored else [])


def runs_of(key: str, **changed) -> list[dict[str, float]]:
    """The figures behind a verdict, one dict a seed: in the chapter's setting, or with some of it changed.

    Args:
        key: of the statement, such as `"4.1.3-more-heads"`.
        changed: what the setting has other than the chapter's own, such as `positions="learned"`.

    Raises:
        ValueError: no such statement is declared, its runs are missing, or none has that setting.
    """
    found = decision(key)
    wanted = found.rows[0][0] | changed
    if wanted not in [setting for setting, *_ in found.rows]:
        raise ValueError(f"{key} was never tried with {changed}, only with its declared settings")
    stored = read_results(_declaring(key))[found.statement.experiment.key]
    return [figures for setting, _, figures in stored.runs if setting == wanted]


def _declaring(key: str) -> Path:
    """The file that declares a statement."""
    paths = find(key.partition("-")[0])
    for path in paths:
        if key in statements(path):
            return path
    known = ", ".join(each for path in paths for each in statements(path))
    names = " or ".join(path.name for path in paths)
    raise ValueError(f"{names} declares no statement {key!r}, only {known}")
