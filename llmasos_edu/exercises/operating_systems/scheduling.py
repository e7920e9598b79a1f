"""Exercises of section 2.2.2: whose turn is it?

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake
from llmasos_edu.exercises.checker.question import Question
from llmasos_edu.exercises.operating_systems.apart import told_apart

# 2.2-8 --------------------------------------------------------------------------------


def _draw_lengths(seed: int) -> dict:
    """Three jobs, neither in the order of their lengths nor in the opposite one."""
    generator = random.Random(seed)
    short, middle, long = sorted(generator.sample(range(2, 15), 3))
    lengths = generator.choice([[long, short, middle], [middle, long, short], [middle, short, long]])
    return {"lengths": lengths, "quantum": generator.choice([1, 2])}


def _mean_end(lengths):
    return sum(itertools.accumulate(lengths)) / len(lengths)


def _mean_start(lengths):
    return _mean_end(lengths) - sum(lengths) / len(lengths)


def _by_hand(lengths, quantum):
    return {
        "first come": _mean_end(lengths),
        "shortest first": _mean_end(sorted(lengths)),
        "round robin response": (quantum + 2 * quantum) / 3,
    }


def _ends_of_both(change):
    """The same slip in both turnarounds, or in one of them; change(ends, lengths) in the order they run."""

    def one(name, order):
        def value(lengths, quantum):
            row = order(lengths)
            return {name: change(list(itertools.accumulate(row)), row)}

        return value

    first, short = one("first come", list), one("shortest first", sorted)
    return lambda **data: first(**data) | short(**data), first, short


def _of_response(change):
    return lambda lengths, quantum: {"round robin response": change(lengths, quantum)}


def _turnaround_in_turns(lengths, quantum):
    left, now, ends = list(lengths), 0, []
    while any(left):
        for job, length in enumerate(left):
            now, left[job] = now + min(quantum, length), max(0, length - quantum)
            ends += [now] if 0 < length <= quantum else []
    return sum(ends) / len(ends)


_JOB_SLIPS = told_apart(
    _by_hand,
    _ends_of_both(lambda ends, lengths: (sum(ends) - sum(lengths)) / 3),
    _ends_of_both(lambda ends, lengths: sum(ends)),
    (lambda lengths, quantum: {"shortest first": _mean_end(sorted(lengths, reverse=True))},),
    (
        lambda lengths, quantum: {
            "first come": _mean_end(sorted(lengths)),
            "shortest first": _mean_end(lengths),
        },
    ),
    (_of_response(lambda lengths, quantum: 2 * quantum),),
    (_of_response(lambda lengths, quantum: _mean_start(lengths)),),
    _ends_of_both(lambda ends, lengths: sum(lengths) / 3),
    _ends_of_both(lambda ends, lengths: sum(lengths)),
    _ends_of_both(lambda ends, lengths: ends[1]),
    (
        *_ends_of_both(lambda ends, lengths: sum(ends) / 2),
        _of_response(lambda lengths, quantum: 1.5 * quantum),
    ),
    (
        lambda **data: dict.fromkeys(("first come", "shortest first"), _turnaround_in_turns(**data)),
        lambda **data: {"first come": _turnaround_in_turns(**data)},
        lambda **data: {"shortest first": _turnaround_in_turns(**data)},
        _of_response(_turnaround_in_turns),
    ),
    (_of_response(lambda lengths, quantum: 3 * quantum),),
    (_of_response(lambda lengths, quantum: 0),),
    (_of_response(lambda lengths, quantum: 1),),
    near=2e-3,
)

JOBS_BY_HAND = Question(
    key="2.2-8",
    title="Three jobs by hand",
    difficulty=1,
    minutes=10,
    statement=(
        "Three jobs of {lengths} units come at time 0, in this order. What is the mean turnaround when they "
        "run in the order in which they came (first come), and when the shortest runs first (shortest "
        "first)? And what is the mean response, from arrival to the beginning of the first unit, when each "
        "may run for {quantum} in its turn (round robin response)?"
    ),
    takeaway="The machine did the same work three times; whom it made wait was the policy's choice.",
    explanation="First the time at which each job ends (or begins), then the mean of the three.",
    hints=(
        "Turnaround is the end minus the arrival. Everybody arrived at 0, so write down three ends.",
        "Only the order changes between the first two questions. What is added up how often?",
        "For the response, the length of a job does not matter: only who stands before it in the first "
        "round, and for how long each of them runs.",
    ),
    asked={
        "first come": "the ends of the jobs in their order (each begins where the one before ends), averaged",
        "shortest first": "the ends of the jobs from the shortest to the longest, averaged",
        "round robin response": "when each gets its first unit, one turn after the other, averaged",
    },
    answer=_by_hand,
    mistakes=(
        Mistake(
            "waiting for turnaround",
            "Your turnaround ends where the job begins: its own length is left out. Turnaround runs from "
            "arrival to the very end.",
            _JOB_SLIPS[0],
        ),
        Mistake(
            "sum for mean",
            "That is three times too large: a sum. The mean over the three jobs was asked for.",
            _JOB_SLIPS[1],
        ),
        Mistake(
            "longest first",
            "Under shortest first you let the longest run first, which is the worst of all orders for the "
            "mean.",
            _JOB_SLIPS[2],
        ),
        Mistake(
            "policies exchanged",
            "The first two numbers are right, but for each other. Sorting the jobs cannot make the mean "
            "worse.",
            _JOB_SLIPS[3],
        ),
        Mistake(
            "first turn counted as waiting",
            "Your response is one turn too long: the mean of the moments at which the first turns end, and "
            "also the moment at which the last job begins. Asked is the mean of the moments at which they "
            "begin.",
            _JOB_SLIPS[4],
        ),
        Mistake(
            "response under first come",
            "You give the response for jobs that run to their ends. Under round robin, those before you run "
            "for one turn only before it is yours.",
            _JOB_SLIPS[5],
        ),
        Mistake(
            "the lengths averaged",
            "That is the mean of the lengths. A job ends later than after its own length where others run "
            "before it: write down the three ends.",
            _JOB_SLIPS[6],
        ),
        Mistake(
            "the end of all",
            "That is the sum of the lengths, at which the last job ends. Asked is the mean of the three "
            "ends.",
            _JOB_SLIPS[7],
        ),
        Mistake(
            "the middle one of the ends",
            "That is the middle one of the three ends. The mean is their sum over three.",
            _JOB_SLIPS[8],
        ),
        Mistake(
            "divided by two",
            "What comes out is the sum divided by two. There are three jobs, also where one of them does "
            "not have to wait.",
            _JOB_SLIPS[9],
        ),
        Mistake(
            "turnaround under round robin",
            "That is the mean turnaround under round robin. For first come and shortest first each job runs "
            "to its end; the response is when a job gets its first unit.",
            _JOB_SLIPS[10],
        ),
        Mistake(
            "beginnings added",
            "That is the sum of the moments at which the three begin. Asked is their mean.",
            _JOB_SLIPS[11],
        ),
        Mistake(
            "the first turn alone",
            "You give the response of the first job alone. The others begin behind it, and the mean is over "
            "all three.",
            _JOB_SLIPS[12],
        ),
        Mistake(
            "turns for units",
            "What comes out counts turns of one unit. A turn takes as many units as a job may run in it.",
            _JOB_SLIPS[13],
        ),
    ),
    draw=_draw_lengths,
)


# 2.2-9 --------------------------------------------------------------------------------


def turnaround_times(arrivals, lengths):
    """arrivals [jobs] in order, lengths [jobs] -> turnaround of each [jobs] when they run as they came."""
    now, times = 0, []
    for arrival, length in zip(arrivals, lengths, strict=True):
        now = max(now, arrival) + length
        times.append(now - arrival)
    return times


def _never_idle(arrivals, lengths):
    return [end - at for at, end in zip(arrivals, itertools.accumulate(lengths), strict=True)]


def _ends(arrivals, lengths):
    return [at + time for at, time in zip(arrivals, turnaround_times(arrivals, lengths), strict=True)]


def _shortest_first(arrivals, lengths):
    now, times = 0, {}
    while len(times) < len(lengths):
        left = [job for job in range(len(lengths)) if job not in times]
        ready = [job for job in left if arrivals[job] <= now] or left[:1]
        job = min(ready, key=lambda job: lengths[job])
        now = max(now, arrivals[job]) + lengths[job]
        times[job] = now - arrivals[job]
    return [times[job] for job in range(len(lengths))]


def _sorted_by_length(arrivals, lengths):
    now, times = 0, [0] * len(lengths)
    for job in sorted(range(len(lengths)), key=lambda job: lengths[job]):
        now = max(now, arrivals[job]) + lengths[job]
        times[job] = now - arrivals[job]
    return times


def _clock_without_pause(arrivals, lengths):
    starts = [0, *itertools.accumulate(lengths)]
    rows = zip(starts, arrivals, lengths, strict=False)
    return [max(0, start - arrival) + length for start, arrival, length in rows]


def _beside(arrivals, lengths):
    ends = itertools.accumulate((at + n for at, n in zip(arrivals, lengths, strict=True)), max)
    return [end - at for at, end in zip(arrivals, ends, strict=True)]


def _arrivals_added(arrivals, lengths):
    ends = itertools.accumulate(at + n for at, n in zip(arrivals, lengths, strict=True))
    return [end - at for at, end in zip(arrivals, ends, strict=True)]


def _before_never_waits(arrivals, lengths):
    free = [0, *(at + n for at, n in zip(arrivals, lengths, strict=True))]
    rows = zip(free, arrivals, lengths, strict=False)
    return [max(before, at) + n - at for before, at, n in rows]


def _draw_jobs(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    arrivals = sorted(generator.randrange(30) for _ in range(6))
    lengths = [generator.randrange(1, 9) for _ in range(6)]
    return (Case(f"arrivals {arrivals}, lengths {lengths}", (arrivals, lengths)),)


TURNAROUND = Exercise(
    key="2.2-9",
    title="First come, first served",
    difficulty=1,
    minutes=10,
    statement=(
        "Jobs run one after the other in the order in which they come, each to its end. Return the "
        "turnaround of each: its end minus its arrival. When nobody is there, the processor waits for the "
        "next to come."
    ),
    takeaway="One long job at the front makes everybody's turnaround long: the convoy effect.",
    reference=turnaround_times,
    explanation="A job begins when it has come and the one before it has ended, whichever is later.",
    hints=(
        "Keep one number: when the processor is free again. What does the next job do to it?",
        "Two things must have happened before a job can begin. Which of them is later?",
        "A turnaround is a duration. From which moment of the job's own does it count?",
    ),
    cases=(
        Case("lengths 100, 10, 10, all at time 0", ([0, 0, 0], [100, 10, 10])),
        Case("lengths 10, 10, 100, all at time 0", ([0, 0, 0], [10, 10, 100])),
        Case("arrivals 0, 3, 20 with a pause", ([0, 3, 20], [5, 4, 2])),
        Case("the first comes at 7", ([7, 8], [3, 3])),
        Case("one job", ([4], [6])),
        Case("each comes as the last ends", ([0, 2, 5], [2, 3, 1])),
        Case("a long one before short ones", ([0, 1, 2, 3], [12, 5, 1, 3])),
    ),
    draw=_draw_jobs,
    mistakes=(
        Mistake(
            "ends for turnarounds",
            "You return the times at which the jobs end. Somebody who came at 20 and ended at 22 has "
            "waited 2, not 22.",
            (_ends,),
        ),
        Mistake(
            "the processor never idle",
            "You add up the lengths as if there were never a pause: a job seems to run before it has come. "
            "What does the processor do when nobody is there?",
            (
                _never_idle,
                lambda a, n: [a[0] + time for time in _never_idle(a, n)],
            ),
        ),
        Mistake(
            "the pause not in the clock",
            "A job that comes late does not wait in yours, which is right, but those behind it run as if "
            "there had been no pause. Put the pause into the clock as well.",
            (_clock_without_pause,),
        ),
        Mistake(
            "beginnings",
            "You return the times at which the jobs begin. Asked is how long after its arrival each has "
            "ended.",
            (lambda a, n: [end - length for end, length in zip(_ends(a, n), n, strict=True)],),
        ),
        Mistake(
            "waiting for turnaround",
            "You return how long each waits before it runs. Turnaround includes the job's own time.",
            (lambda a, n: [time - length for time, length in zip(turnaround_times(a, n), n, strict=True)],),
        ),
        Mistake(
            "nobody waits",
            "Each of your jobs begins the moment it comes, as if there were a processor for each. There is "
            "one: the one before must have ended.",
            (lambda a, n: list(n),),
        ),
        Mistake(
            "shortest first",
            "You let a short job overtake a longer one that came before it. Here the order of arrival "
            "decides.",
            (_shortest_first, _sorted_by_length),
        ),
        Mistake(
            "one number for all",
            "You return one number, the mean. Each job's own turnaround is asked for, in the order of the "
            "jobs.",
            (lambda a, n: sum(turnaround_times(a, n)) / len(n),),
        ),
        Mistake(
            "begun before the other has ended",
            "It comes out as if a job could run beside the one before it, and ended with it at the "
            "earliest. It begins when that one has ended.",
            (_beside,),
        ),
        Mistake(
            "arrivals added up",
            "It comes out as if each arrival were added to the clock. The clock waits for an arrival; it "
            "does not go on by it.",
            (_arrivals_added,),
        ),
        Mistake(
            "from the first arrival",
            "It comes out as if each turnaround counted from the arrival of the first job. It counts from "
            "the job's own.",
            (lambda a, n: [end - a[0] for end in _ends(a, n)],),
        ),
        Mistake(
            "the one before as if it never waited",
            "It comes out as if the job before had begun when it came. It may have had to wait itself.",
            (_before_never_waits,),
        ),
        Mistake(
            "the sign",
            "Your numbers have the wrong sign: a turnaround is the end minus the arrival.",
            (lambda a, n: [-time for time in turnaround_times(a, n)],),
        ),
    ),
)


EXERCISES = (JOBS_BY_HAND, TURNAROUND)
