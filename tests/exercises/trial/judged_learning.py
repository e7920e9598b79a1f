"""Chapter 3.2's questions that judge: answers written beside them, one slip each."""

import numpy as np
import torch

from llmasos_edu.exercises import find
from trial.answers import right, wrong

CLUSTERINGS, CONTRAST = find("3.2-9").right(), find("3.2-10").right()
DRAWN, TABLE = find("3.2-9").given(), find("3.2-10").given()


@wrong("3.2-9", "B's purity is higher. So it would be without")
def the_purer_one():
    return CLUSTERINGS | {"better": "B"}


@wrong("3.2-9", "One who starts at")
def above_chance_alone():
    return CLUSTERINGS | {
        name: DRAWN[f"purity_{name.lower()}"] - DRAWN[f"chance_{name.lower()}"] for name in "AB"
    }


@wrong("3.2-9", "Perfect clusters would then get another figure")
def times_chance():
    return CLUSTERINGS | {
        name: DRAWN[f"purity_{name.lower()}"] / DRAWN[f"chance_{name.lower()}"] for name in "AB"
    }


@wrong("3.2-9", "control shows what the same figure is")
def more_starts():
    return CLUSTERINGS | {"control": "another start of k-means"}


@wrong("3.2-9", "'A' and 'B' are exchanged")
def exchanged():
    return CLUSTERINGS | {"A": CLUSTERINGS["B"], "B": CLUSTERINGS["A"]}


@wrong("3.2-9", "is a number of the statement")
def the_purities_themselves():
    return CLUSTERINGS | {"A": DRAWN["purity_a"], "B": DRAWN["purity_b"]}


@right("3.2-9")
def a_tensor_and_capitals():
    return CLUSTERINGS | {"A": torch.tensor(CLUSTERINGS["A"]), "better": "a"}


@wrong("3.2-10", "You take the spread of each row by itself")
def two_rows_apart():
    spread = sum(np.var(TABLE[name], ddof=1) / 5 for name in ("contrast", "plain"))
    return CONTRAST | {"error": spread**0.5}


@wrong("3.2-10", "You divide the squares by 5")
def numpy_s_own_deviation():
    return CONTRAST | {"error": np.std(np.subtract(TABLE["contrast"], TABLE["plain"])) / 5**0.5}


@wrong("3.2-10", "That is the spread of one difference")
def no_root():
    return CONTRAST | {"error": np.std(np.subtract(TABLE["contrast"], TABLE["plain"]), ddof=1)}


@wrong("3.2-10", "They do not say whether it was the contrast or the text")
def train_longer():
    return CONTRAST | {"control": "contrast with more steps"}


@wrong("3.2-10", "which is none of the choices")
def a_verdict_of_ones_own():
    return CONTRAST | {"verdict": "maybe"}


@wrong("3.2-10", "on which side of 0.02 do they lie")
def another_verdict():
    return CONTRAST | {"verdict": "does not hold" if CONTRAST["verdict"] != "does not hold" else "holds"}


@right("3.2-10")
def rounded_to_four_places():
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in CONTRAST.items()}
