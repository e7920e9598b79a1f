"""Chapter 5, the project: wrong answers with one slip each, and unusual right ones."""

import copy
import io
import math

import torch

from llmasos_edu.exercises.project.model import TinyLanguageModel
from trial.answers import right, wrong


@wrong("5-1", "were equally large")
def batches_count_alike(losses, counts, text):
    losses, counts = torch.tensor(losses), torch.tensor(counts)
    return float(losses.mean() * counts.sum() / math.log(2) / len(text.encode()))  # the last is smaller


@wrong("5-1", "losses come")
def nats_left_as_they_are(losses, counts, text):
    losses, counts = torch.tensor(losses), torch.tensor(counts)
    return float((losses * counts).sum() / len(text.encode()))


@wrong("5-1", "character takes")
def characters_for_bytes(losses, counts, text):
    losses, counts = torch.tensor(losses), torch.tensor(counts)
    return float((losses * counts).sum() / math.log(2) / len(text))


@wrong("5-1", "bits per")
def bits_per_token(losses, counts, text):
    losses, counts = torch.tensor(losses), torch.tensor(counts)
    return float((losses * counts).sum() / counts.sum() / math.log(2))


@right("5-1")
def bits_by_change_of_base(losses, counts, text):
    total = 0.0
    for loss, count in zip(losses, counts, strict=True):
        total -= math.log2(math.exp(-float(loss))) * int(count)
    return torch.tensor(total / len(bytes(text, "utf-8")))


@wrong("5-2", "It comes out as if passages were compared at certain places")
def passages_at_equal_places_only(documents, held_out, width):
    def shares(a, b):
        return any(a[i : i + width] == b[i : i + width] for i in range(min(len(a), len(b)) - width + 1))

    return [
        i not in held_out and not any(shares(d, documents[h]) for h in held_out)
        for i, d in enumerate(documents)
    ]


@wrong("5-2", "w characters can")
def last_passage_forgotten(documents, held_out, width):
    seen = {documents[h][i : i + width] for h in held_out for i in range(len(documents[h]) - width)}  # + 1
    return [
        n not in held_out and not any(d[i : i + width] in seen for i in range(len(d) - width + 1))
        for n, d in enumerate(documents)
    ]


@wrong("5-2", "Some of your training documents are held out: one that shares")
def held_out_itself_may_train(documents, held_out, width):
    return [
        not any(
            d[i : i + width] in documents[h] for h in held_out if h != n for i in range(len(d) - width + 1)
        )
        for n, d in enumerate(documents)
    ]


@wrong("5-2", "It comes out as if only whole copies were dropped: texts that")
def equal_documents_only(documents, held_out, width):
    secret = {documents[h] for h in held_out}
    return [d not in secret for d in documents]


@wrong("5-2", "It comes out as if passages shorter than width counted, down")
def short_documents_compared_whole(documents, held_out, width):
    seen = {documents[h][i : i + width] for h in held_out for i in range(len(documents[h]))}  # shorter ends
    return [
        n not in held_out and not any(d[i : i + width] in seen for i in range(len(d)))
        for n, d in enumerate(documents)
    ]


@right("5-2")
def train_by_substring_search(documents, held_out, width):
    secrets = "\0".join(documents[h] for h in held_out)
    may = [True] * len(documents)
    for n, document in enumerate(documents):
        passages = (document[i : i + width] for i in range(len(document) - width + 1))
        may[n] = not (n in held_out or any("\0" not in p and p in secrets for p in passages))
    return torch.tensor(may)


@wrong("5-3", "You compare each evaluation with the one before it. A curve")
def compared_with_the_one_before(losses, patience):
    best = bad = 0
    for i in range(1, len(losses)):
        bad = 0 if losses[i] < losses[i - 1] else bad + 1  # with the best, not with the last
        best = i if losses[i] < losses[best] else best
        if bad == patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-3", "same loss again")
def equal_counts_as_better(losses, patience):
    best = 0
    for i, loss in enumerate(losses):
        if loss <= losses[best]:
            best = i
        if i - best >= patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-3", "You stop only when one more evaluation than patience says has not")
def one_more_evaluation(losses, patience):
    best = 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        if i - best > patience:
            return i, best
    return len(losses) - 1, best


@wrong("5-3", "never made")
def best_of_the_whole_list(losses, patience):
    best = 0
    for i, loss in enumerate(losses):
        if loss < losses[best]:
            best = i
        if i - best >= patience:
            return i, min(range(len(losses)), key=lambda j: losses[j])  # later ones were never made
    return len(losses) - 1, best


@wrong("5-4", "The weights are there, and nothing else that a step reads")
def model_only(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    return fresh


@wrong("5-4", "other feels")
def one_generator_for_both(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator = run.generator  # what one draws the other no longer gets
    fresh.step = run.step
    return fresh


@wrong("5-4", "learning rate")
def step_forgotten(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator.set_state(run.generator.get_state())
    return fresh


@wrong("5-4", "optimizer moves")
def one_optimizer_for_both(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer = run.optimizer  # it holds the weights of run
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step
    return fresh


@wrong("5-4", "had learned")
def loaded_the_wrong_way_round(run, fresh):
    run.model.load_state_dict(fresh.model.state_dict())
    run.optimizer.load_state_dict(fresh.optimizer.state_dict())
    run.generator.set_state(fresh.generator.get_state())
    run.step = fresh.step
    return fresh


@right("5-4")
def through_bytes(run, fresh):
    disk = io.BytesIO()
    torch.save(
        [run.model.state_dict(), run.optimizer.state_dict(), run.generator.get_state(), run.step], disk
    )
    disk.seek(0)
    weights, moments, state, fresh.step = torch.load(disk)
    fresh.model.load_state_dict(weights)
    fresh.optimizer.load_state_dict(moments)
    fresh.generator.set_state(state)
    return fresh


@wrong("5-5", "crosses the line")
def crossing_token_left_out(logits, top_p):
    p = logits.softmax(-1)
    ordered, order = p.sort(dim=-1, descending=True, stable=True)
    kept = ordered * (ordered.cumsum(-1) <= top_p)
    kept[:, 0] = ordered[:, 0]
    kept = kept / kept.sum(-1, keepdim=True)
    return torch.zeros_like(p).scatter(-1, order, kept)


@wrong("5-5", "their size")
def left_in_the_order_of_size(logits, top_p):
    ordered = logits.softmax(-1).sort(dim=-1, descending=True, stable=True).values
    kept = ordered * (ordered.cumsum(-1) - ordered < top_p - 1e-6)
    return kept / kept.sum(-1, keepdim=True)  # not in their own places


@wrong("5-5", "their old probabilities")
def nucleus_not_normalised(logits, top_p):
    p = logits.softmax(-1)
    ordered, order = p.sort(dim=-1, descending=True, stable=True)
    kept = ordered * (ordered.cumsum(-1) - ordered < top_p - 1e-6)
    return torch.zeros_like(p).scatter(-1, order, kept)


@wrong("5-5", "It comes out as if a token stayed when it has at least a certain")
def every_token_above_top_p(logits, top_p):
    p = logits.softmax(-1)
    kept = p * (p >= top_p * p.amax(-1, keepdim=True))  # min-p
    return kept / kept.sum(-1, keepdim=True)


@right("5-5")
def nucleus_in_a_loop(logits, top_p):
    result = []
    for row in logits.double().softmax(-1).tolist():
        out, reached = [0.0] * len(row), 0.0
        for i in sorted(range(len(row)), key=lambda i: -row[i]):
            if reached >= top_p - 1e-6:
                break
            out[i], reached = row[i], reached + row[i]
        result.append([share / reached for share in out])
    return torch.tensor(result)


@wrong("5-6", "whole text")
def whole_text_again_each_time(model, prompt, max_new):
    tokens = prompt
    for _ in range(max_new):
        logits = model(tokens, torch.arange(len(tokens)))  # all but the last are held already
        tokens = torch.cat([tokens, logits[-1].argmax()[None]])
    return tokens


@wrong("5-6", "yours counts positions")
def new_tokens_at_position_zero(model, prompt, max_new):
    tokens, new, positions = prompt, prompt, torch.arange(len(prompt))
    for _ in range(max_new):
        new = model(new, positions)[-1].argmax()[None]
        tokens, positions = torch.cat([tokens, new]), torch.zeros(1, dtype=torch.long)
    return tokens


@wrong("5-6", "too high")
def position_one_too_far(model, prompt, max_new):
    tokens, new, positions = prompt, prompt, torch.arange(len(prompt))
    for _ in range(max_new):
        new = model(new, positions)[-1].argmax()[None]
        tokens = torch.cat([tokens, new])
        positions = torch.tensor([len(tokens)])  # counted from 0: len - 1
    return tokens


@wrong("5-6", "wants the prompt")
def continuation_alone(model, prompt, max_new):
    new, positions, written = prompt, torch.arange(len(prompt)), []
    for _ in range(max_new):
        new = model(new, positions)[-1].argmax()[None]
        positions = positions[-1:] + 1
        written.append(new)
    return torch.cat(written) if written else prompt[:0]


@wrong("5-6", "nobody looks")
def last_token_fed_for_nothing(model, prompt, max_new):
    tokens = prompt
    logits = model(prompt, torch.arange(len(prompt)))
    for _ in range(max_new):
        new = logits[-1].argmax()[None]
        tokens = torch.cat([tokens, new])
        logits = model(new, torch.tensor([len(tokens) - 1]))  # nobody reads the last
    return tokens


@right("5-6")
def generated_one_token_at_a_time(model, prompt, max_new):
    text = prompt.tolist()
    for position in range(len(text) + max_new - 1 if max_new else 0):
        logits = model(torch.tensor([text[position]]), torch.tensor([position]))
        if position == len(text) - 1:
            text.append(int(logits[-1].argmax()))
    return torch.tensor(text)


@wrong("5-7", "wrong way")
def a_head_though_tied(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts * (num_experts > 1)
    attention, expert, table = 4 * d_model**2, 2 * d_model * d_ff, vocab_size * d_model
    parameters = 2 * table + num_layers * (attention + num_experts * expert + router)
    layer = attention + top_k * expert + router + 2 * context * d_model
    return parameters, 2 * (num_layers * layer + table), num_layers * context * d_model * 2 * 4


@wrong("5-7", "holds keys")
def cache_of_keys_alone(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts * (num_experts > 1)
    attention, expert, table = 4 * d_model**2, 2 * d_model * d_ff, vocab_size * d_model
    parameters = (2 - tied) * table + num_layers * (attention + num_experts * expert + router)
    layer = attention + top_k * expert + router + 2 * context * d_model
    return parameters, 2 * (num_layers * layer + table), num_layers * context * d_model * 4


@wrong("5-7", "among your operations")
def head_costs_no_operations(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts * (num_experts > 1)
    attention, expert, table = 4 * d_model**2, 2 * d_model * d_ff, vocab_size * d_model
    parameters = (2 - tied) * table + num_layers * (attention + num_experts * expert + router)
    layer = attention + top_k * expert + router + 2 * context * d_model
    return parameters, 2 * num_layers * layer, num_layers * context * d_model * 2 * 4


@wrong("5-7", "value that")
def scores_without_the_weighted_sum(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    router = d_model * num_experts * (num_experts > 1)
    attention, expert, table = 4 * d_model**2, 2 * d_model * d_ff, vocab_size * d_model
    parameters = (2 - tied) * table + num_layers * (attention + num_experts * expert + router)
    layer = attention + top_k * expert + router + context * d_model  # q k alone
    return parameters, 2 * (num_layers * layer + table), num_layers * context * d_model * 2 * 4


@wrong("5-8", "models pass")
def only_the_shape(build):
    model = build().eval()
    assert model(torch.zeros(2, 5, dtype=torch.long)).shape == (2, 5, model.vocab_size)


@wrong("5-8", "training mode")
def tested_with_dropout_on(build):
    model, tokens = build(), torch.arange(6)[None] % 7  # in training mode two calls differ
    changed = tokens.clone()
    changed[0, -1] = 0
    assert torch.allclose(model(tokens)[:, :5], model(changed)[:, :5], atol=1e-4)


@wrong("5-8", "turned round, your review would find")
def true_for_a_bug(build):
    model = build().eval()
    tokens = torch.arange(6)[None] % 7
    changed = tokens.clone()
    changed[0, -1] = (changed[0, -1] + 1) % 7
    return not torch.allclose(model(tokens)[:, :5], model(changed)[:, :5], atol=1e-4)  # turned over


@right("5-8")
def compared_with_a_rebuilt_model(build):
    model = build()
    block = model.blocks[0]
    own = TinyLanguageModel(
        model.vocab_size,
        model.d_model,
        len(model.blocks),
        block.attention.num_heads,
        len(block.mixture.experts),
        block.mixture.top_k,
        block.dropout.p,
        max_len=model.position.num_embeddings,
        tied=model.head.weight is model.embedding.weight,
    )
    own.load_state_dict(model.state_dict())
    tokens = torch.randint(model.vocab_size, (3, 12), generator=torch.Generator().manual_seed(1))
    kept = tokens.clone()
    torch.manual_seed(0)
    loud, expected_loud = model(tokens), None
    torch.manual_seed(0)
    expected_loud = own(tokens)
    assert torch.allclose(loud, expected_loud, atol=1e-3)
    model.eval(), own.eval()
    cache = model.new_cache()
    with torch.no_grad():
        assert torch.allclose(model(tokens), own(tokens), atol=1e-3)
        parts = [model(tokens[:, i:j], cache) for i, j in ((0, 5), (5, 6), (6, 9), (9, 12))]
        assert torch.allclose(torch.cat(parts, 1), own(tokens), atol=1e-3)
        assert torch.allclose(torch.cat([model(row[None]) for row in tokens]), own(tokens), atol=1e-3)
    assert torch.equal(tokens, kept)
    for one in (model, own):
        one(tokens).logsumexp(-1).mean().backward()
    for (name, a), b in zip(model.named_parameters(), own.parameters(), strict=True):
        assert a.grad is not None, name
        assert torch.allclose(a.grad, b.grad, atol=1e-3), name


EQUAL = {
    "dense": 110592,
    "experts": 332928,
    "matched": 864,
    "stored": 2.0,
    "control": "a dense model with that d_ff, its rate tuned as well",
}
SEEDS = {
    "mean": 0.0026,
    "error": 0.005124,
    "low": -0.01163,
    "high": 0.01683,
    "verdict": "not shown",
    "contrary": 2,
}


@wrong("5-9", "These numbers are half for every network, as with one matrix")
def one_matrix_a_network():
    return EQUAL | {"dense": 55296, "experts": 167040}


@wrong("5-9", "This number leaves the router out of the model's work. It is")
def experts_without_their_router():
    return EQUAL | {"experts": 331776}


@wrong("5-9", "far more work")
def as_many_weights():
    return EQUAL | {"control": "a dense model with as many weights as all the experts"}


@wrong("5-9", "divide by it")
def weights_of_six_experts():
    return EQUAL | {"stored": 6}


@right("5-9")
def whole_numbers_as_floats():
    return EQUAL | {"matched": 864.0, "stored": 2}


@wrong("5-10", "surer than one run")
def the_spread_of_the_runs():
    return SEEDS | {"error": 0.011459, "low": -0.0292, "high": 0.0344}


@wrong("5-10", "2.776")
def two_errors_to_each_side():
    return SEEDS | {"low": -0.00765, "high": 0.01285}


@wrong("5-10", "Lay the interval beside 0.01")
def a_mean_below_zero_refutes():
    return SEEDS | {"verdict": "does not hold"}


@wrong("5-10", "agree with the mean")
def counts_those_who_agree():
    return SEEDS | {"contrary": 3}


@right("5-10")
def rounded_to_tenths_of_a_thousandth():
    return SEEDS | {"error": 0.00512, "low": -0.0116, "high": 0.0168}
