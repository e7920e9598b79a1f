"""Evidence for chapter 5, the project: the listing as printed and mended, and experts at equal work.

`make evidence ARGS=5` computes it. What is varied, and against what, stands in each experiment below.
"""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import nn

from llmasos_edu.book.evidence import Condition, Experiment, Source, Statement
from llmasos_edu.corpus import manual, split_documents
from llmasos_edu.layers.moe import MixtureLoss
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.ngram import NGram
from llmasos_edu.training.loop import TextSampler, bits_per_byte, next_token_loss, train


@cache
def text():
    """Bytes of the manual to train on, and held-out ones, as tensors."""
    split = split_documents(manual(), seed=0)
    return tuple(torch.tensor(list(part.encode())) for part in (split.train_text, split.held_out_text))


# -- 5.1: the listing, with its faults as the chapter shows them ----------------------------


class Attention(nn.Module):
    """Attention of the listing; each fault can be mended alone."""

    def __init__(self, width, mended, num_heads=8):
        super().__init__()
        self.num_heads, self.mended = num_heads, mended
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def split(self, x):
        batch, seq, _ = x.shape
        if "heads" in self.mended:
            return x.reshape(batch, seq, self.num_heads, -1).transpose(1, 2)
        return x.reshape(batch, self.num_heads, seq, -1)

    def merge(self, heads):
        batch, _, seq, _ = heads.shape
        return (heads.transpose(1, 2) if "heads" in self.mended else heads).reshape(batch, seq, -1)

    def forward(self, x):
        query, key, value = (self.split(part(x)) for part in (self.query, self.key, self.value))
        scores = query @ key.mT / key.shape[-1] ** 0.5
        if "mask" in self.mended:
            future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(future, -torch.inf)
        return self.out(self.merge(scores.softmax(-1) @ value))


class Layer(nn.Module):
    """The listing's layer: two residuals, each with its norm last (the formula of 4.2.1 has one)."""

    def __init__(self, width, mended):
        super().__init__()
        self.attention = Attention(width, mended)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        x = self.norm_1(x + self.attention(x))
        return self.norm_2(x + self.feed_forward(x))


class Mixture(nn.Module):
    """Whole layers as experts, all of them asked, their answers stacked on one dimension or the other."""

    def __init__(self, width, num_experts, mended):
        super().__init__()
        self.gate = nn.Linear(width, num_experts)
        self.experts = nn.ModuleList(Layer(width, mended) for _ in range(num_experts))
        self.dim = 2 if "stack" in mended else 1

    def forward(self, x):
        answers = torch.stack([expert(x) for expert in self.experts], dim=self.dim)
        return torch.einsum("bse,bsed->bsd", self.gate(x).softmax(-1), answers)


class Writer(nn.Module):
    """What the listing lacks to be trained at all: an embedding before it and a head behind it."""

    def __init__(self, mended, *, experts, layers=1, width=32):
        super().__init__()
        self.embedding = nn.Embedding(256, width)
        self.place = None
        if "positions" in mended:
            self.place = nn.Embedding(experts, width)
            nn.init.normal_(self.place.weight, std=0.1)  # quieter than the bytes, or it drowns them
        self.layers = nn.Sequential(*(Mixture(width, experts, mended) for _ in range(layers)))
        self.head = nn.Linear(width, 256)

    def forward(self, tokens):
        x = self.embedding(tokens)
        if self.place is not None:
            x = x + self.place(torch.arange(tokens.shape[1]))
        return self.head(self.layers(x))


ALL = frozenset({"stack", "heads", "mask", "positions"})
RUNGS = {"listing": frozenset(), "mended": ALL} | {f"no_{part}": ALL - {part} for part in sorted(ALL)}


def windows(of, size, count, generator):
    starts = torch.randint(len(of) - size, (count,), generator=generator)
    return of[starts[:, None] + torch.arange(size + 1)]


def windows_loss(model, batch):
    return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


def written_bits(model, rows):
    """Bits of the last byte of each row, read from what stands before it."""
    with torch.no_grad():
        return F.cross_entropy(model(rows[:, :-1])[:, -1], rows[:, -1]).item() / math.log(2)


def taught(mended, seed, *, steps, experts, mixtures, rate):
    """A writer trained on windows of as many bytes as there are experts: the listing runs on no other."""
    train_bytes, _ = text()
    torch.manual_seed(seed)
    model = Writer(mended, experts=experts, layers=mixtures)
    train(
        model,
        lambda g: windows(train_bytes, experts, 64, g),
        steps=steps,
        seed=seed,
        loss=windows_loss,
        optimizers=torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0, fused=True),
    )
    return model


TRIED, TUNED_ON = (0.3, 0.1, 0.03, 0.01, 0.003), (1000, 1001)
# For each (steps, experts, mixtures) the best of the five tried, by rung: `tune(...)`.
RATES = {
    (100, 4, 1): dict(zip(RUNGS, (0.01, 0.01, 0.03, 0.03, 0.01, 0.01), strict=True)),
    (200, 4, 1): dict(zip(RUNGS, (0.01, 0.01, 0.03, 0.03, 0.01, 0.01), strict=True)),
    (100, 6, 1): dict(zip(RUNGS, (0.01, 0.01, 0.03, 0.1, 0.03, 0.01), strict=True)),
    (100, 8, 1): dict(zip(RUNGS, (0.01, 0.01, 0.03, 0.1, 0.01, 0.03), strict=True)),
    (100, 4, 2): dict(zip(RUNGS, (0.01, 0.01, 0.01, 0.003, 0.01, 0.01), strict=True)),
}


def tune(**sizes):
    """Each rung's best rate over two seeds that no figure uses, on 2,000 windows of the training text."""

    def tried(mended, rate, seed):
        rows = windows(text()[0], sizes["experts"], 2000, torch.Generator().manual_seed(seed))
        return written_bits(taught(mended, seed, rate=rate, **sizes), rows)

    return {
        name: min(TRIED, key=lambda rate, mended=mended: sum(tried(mended, rate, seed) for seed in TUNED_ON))
        for name, mended in RUNGS.items()
    }


def pairs_bits(train_bytes, rows):
    """Bits of the last byte for one who has counted which byte follows which, a tenth added to each count."""
    counts = torch.bincount(256 * train_bytes[:-1] + train_bytes[1:], minlength=65536).view(256, 256) + 0.1
    return -(counts / counts.sum(1, keepdim=True))[rows[:, -2], rows[:, -1]].log2().mean().item()


def ladder(seed, steps, experts, mixtures):
    """The listing, the mended one, and the mended one with one fault put back: bits a byte when it writes.

    `full_...` with as many bytes read as in training, `short_...` with half of them; the listing, and the
    mended one with its stacking fault, run on the full length alone. Each is trained at its own rate.
    """
    train_bytes, held_out = text()
    rows = windows(held_out, experts, 2000, torch.Generator().manual_seed(seed))
    figures = {"pairs": pairs_bits(train_bytes, rows)}
    for name, mended in RUNGS.items():
        rate = RATES[steps, experts, mixtures][name]
        model = taught(mended, seed, steps=steps, experts=experts, mixtures=mixtures, rate=rate)
        figures[f"full_{name}"] = written_bits(model, rows)
        if "stack" in mended:
            figures[f"short_{name}"] = written_bits(model, rows[:, -(experts // 2 + 1) :])
    return figures


LADDER = Experiment(
    "ladder",
    ladder,
    {"steps": (100, 200), "experts": (4, 6, 8), "mixtures": (1, 2)},
    tolerance={"pairs": 1e-3, "full_listing": 0.15, "full_mended": 0.15, "short_mended": 0.15},
    tuned="the rate, by rung and setting: the best of 0.3, 0.1, 0.03, 0.01, 0.003 on two seeds of their own, "
    "judged on windows of the training text",
)

HOW_LONG = (
    Condition("windows have four bytes", lambda s: s["experts"] == 4),
    Condition("windows have six or eight bytes", lambda s: s["experts"] > 4),
    Condition("training is short (100 steps)", lambda s: s["steps"] == 100),
    Condition("training is longer (200 steps)", lambda s: s["steps"] == 200),
    Condition("there is one mixture", lambda s: s["mixtures"] == 1),
    Condition("there are two mixtures", lambda s: s["mixtures"] == 2),
    Condition(
        "windows have four bytes and there is one mixture", lambda s: s["experts"] == 4 and s["mixtures"] == 1
    ),
    Condition(
        "training is longer (200 steps) or windows have six or eight bytes",
        lambda s: s["steps"] == 200 or s["experts"] > 4,
    ),
)
SAME = "the same parts, width, seed and bytes, each at its own rate"
# With the fault each of eight heads holds experts / 8 places: a whole one or a part of one, or of two.
ONE_PLACE = Condition(
    "no head holds parts of two places: eight heads on four or eight bytes, not on six",
    lambda s: 8 % s["experts"] == 0,
)


def mean_bits(figures, name):
    """At both lengths."""
    return (figures[f"full_{name}"] + figures[f"short_{name}"]) / 2


MENDING = Statement(
    "5.1-mending",
    Source("5.1", "the mended listing writes better than the listing as printed", ours=True),
    LADDER,
    effect=lambda f: f["full_listing"] - f["full_mended"],
    above=0.05,
    control=f"the listing, at the one length on which it runs; {SAME}",
    baseline=lambda f: 0.0,
    unit="bits a byte better",
    conditions=HOW_LONG,
)

STACK = Statement(
    "5.1-stack",
    Source("5.1", "answers stacked on the wrong dimension cost bits", ours=True),
    LADDER,
    effect=lambda f: f["full_no_stack"] - f["full_mended"],
    above=0.05,
    control=f"all mended, at the one length on which the fault runs; {SAME}",
    baseline=lambda f: 0.0,
    unit="bits a byte",
    conditions=HOW_LONG,
)

HEADS = Statement(
    "5.1-heads",
    Source("5.1", "heads cut from the text cost bits", ours=True),
    LADDER,
    effect=lambda f: mean_bits(f, "no_heads") - mean_bits(f, "mended"),
    above=0.05,
    control=f"all mended; {SAME}",
    baseline=lambda f: 0.0,
    unit="bits a byte",
    conditions=(ONE_PLACE, *HOW_LONG),
)

MASK = Statement(
    "5.1-mask",
    Source(
        "5.1",
        "a model that read the future in training writes worse from texts shorter than there",
        ours=True,
    ),
    LADDER,
    effect=lambda f: f["short_no_mask"] - f["short_mended"],
    above=0.5,
    control=f"all mended, with half of the bytes to read, so that the place it writes at has seen its next; "
    f"{SAME}",
    baseline=lambda f: 0.0,
    unit="bits a byte",
    conditions=HOW_LONG,
)

POSITIONS = Statement(
    "5.1-positions",
    Source("5.1", "without positions the model writes worse", ours=True),
    LADDER,
    effect=lambda f: mean_bits(f, "no_positions") - mean_bits(f, "mended"),
    above=0.05,
    control=f"all mended; {SAME}",
    baseline=lambda f: 0.0,
    unit="bits a byte",
    conditions=HOW_LONG,
)

# -- 5.2: a small language model, dense and with experts at equal work for a token ---------------

PLACES = {
    "rotary": {"position": "rotary"},
    "learned": {"position": "learned", "max_len": 64},
}


@cache
def counted(order):
    """Bits per byte of an n-gram with Kneser-Ney smoothing, counted on the training text."""
    train_bytes, held_out = text()
    part = held_out[:8000]
    return NGram.kneser_ney(train_bytes, 256, order).bits_per_byte(part, len(part))


def language(seed, steps, width, experts, positions):
    """A dense model and one with experts, each token through as much, beside counts: bits per byte."""
    train_bytes, held_out = text()
    part = held_out[:8000]
    shapes = {
        "dense": {"d_ff": 4 * width},
        "sparse": {"d_ff": 2 * width, "num_experts": experts, "moe": {"top_k": 2}},
    }
    figures = {"pairs": counted(2), "triples": counted(3)}
    for name, shape in shapes.items():
        torch.manual_seed(seed)
        model = LanguageModel(256, d_model=width, num_layers=2, num_heads=4, **PLACES[positions], **shape)
        loss = MixtureLoss(balance=0.01) if name == "sparse" else next_token_loss
        sample = TextSampler(train_bytes, context=64, batch_size=16)
        train(model, sample, steps=steps, seed=seed, loss=loss)
        figures[name] = bits_per_byte(model.eval(), part, context=64, num_bytes=len(part))
    return figures


LANGUAGE = Experiment(
    "language",
    language,
    {
        "steps": (100, 50, 400),
        "width": (48, 96),
        "experts": (8, 4),
        "positions": tuple(PLACES),
    },
    tolerance={"dense": 0.15, "sparse": 0.15, "pairs": 1e-3, "triples": 1e-3},
    tuned="nothing: both models have the book's own rates",
)

HOW_TRAINED = (
    Condition("training is longer than 50 steps", lambda s: s["steps"] > 50),
    Condition("training is longer (400 steps)", lambda s: s["steps"] == 400),
    Condition(
        "training is longer (400 steps) or the model wider (96)",
        lambda s: s["steps"] == 400 or s["width"] == 96,
    ),
    Condition(
        "training is longer than 50 steps and positions are rotary",
        lambda s: s["steps"] > 50 and s["positions"] == "rotary",
    ),
    Condition("positions are rotary", lambda s: s["positions"] == "rotary"),
    Condition("there are eight experts", lambda s: s["experts"] == 8),
    Condition("the model is narrow (48)", lambda s: s["width"] == 48),
)

EXPERTS_HELP = Statement(
    "5.2-experts-help",
    Source("5.2", "experts improve the model at equal work", ours=True),
    LANGUAGE,
    effect=lambda f: f["dense"] - f["sparse"],
    above=0.01,
    control="a dense network as wide as the two chosen experts together",
    baseline=lambda f: 0.0,
    unit="bits a byte better",
    conditions=HOW_TRAINED,
)

LEARNS = Statement(
    "5.2-learns-language",
    Source("5.2", "the model learns language", ours=True),
    LANGUAGE,
    effect=lambda f: f["pairs"] - f["dense"],
    above=0.02,
    control="a table of which byte follows which, counted on the same text with Kneser-Ney smoothing",
    baseline=lambda f: 0.0,
    unit="bits a byte better",
    conditions=HOW_TRAINED,
    within=lambda s: s["experts"] == 8,  # the model that is judged has none
)

BEATS_TRIPLES = Statement(
    "5.2-beats-triples",
    Source(
        "5.2", "a small model trained for seconds knows more than which byte follows which two", ours=True
    ),
    LANGUAGE,
    effect=lambda f: f["triples"] - f["dense"],
    above=0.02,
    control="a table of which byte follows which two, counted on the same text with Kneser-Ney smoothing",
    baseline=lambda f: 0.0,
    unit="bits a byte better",
    conditions=HOW_TRAINED,
    within=lambda s: s["experts"] == 8,  # the model that is judged has none
)
