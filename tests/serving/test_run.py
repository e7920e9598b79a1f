"""Clients with bad manners, byte by byte: nothing waits for them for ever, and others are served."""

import json
import re
import socket
import time

import httpx
import pytest
from running_server import Running

from llmasos_edu.serving import run

ASK = {"model": "integers", "prompt": "ab", "max_tokens": 3, "seed": 1}


def head(length, path="/v1/completions"):
    """A request's head that promises so many bytes."""
    lines = ["POST " + path + " HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


def connected(server, received=None):
    """A bare connection; `received` is the size of its buffer."""
    sock = socket.socket()
    if received is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, received)
    sock.settimeout(20)
    sock.connect(("127.0.0.1", int(server.base.rpartition(":")[2])))
    return sock


def all_of(sock):
    """What comes until the server hangs up."""
    said = b""
    try:
        while part := sock.recv(65536):
            said += part
    except ConnectionResetError:
        pass
    return said


def seconds_to_stop(server):
    """How long Ctrl-C takes."""
    began = time.monotonic()
    server.engine.close()
    server.server.should_exit = True
    server.thread.join(20)
    assert not server.thread.is_alive()
    return time.monotonic() - began


@pytest.mark.parametrize("sent", [head(500) + b'{"model":', head(500), b"POST /v1/comp", b""])
def test_half_a_request_does_not_hold_up_ctrl_c(sent):
    with Running() as server, connected(server) as sock:
        sock.sendall(sent)
        assert httpx.post(f"{server.base}/v1/completions", json=ASK, timeout=20).status_code == 200
        assert seconds_to_stop(server) < 8
        if b"{" in sent:
            assert b"503" in all_of(sock).partition(b"\r\n")[0]


def test_half_a_head_is_given_up(monkeypatch):
    monkeypatch.setattr(run, "PATIENCE", 0.5)
    with Running() as server, connected(server) as sock:
        sock.sendall(b"POST /v1/comp")
        assert all_of(sock) == b""


def test_who_takes_nothing_is_hung_up_on_and_its_text_ends(monkeypatch):
    monkeypatch.setattr(run, "PATIENCE", 0.6)
    with Running(window=4096, seconds=0.01, num_blocks=2048) as server:
        for served in server.server.servers[0].sockets:  # small buffers, that a test can fill
            served.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024)
        body = json.dumps(ASK | {"max_tokens": 4000, "n": 8, "stream": True}).encode()
        with connected(server, received=1024) as lazy:
            lazy.sendall(head(len(body)) + body)
            server.until(lambda kernel: len(kernel.processes) == 8, seconds=20)
            server.until(
                lambda kernel: not kernel.processes, seconds=20
            )  # of the 40 seconds that they would take
        assert {summary["reason"] for summary in server.engine.ended} == {"nobody listens"}
        assert httpx.post(f"{server.base}/v1/completions", json=ASK, timeout=20).status_code == 200


def test_who_takes_nothing_does_not_hold_up_ctrl_c(monkeypatch):
    monkeypatch.setattr(run, "LAST_PATIENCE", 0.6)
    with Running(window=4096, seconds=0.002, num_blocks=2048) as server:
        for served in server.server.servers[0].sockets:
            served.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024)
        body = json.dumps(ASK | {"max_tokens": 500, "n": 8, "stream": True}).encode()
        with connected(server, received=1024) as lazy:
            lazy.sendall(head(len(body)) + body)
            server.until(lambda kernel: len(kernel.processes) == 8, seconds=20)
            assert seconds_to_stop(server) < 15


def test_requests_sent_all_at_once_are_answered_in_turn():
    with Running() as server, connected(server) as sock:
        body = json.dumps(ASK).encode()
        sock.sendall((head(len(body)) + body) * 5)
        said = b""
        while said.count(b"HTTP/1.1 200") < 5 or not said.endswith(b"}"):
            part = sock.recv(65536)
            assert part, said
            said += part
        texts = re.findall(rb'"text":"(.*?)","logprobs"', said)
        assert len(texts) == 5
        assert len(set(texts)) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_the_next_one_served(sent):
    with Running() as server, connected(server) as sock:
        sock.sendall(sent)
        assert re.match(rb"HTTP/1.1 4\d\d", sock.recv(65536))
        assert httpx.post(f"{server.base}/v1/completions", json=ASK, timeout=20).status_code == 200
