"""Merges that are learned in one array: those of the library, to the last one, in time that words allow."""

import random
import time

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from llmasos_edu.corpus import library_code, manual
from llmasos_edu.text import merges
from llmasos_edu.text.merges import has_long_words
from llmasos_edu.text.tokenizer import BytePairTokenizer, TinyBytePair

RUNS = st.lists(st.tuples(st.sampled_from("ab \n='é中1"), st.integers(1, 9)), max_size=40)


def librarys(texts, vocab_size):
    """The vocabulary that `tokenizers` itself learns, in order: bytes first."""
    learner = tokenizers.Tokenizer(tokenizers.models.BPE())
    learner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    learner.train_from_iterator(
        texts,
        tokenizers.trainers.BpeTrainer(
            vocab_size=vocab_size, min_frequency=2, show_progress=False, initial_alphabet=alphabet
        ),
    )
    return learner.get_vocab()


def ours(texts, vocab_size):
    """The same by the one array, however short the words are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("llmasos_edu.text.tokenizer.has_long_words", lambda texts: True)
        return BytePairTokenizer.train(texts, vocab_size)


@given(st.lists(RUNS, min_size=1, max_size=3), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_the_merges_are_the_library_s_and_the_tiny_one_s(runs, wanted):
    texts = ["".join(sign * count for sign, count in text) for text in runs]
    found = ours(texts, 256 + wanted)
    assert found.library.get_vocab() == librarys(texts, 256 + wanted)
    if len(texts) == 1:
        assert found.merges == TinyBytePair.train(texts[0], wanted).merges


def test_on_real_text_the_merges_are_the_library_s():
    texts = [document.text for document in manual()[:12]]
    assert ours(texts, 600).library.get_vocab() == librarys(texts, 600)
    assert ours(texts, 600).merges == BytePairTokenizer.train(texts, 600).merges


def letters(count):
    """Chinese letters without a sign between them, the common ones often."""
    weights = [1 / (rank + 5) for rank in range(3000)]
    return "".join(map(chr, random.Random(0).choices(range(0x4E00, 0x4E00 + 3000), weights, k=count)))


def test_a_word_of_eighty_thousand_letters_takes_seconds():
    began = time.process_time()
    tokenizer = BytePairTokenizer.train(letters(80_000), 1024)
    assert time.process_time() - began < 20  # two minutes and more where each merge moves the rest of a word
    assert tokenizer.vocab_size == 1024


def test_on_a_long_word_the_merges_are_the_library_s():
    text = letters(6_000)
    assert ours([text], 700).library.get_vocab() == librarys([text], 700)


@pytest.mark.parametrize("word", ["中" * 11_000, "7" * 33_000, "-" * 33_000, " " * 33_000, "_=" * 20_000])
def test_long_words_of_every_kind_are_seen(word):
    assert has_long_words(["short", "a" + word + "1"])
    assert not has_long_words([word[: len(word) // 10]])


def test_what_the_book_reads_goes_to_the_library_as_it_always_has():
    texts = [document.text for document in [*manual(), *library_code(400_000)]]
    assert not has_long_words(texts)


def test_looking_for_long_words_takes_no_longer_where_words_are_nearly_long():
    almost = ("a" * (merges.LONG - 1) + " ") * 500  # a million letters
    began = time.process_time()
    assert not has_long_words([almost])
    assert time.process_time() - began < 5
