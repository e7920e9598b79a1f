"""A second trial, by somebody who knew the statements only: chapters 3.3 and 3.4."""

import itertools
import math
import re

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("3.3-1", "number of all tasks")
def all_tasks_in_the_backward_mean(accuracy, untrained):
    tasks = len(accuracy)
    backward = (accuracy[-1] - accuracy.diagonal()).sum() / tasks
    forward = (accuracy.diagonal(1) - untrained[1:]).sum() / (tasks - 1)
    return accuracy[-1].mean(), backward, forward


@wrong("3.3-1", "of the task before")
def forward_against_chance_of_the_task_before(accuracy, untrained):
    ahead = torch.stack([accuracy[i - 1, i] - untrained[i - 1] for i in range(1, len(accuracy))])
    return accuracy[-1].mean(), (accuracy[-1] - accuracy.diagonal())[:-1].mean(), ahead.mean()


@wrong("3.3-1", "rows and columns exchanged")
def rows_and_columns_exchanged(accuracy, untrained):
    accuracy = accuracy.T
    backward = (accuracy[-1, :-1] - accuracy.diagonal()[:-1]).mean()
    return accuracy[-1].mean(), backward, (accuracy.diagonal(1) - untrained[1:]).mean()


@wrong("3.3-1", "another measure of forgetting")
def forgetting_for_backward_transfer(accuracy, untrained):
    """From the best accuracy it ever had."""
    backward = (accuracy[-1] - accuracy.max(0).values)[:-1].mean()
    return accuracy[-1].mean(), backward, (accuracy.diagonal(1) - untrained[1:]).mean()


@right("3.3-1")
def transfers_in_loops(accuracy, untrained):
    a, u, n = accuracy.tolist(), untrained.tolist(), len(accuracy)
    average = math.fsum(a[n - 1]) / n
    backward = math.fsum(a[n - 1][j] - a[j][j] for j in range(n - 1)) / (n - 1)
    forward = math.fsum(a[j - 1][j] - u[j] for j in range(1, n)) / (n - 1)
    return [average, backward, forward]


@wrong("3.3-2", "count them as seen")
def held_out_items_are_counted(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, test, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        seen += 1
        if test:
            continue
        if len(buffer) < capacity:
            buffer.append(item)
        elif int(draw * seen) < capacity:
            buffer[int(draw * seen)] = item
    return torch.tensor(buffer)


@wrong("3.3-2", "past is washed out")
def a_place_of_the_buffer_for_everyone(stream, held_out, draws, capacity):
    buffer = []
    for item, test, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        if test:
            continue
        if len(buffer) < capacity:
            buffer.append(item)
        else:
            buffer[int(draw * capacity)] = item
    return torch.tensor(buffer)


@wrong("3.3-2", "before the present one")
def counted_after_the_draw(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for item, test, draw in zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=True):
        if test:
            continue
        if len(buffer) < capacity:
            buffer.append(item)
        else:
            place = math.floor(draw * seen)
            if place < capacity:
                buffer[place] = item
        seen += 1
    return torch.tensor(buffer)


@wrong("3.3-2", "of its own position")
def draws_of_the_kept_ones(stream, held_out, draws, capacity):
    """After the test data are taken out, the draws no longer belong to their positions."""
    buffer = []
    for seen, item in enumerate(stream[~held_out].tolist(), start=1):
        if len(buffer) < capacity:
            buffer.append(item)
        elif (place := int(draws[seen - 1] * seen)) < capacity:
            buffer[place] = item
    return torch.tensor(buffer)


@right("3.3-2")
def last_writer_of_each_place(stream, held_out, draws, capacity):
    keep = np.flatnonzero(~held_out.numpy())
    number = np.arange(1, len(keep) + 1)
    place = np.where(number <= capacity, number - 1, np.floor(draws.numpy()[keep] * number).astype(int))
    writers = {int(p): int(i) for p, i in zip(place, keep, strict=True) if p < capacity}
    return stream[[writers[p] for p in sorted(writers)]]


@wrong("3.3-3", "labels of the data")
def empirical_fisher(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    residual = p - F.one_hot(labels, len(weights))
    return (residual.T**2 @ inputs**2) / len(inputs)


@wrong("3.3-3", "You square the mean of the gradients.")
def square_of_the_mean_gradient_again(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    drawn = (p.cumsum(-1) <= uniforms[:, None]).sum(-1).clamp(max=p.shape[-1] - 1)
    residual = F.one_hot(drawn, len(weights)) - p
    return (residual.T @ inputs / len(inputs)) ** 2


@wrong("3.3-3", "class of each example")
def likeliest_class(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    residual = F.one_hot(p.argmax(-1), len(weights)) - p
    return (residual.T**2 @ inputs**2) / len(inputs)


@wrong("3.3-3", "Fisher of this model")
def exact_expectation_for_the_draw(weights, inputs, labels, uniforms):
    """The mean over all classes; not what the draws give."""
    p = (inputs @ weights.T).softmax(-1)
    return ((p * (1 - p)).T @ inputs**2) / len(inputs)


@wrong("3.3-3", "the squared gradients up")
def fisher_summed_over_examples(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(-1)
    drawn = (p.cumsum(-1) <= uniforms[:, None]).sum(-1).clamp(max=p.shape[-1] - 1)
    residual = F.one_hot(drawn, len(weights)) - p
    return torch.einsum("nc,nd->cd", residual**2, inputs**2)


@right("3.3-3")
def autograd_example_by_example(weights, inputs, labels, uniforms):
    total = torch.zeros_like(weights)
    for x, u in zip(inputs, uniforms.tolist(), strict=True):
        w = weights.detach().clone().requires_grad_(True)
        log_p = (w @ x).log_softmax(0)
        reached = itertools.accumulate(log_p.exp().tolist())
        drawn = next((c for c, cumulative in enumerate(reached) if cumulative > u), len(w) - 1)
        log_p[drawn].backward()
        total += w.grad.square()
    return total / len(inputs)


@wrong("3.3-4", "factor 1/2 is missing")
def half_forgotten_again(weights, anchors, fishers, strength):
    return strength * (fishers * (weights - anchors) ** 2).sum()


@wrong("3.3-4", "over the old tasks")
def mean_over_the_old_tasks(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * (weights - anchors) ** 2).sum(1).mean()


@wrong("3.3-4", "together with the distance")
def fisher_squared_with_the_distance(weights, anchors, fishers, strength):
    return strength / 2 * ((fishers * (weights - anchors)) ** 2).sum()


@wrong("3.3-4", "of the old tasks")
def anchor_of_the_last_task_only(weights, anchors, fishers, strength):
    return strength / 2 * torch.sum(fishers[-1] * (weights - anchors[-1]) ** 2)


@right("3.3-4")
def penalty_multiplied_out(weights, anchors, fishers, strength):
    square = torch.einsum("tn,n,n->", fishers, weights, weights)
    cross = torch.einsum("tn,tn,n->", fishers, anchors, weights)
    return strength * (square / 2 - cross + torch.einsum("tn,tn,tn->", fishers, anchors, anchors) / 2)


@wrong("3.3-5", "read the old inputs")
def old_answers_on_old_inputs(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new = F.cross_entropy(inputs @ weights.T, labels)
    target = (old_inputs @ old_weights.T / temperature).softmax(-1)
    kept = -(target * (old_inputs @ weights.T / temperature).log_softmax(-1)).sum(-1).mean()
    return new + strength * kept


@wrong("3.3-5", "Only one of the two models' logits")
def temperature_in_one_of_the_two(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T
    target = (inputs @ old_weights.T / temperature).softmax(-1)
    kept = -(target * logits.log_softmax(-1)).sum(-1).mean()
    return F.cross_entropy(logits, labels) + strength * kept


@wrong("3.3-5", "of classes as well")
def mean_over_classes_too(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T
    target = (inputs @ old_weights.T / temperature).softmax(-1)
    kept = -(target * (logits / temperature).log_softmax(-1)).mean()
    return F.cross_entropy(logits, labels) + strength * kept


@wrong("3.3-5", "as Hinton's distillation does")
def times_the_squared_temperature(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    """As distillation does it."""
    logits = inputs @ weights.T
    target = (inputs @ old_weights.T / temperature).softmax(-1)
    kept = F.cross_entropy(logits / temperature, target) * temperature**2
    return F.cross_entropy(logits, labels) + strength * kept


@wrong("3.3-5", "its two arguments exchanged")
def divergence_the_other_way(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits = inputs @ weights.T
    present = (logits / temperature).log_softmax(-1)
    old = (inputs @ old_weights.T / temperature).log_softmax(-1)
    return F.cross_entropy(logits, labels) + strength * F.kl_div(
        old, present, log_target=True, reduction="batchmean"
    )


@right("3.3-5")
def one_cross_entropy_with_weighted_targets(
    weights, old_weights, inputs, labels, old_inputs, temperature, strength
):
    both = torch.cat([inputs @ weights.T, inputs @ weights.T / temperature])
    old = torch.softmax(inputs @ old_weights.T / temperature, -1) * strength
    return F.cross_entropy(both, torch.cat([F.one_hot(labels, len(weights)).to(old), old])) * 2


@wrong("3.3-6", "Nothing is changed at the start, and")
def both_factors_zero_again(noise_down, noise_up):
    return torch.zeros_like(noise_down), torch.zeros_like(noise_up)


@wrong("3.3-6", "before its first step")
def both_factors_tiny(noise_down, noise_up):
    return noise_down * 1e-4, noise_up * 1e-4


@wrong("3.3-6", "other factor are alike")
def all_rows_of_down_alike(noise_down, noise_up):
    return torch.full_like(noise_down, 0.02), torch.zeros_like(noise_up)


@wrong("3.3-6", "Your factors have each other's sizes.")
def up_returned_first(noise_down, noise_up):
    return torch.zeros_like(noise_up), noise_down.clone()


@right("3.3-6")
def the_other_factor_is_zero(noise_down, noise_up):
    return torch.zeros(noise_down.shape), noise_up + 0.0


@wrong("3.3-7", "that holds it already")
def update_twice_when_merged(x, weight, down, up, alpha, merged):
    plain = weight + alpha / len(down) * up @ down
    return x @ plain.T, plain


@wrong("3.3-7", "width of the layer")
def rank_of_the_wrong_axis(x, weight, down, up, alpha, merged):
    plain = weight if merged else weight + alpha / down.shape[1] * (up @ down)
    return F.linear(x, plain), plain


@wrong("3.3-7", "divide by the rank")
def alpha_without_the_rank(x, weight, down, up, alpha, merged):
    plain = weight if merged else weight + alpha * up @ down
    return x @ plain.T, plain


@wrong("3.3-7", "One of your two results is that of the")
def weight_before_the_update(x, weight, down, up, alpha, merged):
    if merged:
        return x @ weight.T, weight
    return x @ weight.T + alpha / down.shape[0] * (x @ down.T @ up.T), weight


@wrong("3.3-7", "is different after the call")
def update_into_the_given_weight(x, weight, down, up, alpha, merged):
    if not merged:
        weight += alpha / down.shape[0] * (up @ down)
    return x @ weight.T, weight


@right("3.3-7")
def rank_one_updates_summed(x, weight, down, up, alpha, merged):
    plain = weight.double()
    for r in range(0 if merged else len(down)):
        plain = plain + torch.outer(up[:, r], down[r]).double() * alpha / len(down)
    return torch.einsum("ni,oi->no", x.double(), plain).float(), plain.float()


@wrong("3.3-8", "factors of one layer")
def adapter_of_one_layer(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = sum(rank * (a + b) for a, b in shapes)
    return one, (base_parameters + domains * one) * bytes_each, base_parameters * domains * bytes_each


@wrong("3.3-8", "again for every domain")
def a_base_for_each_domain(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * sum(rank * (a + b) for a, b in shapes)
    return one, domains * (base_parameters + one) * bytes_each, domains * base_parameters * bytes_each


@wrong("3.3-8", "base besides the copies")
def base_kept_beside_the_copies(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * sum(rank * (a + b) for a, b in shapes)
    copies = (domains + 1) * base_parameters * bytes_each
    return one, (base_parameters + domains * one) * bytes_each, copies


@wrong("3.3-8", "rank times as many")
def factors_as_large_as_their_matrix(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * sum(rank * a * b for a, b in shapes)
    return one, (base_parameters + domains * one) * bytes_each, domains * base_parameters * bytes_each


@right("3.3-8")
def factors_really_built(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    factors = [np.empty((rank, d_in), dtype=bool).size for _, d_in in shapes]
    factors += [np.empty((d_out, rank), dtype=bool).size for d_out, _ in shapes]
    one = sum(factors * num_layers)
    return [
        one,
        sum([base_parameters] + [one] * domains) * bytes_each,
        base_parameters * domains * bytes_each,
    ]


@wrong("3.4-1", "are off by one")
def closing_bracket_is_inside(text, deepest):
    depths, depth, quoted = [], 0, False
    for char in text:
        depths.append(min(depth, deepest))
        if char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char in "([{") - (char in ")]}")
    return torch.tensor(depths)


@wrong("3.4-1", "are inside a string")
def strings_are_not_seen(text, deepest):
    depths, depth = [], 0
    for char in text:
        depth -= char in ")]}"
        depths.append(min(depth, deepest))
        depth += char in "([{"
    return torch.tensor(depths, dtype=torch.long)


@wrong("3.4-1", "brackets close too much")
def depth_held_at_the_deepest(text, deepest):
    """The count itself stops there, so that it comes back too early."""
    depths, depth, quoted = [], 0, False
    for char in text:
        if char == '"':
            quoted = not quoted
        if char in ")]}" and not quoted:
            depth -= 1
        depths.append(depth)
        if char in "([{" and not quoted:
            depth = min(depth + 1, deepest)
    return torch.tensor(depths)


@wrong("3.4-1", "You give the depth 0 to all that stands in a string. It")
def text_in_a_string_has_depth_zero(text, deepest):
    depths, depth, quoted = [], 0, False
    for char in text:
        if char == '"':
            quoted = not quoted
        elif not quoted and char in ")]}":
            depth -= 1
        depths.append(0 if quoted else min(depth, deepest))
        if not quoted and char in "([{":
            depth += 1
    return torch.tensor(depths)


@wrong("3.4-1", "You count one of the three kinds of brackets alone.")
def round_brackets_only_again(text, deepest):
    depths, depth, quoted = [], 0, False
    for char in text:
        quoted ^= char == '"'
        depth -= char == ")" and not quoted
        depths.append(min(depth, deepest))
        depth += char == "(" and not quoted
    return torch.tensor(depths)


@right("3.4-1")
def strings_blanked_and_steps_summed(text, deepest):
    blanked = re.sub(r'"[^"]*"', lambda string: "_" * len(string.group()), text)
    steps = np.array([(c in "([{") - (c in ")]}") for c in blanked], dtype=np.int64)
    return np.minimum(np.cumsum(steps) - np.maximum(steps, 0), deepest)


@wrong("3.4-2", "ten times as much")
def every_example_counts_alike(losses, tasks, num_classes):
    return (losses / num_classes[tasks].log()).mean()


@wrong("3.4-2", "You divide by the number of classes. Guessing among C")
def divided_by_the_number_of_classes(losses, tasks, num_classes):
    means = [losses[tasks == task].mean() / num_classes[task] for task in tasks.unique()]
    return torch.stack(means).mean()


@wrong("3.4-2", "number of all tasks")
def absent_tasks_are_averaged_in(losses, tasks, num_classes):
    total = torch.zeros(len(num_classes)).index_add(0, tasks, losses)
    means = total / tasks.bincount(minlength=len(num_classes)).clamp(min=1)
    return (means / torch.log(num_classes.float())).mean()


@wrong("3.4-2", "by the same number")
def mean_loss_by_mean_guess(losses, tasks, num_classes):
    means = torch.stack([losses[tasks == task].mean() for task in tasks.unique()])
    return means.mean() / num_classes[tasks.unique()].float().log().mean()


@wrong("3.4-2", "no gradient flows")
def gradient_cut_by_item(losses, tasks, num_classes):
    present = sorted(set(tasks.tolist()))
    shares = [losses[tasks == task].mean().item() / math.log(num_classes[task]) for task in present]
    return torch.tensor(sum(shares) / len(present))


@right("3.4-2")
def weights_of_all_examples(losses, tasks, num_classes):
    counts = torch.bincount(tasks, minlength=len(num_classes))
    weights = 1 / (counts[tasks] * num_classes[tasks].double().log() * (counts > 0).sum())
    return losses.double() @ weights


@wrong("3.4-3", "that do not occur")
def absent_tasks_have_accuracy_zero(right, tasks):
    means = [right[tasks == t].float().mean().nan_to_num() for t in range(int(tasks.max()) + 1)]
    return right.float().mean(), torch.stack(means).mean()


@wrong("3.4-3", "two averages are exchanged")
def macro_first(right, tasks):
    macro = torch.stack([right[tasks == t].float().mean() for t in tasks.unique()]).mean()
    return macro, right.float().mean()


@wrong("3.4-3", "size is one too)")
def macro_weighted_by_size(right, tasks):
    values, counts = tasks.unique(return_counts=True)
    means = torch.stack([right[tasks == t].float().mean() for t in values])
    return right.float().mean(), (means * counts).sum() / counts.sum()


@wrong("3.4-3", "`n` times what it should be")
def counts_and_not_shares(right, tasks):
    return right.sum(), torch.stack([right[tasks == t].sum() for t in tasks.unique()]).float().mean()


@right("3.4-3")
def averages_by_dictionary(right, tasks):
    answers = {}
    for task, hit in zip(tasks.tolist(), right.tolist(), strict=True):
        answers.setdefault(task, []).append(hit)
    micro = sum(sum(hits) for hits in answers.values()) / sum(map(len, answers.values()))
    return micro, float(np.mean([np.mean(hits) for hits in answers.values()]))


@wrong("3.4-4", "heads have no bias")
def heads_without_bias(d_model, num_layers, vocab_size, classes, step):
    def body(width):
        return vocab_size * width + 12 * num_layers * width**2

    shared = body(d_model) + sum(classes) * d_model
    width = step
    while sum(body(width + step) + (width + step) * c for c in classes) <= shared:
        width += step
    return shared, width, sum(body(width) + width * c for c in classes)


@wrong("3.4-4", "Where the separate models would have just as many")
def same_total_is_too_much(d_model, num_layers, vocab_size, classes, step):
    """Strictly fewer parameters."""

    def separate(width):
        return sum(vocab_size * width + 12 * num_layers * width**2 + (width + 1) * c for c in classes)

    shared = vocab_size * d_model + 12 * num_layers * d_model**2 + (d_model + 1) * sum(classes)
    width = step
    while separate(width + step) < shared:
        width += step
    return shared, width, separate(width)


@wrong("3.4-4", "the number of tasks")
def body_divided_by_the_tasks(d_model, num_layers, vocab_size, classes, step):
    """Width by the root of the number of tasks."""

    def separate(width):
        return sum(vocab_size * width + 12 * num_layers * width**2 + (width + 1) * c for c in classes)

    shared = vocab_size * d_model + 12 * num_layers * d_model**2 + (d_model + 1) * sum(classes)
    width = max(step, int(d_model / math.sqrt(len(classes))) // step * step)
    return shared, width, separate(width)


@wrong("3.4-4", "than the shared one")
def first_width_that_is_too_large(d_model, num_layers, vocab_size, classes, step):
    def separate(width):
        return sum(vocab_size * width + 12 * num_layers * width**2 + (width + 1) * c for c in classes)

    shared = vocab_size * d_model + 12 * num_layers * d_model**2 + (d_model + 1) * sum(classes)
    width = step
    while separate(width) <= shared:
        width += step
    return shared, width, separate(width)


@right("3.4-4")
def root_of_the_quadratic(d_model, num_layers, vocab_size, classes, step):
    a = 12 * num_layers * len(classes)
    b = vocab_size * len(classes) + sum(classes)
    c = sum(classes)
    shared = vocab_size * d_model + 12 * num_layers * d_model**2 + (d_model + 1) * c
    if a:
        width = (math.isqrt(b * b - 4 * a * (c - shared)) - b) // (2 * a)
    else:
        width = (shared - c) // b
    width = width // step * step
    return shared, width, (a * width + b) * width + c


@wrong("3.4-5", "large tasks still larger")
def sizes_to_the_temperature(sizes, temperature, steps):
    weights = sizes.double() ** temperature
    shares = weights / weights.sum()
    return shares, shares * steps / sizes


@wrong("3.4-5", "softmax of its logarithm")
def softmax_of_the_sizes_again(sizes, temperature, steps):
    shares = torch.softmax(sizes / temperature, dim=0)
    return shares, shares * steps / sizes


@wrong("3.4-5", "a task is drawn")
def draws_for_passes_again(sizes, temperature, steps):
    weights = sizes ** (1 / temperature)
    shares = weights / weights.sum()
    return shares, shares * steps


@wrong("3.4-5", "Your passes do not follow from the shares: the draws of a")
def passes_of_even_shares(sizes, temperature, steps):
    weights = sizes ** (1 / temperature)
    return weights / weights.sum(), steps / len(sizes) / sizes


@right("3.4-5")
def shares_by_log_softmax(sizes, temperature, steps):
    logs = np.log(np.asarray(sizes, dtype=np.float64)) / temperature
    logs -= np.logaddexp.reduce(logs)
    return np.exp(logs), steps * np.exp(logs - np.log(np.asarray(sizes, dtype=np.float64)))


@wrong("3.4-6", "what it should be")
def log_of_the_variance_for_sigma(log_variances, losses):
    return (losses * torch.exp(-log_variances) + log_variances).sum()


@wrong("3.4-6", "You halve the weighted loss. That is the form for")
def the_factor_of_regression(log_variances, losses):
    return (losses / (2 * log_variances.exp()) + log_variances / 2).sum()


@wrong("3.4-6", "the loss by sigma")
def divided_by_sigma(log_variances, losses):
    sigma = torch.exp(log_variances / 2)
    return torch.sum(losses / sigma + torch.log(sigma))


@wrong("3.4-6", "in place of dividing")
def weight_of_the_wrong_sign(log_variances, losses):
    return (losses * log_variances.exp() + log_variances / 2).sum()


@right("3.4-6")
def sigma_squared_in_a_loop(log_variances, losses):
    total = 0.0
    for s, loss in zip(log_variances.double().unbind(), losses.double().unbind(), strict=True):
        total = total + torch.exp(torch.log(loss) - s) + torch.mul(s, 0.5)
    return total


@wrong("3.4-7", "heads into the cosine")
def cosines_of_the_whole_gradient(gradients, shared):
    unit = F.normalize(gradients, dim=1)
    return unit @ unit.T


@wrong("3.4-7", "heads into the cosine")
def norm_of_the_whole_gradient(gradients, shared):
    body = gradients[:, shared]
    norms = gradients.norm(dim=1).clamp(min=1e-12)
    return body @ body.T / (norms[:, None] * norms)


@wrong("3.4-7", "you divide by it")
def zero_divided_by_zero(gradients, shared):
    body = gradients[:, shared]
    norms = body.norm(dim=1)
    return body @ body.T / torch.outer(norms, norms)


@wrong("3.4-7", "zero has no direction")
def one_on_the_diagonal(gradients, shared):
    unit = F.normalize(gradients[:, shared], dim=1)
    cosines = unit @ unit.T
    return cosines.fill_diagonal_(1.0)


@wrong("3.4-7", "the wrong way round")
def heads_taken_for_the_body(gradients, shared):
    unit = F.normalize(gradients[:, ~shared], dim=1)
    return unit @ unit.T


@right("3.4-7")
def cosines_pair_by_pair(gradients, shared):
    rows = gradients.double().numpy() * shared.numpy()
    cosines = np.zeros((len(rows), len(rows)))
    for (i, a), (j, b) in itertools.product(enumerate(rows), repeat=2):
        size = math.sqrt(a.dot(a)) * math.sqrt(b.dot(b))
        cosines[i, j] = a.dot(b) / size if size else 0.0
    return cosines


@wrong("3.4-8", "which task came first")
def against_the_changed_ones(gradients):
    result = gradients.clone()
    for i in range(len(result)):
        for j in range(len(result)):
            dot = result[i] @ result[j]
            if i != j and dot < 0:
                result[i] -= dot / (result[j] @ result[j]) * result[j]
    return result


@wrong("3.4-8", "it was at first")
def dot_of_the_original_gradient(gradients):
    result = gradients.clone()
    for i, g in enumerate(gradients):
        for other in gradients:
            dot = g @ other
            if dot < 0:
                result[i] -= dot / other.dot(other) * other
    return result


@wrong("3.4-8", "of the other gradient")
def divided_by_the_norm(gradients):
    result = []
    for i in range(len(gradients)):
        g = gradients[i].clone()
        for j in range(len(gradients)):
            dot = g @ gradients[j]
            if j != i and dot < 0:
                g = g - dot / gradients[j].norm() * gradients[j]
        result.append(g)
    return torch.stack(result)


@wrong("3.4-8", "of the dot product")
def agreement_taken_out_too(gradients):
    rows = []
    for i in range(len(gradients)):
        g = gradients[i]
        for j in range(len(gradients)):
            if i != j:
                other = gradients[j]
                g = g - (g @ other) / (other @ other).clamp(min=1e-12) * other
        rows.append(g)
    return torch.stack(rows)


@wrong("3.4-8", "is different after the call")
def surgery_in_the_given_tensor(gradients):
    originals = gradients.clone()
    for i in range(len(gradients)):
        for j in range(len(gradients)):
            dot = gradients[i] @ originals[j]
            if i != j and dot < 0:
                gradients[i] -= dot / originals[j].square().sum() * originals[j]
    return gradients


@right("3.4-8")
def projections_as_matrices(gradients):
    g64 = gradients.double().numpy()
    result = g64.copy()
    for j, other in enumerate(g64):
        size = other @ other
        if size == 0:
            continue
        project = np.eye(len(other)) - np.outer(other, other) / size
        conflict = (result @ other < 0) & (np.arange(len(g64)) != j)
        result[conflict] = result[conflict] @ project
    return torch.tensor(result, dtype=gradients.dtype)
