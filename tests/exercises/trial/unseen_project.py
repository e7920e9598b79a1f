"""Chapter 5: answers of a second trial, drawn from the statements alone.

Where it had an idea of the first one again, `again_` stands in front of the name.
"""

import copy
import io
import math

import torch

from trial.answers import right, wrong


@wrong("5-1", "You average the batches")
def mean_of_the_batches(losses, counts, text):
    return sum(losses) / len(losses) / math.log(2) * sum(counts) / len(text.encode())


@wrong("5-1", "In plain English you are")
def again_characters_for_bytes(losses, counts, text):
    nats = sum(loss * n for loss, n in zip(losses, counts, strict=True))
    return nats / math.log(2) / len(text)


@wrong("5-1", "You multiply where you should")
def multiplied_by_ln_two(losses, counts, text):
    nats = sum(loss * n for loss, n in zip(losses, counts, strict=True))
    return nats * math.log(2) / len(text.encode("utf-8"))


@wrong("5-1", "You divide by the tokens")
def again_bits_per_token(losses, counts, text):
    nats = sum(float(loss) * int(n) for loss, n in zip(losses, counts, strict=True))
    return nats / math.log(2) / float(sum(counts))


@right("5-1")
def logarithm_of_the_product(losses, counts, text):
    size = len(bytes(text, "utf8"))
    return float(
        sum(math.log2(math.e) * float(x) * int(n) / size for x, n in zip(losses, counts, strict=True))
    )


@wrong("5-2", "It comes out as if passages were compared at certain places")
def passages_at_fixed_places(documents, held_out, width):
    seen = set()
    for i in held_out:
        text = documents[i]
        seen |= {text[a : a + width] for a in range(0, len(text), width)}
    return [
        i not in held_out and not any(text[a : a + width] in seen for a in range(0, len(text), width))
        for i, text in enumerate(documents)
    ]


@wrong("5-2", "It comes out as if passages shorter than width counted, down")
def short_ends_are_passages(documents, held_out, width):
    seen = {documents[i][a : a + width] for i in held_out for a in range(len(documents[i]))}
    return [
        i not in held_out and not any(d[a : a + width] in seen for a in range(len(d)))
        for i, d in enumerate(documents)
    ]


@wrong("5-2", "Some of your training documents are held out: one that shares")
def held_out_themselves_allowed(documents, held_out, width):
    answers = []
    for i, text in enumerate(documents):
        others = [documents[j] for j in held_out if j != i]
        passages = [text[a : a + width] for a in range(len(text) - width + 1)]
        answers.append(not any(p in other for p in passages for other in others))
    return answers


@wrong("5-2", "It comes out as if the passage at the very end of a text were")
def last_passage_missed(documents, held_out, width):
    seen = {documents[i][a : a + width] for i in held_out for a in range(len(documents[i]) - width)}
    return [
        i not in held_out and seen.isdisjoint(d[a : a + width] for a in range(len(d) - width))
        for i, d in enumerate(documents)
    ]


@wrong("5-2", "It comes out as if width counted words, so that a passage is")
def words_instead_of_characters(documents, held_out, width):
    def passages(text):
        words = text.split()
        return {tuple(words[a : a + width]) for a in range(len(words) - width + 1)}

    seen = set().union(*(passages(documents[i]) for i in held_out))
    return [i not in held_out and not passages(d) & seen for i, d in enumerate(documents)]


@right("5-2")
def found_with_find(documents, held_out, width):
    answers = torch.ones(len(documents), dtype=torch.bool)
    for i, text in enumerate(documents):
        if i in set(held_out):
            answers[i] = False
            continue
        for a in range(len(text) - width + 1):
            if any(documents[j].find(text[a : a + width]) >= 0 for j in held_out):
                answers[i] = False
                break
    return answers.tolist()


@wrong("5-3", "A loss that only repeats")
def equal_is_better(losses, patience):
    best, low, bad = 0, math.inf, 0
    for i, loss in enumerate(losses):
        if loss <= low:
            best, low, bad = i, loss, 0
        else:
            bad += 1
            if bad == patience:
                return i, best
    return len(losses) - 1, best


@wrong("5-3", "You compare each evaluation with the one before it. A curve")
def again_compared_with_the_one_before(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best] or math.isnan(losses[best]):
            best = i
        bad = 0 if losses[i] < losses[i - 1] else bad + 1
        if bad == patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-3", "You stop only when one more evaluation than patience says")
def one_too_patient(losses, patience):
    best, bad = 0, 0
    for i in range(1, len(losses)):
        if losses[i] < losses[best] or math.isnan(losses[best]):
            best, bad = i, 0
        else:
            bad += 1
        if bad > patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-3", "Your best evaluation comes")
def again_best_of_the_whole_list(losses, patience):
    low, bad, last = math.inf, 0, len(losses) - 1
    for i, loss in enumerate(losses):
        if loss < low:
            low, bad = loss, 0
        else:
            bad += 1
        if bad == patience:
            last = i
            break
    return last, min(range(len(losses)), key=lambda i: math.inf if math.isnan(losses[i]) else losses[i])


@wrong("5-4", "Both runs now hold the same")
def generator_shared(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator = run.generator
    fresh.step = run.step
    return fresh


@wrong("5-4", "Weights, chance and step")
def optimizer_begins_anew(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


@wrong("5-4", "Both runs now hold the same")
def model_handed_over(run, fresh):
    fresh.model = run.model
    fresh.optimizer.load_state_dict(run.optimizer.state_dict())
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


@wrong("5-4", "All is right but the learning")
def step_starts_at_zero(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.set_state(run.generator.get_state())
    return fresh


@right("5-4")
def through_a_file_in_memory(run, fresh):
    disk = io.BytesIO()
    state = run.model.state_dict(), run.optimizer.state_dict(), run.generator.get_state(), run.step
    torch.save(state, disk)
    disk.seek(0)
    model, optimizer, drawn, fresh.step = torch.load(disk)
    with torch.no_grad():
        for name, weight in fresh.model.named_parameters():
            weight.copy_(model[name])
    fresh.optimizer.load_state_dict(optimizer)
    fresh.generator.set_state(drawn)
    return fresh


@wrong("5-5", "You stop one token too early")
def again_crossing_token_left_out(logits, top_p):
    p, index = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    keep = p.cumsum(-1) <= top_p
    keep[:, 0] = True
    p = p * keep
    return torch.zeros_like(p).scatter(1, index, p / p.sum(-1, keepdim=True))


@wrong("5-5", "The numbers are right, and")
def left_in_sorted_order(logits, top_p):
    p, _ = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    p = p * (p.double().cumsum(-1) - p < top_p)
    return p / p.sum(-1, keepdim=True)


@wrong("5-5", "You keep the right tokens")
def nothing_renormalised(logits, top_p):
    p, index = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    keep = (p.double().cumsum(-1) - p.double()) < top_p
    return torch.zeros_like(p).scatter(1, index, p * keep)


@wrong("5-5", "It comes out as if a token stayed when it has at least a certain")
def tokens_above_a_share_of_the_best(logits, top_p):
    p = logits.softmax(-1)
    p = p * (p >= (1 - top_p) * p.amax(-1, keepdim=True))
    return p / p.sum(-1, keepdim=True)


@wrong("5-5", "You set the logits of the")
def dropped_logits_set_to_zero(logits, top_p):
    p, index = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    drop = torch.zeros_like(p, dtype=torch.bool).scatter(1, index, (p.double().cumsum(-1) - p) >= top_p)
    return logits.masked_fill(drop, 0.0).softmax(-1)


@wrong("5-6", "You give the model the whole")
def whole_text_every_time(model, prompt, max_new):
    tokens = prompt.clone()
    for _ in range(max_new):
        logits = model(tokens, torch.arange(len(tokens)))
        tokens = torch.cat([tokens, logits[-1].argmax()[None]])
    return tokens


@wrong("5-6", "list of positions given to the model")
def position_always_the_prompt_end(model, prompt, max_new):
    tokens = prompt.clone()
    new, positions = prompt, torch.arange(len(prompt))
    for _ in range(max_new):
        new = model(new, positions)[-1:].argmax(-1)
        positions = torch.tensor([len(prompt)])
        tokens = torch.cat([tokens, new])
    return tokens


@wrong("5-6", "The tokens are right, but")
def last_token_given_too(model, prompt, max_new):
    tokens = prompt.clone()
    logits = model(prompt, torch.arange(len(prompt)))
    for i in range(max_new):
        new = logits[-1:].argmax(-1)
        tokens = torch.cat([tokens, new])
        logits = model(new, torch.tensor([len(prompt) + i]))
    return tokens


@wrong("5-6", "You return the new tokens")
def only_the_continuation(model, prompt, max_new):
    written = []
    new, positions = prompt, torch.arange(len(prompt))
    for _ in range(max_new):
        new = model(new, positions)[-1:].argmax(-1)
        positions = positions[-1:] + 1
        written.append(new)
    return torch.cat(written) if written else prompt[:0]


@right("5-6")
def prompt_read_token_by_token(model, prompt, max_new):
    text = prompt.tolist()
    if max_new == 0:
        return prompt.clone()
    for i, token in enumerate(text):
        logits = model(torch.tensor([token]), torch.tensor([i]))
    for place in range(len(prompt), len(prompt) + max_new):
        text.append(int(logits[0].argmax()))
        if place + 1 < len(prompt) + max_new:
            logits = model(torch.tensor(text[-1:]), torch.tensor([place]))
    return torch.tensor(text)


@wrong("5-7", "Your operations do not grow")
def attention_to_the_context_forgotten(
    vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied
):
    router = d_model * num_experts if num_experts > 1 else 0
    fixed, expert = 4 * d_model**2 + router, 2 * d_model * d_ff
    head = vocab_size * d_model
    parameters = num_layers * (fixed + num_experts * expert) + head * (1 if tied else 2)
    operations = 2 * (num_layers * (fixed + top_k * expert) + head)
    return parameters, operations, 2 * 4 * num_layers * context * d_model


@wrong("5-7", "Head and embedding: where")
def tied_the_wrong_way_round(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    fixed, expert = 4 * d_model**2 + router, 2 * d_model * d_ff
    head = vocab_size * d_model
    parameters = num_layers * (fixed + num_experts * expert) + head * (2 if tied else 1)
    operations = 2 * (num_layers * (fixed + top_k * expert + 2 * context * d_model) + head)
    return parameters, operations, 2 * 4 * num_layers * context * d_model


@wrong("5-7", "Parameters and operations")
def again_cache_of_keys_alone(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    fixed, expert = 4 * d_model**2 + router, 2 * d_model * d_ff
    head = vocab_size * d_model
    parameters = num_layers * (fixed + num_experts * expert) + head * (1 if tied else 2)
    operations = 2 * (num_layers * (fixed + top_k * expert + 2 * context * d_model) + head)
    return parameters, operations, 4 * num_layers * context * d_model


@wrong("5-7", "You count a router where")
def router_of_a_single_expert(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    fixed, expert = 4 * d_model**2 + d_model * num_experts, 2 * d_model * d_ff
    head = vocab_size * d_model
    parameters = num_layers * (fixed + num_experts * expert) + head * (1 if tied else 2)
    operations = 2 * (num_layers * (fixed + top_k * expert + 2 * context * d_model) + head)
    return parameters, operations, 2 * 4 * num_layers * context * d_model


@wrong("5-7", "Where head and table are tied the product with the head is")
def head_free_when_tied(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts if num_experts > 1 else 0
    fixed, expert = 4 * d_model**2 + router, 2 * d_model * d_ff
    head = vocab_size * d_model * (not tied)
    parameters = num_layers * (fixed + num_experts * expert) + head + vocab_size * d_model
    operations = 2 * (num_layers * (fixed + top_k * expert + 2 * context * d_model) + head)
    return parameters, operations, 2 * 4 * num_layers * context * d_model


@right("5-7")
def summed_part_by_part(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    table, parameters, operations = vocab_size * d_model, 0, 0
    for _ in range(num_layers):
        parameters += 4 * d_model * d_model + num_experts * (d_model * d_ff + d_ff * d_model)
        operations += 8 * d_model * d_model + 4 * context * d_model + 4 * top_k * d_model * d_ff
        if num_experts != 1:
            parameters += d_model * num_experts
            operations += 2 * d_model * num_experts
    parameters += table if tied else 2 * table
    return torch.tensor([parameters, operations + 2 * table, 8 * num_layers * context * d_model])


@wrong("5-8", "All models pass your review")
def again_only_the_shape(build):
    model = build()
    tokens = torch.randint(0, model.vocab_size, (2, 6))
    assert model(tokens).shape == (2, 6, model.vocab_size)


@wrong("5-8", "Your review sends all models")
def wants_dropout_to_be_off(build):
    model = build()
    tokens = torch.randint(0, model.vocab_size, (2, 6))
    assert torch.allclose(model(tokens), model(tokens))


@wrong("5-8", "Your review sends all models")
def causality_the_wrong_way_round(build):
    model = build().eval()
    tokens = torch.randint(0, model.vocab_size, (1, 8), generator=torch.Generator().manual_seed(0))
    changed = tokens.clone()
    changed[0, 0] = (changed[0, 0] + 1) % model.vocab_size
    assert torch.allclose(model(tokens)[0, 1:], model(changed)[0, 1:], atol=1e-5)


@wrong("5-8", "Your review finds what a comparison of runs with and without")
def causality_and_cache_alone(build):
    model = build().eval()
    tokens = torch.randint(0, model.vocab_size, (2, 8), generator=torch.Generator().manual_seed(0))
    changed = tokens.clone()
    changed[:, -1] = (changed[:, -1] + 1) % model.vocab_size
    whole = model(tokens)
    assert torch.allclose(whole[:, :-1], model(changed)[:, :-1], atol=1e-4)
    cache = model.new_cache()
    steps = torch.cat([model(tokens[:, i : i + 1], cache) for i in range(8)], 1)
    assert torch.allclose(whole, steps, atol=1e-4)


@wrong("5-8", "Your review sends all models")
def exact_equality_with_the_cache(build):
    model = build().eval()
    tokens = torch.randint(0, model.vocab_size, (1, 6))
    cache = model.new_cache()
    steps = torch.cat([model(tokens[:, i : i + 1], cache) for i in range(6)], 1)
    return bool((model(tokens) == steps).all())
