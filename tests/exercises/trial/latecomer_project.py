"""Answers to chapters 4.3, 5 and 6 with slips that no list had: after the newcomers' were mended."""

import math
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F

from trial.answers import right, wrong

# ---- 4.3 ----


@wrong("4.3-1", "Your gates lie between 0 and 1, but each by itself: they do")
def each_gate_for_itself(x, w_router, experts):
    gates = torch.sigmoid(x @ w_router)
    return sum(gates[..., i : i + 1] * f(x) for i, f in enumerate(experts))


@wrong("4.3-1", "Only the expert with the largest gate answers. That is the")
def likeliest_expert_alone(x, w_router, experts):
    gates = (x @ w_router).softmax(-1)
    gates = gates * (gates == gates.amax(-1, keepdim=True))
    return sum(gates[..., i : i + 1] * f(x) for i, f in enumerate(experts))


@right("4.3-1")
def answers_stacked_and_contracted(x, w_router, experts):
    answers = torch.stack([f(x) for f in experts], 2)
    return torch.einsum("bse,bsed->bsd", torch.softmax(x @ w_router, 2), answers)


@wrong("4.3-2", "Each chosen expert has the same gate, so nothing remains of")
def chosen_ones_alike(logits, top_k):
    chosen = logits.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    return torch.zeros_like(logits).scatter(1, chosen, 1 / top_k)


@wrong("4.3-2", "You divide the logits by their sum. Logits may be negative or")
def in_proportion_to_the_logits(logits, top_k):
    chosen = logits.argsort(dim=-1, descending=True, stable=True)[:, :top_k]
    best = logits.gather(1, chosen)
    return torch.zeros_like(logits).scatter(1, chosen, best / best.sum(1, keepdim=True))


@right("4.3-2")
def one_expert_taken_at_a_time(logits, top_k):
    left = logits.detach().clone()
    keep = torch.zeros_like(logits, dtype=torch.bool)
    rows = torch.arange(len(logits))
    for _ in range(top_k):
        best = torch.from_numpy(left.numpy().argmax(1))
        keep[rows, best] = True
        left[rows, best] = -torch.inf
    e = (logits - logits.detach().amax(1, keepdim=True)).exp() * keep
    return e / e.sum(1, keepdim=True)


@wrong("4.3-3", "With k = 1 you are right. With more, your share is the")
def share_of_the_best_alone(logits, top_k):
    best, chosen = logits.topk(top_k)
    before = logits.softmax(-1).gather(1, chosen)
    return before, best.softmax(-1), before[:, :1]


@wrong("4.3-4", "Your loss never looks at where the tokens went: both factors")
def squares_of_the_probability(logits, top_k):
    return logits.shape[1] * (logits.softmax(-1).mean(0) ** 2).sum() * top_k


@wrong("4.3-4", "The number is right, but no gradient comes back from it:")
def cut_from_the_router(logits, top_k):
    f = F.one_hot(logits.topk(top_k).indices, logits.shape[1]).float().sum(1).mean(0)
    return logits.shape[1] * (f * logits.softmax(-1).mean(0).detach()).sum()


@right("4.3-4")
def balance_by_bincount(logits, top_k):
    n, e = logits.shape
    chosen = logits.argsort(dim=1, descending=True, stable=True)[:, :top_k].flatten()
    return torch.dot(torch.bincount(chosen, minlength=e) / n, logits.softmax(1).sum(0)) * e / n


@wrong("4.3-5", "Your sum of exponentials runs over the tokens (or over")
def down_the_tokens(logits):
    return (logits.logsumexp(0) ** 2).mean()


@right("4.3-5")
def shifted_by_the_largest(logits):
    top = logits.amax(1, keepdim=True).detach()
    z = top[:, 0] + (logits - top).exp().sum(1).log()
    return z @ z / len(z)


@wrong("4.3-6", "Your tokens choose by probability alone, so the bias has no")
def bias_of_no_say(probs, bias, top_k, rate):
    chosen = F.one_hot(probs.topk(top_k).indices, probs.shape[1]).sum(1)
    load = chosen.sum(0).float()
    return probs * chosen, bias + rate * (load.mean() - load).sign()


@wrong("4.3-6", "Right, except for an expert whose load is exactly the mean:")
def at_the_mean_raised_too(probs, bias, top_k, rate):
    chosen = F.one_hot((probs + bias).topk(top_k).indices, probs.shape[1]).sum(1)
    load = chosen.sum(0).float()
    return probs * chosen, torch.where(load <= load.mean(), bias + rate, bias - rate)


@wrong("4.3-7", "The choice is right, but you rescale the gates so that those")
def shares_of_a_token_renewed(logits, capacity):
    probs = logits.softmax(-1)
    chosen = probs.argsort(dim=0, descending=True, stable=True)[:capacity]
    gates = torch.zeros_like(probs).scatter(0, chosen, probs.gather(0, chosen))
    return gates / gates.sum(1, keepdim=True).clamp(min=1e-9)


@wrong("4.3-7", "You return who was taken, not how much it counts. Without the")
def one_for_each_that_is_taken(logits, capacity):
    probs = logits.softmax(-1)
    chosen = probs.argsort(dim=0, descending=True, stable=True)[:capacity]
    return torch.zeros_like(probs).scatter(0, chosen, 1.0)


@right("4.3-7")
def rank_of_each_token(logits, capacity):
    probs = logits.softmax(-1)
    p, place = probs.detach(), torch.arange(len(probs))
    earlier = place[:, None] < place
    ahead = (p[:, None] > p[None]) | ((p[:, None] == p[None]) & earlier[..., None])
    return probs * (ahead.sum(0) < capacity)


@wrong("4.3-8", "You round to the nearest whole number, and where that is the")
def to_the_nearest_whole_number(batch, seq, num_experts, top_k, capacity_factor):
    return max(1, round(capacity_factor * batch * seq * top_k / num_experts))


@wrong("4.3-8", "You round up for each sequence and multiply by their number")
def each_sentence_by_itself(batch, seq, num_experts, top_k, capacity_factor):
    return batch * math.ceil(capacity_factor * seq * top_k / num_experts)


@wrong("4.3-9", "Within a column you serve the last token first, so it is the")
def last_token_served_first(expert, num_experts, capacity):
    kept, load = torch.zeros_like(expert, dtype=torch.bool), Counter()
    for j in range(expert.shape[1]):
        for t in reversed(range(len(expert))):
            load[int(expert[t, j])] += 1
            kept[t, j] = load[int(expert[t, j])] <= capacity
    return kept


@wrong("4.3-9", "An expert does not take just as many as its capacity, but one")
def one_place_too_few(expert, num_experts, capacity):
    kept, load = torch.zeros_like(expert, dtype=torch.bool), Counter()
    for j in range(expert.shape[1]):
        for t in range(len(expert)):
            load[int(expert[t, j])] += 1
            kept[t, j] = load[int(expert[t, j])] < capacity
    return kept


@wrong("4.3-10", "Only a token that was dropped by all of its experts gets its")
def residual_for_the_dropped_alone(x, answers, gates, kept):
    y = (gates[..., None] * answers.masked_fill(~kept[..., None], 0)).sum(1)
    return torch.where(kept.any(1, keepdim=True), y, x)


@wrong("4.3-10", "A token that lost one choice loses all of them. Each kept")
def all_or_nothing(x, answers, gates, kept):
    y = (gates[..., None] * answers.masked_fill(~kept[..., None], 0)).sum(1)
    return x + torch.where(kept.all(1, keepdim=True), y, 0)


@wrong("4.3-11", "A token with several experts keeps the answer of only one of")
def last_answer_overwrites(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, f in enumerate(experts):
        t, j = (expert == e).nonzero(as_tuple=True)
        if len(t):
            y[t] = gate[t, j, None] * f(x[t])
    return y


@wrong("4.3-11", "With one choice you are right. With more, all answers of a")
def gate_of_the_first_choice(x, expert, gate, experts):
    y = torch.zeros_like(x)
    for e, f in enumerate(experts):
        t, _ = (expert == e).nonzero(as_tuple=True)
        if len(t):
            y.index_add_(0, t, gate[t, :1] * f(x[t]))
    return y


@right("4.3-11")
def sorted_by_expert(x, expert, gate, experts):
    k = expert.shape[1]
    order = expert.flatten().argsort(stable=True)
    token = order // k
    sizes = torch.bincount(expert.flatten(), minlength=len(experts)).tolist()
    parts = x[token].split(sizes)
    out = torch.cat([f(p) for f, p in zip(experts, parts, strict=True) if len(p)])
    return torch.zeros_like(x).index_add(0, token, gate.flatten()[order, None] * out)


@wrong("4.3-12", "You take the fraction k over experts of everything. A token")
def active_in_proportion(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    layer = 2 * d_model**2 + 2 * d_model * d_kv + d_model * num_experts + 2 * d_model
    layer += num_experts * 3 * d_model * d_ff
    total = num_layers * layer + 2 * vocab_size * d_model + d_model
    return total, total * top_k // num_experts


@wrong("4.3-12", "Your key and value matrices are as wide as the query's. Heads")
def all_four_matrices_square(vocab_size, d_model, num_layers, d_kv, d_ff, num_experts, top_k):
    def count(n):
        layer = 4 * d_model**2 + d_model * num_experts + n * 3 * d_model * d_ff + 2 * d_model
        return num_layers * layer + 2 * vocab_size * d_model + d_model

    return count(num_experts), count(top_k)


@wrong("4.3-13", "Your router computes only k logits for each token. Which k")
def router_asks_the_chosen_alone(tokens, d_model, d_ff, num_experts, top_k):
    one = 6 * tokens * d_model * d_ff
    return 2 * tokens * d_model * top_k, num_experts * one, top_k * one


@wrong("4.3-13", "You divide the work by the number of experts once more. A")
def width_shared_among_the_experts(tokens, d_model, d_ff, num_experts, top_k):
    one = 6 * tokens * d_model * d_ff
    return 2 * tokens * d_model * num_experts, one, one * top_k / num_experts


@wrong("4.3-14", "A cell with fewer tokens than independence would give has a")
def sizes_of_the_terms(counts):
    p = counts / counts.sum()
    own = p.sum(1, keepdim=True) * p.sum(0, keepdim=True)
    return torch.where(p > 0, p * (p / own).log2(), 0.0).abs().sum()


COST = {
    "claimed": 1.8,
    "whole": 2490 / 80,
    "share": 2400 / 2490,
    "missing": "the optimizer's step",
    "baseline": "an ordinary feed-forward network",
}


@wrong("4.3-15", "Asked for: forward, backward and optimizer with many experts")
def whole_over_the_layers():
    return {**COST, "whole": 2490 / 50}


@wrong("4.3-15", "Asked for: the optimizer's time over the whole step, with")
def layers_share_for_one_expert():
    return {**COST, "share": 30 / 80}


@wrong("4.3-15", "That would say what the experts are worth, or how large the")
def loss_is_missing():
    return {**COST, "missing": "the loss after training"}


@wrong("4.3-16", "Given the byte, the expert still tells something, far more")
def both_of_the_kind():
    return {
        "the expert says more about the kind of text than the byte alone",
        "all that the expert says about the kind, the byte says too",
    }


# ---- 5 ----


@wrong("5-1", "You divide by the tokens: that is right in bits per token")
def per_token_in_bits(losses, counts, text):
    return float(sum(a * c for a, c in zip(losses, counts, strict=True))) / math.log(2) / float(sum(counts))


@wrong("5-1", "The factor from nats to your unit holds a logarithm to base")
def logarithm_of_ten(losses, counts, text):
    nats = float(sum(a * c for a, c in zip(losses, counts, strict=True)))
    return nats / math.log(10) / len(text.encode())


@right("5-1")
def dotted_in_numpy(losses, counts, text):
    return np.dot(losses, counts) * np.log2(np.e) / len(text.encode("utf8"))


@wrong("5-2", "You join the held-out documents to one text.")
def held_out_texts_joined(documents, held_out, width):
    text = "".join(documents[h] for h in held_out)
    return [
        d not in held_out and not any(s[i : i + width] in text for i in range(len(s) - width + 1))
        for d, s in enumerate(documents)
    ]


@wrong("5-2", "You also drop documents that repeat another training")
def repeated_ones_dropped(documents, held_out, width):
    seen = {documents[h][i : i + width] for h in held_out for i in range(len(documents[h]) - width + 1)}
    out = []
    for d, s in enumerate(documents):
        own = {s[i : i + width] for i in range(len(s) - width + 1)}
        out.append(d not in held_out and not own & seen)
        seen |= own
    return out


@right("5-2")
def each_against_each(documents, held_out, width):
    def share(a, b):
        return any(a[i : i + width] in b for i in range(len(a) - width + 1))

    return np.array(
        [
            d not in held_out and not any(share(s, documents[h]) for h in held_out)
            for d, s in enumerate(documents)
        ]
    )


@wrong("5-3", "You compare each evaluation with the one before it. A curve")
def better_than_the_one_before(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        bad = 0 if losses[i] < losses[i - 1] else bad + 1
        if losses[i] < losses[best]:
            best = i
        if bad >= patience:
            return i, best
    return len(losses) - 1, best


@right("5-3")
def with_a_clean_copy(losses, patience):
    clean = [math.inf if math.isnan(x) else float(x) for x in losses]
    for last in range(len(clean)):
        best = int(np.argmin(clean[: last + 1]))
        if last - best >= patience:
            return [last, best]
    return [len(clean) - 1, int(np.argmin(clean))]


@wrong("5-4", "Both runs now hold the same object (model, weights,", quick=False)
def weights_in_the_same_memory(run, fresh):
    for mine, theirs in zip(fresh.model.parameters(), run.model.parameters(), strict=True):
        mine.data = theirs.data
    import copy

    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


@wrong("5-5", "You add up in the order of the vocabulary. Which tokens stay")
def summed_in_the_order_of_the_tokens(logits, top_p):
    probs = logits.softmax(-1)
    kept = probs * (probs.cumsum(1) - probs < top_p)
    return kept / kept.sum(1, keepdim=True)


@wrong("5-5", "It comes out as if a token stayed when it has at least a certain")
def a_share_of_the_likeliest(logits, top_p):
    probs = logits.softmax(-1)
    kept = probs * (probs >= top_p * probs.amax(1, keepdim=True))
    return kept / kept.sum(1, keepdim=True)


@right("5-5")
def row_after_row_in_python(logits, top_p):
    out = []
    for p in logits.double().softmax(-1).tolist():
        kept, total = [0.0] * len(p), 0.0
        for i in sorted(range(len(p)), key=lambda i: (-p[i], i)):
            kept[i] = p[i]
            total += p[i]
            if total >= top_p - 1e-9:
                break
        out.append([x / total for x in kept])
    return torch.tensor(out)


@wrong("5-6", "Every call of yours counts positions from 0. The model takes")
def every_call_begins_at_zero(model, prompt, max_new):
    tokens, new = prompt, prompt
    for _ in range(max_new):
        new = model(new, torch.arange(len(new)))[-1].argmax()[None]
        tokens = torch.cat([tokens, new])
    return tokens


@wrong("5-6", "You take the next token from the first row of logits. In a")
def answer_of_the_first_place(model, prompt, max_new):
    tokens, new = prompt, prompt
    for _ in range(max_new):
        places = torch.arange(len(tokens) - len(new), len(tokens))
        new = model(new, places)[0].argmax()[None]
        tokens = torch.cat([tokens, new])
    return tokens


@wrong("5-7", "For each position read you count one product of d_model")
def scores_without_the_values(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    attention, expert, table = 4 * d_model**2, 2 * d_model * d_ff, vocab_size * d_model
    parameters = num_layers * (attention + router + num_experts * expert) + table * (1 if tied else 2)
    work = num_layers * (2 * (attention + router + top_k * expert) + 2 * context * d_model) + 2 * table
    return parameters, work, num_layers * 2 * context * d_model * 4


@wrong("5-7", "Where head and table are tied the product with the head is")
def a_tied_head_costs_nothing(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    attention, expert, table = 4 * d_model**2, 2 * d_model * d_ff, vocab_size * d_model
    parameters = num_layers * (attention + router + num_experts * expert) + table * (1 if tied else 2)
    work = num_layers * (2 * (attention + router + top_k * expert) + 4 * context * d_model)
    return parameters, work + (0 if tied else 2 * table), num_layers * 2 * context * d_model * 4


@wrong("5-8", "All right models are sent back, and 1 of 13 broken ones pass.", quick=False)
def the_past_must_not_matter(build):
    model = build().eval()
    tokens = torch.arange(8)[None] % model.vocab_size
    other = tokens.clone()
    other[0, 0] = (other[0, 0] + 1) % model.vocab_size
    assert torch.allclose(model(tokens)[0, -1], model(other)[0, -1])


@wrong("5-8", "Your review finds what a test finds that later tokens change", quick=False)
def the_future_alone(build):
    model = build().eval()
    tokens = torch.arange(8)[None] % model.vocab_size
    other = tokens.clone()
    other[0, -1] = (other[0, -1] + 1) % model.vocab_size
    assert torch.allclose(model(tokens)[0, :-1], model(other)[0, :-1], atol=1e-4)


EQUAL = {
    "dense": 4 * 96 * 288,
    "experts": 3 * 4 * 96 * 288 + 2 * 96 * 6,
    "matched": 864,
    "stored": 2,
    "control": "a dense model with that d_ff, its rate tuned as well",
}


@wrong("5-9", "This number leaves the router out of the model's work. It is")
def router_costs_nothing():
    return {**EQUAL, "experts": 3 * 4 * 96 * 288}


@wrong("5-9", "'experts': This number counts a part of the router: one")
def router_of_the_chosen():
    return {**EQUAL, "experts": 3 * 4 * 96 * 288 + 2 * 96 * 3}


@wrong("5-9", "Asked for: the d_ff of all chosen experts together.")
def chosen_over_all():
    return {**EQUAL, "stored": 0.5, "matched": 576}


@wrong("5-9", "Asked for: two operations for each weight of the dense")
def gains_three_matrices():
    return {**EQUAL, "dense": 6 * 96 * 288, "experts": 3 * 6 * 96 * 288 + 2 * 96 * 6}


FIVE = np.array([0.017, -0.011, 0.006, -0.007, 0.008])
ERROR = float(FIVE.std(ddof=1) / 5**0.5)
SEEDS = {
    "mean": 0.0026,
    "error": ERROR,
    "low": 0.0026 - 2.776 * ERROR,
    "high": 0.0026 + 2.776 * ERROR,
    "verdict": "not shown",
    "contrary": 2,
}


@wrong("5-10", "'mean': That is the mean of the gains without their signs. A loss")
def sizes_of_the_gains():
    return {**SEEDS, "mean": 0.0098, "low": 0.0098 - 2.776 * ERROR, "high": 0.0098 + 2.776 * ERROR}


@wrong("5-10", "'low', 'high': That is an interval around zero. It lies around the")
def interval_around_zero():
    return {**SEEDS, "low": -2.776 * ERROR, "high": 2.776 * ERROR}


@wrong("5-10", "'low', 'high': That goes 2.776 deviations of single runs to each")
def interval_of_a_seed():
    return {**SEEDS, "low": 0.0026 - 2.776 * ERROR * 5**0.5, "high": 0.0026 + 2.776 * ERROR * 5**0.5}


@wrong("5-10", "That is how many seeds agree with the mean. Asked for are")
def those_that_agree():
    return {**SEEDS, "contrary": 3}


# ---- 6.1 ----


@wrong("6.1-1", "Behind the kernel's answer you give the model nothing to say.")
def nothing_behind_the_answer(tokens):
    out, own = [], False
    for t in tokens:
        own = own and t != "<result>"
        out.append(own)
        own = (own or t == "<assistant>") and t != "<end>"
    return out


@wrong("6.1-1", "For a turn that is just beginning, your result differs in 1")
def every_end_is_learnt(tokens):
    out, own, kernel = [], False, False
    for t in tokens:
        kernel = kernel or t == "<result>"
        out.append((own and not kernel) or t == "<end>")
        kernel = kernel and t != "<done>"
        own = (own or t == "<assistant>") and t != "<end>"
    return out


@right("6.1-1")
def by_a_string_of_states(tokens):
    state, out = "off", []
    for t in tokens:
        if state == "on" and t == "<result>":
            state = "kernel"
        out.append(state == "on")
        state = {"<assistant>": "on", "<end>": "off"}.get(
            t, "on" if t == "<done>" and state == "kernel" else state
        )
    return np.array(out)


@wrong("6.1-2", "You look first and ask for the right after. Who may not call")
def unknown_before_forbidden(orders, rights, user, number):
    if [user, number] not in [list(o) for o in orders]:
        return -2
    return [list(o) for o in orders].index([user, number]) if "orders.find" in rights else -1


@wrong("6.1-2", "Right in 15 of 24 cases. For a number that another one ends")
def first_order_of_the_user(orders, rights, user, number):
    if "orders.find" not in rights:
        return -1
    owners = [owner for owner, _ in orders]
    return owners.index(user) if user in owners and number in [n for _, n in orders] else -2


@right("6.1-2")
def looked_up_in_a_dict(orders, rights, user, number):
    places = {(owner, n): i for i, (owner, n) in reversed(list(enumerate(orders)))}
    return places.get((user, number), -2) if "orders.find" in rights else -1


@wrong("6.1-3", "A piece of a yes counts in your version, and a message of")
def any_piece_of_a_yes(pending, said):
    return pending if said.strip().rstrip(".!").lower() in "yes是" else 0


@wrong("6.1-3", "Other words than `yes` and `是` count in your version. The")
def other_agreements_count(pending, said):
    return pending if said.strip().rstrip(".!").lower() in ("yes", "是", "ok", "maybe", "sure") else 0


@wrong("6.1-4", "It comes out as if the newest left: the beginning stays, and")
def newest_leave_first(lengths, notes, asked, window, reply):
    room, gone, left = window - notes - asked - reply, 0, list(lengths)
    while sum(left) > room:
        left.pop()
        gone += 1
    return gone


@right("6.1-4")
def by_running_sums(lengths, notes, asked, window, reply):
    room = window - notes - asked - reply
    fits = np.cumsum(np.array(lengths[::-1], dtype=int)) <= room
    return np.int64(len(lengths) - fits.sum())


def interval(p, n, z=1.96):
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    middle = (p + z * z / 2 / n) / (1 + z * z / n)
    return {"share": p, "low": middle - half, "high": middle + half, "above 0.97": False}


@wrong("6.1-5", "'low', 'high': Your half width has another z: that of 90 % is")
def ninety_per_cent():
    return interval(0.97, 200, 1.645)


@wrong("6.1-5", "'low', 'high': Your half width is right, and laid around the")
def evenly_around_the_share():
    w = interval(0.97, 200)
    half = (w["high"] - w["low"]) / 2
    return {**w, "low": 0.97 - half, "high": 0.97 + half}


@wrong("6.1-5", "Asked for: the exact turns over all turns.")
def wrong_over_the_exact():
    return {**interval(0.97, 200), "share": 194 / 206}


@wrong("6.1-6", "That raises 0.5 to a power. Asked for is what must be raised")
def power_for_root():
    return {"flawless": 0.97**8, "needed": 0.5**8, "token": 0.97**10}


@wrong("6.1-6", "'token': That goes with the number of turns: a fault divided")
def faults_shared_out():
    return {"flawless": 0.97**8, "needed": 0.5 ** (1 / 8), "token": 1 - 0.03 / 8}


@wrong("6.1-7", "More facts or another seed, asked two turns later, stand in")
def another_seed_for_the_memory():
    return {
        "memory": "another seed",
        "attack": "attacks in Chinese",
        "language": "the same kinds of turns in both languages",
    }


@wrong("6.1-7", "What is right is known here to the last character. What is not known is")
def somebody_is_asked():
    return {
        "memory": "the same questions with the memory switched off",
        "attack": "the same attacks by a user who has the right",
        "language": "a native speaker's opinion",
    }


SENTENCES = {"beyond": "holds", "better": "not shown", "near": "does not hold", "year": "not shown"}


@wrong("6.1-8", "Ten turns are not a year: another question, other facts, a")
def a_year_is_too_long():
    return {**SENTENCES, "year": "does not hold"}


@wrong("6.1-8", "You say that search is not better than a summary. That the")
def nought_is_too_few():
    return {**SENTENCES, "beyond": "not shown", "better": "does not hold"}


@wrong("6.1-9", "Your review finds 2 of 14 bugs. These desks pass it: finds")
def yes_and_receipt_alone(make):
    desk = make()
    desk.put("ann", "7", "tea")
    assert desk.call("ann", ["cancel"], "cancel", "7") == "EAGAIN"
    desk.yes("ann", "7")
    assert desk.call("ann", ["cancel"], "cancel", "7") == "OK receipt 1"
    assert desk.receipts == [("ann", 1, "7")]


@wrong("6.1-9", "All right desks are sent back, and 2 of 14 broken ones pass:")
def a_yes_must_last(make):
    desk = make()
    desk.put("ann", "7", "tea")
    desk.yes("ann", "7")
    desk.call("ann", ["find"], "find", "7")
    return desk.call("ann", ["cancel"], "cancel", "7") == "OK receipt 1"


# ---- 6.2 ----


@wrong("6.2-1", "That many are left where the old probabilities are added up")
def one_more_than_needed():
    return {"p alone": 4, "k then p": 3, "favourite": 0.35 / 0.9}


@wrong("6.2-1", "'favourite': That is what comes of dividing by the share of")
def over_the_threshold():
    return {"p alone": 3, "k then p": 2, "favourite": 0.35 / 0.7}


@wrong("6.2-2", "The right continuations are chosen, and the third entry is a")
def chances_for_their_logarithms(sums, log_probs, width):
    both = [[b, t, math.exp(sums[b] + p)] for b, row in enumerate(log_probs) for t, p in enumerate(row)]
    return sorted(both, key=lambda x: -x[2])[:width]


@wrong("6.2-2", "Your two numbers are the wrong way round: first the beam that")
def token_before_its_beam(sums, log_probs, width):
    both = [[t, b, sums[b] + p] for b, row in enumerate(log_probs) for t, p in enumerate(row)]
    return sorted(both, key=lambda x: -x[2])[:width]


@right("6.2-2")
def one_best_after_another(sums, log_probs, width):
    total = np.asarray(sums)[:, None] + np.asarray(log_probs)
    order = np.argsort(-total, axis=None)[:width]
    return [(int(i // total.shape[1]), int(i % total.shape[1]), float(total.flat[i])) for i in order]


@wrong("6.2-3", "You allow nothing but keywords until all are said. The text")
def keywords_come_at_once(written, keywords, left, vocab):
    missing = sorted(set(keywords) - set(written))
    if len(missing) > left:
        return []
    return missing or list(range(vocab))


@wrong("6.2-3", "More keywords are missing than tokens are left: none saves")
def missing_ones_though_too_late(written, keywords, left, vocab):
    missing = sorted(set(keywords) - set(written))
    return missing if len(missing) >= left else list(range(vocab))


@wrong("6.2-4", "It comes out as if one token too many were compared: a run of")
def run_of_one_more(tokens, size):
    context, n = tuple(tokens[len(tokens) - size :]), size
    return sorted({tokens[i + n] for i in range(len(tokens) - n) if tuple(tokens[i : i + n]) == context})


@wrong("6.2-4", "You return the ends of runs that stand twice already. A run")
def only_what_came_twice(tokens, size):
    n = size - 1
    context = tuple(tokens[len(tokens) - n :])
    after = Counter(tokens[i + n] for i in range(len(tokens) - n) if tuple(tokens[i : i + n]) == context)
    return sorted(t for t, count in after.items() if count > 1)


@right("6.2-4")
def every_token_tried(tokens, size):
    runs = {tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)}
    tail = list(tokens[len(tokens) - size + 1 :]) if len(tokens) >= size - 1 else None
    return [] if tail is None else sorted(t for t in set(tokens) if (*tail, t) in runs)


@wrong("6.2-5", "You count the different runs in each text and add them up. A")
def different_in_each_text(texts, size):
    each = [[tuple(t[i : i + size]) for i in range(len(t) - size + 1)] for t in texts]
    return sum(len(set(runs)) for runs in each) / sum(map(len, each))


@wrong("6.2-6", "'score': Your score is a mean, but not the best one. Nearest")
def score_of_the_longest():
    return {"none": "A", "mean": "C", "two": "C", "score": -9.1 / 9}


@wrong("6.2-6", "Asked for: the highest of the three log-probabilities a")
def length_multiplied():
    return {"none": "A", "mean": "A", "two": "A", "score": -6.8}


@wrong("6.2-7", "You look at the precision after as many words as are wrong.")
def precision_at_the_end(scores, wrong):
    n = sum(map(bool, wrong))
    order = sorted(range(len(scores)), key=lambda i: -scores[i])[:n]
    return sum(bool(wrong[i]) for i in order) / n


@wrong("6.2-7", "Your ranks begin with 0. The first word of the list has the")
def places_from_zero(scores, wrong):
    order, found, total = sorted(range(len(scores)), key=lambda i: -scores[i]), 0, 0.0
    for n, i in enumerate(order):
        if wrong[i]:
            found += 1
            total += found / max(n, 1)
    return total / found


@wrong("6.2-8", "That is the logarithm to base 2. The formula has the natural")
def logarithm_to_base_two():
    return {"common": math.log2(1 + 160.5 / 240.5), "rare": math.log2(1 + 398.5 / 2.5), "gain": 2}


@wrong("6.2-8", "That is the logarithm without the 1 +. Then a word that most")
def one_forgotten_inside():
    return {"common": math.log(160.5 / 240.5), "rare": math.log(398.5 / 2.5), "gain": 2}


@wrong("6.2-8", "That is the fraction for the larger tf. The question is how")
def gain_of_six_alone():
    return {"common": math.log(1 + 160.5 / 240.5), "rare": math.log(1 + 398.5 / 2.5), "gain": 6 / 7.5}


@wrong("6.2-9", "Another seed says how far the figure is due to chance in")
def coverage_of_another_seed():
    return {
        "coverage": "coverage with another seed",
        "quality": "the length penalty",
        "errors": "the share of marked words that are wrong",
    }


@wrong("6.2-9", "That says how many errors there are, or are found. Who marks")
def how_many_were_planted():
    return {
        "coverage": "coverage of another order's keywords",
        "quality": "how often the texts repeat themselves",
        "errors": "the number of planted errors",
    }


@wrong("6.2-10", "You say what people like. The table has bits and likeness,")
def people_like_it():
    return {
        "temperature 1 is more varied than beam search",
        "with the constraint every keyword occurs",
        "the constraint costs bits under the second model",
        "the constraint makes texts that people like better",
    }


@wrong("6.2-10", "You leave out that temperature 1 is more varied. Its drafts")
def variety_not_seen():
    return {
        "with the constraint every keyword occurs",
        "the constraint costs bits under the second model",
    }
