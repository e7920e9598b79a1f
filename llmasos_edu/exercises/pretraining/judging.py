"""Questions of chapter 3.1 that are answered with numbers and choices: two reports to judge.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random
import statistics

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 3.1-9 --------------------------------------------------------------------------------

FAIR = "the masked model after as many questions"
NOT_FAIR = (
    "the masked model after as many steps as it needs to win",
    "the causal model with more layers",
    "both again with another seed",
)


def _draw_race(seed: int) -> dict:
    """A training and a share of hidden tokens that divides its steps."""
    generator = random.Random(seed)
    share = generator.choice([0.15, 0.2, 0.25, 0.4])
    return {
        "steps": generator.choice([300, 600, 1200]),
        "batch": generator.choice([16, 32, 64]),
        "context": generator.choice([20, 40, 100]),
        "share": share,
        "vocab": generator.choice([50, 300, 2000]),
    }


def _raced(steps, batch, context, share, vocab):
    return {
        "masked": round(steps * batch * context * share),
        "causal": steps * batch * context,
        "steps": round(steps / share),
        "passes": vocab,
        "control": FAIR,
    }


def _part(**parts):
    """A wrong value in some parts alone."""
    return lambda **data: {name: part(**data) for name, part in parts.items()}


RACE = Question(
    key="3.1-9",
    title="A fair race",
    difficulty=2,
    minutes=15,
    statement=(
        "A report: 'We trained a masked and a causal model for {steps} steps each, on {batch} windows of "
        "{context} tokens a step. The masked one hid a share of {share} of the tokens. At a gap it is more "
        "surprised than the causal one. So reading both sides does not help.' At how many tokens was each of "
        "them scored in all, the masked one on average (masked, causal)? The causal one was scored at every "
        "token of its windows. After how many steps is the masked one asked as often as the causal one "
        "(steps)? How many texts has the causal model to read to fill one gap by trying, with {vocab} tokens "
        "in the vocabulary (passes)? And which second run would tell whether the masked model is behind "
        "because of what it sees or because of how little it was asked (control)?"
    ),
    takeaway="Equal steps are not equal questions. Say which of the two a race holds equal, and show the "
    "other.",
    explanation="Tokens scored: steps x windows x tokens, times the share for the masked model. The control "
    "changes how often it is asked, by a number that was fixed before anybody saw who wins.",
    hints=(
        "How many tokens does one step read? Of which of them does the loss of each model speak?",
        "The masked model needs as many more steps as its share of questions is smaller.",
        "A control holds one thing equal that the report did not. Its length must not depend on its result.",
    ),
    asked={
        "masked": "steps times windows times tokens times the share that is hidden",
        "causal": "steps times windows times tokens, each of them scored, as the statement says",
        "steps": "the steps of the causal model over the share at which the masked one is asked",
        "passes": "one text for each token that could stand in the gap",
    },
    answer=_raced,
    options={"control": (FAIR, *NOT_FAIR)},
    draw=_draw_race,
    mistakes=(
        Mistake(
            "all tokens scored",
            "You score the masked model at every token. Those in plain sight have no part in its loss: it is "
            "asked at the hidden ones alone.",
            (_part(masked=lambda steps, batch, context, **_: steps * batch * context),),
        ),
        Mistake(
            "one window alone",
            "You leave out that a step has many windows: steps times windows times tokens, and the share of "
            "them where only the hidden ones count.",
            (
                _part(masked=lambda steps, context, share, **_: round(steps * context * share)),
                _part(causal=lambda steps, context, **_: steps * context),
            ),
        ),
        Mistake(
            "the first token not scored",
            "You leave out the first token of each window, for nothing stands before it. Here, as the "
            "statement says, the causal model was scored at every token.",
            (_part(causal=lambda steps, batch, context, **_: steps * batch * (context - 1)),),
        ),
        Mistake(
            "shown for hidden",
            "You count the tokens that are shown. Scored are the others, those that the model cannot see.",
            (
                _part(
                    masked=lambda steps, batch, context, share, **_: round(
                        steps * batch * context * (1 - share)
                    )
                ),
            ),
        ),
        Mistake(
            "one step alone",
            "That is what one step asks. The training has many of them, and the race is about all of them.",
            (
                _part(masked=lambda batch, context, share, **_: round(batch * context * share)),
                _part(causal=lambda batch, context, **_: batch * context),
                _part(
                    masked=lambda batch, context, share, **_: round(batch * context * share),
                    causal=lambda batch, context, **_: batch * context,
                ),
            ),
        ),
        Mistake(
            "the causal model asked less",
            "You take the share of the causal model's questions as well. It has nothing hidden: every token "
            "is "
            "the answer to what stands before it.",
            (_part(causal=lambda steps, batch, context, share, **_: round(steps * batch * context * share)),),
        ),
        Mistake(
            "the further steps alone",
            "That is how many further steps it takes. Asked is after how many in all, those made included.",
            (_part(steps=lambda steps, share, **_: round(steps / share) - steps),),
        ),
        Mistake(
            "fewer steps for fewer questions",
            "You give the masked model fewer steps than before. It is asked less often in each, so it needs "
            "more of them to be asked as often.",
            (_part(steps=lambda steps, share, **_: round(steps * share)),),
        ),
        Mistake(
            "divided by what is shown",
            "You divide by the share that is shown. A step asks at the hidden share: divide by that one.",
            (_part(steps=lambda steps, share, **_: round(steps / (1 - share))),),
        ),
        Mistake(
            "one pass is enough",
            "One pass from the left gives a guess that has not seen the right side. Trying means that each "
            "token of the vocabulary is put in, and the text is read with it.",
            ({"passes": 1}, {"passes": 2}),
        ),
        Mistake(
            "a pass for each place",
            "The places of the window do not come into it, neither alone nor as a factor. There is one gap; "
            "what is tried in it is every token of the vocabulary.",
            (
                _part(passes=lambda context, **_: context),
                _part(passes=lambda context, vocab, **_: vocab * context),
            ),
        ),
        Mistake(
            "trained until it wins",
            "A run that goes on until the wished for result is there always finds it. The length has to be "
            "fixed "
            "before, by something that is held equal.",
            ({"control": NOT_FAIR[0]},),
        ),
        Mistake(
            "another question",
            "That would be worth knowing, but it does not tell apart the two reasons: what the model sees, "
            "and "
            "how often it was asked.",
            ({"control": NOT_FAIR[1]}, {"control": NOT_FAIR[2]}),
        ),
    ),
)


# 3.1-10 -------------------------------------------------------------------------------

SEEDS, T = 5, 2.776  # a t value of 4 degrees of freedom, 95 %
COUNTS = 0.02  # what a gain must exceed
VERDICTS = ("holds", "does not hold", "not shown")


def _draw_probe(seed: int) -> dict:
    """Five seeds of a trained body and of two that know nothing; the verdict differs from seed to seed."""
    generator = random.Random(seed)
    gain, spread = generator.choice([(0.08, 0.01), (-0.03, 0.01), (0.04, 0.05)])
    while True:
        shuffled = [round(generator.uniform(0.6, 0.64), 3) for _ in range(SEEDS)]
        new = [round(value - generator.uniform(0.04, 0.07), 3) for value in shuffled]
        trained = [round(value + gain + generator.gauss(0, spread), 3) for value in shuffled]
        data = {"trained": trained, "new": new, "shuffled": shuffled}
        data["at_random"] = round(statistics.fmean(trained) - generator.uniform(0.12, 0.2), 2)
        mean, low, high = _interval(trained, shuffled)
        clear = all(abs(edge - COUNTS) > 0.008 for edge in (low, high)) and abs(low) > 0.004
        clear &= all(abs(half - (mean - low)) > 0.0008 for half in _other_halves(trained, shuffled))
        if clear and _verdict(low, high) == ("not shown" if spread > 0.02 else _verdict(mean, mean)):
            return data | {"counts": COUNTS}


def _interval(trained, control):
    differences = [a - b for a, b in zip(trained, control, strict=True)]
    mean, half = statistics.fmean(differences), T * statistics.stdev(differences) / math.sqrt(SEEDS)
    return mean, mean - half, mean + half


def _other_halves(trained, control):
    """Half of the interval by two slips: from the spread of both rows themselves, and with n for n - 1."""
    mean, low, _ = _interval(trained, control)
    both = statistics.variance(trained) + statistics.variance(control)
    return T * math.sqrt(both / SEEDS), (mean - low) * math.sqrt(1 - 1 / SEEDS)


def _verdict(low, high):
    return "holds" if low > COUNTS else "not shown" if high > COUNTS else "does not hold"


def _read(trained, new, shuffled, at_random, counts):
    mean, low, high = _interval(trained, shuffled)
    return {
        "gain": mean,
        "low": low,
        "high": high,
        "verdict": _verdict(low, high),
        "selectivity": statistics.fmean(trained) - at_random,
    }


def _against_the_weaker(trained, new, **_):
    mean, low, high = _interval(trained, new)
    return {"gain": mean, "low": low, "high": high}


def _without_the_root(trained, shuffled, **_):
    mean, low, _ = _interval(trained, shuffled)
    half = (mean - low) * math.sqrt(SEEDS)
    return {"low": mean - half, "high": mean + half}


def _with_the_normal_factor(trained, shuffled, **_):
    mean, low, _ = _interval(trained, shuffled)
    half = (mean - low) / T * 1.96
    return {"low": mean - half, "high": mean + half}


def _without_t(trained, shuffled, **_):
    mean, low, _ = _interval(trained, shuffled)
    half = (mean - low) / T
    return {"low": mean - half, "high": mean + half}


def _with_n(trained, shuffled, **_):
    mean, low, _ = _interval(trained, shuffled)
    half = (mean - low) * math.sqrt(1 - 1 / SEEDS)
    return {"low": mean - half, "high": mean + half}


def _other_verdict(number):
    """The other two verdicts, whichever is right."""
    return lambda **data: {"verdict": [v for v in VERDICTS if v != _read(**data)["verdict"]][number]}


PROBE = Question(
    key="3.1-10",
    title="Which verdict follows?",
    difficulty=3,
    minutes=20,
    statement=(
        "A report: 'A probe reads six kinds of tokens off our model far better than guessing. So pretraining "
        "has taught them.' The shares right of five seeds: trained {trained}, a new body {new}, a body with "
        "its trained weights shuffled {shuffled}. Both controls have learned nothing; hold the trained body "
        "against the better one, seed by seed, and give the mean of the five differences (gain) and its 95 % "
        "interval (low, high): mean minus and plus 2.776 s / sqrt(5), where s is their standard deviation "
        "with "
        "n - 1. A gain counts when it is above {counts}: 'holds' where the whole interval is above it, 'does "
        "not hold' where none of it is, else 'not shown' (verdict). With a random label for each token the "
        "same "
        "probe on the trained body is right in {at_random}. What is its selectivity (selectivity)?"
    ),
    takeaway="A probe's figure says little alone. Against what, by how much, how surely: then there is a "
    "verdict.",
    explanation="The better control is the shuffled body in each seed. Selectivity is the share right in "
    "the task "
    "minus the share right with labels at random.",
    hints=(
        "The better of two controls is the one that is harder to beat. Which one is it here?",
        "Five differences, their mean, their standard deviation (n - 1), divided by the root of five.",
        "Selectivity takes off what the same probe reaches where there is nothing to find.",
    ),
    asked={
        "gain": "trained less the better control (the one with the higher shares), in each seed, averaged",
        "low": "the gain less 2.776 s / sqrt(5), s the deviation of the five differences with n - 1",
        "high": "the gain plus 2.776 s / sqrt(5), s the deviation of the five differences with n - 1",
        "selectivity": "the trained body's mean share right less its share with random labels",
    },
    answer=_read,
    options={"verdict": VERDICTS},
    draw=_draw_probe,
    rtol=2e-3,
    atol=0.0006,
    mistakes=(
        Mistake(
            "against guessing",
            "You compare with guessing, one in six. A body that has learned nothing does far better than "
            "that: "
            "the token alone tells much about its kind.",
            (_part(gain=lambda trained, **_: statistics.fmean(trained) - 1 / 6),),
        ),
        Mistake(
            "the weaker control",
            "You compare with the new body. The shuffled one knows as little and reads more; a gain over the "
            "weaker of two controls is partly the control's weakness.",
            (_against_the_weaker, _part(gain=lambda trained, new, **_: _interval(trained, new)[0])),
        ),
        Mistake(
            "no control",
            "That is the share right of the trained body itself. The question is what of it the control has "
            "not.",
            (_part(gain=lambda trained, **_: statistics.fmean(trained)),),
        ),
        Mistake(
            "of one seed",
            "Your interval is where a single seed may fall. That of the mean is narrower, by the root of the "
            "number of seeds.",
            (_without_the_root,),
        ),
        Mistake(
            "1.96 for 2.776",
            "You take 1.96 for 2.776. 1.96 holds where the deviation is known, or comes from very many "
            "values; with five seeds it takes more.",
            (_with_the_normal_factor,),
        ),
        Mistake(
            "one standard error",
            "You go one standard error to each side. That holds the true mean in two cases of three at best; "
            "for 95 % of them with five seeds it takes 2.776.",
            (_without_t,),
        ),
        Mistake(
            "deviation with n",
            "You divide the squares by their number. From five values the deviation is estimated with n - 1, "
            "or it comes out too small.",
            (_with_n,),
        ),
        Mistake(
            "the verdict",
            "The verdict goes by the whole interval and the line that was drawn before: all of it above, "
            "none "
            "of it above, or across it. The mean alone decides nothing.",
            (_other_verdict(0), _other_verdict(1)),
        ),
        Mistake(
            "selectivity against guessing",
            "You take off what guessing gives. Selectivity takes off what the probe itself gets with labels "
            "drawn at random: so much it can learn by heart.",
            (_part(selectivity=lambda trained, **_: statistics.fmean(trained) - 1 / 6),),
        ),
        Mistake(
            "selectivity turned",
            "You take the task off the control task. A probe that finds something is better in the task: its "
            "selectivity is above 0.",
            (_part(selectivity=lambda trained, at_random, **_: at_random - statistics.fmean(trained)),),
        ),
    ),
)


EXERCISES = (RACE, PROBE)
