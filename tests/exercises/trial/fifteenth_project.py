"""A fifteenth trial, answers from the statements alone, on the last state of the words, chapter 5."""

import math
import statistics

import numpy as np
import torch

from trial.answers import right, wrong


# Plain mean of the batches, the small last one counts as much
@wrong("5-1", "You average the batches as if they were equally large. Where one of")
def bpb_plain_mean_fifteenth(losses, counts, text):
    mean = sum(float(v) for v in losses) / len(losses)
    return mean * sum(int(n) for n in counts) / math.log(2) / len(text.encode("utf-8"))


# Substring search instead of sets
@right("5-2")
def may_train_substrings_fifteenth(documents, held_out, width):
    held = {int(i) for i in held_out}
    out = []
    for i, text in enumerate(documents):
        clean = i not in held
        for start in range(len(text) - width + 1):
            if not clean:
                break
            clean = not any(text[start : start + width] in documents[h] for h in held)
        out.append(clean)
    return out


# Passages compared at the same place only
@wrong("5-2", "It comes out as if passages were compared at certain places alone:")
def may_train_same_place_fifteenth(documents, held_out, width):
    held = {int(i) for i in held_out}
    known = {(i, documents[h][i : i + width]) for h in held for i in range(len(documents[h]) - width + 1)}
    return [
        d not in held and not any((i, text[i : i + width]) in known for i in range(len(text) - width + 1))
        for d, text in enumerate(documents)
    ]


# Every passage sought with in, no sets
@right("5-2")
def may_train_by_in_fifteenth(documents, held_out, width):
    held = {int(i) for i in held_out}
    secret = [documents[i] for i in held]
    out = []
    for d, text in enumerate(documents):
        ok = d not in held
        for i in range(len(text) - width + 1):
            if any(text[i : i + width] in s for s in secret):
                ok = False
        out.append(ok)
    return out


# A NaN at the start is never beaten, since no comparison with it is true
@wrong("5-3", "Where the first evaluation is NaN, none after it is better for you:")
def stop_nan_first_fifteenth(losses, patience):
    best = 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best = i
        elif i - best >= patience:
            return i, best
    return len(losses) - 1, best


# Equal counts as better
@wrong("5-3", "A loss that only repeats the best keeps your training alive. Equal")
def stop_equal_is_better_fifteenth(losses, patience):
    best, waited = 0, 0
    i = 0
    for i in range(1, len(losses)):
        now, old = float(losses[i]), float(losses[best])
        if now <= old or (math.isnan(old) and not math.isnan(now)):
            best, waited = i, 0
        else:
            waited += 1
            if waited == patience:
                return i, best
    return i, best


# The fresh run shares the generator with the old one
@wrong("5-4", "Both runs now hold the same object (model, weights, generator,")
def resume_shared_generator_fifteenth(run, fresh):
    import copy

    fresh.model.load_state_dict(copy.deepcopy(run.model.state_dict()))
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator = run.generator
    fresh.step = run.step
    return fresh


# The mask stays in the sorted order
@wrong("5-5", "For a token that has more than top_p by itself, your result")
def nucleus_mask_sorted_fifteenth(logits, top_p):
    p = torch.softmax(logits, -1)
    s = torch.sort(p, dim=-1, descending=True, stable=True).values
    keep = s.cumsum(-1) - s < top_p
    keep[:, 0] = True
    p = p * keep
    return p / p.sum(-1, keepdim=True)


# The token that crosses the line is left out
@wrong("5-5", "You stop one token too early: the kept ones do not reach top_p. The")
def nucleus_without_crossing_fifteenth(logits, top_p):
    p = torch.softmax(logits, -1)
    s, order = torch.sort(p, dim=-1, descending=True, stable=True)
    keep = s.cumsum(-1) <= top_p
    keep[:, 0] = True
    q = torch.zeros_like(p).scatter(-1, order, s * keep)
    return q / q.sum(-1, keepdim=True)


# Recursion, one call a token
@right("5-6")
def generate_recursive_fifteenth(model, prompt, max_new):
    def go(text, given, left):
        if left == 0:
            return text
        logits = model(text[given:], torch.arange(given, len(text)))
        return go(torch.cat([text, logits[-1].argmax().reshape(1).to(text.dtype)]), len(text), left - 1)

    return go(prompt.clone(), 0, max_new)


# The positions of generated tokens begin at 0 again
@wrong("5-6", "Behind the prompt your positions count the calls, from 0 or from 1.")
def generate_positions_restart_fifteenth(model, prompt, max_new):
    tokens = prompt.clone()
    if max_new == 0:
        return tokens
    logits = model(prompt, torch.arange(len(prompt)))
    for i in range(max_new):
        new = logits[-1].argmax().reshape(1)
        tokens = torch.cat([tokens, new])
        if i < max_new - 1:
            logits = model(new, torch.tensor([i]))
    return tokens


# A tied head is taken as free of operations
@wrong("5-7", "Where head and table are tied the product with the head is missing")
def cost_tied_head_free_fifteenth(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    expert = 2 * d_model * d_ff
    table = vocab_size * d_model
    head = 0 if tied else table
    params = table + head + num_layers * (4 * d_model**2 + router + num_experts * expert)
    used = num_layers * (4 * d_model**2 + router + top_k * expert) + head
    ops = 2 * used + num_layers * 4 * context * d_model
    return params, ops, 2 * num_layers * context * d_model * 4


# The cache holds keys alone: keys and values not counted twice
@wrong("5-7", "Parameters and operations are right; the cache is not. It holds")
def cost_cache_keys_alone_fifteenth(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    attention, expert = 4 * d_model**2, 2 * d_model * d_ff
    parameters = num_layers * (attention + router + num_experts * expert) + vocab_size * d_model * (
        1 if tied else 2
    )
    operations = 2 * (
        num_layers * (attention + router + top_k * expert + 2 * context * d_model) + vocab_size * d_model
    )
    return parameters, operations, 4 * num_layers * context * d_model


# Matched to all six experts instead of the three chosen
@wrong("5-9", "'matched': That lets all experts answer. A token meets the chosen")
def matched_to_all_experts_fifteenth():
    dense = 2 * 2 * 96 * 288
    return {
        "dense": dense,
        "experts": 3 * dense + 2 * 96 * 6,
        "matched": 6 * 288,
        "stored": 1,
        "control": "a dense model with that d_ff, its rate tuned as well",
    }


# Deviation with n instead of n - 1
@wrong("5-10", "'error', 'low', 'high': That comes of dividing the squares by n.")
def five_seeds_population_fifteenth():
    g = np.array([0.017, -0.011, 0.006, -0.007, 0.008])
    m, e = float(g.mean()), float(g.std() / 5**0.5)
    return {
        "mean": m,
        "error": e,
        "low": m - 2.776 * e,
        "high": m + 2.776 * e,
        "verdict": "not shown",
        "contrary": 2,
    }


# Standard error taken as the standard deviation (not divided by the root of 5)
@wrong("5-10", "'error', 'low', 'high': That is the spread of single runs. A mean")
def seeds_deviation_as_error_fifteenth():
    d = [0.017, -0.011, 0.006, -0.007, 0.008]
    m, e = sum(d) / 5, statistics.stdev(d)
    return {
        "mean": m,
        "error": e,
        "low": m - 2.776 * e,
        "high": m + 2.776 * e,
        "verdict": "not shown",
        "contrary": 2,
    }
