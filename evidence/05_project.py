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
from llmasos_edu.training.loop import TextSampler, bits_per_byte, next_token_loss, train


@cache
def text():
    """Bytes of the manual to train on, and held-out ones, as tensors."""
    split = split_documents(manual(), seed=0)
    return tuple(torch.tensor(list(part.encode())) for part in (split.train_text, split.held_out_text))


# -- 5.1: the listing, with its faults as the chapter shows them ----------------------------


class Attention(nn.Module):
    """Attention of the listing; each fault can be mended alone."""

    def __init__(self, width, mended, num_heads=4):
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
    """LayerNorm(FFN(Attention(x)) + x)."""

    def __init__(self, width, mended):
        super().__init__()
        self.attention, self.norm = Attention(width, mended), nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width))

    def forward(self, x):
        return self.norm(self.feed_forward(self.attention(x)) + x)


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
        self.place = nn.Embedding(experts, width) if "positions" in mended else None
        self.layers = nn.Sequential(*(Mixture(width, experts, mended) for _ in range(layers)))
        self.head = nn.Linear(width, 256)

    def forward(self, tokens):
        x = self.embedding(tokens)
        if self.place is not None:
            x = x + self.place(torch.arange(tokens.shape[1]))
        return self.head(self.layers(x))


ALL = frozenset({"stack", "heads", "mask", "positions"})


def windows(of, size, count, generator):
    starts = torch.randint(len(of) - size, (count,), generator=generator)
    return of[starts[:, None] + torch.arange(size + 1)]


def windows_loss(model, batch):
    return F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())


def written_bits(model, rows):
    """Bits of the last byte of each row, read from what stands before it."""
    with torch.no_grad():
        return F.cross_entropy(model(rows[:, :-1])[:, -1], rows[:, -1]).item() / math.log(2)


def taught(mended, seed, *, steps, rate, experts):
    """A writer trained on windows of as many bytes as there are experts: the listing runs on no other."""
    train_bytes, _ = text()
    torch.manual_seed(seed)
    model = Writer(mended, experts=experts)
    train(
        model,
        lambda g: windows(train_bytes, experts, 64, g),
        steps=steps,
        seed=seed,
        loss=windows_loss,
        optimizers=torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0, fused=True),
    )
    return model


def pairs_bits(train_bytes, rows):
    """Bits of the last byte for one who has counted which byte follows which, a tenth added to each count."""
    counts = torch.bincount(256 * train_bytes[:-1] + train_bytes[1:], minlength=65536).view(256, 256) + 0.1
    return -(counts / counts.sum(1, keepdim=True))[rows[:, -2], rows[:, -1]].log2().mean().item()


def ladder(seed, steps, rate, experts):
    """The listing, the mended one, and the mended one with one fault put back: bits a byte when it writes.

    `full_...` with as many bytes read as in training, `short_...` with half of them; the listing, and the
    mended one with its stacking fault, run on the full length alone.
    """
    train_bytes, held_out = text()
    rows = windows(held_out, experts, 2000, torch.Generator().manual_seed(seed))
    figures = {"pairs": pairs_bits(train_bytes, rows)}
    kinds = {"listing": frozenset(), "mended": ALL} | {f"no_{part}": ALL - {part} for part in sorted(ALL)}
    for name, mended in kinds.items():
        model = taught(mended, seed, steps=steps, rate=rate, experts=experts)
        figures[f"full_{name}"] = written_bits(model, rows)
        if "stack" in mended:
            figures[f"short_{name}"] = written_bits(model, rows[:, -(experts // 2 + 1) :])
    return figures


LADDER = Experiment(
    "ladder",
    ladder,
    {"steps": (150, 300), "rate": (0.01, 0.003), "experts": (4, 8)},
    tolerance={"pairs": 1e-3, "full_listing": 0.15, "full_mended": 0.15, "short_mended": 0.15},
    tuned="nothing: one rate for all, 0.01, and another one in one setting",
)
