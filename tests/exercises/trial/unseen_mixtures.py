"""Chapters 3.5 and 4.3: answers of a second trial, drawn from the statements alone.

Where it had an idea of the first one again, `again_` stands in front of the name.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong


@wrong("3.5-1", "You multiply by the temperature")
def temperature_multiplied(logits, temperature):
    p = (logits * temperature).softmax(-1)
    return p, torch.special.entr(p).sum(-1) / math.log(2)


@wrong("3.5-1", "Your entropy is that of temperature 1. It belongs to")
def again_entropy_at_temperature_one(logits, temperature):
    hard = logits.softmax(-1)
    return (logits / temperature).softmax(-1), torch.special.entr(hard).sum(-1) / math.log(2)


@wrong("3.5-1", "The temperature has no effect")
def root_instead_of_temperature(logits, temperature):
    p = logits.softmax(-1) / temperature
    p = p / p.sum(-1, keepdim=True)
    return p, torch.special.entr(p).sum(-1) / math.log(2)


@wrong("3.5-1", "For a token that cannot come your entropy is NaN: its")
def log_softmax_times_probabilities(logits, temperature):
    logs = (logits / temperature).log_softmax(-1)
    return logs.exp(), -(logs.exp() * logs).sum(-1) / math.log(2)


@right("3.5-1")
def powers_of_two(logits, temperature):
    bits = logits.double() / temperature / math.log(2)
    bits = bits - bits.amax(-1, keepdim=True)
    e = torch.exp2(bits)
    p = e / e.sum(-1, keepdim=True)
    entropy = torch.log2(e.sum(-1)) - torch.where(p > 0, p * bits, 0.0).sum(-1)
    return p.float(), entropy.float()


@wrong("3.5-2", "Your two numbers stand in")
def arguments_of_kl_div_exchanged(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    forward = F.kl_div(t, s, log_target=True, reduction="none").sum(-1).mean()
    reverse = F.kl_div(s, t, log_target=True, reduction="none").sum(-1).mean()
    return forward, reverse


@wrong("3.5-2", "You divide by the number")
def batchmean_on_three_axes(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    forward = F.kl_div(s, t, log_target=True, reduction="batchmean")
    return forward, F.kl_div(t, s, log_target=True, reduction="batchmean")


@wrong("3.5-2", "Your numbers are cross entropies")
def again_cross_entropies_for_divergences(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    return -(t.exp() * s).sum(-1).mean(), -(s.exp() * t).sum(-1).mean()


@wrong("3.5-2", "With large logits your divergence is too small: a")
def log_of_clamped_probabilities(student_logits, teacher_logits):
    s, t = student_logits.softmax(-1), teacher_logits.softmax(-1)
    ls, lt = s.clamp(min=1e-8).log(), t.clamp(min=1e-8).log()
    return (t * (lt - ls)).sum(-1).mean(), (s * (ls - lt)).sum(-1).mean()


@right("3.5-2")
def cross_entropy_less_entropy(student_logits, teacher_logits):
    s, t = student_logits.double().flatten(0, 1), teacher_logits.double().flatten(0, 1)

    def divergence(a, b):
        p = a.softmax(1)
        return F.cross_entropy(b, p) - F.cross_entropy(a, p)

    return divergence(t, s).float(), divergence(s, t).float()


@wrong("3.5-3", "Your hard loss is taken")
def labels_at_the_temperature(student_logits, teacher_logits, labels, temperature, alpha):
    s = student_logits / temperature
    soft = F.kl_div(s.log_softmax(-1), (teacher_logits / temperature).softmax(-1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(s, labels)


@wrong("3.5-3", "It comes out as if the student were softened and the")
def only_the_student_softened(student_logits, teacher_logits, labels, temperature, alpha):
    s = (student_logits / temperature).log_softmax(-1)
    soft = F.kl_div(s, teacher_logits.softmax(-1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


@wrong("3.5-3", "Your alpha weighs the labels")
def shares_exchanged(student_logits, teacher_logits, labels, temperature, alpha):
    s = (student_logits / temperature).log_softmax(-1)
    soft = F.kl_div(s, (teacher_logits / temperature).softmax(-1), reduction="batchmean")
    return (1 - alpha) * temperature**2 * soft + alpha * F.cross_entropy(student_logits, labels)


@wrong("3.5-3", "Your soft loss is divided")
def kl_averaged_over_the_vocabulary(student_logits, teacher_logits, labels, temperature, alpha):
    s = (student_logits / temperature).log_softmax(-1)
    soft = F.kl_div(s, (teacher_logits / temperature).softmax(-1), reduction="mean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


@wrong("3.5-4", "No gradient reaches the")
def no_grad_around_both(student, teacher, inputs, temperature):
    mode = teacher.training
    teacher.eval()
    with torch.no_grad():
        t = (teacher(inputs) / temperature).softmax(-1)
        s = (student(inputs) / temperature).log_softmax(-1)
    teacher.train(mode)
    return temperature**2 * F.kl_div(s, t, reduction="batchmean")


@wrong("3.5-4", "After your step the teacher")
def teacher_always_back_to_training(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        t = (teacher(inputs) / temperature).softmax(-1)
    teacher.train()
    s = (student(inputs) / temperature).log_softmax(-1)
    return temperature**2 * F.kl_div(s, t, reduction="batchmean")


@wrong("3.5-4", "Your teacher answers with its dropout on, where it")
def dropout_left_on(student, teacher, inputs, temperature):
    with torch.no_grad():
        t = (teacher(inputs) / temperature).softmax(-1)
    s = (student(inputs) / temperature).log_softmax(-1)
    return temperature**2 * F.kl_div(s, t, reduction="batchmean")


@wrong("3.5-4", "You put the student into")
def student_put_to_rest_too(student, teacher, inputs, temperature):
    modes = student.training, teacher.training
    student.eval()
    teacher.eval()
    t = (teacher(inputs).detach() / temperature).softmax(-1)
    s = (student(inputs) / temperature).log_softmax(-1)
    student.train(modes[0])
    teacher.train(modes[1])
    return temperature**2 * F.kl_div(s, t, reduction="batchmean")


@right("3.5-4")
def a_copy_of_the_teacher(student, teacher, inputs, temperature):
    from copy import deepcopy

    quiet = deepcopy(teacher).eval().requires_grad_(False)
    p = torch.log_softmax(quiet(inputs) / temperature, 1)
    q = torch.log_softmax(student(inputs) / temperature, 1)
    return (p.exp() * (p - q)).sum() * temperature**2 / len(inputs)


@wrong("3.5-5", "You renormalise by a softmax")
def softmax_over_the_stored_shares(student_logits, probabilities, ids):
    q = probabilities.softmax(-1)
    logs = student_logits.log_softmax(-1).gather(1, ids)
    return -(q * logs).sum(1).mean()


@wrong("3.5-5", "The stored probabilities")
def shares_left_as_they_are(student_logits, probabilities, ids):
    logs = student_logits.log_softmax(-1).gather(1, ids)
    return -(probabilities * logs).sum(1).mean()


@wrong("3.5-5", "Your student's softmax runs")
def student_only_over_the_k(student_logits, probabilities, ids):
    q = probabilities / probabilities.sum(1, keepdim=True)
    logs = student_logits.gather(1, ids).log_softmax(-1)
    return -(q * logs).sum(1).mean()


@wrong("3.5-5", "Rows of which more was kept count more in your loss.")
def divided_by_the_sum_of_the_batch(student_logits, probabilities, ids):
    q = probabilities / probabilities.sum()
    logs = student_logits.log_softmax(-1).gather(1, ids)
    return -(q * logs).sum()


@wrong("3.5-6", "You sum over the real positions")
def divided_by_all_positions(student, teacher, projection, real):
    gap = (student @ projection - teacher).pow(2).masked_fill(~real[..., None], 0)
    return gap.mean()


@wrong("3.5-6", "Where padding holds infinity")
def rubbish_multiplied_by_zero(student, teacher, projection, real):
    gap = (student @ projection - teacher) ** 2
    return (gap * real[..., None]).sum() / (real.sum() * teacher.shape[-1])


@wrong("3.5-6", "You sum over the width of")
def again_summed_over_the_width(student, teacher, projection, real):
    gap = student[real] @ projection - teacher[real]
    return gap.pow(2).sum(-1).mean()


@wrong("3.5-6", "You bring the teacher to the student's width. Asked")
def teacher_brought_down(student, teacher, projection, real):
    return (student[real] - teacher[real] @ projection.T).pow(2).mean()


@right("3.5-6")
def loop_over_real_positions(student, teacher, projection, real):
    total = torch.zeros(())
    for b, i in real.nonzero().tolist():
        total = total + torch.dist(student[b, i] @ projection, teacher[b, i]) ** 2
    return total / (int(real.sum()) * projection.shape[1])


@wrong("3.5-7", "The first token that the")
def first_written_token_left_out(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    wanted = (place > prompt_lengths[:, None]) & (place < lengths[:, None])
    losses = F.cross_entropy(logits[:, :-1].mT, tokens[:, 1:], reduction="none")
    return losses[wanted].mean()


@wrong("3.5-7", "The prompt is in your loss")
def prompt_learnt_too(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(1, tokens.shape[1])
    losses = F.cross_entropy(logits[:, :-1].mT, tokens[:, 1:], reduction="none")
    return losses[place < lengths[:, None]].mean()


@wrong("3.5-7", "You leave out every token")
def padding_found_by_zero(logits, tokens, prompt_lengths, lengths):
    labels = tokens[:, 1:].clone()
    labels[torch.arange(1, tokens.shape[1]) < prompt_lengths[:, None]] = 0
    return F.cross_entropy(logits[:, :-1].mT, labels, ignore_index=0)


@wrong("3.5-7", "You compare the logits at")
def not_shifted_at_all(logits, tokens, prompt_lengths, lengths):
    place = torch.arange(tokens.shape[1])
    wanted = (place >= prompt_lengths[:, None]) & (place < lengths[:, None])
    return F.cross_entropy(logits[wanted], tokens[wanted])


@wrong("3.5-7", "You average within each row first. A token of a short text")
def mean_of_row_means(logits, tokens, prompt_lengths, lengths):
    rows = []
    for row, words, a, b in zip(logits, tokens, prompt_lengths.tolist(), lengths.tolist(), strict=True):
        if b > a:
            rows.append(F.cross_entropy(row[a - 1 : b - 1], words[a:b]))
    return torch.stack(rows).mean()


@right("3.5-7")
def rows_cut_and_joined(logits, tokens, prompt_lengths, lengths):
    guesses, words = [], []
    for row, text, a, b in zip(logits, tokens, prompt_lengths.tolist(), lengths.tolist(), strict=True):
        guesses.append(row[a - 1 : b - 1])
        words.append(text[a:b])
    guesses, words = torch.cat(guesses), torch.cat(words)
    return (guesses.logsumexp(-1) - guesses[torch.arange(len(words)), words]).mean()


@wrong("3.5-8", "You divide seed by seed")
def again_mean_of_the_shares(alone, distilled, teacher):
    return ((alone - distilled) / (alone - teacher)).mean()


@wrong("3.5-8", "Your number is 0 for a student")
def again_share_that_is_lost(alone, distilled, teacher):
    return (distilled.mean() - teacher.mean()) / (alone.mean() - teacher.mean())


@wrong("3.5-8", "You cut the share off at")
def clamped_to_one(alone, distilled, teacher):
    share = (alone.mean() - distilled.mean()) / (alone.mean() - teacher.mean())
    return share.clamp(0, 1)


@wrong("4.3-1", "Your gates add up to one")
def softmax_over_tokens(x, w_router, experts):
    gates = (x @ w_router).softmax(dim=1)
    return sum(gates[..., i : i + 1] * expert(x) for i, expert in enumerate(experts))


@wrong("4.3-1", "You mix with the router's")
def raw_logits_as_gates(x, w_router, experts):
    gates = x @ w_router
    return sum(gates[..., i, None] * expert(x) for i, expert in enumerate(experts))


@wrong("4.3-1", "1 / the number of experts")
def mean_of_gated_answers(x, w_router, experts):
    gates = torch.softmax(x @ w_router, -1)
    return torch.stack([gates[..., i, None] * f(x) for i, f in enumerate(experts)]).mean(0)


@wrong("4.3-1", "You multiply what the expert")
def experts_read_the_gated_input(x, w_router, experts):
    gates = torch.softmax(x @ w_router, -1)
    return sum(f(x * gates[..., i, None]) for i, f in enumerate(experts))


@right("4.3-1")
def einsum_over_experts(x, w_router, experts):
    answers = torch.stack([expert(x) for expert in experts])
    return torch.einsum("bse,ebsd->bsd", (x @ w_router).softmax(-1), answers)


@wrong("4.3-2", "A token's gates do not add")
def softmax_without_renormalising(logits, top_k):
    p = logits.softmax(-1)
    index = p.sort(dim=-1, descending=True, stable=True).indices[:, :top_k]
    return torch.zeros_like(p).scatter(1, index, p.gather(1, index))


@wrong("4.3-2", "Where logits are equal")
def threshold_at_the_kth_logit(logits, top_k):
    least = logits.topk(top_k).values[:, -1:]
    return logits.masked_fill(logits < least, -torch.inf).softmax(-1)


@wrong("4.3-2", "Experts that were not chosen")
def others_get_the_logit_zero(logits, top_k):
    index = logits.sort(dim=-1, descending=True, stable=True).indices[:, :top_k]
    return torch.zeros_like(logits).scatter(1, index, logits.gather(1, index)).softmax(-1)


@wrong("4.3-2", "The numbers are right, but")
def again_gates_without_a_gradient(logits, top_k):
    index = logits.sort(dim=-1, descending=True, stable=True).indices[:, :top_k]
    gates = torch.zeros_like(logits)
    gates.scatter_(1, index, logits.gather(1, index).detach().softmax(-1))
    return gates


@right("4.3-2")
def one_maximum_after_another(logits, top_k):
    chosen = torch.zeros_like(logits, dtype=torch.bool)
    for _ in range(top_k):
        left = logits.detach().masked_fill(chosen, -torch.inf).numpy()
        chosen[torch.arange(len(logits)), torch.from_numpy(left.argmax(1))] = True
    p = logits.softmax(-1) * chosen
    return p / p.sum(-1, keepdim=True)


@wrong("4.3-3", "Your share is one minus the right one: what the experts that")
def share_of_the_others(logits, top_k):
    best, index = logits.topk(top_k)
    before = logits.softmax(-1).gather(1, index)
    return before, best.softmax(-1), 1 - before.sum(-1, keepdim=True)


@wrong("4.3-3", "Both gates are right, but")
def share_upside_down(logits, top_k):
    before = logits.softmax(-1).topk(top_k).values
    return before, logits.topk(top_k).values.softmax(-1), 1 / before.sum(-1, keepdim=True)


@wrong("4.3-3", "[6, 1]")
def again_share_without_its_axis(logits, top_k):
    before = logits.softmax(-1).topk(top_k).values
    return before, logits.topk(top_k).values.softmax(-1), before.sum(-1)


@wrong("4.3-3", "Your `after` takes a softmax")
def softmax_on_top_of_softmax(logits, top_k):
    before = logits.softmax(-1).topk(top_k).values
    return before, before.softmax(-1), before.sum(-1, keepdim=True)


@wrong("4.3-4", "Your loss is the right one over k, as if the counts were")
def choices_divided_by_k(logits, top_k):
    p = logits.softmax(-1)
    f = F.one_hot(p.topk(top_k).indices, p.shape[1]).float().mean((0, 1))
    return p.shape[1] * (f * p.mean(0)).sum()


@wrong("4.3-4", "Your loss is the right one over the number of experts (or its")
def number_of_experts_forgotten(logits, top_k):
    p = logits.softmax(-1)
    f = F.one_hot(p.topk(top_k).indices, p.shape[1]).float().sum(1).mean(0)
    return f @ p.mean(0)


@wrong("4.3-4", "With k = 1 you are right")
def first_choice_only(logits, top_k):
    p = logits.softmax(-1)
    f = F.one_hot(p.argmax(1), p.shape[1]).float().mean(0)
    return p.shape[1] * (f * p.mean(0)).sum()


@wrong("4.3-4", "Your mean probability leaves")
def probability_of_the_chosen_only(logits, top_k):
    p = logits.softmax(-1)
    chosen = F.one_hot(p.topk(top_k).indices, p.shape[1]).sum(1).float()
    return p.shape[1] * (chosen.mean(0) * (p * chosen).mean(0)).sum()


@right("4.3-4")
def counted_with_bincount(logits, top_k):
    tokens, experts = logits.shape
    counts = np.bincount(logits.detach().topk(top_k).indices.flatten().numpy(), minlength=experts)
    mean = torch.softmax(logits, 1).sum(0) / tokens
    return sum(float(c) / tokens * m for c, m in zip(counts, mean, strict=True)) * experts


@wrong("4.3-5", "You average first and square")
def again_square_of_the_mean(logits):
    return logits.logsumexp(-1).mean() ** 2


@wrong("4.3-5", "Right for small logits")
def log_of_the_sum_overflows(logits):
    return logits.exp().sum(-1).log().square().mean()


@wrong("4.3-5", "You add the tokens up, so")
def summed_over_tokens(logits):
    return logits.logsumexp(-1).square().sum()


@wrong("4.3-5", "You take each token's largest")
def maximum_not_given_back(logits):
    shifted = logits - logits.amax(-1, keepdim=True)
    return shifted.exp().sum(-1).log().square().mean()


@wrong("4.3-6", "You choose well, but the")
def gates_with_the_bias(probs, bias, top_k, rate):
    score = probs + bias
    index = score.topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(1, index, score.gather(1, index))
    load = torch.bincount(index.flatten(), minlength=len(bias)).float()
    return gates, bias + rate * torch.sign(load.mean() - load)


@wrong("4.3-6", "Your step is larger for")
def by_the_size_of_the_difference(probs, bias, top_k, rate):
    index = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(1, index, probs.gather(1, index))
    load = torch.bincount(index.flatten(), minlength=len(bias)).float()
    return gates, bias + rate * (load.mean() - load)


@wrong("4.3-6", "Right, except for an expert")
def mean_load_lowered_too(probs, bias, top_k, rate):
    index = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(1, index, probs.gather(1, index))
    load = torch.bincount(index.flatten(), minlength=len(bias)).float()
    return gates, torch.where(load < load.mean(), bias + rate, bias - rate)


@wrong("4.3-6", "your input `bias`")
def old_bias_overwritten(probs, bias, top_k, rate):
    index = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(1, index, probs.gather(1, index))
    load = torch.bincount(index.flatten(), minlength=len(bias)).float()
    bias += rate * torch.sign(load.mean() - load)
    return gates, bias


@wrong("4.3-6", "You compare probabilities (of all tokens, or of those that")
def load_is_the_sum_of_gates(probs, bias, top_k, rate):
    index = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(1, index, probs.gather(1, index))
    load = gates.sum(0)
    return gates, bias + rate * torch.sign(load.mean() - load)


@right("4.3-6")
def counted_token_by_token(probs, bias, top_k, rate):
    tokens, experts = probs.shape
    gates, load = torch.zeros(tokens, experts), [0] * experts
    for t in range(tokens):
        order = sorted(range(experts), key=lambda e: -float(probs[t, e] + bias[e]))
        for e in order[:top_k]:
            gates[t, e] = probs[t, e]
            load[e] += 1
    steps = [
        (load[e] * experts < tokens * top_k) - (load[e] * experts > tokens * top_k) for e in range(experts)
    ]
    return gates, bias + torch.tensor(steps, dtype=torch.float32) * rate


@wrong("4.3-7", "Your softmax runs over the")
def again_softmax_over_the_tokens(logits, capacity):
    p = logits.softmax(0)
    index = p.sort(dim=0, descending=True, stable=True).indices[:capacity]
    return torch.zeros_like(p).scatter(0, index, p.gather(0, index))


@wrong("4.3-7", "Each of your tokens chooses")
def tokens_choose_again(logits, capacity):
    p = logits.softmax(1)
    index = p.topk(min(capacity, p.shape[1]), dim=1).indices
    return torch.zeros_like(p).scatter(1, index, p.gather(1, index))


@wrong("4.3-7", "Where the capacity exceeds the number of tokens it stops with")
def topk_of_more_than_there_are(logits, capacity):
    p = logits.softmax(1)
    best, index = p.topk(capacity, dim=0)
    return torch.zeros_like(p).scatter(0, index, best)


@wrong("4.3-7", "The choice is right, but")
def gates_of_a_token_sum_to_one(logits, capacity):
    p = logits.softmax(1)
    index = p.sort(dim=0, descending=True, stable=True).indices[:capacity]
    gates = torch.zeros_like(p).scatter(0, index, p.gather(0, index))
    return gates / gates.sum(1, keepdim=True).clamp(min=1e-9)


@wrong("4.3-7", "the axis by its name")
def axis_of_a_stable_sort_by_place(logits, capacity):
    p = logits.softmax(1)
    index = logits.sort(0, descending=True, stable=True).indices[:capacity]
    return torch.zeros_like(p).scatter(0, index, p.gather(0, index))


@right("4.3-7")
def ranked_by_counting(logits, capacity):
    p = logits.softmax(1)
    q, place = p.detach(), torch.arange(len(p))
    larger = (q[None] > q[:, None]) | ((q[None] == q[:, None]) & (place[None] < place[:, None])[..., None])
    return torch.where(larger.sum(1) < capacity, p, torch.zeros_like(p))


@wrong("4.3-8", "You cut the fraction off")
def again_rounded_down(batch, seq, num_experts, top_k, capacity_factor):
    return max(1, int(capacity_factor * batch * seq * top_k / num_experts))


@wrong("4.3-8", "It comes out as if something were rounded on the way, the")
def again_rounded_before_the_factor(batch, seq, num_experts, top_k, capacity_factor):
    return math.ceil(capacity_factor * math.ceil(batch * seq * top_k / num_experts))


@wrong("4.3-8", "With k = 1 you are right")
def choices_left_out(batch, seq, num_experts, top_k, capacity_factor):
    return math.ceil(capacity_factor * batch * seq / num_experts)


@wrong("4.3-8", "Where the places come out whole already")
def one_more_than_the_floor(batch, seq, num_experts, top_k, capacity_factor):
    return int(capacity_factor * batch * seq * top_k // num_experts) + 1


@wrong("4.3-9", "It comes out as if all choices of a token were served before")
def token_by_token(expert, num_experts, capacity):
    used, kept = [0] * num_experts, torch.zeros(expert.shape, dtype=torch.bool)
    for t, row in enumerate(expert.tolist()):
        for j, e in enumerate(row):
            kept[t, j] = used[e] < capacity
            used[e] += 1
    return kept


@wrong("4.3-9", "First and second choices")
def capacity_for_each_column(expert, num_experts, capacity):
    hot = F.one_hot(expert, num_experts)
    place = hot.cumsum(0) * hot
    return place.sum(-1) <= capacity


@wrong("4.3-9", "An expert does not take just as many as its capacity, but one")
def one_too_many(expert, num_experts, capacity):
    used, kept = [0] * num_experts, torch.zeros(expert.shape, dtype=torch.bool)
    for j in range(expert.shape[1]):
        for t in range(expert.shape[0]):
            e = int(expert[t, j])
            kept[t, j] = used[e] <= capacity
            used[e] += 1
    return kept


@wrong("4.3-9", "Within a column you serve the last token first, so it is the")
def last_tokens_first(expert, num_experts, capacity):
    used, kept = [0] * num_experts, torch.zeros(expert.shape, dtype=torch.bool)
    for j in range(expert.shape[1]):
        for t in reversed(range(expert.shape[0])):
            e = int(expert[t, j])
            if used[e] < capacity:
                kept[t, j] = True
                used[e] += 1
    return kept


@right("4.3-9")
def sorted_in_order_of_service(expert, num_experts, capacity):
    service = expert.T.flatten()
    order = service.argsort(stable=True)
    first = torch.searchsorted(service[order].contiguous(), service[order].contiguous())
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order)) - first
    return (rank < capacity).view(expert.shape[1], -1).T


@wrong("4.3-10", "Where an answer was dropped")
def again_rubbish_times_zero(x, answers, gates, kept):
    return x + ((gates * kept)[..., None] * answers).sum(1)


@wrong("4.3-10", "You rescale the gates")
def gates_raised_again(x, answers, gates, kept):
    g = gates * kept
    g = g * gates.sum(1, keepdim=True) / g.sum(1, keepdim=True).clamp(min=1e-9)
    return x + (g[..., None] * answers.masked_fill(~kept[..., None], 0)).sum(1)


@wrong("4.3-10", "A token that was dropped")
def dropped_token_gives_zero(x, answers, gates, kept):
    y = (gates[..., None] * answers.masked_fill(~kept[..., None], 0)).sum(1)
    return torch.where(kept.any(1, keepdim=True), x + y, 0.0)


@wrong("4.3-10", "The residual is scaled as")
def residual_weighted_by_what_is_left(x, answers, gates, kept):
    g = gates * kept
    y = (g[..., None] * answers.masked_fill(~kept[..., None], 0)).sum(1)
    return (1 - g.sum(1, keepdim=True)) * x + y


@right("4.3-10")
def added_choice_by_choice(x, answers, gates, kept):
    out = x.clone()
    for t, j in kept.nonzero().tolist():
        out[t] += gates[t, j] * answers[t, j]
    return out


@wrong("4.3-11", "You multiply what the expert")
def gate_before_the_expert(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, f in enumerate(experts):
        t, j = (expert == e).nonzero(as_tuple=True)
        if len(t):
            y.index_add_(0, t, f(x[t] * gate[t, j, None]))
    return y


@wrong("4.3-11", "The output is right, but an expert is called once for the")
def called_for_every_column(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for j in range(expert.shape[1]):
        for e, f in enumerate(experts):
            t = (expert[:, j] == e).nonzero()[:, 0]
            if len(t):
                y[t] += gate[t, j, None] * f(x[t])
    return y


@wrong("4.3-11", "The output is right, but")
def called_with_nobody(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, f in enumerate(experts):
        t, j = torch.where(expert == e)
        y[t] += gate[t, j, None] * f(x[t])
    return y


@wrong("4.3-11", "The output is right, but")
def asked_by_all_tokens(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, f in enumerate(experts):
        y = y + (gate * (expert == e)).sum(1, keepdim=True) * f(x)
    return y


@wrong("4.3-12", "The total is right. For")
def router_counted_in_the_experts(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    expert = 3 * d_model * d_ff + d_model
    rest = 2 * d_model * (d_model + d_kv) + 2 * d_model
    around = 2 * vocab_size * d_model + d_model
    return (
        num_layers * (rest + num_experts * expert) + around,
        num_layers * (rest + top_k * expert) + around,
    )


@wrong("4.3-12", "You count a single table")
def one_table_for_both_ends(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    expert = 3 * d_model * d_ff
    rest = 2 * d_model * (d_model + d_kv) + d_model * num_experts + 2 * d_model
    around = vocab_size * d_model + d_model
    total = num_layers * (rest + num_experts * expert) + around
    return total, num_layers * (rest + top_k * expert) + around


@wrong("4.3-12", "A small part is missing: the router, norms, or both (each")
def last_norm_forgotten(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    expert = 3 * d_model * d_ff
    rest = 2 * d_model * (d_model + d_kv) + d_model * num_experts + 2 * d_model
    around = 2 * vocab_size * d_model
    total = num_layers * (rest + num_experts * expert) + around
    return total, num_layers * (rest + top_k * expert) + around


@wrong("4.3-12", "vocab_size x d_model")
def active_without_the_input_table(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    expert = 3 * d_model * d_ff
    rest = 2 * d_model * (d_model + d_kv) + d_model * num_experts + 2 * d_model
    around = 2 * vocab_size * d_model + d_model
    total = num_layers * (rest + num_experts * expert) + around
    return total, num_layers * (rest + top_k * expert) + around - vocab_size * d_model


@right("4.3-12")
def numbers_of_tensors_on_the_meta_device(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    d = d_model
    layer = np.prod([[d, d], [d, d], [d, d_kv], [d, d_kv], [d, num_experts], [d, 2]], axis=1).sum()
    ends = np.prod([[vocab_size, d], [vocab_size, d], [d, 1]], axis=1).sum()
    total, active = (num_layers * (layer + 3 * d * d_ff * e) + ends for e in (num_experts, top_k))
    return [int(total), int(active)]


@wrong("4.3-13", "Some of your numbers, or all of them, are half of what they")
def multiplications_only(tokens, d_model, d_ff, num_experts, top_k):
    expert = 3 * tokens * d_model * d_ff
    return tokens * d_model * num_experts, num_experts * expert, top_k * expert


@wrong("4.3-13", "Your experts make two products")
def again_two_matrices_an_expert(tokens, d_model, d_ff, num_experts, top_k):
    expert = 2 * 2 * tokens * d_model * d_ff
    return 2 * tokens * d_model * num_experts, num_experts * expert, top_k * expert


@wrong("4.3-13", "You add the router to the")
def router_added_to_all(tokens, d_model, d_ff, num_experts, top_k):
    router = 2 * tokens * d_model * num_experts
    expert = 6 * tokens * d_model * d_ff
    return router, router + num_experts * expert, router + top_k * expert


@wrong("4.3-14", "Your numbers are 0.69 of")
def natural_logarithm(counts):
    p = counts / counts.sum()
    joint = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p * torch.where(p > 0, p / joint, 1.0).log()).sum()


@wrong("4.3-14", "You compute the entropy")
def joint_entropy(counts):
    p = counts / counts.sum()
    return torch.special.entr(p).sum() / math.log(2)


@wrong("4.3-14", "You turn each expert's row")
def information_of_normed_rows(counts):
    p = counts / counts.sum(1, keepdim=True)
    p = torch.nan_to_num(p) / len(counts)
    joint = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return (p * torch.where(p > 0, p / joint, 1.0).log2()).sum()


@wrong("4.3-14", "You compute the uncertainty")
def conditional_entropy_left_over(counts):
    p = counts / counts.sum()
    domains = torch.special.entr(p.sum(0)).sum()
    both = torch.special.entr(p).sum()
    return (both - domains) / math.log(2)


@right("4.3-14")
def sum_of_entropies_less_the_joint(counts):
    def bits(c):
        c = c[c > 0].double() / counts.sum()
        return -(c * torch.log2(c)).sum()

    return (bits(counts.sum(0)) + bits(counts.sum(1)) - bits(counts.flatten())).clamp(min=0).float()
