"""An exercise of chapter 2.1 on measures: the perplexity of several texts.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random
from functools import partial
from statistics import fmean, median

import numpy as np

from llmasos_edu.exercises.checker.exercise import Case, Exercise, Mistake

# 2.1-3 --------------------------------------------------------------------------------


def perplexity(texts):
    """texts [texts][tokens]: probability that the model gave each token -> perplexity of all together."""
    surprises = [-math.log(probability) for text in texts for probability in text]
    return math.exp(sum(surprises) / len(surprises))


def _nats(text):
    return -sum(math.log(probability) for probability in text)


def _tokens(texts):
    return sum(map(len, texts))


def _product_in_32_bits(texts):
    together = np.prod(np.array([p for text in texts for p in text], np.float32))
    return math.exp(-math.log(together) / _tokens(texts)) if together else math.inf


def _with_floor(texts, floor):
    return perplexity([[max(probability, floor) for probability in text] for text in texts])


def _draw_texts(seed: int) -> tuple[Case, ...]:
    generator = random.Random(seed)
    texts = [[round(generator.uniform(0.02, 0.9), 2) for _ in range(n)] for n in (2, generator.randint(5, 9))]
    return (Case(f"probabilities {texts}", (texts,)),)


PERPLEXITY = Exercise(
    key="2.1-3",
    title="The perplexity of several texts",
    difficulty=2,
    minutes=10,
    statement=(
        "For each token of several texts you are given the probability that a model gave it. Return the "
        "perplexity of all the texts together: e to the mean surprise of a token in nats, where every token "
        "counts alike, whichever text it stands in."
    ),
    takeaway="Average surprise, over tokens; only then take the power. In this order.",
    reference=perplexity,
    explanation="One list of all tokens' surprises, their mean, and the exponential at the very end.",
    hints=(
        "Two texts: one token of probability 1/100, and 99 tokens of probability 1/2. Which of them should "
        "the figure be near to?",
        "The surprise of a token is minus the logarithm of its probability. How many tokens are "
        "there in all?",
        "A mean of e to the x is not e to the mean of the x: when should the exponential be taken?",
    ),
    cases=(
        Case("a fair coin, twice", ([[0.5, 0.5], [0.5, 0.5, 0.5]],)),
        Case("a short hard text, a long easy one", ([[0.01], [0.5] * 9],)),
        Case("one text", ([[0.9, 0.2, 0.4]],)),
        Case("two of equal length", ([[0.1, 0.3], [0.8, 0.6]],)),
        Case("a token that was certain", ([[1.0, 0.25], [0.25]],)),
        Case("60 unlikely tokens", ([[0.1, 0.25, 0.125] * 12, [0.2, 0.05, 0.3, 0.15] * 6],)),
        Case("three texts", ([[0.05, 0.6], [0.7], [0.3, 0.3, 0.9, 0.02]],)),
        Case("a token that hardly any model expects", ([[1e-15, 0.5], [0.5, 0.25]],)),
    ),
    draw=_draw_texts,
    mistakes=(
        Mistake(
            "a floor under the probabilities",
            "It comes out as if a probability could not fall below a small number, as where one is added "
            "to it before the logarithm. None here is 0, and the surprise at a very unlikely token is just "
            "that large.",
            tuple(partial(_with_floor, floor=floor) for floor in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)),
        ),
        Mistake(
            "the product rounds to zero",
            "With many tokens the product of their probabilities is too small for a number of 32 bits and "
            "becomes 0, and its logarithm minus infinity. Add logarithms.",
            (_product_in_32_bits,),
        ),
        Mistake(
            "averaged over texts",
            "You average over texts, so a text of one token weighs as much as one of a thousand. Count "
            "tokens.",
            (
                lambda texts: fmean(math.exp(_nats(text) / len(text)) for text in texts),
                lambda texts: math.exp(fmean(_nats(text) / len(text) for text in texts)),
            ),
        ),
        Mistake(
            "perplexities averaged",
            "You weigh the perplexities of the texts by their tokens. A power of the mean is not the mean of "
            "the powers: average the surprise of all tokens first, and take the power once.",
            (
                lambda texts: (
                    sum(math.exp(_nats(text) / len(text)) * len(text) for text in texts) / _tokens(texts)
                ),
            ),
        ),
        Mistake(
            "power taken before the mean",
            "You take the mean of the tokens' own perplexities, 1 / p. One rare token then outweighs all "
            "others; average the surprise and take the power after it.",
            (lambda texts: fmean(1 / p for text in texts for p in text),),
        ),
        Mistake(
            "of the mean probability",
            "You average the probabilities. A token that the model held to be nearly impossible then hardly "
            "counts; it is the surprise, a logarithm, that adds up.",
            (lambda texts: 1 / fmean(p for text in texts for p in text),),
        ),
        Mistake(
            "two bases mixed",
            "Your logarithm has one base and your power another. With bits the power is one of 2, with nats "
            "one of e; mixed, the figure means nothing.",
            (
                lambda texts: 2 ** (sum(map(_nats, texts)) / _tokens(texts)),
                lambda texts: math.exp(sum(map(_nats, texts)) / _tokens(texts) / math.log(2)),
                lambda texts: 10 ** (sum(map(_nats, texts)) / _tokens(texts)),
            ),
        ),
        Mistake(
            "divided by one less",
            "What comes out has one token less in the divisor than in the sum. Each token that has a "
            "surprise counts.",
            (lambda texts: math.exp(sum(map(_nats, texts)) / max(1, _tokens(texts) - 1)),),
        ),
        Mistake(
            "first tokens left out",
            "It comes out as if the first token of each text (or of the first one) were not scored. Each has "
            "a probability here, so each counts.",
            (
                lambda texts: perplexity([text[1:] for text in texts if text[1:]] or [[1.0]]),
                lambda texts: perplexity([[p for text in texts for p in text][1:]]),
            ),
        ),
        Mistake(
            "weighted by the probabilities",
            "It comes out as if each surprise were multiplied by its probability, as in an entropy. The text "
            "was drawn already: each of its tokens counts alike.",
            (
                lambda texts: math.exp(-sum(p * math.log(p) for text in texts for p in text)),
                lambda texts: math.exp(
                    -sum(p * math.log(p) for text in texts for p in text) / sum(map(sum, texts))
                ),
                lambda texts: math.exp(
                    -sum(p * math.log(p) for text in texts for p in text) / _tokens(texts)
                ),
            ),
        ),
        Mistake(
            "not divided",
            "You take the power of the whole text's surprise. It grows without limit with the length: the "
            "mean over tokens is wanted.",
            (lambda texts: math.exp(sum(map(_nats, texts))),),
        ),
        Mistake(
            "divided by texts",
            "You divide the surprise of all tokens by the number of texts. It is the tokens that are "
            "guessed, one by one.",
            (lambda texts: math.exp(sum(map(_nats, texts)) / len(texts)),),
        ),
        Mistake(
            "no power",
            "You return the mean surprise itself. Perplexity is the number of equally likely tokens that "
            "would surprise as much: a power is left to take.",
            (
                lambda texts: sum(map(_nats, texts)) / _tokens(texts),
                lambda texts: sum(map(_nats, texts)) / _tokens(texts) / math.log(2),
            ),
        ),
        Mistake(
            "upside down",
            "Your figure is below 1 and falls when the model gets worse: that is the geometric mean of the "
            "probabilities. Mind the sign of a surprise.",
            (lambda texts: math.exp(-sum(map(_nats, texts)) / _tokens(texts)),),
        ),
        Mistake(
            "the median",
            "What comes out is e to the median of the surprises. Asked is for their mean, to which each "
            "token adds.",
            (lambda texts: math.exp(median(-math.log(p) for text in texts for p in text)),),
        ),
        Mistake(
            "each probability once",
            "It comes out as if tokens of the same probability counted once. Each token counts, also where "
            "another has the same probability.",
            (lambda texts: perplexity([sorted({p for text in texts for p in text})]),),
        ),
        Mistake(
            "one for each text put together",
            "What comes out are the perplexities of the texts, added up or multiplied. They are no amounts: "
            "one mean over all tokens, then one power.",
            (
                lambda texts: sum(math.exp(_nats(text) / len(text)) for text in texts),
                lambda texts: math.prod(math.exp(_nats(text) / len(text)) for text in texts),
            ),
        ),
        Mistake(
            "divided by one more",
            "What comes out has one token more in the divisor than in the sum. Divide by the tokens that "
            "have a surprise.",
            (lambda texts: math.exp(sum(map(_nats, texts)) / (_tokens(texts) + 1)),),
        ),
        Mistake(
            "padding counted",
            "It comes out as if each text were as long as the longest. Divide by the tokens that there are.",
            (lambda texts: math.exp(sum(map(_nats, texts)) / (len(texts) * max(map(len, texts)))),),
        ),
        Mistake(
            "certain tokens left out",
            "It comes out as if tokens of probability 1 were left out. Their surprise is 0, and they count "
            "in the mean.",
            (lambda texts: perplexity([[p for text in texts for p in text if p < 1]]),),
        ),
        Mistake(
            "no logarithm",
            "It comes out as if 1 - p were the surprise of a token. It is minus the logarithm of p, which "
            "grows without limit as p falls to 0.",
            (lambda texts: math.exp(fmean(1 - p for text in texts for p in text)),),
        ),
    ),
)


EXERCISES = (PERPLEXITY,)
