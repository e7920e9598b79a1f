"""An eleventh trial, chapter 3.2 from contrast on: slips that had got no words, or words that did not fit."""

import math
from statistics import mean, stdev

import numpy as np
import torch
import torch.nn.functional as F

from llmasos_edu.exercises import given
from trial.answers import right, wrong


def cosines(anchors, positives):
    return F.normalize(anchors, dim=-1) @ F.normalize(positives, dim=-1).T


def choice(scores):
    return F.cross_entropy(scores, torch.arange(len(scores)))


def twins_of(groups):
    return (groups[:, None] == groups) & ~torch.eye(len(groups), dtype=torch.bool)


# Only the anchors are brought to length 1
@wrong("3.2-6", "the positives have not")
def positives_keep_their_length(anchors, positives, temperature):
    return choice(F.normalize(anchors, dim=-1) @ positives.T / temperature)


# The temperature forgotten in the sum
@wrong("3.2-6", "the cosine with the own positive alone")
def temperature_for_the_own_alone(anchors, positives, temperature):
    scores = cosines(anchors, positives)
    return (scores.logsumexp(-1) - scores.diagonal() / temperature).mean()


# The temperature forgotten in what is subtracted
@wrong("3.2-6", "the cosines in the sum, and not")
def temperature_for_the_sum_alone(anchors, positives, temperature):
    scores = cosines(anchors, positives)
    return ((scores / temperature).logsumexp(-1) - scores.diagonal()).mean()


# A mean where the sum of exponentials belongs
@wrong("3.2-6", "the mean of the exponentials")
def mean_of_exponentials(anchors, positives, temperature):
    scores = cosines(anchors, positives) / temperature
    return (torch.log(scores.exp().mean(1)) - scores.diagonal()).mean()


# The mean before the logarithm
@wrong("3.2-6", "the logarithm of the mean probability")
def logarithm_of_the_mean_probability(anchors, positives, temperature):
    chances = (cosines(anchors, positives) / temperature).softmax(-1)
    return -torch.log(chances.diagonal().mean())


# Minus the distance of the two unit vectors as a score
@wrong("3.2-6", "as if a distance")
def distances_for_cosines(anchors, positives, temperature):
    distance = torch.cdist(F.normalize(anchors, dim=-1), F.normalize(positives, dim=-1))
    return choice(-distance / temperature)


# Minus the squared distance of unit vectors: twice the cosine, but for a constant
@wrong("3.2-6", "twice the cosine")
def squared_distances_for_cosines(anchors, positives, temperature):
    distance = torch.cdist(F.normalize(anchors, dim=-1), F.normalize(positives, dim=-1))
    return choice(-distance.square() / temperature)


# Only the hardest negative
@wrong("3.2-6", "a single negative, the one that is nearest")
def hardest_negative(anchors, positives, temperature):
    scores = cosines(anchors, positives) / temperature
    hardest = scores.masked_fill(torch.eye(len(scores)).bool(), -torch.inf).max(1).values
    return torch.log1p(torch.exp(hardest - scores.diagonal())).mean()


# SigLIP
@wrong("3.2-6", "a question of its own: do the two belong together")
def yes_or_no_for_each_pair(anchors, positives, temperature):
    scores = cosines(anchors, positives) / temperature
    return F.binary_cross_entropy_with_logits(scores, torch.eye(len(scores)))


# One anchor after the other, in double precision
@right("3.2-6")
def one_anchor_after_the_other(anchors, positives, temperature):
    losses = []
    for i in range(len(anchors)):
        scores = F.cosine_similarity(anchors[i].double()[None], positives.double()) / temperature
        losses.append(scores.logsumexp(0) - scores[i])
    return torch.stack(losses).mean().float()


# -20 for minus infinity
@wrong("3.2-7", "low, but not low enough")
def twenty_below(scores, groups):
    return choice(scores.masked_fill(twins_of(groups), -20.0))


# The lowest score of the table for minus infinity
@wrong("3.2-7", "low, but not low enough")
def the_lowest_score(scores, groups):
    return choice(scores.masked_fill(twins_of(groups), scores.min().item()))


# A small number added against ln 0
@wrong("3.2-7", "something small were added to the probability")
def small_number_against_zero(scores, groups):
    chances = scores.masked_fill(twins_of(groups), -torch.inf).softmax(1)
    return -torch.log(chances.diagonal() + 1e-8).mean()


# The batch is made free of twins first
@wrong("3.2-7", "only the first of each group")
def twins_thrown_out_of_the_batch(scores, groups):
    kept, seen = [], set()
    for i, group in enumerate(groups.tolist()):
        if group not in seen:
            kept.append(i)
            seen.add(group)
    return choice(scores[kept][:, kept])


# The columns of all that have twins go, for every anchor
@wrong("3.2-7", "competed for no anchor but its own")
def columns_with_twins_out(scores, groups):
    out = twins_of(groups).any(0)[None] & ~torch.eye(len(groups), dtype=torch.bool)
    return choice(scores.masked_fill(out, -torch.inf))


# A break after the first twin that is found
@wrong("3.2-7", "only the first twin of each anchor")
def break_after_the_first_twin(scores, groups):
    masked = scores.clone()
    for i in range(len(groups)):
        for j in range(len(groups)):
            if i != j and groups[i] == groups[j]:
                masked[i, j] = -torch.inf
                break
    return choice(masked)


# The own positive is masked too, with a large negative number
@wrong("3.2-7", "with it the own positive")
def own_positive_masked_too(scores, groups):
    return choice(scores.masked_fill(groups[:, None] == groups, -1e9))


# The anchors with twins have loss 0, and are in the mean
@wrong("3.2-7", "whole anchors because they have a twin")
def anchors_with_twins_cost_nothing(scores, groups):
    losses = F.cross_entropy(scores, torch.arange(len(groups)), reduction="none")
    return torch.where(twins_of(groups).any(1), 0.0, losses).mean()


# Row by row, with lists of who competes
@right("3.2-7")
def lists_of_competitors(scores, groups):
    total = 0.0
    for i, group in enumerate(groups.tolist()):
        kept = [j for j, other in enumerate(groups.tolist()) if other != group or j == i]
        total = total + scores[i, kept].logsumexp(0) - scores[i, i]
    return total / len(groups)


def share_of_the_most_frequent(classes, clusters, numbers=None):
    found = 0
    for number in clusters.unique() if numbers is None else numbers:
        members = classes[clusters == number]
        found += torch.bincount(members).max().item() if len(members) else 0
    return found / len(classes)


# classes overwritten in the loop
@wrong("3.2-8", "that the one before had shuffled")
def shuffled_again_and_again(classes, clusters, shuffles):
    purity, found = share_of_the_most_frequent(classes, clusters), []
    for order in shuffles:
        classes = classes[order]
        found.append(share_of_the_most_frequent(classes, clusters))
    return purity, sum(found) / len(found)


# range(clusters.max()) without + 1
@wrong("3.2-8", "the cluster with the highest number")
def last_cluster_left_out(classes, clusters, shuffles):
    numbers = range(int(clusters.max()))
    found = [share_of_the_most_frequent(classes[order], clusters, numbers) for order in shuffles]
    return share_of_the_most_frequent(classes, clusters, numbers), sum(found) / len(found)


# range(number of clusters)
@wrong("3.2-8", "without a gap")
def clusters_numbered_from_zero(classes, clusters, shuffles):
    numbers = range(len(clusters.unique()))
    found = [share_of_the_most_frequent(classes[order], clusters, numbers) for order in shuffles]
    return share_of_the_most_frequent(classes, clusters, numbers), sum(found) / len(found)


# The baseline alone is a mean over clusters
@wrong("3.2-8", "the mean of the clusters' purities")
def baseline_by_clusters(classes, clusters, shuffles):
    found = []
    for order in shuffles:
        each = [
            torch.bincount(classes[order][clusters == number]).max() / (clusters == number).sum()
            for number in clusters.unique()
        ]
        found.append(sum(each) / len(each))
    return share_of_the_most_frequent(classes, clusters), sum(found) / len(found)


# A table of counts, in numpy
@right("3.2-8")
def a_table_of_counts(classes, clusters, shuffles):
    classes, clusters = classes.numpy(), clusters.numpy()

    def purity(of):
        table = np.zeros((of.max() + 1, clusters.max() + 1))
        np.add.at(table, (of, clusters), 1)
        return table.max(0).sum() / len(of)

    return purity(classes), np.mean([purity(classes[order]) for order in shuffles.numpy()])


def ways(rule):
    data = given("3.2-9")
    of = {name: rule(data[f"purity_{name}"], data[f"chance_{name}"], data) for name in "ab"}
    control = "the same clusters, with the classes shuffled"
    return {"A": of["a"], "B": of["b"], "better": "A", "control": control}


# No bracket around the difference
@wrong("3.2-9", "without a bracket around the difference")
def no_bracket():
    return ways(lambda purity, chance, data: purity - chance / (1 - chance))


# Over what is missing to 1
@wrong("3.2-9", "by what is still missing to 1")
def over_what_is_missing():
    return ways(lambda purity, chance, data: (purity - chance) / (1 - purity))


# Both from A's chance level
@wrong("3.2-9", "from one of the two chance levels")
def one_level_for_both():
    return ways(lambda purity, chance, data: (purity - data["chance_a"]) / (1 - data["chance_a"]))


def report(error=None, **others):
    data = given("3.2-10")
    over = {
        name: [a - b for a, b in zip(data["contrast"], data[name], strict=True)]
        for name in ("counts", "plain")
    }
    right_error = stdev(over["plain"]) / math.sqrt(5)
    middle, room = mean(over["plain"]), 2.8 * right_error
    verdict = "holds" if middle - room > 0.02 else "does not hold" if middle + room < 0.02 else "not shown"
    return {
        "over counts": mean(over["counts"]),
        "over plain": middle,
        "error": error(over["plain"]) if error else right_error,
        "verdict": verdict,
        "control": "plain vectors from the same unlabelled text",
    } | others


# Divided by 5, not by its root
@wrong("3.2-10", "of the five differences by 5")
def over_five():
    return report(error=lambda gains: stdev(gains) / 5)


# n - 1 once more
@wrong("3.2-10", "the root of 4")
def over_the_root_of_four():
    return report(error=lambda gains: stdev(gains) / 2)


# The root forgotten
@wrong("3.2-10", "That is a variance")
def a_variance_for_an_error():
    return report(error=lambda gains: stdev(gains) ** 2 / 5)


# Gains in per cent of the other
@wrong("3.2-10", "You divide the gain by the other's share")
def gains_in_parts():
    data = given("3.2-10")
    own = mean(data["contrast"])
    return report(**{f"over {name}": own / mean(data[name]) - 1 for name in ("counts", "plain")})
