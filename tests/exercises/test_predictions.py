"""Predictions: guesses of every kind are kept, compared in a sentence, and never in the way."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmasos_edu.exercises import compare, predict
from llmasos_edu.exercises.checker.predictions import forget, show


@pytest.fixture(autouse=True)
def _no_guesses():
    forget()


@pytest.fixture
def said(capsys):
    def run(function, *arguments, **settings):
        assert function(*arguments, **settings) is None
        return capsys.readouterr().out

    return run


def test_an_unanswered_prediction_stands_in_nobodys_way(said):
    assert "no guess yet" in said(predict, "4.1-a")
    assert "no guess yet" in said(predict, "4.1-a", ...)
    assert "no guess yet" in said(predict, "4.1-a", None)
    assert said(compare, "4.1-a", 3.14159, "bits") == "4.1-a: you made no guess. Measured: 3.1 bits.\n"
    assert "you made no guess" in said(compare, "4.1-never", 1)


def test_a_mistyped_key_is_pointed_out(said):
    predict("4.1-recall", 3)
    said(predict, "4.1-recall", 3)
    assert "4.1-recall" in said(compare, "4.1-recal", 3)


@pytest.mark.parametrize(
    ("guess", "measured", "mark"),
    [
        (3, 3.1, "✓ "),
        (2.0, 3.1, "✗ "),
        (300, 3.0, "✗ "),
        (True, True, "✓ "),
        ("no", True, "✗ "),
        ("many", 3.0, ""),
    ],
)
def test_a_guess_that_came_true_looks_different_from_one_that_did_not(said, guess, measured, mark):
    predict("4.1-a", guess)
    said(predict, "4.1-a", guess)
    assert said(compare, "4.1-a", measured).startswith(f"{mark}4.1-a: you guessed")


@pytest.mark.parametrize(
    ("guess", "measured", "sentence"),
    [
        (3, 3.1, "you guessed 3 bits, measured 3.1 bits. Close."),
        (2.0, 3.1, "The right order, a little too low."),
        (300, 3.0, "Too high by a factor of 100"),
        (1e-9, 3.0, "Too low by a factor of more than a thousand"),
        (-3, 3.0, "Not what you expected"),
        (0, 3.0, "Not what you expected"),
        (0, 0.0, "Close."),
        ("3 bits", 3.0, "Close."),
        ("many", 3.0, 'you guessed "many", measured 3 bits.\n'),
        (torch.tensor(3.0), 3.0, "you guessed 3 bits, measured 3 bits. Close."),
        (np.float32(3), torch.tensor(3.0), "Close."),
        (True, True, "you guessed yes, measured yes. You saw it coming."),
        ("no", True, "Not what you expected"),
        (np.bool_(True), False, "you guessed yes, measured no. Not what you expected"),
        ("Head  1", "head 1", "You saw it coming."),
        ("head 2", "head 1", "Not what you expected"),
        (math.nan, 3.0, "you guessed not a number"),
        ([1, 2], 3.0, "you guessed 1, 2, measured 3 bits."),
    ],
)
def test_guess_and_measurement_stand_side_by_side(said, guess, measured, sentence):
    said(predict, "4.1-a", guess)
    assert sentence in said(compare, "4.1-a", measured, "bits")


def test_options_are_listed_and_a_guess_outside_them_is_kept(said):
    options = ("first", "last")
    assert '"first", "last"' in said(predict, "4.1-b", ..., options=options)
    assert "none of" in said(predict, "4.1-b", "middle", options=options)
    assert "none of" not in said(predict, "4.1-b", "First", options=options)
    assert "You saw it coming" in said(compare, "4.1-b", "first")


def test_numbers_are_shown_short_and_alike_everywhere():
    assert show(123456.7, 2) == "120,000"
    assert show(-0.0) == "0"
    assert show(0.00012345, 2) == "0.00012"
    assert show(1_000_000) == "1,000,000"
    assert "object at 0x" not in show(object())


anything = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.complex_numbers() | st.binary()
)
anything = (
    anything
    | st.lists(anything, max_size=3)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)


@given(anything, anything)
def test_no_guess_ever_raises(guess, measured):
    predict("k", guess)
    compare("k", measured, "ms")
