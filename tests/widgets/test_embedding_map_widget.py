"""The embedding map without a browser: what it accepts, refuses, sends and saves; and its still picture."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets
from sklearn.decomposition import PCA

from llmasos_edu.learning.unsupervised import nearest
from llmasos_edu.plots.embedding import embedding_figure
from llmasos_edu.widgets import EmbeddingMap, embed_widget_state
from llmasos_edu.widgets.embedding_map.explorer import principal_plane, unit_vectors

WORDS = ["if", "for", "len", "print", "left", "right"]
CLASSES = ["keyword", "keyword", "builtin", "builtin", "builtin", None]


def vectors(rows=6, dim=4, seed=0):
    return torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed)) * 3


def numbers(data, kind):
    return np.frombuffer(data, dtype=kind).astype(np.float64)


BAD = [
    ({"vectors": vectors()[0]}, ValueError, r"vectors has shape \[4\], expected \[words, dim\]"),
    (
        {"vectors": vectors(2), "words": ["a", "b"]},
        ValueError,
        r"shape \[2, 4\], expected .* 3 to 3000 words",
    ),
    ({"vectors": vectors(6, 1)}, ValueError, "2 to 512 dimensions"),
    ({"vectors": torch.zeros(3000, 400)}, ValueError, "are 1,200,000 numbers, at most 400,000"),
    ({"vectors": vectors().index_fill(0, torch.tensor([2]), np.nan)}, ValueError, r"vectors\[2, 0\] is nan"),
    ({"vectors": [["a", "b"]] * 6}, TypeError, "vectors must be numbers"),
    ({"words": WORDS[:5]}, ValueError, "words has 5 strings for 6 vectors"),
    ({"words": "abcdef"}, TypeError, "words is one string, expected a list of 6 strings"),
    ({"words": [*WORDS[:5], "if"]}, ValueError, "words holds 'if' more than once"),
    ({"words": [*WORDS[:5], " "]}, TypeError, r"words\[5\] is ' ', expected a string that can be seen"),
    ({"words": [*WORDS[:5], 7]}, TypeError, r"words\[5\] is 7"),
    ({"classes": CLASSES[:5]}, ValueError, "classes has 5 entries for 6 vectors"),
    ({"classes": [None] * 6}, ValueError, r"classes has 0 different names, expected 1 to 8: \[\]"),
    ({"classes": [1, *CLASSES[1:]]}, TypeError, r"classes\[0\] is 1, expected a string or None"),
    (
        {"points": np.zeros((6, 3))},
        ValueError,
        r"points has shape \[6, 3\], expected \[6, 2\]",
    ),
    ({"points": np.full((6, 2), np.inf)}, ValueError, r"points\[0, 0\] is inf: a place is a finite number"),
    ({"word": "lef"}, ValueError, "word='lef' is not on the map: near it are left"),
    ({"word": "zzzz"}, ValueError, "word='zzzz' is not on the map$"),
    ({"count": 0}, ValueError, "count=0 is out of range: 1 to 20"),
    ({"count": 21}, ValueError, "count=21 is out of range"),
    ({"count": 2.0}, TypeError, "count=2.0 must be a whole number"),
    ({"count": True}, TypeError, "count=True must be a whole number"),
    ({"measure": "angle"}, ValueError, "measure='angle' is not one of cosine, dot, map"),
]


@pytest.mark.parametrize(("changes", "error", "message"), BAD, ids=[m for *_, m in BAD])
def test_bad_input_meets_words_with_values(changes, error, message):
    given = {"vectors": vectors(), "words": WORDS} | changes
    with pytest.raises(error, match=message):
        EmbeddingMap(given.pop("vectors"), given.pop("words"), **given)


def test_nine_classes_are_too_many():
    with pytest.raises(ValueError, match="9 different names, expected 1 to 8"):
        EmbeddingMap(vectors(9), list("abcdefghi"), [f"class {i}" for i in range(9)])


def test_repr_says_what_it_shows_and_never_changes():
    explorer = EmbeddingMap(vectors(), WORDS, CLASSES)
    assert repr(explorer) == "EmbeddingMap(6 words, 4 dimensions, 2 classes)"
    explorer.word, explorer.measure = 3, "dot"
    assert repr(EmbeddingMap(vectors(), WORDS)) == "EmbeddingMap(6 words, 4 dimensions)"


def test_what_is_sent_are_the_vectors_their_lengths_and_the_classes():
    rows = vectors()
    rows[3] = 0
    explorer = EmbeddingMap(rows, WORDS, CLASSES, word="left")
    unit = numbers(explorer.vectors, "<i2").reshape(6, 4) / 32767
    expected = torch.nn.functional.normalize(rows.double(), dim=-1).numpy()
    assert np.abs(unit - expected).max() < 2e-5
    assert numbers(explorer.lengths, "<f4") == pytest.approx(rows.double().norm(dim=1).tolist(), rel=1e-6)
    assert (explorer.classes, explorer.class_of) == (["builtin", "keyword"], [1, 1, 0, 0, 0, -1])
    assert (explorer.dim, explorer.word, explorer.count) == (4, 4, 5), "no more neighbours than other words"
    bare = EmbeddingMap(rows.numpy(), tuple(WORDS))
    assert (bare.classes, bare.class_of, bare.word) == ([], [-1] * 6, 0)
    assert bare.vectors == explorer.vectors


def test_the_map_is_that_of_the_principal_components():
    unit = unit_vectors(vectors(30, 7).double().numpy())[0]
    places = principal_plane(unit)
    expected = PCA(2, svd_solver="full").fit_transform(unit)
    assert np.abs(places) == pytest.approx(np.abs(expected), abs=1e-10)
    assert (places[np.abs(places).argmax(0), [0, 1]] > 0).all(), "the axes' directions are not fixed"
    explorer = EmbeddingMap(vectors(30, 7), [f"w{i}" for i in range(30)])
    assert numbers(explorer.points, "<f4").reshape(30, 2) == pytest.approx(places, abs=1e-5)
    line = principal_plane(np.outer(np.arange(5.0), [1, 0, 0]))
    assert np.abs(line[:, 1]).max() < 1e-12
    assert np.ptp(line[:, 0]) == pytest.approx(4)


def test_places_can_be_given():
    places = np.arange(12.0).reshape(6, 2)
    explorer = EmbeddingMap(vectors(), WORDS, points=torch.from_numpy(places))
    assert numbers(explorer.points, "<f4").reshape(6, 2).tolist() == places.tolist()


def test_python_can_move_it_and_not_out_of_range():
    explorer = EmbeddingMap(vectors(), WORDS, CLASSES)
    explorer.word, explorer.count, explorer.measure, explorer.zoom, explorer.hidden = (
        5,
        3,
        "map",
        2.5,
        [-1, 0],
    )
    for name, value, message in (
        ("word", 6, "word=6 does not exist: 0 to 5"),
        ("word", -1, "word=-1 does not exist"),
        ("count", 0, "count=0 is out of range"),
        ("measure", "angle", "measure='angle'"),
        ("zoom", 0.5, r"zoom=0.5 is out of range: 1 to 8"),
        ("zoom", 9, "zoom=9"),
        ("hidden", [2], r"hidden=\[2\]: classes are 0 to 1, or -1 for none"),
    ):
        with pytest.raises(traitlets.TraitError, match=message):
            setattr(explorer, name, value)
    assert (explorer.word, explorer.count, explorer.hidden) == (5, 3, [-1, 0])


def test_its_page_names_no_address_and_is_small(tmp_path):
    words = [f"word{i}" for i in range(700)]
    explorer = EmbeddingMap(vectors(700, 50), words, [["a", "b", None][i % 3] for i in range(700)])
    text = explorer.save_html(tmp_path / "map.html").read_text(encoding="utf-8")
    assert len(text) < 200_000
    assert "https://" not in text
    assert text.count("http://") == text.count("http://www.w3.org/2000/svg")
    assert "<h1>Embedding map</h1>" in text
    assert "<h1>Words</h1>" in explorer.save_html(tmp_path / "b.html", title="Words").read_text(
        encoding="utf-8"
    )


def test_a_stored_state_becomes_a_fragment_of_a_static_page():
    explorer = EmbeddingMap(vectors(), WORDS, CLASSES)
    state = explorer.get_state()
    buffers = [
        {"path": [name], "encoding": "base64", "data": "AAAA"} for name in ("vectors", "lengths", "points")
    ]
    plain = {name: value for name, value in state.items() if not isinstance(value, bytes | memoryview)}
    stored = {
        "m": {"model_module": "anywidget", "model_name": "AnyModel", "state": plain, "buffers": buffers}
    }
    payload = json.loads(embed_widget_state(stored, "m").split('json">')[1].split("</script>")[0])
    assert payload["esm"] == explorer._esm
    assert payload["state"]["words"] == WORDS
    assert [buffer["path"] for buffer in payload["buffers"]] == [["vectors"], ["lengths"], ["points"]]


# ---- the still picture ----


def test_the_picture_draws_every_word_its_class_and_true_neighbours():
    rows = vectors()
    figure = embedding_figure(rows, WORDS, CLASSES, show=["left", "if"], count=2, title="Words", width=6)
    axes = figure.axes[0]
    assert sum(len(each.get_offsets()) for each in axes.collections) == 6
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["builtin", "keyword"]
    near = nearest(rows, torch.tensor([4, 0]), 2)[0]
    assert len(axes.lines) == 4
    places = principal_plane(unit_vectors(rows.double().numpy())[0])
    drawn = [np.stack(line.get_data(), 1) for line in axes.lines]
    expected = [
        places[[word, other]] for word, row in zip((4, 0), near.tolist(), strict=True) for other in row
    ]
    assert np.stack(drawn) == pytest.approx(np.stack(expected), abs=1e-6)
    told = {text.get_text() for text in axes.texts}
    assert told == {"left", "if"} | {WORDS[i] for i in near.flatten().tolist()}
    assert figure.get_suptitle() == "Words"
    assert figure.get_size_inches()[0] == 6
    plt.close(figure)


def test_the_picture_without_classes_at_given_places():
    places = np.arange(12.0).reshape(6, 2)
    figure = embedding_figure(vectors(), WORDS, points=places)
    axes = figure.axes[0]
    assert axes.get_legend() is None
    assert not axes.lines
    assert axes.collections[0].get_offsets().tolist() == places.tolist()
    assert figure.get_size_inches()[0] == 7
    plt.close(figure)


def test_a_word_to_show_must_be_there():
    with pytest.raises(ValueError, match="show holds 'up', which is not one of the 6 words"):
        embedding_figure(vectors(), WORDS, show=["left", "up"])
    with pytest.raises(ValueError, match="words has 5 strings"):
        embedding_figure(vectors(), WORDS[:5])
