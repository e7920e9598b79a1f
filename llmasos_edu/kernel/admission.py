"""Admission: who may begin (chapter 2.3).

A process that is let in wants more blocks with every token. Letting in too many ends in evictions, too few
leaves slots empty. Each class here has one method, `admits(process, admitted, pool)`. The kernel asks about
the first in the queue; after a no, nobody behind it is asked, so that a large one is not passed over for
ever. Where nothing else runs, each class says yes: what could never fit was refused at `spawn`.
"""

from collections.abc import Sequence

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.kernel.memory import BlockPool
from llmasos_edu.kernel.process import Process


class Optimistic:
    """Everyone may begin; evictions mend what goes wrong."""

    def admits(self, process: Process, admitted: Sequence[Process], pool: BlockPool) -> bool:
        """Always."""
        return True


class Watermark:
    """Who would leave a share of the blocks free after reading the prompt may begin.

    Args:
        share: of all blocks, from 0 to 1; vLLM's default is 0.01.

    Source: Kwon et al. 2023 (PagedAttention); vLLM's `watermark`.
    """

    def __init__(self, share: float = 0.1):
        if not 0 <= share <= 1:
            raise ValueError(f"share={share} must lie between 0 and 1")
        self.share = share

    def admits(self, process: Process, admitted: Sequence[Process], pool: BlockPool) -> bool:
        """Whether the free blocks, less those promised and those of this prompt, stay above the mark."""
        promised = sum(max(0, pool.blocks_for(len(each.tokens)) - len(each.space.table)) for each in admitted)
        own = pool.blocks_for(len(process.tokens)) - len(process.space.table)
        left = len(pool.free) - promised - own
        return not admitted or left >= self.share * len(pool.blocks)


class FuturePeak:
    """Who fits even at the worst moment to come may begin: a Banker's test that knows when memory returns.

    Processes that all advance one token a step end in the order of what they have left. The memory peaks
    just before one of them ends: then those that end no earlier hold what they hold now and as many tokens
    more. It is exact while each admitted process runs in every step, so at most `slots` are admitted. A
    system call holds a process back, and the bound then holds for its tokens but not for its time; the
    kernel evicts in that case, as always.

    Args:
        slots: rows of a batch, as in the kernel.

    Source: Dijkstra 1965, "Cooperating Sequential Processes", section 6 (the banker's algorithm); Gong et
    al. 2025, "Past-Future Scheduler for LLM Serving under SLA Guarantees".
    """

    def __init__(self, slots: int):
        check_count("slots", slots)
        self.slots = slots

    def admits(self, process: Process, admitted: Sequence[Process], pool: BlockPool) -> bool:
        """Whether the peak of everyone together fits into the pool."""
        if not admitted:
            return True
        return len(admitted) < self.slots and future_peak([*admitted, process], pool) <= len(pool.blocks)


def future_peak(processes: Sequence[Process], pool: BlockPool) -> int:
    """The most blocks that the processes hold at one time if each advances a token a step.

    A process with `n` tokens and `r` left computes the slot of its last token but one, `n + r - 1` in all.
    Sharing is not counted, so the truth is never above.
    """
    peak = 0
    for moment in {process.remaining for process in processes}:
        held = (
            pool.blocks_for(len(each.tokens) + moment - 1) for each in processes if each.remaining >= moment
        )
        peak = max(peak, sum(held))
    return peak


ADMISSIONS = {"optimistic": Optimistic, "watermark": Watermark, "future_peak": FuturePeak}
