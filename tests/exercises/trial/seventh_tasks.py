"""A seventh trial, chapter 3.4: answers written from the statements alone."""

import math

import torch

from trial.answers import right, wrong


# The running depth itself is held at deepest: after deeper nesting the closing brackets bring it too low
@wrong("3.4-1", "You stop counting at the limit and then count down from there,")
def the_running_depth_itself_is_held_at_deepest(text, deepest):
    depth, quoted, out = 0, False, []
    for char in text:
        if char == '"':
            quoted = not quoted
        if not quoted and char in ")]}":
            depth = max(depth - 1, 0)
        out.append(depth)
        if not quoted and char in "([{":
            depth = min(depth + 1, deepest)
    return out


# Characters inside a string get depth 0, as if a string stood in no bracket at all
@wrong("3.4-1", "You give the depth 0 to all that stands in a string. It")
def characters_inside_a_string_get_depth_0(text, deepest):
    depth, quoted, out = 0, False, []
    for char in text:
        if char == '"':
            quoted = not quoted
        if quoted:
            out.append(0)
            continue
        if char in ")]}":
            depth -= 1
        out.append(min(depth, deepest))
        if char in "([{":
            depth += 1
    return out


# For each place counts opening brackets before and closing ones up to it, in the text with strings
# blanked out
@right("3.4-1")
def for_each_place_counts_opening_brackets(text, deepest):
    pieces = text.split('"')
    clean = "'".join(piece if n % 2 == 0 else "." * len(piece) for n, piece in enumerate(pieces))
    return torch.tensor(
        [
            min(deepest, sum(c in "([{" for c in clean[:i]) - sum(c in ")]}" for c in clean[: i + 1]))
            for i in range(len(text))
        ]
    )


# The mean over the tasks is taken first and divided by the mean of the ln(num_classes) of all present:
# not each by its own
@wrong("3.4-2", "You divide all tasks by the same number. Each has a number of")
def the_mean_over_the_tasks_is_taken_first(losses, tasks, num_classes):
    present = tasks.unique()
    means = torch.stack([losses[tasks == t].mean() for t in present])
    guess = torch.as_tensor(num_classes)[present].float().log()
    return means.mean() / guess.mean()


# Scatter: one weight for each example, 1 / (its task's examples * ln classes * tasks), then a dot product
@right("3.4-2")
def scatter_one_weight_for_each_example_1(losses, tasks, num_classes):
    classes = torch.as_tensor(num_classes)
    count = torch.bincount(tasks, minlength=len(classes))
    weight = 1 / (count[tasks] * classes[tasks].to(losses.dtype).log())
    return torch.dot(losses, weight.to(losses.dtype)) / int((count > 0).sum())


# A task number that does not occur (0 / 0 made 0) counts as a task with accuracy 0
@wrong("3.4-3", "You divide by the number of task numbers, also of those that do")
def a_task_number_that_does_not_occur_0_0_made_0(right, tasks):
    right = torch.as_tensor(right).float()
    count = torch.bincount(tasks)
    good = torch.bincount(tasks, weights=right)
    return right.mean(), (good / count).nan_to_num(0).mean()


def _body(width, num_layers, vocab_size):
    return vocab_size * width + num_layers * 12 * width**2


# Takes the width whose total comes nearest to the shared model, even where it has more
@wrong("3.4-4", "What comes out is the width whose total lies nearest to")
def takes_the_width_whose_total_comes_nearest(d_model, num_layers, vocab_size, classes, step):
    shared = _body(d_model, num_layers, vocab_size) + sum(d_model * c + c for c in classes)

    def all_of(width):
        return sum(_body(width, num_layers, vocab_size) + width * c + c for c in classes)

    width = min(range(step, 2 * d_model + step, step), key=lambda w: abs(all_of(w) - shared))
    return shared, width, all_of(width)


# The width from a formula, d_model / sqrt(tasks) rounded down to a step: exact only if there were layers
# alone, no table
@wrong("3.4-4", "You divide the width by the square root of the number of tasks.")
def the_width_from_a_formula_d_model_sqrt_tasks(d_model, num_layers, vocab_size, classes, step):
    shared = _body(d_model, num_layers, vocab_size) + sum(d_model * c + c for c in classes)
    width = max(step, int(d_model / math.sqrt(len(classes))) // step * step)
    return shared, width, sum(_body(width, num_layers, vocab_size) + width * c + c for c in classes)


# Solves the quadratic inequality, then steps down or up to be sure
@right("3.4-4")
def solves_the_quadratic_inequality_then_steps(d_model, num_layers, vocab_size, classes, step):
    t, heads = len(classes), sum(classes)
    shared = _body(d_model, num_layers, vocab_size) + (d_model + 1) * heads
    a, b, c = 12 * num_layers * t, vocab_size * t + heads, heads - shared
    root = (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a) if a else -c / b
    width = (int(root) // step + 1) * step
    while a * width * width + b * width + c > 0:
        width -= step
    return shared, width, a * width * width + b * width + heads


# Passes divided by all batches together instead of by those of the task itself
@wrong("3.4-5", "You divide by the data of all tasks together. Each task goes")
def passes_divided_by_all_batches_together(sizes, temperature, steps):
    sizes = torch.as_tensor(sizes).double()
    shares = sizes ** (1 / temperature) / (sizes ** (1 / temperature)).sum()
    return shares, shares * steps / sizes.sum()


# The regression formula of the paper, L / (2 sigma^2) + ln sigma, for classification
@wrong("3.4-6", "You halve the weighted loss. That is the form for")
def the_regression_formula_of_the_paper_l_2(log_variances, losses):
    return (0.5 * torch.exp(-log_variances) * losses + 0.5 * log_variances).sum()


# Dot products in the body, but the lengths over all parameters, heads included
@wrong("3.4-7", "You take the heads into the cosine. They add to the lengths and")
def dot_products_in_the_body_but_the_lengths(gradients, shared):
    body = gradients[:, shared]
    length = gradients.norm(dim=1)
    cosine = body @ body.T / (length[:, None] * length[None])
    return cosine.nan_to_num(0)


# Whether two conflict is decided once by the original gradients: g changed on the way is projected though
# it no longer conflicts
@wrong("3.4-8", "Whether two tasks conflict is decided by the gradients as they")
def whether_two_conflict_is_decided_once(gradients):
    out = []
    for i in range(len(gradients)):
        g = gradients[i].clone()
        for j in range(len(gradients)):
            if j != i and torch.dot(gradients[i], gradients[j]) < 0:
                g = g - torch.dot(g, gradients[j]) / gradients[j].pow(2).sum() * gradients[j]
        out.append(g)
    return torch.stack(out)


def _company(**other):
    nothing = -(0.85 * math.log(0.85) + 0.15 * math.log(0.15))
    said = {"nothing": nothing, "alone": 0.483, "company": 0.458, "gain": nothing - 0.458, "helps": False}
    return {**said, **other}


# Gain against the lone model (0.483 - 0.458), though reading nothing is better than it; so 'it helps'
@wrong("3.4-9", "You compare with the lone task, but a constant answer is better")
def gain_against_the_lone_model_0_483_0_458():
    return _company(gain=0.025, helps=True)


# Stopped where the judged loss is lowest (0.463, 0.441): chosen on the test
@wrong("3.4-9", "You pick the look where the judged loss is lowest. Then the")
def stopped_where_the_judged_loss_is_lowest_0():
    return _company(alone=0.463, company=0.441, gain=_company()["nothing"] - 0.441)


def _four(**other):
    said = {
        "constant": 0.67,
        "beyond": -0.05,
        "sharing": "separate bodies of the wide width",
        "conflict": "pairs that nobody made, with cosines of both signs",
        "company": "stop both sides where their watched loss is lowest",
    }
    return {**said, **other}


# Conflict = the cosine over more batches, 'a better measured cosine'
@wrong("3.4-10", "The cosine is not in doubt; what it foretells is. For that other")
def conflict_the_cosine_over_more_batches():
    return _four(conflict="the cosine over more batches")


# Against = 0, 'against' read as wholly below zero ([-0.039, 0.006] reaches above)
@wrong("3.4-11", "Asked for: the settings whose interval lies nowhere above 0.02")
def against_0_against_read_as_wholly_below_zero():
    return {"for": 1, "against": 0, "verdict": "holds when labels are few"}
