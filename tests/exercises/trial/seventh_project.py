"""A seventh trial, chapter 5: answers written from the statements alone."""

import copy
import math

import numpy as np
import torch

from trial.answers import right, wrong


# Every batch is supposed to be as large as the first: mean loss times counts[0] times the number of
# batches
@wrong("5-1", "Every batch counts as if it held as many tokens as the first,")
def every_batch_is_supposed_to_be_as_large(losses, counts, text):
    losses = [float(x) for x in losses]
    nats = sum(losses) * float(counts[0])
    return nats / math.log(2) / len(text.encode("utf-8"))


# Passages of the document begin only at multiples of width (slices side by side), so a shifted repetition
# is not found
@wrong("5-2", "It comes out as if passages were compared at certain places")
def passages_of_the_document_begin(documents, held_out, width):
    out = []
    for i, document in enumerate(documents):
        pieces = [document[j : j + width] for j in range(0, len(document) - width + 1, width)]
        out.append(i not in held_out and not any(p in documents[h] for p in pieces for h in held_out))
    return out


# The held-out documents are joined to one text: passages across a seam, which stand in none of them,
# forbid a document
@wrong("5-2", "You join the held-out documents to one text. Where one ends and")
def the_held_out_documents_are_joined(documents, held_out, width):
    test = "".join(documents[h] for h in held_out)
    known = {test[j : j + width] for j in range(len(test) - width + 1)}
    return [
        i not in held_out and not any(d[j : j + width] in known for j in range(len(d) - width + 1))
        for i, d in enumerate(documents)
    ]


# Longest common substring by dynamic programming, compared with width
@right("5-2")
def longest_common_substring_by_dynamic(documents, held_out, width):
    def longest(a, b):
        row, best = [0] * (len(b) + 1), 0
        for x in a:
            new = [0]
            for j, y in enumerate(b):
                new.append(row[j] + 1 if x == y else 0)
            best, row = max(best, max(new)), new
        return best

    tests = [documents[h] for h in held_out]
    return [
        i not in set(held_out) and all(longest(d, t) < width for t in tests) for i, d in enumerate(documents)
    ]


# 'not better' is asked as loss >= best: NaN is not >=, so it passes for a new best and everything after
# it too
@wrong("5-3", "A NaN becomes your best loss, and after it no comparison says")
def not_better_is_asked_as_loss_best_nan(losses, patience):
    best, where, bad = math.inf, 0, 0
    for i, loss in enumerate(losses):
        if float(loss) >= best:
            bad += 1
            if bad == patience:
                return i, where
        else:
            best, where, bad = float(loss), i, 0
    return len(losses) - 1, where


# The best is sought in the whole list at the end, also behind the place where training stopped
@wrong("5-3", "Your best evaluation comes after the stop: it was never made.")
def the_best_is_sought_in_the_whole_list(losses, patience):
    values = [math.inf if math.isnan(float(x)) else float(x) for x in losses]
    best, bad = math.inf, 0
    for i, loss in enumerate(values):
        if loss < best:
            best, bad = loss, 0
        else:
            bad += 1
            if bad == patience:
                return i, values.index(min(values))
    return len(values) - 1, values.index(min(values))


# For every end asks whether the best of its prefix is `patience` places back
@right("5-3")
def for_every_end_asks_whether_the_best(losses, patience):
    values = [math.inf if float(x) != float(x) else float(x) for x in losses]
    place = [min(range(i + 1), key=lambda j: (values[j], j)) for i in range(len(values))]
    last = next((i for i in range(len(values)) if i - place[i] >= patience), len(values) - 1)
    return last, place[last]


# Optimizer.load_state_dict(run.optimizer.state_dict()) without a copy: AdamW's running means are the SAME
# tensors in both, so run's further steps change fresh
@wrong("5-4", "Your resumed run is right until the other one trains on: the two")
def optimizer_load_state_dict_run_optimizer(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(run.optimizer.state_dict())
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


# The generator is seeded again with run's first seed: it begins the stream of batches anew instead of
# going on
@wrong("5-4", "The resumed run draws other batches and another dropout than the")
def the_generator_is_seeded_again_with_run_s(run, fresh):
    fresh.model.load_state_dict(copy.deepcopy(run.model.state_dict()))
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.manual_seed(run.generator.initial_seed())
    fresh.step = run.step
    return fresh


# The generator is one object for both: each draws away numbers from the other
@wrong("5-4", "Both runs now hold the same object (model, weights, generator,")
def the_generator_is_one_object_for_both_each(run, fresh):
    fresh.model.load_state_dict(copy.deepcopy(run.model.state_dict()))
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator = run.generator
    fresh.step = run.step
    return fresh


# A real file in memory: torch.save into BytesIO and torch.load of it
@right("5-4")
def a_real_file_in_memory_torch_save_into(run, fresh):
    import io

    file = io.BytesIO()
    torch.save(
        [run.model.state_dict(), run.optimizer.state_dict(), run.generator.get_state(), run.step], file
    )
    file.seek(0)
    model, optimizer, generator, step = torch.load(file, weights_only=False)
    fresh.model.load_state_dict(model)
    fresh.optimizer.load_state_dict(optimizer)
    fresh.generator.set_state(generator)
    fresh.step = step
    return fresh


# All tokens as likely as the one that crosses the line are kept: with ties more than the fewest
@wrong("5-5", "All tokens as likely as the last kept one stay. With five equal")
def all_tokens_as_likely_as_the_one_that_crosses(logits, top_p):
    p = logits.softmax(-1)
    s = p.sort(-1, descending=True).values
    crossing = (s.cumsum(-1) - s < top_p).sum(-1, keepdim=True) - 1
    p = torch.where(p >= s.gather(-1, crossing), p, torch.zeros_like(p))
    return p / p.sum(-1, keepdim=True)


# How many tokens are kept is found once, in the first row, and used for all rows
@wrong("5-5", "All rows keep the tokens of the first one, or as many as it.")
def how_many_tokens_are_kept_is_found_once(logits, top_p):
    p = logits.softmax(-1)
    s, order = p.sort(dim=-1, descending=True, stable=True)
    k = int((s[0].cumsum(-1) - s[0] < top_p).sum())
    kept = torch.zeros_like(p).scatter(-1, order[:, :k], s[:, :k])
    return kept / kept.sum(-1, keepdim=True)


# The last new token is given to the model too, though nothing is asked after it
@wrong("5-6", "The tokens are right, but the last one is given to the model as")
def the_last_new_token_is_given_to_the_model_too(model, prompt, max_new):
    tokens, seen = prompt.tolist(), 0
    for _ in range(max_new):
        logits = model(torch.tensor(tokens[seen:]), torch.arange(seen, len(tokens)))
        seen = len(tokens)
        tokens.append(int(logits[-1].argmax()))
    model(torch.tensor(tokens[seen:]), torch.arange(seen, len(tokens)))
    return torch.tensor(tokens)


# The prompt is given without its last token first, then the last one is given with the position after it
# (len(prompt)): every later position is one too high
@wrong("5-6", "For a prompt of a single token, the text differs in 2 of 7")
def the_prompt_is_given_without_its_last_token(model, prompt, max_new):
    tokens = prompt.tolist()
    place = len(tokens)
    if max_new and place > 1:
        model(prompt[:-1], torch.arange(place - 1))
    for _ in range(max_new):
        logits = model(torch.tensor(tokens[-1:]), torch.tensor([place]))
        place += 1
        tokens.append(int(logits[-1].argmax()))
    return torch.tensor(tokens)


# Recursion: the new part is what is given, positions from what was given before
@right("5-6")
def recursion_the_new_part_is_what_is_given(model, prompt, max_new):
    def go(text, given, left):
        if left == 0:
            return text
        logits = model(text[given:], torch.arange(given, len(text)))
        return go(torch.cat([text, logits[-1:].argmax(-1).to(text.dtype)]), len(text), left - 1)

    return go(prompt, 0, max_new)


def _model_cost(
    vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied, attend=4, head=True, cache=2
):
    attention, expert = 4 * d_model**2, 2 * d_model * d_ff
    router = d_model * num_experts if num_experts > 1 else 0
    parameters = vocab_size * d_model * (1 if tied else 2) + num_layers * (
        attention + router + num_experts * expert
    )
    operations = (
        2 * num_layers * (attention + router + top_k * expert) + num_layers * attend * context * d_model
    )
    operations += 2 * vocab_size * d_model if head else 0
    return parameters, operations, cache * num_layers * context * d_model * 4


# A tied head has no parameters of its own, so its operations are left out as well
@wrong("5-7", "Where head and table are tied the product with the head is")
def a_tied_head_has_no_parameters_of_its_own(
    vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied
):
    return _model_cost(
        vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied, head=not tied
    )


# Attention to the context counted for the scores alone, not for the weighted sum of the values
@wrong("5-7", "For each position read you count one product of d_model numbers.")
def attention_to_the_context_counted(
    vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied
):
    return _model_cost(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied, attend=2)


# Looks at the shape and at NaN alone: a model that looks ahead passes
@wrong("5-8", "All models pass your review, the broken ones too: no failed assert")
def looks_at_the_shape_and_at_nan_alone_a_model(build):
    model = build().eval()
    tokens = torch.randint(0, 8, (2, 6))
    logits = model(tokens)
    assert logits.shape[:2] == tokens.shape
    assert torch.isfinite(logits).all()


# Demands the same logits in training mode as in evaluation mode: right models with dropout are refused
@wrong("5-8", "Your review sends all models back, the correct ones too. Usual")
def demands_the_same_logits_in_training_mode(build):
    model = build()
    tokens = torch.randint(0, 8, (2, 6))
    assert torch.equal(model.train()(tokens), model.eval()(tokens))


def _nine(**other):
    said = {
        "dense": 4 * 96 * 288,
        "experts": 3 * 4 * 96 * 288 + 2 * 96 * 6,
        "matched": 864,
        "stored": 2,
        "control": "a dense model with that d_ff, its rate tuned as well",
    }
    return {**said, **other}


# Stored against the report's dense model (6), not against the dense network of equal work (2)
@wrong("5-9", "That compares with a network as wide as one expert. The matched")
def stored_against_the_report_s_dense_model_6():
    return _nine(stored=6)


def _five(**other):
    d = np.array([0.017, -0.011, 0.006, -0.007, 0.008])
    error = d.std(ddof=1) / math.sqrt(5)
    said = {
        "mean": d.mean(),
        "error": error,
        "low": d.mean() - 2.776 * error,
        "high": d.mean() + 2.776 * error,
        "verdict": "not shown",
        "contrary": 2,
    }
    return {**said, **other}


# Contrary = seeds that would not have reached 0.01 (4), not those of the other sign
@wrong("5-10", "Asked for: the gains whose sign is not that of the mean.")
def contrary_seeds_that_would_not_have_reached_0():
    return _five(contrary=4)
