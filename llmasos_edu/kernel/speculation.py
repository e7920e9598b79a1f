"""Speculative decoding: guess cheaply, check many positions in one step (chapter 2.3).

A draft is any function from a text's tokens to the tokens that it expects next. The kernel reads them with
the text's last token; the driver keeps the guesses that its model would have said and adds one token of its
own, so the text is what it would have been. A step then yields up to `guesses + 1` tokens.

Source: Leviathan et al. 2023, "Fast Inference from Transformers via Speculative Decoding", section 2; Chen et
al. 2023, "Accelerating Large Language Model Decoding with Speculative Sampling"; Saxena 2023, "Prompt Lookup
Decoding", for the n-gram draft.
"""

import itertools
from collections.abc import Sequence

from llmasos_edu.foundation.arguments import check_count


class NGramDraft:
    """Expects that what followed the last few tokens earlier in the text follows again.

    Args:
        guesses: tokens proposed at most.
        longest: the longest run of last tokens that is looked for; shorter ones after it.
    """

    def __init__(self, guesses: int = 4, longest: int = 3):
        check_count("guesses", guesses)
        check_count("longest", longest)
        self.guesses, self.longest = guesses, longest

    def __repr__(self) -> str:
        return f"NGramDraft({self.guesses}, {self.longest})"  # no address: it names tests

    def __call__(self, tokens: Sequence[int]) -> list[int]:
        """What followed the latest earlier occurrence, again and again; empty where there is none."""
        last = tokens[-1]
        for size in range(min(self.longest, len(tokens) - 1), 0, -1):
            tail = tokens[-size:]
            for end in range(len(tokens) - 1, size - 1, -1):
                if tokens[end - 1] == last and tokens[end - size : end] == tail:
                    return list(itertools.islice(itertools.cycle(tokens[end:]), self.guesses))
        return []
