"""The exercises of chapter 2.1: solutions, blanks, known mistakes, and what readers write instead of both."""

import math
import sys

import cloudpickle
import numpy as np
import pytest
import torch
from exercise_rules import every_case, rules_for
from question_rules import question_rules_for

from llmasos_edu.exercises import find, judge
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.arithmetic_coding import TOTAL, Interval
from llmasos_edu.text.ngram import NGram

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

# Correct answers, written differently from the solutions ---------------------------------------------


def smoothed_by_numpy(counts, k):
    raised = np.array(counts, dtype=float) + k
    return raised / raised.sum()


def bits_by_a_table(train, held_out, vocab_size, k):
    table = np.full((vocab_size, vocab_size), float(k))
    for place in range(1, len(train)):
        table[train[place - 1], train[place]] += 1
    shares = table / table.sum(1, keepdims=True)
    return -np.mean(np.log2([shares[held_out[i], held_out[i + 1]] for i in range(len(held_out) - 1)]))


def perplexity_by_bits(texts):
    flat = torch.tensor([p for text in texts for p in text], dtype=torch.float64)
    return 2 ** float(-flat.log2().mean())


def narrow_from_the_right(low, high, parts, token):
    total, width = parts[-1], high - low
    new_high = (low * total + width * parts[token + 1]) // total
    new_low = (low * total + width * parts[token]) // total
    return [new_low, new_high]


def leak_by_walking(train, held_out, width):
    known, count = 0, len(held_out) - width + 1
    for start in range(count):
        window = held_out[start : start + width]
        known += any(train[i : i + width] == window for i in range(len(train) - width + 1))
    return known / count


def count_by_adding(vocab_size, d_model, num_layers, d_ff, tied):
    layers = 0
    for _ in range(num_layers):
        for rows, columns in [(d_model, d_model)] * 4 + [(d_model, d_ff), (d_ff, d_model)]:
            layers += rows * columns
    tables = vocab_size * d_model
    if not tied:
        tables += d_model * vocab_size
    return [layers, layers + tables]


def label_by_walking(after, alone):
    best, label = -math.inf, None
    for number, (row, plain) in enumerate(zip(after, alone, strict=True)):
        gain = math.fsum(row) - math.fsum(plain)
        if gain > best + 1e-12:
            best, label = gain, number
    return label


# Usual mistakes in a reader's own words ------------------------------------------------------------------


def one_for_everybody(counts, k):
    n = sum(counts)
    return [(c + k) / (n if n else 1) for c in counts]


def trained_on_the_exam(train, held_out, vocab_size, k):
    return bits_by_a_table(list(train) + list(held_out), held_out, vocab_size, k)


def mean_of_perplexities(texts):
    each = []
    for text in texts:
        each.append(math.prod(text) ** (-1 / len(text)))
    return sum(each) / len(each)


def in_place(low, high, parts, token):
    low += (high - low) * parts[token] // parts[-1]
    high = low + (high - low) * parts[token + 1] // parts[-1]
    return [low, high]


def without_doubles(train, held_out, width):
    a = {tuple(held_out[i : i + width]) for i in range(len(held_out) - width + 1)}
    b = {tuple(train[i : i + width]) for i in range(len(train) - width + 1)}
    return len(a & b) / len(a)


def both_tables(vocab_size, d_model, num_layers, d_ff, tied):
    layers, _ = count_by_adding(vocab_size, d_model, num_layers, d_ff, tied)
    return [layers, layers + 2 * vocab_size * d_model]


def likeliest_label(after, alone):
    sums = [sum(row) for row in after]
    return sums.index(max(sums))


class TestFunctions(
    rules_for(
        "2.1",
        alternatives={
            "2.1-1": smoothed_by_numpy,
            "2.1-2": bits_by_a_table,
            "2.1-3": perplexity_by_bits,
            "2.1-5": narrow_from_the_right,
            "2.1-6": leak_by_walking,
            "2.1-8": count_by_adding,
            "2.1-9": label_by_walking,
        },
        variations=[
            ("2.1-1", "does not sum to one", one_for_everybody),
            ("2.1-2", "held-out text counted", trained_on_the_exam),
            ("2.1-3", "averaged over texts", mean_of_perplexities),
            ("2.1-5", "low moved first", in_place),
            ("2.1-6", "each passage once", without_doubles),
            ("2.1-8", "embeddings counted twice", both_tables),
            ("2.1-9", "what it costs anyway is left in", likeliest_label),
        ],
    )
):
    pass


RIGHT = {key: find(key).right() for key in ("2.1-4", "2.1-7", "2.1-10")}


class TestQuestions(
    question_rules_for(
        "2.1",
        alternatives={
            "2.1-4": RIGHT["2.1-4"] | {"A": np.float64(RIGHT["2.1-4"]["A"]) * 1.002},
            "2.1-7": RIGHT["2.1-7"] | {"loss": torch.tensor(RIGHT["2.1-7"]["loss"])},
            "2.1-10": RIGHT["2.1-10"] | {"error": round(RIGHT["2.1-10"]["error"], 4)},
        },
        variations=[
            ("2.1-4", "bits a token compared", RIGHT["2.1-4"] | {"better": "A"}),
            ("2.1-7", "two points are a law", RIGHT["2.1-7"] | {"sure": "for every size"}),
            ("2.1-10", "not what turns it", RIGHT["2.1-10"] | {"n-gram": "a 13-gram"}),
        ],
        seeds=(None, *range(1, 25)),
    )
):
    pass


# The references against the library ----------------------------------------------------------------------


def test_smoothing_and_bits_are_those_of_the_library():
    for got, (train, held_out, vocab_size, k) in every_case("2.1-2"):
        model = NGram.add_k(train, vocab_size, 2, k)
        assert got == pytest.approx(model.bits_per_byte(held_out, len(held_out) - 1))
    for got, (counts, k) in every_case("2.1-1"):
        assert sum(got) == pytest.approx(1)
        if sum(counts):
            text = [token for token, count in enumerate(counts) for _ in range(count)]
            model = NGram.add_k(text, len(counts), 1, k)
            assert got == pytest.approx(model.probabilities([]).tolist())


def test_a_step_is_the_coder_s():
    for got, (low, high, parts, token) in every_case("2.1-5"):
        interval = Interval()
        interval.low, interval.high = low, high
        if TOTAL % parts[-1] == 0:
            unit = TOTAL // parts[-1]
            interval.narrow(parts[token] * unit, parts[token + 1] * unit)
            assert [interval.low, interval.high] == got
        assert low <= got[0] <= got[1] <= high
        if (high - low) * (parts[token + 1] - parts[token]) >= parts[-1]:
            assert got[0] < got[1], "only a part of less than one step may come out empty"


def test_the_share_that_leaks_is_the_split_s():
    for got, (train, held_out, width) in every_case("2.1-6"):
        known = {tuple(train[at : at + width]) for at in range(len(train) - width + 1)}
        asked = [tuple(held_out[at : at + width]) for at in range(len(held_out) - width + 1)]
        assert got == pytest.approx(sum(each in known for each in asked) / len(asked))


def test_parameters_are_the_model_s():
    for got, (vocab_size, d_model, num_layers, d_ff, tied) in every_case("2.1-8"):
        model = LanguageModel(
            vocab_size, d_model=d_model, num_layers=num_layers, num_heads=2, d_ff=d_ff, qk_norm=False,
            tie_weights=tied,
        )  # fmt: skip
        matrices = [p for p in model.parameters() if p.ndim == 2]
        assert got[1] == sum(p.numel() for p in matrices)
        assert got[0] == sum(p.numel() for p in model.blocks.parameters() if p.ndim == 2)


def test_every_exercise_knows_five_mistakes():
    for number in range(1, 11):
        assert len(find(f"2.1-{number}").mistakes) >= 5


def test_readers_of_a_class_get_gains_on_both_sides_of_the_noise():
    shown = {find("2.1-10").right(seed)["shown"] for seed in range(20)}
    assert shown == {True, False}


def test_a_seed_draws_more_cases_for_a_function():
    verdict = judge("2.1-6", leak_by_walking, seed=7)
    assert verdict.status == "correct", verdict.message
    assert "all 19 cases" in verdict.message
