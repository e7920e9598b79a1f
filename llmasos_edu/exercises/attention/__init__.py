"""Exercises of chapter 4.1, in the order of their numbers."""

from llmasos_edu.exercises.attention import (
    caching,
    controls,
    dropout,
    entropy,
    grouped,
    heads,
    judging,
    maps,
    masks,
    padding,
    scores,
)
from llmasos_edu.exercises.checker.exercise import in_order

EXERCISES = in_order(
    caching, controls, dropout, entropy, grouped, heads, judging, maps, masks, padding, scores
)
