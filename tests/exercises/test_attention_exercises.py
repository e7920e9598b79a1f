"""The exercises of section 4.1: solutions, blanks, known mistakes, and what readers write instead of both."""

import itertools
import math
import sys

import cloudpickle
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from exercise_rules import every_case, of_chapter, rules_for
from question_rules import question_rules_for

from llmasos_edu.exercises import find

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

# Correct answers, written differently from the solutions ---------------------------------------------


def scores_by_einsum(query, key):
    return torch.einsum("...qd,...kd->...qk", query, key) * query.size(-1) ** -0.5


def weights_by_logarithm(scores):
    return torch.exp(scores - torch.logsumexp(scores, dim=-1, keepdim=True))


def causal_by_loop(query, key, value):
    rows = []
    for t in range(query.shape[-2]):
        scores = (query[..., t : t + 1, :] * key[..., : t + 1, :]).sum(-1) / query.shape[-1] ** 0.5
        rows.append((torch.softmax(scores, -1)[..., None] * value[..., : t + 1, :]).sum(-2))
    return torch.stack(rows, dim=-2)


def padded_by_selection(query, key, value, is_token):
    outputs = []
    for q, k, v, real in zip(query, key, value, is_token, strict=True):
        if real.any():
            outputs.append(torch.softmax(q @ k[real].T / math.sqrt(q.shape[-1]), -1) @ v[real])
        else:
            outputs.append(q * 0)
    return torch.stack(outputs)


def split_by_slices(x, num_heads):
    return torch.stack(x.chunk(num_heads, dim=-1), dim=1)


def layer_by_heads(x, w_query, w_key, w_value, w_out, num_heads):
    size = x.shape[-1] // num_heads
    result = torch.zeros_like(x)
    for h in range(num_heads):
        own = slice(h * size, (h + 1) * size)
        q, k, v = x @ w_query[:, own], x @ w_key[:, own], x @ w_value[:, own]
        result = result + torch.softmax(q @ k.mT / size**0.5, -1) @ v @ w_out[own]
    return result


def step_by_einsum(x, w_query, w_key, w_value, cached_keys, cached_values):
    token = x[:, 0]
    keys = torch.cat((cached_keys, (token @ w_key)[:, None]), -2)
    values = torch.cat((cached_values, (token @ w_value)[:, None]), -2)
    scores = torch.einsum("bd,bkd->bk", token @ w_query, keys).div(math.sqrt(keys.shape[2]))
    return torch.einsum("bk,bkd->bd", scores.softmax(1), values)[:, None], keys, values


def induction_in_numpy(weights, period):
    table, seq = np.asarray(weights), weights.shape[-1]
    return [float(np.mean([head[t, t - period + 1] for t in range(period, seq)])) for head in table]


def entropy_by_where(weights):
    surprise = torch.where(weights > 0, -torch.log(weights), torch.zeros(()))
    return (weights * surprise).sum(-1) / np.log(2)


def dropout_by_product(weights, keep, dropout_p, training):
    return weights * keep.float() / (1 - dropout_p) if training else weights.clone()


def grouped_by_loop(query, key, value):
    heads, kv_heads = query.shape[1], key.shape[1]
    outputs = []
    for head in range(heads):
        shared = head * kv_heads // heads
        scores = query[:, head] @ key[:, shared].mT / query.shape[-1] ** 0.5
        outputs.append(scores.softmax(-1) @ value[:, shared])
    return torch.stack(outputs, 1)


ALTERNATIVES = {
    "4.1-1": scores_by_einsum,
    "4.1-2": weights_by_logarithm,
    "4.1-3": causal_by_loop,
    "4.1-4": padded_by_selection,
    "4.1-5": split_by_slices,
    "4.1-6": layer_by_heads,
    "4.1-7": step_by_einsum,
    "4.1-8": induction_in_numpy,
    "4.1-9": entropy_by_where,
    "4.1-10": dropout_by_product,
    "4.1-11": grouped_by_loop,
}


# Usual mistakes in a reader's own words --------------------------------------------------------------


def scores_without_scale(query, key):
    return torch.einsum("...id,...jd->...ij", query, key)


def scores_scaled_twice(query, key):
    root = query.shape[-1] ** 0.5
    return (query / root) @ (key / root).mT


def softmax_down_the_columns(scores):
    powers = torch.exp(scores - scores.max(dim=-2, keepdim=True).values)
    return powers / powers.sum(dim=-2, keepdim=True)


def softmax_that_overflows(scores):
    powers = math.e**scores
    return powers / powers.sum(-1)[..., None]


def causal_with_fill_of_minus_ten_thousand(query, key, value):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    n = scores.shape[-1]
    future = torch.tensor([[j > i for j in range(n)] for i in range(n)])
    return F.softmax(torch.where(future, torch.tensor(-1e4), scores), dim=-1) @ value


def causal_with_bias_of_minus_five_thousand(query, key, value):
    bias = torch.full((query.shape[-2], query.shape[-2]), -5000.0).triu(1)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=bias)


def causal_masked_late(query, key, value):
    weights = torch.softmax(query @ key.mT / query.shape[-1] ** 0.5, -1).clone()
    for t in range(weights.shape[-1]):
        weights[..., t, t + 1 :] = 0
    return torch.einsum("...qk,...kd->...qd", weights, value)


def causal_without_scale(query, key, value):
    return F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=1)


def causal_over_queries(query, key, value):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    scores = scores + torch.full(scores.shape[-2:], -torch.inf).triu(1)
    powers = scores.exp() if scores.isfinite().all() else torch.exp(scores - scores.amax(-2, keepdim=True))
    return powers / powers.sum(-2, keepdim=True) @ value


def causal_without_the_diagonal(query, key, value):
    n = query.shape[-2]
    allowed = torch.arange(n)[:, None] > torch.arange(n)
    return F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)


def causal_inverted_for_torch(query, key, value):
    future = torch.triu(torch.ones(query.shape[-2], query.shape[-2]), 1).bool()
    return F.scaled_dot_product_attention(query, key, value, attn_mask=future)


def padded_into_nan(query, key, value, is_token):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    return torch.where(is_token[:, None], scores, -math.inf).softmax(2) @ value


def padded_with_the_smallest_float(query, key, value, is_token):
    scores = query @ key.mT / query.shape[-1] ** 0.5
    return scores.masked_fill(~is_token[:, None], torch.finfo(scores.dtype).min).softmax(2) @ value


def padded_with_values_removed(query, key, value, is_token):
    return (query @ key.mT / query.shape[-1] ** 0.5).softmax(-1) @ (value * is_token[..., None])


def padded_with_nan_hidden(query, key, value, is_token):
    bias = torch.where(is_token, 0.0, -torch.inf)[:, None, :]
    output = (query @ key.mT / query.shape[-1] ** 0.5 + bias).softmax(-1) @ value
    return torch.where(output.isnan(), 0.0, output)


def split_by_view_alone(x, num_heads):
    batch, seq, d_model = x.size()
    return x.contiguous().view(batch, num_heads, seq, d_model // num_heads)


def layer_with_one_softmax(x, w_query, w_key, w_value, w_out, num_heads):
    batch, seq, d_model = x.shape
    scores = (x @ w_query) @ (x @ w_key).mT / d_model**0.5
    value = (x @ w_value).view(batch, seq, num_heads, -1).transpose(1, 2)
    heads = scores.softmax(-1)[:, None] @ value
    return heads.transpose(1, 2).reshape(batch, seq, d_model) @ w_out


def layer_scaled_by_width(x, w_query, w_key, w_value, w_out, num_heads):
    size = x.shape[-1] // num_heads
    heads = []
    for q, k, v in zip(*((x @ w).split(size, -1) for w in (w_query, w_key, w_value)), strict=True):
        heads.append(F.scaled_dot_product_attention(q, k, v, scale=1 / math.sqrt(x.shape[-1])))
    return torch.cat(heads, -1) @ w_out


def layer_with_views(x, w_query, w_key, w_value, w_out, num_heads):
    batch, seq, d_model = x.shape
    q, k, v = ((x @ w).view(batch, num_heads, seq, d_model // num_heads) for w in (w_query, w_key, w_value))
    return F.scaled_dot_product_attention(q, k, v).view(batch, seq, d_model) @ w_out


def layer_merged_by_view(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = (torch.stack((x @ w).chunk(num_heads, -1), 1) for w in (w_query, w_key, w_value))
    return F.scaled_dot_product_attention(q, k, v).view(x.shape) @ w_out


def layer_without_scale(x, w_query, w_key, w_value, w_out, num_heads):
    q, k, v = (torch.stack((x @ w).chunk(num_heads, -1), 1) for w in (w_query, w_key, w_value))
    return torch.cat(F.scaled_dot_product_attention(q, k, v, scale=1.0).unbind(1), -1) @ w_out


def step_with_is_causal(x, w_query, w_key, w_value, cached_keys, cached_values):
    keys, values = torch.cat([cached_keys, x @ w_key], 1), torch.cat([cached_values, x @ w_value], 1)
    return F.scaled_dot_product_attention(x @ w_query, keys, values, is_causal=True), keys, values


def induction_by_diagonal(weights, period):
    return weights.diagonal(offset=1 - period, dim1=-2, dim2=-1).mean(-1)


def entropy_in_nats(weights):
    return torch.where(weights > 0, -weights * weights.clamp_min(1e-20).log(), 0).sum(-1)


def dropout_always_on(weights, keep, dropout_p, training):
    return torch.where(keep, weights, 0) / (1.0 - dropout_p)


def dropout_without_scale(weights, keep, dropout_p, training):
    return weights.masked_fill(~keep, 0.0) if training else weights


def grouped_by_remainder(query, key, value):
    shared = [head % key.shape[1] for head in range(query.shape[1])]
    return F.scaled_dot_product_attention(query, key[:, shared], value[:, shared])


VARIATIONS = [
    ("4.1-1", "scale missing", scores_without_scale),
    ("4.1-1", "scale without the root", scores_scaled_twice),
    ("4.1-2", "softmax over the wrong axis", softmax_down_the_columns),
    ("4.1-2", "overflow", softmax_that_overflows),
    ("4.1-3", "a finite number such as -1e4", causal_with_fill_of_minus_ten_thousand),
    ("4.1-3", "a finite number such as -1e4", causal_with_bias_of_minus_five_thousand),
    ("4.1-3", "mask after the softmax", causal_masked_late),
    ("4.1-3", "scale missing", causal_without_scale),
    ("4.1-3", "softmax over the wrong axis", causal_over_queries),
    ("4.1-3", "token cannot see itself", causal_without_the_diagonal),
    ("4.1-3", "mask inverted", causal_inverted_for_torch),
    ("4.1-4", "NaN in an empty sequence", padded_into_nan),
    ("4.1-4", "average of the padding in an empty sequence", padded_with_the_smallest_float),
    ("4.1-4", "mask after the softmax", padded_with_values_removed),
    ("4.1-4", "NaN in the gradient", padded_with_nan_hidden),
    ("4.1-5", "reshape without transpose", split_by_view_alone),
    ("4.1-6", "scores not divided per head", layer_with_one_softmax),
    ("4.1-6", "scale by d_model", layer_scaled_by_width),
    ("4.1-6", "split by reshape without transpose", layer_with_views),
    ("4.1-6", "merged by reshape without transpose", layer_merged_by_view),
    ("4.1-6", "scale missing", layer_without_scale),
    ("4.1-7", "mask of a first token", step_with_is_causal),
    ("4.1-8", "starts one token too early", induction_by_diagonal),
    ("4.1-9", "nats instead of bits", entropy_in_nats),
    ("4.1-10", "dropout at evaluation", dropout_always_on),
    ("4.1-10", "survivors not scaled", dropout_without_scale),
    ("4.1-11", "KV heads dealt out in turn", grouped_by_remainder),
]


# Tests -----------------------------------------------------------------------------------------------

TestRules = rules_for("4.1", ALTERNATIVES, VARIATIONS)


JUDGED = {key: find(key).right() for key in ("4.1-12", "4.1-13", "4.1-14")}
SENTENCES = find("4.1-14").options

TestQuestions = question_rules_for(
    "4.1",
    alternatives={
        "4.1-12": JUDGED["4.1-12"] | {"same_layer": np.int64(JUDGED["4.1-12"]["same_layer"])},
        "4.1-13": JUDGED["4.1-13"] | {"level": torch.tensor(JUDGED["4.1-13"]["level"])},
        "4.1-14": list(JUDGED["4.1-14"]),
    },
    variations=[
        (
            "4.1-12",
            "the picked set counted",
            JUDGED["4.1-12"] | {"anywhere": JUDGED["4.1-12"]["anywhere"] + 1},
        ),
        ("4.1-13", "only more tokens", JUDGED["4.1-13"] | {"twice": 2}),
        ("4.1-14", "a rate for an ability", set(JUDGED["4.1-14"]) | {SENTENCES[2]}),
    ],
    seeds=(None, 1, 3, 7, 11),
)


@pytest.mark.parametrize("seed", range(6))
def test_sets_of_heads_are_counted_as_they_can_be_listed(seed):
    data, right = find("4.1-12").given(seed), find("4.1-12").right(seed)
    heads = [(layer, head) for layer in range(data["layers"]) for head in range(data["heads"])]
    sets = list(itertools.combinations(heads, data["picked"]))
    assert right["anywhere"] == len(sets) - 1
    assert right["same_layer"] == sum({layer for layer, _ in each} == {1} for each in sets) - 1
    assert right["share"] < 1


@pytest.mark.parametrize("seed", range(6))
def test_the_lead_is_lost_beyond_the_figure_s_last_point(seed):
    data, right = find("4.1-13").given(seed), find("4.1-13").right(seed)
    line = np.poly1d(np.polyfit([data["short"], data["long"]], [data["at_short"], data["at_long"]], 1))
    assert right["level"] > data["long"]
    assert line(right["level"]) == pytest.approx(data["flat"])
    assert line(0) == pytest.approx(right["fixed"])
    assert right["twice"] == pytest.approx(4000 * line(4000) / (2000 * line(2000)))


def test_whether_a_lead_can_be_ruled_out_hangs_on_the_seed():
    assert {len(find("4.1-14").right(seed)) for seed in range(12)} == {1, 2}


def test_the_mistakes_that_every_reader_makes_are_covered():
    names = {mistake.name for item in of_chapter("4.1") for mistake in item.mistakes}
    assert names >= {
        "scale missing",
        "scale by d_model",
        "softmax over the wrong axis",
        "mask after the softmax",
        "a finite number such as -1e4",
        "split by reshape without transpose",
        "scores not divided per head",
        "dropout at evaluation",
    }
    assert len(of_chapter("4.1")) >= 10


# The references against torch's own ------------------------------------------------------------------


def test_attention_references_equal_torch():
    for got, (query, key) in every_case("4.1-1"):
        eye = torch.eye(key.shape[-2]).expand(*key.shape[:-1], -1)
        weights = F.scaled_dot_product_attention(query, key, eye)
        torch.testing.assert_close(got.softmax(-1), weights)
    for got, (scores,) in every_case("4.1-2"):
        torch.testing.assert_close(got, F.softmax(scores, dim=-1))
    for got, inputs in every_case("4.1-3"):
        torch.testing.assert_close(got, F.scaled_dot_product_attention(*inputs, is_causal=True))
    for got, inputs in every_case("4.1-11"):
        torch.testing.assert_close(got, F.scaled_dot_product_attention(*inputs, enable_gqa=True))


def test_padding_reference_equals_torch_where_there_is_something_to_read():
    for got, (query, key, value, is_token) in every_case("4.1-4"):
        full = is_token.any(-1)
        mask = is_token[full][:, None, :]
        want = F.scaled_dot_product_attention(query[full], key[full], value[full], attn_mask=mask)
        torch.testing.assert_close(got[full], want)
        assert not got[~full].any()


def test_layer_reference_equals_nn_multihead_attention():
    for got, (x, w_query, w_key, w_value, w_out, num_heads) in every_case("4.1-6"):
        torch_layer = torch.nn.MultiheadAttention(x.shape[-1], num_heads, bias=False, batch_first=True)
        with torch.no_grad():
            torch_layer.in_proj_weight.copy_(torch.cat([w_query.T, w_key.T, w_value.T]))
            torch_layer.out_proj.weight.copy_(w_out.T)
        torch.testing.assert_close(got, torch_layer(x, x, x, need_weights=False)[0])


def test_decode_steps_add_up_to_causal_attention():
    reference = find("4.1-7").reference
    x, w_query, w_key, w_value = torch.randn(2, 6, 8), *torch.randn(3, 8, 4)
    keys = values = torch.zeros(2, 0, 4)
    outputs = []
    for t in range(6):
        output, keys, values = reference(x[:, t : t + 1], w_query, w_key, w_value, keys, values)
        outputs.append(output)
    want = F.scaled_dot_product_attention(x @ w_query, x @ w_key, x @ w_value, is_causal=True)
    torch.testing.assert_close(torch.cat(outputs, 1), want)


def test_the_other_references_equal_torch():
    for got, (x, num_heads) in every_case("4.1-5"):
        torch.testing.assert_close(got, x.unflatten(-1, (num_heads, -1)).permute(0, 2, 1, 3))
    for got, (weights, period) in every_case("4.1-8"):
        torch.testing.assert_close(got, weights.diagonal(1 - period, -2, -1)[:, 1:].mean(-1))
    for got, (weights,) in every_case("4.1-9"):
        want = torch.distributions.Categorical(probs=weights).entropy() / math.log(2)
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_dropout_reference_does_what_torch_s_dropout_does():
    weights = torch.rand(4, 50, 50) + 0.1
    torch.manual_seed(0)
    want = F.dropout(weights, 0.3, training=True)
    torch.testing.assert_close(find("4.1-10").reference(weights, want != 0, 0.3, True), want)
