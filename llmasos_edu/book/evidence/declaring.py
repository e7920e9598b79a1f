"""What a claim rests on: its source, what is varied, what it is held against, and what would count."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from llmasos_edu.book.article import clause

LEAST_SEEDS = 5
LEAST_SETTINGS = 3

Figures = Mapping[str, float]
Setting = Mapping[str, object]


@dataclass(frozen=True)
class Source:
    """Who says it: the article, another work, or we, and nobody else.

    Args:
        section: the section of this book in which it is tested, such as `"4.1.3"`.
        words: the claim as one English sentence.
        article: the clause in which the article says it, in Chinese, as it stands there; one of those in
            `llmasos_edu/book/article.toml`.
        cites: the work that says it, by its key in the bibliography, and where in it if that is known:
            `"hinton2015, section 3"`.
        ours: True where the book makes the claim, and nobody else is judged by the verdict.

    Raises:
        ValueError: nobody says it, or two do; the article is not known to say that.
    """

    section: str
    words: str
    article: str = ""
    cites: str = ""
    ours: bool = False

    def __post_init__(self):
        if not (self.section.strip() and self.words.strip()):
            raise ValueError(f"a source needs a section and words: {self.section!r}, {self.words!r}")
        who = [f"the article ({self.article!r})"] * bool(self.article.strip())
        who += [f"a work ({self.cites!r})"] * bool(self.cites.strip()) + ["we"] * self.ours
        if len(who) != 1:
            raise ValueError(
                f"{self.section}, {self.words!r}: one says it, the article, a work or we; "
                f"here it is {' and '.join(who) or 'nobody'}"
            )
        if self.article:
            clause(self.article)

    @property
    def marked(self) -> str:
        """The words with who says them: `... (ours)`, `... ([@press2022])`, `... (article, 4.1.2: “...”)`."""
        if self.article:
            return f"{self.words} {clause(self.article).mark}"
        key, comma, where = self.cites.partition(",")
        return f"{self.words} ({'ours' if self.ours else f'[@{key}]{comma}{where}'})"


@dataclass(frozen=True)
class Experiment:
    """One function that gives a few figures for a setting and a seed, and the settings to give it.

    Args:
        key: its name in the results, such as `"heads"`.
        run: `run(seed, **setting)`, its figures as `{name: number}`. All that it draws comes from the seed.
        vary: `{name: values}`; the first value of each is what the chapter's live cell uses.
        every: True for every combination of values, False for one change at a time from the first ones.
        also: settings beside these, each as its changes from the first values: two changes at once, where
            they show that a condition which single changes suggest is wrong.
        seeds: how many seeds for each setting, 0, 1, 2 ...
        tolerance: `{figure: how far another processor's rounding may move it}`, absolute.
        tuned: how rates and the like were chosen, with the budget that each contender had.
    """

    key: str
    run: Callable[..., Figures]
    vary: Mapping[str, Sequence]
    every: bool = False
    also: Sequence[Mapping[str, object]] = ()
    seeds: int = LEAST_SEEDS
    tolerance: Mapping[str, float] = field(default_factory=dict)
    tuned: str = "nothing was tuned"

    def __post_init__(self):
        if self.seeds < LEAST_SEEDS:
            raise ValueError(f"{self.key}: {self.seeds} seeds, a verdict needs at least {LEAST_SEEDS}")
        if len(self.settings()) < LEAST_SETTINGS:
            raise ValueError(
                f"{self.key}: {len(self.settings())} settings, a verdict needs at least {LEAST_SETTINGS}"
            )
        if strange := {name for changes in self.also for name in changes} - self.vary.keys():
            raise ValueError(f"{self.key}: it varies no {', '.join(sorted(strange))}")
        if any(self.settings().count(setting) > 1 for setting in self.settings()):
            raise ValueError(f"{self.key}: a setting stands there twice")

    def settings(self) -> list[dict]:
        """The settings in a fixed order, the chapter's own first."""
        first = {name: values[0] for name, values in self.vary.items()}
        if self.every:
            changes = [
                dict(zip(self.vary, each, strict=True)) for each in itertools.product(*self.vary.values())
            ]
        else:
            changes = [{}] + [{name: value} for name, values in self.vary.items() for value in values[1:]]
        return [first | each for each in (*changes, *self.also)]

    def runs(self) -> list[tuple[dict, int]]:
        """Every (setting, seed), seed by seed, so that a run that was stopped has seen every setting."""
        return [(setting, seed) for seed in range(self.seeds) for setting in self.settings()]


@dataclass(frozen=True)
class Condition:
    """Under what a claim might hold: words for the reader, and the same as a test of a setting."""

    words: str
    of: Callable[[Setting], bool]


@dataclass(frozen=True)
class Statement:
    """A claim made so sharp that figures can decide it.

    Args:
        key: its name, such as `"4.1.3-more-heads"`; it begins with the section.
        source: who says it.
        experiment: whose runs decide it.
        effect: from a run's figures, one number that is large where the claim is right, such as the loss of
            the control minus that of the method.
        above: what the effect must exceed; below it a sceptic would shrug.
        control: what the effect compares with, in words: of equal parameters, equal work, equal number ...
        baseline: what the effect would be for somebody who knows nothing, from the same figures; the
            threshold may not lie below it.
        unit: of the effect.
        conditions: predicates over settings, tried in order where the effect is there in some settings only.
        within: which of the experiment's settings can move the effect; those that vary what it does not
            depend on would repeat a row.

    Raises:
        ValueError: the key does not begin with its section, no control is named, too few settings are left.
    """

    key: str
    source: Source
    experiment: Experiment
    effect: Callable[[Figures], float]
    above: float
    control: str
    baseline: Callable[[Figures], float]
    unit: str
    conditions: Sequence[Condition] = ()
    within: Callable[[Setting], bool] = lambda setting: True

    def __post_init__(self):
        if not self.key.startswith(self.source.section):
            raise ValueError(f"{self.key} does not begin with its section, {self.source.section}")
        if not self.control.strip():
            raise ValueError(f"{self.key} names no control: what is the effect compared with?")
        if len(self.settings()) < LEAST_SETTINGS or not self.within(self.experiment.settings()[0]):
            raise ValueError(
                f"{self.key}: {len(self.settings())} of the settings can move it, the chapter's own has to be"
                f" one, and a verdict needs at least {LEAST_SETTINGS}"
            )

    def settings(self) -> list[dict]:
        """Those of the experiment's settings that can move the effect, the chapter's own first."""
        return [setting for setting in self.experiment.settings() if self.within(setting)]
