"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 2.2."""

import math
from collections import OrderedDict, deque

from trial.answers import right, wrong


# Counts the pages from one when looking into the table
@wrong("2.2-1", "'first', 'second': You look up the page before: the list of frames")
def table_counted_from_one_fourteenth():
    frames = [11, 5, 9, 12]

    def go(address):
        page, offset = divmod(address, 32)
        return frames[page - 1] * 32 + offset

    return {"first": go(83), "second": go(111)}


# Takes frame 0 for 'no frame'
@wrong("2.2-2", "A page in frame 0 comes out as a fault. Zero is a frame like any")
def translate_frame_zero_faults_fourteenth(address, page_size, frames):
    if address < 0 or address >= page_size * len(frames):
        return -2
    page, offset = divmod(address, page_size)
    if frames[page] < 1:
        return -1
    return frames[page] * page_size + offset


# Optimal: a page that is never used again counts as next used at once and so is kept
@wrong("2.2-3", "'optimal': For optimal your count is the one that comes when a page")
def never_used_again_is_kept_fourteenth():
    references, frames = [3, 1, 5, 2, 3, 5, 3, 1, 5, 4, 1, 4], 3

    def faults(choose):
        held, count, came, last = [], 0, {}, {}
        for i, page in enumerate(references):
            if page not in held:
                count += 1
                if len(held) == frames:
                    held.remove(choose(held, i, came, last))
                held.append(page)
                came[page] = i
            last[page] = i
        return count

    def next_use(page, i):
        rest = references[i + 1 :]
        return rest.index(page) if page in rest else -1

    return {
        "fifo": faults(lambda held, i, came, last: min(held, key=came.get)),
        "lru": faults(lambda held, i, came, last: min(held, key=last.get)),
        "optimal": faults(lambda held, i, came, last: max(held, key=lambda p: next_use(p, i))),
    }


# Popitem() without last=False throws out the page used last, not the one used longest ago
@wrong("2.2-4", "You let the page go that was used last, and keep the one that")
def lru_popitem_takes_newest_fourteenth(references, num_frames):
    memory = OrderedDict()
    faults = 0
    for page in references:
        if page in memory:
            memory.move_to_end(page)
            continue
        faults += 1
        if len(memory) == num_frames:
            memory.popitem()
        memory[page] = True
    return faults


# Unusual: stack distances, no memory is simulated at all
@right("2.2-4")
def lru_by_stack_distance_fourteenth(references, num_frames):
    references = list(references)
    faults = 0
    for i, page in enumerate(references):
        between = set()
        hit = False
        for earlier in reversed(references[:i]):
            if earlier == page:
                hit = len(between) < num_frames
                break
            between.add(earlier)
        faults += not hit
    return faults


# Sets the victim's bit, since the page that comes in is used at once
@wrong("2.2-5", "You set the victim's bit, as for the page that comes in. Asked for")
def victims_bit_set_fourteenth(used, hand):
    bits = list(used)
    while bits[hand]:
        bits[hand] = False
        hand = (hand + 1) % len(bits)
    bits[hand] = True
    return hand, bits, (hand + 1) % len(bits)


# Right: no sweep, the first clear bit is looked up in the circle's list of places
@right("2.2-5")
def clock_by_lookup_fourteenth(used, hand):
    n = len(used)
    circle = [(hand + k) % n for k in range(n)]
    clear = [k for k, place in enumerate(circle) if not used[place]]
    passed = clear[0] if clear else n
    swept = set(circle[:passed])
    victim = circle[passed % n]
    return victim, [bool(bit) and place not in swept for place, bit in enumerate(used)], (victim + 1) % n


# The mean of the programs' wasted shares instead of the share of all pages together
@wrong("2.2-6", "What comes out is the mean of the programs' own shares, so that a")
def wasted_mean_of_shares_fourteenth(sizes, page_size):
    shares = []
    for size in sizes:
        given = -(-size // page_size) * page_size
        shares.append((given - size) / given)
    return sum(shares) / len(shares)


# Copies the outer list alone: merging grows a hole of the caller's list
@wrong("2.2-7", "The numbers are right, but for a hole before it your input `holes`")
def shallow_copy_of_the_holes_fourteenth(holes, start, size):
    merged = []
    for hole in sorted([*holes, [start, size]]):
        if merged and merged[-1][0] + merged[-1][1] == hole[0]:
            merged[-1][1] += hole[1]
        else:
            merged.append(hole)
    return merged


# Turnaround without the job's own run: the time that it waited
@wrong("2.2-8", "'first come', 'shortest first': Your turnaround ends where the job")
def three_jobs_waiting_time_fourteenth():
    jobs = [8, 14, 2]

    def mean_wait(order):
        now, waits = 0, []
        for job in order:
            waits.append(now)
            now += job
        return sum(waits) / len(waits)

    return {
        "first come": mean_wait(jobs),
        "shortest first": mean_wait(sorted(jobs)),
        "round robin response": (0 + 2 + 4) / 3,
    }


# Waits for the first job only: later gaps are not waited for
@wrong("2.2-9", "You add up the lengths as if there were never a pause: a job seems")
def waits_only_for_the_first_fourteenth(arrivals, lengths):
    if not arrivals:
        return []
    now, result = arrivals[0], []
    for arrival, length in zip(arrivals, lengths, strict=False):
        now += length
        result.append(now - arrival)
    return result


# Returns the ends in the order in which jobs end, not in the order of the jobs
@wrong("2.2-10", "The times are right but sorted: entry i should be the end of job i,")
def round_robin_in_order_of_ending_fourteenth(lengths, quantum):
    queue = deque(lengths)
    now, ends = 0, []
    while queue:
        left = queue.popleft()
        now += min(left, quantum)
        if left > quantum:
            queue.append(left - quantum)
        else:
            ends.append(now)
    return ends


# Unusual: a closed formula for each job's end, without a queue
@right("2.2-10")
def round_robin_formula_fourteenth(lengths, quantum):
    ends = []
    for i, length in enumerate(lengths):
        rounds = max(1, -(-length // quantum))
        before = sum(min(other, rounds * quantum) for other in lengths[: i + 1])
        behind = sum(min(other, (rounds - 1) * quantum) for other in lengths[i + 1 :])
        ends.append(before + behind)
    return ends


# Runs the job of least slack (deadline minus length) first instead of the earliest deadline
@wrong("2.2-11", "It comes out as if the job ran first that has the least time to")
def least_slack_first_fourteenth(lengths, deadlines):
    now = 0
    for length, deadline in sorted(zip(lengths, deadlines, strict=False), key=lambda job: job[1] - job[0]):
        now += length
        if now > deadline:
            return False
    return True


# Right: no order is made; up to each deadline the work that is due must fit
@right("2.2-11")
def work_due_by_each_deadline_fourteenth(lengths, deadlines):
    return all(
        sum(n for n, d in zip(lengths, deadlines, strict=False) if d <= line) <= line for line in deadlines
    )


# Asks holders at the place in the table instead of at the block that stands there
@wrong("2.2-12", "You ask for the holders of block `index`. That is a place in the")
def write_asks_holders_of_the_place_fourteenth(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[index] > 1:
        holders[table[index]] -= 1
        table[index] = free
        holders[free] = 1
    return table, holders


# Copies the table but writes into the list of holders that was given
@wrong("2.2-12", "The numbers are right, but for a block that two hold your input")
def write_into_given_holders_fourteenth(table, holders, index, free):
    table = table[:]
    after = holders
    block = table[index]
    if after[block] > 1:
        after[block] -= 1
        after[free] += 1
        table[index] = free
    return table, after


# Believes that a request cannot be taken up again after it waited for a tool
@wrong("2.2-13", "'none': A request that waits for a tool leaves its place to others")
def no_going_on_after_a_wait_fourteenth():
    return {
        "page": "block of keys and values",
        "page table": "block table",
        "process": "request",
        "time slice": "one step of the model",
        "system call": "tool call",
        "admission": "whether a request may begin",
        "none": "going on after a wait",
    }


# No gain any more is given as a factor of 0 instead of 1
@wrong("2.2-14", "'equal': With texts of full length the paged server holds as many")
def benchmark_factor_zero_fourteenth():
    return {
        "equal": 0,
        "measures": "how much shorter texts are than the longest",
        "control": "texts of equal, full length",
        "false": False,
    }


# Unpaired: takes the spread of one allocator alone, without the root of two
@wrong("2.2-15", "'unpaired': That is the number for one of the two allocators, with")
def spread_of_one_allocator_fourteenth():
    gap, t = 0.012, 2.262
    paired = t * 0.0065 / math.sqrt(10)
    unpaired = t * 0.018 / math.sqrt(10)

    def verdict(half, line):
        return "holds" if gap - half > line else "does not hold" if gap + half <= line else "not shown"

    return {
        "paired": paired,
        "unpaired": unpaired,
        "any": verdict(paired, 0),
        "least": verdict(paired, 0.01),
        "separate": verdict(unpaired, 0),
    }
