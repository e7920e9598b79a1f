"""A thirteenth trial, answers written from the statements alone, chapter 3.4."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# The running depth itself is cut at deepest, so that closing brackets lead too far up
@wrong("3.4-1", "You stop counting at the limit and then count down from there, so")
def running_depth_is_cut_thirteenth(text, deepest):
    depth, quoted, labels = 0, False, []
    for c in text:
        if c == '"':
            quoted = not quoted
        elif not quoted and c in ")]}":
            depth = max(depth - 1, 0)
        labels.append(depth)
        if not quoted and c in "([{":
            depth = min(depth + 1, deepest)
    return torch.tensor(labels, dtype=torch.long)


# The counter itself is cut at deepest, so it falls too early when brackets close
@wrong("3.4-1", "You stop counting at the limit and then count down from there, so")
def depths_counter_cut_thirteenth(text, deepest):
    depth, quoted, labels = 0, False, []
    for c in text:
        if c == '"':
            quoted = not quoted
        if not quoted and c in ")]}":
            depth = max(depth - 1, 0)
        labels.append(depth)
        if not quoted and c in "([{":
            depth = min(depth + 1, deepest)
    return torch.tensor(labels, dtype=torch.long)


# Matrix with one row a task (one-hot times losses), absent rows taken out
@right("3.4-2")
def shared_loss_by_one_hot_thirteenth(losses, tasks, num_classes):
    classes = torch.as_tensor(num_classes)
    member = F.one_hot(tasks, len(classes)).to(losses.dtype)
    present = member.sum(0) > 0
    mean = (losses @ member)[present] / member.sum(0)[present]
    return (mean / torch.log(classes.to(losses.dtype))[present]).mean()


# Mean over all tasks that there are, those without an example count as 0
@wrong("3.4-2", "You divide by the number of all tasks. Those that are not in this")
def shared_loss_absent_tasks_thirteenth(losses, tasks, num_classes):
    total = 0.0
    for t in range(len(num_classes)):
        mine = tasks == t
        if mine.any():
            total = total + losses[mine].mean() / math.log(int(num_classes[t]))
    return total / len(num_classes)


# Plain Python with sets and lists
@right("3.4-3")
def averages_in_plain_python_thirteenth(right, tasks):
    pairs = list(zip([bool(r) for r in right], [int(t) for t in tasks], strict=False))
    micro = sum(r for r, _ in pairs) / len(pairs)
    shares = []
    for task in {t for _, t in pairs}:
        own = [r for r, t in pairs if t == task]
        shares.append(sum(own) / len(own))
    return torch.tensor(micro), torch.tensor(math.fsum(shares) / len(shares))


# Plain Python with a dictionary of lists
@right("3.4-3")
def micro_macro_dictionary_thirteenth(right, tasks):
    answers = {}
    for r, t in zip(right.tolist(), tasks.tolist(), strict=False):
        answers.setdefault(t, []).append(bool(r))
    shares = [sum(a) / len(a) for a in answers.values()]
    return (torch.tensor(sum(right.tolist()) / len(right)), torch.tensor(sum(shares) / len(shares)))


# The separate models' heads are counted with the shared width
@wrong("3.4-4", "Right in 1 of 9 cases (1 task: the same model). The number of")
def heads_keep_the_shared_width_thirteenth(d_model, num_layers, vocab_size, classes, step):
    def body(d):
        return vocab_size * d + num_layers * 12 * d * d

    heads = sum(c * d_model + c for c in classes)
    shared = body(d_model) + heads

    def separate(d):
        return len(classes) * body(d) + heads

    width = step
    while separate(width + step) <= shared:
        width += step
    return shared, width, separate(width)


# Strictly fewer parameters asked for, so equal ones are not allowed
@wrong("3.4-4", "Where the separate models would have just as many parameters as the")
def separate_strictly_less_thirteenth(d_model, num_layers, vocab_size, classes, step):
    def body(d):
        return vocab_size * d + num_layers * 12 * d * d

    shared = body(d_model) + sum(d_model * c + c for c in classes)

    def together(d):
        return sum(body(d) + d * c + c for c in classes)

    width = step
    while together(width + step) < shared:
        width += step
    return shared, width, together(width)


# Ln sigma taken for s, though s is ln sigma^2
@wrong("3.4-6", "Your second term is ln sigma^2, twice what it should be. s is the")
def forgets_the_half_of_s_thirteenth(log_variances, losses):
    return (torch.exp(-log_variances) * losses + log_variances).sum()


# The diagonal is set to 1 for all, tasks without a gradient in the body too
@wrong("3.4-7", "Your whole diagonal is 1. A task whose gradient is zero has no")
def diagonal_always_one_thirteenth(gradients, shared):
    body = gradients[:, shared]
    unit = F.normalize(body, dim=1)
    cosines = unit @ unit.T
    cosines.fill_diagonal_(1.0)
    return cosines


# Dot products in the body, but lengths over all parameters
@wrong("3.4-7", "You take the heads into the cosine. They add to the lengths and")
def cosines_lengths_of_all_thirteenth(gradients, shared):
    body = gradients[:, shared]
    alive = body.norm(dim=1) > 0
    length = gradients.norm(dim=1)
    length = torch.where(alive, length, torch.ones_like(length))
    return body @ body.T / (length.unsqueeze(0) * length.unsqueeze(1))


# Whether two tasks are in conflict is decided with the original gradient of i, not with the changed
# one
@wrong("3.4-8", "Whether two tasks conflict is decided by the gradients as they were")
def conflict_by_the_original_gradient_thirteenth(gradients):
    result = []
    for i in range(len(gradients)):
        g = gradients[i].clone()
        for j in range(len(gradients)):
            if j != i and torch.dot(gradients[i], gradients[j]) < 0:
                other = gradients[j]
                g = g - torch.dot(g, other) / torch.dot(other, other) * other
        result.append(g)
    return torch.stack(result)


# Whether and how much is taken off is decided by the original gradient of the task
@wrong("3.4-8", "Your dot products all come from the gradient as it was at first.")
def surgery_from_original_thirteenth(gradients):
    result = gradients.clone()
    for i in range(len(gradients)):
        for j in range(len(gradients)):
            if i == j:
                continue
            dot = gradients[i] @ gradients[j]
            if dot < 0:
                result[i] = result[i] - dot / (gradients[j] @ gradients[j]) * gradients[j]
    return result


# Company held against the lone model, though knowing the share alone is better than that
@wrong("3.4-9", "'gain': You compare with the lone task, but a constant answer is")
def gain_over_the_lone_model_thirteenth():
    nothing = -(0.85 * math.log(0.85) + 0.15 * math.log(0.15))
    alone, company = 0.483, 0.458
    return {"nothing": nothing, "alone": alone, "company": company, "gain": alone - company, "helps": True}


# The entropy of the share in bits beside losses in nats
@wrong("3.4-9", "'nothing': You take the logarithm to base 2. The losses are in")
def nothing_in_bits_thirteenth():
    nothing = -(0.85 * math.log2(0.85) + 0.15 * math.log2(0.15))
    gain = min(nothing, 0.483) - 0.458
    return {"nothing": nothing, "alone": 0.483, "company": 0.458, "gain": gain, "helps": gain > 0.02}


# Judged by the means and not by the intervals
@wrong("3.4-11", "'for': In so many settings the mean is above the line. Where the")
def settings_judged_by_their_means_thirteenth():
    return {"for": 3, "against": 1, "verdict": "not shown"}


# A setting bears the claim out where the mean is above the line
@wrong("3.4-11", "'for': In so many settings the mean is above the line. Where the")
def means_decide_thirteenth():
    return {"for": 3, "against": 1, "verdict": "not shown"}
