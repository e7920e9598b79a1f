"""The exercises of chapter 4.2.3: what readers write, and the references against the library."""

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
from llmasos_edu.layers.attention import MultiHeadAttention
from llmasos_edu.layers.positional import (
    AlibiPositions,
    LearnedPositions,
    RotaryEmbedding,
    SinusoidalPositions,
    shift_rotation,
)

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


# Correct answers, written differently from the solutions ---------------------------------------------


def sines_in_numpy(seq, d_model, base):
    return np.array(
        [
            [(math.sin, math.cos)[j % 2](pos / base ** ((j - j % 2) / d_model)) for j in range(d_model)]
            for pos in range(seq)
        ]
    )


def shift_by_indices(offset, d_model, base):
    matrix, even = torch.zeros(d_model, d_model), torch.arange(0, d_model, 2)
    angles = offset / base ** (even / d_model)
    matrix[even, even] = matrix[even + 1, even + 1] = torch.cos(angles)
    matrix[even, even + 1], matrix[even + 1, even] = torch.sin(angles), -torch.sin(angles)
    return matrix


def similarity_by_slices(table):
    seq = len(table)
    return torch.stack([(table[: seq - k] * table[k:]).sum(1).sum() / (seq - k) for k in range(seq)])


def encode_with_embedding(tokens, embedding, positions, layers):
    x = F.embedding(tokens, embedding) * math.sqrt(embedding.size(1))
    x = x + F.embedding(torch.arange(tokens.size(1)).expand_as(tokens), positions)
    for layer in layers:
        x = layer(x)
    return x


def positions_by_loop(is_token):
    rows = []
    for row in is_token.tolist():
        rows.append([sum(row[:place]) if real else 0 for place, real in enumerate(row)])
    return torch.tensor(rows)


def learned_row_by_row(x, table, lengths):
    if int(lengths.max()) + x.shape[1] > table.shape[0]:
        raise ValueError("the table is too short")
    return torch.stack([row + table[n : n + len(row)] for row, n in zip(x, lengths.tolist(), strict=True)])


def rotate_by_complex_numbers(x, positions, base):
    speeds = 1 / base ** (torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    angles = torch.outer(positions.float(), speeds)
    turned = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2)) * torch.polar(angles * 0 + 1, angles)
    return torch.view_as_real(turned).flatten(-2)


def attention_with_shifted_positions(query, key, value, rotate):
    new, seq = query.shape[2], key.shape[2]
    places = torch.arange(seq) + 7  # only differences count
    mask = torch.ones(new, seq, dtype=torch.bool).tril(seq - new)
    return F.scaled_dot_product_attention(rotate(query, places[-new:]), rotate(key, places), value, mask)


def alibi_by_loops(num_heads, query_len, key_len):
    bias = torch.full((num_heads, query_len, key_len), -math.inf)
    for h in range(num_heads):
        for row in range(query_len):
            q = key_len - query_len + row
            for k in range(q + 1):
                bias[h, row, k] = 2 ** (-8 * (h + 1) / num_heads) * (k - q)
    return bias


def angles_with_a_branch(length, trained_length, head_dim, base):
    positions = torch.arange(length, dtype=torch.float64)
    if length > trained_length:
        positions = positions * trained_length / length
    return torch.outer(positions, base ** -(torch.arange(head_dim // 2) * 2 / head_dim).double())


ALTERNATIVES = {
    "4.2.3-1": sines_in_numpy,
    "4.2.3-2": shift_by_indices,
    "4.2.3-3": similarity_by_slices,
    "4.2.3-4": encode_with_embedding,
    "4.2.3-5": positions_by_loop,
    "4.2.3-6": learned_row_by_row,
    "4.2.3-7": rotate_by_complex_numbers,
    "4.2.3-8": attention_with_shifted_positions,
    "4.2.3-9": alibi_by_loops,
    "4.2.3-10": angles_with_a_branch,
}


# Usual mistakes in a reader's own words --------------------------------------------------------------


def sines_with_own_exponents(seq, d_model, base):
    matrix = torch.zeros(seq, d_model)
    for pos in range(seq):
        for j in range(d_model):
            angle = pos / base ** (j / d_model)
            matrix[pos, j] = math.cos(angle) if j % 2 else math.sin(angle)
    return matrix


def sines_and_cosines_exchanged(seq, d_model, base):
    angles = torch.outer(
        torch.arange(seq).float(), torch.exp(-math.log(base) * torch.arange(0, d_model, 2) / d_model)
    )
    matrix = torch.zeros(seq, d_model)
    matrix[:, 1::2], matrix[:, ::2] = torch.sin(angles), torch.cos(angles)
    return matrix


def sines_with_the_paper_s_base(seq, d_model, base):
    speeds = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
    angles = torch.arange(seq).unsqueeze(1) * speeds
    return torch.dstack((angles.sin(), angles.cos())).reshape(seq, d_model)


def sines_of_pairs_counted_once(seq, d_model, base):
    angles = torch.arange(seq).unsqueeze(1) / base ** (torch.arange(d_model // 2) / d_model)
    return torch.dstack((angles.sin(), angles.cos())).reshape(seq, d_model)


def sines_side_by_side(seq, d_model, base):
    angles = torch.arange(seq).unsqueeze(1) / base ** (torch.arange(0, d_model, 2) / d_model)
    return torch.hstack((angles.sin(), angles.cos()))


def shift_with_the_textbook_rotation(offset, d_model, base):
    matrix = torch.zeros(d_model, d_model)
    for i in range(0, d_model, 2):
        c, s = math.cos(offset / base ** (i / d_model)), math.sin(offset / base ** (i / d_model))
        matrix[i : i + 2, i : i + 2] = torch.tensor([[c, -s], [s, c]])
    return matrix


def similarity_to_the_first(table):
    return (table * table[:1]).sum(-1)


def similarity_of_angles(table):
    products = F.cosine_similarity(table[:, None], table[None], dim=-1)
    return torch.stack([products.diagonal(k).mean() for k in range(len(table))])


def encode_with_positions_everywhere(tokens, embedding, positions, layers):
    x = embedding[tokens] * embedding.shape[-1] ** 0.5
    if not layers:
        return x + positions[: tokens.shape[1]]
    for layer in layers:
        x = layer(x + positions[: tokens.shape[1]])
    return x


def encode_without_the_factor(tokens, embedding, positions, layers):
    x = embedding[tokens] + positions[None, : tokens.shape[1]]
    for layer in layers:
        x = layer(x)
    return x


def positions_by_columns(is_token):
    return torch.where(is_token, torch.arange(is_token.shape[1]), 0)


def positions_clamped(is_token):
    return (torch.cumsum(is_token, 1) - 1).clamp(min=0)


def learned_from_zero(x, table, lengths):
    return x + table[torch.arange(x.shape[1])]


def learned_with_min(x, table, lengths):
    places = lengths.unsqueeze(1) + torch.arange(x.size(1)).unsqueeze(0)
    return x + F.embedding(torch.minimum(places, torch.tensor(table.size(0) - 1)), table)


def learned_without_a_check(x, table, lengths):
    return x + torch.stack([table[n + torch.arange(x.shape[1])] for n in lengths])


def rotate_like_llama(x, positions, base):
    half = x.shape[-1] // 2
    angles = positions[:, None] / base ** (torch.arange(half) / half)
    cos, sin = torch.cat((angles, angles), -1).cos(), torch.cat((angles, angles), -1).sin()
    return x * cos + torch.cat((-x[..., half:], x[..., :half]), -1) * sin


def rotate_and_concatenate(x, positions, base):
    angles = positions[:, None] / base ** (torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.cat((a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()), -1)


def rotate_in_place_by_names(x, positions, base):
    angles = positions[:, None] / base ** (torch.arange(0, x.shape[-1], 2) / x.shape[-1])
    y = x.clone()
    y[..., 0::2] = y[..., 0::2] * angles.cos() - y[..., 1::2] * angles.sin()
    y[..., 1::2] = y[..., 0::2] * angles.sin() + y[..., 1::2] * angles.cos()
    return y


def rotate_by_place(x, positions, base):
    places = torch.arange(x.shape[-2]).unsqueeze(-1)
    return rotate_by_complex_numbers(x, places.squeeze(-1), base)


def attention_that_rotates_all(query, key, value, rotate):
    seq, new = key.shape[-2], query.shape[-2]
    places = torch.arange(seq)
    query, key, value = rotate(query, places[seq - new :]), rotate(key, places), rotate(value, places)
    mask = places <= places[seq - new :, None]
    return F.scaled_dot_product_attention(query, key, value, mask)


def attention_with_new_places(query, key, value, rotate):
    seq, new = key.shape[-2], query.shape[-2]
    mask = torch.ones(new, seq, dtype=torch.bool).tril(seq - new)
    query, key = rotate(query, torch.arange(new)), rotate(key, torch.arange(seq))
    return F.scaled_dot_product_attention(query, key, value, mask)


def attention_with_torch_s_mask(query, key, value, rotate):
    seq, new = key.shape[-2], query.shape[-2]
    query, key = rotate(query, torch.arange(seq - new, seq)), rotate(key, torch.arange(seq))
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


def alibi_with_a_bonus(num_heads, query_len, key_len):
    distance = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)[None]
    slopes = torch.tensor([2 ** (-8 * (h + 1) / num_heads) for h in range(num_heads)]).view(-1, 1, 1)
    return torch.where(distance >= 0, slopes * distance, -math.inf)


def alibi_without_a_mask(num_heads, query_len, key_len):
    distance = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)[None]
    slopes = torch.tensor([2 ** (-8 * (h + 1) / num_heads) for h in range(num_heads)]).view(-1, 1, 1)
    return -slopes * distance.abs()


def alibi_from_the_first_head(num_heads, query_len, key_len):
    distance = torch.arange(key_len - query_len, key_len)[:, None] - torch.arange(key_len)[None]
    slopes = torch.tensor([2 ** (-8 * h / num_heads) for h in range(num_heads)]).view(-1, 1, 1)
    return torch.where(distance >= 0, -slopes * distance, -math.inf)


def angles_of_a_larger_base(length, trained_length, head_dim, base):
    base = base * max(1, length / trained_length)
    return torch.outer(torch.arange(length).float(), base ** -(torch.arange(0, head_dim, 2) / head_dim))


def angles_always_scaled(length, trained_length, head_dim, base):
    positions = torch.linspace(0, trained_length, length + 1)[:-1]
    return torch.outer(positions, base ** -(torch.arange(0, head_dim, 2) / head_dim))


VARIATIONS = [
    ("4.2.3-1", "an exponent for every feature", sines_with_own_exponents),
    ("4.2.3-1", "sine and cosine exchanged", sines_and_cosines_exchanged),
    ("4.2.3-1", "base wrong", sines_with_the_paper_s_base),
    ("4.2.3-1", "i instead of 2i", sines_of_pairs_counted_once),
    ("4.2.3-1", "sines in one half, cosines in the other", sines_side_by_side),
    ("4.2.3-2", "turned the wrong way", shift_with_the_textbook_rotation),
    ("4.2.3-3", "first position only", similarity_to_the_first),
    ("4.2.3-3", "cosine of the angle", similarity_of_angles),
    ("4.2.3-4", "positions added in every layer", encode_with_positions_everywhere),
    ("4.2.3-4", "factor missing", encode_without_the_factor),
    ("4.2.3-5", "columns counted", positions_by_columns),
    ("4.2.3-5", "padding behind not set to 0", positions_clamped),
    ("4.2.3-6", "always from position 0", learned_from_zero),
    ("4.2.3-6", "stays at the last position", learned_with_min),
    ("4.2.3-6", "torch's own IndexError", learned_without_a_check),
    ("4.2.3-7", "halves instead of pairs", rotate_like_llama),
    ("4.2.3-7", "not put back in turn", rotate_and_concatenate),
    ("4.2.3-7", "first coordinate overwritten", rotate_in_place_by_names),
    ("4.2.3-7", "places counted instead of positions", rotate_by_place),
    ("4.2.3-8", "values rotated", attention_that_rotates_all),
    ("4.2.3-8", "queries counted from 0", attention_with_new_places),
    ("4.2.3-8", "mask counted from 0", attention_with_torch_s_mask),
    ("4.2.3-9", "far keys favoured", alibi_with_a_bonus),
    ("4.2.3-9", "future not hidden", alibi_without_a_mask),
    ("4.2.3-9", "heads counted from 0", alibi_from_the_first_head),
    ("4.2.3-10", "base changed instead of positions", angles_of_a_larger_base),
    ("4.2.3-10", "short texts stretched", angles_always_scaled),
]


# Tests -----------------------------------------------------------------------------------------------

TestRules = rules_for("4.2.3", ALTERNATIVES, VARIATIONS)


def test_the_mistakes_that_every_reader_makes_are_covered():
    names = {mistake.name for item in of_chapter("4.2.3") for mistake in item.mistakes}
    assert names >= {
        "positions added in every layer",
        "sine and cosine exchanged",
        "i instead of 2i",
        "base wrong",
        "values rotated",
        "halves instead of pairs",
        "queries counted from 0",
        "future not hidden",
    }
    assert len(of_chapter("4.2.3")) >= 8


# The references against the library ------------------------------------------------------------------


def test_sines_and_their_rotation_equal_the_library_s():
    for got, (seq, d_model, base) in every_case("4.2.3-1"):
        want = SinusoidalPositions(d_model, base=base)(torch.arange(seq))
        torch.testing.assert_close(got, want, atol=1e-5, rtol=0)
    for got, (offset, d_model, base) in every_case("4.2.3-2"):
        torch.testing.assert_close(got, shift_rotation(offset, d_model, base).float(), atol=1e-5, rtol=0)
        encoding = SinusoidalPositions(d_model, base=base)
        here, there = encoding(torch.arange(5, 25)), encoding(torch.arange(5, 25) + offset)
        torch.testing.assert_close(here @ got.T, there, atol=1e-4, rtol=0)


def test_products_of_sines_are_sums_of_cosines_of_the_distance():
    d_model, base = 10, 300.0
    got = find("4.2.3-3").reference(SinusoidalPositions(d_model, base=base)(torch.arange(30)))
    angles = torch.arange(30)[:, None] / base ** (torch.arange(0, d_model, 2) / d_model)
    torch.testing.assert_close(got, angles.cos().sum(1), atol=1e-4, rtol=1e-4)


def test_positions_of_a_row_do_not_depend_on_where_its_padding_stands():
    for got, (is_token,) in every_case("4.2.3-5"):
        for row, real in zip(got, is_token, strict=True):
            assert row[real].tolist() == list(range(int(real.sum())))
            assert not row[~real].any()


def test_learned_positions_equal_the_library_s_and_refuse_what_it_refuses():
    item, refused = find("4.2.3-6"), 0
    for case in item.cases:
        x, table, lengths = case.fresh()
        learned = LearnedPositions(len(table), d_model=table.shape[1])
        with torch.no_grad():
            learned.embedding.weight.copy_(table)
        positions = lengths[:, None] + torch.arange(x.shape[1])
        if positions.max() < len(table):
            torch.testing.assert_close(item.reference(x, table, lengths), x + learned(positions))
            continue
        refused += 1
        with pytest.raises(ValueError, match="position"):
            item.reference(x, table, lengths)
        with pytest.raises(ValueError, match="position"):
            learned(positions)
    assert refused >= 2


def test_rotation_equals_the_library_s():
    for got, (x, positions, base) in every_case("4.2.3-7"):
        want = RotaryEmbedding(x.shape[-1], base=base, layout="pairs").at(positions)(x)
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_rotary_scores_are_unchanged_when_all_positions_move():
    rotate = find("4.2.3-7").reference
    query, key, places = torch.randn(6, 8), torch.randn(6, 8), torch.arange(6)
    products = [rotate(query, places + k, 100.0) @ rotate(key, places + k, 100.0).T for k in (0, 1, 50)]
    torch.testing.assert_close(products[1], products[0], atol=1e-4, rtol=0)
    torch.testing.assert_close(products[2], products[0], atol=1e-3, rtol=0)


@torch.no_grad()
def test_rotary_attention_equals_the_library_s():
    layer, rotary = MultiHeadAttention(12, num_heads=2, is_causal=True), RotaryEmbedding(6, layout="pairs")
    x = torch.randn(2, 7, 12)
    query, key, value = (
        part(x).unflatten(-1, (2, 6)).transpose(1, 2)
        for part in (layer.query_proj, layer.key_proj, layer.value_proj)
    )
    want = layer(x, rotate=rotary.at(torch.arange(7)))
    for new in (7, 3, 1):
        heads = find("4.2.3-8").reference(
            query[:, :, 7 - new :], key, value, lambda x, positions: rotary.at(positions)(x)
        )
        got = layer.out_proj(heads.transpose(1, 2).flatten(2))
        torch.testing.assert_close(got, want[:, 7 - new :])


def test_alibi_equals_the_library_s_in_the_past_and_hides_the_future():
    for got, (heads, queries, keys) in every_case("4.2.3-9"):
        query_positions, key_positions = torch.arange(keys - queries, keys), torch.arange(keys)
        future = (key_positions > query_positions[:, None]).expand(heads, -1, -1)
        want = AlibiPositions(heads)(query_positions, key_positions)
        torch.testing.assert_close(got, want.masked_fill(future, -torch.inf))


def test_squeezed_angles_rotate_as_the_library_s_scaled_positions_do():
    for angles, (length, trained, head_dim, base) in every_case("4.2.3-10"):
        x = torch.randn(length, head_dim)
        rotary = RotaryEmbedding(head_dim, base=base, scale=max(1.0, length / trained), layout="pairs")
        pairs = torch.view_as_complex(x.reshape(length, -1, 2)) * torch.polar(torch.ones_like(angles), angles)
        want = rotary.at(torch.arange(length))(x)
        torch.testing.assert_close(torch.view_as_real(pairs).flatten(1), want, atol=1e-5, rtol=1e-5)
        assert angles.max() < max(length, trained)
        assert length <= trained or angles.max() < trained


JUDGED = {key: find(key).right() for key in ("4.2.3-11", "4.2.3-12")}

TestQuestions = question_rules_for(
    "4.2.3",
    alternatives={
        "4.2.3-11": JUDGED["4.2.3-11"] | {"due": torch.tensor(JUDGED["4.2.3-11"]["due"])},
        "4.2.3-12": JUDGED["4.2.3-12"] | {"longest": round(JUDGED["4.2.3-12"]["longest"])},
    },
    variations=[
        ("4.2.3-11", "training counted in", JUDGED["4.2.3-11"] | {"due": JUDGED["4.2.3-11"]["claimed"]}),
        ("4.2.3-12", "one pair too far", JUDGED["4.2.3-12"] | {"longest": 2 * math.pi * 1000}),
    ],
    seeds=(None, 1, 3, 7, 11),
)


@pytest.mark.parametrize("seed", range(8))
def test_whole_turns_are_those_of_the_librarys_rotary_positions(seed):
    data, right = find("4.2.3-12").given(seed), find("4.2.3-12").right(seed)
    first = torch.cat((torch.ones(data["dim"] // 2), torch.zeros(data["dim"] // 2)))  # each pair at (1, 0)
    rotate = RotaryEmbedding(data["dim"], base=data["base"]).at(torch.tensor([1.0]), torch.float64)
    turned = rotate(first.double().view(1, 1, 1, -1)).view(2, -1)
    waves = 2 * math.pi / torch.atan2(turned[1], turned[0])
    assert right["longest"] == pytest.approx(waves.max().item(), rel=1e-4)
    assert right["turned"] == (waves <= data["length"]).sum().item()


def test_all_three_verdicts_are_drawn():
    verdicts = {find("4.2.3-11").right(seed)["verdict"] for seed in range(30)}
    assert verdicts == set(find("4.2.3-11").options["verdict"])
