"""A grammar of bytes as a constraint on tokens: which of a vocabulary may come next (chapter 6.2.1)."""

import torch
from torch import Tensor

from llmasos_edu.generation.grammar import ByteMachine, Pattern


class GrammarConstraint:
    """What is written is a whole text of the grammar, within the tokens that there are.

    A token is a run of bytes. All tokens are walked through the machine at once, along a tree in which those
    that begin alike share their way; the result is kept for each state. Since single bytes are tokens as
    well, a text that misses n bytes can be completed with n tokens.

    Args:
        tokenizer: of the model: each byte is a token, as in `ByteTokenizer` and `BytePairTokenizer`.
        pattern: as in `grammar`.

    Raises:
        ValueError: a tokenizer in which a byte that the grammar knows is no token; a pattern that is too
        large.

    Source: Willard & Louf 2023, "Efficient Guided Generation for Large Language Models", sections 3 and 4.
    """

    def __init__(self, tokenizer, pattern: Pattern):
        self.pieces = token_bytes(tokenizer)
        self.vocab_size, self.machine = tokenizer.vocab_size, ByteMachine(pattern)
        if len({piece for piece in self.pieces if len(piece) == 1}) < 256:
            raise ValueError("the tokenizer has not every byte as a token: some texts could not be completed")
        self._tree: dict = {}
        for token, piece in enumerate(self.pieces):
            place = self._tree
            for byte in piece:
                place = place.setdefault(byte, {})
            place.setdefault("tokens", []).append(token)
        self._known: dict[frozenset, tuple[Tensor, dict]] = {}

    def start(self) -> frozenset[int]:
        """As in `Constraint`."""
        return self.machine.begin

    def advance(self, state: frozenset[int], token: int) -> frozenset[int]:
        """As in `Constraint`.

        Raises:
            ValueError: a token that the grammar does not allow here.
        """
        after = self._after(state)[1].get(token)
        if after is None:
            known = isinstance(token, int) and 0 <= token < self.vocab_size
            said = f", {self.pieces[token]!r}," if known else f", none of 0 to {self.vocab_size - 1},"
            raise ValueError(f"token {token!r}{said} is not allowed by the grammar here")
        return after

    def needed(self, state: frozenset[int]) -> int:
        """As in `Constraint`."""
        return int(self.machine.missing(state))

    def allowed(self, state: frozenset[int], left: int) -> Tensor:
        """As in `Constraint`."""
        return self._after(state)[0] <= left - 1

    def _after(self, state: frozenset[int]) -> tuple[Tensor, dict]:
        """Bytes missing after each token, `inf` where it is not allowed, and the states after each."""
        if state not in self._known:
            missing, states = torch.full((self.vocab_size,), torch.inf), {}
            waiting = [(self._tree, state)]
            while waiting:
                place, now = waiting.pop()
                for token in place.get("tokens", ()):
                    missing[token], states[token] = self.machine.missing(now), now
                for byte, further in place.items():
                    if byte != "tokens" and (after := self.machine.step(now, byte)):
                        waiting.append((further, after))
            self._known[state] = missing, states
        return self._known[state]


def token_bytes(tokenizer) -> list[bytes]:
    """The bytes behind each token of a tokenizer whose tokens are runs of bytes.

    Raises:
        TypeError: another kind of tokenizer.
    """
    pieces = getattr(tokenizer, "pieces", None)
    if pieces is None:
        raise TypeError(f"{type(tokenizer).__name__} does not say which bytes its tokens are (`pieces`)")
    return [bytes(piece) for piece in pieces]
