"""An exercise of section 2.2.1: the page that was not used for longest must go.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake
from llmasos_edu.exercises.operating_systems.policies import (
    count_faults,
    farthest,
    first_in,
    last_in,
    least_frequent,
    least_recent,
    most_recent,
)

# 2.2-4 --------------------------------------------------------------------------------


def lru_faults(references, num_frames):
    """references [steps], num_frames -> number of page faults when the least recently used page goes."""
    recent, faults = [], 0  # the page used last stands last
    for page in references:
        if page in recent:
            recent.remove(page)
        else:
            faults += 1
            if len(recent) == num_frames:
                recent.pop(0)
        recent.append(page)
    return faults


def _one_frame_more(references, num_frames):
    return lru_faults(references, num_frames + 1)


def _second_chance(references, num_frames):
    """The clock of 2.2-5, with bits that are set when a page comes in."""
    pages, used, hand, faults = [], [], 0, 0
    for page in references:
        if page in pages:
            used[pages.index(page)] = True
            continue
        faults += 1
        if len(pages) < num_frames:
            pages, used = [*pages, page], [*used, True]
            continue
        while used[hand]:
            used[hand] = False
            hand = (hand + 1) % num_frames
        pages[hand], used[hand] = page, True
        hand = (hand + 1) % num_frames
    return faults


def _stands_twice(references, num_frames):
    order, faults = [], 0
    for page in references:
        faults += page not in order
        if page not in order and len(order) >= num_frames:
            order.pop(0)
        order.append(page)
    return faults


def _hit_to_the_front(references, num_frames):
    order, faults = [], 0
    for page in references:
        if page in order:
            order.remove(page)
            order.insert(0, page)
            continue
        faults += 1
        order = [*(order[1:] if len(order) == num_frames else order), page]
    return faults


def _least_frequent_here(references, num_frames):
    uses, faults = {}, 0
    for page in references:
        faults += page not in uses
        if page not in uses and len(uses) == num_frames:
            del uses[min(uses, key=uses.get)]
        uses[page] = uses.get(page, 0) + 1
    return faults


def _hits_evict(references, num_frames):
    """A page goes wherever all frames are full, also at a hit; then it is another than the one used."""
    recent, faults = [], 0
    for page in references:
        if len(recent) == num_frames and recent[0] != page:
            recent.pop(0)
        faults += page not in recent
        recent = [*(other for other in recent if other != page), page]
    return faults


def _one_frame_fewer(references, num_frames):
    recent, faults = [], 0
    for page in references:
        if page in recent:
            recent.remove(page)
        else:
            faults += 1
        recent.append(page)
        if len(recent) >= num_frames:
            recent.pop(0)
    return faults


def _one_place(references, num_frames):
    order, faults = [], 0
    for page in references:
        if page in order:
            at = order.index(page)
            order[at : at + 2] = order[at : at + 2][::-1]
            continue
        faults += 1
        order = [*(order[1:] if len(order) == num_frames else order), page]
    return faults


def _all_of_them_go(references, num_frames):
    resident, faults = set(), 0
    for page in references:
        if page not in resident:
            faults += 1
            resident = {page} if len(resident) == num_frames else resident | {page}
    return faults


def _filled_first(references, num_frames):
    recent, rest = list(references[:num_frames]), references[num_frames:]
    faults = len(recent)
    for page in rest:
        faults += page not in recent
        recent.remove(page if page in recent else recent[0])
        recent.append(page)
    return faults


def _draw_lru(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    return tuple(
        Case(
            f"{length} references to {pages} pages, {frames} frames, drawn from seed {seed}",
            ([generator.randrange(pages) for _ in range(length)], frames),
        )
        for length, pages, frames in ((15, 5, 3), (30, 8, 4))
    )


LRU = Exercise(
    key="2.2-4",
    title="Least recently used",
    difficulty=2,
    minutes=15,
    statement=(
        "Count the page faults of a sequence of references when the page that goes is the one whose last use "
        "is longest ago. All frames are empty at first; a page that comes into an empty frame is a fault too."
    ),
    takeaway="A hit costs nothing and still matters: it moves the page to the safe end.",
    reference=lru_faults,
    explanation="One list in the order of last use is enough: what is used goes to its end, what goes is at "
    "its head.",
    hints=(
        "Which page would go next? Keep the resident pages in an order that answers this at once.",
        "What must happen to that order when a page is used that is already in memory?",
        "At a fault two things may happen: a page leaves, and a page comes. When does none have to leave?",
    ),
    cases=(
        Case("Belady's string with 3 frames", ([1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5], 3)),
        Case("Belady's string with 4 frames", ([1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5], 4)),
        Case("a hit that saves a page", ([1, 2, 1, 3, 1, 2], 2)),
        Case("one frame", ([1, 1, 2, 2, 1], 1)),
        Case("more frames than pages", ([3, 1, 2, 3, 1, 2], 5)),
        Case("a page used often, long ago", ([1, 1, 1, 1, 2, 3, 4, 1, 2, 3], 3)),
        Case("no reference", ([], 2)),
        Case("a page that comes back late", ([2, 1, 3, 4, 3, 1, 5, 1, 4, 5], 3)),
        Case("a loop of 4 over 3 frames", ([0, 1, 2, 3] * 4, 3)),
        Case("a page used again after another came", ([1, 2, 3, 4, 2, 5, 2], 3)),
        Case("eleven references to five pages", ([4, 1, 5, 3, 1, 2, 1, 4, 4, 2, 1], 3)),
        Case("ten references, two frames", ([3, 3, 4, 3, 4, 1, 4, 4, 1, 3], 2)),
    ),
    draw=_draw_lru,
    mistakes=(
        Mistake(
            "pages counted",
            "Your counts are those of the different pages, as if none of them ever had to go. A page that "
            "had to go and comes back is a fault again.",
            (lambda r, n: len(set(r)),),
        ),
        Mistake(
            "first in, first out",
            "You count the faults of first in, first out: a hit leaves your order as it is. What should a "
            "use of a page that is already there change?",
            (lambda r, n: count_faults(r, n, first_in),),
        ),
        Mistake(
            "the clock",
            "You count the faults of the clock, or second chance. One bit tells that a page was used, not "
            "when: it comes close to the order of last uses, and that order itself is asked for.",
            (_second_chance,),
        ),
        Mistake(
            "a window of references",
            "It comes out as if the last references were kept, one for each frame, the same page perhaps "
            "more than once. Each frame holds another page.",
            (lambda r, n: sum(page not in r[max(0, at - n) : at] for at, page in enumerate(r)),),
        ),
        Mistake(
            "twice in the order",
            "It comes out as if a page that is used again stood in the order twice, at its old place as "
            "well. Take it out there before it goes to the safe end.",
            (_stands_twice,),
        ),
        Mistake(
            "a hit at the wrong end",
            "It comes out as if a hit brought its page to the end from which pages go. It should be safe "
            "there for longest.",
            (_hit_to_the_front,),
        ),
        Mistake(
            "a hit takes a page too",
            "It comes out as if a page had to go whenever all frames are full, also where the page that is "
            "used is there already. A hit needs no frame: ask first whether the page is there.",
            (_hits_evict,),
        ),
        Mistake(
            "most recently used goes",
            "You let the page go that was used last, and keep the one that nobody has touched for longest. "
            "Which end of your order is the safe one?",
            (lambda r, n: count_faults(r, n, most_recent),),
        ),
        Mistake(
            "last in goes",
            "The page that came in last goes, whatever was used since. Which page has gone unused for "
            "longest?",
            (lambda r, n: count_faults(r, n, last_in),),
        ),
        Mistake(
            "least often used goes",
            "You count uses instead of looking at the last one: a page that was used often, long ago, stays. "
            "That policy is called LFU.",
            (lambda r, n: count_faults(r, n, least_frequent), _least_frequent_here),
        ),
        Mistake(
            "empty frames not counted",
            "You count only faults for which a page had to leave. The first pages come into empty frames, "
            "and they must be fetched as well.",
            (lambda r, n: count_faults(r, n, least_recent, cold=False),),
        ),
        Mistake(
            "hits counted",
            "You count the references that find their page, which are the hits. The others are asked for.",
            (lambda r, n: len(r) - lru_faults(r, n),),
        ),
        Mistake(
            "one frame too many",
            "Your counts are those of one frame more than there are, as if room were made only after the "
            "memory has overflowed. How many pages are in memory just after a fault?",
            (_one_frame_more,),
        ),
        Mistake(
            "the future looked at",
            "You let the page go whose next use is farthest away. That is the optimum, and it needs to know "
            "the future; here only the past may decide.",
            (lambda r, n: count_faults(r, n, farthest),),
        ),
        Mistake(
            "one frame too few",
            "Your counts are those of one frame fewer than there are, as if a page had to go while a frame "
            "is still empty. How many pages are in memory when all frames are full?",
            (_one_frame_fewer,),
        ),
        Mistake(
            "a hit moves it one place",
            "It comes out as if a hit moved its page one place towards the safe end. It was used last of "
            "all: it goes behind all others.",
            (_one_place,),
        ),
        Mistake(
            "faults into empty frames alone",
            "You count only faults for which no page has to leave. Those for which one leaves are faults as "
            "well.",
            (lambda r, n: lru_faults(r, n) - count_faults(r, n, least_recent, cold=False),),
        ),
        Mistake(
            "all of them go",
            "It comes out as if all pages left when one has to. One frame is needed: one page goes.",
            (_all_of_them_go,),
        ),
        Mistake(
            "the first references all counted",
            "It comes out as if the first references, one for each frame, were all faults. Among them a "
            "page may come twice, and there may be fewer references than frames.",
            (_filled_first,),
        ),
    ),
)

EXERCISES = (LRU,)
