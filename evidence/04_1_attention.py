"""Evidence for chapter 4.1, attention: the scale, and how many heads.

`make evidence ARGS=4.1` computes it. What is varied, and against what, stands in each experiment below.
"""

import math

import torch
import torch.nn.functional as F

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import MarkovSource
from llmasos_edu.layers.attention import MultiHeadAttention
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import make_optimizers, train

# -- a source with a known limit ---------------------------------------------------


def markov(seed):
    """A source of order 3 over four symbols, another for each seed; rows to train on, rows held out."""
    source = MarkovSource(4, order=3, concentration=0.3, seed=seed)
    rows = source.sample(3000, 33, torch.Generator().manual_seed(seed))
    return source, rows[500:], rows[:500]


def excess_bits(model, source, rows):
    """Loss above the entropy rate, bits a symbol, where three symbols are known."""
    with torch.no_grad():
        logits = model(rows[:, :-1])[:, 2:]
    return (
        F.cross_entropy(logits.flatten(0, 1), rows[:, 3:].flatten()).item() / math.log(2)
        - source.entropy_rate
    )


def knowing_nothing(source, rows):
    """The same for one who knows how often each symbol comes and looks at nothing."""
    shares = torch.bincount(rows.flatten(), minlength=4) / rows.numel()
    return -(shares * shares.log2()).sum().item() - source.entropy_rate


def trained(model, pool, steps, seed, optimizer="muon"):
    rates = {"matrix_lr": 0.03} if optimizer == "muon" else {"matrix_lr": 0.01, "other_lr": 0.01}
    train(
        model,
        lambda g: pool[torch.randint(len(pool), (32,), generator=g)],
        steps=steps,
        optimizers=make_optimizers(model, name=optimizer, **rates),
        seed=seed,
    )
    return model


# -- 4.1.1: the scale --------------------------------------------------------------


def scale(seed, head_dim, steps, optimizer, heads):
    """One model with the division by the root of the head size and one without, else the same to the bit."""
    source, pool, held_out = markov(seed)
    figures = {"nothing": knowing_nothing(source, held_out)}
    for name in ("with", "without"):
        torch.manual_seed(seed)
        model = LanguageModel(
            4, d_model=heads * head_dim, num_layers=1, num_heads=heads, d_ff=64, qk_norm=False
        )
        if name == "without":
            for module in model.modules():
                if isinstance(module, MultiHeadAttention):
                    module.query_proj.register_forward_hook(lambda m, i, output: output * head_dim**0.5)
        figures[name] = excess_bits(trained(model, pool, steps, seed, optimizer), source, held_out)
    return figures


SCALE = Experiment(
    "scale",
    scale,
    {"head_dim": (64, 16, 256), "steps": (150, 600), "optimizer": ("muon", "adamw"), "heads": (1, 4)},
    tolerance={"with": 0.03, "without": 0.03, "nothing": 1e-4},
    tuned="nothing: both models have the same rates, 0.03 for Muon and 0.01 for AdamW",
)

DIVISION_HELPS = Statement(
    "4.1.1-division-helps",
    Source("4.1.1", "dividing the scores by the root of the head size makes a model learn better", ours=True),
    SCALE,
    effect=lambda f: f["without"] - f["with"],
    above=0.01,
    control="the same model, seed and texts, without the division",
    baseline=lambda f: 0.0,
    unit="bits a symbol",
    conditions=(
        Condition("heads are 64 wide or wider", lambda s: s["head_dim"] >= 64),
        Condition("heads are 256 wide", lambda s: s["head_dim"] == 256),
        Condition("training is short (150 steps)", lambda s: s["steps"] == 150),
    ),
)

# -- 4.1.3: how many heads, at equal parameters ---------------------------------------


POSITIONS = {
    "rotary, base 10,000": {"position": "rotary", "position_base": 10_000.0},
    "rotary, base 100": {"position": "rotary", "position_base": 100.0},
    "learned": {"position": "learned", "max_len": 64},
}


def heads_at_equal_size(seed, positions, steps, layers):
    """Bits above the entropy rate for 1 to 16 heads of one width, and how alike eight heads' maps are."""
    source, pool, held_out = markov(seed)
    figures = {"nothing": knowing_nothing(source, held_out)}
    for heads in (1, 2, 8, 16):
        torch.manual_seed(seed)
        model = LanguageModel(
            4, d_model=64, num_layers=layers, num_heads=heads, qk_norm=False, **POSITIONS[positions]
        )
        if heads == 8:
            figures["alike_untrained"] = alike(model, held_out)
        trained(model, pool, steps, seed)
        figures[f"heads_{heads}"] = excess_bits(model, source, held_out)
        if heads == 8:
            figures["alike"] = alike(model, held_out)
    return figures


def alike(model, rows):
    """The median cosine of two heads' maps in the last layer."""
    maps = model.inspect(rows[:200, :-1]).weights[-1].transpose(0, 1).flatten(1)  # [head, everything]
    cosines = F.cosine_similarity(maps[:, None], maps[None], dim=-1)
    return cosines[~torch.eye(len(maps), dtype=torch.bool)].median().item()


HEADS = Experiment(
    "heads",
    heads_at_equal_size,
    {
        "positions": tuple(POSITIONS),
        "steps": (150, 600),
        "layers": (1, 2),
    },
    tolerance={
        "heads_1": 0.05,
        "heads_2": 0.05,
        "heads_8": 0.05,
        "heads_16": 0.08,
        "alike": 0.2,
        "alike_untrained": 0.01,
        "nothing": 1e-4,
    },
    tuned="nothing: one rate, 0.03, for every number of heads",
)

MORE = Statement(
    "4.1.3-more-heads",
    Source("4.1.3", "several heads give a model more capacity than one"),
    HEADS,
    effect=lambda f: f["heads_1"] - f["heads_8"],
    above=0.01,
    control="one head of the same total width: equal parameters, equal work",
    baseline=lambda f: 0.0,
    unit="bits a symbol",
    conditions=(
        Condition("the model has one layer", lambda s: s["layers"] == 1),
        Condition("training is short (150 steps)", lambda s: s["steps"] == 150),
        Condition(
            "the model has one layer or training is short", lambda s: s["layers"] == 1 or s["steps"] == 150
        ),
        Condition(
            "the model has one layer and rotary positions",
            lambda s: s["layers"] == 1 and s["positions"] != "learned",
        ),
    ),
)

TOO_MANY = Statement(
    "4.1.3-too-many-heads",
    Source("4.1.3", "beyond an optimum more heads hurt", ours=True),
    HEADS,
    effect=lambda f: f["heads_16"] - f["heads_8"],
    above=0.01,
    control="eight heads of the same total width",
    baseline=lambda f: 0.0,
    unit="bits a symbol",
    conditions=(
        Condition(
            "rotary positions have base 10,000, whose slow waves a head of width 4 cannot use",
            lambda s: s["positions"] == "rotary, base 10,000",
        ),
        Condition(
            "the model has one layer and rotary positions of base 10,000",
            lambda s: s["positions"] == "rotary, base 10,000" and s["layers"] == 1,
        ),
        Condition("training is short (150 steps)", lambda s: s["steps"] == 150),
    ),
)

DIFFERENT = Statement(
    "4.1.3-different-heads",
    Source("4.1.3", "different heads attend to different things"),
    HEADS,
    effect=lambda f: f["alike_untrained"] - f["alike"],
    above=0.1,
    control="the same model before training",
    baseline=lambda f: 0.0,
    unit="of the median cosine of two heads' maps",
    conditions=(
        Condition("training is long (600 steps)", lambda s: s["steps"] == 600),
        Condition("the model has one layer", lambda s: s["layers"] == 1),
    ),
)
