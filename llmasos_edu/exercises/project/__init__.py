"""Exercises of chapter 5, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.project import (
    bits_per_byte,
    budget,
    cache,
    data,
    judging,
    review,
    sampling,
    stopping,
    training,
)

EXERCISES = in_order(bits_per_byte, budget, cache, data, judging, review, sampling, stopping, training)
