"""Chapter 2.2, scheduling and serving: wrong answers with one slip each, and unusual right ones."""

import heapq
from collections import deque
from itertools import accumulate, permutations

from trial.answers import right, wrong


@wrong("2.2-8", "Turnaround runs")
def waiting_for_turnaround():
    return {"first come": 10, "shortest first": 4, "round robin response": 2}  # waiting time, without its run


@wrong("2.2-8", "jobs was asked")
def sums_for_means():
    return {"first come": 54, "shortest first": 36, "round robin response": 6}


@wrong("2.2-8", "first turn")
def response_at_the_end_of_the_first_turn():
    return {"first come": 18, "shortest first": 12, "round robin response": 4}  # (2 + 4 + 6) / 3


@wrong("2.2-9", "were never")
def processor_never_waits(arrivals, lengths):
    return [end - arrival for end, arrival in zip(accumulate(lengths), arrivals, strict=True)]


@wrong("2.2-9", "Somebody who came")
def ends_not_turnarounds(arrivals, lengths):
    now, ends = 0, []
    for arrival, length in zip(arrivals, lengths, strict=True):
        now = max(now, arrival) + length
        ends.append(now)  # the arrival is not taken away
    return ends


@wrong("2.2-9", "Turnaround includes")
def waits_for_turnarounds(arrivals, lengths):
    now, waits = 0, []
    for arrival, length in zip(arrivals, lengths, strict=True):
        now = max(now, arrival)
        waits.append(now - arrival)  # until it starts, not until it ends
        now += length
    return waits


@right("2.2-9")
def turnarounds_by_recursion(arrivals, lengths, free=0):
    if len(arrivals) == 0:
        return ()
    end = max(free, arrivals[0]) + lengths[0]
    return (end - arrivals[0], *turnarounds_by_recursion(arrivals[1:], lengths[1:], end))


@wrong("2.2-10", "turn keeps")
def whole_quantum_always_taken(lengths, quantum):
    queue, left, ends, now = deque(range(len(lengths))), list(lengths), [0] * len(lengths), 0
    while queue:
        job = queue.popleft()
        now += quantum  # also if less is left
        left[job] -= quantum
        if left[job] > 0:
            queue.append(job)
        else:
            ends[job] = now
    return ends


@wrong("2.2-10", "processor back")
def first_job_goes_to_the_front(lengths, quantum):
    queue, left, ends, now = deque(range(len(lengths))), list(lengths), [0] * len(lengths), 0
    while queue:
        job = queue.popleft()
        run = min(quantum, left[job])
        now, left[job] = now + run, left[job] - run
        if left[job]:
            queue.appendleft(job)  # back to the front: first come, first served
        else:
            ends[job] = now
    return ends


@wrong("2.2-10", "however early")
def order_of_the_ends(lengths, quantum):
    queue, ends, now = deque(enumerate(lengths)), [], 0
    while queue:
        job, left = queue.popleft()
        run = min(quantum, left)
        now += run
        if left > run:
            queue.append((job, left - run))
        else:
            ends.append(now)  # in the order in which they end, not in the order of the jobs
    return ends


@right("2.2-10")
def ends_as_whole_turns_of_a_formula(lengths, quantum):
    def end(i):
        turns = -(-lengths[i] // quantum)
        before = sum(min(length, turns * quantum) for length in lengths[:i])
        after = sum(min(length, (turns - 1) * quantum) for length in lengths[i + 1 :])
        return before + lengths[i] + after

    return tuple(map(end, range(len(lengths))))


@wrong("2.2-11", "long job may")
def shortest_job_first(lengths, deadlines):
    now = 0
    for length, deadline in sorted(zip(lengths, deadlines, strict=True)):  # by length, not by deadline
        now += length
        if now > deadline:
            return False
    return True


@wrong("2.2-11", "deadline counts")
def late_at_the_deadline(lengths, deadlines):
    now = 0
    for deadline, length in sorted(zip(deadlines, lengths, strict=True)):
        now += length
        if now >= deadline:  # at it is in time
            return False
    return True


@wrong("2.2-11", "latest deadline")
def only_the_last_deadline(lengths, deadlines):
    return sum(lengths) <= max(deadlines)


@wrong("2.2-11", "`return` stand inside")
def true_after_the_first_job(lengths, deadlines):
    now = 0
    for deadline, length in sorted(zip(deadlines, lengths, strict=True)):
        now += length
        return now <= deadline  # return inside of the loop
    return True


@right("2.2-11")
def deadlines_met_from_a_heap(lengths, deadlines):
    heap = list(zip(deadlines, lengths, strict=True))
    heapq.heapify(heap)
    now = 0
    while heap:
        deadline, length = heapq.heappop(heap)
        now += length
        if deadline < now:
            return 0
    return 1


@wrong("2.2-11", "trying all orders", quick=False)
def every_order_tried(lengths, deadlines):
    jobs = list(zip(lengths, deadlines, strict=True))
    orders = permutations(jobs)  # ten jobs have 3,628,800 orders
    return any(all(sum(a for a, _ in o[: i + 1]) <= o[i][1] for i in range(len(o))) for o in orders)


@wrong("2.2-12", "free although")
def new_holder_not_counted(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        holders[table[index]] -= 1
        table[index] = free  # holders[free] stays 0
    return table, holders


@wrong("2.2-12", "nobody else holds")
def always_copied(table, holders, index, free):
    table, holders = list(table), list(holders)
    holders[table[index]] -= 1  # also when nobody else holds it
    holders[free] += 1
    table[index] = free
    return table, holders


@wrong("2.2-12", "block `index`")
def holders_of_the_place(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[index] > 1:  # the block's number is table[index]
        holders[index] -= 1
        holders[free] = 1
        table[index] = free
    return table, holders


@wrong("2.2-12", "old block")
def old_block_keeps_its_holder(table, holders, index, free):
    if holders[table[index]] == 1:
        return table, holders
    return (
        [*table[:index], free, *table[index + 1 :]],
        [1 if block == free else n for block, n in enumerate(holders)],  # the old block has one less
    )


@wrong("2.2-13", "page holds data")
def page_and_table_exchanged():
    return {
        "page": "block table",
        "page table": "block of keys and values",
        "process": "request",
        "time slice": "one step of the model",
        "system call": "tool call",
        "admission": "whether a request may begin",
        "none": "stopping in the middle of a time slice",
    }


@wrong("2.2-13", "kernel can")
def memory_cannot_be_taken():
    return {
        "page": "block of keys and values",
        "page table": "block table",
        "process": "request",
        "time slice": "one step of the model",
        "system call": "tool call",
        "admission": "whether a request may begin",
        "none": "taking memory away",  # it can; it cannot stop in the middle of a step
    }


@wrong("2.2-14", "server give")
def factor_kept_for_equal_texts():
    return {
        "equal": 4.9,  # 1: nothing is reserved in vain
        "measures": "how much shorter texts are than the longest",
        "control": "texts of equal, full length",
        "false": False,
    }


@wrong("2.2-14", "sentence is untrue")
def sentence_called_false():
    return {
        "equal": 1,
        "measures": "how much shorter texts are than the longest",
        "control": "texts of equal, full length",
        "false": True,  # it is true, and says less than it seems to
    }
