"""Exercises of chapter 4.2.3, the part on angles: rotary positions.

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


def _second_coordinates_in_front(x, angles):
    turned = torch.cat((-x[..., 1::2], x[..., 0::2]), -1)
    angles = angles.repeat_interleave(2, -1)
    return x * angles.cos() + turned * angles.sin()


def _with_exponents(make):
    def answer(x, positions, base):
        exponents = make(torch.arange(x.shape[-1] // 2), x.shape[-1])
        return _turn(x, positions[:, None] * base**-exponents)

    return answer


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
            (*random_tensors(1305, (1, 3, 8)), torch.tensor([3, 9, 4]), 50.0),
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
                lambda x, p, base: _second_coordinates_in_front(x, _angles(x, p, base)),
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
            "It comes out as if the base were 10000 whatever is handed in. The base is an argument: a "
            "larger one slows the later pairs.",
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
            "positions one off",
            "It comes out as if every position were one higher or one lower. The positions are given, and "
            "a token at position 0 is not turned at all.",
            (
                lambda x, p, base: _turn(x, _angles(x, p + 1, base)),
                lambda x, p, base: _turn(x, _angles(x, p - 1, base)),
            ),
        ),
        Mistake(
            "another unit of the angle",
            "It comes out as if all angles were multiplied once more, by 2 pi or by pi / 180, as for "
            "another unit. They are in radians as they stand.",
            (
                lambda x, p, base: _turn(x, 2 * torch.pi * _angles(x, p, base)),
                lambda x, p, base: _turn(x, torch.deg2rad(_angles(x, p, base))),
            ),
        ),
        Mistake(
            "exponents from 1, or up to 1",
            "It comes out as if the exponents were other ones: counted from the second pair on, or spread "
            "so that the last is 1. They begin at 0 and go up by 2 / head_dim.",
            (
                _with_exponents(lambda i, size: (2 * i + 2) / size),
                _with_exponents(lambda i, size: i / max(1, size // 2 - 1)),
            ),
        ),
        Mistake(
            "pairs from the other end",
            "It comes out as if the last pair turned fastest and the first one slowest. It is the other "
            "way round: the exponent 2i / head_dim is 0 for the first.",
            (lambda x, p, base: _turn(x, _angles(x, p, base).flip(-1)),),
        ),
        Mistake(
            "another logarithm",
            "The first pair is right. For the others it comes out as if a power of the base were made by "
            "exp with another logarithm, to base 10 or 2: exp belongs to the natural one.",
            (
                lambda x, p, base: _turn(x, _angles(x, p, torch.tensor(base).log10().exp())),
                lambda x, p, base: _turn(x, _angles(x, p, torch.tensor(base).log2().exp())),
            ),
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


EXERCISES = (ROTARY,)
