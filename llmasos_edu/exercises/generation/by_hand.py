"""Questions of chapter 6.2 that are answered with numbers: rules in two orders, and lengths.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

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
        left = sum(probs[:2])  # must not pass for the likeliest one's share of it
        clear = clear and abs(probs[0] / left - left) > 0.02
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
            "That is what comes of dividing by the share of top-p itself. What is kept sums to at least "
            "that, seldom to just that: divide by its own sum.",
            (
                lambda **data: {"favourite": data["probs"][0] / data["top_p"]},
                lambda **data: {
                    "favourite": data["probs"][0] / sum(data["probs"][: data["top_k"]]) / data["top_p"]
                },
            ),
        ),
        Mistake(
            "divided by both sums",
            "That divides the old probability by the sum of the first rule, and by that of the second among "
            "the old ones. One division is enough: by the sum of the old ones that are left at the end.",
            (
                lambda **data: {
                    "favourite": data["probs"][0]
                    / sum(data["probs"][: data["top_k"]])
                    / sum(data["probs"][: _orders(**data)["k then p"]])
                },
            ),
        ),
        Mistake(
            "the share times",
            "That is the old probability times the share of top-p. What is cut off makes the others more "
            "likely, not less: divide by the sum of what is left.",
            (lambda **data: {"favourite": data["probs"][0] * data["top_p"]},),
        ),
        Mistake(
            "the sum of what is left",
            "That is the sum of the old probabilities that are left. The likeliest token's is divided by it.",
            (lambda **data: {"favourite": sum(data["probs"][: _orders(**data)["k then p"]])},),
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
        mean = max(s / n for n, s in zip(lengths, sums, strict=True))
        if len(set(winners)) == 3 and min(gaps) > 0.005 and gaps[1] > 0.0105 * abs(mean):
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


EXERCISES = (ORDERS, LENGTHS)
