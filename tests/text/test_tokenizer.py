"""Tokenizers: nothing is lost, nothing depends on the run, the teaching one equals the library's."""

import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest
import tokenizers
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from llmasos_edu.corpus import manual
from llmasos_edu.text.tokenizer import BytePairTokenizer, ByteTokenizer, TinyBytePair, split_words

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

MANUAL = "\n\n".join(document.text for document in manual())
SAMPLE = MANUAL[:20_000]
PAIR = BytePairTokenizer.train(SAMPLE, 400)
TINY = TinyBytePair.train(SAMPLE, 144)
ALL = [ByteTokenizer(), PAIR, TINY]
WHOLE_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
# Python's tables of letters and the library's part only in characters that one of them does not know yet.
ASSIGNED_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cn"]))
TRICKY_TEXT = st.text(st.sampled_from("a'stredvmlAé 1²Ⅷ_-\n\t\r\x1c\x85\u3000中😀"))


@pytest.mark.parametrize("tokenizer", ALL, ids=repr)
@given(text=WHOLE_TEXT)
def test_every_text_comes_back_whole(tokenizer, text):
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert len(tokenizer.tokens(ids)) == len(ids)
    assert all(0 <= i < tokenizer.vocab_size for i in ids)


@pytest.mark.parametrize("tokenizer", ALL[:2], ids=repr)
@given(st.lists(st.integers(0, 255), max_size=40), TRICKY_TEXT)
def test_a_stream_of_tokens_is_the_same_text_in_whole_characters(tokenizer, noise, text):
    for ids in (noise, tokenizer.encode(text), tokenizer.encode(text)[:-1]):
        assert "".join(tokenizer.decode_stream(iter(ids))) == tokenizer.decode(ids)
    pieces = list(tokenizer.decode_stream(tokenizer.encode(text)))
    assert "" not in pieces
    assert "\ufffd" not in "".join(pieces)


def test_a_stream_hands_out_a_character_with_its_last_byte():
    taken = []
    stream = ByteTokenizer().decode_stream(taken.append(i) or i for i in "a中b".encode())
    assert next(stream) == "a"
    assert (next(stream), len(taken)) == ("中", 4)
    for tokenizer in ALL[:2]:
        with pytest.raises(ValueError, match="id -1 at place 0 is outside"):
            list(tokenizer.decode_stream([-1]))


@pytest.mark.parametrize("tokenizer", ALL, ids=repr)
def test_the_ids_may_come_as_a_tensor(tokenizer):
    ids = tokenizer.encode("for x in y:\n\treturn")
    assert (
        tokenizer.decode(torch.tensor(ids))
        == tokenizer.decode(list(torch.tensor(ids)))
        == "for x in y:\n\treturn"
    )
    assert tokenizer.tokens(torch.tensor(ids)) == tokenizer.tokens(ids)


@pytest.mark.parametrize("tokenizer", ALL, ids=repr)
def test_every_single_id_and_every_cut_of_a_character_can_be_shown(tokenizer):
    assert all(tokenizer.tokens([i])[0].isprintable() for i in range(tokenizer.vocab_size))
    ids = tokenizer.encode("né 中 😀")
    for cut in range(len(ids)):
        assert isinstance(tokenizer.decode(ids[cut:]), str)
    assert tokenizer.decode(tokenizer.encode("中")[:-1]) == "\ufffd"


@pytest.mark.parametrize("tokenizer", ALL, ids=repr)
def test_tokens_show_blank_space_and_parts_of_characters(tokenizer):
    assert tokenizer.tokens(tokenizer.encode("\tZ \n\r")) == ["⇥", "Z", "·", "⏎", "\\r"]
    assert tokenizer.tokens(tokenizer.encode("中")) == ["\\xe4", "\\xb8", "\\xad"]


def test_a_token_of_several_characters_is_shown_as_one_piece():
    assert PAIR.tokens(PAIR.encode("x the statement")) == ["x", "·the", "·statement"]
    chinese = BytePairTokenizer.train("语言 语言 语言", 300)
    assert chinese.tokens(chinese.encode("语言 语言")) == ["语言", "·语言"]


@pytest.mark.parametrize("tokenizer", ALL, ids=repr)
def test_bad_input_is_refused_in_words(tokenizer):
    with pytest.raises(ValueError, match=r"character 2 .*surrogate U\+D800"):
        tokenizer.encode("ab\ud800")
    with pytest.raises(TypeError, match="not bytes"):
        tokenizer.encode(b"ab")
    with pytest.raises(ValueError, match=f"id {tokenizer.vocab_size} at place 1 is outside"):
        tokenizer.decode([0, tokenizer.vocab_size])
    with pytest.raises(ValueError, match="id -1 at place 0 is outside"):
        tokenizer.tokens([-1])
    with pytest.raises(TypeError, match="no integer"):
        tokenizer.decode([1.0])
    with pytest.raises(TypeError, match="one text"):
        tokenizer.decode(torch.zeros(2, 3, dtype=torch.long))


def test_byte_ids_are_the_bytes():
    assert ByteTokenizer().encode("aé\n") == [0x61, 0xC3, 0xA9, 0x0A]
    assert ByteTokenizer().vocab_size == 256


@given(st.one_of(ASSIGNED_TEXT, TRICKY_TEXT))
@settings(max_examples=300)
def test_words_are_cut_as_by_the_library(text):
    rule = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert split_words(text) == [text[start:end] for _, (start, end) in rule.pre_tokenize_str(text)]
    assert "".join(split_words(text)) == text


def test_words_of_a_line_of_code():
    assert split_words("    x2 = it's") == ["   ", " x", "2", " =", " it", "'s"]


def test_the_tiny_one_learns_the_librarys_merges_and_ids():
    assert TINY.merges == PAIR.merges
    assert TINY.vocab_size == PAIR.vocab_size == 400
    assert TINY.encode(MANUAL[20_000:60_000]) == PAIR.encode(MANUAL[20_000:60_000])


@given(st.text("ab \n'é", max_size=80), st.integers(0, 25))
@settings(max_examples=300)
def test_the_tiny_one_breaks_ties_as_the_library_does(text, num_merges):
    tiny, pair = TinyBytePair.train(text, num_merges), BytePairTokenizer.train(text, 256 + num_merges)
    assert tiny.merges == pair.merges
    assert tiny.encode(text + text) == pair.encode(text + text)


@given(st.one_of(ASSIGNED_TEXT, TRICKY_TEXT))
def test_the_tiny_one_encodes_any_text_as_the_library_does(text):
    assert TINY.encode(text) == PAIR.encode(text)


def test_equally_frequent_pairs_are_joined_in_the_order_of_their_ids():
    # 'ba' and 'dc' stand twice each; in GPT-2's order of bytes the printable ones come before the space.
    assert TinyBytePair.train("dc,ba,dc,ba", 2).merges == [(b"b", b"a"), (b"d", b"c")]
    assert TinyBytePair.train("a a a", 1).merges == [(b" ", b"a")]


def test_a_pair_that_stands_once_is_not_joined():
    for tokenizer in (TinyBytePair.train("abcd", 10), BytePairTokenizer.train("abcd", 300)):
        assert tokenizer.merges == []
        assert tokenizer.vocab_size == 256


def test_training_joins_the_most_frequent_pair_of_the_sennrich_example():
    text = "low low low low low lower lower newest newest newest newest newest newest widest widest widest"
    first = [left + right for left, right in TinyBytePair.train(text, 4).merges]
    assert first[:2] == [b"es", b"est"]


@pytest.mark.parametrize("vocab_size", [512, 1024, 2048])
def test_the_manual_gets_the_vocabulary_asked_for_and_larger_ones_make_fewer_tokens(vocab_size):
    tokenizer = BytePairTokenizer.train((document.text for document in manual()), vocab_size)
    assert tokenizer.vocab_size == vocab_size
    ids = tokenizer.encode(MANUAL)
    assert tokenizer.decode(ids) == MANUAL
    bytes_per_token = len(MANUAL.encode()) / len(ids)
    assert bytes_per_token > {512: 2.0, 1024: 2.7, 2048: 3.3}[vocab_size]


def test_a_rebuilt_tokenizer_is_the_one_that_was_trained():
    learner = tokenizers.Tokenizer(tokenizers.models.BPE())
    learner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=400, min_frequency=2, show_progress=False, initial_alphabet=alphabet
    )
    learner.train_from_iterator([SAMPLE], trainer)
    assert learner.get_vocab() == PAIR.library.get_vocab()
    assert learner.encode(MANUAL).ids == PAIR.encode(MANUAL)


def test_training_does_not_depend_on_the_run():
    program = (
        "from llmasos_edu.text.tokenizer import BytePairTokenizer; import sys;"
        "print(BytePairTokenizer.train(sys.stdin.read(), 400).merges)"
    )
    for seed, threads in (("1", "1"), ("2", "4")):
        variables = {"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads, "PYTHONUTF8": "1"}
        done = subprocess.run(
            [sys.executable, "-c", program],
            input=SAMPLE,
            env=os.environ | variables,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        assert done.stdout.strip() == str(PAIR.merges)


def test_vocabularies_below_the_bytes_are_refused():
    with pytest.raises(ValueError, match="vocab_size=255"):
        BytePairTokenizer.train("abc", 255)
    with pytest.raises(ValueError, match="surrogate"):
        BytePairTokenizer.train(["fine", "\udfff"], 300)


@pytest.mark.parametrize("kind", [BytePairTokenizer, TinyBytePair])
def test_a_merge_of_an_unknown_token_is_refused(kind):
    with pytest.raises(ValueError, match=r"merge 1 joins .*no token yet"):
        kind([(b"a", b"b"), (b"abc", b"d")])


def test_saved_and_loaded_it_is_the_same(tmp_path):
    path = tmp_path / "pairs.json"
    PAIR.save(path)
    loaded = BytePairTokenizer.load(str(path))
    assert loaded.merges == PAIR.merges
    assert loaded.encode(MANUAL) == PAIR.encode(MANUAL)
    assert os.listdir(tmp_path) == ["pairs.json"]
    first = path.read_bytes()
    PAIR.save(path)
    assert path.read_bytes() == first


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "pairs.json"
    PAIR.save(path)
    before = path.read_bytes()

    def full_disk(handle):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        BytePairTokenizer([]).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["pairs.json"]


def test_every_truncated_file_is_refused_by_name(tmp_path):
    path = tmp_path / "pairs.json"
    BytePairTokenizer(PAIR.merges[:4]).save(path)
    whole = path.read_bytes()
    for size in range(len(whole) - 1):  # the last byte is only the line end
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"pairs\.json"):
            BytePairTokenizer.load(path)


@pytest.mark.parametrize(
    "content", [b"[1]", b"{}", b'{"format": "other"}', b"\xff\xfe\x00", PAIR.library.to_str().encode()]
)
def test_a_foreign_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "foreign.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"foreign\.json"):
        BytePairTokenizer.load(path)


def test_a_changed_or_missing_file_is_refused_by_name(tmp_path):
    path = tmp_path / "pairs.json"
    PAIR.save(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["merges"][5:7] = content["merges"][6:4:-1]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"pairs\.json.*changed"):
        BytePairTokenizer.load(path)
    with pytest.raises(FileNotFoundError, match=r"absent\.json"):
        BytePairTokenizer.load(tmp_path / "absent.json")
    with pytest.raises(FileNotFoundError, match="no folder"):
        PAIR.save(tmp_path / "absent" / "pairs.json")


def test_each_merge_joins_the_most_frequent_pair_of_what_is_left():
    # An independent count on the sample, from nothing but the merges themselves.
    words = [[bytes([byte]) for byte in word.encode()] for word in split_words(SAMPLE[:3000])]
    for left, right in TinyBytePair.train(SAMPLE[:3000], 30).merges:
        counts = {}
        for word in words:
            for pair in pairwise(word):
                counts[pair] = counts.get(pair, 0) + 1
        assert counts[left, right] == max(counts.values())
        for word in words:
            i = 0
            while i < len(word) - 1:
                if (word[i], word[i + 1]) == (left, right):
                    word[i : i + 2] = [left + right]
                i += 1
