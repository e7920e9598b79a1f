"""Attention against torch's own, in value and gradient, and against loops that nobody can misread."""

import math
import re
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from llmasos_edu.layers.attention import (
    MultiHeadAttention,
    SelfAttention,
    attention_scores,
    attention_with_weights,
    masked_softmax,
    merge_heads,
    scaled_dot_product_attention,
    split_heads,
)
from llmasos_edu.layers.masks import causal_mask

TIGHT = {"atol": 1e-10, "rtol": 1e-10}
QUICK = settings(max_examples=30, deadline=None)


def close(first, second):
    torch.testing.assert_close(first, second, **TIGHT)


def draw(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator, requires_grad=True)


def check_same(function, reference, inputs):
    """Equal in value, and equal in the gradient of a random functional of the output."""
    ours, theirs = function(*inputs), reference(*inputs)
    close(ours, theirs)
    weights = draw(99, *ours.shape).detach()
    gradients = [torch.autograd.grad((each * weights).sum(), inputs) for each in (ours, theirs)]
    for ours, theirs in zip(*gradients, strict=True):
        close(ours, theirs)


def padding_mask(batch, length, seed=0):
    """`[batch, 1, 1, key]`; the first key is always there, so no row is empty even under a causal mask."""
    generator = torch.Generator().manual_seed(seed)
    real = torch.randint(1, length + 1, (batch,), generator=generator)
    return (torch.arange(length) < real[:, None])[:, None, None]


def masks(batch, heads, query, key):
    """Every kind that torch's own function takes."""
    generator = torch.Generator().manual_seed(5)
    additive = torch.randn(query, key, dtype=torch.float64, generator=generator)
    boolean = torch.rand(batch, heads, query, key, generator=generator) < 0.6
    boolean[..., 0] = True
    hidden = additive.masked_fill(torch.rand(query, key, generator=generator) < 0.4, -torch.inf)
    return {
        "none": None,
        "padding": padding_mask(batch, key),
        "boolean": boolean,
        "additive": additive,
        "additive, some -inf": hidden.index_fill(1, torch.tensor([0]), 0.0),
    }


MASKS = list(masks(1, 1, 1, 1))


# The definition


def test_scores_softmax_and_mean_by_hand():
    query = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    key = torch.tensor([[2 * math.log(3), 0.0, 0.0, 0.0], [0.0, 5.0, 5.0, 5.0]])
    value = torch.tensor([[8.0, 0.0], [0.0, 4.0]])
    # scores log 3 and 0 after division by sqrt(4), so weights 3/4 and 1/4
    output, weights = attention_with_weights(query, key, value)
    torch.testing.assert_close(weights, torch.tensor([[0.75, 0.25]]))
    torch.testing.assert_close(output, torch.tensor([[6.0, 1.0]]))
    torch.testing.assert_close(attention_scores(query, key), torch.tensor([[math.log(3), 0.0]]))
    torch.testing.assert_close(
        attention_scores(query, key, scale=1.0), torch.tensor([[2 * math.log(3), 0.0]])
    )


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("scale", [None, 0.3])
def test_equals_torchs_function(kind, scale):
    inputs = draw(0, 2, 3, 5, 4), draw(1, 2, 3, 7, 4), draw(2, 2, 3, 7, 6)
    mask = masks(2, 3, 5, 7)[kind]
    check_same(
        lambda q, k, v: scaled_dot_product_attention(q, k, v, mask, scale=scale),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale),
        inputs,
    )


@given(
    lead=st.lists(st.integers(1, 3), max_size=2),
    query=st.integers(1, 6),
    key=st.integers(1, 6),
    dims=st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
@QUICK
def test_equals_torchs_function_for_any_shape(lead, query, key, dims):
    inputs = draw(0, *lead, query, dims[0]), draw(1, *lead, key, dims[0]), draw(2, *lead, key, dims[1])
    check_same(scaled_dot_product_attention, F.scaled_dot_product_attention, inputs)


@pytest.mark.parametrize("kind", MASKS)
def test_causal_and_another_mask_together(kind):
    inputs = [draw(seed, 2, 3, 6, 4) for seed in range(3)]
    mask = masks(2, 3, 6, 6)[kind]
    if mask is None:
        both = torch.ones(6, 6).tril().bool()
    elif mask.dtype == torch.bool:
        both = mask & torch.ones(6, 6).tril().bool()
    else:
        both = mask + torch.full((6, 6), -torch.inf).triu(1)
    check_same(
        lambda q, k, v: scaled_dot_product_attention(q, k, v, mask, is_causal=True),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=both),
        inputs,
    )


def test_causal_mask_of_a_decoder_lines_up_with_the_last_positions():
    expected = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 1]], dtype=torch.bool)
    assert torch.equal(causal_mask(3, 5), expected)
    assert torch.equal(causal_mask(3), torch.ones(3, 3).tril().bool())


def test_gradient_reaches_an_additive_mask():
    q, k, v = (draw(seed, 2, 4, 3) for seed in range(3))
    check_same(
        lambda bias: scaled_dot_product_attention(q.detach(), k.detach(), v.detach(), bias),
        lambda bias: F.scaled_dot_product_attention(q.detach(), k.detach(), v.detach(), attn_mask=bias),
        [draw(3, 4, 4)],
    )


# Rows that may see nothing


@pytest.mark.parametrize("additive", [False, True])
@pytest.mark.parametrize("function", ["explicit", "module", "module, fused"])
def test_a_row_without_keys_is_zero_without_gradient(function, additive):
    mask = torch.ones(2, 1, 4, 4, dtype=torch.bool)
    mask[0, :, 1], mask[1] = False, False
    given_mask = (
        torch.zeros(mask.shape, dtype=torch.float64).masked_fill(~mask, -torch.inf) if additive else mask
    )
    empty = ~mask.any(dim=-1)[:, 0]  # [batch, query]
    if function == "explicit":
        inputs = [draw(seed, 2, 3, 4, 5) for seed in range(3)]
        output, weights = attention_with_weights(*inputs, given_mask)
        assert (weights.transpose(1, 2)[empty] == 0).all()
        close(weights.sum(-1).transpose(1, 2)[~empty], torch.ones(3, 3, dtype=torch.float64))
    else:
        attention = MultiHeadAttention(6, num_heads=3, fused=function == "module, fused").double()
        attention.out_proj = nn.Identity()
        inputs = [draw(seed, 2, 4, 6) for seed in range(3)]
        output = split_heads(attention(*inputs, mask=given_mask), 3)
    assert (output.transpose(1, 2)[empty] == 0).all()
    assert output.isfinite().all()
    output.square().sum().backward()
    assert all(each.grad.isfinite().all() for each in inputs)
    # Nothing flows into the queries of empty rows, nor into any input of the row that is all empty.
    query_grad = inputs[0].grad.transpose(1, 2) if function == "explicit" else inputs[0].grad
    assert (query_grad[empty] == 0).all()
    assert (query_grad[~empty] != 0).any()
    assert all((each.grad[1] == 0).all() for each in inputs)


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_softmax_of_a_hidden_row_survives_anomaly_detection():
    scores = draw(0, 3, 4)
    mask = torch.tensor([[True] * 4, [False] * 4, [True, False, False, True]])
    with torch.autograd.detect_anomaly(check_nan=True):
        masked_softmax(scores, mask).square().sum().backward()
    assert (scores.grad[1] == 0).all()


# Temperature and dropout


@given(temperature=st.floats(0.1, 10))
@QUICK
def test_temperature_divides_the_scores(temperature):
    scores = draw(0, 2, 4, 5)
    mask = torch.ones(4, 5, dtype=torch.bool).tril()
    expected = (scores / temperature).masked_fill(~mask, -torch.inf).softmax(-1)
    close(masked_softmax(scores, mask, temperature=temperature), expected)
    q, k, v = (draw(seed, 2, 4, 5) for seed in range(3))
    close(
        scaled_dot_product_attention(q, k, v, temperature=temperature),
        F.scaled_dot_product_attention(q, k, v, scale=5**-0.5 / temperature),
    )


def test_temperature_leaves_an_additive_mask_alone():
    scores, bias = draw(0, 3, 3), draw(1, 3, 3)
    close(masked_softmax(scores, bias, temperature=2.0), (scores / 2 + bias).softmax(-1))


def test_dropout_keeps_the_mean_and_drops_the_share():
    torch.manual_seed(0)
    share, keys = 0.25, 4000
    q, k, v = torch.zeros(64, 2), torch.zeros(keys, 2), torch.eye(1).expand(keys, 1)
    output = scaled_dot_product_attention(q, k, v, dropout_p=share)  # 64 means of keys / keys
    # each is sum of `keys` independent kept weights 1 / (keys (1 - p)): deviation sqrt(p / (1 - p) / keys)
    deviation = math.sqrt(share / (1 - share) / keys)
    assert abs(output.mean().item() - 1) < 5 * deviation / 8
    assert 0.7 < output.std().item() / deviation < 1.3
    kept = scaled_dot_product_attention(
        torch.zeros(50, 2), torch.zeros(80, 2), torch.eye(80), dropout_p=share
    )
    assert abs((kept == 0).float().mean().item() - share) < 0.03
    torch.testing.assert_close(kept[kept > 0], torch.full_like(kept[kept > 0], 1 / 80 / (1 - share)))


@pytest.mark.parametrize("fused", [True, False])
def test_dropout_is_off_in_evaluation(fused):
    attention = MultiHeadAttention(8, num_heads=2, dropout=0.5, fused=fused)
    x = torch.randn(2, 6, 8)
    torch.manual_seed(1)
    assert not torch.equal(attention(x), attention(x))
    attention.eval()
    plain = MultiHeadAttention(8, num_heads=2, fused=fused).eval()
    plain.load_state_dict(attention.state_dict())
    assert torch.equal(attention(x), attention(x))
    assert torch.equal(attention(x), plain(x))


# Heads


def test_split_heads_cuts_features_and_merge_heads_undoes_it():
    x = torch.arange(2 * 3 * 8).view(2, 3, 8)
    heads = split_heads(x, 4)
    assert heads.shape == (2, 4, 3, 2)
    for head in range(4):
        assert torch.equal(heads[:, head], x[..., 2 * head : 2 * head + 2])
    assert torch.equal(merge_heads(heads), x)


def torch_twin(attention, d_model, num_heads, **options):
    """`nn.MultiheadAttention` with our weights."""
    bias = attention.query_proj.bias is not None
    twin = nn.MultiheadAttention(d_model, num_heads, batch_first=True, bias=bias, **options).double()
    projections = attention.query_proj, attention.key_proj, attention.value_proj
    with torch.no_grad():
        if twin.in_proj_weight is not None:
            twin.in_proj_weight.copy_(torch.cat([each.weight for each in projections]))
        else:
            for name, each in zip("qkv", projections, strict=True):
                getattr(twin, f"{name}_proj_weight").copy_(each.weight)
        twin.out_proj.weight.copy_(attention.out_proj.weight)
        if bias:
            twin.in_proj_bias.copy_(torch.cat([each.bias for each in projections]))
            twin.out_proj.bias.copy_(attention.out_proj.bias)
    return twin


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cross", [False, True])
@pytest.mark.parametrize("kind", ["none", "padding", "additive", "additive, some -inf"])
def test_equals_torchs_module(kind, cross, bias, fused):
    dims = {"kdim": 5, "vdim": 7} if cross else {}
    attention = MultiHeadAttention(12, num_heads=3, bias=bias, fused=fused, **dims).double()
    twin = torch_twin(attention, 12, 3, **dims)
    inputs = [draw(0, 2, 4, 12)] + ([draw(1, 2, 6, 5), draw(2, 2, 6, 7)] if cross else [])
    mask = masks(2, 3, 4, 6 if cross else 4)[kind]
    options = {}
    if kind == "padding":
        options = {"key_padding_mask": ~mask[:, 0, 0]}
    elif mask is not None:
        options = {"attn_mask": mask}

    def theirs(query, key=None, value=None):
        key = query if key is None else key
        return twin(query, key, key if value is None else value, average_attn_weights=False, **options)

    check_same(lambda *xs: attention(*xs, mask=mask), lambda *xs: theirs(*xs)[0], inputs)
    _, maps = attention.inspect(*inputs, mask=mask)
    close(maps.weights, theirs(*inputs)[1])


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("padded", [True, False])
def test_causal_equals_torchs_module(padded, fused):
    attention = MultiHeadAttention(12, num_heads=3, is_causal=True, fused=fused).double()
    twin = torch_twin(attention, 12, 3)
    mask = padding_mask(2, 5) if padded else None
    future = torch.ones(5, 5, dtype=torch.bool).triu(1)
    padding = ~mask[:, 0, 0] if padded else None

    def theirs(x):
        return twin(x, x, x, attn_mask=future, key_padding_mask=padding, average_attn_weights=False)

    check_same(lambda x: attention(x, mask=mask), lambda x: theirs(x)[0], [draw(0, 2, 5, 12)])
    x = draw(1, 2, 5, 12)
    close(attention.inspect(x, mask=mask).maps.weights, theirs(x)[1])


def test_parameter_gradients_equal_torchs_module():
    attention = MultiHeadAttention(12, num_heads=3, is_causal=True).double()
    twin = torch_twin(attention, 12, 3)
    x, future = draw(0, 2, 5, 12), torch.ones(5, 5, dtype=torch.bool).triu(1)
    attention(x).square().sum().backward()
    twin(x, x, x, attn_mask=future)[0].square().sum().backward()
    projections = attention.query_proj, attention.key_proj, attention.value_proj
    close(torch.cat([each.weight.grad for each in projections]), twin.in_proj_weight.grad)
    close(torch.cat([each.bias.grad for each in projections]), twin.in_proj_bias.grad)
    close(attention.out_proj.weight.grad, twin.out_proj.weight.grad)


@pytest.mark.parametrize("mask", [None, padding_mask(2, 5, seed=1)])
def test_self_attention_equals_the_general_module_and_torchs(mask):
    simple, general = SelfAttention(12, num_heads=3).double(), MultiHeadAttention(12, num_heads=3).double()
    general.load_state_dict(simple.state_dict())
    twin = torch_twin(simple, 12, 3)
    padding = None if mask is None else ~mask[:, 0, 0]
    check_same(lambda x: simple(x, mask), lambda x: general(x, mask=mask), [draw(0, 2, 5, 12)])
    check_same(
        lambda x: simple(x, mask), lambda x: twin(x, x, x, key_padding_mask=padding)[0], [draw(0, 2, 5, 12)]
    )


def grouped_by_loops(attention, x):
    """Grouped-query attention, one batch row, head, query and key at a time."""
    head_dim, per_group = attention.head_dim, attention.num_heads // attention.num_kv_heads
    rows = []
    for row in x:
        query, key, value = (
            proj(row) for proj in (attention.query_proj, attention.key_proj, attention.value_proj)
        )
        heads = []
        for head in range(attention.num_heads):
            own = slice(head * head_dim, (head + 1) * head_dim)
            shared = slice(head // per_group * head_dim, (head // per_group + 1) * head_dim)
            positions = []
            for i in range(len(row)):
                last = i + 1 if attention.is_causal else len(row)
                score = [(query[i, own] * key[j, shared]).sum() / math.sqrt(head_dim) for j in range(last)]
                share = torch.stack(score).exp()
                positions.append((share / share.sum()) @ value[:last, shared])
            heads.append(torch.stack(positions))
        rows.append(attention.out_proj(torch.cat(heads, dim=-1)))
    return torch.stack(rows)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize("num_kv_heads", [1, 2, 4])
def test_grouped_heads_equal_explicit_loops(num_kv_heads, is_causal, fused):
    attention = MultiHeadAttention(
        8, num_heads=4, num_kv_heads=num_kv_heads, is_causal=is_causal, fused=fused
    ).double()
    check_same(attention, lambda x: grouped_by_loops(attention, x), [draw(0, 2, 3, 8)])


@given(
    seed=st.integers(0, 1000),
    groups=st.sampled_from([(1, 1), (2, 1), (4, 2), (6, 3), (6, 6)]),
    is_causal=st.booleans(),
    qk_norm=st.booleans(),
    mask=st.sampled_from(MASKS),
    sizes=st.tuples(st.integers(1, 3), st.integers(1, 6)),
)
@QUICK
def test_fused_equals_explicit(seed, groups, is_causal, qk_norm, mask, sizes):
    (heads, kv_heads), (batch, seq) = groups, sizes
    fast = MultiHeadAttention(
        2 * heads, num_heads=heads, num_kv_heads=kv_heads, is_causal=is_causal, qk_norm=qk_norm
    ).double()
    slow = MultiHeadAttention(
        2 * heads, num_heads=heads, num_kv_heads=kv_heads, is_causal=is_causal, qk_norm=qk_norm, fused=False
    ).double()
    slow.load_state_dict(fast.state_dict())
    mask = masks(batch, heads, seq, seq)[mask]
    check_same(
        lambda x: fast(x, mask=mask), lambda x: slow(x, mask=mask), [draw(seed, batch, seq, 2 * heads)]
    )


def test_asking_for_weights_does_not_change_the_output():
    attention = MultiHeadAttention(8, num_heads=2, num_kv_heads=1, is_causal=True).double()
    x = draw(0, 2, 5, 8)
    output, maps = attention.inspect(x)
    close(output, attention(x))
    assert maps.weights.shape == maps.scores.shape == (2, 2, 5, 5)
    # The scores are before the mask, but already scaled: masking them by hand gives the weights.
    close(maps.weights, maps.scores.masked_fill(~causal_mask(5), -torch.inf).softmax(-1))
    query, key = split_heads(attention.query_proj(x), 2), split_heads(attention.key_proj(x), 1)
    close(maps.scores, query @ key.mT / 2)


def test_qk_norm_bounds_the_scores():
    attention = MultiHeadAttention(16, num_heads=2, qk_norm=True).double()
    scores = attention.inspect(100 * draw(0, 1, 6, 16)).maps.scores
    assert scores.abs().max() <= math.sqrt(8) + 1e-9
    same = attention.inspect(draw(0, 1, 6, 16)).maps.scores
    assert same.abs().max() > 0.1


def test_rotation_is_applied_to_queries_and_keys_alone():
    attention = MultiHeadAttention(8, num_heads=2).double()
    turn = torch.linalg.qr(draw(3, 4, 4).detach()).Q
    x = draw(0, 2, 5, 8)
    close(attention(x, rotate=lambda heads: heads @ turn), attention(x))  # angles are kept, so are the scores
    query, key = split_heads(attention.query_proj(x), 2), split_heads(attention.key_proj(x), 2)
    scores = attention.inspect(x, rotate=lambda heads: heads**3).maps.scores
    close(scores, query**3 @ (key**3).mT / 2)


# Symmetry and causality


@given(permutation=st.permutations(range(6)), seed=st.integers(0, 100))
@QUICK
def test_permuting_positions_permutes_the_output(permutation, seed):
    attention, x = MultiHeadAttention(8, num_heads=2).double(), draw(seed, 2, 6, 8)
    close(attention(x[:, permutation]), attention(x)[:, permutation])
    simple = SelfAttention(8, num_heads=2).double()
    close(simple(x[:, permutation]), simple(x)[:, permutation])


@pytest.mark.parametrize("fused", [True, False])
def test_no_position_sees_its_future(fused):
    attention = MultiHeadAttention(8, num_heads=2, is_causal=True, fused=fused).double()
    x = draw(0, 2, 7, 8)
    before = attention(x)
    for position in range(7):
        changed = x.detach().clone()
        changed[:, position] += 10.0
        after = attention(changed)
        close(after[:, :position], before[:, :position])
        difference = (after - before)[:, position:].abs().amax(dim=-1)
        assert (difference > 1e-6).all(), f"position {position} is not read by all later ones"
        (gradient,) = torch.autograd.grad(before[:, position].sum(), x, retain_graph=True)
        assert (gradient[:, position + 1 :] == 0).all()
        assert (gradient[:, : position + 1].abs().amax(dim=-1) > 0).all()


@pytest.mark.parametrize("fused", [True, False])
def test_hidden_keys_do_not_count(fused):
    attention = MultiHeadAttention(8, num_heads=2, fused=fused).double()
    x = draw(0, 1, 6, 8).detach()
    mask = torch.tensor([True, True, False, True, False, True])
    changed = x.clone()
    changed[:, ~mask] = 1e6
    close(attention(x, mask=mask[None])[:, mask], attention(changed, mask=mask[None])[:, mask])
    close(attention(x, mask=mask[None])[:, mask], attention(x[:, mask]))


# Knock-outs


@pytest.mark.parametrize("fused", [True, False])
def test_a_knocked_out_head_equals_a_zero_slice_of_the_output_matrix(fused):
    attention = MultiHeadAttention(12, num_heads=3, fused=fused).double()
    cut = MultiHeadAttention(12, num_heads=3, fused=fused).double()
    for head in range(3):
        cut.load_state_dict(attention.state_dict())
        with torch.no_grad():
            cut.out_proj.weight[:, 4 * head : 4 * head + 4] = 0
        mask = torch.ones(3)
        mask[head] = 0
        check_same(lambda x, mask=mask: attention(x, head_mask=mask), cut, [draw(head, 2, 5, 12)])
    x = draw(0, 2, 5, 12)
    close(attention(x, head_mask=torch.zeros(3)), attention.out_proj.bias.expand(2, 5, 12))


def test_each_row_of_a_head_mask_stands_alone():
    attention = MultiHeadAttention(12, num_heads=3).double()
    x = draw(0, 4, 5, 12)
    rows = torch.tensor([[1.0, 1, 1], [0, 1, 1], [1, 0, 0], [0.5, 1, 1]])
    together = attention(x, head_mask=rows)
    for row in range(4):
        close(together[row : row + 1], attention(x[row : row + 1], head_mask=rows[row]))
    assert not torch.allclose(together[1], attention(x)[1])
    with_maps, maps = attention.inspect(x, head_mask=rows)
    close(with_maps, together)
    close(maps.weights.sum(-1), torch.ones(4, 3, 5, dtype=torch.float64))  # the weights stay on show


# Memory


def bytes_saved(function, *inputs):
    """Bytes that autograd keeps for the backward pass, each storage once."""
    held = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage  # kept alive: a freed address could come again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        function(*inputs)
    return sum(storage.nbytes() for storage in held.values())


def test_memory_of_the_fused_path_is_linear_in_length():
    fixed = MultiHeadAttention(16, num_heads=2, is_causal=True)
    weights = sum(each.nbytes for each in fixed.parameters())

    def cost(fused, seq):
        fixed.fused = fused
        return bytes_saved(fixed, torch.randn(1, seq, 16, requires_grad=True)) - weights

    lengths = [64, 128, 256, 512]
    fused = [cost(True, seq) for seq in lengths]
    explicit = [cost(False, seq) for seq in lengths]
    growth = [after / before for before, after in pairwise(fused)]
    assert all(1.9 < each < 2.1 for each in growth), fused
    assert explicit[-1] / explicit[-2] > 3.5, explicit
    # at least the weights of both heads: 2 x 512 x 512 floats
    assert explicit[-1] > 2 * 512 * 512 * 4 > 4 * fused[-1]


# Errors


def rand(*shape):
    return torch.randn(*shape)


ATTENTION_ERRORS = {
    "one dimension": (lambda f: f(rand(4), rand(3, 4), rand(3, 4)), ["[4]", "[3, 4]", "[seq, head_dim]"]),
    "head_dim": (lambda f: f(rand(2, 4), rand(3, 5), rand(3, 4)), ["head_dim", "[2, 4]", "[3, 5]"]),
    "values": (lambda f: f(rand(2, 4), rand(3, 4), rand(5, 4)), ["value", "[3, 4]", "[5, 4]"]),
    "batch": (lambda f: f(rand(2, 3, 4), rand(5, 3, 4), rand(5, 3, 4)), ["[2, 3, 4]", "[5, 3, 4]"]),
    "value batch": (lambda f: f(rand(2, 3, 4), rand(2, 3, 4), rand(5, 3, 4)), ["[2, 3, 4]", "[5, 3, 4]"]),
    "empty": (lambda f: f(rand(2, 4), rand(0, 4), rand(0, 4)), ["nothing", "[0, 4]"]),
    "causal": (
        lambda f: f(rand(2, 4), rand(3, 4), rand(3, 4), is_causal=True),
        ["[2, 4]", "[3, 4]", "causal_mask(2, 3)"],
    ),
    "dropout": (lambda f: f(rand(2, 4), rand(3, 4), rand(3, 4), dropout_p=1.0), ["dropout_p=1.0"]),
    "temperature": (lambda f: f(rand(2, 4), rand(3, 4), rand(3, 4), temperature=0.0), ["temperature=0.0"]),
    "temperature nan": (
        lambda f: f(rand(2, 4), rand(3, 4), rand(3, 4), temperature=math.nan),
        ["temperature=nan"],
    ),
    "integer mask": (
        lambda f: f(rand(2, 4), rand(3, 4), rand(3, 4), torch.ones(2, 3, dtype=torch.int64)),
        ["torch.int64", "True = may attend"],
    ),
    "mask shape": (
        lambda f: f(rand(2, 4), rand(3, 4), rand(3, 4), torch.ones(2, 4) > 0),
        ["[2, 4]", "[2, 3]"],
    ),
    "mask dimensions": (
        lambda f: f(rand(2, 4), rand(3, 4), rand(3, 4), torch.ones(7, 2, 3) > 0),
        ["[7, 2, 3]", "[2, 3]"],
    ),
    "mask and causal": (
        lambda f: f(rand(3, 4), rand(3, 4), rand(3, 4), torch.ones(3, 5) > 0, is_causal=True),
        ["[3, 5]", "[3, 3]"],
    ),
}


@pytest.mark.parametrize("case", ATTENTION_ERRORS)
def test_errors_of_the_function_name_the_values(case):
    call, words = ATTENTION_ERRORS[case]
    with pytest.raises(ValueError, match=re.escape(words[0])) as error:
        call(scaled_dot_product_attention)
    assert all(word in str(error.value) for word in words), str(error.value)


MODULE_ERRORS = {
    "heads": (lambda: MultiHeadAttention(60, num_heads=8), ["d_model=60", "num_heads=8"]),
    "heads, simple": (lambda: SelfAttention(60, num_heads=8), ["d_model=60", "num_heads=8"]),
    "no heads": (lambda: SelfAttention(60, num_heads=0), ["d_model=60", "num_heads=0"]),
    "groups": (
        lambda: MultiHeadAttention(12, num_heads=6, num_kv_heads=4),
        ["num_heads=6", "num_kv_heads=4"],
    ),
    "no groups": (
        lambda: MultiHeadAttention(12, num_heads=6, num_kv_heads=0),
        ["num_heads=6", "num_kv_heads=0"],
    ),
    "dropout": (lambda: MultiHeadAttention(12, num_heads=6, dropout=1.5), ["dropout=1.5"]),
    "width": (lambda: MultiHeadAttention(12, num_heads=6)(rand(2, 3, 11)), ["query", "12", "[2, 3, 11]"]),
    "dimensions": (lambda: MultiHeadAttention(12, num_heads=6)(rand(3, 12)), ["query", "[3, 12]"]),
    "simple width": (lambda: SelfAttention(12, num_heads=6)(rand(2, 3, 11)), ["x must", "12", "[2, 3, 11]"]),
    "empty": (lambda: SelfAttention(12, num_heads=6)(rand(2, 0, 12)), ["x is empty", "[2, 0, 12]"]),
    "key width": (
        lambda: MultiHeadAttention(12, num_heads=6, kdim=5)(rand(2, 3, 12)),
        ["key", "5", "[2, 3, 12]"],
    ),
    "value width": (
        lambda: MultiHeadAttention(12, num_heads=6, vdim=5)(rand(2, 3, 12), rand(2, 3, 12)),
        ["value", "5", "[2, 3, 12]"],
    ),
    "batch": (
        lambda: MultiHeadAttention(12, num_heads=6)(rand(2, 3, 12), rand(4, 3, 12)),
        ["[2, 3, 12]", "[4, 3, 12]", "batch"],
    ),
    "lengths": (
        lambda: MultiHeadAttention(12, num_heads=6)(rand(2, 3, 12), rand(2, 3, 12), rand(2, 5, 12)),
        ["[2, 3, 12]", "[2, 5, 12]", "length"],
    ),
    "causal cross": (
        lambda: MultiHeadAttention(12, num_heads=6, is_causal=True)(rand(2, 3, 12), rand(2, 5, 12)),
        ["3 queries", "5 keys"],
    ),
    "head mask": (
        lambda: MultiHeadAttention(12, num_heads=6)(rand(2, 3, 12), head_mask=torch.ones(5)),
        ["[5]", "heads=6", "batch=2"],
    ),
    "few keys": (lambda: causal_mask(4, 3), ["4 queries", "3 keys"]),
    **{
        f"{name} ({'fused' if fused else 'explicit'}, {'causal' if causal else 'all'})": (
            lambda mask=mask, fused=fused, causal=causal: MultiHeadAttention(
                12, num_heads=6, is_causal=causal, fused=fused
            )(rand(2, 3, 12), mask=mask),
            words,
        )
        for name, mask, words in [
            ("integer mask", torch.ones(3, 3, dtype=torch.int32), ["torch.int32", "True = may attend"]),
            ("mask shape", torch.ones(3, 4) > 0, ["[3, 4]", "[2, 6, 3, 3]"]),
            ("mask per row", torch.ones(2, 3, 3) > 0, ["[2, 3, 3]", "[2, 6, 3, 3]"]),
        ]
        for fused in (True, False)
        for causal in (True, False)
    },
}


@pytest.mark.parametrize("case", MODULE_ERRORS)
def test_errors_of_the_modules_name_the_values(case):
    call, words = MODULE_ERRORS[case]
    with pytest.raises(ValueError, match=re.escape(words[0])) as error:
        call()
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("fused", [True, False])
def test_masks_of_fewer_dimensions_and_other_precision_fit(fused):
    attention = MultiHeadAttention(12, num_heads=3, fused=fused).double()
    x, seen = draw(0, 2, 5, 12), torch.tensor([True, True, False, True, True])
    full = seen.expand(2, 3, 5, 5)
    for mask in (seen, seen[None], seen.expand(5, 5), seen.expand(3, 5, 5), seen.expand(1, 3, 1, 5), full):
        close(attention(x, mask=mask), attention(x, mask=full))
    single = torch.randn(5, 5)  # float32 scores to be added to float64 ones
    close(attention(x, mask=single), attention(x, mask=single.double()))
