"""Exercise of chapter 3.2, the part on neighbours: the nearest words.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

# 3.2-3 ----------------------------------------------------------------------------------


def nearest_words(vectors, query, k):
    """vectors [words, dim], query a row's number -> numbers of the k nearest other rows by cosine, [k]."""
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    cosines = unit @ unit[query]
    cosines[query] = -torch.inf
    return cosines.topk(k).indices


def _best(values, query, k):
    """Numbers of the k largest values, the query's own left out."""
    return values.index_fill(0, torch.tensor([query]), -torch.inf).topk(k).indices


def _cosines(vectors, query, order=2):
    unit = vectors / vectors.norm(p=order, dim=1, keepdim=True)
    return unit @ unit[query]


def _from_the_others(vectors, query, k):
    cosines = _cosines(vectors, query)
    return torch.cat([cosines[:query], cosines[query + 1 :]]).topk(k).indices


def _behind_the_query(vectors, query, k):
    """Numbers of the list without the query, moved up behind it and not from its place on."""
    found = _from_the_others(vectors, query, k)
    return found + (found > query)


def _ranks(vectors, query, k):
    values = _cosines(vectors, query).index_fill(0, torch.tensor([query]), -torch.inf)
    return values.argsort(descending=True).argsort()[:k]


def _by_columns(vectors, query, k):
    unit = vectors / vectors.norm(dim=0)
    return _best(unit @ unit[query], query, k)


def _squared_lengths(vectors, query, k):
    return _best(vectors @ vectors[query] / vectors.square().sum(1), query, k)


def _near_case(name, seed, rows, dim, query, k, spread=3.0):
    (vectors,) = random_tensors(seed, (rows, dim))
    lengths = torch.rand(rows, 1, generator=torch.Generator().manual_seed(seed + 50)) * spread + 0.2
    return Case(name, (lengths * vectors, query, k))


NEAREST = Exercise(
    key="3.2-3",
    title="The nearest words",
    difficulty=1,
    minutes=10,
    statement=(
        "Find the k rows whose vectors have the largest cosine with that of the query, the nearest first, as "
        "row numbers. A word is not its own neighbour. No vector is zero, and no two cosines are equal."
    ),
    takeaway="Counts make frequent words long: undivided by their length they are everybody's neighbour.",
    reference=nearest_words,
    explanation="All vectors at length 1, one product with the query's, its own cosine out of the race.",
    hints=(
        "The cosine is the dot product divided by both lengths. Does the length of the query change the "
        "order of its neighbours? Do the lengths of the others?",
        "Each row is divided by its own length: which axis does the length sum over, and what shape must it "
        "keep?",
        "The query itself has the cosine 1. Put something smaller than any cosine in its place before you "
        "look for the largest.",
    ),
    cases=(
        _near_case("6 words, 2 neighbours", 5001, 6, 3, 0, 2),
        _near_case("9 words, the last is asked for", 5002, 9, 4, 8, 3),
        _near_case("one neighbour", 5003, 7, 5, 3, 1),
        _near_case("all others in order", 5004, 8, 6, 2, 7),
        _near_case("20 words of very different length", 5005, 20, 4, 11, 5, spread=40.0),
        _near_case("vectors of 30 numbers", 5006, 15, 30, 5, 6, spread=6.0),
        Case("opposite and turned", (torch.tensor([[2.0, 0], [-9, 0.1], [0, 5], [0.3, 0.1]]), 0, 2)),
    ),
    mistakes=(
        Mistake(
            "numbers of a shorter list",
            "You take the query's row out before you choose, and all rows behind it get a number that is one "
            "smaller. Row numbers of the whole table are asked for.",
            (_from_the_others,),
        ),
        Mistake(
            "one row not moved up",
            "The row right behind the query gets the query's number from you. In the list without the query "
            "it stands at the query's place, so it has to move up as well: from there on, not behind it.",
            (_behind_the_query,),
        ),
        Mistake(
            "ranks for numbers",
            "What comes out are ranks, those of the first k rows: how many rows are nearer than each. Asked "
            "for are the numbers of the k nearest rows: sort once, not twice.",
            (_ranks,),
        ),
        Mistake(
            "the word scored 0",
            "The word's cosine with itself counts as 0 in your version, and so it stands before all that "
            "point the other way. Which number is smaller than every cosine?",
            (lambda v, q, k: _cosines(v, q).index_fill(0, torch.tensor([q]), 0.0).topk(k).indices,),
        ),
        Mistake(
            "row 0 left out",
            "You leave out row 0, whatever was asked for. That is the word itself only when query is 0.",
            (lambda v, q, k: _cosines(v, q)[1:].topk(k).indices + 1,),
        ),
        Mistake(
            "not normalised",
            "Long vectors win in your list, as with plain dot products. Divide each row by its own length.",
            (lambda v, q, k: _best(v @ v[q], q, k),),
        ),
        Mistake(
            "the word itself is first",
            "Your list begins with the query: a cosine of 1 cannot be beaten. Leave it out of the race, and "
            "return k others.",
            (
                lambda v, q, k: _cosines(v, q).topk(k).indices,
                lambda v, q, k: _cosines(v, q).topk(k + 1).indices,
            ),
        ),
        Mistake(
            "the query last",
            "Your list ends with the query itself, and runs from far to near. The nearest comes first, and "
            "the query is left out.",
            (lambda v, q, k: _cosines(v, q).argsort()[-k:],),
        ),
        Mistake(
            "near to row 0",
            "Your list holds the words near row 0, whatever was asked for. The cosines are those with row "
            "`query`.",
            (lambda v, q, k: _best(_cosines(v, 0), q, k),),
        ),
        Mistake(
            "a mean taken off",
            "It comes out as if a mean were taken off the vectors first. The cosine takes them as they are.",
            (
                lambda v, q, k: _best(_cosines(v - v.mean(0), q), q, k),
                lambda v, q, k: _best(_cosines(v - v.mean(1, keepdim=True), q), q, k),
            ),
        ),
        Mistake(
            "vectors returned",
            "You return the vectors of the nearest words. Asked for are the numbers of their rows.",
            (lambda v, q, k: v[nearest_words(v, q, k)],),
        ),
        Mistake(
            "one too few",
            "You find k words and then drop the query, so only k - 1 of them are left.",
            (lambda v, q, k: _cosines(v, q).topk(k).indices[1:],),
        ),
        Mistake(
            "farthest instead of nearest",
            "Your list holds the words that are least alike: small cosines are far away (it is a distance "
            "that is small for neighbours).",
            (lambda v, q, k: _best(-_cosines(v, q), q, k),),
        ),
        Mistake(
            "the nearest last",
            "The right words, in the wrong order: the nearest comes first.",
            (lambda v, q, k: _best(_cosines(v, q), q, k).flip(0),),
        ),
        Mistake(
            "distance instead of angle",
            "You look for the smallest distance between the tips of the vectors. A word with a short vector "
            "is then near to every other short one, whatever its direction.",
            (
                lambda v, q, k: _best(-(v - v[q]).norm(dim=1), q, k),
                lambda v, q, k: _best(-(v - v[q]).abs().sum(1), q, k),
            ),
        ),
        Mistake(
            "opposites count as near",
            "You drop the sign of the cosine: a vector that points the other way is not alike.",
            (lambda v, q, k: _best(_cosines(v, q).abs(), q, k),),
        ),
        Mistake(
            "columns normalised",
            "You divide by the lengths of the columns. The length of a word's vector is that of its row.",
            (_by_columns,),
        ),
        Mistake(
            "divided twice",
            "You divide by the squared length. Short vectors now win where long ones won before.",
            (_squared_lengths,),
        ),
        Mistake(
            "another length",
            "You divide by the sum (or the largest) of the absolute entries. The cosine wants the root of "
            "the sum of squares.",
            (
                lambda v, q, k: _best(_cosines(v, q, order=1), q, k),
                lambda v, q, k: _best(_cosines(v, q, order=float("inf")), q, k),
            ),
        ),
        Mistake(
            "cosines returned",
            "You return the cosines themselves. Asked for are the numbers of the rows.",
            (lambda v, q, k: _cosines(v, q)[_best(_cosines(v, q), q, k)],),
        ),
    ),
)


EXERCISES = (NEAREST,)
