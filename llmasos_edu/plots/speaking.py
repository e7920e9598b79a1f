"""Words that all descriptions share: numbers as they are spoken, lists, sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

SIGNS = {".": "full stop", ",": "comma", ":": "colon", ";": "semicolon", "(": "opening bracket"}
SIGNS |= {")": "closing bracket", '"': "quotation mark", "'": "apostrophe", "_": "underscore", "-": "hyphen"}
SIGNS |= {
    "()": "two brackets",
    "=": "equals sign",
    "*": "asterisk",
    "`": "backtick",
    "[": "opening square bracket",
}
SIGNS |= {"]": "closing square bracket", "?": "question mark", "!": "exclamation mark", "/": "slash"}


def spoken(value: float, step: float = 0.0) -> str:
    """A number as it is spoken: at most three significant digits, none finer than `step`; never `1e-05`.

    Whole numbers below 10,000 keep all their digits.
    """
    value = float(value)
    if not math.isfinite(value):
        return "no number" if math.isnan(value) else ("infinity" if value > 0 else "minus infinity")
    if abs(value) < step / 20:
        return "0"
    if value and (abs(value) >= 1e15 or abs(value) < 1e-4):
        factor, power = f"{value:.1e}".split("e")
        factor, power = factor.removesuffix(".0"), int(power)
        return f"10 to the {power}" if factor == "1" else f"{factor} times 10 to the {power}"
    for size, name in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if abs(value) >= size:
            return f"{float(f'{value / size:.3g}'):g}{name}"
    if abs(value) < 10_000 and value == round(value):
        return f"{value + 0.0:,.0f}"
    digits = 2 - math.floor(math.log10(abs(value)))  # of three significant ones, behind the point
    if step > 0:
        digits = min(digits, max(0, math.ceil(-math.log10(step))))
        if abs(value) > step / 20:  # or a small value beside large ones would be nothing
            digits = max(digits, (0 if abs(value) < step else 1) - math.floor(math.log10(abs(value))))
    rounded = round(value, digits) + 0.0
    return f"{rounded:,.{max(digits, 0)}f}".rstrip("0").rstrip(".") if digits > 0 else f"{rounded:,.0f}"


def listed(parts: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    parts = list(parts)
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)


def plain(text: str) -> str:
    """A label as it is spoken: one line, without the marks of mathematical typesetting."""
    text = re.sub(r"\\(?:math\w+|text)\{([^{}]*)\}", r"\1", str(text))
    text = re.sub(r"\\sqrt\{([^{}]*)\}", r"the root of \1 ", text)
    text = text.replace(r"\$", "\0").replace("$", "").replace("\0", "$")
    text = re.sub(r"\\[;,! ]", " ", text)
    text = re.sub(r"\\([a-zA-Z]+)", r"\1", text)
    return " ".join(text.replace("{", "").replace("}", "").split())


def read_out(token: str) -> str:
    """A token or a tick as it is read out: signs by their names, the mark of a leading blank left out."""
    bare = token.replace("\N{MIDDLE DOT}", " ").replace("\N{OPEN BOX}", " ").strip()
    if not bare:
        return "blank" if token else ""
    if bare.strip("⏎ ") == "":
        return "line end"
    return SIGNS.get(bare, " ".join(bare.replace("⏎", " line end ").split()))


def capital(sentence: str) -> str:
    """A sentence that begins with a capital, unless its first word is a name written otherwise."""
    first = sentence.split(" ")[0].rstrip(",:;")
    return sentence[:1].upper() + sentence[1:] if first.isalpha() and first.islower() else sentence


def sentence(words: str) -> str:
    words = words.strip()
    return words if words.endswith((".", "!", "?", ".”", "?”", "!”")) else f"{words}."


def many(count: int, name: str) -> str:
    noun, of, rest = name.partition(" of ")
    return f"{count} {noun}{'s' * (count != 1)}{of}{rest}"
