"""Questions of chapter 6.1 answered with numbers and choices: how sure, how long, and claims to judge.

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
            "Your middle is right, and your half width is not divided by 1 + z²/n. Both should be.",
            (_half_not_divided,),
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
            "Under the root you divide z² by 4n. There it is n squared: else the interval hardly shrinks "
            "with n.",
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
            "That is a fault divided by turns. Asked for are tokens: take the root of a turn's share.",
            (lambda share, turns, tokens: {"token": 1 - (1 - share) / turns},),
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

# 6.1-7 --------------------------------------------------------------------------------

CONTROL = Question(
    key="6.1-7",
    title="Which control is missing?",
    difficulty=2,
    minutes=10,
    statement=(
        "Three sentences from reports on assistants. (memory) 'With its long-term memory our assistant "
        "remembers 95 % of what it was told', measured by asking two turns later. (attack) 'Our model "
        "resists "
        "prompt injection: of 100 attacks none cancelled an order', measured with a user who has no right to "
        "cancel. (language) 'It is worse in Chinese', measured on English conversations about orders and "
        "Chinese ones about sums. Choose for each the control that would show whether the sentence is true."
    ),
    takeaway="Take away the part that is praised, and see whether the figure falls.",
    explanation=(
        "Two turns later the window still holds it; without the right the kernel refuses whatever the model "
        "does; and who compares languages must compare like with like."
    ),
    hints=(
        "For each: what else could have given this figure, without what the sentence praises?",
        "Where does a fact of two turns ago still stand, memory or not? Who stopped the attacks?",
        "Two things differ between the groups of the third report. One of them is in the sentence.",
    ),
    answer={
        "memory": "the same questions with the memory switched off",
        "attack": "the same attacks by a user who has the right",
        "language": "the same kinds of turns in both languages",
    },
    options={
        "memory": (
            "the same questions with the memory switched off",
            "more facts",
            "another seed",
            "a larger memory",
        ),
        "attack": (
            "the same attacks by a user who has the right",
            "a thousand attacks",
            "attacks in Chinese",
            "a larger model",
        ),
        "language": (
            "the same kinds of turns in both languages",
            "more Chinese conversations",
            "longer conversations",
            "a native speaker's opinion",
        ),
    },
    mistakes=(
        Mistake(
            "more of the same facts",
            "More facts or another seed, asked two turns later, stand in the window as well. Take the "
            "memory away.",
            ({"memory": "more facts"}, {"memory": "another seed"}),
        ),
        Mistake(
            "a larger memory",
            "A larger memory answers another question. Does the one that there is do anything here?",
            ({"memory": "a larger memory"},),
        ),
        Mistake(
            "more attacks",
            "The kernel refuses a thousand, in any language, as it does a hundred. Nothing is learnt of "
            "the model.",
            ({"attack": "a thousand attacks"}, {"attack": "attacks in Chinese"}),
        ),
        Mistake(
            "another model",
            "Another model is not the one praised. Who stopped the attacks on this one?",
            ({"attack": "a larger model"},),
        ),
        Mistake(
            "more Chinese",
            "However many or long, the Chinese ones are about sums. Keep one difference still.",
            ({"language": "more Chinese conversations"}, {"language": "longer conversations"}),
        ),
        Mistake(
            "an opinion",
            "What is right is known here to the sign. What is not known is whether orders or English made "
            "it so.",
            ({"language": "a native speaker's opinion"},),
        ),
    ),
)

# 6.1-8 --------------------------------------------------------------------------------

VERDICTS = ("holds", "does not hold", "not shown")


def _table() -> dict[str, tuple[int, int]]:
    """Right answers of fifty, two turns and ten turns after a fact was told."""
    return {"window": (50, 0), "search": (50, 49), "summary": (49, 46)}


JUDGE = Question(
    key="6.1-8",
    title="What does the table bear out?",
    difficulty=3,
    minutes=15,
    statement=(
        "Fifty users were asked for a fact two turns and ten turns after they told it. Right answers with "
        "the "
        "window alone: 50 and 0. With a search in saved notes: 50 and 49. With a summary: 49 and 46. The "
        "window holds about five turns; 95 % intervals for 0, 46, 49 and 50 of 50 are 0 to .07, .81 to .97, "
        ".90 to 1.00 and .93 to 1.00. Judge each sentence as *holds*, *does not hold* or *not shown*. "
        "(beyond) Behind the window, search recalls more than the window alone. (better) Ten turns later, "
        "search recalls more than a summary. (near) Of these fifty users, two turns later, search has "
        "recalled more than the window alone. (year) After a year the search will still find the fact."
    ),
    takeaway="Far intervals decide; overlapping ones do not; and what was not measured is not shown.",
    explanation=(
        "0 and 49 of 50 lie far apart; 46 and 49 overlap; 50 against 50 shows no gain where the window is "
        "perfect already; nobody waited a year."
    ),
    hints=(
        "Lay the four intervals beside each other. Which of them do not touch?",
        "A difference within the noise is neither there nor absent: there is a verdict for it.",
        "Where one of them is always right, can another be right more often?",
    ),
    answer={"beyond": "holds", "better": "not shown", "near": "does not hold", "year": "not shown"},
    options={"beyond": VERDICTS, "better": VERDICTS, "near": VERDICTS, "year": VERDICTS},
    mistakes=(
        Mistake(
            "the larger number wins",
            "49 is more than 46, and fifty other users may turn it round: the intervals overlap widely.",
            ({"better": "holds"},),
        ),
        Mistake(
            "no difference is shown",
            "You say that search is not better than a summary. That the difference is small was not shown "
            "either: the interval of 46 goes down to .81.",
            ({"better": "does not hold"},),
        ),
        Mistake(
            "too careful",
            "0 of 50 against 49 of 50: the intervals lie far apart, and search is the higher one.",
            ({"beyond": "not shown"}, {"beyond": "does not hold"}),
        ),
        Mistake(
            "more than all",
            "The window alone was right for all fifty. Nobody can be right more often than always.",
            ({"near": "holds"},),
        ),
        Mistake(
            "the noise of nothing",
            "Both were right fifty times out of fifty: of these users, search has not recalled more, and "
            "could not.",
            ({"near": "not shown"},),
        ),
        Mistake(
            "a year by analogy",
            "Ten turns are not a year: another question, other facts, a disk in between. It may be so, and "
            "was not measured.",
            ({"year": "holds"}, {"year": "does not hold"}),
        ),
    ),
)


EXERCISES = (SURE, CHAIN, CONTROL, JUDGE)
