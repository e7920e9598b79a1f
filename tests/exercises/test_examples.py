"""The code that shows a failing case does what it says: pasted, it gives what came and what should come."""

import importlib
import inspect
import random
import re
from dataclasses import replace
from pathlib import Path

import cloudpickle
import pytest
import torch
import trial
from trial.answers import ANSWERS

from llmasos_edu.exercises import find, judge
from llmasos_edu.exercises.checker.examples import example, literal
from llmasos_edu.exercises.checker.exercise import Case
from llmasos_edu.exercises.checker.question import Question
from llmasos_edu.exercises.checker.running import run

for path in sorted(Path(trial.__file__).parent.glob("[a-z]*.py")):
    importlib.import_module(f"trial.{path.stem}")
cloudpickle.register_pickle_by_value(trial)

SHOWN = re.compile(r"^For |should be|^Right in|is right")  # words of messages that come with a case
NUMBER = r"-?\d[\d.]*(?:e[-+]?\d+)?"


def one_of_each_exercise():
    """Wrong answers of the trial that no known mistake explains, one of each exercise, functions alone."""
    functions = [a for a in ANSWERS if a.quick and not a.is_right and not isinstance(find(a.key), Question)]
    functions = [a for a in functions if not a.words or any(map(SHOWN.search, a.words))]
    random.Random(31).shuffle(functions)
    return [*{answer.key: answer for answer in functions}.values()]


def results(text):
    return [line for line in text.splitlines() if line.startswith(("# came", "# should be"))]


def agree(one, other):
    """Whether two lines are the same but for the last digits of their numbers."""
    a, b = ([float(number) for number in re.findall(NUMBER, line)] for line in (one, other))
    shape = len(a) == len(b) and re.sub(NUMBER, "", one) == re.sub(NUMBER, "", other)
    return shape and torch.allclose(torch.tensor(a), torch.tensor(b), rtol=0.05, atol=0.01)


@pytest.mark.parametrize("answer", random.Random(4).sample(one_of_each_exercise(), 40), ids=lambda a: a.key)
def test_a_pasted_example_gives_what_it_says(answer):
    exercise, said = find(answer.key), judge(answer.key, answer.function, seconds=4.0).example
    if not said:
        return  # recognised at once: no case is shown
    code = said.splitlines()
    names = {"torch": torch}
    start = next(i for i, line in enumerate(code) if line.startswith("# came"))
    given = [line for line in code[:start] if re.match(r"from |[\w, ]+ = ", line)]
    exec("\n".join(given), names)
    inputs = tuple(names[name] for name in inspect.signature(exercise.reference).parameters)
    pasted = replace(exercise, build=None, cases=(Case("pasted", inputs),))
    again = example(pasted, answer.function, 0, run(pasted, answer.function, pasted.cases[0]), cut=False)
    for shown, now in zip(results(said), results(again), strict=True):
        assert shown.endswith("...") or agree(shown, now), (shown, now)


def test_an_answer_that_is_right_on_four_digits_gets_its_case_whole():
    """Read as min-p, 0.15 lies on the border, and its logarithm at four digits does not."""
    (answer,) = (each for each in ANSWERS if each.name == "top_p_of_the_largest_probability_min_p")
    exercise = find(answer.key)
    outcome = run(exercise, answer.function, exercise.cases[0])
    said = example(exercise, answer.function, 0, outcome)
    assert 'logits, top_p = inputs("5-5", 0)' in said
    assert results(said) == results(example(exercise, answer.function, 0, outcome, cut=False))
    written = example(exercise, answer.function, 6, run(exercise, answer.function, exercise.cases[6]))
    assert written.startswith("logits = torch.tensor("), "four digits show this one"


def test_a_case_that_is_fetched_is_shown_whole():
    def squares_the_network(x, memory, memory_keep, self_attention, cross_attention, feed_forward):
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()[None]
        h = x + self_attention(x, causal)
        h = h + cross_attention(h, memory, memory_keep[:, None, :])
        return h + feed_forward(h) ** 2

    said = judge("4.2-6", squares_the_network).example
    names = {}
    exec("\n".join(said.splitlines()[:2]), names)
    inputs = [names[name] for name in inspect.signature(squares_the_network).parameters]
    came = literal(squares_the_network(*inputs).detach()).removeprefix("torch.tensor(")
    assert results(said)[0].startswith(f"# came:      {came[:60]}")


def test_the_gradient_of_a_single_number_has_its_own_sign():
    def twice(x):
        return 2 * x.sum()

    exercise = find("3.5-7")
    x = torch.ones(2)
    case = Case("two ones", (x,))
    assert run(replace(exercise, reference=twice, cases=(case,)), twice, case).value[1].tolist() == [2.0, 2.0]
