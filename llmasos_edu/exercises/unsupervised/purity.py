"""Exercise of chapter 3.2 on how pure clusters are, and how pure they would be by chance.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

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


def _one_after_the_other(classes, clusters, shuffles):
    """Each shuffle begins where the last one ended."""
    right, found = _purity(classes, clusters), []
    for order in shuffles:
        classes = classes[order]
        found.append(_purity(classes, clusters))
    return right, torch.stack(found).mean()


def _of_clusters(numbers):
    """Purity from the clusters with some numbers alone, `numbers(clusters)`."""

    def measure(classes, clusters):
        members = [classes[clusters == number] for number in numbers(clusters)]
        return torch.tensor([torch.bincount(each).max() for each in members if len(each)]).sum() / len(
            classes
        )

    return measure


def _classes_without_gaps(classes, clusters):
    numbers = torch.arange(len(classes.unique()))
    hits = classes == numbers[:, None]
    return sum((hits & (clusters == each)).sum(1).max() for each in clusters.unique()) / len(classes)


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
        Case(
            "no item of class 1",
            (
                torch.tensor([0, 2, 2, 0, 2, 2]),
                torch.tensor([4, 4, 1, 4, 1, 1]),
                torch.tensor([[1, 0, 3, 2, 5, 4], [5, 3, 1, 0, 2, 4]]),
            ),
        ),
    ),
    mistakes=(
        Mistake(
            "no baseline",
            "Your baseline does not come from the shuffles. What would clusters without any sense score?",
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
            (
                _both(_mean_of_clusters),
                lambda t, c, s: (_purity(t, c), _both(_mean_of_clusters)(t, c, s)[1]),
                lambda t, c, s: (_mean_of_clusters(t, c), _both(_purity)(t, c, s)[1]),
            ),
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
            "shuffled on and on",
            "What comes out is as if each order were put on the classes that the one before had shuffled. "
            "Each row of shuffles is an order of the items as they are: begin anew from classes.",
            (_one_after_the_other,),
        ),
        Mistake(
            "the highest number missing",
            "What comes out is as if the cluster with the highest number were left out. A `range` that ends "
            "with this number stops before it: go through the numbers that occur.",
            (_both(_of_clusters(lambda clusters: range(int(clusters.max())))),),
        ),
        Mistake(
            "numbered without gaps",
            "What comes out is as if the clusters had the numbers 0, 1, 2, ... without a gap: those with "
            "numbers beyond their count are left out. Go through the numbers that occur.",
            (_both(_of_clusters(lambda clusters: range(len(clusters.unique())))),),
        ),
        Mistake(
            "classes numbered without gaps",
            "What comes out is as if the classes had the numbers 0, 1, 2, ... without a gap: where a class "
            "is missing among the items, one with a number beyond their count is not looked at.",
            (_both(_classes_without_gaps),),
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


EXERCISES = (PURITY,)
