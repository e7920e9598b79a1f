"""Answers to chapters 2.2 and 2.3, written from the statements alone: pages, queues, blocks, kernels."""

import heapq
from collections import OrderedDict, deque
from itertools import permutations

import numpy as np

from trial.answers import right, wrong

# ---- 2.2 ----


@wrong("2.2-1", "You add the frame's number and the offset. A frame's number")
def frame_and_offset_added():
    return {"first": 9 + 83 % 32, "second": 12 + 111 % 32}


@wrong("2.2-1", "Asked for: the frame of the first address's page, times a")
def the_two_exchanged():
    return {"first": 399, "second": 307}


@wrong("2.2-2", "A negative address gives a place in memory, as when")
def negative_wraps_round(address, page_size, frames):
    page, offset = divmod(address, page_size)
    if page >= len(frames):
        return -2
    return -1 if frames[page] < 0 else frames[page] * page_size + offset


@wrong("2.2-2", "A page in frame 0 comes out as a fault. Zero is a frame like")
def frame_zero_is_a_fault(address, page_size, frames):
    if not 0 <= address < page_size * len(frames):
        return -2
    frame = frames[address // page_size]
    return frame * page_size + address % page_size if frame > 0 else -1


@wrong("2.2-3", "Each of your counts is three too low: the first three pages")
def first_three_not_counted():
    return {"fifo": 5, "lru": 4, "optimal": 3}


@wrong("2.2-5", "You set the victim's bit, as for the page that comes in.")
def newcomer_sets_its_bit(used, hand):
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    used[hand] = True
    return hand, used, (hand + 1) % len(used)


@wrong("2.2-6", "A program that fits exactly gets an empty page from you.")
def one_page_too_many_where_it_fits(sizes, page_size):
    pages = sum(size // page_size + 1 for size in sizes)
    return 1 - sum(sizes) / (pages * page_size)


@wrong("2.2-7", "Where a hole touches the piece on one of its sides you join")
def joined_with_what_follows_alone(holes, start, size):
    after = []
    for hole in sorted([list(h) for h in holes] + [[start, size]]):
        if after and after[-1][0] == start and start + size == hole[0]:
            after[-1][1] += hole[1]
        else:
            after.append(hole)
    return after


@wrong("2.2-7", "You only add the piece to the holes. Where it touches one,")
def put_behind_and_not_joined(holes, start, size):
    return sorted([list(h) for h in holes] + [[start, size]])


@right("2.2-7")
def by_a_map_of_cells(holes, start, size):
    cells = sorted({c for s, n in [*holes, [start, size]] for c in range(s, s + n)})
    after = []
    for cell in cells:
        if after and sum(after[-1]) == cell:
            after[-1][1] += 1
        else:
            after.append([cell, 1])
    return [tuple(hole) for hole in after]


@wrong("2.2-8", "Your response is one turn too long: the mean of the")
def response_at_the_end_of_the_slice():
    return {"first come": 18.0, "shortest first": 12.0, "round robin response": 4.0}


@wrong("2.2-9", "You add up the lengths as if there were never a pause: a job")
def never_idle(arrivals, lengths):
    end, out = arrivals[0], []
    for arrival, length in zip(arrivals, lengths, strict=True):
        end += length
        out.append(end - arrival)
    return out


@wrong("2.2-9", "You return how long each waits before it runs. Turnaround")
def waits_without_work(arrivals, lengths):
    end, out = 0, []
    for arrival, length in zip(arrivals, lengths, strict=True):
        begin = max(end, arrival)
        end = begin + length
        out.append(begin - arrival)
    return out


@wrong("2.2-10", "A job that ends in the middle of its turn keeps the processor")
def whole_quantum_always(lengths, quantum):
    left, ends, now = list(lengths), [0] * len(lengths), 0
    queue = deque(range(len(left)))
    while queue:
        job = queue.popleft()
        now += quantum
        left[job] -= quantum
        if left[job] > 0:
            queue.append(job)
        else:
            ends[job] = now
    return ends


@right("2.2-10")
def rounds_counted(lengths, quantum):
    rounds = [-(-n // quantum) for n in lengths]
    ends = []
    for j, (n, r) in enumerate(zip(lengths, rounds, strict=True)):
        before = sum(min(m, r * quantum) for m in lengths[:j])
        behind = sum(min(m, (r - 1) * quantum) for m in lengths[j + 1 :])
        ends.append(before + n + behind)
    return np.array(ends)


@wrong("2.2-11", "A job that ends exactly at its deadline counts as late in")
def strictly_before_the_deadline(lengths, deadlines):
    now = 0
    for deadline, length in sorted(zip(deadlines, lengths, strict=True)):
        now += length
        if now >= deadline:
            return False
    return True


@wrong("2.2-11", "It comes out as if the job ran first that has the least time to spare")
def least_slack_first(lengths, deadlines):
    now = 0
    for job in sorted(range(len(lengths)), key=lambda j: deadlines[j] - lengths[j]):
        now += lengths[job]
        if now > deadlines[job]:
            return False
    return True


@right("2.2-11")
def work_due_at_each_deadline(lengths, deadlines):
    lengths, deadlines = np.asarray(lengths), np.asarray(deadlines)
    return all(lengths[deadlines <= d].sum() <= d for d in deadlines)


@wrong("2.2-12", "The old block still counts the writer among its holders,")
def old_block_keeps_its_holders(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        table[index] = free
        holders[free] = 1
    return table, holders


@wrong("2.2-12", "You copy also a block that nobody else holds. Nothing is")
def copied_though_alone(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] >= 1:
        holders[table[index]] -= 1
        table[index] = free
        holders[free] += 1
    return table, holders


PARTS = {
    "page": "block of keys and values",
    "page table": "block table",
    "process": "request",
    "time slice": "one step of the model",
    "system call": "tool call",
    "admission": "whether a request may begin",
    "none": "stopping in the middle of a time slice",
}


@wrong("2.2-13", "A process is what lives through many time slices, not one of")
def a_slice_is_a_request():
    return {**PARTS, "time slice": "request", "process": "one step of the model"}


@wrong("2.2-13", "A kernel can take a request's blocks away: it drops them and")
def cannot_take_memory_away():
    return {**PARTS, "none": "taking memory away"}


BENCHMARK = {
    "equal": 1,
    "measures": "how much shorter texts are than the longest",
    "control": "texts of equal, full length",
    "false": False,
}


@wrong("2.2-14", "Nothing in the sentence is untrue: on these texts the factor")
def said_to_be_false():
    return {**BENCHMARK, "false": True}


@wrong("2.2-14", "You expect 4.9 on texts of full length too. How much does")
def the_same_factor_again():
    return {**BENCHMARK, "equal": 4.9}


@wrong("2.2-14", "With texts of full length the paged server holds as many")
def no_gain_is_zero():
    return {**BENCHMARK, "equal": 0, "control": "more seeds"}


# ---- 2.3 ----


@wrong("2.3-1", "You count a slot for every token. The one that was said last")
def all_were_computed():
    return {"computed": 18, "block": 22, "place": 2, "full blocks": 2}


@wrong("2.3-1", "That is the number of the place in the table, 0, 1, 2 ... The number")
def number_in_the_table():
    return {"computed": 17, "block": 2, "place": 1, "full blocks": 2}


@wrong("2.3-1", "That is the number of all blocks of the table. The last")
def begun_is_full():
    return {"computed": 17, "block": 22, "place": 1, "full blocks": 3}


@wrong("2.3-2", "You compare each block by its own tokens. The keys and values")
def any_block_anywhere(prompt, read, size):
    known = {tuple(t[i : i + size]) for t in read for i in range(0, len(t) - size + 1, size)}
    count = 0
    while count + size < len(prompt) and tuple(prompt[count : count + size]) in known:
        count += size
    return count


@wrong("2.3-2", "You count common tokens. A block that is only begun is not")
def blocks_that_are_not_full(prompt, read, size):
    best = 0
    for text in read:
        same = 0
        while same < min(len(text), len(prompt) - 1) and text[same] == prompt[same]:
            same += 1
        best = max(best, same)
    return best


@wrong("2.3-3", "That is all tokens divided by the slots: the least it")
def perfectly_packed():
    return {"static": 34, "continuous": 24, "rate": 2.0}


@wrong("2.3-3", "Asked for: the longer request of each pair, in their order,")
def longest_together():
    return {"static": 13 + 12, "continuous": 25, "rate": 48 / 25}


@wrong("2.3-4", "It comes out as if the last token had a slot too, or a full")
def last_token_is_kept_too(processes, size):
    peak = 0
    for _, k in processes:
        held = sum(-(-(n + k) // size) for n, left in processes if left >= k)
        peak = max(peak, held)
    return peak


@wrong("2.3-4", "You add what each holds at its own end. They do not end at")
def each_at_its_own_end(processes, size):
    return sum(-(-(n + k - 1) // size) for n, k in processes)


@right("2.3-4")
def every_moment_looked_at(processes, size):
    most = max(k for _, k in processes)
    return np.max(
        [sum((n + t + size - 2) // size for n, k in processes if k >= t) for t in range(1, most + 1)]
    )


@wrong("2.3-5", "It comes out as if every block of a victim became free. One that")
def shared_blocks_counted_as_free(tables, holders, requester, free, wanted):
    out = []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[p]:
            out.append(p)
            free += len(tables[p])
    return out if free >= wanted else []


@wrong("2.3-5", "Where all of them together are not enough, you evict them all")
def evicted_in_vain(tables, holders, requester, free, wanted):
    holders, out = list(holders), []
    for p in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[p]:
            out.append(p)
            for b in tables[p]:
                holders[b] -= 1
                free += holders[b] == 0
    return out


@wrong("2.3-6", "You say every right guess, and at the end the token behind all")
def all_guesses_that_agree(guesses, likeliest):
    return [g for g, m in zip(guesses, likeliest, strict=False) if g == m] + [likeliest[-1]]


@wrong("2.3-6", "You return the guesses before the first wrong one and nothing else.")
def nothing_of_its_own(guesses, likeliest):
    said = []
    for g, m in zip(guesses, likeliest, strict=False):
        if g != m:
            break
        said.append(g)
    return said


@wrong("2.3-7", "For a tool that does not exist you give the number for a")
def right_before_the_tool(name, rights, arguments, tools):
    right_wanted, wanted, time, limit = tools.get(name, [None, [], 0, 0])
    if right_wanted not in rights:
        return 1
    if name not in tools:
        return 38
    if sorted(arguments) != sorted(wanted):
        return 22
    return 110 if time > limit else 0


@wrong("2.3-7", "You ask whether every argument that is wanted is there, and")
def too_many_arguments_pass(name, rights, arguments, tools):
    if name not in tools:
        return 38
    right_wanted, wanted, time, limit = tools[name]
    if right_wanted not in rights:
        return 1
    if not set(wanted) <= set(arguments):
        return 22
    return 110 if time > limit else 0


TOKENS = 1 + 0.7 + 0.49 + 0.343
PAYS = {"tokens": TOKENS, "speedup": TOKENS / 1.4 * 1.1, "never": 1.1 / 1.4}


@wrong("2.3-8", "You count every right guess. After a wrong one the others are")
def mean_of_the_guesses():
    return {**PAYS, "tokens": 1 + 3 * 0.7, "speedup": 3.1 / 1.4 * 1.1}


@wrong("2.3-8", "Without guesses a step reads one token too, and pays for it:")
def a_plain_step_costs_one():
    return {**PAYS, "speedup": TOKENS / 1.4, "never": 1 / 1.4}


SENTENCES = {
    "cache": "questions with nothing in common",
    "swap": "a price for each copied block",
    "salt": "a neighbour who reads a long prompt in the same step",
    "false": False,
}


@wrong("2.3-9", "A salt that nobody guesses is long enough. The clock sees")
def a_longer_salt():
    return {**SENTENCES, "salt": "a longer salt"}


@wrong("2.3-9", "It was measured, and it is true of what was measured. What is")
def false_as_it_stands():
    return {**SENTENCES, "false": True}


@wrong("2.3-10", "All memories pass, the broken ones too: no failed assert came out, and")
def reads_one_text_alone(make):
    memory = make(8, 4)
    memory.begin("a", [1, 2, 3])
    for token in (1, 2, 3):
        memory.write("a", token)
    assert len(memory.read("a")) == 3
    return True


@wrong("2.3-10", "Your review finds 0 of 12 bugs. These memories pass it: a")
def insists_on_the_first_block(make):
    memory = make(8, 2)
    memory.begin("a", [5, 6])
    memory.write("a", 5)
    assert memory.tables["a"] == [0]


@wrong("2.3-11", "Your review finds 2 of 12 bugs. These kernels pass it: one")
def one_text_to_its_end(make):
    kernel = make(2, 40)
    process = kernel.spawn([1, 2, 3], 5)
    kernel.run()
    assert process.state == "done"
    assert len(process.output) == 5


@wrong("2.3-11", "All kernels pass, the broken ones too: no failed assert came out, and")
def says_yes_to_all(make):
    make(2, 40)
    return True


@right("2.2-9")
def by_a_heap_of_times(arrivals, lengths):
    jobs = [(a, i, n) for i, (a, n) in enumerate(zip(arrivals, lengths, strict=True))]
    heapq.heapify(jobs)
    now, out = float("-inf"), {}
    while jobs:
        a, i, n = heapq.heappop(jobs)
        now = max(now, a) + n
        out[i] = now - a
    return tuple(out[i] for i in range(len(out)))


@right("2.2-12")
def lists_by_comprehension(table, holders, index, free):
    old = table[index]
    new = free if holders[old] - 1 else old
    return (
        [*table[:index], new, *table[index + 1 :]],
        [h - (b == old) + (b == new) for b, h in enumerate(holders)],
    )


@right("2.3-6")
def first_place_that_differs(guesses, likeliest):
    n = next((i for i, g in enumerate(guesses) if g != likeliest[i]), len(guesses))
    return np.array(list(likeliest)[: n + 1])


@right("2.3-7")
def a_chain_of_conditions(name, rights, arguments, tools):
    tool = tools.get(name)
    return (
        (tool is None and 38)
        or (tool[0] not in rights and 1)
        or (not any(list(p) == list(arguments) for p in permutations(tool[1])) and 22)
        or (tool[2] > tool[3] and 110)
        or 0
    )


@right("2.2-5")
def rolled_round(used, hand):
    order = [(hand + i) % len(used) for i in range(len(used))]
    steps = next((i for i, f in enumerate(order) if not used[f]), len(used))
    victim = (hand + steps) % len(used)
    return victim, [u and f not in order[:steps] for f, u in enumerate(used)], (victim + 1) % len(used)


@right("2.3-5")
def shortest_prefix_of_the_last(tables, holders, requester, free, wanted):
    last = [p for p in reversed(range(requester + 1, len(tables))) if tables[p]]
    for n in range(len(last) + 1):
        gone = [b for p in last[:n] for b in tables[p]]
        if free + sum(gone.count(b) == holders[b] for b in set(gone)) >= wanted:
            return tuple(last[:n])
    return ()


@right("2.2-2")
def caught_by_an_index_error(address, page_size, frames):
    try:
        frame = dict(enumerate(frames))[address // page_size]
    except KeyError:
        return -2
    return -1 if frame == -1 else address + (frame - address // page_size) * page_size


@right("2.3-2")
def longest_common_beginning(prompt, read, size):
    best = 0
    for text in read:
        same = 0
        while same < min(len(text), len(prompt)) and text[same] == prompt[same]:
            same += 1
        best = max(best, min(same // size * size, (len(prompt) - 1) // size * size))
    return best


@wrong("2.2-4", "It comes out as if a hit brought its page to the end from which")
def moved_by_first_use(references, num_frames):
    held, faults = OrderedDict(), 0
    for page in references:
        if page in held:
            held.move_to_end(page, last=False)
            continue
        faults += 1
        if len(held) == num_frames:
            held.popitem(last=False)
        held[page] = True
    return faults
