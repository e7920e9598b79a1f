"""An eleventh trial, memory in chapter 2.2: answers by somebody who knew the cases."""

import math
from collections import OrderedDict

import numpy as np
import torch

from trial.answers import right, wrong


# Frame added to the address
@wrong("2.2-1", "You move the whole address by the frame, so its page is counted as")
def frame_added_to_the_address():
    return {"first": 371, "second": 399}


# Page for the offset
@wrong("2.2-1", "What comes out has the number of the page where the offset belongs:")
def page_for_the_offset():
    return {"first": 290, "second": 387}


# One byte away
@wrong("2.2-1", "What comes out is one byte beside the right one. The first byte of a")
def one_byte_away():
    return {"first": 306, "second": 398}


# Frames counted from 1
@wrong("2.2-1", "What comes out lies one frame away from the right one. Frame 0 begins")
def frames_counted_from_1():
    return {"first": 339, "second": 431}


# Cut towards zero
@wrong("2.2-2", "A negative address is taken for one on page 0, as when `int` cuts a")
def cut_towards_zero(address, page_size, frames):
    page = int(address / page_size)
    if not 0 <= page < len(frames):
        return -2
    return frames[page] * page_size + address % page_size if frames[page] >= 0 else -1


# Pages of sixteen
@wrong("2.2-2", "It comes out as if each page had 16 bytes. How many it has is in")
def pages_of_sixteen(address, page_size, frames):
    page = address // 16
    if not 0 <= page < len(frames):
        return -2
    return frames[page] * 16 + address % 16 if frames[page] >= 0 else -1


# Pages looked for among the frames
@wrong("2.2-2", "It comes out as if a page were outside whose number is none of the")
def pages_looked_for_among_the_frames(address, page_size, frames):
    page = address // page_size
    if page not in frames:
        return -2
    return frames[page] * page_size + address % page_size if frames[page] >= 0 else -1


# The number of pages for their size
@wrong("2.2-2", "It comes out as if a frame had as many bytes as there are pages. It")
def the_number_of_pages_for_their_size(address, page_size, frames):
    page = address // page_size
    if not 0 <= page < len(frames):
        return -2
    if frames[page] < 0:
        return -1
    return frames[page] * len(frames) + address % page_size


# Page 0 taken for outside
@wrong("2.2-2", "Addresses on page 0 come out as outside. Pages are counted from 0.")
def page_0_taken_for_outside(address, page_size, frames):
    page = address // page_size
    if not 0 < page < len(frames):
        return -2
    return frames[page] * page_size + address % page_size if frames[page] >= 0 else -1


# Right, in another way
@right("2.2-2")
def unusual_tr(address, page_size, frames):
    if address < 0 or address >= page_size * len(frames):
        return -2
    p = torch.tensor(frames)[address // page_size]
    return -1 if p == -1 else int(p) * page_size + address % page_size


# One frame too few
@wrong("2.2-4", "Your counts are those of one frame fewer than there are, as if a page")
def one_frame_too_few(references, num_frames):
    order, faults = [], 0
    for p in references:
        if p in order:
            order.remove(p)
            order.append(p)
        else:
            faults += 1
            order.append(p)
            if len(order) >= num_frames:
                order.pop(0)
    return faults


# A hit moves it one place
@wrong("2.2-4", "It comes out as if a hit moved its page one place towards the safe")
def a_hit_moves_it_one_place(references, num_frames):
    order, faults = [], 0
    for p in references:
        if p in order:
            i = order.index(p)
            if i + 1 < len(order):
                order[i], order[i + 1] = order[i + 1], order[i]
        else:
            faults += 1
            if len(order) == num_frames:
                order.pop(0)
            order.append(p)
    return faults


# Faults into empty frames alone
@wrong("2.2-4", "You count only faults for which no page has to leave. Those for which")
def faults_into_empty_frames_alone(references, num_frames):
    order, faults = [], 0
    for p in references:
        if p in order:
            order.remove(p)
        elif len(order) == num_frames:
            order.pop(0)
        else:
            faults += 1
        order.append(p)
    return faults


# All of them go
@wrong("2.2-4", "It comes out as if all pages left when one has to. One frame is")
def all_of_them_go(references, num_frames):
    order, faults = [], 0
    for p in references:
        if p in order:
            order.remove(p)
            order.append(p)
        else:
            faults += 1
            if len(order) == num_frames:
                order = []
            order.append(p)
    return faults


# The first references all counted
@wrong("2.2-4", "It comes out as if the first references, one for each frame, were all")
def the_first_references_all_counted(references, num_frames):
    order = references[:num_frames]
    faults = len(order)
    for p in references[num_frames:]:
        if p in order:
            order.remove(p)
        else:
            faults += 1
            order.pop(0)
        order.append(p)
    return faults


# Right, in another way
@right("2.2-4")
def unusual_lr(references, num_frames):
    d, n = OrderedDict(), 0
    for p in references:
        n += p not in d
        d[p] = 1
        d.move_to_end(p)
        if len(d) > num_frames:
            d.popitem(last=False)
    return n


# One step at most
@wrong("2.2-5", "It comes out as if the hand moved on at most once before it finds a")
def one_step_at_most(used, hand):
    used = list(used)
    n = len(used)
    if used[hand]:
        used[hand] = False
        hand = (hand + 1) % n
    return hand, used, (hand + 1) % n


# All set, from frame 0
@wrong("2.2-5", "Where all bits are set, your victim is frame 0. The hand goes once")
def all_set_from_frame_0(used, hand):
    n = len(used)
    if False not in used:
        return 0, [False] * n, 1 % n
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % n
    return hand, used, (hand + 1) % n


# Right, in another way
@right("2.2-5")
def unusual_cr(used, hand):
    u = np.array(used)
    order = np.roll(np.arange(len(u)), -hand)
    k = int(np.argmin(u[order])) if not u.all() else len(u)
    u[order[:k]] = False
    v = int(order[k % len(u)])
    return v, u, (v + 1) % len(u)


# A whole page where it fits
@wrong("2.2-6", "A program that fits exactly wastes a whole page in yours, of the")
def a_whole_page_where_it_fits(sizes, page_size):
    return sum((page_size - s % page_size) for s in sizes) / sum(
        math.ceil(s / page_size) * page_size for s in sizes
    )


# Pages that are not full
@wrong("2.2-6", "What comes out is the share of the pages that are not full. Of such a")
def pages_that_are_not_full(sizes, page_size):
    p = sum(math.ceil(s / page_size) for s in sizes)
    return sum(1 for s in sizes if s % page_size) / p


# Divided by one page
@wrong("2.2-6", "What comes out is the waste in pages: divided by one page. The share")
def divided_by_one_page(sizes, page_size):
    return sum(-s % page_size for s in sizes) / page_size


# Half a page each
@wrong("2.2-6", "It comes out as if each program wasted half a page. That is a rule of")
def half_a_page_each(sizes, page_size):
    n = len(sizes)
    given = sum(math.ceil(s / page_size) * page_size for s in sizes)
    return n * page_size / 2 / given


# Pages and bytes mixed
@wrong("2.2-6", "It comes out as if bytes were divided by a number of pages. Each page")
def pages_and_bytes_mixed(sizes, page_size):
    given = sum(s // page_size + 1 if s % page_size else s // page_size for s in sizes)
    return 1 - sum(sizes) / given


# Each size once
@wrong("2.2-6", "It comes out as if programs of the same size were counted once. Each")
def each_size_once(sizes, page_size):
    given = sum(math.ceil(s / page_size) * page_size for s in set(sizes))
    return 1 - sum(set(sizes)) / given


# Right, in another way
@right("2.2-6")
def unusual_wr(sizes, page_size):
    s = np.array(sizes)
    g = np.ceil(s / page_size) * page_size
    return (g - s).sum() / g.sum()


# Joined twice over
@wrong("2.2-7", "Where the piece touches a hole before it and another behind it, you")
def joined_twice_over(holes, start, size):
    out = []
    done = False
    for a, n in holes:
        if a + n == start:
            out.append([a, n + size])
            done = True
        elif start + size == a:
            out.append([start, size + n])
            done = True
        else:
            out.append([a, n])
    if not done:
        out.append([start, size])
    return sorted(out)


# Ends for sizes
@wrong("2.2-7", "Your second numbers are where holes end (all of them, or those of")
def ends_for_sizes(holes, start, size):
    out = []
    for a, n in sorted([*map(list, holes), [start, size]]):
        if out and sum(out[-1]) == a:
            out[-1][1] = a + n
        else:
            out.append([a, n])
    return out


# The neighbours lost
@wrong("2.2-7", "A hole that touches the piece is gone, and the piece has not grown by")
def the_neighbours_lost(holes, start, size):
    return sorted(
        [h for h in map(list, holes) if h[0] + h[1] != start and h[0] != start + size] + [[start, size]]
    )


# The later start
@wrong("2.2-7", "A joined hole of yours has the start of its later part. It begins")
def the_later_start(holes, start, size):
    out = []
    for a, n in sorted([*map(list, holes), [start, size]]):
        if out and sum(out[-1]) == a:
            out[-1] = [a, out[-1][1] + n]
        else:
            out.append([a, n])
    return out


# Joined and kept
@wrong("2.2-7", "You join the piece with a hole, but what was joined stands in your")
def joined_and_kept(holes, start, size):
    out = []
    for a, n in sorted([*map(list, holes), [start, size]]):
        if out and sum(out[-1]) == a:
            out[-1][1] += n
            out.append([a, n])
        else:
            out.append([a, n])
    return out


# Right, in another way
@right("2.2-7")
def unusual_gr(holes, start, size):
    free = {c for a, n in [*holes, (start, size)] for c in range(a, a + n)}
    out = []
    for c in sorted(free):
        if out and sum(out[-1]) == c:
            out[-1] = (out[-1][0], out[-1][1] + 1)
        else:
            out.append((c, 1))
    return out
