"""Scheduling: who runs next (chapters 2.2 and 2.3).

A policy answers with a sort key: the kernel sorts the ready processes and takes the first. Any class with
these two methods is a policy:

- `key(process, now)`: a tuple of numbers; the smallest runs first. It changes nothing.
- `ran(process, now)`: the process had a turn of one step that ended at `now`.

What a policy must remember about a process it writes into `process.account`. Equal keys are told apart by
arrival, then by pid. The rows of a step all end at one time: so a policy that sends processes to the end of
a queue counts who went first, or the lowest pid would win every tie and have every turn. The processor of
chapter 2.2 (`processor.py`) obeys the same classes.

Source: Arpaci-Dusseau, "Operating Systems: Three Easy Pieces", chapters 7 and 8.
"""

import itertools
import math

from llmasos_edu.foundation.arguments import check_count


class FirstComeFirstServed:
    """By arrival. Whoever has begun goes on to the end."""

    def key(self, process, now: float) -> tuple:
        """The arrival alone."""
        return (process.arrival,)

    def ran(self, process, now: float) -> None:
        """Nothing to remember."""


class ShortestJobFirst:
    """The one with the fewest tokens left. A shorter one that arrives later takes the turn over.

    It needs to know what no system knows: how long the answer will be. Here the window stands for it.
    """

    def key(self, process, now: float) -> tuple:
        """What is left."""
        return (process.remaining,)

    def ran(self, process, now: float) -> None:
        """Nothing to remember: what is left shrinks by itself."""


class RoundRobin:
    """Everyone in turn, `quantum` steps each.

    Args:
        quantum: steps before the next one's turn.
    """

    def __init__(self, quantum: int = 1):
        check_count("quantum", quantum)
        self.quantum, self._order = quantum, itertools.count()

    def key(self, process, now: float) -> tuple:
        """When it last went to the end of the queue; at equal times newcomers stand first."""
        return process.account.get("back", (process.arrival, -1))

    def ran(self, process, now: float) -> None:
        """After its quantum it goes to the end."""
        used = process.account.get("used", 0) + 1
        if used >= self.quantum:
            process.account["back"], used = (now, next(self._order)), 0
        process.account["used"] = used


class PriorityWithAgeing:
    """The highest priority; waiting raises it, so that nobody starves.

    Args:
        ageing: what each unit of time without a turn adds; 0 lets the low ones starve.
    """

    def __init__(self, ageing: float = 0.01):
        if not 0 <= ageing < math.inf:
            raise ValueError(f"ageing={ageing} must be a number that is not negative")
        self.ageing, self._order = ageing, itertools.count()

    def key(self, process, now: float) -> tuple:
        """Priority and waiting time together, the largest first."""
        since, order = process.account.get("back", (process.arrival, -1))
        if not self.ageing:  # nothing tells equals apart but who came first
            return (-process.priority, process.arrival)
        return (-(process.priority + self.ageing * (now - since)), order)

    def ran(self, process, now: float) -> None:
        """Its waiting begins anew."""
        process.account["back"] = (now, next(self._order))


class MultiLevelFeedbackQueue:
    """Short ones first, without knowing lengths: who uses up a quantum sinks to a lower, longer queue.

    Args:
        quanta: steps a process may use in each queue, from the first; the last one is round robin.
        boost: every so often all return to the first queue, so that nobody starves.

    Source: Corbato et al. 1962, "An Experimental Time-Sharing System"; "Three Easy Pieces", chapter 8.
    """

    def __init__(self, quanta: tuple[int, ...] = (1, 2, 4, 8), boost: float = 200.0):
        if not quanta:
            raise ValueError("quanta=() names no queue")
        for quantum in quanta:
            check_count("quantum", quantum)
        if not boost > 0:
            raise ValueError(f"boost={boost} must be positive")
        self.quanta, self.boost, self._order = quanta, boost, itertools.count()

    def key(self, process, now: float) -> tuple:
        """The queue, then how long it has stood there."""
        account = process.account
        level = account["level"] if account.get("epoch") == now // self.boost else 0
        return (level, *account.get("back", (process.arrival, -1)))

    def ran(self, process, now: float) -> None:
        """After its quantum it goes to the end of the queue below; the first step after a boost is free."""
        account, epoch = process.account, now // self.boost
        if account.get("epoch", epoch) != epoch:
            account.update(level=0, used=0, epoch=epoch)
            return
        level, used = account.get("level", 0), account.get("used", 0) + 1
        if used >= self.quanta[level]:
            level, used = min(level + 1, len(self.quanta) - 1), 0
            account["back"] = (now, next(self._order))
        account.update(level=level, used=used, epoch=epoch)


POLICIES = {
    "fcfs": FirstComeFirstServed,
    "sjf": ShortestJobFirst,
    "round_robin": RoundRobin,
    "priority": PriorityWithAgeing,
    "mlfq": MultiLevelFeedbackQueue,
}
