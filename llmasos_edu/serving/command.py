"""`python -m llmasos_edu serve`: one model for a whole class, behind HTTP, with a control room to watch."""

import argparse
import asyncio
import itertools
import secrets
import socket
import sys
import threading
import time
from urllib.parse import quote

from llmasos_edu.kernel.admission import FuturePeak
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import POLICIES
from llmasos_edu.serving.engine import Busy, Closed, Engine, Listener
from llmasos_edu.serving.model import ServedModel

BLOCK_SIZE = 16
LONGEST = 2048  # tokens of a text, where the model itself sets no bound
SERVE = """\
Put a model behind HTTP, in the form that OpenAI's clients speak, and open a control room in the browser.

The kernel of chapter 2.3 lets many texts grow at once on one model. The page shows its memory, its slots and
who holds them. Ctrl-C lets the texts that were begun end, a second one ends all at once.
"""
SERVE_EXAMPLES = """\
examples:
  python -m llmasos_edu serve
  python -m llmasos_edu serve --demo
  python -m llmasos_edu serve --model my_novel-model --port 9000 --slots 16
  curl http://127.0.0.1:8000/v1/completions -H "Content-Type: application/json" \\
       -d '{"model": "manual-dense", "prompt": "The for statement", "max_tokens": 40}'

Whoever reaches the port may use the model. On 127.0.0.1 that is this machine alone; with --host 0.0.0.0 it is
everyone on the network, so a token is asked for then: --token, or the one that the command makes and prints.
This is one process on one machine, made to be watched; a school that needs more points the same clients at
vLLM or SGLang.
"""
USERS = ("ada", "bob", "eve")
DEMO = (
    "The for statement", "class Stack:", "An exception is", "def fibonacci(n):", "The import system",
    "import os\n\n", "A generator function", "The with statement is used",
)  # fmt: skip


def add_options(parser: argparse.ArgumentParser, whole) -> None:
    """The command's options; `whole(least, most)` reads whole numbers."""
    option = parser.add_argument
    source = "a name that `models` lists, a folder that `train` made, or a file of save_model"
    option("--model", default="manual-dense", help=f"{source} (default: %(default)s)")
    option("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
    option("--port", type=whole(0, 65_535), default=8000, help="0 takes a free one (default: %(default)s)")
    option("--token", help="what clients must send as Authorization: Bearer TOKEN")
    option("--slots", type=whole(1, 256), default=8, help="texts that grow at once (default: %(default)s)")
    option(
        "--blocks",
        type=whole(1, 10**6),
        default=256,
        help="blocks of 16 tokens (default: %(default)s)",
    )
    option(
        "--policy", choices=list(POLICIES), default="round_robin", help="who is next (default: %(default)s)"
    )
    option(
        "--waiting", type=whole(1, 10**6), default=64, help="requests that may wait (default: %(default)s)"
    )
    option("--demo", action="store_true", help="let texts be written all the time, to have something to see")


def serve(asked) -> int:
    """Load the model, open the port, and serve until Ctrl-C."""
    from llmasos_edu.serving.run import serve as make_server

    engine, model = load_engine(asked)
    token = asked.token
    if token is None and asked.host not in ("127.0.0.1", "localhost"):
        token = secrets.token_urlsafe(12)
    server = make_server(engine, model, host=asked.host, port=asked.port, token=token)
    with bound(asked.host, asked.port) as port:
        address = f"http://{asked.host}:{port.getsockname()[1]}"
        print(f"{model.name} at {address}/v1 for OpenAI's clients; control room: {address}/{query(token)}")
        if token is not None:
            print(f"Everyone who reaches this port may ask; the token is {token}")
        print("Ctrl-C lets the texts that were begun end and then stops.", flush=True)
        if asked.demo:
            threading.Thread(target=demonstrate, args=(engine, model), daemon=True).start()
        server.run(sockets=[port])
    return 0


def load_engine(asked) -> tuple[Engine, ServedModel]:
    """The model that was asked for, on a kernel of its own.

    Raises:
        ValueError: there is no such model.
    """
    from llmasos_edu.kernel.torch_driver import TorchDriver
    from llmasos_edu.pretrained import load

    loaded = load(asked.model)
    driver = TorchDriver(loaded.model)
    kernel = Kernel(
        driver,
        num_blocks=asked.blocks,
        block_size=BLOCK_SIZE,
        slots=asked.slots,
        policy=POLICIES[asked.policy](),
        admission=FuturePeak(4 * asked.slots),
    )
    # The last token of a text is never read, so a text may be one token longer than the memory.
    window = min(asked.blocks * BLOCK_SIZE + 1, driver.positions or LONGEST)
    served = ServedModel(loaded.card["name"], loaded.tokenizer, window)
    return Engine(kernel, max_waiting=asked.waiting), served


def bound(host: str, port: int) -> socket.socket:
    """The port, bound, so that the address can be told before the first request.

    Raises:
        OSError: the port is taken or forbidden, in words.
    """
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}; try --port 0") from error


def query(token: str | None) -> str:
    """What a browser's address needs, so that the page may ask."""
    return "" if token is None else f"?token={quote(token, safe='')}"


def demonstrate(engine: Engine, model: ServedModel, writers: int = 5) -> None:
    """Keep a few texts growing, begun again as they end, until the engine closes.

    A writer that is told to wait comes again when it was told to, as every client should.
    """

    async def write(at: int) -> None:
        for seed in itertools.count():
            prompt = model.tokenizer.encode(DEMO[(at + seed) % len(DEMO)])[: model.window - 1]
            new = min(60 + 20 * at, model.window - len(prompt))
            options = {"sampling": model.sampling({"temperature": 0.8}), "user": USERS[at % len(USERS)]}
            listener = await patiently(engine, prompt, new, seed=1000 * at + seed, **options)
            while await listener.said.get() is not None:
                pass
            await asyncio.sleep(1 + at % 3)

    async def all_of_them() -> None:
        for ended in await asyncio.gather(*map(write, range(writers)), return_exceptions=True):
            if not isinstance(ended, Closed):
                print(f"a text of the demonstration ended: {ended}", file=sys.stderr, flush=True)

    while not engine.alive:
        time.sleep(0.1)
    asyncio.run(all_of_them())


async def patiently(engine: Engine, prompt: list[int], new: int, **options) -> Listener:
    """`Engine.spawn`; where the queue is full it waits as long as it was told to, and asks again."""
    while True:
        try:
            return await engine.spawn(prompt, new, **options)
        except Busy as error:
            await asyncio.sleep(error.retry_after)
