"""The exercises of chapter 3.4: the common rules, other right answers, usual mistakes, and the library."""

import math
from itertools import accumulate

import pytest
import torch
import torch.nn.functional as F
from exercise_rules import every_case, of_chapter, rules_for
from question_rules import question_rules_for

from llmasos_edu.book.evidence import Interval
from llmasos_edu.corpus.code_tasks import UNLABELLED, LabelledText, character_labels
from llmasos_edu.exercises import Question, find, judge
from llmasos_edu.learning import multitask
from llmasos_edu.learning.code_lessons import base_rates

# Right answers in another shape ------------------------------------------------------------------------


def nesting_by_a_stack(text, deepest):
    stack, quoted, labels = [], False, []
    for character in text:
        if character == '"':
            quoted = not quoted
        if not quoted and character in {")", "]", "}"}:
            stack.pop()
        labels.append(len(stack) if len(stack) < deepest else deepest)
        if not quoted and character in {"(", "[", "{"}:
            stack.append(character)
    return labels


def loss_by_scattering(losses, tasks, num_classes):
    sums = torch.zeros(len(num_classes)).index_add(0, tasks, losses)
    counts = torch.bincount(tasks, minlength=len(num_classes))
    shares = sums / counts.clamp(min=1) / torch.log(num_classes.float())
    return shares.sum() / (counts > 0).sum()


def averages_by_counting(right, tasks):
    hits, asked = {}, {}
    for good, task in zip(right.tolist(), tasks.tolist(), strict=True):
        hits[task] = hits.get(task, 0) + good
        asked[task] = asked.get(task, 0) + 1
    return sum(hits.values()) / len(tasks), sum(hits[t] / asked[t] for t in asked) / len(asked)


def width_by_solving(d_model, num_layers, vocab_size, classes, step):
    """The root of a quadratic equation, rounded down."""
    n, heads = len(classes), sum(classes)
    shared = 12 * num_layers * d_model**2 + vocab_size * d_model + heads * (d_model + 1)
    a, b, c = 12 * num_layers * n, vocab_size * n + heads, heads - shared
    root = (-b + math.isqrt(b * b - 4 * a * c)) // (2 * a)
    width = root // step * step
    return shared, width, a * width**2 + b * width + heads


def shares_by_softmax(sizes, temperature, steps):
    shares = torch.softmax(sizes.log() / temperature, dim=0)
    return shares.tolist(), [steps * p / n for p, n in zip(shares.tolist(), sizes.tolist(), strict=True)]


def uncertainty_by_sigma(log_variances, losses):
    sigma = (log_variances / 2).exp()
    return sum(loss / one**2 + one.log() for loss, one in zip(losses, sigma, strict=True))


def cosines_pair_by_pair(gradients, shared):
    body = gradients[:, shared].double()
    found = torch.zeros(len(body), len(body))
    for i, one in enumerate(body):
        for j, other in enumerate(body):
            if one.any() and other.any():
                found[i, j] = F.cosine_similarity(one, other, dim=0, eps=1e-30)
    return found


def surgery_row_by_row(gradients):
    operated = []
    for i, gradient in enumerate(gradients):
        for j, other in enumerate(gradients):
            if i == j or torch.dot(gradient, other) >= 0:
                continue
            unit = F.normalize(other, dim=0)
            gradient = gradient - torch.dot(gradient, unit) * unit
        operated.append(gradient)
    return torch.stack(operated)


ALTERNATIVES = {
    "3.4-1": nesting_by_a_stack,
    "3.4-2": loss_by_scattering,
    "3.4-3": averages_by_counting,
    "3.4-4": width_by_solving,
    "3.4-5": shares_by_softmax,
    "3.4-6": uncertainty_by_sigma,
    "3.4-7": cosines_pair_by_pair,
    "3.4-8": surgery_row_by_row,
}

# Usual mistakes in a reader's own words --------------------------------------------------------------


def nesting_that_counts_first(text, deepest):
    depth, quoted, labels = 0, False, []
    for character in text:
        quoted = quoted != (character == '"')
        if not quoted:
            depth += (character in "([{") - (character in ")]}")
        labels.append(min(depth, deepest))
    return labels


def nesting_without_strings(text, deepest):
    changes = [(c in "([{") - (c in ")]}") for c in text]
    depths = list(accumulate(changes))
    return [min(depth - (change > 0), deepest) for depth, change in zip(depths, changes, strict=True)]


def nesting_without_a_limit(text, deepest):
    return nesting_by_a_stack(text, 1000)


def loss_in_nats(losses, tasks, num_classes):
    present = set(tasks.tolist())
    return sum(losses[tasks == task].mean() for task in present) / len(present)


def loss_by_examples(losses, tasks, num_classes):
    scaled = [loss / num_classes[task].log() for loss, task in zip(losses, tasks, strict=True)]
    return sum(scaled) / len(scaled)


def loss_of_every_task(losses, tasks, num_classes):
    total = 0.0
    for task, classes in enumerate(num_classes):
        total = total + losses[tasks == task].mean() / torch.log(classes)
    return total / len(num_classes)


def averages_the_other_way_round(right, tasks):
    micro, macro = averages_by_counting(right, tasks)
    return macro, micro


def averages_over_all_numbers(right, tasks):
    macro = 0.0
    for task in range(int(tasks.max()) + 1):
        asked = tasks == task
        macro += (right & asked).sum() / asked.sum().clamp(min=1) / (tasks.max() + 1)
    return right.float().mean(), macro


def averages_weighted_by_size(right, tasks):
    macro = 0.0
    for task in tasks.unique():
        asked = tasks == task
        macro += right[asked].float().mean() * asked.float().mean()
    return right.float().mean(), macro


def width_over_the_budget(d_model, num_layers, vocab_size, classes, step):
    def parameters(width, bodies):
        body = bodies * (vocab_size * width + num_layers * 12 * width**2)
        return body + sum(c * width + c for c in classes)

    shared, width = parameters(d_model, 1), step
    while parameters(width, len(classes)) <= shared:
        width += step
    return shared, width, parameters(width, len(classes))


def width_shared_out(d_model, num_layers, vocab_size, classes, step):
    def parameters(width, bodies):
        body = bodies * (vocab_size * width + num_layers * 12 * width**2)
        return body + sum(c * width + c for c in classes)

    width = max(d_model // len(classes) // step, 1) * step
    return parameters(d_model, 1), width, parameters(width, len(classes))


def shares_to_the_power_of_t(sizes, temperature, steps):
    shares = torch.pow(sizes, temperature)
    shares = shares / shares.sum()
    return shares, shares * steps / sizes


def shares_left_as_they_are(sizes, temperature, steps):
    shares = (sizes / sizes.sum()).pow(1 / temperature)
    return shares, shares * steps / sizes


def uncertainty_without_its_price(log_variances, losses):
    return torch.dot(torch.exp(-log_variances), losses)


def uncertainty_upside_down(log_variances, losses):
    return (losses * log_variances.exp()).sum() + 0.5 * log_variances.sum()


def uncertainty_of_a_regression(log_variances, losses):
    return (0.5 * torch.exp(-log_variances) * losses + 0.5 * log_variances).sum()


def uncertainty_with_the_whole_logarithm(log_variances, losses):
    variances = log_variances.exp()
    return (losses / variances + variances.log()).sum()


def cosines_of_everything(gradients, shared):
    return cosines_pair_by_pair(gradients, torch.ones_like(shared))


def cosines_with_nan(gradients, shared):
    body = gradients[:, shared]
    return torch.einsum("in,jn->ij", body, body) / torch.outer(body.norm(dim=1), body.norm(dim=1))


def surgery_in_place(gradients):
    rows = [row.clone() for row in gradients]
    for i in range(len(rows)):
        for j in range(len(rows)):
            dot = torch.dot(rows[i], rows[j])
            if i != j and dot < 0:
                rows[i] = rows[i] - dot / torch.dot(rows[j], rows[j]) * rows[j]
    return torch.stack(rows)


def surgery_with_itself(gradients):
    rows = []
    for row in gradients:
        for other in gradients:
            if torch.dot(row, other) < 0:
                row = row - torch.dot(row, other) / other.pow(2).sum() * other
        rows.append(row)
    return torch.stack(rows)


def surgery_whatever_the_sign(gradients):
    rows = []
    for i, row in enumerate(gradients):
        for j, other in enumerate(gradients):
            if i != j and other.any():
                row = row - torch.dot(row, other) / other.pow(2).sum() * other
        rows.append(row)
    return torch.stack(rows)


def surgery_by_the_norm(gradients):
    rows = []
    for i, row in enumerate(gradients):
        for j, other in enumerate(gradients):
            if i != j and torch.dot(row, other) < 0:
                row = row - torch.dot(row, other) / torch.linalg.norm(other) * other
        rows.append(row)
    return torch.stack(rows)


VARIATIONS = [
    ("3.4-1", "bracket inside itself", nesting_that_counts_first),
    ("3.4-1", "brackets in strings", nesting_without_strings),
    ("3.4-1", "no limit", nesting_without_a_limit),
    ("3.4-2", "different scales", loss_in_nats),
    ("3.4-2", "mean over all examples", loss_by_examples),
    ("3.4-2", "mean of nothing", loss_of_every_task),
    ("3.4-3", "exchanged", averages_the_other_way_round),
    ("3.4-3", "absent tasks counted", averages_over_all_numbers),
    ("3.4-3", "micro twice", averages_weighted_by_size),
    ("3.4-4", "one step too wide", width_over_the_budget),
    ("3.4-4", "width divided by the tasks", width_shared_out),
    ("3.4-5", "exponent upside down", shares_to_the_power_of_t),
    ("3.4-5", "not renormalised", shares_left_as_they_are),
    ("3.4-6", "no logarithm", uncertainty_without_its_price),
    ("3.4-6", "exponential of plus s", uncertainty_upside_down),
    ("3.4-6", "half the loss", uncertainty_of_a_regression),
    ("3.4-6", "ln of the variance", uncertainty_with_the_whole_logarithm),
    ("3.4-7", "heads too", cosines_of_everything),
    ("3.4-7", "zero by zero", cosines_with_nan),
    ("3.4-8", "against changed gradients", surgery_in_place),
    ("3.4-8", "projected on itself", surgery_with_itself),
    ("3.4-8", "agreement removed too", surgery_whatever_the_sign),
    ("3.4-8", "norm not squared", surgery_by_the_norm),
]


# Tests -----------------------------------------------------------------------------------------------

TestRules = rules_for("3.4", ALTERNATIVES, VARIATIONS)

RIGHT = {number: find(f"3.4-{number}").right() for number in (9, 10, 11)}
IN_ANOTHER_FORM = {
    "3.4-9": {name: torch.tensor(value) for name, value in RIGHT[9].items()},
    "3.4-10": dict(reversed(RIGHT[10].items())) | {"beyond": round(RIGHT[10]["beyond"], 4)},
    "3.4-11": RIGHT[11] | {"verdict": RIGHT[11]["verdict"].upper()},
}
SLIPS = [
    ("3.4-9", "not stopped", RIGHT[9] | {"alone": find("3.4-9").given()["alone_judged"][-1]}),
    ("3.4-9", "bits for nats", RIGHT[9] | {"nothing": round(RIGHT[9]["nothing"] / math.log(2), 3)}),
    ("3.4-10", "a coin for a constant", RIGHT[10] | {"constant": 0.5, "beyond": 0.12}),
    ("3.4-10", "seeds for a control", RIGHT[10] | {"sharing": "more seeds of the same models"}),
    ("3.4-11", "by the mean", RIGHT[11] | {"for": 3}),
    ("3.4-11", "one setting for all", RIGHT[11] | {"verdict": "holds"}),
]

TestQuestions = question_rules_for("3.4", IN_ANOTHER_FORM, SLIPS, seeds=(None, *range(1, 25)))


def test_three_of_them_ask_for_judgement_and_know_five_mistakes():
    for number in (9, 10, 11):
        assert isinstance(find(f"3.4-{number}"), Question)
        assert len(find(f"3.4-{number}").mistakes) >= 5


def test_readers_of_a_class_meet_every_outcome():
    assert {find("3.4-9").right(seed)["helps"] for seed in range(20)} == {True, False}
    assert {find("3.4-10").right(seed)["beyond"] > 0 for seed in range(20)} == {True, False}
    verdicts = {find("3.4-11").right(seed)["verdict"] for seed in range(30)}
    assert verdicts == {"does not hold", "not shown", "holds when labels are few"}


def test_settings_are_counted_as_the_book_counts_them():
    for seed in range(40):
        data, right = find("3.4-11").given(seed), find("3.4-11").right(seed)
        sides = {name: Interval(*row).side(0.02) for name, row in data.items()}
        assert [*sides.values()].count("for") == right["for"]
        assert [*sides.values()].count("against") == right["against"]
        alone = [name for name, side in sides.items() if side == "for"] == ["few"]
        assert (right["verdict"] == "holds when labels are few") == alone


def test_the_constant_answer_is_the_library_s_base_rate():
    for seed in range(10):
        share = find("3.4-9").given(seed)["share"]
        labels = torch.zeros(1000, dtype=torch.long)
        labels[: round(1000 * (1 - share))] = 1
        found = base_rates(LabelledText(torch.zeros(1000, dtype=torch.long), {"word": labels}))
        assert math.isclose(found["word"], find("3.4-9").right(seed)["nothing"], rel_tol=1e-6)


def test_the_mistakes_that_every_reader_makes_are_covered():
    names = {mistake.name for item in of_chapter("3.4") for mistake in item.mistakes}
    assert names >= {
        "bracket inside itself",
        "different scales",
        "mean over all examples",
        "exchanged",
        "exponent upside down",
        "not renormalised",
        "no logarithm",
        "exponential of plus s",
        "heads too",
        "projected on itself",
        "agreement removed too",
        "against changed gradients",
        "norm not squared",
    }
    assert len(of_chapter("3.4")) >= 7
    assert {item.difficulty for item in of_chapter("3.4")} == {1, 2, 3}


# The references against definitions and the library --------------------------------------------------


def test_depths_are_those_that_the_library_reads_with_python_s_tokenizer():
    for _, (text, _) in every_case("3.4-1"):
        want = character_labels(text + "\n")["depth"]
        got = find("3.4-1").reference(text, 3).tolist()
        for character, ours, theirs in zip(text, got, want, strict=False):
            assert theirs in (ours, UNLABELLED), text
            assert (theirs == UNLABELLED) == character.isspace()


def test_a_task_that_guesses_costs_one_whatever_its_size():
    classes, tasks = torch.tensor([2, 10, 50]), torch.tensor([0, 2, 2, 2])
    losses = classes[tasks].float().log()
    losses.requires_grad_()
    loss = find("3.4-2").reference(losses, tasks, classes)
    loss.backward()
    assert math.isclose(loss.item(), 1.0, rel_tol=1e-6)
    want = torch.tensor([0.5 / math.log(2), *[0.5 / 3 / math.log(50)] * 3])
    torch.testing.assert_close(losses.grad, want)


def test_micro_and_macro_of_the_hint():
    right = torch.cat((torch.ones(90), torch.zeros(10))).bool()
    micro, macro = find("3.4-3").reference(right, torch.arange(100) // 90)
    assert (round(micro.item(), 9), macro.item()) == (0.9, 0.5)


def test_the_width_is_the_largest_that_fits():
    for (shared, width, separate), (d_model, layers, vocab, classes, step) in every_case("3.4-4"):

        def together(d, layers=layers, vocab=vocab, classes=classes):
            return sum(vocab * d + 12 * layers * d * d + c * d + c for c in classes)

        assert width % step == 0
        assert separate == together(width) <= shared < together(width + step)
        assert shared == together(d_model) - (len(classes) - 1) * (vocab * d_model + 12 * layers * d_model**2)
        assert (width == d_model) == (len(classes) == 1)


def test_one_case_of_the_width_fits_only_because_equal_is_allowed():
    shared, width, separate = find("3.4-4").reference(48, 3, 100, [10], 4)
    assert (shared, separate, width) == (88_234, 88_234, 48)


def test_shares_equal_the_library_s():
    for (shares, passes), (sizes, temperature, steps) in every_case("3.4-5"):
        want = multitask.task_shares(sizes.tolist(), temperature)
        torch.testing.assert_close(shares.double(), want, atol=1e-6, rtol=1e-5)
        assert math.isclose((passes * sizes).sum().item(), steps, rel_tol=1e-5)


def test_uncertainty_equals_the_library_s():
    for got, (log_variances, losses) in every_case("3.4-6"):
        want = multitask.uncertainty_weighted(losses, log_variances)
        torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)


def test_at_its_best_s_a_task_costs_half_the_logarithm_of_its_loss():
    losses = torch.tensor([0.25, 1.0, 6.0])
    best = (2 * losses).log().requires_grad_()
    loss = find("3.4-6").reference(best, losses)
    loss.backward()
    assert torch.allclose(best.grad, torch.zeros(3), atol=1e-6)
    torch.testing.assert_close(loss.detach(), (0.5 + (2 * losses).log() / 2).sum())


def test_cosines_equal_the_library_s():
    for got, (gradients, shared) in every_case("3.4-7"):
        want = multitask.gradient_cosines(gradients[:, shared])
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)


def test_surgery_equals_the_library_s(monkeypatch):
    monkeypatch.setattr(torch, "randperm", lambda n, generator=None: torch.arange(n))
    for got, (gradients,) in every_case("3.4-8"):
        torch.testing.assert_close(got, multitask.pcgrad(gradients), atol=1e-6, rtol=1e-4)


def test_surgery_in_the_plane_by_hand():
    got = find("3.4-8").reference(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
    assert got.tolist() == [[0.5, 0.5], [0.0, 1.0]]


# Answers that are no answers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "answer", "said"),
    [
        ("3.4-1", lambda text, deepest: max(nesting_by_a_stack(text, deepest)), "has the shape [], but [4]"),
        ("3.4-1", lambda text, deepest: text, "a str"),
        ("3.4-2", lambda losses, tasks, num_classes: losses, "the loss has the shape [4], but []"),
        ("3.4-2", lambda losses, *rest: float(loss_by_scattering(losses, *rest)), "is missing"),
        ("3.4-2", lambda losses, tasks, classes: (losses / 0 * 0).sum(), "the loss is NaN"),
        ("3.4-3", lambda right, tasks: right.float().mean(), "but 2 results are asked for"),
        ("3.4-3", lambda right, tasks: (None, 0.5), "the micro average"),
        ("3.4-4", lambda *sizes: 32, "but 3 results are asked for"),
        ("3.4-5", lambda sizes, t, steps: shares_by_softmax(sizes, t, steps)[0], "2 results are asked for"),
        (
            "3.4-6",
            lambda s, losses: torch.exp(-s) * losses + s / 2,
            "The loss has the shape [1]: its sum is what is asked for",
        ),
        ("3.4-6", lambda s, losses: uncertainty_by_sigma(s, losses) if len(s) == 1 else None, "back nothing"),
        ("3.4-7", lambda gradients, shared: torch.ones(2), "has the shape [2], but [1, 1]"),
        ("3.4-8", lambda gradients: gradients * torch.nan, "NaN"),
        ("3.4-8", lambda gradients: surgery_row_by_row(gradients).T, "axes 0 and 1 exchanged"),
    ],
)
def test_answers_of_another_kind_are_told_what_is_asked_for(key, answer, said):
    verdict = judge(key, answer)
    assert verdict.status in ("wrong", "error")
    assert said in verdict.message
