"""Results on the disk: every single run of an experiment, and what computed it and when."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from llmasos_edu.book.evidence.declaring import Experiment, Statement
from llmasos_edu.book.outline import BOOK_ROOT
from llmasos_edu.foundation.files import write_atomically

FOLDER = BOOK_ROOT / "evidence"
DIGITS = 6


@dataclass
class Stored:
    """The runs of one experiment: `runs` is [(setting, seed, figures)] in the order of `Experiment.runs`."""

    runs: list
    code: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    date: str = ""
    cpu_seconds: float = 0.0


def files(folder: Path = FOLDER) -> list[Path]:
    """The declarations, one Python file a chapter, in the order of the book."""
    return sorted(folder.glob("[0-9]*.py"))


def find(section: str, folder: Path = FOLDER) -> list[Path]:
    """The files that declare a section, in the order of their names: `"4.1"` is `04_1_attention.py`.

    Raises:
        ValueError: there is none.
    """
    start = "0" + section.replace(".", "_")
    # The longest name wins: 4.2.3 has files of its own, 4.2.1 is in that of 4.2.
    while "_" in start or start.isdigit():
        found = [
            path
            for path in files(folder)
            if path.stem.startswith(start + "_") and not path.stem[len(start) + 1].isdigit()
        ]
        if found:
            return found
        start = start.rpartition("_")[0] if "_" in start else ""
    known = ", ".join(section_of(path) for path in files(folder))
    raise ValueError(f"no evidence is declared for section {section!r}, only for {known or 'nothing'}")


def section_of(path: Path) -> str:
    """`04_2_3_positional_encoding.py` declares 4.2.3."""
    numbers = [part for part in path.stem.split("_") if part.isdigit()]
    return ".".join(str(int(number)) for number in numbers)


def load(path: Path):
    """The module of a declaration; loaded once for each file."""
    name = f"evidence_{path.stem}"
    if (known := sys.modules.get(name)) is not None and known.__file__ == str(path):
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def experiments(path: Path) -> dict[str, Experiment]:
    """The experiments that a file declares, by their keys.

    Raises:
        ValueError: two have one key.
    """
    return _by_key(path, Experiment)


def statements(path: Path) -> dict[str, Statement]:
    """The statements that a file declares, by their keys, in the order in which they stand.

    Raises:
        ValueError: two have one key.
    """
    return _by_key(path, Statement)


def _by_key(path, kind):
    found = [value for value in vars(load(path)).values() if isinstance(value, kind)]
    keys = [each.key for each in found]
    if twice := {key for key in keys if keys.count(key) > 1}:
        raise ValueError(f"{path.name} declares {', '.join(sorted(twice))} twice")
    return dict(zip(keys, found, strict=True))


def results_path(path: Path) -> Path:
    return path.parent / "results" / f"{path.stem}.json"


def read_results(path: Path) -> dict[str, Stored]:
    """What is stored for a declaration, by experiment; nothing where none was ever run.

    Raises:
        ValueError: the file is damaged.
    """
    place = results_path(path)
    if not place.is_file():
        return {}
    try:
        raw = json.loads(place.read_text(encoding="utf-8"))
        return {
            key: Stored(
                **{**each, "runs": [(run["setting"], run["seed"], run["figures"]) for run in each["runs"]]}
            )
            for key, each in raw.items()
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{place} holds no results that can be read ({error}): compute them again"
        ) from error


def write_results(path: Path, results: dict[str, Stored]) -> None:
    """Store results, one line a run, so that a change of one shows as a change of one."""
    parts = []
    for key, each in sorted(results.items()):
        head = {name: getattr(each, name) for name in ("code", "versions", "date", "cpu_seconds")}
        lines = [
            "    " + json.dumps({"setting": setting, "seed": seed, "figures": figures}, ensure_ascii=False)
            for setting, seed, figures in each.runs
        ]
        fields = [f"   {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
        body = ",\n".join([*fields, '   "runs": [\n' + ",\n".join(lines) + "\n   ]"])
        parts.append(f"  {json.dumps(key)}: {{\n{body}\n  }}")
    write_atomically(results_path(path), ("{\n" + ",\n".join(parts) + "\n}\n").encode())


def rounded(figures) -> dict[str, float]:
    """Figures as they are stored, six significant digits.

    Raises:
        ValueError: one is no finite number.
    """
    plain = {name: float(f"{float(value):.{DIGITS}g}") for name, value in figures.items()}
    if bad := {name: value for name, value in plain.items() if value - value != 0}:
        raise ValueError(f"an experiment gave figures that are no finite numbers: {bad}")
    return plain
