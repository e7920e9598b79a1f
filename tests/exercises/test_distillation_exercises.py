"""The exercises of chapter 3.5: the common rules, other right answers, usual mistakes, the library."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from exercise_rules import every_case, of_chapter, rules_for
from question_rules import question_rules_for
from torch import nn

from llmasos_edu.exercises import find, judge
from llmasos_edu.learning.distillation import distillation_loss, gain_kept
from llmasos_edu.learning.divergences import forward_kl, reverse_kl

# Right answers in another shape ------------------------------------------------------------------------


def soften_by_a_categorical(logits, temperature):
    logits = logits.double() / temperature
    largest = logits.max(dim=-1, keepdim=True).values
    weights = torch.exp(logits - largest)
    p = weights / weights.sum(dim=-1, keepdim=True)
    return p.float(), -torch.where(p > 0, p * torch.log2(p.clamp_min(1e-300)), 0.0).sum(-1)


def divergences_by_torch(student_logits, teacher_logits):
    vocab = teacher_logits.shape[-1]
    log_p = F.log_softmax(teacher_logits.reshape(-1, vocab), dim=1)
    log_q = F.log_softmax(student_logits.reshape(-1, vocab), dim=1)
    forward = F.kl_div(log_q, log_p.exp(), reduction="batchmean")
    return forward, F.kl_div(log_p, log_q, reduction="batchmean", log_target=True).item()


def hinton_by_torch(student_logits, teacher_logits, labels, temperature, alpha):
    soft = nn.KLDivLoss(reduction="batchmean")(
        F.log_softmax(student_logits / temperature, dim=1), F.softmax(teacher_logits / temperature, dim=1)
    )
    return alpha * temperature * temperature * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def step_with_a_copy_of_the_teacher(student, teacher, inputs, temperature):
    log_q = F.log_softmax(student(inputs) / temperature, dim=-1)
    p = F.softmax(copy.deepcopy(teacher).eval()(inputs).detach() / temperature, dim=-1)
    return F.kl_div(log_q, p, reduction="batchmean") * temperature**2


def truncated_by_cross_entropy(student_logits, probabilities, ids):
    full = torch.zeros_like(student_logits).scatter(1, ids, probabilities)
    return F.cross_entropy(student_logits, full / full.sum(1, keepdim=True))


def hidden_position_by_position(student, teacher, projection, real):
    losses = []
    for text, place in real.nonzero().tolist():
        losses.append(F.mse_loss(projection.T @ student[text, place], teacher[text, place]))
    return torch.stack(losses).mean()


def sequence_by_ignore_index(logits, tokens, prompt_lengths, lengths):
    targets = tokens.clone()
    for row, (prompt, length) in enumerate(zip(prompt_lengths.tolist(), lengths.tolist(), strict=True)):
        targets[row, :prompt] = targets[row, length:] = -100
    return nn.CrossEntropyLoss()(logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten())


def share_by_numpy(alone, distilled, teacher):
    teacher, alone, distilled = (np.mean(losses.numpy()) for losses in (teacher, alone, distilled))
    return float(1 - (distilled - teacher) / (alone - teacher))


ALTERNATIVES = {
    "3.5-1": soften_by_a_categorical,
    "3.5-2": divergences_by_torch,
    "3.5-3": hinton_by_torch,
    "3.5-4": step_with_a_copy_of_the_teacher,
    "3.5-5": truncated_by_cross_entropy,
    "3.5-6": hidden_position_by_position,
    "3.5-7": sequence_by_ignore_index,
    "3.5-8": share_by_numpy,
}

# Usual mistakes in a reader's own words --------------------------------------------------------------


def soften_with_log2_of_zero(logits, temperature):
    p = torch.softmax(logits / temperature, dim=-1)
    return p, torch.sum(-p * torch.log2(p), dim=-1)


def soften_in_nats(logits, temperature):
    p = torch.softmax(logits / temperature, dim=-1)
    return p, -(p * torch.log(p + 1e-30)).sum(-1)


def soften_the_other_way(logits, temperature):
    p = F.softmax(temperature * logits, dim=-1)
    return p, -torch.where(p > 0, p * p.clamp_min(1e-38).log2(), 0).sum(-1)


def divergences_by_torch_the_obvious_way(student_logits, teacher_logits):
    log_p, log_q = F.log_softmax(teacher_logits, -1), F.log_softmax(student_logits, -1)
    return (
        F.kl_div(log_p, log_q.exp(), reduction="batchmean") / teacher_logits.shape[1],
        F.kl_div(log_q, log_p.exp(), reduction="batchmean") / teacher_logits.shape[1],
    )


def divergences_by_batchmean(student_logits, teacher_logits):
    log_p, log_q = F.log_softmax(teacher_logits, -1), F.log_softmax(student_logits, -1)
    forward = F.kl_div(log_q, log_p, log_target=True, reduction="batchmean")
    return forward, F.kl_div(log_p, log_q, log_target=True, reduction="batchmean")


def divergences_by_the_default(student_logits, teacher_logits):
    log_p, log_q = F.log_softmax(teacher_logits, -1), F.log_softmax(student_logits, -1)
    return F.kl_div(log_q, log_p.exp(), reduction="mean"), F.kl_div(log_p, log_q.exp(), reduction="mean")


def divergences_without_log(student_logits, teacher_logits):
    p, q = F.softmax(teacher_logits, -1).flatten(0, 1), F.softmax(student_logits, -1).flatten(0, 1)
    return F.kl_div(q, p, reduction="batchmean"), F.kl_div(p, q, reduction="batchmean")


def divergences_of_two_logarithms(student_logits, teacher_logits):
    p, q = teacher_logits.log_softmax(-1).flatten(0, 1), student_logits.log_softmax(-1).flatten(0, 1)
    return F.kl_div(q, p, reduction="batchmean"), F.kl_div(p, q, reduction="batchmean")


def reverse_under_the_teacher(student_logits, teacher_logits):
    p, log_p = teacher_logits.softmax(-1), teacher_logits.log_softmax(-1)
    log_q = student_logits.log_softmax(-1)
    return (p * (log_p - log_q)).sum(-1).mean(), (p * (log_q - log_p)).sum(-1).mean()


def _hinton(student, teacher, labels, alpha, factor, target_first=False, reduction="batchmean"):
    first, second = (teacher, student) if target_first else (student, teacher)
    soft = F.kl_div(first.log_softmax(-1), second.softmax(-1), reduction=reduction)
    return alpha * factor * soft, 1 - alpha, labels


def hinton_without_the_square(s, z, y, temperature, alpha):
    soft, rest, _ = _hinton(s / temperature, z / temperature, y, alpha, 1)
    return soft + rest * F.cross_entropy(s, y)


def hinton_by_mean(s, z, y, temperature, alpha):
    soft, rest, _ = _hinton(s / temperature, z / temperature, y, alpha, temperature**2, reduction="mean")
    return soft + rest * F.cross_entropy(s, y)


def hinton_exchanged(s, z, y, temperature, alpha):
    soft, rest, _ = _hinton(s / temperature, z / temperature, y, alpha, temperature**2, target_first=True)
    return soft + rest * F.cross_entropy(s, y)


def hinton_with_a_sharp_student(s, z, y, temperature, alpha):
    soft, rest, _ = _hinton(s, z / temperature, y, alpha, temperature**2)
    return soft + rest * F.cross_entropy(s, y)


def hinton_with_soft_labels(s, z, y, temperature, alpha):
    s, z = s / temperature, z / temperature
    soft, rest, _ = _hinton(s, z, y, alpha, temperature**2)
    return soft + rest * F.cross_entropy(s, y)


def hinton_with_alpha_on_the_labels(s, z, y, temperature, alpha):
    soft, rest, _ = _hinton(s / temperature, z / temperature, y, 1 - alpha, temperature**2)
    return soft + rest * F.cross_entropy(s, y)


def hinton_with_probabilities(s, z, y, temperature, alpha):
    soft = F.kl_div((s / temperature).softmax(1), (z / temperature).softmax(1), reduction="batchmean")
    return alpha * soft * temperature**2 + (1 - alpha) * F.cross_entropy(s, y)


def step_in_no_grad_alone(student, teacher, inputs, temperature):
    with torch.no_grad():
        p = F.softmax(teacher(inputs) / temperature, dim=-1)
    log_q = F.log_softmax(student(inputs) / temperature, dim=-1)
    return F.kl_div(log_q, p, reduction="batchmean") * temperature**2


def step_in_eval_alone(student, teacher, inputs, temperature):
    mode = teacher.training
    p = F.softmax(teacher.eval()(inputs) / temperature, dim=-1)
    teacher.train(mode)
    log_q = F.log_softmax(student(inputs) / temperature, dim=-1)
    return F.kl_div(log_q, p, reduction="batchmean") * temperature**2


def step_as_it_comes(student, teacher, inputs, temperature):
    p = F.softmax(teacher(inputs) / temperature, dim=-1)
    log_q = F.log_softmax(student(inputs) / temperature, dim=-1)
    return F.kl_div(log_q, p, reduction="batchmean") * temperature**2


def step_that_leaves_the_teacher_in_eval(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.inference_mode():
        p = F.softmax(teacher(inputs) / temperature, dim=-1)
    log_q = F.log_softmax(student(inputs) / temperature, dim=-1)
    return F.kl_div(log_q, p.clone(), reduction="batchmean") * temperature**2


def truncated_as_it_is(student_logits, probabilities, ids):
    full = torch.zeros_like(student_logits).scatter(1, ids, probabilities)
    return F.cross_entropy(student_logits, full)


def truncated_among_k(student_logits, probabilities, ids):
    p = probabilities / probabilities.sum(1, keepdim=True)
    return F.cross_entropy(torch.gather(student_logits, 1, ids), p)


def hidden_with_padding(student, teacher, projection, real):
    return F.mse_loss(torch.einsum("bsd,de->bse", student, projection), teacher)


def hidden_times_mask(student, teacher, projection, real):
    errors = F.mse_loss(student @ projection, teacher, reduction="none").mean(-1)
    return (errors * real).sum() / real.sum()


def hidden_chosen_too_late(student, teacher, projection, real):
    errors = F.mse_loss(student @ projection, teacher, reduction="none").mean(-1)
    return errors[real].mean()


def hidden_cut(student, teacher, projection, real):
    width = min(student.size(-1), teacher.size(-1))
    return F.mse_loss(student[..., :width][real], teacher[..., :width][real])


def hidden_of_mean_states(student, teacher, projection, real):
    errors = []
    for s, t, r in zip(student, teacher, real, strict=True):
        if r.any():
            errors.append(F.mse_loss(s[r].mean(0) @ projection, t[r].mean(0)))
    return sum(errors) / len(errors)


def sequence_of_all_tokens(logits, tokens, prompt_lengths, lengths):
    rows = [
        F.cross_entropy(row[: n - 1], text[1:n], reduction="sum")
        for row, text, n in zip(logits, tokens, lengths.tolist(), strict=True)
    ]
    return sum(rows) / (lengths - 1).sum()


def sequence_one_late(logits, tokens, prompt_lengths, lengths):
    rows = [
        F.cross_entropy(row[p : n - 1], text[p + 1 : n], reduction="none")
        for row, text, p, n in zip(logits, tokens, prompt_lengths.tolist(), lengths.tolist(), strict=True)
    ]
    return torch.cat(rows).mean()


def sequence_of_what_the_student_says(logits, tokens, prompt_lengths, lengths):
    said = logits.argmax(-1)
    rows = [
        F.cross_entropy(row[p - 1 : n - 1], words[p - 1 : n - 1], reduction="none")
        for row, words, p, n in zip(logits, said, prompt_lengths.tolist(), lengths.tolist(), strict=True)
    ]
    return torch.cat(rows).mean()


def share_of_the_whole_loss(alone, distilled, teacher):
    return 1 - distilled.mean() / alone.mean()


def share_seed_by_seed(alone, distilled, teacher):
    rows = zip(teacher.tolist(), alone.tolist(), distilled.tolist(), strict=True)
    return np.mean([(a - d) / (a - t) for t, a, d in rows])


VARIATIONS = [
    ("3.5-1", "zero times minus infinity", soften_with_log2_of_zero),
    ("3.5-1", "nats instead of bits", soften_in_nats),
    ("3.5-1", "temperature multiplied", soften_the_other_way),
    ("3.5-2", "arguments exchanged", divergences_by_torch_the_obvious_way),
    ("3.5-2", "divided by the batch alone", divergences_by_batchmean),
    ("3.5-2", "mean over the vocabulary", divergences_by_the_default),
    ("3.5-2", "second argument without logarithm", divergences_without_log),
    ("3.5-2", "logarithms as weights", divergences_of_two_logarithms),
    ("3.5-2", "weights of the wrong distribution", reverse_under_the_teacher),
    ("3.5-3", "T^2 forgotten", hinton_without_the_square),
    ("3.5-3", "mean over the vocabulary", hinton_by_mean),
    ("3.5-3", "KL arguments exchanged", hinton_exchanged),
    ("3.5-3", "teacher alone softened", hinton_with_a_sharp_student),
    ("3.5-3", "hard loss softened too", hinton_with_soft_labels),
    ("3.5-3", "alpha on the wrong term", hinton_with_alpha_on_the_labels),
    ("3.5-3", "student without log", hinton_with_probabilities),
    ("3.5-4", "teacher left in training mode", step_in_no_grad_alone),
    ("3.5-4", "teacher not detached", step_in_eval_alone),
    ("3.5-4", "a teacher like any network", step_as_it_comes),
    ("3.5-4", "mode not put back", step_that_leaves_the_teacher_in_eval),
    ("3.5-5", "not renormalised", truncated_as_it_is),
    ("3.5-5", "student among the k only", truncated_among_k),
    ("3.5-6", "padding counted", hidden_with_padding),
    ("3.5-6", "padding multiplied by zero", hidden_times_mask),
    ("3.5-6", "padding multiplied by zero", hidden_chosen_too_late),
    ("3.5-6", "no projection", hidden_cut),
    ("3.5-6", "averaged along the text", hidden_of_mean_states),
    ("3.5-7", "loss over the prompt too", sequence_of_all_tokens),
    ("3.5-7", "first token left out", sequence_one_late),
    ("3.5-7", "the student's own text", sequence_of_what_the_student_says),
    ("3.5-8", "gain over the loss", share_of_the_whole_loss),
    ("3.5-8", "mean of the shares", share_seed_by_seed),
]


# Tests -----------------------------------------------------------------------------------------------

TestRules = rules_for("3.5", ALTERNATIVES, VARIATIONS)
RIGHT = {key: find(key).right() for key in ("3.5-9", "3.5-10", "3.5-11")}
SEEDS = range(1, 25)

TestQuestions = question_rules_for(
    "3.5",
    alternatives={
        "3.5-9": RIGHT["3.5-9"] | {"skill": np.float64(RIGHT["3.5-9"]["skill"]) * 1.004},
        "3.5-10": RIGHT["3.5-10"] | {"gain": torch.tensor(RIGHT["3.5-10"]["gain"])},
        "3.5-11": RIGHT["3.5-11"] | {"work": round(RIGHT["3.5-11"]["work"], 3)},
    },
    variations=[
        (
            "3.5-9",
            "steps are not work",
            RIGHT["3.5-9"] | {"control": "the student alone after as many steps"},
        ),
        ("3.5-10", "no disproof", RIGHT["3.5-10"] | {"verdict": "does not hold"}),
        ("3.5-11", "an end of the curve", RIGHT["3.5-11"] | {"control": "the small model alone"}),
    ],
    seeds=(None, *SEEDS),
)


def test_readers_of_a_class_get_reports_of_both_kinds():
    assert {find("3.5-9").right(seed)["most of the lead"] for seed in SEEDS} == {True, False}
    assert {find("3.5-10").right(seed)["verdict"] for seed in SEEDS} == {"holds", "not shown"}
    assert {find("3.5-11").right(seed)["knows"] for seed in SEEDS} == {True, False}


def test_a_report_s_lead_is_the_library_s():
    given = find("3.5-9").given(5)
    kept = gain_kept(given["alone"], given["distilled"], given["teacher"])
    assert abs(find("3.5-9").right(5)["lead"] - kept) < 1e-9


def test_the_mistakes_that_every_reader_makes_are_covered():
    names = {mistake.name for item in of_chapter("3.5") for mistake in item.mistakes}
    assert names >= {
        "T^2 forgotten",
        "KL arguments exchanged",
        "student without log",
        "mean over the vocabulary",
        "teacher left in training mode",
        "teacher not detached",
        "alpha on the wrong term",
        "teacher alone softened",
        "student alone softened",
        "hard loss softened too",
        "no projection",
        "loss over the prompt too",
        "the student's own text",
        "weights of the wrong distribution",
        "not renormalised",
        "no baseline",
    }
    assert len(of_chapter("3.5")) == 8  # and three questions


def test_asking_for_the_exercises_leaves_the_readers_dice_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    judge("3.5-4", step_as_it_comes)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loss_of_each_row_and_a_loss_without_a_graph_are_told_so():
    def each_row(student, teacher, inputs, temperature):
        with torch.no_grad():
            teacher_logits = copy.deepcopy(teacher).eval()(inputs)
        log_q = F.log_softmax(student(inputs) / temperature, -1)
        p = F.softmax(teacher_logits / temperature, -1)
        return temperature**2 * F.kl_div(log_q, p, reduction="none").sum(-1)

    verdict = judge("3.5-4", each_row)
    assert verdict.status == "wrong"
    assert "The loss has the shape [1]: its mean is what is asked for." in verdict.message
    verdict = judge("3.5-4", lambda *inputs: float(find("3.5-4").reference(*inputs)))
    assert verdict.status == "wrong"
    assert "no gradient flows" in verdict.message


# The references against torch and the library --------------------------------------------------------


def test_probabilities_and_entropy_equal_those_of_torch_s_distributions():
    for (p, bits), (logits, temperature) in every_case("3.5-1"):
        kept = logits.double().clamp_min(-1e6) / temperature
        want = torch.distributions.Categorical(logits=kept)
        torch.testing.assert_close(p.double(), want.probs, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(bits.double() * np.log(2), want.entropy(), atol=1e-5, rtol=1e-5)


def test_divergences_equal_those_of_torch():
    for (forward, reverse), logits in every_case("3.5-2"):
        log_q, log_p = (z.double().flatten(0, 1).log_softmax(-1) for z in logits)
        for got, second, first in ((forward, log_q, log_p), (reverse, log_p, log_q)):
            want = F.kl_div(second, first, reduction="batchmean", log_target=True)
            torch.testing.assert_close(got.double(), want, atol=1e-5, rtol=1e-4)


def test_both_divergences_and_hinton_s_loss_equal_the_library_s():
    for (forward, reverse), (student, teacher) in every_case("3.5-2"):
        torch.testing.assert_close(forward, forward_kl(student, teacher), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(reverse, reverse_kl(student, teacher), atol=1e-4, rtol=1e-4)
    for got, (student, teacher, labels, temperature, alpha) in every_case("3.5-3"):
        want = distillation_loss(student, teacher, labels, temperature=temperature, alpha=alpha)
        torch.testing.assert_close(got, want, atol=1e-4, rtol=1e-4)


def test_high_temperature_makes_hinton_s_gradient_that_of_logit_matching():
    (_, inputs), *_ = every_case("3.5-3")
    student, teacher, labels, *_ = (x.double() if x.is_floating_point() else x for x in inputs[:3])
    student.requires_grad_()
    find("3.5-3").reference(student, teacher, labels, 1000.0, 1.0).backward()
    gap = (student - teacher).detach()
    want = (
        gap - gap.mean(dim=1, keepdim=True)
    ) / student.numel()  # Hinton et al. 2015, section 2.1, times T^2
    torch.testing.assert_close(student.grad, want, atol=1e-3, rtol=1e-2)


def test_hidden_states_and_text_equal_torch_s_losses():
    for got, (student, teacher, projection, real) in every_case("3.5-6"):
        torch.testing.assert_close(got, F.mse_loss(student[real] @ projection, teacher[real]))
    for got, (logits, tokens, prompts, lengths) in every_case("3.5-7"):
        torch.testing.assert_close(got, sequence_by_ignore_index(logits, tokens, prompts, lengths))


def test_the_share_is_the_library_s_of_the_means_and_by_hand():
    for got, (alone, distilled, teacher) in every_case("3.5-8"):
        means = (losses.mean().item() for losses in (alone, distilled, teacher))
        assert abs(got.item() - gain_kept(*means)) < 1e-5
    losses = (torch.tensor([3.0, 3.2]), torch.tensor([2.5, 3.1]), torch.tensor([2.0, 2.2]))
    assert abs(find("3.5-8").reference(*losses).item() - 0.3) < 1e-6
