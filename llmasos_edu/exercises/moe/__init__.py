"""Exercises of chapter 4.3, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.moe import (
    balance,
    bias,
    capacity,
    choice,
    combine,
    computing,
    counting,
    dense_mixture,
    dispatch,
    information,
    judging,
    routing,
)

EXERCISES = in_order(
    balance,
    bias,
    capacity,
    choice,
    combine,
    computing,
    counting,
    dense_mixture,
    dispatch,
    information,
    judging,
    routing,
)
