"""Questions of chapter 6.2 that are answered with numbers: rules in two orders, lengths, words that are rare.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 6.2-1 --------------------------------------------------------------------------------


def _draw_orders(seed: int) -> dict:
    """Four probabilities, for which top-k and top-p in two orders leave different numbers of tokens."""
    generator = random.Random(seed)
    while True:
        shares = sorted(generator.sample(range(5, 60), 4), reverse=True)
        if sum(shares) != 100 or shares[2] - shares[3] < 2:
            continue
        share, top_k = generator.choice([0.6, 0.7, 0.8, 0.9]), 3
        probs = [each / 100 for each in shares]
        first = _kept(probs, share)
        renewed = [each / sum(probs[:top_k]) for each in probs[:top_k]]
        second = _kept(renewed, share)
        sums = [sum(probs[: n + 1]) for n in range(4)] + [sum(renewed[: n + 1]) for n in range(3)]
        clear = all(abs(each - share) > 0.01 for each in sums)
        if clear and (first, second) == (3, 2):  # else some slip would come out right
            return {"probs": probs, "top_p": share, "top_k": top_k}


def _kept(probs, share):
    total, count = 0.0, 0
    while total < share and count < len(probs):
        total, count = total + probs[count], count + 1
    return count


def _orders(probs, top_p, top_k):
    renewed = [each / sum(probs[:top_k]) for each in probs[:top_k]]
    second = _kept(renewed, top_p)
    return {
        "p alone": _kept(probs, top_p),
        "k then p": second,
        "favourite": renewed[0] / sum(renewed[:second]),
    }


ORDERS = Question(
    key="6.2-1",
    title="One rule after the other",
    difficulty=1,
    minutes=10,
    statement=(
        "Four tokens have the probabilities {probs}. How many does top-p with {top_p} keep (p alone)? How "
        "many are "
        "left when top-k with {top_k} comes first and top-p works on what it has left (k then p)? And "
        "what is the "
        "probability of the likeliest token after both (favourite)?"
    ),
    takeaway="Each rule sees what the one before it left, whose probabilities sum to one again.",
    explanation="Divide by the sum of what is left, then add up from the top until the share is reached.",
    hints=(
        "Top-p takes tokens from the likeliest on until their sum reaches the share; the one that reaches "
        "it stays.",
        "After top-k the three that are left are divided by their sum: together they are 1 again.",
        "After both rules divide once more, by the sum of what is left now.",
    ),
    asked={
        "p alone": "tokens from the likeliest on, until their sum reaches the share",
        "k then p": "the same among those that top-k has left, divided by their sum first",
        "favourite": "the likeliest token's probability over the sum of all that are left after both rules",
    },
    answer=_orders,
    mistakes=(
        Mistake(
            "the two exchanged",
            "Your two counts are right, but for each other. After top-k the same share is reached with "
            "fewer tokens.",
            (
                lambda **data: {
                    "p alone": _orders(**data)["k then p"],
                    "k then p": _orders(**data)["p alone"],
                },
            ),
        ),
        Mistake(
            "not divided again",
            "That many are left where the old probabilities are added up after top-k, or where top-p takes "
            "nothing more away. What is left is divided by its sum first: then it is 1 again.",
            (lambda **data: {"k then p": min(data["top_k"], _kept(data["probs"], data["top_p"]))},),
        ),
        Mistake(
            "the one that reaches it is cut",
            "That is one too few, as when the token with which the share is reached is cut. It stays: "
            "without it the share is not there.",
            (
                lambda **data: {"p alone": _orders(**data)["p alone"] - 1},
                lambda **data: {"k then p": _orders(**data)["k then p"] - 1},
            ),
        ),
        Mistake(
            "the old probability",
            "You give the probability from before the rules. What is cut off is shared out among those "
            "that stay.",
            (lambda **data: {"favourite": data["probs"][0]},),
        ),
        Mistake(
            "divided by the share",
            "That divides by the share of top-p itself. What is kept sums to at least that, seldom to just "
            "that: divide by its own sum.",
            (
                lambda **data: {"favourite": data["probs"][0] / data["top_p"]},
                lambda **data: {
                    "favourite": data["probs"][0] / sum(data["probs"][: data["top_k"]]) / data["top_p"]
                },
            ),
        ),
        Mistake(
            "divided once",
            "That divides by the sum of what top-k left alone. Top-p has cut off something more.",
            (lambda **data: {"favourite": data["probs"][0] / sum(data["probs"][: data["top_k"]])},),
        ),
    ),
    draw=_draw_orders,
)


# 6.2-6 --------------------------------------------------------------------------------


def _draw_lengths(seed: int) -> dict:
    """Three texts of which another one wins with each penalty."""
    generator = random.Random(seed)
    while True:
        lengths = sorted(generator.sample(range(2, 13), 3))
        sums = [-generator.randint(10, 99) / 10 for _ in lengths]
        winners = [_winner(lengths, sums, penalty) for penalty in (0.0, 1.0, 2.0)]
        gaps = [
            min(abs(a - b) for i, a in enumerate(values) for b in values[i + 1 :])
            for values in ([s / n**p for n, s in zip(lengths, sums, strict=True)] for p in (0.0, 1.0, 2.0))
        ]
        if len(set(winners)) == 3 and min(gaps) > 0.005:
            names = dict(zip("ABC", zip(lengths, sums, strict=True), strict=True))
            return {"texts": {name: list(each) for name, each in names.items()}}


def _winner(lengths, sums, penalty):
    scores = [total / length**penalty for length, total in zip(lengths, sums, strict=True)]
    return "ABC"[scores.index(max(scores))]


def _best(texts, penalty):
    return _winner(*zip(*texts.values(), strict=True), penalty)


LENGTHS = Question(
    key="6.2-6",
    title="Which beam wins?",
    difficulty=1,
    minutes=10,
    statement=(
        "Beam search has found three texts, given as [tokens, log-probability]: {texts}. The score is the "
        "log-probability divided by the length to the power of the penalty. Which text wins with the "
        "penalty 0 "
        "(none), with 1 (mean) and with 2 (two)? And what is the best score with the penalty 1 (score)?"
    ),
    takeaway="The penalty is a choice: with 0 short texts win, and the larger it is the longer ones do.",
    explanation="Divide each sum by length ** penalty; all are negative, the one nearest to zero wins.",
    hints=(
        "With the penalty 0 the length to the power of it is 1: the sums are compared as they are.",
        "With 1 it is the mean log-probability of a token. All are negative: which is the largest?",
        "With the penalty 2 the sum is divided by the square of the length: 16 for four tokens.",
    ),
    asked={
        "score": "the highest of the three log-probabilities a token, below 0",
    },
    answer=lambda texts: {
        "none": _best(texts, 0.0),
        "mean": _best(texts, 1.0),
        "two": _best(texts, 2.0),
        "score": max(total / length for length, total in texts.values()),
    },
    options={"none": ("A", "B", "C"), "mean": ("A", "B", "C"), "two": ("A", "B", "C")},
    mistakes=(
        Mistake(
            "the most negative wins",
            "You let the text with the lowest score win. Log-probabilities are negative: nearer to zero "
            "is better.",
            (
                lambda texts: {
                    name: min("ABC", key=lambda text: texts[text][1] / texts[text][0] ** penalty)
                    for name, penalty in (("none", 0.0), ("mean", 1.0), ("two", 2.0))
                },
            ),
        ),
        Mistake(
            "none is the mean",
            "That text wins where each sum is divided by its length. With the penalty 0 nothing is: any "
            "number to the power of 0 is 1.",
            (lambda texts: {"none": _best(texts, 1.0)},),
        ),
        Mistake(
            "length counts for none",
            "With the penalty 0 the sums are compared as they are: the one nearest to zero wins, however "
            "long its text is.",
            (lambda texts: {"none": _best(texts, 2.0)},),
        ),
        Mistake(
            "mean is not the sum",
            "With the penalty 1 each sum is divided by its own length. You let the text win that is best "
            "without it.",
            (lambda texts: {"mean": _best(texts, 0.0)},),
        ),
        Mistake(
            "longest for the mean",
            "With the penalty 1 a long text wins no more for its length alone: divide each sum by its length "
            "once, and compare.",
            (lambda texts: {"mean": _best(texts, 2.0)},),
        ),
        Mistake(
            "no length with two",
            "With the penalty 2 each sum is divided by the square of its length. You let the text win that "
            "is best without any division.",
            (lambda texts: {"two": _best(texts, 0.0)},),
        ),
        Mistake(
            "multiplied",
            "That text wins where each sum is divided by its length, doubled or not. The penalty is an "
            "exponent: with 2 the length is squared.",
            (lambda texts: {"two": _best(texts, 1.0)},),
        ),
        Mistake(
            "the sum as the score",
            "Your score is the log-probability itself. With the penalty 1 it is divided by the number of "
            "tokens.",
            (lambda texts: {"score": texts[_best(texts, 1.0)][1]},),
        ),
        Mistake(
            "the score of another text",
            "Your score is a mean, but not the best one. Nearest to zero is the best.",
            (
                lambda texts: {"score": min(total / length for length, total in texts.values())},
                lambda texts: {"score": sorted(total / length for length, total in texts.values())[1]},
            ),
        ),
    ),
    draw=_draw_lengths,
)


# 6.2-8 --------------------------------------------------------------------------------


def _draw_words(seed: int) -> dict:
    generator = random.Random(seed)
    return {
        "passages": generator.choice([200, 400, 1000]),
        "common": generator.choice([0.5, 0.6, 0.8]),
        "rare": generator.choice([2, 3, 5]),
        "times": generator.choice([4, 6, 8]),
    }


def _idf(passages, have):
    return math.log(1 + (passages - have + 0.5) / (have + 0.5))


def _words(passages, common, rare, times):
    have = round(passages * common)
    return {
        "common": _idf(passages, have),
        "rare": _idf(passages, rare),
        "gain": (times / (times + 1.5)) / (1 / 2.5),
    }


RARE = Question(
    key="6.2-8",
    title="What a rare word is worth",
    difficulty=2,
    minutes=15,
    statement=(
        "BM25 weighs a word by idf = ln(1 + (N - n + 0.5) / (n + 0.5)): N passages, n of them with the "
        "word. There "
        "are {passages} passages. A word stands in a share of {common} of them: what is its idf (common)? "
        "Another "
        "stands in {rare} passages: its idf (rare)? In a passage of mean length a word that occurs tf "
        "times counts "
        "idf · tf / (tf + 1.5). How many times as much does it count with tf = {times} as with tf = 1 "
        "(gain)? Give three places, or do not round."
    ),
    takeaway="One rare word outweighs many common ones; said eight times it counts less than eightfold.",
    explanation="Put the numbers into the formula; the gain is the quotient of the two fractions.",
    hints=(
        "n is a number of passages, not a share: multiply the share by N first.",
        "ln is the natural logarithm. For the common word the fraction is below or about 1, so the result "
        "is small.",
        "With tf = 1 the fraction is 1 / 2.5. Divide the fraction for the larger tf by it.",
    ),
    asked={
        "common": "ln(1 + (N - n + 0.5) / (n + 0.5)) with n the share times N",
        "rare": "ln(1 + (N - n + 0.5) / (n + 0.5)) with n as given",
        "gain": "tf / (tf + 1.5) at the larger tf, over the same at 1",
    },
    answer=_words,
    rtol=0,
    atol=6e-4,
    mistakes=(
        Mistake(
            "the share for the number",
            "That is the formula with the share put in. n counts passages: multiply by N.",
            (lambda **data: {"common": _idf(data["passages"], data["common"])},),
        ),
        Mistake(
            "the one inside forgotten",
            "That is the logarithm without the 1 +. Then a word that most passages have would count "
            "against them.",
            (
                lambda **data: {
                    "common": math.log(
                        (data["passages"] * (1 - data["common"]) + 0.5)
                        / (data["passages"] * data["common"] + 0.5)
                    )
                },
                lambda **data: {
                    "rare": math.log((data["passages"] - data["rare"] + 0.5) / (data["rare"] + 0.5))
                },
            ),
        ),
        Mistake(
            "logarithm to base two",
            "That is the logarithm to base 2. The formula has the natural one.",
            (
                lambda **data: {n: _words(**data)[n] / math.log(2) for n in ("common", "rare")},
                lambda **data: {"rare": _words(**data)["rare"] / math.log(2)},
                lambda **data: {"common": _words(**data)["common"] / math.log(2)},
            ),
        ),
        Mistake(
            "counted as often as it occurs",
            "That lets a word that occurs more often count as many times. The fraction tf / (tf + 1.5) "
            "levels off.",
            (lambda **data: {"gain": float(data["times"])},),
        ),
        Mistake(
            "the fraction alone",
            "That is the fraction for the larger tf. The question is how many times that for tf = 1 it is.",
            (lambda **data: {"gain": data["times"] / (data["times"] + 1.5)},),
        ),
    ),
    draw=_draw_words,
)

EXERCISES = (ORDERS, LENGTHS, RARE)
