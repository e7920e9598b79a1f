"""Exercises of chapter 6.2, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.generation import (
    beams,
    by_hand,
    judging,
    measuring,
    ranking,
    rarity,
    repeating,
    searching,
)

EXERCISES = in_order(beams, by_hand, judging, measuring, ranking, rarity, repeating, searching)
