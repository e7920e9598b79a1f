"""A seventh trial, chapter 3.3: answers written from the statements alone."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


# Backward transfer against the best accuracy ever reached on the task, not that right after learning it
@wrong("3.3-1", "the accuracy at the end less the best that the task ever had")
def backward_transfer_against_the_best_accuracy(accuracy, untrained):
    n = len(accuracy)
    backward = torch.stack([accuracy[-1, j] - accuracy[:, j].max() for j in range(n - 1)]).mean()
    forward = torch.stack([accuracy[j - 1, j] - untrained[j] for j in range(1, n)]).mean()
    return accuracy[-1].mean(), backward, forward


# The draw is taken by the number of the seen item (draws[seen - 1]), not by the item's own position in
# the stream
@wrong("3.3-2", "You use the draws one after the other, and not each with the")
def the_draw_is_taken_by_the_number_of_the_seen(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for i in range(len(stream)):
        if held_out[i]:
            continue
        seen += 1
        if len(buffer) < capacity:
            buffer.append(stream[i])
        else:
            place = int(float(draws[seen - 1]) * seen)
            if place < capacity:
                buffer[place] = stream[i]
    return torch.as_tensor(buffer) if torch.is_tensor(stream) else buffer


# Seen is raised after the draw: the place is floor(draw * (seen before this item))
@wrong("3.3-2", "You draw among the items before the present one. It has been")
def seen_is_raised_after_the_draw_the_place(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for i in range(len(stream)):
        if held_out[i]:
            continue
        if len(buffer) < capacity:
            buffer.append(stream[i])
        else:
            place = int(float(draws[i]) * seen)
            if place < capacity:
                buffer[place] = stream[i]
        seen += 1
    return torch.as_tensor(buffer) if torch.is_tensor(stream) else buffer


# The expectation over all classes is computed exactly (sum of p times squared gradient); the uniforms are
# not used
@wrong("3.3-3", "You take the expectation over all classes, which is the exact")
def the_expectation_over_all_classes_is_computed(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    classes = weights.shape[0]
    total = torch.zeros_like(weights)
    for y in range(classes):
        g = (F.one_hot(torch.tensor(y), classes) - p)[:, :, None] * inputs[:, None, :]
        total = total + (p[:, y, None, None] * g**2).mean(0)
    return total


# Autograd, one example at a time, drawing with a while loop
@right("3.3-3")
def autograd_one_example_at_a_time_drawing(weights, inputs, labels, uniforms):
    w = weights.detach().clone().requires_grad_(True)
    total = torch.zeros_like(w)
    for x, u in zip(inputs, uniforms, strict=False):
        logp = torch.log_softmax(w @ x, 0)
        p, y = logp.detach().exp(), 0
        cumulative = p[0]
        while not cumulative > u and y < len(p) - 1:
            y += 1
            cumulative = cumulative + p[y]
        (grad,) = torch.autograd.grad(logp[y], w)
        total += grad * grad
    return (total / len(inputs)).detach()


# All Fishers are added up, but distance is taken from the last anchor alone (as in online EWC)
@wrong("3.3-4", "You measure all old tasks from a single anchor. Each Fisher")
def all_fishers_are_added_up_but_distance(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.sum(0) * (weights - anchors[-1]) ** 2).sum()


# The distillation term is multiplied by T squared, as in Hinton's loss; the statement has no such factor
@wrong("3.3-5", "You multiply the second term by the square of the temperature,")
def the_distillation_term_is_multiplied_by_t(
    weights, old_weights, inputs, labels, old_inputs, temperature, strength
):
    logits = inputs @ weights.T
    old = (inputs @ old_weights.T / temperature).softmax(-1).detach()
    keep = -(old * (logits / temperature).log_softmax(-1)).sum(-1).mean()
    return F.cross_entropy(logits, labels) + strength * temperature**2 * keep


# All rows of down are the same (its first row repeated): every factor learns the same, the product stays
# of rank 1
@wrong("3.3-6", "Nothing is changed at the start, but the rank stays 1, as when")
def all_rows_of_down_are_the_same_its_first_row(noise_down, noise_up):
    return noise_down[:1].expand_as(noise_down).clone(), torch.zeros_like(noise_up)


# Up is noise times 1e-3, 'nearly nothing': the layer does not do exactly what it did before
@wrong("3.3-6", "The model has changed before its first step, as when both")
def up_is_noise_times_1e_3_nearly_nothing(noise_down, noise_up):
    return noise_down.clone(), 1e-3 * noise_up


# The other way round: up the noise, down zeros
@right("3.3-6")
def the_other_way_round_up_the_noise_down_zeros(noise_down, noise_up):
    return 0.0 * noise_down, noise_up + 0


# Rank taken from the wrong side: down.shape[1] (d_in) instead of its rows
@wrong("3.3-7", "You divide alpha by the width of the layer. The rank is the")
def rank_taken_from_the_wrong_side_down_shape_1(x, weight, down, up, alpha, merged):
    whole = weight if merged else weight + alpha / down.shape[1] * up @ down
    return x @ whole.T, whole


# When merged, the update is subtracted again from the weight that is returned ('the plain weight is the
# one before')
@wrong("3.3-7", "What comes out where merged is True is the weight less the")
def when_merged_the_update_is_subtracted_again(x, weight, down, up, alpha, merged):
    update = alpha / len(down) * up @ down
    if merged:
        return x @ weight.T, weight - update
    return x @ weight.T + x @ update.T, weight + update


# Low-rank path first, outer products added one rank at a time for the weight
@right("3.3-7")
def low_rank_path_first_outer_products_added(x, weight, down, up, alpha, merged):
    if merged:
        return F.linear(x, weight), weight.clone()
    rank, whole = len(down), weight.clone()
    for r in range(rank):
        whole = whole + torch.outer(up[:, r], down[r]) * alpha / rank
    return F.linear(x, weight) + F.linear(F.linear(x, down), up) * (alpha / rank), whole


# Shapes go through a set: two matrices of equal size are counted once
@wrong("3.3-8", "Matrices of the same size are counted once. Each matrix in")
def shapes_go_through_a_set_two_matrices(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    adapter = num_layers * sum(rank * (o + i) for o, i in {tuple(s) for s in shapes})
    return adapter, (base_parameters + domains * adapter) * bytes_each, base_parameters * domains * bytes_each


def _fair(**other):
    said = {
        "trials": 15,
        "chosen on": "a part of the training text that was kept back",
        "plain": "as many rates as EWC had trials",
        "above the table": 0.06,
        "adapter": "the one that was least surprised by the text so far",
    }
    return {**said, **other}


# Adapter = the one least surprised by the whole text, which looks ahead
@wrong("3.3-9", "To choose by the whole text is to look at bytes that are still")
def adapter_the_one_least_surprised_by_the_whole():
    return _fair(adapter="the one that is least surprised by the whole text")


def _matrix(**other):
    return {
        "backward": -0.14,
        "by sums": 0.16,
        "below the table": {"prose"},
        "prose helps code": True,
        **other,
    }


# Below the table = every domain that lost something (prose and code), not those below their tables
@wrong("3.3-10", "These are the domains that lost accuracy. To lose some is not")
def below_the_table_every_domain_that_lost():
    return _matrix(**{"below the table": {"prose", "code"}})


# An interval above zero counts as borne out ([0.016, 0.075] too): 3, none open, no rule fits
@wrong("3.3-11", "'borne out', 'open': So many intervals have their middle above")
def an_interval_above_zero_counts_as_borne_out_0():
    return {"borne out": 3, "open": 0, "verdict": "not shown"}
