"""What a split drops: no more than it must from long lines, and counted to the byte."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmasos_edu.corpus import Document, leak_share, library_code, manual, split, split_documents

PHRASE = "and this one phrase of more than fifty bytes ends every part of it"


def prose(seed, count):
    """Words that nobody has said before, on one line."""
    rng = random.Random(seed)
    return " ".join("".join(rng.choices("abcdefghijklmnoprstuvw", k=rng.randint(2, 9))) for _ in range(count))


def size(documents):
    return sum(len(document.text.encode()) for document in documents)


def test_from_a_long_line_only_the_shared_passage_is_cut():
    documents = [Document(str(i), f"{prose(i, 200)} {PHRASE}") for i in range(60)]
    found = split_documents(documents)
    assert found.leak == 0
    assert len(found.cut) == len(found.train) == 60 - len(found.held_out)
    assert all(
        len(PHRASE) <= lost <= len(PHRASE) + 3 for _, lost in found.cut
    )  # a letter may agree by chance
    for document in found.train:
        assert documents[int(document.topic)].text.startswith(document.text)


def test_a_passage_in_the_middle_of_a_line_leaves_both_ends_in_whole_characters():
    shared = "語" * 30
    documents = [Document(str(i), f"{'é' * 90}{prose(i, 60)}ö{shared}ö{prose(i + 9, 60)}") for i in range(2)]
    found = split_documents(documents, held_out=0.5, width=80)
    (train,) = found.train
    i = int(train.topic)
    assert found.cut[0][1] == 90 + len("öö".encode()) + 180  # the run of é is shared as well
    assert train.text == prose(i, 60) + prose(i + 9, 60)


def test_a_short_line_goes_whole():
    lines = [[prose(100 * i + j, 8) + "\n" for j in range(20)] for i in range(2)]
    for i in range(2):
        lines[i][7] = f"{prose(500 + i, 3)} {PHRASE}\n"
    found = split_documents([Document(str(i), "".join(lines[i])) for i in range(2)], held_out=0.5)
    (train,) = found.train
    (lost,) = [size for _, size in found.cut]
    kept = lines[int(train.topic)]
    assert len(kept[7]) <= 100
    assert lost == len(kept[7]) + 1  # and the line end that closes the text
    assert train.text == "".join(kept[:7] + kept[8:]).strip("\n")


@given(
    st.lists(
        st.text("abc \né中", min_size=1, max_size=60),
        min_size=2,
        max_size=8,
    ),
    st.integers(1, 12),
    st.integers(0, 3),
)
@settings(max_examples=200, deadline=None)
def test_every_byte_is_on_one_side_or_counted_as_dropped_and_nothing_is_shared(texts, width, seed):
    documents = [Document(str(i), text) for i, text in enumerate(texts)]
    try:
        found = split_documents(documents, 0.3, seed, width=width)
    except ValueError:
        return  # too much alike to be parted
    kept, dropped = size(found.train) + size(found.held_out), found.dropped
    assert dropped.total == size(documents) == kept + dropped.copies + dropped.cut
    assert dropped.cut == sum(lost for _, lost in found.cut)
    assert dropped.copies == sum(size([documents[int(topic)]]) for topic, _ in found.copies)
    assert dropped.share == pytest.approx(1 - kept / size(documents))
    for document in found.train:
        assert leak_share(document.text, found.held_out_text, width) == 0


def test_the_account_says_bytes_and_share_in_words():
    dropped = split.Dropped(copies=1200, cut=34, total=12_340)
    assert str(dropped) == (
        "1,234 of 12,340 bytes (10.0%): 1,200 in what repeats other parts, 34 in passages that the held-out "
        "part has too"
    )


def test_the_book_s_own_texts_have_no_long_lines_to_cut(monkeypatch):
    """Models and chapters stand on these splits: the rule for long lines must not have moved them."""
    documents = manual() + library_code(400_000)
    found = split_documents(documents)
    monkeypatch.setattr(split, "LONG_LINE", 10**9)
    assert split_documents(documents) == found
    assert found.dropped.cut > 0


# Named topics


def test_named_topics_are_held_out_without_a_common_passage():
    documents = manual()
    found = split.hold_out(documents, {"binary", "typesmodules", "formatstrings"})
    assert [document.topic for document in found.held_out] == ["binary", "formatstrings", "typesmodules"]
    assert found.leak == leak_share(found.train_text, found.held_out_text) == 0
    assert found.naive_leak > 0
    others = {document.topic: document.text for document in documents}
    assert all(document.text == others[document.topic] for document in found.held_out)
    lost = sum(
        len(text.encode())
        for topic, text in others.items()
        if topic not in {"binary", "typesmodules", "formatstrings"}
    )
    assert lost - sum(len(document.text.encode()) for document in found.train) == found.dropped.cut > 0


def test_topics_that_do_not_exist_or_leave_nothing_are_refused():
    documents = [Document("one", "a text"), Document("two", "another")]
    with pytest.raises(ValueError, match="no document has the topic 'three'"):
        split.hold_out(documents, {"three"})
    with pytest.raises(ValueError, match="2 documents are held out and 0 are left"):
        split.hold_out(documents, {"one", "two"})
    with pytest.raises(ValueError, match="0 documents are held out"):
        split.hold_out(documents, set())
