"""Judging tests: they are run on right machines and on broken ones, and what slips through is named."""

from collections.abc import Callable

from llmasos_edu.exercises.checker.comparing import kind
from llmasos_edu.exercises.checker.judging import is_empty


def accepts(good: dict, bad: dict) -> Callable:
    """Whether a review lets a machine pass: no assert has failed, and it does not return False.

    A test that stops with another error on a broken machine alone has noticed something too.
    """

    def observe(answer, inputs):
        if is_empty(answer):
            return None
        try:
            said = answer(*inputs)
        except AssertionError:
            return False
        except Exception:
            if inputs[0] in bad.values() and _runs(answer, next(iter(good.values()))):
                return False
            raise
        return said if said is not None and not isinstance(said, bool) else said is not False

    return observe


def _runs(answer: Callable, make: Callable) -> bool:
    try:
        answer(make)
    except Exception as error:
        return isinstance(error, AssertionError)
    return True


def name_what_slips(good: dict, bad: dict) -> Callable:
    """Which bugs pass a review, and which right machines do not."""

    def explain(cases, values, expected):
        odd = next((got for got in values if not isinstance(got, bool)), None)
        if odd is not None:
            return (
                f"Your review returned {kind(odd)}. Return True or False, or nothing, with asserts that fail "
                "on a bug."
            )
        wrong = [
            (case.name, want) for case, got, want in zip(cases, values, expected, strict=True) if got != want
        ]
        passed = [name for name, want in wrong if not want]
        sent_back = [name for name, want in wrong if want]
        text = f"Your review finds {len(bad) - len(passed)} of {len(bad)} bugs."
        if passed:
            text += f" These pass it: {'; '.join(passed)}. What would be different if they were right?"
        if sent_back:
            text += (
                f" It sends back what is right: {'; '.join(sent_back)}. What does it ask that need not hold?"
            )
        return text

    return explain
