"""One processor and many jobs: whose turn is it? (chapter 2.2)

A miniature of what an operating system does with its processor. Time passes in whole units. In each unit
one job runs; before it the policy chooses which. Policies are those of `scheduler.py`, which also rule the
kernel of chapter 2.3: a job has the fields that they ask for (`arrival`, `remaining`, `priority`, `account`).

Source: Arpaci-Dusseau, "Operating Systems: Three Easy Pieces", chapter 7.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import NamedTuple

from llmasos_edu.foundation.arguments import check_count


@dataclass(eq=False)
class Job:
    """Some work for the processor, and what happened to it. All times are in whole units.

    Args:
        name: what pictures call it; jobs may share a name, and then share a line of the picture.
        length: units of the processor that it needs.
        arrival: when it comes in.
        priority: larger is more urgent, for policies that ask.
        deadline: when it must be finished; infinity where nobody minds.
        burst: it runs so many units, then waits for a device, then runs again; None: it never waits.
        wait: how long the device takes each time.

    Raises:
        ValueError: a length or burst below 1, a negative arrival or wait, a deadline before the arrival.
    """

    name: str
    length: int
    arrival: int = 0
    _: KW_ONLY
    priority: float = 0.0
    deadline: float = math.inf
    burst: int | None = None
    wait: int = 0
    # The processor's notes.
    pid: int = field(default=-1, init=False)
    done: int = field(default=0, init=False)
    started: int | None = field(default=None, init=False)
    finished: int | None = field(default=None, init=False)
    wakes_at: int = field(default=0, init=False)
    blocked: int = field(default=0, init=False)  # units spent waiting for the device
    account: dict = field(default_factory=dict, init=False)  # the policy's notes

    def __post_init__(self):
        check_count("length", self.length)
        if self.burst is not None:
            check_count("burst", self.burst)
        if self.arrival < 0 or self.wait < 0:
            raise ValueError(f"arrival={self.arrival} and wait={self.wait} must not be negative")
        if self.deadline < self.arrival:
            raise ValueError(f"deadline={self.deadline} lies before arrival={self.arrival}")

    @property
    def remaining(self) -> int:
        """Units that it still needs."""
        return self.length - self.done

    @property
    def turnaround(self) -> int:
        """From arrival to end."""
        return self.finished - self.arrival

    @property
    def response(self) -> int:
        """From arrival to the first unit it gets."""
        return self.started - self.arrival

    @property
    def waiting(self) -> int:
        """Units in which it could have run and did not."""
        return self.turnaround - self.length - self.blocked

    @property
    def missed(self) -> bool:
        """Whether it ended after its deadline."""
        return self.finished > self.deadline


class EarliestDeadlineFirst:
    """The nearest deadline runs. On one processor it misses none if any policy can miss none.

    Source: Liu and Layland 1973, "Scheduling Algorithms for Multiprogramming in a Hard-Real-Time
    Environment".
    """

    def key(self, job: Job, now: float) -> tuple:
        """The deadline alone."""
        return (job.deadline,)

    def ran(self, job: Job, now: float) -> None:
        """Nothing to remember."""


class Turn(NamedTuple):
    """A stretch of time in which one job ran; `job` is None while the processor changes over."""

    job: Job | None
    start: int
    end: int


@dataclass
class Schedule:
    """What came of a workload: every job with its times, and every turn."""

    jobs: list[Job]
    turns: list[Turn]

    def mean(self, measure: str, name: str | None = None) -> float:
        """The mean of `turnaround`, `response` or `waiting` over all jobs, or over those of one name."""
        values = [getattr(job, measure) for job in self.jobs if name in (None, job.name)]
        if not values:
            raise ValueError(f"no job is called {name!r}")
        return sum(values) / len(values)

    @property
    def misses(self) -> int:
        """How many jobs ended after their deadline."""
        return sum(job.missed for job in self.jobs)

    @property
    def end(self) -> int:
        """When the last job ended."""
        return max(job.finished for job in self.jobs)

    @property
    def utilisation(self) -> float:
        """The share of the time until then in which a job ran."""
        return sum(job.length for job in self.jobs) / self.end


def run(jobs: Iterable[Job], policy, *, switch_cost: int = 0) -> Schedule:
    """Let one processor work off the jobs. The jobs themselves stay as they are: copies run.

    Args:
        jobs: the workload, in the order in which equal ones are served.
        policy: has `key(job, now)`, the smallest runs, and `ran(job, now)`. A policy with a memory of its
            own must be a fresh one.
        switch_cost: units that pass, useless, whenever another job than the last one gets its turn.

    Raises:
        ValueError: no job, or a negative cost.
    """
    jobs = [replace(job) for job in jobs]
    if not jobs or switch_cost < 0:
        raise ValueError(f"{len(jobs)} jobs and switch_cost={switch_cost}: needs a job, and no negative cost")
    for pid, job in enumerate(jobs):
        job.pid, job.wakes_at = pid, job.arrival
    now, turns = 0, []
    while unfinished := [job for job in jobs if job.remaining]:
        ready = [job for job in unfinished if job.wakes_at <= now]
        if not ready:
            now = min(job.wakes_at for job in unfinished)
            continue
        job = min(ready, key=lambda job: (*policy.key(job, now), job.arrival, job.pid))
        if turns and turns[-1].job is not job and switch_cost:
            turns.append(Turn(None, now, now + switch_cost))
            now += switch_cost
        _one_unit(job, now)
        now += 1
        policy.ran(job, now)
        turns.append(Turn(job, now - 1, now))
    return Schedule(jobs, _joined(turns))


def _one_unit(job: Job, now: int) -> None:
    """The job runs from `now` to `now + 1`, and may then end or wait for its device."""
    if job.started is None:
        job.started = now
    job.done += 1
    job.wakes_at = now + 1
    if not job.remaining:
        job.finished = now + 1
    elif job.burst is not None and job.done % job.burst == 0:
        job.wakes_at += job.wait
        job.blocked += job.wait


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    """Neighbouring turns of the same job as one."""
    joined = []
    for turn in turns:
        if joined and joined[-1].job is turn.job and joined[-1].end == turn.start:
            joined[-1] = joined[-1]._replace(end=turn.end)
        else:
            joined.append(turn)
    return joined


def periodic(name: str, length: int, period: int, until: int, *, start: int = 0) -> list[Job]:
    """A job that comes again every period and must be done before it comes again.

    Shorter periods get higher priorities, so that the policy "highest priority first, no ageing" is
    rate-monotonic scheduling.

    Args:
        name: of every one of them.
        length: units of the processor that each needs.
        period: from one arrival to the next.
        until: no one arrives at this time or later.
        start: the first arrival.

    Source: Liu and Layland 1973.
    """
    check_count("period", period)
    arrivals = range(start, until, period)
    return [Job(name, length, at, priority=1 / period, deadline=at + period) for at in arrivals]
