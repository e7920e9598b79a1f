"""A sixth trial, chapter 3: answers written from the statements alone."""

import math
import statistics

import torch
from torch.nn import functional as F

from trial.answers import right, wrong


@wrong("3.1-1", "The targets are right. For draws")
def other_and_kept_exchanged(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.9), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)


@wrong("3.1-1", "It comes out as if a token were scored where the inputs differ from")
def targets_only_where_it_changed(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(inputs != tokens, tokens, -100)


@right("3.1-1")
def token_by_token(tokens, choice, fate, other, mask_id):
    inputs, targets = tokens.tolist(), torch.full_like(tokens, -100)
    for r in range(tokens.shape[0]):
        for t in range(tokens.shape[1]):
            if not choice[r, t] < 0.15:
                continue
            targets[r, t] = tokens[r, t]
            if fate[r, t] < 0.8:
                inputs[r][t] = mask_id
            elif fate[r, t] < 0.9:
                inputs[r][t] = int(other[r, t])
    return torch.tensor(inputs), targets


@wrong("3.1-2", "You add up the surprise of the hidden tokens, but divide")
def mean_over_all_places(logits, tokens, hidden):
    losses = F.cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="none")
    return (losses * hidden.flatten()).mean()


@right("3.1-2")
def by_a_weighted_sum(logits, tokens, hidden):
    logp = logits - logits.logsumexp(-1, keepdim=True)
    picked = (logp * F.one_hot(tokens, logits.shape[-1])).sum(-1)
    return -picked[hidden].sum() / hidden.sum()


@wrong("3.1-3", "You take the draw of a word's last token. Asked for is")
def the_last_token_decides(starts, draws, share):
    word = starts.long().cumsum(0) - 1
    hidden = torch.zeros_like(starts)
    for w in range(int(word.max()) + 1):
        places = (word == w).nonzero()[:, 0]
        hidden[places] = bool(draws[places[-1]] < share)
    return hidden


@right("3.1-3")
def carried_along(starts, draws, share):
    out, now = [], False
    for s, d in zip(starts.tolist(), draws, strict=False):
        now = bool(d < share) if s else now
        out.append(now)
    return torch.tensor(out)


@wrong("3.1-4", "You average the perplexities of the batches. The")
def mean_of_the_perplexities_by_count(losses, counts):
    return (losses.exp() * counts).sum() / counts.sum()


@wrong("3.1-5", "You make a sum of the mean surprise by the number of characters")
def characters_in_place_of_tokens(nats, text):
    return nats.mean() / math.log(2) / len(text.encode()) * len(text)


@right("3.1-5")
def bits_by_change_of_base(nats, text):
    return (nats * math.log2(math.e)).sum() / len(bytes(text, "utf-8"))


@wrong("3.1-6", "All before the token that you ask for is hidden too, as when masks")
def hidden_ones_stay_hidden(model, tokens, mask_id):
    tokens, out = tokens.clone(), []
    for t in range(len(tokens)):
        true = int(tokens[t])
        tokens[t] = mask_id
        out.append(model(tokens[None])[0, t, true])
    return torch.stack(out)


@wrong("3.1-6", "You ask how likely the mask itself is at its place. Asked")
def asked_about_the_mask(model, tokens, mask_id):
    batch = tokens.repeat(len(tokens), 1)
    batch.fill_diagonal_(mask_id)
    logp = model(batch)
    return torch.stack([logp[t, t, batch[t, t]] for t in range(len(tokens))])


@wrong("3.1-7", "You put a sentinel in place of every hidden token. A")
def a_gap_for_each_hidden_token(tokens, hidden, sentinels):
    inputs, targets, k = [], [], 0
    for t, h in zip(tokens.tolist(), hidden.tolist(), strict=False):
        if h:
            inputs.append(int(sentinels[k]))
            targets += [int(sentinels[k]), t]
            k += 1
        else:
            inputs.append(t)
    return torch.tensor(inputs), torch.tensor([*targets, int(sentinels[k])])


@wrong("3.1-8", "You take a mean of logarithms, over the tokens that follow")
def the_right_side_averaged(before, after):
    return (before + after.mean(1)).softmax(0)


@right("3.1-8")
def shifted_by_the_best(before, after):
    total = before.double() + after.double().sum(1)
    p = 2 ** ((total - total.max()) / math.log(2))
    return (p / p.sum()).float()


@wrong("3.1-9", "You give the masked model fewer steps than before. It is")
def fewer_steps_for_the_masked_one_sixth():
    return {
        "masked": 153600,
        "causal": 384000,
        "steps": 240,
        "passes": 2000,
        "control": "the masked model after as many questions",
    }


TRAINED = [0.592, 0.587, 0.581, 0.576, 0.586]
NEW_BODY = [0.566, 0.568, 0.556, 0.562, 0.549]
SHUFFLED = [0.63, 0.617, 0.61, 0.62, 0.616]


def probe_answer(control, verdict, selectivity=0.1944):
    d = [a - b for a, b in zip(TRAINED, control, strict=False)]
    mean, half = statistics.mean(d), 2.776 * statistics.stdev(d) / math.sqrt(5)
    return {
        "gain": mean,
        "low": mean - half,
        "high": mean + half,
        "verdict": verdict,
        "selectivity": selectivity,
    }


@wrong("3.1-10", "You compare with the new body. The shuffled one knows as")
def against_the_new_body():
    return probe_answer(NEW_BODY, "not shown")


@wrong("3.1-10", "You take the task off the control task. A probe that")
def selectivity_of_the_gain():
    return probe_answer(SHUFFLED, "does not hold", selectivity=0.39 - 0.5844)


@wrong("3.2-1", "It comes out as if the places without a word were taken out of the")
def missing_words_take_no_room(tokens, vocab_size, window):
    words = [t for t in tokens.tolist() if t >= 0]
    counts = torch.zeros(vocab_size, vocab_size)
    for i, w in enumerate(words):
        for j in range(max(0, i - window), min(len(words), i + window + 1)):
            if i != j:
                counts[w, words[j]] += 1
    return counts


@wrong("3.2-1", "Each place looks in one direction only, so that each pair of places")
def only_what_stands_behind(tokens, vocab_size, window):
    counts = torch.zeros(vocab_size, vocab_size)
    for i in range(len(tokens)):
        for j in range(i + 1, min(len(tokens), i + window + 1)):
            if tokens[i] >= 0 and tokens[j] >= 0:
                counts[tokens[i], tokens[j]] += 1
    return counts


@wrong("3.2-2", "You drop the sign of the logarithm: pairs that met more rarely than")
def below_zero_turned_positive(counts):
    p = counts / counts.sum()
    row = p.sum(1)
    col = p.sum(0)
    pmi = (p / (row[:, None] * col[None]).clamp(min=1e-30)).log()
    pmi = torch.where(counts > 0, pmi, torch.zeros_like(pmi))
    return pmi.abs()


@right("3.2-2")
def by_logs_of_sums(counts):
    c = counts.double()
    out = c.log() + c.sum().log() - c.sum(1, keepdim=True).log() - c.sum(0, keepdim=True).log()
    return out.nan_to_num(nan=0.0, neginf=0.0, posinf=0.0).relu().float()


@wrong("3.2-3", "Long vectors win in your list, as with plain dot products. Divide")
def only_the_query_is_normed(vectors, query, k):
    score = vectors @ vectors[query] / vectors[query].norm()
    score[query] = -torch.inf
    return score.topk(k).indices


@right("3.2-3")
def by_distance_on_the_sphere(vectors, query, k):
    unit = F.normalize(vectors.double(), dim=1)
    order = (unit - unit[query]).norm(dim=1).argsort().tolist()
    return torch.tensor([i for i in order if i != query][:k])


@wrong("3.2-4", "what comes out does not sum to 1")
def a_power_of_the_shares_sum(counts, power):
    return counts**power / counts.sum() ** power


@wrong("3.2-5", "You leave out drawn words that equal the word itself. The")
def one_wrong_context_for_all(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    no = F.logsigmoid(-(context_table[drawn] * v[:, None]).sum(-1))
    no = no.masked_fill(drawn == words[:, None], 0.0)
    return -(yes + no.sum(1)).mean()


@right("3.2-5")
def softplus_terms(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    every = torch.cat([contexts[:, None], drawn], 1)
    scores = torch.einsum("bd,bkd->bk", v, context_table[every])
    sign = torch.ones_like(scores)
    sign[:, 0] = -1
    keep = torch.cat([torch.ones_like(contexts[:, None], dtype=torch.bool), drawn != contexts[:, None]], 1)
    return (F.softplus(sign * scores) * keep).sum() / len(words)


@wrong("3.2-6", "The sum in the denominator runs over the negatives only.")
def without_its_own_positive_below(anchors, positives, temperature):
    s = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    own = s.diagonal()
    others = s.masked_fill(torch.eye(len(s), dtype=torch.bool), -torch.inf)
    return (others.logsumexp(1) - own).mean()


@wrong("3.2-7", "You leave out the whole group and with it the own")
def the_own_positive_left_out_too(scores, groups):
    same = groups[:, None] == groups[None]
    below = torch.where(same, torch.zeros_like(scores), scores.exp()).sum(1)
    return (below.log() - scores.diagonal()).mean()


@wrong("3.2-7", "You pull the twins as well, as supervised contrastive")
def other_positives_of_the_group_count_as_right(scores, groups):
    same = groups[:, None] == groups[None]
    top = scores.masked_fill(~same, -torch.inf).logsumexp(1)
    return (scores.logsumexp(1) - top).mean()


@wrong("3.2-8", "You take the mean of the clusters' purities. A cluster of")
def mean_purity_of_the_clusters(classes, clusters, shuffles):
    def purity(c):
        each = [torch.bincount(c[clusters == k]).max() / (clusters == k).sum() for k in clusters.unique()]
        return torch.stack(each).mean()

    return purity(classes), torch.stack([purity(classes[o]) for o in shuffles]).mean()


@wrong("3.2-8", "Your baseline equals the purity, as when classes")
def both_are_shuffled(classes, clusters, shuffles):
    def purity(c, k):
        return sum(torch.bincount(c[k == i]).max() for i in k.unique()) / len(c)

    return purity(classes, clusters), torch.stack([purity(classes[o], clusters[o]) for o in shuffles]).mean()


@wrong("3.2-9", "You take chance off and stop there. One who starts at 0.6")
def above_chance_but_not_on_the_way():
    return {"A": 0.19, "B": 0.02, "better": "A", "control": "the same clusters, with the classes shuffled"}


GAINS = {
    "over counts": 0.21,
    "over plain": 0.006,
    "error": statistics.stdev([0.01, 0.03, -0.03, 0.01, 0.01]) / math.sqrt(5),
    "verdict": "not shown",
    "control": "plain vectors from the same unlabelled text",
}


@wrong("3.2-10", "That is not what the rule says. Write down both ends of")
def a_small_mean_does_not_hold():
    return {**GAINS, "verdict": "does not hold"}


@wrong("3.2-10", "You take the spread of each row by itself. What makes a")
def unpaired_errors():
    a = statistics.variance([0.46, 0.55, 0.4, 0.39, 0.46]) + statistics.variance(
        [0.45, 0.52, 0.43, 0.38, 0.45]
    )
    return {**GAINS, "error": math.sqrt(a / 5)}


@wrong("3.3-1", "Your backward transfer is divided by the number of all tasks.")
def backward_over_all_tasks_sixth(accuracy, untrained):
    n = len(accuracy)
    backward = (accuracy[-1] - accuracy.diagonal()).mean()
    forward = (accuracy.diagonal(1) - untrained[1:]).mean() if n > 1 else 0.0
    return accuracy[-1].mean(), backward, forward


@right("3.3-1")
def by_loops_in_python(accuracy, untrained):
    a, u, n = accuracy.tolist(), untrained.tolist(), len(untrained)
    return (
        sum(a[-1]) / n,
        sum(a[-1][j] - a[j][j] for j in range(n - 1)) / (n - 1),
        sum(a[j - 1][j] - u[j] for j in range(1, n)) / (n - 1),
    )


@wrong("3.3-2", "Held-out items stay out, but you count them as seen. The")
def test_data_counts_as_seen(stream, held_out, draws, capacity):
    buffer = []
    for i, (x, test, d) in enumerate(zip(stream.tolist(), held_out.tolist(), draws.tolist(), strict=False)):
        if test:
            continue
        if len(buffer) < capacity:
            buffer.append(x)
        elif int(d * (i + 1)) < capacity:
            buffer[int(d * (i + 1))] = x
    return torch.tensor(buffer)


@wrong("3.3-3", "You square the mean of the gradients. Those of")
def the_mean_gradient_squared_sixth(weights, inputs, labels, uniforms):
    p = (inputs @ weights.T).softmax(1)
    drawn = (p.cumsum(1) > uniforms[:, None]).long().argmax(1)
    g = (F.one_hot(drawn, p.shape[1]) - p)[:, :, None] * inputs[:, None]
    return g.mean(0) ** 2


@right("3.3-3")
def by_autograd_one_by_one(weights, inputs, labels, uniforms):
    total = torch.zeros_like(weights)
    for x, u in zip(inputs, uniforms, strict=False):
        w = weights.detach().clone().requires_grad_()
        logp = (w @ x).log_softmax(0)
        y = min(int((logp.exp().cumsum(0) <= u).sum()), len(logp) - 1)
        (g,) = torch.autograd.grad(logp[y], w)
        total += g.square()
    return total / len(inputs)


@wrong("3.3-4", "You take the mean over the old tasks. Each keeps its full")
def the_mean_over_the_old_tasks(weights, anchors, fishers, strength):
    return strength / 2 * (fishers * (weights - anchors) ** 2).sum(1).mean()


@right("3.3-4")
def expanded_square(weights, anchors, fishers, strength):
    moved = weights[None] - anchors
    return 0.5 * strength * torch.einsum("tn,tn,tn->", fishers, moved, moved)


@wrong("3.3-5", "Teacher and student read the old inputs. That works, but")
def the_old_inputs_are_replayed(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new = F.cross_entropy(inputs @ weights.T, labels)
    soft = (old_inputs @ old_weights.T / temperature).softmax(1)
    return new + strength * F.cross_entropy(old_inputs @ weights.T / temperature, soft)


@wrong("3.3-5", "Only one of the two models' logits are divided")
def the_present_one_is_not_softened(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new = F.cross_entropy(inputs @ weights.T, labels)
    soft = (inputs @ old_weights.T / temperature).softmax(1)
    return new + strength * F.cross_entropy(inputs @ weights.T, soft)


@wrong("3.3-6", "Nothing is changed at the start, but the rank stays")
def down_made_of_equal_rows(noise_down, noise_up):
    return noise_down[:1].expand_as(noise_down).clone(), torch.zeros_like(noise_up)


@right("3.3-6")
def up_drawn_and_down_zero(noise_down, noise_up):
    return 0 * noise_down, noise_up * 1.0


@wrong("3.3-7", "You add the update to a weight that holds it already. In")
def the_merged_weight_takes_it_sixth(x, weight, down, up, alpha, merged):
    scale = alpha / down.shape[0]
    full = weight + scale * up @ down
    return x @ (weight if merged else full).T, full


@wrong("3.3-8", "You store a single adapter. Each domain has one of its")
def one_adapter_for_all_domains(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * sum(rank * (a + b) for a, b in shapes)
    return one, (base_parameters + one) * bytes_each, domains * base_parameters * bytes_each


@wrong("3.3-8", "You store the base besides the copies. Here a copy stands")
def a_base_for_each_domain_sixth(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * sum(rank * (a + b) for a, b in shapes)
    return one, (base_parameters + domains * one) * bytes_each, (domains + 1) * base_parameters * bytes_each


TRIAL = {
    "trials": 15,
    "chosen on": "a part of the training text that was kept back",
    "plain": "as many rates as EWC had trials",
    "above the table": 0.06,
    "adapter": "the one that was least surprised by the text so far",
}


@wrong("3.3-9", "To choose by the whole text is to look at bytes that are")
def the_whole_text_is_known():
    return {**TRIAL, "adapter": "the one that is least surprised by the whole text"}


MATRIX = {"backward": -0.14, "by sums": 0.16, "below the table": {"prose"}, "prose helps code": True}


@wrong("3.3-10", "You give what both later stages have taken from prose.")
def lost_since_prose_was_learned():
    return {**MATRIX, "by sums": 0.2}


@wrong("3.3-11", "'borne out', 'open': So many intervals have their middle above")
def nearly_above_is_borne_out():
    return {"borne out": 3, "open": 0, "verdict": "holds when a stage is long"}


@wrong("3.4-1", "At opening brackets you are off by one: they get the")
def the_opening_one_is_inside(text, deepest):
    depth, quoted, out = 0, False, []
    for c in text:
        if c == '"':
            quoted = not quoted
        if not quoted and c in "([{":
            depth += 1
        if not quoted and c in ")]}":
            depth -= 1
        out.append(min(depth, deepest))
    return torch.tensor(out)


@wrong("3.4-1", "You stop counting at the limit and then count down from")
def depth_itself_is_cut_sixth(text, deepest):
    depth, quoted, out = 0, False, []
    for c in text:
        if c == '"':
            quoted = not quoted
        if not quoted and c in ")]}":
            depth -= 1
        out.append(depth)
        if not quoted and c in "([{":
            depth = min(depth + 1, deepest)
    return torch.tensor(out)


@wrong("3.4-2", "You divide by the number of all tasks. Those that are not")
def divided_by_all_the_tasks(losses, tasks, num_classes):
    total = 0
    for t in tasks.unique():
        total = total + losses[tasks == t].mean() / num_classes[t].float().log()
    return total / len(num_classes)


@right("3.4-2")
def weights_of_the_examples(losses, tasks, num_classes):
    counts = torch.bincount(tasks, minlength=len(num_classes))
    w = 1 / (counts[tasks] * num_classes[tasks].float().log())
    return (w * losses).sum() / (counts > 0).sum()


@wrong("3.4-3", "You divide by the number of task numbers, also of those")
def empty_tasks_count_as_zero(right, tasks):
    sums = torch.zeros(int(tasks.max()) + 1).index_add(0, tasks, right.float())
    counts = torch.bincount(tasks).clamp(min=1)
    return right.float().mean(), (sums / counts).mean()


@wrong("3.4-4", "Your heads have no bias: each class has d weights and one")
def a_head_without_bias(d_model, num_layers, vocab_size, classes, step):
    def body(d):
        return vocab_size * d + num_layers * 12 * d * d

    shared = body(d_model) + sum(c * d_model for c in classes)
    w = step
    while len(classes) * body(w + step) + sum(c * (w + step) for c in classes) <= shared:
        w += step
    return shared, w, len(classes) * body(w) + sum(c * w for c in classes)


@wrong("3.4-4", "Your separate models have more parameters than the shared")
def the_width_above(d_model, num_layers, vocab_size, classes, step):
    def total(d, bodies):
        return bodies * (vocab_size * d + num_layers * 12 * d * d) + sum(c * (d + 1) for c in classes)

    shared, w = total(d_model, 1), step
    while total(w, len(classes)) < shared:
        w += step
    return shared, w, total(w, len(classes))


@wrong("3.4-5", "Your exponent is T and should be 1/T: a higher")
def power_of_the_temperature_sixth(sizes, temperature, steps):
    p = sizes**temperature
    p = p / p.sum()
    return p, p * steps / sizes


@wrong("3.4-5", "You divide by the data of all tasks together. Each task")
def passes_of_the_whole(sizes, temperature, steps):
    p = sizes ** (1 / temperature)
    p = p / p.sum()
    return p, p * steps / sizes.sum()


@wrong("3.4-6", "You read s as ln sigma: exp(-2s) and s. It is ln sigma^2,")
def s_taken_for_ln_sigma_sixth(log_variances, losses):
    return (losses * (-2 * log_variances).exp() + log_variances).sum()


@wrong("3.4-7", "You take the heads into the cosine. They add to the")
def norms_of_the_whole_gradient_sixth(gradients, shared):
    body = gradients * shared
    n = gradients.norm(dim=1)
    return (body @ body.T / (n[:, None] * n[None]).clamp(min=1e-30)).nan_to_num()


@right("3.4-7")
def normed_where_possible(gradients, shared):
    body = gradients[:, shared].double()
    n = body.norm(dim=1, keepdim=True)
    unit = torch.where(n > 0, body / torch.where(n > 0, n, torch.ones_like(n)), torch.zeros_like(body))
    return (unit @ unit.T).float()


@wrong("3.4-8", "You compare with gradients that have been changed")
def projected_on_the_changed_ones(gradients):
    out = [g.clone() for g in gradients]
    for i in range(len(out)):
        for j in range(len(out)):
            if i != j and (dot := out[i] @ out[j]) < 0:
                out[i] = out[i] - dot / (out[j] @ out[j]) * out[j]
    return torch.stack(out)


@wrong("3.4-8", "Your dot products all come from the gradient as it was at")
def agreement_by_the_original_one(gradients):
    out = []
    for i, g in enumerate(gradients):
        new = g.clone()
        for j, h in enumerate(gradients):
            if i != j and g @ h < 0:
                new = new - (g @ h) / (h @ h) * h
        out.append(new)
    return torch.stack(out)


COMPANY = {
    "nothing": -(0.85 * math.log(0.85) + 0.15 * math.log(0.15)),
    "alone": 0.483,
    "company": 0.458,
    "gain": -(0.85 * math.log(0.85) + 0.15 * math.log(0.15)) - 0.458,
    "helps": False,
}


@wrong("3.4-9", "You compare with the lone task, but a constant answer is")
def held_against_the_lone_one():
    return {**COMPANY, "gain": 0.025, "helps": True}


@wrong("3.4-9", "You pick the look where the judged loss is lowest. Then")
def stopped_by_the_judged_loss():
    nothing = COMPANY["nothing"]
    return {**COMPANY, "alone": 0.463, "company": 0.441, "gain": nothing - 0.441}


@wrong("3.4-10", "You take chance for the baseline. Somebody who always")
def half_right_by_a_constant():
    return {
        "constant": 0.5,
        "beyond": 0.12,
        "sharing": "separate bodies of the wide width",
        "conflict": "pairs that nobody made, with cosines of both signs",
        "company": "stop both sides where their watched loss is lowest",
    }


@wrong("3.4-11", "In so many settings the interval lies above zero. What")
def above_zero_is_enough():
    return {"for": 2, "against": 1, "verdict": "not shown"}


@wrong("3.5-1", "Your entropy is that of temperature 1. It belongs to")
def entropy_at_temperature_one_sixth(logits, temperature):
    p = (logits / temperature).softmax(-1)
    q = logits.softmax(-1)
    return p, -torch.special.xlogy(q, q).sum(-1) / math.log(2)


@right("3.5-1")
def entropy_by_entr(logits, temperature):
    p = torch.exp(torch.log_softmax(logits / temperature, -1))
    return p, torch.special.entr(p).sum(-1) / math.log(2)


@wrong("3.5-2", "The sign is the wrong way round")
def the_reverse_with_the_wrong_sign(student_logits, teacher_logits):
    s, t = student_logits.log_softmax(-1), teacher_logits.log_softmax(-1)
    forward = (t.exp() * (t - s)).sum(-1).mean()
    return forward, (s.exp() * (t - s)).sum(-1).mean()


@wrong("3.5-3", "Your hard loss is taken at temperature T. Labels are")
def the_hard_loss_is_softened(student_logits, teacher_logits, labels, temperature, alpha):
    s = (student_logits / temperature).log_softmax(-1)
    t = (teacher_logits / temperature).log_softmax(-1)
    soft = F.kl_div(s, t, log_target=True, reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.nll_loss(s, labels)


@right("3.5-3")
def cross_entropy_less_the_teachers_entropy(student_logits, teacher_logits, labels, temperature, alpha):
    t = (teacher_logits / temperature).softmax(-1)
    kl = F.cross_entropy(student_logits / temperature, t) - torch.special.entr(t).sum(-1).mean()
    return alpha * temperature**2 * kl + (1 - alpha) * F.cross_entropy(student_logits, labels)


@wrong("3.5-4", "After your step the teacher is in evaluation mode for")
def the_teacher_stays_in_eval(student, teacher, inputs, temperature):
    teacher.eval()
    with torch.no_grad():
        t = (teacher(inputs) / temperature).log_softmax(-1)
    s = (student(inputs) / temperature).log_softmax(-1)
    return temperature**2 * F.kl_div(s, t, log_target=True, reduction="batchmean")


@wrong("3.5-4", "It comes out as of two slips at once. You put the student")
def the_temperature_is_not_squared(student, teacher, inputs, temperature):
    modes = student.training, teacher.training
    student.eval()
    teacher.eval()
    with torch.no_grad():
        t = (teacher(inputs) / temperature).log_softmax(-1)
    s = (student(inputs) / temperature).log_softmax(-1)
    student.train(modes[0])
    teacher.train(modes[1])
    return temperature * F.kl_div(s, t, log_target=True, reduction="batchmean")


@wrong("3.5-5", "You renormalise by a softmax. Probabilities lie between 0")
def renormed_by_a_softmax(student_logits, probabilities, ids):
    logp = student_logits.log_softmax(-1).gather(1, ids)
    return -(probabilities.softmax(-1) * logp).sum(1).mean()


@wrong("3.5-6", "You sum over the real positions and divide by all. The")
def mean_over_every_place(student, teacher, projection, real):
    d = (student @ projection - teacher).masked_fill(~real[..., None], 0.0)
    return (d**2).mean()


@right("3.5-6")
def picked_before_the_projection(student, teacher, projection, real):
    return F.mse_loss(torch.einsum("ns,st->nt", student[real], projection), teacher[real])


@wrong("3.5-7", "Your loss begins one token too early: the last token of")
def the_last_prompt_token_too(logits, tokens, prompt_lengths, lengths):
    places = torch.arange(tokens.shape[1] - 1)[None]
    keep = (places >= (prompt_lengths - 2)[:, None]) & (places < (lengths - 1)[:, None])
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
    return losses[keep].mean()


@wrong("3.5-7", "You average within each row first. A token of a short text")
def mean_of_the_rows(logits, tokens, prompt_lengths, lengths):
    rows = []
    for r in range(len(tokens)):
        a, b = int(prompt_lengths[r]), int(lengths[r])
        if b > a:
            rows.append(F.cross_entropy(logits[r, a - 1 : b - 1], tokens[r, a:b]))
    return torch.stack(rows).mean()


@wrong("3.5-8", "You divide seed by seed and take the mean of the shares.")
def mean_of_the_shares_sixth(alone, distilled, teacher):
    return ((alone - distilled) / (alone - teacher)).mean()


PRICE = {
    "skill": 1.09 / 1.51,
    "lead": 0.4,
    "most of the lead": False,
    "steps": 1840,
    "control": "the student alone with as much arithmetic, on all the text",
}


@wrong("3.5-9", "You count the teacher's reading alone. A step with the")
def only_the_readings_are_paid():
    return {**PRICE, "steps": 1440}


@wrong("3.5-9", "At equal steps one of them has had a large model read")
def as_many_steps_sixth():
    return {**PRICE, "control": "the student alone after as many steps"}


@wrong("3.5-10", "You compare with the weaker control. A claim has to stand")
def against_the_worse_control_sixth():
    return {
        "gain": 10.5,
        "likeness": 5.1,
        "verdict": "holds",
        "permuted": "the favourite's place, and the other numbers dealt to other classes",
    }


@wrong("3.5-11", "You let the small model read only what it keeps. It has")
def the_small_one_does_not_work_on_what_it_hands_over():
    return {
        "random": 66,
        "kept": 0.28,
        "work": 0.28,
        "knows": True,
        "control": "the same share of the requests, drawn at random",
    }


@wrong("3.1-11", "Nothing stands between your sentences: the mark that ends")
def one_end_for_both(first, second, cls, sep):
    tokens = [cls, *first.tolist(), *second.tolist(), sep]
    return torch.tensor(tokens), torch.tensor([0] * (len(first) + 1) + [1] * (len(second) + 1))


@wrong("3.1-11", "Your segments are 1 and 2. They are rows of an embedding")
def segments_from_one(first, second, cls, sep):
    tokens = [cls, *first.tolist(), sep, *second.tolist(), sep]
    return torch.tensor(tokens), torch.tensor([1] * (len(first) + 2) + [2] * (len(second) + 1))


@wrong("3.1-12", "The sentinels still stand beside their answers in your")
def tokens_behind_their_sentinel(inputs, written, sentinels):
    marks, gaps, now = set(sentinels.tolist()), {}, None
    for token in written.tolist():
        if token in marks:
            now = token
            gaps[now] = []
        else:
            gaps[now].append(token)
    return torch.tensor([t for token in inputs.tolist() for t in (token, *gaps.get(token, []))])


@wrong("3.1-12", "A gap that was not answered is gone from your text, and")
def gaps_left_out_vanish(inputs, written, sentinels):
    marks, gaps, now = set(sentinels.tolist()), {}, None
    for token in written.tolist():
        if token in marks:
            now = token
            gaps[now] = []
        else:
            gaps[now].append(token)
    text = []
    for token in inputs.tolist():
        text += gaps.get(token, []) if token in marks else [token]
    return torch.tensor(text)
