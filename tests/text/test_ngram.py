"""N-grams by hand, against slow dictionaries of fractions, and against a language of known entropy."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmasos_edu.corpus import MarkovSource
from llmasos_edu.corpus import manual as read_manual
from llmasos_edu.text.ngram import NGram, kneser_ney_discounts
from llmasos_edu.training.next_token import bits_per_byte as neural_bits_per_byte

A, B, C, D = range(4)
HAND = [B, D, D, C, A, B, D, C, D, B, D, B]


def random_text(length, vocab_size, seed=0):
    """Tokens with a few favourites, so that counts of 1, 2, 3 and more all occur."""
    rng = np.random.Generator(np.random.PCG64(seed))
    return rng.choice(vocab_size, size=length, p=rng.dirichlet(np.full(vocab_size, 0.7))).tolist()


class SlowKneserNey:
    """Interpolated modified Kneser-Ney as the paper writes it, with dictionaries and exact fractions."""

    def __init__(self, tokens, vocab_size, order):
        self.vocab_size, self.order = vocab_size, order
        windows = [tuple(tokens[t - order + 1 : t + 1]) for t in range(order - 1, len(tokens))]
        self.counts = {order: Counter(windows)}
        for k in range(1, order):
            with_one_before = {window[-k - 1 :] for window in windows}
            self.counts[k] = Counter(ngram[1:] for ngram in with_one_before)
        self.discounts = {k: self.estimate(list(counts.values())) for k, counts in self.counts.items()}

    @staticmethod
    def estimate(counts):
        n = {i: Fraction(counts.count(i)) for i in range(1, 5)}
        discounts = {}
        for i in (1, 2, 3):
            discounts[i] = Fraction(i, 2)
            if n[1] > 0 and n[i] > 0:
                y = n[1] / (n[1] + 2 * n[2])
                estimate = i - (i + 1) * y * n[i + 1] / n[i]
                discounts[i] = estimate if 0 < estimate < i else discounts[i]
        return discounts

    def probability(self, token, context):
        """P(token | context), of which the last order - 1 tokens count."""
        context = tuple(context)[max(len(context) - self.order + 1, 0) :]
        return self._at(len(context) + 1, token, context)

    def _at(self, k, token, context):
        if k == 0:
            return Fraction(1, self.vocab_size)
        shorter = self._at(k - 1, token, context[1:])
        followers = {ngram[-1]: c for ngram, c in self.counts[k].items() if ngram[:-1] == context}
        if not followers:
            return shorter
        total = sum(followers.values())
        discount = {w: self.discounts[k][min(c, 3)] for w, c in followers.items()}
        share = (followers[token] - discount[token]) / total if token in followers else 0
        return share + sum(discount.values()) / total * shorter


# By hand


def test_maximum_likelihood_divides_counts():
    """In b d d c a b d c d b d b, d is followed by d once, by c twice, by b twice."""
    model = NGram.add_k(HAND, 4, order=2, k=0)
    assert model.probabilities([D]).tolist() == [0, 2 / 5, 2 / 5, 1 / 5]
    assert model.probabilities([B]).tolist() == [0, 0, 0, 1]
    assert model.probabilities([C, A, B]).tolist() == [0, 0, 0, 1], "only the last token matters"


def test_add_one_by_hand():
    model = NGram.add_k(HAND, 4, order=2, k=1)
    torch.testing.assert_close(model.probabilities([D]), torch.tensor([1, 3, 3, 2]).double() / 9)
    unigram = NGram.add_k(HAND, 4, order=1, k=0.5)
    torch.testing.assert_close(unigram.probabilities([]), torch.tensor([1.5, 4.5, 2.5, 5.5]).double() / 14)


def test_a_context_never_seen_leaves_add_k_without_a_clue():
    for k in (0, 0.1):
        model = NGram.add_k(HAND, 4, order=3, k=k)
        assert model.probabilities([A, A]).tolist() == [1 / 4] * 4
        assert model.probabilities([A]).tolist() == [1 / 4] * 4, "too short a context was never counted"


def test_discounts_by_hand():
    """n_1 ... n_4 = 8, 4, 2, 1: Y = 1/2, D = 1 - 2 Y 4/8, 2 - 3 Y 2/4, 3 - 4 Y 1/2; no larger count."""
    counts = np.array([1] * 8 + [2] * 4 + [3] * 2 + [4] + [5, 60, 700])
    assert kneser_ney_discounts(counts).tolist() == [0.5, 1.25, 2.0]


@pytest.mark.parametrize(
    ("counts", "discounts"),
    [
        ([5, 6, 7], [0.5, 1.0, 1.5]),  # no small counts at all
        ([1, 1, 3, 4], [0.5, 1.0, 1.5]),  # n_2 = 0: Y = 1, D(1) = 1 would leave no 1; D(3) = -1
        ([2, 2, 3, 4], [0.5, 1.0, 1.5]),  # n_1 = 0: Y unknown
        ([1, 2, 2, 2, 3, 4], [1 - 6 / 7, 2 - 1 / 7, 3 - 4 / 7]),
        ([1, 2, 2, 3, 3, 3, 3, 4], [0.2, 2 - 6 / 5, 3 - 1 / 5]),
        ([1, 1, 2, 3, 3], [0.5, 1.0, 1.5]),  # D(2) = 2 - 3 * 1/2 * 2 is negative, D(3) = 3 - 0
    ],
)
def test_discounts_that_the_counts_do_not_give_are_half_the_count(counts, discounts):
    assert kneser_ney_discounts(np.array(counts)).tolist() == pytest.approx(discounts)


def test_kneser_ney_by_hand():
    """Bigrams bd 3, dc 2, db 2, dd ca ab cd 1: n = 4, 2, 1, 0, D = 1/2, 5/4, and for want of a 4, 3/2.

    Different tokens before d: 3, before b: 2, before a and c: 1: n = 2, 1, 1, 0, D = 1/2, 1/2, 3/2, so of 7
    the counts keep 1/2, 3/2, 1/2, 3/2, and 3 are shared out evenly. After d stand dd 1, dc 2, db 2, of 5.
    """
    model = NGram.kneser_ney(HAND, 4, order=2)
    assert model.discounts.tolist() == [[0.5, 0.5, 1.5], [0.5, 1.25, 1.5]]
    assert model.num_ngrams == [4, 7]
    unigram = torch.tensor([5, 9, 5, 9]).double() / 28
    torch.testing.assert_close(model.probabilities([]), unigram)
    share = torch.tensor([0.0, 0.15, 0.15, 0.1]).double()
    torch.testing.assert_close(model.probabilities([D]), share + 0.6 * unigram)
    only_d = torch.tensor([0.0, 0.0, 0.0, 0.5]).double()
    torch.testing.assert_close(model.probabilities([B]), only_d + 0.5 * unigram)


def test_kneser_ney_counts_what_stands_before_not_how_often():
    """'francisco' is the most frequent, but always after 'san': elsewhere it is a poor guess."""
    san, francisco, glasses, *others = range(10)
    text = [san, francisco] * 30
    for other in others:
        text += [other, glasses]
    model = NGram.kneser_ney(text, 11, order=2)
    anywhere = model.probabilities([10])  # a word never seen before
    assert text.count(francisco) > 3 * text.count(glasses)
    assert anywhere[glasses] > 3 * anywhere[francisco]
    assert model.probabilities([san])[francisco] > 0.9
    counted = NGram.add_k(text, 11, order=1, k=0).probabilities([])
    assert counted[francisco] > counted[glasses]


# Against the slow dictionaries


@pytest.mark.parametrize("order", [1, 2, 3, 5, 8])
def test_kneser_ney_equals_the_slow_dictionaries(order):
    text, vocab_size = random_text(300, 5), 6
    fast, slow = NGram.kneser_ney(text, vocab_size, order), SlowKneserNey(text, vocab_size, order)
    assert fast.order == order
    assert fast.num_ngrams == [len(slow.counts[k]) for k in range(1, order + 1)]
    expected = [[float(d) for d in slow.discounts[k].values()] for k in range(1, order + 1)]
    torch.testing.assert_close(fast.discounts, torch.tensor(expected, dtype=torch.float64))
    held_out = random_text(40, 6, seed=1)
    expected = [float(slow.probability(w, held_out[:t])) for t, w in enumerate(held_out)]
    torch.testing.assert_close(fast.token_probabilities(held_out), torch.tensor(expected).double())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_text_any_context_equals_the_slow_dictionaries_which_sum_to_exactly_one(data):
    vocab_size = data.draw(st.integers(1, 4))
    token = st.integers(0, vocab_size - 1)
    order = data.draw(st.integers(1, 4))
    text = data.draw(st.lists(token, min_size=order, max_size=30))
    context = data.draw(st.lists(token, max_size=5))
    slow = SlowKneserNey(text, vocab_size, order)
    exact = [slow.probability(w, context) for w in range(vocab_size)]
    assert sum(exact) == 1
    fast = NGram.kneser_ney(text, vocab_size, order).probabilities(context)
    torch.testing.assert_close(fast, torch.tensor([float(p) for p in exact], dtype=torch.float64))


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("k", [0, 0.01, 1, 7])
def test_add_k_equals_counting_with_a_dictionary(order, k):
    text, vocab_size = random_text(200, 5), 6
    model = NGram.add_k(text, vocab_size, order, k)
    windows = [tuple(text[t - order + 1 : t + 1]) for t in range(order - 1, len(text))]
    ngrams, contexts = Counter(windows), Counter(window[:-1] for window in windows)
    for context in [*contexts, (5,) * (order - 1)]:
        for token in range(vocab_size):
            total = contexts[context] + k * vocab_size
            expected = (ngrams[*context, token] + k) / total if total else 1 / vocab_size
            assert float(model.probabilities(context)[token]) == pytest.approx(expected, abs=1e-15)


def models(text, vocab_size):
    for order in range(1, 9):
        yield NGram.kneser_ney(text, vocab_size, order)
    for k in (0, 0.1, 1):
        yield NGram.add_k(text, vocab_size, 3, k)


def test_probabilities_sum_to_one_in_every_context():
    text = random_text(400, 7)
    for model in models(text, 8):
        seen = [text[max(t - 7, 0) : t] for t in range(0, 400, 9)]
        for context in [*seen, [7], [7] * 9, [*text[:5], 7, text[0]]]:
            probabilities = model.probabilities(context)
            assert probabilities.dtype == torch.float64
            assert probabilities.shape == (8,)
            assert (probabilities >= 0).all()
            assert abs(float(probabilities.sum()) - 1) < 1e-12


def test_kneser_ney_gives_everything_a_chance():
    for text in (random_text(400, 7), [0] * 50, [0, 1] * 40):
        for order in range(1, 9):
            model = NGram.kneser_ney(text, 8, order)
            assert all(float(model.probabilities(text[:t]).min()) > 0 for t in range(0, 20, 3))


def test_a_text_scored_at_once_equals_its_tokens_one_by_one():
    held_out = random_text(60, 8, seed=3)
    for model in models(random_text(400, 7), 8):
        one_by_one = [model.probabilities(held_out[:t])[w] for t, w in enumerate(held_out)]
        torch.testing.assert_close(
            model.token_probabilities(held_out), torch.stack(one_by_one), rtol=0, atol=1e-14
        )


def test_logits_are_log_probabilities_as_a_model_s_head_gives_them():
    model = NGram.kneser_ney(HAND, 4, order=3)
    torch.testing.assert_close(model.logits([B, D]).softmax(-1), model.probabilities([B, D]))
    assert NGram.add_k(HAND, 4, order=2, k=0).logits([B]).tolist() == [-math.inf, -math.inf, -math.inf, 0.0]


def test_lists_arrays_and_tensors_are_alike():
    expected = NGram.kneser_ney(HAND, 4, order=3)
    for kind in (list, tuple, np.array, torch.tensor, lambda x: np.array(x, np.uint8)):
        model = NGram.kneser_ney(kind(HAND), 4, order=3)
        assert model.probabilities(kind([B, D])).tolist() == expected.probabilities([B, D]).tolist()
        assert model.bits_per_byte(kind(HAND), 12) == expected.bits_per_byte(HAND, 12)
    for nothing in ([], (), np.zeros(0), torch.zeros(0)):
        assert model.probabilities(nothing).tolist() == expected.probabilities([]).tolist()


# Bits per byte


def test_bits_per_byte_by_hand():
    """After b comes d for sure (0 bits), after d comes c with 2/5."""
    model = NGram.add_k(HAND, 4, order=2, k=0)
    assert model.bits_per_byte([B, D, C], num_bytes=3) == pytest.approx(math.log2(5 / 2) / 3)
    assert model.bits_per_byte([B, D, C], num_bytes=6) == pytest.approx(math.log2(5 / 2) / 6)


def test_maximum_likelihood_is_infinitely_surprised_by_what_it_never_saw():
    assert NGram.add_k(HAND, 4, order=2, k=0).bits_per_byte([B, A], num_bytes=2) == math.inf
    assert NGram.add_k(HAND, 4, order=2, k=0.1).bits_per_byte([B, A], num_bytes=2) < 10


def test_bits_per_byte_is_the_measure_of_the_neural_models():
    """The same probabilities behind a module's logits score the same."""

    class Module(torch.nn.Module):
        def forward(self, tokens):
            rows = [[ngram.logits(row[: t + 1]) for t in range(len(row))] for row in tokens]
            return torch.stack([torch.stack(row) for row in rows])

    ngram, held_out = NGram.kneser_ney(random_text(400, 7), 8, order=3), random_text(50, 8, seed=5)
    neural = neural_bits_per_byte(Module(), held_out, context=49, num_bytes=77)
    assert ngram.bits_per_byte(held_out, num_bytes=77) == pytest.approx(neural, rel=1e-12)


# A language of known entropy


def expected_bits(model, source):
    """Cross-entropy of the model on the source's whole infinite text, bits per symbol: no sampling error."""
    n, bits = source.num_symbols, 0.0
    for number, share in enumerate(source.stationary):
        context = [number // n ** (source.order - 1 - i) % n for i in range(source.order)]
        bits -= share * (source.transition[number] * model.probabilities(context).log2()).sum()
    return float(bits)


def test_on_a_markov_source_kneser_ney_approaches_the_entropy_rate_from_above():
    source = MarkovSource(4, order=2, concentration=0.5, seed=3)
    gaps = []
    for length in (250, 2_500, 250_000):
        rows = max(length // 1_000, 1)
        text = source.sample(rows, length // rows, torch.Generator().manual_seed(0))
        gaps.append(expected_bits(NGram.kneser_ney(text.flatten(), 4, order=3), source) - source.entropy_rate)
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert gaps[2] < 0.002


def test_a_shorter_order_meets_the_entropy_of_a_shorter_memory():
    source = MarkovSource(4, order=2, concentration=0.5, seed=3)
    text = source.sample(500, 1_000, torch.Generator().manual_seed(0)).flatten()
    for order in (1, 2, 3):
        # the highest order's counts are what a memory of order - 1 symbols sees
        model = NGram.kneser_ney(text, 4, order)
        assert expected_bits(model, source) == pytest.approx(source.conditional_entropy(order - 1), abs=0.005)


def test_a_longer_order_than_the_source_s_costs_little():
    source = MarkovSource(4, order=1, concentration=0.5, seed=1)
    text = source.sample(100, 500, torch.Generator().manual_seed(0)).flatten()
    held_out = source.sample(100, 200, torch.Generator().manual_seed(1)).flatten()
    bits = [NGram.kneser_ney(text, 4, order).bits_per_byte(held_out, len(held_out)) for order in (1, 2, 5)]
    assert bits[0] > bits[2] + 0.1
    assert bits[2] < bits[1] + 0.03


def test_on_english_every_order_helps_and_smoothing_beats_adding_one():
    text = "\n\n".join(document.text for document in read_manual()[:20]).encode()
    train, held_out = list(text[: len(text) * 9 // 10]), list(text[len(text) * 9 // 10 :])
    models = [NGram.kneser_ney(train, 256, order) for order in range(1, 6)]
    bits = [model.bits_per_byte(held_out, len(held_out)) for model in models]
    assert bits == sorted(bits, reverse=True)
    assert bits[4] < bits[0] / 2
    assert bits[4] < NGram.add_k(train, 256, 5).bits_per_byte(held_out, len(held_out)) - 1


# Errors


@pytest.mark.parametrize("fit", [NGram.kneser_ney, NGram.add_k])
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([0, 1, 2], 2, 2), ValueError, "token 2 at place 2 is outside the vocabulary of 2"),
        (([0, -1], 2, 2), ValueError, "token -1 at place 1 is outside the vocabulary of 2"),
        (([0, 1], 2, 3), ValueError, "the text has 2 tokens, order=3 needs at least 3"),
        (([0, 1], 2, 0), ValueError, "order=0 is not a whole number of at least 1"),
        (([0, 1], 2, 1.5), ValueError, "order=1.5 is not a whole number"),
        (([0, 1], 0, 1), ValueError, "vocab_size=0 is not a whole number of at least 1"),
        (([], 2, 1), ValueError, "the text is empty"),
        (("text", 2, 1), TypeError, "encode it with a tokenizer first"),
        (([0.5, 1.0], 2, 1), TypeError, "token ids are whole numbers"),
        (([[0, 1]], 2, 1), ValueError, r"shape \[1, 2\], one row \[n\] is wanted"),
        (([0, 1, 0], 2**31, 1), ValueError, r"3 tokens of vocab_size=2147483648 do not fit 64-bit keys"),
    ],
)
def test_what_cannot_be_fitted_is_told_in_words(fit, arguments, error, words):
    with pytest.raises(error, match=words):
        fit(*arguments)


def test_the_shortest_text_and_the_largest_vocabulary_fit():
    assert NGram.kneser_ney([0, 1, 0], 2, order=3).num_ngrams == [1, 1, 1]
    big = 1_000_000_000
    model = NGram.kneser_ney([5, big - 1, 5, big - 1, 5], big, order=3)
    # the trigram keeps 1 of its 2, the bigram 1/2 of its 1, the unigram 1/2 of the 2 there
    by_hand = 1 / 2 + 1 / 2 * (1 / 2 + 1 / 2 * 1 / 4)
    assert float(model.token_probabilities([5, big - 1, 5])[-1]) == pytest.approx(by_hand)


@pytest.mark.parametrize("k", [-1, -1e-9, math.nan, math.inf])
def test_add_k_needs_a_k(k):
    with pytest.raises(ValueError, match=f"k={k} must be at least 0 and finite"):
        NGram.add_k(HAND, 4, 2, k)


def test_what_cannot_be_scored_is_told_in_words():
    model = NGram.kneser_ney(HAND, 4, order=3)
    with pytest.raises(ValueError, match="token 4 at place 1 is outside the vocabulary of 4"):
        model.bits_per_byte([0, 4], 2)
    with pytest.raises(ValueError, match="token 9 at place 0 is outside the vocabulary of 4"):
        model.probabilities([9])
    with pytest.raises(ValueError, match="num_bytes=0 is not a whole number of at least 1"):
        model.bits_per_byte([0, 1], 0)
    with pytest.raises(ValueError, match="the text has 1 token, at least 2"):
        model.bits_per_byte([0], 1)
    with pytest.raises(ValueError, match="the text is empty"):
        model.token_probabilities([])
    for text in ("d", "", b"d"):
        with pytest.raises(TypeError, match="encode it with a tokenizer first"):
            model.logits(text)
