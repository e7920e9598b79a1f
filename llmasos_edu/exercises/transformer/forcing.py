"""Exercises of chapter 4.2, the part on training: what goes in and what is asked for.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 4.2-7 --------------------------------------------------------------------------------


def teacher_forcing(sentences, start, end, pad):
    """sentences: lists of tokens, batch of them -> inputs, labels, both [batch, longest sentence + 1]."""
    longest = max(len(words) for words in sentences)
    inputs = [[start, *words] + [pad] * (longest - len(words)) for words in sentences]
    labels = [[*words, end] + [pad] * (longest - len(words)) for words in sentences]
    return torch.tensor(inputs), torch.tensor(labels)


def _rows(sentences, pad, make, *, front=False):
    rows = [make(list(words)) for words in sentences]
    longest = max(map(len, rows))
    fill = [[pad] * (longest - len(row)) for row in rows]
    pairs = zip(rows, fill, strict=True)
    return torch.tensor([gap + row if front else row + gap for row, gap in pairs])


def _forced(inputs, labels, **options):
    """A wrong answer from what it puts into the rows of inputs and of labels."""

    def answer(sentences, start, end, pad):
        return (
            _rows(sentences, pad, lambda words: inputs(words, start, end), **options),
            _rows(sentences, pad, lambda words: labels(words, start, end), **options),
        )

    return answer


def _end_last(sentences, start, end, pad):
    inputs, labels = teacher_forcing(sentences, start, end, pad)
    bodies = _rows(sentences, pad, lambda words: words)
    return inputs, torch.cat([bodies, torch.full_like(labels[:, :1], end)], 1)


def _filled_with_end(sentences, start, end, pad):
    inputs, labels = teacher_forcing(sentences, start, end, pad)
    gaps = _rows(sentences, 1, lambda words: [0] * (len(words) + 1)).bool()
    return inputs, labels.masked_fill(gaps, end)


def _one_row_cut_twice(sentences, start, end, pad):
    """Of rows filled up to the same length the last column is left off, and with it the longest one's end."""
    rows = _rows(sentences, pad, lambda words: [start, *words, end])
    return rows[:, :-1], rows[:, 1:]


def _inputs_filled_with(choose):
    def answer(sentences, start, end, pad):
        fill = choose(start, end)
        return _rows(sentences, fill, lambda words: [start, *words]), teacher_forcing(
            sentences, start, end, pad
        )[1]

    return answer


def _end_by_counting(sentences, start, end, pad):
    """A row's length is the number of its inputs that are not pad, and start may be that number too."""
    inputs, _ = teacher_forcing(sentences, start, end, pad)
    labels = torch.cat((inputs[:, 1:], torch.full_like(inputs[:, :1], pad)), 1)
    labels[torch.arange(len(labels)), (inputs != pad).sum(1) - 1] = end
    return inputs, labels


def _each_sentence_once(sentences, start, end, pad):
    return teacher_forcing(list(dict.fromkeys(map(tuple, sentences))), start, end, pad)


def _end_not_asked(sentences, start, end, pad):
    inputs, _ = teacher_forcing(sentences, start, end, pad)
    return inputs, _rows([*sentences, [pad] * inputs.shape[1]], pad, lambda words: words)[:-1]


FORCING = Exercise(
    key="4.2-7",
    title="Teacher forcing: inputs and labels",
    difficulty=1,
    minutes=10,
    statement=(
        "In training the decoder reads the true words and has to guess the next one at every position. Make "
        "both tensors from a list of sentences: inputs begin with start, labels are one step ahead and "
        "close with end, so that the label at each position is the word which comes next. The end token "
        "stands in no input. Fill shorter rows up with pad behind, to the length of the longest sentence "
        "plus one."
    ),
    takeaway="Every position reads what is written so far and is asked for the next word, all at once.",
    reference=teacher_forcing,
    explanation="The same words twice, one step apart: start opens the inputs and end closes the labels.",
    hints=(
        "Take the sentence A B C and write two rows under each other: what the decoder reads, and what it "
        "should answer below each word. What does it read before the first answer?",
        "After the last word has been read, one more answer is due. Which token is it, and in which of the "
        "two rows does it stand?",
        "Both rows have one token more than the sentence. What is left up to the longest row is pad, at the "
        "back of both.",
    ),
    cases=(
        Case("sentences of 3, 1 and 2 words", ([[5, 6, 7], [8], [9, 4]], 1, 2, 0)),
        Case("a single sentence of 4 words", ([[3, 3, 4, 5]], 1, 2, 0)),
        Case("an empty sentence beside one of 2 words", ([[], [6, 5]], 0, 1, 9)),
        Case("sentences of the same length", ([[4, 5], [6, 7], [5, 4]], 8, 9, 3)),
        Case("start and pad the same, one sentence twice", ([[5, 6], [7], [5, 6]], 0, 2, 0)),
        Case("pad -1, start 7, end 0", ([[1, 2, 3, 4, 5], [3, 2]], 7, 0, -1)),
    ),
    mistakes=(
        Mistake(
            "target not shifted",
            "Inputs and labels are the same row, so the decoder is asked for the word that it has just read. "
            "It would learn to copy and be lost when it has to write by itself.",
            (
                _forced(lambda w, s, e: [*w, e], lambda w, s, e: [*w, e]),
                _forced(lambda w, s, e: [s, *w], lambda w, s, e: [s, *w]),
                _forced(lambda w, s, e: [s, *w, e], lambda w, s, e: [s, *w, e]),
                _forced(lambda w, s, e: w, lambda w, s, e: w),
            ),
        ),
        Mistake(
            "shifted the other way",
            "Your inputs are one step ahead of the labels: the decoder reads a word and is asked for the one "
            "before it. Which of the two begins with start?",
            (
                _forced(lambda w, s, e: [*w, e], lambda w, s, e: [s, *w]),
                _forced(lambda w, s, e: w, lambda w, s, e: [s, *w[:-1]]),
            ),
        ),
        Mistake(
            "shifted twice",
            "Your labels are two steps ahead: the decoder is asked for the word after the next and never for "
            "the first one. Inputs and labels have the same length by themselves.",
            (
                _forced(lambda w, s, e: [s, *w], lambda w, s, e: [*w[1:], e]),
                _forced(lambda w, s, e: [s, *w], lambda w, s, e: [*w[1:], e, e][: len(w) + 1]),
            ),
        ),
        Mistake(
            "end not asked for",
            "The labels never hold the end token. A decoder trained on them does not know how to stop.",
            (
                _end_not_asked,
                _forced(lambda w, s, e: [s, *w], lambda w, s, e: w),
                _forced(lambda w, s, e: [s, *w[:-1]], lambda w, s, e: w),
            ),
        ),
        Mistake(
            "start not read",
            "Your inputs begin with the first word, not with start. What can a decoder read when nothing "
            "has been written yet, and which word is it asked for then?",
            (
                _forced(lambda w, s, e: w, lambda w, s, e: [*w[1:], e]),
                _forced(lambda w, s, e: [*w, e], lambda w, s, e: [*w[1:], e]),
                _forced(lambda w, s, e: w, lambda w, s, e: [*w, e]),
            ),
        ),
        Mistake(
            "end read",
            "The end token stands among your inputs. After it nothing is left to answer, so no position has "
            "any use for it.",
            (
                _forced(lambda w, s, e: [s, *w, e], lambda w, s, e: [*w, e]),
                _forced(lambda w, s, e: [s, *w, e], lambda w, s, e: [s, *w]),
                _one_row_cut_twice,
                lambda x, s, e, p: (
                    _rows(x, p, lambda w: [s, *w, e]),
                    _rows([*x, [p] * (max(map(len, x)) + 1)], p, lambda w: [*w, e])[:-1],
                ),
            ),
        ),
        Mistake(
            "start among the labels",
            "Your labels begin with start. It is given, never guessed: no label asks for it.",
            (
                _forced(lambda w, s, e: [s, *w], lambda w, s, e: [s, *w, e]),
                _forced(lambda w, s, e: w, lambda w, s, e: [s, *w, e]),
            ),
        ),
        Mistake(
            "end behind the padding",
            "In a short sentence the end token stands in the last column, behind the padding. It belongs "
            "straight after the sentence's last word.",
            (_end_last,),
        ),
        Mistake(
            "another padding",
            "Your rows are filled up with a number of your own, such as 0 or -100, in one of the tensors or "
            "in both. Which number means padding is an argument.",
            (
                lambda x, s, e, p: teacher_forcing(x, s, e, 0),
                lambda x, s, e, p: (teacher_forcing(x, s, e, p)[0], teacher_forcing(x, s, e, -100)[1]),
                lambda x, s, e, p: (teacher_forcing(x, s, e, p)[0], teacher_forcing(x, s, e, 0)[1]),
                _inputs_filled_with(lambda start, end: 0),
            ),
        ),
        Mistake(
            "start taken for padding",
            "Right, except where start and pad are the same number, as in some models: there it comes out as "
            "if start were not counted in the length of a row, so that end stands one place too early.",
            (_end_by_counting,),
        ),
        Mistake(
            "each sentence once",
            "A sentence that stands twice in the list makes one row in your result. Every sentence of the "
            "list has a row of its own, also one that was there before.",
            (_each_sentence_once,),
        ),
        Mistake(
            "labels moved round",
            "It comes out as if the labels were the inputs moved round by one place: start comes in again "
            "in the last column, and the end token is nowhere. What closes a sentence?",
            (lambda x, s, e, p: ((rows := teacher_forcing(x, s, e, p)[0]), rows.roll(-1, 1)),),
        ),
        Mistake(
            "filled up with end",
            "Labels of short sentences are filled up with the end token. The loss leaves pad out, but "
            "these would count, each like a word that was really said.",
            (
                _filled_with_end,
                lambda x, s, e, p: tuple(
                    _rows(x, e, lambda w, r=r: r(w)) for r in (lambda w: [s, *w], lambda w: [*w, e])
                ),
            ),
        ),
        Mistake(
            "inputs filled up with start or end",
            "The labels are right, but the inputs of short sentences are filled up with start or with end. "
            "Both say something to a decoder; pad is there to say nothing.",
            (
                _inputs_filled_with(lambda start, end: end),
                _inputs_filled_with(lambda start, end: start),
            ),
        ),
        Mistake(
            "padding in front",
            "Your rows are filled up in front. The same word then stands at another position when a "
            "neighbour is longer, and start is no longer the first token of a short row.",
            (_forced(lambda w, s, e: [s, *w], lambda w, s, e: [*w, e], front=True),),
        ),
        Mistake(
            "start and end exchanged",
            "Your inputs begin with the end token and your labels close with start. The arguments come in "
            "the order start, end, pad.",
            (_forced(lambda w, s, e: [e, *w], lambda w, s, e: [*w, s]),),
        ),
    ),
    parts=("inputs", "labels"),
)


EXERCISES = (FORCING,)
