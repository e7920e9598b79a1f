"""A second trial, by somebody who knew the statements only: chapters 2.2 and 2.3."""

from collections import Counter, deque
from fractions import Fraction
from itertools import takewhile

import numpy as np

from trial.answers import right, wrong


@wrong("2.2-1", "number and the offset")
def address_is_frame_plus_offset():
    return {"first": 9 + 19, "second": 12 + 15}


@wrong("2.2-1", "up the page before")
def pages_counted_from_one_again():
    return {"first": 5 * 32 + 19, "second": 9 * 32 + 15}


@wrong("2.2-1", "of the right frame")
def second_page_number_without_offset():
    return {"first": 307, "second": 12 * 32}


@right("2.2-1")
def addresses_of_numpy():
    pages, offsets = np.divmod([83, 111], 32)
    first, second = np.array([11, 5, 9, 12])[pages] * 32 + offsets
    return {"first": first, "second": second}


@wrong("2.2-2", "The first byte behind the last page")
def fault_asked_before_the_end(address, page_size, frames):
    if address < 0 or address > page_size * len(frames):
        return -2
    page, offset = divmod(address, page_size)
    return -1 if frames[page] == -1 else frames[page] * page_size + offset


@wrong("2.2-2", "out as a fault")
def frame_zero_is_no_frame(address, page_size, frames):
    page, offset = divmod(address, page_size)
    if not 0 <= page < len(frames):
        return -2
    if frames[page] <= 0:
        return -1
    return frames[page] * page_size + offset


@wrong("2.2-2", "a place in memory")
def negative_addresses_from_the_back(address, page_size, frames):
    page = address // page_size
    try:
        frame = frames[page]
    except IndexError:
        return -2
    return -1 if frame < 0 else frame * page_size + address % page_size


@right("2.2-2")
def memory_laid_out(address, page_size, frames):
    space = []
    for frame in frames:
        space += [-1] * page_size if frame == -1 else range(frame * page_size, (frame + 1) * page_size)
    return dict(enumerate(space)).get(address, -2)


@wrong("2.2-3", "is three too low")
def first_frames_free_of_charge():
    return {"fifo": 5, "lru": 4, "optimal": 3}


@wrong("2.2-3", "for each other's policy")
def fifo_and_lru_exchanged_again():
    return {"fifo": 7, "lru": 8, "optimal": 6}


@wrong("2.2-3", "that found their page")
def hits_for_faults():
    return {"fifo": 4, "lru": 5, "optimal": 6}


@wrong("2.2-4", "first in, first out")
def a_hit_does_not_renew(references, num_frames):
    resident, faults = [], 0
    for page in references:
        if page not in resident:
            faults += 1
            if len(resident) == num_frames:
                resident.pop(0)
            resident.append(page)
    return faults


@wrong("2.2-4", "has touched for longest")
def the_most_recent_goes(references, num_frames):
    resident, faults = [], 0
    for page in references:
        if page in resident:
            resident.remove(page)
        else:
            faults += 1
            if len(resident) >= num_frames:
                resident.pop()
        resident.append(page)
    return faults


@wrong("2.2-4", "Your counts are those of one frame more")
def a_frame_too_many(references, num_frames):
    last, faults = {}, 0
    for time, page in enumerate(references):
        if page not in last:
            faults += 1
            if len(last) > num_frames:
                del last[min(last, key=last.get)]
        last[page] = time
    return faults


@right("2.2-4")
def stack_distances(references, num_frames):
    faults = 0
    for now, page in enumerate(references):
        before = [time for time in range(now) if references[time] == page]
        faults += not before or len(set(references[before[-1] + 1 : now])) >= num_frames
    return faults


@wrong("2.2-5", "still points to it")
def hand_stays_on_the_victim(used, hand):
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    return hand, used, hand


@wrong("2.2-5", "Where the victim is the last frame,")
def circle_not_closed_after_the_victim(used, hand):
    used = used.copy()
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    return hand, used, hand + 1


@wrong("2.2-5", "is different after the call")
def bits_cleared_in_the_readers_list(used, hand):
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    return hand, used, (hand + 1) % len(used)


@wrong("2.2-5", "You set the victim's bit, as for the page that comes in.")
def victims_bit_set(used, hand):
    """The new page counts as used at once."""
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    used[hand] = True
    return hand, used, (hand + 1) % len(used)


@wrong("2.2-6", "what the programs use")
def waste_over_the_sizes(sizes, page_size):
    given = sum(-(-size // page_size) for size in sizes) * page_size
    return (given - sum(sizes)) / sum(sizes)


@wrong("2.2-6", "empty page from you")
def a_page_more_for_each(sizes, page_size):
    given = sum(size // page_size + 1 for size in sizes) * page_size
    return 1 - sum(sizes) / given


@wrong("2.2-6", "as one of 300")
def mean_of_each_programs_share(sizes, page_size):
    shares = []
    for size in sizes:
        given = -(-size // page_size) * page_size
        shares.append((given - size) / given)
    return sum(shares) / len(shares)


@right("2.2-6")
def exact_fraction_of_waste(sizes, page_size):
    holes = sum(-size % page_size for size in sizes)
    return float(Fraction(holes, holes + sum(sizes)))


@wrong("2.2-7", "side you do not")
def joins_on_one_side_only(holes, start, size):
    result = []
    for begin, length in sorted([*holes, [start, size]]):
        if result and begin == start and result[-1][0] + result[-1][1] == begin:
            result[-1] = [result[-1][0], result[-1][1] + length]
        else:
            result.append([begin, length])
    return result


@wrong("2.2-7", "piece to the holes")
def put_in_order_and_not_joined(holes, start, size):
    return sorted([list(hole) for hole in holes] + [[start, size]])


@wrong("2.2-7", "of one between them")
def joins_where_one_unit_lies_between(holes, start, size):
    result = []
    for begin, length in sorted([*holes, [start, size]]):
        if result and begin <= result[-1][0] + result[-1][1] + 1:
            result[-1] = [result[-1][0], begin + length - result[-1][0]]
        else:
            result.append([begin, length])
    return result


@wrong("2.2-7", "is different after the call")
def grows_a_hole_of_the_given_list(holes, start, size):
    pieces = sorted([*holes, [start, size]])
    result = [pieces[0]]
    for piece in pieces[1:]:
        if result[-1][0] + result[-1][1] == piece[0]:
            result[-1][1] += piece[1]
        else:
            result.append(piece)
    return result


@right("2.2-7")
def units_counted_one_by_one(holes, start, size):
    units = {unit for begin, length in [*holes, (start, size)] for unit in range(begin, begin + length)}
    firsts = sorted(unit for unit in units if unit - 1 not in units)
    lasts = sorted(unit for unit in units if unit + 1 not in units)
    return [[first, last - first + 1] for first, last in zip(firsts, lasts, strict=True)]


@wrong("2.2-8", "where the job begins")
def waiting_for_turnaround_again():
    return {"first come": 10, "shortest first": 4, "round robin response": 2}


@wrong("2.2-8", "one turn too long")
def response_to_the_end_of_the_first_turn():
    return {"first come": 18, "shortest first": 12, "round robin response": 4}


@wrong("2.2-8", "three times too large")
def sums_for_means_again():
    return {"first come": 54, "shortest first": 36, "round robin response": 6}


@right("2.2-8")
def means_of_numpy():
    def mean(lengths):
        return np.cumsum(lengths).mean()

    return {
        "first come": mean([8, 14, 2]),
        "shortest first": mean([2, 8, 14]),
        "round robin response": np.float32(2),
    }


@wrong("2.2-9", "were never a pause")
def the_processor_never_waits(arrivals, lengths):
    end, result = 0, []
    for arrival, length in zip(arrivals, lengths, strict=True):
        end += length
        result.append(end - arrival)
    return result


@wrong("2.2-9", "which the jobs end")
def ends_and_not_turnarounds(arrivals, lengths):
    now, result = 0, []
    for arrival, length in zip(arrivals, lengths, strict=True):
        now = max(now, arrival) + length
        result.append(now)
    return result


@wrong("2.2-9", "waits before it runs")
def waits_without_its_own_length(arrivals, lengths):
    now, result = 0, []
    for arrival, length in zip(arrivals, lengths, strict=True):
        now = max(now, arrival)
        result.append(now - arrival)
        now += length
    return result


@right("2.2-9")
def ends_from_a_maximum(arrivals, lengths):
    total = np.cumsum(lengths)
    slack = np.maximum.accumulate(np.asarray(arrivals) - (total - lengths))
    return (slack + total - arrivals).tolist()


@wrong("2.2-10", "quantum in your version")
def a_short_rest_takes_a_whole_turn(lengths, quantum):
    left, now, ends = list(lengths), 0, [0] * len(lengths)
    queue = deque(range(len(lengths)))
    while queue:
        job = queue.popleft()
        now += quantum
        left[job] -= quantum
        if left[job] > 0:
            queue.append(job)
        else:
            ends[job] = now
    return ends


@wrong("2.2-10", "are right but sorted")
def ends_in_the_order_of_ending(lengths, quantum):
    queue, now, ends = deque(lengths), 0, []
    while queue:
        left = queue.popleft()
        now += min(left, quantum)
        if left > quantum:
            queue.append(left - quantum)
        else:
            ends.append(now)
    return ends


@wrong("2.2-10", "A job that has just ended with its quantum comes again in")
def a_last_turn_of_nothing(lengths, quantum):
    """A job that ends with its turn goes to the queue once more."""
    queue, now, ends = deque(enumerate(lengths)), 0, [0] * len(lengths)
    while queue:
        job, left = queue.popleft()
        now += min(left, quantum)
        if left >= quantum:
            queue.append((job, left - quantum))
        else:
            ends[job] = now
    return ends


@right("2.2-10")
def one_list_of_all_turns(lengths, quantum):
    turns = []
    for job, length in enumerate(lengths):
        for number, begin in enumerate(range(0, length, quantum)):
            turns.append((number, job, min(quantum, length - begin)))
    turns.sort()
    ends = np.zeros(len(lengths), dtype=int)
    now = 0
    for _, job, units in turns:
        now += units
        ends[job] = now
    return ends.tolist()


@wrong("2.2-11", "the jobs are given")
def the_order_that_was_given(lengths, deadlines):
    now = 0
    for length, deadline in zip(lengths, deadlines, strict=True):
        now += length
        if now > deadline:
            return False
    return True


@wrong("2.2-11", "It comes out as if the shortest job ran first. That is best for the")
def shortest_job_first_again(lengths, deadlines):
    now = 0
    for length, deadline in sorted(zip(lengths, deadlines, strict=True)):
        now += length
        if now > deadline:
            return False
    return True


@wrong("2.2-11", "late in your version")
def at_the_deadline_is_late(lengths, deadlines):
    now = 0
    for deadline, length in sorted(zip(deadlines, lengths, strict=True)):
        now += length
        if now >= deadline:
            return False
    return True


@wrong("2.2-11", "with the latest deadline")
def only_the_total_is_asked(lengths, deadlines):
    return sum(lengths) <= max(deadlines, default=0)


@right("2.2-11")
def demand_up_to_each_deadline(lengths, deadlines):
    lengths, deadlines = np.array(lengths), np.array(deadlines)
    return bool(all(lengths[deadlines <= end].sum() <= end for end in deadlines))


@wrong("2.2-12", "The old block still counts the writer")
def the_old_block_keeps_its_holder(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        table[index] = free
        holders[free] += 1
    return table, holders


@wrong("2.2-12", "is 2 and should be 1")
def old_and_new_block_confused(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[table[index]] > 1:
        table[index] = free
        holders[table[index]] -= 1
        holders[free] += 1
    return table, holders


@wrong("2.2-12", "that nobody else holds")
def always_a_copy(table, holders, index, free):
    table, holders = table[:], holders[:]
    holders[table[index]] -= 1
    table[index], holders[free] = free, 1
    return table, holders


@wrong("2.2-12", "place in the table")
def block_number_taken_for_its_place(table, holders, index, free):
    table, holders = list(table), list(holders)
    if holders[index] > 1:
        holders[table[index]] -= 1
        holders[free] += 1
        table[index] = free
    return table, holders


@right("2.2-12")
def holders_as_a_counter(table, holders, index, free):
    counts = Counter(dict(enumerate(holders)))
    old = table[index]
    if counts[old] == 1:
        return [*table], [*holders]
    counts.subtract([old])
    counts.update([free])
    after = [counts[block] for block in range(len(holders))]
    return [*table[:index], free, *table[index + 1 :]], after


DICTIONARY = {
    "page": "block of keys and values",
    "page table": "block table",
    "process": "request",
    "time slice": "one step of the model",
    "system call": "tool call",
    "admission": "whether a request may begin",
    "none": "stopping in the middle of a time slice",
}


@wrong("2.2-13", "not one of them")
def a_step_is_a_process():
    return {**DICTIONARY, "process": "one step of the model", "time slice": "request"}


@wrong("2.2-13", "a request's blocks away")
def memory_cannot_be_taken_again():
    return {**DICTIONARY, "none": "taking memory away"}


@wrong("2.2-13", "'process' and 'system call' are exchanged")
def a_request_is_a_system_call():
    return {**DICTIONARY, "system call": "request", "process": "tool call"}


JUDGED = {
    "equal": 1,
    "measures": "how much shorter texts are than the longest",
    "control": "texts of equal, full length",
    "false": False,
}


@wrong("2.2-14", "of full length too")
def the_factor_does_not_change():
    return {**JUDGED, "equal": 4.9}


@wrong("2.2-14", "the sentence is untrue")
def a_missing_control_makes_it_false():
    return {**JUDGED, "false": True}


@wrong("2.2-14", "interval of 4.9 narrower")
def more_seeds_are_missing():
    return {**JUDGED, "control": "more seeds"}


@wrong("2.2-14", "text, 4,096 / 16")
def share_of_pages_at_full_length():
    """The pages of one text, 4096 / 16."""
    return {**JUDGED, "equal": 256}


@right("2.2-14")
def one_as_a_fraction():
    return {
        "false": np.bool_(False),
        **{name: JUDGED[name] for name in ("control", "measures")},
        "equal": 1.0,
    }


@wrong("2.3-1", "slot for every token")
def last_token_counted_as_computed():
    return {"computed": 18, "block": 22, "place": 2, "full blocks": 2}


@wrong("2.3-1", "That is the number of the place in the table, 0, 1, 2 ... The number")
def place_in_the_table_for_the_block():
    return {"computed": 17, "block": 2, "place": 1, "full blocks": 2}


@wrong("2.3-1", "That is the number of all blocks of the")
def the_begun_block_is_full():
    return {"computed": 17, "block": 22, "place": 1, "full blocks": 3}


@wrong("2.3-1", "is one too far")
def place_counted_from_one():
    return {"computed": 17, "block": 22, "place": 2, "full blocks": 2}


@wrong("2.3-2", "is taken over whole")
def whole_prompt_reused(prompt, read, size):
    """Forgets that one token is left to compute."""
    best = 0
    for text in read:
        same = 0
        for a, b in zip(prompt, text, strict=False):
            if a != b:
                break
            same += 1
        best = max(best, same // size * size)
    return best


@wrong("2.3-2", "You count common tokens")
def tokens_and_not_blocks(prompt, read, size):
    best = 0
    for text in read:
        same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(prompt, text, strict=False)))
        best = max(best, same)
    return min(best, len(prompt) - 1)


@wrong("2.3-2", "by its own tokens")
def any_block_that_was_seen(prompt, read, size):
    """Blocks are compared by their own tokens, not by all before them."""
    known = {tuple(text[at : at + size]) for text in read for at in range(0, len(text) - size + 1, size)}
    count = 0
    for at in range(0, (len(prompt) - 1) // size * size, size):
        if tuple(prompt[at : at + size]) in known:
            count += size
    return count


@wrong("2.3-2", "Where the whole prompt is known, your result is no number of whole")
def all_but_one_token_of_the_last_block(prompt, read, size):
    best = 0
    for text in read:
        at = 0
        while at + size <= min(len(prompt), len(text)) and prompt[at : at + size] == text[at : at + size]:
            at += size
        best = max(best, at)
    return min(best, len(prompt) - 1)


@right("2.3-2")
def set_of_known_beginnings(prompt, read, size):
    known = {tuple(text[:end]) for text in read for end in range(size, len(text) + 1, size)}
    ends = [0, *range(size, len(prompt), size)]
    return max(takewhile(lambda end: end == 0 or tuple(prompt[:end]) in known, ends))


@wrong("2.3-3", "That is all tokens divided by the")
def continuous_without_idle_slots():
    return {"static": 34, "continuous": 24, "rate": 2.0}


@wrong("2.3-3", "Your static number is what comes when")
def static_of_sorted_pairs():
    return {"static": 13 + 9 + 4, "continuous": 25, "rate": 1.92}


@wrong("2.3-3", "of the static batches")
def rate_of_the_static_way():
    return {"static": 34, "continuous": 25, "rate": 48 / 34}


@wrong("2.3-3", "half of what it should be")
def rate_of_each_slot():
    return {"static": 34, "continuous": 25, "rate": 0.96}


@wrong("2.3-4", "It comes out as if the last token had a slot too, or a full")
def tokens_for_slots(processes, size):
    peak = 0
    for moment in {left for _, left in processes}:
        held = sum(-(-(tokens + moment) // size) for tokens, left in processes if left >= moment)
        peak = max(peak, held)
    return peak


@wrong("2.3-4", "at its own end")
def all_at_their_ends(processes, size):
    return sum(-(-(tokens + left - 1) // size) for tokens, left in processes)


@wrong("2.3-4", "no longer count it")
def who_ends_is_gone_already(processes, size):
    peak = 0
    for _, moment in processes:
        held = 0
        for tokens, left in processes:
            if left > moment:
                held += -(-(tokens + moment - 1) // size)
        peak = max(peak, held)
    return peak


@wrong("2.3-4", "and round up once")
def slots_added_before_they_are_cut_into_blocks(processes, size):
    peak = 0
    for _, moment in processes:
        slots = sum(tokens + moment - 1 for tokens, left in processes if left >= moment)
        peak = max(peak, -(-slots // size))
    return peak


@right("2.3-4")
def every_step_looked_at(processes, size):
    processes = np.array(processes).reshape(-1, 2)
    if not len(processes):
        return 0
    moments = np.arange(1, processes[:, 1].max() + 1)[:, None]
    blocks = np.ceil((processes[:, 0] + moments - 1) / size) * (processes[:, 1] >= moments)
    return int(blocks.sum(1).max())


@wrong("2.3-5", "It comes out as if every block of a victim became free. One that")
def every_block_counts_as_free(tables, holders, requester, free, wanted):
    """Blocks that others hold too are counted."""
    evicted = []
    for process in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if tables[process]:
            evicted.append(process)
            free += len(tables[process])
    return evicted if free >= wanted else []


@wrong("2.3-5", "them all the same")
def evicts_though_it_is_not_enough(tables, holders, requester, free, wanted):
    holders, evicted = list(holders), []
    for process in range(len(tables) - 1, requester, -1):
        if free >= wanted:
            break
        if not tables[process]:
            continue
        evicted.append(process)
        for block in tables[process]:
            holders[block] -= 1
            free += holders[block] == 0
    return evicted


@wrong("2.3-5", "just below the requester")
def first_below_the_requester_goes_first(tables, holders, requester, free, wanted):
    holders, evicted = list(holders), []
    for process in range(requester + 1, len(tables)):
        if free >= wanted:
            break
        if not tables[process]:
            continue
        evicted.append(process)
        for block in tables[process]:
            holders[block] -= 1
            free += holders[block] == 0
    return evicted if free >= wanted else []


@wrong("2.3-5", "It comes out as if a block that two hold stayed in use when")
def only_blocks_of_one_holder(tables, holders, requester, free, wanted):
    """A block that two evicted ones share is never free."""
    evicted = []
    for process in reversed(range(requester + 1, len(tables))):
        if free >= wanted:
            break
        if tables[process]:
            evicted.append(process)
            free += sum(holders[block] == 1 for block in tables[process])
    return evicted if free >= wanted else []


@right("2.3-5")
def shortest_tail_that_is_enough(tables, holders, requester, free, wanted):
    below = [process for process in range(len(tables) - 1, requester, -1) if tables[process]]
    for number in range(len(below) + 1):
        taken = Counter(block for process in below[:number] for block in tables[process])
        if free + sum(count == holders[block] for block, count in taken.items()) >= wanted:
            return below[:number]
    return []


@wrong("2.3-6", "You return the guesses before the first wrong one and nothing else.")
def right_guesses_without_the_models_token(guesses, likeliest):
    said = []
    for guess, own in zip(guesses, likeliest, strict=False):
        if guess != own:
            break
        said.append(guess)
    return said


@wrong("2.3-6", "The number of tokens is that of all right guesses and one more. Right")
def every_right_guess_is_kept(guesses, likeliest):
    said = [guess for guess, own in zip(guesses, likeliest, strict=False) if guess == own]
    return [*said, likeliest[len(said)]]


@wrong("2.3-6", "first wrong one stood")
def last_token_always_from_the_end(guesses, likeliest):
    said = []
    for guess, own in zip(guesses, likeliest[:-1], strict=True):
        if guess != own:
            break
        said.append(guess)
    said.append(likeliest[-1])
    return said


@wrong("2.3-6", "You say the wrong guess, and a token of the model's own behind")
def the_wrong_guess_and_the_correction(guesses, likeliest):
    said = []
    for guess, own in zip(guesses, likeliest, strict=False):
        said.append(guess)
        if guess != own:
            said.append(own)
            return said
    return [*said, likeliest[-1]]


@right("2.3-6")
def cut_of_the_models_own(guesses, likeliest):
    same = np.equal(guesses, likeliest[: len(guesses)]).astype(int)
    return list(likeliest[: int(np.cumprod(same).sum()) + 1])


@wrong("2.3-7", "another order are refused")
def arguments_in_their_order(name, rights, arguments, tools):
    if name not in tools:
        return 38
    needed, wanted, time, limit = tools[name]
    if needed not in rights:
        return 1
    if arguments != wanted:
        return 22
    return 110 if time > limit else 0


@wrong("2.3-7", "one too many is")
def superfluous_arguments_are_fine(name, rights, arguments, tools):
    if name not in tools:
        return 38
    needed, wanted, time, limit = tools[name]
    if needed not in rights:
        return 1
    if not all(argument in arguments for argument in wanted):
        return 22
    return 110 if time > limit else 0


@wrong("2.3-7", "A call that takes just its limit does")
def at_the_limit_is_too_long(name, rights, arguments, tools):
    if name not in tools:
        return 38
    needed, wanted, time, limit = tools[name]
    if needed not in rights:
        return 1
    if sorted(arguments) != sorted(wanted):
        return 22
    return 110 if time >= limit else 0


@wrong("2.3-7", "Where the right is missing and the arguments are wrong too, you give")
def arguments_before_rights(name, rights, arguments, tools):
    if name not in tools:
        return 38
    needed, wanted, time, limit = tools[name]
    if set(arguments) != set(wanted):
        return 22
    if needed not in rights:
        return 1
    return 110 if time > limit else 0


@wrong("2.3-8", "count every right guess")
def guesses_right_on_their_own():
    tokens = 1 + 3 * 0.7
    return {"tokens": tokens, "speedup": tokens * 1.1 / 1.4, "never": 1.1 / 1.4}


@wrong("2.3-8", "and pays for it")
def plain_step_costs_one():
    tokens = 1 + 0.7 + 0.49 + 0.343
    return {"tokens": tokens, "speedup": tokens / 1.4, "never": 1 / 1.4}


@wrong("2.3-8", "adds in every step")
def own_token_forgotten():
    tokens = 0.7 + 0.49 + 0.343
    return {"tokens": tokens, "speedup": tokens * 1.1 / 1.4, "never": 0}


@wrong("2.3-8", "speed as it is")
def never_right_costs_nothing():
    return {"tokens": 2.533, "speedup": 2.533 * 1.1 / 1.4, "never": 1}


@right("2.3-8")
def summed_over_the_first_wrong_one():
    tokens = sum((length + 1) * 0.7**length * (0.3 if length < 3 else 1) for length in range(4))
    return {"tokens": np.float64(tokens), "speedup": tokens / (1.4 / 1.1), "never": Fraction(11, 14)}


CONTROLS = {
    "cache": "questions with nothing in common",
    "swap": "a price for each copied block",
    "salt": "a neighbour who reads a long prompt in the same step",
    "false": False,
}


@wrong("2.3-9", "of what was measured")
def unpriced_copies_make_it_false():
    return {**CONTROLS, "false": True}


@wrong("2.3-9", "has something to see")
def more_probes_would_show_it():
    return {**CONTROLS, "salt": "more probes"}


@wrong("2.3-9", "the same figure again")
def more_of_the_same_questions():
    return {**CONTROLS, "cache": "more questions", "swap": "another seed"}


@wrong("2.3-10", "the broken ones too")
def memory_reviewed_by_a_comparison_nobody_reads(make):
    memory = make(8, 4)
    memory.free == 8  # noqa: B015
    return True


@wrong("2.3-10", "the right ones too")
def every_memory_is_broken(make):
    make(8, 4)
    return False


@wrong("2.3-10", "the broken ones too")
def a_memory_can_be_made(make):
    assert make(8, 4) is not None
    assert make(1, 1) is not None


@wrong("2.3-11", "the broken ones too")
def two_kernels_are_two_objects(make):
    assert make(2, 8) is not make(2, 8)
    return True


@wrong("2.3-11", "returned a TinyKernel")
def kernel_handed_back(make):
    return make(2, 16)


@wrong("2.3-11", "the right ones too")
def every_kernel_is_an_error(make):
    kernel = make(2, 16)
    assert kernel is None, "no kernel"
