"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 3.4."""

import math

import numpy as np
import torch

from trial.answers import right, wrong


# The counter itself is cut off at the deepest label, so on the way out it is too low
@wrong("3.4-1", "You stop counting at the limit and then count down from there, so")
def counter_stops_at_the_deepest_fourteenth(text, deepest):
    labels, depth, quoted = [], 0, False
    for c in text:
        if c == '"':
            quoted = not quoted
        if not quoted and c in ")]}":
            depth = max(0, depth - 1)
        labels.append(depth)
        if not quoted and c in "([{":
            depth = min(depth + 1, deepest)
    return torch.tensor(labels)


# Right: takes the strings out first, then counts brackets in front of each character, without a
# running depth
@right("3.4-1")
def counts_in_front_of_each_fourteenth(text, deepest):
    plain, pieces = [], text.split('"')
    for i, piece in enumerate(pieces):
        plain.append(piece if i % 2 == 0 else " " * len(piece))
    plain = " ".join(plain)
    labels = []
    for i, c in enumerate(plain):
        before = plain[:i]
        opened = sum(before.count(b) for b in "([{")
        closed = sum(before.count(b) for b in ")]}") + (c in ")]}")
        labels.append(min(opened - closed, deepest))
    return torch.tensor(labels, dtype=torch.long)


# Num_classes is asked by the place among the present tasks, not by the task's number
@wrong("3.4-2", "You take the numbers of classes from the front of the list, as if")
def shared_loss_counts_present_tasks_fourteenth(losses, tasks, num_classes):
    terms = []
    for place, task in enumerate(tasks.unique()):
        mean = losses[tasks == task].mean()
        terms.append(mean / math.log(float(num_classes[place])))
    return torch.stack(terms).mean()


# Macro: groups neighbours only, so a task that comes again counts as one more task
@wrong("3.4-3", "Your macro average comes out as if each run of equal numbers in")
def macro_over_runs_fourteenth(right, tasks):
    right = right.float()
    _, lengths = torch.unique_consecutive(tasks, return_counts=True)
    means = torch.stack([part.mean() for part in right.split(lengths.tolist())])
    return right.mean(), means.mean()


# Counts one embedding table for all separate models together
@wrong("3.4-4", "Your separate models share one embedding table. Each has a body of")
def one_table_for_the_separate_fourteenth(d_model, num_layers, vocab_size, classes, step):
    def body(d):
        return num_layers * 12 * d * d

    def heads(d):
        return sum(d * c + c for c in classes)

    def separate(d):
        return vocab_size * d + len(classes) * body(d) + heads(d)

    shared = vocab_size * d_model + body(d_model) + heads(d_model)
    width = step
    while separate(width + step) <= shared:
        width += step
    return shared, width, separate(width)


# Strictly fewer: a width at which both have equally many is refused
@wrong("3.4-4", "Where the separate models would have just as many parameters as the")
def separate_strictly_fewer_fourteenth(d_model, num_layers, vocab_size, classes, step):
    def body(d):
        return vocab_size * d + num_layers * 12 * d * d

    def heads(d):
        return sum(d * c + c for c in classes)

    shared = body(d_model) + heads(d_model)
    width = step
    while len(classes) * body(width + step) + heads(width + step) < shared:
        width += step
    return shared, width, len(classes) * body(width) + heads(width)


# Rounds the solution of the quadratic to the nearest multiple, which may be too wide
@wrong("3.4-4", "What comes out is the width whose total lies nearest to that of the")
def separate_nearest_multiple_fourteenth(d_model, num_layers, vocab_size, classes, step):
    outputs, tasks = sum(classes), len(classes)

    def total(d, bodies):
        return bodies * (vocab_size * d + 12 * num_layers * d * d) + outputs * (d + 1)

    shared = total(d_model, 1)
    a, b, c = 12 * num_layers * tasks, vocab_size * tasks + outputs, outputs - shared
    if a == 0:
        root = -c / b
    else:
        root = (-b + math.sqrt(b * b - 4 * a * c)) / (2 * a)
    width = max(step, round(root / step) * step)
    return shared, width, total(width, tasks)


# Unusual: halves the interval of widths instead of walking up
@right("3.4-4")
def separate_by_bisection_fourteenth(d_model, num_layers, vocab_size, classes, step):
    tasks, outputs = len(classes), sum(classes)

    def count(d, bodies):
        return bodies * d * (vocab_size + 12 * num_layers * d) + outputs * d + outputs

    shared = count(d_model, 1)
    low, high = 1, 2
    while count(high * step, tasks) <= shared:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if count(middle * step, tasks) <= shared:
            low = middle
        else:
            high = middle
    return shared, low * step, count(low * step, tasks)


# Takes a softmax of the sizes at the temperature instead of a power of the sizes
@wrong("3.4-5", "You take a softmax of the sizes (or of their shares) divided by T.")
def softmax_of_the_sizes_fourteenth(sizes, temperature, steps):
    sizes = torch.as_tensor(sizes, dtype=torch.float64)
    shares = torch.softmax(sizes / temperature, dim=0)
    return shares, shares * steps / sizes


# Passes divided by the batches of all tasks instead of the task's own
@wrong("3.4-5", "You divide by the data of all tasks together. Each task goes")
def shares_passes_over_all_data_fourteenth(sizes, temperature, steps):
    sizes = torch.as_tensor(sizes).double()
    shares = torch.softmax(torch.log(sizes) / temperature, 0)
    return shares.float(), (steps * shares / sizes.sum()).float()


# One half before L / sigma^2 as well, as it stands for regression
@wrong("3.4-6", "You halve the weighted loss. That is the form for regression")
def uncertainty_half_of_regression_fourteenth(log_variances, losses):
    return (0.5 * torch.exp(-log_variances) * losses + 0.5 * log_variances).sum()


# Every task agrees with itself: the diagonal is set to 1, also for a task without a gradient
@wrong("3.4-7", "Your whole diagonal is 1. A task whose gradient is zero has no")
def diagonal_always_one_fourteenth(gradients, shared):
    body = gradients[:, shared]
    norms = body.norm(dim=1)
    scale = torch.where(norms > 0, norms, torch.ones_like(norms))
    unit = body / scale[:, None]
    cosines = unit @ unit.T
    cosines.fill_diagonal_(1.0)
    return cosines


# Right: numpy, pair by pair, zero where a norm is zero
@right("3.4-7")
def pairs_in_numpy_fourteenth(gradients, shared):
    body = gradients.detach().numpy().astype(np.float64)[:, shared.numpy().astype(bool)]
    tasks = len(body)
    cosines = np.zeros((tasks, tasks))
    for i in range(tasks):
        for j in range(tasks):
            norms = math.sqrt(float(np.sum(body[i] ** 2))) * math.sqrt(float(np.sum(body[j] ** 2)))
            if norms > 0:
                cosines[i, j] = float(np.sum(body[i] * body[j])) / norms
    return torch.from_numpy(cosines).to(gradients.dtype)


# The dot products are computed once with the original gradients, not with the changed g
@wrong("3.4-8", "Your dot products all come from the gradient as it was at first.")
def dots_computed_beforehand_fourteenth(gradients):
    dots = gradients @ gradients.T
    changed = gradients.clone()
    for i in range(len(gradients)):
        for j in range(len(gradients)):
            if i != j and dots[i, j] < 0:
                changed[i] = changed[i] - dots[i, j] / dots[j, j] * gradients[j]
    return changed


# The sign is asked of the changed g, but the projection is that of the original gradient i
@wrong("3.4-8", "For three in the plane, your result differs in 2 of 6 places:")
def surgery_projects_original_fourteenth(gradients):
    out = []
    for i in range(len(gradients)):
        g = gradients[i].clone()
        for j in range(len(gradients)):
            other = gradients[j]
            if i != j and torch.dot(g, other) < 0:
                g = g - torch.dot(gradients[i], other) / torch.dot(other, other) * other
        out.append(g)
    return torch.stack(out)


# G is a view of the row: -= changes the originals that the later tasks are held against
@wrong("3.4-8", "You compare with gradients that have been changed already, so the")
def surgery_in_place_fourteenth(gradients):
    out = []
    for i in range(len(gradients)):
        g = gradients[i]
        for j in range(len(gradients)):
            if j == i:
                continue
            dot = (g * gradients[j]).sum()
            if dot < 0:
                g -= dot / (gradients[j] ** 2).sum() * gradients[j]
        out.append(g)
    return torch.stack(out)


# Unusual: keeps all dot products and coefficients, the gradients are put together at the end
@right("3.4-8")
def surgery_by_coefficients_fourteenth(gradients):
    given = gradients.double()
    table = given @ given.T
    n = len(given)
    mixing = torch.eye(n, dtype=torch.float64)
    for i in range(n):
        for j in range(n):
            if j == i:
                continue
            dot = (mixing[i] * table[:, j]).sum()
            if dot < 0:
                mixing[i, j] -= dot / table[j, j]
    return (mixing @ given).to(gradients.dtype)


# Picks the look with the lowest judged loss instead of the lowest watched one
@wrong("3.4-9", "'alone', 'company': You pick the look where the judged loss is")
def stops_at_the_lowest_judged_fourteenth():
    nothing = -(0.85 * math.log(0.85) + 0.15 * math.log(0.15))
    alone = min([0.718, 0.693, 0.483, 0.463, 0.756, 0.937])
    company = min([0.784, 0.692, 0.676, 0.441, 0.458, 0.613])
    gain = min(nothing, alone) - company
    return {"nothing": nothing, "alone": alone, "company": company, "gain": gain, "helps": gain > 0.02}


# How much better is given as a share of what the constant leaves open
@wrong("3.4-10", "'beyond': You divide the difference, by the constant's share or by")
def control_beyond_of_the_rest_fourteenth():
    constant = (0.58 + 0.76) / 2
    return {
        "constant": constant,
        "beyond": (0.62 - constant) / (1 - constant),
        "sharing": "separate bodies of the wide width",
        "conflict": "pairs that nobody made, with cosines of both signs",
        "company": "stop both sides where their watched loss is lowest",
    }


# Judges by the means alone, the intervals are not looked at
@wrong("3.4-11", "'for': In so many settings the mean is above the line. Where the")
def judged_by_the_means_fourteenth():
    return {"for": 3, "against": 1, "verdict": "not shown"}
