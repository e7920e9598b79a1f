"""A seventh trial, chapter 2.2: answers written from the statements alone."""

import itertools
import math
from collections import Counter, OrderedDict, deque

from trial.answers import right, wrong


# Pages counted from 1, so 83 (third page) is looked up at frames[1]
@wrong("2.2-1", "You look up the page before: the list of frames begins with that")
def pages_counted_from_1_so_83_third_page():
    return {"first": 5 * 32 + 19, "second": 9 * 32 + 15}


# Frame 0 is falsy / '<= 0' counts as no frame: a page in frame 0 faults
@wrong("2.2-2", "A page in frame 0 comes out as a fault. Zero is a frame like any")
def frame_0_is_falsy_0_counts_as_no_frame_a_page(address, page_size, frames):
    if address < 0 or address >= page_size * len(frames):
        return -2
    frame = frames[address // page_size]
    if frame <= 0:
        return -1
    return frame * page_size + address % page_size


# C division: int(address / page_size) is 0 for small negative addresses, which slip through as page 0
@wrong("2.2-2", "A negative address is taken for one on page 0")
def c_division_int_address_page_size_is_0(address, page_size, frames):
    page = int(address / page_size)
    if page < 0 or page >= len(frames):
        return -2
    if frames[page] == -1:
        return -1
    return frames[page] * page_size + int(math.fmod(address, page_size))


_REFS = [3, 1, 5, 2, 3, 5, 3, 1, 5, 4, 1, 4]


def _fifo(refs, n):
    held, faults = [], 0
    for page in refs:
        if page not in held:
            faults += 1
            held = [*held, page][-n:]
    return faults


def _lru(refs, n):
    held, faults = [], 0
    for page in refs:
        if page in held:
            held.remove(page)
        else:
            faults += 1
        held = [*held, page][-n:]
    return faults


def _optimal(refs, n, never=10**6):
    held, faults = [], 0
    for place, page in enumerate(refs):
        if page in held:
            continue
        faults += 1
        if len(held) == n:
            rest = refs[place + 1 :]
            held.remove(max(held, key=lambda p: rest.index(p) if p in rest else never))
        held.append(page)
    return faults


# In the optimal row a page that never comes again is kept (its next use counted as 'now', distance -1)
@wrong("2.2-3", "For optimal your count is the one that comes when a page that")
def in_the_optimal_row_a_page_that_never_comes():
    return {"fifo": _fifo(_REFS, 3), "lru": _lru(_REFS, 3), "optimal": _optimal(_REFS, 3, never=-1)}


# The least frequently used page goes (counts of uses), not the least recently used
@wrong("2.2-4", "You count uses instead of looking at the last one: a page that")
def the_least_frequently_used_page_goes_counts(references, num_frames):
    held, uses, faults = [], Counter(), 0
    for page in references:
        uses[page] += 1
        if page in held:
            continue
        faults += 1
        if len(held) == num_frames:
            held.remove(min(held, key=lambda p: uses[p]))
        held.append(page)
    return faults


# A page is thrown out whenever all frames are full, before it is asked whether the page is there: hits
# evict too
@wrong("2.2-4", "It comes out as if a page had to go whenever all frames are")
def a_page_is_thrown_out_whenever_all_frames(references, num_frames):
    held, faults = OrderedDict(), 0
    for page in references:
        if len(held) == num_frames:
            victim = next(iter(held))
            if victim != page:
                del held[victim]
        if page not in held:
            faults += 1
        held[page] = True
        held.move_to_end(page)
    return faults


# Stack distance: a reference is a hit when fewer than num_frames different pages came since its last use
@right("2.2-4")
def stack_distance_a_reference_is_a_hit(references, num_frames):
    refs, faults = [int(r) for r in references], 0
    for place, page in enumerate(refs):
        past = refs[:place]
        if page not in past:
            faults += 1
            continue
        last = place - 1 - past[::-1].index(page)
        faults += len(set(refs[last + 1 : place])) >= num_frames
    return faults


# The victim's bit is set already, as if its new page had just been used
@wrong("2.2-5", "You set the victim's bit, as for the page that comes in.")
def the_victim_s_bit_is_set_already(used, hand):
    bits, n = list(used), len(used)
    while bits[hand]:
        bits[hand] = False
        hand = (hand + 1) % n
    bits[hand] = True
    return hand, bits, (hand + 1) % n


# Looks for the first frame with a clear bit and clears all bits only when there is none: passed bits stay
# set
@wrong("2.2-5", "The victim and hand are right. For two set bits before a clear")
def looks_for_the_first_frame_with_a_clear_bit(used, hand):
    bits, n = list(used), len(used)
    for step in range(n):
        place = (hand + step) % n
        if not bits[place]:
            return place, bits, (place + 1) % n
    return hand, [False] * n, (hand + 1) % n


# Mean over the programs of each one's wasted share, not the share of all pages together
@wrong("2.2-6", "What comes out is the mean of the programs' own shares, so that a")
def mean_over_the_programs_of_each_one_s_wasted(sizes, page_size):
    shares = []
    for size in sizes:
        given = -(-size // page_size) * page_size
        shares.append((given - size) / given)
    return sum(shares) / len(shares)


# All programs are packed into common pages: sizes added first, then rounded up once
@wrong("2.2-6", "You put all programs one behind the other and round up once. Two")
def all_programs_are_packed_into_common_pages(sizes, page_size):
    total = sum(sizes)
    given = math.ceil(total / page_size) * page_size
    return (given - total) / given


# Joined with the hole before OR (elif) the hole behind: a piece between two holes leaves two that touch
@wrong("2.2-7", "Where the piece touches a hole before it and another behind it,")
def joined_with_the_hole_before_or_elif_the_hole(holes, start, size):
    after = [list(h) for h in holes]
    for hole in after:
        if hole[0] + hole[1] == start:
            hole[1] += size
            return after
        elif start + size == hole[0]:
            hole[0], hole[1] = start, hole[1] + size
            return after
    after.append([start, size])
    return sorted(after)


# Shallow copy: holes[:] keeps the inner lists, which are lengthened in place, so the caller's list
# changes
@wrong("2.2-7", "The numbers are right, but for a hole before it your input")
def shallow_copy_holes_keeps_the_inner_lists(holes, start, size):
    merged = []
    for hole in sorted([*holes[:], [start, size]]):
        if merged and merged[-1][0] + merged[-1][1] == hole[0]:
            merged[-1][1] += hole[1]
        else:
            merged.append(hole)
    return merged


# Set of all free addresses, cut into runs with groupby on address minus rank
@right("2.2-7")
def set_of_all_free_addresses_cut_into_runs(holes, start, size):
    free = set(range(start, start + size))
    for hole in holes:
        free |= set(range(hole[0], hole[0] + hole[1]))
    out = []
    for _, run in itertools.groupby(enumerate(sorted(free)), key=lambda pair: pair[1] - pair[0]):
        run = [address for _, address in run]
        out.append([run[0], len(run)])
    return out


# Response of round robin taken at the end of each job's first slice (2, 4, 6), mean 4
@wrong("2.2-8", "Your response is one turn too long: the mean of the moments at")
def response_of_round_robin_taken_at_the_end():
    return {"first come": 18, "shortest first": 12, "round robin response": 4}


# The processor waits only for the first job; later gaps in which nobody is there are not waited out
@wrong("2.2-9", "You add up the lengths as if there were never a pause: a job")
def the_processor_waits_only_for_the_first_job(arrivals, lengths):
    clock, out = arrivals[0], []
    for arrival, length in zip(arrivals, lengths, strict=False):
        clock += length
        out.append(clock - arrival)
    return out


# At an idle moment the clock goes on by the arrival time (clock += arrival) instead of to it
@wrong("2.2-9", "For arrivals 0, 3, 20 with a pause, your result differs in 1 of")
def at_an_idle_moment_the_clock_goes(arrivals, lengths):
    clock, out = 0, []
    for arrival, length in zip(arrivals, lengths, strict=False):
        if clock < arrival:
            clock += arrival
        clock += length
        out.append(clock - arrival)
    return out


# Closed form: each end is the maximum over all starts of an unbroken run of work
@right("2.2-9")
def closed_form_each_end_is_the_maximum_over(arrivals, lengths):
    return [
        max(arrivals[i] + sum(lengths[i : j + 1]) for i in range(j + 1)) - arrivals[j]
        for j in range(len(lengths))
    ]


# A job that ends within its quantum still uses up the whole quantum on the clock
@wrong("2.2-10", "A job that ends in the middle of its turn keeps the processor to")
def a_job_that_ends_within_its_quantum_still(lengths, quantum):
    left, ends, clock = list(lengths), [0] * len(lengths), 0
    queue = deque(range(len(lengths)))
    while queue:
        job = queue.popleft()
        clock += quantum
        left[job] -= quantum
        if left[job] > 0:
            queue.append(job)
        else:
            ends[job] = clock
    return ends


# A job that ends exactly with its quantum goes to the back of the queue once more and ends when it is
# next met
@wrong("2.2-10", "A job that has just ended with its quantum comes again in")
def a_job_that_ends_exactly_with_its_quantum(lengths, quantum):
    left, ends, clock = list(lengths), [0] * len(lengths), 0
    queue = deque(range(len(lengths)))
    while queue:
        job = queue.popleft()
        if left[job] >= quantum:
            clock += quantum
            left[job] -= quantum
            queue.append(job)
        else:
            clock += left[job]
            ends[job] = clock
    return ends


# Rounds instead of a queue: one sweep after the other over a copy
@right("2.2-10")
def rounds_instead_of_a_queue_one_sweep_after(lengths, quantum):
    left, ends, clock = dict(enumerate(lengths)), [None] * len(lengths), 0
    while left:
        for job in sorted(left):
            ran = min(quantum, left[job])
            clock, left[job] = clock + ran, left[job] - ran
            if left[job] == 0:
                ends[job] = clock
                del left[job]
    return ends


# Sorted by slack (deadline minus length): a job that is long with a later deadline goes before a short
# urgent one
@wrong("2.2-11", "It comes out as if the job ran first that has the least time to spare")
def sorted_by_slack_deadline_minus_length_a_job(lengths, deadlines):
    clock = 0
    for length, deadline in sorted(zip(lengths, deadlines, strict=False), key=lambda job: job[1] - job[0]):
        clock += length
        if clock > deadline:
            return False
    return True


# Only the sum is tested against the latest deadline, and each job alone against its own
@wrong("2.2-11", "For two urgent ones and one with time to spare, your result is")
def only_the_sum_is_tested_against_the_latest(lengths, deadlines):
    return all(n <= d for n, d in zip(lengths, deadlines, strict=False)) and sum(lengths) <= max(deadlines)


# Hall's condition: for every deadline, all work due by then fits into it
@right("2.2-11")
def hall_s_condition_for_every_deadline_all_work(lengths, deadlines):
    return not any(
        sum(n for n, d in zip(lengths, deadlines, strict=False) if d <= limit) > limit
        for limit in set(deadlines)
    )


# Asks holders[index], the place in the table, instead of holders[table[index]]
@wrong("2.2-12", "You ask for the holders of block `index`. That is a place in the")
def asks_holders_index_the_place_in_the_table(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[index] > 1:
        holders[table[index]] -= 1
        table[index] = free
        holders[free] += 1
    return table, holders


# The copy is made, but the free block keeps its 0 holders and may be given away again
@wrong("2.2-12", "The new block counts as free although the writer's table names")
def the_copy_is_made_but_the_free_block_keeps(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        holders[table[index]] -= 1
        table[index] = free
    return table, holders


# Without an if: comprehension with conditional expressions, new lists throughout
@right("2.2-12")
def without_an_if_comprehension_with_conditional(table, holders, index, free):
    old = table[index]
    shared = holders[old] >= 2
    return (
        [free if shared and place == index else block for place, block in enumerate(table)],
        [n - (shared and b == old) + (shared and b == free) for b, n in enumerate(holders)],
    )


_DICTIONARY = {
    "page": "block of keys and values",
    "page table": "block table",
    "process": "request",
    "time slice": "one step of the model",
    "system call": "tool call",
    "admission": "whether a request may begin",
    "none": "stopping in the middle of a time slice",
}


# None = taking memory away, as if blocks could not be evicted
@wrong("2.2-13", "A kernel can take a request's blocks away: it drops them and")
def none_taking_memory_away_as_if_blocks_could():
    return {**_DICTIONARY, "none": "taking memory away"}


# The factor is taken as a property of the server: 4.9 for texts of full length too
@wrong("2.2-14", "You expect 4.9 on texts of full length too. How much does each")
def the_factor_is_taken_as_a_property():
    return {
        "equal": 4.9,
        "measures": "how much shorter texts are than the longest",
        "control": "texts of equal, full length",
        "false": False,
    }


def _fifteen(**other):
    said = {
        "paired": 2.262 * 0.0065 / math.sqrt(10),
        "unpaired": 2.262 * math.sqrt(2 * 0.018**2 / 10),
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }
    return {**said, **other}


# Unpaired from the two standard deviations added (0.036), not their squares
@wrong("2.2-15", "What comes out is that of the two standard deviations added.")
def unpaired_from_the_two_standard_deviations():
    return _fifteen(unpaired=2.262 * 0.036 / math.sqrt(10))


# Least 'does not hold' because the interval's lower end is below 0.01
@wrong("2.2-15", "The interval reaches beyond 0.01 as well as below it. A claim is")
def least_does_not_hold_because_the_interval_s():
    return _fifteen(least="does not hold")
