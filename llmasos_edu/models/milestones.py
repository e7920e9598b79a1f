"""Landmarks on the way to the transformer, each as a model of the next token (section 2.1.2).

All read tokens `[batch, seq]` and give logits `[batch, scored, vocab]` of the tokens that follow the last
`scored` positions, so that one loss trains and one measure compares them all, `LanguageModel` among them.
None looks at a token behind the one that it predicts.
"""

import torch
from torch import Tensor, nn

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.tensors import check_tokens


class NeuralNGram(nn.Module):
    """The first neural language model: the last tokens' vectors side by side, one hidden layer, a softmax.

    `logits = U tanh(H [E[x_t]; E[x_t-1]; ...])`. Like an n-gram it sees `window` tokens; unlike one it has
    something to say about a context that it never met, since near words have near vectors.

    Args:
        vocab_size: number of different tokens.
        d_model: width of a token's vector.
        window: tokens of context.
        hidden: width of the hidden layer; `2 * d_model` unless given.

    Raises:
        ValueError: a size below 1.

    Source: Bengio et al. 2003, "A Neural Probabilistic Language Model", section 2, without the direct
    connections; article 2.1.2.
    """

    def __init__(self, vocab_size: int, *, d_model: int, window: int = 5, hidden: int | None = None):
        super().__init__()
        hidden = 2 * d_model if hidden is None else hidden
        _check_sizes(vocab_size=vocab_size, d_model=d_model, window=window, hidden=hidden)
        self.vocab_size, self.window = vocab_size, window
        self.embedding = nn.Embedding(vocab_size + 1, d_model)  # one more: what stands before the beginning
        self.hidden = nn.Linear(window * d_model, hidden)
        self.head = _empty_head(hidden, vocab_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[batch, seq]` -> `[batch, seq, vocab]`."""
        tokens = check_tokens("tokens", tokens, self.vocab_size)
        before = tokens.new_full((len(tokens), self.window - 1), self.vocab_size)
        windows = torch.cat([before, tokens], 1).unfold(1, self.window, 1)  # [batch, seq, window]
        return self.head(torch.tanh(self.hidden(self.embedding(windows).flatten(2))))


class BagOfWords(nn.Module):
    """The mean of the last tokens' vectors, in whatever order: word2vec's CBOW, looking back alone.

    `logits = U mean(E[x_t], E[x_t-1], ...)`. No hidden layer: made to learn vectors from much text at little
    cost, not to predict well.

    Args:
        vocab_size, d_model: as in `NeuralNGram`.
        window: tokens of context; None takes all.

    Raises:
        ValueError: a size below 1.

    Source: Mikolov et al. 2013, "Efficient Estimation of Word Representations in Vector Space", section 3.1
    (there with words from both sides and a faster softmax); article 2.1.2.
    """

    def __init__(self, vocab_size: int, *, d_model: int, window: int | None = 5):
        super().__init__()
        _check_sizes(vocab_size=vocab_size, d_model=d_model, window=1 if window is None else window)
        self.vocab_size, self.window = vocab_size, window
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.head = _empty_head(d_model, vocab_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[batch, seq]` -> `[batch, seq, vocab]`."""
        sums = self.embedding(check_tokens("tokens", tokens, self.vocab_size)).cumsum(1)
        counts = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
        if self.window is not None and tokens.shape[1] > self.window:
            sums = torch.cat([sums[:, : self.window], sums[:, self.window :] - sums[:, : -self.window]], 1)
            counts = counts.clamp_max(self.window)
        return self.head(sums / counts[:, None])


class RecurrentModel(nn.Module):
    """A recurrent network: one vector, the state, is all that it keeps of the past.

    `s_t = GRU(E[x_t], s_t-1)`, `logits = U s_t`.

    Args:
        vocab_size, d_model: as in `NeuralNGram`; `d_model` is the width of the state too.

    Raises:
        ValueError: a size below 1.

    Source: Mikolov et al. 2010, "Recurrent neural network based language model"; Cho et al. 2014, "Learning
    Phrase Representations using RNN Encoder-Decoder", section 2.3, for the gates; article 2.1.1.
    """

    def __init__(self, vocab_size: int, *, d_model: int):
        super().__init__()
        _check_sizes(vocab_size=vocab_size, d_model=d_model)
        self.vocab_size = vocab_size
        self.embedding = nn.Embedding(vocab_size, d_model)
        self.network = nn.GRU(d_model, d_model, batch_first=True)
        self.head = _empty_head(d_model, vocab_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """`[batch, seq]` -> `[batch, seq, vocab]`."""
        states, _ = self.network(self.embedding(check_tokens("tokens", tokens, self.vocab_size)))
        return self.head(states)


class RecurrentWithAttention(nn.Module):
    """Sequence to sequence: one network reads the source, another writes, and looks back at what was read.

    `m = GRU(E[source])`, `s = GRU(E[target])` that begins where the first one ended, `a = softmax(s W m^T)`,
    `logits = U tanh(C [a m; s])`.

    Args:
        vocab_size, d_model: as in `RecurrentModel`.

    Raises:
        ValueError: a size below 1.

    Source: Sutskever et al. 2014, "Sequence to Sequence Learning with Neural Networks"; Bahdanau et al. 2015,
    "Neural Machine Translation by Jointly Learning to Align and Translate", for attention; Luong et al. 2015,
    "Effective Approaches to Attention-based Neural Machine Translation", section 3.1, for this form of it,
    in which all positions are computed at once; article 2.1.2.
    """

    def __init__(self, vocab_size: int, *, d_model: int):
        super().__init__()
        _check_sizes(vocab_size=vocab_size, d_model=d_model)
        self.vocab_size = vocab_size
        self.source_embedding = nn.Embedding(vocab_size, d_model)
        self.target_embedding = nn.Embedding(vocab_size, d_model)
        self.reader = nn.GRU(d_model, d_model, batch_first=True)
        self.writer = nn.GRU(d_model, d_model, batch_first=True)
        self.match = nn.Linear(d_model, d_model, bias=False)
        self.combine = nn.Linear(2 * d_model, d_model, bias=False)
        self.head = _empty_head(d_model, vocab_size)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """`[batch, source]`, `[batch, target]` -> logits after each target token `[batch, target, vocab]`."""
        source = check_tokens("source", source, self.vocab_size)
        target = check_tokens("target", target, self.vocab_size)
        memory, last = self.reader(self.source_embedding(source))
        states, _ = self.writer(self.target_embedding(target), last)
        looked_at = (self.match(states) @ memory.mT).softmax(-1) @ memory
        return self.head(torch.tanh(self.combine(torch.cat([looked_at, states], -1))))


class InHalves(nn.Module):
    """A model from sequence to sequence as a model of text: the first half is its source, then it writes on.

    Args:
        model: called with (source, target), gives logits `[batch, target, vocab]` after each target token:
            `RecurrentWithAttention`, `EncoderDecoder`.
        source: tokens of the first part.

    Raises:
        ValueError: a size below 1.
    """

    def __init__(self, model: nn.Module, *, source: int):
        super().__init__()
        _check_sizes(source=source)
        self.model, self.source = model, source

    def forward(self, tokens: Tensor) -> Tensor:
        """`[batch, seq]` -> `[batch, seq - source, vocab]`.

        Raises:
            ValueError: nothing is left to write.
        """
        if tokens.shape[1] <= self.source:
            raise ValueError(f"{tokens.shape[1]} tokens leave nothing behind a source of {self.source}")
        return self.model(tokens[:, : self.source], tokens[:, self.source :])


def _empty_head(width: int, vocab_size: int) -> nn.Linear:
    """A head that expects nothing in particular yet."""
    head = nn.Linear(width, vocab_size)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def _check_sizes(**sizes: int) -> None:
    for name, value in sizes.items():
        check_count(name, value)
