"""Many clients at once, some of them impatient: nothing is lost, and every answer is the one alone.

`make load` runs each setting for three minutes and reports how long clients waited for their first token; the
ordinary test run takes a few seconds. Loopback only; server and clients share this process.
"""

import asyncio
import json
import os
import random
import resource
import statistics
import time

import httpx
import pytest
from running_server import Running

from llmasos_edu.kernel.scheduler import FirstComeFirstServed, RoundRobin

SECONDS = float(os.environ.get("LLMASOS_LOAD_SECONDS", "4"))
CLIENTS = 64
LONG = 400  # tokens of a long prompt, at most; one in ten is long
SETTINGS = {
    "FCFS, prompts read at once": {"policy": FirstComeFirstServed()},
    "FCFS, prompts read in pieces of 32 tokens": {"policy": FirstComeFirstServed(), "chunk": 32},
    "round robin, pieces of 32 tokens": {"policy": RoundRobin(4), "chunk": 32},
}


class Load:
    """What the clients did and what came of it."""

    def __init__(self, server, seconds):
        self.server, self.ends = server, time.monotonic() + seconds
        self.counts = {"whole": 0, "streamed": 0, "gone away": 0, "killed": 0, "told to wait": 0}
        self.first_tokens: dict[bool, list[float]] = {
            False: [],
            True: [],
        }  # seconds; of long prompts under True
        self.wrong: list[tuple] = []

    def note(self, kind: str, text: str, asked: dict, *, whole: bool = True) -> None:
        """Compare a text, or the beginning of one, with that of the model alone."""
        self.counts[kind] += 1
        alone = self.server.alone(asked["prompt"], asked["max_tokens"], asked["seed"])
        if not (text == alone if whole else alone.startswith(text)):
            self.wrong.append((asked, text, alone))

    async def client(self, number: int, http: httpx.AsyncClient) -> None:
        """Ask again and again, in one of four ways, until the time is up."""
        rng = random.Random(number)
        ways = [self.whole, self.streamed, self.impatient, self.killer]
        while time.monotonic() < self.ends:
            length = rng.randint(1, 70) if rng.random() < 0.9 else rng.randint(200, LONG)
            asked = {
                "model": "integers", "prompt": "".join(rng.choices("abcd ", k=length)),
                "max_tokens": rng.randint(1, 60), "seed": rng.randrange(50), "user": str(rng.randrange(3)),
            }  # fmt: skip
            await rng.choice(ways)(http, asked)

    async def whole(self, http, asked) -> None:
        """Wait for the whole text."""
        answer = await http.post("/v1/completions", json=asked)
        if answer.status_code == 429:
            self.counts["told to wait"] += 1
            await asyncio.sleep(0.1)
            return
        assert answer.status_code == 200, answer.text
        self.note("whole", answer.json()["choices"][0]["text"], asked)

    async def streamed(self, http, asked, *, pieces: float = float("inf")) -> None:
        """Read the stream, all of it or only so many pieces; then hang up."""
        began, text, finished = time.monotonic(), "", False
        async with http.stream("POST", "/v1/completions", json=asked | {"stream": True}) as answer:
            if answer.status_code == 429:
                self.counts["told to wait"] += 1
                return
            async for line in answer.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                choice = json.loads(line.removeprefix("data: "))["choices"][0]
                if choice["text"] and not text:
                    self.first_tokens[len(asked["prompt"]) > 70].append(time.monotonic() - began)
                text, finished = text + choice["text"], finished or choice["finish_reason"] is not None
                pieces -= 1
                if pieces <= 0:
                    break
        self.note("streamed" if finished else "gone away", text, asked, whole=finished)

    async def impatient(self, http, asked) -> None:
        """Hang up after a few pieces."""
        await self.streamed(http, asked, pieces=1 + asked["seed"] % 9)

    async def killer(self, http, asked) -> None:
        """Begin a text from the control room, and kill it."""
        wanted = {name: asked[name] for name in ("prompt", "max_tokens", "seed", "user")}
        answer = await http.post("/kernel/spawn", json=wanted)
        if answer.status_code == 200:
            killed = await http.post("/kernel/kill", json={"pid": answer.json()["pid"]})
            assert killed.status_code in (200, 400), killed.text  # 400: it had ended before
            self.counts["killed"] += 1


async def run(load: Load) -> None:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=load.server.base, limits=limits, timeout=120) as http:
        await asyncio.gather(*(load.client(number, http) for number in range(CLIENTS)))


def megabytes() -> float:
    """The largest memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def told(name: str, load: Load, grown: float) -> str:
    """What a setting's run came to."""
    lines = [f"{name}: {load.counts}, {grown:.1f} MB more"]
    for long, seconds in load.first_tokens.items():
        if len(seconds) > 1:
            median, late = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
            lines.append(
                f"  {'long' if long else 'short'} prompts, {len(seconds)} streams: first token after "
                f"{1000 * median:.0f} ms (median), {1000 * late:.0f} ms (one in twenty waits longer)"
            )
    return "\n".join(lines)


@pytest.mark.parametrize("name", SETTINGS)
def test_under_load_nothing_is_lost_and_every_answer_is_the_one_alone(name):
    with Running(num_blocks=160, slots=8, max_waiting=40, **SETTINGS[name]) as server:
        asyncio.run(run(Load(server, min(3, SECONDS / 2))))  # warm up: buffers, threads, connections
        before = megabytes()
        load = Load(server, SECONDS)
        asyncio.run(run(load))
        assert load.wrong == []
        server.until(lambda kernel: not kernel.processes)
        server.until(lambda kernel: len(kernel.pool.free) == 160)
        assert not server.engine.listeners
        grown = megabytes() - before
        print(f"\n{told(name, load, grown)}")
        assert grown < 20 + 0.1 * SECONDS
        assert min(load.counts[kind] for kind in ("whole", "streamed", "gone away", "killed")) > 0
