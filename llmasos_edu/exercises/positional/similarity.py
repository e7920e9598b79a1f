"""Exercises of chapter 4.2.3: products of positions by distance.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors
from llmasos_edu.exercises.positional import waves

# 4.2.3-3 --------------------------------------------------------------------------------


def similarity_by_distance(table):
    """table [seq, d_model], one row for each position -> mean dot product at distance 0, 1, ..., [seq]."""
    products = table @ table.T
    return torch.stack([products.diagonal(offset=distance).mean() for distance in range(len(table))])


def _by_distance(table, mean=torch.mean):
    products = table @ table.T
    return torch.stack([mean(products.diagonal(k)) for k in range(len(table))])


def _distances(table):
    places = torch.arange(len(table))
    return (places[:, None] - places).abs()


def _upper_triangles(table):
    number = torch.arange(len(table), 0, -1)
    sums = torch.stack([(table @ table.T).triu(k).sum() for k in range(len(table))])
    return sums / (number * (number + 1) / 2)


def _unit(table):
    return table / table.norm(dim=-1, keepdim=True)


def _places_looked_up(table):
    rows, n = table.tolist(), len(table)
    places = torch.tensor([rows.index(row) for row in rows])
    apart, products = (places[:, None] - places).abs(), table @ table.T
    return torch.stack([products[apart == k].mean() for k in range(n)])


def _in_a_circle(table):
    return torch.stack([(table * table.roll(-k, 0)).sum(-1).mean() for k in range(len(table))])


SIMILARITY = Exercise(
    key="4.2.3-3",
    title="How alike are positions at a distance?",
    difficulty=1,
    minutes=10,
    statement=(
        "Given a table with one vector for each position (any table: sinusoidal or learned), find the mean "
        "dot product of two positions that are k apart, over all such pairs, for k = 0, 1, ..., seq - 1."
    ),
    takeaway="For sines the product depends on the distance alone; ask a learned table whether it knows.",
    reference=similarity_by_distance,
    explanation="All dot products are one matrix; the pairs at distance k are its k-th diagonal.",
    hints=(
        "Which single matrix product gives the dot product of every position with every other?",
        "Mark in that matrix the entries whose row and column differ by 2. What do they form, and how many "
        "are there?",
        "One mean for each distance: at distance 0 over seq pairs, at distance seq - 1 over a single one.",
    ),
    cases=(
        Case("a sinusoidal table of 8 positions", (waves.sinusoidal_positions(8, 6, 100.0),)),
        Case("a random table of 6 positions", random_tensors(1001, (6, 4))),
        Case("a table with a trend", (random_tensors(1002, (9, 5))[0] + torch.arange(9)[:, None] / 3,)),
        Case(
            "whole numbers, two positions alike, some at right angles",
            (torch.tensor([[1.0, 0, 2], [0, 1, 0], [2, 1, 1], [0, 1, 0], [3, 0, 1]]),),
        ),
        Case("a single position", random_tensors(1003, (1, 7))),
        Case("two positions, d_model 12", random_tensors(1004, (2, 12))),
        Case(
            "12 positions with vectors of different length",
            (random_tensors(1005, (12, 3))[0] * torch.arange(1, 13)[:, None],),
        ),
    ),
    mistakes=(
        Mistake(
            "first position only",
            "You compare one position, the first or the last, with the others. For sines that is enough, "
            "but in other tables each pair at a distance has its own product: take the mean over all of "
            "them.",
            (
                lambda t: t @ t[0],
                lambda t: (t @ t[-1]).flip(0),
            ),
        ),
        Mistake(
            "distance counted in a circle",
            "Your last positions are compared with the first ones, as if the table were a ring. At distance "
            "k there are k pairs fewer than positions.",
            (_in_a_circle,),
        ),
        Mistake(
            "divided by the number of positions",
            "You add the right products, but divide by seq at every distance. How many pairs of positions "
            "are k apart?",
            (lambda t: _by_distance(t, torch.sum) / len(t),),
        ),
        Mistake(
            "divided by one more",
            "You add the right products, but divide by one more than their number. How many pairs are k "
            "apart among seq positions?",
            (lambda t: torch.stack([(t @ t.T).diagonal(k).sum() / (len(t) - k + 1) for k in range(len(t))]),),
        ),
        Mistake(
            "all from a distance on",
            "It comes out as if all pairs from a distance on were taken together. At distance k only those "
            "count that are k apart.",
            (
                lambda t: torch.stack([(t @ t.T)[_distances(t) >= k].mean() for k in range(len(t))]),
                _upper_triangles,
            ),
        ),
        Mistake(
            "median instead of mean",
            "What comes out is the median of the products at each distance, or the largest of them. Asked "
            "for is their mean.",
            (lambda t: _by_distance(t, torch.median), lambda t: _by_distance(t, torch.amax)),
        ),
        Mistake(
            "a number for each position",
            "Your numbers belong to positions: the mean product of each with all. Asked for is one for each "
            "distance, over all pairs that are so far apart.",
            (lambda t: (t @ t.T).mean(0),),
        ),
        Mistake(
            "means compared",
            "It comes out as if the vectors were averaged before the product. Each pair has a product of its "
            "own: the mean comes last.",
            (lambda t: torch.stack([t[: len(t) - k].mean(0) @ t[k:].mean(0) for k in range(len(t))]),),
        ),
        Mistake(
            "sum instead of mean",
            "You add up the products of all pairs that are k apart, and there are fewer of these the "
            "larger k is. Which number can be compared between distances?",
            (lambda t: _by_distance(t, torch.sum),),
        ),
        Mistake(
            "both directions added",
            "It comes out as if each pair were counted in both directions and its products divided by the "
            "number of pairs in one. Distance 0 may be right: how many products have you added at distance "
            "1?",
            (lambda t: _by_distance(t) * torch.where(torch.arange(len(t)) > 0, 2.0, 1.0),),
        ),
        Mistake(
            "all up to a distance",
            "It comes out as if all pairs up to a distance were taken together. At distance k only those "
            "count that are k apart.",
            (lambda t: torch.stack([(t @ t.T)[_distances(t) <= k].mean() for k in range(len(t))]),),
        ),
        Mistake(
            "a vector looked up by its numbers",
            "Right, except where two positions have the same vector: it comes out as if the second of them "
            "stood where the first does, as `index` finds it in a list. Count the positions along (as "
            "enumerate does) instead of looking for the vector.",
            (_places_looked_up,),
        ),
        Mistake(
            "products of 0 not counted",
            "Right, except where a product is 0: it comes out as if it were not counted in the mean. Vectors "
            "at right angles are a pair like any other.",
            (lambda t: _by_distance(t, lambda products: products.sum() / products.count_nonzero()),),
        ),
        Mistake(
            "absolute products",
            "None of your numbers is below zero, although some vectors point away from each other. A "
            "product keeps its sign.",
            (lambda t: _by_distance(t, lambda products: products.abs().mean()),),
        ),
        Mistake(
            "cosine of the angle",
            "You divide by the lengths of the vectors, or by their mean square, so distance 0 gives "
            "exactly 1. That is a fine measure too, but attention computes dot products.",
            (
                lambda t: _by_distance(_unit(t)),
                lambda t: _by_distance(t) / _by_distance(t)[0],
            ),
        ),
        Mistake(
            "divided by the width",
            "You take the mean over the features where a dot product adds them up (or divide by the root of "
            "d_model, as attention does later).",
            (lambda t: _by_distance(t) / t.shape[1], lambda t: _by_distance(t) / t.shape[1] ** 0.5),
        ),
        Mistake(
            "distance 0 left out",
            "Your list begins with distance 1. The product of a position with itself is asked for as well, "
            "and so there are seq numbers.",
            (lambda t: _by_distance(t)[1:],),
        ),
        Mistake(
            "features compared instead of positions",
            "Your products are those of the columns: [d_model, d_model]. Which axis should the matrix "
            "product sum over?",
            (lambda t: _by_distance(t.T.contiguous()),),
        ),
        Mistake(
            "difference instead of product",
            "You measure how far apart the vectors are. Alike vectors have a small distance, but a large "
            "dot product.",
            (
                lambda t: torch.stack([torch.cdist(t, t).diagonal(k).mean() for k in range(len(t))]),
                lambda t: torch.stack([torch.cdist(t, t).square().diagonal(k).mean() for k in range(len(t))]),
            ),
        ),
    ),
    atol=1e-3,
)


EXERCISES = (SIMILARITY,)
