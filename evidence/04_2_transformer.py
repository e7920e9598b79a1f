"""Evidence for chapter 4.2, the transformer: residuals, norms, gradients, depth, and a model that translates.

`make evidence ARGS=4.2` computes it. What is varied, and against what, stands in each experiment below.
"""

import copy
import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus.numerals import END, PAD, SCRIPTS, START, numeral_batch
from llmasos_edu.layers.transformer import EncoderLayer, TransformerLayer
from llmasos_edu.models.decoding import greedy_decode
from llmasos_edu.models.encoder_decoder import EncoderDecoder
from llmasos_edu.training.loop import TrainingError, make_optimizers, train

# -- a reader of ten symbols, from layers of any kind --------------------------------


class Reader(nn.Module):
    """Symbols [batch, seq] in, through layers of any kind, and an answer for every position out."""

    def __init__(self, layers, num_symbols, norm, *, width, seq=10):
        super().__init__()
        self.embedding = nn.Embedding(num_symbols, width)
        self.position = nn.Parameter(torch.randn(seq, width))
        self.layers = nn.ModuleList(layers)
        self.norm = norm
        self.head = nn.Linear(width, num_symbols)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


def answer_loss(model, batch):
    inputs, targets = batch
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


def fit(model, batches, *, steps, rate, warmup, seed):
    adamw = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0, fused=True)
    train(model, batches, steps=steps, seed=seed, loss=answer_loss, optimizers=adamw, warmup=warmup)


# -- 4.2.1: one residual or two ---------------------------------------------------------


def mirror_batch(generator, size=32):
    """Ten symbols; each position answers its own minus that of its mirror image, modulo 6."""
    symbols = torch.randint(6, (size, 10), generator=generator)
    return symbols, (symbols - symbols.flip(1)) % 6


MIRROR_RATES, TUNING_SEEDS = (0.01, 0.003, 0.001), (1000, 1001)


def mirrored(name, width, heads, steps, rate, seed):
    """One layer of a design, trained: the share of right answers on fresh rows."""
    torch.manual_seed(seed)
    if name == "one":
        layer = TransformerLayer(width, num_heads=heads, d_ff=4 * width)
    else:
        layer = EncoderLayer(width, num_heads=heads, d_ff=4 * width, activation="relu", norm_first=False)
    model = Reader([layer], 6, nn.Identity(), width=width)
    fit(model, mirror_batch, steps=steps, rate=rate, warmup=0, seed=seed)
    inputs, targets = mirror_batch(torch.Generator().manual_seed(99), 256)
    with torch.no_grad():
        return (model(inputs).argmax(-1) == targets).float().mean().item()


@cache
def mirror_rate(name, width, heads, steps):
    """The rate that a design likes best in this setting, over two seeds that no figure uses."""
    shares = {
        rate: sum(mirrored(name, width, heads, steps, rate, seed) for seed in TUNING_SEEDS)
        for rate in MIRROR_RATES
    }
    return max(shares, key=shares.get)


def mirror(seed, heads, steps, width):
    """Both designs, each at its own rate."""
    return {"chance": 1 / 6} | {
        name: mirrored(name, width, heads, steps, mirror_rate(name, width, heads, steps), seed)
        for name in ("one", "two")
    }


MIRROR = Experiment(
    "mirror",
    mirror,
    {"heads": (1, 2), "steps": (200, 400), "width": (32, 64)},
    seeds=8,
    tolerance={"one": 0.2, "two": 0.15, "chance": 1e-6},
    tuned="each design, in each setting, at the best of 0.01, 0.003 and 0.001 over two seeds of their own",
)

SPARED = (
    Condition("a second head is spared to read the own position", lambda s: s["heads"] == 2),
    Condition("training is longer (400 steps)", lambda s: s["steps"] == 400),
    Condition(
        "a second head is spared to read the own position, or training is longer (400 steps)",
        lambda s: s["heads"] == 2 or s["steps"] == 400,
    ),
    Condition("the layer has one head", lambda s: s["heads"] == 1),
    Condition(
        "the layer has one head and training is short (200 steps)",
        lambda s: s["heads"] == 1 and s["steps"] == 200,
    ),
    Condition("training is short (200 steps)", lambda s: s["steps"] == 200),
    Condition("the layer has one head of 32", lambda s: s["heads"] == 1 and s["width"] == 32),
    Condition(
        "the layer has one head of 32 and training is short (200 steps)",
        lambda s: s["heads"] == 1 and s["width"] == 32 and s["steps"] == 200,
    ),
    Condition(
        "a second head is spared to read the own position, or the layer is wider (64)",
        lambda s: s["heads"] == 2 or s["width"] == 64,
    ),
    Condition("the layer is wider (64)", lambda s: s["width"] == 64),
)

ONE_RESIDUAL = Statement(
    "4.2.1-one-residual",
    Source("4.2.1", "a layer is LayerNorm(FFN(Attention(X)) + X)", article="每个layer包含两个sub-layer"),
    MIRROR,
    effect=lambda f: f["one"],
    above=0.9,
    control="a guess among six answers",
    baseline=lambda f: f["chance"],
    unit="of the answers right, own symbol against its mirror image",
    conditions=SPARED,
)

TWO_RESIDUALS = Statement(
    "4.2.1-second-residual",
    Source("4.2.1", "a residual around attention alone lets a position use its own symbol", ours=True),
    MIRROR,
    effect=lambda f: f["two"] - f["one"],
    above=0.05,
    control="the article's layer with one residual, of the same heads, widths and steps",
    baseline=lambda f: 0.0,
    unit="of the answers more",
    conditions=SPARED,
)

# -- 4.2.1: depth ---------------------------------------------------------------------


class Cut(nn.Module):
    """An encoder layer's parts without the residuals: x = FFN(norm(attention(norm(x))))."""

    def __init__(self, layer):
        super().__init__()
        self.inner = layer

    def forward(self, x):
        layer = self.inner
        x = layer.attention(layer.attention_norm(x))
        return layer.feed_forward(layer.feed_forward_norm(x))


DESIGNS = ("first", "last", "bare", "cut")


def reader(design, *, depth, width, start, seed, seq=10):
    """A stack of one design: norm first, norm last, no norm (bare), norm first without residuals (cut)."""
    torch.manual_seed(seed)
    layers = []
    for _ in range(depth):
        layer = EncoderLayer(
            width, num_heads=4, d_ff=2 * width, activation="relu", norm_first=design != "last"
        )
        if start == "loud":
            for name, parameter in layer.named_parameters():
                if parameter.ndim == 2:
                    nn.init.xavier_uniform_(parameter)
                elif name.endswith("proj.bias"):
                    nn.init.zeros_(parameter)
        if design == "bare":
            layer.attention_norm = layer.feed_forward_norm = nn.Identity()
        layers.append(Cut(layer) if design == "cut" else layer)
    final = nn.LayerNorm(width) if design in ("first", "cut") else nn.Identity()
    return Reader(layers, 8, final, width=width, seq=seq)


def sorting_batch(generator, size=16):
    """Ten symbols in, the same ten in order out."""
    symbols = torch.randint(8, (size, 10), generator=generator)
    return symbols, symbols.sort(1).values


# -- before training: which matrices get a gradient ---------------------------------------


def fresh(seed, depth, width, start, seq):
    """Gradients of queries and keys, layer by layer, in untrained stacks: how far they fall with depth.

    `first` and `last` are the common logarithm of the first layer's over the last layer's, with the norm
    first and last; `all_...` the same for all parameters of a layer together.
    """
    figures = {}
    for design in ("first", "last"):
        model = reader(design, depth=depth, width=width, start=start, seed=seed, seq=seq)
        symbols = torch.randint(8, (64, seq), generator=torch.Generator().manual_seed(seed))
        answer_loss(model, (symbols, symbols.sort(1).values)).backward()
        attention = [layer.attention for layer in model.layers]
        queries = [norm_of([a.query_proj.weight, a.key_proj.weight]) for a in attention]
        everything = [norm_of(layer.parameters()) for layer in model.layers]
        figures[design] = (queries[0] / queries[-1]).log10().item()
        figures[f"all_{design}"] = (everything[0] / everything[-1]).log10().item()
    return figures


def norm_of(parameters):
    return nn.utils.get_total_norm([p.grad for p in parameters])


FRESH = Experiment(
    "fresh",
    fresh,
    {"depth": (16, 8, 4), "width": (32, 64), "start": ("loud", "quiet"), "seq": (10, 30)},
    tolerance={"first": 0.02, "last": 0.1, "all_first": 0.02, "all_last": 0.02},
    tuned="nothing is trained",
)

LOUD_AND_DEEP = (
    Condition("the matrices start loud", lambda s: s["start"] == "loud"),
    Condition("the stack has eight layers or more", lambda s: s["depth"] >= 8),
    Condition(
        "the stack has eight layers or more, and the matrices start loud",
        lambda s: s["depth"] >= 8 and s["start"] == "loud",
    ),
    Condition(
        "the stack has sixteen layers, and the matrices start loud",
        lambda s: s["depth"] == 16 and s["start"] == "loud",
    ),
)

QUERIES_FADE = Statement(
    "4.2.1-queries-fade",
    Source("4.2.1", "with the norm last, gradients of queries and keys fade towards the top", ours=True),
    FRESH,
    effect=lambda f: f["last"] - f["first"],
    above=0.5,
    control="the same stack with the norm first",
    baseline=lambda f: 0.0,
    unit="powers of ten from the first layer to the last",
    conditions=LOUD_AND_DEEP,
)

ALL_FADE = Statement(
    "4.2.1-gradients-vanish",
    Source(
        "4.2.1", "with the norm last, the gradient vanishes on its way down to the first layer", ours=True
    ),
    FRESH,
    effect=lambda f: -f["all_last"],
    above=1.0,
    control="the last layer of the same stack, all its parameters together",
    baseline=lambda f: 0.0,
    unit="powers of ten from the last layer to the first",
    conditions=LOUD_AND_DEEP,
)

# -- trained: what keeps a deep stack trainable ---------------------------------------------

STACKS = {
    "16 layers, loud start": {"depth": 16, "start": "loud"},
    "16 layers, quiet start": {"depth": 16, "start": "quiet"},
    "4 layers, loud start": {"depth": 4, "start": "loud"},
}
CONTENDERS = ("first", "last", "warm", "bare", "cut")
TRIED = (0.03, 0.01, 0.003, 0.001, 0.0003)
EDGE = (0.001, 0.0003, 0.0001)  # asked where the lowest of the five was best
NOTHING = math.log(8)  # nats of who knows nothing
# The best on seeds from 100 on, which are not reported: `tune(stack)`.
RATES = {
    "16 layers, loud start": {"first": 0.01, "last": 0.001, "warm": 0.001, "bare": 0.0001, "cut": 0.0003},
    "16 layers, quiet start": {"first": 0.01, "last": 0.003, "warm": 0.003, "bare": 0.003, "cut": 0.0001},
    "4 layers, loud start": {"first": 0.01, "last": 0.01, "warm": 0.01, "bare": 0.003, "cut": 0.001},
}


def sorting_loss(name, stack, rate, seed, steps=60):
    """Nats a symbol on fresh rows; `warm` is the norm last with a rate that rises over half of the steps."""
    design = "last" if name == "warm" else name
    model = reader(design, width=32, seed=seed, **STACKS[stack])
    try:
        warmup = steps // 2 if name == "warm" else 0
        fit(model, sorting_batch, steps=steps, rate=rate, warmup=warmup, seed=seed)
    except TrainingError:  # its numbers have run away: it has learned nothing
        return NOTHING
    with torch.no_grad():
        rows = sorting_batch(torch.Generator().manual_seed(99), 256)
        return min(answer_loss(model, rows).item(), NOTHING)


def best_of(tried, name, stack, seeds, steps):
    """Of some rates the one of least loss over some seeds; of equals the lowest."""
    losses = {rate: sum(sorting_loss(name, stack, rate, seed, steps) for seed in seeds) for rate in tried}
    return min(losses, key=lambda rate: (losses[rate], rate))


def tuned(tried, name, stack, steps):
    """The best of the tried rates on seed 100; where that is the grid's lowest, of `EDGE` on two others."""
    best = best_of(tried, name, stack, [100], steps)
    return best_of(EDGE, name, stack, [101, 102], steps) if best == TRIED[-1] else best


def tune(stack):
    """A rate for every contender, none of them tuned on a seed that is reported."""
    return {name: tuned(TRIED, name, stack, 60) for name in CONTENDERS}


def depth(seed, stack):
    """Five stacks alike but for norms, residuals and warm-up, each at its own rate: nats after 60 steps."""
    return {name: sorting_loss(name, stack, RATES[stack][name], seed) for name in CONTENDERS}


DEPTH = Experiment(
    "depth",
    depth,
    {"stack": tuple(STACKS)},
    tolerance={"first": 0.25},
    tuned="the rate: the best of 0.03, 0.01, 0.003, 0.001, 0.0003 on seed 100, by contender and stack; where "
    "that was the lowest, the best of 0.001, 0.0003, 0.0001 on seeds 101 and 102",
)

WHICH_STACK = (
    Condition("the matrices start loud", lambda s: "loud" in s["stack"]),
    Condition("the matrices start quietly", lambda s: "quiet" in s["stack"]),
    Condition("the stack is deep (16 layers)", lambda s: "16" in s["stack"]),
    Condition("the stack is shallow (4 layers)", lambda s: "16" not in s["stack"]),
    Condition(
        "the stack is deep (16 layers) and its matrices start loud",
        lambda s: s["stack"] == "16 layers, loud start",
    ),
)

# The same question after more steps, with those contenders that it is about.
LONGER = {
    "16 layers, loud start, 60 steps": ("16 layers, loud start", 60),
    "16 layers, loud start, 150 steps": ("16 layers, loud start", 150),
    "16 layers, quiet start, 60 steps": ("16 layers, quiet start", 60),
    "16 layers, quiet start, 150 steps": ("16 layers, quiet start", 150),
    "4 layers, loud start, 60 steps": ("4 layers, loud start", 60),
}
NORM_AND_RESIDUAL = ("first", "bare", "cut")
LONG_RATES = {  # `tune_longer(stack)`
    "16 layers, loud start": {"first": 0.01, "bare": 0.0001, "cut": 0.0003},
    "16 layers, quiet start": {"first": 0.003, "bare": 0.003, "cut": 0.0001},
}


def tune_longer(stack, steps=150):
    """For 150 steps: as `tune`, from the rate that is best for 60 and its two neighbours."""
    best = {}
    for name in NORM_AND_RESIDUAL:
        at = TRIED.index(max(RATES[stack][name], TRIED[-2]))
        best[name] = tuned(TRIED[max(at, 1) - 1 : max(at, 1) + 2], name, stack, steps)
    return best


def stacks(seed, stack):
    """Stacks with the norm first, without a norm and without residuals: nats after few steps or more."""
    which, steps = LONGER[stack]
    rates = RATES[which] if steps == 60 else LONG_RATES[which]
    return {name: sorting_loss(name, which, rates[name], seed, steps) for name in NORM_AND_RESIDUAL}


STACKED = Experiment(
    "stacks",
    stacks,
    {"stack": tuple(LONGER)},
    tolerance={"first": 0.25},
    tuned="the rate, by contender and stack on seed 100: for 60 steps the best of 0.03, 0.01, 0.003, 0.001, "
    "0.0003, for 150 the best of that one and its two neighbours; where 0.0003 was best, the best of 0.001, "
    "0.0003, 0.0001 on seeds 101 and 102",
)

WHICH_STACK_AND_STEPS = (
    *WHICH_STACK[:3],
    Condition("training is short (60 steps)", lambda s: "60 steps" in s["stack"]),
    Condition("training is longer (150 steps)", lambda s: "150 steps" in s["stack"]),
    Condition(
        "the matrices start loud and training is short (60 steps)",
        lambda s: "loud" in s["stack"] and "60 steps" in s["stack"],
    ),
    Condition(
        "the stack is deep (16 layers) and its matrices start loud",
        lambda s: "16 layers, loud start" in s["stack"],
    ),
)

NORM = Statement(
    "4.2.1-norm",
    Source("4.2.1", "the norm keeps deep stacks trainable", ours=True),
    STACKED,
    effect=lambda f: f["bare"] - f["first"],
    above=0.05,
    control="the same stack without a norm",
    baseline=lambda f: 0.0,
    unit="nats a symbol better, norm first",
    conditions=WHICH_STACK_AND_STEPS,
)

RESIDUAL = Statement(
    "4.2.1-residual",
    Source("4.2.1", "the residual keeps deep stacks trainable", ours=True),
    STACKED,
    effect=lambda f: f["cut"] - f["first"],
    above=0.05,
    control="the same stack, norms first, without its residuals",
    baseline=lambda f: 0.0,
    unit="nats a symbol better",
    conditions=WHICH_STACK_AND_STEPS,
)

NORM_FIRST = Statement(
    "4.2.1-norm-first",
    Source("4.2.1", "the norm first trains better than the norm last", ours=True),
    DEPTH,
    effect=lambda f: f["last"] - f["first"],
    above=0.05,
    control="the same stack with the norm last, at its own best rate",
    baseline=lambda f: 0.0,
    unit="nats a symbol better",
    conditions=WHICH_STACK,
)

WARM_UP = Statement(
    "4.2.1-warm-up",
    Source("4.2.1", "warm-up makes a stack with the norm last trainable", ours=True),
    DEPTH,
    effect=lambda f: f["last"] - f["warm"],
    above=0.05,
    control="the same stack at the full rate from the first step, at its own best rate",
    baseline=lambda f: 0.0,
    unit="nats a symbol better",
    conditions=WHICH_STACK,
)


# -- 4.2.2: words to digits and to Chinese numerals ------------------------------------------

MODELS = {
    "digits, 200 steps": ("digits", 200),
    "digits, 40 steps": ("digits", 40),
    "Chinese, 100 steps": ("chinese", 100),
}


def numbers(seed):
    """1,000 numbers from 100 on are held out, others for each seed; all the rest may be seen."""
    order = 100 + torch.randperm(9900, generator=torch.Generator().manual_seed(seed))
    return [*range(100), *order[1000:].tolist()], order[:1000].tolist()


def translator(script, seen, steps, seed):
    """The chapter's model before and after training."""
    torch.manual_seed(seed)
    model = EncoderDecoder(
        len(SCRIPTS["words"]),
        target_vocab=len(SCRIPTS[script]),
        d_model=64,
        num_layers=2,
        num_heads=4,
        d_ff=256,
        activation="squared_relu",
    )
    pairs = numeral_batch(seen, script)
    length = torch.tensor([len(str(number)) for number in seen])
    chance = 0.6 / len(seen) + 0.4 / 4 / torch.bincount(length)[length]

    def draw(generator):
        rows = torch.multinomial(chance, 64, replacement=True, generator=generator)
        return pairs.source[rows], pairs.source_keep[rows], pairs.target[rows]

    fresh_model = copy.deepcopy(model)
    options = {"optimizers": make_optimizers(model), "final_lr_fraction": 0, "warmup": steps // 15}
    train(model, draw, steps=steps, seed=seed, loss=teacher_forced_loss, **options)
    return fresh_model, model


def teacher_forced_loss(model, batch):
    source, keep, target = batch
    logits = model(source, target[:, :-1], keep)
    return F.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=PAD)


def exact(model, test, source=None, keep=None):
    """The share of numbers of which every symbol is right, written freely."""
    goal = test.target[:, 1:]
    written = written_freely(model, test, source, keep)
    return ((written == goal) | (goal == PAD)).all(1).float().mean().item()


def written_freely(model, test, source=None, keep=None):
    """Greedy decoding, as long as the true targets; what is short is filled up."""
    goal = test.target[:, 1:]
    options = {"start": START, "end": END, "max_len": goal.shape[1]}
    source, keep = (test.source, test.source_keep) if source is None else (source, keep)
    written = greedy_decode(model, source, source_keep=keep, **options)
    return F.pad(written, (0, goal.shape[1] - written.shape[1]), value=PAD)


def on_the_word(model, test):
    """Mean cross-attention weight on the word behind a symbol, [layer, head]."""
    weights = model.inspect(test.source, test.target[:, :-1], test.source_keep).cross.weights
    aligned = test.alignment >= 0
    word = test.alignment.clamp(min=0)[None, :, None, :, None].expand(*weights.shape[:-1], 1)
    return weights.gather(-1, word)[..., 0].transpose(1, 2)[:, :, aligned].mean(-1)


def best_head(model, chosen_on, scored_on):
    """The weight of the head that is best on some numbers, on others."""
    best = on_the_word(model, chosen_on).argmax()
    return on_the_word(model, scored_on).flatten()[best].item()


@torch.no_grad()
def hiding(model, test, generator):
    """Share of symbols that change when their own word is hidden, and when another word is, at random."""
    memory = model.encode(test.source, test.source_keep)
    lengths = test.source_keep.sum(1)

    def read(keep):
        return model.decode(test.target[:, :-1], memory, keep).argmax(-1)

    before, changed, total = read(test.source_keep), [0, 0], 0
    for position in range(test.target.shape[1] - 1):
        own = test.alignment[:, position]
        rows = (own >= 0) & (lengths > 1)
        step = 1 + (torch.rand(len(own), generator=generator) * (lengths - 1)).long()
        for which, word in enumerate((own, (own + step) % lengths)):  # its own, and one of the others
            keep = test.source_keep.clone()
            keep[rows, word[rows]] = False
            changed[which] += (read(keep) != before)[rows, position].sum().item()
        total += rows.sum().item()
    return changed[0] / total, changed[1] / total


@torch.no_grad()
def after_a_slip(model, test):
    """On numbers with a wrong symbol: share wrong after the first wrong one, free and with the teacher."""
    goal = test.target[:, 1:]
    teacher = model(test.source, test.target[:, :-1], test.source_keep).argmax(-1) != goal
    free = written_freely(model, test) != goal
    counted = goal != PAD
    slipped = (free & counted).long().cumsum(1)
    later = counted & (slipped.roll(1, 1) > 0)  # some earlier symbol was wrong
    later[:, 0] = False
    if not later.any():
        return 0.0, 0.0
    return free[later].float().mean().item(), teacher[later].float().mean().item()


def translating(seed, model):
    """One translator, trained: what it writes, where it looks, and what it needs."""
    script, steps = MODELS[model]
    seen, held_out = numbers(seed)
    test, chosen_on = numeral_batch(held_out, script), numeral_batch(seen[-500:], script)
    untrained, trained = translator(script, seen, steps, seed)
    shifted = test.source.roll(1, 0), test.source_keep.roll(1, 0)
    own, other = hiding(trained, test, torch.Generator().manual_seed(seed))
    free, teacher = after_a_slip(trained, test)
    return {
        "exact": exact(trained, test),
        "exact_other_source": exact(trained, test, *shifted),
        "best_head": best_head(trained, chosen_on, test),
        "best_head_untrained": best_head(untrained, chosen_on, test),
        "own_word": own,
        "another_word": other,
        "after_slip_free": free,
        "after_slip_teacher": teacher,
    }


TRANSLATING = Experiment(
    "translating",
    translating,
    {"model": tuple(MODELS)},
    tolerance={
        "exact": 0.1,
        "exact_other_source": 0.01,
        "best_head": 0.15,
        "best_head_untrained": 0.01,
        "own_word": 0.15,
        "another_word": 0.1,
    },
    tuned="on the chapter's own task by hand: steps and shares of lengths, on other held-out numbers",
)

LONG_ENOUGH = (
    Condition("training is long enough (100 steps or more)", lambda s: "40" not in s["model"]),
    Condition("it is trained to the end (200 steps)", lambda s: "200" in s["model"]),
    Condition("it writes digits", lambda s: "digits" in s["model"]),
    Condition("it is half trained (40 steps)", lambda s: "40" in s["model"]),
    Condition("it still errs (100 steps or fewer)", lambda s: "200" not in s["model"]),
)

TRANSLATES = Statement(
    "4.2.2-translates",
    Source("4.2.2", "an encoder and a decoder turn one sequence into another", ours=True),
    TRANSLATING,
    effect=lambda f: f["exact"] - f["exact_other_source"],
    above=0.95,
    control="the same model with another number's words in the encoder",
    baseline=lambda f: 0.0,
    unit="of held-out numbers wholly right",
    conditions=LONG_ENOUGH,
)

FINDS_THE_WORD = Statement(
    "4.2.2-finds-the-word",
    Source(
        "4.2.2",
        "cross-attention reads the encoder: it shows which word is being written",
        article="用于关注encoder的输出",
    ),
    TRANSLATING,
    effect=lambda f: f["best_head"] - f["best_head_untrained"],
    above=0.25,
    control="the best head before training, chosen in the same way",
    baseline=lambda f: 0.0,
    unit="of the weight more on the word behind the symbol",
    conditions=LONG_ENOUGH,
)

HIDDEN_WORD = Statement(
    "4.2.2-hidden-word",
    Source("4.2.2", "a symbol needs the word that its map points at", ours=True),
    TRANSLATING,
    effect=lambda f: f["own_word"] - f["another_word"],
    above=0.25,
    control="another word of the same number hidden, at random",
    baseline=lambda f: 0.0,
    unit="of the symbols more change",
    conditions=LONG_ENOUGH,
)

ERRING = {
    "digits, 40 steps": ("digits", 40),
    "digits, 60 steps": ("digits", 60),
    "digits, 80 steps": ("digits", 80),
    "Chinese, 40 steps": ("chinese", 40),
    "Chinese, 60 steps": ("chinese", 60),
}


def slips(seed, model):
    """A translator stopped early, judged on 4,000 numbers that it has not seen: what follows a slip."""
    script, steps = ERRING[model]
    order = 100 + torch.randperm(9900, generator=torch.Generator().manual_seed(seed))
    seen, held_out = [*range(100), *order[4000:].tolist()], order[:4000].tolist()
    trained = translator(script, seen, steps, seed)[1]
    test = numeral_batch(held_out, script)
    free, teacher = after_a_slip(trained, test)
    return {"exact": exact(trained, test), "after_slip_free": free, "after_slip_teacher": teacher}


SLIPS = Experiment(
    "slips",
    slips,
    {"model": tuple(ERRING)},
    tolerance={"exact": 0.15},
    tuned="nothing: the translators' recipe, stopped early",
)

HOW_OFTEN = (
    Condition("it errs often (40 steps)", lambda s: "40" in s["model"]),
    Condition("it errs often (60 steps or fewer)", lambda s: "80" not in s["model"]),
    Condition("it writes digits", lambda s: "digits" in s["model"]),
    Condition("it writes Chinese numerals", lambda s: "Chinese" in s["model"]),
    Condition(
        "it writes digits, or Chinese numerals and errs often (40 steps)",
        lambda s: "digits" in s["model"] or "40" in s["model"],
    ),
)

SECOND_SLIP = Statement(
    "4.2.2-second-slip",
    Source("4.2.2", "alone, a model errs more after its own first slip than with the teacher", ours=True),
    SLIPS,
    effect=lambda f: f["after_slip_free"] - f["after_slip_teacher"],
    above=0.05,
    control="the same places of the same numbers, with the teacher's beginning",
    baseline=lambda f: 0.0,
    unit="of the symbols after a slip more are wrong",
    conditions=HOW_OFTEN,
)
