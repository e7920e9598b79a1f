"""A thirteenth trial, answers written from the statements alone, chapter 3.3."""

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Backward transfer averaged over all tasks, the last one (always 0) included
@wrong("3.3-1", "Your backward transfer is divided by the number of all tasks. The")
def backward_with_the_last_task_thirteenth(accuracy, untrained):
    average = accuracy[-1].mean()
    backward = (accuracy[-1] - accuracy.diagonal()).mean()
    forward = (accuracy.diagonal(offset=1) - untrained[1:]).mean()
    return average, backward, forward


# Backward transfer divided by all tasks, the last one (which gives 0) too
@wrong("3.3-1", "Your backward transfer is divided by the number of all tasks. The")
def transfer_backward_over_all_thirteenth(accuracy, untrained):
    n = accuracy.shape[0]
    average = accuracy[-1].mean()
    backward = (accuracy[-1] - accuracy.diagonal()).mean()
    i = torch.arange(1, n)
    forward = (accuracy[i - 1, i] - untrained[1:]).mean()
    return average, backward, forward


# Takes the draw with the number of the item seen, not that of its own position
@wrong("3.3-2", "You use the draws one after the other, and not each with the item")
def draws_by_number_seen_thirteenth(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, out in zip(stream, held_out, strict=False):
        if out:
            continue
        seen += 1
        if len(buffer) < capacity:
            buffer.append(item)
        else:
            place = int(draws[seen - 1] * seen)
            if place < capacity:
                buffer[place] = item
    if isinstance(stream, torch.Tensor):
        return torch.stack(buffer) if buffer else stream[:0]
    return buffer


# The draw is taken by the number of the item among those seen, not by its own position
@wrong("3.3-2", "You use the draws one after the other, and not each with the item")
def reservoir_draw_by_seen_thirteenth(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, out in zip(stream, held_out, strict=False):
        if out:
            continue
        seen += 1
        if len(buffer) < capacity:
            buffer.append(item)
        else:
            place = int(float(draws[seen - 1]) * seen)
            if place < capacity:
                buffer[place] = item
    if torch.is_tensor(stream):
        return torch.stack(buffer) if buffer else stream[:0]
    return buffer


# The gradient written out by hand, one example after the other, in numpy
@right("3.3-3")
def fisher_example_by_example_thirteenth(weights, inputs, labels, uniforms):
    w, x, u = weights.detach().double().numpy(), inputs.double().numpy(), uniforms.double().numpy()
    total = np.zeros_like(w)
    for i in range(len(x)):
        z = w @ x[i]
        p = np.exp(z - z.max())
        p /= p.sum()
        above = np.nonzero(np.cumsum(p) > u[i])[0]
        y = above[0] if len(above) else len(p) - 1
        residual = -p
        residual[y] += 1
        total += np.outer(residual, x[i]) ** 2
    return torch.from_numpy(total / len(x)).to(weights.dtype)


# Example by example, the gradient by autograd, the class by counting
@right("3.3-3")
def fisher_by_autograd_thirteenth(weights, inputs, labels, uniforms):
    total = torch.zeros_like(weights)
    for x, u in zip(inputs, uniforms, strict=False):
        with torch.enable_grad():
            w = weights.detach().clone().requires_grad_()
            log_p = torch.log_softmax(w @ x, dim=0)
            below = int((log_p.detach().exp().cumsum(0) <= u).sum())
            (gradient,) = torch.autograd.grad(log_p[min(below, len(log_p) - 1)], w)
        total += gradient**2
    return total / len(inputs)


# A loop over tasks with a three-fold einsum
@right("3.3-4")
def springs_as_one_spring_per_task_thirteenth(weights, anchors, fishers, strength):
    total = weights.sum() * 0
    for t in range(anchors.shape[0]):
        d = weights - anchors[t]
        total = total + torch.einsum("i,i,i->", fishers[t], d, d)
    return total * (strength / 2)


# All old tasks pull to the last anchor
@wrong("3.3-4", "You measure all old tasks from a single anchor. Each Fisher belongs")
def ewc_last_anchor_thirteenth(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.sum(dim=0) * (weights - anchors[-1]) ** 2).sum()


# Multiplies the second term by T squared, as Hinton's distillation does
@wrong("3.3-5", "You multiply the second term by the square of the temperature, as")
def lwf_with_squared_temperature_thirteenth(
    weights, old_weights, inputs, labels, old_inputs, temperature, strength
):
    logits = inputs @ weights.T
    hard = F.cross_entropy(logits, labels)
    with torch.no_grad():
        old = torch.softmax(inputs @ old_weights.T / temperature, dim=-1)
    soft = -(old * F.log_softmax(logits / temperature, dim=-1)).sum(-1).mean()
    return hard + strength * temperature**2 * soft


# Hinton's T squared in front of the second term, which the statement does not have
@wrong("3.3-5", "You multiply the second term by the square of the temperature, as")
def lwf_times_t_squared_thirteenth(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T
    with torch.no_grad():
        old = torch.softmax(inputs @ old_weights.T / temperature, dim=-1)
    stay = -(old * torch.log_softmax(logits / temperature, dim=-1)).sum(-1).mean()
    return F.cross_entropy(logits, labels) + strength * temperature**2 * stay


# Down holds one and the same number everywhere: its rows stay alike, and up @ down has rank 1
@wrong("3.3-6", "Nothing is changed at the start, but the rank stays 1, as when all")
def all_rows_of_down_alike_thirteenth(noise_down, noise_up):
    down = torch.full_like(noise_down, noise_down.abs().mean().item())
    return down, torch.zeros_like(noise_up)


# Rank read off the wrong axis of down (its width)
@wrong("3.3-7", "You divide alpha by the width of the layer. The rank is the small")
def rank_from_the_wrong_axis_thirteenth(x, weight, down, up, alpha, merged):
    update = alpha / down.shape[1] * (up @ down)
    whole = weight if merged else weight + update
    return x @ whole.T, whole


# The rank is read off the wrong axis of down
@wrong("3.3-7", "You divide alpha by the width of the layer. The rank is the small")
def lora_rank_wrong_axis_thirteenth(x, weight, down, up, alpha, merged):
    rank = down.shape[1]
    if not merged:
        weight = weight + alpha / rank * (up @ down)
    return x @ weight.T, weight


# The base model is stored once more for each domain beside its adapter
@wrong("3.3-8", "You store the base again for every domain. It is the same for all")
def base_stored_for_each_domain_thirteenth(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    adapter = num_layers * sum(rank * (d_out + d_in) for d_out, d_in in shapes)
    return adapter, domains * (base_parameters + adapter) * bytes_each, domains * base_parameters * bytes_each


# Counted one factor after the other
@right("3.3-8")
def adapter_storage_counting_thirteenth(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = 0
    for _ in range(num_layers):
        for d_out, d_in in shapes:
            one += d_out * rank
            one += rank * d_in
    together, copies = base_parameters, 0
    for _ in range(domains):
        together += one
        copies += base_parameters
    return one, together * bytes_each, copies * bytes_each


# Loss on prose counted from its own stage and not from before the sums
@wrong("3.3-10", "'by sums': You give what both later stages have taken from prose.")
def lost_since_the_first_stage_thirteenth():
    return {
        "backward": ((0.15 - 0.35) + (0.33 - 0.41)) / 2,
        "by sums": 0.35 - 0.15,
        "below the table": {"prose"},
        "prose helps code": True,
    }


# What prose lost in all, not in the stage of sums alone
@wrong("3.3-10", "'by sums': You give what both later stages have taken from prose.")
def lost_since_the_beginning_thirteenth():
    return {
        "backward": ((0.15 - 0.35) + (0.33 - 0.41)) / 2,
        "by sums": 0.35 - 0.15,
        "below the table": {"prose"},
        "prose helps code": True,
    }


# Held against 0 and not against 0.02
@wrong("3.3-11", "'borne out', 'open': So many intervals have their middle above")
def any_gain_above_zero_counts_thirteenth():
    return {"borne out": 3, "open": 0, "verdict": "not shown"}


# Above zero is enough, so three settings bear it out and no condition fits
@wrong("3.3-11", "'borne out', 'open': So many intervals have their middle above")
def above_zero_is_enough_thirteenth():
    return {"borne out": 3, "open": 0, "verdict": "not shown"}
