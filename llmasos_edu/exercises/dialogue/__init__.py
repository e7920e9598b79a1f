"""Exercises of chapter 6.1, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.dialogue import attack, by_hand, consent, judging, leaving, rights, window

EXERCISES = in_order(attack, by_hand, consent, judging, leaving, rights, window)
