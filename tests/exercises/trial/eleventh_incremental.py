"""An eleventh trial, chapter 3.3: slips that had got no words of their own, or words that did not fit."""

import torch
import torch.nn.functional as F

from llmasos_edu.exercises import given
from trial.answers import right, wrong


def transfers(accuracy, untrained, backward=None, forward=None):
    last, fresh = accuracy[-1], accuracy.diagonal()
    backward = (last - fresh)[:-1].mean() if backward is None else backward
    forward = (accuracy.diagonal(offset=1) - untrained[1:]).mean() if forward is None else forward
    return last.mean(), backward, forward


# The mean of sizes
@wrong("3.3-1", "what is gained counts like what is lost")
def sizes_of_changes(accuracy, untrained):
    return transfers(accuracy, untrained, backward=(accuracy[-1] - accuracy.diagonal())[:-1].abs().mean())


# Only what is lost counts
@wrong("3.3-1", "a task that has gained counts as 0")
def only_losses(accuracy, untrained):
    changes = (accuracy[-1] - accuracy.diagonal())[:-1]
    return transfers(accuracy, untrained, backward=changes.clamp(max=0).mean())


# The end less the stage before
@wrong("3.3-1", "with the row before it")
def end_less_the_stage_before(accuracy, untrained):
    return transfers(accuracy, untrained, backward=(accuracy[-1] - accuracy[-2])[:-1].mean())


# What the first task has lost
@wrong("3.3-1", "that of the first task alone")
def first_task_alone(accuracy, untrained):
    return transfers(accuracy, untrained, backward=accuracy[-1, 0] - accuracy[0, 0])


# Less the accuracy on the task that has just been learned
@wrong("3.3-1", "on the task that was learned just before")
def less_the_task_just_learned(accuracy, untrained):
    before = accuracy.diagonal()[:-1]
    return transfers(accuracy, untrained, forward=(accuracy.diagonal(offset=1) - before).mean())


# The untrained mean of all tasks
@wrong("3.3-1", "the same number for every task")
def one_untrained_mean(accuracy, untrained):
    return transfers(accuracy, untrained, forward=accuracy.diagonal(offset=1).mean() - untrained.mean())


# The last model for all
@wrong("3.3-1", "reads one row for all tasks")
def forward_of_the_last_model(accuracy, untrained):
    return transfers(accuracy, untrained, forward=(accuracy[-1] - untrained)[1:].mean())


# Sums in plain Python
@right("3.3-1")
def sums_in_plain_python(accuracy, untrained):
    table, n = accuracy.tolist(), len(accuracy)
    backward = [table[-1][j] - table[j][j] for j in range(n - 1)]
    forward = [table[j - 1][j] - untrained[j].item() for j in range(1, n)]
    return sum(table[-1]) / n, sum(backward) / (n - 1), sum(forward) / (n - 1)


def kept_of(stream, held_out, draws, capacity, place, front=False):
    kept, seen = [], 0
    for item, hidden, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        if hidden:
            continue
        seen += 1
        if len(kept) < capacity:
            kept.insert(0 if front else len(kept), item)
        elif 0 <= place(draw, seen) < capacity:
            kept[place(draw, seen)] = item
    return torch.tensor(kept)


# The chance of the next item
@wrong("3.3-2", "the chance of the next one")
def chance_of_the_next(stream, held_out, draws, capacity):
    def place(draw, seen):
        return int(draw * seen) if draw <= capacity / (seen + 1) else capacity

    return kept_of(stream, held_out, draws, capacity, place)


# Filled from the front
@wrong("3.3-2", "put before the others while the buffer fills")
def filled_from_the_front(stream, held_out, draws, capacity):
    return kept_of(stream, held_out, draws, capacity, lambda draw, seen: int(draw * seen), front=True)


# place < capacity - 1
@wrong("3.3-2", "as if the last place of a full buffer could not be drawn")
def last_place_never_drawn(stream, held_out, draws, capacity):
    def place(draw, seen):
        return int(draw * seen) if int(draw * seen) < capacity - 1 else -1

    return kept_of(stream, held_out, draws, capacity, place)


# `if place:` takes 0 for no place
@wrong("3.3-2", "as if place 0 of a full buffer could not be drawn")
def zero_taken_for_no_place(stream, held_out, draws, capacity):
    return kept_of(stream, held_out, draws, capacity, lambda draw, seen: int(draw * seen) or -1)


# The right items enter, in turn
@wrong("3.3-2", "where, by another rule")
def places_in_turn(stream, held_out, draws, capacity):
    def place(draw, seen):
        return (seen - 1) % capacity if draw * seen < capacity else -1

    return kept_of(stream, held_out, draws, capacity, place)


# A random key for each item, the smallest stay
@wrong("3.3-2", "the items with the smallest draws")
def smallest_keys(stream, held_out, draws, capacity):
    stream, draws = stream[~held_out], draws[~held_out]
    return stream[draws.topk(min(capacity, len(draws)), largest=False).indices.sort().values]


# Held-out items are counted as soon as the buffer is full
@wrong("3.3-2", "once the buffer is full you count them")
def held_out_counted_once_full(stream, held_out, draws, capacity):
    kept, seen = [], 0
    for item, hidden, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        if len(kept) < capacity:
            if not hidden:
                kept.append(item)
                seen += 1
            continue
        seen += 1
        place = int(draw * seen)
        if place < capacity and not hidden:
            kept[place] = item
    return torch.tensor(kept)


# The length of the stream without test data
@wrong("3.3-2", "as many places as there are items in the end")
def length_without_test_data(stream, held_out, draws, capacity):
    n = int((~held_out).sum())
    return kept_of(stream, held_out, draws, capacity, lambda draw, seen: int(draw * n))


def chances_of(weights, inputs):
    return (inputs @ weights.T).softmax(-1)


def first_above(chances, uniforms):
    return (chances.cumsum(-1) <= uniforms[:, None]).sum(-1)


# The error squared, times the input
@wrong("3.3-3", "only the error were squared")
def error_squared_alone(weights, inputs, labels, uniforms):
    chances = chances_of(weights, inputs)
    errors = F.one_hot(first_above(chances, uniforms), len(weights)) - chances
    return torch.einsum("nc,nd->cd", errors**2, inputs) / len(inputs)


# The one-hot without the probabilities
@wrong("3.3-3", "the one-hot of the class times the input")
def one_hot_alone(weights, inputs, labels, uniforms):
    drawn = F.one_hot(first_above(chances_of(weights, inputs), uniforms), len(weights))
    return torch.einsum("nc,nd->cd", drawn.float(), inputs**2) / len(inputs)


# Top-p's order
@wrong("3.3-3", "the likeliest first")
def drawn_from_the_likeliest(weights, inputs, labels, uniforms):
    chances = chances_of(weights, inputs)
    ordered, order = chances.sort(descending=True, stable=True)
    drawn = order.gather(1, first_above(ordered, uniforms)[:, None]).squeeze(1)
    errors = F.one_hot(drawn, len(weights)) - chances
    return torch.einsum("nc,nd->cd", errors**2, inputs**2) / len(inputs)


# p once more
@wrong("3.3-3", "multiplied by the probability of its class")
def expectation_over_a_draw(weights, inputs, labels, uniforms):
    chances = chances_of(weights, inputs)
    drawn = first_above(chances, uniforms)
    errors = F.one_hot(drawn, len(weights)) - chances
    weight = chances[torch.arange(len(inputs)), drawn]
    return torch.einsum("n,nc,nd->cd", weight, errors**2, inputs**2) / len(inputs)


# softmax(0)
@wrong("3.3-3", "as if the softmax ran over the examples")
def softmax_along_axis_0(weights, inputs, labels, uniforms):
    chances = (inputs @ weights.T).softmax(0)
    drawn = first_above(chances, uniforms).clamp(max=len(weights) - 1)
    return torch.einsum("nc,nd->cd", (F.one_hot(drawn, len(weights)) - chances) ** 2, inputs**2) / len(inputs)


# Autograd, one example after the other
@right("3.3-3")
def autograd_one_by_one(weights, inputs, labels, uniforms):
    total = torch.zeros_like(weights)
    for x, u in zip(inputs, uniforms, strict=True):
        leaf = weights.clone().requires_grad_()
        logs = (leaf @ x).log_softmax(0)
        drawn = int(torch.searchsorted(logs.detach().exp().cumsum(0), u[None], right=True))
        total += torch.autograd.grad(logs[drawn], leaf)[0] ** 2
    return total / len(inputs)


# w^2 - a^2
@wrong("3.3-4", "the squares of the anchors were taken off")
def squares_less_squares(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * (weights**2 - anchors**2)).sum()


# One mean task
@wrong("3.3-4", "the Fishers and the anchors were averaged")
def one_mean_task(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.mean(0) * (weights - anchors.mean(0)) ** 2).sum()


def learned(weights, inputs, labels):
    return F.cross_entropy(inputs @ weights.T, labels)


def held(weights, old_weights, inputs, temperature):
    student = (inputs @ weights.T / temperature).log_softmax(-1)
    return F.kl_div(student, (inputs @ old_weights.T / temperature).softmax(-1), reduction="batchmean")


# The labels are asked of the old model
@wrong("3.3-5", "or asks the old model")
def labels_asked_of_the_old_model(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return learned(old_weights, inputs, labels) + strength * held(weights, old_weights, inputs, temperature)


# The second term asks for the labels again
@wrong("3.3-5", "asked for the new labels again")
def labels_asked_twice(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    softened = F.cross_entropy(inputs @ weights.T / temperature, labels)
    return learned(weights, inputs, labels) + strength * softened


# Weights held instead of answers
@wrong("3.3-5", "a squared distance of the weights")
def weights_held(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return learned(weights, inputs, labels) + strength * (weights - old_weights).square().sum()


# Old and new inputs in one batch for the teacher
@wrong("3.3-5", "the old inputs besides the new ones")
def both_inputs_for_the_teacher(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    read = torch.cat([inputs, old_inputs])
    return learned(weights, inputs, labels) + strength * held(weights, old_weights, read, temperature)


# No strength
@wrong("3.3-5", "The strength has no effect")
def strength_left_out(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    return learned(weights, inputs, labels) + held(weights, old_weights, inputs, temperature)


# One factor only
@wrong("3.3-6", "the list of sizes")
def only_up(noise_down, noise_up):
    return torch.zeros_like(noise_up)


# A third thing besides
@wrong("3.3-6", "two tensors and nothing else")
def a_third_thing(noise_down, noise_up):
    return noise_down, torch.zeros_like(noise_up), 1.0


# Each direction learns by one of its two factors
@right("3.3-6")
def zeros_in_turn(noise_down, noise_up):
    down, up = noise_down.clone(), noise_up.clone()
    down[1:], up[:, 0] = 0, 0
    return down, up


def merged_weight(weight, down, up, alpha, merged):
    return weight if merged else weight + alpha / len(down) * up @ down


# What the merged weight gives, and the update once more
@wrong("3.3-7", "the update is in your output twice")
def update_on_top_of_the_merged(x, weight, down, up, alpha, merged):
    plain = merged_weight(weight, down, up, alpha, merged)
    update = 0 if merged else alpha / len(down) * x @ down.T @ up.T
    return x @ plain.T + update, plain


# The update alone
@wrong("3.3-7", "your output is that of the update alone")
def output_of_the_update(x, weight, down, up, alpha, merged):
    plain = merged_weight(weight, down, up, alpha, merged)
    return x @ (weight if merged else alpha / len(down) * up @ down).T, plain


# alpha * rank
@wrong("3.3-7", "You multiply by the rank")
def alpha_times_rank(x, weight, down, up, alpha, merged):
    plain = weight if merged else weight + alpha * len(down) * up @ down
    return x @ plain.T, plain


def factors(shapes, num_layers, rank):
    return num_layers * rank * sum(map(sum, shapes))


# base + domains * adapter * bytes_each
@wrong("3.3-8", "those are in bytes and the base is not")
def no_bracket_before_the_bytes(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = factors(shapes, num_layers, rank)
    return one, base_parameters + domains * one * bytes_each, domains * base_parameters * bytes_each


# The base serves one domain
@wrong("3.3-8", "one adapter less than there are domains")
def base_serves_one_domain(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = factors(shapes, num_layers, rank)
    stored = bytes_each * (base_parameters + (domains - 1) * one)
    return one, stored, domains * base_parameters * bytes_each


def backward_answer(**changed):
    data = given("3.3-10")
    first, second, third = data["first"], data["second"], data["third"]
    below = {n for n, a, b in zip(("prose", "code", "sums"), third, data["pairs"], strict=True) if a < b}
    return {
        "backward": (third[0] - first[0] + third[1] - second[1]) / 2,
        "by sums": second[0] - third[0],
        "below the table": below,
        "prose helps code": first[1] > data["pairs"][1],
    } | {name: rule(first, second, third) for name, rule in changed.items()}


# Prose alone
@wrong("3.3-10", "the backward transfer of one domain")
def prose_alone():
    return backward_answer(backward=lambda first, second, third: third[0] - first[0])


# Both from the first row
@wrong("3.3-10", "for both domains. Code was learned in the second")
def both_from_the_first_row():
    return backward_answer(
        backward=lambda first, second, third: (third[0] - first[0] + third[1] - first[1]) / 2
    )
