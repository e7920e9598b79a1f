"""`python -m llmasos_edu`: what is written, what is kept, and what a wrong command is told."""

import io
import json
import math
import os
import pickle
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from llmasos_edu import pretrained
from llmasos_edu.__main__ import main, parse
from llmasos_edu.corpus import manual
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import Pretrained, load, own_text
from llmasos_edu.text.tokenizer import ByteTokenizer
from llmasos_edu.training.checkpoint import save_model
from llmasos_edu.training.next_token import TextSampler, bits_per_byte

TEXT = "\n\n".join(document.text for document in manual())[:9000]
TINY = ["--d-model", "16", "--layers", "1", "--heads", "2", "--context", "16", "--batch", "2",
        "--vocab-size", "300"]  # fmt: skip
STEPS = ["--steps", "200"]
ENOUGH = ["--steps", "2"]


def command(*arguments, **options):
    """The command line as a process, which Ctrl-C reaches even where the tests run in the background."""
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}  # the same sums as in this process
    return subprocess.Popen(
        [sys.executable, "-m", "llmasos_edu", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | threads,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


@pytest.fixture
def run(capsys):
    """Run a command in this process: exit code, what it said, what it complained."""

    def run(*arguments):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse's way
            code = error.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "story.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained(story):
    """A model trained by the command without a break: its folder, and what was said."""
    folder, before = story.parent / "whole", sys.stdout
    sys.stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    try:
        assert main(["train", str(story), "--output", str(folder), *STEPS, *TINY]) == 0
        sys.stdout.seek(0)
        return folder, sys.stdout.read()
    finally:
        sys.stdout = before


# ---- train ----


def test_training_tells_the_split_the_curve_the_scores_and_shows_a_sample(trained):
    folder, said = trained
    card = load(folder).card
    data, score = card["data"], card["held_out_bits_per_byte"]["held-out passages"]
    assert f"{data['train_bytes']:,} bytes" in said
    assert f"held out: {data['held_out_bytes']:,} bytes" in said
    assert re.findall(r"step (\d+) of 200: loss", said) == [str(step) for step in range(20, 201, 20)]
    table = re.findall(r"held-out passages  (\S+.*?) +(\d\.\d{3})$", said, re.MULTILINE)
    assert {name for name, _ in table} == {"whole", "6-gram", "gzip, primed", "bz2, primed", "xz, primed"}
    assert [value for _, value in table] == sorted(value for _, value in table)
    assert ("whole", f"{score:.3f}") in table
    assert data["held_out_start"] in said.split("a sample")[1]


def test_the_folder_is_like_a_shipped_model_s(trained):
    folder, _ = trained
    model, tokenizer, card = load(folder)
    shipped, own = (
        {"model.safetensors", "tokenizer.json", "card.json"},
        {"training.json", "training.safetensors"},
    )
    assert {path.name for path in folder.iterdir()} == shipped | own
    assert card["name"] == "whole"
    assert card["recipe"]["steps"] == 200
    assert len(card["learning_curve"]) == 10
    assert model.settings["d_model"] == 16
    assert model.vocab_size == tokenizer.vocab_size == card["settings"]["vocab_size"]


def test_the_card_s_score_is_that_of_the_stored_model_on_text_that_it_has_not_read(trained, story):
    model, tokenizer, card = load(trained[0])
    text = own_text.read_own_text(story, vocab_size=300)
    held_out, train = text.split.held_out_text, text.split.train_text
    assert [passage.topic for passage in text.split.held_out] == card["data"]["held_out_passages"]
    assert all(held_out[i : i + 50] not in train for i in range(len(held_out) - 50))
    assert 0.05 < len(held_out) / len(TEXT) < 0.2
    tokens = torch.tensor(tokenizer.encode(held_out))
    score = bits_per_byte(model, tokens, context=16, stride=4, num_bytes=len(held_out.encode()))
    assert score == pytest.approx(card["held_out_bits_per_byte"]["held-out passages"], abs=1e-3)
    guessing = math.log2(model.vocab_size) * len(tokens) / len(held_out.encode())  # all tokens alike
    assert score < 0.85 * guessing


def test_a_run_that_is_interrupted_goes_on_to_the_same_model(trained, story, tmp_path):
    whole, _ = trained
    arguments = ["train", story, "--output", tmp_path / "again", *STEPS, *TINY]
    process = command(*arguments)
    while not process.stdout.readline().startswith(b"step"):
        assert process.poll() is None, process.stderr.read()
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate()
    assert process.returncode == 130
    assert re.search(rb"Interrupted after \d+ of 200 steps", said)
    assert b"The same command goes on from there." in said
    assert complained == b""
    with pytest.raises(ValueError, match="not finished"):
        load(tmp_path / "again")
    process = command(*arguments)
    said, complained = process.communicate()
    assert (process.returncode, complained) == (0, b"")
    assert re.findall(rb"step (\d+) of", said)[0] != b"200"
    resumed, unbroken = ((f / "model.safetensors").read_bytes() for f in (tmp_path / "again", whole))
    assert resumed == unbroken


def test_a_finished_training_is_not_done_again(run, story, tmp_path, monkeypatch):
    arguments = ["train", story, "--output", tmp_path / "m", *ENOUGH, *TINY]
    assert run(*arguments)[0] == 0
    before = (tmp_path / "m" / "model.safetensors").read_bytes()
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: pytest.fail("a step was made"))
    code, said, _ = run(*arguments)
    assert code == 0
    assert "a sample" in said
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == before


def test_other_arguments_or_another_text_are_no_resumption(run, story, tmp_path):
    text = tmp_path / "mine.txt"
    text.write_text(TEXT, encoding="utf-8")
    arguments = ["train", text, "--output", tmp_path / "m", *TINY]
    assert run(*arguments, *ENOUGH)[0] == 0
    code, _, complained = run(*arguments, "--steps", "3", "--seed", "1")
    assert (code, "steps=2 there, 3 here; seed=0 there, 1 here" in complained) == (2, True)
    text.write_text(TEXT + "The end.", encoding="utf-8")
    code, _, complained = run(*arguments, *ENOUGH)
    assert (code, "another training: the text has changed" in complained) == (2, True)
    (tmp_path / "m" / "training.json").write_text("{")
    code, _, complained = run(*arguments, *ENOUGH)
    assert (code, "training.json was changed or cut" in complained) == (2, True)


def test_minutes_become_steps_once(run, story, tmp_path):
    arguments = ["train", story, "--output", tmp_path / "m", "--minutes", "0.0005", *TINY]
    assert run(*arguments)[0] == 0
    plan = tmp_path / "m" / "training.json"
    total = json.loads(plan.read_text())["total"]
    assert 1 <= total <= 300  # 30 milliseconds
    code, said, _ = run(*arguments)
    assert code == 0
    assert f"step {total} of {total}" in said
    assert json.loads(plan.read_text())["total"] == total


def test_steps_read_the_text_four_times_within_bounds():
    for tokens, steps in ((60, 100), (20_000, 200), (10**6, 1000)):
        sample = TextSampler(torch.zeros(tokens, dtype=torch.long), context=50, batch_size=8)
        assert own_text._total_steps(None, None, None, sample, None) == steps
        assert own_text._total_steps(7, None, None, sample, None) == 7


def test_experts_make_a_mixture_of_the_same_active_size(run, story, tmp_path):
    arguments = ["train", story, "--output", tmp_path / "m", "--experts", "3", *ENOUGH, *TINY]
    assert run(*arguments)[0] == 0
    settings = load(tmp_path / "m").model.settings
    assert (settings["num_experts"], settings["moe"], settings["d_ff"]) == (3, {"top_k": 2}, 32)
    assert run("generate", "The", "--model", tmp_path / "m", "--tokens", "2")[0] == 0


def test_the_default_folder_is_named_after_the_file_and_a_seed_is_a_start(run, story, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = torch.get_rng_state()
    assert run("train", story, *ENOUGH, *TINY)[0] == 0
    assert run("train", story, "--seed", "1", "--output", "other", *ENOUGH, *TINY)[0] == 0
    assert torch.equal(state, torch.get_rng_state())
    first, second = load("story-model"), load("other")
    assert first.card["data"]["held_out_passages"] != second.card["data"]["held_out_passages"]
    with pytest.raises(ValueError, match="steps=2 and minutes=1 cannot both"):
        own_text.train_on_text(story, tmp_path / "both", steps=2, minutes=1)


@pytest.mark.parametrize(("curve", "warned"), [([3.0, 2.0, 2.5], True), ([3.0, 2.5, 2.49], False)])
def test_a_model_that_learns_by_heart_is_told(run, trained, story, monkeypatch, curve, warned):
    done = load(trained[0])
    card = done.card | {"learning_curve": [[10 * (i + 1), value] for i, value in enumerate(curve)]}
    monkeypatch.setattr(own_text, "train_on_text", lambda *_, **__: Pretrained(*done[:2], card))
    code, said, _ = run("train", story)
    assert (code, "best after 20 steps" in said) == (0, warned)


# ---- generate ----


def test_a_prompt_is_continued_as_the_model_would(run, trained):
    model, tokenizer, _ = load(trained[0])
    choice = {"temperature": 1.3, "top_k": 50, "top_p": 0.9, "min_p": 0.01, "repetition_penalty": 1.1}
    options = [word for name, value in choice.items() for word in (f"--{name.replace('_', '-')}", value)]
    options += ["--tokens", 20, "--seed", 3]
    code, said, complained = run("generate", "The for", "--model", trained[0], *options)
    generator = torch.Generator().manual_seed(3)
    prompt = [torch.tensor(tokenizer.encode("The for"))]
    (row,) = model.generate(prompt, 20, generator=generator, **choice)
    assert (code, complained) == (0, "")
    assert said == tokenizer.decode(row) + "\n"
    assert said.startswith("The for")


def test_temperature_zero_needs_no_seed_and_no_tokens_is_the_prompt(run, trained):
    greedy = ["generate", "The", "--model", trained[0], "--temperature", "0", "--tokens"]
    assert run(*greedy, 9) == run(*greedy, 9)
    assert run(*greedy, 0)[1] == "The\n"
    assert run("generate", "The", "--model", trained[0] / "model.safetensors", "--tokens", 0)[1] == "The\n"


def test_the_prompt_comes_from_standard_input(run, trained, monkeypatch):
    def written(prompt, data=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        return run("generate", prompt, "--model", trained[0], "--tokens", 5, "--seed", 1)

    assert written("-", "für\nalle\n".encode()) == written("für\nalle")
    code, said, complained = written("-", "für 语言".encode()[:-1])
    assert (code, said) == written("für 语")[:2]
    assert complained == "the last character of the prompt is cut: its 2 bytes are left out\n"
    assert written(os.fsdecode("für 语言".encode()[:-1])) == (
        code,
        said,
        complained,
    )  # "$(head -c 10 zh.txt)"
    code, said, complained = written("-", b"caf\xe9 noir")
    assert (code, said, complained) == (2, "", "the prompt is not UTF-8 text: byte 3 is 0xe9\n")
    code, said, complained = written("-", b"\n")
    assert (code, said, "the prompt is empty" in complained) == (2, "", True)


def test_a_file_of_a_model_that_reads_bytes_needs_no_tokenizer(run, tmp_path):
    torch.manual_seed(0)
    model, path = (
        LanguageModel(256, d_model=16, num_layers=1, num_heads=2).eval(),
        tmp_path / "bytes.safetensors",
    )
    save_model(path, model)
    code, said, _ = run("generate", "é", "--model", path, "--tokens", 40, "--seed", 0)
    prompt = torch.tensor([ByteTokenizer().encode("é")])
    ids = model.generate(prompt, 40, temperature=0.8, generator=torch.Generator().manual_seed(0))[0]
    assert code == 0
    assert said == ByteTokenizer().decode(ids) + "\n"
    assert "\ufffd" in said  # an untrained model writes any bytes


@pytest.mark.parametrize("how", ["Ctrl-C", "closed pipe"])
def test_a_reader_may_leave_at_any_time(trained, how):
    process = command("generate", "The for", "--model", trained[0], "--tokens", 100_000)
    said = os.read(process.stdout.fileno(), 100)
    assert said.startswith(b"The for")
    if how == "Ctrl-C":
        process.send_signal(signal.SIGINT)
        rest, complained = process.communicate()
        (said + rest).decode("utf-8")  # whole characters alone
        assert (said + rest).endswith(b"\n")
        assert process.returncode == 130
    else:
        process.stdout.close()
        complained = process.stderr.read()
        assert process.wait() == 141
    assert complained == b""


def test_a_terminal_without_a_character_shows_a_question_mark(trained, monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert main(["generate", "für", "--model", str(trained[0]), "--tokens", "0"]) == 0
    assert raw.getvalue() == b"f?r\n"


# ---- what a wrong command is told ----


@pytest.fixture
def odd_files(tmp_path, monkeypatch):
    """Files and folders that no command can work with, in the working folder."""
    monkeypatch.chdir(tmp_path)
    Path("empty.txt").write_text("")
    Path("short.txt").write_text("Too short.")
    Path("same.txt").write_text("All work and no play makes Jack a dull boy.\n" * 300)
    Path("long.txt").write_text("a" * 10_000_001)
    Path("good.txt").write_text(TEXT, encoding="utf-8")
    Path("full").mkdir()
    Path("full/diary.txt").write_text("dear diary")
    Path("pickled.pt").write_bytes(pickle.dumps([1]))
    torch.save({"a": torch.zeros(1)}, "zipped.pt")
    save_model("big.safetensors", LanguageModel(300, d_model=16, num_layers=1, num_heads=2))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("generate The --model nobody", r"no model 'nobody', nor such a folder or file; the book ships"),
        ("generate The --model full", r"full holds no card\.json"),
        ("generate The --model pickled.pt", "is a pickle, which can run any code when loaded: it is refused"),
        ("generate The --model zipped.pt", "may hold a pickle.*it is refused"),
        (
            "generate The --model big.safetensors",
            "vocabulary of 300 tokens, but there is no .* bytes have 256",
        ),
        ("generate The --model good.txt", "not a safetensors file"),
        ("generate The --tokens many", "'many' is not a whole number from 0 to 100,000"),
        ("generate The --tokens -1", "'-1' is not a whole number"),
        ("generate The --temperature hot", "invalid float value: 'hot'"),
        ("train absent.txt", r"there is no file 'absent\.txt'"),
        ("train empty.txt", "'empty.txt' is empty"),
        ("train short.txt", "short.txt is too short: 10 bytes of text, at least 5,000"),
        ("train long.txt", "long.txt is too long: 10,000,001 bytes, at most 10,000,000"),
        ("train same.txt", "same.txt in passages of a page: a split needs two documents"),
        ("train full", "is a folder"),
        ("train pickled.pt", "is not text|not UTF-8"),
        ("train good.txt --output full", r"full is there already and holds no training"),
        ("train good.txt --output good.txt", r"good.txt is there already and holds no training"),
        ("train good.txt --output good.txt/deep --steps 1", "good.txt"),
        ("train good.txt --steps 0", "'0' is not a whole number from 1"),
        ("train good.txt --steps 1 --minutes 1", "not allowed with argument"),
        ("train good.txt --minutes -1", "minutes=-1.0 must be above 0"),
        ("train good.txt --minutes nan", "minutes=nan must be above 0"),
        ("train good.txt --vocab-size 100", "vocab_size=100.*at least the 256 bytes"),
        ("train good.txt --d-model 20 --heads 3", "d_model=20 is not divisible by num_heads=3"),
        ("train good.txt --context 60000", "the text is too short: .* context=60000"),
        ("train good.txt --layers none", "'none' is not a whole number from 1 to 100"),
        ("", "required: command"),
        ("dance", "invalid choice: 'dance'"),
    ],
)
def test_a_wrong_command_is_told_in_words(run, odd_files, line, words):
    code, _, complained = run(*line.split())
    assert code == 2
    assert re.search(words, complained, re.DOTALL), complained
    assert "Traceback" not in complained


@pytest.mark.parametrize(
    ("option", "value"),
    [("temperature", "-1"), ("temperature", "nan"), ("top-k", "0"), ("top-p", "2"), ("min-p", "-0.1"),
     ("repetition-penalty", "0")],
)  # fmt: skip
def test_a_choice_that_no_rule_allows_is_told_with_its_value(run, trained, option, value):
    code, said, complained = run("generate", "The", "--model", trained[0], f"--{option}={value}")
    assert (code, said) == (2, "")
    assert re.match(rf"{option.replace('-', '_')}={value}(\.0)? must be", complained)


def test_a_loss_that_runs_away_is_no_mistake_of_the_command(run, story, monkeypatch, tmp_path):
    monkeypatch.setattr(own_text, "next_token_loss", lambda model, batch: torch.tensor(float("nan")))
    code, _, complained = run("train", story, "--output", tmp_path / "m", *ENOUGH, *TINY)
    assert (code, "in step 1 the loss is nan" in complained) == (1, True)


# ---- the rest ----


def test_models_lists_each_with_its_scores(run, trained, monkeypatch, tmp_path):
    monkeypatch.setattr(pretrained, "FOLDER", trained[0].parent)
    code, said, _ = run("models")
    assert code == 0
    assert said.startswith("whole, ")
    assert "has read: story.txt, split by passages" in said
    score = load("whole").card["held_out_bits_per_byte"]["held-out passages"]
    assert f"whole{score:25.3f}" in said
    assert run("generate", "The", "--model", "whole", "--tokens", "0")[1] == "The\n"
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    assert "no model: make models makes them" in run("models")[1]


@pytest.mark.parametrize("name", ["generate", "train", "serve", "chat", "models"])
def test_help_explains_each_command_with_examples_that_parse(run, name):
    code, said, _ = run(name, "--help")
    assert code == 0
    assert all(len(line) <= 110 for line in said.splitlines())
    if name != "models":
        examples = re.findall(rf"python -m llmasos_edu {name} .*", said.split("examples:")[1])
        assert len(examples) >= 3
        assert all(parse(shlex.split(example)[3:]) for example in examples)
    code, said, _ = run("--help")
    assert code == 0
    assert re.search(rf"^    {name} +\w", said, re.MULTILINE)
