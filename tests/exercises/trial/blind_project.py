"""A third trial, written from the statements alone before any of it was run: chapter 5."""

import math

import torch

from trial.answers import right, wrong


@wrong("5-1", "You average the batches as if they were equally large. Where one")
def batches_count_alike_again(losses, counts, text):
    mean = sum(float(one) for one in losses) / len(losses)
    return mean * float(sum(counts)) / math.log(2) / len(text.encode("utf-8"))


@wrong("5-1", "You divide by the tokens: that is right in bits per token only. A")
def per_token_not_per_byte(losses, counts, text):
    total = sum(float(one) * float(c) for one, c in zip(losses, counts, strict=False))
    return total / float(sum(counts)) / math.log(2)


@wrong("5-2", "It comes out as if only whole copies were dropped: texts that")
def only_whole_documents_are_compared(documents, held_out, width):
    held = {documents[i] for i in held_out}
    return [i not in held_out and d not in held for i, d in enumerate(documents)]


@wrong("5-2", "It comes out as if passages were compared at certain places")
def passages_at_multiples_of_width_only(documents, held_out, width):
    def cut(d):
        return {d[i : i + width] for i in range(0, len(d) - width + 1, width)}

    bad = set().union(*(cut(documents[i]) for i in held_out)) if len(held_out) else set()
    return [i not in held_out and not (cut(d) & bad) for i, d in enumerate(documents)]


@wrong("5-2", "Some of your training documents are held out: one that shares")
def held_out_documents_may_be_trained_on(documents, held_out, width):
    def cut(d):
        return {d[i : i + width] for i in range(len(d) - width + 1)}

    out = []
    for i, d in enumerate(documents):
        others = [cut(documents[h]) for h in held_out if h != i]
        out.append(not any(cut(d) & o for o in others))
    return out


@wrong("5-3", "A NaN becomes your best loss, and after it no comparison says what")
def nan_counts_as_better(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        if losses[i] >= losses[best]:
            bad += 1
        else:
            best, bad = i, 0
        if bad == patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-3", "You stop only when one more evaluation than patience says has not")
def one_evaluation_too_late(losses, patience):
    best, value, bad = 0, math.inf, 0
    for i, x in enumerate(losses):
        if x < value:
            best, value, bad = i, x, 0
        else:
            bad += 1
        if bad > patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-3", "Your two numbers stand in each other's place: first the last")
def best_first(losses, patience):
    best, value, bad = 0, math.inf, 0
    for i, x in enumerate(losses):
        if x < value:
            best, value, bad = i, x, 0
        else:
            bad += 1
        if bad == patience:
            return best, i
    return best, len(losses) - 1


@wrong("5-4", "Your resumed run is right until the other one trains on: the two")
def the_optimizer_s_state_is_shared(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(run.optimizer.state_dict())
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


@wrong("5-4", "The resumed run draws other batches and another dropout than the run")
def generator_forgotten(run, fresh):
    import copy

    fresh.model.load_state_dict(copy.deepcopy(run.model.state_dict()))
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.step = run.step
    return fresh


@wrong("5-4", "Both runs now hold the same object")
def one_generator_for_both_again(run, fresh):
    import copy

    fresh.model.load_state_dict(copy.deepcopy(run.model.state_dict()))
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator = run.generator
    fresh.step = run.step
    return fresh


@wrong("5-5", "You stop one token too early: the kept ones do not reach top_p. The")
def the_crossing_token_is_dropped(logits, top_p):
    p = logits.softmax(-1)
    v, i = p.sort(dim=-1, descending=True, stable=True)
    keep = v.cumsum(-1) <= top_p
    keep[:, 0] = True
    v = v * keep
    out = torch.zeros_like(p).scatter(1, i, v)
    return out / out.sum(-1, keepdim=True)


@wrong("5-5", "The numbers are right, and stand in the order of their size. Which")
def left_in_sorted_order_again(logits, top_p):
    v = logits.softmax(-1).sort(-1, descending=True).values
    keep = v.cumsum(-1) - v < top_p
    v = v * keep
    return v / v.sum(-1, keepdim=True)


@wrong("5-5", "You keep the right tokens with their old probabilities. The rows no")
def not_renormalised(logits, top_p):
    p = logits.softmax(-1)
    v, i = p.sort(dim=-1, descending=True, stable=True)
    keep = v.cumsum(-1) - v < top_p
    return torch.zeros_like(p).scatter(1, i, v * keep)


@wrong("5-6", "You give the model the whole text in every call. It holds all of it")
def the_whole_text_again_every_time(model, prompt, max_new):
    t = prompt.clone()
    for _ in range(max_new):
        logits = model(t, torch.arange(len(t)))
        t = torch.cat([t, logits[-1].argmax()[None]])
    return t


@wrong("5-6", "Behind the prompt your positions are one too high or one too low (or")
def the_new_token_s_position_one_too_far(model, prompt, max_new):
    t = prompt.clone()
    new, pos = prompt, torch.arange(len(prompt))
    for _ in range(max_new):
        n = model(new, pos)[-1].argmax()[None]
        t = torch.cat([t, n])
        new, pos = n, torch.tensor([len(t)])
    return t


@wrong("5-6", "The tokens are right, but the last one is given to the model as well")
def the_last_token_is_given_though_nobody_asks(model, prompt, max_new):
    logits = model(prompt, torch.arange(len(prompt)))
    t = prompt
    for _ in range(max_new):
        n = logits[-1].argmax()[None]
        logits = model(n, torch.tensor([len(t)]))
        t = torch.cat([t, n])
    return t


@wrong("5-7", "The product with the head is missing among your operations. Tied or")
def the_head_costs_no_operations(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    e = 2 * d_model * d_ff
    att = 4 * d_model**2
    params = num_layers * (att + num_experts * e + router) + vocab_size * d_model * (1 if tied else 2)
    ops = num_layers * (2 * (att + top_k * e + router) + 4 * context * d_model)
    return params, ops, num_layers * 2 * context * d_model * 4


@wrong("5-7", "Parameters and operations are right; the cache is not. It holds keys")
def keys_only_in_the_cache(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    e = 2 * d_model * d_ff
    att = 4 * d_model**2
    params = num_layers * (att + num_experts * e + router) + vocab_size * d_model * (1 if tied else 2)
    ops = num_layers * (2 * (att + top_k * e + router) + 4 * context * d_model) + 2 * vocab_size * d_model
    return params, ops, num_layers * context * d_model * 4


@wrong("5-7", "Your operations do not grow with the length of the text. Each new")
def no_attention_to_the_context_in_the_operations(
    vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied
):
    router = d_model * num_experts if num_experts > 1 else 0
    e = 2 * d_model * d_ff
    params = num_layers * (4 * d_model**2 + num_experts * e + router) + vocab_size * d_model * (
        1 if tied else 2
    )
    ops = 2 * (num_layers * (4 * d_model**2 + top_k * e + router) + vocab_size * d_model)
    return params, ops, num_layers * context * d_model * 8


@wrong("5-8", "Your review finds what a test finds that later tokens change")
def only_looks_ahead_is_tested(build):
    m = build().eval()
    a = torch.zeros(1, 6, dtype=torch.long)
    b = a.clone()
    b[0, -1] = 1
    assert torch.allclose(m(a)[:, :-1], m(b)[:, :-1], atol=1e-4)


@wrong("5-8", "Your review sends all models back, the correct ones too. Usual")
def wants_the_same_answer_in_training_mode(build):
    m = build()
    m.train()
    t = torch.zeros(2, 5, dtype=torch.long)
    assert torch.allclose(m(t), m(t))
    assert torch.allclose(m(t)[0], m(t)[1])


@wrong("5-8", "All right models are sent back, and 4 of 13 broken ones pass: turned")
def says_what_is_right_by_true_for_a_bug(build):
    m = build().eval()
    a = torch.zeros(1, 6, dtype=torch.long)
    b = a.clone()
    b[0, -1] = 1
    return not torch.allclose(m(a)[:, :-1], m(b)[:, :-1], atol=1e-4)


@wrong("5-1", "You add up (or average) the batches' losses without asking how many")
def sum_of_the_batches_means(losses, counts, text):
    return float(sum(losses)) / math.log(2) / len(text.encode())


@wrong("5-3", "For NaN first, the last evaluation is 2 and should be 4, 2 too few")
def waits_from_the_beginning(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best]:
            best = i
        else:
            bad += 1
        if bad == patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-5", "It comes out as if a token stayed when it has at least a certain")
def top_p_of_the_largest_probability_min_p(logits, top_p):
    p = logits.softmax(-1)
    p = p * (p >= (1 - top_p) * p.amax(-1, keepdim=True))
    return p / p.sum(-1, keepdim=True)


@wrong("5-6", "You return the new tokens alone. The exercise wants the prompt in")
def only_the_continuation_again(model, prompt, max_new):
    out = []
    new, pos = prompt, torch.arange(len(prompt))
    for i in range(max_new):
        n = model(new, pos)[-1].argmax()
        out.append(int(n))
        new, pos = n[None], torch.tensor([len(prompt) + i])
    return torch.tensor(out, dtype=prompt.dtype)


@wrong("5-7", "The parameters are too small by just d_model^2 x num_layers, in every")
def query_key_and_value_only(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    e = 2 * d_model * d_ff
    att = 3 * d_model**2
    params = num_layers * (att + num_experts * e + router) + vocab_size * d_model * (1 if tied else 2)
    ops = num_layers * (2 * (att + top_k * e + router) + 4 * context * d_model) + 2 * vocab_size * d_model
    return params, ops, num_layers * 2 * context * d_model * 4


@wrong("5-2", "You drop a document shorter than width that repeats what is held out")
def a_document_shorter_than_width_is_dropped(documents, held_out, width):
    held = [documents[h] for h in held_out]
    out = []
    for i, d in enumerate(documents):
        shares = any(d[k : k + width] in h for k in range(max(1, len(d) - width + 1)) for h in held)
        out.append(i not in held_out and not shares)
    return out


@wrong("5-4", "All is right but the learning rate: it follows the step's number, and")
def step_forgotten_again(run, fresh):
    import copy

    fresh.model.load_state_dict(copy.deepcopy(run.model.state_dict()))
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.set_state(run.generator.get_state())
    return fresh


@wrong("5-4", "Fresh goes on as the new run that it was: nothing of run has come")
def the_run_itself_is_returned(run, fresh):
    return run


@wrong("5-8", "Your review returned a str ('fine'). Does it pass then, or not?")
def returns_what_it_found_as_words(build):
    m = build().eval()
    a = torch.arange(6)[None]
    if torch.isnan(m(a)).any():
        return "NaN"
    return "fine"


@right("5-2")
def substring_search(documents, held_out, width):
    held = [documents[h] for h in held_out]

    def shares(d):
        return any(d[i : i + width] in h for i in range(len(d) - width + 1) for h in held)

    return [k not in set(held_out) and not shares(d) for k, d in enumerate(documents)]


@right("5-4")
def through_a_file_in_memory_again(run, fresh):
    import io

    b = io.BytesIO()
    torch.save(
        {
            "m": run.model.state_dict(),
            "o": run.optimizer.state_dict(),
            "g": run.generator.get_state(),
            "s": run.step,
        },
        b,
    )
    b.seek(0)
    c = torch.load(b, weights_only=True)
    fresh.model.load_state_dict(c["m"])
    fresh.optimizer.load_state_dict(c["o"])
    fresh.generator.set_state(c["g"])
    fresh.step = c["s"]
    return fresh


@right("5-6")
def prompt_token_by_token(model, prompt, max_new):
    text = prompt.tolist()
    if max_new == 0:
        return prompt
    logits = None
    for i, t in enumerate(text):
        logits = model(torch.tensor([t]), torch.tensor([i]))
    for n in range(max_new):
        text.append(int(logits[-1].argmax()))
        if n + 1 < max_new:
            logits = model(torch.tensor(text[-1:]), torch.tensor([len(text) - 1]))
    return torch.tensor(text)
