"""Learning one thing after another without forgetting: what to measure, and two ways to remember.

Replay keeps old examples; learning without forgetting (LwF) keeps the old model's answers. Two more ways have
files of their own: `elastic.py` keeps the old weights and how much each matters (EWC), `lora.py` keeps the
whole old model and puts adapters beside it. The article's section 3.3.
"""

import copy

import torch

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.foundation.tensors import digest, identity_of, token_vector
from llmasos_edu.learning.divergences import soft_cross_entropy
from llmasos_edu.training.next_token import next_token_loss, text_windows

# ---- what to measure ----


@torch.no_grad()
def next_token_accuracy(model, tokens, *, context, stride=None, batch_size=32):
    """Share of a text's tokens that are the model's likeliest guess: `1/n sum_t [argmax_v p(v | past) = t]`.

    Windows are cut as `bits_per_byte` cuts them, and every token except the first is guessed exactly once.

    Args:
        model: maps tokens [batch, seq] to logits [batch, seq, vocab].
        tokens: the held-out text, LongTensor [n] or list of ints, n >= 2.
        context: inputs per window.
        stride: tokens from one window to the next, from 1 to `context`; `context` unless given.
        batch_size: windows per forward pass; does not change the result.

    Returns:
        share between 0 and 1, a float.

    Raises:
        ValueError: sizes that are no whole numbers of at least 1, a stride above `context`, fewer than two
            tokens.

    Source: article 3.3.
    """
    tokens = token_vector(tokens)
    stride = context if stride is None else stride
    for name, value in {"context": context, "stride": stride, "batch_size": batch_size}.items():
        check_count(name, value)
    if stride > context:
        raise ValueError(f"stride={stride} is longer than context={context}: it would leave tokens out")
    if len(tokens) < 2:
        raise ValueError(f"the text has {len(tokens)} token, at least 2 are needed: the first is not guessed")
    tokens = tokens.to(next((p.device for p in model.parameters()), "cpu"))
    right = 0
    with modes_kept(model):
        model.eval()
        for window, known in text_windows(tokens, context, stride, batch_size):
            guesses = model(window[:, :-1]).argmax(dim=-1)  # [batch, seq]
            right += int((guesses == window[:, 1:])[:, known:].sum())
    return right / (len(tokens) - 1)


def average_accuracy(matrix):
    """How good a model is at everything in the end: `ACC = 1/T sum_j R[T, j]`, the mean of the last row.

    Args:
        matrix: R [tasks, tasks]; R[i, j] is the score on task j after learning tasks 0 to i in order. Higher
            must be better, as an accuracy is.

    Returns:
        a float, in the unit of R.

    Raises:
        ValueError: not a square table of finite numbers.

    Source: Lopez-Paz & Ranzato 2017, "Gradient Episodic Memory", section 2; article 3.3.
    """
    return _square(matrix)[-1].mean().item()


def backward_transfer(matrix):
    """What later learning did to earlier tasks: `BWT = 1/(T-1) sum_{j<T} (R[T, j] - R[j, j])`.

    Negative: the model has forgotten. Positive: what came later helped.

    Args:
        matrix: R [tasks, tasks] as for `average_accuracy`, two tasks or more.

    Returns:
        a float, in the unit of R.

    Raises:
        ValueError: not a square table of finite numbers, or a single task.

    Source: Lopez-Paz & Ranzato 2017, section 2; article 3.3.
    """
    matrix = _square(matrix, at_least=2)
    return (matrix[-1] - matrix.diagonal())[:-1].mean().item()


def forward_transfer(matrix, untrained):
    """What earlier learning does for tasks not yet begun: `FWT = 1/(T-1) sum_{j>1} (R[j-1, j] - b[j])`.

    Args:
        matrix: R [tasks, tasks] as for `average_accuracy`, two tasks or more.
        untrained: b [tasks], the scores of the model before it learned anything.

    Returns:
        a float, in the unit of R.

    Raises:
        ValueError: not a square table of finite numbers, a single task, or not one untrained score a task.

    Source: Lopez-Paz & Ranzato 2017, section 2; article 3.3.
    """
    matrix = _square(matrix, at_least=2)
    untrained = torch.as_tensor(untrained, dtype=torch.float64)
    if untrained.shape != (len(matrix),):
        raise ValueError(
            f"untrained has shape {list(untrained.shape)}, one score a task is wanted: [{len(matrix)}]"
        )
    return (matrix.diagonal(1) - untrained[1:]).mean().item()


def _square(matrix, at_least=1):
    matrix = torch.as_tensor(matrix, dtype=torch.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.numel():
        raise ValueError(f"the accuracy matrix must be [tasks, tasks], got {list(matrix.shape)}")
    if len(matrix) < at_least:
        raise ValueError(f"transfer needs {at_least} tasks or more, the matrix has {len(matrix)}")
    if not matrix.isfinite().all():
        raise ValueError("the accuracy matrix has a cell that is not a finite number: was it measured?")
    return matrix


# ---- replay: keep examples ----


class ReplayBuffer:
    """A memory of fixed size that holds a fair sample of all rows it has ever seen.

    Reservoir sampling: the n-th row is kept with probability `size / n`, in the place of a random old one.
    Each row ever seen is then in the memory with the same probability, and nobody needs to know how many
    will come.

    Args:
        max_bytes: room for tokens; a token takes 1 byte up to a vocabulary of 256, 2 up to 32,768, else 4.
        vocab_size: number of different tokens.

    Raises:
        ValueError: sizes that are no whole numbers of at least 1.

    Source: Vitter 1985, "Random Sampling with a Reservoir", algorithm R; Chaudhry et al. 2019, "On Tiny
    Episodic Memories in Continual Learning"; article 3.3.
    """

    def __init__(self, max_bytes, *, vocab_size=256):
        check_count("max_bytes", max_bytes)
        check_count("vocab_size", vocab_size)
        self.max_bytes, self.vocab_size = max_bytes, vocab_size
        self.seen = 0
        self._rows = None  # [rows, length], made when the first rows come

    def __len__(self):
        return 0 if self._rows is None else len(self._rows)

    @property
    def num_bytes(self):
        """Bytes that the rows in the memory take."""
        return 0 if self._rows is None else self._rows.numel() * self._rows.element_size()

    def add(self, rows, generator):
        """Offer rows to the memory, one after the other.

        Args:
            rows: integers [n, length], of one length for the life of the buffer.
            generator: decides what stays.

        Raises:
            ValueError: rows of another length or with tokens outside the vocabulary; no room for one row.
        """
        self._check(rows)
        if self._rows is None:
            self._rows = torch.empty(0, rows.shape[1], dtype=self._dtype())
        room = self.max_bytes // (rows.shape[1] * self._rows.element_size())
        if room == 0:
            size = rows.shape[1] * self._rows.element_size()
            raise ValueError(f"max_bytes={self.max_bytes} has no room for one row of {size} bytes")
        for row in rows.to("cpu", self._rows.dtype):
            self.seen += 1
            if len(self._rows) < room:
                self._rows = torch.cat([self._rows, row[None]])
                continue
            place = int(torch.randint(self.seen, (), generator=generator))
            if place < room:
                self._rows[place] = row

    def sample(self, count, generator):
        """Draw rows from the memory with replacement: LongTensor [count, length].

        Raises:
            ValueError: the memory is empty.
        """
        check_count("count", count)
        if not len(self):
            raise ValueError("the replay buffer is empty: add rows of an old task before learning a new one")
        return self._rows[torch.randint(len(self), (count,), generator=generator)].long()

    def identity(self) -> str:
        """A digest of the rows in the memory."""
        return digest(self._rows)

    def _dtype(self):
        return next(
            dtype
            for dtype, size in ((torch.uint8, 256), (torch.int16, 2**15), (torch.int32, 2**31))
            if self.vocab_size <= size
        )

    def _check(self, rows):
        if rows.ndim != 2 or rows.is_floating_point() or not rows.numel():
            raise ValueError(f"rows must be integers [n, length], got {rows.dtype} {list(rows.shape)}")
        if self._rows is not None and rows.shape[1] != self._rows.shape[1]:
            raise ValueError(f"rows of {rows.shape[1]} tokens in a buffer of rows of {self._rows.shape[1]}")
        low, high = (int(end) for end in rows.aminmax())
        if low < 0 or high >= self.vocab_size:
            raise ValueError(
                f"token {low if low < 0 else high} is outside the vocabulary of {self.vocab_size}"
            )


class ReplaySampler:
    """Batches with a share of old rows: `sampler(generator)` gives those of `sample`, then replayed ones.

    Args:
        sample: sample(generator) -> integers [n, length], of the new task.
        buffer: ReplayBuffer with rows of the same length.
        replayed: old rows in each batch.

    Source: Rolnick et al. 2019, "Experience Replay for Continual Learning"; article 3.3.
    """

    def __init__(self, sample, buffer, replayed):
        check_count("replayed", replayed)
        self.sample, self.buffer, self.replayed = sample, buffer, replayed

    def identity(self) -> str:
        """A digest of all that decides which batches come."""
        return digest(identity_of(self.sample), self.buffer.identity(), self.replayed)

    def __call__(self, generator):
        return torch.cat([self.sample(generator), self.buffer.sample(self.replayed, generator)])


# ---- LwF: keep answers ----


class ResponseLoss:
    """The loss of learning without forgetting: `next-token loss + strength * T^2 * response`, for `train`.

    The response is `soft_cross_entropy` between the new answers and the old model's, both at a temperature T.
    Its gradient shrinks as 1/T^2, which the factor T^2 makes up for: a strength then means the same at every
    temperature. (The paper has no such factor; its strength is ours times T^2.) This is distillation from the
    model as it was: with `alpha = s / (s + 1)` for the strength s, `(1 + s) * distillation_loss` has the same
    gradient.

    On the new task's text the model is asked for two things: the right next token, and the answers that it
    would have given before. No old text is needed. The old model is a copy, frozen and in evaluation mode.

    Args:
        model: as the old task left it.
        strength: s, how much the old answers count.
        temperature: T; above 1 the unlikely answers count more.

    Raises:
        ValueError: a strength below zero.

    Source: Li & Hoiem 2016, section 3, with one output for all tasks; Hinton et al. 2015,
    section 2, for T^2; article 3.3.
    """

    def __init__(self, model, strength=1.0, temperature=2.0):
        self.strength, self.temperature = checked_strength(strength), temperature
        self.old_model = copy.deepcopy(model).eval().requires_grad_(False)

    def __call__(self, model, batch):
        inputs = batch[:, :-1] if isinstance(batch, torch.Tensor) else batch[0]
        logits = model(inputs)  # [batch, seq, vocab], one pass for both losses
        with torch.no_grad():
            old_logits = self.old_model(inputs)
        new = next_token_loss(lambda _: logits, batch)
        targets = batch[:, 1:] if isinstance(batch, torch.Tensor) else batch[1]
        if targets.shape == inputs.shape:  # where nothing is asked, nothing is remembered
            logits, old_logits = logits[targets != -100], old_logits[targets != -100]
        response = soft_cross_entropy(logits, old_logits, temperature=self.temperature)
        return new + self.strength * self.temperature**2 * response

    @property
    def num_bytes(self):
        """Bytes of the old model, which must be kept while the new task is learned."""
        return num_bytes(dict(self.old_model.named_parameters()))


def num_bytes(tensors):
    """Bytes that the tensors of a dict take together."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())


def checked_strength(strength):
    """The strength of a penalty as it is, unless it is below 0 or no number: then ValueError."""
    if not strength >= 0:
        raise ValueError(f"strength={strength} must be at least 0")
    return strength
