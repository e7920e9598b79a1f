"""Corpora: the same in every run, honest when split, and of exactly known entropy where that is claimed."""

import hashlib
import math
import os
import subprocess
import sys
import sysconfig
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from llmasos_edu.corpus import (
    Document,
    MarkovSource,
    cut_into_passages,
    leak_share,
    library_code,
    manual,
    read_text_file,
    recall_at_distance,
    repeated_patterns,
    split_documents,
)

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# The manual


def test_the_manual_is_half_a_megabyte_of_prose_in_the_order_of_its_topics():
    documents = manual()
    topics = [document.topic for document in documents]
    assert topics == sorted(set(topics))
    assert 300_000 < sum(len(document.text.encode()) for document in documents) < 1_500_000
    assert all(document.text and document.text == document.text.strip() for document in documents)
    assert "assert" in topics
    assert documents == manual()


def test_the_manual_drops_empty_topics_and_outer_space(monkeypatch):
    fake = type(sys)("pydoc_data.topics")
    fake.topics = {"b": "\n two \n\n", "empty": "  \n", "a": "one"}
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", fake)
    assert manual() == [Document("a", "one"), Document("b", "two")]


def test_a_python_without_its_manual_is_told_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(ModuleNotFoundError, match=r"pydoc.*read_text_file"):
        manual()


# The library


def test_the_library_is_its_own_source_only():
    documents = library_code(10**9)
    names = [document.topic for document in documents]
    assert names == sorted(set(names))
    assert {"argparse", "json", "json.decoder", "unittest.case"} <= set(names)
    strangers = {"site-packages", "test", "tests", "idlelib", "lib2to3", "pydoc_data", "encodings", "numpy"}
    assert not [name for name in names if strangers & set(name.split("."))]
    assert not [name for name in names if name.startswith("_sysconfigdata")]
    assert sum(len(document.text.encode()) for document in documents) > 3_000_000
    source = Path(sysconfig.get_path("stdlib"), "argparse.py").read_text(encoding="utf-8")
    assert dict(zip(names, documents, strict=True))["argparse"].text == source.strip()


def test_a_limit_takes_whole_modules_up_to_it_from_the_whole_alphabet():
    documents = library_code(400_000)
    assert 350_000 < sum(len(document.text.encode()) for document in documents) <= 400_000
    assert documents == library_code(400_000)
    assert documents[0].topic < "d" < "s" < documents[-1].topic
    everything = {document.topic: document for document in library_code(10**9)}
    assert all(everything[document.topic] == document for document in documents)


@pytest.mark.parametrize("max_bytes", [0, -5])
def test_a_limit_must_be_positive(max_bytes):
    with pytest.raises(ValueError, match=f"max_bytes={max_bytes}"):
        library_code(max_bytes)


def test_a_limit_below_every_module_is_refused():
    with pytest.raises(ValueError, match="max_bytes=1 is smaller"):
        library_code(1)


def test_a_library_without_source_is_told_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / "python311.zip"))
    with pytest.raises(FileNotFoundError, match=r"python311\.zip.*python\.org"):
        library_code()


# Text files


def test_a_text_file_becomes_a_document(tmp_path):
    path = tmp_path / "my story.txt"
    path.write_bytes("\ufeffone\r\ntwo é 中\rthree\n".encode())
    assert read_text_file(path) == Document("my story", "one\ntwo é 中\nthree\n")
    assert read_text_file(str(path)) == read_text_file(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty: 0 bytes"),
        (b" \n\t\n", "is empty: 4 bytes"),
        (b"GIF89a\0\1", "not text: byte 6 is zero"),
        (b"caf\xe9 noir", "not UTF-8 text: byte 3 is 0xe9"),
        ("text".encode("utf-16"), "is UTF-16"),
    ],
)
def test_what_is_no_text_is_refused_by_name(tmp_path, content, words):
    path = tmp_path / "odd.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"odd\.bin.*{words}"):
        read_text_file(path)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent\.txt"):
        read_text_file(tmp_path / "absent.txt")
    with pytest.raises(ValueError, match="is a folder"):
        read_text_file(tmp_path)


@given(st.text(st.sampled_from("ab \n"), max_size=300), st.integers(2, 40))
def test_passages_keep_every_character_but_the_line_ends_between_them(text, size):
    passages = cut_into_passages(Document("story", text), size)
    assert "".join("".join(p.text for p in passages).split()) == "".join(text.split())
    assert all(p.text.strip() and p.text == p.text.strip("\n") for p in passages)
    assert all(len(p.text) <= size for p in passages[:-1])
    assert all(len(p.text) <= 1.5 * size for p in passages[-1:])
    assert [p.topic for p in passages] == [f"story {n}" for n in range(1, len(passages) + 1)]


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("aaaa\n\nbb b\nccccccccc", ["aaaa", "bb b", "ccccccccc"]),  # a blank line, then a line end
        ("aaaa bb cc dddddddd", ["aaaa bb ", "cc dddddddd"]),  # then a space
        ("a" * 30, ["a" * 8, "a" * 8, "a" * 8, "a" * 6]),  # nothing to go by
        ("\n\n \n", []),
    ],
)
def test_passages_end_where_the_text_pauses(text, passages):
    assert [p.text for p in cut_into_passages(Document("t", text), 8)] == passages
    with pytest.raises(ValueError, match="size=1"):
        cut_into_passages(Document("t", text), 1)


# The split


def plain_leak(train, held, width):
    """The definition, word by word."""
    windows = [held[i : i + width] for i in range(len(held) - width + 1)]
    return sum(window in train for window in windows) / max(len(windows), 1)


@given(st.text("abé", max_size=60), st.text("abé", min_size=1, max_size=30), st.integers(1, 8))
def test_the_leak_is_the_share_of_windows_found_in_the_training_text(train, held, width):
    assert leak_share(train, held, width) == pytest.approx(plain_leak(train.encode(), held.encode(), width))


def test_the_leak_of_plain_cases():
    assert leak_share("the cat sat on the mat", "cat sat", width=3) == 1.0
    assert leak_share("", "cat sat", width=3) == 0.0
    assert leak_share("abcdef", "abcxyz", width=3) == 0.25
    with pytest.raises(ValueError, match="held-out text is empty"):
        leak_share("abc", "")
    with pytest.raises(ValueError, match="width=0"):
        leak_share("abc", "abc", width=0)


@pytest.mark.parametrize("seed", range(4))
def test_the_manual_leaks_when_split_naively_and_not_when_split_honestly(seed):
    documents = manual()
    split = split_documents(documents, seed=seed)
    assert split.naive_leak > 0.05
    assert split.leak == leak_share(split.train_text, split.held_out_text) == 0.0
    originals = {document.topic: document.text for document in documents}
    assert all(originals[document.topic] == document.text for document in split.held_out)
    held = len(split.held_out_text.encode())
    train = len(split.train_text.encode())
    assert 0.08 < held / (held + train) < 0.12
    assert len(split.held_out) > 5
    # Honest does not mean poor: what is gone is copies, and little more.
    gone = {topic for topic, _ in split.copies}
    kept = sum(len(document.text.encode()) for document in documents if document.topic not in gone)
    assert held + train > 0.93 * kept
    assert "customization" in gone  # stands verbatim in 'specialnames'
    assert all(0.5 <= share <= 1 for _, share in split.copies)


def test_what_was_cut_is_told_to_the_byte():
    documents = manual()
    split = split_documents(documents, seed=1)
    before = {document.topic: len(document.text.encode()) for document in documents}
    after = {document.topic: len(document.text.encode()) for document in split.train}
    lost = {topic: before[topic] - size for topic, size in after.items() if size < before[topic]}
    assert lost
    assert dict(split.cut) == lost


words = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta", "\n", "\n\n"]), min_size=1, max_size=30)


@given(st.lists(words.map(" ".join), min_size=2, max_size=8), st.floats(0.05, 0.95), st.integers(0, 5))
def test_no_window_stands_on_both_sides_of_any_split(texts, held_out, seed):
    documents = [Document(str(i), text) for i, text in enumerate(texts)]
    try:
        split = split_documents(documents, held_out, seed, width=12)
    except ValueError:
        return  # too much alike to be parted: see the test of refusals
    assert split.train
    assert split.held_out
    for document in split.train:
        assert plain_leak(document.text.encode(), split.held_out_text.encode(), 12) == 0
    topics = [document.topic for document in (*split.train, *split.held_out)]
    assert len(set(topics)) == len(topics)
    fully_cut = {topic for topic, _ in split.cut} - set(topics)
    assert set(topics) | {topic for topic, _ in split.copies} | fully_cut == {d.topic for d in documents}


def test_copies_go_and_the_larger_document_stays():
    rng = np.random.default_rng(0)
    page = ["".join(rng.choice(list("abcdefgh \n"), 400)) for _ in range(4)]
    whole, other = Document("whole", page[0] + page[1]), Document("other", page[2] + page[3])
    documents = [Document("copy", page[0]), whole, other]
    split = split_documents(documents, held_out=0.5)
    assert split.copies == [("copy", 1.0)]
    assert {document.topic for document in (*split.train, *split.held_out)} == {"whole", "other"}
    assert split.cut == []


def test_a_shared_line_is_cut_from_the_training_side_only():
    rng = np.random.default_rng(0)
    page = ["".join(rng.choice(list(letters), 400)) for letters in ("abcd ", "efgh ", "ijkl,", "mnop,")]
    shared = "\nthis very line of more than fifty bytes stands in both of the documents\n"
    documents = [Document("x", page[0] + shared + page[1]), Document("y", page[2] + shared + page[3])]
    split = split_documents(documents, held_out=0.5)
    (train,), (held,) = split.train, split.held_out
    assert shared in held.text
    assert shared.strip() not in train.text
    assert split.leak == 0
    assert split.naive_leak > 0.01
    assert split.cut == [(train.topic, len(shared) - 1)]  # the line and one line end


def test_seeds_differ_and_a_topic_stays_on_its_side_when_another_document_comes():
    documents = manual()[::2]
    first, again, other = (split_documents(documents, seed=seed) for seed in (0, 0, 7))
    assert first == again
    assert first.held_out != other.held_out
    extra = [*documents, Document("new", "Something that nobody has written before.")]
    with_extra = {document.topic for document in split_documents(extra, seed=0).held_out}
    assert with_extra - {"new"} == {document.topic for document in first.held_out}


def test_split_refuses_what_it_cannot_split():
    one, two = Document("a", "x" * 80), Document("b", "y" * 80)
    with pytest.raises(ValueError, match="held_out=1"):
        split_documents([one, two], held_out=1.0)
    with pytest.raises(ValueError, match="held_out=0"):
        split_documents([one, two], held_out=0.0)
    with pytest.raises(ValueError, match="width=0"):
        split_documents([one, two], width=0)
    with pytest.raises(ValueError, match="of 2 given, 1 are copies"):
        split_documents([one, Document("c", "x" * 70)])
    with pytest.raises(ValueError, match="of 0 given"):
        split_documents([])


def test_nothing_depends_on_the_hash_seed():
    everything = "repr((split_documents(manual()), library_code(10**5), MarkovSource(5).transition.tolist()))"
    program = (
        "import hashlib; from llmasos_edu.corpus import *;"
        f"print(hashlib.sha256({everything}.encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    here = repr((split_documents(manual()), library_code(10**5), MarkovSource(5).transition.tolist()))
    assert done.stdout.strip() == hashlib.sha256(here.encode()).hexdigest()


# Markov sources


def chain_of(source):
    """The chain over contexts, built the slow way from the meaning of a context: its last symbols."""
    n, k = source.num_symbols, source.order
    chain = np.zeros((n**k, n**k))
    for row in range(n**k):
        context = [row // n ** (k - 1 - j) % n for j in range(k)]
        for symbol in range(n):
            following = [*context[1:], symbol]
            column = sum(s * n ** (k - 1 - j) for j, s in enumerate(following))
            chain[row, column] += float(source.transition[row, symbol])
    return chain


@given(st.integers(2, 5), st.integers(1, 3), st.floats(0.05, 20), st.integers(0, 99))
def test_the_stationary_distribution_is_what_power_iteration_finds(num_symbols, order, concentration, seed):
    source = MarkovSource(num_symbols, order, concentration=concentration, seed=seed)
    chain = chain_of(source)
    stationary = source.stationary.numpy()
    np.testing.assert_allclose(stationary @ chain, stationary, atol=1e-12)
    assert stationary.min() >= 0
    assert stationary.sum() == pytest.approx(1)
    # A lazy chain has the same stationary distribution and no period: its powers converge.
    lazy = np.linalg.matrix_power((chain + np.eye(len(chain))) / 2, 2**20)
    if np.abs(lazy[0] - lazy[-1]).max() < 1e-9:
        np.testing.assert_allclose(lazy[0] / lazy[0].sum(), stationary, atol=1e-7)


@given(st.integers(2, 6), st.integers(1, 3), st.integers(0, 99))
def test_the_entropy_rate_is_the_mean_entropy_of_the_next_symbol(num_symbols, order, seed):
    source = MarkovSource(num_symbols, order, seed=seed)
    expected = 0.0
    for weight, row in zip(source.stationary.tolist(), source.transition.tolist(), strict=True):
        expected -= weight * sum(p * math.log2(p) for p in row if p > 0)
    assert source.entropy_rate == pytest.approx(expected, abs=1e-12)
    assert source.optimal_loss == pytest.approx(expected * math.log(2), abs=1e-12)
    assert 0 <= source.entropy_rate <= math.log2(num_symbols)


@pytest.mark.parametrize(("num_symbols", "order"), [(2, 1), (3, 2), (7, 1)])
def test_a_uniform_source_has_the_entropy_of_a_fair_die(num_symbols, order):
    source = MarkovSource.from_transition(np.full((num_symbols**order, num_symbols), 1 / num_symbols))
    assert source.entropy_rate == pytest.approx(math.log2(num_symbols), abs=1e-12)
    assert source.order == order


def test_a_cycle_has_no_entropy_and_says_so_exactly():
    source = MarkovSource.from_transition(torch.eye(4)[[1, 2, 3, 0]])
    assert source.entropy_rate == 0.0
    assert math.copysign(1, source.entropy_rate) == 1
    np.testing.assert_allclose(source.stationary, 0.25)
    text = source.sample(50, 9, seeded())
    assert torch.equal(text[:, 1:], (text[:, :-1] + 1) % 4)
    assert set(text[:, 0].tolist()) == {0, 1, 2, 3}


def test_the_smallest_random_number_still_picks_a_possible_symbol(monkeypatch):
    source = MarkovSource.from_transition(torch.eye(4)[[1, 2, 3, 0]])
    monkeypatch.setattr(torch, "rand", lambda *size, generator, dtype: torch.zeros(size, dtype=dtype))
    assert source.sample(1, 5).tolist() == [[0, 1, 2, 3, 0]]


@given(st.floats(0.001, 0.999))
def test_a_binary_symmetric_source_has_the_entropy_of_its_coin(p):
    source = MarkovSource.from_transition([[1 - p, p], [p, 1 - p]])
    coin = -p * math.log2(p) - (1 - p) * math.log2(1 - p)
    assert source.entropy_rate == pytest.approx(coin, abs=1e-9)


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_two_states_have_the_textbooks_closed_form(alpha, beta):
    # Cover and Thomas, example 4.1.1: stationary (beta, alpha) / (alpha + beta).
    source = MarkovSource.from_transition([[1 - alpha, alpha], [beta, 1 - beta]])
    np.testing.assert_allclose(source.stationary, np.array([beta, alpha]) / (alpha + beta), atol=1e-12)


def test_a_context_that_is_left_for_ever_carries_no_weight():
    source = MarkovSource.from_transition([[0.5, 0.5, 0], [0, 0.25, 0.75], [0, 0.75, 0.25]])
    np.testing.assert_allclose(source.stationary, [0, 0.5, 0.5], atol=1e-15)
    assert source.entropy_rate == pytest.approx(2 - 0.75 * math.log2(3))
    assert 0 not in source.sample(100, 20, seeded())


@pytest.mark.parametrize(("num_symbols", "order"), [(4, 1), (3, 2), (2, 4)])
def test_what_is_sampled_has_the_frequencies_and_the_entropy_that_are_claimed(num_symbols, order):
    source = MarkovSource(num_symbols, order, concentration=1.0, seed=3)
    text = source.sample(400, 500, seeded(1)).numpy()
    places = num_symbols ** np.arange(order - 1, -1, -1)
    contexts = sum(text[:, j : 500 - order + j] * places[j] for j in range(order))
    counts = np.zeros((num_symbols**order, num_symbols))
    np.add.at(counts, (contexts, text[:, order:]), 1)
    np.testing.assert_allclose(counts.sum(1) / counts.sum(), source.stationary, atol=0.01)
    often = counts.sum(1) > 2000
    empirical = counts[often] / counts[often].sum(1, keepdims=True)
    np.testing.assert_allclose(empirical, source.transition[torch.from_numpy(often)], atol=0.05)
    surprise = -np.log2(source.transition.numpy()[contexts, text[:, order:]]).mean()
    assert surprise == pytest.approx(source.entropy_rate, abs=0.02)
    # Also the very first context is drawn from the stationary distribution.
    first = np.bincount(
        source.sample(40_000, order, seeded(2)).numpy() @ places, minlength=num_symbols**order
    )
    np.testing.assert_allclose(first / first.sum(), source.stationary, atol=0.015)


def test_seeing_more_of_the_past_never_costs_bits_and_ends_at_the_rate():
    source = MarkovSource(4, 3, seed=5)
    bits = [source.conditional_entropy(seen) for seen in range(6)]
    assert all(more <= less + 1e-12 for less, more in pairwise(bits))
    assert bits[0] > bits[3] + 0.1
    assert bits[3] == bits[4] == bits[5] == source.entropy_rate
    # H(X | Y) = H(Y, X) - H(Y), from the joint distribution of blocks.
    joint = (source.stationary[:, None] * source.transition).numpy().reshape(4, 4, 4, 4)

    def entropy(p):
        return -(p * np.log2(p)).sum()

    assert bits[0] == pytest.approx(entropy(joint.sum((0, 1, 2))))
    assert bits[1] == pytest.approx(entropy(joint.sum((0, 1))) - entropy(joint.sum((0, 1, 3))))
    assert bits[2] == pytest.approx(entropy(joint.sum(0)) - entropy(joint.sum((0, 3))))


def test_the_language_is_the_same_on_every_machine():
    # Probabilities are whole multiples of 2**-32: they can be compared to the last bit.
    units = (MarkovSource(4, 2, seed=0).transition * 2**32).numpy()
    assert (units == np.rint(units)).all()
    assert (units.sum(1) == 2**32).all()
    assert units.min() >= 1
    digest = hashlib.sha256(units.astype("<i8").tobytes()).hexdigest()
    assert digest == "68be32902d9d878f059f27cbe7772512e5e38dfe0a5a3464f37a58cca017c611"


@pytest.mark.parametrize("concentration", [1e-300, 1e-3, 1e6])
def test_extreme_concentrations_still_give_a_language(concentration):
    source = MarkovSource(5, 2, concentration=concentration)
    assert (source.transition.sum(1) == 1).all()
    assert 0 <= source.entropy_rate <= math.log2(5)
    if concentration > 1:
        assert source.entropy_rate == pytest.approx(math.log2(5), abs=1e-3)
    else:
        assert source.entropy_rate < 0.1


@given(st.integers(2, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 6))
def test_samples_have_their_shape_and_repeat_with_the_generator(num_symbols, order, batch_size, length):
    source = MarkovSource(num_symbols, order)
    text = source.sample(batch_size, length, seeded(4))
    assert text.shape == (batch_size, length)
    assert text.dtype == torch.long
    assert 0 <= text.min() <= text.max() < num_symbols
    assert torch.equal(text, source.sample(batch_size, length, seeded(4)))


@given(hnp.arrays(np.float64, (3, 3), elements=st.sampled_from([0.0, 0.0, 0.5, 1.0])))
def test_a_given_table_is_used_or_refused_for_a_reason(table):
    try:
        source = MarkovSource.from_transition(table)
    except ValueError as error:
        refusal = str(error)
    else:
        refusal = ""
    if (table.sum(1) != 1).any():
        assert "sums to" in refusal
        return
    assert ("falls apart" in refusal) == (np.linalg.matrix_rank(table.T - np.eye(3)) < 2)
    if refusal:
        return
    np.testing.assert_allclose(source.stationary.numpy() @ table, source.stationary, atol=1e-12)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ([[0.5, 0.5], [float("nan"), 1]], r"transition\[1, 0\] is NaN"),
        ([[1.5, -0.5], [0.5, 0.5]], r"transition\[0, 1\] = -0.5 is negative"),
        ([[0.5, 0.5], [0.5, 0.4]], r"transition\[1\] sums to 0.9"),
        ([[0.5, 0.5], [0.5, float("inf")]], r"transition\[1\] sums to inf"),
        ([[0.5, 0.5]] * 3, "3 rows, which is no power of its 2"),
        ([[1.0]], r"shape \[1, 1\]"),
        ([0.5, 0.5], r"shape \[2\]"),
        ([[1.0, 0.0], [0.0, 1.0]], "falls apart"),
        (np.full((2**13, 2), 0.5), "more than 4096"),
    ],
)
def test_a_table_that_is_no_language_is_refused_in_words(table, words):
    with pytest.raises(ValueError, match=words):
        MarkovSource.from_transition(table)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_symbols": 1}, "num_symbols=1"),
        ({"num_symbols": 3, "order": 0}, "order=0"),
        ({"num_symbols": 3, "concentration": 0.0}, "concentration=0"),
        ({"num_symbols": 3, "concentration": float("nan")}, "concentration=nan"),
        ({"num_symbols": 17, "order": 3}, r"17\*\*3 contexts"),
        ({"num_symbols": 2, "order": 10**9}, "order=1000000000"),
    ],
)
def test_a_source_that_cannot_be_is_refused_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        MarkovSource(**arguments)


def test_the_largest_source_is_allowed_and_bad_lengths_are_not():
    source = MarkovSource(2, 10)
    with pytest.raises(ValueError, match="length=0"):
        source.sample(2, 0)
    with pytest.raises(ValueError, match="num_previous=-1"):
        source.conditional_entropy(-1)


# Patterns and recall


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 4), st.integers(1, 5))
def test_a_pattern_is_said_again_and_again(batch_size, period, repeats, num_symbols):
    text = repeated_patterns(batch_size, period, repeats=repeats, num_symbols=num_symbols, generator=seeded())
    assert text.shape == (batch_size, period * repeats)
    assert text.dtype == torch.long
    assert torch.equal(text[:, period:], text[:, :-period])
    assert 0 <= text.min() <= text.max() < num_symbols


def test_patterns_are_uniform_and_differ_between_rows():
    text = repeated_patterns(2000, 10, num_symbols=5, generator=seeded())
    np.testing.assert_allclose(np.bincount(text[:, :10].flatten()) / 20_000, 0.2, atol=0.02)
    assert len(text.unique(dim=0)) > 1900


@given(st.integers(1, 4), st.integers(0, 9), st.integers(1, 4), st.integers(1, 4))
def test_a_question_holds_symbol_fillers_and_the_token_that_asks(
    batch_size, distance, num_symbols, num_fillers
):
    inputs, targets = recall_at_distance(
        batch_size, distance, num_symbols=num_symbols, num_fillers=num_fillers, generator=seeded()
    )
    assert inputs.shape == (batch_size, distance + 2)
    assert inputs.dtype == targets.dtype == torch.long
    assert torch.equal(inputs[:, 0], targets)
    assert (targets < num_symbols).all()
    assert (inputs[:, 1:-1] >= num_symbols).all()
    assert (inputs[:, 1:-1] < num_symbols + num_fillers).all()
    assert (inputs[:, -1] == num_symbols + num_fillers).all()


def test_symbols_and_fillers_are_uniform_and_independent():
    batch = recall_at_distance(8000, 3, num_symbols=4, num_fillers=4, generator=seeded())
    np.testing.assert_allclose(np.bincount(batch.targets) / 8000, 0.25, atol=0.02)
    together = np.bincount(batch.targets * 4 + batch.inputs[:, 2] - 4, minlength=16) / 8000
    np.testing.assert_allclose(together, 1 / 16, atol=0.015)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"distance": -1}, "distance=-1"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"num_symbols": 0}, "num_symbols=0"),
        ({"num_fillers": 0}, "num_fillers=0"),
    ],
)
def test_a_question_that_cannot_be_is_refused_in_words(arguments, words):
    with pytest.raises(ValueError, match=words):
        recall_at_distance(**{"batch_size": 2, "distance": 3, "num_symbols": 4, "num_fillers": 4} | arguments)


@pytest.mark.parametrize("name", ["batch_size", "period", "repeats", "num_symbols"])
def test_a_pattern_that_cannot_be_is_refused_in_words(name):
    with pytest.raises(ValueError, match=f"{name}=0"):
        repeated_patterns(**{"batch_size": 2, "period": 3, "repeats": 2, "num_symbols": 4} | {name: 0})
