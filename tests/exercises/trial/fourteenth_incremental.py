"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 3.3."""

import torch

from trial.answers import right, wrong


# Backward transfer is measured from the best accuracy a task ever had, not from that right after
# learning
@wrong("3.3-1", "Your backward transfer is the accuracy at the end less the best")
def backward_from_the_best_ever_fourteenth(accuracy, untrained):
    tasks = len(accuracy)
    average = accuracy[-1].mean()
    backward = torch.stack([accuracy[-1, j] - accuracy[j:, j].max() for j in range(tasks - 1)]).mean()
    forward = torch.stack([accuracy[j - 1, j] - untrained[j] for j in range(1, tasks)]).mean()
    return average, backward, forward


# Right: plain loops over numbers, in double precision
@right("3.3-1")
def transfer_by_loops_fourteenth(accuracy, untrained):
    rows = [[float(a) for a in row] for row in accuracy]
    tasks = len(rows)
    average = backward = forward = 0.0
    for j in range(tasks):
        average += rows[tasks - 1][j] / tasks
        if j < tasks - 1:
            backward += (rows[tasks - 1][j] - rows[j][j]) / (tasks - 1)
        if j > 0:
            forward += (rows[j - 1][j] - float(untrained[j])) / (tasks - 1)
    return torch.tensor(average), torch.tensor(backward), torch.tensor(forward)


# Forward transfer of every task is read after the first task, not just before it is learned
@wrong("3.3-1", "Your forward transfer asks the model that has learned the first")
def transfer_forward_after_first_task_fourteenth(accuracy, untrained):
    average = accuracy[-1].mean()
    backward = (accuracy[-1] - accuracy.diagonal())[:-1].mean()
    forward = (accuracy[0, 1:] - untrained[1:]).mean()
    return average, backward, forward


# Uses the draws one after the other for the items that count, not the draw of the item's own position
@wrong("3.3-2", "You use the draws one after the other, and not each with the item")
def draws_used_up_in_turn_fourteenth(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for i in range(len(stream)):
        if held_out[i]:
            continue
        seen += 1
        if len(buffer) < capacity:
            buffer.append(stream[i])
        else:
            place = int(draws[seen - 1] * seen)
            if place < capacity:
                buffer[place] = stream[i]
    return torch.stack(buffer) if buffer and torch.is_tensor(buffer[0]) else buffer


# Takes the draw that has the number of the seen item instead of that of its own position
@wrong("3.3-2", "You use the draws one after the other, and not each with the item")
def reservoir_draw_of_seen_number_fourteenth(stream, held_out, draws, capacity):
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
    return (
        torch.stack(buffer)
        if buffer and isinstance(buffer[0], torch.Tensor)
        else stream[:0]
        if isinstance(stream, torch.Tensor)
        else buffer
    )


# Lets the right items in, but spreads the same draw over the buffer: place floor(draw * capacity)
@wrong("3.3-2", "Whether an item enters, you decide rightly; where, by another rule.")
def reservoir_place_from_capacity_fourteenth(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, test, draw in zip(stream, held_out, draws, strict=False):
        if test:
            continue
        seen += 1
        if len(buffer) < capacity:
            buffer.append(item)
        elif float(draw) * seen < capacity:
            buffer[int(float(draw) * capacity)] = item
    return (
        torch.stack(buffer)
        if buffer and isinstance(buffer[0], torch.Tensor)
        else stream[:0]
        if isinstance(stream, torch.Tensor)
        else buffer
    )


# Squares the mean gradient instead of taking the mean of the squared gradients
@wrong("3.3-3", "You square the mean of the gradients. Those of opposite sign cancel")
def square_of_the_mean_gradient_fourteenth(weights, inputs, labels, uniforms):
    w = weights.detach().clone().requires_grad_(True)
    log_p = torch.log_softmax(inputs @ w.T, dim=1)
    cumulative = log_p.exp().cumsum(1).detach()
    drawn = (cumulative <= uniforms[:, None]).sum(1).clamp(max=len(weights) - 1)
    log_p[torch.arange(len(inputs)), drawn].mean().backward()
    return w.grad**2


# Right: closed form without autograd: the gradient is (one-hot minus p) times the input
@right("3.3-3")
def fisher_in_closed_form_fourteenth(weights, inputs, labels, uniforms):
    with torch.no_grad():
        p = torch.softmax(inputs @ weights.T, dim=1)
        later = p.cumsum(1) > uniforms[:, None]
        later[:, -1] = True
        drawn = later.int().argmax(1)
        error = torch.nn.functional.one_hot(drawn, len(weights)).to(p.dtype) - p
        return torch.einsum("nc,nd->cd", error**2, inputs**2) / len(inputs)


# Adds up the Fisher informations but measures all distances from the last anchor
@wrong("3.3-4", "You measure all old tasks from a single anchor. Each Fisher belongs")
def ewc_last_anchor_only_fourteenth(weights, anchors, fishers, strength):
    distance = weights - anchors[-1]
    return strength / 2 * (fishers.sum(dim=0) * distance**2).sum()


# Unusual: an einsum over the distances, written twice
@right("3.3-4")
def ewc_by_einsum_fourteenth(weights, anchors, fishers, strength):
    distance = weights[None, :] - anchors
    return 0.5 * strength * torch.einsum("tn,tn,tn->", fishers, distance, distance)


# Multiplies the old model's term by the squared temperature, as in Hinton's distillation
@wrong("3.3-5", "You multiply the second term by the square of the temperature, as")
def squared_temperature_as_in_hinton_fourteenth(
    weights, old_weights, inputs, labels, old_inputs, temperature, strength
):
    logits = inputs @ weights.T
    new = torch.nn.functional.cross_entropy(logits, labels)
    old = torch.softmax(inputs @ old_weights.T / temperature, dim=1).detach()
    keep = -(old * torch.log_softmax(logits / temperature, dim=1)).sum(1).mean()
    return new + strength * temperature**2 * keep


# Down begins with equal rows (all ones): every row gets the same gradient, the product stays of rank
# 1
@wrong("3.3-6", "Nothing is changed at the start, but the rank stays 1, as when all")
def lora_start_with_ones_fourteenth(noise_down, noise_up):
    return torch.ones_like(noise_down) / noise_down.shape[1], torch.zeros_like(noise_up)


# Unusual: the zeros stand in down, the noise in up
@right("3.3-6")
def lora_start_other_way_fourteenth(noise_down, noise_up):
    return noise_down.new_zeros(noise_down.shape), noise_up.clone()


# Takes the number of rows of `up` (that is d_out) for the rank
@wrong("3.3-7", "You divide alpha by the width of the layer. The rank is the small")
def rank_from_the_rows_of_up_fourteenth(x, weight, down, up, alpha, merged):
    if not merged:
        weight = weight + alpha / up.shape[0] * (up @ down)
    return x @ weight.T, weight


# Keeps the base model too beside the full copies
@wrong("3.3-8", "You store the base besides the copies. Here a copy stands for")
def storage_base_beside_copies_fourteenth(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    adapter = num_layers * sum(rank * (d_out + d_in) for d_out, d_in in shapes)
    with_adapters = (base_parameters + domains * adapter) * bytes_each
    with_copies = (base_parameters + domains * base_parameters) * bytes_each
    return adapter, with_adapters, with_copies


# = instead of += in the loop over the matrices: only the last one is counted
@wrong("3.3-8", "You count one matrix of each layer. All in the list get an adapter.")
def storage_last_matrix_only_fourteenth(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    adapter = 0
    for d_out, d_in in shapes:
        adapter = rank * d_out + rank * d_in
    adapter *= num_layers
    return adapter, (base_parameters + domains * adapter) * bytes_each, domains * base_parameters * bytes_each


# Lets the adapter be chosen by the whole text, also by what is yet to be predicted
@wrong("3.3-9", "'adapter': To choose by the whole text is to look at bytes that are")
def adapter_by_the_whole_text_fourteenth():
    return {
        "trials": 15,
        "chosen on": "a part of the training text that was kept back",
        "plain": "as many rates as EWC had trials",
        "above the table": (0.19 + 0.35) / 2 - (0.22 + 0.2) / 2,
        "adapter": "the one that is least surprised by the whole text",
    }


# Divides the backward transfer by all three tasks
@wrong("3.3-10", "'backward': You divide by three. The last domain has no later")
def backward_over_three_tasks_fourteenth():
    return {
        "backward": ((0.15 - 0.35) + (0.33 - 0.41)) / 3,
        "by sums": 0.31 - 0.15,
        "below the table": {"prose"},
        "prose helps code": True,
    }


# The mean of the backward transfer over all three tasks, the last with 0 among them
@wrong("3.3-10", "'backward': You divide by three. The last domain has no later")
def matrix_backward_over_three_fourteenth():
    learned = [0.35, 0.41, 0.39]
    end = [0.15, 0.33, 0.39]
    return {
        "backward": sum(e - a for e, a in zip(end, learned, strict=False)) / 3,
        "by sums": 0.31 - 0.15,
        "below the table": {"prose"},
        "prose helps code": True,
    }


# Holds the intervals against 0 instead of against the gain that counts
@wrong("3.3-11", "'borne out', 'open': So many intervals have their middle above")
def intervals_against_zero_fourteenth():
    return {"borne out": 3, "open": 0, "verdict": "not shown"}
