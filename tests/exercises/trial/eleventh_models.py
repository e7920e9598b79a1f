"""An eleventh trial, chapter 5, sampling, cache, cost and review: slips beside the usual ones."""

import torch
import torch.nn.functional as F

from trial.answers import right, wrong


def grams(t, w):
    return {t[i : i + w] for i in range(len(t) - w + 1)}


def cost(V, D, L, F_, E, K, C, tied):
    table, att, exp = V * D, 4 * D * D, 2 * D * F_
    r = D * E if E > 1 else 0
    par = (1 if tied else 2) * table + L * (att + r + E * exp)
    return par, 2 * (table + L * (att + r + K * exp + 2 * C * D)), 8 * C * D * L


# A share of the best one's, not divided by the sum
@wrong("5-5", "That is min-p")
def min_p_as_it_is(logits, top_p):
    p = logits.softmax(-1)
    return p * (p >= top_p * p.max(-1, keepdim=True).values)


# 1 - top_p as a share of the best one's
@wrong("5-5", "That is min-p")
def min_p_with_the_rest(logits, top_p):
    p = logits.softmax(-1)
    k = p * (p >= (1 - top_p) * p.max(-1, keepdim=True).values)
    return k / k.sum(-1, keepdim=True)


# The line at 1 - top_p
@wrong("5-5", "as if 1 - top_p were the line")
def one_minus_top_p(logits, top_p):
    p, o = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    k = p * (p.cumsum(-1) - p <= 1 - top_p)
    k = k / k.sum(-1, keepdim=True)
    return torch.zeros_like(p).scatter(-1, o, k)


# No softmax at the end
@wrong("5-5", "You give back logits")
def logits_of_the_nucleus(logits, top_p):
    p, o = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    k = p.cumsum(-1) - p < top_p
    keep = torch.zeros_like(k).scatter(-1, o, k)
    return torch.where(keep, logits, 0.0)


# What is cut off goes to the first
@wrong("5-5", "goes to the likeliest alone")
def the_rest_to_the_likeliest(logits, top_p):
    p, o = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    k = p * (p.cumsum(-1) - p < top_p)
    k[:, 0] += 1 - k.sum(-1)
    return torch.zeros_like(p).scatter(-1, o, k)


# What is cut off is shared out equally
@wrong("5-5", "or to all in equal parts")
def the_rest_in_equal_parts(logits, top_p):
    p, o = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    m = p.cumsum(-1) - p < top_p
    k = p * m
    k = k + m * (1 - k.sum(-1, keepdim=True)) / m.sum(-1, keepdim=True)
    return torch.zeros_like(p).scatter(-1, o, k)


# Divided by top_p
@wrong("5-5", "That is what a temperature does")
def top_p_for_a_temperature(logits, top_p):
    return (logits / top_p).softmax(-1)


# The crossing token keeps what is below the line
@wrong("5-5", "keeps only what lies below it")
def only_up_to_the_line(logits, top_p):
    p, o = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    b = p.cumsum(-1) - p
    k = torch.minimum(p, (top_p - b).clamp_min(0))
    k = k / k.sum(-1, keepdim=True)
    return torch.zeros_like(p).scatter(-1, o, k)


@right("5-5")
def a_loop_over_rows_and_tokens(logits, top_p):
    out = torch.zeros_like(logits)
    for r, row in enumerate(logits.softmax(-1)):
        tot = 0.0
        for i in sorted(range(len(row)), key=lambda i: -row[i].item()):
            if tot >= top_p:
                break
            out[r, i] = row[i]
            tot = tot + row[i]
        out[r] /= out[r].sum()
    return out


# The position after the token was appended, and a call too many
@wrong("5-6", "Two things: behind the prompt")
def counted_before_it_is_placed(model, prompt, n):
    t = prompt
    logits = model(prompt, torch.arange(len(prompt)))
    for _i in range(n):
        nxt = logits[-1].argmax().view(1)
        t = torch.cat([t, nxt])
        logits = model(nxt, torch.tensor([len(t)]))
    return t


# Stops at token 0
@wrong("5-6", "as if token 0 ended the text")
def zero_taken_for_the_end(model, prompt, n):
    t = prompt
    held = 0
    for _i in range(n):
        logits = model(t[held:], torch.arange(held, len(t)))
        held = len(t)
        nxt = logits[-1].argmax().view(1)
        if nxt == 0:
            break
        t = torch.cat([t, nxt])
    return t


# The last position for the whole prompt
@wrong("5-6", "one and the same position")
def the_prompt_on_one_place(model, prompt, n):
    t = prompt
    held = 0
    for _i in range(n):
        new = t[held:]
        logits = model(new, torch.full((len(new),), len(t) - 1))
        held = len(t)
        t = torch.cat([t, logits[-1].argmax().view(1)])
    return t


# A first call whose answer is thrown away
@wrong("5-6", "You give the whole prompt twice")
def prompt_before_and_in_the_loop(model, prompt, n):
    model(prompt, torch.arange(len(prompt)))
    t = prompt
    held = 0
    for _i in range(n):
        logits = model(t[held:], torch.arange(held, len(t)))
        held = len(t)
        t = torch.cat([t, logits[-1].argmax().view(1)])
    return t


# topk of one answer
@wrong("5-6", "All your new tokens come from one answer")
def the_likeliest_few(model, prompt, n):
    logits = model(prompt, torch.arange(len(prompt)))
    nxt = logits[-1].topk(n).indices
    return torch.cat([prompt, nxt])


@right("5-6")
def the_prompt_token_by_token(model, prompt, n):
    if not n:
        return prompt
    for i, tok in enumerate(prompt):
        logits = model(tok[None], torch.tensor([i]))
    out = prompt.tolist()
    for i in range(n):
        out.append(int(logits[-1].argmax()))
        if i < n - 1:
            logits = model(torch.tensor(out[-1:]), torch.tensor([len(out) - 1]))
    return torch.tensor(out)


# top_k columns
@wrong("5-7", "Only those columns of the router are counted")
def a_router_as_wide_as_top_k(V, D, L, F_, E, K, C, tied):
    p, o, c = cost(V, D, L, F_, E, K, C, tied)
    r = D * K if E > 1 else 0
    q = D * E if E > 1 else 0
    return p + L * (r - q), o + 2 * L * (r - q), c


# top_k / num_experts
@wrong("5-7", "top_k / num_experts of one expert")
def a_share_of_an_expert(V, D, L, F_, E, K, C, tied):
    p, o, c = cost(V, D, L, F_, E, K, C, tied)
    return p, o - 2 * L * (K - K / E) * 2 * D * F_, c


@right("5-7")
def as_floats(V, D, L, F_, E, K, C, tied):
    return tuple(map(float, cost(V, D, L, F_, E, K, C, tied)))


# A falling loss
@wrong("5-8", "All models pass your review")
def it_learns(build):
    m = build()
    t = torch.randint(m.vocab_size, (4, 9))
    o = torch.optim.AdamW(m.parameters(), 1e-2)
    loss = []
    for _ in range(15):
        x = F.cross_entropy(m(t[:, :-1]).flatten(0, 1), t[:, 1:].flatten())
        o.zero_grad()
        x.backward()
        o.step()
        loss.append(x.item())
    return loss[-1] < loss[0]


WORK = {
    "dense": 110592,
    "experts": 332928,
    "matched": 864,
    "stored": 2.0,
    "control": "a dense model with that d_ff, its rate tuned as well",
}
SEEDS = {
    "mean": 0.0026,
    "error": 0.00512445119,
    "low": -0.0116254765,
    "high": 0.0168254765,
    "verdict": "not shown",
    "contrary": 2,
}


@wrong("5-9", "one matrix, and one operation for each")
def one_product_of_sizes():
    return {**WORK, "dense": 96 * 288}


@wrong("5-9", "That is how many experts a token takes.")
def the_chosen_for_the_stored():
    return {**WORK, "stored": 3}


@wrong("5-10", "the gains without their signs")
def every_gain_positive():
    return {**SEEDS, "mean": 0.0098}


@wrong("5-10", "That is the variance")
def the_squares_for_the_error():
    return {**SEEDS, "error": 0.0001313}


@wrong("5-10", "an interval around zero")
def plus_and_minus_the_room():
    return {**SEEDS, "low": -0.0142255, "high": 0.0142255}


@wrong("5-10", "deviations of single runs")
def as_many_deviations():
    return {**SEEDS, "low": -0.0292091, "high": 0.0344091}
