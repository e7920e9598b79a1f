"""Landmarks, timeline and systems: every row has a source that is in the bibliography, no number has none."""

import re

import pytest

from llmasos_edu.book.bibliography import load_bibliography
from llmasos_edu.book.records import landmarks, systems, timeline
from llmasos_edu.models.published import PUBLISHED, active_parameters

WORKS = load_bibliography()
MODELS = landmarks()
NAMED = {model.name: model for model in MODELS}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_each_number_of_a_landmark_has_a_paper_and_a_place_in_it(model):
    assert model.work in WORKS
    given = {name for name in ("parameters", "tokens", "flops") if getattr(model, name) is not None}
    given |= {"active"} if model.active < model.parameters else set()
    assert set(model.sources) == given
    for work, place in model.sources.values():
        assert work in WORKS
        assert re.search(r"table|section|abstract|appendix|figure", place), place
    assert model.work in {work for work, _ in model.sources.values()}, "at least one number is its own"
    assert WORKS[model.work].year == model.year


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_numbers_are_of_the_right_size(model):
    assert 1e8 < model.active <= model.parameters < 2e12
    assert model.tokens is None or 1e11 <= model.tokens < 1e14
    assert model.flops is None or 1e19 < model.flops < 1e26


@pytest.mark.parametrize("name", ["GPT-3", "Gopher", "Chinchilla", "Llama 3 405B"])
def test_what_dense_decoders_state_is_the_rule_of_thumb_within_a_sixth(name):
    assert NAMED[name].rule_of_thumb == pytest.approx(NAMED[name].flops, rel=1 / 6)


def test_what_is_not_stated_is_computed_or_left_open():
    assert NAMED["GPT-2"].training_flops is None
    assert NAMED["BERT-Large"].training_flops == 6 * 340e6 * 128e9
    assert NAMED["Transformer (big)"].training_flops == 2.3e19
    assert NAMED["DeepSeek-V3"].rule_of_thumb == 6 * 37e9 * 14.8e12


@pytest.mark.parametrize(
    ("name", "other"),
    [("GLaM", "GLaM 64B/64E"), ("Mixtral 8x7B", "Mixtral 8x7B"), ("DeepSeek-V3", "DeepSeek-V3")],
)
def test_chapters_1_and_4_tell_the_same_of_one_model(name, other):
    (shape,) = (shape for shape in PUBLISHED if shape.name == other)
    assert (NAMED[name].parameters, NAMED[name].active) == (shape.published_total, shape.published_active)
    assert NAMED[name].active == pytest.approx(active_parameters(shape), rel=0.05)


@pytest.mark.parametrize("idea", timeline(), ids=lambda idea: idea.words)
def test_each_idea_of_the_timeline_is_cited(idea):
    assert WORKS[idea.work].year == idea.year
    assert idea.look.strip()
    assert len(idea.words) <= 32, "it stands on a picture"


def test_the_timeline_cites_each_work_once():
    works = [idea.work for idea in timeline()]
    assert len(works) == len(set(works))


@pytest.mark.parametrize("system", systems(), ids=lambda system: system.name)
def test_what_is_told_of_a_system_names_its_page(system):
    assert re.fullmatch(r"https://\S+", system.url)
    assert system.version.strip()
    assert system.asks.strip()
    assert all(command == command.strip() for command in system.commands)


# -- what is refused -----------------------------------------------------------------


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "rows.toml"
        path.write_text(text)
        return path

    return write


MODEL = '[[model]]\nname = "A"\nwork = "a2000"\nyear = 2000\nparameters = 1e9\nparameters_in = "table 1"\n'


@pytest.mark.parametrize(
    ("line", "words"),
    [("tokens = 1e9\n", "tokens and tokens_in"), ('flops_in = "table 1"\n', "flops and flops_in")],
)
def test_a_number_without_a_place_and_a_place_without_a_number_are_refused(file, line, words):
    assert landmarks(file(MODEL))[0].parameters == 1e9
    with pytest.raises(ValueError, match=words):
        landmarks(file(MODEL + line))


def test_rows_out_of_order_are_refused(file):
    with pytest.raises(ValueError, match="years are not in order"):
        landmarks(file(MODEL + MODEL.replace("2000", "1999")))


def test_an_unknown_lane_is_refused(file):
    row = '[[idea]]\nyear = 2000\nlane = "art"\nwords = "w"\nlook = "l"\nwork = "a2000"\n'
    with pytest.raises(ValueError, match="lane 'art'"):
        timeline(file(row))


def test_a_system_without_a_command_is_refused(file):
    row = (
        '[[system]]\nname = "A"\nwhat = "w"\nversion = "1"\nurl = "https://x.org"\n'
        'commands = []\nasks = "b"\ngpu = "no"\n'
    )
    with pytest.raises(ValueError, match="A has 0 commands"):
        systems(file(row))
