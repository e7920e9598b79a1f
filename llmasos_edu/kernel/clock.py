"""The virtual clock: what a step costs (chapter 2.3).

Figures come out the same on every machine, and a slow tool needs no sleep and no thread.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What a step takes: `step + token * tokens read + copy * blocks copied`.

    Fields:
        step: time of a pass over the weights; positive.
        token: time of each token read in it.
        copy: time of each block copied, swapped out or swapped in.

    Raises:
        ValueError: a time that is negative or not finite, a step that takes none.
    """

    step: float = 1.0
    token: float = 0.0
    copy: float = 0.0

    def __post_init__(self):
        if not (0 < self.step < math.inf and 0 <= self.token < math.inf and 0 <= self.copy < math.inf):
            raise ValueError(f"{self}: step must be positive, token and copy not negative, all finite")

    def of(self, tokens: int, blocks: int) -> float:
        """The time of a step that reads so many tokens and copies so many blocks."""
        return self.step + self.token * tokens + self.copy * blocks
