"""Folders as transformers saves them, made by hand: what is read, what is refused, and that nothing runs."""

import json
import os
import pickle
import sys
import types
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from llmasos_edu.models.transformers_folder import Config, Weights, find_folder
from llmasos_edu.training.checkpoint import CheckpointError

TENSORS = {
    "a.weight": torch.arange(6.0).view(2, 3),
    "a.bias": torch.tensor([1.0, 2.0]),
    "b.a.weight": torch.ones(3),
    "whole": torch.tensor([1, 2]),
}


def write(folder, tensors=TENSORS, **settings):
    """A folder with these settings and tensors."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "model.safetensors").write_bytes(safetensors.torch.save(tensors))
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "model")


def refusal(call, *arguments, **options):
    with pytest.raises(CheckpointError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def test_a_folder_whose_name_is_no_utf_8_is_read_and_shown_escaped(tmp_path):
    try:
        folder = write(tmp_path / os.fsdecode(b"mod\xe8le"))
    except OSError:
        pytest.skip("this file system takes names in UTF-8 alone")
    weights = Weights(folder)
    assert torch.equal(weights.take("a.weight", 2, 3), TENSORS["a.weight"])
    (folder / "config.json").unlink()
    assert refusal(Config, folder).endswith(
        "mod\\xe8le has no config.json: it is no folder that transformers saved"
    )


# ---- config.json ----


def test_settings_are_read_and_have_usual_values(tmp_path):
    config = Config(
        write(tmp_path, size=3, one=1, eps=1e-5, whole=2, yes=True, no=False, act="gelu", gone=None)
    )
    assert config.get("act", "relu") == "gelu"
    assert config.get("gone", 7) == config.get("never", 7) == 7
    assert (config.size("size", 1), config.size("one", 2), config.size("gone", 5)) == (3, 1, 5)
    assert (config.number("eps", 1.0), config.number("whole", 1.0), config.number("never", 0.5)) == (
        1e-5,
        2,
        0.5,
    )
    assert config.flag("yes", False) is True
    assert config.flag("no", True) is False
    assert config.flag("never", True) is True
    assert (
        config.choice("act", {"gelu": "ours"}, "")
        == config.choice("never", {"gelu": "ours"}, "gelu")
        == "ours"
    )
    config.require(yes=True, gone=None, never=False)
    assert isinstance(config.build(nn.Linear, in_features=2, out_features=3), nn.Linear)


@pytest.mark.parametrize("value", [10**30, "3", 3.0, 0, -1, True, [3]])
def test_sizes_are_whole_numbers_from_1_up(tmp_path, value):
    folder = write(tmp_path, n=value)
    assert f"config.json: n={value!r} must be a whole number from 1 up" in refusal(
        Config(folder).size, "n", 1
    )


@pytest.mark.parametrize("value", ["3", 0, -1.0, True, float("nan")])
def test_numbers_are_positive(tmp_path, value):
    folder = write(tmp_path, n=value)
    assert f"config.json: n={value!r} must be a positive number" in refusal(Config(folder).number, "n", 1.0)


def test_other_settings_are_refused_in_words(tmp_path):
    config = Config(write(tmp_path, flag=1, act="mish", odd=["gelu"], bias=True))
    assert "flag=1 must be true or false" in refusal(config.flag, "flag", True)
    assert "act='mish' is not one of gelu, relu, which" in refusal(
        config.choice, "act", {"gelu": 1, "relu": 2}, ""
    )
    assert "odd=['gelu'] is not one of gelu" in refusal(config.choice, "odd", {"gelu": 1}, "")
    assert "bias=True cannot be expressed: the book has bias=False" in refusal(
        config.require, act="mish", bias=False
    )

    def never(**settings):
        raise ValueError(f"size={settings['size']} is wrong")

    assert refusal(config.build, never, size=3) == f"{tmp_path / 'config.json'}: size=3 is wrong"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"a": ', "is no JSON"),
        ('"gpt2"', "holds a str, not settings"),
        ("[1]", "holds a list"),
        ("[" * 9999, "JSON"),
    ],
)
def test_a_file_that_holds_no_settings_is_refused(folder, content, words):
    (folder / "config.json").write_text(content)
    message = refusal(Config, folder)
    assert words in message
    assert str(folder / "config.json") in message


def test_a_folder_without_settings_is_none_of_transformers(folder):
    (folder / "config.json").unlink()
    assert refusal(Config, folder) == f"{folder} has no config.json: it is no folder that transformers saved"


# ---- weights ----


def test_tensors_are_taken_one_by_one(folder):
    weights = Weights(folder)
    assert weights.has("a.bias")
    assert torch.equal(weights.take("a.weight", 2, 3), TENSORS["a.weight"])
    assert not weights.has("a.weight")
    assert "it lacks a.weight" in refusal(weights.take, "a.weight", 2, 3)
    assert "a.bias has shape [2] in the file, [2, 1] by the settings" in refusal(weights.take, "a.bias", 2, 1)
    assert "whole is torch.int64, no floating-point numbers" in refusal(weights.take, "whole", 2)


def test_groups_of_tensors_get_our_names(folder):
    found = Weights(folder).linear("ours", "a", 3, 2)
    assert found.keys() == {"ours.weight", "ours.bias"}
    assert torch.equal(found["ours.weight"], TENSORS["a.weight"])
    write(folder, {"n.weight": torch.ones(2), "n.bias": torch.zeros(2)})
    found = Weights(folder).norm("ours", "n", 2)
    assert torch.equal(found["ours.weight"], torch.ones(2))
    assert torch.equal(found["ours.bias"], torch.zeros(2))


def test_names_are_changed_once_and_whole_names_ignored(folder):
    weights = Weights(folder)
    weights.rename("a.", "")
    assert set(weights.tensors) == {"weight", "bias", "b.weight", "whole"}
    weights.ignore("weight", r"who\w+")
    assert set(weights.tensors) == {"bias", "b.weight"}
    assert (
        f"{folder} does not fit its config.json: it holds b.weight, bias, which the model has not"
        in refusal(weights.check_nothing_is_left)
    )
    weights.ignore(".*")
    weights.check_nothing_is_left()


def test_only_the_first_names_that_are_left_are_listed(folder):
    write(folder, {f"t{i}": torch.ones(1) for i in range(5)})
    assert "it holds t0, t1, t2, t3, t4, which" in refusal(Weights(folder).check_nothing_is_left)
    write(folder, {f"t{i}": torch.ones(1) for i in range(6)})
    assert "it holds t0, t1, t2, t3, t4, ..., which" in refusal(Weights(folder).check_nothing_is_left)


@pytest.mark.parametrize("stored", ["none", "same", "other"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_head_is_the_embedding_or_its_own(folder, stored, tied):
    embedding = torch.arange(6.0).view(3, 2)
    head = {"none": {}, "same": {"head": embedding.clone()}, "other": {"head": embedding + 1}}[stored]
    weights = Weights(write(folder, head | {"rest": torch.ones(1)}))
    if stored == "none" and not tied:
        assert "it lacks head" in refusal(weights.head, "head", embedding, tied)
    elif stored == "other" and tied:
        message = refusal(weights.head, "head", embedding, tied)
        assert "config.json ties head to the embedding, in the file they differ" in message
    else:
        found = weights.head("head", embedding, tied)
        assert found.keys() == {"head.weight"}
        assert torch.equal(found["head.weight"], head.get("head", embedding))
        assert not weights.has("head")


def test_damaged_and_foreign_weights_are_refused_by_name(folder):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for length in (0, 5, 8, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        message = refusal(Weights, folder)
        assert str(path) in message
        assert "cut short" in message
    path.write_bytes(b"GGUF" + bytes(100))
    assert "is not a safetensors file" in refusal(Weights, folder)
    path.unlink()
    assert "has neither model.safetensors nor model.safetensors.index.json" in refusal(Weights, folder)


class Malicious:
    """Unpickling this creates a file: the proof that something ran."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return (open, (self.trace, "w"))


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "a.pt", "a.pth", "a.ckpt", "a.pkl", "model.safetensors"]
)
def test_pickles_are_refused_and_run_nothing(folder, tmp_path, name):
    (folder / "model.safetensors").unlink()
    trace = tmp_path / "trace"
    (folder / name).write_bytes(pickle.dumps(Malicious(trace)))
    message = refusal(Weights, folder)
    assert str(folder) in message
    assert name in message
    assert "pickle, which can run any code" in message
    assert not trace.exists()
    pickle.loads(pickle.dumps(Malicious(trace)))  # so the trap was armed
    assert trace.exists()


# ---- shards ----


def shards(folder, places):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))


def test_shards_are_read_together(folder):
    (folder / "model.safetensors").unlink()
    files = {"one.safetensors": ["a.weight", "whole"], "two.safetensors": ["a.bias", "b.a.weight"]}
    for file, names in files.items():
        safetensors.torch.save_file({name: TENSORS[name] for name in names}, folder / file)
    shards(folder, {name: file for file, names in files.items() for name in names})
    found = Weights(folder).tensors
    assert found.keys() == TENSORS.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ([], "has no weight_map from names to files"),
        ({"a.bias": 3}, "has no weight_map from names to files"),
        (
            {"a.bias": "../secret.safetensors"},
            "'../secret.safetensors', which is no safetensors file of this folder",
        ),
        ({"a.bias": "pytorch_model.bin"}, "'pytorch_model.bin', which is no safetensors file"),
        ({"a.bias": "other.safetensors"}, "names other.safetensors, which is not there"),
        ({"spam": "part.safetensors"}, "names spam, which part.safetensors does not hold"),
    ],
)
def test_a_bad_index_is_refused_by_name(folder, tmp_path, places, words):
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    (tmp_path / "secret.safetensors").write_bytes((folder / "part.safetensors").read_bytes())
    shards(folder, places)
    message = refusal(Weights, folder)
    assert words in message
    assert str(folder / "model.safetensors.index.json") in message


# ---- where the folder is ----


def test_a_folder_is_itself(folder):
    assert find_folder(str(folder)) == find_folder(folder) == folder


def test_what_is_no_folder_and_no_name_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "is a file: load_transformers reads a folder" in refusal(find_folder, folder / "config.json")
    for name in (tmp_path / "nowhere", "./gpt2", "a/b/c", ".hidden", "name with blanks"):
        assert f"{Path(name)}: there is no such folder" in refusal(find_folder, name)


def test_a_name_on_the_hub_is_fetched_without_pickles(folder, monkeypatch):
    asked = []

    def snapshot_download(name, allow_patterns):
        asked.append((name, allow_patterns))
        return str(folder)

    hub = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    names = ["someone/some-model.v1", "gpt2", "a_b/c-d"]
    assert [find_folder(name) for name in names] == [folder] * 3
    assert [name for name, _ in asked] == names
    assert all(patterns == ["config.json", "model*.safetensors*"] for _, patterns in asked)


def test_without_network_or_package_a_hub_name_is_refused_in_words(monkeypatch):
    def snapshot_download(name, allow_patterns):
        raise ConnectionError("no route to host")

    hub = types.SimpleNamespace(snapshot_download=snapshot_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    message = refusal(find_folder, "someone/model")
    assert "someone/model is no folder here, and the Hugging Face hub did not give it" in message
    assert "ConnectionError: no route to host" in message
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert "someone/model is no folder here" in refusal(find_folder, "someone/model")
    assert "pip install huggingface_hub" in refusal(find_folder, "someone/model")
