"""Layers and stacks against torch's own, in value and gradient; masks; leaks; inspection."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from llmasos_edu.foundation.tensors import check_tokens
from llmasos_edu.layers.attention import MultiHeadAttention
from llmasos_edu.layers.transformer import (
    CrossAttention,
    DecoderLayer,
    EncoderLayer,
    FeedForward,
    TransformerLayer,
    start_empty,
)
from llmasos_edu.models.encoder_decoder import Decoder, Encoder, EncoderDecoder, shift_right

exact = {"rtol": 1e-10, "atol": 1e-10}
POSITIONS = ("sinusoidal", "learned", "rotary", "alibi", "none")
BATCH, SOURCE, TARGET, WIDTH = 3, 7, 5, 8
SOURCE_KEEP = torch.arange(SOURCE) < torch.tensor([[7], [4], [1]])
TARGET_KEEP = torch.arange(TARGET) < torch.tensor([[5], [2], [3]])


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def scramble(module):
    """Every parameter random, so that no zero or one hides a mistake."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4)
    return module.double()


def copy_attention(ours, theirs):
    theirs.in_proj_weight.data = torch.cat(
        [ours.query_proj.weight, ours.key_proj.weight, ours.value_proj.weight]
    ).detach()
    theirs.in_proj_bias.data = torch.cat(
        [ours.query_proj.bias, ours.key_proj.bias, ours.value_proj.bias]
    ).detach()
    theirs.out_proj.load_state_dict(ours.out_proj.state_dict())


def copy_layer(ours, theirs):
    """Our weights into torch's encoder or decoder layer; pairs of parameters whose gradients must agree."""
    copy_attention(ours.attention, theirs.self_attn)
    norms = [ours.attention_norm, ours.feed_forward_norm]
    if isinstance(ours, DecoderLayer):
        copy_attention(ours.cross_attention, theirs.multihead_attn)
        norms.insert(1, ours.cross_attention_norm)
    for i, norm in enumerate(norms, start=1):
        getattr(theirs, f"norm{i}").load_state_dict(norm.state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward.in_proj.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.out_proj.state_dict())


def gradients(module, kind):
    """Gradients by role, in one order for ours and theirs."""

    def attention(ours):
        projections = (ours.query_proj, ours.key_proj, ours.value_proj)
        return [
            torch.cat([p.weight.grad for p in projections]),
            torch.cat([p.bias.grad for p in projections]),
        ]

    if kind == "theirs":
        found = [module.self_attn.in_proj_weight.grad, module.self_attn.in_proj_bias.grad]
        if hasattr(module, "multihead_attn"):
            found += [module.multihead_attn.in_proj_weight.grad, module.multihead_attn.in_proj_bias.grad]
        return [*found, module.linear1.weight.grad, module.linear2.bias.grad, module.norm1.weight.grad]
    found = attention(module.attention)
    if hasattr(module, "cross_attention"):
        found += attention(module.cross_attention)
    feed_forward = module.feed_forward
    inner, outer = feed_forward.in_proj.weight.grad, feed_forward.out_proj.bias.grad
    return [*found, inner, outer, module.attention_norm.weight.grad]


# Feed-forward


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu", "gelu_tanh", "squared_relu", "swiglu", "geglu"])
def test_feed_forward_is_its_formula(activation, bias):
    network = scramble(FeedForward(4, d_ff=6, activation=activation, bias=bias))
    x = randn(2, 3, 4)
    inner = x @ network.in_proj.weight.T + (network.in_proj.bias if bias else 0)
    if activation in ("swiglu", "geglu"):
        gate = x @ network.gate_proj.weight.T + (network.gate_proj.bias if bias else 0)
        open_share = torch.sigmoid(gate) if activation == "swiglu" else 0.5 * (1 + torch.erf(gate / 2**0.5))
        hidden = gate * open_share * inner
    else:
        hidden = {
            "relu": inner.clamp(min=0),
            "gelu": inner * 0.5 * (1 + torch.erf(inner / 2**0.5)),
            "gelu_tanh": inner * torch.sigmoid((8 / torch.pi) ** 0.5 * (inner + 0.044715 * inner**3)),
            "squared_relu": inner.clamp(min=0) ** 2,
        }[activation]
    expected = hidden @ network.out_proj.weight.T + (network.out_proj.bias if bias else 0)
    assert_close(network(x), expected, **exact)
    assert all((linear.bias is None) == (not bias) for linear in network.children())


# Layers


def test_the_articles_layer_is_its_formula():
    layer = scramble(TransformerLayer(WIDTH, num_heads=2, d_ff=16))
    x = randn(2, 5, WIDTH)
    expected = F.layer_norm(
        layer.feed_forward(layer.attention(x)) + x, (WIDTH,), layer.norm.weight, layer.norm.bias, 1e-5
    )
    output, maps = layer.inspect(x)
    assert_close(layer(x), expected, **exact)
    assert_close(output, expected, **exact)
    assert maps.weights.shape == (2, 2, 5, 5)
    assert layer.feed_forward.activation is F.relu


def test_the_articles_layer_can_hide_the_future_and_padding():
    layer = scramble(TransformerLayer(WIDTH, num_heads=2, d_ff=16, is_causal=True))
    x = randn(1, 5, WIDTH)
    changed = x.clone()
    changed[:, 3:] += 1
    assert_close(layer(x)[:, :3], layer(changed)[:, :3], **exact)
    both = scramble(TransformerLayer(WIDTH, num_heads=2, d_ff=16))
    mask = (torch.arange(5) < 3)[None, None, None]
    assert_close(both(x, mask=mask)[:, :3], both(changed, mask=mask)[:, :3], **exact)


@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", [False, True])
def test_encoder_layer_equals_torchs(norm_first, activation, padded, is_causal):
    ours = scramble(
        EncoderLayer(
            WIDTH, num_heads=2, d_ff=12, activation=activation, norm_first=norm_first, is_causal=is_causal
        )
    )
    theirs = nn.TransformerEncoderLayer(
        WIDTH, 2, 12, dropout=0.0, activation=activation, batch_first=True, norm_first=norm_first
    ).double()
    copy_layer(ours, theirs)
    x = randn(BATCH, SOURCE, WIDTH).requires_grad_()
    copy = x.detach().clone().requires_grad_()
    keep = SOURCE_KEEP if padded else torch.ones_like(SOURCE_KEEP)
    future = torch.ones(SOURCE, SOURCE, dtype=torch.bool).triu(1) if is_causal else None
    output = ours(x, mask=keep[:, None, None] if padded else None)
    expected = theirs(copy, src_mask=future, src_key_padding_mask=~keep if padded else None)
    assert_close(output[keep], expected[keep], **exact)
    upstream = randn(*x.shape) * keep[..., None]
    output.backward(upstream)
    expected.backward(upstream)
    assert_close(x.grad, copy.grad, **exact)
    for mine, other in zip(gradients(ours, "ours"), gradients(theirs, "theirs"), strict=True):
        assert_close(mine, other, **exact)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", [False, True])
def test_decoder_layer_equals_torchs(norm_first, activation, padded):
    ours = scramble(DecoderLayer(WIDTH, num_heads=2, d_ff=12, activation=activation, norm_first=norm_first))
    theirs = nn.TransformerDecoderLayer(
        WIDTH, 2, 12, dropout=0.0, activation=activation, batch_first=True, norm_first=norm_first
    ).double()
    copy_layer(ours, theirs)
    inputs = [randn(BATCH, TARGET, WIDTH).requires_grad_(), randn(BATCH, SOURCE, WIDTH).requires_grad_()]
    copies = [each.detach().clone().requires_grad_() for each in inputs]
    future = torch.ones(TARGET, TARGET, dtype=torch.bool).triu(1)
    keep = TARGET_KEEP if padded else torch.ones_like(TARGET_KEEP)
    options, torch_options = {}, {}
    if padded:
        options = {"mask": keep[:, None, None], "memory_mask": SOURCE_KEEP[:, None, None]}
        torch_options = {"tgt_key_padding_mask": ~keep, "memory_key_padding_mask": ~SOURCE_KEEP}
    output = ours(*inputs, **options)
    expected = theirs(*copies, tgt_mask=future, **torch_options)
    assert_close(output[keep], expected[keep], **exact)
    upstream = randn(*output.shape) * keep[..., None]
    output.backward(upstream)
    expected.backward(upstream)
    for mine, other in zip(inputs, copies, strict=True):
        assert_close(mine.grad, other.grad, **exact)
    for mine, other in zip(gradients(ours, "ours"), gradients(theirs, "theirs"), strict=True):
        assert_close(mine, other, **exact)


@pytest.mark.parametrize("norm_first", [False, True])
def test_stacks_equal_torchs_encoder_and_decoder(norm_first):
    encoder = scramble(
        Encoder(WIDTH, num_layers=3, num_heads=2, d_ff=12, norm_first=norm_first, activation="relu")
    )
    decoder = scramble(
        Decoder(WIDTH, num_layers=3, num_heads=2, d_ff=12, norm_first=norm_first, activation="relu")
    )
    kind = {"dropout": 0.0, "batch_first": True, "norm_first": norm_first}
    norms = [nn.LayerNorm(WIDTH) if norm_first else None for _ in range(2)]
    torch_encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(WIDTH, 2, 12, **kind), 3, norms[0], enable_nested_tensor=False
    ).double()
    torch_decoder = nn.TransformerDecoder(
        nn.TransformerDecoderLayer(WIDTH, 2, 12, **kind), 3, norms[1]
    ).double()
    for ours, theirs in ((encoder, torch_encoder), (decoder, torch_decoder)):
        for mine, other in zip(ours.layers, theirs.layers, strict=True):
            copy_layer(mine, other)
        if norm_first:
            theirs.norm.load_state_dict(ours.norm.state_dict())
    source, target = randn(BATCH, SOURCE, WIDTH).requires_grad_(), randn(BATCH, TARGET, WIDTH)
    source_copy = source.detach().clone().requires_grad_()
    output = decoder(target, encoder(source, SOURCE_KEEP), TARGET_KEEP, SOURCE_KEEP)
    memory = torch_encoder(source_copy, src_key_padding_mask=~SOURCE_KEEP)
    expected = torch_decoder(
        target, memory, tgt_mask=torch.ones(TARGET, TARGET, dtype=torch.bool).triu(1),
        tgt_key_padding_mask=~TARGET_KEEP, memory_key_padding_mask=~SOURCE_KEEP,
    )  # fmt: skip
    assert_close(output[TARGET_KEEP], expected[TARGET_KEEP], **exact)
    upstream = randn(*output.shape) * TARGET_KEEP[..., None]
    output.backward(upstream)
    expected.backward(upstream)
    assert_close(source.grad, source_copy.grad, **exact)


def test_an_attention_only_layer_has_no_feed_forward():
    layer = scramble(EncoderLayer(WIDTH, num_heads=2, d_ff=0))
    x = randn(1, 4, WIDTH)
    assert_close(layer(x), x + layer.attention(layer.attention_norm(x)), **exact)


@pytest.mark.parametrize("options", [{}, {"num_kv_heads": 1}, {"num_kv_heads": 2, "qk_norm": True}])
def test_cross_attention_equals_attention_with_another_input(options):
    cross = scramble(CrossAttention(WIDTH, num_heads=4, **options))
    plain = MultiHeadAttention(WIDTH, num_heads=4, **options).double()
    plain.load_state_dict(cross.state_dict())
    x, memory = randn(BATCH, TARGET, WIDTH), randn(BATCH, SOURCE, WIDTH)
    mask = SOURCE_KEEP[:, None, None]
    expected, maps = plain.inspect(x, memory, mask=mask)
    output, cross_maps = cross.inspect(x, cross.read(memory), mask=mask)
    assert_close(cross(x, memory, mask=mask), expected, **exact)
    assert_close(output, expected, **exact)
    assert_close(cross_maps, maps, **exact)


@pytest.mark.parametrize("fused", [True, False])
def test_a_head_is_knocked_out_of_cross_attention(fused):
    cross = scramble(CrossAttention(WIDTH, num_heads=4, fused=fused))
    plain = MultiHeadAttention(WIDTH, num_heads=4).double()
    plain.load_state_dict(cross.state_dict())
    x, memory = randn(BATCH, TARGET, WIDTH), randn(BATCH, SOURCE, WIDTH)
    rows = torch.ones(BATCH, 4)
    rows[1, 2] = 0.0
    for mask in (torch.tensor([1.0, 0.0, 1.0, 1.0]), rows):
        assert_close(cross(x, memory, head_mask=mask), plain(x, memory, head_mask=mask), **exact)
        assert not torch.allclose(cross(x, memory, head_mask=mask), cross(x, memory))
    layer = scramble(DecoderLayer(WIDTH, num_heads=4, d_ff=8))
    silent = layer(x, memory, memory_head_mask=torch.zeros(4))
    layer.cross_attention.out_proj.weight.data.zero_()
    assert_close(silent, layer(x, memory), **exact)
    with pytest.raises(ValueError, match=r"head_mask \[3\] must be \[heads=4\]"):
        cross(x, memory, head_mask=torch.ones(3))


def test_cross_attention_has_no_option_that_it_ignores():
    with pytest.raises(TypeError, match="is_causal"):
        CrossAttention(WIDTH, num_heads=4, is_causal=True)
    for stack in (Encoder, Decoder):
        with pytest.raises(ValueError, match=r"'nrm_first' .did you mean 'norm_first'"):
            stack(WIDTH, num_layers=1, num_heads=2, d_ff=8, nrm_first=True)
    with pytest.raises(ValueError, match=r"EncoderDecoder: 'is_causal' is not one of d_model, num_heads"):
        EncoderDecoder(5, target_vocab=5, d_model=8, num_layers=1, num_heads=2, d_ff=8, is_causal=True)


@pytest.mark.parametrize("given", [{}, {"d_ff": 8, "feed_forward": nn.Identity()}])
def test_a_layer_has_one_network_and_says_so(given):
    with pytest.raises(ValueError, match="one of the two is wanted"):
        EncoderLayer(8, num_heads=2, **given)


def test_results_have_one_type():
    """What else is asked for goes into a list, or has a method that returns both."""
    x, memory = randn(BATCH, TARGET, WIDTH), randn(BATCH, SOURCE, WIDTH)
    maps, memory_maps = [], []
    decoder = scramble(Decoder(WIDTH, num_layers=2, num_heads=2, d_ff=8))
    output = decoder(x, memory, maps=maps, memory_maps=memory_maps)
    assert_close(output, decoder(x, memory), **exact)
    assert [each.weights.shape for each in maps] == [(BATCH, 2, TARGET, TARGET)] * 2
    assert [each.weights.shape for each in memory_maps] == [(BATCH, 2, TARGET, SOURCE)] * 2


def test_sizes_go_by_name_and_cannot_be_swapped():
    for build in (
        lambda: Encoder(8, 2, 1, 8),
        lambda: FeedForward(8, 16),
        lambda: EncoderLayer(8, 2, 16),
        lambda: MultiHeadAttention(8, 2),
        lambda: EncoderDecoder(9, 11, 8, 1, 2, 8),
        lambda: CrossAttention(8, 2),
    ):
        with pytest.raises(TypeError, match="positional argument"):
            build()


def test_options_reach_the_parts():
    options = {"num_kv_heads": 1, "activation": "swiglu", "norm": "rms", "qk_norm": True, "bias": False}
    for layer in (
        EncoderLayer(8, num_heads=4, d_ff=16, **options),
        DecoderLayer(8, num_heads=4, d_ff=16, **options),
    ):
        assert not any(name.endswith("bias") for name, _ in layer.named_parameters())
        assert isinstance(layer.attention_norm, nn.RMSNorm)
        assert isinstance(layer.feed_forward_norm, nn.RMSNorm)
        assert layer.feed_forward.gate_proj is not None
        for attention in [each for each in layer.children() if isinstance(each, MultiHeadAttention)]:
            assert attention.num_kv_heads == 1
            assert attention.qk_norm
    assert not EncoderLayer(8, num_heads=4, d_ff=16).attention.is_causal
    assert DecoderLayer(8, num_heads=4, d_ff=16).attention.is_causal
    assert not DecoderLayer(8, num_heads=4, d_ff=16).cross_attention.is_causal


def test_what_is_not_said_is_as_documented():
    article, encoder, decoder = (
        TransformerLayer(8, num_heads=2, d_ff=16),
        EncoderLayer(8, num_heads=2, d_ff=16),
        DecoderLayer(8, num_heads=2, d_ff=16),
    )
    assert not article.attention.is_causal
    assert FeedForward(8, d_ff=16).activation is F.gelu
    assert FeedForward(8, d_ff=16).in_proj.bias is not None
    for layer in (encoder, decoder):
        assert layer.norm_first
        assert layer.dropout == layer.attention.dropout == 0
        assert isinstance(layer.attention_norm, nn.LayerNorm)
        assert layer.feed_forward.activation is F.gelu
        assert all(linear.bias is not None for linear in layer.modules() if isinstance(linear, nn.Linear))
        for attention in [each for each in layer.children() if isinstance(each, MultiHeadAttention)]:
            assert attention.num_kv_heads == 2
            assert not attention.qk_norm
    x = torch.randn(2, 3, 8)
    for output in (article(x), encoder(x), decoder(x, x), decoder.cross_attention(x, x)):
        assert isinstance(output, torch.Tensor)


def test_the_smallest_sizes_work():
    assert FeedForward(1, d_ff=1)(torch.zeros(2, 1)).shape == (2, 1)
    check_tokens("tokens", torch.tensor([[0]]), 1)


def test_dropout_acts_in_training_alone_and_on_every_branch():
    x, memory = randn(2, 4, WIDTH), randn(2, 4, WIDTH)
    encoder, decoder = (
        scramble(EncoderLayer(WIDTH, num_heads=2, d_ff=8, dropout=0.5)),
        scramble(DecoderLayer(WIDTH, num_heads=2, d_ff=8, dropout=0.5)),
    )
    for call in (lambda: encoder(x), lambda: decoder(x, memory)):
        assert not torch.equal(call(), call())
    encoder.eval(), decoder.eval()
    for call in (lambda: encoder(x), lambda: decoder(x, memory)):
        assert torch.equal(call(), call())
    for layer in (encoder, decoder):
        layer.train()
        assert (layer._leave(torch.zeros(1, 400), torch.ones(1, 400), None) == 0).float().mean() > 0.3
        assert layer.attention.dropout == 0.5


def test_start_empty_leaves_the_residual_path_alone():
    encoder, decoder = (
        Encoder(WIDTH, num_layers=2, num_heads=2, d_ff=16),
        Decoder(WIDTH, num_layers=2, num_heads=2, d_ff=16),
    )
    x = torch.randn(2, 4, WIDTH)
    start_empty(encoder)
    start_empty(decoder)
    assert_close(encoder(x), F.layer_norm(x, (WIDTH,)))
    assert_close(decoder(x, torch.randn(2, 3, WIDTH)), F.layer_norm(x, (WIDTH,)))
    wide = FeedForward(400, d_ff=100)
    start_empty(wide)
    assert wide.in_proj.weight.std().item() == pytest.approx(400**-0.5, rel=0.05)


# The model


def translator(position="sinusoidal", **options):
    settings = {"norm_first": True, **options}
    return scramble(
        EncoderDecoder(
            9,
            target_vocab=11,
            d_model=WIDTH,
            num_layers=2,
            num_heads=2,
            d_ff=12,
            position=position,
            **settings,
        )
    ).eval()


def tokens(rows=BATCH, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(9, (rows, SOURCE), generator=generator), torch.randint(
        11, (rows, TARGET), generator=generator
    )


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("position", POSITIONS)
def test_no_target_position_sees_its_future_but_all_see_the_source(position, norm_first):
    model = translator(position, norm_first=norm_first)
    source, target = tokens()
    logits = model(source, target)
    for place in range(TARGET):
        changed = target.clone()
        changed[:, place] = (changed[:, place] + 1) % 11
        moved = (model(source, changed) - logits).abs().amax(dim=(0, 2)) > 1e-9
        assert moved.tolist() == [i >= place for i in range(TARGET)]
    for place in range(SOURCE):
        changed = source.clone()
        changed[:, place] = (changed[:, place] + 1) % 9
        assert ((model(changed, target) - logits).abs().amax(dim=2) > 1e-9).all()


@pytest.mark.parametrize("position", POSITIONS)
def test_what_stands_in_the_padding_changes_nothing(position):
    model = translator(position)
    (source, target), (other_source, other_target) = tokens(), tokens(seed=1)
    logits = model(source, target, SOURCE_KEEP, TARGET_KEEP)
    other = model(
        torch.where(SOURCE_KEEP, source, other_source), torch.where(TARGET_KEEP, target, other_target),
        SOURCE_KEEP, TARGET_KEEP,
    )  # fmt: skip
    assert_close(logits[TARGET_KEEP], other[TARGET_KEEP], **exact)
    for row in range(BATCH):  # and a row in a padded batch equals the row alone
        n, m = int(SOURCE_KEEP[row].sum()), int(TARGET_KEEP[row].sum())
        alone = model(source[row : row + 1, :n], target[row : row + 1, :m])
        assert_close(logits[row, :m], alone[0], **exact)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_padding_in_front_or_between_is_hidden_too(seed):
    model = translator("none")
    generator = torch.Generator().manual_seed(seed)
    source, target = tokens(seed=seed)
    keep = torch.rand(source.shape, generator=generator) < 0.5
    keep[:, seed % SOURCE] = True
    other = torch.where(keep, source, (source + 1) % 9)
    assert_close(model(source, target, keep), model(other, target, keep), **exact)


@pytest.mark.parametrize("position", POSITIONS)
def test_the_maps_are_those_that_the_model_used(position):
    """Recompute each layer's attention output from the maps on show and find it inside the forward pass."""
    model = translator(position)
    source, target = tokens()
    seen = {}

    def watch(name):
        def hook(module, args, output):
            seen.setdefault(name, []).append((args[0], output[0] if isinstance(output, tuple) else output))

        return hook

    for i, layer in enumerate(model.decoder.layers):
        layer.cross_attention.register_forward_hook(watch(("cross", i)))
        layer.attention.register_forward_hook(watch(("decoder", i)))
    for i, layer in enumerate(model.encoder.layers):
        layer.attention.register_forward_hook(watch(("encoder", i)))
    logits = model(source, target, SOURCE_KEEP, TARGET_KEEP)
    shown = model.inspect(source, target, SOURCE_KEEP, TARGET_KEEP)
    memory = model.encode(source, SOURCE_KEEP)
    assert_close(shown.logits, logits, **exact)
    for (name, i), calls in seen.items():
        x, output = calls[0]  # the plain forward pass, on the fused path
        layers = model.encoder.layers if name == "encoder" else model.decoder.layers
        attention = layers[i].cross_attention if name == "cross" else layers[i].attention
        maps = getattr(shown, name)
        values = attention.value_proj(memory if name == "cross" else x).unflatten(-1, (2, 4)).transpose(1, 2)
        heads = (maps.weights[i] @ values).transpose(1, 2).flatten(2)
        assert_close(attention.out_proj(heads), output, **exact)


def test_masks_reach_every_layer():
    model = translator()
    shown = model.inspect(*tokens(), SOURCE_KEEP, TARGET_KEEP)
    assert shown.encoder.weights.shape == (2, BATCH, 2, SOURCE, SOURCE)
    assert shown.decoder.weights.shape == shown.decoder.scores.shape == (2, BATCH, 2, TARGET, TARGET)
    assert shown.cross.weights.shape == (2, BATCH, 2, TARGET, SOURCE)
    causal = torch.ones(TARGET, TARGET, dtype=torch.bool).tril()
    visible = {
        "encoder": SOURCE_KEEP[:, None, None].expand(BATCH, 2, SOURCE, SOURCE),
        "decoder": (TARGET_KEEP[:, None, None] & causal).expand(BATCH, 2, TARGET, TARGET),
        "cross": SOURCE_KEEP[:, None, None].expand(BATCH, 2, TARGET, SOURCE),
    }
    for name, mask in visible.items():
        for layer in getattr(shown, name).weights:
            assert torch.equal(layer > 0, mask), name
            assert_close(layer.sum(dim=-1), torch.ones(layer.shape[:-1], dtype=torch.float64))


def test_a_user_mask_joins_the_padding_in_encoder_and_decoder():
    encoder, decoder = (
        scramble(Encoder(WIDTH, num_layers=2, num_heads=2, d_ff=12)),
        scramble(Decoder(WIDTH, num_layers=2, num_heads=2, d_ff=12)),
    )
    x, memory = randn(BATCH, SOURCE, WIDTH), randn(BATCH, SOURCE, WIDTH)
    window = (torch.arange(SOURCE)[:, None] - torch.arange(SOURCE)).abs() <= 2
    for stack, causal in ((encoder, False), (decoder, True)):
        inputs = (x, memory) if causal else (x,)
        for mask in (window, torch.zeros(SOURCE, SOURCE).double().masked_fill(~window, -torch.inf)):
            maps = []
            stack(*inputs, SOURCE_KEEP, mask=mask, maps=maps)
            expected = window & SOURCE_KEEP[:, None] & (window.tril() if causal else True)
            for layer in maps:
                assert torch.equal(layer.weights > 0, expected[:, None].expand(-1, 2, -1, -1))


@pytest.mark.parametrize("position", POSITIONS)
def test_decoding_step_by_step_equals_one_pass(position):
    model = translator(position)
    source, target = tokens()
    with torch.inference_mode():
        reads = model.decoder.read(model.encode(source, SOURCE_KEEP))
        cache = model.new_cache(BATCH, TARGET)
        steps = [model.decode(t, reads, SOURCE_KEEP, cache=cache) for t in target.split(1, dim=1)]
        assert_close(torch.cat(steps, dim=1), model(source, target, SOURCE_KEEP), **exact)


def test_positions_enter_source_and_target():
    """Without positions the source is a bag; ALiBi knows no direction: a mirror image looks alike."""
    source, target = tokens()
    orders = {"mirrored": source.flip(1), "swapped": source[:, [2, 0, 1, 3, 4, 5, 6]]}
    blind = {("none", "mirrored"), ("none", "swapped"), ("alibi", "mirrored")}
    for position in POSITIONS:
        model = translator(position)
        for name, other in orders.items():
            same = torch.allclose(model(source, target), model(other, target), atol=1e-9)
            assert same == ((position, name) in blind), (position, name)


@pytest.mark.parametrize("position", POSITIONS)
def test_the_decoder_knows_the_order_of_what_it_wrote(position):
    """In one layer: a second would see what the causal mask gives away."""
    model = scramble(
        EncoderDecoder(
            9, target_vocab=11, d_model=WIDTH, num_layers=1, num_heads=2, d_ff=12, position=position
        )
    )
    source, target = tokens()
    same = torch.allclose(
        model(source, target)[:, -1], model(source, target[:, [2, 0, 1, 3, 4]])[:, -1], atol=1e-9
    )
    assert same == (position == "none")


def test_a_new_model_predicts_every_token_alike_and_learns_at_once():
    model = EncoderDecoder(9, target_vocab=11, d_model=WIDTH, num_layers=2, num_heads=2, d_ff=12)
    source, target = tokens()
    assert torch.equal(model(source, target), torch.zeros(BATCH, TARGET, 11))
    x = torch.randn(2, 4, WIDTH)
    assert_close(model.encoder(x), F.layer_norm(x, (WIDTH,)))
    assert_close(model.decoder(x, x), F.layer_norm(x, (WIDTH,)))
    assert model.source_embedding.weight.std().item() == pytest.approx(1.0, abs=0.3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(60):
        loss = F.cross_entropy(model(source, shift_right(target, 0)).flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.3
    unused = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert unused == []


def test_shift_right():
    assert shift_right(torch.tensor([[4, 5, 6], [7, 8, 9]]), 1).tolist() == [[1, 4, 5], [1, 7, 8]]


X, MEMORY = torch.zeros(2, 4, 8), torch.zeros(2, 3, 8)
ENCODER, DECODER, MODEL = (
    Encoder(8, num_layers=1, num_heads=2, d_ff=8),
    Decoder(8, num_layers=1, num_heads=2, d_ff=8),
    EncoderDecoder(9, target_vocab=11, d_model=8, num_layers=1, num_heads=2, d_ff=8),
)
INTS = torch.zeros(2, 4, dtype=torch.long)
NOT_A_NUMBER = torch.zeros(2, 4, 8).index_put((torch.tensor(1), torch.tensor(2)), torch.tensor(torch.nan))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: FeedForward(8, d_ff=8)(torch.zeros(2, 7)), r"x must be \[\.\.\., 8\], got \[2, 7\]"),
        (lambda: FeedForward(8, d_ff=8, activation="tanh"), "activation='tanh' is not one of relu, gelu"),
        (lambda: FeedForward(8, d_ff=0), "d_model=8 and d_ff=0 must be at least 1"),
        (lambda: TransformerLayer(8, num_heads=3, d_ff=8), "d_model=8 is not divisible by num_heads=3"),
        (
            lambda: TransformerLayer(8, num_heads=2, d_ff=8)(torch.zeros(2, 3, 7)),
            r"must be \[batch, seq, 8\], got \[2, 3, 7\]",
        ),
        (lambda: EncoderLayer(8, num_heads=3, d_ff=8), "d_model=8 is not divisible by num_heads=3"),
        (lambda: EncoderLayer(8, num_heads=2, d_ff=-1), "d_ff=-1 must be at least 1"),
        (lambda: EncoderLayer(8, num_heads=2, d_ff=8, norm="batch"), "norm='batch' is not one of layer, rms"),
        (
            lambda: EncoderLayer(8, num_heads=2, d_ff=8, dropout=1.0),
            "dropout=1.0 must be at least 0 and below 1",
        ),
        (
            lambda: EncoderLayer(8, num_heads=2, d_ff=8)(torch.zeros(2, 8)),
            r"x must be \[batch, seq, 8\], got \[2, 8\]",
        ),
        (lambda: EncoderLayer(8, num_heads=2, d_ff=8)(torch.zeros(0, 3, 8)), r"x is empty: \[0, 3, 8\]"),
        (lambda: DecoderLayer(8, num_heads=2, d_ff=8, norm="none"), "norm='none' is not one of layer, rms"),
        (lambda: DecoderLayer(8, num_heads=2, d_ff=0), "d_ff=0 must be at least 1"),
        (
            lambda: DecoderLayer(8, num_heads=2, d_ff=8)(torch.zeros(2, 3, 9), MEMORY),
            r"x must be \[batch, seq, 8\], got",
        ),
        (
            lambda: DecoderLayer(8, num_heads=2, d_ff=8)(X, torch.zeros(2, 3, 9)),
            r"memory must be \[batch, seq, 8\], got",
        ),
        (lambda: DecoderLayer(8, num_heads=2, d_ff=8)(X, MEMORY[:1]), "x has 2 rows and memory 1"),
        (lambda: CrossAttention(8, num_heads=2)(X[0], MEMORY), r"x must be \[batch, seq, 8\]"),
        (lambda: Encoder(8, num_layers=0, num_heads=2, d_ff=8), "num_layers=0 must be at least 1"),
        (lambda: Decoder(8, num_layers=0, num_heads=2, d_ff=8), "num_layers=0 must be at least 1"),
        (lambda: Encoder(8, num_layers=1, num_heads=2, d_ff=8, norm="x"), "norm='x' is not one of"),
        (lambda: ENCODER(NOT_A_NUMBER), "x holds NaN or infinity, first at batch row 1, position 2"),
        (lambda: DECODER(NOT_A_NUMBER, MEMORY), "x holds NaN or infinity, first at batch row 1, position 2"),
        (lambda: DECODER(X, NOT_A_NUMBER), "memory holds NaN or infinity, first at batch row 1, position 2"),
        (lambda: ENCODER(X + torch.inf), "x holds NaN or infinity, first at batch row 0, position 0"),
        (lambda: ENCODER(torch.zeros(2, 0, 8)), r"x is empty: \[2, 0, 8\]"),
        (
            lambda: ENCODER(X, torch.ones(2, 3, dtype=bool)),
            r"keep must be boolean \[batch=2, seq=4\].* got .*\[2, 3\]",
        ),
        (lambda: ENCODER(X, torch.ones(2, 4)), r"keep must be boolean .* got torch.float32"),
        (lambda: ENCODER(X, torch.tensor([[1, 1, 1, 1], [0, 0, 0, 0]]).bool()), "keep hides all of row 1"),
        (lambda: DECODER(X, MEMORY, None, torch.ones(2, 4, dtype=bool)), r"memory_keep must be .*seq=3\]"),
        (
            lambda: DECODER(X, MEMORY, torch.ones(2, 4, dtype=bool), cache=MODEL.new_cache(2, 5)),
            "keep and cache exclude each other",
        ),
        (
            lambda: EncoderDecoder(0, target_vocab=5, d_model=8, num_layers=1, num_heads=2, d_ff=8),
            "source_vocab=0 and target_vocab=5 must be at least 1",
        ),
        (
            lambda: EncoderDecoder(
                5, target_vocab=5, d_model=8, num_layers=1, num_heads=2, d_ff=8, position="x"
            ),
            "position='x' is not one of",
        ),
        (
            lambda: EncoderDecoder(5, target_vocab=5, d_model=9, num_layers=1, num_heads=3, d_ff=8),
            "d_model=9 must be even",
        ),
        (lambda: MODEL(INTS[:0], INTS[:0]), r"source: there are no tokens to read: \[0, 4\]"),
        (lambda: MODEL(INTS, INTS + 11), "target: token 11 is outside the vocabulary of 11: 0 to 10"),
        (lambda: MODEL(INTS - 1, INTS), "source: token -1 is outside the vocabulary of 9"),
        (lambda: MODEL(INTS.double(), INTS), r"source must be integers \[batch, seq\], got torch.float64"),
        (lambda: MODEL(INTS, INTS[0]), r"target must be integers \[batch, seq\], got torch.int64 \[4\]"),
        (lambda: MODEL(INTS, INTS[:1]), "x has 1 rows and memory 2"),
        (
            lambda: EncoderDecoder(
                5, target_vocab=5, d_model=8, num_layers=1, num_heads=2, d_ff=8, position="learned", max_len=3
            )(INTS, INTS[:, :2]),
            "position 3 has no vector: positions 0 to 2 were made",
        ),
        (lambda: check_tokens("tokens", INTS.bool(), 5), "tokens must be integers"),
        (lambda: check_tokens("tokens", torch.tensor([[0, 5]]), 5), "token 5 is outside .*: 0 to 4"),
        (lambda: check_tokens("tokens", torch.tensor([[-2, 5]]), 5), "token -2 is outside"),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()
