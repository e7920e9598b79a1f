"""A language whose entropy is known exactly: how far a model is from perfect becomes a number."""

import math
from collections.abc import Sequence

import numpy as np
import torch

MAX_CONTEXTS = 4096  # the stationary distribution solves a dense system of this many equations: some seconds
_UNIT = 2**32


class MarkovSource:
    """A random source whose next symbol depends on the last `order` symbols only.

        P(x_t | x_1 ... x_{t-1}) = transition[context(x_{t-order} ... x_{t-1}), x_t]

    Each row of the transition table is drawn from a Dirichlet distribution. A small concentration gives rows
    with few likely symbols (low entropy), a large one gives rows near uniform. Probabilities are whole
    multiples of 2**-32, at least one: rows sum to exactly 1, the last bits of a machine's arithmetic do not
    show, and every context can be reached from every other.

    Args:
        num_symbols: size of the alphabet; symbols are 0 ... num_symbols - 1.
        order: number of earlier symbols that matter, at least 1.
        concentration: parameter of the symmetric Dirichlet distribution.
        seed: another seed gives another language.

    Attributes:
        transition: [num_symbols ** order, num_symbols], float64, rows sum to one. The row of a context is its
            symbols read as a number in base num_symbols, the latest symbol last.
        stationary: [num_symbols ** order], float64, the share of time spent in each context.
        entropy_rate: bits per symbol, the least that any model can need on average.
        optimal_loss: the same in nats: the floor of the cross-entropy loss.

    Raises:
        ValueError: an argument is out of range, or there are more than 4096 contexts.

    Source: Shannon 1948, sections 2 to 7; Cover and Thomas, Elements of Information Theory, chapter 4;
    article 3.1.
    """

    def __init__(self, num_symbols: int, order: int = 1, *, concentration: float = 0.5, seed: int = 0):
        if num_symbols < 2:
            raise ValueError(f"num_symbols={num_symbols}: a language needs at least 2 symbols")
        if order < 1:
            raise ValueError(f"order={order} must be at least 1")
        if not (math.isfinite(concentration) and concentration > 0):
            raise ValueError(f"concentration={concentration} must be positive and finite")
        if num_symbols > MAX_CONTEXTS or order * math.log(num_symbols) > math.log(MAX_CONTEXTS) + 1e-9:
            raise ValueError(
                f"num_symbols={num_symbols} with order={order} makes {num_symbols}**{order} contexts,"
                f" more than the {MAX_CONTEXTS} for which the exact entropy is computed:"
                " take fewer symbols or a lower order"
            )
        self._set(_draw_rows(num_symbols**order, num_symbols, concentration, seed), order)

    @classmethod
    def from_transition(
        cls, transition: torch.Tensor | np.ndarray | Sequence[Sequence[float]]
    ) -> "MarkovSource":
        """Build a source from a given table of probabilities.

        Args:
            transition: [num_symbols ** order, num_symbols]; the order follows from the shape.

        Returns:
            the source.

        Raises:
            ValueError: wrong shape, an entry that is NaN or negative, a row that does not sum to one, or a
                chain that can end in different places and so has no single entropy rate.

        Source: Cover and Thomas, chapter 4; article 3.1.
        """
        table = torch.as_tensor(transition, dtype=torch.float64).detach().cpu().numpy().copy()
        order = _order_of(table.shape)
        _check_rows(table)
        source = cls.__new__(cls)
        source._set(table / table.sum(axis=1, keepdims=True), order)
        return source

    def _set(self, table: np.ndarray, order: int) -> None:
        num_contexts, self.num_symbols = table.shape
        self.order = order
        # The new context forgets its oldest symbol and takes the new one at the end.
        successor = (
            np.arange(num_contexts)[:, None] * self.num_symbols + np.arange(self.num_symbols)
        ) % num_contexts
        _check_single_end(table > 0, successor)
        self.transition = torch.from_numpy(table)
        self.stationary = torch.from_numpy(_stationary(table, successor))
        self.entropy_rate = self.conditional_entropy(order)
        self.optimal_loss = self.entropy_rate * math.log(2)

    def conditional_entropy(self, num_previous: int) -> float:
        """Bits per symbol that a model needs which sees only the last `num_previous` symbols.

            H(X_t | X_{t-n} ... X_{t-1}) = H(X_{t-n} ... X_t) - H(X_{t-n} ... X_{t-1})

        It falls from the entropy of single symbols (0) to the entropy rate (`order` and more): the floor of
        an n-gram model, and of any model at the first positions of a text.

        Args:
            num_previous: number of earlier symbols seen, 0 or more.

        Returns:
            bits per symbol.

        Raises:
            ValueError: `num_previous` is negative.

        Source: Shannon 1951, "Prediction and Entropy of Printed English"; article 3.1.
        """
        if num_previous < 0:
            raise ValueError(f"num_previous={num_previous} must not be negative")
        joint = self.stationary[:, None] * self.transition  # [contexts, num_symbols]: P(context, next symbol)
        seen = self.num_symbols ** min(num_previous, self.order)
        joint = joint.reshape(-1, seen, self.num_symbols).sum(0)  # forget the oldest symbols
        # Conditional form: no difference of large numbers. entr(p) = -p ln p, with entr(0) = 0.
        total = joint.sum(-1, keepdim=True)
        conditional = torch.where(total > 0, joint / total.clamp_min(1e-300), 0.0)
        return float((total * torch.special.entr(conditional)).sum() / math.log(2)) + 0.0

    def sample(self, batch_size: int, length: int, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw texts that start in the stationary distribution, so that every position is alike.

        The work is one step per position for the whole batch: for much text draw many rows, not one long row.

        Args:
            batch_size: number of texts.
            length: symbols per text.
            generator: source of randomness; the same state gives the same texts.

        Returns:
            symbols, LongTensor [batch, length].

        Raises:
            ValueError: `batch_size` or `length` is not positive.
        """
        if batch_size < 1 or length < 1:
            raise ValueError(f"batch_size={batch_size} and length={length} must both be at least 1")
        uniform = torch.rand(
            batch_size, max(length - self.order, 0) + 1, generator=generator, dtype=torch.float64
        )
        steps = _cumulative(self.transition)
        context = torch.searchsorted(_cumulative(self.stationary), uniform[:, 0].contiguous(), right=True)
        places = self.num_symbols ** torch.arange(self.order - 1, -1, -1)
        symbols = list((context[:, None] // places % self.num_symbols).T)  # order x [batch]
        for column in uniform[:, 1:].T:
            symbol = torch.searchsorted(steps[context], column[:, None].contiguous(), right=True)[:, 0]
            symbols.append(symbol)
            context = (context * self.num_symbols + symbol) % len(steps)
        return torch.stack(symbols[:length], dim=1)


def _draw_rows(num_contexts: int, num_symbols: int, concentration: float, seed: int) -> np.ndarray:
    """Dirichlet rows as whole multiples of 2**-32 that sum to exactly one, each entry at least one unit."""
    rng = np.random.Generator(np.random.PCG64(seed))
    rows = rng.dirichlet(np.full(num_symbols, float(concentration)), size=num_contexts)
    # A row of a tiny concentration can underflow to 0 / 0; in the limit such a row is one sure symbol.
    bad = ~np.isfinite(rows).all(axis=1)
    rows[bad] = np.eye(num_symbols)[rng.integers(num_symbols, size=int(bad.sum()))]
    units = np.maximum(np.rint(rows * _UNIT), 1.0)
    largest = units.argmax(axis=1)
    units[np.arange(num_contexts), largest] += _UNIT - units.sum(axis=1)
    return units / _UNIT


def _order_of(shape: tuple[int, ...]) -> int:
    if len(shape) != 2 or shape[1] < 2:
        raise ValueError(f"transition has shape {list(shape)}, not [num_symbols ** order, num_symbols >= 2]")
    order = round(math.log(max(shape[0], 1), shape[1]))
    if order < 1 or shape[1] ** order != shape[0]:
        raise ValueError(f"transition has {shape[0]} rows, which is no power of its {shape[1]} symbols")
    if shape[0] > MAX_CONTEXTS:
        raise ValueError(f"transition has {shape[0]} rows, more than {MAX_CONTEXTS}")
    return order


def _check_rows(table: np.ndarray) -> None:
    if np.isnan(table).any():
        row, column = np.argwhere(np.isnan(table))[0]
        raise ValueError(f"transition[{row}, {column}] is NaN")
    if (table < 0).any():
        row, column = np.argwhere(table < 0)[0]
        raise ValueError(f"transition[{row}, {column}] = {table[row, column]} is negative: no probability")
    worst = int(np.abs(table.sum(axis=1) - 1).argmax())
    total = float(table[worst].sum())
    if not abs(total - 1) <= 1e-6:  # what float32 leaves is set right afterwards
        raise ValueError(f"transition[{worst}] sums to {total}, not to 1")


def _check_single_end(possible: np.ndarray, successor: np.ndarray) -> None:
    """Refuse a chain with several closed sets of contexts: its entropy would depend on where it ends."""

    def backward(state):  # [contexts]: can this context reach `state`?
        reaches = np.arange(len(possible)) == state
        while (more := reaches | (possible & reaches[successor]).any(axis=1)).sum() > reaches.sum():
            reaches = more
        return reaches

    def forward(state):  # [contexts]: can `state` reach this context?
        reached = np.arange(len(possible)) == state
        while True:
            more = reached.copy()
            more[successor[reached][possible[reached]]] = True
            if more.sum() == reached.sum():
                return reached
            reached = more

    # Walk downhill: from a context that can be left for good to one beyond it, until there is none.
    state = 0
    while (beyond := forward(state) & ~backward(state)).any():
        state = int(beyond.argmax())
    if not backward(state).all():
        lost = int((~backward(state)).argmax())
        raise ValueError(
            f"the chain falls apart: context {lost} never leads to {state}, nor {state} away for good."
            " Its entropy depends on the start; give a table in which all contexts meet"
        )


def _stationary(table: np.ndarray, successor: np.ndarray) -> np.ndarray:
    """Solve stationary = stationary @ chain with sum one; chain is [contexts, contexts]."""
    num_contexts = len(table)
    chain = np.zeros((num_contexts, num_contexts))
    np.add.at(chain, (np.arange(num_contexts)[:, None], successor), table)
    equations = chain.T - np.eye(num_contexts)
    equations[-1] = 1.0  # one balance equation follows from the others: the sum takes its place
    solution = np.linalg.solve(equations, np.eye(num_contexts)[-1]).clip(min=0.0)
    return solution / solution.sum()


def _cumulative(probabilities: torch.Tensor) -> torch.Tensor:
    """Running sums that end in exactly 1, so that a uniform number below 1 always finds a possible symbol."""
    sums = probabilities.cumsum(-1)
    return sums / sums[..., -1:]
