"""Exercises of section 2.2.1: which page must go.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import itertools
import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake
from llmasos_edu.exercises.checker.question import Question


def _faults(references, num_frames, victim, *, cold=True):
    """Faults when `victim(resident, past, future)` goes; without the cold ones, those into an empty frame."""
    resident, faults = [], 0
    for now, page in enumerate(references):
        if page in resident:
            continue
        full = len(resident) == num_frames
        if full:
            resident.remove(victim(resident, references[:now], references[now:]))
        resident.append(page)
        faults += full or cold
    return faults


def _first_in(resident, past, future):
    return resident[0]


def _last_in(resident, past, future):
    return resident[-1]


def _least_recent(resident, past, future):
    return min(resident, key=lambda page: len(past) - past[::-1].index(page))


def _most_recent(resident, past, future):
    return max(resident, key=lambda page: len(past) - past[::-1].index(page))


def _least_frequent(resident, past, future):
    return min(resident, key=lambda page: (past.count(page), len(past) - past[::-1].index(page)))


def _farthest(resident, past, future):
    return max(resident, key=lambda page: future.index(page) if page in future else len(future))


def _never_is_now(resident, past, future):
    return max(resident, key=lambda page: future.index(page) if page in future else -1)


def _soonest(resident, past, future):
    return min(resident, key=lambda page: future.index(page) if page in future else len(future))


# 2.2-3 --------------------------------------------------------------------------------


def _counts(references, *, cold=True, **rules):
    rules = {"fifo": _first_in, "lru": _least_recent, "optimal": _farthest} | rules
    return {name: _faults(references, 3, rule, cold=cold) for name, rule in rules.items()}


def _half_way(references):
    """After how many references which pages are in the frames, and how many faults there have been."""
    said, half = {}, len(references) // 2 + 1
    for name, rule in {"fifo": _first_in, "lru": _least_recent, "optimal": _farthest}.items():
        resident, faults = [], 0
        for now, page in enumerate(references[:half]):
            if page not in resident:
                faults += 1
                if len(resident) == 3:
                    resident.remove(rule(resident, references[:now], references[now:]))
                resident.append(page)
        said[name] = f"after {half} references there are {faults} faults"
        if name != "optimal":  # of two pages that never come again either may have gone
            said[name] += f", and the frames hold {', '.join(map(str, sorted(resident)))}"
    return said


def _draw_references(seed: int) -> dict:
    """Twelve references to five pages on which the three policies, and the usual slips, differ."""
    generator = random.Random(seed)
    while True:
        references = [generator.randrange(1, 6) for _ in range(12)]
        right = _counts(references)
        slips = [
            _counts(references, lru=_most_recent)["lru"],
            _counts(references, lru=_least_frequent)["lru"],
        ]
        repeats = all(a != b for a, b in itertools.pairwise(references))
        apart = len({*right.values(), *slips, _counts(references, optimal=_soonest)["optimal"]}) == 6
        if repeats and apart and len(set(references)) == 5:
            return {"references": references}


FAULTS = Question(
    key="2.2-3",
    title="Count the faults",
    difficulty=2,
    minutes=15,
    statement=(
        "A program uses the pages {references}, in this order. There are 3 frames, all empty at first. How "
        "many page faults are there when the page that goes is the one that came first (fifo), the one whose "
        "last use is longest ago (lru), the one whose next use is farthest away (optimal)?"
    ),
    takeaway="On the very same references the three differ, and nobody can be better than the last one.",
    explanation="Write the three frames as three lines, a column for each reference, and mark the columns in "
    "which a page comes in.",
    hints=(
        "Draw three lines for the frames and a column for each reference. A fault is a column in which a "
        "page comes in, and that includes the first ones, into empty frames.",
        "For fifo a hit changes nothing, neither the frames nor the order in which they will be emptied.",
        "For lru look left along the references to find whose last use lies farthest back, for optimal look "
        "right to find whose next use lies farthest ahead; a page that never comes again is farthest.",
    ),
    asked={
        "fifo": "how many references do not find their page, when the one goes that came first, used or not",
        "lru": "how many references do not find their page, when the one goes that was not used for longest",
        "optimal": "how many references do not find their page, when the one goes that is wanted last",
    },
    on_the_way=_half_way,
    answer=_counts,
    mistakes=(
        Mistake(
            "empty frames not counted",
            "Each of your counts is three too low: the first three pages come into empty frames. Nobody "
            "has to leave for them, but they had to be fetched all the same.",
            (lambda references: _counts(references, cold=False),),
        ),
        Mistake(
            "hits counted",
            "Your numbers are the references that found their page. A fault is one that did not; together "
            "they make up all references.",
            (lambda references: {name: 12 - count for name, count in _counts(references).items()},),
        ),
        Mistake(
            "fifo and lru exchanged",
            "Your first two numbers are right, but for each other's policy. Which of the two cares when a "
            "page was used, and which only when it came?",
            (
                lambda references: {
                    "fifo": _counts(references)["lru"],
                    "lru": _counts(references)["fifo"],
                },
            ),
        ),
        Mistake(
            "hits leave the order of lru",
            "For lru your count is that of fifo. A hit makes a page young again under lru: it goes behind "
            "all others in the order in which they leave.",
            (lambda references: {"lru": _counts(references)["fifo"]},),
        ),
        Mistake(
            "most recent for least recent",
            "For lru your count is the one that comes when the page goes that was used last. Least recently "
            "used is the page whose last use lies farthest back.",
            (lambda references: {"lru": _counts(references, lru=_most_recent)["lru"]},),
        ),
        Mistake(
            "least often for least recent",
            "For lru your count is the one that comes when the page goes that was used least often, which "
            "is another policy, called LFU. Here the time of the last use decides.",
            (lambda references: {"lru": _counts(references, lru=_least_frequent)["lru"]},),
        ),
        Mistake(
            "kept though never wanted again",
            "For optimal your count is the one that comes when a page that never comes again is kept as if "
            "it were needed next. It is farthest of all: it goes before any page that is still wanted.",
            (lambda references: {"optimal": _counts(references, optimal=_never_is_now)["optimal"]},),
        ),
        Mistake(
            "soonest for farthest",
            "For optimal your count is the one that comes when the page goes that is needed next. The page "
            "that can best be spared is the one that comes last.",
            (lambda references: {"optimal": _counts(references, optimal=_soonest)["optimal"]},),
        ),
    ),
    draw=_draw_references,
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
            (lambda r, n: _faults(r, n, _first_in),),
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
            (lambda r, n: _faults(r, n, _most_recent),),
        ),
        Mistake(
            "last in goes",
            "The page that came in last goes, whatever was used since. Which page has gone unused for "
            "longest?",
            (lambda r, n: _faults(r, n, _last_in),),
        ),
        Mistake(
            "least often used goes",
            "You count uses instead of looking at the last one: a page that was used often, long ago, stays. "
            "That policy is called LFU.",
            (lambda r, n: _faults(r, n, _least_frequent), _least_frequent_here),
        ),
        Mistake(
            "empty frames not counted",
            "You count only faults for which a page had to leave. The first pages come into empty frames, "
            "and they must be fetched as well.",
            (lambda r, n: _faults(r, n, _least_recent, cold=False),),
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
            (lambda r, n: _faults(r, n, _farthest),),
        ),
    ),
)

EXERCISES = (FAULTS, LRU)
