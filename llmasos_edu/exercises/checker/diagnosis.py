"""What is wrong with an answer that is no known mistake: in words, from all cases or on the smallest one."""

from dataclasses import dataclass, replace

import torch

from llmasos_edu.exercises.checker import input_changes
from llmasos_edu.exercises.checker.arrangements import only_some
from llmasos_edu.exercises.checker.common import what_right_cases_share
from llmasos_edu.exercises.checker.comparing import (
    NO_GRADIENT,
    as_numbers,
    kind,
    parts_agree,
    split_parts,
    to_tensor,
)
from llmasos_edu.exercises.checker.differences import first_difference, is_longer, other_form, other_length
from llmasos_edu.exercises.checker.exercise import Exercise
from llmasos_edu.exercises.checker.pairs import Pair
from llmasos_edu.exercises.checker.running import Outcome
from llmasos_edu.exercises.checker.terms import axes_of_parts, is_are, said_of, sizes_of
from llmasos_edu.exercises.checker.transformations import explain

CUT_OFF = (
    "The {} is right, so look at what its gradient flows through: is something cut off (`detach`, "
    "`item`, `no_grad`, a tensor made of numbers), or does a step have the same value and another slope?"
)


@dataclass(frozen=True)
class Compared:
    """All cases, part by part: {case: [(what came, what should have come), ...]}, and which agree."""

    exercise: Exercise
    rows: dict[int, list[tuple[object, object]]]
    right: dict[int, list[bool]]

    @property
    def good(self) -> list[int]:
        """The numbers of the parts that are right in all cases."""
        return [n for n in range(self.count) if all(row[n] for row in self.right.values())]

    @property
    def count(self) -> int:
        return len(next(iter(self.rows.values())))

    def names(self, numbers: list[int]) -> str:
        names = [self.exercise.parts[n] for n in numbers]
        return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

    def noun(self, number: int) -> str:
        return f"the {self.exercise.parts[number]}" if self.exercise.parts else "your result"

    def praise(self) -> str:
        """Which parts are right, where there are several."""
        if not self.good:
            return ""
        named = self.names(self.good)
        return f"The {is_are(named) if len(self.good) == 1 else f'{named} are'} right. "

    def others(self, number: int) -> str:
        """Which parts beside this one are wrong; gradients follow from what they are taken of."""
        bad = [n for n in range(self.count) if n not in self.good and n != number]
        bad = [n for n in bad if not self.exercise.parts[n].startswith("gradient")]
        named = self.names(bad) if bad else ""
        return f" Not right either: the {named}." if bad else ""

    def pairs(self, number: int) -> list[Pair]:
        """One part of all cases, where both sides are numbers."""
        axes, pairs = axes_of_parts(self.exercise)[number], []
        for i, row in self.rows.items():
            actual, wanted = (to_tensor(value) for value in row[number])
            if actual is not None and wanted is not None:
                whole = not wanted.is_floating_point() or self.exercise.atol == 0.5
                sizes = sizes_of(self.exercise, self.exercise.cases[i])
                numbers = as_numbers(actual), as_numbers(wanted)
                pairs.append(Pair(*numbers, sizes, axes, self.right[i][number], whole))
        return pairs


def _compared(exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome]) -> Compared:
    """Those cases in which both sides gave a value with the same number of parts."""
    rows = {}
    for i, (mine, theirs) in enumerate(zip(outcomes, expected, strict=True)):
        parts = split_parts(mine.value, theirs.value)
        if mine.error is None and theirs.error is None and parts is not None:
            rows[i] = list(zip(parts, split_parts(theirs.value, theirs.value), strict=True))
    agree = {i: [parts_agree(a, b, exercise.rtol, exercise.atol) for a, b in row] for i, row in rows.items()}
    return Compared(exercise, rows, agree)


def explain_all(exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome]) -> str | None:
    """One thing that explains what came in every case, in words; None where there is no such thing.

    Args:
        exercise: what was asked.
        outcomes, expected: what came and what should have come, one for each case.
    """
    compared = compared_cases(exercise, outcomes, expected)
    if compared is None:
        return None
    if not exercise.parts and all(_packed(exercise, *row[0]) for row in compared.rows.values()):
        return "Your result is right, but packed in a tuple of one. Is there a comma too many?"
    bad = [n for n in range(compared.count) if n not in compared.good]
    swapped = _exchanged(compared, bad)
    if swapped:
        both = compared.names(list(swapped))
        return f"{compared.praise()}Exchanged: the {both} stand in each other's place."
    for number in bad:
        pairs, noun = compared.pairs(number), compared.noun(number)
        if len(pairs) == len(compared.rows):
            first = next(i for i, row in compared.right.items() if not row[number])
            words = _of_its_kind(compared.rows[first][number][0], pairs, noun) or explain(pairs, noun)
            failing = [i for i, row in compared.right.items() if not row[number]]
            if words and len(failing) == 1 and len(exercise.cases) > 1:
                wrong_cases = [i for i, row in compared.right.items() if not all(row)]
                if len(wrong_cases) > 1:
                    continue  # another part is wrong where this one is right: that is shown
                return f"{compared.praise()}For {exercise.cases[failing[0]].name}, {words}"
            if words:
                return compared.praise() + words[0].upper() + words[1:] + compared.others(number)
    return None


def _is_nan(pair: Pair) -> bool:
    """Whether there is NaN where none should be."""
    return bool(pair.got.isnan().any()) and not pair.want.isnan().any()


def _packed(exercise: Exercise, got: object, want: object) -> bool:
    """Whether the right value came as the only entry of a tuple."""
    single = isinstance(got, tuple) and len(got) == 1
    return single and parts_agree(got[0], want, exercise.rtol, exercise.atol)


def explain_by_inputs(exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome]) -> str | None:
    """A change of the inputs that explains what came in every case, in words; None where there is none.

    Args:
        exercise: what was asked.
        outcomes, expected: what came and what should have come, one for each case.
    """
    silent = [i for i, got in enumerate(outcomes) if got.error is None and got.value is None]
    kept = [i for i in range(len(outcomes)) if i not in silent]
    if len(kept) < 3:
        return None
    part = replace(exercise, cases=tuple(exercise.cases[i] for i in kept))
    outcomes, expected = [outcomes[i] for i in kept], [expected[i] for i in kept]
    compared = compared_cases(part, outcomes, expected)
    if compared is None:
        return None
    wrong = [p for n in range(compared.count) for p in compared.pairs(n) if not p.right]
    if sum(int(p.got.isfinite().sum()) for p in wrong) < 3:
        return None  # too little to tell one change from another
    change = input_changes.explain(part, outcomes, expected, list(compared.rows))
    if change is None:
        return None
    nothing = f" For {exercise.cases[silent[0]].name} it gives nothing back." if silent else ""
    return f"Your results are what the solution gives {change}{'' if change[-1] == '?' else '.'}{nothing}"


def compared_cases(exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome]) -> Compared | None:
    """All cases but those that are rightly refused; None if in one of them there is nothing to compare."""
    if exercise.codes:
        return None  # 22 is not 22 times 1 where both are names
    compared = _compared(exercise, outcomes, expected)
    errors = zip(outcomes, expected, strict=True)
    refused = sum(got.error is not None and want.error is not None for got, want in errors)
    if len(compared.rows) + refused < len(exercise.cases):
        return None
    if any(got is None or got is NO_GRADIENT for row in compared.rows.values() for got, _ in row):
        return None  # a gradient that does not flow explains itself
    if any(_is_nan(pair) for number in range(compared.count) for pair in compared.pairs(number)):
        return None  # so does NaN, which is equal to whatever is NaN
    return compared


def describe(exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome], shown: int) -> str:
    """What differs in one case that is wrong and has no error, and what can be said of the others.

    Args:
        exercise: what was asked.
        outcomes, expected: what came and what should have come, one for each case.
        shown: the number of the case that is shown.
    """
    case, got, want = exercise.cases[shown], outcomes[shown].value, expected[shown].value
    start = f"For {case.name}, "
    if expected[shown].error is not None:
        return f"{start}{_not_refused(got, expected[shown].error)}"
    if got is None or got is ...:
        return f"{start}your function gave back nothing. Does every branch of it end in a `return`?"
    if split_parts(got, want) is None:
        return f"{start}{_other_number_of_parts(exercise, got, want)}"
    compared = _compared(exercise, outcomes, expected)
    wrong = [n for n, right in enumerate(compared.right[shown]) if not right]
    number = next((n for n in wrong if any(map(_is_nan, compared.pairs(n)))), wrong[0])
    cases = zip(outcomes, expected, strict=True)
    # Where an error came in place of a value, all is wrong; where it is the right answer, all is right.
    stopped = {i: want.error is not None for i, (got, want) in enumerate(cases) if got.error is not None}
    praise = compared.praise()
    if not all(stopped.values()):
        praise = praise.replace(" right. ", " right where your code runs. ")
    return praise + _one_part(compared, number, shown, stopped)


def _not_refused(got: object, error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(got, BaseException):
        return f"your function returned {kind(got)} (`raise {type(got).__name__}(...)`)."
    return f"your function should refuse its inputs with a {name}, but it returned {kind(got)}."


def _other_number_of_parts(exercise: Exercise, got: object, want: tuple) -> str:
    asked = f"{len(want)} results are asked for: {', '.join(exercise.parts)}"
    if isinstance(got, (tuple, list)) and len(got) == 1 and split_parts(got[0], want) is not None:
        return f"your results are packed twice: a tuple in {kind(got)}. {asked[0].upper()}{asked[1:]}."
    return f"your function returned {kind(got)}, but {asked}."


def _exchanged(compared: Compared, bad: list[int]) -> tuple[int, int] | None:
    """Two parts of which each is right in the other's place, in all cases."""
    tolerance = compared.exercise.rtol, compared.exercise.atol
    for place, i in enumerate(bad):
        for j in bad[place + 1 :]:
            rows = compared.rows.values()
            crossed = [(row[i][0], row[j][1]) for row in rows] + [(row[j][0], row[i][1]) for row in rows]
            if all(parts_agree(a, b, *tolerance) for a, b in crossed):
                return i, j
    return None


def _one_part(compared: Compared, number: int, shown: int, stopped: dict[int, bool]) -> str:
    exercise, noun = compared.exercise, compared.noun(number)
    got, want = compared.rows[shown][number]
    actual, wanted = to_tensor(got), to_tensor(want)
    start = f"For {exercise.cases[shown].name}, {noun}"
    if got is NO_GRADIENT or (got is None and "gradient" in noun):
        return (
            f"{start} is missing: no gradient flows from your output back to the inputs. Does something cut "
            "the graph (`detach`, `item`, numpy, a tensor built from plain numbers), or does the output not "
            "come from them at all?"
        )
    if wanted is None:
        asked = "None" if want is None else kind(want)
        return f"{is_are(start)} {kind(got)}, but {asked} is asked for."
    if actual is None:
        form = "a list" if isinstance(want, list) else "a tensor"
        size = len(want) if form == "a list" and wanted.dim() == 1 else f"shape {list(wanted.shape)}"
        asked = f"{form} of {size}" if wanted.dim() else "a number"
        holds = isinstance(got, (list, tuple)) and any(item is None for item in got)
        came = "None" if got is None else kind(got)
        return f"{is_are(start)} {came}{', None among them' if holds else ''}, but {asked} is asked for."
    pairs = compared.pairs(number)
    words = _of_its_kind(got, pairs, noun)
    if words:
        return words[0].upper() + words[1:]
    if is_longer(want, actual, wanted):
        said = other_length(actual, wanted, noun)
    elif other_form(got, want, actual, wanted):
        said = f"{is_are(noun)} {other_form(got, want, actual, wanted)}."
    else:
        said = first_difference(actual, wanted, noun, axes_of_parts(exercise)[number], exercise)
    first = exercise.parts[0] if exercise.parts else ""
    alone = number and noun.startswith("the gradient") and 0 in compared.good and "nearly right" not in said
    cut_off = CUT_OFF.format(first) if alone and not first.startswith(("number of", "shape of")) else None
    failing = [pair for pair in pairs if not pair.right]
    where = only_some(pairs, failing) or (_one_way(failing) if wanted.dtype == torch.bool else None)
    if where and not all(stopped.values()):
        where = where.replace("every case that fails", "every case that comes out wrong without an error")
    right = stopped | {i: row[number] for i, row in compared.right.items()}
    split = (
        None
        if where or len(right) < len(exercise.cases)
        else what_right_cases_share(exercise, right, _zeros(compared, number))
    )
    number = isinstance(want, bool) and actual.dtype != torch.bool
    truth = "True or False is asked for, and a number came." if number else None
    return " ".join(filter(None, (f"For {exercise.cases[shown].name}, {said}", truth, where, split, cut_off)))


def _of_its_kind(got: object, pairs: list[Pair], noun: str) -> str | None:
    """What the type of the numbers did to them, in all cases."""
    dtype = str(getattr(got, "dtype", "")).removeprefix("torch.")
    failing = [pair for pair in pairs if not pair.right and pair.got.shape == pair.want.shape]
    if not failing:
        return None
    if dtype.startswith("int") and all(torch.equal(p.got, p.want.trunc()) for p in failing):
        return said_of(noun, f"was cut to whole numbers ({dtype}). Keep the fractions.")
    near = all((p.got - p.want).abs().max() < 0.01 * p.want.abs().max() for p in failing)
    if dtype in ("float16", "bfloat16") and near:
        return said_of(noun, f"is nearly right, but {dtype} keeps too few digits. Stay in float32.")
    return None


def _one_way(failing: list[Pair]) -> str | None:
    """Whether truth values are wrong in one direction only."""
    if len(failing) < 2 or any(p.got.shape != p.want.shape for p in failing):
        return None
    if all((p.got <= p.want).all() for p in failing):
        return "Here it errs one way only, False where True is right: which condition asks for too much?"
    if all((p.got >= p.want).all() for p in failing):
        return (
            "Here it errs one way only, True where False is right: which condition is missing, or too weak?"
        )
    return None


def _zeros(compared: Compared, number: int) -> set[int]:
    """Cases in which nothing but zeros are asked for: many wrong answers give them too."""
    wanted = {i: to_tensor(row[number][1]) for i, row in compared.rows.items()}
    return {i for i, tensor in wanted.items() if tensor is not None and not tensor.any()}
