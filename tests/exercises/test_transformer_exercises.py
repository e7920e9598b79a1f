"""The exercises of chapter 4.2: what readers write, and the references against torch and the library."""

import math
import sys

import cloudpickle
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercise_rules import every_case, of_chapter, rules_for
from question_rules import question_rules_for
from torch import nn

from llmasos_edu.exercises import find, judge
from llmasos_edu.layers.attention import MultiHeadAttention
from llmasos_edu.layers.transformer import (
    CrossAttention,
    DecoderLayer,
    EncoderLayer,
    FeedForward,
    TransformerLayer,
)
from llmasos_edu.models.decoding import beam_decode, greedy_decode
from llmasos_edu.models.encoder_decoder import Decoder, Encoder, EncoderDecoder, shift_right

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


# Correct answers, written differently from the solutions ---------------------------------------------


def norm_in_numpy(x, weight, bias, eps):
    x, weight, bias = np.asarray(x), np.asarray(weight), np.asarray(bias)
    return (x - x.mean(-1)[..., None]) / np.sqrt(x.var(-1)[..., None] + eps) * weight + bias


def swiglu_by_silu(x, w_gate, w_in, w_out):
    return torch.einsum("...f,fd->...d", F.silu(x @ w_gate) * (x @ w_in), w_out)


def layer_in_small_steps(x, attention, feed_forward, norm_1, norm_2):
    attended = attention(x)
    first = norm_1(attended + x)
    return norm_2(feed_forward(first) + first)


def stack_by_recursion(x, layers, final_norm):
    if not layers:
        return final_norm(x)
    norm_1, attention, norm_2, feed_forward = layers[0]
    half = attention(norm_1(x)) + x
    return stack_by_recursion(half + feed_forward(norm_2(half)), layers[1:], final_norm)


def cross_by_selection(x, memory, memory_keep, w_query, w_key, w_value):
    rows = []
    for target, source, keep in zip(x, memory, memory_keep, strict=True):
        words = source[keep]
        scores = (target @ w_query) @ (words @ w_key).T / w_key.shape[1] ** 0.5
        rows.append(scores.softmax(-1) @ words @ w_value)
    return torch.stack(rows)


def decoder_with_full_masks(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    batch, target, source = len(x), x.shape[1], memory.shape[1]
    places = torch.arange(target)
    own = self_attention(x, (places[:, None] >= places).expand(batch, -1, -1)) + x
    read = own + cross_attention(own, memory, memory_keep.unsqueeze(1).expand(batch, target, source))
    return read + feed_forward(read)


def forcing_by_filling(sentences, start, end, pad):
    columns = 1 + max(map(len, sentences))
    inputs = torch.full((len(sentences), columns), pad)
    labels = torch.full((len(sentences), columns), pad)
    for row, words in enumerate(sentences):
        inputs[row, 0], labels[row, len(words)] = start, end
        for place, word in enumerate(words):
            inputs[row, place + 1] = labels[row, place] = word
    return inputs, labels


def loss_by_torch(logits, labels, pad):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=pad)


def greedy_row_by_row_lists(next_logits, batch, start, end, max_len):
    rows = [[start] for _ in range(batch)]
    for _ in range(max_len):
        if all(end in row[1:] for row in rows):
            break
        best = next_logits(torch.tensor(rows)).argmax(1).tolist()
        for row, token in zip(rows, best, strict=True):
            row.append(end if end in row[1:] else token)
    return torch.tensor([row[1:] for row in rows])


def lookahead_by_other_tokens(decoder, tokens, vocab_size):
    distances = [0]
    for t in range(len(tokens)):
        for s in range(t + 1, len(tokens)):
            for other in range(vocab_size):
                changed = torch.cat((tokens[:s], torch.tensor([other]), tokens[s + 1 :]))
                if not torch.allclose(decoder(changed)[t], decoder(tokens)[t], rtol=0, atol=1e-4):
                    distances.append(s - t)
    return max(distances)


def beam_by_sorting(log_probs, step_log_probs):
    table = []
    for beam, row in enumerate(step_log_probs.tolist()):
        table += [(float(log_probs[beam]) + gain, beam, token) for token, gain in enumerate(row)]
    best = sorted(table, reverse=True)[: len(log_probs)]
    return [row[1] for row in best], [row[2] for row in best], [row[0] for row in best]


ALTERNATIVES = {
    "4.2-1": norm_in_numpy,
    "4.2-2": swiglu_by_silu,
    "4.2-3": layer_in_small_steps,
    "4.2-4": stack_by_recursion,
    "4.2-5": cross_by_selection,
    "4.2-6": decoder_with_full_masks,
    "4.2-7": forcing_by_filling,
    "4.2-8": loss_by_torch,
    "4.2-9": greedy_row_by_row_lists,
    "4.2-10": lookahead_by_other_tokens,
    "4.2-11": beam_by_sorting,
}


# Usual mistakes in a reader's own words --------------------------------------------------------------


def norm_by_torch_s_std(x, weight, bias, eps):
    return weight * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + eps) + bias


def norm_by_torch_s_var(x, weight, bias, eps):
    return weight * (x - x.mean(-1, keepdim=True)) * torch.rsqrt(x.var(-1, keepdim=True) + eps) + bias


def norm_of_everything(x, weight, bias, eps):
    return F.layer_norm(x, x.shape, eps=eps) * weight + bias


def norm_that_keeps_the_mean(x, weight, bias, eps):
    return F.rms_norm(x, x.shape[-1:], weight, eps) + bias


def swiglu_with_relu(x, w_gate, w_in, w_out):
    return ((x @ w_gate).clamp_min(0) * (x @ w_in)) @ w_out


def swiglu_the_other_way(x, w_gate, w_in, w_out):
    values = x @ w_in
    return (x @ w_gate * values / (1 + torch.exp(-values))) @ w_out


def layer_of_the_article(x, attention, feed_forward, norm_1, norm_2):
    return norm_2(feed_forward(attention(x)).add(x))


def layer_of_today(x, attention, feed_forward, norm_1, norm_2):
    x = x + attention(norm_1(x))
    return x + feed_forward(norm_2(x))


def layer_with_a_lost_sum(x, attention, feed_forward, norm_1, norm_2):
    attended = norm_1(attention(x) + x)
    return norm_2(x + feed_forward(attended))


def stack_that_overwrites(x, layers, final_norm):
    for norm_1, attention, norm_2, feed_forward in layers:
        x = norm_1(x)
        x = x + attention(x)
        x = norm_2(x)
        x = x + feed_forward(x)
    return final_norm(x)


def stack_without_an_end(x, layers, final_norm):
    for layer in layers:
        for norm, work in (layer[:2], layer[2:]):
            x = x + work(norm(x))
    return x


def cross_by_torch(x, memory, memory_keep, w_query, w_key, w_value):
    return F.scaled_dot_product_attention(x @ w_query, memory @ w_key, memory @ w_value)


def cross_from_the_other_side(x, memory, memory_keep, w_query, w_key, w_value):
    return F.scaled_dot_product_attention(memory @ w_query, x @ w_key, x @ w_value)


def cross_with_torch_s_old_mask(x, memory, memory_keep, w_query, w_key, w_value):
    hidden = memory_keep[:, None].expand(-1, x.shape[1], -1)
    scores = (x @ w_query) @ (memory @ w_key).mT / math.sqrt(w_key.shape[1])
    return torch.where(hidden, -torch.inf, scores).softmax(2) @ (memory @ w_value)


def cross_scaled_by_d_model(x, memory, memory_keep, w_query, w_key, w_value):
    scores = torch.einsum("btd,bsd->bts", x @ w_query, memory @ w_key) / math.sqrt(len(w_query))
    return (scores + torch.where(memory_keep, 0.0, -1e9)[:, None]).softmax(-1) @ (memory @ w_value)


def decoder_that_sees_all(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    x = x + self_attention(x, torch.ones(1, 1, 1, dtype=torch.bool).expand(-1, x.shape[1], x.shape[1]))
    x = x + cross_attention(x, memory, memory_keep[:, None])
    return x + feed_forward(x)


def decoder_off_by_one(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    places = torch.arange(x.shape[1])
    x = x + self_attention(x, places <= places[:, None] + 1)
    x = x + cross_attention(x, memory, memory_keep[:, None])
    return x + feed_forward(x)


def decoder_with_triu(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    x = x + self_attention(x, torch.triu(torch.ones(x.shape[1], x.shape[1]), 1) == 1)
    x = x + cross_attention(x, memory, memory_keep[:, None])
    return x + feed_forward(x)


def decoder_deaf_to_padding(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
    causal = torch.ones(x.shape[1], x.shape[1]).tril().bool()
    x = x + self_attention(x, causal)
    x = x + cross_attention(x, memory, torch.ones_like(memory_keep)[:, None])
    return x + feed_forward(x)


def forcing_by_slices(sentences, start, end, pad):
    longest = max(len(words) for words in sentences)
    full = torch.tensor([[*words, end, *[pad] * (longest - len(words))] for words in sentences])
    return full, full


def forcing_without_an_end(sentences, start, end, pad):
    inputs, labels = [], []
    longest = max(len(words) for words in sentences) + 1
    for words in sentences:
        inputs.append([start] + words + [pad] * (longest - len(words) - 1))
        labels.append(words + [pad] * (longest - len(words)))
    return torch.tensor(inputs), torch.tensor(labels)


def loss_over_everything(logits, labels, pad):
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def loss_ignoring_zero(logits, labels, pad):
    return F.cross_entropy(logits.mT, labels, ignore_index=0)


def loss_by_sentence(logits, labels, pad):
    return torch.stack(
        [F.cross_entropy(z, y, ignore_index=pad) for z, y in zip(logits, labels, strict=True)]
    ).mean()


def loss_of_probabilities(logits, labels, pad):
    return F.cross_entropy(torch.softmax(logits, -1).mT, labels, ignore_index=pad)


def greedy_until_somebody_ends(next_logits, batch, start, end, max_len):
    tokens = torch.full([batch, 1], start)
    for _ in range(max_len):
        best = next_logits(tokens).argmax(-1, keepdim=True)
        tokens = torch.cat((tokens, best), -1)
        if end in best:
            break
    return tokens[:, 1:]


def greedy_that_babbles_on(next_logits, batch, start, end, max_len):
    tokens, done = torch.full([batch, 1], start), torch.zeros(batch).bool()
    for _ in range(max_len):
        best = next_logits(tokens).argmax(-1)
        tokens, done = torch.cat((tokens, best[:, None]), 1), done | (best == end)
        if done.all():
            break
    return tokens[:, 1:]


def greedy_with_one_token(next_logits, batch, start, end, max_len):
    token, written, done = torch.full([batch, 1], start), [], torch.zeros(batch, 1).bool()
    while len(written) < max_len and not done.all():
        token = torch.where(done, end, next_logits(token).argmax(-1, keepdim=True))
        done |= token == end
        written.append(token)
    return torch.cat(written, 1)


def every_change(decoder, tokens, vocab_size):
    """(place, logits) with every other token in every place."""
    for s in range(len(tokens)):
        for token in set(range(vocab_size)) - {int(tokens[s])}:
            other = tokens.clone()
            other[s] = token
            yield s, decoder(other)


def lookahead_of_the_winner(decoder, tokens, vocab_size):
    winners, best = decoder(tokens).argmax(-1), 0
    for s, logits in every_change(decoder, tokens, vocab_size):
        best = max([best, *(s - t for t in range(s) if logits[t].argmax() != winners[t])])
    return best


def lookahead_to_the_bit(decoder, tokens, vocab_size):
    before, best = decoder(tokens), 0
    for s, logits in every_change(decoder, tokens, vocab_size):
        best = max([best, *(s - t for t in range(s) if not torch.equal(logits[t], before[t]))])
    return best


def lookahead_with_zeros(decoder, tokens, vocab_size):
    best = 0
    for s in range(1, len(tokens)):
        other = tokens.clone()
        other[s] = 0
        gap = (decoder(other) - decoder(tokens)).abs().sum(-1)
        best = max([best, *(s - t for t in range(s) if gap[t] > 1e-4)])
    return best


def lookahead_with_the_next_token(decoder, tokens, vocab_size):
    best = 0
    for s in range(1, len(tokens)):
        other = tokens.clone()
        other[s] = (other[s] + 1) % vocab_size
        gap = (decoder(other) - decoder(tokens)).abs().sum(-1)
        best = max([best, *(s - t for t in range(s) if gap[t] > 1e-4)])
    return best


def lookahead_in_sum(decoder, tokens, vocab_size):
    before, best = decoder(tokens).sum(-1), 0
    for s, logits in every_change(decoder, tokens, vocab_size):
        best = max([best, *(s - t for t in range(s) if logits[t].sum() - before[t] > 1e-4)])
    return best


def beam_of_rows(log_probs, step_log_probs):
    total = log_probs.unsqueeze(1) + step_log_probs
    return list(range(len(total))), total.argmax(1), total.amax(1)


def beam_with_the_wrong_width(log_probs, step_log_probs):
    values, places = torch.topk((log_probs.view(-1, 1) + step_log_probs).view(-1), len(log_probs))
    return places // len(log_probs), places % len(log_probs), values


def beam_without_a_past(log_probs, step_log_probs):
    values, places = step_log_probs.reshape(-1).topk(len(log_probs))
    return places // step_log_probs.shape[1], places % step_log_probs.shape[1], values


VARIATIONS = [
    ("4.2-1", "n - 1, and eps outside the root", norm_by_torch_s_std),
    ("4.2-1", "variance divided by n - 1", norm_by_torch_s_var),
    ("4.2-1", "over everything at once", norm_of_everything),
    ("4.2-1", "root mean square", norm_that_keeps_the_mean),
    ("4.2-2", "another nonlinearity", swiglu_with_relu),
    ("4.2-2", "gate and values exchanged", swiglu_the_other_way),
    ("4.2-3", "one residual", layer_of_the_article),
    ("4.2-3", "norm before the sub-layer", layer_of_today),
    ("4.2-3", "residual from the layer's input", layer_with_a_lost_sum),
    ("4.2-4", "normed x kept", stack_that_overwrites),
    ("4.2-4", "final norm missing", stack_without_an_end),
    ("4.2-5", "padding of the source ignored", cross_by_torch),
    ("4.2-5", "query and key exchanged", cross_from_the_other_side),
    ("4.2-5", "mask inverted", cross_with_torch_s_old_mask),
    ("4.2-5", "scale of another width", cross_scaled_by_d_model),
    ("4.2-6", "decoder without mask", decoder_that_sees_all),
    ("4.2-6", "one token of the future", decoder_off_by_one),
    ("4.2-6", "causal mask inverted", decoder_with_triu),
    ("4.2-6", "padding of the source ignored", decoder_deaf_to_padding),
    ("4.2-7", "target not shifted", forcing_by_slices),
    ("4.2-7", "end not asked for", forcing_without_an_end),
    ("4.2-8", "padding counted", loss_over_everything),
    ("4.2-8", "padding taken to be 0", loss_ignoring_zero),
    ("4.2-8", "mean of the sentences' means", loss_by_sentence),
    ("4.2-8", "softmax taken twice", loss_of_probabilities),
    ("4.2-9", "stops when the first row is done", greedy_until_somebody_ends),
    ("4.2-9", "finished row goes on writing", greedy_that_babbles_on),
    ("4.2-9", "decoder sees only the last token", greedy_with_one_token),
    ("4.2-10", "only the likeliest token compared", lookahead_of_the_winner),
    ("4.2-10", "rounding taken for a leak", lookahead_to_the_bit),
    ("4.2-10", "token replaced by itself", lookahead_with_zeros),
    ("4.2-10", "one other token tried", lookahead_with_the_next_token),
    ("4.2-10", "moves up and down cancel", lookahead_in_sum),
    ("4.2-11", "each beam keeps its own best", beam_of_rows),
    ("4.2-11", "place divided by the number of beams", beam_with_the_wrong_width),
    ("4.2-11", "earlier log-probabilities forgotten", beam_without_a_past),
]


# Tests -----------------------------------------------------------------------------------------------

TestRules = rules_for("4.2", ALTERNATIVES, VARIATIONS)


def test_the_mistakes_that_every_reader_makes_are_covered():
    names = {mistake.name for item in of_chapter("4.2") for mistake in item.mistakes}
    assert names >= {
        "one residual",
        "norm before the sub-layer",
        "norm after the sum",
        "decoder without mask",
        "one token of the future",
        "query and key exchanged",
        "padding of the source ignored",
        "target not shifted",
        "finished row goes on writing",
    }
    assert len(of_chapter("4.2")) >= 8


def test_an_answer_that_appends_to_the_sentences_is_told_so():
    def appends(sentences, start, end, pad):
        longest = max(map(len, sentences))
        inputs = [[start, *words] + [pad] * (longest - len(words)) for words in sentences]
        for words in sentences:
            words.append(end)
        labels = [words + [pad] * (longest + 1 - len(words)) for words in sentences]
        return torch.tensor(inputs), torch.tensor(labels)

    verdict = judge("4.2-7", appends)
    assert (verdict.status, verdict.mistake) == ("wrong", "changes its input")


def test_a_decoder_that_draws_its_words_is_not_greedy():
    def sampled(next_logits, batch, start, end, max_len):
        tokens = torch.full((batch, 1), start)
        for _ in range(max_len):
            tokens = torch.cat((tokens, next_logits(tokens).softmax(-1).multinomial(1)), 1)
        return tokens[:, 1:]

    assert judge("4.2-9", sampled).status == "wrong"


# The references against torch and the library --------------------------------------------------------


def test_norm_and_network_equal_torch_and_the_library():
    for got, (x, weight, bias, eps) in every_case("4.2-1"):
        torch.testing.assert_close(
            got, F.layer_norm(x, x.shape[-1:], weight, bias, eps), atol=1e-4, rtol=1e-4
        )
    for got, (x, w_gate, w_in, w_out) in every_case("4.2-2"):
        network = FeedForward(w_in.shape[0], d_ff=w_in.shape[1], activation="swiglu", bias=False)
        with torch.no_grad():
            network.gate_proj.weight.copy_(w_gate.T)
            network.in_proj.weight.copy_(w_in.T)
            network.out_proj.weight.copy_(w_out.T)
        torch.testing.assert_close(got, network(x))


@torch.no_grad()
def test_layers_equal_the_library_s():
    x = torch.randn(2, 5, 8)
    late, early = (
        EncoderLayer(8, num_heads=2, d_ff=16, norm_first=False),
        Encoder(8, num_layers=3, num_heads=2, d_ff=16),
    )
    got = find("4.2-3").reference(
        x, late.attention, late.feed_forward, late.attention_norm, late.feed_forward_norm
    )
    torch.testing.assert_close(got, late(x))
    layers = [(n.attention_norm, n.attention, n.feed_forward_norm, n.feed_forward) for n in early.layers]
    torch.testing.assert_close(find("4.2-4").reference(x, layers, early.norm), early(x))


@torch.no_grad()
def test_cross_attention_equals_the_library_s():
    for got, (x, memory, keep, w_query, w_key, w_value) in every_case("4.2-5"):
        width, dim = w_query.shape
        if width != dim:
            continue
        layer = CrossAttention(width, num_heads=1, bias=False)
        for part, weight in (("query", w_query), ("key", w_key), ("value", w_value)):
            getattr(layer, f"{part}_proj").weight.copy_(weight.T)
        layer.out_proj.weight.copy_(torch.eye(width))
        torch.testing.assert_close(got, layer(x, memory, mask=keep[:, None, None]))


@torch.no_grad()
def test_the_decoder_layer_equals_the_library_s_without_norms():
    layer = DecoderLayer(8, num_heads=2, d_ff=16)
    for name in ("attention_norm", "cross_attention_norm", "feed_forward_norm"):
        setattr(layer, name, nn.Identity())
    open_attention = MultiHeadAttention(8, num_heads=2)
    open_attention.load_state_dict(layer.attention.state_dict())
    x, memory, keep = torch.randn(2, 4, 8), torch.randn(2, 5, 8), torch.tensor([[1, 1, 1, 0, 0], [1] * 5]) > 0
    got = find("4.2-6").reference(
        x,
        memory,
        keep,
        lambda x, mask: open_attention(x, mask=mask),
        lambda x, memory, mask: layer.cross_attention(x, memory, mask=mask[:, None]),
        layer.feed_forward,
    )
    torch.testing.assert_close(got, layer(x, memory, memory_mask=keep[:, None, None]))


def test_teacher_forcing_shifts_as_the_library_does():
    for (inputs, labels), (sentences, start, end, pad) in every_case("4.2-7"):
        longest = max(map(len, sentences))
        full = [row for row, words in enumerate(sentences) if len(words) == longest]
        assert torch.equal(inputs[full], shift_right(labels[full], start))
        assert (labels == end).sum() >= len(sentences)
        assert not (inputs == end).any()
        begin = int(start == pad)  # where the start mark is the padding's number, it stands in front
        assert ((inputs[:, begin:] == pad) == (labels[:, begin:] == pad)).all()


def test_loss_equals_torch():
    for got, (logits, labels, pad) in every_case("4.2-8"):
        torch.testing.assert_close(got, F.cross_entropy(logits.mT, labels, ignore_index=pad))


JUDGED = {key: find(key).right() for key in ("4.2-12", "4.2-13", "4.2-14")}
SENTENCES = find("4.2-14").options

TestQuestions = question_rules_for(
    "4.2",
    alternatives={
        "4.2-12": JUDGED["4.2-12"] | {"one": np.int64(JUDGED["4.2-12"]["one"])},
        "4.2-13": JUDGED["4.2-13"] | {"last": torch.tensor(JUDGED["4.2-13"]["last"])},
        "4.2-14": frozenset(JUDGED["4.2-14"]),
    },
    variations=[
        ("4.2-12", "two norms in both", JUDGED["4.2-12"] | {"one": JUDGED["4.2-12"]["one"] + 2 * 32}),
        ("4.2-13", "no control", JUDGED["4.2-13"] | {"beyond": JUDGED["4.2-13"]["last"]}),
        ("4.2-14", "every head", set(JUDGED["4.2-14"]) | {SENTENCES[2]}),
    ],
    seeds=(None, 1, 3, 7, 11),
)


@pytest.mark.parametrize("seed", range(6))
def test_parameters_of_both_layers_are_those_of_the_library(seed):
    data, right = find("4.2-12").given(seed), find("4.2-12").right(seed)
    sizes = {"d_model": data["width"], "num_heads": 4}

    def count(layer):
        return sum(p.numel() for p in layer.parameters())

    two = count(EncoderLayer(**sizes, d_ff=data["wide"]))
    assert right["two"] == two
    assert right["one"] == count(TransformerLayer(**sizes, d_ff=data["narrow"]))
    near = range(data["wide"] - 9, data["wide"] + 9)
    off = {inner: abs(count(TransformerLayer(**sizes, d_ff=inner)) - two) for inner in near}
    assert right["inner"] == min(off, key=off.get)


def test_whether_two_scripts_differ_hangs_on_the_seed():
    verdicts = {len(find("4.2-14").right(seed)) for seed in range(12)}
    assert verdicts == {2, 3}


def loud_translator(**sizes):
    """A model with random weights in every matrix, so that it has something to say."""
    torch.manual_seed(5)
    model = EncoderDecoder(9, target_vocab=7, d_model=16, num_layers=2, num_heads=2, d_ff=32, **sizes)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(std=0.4)
    return model.eval()


@torch.no_grad()
def test_greedy_reference_writes_what_the_library_writes():
    model, source = loud_translator(), torch.randint(9, (6, 5), generator=torch.Generator().manual_seed(1))
    memory = model.encode(source)
    want = greedy_decode(model, source, start=1, end=2, max_len=8)
    got = find("4.2-9").reference(lambda tokens: model.decode(tokens, memory)[:, -1], 6, 1, 2, 8)
    assert torch.equal(got, want)


@torch.no_grad()
def test_beam_steps_find_what_the_library_finds():
    model, step, end = loud_translator(), find("4.2-11").reference, 2
    source = torch.randint(9, (1, 5), generator=torch.Generator().manual_seed(2))
    memory, original = model.encode(source).expand(3, -1, -1), model.decode

    def decode_without_end(*args, **options):
        """Sequences that never finish, since the exercise knows no end token."""
        logits = original(*args, **options)
        logits[..., end] = -torch.inf
        return logits

    model.decode = decode_without_end
    log_probs, tokens = torch.tensor([0.0, -torch.inf, -torch.inf]), torch.ones(3, 1, dtype=torch.long)
    for _ in range(4):
        gains = model.decode(tokens, memory)[:, -1].log_softmax(-1)
        parents, chosen, log_probs = step(log_probs, gains)
        tokens = torch.cat((tokens[parents], chosen[:, None]), 1)
    want, score = beam_decode(model, source, start=1, end=end, max_len=4, num_beams=3)
    assert torch.equal(tokens[0, 1:], want[0])
    torch.testing.assert_close(log_probs[:1] / 4, score)


@torch.no_grad()
@pytest.mark.parametrize("position", ["sinusoidal", "rotary", "none"])
def test_the_leak_test_acquits_the_library_s_decoder_and_convicts_a_broken_one(position):
    model, lookahead = loud_translator(position=position), find("4.2-10").reference
    memory, tokens = model.encode(torch.tensor([[3, 1, 4]])), torch.tensor([1, 5, 3, 3, 6])

    def decoder(tokens):
        return model.decode(tokens[None], memory)[0]

    assert lookahead(decoder, tokens, 7) == 0
    assert isinstance(model.decoder, Decoder)
    for layer in model.decoder.layers:
        layer.attention.is_causal = False
    assert lookahead(decoder, tokens, 7) == 4
