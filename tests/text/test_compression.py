"""Compressors as language models: sizes against the programs' own formats, priming against known windows."""

import bz2
import gzip
import lzma
import math

import numpy as np
import pytest

from llmasos_edu.text import compression
from llmasos_edu.text.compression import COMPRESSORS, compressed_bits_per_byte, compressed_size


def noise(num_bytes, seed, num_values=256):
    """Independent bytes, all values alike: log2(num_values) bits each, whatever came before."""
    rng = np.random.Generator(np.random.PCG64(seed))
    return rng.integers(num_values, size=num_bytes, dtype=np.uint8).tobytes()


NEEDLE = noise(4_000, seed=1, num_values=64)
TEXT = "".join(f"The {n}th line of a text that repeats itself.\n" for n in range(200))
WORDS = np.random.Generator(np.random.PCG64(0)).choice(TEXT.split()[:60], size=40_000)


# Alone


def test_alone_is_eight_times_the_file_s_size_over_the_text_s():
    data = TEXT.encode()
    assert compressed_bits_per_byte(TEXT, "gzip") == 8 * len(gzip.compress(data, 9)) / len(data)
    assert compressed_bits_per_byte(TEXT, "bz2") == 8 * len(bz2.compress(data, 9)) / len(data)
    strongest = lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)  # its dictionary is larger
    assert compressed_bits_per_byte(TEXT, "xz") == 8 * len(strongest) / len(data)


@pytest.mark.parametrize("method", COMPRESSORS)
def test_noise_costs_eight_bits_and_a_header(method):
    assert 8 < compressed_bits_per_byte(noise(20_000, seed=0), method) < 8.2


@pytest.mark.parametrize("method", COMPRESSORS)
def test_no_compressor_beats_the_entropy_of_independent_bytes(method):
    """Four letters with probabilities 1/2, 1/4, 1/8, 1/8 have 1.75 bits each."""
    letters = np.random.Generator(np.random.PCG64(0)).choice(4, size=50_000, p=[1 / 2, 1 / 4, 1 / 8, 1 / 8])
    counts = np.bincount(letters) / len(letters)
    assert -(counts * np.log2(counts)).sum() == pytest.approx(1.75, abs=0.01)
    data = b"".join(b"abcd"[i : i + 1] for i in letters)
    assert 1.73 < compressed_bits_per_byte(data, method) < 2.3


def test_the_highest_level_is_used():
    data = " ".join(WORDS).encode()
    assert compressed_size(data, "gzip") < len(gzip.compress(data, 1))
    assert compressed_size(data, "bz2") < len(bz2.compress(data, 1))
    assert compressed_size(data, "xz") < len(lzma.compress(data, preset=0))


def test_a_str_is_its_utf_8_bytes():
    text = "naïve 注意力 " * 20
    assert compressed_bits_per_byte(text, "xz") == compressed_bits_per_byte(text.encode(), "xz")
    assert compressed_bits_per_byte(text, "xz", text) == compressed_bits_per_byte(text, "xz", text.encode())


# Primed


@pytest.mark.parametrize("method", COMPRESSORS)
def test_primed_counts_what_the_held_out_text_adds(method):
    train, held_out = TEXT[:5_000].encode(), TEXT[5_000:].encode()
    added = compressed_size(train + held_out, method) - compressed_size(train, method)
    assert compressed_bits_per_byte(held_out, method, train) == 8 * added / len(held_out)


@pytest.mark.parametrize("method", ["gzip", "xz"])
def test_what_was_read_before_costs_little(method):
    assert compressed_bits_per_byte(NEEDLE, method) > 6
    assert compressed_bits_per_byte(NEEDLE, method, NEEDLE) < 0.3


def primed_across(method, gap):
    """Bits per byte of noise that was read before, with `gap` bytes of other noise in between."""
    return compressed_bits_per_byte(NEEDLE, method, NEEDLE + noise(gap, seed=2, num_values=64))


def test_gzip_looks_back_32_kib():
    assert primed_across("gzip", 2**15 - 6_000) < 0.3
    assert primed_across("gzip", 2**15 + 6_000) > 5.9


def test_xz_looks_back_over_everything():
    assert primed_across("xz", 1_000_000) < 0.3


def test_bz2_uses_what_stands_in_the_same_block_only():
    held_out, train = " ".join(WORDS[:400]).encode(), " ".join(WORDS[400:4_000]).encode()
    alone = compressed_bits_per_byte(held_out, "bz2")
    assert compressed_bits_per_byte(held_out, "bz2", train) < 0.8 * alone
    ends_the_block = noise(900_000, seed=2)  # without runs, which bz2 would shorten first
    assert compressed_bits_per_byte(held_out, "bz2", train + ends_the_block) > 0.95 * alone


def test_the_dictionary_of_xz_holds_the_text_and_no_more_than_twice():
    for size in (1, 4_096, 4_097, 100_000, 2**17):
        dictionary = xz_dictionary(compression._xz(bytes(size)))
        assert max(size, 4_096) <= dictionary <= max(2 * size, 4_096)


def xz_dictionary(file):
    """Read the dictionary's size from an .xz file: block header, filter 0x21, one byte of properties.

    Source: "The .xz File Format", sections 3.1 and 5.3.1.
    """
    header = file[12:]  # after the stream's header
    assert header[1] & 0xC0 == 0, "no optional sizes"
    assert header[2:4] == b"\x21\x01"
    bits = header[4]
    return (2 | (bits & 1)) << (bits // 2 + 11)


# Errors


def test_an_unknown_method_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="method='zip' is not one of gzip, bz2, xz"):
        compressed_bits_per_byte("text", "zip")


@pytest.mark.parametrize("empty", ["", b""])
def test_an_empty_text_has_no_bits_per_byte(empty):
    with pytest.raises(ValueError, match="the held-out text is empty"):
        compressed_bits_per_byte(empty, "xz", "some text")


def test_more_than_the_largest_dictionary_is_refused(monkeypatch):
    assert compression.MAX_XZ_DICTIONARY == 1.5 * 1024**3
    monkeypatch.setattr(compression, "MAX_XZ_DICTIONARY", 5_000)
    assert math.isfinite(compressed_bits_per_byte(bytes(5_000), "xz"))
    with pytest.raises(ValueError, match="5001 bytes are more than the 5000"):
        compressed_bits_per_byte(bytes(5_000), "xz", b"1")
