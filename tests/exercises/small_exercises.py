"""Exercises of a few lines, for tests of what the checker says."""

from llmasos_edu.exercises import Case, Exercise
from llmasos_edu.exercises.checker.judging import examine


def make_exercise(reference, *cases, **changes):
    settings = {
        "key": "0-1",
        "title": "A title",
        "difficulty": 1,
        "minutes": 5,
        "statement": "A statement.",
        "takeaway": "A takeaway.",
        "explanation": "An explanation.",
        "hints": ("one", "two", "three"),
        "mistakes": (),
    }
    named = tuple(Case(f"case {number}", case) for number, case in enumerate(cases))
    return Exercise(reference=reference, cases=named, **settings | changes)


def words(item, answer):
    verdict = examine(item, lambda: answer)
    assert verdict.status == "wrong", verdict
    return verdict.message
