"""What holds for the questions of every chapter (answered with values); a chapter adds answers of its own."""

import pytest

from llmasos_edu.exercises import Question, all_exercises, judge
from llmasos_edu.exercises.checker.question import Amiss, Holds, Lacks


def questions_of(chapter):
    items = (item for item in all_exercises() if isinstance(item, Question))
    return [item for item in items if item.key.rpartition("-")[0] == chapter]


def question_rules_for(chapter, alternatives, variations, seeds=(None, 1, 7)):
    """A class of tests on all questions of a chapter.

    Args:
        alternatives: right answers in another form, to the book's own data: {key: value}.
        variations: usual mistakes in a reader's own words: [(key, name of the mistake, value)].
        seeds: what data are drawn from; None stands for the book's own.
    """
    questions = questions_of(chapter)
    each_question = pytest.mark.parametrize("item", questions, ids=[item.key for item in questions])
    each_seed = pytest.mark.parametrize("seed", seeds)
    each_mistake = pytest.mark.parametrize(
        ("item", "mistake"),
        [pytest.param(item, m, id=f"{item.key} {m.name}") for item in questions for m in item.mistakes],
    )

    class Rules:
        @each_question
        @each_seed
        def test_the_solution_is_correct(self, item, seed):
            verdict = judge(item.key, item.right(seed), seed=seed)
            assert verdict.status == "correct", verdict.message
            assert item.takeaway in verdict.message

        @each_question
        def test_a_right_answer_in_another_form_is_correct(self, item):
            verdict = judge(item.key, alternatives[item.key])
            assert verdict.status == "correct", verdict.message

        @each_question
        def test_nothing_filled_in_is_a_blank(self, item):
            verdicts = []
            exec(item.starter, {"check": lambda key, answer: verdicts.append(judge(key, answer))})
            assert verdicts[0].status == "blank"

        @each_mistake
        @each_seed
        def test_each_mistake_is_named(self, item, mistake, seed):
            for implementation in mistake.implementations:
                value = item.value_of(implementation, seed)
                if isinstance(value, dict):
                    if any(part != part for part in value.values()):
                        continue  # NaN: these data leave no room for the slip
                    value = item.right(seed) | value
                if isinstance(value, Holds):
                    value = item.right(seed) | {value.item}
                if isinstance(value, Lacks):
                    value = item.right(seed) - {value.item}
                if isinstance(value, Amiss):
                    value = item.right(seed) ^ {value.item}
                verdict = judge(item.key, value, seed=seed)
                assert (verdict.status, verdict.mistake) == ("known mistake", mistake.name), verdict.message
                _, said, rest = verdict.message.partition(mistake.message)
                assert said
                assert not rest or rest.startswith(" If you came to "), "a small number is met by chance"

        @pytest.mark.parametrize(("key", "name", "answer"), variations)
        def test_a_readers_own_variation_of_a_mistake_is_recognised(self, key, name, answer):
            verdict = judge(key, answer)
            assert (verdict.status, verdict.mistake) == ("known mistake", name), verdict.message

        @each_question
        def test_a_question_is_complete(self, item):
            assert item.difficulty in (1, 2, 3)
            assert 2 <= item.minutes <= 30
            assert len(item.hints) == 3
            assert len(item.mistakes) >= 3
            assert all((item.statement.format(**item.given()), item.takeaway, item.explanation))
            messages = [mistake.message for mistake in item.mistakes]
            assert len(set(messages)) == len({m.name for m in item.mistakes}) == len(messages)
            assert all(60 < len(text) < 420 for text in (*messages, *item.hints))

        @each_question
        def test_every_number_is_said_once_more(self, item):
            right = item.right()
            parts = right.items() if isinstance(right, dict) else ()
            numbers = {n for n, v in parts if isinstance(v, (int, float)) and not isinstance(v, bool)}
            assert numbers <= set(item.asked) <= numbers | {n for n, v in parts if isinstance(v, set)}
            for name in numbers:
                said = judge(item.key, right | {name: right[name] * 1.377 + 12.3}).message
                assert f"Asked for: {item.asked[name]}." in said or "is none of" in said, said

        @each_question
        def test_a_seed_draws_the_same_data_each_time(self, item):
            assert repr(item.given(7)) == repr(item.given(7))
            assert repr(item.given()) == repr(item.given(0))

    return Rules
