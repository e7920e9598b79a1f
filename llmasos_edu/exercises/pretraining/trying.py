"""Exercise of chapter 3.1, the part on gaps: what a causal model says of one, by trying.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import torch

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 3.1-8 ----------------------------------------------------------------------------------


def fill_by_trying(before, after):
    """before [vocab], ln p of each candidate; after [vocab, n], ln p of what follows it -> p [vocab]."""
    return torch.softmax(before + after.sum(dim=1), dim=0)


def _trials(name, seed, vocab, following, spread=1.5):
    generator = torch.Generator().manual_seed(seed)
    before = (spread * torch.randn(vocab, generator=generator)).log_softmax(0)
    return Case(name, (before, -3 * torch.rand(vocab, following, generator=generator)))


TRYING = Exercise(
    key="3.1-8",
    title="Fill a gap with a causal model",
    difficulty=2,
    minutes=15,
    statement=(
        "A causal model reads from left to right, yet it can fill a gap: put each candidate token into it "
        "and let the model read on. before holds ln p of each candidate, given the text on the left. after "
        "holds, for each candidate, ln p of each of the n tokens on the right, read after it. Return the "
        "probability of each candidate given both sides; the probabilities sum to 1."
    ),
    takeaway="A causal model knows both sides too, but needs one pass for each candidate to say so.",
    reference=fill_by_trying,
    explanation="Bayes: prior times likelihood, as a sum of logarithms, normalised over the candidates.",
    hints=(
        "A candidate is good when it is likely after the left side, and when it makes the right side "
        "likely. Both must hold: their probabilities are multiplied.",
        "Probabilities that are multiplied are logarithms that are added, over all tokens of the right side.",
        "What you have now is the logarithm of a joint probability. Divide by the sum over all candidates; "
        "one function does both, the exponential and the division.",
    ),
    cases=(
        _trials("5 candidates, 3 tokens after", 7501, 5, 3),
        _trials("40 candidates, 10 tokens after", 7502, 40, 10),
        _trials("one token after", 7503, 7, 1),
        _trials("nothing after", 7504, 6, 0),
        _trials("2 candidates", 7505, 2, 4),
        _trials("a right side of 40 tokens", 7506, 12, 40),
        _trials("a right side of 300 tokens", 7508, 6, 300),
        _trials("all likely alike before", 7507, 9, 5, spread=0.0),
    ),
    mistakes=(
        Mistake(
            "the left side alone",
            "Your result does not depend on what follows: that is the plain next-token prediction.",
            (lambda b, a: b.exp(),),
        ),
        Mistake(
            "logarithms multiplied",
            "You multiply logarithms. Probabilities are multiplied, and that is what adding their logarithms "
            "does.",
            (
                lambda b, a: torch.softmax(b * a.prod(1), 0),
                lambda b, a: torch.softmax(b + a.prod(1), 0),
                lambda b, a: torch.softmax(b * a.sum(1), 0),
            ),
        ),
        Mistake(
            "the right side alone",
            "You leave out how likely each candidate is after the left side.",
            (lambda b, a: torch.softmax(a.sum(1), 0),),
        ),
        Mistake(
            "mean over what follows",
            "You take a mean of logarithms, over the tokens that follow or over both sides. Each of them is "
            "evidence of its own: their logarithms are added, and a long right side decides more.",
            (
                lambda b, a: torch.softmax(b + a.sum(1) / max(1, a.shape[1]), 0),
                lambda b, a: torch.softmax(b + a.mean(1), 0),
                lambda b, a: torch.softmax((b + a.sum(1)) / (1 + a.shape[1]), 0),
            ),
        ),
        Mistake(
            "only the next token",
            "You look at the first token after the gap alone. The others tell the candidates apart as well.",
            (lambda b, a: torch.softmax(b + a[:, :1].sum(1), 0),),
        ),
        Mistake(
            "not normalised",
            "Your numbers are joint probabilities of candidate and right side, and do not sum to 1. Divide "
            "by their sum.",
            (lambda b, a: (b + a.sum(1)).exp(),),
        ),
        Mistake(
            "in proportion only",
            "Your numbers are in the right proportion, but do not sum to 1. Divide them by their sum.",
            (
                lambda b, a: b.softmax(0) * a.sum(1).softmax(0),
                lambda b, a: (b + a.sum(1) - (b + a.sum(1)).max()).exp(),
            ),
        ),
        Mistake(
            "logarithms over their sum",
            "You divide logarithms by their sum. Shares are made of probabilities: take the exponentials "
            "first.",
            (lambda b, a: (b + a.sum(1)) / (b + a.sum(1)).sum(),),
        ),
        Mistake(
            "something small in the divisor",
            "Where many tokens follow, your shares come out too small, as when something small is added to "
            "the divisor: the probabilities can be smaller still. Stay with logarithms until the last step.",
            tuple(
                lambda b, a, small=10.0**-digits: (b + a.sum(1)).exp() / ((b + a.sum(1)).exp().sum() + small)
                for digits in (6, 7, 8, 9)
            ),
        ),
        Mistake(
            "product too small for float32",
            "Where 300 tokens follow, the probabilities of all of them together are smaller than any number "
            "that float32 knows, and 0 / 0 is left. Stay with logarithms until the last step: one function "
            "takes the exponentials and divides.",
            (lambda b, a: (b + a.sum(1)).exp() / (b + a.sum(1)).exp().sum(),),
        ),
        Mistake(
            "softmax of probabilities",
            "You take a softmax of probabilities: it makes them nearly alike. They need only be divided by "
            "their sum, or it takes their logarithms.",
            (
                lambda b, a: torch.softmax((b + a.sum(1)).exp(), 0),
                lambda b, a: torch.softmax(torch.softmax(b + a.sum(1), 0), 0),
            ),
        ),
        Mistake(
            "logarithms returned",
            "You return logarithms. Asked for are the probabilities, which are positive and sum to 1.",
            (
                lambda b, a: torch.log_softmax(b + a.sum(1), 0),
                lambda b, a: b + a.sum(1),
            ),
        ),
        Mistake(
            "probabilities added",
            "You add probabilities where they must be multiplied: a candidate then gets by with fitting on "
            "one side only.",
            (
                lambda b, a: (b.exp() + a.sum(1).exp()) / (b.exp() + a.sum(1).exp()).sum(),
                lambda b, a: (b.exp() + a.exp().sum(1)) / (b.exp() + a.exp().sum(1)).sum(),
                lambda b, a: (b.softmax(0) + a.sum(1).softmax(0)) / 2,
            ),
        ),
        Mistake(
            "the best candidate alone",
            "You return which candidate is best, or 1 for it and 0 for the rest. Asked for is the "
            "probability of each.",
            (
                lambda b, a: (b + a.sum(1)).argmax(),
                lambda b, a: torch.eye(len(b))[(b + a.sum(1)).argmax()],
            ),
        ),
        Mistake(
            "left side twice",
            "The left side counts twice in your result. It is one factor of the product, as each token of "
            "the right side is.",
            (lambda b, a: torch.softmax(2 * b + a.sum(1), 0),),
        ),
    ),
)


EXERCISES = (TRYING,)
