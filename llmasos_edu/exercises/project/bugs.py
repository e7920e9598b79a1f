"""What the tests of exercise 5-8 are run on: correct models, and models with one seeded bug each.

These bugs are here on purpose.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from llmasos_edu.exercises.project.model import Attention, Mixture, TinyLanguageModel, hidden

# Correct in another way --------------------------------------------------------------------------------


class OtherRounding(Attention):
    """The same softmax, stabilised by the greatest score of all: its rounding depends on hidden keys."""

    def weights(self, query, key):
        scores = self.scores(query, key)
        powers = (scores - scores.amax(-1, keepdim=True)).exp().masked_fill(hidden(scores), 0)
        return powers / powers.sum(-1, keepdim=True)


# Bugs in the attention ---------------------------------------------------------------------------------


class HeadsByReshape(Attention):
    def split(self, x):
        return x.reshape(len(x), self.num_heads, x.shape[1], -1)

    def merge(self, heads):
        return heads.reshape(len(heads), heads.shape[2], -1)


class NoMask(Attention):
    def weights(self, query, key):
        return self.scores(query, key).softmax(-1)


class MaskAfterSoftmax(Attention):
    def weights(self, query, key):
        scores = self.scores(query, key)
        return scores.softmax(-1).masked_fill(hidden(scores), 0)


class NoScale(Attention):
    def scores(self, query, key):
        return query @ key.mT


# Bugs in the mixture -----------------------------------------------------------------------------------


class GatesNotNormalised(Mixture):
    def gates(self, x):
        probs = self.router(x).softmax(-1)
        best, chosen = probs.topk(self.top_k)
        return torch.zeros_like(probs).scatter(-1, chosen, best)


class GatesTwice(Mixture):
    def gates(self, x):
        return super().gates(x) ** 2


class GatesCutOff(Mixture):
    def gates(self, x):
        return super().gates(x).detach()


class StackedOnTheWrongAxis(Mixture):
    def forward(self, x):
        batch, seq, d_model = x.shape
        answers = torch.stack([expert(x) for expert in self.experts], 1).view(batch, seq, -1, d_model)
        return (self.gates(x)[..., None] * answers).sum(-2)


# Bugs in the whole -------------------------------------------------------------------------------------


class NoPositions(TinyLanguageModel):
    def embed(self, tokens, held):
        return self.embedding(tokens)


class PositionsOfTheCacheOffByOne(TinyLanguageModel):
    def embed(self, tokens, held):
        return super().embed(tokens, max(0, held - 1))


class DropsAlways(TinyLanguageModel):
    def embed(self, tokens, held):
        return F.dropout(super().embed(tokens, held), 0.1)


class OneBlockManyTimes(TinyLanguageModel):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.blocks = nn.ModuleList([self.blocks[0]] * len(self.blocks))


class LastBlockNotUsed(TinyLanguageModel):
    def forward(self, tokens, cache=None):
        x = self.embed(tokens, 0 if cache is None else len(cache[0]))
        for number, block in enumerate(self.blocks[:-1]):
            x = block(x, None if cache is None else cache[number])
        return self.head(self.norm(x))


# The list ----------------------------------------------------------------------------------------------


def builder(model: type[TinyLanguageModel] = TinyLanguageModel, **settings) -> Callable:
    """A function without arguments that builds the same model, new each time and in training mode."""

    def build():
        return model(**settings)

    return build


CORRECT = {
    "a correct model": builder(seed=1),
    "a correct model with one matrix for embedding and head": builder(seed=22, tied=True),
    "a correct model with 4 heads, 4 experts and a dropout of a half": builder(
        seed=31, num_heads=4, num_experts=4, top_k=3, dropout=0.5
    ),
    "a correct model that rounds differently": builder(seed=7, attention=OtherRounding),
    "a correct model of 3 blocks": builder(seed=21, num_layers=3, vocab_size=17),
}
BUGGY = {
    "heads split without a transpose": builder(seed=11, attention=HeadsByReshape),
    "no causal mask": builder(seed=12, attention=NoMask),
    "the mask after the softmax": builder(seed=13, attention=MaskAfterSoftmax),
    "scores without their scale": builder(seed=14, attention=NoScale),
    "gates that do not sum to one": builder(seed=15, mixture=GatesNotNormalised),
    "gates applied twice": builder(seed=16, mixture=GatesTwice),
    "experts' answers stacked on another axis than the gates": builder(
        seed=17, mixture=StackedOnTheWrongAxis
    ),
    "a router that learns nothing": builder(seed=18, mixture=GatesCutOff),
    "positions left out": builder(NoPositions, seed=19),
    "positions one off behind a cache": builder(PositionsOfTheCacheOffByOne, seed=20),
    "dropout in evaluation": builder(DropsAlways, seed=27),
    "one block's weights in every layer": builder(OneBlockManyTimes, seed=22),
    "a last block that is never used": builder(LastBlockNotUsed, seed=23, num_layers=3),
}
