"""A twelfth trial, chapter 3.4: slips that show in one kind of input only."""

import math
import re

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Every line is walked through by itself
@wrong("3.4-1", "as if every line began at depth 0")
def depths_of_each_line(text, deepest):
    labels = []
    for line in text.splitlines(keepends=True):
        depth, quoted = 0, False
        for character in line:
            if character == '"':
                quoted = not quoted
            if character in ")]}" and not quoted:
                depth -= 1
            labels.append(min(depth, deepest))
            if character in "([{" and not quoted:
                depth += 1
    return torch.tensor(labels)


# Strings are blanked out by a pattern that asks for at least one character between the quotes
@wrong("3.4-1", "one of the two quotes of an empty string did not count")
def strings_blanked_unless_empty(text, deepest):
    labels, depth = [], 0
    for character in re.sub(r'"[^"]+"', lambda found: "." * len(found.group()), text):
        depth -= character in ")]}"
        labels.append(min(depth, deepest))
        depth += character in "([{"
    return torch.tensor(labels)


# The same pattern with a star
@right("3.4-1")
def strings_blanked(text, deepest):
    labels, depth = [], 0
    for character in re.sub(r'"[^"]*"', lambda found: "." * len(found.group()), text):
        depth -= character in ")]}"
        labels.append(min(depth, deepest))
        depth += character in "([{"
    return torch.tensor(labels)


# Examples are put together by the number of classes of their task
@wrong("3.4-2", "as if tasks with the same number of classes were one task")
def tasks_told_by_their_classes(losses, tasks, num_classes):
    classes = num_classes[tasks]
    each = [losses[classes == k].mean() / math.log(k) for k in classes.unique().tolist()]
    return torch.stack(each).mean()


# A task is taken for absent where its losses add up to nothing
@wrong("3.4-2", "as if a task whose losses are all 0 were not in the batch")
def absent_where_the_sum_is_zero(losses, tasks, num_classes):
    sums = torch.zeros(len(num_classes)).index_add(0, tasks, losses)
    counts = torch.bincount(tasks, minlength=len(num_classes))
    there = sums > 0
    return (sums[there] / counts[there] / num_classes.float().log()[there]).mean()


# As many task numbers are tried as there are questions
@wrong("3.4-3", "as if tasks with a large number were left out")
def numbers_up_to_the_number_of_questions(right, tasks):
    each = [right[tasks == t].double().mean() for t in range(len(tasks)) if (tasks == t).any()]
    return right.double().mean(), sum(each) / len(each)


# A dict by the size, so that tasks of the same size have one entry
@wrong("3.4-5", "as if the sum below the line held equal sizes only once")
def powers_in_a_dict_by_size(sizes, temperature, steps):
    powers = {n: n ** (1 / temperature) for n in sizes.tolist()}
    total = sum(powers.values())
    shares = torch.tensor([powers[n] / total for n in sizes.tolist()])
    return shares, steps * shares / sizes


# s is kept between -10 and 10, "for safety"
@wrong("3.4-6", "as if s were held between two bounds")
def s_between_minus_ten_and_ten(log_variances, losses):
    s = log_variances.clamp(-10, 10)
    return (losses / s.exp() + s / 2).sum()


# A gradient is taken for silent where its entries add up to 0
@wrong("3.4-7", "as if a gradient whose entries add up to 0 had the length 0")
def silent_where_the_sum_is_zero(gradients, shared):
    body = gradients[:, shared]
    silent = body.sum(1) == 0
    table = F.cosine_similarity(body[:, None], body[None], dim=-1)
    table[silent] = 0
    table[:, silent] = 0
    return table


# squeeze() takes away the axes of a table of one task, too
@wrong("3.4-7", "shape [] instead of [1, 1]")
def all_axes_of_size_one_gone(gradients, shared):
    body = gradients[:, shared]
    return F.cosine_similarity(body[:, None], body[None], dim=-1).squeeze()


# The task itself is told by its numbers, so another with the same gradient is skipped with it
@wrong("3.4-8", "as if a task with the same gradient were skipped")
def the_task_itself_told_by_value(gradients):
    rows = []
    for own in gradients:
        g = own.clone()
        for other in gradients:
            if torch.equal(other, own):
                continue
            dot = g @ other
            if dot < 0:
                g = g - dot / (other @ other) * other
        rows.append(g)
    return torch.stack(rows)


# 1e-8 below the line, which is much beside a tiny gradient's squared length
@wrong("3.4-8", "Where gradients are tiny, your cuts are too small")
def a_small_number_below_the_line(gradients):
    operated = gradients.clone()
    for i in range(len(gradients)):
        for j in range(len(gradients)):
            dot = operated[i] @ gradients[j]
            if i != j and dot < 0:
                operated[i] = operated[i] - dot / (gradients[j] @ gradients[j] + 1e-8) * gradients[j]
    return operated


# A conflict begins at -1e-6
@wrong("3.4-8", "Where gradients are tiny, your cuts are too small or missing")
def conflicts_below_a_small_number(gradients):
    operated = gradients.clone()
    for i in range(len(gradients)):
        for j in range(len(gradients)):
            dot = operated[i] @ gradients[j]
            if i != j and dot < -1e-6:
                operated[i] = operated[i] - dot / (gradients[j] @ gradients[j]) * gradients[j]
    return operated
