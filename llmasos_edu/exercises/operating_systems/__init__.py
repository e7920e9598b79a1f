"""Exercises of chapter 2.2, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.operating_systems import (
    allocation,
    clock,
    deadlines,
    figures,
    lru,
    meeting,
    paging,
    replacement,
    round_robin,
    scheduling,
    waste,
)

EXERCISES = in_order(
    allocation, clock, deadlines, figures, lru, meeting, paging, replacement, round_robin, scheduling, waste
)
