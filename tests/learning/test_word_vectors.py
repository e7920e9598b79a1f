"""Word vectors: counts against loops over places, PPMI against its formula, skip-gram against yes or no."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from llmasos_edu.learning import unsupervised, word_vectors
from llmasos_edu.learning.unsupervised import (
    SkipGram,
    SkipGramSampler,
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
from llmasos_edu.training.loop import train

exact = {"rtol": 1e-10, "atol": 1e-10}


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_one_module_hands_on_what_the_other_holds():
    for name in ("SkipGram", "cooccurrence", "ppmi", "svd_vectors", "subsample", "near_pairs"):
        assert getattr(unsupervised, name) is getattr(word_vectors, name)
        assert name in unsupervised.__all__


# ---- counting ----


def test_words_come_by_frequency_and_equals_by_the_alphabet():
    words = ["b", "a", "c", "a", "b", "d", "a"]
    assert frequent_words(words) == ["a", "b", "c", "d"]
    assert frequent_words(iter(words), min_count=2) == ["a", "b"]
    assert frequent_words(words, max_words=3) == ["a", "b", "c"]
    assert frequent_words(words, min_count=3, max_words=1) == ["a"]


def counts_by_loops(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size, dtype=torch.float64)
    for i, word in enumerate(tokens):
        for j, context in enumerate(tokens):
            if 0 < abs(i - j) <= window and word >= 0 and context >= 0:
                counts[word, context] += 1
    return counts


@given(st.lists(st.integers(-1, 4), max_size=25), st.integers(1, 30))
@settings(max_examples=80, deadline=None)
def test_counts_are_those_of_a_loop_over_all_places(tokens, window):
    found = cooccurrence(torch.tensor(tokens, dtype=torch.int64), 5, window=window)
    assert torch.equal(found, counts_by_loops(tokens, 5, window))
    assert found.dtype == torch.float64


def test_counts_by_hand():
    # the cat sat the mat, window 1: the-cat, cat-sat, sat-the, the-mat
    tokens = torch.tensor([0, 1, 2, 0, 3], dtype=torch.int32)
    expected = torch.tensor([[0, 1, 1, 1], [1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0.0]], dtype=torch.float64)
    assert torch.equal(cooccurrence(tokens, 4, window=1), expected)
    gap = torch.tensor([0, -1, 1])
    assert cooccurrence(gap, 2, window=1).sum() == 0
    assert cooccurrence(gap, 2, window=2).tolist() == [[0, 1], [1, 0]], "a hidden word keeps its place"


def test_pairs_are_listed_from_both_sides():
    pairs = near_pairs(torch.tensor([7, 8, -1, 9]), 2)
    assert sorted(map(tuple, pairs.T.tolist())) == [(7, 8), (8, 7), (8, 9), (9, 8)]
    assert near_pairs(torch.tensor([3]), 4).shape == (2, 0)
    assert near_pairs(torch.tensor([], dtype=torch.int64), 1).shape == (2, 0)


# ---- PPMI and SVD ----


def ppmi_by_loops(counts, context_power, shift):
    total, rows, columns = counts.sum().item(), counts.sum(1).tolist(), counts.sum(0).tolist()
    lifted = sum(c**context_power for c in columns)
    found = torch.zeros_like(counts)
    for w in range(counts.shape[0]):
        for c in range(counts.shape[1]):
            n = counts[w, c].item()
            if n > 0:
                chance = rows[w] / total * columns[c] ** context_power / lifted
                found[w, c] = max(0.0, math.log(n / total / chance) - shift)
    return found


@pytest.mark.parametrize(
    ("context_power", "shift"), [(1.0, 0.0), (0.75, 0.0), (1.0, 0.7), (0.5, math.log(5))]
)
def test_ppmi_is_its_formula(context_power, shift):
    counts = torch.randint(0, 4, (6, 9), generator=torch.Generator().manual_seed(3)).double()
    counts[2], counts[:, 4] = 0, 0  # a word and a context that never met anything
    found = ppmi(counts, context_power=context_power, shift=shift)
    assert_close(found, ppmi_by_loops(counts, context_power, shift), **exact)
    assert bool((found[2] == 0).all())
    assert bool((found[counts == 0] == 0).all())


def test_ppmi_by_hand_and_its_precision():
    counts = torch.tensor([[4, 0], [0, 4]])
    assert_close(ppmi(counts), torch.eye(2, dtype=torch.float64) * math.log(2), **exact)
    assert ppmi(counts.float()).dtype == torch.float32
    assert bool((ppmi(torch.ones(3, 3)) == 0).all()), "words that meet as often as by chance"


def test_ppmi_has_the_gradient_of_its_formula():
    counts = (random(4, 5, seed=1).abs() + 0.1).requires_grad_()

    def formula(n):
        return (n * n.sum() / (n.sum(1, keepdim=True) * n.sum(0))).log().clamp_min(0)

    probe = random(4, 5, seed=2)
    ours, theirs = (torch.autograd.grad((f(counts) * probe).sum(), counts)[0] for f in (ppmi, formula))
    assert_close(ours, theirs, **exact)
    zeros = torch.tensor([[1.0, 0.0], [2.0, 3.0]], dtype=torch.float64, requires_grad=True)
    assert bool(torch.autograd.grad(ppmi(zeros).sum(), zeros)[0].isfinite().all())


@pytest.mark.parametrize("dim", [1, 3, 5])
@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_vectors_are_those_of_the_whole_decomposition(dim, power):
    matrix = random(8, 5)
    left, sizes, _ = torch.linalg.svd(matrix, full_matrices=False)
    expected = left[:, :dim] * sizes[:dim] ** power
    found = svd_vectors(matrix, dim, power=power)
    assert_close(found.abs(), expected.abs(), **exact)
    assert_close(found @ found.T, expected @ expected.T, **exact)
    assert bool((found.gather(0, found.abs().argmax(0, keepdim=True)) > 0).all()), "signs are not fixed"


def test_vectors_of_power_1_keep_the_dot_products_as_well_as_any_of_their_length():
    matrix = random(12, 7, seed=4)
    found = svd_vectors(matrix, 6, power=1)
    smallest = torch.linalg.svdvals(matrix)[-1]
    lost = torch.linalg.matrix_norm(matrix @ matrix.T - found @ found.T, 2)
    assert_close(lost, smallest**2, **exact)


def test_vectors_do_not_depend_on_the_start_and_keep_the_precision():
    matrix = random(30, 20, seed=5).requires_grad_()
    assert_close(svd_vectors(matrix, 4, seed=0), svd_vectors(matrix, 4, seed=9), rtol=1e-8, atol=1e-8)
    for dim in (4, 20):
        assert not svd_vectors(matrix, dim).requires_grad
        assert svd_vectors(matrix.float(), dim).dtype == torch.float32
    poor = torch.outer(random(6), random(5, seed=1))  # of rank 1
    assert_close(svd_vectors(poor, 3, power=1) @ svd_vectors(poor, 3, power=1).T, poor @ poor.T, **exact)


# ---- skip-gram ----


def test_scores_are_dot_products():
    torch.manual_seed(0)
    model = SkipGram(7, dim=4).double()
    assert bool((model.contexts.weight == 0).all())
    assert 0.1 < model.words.weight.abs().max() <= 0.125
    torch.nn.init.normal_(model.contexts.weight)
    words, contexts = torch.tensor([0, 6, 3]), torch.tensor([[1, 2], [0, 0], [5, 3]])
    found = model(words, contexts)
    for row in range(3):
        for k in range(2):
            by_hand = model.words.weight[words[row]] @ model.contexts.weight[contexts[row, k]]
            assert_close(found[row, k], by_hand, **exact)
    assert_close(model(words, contexts[:, 0]), found[:, 0], **exact)


@pytest.mark.parametrize("masked", [False, True])
def test_negative_sampling_is_a_row_of_yes_or_no_questions(masked):
    positive, negative = random(6).requires_grad_(), random(6, 4, seed=1).requires_grad_()
    is_noise = random(6, 4, seed=2) > 0 if masked else None

    def questions(positive, negative):
        logits = torch.cat((positive[:, None], negative), 1)
        answers = torch.zeros_like(logits)
        answers[:, 0] = 1
        each = F.binary_cross_entropy_with_logits(logits, answers, reduction="none")
        if is_noise is not None:
            each = each * torch.cat((torch.ones(6, 1, dtype=torch.bool), is_noise), 1)
        return each.sum(1).mean()

    ours = negative_sampling_loss(positive, negative, is_noise)
    theirs = questions(positive, negative)
    assert_close(ours, theirs, **exact)
    for a, b in zip(*(torch.autograd.grad(x, (positive, negative)) for x in (ours, theirs)), strict=True):
        assert_close(a, b, **exact)


def test_negative_sampling_stands_extreme_scores():
    loss = negative_sampling_loss(torch.tensor([-2000.0]), torch.tensor([[2000.0, -2000.0]]))
    assert loss.item() == 4000


def test_a_drawn_word_that_is_the_true_context_is_left_out():
    torch.manual_seed(1)
    model = SkipGram(5, dim=3).double()
    torch.nn.init.normal_(model.contexts.weight)
    words, contexts = torch.tensor([0, 1]), torch.tensor([2, 3])
    drawn = torch.tensor([[2, 4], [4, 3]])
    other = model(words, torch.tensor([4, 4]))  # of the two drawn words the one that is noise
    expected = F.softplus(-model(words, contexts)) + F.softplus(other)
    assert_close(skip_gram_loss(model, (words, contexts, drawn)), expected.mean(), **exact)


def test_the_best_scores_are_pmi_less_the_log_of_the_negatives():
    """Levy & Goldberg 2014, section 3.1: with enough dimensions skip-gram factorises PMI - log k."""
    counts = torch.tensor([[6.0, 2, 1], [2, 3, 4], [1, 4, 8]], dtype=torch.float64)
    k, total = 5, counts.sum()
    noise = counts.sum(0) / total
    pmi = (counts * total / (counts.sum(1, keepdim=True) * counts.sum(0))).log()
    scores = (pmi - math.log(k)).requires_grad_()
    seen, drawn = counts / total, counts.sum(1, keepdim=True) / total * noise * k
    loss = -(seen * F.logsigmoid(scores) + drawn * F.logsigmoid(-scores)).sum()
    assert_close(torch.autograd.grad(loss, scores)[0], torch.zeros(3, 3, dtype=torch.float64), **exact)


@pytest.mark.parametrize("power", [0.75, 1.0])
def test_the_loss_of_skip_gram_is_flat_at_the_sampled_scores(power):
    """The expected loss over all pairs and all draws, a drawn word that is the true context left out."""
    counts = torch.tensor([[6.0, 2, 1], [2, 3, 4], [1, 4, 8]], dtype=torch.float64)
    noise, k = counts.sum(0) ** power, 5
    scores = sampled_scores(counts, noise, negatives=k).requires_grad_()
    share = noise / noise.sum()
    loss = 0.0
    for word in range(3):
        for context in range(3):
            others = sum(share[c] * F.logsigmoid(-scores[word, c]) for c in range(3) if c != context)
            loss = loss - counts[word, context] * (F.logsigmoid(scores[word, context]) + k * others)
    assert_close(torch.autograd.grad(loss, scores)[0], torch.zeros(3, 3, dtype=torch.float64), **exact)


def test_sampled_scores_are_pmi_less_ln_k_where_a_context_is_rare():
    counts = torch.full((200, 200), 3.0, dtype=torch.float64)
    counts[0, 1], counts[5] = 9.0, 0.0
    counts[:, 7] = 0.0
    got = sampled_scores(counts, counts.sum(0), negatives=4)
    pmi = (counts * counts.sum() / (counts.sum(1, keepdim=True) * counts.sum(0))).log()
    assert got[0, 1].item() == pytest.approx(pmi[0, 1].item() - math.log(4), abs=0.02)
    assert (got[5] == -torch.inf).all()
    assert (got[:, 7] == -torch.inf).all()
    assert sampled_scores(torch.tensor([[5.0, 0.0]]), torch.ones(2), negatives=1)[0, 0] == torch.inf


def test_training_separates_two_circles_of_words():
    """Words 0 to 3 only ever stand together, and so do 4 to 7: neighbours must be of the own circle."""
    generator = torch.Generator().manual_seed(0)
    rows = [torch.cat((torch.randint(0, 4, (9,), generator=generator) + 4 * (n % 2), torch.tensor([-1, -1])))
            for n in range(60)]  # fmt: skip
    sampler = SkipGramSampler(torch.cat(rows), vocab_size=8, window=2, negatives=3, batch_size=256)
    torch.manual_seed(0)
    model = SkipGram(8, dim=4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    history = train(model, sampler, steps=150, loss=skip_gram_loss, optimizers=optimizer, progress=False)
    assert history.losses[0] == pytest.approx(4 * math.log(2), abs=0.5)
    assert history.losses[-1] < 0.75 * history.losses[0]
    neighbours, _ = unsupervised.nearest(model.words.weight.detach(), torch.arange(8), 3)
    assert torch.equal(neighbours // 4, (torch.arange(8) // 4)[:, None].expand(8, 3))


# ---- the sampler ----


TOKENS = torch.tensor([0, 1, 2, 0, 1, 0, -1, -1, 3, 0])


def test_every_pair_is_drawn_as_often_as_it_stands_in_the_text():
    sampler = SkipGramSampler(TOKENS, vocab_size=5, window=2, batch_size=200_000, negatives=1)
    words, contexts, drawn = sampler(torch.Generator().manual_seed(0))
    assert words.shape == contexts.shape == (200_000,)
    assert drawn.shape == (200_000, 1)
    counts = cooccurrence(TOKENS, 5, window=2)
    share = torch.bincount(words * 5 + contexts, minlength=25).view(5, 5) / 200_000
    assert_close(share.double(), counts / counts.sum(), rtol=0, atol=0.005)
    often = torch.tensor([4.0, 2, 1, 1, 0], dtype=torch.float64) ** 0.75
    noise = torch.bincount(drawn.flatten(), minlength=5) / 200_000
    assert_close(noise.double(), often / often.sum(), rtol=0, atol=0.005)
    assert_close(sampler.noise, often / often.sum(), **exact)
    assert noise[4] == 0, "a word that is not in the text was drawn"


def test_the_sampler_s_defaults_and_repeats():
    sampler = SkipGramSampler(TOKENS, vocab_size=4, window=1)
    batch = sampler(torch.Generator().manual_seed(5))
    assert [list(part.shape) for part in batch] == [[1024], [1024], [1024, 5]]
    for first, second in zip(batch, sampler(torch.Generator().manual_seed(5)), strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(batch[0], sampler(torch.Generator().manual_seed(6))[0])
    flat = SkipGramSampler(TOKENS, vocab_size=5, window=1, noise_power=0).noise
    assert_close(flat, torch.full((5,), 0.2, dtype=torch.float64), **exact)


def test_frequent_words_are_thinned_out_by_the_formula():
    tokens = torch.cat((torch.zeros(90_000), torch.ones(10_000), -torch.ones(7))).long()
    thin = subsample(tokens, 0.04, generator=torch.Generator().manual_seed(0))
    for word, share in ((0, 0.9), (1, 0.1)):
        kept = (thin == word).sum() / (tokens == word).sum()
        assert kept.item() == pytest.approx(math.sqrt(0.04 / share), abs=0.02)
    assert torch.equal(thin[thin >= 0], tokens[thin >= 0]), "a word changed its place"
    assert torch.equal(subsample(tokens, 1.0, generator=torch.Generator()), tokens)
    assert subsample(torch.tensor([-1, -1]), 0.1, generator=torch.Generator()).tolist() == [-1, -1]


def test_the_sampler_thins_out_before_it_pairs():
    tokens = torch.randint(0, 2, (4000,), generator=torch.Generator().manual_seed(1))
    thin = [SkipGramSampler(tokens, vocab_size=2, window=1, threshold=0.1, seed=seed) for seed in (0, 0, 1)]
    whole = SkipGramSampler(tokens, vocab_size=2, window=1)
    assert whole.pairs.shape[1] == 2 * 3999
    assert thin[0].pairs.shape[1] == pytest.approx(2 * 3999 * 0.2, rel=0.15)  # both stay: sqrt(0.2) squared
    assert torch.equal(thin[0].pairs, thin[1].pairs)
    assert not torch.equal(thin[0].pairs, thin[2].pairs)
    assert torch.equal(thin[0].noise, whole.noise), "noise is drawn by the counts of the whole text"


# ---- errors ----


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: frequent_words(["a", "b"], min_count=2), "none of 2 distinct words stands min_count=2"),
        (lambda: frequent_words(["a"], min_count=0), "min_count=0 must be a whole number, at least 1"),
        (lambda: frequent_words(["a"], max_words=0), "max_words=0 must be a whole number, at least 1"),
        (
            lambda: cooccurrence(torch.tensor([0, 3]), 3, window=1),
            r"tokens run from 0 to 3: expected -1 \(no word\) to 2",
        ),
        (lambda: cooccurrence(torch.tensor([-2, 1]), 3, window=1), r"tokens run from -2 to 1"),
        (lambda: near_pairs(torch.tensor([-2, 1]), 1), r"tokens run from -2 to 1: expected -1 \(no word\)$"),
        (lambda: cooccurrence(torch.tensor([0.0]), 3, window=1), r"torch.float32 of shape \[1\]"),
        (lambda: cooccurrence(torch.tensor([[0]]), 3, window=1), r"torch.int64 of shape \[1, 1\]"),
        (lambda: cooccurrence(torch.tensor([0]), 3, window=0), "window=0 must be a whole number, at least 1"),
        (lambda: cooccurrence(torch.tensor([0]), 3, window=True), "window=True must be"),
        (lambda: cooccurrence(torch.tensor([0]), 0, window=1), "vocab_size=0 must be"),
        (lambda: ppmi(torch.tensor([[1.0, -2.0]])), "counts holds -2: nothing is counted less than 0 times"),
        (lambda: ppmi(torch.zeros(2, 3)), r"counts \[2, 3\] are all zero"),
        (
            lambda: ppmi(torch.ones(3)),
            r"counts must be a matrix of finite floats, got torch.float32 of shape \[3\]",
        ),
        (lambda: ppmi(torch.full((2, 2), math.nan)), "finite"),
        (lambda: svd_vectors(torch.ones(3, 4), 4), r"dim=4 is out of range: a matrix \[3, 4\] gives 1 to 3"),
        (lambda: svd_vectors(torch.ones(3, 4), 0), "dim=0 is out of range"),
        (
            lambda: svd_vectors(torch.ones(3, 4).long(), 1),
            r"matrix must be a matrix of finite floats, got torch.int64",
        ),
        (lambda: negative_sampling_loss(torch.ones(2), torch.ones(3, 1)), r"\[\[2\], \[3, 1\]\]"),
        (lambda: negative_sampling_loss(torch.ones(2, 1), torch.ones(2, 1)), r"\[\[2, 1\], \[2, 1\]\]"),
        (lambda: negative_sampling_loss(torch.ones(2), torch.ones(2)), r"\[\[2\], \[2\]\]"),
        (
            lambda: negative_sampling_loss(torch.ones(2), torch.ones(2, 3), torch.ones(2)),
            r"\[2, 3\], \[2\]\]",
        ),
        (
            lambda: SkipGramSampler(torch.tensor([0, -1, 1]), vocab_size=2, window=1),
            "no two words stand within window=1 in 3",
        ),
        (
            lambda: SkipGramSampler(torch.tensor([0, 1]), vocab_size=2, window=1, negatives=0),
            "negatives=0 must be",
        ),
        (
            lambda: SkipGramSampler(torch.tensor([0, 1]), vocab_size=2, window=1, batch_size=1.5),
            "batch_size=1.5 must be",
        ),
        (lambda: SkipGramSampler(torch.tensor([0, 2]), vocab_size=2, window=1), "tokens run from 0 to 2"),
        (lambda: sampled_scores(torch.ones(2, 3), torch.ones(2), negatives=1), "noise .2. must be shares of"),
        (lambda: sampled_scores(torch.ones(2, 3), torch.zeros(3), negatives=1), "shares of the 3 contexts"),
        (lambda: sampled_scores(torch.ones(2, 3), -torch.ones(3), negatives=1), "shares of the 3 contexts"),
        (lambda: sampled_scores(torch.ones(2, 3), torch.ones(3), negatives=0), "negatives=0 must be"),
        (lambda: subsample(torch.tensor([0]), 0, generator=None), "threshold=0 must be above 0"),
        (lambda: subsample(torch.tensor([0.5]), 0.1, generator=None), "torch.float32"),
    ],
)
def test_errors_say_what_was_wrong(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_the_smallest_of_everything_is_allowed():
    assert frequent_words(["a"], min_count=1, max_words=1) == ["a"]
    assert cooccurrence(torch.tensor([0, 0]), 1, window=1).tolist() == [[2.0]]
    assert svd_vectors(torch.tensor([[3.0]]), 1).tolist() == [[pytest.approx(math.sqrt(3))]]
    sampler = SkipGramSampler(torch.tensor([0, 0]), vocab_size=1, window=1, negatives=1, batch_size=1)
    assert [part.tolist() for part in sampler(torch.Generator())] == [[0], [0], [[0]]]
    sizes = [ppmi(torch.tensor([[1.0, 9.0], [9.0, 1.0]]), shift=s).sum().item() for s in (0, 0.2, 5)]
    assert all(a > b for a, b in pairwise(sizes))
    assert sizes[-1] == 0
