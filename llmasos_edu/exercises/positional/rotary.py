"""Exercises of chapter 4.2.3, the part on angles: rotary positions, and longer texts by interpolation.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 4.2.3-7 --------------------------------------------------------------------------------


def rotate(x, positions, base):
    """x [..., seq, head_dim], positions [seq], base of the wavelengths -> rotated x [..., seq, head_dim]."""
    head_dim = x.shape[-1]
    angles = positions[:, None] * base ** (-torch.arange(0, head_dim, 2) / head_dim)
    cos, sin = angles.cos(), angles.sin()
    first, second = x[..., 0::2], x[..., 1::2]
    turned = torch.stack((first * cos - second * sin, first * sin + second * cos), dim=-1)
    return turned.flatten(start_dim=-2)


def _angles(x, positions, base):
    size = x.shape[-1]
    return positions[:, None] * base ** (-torch.arange(0, size, 2) / size)


def _turn(x, angles, *, make=lambda a, b, cos, sin: (a * cos - b * sin, a * sin + b * cos), join=None):
    parts = make(x[..., 0::2], x[..., 1::2], angles.cos(), angles.sin())
    return torch.stack(parts, -1).flatten(-2) if join is None else join(parts)


def _turn_halves(x, angles, sign=1):
    a, b = x.chunk(2, -1)
    cos, sin = angles.cos(), sign * angles.sin()
    return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


def _angles_of_pairs_turns_of_halves(x, angles):
    a, b = x.chunk(2, -1)
    angles = angles.repeat_interleave(2, -1)
    return x * angles.cos() + torch.cat((-b, a), -1) * angles.sin()


def _angles_of_halves_turns_of_pairs(x, angles):
    turned = torch.stack((-x[..., 1::2], x[..., 0::2]), -1).flatten(-2)
    angles = torch.cat((angles, angles), -1)
    return x * angles.cos() + turned * angles.sin()


def _made_of(make):
    return lambda x, positions, base: _turn(x, _angles(x, positions, base), make=make)


def _in_two_steps(a, b, cos, sin):
    """The first result overwrites what the second still needs."""
    a = a * cos - b * sin
    return a, a * sin + b * cos


ROTARY = Exercise(
    key="4.2.3-7",
    title="Rotary positions",
    difficulty=2,
    minutes=20,
    statement=(
        "Rotate each token's vector by its position, as the paper does: features 2i and 2i + 1 are the "
        "coordinates (a, b) of a point in the plane, which turns against the clock by the angle "
        "pos / base^(2i / head_dim). At a quarter turn (1, 0) becomes (0, 1). The positions are given (they "
        "need not begin at 0); any leading axes (batch, heads) must work."
    ),
    takeaway="Lengths stay as they are, and the product of two rotated vectors knows their distance alone.",
    reference=rotate,
    explanation="The plane's rotation, (a cos - b sin, a sin + b cos), for each pair with its own angle.",
    hints=(
        "One pair first: write the rotation of the point (a, b) by an angle as two formulas, and test them "
        "with (1, 0) and a quarter turn.",
        "The angles form a table [seq, head_dim / 2]. Which slices of x have just this shape in their last "
        "two axes?",
        "You have all first coordinates and all second ones, turned. They have to take turns again in the "
        "last axis: which way of joining puts neighbours beside each other?",
    ),
    cases=(
        Case("5 tokens, head size 4", (*random_tensors(1301, (5, 4)), torch.arange(5), 10000.0)),
        Case(
            "2 sequences with 3 heads, 6 tokens, head size 8",
            (*random_tensors(1302, (2, 3, 6, 8)), torch.arange(6), 10000.0),
        ),
        Case("one new token at position 17", (*random_tensors(1303, (2, 1, 6)), torch.tensor([17]), 10000.0)),
        Case("a single pair of features, base 100", (*random_tensors(1304, (7, 2)), torch.arange(7), 100.0)),
        Case(
            "positions 3, 9 and 4, base 50",
            (*random_tensors(1305, (1, 3, 10)), torch.tensor([3, 9, 4]), 50.0),
        ),
        Case(
            "everything at position 0",
            (*random_tensors(1306, (2, 4)), torch.zeros(2, dtype=torch.long), 10000.0),
        ),
        Case("(1, 0) by a quarter turn", (torch.tensor([[1.0, 0.0]]), torch.tensor([torch.pi / 2]), 10.0)),
    ),
    mistakes=(
        Mistake(
            "halves instead of pairs",
            "You pair feature i with feature i + head_dim / 2, as the Llama programs do. It works as well, "
            "but weights trained for neighbours 2i and 2i + 1 would not fit.",
            (lambda x, p, base: _turn_halves(x, _angles(x, p, base)),),
        ),
        Mistake(
            "halves, and turned the wrong way",
            "You pair feature i with feature i + head_dim / 2, and turn with the clock. Here the "
            "neighbours 2i and 2i + 1 are a pair, and (1, 0) goes to (0, 1) at a quarter turn.",
            (lambda x, p, base: _turn_halves(x, _angles(x, p, base), -1),),
        ),
        Mistake(
            "pairs and halves mixed",
            "Two ways of pairing are mixed: your angles are laid out for one (neighbours, or halves) and "
            "your turned coordinates for the other. Both must speak of the same two features.",
            (
                lambda x, p, base: _angles_of_pairs_turns_of_halves(x, _angles(x, p, base)),
                lambda x, p, base: _angles_of_halves_turns_of_pairs(x, _angles(x, p, base)),
            ),
        ),
        Mistake(
            "turned the wrong way",
            "Your vectors turn with the clock: (1, 0) goes to (0, -1) at a quarter turn. Distances would "
            "still come out, but with the other sign.",
            (lambda x, p, base: _turn(x, -_angles(x, p, base)),),
        ),
        Mistake(
            "not put back in turn",
            "The pairs are turned rightly, but then all first coordinates stand before all second ones. "
            "Each belongs back in its own place.",
            (lambda x, p, base: _turn(x, _angles(x, p, base), join=lambda parts: torch.cat(parts, -1)),),
        ),
        Mistake(
            "sign wrong",
            "Your vectors change their length: both of your formulas have the same sign. A rotation has one "
            "plus and one minus.",
            (
                _made_of(lambda a, b, cos, sin: (a * cos + b * sin, a * sin + b * cos)),
                _made_of(lambda a, b, cos, sin: (a * cos - b * sin, b * cos - a * sin)),
            ),
        ),
        Mistake(
            "first coordinate overwritten",
            "Your first coordinates are right. For the second you use the first after it was turned, where "
            "the formula needs the old one.",
            (_made_of(_in_two_steps),),
        ),
        Mistake(
            "sine and cosine exchanged",
            "At position 0 nothing should change, but there your coordinates trade places: sine and cosine "
            "are exchanged. What is the cosine of 0?",
            (
                _made_of(lambda a, b, cos, sin: (a * sin - b * cos, a * cos + b * sin)),
                _made_of(lambda a, b, cos, sin: (a * sin + b * cos, a * cos - b * sin)),
            ),
        ),
        Mistake(
            "scaled instead of turned",
            "You multiply each feature by a cosine (or by a sine), so the two of a pair never mix. Each new "
            "coordinate needs both old ones.",
            (
                _made_of(lambda a, b, cos, sin: (a * cos, b * cos)),
                _made_of(lambda a, b, cos, sin: (a * cos, b * sin)),
                _made_of(lambda a, b, cos, sin: (a * sin, b * cos)),
            ),
        ),
        Mistake(
            "sines added",
            "You add sines and cosines to x. That is the sinusoidal encoding; here nothing is added, the "
            "vector itself turns.",
            (_made_of(lambda a, b, cos, sin: (a + sin, b + cos)),),
        ),
        Mistake(
            "i instead of 2i",
            "The first pair is right and later ones turn too fast: your exponent counts pairs where the "
            "formula has twice that number.",
            (
                lambda x, p, base: _turn(
                    x, p[:, None] * base ** (-torch.arange(x.shape[-1] // 2) / x.shape[-1])
                ),
            ),
        ),
        Mistake(
            "base fixed",
            "With base 10000 you are right and with others you are not. The base is an argument.",
            (lambda x, p, base: _turn(x, _angles(x, p, 10000.0)),),
        ),
        Mistake(
            "places counted instead of positions",
            "You count the tokens of x from 0 and do not look at positions. While decoding, a single new "
            "token comes in, and it is not the first.",
            (lambda x, p, base: _turn(x, _angles(x, torch.arange(x.shape[-2]), base)),),
        ),
        Mistake(
            "positions cut to whole numbers",
            "Whole positions come out right, but a fraction is cut off before the rotation. Squeezed texts "
            "stand at fractions: leave the positions as they are.",
            (lambda x, p, base: _turn(x, _angles(x, p.long(), base)),),
        ),
        Mistake(
            "counted from the first position",
            "It comes out as if the first position were taken away from all. A token that comes alone is "
            "then never turned: each turns by its own position.",
            (lambda x, p, base: _turn(x, _angles(x, p - p[0], base)),),
        ),
        Mistake(
            "one speed for all pairs",
            "All your pairs turn at the same speed, so two distances that are a full turn apart look alike. "
            "Later pairs are slower.",
            (lambda x, p, base: _turn(x, p[:, None].expand(-1, x.shape[-1] // 2)),),
        ),
    ),
    atol=1e-4,
)


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


EXERCISES = (ROTARY, INTERPOLATION)
