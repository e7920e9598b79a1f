"""Checkpoints: nothing is lost, nothing damaged is accepted, nothing is ever executed.

Run as a program, `python tests/test_checkpoint.py FOLDER KILLS SEED KIND`, it is the stress test: it trains,
kills the training with SIGKILL at random moments, resumes, and compares with an undisturbed run bit for bit.
Under pytest the number of kills of each kind of model is taken from LLMASOS_KILLS (5); `make kills` sets 50.
"""

import io
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from llmasos_edu.foundation import files
from llmasos_edu.layers.moe import MixtureLoss
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training import checkpoint
from llmasos_edu.training.checkpoint import (
    CheckpointError,
    load_checkpoint,
    load_model,
    load_weights,
    save_checkpoint,
    save_model,
)
from llmasos_edu.training.loop import TextSampler, make_optimizers, train
from llmasos_edu.training.next_token import next_token_loss


class Tiny(nn.Module):
    def __init__(self, d_model=4, tie=False, dropout=0.3):
        super().__init__()
        self.settings = {"d_model": d_model, "tie": tie, "dropout": dropout}
        self.embedding = nn.Embedding(7, d_model)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(d_model, d_model)
        self.head = nn.Linear(d_model, 7, bias=False)
        if tie:
            self.head.weight = self.embedding.weight

    def forward(self, tokens):
        return self.head(torch.relu(self.hidden(self.dropout(self.embedding(tokens)))))


class Holder(nn.Module):
    """A model that is nothing but its tensors."""

    def __init__(self, **tensors):
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor)


SAMPLE = TextSampler(torch.arange(60) % 7, context=5, batch_size=3)


def same(a, b):
    return a.keys() == b.keys() and all(
        a[n].dtype == b[n].dtype and a[n].shape == b[n].shape and torch.equal(a[n], b[n]) for n in a
    )


def stepped(model, steps=3):
    """Optimizers with a state, after a few steps."""
    optimizers = make_optimizers(model)
    train(model, SAMPLE, steps=steps, optimizers=optimizers, progress=False)
    return optimizers


# ---- what goes in comes out ----


@pytest.mark.parametrize("tie", [False, True])
def test_a_model_comes_back_whole(tmp_path, tie):
    model = Tiny(tie=tie)
    state = torch.get_rng_state()
    save_model(tmp_path / "deep" / "model.safetensors", model)
    found = load_model(tmp_path / "deep" / "model.safetensors", Tiny)
    assert torch.equal(state, torch.get_rng_state())
    assert same(found.state_dict(), model.state_dict())
    assert found.settings == model.settings
    assert not found.training
    assert (found.head.weight is found.embedding.weight) == tie
    names = safetensors.torch.load_file(tmp_path / "deep" / "model.safetensors").keys()
    assert set(names) == {"embedding.weight", "hidden.weight", "hidden.bias"} | (
        set() if tie else {"head.weight"}
    )


DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.uint8,
          torch.bool]  # fmt: skip


@given(st.sampled_from(DTYPES), st.lists(st.integers(0, 3), max_size=3), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_tensor_survives(tmp_path, dtype, shape, seed):
    generator = torch.Generator().manual_seed(seed)
    tensor = (torch.randn(shape, generator=generator, dtype=torch.float64) * 3).to(dtype)
    model = Holder(plain=tensor, turned=tensor.T if tensor.ndim == 2 else tensor.clone(),
                   part=torch.arange(10)[::2], again=tensor)  # fmt: skip
    save_model(tmp_path / "t", model)
    empty = Holder(**{name: torch.zeros_like(t) for name, t in model.state_dict().items()})
    load_weights(tmp_path / "t", empty)
    assert same(empty.state_dict(), model.state_dict())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_load_model_keeps_the_saved_dtype_and_the_tie(tmp_path, dtype):
    model = Tiny(tie=True).to(dtype)
    save_model(tmp_path / "m", model)
    found = load_model(tmp_path / "m", Tiny)
    assert same(found.state_dict(), model.state_dict())
    assert found.head.weight is found.embedding.weight


def test_special_values_keep_their_bits(tmp_path):
    values = torch.tensor([float("nan"), float("inf"), -0.0, 1e-45, -float("inf")])
    save_model(tmp_path / "m", Holder(values=values))
    found = Holder(values=torch.zeros(5))
    load_weights(tmp_path / "m", found)
    assert torch.equal(found.values.view(torch.int32), values.view(torch.int32))


def test_equal_models_make_equal_files(tmp_path):
    torch.manual_seed(0)
    model = Tiny()
    for name in "ab":
        save_model(tmp_path / name, model)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_checkpoint_restores_everything(tmp_path):
    model = Tiny()
    optimizers = stepped(model)
    generator = torch.Generator().manual_seed(4)
    save_checkpoint(tmp_path / "c", model, optimizers, step=3, generator=generator,
                    history={"losses": [0.1, float("inf")]}, recipe={"seed": 1})  # fmt: skip
    expected = torch.rand(4), torch.rand(4, generator=generator)
    other, fresh = Tiny(), torch.Generator()
    others = make_optimizers(other)
    found = load_checkpoint(tmp_path / "c", other, others, generator=fresh, recipe={"seed": 1})
    assert (found.step, found.recipe) == (3, {"seed": 1})
    assert found.history == {"losses": [0.1, float("inf")]}
    assert torch.equal(torch.rand(4), expected[0])
    assert torch.equal(torch.rand(4, generator=fresh), expected[1])
    assert same(other.state_dict(), model.state_dict())
    for one, two in zip(optimizers, others, strict=True):
        a, b = one.state_dict(), two.state_dict()
        assert a["param_groups"] == b["param_groups"]
        assert a["state"].keys() == b["state"].keys() != set()
        assert all(same(a["state"][key], b["state"][key]) for key in a["state"])


def test_optimizer_states_of_any_nesting_come_back_as_they_were():
    tensors = {}
    value = {"a": [1, (2.5, None, True)], 3: {"x": torch.ones(2), "": "text"}, "empty": [(), {}, []]}
    tree = json.loads(json.dumps(checkpoint._flatten(value, "s", tensors)))
    found = checkpoint._unflatten(tree, tensors)
    assert list(tensors) == ["s.3.x"]
    assert found[3].pop("x") is value[3].pop("x")
    assert found == value
    assert type(found["a"][1]) is tuple
    with pytest.raises(CheckpointError, match=r"set.*without pickle"):
        checkpoint._flatten({"a": {1, 2}}, "s", tensors)


# ---- what does not fit ----


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (
            {"a": torch.zeros(2, 3), "b": torch.zeros(1)},
            r"a has shape \[3, 2\] in the file, \[2, 3\]",
        ),
        ({"a": torch.zeros(3, 2)}, "holds b, which the model does not have"),
        ({"a": torch.zeros(3, 2), "b": torch.zeros(1), "c": torch.zeros(1)}, "it lacks c$"),
        ({"a": torch.zeros(3, 2), "d": torch.zeros(1)}, "lacks d and holds b, which"),
        (
            {"a": torch.zeros(3, 2), "b": torch.zeros(1).double()},
            "b is torch.float32 in the",
        ),
    ],
)
def test_a_misfit_is_named_and_nothing_is_copied(tmp_path, own, words):
    save_model(tmp_path / "m", Holder(a=torch.ones(3, 2), b=torch.ones(1)))
    model = Holder(**own)
    with pytest.raises(CheckpointError, match=words) as caught:
        load_weights(tmp_path / "m", model)
    assert str(tmp_path / "m") in str(caught.value)
    assert all((tensor == 0).all() for tensor in model.state_dict().values())


def test_a_file_that_unties_what_the_model_ties_is_refused(tmp_path):
    save_model(tmp_path / "m", Tiny(tie=False))
    with pytest.raises(CheckpointError, match=r"ties head.weight to embedding.weight, in the"):
        load_weights(tmp_path / "m", Tiny(tie=True))


def test_equal_matrices_fit_a_model_that_ties_them(tmp_path):
    apart = Tiny(tie=False)
    apart.head.weight.data = apart.embedding.weight.data.clone()
    save_model(tmp_path / "m", apart)
    tied = Tiny(tie=True)
    load_weights(tmp_path / "m", tied)
    assert torch.equal(tied.head.weight, apart.embedding.weight)


def test_a_misfit_lists_all_that_is_wrong(tmp_path):
    save_model(tmp_path / "m", Holder(a=torch.ones(1), b=torch.ones(1), c=torch.ones(1)))
    for own, words in (
        ({"a": torch.ones(1), "y": torch.ones(1), "x": torch.ones(1)},
         "it lacks x, y and holds b, c, which the model does not have"),
        ({"a": torch.ones(1)}, "it holds b, c, which the model does not have"),
    ):  # fmt: skip
        with pytest.raises(CheckpointError) as caught:
            load_weights(tmp_path / "m", Holder(**own))
        assert str(caught.value) == f"{tmp_path / 'm'} does not fit the model: {words}"


def test_settings_that_json_would_change_are_refused_before_writing(tmp_path):
    for value in ((1, 2), {1: 2}, torch.ones(1), object()):
        model = Holder()
        model.settings = {"good": 1, "bad": value}
        with pytest.raises(CheckpointError, match="the setting bad="):
            save_model(tmp_path / "m", model)
    model.settings = [1]
    with pytest.raises(CheckpointError, match="a list, not a dict"):
        save_model(tmp_path / "m", model)
    assert list(tmp_path.iterdir()) == []


def test_every_optimizers_tensors_have_names_of_their_own(tmp_path):
    model = Tiny()
    save_checkpoint(tmp_path / "c", model, stepped(model), step=3)
    names = safetensors.torch.load_file(tmp_path / "c").keys()
    assert {name.split(".")[0] for name in names} == {"model", "optimizer", "random"}
    assert {name.split(".")[1] for name in names if name.startswith("optimizer")} == {"0", "1"}


def test_tensors_inside_lists_and_tuples_survive():
    value, tensors = {"a": [torch.ones(1), (torch.zeros(2), 3)]}, {}
    found = checkpoint._unflatten(checkpoint._flatten(value, "s", tensors), tensors)
    assert set(tensors) == {"s.a.0", "s.a.1.0"}
    assert torch.equal(found["a"][0], torch.ones(1))
    assert torch.equal(found["a"][1][0], torch.zeros(2))
    assert found["a"][1][1] == 3


def test_a_state_becomes_json_that_says_of_what_type_each_value_was():
    tensors = {}
    tree = checkpoint._flatten({1: [None, True], "a": (2.5, torch.ones(1))}, "s", tensors)
    values = [{"value": None}, {"value": True}], [{"value": 2.5}, {"tensor": "s.a.1"}]
    assert tree == {"dict": [[1, {"list": values[0]}], ["a", {"tuple": values[1]}]]}
    assert list(tensors) == ["s.a.1"]


def test_an_optimizer_is_described_by_the_names_of_what_it_moves():
    model, stranger = Tiny(), nn.Parameter(torch.ones(1))
    groups = [{"params": [model.hidden.weight, stranger]}, {"params": [model.embedding.weight]}]
    described = checkpoint._describe(model, [torch.optim.SGD(groups), torch.optim.AdamW([model.hidden.bias])])
    assert described == [
        ["SGD", [["hidden.weight", "?"], ["embedding.weight"]]],
        ["AdamW", [["hidden.bias"]]],
    ]


def test_optimizers_of_other_parameters_are_refused(tmp_path):
    model = Tiny()
    save_checkpoint(tmp_path / "c", model, [torch.optim.SGD([model.hidden.bias])], step=0)
    with pytest.raises(CheckpointError, match="was written with other optimizers"):
        load_checkpoint(tmp_path / "c", model, [torch.optim.SGD([model.embedding.weight])])


def test_models_without_settings_or_of_another_class(tmp_path):
    save_model(tmp_path / "m", Holder(a=torch.ones(1)))
    with pytest.raises(CheckpointError, match="load_weights"):
        load_model(tmp_path / "m", Holder)
    save_model(tmp_path / "m", Tiny())
    with pytest.raises(CheckpointError, match="Linear does not accept its settings"):
        load_model(tmp_path / "m", nn.Linear)
    with pytest.raises(CheckpointError, match="does not fit the model: it lacks weight and holds") as caught:
        load_model(tmp_path / "m", lambda **_: nn.Linear(2, 2, bias=False))
    assert str(tmp_path / "m") in str(caught.value)
    with pytest.raises(CheckpointError, match="is a model, not a checkpoint: use load_model"):
        load_checkpoint(tmp_path / "m", Tiny(), [])


def test_a_checkpoint_of_another_training_is_refused_and_changes_nothing(tmp_path):
    model = Tiny()
    optimizers = stepped(model)
    save_checkpoint(tmp_path / "c", model, optimizers, step=3, recipe={"seed": 0})
    with pytest.raises(CheckpointError, match="is a checkpoint, not a model: use load_checkpoint"):
        load_model(tmp_path / "c", Tiny)
    frozen = Tiny()
    frozen.hidden.weight.requires_grad_(False)
    adam = Tiny()
    cases = [
        (Tiny(dropout=0.5), None, {"seed": 0}, "other settings of the model.*0.3.*0.5"),
        (adam, make_optimizers(adam, name="adamw"), {"seed": 0}, "other optimizers.*Muon.*AdamW"),
        (frozen, None, {"seed": 0}, "other optimizers"),
        (Tiny(), None, {"seed": 1}, "other training arguments"),
    ]
    for other, others, recipe, words in cases:
        before = {n: t.clone() for n, t in other.state_dict().items()}
        state = torch.get_rng_state()
        with pytest.raises(CheckpointError, match=words):
            load_checkpoint(tmp_path / "c", other, others or make_optimizers(other), recipe=recipe)
        assert same(before, other.state_dict())
        assert torch.equal(state, torch.get_rng_state())


def test_a_checkpoint_of_another_shape_is_refused_in_words(tmp_path):
    model, other = nn.Linear(3, 2), nn.Linear(4, 2)
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1) for m in (model, other)]
    save_checkpoint(tmp_path / "c", model, optimizers[:1], step=0)
    with pytest.raises(
        CheckpointError, match=r"weight has shape \[2, 3\] in the file, \[2, 4\] in the model"
    ):
        load_checkpoint(tmp_path / "c", other, optimizers[1:])


# ---- damage ----


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A whole small file, its bytes, and a model that it fits."""
    path = tmp_path_factory.mktemp("small") / "small.safetensors"
    model = Holder(weight=torch.arange(6.0).view(2, 3), count=torch.tensor(3))
    model.settings = {"size": 3}
    save_model(path, model)
    load_weights(path, model)
    return path, path.read_bytes(), model


def refused(small, raw):
    path, _, model = small
    path.write_bytes(raw)
    with pytest.raises(CheckpointError) as caught:
        load_weights(path, model)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_truncated_at_any_byte_is_refused(small):
    assert "is empty" in refused(small, b"")
    for length in range(1, len(small[1])):
        assert "is cut short" in refused(small, small[1][:length])
    assert "after its end" in refused(small, small[1] + b"\0")


def test_a_file_of_the_wrong_size_is_told_in_numbers(small):
    path, whole, _ = small
    header = 8 + int.from_bytes(whole[:8], "little")
    assert refused(small, whole[: header - 1]) == (
        f"{path} is cut short: {header - 1} bytes, the header alone ends at {header}"
    )
    for raw, wrong in (
        (whole[:header], "is cut short"),
        (whole[:-1], "is cut short"),
        (whole + b"\0", "has bytes after its end"),
    ):
        words = f"{path} {wrong}: {len(raw)} bytes, the header speaks of {len(whole)}"
        assert refused(small, raw) == words


def test_a_file_without_tensors_is_whole(tmp_path):
    path, model = tmp_path / "m", Holder()
    save_model(path, model)
    raw = path.read_bytes()
    assert len(raw) == 8 + int.from_bytes(raw[:8], "little")  # it ends where its header does
    load_weights(path, model)
    path.write_bytes(raw + b"\0")
    with pytest.raises(CheckpointError, match="has bytes after its end"):
        load_weights(path, model)


def test_a_setting_may_look_like_an_empty_digest(tmp_path):
    model = Holder(a=torch.ones(1))
    model.settings = {"note": checkpoint.NO_DIGEST, "again": checkpoint.NO_DIGEST}
    save_model(tmp_path / "m", model)
    assert checkpoint.read_tensors(tmp_path / "m", "model")[0]["settings"] == model.settings


def test_any_flipped_byte_is_refused(small):
    whole = small[1]
    for place in range(len(whole)):
        for flip in (0x01, 0x20, 0x80, 0xFF):
            refused(small, whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_other_bytes_are_refused(small, data):
    whole = small[1]
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start, len(whole)))
    patch = data.draw(st.binary(max_size=20))
    raw = whole[:start] + patch + whole[end:]
    if raw != whole:
        refused(small, raw)


def test_padding_is_covered_too(small):
    whole = small[1]
    end = 8 + int.from_bytes(whole[:8], "little")
    header = whole[8:end].rstrip()
    spaced = header + b"\n" * (end - 8 - len(header))
    if spaced == whole[8:end]:  # this header needs no padding: make some
        spaced = header.replace(b'":', b'" :', 1)
    assert "damaged" in refused(small, len(spaced).to_bytes(8, "little") + spaced + whole[end:])


def forged(small, change):
    """The small file with its metadata changed and the hash made right again."""
    raw = small[1]
    end = 8 + int.from_bytes(raw[:8], "little")
    about = json.loads(json.loads(raw[8:end])["__metadata__"]["llmasos_edu"])
    about = change(about | {"sha256": checkpoint.NO_DIGEST})
    tensors = safetensors.torch.load(raw)
    blank = safetensors.torch.save(tensors, {"llmasos_edu": json.dumps(about)})
    digest = checkpoint.hashlib.sha256(blank).hexdigest()
    return blank.replace(checkpoint.NO_DIGEST.encode(), digest.encode(), 1)


def test_newer_and_odd_files_are_refused_in_words(small):
    path, _whole, model = small
    path.write_bytes(forged(small, lambda about: about))
    load_weights(path, model)  # so the forger below is right but for what it changes
    assert "format version 2" in refused(small, forged(small, lambda about: about | {"version": 2}))
    assert "damaged" in refused(small, forged(small, lambda about: about | {"ties": {"x": "nowhere"}}))
    assert "damaged" in refused(small, forged(small, lambda about: about | {"ties": 3}))
    assert "damaged" in refused(small, forged(small, lambda about: about | {"version": None}))
    for digest in ("0", 3, "0" * 65):
        message = refused(small, forged(small, lambda about: about | {"sha256": digest}))  # noqa: B023
        assert message == f"{path} is damaged: its bytes do not match the sha256 that it carries"
    assert "is a poem, not a model" in refused(small, forged(small, lambda about: about | {"kind": "poem"}))


def test_foreign_files_are_refused_by_name(small, tmp_path):
    _path, _, model = small
    assert "not one that this library wrote" in refused(small, safetensors.torch.save({"a": torch.ones(1)}))
    assert "not one that this library wrote" in refused(
        small, safetensors.torch.save({"a": torch.ones(1)}, {"format": "pt"})
    )
    assert "metadata cannot be read" in refused(
        small, safetensors.torch.save({"a": torch.ones(1)}, {"llmasos_edu": "{"})
    )
    for raw, words in (
        (b"GGUF" + bytes(40), "is not a safetensors file"),
        (b"GGUFGGUFG", "is not a safetensors file"),
        (b"\x80" + bytes(8), "is not a safetensors file"),  # one byte does not make a pickle, nor
        (b"G\x02GUFGUFG", "is not a safetensors file"),  # does the second alone
        (b"GGUFGGUF", "is cut short: 8 bytes cannot hold a header"),
        (b"\x80\x04GUFGUFG", "is a pickle, which can run any code when loaded: it is refused"),
        (b"PK\x03\x04GUFGUFG", "is a zip file, as torch.save writes: it may hold a pickle, which can run any "
         "code: it is refused"),
    ):  # fmt: skip
        assert refused(small, raw) == f"{_path} {words}"
    for foreign in (b"{}", b'{"a": 1, "b": [2, 3]}', b"GGUF" + bytes(40), b"hello world, this is a text"):
        refused(small, foreign)
    for header in (b"{" * 3000, b'{"a": 1}', b'{"a": {"data_offsets": []}}', b"{\xff}", b'{"a":' * 9000):
        refused(small, len(header).to_bytes(8, "little") + header)
    with pytest.raises(CheckpointError, match="directory"):
        load_weights(tmp_path, model)
    with pytest.raises(CheckpointError, match="no such file"):
        load_weights(tmp_path / "nothing", model)
    with pytest.raises(CheckpointError, match="directory"):
        save_model(tmp_path, model)


class Malicious:
    """Unpickling this creates a file: the proof that something ran."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return (open, (self.trace, "w"))


@pytest.mark.parametrize("kind", ["zip", "legacy", "2", "3", "4", "5", "0"])
def test_a_pickle_is_refused_and_runs_nothing(small, tmp_path, kind):
    trace, buffer = tmp_path / "trace", io.BytesIO()
    if kind in ("zip", "legacy"):
        torch.save({"model": Malicious(trace)}, buffer, _use_new_zipfile_serialization=kind == "zip")
    else:
        pickle.dump(Malicious(trace), buffer, protocol=int(kind))
    message = refused(small, buffer.getvalue())
    assert ("pickle, which can run any code" in message) == (kind != "0")
    assert not trace.exists()
    pickle.loads(pickle.dumps(Malicious(trace)))  # so the trap was armed
    assert trace.exists()


def test_a_whole_file_whose_first_bytes_look_like_a_pickle_is_read(tmp_path):
    # a header of 0x0380 bytes begins as a pickle of protocol 3 does
    model, path = Holder(a=torch.ones(1)), tmp_path / "m"
    model.settings = {"note": ""}
    save_model(path, model)
    model.settings["note"] = "x" * (0x380 - int.from_bytes(path.read_bytes()[:8], "little"))
    save_model(path, model)
    assert path.read_bytes()[:2] == b"\x80\x03"
    load_weights(path, model)


# ---- writing ----


@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
def test_a_failed_write_keeps_the_old_file_and_no_litter(tmp_path, monkeypatch, where):
    path = tmp_path / "m"
    save_model(path, Holder(a=torch.ones(1)))
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    if where == "write":
        monkeypatch.setattr(files, "open", lambda *a: fail(), raising=False)
    else:
        monkeypatch.setattr(os, where, fail)
    with pytest.raises(OSError, match="No space"):
        save_model(path, Holder(a=torch.zeros(1)))
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_bytes_are_on_disk_before_the_name(tmp_path, monkeypatch):
    order, fsync, replace = [], os.fsync, os.replace
    kind = lambda fd: "folder" if os.path.isdir(f"/proc/self/fd/{fd}") else "file"  # noqa: E731
    monkeypatch.setattr(os, "fsync", lambda fd: (order.append(kind(fd)), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("rename"), replace(a, b)))
    save_model(tmp_path / "m", Holder(a=torch.ones(1)))
    assert order == ["file", "rename", "folder"]


def test_left_over_temporary_files_are_no_checkpoints_and_old_ones_are_removed(tmp_path):
    path = tmp_path / "run"
    old, new = tmp_path / ".run.aaaa.tmp", tmp_path / ".run.bbbb.tmp"
    for left in (old, new):
        left.write_bytes(b"half a file")
    os.utime(old, (1, 1))
    train(Tiny(), SAMPLE, steps=2, checkpoint=path, progress=False)
    assert not old.exists()
    assert new.exists()
    model = Tiny()
    assert load_checkpoint(path, model, make_optimizers(model)).step == 2


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "m")
    save_model(tmp_path / "link", Holder(a=torch.ones(1)))
    assert (tmp_path / "link").is_symlink()
    load_weights(tmp_path / "real" / "m", Holder(a=torch.ones(1)))


# ---- SIGKILL ----

STEPS, EVERY = {"plain": 150, "experts": 60}, 4


def untrained(kind):
    """A small model and its loss: plain with dropout, or with experts, router noise and balancing biases."""
    torch.manual_seed(0)
    if kind == "plain":
        return Tiny(d_model=16), next_token_loss
    options = {"num_experts": 4, "moe": {"noisy": True, "capacity_factor": 1.0}, "dropout": 0.1}
    return LanguageModel(7, d_model=8, num_layers=2, num_heads=2, **options), MixtureLoss(
        z=0.001, bias_rate=0.01
    )


def life(folder, name, file, kind):
    """One training process: from the checkpoint, if there is one, to the end; then the result's bytes."""
    model, loss = untrained(kind)
    measured = {"evaluate": lambda m: float(m.head.weight.sum()), "evaluate_every": 10}
    saved = {"checkpoint": file, "checkpoint_every": EVERY} if file else {}
    history = train(model, SAMPLE, steps=STEPS[kind], loss=loss, progress=False, **measured, **saved)
    save_model(folder / f"{name}.model", model)
    (folder / f"{name}.json").write_text(
        json.dumps([history.losses, history.evaluations, history.learning_rates])
    )


def born(work):
    """Fork a child that does the work: it needs no second import of torch."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def step_of(file, kind):
    if not file.exists():
        return 0
    model, _ = untrained(kind)
    return load_checkpoint(file, model, make_optimizers(model)).step


def drive(folder, kills, seed, kind):
    """Kill `kills` trainings at random moments; each round is one run that ends, whatever happened to it.

    A kill while a checkpoint was being written leaves a temporary file behind: these are counted.
    """
    torch.set_num_threads(1)
    warm = nn.Linear(2, 2)
    warm.weight.grad, warm.bias.grad = torch.ones(2, 2), torch.ones(2)
    for optimizer in make_optimizers(warm):
        optimizer.step()  # the slow imports of the first step, before forking; no backward pass in the parent
    began = time.perf_counter()
    assert os.waitpid(born(lambda: life(folder, "whole", None, kind)), 0)[1] == 0
    duration = time.perf_counter() - began
    dice, file = random.Random(seed), folder / "run.safetensors"
    resumed, rounds, done, saving = [], 0, 0, 0
    while done < kills or file.exists():
        start = step_of(file, kind)
        child = born(lambda: life(folder, "killed", file, kind))
        if done < kills:
            time.sleep(dice.uniform(0, duration))
            os.kill(child, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL
            done += 1
            resumed.append(start)
            for half in folder.glob(".*.tmp"):
                saving += 1
                half.unlink()
            continue
        assert status == 0, "a resumed training failed"
        for part in ("model", "json"):
            if (folder / f"whole.{part}").read_bytes() != (folder / f"killed.{part}").read_bytes():
                raise SystemExit(f"round {rounds}: {part} differs after the kills at {resumed}")
            (folder / f"killed.{part}").unlink()
        file.unlink()
        rounds += 1
    return {"kills": done, "while_saving": saving, "rounds": rounds, "resumed_from": resumed}


@pytest.mark.parametrize("kind", ["plain", "experts"])
def test_killed_at_random_moments_it_resumes_bit_for_bit(tmp_path, kind):
    kills = int(os.environ.get("LLMASOS_KILLS", "5"))
    seed = os.environ.get("LLMASOS_KILL_SEED", "0")
    command = [sys.executable, __file__, str(tmp_path), str(kills), seed, kind]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    print(f"{kind}: {result.stdout}")
    report = json.loads(result.stdout)
    assert report["kills"] == kills
    assert report["rounds"] >= 1


if __name__ == "__main__":
    print(json.dumps(drive(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
