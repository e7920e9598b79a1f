"""A question of chapter 4.1 that asks for judgement: a control to design.

The wrong answers below are wrong on purpose: the checker recognises a reader's slip by comparing behaviours.
"""

import math
import random

from llmasos_edu.exercises.checker.exercise import Mistake
from llmasos_edu.exercises.checker.question import Question

# 4.1-12 -------------------------------------------------------------------------------


def _draw_heads(seed: int) -> dict:
    """A model, how many heads of one layer a score picked, and how many other sets hurt as much."""
    generator = random.Random(seed)
    heads = generator.choice([6, 8])
    picked = generator.choice([2, 3])
    others = math.comb(heads, picked) - 1
    return {
        "layers": generator.choice([2, 3]),
        "heads": heads,
        "picked": picked,
        "bad": generator.choice([3, 4, 5]),
        "others": others,
        "intact": generator.choice([97, 98]),
        "left": generator.choice([41, 52, 58]),
    }


def _knocked_out(layers, heads, picked, bad, others, **_):
    return {
        "anywhere": math.comb(layers * heads, picked) - 1,
        "same_layer": others,
        "share": bad / others,
        "whole": 0,
        "beside": "other sets of as many heads, in the same layer and anywhere",
    }


CONTROL = Question(
    key="4.1-12",
    title="Design the control: is it these heads?",
    difficulty=2,
    minutes=15,
    statement=(
        "A report: 'Of {layers} layers of {heads} heads we silenced the {picked} heads of highest induction "
        "score, all of them in the second layer. The share of copied tokens fell from {intact} % to {left} "
        "%. So these heads do the copying.' How many other sets of {picked} heads does the model have "
        "(anywhere), and how many of these lie in the second layer alone (same_layer)? {bad} of these others "
        "in the second layer leave {left} % or less: which share of them (share)? If *all* heads of the "
        "second layer had been silenced, how many other sets of as many heads would the layer have to "
        "compare with (whole)? And what has to stand beside the report (beside)?"
    ),
    takeaway="Silence anything and something breaks: compare with as many heads, once near and once "
    "anywhere.",
    explanation="Sets without order: the binomial coefficient, less the picked set itself. A whole layer can "
    "be compared with nothing of its own kind.",
    hints=(
        "How many ways are there to choose a few of many, if their order does not matter? math.comb knows.",
        "The picked set is one of those ways. It is no control for itself.",
        "If heads of the first layer feed the second, a set that takes one of these hurts for another "
        "reason. Which control leaves the first layer alone, and which one shows how much any loss would "
        "cost?",
    ),
    asked={
        "anywhere": "the sets of as many heads among all heads of the model, the picked one left out",
        "same_layer": "the sets of as many heads among those of one layer, the picked one left out",
        "share": "the sets that leave as little, over the other sets of the same layer",
        "whole": "the sets of all heads of a layer, the picked one left out",
    },
    answer=_knocked_out,
    options={
        "beside": (
            "other sets of as many heads, in the same layer and anywhere",
            "the same heads silenced one by one",
            "the same heads silenced in another seed's model",
            "all heads silenced at once",
        )
    },
    draw=_draw_heads,
    mistakes=(
        Mistake(
            "the picked set counted",
            "This number counts the picked set too. It cannot be a control for itself: one fewer.",
            (
                lambda layers, heads, picked, **_: {"anywhere": math.comb(layers * heads, picked)},
                lambda others, **_: {"same_layer": others + 1},
            ),
        ),
        Mistake(
            "the picked set among the others",
            "You count the picked set among the sets of its layer, below the line or on both sides of it. "
            "Asked for is the share of the *other* sets.",
            (
                lambda bad, others, **_: {"share": bad / (others + 1)},
                lambda bad, others, **_: {"share": (bad + 1) / (others + 1)},
            ),
        ),
        Mistake(
            "heads for sets",
            "This number counts heads. A set of several heads is one choice: how many ways are there to "
            "choose so many?",
            (
                lambda layers, heads, picked, **_: {"anywhere": layers * heads - picked},
                lambda layers, heads, **_: {"anywhere": layers * heads - 1},
                lambda heads, picked, **_: {"same_layer": heads - picked},
                lambda heads, **_: {"same_layer": heads - 1},
            ),
        ),
        Mistake(
            "each layer for itself",
            "This number counts the sets that lie in one layer, whichever it is. Anywhere means that a set "
            "may take its heads from several layers.",
            (
                lambda layers, others, **_: {"anywhere": layers * (others + 1) - 1},
                lambda layers, others, **_: {"anywhere": layers * (others + 1)},
                lambda layers, others, **_: {"anywhere": layers * others},
            ),
        ),
        Mistake(
            "those of the layer taken off",
            "You take off the sets of the second layer. They are among the sets that lie anywhere.",
            (
                lambda layers, heads, picked, others, **_: {
                    "anywhere": math.comb(layers * heads, picked) - 1 - others
                },
            ),
        ),
        Mistake(
            "sets from the whole model",
            "This number counts sets from all layers. Asked for are those that the one layer itself has.",
            (
                lambda layers, heads, **_: {"whole": math.comb(layers * heads, heads) - 1},
                lambda layers, heads, **_: {"whole": math.comb(layers * heads, heads)},
            ),
        ),
        Mistake(
            "order counted",
            "This number counts the same heads in another order as another set. Silenced is silenced: the "
            "order is free.",
            (
                lambda layers, heads, picked, **_: {"anywhere": math.perm(layers * heads, picked) - 1},
                lambda heads, picked, **_: {"same_layer": math.perm(heads, picked) - 1},
                lambda layers, heads, picked, **_: {"anywhere": math.perm(layers * heads, picked)},
                lambda heads, picked, **_: {"same_layer": math.perm(heads, picked)},
                lambda layers, heads, picked, **_: {"anywhere": (layers * heads) ** picked},
                lambda heads, picked, **_: {"same_layer": heads**picked},
            ),
        ),
        Mistake(
            "the share of all sets",
            "You divide by the sets of the whole model. The few that hurt as much were counted in the second "
            "layer alone.",
            (
                lambda layers, heads, picked, bad, **_: {
                    "share": bad / (math.comb(layers * heads, picked) - 1)
                },
            ),
        ),
        Mistake(
            "heads apart",
            "This number leaves out whole heads, not sets: the picked heads may come back in another "
            "company. Only the same set is left out.",
            (
                lambda layers, heads, picked, **_: {"anywhere": math.comb(layers * heads - picked, picked)},
                lambda heads, picked, **_: {"same_layer": math.comb(heads - picked, picked)},
            ),
        ),
        Mistake(
            "a whole layer compared with itself",
            "A layer has only one set of all its heads, and that one was picked: nothing of its own is left "
            "to compare with. Such a report speaks of the layer, not of its heads.",
            ({"whole": 1}, lambda heads, **_: {"whole": heads}),
        ),
        Mistake(
            "one by one",
            "Heads can stand in for each other: taken out one by one none may be missed. And a single head's "
            "loss says nothing of whether these are worse to lose than others.",
            ({"beside": "the same heads silenced one by one"},),
        ),
        Mistake(
            "another seed alone",
            "Another model says whether it is the luck of this one. It does not say what the loss of any "
            "other heads would have cost.",
            ({"beside": "the same heads silenced in another seed's model"},),
        ),
        Mistake(
            "everything silenced",
            "A model without any head copies nothing, whatever these heads do. A control takes out as many, "
            "not more.",
            ({"beside": "all heads silenced at once"},),
        ),
    ),
)


EXERCISES = (CONTROL,)
