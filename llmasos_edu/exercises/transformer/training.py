"""Exercises of chapter 4.2, the part on training: what goes in and what is asked for, and the loss.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

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
            ),
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


# 4.2-8 --------------------------------------------------------------------------------


def translation_loss(logits, labels, pad):
    """logits [batch, target, vocab], labels [batch, target] with pad where there is none -> loss [], nats."""
    log_probs = logits.log_softmax(dim=-1)
    of_labels = log_probs.gather(-1, labels[..., None])[..., 0]
    return -of_labels[labels != pad].mean()


def _losses(logits, labels):
    """Nats for every position, [batch, target]."""
    return F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")


def _mean_of_rows(logits, labels, pad):
    real = labels != pad
    return ((_losses(logits, labels) * real).sum(-1) / real.sum(-1)).mean()


def _mean_of_rows_with_labels(logits, labels, pad):
    some = (labels != pad).any(1)
    return _mean_of_rows(logits[some], labels[some], pad)


def _over_real(logits, labels, pad, values=_losses):
    return values(logits, labels)[labels != pad].mean()


def _without_pad(logits, labels, pad):
    logits = logits.clone()
    if pad < logits.shape[-1]:
        logits[..., pad] = -torch.inf
    return _over_real(logits, labels, pad)


def _loss_case(name: str, seed: int, labels: list, vocab: int, pad: int, size: float = 2.0) -> Case:
    labels = torch.tensor(labels)
    return Case(name, (size * random_tensors(seed, (*labels.shape, vocab))[0], labels, pad))


LOSS = Exercise(
    key="4.2-8",
    title="A loss that leaves the padding out",
    difficulty=2,
    minutes=10,
    statement=(
        "The loss of a batch is the mean over all its real labels of minus the logarithm of the probability "
        "that the decoder gave to the label, in nats. Positions whose label is pad do not count at all, and "
        "every real label counts the same, in a short sentence as in a long one. At least one label is real."
    ),
    takeaway="Two batches can now be compared, however differently long their sentences are.",
    reference=translation_loss,
    explanation="Pick the labels' log-probabilities, drop what is padding, and only then take the mean.",
    hints=(
        "For one position: which function turns the logits into log-probabilities, and which of them is the "
        "one that you want?",
        "Labels [batch, target] pick one entry out of each row of [batch, target, vocab]. Which operation "
        "picks along the last axis by index?",
        "Now you have one number per position. Compare labels with pad: how do you take the mean over only "
        "some of the positions, in one go over the whole batch?",
    ),
    cases=(
        _loss_case("rows of 4 and 2 labels, pad 0", 801, [[3, 1, 2, 4], [5, 2, 0, 0]], 6, 0),
        _loss_case("no padding, pad 9", 802, [[0, 1], [2, 0], [1, 1]], 10, 9),
        _loss_case(
            "rows of 1, 5 and 3 labels, pad 1", 803, [[0, 1, 1, 1, 1], [2, 3, 0, 4, 2], [0, 0, 3, 1, 1]], 5, 1
        ),
        _loss_case("a single real label", 804, [[2, 3, 3, 3]], 4, 3, size=1.0),
        _loss_case("a row that is all padding", 805, [[4, 4, 4], [0, 2, 4]], 5, 4),
        _loss_case("logits of several hundred", 806, [[1, 2, 0], [2, 0, 0]], 4, 0, size=200.0),
    ),
    mistakes=(
        Mistake(
            "padding counted",
            "Your loss also asks the decoder to predict padding. Where there is none you are right; the more "
            "there is, the more the loss is about nothing.",
            (lambda z, y, pad: _losses(z, y).mean(),),
        ),
        Mistake(
            "divided by all positions",
            "Padding adds nothing to your sum, but it is counted in the number that you divide by: a batch "
            "with much padding seems easier than it is.",
            (lambda z, y, pad: (_losses(z, y) * (y != pad)).mean(),),
        ),
        Mistake(
            "mean of the sentences' means",
            "You take the mean of each sentence first, so a label in a short sentence counts more than one "
            "in a long sentence. Every real label counts the same.",
            (_mean_of_rows, lambda *a: _mean_of_rows(*a).nan_to_num(), _mean_of_rows_with_labels),
        ),
        Mistake(
            "labels smoothed",
            "A part of each label is spread over the vocabulary (label smoothing, as the paper trains with). "
            "Minus the logarithm of the label's own probability is asked for.",
            (
                lambda z, y, pad: F.cross_entropy(
                    z.flatten(0, 1), y.flatten(), ignore_index=pad, label_smoothing=0.1
                ),
            ),
        ),
        Mistake(
            "sum instead of mean",
            "You add the losses up without dividing by how many there are (or divide by the number of "
            "sentences), so longer batches look worse.",
            (
                lambda z, y, pad: _losses(z, y)[y != pad].sum(),
                lambda z, y, pad: _losses(z, y)[y != pad].sum() / len(y),
            ),
        ),
        Mistake(
            "sum over all positions",
            "You add up the losses of all positions, those of the padding too, and divide by nothing. "
            "Which of them should count, and by how many is their sum to be divided?",
            (lambda z, y, pad: _losses(z, y).sum(),),
        ),
        Mistake(
            "padding taken to be 0",
            "Where pad is 0 you are right. In other cases you leave out the labels that are 0 and count the "
            "padding: the number is an argument.",
            (lambda z, y, pad: _over_real(z, y, 0),),
        ),
        Mistake(
            "padding instead of labels",
            "You average exactly the positions that should be left out. What does your comparison with pad "
            "give True for?",
            (lambda z, y, pad: _losses(z, y)[y == pad].mean(),),
        ),
        Mistake(
            "pad taken out of the softmax",
            "Your probabilities are those of a decoder that may not write pad, so the others come out too "
            "large. It is the positions that do not count: the vocabulary stays whole.",
            (lambda z, y, pad: _without_pad(z, y, pad),),
        ),
        Mistake(
            "softmax taken twice",
            "Your losses hardly differ from one another: probabilities were handed on as if they were "
            "logits, so a softmax acted twice. What does your loss function do by itself?",
            (lambda z, y, pad: _over_real(z.softmax(-1), y, pad),),
        ),
        Mistake(
            "no softmax",
            "You pick the label's logit and forget its rivals. A logit alone says nothing: adding 5 to all "
            "of them changes no probability, but it changes your loss.",
            (lambda z, y, pad: _over_real(z, y, pad, lambda z, y: -z.gather(-1, y[..., None])[..., 0]),),
        ),
        Mistake(
            "no number",
            "Your loss is NaN in most cases, as when the logarithm is taken of logits, which may be "
            "negative, or a mean of nothing. Of which positive numbers do you want the logarithm?",
            (
                lambda z, y, pad: _over_real(
                    z, y, pad, lambda z, y: -z.gather(-1, y[..., None])[..., 0].log()
                ),
            ),
        ),
        Mistake(
            "logarithm missing",
            "You average the probabilities (or one minus them). A loss that goes to infinity for a label "
            "thought impossible needs another function of them.",
            (
                lambda z, y, pad: _over_real(z, y, pad, lambda z, y: 1 - torch.exp(-_losses(z, y))),
                lambda z, y, pad: _over_real(z, y, pad, lambda z, y: -torch.exp(-_losses(z, y))),
                lambda z, y, pad: _over_real(z, y, pad, lambda z, y: torch.exp(-_losses(z, y))),
            ),
        ),
        Mistake(
            "sign missing",
            "Your loss is negative: the logarithm of a probability is. Something that training makes small "
            "should be large where the decoder is wrong.",
            (lambda *a: -_over_real(*a),),
        ),
        Mistake(
            "another unit",
            "The right loss in another unit: bits, or the perplexity, whose logarithm it is. Nats need the "
            "natural logarithm and nothing after it.",
            (lambda *a: _over_real(*a) / math.log(2), lambda *a: _over_real(*a).exp()),
        ),
    ),
)


EXERCISES = (FORCING, LOSS)
