"""A ninth trial, chapter 2.2: slips that two usual ones have in common, and boundaries."""

from trial.answers import right, wrong


# Rounds to the nearest page
@wrong("2.2-2", "It comes out as if the page were the nearest whole number to")
def rounds_to_the_nearest_page(address, page_size, frames):
    p = round(address / page_size)
    o = address % page_size
    if p < 0 or p >= len(frames):
        return -2
    return -1 if frames[p] == -1 else frames[p] * page_size + o


# Keeps the last references, not the last pages
@wrong("2.2-4", "It comes out as if the last references were kept, one for each")
def keeps_the_last_references_not_the_last_pages(references, num_frames):
    return sum((p not in references[max(0, i - num_frames) : i] for i, p in enumerate(references)))


# A page that is used again stands in the order twice
@wrong("2.2-4", "It comes out as if a page that is used again stood in the order")
def a_page_that_is_used_again_stands_in_the_order(references, num_frames):
    r, n = ([], 0)
    for p in references:
        if p not in r:
            n += 1
            if len(r) >= num_frames:
                r.pop(0)
        r.append(p)
    return n


# Right, in another way: by how many other pages came between
@right("2.2-4")
def stack_distance_right_is_right(references, num_frames):
    n = 0
    for i, p in enumerate(references):
        prev = [j for j in range(i) if references[j] == p]
        if not prev or len(set(references[prev[-1] + 1 : i])) >= num_frames:
            n += 1
    return n


# Returns the bits as they were before the sweep
@wrong("2.2-5", "In what you return the bits that the hand has passed are still")
def returns_the_bits_as_they_were_before_the_sweep(used, hand):
    u = list(used)
    while u[hand]:
        u[hand] = False
        hand = (hand + 1) % len(u)
    return (hand, list(used), (hand + 1) % len(u))


# The hand goes one on from where it was
@wrong("2.2-5", "Victim and bits are right, but your hand stands where it stood")
def the_hand_goes_one_on_from_where_it_was(used, hand):
    u = list(used)
    h = hand
    while u[h]:
        u[h] = False
        h = (h + 1) % len(u)
    return (h, u, (hand + 1) % len(u))


# Rounds the number of pages to the nearest
@wrong("2.2-6", "It comes out as if the number of pages were rounded to the")
def rounds_the_number_of_pages_to_the_nearest(sizes, page_size):
    g = sum(round(s / page_size) * page_size for s in sizes)
    return 1 - sum(sizes) / max(1, g)


# Divides by the last pages alone
@wrong("2.2-6", "What comes out is the waste divided by one page for each program, its")
def divides_by_the_last_pages_alone(sizes, page_size):
    g = [-(-s // page_size) * page_size for s in sizes]
    return sum((x - s for x, s in zip(g, sizes, strict=False))) / (len(sizes) * page_size)


# Joined with the hole behind, but keeps that hole's start
@wrong("2.2-7", "your result differs in 1 of 4 places: the first")
def joined_with_the_hole_behind_but_keeps_that_hol(holes, start, size):
    h = [list(x) for x in holes]
    for x in h:
        if x[0] == start + size:
            x[1] += size
            return h
        if sum(x) == start:
            x[1] += size
            return h
    return sorted([*h, [start, size]])


# Right, in another way: by the single cells
@right("2.2-7")
def set_based_right_is_right(holes, start, size):
    cells = set(range(start, start + size))
    for a_, n in holes:
        cells |= set(range(a_, a_ + n))
    out = []
    for c in sorted(cells):
        if out and sum(out[-1]) == c:
            out[-1][1] += 1
        else:
            out.append([c, 1])
    return out


# The pause is not put into the clock
@wrong("2.2-9", "A job that comes late does not wait in yours, which is right,")
def the_pause_is_not_put_into_the_clock(arrivals, lengths):
    t = 0
    o = []
    for x, n in zip(arrivals, lengths, strict=False):
        o.append(max(0, t - x) + n)
        t += n
    return o


# Who has a quantum left comes again for an empty turn
@wrong("2.2-10", "A job that has just ended with its quantum comes again in")
def who_has_a_quantum_left_comes_again_for_an_empt(lengths, quantum):
    left = list(lengths)
    q = list(range(len(left)))
    e = [0] * len(left)
    now = 0
    while q:
        j = q.pop(0)
        if left[j] >= quantum:
            now += quantum
            left[j] -= quantum
            q.append(j)
        else:
            now += left[j]
            e[j] = now
    return e


# Those that ended keep their turns
@wrong("2.2-10", "Those that have ended keep their turns: the others wait a")
def those_that_ended_keep_their_turns(lengths, quantum):
    left = list(lengths)
    e = [0] * len(left)
    now = 0
    while any(x > 0 for x in left):
        for j in range(len(left)):
            if left[j] > 0:
                now += min(quantum, left[j])
                left[j] -= quantum
                if left[j] <= 0:
                    e[j] = now
            else:
                now += quantum
    return e


# Removes from the list that the loop goes through
@wrong("2.2-10", "Whenever a job ends, the one behind it loses its turn of that")
def removes_from_the_list_that_the_loop_goes_throu(lengths, quantum):
    left = list(lengths)
    q = list(range(len(left)))
    e = [0] * len(left)
    now = 0
    while q:
        for j in q:
            u = min(quantum, left[j])
            now += u
            left[j] -= u
            if not left[j]:
                e[j] = now
                q.remove(j)
    return e


# Asks whether all work fits before the earliest deadline
@wrong("2.2-11", "It comes out as if the jobs ran from the latest deadline to the")
def asks_whether_all_work_fits_before_the_earliest(lengths, deadlines):
    return sum(lengths) <= min(deadlines, default=0)


# Takes the first free block, not the one that is given
@wrong("2.2-12", "You take another free block than the one that is given, such as")
def takes_the_first_free_block_not_the_one_that_is(table, holders, index, free):
    t, h = (list(table), list(holders))
    old = t[index]
    if h[old] > 1:
        free = h.index(0)
        t[index] = free
        h[old] -= 1
        h[free] = 1
    return (t, h)


# Chooses that memory cannot be taken away
@wrong("2.2-13", "A kernel can take a request's blocks away: it drops them and")
def chooses_that_memory_cannot_be_taken_away():
    return {
        "page": "block of keys and values",
        "page table": "block table",
        "process": "request",
        "time slice": "one step of the model",
        "system call": "tool call",
        "admission": "whether a request may begin",
        "none": "taking memory away",
    }


# Divides by twenty draws instead of ten
@wrong("2.2-15", "That is the number for one of the two allocators, with its ten")
def divides_by_twenty_draws_instead_of_ten():
    return {
        "paired": 0.004649496843745568,
        "unpaired": 0.012875529721141572,
        "any": "holds",
        "least": "not shown",
        "separate": "not shown",
    }
