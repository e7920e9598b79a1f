"""The learner's desk: kept in one file, shown in words, safe under two notebooks, erasable."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch.nn.functional as F

import llmasos_edu.exercises as exercises
from llmasos_edu.exercises import check, compare, hint, predict, reset, status
from llmasos_edu.exercises.checker import desk

KEY = "4.1-3"
IN_4_1 = sum(item.key.startswith("4.1-") for item in exercises.all_exercises())


def right(query, key, value):
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


@pytest.fixture
def said(capsys, monkeypatch):
    monkeypatch.setattr(exercises, "_hints_shown", {})

    def run(function, *arguments, **settings):
        capsys.readouterr()
        function(*arguments, **settings)
        return capsys.readouterr().out

    return run


def test_what_is_done_and_with_how_many_hints_is_kept(said):
    assert "Your desk is empty" in said(status)
    check(KEY, lambda query, key, value: value)
    check("4.1-1", lambda query, key: query)
    check("4.1-2", ...)
    hint(KEY)
    hint(KEY)
    text = said(status)
    assert f"4.1: 0 of {IN_4_1} exercises done, tried 4.1-1, 4.1-3, 2 hints used." in text
    check(KEY, right)
    assert f"4.1: 1 of {IN_4_1} exercises done (4.1-3), tried 4.1-1, 2 hints used." in said(status)
    kept = json.loads(desk.desk_file().read_text())["exercises"]
    assert kept[KEY]["tries"] == 2
    assert kept[KEY]["hints"] == 2
    assert len(kept[KEY]["done"]) == len("2026-01-31")
    assert "4.1-2" not in kept, "a blank is no try"


def test_predictions_are_counted_by_their_nearness(said):
    for name, guess, measured in (
        ("a", 3, 5.9),
        ("b", 3, 6.1),
        ("c", -3, 3),
        ("d", "yes", "yes"),
        ("e", True, False),
        ("f", 0, 0.0),
    ):
        predict(name, guess)
        compare(name, measured)
    predict("g", 5)
    predict("h")
    compare("h", 5)
    text = said(status)
    assert "Predicted numbers: 2 of 4 within a factor of two." in text
    assert "Predicted choices: 1 of 2 right." in text


def test_one_is_taken_back_and_all_is_erased(said):
    check(KEY, right)
    check("4.1-1", lambda query, key: query)
    predict("4.1-a", 3)
    hint(KEY)
    assert said(reset, KEY) == "4.1-3: taken back.\n"
    assert said(reset, KEY) == "4.1-3: nothing was kept.\n"
    assert "hint 1 of 3" in said(hint, KEY)
    assert f"0 of {IN_4_1} exercises done, tried 4.1-1" in said(status)
    assert said(reset, "4.1-a") == "4.1-a: taken back.\n"
    assert "Say what to take back" in said(reset)
    assert said(reset, all=True) == "your desk: erased.\n"
    assert not desk.desk_file().exists()
    assert said(reset, all=True) == "your desk: nothing was kept.\n"
    assert "Your desk is empty" in said(status)


def test_two_notebooks_lose_nothing_of_each_other():
    code = """
        import sys
        from llmasos_edu.exercises.checker import desk
        for number in range(40):
            desk.keep_verdict(f"4.1-{sys.argv[1]}{number}", "correct")
            desk.keep_verdict("4.1-1", "wrong")
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    both = [subprocess.Popen([*command, name]) for name in "ab"]
    assert [process.wait() for process in both] == [0, 0]
    kept = desk.read()["exercises"]
    assert len(kept) == 81
    assert kept["4.1-1"]["tries"] == 80


def test_a_lock_that_was_left_behind_is_passed_over(monkeypatch):
    monkeypatch.setattr(desk, "WAIT", 0.1)
    desk.desk_file().with_suffix(".lock").touch()
    desk.keep_verdict(KEY, "correct")
    assert KEY in desk.read()["exercises"]


@pytest.mark.parametrize("content", ["{", "[]", '{"exercises": [1]}', '{"exercises": {"a": 1}}', "\x00"])
def test_a_damaged_file_is_put_aside(content, said):
    desk.desk_file().write_text(content)
    check(KEY, right)
    assert KEY in desk.read()["exercises"]
    aside = desk.desk_file().with_suffix(".json.damaged")
    assert aside.read_text() == content


def test_a_folder_that_cannot_be_written_stops_nobody(monkeypatch, tmp_path, said):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LLMASOS_EDU_DATA", str(tmp_path / "file"))
    assert "correct" in said(check, KEY, right)
    assert "Your desk is empty" in said(status)


def test_the_desk_lies_where_the_system_keeps_users_data(monkeypatch, tmp_path):
    monkeypatch.delenv("LLMASOS_EDU_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert desk.desk_file() == tmp_path / "llmasos_edu" / "desk.json"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert desk.desk_file() == Path.home() / "Library" / "Application Support" / "llmasos_edu" / "desk.json"


def test_an_answer_that_is_being_checked_leaves_nothing():
    def records(query, key, value):
        desk.keep_verdict("4.1-9", "correct")
        return right(query, key, value)

    check(KEY, records)
    assert set(desk.read()["exercises"]) == {KEY}
    assert os.environ.get("LLMASOS_EDU_INSIDE_A_CHECK") is None
