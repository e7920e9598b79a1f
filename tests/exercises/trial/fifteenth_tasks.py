"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 3.4."""

import math

import torch

from trial.answers import right, wrong


# A closing bracket still has the depth of the inside
@wrong("3.4-1", "At closing brackets you are off by one: they get the depth of what")
def nesting_close_late_fifteenth(text, deepest):
    out, depth, quoted = [], 0, False
    for c in text:
        out.append(min(depth, deepest))
        if c == '"':
            quoted = not quoted
        elif not quoted and c in "([{":
            depth += 1
        elif not quoted and c in ")]}":
            depth -= 1
    return torch.tensor(out, dtype=torch.long)


# The closing bracket counts as inside
@wrong("3.4-1", "At closing brackets you are off by one: they get the depth of what")
def nesting_closing_inside_fifteenth(text, deepest):
    depth, quoted, out = 0, False, []
    for c in text:
        if c == '"':
            quoted = not quoted
            out.append(depth)
        elif not quoted and c in "([{":
            out.append(depth)
            depth += 1
        elif not quoted and c in ")]}":
            out.append(depth)
            depth -= 1
        else:
            out.append(depth)
    return torch.tensor([min(d, deepest) for d in out], dtype=torch.long)


# Pure Python sums over the tasks that occur, scaled one by one
@right("3.4-2")
def shared_loss_loop_fifteenth(losses, tasks, num_classes):
    parts = []
    for task in sorted(set(tasks.tolist())):
        own = [loss for loss, t in zip(losses, tasks.tolist(), strict=False) if t == task]
        parts.append(sum(own) / len(own) / math.log(int(num_classes[task])))
    return sum(parts) / len(parts)


# All tasks of the list are in the mean, those not in the batch with 0
@wrong("3.4-2", "You divide by the number of all tasks. Those that are not in this")
def shared_loss_absent_tasks_fifteenth(losses, tasks, num_classes):
    total = losses.sum() * 0
    for t in range(len(num_classes)):
        mine = losses[tasks == t]
        if len(mine):
            total = total + mine.mean() / math.log(int(num_classes[t]))
    return total / len(num_classes)


# Tasks that do not occur count as accuracy 0
@wrong("3.4-3", "You divide by the number of task numbers, also of those that do not")
def macro_absent_tasks_fifteenth(right, tasks):
    r = right.float()
    n = int(tasks.max()) + 1
    hits = torch.zeros(n).index_add(0, tasks, r)
    count = torch.zeros(n).index_add(0, tasks, torch.ones_like(r))
    return r.mean(), (hits / count.clamp(min=1)).mean()


# Heads have no bias
@wrong("3.4-4", "Your heads have no bias: each class has d weights and one number")
def separate_no_bias_fifteenth(d_model, num_layers, vocab_size, classes, step):
    def size(d, heads):
        return vocab_size * d + num_layers * 12 * d * d + sum(c * d for c in heads)

    shared = size(d_model, classes)

    def apart(d):
        return sum(size(d, [c]) for c in classes)

    d = step
    while apart(d + step) <= shared:
        d += step
    return shared, d, apart(d)


# Closed formula: bisection over multiples of step
@right("3.4-4")
def separate_by_bisection_fifteenth(d_model, num_layers, vocab_size, classes, step):
    n, heads = len(classes), sum(classes)

    def apart(d):
        return n * (vocab_size * d + 12 * num_layers * d * d) + heads * (d + 1)

    shared = vocab_size * d_model + 12 * num_layers * d_model**2 + heads * (d_model + 1)
    low, high = 1, d_model // step + 2
    while high - low > 1:
        middle = (low + high) // 2
        if apart(middle * step) <= shared:
            low = middle
        else:
            high = middle
    return shared, low * step, apart(low * step)


# The exponent is T instead of 1 / T
@wrong("3.4-5", "Your exponent is T and should be 1/T: a higher temperature makes")
def shares_power_t_fifteenth(sizes, temperature, steps):
    n = torch.as_tensor(sizes, dtype=torch.float64)
    p = (n / n.sum()) ** temperature
    p = p / p.sum()
    return p, p * steps / n


# Ln sigma taken for s, not for s / 2
@wrong("3.4-6", "Your second term is ln sigma^2, twice what it should be. s is the")
def uncertainty_whole_s_fifteenth(log_variances, losses):
    return (losses * torch.exp(-log_variances) + log_variances).sum()


# Ln sigma taken as s instead of s / 2
@wrong("3.4-6", "Your second term is ln sigma^2, twice what it should be. s is the")
def uncertainty_whole_s_fifteenth_too(log_variances, losses):
    return (losses * torch.exp(-log_variances) + log_variances).sum()


# Dot products in the body, norms over all parameters
@wrong("3.4-7", "You take the heads into the cosine. They add to the lengths and")
def cosines_whole_norm_fifteenth(gradients, shared):
    body = gradients[:, shared]
    norm = gradients.norm(dim=1)
    both = norm[:, None] * norm[None, :]
    return torch.where(both > 0, body @ body.T / both.clamp(min=1e-30), torch.zeros_like(both))


# Projection as a matrix I - u u^T, built anew each time
@right("3.4-8")
def surgery_projector_fifteenth(gradients):
    out = []
    for i in range(len(gradients)):
        g = gradients[i].clone()
        for j in range(len(gradients)):
            if j != i and torch.dot(g, gradients[j]) < 0:
                u = gradients[j] / gradients[j].norm()
                g = (torch.eye(len(g), dtype=g.dtype) - torch.outer(u, u)) @ g
        out.append(g)
    return torch.stack(out)


# Surgery with the others' already changed gradients
@wrong("3.4-8", "You compare with gradients that have been changed already, so the")
def surgery_with_changed_fifteenth(gradients):
    out = gradients.clone()
    for i in range(len(out)):
        for j in range(len(out)):
            if i == j:
                continue
            dot = out[i] @ out[j]
            if dot < 0:
                out[i] = out[i] - dot / (out[j] @ out[j]) * out[j]
    return out


# Compares with the lone model only, though knowing the share costs less
@wrong("3.4-9", "'gain': You compare with the lone task, but a constant answer is")
def company_against_alone_fifteenth():
    h = -(0.85 * math.log(0.85) + 0.15 * math.log(0.15))
    return {"nothing": h, "alone": 0.483, "company": 0.458, "gain": 0.483 - 0.458, "helps": True}


# Compared with the lone model only, not with knowing nothing
@wrong("3.4-9", "'gain': You compare with the lone task, but a constant answer is")
def company_against_alone_fifteenth_too():
    p = 0.85
    nothing = -p * math.log(p) - (1 - p) * math.log(1 - p)
    return {"nothing": nothing, "alone": 0.483, "company": 0.458, "gain": 0.483 - 0.458, "helps": True}


# A constant answer's score taken from the better task instead of the mean of both
@wrong("3.4-10", "'constant': You take the constant answer of one task for both. The")
def constant_of_better_task_fifteenth():
    return {
        "constant": 0.76,
        "beyond": 0.62 - 0.76,
        "sharing": "separate bodies of the wide width",
        "conflict": "pairs that nobody made, with cosines of both signs",
        "company": "stop both sides where their watched loss is lowest",
    }


# Counts means above 0.02 as borne out, whatever the interval
@wrong("3.4-11", "'for': In so many settings the mean is above the line. Where the")
def verdict_by_means_fifteenth():
    return {"for": 3, "against": 1, "verdict": "not shown"}
