"""Exercises of chapter 3.1, the part on sentence pairs: BERT's input of two segments.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.1-11 ---------------------------------------------------------------------------------


def two_segments(first, second, cls, sep):
    """first [n], second [m], cls and sep numbers -> tokens [n + m + 3], segments [n + m + 3]."""
    start, end = first.new_tensor([cls]), first.new_tensor([sep])
    tokens = torch.cat([start, first, end, second, end])
    segments = torch.zeros_like(tokens)
    segments[len(first) + 2 :] = 1
    return tokens, segments


def _built(first, second, cls, sep, *, ones_from=2, middle=True, last=True, last_segment=1):
    end = first.new_tensor([sep])
    parts = [first.new_tensor([cls]), first] + [end] * middle + [second] + [end] * last
    tokens = torch.cat(parts)
    segments = torch.zeros_like(tokens)
    segments[len(first) + ones_from :] = 1
    if last:
        segments[-1] = last_segment
    return tokens, segments


def _counted_from_one(first, second, cls, sep):
    tokens, segments = two_segments(first, second, cls, sep)
    return tokens, segments + 1


def _marks_of_their_own(first, second, cls, sep):
    tokens, segments = two_segments(first, second, cls, sep)
    segments[[0, len(first) + 1, -1]] = 2
    return tokens, segments


def _only_sentences(first, second, cls, sep):
    tokens, _ = two_segments(first, second, cls, sep)
    return tokens, torch.cat([torch.zeros_like(first), torch.ones_like(second)])


def _other_length(first, second, cls, sep):
    tokens, _ = two_segments(first, second, cls, sep)
    return tokens, (torch.arange(len(tokens)) >= len(second) + 2).long()


def _halves(first, second, cls, sep):
    tokens, _ = two_segments(first, second, cls, sep)
    return tokens, (torch.arange(len(tokens)) >= len(tokens) // 2).long()


def _places(first, second, cls, sep):
    tokens, _ = two_segments(first, second, cls, sep)
    return tokens, torch.arange(len(tokens))


def _start_twice(first, second, cls, sep):
    start, end = first.new_tensor([cls]), first.new_tensor([sep])
    tokens = torch.cat([start, first, end, start, second, end])
    segments = torch.zeros_like(tokens)
    segments[len(first) + 2 :] = 1
    return tokens, segments


def _sentences(name, first, second, cls=101, sep=102):
    return Case(name, (torch.tensor(first), torch.tensor(second), cls, sep))


PAIR = Exercise(
    key="3.1-11",
    title="Two sentences in one input",
    difficulty=1,
    minutes=10,
    statement=(
        "Build BERT's input of two sentences: `[CLS] first [SEP] second [SEP]`, where cls and sep are the "
        "numbers of the two marks. segments says for each token which sentence it belongs to: 0 for the "
        "first, with the mark before it and the one that ends it, 1 for the second with the mark that ends "
        "it. The sentences themselves hold no mark."
    ),
    takeaway="Marks and segments are all that tells two sentences from one: the encoder reads a single row.",
    reference=two_segments,
    explanation="The second sentence begins n + 2 tokens in: after [CLS], the first one and its [SEP].",
    hints=(
        "How many tokens does the whole row have? Three more than both sentences. Which mark stands where?",
        "Put the five parts behind one another. Then count how many of the tokens come before the second "
        "sentence: all of these have segment 0.",
        "With n tokens in the first sentence, n + 2 tokens stand before the second one. From there on, the "
        "last mark included, the segment is 1.",
    ),
    cases=(
        _sentences("three and two tokens", [7, 8, 9], [5, 6]),
        _sentences("one token each", [4], [4]),
        _sentences("the second one longer", [1, 2], [3, 4, 5, 6, 7]),
        _sentences("other numbers for the marks", [3, 1, 4], [1, 5, 9, 2], cls=50, sep=40),
        _sentences("the same sentence twice", [6, 6, 2], [6, 6, 2]),
        _sentences("long sentences", list(range(20)), list(range(20, 33)), cls=99, sep=98),
    ),
    mistakes=(
        Mistake(
            "first end to the second",
            "The [SEP] between the sentences has segment 1 with you. It ends the first sentence and belongs "
            "to it.",
            (lambda f, s, c, e: _built(f, s, c, e, ones_from=1),),
        ),
        Mistake(
            "one place early or late",
            "The second segment does not begin where the second sentence does. Count the marks before it: "
            "there are two of them.",
            (
                lambda f, s, c, e: _built(f, s, c, e, ones_from=0),
                lambda f, s, c, e: _built(f, s, c, e, ones_from=3),
            ),
        ),
        Mistake(
            "no end between",
            "Nothing stands between your sentences: the mark that ends the first one is missing.",
            (lambda f, s, c, e: _built(f, s, c, e, ones_from=1, middle=False),),
        ),
        Mistake(
            "no end at the end",
            "The second sentence has no end with you. Each of the two is ended by a mark of its own.",
            (lambda f, s, c, e: _built(f, s, c, e, last=False),),
        ),
        Mistake(
            "last end to the first",
            "The last [SEP] has segment 0 with you. It ends the second sentence, so it belongs to segment 1.",
            (lambda f, s, c, e: _built(f, s, c, e, last_segment=0),),
        ),
        Mistake(
            "halves of the row",
            "It comes out as if the row were cut in the middle. The second segment begins where the second "
            "sentence does, however long the two are.",
            (_halves,),
        ),
        Mistake(
            "the other sentence's length",
            "It comes out as if the first sentence had the length of the second: that many places and two "
            "more have segment 0. The first one's own length counts.",
            (_other_length,),
        ),
        Mistake(
            "counted from one",
            "Your segments are 1 and 2. They are rows of an embedding with two rows, and those are counted "
            "from 0.",
            (_counted_from_one,),
        ),
        Mistake(
            "a segment for the marks",
            "You give the marks a segment of their own. There are two segments only: each mark belongs to "
            "one of the sentences.",
            (_marks_of_their_own,),
        ),
        Mistake(
            "marks without a segment",
            "Your segments cover the sentences and leave the marks out. Every token of the row needs one, "
            "for its embedding is added at each place.",
            (_only_sentences,),
        ),
        Mistake(
            "places for segments",
            "Your segments count the places. Where a token stands is told by its position; the segment says "
            "to which of the two sentences it belongs.",
            (_places,),
        ),
        Mistake(
            "two starts",
            "You begin the second sentence with [CLS] as well. It stands once, at the very beginning: its "
            "state speaks for the whole row.",
            (_start_twice,),
        ),
        Mistake(
            "tokens and segments exchanged",
            "You return the segments first. The tokens come first, then the segments.",
            (lambda f, s, c, e: two_segments(f, s, c, e)[::-1],),
        ),
        Mistake(
            "sentences exchanged",
            "The second sentence stands first in your row. What follows what is the question: keep their "
            "order.",
            (lambda f, s, c, e: two_segments(s, f, c, e),),
        ),
    ),
    parts=("tokens", "segments"),
)


EXERCISES = (PAIR,)
