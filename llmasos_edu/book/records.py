"""What chapter 1 tells of others, each row with its source: landmark models, ideas, other systems."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
LANES = ("model", "machine", "serving", "agent")
GPU = ("no", "recommended", "yes")
# Forward a product of two numbers and a sum for each parameter, and twice that on the way back.
FLOPS_PER_PARAMETER = 6


@dataclass(frozen=True, kw_only=True)
class Landmark:
    """A model that made history: its numbers, each with the place where it is printed.

    Fields:
        work: the paper's key in the bibliography.
        parameters, active: all, and those that one token meets.
        tokens: read in training; None where no paper says so.
        flops: of the training as a paper states them, else None.
        sources: {name of a number: (key of the work, place in it)}.
    """

    name: str
    work: str
    year: int
    parameters: float
    active: float
    tokens: float | None
    flops: float | None
    sources: dict[str, tuple[str, str]]

    @property
    def rule_of_thumb(self) -> float | None:
        """FLOPs of the training by `6 x active parameters x tokens`, where the tokens are known.

        Source: Kaplan et al. 2020, section 2.1.
        """
        return None if self.tokens is None else FLOPS_PER_PARAMETER * self.active * self.tokens

    @property
    def training_flops(self) -> float | None:
        """What the paper states, else the rule of thumb, else None."""
        return self.rule_of_thumb if self.flops is None else self.flops


@dataclass(frozen=True, kw_only=True)
class Idea:
    """A row of the timeline: an idea, the paper that the book cites for it, and what to look for in it."""

    year: int
    lane: str
    words: str
    look: str
    work: str


@dataclass(frozen=True, kw_only=True)
class System:
    """What the documentation of a system asks of somebody who installs it."""

    name: str
    what: str
    version: str
    url: str
    commands: tuple[str, ...]
    asks: str
    gpu: str


def landmarks(path: Path | None = None) -> list[Landmark]:
    """The landmark models, by year.

    Raises:
        ValueError: a number without a place where it is printed, or a place without a number.
    """
    return [_landmark(row) for row in _rows(path or FOLDER / "landmarks.toml", "model")]


def timeline(path: Path | None = None) -> list[Idea]:
    """The history of the ideas, by year.

    Raises:
        ValueError: a lane that is not known, or years out of order.
    """
    ideas = [Idea(**row) for row in _rows(path or FOLDER / "timeline.toml", "idea")]
    for idea in ideas:
        if idea.lane not in LANES:
            raise ValueError(f"{idea.words} is in lane {idea.lane!r}, expected one of {', '.join(LANES)}")
    return ideas


def systems(path: Path | None = None) -> list[System]:
    """Five systems and what their own pages say about installing them.

    Raises:
        ValueError: no command, or an unknown word about the GPU.
    """
    found = [
        System(**row | {"commands": tuple(row["commands"])})
        for row in _rows(path or FOLDER / "systems.toml", "system", sort=False)
    ]
    for system in found:
        if not system.commands or system.gpu not in GPU:
            raise ValueError(f"{system.name} has {len(system.commands)} commands and gpu={system.gpu!r}")
    return found


def _rows(path: Path, kind: str, *, sort: bool = True) -> list[dict]:
    with path.open("rb") as file:
        rows = tomllib.load(file)[kind]
    years = [row["year"] for row in rows] if sort else []
    if years != sorted(years):
        raise ValueError(f"{path.name}: the years are not in order")
    return rows


def _landmark(row: dict) -> Landmark:
    numbers, sources = {}, {}
    for name in ("parameters", "active", "tokens", "flops"):
        if (name in row) != (f"{name}_in" in row):
            raise ValueError(f"{row['name']}: {name} and {name}_in must both be there, or neither")
        numbers[name] = row.get(name)
        if name in row:
            sources[name] = (row.get(f"{name}_work", row["work"]), row[f"{name}_in"])
    numbers["active"] = numbers["active"] or numbers["parameters"]
    return Landmark(name=row["name"], work=row["work"], year=row["year"], **numbers, sources=sources)
