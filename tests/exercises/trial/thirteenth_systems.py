"""A thirteenth trial, answers written from the statements alone, chapter 2.2."""

import math

from trial.answers import right, wrong


# Frame 0 is taken for no frame
@wrong("2.2-2", "A page in frame 0 comes out as a fault. Zero is a frame like any")
def frame_zero_is_a_fault_thirteenth(address, page_size, frames):
    if address < 0 or address >= page_size * len(frames):
        return -2
    page, offset = divmod(address, page_size)
    if frames[page] <= 0:
        return -1
    return frames[page] * page_size + offset


# Frame 0 is taken for no frame
@wrong("2.2-2", "A page in frame 0 comes out as a fault. Zero is a frame like any")
def translate_frame_zero_thirteenth(address, page_size, frames):
    if address < 0 or address >= page_size * len(frames):
        return -2
    page, offset = divmod(address, page_size)
    if frames[page] > 0:
        return frames[page] * page_size + offset
    return -1


# A page that comes into an empty frame is not counted
@wrong("2.2-3", "'fifo', 'lru', 'optimal': Each of your counts is three too low: the")
def first_fills_not_counted_thirteenth():
    refs = [3, 1, 5, 2, 3, 5, 3, 1, 5, 4, 1, 4]

    def faults(choose):
        held, count = [], 0
        for i, page in enumerate(refs):
            if page in held:
                continue
            if len(held) == 3:
                count += 1
                held.remove(choose(held, i))
            held.append(page)
        return count

    def last_use(page, i):
        return max(j for j in range(i) if refs[j] == page)

    def next_use(page, i):
        return next((j for j in range(i, len(refs)) if refs[j] == page), len(refs))

    return {
        "fifo": faults(lambda held, i: held[0]),
        "lru": faults(lambda held, i: min(held, key=lambda p: last_use(p, i))),
        "optimal": faults(lambda held, i: max(held, key=lambda p: next_use(p, i))),
    }


# The first three faults into empty frames are not counted
@wrong("2.2-3", "'fifo', 'lru', 'optimal': Each of your counts is three too low: the")
def faults_without_cold_thirteenth():
    return {"fifo": 5, "lru": 4, "optimal": 3}


# Stack distances: a hit is when fewer than num_frames different pages came since its last use
@right("2.2-4")
def lru_by_stack_distance_thirteenth(references, num_frames):
    refs = list(references)
    faults = 0
    for i, page in enumerate(refs):
        since = set()
        j = i - 1
        while j >= 0 and refs[j] != page:
            since.add(refs[j])
            j -= 1
        if j < 0 or len(since) >= num_frames:
            faults += 1
    return faults


# By stack distance: how many different pages since the last use
@right("2.2-4")
def lru_by_distance_thirteenth(references, num_frames):
    references = [int(r) for r in references]
    faults = 0
    for i, page in enumerate(references):
        earlier = references[:i]
        if page not in earlier:
            faults += 1
            continue
        last = i - 1 - earlier[::-1].index(page)
        between = set(references[last + 1 : i])
        faults += len(between) >= num_frames
    return faults


# The hand after a victim in the last frame stands outside of the circle
@wrong("2.2-5", "Where the victim is the last frame, your hand points behind it: the")
def hand_beyond_the_circle_thirteenth(used, hand):
    bits = list(used)
    while bits[hand]:
        bits[hand] = False
        hand = (hand + 1) % len(bits)
    return hand, bits, hand + 1


# The victim's bit is set, as if the new page had been used
@wrong("2.2-5", "You set the victim's bit, as for the page that comes in. Asked for")
def clock_sets_victim_thirteenth(used, hand):
    bits = list(used)
    while bits[hand]:
        bits[hand] = False
        hand = (hand + 1) % len(bits)
    bits[hand] = True
    return hand, bits, (hand + 1) % len(bits)


# Elif: a piece that fills the gap between two holes is joined to the left one only
@wrong("2.2-7", "Where the piece touches a hole before it and another behind it, you")
def joined_on_one_side_only_thirteenth(holes, start, size):
    end = start + size
    result = []
    placed = False
    for s, n in holes:
        if not placed and s + n == start:
            result.append([s, n + size])
            placed = True
        elif not placed and end == s:
            result.append([start, size + n])
            placed = True
        elif not placed and s > start:
            result.append([start, size])
            result.append([s, n])
            placed = True
        else:
            result.append([s, n])
    if not placed:
        result.append([start, size])
    return result


# Elif: a piece that fills the gap between two holes is merged with the one before only
@wrong("2.2-7", "Where the piece touches a hole before it and another behind it, you")
def give_back_one_side_thirteenth(holes, start, size):
    result = [list(h) for h in holes]
    at = 0
    while at < len(result) and result[at][0] < start:
        at += 1
    if at > 0 and sum(result[at - 1]) == start:
        result[at - 1][1] += size
    elif at < len(result) and start + size == result[at][0]:
        result[at] = [start, size + result[at][1]]
    else:
        result.insert(at, [start, size])
    return result


# Response counted to the end of the first time slice and not to its beginning
@wrong("2.2-8", "'round robin response': Your response is one turn too long: the")
def response_to_end_of_slice_thirteenth():
    return {
        "first come": (8 + 22 + 24) / 3,
        "shortest first": (2 + 10 + 24) / 3,
        "round robin response": (2 + 4 + 6) / 3,
    }


# Response measured to the end of the first slice, not to its beginning
@wrong("2.2-8", "'round robin response': Your response is one turn too long: the")
def response_to_the_end_of_slice_thirteenth():
    return {"first come": 18, "shortest first": 12, "round robin response": (2 + 4 + 6) / 3}


# The end of a job as a maximum over all possible beginnings of its busy time
@right("2.2-9")
def turnaround_as_maximum_thirteenth(arrivals, lengths):
    ends = [max(arrivals[i] + sum(lengths[i : j + 1]) for i in range(j + 1)) for j in range(len(lengths))]
    return [end - arrival for end, arrival in zip(ends, arrivals, strict=False)]


# No queue: the order of all slices is (round, job), so sort them and add up
@right("2.2-10")
def round_robin_by_sorted_slices_thirteenth(lengths, quantum):
    slices = []
    for job, length in enumerate(lengths):
        whole, rest = divmod(length, quantum)
        for turn in range(int(whole)):
            slices.append((turn, job, quantum))
        if rest:
            slices.append((int(whole), job, rest))
    ends = [0] * len(lengths)
    now = 0
    for _, job, run in sorted(slices, key=lambda s: s[:2]):
        now += run
        ends[job] = now
    return ends


# A job that needs just the quantum is put back into the queue with nothing left
@wrong("2.2-10", "A job that has just ended with its quantum comes again in yours,")
def robin_requeues_finished_thirteenth(lengths, quantum):
    left = list(lengths)
    ends = [0] * len(left)
    queue = list(range(len(left)))
    now = 0
    while queue:
        job = queue.pop(0)
        if left[job] >= quantum:
            left[job] -= quantum
            now += quantum
            queue.append(job)
        else:
            now += left[job]
            ends[job] = now
    return ends


# Orders by slack (deadline - length) and not by deadline
@wrong("2.2-11", "It comes out as if the job ran first that has the least time to")
def least_slack_first_thirteenth(lengths, deadlines):
    jobs = sorted(zip(lengths, deadlines, strict=False), key=lambda job: job[1] - job[0])
    now = 0
    for length, deadline in jobs:
        now += length
        if now > deadline:
            return False
    return True


# Ordered by slack (deadline minus length), not by deadline
@wrong("2.2-11", "It comes out as if the job ran first that has the least time to")
def deadlines_by_slack_thirteenth(lengths, deadlines):
    now = 0
    for _slack, length, deadline in sorted((d - n, n, d) for n, d in zip(lengths, deadlines, strict=False)):
        now += length
        if now > deadline:
            return False
    return True


# The list of holders is not copied: the caller's own list is changed
@wrong("2.2-12", "The numbers are right, but for a block that two hold your input")
def holders_changed_in_place_thirteenth(table, holders, index, free):
    table = list(table)
    block = table[index]
    if holders[block] > 1:
        holders[block] -= 1
        holders[free] = 1
        table[index] = free
    return table, holders


# 'at least 0.01 more' judged by the mean alone, without its interval
@wrong("2.2-15", "'least': The mean lies above 0.01, but part of its interval does")
def least_by_the_mean_alone_thirteenth():
    return {
        "paired": 2.262 * 0.0065 / math.sqrt(10),
        "unpaired": 2.262 * math.sqrt(2 * 0.018**2 / 10),
        "any": "holds",
        "least": "holds",
        "separate": "not shown",
    }


# Spreads are added instead of their squares
@wrong("2.2-15", "'unpaired': What comes out is that of the two standard deviations")
def unpaired_adds_spreads_thirteenth():
    return {
        "paired": 2.262 * 0.0065 / math.sqrt(10),
        "unpaired": 2.262 * (0.018 + 0.018) / math.sqrt(10),
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }
