"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 2.2."""

from collections import Counter, OrderedDict, deque

from trial.answers import right, wrong


# Outside is tested with the number of pages times size, but a negative address falls through to
# Python's negative index
@wrong("2.2-2", "A negative address gives a place in memory, as when Python's list")
def translate_negative_falls_through_fifteenth(address, page_size, frames):
    page, offset = divmod(address, page_size)
    if page >= len(frames):
        return -2
    if page < -len(frames):
        return -2
    frame = frames[page]
    return -1 if frame == -1 else frame * page_size + offset


# Does not count the faults that fill the empty frames
@wrong("2.2-3", "'fifo', 'lru', 'optimal': Each of your counts is three too low: the")
def faults_without_cold_fifteenth():
    refs = [3, 1, 5, 2, 3, 5, 3, 1, 5, 4, 1, 4]

    def run(choose):
        frames, faults = [], 0
        came, used = {}, {}
        for t, p in enumerate(refs):
            if p not in frames:
                if len(frames) == 3:
                    faults += 1
                    frames.remove(choose(frames, came, used, t))
                frames.append(p)
                came[p] = t
            used[p] = t
        return faults

    def nxt(p, t):
        later = [i for i in range(t, len(refs)) if refs[i] == p]
        return later[0] if later else 99

    return {
        "fifo": run(lambda f, c, u, t: min(f, key=c.get)),
        "lru": run(lambda f, c, u, t: min(f, key=u.get)),
        "optimal": run(lambda f, c, u, t: max(f, key=lambda p: nxt(p, t))),
    }


# Counts by the reuse distance: a hit where fewer than num_frames other pages came since the last use
@right("2.2-4")
def lru_by_distance_fifteenth(references, num_frames):
    refs = list(references)
    faults = 0
    for t, p in enumerate(refs):
        since = set()
        hit = False
        for q in reversed(refs[:t]):
            if q == p:
                hit = len(since) < num_frames
                break
            since.add(q)
        faults += not hit
    return faults


# A hit does not refresh the page: first in, first out
@wrong("2.2-4", "You count the faults of first in, first out: a hit leaves your")
def lru_that_is_fifo_fifteenth(references, num_frames):
    frames, faults = OrderedDict(), 0
    for page in references:
        page = int(page)
        if page in frames:
            frames[page] = True
            continue
        faults += 1
        if len(frames) == num_frames:
            frames.popitem(last=False)
        frames[page] = True
    return faults


# The hand runs off the end of the circle after the last frame
@wrong("2.2-5", "Where the victim is the last frame, your hand points behind it: the")
def clock_hand_no_modulo_fifteenth(used, hand):
    bits = list(used)
    while bits[hand]:
        bits[hand] = False
        hand = (hand + 1) % len(bits)
    return hand, bits, hand + 1


# Whole pages by negative floor division
@right("2.2-6")
def wasted_floor_fifteenth(sizes, page_size):
    given = sum(-(-int(s) // page_size) * page_size for s in sizes)
    return (given - sum(int(s) for s in sizes)) / given if given else 0.0


# A size that fills its pages exactly is given one page more
@wrong("2.2-6", "A program that fits exactly gets an empty page from you. Rounding")
def wasted_one_page_more_fifteenth(sizes, page_size):
    given = sum(int(s) // page_size + 1 for s in sizes) * page_size
    return 1 - sum(int(s) for s in sizes) / given


# Joins with one neighbour only: elif where both may touch
@wrong("2.2-7", "Where the piece touches a hole before it and another behind it, you")
def give_back_elif_fifteenth(holes, start, size):
    new = [list(h) for h in holes]
    for i, (s, n) in enumerate(new):
        if s + n == start:
            new[i][1] += size
            return new
        elif start + size == s:
            new[i] = [start, size + n]
            return new
    return sorted([*new, [start, size]])


# A sweep over counted edges instead of looking at neighbours
@right("2.2-7")
def give_back_by_cells_fifteenth(holes, start, size):
    edges = Counter()
    for s, n in [*map(tuple, holes), (start, size)]:
        edges[s] += 1
        edges[s + n] -= 1
    out, depth, begin = [], 0, None
    for place in sorted(edges):
        before, depth = depth, depth + edges[place]
        if before == 0 and depth > 0:
            begin = place
        if before > 0 and depth == 0:
            out.append([begin, place - begin])
    return out


# Response counts to the end of the first slice instead of its beginning
@wrong("2.2-8", "'round robin response': Your response is one turn too long: the")
def jobs_end_of_first_slice_fifteenth():
    return {
        "first come": (8 + 22 + 24) / 3,
        "shortest first": (2 + 10 + 24) / 3,
        "round robin response": (2 + 4 + 6) / 3,
    }


# Returns the waiting time, without the job itself
@wrong("2.2-9", "You return how long each waits before it runs. Turnaround includes")
def turnaround_is_waiting_fifteenth(arrivals, lengths):
    now, out = 0, []
    for a, n in zip(arrivals, lengths, strict=False):
        now = max(now, a)
        out.append(now - a)
        now += n
    return out


# Time of the turn counted as a whole quantum even if the job ends before
@wrong("2.2-10", "A job that ends in the middle of its turn keeps the processor to")
def robin_whole_quantum_fifteenth(lengths, quantum):
    left, queue, now = list(lengths), deque(range(len(lengths))), 0
    ends = [0] * len(left)
    while queue:
        j = queue.popleft()
        now += quantum
        left[j] -= quantum
        if left[j] <= 0:
            ends[j] = now
        else:
            queue.append(j)
    return ends


# No queue: rounds over all jobs, counting whole slices by arithmetic
@right("2.2-10")
def robin_by_counting_fifteenth(lengths, quantum):
    ends = []
    for j, mine in enumerate(lengths):
        turns = max(1, -(-mine // quantum))
        now = mine
        for i, other in enumerate(lengths):
            if i < j:
                now += min(other, turns * quantum)
            elif i > j:
                now += min(other, (turns - 1) * quantum)
        ends.append(now)
    return ends


# At the deadline counts as too late
@wrong("2.2-11", "A job that ends exactly at its deadline counts as late in your")
def deadlines_strict_fifteenth(lengths, deadlines):
    now = 0
    for d, n in sorted(zip(deadlines, lengths, strict=False)):
        now += n
        if now >= d:
            return False
    return True


# The old block keeps its count: holders of the old block are not lowered
@wrong("2.2-12", "The old block still counts the writer among its holders, though the")
def write_old_holder_stays_fifteenth(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        holders[free] += 1
        table[index] = free
    return table, holders


# Believes that memory cannot be taken away from a request
@wrong("2.2-13", "'none': A kernel can take a request's blocks away: it drops them")
def dictionary_memory_fifteenth():
    return {
        "page": "block of keys and values",
        "page table": "block table",
        "process": "request",
        "time slice": "one step of the model",
        "system call": "tool call",
        "admission": "whether a request may begin",
        "none": "taking memory away",
    }


# The sentence is called false because the baseline is unfair
@wrong("2.2-14", "'false': Nothing in the sentence is untrue: on these texts the")
def benchmark_called_false_fifteenth():
    return {
        "equal": 1.0,
        "measures": "how much shorter texts are than the longest",
        "control": "texts of equal, full length",
        "false": True,
    }


# Unpaired: takes the spread of one allocator only
@wrong("2.2-15", "'unpaired': That is the number for one of the two allocators, with")
def unpaired_one_spread_fifteenth():
    return {
        "paired": 2.262 * 0.0065 / 10**0.5,
        "unpaired": 2.262 * 0.018 / 10**0.5,
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }
