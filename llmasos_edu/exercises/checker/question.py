"""Questions whose answer is a value, not a function: numbers, choices, or several of them together."""

import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from llmasos_edu.exercises.checker.comparing import kind
from llmasos_edu.exercises.checker.exercise import Mistake, Verdict
from llmasos_edu.exercises.checker.number_words import is_number, number_difference, numbers_of

UNANSWERED = (None, ...)
LOOSE = 5e-4  # how far a number may be off a usual wrong one, as a share of it
SMALL = 100  # a whole number below this is met by chance


@dataclass(frozen=True)
class Holds:
    """A usual wrong answer to a question for a set: whatever else is chosen, this is among it."""

    item: object


@dataclass(frozen=True)
class Lacks:
    """A usual wrong answer to a question for a set: whatever else is chosen, this is missing."""

    item: object


@dataclass(frozen=True)
class Amiss:
    """A usual wrong answer to a question for a set: this is chosen and should not be, or is missing."""

    item: object


@dataclass(frozen=True)
class Question:
    """An exercise that is answered with numbers, choices or both; its data, if any, are drawn from a seed.

    Args:
        key, title, difficulty, minutes, statement, takeaway, explanation, hints: as in `Exercise`. In the
            statement {name} stands for what `draw` gives under this name.
        answer: the right answer, or a function that computes it from what was drawn (as keyword arguments). A
            number, a choice (text, True or False), a set of choices (the order is free), a list or tuple of
            these (the order counts), or a dict of these with one entry for each part.
        mistakes: the usual wrong answers. Their implementations are values, or functions of what was drawn.
            A dict that holds some of the parts alone stands for every answer that is wrong in just this way
            in these parts; of a set, Holds(item) and Lacks(item) stand for every one that does or does not,
            Amiss(item) for every one that is wrong in this item.
        options: what there is to choose from: a tuple, or a dict of tuples by the name of the part.
        draw: seed -> {name: value}, the data of the question, the same on every machine.
        asked: {part: what its number is, said once more as a way to it}, said where a number is wrong in a
            way that is none of the usual ones.
        on_the_way: what was drawn -> {part: what has to stand there half-way}, said where a number is wrong,
            so that a reader can find the place where it goes wrong.
        rtol, atol: how far a number may be off; whole numbers must be exact unless atol is given.
    """

    key: str
    title: str
    difficulty: int
    minutes: int
    statement: str
    takeaway: str
    explanation: str
    hints: tuple[str, ...]
    answer: object
    mistakes: tuple[Mistake, ...]
    options: tuple | Mapping[str, tuple] = ()
    draw: Callable[[int], dict] | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    on_the_way: Callable[..., dict] | None = None
    rtol: float = 1e-2
    atol: float = 0.0

    def given(self, seed: int | None = None) -> dict:
        """The data of the question for a seed (0 unless given), empty where it has none."""
        return {} if self.draw is None else self.draw(0 if seed is None else seed)

    def right(self, seed: int | None = None) -> object:
        """The right answer to what the seed draws."""
        return self.value_of(self.answer, seed)

    def value_of(self, answer: object, seed: int | None) -> object:
        """A value as it is; of a function what it makes of the data."""
        return answer(**self.given(seed)) if callable(answer) else answer

    @property
    def starter(self) -> str:
        """The code that stands in the notebook before the reader has answered anything."""
        right = self.right()
        if not isinstance(right, Mapping):
            return f'check("{self.key}", ...)'
        parts = "".join(f'    "{name}": ...,\n' for name in right)
        return f'check("{self.key}", {{\n{parts}}})'


def judge_question(question: Question, answer: object, seed: int | None = None) -> Verdict:
    """Judge an answer that is a value.

    Args:
        question: what was asked.
        answer: a number, a choice, or several in the form that was asked for.
        seed: what the question's data were drawn from.

    Returns:
        the verdict; nothing is raised, whatever the answer is.
    """
    right, answer = question.right(seed), _plain(answer)
    if _is_blank(answer):
        return Verdict("blank", f'not answered yet. hint("{question.key}") gives a first push.')
    if callable(answer):
        return Verdict("wrong", "I was given a function, but this question asks for the answer itself.")
    refusal = _wrong_form(question, answer, right)
    if refusal:
        return Verdict("wrong", refusal)
    if _same(question, answer, right):
        return Verdict("correct", f"correct. {question.takeaway}")
    found = _known(question, answer, right, seed)
    if found:
        mistake, value = found
        message = _with_the_rest(question, answer, mistake, value, right, seed)
        message += _if_by_chance(question, answer, value, right, seed)
        return Verdict("known mistake", message, mistake.name)
    return Verdict("wrong", _what_differs(question, answer, right, question.given(seed)))


def _known(question: Question, answer: object, right: object, seed: int | None) -> tuple | None:
    """The mistake that explains an answer best, with the value that does; None where none does.

    Best is what explains most of the wrong parts, then what explains a number (a choice often follows from
    it), then what explains the part that is asked for first (later ones follow from it), then what comes
    nearest, then what stands first.
    """
    exactly, found, best = replace(question, rtol=question.rtol / 100), None, ()
    # A wrong number may have been rounded more than a right one has to be.
    loosely = replace(question, rtol=max(question.rtol, LOOSE))
    for mistake in question.mistakes:
        for value in (_plain(question.value_of(value, seed)) for value in mistake.implementations):
            parts = value.items() if isinstance(value, dict) else ()
            is_wrong = all(
                _same(question, item, right[name]) or not _same(question, answer[name], right[name])
                for name, item in parts
            )
            amiss = sum(not _same(question, item, right[name]) for name, item in parts)
            if parts and not amiss:
                continue  # with these data it is no mistake
            if is_wrong and _fits(loosely, answer, value, right):
                numbers_amiss = _numbers_amiss(question, value, right)
                exact = numbers_amiss and _fits(exactly, answer, value, right)
                early = numbers_amiss and -_first_amiss(question, value, right)
                rank = (amiss, numbers_amiss, early, exact)
                if found is None or rank > best:
                    found, best = (mistake, value), rank
    return found


def _first_amiss(question: Question, mistaken: object, right: object) -> int:
    """Which part is the first that a mistake has wrong, counted from 0 in the order of the question."""
    if not isinstance(mistaken, dict):
        return 0
    wrong = (n in mistaken and not _same(question, mistaken[n], right[n]) for n in right)
    return next((place for place, amiss in enumerate(wrong) if amiss), 0)


def _numbers_amiss(question: Question, mistaken: object, right: object) -> bool:
    """Whether a mistake, or one of its parts, is a wrong number."""
    if not isinstance(mistaken, dict):
        return is_number(mistaken)
    return any(is_number(right[n]) and not _same(question, v, right[n]) for n, v in mistaken.items())


def _plain(value: object) -> object:
    """Scalars, arrays and tensors as Python's own numbers and lists, also inside lists and dicts."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return {_plain(item) for item in value}
    if isinstance(value, np.generic) or hasattr(value, "tolist"):
        return value.tolist()
    return value


def _is_blank(answer: object) -> bool:
    # By identity and length: what an odd object answers to == is its own affair.
    if isinstance(answer, Mapping):
        return all(_is_blank(item) for item in answer.values())
    if isinstance(answer, list):
        return all(_is_blank(item) for item in answer)
    return any(answer is blank for blank in UNANSWERED)


def _wrong_form(question: Question, answer: object, right: object) -> str | None:
    """In words, why the answer cannot be compared at all; None where it can."""
    if isinstance(right, Mapping):
        if not isinstance(answer, Mapping):
            return f"the answer has parts: give a dict with {_listed(right)}, not {kind(answer)}."
        if set(answer) != set(right):
            missing, extra = [n for n in right if n not in answer], [n for n in answer if n not in right]
            text = f"missing: {_listed(missing)}. " if missing else ""
            return text + (f"Not asked for: {_listed(extra)}." if extra else "Give the others as well.")
        problems = (_wrong_part(question, name, answer[name], right[name]) for name in right)
        return next(filter(None, problems), None)
    return _wrong_part(question, None, answer, right)


def _wrong_part(question: Question, name: str | None, answer: object, right: object) -> str | None:
    subject, right = (f"{name!r}" if name else "the answer"), _plain(right)
    if _is_blank(answer) and answer != []:
        return None  # said among the differences, once something else is answered
    options = question.options.get(name, ()) if isinstance(question.options, Mapping) else question.options
    if isinstance(right, (list, set)):
        if not isinstance(answer, (list, set)):
            form = "a set (or a list)" if isinstance(right, set) else "a list"
            return f"{subject} should be {form}, but is {kind(answer)}."
        if isinstance(right, list) and len(answer) != len(right):
            return f"{subject} should have {len(right)} entries, but has {len(answer)}."
        strays = [item for item in answer if options and not any(_same_choice(item, o) for o in options)]
    elif is_number(right):
        if is_number(answer):
            said = f"{subject} should be a finite number, but is {answer}.{_asked(question, name)}"
            return None if math.isfinite(answer) else said
        return f"{subject} should be a number, but is {kind(answer)}."
    elif isinstance(right, bool) and not options:
        return None if isinstance(answer, bool) else f"{subject} should be True or False, not {kind(answer)}."
    else:
        strays = [answer] if options and not any(_same_choice(answer, option) for option in options) else []
    if strays:
        return f"{subject} is {strays[0]!r}, which is none of the choices: {_listed(options)}."
    return None


def _listed(names) -> str:
    return ", ".join(repr(name) for name in names)


def _same_choice(a: object, b: object) -> bool:
    if isinstance(a, str) and isinstance(b, str):
        return " ".join(a.casefold().split()) == " ".join(b.casefold().split())
    return type(a) is type(b) and a == b


def _same(question: Question, answer: object, right: object) -> bool:
    right = _plain(right)
    if isinstance(right, dict):
        return isinstance(answer, dict) and all(_same(question, answer[name], right[name]) for name in right)
    if isinstance(right, set):
        pool = list(answer) if isinstance(answer, (list, set)) else []
        return len(pool) == len(right) and all(any(_same_choice(a, b) for a in pool) for b in right)
    if isinstance(right, list):
        fits = isinstance(answer, list) and len(answer) == len(right)
        return fits and all(_same(question, a, b) for a, b in zip(answer, right, strict=True))
    if is_number(right):
        if not is_number(answer):
            return False
        rtol = 0 if isinstance(right, numbers.Integral) else question.rtol
        return math.isclose(answer, right, rel_tol=rtol, abs_tol=question.atol)
    return _same_choice(answer, right)


def _fits(question: Question, answer: object, mistaken: object, right: object) -> bool:
    """Whether an answer is this mistake: the same, or the same in each of the parts that it names."""
    if isinstance(mistaken, (Holds, Lacks, Amiss)):
        held, due = (any(_same_choice(mistaken.item, item) for item in pool) for pool in (answer, right))
        return held != due if isinstance(mistaken, Amiss) else held == isinstance(mistaken, Holds)
    if isinstance(mistaken, dict) and isinstance(answer, dict):
        return all(_same(question, answer[name], value) for name, value in mistaken.items())
    return not _same(question, mistaken, right) and _same(question, answer, mistaken)


def _with_the_rest(
    question: Question, answer: object, mistake: Mistake, value: object, right: object, seed: int | None
) -> str:
    """The words of a known mistake, the parts it is about, and those about parts that it leaves wrong.

    A verdict may follow from a number that is wrong itself: then the number comes first.
    """
    if isinstance(right, set) and isinstance(value, (Holds, Lacks, Amiss)):
        odd = len(_strays(answer, right)) + len(_strays(right, answer))
        return mistake.message + (f" In all, {_difference(question, answer, right, {})}" if odd > 1 else "")
    if not isinstance(value, dict):
        return mistake.message
    amiss = [name for name in value if not _same(question, answer[name], right[name])]
    message = f"{_listed(amiss)}: {mistake.message}" if len(right) > 1 else mistake.message
    rest = [name for name in right if name not in value and not _is_blank(answer[name])]
    bad = [name for name in rest if not _same(question, answer[name], right[name])]
    unexplained = [name for name in bad if is_number(right[name])]
    if unexplained and not _numbers_amiss(question, value, right):
        given = question.given(seed)
        said = (f"{n!r}: {_part_difference(question, n, answer[n], right[n], given)}" for n in unexplained)
        return f"First the numbers. {' '.join(said)} Then {message}"
    return message + (f" Besides, not right yet: {_listed(bad)}." if bad else "")


def _if_by_chance(question: Question, answer: object, value: object, right: object, seed: int | None) -> str:
    """What to say beside a mistake that a single small whole number tells: others come to the same."""
    wrong = value if isinstance(value, dict) else {None: value}
    wrong = {n: v for n, v in wrong.items() if n is None or not _same(question, v, right[n])}
    if len(wrong) != 1:
        return ""
    ((name, number),) = wrong.items()
    if not is_number(number) or number != int(number) or abs(number) >= SMALL:
        return ""
    came = answer if name is None else answer[name]
    way = _asked(question, name) + _on_the_way(question, name, question.given(seed))
    return f" If you came to {came:g} in another way, it is the same number by chance.{way}"


def _what_differs(question: Question, answer: object, right: object, given: dict) -> str:
    if not isinstance(right, Mapping):
        return f"not yet: {_difference(question, answer, _plain(right), given)}"
    good = [name for name in right if _same(question, answer[name], right[name])]
    open_parts = [name for name in right if _is_blank(answer[name])]
    bad = [name for name in right if name not in good and name not in open_parts]
    said = [f"right: {_listed(good)}."] if good else []
    for name in bad:
        words = _of_another(question, name, answer[name], right, good)
        words = words or _part_difference(question, name, answer[name], _plain(right[name]), given)
        said.append(f"{name!r}: {words}")
    said += [f"not answered yet: {_listed(open_parts)}."] if open_parts else []
    exchanged = [
        (a, b) for i, a in enumerate(bad) for b in bad[i + 1 :]
        if _same(question, answer[a], right[b]) and _same(question, answer[b], right[a])
    ]  # fmt: skip
    said += [f"{a!r} and {b!r} are exchanged." for a, b in exchanged]
    return " ".join(said)


def _of_another(question: Question, name: str, answer: object, right: Mapping, good: list[str]) -> str | None:
    """In words, that what stands for one part is the answer to another; None where it is not.

    Only of numbers that are not met by chance, and of choices where all parts have the same ones.
    """
    if is_number(answer):
        chance = isinstance(answer, numbers.Integral) or answer in (0.0, 1.0)
        others = [] if chance else [n for n in right if n != name and is_number(right[n])]
    elif isinstance(answer, str) and isinstance(question.options, Mapping):
        mine = question.options.get(name)
        others = [n for n in right if n != name and mine and question.options.get(n) == mine]
        others = others if len({str(right[n]) for n in [name, *others]}) > len(others) else []
    else:
        return None
    for other in others:
        if _same(question, answer, right[other]):
            known = f"is right for {other!r}" if other in good else "belongs to another part"
            return f"{answer if is_number(answer) else repr(answer)} {known}: what is asked for here?"
    return None


def _asked(question: Question, name: str | None) -> str:
    """What a part is, said once more; nothing where the question has no words for it."""
    return f" Asked for: {question.asked[name]}." if name in question.asked else ""


def _on_the_way(question: Question, name: str | None, given: dict) -> str:
    """What has to stand half-way to a part; nothing where the question has no such thing."""
    stations = {} if question.on_the_way is None else question.on_the_way(**given)
    return f" On the way: {stations[name]}." if name in stations else ""


def _part_difference(question: Question, name: str, answer: object, right: object, given: dict) -> str:
    words = _difference(question, answer, right, given)
    return words + _asked(question, name) + _on_the_way(question, name, given)


def _strays(items, pool) -> list:
    """The items that are not in the pool."""
    return [item for item in items if not any(_same_choice(item, other) for other in pool)]


def _difference(question: Question, answer: object, right: object, given: dict) -> str:
    """In words, how a wrong number, choice, set or list differs, without saying what is right."""
    if isinstance(right, set):
        strays, missing = len(_strays(answer, right)), len(_strays(right, answer))
        hits = len(right) - missing
        return (
            f"{hits} of yours belong{'s' * (hits == 1)} there, {strays} do{'es' * (strays == 1)} not, and "
            f"{missing} {'is' if missing == 1 else 'are'} missing."
        )
    if isinstance(right, list):
        good = [_same(question, a, b) for a, b in zip(answer, right, strict=True)]
        first = f"entry {good.index(False)} (counted from 0) is the first amiss."
        if not any(map(is_number, right)) and sorted(map(str, answer)) == sorted(map(str, right)):
            return f"the right entries in another order; {first}"
        return f"{sum(good)} of {len(right)} entries are right; {first}"
    if is_number(right):
        return number_difference(float(answer), right, numbers_of(given))
    return f"{answer!r} is not it. What would you see if it were?"
