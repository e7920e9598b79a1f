"""A thirteenth trial, answers written from the statements alone, chapter 5."""

import math

import torch

from trial.answers import right, wrong


# Fsum over batches, bytes counted by the code ranges of UTF-8
@right("5-1")
def bytes_counted_by_hand_thirteenth(losses, counts, text):
    nats = math.fsum(float(loss) * float(c) for loss, c in zip(losses, counts, strict=False))
    size = sum(1 if ord(c) < 0x80 else 2 if ord(c) < 0x800 else 3 if ord(c) < 0x10000 else 4 for c in text)
    return nats / math.log(2) / size


# Bytes counted by the code points' sizes
@right("5-1")
def bits_by_code_points_thirteenth(losses, counts, text):
    size = 0
    for c in text:
        n = ord(c)
        size += 1 + (n > 0x7F) + (n > 0x7FF) + (n > 0xFFFF)
    nats = sum(float(loss) * int(count) for loss, count in zip(losses, counts, strict=False))
    return nats * math.log2(math.e) / size


# The last passage of a held-out document is left out (range is one too short)
@wrong("5-2", "It comes out as if the passage at the very end of a text were not")
def last_passage_forgotten_thirteenth(documents, held_out, width):
    held = {int(i) for i in held_out}
    passages = set()
    for i in held:
        text = documents[i]
        passages.update(text[j : j + width] for j in range(len(text) - width))
    result = []
    for i, text in enumerate(documents):
        windows = (text[j : j + width] for j in range(len(text) - width + 1))
        result.append(i not in held and not any(w in passages for w in windows))
    return result


# The last passage of every document is never looked at
@wrong("5-2", "It comes out as if the passage at the very end of a text were not")
def may_train_last_passage_thirteenth(documents, held_out, width):
    held = set(held_out)
    passages = set()
    for i in held:
        text = documents[i]
        passages |= {text[j : j + width] for j in range(len(text) - width + 1)}
    result = []
    for i, text in enumerate(documents):
        clash = any(text[j : j + width] in passages for j in range(len(text) - width))
        result.append(i not in held and not clash)
    return result


# A first evaluation that is NaN is never beaten, as every comparison with it is false
@wrong("5-3", "Where the first evaluation is NaN, none after it is better for you:")
def first_nan_never_beaten_thirteenth(losses, patience):
    best = 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best = i
        elif i - best >= patience:
            return i, best
    return len(losses) - 1, best


# "not worse" is read as better: NaN is neither >= nor <, and becomes the best
@wrong("5-3", "A NaN becomes your best loss, and after it no comparison says what")
def stop_nan_is_better_thirteenth(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        value, top = float(losses[i]), float(losses[best])
        if value >= top:
            bad += 1
            if bad == patience:
                return i, best
        else:
            best, bad = i, 0
    return len(losses) - 1, best


# The optimizer's state is handed over without a copy: both runs write into the same moments
@wrong("5-4", "Your resumed run is right until the other one trains on: the two")
def moments_shared_by_both_runs_thirteenth(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(run.optimizer.state_dict())
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


# The optimizer's state is loaded without a copy: both runs share the moments
@wrong("5-4", "Your resumed run is right until the other one trains on: the two")
def resume_shared_moments_thirteenth(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(run.optimizer.state_dict())
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


# Row by row with a loop that takes the largest of what is left
@right("5-5")
def nucleus_token_by_token_thirteenth(logits, top_p):
    probs = torch.softmax(logits, dim=-1)
    result = torch.zeros_like(probs)
    for b in range(probs.shape[0]):
        row = probs[b].tolist()
        order = sorted(range(len(row)), key=lambda v: (-row[v], v))
        reached = 0.0
        for v in order:
            result[b, v] = probs[b, v]
            reached += row[v]
            if reached >= top_p:
                break
    return result / result.sum(dim=-1, keepdim=True)


# Brought back to its places by gather with the order instead of its inverse
@wrong("5-5", "The numbers are right and in wrong places: the order says which")
def nucleus_wrong_way_back_thirteenth(logits, top_p):
    p = torch.softmax(logits, dim=-1)
    ordered, order = p.sort(dim=-1, descending=True, stable=True)
    before = ordered.cumsum(-1) - ordered
    kept = ordered * (before < top_p)
    kept[:, 0] = ordered[:, 0]
    kept = kept / kept.sum(dim=-1, keepdim=True)
    return kept.gather(-1, order)


# The last token said is given to the model too, though nobody wants what follows it
@wrong("5-6", "The tokens are right, but the last one is given to the model as")
def reads_the_last_token_too_thirteenth(model, prompt, max_new):
    text = prompt.clone()
    logits = model(text, torch.arange(len(text)))
    for _ in range(max_new):
        token = logits[-1].argmax().reshape(1).to(text.dtype)
        text = torch.cat([text, token])
        logits = model(token, torch.tensor([len(text) - 1]))
    return text


# The prompt is read one token at a time too
@right("5-6")
def generate_one_at_a_time_thirteenth(model, prompt, max_new):
    text = prompt.clone()
    read = 0
    for _ in range(max_new):
        logits = None
        while read < len(text):
            logits = model(text[read : read + 1], torch.tensor([read]))
            read += 1
        text = torch.cat([text, logits[-1].argmax().reshape(1).to(text.dtype)])
    return text


# A tied head has no parameters of its own, so its operations are left out too
@wrong("5-7", "Where head and table are tied the product with the head is missing")
def tied_head_computes_nothing_thirteenth(
    vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied
):
    router = d_model * num_experts if num_experts > 1 else 0
    expert = 2 * d_model * d_ff
    attention = 4 * d_model * d_model
    head = 0 if tied else vocab_size * d_model
    parameters = vocab_size * d_model + num_layers * (attention + router + num_experts * expert) + head
    operations = 2 * (num_layers * (attention + router + top_k * expert + 2 * context * d_model) + head)
    cache = num_layers * 2 * context * d_model * 4
    return parameters, operations, cache


# A tied head costs no operations
@wrong("5-7", "Where head and table are tied the product with the head is missing")
def cost_tied_head_free_thirteenth(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    attention = 4 * d_model * d_model
    expert = 2 * d_model * d_ff
    table = vocab_size * d_model
    parameters = num_layers * (attention + router + num_experts * expert) + (table if tied else 2 * table)
    layer = 2 * (attention + router + top_k * expert) + 4 * context * d_model
    operations = num_layers * layer + (0 if tied else 2 * table)
    return parameters, operations, num_layers * 2 * context * d_model * 4


# The store is compared with the report's dense network and not with the matched one
@wrong("5-9", "'stored': That compares with a network as wide as one expert. The")
def stored_against_the_first_dense_thirteenth():
    return {
        "dense": 2 * 2 * 96 * 288,
        "experts": 3 * 4 * 96 * 288 + 2 * 96 * 6,
        "matched": 3 * 288,
        "stored": 6.0,
        "control": "a dense model with that d_ff, its rate tuned as well",
    }


# Stored weights held against the first dense network, not against the matched one
@wrong("5-9", "'stored': That compares with a network as wide as one expert. The")
def stored_against_first_dense_thirteenth():
    dense = 2 * 2 * 96 * 288
    return {
        "dense": dense,
        "experts": 3 * dense + 2 * 96 * 6,
        "matched": 864,
        "stored": 6 * 288 / 288,
        "control": "a dense model with that d_ff, its rate tuned as well",
    }


# The interval is built with the deviation and not with the error
@wrong("5-10", "'low', 'high': That goes 2.776 deviations of single runs to each")
def interval_of_one_seed_thirteenth():
    gains = [0.017, -0.011, 0.006, -0.007, 0.008]
    mean = sum(gains) / 5
    deviation = math.sqrt(sum((g - mean) ** 2 for g in gains) / 4)
    return {
        "mean": mean,
        "error": deviation / math.sqrt(5),
        "low": mean - 2.776 * deviation,
        "high": mean + 2.776 * deviation,
        "verdict": "not shown",
        "contrary": 2,
    }


# The deviation with n instead of n - 1
@wrong("5-10", "'error', 'low', 'high': That comes of dividing the squares by n.")
def error_with_n_thirteenth():
    d = [0.017, -0.011, 0.006, -0.007, 0.008]
    mean = sum(d) / 5
    error = math.sqrt(sum((v - mean) ** 2 for v in d) / 5) / math.sqrt(5)
    return {
        "mean": mean,
        "error": error,
        "low": mean - 2.776 * error,
        "high": mean + 2.776 * error,
        "verdict": "not shown",
        "contrary": 2,
    }
