"""Sentences with a planted error: what a proofreader should find, and where (chapter 6.2.2)."""

import random
import re
from typing import NamedTuple

KINDS = ("swapped", "doubled", "agreement")
_PAIRS = (("is", "are"), ("has", "have"), ("was", "were"), ("does", "do"), ("this", "these"), ("a", "an"))
_OTHER = {first: second for pair in _PAIRS for first, second in (pair, pair[::-1])}


class Planted(NamedTuple):
    """A sentence with one error."""

    text: str
    places: frozenset[int]  # of the words that a proofreader should mark, counted from 0
    kind: str


def plant_error(sentence: str, kind: str, seed: int) -> Planted | None:
    """Put one error into a sentence.

    `swapped`: two neighbours change places; both are marked. `doubled`: a word stands twice; the second is
    marked. `agreement`: is for are, has for have, was for were, does for do, this for these, a for an, or the
    other way round; the word is marked. Words are what stands between blanks; the first and the last are left
    as they are, since a capital letter or a full stop in the middle would tell too much.

    Args:
        sentence: words between single blanks.
        kind: one of `KINDS`.
        seed: of the place; the sentence counts as well.

    Returns:
        The sentence with its error, or None where this kind finds no place in it.

    Raises:
        ValueError: an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r} is none of {', '.join(KINDS)}")
    words = sentence.split(" ")
    places = [place for place in range(1, len(words) - 1) if _fits(words, place, kind)]
    if not places:
        return None
    place = random.Random(f"{seed} {kind} {sentence}").choice(places)
    if kind == "swapped":
        words[place], words[place + 1] = words[place + 1], words[place]
        return Planted(" ".join(words), frozenset({place, place + 1}), kind)
    if kind == "doubled":
        words.insert(place, words[place])
        return Planted(" ".join(words), frozenset({place + 1}), kind)
    words[place] = _OTHER[words[place]]
    return Planted(" ".join(words), frozenset({place}), kind)


def _fits(words: list[str], place: int, kind: str) -> bool:
    if kind == "agreement":
        return words[place] in _OTHER
    plain = [re.fullmatch(r"[a-z]+", word) for word in words[place : place + 2]]
    if kind == "doubled":
        return plain[0] is not None
    return place + 2 < len(words) and all(plain) and words[place] != words[place + 1]
