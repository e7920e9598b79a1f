"""Questions of chapter 6.1 that ask for judgement: controls that are missing, and verdicts that follow.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

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
            "What is right is known here to the last character. What is not known is whether orders or "
            "English made it so.",
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


EXERCISES = (CONTROL, JUDGE)
