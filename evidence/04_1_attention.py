"""Evidence for chapter 4.1, attention: the scale, far recall, time, copying heads, and how many heads.

`make evidence ARGS=4.1` computes it. What is varied, and against what, stands in each experiment below.
"""

import itertools
import math
import time
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import MarkovSource, recall_at_distance, repeated_patterns
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
    tolerance={"with": 0.2, "without": 0.25, "nothing": 1e-4},
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

# -- 4.1.2: far recall, against a recurrent network that is tuned alike -------------

RATES, TUNING_SEED = (0.003, 0.01, 0.03), 1000
NUM_SYMBOLS = NUM_FILLERS = 16
VOCABULARY = NUM_SYMBOLS + NUM_FILLERS + 1
WIDTHS = {"small": (48, 54), "large": (96, 110)}  # of attention and of the GRU: equal parameters


class Recurrent(nn.Module):
    """Embedding, GRU, head: tokens [batch, seq] to logits [batch, seq, vocabulary]."""

    def __init__(self, width):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, VOCABULARY, bias=False)

    def forward(self, tokens):
        return self.head(self.gru(self.embedding(tokens))[0])


def contender(name, size):
    attention_width, recurrent_width = WIDTHS[size]
    if name == "recurrent":
        return Recurrent(recurrent_width)
    return LanguageModel(
        VOCABULARY, d_model=attention_width, num_layers=2, num_heads=4, d_ff=0, position="none", qk_norm=False
    )


def recalled(name, size, distance, steps, rate, seed):
    """Share of right answers to 512 fresh questions after training."""

    def draw(count, generator):
        return recall_at_distance(
            count, distance, num_symbols=NUM_SYMBOLS, num_fillers=NUM_FILLERS, generator=generator
        )

    torch.manual_seed(seed)
    model = contender(name, size)
    train(
        model,
        lambda g: draw(32, g),
        steps=steps,
        loss=lambda model, batch: F.cross_entropy(model(batch.inputs)[:, -1], batch.targets),
        optimizers=make_optimizers(model, name="adamw", matrix_lr=rate, other_lr=rate),
        seed=seed,
        progress=False,
    )
    test = draw(512, torch.Generator().manual_seed(100_000 + seed))
    with torch.no_grad():
        return (model(test.inputs)[:, -1].argmax(-1) == test.targets).float().mean().item()


@cache
def best_rate(name, size, distance, steps):
    """The best of three rates in this setting, with a seed that no figure uses."""
    return max(RATES, key=lambda rate: recalled(name, size, distance, steps, rate, TUNING_SEED))


def recall(seed, distance, steps, size):
    """Each contender at its rate."""
    return {"chance": 1 / NUM_SYMBOLS} | {
        name: recalled(name, size, distance, steps, best_rate(name, size, distance, steps), seed)
        for name in ("attention", "recurrent")
    }


RECALL = Experiment(
    "recall",
    recall,
    {"distance": (96, 32, 8), "steps": (160, 480), "size": ("small", "large")},
    tolerance={"attention": 0.5, "recurrent": 0.5, "chance": 0},
    tuned="each contender, in each setting, at the best of three rates by a training with a seed of its own",
)

FAR = Statement(
    "4.1.2-long-range",
    Source(
        "4.1.2", "self-attention captures dependencies over long distances", article="可以捕捉长距离依赖关系"
    ),
    RECALL,
    effect=lambda f: f["attention"] - f["recurrent"],
    above=0.1,
    control="a GRU of equal size, trained on the same texts for the same steps, its rate tuned alike",
    baseline=lambda f: 0.0,
    unit="of all answers",
    conditions=(
        Condition("the distance is 32 or more", lambda s: s["distance"] >= 32),
        Condition("the distance is 96", lambda s: s["distance"] == 96),
        Condition(
            "the distance is 96 and training short (160 steps)",
            lambda s: s["distance"] == 96 and s["steps"] == 160,
        ),
        Condition(
            "the distance is 32 or more and training short (160 steps)",
            lambda s: s["distance"] >= 32 and s["steps"] == 160,
        ),
    ),
)

# -- 4.1.2: time for each token, at one batch ---------------------------------------


def seconds(seed, length, heads, batch):
    """CPU microseconds a token of forward and backward, one thread, the best of five, at width 64."""
    torch.manual_seed(seed)
    x = torch.randn(batch, length, 64)
    attention = MultiHeadAttention(64, num_heads=heads, is_causal=True)
    gru = nn.GRU(64, 64, batch_first=True)
    took = {"attention": [], "recurrent": []}
    for _ in range(5):
        for name, forward in (("attention", attention), ("recurrent", lambda x: gru(x)[0])):
            started = time.process_time()
            forward(x).sum().backward()
            took[name].append(time.process_time() - started)
    return {name: 1e6 * min(each) / (batch * length) for name, each in took.items()}


TIME = Experiment(
    "time", seconds, {"length": (2048, 512, 128), "heads": (2, 8), "batch": (4, 16)}, every=True
)

FAST = Statement(
    "4.1.2-parallel",
    Source("4.1.2", "self-attention is parallel, so it is fast", article="并行计算效率高"),
    TIME,
    effect=lambda f: f["recurrent"] / f["attention"],
    above=1.3,
    control="a GRU of equal width on the same batch, forward and backward, one thread",
    baseline=lambda f: 1.0,
    unit="times as fast as the GRU",
    conditions=(
        Condition("texts are short (128 tokens)", lambda s: s["length"] == 128),
        Condition("heads are few and wide (two of 32)", lambda s: s["heads"] == 2),
        Condition("four texts share a batch, not sixteen", lambda s: s["batch"] == 4),
        Condition(
            "two or more of these three are true: texts have 128 tokens, there are two heads of 32, "
            "four texts share a batch",
            lambda s: (s["length"] == 128) + (s["heads"] == 2) + (s["batch"] == 4) >= 2,
        ),
    ),
)

# -- 4.1.2: heads that copy, found by a score and taken out ---------------------------

PATTERNS, LENGTH, PERIOD = 32, 64, 20
COPIERS = {  # heads in a layer, steps of training
    "4 heads, 600 steps": (4, 600),
    "8 heads, 600 steps": (8, 600),
    "4 heads, 1,200 steps": (4, 1200),
    "8 heads, 1,200 steps": (8, 1200),
}


def patterns(generator, count=32):
    """Rows that say a random pattern again and again, with a period of their own for each batch."""
    period = int(torch.randint(8, 32, (1,), generator=generator))
    rounds = math.ceil((LENGTH + 1) / period)
    rows = repeated_patterns(count, period, repeats=rounds, num_symbols=PATTERNS, generator=generator)
    return rows[:, : LENGTH + 1]


def induction_score(weights):
    """Mean weight on what followed earlier occurrences, in the later rounds; weights [..., query, key]."""
    rows = range(PERIOD, weights.shape[-1])
    return torch.stack([weights[..., t, (t + 1) % PERIOD : t : PERIOD].sum(-1) for t in rows]).mean(0)


@cache
def trained_copier(seed, layers, steps, heads):
    """A model of attention alone that has learned to copy, and the rows to judge it by."""
    torch.manual_seed(seed)
    model = LanguageModel(PATTERNS, d_model=64, num_layers=layers, num_heads=heads, d_ff=0, qk_norm=False)
    train(model, patterns, steps=steps, optimizers=make_optimizers(model), seed=seed, progress=False)
    rows = repeated_patterns(
        128, PERIOD, repeats=4, num_symbols=PATTERNS, generator=torch.Generator().manual_seed(10_000 + seed)
    )
    return model, rows[:, : LENGTH + 1]


def skill_without(model, rows, heads, ablation):
    """Share predicted in the later rounds with some (layer, head) set to zero, or to their mean."""
    hooks = []
    attentions = [module for module in model.modules() if isinstance(module, MultiHeadAttention)]
    for layer, attention in enumerate(attentions):
        mine = [head for at, head in heads if at == layer]
        width = attention.out_proj.in_features // attention.num_heads

        def take_out(module, inputs, mine=mine, width=width):
            x = inputs[0].clone()
            for head in mine:
                part = x[..., head * width : (head + 1) * width]
                part[:] = part.mean((0, 1)) if ablation == "mean" else 0
            return (x,)

        hooks.append(attention.out_proj.register_forward_pre_hook(take_out))
    with torch.no_grad():
        right = model(rows[:, :-1]).argmax(-1) == rows[:, 1:]
    for hook in hooks:
        hook.remove()
    return right[:, PERIOD:].float().mean().item()


def copying(seed, taken, copier, ablation, layers):
    """Taking out the heads of highest induction score, against other sets of as many heads.

    `same_layer` and `anywhere` are means over up to 12 other sets, drawn with as many heads in each layer as
    the picked ones have, and among all heads; `worst_...` the least skill that one of them has left.
    """
    heads, steps = COPIERS[copier]
    model, rows = trained_copier(seed, layers, steps, heads)
    score = induction_score(model.inspect(rows[:, :-1]).weights.mean(1))  # [layer, head]
    order = score.flatten().argsort(descending=True).tolist()
    every = [(index // heads, index % heads) for index in order]
    picked = every[: heads // 2 if taken == "half a layer" else 1]
    figures = {
        "intact": skill_without(model, rows, [], ablation),
        "picked": skill_without(model, rows, picked, ablation),
        "chance": 1 / PATTERNS,
    }
    generator = torch.Generator().manual_seed(seed)
    for name, sets in (("same_layer", like_these(picked, heads)), ("anywhere", any_of(every, len(picked)))):
        others = [each for each in sets if set(each) != set(picked)]
        chosen = torch.randperm(len(others), generator=generator)[:12].tolist()
        skills = [skill_without(model, rows, others[index], ablation) for index in chosen]
        figures |= {name: sum(skills) / len(skills), f"worst_{name}": min(skills)}
    return figures


def like_these(picked, heads):
    """All sets with as many heads in each layer as the picked ones have."""
    layers = sorted({layer for layer, _ in picked})
    parts = []
    for layer in layers:
        count = sum(at == layer for at, _ in picked)
        parts.append(itertools.combinations([(layer, head) for head in range(heads)], count))
    return [sum(parts_of, ()) for parts_of in itertools.product(*parts)]


def any_of(every, count):
    """All sets of so many heads."""
    return list(itertools.combinations(sorted(every), count))


COPYING = Experiment(
    "copying",
    copying,
    {
        "taken": ("half a layer", "one head"),
        "copier": tuple(COPIERS),
        "ablation": ("zero", "mean"),
        "layers": (2, 3),
    },
    tolerance={"intact": 0.3, "picked": 0.5, "same_layer": 0.4, "anywhere": 0.4, "chance": 0},
)

TAKEN = (
    Condition("half as many heads as a layer has go together", lambda s: s["taken"] == "half a layer"),
    Condition(
        "half as many heads as a layer has go together, in a model of two layers",
        lambda s: s["taken"] == "half a layer" and s["layers"] == 2,
    ),
    Condition(
        "a layer has eight heads, of which four go together",
        lambda s: s["copier"].startswith("8 heads") and s["taken"] == "half a layer",
    ),
    Condition(
        "a layer has eight heads, of which four go together, and training is short (600 steps)",
        lambda s: s["copier"] == "8 heads, 600 steps" and s["taken"] == "half a layer",
    ),
    Condition("a layer has four heads", lambda s: s["copier"].startswith("4 heads")),
    Condition("the model has two layers", lambda s: s["layers"] == 2),
    Condition("training is long (1,200 steps)", lambda s: s["copier"].endswith("1,200 steps")),
)

INTERPRETABLE = Statement(
    "4.1.2-interpretable",
    Source(
        "4.1.2", "attention weights are interpretable: they show which heads do a job", article="可解释性好"
    ),
    COPYING,
    effect=lambda f: min(f["same_layer"], f["anywhere"]) - f["picked"],
    above=0.1,
    control="other sets of as many heads, up to 12 in the same layers and up to 12 among all: the kind that "
    "hurts more",
    baseline=lambda f: 0.0,
    unit="of the later rounds' tokens",
    conditions=TAKEN,
)

WITHIN = Statement(
    "4.1.2-within-a-layer",
    Source(
        "4.1.2", "of the heads of a layer, those of highest score are needed more than the others", ours=True
    ),
    COPYING,
    effect=lambda f: f["same_layer"] - f["picked"],
    above=0.1,
    control="the mean of up to 12 other sets of as many heads in the same layers",
    baseline=lambda f: 0.0,
    unit="of the later rounds' tokens",
    conditions=TAKEN,
)

WORST = Statement(
    "4.1.2-the-most-needed",
    Source("4.1.2", "the heads of highest score are those whose loss hurts most", ours=True),
    COPYING,
    effect=lambda f: min(f["worst_same_layer"], f["worst_anywhere"]) - f["picked"],
    above=0.0,
    control="the worst of up to 24 other sets of as many heads, half of them in the same layers",
    baseline=lambda f: 0.0,
    unit="of the later rounds' tokens",
    conditions=TAKEN,
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
        "heads_1": 0.2,
        "heads_2": 0.1,
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
    Source(
        "4.1.3",
        "several heads give a model more capacity than one",
        article="扩大模型的容量，捕捉更丰富的特征",
    ),
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
    Source("4.1.3", "different heads attend to different things", article="不同的head可以关注不同的语义"),
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
