"""A process: one conversation on the model, with all that the kernel knows about it (chapter 2.3).

An operating system keeps a process control block for each running program. Here the program is a text that
a model is writing, and the block holds its tokens, its memory, its rights and its times.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from numbers import Real

from llmasos_edu.foundation.arguments import check_whole
from llmasos_edu.kernel.memory import AddressSpace


class State(Enum):
    """Where a process stands in its life."""

    WAITING = "waiting"  # spawned, not admitted yet
    READY = "ready"  # admitted, may run in the next step
    RUNNING = "running"  # in the batch of this very step
    BLOCKED = "blocked"  # a system call has not answered yet
    DONE = "done"
    KILLED = "killed"
    REJECTED = "rejected"  # could never fit into the memory


ENDED = frozenset({State.DONE, State.KILLED, State.REJECTED})


def check_wishes(user: str, capabilities: Iterable[str], seed: int, priority: float) -> None:
    """Refuse what a process could not be given, before anything is done.

    Raises:
        TypeError: a kind that does not fit; one text for the names of rights.
        ValueError: a user that is no text in UTF-8, a seed out of range, a priority that is no number.
    """
    if not isinstance(user, str):
        raise TypeError(f"user={user!r} must be a text")
    if any("\ud800" <= sign <= "\udfff" for sign in user):
        raise ValueError(f"user={user!r} holds half of a character, which no text may")
    if isinstance(capabilities, str):
        raise TypeError(f"capabilities={capabilities!r} is one text: give the names in a list")
    check_whole("seed", seed, -(2**63), 2**64 - 1)  # what torch's generators take
    if not isinstance(priority, Real):
        raise TypeError(f"priority={priority!r} must be a number")
    if math.isnan(priority):
        raise ValueError("priority=nan is neither before nor behind any other")


@dataclass(eq=False, kw_only=True)
class Process:
    """One conversation. The kernel makes it (`spawn`, `fork`, `resume`) and alone changes it.

    Fields:
        pid: number of the process, from 0, never used twice.
        tokens: the prompt, what the model has said and what system calls have answered.
        prompt_len: how many of the tokens are the prompt.
        limit: the window: at most so many tokens in all.
        space: its block table.
        user: whose process it is; the salt of its cached blocks and the owner of its files.
        capabilities: names of the rights that system calls ask for.
        stop: tokens that end it.
        seed: seeds what is drawn at random for it.
        sampling: how a driver chooses its tokens, in the driver's own words.
        priority: larger is more urgent, for policies that ask.
        parent: the process that it was forked or resumed from.
        job: names the work for receipts; a resumed process keeps it, a forked one gets its own.
        account: what a policy notes about the process.
        calls: system calls so far.
        arrival, first_token, finished: times on the kernel's clock; None for what has not happened.
        reused: tokens that it did not have to compute: cached prefixes and what a fork took along.
        computed: tokens computed, those after an eviction once more.
        evictions: how often it lost its blocks.
        reason: why it ended.
        random: the driver's random generator for this process, if it draws.
    """

    pid: int
    tokens: list[int]
    prompt_len: int
    limit: int
    space: AddressSpace
    user: str = ""
    capabilities: frozenset[str] = frozenset()
    stop: frozenset[int] = frozenset()
    seed: int = 0
    sampling: object = None
    priority: float = 0.0
    parent: int | None = None
    job: str = ""
    arrival: float = 0.0
    state: State = State.WAITING
    account: dict = field(default_factory=dict)
    calls: int = 0
    first_token: float | None = None
    finished: float | None = None
    wakes_at: float = 0.0
    answer: list[int] = field(default_factory=list)
    reused: int = 0
    computed: int = 0
    evictions: int = 0
    reason: str = ""
    random: object = None

    @property
    def output(self) -> list[int]:
        """What came after the prompt: the model's tokens and the answers of system calls."""
        return self.tokens[self.prompt_len :]

    @property
    def remaining(self) -> int:
        """How many tokens fit into the window yet: at most so many steps are left."""
        return self.limit - len(self.tokens)

    @property
    def ended(self) -> bool:
        """Whether the process will never run again."""
        return self.state in ENDED

    def summary(self) -> dict:
        """What the trace says about the process, in JSON's types."""
        return {
            "pid": self.pid,
            "parent": self.parent,
            "user": self.user,
            "state": self.state.value,
            "reason": self.reason,
            "priority": self.priority,
            "arrival": self.arrival,
            "first_token": self.first_token,
            "finished": self.finished,
            "prompt": self.prompt_len,
            "output": self.output,
            "computed": self.computed,
            "reused": self.reused,
            "evictions": self.evictions,
            "calls": self.calls,
        }
