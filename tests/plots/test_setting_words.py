"""Settings and effects in words: no name of the code reaches a reader, and every number keeps its unit."""

import re

import pytest

from llmasos_edu.book.evidence.results import files, section_of, statements
from llmasos_edu.plots.setting_words import axis_words, in_words, measured, setting_names, short


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("n_heads", 2, "2 heads"),
        ("heads", 1, "1 head"),
        ("d_model", 48, "width 48"),
        ("tokens", 8192, "8,192 tokens"),
        ("optimizer", "adamw", "AdamW"),
        ("q", 0.6, "60 % of the words replaced"),
        ("marks", False, "without punctuation marks"),
        ("windows", None, "every window labelled"),
        ("windows", 40, "40 labelled windows"),
        ("order", "prose, code, arithmetic", "first prose, then code, then arithmetic"),
        ("order", 1, "1 symbol back"),
        ("positions", "rotary, base 100", "rotary positions, base 100"),
        ("asked", "in the other language", "asked in the other language"),
        ("weight_decay", 0.1, "weight decay 0.1"),
        ("early_stop", True, "early stop"),
        ("early_stop", False, "no early stop"),
        ("teacher", None, "no teacher"),
        ("shape_of_it", "very_round", "very round"),
    ],
)
def test_a_setting_in_words(name, value, said):
    assert in_words(name, value) == said


def test_names_tell_what_differs():
    settings = [{"steps": 1, "depth": 1}, {"steps": 2, "depth": 1}, {"steps": 2, "depth": 3}]
    assert setting_names(settings) == ["1 step, 1 layer", "2 steps", "2 steps, 3 layers"]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.5432, "0.54"), (-1.31, "-1.3"), (-6.7e-5, "-0.0001"), (-4e-6, "0"), (123.4, "123"), (99.6, "100")],
)
def test_a_figure_is_short(value, said):
    assert short(value) == said


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("bits a byte", "effect, bits a byte"),
        ("of the answers", "effect, as a share of the answers"),
        ("of accuracy", "effect in accuracy"),
        ("of unseen digits more are read right", "effect: … of unseen digits more are read right"),
        ("(exponent)", "effect, exponent"),
        ("", "effect"),
        (" of  the\nusers ", "effect, as a share of the users"),
    ],
)
def test_an_axis_in_words(unit, said):
    assert axis_words(unit) == said


def test_a_missing_unit_leaves_the_number():
    assert [measured(0.5, unit) for unit in ("", "of the answers")] == ["0.5", "0.5 of the answers"]


@pytest.mark.parametrize("path", files(), ids=section_of)
def test_no_name_of_the_code_reaches_a_reader(path):
    for key, statement in statements(path).items():
        settings = statement.settings()
        names = setting_names(settings)
        assert len(set(names)) == len(names), f"{key}: two settings read alike in {names}"
        words = f"{'; '.join(names)}; {axis_words(statement.unit)}"
        assert not re.search(r"_|\w=|\b(?:None|True|False)\b|\bin of\b|\(s\)|  ", words), f"{key}: {words}"
