"""Exercises of chapter 3.3, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.incremental import (
    fisher,
    forgetting,
    judging,
    lora,
    penalty,
    replay,
    storage,
    teacher,
    verdicts,
)

EXERCISES = in_order(fisher, forgetting, judging, lora, penalty, replay, storage, teacher, verdicts)
