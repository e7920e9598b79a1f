"""The trial: answers of somebody who had not seen the known mistakes, and what the checker tells them.

Each file of `trial/` holds a chapter's answers, wrong ones with one slip each and right ones in an unusual
dress; `fresh_*` were drawn after the checker had been mended on the others, `unseen_*` after that, `blind_*`
and `newcomer_*` each time once more from the statements alone, `latecomer_*` with slips that these had not,
`sixth_*`, `seventh_*` and `eighth_*` over every exercise, `ninth_*` from an audit that knew the cases,
`tenth_*` are answers of which a message had said something untrue, `eleventh_*` and `twelfth_*` those of two
more audits, `thirteenth_*` to `fifteenth_*` once more from the statements alone, the second of these by
writers who passed over the slip that came to mind first.
A wrong answer is rejected, and its message holds the words that make it useful; a right one is accepted. A
sample is tried, the same one everywhere; LLMASOS_TRIAL=all tries them all.
"""

import importlib
import os
import random
from pathlib import Path

import cloudpickle
import pytest
import trial
from trial.answers import ANSWERS

from llmasos_edu.exercises import all_exercises, find, judge
from llmasos_edu.exercises.checker.question import Question

SAMPLE = 160
for path in sorted(Path(trial.__file__).parent.glob("[a-z]*.py")):
    importlib.import_module(f"trial.{path.stem}")
cloudpickle.register_pickle_by_value(trial)  # as a notebook's functions are


def sample():
    """What is tried: all of it, or as many answers as drawn from a seed."""
    if os.environ.get("LLMASOS_TRIAL") == "all":
        return ANSWERS
    quick = [answer for answer in ANSWERS if answer.quick]
    return random.Random(15).sample(quick, SAMPLE)


@pytest.mark.parametrize("answer", sample(), ids=lambda answer: f"{answer.key}-{answer.name}")
def test_an_answer_of_the_trial(answer):
    value = answer.function() if isinstance(find(answer.key), Question) else answer.function
    verdict = judge(answer.key, value, seconds=4.0)
    if answer.is_right:
        assert verdict.status == "correct", verdict.message
        return
    assert verdict.status in ("known mistake", "wrong", "error", "too slow"), verdict.message
    said = f"{verdict.message} {verdict.example}"
    assert not answer.words or any(word in said for word in answer.words), verdict.message


def test_the_trial_is_as_large_as_it_says():
    wrong = [answer for answer in ANSWERS if not answer.is_right]
    assert len(wrong) >= 5000
    assert len(ANSWERS) - len(wrong) >= 700
    with_words = sum(bool(answer.words) for answer in wrong)
    assert with_words >= 0.95 * len(wrong), "nearly every message tells what is wrong"
    tried = {answer.key for answer in wrong}
    # Of the chapters that were there when it was held, every exercise was tried; of 2.3 a few.
    chapters = {key.rpartition("-")[0] for key in tried}
    assert len(chapters) >= 12
    assert all(item.key in tried for item in all_exercises() if item.key.rpartition("-")[0] in chapters)
    assert len({(answer.key, answer.name) for answer in ANSWERS}) == len(ANSWERS)
