"""The next-token objective: windows of a text, the loss to train on, and the measure that compares models."""

import math

import torch
import torch.nn.functional as F

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.foundation.tensors import digest, token_vector


class TextSampler:
    """Random windows of a text: `sampler(generator)` gives a LongTensor [batch, context + 1].

    Args:
        tokens: the text as token ids, LongTensor [n] or a list of ints, n > context.
        context: number of tokens that the model sees; each window has one more, the last target.
        batch_size: windows per batch.
    """

    def __init__(self, tokens, *, context, batch_size):
        self.tokens = token_vector(tokens)
        for name, value in {"context": context, "batch_size": batch_size}.items():
            check_count(name, value)
        if len(self.tokens) <= context:
            size = f"{len(self.tokens)} tokens"
            raise ValueError(f"the text is too short: {size}, context={context} needs at least {context + 1}")
        self.context, self.batch_size = context, batch_size

    def identity(self) -> str:
        """A digest of all that decides which batches come: other tokens or sizes have another."""
        return digest(self.tokens, self.context, self.batch_size)

    def __call__(self, generator):
        starts = torch.randint(len(self.tokens) - self.context, (self.batch_size, 1), generator=generator)
        return self.tokens[starts + torch.arange(self.context + 1)]  # [batch, context + 1]


def next_token_loss(model, batch):
    """Mean surprise at the next token, `-1/n sum_t ln p(target_t | inputs_<=t)`, in nats per token.

    Args:
        model: maps tokens [batch, seq] to logits [batch, seq, vocab].
        batch: LongTensor [batch, seq + 1], whose targets are its inputs moved by one; or a pair: inputs
            [batch, seq], targets [batch, seq] (-100 is not scored) or [batch] for the last position.

    Returns:
        Scalar tensor, nats per scored token.

    Raises:
        ValueError: shapes that do not fit, nothing to score.

    Source: Bengio et al. 2003, "A Neural Probabilistic Language Model", section 2; the article's section 3.1.
    """
    inputs, targets = (batch[:, :-1], batch[:, 1:]) if isinstance(batch, torch.Tensor) else batch
    logits = model(inputs)  # [batch, seq, vocab]
    if targets.ndim == 1:
        logits = logits[:, -1]
    if logits.shape[:-1] != targets.shape:
        shapes = f"logits {list(logits.shape)}, targets {list(targets.shape)}"
        raise ValueError(f"{shapes}: all sizes but the vocabulary's must be equal")
    targets = targets.reshape(-1).long()
    if not (targets != -100).any():
        raise ValueError(f"all {len(targets)} targets are -100: nothing is scored")
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets)


@torch.no_grad()
def bits_per_byte(model, tokens, *, context, num_bytes, stride=None, batch_size=32):
    """Bits that the model needs per byte of a text, `-sum_t log2 p(token_t) / num_bytes`.

    The text is cut into windows of `context` inputs, and every token except the first is scored exactly once.
    Unless a stride is given the windows do not overlap: the first token of each is guessed from one token
    only, so a longer `context` scores better. With a stride each window begins that many tokens after the
    last one and only its new tokens are scored: all but those of the first window are guessed from at least
    `context - stride` tokens, which costs `context / stride` times the work. In bytes, different
    vocabularies compare fairly.

    Args:
        model: maps tokens [batch, seq] to logits [batch, seq, vocab].
        tokens: the held-out text, LongTensor [n] or list of ints, n >= 2.
        context: inputs per window, at most what the model accepts.
        num_bytes: length in UTF-8 bytes of the text that stands behind the scored tokens.
        stride: tokens from one window to the next, from 1 to `context`; `context` unless given.
        batch_size: windows per forward pass; does not change the result but for rounding.

    Returns:
        Bits per byte, a float.

    Raises:
        ValueError: sizes that are no whole numbers of at least 1, a stride above `context`, a text of one
            token.
    """
    tokens = token_vector(tokens)
    stride = context if stride is None else stride
    sizes = {"context": context, "num_bytes": num_bytes, "stride": stride, "batch_size": batch_size}
    for name, value in sizes.items():
        check_count(name, value)
    if stride > context:
        raise ValueError(f"stride={stride} is longer than context={context}: it would leave tokens out")
    if len(tokens) < 2:
        raise ValueError(f"the text has {len(tokens)} token, at least 2 are needed: the first is not scored")
    tokens = tokens.to(next((p.device for p in model.parameters()), "cpu"))
    with modes_kept(model):
        model.eval()
        nats = sum(
            _total_nats(model(window[:, :-1])[:, known:], window[:, 1 + known :])
            for window, known in text_windows(tokens, context, stride, batch_size)
        )
    return nats / math.log(2) / num_bytes


def text_windows(tokens, context, stride, batch_size):
    """Yield windows [batch, length + 1] of a text, and how many of their first targets were scored before."""
    count = len(tokens) - 1  # tokens to score
    if count <= context:
        yield tokens[None], 0
        return
    windows = tokens.unfold(0, context + 1, stride)
    for first, known in ((True, 0), (False, context - stride)):
        own = windows[:1] if first else windows[1:]
        yield from ((batch, known) for batch in own.split(batch_size) if len(batch))
    scored = (len(windows) - 1) * stride + context
    if scored < count:  # the rest, behind as much text as fits if windows overlap
        start = count - context if stride < context else scored
        yield tokens[None, start:], scored - start


def _total_nats(logits, targets):
    # summed in float64: a hundred thousand float32 terms would lose the fourth digit
    nats = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return nats.double().sum().item()
