"""Vectors of whole texts from a language model, for finding what is about the same (chapter 6.2.2)."""

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from llmasos_edu.foundation.arguments import check_number
from llmasos_edu.foundation.tensors import check_tokens


class TextVectors:
    """A text's vector: the mean of its tokens' embeddings, of which frequent ones count less.

        v(text) = sum_t a / (a + p(t)) E[t] / n,    less the mean over all passages

    Args:
        embedding: one row a token, `[vocab, d_model]`, such as `model.embedding.weight`.
        passages: the texts as tokens, from which frequencies and mean are taken.
        a: the smaller, the less a frequent token counts.

    Attributes:
        vectors: of the passages, `[passages, d_model]`.

    Raises:
        ValueError: no passages, an empty one, tokens without an embedding, or an `a` that is not positive.

    Source: Arora et al. 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", section 3; where
    they take off the first principal direction, the mean is taken off here.
    """

    def __init__(self, embedding: Tensor, passages: Sequence[Sequence[int]], a: float = 1e-3):
        check_number("a", a, 1e-9, 1e9)
        if not passages:
            raise ValueError("there are no passages: nothing says which tokens are frequent")
        self.embedding = embedding.detach()
        counts = Counter(token for tokens in passages for token in tokens)
        total = counts.total()
        weights = [a / (a + counts[token] / total) for token in range(len(embedding))] if total else []
        self._weights = torch.tensor(weights, dtype=self.embedding.dtype)
        self._mean = torch.zeros(embedding.shape[1], dtype=self.embedding.dtype)
        raw = torch.stack([self(tokens) for tokens in passages])
        self._mean = raw.mean(dim=0)
        self.vectors = raw - self._mean

    def __call__(self, tokens: Sequence[int]) -> Tensor:
        """The vector of one more text, `[d_model]`.

        Raises:
            ValueError: an empty text, or tokens without an embedding.
        """
        if not len(tokens):
            raise ValueError("a text without tokens has no vector")
        row = check_tokens("tokens", torch.as_tensor(tokens)[None], len(self.embedding))[0]
        weights = self._weights[row, None]
        return (weights * self.embedding[row]).mean(dim=0) - self._mean
