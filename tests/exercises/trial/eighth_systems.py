"""An eighth trial, chapter 2.2: answers written from the statements alone."""

import math
from collections import deque

from trial.answers import right, wrong


# Counts pages from 1: page 83 // 32 = 2 is taken for the second in the list
@wrong("2.2-1", "You look up the page before: the list of frames begins with that")
def counts_pages_from_1_page_83_32_2():
    frames = [11, 5, 9, 12]
    return {"first": frames[83 // 32 - 1] * 32 + 83 % 32, "second": frames[111 // 32 - 1] * 32 + 111 % 32}


# Adds the offset to the frame's number without multiplying by the page size
@wrong("2.2-1", "You add the frame's number and the offset. A frame's number")
def adds_the_offset_to_the_frame_s_number():
    return {"first": 9 + 83 % 32, "second": 12 + 111 % 32}


# The whole memory written out as a list of physical addresses
@right("2.2-2")
def the_whole_memory_written_out_as_a_list(address, page_size, frames):
    memory = [f * page_size + o if f >= 0 else -1 for f in frames for o in range(page_size)]
    return memory[address] if address in range(len(memory)) else -2


# Off by one at the end of the memory: the first address beyond it (> instead of >=) is said to be a
# fault
@wrong("2.2-2", "The first byte behind the last page is treated as if it lay inside.")
def off_by_one_at_the_end_of_the(address, page_size, frames):
    if address < 0 or address > page_size * len(frames):
        return -2
    page = address // page_size
    if page == len(frames) or frames[page] < 0:
        return -1
    return frames[page] * page_size + address % page_size


# Counts the hits instead of the faults
@wrong("2.2-3", "Your numbers are the references that found their page. A fault is")
def counts_the_hits_instead_of_the_faults():
    return {"fifo": 12 - 8, "lru": 12 - 7, "optimal": 12 - 6}


# Does not count the first three faults, into empty frames
@wrong("2.2-3", "Each of your counts is three too low: the first three pages come")
def does_not_count_the_first_three_faults_into():
    return {"fifo": 5, "lru": 4, "optimal": 3}


# Stack distances: a fault is a reference whose page has num_frames or more others since its last use
@right("2.2-4")
def stack_distances_a_fault_is_a_reference_whose(references, num_frames):
    refs = [int(p) for p in references]
    faults = 0
    for i, page in enumerate(refs):
        before = refs[:i]
        if page not in before:
            faults += 1
            continue
        last = i - 1 - before[::-1].index(page)
        faults += len(set(refs[last + 1 : i])) >= num_frames
    return faults


# Sets the victim's bit for the page that will come in; the bits after the sweep were asked
@wrong("2.2-5", "You set the victim's bit, as for the page that comes in. Asked")
def sets_the_victim_s_bit_for_the_page(used, hand):
    used = used.copy()
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    used[hand] = True
    return (hand, used, (hand + 1) % len(used))


# Finds the victim by min over the distance and clears a rotated copy; returns a list
@right("2.2-5")
def finds_the_victim_by_min_over_the_distance(used, hand):
    n = len(used)
    order = [(hand + d) % n for d in range(n)]
    free = [f for f in order if not used[f]]
    victim = free[0] if free else hand
    swept = order[: order.index(victim)] if free else order
    after = [False if f in swept else bool(used[f]) for f in range(n)]
    return [victim, after, (victim + 1) % n]


# Averages the programs' own shares; a share of all pages was asked
@wrong("2.2-6", "What comes out is the mean of the programs' own shares, so that a")
def averages_the_programs_own_shares_a_share_of(sizes, page_size):
    shares = []
    for size in sizes:
        pages = -(-size // page_size)
        shares.append(1 - size / (pages * page_size))
    return sum(shares) / len(shares)


# Lets the programs share pages: rounds up the sum of the sizes and not each size
@wrong("2.2-6", "You put all programs one behind the other and round up once. Two")
def lets_the_programs_share_pages_rounds_up_the(sizes, page_size):
    given = math.ceil(sum(sizes) / page_size) * page_size
    return 1 - sum(sizes) / given


# Joins the piece with the hole on its left only
@wrong("2.2-7", "Where a hole touches the piece on one of its sides you join them,")
def joins_the_piece_with_the_hole_on_its(holes, start, size):
    out = [list(h) for h in holes]
    i = 0
    while i < len(out) and out[i][0] < start:
        i += 1
    if i > 0 and out[i - 1][0] + out[i - 1][1] == start:
        out[i - 1][1] += size
    else:
        out.insert(i, [start, size])
    return out


# A shallow copy: the inner [start, size] of the given list are changed
@wrong("2.2-7", "The numbers are right, but for a hole before it your input")
def a_shallow_copy_the_inner_start_size_of(holes, start, size):
    out = []
    for hole in sorted([*list(holes), [start, size]], key=lambda h: h[0]):
        if out and out[-1][0] + out[-1][1] == hole[0]:
            out[-1][1] += hole[1]
        else:
            out.append(hole)
    return out


# Marks single units of free memory and reads the runs off
@right("2.2-7")
def marks_single_units_of_free_memory_and_reads(holes, start, size):
    units = set(range(start, start + size))
    for s, n in holes:
        units |= set(range(s, s + n))
    out = []
    for u in sorted(units):
        if u - 1 in units:
            out[-1][1] += 1
        else:
            out.append([u, 1])
    return out


# Gives sums, not means
@wrong("2.2-8", "That is three times too large: a sum. The mean over the three jobs was")
def gives_sums_not_means():
    return {"first come": 8 + 22 + 24, "shortest first": 2 + 10 + 24, "round robin response": 0 + 2 + 4}


# A job with exactly a quantum left is sent round once more (>= for >), ending at a later, empty turn
@wrong("2.2-10", "A job that has just ended with its quantum comes again in")
def a_job_with_exactly_a_quantum_left_is(lengths, quantum):
    q = deque(enumerate(lengths))
    ends, now = ([0] * len(lengths), 0)
    while q:
        i, left = q.popleft()
        if left >= quantum:
            now += quantum
            q.append((i, left - quantum))
        else:
            now += left
            ends[i] = now
    return ends


# A closed sum without a clock: for every job what each other one has run before it ends
@right("2.2-10")
def a_closed_sum_without_a_clock_for_every(lengths, quantum):
    ends = []
    for i, mine in enumerate(lengths):
        rounds = -(-mine // quantum)
        end = mine
        for j, other in enumerate(lengths):
            if j != i:
                turns = rounds if j < i else rounds - 1
                end += min(other, turns * quantum)
        ends.append(end)
    return ends


# Returns how many deadlines are missed: 0 where all are met, which is false
@wrong("2.2-11", "For no job, your result is False and should be True. True or")
def returns_how_many_deadlines_are_missed_0_where(lengths, deadlines):
    now, missed = (0, 0)
    for d, n in sorted(zip(deadlines, lengths, strict=False)):
        now += n
        if now > d:
            missed += 1
    return missed


# An end exactly at the deadline counts as missed; at it is in time
@wrong("2.2-11", "A job that ends exactly at its deadline counts as late in your")
def an_end_exactly_at_the_deadline_counts_as(lengths, deadlines):
    now = 0
    for d, n in sorted(zip(deadlines, lengths, strict=False)):
        now += n
        if now >= d:
            return False
    return True


# Runs the shortest job first; that is best for the mean turnaround, not for deadlines
@wrong("2.2-11", "It comes out as if the shortest job ran first. That is best for the")
def runs_the_shortest_job_first_that_is_best(lengths, deadlines):
    now, ok = (0, True)
    for n, d in sorted(zip(lengths, deadlines, strict=False)):
        now += n
        ok = ok and now <= d
    return ok


# Copies always, also where nobody else holds the block
@wrong("2.2-12", "You copy also a block that nobody else holds. Nothing is spoiled")
def copies_always_also_where_nobody_else_holds_the(table, holders, index, free):
    table, holders = (table[:], holders[:])
    holders[table[index]] -= 1
    holders[free] = 1
    table[index] = free
    return (table, holders)


# The old block keeps its holder: its count is not lowered
@wrong("2.2-12", "The old block still counts the writer among its holders, though")
def the_old_block_keeps_its_holder_its_count(table, holders, index, free):
    table, holders = (list(table), list(holders))
    if holders[table[index]] > 1:
        table[index] = free
        holders[free] += 1
    return (table, holders)


# Exchanges page and page table
@wrong("2.2-13", "These two are exchanged: a page holds data, the table says where")
def exchanges_page_and_page_table():
    return {
        "page": "block table",
        "page table": "block of keys and values",
        "process": "request",
        "time slice": "one step of the model",
        "system call": "tool call",
        "admission": "whether a request may begin",
        "none": "stopping in the middle of a time slice",
    }


# The mean difference 0.012 is above 0.01, so 'at least 0.01 more' is taken to hold; the interval
# begins at 0.007
@wrong("2.2-15", "The mean lies above 0.01, but part of its interval does not. What")
def the_mean_difference_0_012_is_above_0():
    return {"paired": 0.00465, "unpaired": 0.0182, "any": "holds", "least": "holds", "separate": "not shown"}
