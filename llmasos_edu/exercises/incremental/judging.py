"""Questions of chapter 3.3 that ask for judgement: a fair trial, a matrix to read, a verdict to draw.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

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
            "above nothing",
            "Two numbers decide: the model of prose on code, before the stage of code, and code's own table "
            "of pairs. That an untrained model gets nothing does not come into it.",
            (lambda **d: {"prose helps code": not _read(**d)["prose helps code"]},),
        ),
    ),
)

# 3.3-11 -------------------------------------------------------------------------------

LAST, LONG, NOT_SHOWN = "holds when sums come last", "holds when a stage is long", "not shown"
ROWS = ("last_short", "last_long", "first_short", "first_long")
PATTERNS = {  # sides in the order of ROWS, one of them open at least
    LAST: ("for for open against", "for for against open", "for for open open"),
    LONG: ("open for against for", "against for open for", "open for open for"),
    NOT_SHOWN: ("for open open against", "open for for against", "open open against open"),
}


def _draw_sweep(seed: int) -> dict:
    """Intervals of four settings, of which one at least lies across the threshold of 0.02."""
    generator = random.Random(seed)
    sides = generator.choice(PATTERNS[generator.choice(list(PATTERNS))]).split()
    rows = {}
    for name, side in zip(ROWS, sides, strict=True):
        lows = {"for": (0.03, 0.08), "open": (0.004, 0.018), "against": (-0.08, -0.05)}
        low = generator.uniform(*lows[side])
        rows[name] = [round(low, 3), round(low + generator.uniform(0.04, 0.06), 3)]
    return rows


def _verdict(**rows):
    sides = ["for" if low > 0.02 else "open" if high > 0.02 else "against" for low, high in rows.values()]
    borne = [side == "for" for side in sides]
    found = {(True, True, False, False): LAST, (False, True, False, True): LONG}.get(tuple(borne), NOT_SHOWN)
    return {"borne out": sum(borne), "open": sides.count("open"), "verdict": found}


def _by_eye(step):
    """One of the three verdicts that are drawn, a wrong one."""
    drawn = list(PATTERNS)
    return lambda **rows: {"verdict": drawn[(drawn.index(_verdict(**rows)["verdict"]) + step) % 3]}


SWEEP = Question(
    key="3.3-11",
    title="Which verdict follows?",
    difficulty=3,
    minutes=15,
    statement=(
        "'Springs keep more than plain training, both at their best rate.' Five seeds a setting; the "
        "interval of the gain in average accuracy is, with sums last: {last_short} at 80 steps a stage, "
        "{last_long} at 240; with sums first: {first_short} at 80, {first_long} at 240. A gain counts above "
        "0.02. In how many settings is the sentence borne out (borne out)? In how many could it be either "
        "(open)? And which verdict follows (verdict) by this book's rule: holds, if borne out in all "
        "settings; holds when, if borne out where a condition is true and nowhere else; does not hold, if "
        "all speak against it; else not shown?"
    ),
    takeaway="A verdict is read off whole intervals and all settings, not off means and the kindest one.",
    explanation=(
        "Borne out: the interval begins above 0.02. Against: it ends at 0.02 or below. Else it is open. Then "
        "the rule is applied to the four sides."
    ),
    hints=(
        "For each interval ask two things: does it begin above 0.02? Does it end above 0.02?",
        "An interval on both sides of the threshold speaks neither for the sentence nor against it.",
        "*Holds when sums come last* needs both settings with sums last, and neither with sums first. What "
        "does *holds when a stage is long* need?",
    ),
    asked={
        "borne out": "the settings whose interval lies above 0.02 from end to end",
        "open": "the settings with 0.02 inside their interval",
    },
    answer=_verdict,
    options={"verdict": ("holds", *PATTERNS, "does not hold")},
    draw=_draw_sweep,
    mistakes=(
        Mistake(
            "by the middle",
            "So many intervals have their middle above 0.02, and none would be open. Whether a setting "
            "could be either way is what the two ends tell: it is open where 0.02 lies between them.",
            (lambda **rows: {"borne out": sum(a + b > 0.04 for a, b in rows.values()), "open": 0},),
        ),
        Mistake(
            "zero for the threshold",
            "In so many settings the interval lies above 0. The report says what counts: above 0.02. Mind "
            "where each interval begins.",
            (lambda **rows: {"borne out": sum(low > 0 for low, _ in rows.values())},),
        ),
        Mistake(
            "open counted as against",
            "That number of open settings is all that do not bear the sentence out, or none. Open are those "
            "alone whose interval ends above 0.02 and begins below it.",
            (
                lambda **rows: {
                    "open": (4 - _verdict(**rows)["borne out"])
                    if any(high <= 0.02 for _, high in rows.values())
                    else 0
                },
            ),
        ),
        Mistake(
            "the kindest setting",
            "The sentence names no condition, so one setting in which it is not borne out is enough to take "
            "*holds* away. Is there one?",
            ({"verdict": "holds"},),
        ),
        Mistake(
            "one against is enough",
            "A sentence does not hold, by this rule, when every setting speaks against it. One or two that "
            "do leave a condition to look for, or nothing shown.",
            ({"verdict": "does not hold"},),
        ),
        Mistake(
            "a condition by eye",
            "A condition must be true in every setting that bears the sentence out and in no other one; and "
            "where there is such a condition, more is shown than nothing.",
            (_by_eye(1), _by_eye(2)),
        ),
    ),
)

EXERCISES = (TRIAL, MATRIX, SWEEP)
