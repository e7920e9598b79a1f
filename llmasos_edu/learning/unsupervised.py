"""Structure without labels: contrast, neighbours, clusters; and the word vectors of `word_vectors`.

The article's section 3.2. Everything reads plain tensors; clustering itself is scikit-learn's.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix

from llmasos_edu.learning.word_vectors import (
    SkipGram,
    SkipGramSampler,
    check_at_least,
    check_matrix,
    cooccurrence,
    frequent_words,
    near_pairs,
    negative_sampling_loss,
    ppmi,
    sampled_scores,
    skip_gram_loss,
    subsample,
    svd_vectors,
)

__all__ = [
    "ClusterQuality",
    "SkipGram",
    "SkipGramSampler",
    "cluster_nmi",
    "cluster_purity",
    "cluster_quality",
    "cooccurrence",
    "frequent_words",
    "info_nce",
    "near_pairs",
    "nearest",
    "negative_sampling_loss",
    "ppmi",
    "sampled_scores",
    "skip_gram_loss",
    "subsample",
    "svd_vectors",
]

# ---- contrast ----


def info_nce(anchors, positives, *, temperature=0.1, groups=None):
    """Contrastive loss: find each anchor's own positive among the positives of the whole batch, in nats.

    `-mean_i log(exp(s_ii / t) / sum_j exp(s_ij / t))`, s the cosine of anchor i and positive j, t the
    temperature. A batch of vectors that are all alike gives log(batch).

    Args:
        anchors, positives: [batch, dim], row i of both are two views of the same thing.
        temperature: above 0; small ones look at the hardest negatives alone.
        groups: integers [batch]; another positive of the anchor's own group is no negative and is left
            out of the sum. None: every other row is a negative.

    Returns:
        scalar tensor.

    Raises:
        ValueError: shapes that do not fit, a batch of one, a temperature that is not positive.

    Source: van den Oord, Li & Vinyals 2018, "Representation Learning with Contrastive Predictive Coding",
    equation 4; cosine and temperature as in Chen et al. 2020, "A Simple Framework for Contrastive Learning of
    Visual Representations". Article 3.2.
    """
    if anchors.ndim != 2 or anchors.shape != positives.shape:
        raise ValueError(
            f"anchors {list(anchors.shape)} and positives {list(positives.shape)} must both be [batch, dim]"
        )
    batch = len(anchors)
    if batch < 2:
        raise ValueError(f"a batch of {batch} has no negatives: give at least 2 rows")
    if not temperature > 0:
        raise ValueError(f"temperature={temperature} must be above 0")
    scores = F.normalize(anchors, dim=-1) @ F.normalize(positives, dim=-1).T / temperature
    own = torch.arange(batch, device=scores.device)
    if groups is not None:
        if groups.shape != (batch,):
            raise ValueError(
                f"groups has shape {list(groups.shape)}, expected [{batch}], one for each anchor"
            )
        twin = (groups[:, None] == groups) & (own[:, None] != own)
        scores = scores.masked_fill(twin, -math.inf)
    return F.cross_entropy(scores, own)


# ---- looking at vectors ----


def nearest(vectors, query, k):
    """The k rows nearest to some rows by cosine, the nearest first; a row is no neighbour of its own.

    Rows at exactly the same cosine come in the order of their numbers. A row of zeros has cosine 0 with all.

    Args:
        vectors: [rows, dim].
        query: a row's number, or a tensor of them [...].
        k: how many neighbours, at most rows - 1.

    Returns:
        (neighbours [..., k], cosines [..., k]).

    Raises:
        ValueError: no such row, or not so many neighbours.
    """
    check_matrix("vectors", vectors)
    rows = len(vectors)
    query = torch.as_tensor(query)
    if query.numel() and not 0 <= int(query.min()) <= int(query.max()) < rows:
        raise ValueError(f"query={query.tolist()} does not exist: rows 0 to {rows - 1}")
    if not 1 <= k < rows:
        raise ValueError(f"k={k} is out of range: {rows} rows have 1 to {rows - 1} neighbours")
    unit = F.normalize(vectors, dim=-1)
    cosines = unit[query] @ unit.T  # [..., rows]
    cosines = cosines.scatter(-1, query[..., None], -math.inf)
    order = cosines.sort(dim=-1, descending=True, stable=True)
    return order.indices[..., :k], order.values[..., :k]


@dataclass(frozen=True)
class ClusterQuality:
    """How well clusters fit true classes, and what clusters without any sense would score.

    Fields:
        purity: share of the items that belong to the most frequent class of their cluster, 0 to 1.
        nmi: normalised mutual information of clusters and classes, 0 to 1.
        chance_purity, chance_nmi: the same for shuffled classes, mean over the permutations.
        p_value: share of the permutations whose nmi is at least as high, counting the true one among them.
    """

    purity: float
    nmi: float
    chance_purity: float
    chance_nmi: float
    p_value: float

    def __repr__(self):
        pairs = [("purity", self.purity, self.chance_purity), ("nmi", self.nmi, self.chance_nmi)]
        return "ClusterQuality(" + ", ".join(f"{n}={v:.2f} (chance {c:.2f})" for n, v, c in pairs) + ")"


def cluster_purity(classes, clusters):
    """Share of the items that belong to the most frequent class of their cluster.

    `sum over clusters of max over classes of |cluster and class|, divided by the number of items`. It grows
    with the number of clusters and is 1 when each item is a cluster: never read it without its chance level.

    Source: Manning, Raghavan & Schütze 2008, "Introduction to Information Retrieval", section 16.3.
    """
    table = contingency_matrix(*_check_labels(classes, clusters))  # [classes, clusters]
    return float(table.max(0).sum() / table.sum())


def cluster_nmi(classes, clusters):
    """Normalised mutual information: `I(class; cluster) / ((H(class) + H(cluster)) / 2)`, 0 to 1.

    Source: Manning, Raghavan & Schütze 2008, section 16.3.
    """
    return float(normalized_mutual_info_score(*_check_labels(classes, clusters)))


def cluster_quality(classes, clusters, *, permutations=100, seed=0):
    """Purity and NMI of clusters against true classes, beside the same for classes dealt out at random.

    Args:
        classes, clusters: one integer or string for each item [n].
        permutations: how often the classes are shuffled.
        seed: of the shuffling.

    Returns:
        ClusterQuality.

    Raises:
        ValueError: lists of different length, or of fewer than two items.

    Source: Manning, Raghavan & Schütze 2008, section 16.3; for chance Vinh, Epps & Bailey 2010, "Information
    Theoretic Measures for Clusterings Comparison". Article 3.2.
    """
    check_at_least("permutations", permutations, 1)
    classes, clusters = _check_labels(classes, clusters)
    draw = np.random.default_rng(seed)
    shuffled = [draw.permutation(classes) for _ in range(permutations)]
    purities = [cluster_purity(each, clusters) for each in shuffled]
    nmis = [cluster_nmi(each, clusters) for each in shuffled]
    nmi = cluster_nmi(classes, clusters)
    reached = sum(each >= nmi - 1e-12 for each in nmis)
    return ClusterQuality(
        cluster_purity(classes, clusters), nmi, float(np.mean(purities)), float(np.mean(nmis)),
        (1 + reached) / (1 + permutations),
    )  # fmt: skip


def _check_labels(classes, clusters):
    classes, clusters = np.asarray(classes), np.asarray(clusters)
    if classes.ndim != 1 or classes.shape != clusters.shape or len(classes) < 2:
        raise ValueError(
            f"classes {list(classes.shape)} and clusters {list(clusters.shape)} must both be [n], n >= 2"
        )
    return classes, clusters
