"""Questions of chapter 6.1 that are answered with numbers: how sure a share is, and how long a conversation.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 6.1-5 --------------------------------------------------------------------------------


def _draw_turns(seed: int) -> dict:
    generator = random.Random(seed)
    turns = generator.choice([100, 200, 400])
    return {"turns": turns, "wrong": generator.randint(3, 8)}


def _wilson(turns, wrong, z=1.96):
    """The interval of Wilson 1927 for the share of exact turns."""
    share = 1 - wrong / turns
    middle = (share + z * z / (2 * turns)) / (1 + z * z / turns)
    half = z / (1 + z * z / turns) * math.sqrt(share * (1 - share) / turns + z * z / (4 * turns**2))
    return middle - half, middle + half


def _sure(turns, wrong):
    low, high = _wilson(turns, wrong)
    return {"share": 1 - wrong / turns, "low": low, "high": high, "above 0.97": low > 0.97}


def _wald(turns, wrong, z=1.96):
    share = 1 - wrong / turns
    half = z * math.sqrt(share * (1 - share) / turns)
    return {"low": share - half, "high": share + half}


def _half_not_divided(turns, wrong, z=1.96):
    low, high = _wilson(turns, wrong)
    middle, half = (low + high) / 2, (high - low) / 2 * (1 + z * z / turns)
    return {"low": middle - half, "high": middle + half}


def _around(turns, wrong, choose):
    """An interval around what `choose` makes of the share, Wilson's middle and his half width."""
    low, high = _wilson(turns, wrong)
    middle, half = choose(1 - wrong / turns, (low + high) / 2, (high - low) / 2)
    return {"low": middle - half, "high": middle + half}


def _n_not_squared(turns, wrong, z=1.96):
    share, shrink = 1 - wrong / turns, 1 + z * z / turns
    half = z * math.sqrt(share * (1 - share) / turns + z * z / (4 * turns)) / shrink
    middle = (share + z * z / (2 * turns)) / shrink
    return middle - half, middle + half


SURE = Question(
    key="6.1-5",
    title="How sure is a share?",
    difficulty=2,
    minutes=20,
    statement=(
        "Of {turns} held-out turns {wrong} were wrong. Which share was exact (share)? Between which shares "
        "does the true one lie by Wilson's interval with z = 1.96 (low, high): middle (p + z²/2n) / (1 + "
        "z²/n), half width z / (1 + z²/n) · sqrt(p (1 - p) / n + z² / 4n²)? And does this show that more "
        "than 97 % of all turns are exact (above 0.97: True or False)? Give four places, or do not round."
    ),
    takeaway="A share has a width; a verdict is drawn from its lower end, not from its middle.",
    explanation="The interval is not even about the share: near 1 it reaches further down than up.",
    hints=(
        "p is the share of exact turns, n the number of turns. Put them in.",
        "Both of them, the middle and the half width, are divided by 1 + z²/n.",
        "Shown is only what the whole interval says. Which of its ends decides?",
    ),
    asked={
        "share": "the exact turns over all turns",
        "low": "Wilson's middle less his half width, z = 1.96; both are divided by 1 + z²/n",
        "high": "Wilson's middle plus his half width, z = 1.96; both are divided by 1 + z²/n",
    },
    answer=_sure,
    rtol=0,
    atol=6e-5,
    mistakes=(
        Mistake(
            "the share that was wrong",
            "You give the share of wrong turns. Asked for are the exact ones.",
            (lambda turns, wrong: {"share": wrong / turns},),
        ),
        Mistake(
            "the interval around the share",
            "That is p plus and minus z · sqrt(p (1 - p) / n). Near 1 that is too short below, and it may "
            "pass 1.",
            (_wald, lambda turns, wrong: {"low": _wald(turns, wrong)["low"]}),
        ),
        Mistake(
            "half of it not divided",
            "Your half width is a little too large, as when it is not divided by 1 + z²/n, or "
            "when z is 2. Both middle and half width are divided, with z = 1.96.",
            (_half_not_divided,),
        ),
        Mistake(
            "around the share itself",
            "Your half width is right, and laid around the share. The interval's middle is another one: (p + "
            "z²/2n) / (1 + z²/n).",
            (
                lambda turns, wrong: _around(turns, wrong, lambda share, middle, half: (share, half)),
                lambda turns, wrong: {
                    "low": _around(turns, wrong, lambda share, _, half: (share, half))["low"]
                },
            ),
        ),
        Mistake(
            "middle not divided",
            "Your middle is not divided by 1 + z²/n, or neither middle nor half width is. Both are.",
            (
                lambda turns, wrong: _around(
                    turns, wrong, lambda _, middle, half: (middle * (1 + 1.96**2 / turns), half)
                ),
                lambda turns, wrong: _around(
                    turns,
                    wrong,
                    lambda _, middle, half: (middle * (1 + 1.96**2 / turns), half * (1 + 1.96**2 / turns)),
                ),
            ),
        ),
        Mistake(
            "half of the root",
            "Under your root stands p (1 - p) / n alone. To it belongs z² / 4n².",
            (
                lambda turns, wrong: _around(
                    turns,
                    wrong,
                    lambda share, middle, _: (
                        middle,
                        1.96 * math.sqrt(share * (1 - share) / turns) / (1 + 1.96**2 / turns),
                    ),
                ),
            ),
        ),
        Mistake(
            "another level",
            "Your half width has another z: that of 90 % is 1.645, that of 99 % 2.576. Asked for is 1.96.",
            (
                lambda turns, wrong: dict(zip(("low", "high"), _wilson(turns, wrong, z=1.645), strict=True)),
                lambda turns, wrong: dict(zip(("low", "high"), _wilson(turns, wrong, z=2.576), strict=True)),
            ),
        ),
        Mistake(
            "one standard error",
            "Your half width has z = 1. For 95 of 100 such intervals to hold the true share, z is 1.96.",
            (
                lambda turns, wrong: dict(zip(("low", "high"), _wilson(turns, wrong, z=1.0), strict=True)),
                lambda turns, wrong: {"low": _wilson(turns, wrong, z=1.0)[0]},
            ),
        ),
        Mistake(
            "the wrong turns' interval",
            "Your ends belong to the share of wrong turns: turn them round.",
            (
                lambda turns, wrong: {
                    "low": 1 - _wilson(turns, wrong)[1],
                    "high": 1 - _wilson(turns, wrong)[0],
                },
            ),
        ),
        Mistake(
            "the middle decides",
            "Shown is only what the whole interval says. Lay its lower end beside 0.97, not the share "
            "itself.",
            (lambda turns, wrong: {"above 0.97": not _sure(turns, wrong)["above 0.97"]},),
        ),
        Mistake(
            "n not squared",
            "Under the root you divide z² by 4n. There it is n squared: else the interval comes out far "
            "too wide.",
            (lambda turns, wrong: dict(zip(("low", "high"), _n_not_squared(turns, wrong), strict=True)),),
        ),
    ),
    draw=_draw_turns,
)

# 6.1-6 --------------------------------------------------------------------------------


def _draw_chain(seed: int) -> dict:
    generator = random.Random(seed)
    return {"share": generator.choice([0.95, 0.97, 0.98]), "turns": generator.choice([6, 8, 12]),
            "tokens": generator.choice([10, 15])}  # fmt: skip


def _chain(share, turns, tokens):
    return {"flawless": share**turns, "needed": 0.5 ** (1 / turns), "token": share ** (1 / tokens)}


CHAIN = Question(
    key="6.1-6",
    title="From a turn to a conversation",
    difficulty=2,
    minutes=15,
    statement=(
        "A model answers {share:.0%} of all turns exactly, each independently of the others. Which share of "
        "conversations of {turns} turns has no fault at all (flawless)? Which share of turns must be exact "
        "so that half of such conversations are (needed)? And a turn has {tokens} tokens of the model's "
        "own, all of which must be right: how sure must each be on average for {share:.0%} exact turns "
        "(token)? Give four places, or do not round."
    ),
    takeaway="Faults multiply: what looks like a good turn is an ordinary conversation.",
    explanation="Independent chances multiply; backwards, take the root.",
    hints=(
        "For a conversation without a fault the first turn must be exact, and the second, and ...",
        "Backwards: which number, multiplied with itself so many times, gives 0.5?",
        "Tokens are to a turn just what turns are to a conversation: go back by a root.",
    ),
    asked={
        "flawless": "a turn's share to the power of the turns",
        "needed": "the root of 0.5, of as many turns: its power is one half",
        "token": "the root of a turn's share, of as many tokens as one turn has",
    },
    answer=_chain,
    rtol=0,
    atol=6e-5,
    mistakes=(
        Mistake(
            "faults added up",
            "That subtracts the faults of all turns. Two faults in one conversation spoil it only once.",
            (lambda share, turns, tokens: {"flawless": 1 - turns * (1 - share)},),
        ),
        Mistake(
            "the fault shared out among the turns",
            "That goes with the number of turns: a fault divided by it, or the root of as many. Asked for "
            "are tokens: take the root of a turn's share, of as many as a turn has tokens.",
            (
                lambda share, turns, tokens: {"token": 1 - (1 - share) / turns},
                lambda share, turns, tokens: {"token": share ** (1 / turns)},
            ),
        ),
        Mistake(
            "the root of all tokens",
            "That is the root of as many as the whole conversation has tokens. The share that is given is "
            "that of one turn: take the root of as many as *one* turn has.",
            (lambda share, turns, tokens: {"token": share ** (1 / turns / tokens)},),
        ),
        Mistake(
            "tokens for turns",
            "That is the share to the power of the tokens, or of all tokens of a conversation. The share "
            "given is that of whole turns: take as many factors as a conversation has turns.",
            (
                lambda share, turns, tokens: {"flawless": share**tokens},
                lambda share, turns, tokens: {"flawless": share ** (turns * tokens)},
            ),
        ),
        Mistake(
            "the root of the share",
            "That is a root of the share given. Asked is which share, multiplied with itself as many times "
            "as there are turns, gives one half: the share given plays no part.",
            (lambda share, turns, tokens: {"needed": share ** (1 / turns)},),
        ),
        Mistake(
            "one turn too many or too few",
            "That is the share to the power of a turn more or less than the conversation has.",
            (
                lambda share, turns, tokens: {"flawless": share ** (turns + 1)},
                lambda share, turns, tokens: {"flawless": share ** (turns - 1)},
            ),
        ),
        Mistake(
            "conversations with a fault",
            "That is the share of conversations with a fault. Asked for are those without one.",
            (lambda share, turns, tokens: {"flawless": 1 - share**turns},),
        ),
        Mistake(
            "at least one exact turn",
            "That is the chance that not all turns are wrong, which is near 1. All must be exact.",
            (lambda share, turns, tokens: {"flawless": 1 - (1 - share) ** turns},),
        ),
        Mistake(
            "as good as a turn",
            "That is the share of turns. Each further turn is one more chance to fail.",
            (lambda share, turns, tokens: {"flawless": share},),
        ),
        Mistake(
            "divided, not rooted",
            "That shares a half out among turns. Chances multiply: take the root.",
            (
                lambda share, turns, tokens: {"needed": 1 - 0.5 / turns},
                lambda share, turns, tokens: {"needed": 0.5 / turns},
            ),
        ),
        Mistake(
            "the root of the tokens",
            "That is a root of 0.5, of as many as there are tokens, in a turn or in all turns. Asked for is "
            "a share of turns: take the root of as many as a conversation has turns.",
            (
                lambda share, turns, tokens: {"needed": 0.5 ** (1 / tokens)},
                lambda share, turns, tokens: {"needed": 0.5 ** (1 / tokens / turns)},
            ),
        ),
        Mistake(
            "how many turns",
            "That is a number of turns: after so many, half of the conversations have a fault. Asked for is "
            "a share of turns.",
            (lambda share, turns, tokens: {"needed": math.log(0.5) / math.log(share)},),
        ),
        Mistake(
            "a half for the turn",
            "That is a root of 0.5. The half belongs to conversations: take the root of the share of exact "
            "turns that is given.",
            (lambda share, turns, tokens: {"token": 0.5 ** (1 / tokens)},),
        ),
        Mistake(
            "from whole conversations",
            "That begins with the share of flawless conversations. Asked for are the tokens of one turn: "
            "begin with the share of exact turns.",
            (lambda share, turns, tokens: {"token": share ** (turns / tokens)},),
        ),
        Mistake(
            "a half once more",
            "That raises 0.5 to a power. Asked for is what must be raised to give 0.5.",
            (lambda share, turns, tokens: {"needed": 0.5**turns},),
        ),
        Mistake(
            "the power of a token",
            "That is a power: the tokens would be worse than the turn. Each of them must be better.",
            (lambda share, turns, tokens: {"token": share**tokens},),
        ),
    ),
    draw=_draw_chain,
)


EXERCISES = (SURE, CHAIN)
