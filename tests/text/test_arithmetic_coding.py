"""The arithmetic coder: exact both ways, as small as its model says, and no wrong text without a word."""

import math
import random

import numpy as np
import pytest
import torch

from llmasos_edu.text.arithmetic_coding import TOTAL, compress, cumulative, decompress, ideal_bits
from llmasos_edu.text.ngram import NGram


def even(past):
    """All bytes alike: 8 bits each."""
    return np.full(256, 1 / 256)


def counting(past):
    """A byte is the likelier the more often it came: learns as it reads, on both sides alike."""
    counts = np.bincount(np.array(past, dtype=int), minlength=256) + 0.5
    return counts / counts.sum()


def sure_of_zero(past):
    """Certain that 0 comes, whatever does come."""
    return np.eye(256)[0]


def random_text(seed):
    rng = random.Random(seed)
    letters = rng.choice([range(256), b"ab", b"\x00\xff", b"the cat sat", [rng.randrange(256)]])
    return bytes(rng.choice(letters) for _ in range(rng.randrange(0, 40)))


TEXT = b"to compress is to predict, and to predict is to compress"


@pytest.mark.parametrize("part", range(4))
def test_a_thousand_random_texts_of_any_bytes_come_back(part):
    for seed in range(250 * part, 250 * (part + 1)):
        text = random_text(seed)
        for expect in (even, counting):
            assert bytes(decompress(compress(text, expect), expect)) == text


@pytest.mark.parametrize("text", [b"", b"\x00", b"\xff", b"\x00" * 300, bytes(range(256)), b"ab" * 500])
@pytest.mark.parametrize("expect", [even, counting, sure_of_zero])
def test_edges_come_back(text, expect):
    assert bytes(decompress(compress(text, expect), expect)) == text


@pytest.mark.parametrize("seed", range(3))
def test_the_file_is_as_long_as_the_model_s_bits(seed):
    """Within 0.1 %, header and all, for independent letters of a given distribution."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(64, 5.0))
    text = rng.choice(64, size=20_000, p=shares)
    file, bits = compress(text, lambda past: shares), ideal_bits(text, lambda past: shares)
    assert bits == pytest.approx(-np.log2(shares[text]).sum())
    assert bits <= 8 * len(file) <= 1.001 * bits
    assert decompress(file, lambda past: shares) == text.tolist()


def test_an_n_gram_drives_it():
    training, text = list(TEXT * 20), list(b"predict to compress " * 20)
    model = NGram.kneser_ney(training, 256, 3)
    file = compress(text, lambda past: model.probabilities(past[-2:]))
    assert decompress(file, lambda past: model.probabilities(past[-2:])) == text
    bits = -float(model.token_probabilities(text).log2().sum())
    assert bits <= 8 * len(file) <= bits + 8 * 12


def test_the_more_is_expected_the_smaller_the_file():
    file = compress(b"\x00" * 10_000, sure_of_zero)
    assert len(file) < 12
    assert len(compress(b"\x01" * 100, sure_of_zero)) == pytest.approx(100 * 4, abs=10)  # 32 bits each


def test_longer_vocabularies_and_tensors():
    shares = torch.rand(50_000, generator=torch.Generator().manual_seed(0)).softmax(0)
    tokens = torch.tensor([0, 49_999, 3, 3, 3, 25_000])
    assert decompress(compress(tokens, lambda past: shares), lambda past: shares) == tokens.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_parts_are_whole_never_empty_and_near_the_probabilities(seed):
    shares = np.random.default_rng(seed).dirichlet(np.full(300, 0.02))
    parts = cumulative(shares)
    assert (parts[0], parts[-1]) == (0, TOTAL)
    widths = np.diff(parts)
    assert widths.min() >= 1
    assert np.abs(widths / TOTAL - shares).max() < 300 * 2.0**-31


# Damage


@pytest.mark.parametrize("text", [TEXT, bytes(range(256)), b"\x00" * 200])
def test_a_file_that_was_cut_ends_in_words(text):
    file = compress(text, counting)
    for length in range(len(file)):
        with pytest.raises(ValueError, match=r"cut or changed|no file of `compress`"):
            decompress(file[:length], counting)


def test_a_changed_bit_never_gives_another_text():
    """The last few bits only name a number inside the interval: there the text stays as it was."""
    file, refused = compress(TEXT, counting), 0
    for place in range(8 * len(file)):
        changed = bytearray(file)
        changed[place // 8] ^= 1 << place % 8
        try:
            text = bytes(decompress(bytes(changed), counting))
        except ValueError:
            refused += 1
        else:
            assert text == TEXT
    assert refused >= 8 * len(file) - 8


def test_bytes_behind_the_end_are_refused():
    for text in (b"", TEXT):
        with pytest.raises(ValueError, match="stand behind"):
            decompress(compress(text, counting) + b"\x00\x00", counting)


def test_noise_is_no_file():
    for seed in range(200):
        noise = random.Random(seed).randbytes(30)
        with pytest.raises(ValueError, match=r"no file of `compress`|cut or changed"):
            decompress(noise, counting)
        with pytest.raises(ValueError, match=r"cut or changed"):
            decompress(b"ac" + noise[:1] + noise, counting)


def test_another_model_is_noticed():
    with pytest.raises(ValueError, match="another model wrote it"):
        decompress(compress(TEXT, counting), even)


# Errors at the door


def test_a_token_outside_the_vocabulary_is_named():
    with pytest.raises(ValueError, match="token 256 at place 1 is outside the vocabulary of 256"):
        compress([1, 256], even)
    with pytest.raises(ValueError, match="token -1 at place 0"):
        compress([-1], even)


@pytest.mark.parametrize("tokens", ["text", [1.5], [True], [None]])
def test_what_is_no_token_is_refused(tokens):
    with pytest.raises(TypeError, match="at place 0 is no whole number"):
        compress(tokens, even)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ([0.5, 0.4], "sum is 0.9"),
        ([1.5, -0.5], "smallest is -0.5"),
        ([math.nan, 1.0], "sum is nan"),
        ([[0.5, 0.5]], r"shape \[1, 2\]"),
        ([], r"shape \[0\]"),
    ],
)
def test_what_are_no_probabilities_is_refused(shares, words):
    with pytest.raises(ValueError, match=words):
        compress([0], lambda past: shares)


def test_a_text_of_probability_zero_costs_endlessly_many_bits():
    assert ideal_bits([1], sure_of_zero) == math.inf
    assert ideal_bits([0, 0], sure_of_zero) == 0
    assert ideal_bits([], even) == 0


@pytest.mark.parametrize("count", [ideal_bits, compress])
@pytest.mark.parametrize("token", [256, 999, -1])
def test_a_token_outside_the_vocabulary_is_named_with_its_place(count, token):
    with pytest.raises(ValueError, match=f"token {token} at place 2 is outside the vocabulary of 256"):
        count([0, 255, token], even)


def test_a_changed_number_of_tokens_is_not_followed_for_ever():
    def sure(past):
        return [1.0]

    whole = compress([0] * 100, sure)
    changed = whole[:2] + bytes([whole[2] | 128]) + whole[3:]  # now the number goes on in the checksum
    with pytest.raises(ValueError, match="it claims 12904 tokens, and longest=1000"):
        decompress(changed, sure, longest=1000)
    assert decompress(whole, sure, longest=100) == [0] * 100
    with pytest.raises(ValueError, match="it claims 100 tokens, and longest=99"):
        decompress(whole, sure, longest=99)
    endless = b"ac" + bytes([255] * 8 + [0]) + bytes(5)
    with pytest.raises(ValueError, match="longest=1000000"):
        decompress(endless, sure)
