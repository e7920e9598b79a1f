"""The exercises of chapter 1: solutions, blanks, known mistakes, and what readers write instead of both."""

import statistics
import sys

import cloudpickle
import numpy as np
import pytest
from exercise_rules import rules_for
from question_rules import question_rules_for

from llmasos_edu.exercises import find
from llmasos_edu.exercises.background.counting import count_parameters, training_flops
from llmasos_edu.exercises.background.judging import VERDICTS
from llmasos_edu.models.budget import Budget

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

# Correct answers, written differently from the solutions ---------------------------------------------


def flops_by_passes(embedding, body, head, experts, top_k, expert, tokens):
    forward = back = 0
    for part in [body, head, *[expert] * top_k]:
        forward += 2 * part
        back += 2 * 2 * part
    return (forward + back) * tokens


def parameters_by_shapes(vocab, d_model, layers, d_ff, tied):
    shapes = [(vocab, d_model)] * (2 - bool(tied))
    for _ in range(layers):
        shapes += [(d_model, d_model)] * 4 + [(d_model, d_ff), (d_ff, d_model)]
    return sum(rows * columns for rows, columns in shapes)


def doubling_by_numpy(years, flops):
    return float(1 / np.polyfit(np.array(years) - 2020, np.log2(flops), 1)[0])


def copied_by_pairs(tokens, guesses, period):
    pairs = list(zip(tokens[1:], guesses[:-1], strict=True))[period - 1 :]
    return sum(a == b for a, b in pairs) / len(pairs)


def stop_by_windows(losses, patience):
    for made in range(1, len(losses) + 1):
        seen = losses[:made]
        if made - 1 - seen.index(min(seen)) == patience:
            return [seen.index(min(seen)), made]
    return [losses.index(min(losses)), len(losses)]


ALTERNATIVES = {
    "1-1": flops_by_passes,
    "1-2": parameters_by_shapes,
    "1-4": doubling_by_numpy,
    "1-5": copied_by_pairs,
    "1-6": stop_by_windows,
}

# Usual mistakes in a reader's own words --------------------------------------------------------------


def flops_of_a_forward_pass(embedding, body, head, experts, top_k, expert, tokens):
    return 2 * tokens * (body + head + top_k * expert)


def flops_of_everything(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * tokens * (body + head + experts * expert)


def flops_with_the_table(embedding, body, head, experts, top_k, expert, tokens):
    return 6 * tokens * sum([embedding, body, head, top_k * expert])


def parameters_with_two_tables(vocab, d_model, layers, d_ff, tied):
    return 2 * vocab * d_model + layers * (4 * d_model**2 + 2 * d_model * d_ff)


def parameters_without_output(vocab, d_model, layers, d_ff, tied):
    tables = vocab * d_model if tied else 2 * vocab * d_model
    return tables + layers * (3 * d_model * d_model + d_model * d_ff * 2)


def slope_itself(years, flops):
    return float(np.polyfit(np.array(years) - 2020, np.log2(flops), 1)[0])


def slope_of_natural_logs(years, flops):
    return float(1 / np.polyfit(np.array(years) - 2020, np.log(flops), 1)[0])


def copied_at_the_same_place(tokens, guesses, period):
    return float(np.mean(np.array(tokens[period:]) == np.array(guesses[period:])))


def copied_from_the_start(tokens, guesses, period):
    return float(np.mean(np.array(tokens[1:]) == np.array(guesses[:-1])))


def stop_by_the_one_before(losses, patience):
    worse = 0
    for place in range(1, len(losses)):
        worse = worse + 1 if losses[place] >= losses[place - 1] else 0
        if worse == patience:
            seen = losses[: place + 1]
            return [seen.index(min(seen)), place + 1]
    return [losses.index(min(losses)), len(losses)]


def best_of_all(losses, patience):
    return [int(np.argmin(losses)), len(losses)]


VARIATIONS = [
    ("1-1", "no backward pass", flops_of_a_forward_pass),
    ("1-1", "all experts", flops_of_everything),
    ("1-1", "the embedding computed", flops_with_the_table),
    ("1-2", "the table always twice", parameters_with_two_tables),
    ("1-2", "three matrices of attention", parameters_without_output),
    ("1-4", "doublings a year", slope_itself),
    ("1-4", "natural logarithms", slope_of_natural_logs),
    ("1-5", "the guess of the same place", copied_at_the_same_place),
    ("1-5", "the first time counted", copied_from_the_start),
    ("1-6", "compared with the one before", stop_by_the_one_before),
    ("1-6", "never stopped", best_of_all),
]

TestRules = rules_for("1", ALTERNATIVES, VARIATIONS)

# Questions -------------------------------------------------------------------------------------------

RIGHT = {key: find(key).right() for key in ("1-3", "1-7", "1-8", "1-9")}
IN_ANOTHER_FORM = {
    "1-3": {"machines": float(RIGHT["1-3"]["machines"]), "years": round(RIGHT["1-3"]["years"], 2)},
    "1-7": {name: value.upper() for name, value in RIGHT["1-7"].items()},
    "1-8": dict(reversed(RIGHT["1-8"].items())),
    "1-9": {name: round(value, 3) for name, value in RIGHT["1-9"].items()},
}
SLIPS = [
    ("1-7", "seeds for effort", RIGHT["1-7"] | {"adapt": "more seeds"}),
    ("1-7", "not shown taken for false", RIGHT["1-7"] | {"true": "none"}),
    ("1-9", "the whole step faster", RIGHT["1-9"] | {"speedup": find("1-9").given()["times"]}),
]

TestQuestions = question_rules_for("1", IN_ANOTHER_FORM, SLIPS, seeds=(None, 1, 7, 11, 23))


def test_every_verdict_is_drawn_by_some_seed():
    drawn = [find("1-8").right(seed)["verdict"] for seed in range(40)]
    assert set(drawn) == set(VERDICTS)
    assert min(drawn.count(verdict) for verdict in VERDICTS) >= 4


@pytest.mark.parametrize("seed", range(10))
def test_an_interval_is_that_of_scipy(seed):
    from scipy import stats

    runs = find("1-8").given(seed)["differences"]
    low, high = stats.t.interval(0.95, 4, loc=statistics.mean(runs), scale=stats.sem(runs))
    right = find("1-8").right(seed)
    assert right["mean"] - right["half"] == pytest.approx(low, abs=1e-4)
    assert right["mean"] + right["half"] == pytest.approx(high, abs=1e-4)


# The references against the book's own count ---------------------------------------------------------


@pytest.mark.parametrize("tied", [False, True])
def test_parameters_by_hand_are_the_budget_s(tied):
    settings = {"vocab_size": 300, "d_model": 32, "num_layers": 3, "num_heads": 4, "d_ff": 96}
    budget = Budget(settings | {"tie_weights": tied}, batch=2, seq=8)
    norms = sum(part.parameters for part in budget.parts if part.name == "norms")
    assert count_parameters(300, 32, 3, 96, tied) == budget.total_parameters - norms


def test_flops_by_hand_are_the_budget_s_without_attention_s_scores():
    settings = {"vocab_size": 300, "d_model": 32, "num_layers": 3, "num_heads": 4, "d_ff": 64}
    settings |= {"num_experts": 8, "moe": {"top_k": 2}}
    budget = Budget(settings, batch=2, seq=8)
    parts = {part.name: part for part in budget.parts}
    body = parts["attention, matrices"].parameters + parts["router"].parameters
    expert = parts["experts"].parameters // 8
    scores = parts["attention, scores and sums"].training
    by_hand = training_flops(300 * 32, body, 300 * 32, 8, 2, expert, 16)
    assert by_hand == budget.training_flops - scores
