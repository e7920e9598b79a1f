"""Exercises of chapter 4.2, the part on training: the loss.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

import torch
import torch.nn.functional as F

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake, random_tensors

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


def _picked(log_probs, labels):
    return -log_probs.gather(-1, labels[..., None])[..., 0]


def _labels_in_front(logits, labels, pad):
    """As many positions as there are labels, the first ones."""
    first = torch.arange(labels.shape[1]) < (labels != pad).sum(1, keepdim=True)
    return _losses(logits, labels)[first].mean()


def _up_to_the_first_pad(logits, labels, pad):
    before = (labels == pad).long().cumsum(1) == 0
    return _losses(logits, labels)[before].mean()


def _floored(logits, labels, pad, floor):
    return -((-_losses(logits, labels)[labels != pad]).exp() + floor).log().mean()


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
        _loss_case("a single real label, padding on both sides", 804, [[3, 3, 2, 3]], 4, 3, size=1.0),
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
            "padding taken to stand behind",
            "Right where all padding stands behind the labels. Elsewhere it comes out as if the first "
            "positions were the real ones, up to the first pad or as many as there are labels. Which are "
            "real, each label says itself.",
            (_labels_in_front, _up_to_the_first_pad),
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
            "You add the losses up and divide by nothing. Every batch with more labels then looks worse: "
            "by how many is the sum to be divided?",
            (lambda z, y, pad: _losses(z, y)[y != pad].sum(),),
        ),
        Mistake(
            "divided by the sentences",
            "It comes out as if the sum of the losses were divided by the number of sentences. Long "
            "sentences then look worse than short ones: how many labels does the sum hold?",
            (lambda z, y, pad: _losses(z, y)[y != pad].sum() / len(y),),
        ),
        Mistake(
            "divided by the length of a row",
            "It comes out as if the sum of the losses were divided by the length of a row, padding "
            "included. How many labels does the sum hold?",
            (lambda z, y, pad: _losses(z, y)[y != pad].sum() / y.shape[1],),
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
            "It comes out as if probabilities had been handed on as logits, so that a softmax acts twice: "
            "the loss can then never be large, however wrong the decoder is. What does your loss function "
            "do by itself?",
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
            "Your loss is NaN in most cases: it comes out as if the logarithm were taken of the logits, "
            "which may be negative. Of which positive numbers do you want the logarithm?",
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
            "a floor under the probability",
            "Right where the label's probability is not tiny. It comes out as if a small number such as "
            "1e-9 were added to it, or were its floor: a label that the decoder rules out then costs too "
            "little. Logarithms taken straight from the logits need no such number.",
            (
                *(
                    lambda z, y, pad, floor=floor: _floored(z, y, pad, floor)
                    for floor in (1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)
                ),
            ),
        ),
        Mistake(
            "logarithm of a mean",
            "It comes out as if the probabilities were averaged first and the logarithm taken of their "
            "mean. Each label's probability has a logarithm of its own, and the mean is that of these.",
            (lambda z, y, pad: -(-_losses(z, y)[y != pad]).exp().mean().log(),),
        ),
        Mistake(
            "softmax along another axis",
            "It comes out as if the softmax ran along the positions or along the batch. A position's "
            "probabilities, over the vocabulary, are what sums to one.",
            (
                lambda z, y, pad: _over_real(z, y, pad, lambda z, y: _picked(z.log_softmax(1), y)),
                lambda z, y, pad: _over_real(z, y, pad, lambda z, y: _picked(z.log_softmax(0), y)),
            ),
        ),
        Mistake(
            "the label not asked",
            "It comes out as if the label said only whether a position counts: your loss is that of the "
            "decoder's likeliest token, or its entropy. What probability did it give to the label?",
            (
                lambda z, y, pad: -z.log_softmax(-1).amax(-1)[y != pad].mean(),
                lambda z, y, pad: torch.special.entr(z.softmax(-1)).sum(-1)[y != pad].mean(),
            ),
        ),
        Mistake(
            "shifted once more",
            "It comes out as if each position were compared with the label of the next one. Labels are one "
            "step ahead already: logits and label of the same position belong together.",
            (lambda z, y, pad: _over_real(z[:, :-1], y[:, 1:], pad),),
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


EXERCISES = (LOSS,)
