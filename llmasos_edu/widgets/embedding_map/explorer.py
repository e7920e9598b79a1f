"""Words as points: a map to search, and for each word its true neighbours, lines and all.

Section 3.2 (vectors of words, what stands near what, and what a map in the plane hides).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets as t

from llmasos_edu.foundation.arguments import check_strings, check_whole
from llmasos_edu.foundation.arrays import check_drawable, read_array
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error

MAX_WORDS = 3000
MAX_DIM = 512
MAX_NUMBERS = 400_000  # two bytes each: a page with more is slow to load
MAX_CLASSES = 8  # more than that nobody tells apart
MOST_NEIGHBOURS = 20
MEASURES = ("cosine", "dot", "map")
NO_CLASS = -1


class EmbeddingMap(Explorer):
    """Vectors of words on a map in the plane; neighbours are found in all dimensions, in the browser alone.

    Args:
        vectors: `[words, dim]`, torch or numpy, 3 to 3000 words of 2 to 512 numbers.
        words: a different string for each; those that come first keep their names where the map is crowded.
        classes: for each word the name of its class or None; at most 8 classes. None: all are alike.
        points: `[words, 2]`, places on the map; by default the two principal components of the vectors at
            length 1.
        word: chosen first; the first word if not given.
        count: neighbours shown, 1 to 20.
        measure: what is near: `cosine`, `dot` (long vectors win) or `map` (distance on the map).

    Raises:
        ValueError, TypeError: with the name and the value, in words.

    Source: Mikolov et al. 2013, section 5 (words by their neighbours); article 3.2.
    """

    page_title = "Embedding map"
    _esm = script("shared/markers.js", "embedding_map/neighbours.js", "embedding_map/explorer.js")
    _css = style("embedding_map/style.css")

    words = t.List(t.Unicode()).tag(sync=True)
    classes = t.List(t.Unicode(), help="the classes' names, the largest first").tag(sync=True)
    class_of = t.List(t.Int(), help="for each word its class's number, -1 for none").tag(sync=True)
    dim = t.Int().tag(sync=True)
    vectors = t.Bytes(help="unit vectors, 16 bits a number").tag(sync=True)
    lengths = t.Bytes(help="of the vectors, 32-bit floats").tag(sync=True)
    points = t.Bytes(help="places on the map, 32-bit floats").tag(sync=True)
    word = t.Int(0, help="the chosen word's number").tag(sync=True)
    count = t.Int(8).tag(sync=True)
    measure = t.Unicode("cosine").tag(sync=True)
    zoom = t.Float(1.0).tag(sync=True)
    hidden = t.List(t.Int(), help="numbers of the classes that are not drawn").tag(sync=True)

    def __init__(self, vectors: Any, words: Sequence[str], classes: Sequence[str | None] | None = None,
                 points: Any = None, *, word: str | None = None, count: int = 8,
                 measure: str = "cosine") -> None:  # fmt: skip
        matrix = check_vectors(vectors)
        words = check_words(words, len(matrix))
        names, class_of = check_classes(classes, len(matrix))
        check_whole("count", count, 1, MOST_NEIGHBOURS)
        _check_measure(measure)
        unit, lengths = unit_vectors(matrix)
        places = principal_plane(unit) if points is None else check_points(points, len(matrix))
        super().__init__(
            words=words, classes=names, class_of=class_of, dim=matrix.shape[1],
            vectors=np.round(unit * 32767).astype("<i2").tobytes(), lengths=lengths.astype("<f4").tobytes(),
            points=places.astype("<f4").tobytes(), word=0 if word is None else _number_of(word, words),
            count=min(count, len(matrix) - 1), measure=measure,
        )  # fmt: skip

    @t.validate("word", "count", "measure", "zoom", "hidden")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        with told_as_trait_error():
            if name == "count":
                check_whole("count", value, 1, MOST_NEIGHBOURS)
            elif name == "measure":
                _check_measure(value)
        if name == "word" and not 0 <= value < len(self.words):
            raise t.TraitError(f"word={value} does not exist: 0 to {len(self.words) - 1}")
        if name == "zoom" and not 1 <= value <= 8:
            raise t.TraitError(f"zoom={value} is out of range: 1 to 8")
        if name == "hidden" and not set(value) <= {NO_CLASS, *range(len(self.classes))}:
            raise t.TraitError(f"hidden={value}: classes are 0 to {len(self.classes) - 1}, or -1 for none")
        return value

    def contents(self) -> str:
        classes = f", {len(self.classes)} classes" if self.classes else ""
        return f"{len(self.words)} words, {self.dim} dimensions{classes}"


def unit_vectors(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of `[words, dim]` at length 1 (a row of zeros stays), and their lengths `[words]`."""
    lengths = np.linalg.norm(matrix, axis=1)
    return matrix / np.where(lengths > 0, lengths, 1)[:, None], lengths


def principal_plane(matrix: np.ndarray) -> np.ndarray:
    """The two directions in which the rows differ most, `[words, 2]`: principal component analysis.

    Each axis points to where its largest entry is positive.
    """
    centred = matrix - matrix.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = left[:, :2] * sizes[:2]
    return places * np.sign(places[np.abs(places).argmax(0), [0, 1]] + 1e-300)


def check_vectors(vectors: Any) -> np.ndarray:
    """Vectors `[words, dim]` in float64, or an error that says what is wrong, where."""
    matrix = read_array(vectors, "vectors")[0].astype(np.float64)
    if matrix.ndim != 2 or not 3 <= len(matrix) <= MAX_WORDS or not 2 <= matrix.shape[1] <= MAX_DIM:
        raise ValueError(
            f"vectors has shape {list(matrix.shape)}, expected [words, dim] with 3 to {MAX_WORDS} words and "
            f"2 to {MAX_DIM} dimensions"
        )
    if matrix.size > MAX_NUMBERS:
        raise ValueError(f"vectors {list(matrix.shape)} are {matrix.size:,} numbers, at most {MAX_NUMBERS:,}")
    check_drawable(matrix, "vectors", "each of a vector's numbers")
    return matrix


def check_words(words: Sequence[str], count: int) -> list[str]:
    """As many different strings as there are vectors."""
    words = check_strings(words, "words", count, "vectors")
    for place, word in enumerate(words):
        if not word.strip():
            raise TypeError(f"words[{place}] is {word!r}, expected a string that can be seen")
    twice = sorted({word for word in words if words.count(word) > 1}) if len(set(words)) < count else []
    if twice:
        raise ValueError(f"words holds {twice[0]!r} more than once: each word has one place on the map")
    return words


def check_classes(classes: Sequence[str | None] | None, count: int) -> tuple[list[str], list[int]]:
    """The classes' names, the largest first, and for each word its class's number."""
    if classes is None:
        return [], [NO_CLASS] * count
    classes = list(classes)
    if len(classes) != count:
        raise ValueError(f"classes has {len(classes)} entries for {count} vectors: one each, None for none")
    for place, each in enumerate(classes):
        if each is not None and not isinstance(each, str):
            raise TypeError(f"classes[{place}] is {each!r}, expected a string or None")
    names = sorted({each for each in classes if each is not None}, key=lambda n: (-classes.count(n), n))
    if not 1 <= len(names) <= MAX_CLASSES:
        raise ValueError(
            f"classes has {len(names)} different names, expected 1 to {MAX_CLASSES}: {names[:9]}"
        )
    return names, [NO_CLASS if each is None else names.index(each) for each in classes]


def check_points(points: Any, count: int) -> np.ndarray:
    """Places on the map `[words, 2]`, finite."""
    places = read_array(points, "points")[0]
    if places.shape != (count, 2):
        raise ValueError(f"points has shape {list(places.shape)}, expected [{count}, 2]")
    check_drawable(places, "points", "a place")
    return places


def _check_measure(measure: str) -> None:
    if measure not in MEASURES:
        raise ValueError(f"measure={measure!r} is not one of {', '.join(MEASURES)}")


def _number_of(word: str, words: list[str]) -> int:
    if word not in words:
        near = difflib.get_close_matches(str(word), words, n=3, cutoff=0.5)
        hint = f": near it are {', '.join(near)}" if near else ""
        raise ValueError(f"word={word!r} is not on the map{hint}")
    return words.index(word)
