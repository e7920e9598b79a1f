"""Questions of chapter 3.3 that ask for judgement: a fair trial, a matrix to read, a verdict to draw.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 3.3-9 --------------------------------------------------------------------------------


def _draw_trial(seed: int) -> dict:
    """Trials that two methods had, what they store, and what a table of pairs gets."""
    generator = random.Random(seed)
    strengths, rates = generator.choice([4, 5, 6]), generator.choice([2, 3])
    old, new = round(generator.uniform(0.22, 0.27), 2), round(generator.uniform(0.15, 0.2), 2)
    return {
        "strengths": strengths,
        "rates": rates,
        "old_pairs": old,
        "new_pairs": new,
        "old_score": round(old + generator.choice([-0.05, -0.03, 0.02]), 2),
        "new_score": round(new + generator.choice([0.1, 0.15, 0.2]), 2),
    }


def _fair_trial(strengths, rates, old_pairs, new_pairs, old_score, new_score):
    return {
        "trials": strengths * rates,
        "chosen on": "a part of the training text that was kept back",
        "plain": "as many rates as EWC had trials",
        "above the table": (old_score + new_score - old_pairs - new_pairs) / 2,
        "adapter": "the one that was least surprised by the text so far",
    }


TRIAL = Question(
    key="3.3-9",
    title="A fair trial for all",
    difficulty=2,
    minutes=15,
    statement=(
        "A report: 'We tried EWC with {strengths} strengths at each of {rates} learning rates and took the "
        "setting with the best score on the test texts. Plain training had the usual rate. LoRA read each "
        "text with the adapter of its domain.' You repeat it fairly. How many trials is LwF to have "
        "(trials)? On which text are settings chosen (chosen on)? What should plain training get (plain)? "
        "With which adapter does LoRA read a text, as the other methods are told nothing (adapter)? Your EWC "
        "ends at {old_score} right on the old domain and {new_score} on the new one; a table of "
        "pairs of bytes gets {old_pairs} and {new_pairs}. By how much is EWC's average above the table's "
        "(above the table)?"
    ),
    takeaway="Equal trials, on text that nobody is scored on, equal knowledge, and a table beside it all.",
    explanation=(
        "Every contender gets strengths times rates trials, plain training too, chosen on text kept back; "
        "the adapter is inferred; the table's average is taken off EWC's."
    ),
    hints=(
        "A method with twelve tickets in a lottery wins more often than one with a single ticket. How many "
        "tickets had EWC?",
        "Whatever was chosen on a text knows something of that text. Which text is not scored in the end?",
        "The others are handed a text and nothing else. What does a label on it tell the adapter's method?",
    ),
    asked={
        "trials": "as many as EWC had: its strengths times its rates",
        "above the table": "the average of EWC's two scores less the average of the table's two",
    },
    answer=_fair_trial,
    options={
        "chosen on": (
            "the test texts",
            "a part of the training text that was kept back",
            "the text that was trained on",
            "the old domain's test text alone",
        ),
        "plain": (
            "the usual rate",
            "as many rates as EWC had trials",
            "EWC's best rate",
            "as many steps more as EWC had trials",
        ),
        "adapter": (
            "that of its domain",
            "the one that was least surprised by the text so far",
            "the one that is least surprised by the whole text",
            "one drawn at random",
        ),
    },
    draw=_draw_trial,
    atol=1e-3,
    mistakes=(
        Mistake(
            "strengths alone",
            "You count the strengths or the rates alone, or add them up. Each strength was tried at each "
            "rate: how many pairs is that?",
            (
                lambda strengths, rates, **_: {"trials": strengths},
                lambda strengths, rates, **_: {"trials": rates},
                lambda strengths, rates, **_: {"trials": strengths + rates},
            ),
        ),
        Mistake(
            "chosen on the exam",
            "Whoever picks the best of many by the test texts has picked luck as well, and reports it. The "
            "test texts must be new to the setting too.",
            (
                {"chosen on": "the test texts"},
                {"chosen on": "the old domain's test text alone"},
            ),
        ),
        Mistake(
            "chosen on what was learned",
            "On the text that was trained on, the setting that learns by heart looks best. What is asked is "
            "how it does on text that it has not seen.",
            ({"chosen on": "the text that was trained on"},),
        ),
        Mistake(
            "plain training untuned",
            "Plain training has a knob as well: a lower rate forgets less. Who tunes one side alone measures "
            "the tuning.",
            ({"plain": "the usual rate"}, {"plain": "EWC's best rate"}),
        ),
        Mistake(
            "steps for trials",
            "More steps are more training, not more trials: the comparison would no longer be at equal work.",
            ({"plain": "as many steps more as EWC had trials"},),
        ),
        Mistake(
            "the oracle",
            "With the adapter of its domain LoRA is told what the others have to find out. That is a figure "
            "worth having, beside the other one.",
            ({"adapter": "that of its domain"},),
        ),
        Mistake(
            "looks ahead",
            "To choose by the whole text is to look at bytes that are still to be guessed. At each place "
            "only what stands before it is known.",
            ({"adapter": "the one that is least surprised by the whole text"},),
        ),
        Mistake(
            "no choice at all",
            "An adapter drawn at random throws away what the text itself tells: its first bytes look like "
            "one domain and not like another.",
            ({"adapter": "one drawn at random"},),
        ),
        Mistake(
            "the sum for the mean",
            "You add the two differences up. An average over two domains is half of that.",
            (lambda **d: {"above the table": 2 * _fair_trial(**d)["above the table"]},),
        ),
        Mistake(
            "one domain alone",
            "You compare one of the two domains. The averages are over both: what is won on one side may be "
            "lost on the other.",
            (
                lambda old_score, old_pairs, **_: {"above the table": old_score - old_pairs},
                lambda new_score, new_pairs, **_: {"above the table": new_score - new_pairs},
            ),
        ),
        Mistake(
            "the table alone",
            "That is the table's average. Asked for is by how much EWC's is above it.",
            (lambda old_pairs, new_pairs, **_: {"above the table": (old_pairs + new_pairs) / 2},),
        ),
        Mistake(
            "the table left in",
            "You give EWC's own average. A table of pairs gets most of that without any training: take its "
            "average off.",
            (lambda old_score, new_score, **_: {"above the table": (old_score + new_score) / 2},),
        ),
    ),
)

# 3.3-10 -------------------------------------------------------------------------------

DOMAINS = ("prose", "code", "sums")


def _draw_matrix(seed: int) -> dict:
    """An accuracy matrix: code spares prose, sums take one of the two away and leave more of the other."""
    generator = random.Random(seed)
    one = lambda low, high: round(generator.uniform(low, high), 2)  # noqa: E731
    prose, code, sums = one(0.3, 0.36), one(0.36, 0.42), one(0.36, 0.44)
    ahead = one(0.2, 0.23)  # of prose on code
    spared = round(prose - one(0.02, 0.06), 2)  # prose after code
    lost, less = round(spared - one(0.14, 0.2), 2), round(code - one(0.05, 0.09), 2)
    return {
        "first": [prose, ahead, one(0.01, 0.04)],
        "second": [spared, code, one(0.02, 0.05)],
        "third": [lost, less, sums],
        "pairs": [one(0.25, 0.27), round(ahead + generator.choice([-0.03, 0.03]), 2), one(0.16, 0.19)],
    }


def _read(first, second, third, pairs):
    before = third[0] - first[0]
    return {
        "backward": (before + third[1] - second[1]) / 2,
        "by sums": second[0] - third[0],
        "below the table": {DOMAINS[i] for i in (0, 1, 2) if third[i] < pairs[i]},
        "prose helps code": first[1] > pairs[1],
    }


def _apart(value, *others):
    """The number that a slip gives, unless another slip gives nearly the same with these data."""
    return value if all(abs(value - other) > 0.006 for other in others) else math.nan


def _of_one_domain(domain):
    """The backward transfer of prose (0) or code (1) alone."""

    def value(first, second, third, pairs):
        own, right = (first, second)[domain][domain], _read(first, second, third, pairs)["backward"]
        row_by_row = (third[0] - second[0] + third[1] - second[1]) / 2
        return {"backward": _apart(third[domain] - own, -right, right * 2 / 3, row_by_row)}

    return value


def _lost_by_code(first, second, third, pairs):
    return {"by sums": _apart(second[1] - third[1], first[0] - third[0], first[0] - second[0])}


MATRIX = Question(
    key="3.3-10",
    title="Read the matrix",
    difficulty=2,
    minutes=15,
    statement=(
        "Accuracies on prose, code, sums. After prose: {first}. After code: {second}. After sums: {third}. A "
        "table of pairs, counted in each domain's own text, gets {pairs}. What is the backward transfer "
        "(backward)? How much of the accuracy on prose was lost in the stage of sums alone (by sums)? Which "
        "domains does the model read worse in the end than their tables (below the table: a set)? Before its "
        "stage, does the model of prose read code better than code's own table (prose helps code: True or "
        "False)?"
    ),
    takeaway="One number says that something was lost; the matrix says what, when, and how much there was.",
    explanation=(
        "Backward transfer: last row less diagonal, for all but the last domain, averaged. The loss of a "
        "stage lies between two rows of a column. Tables are compared cell by cell."
    ),
    hints=(
        "Each domain's own best moment is the diagonal. Two of the three have a later stage that could hurt.",
        "The column of prose, from top to bottom: which two of its cells lie before and after the sums?",
        "The last row beside the row of the tables, cell by cell. And for the last part: which row stands "
        "before the stage of code?",
    ),
    asked={
        "backward": "the last row less the diagonal, for each domain but the last, averaged",
        "by sums": "prose after code less prose after sums: the two lower cells of its column",
        "below the table": "the domains whose accuracy in the last row is lower than in the row of tables",
    },
    answer=_read,
    options={"below the table": DOMAINS, "prose helps code": (True, False)},
    draw=_draw_matrix,
    atol=2e-3,
    mistakes=(
        Mistake(
            "the sign",
            "Your backward transfer has the sign turned round: it is the end less the moment after learning, "
            "so that forgetting is below zero.",
            (lambda **d: {"backward": -_read(**d)["backward"]},),
        ),
        Mistake(
            "one task too many",
            "You divide by three. The last domain has no later stage, so there is no term for it: the mean "
            "is over two.",
            (lambda **d: {"backward": _read(**d)["backward"] * 2 / 3},),
        ),
        Mistake(
            "row by row",
            "You compare the last row with the one before it. Each domain is to be compared with the row "
            "right after its own stage.",
            (
                lambda first, second, third, pairs: {
                    "backward": (third[0] - second[0] + third[1] - second[1]) / 2
                },
            ),
        ),
        Mistake(
            "one domain alone",
            "You take the backward transfer of one domain. Two have a later stage, prose and code: take the "
            "mean of both.",
            (_of_one_domain(0), _of_one_domain(1)),
        ),
        Mistake(
            "from the first row",
            "You compare the last row with the first, for both domains. Code was learned in the second "
            "stage: its own moment is in the second row.",
            (
                lambda first, third, **_: {
                    "backward": (third[0] - first[0] + third[1] - first[1]) / 2,
                },
            ),
        ),
        Mistake(
            "the average at the end",
            "That is the average accuracy at the end. Backward transfer is a difference: the end less the "
            "moment after learning.",
            (lambda third, **_: {"backward": sum(third) / 3},),
        ),
        Mistake(
            "what code lost",
            "That is what code lost in the stage of sums. Asked for is what prose lost in it.",
            (_lost_by_code,),
        ),
        Mistake(
            "a part of what there was",
            "You divide by an accuracy. Asked for is the accuracy that was lost, a difference.",
            (
                lambda second, third, **_: {"by sums": (second[0] - third[0]) / second[0]},
                lambda first, second, third, **_: {"by sums": (second[0] - third[0]) / first[0]},
            ),
        ),
        Mistake(
            "both stages",
            "You give what both later stages have taken from prose. Asked for is the stage of sums: from the "
            "second row to the third.",
            (lambda first, third, **_: {"by sums": first[0] - third[0]},),
        ),
        Mistake(
            "the stage of code",
            "You give what the stage of code has taken from prose. The stage of sums lies between the second "
            "row and the third.",
            (lambda first, second, **_: {"by sums": first[0] - second[0]},),
        ),
        Mistake(
            "forgotten for useless",
            "These are the domains that lost accuracy. To lose some is not yet to be worse than a table: "
            "compare the last row with the tables.",
            ({"below the table": {"prose", "code"}},),
        ),
        Mistake(
            "above for below",
            "Those are read better than their tables, or as well: the others are asked for.",
            ({"below the table": {"code", "sums"}},),
        ),
        Mistake(
            "before the last stage",
            "So it stands before the last stage. In the end is after the sums: take the last row.",
            (
                lambda second, pairs, **_: {
                    "below the table": {DOMAINS[i] for i in (0, 1, 2) if second[i] < pairs[i]}
                },
            ),
        ),
        Mistake(
            "none below",
            "Hold the last row beside the row of tables, cell by cell. In one of the three columns at least "
            "the table has more.",
            ({"below the table": set()},),
        ),
        Mistake(
            "above nothing",
            "Two numbers decide: the model of prose on code, before the stage of code, and code's own table "
            "of pairs. That an untrained model gets nothing does not come into it.",
            (lambda **d: {"prose helps code": not _read(**d)["prose helps code"]},),
        ),
    ),
)

EXERCISES = (TRIAL, MATRIX)
