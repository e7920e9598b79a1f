"""Recognising a known mistake: on all cases, on most that show it, or wherever an answer does not stop."""

from dataclasses import replace

import torch

from llmasos_edu.exercises.checker.comparing import to_tensor
from llmasos_edu.exercises.checker.exercise import Exercise, Mistake
from llmasos_edu.exercises.checker.running import Outcome, same

# A mistake that does not fit everywhere is still named when it explains this share of the cases in which it
# differs from the reference, and at least so many of them (two where these are all).
PARTIAL_SHARE = 2 / 3
PLAIN_SHARE = 2 / 3  # of the cases that come out wrong, where no tensor is asked for
FEWEST = 3
# For each case in which the answer is right though the mistake would show, it must explain so many.
FEW_SPARED = 5
# A slip has many forms, and not all are known: that one differs is a fact, that it is another slip is none.
OTHERWISE = "yours gives something else than the form of this slip that I know."


def recognise(
    exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome], mistaken: dict, *, whole: bool
) -> Mistake | None:
    """The known mistake that behaves like the answer: on all cases (`whole`), or on most that show it."""
    best, best_score = None, 0.0
    single = all(isinstance(want.value, int) for want in expected)
    whole_numbers = all(_is_whole(want.value) for want in expected)
    right = [same(exercise, got, want) for got, want in zip(outcomes, expected, strict=True)]
    # A few plain numbers agree by chance where tables of them do not.
    least = 0 if any(has_tensor(want.value) for want in expected) else PLAIN_SHARE * right.count(False)
    for mistake in exercise.mistakes:
        for number in range(len(mistake.implementations)):
            theirs = mistaken[mistake.name, number]
            if whole:
                if all(same(exercise, got, it) for got, it in zip(outcomes, theirs, strict=True)):
                    return mistake
                continue
            fits = [same(exercise, got, it) for got, it in zip(outcomes, theirs, strict=True)]
            shows = [not same(exercise, it, want) for it, want in zip(theirs, expected, strict=True)]
            # Two slips that both leave nothing agree for no better reason.
            telling = [not _is_nothing(got.value) for got in outcomes]
            explained = sum(
                fit and show and tells for fit, show, tells in zip(fits, shows, telling, strict=True)
            )
            share = explained / max(1, sum(shows))
            # Where the mistake would do no harm and the answer is wrong, something else is the matter.
            beyond = sum(not fit and not show for fit, show in zip(fits, shows, strict=True))
            # Where it would do harm and the answer is right, it was not made.
            spared = sum(show and good for show, good in zip(shows, right, strict=True))
            # One number nearly everywhere is what many slips come to.
            came = [got for got, fit, show in zip(outcomes, fits, shows, strict=True) if fit and show]
            rarely = 2 * sum(right) < len(right)
            alike = single and beyond and rarely and all(same(exercise, got, came[0]) for got in came)
            # Two slips often come to the same whole numbers: there the mistake must explain all that it would
            # show, or, of several numbers, all that is wrong.
            wanted = 1.0 if single or (whole_numbers and beyond) else PARTIAL_SHARE
            fewest = 2 if share == 1 else FEWEST
            enough = explained >= max(fewest, 2 * beyond, least) and share >= wanted and not alike
            enough = enough and explained >= FEW_SPARED * spared
            if enough and explained + share > best_score:
                best, best_score = mistake, explained + share
    return best


def has_tensor(value: object) -> bool:
    """Whether a result, or a part of it, is a tensor."""
    return any(isinstance(part, torch.Tensor) for part in (value if isinstance(value, tuple) else (value,)))


def _is_nothing(value: object) -> bool:
    """Whether a result is empty, or has nothing but NaN or infinities where it has fractions."""
    if isinstance(value, (list, tuple)) and not value:
        return True
    tensors = [to_tensor(part) for part in (value if isinstance(value, tuple) else (value,))]
    fractions = [x for x in tensors if x is not None and x.is_floating_point()]
    return bool(fractions) and not any(bool(x.isfinite().any()) for x in fractions)


def _is_whole(value: object) -> bool:
    """Whether a result is a whole number or a truth, or a list or tuple of nothing else."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_whole, value))
    return isinstance(value, int)


def recognise_where_it_runs(
    exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome], mistaken: dict
) -> Mistake | None:
    """The known mistake that behaves like the answer wherever it does not stop with an error.

    None where it stops in a third of the cases or more: the few others are much alike for many slips.
    """
    kept = [i for i, (got, want) in enumerate(zip(outcomes, expected, strict=True)) if got.error is None
            or want.error is not None]  # fmt: skip
    if 3 * len(kept) <= 2 * len(outcomes):
        return None
    return recognise(
        replace(exercise, cases=tuple(exercise.cases[i] for i in kept)),
        [outcomes[i] for i in kept],
        [expected[i] for i in kept],
        {key: [theirs[i] for i in kept] for key, theirs in mistaken.items()},
        whole=True,
    )


def are_single_truths(expected: list[Outcome]) -> bool:
    """Whether one True or False is asked for: any two wrong answers agree wherever both are wrong."""
    return all(isinstance(want.value, bool) for want in expected)


def for_the_most_part(
    exercise: Exercise, known: Mistake, outcomes: list[Outcome], expected: list[Outcome], mistaken: dict
) -> tuple[str, int | None]:
    """The words on a mistake that explains most cases, and a wrong case that it does not explain, if any."""
    fits = max(
        ([same(exercise, got, it) for got, it in zip(outcomes, mistaken[known.name, n], strict=True)]
         for n in range(len(known.implementations))),
        key=sum,
    )  # fmt: skip
    wrong = [not same(exercise, got, want) for got, want in zip(outcomes, expected, strict=True)]
    explained = sum(fit and bad for fit, bad in zip(fits, wrong, strict=True))
    odd = next((i for i, fit in enumerate(fits) if wrong[i] and not fit and not outcomes[i].error), None)
    unlike = fits.index(False) if odd is None else odd
    apart = OTHERWISE if wrong[unlike] else "yours is right, and the form of this slip that I know is not."
    return (
        f"In {explained} of the {sum(wrong)} cases that come out wrong your answer is that of a usual slip: "
        f"{known.message} For {exercise.cases[unlike].name}, {apart}"
    ), odd
