"""Exercises of chapter 3.1, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.pretraining import (
    gaps,
    judging,
    loss,
    masking,
    measures,
    pairs,
    spans,
    trying,
    words,
    written,
)

EXERCISES = in_order(gaps, judging, loss, masking, measures, pairs, spans, trying, words, written)
