"""A twelfth trial: answers that were right in every case, until a case was added for just their slip."""

import difflib
import math

import torch

from trial.answers import right, wrong


# torch sorts more than 16 numbers without keeping the order of equal ones
@wrong("4.3-2", "where logits are equal")
def experts_by_a_sort_that_exchanges(logits, top_k):
    chosen = logits.argsort(dim=-1, descending=True)[:, :top_k]
    hidden = torch.ones_like(logits, dtype=torch.bool).scatter(-1, chosen, False)
    return logits.masked_fill(hidden, -torch.inf).softmax(dim=-1)


# A chosen expert of probability 0 is not counted
@wrong("4.3-6", "You count gates above zero.")
def load_by_nonzero_gates(probs, bias, top_k, rate):
    chosen = (probs + bias).topk(top_k).indices
    gates = torch.zeros_like(probs).scatter(-1, chosen, probs.gather(-1, chosen))
    load = (gates > 0).sum(0).float()
    return gates, bias + rate * torch.sign(load.mean() - load)


# The next best is looked for where the best was set to -1, but all sums are lower
@wrong("4.3-6", "the same expert is chosen again")
def the_best_set_to_minus_one(probs, bias, top_k, rate):
    sums, mask = probs + bias, torch.zeros_like(probs, dtype=torch.bool)
    for _ in range(top_k):
        best = sums.argmax(-1, keepdim=True)
        mask.scatter_(-1, best, True)
        sums.scatter_(-1, best, -1.0)
    load = mask.sum(0).float()
    return probs * mask, bias + rate * torch.sign(load.mean() - load)


@wrong("4.3-7", "where tokens are equal")
def tokens_by_a_sort_that_exchanges(logits, capacity):
    probs = logits.softmax(-1)
    order = probs.argsort(dim=0, descending=True)
    return probs * torch.zeros_like(probs).scatter(0, order[:capacity], 1.0)


@wrong("4.3-8", "Above 16 million")
def rounded_up_by_torch(batch, seq, num_experts, top_k, capacity_factor):
    return int(torch.ceil(torch.tensor(capacity_factor * batch * seq * top_k / num_experts)))


@wrong("4.3-9", "unless it is told to be stable")
def places_by_a_sort_that_exchanges(expert, num_experts, capacity):
    flat = expert.T.flatten()
    ordered, order = flat.sort()
    kept = torch.zeros(len(flat), dtype=torch.bool)
    kept[order] = torch.arange(len(flat)) - torch.searchsorted(ordered, ordered) < capacity
    return kept.view(expert.shape[1], -1).T


@wrong("4.3-10", "zero times infinity is NaN")
def nan_made_zero(x, answers, gates, kept):
    clean = torch.where(answers.isnan(), 0.0, answers)
    return x + ((gates * kept).unsqueeze(-1) * clean).sum(1)


# nan_to_num makes the infinite finite, and zero times that is zero
@right("4.3-10")
def all_rubbish_made_finite(x, answers, gates, kept):
    return x + torch.einsum("tk,tkd->td", gates * kept, answers.nan_to_num())


@wrong("4.3-11", "A token whose gate is 0 is not asked about")
def groups_by_gates_above_zero(x, expert, gate, experts):
    table = torch.zeros(len(x), len(experts)).scatter(1, expert, gate)
    y = torch.zeros_like(x)
    for i, ask in enumerate(experts):
        rows = torch.nonzero(table[:, i] > 0).squeeze(1)
        if len(rows) > 0:
            y = y.index_add(0, rows, ask(x[rows]) * table[rows, i : i + 1])
    return y


@wrong("5-1", "a dictionary keeps one entry for a key")
def batches_in_a_dictionary(losses, counts, text):
    batches = dict(zip(losses, counts, strict=True))
    return sum(loss * n for loss, n in batches.items()) / math.log(2) / len(text.encode())


@wrong("5-1", "`list.index` finds the first")
def counts_looked_up_by_the_loss(losses, counts, text):
    nats = sum(loss * counts[losses.index(loss)] for loss in losses)
    return nats / math.log(2) / len(text.encode())


@wrong("5-1", "Add the nats.")
def a_product_of_probabilities(losses, counts, text):
    likely = 1.0
    for loss, count in zip(losses, counts, strict=True):
        likely *= math.exp(-loss * count)
    return (-math.log2(likely) if likely > 0 else math.inf) / len(text.encode("utf-8"))


@wrong("5-1", "Some, such as 🙂, have four")
def bytes_counted_by_hand(losses, counts, text):
    size = sum(1 if ord(c) < 128 else 2 if ord(c) < 2048 else 3 for c in text)
    return sum(a * b for a, b in zip(losses, counts, strict=True)) / math.log(2) / size


@wrong("5-1", "line ends had no bytes")
def bytes_line_by_line(losses, counts, text):
    size = sum(len(line.encode()) for line in text.splitlines())
    return sum(a * b for a, b in zip(losses, counts, strict=True)) / math.log(2) / size


@wrong("5-2", "You join the held-out documents to one text.")
def held_out_lines_in_one_text(documents, held_out, width):
    measured = "\n".join(documents[i] for i in held_out)
    return [
        i not in held_out and not any(text[s : s + width] in measured for s in range(len(text) - width + 1))
        for i, text in enumerate(documents)
    ]


@wrong("5-2", "unless `autojunk` is False")
def the_longest_match(documents, held_out, width):
    answers = []
    for i, text in enumerate(documents):
        sizes = [
            difflib.SequenceMatcher(None, text, documents[h])
            .find_longest_match(0, len(text), 0, len(documents[h]))
            .size
            for h in held_out
        ]
        answers.append(i not in held_out and max(sizes) < width)
    return answers


@wrong("5-2", "without their blanks")
def blanks_made_one(documents, held_out, width):
    texts = [" ".join(text.split()) for text in documents]
    cut = [{t[s : s + width] for s in range(len(t) - width + 1)} for t in texts]
    read = set().union(*(cut[h] for h in held_out))
    return [i not in held_out and not read & own for i, own in enumerate(cut)]


@wrong("5-3", "Your lowest loss begins with a fixed number")
def from_a_billion(losses, patience):
    best, lowest = 0, 1e9
    for now, loss in enumerate(losses):
        if loss < lowest:
            best, lowest = now, loss
        if now - best == patience:
            return now, best
    return len(losses) - 1, best


@wrong("5-3", "Python takes 0 for False")
def a_lowest_loss_of_zero(losses, patience):
    best, lowest, waited = 0, None, 0
    for now, loss in enumerate(losses):
        if loss == loss and (not lowest or loss < lowest):
            best, lowest, waited = now, loss, 0
        elif now:
            waited += 1
        if waited == patience:
            return now, best
    return len(losses) - 1, best


# The loop begins with the second evaluation, and its variable is used behind it
@wrong("5-3", "UnboundLocalError")
def a_loop_that_may_not_run(losses, patience):
    best = 0
    for now in range(1, len(losses)):
        if losses[now] < losses[best] or (math.isnan(losses[best]) and not math.isnan(losses[now])):
            best = now
        if now - best >= patience:
            break
    return now, best


@wrong("5-5", "a sort without `stable=True` may")
def tokens_by_a_sort_that_changes_equals(logits, top_p):
    probs, order = torch.sort(torch.softmax(logits, -1), descending=True)
    probs[probs.cumsum(-1) - probs >= top_p] = 0
    return torch.zeros_like(logits).scatter(-1, order, probs / probs.sum(-1, keepdim=True))
