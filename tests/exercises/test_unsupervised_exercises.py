"""The exercises of chapter 3.2: the common rules, other right answers, usual mistakes, and the library."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercise_rules import every_case, of_chapter, rules_for
from question_rules import question_rules_for
from scipy.stats import sem
from torch import nn

from llmasos_edu.exercises import find
from llmasos_edu.learning.unsupervised import (
    SkipGram,
    SkipGramSampler,
    cluster_purity,
    cooccurrence,
    info_nce,
    nearest,
    ppmi,
    skip_gram_loss,
)

# Right answers in another shape ------------------------------------------------------------------------


def counts_by_one_hot_rows(tokens, vocab_size, window):
    rows = torch.where(tokens[:, None] == torch.arange(vocab_size), 1.0, 0.0)  # [n, vocab], -1: a row of 0
    places = torch.arange(len(tokens))
    near = (places[:, None] - places).abs()
    return rows.T @ ((near > 0) & (near <= window)).float() @ rows


def pmi_by_a_mask(counts):
    share = counts / counts.sum()
    found = torch.zeros_like(counts)
    for w, c in (counts > 0).nonzero().tolist():
        found[w, c] = max(0.0, torch.log(share[w, c] / (share[w].sum() * share[:, c].sum())).item())
    return found


def nearest_by_sorting(vectors, query, k):
    cosines = F.cosine_similarity(vectors, vectors[query : query + 1]).tolist()
    order = sorted(range(len(vectors)), key=lambda i: -cosines[i])
    return [i for i in order if i != query][:k]


def noise_by_logarithms(counts, power):
    weights = torch.where(counts > 0, power * counts.log(), -torch.inf)  # 0 times -inf would be NaN
    return torch.softmax(weights, dim=0)


def skip_gram_by_rows(word_table, context_table, words, contexts, drawn):
    total = 0.0
    for word, context, others in zip(words.tolist(), contexts.tolist(), drawn.tolist(), strict=True):
        total = total + F.softplus(-word_table[word] @ context_table[context])
        for other in others:
            if other != context:
                total = total + F.softplus(word_table[word] @ context_table[other])
    return total / len(words)


def contrast_by_cross_entropy(anchors, positives, temperature):
    scores = nn.CosineSimilarity(dim=-1)(anchors.unsqueeze(1), positives.unsqueeze(0)).div(temperature)
    return nn.CrossEntropyLoss()(scores, torch.arange(scores.shape[0]))


def groups_row_by_row(scores, groups):
    losses = []
    for i, row in enumerate(scores):
        rivals = [row[j] for j in range(len(row)) if j == i or groups[j] != groups[i]]
        losses.append(torch.stack(rivals).logsumexp(0) - row[i])
    return sum(losses) / len(losses)


def purity_by_a_table(classes, clusters, shuffles):
    def purity(of):
        table = torch.zeros(int(clusters.max()) + 1, int(of.max()) + 1)
        table.index_put_((clusters, of), torch.ones(len(of)), accumulate=True)
        return float(table.amax(1).sum() / len(of))

    return purity(classes), float(np.mean([purity(classes[order]) for order in shuffles]))


ALTERNATIVES = {
    "3.2-1": counts_by_one_hot_rows,
    "3.2-2": pmi_by_a_mask,
    "3.2-3": nearest_by_sorting,
    "3.2-4": noise_by_logarithms,
    "3.2-5": skip_gram_by_rows,
    "3.2-6": contrast_by_cross_entropy,
    "3.2-7": groups_row_by_row,
    "3.2-8": purity_by_a_table,
}

# Usual mistakes in a reader's own words --------------------------------------------------------------


def counts_of_what_follows(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for distance in range(1, window + 1):
        for word, other in zip(tokens, tokens[distance:], strict=False):
            if word >= 0 and other >= 0:
                counts[word, other] += 1
    return counts


def counts_with_python_s_negative_index(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for i in range(len(tokens)):
        for j in range(max(0, i - window), min(len(tokens), i + window + 1)):
            if i != j:
                counts[tokens[i], tokens[j]] += 1
    return counts


def pmi_with_minus_infinity(counts):
    p = counts / counts.sum()
    return torch.log(p) - torch.log(p.sum(1, keepdim=True)) - torch.log(p.sum(0))


def pmi_with_nan(counts):
    p = counts / counts.sum()
    return torch.relu(torch.log(p / torch.outer(p.sum(1), p.sum(0))))


def pmi_of_one_more(counts):
    counts = counts + 1
    p = counts / counts.sum()
    return torch.log(p / torch.outer(p.sum(1), p.sum(0))).clamp_min(0)


def nearest_by_dot_product(vectors, query, k):
    scores = torch.mv(vectors, vectors[query])
    scores[query] = float("-inf")
    return torch.topk(scores, k)[1]


def nearest_with_the_word_itself(vectors, query, k):
    return F.cosine_similarity(vectors, vectors[query].expand_as(vectors)).argsort(descending=True)[:k]


def noise_divided_too_early(counts, power):
    share = counts / counts.sum()
    return torch.pow(share, power)


def skip_gram_that_pushes_positives(word_table, context_table, words, contexts, drawn):
    positive = F.logsigmoid((word_table[words] * context_table[contexts]).sum(1))
    negative = F.logsigmoid(-(word_table[words].unsqueeze(1) * context_table[drawn]).sum(2)).sum(1)
    return -(positive + negative).mean()


def skip_gram_by_a_masked_score(word_table, context_table, words, contexts, drawn):
    score = torch.einsum("bd,bkd->bk", word_table[words], context_table[drawn])
    score = torch.where(drawn == contexts[:, None], torch.zeros_like(score), score)
    true = (word_table[words] * context_table[contexts]).sum(1)
    return (F.softplus(-true) + F.softplus(score).sum(1)).mean()


def contrast_with_a_product(anchors, positives, temperature):
    a, p = (x / x.norm(dim=1, keepdim=True) for x in (anchors, positives))
    return F.cross_entropy(temperature * a @ p.T, torch.arange(len(a)))


def contrast_of_raw_vectors(anchors, positives, temperature):
    logits = anchors @ positives.T / temperature
    return -torch.log_softmax(logits, dim=1).diag().mean()


def contrast_without_itself_below(anchors, positives, temperature):
    a, p = (x / x.norm(dim=1, keepdim=True) for x in (anchors, positives))
    s = a @ p.T / temperature
    rest = s - torch.diag(torch.full((len(s),), float("inf")))
    return (torch.logsumexp(rest, 1) - s.diag()).mean()


def groups_ignored(scores, groups):
    return -torch.log_softmax(scores, dim=1).diag().mean()


def groups_at_score_zero(scores, groups):
    keep = (groups[:, None] != groups) | torch.eye(len(groups), dtype=torch.bool)
    return F.cross_entropy(scores * keep, torch.arange(len(groups)))


def purity_alone(classes, clusters, shuffles):
    return cluster_purity(classes, clusters), 0.0


def purity_of_whole_pairs_shuffled(classes, clusters, shuffles):
    by_chance = [cluster_purity(classes[order], clusters[order]) for order in shuffles]
    return cluster_purity(classes, clusters), sum(by_chance) / len(by_chance)


def purity_the_other_way_round(classes, clusters, shuffles):
    by_chance = [cluster_purity(clusters, classes[order]) for order in shuffles]
    return cluster_purity(clusters, classes), sum(by_chance) / len(by_chance)


VARIATIONS = [
    ("3.2-1", "one side only", counts_of_what_follows),
    ("3.2-1", "-1 counted as the last word", counts_with_python_s_negative_index),
    ("3.2-2", "the logarithm of zero", pmi_with_minus_infinity),
    ("3.2-2", "zero divided by zero", pmi_with_nan),
    ("3.2-2", "one added to every count", pmi_of_one_more),
    ("3.2-3", "not normalised", nearest_by_dot_product),
    ("3.2-3", "the word itself is first", nearest_with_the_word_itself),
    ("3.2-4", "shares that do not add up to 1", noise_divided_too_early),
    ("3.2-5", "true contexts among the drawn", skip_gram_that_pushes_positives),
    ("3.2-5", "score set to zero", skip_gram_by_a_masked_score),
    ("3.2-6", "temperature multiplied", contrast_with_a_product),
    ("3.2-6", "not normalised", contrast_of_raw_vectors),
    ("3.2-6", "own positive missing below", contrast_without_itself_below),
    ("3.2-7", "twins pushed away", groups_ignored),
    ("3.2-7", "score set to zero", groups_at_score_zero),
    ("3.2-8", "no baseline", purity_alone),
    ("3.2-8", "shuffled together", purity_of_whole_pairs_shuffled),
    ("3.2-8", "classes and clusters exchanged", purity_the_other_way_round),
]


# Tests -----------------------------------------------------------------------------------------------

TestRules = rules_for("3.2", ALTERNATIVES, VARIATIONS)


def test_the_mistakes_that_every_reader_makes_are_covered():
    names = {mistake.name for item in of_chapter("3.2") for mistake in item.mistakes}
    assert names >= {
        "the logarithm of zero",
        "true contexts among the drawn",
        "twins pushed away",
        "not normalised",
        "temperature multiplied",
        "no baseline",
    }
    assert len(of_chapter("3.2")) >= 8


# Questions --------------------------------------------------------------------------------------------

RIGHT = {number: find(f"3.2-{number}").right() for number in (9, 10)}

TestQuestions = question_rules_for(
    "3.2",
    {
        "3.2-9": RIGHT[9] | {"A": torch.tensor(RIGHT[9]["A"])},
        "3.2-10": RIGHT[10] | {"error": round(RIGHT[10]["error"], 5)},
    },
    [
        ("3.2-9", "purities compared", RIGHT[9] | {"better": "b"}),
        ("3.2-10", "against a coin", RIGHT[10] | {"control": "A coin"}),
    ],
    seeds=(None, 1, 7, 11),
)


def test_the_two_questions_ask_for_judgement_and_no_answer_is_always_right():
    for number in (9, 10):
        assert find(f"3.2-{number}").options
        assert len(find(f"3.2-{number}").mistakes) >= 5
    assert {find("3.2-10").right(seed)["verdict"] for seed in range(30)} == {
        "holds",
        "does not hold",
        "not shown",
    }


@pytest.mark.parametrize("seed", range(12))
def test_judged_clusterings_have_the_chance_level_that_they_claim_to_beat(seed):
    data, right = find("3.2-9").given(seed), find("3.2-9").right(seed)
    assert data["purity_b"] > data["purity_a"]
    assert 1 > right["A"] > right["B"] > 0
    for name in "AB":
        low, purity = data[f"chance_{name.lower()}"], data[f"purity_{name.lower()}"]
        assert low + right[name] * (1 - low) == pytest.approx(purity)


@pytest.mark.parametrize("seed", range(12))
def test_the_error_of_paired_gains_equals_scipy_s(seed):
    data, right = find("3.2-10").given(seed), find("3.2-10").right(seed)
    gains = np.array(data["contrast"]) - np.array(data["plain"])
    assert right["over plain"] == pytest.approx(gains.mean())
    assert right["error"] == pytest.approx(sem(gains))
    low, high = gains.mean() - 2.8 * sem(gains), gains.mean() + 2.8 * sem(gains)
    want = "holds" if low > 0.02 else "does not hold" if high < 0.02 else "not shown"
    assert right["verdict"] == want


# The references against the library ------------------------------------------------------------------


def test_counts_and_their_pmi_equal_the_library_s():
    for got, (tokens, vocab_size, window) in every_case("3.2-1"):
        assert torch.equal(got.double(), cooccurrence(tokens, vocab_size, window=window))
    for got, (counts,) in every_case("3.2-2"):
        torch.testing.assert_close(got, ppmi(counts), atol=1e-6, rtol=1e-5)


def test_neighbours_equal_the_library_s():
    for got, (vectors, query, k) in every_case("3.2-3"):
        assert torch.equal(got, nearest(vectors, query, k)[0])


def test_noise_is_what_the_library_draws():
    tokens = torch.tensor([0] * 8 + [1] * 4 + [2] * 2)
    sampler = SkipGramSampler(tokens, vocab_size=4, window=1)
    got = find("3.2-4").reference(torch.tensor([8.0, 4, 2, 0]), 0.75)
    torch.testing.assert_close(got.double(), sampler.noise, atol=1e-6, rtol=0)


def test_the_skip_gram_loss_equals_the_library_s():
    for got, (word_table, context_table, words, contexts, drawn) in every_case("3.2-5"):
        model = SkipGram(len(word_table), dim=word_table.shape[1])
        with torch.no_grad():
            model.words.weight.copy_(word_table)
            model.contexts.weight.copy_(context_table)
        want = skip_gram_loss(model, (words, contexts, drawn))
        torch.testing.assert_close(got, want.detach(), atol=1e-5, rtol=1e-5)
        assert any(drawn[i, k] == contexts[i] for i in range(len(words)) for k in range(drawn.shape[1]))


def test_contrast_equals_the_library_s():
    for got, (anchors, positives, temperature) in every_case("3.2-6"):
        want = info_nce(anchors, positives, temperature=temperature)
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_groups_are_left_out_as_the_library_does():
    for _, (_, groups) in every_case("3.2-7"):
        one, other = torch.randn(2, len(groups), 5, generator=torch.Generator().manual_seed(len(groups)))
        scores = F.normalize(one, dim=-1) @ F.normalize(other, dim=-1).T / 0.2
        want = info_nce(one, other, temperature=0.2, groups=groups)
        torch.testing.assert_close(find("3.2-7").reference(scores, groups), want, atol=1e-5, rtol=1e-5)


def test_purity_equals_the_library_s():
    for (got, chance), (classes, clusters, shuffles) in every_case("3.2-8"):
        assert abs(got.item() - cluster_purity(classes, clusters)) < 1e-6
        want = np.mean([cluster_purity(classes[order], clusters) for order in shuffles])
        assert abs(chance.item() - want) < 1e-6
