"""Names, numbers and their two halves: what a model may learn from, and what is kept for measuring.

A value belongs to one half for ever, by a digest of it: a name that was held out is in no conversation that
the model has read.
"""

import hashlib
import random
import re

from llmasos_edu.dialogue.lexicon import DAYS, EVENTS, GIVEN, SURNAMES, check_language

KEPT = 5  # one value in so many is held out
CONSONANTS = ["b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z"]
STARTS = [*CONSONANTS, *CONSONANTS, "br", "ch", "cl", "dr", "fr", "gr", "sh", "st", "th", "tr", "y", "q", ""]
VOWELS = [*"aeiou", *"aeiou", "ai", "ea", "ee", "ia", "oo", "y"]
ENDS = ["", "", "", "l", "n", "m", "r", "s", "t", "nd", "rt", "ck", "x", "bb"]
# A drawn name that holds one of these could read as an insult or worse: another one is drawn.
RUDE = re.compile(
    "fu[ckq]|shi?t|cunt|dic?k|coc|tit|cum|fag|ni[gq]|rap|sex|ass|arse|pus|slut|who|pis|naz|hit|porn|an[au][ls]"
    "|bitch|bast|damn|gay|lesb|jap|kik|spi|wank|twat|poo|pee|dum|fat|ugl|kil|dea|die|hell|idi|jee|jes"
)


def held_out(kind: str, value: str) -> bool:
    """Whether a value is kept for measuring; `kind` says what it is, so that one text may be both."""
    digest = hashlib.sha256(f"{kind} {value}".encode()).digest()
    return digest[0] % KEPT == 0


def draw(chance: random.Random, kind: str, make, *, kept: bool) -> str:
    """Draw values with `make(chance)` until one lies in the wanted half."""
    while True:
        value = make(chance)
        if held_out(kind, value) == kept:
            return value


def latin_name(chance: random.Random) -> str:
    """A name that sounds possible and mostly is none: one to three syllables."""
    while True:
        syllables = chance.choices([1, 2, 3], weights=[2, 5, 2])[0]
        parts = [chance.choice(STARTS) + chance.choice(VOWELS) for _ in range(syllables)]
        drawn = "".join(parts) + chance.choice(ENDS)
        if not RUDE.search(drawn):
            return drawn.capitalize()


def chinese_name(chance: random.Random) -> str:
    """A family name and one or two more signs, or two or three signs such as a pet or a street may have."""
    if chance.random() < 0.5:
        return chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.choice([1, 2, 2])))
    return "".join(chance.choices(GIVEN + SURNAMES, k=chance.choice([2, 2, 3])))


def name(chance: random.Random, language: str, *, kept: bool) -> str:
    """A name in one of the two halves; one in ten is of the other script.

    Raises:
        ValueError: a language that the grammar does not speak.
    """
    check_language(language)
    script = language if chance.random() < 0.9 else ("zh" if language == "en" else "en")
    return draw(chance, "name", latin_name if script == "en" else chinese_name, kept=kept)


def order_number(chance: random.Random, *, kept: bool) -> str:
    """Four digits, the first not 0."""
    return draw(chance, "order", lambda chance: str(chance.randint(1000, 9999)), kept=kept)


def noise(chance: random.Random) -> str:
    """What an error may say for itself: words that do not matter."""
    words = (
        "no", "such", "order", "table", "is", "busy", "the", "not", "may", "this", "name", "within", "answer",
    )  # fmt: skip
    drawn = [
        chance.choice(words) if chance.random() < 0.7 else _letters(chance)
        for _ in range(chance.randint(0, 6))
    ]
    return " ".join(drawn)


def _letters(chance: random.Random) -> str:
    return "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789:._", k=chance.randint(1, 6)))


def pair(chance: random.Random) -> str:
    """Two numbers below 100, to be added or taken away."""
    return f"{chance.randint(0, 99)} {chance.randint(0, 99)}"


def appointment(chance: random.Random) -> str:
    """What, on which day, at what time."""
    time = f"{chance.randint(8, 20)}:{chance.choice(['00', '15', '30', '45'])}"
    return f"{chance.choice(list(EVENTS))} {chance.choice(list(DAYS))} {time}"
