"""Sentences, keywords and orders, planted errors: what chapter 6.2 reads."""

import itertools

import pytest
import torch

from llmasos_edu.corpus.document import Document
from llmasos_edu.corpus.keyword_pairs import Brief, briefs, keyword_prompt, manual_sides, pair_rows
from llmasos_edu.corpus.planted_errors import KINDS, plant_error
from llmasos_edu.corpus.sentences import Keywords, sentences, words_of
from llmasos_edu.corpus.split import join, leak_share
from llmasos_edu.text.tokenizer import ByteTokenizer


def found(text, **options):
    return sentences([Document("t", text)], **options)


def test_words_are_runs_of_letters_in_lower_case():
    assert words_of("The __init__ of Foo_bar, isn't 3x") == ["the", "init", "of", "foo_bar", "isn", "t", "x"]


def test_sentences_go_over_lines_and_end_at_a_full_stop():
    text = "The first sentence goes\nover two lines here. Another one has seven words too. And short."
    assert found(text) == [
        "The first sentence goes over two lines here.",
        "Another one has seven words too.",
    ]


def test_what_is_no_plain_sentence_is_left_out():
    assert found("no capital at the very beginning here.") == []
    assert found("No full stop at the very end here") == []
    assert found("A question is no statement, or is it?") == []
    assert found("The rule is a ::= b, and so on with it.") == []
    assert found(">>> This looks like a session, and is one.") == []
    assert found("This has a sign = that no prose has.") == []


def test_lengths_are_counted_in_words_and_each_sentence_stands_once():
    six = "One two three four five six."
    assert found(f"{six} {six}") == [six]
    assert found("One two three four five.") == []
    assert found(six, longest=6) == [six]
    assert found("One two three four five six seven.", longest=6) == []
    assert found("One two.", shortest=2) == ["One two."]


@pytest.mark.parametrize(
    ("options", "words"), [({"shortest": 0}, "shortest=0"), ({"longest": 5}, "longest=5")]
)
def test_lengths_that_no_sentence_can_have_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        found("x", **options)


TEXTS = [
    "The cat sees the bird.",
    "The bird sees a tree.",
    "Every tree has the bird.",
    "A cat climbs the tree.",
]


def test_keywords_are_neither_common_nor_rare_nor_short():
    keywords = Keywords(TEXTS, common=1, least=2, letters=4)
    assert keywords.known == {"bird", "tree", "sees"}
    assert keywords.of("The tree, the BIRD and the tree.") == ["tree", "bird"]
    assert Keywords(TEXTS, common=1, least=2, letters=3).known == {"bird", "tree", "sees", "cat"}
    assert "climbs" in Keywords(TEXTS, common=1, least=1, letters=4).known


def test_a_draw_is_sorted_and_hangs_on_seed_and_sentence():
    keywords = Keywords(TEXTS, common=1, least=2)
    drawn = {tuple(keywords.draw("A bird sees a tree.", 2, seed)) for seed in range(20)}
    assert drawn == set(itertools.combinations(["bird", "sees", "tree"], 2))
    assert keywords.draw("A bird sees a tree.", 2, 3) == keywords.draw("A bird sees a tree.", 2, 3)
    assert keywords.draw("A bird.", 2, 0) is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"common": 0}, "common=0"),
        ({"least": 0}, "least=0"),
        ({"letters": 0}, "letters=0"),
        ({"common": 99}, "none of"),
    ],
)
def test_keywords_that_cannot_be_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        Keywords(TEXTS, **options)


def test_the_manuals_sides_share_no_passage():
    learnt, judged = manual_sides(["with", "lambda", "numbers"])
    assert {document.topic for document in judged} == {"with", "lambda", "numbers"}
    assert len(learnt) > 50
    assert len(sentences(learnt)) > 500
    assert len(sentences(judged)) > 5
    for document in learnt[::9]:
        assert leak_share(document.text, join(judged)) == 0
    for none in ([], ["no such topic"]):
        with pytest.raises(ValueError, match="0 documents are held out"):
            manual_sides(none)


def test_orders_and_rows_to_learn_from():
    keywords, tokenizer = Keywords(TEXTS, common=1, least=2), ByteTokenizer()
    orders = briefs(TEXTS, keywords, 2)
    assert orders[0] == Brief(["bird", "sees"], TEXTS[0])
    assert len(orders) == 3
    assert bytes(keyword_prompt(tokenizer, ["bird", "sees"])) == b"bird, sees:\n"
    inputs, targets = pair_rows(tokenizer, orders, 36)
    assert inputs.shape == targets.shape == (3, 36)
    scored = targets[0] != -100
    assert bytes(targets[0][scored].tolist()) == TEXTS[0].encode() + b"\n"
    assert torch.equal(
        inputs[0, 1 : scored.nonzero()[-1] + 1][scored[: scored.nonzero()[-1]]], targets[0][scored][:-1]
    )
    assert scored.nonzero()[0] == len(b"bird, sees:\n") - 1
    assert len(pair_rows(tokenizer, orders, 35)[0]) == 2, "36 is just long enough for the third"


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (
            lambda: briefs(["A cat."], Keywords(TEXTS, common=1, least=2), 3),
            ValueError,
            "none of 1 sentences has 3",
        ),
        (lambda: briefs(TEXTS, Keywords(TEXTS, common=1, least=2), 0), ValueError, "count=0"),
        (
            lambda: pair_rows(ByteTokenizer(), [Brief(["a"], "A cat.")], 4),
            ValueError,
            "none of 1 pairs fits into 4",
        ),
        (lambda: keyword_prompt(ByteTokenizer(), []), ValueError, "keywords has 0 entries"),
        (lambda: keyword_prompt(ByteTokenizer(), "cat"), TypeError, "keywords is one string"),
        (lambda: keyword_prompt(ByteTokenizer(), ["two words"]), ValueError, "'two words' is no single word"),
        (lambda: keyword_prompt(ByteTokenizer(), [" cat"]), ValueError, "' cat' is no single word"),
    ],
)
def test_bad_orders_are_refused_in_words(make, error, words):
    with pytest.raises(error, match=words):
        make()


# ---- planted errors ----

SENTENCE = "The list is sorted in place and these items are compared."


def test_a_swap_exchanges_two_neighbours_and_marks_both():
    seen = set()
    for seed in range(60):
        planted = plant_error(SENTENCE, "swapped", seed)
        right, wrong = SENTENCE.split(), planted.text.split()
        first, second = sorted(planted.places)
        assert second == first + 1
        assert first >= 1
        assert second < len(right) - 1
        assert (wrong[first], wrong[second]) == (right[second], right[first]) != (right[first], right[second])
        assert wrong[:first] + wrong[second + 1 :] == right[:first] + right[second + 1 :]
        seen.add(first)
    assert seen == set(range(1, 9))


def test_a_doubling_marks_the_second():
    seen = set()
    for seed in range(60):
        planted = plant_error(SENTENCE, "doubled", seed)
        right, wrong, (place,) = SENTENCE.split(), planted.text.split(), planted.places
        assert wrong[place] == wrong[place - 1] == right[place - 1]
        assert wrong[:place] + wrong[place + 1 :] == right
        seen.add(place)
    assert seen == set(range(2, 11))


def test_agreement_exchanges_one_word_for_its_partner():
    seen = set()
    for seed in range(30):
        planted = plant_error(SENTENCE, "agreement", seed)
        right, wrong, (place,) = SENTENCE.split(), planted.text.split(), planted.places
        assert (right[place], wrong[place]) in {("is", "are"), ("these", "this"), ("are", "is")}
        assert wrong[:place] + wrong[place + 1 :] == right[:place] + right[place + 1 :]
        seen.add(place)
    assert seen == {2, 7, 9}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_plants_the_same(kind):
    assert plant_error(SENTENCE, kind, 5) == plant_error(SENTENCE, kind, 5)
    assert plant_error(SENTENCE, kind, 5).kind == kind


def test_where_there_is_no_place_nothing_is_planted():
    assert plant_error("All 3 (x) [y] {z}.", "doubled", 0) is None
    assert plant_error("No such word here.", "agreement", 0) is None
    assert plant_error("One the the end.", "swapped", 0) is None
    with pytest.raises(ValueError, match="kind='lost' is none of swapped, doubled, agreement"):
        plant_error(SENTENCE, "lost", 0)
