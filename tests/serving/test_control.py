"""The control room: what it is told, and what its buttons do."""

import asyncio
import itertools

import httpx
import pytest

from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import POLICIES, RoundRobin
from llmasos_edu.serving import control


def post(server, path, **content):
    return httpx.post(f"{server.base}/kernel/{path}", json=content, timeout=30)


def picture(server):
    return httpx.get(f"{server.base}/kernel", timeout=30).json()


def test_a_process_can_be_begun_forked_and_killed(running):
    server = running(seconds=0.02)
    pid = post(server, "spawn", prompt="hello there, kernel", max_tokens=300, user="ada").json()["pid"]
    server.until(lambda kernel: kernel.processes[pid].first_token is not None)
    child = post(server, "fork", pid=pid).json()
    assert child["reused"] >= 19
    server.until(lambda kernel: kernel.processes[child["pid"]].first_token is not None)
    seen = picture(server)
    rows = {row["pid"]: row for row in seen["processes"]}
    assert rows[pid]["user"] == "ada"
    assert rows[child["pid"]]["parent"] == pid
    assert any(sorted(owners) == [pid, child["pid"]] for owners in seen["owners"]), "no block is shared"
    for each in rows:
        assert post(server, "kill", pid=each).json()["state"] == "killed"
    server.until(lambda kernel: not kernel.processes)
    after = picture(server)
    assert {row["reason"] for row in after["ended"]} == {"killed in the control room"}
    assert after["owners"] == [[]] * 256
    assert after["cached"], "full blocks keep their contents until somebody needs them"


@pytest.mark.parametrize("name", POLICIES)
def test_the_policy_can_be_changed_while_texts_are_written(running, name):
    server = running(seconds=0.01, slots=2)
    for _ in range(4):
        post(server, "spawn", prompt="abc", max_tokens=40, seed=1)
    assert post(server, "policy", policy=name).json() == {"policy": name}
    assert picture(server)["policy"] == name
    server.until(lambda kernel: not kernel.processes)


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("kill", {"pid": 99}, "there is no process 99"),
        ("kill", {"pid": "all"}, "pid='all' is not the number of a process"),
        ("fork", {}, "pid=None is not the number"),
        ("fork", {"pid": 99}, "there is no process 99"),
        ("policy", {"policy": "lottery"}, "policy='lottery' is not one of fcfs"),
        ("spawn", {"prompt": ""}, "the prompt is empty"),
    ],
)
def test_what_cannot_be_done_is_said(running, path, content, words):
    answer = post(running(), path, **content)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_a_policy_of_a_reader_s_own_has_a_name_too(running):
    class Lottery:
        def key(self, process, now):
            return (process.pid,)

        def ran(self, process, now):
            pass

    server = running()
    asyncio.run(server.engine.call(lambda kernel: setattr(kernel, "policy", Lottery())))
    assert picture(server)["policy"] == "Lottery"
    assert isinstance(server.kernel, Kernel)


def test_the_page_asks_no_other_host():
    for name in control.PAGE.values():
        text = (control.HERE / name).read_text(encoding="utf-8")
        assert "http:" not in text.replace("http://www.w3.org", "")
        assert "https:" not in text


def test_the_slots_are_those_of_the_steps(running):
    server = running(slots=2, policy=RoundRobin())

    async def three_at_once():
        return await asyncio.gather(*(server.engine.spawn([65], 60, seed=at) for at in range(3)))

    asyncio.run(three_at_once())
    server.until(lambda kernel: not kernel.processes)
    turns = picture(server)["turns"]
    assert len(turns) == 48, "a server keeps the latest steps and not all"
    assert all(len(turn) <= 2 for turn in turns)
    assert {pid for turn in turns for pid in turn} == {0, 1, 2}
    changes = sum(turn != before for before, turn in itertools.pairwise(turns))
    assert changes > 30, "nobody's turn ends"
