"""The exercises of chapter 5: what readers write, and the references against torch and the library."""

import copy
import math
import sys
from functools import partial
from itertools import pairwise

import cloudpickle
import pytest
import torch
import torch.nn.functional as F
from exercise_rules import every_case, of_chapter, rules_for
from question_rules import question_rules_for
from scipy.stats import ttest_1samp
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from llmasos_edu.corpus import leak_share
from llmasos_edu.exercises import find, judge
from llmasos_edu.exercises.project.bugs import BUGGY, CORRECT
from llmasos_edu.exercises.project.model import TinyLanguageModel
from llmasos_edu.exercises.project.training import Run
from llmasos_edu.layers.moe import MoE
from llmasos_edu.layers.transformer import FeedForward
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import train
from llmasos_edu.training.next_token import bits_per_byte

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


# Correct answers, written differently from the solutions ---------------------------------------------


def bits_by_powers_of_two(losses, counts, text):
    losses, counts = torch.tensor(losses), torch.tensor(counts)
    per_token = (losses * counts).sum() / counts.sum()
    return torch.log2(per_token.exp()) * counts.sum() / len(bytes(text, "utf-8"))


def split_by_search(documents, held_out, width):
    keep = []
    for index, text in enumerate(documents):
        quotes = any(
            text[i : i + width] in documents[other]
            for other in held_out
            for i in range(len(text) - width + 1)
        )
        keep.append(not quotes and index not in held_out)
    return torch.tensor(keep)


def stop_by_looking_back(losses, patience):
    losses = [math.inf if loss != loss else loss for loss in losses]
    for now in range(len(losses)):
        seen = losses[: now + 1]
        if now - seen.index(min(seen)) == patience or now == len(losses) - 1:
            return [now, seen.index(min(seen))]
    return None


def resume_by_a_deep_copy(run, fresh):
    fresh.model, fresh.optimizer = copy.deepcopy((run.model, run.optimizer))
    fresh.generator.set_state(run.generator.get_state())
    fresh.step = run.step


def resume_as_another_run(run, fresh):
    return copy.deepcopy(run)


def nucleus_token_by_token(logits, top_p):
    probs, kept = logits.softmax(-1), torch.zeros_like(logits)
    for row, out in zip(probs, kept, strict=True):
        mass = 0.0
        for token in sorted(range(len(row)), key=lambda token: (-row[token].item(), token)):
            if mass >= top_p:
                break
            out[token] = row[token]
            mass += row[token].item()
        out /= out.sum()
    return kept


def generate_token_by_token(model, prompt, max_new):
    text, place = prompt.tolist(), 0
    while len(text) < len(prompt) + max_new:
        while place < len(text):
            logits = model(torch.tensor([text[place]]), torch.tensor([place]))
            place += 1
        text.append(int(logits[0].argmax()))
    return text


def budget_from_matrices(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    layer = [(d_model, d_model)] * 4 + [(d_model, num_experts)] * (num_experts != 1)
    experts = [(d_model, d_ff), (d_ff, d_model)]

    def size(matrices):
        return sum(a * b for a, b in matrices)

    stored = size((layer + experts * num_experts) * num_layers + [(vocab_size, d_model)] * (2 - tied))
    met = size((layer + experts * top_k + [(context, d_model)] * 2) * num_layers + [(d_model, vocab_size)])
    return stored, 2 * met, num_layers * context * d_model * torch.zeros(2).nbytes


def close(a, b):
    return (a - b).abs().max() < 1e-3


def review_with_true_and_false(build):
    """Other tests than the solution's, and no assert."""
    torch.manual_seed(1)
    model = build()
    model.eval()
    tokens = torch.randint(0, model.vocab_size, (3, 10))
    other = tokens.clone()
    other[:, 6] = (other[:, 6] + 1) % model.vocab_size
    honest = close(model(tokens)[:, :6], model(other)[:, :6])
    caches = model.new_cache(), model.new_cache()
    model(tokens[:, :4], caches[0])
    in_two = model(tokens[:, 4:], caches[0])
    one_by_one = [model(token, caches[1]) for token in tokens.split(1, 1)]
    cached = close(in_two, model(tokens)[:, 4:]) and close(torch.cat(one_by_one, 1), model(tokens))
    constant = model(torch.full((1, 6), 2))[0]
    places = all(not close(a, b) for a, b in pairwise(constant))
    several = len({id(block.mixture.router.weight) for block in model.blocks}) == len(model.blocks)
    F.cross_entropy(model(tokens).flatten(0, 1), tokens.flatten()).backward()
    learns = all(w.grad is not None and w.grad.abs().max() > 0 for w in model.parameters() if w.ndim == 2)
    block, x = model.blocks[-1], torch.randn(1, 1, model.d_model)
    scores_fit = True
    with torch.no_grad():
        part, x = block.attention, torch.randn(1, 2, model.d_model)
        q, k, v = (
            p(x)[0].view(2, part.num_heads, -1) for p in (part.query_proj, part.key_proj, part.value_proj)
        )
        weights = torch.einsum("hd,khd->hk", q[1], k).div(q.shape[-1] ** 0.5).softmax(-1)
        scores_fit = close(part.out_proj(torch.einsum("hk,khd->hd", weights, v).flatten()), part(x)[0, 1])
        for expert in block.mixture.experts:
            for own, first in zip(expert.parameters(), block.mixture.experts[0].parameters(), strict=True):
                own.copy_(first)
        agree = close(block.mixture(x), block.mixture.experts[-1](x))
    return bool(honest and cached and places and several and learns and scores_fit and agree)


ALTERNATIVES = {
    "5-1": bits_by_powers_of_two,
    "5-2": split_by_search,
    "5-3": stop_by_looking_back,
    "5-4": resume_by_a_deep_copy,
    "5-5": nucleus_token_by_token,
    "5-6": generate_token_by_token,
    "5-7": budget_from_matrices,
    "5-8": review_with_true_and_false,
}


# Usual mistakes in a reader's own words --------------------------------------------------------------


def bits_from_a_plain_mean(losses, counts, text):
    mean = torch.tensor(losses).mean().item()
    return mean * sum(counts) / math.log(2) / len(text.encode("utf-8"))


def bits_of_characters(losses, counts, text):
    return sum(a * b for a, b in zip(losses, counts, strict=True)) / len(text) / math.log(2)


def bits_a_token(losses, counts, text):
    return torch.dot(torch.tensor(losses), torch.tensor(counts).float()) / sum(counts) / math.log(2)


def bits_left_in_nats(losses, counts, text):
    return sum(a * b for a, b in zip(losses, counts, strict=True)) / len(text.encode())


def bits_of_batches_only(losses, counts, text):
    return sum(losses) / math.log(2) / len(text.encode())


def split_by_a_set_of_texts(documents, held_out, width):
    hidden = {documents[i] for i in held_out}
    return [d not in hidden for d in documents]


def split_in_blocks(documents, held_out, width):
    def blocks(text):
        return {text[k * width : (k + 1) * width] for k in range(len(text) // width)}

    hidden = set()
    for i in held_out:
        hidden |= blocks(documents[i])
    return [i not in held_out and not (blocks(d) & hidden) for i, d in enumerate(documents)]


def split_off_by_one(documents, held_out, width):
    hidden = {documents[i][k : k + width] for i in held_out for k in range(len(documents[i]) - width)}
    return [
        i not in held_out and all(d[k : k + width] not in hidden for k in range(len(d) - width))
        for i, d in enumerate(documents)
    ]


def split_that_ignores_passages(documents, held_out, width):
    return [i not in set(held_out) for i, _ in enumerate(documents)]


def stop_when_it_rises(losses, patience):
    for i in range(1, len(losses)):
        if not losses[i] < min((x for x in losses[:i] if x == x), default=math.inf):
            return i, i - 1
    return len(losses) - 1, len(losses) - 1


def stop_by_the_last_step(losses, patience):
    bad, best = 0, 0
    lowest, last = float("inf"), float("inf")
    for i, loss in enumerate(losses):
        bad = 0 if loss < last else bad + 1
        if loss < lowest:
            lowest, best = loss, i
        last = loss
        if bad == patience:
            return i, best
    return i, best


def stop_too_late(losses, patience):
    best, where = math.inf, 0
    for i, loss in enumerate(losses):
        if loss < best:
            best, where = loss, i
        elif i - where > patience:
            return i, where
    return len(losses) - 1, where


def stop_with_ties(losses, patience):
    best, where = math.inf, 0
    for i, loss in enumerate(losses):
        if loss <= best:
            best, where = loss, i
        if i - where >= patience:
            return i, where
    return len(losses) - 1, where


def resume_with_weights(run, fresh):
    for new, old in zip(fresh.model.parameters(), run.model.parameters(), strict=True):
        new.data.copy_(old.data)
    return fresh


def resume_like_a_tutorial(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.step = run.step
    return fresh


def resume_with_torch_s_optimizer_state(run, fresh):
    state = {"model": run.model.state_dict(), "optimizer": run.optimizer.state_dict(), "step": run.step}
    fresh.model.load_state_dict(state["model"])
    fresh.optimizer.load_state_dict(state["optimizer"])
    fresh.step = state["step"]
    fresh.generator.set_state(run.generator.get_state())


def resume_by_assignment(run, fresh):
    fresh.__dict__.update(run.__dict__)
    return fresh


def resume_without_a_step(run, fresh):
    fresh.model.load_state_dict(run.model.state_dict())
    fresh.optimizer.load_state_dict(copy.deepcopy(run.optimizer.state_dict()))
    fresh.generator = run.generator.clone_state()
    return fresh


def nucleus_without_the_crossing(logits, top_p):
    values, order = torch.sort(logits, descending=True)
    mass = values.softmax(-1).cumsum(-1)
    drop = mass > top_p
    drop[..., 0] = False
    values[drop] = -torch.inf
    return torch.zeros_like(logits).scatter(1, order, values.softmax(-1))


def nucleus_that_may_be_empty(logits, top_p):
    values, order = torch.sort(logits, descending=True)
    values[values.softmax(-1).cumsum(-1) > top_p] = -torch.inf
    return torch.zeros_like(logits).scatter(1, order, values.softmax(-1))


def nucleus_by_value(logits, top_p):
    probs = torch.softmax(logits, 1)
    rows = []
    for row in probs:
        ordered = sorted(row.tolist(), reverse=True)
        count = next((n for n in range(1, len(row)) if sum(ordered[:n]) >= top_p), len(row))
        rows.append(torch.where(row >= ordered[count - 1], row, 0))
    kept = torch.stack(rows)
    return kept / kept.sum(1, keepdim=True)


def nucleus_of_old_probabilities(logits, top_p):
    probs, order = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    probs[probs.cumsum(-1) - probs >= top_p] = 0
    return torch.zeros_like(logits).scatter(-1, order, probs)


def nucleus_still_sorted(logits, top_p):
    probs = logits.softmax(-1).sort(-1, descending=True)[0]
    probs[probs.cumsum(-1) - probs >= top_p] = 0
    return probs / probs.sum(-1, keepdim=True)


def generate_without_a_memory(model, prompt, max_new):
    for _ in range(max_new):
        logits = model(prompt, torch.arange(prompt.shape[0]))
        prompt = torch.cat((prompt, logits[-1:].argmax(-1)))
    return prompt


def generate_from_zero(model, prompt, max_new):
    new, text = prompt, prompt
    for _ in range(max_new):
        new = model(new, torch.arange(len(new)))[-1:].argmax(1)
        text = torch.cat((text, new))
    return text


def generate_with_a_gap(model, prompt, max_new):
    text = torch.cat((prompt, model(prompt, torch.arange(len(prompt)))[-1:].argmax(1)))
    while len(text) < len(prompt) + max_new:
        text = torch.cat((text, model(text[-1:], torch.tensor([len(text)]))[-1:].argmax(1)))
    return text


def generate_and_read_the_end(model, prompt, max_new):
    text = prompt.tolist()
    logits = model(prompt, torch.arange(len(prompt)))[-1]
    for place in range(len(prompt), len(prompt) + max_new):
        text.append(logits.argmax().item())
        logits = model(torch.tensor(text[-1:]), torch.tensor([place]))[-1]
    return text


def generate_after_a_prefill(model, prompt, max_new):
    model(prompt, torch.arange(len(prompt)))
    text = prompt
    for place in range(len(prompt) - 1, len(prompt) - 1 + max_new):
        text = torch.cat((text, model(text[-1:], torch.tensor([place])).argmax(-1)))
    return text


def budget_of_a_dense_mind(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    layer = 4 * d_model**2 + 2 * num_experts * d_model * d_ff + (num_experts > 1) * num_experts * d_model
    parameters = num_layers * layer + (2 - tied) * vocab_size * d_model
    operations = 2 * num_layers * layer + 2 * vocab_size * d_model + 4 * num_layers * context * d_model
    return parameters, operations, 8 * num_layers * context * d_model


def budget_without_reading(vocab_size, d_model, num_layers, d_ff, num_experts, top_k, context, tied):
    common = 4 * d_model**2 + (num_experts > 1) * num_experts * d_model
    parameters = num_layers * (common + num_experts * 2 * d_model * d_ff) + (2 - tied) * vocab_size * d_model
    operations = 2 * (num_layers * (common + top_k * 2 * d_model * d_ff) + vocab_size * d_model)
    return parameters, operations, 8 * num_layers * context * d_model


def budget_with_keys_only(*sizes):
    parameters, operations, cache = budget_from_matrices(*sizes)
    return parameters, operations, cache // 2


def review_of_shapes(build):
    tokens = torch.zeros(2, 5, dtype=torch.long)
    model = build()
    logits = model(tokens)
    assert logits.shape == (2, 5, model.vocab_size)
    assert logits.isfinite().all()


def review_in_training_mode(build):
    model, tokens = build(), torch.arange(8)[None]
    assert torch.allclose(model(tokens)[:, :4], model(tokens[:, :4]), atol=1e-5)


def review_of_leaks(build):
    model, tokens = build().eval(), torch.arange(8)[None]
    before = model(tokens)
    tokens[0, 7] = 3
    return torch.allclose(before[:, :7], model(tokens)[:, :7], atol=1e-4)


def review_that_forbids_tying_in_words(build):
    model = build()
    assert model.head.weight is not model.embedding.weight
    assert review_with_true_and_false(build)


def review_upside_down(build):
    return not review_with_true_and_false(build)


VARIATIONS = [
    ("5-1", "mean over batches of different size", bits_from_a_plain_mean),
    ("5-1", "characters for bytes", bits_of_characters),
    ("5-1", "bits per token", bits_a_token),
    ("5-1", "nats not converted", bits_left_in_nats),
    ("5-1", "number of tokens left out", bits_of_batches_only),
    ("5-2", "only whole copies dropped", split_by_a_set_of_texts),
    ("5-2", "passages side by side", split_in_blocks),
    ("5-2", "last passage missed", split_off_by_one),
    ("5-2", "nothing dropped", split_that_ignores_passages),
    ("5-3", "stops at the first rise", stop_when_it_rises),
    ("5-3", "compared with the previous one", stop_by_the_last_step),
    ("5-3", "too late", stop_too_late),
    ("5-3", "equal counts as better", stop_with_ties),
    ("5-4", "only the weights", resume_with_weights),
    ("5-4", "nothing brought", resume_as_another_run),
    ("5-4", "chance begins anew", resume_like_a_tutorial),
    ("5-4", "the optimizer's tensors shared", resume_with_torch_s_optimizer_state),
    ("5-4", "the run's own parts handed over", resume_by_assignment),
    ("5-4", "the step forgotten", resume_without_a_step),
    ("5-5", "cut before the token that crosses", nucleus_without_the_crossing),
    ("5-5", "nothing left", nucleus_that_may_be_empty),
    ("5-5", "ties kept together", nucleus_by_value),
    ("5-5", "not renormalised", nucleus_of_old_probabilities),
    ("5-5", "left in sorted order", nucleus_still_sorted),
    ("5-6", "everything given again", generate_without_a_memory),
    ("5-6", "positions begin anew", generate_from_zero),
    ("5-6", "positions one off", generate_with_a_gap),
    ("5-6", "the last token read for nothing", generate_and_read_the_end),
    ("5-6", "last token of the prompt given twice", generate_after_a_prefill),
    ("5-7", "all experts at work", budget_of_a_dense_mind),
    ("5-7", "reading the context costs nothing", budget_without_reading),
    ("5-7", "cache of another size", budget_with_keys_only),
    ("5-8", "every model passes", review_of_shapes),
    ("5-8", "no model passes", review_in_training_mode),
    ("5-8", "only the future tested", review_of_leaks),
    ("5-8", "tied weights taken for a bug", review_that_forbids_tying_in_words),
    ("5-8", "the other way round", review_upside_down),
]


# Tests -----------------------------------------------------------------------------------------------

TestRules = rules_for("5", ALTERNATIVES, VARIATIONS)


def test_the_mistakes_that_every_reader_makes_are_covered():
    names = {mistake.name for item in of_chapter("5") for mistake in item.mistakes}
    assert names >= {
        "bits per token",
        "characters for bytes",
        "mean over batches of different size",
        "only whole copies dropped",
        "the optimizer's memory lost",
        "chance begins anew",
        "cut before the token that crosses",
        "ties kept together",
        "positions one off",
        "all experts at work",
    }
    assert len(of_chapter("5")) >= 7


def test_no_mistake_of_the_book_s_own_stops_with_an_error():
    """An error would be taken for any answer's error of the same kind."""
    for item in of_chapter("5"):
        for mistake in item.mistakes:
            for implementation in mistake.implementations:
                for case in item.cases:
                    item.observe(implementation, case.fresh())


# The review ------------------------------------------------------------------------------------------


def test_a_review_is_told_what_slips_through_and_what_it_sends_back():
    def leaks_and_ties(build):
        assert review_of_leaks(build)
        model = build()
        assert model.head.weight is not model.embedding.weight

    verdict = judge("5-8", leaks_and_ties)
    found = (
        "no causal mask",
        "the mask after the softmax",
        "stacked on another axis",
        "dropout in evaluation",
    )
    assert (verdict.status, verdict.mistake) == ("wrong", None)
    assert f"finds {len(found)} of {len(BUGGY)} bugs" in verdict.message
    passed, sent_back = verdict.message.split("sends back")
    assert all((name in passed) != any(part in name for part in found) for name in BUGGY)
    named = sent_back.split(": ")[1].split(". ")[0].split("; ")
    assert named == ["a correct model with one matrix for embedding and head"]
    assert set(named) < set(CORRECT)


def test_a_review_to_the_last_bit_sends_back_what_rounds_differently():
    def to_the_last_bit(build):
        model, tokens = build().eval(), torch.arange(10)[None]
        for length in range(1, 10):
            assert torch.equal(model(tokens)[:, :length], model(tokens[:, :length]))

    verdict = judge("5-8", to_the_last_bit)
    assert (
        verdict.mistake == "no model passes" or "a correct model that rounds differently" in verdict.message
    )


def test_an_error_in_a_review_is_the_reader_s_only_on_a_correct_model():
    def forgets_that_a_gradient_may_be_missing(build):
        model = build().eval()
        model(torch.arange(10).repeat(4, 1)).square().sum().backward()
        return all(weight.grad.isfinite().all() for weight in model.blocks.parameters())

    def misspells(build):
        return build().eval().block

    verdict = judge("5-8", forgets_that_a_gradient_may_be_missing)
    assert "finds 2 of 13 bugs" in verdict.message
    assert "a router that learns nothing" not in verdict.message
    assert "a last block" not in verdict.message
    verdict = judge("5-8", misspells)
    assert verdict.status == "error"
    assert "For a correct model, your code stopped with AttributeError" in verdict.message


def in_the_library_s_names(weights):
    """The weights of a model under review as `LanguageModel` calls them."""
    names = {
        "blocks.": "body.blocks.",
        "position.": "body.positions.learned.embedding.",
        ".mixture_norm": ".feed_forward_norm",
        ".mixture": ".feed_forward",
        ".0.weight": ".in_proj.weight",
        ".2.weight": ".out_proj.weight",
    }
    renamed = {}
    for name, weight in weights.items():
        name = "body." + name if name.startswith("norm.") else name
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        renamed[name] = weight
    return renamed


@pytest.mark.parametrize("tied", [False, True])
def test_the_model_under_review_equals_the_library_s(tied):
    model = TinyLanguageModel(num_experts=4, tied=tied).eval()
    library = LanguageModel(
        11, d_model=8, num_layers=2, num_heads=2, num_experts=4,
        moe={"top_k": 2, "activation": "gelu"}, position="learned", max_len=64, qk_norm=False,
        tie_weights=tied,
    ).eval()  # fmt: skip
    found = library.load_state_dict(in_the_library_s_names(model.state_dict()), strict=False)
    assert not found.unexpected_keys
    assert all("balancing_bias" in name for name in found.missing_keys)
    tokens = torch.randint(11, (2, 9))
    with torch.no_grad():
        torch.testing.assert_close(model(tokens), library(tokens), rtol=1e-4, atol=1e-4)
        cache, theirs = model.new_cache(), library.new_cache(2, 9)
        for token in tokens.split(2, 1):
            torch.testing.assert_close(
                model(token, cache), library(token, cache=theirs), rtol=1e-4, atol=1e-4
            )


def test_every_bug_changes_what_a_correct_model_of_the_same_weights_does():
    tokens = torch.randint(11, (2, 8), generator=torch.Generator().manual_seed(0))
    # Seen only in the gradient, with a cache, and in the number of weights.
    silent = {
        "a router that learns nothing",
        "positions one off behind a cache",
        "one block's weights in every layer",
    }
    for name, build in BUGGY.items():
        model = build().eval()
        right = TinyLanguageModel(num_layers=len(model.blocks)).eval()
        right.load_state_dict(model.state_dict())
        same = torch.allclose(model(tokens), right(tokens), rtol=1e-4, atol=1e-4)
        assert same == (name in silent), name


# The references against torch and the library --------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 3])
def test_bits_per_byte_equals_the_library_s(batch_size):
    class Bigrams(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(torch.randn(128, 128))

        def forward(self, tokens):
            return self.table[tokens]

    text, model = "a text of which every byte is a token, and the last batch is small", Bigrams()
    tokens = torch.tensor(list(text.encode()))
    losses, counts = [], []
    for start in range(0, len(tokens) - 1, 8 * batch_size):
        labels = tokens[start + 1 : start + 1 + 8 * batch_size]
        logits = model(tokens[start : start + len(labels)])
        losses.append(F.cross_entropy(logits, labels).item())
        counts.append(len(labels))
    got = find("5-1").reference(losses, counts, text[1:])
    want = bits_per_byte(model, tokens, context=8, num_bytes=len(text) - 1, batch_size=batch_size)
    assert got == pytest.approx(want, rel=1e-5)


def test_an_honest_split_has_no_leak_by_the_library_s_measure():
    for keep, (documents, held_out, width) in every_case("5-2"):
        held = [documents[index] for index in held_out]
        for index, text in enumerate(documents):
            leaks = max(leak_share(text, each, width) for each in held) > 0
            assert keep[index] == (index not in held_out and not leaks)


def upcoming(values, model):
    """An evaluation that gives one value after the other."""
    return next(values)


def test_early_stopping_ends_where_the_library_s_training_ends():
    for (last, best), (losses, patience) in every_case("5-3"):
        model = nn.Linear(1, 1)
        history = train(
            model, lambda generator: torch.ones(2, 1), loss=lambda model, batch: model(batch).square().mean(),
            optimizers=torch.optim.SGD(model.parameters(), lr=0.01), steps=len(losses), evaluate_every=1,
            evaluate=partial(upcoming, iter(losses)), patience=patience, progress=False,
        )  # fmt: skip
        made = [math.inf if math.isnan(value) else value for _, value in history.evaluations]
        assert (len(made) - 1, made.index(min(made))) == (last, best)


def test_torch_s_optimizers_share_what_they_are_given():
    """The trap of exercise 5-4; should torch begin to copy, one of its mistakes is none any more."""
    run, fresh = Run(1), Run(2)
    run.train(1)
    fresh.optimizer.load_state_dict(run.optimizer.state_dict())
    old, new = run.model[0].weight, fresh.model[0].weight
    assert fresh.optimizer.state[new]["exp_avg"] is run.optimizer.state[old]["exp_avg"]


def test_a_run_resumed_by_the_reference_ends_with_the_same_weights():
    whole, run, fresh = Run(3), Run(3), Run(4)
    losses = whole.train(8)
    first = run.train(5)
    assert first + find("5-4").reference(run, fresh).train(3) == losses
    for a, b in zip(whole.model.parameters(), fresh.model.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("top_p", [0.1, 0.5, 0.83, 0.97])
def test_the_nucleus_equals_that_of_transformers(top_p):
    warp = pytest.importorskip("transformers").TopPLogitsWarper(top_p)
    logits = 2 * torch.randn(40, 23, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(find("5-5").reference(logits, top_p), warp(None, logits).softmax(-1))


@torch.no_grad()
def test_generation_writes_what_the_library_writes():
    torch.manual_seed(3)
    library = LanguageModel(13, d_model=16, num_layers=2, num_heads=2, d_ff=32)
    nn.init.normal_(library.head.weight)
    cache, prompt = library.new_cache(1, 14), torch.tensor([3, 1, 4, 1, 5])

    def model(tokens, positions):
        assert torch.equal(cache[0].positions(len(tokens)), positions)
        return library(tokens[None], cache=cache)[0]

    got = find("5-6").reference(model, prompt, 9)
    assert torch.equal(got, library.generate(prompt[None], 9, temperature=0)[0])
    assert cache[0].lengths == [13], "the last token is not read"


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("num_experts", "top_k"), [(1, 1), (4, 1), (5, 2)])
def test_the_budget_is_that_of_the_library_s_model(tied, num_experts, top_k):
    moe = {"top_k": top_k} if num_experts > 1 else None
    model = LanguageModel(
        30, d_model=16, num_layers=3, num_heads=4, d_ff=24, num_experts=num_experts, moe=moe, tie_weights=tied
    )
    seq = 6
    parameters, operations, cache = find("5-7").reference(30, 16, 3, 24, num_experts, top_k, seq, tied)
    assert parameters == sum(weight.numel() for weight in model.parameters() if weight.ndim == 2)
    # Attention as plain products: each of the tokens attends to all positions, masked ones included.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.randint(30, (1, seq)))
    assert counter.get_total_flops() == seq * operations
    buffers = [(layer.keys, layer.values) for layer in model.new_cache(1, seq)]
    assert cache == sum(keys.nbytes + values.nbytes for keys, values in buffers)


JUDGED = {key: find(key).right() for key in ("5-9", "5-10")}

TestQuestions = question_rules_for(
    "5",
    alternatives={
        "5-9": JUDGED["5-9"] | {"stored": torch.tensor(2.0)},
        "5-10": JUDGED["5-10"] | {"low": round(JUDGED["5-10"]["low"], 4)},
    },
    variations=[
        ("5-9", "the same d_ff", JUDGED["5-9"] | {"matched": 288}),
        ("5-10", "counted the wrong side", JUDGED["5-10"] | {"contrary": 3}),
    ],
    seeds=(None, 1, 3, 7, 11),
)


@pytest.mark.parametrize("seed", range(4))
def test_equal_work_is_what_a_counter_counts(seed):
    data, right = find("5-9").given(seed), find("5-9").right(seed)
    width, inner = data["width"], data["inner"]
    mixture = MoE(width, d_ff=inner, num_experts=data["experts"], top_k=data["chosen"])
    dense = FeedForward(width, d_ff=inner, bias=False)
    for layer, name in ((dense, "dense"), (mixture, "experts")):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            layer(torch.randn(1, 12, width))
        assert counter.get_total_flops() == 12 * right[name]


@pytest.mark.parametrize("seed", range(12))
def test_the_interval_is_students(seed):
    data, right = find("5-10").given(seed), find("5-10").right(seed)
    interval = ttest_1samp(list(data.values()), 0).confidence_interval(0.95)
    assert [right["low"], right["high"]] == pytest.approx([interval.low, interval.high], abs=1e-5)


def test_all_three_verdicts_are_drawn():
    assert {find("5-10").right(seed)["verdict"] for seed in range(12)} == set(find("5-10").options["verdict"])
