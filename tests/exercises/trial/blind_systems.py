"""A third trial, written from the statements alone before any of it was run: chapter 2.2."""

import numpy as np

from trial.answers import right, wrong


@wrong("2.2-1", "You look up the page before: the list of frames begins with that of")
def pages_counted_from_1():
    return {"first": 179, "second": 303}


@wrong("2.2-1", "You give the first byte of the right frame. The address is not the")
def offset_forgotten():
    return {"first": 288, "second": 384}


@wrong("2.2-2", "A negative address gives a place in memory, as when")
def a_negative_address_reads_the_last_page(address, page_size, frames):
    page, offset = divmod(address, page_size)
    if page >= len(frames):
        return -2
    if frames[page] == -1:
        return -1
    return frames[page] * page_size + offset


@wrong("2.2-2", "A page in frame 0 comes out as a fault. Zero is a frame like any")
def frame_0_taken_for_no_frame(address, page_size, frames):
    if address < 0 or address >= page_size * len(frames):
        return -2
    frame = frames[address // page_size]
    if frame <= 0:
        return -1
    return frame * page_size + address % page_size


@wrong("2.2-3", "Each of your counts is three too low: the first three pages come into")
def filling_the_empty_frames_is_not_counted():
    return {"fifo": 5, "lru": 4, "optimal": 3}


@wrong("2.2-3", "Your first two numbers are right, but for each other's policy. Which")
def fifo_and_lru_exchanged_once_more():
    return {"fifo": 7, "lru": 8, "optimal": 6}


@wrong("2.2-4", "You count the faults of first in, first out: a hit leaves your order")
def first_in_first_out(references, num_frames):
    frames, faults = [], 0
    for r in references:
        if r not in frames:
            faults += 1
            if len(frames) == num_frames:
                frames.pop(0)
            frames.append(r)
    return faults


@wrong("2.2-4", "You let the page go that was used last, and keep the one that nobody")
def most_recently_used_goes(references, num_frames):
    frames, faults = [], 0
    for r in references:
        if r in frames:
            frames.remove(r)
        else:
            faults += 1
            if len(frames) >= num_frames:
                frames.pop()
        frames.append(r)
    return faults


@wrong("2.2-5", "The victim is right, but your hand still points to it: the page that")
def hand_stays_on_the_victim_again(used, hand):
    bits = list(used)
    while bits[hand]:
        bits[hand] = False
        hand = (hand + 1) % len(bits)
    return hand, bits, hand


@wrong("2.2-5", "The numbers are right, but for two set bits before a clear one your")
def writes_into_the_list_it_was_given(used, hand):
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    return hand, used, (hand + 1) % len(used)


@wrong("2.2-5", "Where the victim is the last frame, your hand points")
def hand_after_does_not_wrap(used, hand):
    bits = list(used)
    while bits[hand]:
        bits[hand] = False
        hand = (hand + 1) % len(bits)
    return hand, bits, hand + 1


@wrong("2.2-6", "What comes out is the mean of the programs' own shares, so that a")
def mean_of_the_programs_shares_again(sizes, page_size):
    shares = []
    for s in sizes:
        pages = -(-s // page_size)
        shares.append(1 - s / (pages * page_size))
    return sum(shares) / len(shares)


@wrong("2.2-6", "A program that fits exactly gets an empty page from you. Rounding up")
def one_page_too_many_where_a_size_fits_exactly(sizes, page_size):
    given = sum((s // page_size + 1) * page_size for s in sizes)
    return (given - sum(sizes)) / given


@wrong("2.2-7", "Where a hole touches the piece on one of its sides you join them, on")
def joins_only_with_the_hole_before_it(holes, start, size):
    out = sorted([list(h) for h in holes] + [[start, size]])
    i = [h[0] for h in out].index(start)
    if i > 0 and out[i - 1][0] + out[i - 1][1] == start:
        out[i - 1][1] += size
        del out[i]
    return out


@wrong("2.2-7", "The numbers are right, but for a hole before it your input `holes` is")
def changes_the_inner_lists(holes, start, size):
    out = sorted([*holes, [start, size]])
    merged = [out[0]]
    for h in out[1:]:
        if merged[-1][0] + merged[-1][1] == h[0]:
            merged[-1][1] += h[1]
        else:
            merged.append(h)
    return merged


@wrong("2.2-8", "Your turnaround ends where the job begins: its own length is left out.")
def waiting_times_for_turnaround():
    return {"first come": 10, "shortest first": 4, "round robin response": 2}


@wrong("2.2-8", "That is three times too large: a sum. The mean over the three jobs was")
def sums_for_means_once_more():
    return {"first come": 54, "shortest first": 36, "round robin response": 6}


@wrong("2.2-9", "You add up the lengths as if there were never a pause: a job seems to")
def the_processor_never_waits_for_a_newcomer(arrivals, lengths):
    now, out = 0, []
    for a, n in zip(arrivals, lengths, strict=False):
        now += n
        out.append(now - a)
    return out


@wrong("2.2-9", "You return the times at which the jobs end. Somebody who came at 20")
def when_each_ends_arrival_not_taken_off(arrivals, lengths):
    now, out = 0, []
    for a, n in zip(arrivals, lengths, strict=False):
        now = max(now, a) + n
        out.append(now)
    return out


@wrong("2.2-10", "A job that ends in the middle of its turn keeps the processor to the")
def a_job_that_ends_early_still_uses_its_whole_quant(lengths, quantum):
    """A job that ends early still uses its whole quantum."""
    left, ends, now = list(lengths), [0] * len(lengths), 0
    while any(x > 0 for x in left):
        for i, x in enumerate(left):
            if x > 0:
                now += quantum
                left[i] -= quantum
                if left[i] <= 0:
                    ends[i] = now
    return ends


@wrong("2.2-10", "The times are right but sorted: entry i should be the end of job i")
def in_the_order_of_ending(lengths, quantum):
    queue, now, ends = [int(x) for x in lengths], 0, []
    while queue:
        x = queue.pop(0)
        run = min(x, quantum)
        now += run
        if x > run:
            queue.append(x - run)
        else:
            ends.append(now)
    return ends


@wrong("2.2-11", "It comes out as if the shortest job ran first. That is best for the")
def shortest_first(lengths, deadlines):
    now = 0
    for n, d in sorted(zip(lengths, deadlines, strict=False)):
        now += n
        if now > d:
            return False
    return True


@wrong("2.2-11", "A job that ends exactly at its deadline counts as late in your")
def at_the_deadline_counts_as_missed(lengths, deadlines):
    now = 0
    for d, n in sorted(zip(deadlines, lengths, strict=False)):
        now += n
        if now >= d:
            return False
    return True


@wrong("2.2-12", "The old block still counts the writer among its holders,")
def the_old_block_keeps_its_count(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        table[index] = free
        holders[free] = 1
    return table, holders


@wrong("2.2-12", "You copy also a block that nobody else holds. Nothing is")
def copies_even_when_it_alone_holds_it(table, holders, index, free):
    table, holders = list(table), list(holders)
    holders[table[index]] -= 1
    table[index] = free
    holders[free] += 1
    return table, holders


@wrong("2.2-13", "These two are exchanged: a page holds data, the table")
def page_and_page_table_exchanged_wrong_none():
    return {
        "page": "block table",
        "page table": "block of keys and values",
        "process": "request",
        "time slice": "one step of the model",
        "system call": "tool call",
        "admission": "whether a request may begin",
        "none": "stopping in the middle of a time slice",
    }


@wrong("2.2-13", "A kernel can take a request's blocks away: it drops them and computes")
def none_taking_memory_away():
    return {
        "page": "block of keys and values",
        "page table": "block table",
        "process": "request",
        "time slice": "one step of the model",
        "system call": "tool call",
        "admission": "whether a request may begin",
        "none": "taking memory away",
    }


@wrong("2.2-14", "You expect 4.9 on texts of full length too. How much does each server")
def the_factor_stays_4_9():
    return {
        "equal": 4.9,
        "measures": "how much shorter texts are than the longest",
        "control": "texts of equal, full length",
        "false": False,
    }


@wrong("2.2-14", "Nothing in the sentence is untrue: on these texts the factor is 4.9")
def calls_a_true_sentence_false():
    return {
        "equal": 1,
        "measures": "how much shorter texts are than the longest",
        "control": "texts of equal, full length",
        "false": True,
    }


@wrong("2.2-2", "You multiply the offset by a page's size and add the frame's")
def offset_and_page_exchanged(address, page_size, frames):
    if address < 0 or address >= page_size * len(frames):
        return -2
    page, offset = divmod(address, page_size)
    if frames[page] == -1:
        return -1
    return offset * page_size + frames[page]


@wrong("2.2-5", "It comes out as if the sweep began at the frame behind the")
def begins_one_beyond_the_hand(used, hand):
    bits = list(used)
    n = len(bits)
    hand = (hand + 1) % n
    while bits[hand]:
        bits[hand] = False
        hand = (hand + 1) % n
    return hand, bits, (hand + 1) % n


@wrong("2.2-6", "You return the share that is in use. What was asked for is the rest")
def share_of_what_is_used(sizes, page_size):
    pages = sum(-(-s // page_size) for s in sizes)
    return sum(sizes) / (pages * page_size)


@wrong("2.2-9", "It comes out as if each turnaround counted from the arrival of the")
def waits_between_jobs_even_where_the_next_is_there(arrivals, lengths):
    out, end = [], 0
    for _i, (a, n) in enumerate(zip(arrivals, lengths, strict=False)):
        end = max(end, a) + n
        out.append(end - arrivals[0])
    return out


@wrong("2.2-12", "You give the copy as many holders as the old block has left. Only the")
def the_free_block_takes_the_old_one_s_count(table, holders, index, free):
    t, h = list(table), list(holders)
    old = t[index]
    if h[old] > 1:
        h[old] -= 1
        h[free] = h[old]
        t[index] = free
    return t, h


@wrong("2.2-4", "You count the references that find their page, which are the hits")
def hits_counted(references, num_frames):
    held, hits = [], 0
    for r in references:
        if r in held:
            hits += 1
            held.remove(r)
        elif len(held) == num_frames:
            held.pop(0)
        held.append(r)
    return hits


@wrong("2.2-6", "You return how much is wasted, not which share of what was given out")
def bytes_for_a_share(sizes, page_size):
    return sum(-s % page_size for s in sizes)


@wrong("2.2-7", "Where the piece touches a hole before it and another behind it, you join")
def two_holes_that_touch_on_both_sides_are_joined_on(holes, start, size):
    """Two holes that touch on both sides are joined once."""
    out = [list(h) for h in holes]
    for h in out:
        if h[0] + h[1] == start:
            h[1] += size
            return out
    for h in out:
        if start + size == h[0]:
            h[0], h[1] = start, h[1] + size
            return out
    return sorted([*out, [start, size]])


@wrong("2.2-9", "You let a short job overtake a longer one that came before it. Here")
def longest_queue_sorted_by_length(arrivals, lengths):
    now, out = 0, {}
    for a, n, i in sorted(zip(arrivals, lengths, range(len(lengths)), strict=False), key=lambda x: x[1]):
        now = max(now, a) + n
        out[i] = now - a
    return [out[i] for i in range(len(lengths))]


@wrong("2.2-10", "Your jobs run to their ends in the order in which they stand: nobody")
def first_come_each_to_its_end(lengths, quantum):
    out, now = [], 0
    for n in lengths:
        now += n
        out.append(now)
    return out


@wrong("2.2-12", "For a block that two hold, the table differs in 1 of 3 places: the")
def holders_only(table, holders, index, free):
    h = list(holders)
    if h[table[index]] > 1:
        h[table[index]] -= 1
        h[free] = 1
    return list(table), h


@right("2.2-4")
def ordered_dict(references, num_frames):
    from collections import OrderedDict

    held, faults = OrderedDict(), 0
    for r in references:
        if r in held:
            held.move_to_end(r)
            continue
        faults += 1
        held[r] = None
        if len(held) > num_frames:
            held.popitem(last=False)
    return faults


@right("2.2-5")
def list_of_three_index_arithmetic(used, hand):
    n = len(used)
    for step in range(n + 1):
        if step == n or not used[(hand + step) % n]:
            break
    bits = list(used)
    for i in range(step):
        bits[(hand + i) % n] = False
    v = (hand + step) % n
    return [v, bits, (v + 1) % n]


@right("2.2-7")
def cells(holes, start, size):
    cells = sorted({c for s, n in [*holes, [start, size]] for c in range(s, s + n)})
    out = []
    for c in cells:
        if out and out[-1][0] + out[-1][1] == c:
            out[-1] = (out[-1][0], out[-1][1] + 1)
        else:
            out.append((c, 1))
    return out


@right("2.2-10")
def unit_by_unit(lengths, quantum):
    from collections import deque

    q = deque((i, n) for i, n in enumerate(lengths))
    ends, now = {}, 0
    while q:
        i, n = q.popleft()
        for _ in range(quantum):
            if n == 0:
                break
            n -= 1
            now += 1
        if n:
            q.append((i, n))
        else:
            ends[i] = now
    return [ends[i] for i in range(len(lengths))]


@right("2.2-11")
def heap(lengths, deadlines):
    import heapq

    h = [(d, n) for n, d in zip(lengths, deadlines, strict=False)]
    heapq.heapify(h)
    now, ok = 0, True
    while h:
        d, n = heapq.heappop(h)
        now += n
        ok &= now <= d
    return ok


@right("2.2-14")
def numpy_booleans_and_a_float():
    return {
        "equal": 1.0,
        "measures": "how much shorter texts are than the longest",
        "control": "texts of equal, full length",
        "false": np.bool_(False),
    }
