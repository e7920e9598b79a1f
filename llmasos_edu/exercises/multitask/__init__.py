"""Exercises of chapter 3.4, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.multitask import (
    averages,
    conflict,
    judging,
    labels,
    sharing,
    size,
    surgery,
    uncertainty,
    verdicts,
    weighting,
)

EXERCISES = in_order(
    averages, conflict, judging, labels, sharing, size, surgery, uncertainty, verdicts, weighting
)
