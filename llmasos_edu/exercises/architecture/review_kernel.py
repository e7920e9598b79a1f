"""Exercise of section 2.3.2 whose answer is a test: it is run on right kernels and on broken ones.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.architecture.broken import BAD_KERNELS, GOOD_KERNELS
from llmasos_edu.exercises.architecture.tiny_kernel import alone
from llmasos_edu.exercises.checker.exercise import Exercise, Mistake
from llmasos_edu.exercises.checker.reviewing import Reviewed

REVIEWED = Reviewed("kernels", GOOD_KERNELS, BAD_KERNELS)

# 2.3-11 -------------------------------------------------------------------------------


def review_kernel(make):
    """make(slots, memory) -> a new kernel for prompts [tokens]; an assert fails on a bug."""
    kernel = make(2, 30)
    wanted = [
        ([1, 2], 12, {"pay"}),
        ([3], 9, {"read"}),
        ([4, 4, 4], 12, set()),
        ([5], 12, {"pay"}),
        ([6, 1], 8, set()),
    ]
    family = [kernel.spawn(*each) for each in wanted]
    assert kernel.spawn([1] * 20, 20).state == "refused"
    killed, turns = family[3], []
    for step in range(200):
        if step == 5:
            kernel.kill(killed)
            assert killed.held == 0
        more = kernel.step()
        assert len(kernel.ran) <= 2
        assert kernel.free >= 0
        if step == 4:
            turns = [process.turns for process in family]
        if not more:
            break
    assert max(turns) - min(turns) <= 1  # everybody has had a turn before anybody has a second more
    for process, (prompt, max_new, rights) in zip(family, wanted, strict=True):
        right = alone(prompt, max_new, rights)
        assert process.output == (right[: len(process.output)] if process is killed else right)
        assert process.state == ("killed" if process is killed else "done")
        assert kernel.paid.count(process.pid) == process.output.count(8)
    assert kernel.free == 30


def _watch(make, *, texts=True, memory=True, rows=True, turns=True, rights=True, refused=True, kill=True):
    """A review that leaves some of its questions out; True if it is content."""
    kernel = make(2, 30)
    wanted = [
        ([1, 2], 12, {"pay"}),
        ([3], 9, {"read"}),
        ([4, 4, 4], 12, set()),
        ([5], 12, {"pay"}),
        ([6, 1], 8, set()),
    ]
    if not rights:
        wanted = [(prompt, new, {"pay"}) for prompt, new, _ in wanted]
    family = [kernel.spawn(*each) for each in wanted]
    good = not refused or kernel.spawn([1] * 20, 20).state == "refused"
    for step in range(200):
        if step == 5 and kill:
            kernel.kill(family[3])
            good &= not memory or family[3].held == 0
        more = kernel.step()
        good &= not rows or len(kernel.ran) <= 2
        good &= not memory or kernel.free >= 0
        if step == 4 and turns:
            had = [process.turns for process in family]
            good &= max(had) - min(had) <= 1
        if not more:
            break
    for process, (prompt, max_new, its_rights) in zip(family, wanted, strict=True):
        right = alone(prompt, max_new, its_rights)
        cut = kill and process is family[3]
        if texts:
            good &= process.output == (right[: len(process.output)] if cut else right)
            good &= kernel.paid.count(process.pid) == process.output.count(8)
    return bool(good and (not memory or kernel.free == 30))


KERNEL = Exercise(
    key="2.3-11",
    title="Tests that catch a broken kernel",
    difficulty=3,
    minutes=30,
    statement=(
        "Write review_kernel(make): make(slots, memory) gives a new kernel like `TinyKernel` in "
        "llmasos_edu/exercises/architecture/tiny_kernel.py (read it: spawn, kill, step, ran, free, paid, and "
        "`alone`, which says what a text must be). One of your asserts must fail if it has a bug, or your "
        f"function returns False. It is run on {len(GOOD_KERNELS)} right kernels and on {len(BAD_KERNELS)} "
        f"with "
        "one bug each. Who is evicted, and in which order newcomers begin, is left to a kernel."
    ),
    takeaway="A kernel may be wrong in its texts, its counts, its turns or its rights: you look at all four.",
    reference=review_kernel,
    explanation="One workload with too little memory, a kill and rights of all kinds; everything is asked "
    "of it.",
    hints=(
        "Begin with the text: `process.output == alone(prompt, max_new, rights)`. In which workload would a "
        "wrong kernel get it wrong? One in which memory is short.",
        "Then what can be seen after every step: how many ran, whether memory is left, whether anybody has "
        "had "
        "two turns more than another. And at the end: is all memory free?",
        "Kill one in the middle: the others' texts stay, its memory is free at once, its own text is a "
        "beginning of the right one. Rights: a process with another right than `pay` is the test.",
    ),
    cases=REVIEWED.cases,
    mistakes=(
        Mistake(
            "every kernel passes",
            "All kernels pass, the broken ones too: no failed assert came out, and nothing returned False. "
            "Compare each output with `alone`, and mind an `except` that swallows asserts, or your own "
            "call's error: then nothing was tried at all.",
            (lambda make: True,),
        ),
        Mistake(
            "no kernel passes",
            "Your review sends all kernels back, the right ones too. Does it ask who is evicted, or in which "
            "step somebody runs (that is left to the kernel), compare the prompt as well, or return True for "
            "a bug and False where all is well?",
            (lambda make: False,),
        ),
        Mistake(
            "the other way round",
            "You find every bug and say it the wrong way round: True (or no failing assert) means that the "
            "kernel is right.",
            (lambda make: not _watch(make),),
        ),
        Mistake(
            "only the texts",
            "Your review finds what is found by comparing the texts, which is the most important test. But "
            "a kernel can write them all and leak memory, run too many at once, or let one wait for ever.",
            (lambda make: _watch(make, memory=False, rows=False, turns=False, refused=False),),
        ),
        Mistake(
            "only the bookkeeping",
            "Your review finds what is found by watching memory and turns alone. A kernel that writes "
            "nonsense in perfect order passes it.",
            (lambda make: _watch(make, texts=False),),
        ),
        Mistake(
            "turns not watched",
            "A kernel that always lets the lowest number run first passes. It may write every text to its "
            "end: look in the middle, how many turns has each had?",
            (lambda make: _watch(make, turns=False),),
        ),
        Mistake(
            "everybody may pay",
            "Kernels that do not ask for the right `pay` pass, as they would if all processes held it. Who "
            "should be refused, and who has a right, but another one?",
            (lambda make: _watch(make, rights=False),),
        ),
        Mistake(
            "nobody is killed",
            "Kernels that go wrong after a kill pass, as they would if nobody were killed. Whose memory "
            "must come back then, and who else must not fall?",
            (lambda make: _watch(make, kill=False),),
        ),
        Mistake(
            "nobody is too large",
            "A text that can never fit is let in by one kernel, and waits for ever. What should its state be "
            "the moment it is spawned?",
            (lambda make: _watch(make, refused=False),),
        ),
    ),
    observe=REVIEWED.accepts,
    explain=REVIEWED.explain,
)


EXERCISES = (KERNEL,)
