"""Exercises of chapter 4.2.3, the part on angles: longer texts by interpolation.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 4.2.3-10 --------------------------------------------------------------------------------


def squeezed_angles(length, trained_length, head_dim, base):
    """Angles of positions 0 to length - 1, squeezed into what was trained -> [length, head_dim / 2]."""
    scale = max(1.0, length / trained_length)
    speeds = base ** (-torch.arange(0, head_dim, 2) / head_dim)
    return torch.arange(length)[:, None] / scale * speeds


def _at(positions, head_dim, base):
    return positions[:, None] * base ** (-torch.arange(0, head_dim, 2) / head_dim)


def _scale(length, trained):
    return max(1.0, length / trained)


def _only_the_later(n, trained, size, base):
    p = torch.arange(n, dtype=torch.float32)
    return _at(torch.where(p < trained, p, p / _scale(n, trained)), size, base)


def _one_pair_squeezed(pair, n, trained, size, base):
    angles = _at(torch.arange(n), size, base)
    angles[:, pair] = squeezed_angles(n, trained, size, base)[:, pair]
    return angles


INTERPOLATION = Exercise(
    key="4.2.3-10",
    title="A longer text by interpolation",
    difficulty=2,
    minutes=10,
    statement=(
        "A rotary model was trained on texts of trained_length tokens and has never seen the angles of later "
        "positions. So squeeze a longer text: multiply all its positions by trained_length / length, which "
        "puts them between the old ones, and return the angles pos / base^(2i / head_dim) of these. A text "
        "that is not longer keeps its whole positions."
    ),
    takeaway="Every angle lies in the range that was trained; neighbours are just closer than before.",
    reference=squeezed_angles,
    explanation="One factor on all positions, and it is never allowed to stretch a short text.",
    hints=(
        "A model trained on 4 tokens gets 8. Write the positions 0 to 7 squeezed by the factor of the "
        "statement. What is the greatest of them?",
        "Squeezed positions are fractions. The angle is a fraction's business too: is there a reason to "
        "round?",
        "With fewer tokens than were trained the same factor would be above 1. What does the last sentence "
        "of the statement say about that?",
    ),
    cases=(
        Case("8 tokens where 4 were trained", (8, 4, 4, 10000.0)),
        Case("24 tokens where 16 were trained", (24, 16, 8, 10000.0)),
        Case("a text of the trained length", (6, 6, 4, 10000.0)),
        Case("a text shorter than trained", (5, 20, 6, 10000.0)),
        Case("9 tokens where 2 were trained, base 100", (9, 2, 6, 100.0)),
        Case("one pair of features", (12, 5, 2, 500.0)),
    ),
    mistakes=(
        Mistake(
            "not squeezed",
            "Your positions are those of an ordinary text: the later ones have angles that the model has "
            "never seen. What does trained_length do in your code?",
            (lambda n, trained, size, base: _at(torch.arange(n), size, base),),
        ),
        Mistake(
            "stretched instead of squeezed",
            "Your positions become larger for a longer text. The factor is upside down: the last one should "
            "stay below trained_length.",
            (
                lambda n, trained, size, base: _at(torch.arange(n) * _scale(n, trained), size, base),
                lambda n, trained, size, base: _at(torch.arange(n) * n / trained, size, base),
            ),
        ),
        Mistake(
            "a whole factor",
            "It comes out as if the factor were rounded to a whole number on the way (`//`, `ceil`). It is "
            "a fraction: 24 tokens where 16 were trained want two thirds.",
            (
                lambda n, trained, size, base: _at(torch.arange(n) / max(1, n // trained), size, base),
                lambda n, trained, size, base: _at(torch.arange(n) / max(1, -(-n // trained)), size, base),
                lambda n, trained, size, base: _at(
                    torch.arange(n) * (trained // n if n > trained else 1), size, base
                ),
            ),
        ),
        Mistake(
            "the wrong texts",
            "Longer texts keep their positions in your result, and shorter ones are changed. It is the "
            "longer ones that meet what was never trained.",
            (
                lambda n, trained, size, base: _at(torch.arange(n) * max(1, trained / n), size, base),
                lambda n, trained, size, base: _at(torch.arange(n) * min(1, n / trained), size, base),
            ),
        ),
        Mistake(
            "short texts stretched",
            "Long texts are right, but you also change short ones, whose positions the model knows well. "
            "When does the factor apply?",
            (lambda n, trained, size, base: _at(torch.arange(n) * trained / n, size, base),),
        ),
        Mistake(
            "positions rounded",
            "You round the squeezed positions to whole numbers, so neighbours share a position and their "
            "order is lost. Angles may be anything between.",
            (
                lambda n, trained, size, base: _at(
                    (torch.arange(n) / _scale(n, trained)).floor(), size, base
                ),
                lambda n, trained, size, base: _at(
                    (torch.arange(n) / _scale(n, trained)).round(), size, base
                ),
            ),
        ),
        Mistake(
            "positions cut off",
            "Beyond the trained length all your tokens stand at one and the same place. Squeezing keeps "
            "them apart.",
            (
                lambda n, trained, size, base: _at(torch.arange(n).clamp_max(trained - 1), size, base),
                lambda n, trained, size, base: _at(torch.arange(n).clamp_max(trained), size, base),
            ),
        ),
        Mistake(
            "positions start again",
            "Beyond the trained length your positions begin at 0 again, so a token far away seems to stand "
            "here. Squeezing keeps the order.",
            (lambda n, trained, size, base: _at(torch.arange(n) % trained, size, base),),
        ),
        Mistake(
            "only the later positions squeezed",
            "You squeeze the positions beyond the trained length and leave the others, so a late token can "
            "land before an early one. One factor for all keeps the order.",
            (_only_the_later,),
        ),
        Mistake(
            "base changed instead of positions",
            "You make the base larger, which slows some pairs more than others. That is a later method; "
            "here every position gets the same factor.",
            (
                lambda n, trained, size, base: _at(torch.arange(n), size, base * _scale(n, trained)),
                lambda n, trained, size, base: _at(
                    torch.arange(n), size, base * _scale(n, trained) ** (size / max(1, size - 2))
                ),
            ),
        ),
        Mistake(
            "last position on the last",
            "The last position of a longer text falls exactly on trained_length - 1: the factor counts "
            "steps instead of tokens. The factor of the statement is a little different.",
            (
                lambda n, trained, size, base: _at(
                    torch.arange(n) * (min(n, trained) - 1) / (n - 1), size, base
                ),
            ),
        ),
        Mistake(
            "one step less than tokens",
            "The last position of a longer text falls on trained_length itself, which was never trained: "
            "the factor counts the steps between tokens. Count the tokens.",
            (lambda n, trained, size, base: _at(torch.arange(n) * min(1, trained / (n - 1)), size, base),),
        ),
        Mistake(
            "another power of the factor",
            "It comes out as if the factor acted twice on longer texts, or as if its root were taken. Each "
            "position is multiplied by it once.",
            (
                lambda n, trained, size, base: _at(torch.arange(n) / _scale(n, trained) ** 2, size, base),
                lambda n, trained, size, base: _at(torch.arange(n) / _scale(n, trained) ** 0.5, size, base),
            ),
        ),
        Mistake(
            "cosines for angles",
            "You give back the cosines or the sines of the angles. Asked for are the angles themselves.",
            (
                lambda *a: squeezed_angles(*a).cos(),
                lambda *a: squeezed_angles(*a).sin(),
            ),
        ),
        Mistake(
            "one pair alone squeezed",
            "It comes out as if the factor acted on one pair of features only, the first or the last. A "
            "position is squeezed before any angle is made of it, for all pairs.",
            (
                lambda *a: _one_pair_squeezed(0, *a),
                lambda *a: _one_pair_squeezed(-1, *a),
            ),
        ),
        Mistake(
            "i instead of 2i",
            "The positions are squeezed rightly and the first pair is right, but later pairs turn too fast: "
            "look at the exponent.",
            (
                lambda n, trained, size, base: (
                    torch.arange(n)[:, None] / _scale(n, trained) * base ** (-torch.arange(size // 2) / size)
                ),
            ),
        ),
    ),
)


EXERCISES = (INTERPOLATION,)
