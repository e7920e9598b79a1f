"""Exercises of chapter 3.2: neighbours and clusters of vectors.

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
            "You set the word's cosine with itself to 0, and so it stands before all that point the other "
            "way. Which number is smaller than every cosine?",
            (lambda v, q, k: _cosines(v, q).index_fill(0, torch.tensor([q]), 0.0).topk(k).indices,),
        ),
        Mistake(
            "row 0 left out",
            "You leave out row 0, whatever was asked for. That is the word itself only when query is 0.",
            (lambda v, q, k: _cosines(v, q)[1:].topk(k).indices + 1,),
        ),
        Mistake(
            "not normalised",
            "Long vectors win in your list: you compare dot products. Divide each row by its own length.",
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
            (lambda v, q, k: _best(-(v - v[q]).norm(dim=1), q, k),),
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


# 3.2-8 ----------------------------------------------------------------------------------


def purity_and_chance(classes, clusters, shuffles):
    """classes, clusters [n], shuffles [m, n], orders of the items -> purity [], mean of shuffled ones []."""

    def purity(of):
        largest = [torch.bincount(of[clusters == cluster]).max() for cluster in clusters.unique()]
        return torch.stack(largest).sum() / len(of)

    return purity(classes), torch.stack([purity(classes[order]) for order in shuffles]).mean()


def _largest(classes, clusters):
    """For each cluster the number of items of its most frequent class, and of all its items."""
    members = [classes[clusters == cluster] for cluster in clusters.unique()]
    return torch.tensor([[torch.bincount(each).max().item(), len(each)] for each in members]).double()


def _purity(classes, clusters):
    return _largest(classes, clusters)[:, 0].sum() / len(classes)


def _mean_of_clusters(classes, clusters):
    largest, sizes = _largest(classes, clusters).T
    return (largest / sizes).mean()


def _both(measure, over=torch.mean):
    """The measure and its baseline from all shuffles."""

    def answer(classes, clusters, shuffles):
        shuffled = [torch.as_tensor(measure(classes[order], clusters)).double() for order in shuffles]
        return measure(classes, clusters), over(torch.stack(shuffled))

    return answer


def _sizes(classes, clusters, shuffles):
    return _purity(classes, clusters), torch.bincount(classes).max() / len(classes)


def _purity_case(name, seed, classes, clusters, items, shuffles, agree=0.6):
    generator = torch.Generator().manual_seed(seed)
    of = torch.randint(classes, (items,), generator=generator)
    drawn = torch.randint(clusters, (items,), generator=generator)
    into = torch.where(torch.rand(items, generator=generator) < agree, (of + 1) % clusters, drawn)
    orders = torch.stack([torch.randperm(items, generator=generator) for _ in range(shuffles)])
    return Case(name, (of, into, orders))


PURITY = Exercise(
    key="3.2-8",
    title="Purity, and purity by chance",
    difficulty=2,
    minutes=20,
    statement=(
        "The purity of clusters is the share of the items that belong to the most frequent class of their "
        "cluster. Return it together with its baseline: the mean purity that the same clusters have for "
        "shuffled classes. Each row of shuffles is an order of the items; shuffled classes are "
        "classes[order]. Clusters have any numbers, and some numbers are not used."
    ),
    takeaway="With more clusters purity rises by itself: only what stands above its baseline was found.",
    reference=purity_and_chance,
    explanation="One function for purity, called with the true classes and with each shuffle of them.",
    hints=(
        "Take one cluster: which class occurs most often in it, and how many of its items does that explain?",
        "Add these numbers up over the clusters and divide once, by the number of all items. A large cluster "
        "then counts more than a small one.",
        "The baseline is the same sum, for the classes in another order. If you shuffled the clusters in the "
        "same way, nothing would have changed.",
    ),
    cases=(
        _purity_case("12 items, 3 classes, 3 clusters", 6001, 3, 3, 12, 5),
        _purity_case("40 items, 4 classes, 4 clusters", 6002, 4, 4, 40, 10),
        _purity_case("many small clusters", 6003, 3, 15, 30, 8),
        _purity_case("one cluster", 6004, 3, 1, 20, 4),
        _purity_case("clusters without sense", 6005, 5, 6, 60, 6, agree=0.0),
        _purity_case("each class a cluster", 6006, 4, 4, 25, 7, agree=1.0),
        Case(
            "clusters of different size, numbered 9 and 2",
            (
                torch.tensor([0, 0, 1, 1, 1, 2, 2, 1]),
                torch.tensor([9, 2, 2, 2, 2, 2, 9, 2]),
                torch.tensor([[3, 1, 4, 0, 5, 2, 7, 6], [7, 6, 5, 4, 3, 2, 1, 0]]),
            ),
        ),
    ),
    mistakes=(
        Mistake(
            "no baseline",
            "Your purity is right, but the baseline does not come from the shuffles. What would clusters "
            "without any sense score?",
            (
                lambda t, c, s: (_purity(t, c), torch.tensor(0.0)),
                lambda t, c, s: (_purity(t, c), 1 / len(t.unique())),
                lambda t, c, s: (_purity(t, c), 1 / len(c.unique())),
                lambda t, c, s: (_purity(t, c), (torch.bincount(t) / len(t)).square().sum()),
            ),
        ),
        Mistake(
            "share of the largest class",
            "You compare with the largest class, which is the purity of a single cluster. Many clusters are "
            "purer than that by chance alone: use the shuffles.",
            (_sizes,),
        ),
        Mistake(
            "shuffled together",
            "Your baseline equals the purity, as when classes and clusters are shuffled in the same way and "
            "every item keeps its partner. Shuffle one of them.",
            (lambda t, c, s: (_purity(t, c), _purity(t, c)),),
        ),
        Mistake(
            "classes and clusters exchanged",
            "You look for the most frequent cluster of each class. One single cluster would be perfect by "
            "that measure.",
            (_both(lambda t, c: _purity(c, t)),),
        ),
        Mistake(
            "every cluster counts alike",
            "You take the mean of the clusters' purities. A cluster of one item is always pure: weigh each "
            "by its size, or divide only once at the end.",
            (_both(_mean_of_clusters),),
        ),
        Mistake(
            "cluster numbers taken for classes",
            "You compare cluster numbers with class numbers. They are names that the method gave in any "
            "order: cluster 0 need not be class 0.",
            (_both(lambda t, c: (t == c).double().mean()),),
        ),
        Mistake(
            "best of the shuffles",
            "Your baseline is the best of all shuffles. Asked for is what to expect of one: their mean.",
            (_both(_purity, over=torch.max),),
        ),
        Mistake(
            "not the mean of the shuffles",
            "Your baseline is the least or the middle one of the shuffled purities. Asked for is their mean.",
            (_both(_purity, over=torch.min), _both(_purity, over=torch.median)),
        ),
        Mistake(
            "clusters shuffled",
            "What comes out is as if the clusters were put into the orders, clusters[order], and the classes "
            "kept. It is the classes that are shuffled: classes[order] beside the clusters as they are.",
            (lambda t, c, s: (_purity(t, c), torch.stack([_purity(t, c[order]) for order in s]).mean()),),
        ),
        Mistake(
            "orders for classes",
            "What comes out is as if the numbers in shuffles were classes. They are places of items: "
            "classes[order] are the classes in that order.",
            (lambda t, c, s: (_purity(t, c), torch.stack([_purity(order, c) for order in s]).mean()),),
        ),
        Mistake(
            "divided by the clusters",
            "What comes out is the right sum, divided by the number of clusters. A share of the items has "
            "their number below the line.",
            (_both(lambda t, c: _purity(t, c) * len(t) / len(c.unique())),),
        ),
        Mistake(
            "one shuffle only",
            "Your baseline comes from a single shuffle, and so from one throw of the dice. Take the mean "
            "over all rows.",
            (
                lambda t, c, s: (_purity(t, c), _purity(t[s[0]], c)),
                lambda t, c, s: (_purity(t, c), _purity(t[s[-1]], c)),
            ),
        ),
        Mistake(
            "items counted, not their share",
            "You give numbers of items. Purity is a share of all items, between 0 and 1.",
            (_both(lambda t, c: _purity(t, c) * len(t)),),
        ),
        Mistake(
            "above chance",
            "You have subtracted the baseline already. Return both numbers as they are.",
            (
                lambda t, c, s: (_purity(t, c) - _both(_purity)(t, c, s)[1], _both(_purity)(t, c, s)[1]),
                lambda t, c, s: (_purity(t, c), _purity(t, c) - _both(_purity)(t, c, s)[1]),
            ),
        ),
    ),
    parts=("purity", "baseline"),
)


EXERCISES = (NEAREST, PURITY)
