"""The position explorer without a browser: what it accepts, refuses and saves."""

import json

import pytest
import traitlets

from llmasos_edu.widgets import PositionExplorer, embed_widget_state

BAD = [
    ({"d_model": 63}, "d_model=63 must be even"),
    ({"d_model": 0}, "d_model=0 is out of range: 2 to 512"),
    ({"d_model": 514}, "d_model=514 is out of range: 2 to 512"),
    ({"d_model": 64.0}, r"d_model=64\.0 must be a whole number"),
    ({"d_model": True}, "d_model=True must be a whole number"),
    ({"length": 0}, "length=0 is out of range: 1 to 1024"),
    ({"length": 2000}, "length=2000 is out of range: 1 to 1024"),
    ({"length": "128"}, "length='128' must be a whole number"),
    ({"base": 1}, "base=1 must be above 1"),
    ({"base": -3.0}, r"base=-3\.0 must be above 1"),
    ({"base": float("nan")}, "base=nan must be above 1"),
    ({"base": 1e9}, "at most 1e"),
    ({"base": "big"}, "base='big' must be a number"),
    ({"kind": "learned"}, "kind='learned' is not one of sinusoidal, rotary"),
    ({"first": 128}, "first=128 is out of range: 0 to 127"),
    ({"second": -1}, "second=-1 is out of range: 0 to 127"),
    ({"first": "3"}, "first='3' must be a whole number"),
    ({"pair": 32}, "pair=32 is out of range: 0 to 31"),
    ({"query": (1.0, 0.0, 0.0)}, r"query=\(1\.0, 0\.0, 0\.0\) must be two numbers"),
    ({"key": (3.0, 4.0)}, r"key=\[3\.0, 4\.0\] is 5 long: it must be above 0 and at most 1"),
    ({"key": (0.0, 0.0)}, r"key=\[0\.0, 0\.0\] is 0 long"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[str(changes) for changes, _ in BAD])
def test_bad_input_meets_words_with_values(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        PositionExplorer(**changes)


def test_repr_says_what_it_shows_and_never_changes():
    expected = "PositionExplorer(sinusoidal, d_model=64, length=128, base=10000)"
    assert repr(PositionExplorer()) == repr(PositionExplorer()) == expected
    rotary = PositionExplorer(32, 16, base=500.5, kind="rotary")
    assert repr(rotary) == "PositionExplorer(rotary, d_model=32, length=16, base=500.5)"


@pytest.mark.parametrize("length", [1, 2, 5, 1024])
@pytest.mark.parametrize("d_model", [2, 4, 512])
def test_every_size_starts_within_its_own_range(d_model, length):
    explorer = PositionExplorer(d_model, length)
    assert 0 <= explorer.first <= explorer.second < length
    assert 0 <= explorer.pair < d_model // 2


def test_python_can_move_it_and_not_out_of_range():
    explorer = PositionExplorer(8, 10)
    explorer.first, explorer.pair, explorer.kind = 9, 3, "rotary"
    for name, value, message in (
        ("first", 10, "first=10 does not exist: 0 to 9"),
        ("pair", 4, "pair=4 does not exist: 0 to 3"),
        ("d_model", 7, "d_model=7 must be even"),
        ("length", 0, "length=0 is out of range"),
        ("base", 0.5, r"base=0\.5 must be above 1"),
        ("kind", "alibi", "kind='alibi' is not one of"),
        ("query", [2.0, 0.0], "is 2 long"),
    ):
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(explorer, name, value)
    assert repr(explorer) == "PositionExplorer(rotary, d_model=8, length=10, base=10000)"


def test_its_own_state_is_tiny_and_its_page_names_no_address(tmp_path):
    explorer = PositionExplorer(512, 1024)
    state = {name: value for name, value in explorer.get_state().items() if not name.startswith("_")}
    assert len(repr(state)) < 600
    text = explorer.save_html(tmp_path / "positions.html").read_text(encoding="utf-8")
    assert len(text) < 60_000
    assert "https://" not in text
    assert text.count("http://") == text.count("http://www.w3.org/2000/svg")
    assert "Position explorer" in text


def test_a_stored_state_becomes_a_fragment_of_a_static_page():
    explorer = PositionExplorer(16, 20, kind="rotary")
    stored = {"m": {"model_module": "anywidget", "model_name": "AnyModel", "state": explorer.get_state()}}
    payload = json.loads(embed_widget_state(stored, "m").split('json">')[1].split("</script>")[0])
    assert payload["esm"] == explorer._esm
    assert {name: payload["state"][name] for name in ("kind", "d_model", "length", "key")} == {
        "kind": "rotary", "d_model": 16, "length": 20, "key": [0.8, 0.3],
    }  # fmt: skip
