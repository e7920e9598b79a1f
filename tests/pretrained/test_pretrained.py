"""The shipped models: each is what its card says, and nothing that was changed is taken for it."""

import importlib.util
import json
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
import torch

import llmasos_edu
from llmasos_edu import pretrained
from llmasos_edu.corpus import Document, Split, library_code, manual
from llmasos_edu.corpus.split import Dropped, join
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import __main__ as recipe
from llmasos_edu.pretrained import available, load, read_card, sha256, store, write_card
from llmasos_edu.text.tokenizer import BytePairTokenizer, ByteTokenizer
from llmasos_edu.training.checkpoint import CheckpointError, save_model
from llmasos_edu.training.next_token import bits_per_byte

ROOT = Path(__file__).resolve().parents[2]
TEXT = "A model is a folder. A folder is a model. " * 20
SHIPPED = list(recipe.MODELS)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A book that ships one model, `tiny`; its folder and its model before it was rounded."""
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "shipped")
    folder = tmp_path / "shipped" / "tiny"
    tokenizer = BytePairTokenizer.train(TEXT, 280)
    torch.manual_seed(0)
    model = LanguageModel(tokenizer.vocab_size, d_model=16, num_layers=1, num_heads=2)
    torch.nn.init.normal_(model.head.weight)
    exact = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    store(folder, model, tokenizer)
    write_card(folder, {"name": "tiny", "scores": {"größe": 1.5}})
    return folder, exact


# ---- a folder and its card ----


def test_a_stored_model_comes_back_rounded_to_half_the_bytes(tiny):
    folder, exact = tiny
    model, tokenizer, card = load("tiny")
    assert not model.training
    for name, tensor in model.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, exact[name].half().float())
    assert tokenizer.encode(TEXT) == BytePairTokenizer.train(TEXT, 280).encode(TEXT)
    assert card["scores"] == {"größe": 1.5}
    files = {"model.safetensors", "tokenizer.json"}
    assert card["sha256"] == {file: sha256(folder / file) for file in files}
    assert repr(load("tiny")) == "Pretrained('tiny', 0.01 M parameters)"


def test_what_store_returns_is_what_load_gives(tmp_path):
    tokenizer = BytePairTokenizer.train(TEXT, 280)
    model = LanguageModel(
        tokenizer.vocab_size, d_model=16, num_layers=1, num_heads=2, num_experts=2, moe={"top_k": 1}
    )
    stored = store(tmp_path / "deep" / "m", model, tokenizer)
    write_card(tmp_path / "deep" / "m", {"name": "m"})
    loaded = load(tmp_path / "deep" / "m").model
    assert stored.settings == loaded.settings
    assert stored.training is loaded.training is False
    assert all(torch.equal(a, b) for a, b in zip(stored.parameters(), loaded.parameters(), strict=True))


def test_a_name_a_folder_and_its_model_file_are_the_same(tiny, tmp_path, monkeypatch):
    folder, _ = tiny
    assert available() == ["tiny"]
    same = [llmasos_edu.load("tiny"), load(folder), load(str(folder)), load(folder / "model.safetensors")]
    assert all(found.card == same[0].card for found in same)
    monkeypatch.chdir(tmp_path)
    Path("tiny").mkdir()
    assert load("tiny").card == same[0].card  # the book's own name comes first
    with pytest.raises(ValueError, match=r"tiny holds no card\.json"):
        load("./tiny")


def test_a_single_file_goes_with_the_tokenizer_beside_it_or_with_bytes(tiny, tmp_path):
    folder, _ = tiny
    save_model(folder / "later.safetensors", LanguageModel(280, d_model=16, num_layers=1, num_heads=2))
    with pytest.raises(ValueError, match=r"vocabulary of 280 tokens, but .*tokenizer\.json has \d+"):
        load(folder / "later.safetensors")
    save_model(
        folder / "later.safetensors",
        LanguageModel(load("tiny").model.vocab_size, d_model=16, num_layers=1, num_heads=2),
    )
    assert load(folder / "later.safetensors").card == {"name": "later"}
    save_model(tmp_path / "bytes.safetensors", LanguageModel(256, d_model=16, num_layers=1, num_heads=2))
    assert isinstance(load(tmp_path / "bytes.safetensors").tokenizer, ByteTokenizer)


def test_an_unknown_name_is_told_which_there_are(tiny, monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=r"no model 'tony', nor such a folder or file; the book ships tiny$"):
        load("tony")
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    assert available() == []
    with pytest.raises(ValueError, match="the book ships none"):
        load("tiny")


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
def test_a_file_that_the_card_does_not_describe_is_refused(tiny, file, how):
    path = tiny[0] / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"changed": data, "cut": data[:-1], "gone": b""}[how])
    if how == "gone":
        path.unlink()
    with pytest.raises(ValueError, match=rf"{file} is not the file that its card describes.*make models"):
        load("tiny")


def test_a_model_of_your_own_is_told_another_remedy(tmp_path):
    tokenizer = BytePairTokenizer.train(TEXT, 280)
    store(tmp_path, LanguageModel(tokenizer.vocab_size, d_model=16, num_layers=1, num_heads=2), tokenizer)
    write_card(tmp_path, {"name": "mine"})
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match="Train it anew"):
        load(tmp_path)


@pytest.mark.parametrize("card", ["", "{", "[]", "{}", '{"name": "tiny"}', '{"name": 1, "sha256": {}}',
                                  '{"name": "tiny", "sha256": {"model.safetensors": ""}}',
                                  '{"name": "tiny", "sha256": 3}'])  # fmt: skip
def test_a_card_that_describes_nothing_is_refused(tiny, card):
    (tiny[0] / "card.json").write_text(card)
    with pytest.raises(ValueError, match=r"card\.json is no card of a model, or was changed"):
        load("tiny")


def test_a_card_does_not_make_a_foreign_file_a_model(tiny):
    folder, _ = tiny
    (folder / "model.safetensors").write_bytes(b"\x80\x04].")
    write_card(folder, {"name": "tiny"})
    with pytest.raises(CheckpointError, match="is a pickle, which can run any code"):
        load("tiny")


# ---- the models that this copy ships ----


def test_the_book_ships_what_its_recipe_makes_in_under_fifteen_megabytes():
    assert available() == sorted([*SHIPPED, *recipe.ELSEWHERE])
    assert sum(path.stat().st_size for path in pretrained.FOLDER.rglob("*") if path.is_file()) < 15e6


def test_an_installation_carries_every_file_of_them():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = [pattern.removeprefix("**/") for pattern in tool["package-data"]["llmasos_edu"]]
    files = [path.name for name in available() for path in (pretrained.FOLDER / name).iterdir()]
    assert len(files) >= 3
    assert [file for file in files if not any(fnmatch(file, pattern) for pattern in patterns)] == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_card_tells_data_recipe_and_scores(name):
    model, tokenizer, card = load(name)
    assert card["name"] == name
    assert card["recipe"]["steps"] == recipe.STEPS
    assert card["data"]["leak"] < 0.001
    assert card["data"]["held_out_topics"]
    assert model.settings.items() >= recipe.MODELS[name].items()
    assert model.vocab_size == tokenizer.vocab_size == recipe.VOCAB
    assert card["learning_curve"][-1][0] == recipe.STEPS
    assert card["learning_curve"][-1][1] < card["learning_curve"][0][1]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_scores_what_its_card_says(name):
    model, tokenizer, card = load(name)
    topics = set(card["data"]["held_out_topics"])
    text = join([document for document in manual() if document.topic in topics])
    tokens = torch.tensor(tokenizer.encode(text))
    windows = {"context": recipe.CONTEXT, "stride": recipe.STRIDE}
    score = bits_per_byte(model, tokens, num_bytes=len(text.encode()), **windows)
    # The manual differs a little between versions of Python.
    assert score == pytest.approx(card["held_out_bits_per_byte"]["manual"], rel=0.05)
    counted = card["baselines_bits_per_byte"]["manual"]["6-gram"]
    assert card["held_out_bits_per_byte"]["manual"] < counted


# ---- the recipe ----


@pytest.fixture
def kitchen(tmp_path, monkeypatch):
    """The recipe with a few small documents and a tiny model, its results in a folder of the test's."""
    prose, code = [d for d in manual() if 1000 < len(d.text) < 3000], library_code(60_000)
    assert len(prose) >= 4
    assert len(code) >= 2
    short = [Document(d.topic, d.text[:3000]) for d in code[:2]]
    split = Split([*prose[:3], short[0]], [prose[3], short[1]], [], [], 0.0, 0.0, Dropped(0, 0, 9999))
    monkeypatch.setattr(recipe, "reading_split", lambda: split)
    small = {"d_model": 16, "num_layers": 1, "d_ff": 16, "num_heads": 2}
    monkeypatch.setattr(recipe, "MODELS", {name: how | small for name, how in recipe.MODELS.items()})
    sizes = {"VOCAB": 300, "CONTEXT": 16, "STRIDE": 4, "BATCH": 2, "WORK": tmp_path / "work"}
    for name, value in sizes.items():
        monkeypatch.setattr(recipe, name, value)
    for module in (recipe, pretrained):
        monkeypatch.setattr(module, "FOLDER", tmp_path / "shipped")
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    yield split
    torch.set_num_threads(threads)
    torch.set_rng_state(state)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_recipe_makes_a_model_that_loads_and_scores_as_its_card_says(kitchen, name, capsys):
    recipe.make(name, steps=3)
    model, tokenizer, card = load(name)
    assert f"{name}: done, held-out bits per byte manual" in capsys.readouterr().out
    assert (model.settings["num_experts"] > 1) == (name == "manual-moe")
    assert card["recipe"]["steps"] == 3
    assert card["data"]["held_out_topics"] == [document.topic for document in kitchen.held_out]
    for kind, document in zip(("manual", "code"), kitchen.held_out, strict=True):
        tokens = torch.tensor(tokenizer.encode(document.text))
        score = bits_per_byte(model, tokens, context=16, stride=4, num_bytes=len(document.text.encode()))
        assert card["held_out_bits_per_byte"][kind] == pytest.approx(score, abs=1e-4)
        assert set(card["baselines_bits_per_byte"][kind]) >= {"6-gram", "gzip, primed", "xz, primed"}


def test_a_recipe_that_is_followed_again_goes_on_from_its_last_step(kitchen, monkeypatch):
    recipe.make("manual-dense", steps=3)
    first = read_card(pretrained.FOLDER / "manual-dense")
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: pytest.fail("a step was made again"))
    recipe.make("manual-dense", steps=3)
    assert read_card(pretrained.FOLDER / "manual-dense") == first


def test_a_model_of_a_higher_floor_is_made_by_its_own_program(monkeypatch):
    begun = []

    class Run:
        def __init__(self, command):
            begun.append(command[1:])

        def wait(self):
            return 0

    monkeypatch.setattr(recipe.subprocess, "Popen", Run)
    for words in (["dialogue"], ["dialogue", "--steps", "5"], []):
        monkeypatch.setattr("sys.argv", ["pretrained", *words])
        with pytest.raises(SystemExit) as stopped:
            recipe.main()
        assert stopped.value.code == 0
    assert begun[:2] == [["-m", "llmasos_edu.dialogue"], ["-m", "llmasos_edu.dialogue", "--steps", "5"]]
    assert begun[2:] == [["-m", "llmasos_edu.pretrained", name] for name in SHIPPED] + begun[:1]
    for module in recipe.ELSEWHERE.values():
        assert importlib.util.find_spec(f"{module}.__main__")


def test_a_recipe_that_does_not_exist_is_named(kitchen, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["pretrained", "manual-dance"])
    with pytest.raises(SystemExit) as stopped:
        recipe.main()
    assert stopped.value.code == 2
    complained = capsys.readouterr().err
    assert "there is no recipe for manual-dance; there are manual-dense, manual-moe, dialogue" in complained
    assert not (pretrained.FOLDER / "manual-dense").exists()
    assert json.loads(json.dumps(recipe.MODELS)) == recipe.MODELS  # as settings they go into a file
