"""Evidence for section 3.1.2: what it is worth to ask a masked model about pairs of sentences.

`make evidence ARGS=3.1.2` computes it. What is varied, and against what, stands in the experiment below;
the documents are those of `llmasos_edu/corpus/tales.py`, and how models are trained and asked stands in
`llmasos_edu/learning/sentence_pairs.py`.
"""

from functools import cache

import torch

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus.tales import Tales
from llmasos_edu.learning import sentence_pairs

STEPS = (150, 300)


@cache
def bodies(objective, topics, seed):
    """One pretraining, looked at twice."""
    return dict(
        zip(STEPS, sentence_pairs.pretrained(objective, Tales(topics), STEPS, seed=seed), strict=True)
    )


def pairs(seed, labels, steps, topics, where):
    """Three bodies in three tasks, and what two of them say of pairs without any label."""
    tales, figures = Tales(topics), {}
    for objective in sentence_pairs.OBJECTIVES:
        body = bodies(objective, topics, seed)[steps]
        for task in sentence_pairs.TASKS:
            figures[f"{objective}, {task}"] = sentence_pairs.right_after_tuning(
                body, tales, task, labels, rate=sentence_pairs.TUNING_RATES[objective], seed=seed,
                where=0 if where == "cls" else where,
            )  # fmt: skip
        for kind, draw in (("random", tales.next_or_random), ("swapped", tales.in_order_or_swapped)):
            asked = draw(sentence_pairs.TESTS, torch.Generator().manual_seed(3000 + seed))
            figures[f"{objective}, {kind} pairs"] = sentence_pairs.right_on(body, asked)
    return figures | {"guessing, topic of one": 1 / topics}


PAIRS = Experiment(
    "pairs",
    pairs,
    {"labels": (60, 30), "steps": (300, 150), "topics": (6, 2), "where": ("cls", "mean")},
    tolerance={"next, random pairs": 0.1, "next, swapped pairs": 0.1, "order, swapped pairs": 0.1},
    tuned="AdamW's rate for few labels: three for each body on seed 100, 60 labels; pretraining: nothing",
)

OF_PAIRS = (
    Condition("300 batches were read", lambda s: s["steps"] == 300),
    Condition("there are six topics", lambda s: s["topics"] == 6),
    Condition("the head reads [CLS]", lambda s: s["where"] == "cls"),
    Condition("there are 60 labels", lambda s: s["labels"] == 60),
    Condition("there are two topics", lambda s: s["topics"] == 2),
    Condition(
        "there are six topics and 300 batches were read", lambda s: s["topics"] == 6 and s["steps"] == 300
    ),
    Condition(
        "the head reads [CLS] and 300 batches were read", lambda s: s["where"] == "cls" and s["steps"] == 300
    ),
    Condition(
        "the head reads [CLS] and there are six topics", lambda s: s["where"] == "cls" and s["topics"] == 6
    ),
)


def gain(words, key, objective, task):
    return Statement(
        key,
        Source("3.1.2", words, ours=True),
        PAIRS,
        effect=lambda f: f[f"{objective}, {task}"] - f[f"masked, {task}"],
        above=0.05,
        control="the same network after as many batches, not asked about pairs",
        baseline=lambda f: 0.0,
        unit="of the texts right",
        conditions=OF_PAIRS,
    )


NEXT_FOR_TOPICS = gain(
    "asked for the next sentence as well, a masked model tells from few labels whether two sentences share "
    "their topic",
    "3.1.2-next-for-topics",
    "next",
    "same topic",
)

NEXT_FOR_ORDER = gain(
    "asked for the next sentence as well, a masked model tells better from few labels which of two sentences "
    "is the later one",
    "3.1.2-next-for-order",
    "next",
    "later stage",
)

NEXT_FOR_ONE = gain(
    "asked for the next sentence as well, a masked model learns a task on single sentences better from few "
    "labels",
    "3.1.2-next-for-one",
    "next",
    "topic of one",
)

ORDER_FOR_ORDER = gain(
    "asked for the order of two sentences as well, a masked model tells better from few labels which of two "
    "sentences is the later one",
    "3.1.2-order-for-order",
    "order",
    "later stage",
)

ORDER_FREE = Statement(
    "3.1.2-order-costs-nothing",
    Source(
        "3.1.2", "asked for the order as well, a masked model loses nothing on single sentences", ours=True
    ),
    PAIRS,
    effect=lambda f: f["order, topic of one"] - f["masked, topic of one"],
    above=-0.03,
    control="the same network after as many batches, not asked about pairs",
    baseline=lambda f: f["guessing, topic of one"] - f["masked, topic of one"],
    unit="of the texts right",
    conditions=OF_PAIRS,
)

NEXT_IS_TOPIC = Statement(
    "3.1.2-next-is-topic",
    Source(
        "3.1.2",
        "who learned on random pairs what follows does worse where the same pairs are swapped",
        ours=True,
    ),
    PAIRS,
    effect=lambda f: f["next, random pairs"] - f["next, swapped pairs"],
    above=0.1,
    control="the same head on pairs of one topic, in their order or swapped",
    baseline=lambda f: 0.0,
    unit="of the pairs right",
    conditions=OF_PAIRS,
    # Judged before any label: neither their number nor the head that learns from them can move it.
    within=lambda s: (s["labels"], s["where"]) == (60, "cls"),
)


# ---- nobody draws random pairs without a question about them ----

NEIGHBOURS_RATE = 0.01  # of AdamW for few labels


@cache
def of_neighbours(seed):
    """A masked model that reads true neighbours only, looked at twice."""
    found = sentence_pairs.pretrained("masked", Tales(), STEPS, seed=seed, whole=True)
    return dict(zip(STEPS, found, strict=True))


def neighbours(seed, labels, steps, where):
    """Next against a masked model that reads true neighbours and is asked nothing, in the tasks on pairs."""
    rates = {"next": sentence_pairs.TUNING_RATES["next"], "neighbours": NEIGHBOURS_RATE}
    found = {"next": bodies("next", 6, seed)[steps], "neighbours": of_neighbours(seed)[steps]}
    return {
        f"{name}, {task}": sentence_pairs.right_after_tuning(
            body, Tales(), task, labels, rate=rates[name], seed=seed, where=0 if where == "cls" else where
        )
        for name, body in found.items()
        for task in sentence_pairs.TASKS[1:]
    }


NEIGHBOURS = Experiment(
    "neighbours",
    neighbours,
    {"labels": (60, 30), "steps": (300, 150), "where": ("cls", "mean")},
    tolerance={"next, same topic": 0.15, "neighbours, same topic": 0.15, "neighbours, later stage": 0.15},
    tuned="AdamW's rate for few labels: three for each body on seeds 100, 101 and 102, 60 labels, mean of "
    "the three tasks; pretraining: nothing",
)

OF_NEIGHBOURS = (
    Condition("300 batches were read", lambda s: s["steps"] == 300),
    Condition("the head reads [CLS]", lambda s: s["where"] == "cls"),
    Condition("the head reads the mean of all positions", lambda s: s["where"] == "mean"),
    Condition("there are 60 labels", lambda s: s["labels"] == 60),
    Condition("only 150 batches were read", lambda s: s["steps"] == 150),
    Condition(
        "the head reads [CLS] and 300 batches were read", lambda s: s["where"] == "cls" and s["steps"] == 300
    ),
)

NEXT_OVER_NEIGHBOURS = Statement(
    "3.1.2-next-over-neighbours",
    Source(
        "3.1.2",
        "asked for the next sentence on random pairs, a masked model tells better from few labels whether "
        "two sentences share their topic than one that reads true neighbours and is asked nothing",
        ours=True,
    ),
    NEIGHBOURS,
    effect=lambda f: f["next, same topic"] - f["neighbours, same topic"],
    above=0.05,
    control="the same network after as many batches of true neighbours, not asked about pairs",
    baseline=lambda f: 0.0,
    unit="of the texts right",
    conditions=OF_NEIGHBOURS,
)

NEIGHBOURS_FOR_ORDER = Statement(
    "3.1.2-neighbours-for-order",
    Source(
        "3.1.2",
        "a masked model that reads true neighbours and is asked nothing tells better from few labels which "
        "of two sentences is the later one than one that is asked for the next sentence on random pairs",
        ours=True,
    ),
    NEIGHBOURS,
    effect=lambda f: f["neighbours, later stage"] - f["next, later stage"],
    above=0.05,
    control="the same network after as many batches of random pairs, asked for the next sentence",
    baseline=lambda f: 0.0,
    unit="of the texts right",
    conditions=OF_NEIGHBOURS,
)
