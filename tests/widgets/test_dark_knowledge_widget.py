"""The dark-knowledge explorer without a browser: its tables, what it refuses, saves and draws."""

import itertools
import json
import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import traitlets

from llmasos_edu.plots.describing import describe
from llmasos_edu.plots.distillation import dark_knowledge
from llmasos_edu.widgets import DarkKnowledgeExplorer, embed_widget_state
from llmasos_edu.widgets.dark_knowledge.data import TEMPERATURES, rows_shown, step_of, tables

VOCAB = 60
NAMES = [f"·t{i}" for i in range(VOCAB)]
TEXT = torch.tensor([3, 1, 4, 1, 5, 9])


def logits(seed=0, models=3, scale=3.0):
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(models, len(TEXT), VOCAB, generator=generator)


def explorer(seed=0, students=2, **settings):
    teacher, *others = logits(seed, 1 + students)
    named = dict(zip(("alone", "distilled"), others, strict=False))
    return DarkKnowledgeExplorer(TEXT, teacher, named, NAMES, **settings)


def table_of(shown):
    """`[position, temperature, quantity]` as the browser gets it."""
    return np.frombuffer(shown.tables, "<f4").reshape(len(shown.ids), 52, 4 * len(shown.models) - 2)


def names_of(shown, position):
    return [shown.pieces[i] for i in shown.rows[position]]


# ---- temperatures ----


def test_the_slider_knows_52_temperatures_and_whole_powers_of_two_are_exact():
    assert len(TEMPERATURES) == 52
    assert TEMPERATURES[0] == 0.25
    assert TEMPERATURES[-1] == pytest.approx(20.7494, abs=1e-4)
    assert [TEMPERATURES[step_of(t)] for t in (0.25, 0.5, 1, 2.0, 4, 8, 16)] == [0.25, 0.5, 1, 2, 4, 8, 16]
    ratios = [b / a for a, b in itertools.pairwise(TEMPERATURES)]
    assert ratios == pytest.approx([2**0.125] * 51)


@pytest.mark.parametrize(("temperature", "step"), [(1.04, 16), (1.05, 17), (20, 51), (21.6, 51), (0.24, 0)])
def test_a_temperature_between_two_steps_goes_to_the_nearer(temperature, step):
    assert step_of(temperature) == step


@pytest.mark.parametrize("temperature", [0.23, 21.7, 0, -1.0, math.nan, math.inf])
def test_a_temperature_beyond_the_slider_is_refused(temperature):
    with pytest.raises(ValueError, match=rf"temperature={temperature} is out of range: 0.25 to 20.7"):
        step_of(temperature)


@pytest.mark.parametrize("temperature", ["1", None, True])
def test_a_temperature_is_a_number(temperature):
    with pytest.raises(TypeError, match=f"temperature={temperature!r} must be a number"):
        step_of(temperature)


# ---- what is shown ----


def test_rows_are_the_teachers_first_each_students_first_two_and_the_true_token_in_the_teachers_order():
    teacher = torch.tensor([[9.0, 8, 7, 6, 5, 4, 3, 2], [0, 1, 2, 3, 4, 5, 6, 7]])
    one = torch.tensor([[0.0, 0, 0, 0, 0, 9, 0, 8], [9, 8, 0, 0, 0, 0, 0, 0]])
    other = torch.tensor([[9.0, 0, 0, 8, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 8, 9]])
    text = torch.tensor([0, 6])
    assert rows_shown(torch.stack((teacher, one, other)), text, 2) == [[0, 1, 3, 5, 6, 7], [7, 6, 1, 0]]
    assert rows_shown(torch.stack((teacher, one)), text, 1) == [[0, 5, 6, 7], [7, 1, 0]]


def test_equal_logits_keep_the_order_of_the_vocabulary():
    flat = torch.zeros(2, 1, 5)
    assert rows_shown(flat, torch.tensor([4]), 3) == [[0, 1, 2]]


@pytest.mark.parametrize("temperature", [0.25, 1.0, 4.0, 16.0])
def test_probabilities_are_the_softmax_of_the_whole_vocabulary(temperature):
    shown, given = explorer(top=5), logits().double()
    for position in range(len(TEXT)):
        found = shown.probabilities(position, temperature)
        want = (given[:, position] / temperature).softmax(dim=-1)
        ids = [NAMES.index(name) for name in names_of(shown, position)]
        torch.testing.assert_close(found[:-1], want[:, ids].T, atol=1e-6, rtol=1e-4)
        rest = want.index_fill(1, torch.tensor(ids), 0).sum(dim=1)
        torch.testing.assert_close(found[-1], rest, atol=1e-6, rtol=1e-4)
        torch.testing.assert_close(found.sum(dim=0), torch.ones(3, dtype=torch.float64))


def test_probabilities_are_those_on_show_unless_others_are_asked_for():
    shown = explorer(position=2, temperature=4.0)
    assert torch.equal(shown.probabilities(), shown.probabilities(2, 4.0))
    assert not torch.equal(shown.probabilities(), shown.probabilities(1, 4.0)[: len(shown.rows[2]) + 1])
    with pytest.raises(ValueError, match="position=6 is out of range: 0 to 5"):
        shown.probabilities(6)
    with pytest.raises(ValueError, match="temperature=99 is out of range"):
        shown.probabilities(0, 99)


@pytest.mark.parametrize("students", [1, 2])
def test_entropies_and_divergences_are_torch_s_in_bits_at_every_temperature(students):
    shown, given = explorer(students=students), logits(0, 1 + students).double()
    found = torch.tensor(table_of(shown)).double()
    count = 1 + students
    for step, temperature in enumerate(TEMPERATURES):
        log_p = (given / temperature).log_softmax(dim=-1)
        entropy = torch.distributions.Categorical(logits=log_p).entropy() / math.log(2)
        torch.testing.assert_close(found[:, step, count : 2 * count], entropy.T, atol=1e-5, rtol=1e-5)
        for student in range(1, count):
            pair = (log_p[student], log_p[0]), (log_p[0], log_p[student])
            for place, (q, p) in zip((2 * count - 1, 3 * count - 2), pair, strict=True):
                want = F.kl_div(q, p, reduction="none", log_target=True).sum(-1) / math.log(2)
                torch.testing.assert_close(found[:, step, place + student], want, atol=1e-5, rtol=1e-4)


def test_two_tokens_by_hand():
    teacher, student = torch.tensor([[math.log(3), 0.0]]), torch.tensor([[0.0, 0.0]])
    found = tables(torch.stack((teacher, student)), [[0]])
    assert found.shape == (1, 52, 6)
    others_t, others_s, entropy_t, entropy_s, forward, reverse = found[0, step_of(1)].tolist()
    assert (others_t, others_s) == (0, 0)
    assert entropy_t == pytest.approx(2 - 0.75 * math.log2(3))
    assert entropy_s == pytest.approx(1)
    assert forward == pytest.approx(0.75 * math.log2(1.5) - 0.25)
    assert reverse == pytest.approx(0.5 * math.log2(2 / 3) + 0.5)


def test_a_vocabulary_that_is_shown_as_a_whole_leaves_nothing_for_the_others():
    teacher, student = torch.tensor([[1.0, 2, 3]] * 2), torch.zeros(2, 3)
    shown = DarkKnowledgeExplorer([0, 1], teacher, {"s": student}, ["a", "b", "c"], top=3)
    assert np.isneginf(table_of(shown)[:, :, :2]).all()
    assert shown.probabilities(0, 1.0)[-1].tolist() == [0, 0]
    assert names_of(shown, 0) == ["c", "b", "a"]


def test_a_shift_of_all_logits_changes_nothing_even_a_large_one():
    teacher, alone, distilled = logits().double()
    moved = DarkKnowledgeExplorer(
        TEXT, teacher + 1e4, {"alone": alone - 1e4, "distilled": distilled + 500}, NAMES
    )
    torch.testing.assert_close(moved.probabilities(1, 0.25), explorer().probabilities(1, 0.25))
    assert np.frombuffer(moved.logits, "<f4").max() == 0


def test_logits_in_half_precision_with_a_graph_are_taken_too():
    teacher = logits()[0].half().requires_grad_()
    shown = DarkKnowledgeExplorer(TEXT.tolist(), teacher, {"s": logits()[1].numpy()}, NAMES)
    want = teacher.detach().double()[3].softmax(-1).max()
    assert shown.probabilities(3, 1.0)[:-1, 0].max().item() == pytest.approx(want.item(), rel=1e-4)


# ---- the door ----

TEACHER = logits()[0]
HOLE = TEACHER.clone()
HOLE[2, 7] = math.nan
BAD = [
    ({"tokens": TEXT[None]}, ValueError, r"one row of 1 to 32 integers, got torch.int64 \[1, 6\]"),
    ({"tokens": []}, ValueError, r"one row of 1 to 32 integers, got torch.float32 \[0\]"),
    ({"tokens": torch.zeros(33, dtype=torch.long)}, ValueError, r"1 to 32 integers, .* \[33\]"),
    ({"tokens": TEXT.float()}, ValueError, "integers, got torch.float32"),
    ({"tokens": TEXT > 2}, ValueError, "integers, got torch.bool"),
    ({"tokens": [1, 2, 3, 4, 5, 60]}, ValueError, "token 60 has no name: names has 60 entries"),
    ({"tokens": [1, 2, 3, 4, 5, -1]}, ValueError, "token -1 has no name"),
    ({"names": "ab" * 30}, TypeError, "names is one string"),
    ({"names": ["a"]}, ValueError, "names has 1 entries, expected 2 tokens or more"),
    ({"names": NAMES[:50]}, ValueError, r"'teacher' must be \[6, 50\] floats .* got torch.float32 \[6, 60\]"),
    ({"teacher_logits": TEACHER[:5]}, ValueError, r"'teacher' must be \[6, 60\] floats .* \[5, 60\]"),
    ({"teacher_logits": TEACHER.long()}, ValueError, r"'teacher' must be .* got torch.int64"),
    ({"teacher_logits": HOLE}, ValueError, "'teacher', .position, token. = .2, 7. is nan"),
    ({"students": {"a": TEACHER - torch.inf}}, ValueError, "'a', .position, token. = .0, 0. is -inf"),
    ({"students": {"a": TEACHER[None]}}, ValueError, r"'a' must be \[6, 60\] floats .* \[1, 6, 60\]"),
    ({"students": [TEACHER]}, TypeError, "students is a list, expected names and logits"),
    ({"students": {}}, ValueError, "students holds 0 entries, expected 1 or 2"),
    ({"students": dict.fromkeys("abc", TEACHER)}, ValueError, "students holds 3 entries, expected 1 or 2"),
    ({"students": {"teacher": TEACHER}}, ValueError, "called 'teacher', expected 1 to 24 letters, and not"),
    ({"students": {" ": TEACHER}}, ValueError, "called ' ', expected 1 to 24"),
    ({"students": {"x" * 25: TEACHER}}, ValueError, "called 'x{25}', expected 1 to 24"),
    ({"students": {3: TEACHER}}, ValueError, "called 3, expected"),
    ({"top": 0}, ValueError, "top=0 is out of range: 1 to 12"),
    ({"top": 13}, ValueError, "top=13 is out of range: 1 to 12"),
    ({"top": 2.0}, TypeError, "top=2.0 must be a whole number"),
    ({"position": 6}, ValueError, "position=6 is out of range: 0 to 5"),
    ({"position": -1}, ValueError, "position=-1 is out of range: 0 to 5"),
    ({"temperature": 25}, ValueError, "temperature=25 is out of range: 0.25 to 20.7"),
    ({"temperature": "warm"}, TypeError, "temperature='warm' must be a number"),
]


@pytest.mark.parametrize(("changes", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_bad_input_meets_words_with_values(changes, error, message):
    given = {"tokens": TEXT, "teacher_logits": TEACHER, "students": {"a": TEACHER}, "names": NAMES} | changes
    with pytest.raises(error, match=message):
        DarkKnowledgeExplorer(**given)


def test_a_top_of_the_whole_small_vocabulary_is_the_most():
    with pytest.raises(ValueError, match="top=4 is out of range: 1 to 3"):
        DarkKnowledgeExplorer([0], torch.zeros(1, 3), {"s": torch.zeros(1, 3)}, list("abc"), top=4)


# ---- as a widget ----


def test_it_begins_in_the_middle_at_temperature_1_and_python_can_move_it():
    shown = explorer()
    assert (shown.position, shown.step, shown.temperature) == (3, 16, 1.0)
    assert (shown.log_scale, shown.gradient, shown.vocab) == (False, False, 60)
    assert shown.models == ["teacher", "alone", "distilled"]
    assert [shown.pieces[i] for i in shown.ids] == [NAMES[i] for i in TEXT.tolist()]
    shown.temperature = 4.1
    assert (shown.step, shown.temperature) == (32, 4.0)
    shown.position = 5
    for name, value, message in (
        ("position", 6, "position=6 is out of range: 0 to 5"),
        ("position", -1, "position=-1 is out of range"),
        ("step", 52, "step=52 is out of range: 0 to 51"),
        ("step", -1, "step=-1 is out of range"),
    ):
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(shown, name, value)
    with pytest.raises(ValueError, match="temperature=30 is out of range"):
        shown.temperature = 30
    assert (shown.position, shown.step) == (5, 32)
    assert (explorer(position=0, temperature=2).position, explorer(temperature=2).step) == (0, 24)


def test_repr_says_what_it_shows_and_never_changes():
    shown = explorer(students=1)
    assert repr(shown) == "DarkKnowledgeExplorer(6 tokens, teacher, alone)"
    shown.step = 3


def test_its_page_names_no_address_and_is_small_for_any_vocabulary(tmp_path):
    generator = torch.Generator().manual_seed(1)
    text = torch.randint(2048, (32,), generator=generator)
    teacher, alone, distilled = torch.randn(3, 32, 2048, generator=generator)
    names = [f"·token{i}" for i in range(2048)]
    long = DarkKnowledgeExplorer(text, teacher, {"alone": alone, "distilled": distilled}, names, top=12)
    assert len(long.pieces) < 32 * 18
    assert len(long.tables) == 32 * 52 * 10 * 4
    page = long.save_html(tmp_path / "dark.html").read_text(encoding="utf-8")
    assert len(page) < 180_000
    assert "https://" not in page
    assert page.count("http://") == page.count("http://www.w3.org/2000/svg")
    assert "<h1>Dark knowledge</h1>" in page
    named = long.save_html(tmp_path / "b.html", title="Soft labels").read_text(encoding="utf-8")
    assert "<h1>Soft labels</h1>" in named


def test_a_stored_state_becomes_a_fragment_of_a_static_page():
    shown = explorer()
    state = {k: v for k, v in shown.get_state().items() if not isinstance(v, bytes | memoryview)}
    stored = {"m": {"model_module": "anywidget", "model_name": "AnyModel", "state": state}}
    payload = json.loads(embed_widget_state(stored, "m").split('json">')[1].split("</script>")[0])
    assert payload["esm"] == shown._esm
    assert payload["state"]["rows"] == shown.rows
    assert payload["state"]["temperatures"] == TEMPERATURES


# ---- the still picture ----


def test_the_picture_draws_every_model_at_every_temperature():
    shown = explorer(position=1, top=6)
    figure = dark_knowledge(shown, temperatures=(0.5, 8), title="Others", width=6)
    rows = len(shown.rows[1])
    assert len(figure.axes) == 2
    for axes, temperature in zip(figure.axes, (0.5, 8), strict=True):
        found = 100 * shown.probabilities(1, temperature)
        widths = torch.tensor([bar.get_width() for bar in axes.patches]).view(3, rows).T
        favourite = found[:-1, 0].max()
        torch.testing.assert_close(widths.double(), found[:-1] / favourite, atol=1e-4, rtol=1e-4)
        told = ", ".join(f"{share:.0f}" for share in found[-1].tolist())
        own, others = axes.get_xlabel().splitlines()
        assert own == f"the teacher's favourite = 1: {favourite.item():.3g} %"
        assert others == f"all others together, %: {told}"
        assert axes.get_title(loc="left") == f"T = {temperature:g}"
        tops = [bar.get_y() for bar in axes.patches[::rows]]
        assert tops == sorted(tops), "the teacher's bar is the upper one of each token"
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim(), "one scale for all panels"
    ticks = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert ticks == [name + (" ✓" if name == "·t4" else "") for name in names_of(shown, 1)]
    assert "·t4 ✓" in ticks
    assert figure.get_suptitle() == "Others"
    assert figure.get_supxlabel() == "·t3 ·t1 [?]"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == shown.models
    assert figure.get_size_inches()[0] == 6
    plt.close(figure)


def test_the_picture_of_the_last_token_marks_none_and_tells_the_temperature_that_it_drew():
    figure = dark_knowledge(explorer(students=1, position=5), temperatures=[3.0])
    assert not any("✓" in text.get_text() for text in figure.axes[0].get_yticklabels())
    assert figure.axes[0].get_title(loc="left") == "T = 3.08"
    assert figure.get_suptitle() == "The teacher besides its favourite"
    plt.close(figure)
    figure = dark_knowledge(explorer())
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["T = 1", "T = 2", "T = 4"]
    plt.close(figure)


def test_the_picture_is_told_by_the_shares_that_it_draws():
    shown = explorer(position=1, top=6)
    figure = dark_knowledge(shown, temperatures=(0.5, 8), title="Others")
    told = describe(figure)
    names = names_of(shown, 1)
    assert told.startswith("Others. At T = 0.5 the teacher gives its favourite, ")
    for temperature in (0.5, 8):
        found = shown.probabilities(1, temperature)
        order = found[:-1, 0].argsort(descending=True)
        favourite, following = order[0], order[1]
        beside = (found[following] / found[favourite, 0]).tolist()
        assert f"{names[favourite]}, {100 * found[favourite, 0].item():.3g} %" in told
        assert f"its next, {names[following]}, has " in told
        assert all(f"{name} {share:.2f}" in told for name, share in zip(shown.models, beside, strict=True))
        assert all(
            f"{name} {share:.0f} %" in told
            for name, share in zip(shown.models, (100 * found[-1]).tolist(), strict=True)
        )
    plt.close(figure)


@pytest.mark.parametrize("temperatures", [[], [1, 2, 3, 4, 5]])
def test_the_picture_has_one_to_four_panels(temperatures):
    with pytest.raises(ValueError, match=f"temperatures holds {len(temperatures)} numbers, expected 1 to 4"):
        dark_knowledge(explorer(), temperatures=temperatures)
