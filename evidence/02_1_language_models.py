"""Evidence for chapter 2.1: milestones at one budget of work, and a scaling law with a size held out.

`make evidence ARGS=2.1` computes it. What is varied, and against what, stands in each experiment below; what
is equal for all stands in `llmasos_edu/learning/one_budget.py`.
"""

from functools import cache

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import hold_out, library_code, manual, split_documents
from llmasos_edu.learning import one_budget
from llmasos_edu.learning.pretraining import fit_power_law
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import load


@cache
def text(name):
    """The manual without the topics that the shipped models have not read, or as much of the library."""
    if name == "code":
        return one_budget.prepared(split_documents(library_code(450_000)))
    topics = set(load("manual-dense").card["data"]["held_out_topics"])
    return one_budget.prepared(hold_out(manual(), topics & {document.topic for document in manual()}))


# -- the milestones -------------------------------------------------------------------

JUDGED = ("recurrent", "gpt", "moe")  # those that the statements below are about


def at_one_budget(seed, gigaflops, name):
    """Bits per byte of the counts and of three milestones after the same work, and how fast they work."""
    own = text(name)
    figures = {"counts": one_budget.bits_of_counts(own)}
    for key in JUDGED:
        make = one_budget.milestones()[key]
        steps = one_budget.steps_for(make, own.train, gigaflops)
        model, seconds = one_budget.trained(
            make, own.train, steps=steps, rate=one_budget.RATES[key], seed=seed
        )
        figures[key] = one_budget.bits(model, own)
        figures[f"{key}, gigaflops a second"] = gigaflops / seconds
    return figures


MILESTONES = Experiment(
    "milestones",
    at_one_budget,
    {"gigaflops": (10, 40), "name": ("manual", "code")},
    tolerance={"counts": 0.001, "recurrent": 0.06, "gpt": 0.1, "moe": 0.1},
    tuned="on the last twentieth of the training text: rates x 1, 2, 4 (8 if 4 was best); orders 3, 4, 5",
)

BEATS_COUNTS = Statement(
    "2.1.2-transformer-beats-counts",
    Source(
        "2.1.2", "after a few seconds of work a transformer predicts better than a table of counts", ours=True
    ),
    MILESTONES,
    effect=lambda f: f["counts"] - f["gpt"],
    above=0.02,
    control="a Kneser-Ney n-gram of the same tokens, which needs no training",
    baseline=lambda f: 0.0,
    unit="bits per byte",
    conditions=(
        Condition("the budget is 40 GFLOP", lambda s: s["gigaflops"] == 40),
        Condition("the text is code", lambda s: s["name"] == "code"),
    ),
)

BEATS_RECURRENCE = Statement(
    "2.1.2-attention-beats-recurrence",
    Source("2.1.2", "at equal work attention alone predicts better than a recurrent network", ours=True),
    MILESTONES,
    effect=lambda f: f["recurrent"] - f["gpt"],
    above=0.02,
    control="a GRU of the same width, the same tokens, the same FLOPs",
    baseline=lambda f: 0.0,
    unit="bits per byte",
    conditions=(
        Condition("the budget is 40 GFLOP", lambda s: s["gigaflops"] == 40),
        Condition("the text is code", lambda s: s["name"] == "code"),
    ),
)

WORKS_FASTER = Statement(
    "2.1.2-attention-uses-the-processor",
    Source("2.1.2", "a transformer does more of its work in a second than a recurrent network", ours=True),
    MILESTONES,
    effect=lambda f: f["gpt, gigaflops a second"] / f["recurrent, gigaflops a second"] - 1,
    above=0.2,
    control="a GRU of the same width on one thread of the same processor",
    baseline=lambda f: 0.0,
    unit="of the GRU's rate on top",
    conditions=(Condition("the budget is 40 GFLOP", lambda s: s["gigaflops"] == 40),),
)

EXPERTS_HELP = Statement(
    "2.1.2-experts-help",
    Source("2.1.2", "at equal work a mixture of experts predicts better than one network", ours=True),
    MILESTONES,
    effect=lambda f: f["gpt"] - f["moe"],
    above=0.02,
    control="the same transformer with one network of the width that a token meets",
    baseline=lambda f: 0.0,
    unit="bits per byte",
    conditions=(
        Condition("the budget is 40 GFLOP", lambda s: s["gigaflops"] == 40),
        Condition("the text is code", lambda s: s["name"] == "code"),
    ),
)

# -- a scaling law ----------------------------------------------------------------------

FITTED, HELD_OUT, LAYERS = (16, 24, 32, 48, 64), 96, 2


def make(d_model):
    return LanguageModel(one_budget.VOCAB, d_model=d_model, num_layers=LAYERS, num_heads=2)


def parameters(d_model):
    """N: the numbers in the layers; embedding and head, 2 x 512 x d_model, left out as by Kaplan et al."""
    return sum(parameter.numel() for parameter in make(d_model).blocks.parameters())


def loss_at(d_model, seed, steps, name):
    """Held-out bits per byte of one size after the one recipe: same tokens, same steps, same rates."""
    own = text(name)
    model, _ = one_budget.trained(lambda: make(d_model), own.train, steps=steps, rate=2, seed=seed)
    return one_budget.bits(model, own)


def scaling(seed, steps, name):
    """The losses of six sizes, and what a power law through the five smaller ones says of the sixth."""
    losses = {width: loss_at(width, seed, steps, name) for width in (*FITTED, HELD_OUT)}
    sizes, small = [parameters(width) for width in FITTED], [losses[width] for width in FITTED]
    law = fit_power_law(sizes, small)
    both = fit_power_law(
        [size + 2 * one_budget.VOCAB * width for size, width in zip(sizes, FITTED, strict=True)], small
    )
    return {
        **{f"width {width}": loss for width, loss in losses.items()},
        "exponent": law.exponent,
        "exponent with embeddings": both.exponent,
        "law": law.predict(parameters(HELD_OUT)),
        "no change": small[-1],
    }


SCALING = Experiment(
    "scaling",
    scaling,
    {"steps": (40, 80), "name": ("manual", "code")},
    tolerance={f"width {width}": 0.1 for width in (*FITTED, HELD_OUT)} | {"exponent": 0.03, "law": 0.1},
    tuned="nothing: one recipe for all sizes, Muon at 0.04 and AdamW at 0.02",
)

FALLS = Statement(
    "2.1.2-larger-is-better",
    Source("2.1.2", "with one recipe and equal steps a larger model has a lower loss", ours=True),
    SCALING,
    effect=lambda f: f["exponent"],
    above=0.01,
    control="an exponent of 0, no change with size",
    baseline=lambda f: 0.0,
    unit="(exponent)",
    conditions=(Condition("training is longer (80 steps)", lambda s: s["steps"] == 80),),
)

WHICH_N = Statement(
    "2.1.2-which-parameters",
    Source("2.1.2", "the exponent is another one when embeddings are counted", ours=True),
    SCALING,
    effect=lambda f: f["exponent with embeddings"] - f["exponent"],
    above=0.005,
    control="the same losses over the numbers in the layers alone",
    baseline=lambda f: 0.0,
    unit="(difference of exponents)",
    conditions=(Condition("training is longer (80 steps)", lambda s: s["steps"] == 80),),
)

FORETELLS = Statement(
    "2.1.2-law-foretells",
    Source("2.1.2", "a power law through five sizes foretells the loss of one twice as large", ours=True),
    SCALING,
    effect=lambda f: abs(f["no change"] - f["width 96"]) - abs(f["law"] - f["width 96"]),
    above=0.01,
    control="the guess that the larger model is as good as the largest that was measured",
    baseline=lambda f: 0.0,
    unit="bits per byte nearer",
    conditions=(
        Condition("training is longer (80 steps)", lambda s: s["steps"] == 80),
        Condition("the text is the manual", lambda s: s["name"] == "manual"),
    ),
)
