"""Answers to chapters 3.4 and 3.5, from the statements alone: tasks, gradients, teachers, students."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong

# ---- 3.4 ----


def depths(text, deepest, strings=True, closing_inside=False, clamp=True):
    out, depth, quoted = [], 0, False
    for char in text:
        if char == '"':
            quoted = strings and not quoted
        inside = depth
        if not quoted and char in ")]}":
            depth -= 1
            inside = depth + closing_inside
        out.append(min(inside, deepest) if clamp else inside)
        if not quoted and char in "([{":
            depth += 1
    return torch.tensor(out)


@wrong("3.4-1", "At closing brackets you are off by one: they get the")
def closing_bracket_inside(text, deepest):
    return depths(text, deepest, closing_inside=True)


@wrong("3.4-1", "You count brackets that are inside a string. They open")
def strings_read_as_code(text, deepest):
    return depths(text, deepest, strings=False)


@wrong("3.4-1", "What is deeper than the deepest has the label 0 with you,")
def deep_ones_begin_again(text, deepest):
    return depths(text, 10**6) % (deepest + 1)


@wrong("3.4-2", "You take one mean over all examples, so a task with ten times")
def mean_of_every_example(losses, tasks, num_classes):
    return (losses / torch.as_tensor(num_classes).float().log()[tasks]).mean()


@wrong("3.4-2", "You divide by the number of all tasks. Those that are not in")
def divided_by_the_number_of_tasks_known(losses, tasks, num_classes):
    parts = [losses[tasks == t].mean() / math.log(num_classes[t]) for t in tasks.unique()]
    return sum(parts) / len(num_classes)


@wrong("3.4-3", "You divide by the number of task numbers, also of those that")
def tasks_that_do_not_occur_count_as_wrong(right, tasks):
    scores = [
        right[tasks == t].float().mean() if (tasks == t).any() else 0.0 for t in range(int(tasks.max()) + 1)
    ]
    return right.float().mean(), float(sum(scores)) / len(scores)


@wrong("3.4-3", "Your two averages are exchanged. Micro looks at single")
def the_two_averages_exchanged(right, tasks):
    macro = torch.stack([right[tasks == t].float().mean() for t in tasks.unique()]).mean()
    return macro, right.float().mean()


@right("3.4-3")
def macro_by_weights(right, tasks):
    right, tasks = np.asarray(right), np.asarray(tasks)
    counts = np.bincount(tasks)
    weights = 1 / counts[tasks] / (counts > 0).sum()
    return np.average(right), np.sum(weights[right])


def body(d, num_layers, vocab_size):
    return vocab_size * d + 12 * num_layers * d * d


@wrong("3.4-4", "Your separate models have more parameters than the shared")
def one_step_too_wide(d_model, num_layers, vocab_size, classes, step):
    shared = body(d_model, num_layers, vocab_size) + sum(classes) * (d_model + 1)
    width = step

    def total():
        return len(classes) * body(width, num_layers, vocab_size) + sum(classes) * (width + 1)

    while total() <= shared:
        width += step
    return shared, width, total()


@wrong("3.4-5", "Your exponent is T and should be 1/T: a higher temperature")
def power_is_the_temperature(sizes, temperature, steps):
    sizes = torch.as_tensor(sizes, dtype=torch.float64)
    shares = sizes**temperature / (sizes**temperature).sum()
    return shares, shares * steps / sizes


@wrong("3.4-5", "Your second number says how often a task is drawn. A pass")
def batches_for_passes(sizes, temperature, steps):
    sizes = torch.as_tensor(sizes, dtype=torch.float64)
    raised = sizes ** (1 / temperature)
    return raised / raised.sum(), raised / raised.sum() * steps


@wrong("3.4-6", "You halve the weighted loss. That is the form for")
def half_for_regression(log_variances, losses):
    return (losses * torch.exp(-log_variances) / 2 + log_variances / 2).sum()


@wrong("3.4-6", "You read s as ln sigma: exp(-2s) and s. It is ln sigma^2, so")
def s_is_sigma(log_variances, losses):
    return (losses / log_variances.exp() ** 2 + log_variances).sum()


@wrong("3.4-7", "Your whole diagonal is 1. A task whose gradient is zero")
def itself_always_one(gradients, shared):
    unit = F.normalize(gradients[:, shared], dim=1)
    return (unit @ unit.T).fill_diagonal_(1.0)


@wrong("3.4-8", "You compare with gradients that have been changed already, so")
def against_those_already_changed(gradients):
    g = gradients.clone()
    for i in range(len(g)):
        for j in range(len(g)):
            dot = g[i] @ g[j]
            if i != j and dot < 0:
                g[i] -= dot / (g[j] @ g[j]) * g[j]
    return g


@wrong("3.4-8", "Your dot products all come from the gradient as it was at")
def dots_of_the_originals(gradients):
    out = gradients.clone()
    for i in range(len(out)):
        for j in range(len(out)):
            dot = gradients[i] @ gradients[j]
            if i != j and dot < 0:
                out[i] -= dot / (gradients[j] @ gradients[j]) * gradients[j]
    return out


@right("3.4-8")
def at_once_for_all_tasks(gradients):
    out = gradients.clone()
    for j, other in enumerate(gradients):
        scale = (out @ other).clamp(max=0) / (other @ other).clamp(min=1e-30)
        scale[j] = 0
        out = out - scale[:, None] * other
    return out.numpy()


NOTHING = -(0.85 * math.log(0.85) + 0.15 * math.log(0.15))
COMPANY = {"nothing": NOTHING, "alone": 0.483, "company": 0.458, "gain": NOTHING - 0.458, "helps": False}


@wrong("3.4-9", "You take the logarithm to base 2. The losses are in nats, so")
def nothing_in_bits():
    return {**COMPANY, "nothing": NOTHING / math.log(2)}


@wrong("3.4-9", "You compare with the lone task, but a constant answer is")
def against_the_lone_model():
    return {**COMPANY, "gain": 0.025, "helps": True}


@wrong("3.4-9", "You pick the look where the judged loss is lowest. Then the")
def lowest_of_the_judged():
    return {**COMPANY, "alone": 0.463, "company": 0.441, "gain": NOTHING - 0.441}


CONTROLS = {
    "constant": 0.67,
    "beyond": -0.05,
    "sharing": "separate bodies of the wide width",
    "conflict": "pairs that nobody made, with cosines of both signs",
    "company": "stop both sides where their watched loss is lowest",
}


@wrong("3.4-10", "You take the constant answer of one task for both. The name")
def better_of_two_constants():
    return {**CONTROLS, "constant": 0.76, "beyond": -0.14}


@wrong("3.4-10", "Your number is the constant less the model. Asked for is")
def sign_turned():
    return {**CONTROLS, "beyond": 0.05}


@wrong("3.4-10", "The lone task gets worse with more steps and with more room:")
def longer_training_first():
    return {**CONTROLS, "company": "train both sides longer"}


SETTINGS = {"for": 1, "against": 1, "verdict": "holds when labels are few"}


@wrong("3.4-11", "In so many settings the interval lies above zero. What")
def above_zero_counts():
    return {**SETTINGS, "for": 2}


@wrong("3.4-11", "'Not shown' is what is left when no other verdict fits.")
def not_shown_by_the_open_ones():
    return {**SETTINGS, "verdict": "not shown"}


@wrong("3.4-11", "In so many settings the mean is above the line. Where the")
def means_for_intervals():
    return {**SETTINGS, "for": 3}


# ---- 3.5 ----


@right("3.5-1")
def softened_in_double(logits, temperature):
    z = np.asarray(logits, dtype=np.float64) / temperature
    p = np.exp(z - z.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return p, -(p * np.log2(np.where(p > 0, p, 1))).sum(-1)


@wrong("3.5-2", "You divide by the number of texts, as 'batchmean' does with")
def mean_over_the_batch_alone(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    return (
        F.kl_div(s, t, reduction="batchmean", log_target=True),
        F.kl_div(t, s, reduction="batchmean", log_target=True),
    )


@wrong("3.5-2", "Your two numbers stand in each other's place: forward is")
def directions_exchanged(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    return (s.exp() * (s - t)).sum(-1).mean(), (t.exp() * (t - s)).sum(-1).mean()


@wrong("3.5-3", "Your hard loss is taken at temperature T. Labels are compared")
def hard_labels_softened_too(student_logits, teacher_logits, labels, temperature, alpha):
    s, t = (x / temperature for x in (student_logits, teacher_logits))
    kl = F.kl_div(s.log_softmax(-1), t.softmax(-1), reduction="batchmean")
    return alpha * temperature**2 * kl + (1 - alpha) * F.cross_entropy(s, labels)


@wrong("3.5-3", "Your soft loss is divided by the size of the vocabulary too")
def mean_over_the_vocabulary(student_logits, teacher_logits, labels, temperature, alpha):
    s, t = (x / temperature for x in (student_logits, teacher_logits))
    kl = F.kl_div(s.log_softmax(-1), t.softmax(-1), reduction="mean")
    return alpha * temperature**2 * kl + (1 - alpha) * F.cross_entropy(student_logits, labels)


@wrong("3.5-3", "With all else as it should be, the contribution of the soft")
def cross_entropy_with_the_teacher(student_logits, teacher_logits, labels, temperature, alpha):
    s, t = (x / temperature for x in (student_logits, teacher_logits))
    soft = -(t.softmax(-1) * s.log_softmax(-1)).sum(-1).mean()
    return alpha * temperature * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


@wrong("3.5-5", "The stored probabilities do not sum to 1, and you use them as")
def shares_not_divided(student_logits, probabilities, ids):
    return -(probabilities * student_logits.log_softmax(-1).gather(1, ids)).sum(1).mean()


@wrong("3.5-5", "Your student's softmax runs over the k stored tokens alone.")
def student_over_the_k_alone(student_logits, probabilities, ids):
    p = probabilities / probabilities.sum(1, keepdim=True)
    return -(p * student_logits.gather(1, ids).log_softmax(-1)).sum(1).mean()


@wrong("3.5-6", "Where padding holds infinity, your loss or its gradient is")
def zero_times_rubbish(student, teacher, projection, real):
    squares = (student @ projection - teacher) ** 2 * real[..., None]
    return squares.sum() / real.sum() / teacher.shape[-1]


@wrong("3.5-6", "You average within each text first, so a position of a short")
def every_row_the_same(student, teacher, projection, real):
    rows = [
        F.mse_loss(s[keep] @ projection, t[keep])
        for s, t, keep in zip(student, teacher, real, strict=True)
        if keep.any()
    ]
    return torch.stack(rows).mean()


@wrong("3.5-7", "The prompt is in your loss. It was not written by the")
def prompts_learnt_as_well(logits, tokens, prompt_lengths, lengths):
    nats = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    keep = torch.arange(1, tokens.shape[1]) < lengths[:, None]
    return nats[keep].mean()


@wrong("3.5-8", "You divide seed by seed and take the mean of the shares. A")
def mean_of_the_ratios(alone, distilled, teacher):
    return ((alone - distilled) / (alone - teacher)).mean()


@wrong("3.5-8", "Your number is 0 for a student as good as its teacher: it is")
def what_is_still_missing(alone, distilled, teacher):
    return (distilled.mean() - teacher.mean()) / (alone.mean() - teacher.mean())


PRICE = {
    "skill": 1.09 / 1.51,
    "lead": 0.4,
    "most of the lead": False,
    "steps": 1840,
    "control": "the student alone with as much arithmetic, on all the text",
}


@wrong("3.5-9", "You count the teacher's reading alone. A step with the")
def teachers_reading_alone():
    return {**PRICE, "steps": 1440}


@wrong("3.5-9", "You divide one model's bits by another's. Fewer bits are")
def ratio_of_the_bits():
    return {**PRICE, "skill": 1.73 / 2.15}


@wrong("3.5-9", "Compare the lead that was taken over with one half. Most of")
def most_of_the_skill_is_most_of_the_lead():
    return {**PRICE, "most of the lead": True}


@wrong("3.5-9", "At equal steps one of them has had a large model read every")
def as_many_steps():
    return {**PRICE, "control": "the student alone after as many steps"}


SOFT = {
    "gain": 10.5,
    "likeness": 4.5,
    "verdict": "holds",
    "permuted": "the favourite's place, and the other numbers dealt to other classes",
}


@wrong("3.5-10", "You compare with the weaker control. A claim has to stand")
def against_the_worse_control():
    return {**SOFT, "likeness": 5.1}


@wrong("3.5-10", "Then most labels also name another favourite. The")
def every_number_anywhere():
    return {**SOFT, "permuted": "nothing: every number goes to any class"}


@wrong("3.5-10", "Asked for: per cent right with soft labels less that with")
def likeness_over_true_labels():
    return {**SOFT, "likeness": 6.0, "verdict": "not shown"}


CURVE = {
    "random": 66,
    "kept": 0.28,
    "work": 0.3,
    "knows": True,
    "control": "the same share of the requests, drawn at random",
}


@wrong("3.5-11", "You let the small model read only what it keeps. It has to")
def small_one_rests_when_the_large_one_works():
    return {**CURVE, "work": 0.28}


@wrong("3.5-11", "You divide what is right by what the large model gets right.")
def share_of_the_large_ones_score():
    return {**CURVE, "kept": 68 / 86}


@wrong("3.5-11", "Asked for: the share handed over as good as the large model,")
def gain_of_drawing_alone():
    return {**CURVE, "random": 0.2 * 86, "knows": True}


@wrong("3.5-11", "That is one end of the curve, where no rule chooses anything.")
def held_against_the_large_model():
    return {**CURVE, "control": "the large model alone"}
