"""Chapter 2.2, memory: wrong answers with one slip each, and unusual right ones."""

from collections import OrderedDict

from trial.answers import right, wrong


@wrong("2.2-1", "third entry")
def pages_counted_from_one():
    return {"first": 5 * 32 + 19, "second": 9 * 32 + 15}  # page 2 is the third of the list


@wrong("2.2-1", "right frame")
def frame_without_its_offset():
    return {"first": 9 * 32, "second": 12 * 32}  # the offset inside of the page is lost


@wrong("2.2-1")
def second_with_the_offset_of_the_first():
    return {"first": 307, "second": 12 * 32 + 19}  # the second has its own offset, 15


@right("2.2-1")
def physical_addresses_as_floats():
    return {"second": 399.0, "first": 307.0}


@wrong("2.2-2", "frame 0")
def fault_tested_as_false(address, page_size, frames):
    if not 0 <= address < page_size * len(frames):
        return -2
    if not frames[address // page_size]:  # frame 0 is a frame, and -1 is true
        return -1
    return frames[address // page_size] * page_size + address % page_size


@wrong("2.2-2", "comparison lets")
def one_address_too_many(address, page_size, frames):
    page, offset = divmod(address, page_size)
    if page < 0 or page > len(frames):  # should be >=
        return -2
    return -1 if frames[page] == -1 else frames[page] * page_size + offset


@wrong("2.2-2", "negative address")
def negative_pages_from_the_end(address, page_size, frames):
    page, offset = divmod(address, page_size)
    if page >= len(frames):  # a negative address finds the last pages
        return -2
    if frames[page] < 0:
        return -1
    return frames[page] * page_size + offset


@wrong("2.2-2", "frame's number")
def frame_added_not_multiplied(address, page_size, frames):
    if address < 0 or address >= page_size * len(frames):
        return -2
    frame = frames[address // page_size]
    return -1 if frame == -1 else frame + address % page_size  # the frame is a number, not an address


@right("2.2-2")
def translated_by_a_dictionary(address, page_size, frames):
    places = {
        page * page_size + i: -1 if frame == -1 else frame * page_size + i
        for page, frame in enumerate(frames)
        for i in range(page_size)
    }
    return places.get(address, -2)


@wrong("2.2-3", "three pages come")
def first_faults_not_counted():
    return {"fifo": 5, "lru": 4, "optimal": 3}  # three pages that come into empty frames count too


@wrong("2.2-3", "other's policy")
def fifo_and_lru_exchanged():
    return {"fifo": 7, "lru": 8, "optimal": 6}


@wrong("2.2-3", "too few")
def one_fault_missed_by_hand():
    return {"fifo": 8, "lru": 7, "optimal": 5}


@wrong("2.2-4", "hit leaves")
def oldest_in_goes(references, num_frames):
    frames, faults = [], 0
    for page in references:
        if page not in frames:  # a hit does not move the page: fifo
            faults += 1
            if len(frames) == num_frames:
                frames.pop(0)
            frames.append(page)
    return faults


@wrong("2.2-4", "was used last")
def most_recent_goes(references, num_frames):
    frames, faults = [], 0
    for page in references:
        if page in frames:
            frames.remove(page)
        else:
            faults += 1
            if len(frames) == num_frames:
                frames.pop()  # the last of the list was used last
        frames.append(page)
    return faults


@wrong("2.2-4", "Your counts are those of one frame more")
def one_frame_too_many(references, num_frames):
    last, faults = {}, 0
    for now, page in enumerate(references):
        if page not in last:
            faults += 1
            if len(last) > num_frames:  # should be >=
                del last[min(last, key=last.get)]
        last[page] = now
    return faults


@right("2.2-4")
def faults_by_stack_distance(references, num_frames):
    def distance(i):
        before = references[:i][::-1]
        return len(set(before[: before.index(references[i])])) if references[i] in before else float("inf")

    return sum(distance(i) >= num_frames for i in range(len(references)))


@right("2.2-4")
def faults_with_an_ordered_dictionary(references, num_frames):
    frames, faults = OrderedDict(), 0
    for page in references:
        faults += page not in frames
        frames[page] = None
        frames.move_to_end(page)
        while len(frames) > num_frames:
            frames.popitem(last=False)
    return faults


@wrong("2.2-5", "hand wait")
def hand_stays_at_the_victim(used, hand):
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    return hand, used, hand  # should be one beyond


@wrong("2.2-5", "Where the victim is the last frame,")
def hand_runs_off_the_end(used, hand):
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    return hand, used, hand + 1  # no way round


@wrong("2.2-5", "input `used`")
def bits_cleared_in_place(used, hand):
    while used[hand]:
        used[hand] = False  # the list that was given
        hand = (hand + 1) % len(used)
    return hand, used, (hand + 1) % len(used)


@wrong("2.2-5", "the bits")
def bit_of_the_new_page_set(used, hand):
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    used[hand] = True  # the victim's bit is not touched by the sweep
    return hand, used, (hand + 1) % len(used)


@right("2.2-5")
def clock_without_a_loop(used, hand):
    turned = list(used[hand:]) + list(used[:hand])
    steps = turned.index(False) if False in turned else len(turned)
    cleared = [False] * steps + turned[steps:] if steps < len(turned) else [False] * steps
    n = len(used)
    return (hand + steps) % n, [cleared[(i - hand) % n] for i in range(n)], (hand + steps + 1) % n


@wrong("2.2-6", "32 bytes need")
def always_one_page_more(sizes, page_size):
    given = sum((size // page_size + 1) * page_size for size in sizes)  # a full page needs no other
    return 1 - sum(sizes) / given


@wrong("2.2-6", "pages given")
def waste_over_what_is_used(sizes, page_size):
    given = sum(-(-size // page_size) * page_size for size in sizes)
    return (given - sum(sizes)) / sum(sizes)  # should be over what was given


@wrong("2.2-6", "What comes out is the mean of the programs' own shares, so that a")
def mean_of_the_programs_shares(sizes, page_size):
    shares = [1 - size / (-(-size // page_size) * page_size) for size in sizes]
    return sum(shares) / len(shares)  # a program of many pages must count more


@wrong("2.2-7", "hole touches")
def right_hole_not_joined(holes, start, size):
    result = []
    for hole in sorted([*holes, [start, size]]):
        if result and sum(result[-1]) == hole[0] and hole[0] == start:  # joins on the left only
            result[-1] = [result[-1][0], result[-1][1] + hole[1]]
        else:
            result.append(list(hole))
    return result


@wrong("2.2-7", "input `holes`")
def holes_joined_in_place(holes, start, size):
    holes.append([start, size])  # the list that was given
    result = []
    for begin, length in sorted(holes):
        if result and sum(result[-1]) == begin:
            result[-1][1] += length
        else:
            result.append([begin, length])
    return result


@wrong("2.2-7", "For a hole before it, your result has 3 entries")
def piece_put_at_the_end(holes, start, size):
    result = [list(hole) for hole in holes] + [[start, size]]  # never sorted
    for i in range(len(result) - 1, 0, -1):
        if sum(result[i - 1]) == result[i][0]:
            result[i - 1][1] += result.pop(i)[1]
    return result


@right("2.2-7")
def holes_from_free_places(holes, start, size):
    free = {place for begin, length in [*holes, (start, size)] for place in range(begin, begin + length)}
    begins = sorted(place for place in free if place - 1 not in free)
    ends = sorted(place + 1 for place in free if place + 1 not in free)
    return [(begin, end - begin) for begin, end in zip(begins, ends, strict=True)]
