"""The chat program on this engine and on a server of the book's own: the same conversation, sign by sign."""

import io
import os
import re
import signal
import sqlite3
import subprocess
import sys
from typing import NamedTuple

import pytest
from talking_server import Talking

from llmasos_edu.__main__ import main
from llmasos_edu.dialogue.assistant import Assistant
from llmasos_edu.dialogue.backend import BackendDriver
from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.dialogue.trial import held_out_dialogue, hold, share
from llmasos_edu.kernel.torch_driver import TorchDriver
from llmasos_edu.pretrained import load

TOKEN = "secret"
LINES = [
    "Hello.", "My name is Wanda.", "Where is my order 4711?", "Cancel order 4711.", "Yes.",
    "Where is my order 4711?", "Where is my order 5005?", "Cancel order 2306.", "What is 12 plus 30?",
    "你好。", "我的订单1848在哪里？", "取消订单4711。", "What is my name?",
    "Remind me of the dentist on Friday at 9:30.", "Who are you?", "Thank you.", "再见。",
    "Cancel order 1848.", "No.", "What is the capital of France?",
]  # fmt: skip


@pytest.fixture(scope="module")
def server():
    """`serve --model dialogue` in another process, until a test kills it: the process, its address."""
    command = [sys.executable, "-m", "llmasos_edu", "serve", "--model", "dialogue", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--token", TOKEN],
        stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    yield process, re.search(r"http://[\d.]+:\d+/v1", process.stdout.readline()).group(0)
    process.kill()
    process.wait()


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def typed(lines):
    return "".join(f"{line}\n" for line in lines)


def chat_apart(lines, *options):
    """The program as a process of its own, its lines through a pipe."""
    command = [sys.executable, "-m", "llmasos_edu", "chat", *map(str, options)]
    done = subprocess.run(
        command, input=typed(lines), capture_output=True, text=True, check=False, timeout=300
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def chat(capsys, monkeypatch):
    """The program in this process, which has torch already."""

    def chat(lines, *options):
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed(lines)))
        return Done(main(["chat", *map(str, options)]), *capsys.readouterr())

    return chat


def rows(desk):
    """All that stands in a desk's files."""
    found = {}
    for path in sorted(desk.rglob("*")):
        if path.suffix == ".sqlite":
            with sqlite3.connect(path) as connection:
                found[path.name] = list(connection.iterdump())
        elif path.is_file():
            found[path.name] = path.read_text()
    return found


def test_the_same_conversation_on_a_server_in_a_second_process(server, chat, tmp_path):
    _, address = server
    here = chat_apart(LINES, "--desk", tmp_path / "here", "--sample")
    asked = "--sample", "--backend", address, "--token", TOKEN
    there = chat(LINES, "--desk", tmp_path / "there", *asked)
    assert (here.returncode, there.returncode, here.stderr, there.stderr) == (0, 0, "", "")
    assert there.stdout == here.stdout
    assert here.stdout.count("\n> ") == len(LINES)
    for part in ("OK lamp packed Friday", "EAGAIN", "OK receipt 1", "ENOENT", "EALREADY", "OK noted"):
        assert f"-> {part}" in here.stdout
    assert rows(tmp_path / "there") == rows(tmp_path / "here")
    assert len(rows(tmp_path / "here")) == 3


def test_what_a_server_refuses_is_told_and_what_was_done_stays(server, chat, tmp_path):
    process, address = server
    desk = tmp_path / "desk"
    done = chat(["Hello."], "--backend", address, "--token", "wrong")
    assert (done.returncode, "refused (401): this server asks for a token" in done.stderr) == (1, True)
    done = chat(["Hello."], "--backend", address, "--token", TOKEN, "--model", "gpt-9")
    assert (done.returncode, "refused (404): there is no model 'gpt-9' here" in done.stderr) == (1, True)
    cancelled = ["Cancel order 4711.", "Yes."]
    done = chat(cancelled, "--backend", address, "--token", TOKEN, "--desk", desk, "--sample")
    assert (done.returncode, "-> OK receipt 1" in done.stdout) == (0, True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = chat(["Hello."], "--backend", address, "--desk", desk)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"the connection to {address} failed" in done.stderr
    assert "-> OK lamp cancelled" in chat(["Where is my order 4711?"], "--desk", desk).stdout


def test_drawn_conversations_are_the_same_on_both_engines(tmp_path):
    """With held-out names and numbers, in both languages, with calls and errors; and they are right."""
    dialogues = {f"user {seed}": held_out_dialogue(300 + seed, 176, trouble=0.0) for seed in range(12)}
    with Talking() as talking:
        there = Assistant(BackendDriver(f"{talking.base}/v1", retries=0), Desk(tmp_path / "there"))
        remote = hold(there, dialogues)
        seen = len(talking.calls.audit)
    local = hold(Assistant(TorchDriver(load("dialogue").model), Desk(tmp_path / "here")), dialogues)
    assert [(each.user, *each.reply[:2]) for each in remote] == [
        (each.user, *each.reply[:2]) for each in local
    ]
    assert len(remote) > 40
    assert seen == sum(len(each.reply.calls) for each in remote) > 20
    assert share(remote) >= 0.97
