"""A question of chapter 2.3 on three sentences from reports: which control would turn them?"""

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 2.3-9 --------------------------------------------------------------------------------

CONTROL = Question(
    key="2.3-9",
    title="Which control is missing?",
    difficulty=2,
    minutes=10,
    statement=(
        "Three sentences from reports. (cache) 'With the prefix cache our server needs 80 % fewer blocks', "
        "measured on questions that all begin with the same instructions. (swap) 'Copying evicted blocks out "
        "is twice as fast as computing them again', measured with copies that cost nothing. (salt) 'With "
        "salts "
        "nobody can tell from outside that others are using the server', measured by the AUC of a clock on "
        "prompts sent before. Choose for each the change that would turn it. And is (swap) false as it "
        "stands "
        "(false)?"
    ),
    takeaway="A control leaves all as it is and takes away the one thing that the sentence does not mention.",
    explanation=(
        "The cache lives on common beginnings; swapping lives on cheap copies; a salt hides what was said, "
        "not "
        "that somebody is there."
    ),
    hints=(
        "Ask of each sentence: what in the measurement makes it true, that is not in the sentence?",
        "For the salt: which other clue has a clock, in a step that others share?",
        "A sentence that was measured is seldom false. It may be silent about when it is true.",
    ),
    answer={
        "cache": "questions with nothing in common",
        "swap": "a price for each copied block",
        "salt": "a neighbour who reads a long prompt in the same step",
        "false": False,
    },
    options={
        "cache": ("questions with nothing in common", "more questions", "a larger model", "smaller blocks"),
        "swap": ("a price for each copied block", "more memory", "another seed", "a faster model"),
        "salt": (
            "a neighbour who reads a long prompt in the same step",
            "a longer salt",
            "more probes",
            "a larger block",
        ),
    },
    mistakes=(
        Mistake(
            "more of the same",
            "More questions with the same beginning give the same figure again. Take the beginning away.",
            ({"cache": "more questions"},),
        ),
        Mistake(
            "the size of the blocks",
            "Smaller blocks change the figure a little. What makes it large is that all questions begin "
            "alike.",
            ({"cache": "smaller blocks"},),
        ),
        Mistake(
            "a larger model with the same beginnings",
            "A larger model has larger blocks, with and without the cache. The share stays, as long as all "
            "questions begin alike.",
            ({"cache": "a larger model"},),
        ),
        Mistake(
            "the price stays nothing",
            "However often it is drawn, and however fast the model computes, a copy costs nothing in this "
            "measurement. What does moving a block cost on a real machine?",
            ({"swap": "another seed"}, {"swap": "a faster model"}),
        ),
        Mistake(
            "memory for all",
            "With more memory nobody is evicted, and the question is gone. What did the measurement give "
            "away "
            "for nothing?",
            ({"swap": "more memory"},),
        ),
        Mistake(
            "a longer salt",
            "A salt that nobody guesses is long enough. The clock sees more than the cache.",
            ({"salt": "a longer salt"},),
        ),
        Mistake(
            "larger blocks",
            "Larger blocks are found less often, and with salts they are not found at all. The clock sees "
            "something else: how long a shared step takes.",
            ({"salt": "a larger block"},),
        ),
        Mistake(
            "more probes",
            "More probes sharpen a clock that has something to see. With salts the cache shows it nothing: "
            "what "
            "else does?",
            ({"salt": "more probes"},),
        ),
        Mistake(
            "called false",
            "It was measured, and it is true of what was measured. What is missing is the price of a copy.",
            ({"false": True},),
        ),
    ),
)


EXERCISES = (CONTROL,)
