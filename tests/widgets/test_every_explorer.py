"""What holds for every explorer: words, page, dtypes, damaged strings, numbers too large to draw."""

import json
import math
import os

import numpy as np
import pytest
import torch
from every_explorer import EXPLORERS, NAMES, TEXT, VOCAB, random, shaken

from llmasos_edu.foundation import files
from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.encoder_decoder import EncoderDecoder
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.widgets import (
    AccuracyMatrixExplorer,
    AttentionExplorer,
    DarkKnowledgeExplorer,
    EmbeddingMap,
    ExpertLoadExplorer,
    GradientPlaneExplorer,
    MaskingExplorer,
    NextTokenExplorer,
    PositionExplorer,
    SamplingExplorer,
    SchedulerPlayground,
    embed_widget_state,
)

every_explorer = pytest.mark.parametrize("make", EXPLORERS.values(), ids=EXPLORERS)


@every_explorer
def test_a_notebook_in_which_nothing_runs_tells_what_it_is_and_what_to_do(make):
    explorer = make()
    data, metadata = explorer._repr_mimebundle_()
    assert repr(explorer) == f"{type(explorer).__name__}({explorer.contents()})" == repr(make())
    assert data["text/plain"] == f"{explorer!r}: run this cell to play"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert metadata == {} or isinstance(metadata, dict)


@every_explorer
def test_what_the_browser_sends_is_not_sent_back(make):
    explorer = make()
    of_every_widget = {"layout", "tabbable", "tooltip", "comm"}
    ours = {name for name in explorer.traits(sync=True) if not name.startswith("_")} - of_every_widget
    assert ours
    for name in ours:
        assert explorer.trait_metadata(name, "echo_update") is False, name


@every_explorer
def test_its_page_has_its_title_or_the_given_one_and_names_no_address(make, tmp_path):
    explorer = make()
    page = explorer.save_html(tmp_path / "a.html").read_text(encoding="utf-8")
    assert f"<h1>{explorer.page_title}</h1>" in page
    assert "https://" not in page
    assert page.count("http://") == page.count("http://www.w3.org/2000/svg")
    named = explorer.save_html(tmp_path / "b.html", title="A <b> title").read_text(encoding="utf-8")
    assert "<h1>A &lt;b&gt; title</h1>" in named
    with pytest.raises(FileNotFoundError, match="missing' does not exist"):
        explorer.save_html(tmp_path / "missing" / "a.html")


@every_explorer
def test_a_stored_state_becomes_a_fragment_with_all_that_the_browser_reads(make):
    explorer = make()
    state = {k: v for k, v in explorer.get_state().items() if not isinstance(v, bytes | memoryview)}
    stored = {"m": {"model_module": "anywidget", "model_name": "AnyModel", "state": state}}
    if hasattr(explorer, "language_model"):  # that it asks
        stored[explorer.language_model.model_id] = {"state": {"packed": None}}
    payload = json.loads(embed_widget_state(stored, "m").split('json">')[1].split("</script>")[0])
    assert payload["esm"] == explorer._esm
    assert payload["css"] == explorer._css
    assert set(payload["state"]) == {
        n for n in state if not n.startswith("_") and n not in ("layout", "tabbable", "tooltip")
    }


# ---- files ----


@every_explorer
def test_half_of_a_surrogate_pair_is_shown_escaped(make, tmp_path):
    explorer = make(words=lambda text: text + "\ud83d")
    assert "\ud83d" not in json.dumps(
        {k: v for k, v in explorer.get_state().items() if not isinstance(v, bytes | memoryview)},
        ensure_ascii=False,
    )
    page = explorer.save_html(tmp_path / "a.html", title="\udc00").read_text(encoding="utf-8")
    assert "<h1>\\udc00</h1>" in page
    tokens_alone = NextTokenExplorer | SamplingExplorer
    stringless = PositionExplorer | SchedulerPlayground | tokens_alone
    assert (r"\\ud83d" in page) == (not isinstance(explorer, stringless))


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    explorer, path = EXPLORERS["gradient plane"](), tmp_path / "a.html"
    explorer.save_html(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        explorer.save_html(path, title="another")
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.html"]


# ---- numbers ----


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64], ids=str)
@every_explorer
def test_every_precision_is_taken(make, dtype):
    assert repr(make(dtype)) == repr(make())


def mixture(dtype):
    model = LanguageModel(VOCAB, d_model=8, num_layers=2, num_heads=2, num_experts=4)
    return shaken(model, dtype), torch.tensor(TEXT)[None]


def routed(dtype):
    model, tokens = mixture(dtype)
    return model.routed(tokens).routings


def translated(dtype, which):
    model = EncoderDecoder(VOCAB, target_vocab=VOCAB, d_model=8, num_heads=2, num_layers=1, d_ff=16)
    tokens = torch.tensor(TEXT[:6])
    return AttentionExplorer.from_translation(
        shaken(model, dtype), tokens, tokens, NAMES[:6], NAMES[:6], which=which
    )


TOKENS = [NAMES[i] for i in TEXT]
WAYS = {
    "a model's experts": lambda dtype: ExpertLoadExplorer.from_model(*mixture(dtype), TOKENS),
    "routings": lambda dtype: ExpertLoadExplorer.from_routings(routed(dtype), TOKENS),
    "router logits": lambda dtype: ExpertLoadExplorer.from_router_logits(
        [each.logits for each in routed(dtype)], TOKENS
    ),
    "cross-attention of a translator": lambda dtype: translated(dtype, "cross"),
    "attention of a decoder": lambda dtype: translated(dtype, "decoder"),
    "attentions of transformers": lambda dtype: AttentionExplorer.from_transformers(
        [random(1, 2, 5, 5).softmax(-1).to(dtype)], NAMES[:5]
    ),
    "gradients of many parameters": lambda dtype: GradientPlaneExplorer.from_gradients(
        *random(2, 50).to(dtype)
    ),
    "a matrix of scores with a baseline": lambda dtype: AccuracyMatrixExplorer(
        {"naive": random(3, 3).sigmoid().to(dtype)}, ["a", "b", "c"], baseline=random(3).sigmoid().to(dtype)
    ),
}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64], ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_every_precision_is_taken_by_whatever_way_it_comes(way, dtype):
    assert repr(WAYS[way](dtype)) == repr(WAYS[way](torch.float32))


def weights_with(value):
    weights = np.full((1, 1, 2, 2), 0.5)
    weights[0, 0, 1, 0] = value
    return AttentionExplorer(weights, ["a", "b"])


def scores_with(value):
    scores = np.zeros((1, 1, 2, 2))
    scores[0, 0, 1, 0] = value
    return AttentionExplorer(np.full((1, 1, 2, 2), 0.5), ["a", "b"], scores=scores)


def logits_with(value):
    logits = np.zeros((3, 4))
    logits[1, 2] = value
    return ExpertLoadExplorer(logits, list("abc"))


def vectors_with(value):
    vectors = random(4, 3).double().numpy()
    vectors[1, 2] = value
    return EmbeddingMap(vectors, list("abcd"))


def places_with(value):
    return EmbeddingMap(random(4, 3), list("abcd"), points=[[0, 0], [1, value], [2, 0], [0, 1]])


def history_with(value):
    return AccuracyMatrixExplorer({"naive": [[0.5, 0.1], [0.4, value]]}, ["a", "b"])


def baseline_with(value):
    return AccuracyMatrixExplorer({"naive": [[0.5, 0.1], [0.4, 0.6]]}, ["a", "b"], baseline=[0.1, value])


def gradients_with(value):
    return GradientPlaneExplorer([[1.0, 0.0], [0.0, value]])


def measured_gradients_with(value):
    return GradientPlaneExplorer.from_gradients([1.0, 0.0, 0.0], [0.0, value, 1.0])


def rate_with(value):
    return GradientPlaneExplorer(learning_rate=value)


def teacher_with(value):
    teacher = random(2, 4).double()
    teacher[1, 2] = value
    return DarkKnowledgeExplorer([0, 1], teacher, {"alone": random(2, 4)}, list("abcd"))


def model_with(value):
    masked = shaken(
        MaskedLanguageModel(VOCAB + 1, d_model=8, num_layers=1, num_heads=2, max_len=64), torch.float64
    )
    causal = shaken(LanguageModel(VOCAB, d_model=8, num_layers=1, num_heads=2), torch.float64)
    with torch.no_grad():
        next(causal.parameters())[0, 0] = value
    return MaskingExplorer([4, 0, 1, 9], masked, causal, VOCAB, NAMES)


def aim_with(value):
    return PositionExplorer(kind="rotary", query=(value, 0.1))


def base_with(value):
    return PositionExplorer(base=value)


GIVEN = (weights_with, scores_with, logits_with, vectors_with, places_with, history_with, baseline_with,
         gradients_with, measured_gradients_with, rate_with, teacher_with, aim_with, base_with)  # fmt: skip


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e300, 1e38], ids=str)
@pytest.mark.parametrize("given", GIVEN)
def test_numbers_that_no_picture_can_show_are_refused_in_words(given, value):
    if value == 1e38 and given in (scores_with, logits_with):
        pytest.skip("a softmax takes it: the others have weight zero")
    with pytest.raises(ValueError, match=r"nan|inf|finite|range|e\+?\d\d|0000|sum to") as refused:
        given(value)
    assert len(str(refused.value).split()) > 3


@pytest.mark.parametrize("value", [math.nan, math.inf], ids=str)
def test_a_model_whose_logits_are_not_finite_is_refused(value):
    with pytest.raises(ValueError, match=r"the causal model gives a logit of (nan|inf|-inf): .* finite"):
        model_with(value)


EMPTY = (
    lambda: AttentionExplorer(np.zeros((1, 1, 0, 0)), []),
    lambda: ExpertLoadExplorer(np.zeros((0, 4)), []),
    lambda: EmbeddingMap(np.zeros((0, 3)), []),
    lambda: AccuracyMatrixExplorer({}, ["a", "b"]),
    lambda: AccuracyMatrixExplorer({"naive": np.zeros((0, 2))}, ["a", "b"]),
    lambda: GradientPlaneExplorer([]),
    lambda: GradientPlaneExplorer.from_gradients([], []),
    lambda: DarkKnowledgeExplorer([], np.zeros((0, 4)), {"a": np.zeros((0, 4))}, list("abcd")),
    lambda: MaskingExplorer([], None, None, 0, NAMES),
)


@pytest.mark.parametrize("make", EMPTY)
def test_nothing_to_show_is_refused_in_words(make):
    with pytest.raises((ValueError, TypeError)) as refused:
        make()
    assert len(str(refused.value).split()) > 3
