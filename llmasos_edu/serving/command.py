"""`python -m llmasos_edu serve`: one model for a whole class, behind HTTP, with a control room to watch."""

import argparse
import datetime
import secrets
import socket
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from llmasos_edu.dialogue.assistant import WINDOW
from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.dialogue.template import tokenizer
from llmasos_edu.kernel.admission import FuturePeak
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import POLICIES
from llmasos_edu.serving.demonstration import demonstrate
from llmasos_edu.serving.dialogue import Dialogues, ServerCalls
from llmasos_edu.serving.engine import Engine
from llmasos_edu.serving.model import ServedModel

BLOCK_SIZE = 16
LONGEST = 2048  # tokens of a text, where the model itself sets no bound
SERVE = """\
Put a model behind HTTP, in the form that OpenAI's clients speak, and open a control room in the browser.

The kernel of chapter 2.3 lets many texts grow at once on one model. The page shows its memory, its slots and
who holds them. Ctrl-C lets the texts that were begun end, a second one ends all at once.

The model `dialogue` (chapter 6.1) also answers chats, POST /v1/chat/completions; the others continue texts.
Its five tools can be run in two places:
- by the client: a request brings them as `tools`, named orders_find, orders_cancel, calendar_add, memory_save
  and memory_search. The model's call ends the turn, as `tool_calls`. The client runs it, and sends the answer
  in a `tool` message as the kernel says it: "OK lamp sent Friday", or an error such as "ENOENT no order 5".
  Tools or parameters that the model has not learned are refused in words.
- here: with --desk FOLDER, a request without `tools` is answered in text. The kernel makes the calls, for the
  `user` that the request must name, and the control room's log shows each with its right and its errno.
  Orders are cancelled only after the user's yes to that order, in that conversation, served here. What no
  longer fits into the window of 256 tokens is not read; after a restart of the server, of earlier turns the
  texts are read and not the calls, and a cancelling has to be asked for anew.
"""
SERVE_EXAMPLES = """\
examples:
  python -m llmasos_edu serve
  python -m llmasos_edu serve --demo
  python -m llmasos_edu serve --model my_novel-model --port 9000 --slots 16
  python -m llmasos_edu serve --model dialogue --desk my_desk --demo
  curl http://127.0.0.1:8000/v1/completions -H "Content-Type: application/json" \\
       -d '{"model": "manual-dense", "prompt": "The for statement", "max_tokens": 40}'

Whoever reaches the port may use the model. On 127.0.0.1 that is this machine alone; with --host 0.0.0.0 it is
everyone on the network, so a token is asked for then: --token, or the one that the command makes and prints.
Whoever holds the token speaks for every user: a desk believes the `user` of a request. So the token belongs
into the program that has logged its users in, and never to the users; the control room shows what all say.
This is one process on one machine, made to be watched; a school that needs more points the same clients at
vLLM or SGLang.
"""


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
    option("--desk", type=Path, metavar="FOLDER", help="tools of the dialogue model, run here for each user")
    option("--demo", action="store_true", help="let texts be written all the time, to have something to see")


def serve(asked) -> int:
    """Load the model, open the port, and serve until Ctrl-C."""
    from llmasos_edu.serving.run import serve as make_server

    engine, model, desk = load_engine(asked)
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
            threading.Thread(target=demonstrate, args=(engine, model, desk), daemon=True).start()
        server.run(sockets=[port])
    return 0


def load_engine(asked) -> tuple[Engine, ServedModel, Desk | None]:
    """The model that was asked for, on a kernel of its own, and its desk.

    Raises:
        ValueError: there is no such model; a desk for one that has not learned its tools.
    """
    from llmasos_edu.kernel.torch_driver import TorchDriver
    from llmasos_edu.pretrained import load

    loaded = load(asked.model)
    talks = getattr(loaded.tokenizer, "marks", None) == tokenizer().marks
    desk = desk_of(asked, loaded.card["name"], talks)
    calls = ServerCalls(None if desk is None else desk.table) if talks else None
    driver = TorchDriver(loaded.model)
    kernel = Kernel(
        driver,
        num_blocks=asked.blocks,
        block_size=BLOCK_SIZE,
        slots=asked.slots,
        policy=POLICIES[asked.policy](),
        admission=FuturePeak(4 * asked.slots),
        syscalls=calls,
    )
    # The last token of a text is never read, so a text may be one token longer than the memory.
    window = min(asked.blocks * BLOCK_SIZE + 1, driver.positions or LONGEST)
    served = ServedModel(loaded.card["name"], loaded.tokenizer, window)
    if talks:
        calls.serve(kernel)
        window = min(window, WINDOW)
        end = frozenset({tokenizer().marks["end"]})
        chats = Dialogues(calls, window, heard=None if desk is None else desk.heard)
        served = replace(served, window=window, end=end, chats=chats.plan)
    return Engine(kernel, max_waiting=asked.waiting), served, desk


def desk_of(asked, name: str, talks: bool) -> Desk | None:
    """The desk that was asked for.

    Raises:
        ValueError: the model has not learned its tools; a demonstration of conversations without a desk.
    """
    if asked.desk is not None and not talks:
        raise ValueError(f"--desk goes with a model that has learned its tools, such as dialogue, not {name}")
    if asked.demo and talks and asked.desk is None:
        raise ValueError(f"--demo of {name} holds conversations at a desk, and fills it: give --desk FOLDER")
    return None if asked.desk is None else Desk(asked.desk, today=datetime.date.today())


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
