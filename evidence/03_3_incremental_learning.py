"""Evidence for chapter 3.3: what is forgotten, which ways to remember help, and what going on saves.

`make evidence ARGS=3.3` computes it. What is varied, and against what, stands in each experiment below;
what is equal for all ways to remember, their knobs and how these were chosen, in
`llmasos_edu/learning/in_turn.py`.
"""

import copy
from dataclasses import replace
from functools import cache

import torch

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import domain_corpus, hold_out, manual
from llmasos_edu.learning import in_turn
from llmasos_edu.learning.incremental import (
    ReplayBuffer,
    ReplaySampler,
    average_accuracy,
    backward_transfer,
)
from llmasos_edu.learning.lora import add_lora
from llmasos_edu.pretrained import load
from llmasos_edu.text.ngram import NGram
from llmasos_edu.training.loop import TextSampler, bits_per_byte

# -- ways to remember, each with its tuned knobs ------------------------------------------


def ways(seed, order, steps, d_model):
    """Average accuracy and backward transfer of every way from one start, and what knowing little gives."""
    course = in_turn.Course(tuple(order.split(", ")), steps=steps, d_model=d_model)
    start = course.first_stage(seed)
    little = {name: scores.mean().item() for name, scores in course.knowing_little().items()}
    figures = little | {"pairs, first": course.knowing_little()["table of pairs"][0].item()}
    figures["left alone, average"] = course.scores(start).mean().item()
    for name in ("usual rate", *in_turn.TUNED):
        way = in_turn.Naive(course, seed) if name == "usual rate" else in_turn.tuned(name, course, seed)
        passed = in_turn.go_through(way, start)
        figures[f"{name}, average"] = average_accuracy(passed.matrix)
        figures[f"{name}, backward"] = backward_transfer(passed.matrix)
        if name == "usual rate":
            figures["first, before"], figures["first, after"] = passed.matrix[[0, -1], 0].tolist()
        if name == "LoRA":
            way.told = True
            figures["LoRA told, average"] = way.scores(passed.model).mean().item()
    return figures


WAYS = Experiment(
    "ways",
    ways,
    {
        "order": ("prose, code, arithmetic", "arithmetic, code, prose"),
        "steps": (80, 160),
        "d_model": (48, 32),
    },
    tolerance={f"{name}, average": 0.02 for name in in_turn.TUNED},
    tuned="six trials a way (rate, and strength, rank or rows) at 80 steps and width 48 in the first order, "
    "one seed, on text kept back from training",
)

TURNED = Condition("sums come last", lambda s: s["order"].startswith("prose"))
FIRST = Condition("sums come first", lambda s: not s["order"].startswith("prose"))
LONGER = Condition("a stage is longer (160 steps)", lambda s: s["steps"] == 160)


def ours(key, words, effect, above, control, unit="of accuracy", baseline=lambda f: 0.0, of=WAYS, besides=()):
    """A statement of the book's own."""
    section = key.partition("-")[0]
    return Statement(
        key, Source(section, words, ours=True), of, effect=effect, above=above, control=control,
        baseline=baseline, unit=unit, conditions=(*besides, TURNED, LONGER) if of is WAYS else (),
    )  # fmt: skip


def gain(name, over="naive", measure="average"):
    """How much better one way is than another."""
    return lambda f: f[f"{name}, {measure}"] - f[f"{over}, {measure}"]


def plain(f):
    """Average accuracy of plain training at the usual rate or at the tuned one, whichever ends higher.

    The tuned one was chosen with sums last, and is not the better one where they come first.
    """
    return max(f["naive, average"], f["usual rate, average"])


READS = replace(
    ours(
        "3.3.1-more-than-a-table",
        "after its first domain the model reads that domain better than a table of pairs of bytes",
        lambda f: f["first, before"] - f["pairs, first"],
        0.02,
        "the commonest next byte after each byte, counted in the same text",
    ),
    within=lambda s: s["steps"] == 80,  # those of the later domains, which come after
)
FORGETS = ours(
    "3.3.1-plain-training-forgets",
    "plain training on other domains takes away what was learned of the first",
    lambda f: f["first, before"] - f["first, after"],
    0.05,
    "the same model before the other domains",
)
BELOW = ours(
    "3.3.1-less-than-a-table",
    "it takes away so much that a table of pairs reads the first domain better",
    lambda f: f["pairs, first"] - f["first, after"],
    0.02,
    "the commonest next byte after each byte, counted in the same text",
)
SLOWLY = ours(
    "3.3.1-a-slower-rate",
    "at the better of two rates, tuned or usual, plain training gains on a model left as it was",
    lambda f: plain(f) - f["left alone, average"],
    0.02,
    "the model after its first domain, trained no further",
    besides=(FIRST,),
)

KEEPS = {
    name: ours(
        f"3.3.2-{key}-helps",
        f"{words} keeps more than plain training at the better of two rates",
        lambda f, name=name: f[f"{name}, average"] - plain(f),
        0.02,
        "plain training at the rate that as many trials chose, or at the usual one, whichever ends higher",
    )
    for name, key, words in (
        ("replay", "replay", "replay of 8 kB"),
        ("EWC", "springs", "EWC"),
        ("LwF", "old-answers", "LwF"),
        ("LoRA", "adapters", "an adapter a domain, chosen by what was read,"),
    )
}
REPLAY, SPRINGS, ANSWERS, ADAPTERS = KEEPS.values()
MOST = ours(
    "3.3.2-old-answers-forget-most",
    "LwF forgets more than EWC",
    gain("EWC", over="LwF", measure="backward"),
    0.02,
    "EWC, as many trials of rate and strength",
)
ONLINE = ours(
    "3.3.2-one-set-of-springs",
    "one set of springs for all stages is as good as one a stage, to 0.02",
    gain("online EWC", over="EWC"),
    -0.02,
    "EWC with springs for each stage, as many trials",
    baseline=lambda f: f["commonest byte"] - f["EWC, average"],
)
TOLD = ours(
    "3.3.2-told-the-domain",
    "adapters are worth more where somebody says of which domain a text is",
    lambda f: f["LoRA told, average"] - f["LoRA, average"],
    0.02,
    "the same adapters, chosen by what was read of the window",
)
BEST = ours(
    "3.3.2-replay-is-best",
    "of the ways that keep no whole text replay ends highest",
    lambda f: (
        f["replay, average"]
        - max(f[f"{name}, average"] for name in ("EWC", "online EWC", "LwF", "LoRA", "LoRA told"))
    ),
    0.01,
    "the best of EWC, online EWC, LwF and LoRA, told or not, in the same run",
)

DEARER = ours(
    "3.3.3-as-good-as-retraining",
    "with replay, 320 steps in all come within 0.02 of training anew on everything after each domain, 720",
    gain("replay", over="retrained"),
    -0.02,
    "retraining on all data so far, for as many steps as the others have had by then",
    baseline=lambda f: f["commonest byte"] - f["retrained, average"],
)
CHEAPER = ours(
    "3.3.3-better-at-equal-work",
    "for a model after every domain going on with replay beats training anew at the same price",
    gain("replay", over="retrained cheaply"),
    0.02,
    "retraining on all data so far, for the steps of the stage alone",
)
ONCE = ours(
    "3.3.3-better-than-waiting",
    "for the last model alone going on with replay beats training once, on everything, for as many steps",
    gain("replay", over="retrained"),
    0.02,
    "one training on all data for the steps of the whole course",
)

# -- the order ----------------------------------------------------------------------------


def orders(seed, steps, d_model, rate):
    """Backward transfer of plain training in one order and in the same order turned round."""
    figures = {}
    for name, order in (("there", in_turn.Course().order), ("back", in_turn.Course().order[::-1])):
        course = in_turn.Course(order, steps=steps, d_model=d_model)
        passed = in_turn.go_through(in_turn.Naive(course, seed, rate=rate), course.first_stage(seed))
        figures[name] = backward_transfer(passed.matrix)
    return figures


ORDERS = Experiment(
    "orders",
    orders,
    {"steps": (80, 160), "d_model": (48, 32), "rate": (1, 0.25)},
    tolerance={"there": 0.06, "back": 0.06},
    tuned="nothing",
)
ORDER = ours(
    "3.3.1-sums-first",
    "the same three domains are forgotten less when the sums come first",
    lambda f: f["back"] - f["there"],
    0.02,
    "the same domains, steps and seeds in the opposite order",
    of=ORDERS,
)

# -- the shipped model ----------------------------------------------------------------------

ROWS, CONTEXT = 8, 32
RATES = {"whole": 0.2, "adapter": 8.0}  # times those of `in_turn`; `tune_shipped` chose them


class Lesson:
    """The shipped model, the manual that it has read, and number words, which it has not."""

    def __init__(self, trial=False):
        own = load("manual-dense")
        topics = set(own.card["data"]["held_out_topics"])
        old = hold_out(manual(), topics & {document.topic for document in manual()})
        numbers = domain_corpus(120_000)["numerals"]
        new, last = (
            bytes(part.tolist()).decode() for part in (numbers.train[:60_000], numbers.held_out[:4000])
        )
        if trial:
            new, last = new[:57_000], new[57_000:]
        self.model, self.encode = own.model, lambda text: torch.tensor(own.tokenizer.encode(text))
        self.read, self.new = self.encode(old.train_text[:200_000]), self.encode(new)
        self.texts = {"manual": old.held_out_text[:4000], "numbers": last}
        counts = NGram.add_k(list(new.encode()), 256, 2, 0.1)
        self.pairs = counts.bits_per_byte(list(last.encode()), len(last.encode()))

    def rows(self, count):
        """Windows of number words."""
        return TextSampler(self.new, context=CONTEXT, batch_size=count)

    def mixed(self, replayed, seed):
        """The same with some rows from 8 kB of the manual."""
        buffer, generator = ReplayBuffer(8192, vocab_size=2048), torch.Generator().manual_seed(seed)
        buffer.add(TextSampler(self.read, context=CONTEXT, batch_size=200)(generator), generator)
        return ReplaySampler(self.rows(ROWS - replayed), buffer, replayed)

    def learned(self, how, steps, seed, rank=4, replayed=0, rate=None):
        """A copy of the model after a lesson in number words, all of it or an adapter trained."""
        model = copy.deepcopy(self.model)
        if how == "adapter":
            torch.manual_seed(seed)
            add_lora(model, rank=rank)
        sample = self.mixed(replayed, seed) if replayed else self.rows(ROWS)
        in_turn.fit(model, sample, steps, seed=seed, rate=rate or RATES[how])
        return model

    def bits(self, model, name):
        """Held-out bits per byte of the manual or of number words."""
        text = self.texts[name]
        return bits_per_byte(model, self.encode(text), context=128, num_bytes=len(text.encode()))


lesson = cache(Lesson)


def tune_shipped(steps=40, seed=100):
    """Three rates each, on number words kept back from training: {how: {rate: bits per byte}}."""
    own = Lesson(trial=True)
    rates = {"whole": (0.1, 0.2, 0.4), "adapter": (4, 8, 16)}
    return {
        how: {rate: own.bits(own.learned(how, steps, seed, rate=rate), "numbers") for rate in some}
        for how, some in rates.items()
    }


def shipped(seed, steps, replayed, rank):
    """Bits per byte on the manual and on numbers: before, all weights trained, with replay, an adapter."""
    own = lesson()
    found = {
        "before": own.model,
        "whole": own.learned("whole", steps, seed),
        "replay": own.learned("whole", steps, seed, replayed=replayed),
        "adapter": own.learned("adapter", steps, seed, rank=rank),
    }
    return {"pairs, numbers": own.pairs} | {
        f"{key}, {name}": own.bits(model, name) for key, model in found.items() for name in own.texts
    }


SHIPPED = Experiment(
    "shipped",
    shipped,
    {"steps": (40, 20), "replayed": (1, 2), "rank": (4, 1)},
    tolerance={"whole, numbers": 0.1, "replay, manual": 0.1, "adapter, numbers": 0.15},
    tuned="the rates of all weights and of the adapter: three trials each, one seed, on the training text's "
    "last twentieth; replay takes the rate of all weights",
)
LITTLE = replace(
    ours(
        "3.3.3-a-little-replay",
        "a row in eight of old text keeps half of what the shipped model would forget of the manual",
        lambda f: (f["whole, manual"] - f["replay, manual"]) / (f["whole, manual"] - f["before, manual"]),
        0.5,
        "the same steps, rows and rate without old text",
        unit="of the bits lost without it",
        of=SHIPPED,
    ),
    within=lambda s: s["rank"] == 4,  # no adapter takes part
)
SMALL = replace(
    ours(
        "3.3.3-a-small-addition",
        "an adapter on queries and values learns three quarters of what all weights learn of number words",
        lambda f: (
            (f["before, numbers"] - f["adapter, numbers"]) / (f["before, numbers"] - f["whole, numbers"])
        ),
        0.75,
        "all weights, as many steps and trials of the rate",
        unit="of the fall in bits with all weights",
        baseline=lambda f: (
            (f["before, numbers"] - f["pairs, numbers"]) / (f["before, numbers"] - f["whole, numbers"])
        ),
        of=SHIPPED,
    ),
    within=lambda s: s["replayed"] == 1,  # no old text takes part
)
