"""Evidence for chapter 4.2.3, positions: what they give within the trained length and beyond it.

`make evidence ARGS=4.2.3` computes it. What is varied, and against what, stands in each experiment below.
"""

import copy
import math

import torch
import torch.nn.functional as F

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import MarkovSource
from llmasos_edu.layers.positional import SinusoidalPositions
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import make_optimizers, train

# -- train on 32 positions, test on 128 ------------------------------------------------

TRAINED, TESTED = 32, 128
KINDS = ("none", "sinusoidal", "learned", "rotary", "alibi")


def texts(seed, order):
    """A source over four symbols, another for each seed; short rows to train on, long ones held out."""
    source = MarkovSource(4, order=order, concentration=0.3, seed=seed)
    short = source.sample(3000, TRAINED + 1, torch.Generator().manual_seed(seed))
    return source, short, source.sample(150, TESTED + 1, torch.Generator().manual_seed(1000 + seed))


def lost_bits(model, source, rows):
    """Bits above the entropy rate: at positions 16 to 32, which training knew, and at 64 to 128."""
    with torch.no_grad():
        logits = model(rows[:, :-1]).transpose(1, 2)
    lost = F.cross_entropy(logits, rows[:, 1:], reduction="none").mean(0) / math.log(2) - source.entropy_rate
    return lost[16:32].mean().item(), lost[64:128].mean().item()


def trained(kind, rows, seed, *, layers, steps, rate=0.03, heads=4):
    torch.manual_seed(seed)
    sizes = {"d_model": 48, "num_layers": layers, "num_heads": heads, "d_ff": 96, "max_len": TESTED}
    model = LanguageModel(4, **sizes, position=kind, qk_norm=False)
    train(
        model,
        lambda g: rows[torch.randint(len(rows), (16,), generator=g)],
        steps=steps,
        optimizers=make_optimizers(model, matrix_lr=rate),
        seed=seed,
    )
    return model


MODELS = {
    "1 layer, 150 steps": {"layers": 1, "steps": 150},
    "1 layer, 450 steps": {"layers": 1, "steps": 450},
    "3 layers, 300 steps": {"layers": 3, "steps": 300},
}


def lengths(seed, model, order, rate):
    """Five models alike but for their positions, within the trained length and beyond it."""
    source, short, long = texts(seed, order)
    figures = {"last_alone": source.conditional_entropy(1) - source.entropy_rate}
    for kind in KINDS:
        inside, beyond = lost_bits(trained(kind, short, seed, rate=rate, **MODELS[model]), source, long)
        figures |= {f"inside_{kind}": inside, f"beyond_{kind}": beyond}
    return figures


LENGTHS = Experiment(
    "lengths",
    lengths,
    {"model": tuple(MODELS), "order": (3, 2), "rate": (0.03, 0.01)},
    tolerance={f"inside_{kind}": 0.15 for kind in KINDS} | {"beyond_alibi": 0.2, "last_alone": 1e-4},
    tuned="nothing: one rate for all five",
)


def deep(setting):
    return setting["model"].startswith("3")


WHICH_MODEL = (
    Condition("the model has three layers", deep),
    Condition("training is longer (300 steps or more)", lambda s: "150" not in s["model"]),
    Condition("the model has one layer", lambda s: not deep(s)),
    Condition("the text asks for three symbols back", lambda s: s["order"] == 3),
    Condition(
        "the model has one layer and the text asks for three symbols back",
        lambda s: not deep(s) and s["order"] == 3,
    ),
    Condition(
        "the model has three layers or the text asks for two symbols back",
        lambda s: deep(s) or s["order"] == 2,
    ),
    Condition(
        "training is longer (300 steps or more) or the text asks for two symbols back",
        lambda s: "150" not in s["model"] or s["order"] == 2,
    ),
    Condition(
        "the model has one layer and training is short (150 steps)",
        lambda s: "150" in s["model"],
    ),
)

MASK_ALONE = Statement(
    "4.2.3-mask-alone",
    Source("4.2.3", "a causal mask alone tells a language model the order", ours=True),
    LENGTHS,
    effect=lambda f: f["last_alone"] - f["inside_none"],
    above=0.1,
    control="who knows the last symbol alone, exactly",
    baseline=lambda f: 0.0,
    unit="bits a symbol better",
    conditions=WHICH_MODEL,
)

SINES_BEYOND = Statement(
    "4.2.3-sines-carry-over",
    Source("4.2.3", "sines may carry over to lengths beyond training", cites="vaswani2017"),
    LENGTHS,
    effect=lambda f: f["beyond_none"] - f["beyond_sinusoidal"],
    above=0.0,
    control="the same model without positions, at the same places (64 to 128 after 32)",
    baseline=lambda f: 0.0,
    unit="bits a symbol better",
    conditions=WHICH_MODEL,
)

ALIBI_BEYOND = Statement(
    "4.2.3-alibi-long",
    Source("4.2.3", "ALiBi: train short, test long", cites="press2022"),
    LENGTHS,
    effect=lambda f: min(f[f"beyond_{kind}"] for kind in KINDS[:-1]) - f["beyond_alibi"],
    above=0.05,
    control="the best of the four others at the same places (64 to 128 after 32)",
    baseline=lambda f: 0.0,
    unit="bits a symbol better",
    conditions=WHICH_MODEL,
)

ALIBI_PAYS = Statement(
    "4.2.3-alibi-pays",
    Source("4.2.3", "ALiBi pays for it within the trained length", ours=True),
    LENGTHS,
    effect=lambda f: f["inside_alibi"] - f["inside_rotary"],
    above=0.05,
    control="rotary positions, at the same places (16 to 32)",
    baseline=lambda f: 0.0,
    unit="bits a symbol worse",
    conditions=WHICH_MODEL,
)

# -- sums of an embedding and an encoding ----------------------------------------------


def adding(seed, width, std, places):
    """1,000 embeddings and some encodings added; shares of sums in which each is found again."""
    torch.manual_seed(seed)
    table = std * torch.randn(1000, width)
    encodings = SinusoidalPositions(width)(torch.arange(places))
    sums = table[:200, None] + encodings  # [200 tokens, place, width]
    token = (sums @ table.T - table.square().sum(1) / 2).argmax(-1)
    place = (sums @ encodings.T).argmax(-1)
    rest = sums - table[token]  # what is left when the token that was found is taken away
    after = (rest @ encodings.T).argmax(-1)
    right = torch.arange(places)
    return {
        "token": (token == torch.arange(200)[:, None]).float().mean().item(),
        "place": (place == right).float().mean().item(),
        "place_after_token": (after == right).float().mean().item(),
        "chance": 1 / places,
    }


ADDING = Experiment(
    "adding",
    adding,
    {"width": (64, 16, 256), "std": (1.0, 0.25, 0.02), "places": (64, 256)},
    tolerance={"token": 0.02, "place": 0.02, "place_after_token": 0.02, "chance": 1e-6},
    tuned="nothing: the readers have no setting",
)

HOW_WIDE = (
    Condition("vectors are 64 wide or wider", lambda s: s["width"] >= 64),
    Condition("vectors are 256 wide", lambda s: s["width"] == 256),
    Condition("embeddings are about as large as the sines", lambda s: s["std"] == 1.0),
    Condition(
        "vectors are 64 wide or wider, and embeddings about as large as the sines",
        lambda s: s["width"] >= 64 and s["std"] == 1.0,
    ),
    Condition(
        "vectors are 64 wide or wider, and embeddings a quarter as large as the sines or larger",
        lambda s: s["width"] >= 64 and s["std"] >= 0.25,
    ),
    Condition("embeddings are smaller than the sines", lambda s: s["std"] < 1.0),
    Condition(
        "vectors are 256 wide, or embeddings smaller than the sines",
        lambda s: s["width"] == 256 or s["std"] < 1.0,
    ),
)

TOKEN_READ = Statement(
    "4.2.3-token-from-the-sum",
    Source(
        "4.2.3",
        "sines of many frequencies add well to embeddings: the token can be read from the sum",
        article="可以很好地与token embedding相加",
    ),
    ADDING,
    effect=lambda f: f["token"],
    above=0.9,
    control="a guess among the 1,000 tokens",
    baseline=lambda f: 1 / 1000,
    unit="of the sums, the token is found",
    conditions=HOW_WIDE,
)

PLACE_READ = Statement(
    "4.2.3-place-from-the-sum",
    Source(
        "4.2.3",
        "sines of many frequencies add well to embeddings: the position can be read from the sum",
        article="可以很好地与token embedding相加",
    ),
    ADDING,
    effect=lambda f: f["place"],
    above=0.9,
    control="a guess among the positions",
    baseline=lambda f: f["chance"],
    unit="of the sums, the exact position is found by dot products",
    conditions=HOW_WIDE,
)

# -- stretching rotary -------------------------------------------------------------------


def stretching(seed, pairs, order, steps):
    """A rotary model trained on 32 positions, then on 128: as it is, and with positions divided by four."""
    source, short, long = texts(seed, order)
    model = trained("rotary", short, seed, layers=1, steps=150, heads=24 // pairs)
    figures = {"nothing": source.conditional_entropy(1) - source.entropy_rate}
    rows = source.sample(400, TESTED + 1, torch.Generator().manual_seed(2000 + seed))
    for name, setting in (("alone", {}), ("divided", {"scale": 4}), ("base", {"base": 1e6})):
        tuned = copy.deepcopy(model)
        for key, value in setting.items():
            setattr(tuned.body.positions.rotary, key, value)
        figures[f"{name}_at_once"] = lost_bits(tuned, source, long)[1]
        train(
            tuned,
            lambda g: rows[torch.randint(len(rows), (8,), generator=g)],
            steps=steps,
            optimizers=make_optimizers(tuned, matrix_lr=0.02, other_lr=0.01),
            seed=seed,
        )
        figures[name] = lost_bits(tuned, source, long)[1]
    return figures


STRETCHING = Experiment(
    "stretching",
    stretching,
    {"pairs": (6, 24), "order": (3, 1), "steps": (60, 15)},
    tolerance={"alone": 0.2, "divided": 0.2, "base": 0.2, "nothing": 1e-4},
    tuned="nothing: the three are trained on with the same rates and rows",
)

WHAT_TASK = (
    Condition("the text asks for the last symbol alone", lambda s: s["order"] == 1),
    Condition("a head has 24 pairs", lambda s: s["pairs"] == 24),
    Condition("little is trained on (15 steps)", lambda s: s["steps"] == 15),
    Condition(
        "the text asks for the last symbol alone, or little is trained on (15 steps)",
        lambda s: s["order"] == 1 or s["steps"] == 15,
    ),
    Condition("the text asks for exact places", lambda s: s["order"] == 3),
    Condition(
        "the text asks for exact places and much is trained on",
        lambda s: s["order"] == 3 and s["steps"] == 60,
    ),
)

DIVIDING = Statement(
    "4.2.3-interpolation",
    Source("4.2.3", "interpolation adapts faster than fine-tuning alone", cites="chen2023b"),
    STRETCHING,
    effect=lambda f: f["alone"] - f["divided"],
    above=0.02,
    control="the same model trained on as long at the new length, nothing divided",
    baseline=lambda f: 0.0,
    unit="bits a symbol better at 64 to 128",
    conditions=WHAT_TASK,
)

LARGER_BASE = Statement(
    "4.2.3-larger-base",
    Source("4.2.3", "a larger base adapts faster than fine-tuning alone", ours=True),
    STRETCHING,
    effect=lambda f: f["alone"] - f["base"],
    above=0.02,
    control="the same model trained on as long at the new length, with its own base",
    baseline=lambda f: 0.0,
    unit="bits a symbol better at 64 to 128",
    conditions=WHAT_TASK,
)
