"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 3.3."""

import math

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Backward transfer divided by all tasks, the last one's 0 included
@wrong("3.3-1", "Your backward transfer is divided by the number of all tasks. The")
def transfer_all_tasks_fifteenth(accuracy, untrained):
    n = len(accuracy)
    average = accuracy[-1].mean()
    backward = (accuracy[-1] - torch.diagonal(accuracy)).mean()
    forward = torch.stack([accuracy[j - 1, j] - untrained[j] for j in range(1, n)]).mean()
    return average, backward, forward


# Keeps places of the stream, and looks the items up at the end
@right("3.3-2")
def reservoir_places_fifteenth(stream, held_out, draws, capacity):
    places, seen = [], 0
    for i in [i for i, h in enumerate(held_out) if not bool(h)]:
        seen += 1
        if len(places) < capacity:
            places.append(i)
            continue
        place = math.floor(float(draws[i]) * seen)
        if place < capacity:
            places[place] = i
    if torch.is_tensor(stream):
        return stream[torch.tensor(places, dtype=torch.long)]
    return [stream[i] for i in places]


# The number of the item counts held-out ones too
@wrong("3.3-2", "Held-out items stay out, but you count them as seen. The training")
def reservoir_counts_held_out_fifteenth(stream, held_out, draws, capacity):
    buffer = []
    for i, item in enumerate(stream):
        if held_out[i]:
            continue
        seen = i + 1
        if len(buffer) < capacity:
            buffer.append(item)
        else:
            place = int(float(draws[i]) * seen)
            if place < capacity:
                buffer[place] = item
    return torch.stack([torch.as_tensor(b) for b in buffer]) if buffer else stream[:0]


# Squares the mean gradient instead of meaning the squares
@wrong("3.3-3", "You square the mean of the gradients. Those of opposite sign cancel")
def fisher_square_of_mean_fifteenth(weights, inputs, labels, uniforms):
    p = torch.softmax(inputs @ weights.T, 1)
    drawn = (p.cumsum(1) > uniforms[:, None]).int().argmax(1)
    err = F.one_hot(drawn, p.shape[1]).to(p.dtype) - p
    return (err.T @ inputs / len(inputs)) ** 2


# Labels of the data in place of drawn ones (the empirical Fisher)
@wrong("3.3-3", "You take the gradients for the labels of the data: that is the")
def fisher_empirical_fifteenth(weights, inputs, labels, uniforms):
    p = torch.softmax(inputs @ weights.T, -1)
    d = F.one_hot(labels, weights.shape[0]).to(p.dtype) - p
    return (d**2).T @ inputs**2 / len(inputs)


# One autograd call per example, class found by searchsorted on the cumulative probabilities
@right("3.3-3")
def fisher_by_autograd_fifteenth(weights, inputs, labels, uniforms):
    total = torch.zeros_like(weights)
    for x, u in zip(inputs, uniforms, strict=False):
        w = weights.detach().clone().requires_grad_(True)
        logp = torch.log_softmax(x @ w.T, 0)
        c = logp.detach().exp().cumsum(0)
        y = min(int((c <= u).sum()), len(c) - 1)
        (g,) = torch.autograd.grad(logp[y], w)
        total = total + g**2
    return total / len(inputs)


# One einsum over tasks and weights
@right("3.3-4")
def ewc_einsum_fifteenth(weights, anchors, fishers, strength):
    d = weights[None] - anchors
    return strength / 2 * torch.einsum("tn,tn,tn->", fishers, d, d)


# All old tasks are held to the newest anchor
@wrong("3.3-4", "You measure all old tasks from a single anchor. Each Fisher belongs")
def ewc_last_anchor_fifteenth(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * (weights - anchors[-1]) ** 2).sum()


# Multiplies the distillation term by T squared, as Hinton does
@wrong("3.3-5", "You multiply the second term by the square of the temperature, as")
def lwf_t_squared_fifteenth(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T
    old = torch.softmax(inputs @ old_weights.detach().T / temperature, 1)
    soft = -(old * torch.log_softmax(logits / temperature, 1)).sum(1).mean()
    return F.cross_entropy(logits, labels) + strength * temperature**2 * soft


# Both factors small and random: the layer is not what it was
@wrong("3.3-6", "The model has changed before its first step, as when both factors")
def lora_both_random_fifteenth(noise_down, noise_up):
    return noise_down.clone(), noise_up.clone()


# The weight returned gets the update a second time when it was merged
@wrong("3.3-7", "You add the update to a weight that holds it already. In a merged")
def lora_weight_twice_fifteenth(x, weight, down, up, alpha, merged):
    update = alpha / down.shape[0] * up @ down
    output = x @ weight.T if merged else x @ (weight + update).T
    return output, weight + update


# Einsum for both factors, the merged weight made with a kron-free outer sum over ranks
@right("3.3-7")
def lora_by_outer_sums_fifteenth(x, weight, down, up, alpha, merged):
    w = weight.clone()
    if not merged:
        for r in range(down.shape[0]):
            w = w + alpha / down.shape[0] * torch.outer(up[:, r], down[r])
    return torch.einsum("ni,oi->no", x, w), w


# One adapter only is stored, however many domains there are
@wrong("3.3-8", "You store a single adapter. Each domain has one of its own, or the")
def adapters_one_stored_fifteenth(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * sum(rank * (a + b) for a, b in shapes)
    return one, (base_parameters + one) * bytes_each, domains * base_parameters * bytes_each


# The adapter is chosen with the whole text in hand
@wrong("3.3-9", "'adapter': To choose by the whole text is to look at bytes that are")
def trial_whole_text_adapter_fifteenth():
    return {
        "trials": 15,
        "chosen on": "a part of the training text that was kept back",
        "plain": "as many rates as EWC had trials",
        "above the table": (0.19 + 0.35) / 2 - (0.22 + 0.2) / 2,
        "adapter": "the one that is least surprised by the whole text",
    }


# Backward transfer with the last task's 0 in the mean (divided by 3 tasks)
@wrong("3.3-10", "'backward': You divide by three. The last domain has no later")
def matrix_backward_over_three_fifteenth():
    return {
        "backward": ((0.15 - 0.35) + (0.33 - 0.41)) / 3,
        "by sums": 0.31 - 0.15,
        "below the table": {"prose"},
        "prose helps code": True,
    }


# Holds the intervals against 0 instead of 0.02
@wrong("3.3-11", "'borne out', 'open': So many intervals have their middle above")
def springs_against_zero_fifteenth():
    return {"borne out": 3, "open": 0, "verdict": "not shown"}
