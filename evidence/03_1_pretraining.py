"""Evidence for chapter 3.1: few labels with and without pretraining, and on a body that tasks share.

`make evidence ARGS=3.1` computes it. What is varied, and against what, stands in the experiment below; how
each way is trained stands in `llmasos_edu/learning/few_labels.py`. The law of scale of which the chapter
speaks is in `02_1_language_models.py`.
"""

from functools import cache

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.learning import few_labels
from llmasos_edu.pretrained import load

shipped = cache(load)


def unread(name="manual-dense"):
    return set(shipped(name).card["data"]["held_out_topics"])


def new_like(name):
    """The same network with nothing learned, from torch's random seed."""
    model = shipped(name).model
    return type(model)(**model.settings)


# -- few labels -----------------------------------------------------------------------


@cache
def task_of(name):
    make = {"kinds": few_labels.kinds_of_tokens, "prose or code": few_labels.prose_or_code}[name]
    return make(shipped("manual-dense").tokenizer, unread())


def labels(seed, labels, task):
    body = shipped("manual-dense").model
    return few_labels.compare_ways(
        body, lambda: new_like("manual-dense"), task_of(task), labels=labels, seed=seed
    )


SHARES = ("fine-tuned", "adapter", "head", "scratch", "scratch, ten times")
LABELS = Experiment(
    "labels",
    labels,
    {"labels": (100, 30), "task": ("kinds", "prose or code")},
    tolerance=dict.fromkeys(SHARES, 0.12),
    tuned="rate of each way out of 0.001, 0.003, 0.01 with 100 labels of the first task, seeds 100 and 101, "
    "judged on 600 other texts of the learning side",
)

OF_LABELS = (
    Condition("there are 100 labels, not 30", lambda s: s["labels"] == 100),
    Condition("there are 30 labels, not 100", lambda s: s["labels"] == 30),
    Condition("the task is the kind of a token", lambda s: s["task"] == "kinds"),
    Condition("the task is prose or code", lambda s: s["task"] != "kinds"),
)

TRANSFERS = Statement(
    "3.1-transfers",
    Source(
        "3.1", "with the same few labels a pretrained model is right more often than a new one", ours=True
    ),
    LABELS,
    effect=lambda f: f["fine-tuned"] - f["scratch"],
    above=0.03,
    control="the same network from scratch, tuned alike, both stopped at their best",
    baseline=lambda f: f["commonest"] - f["scratch"],
    unit="of the texts right",
    conditions=OF_LABELS,
)

TEN_TIMES = Statement(
    "3.1-ten-times-the-labels",
    Source("3.1", "pretraining is worth more than ten times as many labels", ours=True),
    LABELS,
    effect=lambda f: f["fine-tuned"] - f["scratch, ten times"],
    above=0.0,
    control="the same network from scratch with ten times the labels, stopped at its best",
    baseline=lambda f: f["commonest"] - f["scratch, ten times"],
    unit="of the texts right",
    conditions=OF_LABELS,
)

ADAPTER = Statement(
    "3.1.3-adapter-as-good",
    Source(
        "3.1.3", "an adapter on the shared body is as good as a fine-tuned copy of it, within 0.03", ours=True
    ),
    LABELS,
    effect=lambda f: f["adapter"] - f["fine-tuned"],
    above=-0.03,
    control="a copy of the whole model for the task alone, tuned alike",
    baseline=lambda f: f["commonest"] - f["fine-tuned"],
    unit="of the texts right",
    conditions=OF_LABELS,
)

HEAD = Statement(
    "3.1.3-head-as-good",
    Source(
        "3.1.3", "a head on the shared body is as good as a fine-tuned copy of it, within 0.03", ours=True
    ),
    LABELS,
    effect=lambda f: f["head"] - f["fine-tuned"],
    above=-0.03,
    control="a copy of the whole model for the task alone, tuned alike",
    baseline=lambda f: f["commonest"] - f["fine-tuned"],
    unit="of the texts right",
    conditions=OF_LABELS,
)
