"""A fourteenth trial, from the statements alone, not the first slip that comes to mind, chapter 5."""

import copy
import math
import statistics

import torch

from trial.answers import right, wrong


# Assumes that all batches hold as many tokens as the first one
@wrong("5-1", "Every batch counts as if it held as many tokens as the first, or")
def all_batches_like_the_first_fourteenth(losses, counts, text):
    nats = sum(float(loss) for loss in losses) * int(counts[0])
    return nats / math.log(2) / len(text.encode("utf-8"))


# A document shorter than width is looked for as a passage too
@wrong("5-2", "You drop a document shorter than width that repeats what is held")
def short_documents_searched_whole_fourteenth(documents, held_out, width):
    kept_back = {int(i) for i in held_out}
    result = []
    for i, text in enumerate(documents):
        passages = [text[j : j + width] for j in range(max(1, len(text) - width + 1))]
        found = any(p in documents[h] for p in passages for h in kept_back)
        result.append(i not in kept_back and not found)
    return result


# The held-out documents are cut into passages that do not overlap
@wrong("5-2", "It comes out as if passages were compared at certain places alone:")
def may_train_passages_without_overlap_fourteenth(documents, held_out, width):
    test = {int(i) for i in held_out}
    passages = set()
    for i in test:
        text = documents[i]
        passages.update(text[j : j + width] for j in range(0, len(text) - width + 1, width))
    answer = []
    for i, text in enumerate(documents):
        shared = any(text[j : j + width] in passages for j in range(len(text) - width + 1))
        answer.append(i not in test and not shared)
    return answer


# A short document that stands in a held-out one is refused, though it is shorter than width
@wrong("5-2", "You drop a document shorter than width that repeats what is held")
def may_train_short_refused_fourteenth(documents, held_out, width):
    held_out = [int(i) for i in held_out]
    answer = []
    for i, text in enumerate(documents):
        ok = i not in held_out
        for h in held_out:
            for j in range(max(1, len(text) - width + 1)):
                if text[j : j + width] in documents[h]:
                    ok = False
        answer.append(ok)
    return answer


# Unusual: lengths of common stretches by dynamic programming, character by character
@right("5-2")
def may_train_common_stretches_fourteenth(documents, held_out, width):
    test = {int(i) for i in held_out}

    def longest_common(a, b):
        best, before = 0, [0] * (len(b) + 1)
        for x in a:
            row = [0] * (len(b) + 1)
            for j, y in enumerate(b, 1):
                if x == y:
                    row[j] = before[j - 1] + 1
                    best = max(best, row[j])
            before = row
        return best

    return [
        i not in test and all(longest_common(text, documents[h]) < width for h in test)
        for i, text in enumerate(documents)
    ]


# An evaluation that gives NaN is skipped: it does not count against patience
@wrong("5-3", "An evaluation that is NaN is passed over in your version: it does")
def nan_does_not_cost_patience_fourteenth(losses, patience):
    best, lowest, waited = 0, math.inf, 0
    for i, loss in enumerate(losses):
        if math.isnan(loss):
            continue
        if loss < lowest:
            best, lowest, waited = i, loss, 0
        else:
            waited += 1
            if waited == patience:
                return i, best
    return len(losses) - 1, best


# Right: looks at every prefix anew, NaN taken for infinity
@right("5-3")
def every_prefix_anew_fourteenth(losses, patience):
    values = [math.inf if math.isnan(x) else float(x) for x in losses]
    for end in range(len(values)):
        prefix = values[: end + 1]
        best = prefix.index(min(prefix))
        if end - best >= patience:
            return end, best
    return end, best


# The generator is seeded anew with run's seed instead of taking its present state
@wrong("5-4", "The resumed run draws other batches and another dropout than the")
def resume_generator_seeded_anew_fourteenth(run, fresh):
    fresh.model.load_state_dict(copy.deepcopy(run.model.state_dict()))
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.manual_seed(run.generator.initial_seed())
    fresh.step = run.step
    return fresh


# The optimizer's state is not copied: both runs go on with the same moments
@wrong("5-4", "Your resumed run is right until the other one trains on: the two")
def resume_shares_moments_fourteenth(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(run.optimizer.state_dict())
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


# Brings the mask back with the order itself instead of with its inverse
@wrong("5-5", "It comes out as if what stays had been marked in the sorted row and")
def mask_gathered_by_the_order_fourteenth(logits, top_p):
    probs = torch.softmax(logits, dim=-1)
    ranked, order = torch.sort(probs, dim=-1, descending=True, stable=True)
    keep = ranked.cumsum(-1) - ranked < top_p
    keep[:, 0] = True
    kept = probs * keep.gather(-1, order)
    return kept / kept.sum(-1, keepdim=True)


# Gives the last new token to the model too, whose answer nobody reads
@wrong("5-6", "The tokens are right, but the last one is given to the model as")
def last_token_read_for_nothing_fourteenth(model, prompt, max_new):
    tokens = prompt
    if max_new == 0:
        return tokens
    logits = model(prompt, torch.arange(len(prompt)))
    for _ in range(max_new):
        new = logits[-1].argmax().reshape(1).to(prompt.dtype)
        tokens = torch.cat([tokens, new])
        logits = model(new, torch.tensor([len(tokens) - 1]))
    return tokens


# The last new token is given to the model too, though nobody asks for what comes next
@wrong("5-6", "The tokens are right, but the last one is given to the model as")
def generate_reads_last_token_fourteenth(model, prompt, max_new):
    if max_new == 0:
        return prompt.clone()
    text = prompt.clone()
    logits = model(text, torch.arange(len(text)))
    for _ in range(max_new):
        token = logits[-1].argmax().reshape(1)
        logits = model(token, torch.tensor([len(text)]))
        text = torch.cat([text, token])
    return text


# The position is read off after the token was appended: one too far
@wrong("5-6", "Behind the prompt your positions are one too high or one too low")
def generate_positions_one_too_far_fourteenth(model, prompt, max_new):
    text = prompt
    new, positions = prompt, torch.arange(len(prompt))
    for _ in range(max_new):
        logits = model(new, positions)
        new = logits[-1].argmax()[None]
        text = torch.cat([text, new])
        positions = torch.tensor([len(text)])
    return text


# Operations: a tied head is left out, as if sharing the table made its product free
@wrong("5-7", "Where head and table are tied the product with the head is missing")
def tied_head_costs_nothing_fourteenth(
    vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied
):
    router = d_model * num_experts if num_experts > 1 else 0
    attention, expert = 4 * d_model * d_model, 2 * d_model * d_ff
    table = vocab_size * d_model
    parameters = table + num_layers * (attention + num_experts * expert + router) + (0 if tied else table)
    per_layer = 2 * (attention + top_k * expert + router) + 4 * context * d_model
    operations = num_layers * per_layer + (0 if tied else 2 * table)
    return parameters, operations, 2 * num_layers * context * d_model * 4


# Counts the router's columns of the chosen experts alone
@wrong("5-9", "'experts': This number counts a part of the router: one operation a")
def router_of_the_chosen_alone_fourteenth():
    dense = 2 * 2 * 96 * 288
    return {
        "dense": dense,
        "experts": 3 * dense + 2 * 96 * 3,
        "matched": 3 * 288,
        "stored": 6 * 288 / (3 * 288),
        "control": "a dense model with that d_ff, its rate tuned as well",
    }


# Contrary counts the seeds that lie below the 0.01 that somebody would care for
@wrong("5-10", "right: 'mean', 'error', 'low', 'high', 'verdict'. 'contrary': 4 is")
def seeds_contrary_below_line_fourteenth():
    gains = [0.017, -0.011, 0.006, -0.007, 0.008]
    mean = statistics.mean(gains)
    error = statistics.stdev(gains) / len(gains) ** 0.5
    low, high = mean - 2.776 * error, mean + 2.776 * error
    return {
        "mean": mean,
        "error": error,
        "low": low,
        "high": high,
        "verdict": "holds" if low > 0.01 else "does not hold" if high <= 0.01 else "not shown",
        "contrary": sum(g < 0.01 for g in gains),
    }
