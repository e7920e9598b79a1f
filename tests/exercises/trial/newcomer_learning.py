"""Answers to chapters 3.1 to 3.3, written from the statements alone: hiding, counting, keeping, judging."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong

# ---- 3.1 ----


@wrong("3.1-1", "It comes out as if a token were scored where the inputs differ from")
def targets_where_the_input_changed(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8) & (fate < 0.9), other, inputs)
    return inputs, torch.where(inputs != tokens, tokens, -100)


@wrong("3.1-1", "The chosen tokens that are not masked all become random ones")
def tenth_of_the_rest(tokens, choice, fate, other, mask_id):
    chosen = choice < 0.15
    inputs = torch.where(chosen & (fate < 0.8), mask_id, tokens)
    inputs = torch.where(chosen & (fate >= 0.8), other, inputs)
    return inputs, torch.where(chosen, tokens, -100)


@right("3.1-1")
def hidden_one_by_one(tokens, choice, fate, other, mask_id):
    inputs, targets = tokens.clone(), torch.full_like(tokens, -100)
    for b, s in (choice < 0.15).nonzero().tolist():
        targets[b, s] = tokens[b, s]
        if fate[b, s] < 0.9:
            inputs[b, s] = mask_id if fate[b, s] < 0.8 else other[b, s]
    return [inputs, targets]


@wrong("3.1-2", "You take the mean of each row first. A hidden token in a row")
def each_row_alike(logits, tokens, hidden):
    nats = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none") * hidden
    return (nats.sum(1) / hidden.sum(1).clamp(min=1)).mean()


@wrong("3.1-2", "You add up the surprise of the hidden tokens, but divide by")
def over_all_places(logits, tokens, hidden):
    nats = F.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
    return (nats * hidden).mean()


@wrong("3.1-3", "You take the first draws of the list, one for each word. A")
def draw_of_the_words_number(starts, draws, share):
    word = torch.as_tensor(starts).long().cumsum(0) - 1
    return draws[word] < share


@wrong("3.1-3", "You hide a word as soon as one of its tokens has a low draw.")
def any_token_hides_its_word(starts, draws, share):
    word = torch.as_tensor(starts).long().cumsum(0) - 1
    low = draws < share
    return torch.stack([low[word == w].any() for w in word])


@wrong("3.1-5", "Your divisor is the number of characters. A letter outside of English")
def per_letter(nats, text):
    return float(sum(nats)) / math.log(2) / len(text)


@wrong("3.1-5", "You multiply by ln 2 where you should divide. One nat is more")
def nats_times_ln_two(nats, text):
    return float(sum(nats)) * math.log(2) / len(text.encode())


@wrong("3.1-6", "All before the token that you ask for is hidden too, as when masks")
def all_before_stay_hidden(model, tokens, mask_id):
    read, out = tokens.clone(), []
    for i in range(len(tokens)):
        read[i] = mask_id
        out.append(model(read[None])[0, i, tokens[i]])
    return torch.stack(out)


@wrong("3.1-6", "You ask how likely the mask itself is at its place. Asked for")
def what_the_mask_would_say(model, tokens, mask_id):
    out = []
    for i in range(len(tokens)):
        read = tokens.clone()
        read[i] = mask_id
        out.append(model(read[None])[0, i, mask_id])
    return torch.stack(out)


@right("3.1-6")
def one_batch_of_all(model, tokens, mask_id):
    n = len(tokens)
    read = torch.where(torch.eye(n, dtype=torch.bool), mask_id, tokens.expand(n, n))
    return model(read).diagonal(dim1=0, dim2=1).T.gather(1, tokens[:, None]).squeeze(1)


def gaps(tokens, hidden):
    out, run = [], None
    for t, h in zip(tokens, hidden, strict=True):
        if h and run is not None:
            run.append(t)
        elif h:
            run = [t]
            out.append(run)
        else:
            run = None
    return out


@wrong("3.1-7", "The sentinel stands behind the tokens of its gap in your")
def sentinel_behind_its_gap(tokens, hidden, sentinels):
    inputs, targets, k, before = [], [], 0, False
    for t, h in zip(tokens, hidden, strict=True):
        if h and not before:
            inputs.append(sentinels[k])
        if before and not h:
            targets.append(sentinels[k])
            k += 1
        (targets if h else inputs).append(t)
        before = bool(h)
    if before:
        targets.append(sentinels[k])
        k += 1
    return torch.stack(inputs), torch.stack([*targets, sentinels[k]])


@wrong("3.1-8", "You leave out how likely each candidate is after the left")
def right_side_alone(before, after):
    return torch.softmax(after.sum(1), 0)


@right("3.1-8")
def log_sum_in_numpy(before, after):
    total = before.double().numpy() + after.double().numpy().sum(1)
    p = np.exp(total - total.max())
    return p / p.sum()


RACE = {
    "masked": 153600,
    "causal": 384000,
    "steps": 1500,
    "passes": 2000,
    "control": "the masked model after as many questions",
}


@wrong("3.1-9", "You leave out the first token of each window, for nothing stands")
def first_token_is_not_asked():
    return {**RACE, "causal": 600 * 16 * 39}


@wrong("3.1-9", "You give the masked model fewer steps than before. It is")
def fewer_steps_for_the_masked_one():
    return {**RACE, "steps": 240}


@wrong("3.1-9", "A run that goes on until the wished for result is there")
def until_it_wins():
    return {**RACE, "control": "the masked model after as many steps as it needs to win"}


@wrong("3.1-9", "One pass from the left gives a guess that has not seen the")
def in_one_pass():
    return {**RACE, "passes": 1}


TRAINED = np.array([0.592, 0.587, 0.581, 0.576, 0.586])
NEW = np.array([0.566, 0.568, 0.556, 0.562, 0.549])
SHUFFLED = np.array([0.63, 0.617, 0.61, 0.62, 0.616])


def verdict_of(gains, ddof=1, name="does not hold", selectivity=None):
    half = 2.776 * gains.std(ddof=ddof) / 5**0.5
    return {
        "gain": gains.mean(),
        "low": gains.mean() - half,
        "high": gains.mean() + half,
        "verdict": name,
        "selectivity": TRAINED.mean() - 0.39 if selectivity is None else selectivity,
    }


@wrong("3.1-10", "You compare with the new body. The shuffled one knows as")
def against_the_weaker_control():
    return verdict_of(TRAINED - NEW, name="not shown")


@wrong("3.1-10", "Asked for: trained less the better control (the one with the")
def against_both_controls():
    return verdict_of(TRAINED - (NEW + SHUFFLED) / 2)


@wrong("3.1-10", "Asked for: the trained body's mean share right less its")
def ratio_for_selectivity():
    return verdict_of(TRAINED - SHUFFLED, selectivity=TRAINED.mean() / 0.39)


@wrong("3.1-10", "You divide the squares by their number. From five values the")
def spread_with_n():
    return verdict_of(TRAINED - SHUFFLED, ddof=0)


@right("3.1-10")
def numbers_of_numpy():
    return verdict_of(TRAINED - SHUFFLED)


# ---- 3.2 ----


def near(tokens, vocab_size, window, both=True):
    counts = torch.zeros(vocab_size, vocab_size)
    for i in range(len(tokens)):
        for j in range(i + 1, min(i + window + 1, len(tokens))):
            if tokens[i] >= 0 and tokens[j] >= 0:
                counts[tokens[i], tokens[j]] += 1
                counts[tokens[j], tokens[i]] += both
    return counts


@wrong("3.2-1", "Each place looks in one direction only, so that each pair of places")
def to_the_right_alone(tokens, vocab_size, window):
    return near(tokens, vocab_size, window, both=False)


@wrong("3.2-1", "It comes out as if the places without a word were taken out of the")
def gaps_closed_up(tokens, vocab_size, window):
    return near(tokens[tokens >= 0], vocab_size, window)


@wrong("3.2-1", "You leave out pairs of equal words. Two places may hold the")
def same_word_not_its_neighbour(tokens, vocab_size, window):
    return near(tokens, vocab_size, window).fill_diagonal_(0)


@wrong("3.2-2", "The columns have no say in your divisor, in which P(w) may")
def rows_alone_in_the_denominator(counts):
    p = counts / counts.sum()
    rows = p.sum(1, keepdim=True)
    pmi = (p / (rows * rows.T if p.shape[0] == p.shape[1] else rows)).log()
    return torch.where(counts > 0, pmi, 0.0).clamp(min=0)


@wrong("3.2-2", "You set the pairs that never met to 0 and keep those that met")
def negative_ones_kept(counts):
    p = counts / counts.sum()
    pmi = (p / (p.sum(1, keepdim=True) * p.sum(0, keepdim=True))).log()
    return torch.where(counts > 0, pmi, 0.0)


@right("3.2-2")
def pmi_from_logarithms(counts):
    n = np.asarray(counts, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        pmi = np.log(n) + np.log(n.sum()) - np.log(n.sum(1))[:, None] - np.log(n.sum(0))
    return np.nan_to_num(np.maximum(pmi, 0), posinf=0, neginf=0)


@wrong("3.2-3", "You take the query's row out before you choose, and all rows")
def numbers_after_the_query_shift(vectors, query, k):
    unit = F.normalize(vectors, dim=1)
    others = torch.cat([unit[:query], unit[query + 1 :]])
    return (others @ unit[query]).topk(k).indices


@wrong("3.2-3", "You look for the smallest distance between the tips of the")
def euclidean_neighbours(vectors, query, k):
    distance = (vectors - vectors[query]).norm(dim=1)
    distance[query] = torch.inf
    return distance.topk(k, largest=False).indices


@right("3.2-3")
def between_unit_vectors(vectors, query, k):
    unit = vectors / vectors.norm(dim=1, keepdim=True)
    order = (unit - unit[query]).norm(dim=1).argsort().tolist()
    return [row for row in order if row != query][:k]


@wrong("3.2-4", "You put numbers through a softmax. Shares in proportion to a weight")
def power_of_e(counts, power):
    return torch.softmax(torch.as_tensor(counts).float() * power, 0)


@wrong("3.2-4", "You add 1 to the counts: that changes the shares, and a word that is")
def unseen_drawn_once(counts, power):
    raised = (torch.as_tensor(counts).float() + 1) ** power
    return raised / raised.sum()


@wrong("3.2-4", "what comes out does not sum to 1")
def not_shared_out(counts, power):
    counts = torch.as_tensor(counts).double()
    return (counts / counts.sum()) ** power


@wrong("3.2-5", "You set the score of a true context among the drawn to 0.")
def left_out_by_a_score_of_zero(word_table, context_table, words, contexts, drawn):
    v = word_table[words]
    yes = F.logsigmoid((v * context_table[contexts]).sum(-1))
    keep = drawn != contexts[:, None]
    return -(yes + F.logsigmoid(-(v[:, None] * context_table[drawn]).sum(-1) * keep).sum(1)).mean()


@wrong("3.2-6", "Your softmax runs over the anchors, for each positive. Asked")
def asks_the_other_way_round(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    return F.cross_entropy(scores.T, torch.arange(len(anchors)))


@wrong("3.2-6", "The sum in the denominator runs over the negatives only. The")
def own_positive_not_below(anchors, positives, temperature):
    scores = F.normalize(anchors, dim=1) @ F.normalize(positives, dim=1).T / temperature
    others = scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -torch.inf)
    return (others.logsumexp(1) - scores.diagonal()).mean()


@wrong("3.2-7", "You pull the twins as well, as supervised contrastive")
def all_of_the_group_are_positives(scores, groups):
    same = (groups[:, None] == groups).float()
    return -(scores.log_softmax(1) * same / same.sum(1, keepdim=True)).sum(1).mean()


CLUSTERS = {
    "A": 0.19 / 0.62,
    "B": 0.02 / 0.34,
    "better": "A",
    "control": "the same clusters, with the classes shuffled",
}


@wrong("3.2-9", "You take chance off and stop there. One who starts at 0.6 can")
def above_chance_by_so_much():
    return {**CLUSTERS, "A": 0.19, "B": 0.02}


@wrong("3.2-9", "Compare A and B, the parts of the way that you were asked")
def twice_as_many_clusters():
    return {**CLUSTERS, "control": "B with twice as many clusters", "better": "neither"}


CONTRAST = {
    "over counts": 0.21,
    "over plain": 0.006,
    "error": float(np.std([0.01, 0.03, -0.03, 0.01, 0.01], ddof=1) / 5**0.5),
    "verdict": "not shown",
    "control": "plain vectors from the same unlabelled text",
}


@wrong("3.2-10", "You take the spread of each row by itself. What makes a draw")
def error_of_two_samples():
    plain, contrast = [0.45, 0.52, 0.43, 0.38, 0.45], [0.46, 0.55, 0.4, 0.39, 0.46]
    both = np.var(plain, ddof=1) + np.var(contrast, ddof=1)
    return {**CONTRAST, "error": float((both / 5) ** 0.5)}


@wrong("3.2-10", "That is the spread of one difference, or the error of the")
def spread_for_error():
    return {**CONTRAST, "error": CONTRAST["error"] * 5**0.5}


@wrong("3.2-10", "That is not what the rule says. Write down both ends of the")
def too_small_to_hold():
    return {**CONTRAST, "verdict": "does not hold"}


# ---- 3.3 ----


@wrong("3.3-1", "Your backward transfer is divided by the number of all tasks.")
def backward_over_all_tasks(accuracy, untrained):
    last, own = accuracy[-1], accuracy.diagonal()
    return last.mean(), (last - own).mean(), (accuracy.diagonal(1) - untrained[1:]).mean()


@wrong("3.3-1", "Your forward transfer reads the diagonal, where the task has")
def forward_after_its_own_training(accuracy, untrained):
    last, own = accuracy[-1], accuracy.diagonal()
    return last.mean(), (last - own)[:-1].mean(), (own - untrained)[1:].mean()


@right("3.3-1")
def transfer_as_an_array(accuracy, untrained):
    a, u = np.asarray(accuracy), np.asarray(untrained)
    t = len(a)
    back = sum(a[-1, j] - a[j, j] for j in range(t - 1)) / (t - 1)
    ahead = sum(a[j - 1, j] - u[j] for j in range(1, t)) / (t - 1)
    return np.array([a[-1].sum() / t, back, ahead])


@wrong("3.3-2", "Held-out items stay out, but you count them as seen. The")
def test_data_count_as_seen(stream, held_out, draws, capacity):
    buffer = []
    for seen, (item, test, draw) in enumerate(zip(stream, held_out, draws, strict=True), 1):
        if test:
            continue
        if len(buffer) < capacity:
            buffer.append(item)
        elif (place := int(draw * seen)) < capacity:
            buffer[place] = item
    return torch.stack(buffer) if buffer else stream[:0]


@wrong("3.3-2", "Every item finds a place in your full buffer, so the past is")
def draw_over_the_capacity(stream, held_out, draws, capacity):
    buffer = []
    for item, test, draw in zip(stream, held_out, draws, strict=True):
        if test:
            continue
        if len(buffer) < capacity:
            buffer.append(item)
        else:
            buffer[int(draw * capacity)] = item
    return torch.stack(buffer) if buffer else stream[:0]


def fisher_of(weights, inputs, labels):
    p = (inputs @ weights.T).softmax(1)
    error = F.one_hot(labels, weights.shape[0]) - p
    return error[:, :, None] * inputs[:, None, :]


@wrong("3.3-3", "You take the gradients for the labels of the data: that is")
def with_the_labels_of_the_data(weights, inputs, labels, uniforms):
    return (fisher_of(weights, inputs, labels) ** 2).mean(0)


@wrong("3.3-3", "You take the most likely class of each example. The model's")
def likeliest_class_for_the_drawn(weights, inputs, labels, uniforms):
    return (fisher_of(weights, inputs, (inputs @ weights.T).argmax(1)) ** 2).mean(0)


@wrong("3.3-3", "You square the mean of the gradients. Those of opposite")
def square_of_the_mean(weights, inputs, labels, uniforms):
    cumulative = (inputs @ weights.T).softmax(1).cumsum(1)
    drawn = (cumulative > uniforms[:, None]).int().argmax(1)
    return fisher_of(weights, inputs, drawn).mean(0) ** 2


@wrong("3.3-4", "You measure all old tasks from a single anchor. Each Fisher")
def pulled_to_the_mean_anchor(weights, anchors, fishers, strength):
    return strength / 2 * (fishers.sum(0) * (weights - anchors.mean(0)) ** 2).sum()


@wrong("3.3-5", "Teacher and student read the old inputs. That works, but it")
def asks_on_the_old_inputs(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new = F.cross_entropy(inputs @ weights.T, labels)
    old = (old_inputs @ old_weights.T / temperature).softmax(1)
    return new - strength * (old * (old_inputs @ weights.T / temperature).log_softmax(1)).sum(1).mean()


@wrong("3.3-5", "Only one of the two models' logits are divided")
def old_model_not_softened(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    logits, old = inputs @ weights.T, (inputs @ old_weights.T).softmax(1)
    return (
        F.cross_entropy(logits, labels)
        - strength * (old * (logits / temperature).log_softmax(1)).sum(1).mean()
    )


@right("3.3-5")
def divergence_in_place_of_entropy(weights, old_weights, inputs, labels, old_inputs, temperature, strength):
    new, old = (inputs @ w.T for w in (weights, old_weights.detach()))
    logs = [(x / temperature).log_softmax(-1) for x in (new, old)]
    kl = F.kl_div(logs[0], logs[1], reduction="batchmean", log_target=True)
    return -new.log_softmax(-1)[torch.arange(len(labels)), labels].mean() + strength * kl


@wrong("3.3-6", "Nothing is changed at the start, and nothing is learned.")
def both_from_zero(noise_down, noise_up):
    return torch.zeros_like(noise_down), torch.zeros_like(noise_up)


@wrong("3.3-6", "Nothing is changed at the start, but the rank stays 1, as")
def every_row_alike(noise_down, noise_up):
    return noise_down[:1].expand_as(noise_down).clone(), torch.zeros_like(noise_up)


@right("3.3-6")
def the_other_one_is_zero(noise_down, noise_up):
    return noise_down * 0, noise_up.clone()


@wrong("3.3-7", "You divide by the square root of the rank, as a later variant")
def root_of_the_rank(x, weight, down, up, alpha, merged):
    plain = weight if merged else weight + alpha / down.shape[0] ** 0.5 * up @ down
    return x @ plain.T, plain


@wrong("3.3-7", "One of your two results is that of the weight as it was,")
def weight_left_as_it_was(x, weight, down, up, alpha, merged):
    if merged:
        return x @ weight.T, weight
    return x @ weight.T + alpha / down.shape[0] * (x @ down.T) @ up.T, weight


@wrong("3.3-8", "You store the base again for every domain. It is the same for")
def adapters_for_one_domain(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * rank * sum(a + b for a, b in shapes)
    return one, (base_parameters + one) * domains * bytes_each, domains * base_parameters * bytes_each


@wrong("3.3-8", "You store the base besides the copies. Here a copy stands for")
def a_copy_more_for_the_base(shapes, num_layers, rank, base_parameters, domains, bytes_each):
    one = num_layers * rank * sum(a + b for a, b in shapes)
    return one, (base_parameters + domains * one) * bytes_each, (domains + 1) * base_parameters * bytes_each


FAIR = {
    "trials": 15,
    "chosen on": "a part of the training text that was kept back",
    "plain": "as many rates as EWC had trials",
    "above the table": 0.06,
    "adapter": "the one that was least surprised by the text so far",
}


@wrong("3.3-9", "To choose by the whole text is to look at bytes that are")
def looks_ahead_in_the_text():
    return {**FAIR, "adapter": "the one that is least surprised by the whole text"}


@wrong("3.3-9", "Plain training has a knob as well: a lower rate forgets less.")
def best_rate_of_another():
    return {**FAIR, "plain": "EWC's best rate"}


MATRIX = {"backward": -0.14, "by sums": 0.16, "below the table": {"prose"}, "prose helps code": True}


@wrong("3.3-10", "Your backward transfer has the sign turned round: it is the")
def forgetting_is_positive():
    return {**MATRIX, "backward": 0.14}


@wrong("3.3-10", "right: 'backward', 'by sums', 'prose helps code'. 'below the")
def sums_below_their_table():
    return {**MATRIX, "below the table": {"prose", "sums"}}


@wrong("3.3-10", "Two numbers decide: the model of prose on code, before")
def against_its_own_later_score():
    return {**MATRIX, "prose helps code": False}


@right("3.3-10")
def a_list_for_a_set():
    return {**MATRIX, "below the table": ["prose"]}


BORNE = {"borne out": 2, "open": 1, "verdict": "holds when a stage is long"}


@wrong("3.3-11", "'borne out', 'open': So many intervals have their middle above")
def above_zero_is_enough():
    return {**BORNE, "borne out": 3, "open": 0}


@wrong("3.3-11", "A condition must be true in every setting that bears the")
def one_open_setting_spoils_it():
    return {**BORNE, "verdict": "not shown"}


@wrong("3.3-11", "A condition must be true in every setting that bears the")
def by_the_order_of_the_domains():
    return {**BORNE, "verdict": "holds when sums come last"}
