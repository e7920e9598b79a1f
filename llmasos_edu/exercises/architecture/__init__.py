"""Exercises of chapter 2.3, in the order of their numbers."""

from llmasos_edu.exercises.architecture import (
    answers,
    by_hand,
    calling,
    controls,
    eviction,
    peak,
    review_kernel,
    review_memory,
    sharing,
    verdicts,
)
from llmasos_edu.exercises.checker.exercise import in_order

EXERCISES = in_order(
    answers, by_hand, calling, controls, eviction, peak, review_kernel, review_memory, sharing, verdicts
)
