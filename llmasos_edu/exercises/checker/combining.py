"""Two slips at once: one known mistake in each part of a result, or a known one with a change on top of it.

Neither slip alone gives what came. Together they must give it in every case, or nothing is said.
"""

from collections.abc import Iterator

from llmasos_edu.exercises.checker.comparing import parts_agree, split_parts
from llmasos_edu.exercises.checker.diagnosis import Compared, compared_cases
from llmasos_edu.exercises.checker.exercise import Exercise, Mistake
from llmasos_edu.exercises.checker.pairs import Pair, wrong_numbers
from llmasos_edu.exercises.checker.running import Outcome, same
from llmasos_edu.exercises.checker.transformations import explain_numbers

FEWEST_CASES, FEWEST_NUMBERS = 3, 4  # with fewer a factor may be one by chance
ALONE = "what that slip alone would give"
TWO = "It comes out as of two slips at once."


def explain_parts(
    exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome], mistaken: dict
) -> str | None:
    """The words of two known mistakes that are wrong in different parts, each just so; None where not.

    Args:
        exercise: what was asked.
        outcomes, expected: what came and what should have come, one for each case.
        mistaken: what the known mistakes give, {(name, number of the implementation): outcomes}.
    """
    if any(outcome.error is not None for outcome in [*outcomes, *expected]):
        return None
    rows = [split_parts(got.value, want.value) for got, want in zip(outcomes, expected, strict=True)]
    if not exercise.parts or None in rows:
        return None
    wanted = [split_parts(want.value, want.value) for want in expected]

    def differing(mine: list[tuple], theirs: list[tuple]) -> dict[int, int]:
        """The numbers of the parts that differ, with the number of cases in which they do."""
        counts = {}
        for a, b in zip(mine, theirs, strict=True):
            for n, pair in enumerate(zip(a, b, strict=True)):
                if not parts_agree(*pair, exercise.rtol, exercise.atol):
                    counts[n] = counts.get(n, 0) + 1
        return counts

    bad, left, said = differing(rows, wanted), set(), []
    left = set(bad)
    for mistake, theirs in _known(exercise, mistaken):
        made = [split_parts(it.value, want.value) for it, want in zip(theirs, expected, strict=True)]
        if None in made:
            continue
        shown, unlike = differing(made, wanted), differing(rows, made)
        mine = set(shown) & left
        whole = mine == set(shown) and mine and not mine & set(unlike) and min(shown.values()) > 1
        if whole and mistake.message not in said:  # of one slip's two forms neither is what was done
            said.append(mistake.message)
            left -= mine
    return f"{TWO} {' '.join(said)}" if len(said) == 2 and not left else None


def explain_change_on_top(
    exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome], mistaken: dict
) -> str | None:
    """The words of a known mistake whose result is multiplied, or put through a function, in every case.

    Args:
        exercise: what was asked.
        outcomes, expected: what came and what should have come, one for each case.
        mistaken: what the known mistakes give, {(name, number of the implementation): outcomes}.
    """
    if any(outcome.error is not None for outcome in [*outcomes, *expected]):
        return None
    beside = compared_cases(exercise, outcomes, expected)
    if beside and all(map(_nearly_right, (p for n in range(beside.count) for p in beside.pairs(n)))):
        return None  # a slip, and another that all but mends it: a number is rounded somewhere
    for mistake, theirs in _known(exercise, mistaken):
        shows = sum(not same(exercise, it, want) for it, want in zip(theirs, expected, strict=True))
        if shows < FEWEST_CASES or not _only_where_it_is_wrong(exercise, outcomes, expected, theirs):
            continue
        compared = compared_cases(exercise, outcomes, theirs)
        words = compared and _words(compared)
        if words:
            return f"{TWO} {mistake.message} Besides, {words}"
    return None


def _known(exercise: Exercise, mistaken: dict) -> Iterator[tuple[Mistake, list[Outcome]]]:
    """Every implementation of a known mistake that stops in no case, with what it gives."""
    for mistake in exercise.mistakes:
        for number in range(len(mistake.implementations)):
            theirs = mistaken[mistake.name, number]
            if all(outcome.error is None for outcome in theirs):
                yield mistake, theirs


def _only_where_it_is_wrong(
    exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome], theirs: list[Outcome]
) -> bool:
    """Whether a mistake shows in no case and no part that the answer has right: a second slip mends none."""
    for got, want, it in zip(outcomes, expected, theirs, strict=True):
        parts = [split_parts(outcome.value, want.value) for outcome in (got, want, it)]
        if None in parts:
            return False
        for mine, right, slip in zip(*parts, strict=True):
            is_right = parts_agree(mine, right, exercise.rtol, exercise.atol)
            if is_right and not parts_agree(slip, right, exercise.rtol, exercise.atol):
                return False
    return True


def _nearly_right(pair: Pair) -> bool:
    """Whether each number is right to one in a hundred."""
    alike = pair.got.shape == pair.want.shape
    return alike and bool(((pair.got - pair.want).abs() <= 0.01 * pair.want.abs()).all())


def _words(compared: Compared) -> str | None:
    said = []
    for number in range(compared.count):
        if number in compared.good:
            continue
        pairs = compared.pairs(number)
        if len(pairs) < len(compared.rows) or not _tell(pairs):
            return None
        said.append(explain_numbers(pairs, compared.noun(number)))
    if not said or None in said:
        return None
    return (
        said[0]
        .replace("what it should be", ALONE)
        .replace("what they should be", ALONE)
        .replace("here and in every other case that fails", "in every case")
    )


def _tell(pairs: list[Pair]) -> bool:
    """Whether there are enough fractions that differ from one another to tell one change from another."""
    failing = [pair for pair in pairs if not pair.right]
    fractions = not any(pair.whole for pair in pairs)
    several = len({round(float(pair.want.abs().sum()), 6) for pair in failing}) >= FEWEST_CASES
    return fractions and several and wrong_numbers(failing) >= FEWEST_NUMBERS
