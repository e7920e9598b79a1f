"""The attention explorer without a browser: what it accepts, refuses, sends and saves."""

import base64
import json

import numpy as np
import pytest
import torch
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

from llmasos_edu.models.encoder_decoder import EncoderDecoder
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.widgets import AttentionExplorer, embed_widget_state, save_html, truth_share
from llmasos_edu.widgets.attention import data


def random_maps(layers=2, heads=3, queries=5, keys=None, *, causal=True, seed=0):
    keys = queries if keys is None else keys
    scores = np.random.default_rng(seed).normal(size=(layers, heads, queries, keys)).astype(np.float32) * 2
    return data.softmax_rows(data.hide_future(scores) if causal else scores), scores


def words(count):
    return [f"w{i}" for i in range(count)]


# ---- what it sends ----


def read_back(explorer, place=0):
    """Weights or scores as the browser decodes them."""
    description = explorer.description["inputs"][place]
    layers, heads, queries, keys = description["shape"]
    arrays = {}
    for name, where in description["arrays"].items():
        kind = np.dtype(where["type"])
        count = (len(explorer.data) - where["offset"]) // kind.itemsize
        arrays[name] = np.frombuffer(explorer.data, kind, offset=where["offset"], count=count)
    if "scores" in arrays:
        count = layers * heads * queries * keys
        centred = arrays["scores"][:count].reshape(layers, heads, queries, keys).astype(float)
        return centred + arrays["row_top"][: count // keys].reshape(layers, heads, queries, 1)
    per_map = queries * (queries + 1) // 2 if description["causal"] else queries * keys
    values = arrays["weights"][: layers * heads * per_map].astype(float)
    if arrays["weights"].dtype == np.uint8:
        values = (values / 255) ** 2
    if not description["causal"]:
        return values.reshape(layers, heads, queries, keys)
    found = np.zeros((layers, heads, queries, keys))
    found[..., *np.tril_indices(queries)] = values.reshape(layers, heads, -1)
    return found


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(1, 6),
    st.booleans(),
    st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_what_is_sent_is_what_was_given(layers, heads, queries, keys, causal, seed):
    keys = queries if causal else keys
    weights, _ = random_maps(layers, heads, queries, keys, causal=causal, seed=seed)
    explorer = AttentionExplorer(weights, words(queries), key_tokens=words(keys))
    np.testing.assert_allclose(read_back(explorer), weights, atol=3e-4)


def test_scores_are_sent_whole_and_give_the_weights_back():
    weights, scores = random_maps(queries=12)
    explorer = AttentionExplorer(weights, words(12), scores=scores)
    np.testing.assert_allclose(read_back(explorer), scores, atol=8e-3)
    np.testing.assert_allclose(data.softmax_rows(data.hide_future(read_back(explorer))), weights, atol=1e-3)


def test_a_big_model_is_sent_in_bytes_and_small_weights_stay_apart():
    weights, _ = random_maps(12, 12, 180, causal=False)
    explorer = AttentionExplorer(weights, words(180))
    assert len(explorer.data) == weights.size
    found = read_back(explorer)
    np.testing.assert_allclose(found, weights, atol=4e-3)
    small = (weights > 1e-3) & (weights < 3e-3)
    assert (
        np.abs(found[small] / weights[small] - 1).max() < 0.13
    )  # equal steps of 1/255 would make them one or zero


def test_torch_and_numpy_and_half_precision_are_the_same_to_it():
    weights, _ = random_maps()
    for given_weights in (
        torch.from_numpy(weights),
        torch.from_numpy(weights).bfloat16(),
        weights.astype("f2"),
    ):
        explorer = AttentionExplorer(given_weights, words(5))
        np.testing.assert_allclose(read_back(explorer), weights, atol=5e-3)


def test_causal_is_found_out_from_the_weights():
    assert AttentionExplorer(random_maps()[0], words(5)).causal is True
    assert AttentionExplorer(random_maps(causal=False)[0], words(5)).causal is False


def test_rows_where_everything_is_hidden_are_allowed():
    weights, scores = random_maps(causal=False)
    weights[:, :, 0], scores[:, :, 0] = 0.0, -np.inf
    explorer = AttentionExplorer(weights, words(5), scores=scores)
    np.testing.assert_allclose(data.softmax_rows(read_back(explorer)), weights, atol=2e-3)


def test_eight_heads_of_64_tokens_with_everything_save_in_200_kilobytes():
    weights, scores = random_maps(2, 4, 64)
    table = np.random.default_rng(0).random((256, 63))
    explorer = AttentionExplorer(weights, words(64), scores=scores, knock_out=table)
    saved = embed_widget_state(stored_state(explorer), "m1")
    assert 100_000 < len(saved) <= 200_000, f"{len(saved)} bytes"


def test_several_inputs_are_offered_by_name():
    (one, _), (two, _) = random_maps(queries=4), random_maps(queries=7, seed=1)
    explorer = AttentionExplorer([one, two], [words(4), words(7)], names=["before", "after"])
    assert [each["name"] for each in explorer.description["inputs"]] == ["before", "after"]
    np.testing.assert_allclose(read_back(explorer, 0), one, atol=3e-4)
    np.testing.assert_allclose(read_back(explorer, 1), two, atol=3e-4)


# ---- how it looks from Python ----


def test_repr_says_what_it_holds_and_never_changes():
    weights, scores = random_maps()
    first, second = (AttentionExplorer(weights, words(5), scores=scores) for _ in range(2))
    assert (
        repr(first) == repr(second) == "AttentionExplorer(2 layers x 3 heads, 5 tokens, causal, with scores)"
    )
    cross, _ = random_maps(1, 1, 4, 6, causal=False)
    assert (
        repr(AttentionExplorer(cross, words(4), key_tokens=words(6)))
        == "AttentionExplorer(1 layer x 1 head, 4 query and 6 key tokens)"
    )
    both = AttentionExplorer([weights, weights], [words(5)] * 2, names=["a", "b"])
    assert repr(both) == "AttentionExplorer(2 layers x 3 heads, 5 tokens, causal, inputs: a, b)"


def test_python_can_move_it_and_not_out_of_range():
    explorer = AttentionExplorer(random_maps()[0], words(5), layer=1, head=2)
    assert (explorer.layer, explorer.head) == (1, 2)
    explorer.head = 0
    with pytest.raises(traitlets.TraitError, match="head=3 does not exist: 0 to 2"):
        explorer.head = 3
    with pytest.raises(traitlets.TraitError, match=r"temperature=0\.0 is out of"):
        explorer.temperature = 0.0


def test_white_space_and_control_letters_become_visible():
    assert [data.visible_token(t) for t in (" a", "\n", "", "\t", "\x00", "é")] == [
        "·a",
        "⏎",
        "∅",
        "⇥",
        "\\x00",
        "é",
    ]


# ---- what it refuses, in words ----


def broken(**changes):
    weights, _scores = random_maps()
    arguments = {"weights": weights, "tokens": words(5), "scores": None} | changes
    return AttentionExplorer(arguments.pop("weights"), arguments.pop("tokens"), **arguments)


def changed(place, value):
    weights, _ = random_maps()
    weights[place] = value
    return weights


BAD = [
    ({"weights": changed((1, 2, 3, 0), 5.0)}, r"weights\[layer=1, head=2, query=3\] sum to 5\.\d+, not to 1"),
    ({"weights": changed((0, 1, 2, 1), np.nan)}, r"weights\[layer=0, head=1, query=2, key=1\] is nan"),
    ({"weights": changed((0, 1, 2, 1), np.inf)}, r"key=1\] is inf"),
    ({"weights": changed((0, 0, 4, 4), -0.25)}, r"query=4, key=4\] is -0\.25.*not negative"),
    ({"weights": random_maps()[0][0]}, r"3 dimensions \[3, 5, 5\].*\[layers, heads, query, key\].*\[None\]"),
    ({"weights": random_maps()[0][:, None]}, r"5 dimensions.*batch.*weights\[:, 0\]"),
    ({"weights": np.zeros((0, 1, 5, 5))}, "weights is empty"),
    ({"weights": np.zeros((1, 1, 513, 2))}, "513 query tokens are too many to explore, at most 512"),
    ({"weights": np.zeros((1, 17, 2, 2))}, "17 heads are too many to explore, at most 16"),
    ({"weights": np.zeros((25, 1, 2, 2))}, "25 layers are too many to explore, at most 24"),
    ({"weights": "map"}, "weights must be numbers"),
    ({"tokens": words(4)}, "tokens has 4 strings for 5 queries"),
    ({"tokens": "abcde"}, "tokens is one string"),
    ({"tokens": [1, 2, 3, 4, 5]}, r"tokens\[0\] is 1, expected a string"),
    ({"key_tokens": words(6)}, "key_tokens has 6 strings for 5 keys"),
    ({"weights": random_maps(queries=5, keys=6, causal=False)[0]}, "5 queries and 6 keys: give key_tokens"),
    ({"weights": random_maps(causal=False)[0], "causal": True}, r"causal=True, but weights\[layer=0, head=0"),
    ({"scores": np.zeros((2, 3, 5, 4))}, r"scores has shape \[2, 3, 5, 4\], the weights have \[2, 3, 5, 5\]"),
    ({"scores": random_maps()[1] * 2}, r"softmax of scores\[layer=0, head=0, query=\d\] differs from"),
    ({"scores": np.full((2, 3, 5, 5), np.nan)}, r"scores\[layer=0.* is nan"),
    ({"knock_out": np.zeros((63, 5))}, r"knock_out has shape \[63, 5\], expected \[64, 5\]: one row"),
    ({"knock_out": np.full((64, 5), 1.5)}, r"knock_out\[0, 0\] is 1\.5, expected a probability"),
    ({"produced": words(4)}, "produced has 4 strings for 5 queries"),
    ({"truth": [0, 1, 2]}, "truth has 3 entries for 5 queries: give one each, -1 for no key"),
    ({"truth": [0, 1, 2, 3, 4, 0]}, "truth has 6 entries for 5 queries"),
    ({"truth": [0, 1, 5, 3, 4]}, r"truth\[2\] is 5, expected a key from 0 to 4, or -1 for none"),
    ({"truth": [0, 1, -2, 3, 4]}, r"truth\[2\] is -2"),
    ({"truth": [0, 1.5, 2, 3, 4]}, r"truth\[1\] is 1\.5, expected the index of a key"),
    ({"truth": "01234"}, "truth must be a list with one entry per query, got str"),
    ({"mean_from": 5}, "mean_from=5 is no position: 0 to 4"),
    ({"weights": [random_maps()[0]], "tokens": [words(5)], "names": ["a", "b"]}, "equal length.*names: 2"),
    ({"weights": [random_maps()[0]] * 2, "tokens": [words(5), words(4)]}, "input 1: tokens has 4 strings"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message[:40] for _, message in BAD])
def test_bad_input_meets_words_with_values(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        broken(**changes)


def test_above_eight_heads_each_head_alone_can_be_knocked_out():
    weights, _ = random_maps(3, 3, 4)
    assert "knock-out" in repr(AttentionExplorer(weights, words(4), knock_out=np.full((10, 3), 0.5)))
    with pytest.raises(
        ValueError, match=r"expected \[10, 4\]: one row for the intact model and one for each head"
    ):
        AttentionExplorer(weights, words(4), knock_out=np.full((512, 4), 0.5))


# ---- transformers ----


@pytest.fixture(scope="module")
def gpt2_output():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=20, n_embd=16, n_layer=2, n_head=4, n_positions=16)
    config._attn_implementation = "eager"
    model = transformers.GPT2LMHeadModel(config).eval()
    mask = torch.tensor([[1] * 7, [1, 1, 1, 1, 1, 0, 0]])
    with torch.no_grad():
        return model(torch.arange(14).reshape(2, 7), attention_mask=mask, output_attentions=True)


def test_gpt2_attentions_come_straight_in(gpt2_output):
    explorer = AttentionExplorer.from_transformers(gpt2_output, ["Ġthe", *words(6)])
    assert repr(explorer) == "AttentionExplorer(2 layers x 4 heads, 7 tokens, causal)"
    assert explorer.description["inputs"][0]["tokens"][0] == "·the"
    for layer, attention in enumerate(gpt2_output.attentions):
        np.testing.assert_allclose(read_back(explorer)[layer], attention[0], atol=3e-4)
    from_tuple = AttentionExplorer.from_transformers(gpt2_output.attentions, words(7))
    np.testing.assert_allclose(read_back(from_tuple), read_back(explorer))


def test_a_padded_row_is_cut_to_its_tokens(gpt2_output):
    explorer = AttentionExplorer.from_transformers(gpt2_output, words(5), row=1)
    np.testing.assert_allclose(read_back(explorer)[1], gpt2_output.attentions[1][1, :, :5, :5], atol=3e-4)
    with pytest.raises(ValueError, match="tokens has 6 strings for 7 queries"):
        AttentionExplorer.from_transformers(
            tuple(torch.full((1, 2, 7, 7), 1 / 7) for _ in range(2)), words(6)
        )


def test_bert_attentions_are_not_causal():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=16
    )
    config._attn_implementation = "eager"
    with torch.no_grad():
        output = transformers.BertModel(config).eval()(torch.arange(6)[None], output_attentions=True)
    explorer = AttentionExplorer.from_transformers(output, words(6))
    assert repr(explorer) == "AttentionExplorer(3 layers x 2 heads, 6 tokens)"
    np.testing.assert_allclose(read_back(explorer)[2], output.attentions[2][0], atol=3e-4)


def test_transformers_output_without_attentions_is_explained(gpt2_output):
    with pytest.raises(
        ValueError, match="holds no cross_attentions: load the model with attn_implementation='eager'"
    ):
        AttentionExplorer.from_transformers(gpt2_output, words(7), which="cross_attentions")
    with pytest.raises(ValueError, match="row=2 does not exist in a batch of 2"):
        AttentionExplorer.from_transformers(gpt2_output, words(7), row=2)
    with pytest.raises(
        ValueError, match=r"\[batch, heads, query, key\] tensor a layer, got shapes \[\[4, 7, 7\]"
    ):
        AttentionExplorer.from_transformers([a[0] for a in gpt2_output.attentions], words(7))


# ---- translation: rectangular maps, steps, truth ----


@pytest.fixture(scope="module")
def translator():
    torch.manual_seed(0)
    model = EncoderDecoder(
        9, target_vocab=7, d_model=16, num_layers=2, num_heads=4, d_ff=32, dropout=0.5
    ).train()
    torch.nn.init.normal_(model.head.weight)  # a new one says the same whatever it reads
    return model


SOURCE = torch.tensor([[3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 0, 0]])
TARGET = torch.tensor([[1, 3, 4, 5], [1, 5, 2, 0]])


@pytest.mark.parametrize("which", ["cross", "encoder", "decoder"])
def test_a_translation_comes_straight_in_without_its_padding(translator, which):
    source_words, target_words = ["eight", "seven", "six", "five"], ["<start>", "e"]
    explorer = AttentionExplorer.from_translation(
        translator, SOURCE, TARGET, source_words, target_words, row=1, which=which
    )
    assert translator.training, "the model must be left as it was"
    translator.eval()
    seen = translator.inspect(SOURCE[1:], TARGET[1:], SOURCE[1:] != 0)  # padding masked, and not cut off
    translator.train()
    sizes = {"cross": (2, 4), "encoder": (4, 4), "decoder": (2, 2)}[which]
    weights, scores = (each[:, 0, :, : sizes[0], : sizes[1]] for each in getattr(seen, which))
    np.testing.assert_allclose(read_back(explorer), scores, atol=4e-3)
    found = read_back(explorer)
    found = data.softmax_rows(data.hide_future(found) if which == "decoder" else found)
    np.testing.assert_allclose(found, weights, atol=2e-3)
    described = explorer.description["inputs"][0]
    assert described["tokens"] == (source_words if which == "encoder" else target_words)
    assert described["key_tokens"] == (source_words if which == "cross" else None)
    assert described["step"] is (which == "cross")
    assert explorer.causal is (which == "decoder")
    wrote = [{1: "<start>", 5: "e"}.get(i, f"#{i}") for i in seen.logits[0, :2].argmax(-1).tolist()]
    assert described["produced"] == (None if which == "encoder" else wrote)


def test_what_the_model_writes_is_named_by_the_vocabulary(translator):
    vocabulary = [f"symbol{i}" for i in range(7)]
    explorer = AttentionExplorer.from_translation(
        translator,
        SOURCE[0],
        TARGET[0],
        words(6),
        words(4),
        vocabulary=vocabulary,
        truth=[0, -1, [2, 3], None, -1],
    )
    translator.eval()
    expected = translator(SOURCE[:1], TARGET[:1])[0].argmax(-1).tolist()
    translator.train()
    described = explorer.description["inputs"][0]
    assert described["produced"] == [vocabulary[i] for i in expected]
    assert described["truth"] == [[0], [], [2, 3], []]
    assert (
        repr(explorer)
        == "AttentionExplorer(2 layers x 4 heads, 4 query and 6 key tokens, with scores, with truth)"
    )
    assert explorer.decoded == 4
    with pytest.raises(traitlets.TraitError, match="decoded=5 is no number of rows: 1 to 4"):
        explorer.decoded = 5


def test_translations_that_do_not_fit_are_refused(translator):
    def explore(source_words=6, target_words=4, **more):
        return AttentionExplorer.from_translation(
            translator, SOURCE, TARGET, words(source_words), words(target_words), **more
        )

    for arguments, message in (
        ({"which": "both"}, "which='both' is not one of cross, encoder, decoder"),
        ({"row": 2}, "row=2 does not exist in source, a batch of 2"),
        ({"source_words": 7}, "source_words has 7 strings for 6 tokens"),
        ({"target_words": 0}, "target_words has 0 strings for 4 tokens"),
    ):
        with pytest.raises(ValueError, match=message):
            explore(**arguments)
    with pytest.raises(TypeError, match="source_words is one string"):
        AttentionExplorer.from_translation(translator, SOURCE, TARGET, "abcdef", words(4))


def test_another_input_shows_all_its_rows():
    (three, _), (six, _) = (random_maps(queries=q, keys=4, causal=False) for q in (3, 6))
    explorer = AttentionExplorer([three, six], [words(3), words(6)], key_tokens=[list("abcd")] * 2)
    assert explorer.decoded == 3
    explorer.input = 1
    assert explorer.decoded == 6
    explorer.decoded = 5
    explorer.set_state({"input": 0, "decoded": 3})  # as the browser tells it
    assert (explorer.input, explorer.decoded) == (0, 3)


def test_truth_share_counts_rows_with_a_true_key_alone():
    weights = np.array([[[0.7, 0.3], [0.4, 0.6], [0.9, 0.1]], [[0.1, 0.9], [0.6, 0.4], [0.9, 0.1]]])
    np.testing.assert_allclose(truth_share(weights, [0, 1, -1]), [1, 0])
    np.testing.assert_allclose(
        truth_share(torch.from_numpy(weights), torch.tensor([0, 0, 0])), [2 / 3, 2 / 3]
    )
    assert truth_share(weights[0], [[0, 1], 0, None]) == 0.5
    assert np.isnan(truth_share(weights[0], [-1, -1, -1]))
    with pytest.raises(ValueError, match=r"shape \[2\], expected \[..., query, key\]"):
        truth_share(np.ones(2), [0])


def test_stepping_is_on_where_keys_have_tokens_of_their_own():
    square, _ = random_maps(causal=False)
    assert AttentionExplorer(square, words(5)).description["inputs"][0]["step"] is False
    assert AttentionExplorer(square, words(5), step=True).description["inputs"][0]["step"] is True
    crossed = {"key_tokens": list("abcde")}
    assert AttentionExplorer(square, words(5), **crossed).description["inputs"][0]["step"] is True
    assert (
        AttentionExplorer(square, words(5), step=False, **crossed).description["inputs"][0]["step"] is False
    )


# ---- the book's own model ----


@pytest.mark.parametrize(("layers", "heads"), [(2, 2), (3, 3)])
def test_a_language_model_comes_straight_in_with_scores_and_knock_out(layers, heads):
    torch.manual_seed(0)
    model = LanguageModel(
        11, d_model=16 if heads == 2 else 12 * heads, num_layers=layers, num_heads=heads, dropout=0.5
    ).train()
    tokens = torch.randint(11, (2, 6))
    explorer = AttentionExplorer.from_model(model, tokens, words(6), row=1, knock_out=True)
    assert model.training, "the model must be left as it was"
    assert "causal, with scores, with knock-out" in repr(explorer)
    model.eval()
    place = explorer.description["inputs"][0]
    assert place["subsets"] == (16 if layers * heads == 4 else 10)
    row, out = (9, [(0, 0), (1, 1)]) if heads == 2 else (1 + 5, [(1, 2)])  # bits 0 and 3; head 5 alone
    logits = model(tokens[1:], head_mask=model.knock_out(out))[0].log_softmax(-1).exp()
    expected = [logits[at, tokens[1, at + 1]].item() for at in range(5)]
    where = place["arrays"]["knock_out"]["offset"]
    table = np.frombuffer(explorer.data, "<f2", offset=where, count=place["subsets"] * 6).reshape(-1, 6)
    np.testing.assert_allclose(table[row, :5], expected, atol=1e-3)
    assert np.isnan(table[:, 5]).all()
    with pytest.raises(ValueError, match="row=2 does not exist in a batch of 2"):
        AttentionExplorer.from_model(model, tokens, words(6), row=2)


# ---- static pages ----


def stored_state(explorer):
    """The explorer's state as Jupyter stores it in a notebook."""
    state = explorer.get_state()
    blob = state.pop("data")
    return {
        "application/vnd.jupyter.widget-state+json": {
            "version_major": 2,
            "version_minor": 0,
            "state": {
                "m1": {
                    "model_module": "anywidget",
                    "model_name": "AnyModel",
                    "state": state,
                    "buffers": [
                        {"path": ["data"], "encoding": "base64", "data": base64.b64encode(blob).decode()}
                    ],
                },
                "m2": {"model_module": "@jupyter-widgets/base", "model_name": "LayoutModel", "state": {}},
            },
        }
    }


def payload(fragment):
    return json.loads(fragment.split('<script type="application/json">')[1].split("</script>")[0])


def test_a_stored_state_becomes_a_fragment_with_the_same_data():
    explorer = AttentionExplorer(random_maps()[0], ["</script><b>", *words(4)])
    for holder in (stored_state(explorer), next(iter(stored_state(explorer).values()))):
        fragment = embed_widget_state(holder, "m1")
        assert fragment.count("</script>") == 2, "a token ended the script element early"
        found = payload(fragment)
        assert base64.b64decode(found["buffers"][0]["data"]) == explorer.data
        assert found["state"]["description"] == explorer.description
        assert found["esm"] == explorer._esm


def test_states_that_cannot_stand_alone_are_named():
    state = stored_state(AttentionExplorer(random_maps()[0], words(5)))
    with pytest.raises(KeyError, match="holds no model 'm9'"):
        embed_widget_state(state, "m9")
    with pytest.raises(ValueError, match=r"'m2' is a @jupyter-widgets/base LayoutModel"):
        embed_widget_state(state, "m2")


def test_save_html_writes_one_file_that_names_no_address(tmp_path):
    explorer = AttentionExplorer(random_maps()[0], words(5))
    path = explorer.save_html(tmp_path / "map.html", title="A <b> title")
    text = path.read_text(encoding="utf-8")
    assert "A &lt;b&gt; title" in text
    assert "https://" not in text
    assert text.count("http://") == text.count("http://www.w3.org/2000/svg")
    with pytest.raises(FileNotFoundError, match="missing' does not exist"):
        save_html(explorer, tmp_path / "missing" / "map.html")


def test_it_opens_where_there_is_something_to_see():
    weights = np.tril(np.ones((1, 2, 4, 4)))
    weights[0, 1, 2] = [0.1, 8, 0.1, 0]
    weights /= weights.sum(-1, keepdims=True)
    sharp = AttentionExplorer(weights, words(4), head=1)
    assert (sharp.query, sharp.key) == (2, 1)
    assert data.telling_place(np.eye(1)) == (0, 0)
    assert data.telling_place(np.zeros((3, 3))) == (0, 0)
    cross = np.full((1, 1, 3, 5), 0.2)
    cross[0, 0, 1] = [0, 0, 0, 1, 0]
    seen = AttentionExplorer(cross, words(3), key_tokens=words(5))
    assert (seen.query, seen.key) == (0, 0), "a row that sees one key alone tells nothing"
