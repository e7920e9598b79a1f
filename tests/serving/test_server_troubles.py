"""What clients may send, and what may fail behind the server: a sentence each time."""

import asyncio
import dataclasses
import threading

import httpx
import pytest
from running_server import Running, as_chat

from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.serving.app import make_app
from llmasos_edu.serving.command import query
from llmasos_edu.serving.engine import Closed, Engine
from llmasos_edu.serving.model import ServedModel
from llmasos_edu.text.tokenizer import ByteTokenizer


@pytest.fixture(scope="module")
def one_server():
    with Running(template=as_chat) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "raw", "words"),
    [
        ("v1/completions", r'{"model":"integers","prompt":"ab","user":"\ud800"}', "user is no text"),
        ("v1/completions", r'{"model":"integers","prompt":"ab","\ud800":1}', "there is no option"),
        (
            "v1/chat/completions",
            r'{"model":"integers","messages":[{"role":"user","content":"\ud800"}]}',
            "messages is no text",
        ),
        ("kernel/policy", '{"policy":[]}', "policy=[] is not one of"),
        ("kernel/policy", '{"policy":{}}', "policy={} is not one of"),
        ("kernel/spawn", r'{"prompt":"a","user":"\ud800"}', "user is no text"),
        ("kernel/spawn", '{"prompt":["a","b"]}', "one text at a time: there are 2 prompts"),
        ("kernel/spawn", '{"prompt":"a","n":3}', "knows no n"),
        ("kernel/spawn", '{"prompt":"a","stop":"x"}', "knows no stop"),
    ],
)
def test_what_cannot_be_served_is_refused_and_not_ignored(one_server, path, raw, words):
    answer = httpx.post(
        f"{one_server.base}/{path}", content=raw, headers={"content-type": "application/json"}, timeout=20
    )
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize("token", ["", " ", "käse", "two words", "line\n"])
def test_a_token_that_keeps_nobody_out_or_cannot_be_sent_is_refused(token):
    engine = Engine(Kernel(IntegerDriver(), num_blocks=8))
    with pytest.raises(ValueError, match=r"token=.* must be letters"):
        make_app(engine, ServedModel("integers", ByteTokenizer(), 32), token=token)


def test_a_token_with_signs_of_addresses_reaches_the_page_whole():
    assert query("a&b#c+d%") == "?token=a%26b%23c%2Bd%25"


class Illiterate(ByteTokenizer):
    def decode(self, ids):
        raise LookupError("these signs are unknown")


def test_a_stream_whose_text_cannot_be_read_ends_with_an_error():
    with Running() as server:
        broken = dataclasses.replace(server.model, tokenizer=Illiterate())
        app = make_app(server.engine, broken)

        async def scene():
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                ask = {"model": "integers", "prompt": "ab", "max_tokens": 9, "stream": True}
                return await asyncio.wait_for(client.post("/v1/completions", json=ask), 10)

        assert "these signs are unknown" in asyncio.run(scene()).text
        server.until(lambda kernel: not kernel.processes)


def test_who_asks_while_the_thread_ends_is_refused():
    """The thread still lives when it has looked into its queue for the last time."""
    engine = Engine(Kernel(IntegerDriver(), num_blocks=8))
    looked, may_end = threading.Event(), threading.Event()
    refuse = engine._refuse_the_rest

    def refuse_and_wait():
        refuse()
        if threading.current_thread() is engine._thread:
            looked.set()
            may_end.wait(10)

    engine._refuse_the_rest = refuse_and_wait
    engine.start()
    stopper = threading.Thread(target=engine.stop)
    stopper.start()
    assert looked.wait(10)

    async def late():
        with pytest.raises(Closed):
            await asyncio.wait_for(engine.call(lambda kernel: 1), 5)

    asyncio.run(late())
    may_end.set()
    stopper.join(10)


@pytest.mark.parametrize("path", ["v1/completions", "kernel/spawn"])
def test_what_the_driver_does_not_take_is_the_client_s_mistake(running, path):
    server = running()

    def check(sampling):
        raise ValueError("top_k=9 must be a whole number from 1 to vocab_size=8")

    server.kernel.driver.check = check
    ask = {"model": "integers", "prompt": "ab", "top_k": 9}
    answer = httpx.post(f"{server.base}/{path}", json=ask, timeout=20)
    assert answer.status_code == 400
    assert "from 1 to vocab_size=8" in answer.json()["error"]["message"]
