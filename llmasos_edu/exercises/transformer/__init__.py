"""Exercises of chapter 4.2, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.transformer import (
    beam,
    control,
    cross,
    decoder,
    forcing,
    gate,
    greedy,
    judging,
    layers,
    leak,
    loss,
    norm,
    stack,
)

EXERCISES = in_order(
    beam, control, cross, decoder, forcing, gate, greedy, judging, layers, leak, loss, norm, stack
)
