"""The command as a teacher gives it: an address is printed, clients are served, Ctrl-C ends it."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from llmasos_edu.__main__ import main
from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.kernel.admission import FuturePeak
from llmasos_edu.serving.demonstration import demonstrate
from llmasos_edu.serving.engine import Busy

PROMPT = "The for statement"


@pytest.fixture
def started():
    """Start `python -m llmasos_edu serve --port 0 ...`: (process, address, its first lines)."""
    processes = []

    def start(*options):
        command = [sys.executable, "-m", "llmasos_edu", "serve", "--port", "0", "--blocks", "64", *options]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        processes.append(process)
        lines = []
        while not lines or "Ctrl-C" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], f"it ended: {lines}"
        return process, re.search(r"http://[\d.]+:\d+", lines[0]).group(0), "".join(lines)

    yield start
    for process in processes:
        process.kill()
        process.wait()


def ask(address, **options):
    body = {
        "model": "manual-dense",
        "prompt": "The for statement",
        "max_tokens": 8,
        "temperature": 0,
    } | options
    return httpx.post(f"{address}/v1/completions", json=body, timeout=120)


def test_a_shipped_model_is_served_until_ctrl_c(started, capsys):
    process, address, said = started()
    assert "manual-dense at" in said
    answers = [ask(address).json() for _ in range(2)]
    assert main(["generate", PROMPT, "--temperature", "0", "--tokens", "8"]) == 0
    wanted = capsys.readouterr().out
    assert answers[0]["choices"][0]["text"] == wanted.removeprefix(PROMPT).removesuffix("\n")
    assert answers[1]["choices"] == answers[0]["choices"]
    assert ask(address, prompt="x" * 9000).status_code == 400
    hello = {"model": "manual-dense", "messages": [{"role": "user", "content": "hello"}]}
    refused = httpx.post(f"{address}/v1/chat/completions", json=hello).json()
    assert refused["error"]["message"].startswith("manual-dense has learned no")
    assert "Control room" in httpx.get(address).text
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "Traceback" not in process.stdout.read()


def test_ctrl_c_lets_a_begun_text_end_and_a_second_one_does_not(started):
    process, address, _ = started()
    asked = {"model": "manual-dense", "prompt": "import", "max_tokens": 400, "stream": True}
    with httpx.stream("POST", f"{address}/v1/completions", timeout=120, json=asked) as answer:
        lines = answer.iter_lines()
        next(lines)
        process.send_signal(signal.SIGINT)
        assert [line for line in lines if line][-1] == "data: [DONE]"
    assert process.wait(60) == 130
    process, address, _ = started("--demo")  # which never ends by itself
    ask(address)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) in (0, 130, -signal.SIGINT)


def test_a_port_that_is_taken_and_a_model_that_is_not_there_are_said(capsys):
    with socket.create_server(("127.0.0.1", 0)) as there:
        taken, absent = ("--port", str(there.getsockname()[1])), ("--model", "gpt-4")
        for options, words in ((taken, "cannot listen on"), (absent, "no model 'gpt-4'")):
            assert main(["serve", "--port", "0", *options]) == 2
            assert words in capsys.readouterr().err


def test_the_demonstration_s_writers_come_again_after_a_refusal(running):
    server = running(seconds=0.002, max_waiting=1, slots=1, admission=FuturePeak(1), window=80)
    refused = []
    spawn = server.engine.spawn

    async def counted(*args, **options):
        try:
            return await spawn(*args, **options)
        except Busy as error:
            refused.append(error.retry_after)
            error.retry_after = 0.05
            raise

    server.engine.spawn = counted
    writer = threading.Thread(target=demonstrate, args=(server.engine, server.model), daemon=True)
    writer.start()
    server.until(lambda kernel: len(refused) > 3, seconds=20)
    before = len(refused)
    server.until(lambda kernel: len(refused) > before + 3, seconds=20)
    assert min(refused) >= 1
    server.engine.close()
    server.engine.stop()
    writer.join(20)
    assert not writer.is_alive()


def test_a_demonstration_that_cannot_write_says_so(running, capsys):
    server = running(num_blocks=1, window=80)
    writer = threading.Thread(target=demonstrate, args=(server.engine, server.model, None, 1), daemon=True)
    writer.start()
    writer.join(20)
    assert "a text of the demonstration ended: needs" in capsys.readouterr().err


def test_a_desk_is_served_until_ctrl_c_and_outlives_it(started, tmp_path):
    desk = tmp_path / "desk"
    process, address, said = started("--model", "dialogue", "--desk", str(desk), "--demo")
    assert "dialogue at" in said
    told = {
        "model": "dialogue", "temperature": 0, "user": "ada",
        "messages": [{"role": "user", "content": "My name is Wanda."}],
    }  # fmt: skip
    path = f"{address}/v1/chat/completions"
    answer = httpx.post(path, json=told, timeout=120).json()
    assert answer["choices"][0]["finish_reason"] == "stop"
    log = httpx.get(f"{address}/kernel", timeout=30).json()["audit"]
    (line,) = [line for line in log if line["user"] == "ada"]
    assert (line["name"], line["errno"], line["rights"]) == ("memory.save", "OK", ["memory.save"])
    deadline = time.monotonic() + 60
    while len({line["user"] for line in log}) < 4:  # those of the demonstration talk all the time
        assert time.monotonic() < deadline
        time.sleep(0.2)
        log = httpx.get(f"{address}/kernel", timeout=30).json()["audit"]
    refused = httpx.post(path, json=told | {"max_tokens": 300}, timeout=30).json()
    assert "more than the window of 256" in refused["error"]["message"]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "ended" not in process.stdout.read()
    with Desk(desk).notes.database.opened() as rows:
        assert rows.execute("SELECT value FROM notes WHERE owner = 'ada'").fetchall() == [("Wanda",)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--desk", "desk"],
            "--desk goes with a model that has learned its tools, such as dialogue, not manual",
        ),
        (["--model", "dialogue", "--demo"], "--demo of dialogue holds conversations at a desk, and fills it"),
    ],
)
def test_a_desk_goes_with_the_dialogue_model(options, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["serve", "--port", "0", *options]) == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
