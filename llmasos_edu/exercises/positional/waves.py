"""Exercises of chapter 4.2.3, the part on sines and cosines: the matrix, and the rotation in it.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 4.2.3-1 --------------------------------------------------------------------------------


def sinusoidal_positions(seq, d_model, base):
    """seq positions, even d_model, base -> matrix [seq, d_model], sine and cosine in turn."""
    speeds = base ** (-torch.arange(0, d_model, 2) / d_model)
    angles = torch.arange(seq)[:, None] * speeds
    matrix = torch.empty(seq, d_model)
    matrix[:, 0::2] = angles.sin()
    matrix[:, 1::2] = angles.cos()
    return matrix


def _waves(seq, speeds, *, first=torch.sin, second=torch.cos, start=0):
    angles = torch.arange(start, seq + start)[:, None] * speeds
    return torch.stack((first(angles), second(angles)), -1).flatten(1)


def _speeds(d_model, base):
    return base ** (-torch.arange(0, d_model, 2) / d_model)


def _feature_by_feature(seq, d_model, base):
    """Every feature with an exponent of its own."""
    angles = torch.arange(seq)[:, None] * base ** (-torch.arange(d_model) / d_model)
    return torch.where(torch.arange(d_model) % 2 == 0, angles.sin(), angles.cos())


def _twice_the_index(seq, d_model, base):
    angles = torch.arange(seq)[:, None] * base ** (-2 * torch.arange(d_model) / d_model)
    return torch.where(torch.arange(d_model) % 2 == 0, angles.sin(), angles.cos())


def _cosines_by_themselves(seq, d_model, base):
    columns = torch.arange(d_model)
    exponents = torch.where(columns % 2 == 0, columns, 2 * columns) / d_model
    angles = torch.arange(seq)[:, None] * base**-exponents
    return torch.where(columns % 2 == 0, angles.sin(), angles.cos())


def _halves(seq, d_model, base):
    angles = torch.arange(seq)[:, None] * _speeds(d_model, base)
    return torch.cat((angles.sin(), angles.cos()), -1)


SINUSOIDAL = Exercise(
    key="4.2.3-1",
    title="The sinusoidal matrix",
    difficulty=2,
    minutes=15,
    statement=(
        "Make the matrix of positional encodings: PE(pos, 2i) = sin(pos / base^(2i / d_model)) and "
        "PE(pos, 2i + 1) = cos(pos / base^(2i / d_model)). Features 2i and 2i + 1 are a pair and turn at the "
        "same speed; pos begins at 0. In the paper base is 10000, here it is an argument. d_model is even."
    ),
    takeaway="Each pair of columns is the hand of a clock, and the clocks go from fast to very slow.",
    reference=sinusoidal_positions,
    explanation="One speed for each pair, all angles by one outer product, then sines and cosines in turn.",
    hints=(
        "How many different speeds are there for d_model = 8, and what is 2i for each of them? Write the "
        "four exponents down.",
        "An outer product of the positions [seq] with the speeds [d_model / 2] gives every angle. Which of "
        "the two needs a new axis, and where?",
        "Even columns hold sines and odd ones cosines of the same angles. A slice with a step of 2 reaches "
        "every other column.",
    ),
    cases=(
        Case("6 positions, d_model 8, base 10000", (6, 8, 10000.0)),
        Case("20 positions, d_model 4, base 10000", (20, 4, 10000.0)),
        Case("6 positions, d_model 8, base 100", (6, 8, 100.0)),
        Case("a single position", (1, 10, 10000.0)),
        Case("two features only", (7, 2, 10000.0)),
        Case("as many positions as features, base 50", (12, 12, 50.0)),
    ),
    mistakes=(
        Mistake(
            "sine and cosine exchanged",
            "Position 0 begins with a 1 in your matrix: the cosines stand in the even columns. Which of the "
            "two is 0 at pos = 0, and which comes first in the formula?",
            (lambda n, d, base: _waves(n, _speeds(d, base), first=torch.cos, second=torch.sin),),
        ),
        Mistake(
            "an exponent for every feature",
            "Your exponent counts single features, so the sine and the cosine of a pair turn at different "
            "speeds. In the formula both have the even number 2i: then a pair can be rotated.",
            (_feature_by_feature,),
        ),
        Mistake(
            "i instead of 2i",
            "Your slow columns are too fast: the exponent counts pairs, and runs only up to one half. The "
            "formula doubles that count.",
            (lambda n, d, base: _waves(n, base ** (-torch.arange(d // 2) / d)),),
        ),
        Mistake(
            "2i for every feature",
            "Your exponent doubles the number of the feature and not of the pair, so speeds fall twice as "
            "far and the two of a pair differ. In column 5, what is i?",
            (_twice_the_index,),
        ),
        Mistake(
            "2i doubled",
            "The two of a pair agree, but your exponents are twice what they should be, so speeds fall twice "
            "as far. The even number of a pair's first column is 2i already. In columns 4 and 5, what is i?",
            (lambda n, d, base: _waves(n, base ** (-2.0 * torch.arange(0, d, 2) / d)),),
        ),
        Mistake(
            "base wrong",
            "Your result does not change with the base: it stands fixed in your code. It is an argument.",
            (
                lambda n, d, base: _waves(n, _speeds(d, 10000.0)),
                lambda n, d, base: _waves(n, _speeds(d, 1000.0)),
                lambda n, d, base: _waves(n, _speeds(d, math.e)),
            ),
        ),
        Mistake(
            "multiplied instead of divided",
            "Later columns turn faster and faster in your matrix. Dividing the position by a growing number "
            "should slow them down: check the sign of the exponent.",
            (lambda n, d, base: _waves(n, 1 / _speeds(d, base)),),
        ),
        Mistake(
            "sines in one half, cosines in the other",
            "All the numbers are there, but sines fill the left half and cosines the right. Many programs do "
            "that; the formula of the exercise lets them take turns.",
            (_halves,),
        ),
        Mistake(
            "positions from 1",
            "Your first row belongs to position 1. The count begins at 0, where all sines are 0 and all "
            "cosines 1.",
            (lambda n, d, base: _waves(n, _speeds(d, base), start=1),),
        ),
        Mistake(
            "positions and features exchanged",
            "Your matrix is [d_model, seq]. A position is a row, so that it can be added to the vector of "
            "its token.",
            (lambda n, d, base: _waves(n, _speeds(d, base)).T,),
        ),
        Mistake(
            "i from 1",
            "It comes out as if i began at 1: your first pair is as slow as the second should be. The first "
            "exponent is 0.",
            (lambda n, d, base: _waves(n, base ** (-torch.arange(2, d + 2, 2) / d)),),
        ),
        Mistake(
            "cosines of another exponent",
            "Your cosines are too slow: twice the odd number of their column is in the exponent. In columns "
            "2i and 2i + 1 it is 2i.",
            (_cosines_by_themselves,),
        ),
        Mistake(
            "speeds in equal steps",
            "It comes out as if the speeds fell from pair to pair by equal steps. They fall by equal "
            "factors: 2i / d_model is an exponent.",
            (
                lambda n, d, base: _waves(n, torch.linspace(1, 1 / base, d // 2)),
                lambda n, d, base: _waves(n, torch.linspace(1, 1 / base, d // 2 + 1)[:-1]),
            ),
        ),
        Mistake(
            "brackets of the exponent",
            "It comes out as if a part of 2i / d_model stood outside of the exponent. `**` binds before `*` "
            "and `/`: the whole exponent needs brackets.",
            (
                lambda n, d, base: _waves(n, torch.arange(d // 2) / base**2 / d),
                lambda n, d, base: _waves(n, torch.arange(0, d, 2) / base / d),
                lambda n, d, base: _waves(n, base ** -torch.arange(0.0, d, 2) / d),
                lambda n, d, base: _waves(n, base ** -torch.arange(0.0, d, 2) * d),
            ),
        ),
        Mistake(
            "another number below the exponent",
            "It comes out as if the exponent were divided by the number of positions. The formula has "
            "d_model there: the speeds do not depend on how many positions there are.",
            (lambda n, d, base: _waves(n, base ** (-torch.arange(0, d, 2) / n)),),
        ),
        Mistake(
            "whole turns",
            "Your angles are 2 pi times as large as in the formula. It has pos itself in the angle.",
            (lambda n, d, base: _waves(n, 2 * math.pi * _speeds(d, base)),),
        ),
        Mistake(
            "one function for both",
            "All your columns hold sines, or all of them cosines. The two of a pair are the sine and the "
            "cosine of one angle.",
            (
                lambda n, d, base: _waves(n, _speeds(d, base), second=torch.sin),
                lambda n, d, base: _waves(n, _speeds(d, base), first=torch.cos),
            ),
        ),
        Mistake(
            "one speed for all",
            "All your columns turn at the same speed, so positions that are a full turn apart cannot be told "
            "apart. The exponent should grow from pair to pair.",
            (
                lambda n, d, base: _waves(n, torch.ones(d // 2)),
                lambda n, d, base: _waves(n, torch.ones(d // 2) / base),
            ),
        ),
        Mistake(
            "exponent reaches 1",
            "Your slowest pair is too slow: its exponent is 1, as when you divide by d_model - 2, or by "
            "the number of pairs less one. In the formula the exponent stays below 1.",
            (lambda n, d, base: _waves(n, base ** (-torch.arange(0, d, 2) / max(1, d - 2))),),
        ),
    ),
    atol=1e-4,
)


# 4.2.3-2 --------------------------------------------------------------------------------


def shift_matrix(offset, d_model, base):
    """offset k, even d_model, base -> R [d_model, d_model] with PE(pos + k) = R @ PE(pos) for every pos."""
    angles = offset * base ** (-torch.arange(0, d_model, 2) / d_model)
    matrix = torch.zeros(d_model, d_model)
    for pair, angle in enumerate(angles):
        sin, cos = angle.sin(), angle.cos()
        place = slice(2 * pair, 2 * pair + 2)
        matrix[place, place] = torch.stack((torch.stack((cos, sin)), torch.stack((-sin, cos))))
    return matrix


def _blocks(angles, block=lambda c, s: [[c, s], [-s, c]]):
    blocks = [torch.tensor(block(math.cos(a), math.sin(a))) for a in angles.tolist()]
    return torch.block_diag(*blocks)


def _angles(offset, d_model, base):
    return offset * _speeds(d_model, base)


def _halves_matrix(offset, d_model, base):
    angles = _angles(offset, d_model, base)
    cos, sin = torch.diag(angles.cos()), torch.diag(angles.sin())
    return torch.cat((torch.cat((cos, sin), 1), torch.cat((-sin, cos), 1)))


SHIFT = Exercise(
    key="4.2.3-2",
    title="Going k positions further is a rotation",
    difficulty=3,
    minutes=20,
    statement=(
        "Find the matrix R that takes the sinusoidal encoding of any position k positions further: "
        "PE(pos + k) = R @ PE(pos), with PE(pos) as a column whose features are sin, cos, sin, cos, ... of "
        "the angles pos / base^(2i / d_model). R depends on the offset k alone, which may be negative."
    ),
    takeaway="A model can learn 'three tokens back' as one linear map that holds at every position.",
    reference=shift_matrix,
    explanation="sin(a + b) and cos(a + b) are linear in sin a and cos a: each pair turns by its own angle.",
    hints=(
        "Take one pair alone: (sin a, cos a) must become (sin(a + b), cos(a + b)). Which school formulas "
        "write the second in terms of the first?",
        "Read those two formulas as a 2 x 2 matrix times (sin a, cos a). Which of its entries gets the minus "
        "sign, given that the sine stands on top?",
        "Each pair has an angle b of its own, k times its speed. In the large matrix, where do the numbers "
        "of pair i stand, and what fills the rest?",
    ),
    cases=(
        Case("3 positions further, d_model 4", (3, 4, 10000.0)),
        Case("one position further, d_model 8", (1, 8, 10000.0)),
        Case("2 positions back, d_model 6, base 100", (-2, 6, 100.0)),
        Case("no step at all", (0, 4, 10000.0)),
        Case("40 positions further, d_model 2", (40, 2, 10000.0)),
        Case("7 positions further, d_model 8, base 20", (7, 8, 20.0)),
    ),
    mistakes=(
        Mistake(
            "turned the wrong way",
            "Your matrix goes k positions back. The textbook rotation turns (cos, sin), with the cosine on "
            "top; here the sine is on top. Where does the minus sign go then?",
            (lambda k, d, base: _blocks(_angles(k, d, base)).T,),
        ),
        Mistake(
            "sign missing",
            "Both sines of a block have the same sign in your matrix, so it stretches vectors. One of the "
            "two addition formulas has a difference in it, the other a sum.",
            (
                lambda k, d, base: _blocks(_angles(k, d, base), lambda c, s: [[c, s], [s, c]]),
                lambda k, d, base: _blocks(_angles(k, d, base), lambda c, s: [[c, -s], [-s, c]]),
            ),
        ),
        Mistake(
            "sine and cosine exchanged",
            "For k = 0 your matrix should change nothing, but it swaps the two of each pair, one of them "
            "perhaps with its sign turned: the sines stand on the diagonal. What is the sine of 0?",
            (
                lambda k, d, base: _blocks(_angles(k, d, base), lambda c, s: [[s, c], [-c, s]]),
                lambda k, d, base: _blocks(_angles(k, d, base), lambda c, s: [[s, c], [c, -s]]),
            ),
        ),
        Mistake(
            "mirrored",
            "Your blocks mirror a pair where they should turn it: at k = 0 they already change the sign of "
            "one of the two. What is R for k = 0?",
            (
                lambda k, d, base: _blocks(_angles(k, d, base), lambda c, s: [[c, s], [s, -c]]),
                lambda k, d, base: _blocks(_angles(k, d, base), lambda c, s: [[-c, s], [s, c]]),
            ),
        ),
        Mistake(
            "nothing moves",
            "Your matrix leaves every encoding as it is, whatever k is. That is right for k = 0 alone: by "
            "which angle does the first pair turn?",
            (lambda k, d, base: torch.eye(d),),
        ),
        Mistake(
            "one angle for all pairs",
            "All your pairs turn by the same angle. The slow pairs hardly move when you go one position "
            "further: each has its own speed.",
            (
                lambda k, d, base: _blocks(torch.full((d // 2,), float(k))),
                lambda k, d, base: _blocks(torch.full((d // 2,), k / base)),
            ),
        ),
        Mistake(
            "i instead of 2i",
            "All pairs but the first turn too fast: your exponent counts pairs where the "
            "encoding has twice that number.",
            (lambda k, d, base: _blocks(k * base ** (-torch.arange(d // 2) / d)),),
        ),
        Mistake(
            "base fixed",
            "Your result does not change with the base, as if it stood fixed in your code. It is an "
            "argument.",
            (lambda k, d, base: _blocks(_angles(k, d, 10000.0)),),
        ),
        Mistake(
            "halves instead of pairs",
            "Your blocks join feature i with feature i + d_model / 2. That fits an encoding with all sines "
            "in front; here the sine and the cosine of a pair are neighbours.",
            (_halves_matrix,),
        ),
        Mistake(
            "only the diagonal",
            "Your matrix scales each feature by a cosine or a sine, and the two of a pair do not meet. "
            "Both terms of the addition formula count.",
            (
                lambda k, d, base: _blocks(_angles(k, d, base), lambda c, s: [[c, 0.0], [0.0, c]]),
                lambda k, d, base: _blocks(_angles(k, d, base), lambda c, s: [[s, 0.0], [0.0, c]]),
            ),
        ),
        Mistake(
            "angles divided the wrong way",
            "The later pairs turn faster instead of slower. A position is divided by a power of the base, "
            "which grows from pair to pair.",
            (lambda k, d, base: _blocks(k / _speeds(d, base)),),
        ),
        Mistake(
            "blocks without the rest",
            "You return one 2 x 2 block for each pair. To multiply a whole encoding they have to stand in "
            "one matrix, each on its place of the diagonal.",
            (
                lambda k, d, base: torch.stack([_blocks(a[None]) for a in _angles(k, d, base)]),
                lambda k, d, base: torch.cat([_blocks(a[None]) for a in _angles(k, d, base)]),
            ),
        ),
    ),
    atol=1e-4,
)


EXERCISES = (SINUSOIDAL, SHIFT)
