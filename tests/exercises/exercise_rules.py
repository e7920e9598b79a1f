"""What holds for all exercises of a chapter that a function answers; its own test file adds answers."""

import functools
import inspect
import itertools
import re

import pytest

from llmasos_edu.exercises import Exercise, all_exercises, find, judge
from llmasos_edu.exercises.checker.judging import examine, known_outcomes
from llmasos_edu.exercises.checker.running import same


def of_chapter(chapter):
    functions = (item for item in all_exercises() if isinstance(item, Exercise))
    return [item for item in functions if item.key.rpartition("-")[0] == chapter]


@functools.cache
def known(key):
    """What the solution and all mistakes give, computed once for all tests of an exercise."""
    return known_outcomes(find(key))


def every_case(key):
    """(result of the reference, inputs) for every case of an exercise."""
    item = find(key)
    for case in item.cases:
        yield item.reference(*case.fresh()), case.fresh()


def rules_for(chapter, alternatives, variations):
    """A class of tests on all exercises of a chapter.

    Args:
        alternatives: correct answers written differently from the solutions: {key: function}.
        variations: usual mistakes in a reader's own words: [(key, name of the mistake, function)].
    """
    exercises = of_chapter(chapter)
    each_exercise = pytest.mark.parametrize("item", exercises, ids=[item.key for item in exercises])
    mistakes = [
        pytest.param(item, mistake, number, id=f"{item.key} {mistake.name} {number}")
        for item in exercises
        for mistake in item.mistakes
        for number in range(len(mistake.implementations))
    ]

    class Rules:
        @each_exercise
        def test_the_solution_is_correct(self, item):
            verdict = judge(item.key, item.reference)
            assert verdict.status == "correct", verdict.message
            assert f"all {len(item.cases)} cases" in verdict.message
            assert item.takeaway in verdict.message
            assert "instead of a tensor" not in verdict.message

        @each_exercise
        def test_a_correct_answer_written_differently_is_correct(self, item):
            verdict = judge(item.key, alternatives[item.key])
            assert verdict.status == "correct", verdict.message

        @each_exercise
        def test_the_starter_is_a_blank(self, item):
            code, called, _ = item.starter.rpartition("\n\n\ncheck(")
            assert called
            names = {}
            exec(code, names)
            verdict = judge(item.key, names[item.reference.__name__])
            assert (verdict.status, verdict.mistake) == ("blank", None)
            assert f'hint("{item.key}")' in verdict.message

        @pytest.mark.parametrize(("item", "mistake", "number"), mistakes)
        def test_each_mistake_is_named(self, item, mistake, number):
            implementation = mistake.implementations[number]
            verdict = examine(item, lambda: implementation, known=known(item.key))
            assert (verdict.status, verdict.mistake) == ("known mistake", mistake.name)
            rest = verdict.message.removeprefix(mistake.message)
            assert verdict.message.startswith(mistake.message)
            assert not rest or (item.explain and " pass it: " in rest), "of tests, which bugs they let pass"

        @pytest.mark.parametrize(
            ("key", "name", "answer"), variations, ids=[v[2].__name__ for v in variations]
        )
        def test_a_readers_own_variation_of_a_mistake_is_recognised(self, key, name, answer):
            verdict = judge(key, answer)
            assert (verdict.status, verdict.mistake) == ("known mistake", name), verdict.message

        @each_exercise
        def test_the_cases_tell_all_mistakes_and_the_reference_apart(self, item):
            results = {"right": known(item.key).expected} | known(item.key).mistaken
            assert len(results) == 1 + sum(len(m.implementations) for m in item.mistakes)
            for (a, first), (b, second) in itertools.combinations(results.items(), 2):
                alike = all(same(item, x, y) for x, y in zip(first, second, strict=True))
                assert not alike, f"{item.key}: {a} and {b} do the same in all cases"

        @each_exercise
        def test_an_exercise_is_complete(self, item):
            assert item.difficulty in (1, 2, 3)
            assert 5 <= item.minutes <= 30
            assert len(item.hints) == 3
            assert len(item.mistakes) >= 5
            assert len(item.cases) >= 5
            assert len({case.name for case in item.cases}) == len(item.cases)
            assert all((item.statement, item.takeaway, item.explanation, item.reference.__doc__))
            assert "[" in item.reference.__doc__, "the docstring tells the shapes"

        @each_exercise
        def test_messages_are_distinct_and_give_nothing_away(self, item):
            messages = [mistake.message for mistake in item.mistakes]
            assert len(set(messages)) == len({m.name for m in item.mistakes}) == len(messages)
            source = inspect.getsource(item.reference)
            lines = [line.strip() for line in source.splitlines() if len(line.strip()) > 12]
            calls = {name for name in re.findall(r"\.(\w+)\(", source) if "_" in name}
            for text in (*messages, *item.hints):
                assert 60 < len(text) < 420, text
                assert not any(line in text for line in lines), text
                assert not any(name in text for name in calls), text

        def test_keys_count_from_one(self):
            keys = (item.key.rpartition("-") for item in all_exercises())
            numbers = [int(number) for of, _, number in keys if of == chapter]
            assert numbers == list(range(1, len(numbers) + 1))

    return Rules
