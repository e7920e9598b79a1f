"""An exercise of section 2.2.1: memory in pieces, and the holes between them.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.2-7 --------------------------------------------------------------------------------


def give_back(holes, start, size):
    """holes [[start, size], ...] in order, none touching; a piece [start, start + size) -> holes after it."""
    merged = []
    for at, length in sorted([*map(list, holes), [start, size]]):
        if merged and sum(merged[-1]) == at:
            merged[-1][1] += length
        else:
            merged.append([at, length])
    return merged


def _joined(holes, start, size, *, before=True, after=True):
    """Join only with the hole before, or only with the one after."""
    left = [list(hole) for hole in holes]
    for hole in list(left):
        if before and sum(hole) == start:
            left.remove(hole)
            start, size = hole[0], hole[1] + size
        elif after and start + size == hole[0]:
            left.remove(hole)
            size += hole[1]
    return sorted([*left, [start, size]])


def _behind_keeps_its_size(holes, start, size):
    """Joined with the hole behind alone, it has that one's size."""
    joined, sizes = give_back(holes, start, size), dict(map(tuple, holes))
    return [[at, sizes.get(start + size, n) if at == start else n] for at, n in joined]


def _behind_keeps_its_start(holes, start, size):
    joined, starts = give_back(holes, start, size), [hole[0] for hole in holes]
    return [[start + size if at == start and start + size in starts else at, n] for at, n in joined]


def _later_start(holes, start, size):
    merged = []
    for at, length in sorted([*map(list, holes), [start, size]]):
        if merged and sum(merged[-1]) == at:
            merged[-1] = [at, merged[-1][1] + length]
        else:
            merged.append([at, length])
    return merged


def _joined_and_kept(holes, start, size):
    merged = []
    for at, length in sorted([*map(list, holes), [start, size]]):
        if merged and sum(merged[-1]) == at:
            merged[-1][1] += length
        merged.append([at, length])
    return merged


def _ends_as_sizes(holes, start, size):
    merged = []
    for at, length in sorted([*map(list, holes), [start, size]]):
        if merged and sum(merged[-1]) == at:
            merged[-1][1] = at + length
        else:
            merged.append([at, length])
    return merged


def _with_each(holes, start, size):
    left = []
    for at, length in holes:
        if at + length == start:
            left.append([at, length + size])
        else:
            left.append([start, size + length] if start + size == at else [at, length])
    touched = any(start in (at, at + n) or start + size == at for at, n in holes)
    return sorted(left if touched else [*left, [start, size]])


def _gap_of_one(holes, start, size):
    merged = []
    for at, length in sorted([*map(list, holes), [start, size]]):
        if merged and at - sum(merged[-1]) in (0, 1):
            merged[-1][1] = at + length - merged[-1][0]
        else:
            merged.append([at, length])
    return merged


def _gap_of_one_left_out(holes, start, size):
    merged = []
    for at, length in sorted([*map(list, holes), [start, size]]):
        if merged and at - sum(merged[-1]) in (0, 1):
            merged[-1][1] += length
        else:
            merged.append([at, length])
    return merged


def _as_it_is(holes, start, size, *, first=False, last=False):
    """A piece before the first hole, or behind the last one, is not joined."""
    if holes and ((first and start < holes[0][0]) or (last and start > holes[-1][0])):
        return sorted([*map(list, holes), [start, size]])
    return give_back(holes, start, size)


def _draw_holes(seed: int) -> tuple[Case, ...]:
    """Pieces side by side, about half of them holes; one in use is given back."""
    generator = random.Random(seed)
    holes, at, free = [], 0, generator.random() < 0.5
    used = []
    for _ in range(9):
        size = generator.randrange(2, 9)
        (holes if free else used).append([at, size])
        at, free = at + size, not free and generator.random() < 0.7
    start, size = generator.choice(used)
    return (Case(f"holes {holes}, given back {[start, size]}", (holes, start, size)),)


GIVE_BACK = Exercise(
    key="2.2-7",
    title="Give a piece back",
    difficulty=3,
    minutes=20,
    statement=(
        "A list of holes, each [start, size], in the order of their starts; no two of them touch. A piece "
        "that was in use is given back. Return the holes after it, in order, again without any two that "
        "touch. The list that you are given must stay as it was."
    ),
    takeaway=(
        "Without joining, a memory that is wholly free can still be a row of holes too small for anyone."
    ),
    reference=give_back,
    explanation=(
        "Put the piece among the holes in its place and join neighbours where one's end is the other's start."
    ),
    hints=(
        "A hole [3, 4] covers 3, 4, 5 and 6. Which piece touches it behind, and which before?",
        "There are four cases: the piece touches no hole, one before it, one behind it, or both. In the "
        "last, how many holes are there afterwards?",
        "Sort the piece in among the holes and go through them once: when does an entry belong to the one "
        "before it?",
    ),
    cases=(
        Case("nothing touches", ([[0, 4], [20, 5]], 10, 3)),
        Case("a hole before it", ([[0, 4], [20, 5]], 4, 6)),
        Case("a hole behind it", ([[0, 4], [20, 5]], 15, 5)),
        Case("holes on both sides", ([[0, 4], [20, 5]], 4, 16)),
        Case("no hole at all", ([], 7, 2)),
        Case("behind all holes", ([[0, 4], [20, 5]], 30, 2)),
        Case("before all holes", ([[8, 2], [20, 5]], 0, 3)),
        Case("one in use on either side of it", ([[0, 4], [20, 5]], 5, 14)),
        Case("both sides, among others", ([[0, 2], [5, 3], [12, 4], [30, 1]], 8, 4)),
        Case("right before the first hole", ([[8, 2], [20, 5]], 3, 5)),
        Case("right behind the last hole", ([[0, 4], [20, 5]], 25, 3)),
    ),
    draw=_draw_holes,
    mistakes=(
        Mistake(
            "added at an end without a look",
            "It comes out as if a piece before all holes, or one behind all, or both, were added as they "
            "are. There, too, a piece may touch a hole.",
            (
                lambda h, start, size: _as_it_is(h, start, size, first=True),
                lambda h, start, size: _as_it_is(h, start, size, last=True),
                lambda h, start, size: _as_it_is(h, start, size, first=True, last=True),
            ),
        ),
        Mistake(
            "nothing joined",
            "You only add the piece to the holes. Where it touches one, the two are one hole, large enough "
            "for requests that neither could serve.",
            (lambda h, start, size: sorted([*map(list, h), [start, size]]),),
        ),
        Mistake(
            "joined with one of two neighbours",
            "Where the piece touches a hole before it and another behind it, you join it with one of them "
            "and leave the other, though the two now touch. Of these three, how many holes should be left?",
            (
                lambda h, start, size: _joined(h, start, size, after=all(sum(hole) != start for hole in h)),
                lambda h, start, size: _joined(
                    h, start, size, before=all(hole[0] != start + size for hole in h)
                ),
            ),
        ),
        Mistake(
            "joined on one side only",
            "Where a hole touches the piece on one of its sides you join them, on the other side you do not. "
            "A piece has two ends: look at both.",
            (
                lambda h, start, size: _joined(h, start, size, after=False),
                lambda h, start, size: _joined(h, start, size, before=False),
            ),
        ),
        Mistake(
            "not in order",
            "The holes are right but not in the order of their starts: the piece stands at the end. Whoever "
            "searches for neighbours relies on the order.",
            (
                lambda h, start, size: (
                    [hole for hole in give_back(h, start, size) if not hole[0] <= start < sum(hole)]
                    + [hole for hole in give_back(h, start, size) if hole[0] <= start < sum(hole)]
                ),
            ),
        ),
        Mistake(
            "ends one too far",
            "You join holes with a gap of one between them: [0, 4] ends before 4, not at 4. Between the two "
            "lies something that is in use.",
            (_gap_of_one, _gap_of_one_left_out),
        ),
        Mistake(
            "sizes replaced, not added",
            "After joining, your hole has the size of one of its parts. Two holes that become one have the "
            "size of both together.",
            (
                lambda h, start, size: [
                    [at, size if at <= start < at + length else length]
                    for at, length in give_back(h, start, size)
                ],
                _behind_keeps_its_size,
            ),
        ),
        Mistake(
            "the start left behind",
            "Where the piece touches the hole behind it, your hole has grown but begins where it began. It "
            "begins with the piece.",
            (_behind_keeps_its_start,),
        ),
        Mistake(
            "everything joined",
            "You join all holes to one, across what is still in use between them. Only holes that touch "
            "belong together.",
            (
                lambda h, start, size: [
                    [min(x[0] for x in [*h, [start, size]]), sum(x[1] for x in [*h, [start, size]])]
                ],
            ),
        ),
        Mistake(
            "the piece lost",
            "The holes come back as they were: the piece that was given back is nowhere among them, and "
            "nobody can ever use it again (a leak).",
            (lambda h, start, size: [list(hole) for hole in h],),
        ),
        Mistake(
            "the neighbours lost",
            "A hole that touches the piece is gone, and the piece has not grown by it. Joined, the two are "
            "one hole of both sizes.",
            (
                lambda h, start, size: sorted(
                    [*(list(x) for x in h if sum(x) != start and x[0] != start + size), [start, size]]
                ),
            ),
        ),
        Mistake(
            "the later start",
            "A joined hole of yours has the start of its later part. It begins where the first of them "
            "began.",
            (_later_start,),
        ),
        Mistake(
            "joined and kept",
            "You join the piece with a hole, but what was joined stands in your list as well. Two that "
            "become one leave one.",
            (_joined_and_kept,),
        ),
        Mistake(
            "ends for sizes",
            "Your second numbers are where holes end (all of them, or those of joined ones). Asked is for "
            "start and size.",
            (
                lambda h, start, size: [[at, at + n] for at, n in give_back(h, start, size)],
                lambda h, start, size: [
                    [at, n if [at, n] in [*h, [start, size]] else at + n]
                    for at, n in give_back(h, start, size)
                ],
                _ends_as_sizes,
            ),
        ),
        Mistake(
            "joined twice over",
            "Where the piece touches a hole before it and another behind it, you join it with each by "
            "itself, so that two of your holes overlap. All three are one hole.",
            (_with_each,),
        ),
    ),
)


EXERCISES = (GIVE_BACK,)
