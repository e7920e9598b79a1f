"""Evidence for section 3.1.2: a masked and a causal model in a race, at equal steps and at equal questions.

`make evidence ARGS=3.1.2` computes it. What is varied, and against what, stands in the experiment below;
how both are trained and asked stands in `llmasos_edu/learning/objectives.py`.
"""

from functools import cache

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import library_code, manual, split_documents
from llmasos_edu.learning import objectives


@cache
def chapters_text():
    return split_documents(manual() + library_code(400_000), seed=0)


@cache
def language(name):
    return objectives.exact_language() if name == "exact" else objectives.real_text(chapters_text())


def race(seed, steps, text):
    return objectives.race(language(text), steps=steps, seed=seed)


RACE = Experiment(
    "race",
    race,
    {"steps": (160, 80), "text": ("real", "exact")},
    tolerance={
        "left": 0.1, "left, few": 0.2, "trying, few": 0.2, "masked gap, equal steps": 0.2,
        "masked gap, equal questions": 0.3,
    },
    tuned="nothing: Muon at 0.06 for matrices and AdamW at 0.01 for the rest, for both kinds",
)  # fmt: skip

OF_RACE = (
    Condition("the text is the exact language", lambda s: s["text"] == "exact"),
    Condition("the text is real", lambda s: s["text"] == "real"),
    Condition("the causal model has read 160 batches, not 80", lambda s: s["steps"] == 160),
    Condition("the text is real, 160 batches read", lambda s: s["text"] == "real" and s["steps"] == 160),
)


def masked_ahead(budget):
    return {
        "effect": lambda f: f["left"] - f[f"masked gap, {budget}"],
        "above": 0.05,
        "baseline": lambda f: f["left"] - f["shares"],
        "unit": "bits at a gap",
        "conditions": OF_RACE,
    }


AT_EQUAL_STEPS = Statement(
    "3.1.2-masked-at-equal-steps",
    Source(
        "3.1.2",
        "after equal steps a masked model fills a gap better than a causal one from the left",
        ours=True,
    ),
    RACE,
    control="a causal model of the same shape that has read as many windows",
    **masked_ahead("equal steps"),
)

AT_EQUAL_QUESTIONS = Statement(
    "3.1.2-masked-at-equal-questions",
    Source(
        "3.1.2",
        "asked as often, a masked model fills a gap better than a causal one from the left",
        ours=True,
    ),
    RACE,
    control="a causal model of the same shape that was scored at as many tokens",
    **masked_ahead("equal questions"),
)

CONTINUES = Statement(
    "3.1.2-causal-continues",
    Source(
        "3.1.2", "a causal model continues a text better than a masked one that was asked as often", ours=True
    ),
    RACE,
    effect=lambda f: min(f["masked end, equal questions"], f["shares"]) - f["left"],
    above=0.05,
    control="a masked model with a mask at the end, or the shares of the tokens where these are better",
    baseline=lambda f: 0.0,
    unit="bits at the end",
    conditions=OF_RACE,
)

USES_THE_RIGHT = Statement(
    "3.1.2-trying-uses-the-right",
    Source("3.1.2", "by trying every token a causal model uses what stands on the right of a gap", ours=True),
    RACE,
    effect=lambda f: f["left, few"] - f["trying, few"],
    above=0.1,
    control="the same model from the left alone",
    baseline=lambda f: 0.0,
    unit="bits at a gap",
    conditions=OF_RACE,
)

TRYING_BEATS = Statement(
    "3.1.2-trying-beats-masked",
    Source(
        "3.1.2",
        "by trying, a causal model fills a gap better than a masked one that was asked as often",
        ours=True,
    ),
    RACE,
    effect=lambda f: (
        min(f["masked gap, equal questions"], f["shares"]) - f["left"] + f["left, few"] - f["trying, few"]
    ),
    above=0.05,
    control="a masked model of the same shape that was scored at as many tokens",
    baseline=lambda f: 0.0,
    unit="bits at a gap",
    conditions=OF_RACE,
)
