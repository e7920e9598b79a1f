"""The constraint that given words must occur in a text, as whole words, in any order (chapter 6.2.1)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from llmasos_edu.foundation.arguments import check_methods, check_names


class Heard(NamedTuple):
    """How far a text is: the word that is being written, what is missing yet, and a keyword half said."""

    word: str  # letters since the last sign that is none, in lower case
    missing: frozenset[str]  # keywords that have not stood as whole words; `word` itself is not counted yet
    path: tuple[str, int] | None  # a keyword whose own tokens were followed, and how many of them


class KeywordConstraint:
    """Every keyword must occur as a whole word, whatever its case and wherever it stands.

    What is missing fits into the rest as long as the tokens of `" word"` for each missing word do. When the
    rest is as short as that, only the next token of such a word is allowed; before, everything is.

    Args:
        tokenizer: of the model, with bytes behind each token, as `BytePairTokenizer`.
        words: the keywords, letters alone.

    Raises:
        TypeError: no tokenizer; words that are no list of texts.
        ValueError: no word, one with other signs than letters, one that stands twice, or one with a letter
            that the tokenizer cuts.

    Source: the task of Hokamp & Liu 2017, "Lexically Constrained Decoding for Sequence Generation Using Grid
    Beam Search"; the bound on what is left is ours.
    """

    def __init__(self, tokenizer, words):
        check_methods("tokenizer", tokenizer, ("encode", "decode"))
        if not isinstance(words, Iterable):
            raise TypeError(f"keywords={words!r}: a list of words is wanted")
        words = check_names(
            [word.lower() for word in check_names(words, "keywords", 1, 64)], "keywords", 1, 64
        )
        for word in words:
            if not word.isalpha():
                raise ValueError(f"the keyword {word!r} holds other signs than letters")
        self.vocab_size = tokenizer.vocab_size
        self.words = tuple(words)
        self.paths = {word: tuple(tokenizer.encode(" " + word)) for word in words}
        self.spoken = frozenset(token for path in self.paths.values() for token in path)
        self.texts = [tokenizer.decode([token]) for token in range(tokenizer.vocab_size)]
        for word, path in self.paths.items():
            if any("\ufffd" in self.texts[token] for token in path):
                raise ValueError(f"a letter of the keyword {word!r} is spread over several tokens")
        # U+FFFD stands for half a character: it may be half a letter.
        letter = [bool(text) and (text[0].isalpha() or text[0] in "_\ufffd") for text in self.texts]
        self.breaks = ~torch.tensor(letter)

    def start(self) -> Heard:
        """As in `Constraint`."""
        return Heard("", frozenset(self.words), None)

    def start_after(self, prompt: Sequence[int]) -> Heard:
        """The state before the first token behind a prompt.

        A word that the prompt has begun is none that is written: behind `re`, `turn` makes `return`.
        """
        tail = "".join(map(self._text, prompt[-1:]))
        begun = bool(tail) and (tail[-1].isalpha() or tail[-1] in "_\ufffd")
        return self.start()._replace(word="_" if begun else "")  # no keyword holds this sign

    def advance(self, state: Heard, token: int) -> Heard:
        """As in `Constraint`."""
        word, missing = state.word, state.missing
        for sign in self._text(token).lower():
            if sign.isalpha() or sign in "_\ufffd":
                word += sign
            else:
                missing, word = missing - {word}, ""
        return Heard(word, missing, self._followed(state, token))

    def needed(self, state: Heard) -> int:
        """As in `Constraint`."""
        whole = sum(len(self.paths[word]) for word in self._open(state))
        return whole - (state.path[1] if state.path and state.path[0] in self._open(state) else 0)

    def allowed(self, state: Heard, left: int) -> Tensor:
        """As in `Constraint`."""
        # Whatever comes, at worst every keyword that is not closed must be said from its beginning.
        if left - 1 >= sum(len(self.paths[word]) for word in state.missing):
            return torch.ones(self.vocab_size, dtype=torch.bool)
        mask = torch.zeros(self.vocab_size, dtype=torch.bool)
        if self.needed(state) == 0 and left > 0:
            mask |= self.breaks  # the word that ends the text is a keyword: it may be closed, not lengthened
        mask[self.helpful(state)] = True
        return mask if left > 0 else torch.zeros_like(mask)

    def helpful(self, state: Heard) -> list[int]:
        """Tokens after which less is needed: the next of a keyword half said, or a missing one's first."""
        missing = self._open(state)
        if state.path and state.path[0] in missing:
            word, said = state.path
            return [self.paths[word][said]]
        return sorted({self.paths[word][0] for word in missing})

    def progress(self, state: Heard) -> int:
        """How many keywords the text holds, if it ended here."""
        return len(self.words) - len(self._open(state))

    def _text(self, token: int) -> str:
        """What a token says.

        Raises:
            ValueError: one that the tokenizer does not have.
        """
        if not isinstance(token, int) or not 0 <= token < self.vocab_size:
            raise ValueError(f"token {token!r} is none of the tokenizer's: 0 to {self.vocab_size - 1}")
        return self.texts[token]

    def _open(self, state: Heard) -> frozenset[str]:
        """What would be missing if the text ended here."""
        return state.missing - {state.word}

    def _followed(self, state: Heard, token: int) -> tuple[str, int] | None:
        """The keyword whose tokens are being said one by one, after one more token."""
        if state.path:
            word, said = state.path
            if said < len(self.paths[word]) and self.paths[word][said] == token:
                return word, said + 1
        begun = [word for word in sorted(self._open(state)) if self.paths[word][0] == token]
        return (begun[0], 1) if begun else None
