"""Something to see in the control room: texts that are written all the time, or conversations."""

import asyncio
import itertools
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from llmasos_edu.dialogue.assistant import REPLY
from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.dialogue.trial import held_out_dialogue
from llmasos_edu.serving.engine import Busy, Closed, Engine
from llmasos_edu.serving.model import ServedModel
from llmasos_edu.serving.requests import Asked
from llmasos_edu.serving.writing import begin

USERS = ("ada", "bob", "eve")
DEMO = (
    "The for statement", "class Stack:", "An exception is", "def fibonacci(n):", "The import system",
    "import os\n\n", "A generator function", "The with statement is used",
)  # fmt: skip
BETWEEN = 1.5  # seconds between two sentences of somebody


def demonstrate(engine: Engine, model: ServedModel, desk: Desk | None = None, writers: int = 5) -> None:
    """Keep a few texts growing, begun again as they end, until the engine closes.

    A writer that is told to wait comes again when it was told to, as every client should.

    Args:
        engine, model: as served.
        desk: of a model that holds conversations: drawn from the grammar, each with a user of its own.
        writers: how many at once.
    """

    async def write(at: int) -> None:
        for seed in itertools.count():
            prompt = model.tokenizer.encode(DEMO[(at + seed) % len(DEMO)])[: model.window - 1]
            new = min(60 + 20 * at, model.window - len(prompt))
            options = {"sampling": model.sampling({"temperature": 0.8}), "user": USERS[at % len(USERS)]}
            spawn = partial(engine.spawn, prompt, new, seed=1000 * at + seed, **options)
            listener = await patiently(spawn)
            while await listener.said.get() is not None:
                pass
            await asyncio.sleep(1 + at % 3)

    async def talk(at: int) -> None:
        for seed in itertools.count():
            await converse(engine, model, desk, f"{USERS[at % len(USERS)]} {at} {seed}", 1000 * at + seed)

    async def all_of_them() -> None:
        one = write if desk is None else talk
        for ended in await asyncio.gather(*map(one, range(writers)), return_exceptions=True):
            if not isinstance(ended, Closed):
                print(f"a text of the demonstration ended: {ended}", file=sys.stderr, flush=True)

    while not engine.alive:
        time.sleep(0.1)
    asyncio.run(all_of_them())


async def converse(engine: Engine, model: ServedModel, desk: Desk, user: str, seed: int) -> list[dict]:
    """Hold one conversation as a client would, and hand it back as messages."""
    dialogue = held_out_dialogue(seed, model.window - REPLY, today=desk.today)
    await engine.call(lambda kernel: desk.fill(user, dialogue.start))
    messages: list[dict] = []
    for turn in dialogue.turns:
        messages.append({"role": "user", "content": turn.said})
        asked = Asked(model.name, messages=tuple(messages), user=user, sampling={"temperature": 0.0})
        writings, _ = await patiently(partial(begin, engine, model, asked, seed))
        messages.append({"role": "assistant", "content": await writings[0].whole()})
        await asyncio.sleep(BETWEEN)
    return messages


async def patiently(ask: Callable[[], Awaitable]) -> Any:
    """What was asked for; where the queue is full it waits as long as it was told to, and asks again."""
    while True:
        try:
            return await ask()
        except Busy as error:
            await asyncio.sleep(error.retry_after)
