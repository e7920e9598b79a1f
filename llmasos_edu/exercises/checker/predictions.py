"""Predictions: keep what the reader expects before an experiment and show it beside the measurement after it.

Guesses live in the kernel, and on the learner's desk for `status()`. An unanswered prediction is as good as
any: nothing here ever stops a notebook that is run from top to bottom.
"""

import difflib
import math
import numbers

import numpy as np

from llmasos_edu.exercises.checker import desk

RIGHT, WRONG = "✓ ", "✗ "
SEEN_COMING, CLOSE_BY, UNEXPECTED = "You saw it coming.", "Close.", "Not what you expected: why?"

# A guess within this share of the measurement is called close, within this factor is called the right order.
CLOSE = 0.1
RIGHT_ORDER = 3.0

_guesses: dict[str, object] = {}


def predict(key: str, guess: object = ..., *, options: tuple | list | None = None) -> None:
    """Keep a guess until `compare` shows it beside the measurement.

    Args:
        key: the prediction's name, for example "4.1-a".
        guess: a number, a text, True or False, or one of the options; `...` while there is no answer.
        options: what there is to choose from, where the question is one of choice.
    """
    guess = _plain(guess)
    _guesses[key] = guess
    if guess is not ... and guess is not None:
        desk.keep_prediction(str(key), _number(guess))
    if guess is ... or guess is None:
        choice = f" ({_list(options)})" if options else ""
        print(f"{key}: no guess yet. Put yours in place of the dots{choice}, or simply read on.")
    elif options and _matching_option(guess, options) is None:
        print(f"{key}: kept your guess, {show(guess)}, though it is none of {_list(options)}.")
    else:
        print(f"{key}: kept your guess, {show(guess)}. The measurement follows below.")


def compare(key: str, measured: object, unit: str = "", *, digits: int = 2) -> None:
    """Show the reader's guess beside what was measured.

    Args:
        key: the name that `predict` kept the guess under.
        measured: a number, a text, True or False.
        unit: what a number counts, for example "bits".
        digits: significant digits of numbers; stored outputs last longer with few.
    """
    measured = _plain(measured)
    found = f"{show(measured, digits)}{' ' + unit if unit and _is_number(measured) else ''}"
    guess = _guesses.get(key, ...)
    if guess is ... or guess is None:
        asked = (
            difflib.get_close_matches(str(key), map(str, _guesses), n=2, cutoff=0.5)
            if key not in _guesses
            else []
        )
        likely = f" (There is a guess place for {' and '.join(asked)}.)" if asked else ""
        print(f"{key}: you made no guess. Measured: {found}.{likely}")
        return
    said = f"{show(guess, digits)}{' ' + unit if unit and _is_number(_number(guess)) else ''}"
    remark = _remark(guess, measured)
    mark = "" if not remark else RIGHT if remark in (SEEN_COMING, CLOSE_BY) else WRONG
    desk.keep_prediction(str(key), _number(guess), measured)
    print(f"{mark}{key}: you guessed {said}, measured {found}. {remark}".rstrip())


def forget() -> None:
    """Forget all guesses."""
    _guesses.clear()


def show(value: object, digits: int = 4) -> str:
    """A value in a form that is short and the same on every machine."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, numbers.Integral):
        return f"{value:,}" if abs(value) < 10**15 else "a very large whole number"
    if isinstance(value, float):
        if not math.isfinite(value):
            return "not a number" if math.isnan(value) else "infinity" if value > 0 else "minus infinity"
        text = f"{value + 0.0:.{digits}g}"
        # 1.2e+02 reads badly in a sentence: numbers of everyday size are written out.
        return f"{float(text):,.0f}" if "e+" in text and abs(value) < 1e6 else text
    if isinstance(value, (list, tuple)):
        return ", ".join(show(item, digits) for item in value[:6]) + (", ..." if len(value) > 6 else "")
    if isinstance(value, str):
        return f'"{value[:80]}"'
    return f"something of type {type(value).__name__}"


def _list(options: tuple | list) -> str:
    return ", ".join(show(option) for option in options)


def _plain(value: object) -> object:
    """Scalars of numpy and torch as Python's own."""
    if isinstance(value, np.generic) or (hasattr(value, "item") and getattr(value, "ndim", None) == 0):
        return value.item()
    return list(value.tolist()) if hasattr(value, "tolist") else value


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _number(value: object) -> object:
    """The number in a guess that was typed as a text ("3", "3 bits"), else the guess itself."""
    if isinstance(value, str) and value.split():
        try:
            return float(value.split()[0].rstrip("%").replace(",", ""))
        except ValueError:
            return value
    return value


def _matching_option(guess: object, options: tuple | list) -> object | None:
    return next((option for option in options if _normal(option) == _normal(guess)), None)


def _normal(value: object) -> object:
    return " ".join(value.casefold().split()) if isinstance(value, str) else value


def _remark(guess: object, measured: object) -> str:
    if _is_number(measured) and _is_number(_number(guess)):
        return _number_remark(float(_number(guess)), float(measured))
    if isinstance(measured, bool) and isinstance(guess, str):
        words = {"yes": True, "true": True, "y": True, "no": False, "false": False, "n": False}
        guess = words.get(_normal(guess), guess)
    if isinstance(measured, (bool, str)) and isinstance(guess, type(measured)):
        return SEEN_COMING if _normal(guess) == _normal(measured) else UNEXPECTED
    return ""


def _number_remark(guess: float, measured: float) -> str:
    if not (math.isfinite(guess) and math.isfinite(measured)):
        return ""
    if abs(guess - measured) <= CLOSE * abs(measured):
        return CLOSE_BY
    if guess * measured <= 0:
        return UNEXPECTED
    factor = max(guess / measured, measured / guess)
    way = "high" if abs(guess) > abs(measured) else "low"
    if factor <= RIGHT_ORDER:
        return f"The right order, a little too {way}."
    shown = f"{factor:.0f}" if factor < 1000 else "more than a thousand"
    return f"Too {way} by a factor of {shown}: what makes the difference?"
