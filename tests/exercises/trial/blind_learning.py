"""A third trial, written from the statements alone before any of it was run: chapters 3.3 to 3.5."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("3.3-1", "You divide both transfers by the number of all tasks. The last has")
def backward_divided_by_all_tasks(accuracy, untrained):
    n = len(accuracy)
    avg = accuracy[-1].mean()
    back = sum(accuracy[-1, j] - accuracy[j, j] for j in range(n - 1)) / n
    fwd = sum(accuracy[j - 1, j] - untrained[j] for j in range(1, n)) / n
    return avg, back, fwd


@wrong("3.3-1", "Your forward transfer reads the diagonal, where the task has been")
def forward_after_learning_not_before(accuracy, untrained):
    len(accuracy)
    back = (accuracy[-1] - accuracy.diagonal())[:-1].mean()
    fwd = (accuracy.diagonal() - untrained)[1:].mean()
    return accuracy[-1].mean(), back, fwd


@wrong("3.3-1", "You read the table with rows and columns exchanged. A row belongs to")
def tasks_and_times_exchanged(accuracy, untrained):
    a = accuracy.T
    n = len(a)
    back = torch.stack([a[n - 1, j] - a[j, j] for j in range(n - 1)]).mean()
    fwd = torch.stack([a[j - 1, j] - untrained[j] for j in range(1, n)]).mean()
    return a[-1].mean(), back, fwd


@wrong("3.3-2", "Held-out items stay out, but you count them as seen. The training")
def held_out_items_count_as_seen_again(stream, held_out, draws, capacity):
    buffer, seen = [], 0
    for x, h, d in zip(stream, held_out, draws, strict=False):
        seen += 1
        if h:
            continue
        if len(buffer) < capacity:
            buffer.append(x)
        else:
            place = int(d * seen)
            if place < capacity:
                buffer[place] = x
    return torch.stack(buffer) if buffer and torch.is_tensor(buffer[0]) else buffer


@wrong("3.3-2", "Every item finds a place in your full buffer, so the past is washed")
def always_replaces_again(stream, held_out, draws, capacity):
    buffer = []
    for x, h, d in zip(stream, held_out, draws, strict=False):
        if h:
            continue
        if len(buffer) < capacity:
            buffer.append(x)
        else:
            buffer[int(d * capacity)] = x
    return torch.stack(buffer) if buffer and torch.is_tensor(buffer[0]) else buffer


@wrong("3.3-3", "You take the gradients for the labels of the data: that is the")
def the_data_s_labels(weights, inputs, labels, uniforms):
    p = torch.softmax(inputs @ weights.T, -1)
    g = F.one_hot(labels, weights.shape[0]).to(p.dtype) - p
    return (g[:, :, None] * inputs[:, None, :]).pow(2).mean(0)


@wrong("3.3-3", "You square the mean of the gradients. Those of opposite")
def the_mean_gradient_squared(weights, inputs, labels, uniforms):
    p = torch.softmax(inputs @ weights.T, -1)
    y = (p.cumsum(-1) > uniforms[:, None]).int().argmax(-1)
    g = F.one_hot(y, weights.shape[0]).to(p.dtype) - p
    return (g[:, :, None] * inputs[:, None, :]).mean(0).pow(2)


@wrong("3.3-3", "You take the most likely class of each example. The model's")
def the_likeliest_class_for_a_drawn_one(weights, inputs, labels, uniforms):
    p = torch.softmax(inputs @ weights.T, -1)
    g = F.one_hot(p.argmax(-1), weights.shape[0]).to(p.dtype) - p
    return torch.einsum("nc,nd->ncd", g, inputs).square().mean(0)


@wrong("3.3-4", "You take the mean over the old tasks. Each keeps its full weight")
def mean_over_the_tasks_again(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * (weights - anchors) ** 2).sum(1).mean()


@wrong("3.3-4", "The factor 1/2 is missing: your penalty and its gradient are twice")
def not_halved(weights, anchors, fishers, strength):
    total = 0
    for a, fi in zip(anchors, fishers, strict=False):
        total = total + strength * torch.sum(fi * (weights - a).square())
    return total


@wrong("3.3-4", "You square the Fisher information together with the distance. It is a")
def fisher_times_the_distance_then_squared(weights, anchors, fishers, strength):
    return strength / 2 * ((fishers * (weights - anchors)) ** 2).sum()


@wrong("3.3-5", "Teacher and student read the old inputs. That works, but it is")
def the_old_inputs_in_the_second_term(
    weights, old_weights, inputs, labels, old_inputs, temperature, strength
):
    ce = F.cross_entropy(inputs @ weights.T, labels)
    t = torch.softmax(old_inputs @ old_weights.T / temperature, -1)
    s = torch.log_softmax(old_inputs @ weights.T / temperature, -1)
    return ce - strength * (t * s).sum(-1).mean()


@wrong("3.3-5", "You multiply the second term by the square of the temperature, as")
def times_the_temperature_squared(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    ce = F.cross_entropy(inputs @ weights.T, labels)
    t = torch.softmax(inputs @ old_weights.T / temperature, -1)
    s = torch.log_softmax(inputs @ weights.T / temperature, -1)
    return ce - strength * temperature**2 * (t * s).sum(-1).mean()


@wrong("3.3-5", "In one of your two terms, or in both, a softmax acts on a softmax")
def softmax_before_cross_entropy(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new = torch.softmax(inputs @ weights.T, -1)
    ce = F.cross_entropy(new, labels)
    t = torch.softmax(inputs @ old_weights.T / temperature, -1)
    return ce + strength * F.cross_entropy(inputs @ weights.T / temperature, t)


@wrong("3.3-6", "Nothing is changed at the start, and nothing is learned.")
def both_zero(noise_down, noise_up):
    return torch.zeros_like(noise_down), torch.zeros_like(noise_up)


@wrong("3.3-6", "Nothing is changed at the start, but the rank stays 1, as")
def the_other_factor_all_ones(noise_down, noise_up):
    return torch.ones_like(noise_down), torch.zeros_like(noise_up)


@wrong("3.3-6", "The model has changed before its first step, as when both")
def both_noise(noise_down, noise_up):
    return noise_down, noise_up


@wrong("3.3-7", "You add the update to a weight that holds it already. In a merged")
def added_once_more_though_merged(x, weight, down, up, alpha, merged):
    full = weight + alpha / down.shape[0] * up @ down
    return x @ full.T, full


@wrong("3.3-7", "You divide alpha by the width of the layer. The rank is the small")
def rank_taken_from_the_wrong_side(x, weight, down, up, alpha, merged):
    full = weight if merged else weight + alpha / down.shape[1] * (up @ down)
    return F.linear(x, full), full


@wrong("3.3-7", "The numbers are right, but for rank 2 with alpha 4 your input")
def writes_into_the_weight(x, weight, down, up, alpha, merged):
    if not merged:
        weight += (alpha / len(down)) * (up @ down)
    return x @ weight.T, weight


@wrong("3.3-8", "You count the factors of one layer. Every layer has its own, and all")
def one_layer_only(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    a = sum(rank * (o + i) for o, i in shapes)
    return a, (base_parameters + domains * a) * bytes_each, domains * base_parameters * bytes_each


@wrong("3.3-8", "You store the base again for every domain. It is the same for all of")
def a_base_for_each_domain_again(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    a = num_layers * sum(rank * (o + i) for o, i in shapes)
    return a, domains * (base_parameters + a) * bytes_each, domains * base_parameters * bytes_each


@wrong("3.3-8", "You store the base besides the copies. Here a copy stands for itself")
def the_copies_besides_the_base(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    a = num_layers * sum(rank * (o + i) for o, i in shapes)
    return a, (base_parameters + domains * a) * bytes_each, (domains + 1) * base_parameters * bytes_each


@wrong("3.4-1", "At brackets you are off by one: opening and closing ones")
def brackets_have_the_depth_of_what_is_in_them(text, deepest):
    out, d, s = [], 0, False
    for c in text:
        if c == '"':
            s = not s
        if not s and c in "([{":
            d += 1
        out.append(min(d, deepest))
        if not s and c in ")]}":
            d -= 1
    return out


@wrong("3.4-1", "You count brackets that are inside a string. They open")
def brackets_in_strings_count(text, deepest):
    out, d = [], 0
    for c in text:
        if c in ")]}":
            d -= 1
        out.append(min(d, deepest))
        if c in "([{":
            d += 1
    return out


@wrong("3.4-1", "You stop counting at the limit and then count down from there, so")
def depth_itself_stops_at_deepest(text, deepest):
    out, d, s = [], 0, False
    for c in text:
        if c == '"':
            s = not s
        if not s and c in ")]}":
            d -= 1
        out.append(d)
        if not s and c in "([{":
            d = min(d + 1, deepest)
    return out


@wrong("3.4-2", "You take one mean over all examples, so a task with ten times as many")
def every_example_counts_alike_again(losses, tasks, num_classes):
    return (losses / torch.log(num_classes.to(losses.dtype))[tasks]).mean()


@wrong("3.4-2", "You divide by the number of all tasks. Those that are not in this")
def absent_tasks_in_the_mean(losses, tasks, num_classes):
    total = 0.0
    for t in range(len(num_classes)):
        at = tasks == t
        if at.any():
            total = total + losses[at].mean() / math.log(num_classes[t])
    return total / len(num_classes)


@wrong("3.4-2", "You divide by the number of classes. Guessing among C")
def divided_by_the_number_of_classes_again(losses, tasks, num_classes):
    parts = [losses[tasks == t].mean() / num_classes[t] for t in tasks.unique()]
    return torch.stack(parts).mean()


@wrong("3.4-3", "You divide by the number of task numbers, also of those that do not")
def a_task_without_questions_counts_as_0(right, tasks):
    n = int(tasks.max()) + 1
    acc = [right[tasks == t].float().mean() if (tasks == t).any() else torch.tensor(0.0) for t in range(n)]
    return right.float().mean(), sum(acc) / n


@wrong("3.4-3", "Your two averages are exchanged. Micro looks at single questions")
def macro_and_micro_exchanged(right, tasks):
    micro = right.double().mean()
    macro = torch.stack([right[tasks == t].double().mean() for t in tasks.unique()]).mean()
    return macro, micro


@wrong("3.4-4", "Your heads have no bias: each class has d weights and one number more")
def no_bias_in_the_heads(d_model, num_layers, vocab_size, classes, step):
    def body(d):
        return vocab_size * d + num_layers * 12 * d * d

    shared = body(d_model) + sum(d_model * c for c in classes)

    def total(d):
        return sum(body(d) + d * c for c in classes)

    w = step
    while total(w + step) <= shared:
        w += step
    return shared, w, total(w)


@wrong("3.4-4", "Your separate models have more parameters than the shared one: the")
def the_nearest_width_not_the_largest_that_fits(d_model, num_layers, vocab_size, classes, step):
    def body(d):
        return vocab_size * d + num_layers * 12 * d * d

    shared = body(d_model) + sum((d_model + 1) * c for c in classes)

    def total(d):
        return sum(body(d) + (d + 1) * c for c in classes)

    w = step
    while total(w) <= shared:
        w += step
    return shared, w, total(w)


@wrong("3.4-4", "You divide the width by the number of tasks. A layer has 12 d squared")
def width_divided_by_the_number_of_tasks(d_model, num_layers, vocab_size, classes, step):
    def body(d):
        return vocab_size * d + num_layers * 12 * d * d

    shared = body(d_model) + sum((d_model + 1) * c for c in classes)
    w = max(step, d_model // len(classes) // step * step)
    return shared, w, sum(body(w) + (w + 1) * c for c in classes)


@wrong("3.4-5", "Your exponent is T and should be 1/T: a higher temperature makes your")
def power_t_for_1_t(sizes, temperature, steps):
    n = torch.as_tensor(sizes).double() ** temperature
    p = n / n.sum()
    return p, p * steps / torch.as_tensor(sizes)


@wrong("3.4-5", "Your second number says how often a task is drawn. A pass takes as")
def draws_for_passes_once_more(sizes, temperature, steps):
    n = torch.as_tensor(sizes).double() ** (1 / temperature)
    p = n / n.sum()
    return p, p * steps


@wrong("3.4-6", "Your second term is ln sigma^2, twice what it should be. s is the")
def adds_ln_sigma_squared_instead_of_ln_sigma(log_variances, losses):
    return (losses * torch.exp(-log_variances) + log_variances).sum()


@wrong("3.4-6", "You make the variance, or sigma, by a softplus of s. That")
def softplus_for_the_exponential(log_variances, losses):
    var = F.softplus(log_variances)
    return (losses / var + 0.5 * var.log()).sum()


@wrong("3.4-6", "You read s as ln sigma: exp(-2s) and s. It is ln sigma^2, so there is")
def takes_s_for_sigma(log_variances, losses):
    return (losses / log_variances.exp() ** 2 + log_variances).sum()


@wrong("3.4-7", "You take the heads into the cosine. They add to the lengths and never")
def all_parameters_heads_too(gradients, shared):
    g = F.normalize(gradients, dim=-1)
    return g @ g.T


@wrong("3.4-7", "A task that does not reach the body has a gradient of length 0 there")
def nan_for_an_empty_gradient(gradients, shared):
    g = gradients[:, shared]
    g = g / g.norm(dim=1, keepdim=True)
    return g @ g.T


@wrong("3.4-7", "You take the heads into the cosine. They add to the lengths and never")
def cosine_in_the_body_over_the_norm_of_everything(gradients, shared):
    g = gradients[:, shared]
    n = gradients.norm(dim=1).clamp(min=1e-12)
    return g @ g.T / (n[:, None] * n[None])


@wrong("3.4-8", "You compare with gradients that have been changed already, so the")
def projects_on_the_changed_gradients(gradients):
    g = gradients.clone()
    for i in range(len(g)):
        for j in range(len(g)):
            if i != j:
                d = g[i] @ g[j]
                if d < 0:
                    g[i] = g[i] - d / (g[j] @ g[j]) * g[j]
    return g


@wrong("3.4-8", "Your dot products all come from the gradient as it was at first")
def dot_product_with_the_original_g_every_time(gradients):
    out = []
    for i, gi in enumerate(gradients):
        g = gi.clone()
        for j, gj in enumerate(gradients):
            d = gi @ gj
            if j != i and d < 0:
                g = g - d / (gj @ gj) * gj
        out.append(g)
    return torch.stack(out)


@wrong("3.4-8", "You divide by the length of the other gradient; the projection")
def projection_not_divided_by_the_squared_length(gradients):
    out = gradients.clone()
    for i in range(len(out)):
        for j in range(len(out)):
            d = torch.dot(out[i], gradients[j])
            if i != j and d < 0:
                out[i] = out[i] - d / gradients[j].norm() * gradients[j]
    return out


@wrong("3.5-1", "Your entropy is that of temperature 1. It belongs to")
def entropy_of_the_unsoftened(logits, temperature):
    p = torch.softmax(logits / temperature, -1)
    q = torch.softmax(logits, -1)
    return p, torch.special.entr(q).sum(-1) / math.log(2)


@wrong("3.5-1", "Where a probability is 0, your entropy is NaN: 0 times the logarithm")
def nan_at_inf(logits, temperature):
    p = torch.softmax(logits / temperature, dim=-1)
    return p, -(p * p.log2()).sum(-1)


@wrong("3.5-1", "Your entropy is 0.693 times what it should be: the natural logarithm")
def nats(logits, temperature):
    p = torch.softmax(logits / temperature, dim=-1)
    return p, torch.special.entr(p).sum(-1)


@wrong("3.5-2", "Your two numbers stand in each other's place: forward is weighted by")
def forward_and_reverse_exchanged(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)

    def kl(p, q):
        return (p.exp() * (p - q)).sum(-1).mean()

    return kl(s, t), kl(t, s)


@wrong("3.5-2", "You divide by the size of the vocabulary too, as the reduction 'mean'")
def mean_over_the_vocabulary_too(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    return (t.exp() * (t - s)).mean(), (s.exp() * (s - t)).mean()


@wrong("3.5-2", "You divide by the number of texts, as 'batchmean' does with [batch")
def batchmean_of_a_batch_of_sequences(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    return F.kl_div(s, t, log_target=True, reduction="batchmean"), F.kl_div(
        t, s, log_target=True, reduction="batchmean"
    )


@wrong("3.5-3", "The square of the temperature is missing. At T = 4 the soft gradient")
def no_t_squared(student_logits, teacher_logits, labels, temperature, alpha):
    kl = F.kl_div(
        F.log_softmax(student_logits / temperature, -1),
        F.softmax(teacher_logits / temperature, -1),
        reduction="batchmean",
    )
    return alpha * kl + (1 - alpha) * F.cross_entropy(student_logits, labels)


@wrong("3.5-3", "Your hard loss is taken at temperature T. Labels are compared with")
def hard_labels_at_the_temperature(student_logits, teacher_logits, labels, temperature, alpha):
    kl = F.kl_div(
        F.log_softmax(student_logits / temperature, -1),
        F.softmax(teacher_logits / temperature, -1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * kl + (1 - alpha) * F.cross_entropy(student_logits / temperature, labels)


@wrong("3.5-3", "Your alpha weighs the labels. With alpha = 1 the teacher alone should")
def alpha_and_1_alpha_exchanged(student_logits, teacher_logits, labels, temperature, alpha):
    kl = F.kl_div(
        F.log_softmax(student_logits / temperature, -1),
        F.softmax(teacher_logits / temperature, -1),
        reduction="batchmean",
    )
    return (1 - alpha) * temperature**2 * kl + alpha * F.cross_entropy(student_logits, labels)


@wrong("3.5-4", "After your step the teacher is in evaluation mode for good. Whoever")
def the_teacher_is_left_in_evaluation_mode(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        t = torch.softmax(teacher(inputs) / temperature, -1)
    s = torch.log_softmax(student(inputs) / temperature, -1)
    return temperature**2 * F.kl_div(s, t, reduction="batchmean")


@wrong("3.5-4", "No gradient reaches the student: its forward pass runs where no graph")
def no_gradient_for_anybody(student, teacher, inputs, temperature):
    was = teacher.training
    teacher.eval()
    with torch.no_grad():
        t = torch.softmax(teacher(inputs) / temperature, -1)
        s = torch.log_softmax(student(inputs) / temperature, -1)
    teacher.train(was)
    return temperature**2 * F.kl_div(s, t, reduction="batchmean")


@wrong("3.5-4", "Your teacher answers with its dropout on, where it")
def the_teacher_keeps_its_dropout(student, teacher, inputs, temperature):
    with torch.no_grad():
        t = torch.softmax(teacher(inputs) / temperature, -1)
    s = torch.log_softmax(student(inputs) / temperature, -1)
    return temperature**2 * F.kl_div(s, t, reduction="batchmean")


@wrong("3.5-5", "Your student's softmax runs over the k stored tokens alone. It may")
def the_student_s_softmax_over_the_k_alone(student_logits, probabilities, ids):
    p = probabilities / probabilities.sum(-1, keepdim=True)
    s = torch.log_softmax(student_logits.gather(-1, ids), -1)
    return -(p * s).sum(-1).mean()


@wrong("3.5-5", "The stored probabilities do not sum to 1, and you use them as they")
def shares_not_brought_to_one(student_logits, probabilities, ids):
    s = torch.log_softmax(student_logits, -1).gather(-1, ids)
    return -(probabilities * s).sum(-1).mean()


@wrong("3.5-5", "You renormalise by a softmax. Probabilities lie between 0 and 1, so")
def softmax_of_the_shares(student_logits, probabilities, ids):
    s = torch.log_softmax(student_logits, -1).gather(-1, ids)
    return -(torch.softmax(probabilities, -1) * s).sum(-1).mean()


@wrong("3.5-6", "Where padding holds infinity, your loss or its gradient is NaN: 0")
def multiplies_by_the_mask(student, teacher, projection, real):
    d = (student @ projection - teacher) ** 2
    return (d * real[..., None]).sum() / (real.sum() * d.shape[-1])


@wrong("3.5-6", "You sum over the width of the teacher where the mean is asked for: a")
def not_divided_by_the_width(student, teacher, projection, real):
    d = student[real] @ projection - teacher[real]
    return d.pow(2).sum(-1).mean()


@wrong("3.5-6", "You average within each text first, so a position of a short text")
def mean_of_the_rows_means(student, teacher, projection, real):
    out = []
    for s, t, r in zip(student, teacher, real, strict=False):
        if r.any():
            out.append(((s[r] @ projection - t[r]) ** 2).mean())
    return torch.stack(out).mean()


@wrong("3.5-7", "You compare the logits at a place with the token at the same place")
def not_shifted(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(tokens.shape[1])
    at = (place >= prompt_lengths[:, None]) & (place < lengths[:, None])
    return F.cross_entropy(logits[at], tokens[at])


@wrong("3.5-7", "The first token that the teacher wrote is missing. The student")
def the_teacher_s_first_token_left_out(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    at = (place > prompt_lengths[:, None]) & (place < lengths[:, None])
    return F.cross_entropy(logits[:, :-1][at], tokens[:, 1:][at])


@wrong("3.5-7", "You leave out every token 0. It is a token like any other, and the")
def token_0_taken_for_padding(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    at = (place >= prompt_lengths[:, None]) & (tokens[:, 1:] != 0)
    return F.cross_entropy(logits[:, :-1][at], tokens[:, 1:][at])


@wrong("3.5-8", "You divide seed by seed and take the mean of the shares. A seed whose")
def mean_of_the_seeds_shares(alone, distilled, teacher):
    a, d, t = (torch.as_tensor(x).double() for x in (alone, distilled, teacher))
    return ((a - d) / (a - t)).mean()


@wrong("3.5-8", "Your number is 0 for a student as good as its teacher: it is the")
def what_is_lost_not_what_is_kept(alone, distilled, teacher):
    a, d, t = (torch.as_tensor(x).double().mean() for x in (alone, distilled, teacher))
    return (d - t) / (a - t)


@wrong("3.3-2", "You use the draws one after the other, and not each with the item of")
def draws_are_used_up_one_by_one(stream, held_out, draws, capacity):
    buffer, seen, used = [], 0, 0
    for x, h in zip(stream, held_out, strict=False):
        if h:
            continue
        seen += 1
        if len(buffer) < capacity:
            buffer.append(x)
            continue
        place = int(draws[used] * seen)
        used += 1
        if place < capacity:
            buffer[place] = x
    return torch.stack(buffer) if buffer and torch.is_tensor(buffer[0]) else buffer


@wrong("3.3-4", "You hold on to one of the old tasks. The others are forgotten as if")
def only_the_last_anchor_again(weights, anchors, fishers, strength):
    return strength / 2 * (fishers[-1] * (weights - anchors[-1]) ** 2).sum()


@wrong("3.3-5", "You divide the logits of the new task's term by the temperature too")
def temperature_on_the_new_task_as_well(
    weights, old_weights, inputs, labels, old_inputs, temperature, strength
):
    z = inputs @ weights.T / temperature
    t = torch.softmax(inputs @ old_weights.T / temperature, -1)
    return F.cross_entropy(z, labels) + strength * F.cross_entropy(z, t)


@wrong("3.3-7", "You multiply by alpha and do not divide by the rank. An adapter of a")
def alpha_for_alpha_over_rank(x, weight, down, up, alpha, merged):
    w = weight if merged else weight + alpha * up @ down
    return x @ w.T, w


@wrong("3.4-2", "You add the tasks up. With another number of tasks the step would")
def sum_over_the_tasks(losses, tasks, num_classes):
    return sum(losses[tasks == t].mean() / math.log(num_classes[t]) for t in tasks.unique())


@wrong("3.4-5", "The list of passes is 1 / `steps` times what it should be, in every")
def steps_left_out_of_the_passes(sizes, temperature, steps):
    n = torch.as_tensor(sizes).double()
    p = n ** (1 / temperature)
    p = p / p.sum()
    return p, p / n


@wrong("3.4-6", "You take the mean over the tasks. Here they are added up: each has")
def the_mean_over_the_tasks(log_variances, losses):
    return (losses * torch.exp(-log_variances) + log_variances / 2).mean()


@wrong("3.4-6", "Your second term is the logarithm of 1 + sigma^2, or half")
def logarithm_of_one_plus_the_variance(log_variances, losses):
    v = log_variances.exp()
    return (losses / v + 0.5 * torch.log(1 + v)).sum()


@wrong("3.5-2", "Your numbers are cross entropies: the weight's own entropy is still")
def second_number_is_the_entropy_of_the_teacher_s_cr(student_logits, teacher_logits):
    """Second number is the entropy of the teacher's cross."""
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    return -(t.exp() * s).sum(-1).mean(), -(s.exp() * t).sum(-1).mean()


@wrong("3.5-3", "You multiply by T. One 1/T comes from the derivative of the softened")
def t_for_t_squared(student_logits, teacher_logits, labels, temperature, alpha):
    kl = F.kl_div(
        F.log_softmax(student_logits / temperature, -1),
        F.softmax(teacher_logits / temperature, -1),
        reduction="batchmean",
    )
    return alpha * temperature * kl + (1 - alpha) * F.cross_entropy(student_logits, labels)


@wrong("3.5-6", "Your differences are not squared, or a root is taken")
def root_of_the_mean(student, teacher, projection, real):
    return F.mse_loss(student[real] @ projection, teacher[real]).sqrt()


@wrong("3.5-8", "You divide by a loss, that of the student alone or that of")
def divided_by_the_teacher_s_loss(alone, distilled, teacher):
    a, d, t = (torch.as_tensor(x).double().mean() for x in (alone, distilled, teacher))
    return (a - d) / t


@wrong("3.3-1", "The backward transfer is -1 times what it should be, here and in")
def signs_of_both_transfers_turned(accuracy, untrained):
    n = len(accuracy)
    back = (accuracy.diagonal() - accuracy[-1])[:-1].mean()
    fwd = sum(untrained[j] - accuracy[j - 1, j] for j in range(1, n)) / (n - 1)
    return accuracy[-1].mean(), back, fwd


@wrong("3.3-3", "You add the squared gradients up. Twice as many examples would make")
def sum_over_the_examples(weights, inputs, labels, uniforms):
    p = torch.softmax(inputs @ weights.T, -1)
    y = (p.cumsum(-1) > uniforms[:, None]).int().argmax(-1)
    g = F.one_hot(y, weights.shape[0]).to(p.dtype) - p
    return (g[:, :, None] * inputs[:, None, :]).pow(2).sum(0)


@wrong("3.3-8", "You count all entries of a matrix, or rank times as many. An adapter")
def rank_counted_once_for_both_factors(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    a = num_layers * sum(rank * o * i for o, i in shapes)
    return a, (base_parameters + domains * a) * bytes_each, domains * base_parameters * bytes_each


@wrong("3.4-1", "You count one of the three kinds of brackets alone.")
def square_and_curly_ones_forgotten(text, deepest):
    out, d, s = [], 0, False
    for c in text:
        if c == '"':
            s = not s
        if c == ")" and not s:
            d -= 1
        out.append(min(d, deepest))
        if c == "(" and not s:
            d += 1
    return out


@wrong("3.4-3", "For all wrong but one, the macro average is 1 and should be 0.5")
def macro_over_answers_of_the_largest_task(right, tasks):
    accs = [right[tasks == t].double().mean() for t in tasks.unique()]
    return right.double().mean(), max(accs)


@wrong("3.4-7", "Your numbers are dot products: a task with large gradients seems to")
def dot_products(gradients, shared):
    g = gradients[:, shared]
    return g @ g.T


@wrong("3.4-8", "You project whatever the sign of the dot product. Where it is")
def takes_projections_away_also_where_they_agree(gradients):
    out = []
    for i, g in enumerate(gradients):
        for j, r in enumerate(gradients):
            if i != j:
                g = g - (g @ r) / (r @ r) * r
        out.append(g)
    return torch.stack(out)


@wrong("3.5-1", "You return one entropy for all rows together. Each row is a")
def mean_entropy_of_all_rows(logits, temperature):
    p = torch.softmax(logits / temperature, -1)
    return p, torch.special.entr(p).sum(-1).mean() / math.log(2)


@wrong("3.5-5", "You average over the k tokens. Their weights sum to 1 already: sum")
def mean_over_the_k_tokens(student_logits, probabilities, ids):
    p = probabilities / probabilities.sum(-1, keepdim=True)
    s = torch.log_softmax(student_logits, -1).gather(-1, ids)
    return -(p * s).mean()


@wrong("3.5-7", "Padding is in your loss: the student learns to write token 0 for ever")
def up_to_the_end_of_the_batch(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    at = (place >= prompt_lengths[:, None]).expand(len(tokens), -1)
    return F.cross_entropy(logits[:, :-1][at], tokens[:, 1:][at])


@right("3.3-1")
def plain_python_numbers(accuracy, untrained):
    a, u = accuracy.tolist(), untrained.tolist()
    n = len(a)
    return [
        sum(a[-1]) / n,
        sum(a[-1][j] - a[j][j] for j in range(n - 1)) / (n - 1),
        sum(a[j - 1][j] - u[j] for j in range(1, n)) / (n - 1),
    ]


@right("3.3-3")
def autograd_example_by_example_again(weights, inputs, labels, uniforms):
    w = weights.detach().clone().requires_grad_()
    total = torch.zeros_like(w)
    for x, u in zip(inputs, uniforms, strict=False):
        lp = F.log_softmax(x @ w.T, -1)
        y = int((lp.exp().cumsum(0) <= u).sum())
        (g,) = torch.autograd.grad(lp[min(y, len(lp) - 1)], w)
        total += g**2
    return total / len(inputs)


@right("3.3-6")
def the_other_factor_is_zero_again(noise_down, noise_up):
    return torch.zeros_like(noise_down), noise_up.clone()


@right("3.3-7")
def the_two_paths_apart(x, weight, down, up, alpha, merged):
    delta = sum(torch.outer(up[:, r], down[r]) for r in range(len(down))) * (alpha / len(down))
    if merged:
        return x @ weight.T, weight.clone()
    return x @ weight.T + x @ delta.T, weight + delta


@right("3.4-1")
def regex_blanks_out_strings(text, deepest):
    import re

    t = re.sub(r'"[^"]*"', lambda m: "x" * len(m.group()), text)
    step = np.array([1 if c in "([{" else -1 if c in ")]}" else 0 for c in t], dtype=int)
    depth = np.cumsum(step) - (step == 1)
    return np.minimum(depth, deepest)


@right("3.4-3")
def numpy_bincount(right, tasks):
    r, t = right.numpy().astype(float), tasks.numpy()
    n = np.bincount(t)
    s = np.bincount(t, weights=r)
    return float(r.mean()), float((s[n > 0] / n[n > 0]).mean())


@right("3.4-5")
def through_logarithms(sizes, temperature, steps):
    s = torch.as_tensor(sizes, dtype=torch.float64)
    p = torch.softmax(s.log() / temperature, 0)
    return p, steps * p / s


@right("3.4-6")
def sigma_itself(log_variances, losses):
    sigma = torch.exp(log_variances / 2)
    total = 0
    for s, one in zip(sigma, losses, strict=False):
        total = total + one / s**2 + torch.log(s)
    return total


@right("3.4-8")
def clamp_and_einsum(gradients):
    out = []
    for i in range(len(gradients)):
        g = gradients[i]
        for j in range(len(gradients)):
            if j == i:
                continue
            r = gradients[j]
            g = g - r * (
                torch.clamp(torch.einsum("n,n->", g, r), max=0) / torch.einsum("n,n->", r, r).clamp(min=1e-30)
            )
        out.append(g)
    return torch.stack(out)


@right("3.5-3")
def cross_entropy_minus_entropy(student_logits, teacher_logits, labels, temperature, alpha):
    T = temperature
    t = torch.softmax(teacher_logits / T, -1)
    h = torch.special.entr(t).sum(-1).mean()
    soft = F.cross_entropy(student_logits / T, t) - h
    return alpha * T * T * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


@right("3.5-5")
def scattered_into_the_vocabulary(student_logits, probabilities, ids):
    q = torch.zeros_like(student_logits).scatter(1, ids, probabilities)
    q = q / q.sum(1, keepdim=True)
    return F.cross_entropy(student_logits, q)


@right("3.5-7")
def row_by_row(logits, tokens, prompt_lengths, lengths):
    total, n = logits.sum() * 0, 0
    for b in range(len(tokens)):
        for i in range(int(prompt_lengths[b]), int(lengths[b])):
            total = total - torch.log_softmax(logits[b, i - 1], -1)[tokens[b, i]]
            n += 1
    return total / max(n, 1)
