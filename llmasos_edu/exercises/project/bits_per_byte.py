"""Exercises of chapter 5: bits per byte.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

BITS_A_NAT = 1 / math.log(2)

# 5-1 --------------------------------------------------------------------------------


def to_bits_per_byte(losses, counts, text):
    """losses [batches] in nats per token, counts [batches] of tokens, text: what they spell -> a number."""
    nats = sum(loss * count for loss, count in zip(losses, counts, strict=True))
    return nats / math.log(2) / len(text.encode())


def _nats(losses, counts, text):
    return sum(loss * count for loss, count in zip(losses, counts, strict=True))


def _mean_of_batches(losses, counts, text):
    """All nats, if every batch held as many tokens as the mean one."""
    return sum(losses) / len(losses) * sum(counts)


def _measured(nats=_nats, unit=BITS_A_NAT, per=lambda counts, text: len(text.encode())):
    return lambda losses, counts, text: nats(losses, counts, text) * unit / per(counts, text)


def _tokens(counts, text):
    return sum(counts)


def _characters(counts, text):
    return len(text)


def _once(keys, values):
    """What a dictionary keeps: of each key the last value."""
    kept = dict(zip(keys, values, strict=True))
    return list(kept), list(kept.values())


def _by_product(losses, counts, text):
    together = math.prod(math.exp(-loss) ** count for loss, count in zip(losses, counts, strict=True))
    return -math.log2(together) / len(text.encode()) if together else math.inf


BITS = Exercise(
    key="5-1",
    title="Bits per byte",
    difficulty=1,
    minutes=10,
    statement=(
        "Models with different vocabularies cut a text into different numbers of tokens, so their losses a "
        "token cannot be compared. Bits per byte can. You are given the losses of the batches of an "
        "evaluation, each the mean over its tokens in nats (natural logarithm), how many tokens each batch "
        "held, and the text that all these tokens spell. How many bits does the model need per byte of the "
        "text in UTF-8? The last batch is usually smaller."
    ),
    takeaway="This number compares fairly with any model, any vocabulary, and with gzip.",
    reference=to_bits_per_byte,
    explanation="The nats of all tokens, whatever their batches; ln 2 nats make a bit; then a share a byte.",
    hints=(
        "Imagine two batches: 9 tokens at 1 nat each, and a single token at 3 nats. How many nats does the "
        "model need for all ten of them?",
        "A bit is a choice among two, and costs ln 2 = 0.693 nats. Are there more bits or more nats in the "
        "same text?",
        "Divide by what the text weighs on a disk. How long is 'é' in characters, and how long in UTF-8?",
    ),
    cases=(
        Case("two equal batches", ([2.0, 1.0], [4, 4], "bits per byte!")),
        Case("a last batch of one token", ([1.2, 1.1, 3.5], [32, 32, 1], "a plain line of text. " * 9)),
        Case("a small batch first", ([2.5, 1.4, 1.6], [3, 9, 5], "in the evening, rain")),
        Case("a single batch", ([1.9], [7], "hello, reader")),
        Case("a text with accents", ([2.2, 2.6, 1.7], [8, 8, 3], "déjà vu à l'école")),
        Case("a Chinese text", ([3.1, 2.9], [6, 2], "大语言模型操作系统")),
        Case("one token a byte", ([0.5, 0.9], [10, 5], "exactly fifteen")),
        Case("the same loss twice", ([1.5, 2.1, 1.5], [8, 4, 3], "once more, once more")),
        Case("the same count twice", ([1.5, 2.1, 1.2], [8, 4, 8], "again and again")),
        Case("500 tokens", ([2.3, 2.1, 1.9], [200, 200, 100], "a line of a longer text\n" * 80)),
        Case("a text with a face", ([2.4, 1.8], [3, 2], "good 🙂")),
    ),
    mistakes=(
        Mistake(
            "equal batches taken for one",
            "Two batches of the same loss or the same count come out as if they were one, or as if both had "
            "the tokens or the loss of one of them: a dictionary keeps one entry for a key, and "
            "`list.index` finds the first.",
            (
                _measured(nats=lambda losses, counts, text: _nats(*_once(losses, counts), text)),
                _measured(nats=lambda losses, counts, text: _nats(*_once(counts, losses)[::-1], text)),
                _measured(nats=lambda losses, counts, text: sum(x * counts[losses.index(x)] for x in losses)),
                _measured(nats=lambda losses, counts, text: sum(n * losses[counts.index(n)] for n in counts)),
            ),
        ),
        Mistake(
            "the product rounds to zero",
            "You multiply probabilities. With many tokens their product is too small for a number and "
            "becomes 0, and its logarithm minus infinity. Add the nats.",
            (_by_product,),
        ),
        Mistake(
            "three bytes at most",
            "You count one, two or three bytes for a character. Some, such as 🙂, have four in UTF-8: let "
            "`encode` count.",
            (_measured(per=lambda counts, text: sum(len(c.encode()[:3]) for c in text)),),
        ),
        Mistake(
            "line ends left out",
            "It comes out as if line ends had no bytes. Each is a character of the text like any other.",
            (_measured(per=lambda counts, text: len(text.replace("\n", "").encode())),),
        ),
        Mistake(
            "nats not converted",
            "Your number is the right one in nats: too small by the factor 0.693. In which unit do the "
            "losses come, and which is asked for?",
            (_measured(unit=1),),
        ),
        Mistake(
            "a rounded factor",
            "Your number is nearly right: the factor between nats and bits is rounded too much. It is ln 2, "
            "0.69315, or one over it: let the mathematics module say it.",
            tuple(_measured(unit=unit) for unit in (1.44, 1 / 0.69, 1.4, 1 / 0.7)),
        ),
        Mistake(
            "the last batch left out",
            "The last batch does not count in your version, though its tokens stand in the text. It is "
            "smaller; with its own count it weighs no more than it should.",
            (
                lambda n, c, t: _measured()(n[:-1], c[:-1], t),
                lambda n, c, t: _measured()(n[: len(n) - 1 or 1], c[: len(n) - 1 or 1], t),
            ),
        ),
        Mistake(
            "all batches as large as one",
            "Every batch counts as if it held as many tokens as the first, or the largest. Take each loss "
            "times the tokens of its own batch.",
            (
                _measured(nats=lambda losses, counts, text: sum(losses) * max(counts)),
                _measured(nats=lambda losses, counts, text: sum(losses) * counts[0]),
            ),
        ),
        Mistake(
            "bits taken for bytes",
            "Your number is an eighth of the right one, or eight times as much: bits of the model and bytes "
            "of the text are two things here, and the one is not turned into the other.",
            (_measured(unit=BITS_A_NAT / 8), _measured(unit=BITS_A_NAT * 8)),
        ),
        Mistake(
            "a perplexity",
            "You give a perplexity, the exponential of the nats a token or a byte: among how many the model "
            "hesitates. Asked for are bits, which add up from token to token.",
            (
                lambda n, c, t: math.exp(_nats(n, c, t) / sum(c)),
                lambda n, c, t: math.exp(_nats(n, c, t) / len(t.encode())),
            ),
        ),
        Mistake(
            "nats, and batches taken for equal",
            "Your number is in nats, and the batches count as if they were equally large. Count tokens, "
            "not batches; and which unit is asked for?",
            (_measured(nats=_mean_of_batches, unit=1),),
        ),
        Mistake(
            "converted the wrong way",
            "You multiply where you should divide: your number is less than half of the right one. A nat is "
            "more than a bit, so there are more bits than nats.",
            (_measured(unit=math.log(2)),),
        ),
        Mistake(
            "logarithm to base 10",
            "The factor from nats to your unit holds a logarithm to base 10, or of 10. The losses are "
            "natural logarithms, and a bit is a choice among two.",
            (
                _measured(unit=1 / math.log10(2)),
                _measured(unit=1 / math.log(10)),
                _measured(unit=math.log10(2)),
            ),
        ),
        Mistake(
            "mean over batches of different size",
            "You average the batches as if they were equally large. Where one of them is small, its few "
            "tokens count too much; count tokens, not batches.",
            (_measured(nats=_mean_of_batches),),
        ),
        Mistake(
            "bits per token",
            "You divide by the tokens: that is right in bits per token only. A vocabulary with longer "
            "tokens would look worse than it is.",
            (_measured(per=_tokens),),
        ),
        Mistake(
            "bits per token, batches taken for equal",
            "You divide by the tokens, and the batches count as if they were equally large. Count the nats "
            "of all tokens, and divide by what the text weighs in UTF-8.",
            (_measured(nats=_mean_of_batches, per=_tokens),),
        ),
        Mistake(
            "shared out twice",
            "You divide by the tokens and by the bytes. The nats of all tokens together are what the whole "
            "text costs: one division, by what the text weighs in UTF-8.",
            (_measured(per=lambda counts, text: sum(counts) * len(text.encode())),),
        ),
        Mistake(
            "characters for bytes",
            "In plain English you are right. In other texts many a character takes two or three bytes, and "
            "you divide by characters.",
            (_measured(per=_characters),),
        ),
        Mistake(
            "a sum for the mean",
            "It comes out as if the batches' losses were added up and that taken for the loss of every "
            "token: with more batches the text would look harder. Each loss counts for the tokens of its "
            "own batch.",
            (_measured(nats=lambda losses, counts, text: sum(losses) * sum(counts)),),
        ),
        Mistake(
            "one batch for all",
            "It comes out as if the loss of one batch, the first or the last, were that of all tokens. "
            "Each batch has its own.",
            (
                _measured(nats=lambda losses, counts, text: losses[0] * sum(counts)),
                _measured(nats=lambda losses, counts, text: losses[-1] * sum(counts)),
            ),
        ),
        Mistake(
            "one too few",
            "It comes out as if there were one too few: one token in each batch, or one byte in the text. "
            "All of them count, as they are given.",
            (
                _measured(
                    nats=lambda losses, counts, text: sum(
                        x * (n - 1) for x, n in zip(losses, counts, strict=True)
                    )
                ),
                _measured(per=lambda counts, text: len(text.encode()) - 1),
            ),
        ),
        Mistake(
            "another length of the text",
            "You divide by another length of the text than its bytes in UTF-8, such as its words, its "
            "bytes in UTF-16, those without its blanks, or those of its ASCII characters alone.",
            (
                _measured(per=lambda counts, text: len(text.split())),
                _measured(per=lambda counts, text: len(text.encode("utf-16"))),
                _measured(per=lambda counts, text: len(text.encode("utf-16-le"))),
                _measured(per=lambda counts, text: len(text.encode("ascii", "ignore")) or 1),
                _measured(per=lambda counts, text: len("".join(text.split()).encode())),
            ),
        ),
        Mistake(
            "characters, and batches taken for equal",
            "You divide by characters, of which one takes two or three bytes in some texts, and the "
            "batches count as if they were equally large. Count bytes, and count tokens.",
            (_measured(nats=_mean_of_batches, per=_characters),),
        ),
        Mistake(
            "number of tokens left out",
            "You add up (or average) the batches' losses without asking how many tokens each stands for. A "
            "mean has to be multiplied by its count before it can be added to others.",
            (
                _measured(nats=lambda losses, counts, text: sum(losses)),
                _measured(nats=lambda losses, counts, text: sum(losses) / len(losses)),
            ),
        ),
        Mistake(
            "logarithm taken again",
            "You take a logarithm of the losses. They are logarithms already: what is left to do is a "
            "change of unit.",
            (
                lambda n, c, t: sum(math.log2(x) * k for x, k in zip(n, c, strict=True)) / len(t.encode()),
                lambda n, c, t: math.log2(_nats(n, c, t) / len(t.encode())),
                lambda n, c, t: math.log2(_nats(n, c, t) / sum(c)) * sum(c) / len(t.encode()),
            ),
        ),
        Mistake(
            "total instead of a rate",
            "You give the bits, or the nats, of the whole text. A longer text would look harder than a "
            "short one.",
            (
                _measured(per=lambda counts, text: 1),
                _measured(unit=1, per=lambda counts, text: 1),
            ),
        ),
        Mistake(
            "upside down",
            "You give bytes per bit. A better model should get a smaller number.",
            (lambda *a: 1 / _measured()(*a),),
        ),
    ),
)


EXERCISES = (BITS,)
