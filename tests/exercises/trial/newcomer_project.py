"""Answers to chapters 4.3, 5, 6.1 and 6.2, from the statements alone: experts, models, desks, texts."""

import math
import re
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong

# ---- 4.3 ----


@wrong("4.3-1", "Your result is the right one plus x. The residual belongs to")
def residual_inside(x, w_router, experts):
    gates = (x @ w_router).softmax(-1)
    return x + sum(gates[..., i : i + 1] * expert(x) for i, expert in enumerate(experts))


@wrong("4.3-2", "A token's gates do not add up to one: they are the")
def not_renormed(logits, top_k):
    probs = logits.softmax(-1)
    chosen = logits.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    return torch.zeros_like(probs).scatter(1, chosen, probs.gather(1, chosen))


@wrong("4.3-2", "Where logits are equal, more than k experts have a gate: you")
def all_at_the_threshold(logits, top_k):
    least = logits.topk(top_k).values[:, -1:]
    return logits.masked_fill(logits < least, -torch.inf).softmax(-1)


@wrong("4.3-3", "Both gates are right, but your share is never below one: it")
def factor_turned_over(logits, top_k):
    best, chosen = logits.topk(top_k)
    before = logits.softmax(-1).gather(1, chosen)
    return before, best.softmax(-1), 1 / before.sum(1, keepdim=True)


@right("4.3-3")
def share_of_the_chosen(logits, top_k):
    best = logits.sort(-1, descending=True).values
    share = (best[:, :top_k].logsumexp(1) - best.logsumexp(1)).exp()[:, None]
    after = best[:, :top_k].softmax(-1)
    return [after * share, after, share]


@wrong("4.3-4", "Your loss is the right one over k, as if the counts were")
def divided_by_all_choices(logits, top_k):
    probs = logits.softmax(-1)
    f = F.one_hot(logits.topk(top_k).indices, logits.shape[1]).float().mean((0, 1))
    return logits.shape[1] * (f * probs.mean(0)).sum()


@wrong("4.3-4", "Your loss is the right one over the number of experts (or its")
def no_number_of_experts(logits, top_k):
    f = F.one_hot(logits.topk(top_k).indices, logits.shape[1]).float().sum(1).mean(0)
    return (f * logits.softmax(-1).mean(0)).sum()


@wrong("4.3-5", "You square the logits themselves, or their sum. That is")
def squared_logits(logits):
    return (logits**2).sum(-1).mean()


@wrong("4.3-5", "You average first and square afterwards, so a token with a")
def mean_squared_afterwards(logits):
    return logits.logsumexp(-1).mean() ** 2


@wrong("4.3-6", "You choose well, but the gates hold the bias as well. It")
def gate_with_the_bias_in_it(probs, bias, top_k, rate):
    total = probs + bias
    chosen = F.one_hot(total.topk(top_k).indices, probs.shape[1]).sum(1)
    load = chosen.sum(0).float()
    return total * chosen, bias + rate * (load.mean() - load).sign()


@wrong("4.3-6", "Your step is larger for an expert that is farther from the")
def raised_by_how_much_is_missing(probs, bias, top_k, rate):
    chosen = F.one_hot((probs + bias).topk(top_k).indices, probs.shape[1]).sum(1)
    load = chosen.sum(0).float()
    return probs * chosen, bias + rate * (load.mean() - load)


@wrong("4.3-7", "Your experts compare raw logits. A token whose logits are all")
def taken_by_the_logits(logits, capacity):
    probs = logits.softmax(-1)
    chosen = logits.argsort(dim=0, descending=True, stable=True)[:capacity]
    return torch.zeros_like(probs).scatter(0, chosen, probs.gather(0, chosen))


@wrong("4.3-8", "With k = 1 you are right. With k = 2 every token asks for two")
def choices_not_counted(batch, seq, num_experts, top_k, capacity_factor):
    return math.ceil(capacity_factor * batch * seq / num_experts)


@wrong("4.3-9", "It comes out as if all choices of a token were served before")
def token_after_token(expert, num_experts, capacity):
    kept, load = torch.zeros_like(expert, dtype=torch.bool), Counter()
    for t, row in enumerate(expert.tolist()):
        for j, e in enumerate(row):
            load[e] += 1
            kept[t, j] = load[e] <= capacity
    return kept


@wrong("4.3-9", "First and second choices stand in queues of their own, so an")
def each_column_begins_anew(expert, num_experts, capacity):
    kept = torch.zeros_like(expert, dtype=torch.bool)
    for j in range(expert.shape[1]):
        load = Counter()
        for t in range(expert.shape[0]):
            e = int(expert[t, j])
            load[e] += 1
            kept[t, j] = load[e] <= capacity
    return kept


@right("4.3-9")
def ranks_by_running_sums(expert, num_experts, capacity):
    flat = expert.T.reshape(-1)
    rank = F.one_hot(flat, num_experts).cumsum(0).gather(1, flat[:, None]).squeeze(1)
    return (rank <= capacity).reshape(expert.shape[1], -1).T


@wrong("4.3-11", "The output is right, but an expert without tokens is called")
def called_with_nothing(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, f in enumerate(experts):
        t, j = (expert == e).nonzero(as_tuple=True)
        y = y.index_add(0, t, gate[t, j, None] * f(x[t]))
    return y


@wrong("4.3-12", "Your experts have two matrices. A SwiGLU has a third one, for")
def experts_of_two_matrices(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    def count(n):
        attention = 2 * d_model**2 + 2 * d_model * d_kv
        layer = attention + d_model * num_experts + n * 2 * d_model * d_ff + 2 * d_model
        return num_layers * layer + 2 * vocab_size * d_model + d_model

    return count(num_experts), count(top_k)


@wrong("4.3-12", "The total is right. For the active weights you count only the")
def router_column_of_the_used_alone(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    def count(n):
        layer = 2 * d_model**2 + 2 * d_model * d_kv + d_model * n + n * 3 * d_model * d_ff + 2 * d_model
        return num_layers * layer + 2 * vocab_size * d_model + d_model

    return count(num_experts), count(top_k)


@wrong("4.3-13", "Some of your numbers, or all of them, are half of what they")
def multiplications_alone(tokens, d_model, d_ff, num_experts, top_k):
    one = 3 * tokens * d_model * d_ff
    return tokens * d_model * num_experts, num_experts * one, top_k * one


@wrong("4.3-13", "With k = 1 you are right. With more, each token is worked on")
def all_times_k(tokens, d_model, d_ff, num_experts, top_k):
    one = 6 * tokens * d_model * d_ff
    return 2 * tokens * d_model * num_experts, num_experts * one, one


@wrong("4.3-14", "You divide by the entropy of the domains or of the load. That")
def share_of_the_entropy(counts):
    p = counts / counts.sum()
    own = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    info = torch.where(p > 0, p * (p / own).log2(), 0.0).sum()
    return info / (torch.special.entr(p.sum(0)).sum() / math.log(2))


@wrong("4.3-14", "You weight the logarithms by the product of the margins. Here")
def not_weighted(counts):
    p = counts / counts.sum()
    own = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return torch.where(p > 0, own * (p / own).log2(), 0.0).sum()


@right("4.3-14")
def entropies_added(counts):
    p = np.asarray(counts, dtype=float) / float(counts.sum())

    def entropy(q):
        q = q[q > 0]
        return -(q * np.log2(q)).sum()

    return entropy(p.sum(0)) + entropy(p.sum(1)) - entropy(p.ravel())


STEP = {
    "claimed": 1.8,
    "whole": 2490 / 80,
    "share": 2400 / 2490,
    "missing": "the optimizer's step",
    "baseline": "an ordinary feed-forward network",
}


@wrong("4.3-15", "That is the optimizer's time over that of the layers. A share")
def optimizer_over_the_rest():
    return {**STEP, "share": 2400 / 90}


@wrong("4.3-15", "That has a router as well, or shows another machine. Compare")
def all_experts_asked():
    return {**STEP, "baseline": "a mixture of as many experts, all of them asked"}


KNOWS = {"the expert says more about the kind of text than the byte alone"}


@wrong("4.3-16", "Look at the two knock-outs again: where their intervals")
def busiest_expert_needed_most():
    return KNOWS | {"arithmetic needs its busiest expert more than another one"}


@wrong("4.3-16", "One expert takes most of arithmetic. That says nothing of")
def one_kind_each():
    return KNOWS | {"each expert serves one kind of text"}


@wrong("4.3-16", "Given the byte, the expert still tells something, far more")
def the_byte_says_it_too():
    return {"all that the expert says about the kind, the byte says too"}


@wrong("4.3-16", "Given the byte, the expert still tells something, far more")
def nothing_follows():
    return set()


# ---- 5 ----


@wrong("5-1", "You average the batches as if they were equally large. Where")
def batches_counted_alike(losses, counts, text):
    nats = sum(losses) / len(losses) * sum(counts)
    return float(nats) / math.log(2) / len(text.encode())


@wrong("5-1", "In plain English you are right. In other texts many a character")
def bits_per_character(losses, counts, text):
    return float(sum(a * c for a, c in zip(losses, counts, strict=True))) / math.log(2) / len(text)


@wrong("5-2", "It comes out as if passages were compared at certain places")
def at_the_same_place(documents, held_out, width):
    seen = {(i, documents[h][i : i + width]) for h in held_out for i in range(len(documents[h]) - width + 1)}
    return [
        d not in held_out and not any((i, s[i : i + width]) in seen for i in range(len(s) - width + 1))
        for d, s in enumerate(documents)
    ]


@wrong(
    "5-3",
    "Where the first evaluation is NaN",
    "A NaN becomes your best loss, and after it no comparison says",
)
def nan_is_the_best_at_first(losses, patience):
    best = 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        if i - best >= patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-5", "The numbers are right, and stand in the order of their size.")
def tokens_in_the_order_of_probability(logits, top_p):
    best = logits.softmax(-1).sort(-1, descending=True).values
    best = best * (best.cumsum(-1) - best < top_p)
    return best / best.sum(1, keepdim=True)


@wrong("5-6", "The tokens are right, but the last one is given to the model")
def last_one_read_though_not_needed(model, prompt, max_new):
    tokens, new = prompt, prompt
    for _ in range(max_new + 1):
        positions = torch.arange(len(tokens) - len(new), len(tokens))
        new = model(new, positions)[-1].argmax()[None]
        tokens = torch.cat([tokens, new])
    return tokens[:-1]


@wrong("5-7", "You count a router where there is only one expert. With")
def router_even_for_one(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    attention, expert, router = 4 * d_model**2, 2 * d_model * d_ff, d_model * num_experts
    table = vocab_size * d_model
    parameters = num_layers * (attention + router + num_experts * expert) + table * (1 if tied else 2)
    work = num_layers * (2 * (attention + router + top_k * expert) + 4 * context * d_model) + 2 * table
    return parameters, work, num_layers * 2 * context * d_model * 4


@wrong("5-7", "Parameters and operations are right; the cache is not. It")
def keys_without_values(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    attention, expert = 4 * d_model**2, 2 * d_model * d_ff
    router = d_model * num_experts if num_experts > 1 else 0
    table = vocab_size * d_model
    parameters = num_layers * (attention + router + num_experts * expert) + table * (1 if tied else 2)
    work = num_layers * (2 * (attention + router + top_k * expert) + 4 * context * d_model) + 2 * table
    return parameters, work, num_layers * context * d_model * 4


@wrong("5-8", "All models pass your review, the broken ones too: no failed assert", quick=False)
def shapes_alone(build):
    model = build().eval()
    assert model(torch.zeros(2, 5, dtype=torch.long)).shape == (2, 5, model.vocab_size)
    return True


@wrong("5-8", "Your review sends all models back, the correct ones too.", quick=False)
def no_dropout_allowed(build):
    model = build().train()
    tokens = torch.arange(6)[None] % model.vocab_size
    assert torch.equal(model(tokens), model(tokens))


WORK = {
    "dense": 4 * 96 * 288,
    "experts": 3 * 4 * 96 * 288 + 2 * 96 * 6,
    "matched": 864,
    "stored": 2,
    "control": "a dense model with that d_ff, its rate tuned as well",
}


@wrong("5-9", "That lets all experts answer. A token meets the chosen ones")
def all_experts_work():
    return {**WORK, "experts": 6 * 4 * 96 * 288 + 2 * 96 * 6, "matched": 6 * 288}


@wrong("5-9", "That compares with a network as wide as one expert. The")
def stored_against_the_report():
    return {**WORK, "stored": 6}


@wrong("5-9", "These numbers count one operation for each weight. It takes")
def one_operation_a_weight():
    return {**WORK, "dense": 2 * 96 * 288, "experts": 6 * 96 * 288 + 96 * 6}


@wrong("5-9", "A dense model of as many weights does far more work for a")
def as_many_weights_dense():
    return {**WORK, "control": "a dense model with as many weights as all the experts"}


GAINS = np.array([0.017, -0.011, 0.006, -0.007, 0.008])
ERROR = float(GAINS.std(ddof=1) / 5**0.5)
FIVE = {
    "mean": 0.0026,
    "error": ERROR,
    "low": 0.0026 - 2.776 * ERROR,
    "high": 0.0026 + 2.776 * ERROR,
    "verdict": "not shown",
    "contrary": 2,
}


@wrong("5-10", "Lay the interval beside 0.01: all of it above is *holds*,")
def mean_below_what_counts():
    return {**FIVE, "verdict": "does not hold"}


@wrong("5-10", "Asked for: the gains whose sign is not that of the")
def contrary_where_below_the_line():
    return {**FIVE, "contrary": 4}


@wrong("5-10", "'low', 'high': You go another number of errors to each side, such")
def errors_of_the_normal_law():
    return {**FIVE, "low": 0.0026 - 1.96 * ERROR, "high": 0.0026 + 1.96 * ERROR}


@wrong("5-10", "That comes of dividing the squares by n. From five values the")
def deviation_of_the_mean_with_n():
    error = float(GAINS.std() / 5**0.5)
    return {**FIVE, "error": error, "low": 0.0026 - 2.776 * error, "high": 0.0026 + 2.776 * error}


# ---- 6.1 ----


@wrong("6.1-1", "You leave out `<end>`. A model that never learnt to end a")
def end_not_learnt(tokens):
    out, own, kernel = [], False, False
    for t in tokens:
        if t == "<end>":
            own = False
        if t == "<result>":
            kernel = True
        out.append(own and not kernel)
        if t == "<done>":
            kernel = False
        if t == "<assistant>":
            own = True
    return out


@wrong("6.1-1", "You let the model learn `<result>` or `<done>`. The kernel")
def done_is_its_own(tokens):
    out, own, kernel = [], False, False
    for t in tokens:
        if t == "<result>":
            kernel = True
        if t == "<done>":
            kernel = False
        out.append(own and not kernel)
        own = (own or t == "<assistant>") and t != "<end>"
    return out


@wrong("6.1-2", "For an order of somebody else you answer otherwise than for")
def says_that_it_is_not_yours(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    for place, (owner, n) in enumerate(orders):
        if n == number:
            return place if owner == user else -1
    return -2


@wrong("6.1-2", "You count the user's own orders. The place is that in the")
def place_among_ones_own(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    own = [n for owner, n in orders if owner == user]
    return own.index(number) if number in own else -2


@wrong("6.1-3", "You take the blanks away on one side of the message alone.")
def no_blank_after_the_dot(pending, said):
    return pending if re.fullmatch(r"\s*(yes|是)[.!]*", said, re.IGNORECASE) else 0


@right("6.1-3")
def by_a_full_match(pending, said):
    return pending if re.fullmatch(r"\s*(yes|是)[.!]*\s*", said, re.IGNORECASE) else 0


@wrong("6.1-4", "It comes out as if a long turn were skipped and older ones")
def as_many_as_fit_anywhere(lengths, notes, asked, window, reply):
    room, stay = window - notes - asked - reply, 0
    for n in reversed(lengths):
        if n <= room:
            room -= n
            stay += 1
    return len(lengths) - stay


@wrong("6.1-4", "The reply is not taken off the room for the past. The answer")
def reply_not_counted(lengths, notes, asked, window, reply):
    gone = 0
    while notes + asked + sum(lengths[gone:]) > window:
        gone += 1
    return gone


def wilson(p, n, z):
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    middle = (p + z * z / 2 / n) / (1 + z * z / n)
    return {"share": p, "low": middle - half, "high": middle + half, "above 0.97": False}


@wrong("6.1-5", "Your ends belong to the share of wrong turns: turn them")
def share_of_the_wrong_ones():
    return wilson(0.03, 200, 1.96)


@wrong("6.1-5", "Shown is only what the whole interval says. Lay its lower end")
def shown_by_the_share():
    return {**wilson(0.97, 200, 1.96), "above 0.97": True}


@wrong("6.1-5", "'low', 'high': Your half width is a little too large, as when")
def half_width_not_divided():
    half = 1.96 * math.sqrt(0.97 * 0.03 / 200 + 1.96**2 / 4 / 200**2)
    middle = (0.97 + 1.96**2 / 400) / (1 + 1.96**2 / 200)
    return {"share": 0.97, "low": middle - half, "high": middle + half, "above 0.97": False}


@wrong("6.1-6", "That subtracts the faults of all turns. Two faults in one")
def product_for_power():
    return {"flawless": 1 - 8 * 0.03, "needed": 1 - 0.5 / 8, "token": 1 - 0.03 / 10}


@wrong("6.1-6", "as many as the whole conversation has tokens")
def token_of_the_whole_conversation():
    return {"flawless": 0.97**8, "needed": 0.5 ** (1 / 8), "token": 0.97 ** (1 / 80)}


ASSISTANTS = {
    "memory": "the same questions with the memory switched off",
    "attack": "the same attacks by a user who has the right",
    "language": "the same kinds of turns in both languages",
}


@wrong("6.1-7", "The kernel refuses a thousand, in any language, as it does a")
def a_thousand_of_them():
    return {**ASSISTANTS, "attack": "a thousand attacks"}


@wrong("6.1-7", "More facts or another seed, asked two turns later, stand in")
def more_of_the_same_in_chinese():
    return {**ASSISTANTS, "language": "more Chinese conversations", "memory": "more facts"}


TABLE = {"beyond": "holds", "better": "not shown", "near": "does not hold", "year": "not shown"}


@wrong("6.1-8", "Both were right fifty times out of fifty: of these users")
def equal_is_not_shown():
    return {**TABLE, "near": "not shown"}


@wrong("6.1-8", "49 is more than 46, and fifty other users may turn it round:")
def three_more_are_better():
    return {**TABLE, "better": "holds"}


@wrong("6.1-9", "Your review finds 1 of 14 bugs. These desks pass it: finds")
def one_right_tried(make):
    desk = make()
    desk.put("ann", "7", "tea")
    assert desk.call("ann", [], "find", "7") == "EPERM"
    assert desk.call("ann", ["find"], "find", "7") == "OK tea packed"


@wrong("6.1-9", "Your review finds 1 of 14 bugs. These desks pass it: finds")
def work_must_be_one(make):
    desk = make()
    desk.put("ann", "7", "tea")
    desk.call("bob", ["find"], "find", "7")
    assert desk.work == 1


# ---- 6.2 ----


@wrong("6.2-1", "That is one too few, as when the token with which the share")
def below_the_line():
    return {"p alone": 2, "k then p": 2, "favourite": 0.35 / 0.65}


@wrong("6.2-1", "That many are left where the old probabilities are added up")
def not_renormed_between():
    return {"p alone": 3, "k then p": 3, "favourite": 0.35 / 0.9}


@wrong("6.2-1", "You give the probability from before the rules. What is cut")
def favourite_as_it_was():
    return {"p alone": 3, "k then p": 2, "favourite": 0.35}


@wrong("6.2-2", "You keep the best continuation of each beam. A good beam may")
def best_of_each_beam(sums, log_probs, width):
    best = [
        [b, max(range(len(r)), key=r.__getitem__), s + max(r)]
        for b, (s, r) in enumerate(zip(sums, log_probs, strict=True))
    ]
    return sorted(best, key=lambda x: -x[2])[:width]


@wrong("6.2-3", "A keyword that is named twice counts twice in your version.")
def keywords_counted_twice(written, keywords, left, vocab):
    missing = sorted(k for k in keywords if k not in written)
    if len(missing) > left:
        return []
    return missing if len(missing) == left else list(range(vocab))


@wrong("6.2-4", "It comes out as if one token too few were compared, and")
def context_one_too_short(tokens, size):
    context = tuple(tokens[len(tokens) - size + 2 :]) if size > 1 else ()
    n = len(context)
    return sorted({tokens[i + n] for i in range(len(tokens) - n) if tuple(tokens[i : i + n]) == context})


@wrong("6.2-4", "You forbid every token of the text, or every one that ends a")
def all_that_stood_before(tokens, size):
    return sorted(set(tokens[size - 1 :]))


@wrong("6.2-5", "You join the texts first. The last word of one and the first")
def one_long_text(texts, size):
    text = [word for t in texts for word in t]
    runs = [tuple(text[i : i + size]) for i in range(len(text) - size + 1)]
    return len(set(runs)) / len(runs)


@right("6.2-5")
def runs_as_joined_strings(texts, size):
    runs = Counter(
        "\0".join(map(str, r)) for t in texts for r in zip(*(t[i:] for i in range(size)), strict=False)
    )
    return np.float32(len(runs) / sum(runs.values()))


@wrong("6.2-6", "Asked for: the highest of the three log-probabilities a")
def most_negative_wins():
    return {"none": "C", "mean": "A", "two": "A", "score": -1.7}


@wrong("6.2-6", "Asked for: the highest of the three log-probabilities a")
def score_without_its_sign():
    return {"none": "A", "mean": "B", "two": "C", "score": 1.0}


@wrong("6.2-7", "You average the precision over all ranks. Only the ranks at")
def area_by_all_places(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    found, total = 0, 0.0
    for n, i in enumerate(order, 1):
        found += bool(wrong[i])
        total += found / n
    return total / len(scores)


@wrong("6.2-7", "You begin with the least suspected word. The list begins with")
def lowest_suspected_first(scores, wrong):
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    found, total = 0, 0.0
    for n, i in enumerate(order, 1):
        if wrong[i]:
            found += 1
            total += found / n
    return total / found


@right("6.2-7")
def recall_steps_added(scores, wrong):
    hits = np.asarray(wrong, dtype=float)[np.argsort(-np.asarray(scores))]
    return np.sum(hits * hits.cumsum() / np.arange(1, len(hits) + 1)) / hits.sum()


@wrong("6.2-8", "That is the formula with the share put in. n counts passages")
def share_taken_as_number():
    return {"common": math.log(1 + 399.9 / 1.1), "rare": math.log(1 + 398.5 / 2.5), "gain": 2}


@wrong("6.2-8", "That lets a word that occurs more often count as many times")
def six_times_as_much():
    return {"common": math.log(1 + 160.5 / 240.5), "rare": math.log(1 + 398.5 / 2.5), "gain": 6}


@wrong("6.2-9", "That says how many errors there are, or are found. Who marks")
def found_in_longer_texts():
    return {
        "coverage": "coverage of another order's keywords",
        "quality": "how often the texts repeat themselves",
        "errors": "the share of errors found in longer texts",
    }


@wrong("6.2-9", "Perplexity says how usual a text is. Whether its words come")
def perplexity_of_the_writer():
    return {
        "coverage": "perplexity of the texts",
        "quality": "perplexity under the model that wrote them",
        "errors": "the share of marked words that are wrong",
    }


FOLLOWS = {
    "temperature 1 is more varied than beam search",
    "with the constraint every keyword occurs",
    "the constraint costs bits under the second model",
}


@wrong("6.2-10", "You leave out the price of the constraint: 3.2 [2.9, 3.4]")
def bits_not_believed():
    return FOLLOWS - {"the constraint costs bits under the second model"}


@wrong("6.2-10", "You let min-p win, although its intervals and those of")
def one_for_another():
    return (FOLLOWS - {"with the constraint every keyword occurs"}) | {"min-p is better than temperature 0.7"}
