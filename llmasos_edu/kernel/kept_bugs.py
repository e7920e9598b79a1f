"""Bugs on purpose: copies of the kernel with one line changed, and the invariant that notices (chapter 2.3).

The list is `kept_bugs.toml`. Copies are made from the kernel's own source, so they are as true as it is.
"""

import importlib
import sys
import tomllib
import types
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
PACKAGE = __package__
COPY = "broken_kernel"
MODULES = (
    *("memory", "process", "clock", "trace", "scheduler", "speculation", "admission", "drivers"),
    *("syscalls", "batch", "kernel"),
)
INVARIANTS = {
    1: "a block's references are the tables that hold it; it is free if and only if there are none",
    2: "a block has one owner when it is written",
    3: "every text is the one that the model writes alone",
    4: "everyone admitted ends; nobody is evicted for one ranked below; no slot is idle without need",
    5: "no block is read across salts; a call needs its right; no effect happens twice",
    6: "the same seed gives the same trace, byte for byte",
}


@dataclass(frozen=True)
class KeptBug:
    """One line that was changed.

    Fields:
        name: what goes wrong, in words.
        module: the file of the kernel.
        old, new: the text that stands there, and what takes its place.
        caught_by: number of the invariant that notices first; 0 for a change that nobody can see.
        why: for such a change the proof.
    """

    name: str
    module: str
    old: str
    new: str
    caught_by: int
    why: str = ""

    @property
    def line(self) -> int:
        """Where the change begins in its file, counted from 1."""
        before, _, _ = source_of(self.module).partition(self.old)
        return before.count("\n") + 1 + self.old.startswith("\n")


def kept_bugs() -> list[KeptBug]:
    """All of them, in the order of the file."""
    bugs = tomllib.loads((FOLDER / "kept_bugs.toml").read_text(encoding="utf-8"))["bug"]
    return [KeptBug(**bug) for bug in bugs]


def source_of(module: str) -> str:
    """The text of one of the kernel's files."""
    return (FOLDER / f"{module}.py").read_text(encoding="utf-8")


def broken_kernel(name: str) -> types.SimpleNamespace:
    """The kernel with the kept bug of this name: its modules, as in `broken.kernel.Kernel`.

    Raises:
        ValueError: there is no such bug.
    """
    for bug in kept_bugs():
        if bug.name == name:
            return types.SimpleNamespace(**copied((bug.module, bug.old, bug.new)))
    raise ValueError(f"no bug is called {name!r}: kept_bugs() lists them")


def copied(change: tuple[str, str, str] | None = None) -> dict[str, types.ModuleType]:
    """The kernel's own modules by name; with `change` (module, old, new) fresh copies, one line changed.

    Raises:
        LookupError: the old text does not stand in its module just once.
    """
    if change is None:
        return {name: importlib.import_module(f"{PACKAGE}.{name}") for name in MODULES}
    package = types.ModuleType(COPY)
    package.__path__ = []
    sys.modules[COPY] = package
    modules = {}
    for name in MODULES:
        source = source_of(name)
        if name == change[0]:
            if (count := source.count(change[1])) != 1:
                raise LookupError(f"{change[1]!r} stands {count} times in {name}.py, not once")
            source = source.replace(change[1], change[2])
        module = types.ModuleType(f"{COPY}.{name}")
        sys.modules[module.__name__] = module
        exec(compile(source.replace(f"{PACKAGE}.", f"{COPY}."), f"{name}.py", "exec"), vars(module))
        modules[name] = module
    return modules
