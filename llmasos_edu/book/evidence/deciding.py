"""From the figures of many runs to one of four verdicts, by a rule that can be read."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import stdtrit

from llmasos_edu.book.evidence.declaring import Statement
from llmasos_edu.plots.setting_words import setting_names

LEVEL = 0.95
ENUMERATED = 6  # up to so many values every resample is counted; beyond, they are drawn
DRAWS = 20_000

FOR, AGAINST, OPEN = "for", "against", "open"


@dataclass(frozen=True)
class Interval:
    """A mean over seeds, and where it could as well lie."""

    mean: float
    low: float
    high: float

    def side(self, threshold: float) -> str:
        """`"for"` where all of it lies above the threshold, `"against"` where none does, else `"open"`."""
        return FOR if self.low > threshold else OPEN if self.high > threshold else AGAINST

    def __str__(self):
        mean, low, high = (value if abs(value) >= 1e-5 else 0 for value in (self.mean, self.low, self.high))
        return f"{mean:.3g} [{low:.3g}, {high:.3g}]"


@functools.cache
def _resamples(count: int) -> np.ndarray:
    """Which of `count` values each resample takes, `[resamples, count]`."""
    if count <= ENUMERATED:
        return np.ascontiguousarray(np.indices((count,) * count).reshape(count, -1).T)
    return np.random.default_rng(0).integers(count, size=(DRAWS, count))


def bootstrap(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The mean of some values and its bootstrap interval, wide enough for few of them.

    The values are drawn again with replacement, as many as there are, and the mean is taken; the interval is
    what is left of those means when both tails are cut off. With five values the plain percentile interval is
    a third too narrow. So the tails are cut where a t interval would end: at the probabilities
    Phi(+-t(n - 1) sqrt(n / (n - 1))), the expanded percentile interval. Up to six values all n^n resamples
    are counted, so that nothing is left to chance; of more, 20,000 are drawn with a fixed seed.

    Args:
        values: one a seed, at least two.
        level: the share of such intervals that shall hold the true mean.

    Raises:
        ValueError: fewer than two values, or one that is no finite number.

    Source: Hesterberg, *What Teachers Should Know about the Bootstrap*, 2014, arXiv:1411.5279.
    """
    values = np.asarray(values, dtype=float)
    count = len(values)
    if count < 2 or not np.isfinite(values).all():
        raise ValueError(f"an interval needs two or more finite values, not {values.tolist()}")
    means = values[_resamples(count)].mean(1)
    t = stdtrit(count - 1, (1 + level) / 2)
    tail = NormalDist().cdf(-t * math.sqrt(count / (count - 1)))
    low, high = np.quantile(means, [tail, 1 - tail], method="inverted_cdf")
    return Interval(float(values.mean()), float(low), float(high))


@dataclass(frozen=True)
class Decision:
    """A verdict, and all that it rests on.

    `kind` is `"holds"`, `"holds when"`, `"does not hold"` or `"not shown"`; `condition` the words after
    *when*; `rows` one (setting, interval, side) a setting; `effects` those of the chapter's own setting, one
    a seed.
    """

    statement: Statement
    kind: str
    condition: str
    rows: tuple
    effects: tuple[float, ...]
    runs: int

    @property
    def verdict(self) -> str:
        return f"{self.kind} {self.condition}" if self.condition else self.kind

    @property
    def title(self) -> str:
        """The claim with its verdict and its condition, for the top of a picture, which has no links."""
        source = self.statement.source
        words = source.words
        if source.cites:  # only then is the bibliography read
            from llmasos_edu.book.citations import named

            words = named(source.marked)
        return f"{words[0].upper()}{words[1:]}: {self.verdict}"

    @property
    def alt_text(self) -> str:
        """What a picture of the sweep shows, in sentences."""
        # Runs of evidence judge too, and draw nothing.
        from llmasos_edu.plots.evidence import sweep_in_words

        of = self.statement
        return f"{self.title}. {sweep_in_words(self.rows, above=of.above, unit=of.unit)}"

    def flips(self) -> list[dict]:
        """The settings in which the claim is not borne out."""
        return [setting for setting, _, side in self.rows if side != FOR]

    def refuted(self) -> list[dict]:
        """Those of them that are against it, all of the interval; in the others it could be either."""
        return [setting for setting, _, side in self.rows if side == AGAINST]

    def flips_in_words(self) -> str:
        """Where the claim is not borne out, with what was found there: `2 layers (0.1 [0, 0.3])`."""
        names = ["the chapter's own setting", *setting_names([setting for setting, *_ in self.rows])[1:]]
        turned = [
            f"{name} ({found}{', could be either' if side == OPEN else ''})"
            for name, (_, found, side) in zip(names, self.rows, strict=True)
            if side != FOR
        ]
        return "; ".join(turned)

    def live(self) -> Interval:
        """The interval of the setting that the chapter runs."""
        return self.rows[0][1]

    def near(self, effect: float) -> bool:
        """Whether an effect lies where the chapter's setting put its seeds, or up to their spread beyond."""
        low, high = min(self.effects), max(self.effects)
        room = high - low
        return low - room <= effect <= high + room

    def in_words(self) -> str:
        """The sweep in a line: how much was run, against what, what came in how many settings."""
        experiment = self.statement.experiment
        borne = sum(side == FOR for *_, side in self.rows)
        return (
            f"{len(self.rows)} settings x {experiment.seeds} seeds, against {self.statement.control}: "
            f"{self.live()} {self.statement.unit} in the chapter's setting, "
            f"above {self.statement.above:g} in {borne} of {len(self.rows)}"
        )


def decide(statement: Statement, runs) -> Decision:
    """Judge a statement by the stored runs of its experiment.

    In each setting the effect's interval over seeds lies above the threshold (for), below it (against) or
    across it (open). *Holds*: for, in all settings. *Does not hold*: against, in all. *Holds when*: for
    wherever the condition is true, and in no setting where it is not. *Not shown*: anything else.

    Args:
        statement: what is claimed.
        runs: `[(setting, seed, figures)]`.

    Raises:
        ValueError: runs are missing; the threshold lies below what knowing nothing would give.
    """
    effects, floor = {}, -math.inf
    for setting, _, figures in runs:
        effects.setdefault(repr(sorted(setting.items())), []).append(statement.effect(figures))
        floor = max(floor, statement.baseline(figures))
    if statement.above < floor:
        raise ValueError(
            f"{statement.key}: the threshold {statement.above:g} lies below what knowing nothing gives, "
            f"{floor:g}"
        )
    rows = []
    settings = statement.settings()
    for setting in settings:
        values = effects.get(repr(sorted(setting.items())), [])
        if len(values) < statement.experiment.seeds:
            raise ValueError(
                f"{statement.key}: {len(values)} of {statement.experiment.seeds} runs with {setting}"
            )
        found = bootstrap(values)
        rows.append((setting, found, found.side(statement.above)))
    kind, condition = kind_and_condition(statement, rows)
    own = tuple(effects[repr(sorted(settings[0].items()))])
    counted = sum(statement.within(setting) for setting, *_ in runs)
    return Decision(statement, kind, condition, tuple(rows), own, counted)


def kind_and_condition(statement, rows) -> tuple[str, str]:
    """The kind of a verdict, and the words of its condition ("" where it has none).

    Args:
        statement: whose conditions are tried, in order.
        rows: `[(setting, interval, side)]`, a side for each setting.
    """
    sides = {side for _, _, side in rows}
    if sides == {FOR}:
        return "holds", ""
    if sides == {AGAINST}:
        return "does not hold", ""
    for condition in statement.conditions:
        if all((side == FOR) == bool(condition.of(setting)) for setting, _, side in rows):
            return "holds when", condition.words
    return "not shown", ""
