"""Exercises of chapter 3.4, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.multitask import (
    conflict,
    judging,
    labels,
    sharing,
    size,
    surgery,
    verdicts,
    weighting,
)

EXERCISES = in_order(conflict, judging, labels, sharing, size, surgery, verdicts, weighting)
