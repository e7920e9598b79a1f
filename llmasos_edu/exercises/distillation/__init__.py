"""Exercises of chapter 3.5, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.distillation import (
    asking,
    divergence,
    hidden,
    judging,
    loss,
    sequence,
    step,
    temperature,
    text,
)

EXERCISES = in_order(asking, divergence, hidden, judging, loss, sequence, step, temperature, text)
