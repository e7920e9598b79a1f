"""Exercise of section 2.2.1: the clock, which comes close to an order of last uses.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.2-5 --------------------------------------------------------------------------------


def clock_victim(used, hand):
    """used [frames] (True = used since the hand passed), hand -> victim, used [frames] after, hand after."""
    used = list(used)
    while used[hand]:
        used[hand] = False
        hand = (hand + 1) % len(used)
    return hand, used, (hand + 1) % len(used)


def _sweep(used, hand, *, start=None, clear=True, whole=False, step=1, past=1):
    used = list(used)
    hand = hand if start is None else start
    for _ in range(2 * len(used)):
        if not used[hand]:
            break
        used[hand] = not clear
        hand = (hand + step) % len(used)
    if whole:
        used = [False] * len(used)
    return hand, used, (hand + past) % len(used)


def _newcomer_used(used, hand):
    victim, bits, after = _sweep(used, hand)
    return victim, [bit or frame == victim for frame, bit in enumerate(bits)], after


def _one_step(used, hand):
    bits = [bit and frame != hand for frame, bit in enumerate(used)]
    victim = (hand + used[hand]) % len(used)
    return victim, bits, (victim + 1) % len(used)


def _first_clear(used, hand):
    bits = [False] * len(used) if all(used) else list(used)
    victim = bits.index(False)
    return victim, bits, (victim + 1) % len(used)


def _draw_clock(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    size = generator.randrange(4, 8)
    used = [generator.random() < 0.6 for _ in range(size)]
    return (Case(f"{size} frames drawn from seed {seed}", (used, generator.randrange(size))),)


CLOCK = Exercise(
    key="2.2-5",
    title="The clock",
    difficulty=2,
    minutes=15,
    statement=(
        "The frames stand in a circle, and a hand points to one of them. To find the page that must go, "
        "look at the frame under the hand: if its bit is set, clear the bit and move the hand on; if not, "
        "this is the victim. Return the victim's frame, all bits after the sweep, and where the hand "
        "stands after it: one beyond the victim. The list that you are given must stay as it was."
    ),
    takeaway="One bit a page, set by the machine at every use, comes close to an order of last uses.",
    reference=clock_victim,
    explanation="A page is spared once: its bit is cleared, and when the hand comes round again it goes.",
    hints=(
        "What happens under the hand depends on one bit. Write the loop for a single step first.",
        "Behind the last frame comes frame 0. Which operation makes a circle out of a row of numbers?",
        "If all bits are set, the hand goes once round and clears them. Does your loop end then, and where?",
    ),
    cases=(
        Case("the frame under the hand is free to go", ([False, True, True], 0)),
        Case("two set bits before a clear one", ([True, True, False, True], 0)),
        Case("the hand passes the end", ([False, True, True, True], 2)),
        Case("all bits set", ([True, True, True], 1)),
        Case("all of four set", ([True, True, True, True], 2)),
        Case("no bit set", ([False, False, False, False], 3)),
        Case("a clear bit behind the hand and one before it", ([True, False, True, False], 2)),
        Case("one frame, in use", ([True], 0)),
    ),
    draw=_draw_clock,
    parts=("victim", "bits", "hand"),
    mistakes=(
        Mistake(
            "bits left as they are",
            "In what you return the bits that the hand has passed are still set, so that a page that was "
            "used once would be spared for ever. What does it cost a page to be spared?",
            (lambda u, h: _sweep(u, h, clear=False),),
        ),
        Mistake(
            "begun behind the hand",
            "It comes out as if the sweep began at the frame behind the hand. The frame under it is the "
            "first that is looked at.",
            (lambda u, h: clock_victim(u, (h + 1) % len(u)),),
        ),
        Mistake(
            "one step from where it was",
            "Victim and bits are right, but your hand stands where it stood before the sweep, or one beyond "
            "that. Asked for is one beyond the victim.",
            (
                lambda u, h: (*clock_victim(u, h)[:2], h),
                lambda u, h: (*clock_victim(u, h)[:2], (h + 1) % len(u)),
            ),
        ),
        Mistake(
            "all set, none cleared",
            "Where all bits are set, not all of them are cleared in yours. The hand goes once round and "
            "clears each; only then does it find a victim.",
            (
                lambda u, h: (h, u, (h + 1) % len(u)) if all(u) else clock_victim(u, h),
                lambda u, h: (
                    (h, [bit and at != h for at, bit in enumerate(u)], (h + 1) % len(u))
                    if all(u)
                    else clock_victim(u, h)
                ),
            ),
        ),
        Mistake(
            "search from frame 0",
            "You begin at frame 0 each time. The hand remembers where the last sweep ended: who stands there "
            "has waited longest.",
            (lambda u, h: _sweep(u, h, start=0),),
        ),
        Mistake(
            "the hand stays on the victim",
            "The victim is right, but your hand still points to it: the page that comes in would be looked "
            "at first in the next sweep. Where should the hand wait?",
            (lambda u, h: _sweep(u, h, past=0),),
        ),
        Mistake(
            "all bits cleared",
            "You clear bits that the hand has not reached. Only a page that was passed loses its bit; the "
            "others have not been asked yet.",
            (lambda u, h: _sweep(u, h, whole=True),),
        ),
        Mistake(
            "the wrong way round",
            "Your hand moves backwards. Any direction would do for a clock, but here the next frame is the "
            "one with the next number.",
            (lambda u, h: _sweep(u, h, step=-1, past=-1), lambda u, h: _sweep(u, h, step=-1)),
        ),
        Mistake(
            "set and clear confused",
            "You let a page go whose bit is set, one that was just used, and spare those that nobody "
            "touched. What does a set bit say?",
            (
                lambda u, h: (
                    (v := next(((h + i) % len(u) for i in range(len(u)) if u[(h + i) % len(u)]), h)),
                    [bit and place != v for place, bit in enumerate(u)],
                    (v + 1) % len(u),
                ),
            ),
        ),
        Mistake(
            "the newcomer's bit set",
            "You set the victim's bit, as for the page that comes in. Asked for are the bits after "
            "the sweep, before anybody comes.",
            (_newcomer_used,),
        ),
        Mistake(
            "the end is not followed by the beginning",
            "Where the victim is the last frame, your hand points behind it: the frames stand in a circle, "
            "and behind the last one comes frame 0.",
            (lambda u, h: (*_sweep(u, h)[:2], _sweep(u, h)[0] + 1),),
        ),
        Mistake(
            "one step at most",
            "It comes out as if the hand moved on at most once before it finds a victim. It moves on as "
            "long as bits are set.",
            (_one_step,),
        ),
        Mistake(
            "all set, from frame 0",
            "Where all bits are set, your victim is frame 0. The hand goes once round and is back where it "
            "began.",
            (lambda u, h: (0, [False] * len(u), 1 % len(u)) if all(u) else clock_victim(u, h),),
        ),
        Mistake(
            "all set, the last one cleared",
            "Where all bits are set, your victim is the frame that the hand clears last. The hand moves on "
            "from it, to where it began.",
            (lambda u, h: ((h - 1) % len(u), [False] * len(u), h) if all(u) else clock_victim(u, h),),
        ),
        Mistake(
            "the first clear bit of all",
            "It comes out as if the first clear bit from frame 0 on were looked for, and no bit cleared on "
            "the way there. The hand begins where it stands, and clears each set bit that it passes.",
            (_first_clear,),
        ),
    ),
)

EXERCISES = (CLOCK,)
