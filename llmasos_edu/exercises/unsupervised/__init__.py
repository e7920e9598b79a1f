"""Exercises of chapter 3.2, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.unsupervised import (
    contrast,
    counts,
    judging,
    neighbours,
    prediction,
    purity,
    twins,
)

EXERCISES = in_order(contrast, counts, judging, neighbours, prediction, purity, twins)
