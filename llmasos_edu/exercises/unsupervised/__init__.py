"""Exercises of chapter 3.2, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.unsupervised import (
    contrast,
    counts,
    information,
    judging,
    neighbours,
    noise,
    prediction,
    purity,
    twins,
)

EXERCISES = in_order(contrast, counts, information, judging, neighbours, noise, prediction, purity, twins)
