"""Exercise of chapter 3.2, the part on the noise that skip-gram draws.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.2-4 ----------------------------------------------------------------------------------


def noise_shares(counts, power):
    """counts [vocab], power -> the share with which each word is drawn as noise, [vocab]."""
    weights = torch.where(counts > 0, counts**power, 0.0)
    return weights / weights.sum()


def _alike(counts, power):
    """Shares in proportion to the power, 0 to the power of 0 taken for 1."""
    return counts**power / (counts**power).sum()


def _numbers(*values):
    return torch.tensor(values, dtype=torch.float32)


NOISE = Exercise(
    key="3.2-4",
    title="Drawing noise",
    difficulty=1,
    minutes=5,
    statement=(
        "Skip-gram draws its wrong contexts in proportion to their count to a power, 3/4 in the paper. Turn "
        "counts into the shares with which words are drawn. A word that is not in the text is never drawn, "
        "with power 0 neither."
    ),
    takeaway="A power below 1 lifts rare words: 10,000 times as frequent, drawn 1,000 times as often.",
    reference=noise_shares,
    explanation="The power first, then the division by the sum of what the power made; no count, no share, "
    "whatever the power is.",
    hints=(
        "With power 3/4, a word of count 16 weighs 8 and a word of count 1 weighs 1. What are their shares, "
        "if there are no others?",
        "Shares add up to 1. Which sum makes them do so: that of the counts, or that of the weights?",
        "Two lines: weights from counts, shares from weights. The power is an argument, not always 3/4: "
        "which weight has a word of count 0 if it is 0?",
    ),
    cases=(
        Case("counts 16 and 1, power 3/4", (_numbers(16, 1), 0.75)),
        Case("counts 8, 4, 2 and 0", (_numbers(8, 4, 2, 0), 0.75)),
        Case("power 1/2", (_numbers(9, 4, 1, 0, 25), 0.5)),
        Case("power 1", (_numbers(3, 2, 5), 1.0)),
        Case("all equally frequent", (_numbers(7, 7, 7, 7), 0.75)),
        Case("one word alone", (_numbers(12), 0.75)),
        Case("counts from 1 to a million", (_numbers(1_000_000, 3_000, 40, 1), 0.75)),
        Case("power 0: all words of the text alike", (_numbers(8, 0, 1, 3), 0.0)),
    ),
    mistakes=(
        Mistake(
            "no power",
            "Your shares are those of the counts: the power is missing (and a mere factor would cancel).",
            (lambda n, p: n / n.sum(),),
        ),
        Mistake(
            "shares that do not add up to 1",
            "Counts or shares are raised to the power, and what comes out does not sum to 1. The power "
            "changes the sum, so divide after it and by its own.",
            (
                lambda n, p: (n / n.sum()) ** p,
                lambda n, p: n**p / n.sum(),
                lambda n, p: n**p,
                lambda n, p: n**p / (n**p).max(),
                lambda n, p: torch.where(n > 0, (n / n.sum()) ** p, 0.0),
                lambda n, p: torch.where(n > 0, n**p / n.sum(), 0.0),
                lambda n, p: torch.where(n > 0, n**p, 0.0),
                lambda n, p: n**p / (n**p).norm(),
            ),
        ),
        Mistake(
            "power turned over",
            "Frequent words are drawn even more often than they stand in the text: you take the root where "
            "the power is asked for. A power below 1 brings shares nearer to one another.",
            (lambda n, p: n ** (1 / p) / (n ** (1 / p)).sum(),),
        ),
        Mistake(
            "rare words first",
            "The sign of your power is wrong: a power below 0 gives rare words the larger shares, and a "
            "count of 0 to such a power is infinite.",
            (lambda n, p: n**-p / (n**-p).sum(),),
        ),
        Mistake(
            "rare words first, absent ones too",
            "The sign of your power is wrong: a power below 0 gives rare words the larger shares, and words "
            "that are not in the text get one as well.",
            (lambda n, p: n.clamp(min=1) ** -p / (n.clamp(min=1) ** -p).sum(),),
        ),
        Mistake(
            "all in the text alike",
            "Every word of the text has the same share in your noise. The counts must have a say in it.",
            (lambda n, p: (n > 0) / (n > 0).sum(),),
        ),
        Mistake(
            "all alike",
            "Every word has the same share in your noise, in the text or not. The counts must have a say in "
            "it.",
            (lambda n, p: torch.full_like(n, 1 / len(n)),),
        ),
        Mistake(
            "multiplied by the power",
            "You multiply by the power. Such a factor cancels: the counts are raised to it.",
            (lambda n, p: n * p / (n * p).sum(),),
        ),
        Mistake(
            "power and count exchanged",
            "You raise the power to the count. It is the other way round: each count is raised to the power.",
            (lambda n, p: p**n / (p**n).sum(),),
        ),
        Mistake(
            "the power twice",
            "The power comes in twice: your shares are raised to it once more. Once is asked for.",
            (lambda n, p: _alike(_alike(n, p), p),),
        ),
        Mistake(
            "absent words as if they stood there once",
            "A word that is not in the text is drawn as if it stood there once. No count means no share.",
            (lambda n, p: n.clamp(min=1) ** p / (n.clamp(min=1) ** p).sum(),),
        ),
        Mistake(
            "absent words missing",
            "Words that are not in the text are missing from your result. They keep their place, with a "
            "share of 0.",
            (lambda n, p: n[n > 0] ** p / (n[n > 0] ** p).sum(),),
        ),
        Mistake(
            "a softmax",
            "You put numbers through a softmax. Shares in proportion to a weight are the weights divided by "
            "their sum, without an exponential.",
            (lambda n, p: n.softmax(0), lambda n, p: (n**p).softmax(0), lambda n, p: (n * p).softmax(0)),
        ),
        Mistake(
            "one added to every count",
            "You add 1 to the counts: that changes the shares, and a word that is not in the text would be "
            "drawn.",
            (lambda n, p: (n + 1) ** p / ((n + 1) ** p).sum(),),
        ),
        Mistake(
            "0 to the power of 0",
            "With power 0 a word that is not in the text is drawn like any other: 0 to the power of 0 is 1. "
            "Whatever the power is, no count means no share.",
            (lambda n, p: n**p / (n**p).sum(),),
        ),
        Mistake(
            "3/4 built in",
            "With power 3/4 you are right and with others not: the power stands fixed in your code. It is an "
            "argument.",
            (lambda n, p: n**0.75 / (n**0.75).sum(),),
        ),
    ),
)


EXERCISES = (NOISE,)
