"""A text of the reader's own: what a training is of, odd files, disks that are full."""

import errno
import os
import random
from pathlib import Path

import pytest
import torch

from llmasos_edu import pretrained
from llmasos_edu.__main__ import main
from llmasos_edu.corpus import manual
from llmasos_edu.pretrained import load, own_text
from llmasos_edu.pretrained.own_text import NotStoredError, read_own_text, train_on_text
from llmasos_edu.training import checkpoint
from llmasos_edu.training.loop import TrainingInterrupted

TEXT = "\n\n".join(document.text for document in manual())[:9000]
TINY = {"d_model": 16, "num_layers": 1, "num_heads": 2, "context": 16, "batch_size": 2, "vocab_size": 300,
        "progress": False}  # fmt: skip
OPTIONS = ["--d-model", "16", "--layers", "1", "--heads", "2", "--context", "16", "--batch", "2",
           "--vocab-size", "300", "--steps", "3"]  # fmt: skip


@pytest.fixture
def story(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


# ---- what a training is of ----


def test_a_file_s_name_decides_nothing(story):
    first = read_own_text(story, vocab_size=300)
    again = read_own_text(story.rename(story.with_name("renamed.txt")), vocab_size=300)
    assert again.split == first.split
    assert again.identity() == first.identity()
    assert torch.equal(again.train_tokens, first.train_tokens)
    other = read_own_text(story.with_name("renamed.txt"), vocab_size=300, seed=1)
    assert other.sha256 == first.sha256
    assert other.identity() != first.identity()


def test_a_training_goes_on_when_its_text_was_renamed(story, tmp_path, monkeypatch):
    done = train_on_text(story, tmp_path / "m", steps=3, **TINY)
    renamed = story.rename(tmp_path / "renamed.txt")
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: pytest.fail("a step was made again"))
    again = train_on_text(renamed, tmp_path / "m", steps=3, **TINY)
    assert again.card["data"] | {"text": ""} == done.card["data"] | {"text": ""}
    assert again.card["held_out_bits_per_byte"] == done.card["held_out_bits_per_byte"]


def test_another_split_of_the_same_text_is_another_training(story, tmp_path, monkeypatch):
    train_on_text(story, tmp_path / "m", steps=2, **TINY)
    cut = own_text.cut_into_passages
    monkeypatch.setattr(own_text, "cut_into_passages", lambda document, size: cut(document, size - 100))
    with pytest.raises(ValueError, match="m holds another training: by another version of the book"):
        train_on_text(story, tmp_path / "m", steps=2, **TINY)


# ---- what is left out ----


def test_lines_as_long_as_a_book_lose_only_what_they_share_and_it_is_told(tmp_path, capsys):
    rng = random.Random(0)
    phrase = "and this one phrase of more than fifty bytes ends every part of it"
    parts = [
        " ".join("".join(rng.choices("abcdefghij", k=rng.randint(2, 9))) for _ in range(200)) + " " + phrase
        for _ in range(30)
    ]
    path = tmp_path / "one line.txt"
    path.write_text(" ".join(parts), encoding="utf-8")
    text = read_own_text(path, vocab_size=300)
    assert 0 < text.split.dropped.cut <= 30 * (len(phrase) + 4)
    assert text.split.dropped.copies == 0
    assert main(["train", str(path), "--output", str(tmp_path / "m"), *OPTIONS]) == 0
    assert f"left out: {text.split.dropped}\n" in capsys.readouterr().out
    data = load(tmp_path / "m").card["data"]
    assert data["dropped_bytes"] == text.split.dropped.cut
    assert data["dropped_share"] == pytest.approx(text.split.dropped.share, abs=1e-4)


def test_a_text_that_loses_nothing_says_so(story, tmp_path, capsys):
    train_on_text(story, tmp_path / "m", steps=2, **TINY)
    assert "left out: 0 of " in capsys.readouterr().out


def test_a_file_that_was_cut_inside_a_character_loses_that_one_and_says_so(tmp_path, capsys):
    path = tmp_path / "cut.txt"
    path.write_bytes((TEXT + "語言").encode()[:-1])
    assert main(["train", str(path), "--output", str(tmp_path / "m"), *OPTIONS]) == 0
    assert capsys.readouterr().err == f"the last character of '{path}' is cut: its 2 bytes are left out\n"
    with pytest.warns(UserWarning, match="its 2 bytes are left out"):
        assert read_own_text(path, vocab_size=300).split.train


# ---- a name that is no UTF-8 ----


def test_a_name_that_is_no_utf_8_trains_and_is_shown_escaped(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9.txt")
    try:
        Path(name).write_text(TEXT, encoding="utf-8")
    except OSError:
        pytest.skip("this file system takes names in UTF-8 alone")
    assert main(["train", name, *OPTIONS]) == 0
    said, complained = capsys.readouterr()
    assert complained == ""
    assert said.startswith("caf\\xe9.txt: ")
    assert said.endswith("--model caf\\xe9-model\n")
    folder = Path(os.fsdecode(b"caf\xe9-model"))
    card = load(folder).card
    assert card["name"] == "caf\\xe9-model"
    assert card["data"]["text"] == "caf\\xe9.txt, split by passages"
    assert main(["generate", "The", "--model", str(folder), "--tokens", "2"]) == 0
    assert main(["train", name, "--seed", "1", *OPTIONS]) == 2
    assert "caf\\xe9-model holds another training" in capsys.readouterr().err
    Path(folder, "model.safetensors").write_bytes(b"{}")
    assert main(["generate", "The", "--model", str(folder / "model.safetensors")]) == 2
    assert "caf\\xe9-model/model.safetensors" in capsys.readouterr().err


# ---- a disk that is full ----


@pytest.fixture
def full(monkeypatch):
    """`full(folder)`: from now on nothing that ends so can be written under it; `full()`: anywhere."""
    write = checkpoint.write_atomically

    def fill(folder="/", ending=""):
        def write_where_there_is_room(path, raw):
            if Path(path).resolve().is_relative_to(Path(folder).resolve()) and path.name.endswith(ending):
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            write(path, raw)

        for module in (checkpoint, pretrained):
            monkeypatch.setattr(module, "write_atomically", write_where_there_is_room)

    return fill


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.setattr(own_text.tempfile, "gettempdir", lambda: str(folder))
    return folder


def test_a_checkpoint_that_the_disk_does_not_take_is_told_and_the_training_goes_on(
    story, tmp_path, full, capsys
):
    full(tmp_path / "m", "training.safetensors")
    assert main(["train", str(story), "--output", str(tmp_path / "m"), *OPTIONS]) == 0
    said, complained = capsys.readouterr()
    assert "saved in" in said
    assert (
        f"{tmp_path / 'm' / 'training.safetensors'} could not be written after step 3: No space" in complained
    )
    assert load(tmp_path / "m").card["recipe"]["steps"] == 3


def test_a_trained_model_that_finds_no_room_is_stored_elsewhere(story, tmp_path, full, elsewhere, capsys):
    whole = train_on_text(story, tmp_path / "whole", steps=3, **TINY)
    full(tmp_path / "m")
    assert main(["train", str(story), "--output", str(tmp_path / "m"), *OPTIONS]) == 1
    complained = capsys.readouterr().err
    (place,) = elsewhere.iterdir()
    assert f"{tmp_path / 'm' / 'model.safetensors'} could not be written: No space left" in complained
    assert f"The trained model is in {place}" in complained
    kept = load(place)
    assert kept.card["held_out_bits_per_byte"] == whole.card["held_out_bits_per_byte"]
    assert all(
        torch.equal(*pair) for pair in zip(kept.model.parameters(), whole.model.parameters(), strict=True)
    )


def test_where_no_disk_has_room_the_error_holds_the_model(story, tmp_path, full, elsewhere):
    whole = train_on_text(story, tmp_path / "whole", steps=3, **TINY)
    full()
    with (
        pytest.warns(UserWarning, match="step 3"),
        pytest.raises(NotStoredError, match="memory alone") as met,
    ):
        train_on_text(story, tmp_path / "m", steps=3, **TINY)
    assert met.value.folder is None
    assert list(elsewhere.iterdir()) == []
    model, _, card = met.value.trained
    tokens = torch.arange(10)[None]
    assert torch.equal(model(tokens), whole.model(tokens))
    assert card["held_out_bits_per_byte"] == whole.card["held_out_bits_per_byte"]


def test_an_interrupt_on_a_full_disk_keeps_what_was_learnt(story, tmp_path, full, elsewhere, monkeypatch):
    def interrupted(history, total):
        if len(history.losses) == 20:
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(own_text, "_report", interrupted)
    with pytest.raises(TrainingInterrupted):
        train_on_text(story, tmp_path / "saved", steps=40, **TINY)
    full(tmp_path / "m")
    with pytest.warns(UserWarning, match="after step 20"), pytest.raises(NotStoredError) as met:
        train_on_text(story, tmp_path / "m", steps=40, **TINY)
    assert met.value.trained.card["steps"] == 20
    assert load(met.value.folder).card["name"] == "m"
    assert met.value.folder.parent == elsewhere


def test_no_room_at_all_is_told_before_anything_is_trained(story, tmp_path, monkeypatch, capsys):
    def full(path, raw):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(own_text, "write_atomically", full)
    monkeypatch.setattr(own_text, "train", lambda *_, **__: pytest.fail("it trained"))
    assert main(["train", str(story), "--output", str(tmp_path / "m"), *OPTIONS]) == 1
    assert "training.json" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["story.txt"]
