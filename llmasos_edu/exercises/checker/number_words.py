"""How a wrong number differs from the right one, in words that do not say what is right."""

import math
import numbers
from collections.abc import Mapping

# What a number is often multiplied with by mistake, and the words for it.
USUAL_FACTORS = {
    -1.0: "of the right size, with the wrong sign",
    1000.0: "a thousand times too large: mind the unit",
    1 / 1000: "a thousand times too small: mind the unit",
    1024.0: "1,024 times too large: mind the unit",
    1 / 1024: "1,024 times too small: mind the unit",
    2.0**20: "2 to the 20 times too large: mind the unit",
    2.0**-20: "2 to the 20 times too small: mind the unit",
    8.0: "8 times too large (bits or bytes?)",
    1 / 8: "8 times too small (bits or bytes?)",
    100.0: "100 times too large (a share or per cent?)",
    1 / 100: "100 times too small (a share or per cent?)",
    math.log(2): "too small by ln 2 (nats or bits?)",
    1 / math.log(2): "too large by 1 / ln 2 (nats or bits?)",
    math.log(10): "too large by ln 10, a factor of 2.303: which base has the logarithm",
    1 / math.log(10): "too small by ln 10, a factor of 2.303: which base has the logarithm",
    2.0: "twice what it should be",
    0.5: "half of what it should be",
    2 * math.pi: "too large by 2 pi (turns or radians?)",
    0.5 / math.pi: "too small by 2 pi (turns or radians?)",
}


def is_number(value: object) -> bool:
    """Whether a value is a number and no truth."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def numbers_of(given: object) -> list[float]:
    """All numbers that a question gives, also inside lists and dicts."""
    if isinstance(given, Mapping):
        given = list(given.values())
    if isinstance(given, (list, tuple)):
        return [number for item in given for number in numbers_of(item)]
    return [float(given)] if is_number(given) else []


def number_difference(answer: float, right: float, given: list[float]) -> str:
    """What a wrong number is in terms of the right one: a factor, one minus it, too large by how much.

    Args:
        answer, right: what came and what should have come, a whole number where something is counted.
        given: the numbers of the statement.
    """
    by_chance = answer == int(answer) and abs(answer) < 100
    if not by_chance and any(math.isclose(answer, number) for number in given):
        return f"{answer:,.6g} is a number of the statement as it stands; another is asked for."
    if 0 < right < 1 and math.isclose(answer, 1 - right, rel_tol=5e-3):
        return f"{answer:,.6g} is one minus what it should be."
    if right and answer:
        for factor, words in USUAL_FACTORS.items():
            # What is no whole number, such as ln 2, is met by chance more often: it has to come out nearer.
            near = 5e-3 if max(factor, 1 / factor) % 1 == 0 else 1e-3
            if math.isclose(answer / right, factor, rel_tol=near):
                return f"{answer:,.6g} is {words}."
        others = (("square", right**2), ("root", abs(right) ** 0.5), ("inverse", 1 / right))
        for words, other in others:
            # Near one the square, the root and the inverse lie close to much that is none of them.
            if math.isclose(answer, other, rel_tol=5e-3) and not 0.8 < abs(right) < 1.25:
                return f"{answer:,.6g} is the {words} of what it should be."
    if abs(answer - right) == 1 and isinstance(right, numbers.Integral):
        return f"{answer:,.15g} is one too {'many' if answer > right else 'few'}."
    if right and answer / right > 0:
        factor = max(answer / right, right / answer)
        if right < 0:
            way = "far below zero" if answer < right else "near to zero"
        else:
            way = "large" if answer > right else "small"
        off = abs(answer / right - 1)
        share = f"{100 * off:.2g}%" if off > 0.01 else "less than 1%"
        far = "by less than a factor of two" if factor < 2 else f"by a factor of {factor:,.3g}"
        return f"{answer:,.6g} is too {way}, {f'a little (by {share})' if factor < 1.1 else far}."
    return f"{answer:,.6g} is too {'large' if answer > right else 'small'}."
