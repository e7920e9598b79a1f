"""The exercises of chapter 2.2: solutions, blanks, known mistakes, and what readers write instead of both."""

import functools
import itertools
import math
import sys
from collections import deque

import cloudpickle
import pytest
from exercise_rules import every_case, rules_for
from question_rules import question_rules_for

from llmasos_edu.exercises import find, judge
from llmasos_edu.kernel import allocator, paging, processor, scheduler

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

# Correct answers, written differently from the solutions ---------------------------------------------


def translated_by_loop(address, page_size, frames):
    page = 0
    while address >= page_size and page < len(frames):
        address, page = address - page_size, page + 1
    if address < 0 or page == len(frames):
        return -2
    return -1 if frames[page] == -1 else frames[page] * page_size + address


def lru_by_time_stamps(references, num_frames):
    last, faults = {}, 0
    for now, page in enumerate(references):
        if page not in last:
            faults += 1
            if len(last) == num_frames:
                del last[min(last, key=last.get)]
        last[page] = now
    return faults


def clock_by_deque(used, hand):
    ring = deque(enumerate(used))
    ring.rotate(-hand)
    while ring[0][1]:
        place, _ = ring.popleft()
        ring.append((place, False))
    victim = ring[0][0]
    return [victim, [bit for _, bit in sorted(ring)], (victim + 1) % len(used)]


def waste_by_ceil(sizes, page_size):
    pages = sum(math.ceil(size / page_size) for size in sizes)
    return (pages * page_size - sum(sizes)) / (pages * page_size)


def given_back_by_units(holes, start, size):
    free = sorted(unit for at, length in [*holes, (start, size)] for unit in range(at, at + length))
    pieces = []
    for unit in free:
        if pieces and pieces[-1][-1] + 1 == unit:
            pieces[-1].append(unit)
        else:
            pieces.append([unit])
    return [(piece[0], len(piece)) for piece in pieces]


def turnaround_by_units(arrivals, lengths):
    time, result = 0, []
    for at, left in zip(arrivals, lengths, strict=True):
        while time < at:
            time += 1
        while left:
            time, left = time + 1, left - 1
        result.append(time - at)
    return result


def round_robin_by_units(lengths, quantum):
    ends, left, ring, time = {}, dict(enumerate(lengths)), deque(range(len(lengths))), 0
    while ring:
        for _ in range(quantum):
            time += 1
            left[ring[0]] -= 1
            if left[ring[0]] == 0:
                ends[ring[0]] = time
                break
        job = ring.popleft()
        if left[job]:
            ring.append(job)
    return [ends[job] for job in range(len(lengths))]


def deadlines_by_trying_all(lengths, deadlines):
    @functools.cache
    def fits(first):  # these jobs run first, in whatever order: one of them ends last
        end = sum(lengths[job] for job in first)
        return not first or any(end <= deadlines[job] and fits(first - {job}) for job in first)

    return fits(frozenset(range(len(lengths))))


def write_with_early_return(table, holders, index, free):
    if holders[table[index]] == 1:
        return table, holders
    after = [count - (block == table[index]) + (block == free) for block, count in enumerate(holders)]
    return [*table[:index], free, *table[index + 1 :]], after


ALTERNATIVES = {
    "2.2-2": translated_by_loop,
    "2.2-4": lru_by_time_stamps,
    "2.2-5": clock_by_deque,
    "2.2-6": waste_by_ceil,
    "2.2-7": given_back_by_units,
    "2.2-9": turnaround_by_units,
    "2.2-10": round_robin_by_units,
    "2.2-11": deadlines_by_trying_all,
    "2.2-12": write_with_early_return,
}

# Usual mistakes in a reader's own words --------------------------------------------------------------


def translated_without_offset(address, page_size, frames):
    page = address // page_size
    if page < 0 or page >= len(frames):
        return -2
    return -1 if frames[page] == -1 else frames[page] * page_size


def translated_with_truth_of_frame(address, page_size, frames):
    page = address // page_size
    if page not in range(len(frames)):
        return -2
    return frames[page] * page_size + address % page_size if frames[page] > 0 else -1


def lru_that_is_fifo(references, num_frames):
    memory, faults = [], 0
    for page in references:
        if page not in memory:
            faults += 1
            memory = [*memory, page][-num_frames:]
    return faults


def lru_that_counts_hits(references, num_frames):
    recent, hits = [], 0
    for page in references:
        hits += page in recent
        recent = [*(other for other in recent if other != page), page][-num_frames:]
    return hits


def clock_that_never_clears(used, hand):
    for step in range(len(used)):
        if not used[(hand + step) % len(used)]:
            return (hand + step) % len(used), used, (hand + step + 1) % len(used)
    return hand, used, (hand + 1) % len(used)


def clock_that_stays(used, hand):
    bits = used[:]
    while bits[hand]:
        bits[hand] = False
        hand += 1
        if hand == len(bits):
            hand = 0
    return hand, bits, hand


def waste_as_mean_of_shares(sizes, page_size):
    shares = [1 - size / (math.ceil(size / page_size) * page_size) for size in sizes]
    return sum(shares) / len(shares)


def given_back_to_the_left_only(holes, start, size):
    result = []
    for at, length in holes:
        if at + length == start:
            start, size = at, size + length
        else:
            result.append([at, length])
    return sorted([*result, [start, size]])


def turnaround_that_is_the_end(arrivals, lengths):
    ends, free = [], 0
    for at, length in zip(arrivals, lengths, strict=True):
        free = free + length if free > at else at + length
        ends.append(free)
    return ends


def round_robin_with_whole_turns(lengths, quantum):
    left, ends, time = list(lengths), [0] * len(lengths), 0
    while any(need > 0 for need in left):
        for job in range(len(left)):
            if left[job] > 0:
                time += quantum
                left[job] -= quantum
                if left[job] <= 0:
                    ends[job] = time
    return ends


def deadlines_in_given_order(lengths, deadlines):
    ends = list(itertools.accumulate(lengths))
    return all(end <= deadline for end, deadline in zip(ends, deadlines, strict=True))


def write_that_always_copies(table, holders, index, free):
    after = list(holders)
    after[table[index]] -= 1
    after[free] += 1
    return [free if place == index else block for place, block in enumerate(table)], after


VARIATIONS = [
    ("2.2-2", "offset left out", translated_without_offset),
    ("2.2-2", "frame 0 taken for none", translated_with_truth_of_frame),
    ("2.2-4", "first in, first out", lru_that_is_fifo),
    ("2.2-4", "hits counted", lru_that_counts_hits),
    ("2.2-5", "bits left as they are", clock_that_never_clears),
    ("2.2-5", "the hand stays on the victim", clock_that_stays),
    ("2.2-6", "mean of shares", waste_as_mean_of_shares),
    ("2.2-7", "joined on one side only", given_back_to_the_left_only),
    ("2.2-9", "ends for turnarounds", turnaround_that_is_the_end),
    ("2.2-10", "a turn always takes a whole quantum", round_robin_with_whole_turns),
    ("2.2-11", "in the order given", deadlines_in_given_order),
    ("2.2-12", "always copied", write_that_always_copies),
]

TestRules = rules_for("2.2", ALTERNATIVES, VARIATIONS)

# Questions -------------------------------------------------------------------------------------------

RIGHT = {key: find(key).right() for key in ("2.2-1", "2.2-3", "2.2-8", "2.2-13", "2.2-14", "2.2-15")}
IN_ANOTHER_FORM = {
    "2.2-1": {name: float(value) for name, value in RIGHT["2.2-1"].items()},
    "2.2-3": dict(reversed(RIGHT["2.2-3"].items())),
    "2.2-8": {name: round(value, 2) for name, value in RIGHT["2.2-8"].items()},
    "2.2-13": {name: value.upper() for name, value in RIGHT["2.2-13"].items()},
    "2.2-14": RIGHT["2.2-14"] | {"equal": 1},
    "2.2-15": {name: v if isinstance(v, str) else round(v, 5) for name, v in RIGHT["2.2-15"].items()},
}
SLIPS = [
    ("2.2-13", "memory can be taken", RIGHT["2.2-13"] | {"none": "taking memory away"}),
    ("2.2-14", "more seeds", RIGHT["2.2-14"] | {"control": "more seeds", "false": True}),
    ("2.2-14", "called false", RIGHT["2.2-14"] | {"false": True}),
    ("2.2-15", "clouds that overlap", RIGHT["2.2-15"] | {"any": "not shown"}),
]

TestQuestions = question_rules_for("2.2", IN_ANOTHER_FORM, SLIPS, seeds=(None, 1, 7, 11))


def test_every_exercise_knows_five_mistakes():
    for number in range(1, 16):
        assert len(find(f"2.2-{number}").mistakes) >= 5


@pytest.mark.parametrize("seed", range(30))
def test_the_gaps_have_the_verdicts_that_their_intervals_give(seed):
    gap, right = find("2.2-15").given(seed)["gap"], find("2.2-15").right(seed)

    def verdict(half, least):
        return "holds" if gap - half > least else "not shown" if gap + half > least else "does not hold"

    assert right["any"] == verdict(right["paired"], 0)
    assert right["least"] == verdict(right["paired"], 0.01)
    assert right["separate"] == verdict(right["unpaired"], 0)


# The references against the kernel's miniatures ------------------------------------------------------


def page_table(page_size, frames):
    table = paging.PageTable(page_size, len(frames))
    for page, frame in enumerate(frames):
        if frame >= 0:
            table.map(page, frame)
    return table


def test_translation_is_the_page_table_s():
    for got, (address, page_size, frames) in every_case("2.2-2"):
        table = page_table(page_size, frames)
        try:
            assert got == table.translate(address)
        except paging.PageFault:
            assert got == -1
        except IndexError:
            assert got == -2


@pytest.mark.parametrize("seed", range(20))
def test_questions_on_paging_are_answered_by_the_miniatures(seed):
    data = find("2.2-1").given(seed)
    table = page_table(data["page_size"], data["frames"])
    assert find("2.2-1").right(seed) == {name: table.translate(data[name]) for name in ("first", "second")}
    references = find("2.2-3").given(seed)["references"]
    policies = {
        "fifo": paging.FirstInFirstOut(),
        "lru": paging.LeastRecentlyUsed(),
        "optimal": paging.Optimal(references),
    }
    counts = {name: paging.replace_pages(references, 3, policy).faults for name, policy in policies.items()}
    assert find("2.2-3").right(seed) == counts


def test_replacement_is_the_policies():
    for got, (references, num_frames) in every_case("2.2-4"):
        assert got == paging.replace_pages(references, num_frames, paging.LeastRecentlyUsed()).faults


def test_the_clock_chooses_as_the_policy_does():
    for (victim, bits, hand), (used, start) in every_case("2.2-5"):
        clock = paging.Clock()
        for place in [*range(start, len(used)), *range(start)]:
            clock.used(place)
        clock.bit = dict(enumerate(used))
        assert clock.victim() == victim
        assert clock.bit == {place: bit for place, bit in enumerate(bits) if place != victim}
        if len(used) > 1:
            assert clock.ring[0] == hand


def test_waste_and_holes_are_those_of_the_miniatures():
    for got, inputs in every_case("2.2-6"):
        assert got == pytest.approx(paging.internal_fragmentation(*inputs))
    for got, (holes, start, size) in every_case("2.2-7"):
        memory = allocator.FreeList(100)
        memory.holes, memory.used = dict(map(tuple, holes)), {start: size}
        memory.free(start)
        assert dict(map(tuple, got)) == memory.holes


def run_jobs(lengths, policy, arrivals=None):
    arrivals = arrivals or [0] * len(lengths)
    jobs = [processor.Job("x", length, at) for length, at in zip(lengths, arrivals, strict=True)]
    return processor.run(jobs, policy)


@pytest.mark.parametrize("seed", range(20))
def test_jobs_by_hand_are_the_processor_s(seed):
    data = find("2.2-8").given(seed)
    lengths, quantum = data["lengths"], data["quantum"]
    assert find("2.2-8").right(seed) == pytest.approx(
        {
            "first come": run_jobs(lengths, scheduler.FirstComeFirstServed()).mean("turnaround"),
            "shortest first": run_jobs(lengths, scheduler.ShortestJobFirst()).mean("turnaround"),
            "round robin response": run_jobs(lengths, scheduler.RoundRobin(quantum)).mean("response"),
        }
    )


def test_schedules_are_the_processor_s():
    for got, (arrivals, lengths) in every_case("2.2-9"):
        jobs = run_jobs(lengths, scheduler.FirstComeFirstServed(), arrivals).jobs
        assert got == [job.turnaround for job in jobs]
    for got, (lengths, quantum) in every_case("2.2-10"):
        assert got == [job.finished for job in run_jobs(lengths, scheduler.RoundRobin(quantum)).jobs]
    for got, (lengths, deadlines) in every_case("2.2-11"):
        jobs = [processor.Job("x", n, deadline=d) for n, d in zip(lengths, deadlines, strict=True)]
        assert got == (not jobs or processor.run(jobs, processor.EarliestDeadlineFirst()).misses == 0)


def test_a_seed_draws_more_cases_for_a_function():
    verdict = judge("2.2-10", round_robin_by_units, seed=7)
    assert verdict.status == "correct"
    assert "all 8 cases" in verdict.message
    assert (
        judge("2.2-10", round_robin_with_whole_turns, seed=7).mistake == "a turn always takes a whole quantum"
    )
