"""Decoding with a cache is the same computation as reading everything at once."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmasos_edu.layers.attention import MultiHeadAttention
from llmasos_edu.layers.kv_cache import KVCache
from llmasos_edu.layers.positional import RotaryEmbedding

TIGHT = {"atol": 1e-10, "rtol": 1e-10}
QUICK = settings(max_examples=40, deadline=None)


def close(first, second):
    torch.testing.assert_close(first, second, **TIGHT)


def draw(seed, *shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def build(heads=4, kv_heads=2, fused=True):
    torch.manual_seed(0)
    return MultiHeadAttention(
        4 * heads, num_heads=heads, num_kv_heads=kv_heads, is_causal=True, fused=fused
    ).double()


def cache_for(attention, batch, max_len):
    return KVCache(
        batch,
        num_kv_heads=attention.num_kv_heads,
        max_len=max_len,
        head_dim=attention.head_dim,
        dtype=torch.float64,
    )


ROTARY = RotaryEmbedding(4).double()


def read(attention, chunk, cache, rotary, **options):
    rotate = ROTARY.at(cache.positions(chunk.shape[1]), torch.float64) if rotary else None
    with torch.inference_mode():
        return attention(chunk, cache=cache, rotate=rotate, **options)


def read_whole(attention, x, rotary):
    rotate = ROTARY.at(torch.arange(x.shape[1]), torch.float64) if rotary else None
    with torch.inference_mode():
        return attention(x, rotate=rotate)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("length", [1, 2, 3, 8, 17, 33])
def test_token_by_token_equals_all_at_once(length, kv_heads, fused):
    attention = build(kv_heads=kv_heads, fused=fused)
    x, cache = draw(length, 3, length, 16), cache_for(attention, 3, length)
    steps = [read(attention, x[:, i : i + 1], cache, rotary=True) for i in range(length)]
    close(torch.cat(steps, dim=1), read_whole(attention, x, rotary=True))
    assert cache.lengths == [length] * 3


@given(
    chunks=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    batch=st.integers(1, 3),
    kv_heads=st.sampled_from([1, 2, 4]),
    spare=st.integers(0, 5),
    fused=st.booleans(),
    rotary=st.booleans(),
)
@QUICK
def test_any_chunks_equal_all_at_once(chunks, batch, kv_heads, spare, fused, rotary):
    attention, length = build(kv_heads=kv_heads, fused=fused), sum(chunks)
    x, cache = draw(length, batch, length, 16), cache_for(attention, batch, length + spare)
    steps = [read(attention, chunk, cache, rotary) for chunk in x.split(chunks, dim=1)]
    close(torch.cat(steps, dim=1), read_whole(attention, x, rotary))


@given(data=st.data(), batch=st.integers(1, 4), rotary=st.booleans(), fused=st.booleans())
@QUICK
def test_rows_of_different_length_equal_each_row_alone(data, batch, rotary, fused):
    """Each step feeds a random number of real positions a row, 0 included, and garbage behind them."""
    attention = build(fused=fused)
    steps = data.draw(
        st.lists(
            st.integers(1, 4).flatmap(
                lambda new: st.lists(st.integers(0, new), min_size=batch, max_size=batch).map(
                    lambda counts: (new, counts)
                )
            ),
            min_size=1,
            max_size=5,
        )
    )
    total = sum(new for new, _ in steps)
    rows = draw(7, batch, total, 16)  # what each row says in the end
    cache, told, outputs = cache_for(attention, batch, total), [0] * batch, [[] for _ in range(batch)]
    for step, (new, counts) in enumerate(steps):
        chunk = 100 * draw(step, batch, new, 16)
        for row, count in enumerate(counts):
            chunk[row, :count] = rows[row, told[row] : told[row] + count]
        output = read(attention, chunk, cache, rotary, counts=counts)
        for row, count in enumerate(counts):
            outputs[row].append(output[row, :count])
            told[row] += count
    assert cache.lengths == told
    for row in range(batch):
        if told[row]:
            alone = read_whole(attention, rows[row : row + 1, : told[row]], rotary)[0]
            close(torch.cat(outputs[row]), alone)


@pytest.mark.parametrize("counts", [None, [2, 5, 3]])
def test_a_row_does_not_depend_on_its_neighbours(counts):
    attention = build()
    prompt, following = draw(0, 3, 5, 16), draw(1, 3, 1, 16)

    def decode(prompt, following):
        cache = cache_for(attention, 3, 8)
        read(attention, prompt, cache, rotary=True, counts=counts)
        return read(attention, following, cache, rotary=True)

    before = decode(prompt, following)
    for row in range(3):
        changed, then = prompt.clone(), following.clone()
        changed[row], then[row] = changed[row] * -50 + 3, then[row] + 9
        after = decode(changed, then)
        others = [other for other in range(3) if other != row]
        close(after[others], before[others])
        assert (after[row] - before[row]).abs().max() > 1e-3


def test_a_mask_beside_the_cache_hides_keys():
    attention = build()
    x, seen = draw(0, 2, 6, 16), torch.tensor([True, False, True, True, True, True])
    with torch.inference_mode():
        whole = attention(x, mask=seen)
    for mask in (seen, torch.zeros(6, dtype=torch.float64).masked_fill(~seen, -torch.inf)):
        cache = cache_for(attention, 2, 6)
        first = read(attention, x[:, :4], cache, rotary=False, mask=mask[:4])
        last = [read(attention, x[:, i : i + 1], cache, rotary=False, mask=mask[: i + 1]) for i in (4, 5)]
        close(torch.cat([first, *last], dim=1), whole)


def test_weights_of_a_cached_step_are_the_last_rows_of_the_whole():
    attention = build()
    x, cache = draw(0, 2, 6, 16), cache_for(attention, 2, 9)
    read(attention, x[:, :4], cache, rotary=False)
    maps = []
    read(attention, x[:, 4:], cache, rotary=False, maps=maps)
    close(maps[0].weights, attention.inspect(x).maps.weights[:, :, 4:])


def test_padding_is_overwritten_by_the_rows_next_position():
    cache = KVCache(2, num_kv_heads=1, max_len=4, head_dim=1)
    numbers = torch.arange(1.0, 7.0).view(2, 1, 3, 1)
    cache.append(numbers, -numbers, counts=[1, 3])
    assert cache.lengths == [1, 3]
    assert torch.equal(cache.positions(1), torch.tensor([[1], [3]]))
    mask = cache.mask(1)
    assert torch.equal(mask[:, 0, 0], torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]]).bool())
    keys, values = cache.append(torch.full((2, 1, 1, 1), 9.0), torch.full((2, 1, 1, 1), -9.0))
    assert keys[:, 0, :, 0].tolist()[0][:2] == [1, 9]
    assert keys[:, 0, :, 0].tolist()[1] == [4, 5, 6, 9]
    assert torch.equal(values, -keys)


def test_mask_of_equal_rows_is_causal_and_absent_where_nothing_is_hidden():
    cache = KVCache(2, num_kv_heads=1, max_len=5, head_dim=1)
    assert torch.equal(cache.mask(3)[0, 0], torch.ones(3, 3).tril().bool())
    cache.append(torch.zeros(2, 1, 2, 1), torch.zeros(2, 1, 2, 1))
    assert cache.mask(1) is None
    assert torch.equal(cache.mask(2)[0, 0], torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]]).bool())


def test_what_is_returned_is_a_view_and_not_a_copy():
    cache = KVCache(1, num_kv_heads=2, max_len=64, head_dim=3)
    keys, values = cache.append(torch.ones(1, 2, 5, 3), torch.ones(1, 2, 5, 3))
    assert keys.shape == values.shape == (1, 2, 5, 3)
    assert keys.data_ptr() == cache.keys.data_ptr()
    assert values.data_ptr() == cache.values.data_ptr()


# Misuse


def small_cache(used=0):
    cache = KVCache(2, num_kv_heads=1, max_len=4, head_dim=3)
    if used:
        cache.append(torch.zeros(2, 1, used, 3), torch.zeros(2, 1, used, 3))
    return cache


def kv(*shape, **options):
    return torch.zeros(*shape, **options)


def attend(is_causal=True, **options):
    with torch.inference_mode():
        return MultiHeadAttention(6, num_heads=2, num_kv_heads=1, is_causal=is_causal)(kv(2, 2, 6), **options)


ERRORS = {
    "sizes": (lambda: KVCache(2, num_kv_heads=0, max_len=4, head_dim=3), ["(2, 0, 4, 3)", "kv_heads"]),
    "too long": (
        lambda: small_cache().append(kv(2, 1, 5, 3), kv(2, 1, 5, 3)),
        ["4 positions", "0 used", "5 more"],
    ),
    "full": (
        lambda: small_cache(3).append(kv(2, 1, 2, 3), kv(2, 1, 2, 3)),
        ["4 positions", "3 used", "2 more"],
    ),
    "batch": (lambda: small_cache().append(kv(3, 1, 1, 3), kv(3, 1, 1, 3)), ["[3, 1, 1, 3]", "batch=2"]),
    "heads": (lambda: small_cache().append(kv(2, 2, 1, 3), kv(2, 2, 1, 3)), ["[2, 2, 1, 3]", "kv_heads=1"]),
    "width": (lambda: small_cache().append(kv(2, 1, 1, 4), kv(2, 1, 1, 4)), ["[2, 1, 1, 4]", "head_dim=3"]),
    "value": (lambda: small_cache().append(kv(2, 1, 1, 3), kv(2, 1, 2, 3)), ["[2, 1, 1, 3]", "[2, 1, 2, 3]"]),
    "kind": (
        lambda: small_cache().append(kv(2, 1, 1, 3, dtype=torch.float64), kv(2, 1, 1, 3)),
        ["float32", "float64"],
    ),
    "too many counts": (
        lambda: small_cache().append(kv(2, 1, 1, 3), kv(2, 1, 1, 3), counts=[1, 1, 1]),
        ["counts=[1, 1, 1]", "2 numbers"],
    ),
    "counts too large": (
        lambda: small_cache().append(kv(2, 1, 2, 3), kv(2, 1, 2, 3), counts=[1, 3]),
        ["counts=[1, 3]", "0 to 2"],
    ),
    "counts negative": (
        lambda: small_cache(2).append(kv(2, 1, 2, 3), kv(2, 1, 2, 3), counts=[-1, 2]),
        ["counts=[-1, 2]", "0 to 2"],
    ),
    "not causal": (lambda: attend(is_causal=False, cache=small_cache()), ["causal", "is_causal=False"]),
    "cross": (lambda: attend(key=kv(2, 2, 6), cache=small_cache()), ["self-attention", "is_causal=True"]),
    "cross values": (lambda: attend(value=kv(2, 2, 6), cache=small_cache()), ["self-attention"]),
    "no cache": (lambda: attend(counts=[1, 2]), ["counts=[1, 2]", "no cache"]),
    "mask": (
        lambda: attend(cache=small_cache(2), mask=torch.ones(2, 2) > 0),
        ["[2, 2]", "[2, 4]"],
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_name_the_values(case):
    call, words = ERRORS[case]
    with pytest.raises(ValueError, match=re.escape(words[0])) as error:
        call()
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_refused_append_leaves_the_cache_as_it_was():
    cache = KVCache(2, num_kv_heads=1, max_len=4, head_dim=1)
    cache.append(torch.ones(2, 1, 2, 1), torch.ones(2, 1, 2, 1))
    keys = cache.keys.clone()
    for new, counts in [(3, None), (2, [3, 0]), (1, [1])]:
        with pytest.raises(ValueError, match=r"counts|positions"):
            cache.append(torch.full((2, 1, new, 1), 7.0), torch.full((2, 1, new, 1), 7.0), counts)
        assert cache.lengths == [2, 2]
        assert torch.equal(cache.keys, keys)


@pytest.mark.parametrize("which", ["key", "value"])
def test_recording_gradients_through_a_cache_is_refused(which):
    new = {name: torch.zeros(2, 1, 1, 3, requires_grad=name == which) for name in ("key", "value")}
    with pytest.raises(RuntimeError, match="inference_mode"):
        small_cache().append(new["key"], new["value"])
    with torch.no_grad():
        small_cache().append(new["key"], new["value"])


@pytest.mark.parametrize("uneven", [False, True])
def test_reordered_rows_go_on_from_what_their_old_row_has_read(uneven):
    attention, x = build(), draw(0, 3, 7, 16)
    counts = [4, 2, 3] if uneven else None
    rows = torch.tensor([2, 2, 0])
    cache = cache_for(attention, 3, 9)
    read(attention, x[:, :4], cache, rotary=True, counts=counts)
    buffer = cache.keys
    cache.reorder(rows)
    assert cache.keys is buffer  # whoever holds the buffer goes on with it
    fresh = cache_for(attention, 3, 9)
    read(attention, x[rows, :4], fresh, rotary=True, counts=counts and [counts[row] for row in rows])
    assert cache.lengths == fresh.lengths
    for start in (4, 5):
        new = x[:, start : start + 1]
        close(read(attention, new, cache, rotary=True), read(attention, new, fresh, rotary=True))


def test_rows_that_are_not_there_cannot_be_continued():
    cache = KVCache(2, num_kv_heads=1, max_len=4, head_dim=1)
    for rows, words in (
        (torch.tensor([0, 2]), r"rows=\[0, 2\] must lie between 0 and 1: the cache has 2 rows"),
        (torch.tensor([-1, 0]), "must lie between 0 and 1"),
        (torch.tensor([0]), r"rows must be 2 integers, got torch.int64 \[1\]"),
        (torch.tensor([0.0, 1.0]), "rows must be 2 integers, got torch.float32"),
        (torch.tensor([True, False]), "rows must be 2 integers, got torch.bool"),
    ):
        with pytest.raises(ValueError, match=words):
            cache.reorder(rows)
