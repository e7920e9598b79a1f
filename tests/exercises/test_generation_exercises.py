"""The exercises of chapter 6.2: solutions, blanks, known mistakes, and what readers write instead of both."""

import heapq
import itertools
import sys
from collections import Counter

import cloudpickle
import pytest
import torch
from exercise_rules import every_case, rules_for
from question_rules import question_rules_for
from sklearn.metrics import average_precision_score

from llmasos_edu.exercises import find
from llmasos_edu.generation.repetition import repeating_tokens
from llmasos_edu.generation.rules import rule_steps
from llmasos_edu.text.overlap import distinct
from llmasos_edu.text.retrieval import WordIndex

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

# Correct answers, written differently from the solutions ---------------------------------------------


def beams_by_a_heap(sums, log_probs, width):
    pairs = itertools.product(range(len(sums)), range(len(log_probs[0])))
    best = heapq.nlargest(width, pairs, key=lambda pair: sums[pair[0]] + log_probs[pair[0]][pair[1]])
    return torch.tensor([(b, t, sums[b] + log_probs[b][t]) for b, t in best])


def words_by_counting(written, keywords, left, vocab):
    missing = [word for word in dict.fromkeys(sorted(keywords)) if word not in written]
    if missing and len(missing) == left:
        return missing
    return [*range(vocab)] if len(missing) < left or not missing else []


def repeats_by_walking(tokens, size):
    out = set()
    for end in range(size - 1, len(tokens)):
        begin = end - size + 1
        if all(tokens[begin + at] == tokens[len(tokens) - size + 1 + at] for at in range(size - 1)):
            out.add(tokens[end])
    return sorted(out)


def distinct_by_counter(texts, size):
    counts = Counter()
    for words in texts:
        counts.update(zip(*(words[start:] for start in range(size)), strict=False))
    return len(counts) / counts.total()


def precision_by_ranks(scores, wrong):
    ranks = sorted(
        sum(other >= score for other in scores) for score, bad in zip(scores, wrong, strict=True) if bad
    )
    return sum(place / rank for place, rank in enumerate(ranks, 1)) / len(ranks)


ALTERNATIVES = {
    "6.2-2": beams_by_a_heap,
    "6.2-3": words_by_counting,
    "6.2-4": repeats_by_walking,
    "6.2-5": distinct_by_counter,
    "6.2-7": precision_by_ranks,
}


# Usual mistakes in a reader's own words -------------------------------------------------------------


def greedy_beams(sums, log_probs, width):
    out = []
    for beam, row in enumerate(log_probs):
        best = max(row)
        out.append([beam, row.index(best), sums[beam] + best])
    return sorted(out, key=lambda each: each[2], reverse=True)[:width]


def keywords_first(written, keywords, left, vocab):
    todo = sorted(set(keywords).difference(written))
    if len(todo) > left:
        return []
    return todo if todo else list(range(vocab))


def no_token_twice(tokens, size):
    return sorted(set(tokens))


def mean_over_texts(texts, size):
    shares = []
    for words in texts:
        runs = list(zip(*(words[start:] for start in range(size)), strict=False))
        if runs:
            shares.append(len(set(runs)) / len(runs))
    return sum(shares) / len(shares)


def mean_reciprocal(scores, wrong):
    order = sorted(zip(scores, wrong, strict=True), reverse=True)
    ranks = [rank for rank, (_, bad) in enumerate(order, 1) if bad]
    return sum(1 / rank for rank in ranks) / len(ranks)


VARIATIONS = [
    ("6.2-2", "each beam for itself", greedy_beams),
    ("6.2-3", "always forced", keywords_first),
    ("6.2-4", "everything that was said", no_token_twice),
    ("6.2-5", "each text for itself", mean_over_texts),
    ("6.2-7", "one over the rank", mean_reciprocal),
]

TestRules = rules_for("6.2", ALTERNATIVES, VARIATIONS)

# Questions ------------------------------------------------------------------------------------------

IN_ANOTHER_FORM = {
    "6.2-1": {name: torch.tensor(float(value)) for name, value in find("6.2-1").right().items()},
    "6.2-6": find("6.2-6").right() | {"score": round(find("6.2-6").right()["score"], 4)},
    "6.2-8": {name: round(value, 4) for name, value in find("6.2-8").right().items()},
    "6.2-9": dict(reversed(find("6.2-9").right().items())),
    "6.2-10": sorted(find("6.2-10").right()),
}
RIGHT = {number: find(f"6.2-{number}").right() for number in (1, 8, 9)}
SLIPS = [
    ("6.2-1", "the old probability", RIGHT[1] | {"favourite": find("6.2-1").given()["probs"][0]}),
    ("6.2-8", "counted as often as it occurs", RIGHT[8] | {"gain": find("6.2-8").given()["times"]}),
    ("6.2-9", "another seed", RIGHT[9] | {"coverage": "coverage with another seed"}),
    (
        "6.2-10",
        "a price overlooked",
        ["temperature 1 is more varied than beam search", "with the constraint every keyword occurs"],
    ),
]

TestQuestions = question_rules_for("6.2", IN_ANOTHER_FORM, SLIPS, seeds=(None, 1, 7, 11))


def test_two_of_them_ask_for_judgement():
    assert find("6.2-9").options
    assert find("6.2-10").options
    for number in range(1, 11):
        assert len(find(f"6.2-{number}").mistakes) >= 5


# The references against the library -----------------------------------------------------------------


def test_runs_that_repeat_are_those_of_the_library():
    for got, (tokens, size) in every_case("6.2-4"):
        again = repeating_tokens(torch.tensor([tokens]), size, 20)[0]
        assert again.nonzero()[:, 0].tolist() == got


def test_distinct_is_that_of_the_library():
    for got, (texts, size) in every_case("6.2-5"):
        assert got == pytest.approx(distinct(texts, size))


def test_average_precision_is_that_of_scikit_learn():
    for got, (scores, wrong) in every_case("6.2-7"):
        assert got == pytest.approx(average_precision_score(wrong, scores))


@pytest.mark.parametrize("seed", range(30))
def test_rules_in_two_orders_are_those_of_the_library(seed):
    data, right = find("6.2-1").given(seed), find("6.2-1").right(seed)
    logits = torch.tensor([data["probs"]], dtype=torch.float64).log()
    alone = rule_steps(logits, [("top_p", data["top_p"])])[-1]
    both = rule_steps(logits, [("top_k", data["top_k"]), ("top_p", data["top_p"])])[-1]
    assert right["p alone"] == alone.kept.sum().item()
    assert right["k then p"] == both.kept.sum().item()
    assert right["favourite"] == pytest.approx(both.probabilities.max().item())


@pytest.mark.parametrize("seed", range(5))
def test_what_a_rare_word_is_worth_is_what_the_index_says(seed):
    data, right = find("6.2-8").given(seed), find("6.2-8").right(seed)
    have = round(data["passages"] * data["common"])
    passages = [["x"] * 3 for _ in range(data["passages"])]
    for at in range(have):
        passages[at][0] = "common"
    for at in range(data["rare"]):
        passages[at][1] = "rare"
    index = WordIndex(passages, b=0.0)
    assert index.scores(["common"])[0] == pytest.approx(right["common"] / 2.5, rel=1e-4)
    assert index.scores(["rare"])[0] == pytest.approx(right["rare"] / 2.5, rel=1e-4)
