"""Positions: formulas against explicit loops, transformers' own code, and decoding with a cache."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close
from transformers import LlamaConfig
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.gptj.modeling_gptj import apply_rotary_pos_emb as gptj_rotary
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

from llmasos_edu.layers.attention import MultiHeadAttention, attention_scores
from llmasos_edu.layers.positional import (
    AlibiPositions,
    LearnedPositions,
    PositionalEncoding,
    RotaryEmbedding,
    SinusoidalPositions,
    alibi_slopes,
    frequencies,
    shift_rotation,
)
from llmasos_edu.models.language_model import LanguageModel

KINDS = ("sinusoidal", "learned", "rotary", "alibi", "none")
exact = {"rtol": 1e-10, "atol": 1e-10}


@pytest.mark.parametrize("base", [10_000.0, 100.0])
def test_sinusoidal_is_the_formula(base):
    vectors = SinusoidalPositions(6, base=base)(torch.arange(50), torch.float64)
    for pos in range(50):
        for i in range(3):
            angle = pos / base ** (2 * i / 6)
            assert vectors[pos, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-12)
            assert vectors[pos, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-12)


def test_sinusoidal_shapes_dtype_and_amplitude():
    positions = torch.tensor([[0, 5, 2], [9, 1_000_000, 3]])
    whole = SinusoidalPositions(8)(positions)
    assert whole.shape == (2, 3, 8)
    assert whole.dtype == torch.float32
    assert_close(whole[1, 1], SinusoidalPositions(8)(torch.tensor(1_000_000)))
    assert_close(SinusoidalPositions(8, amplitude=0.25)(positions), whole / 4)
    assert_close(whole.square().sum(dim=-1), torch.full((2, 3), 4.0))  # each pair lies on the unit circle


@given(
    st.integers(-2000, 2000), st.integers(0, 5000), st.sampled_from([2, 8, 64]), st.sampled_from([10.0, 1e4])
)
@settings(max_examples=50, deadline=None)
def test_a_shift_is_a_rotation_that_depends_on_the_offset_alone(offset, position, d_model, base):
    encode = SinusoidalPositions(d_model, base=base)
    rotation = shift_rotation(offset, d_model, base)
    here, there = (encode(torch.tensor(p), torch.float64) for p in (position, position + offset))
    assert_close(rotation @ here, there, rtol=0, atol=1e-9)
    assert_close(rotation @ rotation.T, torch.eye(d_model, dtype=torch.float64), **exact)
    assert_close(torch.linalg.det(rotation).item(), 1.0, rtol=1e-9, atol=1e-9)


def test_a_rotation_by_zero_is_nothing_and_two_add_up():
    assert_close(shift_rotation(0, 8), torch.eye(8, dtype=torch.float64), **exact)
    assert_close(shift_rotation(3, 8) @ shift_rotation(4, 8), shift_rotation(7, 8), **exact)


def test_frequencies_fall_geometrically_from_one():
    assert_close(frequencies(8, 16.0), torch.tensor([1, 1 / 2, 1 / 4, 1 / 8], dtype=torch.float64))
    assert_close(frequencies(4, 1.44), torch.tensor([1, 1 / 1.2], dtype=torch.float64))  # any base above 1


def test_learned_positions_look_up_their_rows():
    learned = LearnedPositions(10, d_model=4)
    positions = torch.tensor([[0, 9], [3, 3]])
    assert torch.equal(learned(positions), learned.embedding.weight[positions])
    assert learned(torch.arange(0)).shape == (0, 4)


@pytest.mark.parametrize("layout", ["halves", "pairs"])
@given(distance=st.integers(-40, 40), position=st.integers(40, 3000), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_rotary_scores_depend_on_the_distance_alone(layout, distance, position, seed):
    torch.manual_seed(seed)
    rotary = RotaryEmbedding(8, layout=layout)
    query, key = torch.randn(2, 1, 1, 1, 8, dtype=torch.float64)

    def score(query_at, key_at):
        turn = [rotary.at(torch.tensor([p]), torch.float64) for p in (query_at, key_at)]
        return attention_scores(turn[0](query), turn[1](key))

    assert_close(score(position, position - distance), score(40, 40 - distance), rtol=1e-9, atol=1e-9)
    assert_close(score(position, position), attention_scores(query, key), rtol=1e-9, atol=1e-9)


def test_rotary_turns_the_named_pairs_by_the_formula():
    x = torch.randn(1, 1, 5, 6, dtype=torch.float64)
    for layout, pairs in (("halves", [(0, 3), (1, 4), (2, 5)]), ("pairs", [(0, 1), (2, 3), (4, 5)])):
        turned = RotaryEmbedding(6, base=50.0, layout=layout).at(torch.arange(5), torch.float64)(x)
        for position in range(5):
            for i, (a, b) in enumerate(pairs):
                angle = position * 50.0 ** (-2 * i / 6)
                first, second = x[0, 0, position, a].item(), x[0, 0, position, b].item()
                real = first * math.cos(angle) - second * math.sin(angle)
                imaginary = first * math.sin(angle) + second * math.cos(angle)
                assert turned[0, 0, position, a].item() == pytest.approx(real, abs=1e-12)
                assert turned[0, 0, position, b].item() == pytest.approx(imaginary, abs=1e-12)


@pytest.mark.parametrize("scaling", [{"rope_type": "default"}, {"rope_type": "linear", "factor": 4.0}])
def test_rotary_equals_llama(scaling):
    config = LlamaConfig(
        hidden_size=64, num_attention_heads=4, head_dim=16, max_position_embeddings=512,
        rope_parameters={"rope_theta": 500.0, **scaling},
    )  # fmt: skip
    query, key = torch.randn(2, 3, 4, 20, 16).unbind(0)
    positions = torch.stack((torch.arange(20), torch.arange(20) + 100, torch.arange(20) + 7))
    cos, sin = LlamaRotaryEmbedding(config)(query, positions)
    expected = apply_rotary_pos_emb(query, key, cos, sin)
    rotate = RotaryEmbedding(16, base=500.0, scale=scaling.get("factor", 1.0)).at(positions)
    assert_close((rotate(query), rotate(key)), expected, rtol=1e-4, atol=1e-4)


def test_rotary_pairs_equal_gptj():
    x = torch.randn(2, 10, 4, 8)  # GPT-J keeps [batch, seq, heads, head_dim]
    angles = torch.arange(10)[:, None] * 10_000.0 ** (-torch.arange(0, 8, 2) / 8)
    expected = gptj_rotary(x, angles.sin().expand(2, -1, -1), angles.cos().expand(2, -1, -1))
    ours = RotaryEmbedding(8, layout="pairs").at(torch.arange(10))(x.transpose(1, 2)).transpose(1, 2)
    assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_interpolation_reads_twice_as_far_with_known_angles():
    x = torch.randn(1, 1, 8, 4, dtype=torch.float64)
    rotary = RotaryEmbedding(4)
    known = rotary.at(torch.arange(0, 8), torch.float64)(x)
    rotary.scale = 2.0
    assert_close(rotary.at(torch.arange(0, 16, 2), torch.float64)(x), known, **exact)


@pytest.mark.parametrize("num_heads", [1, 2, 3, 4, 6, 8, 12, 16, 20, 31])
def test_alibi_slopes_equal_blooms(num_heads):
    bias = build_alibi_tensor(torch.ones(1, 5), num_heads, torch.float32)  # [heads, 1, 5]: slope * position
    assert_close(alibi_slopes(num_heads), bias[:, 0, 1].double(), rtol=1e-6, atol=0)


def test_alibi_slopes_of_the_paper():
    assert alibi_slopes(8).tolist() == [2.0**-i for i in range(1, 9)]
    assert alibi_slopes(6).tolist() == [2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8, 2.0**-1, 2.0**-3]


@pytest.mark.parametrize("ragged", [False, True])
def test_alibi_equals_its_definition(ragged):
    queries = torch.tensor([[4, 5, 6], [0, 1, 2]]) if ragged else torch.tensor([4, 5, 6])
    bias = AlibiPositions(6)(queries, torch.arange(7), torch.float64)
    assert bias.shape == ((2, 6, 3, 7) if ragged else (6, 3, 7))
    for row in range(2 if ragged else 1):
        for head, slope in enumerate(alibi_slopes(6).tolist()):
            for i in range(3):
                for j in range(7):
                    position = int(queries[row, i] if ragged else queries[i])
                    entry = bias[row, head, i, j] if ragged else bias[head, i, j]
                    assert entry.item() == pytest.approx(-slope * abs(position - j), abs=1e-12)


def test_alibi_in_causal_attention_is_the_papers_formula():
    torch.manual_seed(0)
    attention = MultiHeadAttention(8, num_heads=2, is_causal=True).double()
    x = torch.randn(2, 6, 8, dtype=torch.float64)
    bias = AlibiPositions(2)(torch.arange(6), torch.arange(6), torch.float64)
    _, maps = attention.inspect(x, mask=bias)
    for head, slope in enumerate((2.0**-4, 2.0**-8)):
        for i in range(6):
            biased = torch.stack([maps.scores[:, head, i, j] + slope * (j - i) for j in range(i + 1)], dim=-1)
            assert_close(maps.weights[:, head, i, : i + 1], biased.softmax(dim=-1), **exact)
    assert_close(attention(x, mask=bias), attention.inspect(x, mask=bias)[0], **exact)


# Through a model


def small_model(position, **options):
    torch.manual_seed(3)
    model = (
        LanguageModel(11, d_model=24, num_layers=2, num_heads=3, position=position, **options).double().eval()
    )
    for parameter in model.parameters():  # past the start, where branches and head are zero
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("position", KINDS)
@pytest.mark.parametrize("num_kv_heads", [None, 1])
def test_cached_decoding_uses_the_right_positions_in_every_row(position, num_kv_heads):
    """Rows of length 7, 2 and 4 read at once, then four tokens more each: as if every row were alone."""
    model = small_model(position, num_kv_heads=num_kv_heads)
    tokens = torch.randint(11, (3, 11), generator=torch.Generator().manual_seed(0))
    lengths = [7, 2, 4]
    prompt = torch.zeros(3, 7, dtype=torch.long)
    for row, length in enumerate(lengths):
        prompt[row, :length] = tokens[row, :length]
    with torch.inference_mode():
        cache = model.new_cache(3, 12)
        first = model(prompt, cache=cache, counts=lengths)
        steps = [
            model(torch.stack([tokens[row, n + i] for row, n in enumerate(lengths)])[:, None], cache=cache)
            for i in range(4)
        ]
        for row, length in enumerate(lengths):
            alone = model(tokens[row : row + 1, : length + 4])[0]
            assert_close(first[row, :length], alone[:length], **exact)
            assert_close(torch.cat(steps, dim=1)[row], alone[length:], **exact)


@pytest.mark.parametrize("position", KINDS)
def test_a_chunk_after_a_chunk_equals_one_pass(position):
    model = small_model(position)
    tokens = torch.randint(11, (2, 9))
    with torch.inference_mode():
        cache = model.new_cache(2, 9)
        parts = [model(part, cache=cache) for part in tokens.split([4, 3, 2], dim=1)]
        assert_close(torch.cat(parts, dim=1), model(tokens), **exact)


@pytest.mark.parametrize("position", KINDS)
def test_order_matters_with_positions_and_only_with_them(position):
    """The last token's logits, after the earlier ones change places."""
    model = small_model(position, d_ff=0)
    model.body.blocks = model.blocks[:1]  # one layer sees a set; a second would see what the mask let through
    tokens = torch.tensor([[1, 2, 3, 4, 5]])
    same = torch.allclose(model(tokens)[0, -1], model(tokens[:, [2, 0, 3, 1, 4]])[0, -1], atol=1e-9)
    assert same == (position == "none")


@pytest.mark.parametrize("position", ["rotary", "alibi"])
def test_relative_encodings_do_not_see_where_they_start(position):
    """Behind a prefix that no one may attend to, the same tokens give the same outputs."""
    encoding = PositionalEncoding(position, d_model=24, num_heads=3).double()
    torch.manual_seed(0)
    attention = MultiHeadAttention(24, num_heads=3).double()
    x = torch.randn(1, 5, 24, dtype=torch.float64)

    def outputs(start):
        if position == "rotary":
            return attention(x, rotate=encoding.rotary.at(torch.arange(5) + start, torch.float64))
        return attention(x, mask=encoding.alibi(torch.arange(5) + start, torch.arange(5) + start, x.dtype))

    assert_close(outputs(0), outputs(1000), rtol=1e-8, atol=1e-8)


def test_added_vectors_are_as_large_as_tied_embeddings():
    for position in ("sinusoidal", "learned"):
        torch.manual_seed(0)
        model = LanguageModel(50, d_model=64, num_layers=1, num_heads=2, position=position, tie_weights=True)
        x = model.body.positions(torch.zeros(1, 400, 64), torch.arange(400))[0]
        assert 0.5 < (x.std() / model.embedding.weight.std()).item() < 1.1


@pytest.mark.parametrize("position", ["sinusoidal", "rotary", "alibi", "none"])
def test_no_length_is_too_long(position):
    assert small_model(position, max_len=4)(torch.zeros(1, 40, dtype=torch.long)).isfinite().all()


def test_positions_have_no_parameters_but_learned_ones():
    counts = {
        kind: sum(p.numel() for p in PositionalEncoding(kind, d_model=8, num_heads=2, max_len=5).parameters())
        for kind in KINDS
    }
    assert counts == {"sinusoidal": 0, "learned": 40, "rotary": 0, "alibi": 0, "none": 0}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SinusoidalPositions(7), "d_model=7 must be even"),
        (lambda: SinusoidalPositions(0), "width=0 must be even"),
        (lambda: SinusoidalPositions(8, base=1.0), "base=1.0 must be above 1"),
        (lambda: frequencies(5), "width=5 must be even"),
        (lambda: shift_rotation(1, 9), "width=9 must be even"),
        (lambda: LearnedPositions(0, d_model=8), "max_len=0 and d_model=8 must be at least 1"),
        (
            lambda: LearnedPositions(4, d_model=8)(torch.arange(5)),
            "position 4 has no vector: positions 0 to 3",
        ),
        (lambda: LearnedPositions(4, d_model=8)(torch.tensor([-1, 2])), "position -1 has no vector"),
        (lambda: RotaryEmbedding(5), "head_dim=5 must be even"),
        (lambda: RotaryEmbedding(4, base=0.5), "base=0.5 must be above 1"),
        (lambda: RotaryEmbedding(4, scale=0), "scale=0 must be positive"),
        (lambda: RotaryEmbedding(4, layout="thirds"), "layout='thirds' is not one of halves, pairs"),
        (
            lambda: RotaryEmbedding(4).at(torch.arange(3))(torch.randn(1, 1, 2, 4)),
            r"x \[1, 1, 2, 4\] must end in \[seq=3, head_dim=4\]",
        ),
        (lambda: RotaryEmbedding(4).at(torch.arange(2))(torch.randn(1, 1, 2, 8)), "head_dim=4"),
        (lambda: alibi_slopes(0), "num_heads=0 must be at least 1"),
        (lambda: AlibiPositions(-2), "num_heads=-2 must be at least 1"),
        (
            lambda: PositionalEncoding("sines", d_model=8, num_heads=2),
            "position='sines' is not one of sinusoidal, learned",
        ),
        (
            lambda: LanguageModel(5, d_model=9, num_layers=1, num_heads=3, position="sinusoidal"),
            "d_model=9 must be even",
        ),
        (
            lambda: LanguageModel(5, d_model=9, num_layers=1, num_heads=3, position="rotary"),
            "head_dim=3 must be even",
        ),
        (
            lambda: LanguageModel(5, d_model=8, num_layers=1, num_heads=2, position="learned", max_len=3)(
                torch.zeros(1, 4, dtype=int)
            ),
            "position 3 has no vector",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_odd_widths_are_fine_where_nothing_turns():
    for position in ("learned", "alibi", "none"):
        assert small_model(position, d_ff=9)(torch.zeros(1, 4, dtype=torch.long)).shape == (1, 4, 11)
        assert LanguageModel(5, d_model=9, num_layers=1, num_heads=3, position=position)(
            torch.zeros(1, 4, dtype=int)
        ).shape == (1, 4, 5)


def test_the_smallest_sizes_work():
    assert LearnedPositions(1, d_model=1)(torch.tensor([0])).shape == (1, 1)
    x = torch.ones(1, 1, 1, 2)
    assert_close(RotaryEmbedding(2).at(torch.tensor([0]))(x), x)


def test_what_is_not_said_is_as_in_the_papers():
    assert_close(frequencies(4), torch.tensor([1, 0.01], dtype=torch.float64), **exact)
    assert_close(shift_rotation(5, 4), shift_rotation(5, 4, base=10_000.0), rtol=0, atol=0)
    sines, rotary = SinusoidalPositions(4), RotaryEmbedding(4)
    assert (sines.base, sines.amplitude) == (10_000.0, 1.0)
    assert (rotary.base, rotary.scale, rotary.layout) == (10_000.0, 1.0, "halves")
    chosen = {kind: PositionalEncoding(kind, d_model=8, num_heads=2) for kind in KINDS}
    assert (chosen["sinusoidal"].sinusoidal.base, chosen["sinusoidal"].sinusoidal.amplitude) == (
        10_000.0,
        1.0,
    )
    assert (chosen["rotary"].rotary.base, chosen["rotary"].rotary.head_dim) == (10_000.0, 4)
    assert chosen["learned"].learned.embedding.weight.shape == (1024, 8)
    assert chosen["learned"].learned.embedding.weight.std().item() == pytest.approx(1.0, abs=0.1)
    options = {"base": 50.0, "amplitude": 0.1}
    assert PositionalEncoding("sinusoidal", d_model=8, num_heads=2, **options).sinusoidal.base == 50.0
    assert PositionalEncoding("rotary", d_model=8, num_heads=2, **options).rotary.base == 50.0


def test_what_each_encoding_adds_and_tells_attention():
    x, positions = torch.randn(2, 5, 8, dtype=torch.float64), torch.tensor([[3, 4, 5, 6, 7], [0, 1, 2, 3, 4]])
    chosen = {kind: PositionalEncoding(kind, d_model=8, num_heads=2).double() for kind in KINDS}
    results = {kind: encoding(x, positions) for kind, encoding in chosen.items()}
    sines = SinusoidalPositions(8)(positions, torch.float64)
    assert_close(results["sinusoidal"][0], x + sines, **exact)
    assert_close(results["learned"][0], x + chosen["learned"].learned.embedding.weight[positions], **exact)
    heads = torch.randn(2, 2, 5, 4, dtype=torch.float64)
    rotate = RotaryEmbedding(4).at(positions, torch.float64)
    assert_close(results["rotary"][1]["rotate"](heads), rotate(heads), **exact)
    bias = AlibiPositions(2)(positions, torch.arange(8), torch.float64)
    assert_close(results["alibi"][1]["mask"], bias, **exact)
    for kind in ("rotary", "alibi", "none"):
        assert results[kind][0] is x
    options = {kind: list(told) for kind, (_, told) in results.items()}
    assert options == {"sinusoidal": [], "learned": [], "rotary": ["rotate"], "alibi": ["mask"], "none": []}


@pytest.mark.parametrize("dtype", [None, torch.bfloat16, torch.float64])
def test_results_have_the_number_format_that_was_asked_for(dtype):
    asked, expected = ({}, torch.float32) if dtype is None else ({"dtype": dtype}, dtype)
    positions = torch.arange(3)
    assert SinusoidalPositions(8)(positions, **asked).dtype == expected
    assert AlibiPositions(2)(positions, positions, **asked).dtype == expected
    heads, x = torch.ones(1, 2, 3, 4, dtype=expected), torch.ones(1, 3, 8, dtype=expected)
    assert RotaryEmbedding(4).at(positions, **asked)(heads).dtype == expected
    for kind in KINDS:
        output, options = PositionalEncoding(kind, d_model=8, num_heads=2).to(expected)(x, positions)
        assert output.dtype == expected
        assert "mask" not in options or options["mask"].dtype == expected
        assert "rotate" not in options or options["rotate"](heads).dtype == expected


def test_vectors_are_made_where_the_positions_are():
    """On torch's device without memory, which refuses to be mixed with any other, as a GPU does."""
    positions = torch.arange(3, device="meta")
    heads = torch.empty(1, 2, 3, 4, device="meta")
    assert SinusoidalPositions(8)(positions).is_meta
    assert RotaryEmbedding(4).at(positions)(heads).is_meta
    assert AlibiPositions(2)(positions, positions).is_meta


def test_casting_a_module_does_not_blur_far_positions():
    far, x = torch.tensor([1_000_003]), torch.randn(1, 1, 1, 8, dtype=torch.float64)
    sines, rotary, alibi = SinusoidalPositions(8), RotaryEmbedding(8), AlibiPositions(3)
    before = [sines(far), rotary.at(far, torch.float64)(x), alibi(far, torch.arange(2))]
    for module in (sines, rotary, alibi):
        module.bfloat16()
    after = [sines(far), rotary.at(far, torch.float64)(x), alibi(far, torch.arange(2))]
    assert_close(before, after, rtol=0, atol=0)
