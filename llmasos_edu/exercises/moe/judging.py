"""Questions of chapter 4.3 that ask for judgement: what a step costs, and what experts are shown to know.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Amiss, Holds, Lacks, Question

# 4.3-15 -------------------------------------------------------------------------------


def _draw_times(seed: int) -> dict:
    """Milliseconds of a step with one expert and with many: the layers, and the optimizer."""
    generator = random.Random(seed)
    return {
        "many": generator.choice([16, 32, 64]),
        "layers_one": generator.choice([40, 50, 60]),
        "layers_many": generator.choice([90, 110, 130]),
        "optimizer_one": generator.choice([20, 30]),
        "optimizer_many": generator.choice([900, 1500, 2400]),
    }


def _priced(layers_one, layers_many, optimizer_one, optimizer_many, **_):
    return {
        "claimed": layers_many / layers_one,
        "whole": (layers_many + optimizer_many) / (layers_one + optimizer_one),
        "share": optimizer_many / (layers_many + optimizer_many),
        "missing": "the optimizer's step",
        "baseline": "an ordinary feed-forward network",
    }


COST = Question(
    key="4.3-15",
    title="Design the control: what does a step cost?",
    difficulty=2,
    minutes=15,
    statement=(
        "A report: 'Capacity grows, compute does not: with {many} experts, one a token, forward and backward "
        "take {layers_many} ms, with a mixture of one expert {layers_one} ms.' Its log also says what it "
        "leaves out: the optimizer takes {optimizer_many} ms with {many} experts, {optimizer_one} ms with "
        "one. How many times as long are forward and backward (claimed)? How many times as long is a whole "
        "training step (whole)? What share of the step with {many} experts is the optimizer's (share)? What "
        "is missing from the report's cost (missing)? And what would be the better baseline than a mixture "
        "of "
        "one expert, which has a router and its bookkeeping too (baseline)?"
    ),
    takeaway="Cost is what the clock says of everything that has to be done, against what one would do else.",
    explanation="A token meets one expert, but the optimizer moves the weights of all of them at each step.",
    hints=(
        "Divide the times of forward and backward; then add the optimizer's to both, and divide again.",
        "A share is a part of the whole: of layers and optimizer together, with many experts.",
        "Would somebody who wants no experts build a router? What stands in its place in a dense model?",
    ),
    asked={
        "claimed": "forward and backward with many experts over forward and backward with one",
        "whole": "forward, backward and optimizer with many experts over the same three with one",
        "share": "the optimizer's time over the whole step, with many experts",
    },
    answer=_priced,
    options={
        "missing": (
            "the optimizer's step",
            "the number of tokens",
            "the loss after training",
            "the size of the router",
        ),
        "baseline": (
            "an ordinary feed-forward network",
            "a mixture of two experts",
            "a mixture of as many experts, all of them asked",
            "the same mixture on another machine",
        ),
    },
    draw=_draw_times,
    mistakes=(
        Mistake(
            "upside down",
            "That is the time with one expert divided by that with many. Asked for is how many times as "
            "long it takes.",
            (
                lambda **d: {
                    "claimed": 1 / _priced(**d)["claimed"],
                    "whole": 1 / _priced(**d)["whole"],
                },
            ),
        ),
        Mistake(
            "how much longer",
            "That is how much longer it takes, in times of the one with one expert. How many times as long "
            "is one more than that.",
            (
                lambda **d: {
                    "claimed": _priced(**d)["claimed"] - 1,
                    "whole": _priced(**d)["whole"] - 1,
                },
                lambda **d: {"claimed": _priced(**d)["claimed"] - 1},
                lambda **d: {"whole": _priced(**d)["whole"] - 1},
            ),
        ),
        Mistake(
            "the optimizer alone",
            "That compares the optimizers' times alone. A step is forward, backward and optimizer: add "
            "first, then divide.",
            (lambda **d: {"whole": d["optimizer_many"] / d["optimizer_one"]},),
        ),
        Mistake(
            "ratios added",
            "That is a sum of two ratios. Times can be added, ratios of them cannot: add the milliseconds "
            "first.",
            (
                lambda **d: {
                    "whole": d["layers_many"] / d["layers_one"] + d["optimizer_many"] / d["optimizer_one"]
                },
            ),
        ),
        Mistake(
            "a ratio for a share",
            "That is the optimizer's time over that of the layers. A share has the whole step below it.",
            (lambda **d: {"share": d["optimizer_many"] / d["layers_many"]},),
        ),
        Mistake(
            "worth for cost",
            "That would say what the experts are worth, or how large the work was. What was spent in a "
            "step is "
            "not all counted yet.",
            ({"missing": "the loss after training"}, {"missing": "the number of tokens"}),
        ),
        Mistake(
            "a small thing",
            "The router is one small matrix, and it is in the time of the layers. Something large is not.",
            ({"missing": "the size of the router"},),
        ),
        Mistake(
            "a baseline with a router",
            "That has a router as well, or shows another machine. Compare with what a dense model has in "
            "this "
            "place.",
            (
                {"baseline": "a mixture of two experts"},
                {"baseline": "a mixture of as many experts, all of them asked"},
                {"baseline": "the same mixture on another machine"},
            ),
        ),
    ),
)

# 4.3-16 -------------------------------------------------------------------------------

SENTENCES = (
    "the expert says more about the kind of text than the byte alone",
    "all that the expert says about the kind, the byte says too",
    "arithmetic needs its busiest expert more than another one",
    "each expert serves one kind of text",
    "a dense model would know less about the kind",
)


def _draw_experts(seed: int) -> dict:
    """Intervals over five seeds; whether the two knock-outs overlap depends on the seed."""
    generator = random.Random(seed)
    low = generator.choice([0.16, 0.19, 0.22])
    other_low = generator.choice([0.1, 0.14])
    gap = generator.choice([-0.03, 0.06])
    return {
        "plain": generator.choice([0.31, 0.36]),
        "low": low, "high": round(low + 0.06, 2),
        "chance_low": 0.02, "chance_high": generator.choice([0.03, 0.05]),
        "other_low": other_low, "other_high": round(other_low + 0.09, 2),
        "own_low": round(other_low + 0.09 + gap, 2), "own_high": round(other_low + 0.24 + gap, 2),
        "share": generator.choice([58, 69]),
    }  # fmt: skip


def _follow(other_high, own_low, **_):
    return {SENTENCES[0], *(SENTENCES[2:3] if own_low > other_high else ())}


VERDICTS = Question(
    key="4.3-16",
    title="Which verdict follows: do experts know the kind?",
    difficulty=2,
    minutes=10,
    statement=(
        "A report on one layer, 95 % intervals over five seeds. Information between the kind of text and the "
        "chosen expert: {plain} bits. The same with the byte given: [{low}, {high}] bits; with experts dealt "
        "out at random among equal bytes: [{chance_low}, {chance_high}]. One expert takes {share} % of all "
        "arithmetic. With this expert out, arithmetic costs [{own_low}, {own_high}] bits a byte more; with "
        "another one out, drawn at random, [{other_low}, {other_high}]. Which sentences follow? Give them as "
        "a set."
    ),
    takeaway="Take out what a third thing explains already, and knock out something else as well.",
    explanation="Information with the byte given, against chance; the two knock-outs against each other. "
    "What "
    "was not measured does not follow.",
    hints=(
        "The experts see bytes. What would they say about the kind if they sorted by byte alone?",
        "Compare the two knock-outs with each other: does the one interval begin above where the other ends?",
        "Was a model without experts measured? Was it counted how many kinds an expert serves?",
    ),
    answer=_follow,
    options=SENTENCES,
    draw=_draw_experts,
    mistakes=(
        Mistake(
            "explained away",
            "Given the byte, the expert still tells something, far more than experts dealt at random. If the "
            "byte said it all, nothing would be left.",
            (Lacks(SENTENCES[0]), Holds(SENTENCES[1])),
        ),
        Mistake(
            "knock-outs compared by their means",
            "Look at the two knock-outs again: where their intervals overlap, the busiest expert is not "
            "shown "
            "to matter more than another one; where they do not, it is.",
            (Amiss(SENTENCES[2]),),
        ),
        Mistake(
            "one kind each",
            "One expert takes most of arithmetic. That says nothing of what else it takes, nor of the other "
            "experts.",
            (Holds(SENTENCES[3]),),
        ),
        Mistake(
            "no dense model",
            "No dense model was asked what it knows about the kind. The sentence may be true; it does not "
            "follow.",
            (Holds(SENTENCES[4]),),
        ),
    ),
)

EXERCISES = (COST, VERDICTS)
