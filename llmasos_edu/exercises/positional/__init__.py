"""Exercises of chapter 4.2.3, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.positional import (
    alibi,
    attention,
    decoding,
    interpolation,
    judging,
    lookup,
    rotary,
    similarity,
    waves,
)

EXERCISES = in_order(alibi, attention, decoding, interpolation, judging, lookup, rotary, similarity, waves)
