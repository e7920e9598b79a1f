"""Exercises of chapter 1, in the order of their numbers."""

from llmasos_edu.exercises.background import counting, judging, machines, measuring, speedup, stopping
from llmasos_edu.exercises.checker.exercise import in_order

EXERCISES = in_order(counting, judging, machines, measuring, speedup, stopping)
