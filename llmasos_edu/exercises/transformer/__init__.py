"""Exercises of chapter 4.2, in the order of their numbers."""

from llmasos_edu.exercises.checker.exercise import in_order
from llmasos_edu.exercises.transformer import (
    cross,
    decoder,
    decoding,
    judging,
    layers,
    leak,
    norm_and_gate,
    stack,
    training,
)

EXERCISES = in_order(cross, decoder, decoding, judging, layers, leak, norm_and_gate, stack, training)
