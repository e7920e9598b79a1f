"""An eleventh trial, chapter 3.4: slips that had got no words of their own, or words that did not fit."""

import torch

from llmasos_edu.exercises import find, given
from trial.answers import right, wrong


def depths(text, deepest, label=min, kinds="([{)]}"):
    found, depth, quoted = [], 0, False
    for character in text:
        quoted ^= character == '"'
        depth -= character in kinds[len(kinds) // 2 :] and not quoted
        found.append(label(depth, deepest))
        depth += character in kinds[: len(kinds) // 2] and not quoted
    return torch.tensor(found)


# Modulo in place of a limit
@wrong("3.4-1", "or begins again from 0")
def begins_again(text, deepest):
    return depths(text, deepest, label=lambda depth, deepest: depth % (deepest + 1))


# Square brackets forgotten
@wrong("3.4-1", "leave out one of the three kinds")
def no_square_ones(text, deepest):
    return depths(text, deepest, kinds="({)}")


# A stack of open brackets
@right("3.4-1")
def a_stack(text, deepest):
    found, stack, quoted = [], [], False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character in ")]}" and not quoted:
            stack.pop()
        found.append(min(len(stack), deepest))
        if character in "([{" and not quoted:
            stack.append(character)
    return torch.tensor(found)


# One quotient for the whole batch
@wrong("3.4-2", "all losses added up, over what guessing")
def one_quotient(losses, tasks, num_classes):
    return losses.sum() / num_classes.float().log()[tasks].sum()


# Sums over all examples of the batch
@wrong("3.4-2", "divided by the number of all examples")
def divided_by_the_batch(losses, tasks, num_classes):
    guess = num_classes.float().log()
    each = [losses[tasks == task].sum() / len(losses) / guess[task] for task in tasks.unique()]
    return torch.stack(each).mean()


def accuracies(answers, tasks):
    return torch.stack([answers[tasks == task].double().mean() for task in tasks.unique()])


# range(max) without + 1
@wrong("3.4-3", "the task with the highest number were left out")
def range_ends_early(answers, tasks):
    numbers = [n for n in range(int(tasks.max())) if (tasks == n).any()] or [int(tasks.max())]
    each = torch.stack([answers[tasks == n].double().mean() for n in numbers])
    return answers.double().mean(), each.mean()


# Task 0 taken for padding
@wrong("3.4-3", "the task with the lowest number were left out")
def first_taken_for_padding(answers, tasks):
    each = accuracies(answers, tasks)
    return answers.double().mean(), each[1:].mean() if len(each) > 1 else each.mean()


# The worst task
@wrong("3.4-3", "the accuracy of the worst task")
def the_worst_task(answers, tasks):
    return answers.double().mean(), accuracies(answers, tasks).min()


def counts(d_model, num_layers, vocab_size, classes):
    body = lambda width: vocab_size * width + 12 * num_layers * width**2  # noqa: E731
    heads = lambda width: sum(count * width + count for count in classes)  # noqa: E731
    return body, heads, body(d_model) + heads(d_model)


# The heads left out of the comparison only
@wrong("3.4-4", "chosen by the bodies alone")
def chosen_by_bodies(d_model, num_layers, vocab_size, classes, step):
    body, heads, shared = counts(d_model, num_layers, vocab_size, classes)
    width = step
    while len(classes) * body(width + step) <= body(d_model):
        width += step
    return shared, width, len(classes) * body(width) + heads(width)


# Each model within its part
@wrong("3.4-4", "an equal part of the whole")
def each_within_its_part(d_model, num_layers, vocab_size, classes, step):
    body, heads, shared = counts(d_model, num_layers, vocab_size, classes)
    width = step
    while body(width + step) + max(classes) * (width + step + 1) <= shared / len(classes):
        width += step
    return shared, width, len(classes) * body(width) + heads(width)


# Powers as they are: at T = 1 the sizes themselves
@wrong("3.4-5", "powers of the sizes, which do not add up to 1")
def powers_as_they_are(sizes, temperature, steps):
    powers = sizes ** (1 / temperature)
    return powers, steps * powers / sizes


# A softmax of logarithms, times T
@wrong("3.4-5", "Your exponent is T")
def softmax_of_logarithms_times_t(sizes, temperature, steps):
    shares = (sizes.log() * temperature).softmax(0)
    return shares, steps * shares / sizes


# exp(-2s) and s/2
@wrong("3.4-6", "the fourth power of sigma")
def fourth_power(log_variances, losses):
    return (losses / log_variances.exp() ** 2 + log_variances / 2).sum()


# The half in the wrong term
@wrong("3.4-6", "the half stands in the wrong term")
def half_in_the_exponent(log_variances, losses):
    return (torch.exp(-log_variances / 2) * losses + log_variances).sum()


# A bracket around both
@wrong("3.4-6", "both terms were divided by sigma squared")
def bracket_around_both(log_variances, losses):
    return ((losses + log_variances / 2) / log_variances.exp()).sum()


# The second term held above 0
@wrong("3.4-6", "held at 0 where it is below")
def second_term_held(log_variances, losses):
    return (torch.exp(-log_variances) * losses + torch.relu(log_variances) / 2).sum()


# The sign of s
@wrong("3.4-6", "the sign is the wrong way round in both terms")
def sign_of_s(log_variances, losses):
    return (torch.exp(log_variances) * losses - log_variances / 2).sum()


# 1 + exp(s)
@wrong("3.4-6", "divided by 1 + sigma^2")
def one_plus_the_variance(log_variances, losses):
    return (losses / (1 + log_variances.exp()) + log_variances / 2).sum()


# Sums first
@wrong("3.4-6", "the sum of the weights were multiplied by the sum of the losses")
def sums_first(log_variances, losses):
    return torch.exp(-log_variances).sum() * losses.sum() + log_variances.sum() / 2


# Half the loss and all of s
@wrong("3.4-6", "and not the second term. It is the other way round")
def half_the_loss_and_all_of_s(log_variances, losses):
    return (0.5 * torch.exp(-log_variances) * losses + log_variances).sum()


# One scale for all pairs
@wrong("3.4-7", "divided by one number, the same for all pairs")
def scaled_by_the_longest(gradients, shared):
    body = gradients[:, shared]
    return body @ body.T / body.norm(dim=1).max() ** 2


# (1 + cos) / 2
@wrong("3.4-7", "half of 1 plus the cosine")
def moved_above_zero(gradients, shared):
    unit = torch.nn.functional.normalize(gradients[:, shared], dim=1, eps=1e-30)
    return (1 + unit @ unit.T) / 2


# Each cut replaces the one before
@wrong("3.4-8", "each cut began anew from the original gradient")
def cut_replaces_the_last(gradients):
    operated = gradients.clone()
    for i, g in enumerate(gradients):
        for j, v in enumerate(gradients):
            if i != j and g @ v < 0:
                operated[i] = g - (g @ v) / (v @ v) * v
    return operated


# Both rows at once
@wrong("3.4-8", "each pair were met once and both were cut")
def both_rows_at_once(gradients):
    operated = [g.clone() for g in gradients]
    for i in range(len(operated)):
        for j in range(i + 1, len(operated)):
            g, v = operated[i], operated[j]
            if g @ v < 0:
                operated[i], operated[j] = g - (g @ v) / (v @ v) * v, v - (g @ v) / (g @ g) * g
    return torch.stack(operated)


# argmin
@wrong("3.4-8", "its worst conflict alone")
def worst_conflict_alone(gradients):
    table = (gradients @ gradients.T).fill_diagonal_(0)
    operated = gradients.clone()
    for i, j in enumerate(table.argmin(1).tolist()):
        if table[i, j] < 0:
            v = gradients[j]
            operated[i] = gradients[i] - table[i, j] / (v @ v) * v
    return operated


# Each model judged at the look at which the other is stopped
@wrong("3.4-9", "the look where the other side is stopped")
def the_look_of_the_other():
    data = given("3.4-9")
    watched, judged = data["company_watched"], data["alone_judged"]
    return find("3.4-9").right() | {"alone": judged[watched.index(min(watched))]}


# The geometric mean, near the arithmetic one
@wrong("3.4-10", "is too small, a little")
def geometric_mean():
    data = given("3.4-10")
    return find("3.4-10").right() | {"constant": (data["first"] * data["second"]) ** 0.5}


# As a part of what is left to 1
@wrong("3.4-10", "or by what it leaves to 1")
def part_of_what_is_left():
    found = find("3.4-10").right()
    return found | {"beyond": found["beyond"] / (1 - found["constant"])}


# The sign dropped
@wrong("3.4-10", "Your number is the constant less the model")
def sign_dropped():
    found = find("3.4-10").right()
    return found | {"beyond": abs(found["beyond"])}


# Only the silent tasks' diagonal is filled up
@wrong("3.4-7", "Your whole diagonal is 1")
def silent_tasks_filled_up(gradients, shared):
    body = gradients[:, shared]
    lengths = body.norm(dim=1)
    products = lengths[:, None] * lengths
    return torch.where(products > 0, body @ body.T / products.clamp(min=1e-30), torch.eye(len(body)))


# 1 // T
@wrong("3.4-5", "the exponent were 1 // T")
def exponent_without_a_rest(sizes, temperature, steps):
    powers = sizes ** (1 // temperature)
    return powers / powers.sum(), steps * powers / powers.sum() / sizes


# Whole draws
@wrong("3.4-5", "cut or rounded to a whole number")
def whole_draws(sizes, temperature, steps):
    powers = sizes ** (1 / temperature)
    shares = powers / powers.sum()
    return shares, (steps * shares).floor() / sizes
