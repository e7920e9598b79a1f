"""Judging an answer by what it does: run it, compare it with the reference, then with the known mistakes."""

import contextlib
import inspect
import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch

from llmasos_edu.exercises.checker.beyond import Evidence, differs_from, failing_seed, more_evidence
from llmasos_edu.exercises.checker.blanks import blank, is_empty
from llmasos_edu.exercises.checker.calls import explain_by_calls
from llmasos_edu.exercises.checker.combining import explain_change_on_top, explain_parts
from llmasos_edu.exercises.checker.comparing import kind, split_parts, to_tensor
from llmasos_edu.exercises.checker.decomposing import explain_by_terms
from llmasos_edu.exercises.checker.diagnosis import describe, explain_all, explain_by_inputs
from llmasos_edu.exercises.checker.examples import digits_of, example, is_one_number, size_of
from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, Verdict
from llmasos_edu.exercises.checker.influence import explain_by_influence
from llmasos_edu.exercises.checker.raising import last_line, raised
from llmasos_edu.exercises.checker.recognising import (
    FEW_SPARED,
    OTHERWISE,
    PARTIAL_SHARE,
    are_single_truths,
    for_the_most_part,
    has_tensor,
    recognise,
    recognise_where_it_runs,
)
from llmasos_edu.exercises.checker.running import (
    Outcome,
    raised_on_purpose,
    reader_place,
    repeats,
    run,
    same,
)
from llmasos_edu.exercises.checker.transformations import VAGUE

# What is said beside a slip that explains all cases and not the further ones.
BEYOND = f" (On some further inputs {OTHERWISE})"
# An answer that took longer than this on all cases is not run again to find a smaller case.
QUICK = 1.0
IN_PLACE = (
    "an operation that ends in an underscore, `+=` or another of its kind, an assignment into a slice, or a "
    "list's own append, pop or sort"
)


@dataclass(frozen=True)
class Known:
    """What is known before an answer comes: the outcomes of the reference and of every known mistake."""

    expected: list[Outcome]
    mistaken: dict[tuple[str, int], list[Outcome]]


def known_outcomes(exercise: Exercise) -> Known:
    """Run the reference and the mistakes, {(name, number of the implementation): outcomes}, on all cases."""
    expected = [run(exercise, exercise.reference, case) for case in exercise.cases]
    mistaken = {
        (mistake.name, number): [run(exercise, implementation, case) for case in exercise.cases]
        for mistake in exercise.mistakes
        for number, implementation in enumerate(mistake.implementations)
    }
    return Known(expected, mistaken)


def examine(
    exercise: Exercise,
    load: Callable,
    running: Callable[[str], None] = lambda name: None,
    known: Known | None = None,
    compared: Callable[[int, int], None] = lambda right, all_cases: None,
) -> Verdict:
    """Judge an answer on all cases of an exercise.

    Args:
        exercise: what was asked.
        load: returns the reader's answer. Called after the right and the known wrong results are computed,
            so that nothing the reader's code does to torch can change them.
        running: told the name of each case before the answer runs on it.
        known: `known_outcomes(exercise)` where they are at hand, so that they are not computed again.
        compared: told in how many of all cases the answer is right, before words for the rest are looked for.

    Returns:
        the verdict; never raises for what the answer does (but an answer may end the process).
    """
    known = known or known_outcomes(exercise)
    expected, mistaken = known.expected, known.mistaken
    answer = load()
    refusal = _refuse_at_the_door(exercise, answer)
    if refusal is not None:
        return refusal
    outcomes, began, started = [], time.process_time(), time.monotonic()
    for case in exercise.cases:
        running(case.name)
        outcomes.append(run(exercise, answer, case))
    # On a busy machine the clock on the wall says little, and of an answer that waits the processor's.
    quick = time.process_time() - began < QUICK and time.monotonic() - started < 8 * QUICK
    if all(_is_blank(outcome) for outcome in outcomes):
        return _blank_or_no_return(exercise, answer, outcomes)
    right = [same(exercise, got, want) for got, want in zip(outcomes, expected, strict=True)]
    compared(sum(right), len(right))
    if all(right):
        seed = failing_seed(exercise, answer) if quick else None
        if seed is not None:
            return examine(exercise.with_seed(seed), lambda: answer, running, compared=compared)
        return _right_values(exercise, answer, outcomes, expected[0].value)
    mistake = recognise(exercise, outcomes, expected, mistaken, whole=True)
    if mistake is not None:
        message = mistake.message + _what_passes(exercise, outcomes, expected)
        fitting = [
            implementation
            for number, implementation in enumerate(mistake.implementations)
            if all(map(partial(same, exercise), outcomes, mistaken[mistake.name, number]))
        ]
        if quick and differs_from(exercise, answer, fitting):
            message += BEYOND
        return Verdict("known mistake", message, mistake.name)
    try:
        return _unrecognised(exercise, answer, outcomes, expected, mistaken, right, quick)
    except Exception:
        # Looking for words must never cost the verdict.
        return Verdict(
            "wrong", f"{_right_cases(exercise, right)}It is wrong {_first_wrong(exercise, right)}."
        )


def _what_passes(exercise: Exercise, outcomes: list[Outcome], expected: list[Outcome]) -> str:
    """Of a reader's tests: which bugs they let pass, or which error they caught, as one more sentence."""
    if exercise.explain is None or any(outcome.error for outcome in outcomes):
        return ""
    values, wanted = ([outcome.value for outcome in each] for each in (outcomes, expected))
    said = exercise.explain(exercise.cases, values, wanted)
    return f" {said}" if " pass it: " in said or " `except` of yours " in said else ""


def _first_wrong(exercise: Exercise, right: list[bool]) -> str:
    wrong = [i for i, good in enumerate(right) if not good]
    return f"for {exercise.cases[min(wrong, key=lambda i: size_of(exercise.cases[i]))].name}"


def _unrecognised(
    exercise: Exercise,
    answer: Callable,
    outcomes: list[Outcome],
    expected: list[Outcome],
    mistaken: dict,
    right: list[bool],
    quick: bool,
) -> Verdict:
    """The verdict on a wrong answer that behaves like no known mistake in all cases."""
    failing = [i for i, good in enumerate(right) if not good]
    failing.sort(
        key=lambda i: (
            _hardly_shows(outcomes[i], expected[i]),
            size_of(exercise.cases[i]),
            digits_of(exercise.cases[i]),
        )
    )
    raising = [i for i in failing if outcomes[i].error is not None]
    wrong = next((i for i in failing if i not in raising), None)
    if wrong is None or len(raising) > len(failing) / 2:
        first = min(raising)
        verdict = raised(exercise.cases[first], outcomes[first].error, sum(right), len(right))
        if wrong is not None:
            good = any(ok and got.error is None for ok, got in zip(right, outcomes, strict=True))
            where = "another case it runs, and" if good else "the cases here in which it runs it"
            more = f" In {where} is not right{'' if good else ' either'}: see {exercise.cases[wrong].name}."
            verdict = replace(verdict, message=verdict.message + more)
        return _with_example(exercise, answer, outcomes, first, verdict, quick)
    if not _quietly_repeats(exercise, answer, exercise.cases[wrong], outcomes[wrong]):
        return _not_repeatable(exercise.cases[wrong])
    besides = _besides(exercise, outcomes, raising)
    place = reader_place(outcomes[raising[0]].error) if raising else None
    if raising:
        known = recognise_where_it_runs(exercise, outcomes, expected, mistaken)
        if known is not None:
            return Verdict("known mistake", known.message + besides, known.name, place)
    if exercise.explain is not None and not raising:
        values, wanted = ([outcome.value for outcome in each] for each in (outcomes, expected))
        return Verdict("wrong", exercise.explain(exercise.cases, values, wanted))
    more = more_evidence(exercise, answer, outcomes, expected) if quick and not raising else None

    def confirmed(explain: Callable) -> str | None:
        """What explains all cases, if it still does so with further ones."""
        said = explain(exercise, outcomes, expected)
        if said is None or more is None:
            return said
        again = explain(more.exercise, more.outcomes, more.expected)
        return said if again and _gist(exercise, again) == _gist(exercise, said) else None

    overall = confirmed(explain_by_inputs) if len(failing) == 1 else None
    overall = overall or explain_parts(exercise, outcomes, expected, mistaken)
    overall = overall or confirmed(explain_all)
    if overall and any(vague in overall for vague in VAGUE):
        better = confirmed(explain_by_inputs)
        overall = better or explain_change_on_top(exercise, outcomes, expected, mistaken) or overall
    # Who writes into an input goes on with another one: what that looks like is not what was meant.
    written = any(outcome.changed for outcome in outcomes)
    partly = not overall and not written and not are_single_truths(expected)
    if partly:
        overall = confirmed(explain_by_terms)
        overall = overall or explain_change_on_top(exercise, outcomes, expected, mistaken)
        partly = not overall
    known = recognise(exercise, outcomes, expected, mistaken, whole=False) if partly else None
    if known is not None and more is not None and not _still_known(exercise, known, more):
        known = None
    if known is not None:
        # What explains every case comes before what explains most of them.
        overall = confirmed(explain_by_inputs)
    if known is not None and not overall:
        hint, odd = for_the_most_part(exercise, known, outcomes, expected, mistaken)
        shown = wrong if odd is None else odd
        said = describe(exercise, outcomes, expected, shown)
        # A table hardly agrees by chance: the slip comes first. Plain numbers do: first what can be seen.
        order = (hint, said) if has_tensor(expected[shown].value) else (said, hint)
        verdict = Verdict("known mistake", f"{' '.join(order)}{besides}", known.name, place)
        return _with_example(exercise, answer, outcomes, shown, verdict, quick)
    overall = overall or confirmed(explain_by_terms) or confirmed(explain_by_inputs)
    start = _right_cases(exercise, right)
    text = overall or describe(exercise, outcomes, expected, wrong)
    if not overall and quick:
        text += _influence(exercise, answer, outcomes, expected, [i for i in failing if i not in raising])
    verdict = Verdict("wrong", f"{start}{text}{besides}", place=place)
    return _with_example(exercise, answer, outcomes, wrong, verdict, quick)


def _gist(exercise: Exercise, text: str) -> str:
    """What a sentence says, whatever it says it of: one case or all, and with which numbers."""
    for case in exercise.cases:
        text = text.replace(f"For {case.name}, ", "")
    for reach in ("here and in every other case that fails", "throughout", "in one case", "in every case"):
        text = text.replace(reach, "")
    return re.sub(r"[\d.,]|\[.*?\]", "", text).lower()


def _still_known(exercise: Exercise, known: Mistake, more: Evidence) -> bool:
    """Whether a mistake that explains most cases explains further ones too, where it would show there."""
    start = len(exercise.cases)
    rows = list(zip(more.exercise.cases, more.outcomes, more.expected, strict=True))[start:]
    for implementation in known.implementations:
        fits, spared = [], 0
        for case, got, want in rows:
            theirs = run(exercise, implementation, case)
            if not same(exercise, theirs, want):
                fits.append(same(exercise, got, theirs))
                spared += same(exercise, got, want)
        if sum(fits) >= FEW_SPARED * spared and sum(fits) >= PARTIAL_SHARE * len(fits):
            return True
    return False


def _hardly_shows(got: Outcome, want: Outcome) -> bool:
    """Whether a fraction is right to a few per cent, so that another case shows better what is wrong."""
    if got.error is not None or want.error is not None or not is_one_number(want.value):
        return False
    parts = split_parts(got.value, want.value)
    came, should = (to_tensor(parts[0]) if parts else None), to_tensor(split_parts(want.value, want.value)[0])
    if came is None or came.shape != should.shape:
        return False
    return bool((came - should).abs() < 0.03 * should.abs())


def _with_example(
    exercise: Exercise, answer: Callable, outcomes: list[Outcome], number: int, verdict: Verdict, quick: bool
) -> Verdict:
    with contextlib.redirect_stdout(io.StringIO()):
        shown = example(exercise, answer, number, outcomes[number], cut=quick)
    return replace(verdict, example=shown)


def _right_cases(exercise: Exercise, right: list[bool]) -> str:
    """How many cases are right, and which where there are few: what they share often tells what is wrong."""
    names = [case.name for case, good in zip(exercise.cases, right, strict=True) if good]
    if not names:
        return ""
    named = f" ({'; '.join(names)})" if len(names) <= min(2, len(right) / 2) else ""
    return f"Right in {len(names)} of {len(right)} cases{named}. "


def _influence(
    exercise: Exercise, answer: Callable, outcomes: list[Outcome], expected: list[Outcome], failing: list[int]
) -> str:
    """What the answer does not look at or looks at too much, as one more sentence."""
    comparable = [i for i in failing if expected[i].error is None and outcomes[i].value is not None]
    if comparable[:1] != failing[:1]:
        return ""  # of the case that is named there is nothing to be said
    with contextlib.redirect_stdout(io.StringIO()):
        said = explain_by_calls(exercise, answer, exercise.cases[comparable[0]])
        said = said or explain_by_influence(exercise, answer, outcomes, expected, comparable)
    return f" {said}" if said else ""


def _besides(exercise: Exercise, outcomes: list[Outcome], raising: list[int]) -> str:
    """What else there is to say: an error in other cases, inputs that were written into."""
    said = ""
    if raising:
        error = outcomes[raising[0]].error
        said += f" Besides, for {exercise.cases[raising[0]].name} it stops with {last_line(error)}."
    written = next((outcome.changed for outcome in outcomes if outcome.changed), ())
    if written:
        said += f" Besides, it writes into {_named(written)} ({IN_PLACE}), which may be the reason."
    return said


def _of_lists(case: Case, exercise: Exercise, names: tuple[str, ...]) -> str:
    """What a copy of a list does not do, as one more sentence where an input is a list of lists."""
    places = zip(inspect.signature(exercise.reference).parameters, case.inputs, strict=False)
    nested = [v for name, v in places if name in names and isinstance(v, list)]
    if not any(isinstance(item, list) for value in nested for item in value):
        return ""
    return " A copy of a list of lists (`list(x)`, `x[:]`) holds the same inner lists: copy these as well."


def _named(names: tuple[str, ...]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _refuse_at_the_door(exercise: Exercise, answer: object) -> Verdict | None:
    name, wanted = exercise.reference.__name__, inspect.signature(exercise.reference)
    if not callable(answer):
        text = (
            f"I was given {kind(answer)}, but I need the function itself, so that I can call it on inputs of "
            f'my own: check("{exercise.key}", {name}), without brackets after the name.'
        )
        return Verdict("wrong", text)
    try:
        inspect.signature(answer).bind(*exercise.cases[0].inputs)
    except TypeError:
        text = (
            f"Your function takes {inspect.signature(answer)}, but the exercise calls it with "
            f"{len(wanted.parameters)} arguments in this order: {', '.join(wanted.parameters)}."
        )
        return Verdict("wrong", text)
    except ValueError:
        return None  # a builtin without a readable signature: let the call itself tell
    return None


def _is_blank(outcome: Outcome) -> bool:
    if outcome.error is not None:
        return isinstance(outcome.error, NotImplementedError) and raised_on_purpose(outcome.error)
    return outcome.value is None or outcome.value is ...


def _blank_or_no_return(exercise: Exercise, answer: Callable, outcomes: list[Outcome]) -> Verdict:
    worked = all(outcome.error is None and outcome.value is None for outcome in outcomes)
    if not worked or is_empty(answer):
        return blank(exercise.key)
    text = (
        "Your function ran to its end but gave nothing back (None) in every case. "
        "Does its last line hand over the result with `return`?"
    )
    return Verdict("wrong", text)


def _right_values(exercise: Exercise, answer: Callable, outcomes: list[Outcome], wanted: object) -> Verdict:
    changed = next((i for i, outcome in enumerate(outcomes) if outcome.changed), None)
    if changed is not None:
        named = _named(outcomes[changed].changed)
        text = (
            f"The numbers are right, but for {exercise.cases[changed].name} your input {named} is different "
            "after the call: something writes into it in place. "
            f"Whoever called the function still needs it, so look for {IN_PLACE}."
            f"{_of_lists(exercise.cases[changed], exercise, outcomes[changed].changed)}"
        )
        return Verdict("wrong", text, "changes its input")
    if not _quietly_repeats(exercise, answer, exercise.cases[0], outcomes[0]):
        return _not_repeatable(exercise.cases[0])
    first = outcomes[0].value
    note = ""
    if isinstance(wanted, torch.Tensor) and not isinstance(first, torch.Tensor):
        note = f" (You returned {kind(first)} instead of a tensor; I compared its numbers.)"
    return Verdict("correct", f"correct in all {len(outcomes)} cases. {exercise.takeaway}{note}")


def _quietly_repeats(exercise: Exercise, answer: Callable, case: Case, first: Outcome) -> bool:
    with contextlib.redirect_stdout(io.StringIO()):  # what it prints has been shown once
        return repeats(exercise, answer, case, first)


def _not_repeatable(case: Case) -> Verdict:
    text = (
        f"For {case.name}, another call with the same inputs gives another result. "
        "Does your function draw random numbers, read memory that nothing has filled (`torch.empty`), or "
        "remember something from one call to the next?"
    )
    return Verdict("wrong", text, "not repeatable")
