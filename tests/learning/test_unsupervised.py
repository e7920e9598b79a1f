"""Contrast against torch's cross entropy, neighbours against a loop, cluster scores against scikit-learn."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_mutual_info_score, mutual_info_score
from torch.testing import assert_close

from llmasos_edu.learning.unsupervised import cluster_nmi, cluster_purity, cluster_quality, info_nce, nearest

exact = {"rtol": 1e-10, "atol": 1e-10}


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# ---- contrast ----


def contrast_by_loops(anchors, positives, temperature, groups=None):
    losses = []
    for i in range(len(anchors)):
        scores = [F.cosine_similarity(anchors[i], other, dim=0) / temperature for other in positives]
        rest = [
            score
            for j, score in enumerate(scores)
            if j == i or groups is None or groups[j] != groups[i]
        ]  # fmt: skip
        losses.append(torch.logsumexp(torch.stack(rest), 0) - scores[i])
    return torch.stack(losses).mean()


@pytest.mark.parametrize("groups", [None, [0, 1, 0, 2, 1, 0]], ids=["all negatives", "groups"])
@pytest.mark.parametrize("temperature", [1.0, 0.07])
def test_info_nce_is_its_formula_in_value_and_gradient(groups, temperature):
    inputs = [(3 * random(6, 4, seed=seed)).requires_grad_() for seed in (0, 1)]
    groups = None if groups is None else torch.tensor(groups)
    ours = info_nce(*inputs, temperature=temperature, groups=groups)
    theirs = contrast_by_loops(*inputs, temperature, groups)
    assert_close(ours, theirs, **exact)
    for a, b in zip(*(torch.autograd.grad(loss, inputs) for loss in (ours, theirs)), strict=True):
        assert_close(a, b, **exact)


def test_info_nce_of_vectors_that_are_all_alike_is_the_log_of_the_batch():
    same = torch.ones(8, 3, dtype=torch.float64)
    assert info_nce(same, 5 * same).item() == pytest.approx(math.log(8))
    assert info_nce(same, same, groups=torch.zeros(8)).item() == 0  # nothing is left to tell apart


def test_info_nce_knows_only_directions_and_its_temperature_is_a_tenth():
    one, two = random(5, 3), random(5, 3, seed=1)
    lengths = torch.tensor([0.1, 2, 30, 4, 5], dtype=torch.float64)[:, None]
    assert_close(info_nce(one * lengths, two), info_nce(one, two, temperature=0.1), **exact)
    perfect = torch.eye(5, dtype=torch.float64)
    assert info_nce(perfect, perfect, temperature=0.5).item() == pytest.approx(math.log(1 + 4 * math.exp(-2)))


# ---- neighbours ----


def nearest_by_loop(vectors, query, k):
    cosines = [float(F.cosine_similarity(vectors[query], other, dim=0)) for other in vectors]
    others = sorted((i for i in range(len(vectors)) if i != query), key=lambda i: -cosines[i])
    return others[:k], [cosines[i] for i in others[:k]]


def test_neighbours_are_those_of_a_loop_over_all_rows():
    vectors = random(20, 6) * torch.linspace(0.1, 9, 20, dtype=torch.float64)[:, None]
    neighbours, cosines = nearest(vectors, torch.arange(20), 5)
    assert neighbours.shape == cosines.shape == (20, 5)
    for query in range(20):
        rows, values = nearest_by_loop(vectors, query, 5)
        assert neighbours[query].tolist() == rows
        assert cosines[query].tolist() == pytest.approx(values, abs=1e-12)
    one = nearest(vectors, 7, 5)
    assert torch.equal(one[0], neighbours[7])
    assert_close(one[1], cosines[7], **exact)
    grid = nearest(vectors, torch.tensor([[1, 2], [3, 4]]), 2)[0]
    assert torch.equal(grid, neighbours[1:5, :2].reshape(2, 2, 2))


def test_equal_neighbours_come_by_number_and_a_row_is_not_its_own():
    vectors = torch.tensor([[1.0, 0], [2, 0], [0, 1], [3, 0], [0, 0]])
    neighbours, cosines = nearest(vectors, torch.tensor([1, 4]), 4)
    assert neighbours.tolist() == [[0, 3, 2, 4], [0, 1, 2, 3]]
    assert cosines.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0]]


# ---- clusters ----


def test_purity_by_hand():
    # Manning, Raghavan & Schütze's kind of picture: clusters xxxxxo, xooood, xxddd
    classes = list("xxxxxo" + "xooood" + "xxddd")
    clusters = [0] * 6 + [1] * 6 + [2] * 5
    assert cluster_purity(classes, clusters) == pytest.approx((5 + 4 + 3) / 17)
    assert cluster_purity(classes, range(17)) == 1
    assert cluster_purity(classes, [0] * 17) == pytest.approx(8 / 17)


labels = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=30)


@given(labels)
@settings(max_examples=60, deadline=None)
def test_nmi_is_mutual_information_over_the_mean_entropy(pairs):
    classes, clusters = map(list, zip(*pairs, strict=True))
    entropy = [mutual_info_score(each, each) for each in (classes, clusters)]
    mean = sum(entropy) / 2
    expected = mutual_info_score(classes, clusters) / mean if mean > 1e-9 else 1.0
    assert cluster_nmi(classes, clusters) == pytest.approx(expected, abs=1e-10)


@given(labels)
@settings(max_examples=40, deadline=None)
def test_purity_is_a_share_that_names_do_not_change(pairs):
    classes, clusters = map(list, zip(*pairs, strict=True))
    found = cluster_purity(classes, clusters)
    largest = max(classes.count(c) for c in classes) / len(classes)
    assert largest - 1e-12 <= found <= 1
    renamed = [f"cluster {9 - c}" for c in clusters]
    assert cluster_purity([str(c) for c in classes], renamed) == found


def test_quality_of_a_perfect_and_of_a_random_clustering():
    classes = np.repeat(["a", "b", "c"], 40)
    perfect = cluster_quality(classes, np.repeat([5, 1, 3], 40), permutations=50)
    assert perfect.purity == 1
    assert perfect.nmi == pytest.approx(1)
    assert perfect.chance_purity < 0.5
    assert perfect.chance_nmi < 0.05
    assert perfect.p_value == pytest.approx(1 / 51)
    assert repr(perfect).startswith("ClusterQuality(purity=1.00 (chance 0.")
    assert "nmi=1.00 (chance 0.0" in repr(perfect)
    blind = cluster_quality(classes, np.random.default_rng(3).integers(0, 3, 120), permutations=200)
    assert blind.purity - blind.chance_purity < 0.08
    assert blind.nmi < 0.05
    assert blind.p_value > 0.02
    whole = cluster_quality(classes, np.zeros(120), permutations=20)
    assert whole.p_value == 1, "one cluster is as good as its shuffles"
    assert (whole.purity, whole.chance_purity) == pytest.approx((1 / 3, 1 / 3))


def test_the_chance_level_is_the_expected_one():
    """Adjusted mutual information subtracts the same expectation, computed exactly."""
    draw = np.random.default_rng(0)
    classes, clusters = draw.integers(0, 3, 60), draw.integers(0, 6, 60)
    quality = cluster_quality(classes, clusters, permutations=600)
    adjusted = (quality.nmi - quality.chance_nmi) / (1 - quality.chance_nmi)
    assert adjusted == pytest.approx(adjusted_mutual_info_score(classes, clusters), abs=0.01)
    many = cluster_quality(classes, np.arange(60) // 2, permutations=100)
    assert many.chance_purity > 0.6, "pairs are pure by chance"
    assert many.purity < many.chance_purity + 0.1


def test_quality_repeats_with_its_seed():
    classes, clusters = np.arange(40) % 4, np.arange(40) // 7
    first, same, other = (cluster_quality(classes, clusters, seed=seed) for seed in (0, 0, 1))
    assert first == same == cluster_quality(classes, clusters, permutations=100)
    assert first != other
    assert (first.purity, first.nmi) == (other.purity, other.nmi)
    assert cluster_quality(classes, clusters, permutations=1).p_value in (0.5, 1.0)


# ---- errors ----


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: info_nce(torch.ones(2, 3), torch.ones(3, 3)), r"anchors \[2, 3\] and positives \[3, 3\]"),
        (lambda: info_nce(torch.ones(3), torch.ones(3)), r"must both be \[batch, dim\]"),
        (lambda: info_nce(torch.ones(1, 3), torch.ones(1, 3)), "a batch of 1 has no negatives"),
        (
            lambda: info_nce(torch.ones(2, 3), torch.ones(2, 3), temperature=0),
            "temperature=0 must be above 0",
        ),
        (
            lambda: info_nce(torch.ones(2, 3), torch.ones(2, 3), temperature=math.nan),
            "temperature=nan must be",
        ),
        (
            lambda: info_nce(torch.ones(2, 3), torch.ones(2, 3), groups=torch.ones(3)),
            r"groups has shape \[3\], expected \[2\]",
        ),
        (lambda: nearest(torch.ones(3, 2), 3, 1), "query=3 does not exist: rows 0 to 2"),
        (lambda: nearest(torch.ones(3, 2), torch.tensor([0, -1]), 1), r"query=\[0, -1\] does not exist"),
        (lambda: nearest(torch.ones(3, 2), 0, 3), "k=3 is out of range: 3 rows have 1 to 2 neighbours"),
        (lambda: nearest(torch.ones(3, 2), 0, 0), "k=0 is out of range"),
        (lambda: nearest(torch.ones(3), 0, 1), r"vectors must be a matrix of finite floats, .* \[3\]"),
        (lambda: nearest(torch.full((3, 2), math.inf), 0, 1), "finite floats"),
        (lambda: cluster_purity([0, 1], [0, 1, 2]), r"classes \[2\] and clusters \[3\] must both be \[n\]"),
        (lambda: cluster_nmi([0], [0]), "n >= 2"),
        (lambda: cluster_quality([[0, 1]], [[0, 1]]), r"classes \[1, 2\]"),
        (lambda: cluster_quality([0, 1], [0, 1], permutations=0), "permutations=0 must be a whole number"),
    ],
)
def test_errors_say_what_was_wrong(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_smallest_of_everything_is_allowed():
    two = torch.eye(2, dtype=torch.float64)
    assert info_nce(two, two, temperature=1).item() == pytest.approx(math.log(1 + math.exp(-1)))
    assert nearest(two, 0, 1)[0].tolist() == [1]
    assert nearest(two, 1, 1)[1].tolist() == [0]
    assert cluster_purity([0, 1], [0, 0]) == 0.5
