"""Exercises of chapter 2.1, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.language_models import (
    coding,
    counting,
    held_out,
    judging,
    leak,
    measuring,
    reports,
    size,
    using,
)

EXERCISES = in_order(coding, counting, held_out, judging, leak, measuring, reports, size, using)
