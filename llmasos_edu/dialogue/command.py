"""`python -m llmasos_edu chat`: talk to the dialogue model in a terminal, on this engine or on another."""

import argparse
import datetime
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llmasos_edu.dialogue.assistant import REPLY, WINDOW, Assistant
from llmasos_edu.dialogue.backend import BackendDriver, BackendTrouble
from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.dialogue.grammar import World
from llmasos_edu.dialogue.session import Session
from llmasos_edu.dialogue.transcript import Called, Said
from llmasos_edu.kernel.drivers import Driver

NAME = "dialogue"
CHAT = """\
Talk to the dialogue model of chapter 6.1, which finds and cancels orders, enters appointments and keeps
what it is told, in English and Chinese. Its tools are real: a database, calendar files and notes, in the
desk's folder. Each call stands in brackets, with what the kernel answered. An empty line or Ctrl-D ends it.

With --backend the same program asks another engine: any server with OpenAI's chat completions that knows
tools, such as vLLM, SGLang, or this book's own `serve --model dialogue`. The tools run here all the same,
with the same rights: the server gets the conversation, the user's name and what the tools answer, and no
access. Where it cannot be reached, the turn stays open: Enter goes on with it, no call is made twice.
"""
CHAT_EXAMPLES = """\
examples:
  python -m llmasos_edu chat
  python -m llmasos_edu chat --desk my_desk --user ada --sample
  python -m llmasos_edu chat --backend http://127.0.0.1:8000/v1 --model dialogue
  python -m llmasos_edu chat --backend http://192.168.0.7:8000/v1 --token SECRET --window 4000 --reply 800
"""
SAMPLE = World(
    orders={
        "4711": ("lamp", "packed", "Friday"),
        "2306": ("chair", "sent", "Monday"),
        "1848": ("book", "delivered", "Sunday"),
    },
    notes={"city": "Tianjin"},
)


def add_options(parser: argparse.ArgumentParser, whole) -> None:
    """The command's options; `whole(least, most)` reads whole numbers."""
    option = parser.add_argument
    option("--desk", type=Path, metavar="FOLDER", help="of the tools' files (default: one that is not kept)")
    option("--user", default="ada", help="whose orders, notes and appointments (default: %(default)s)")
    option("--sample", action="store_true", help="enter three orders and a note of the user's first")
    option("--backend", metavar="URL", help="ask this server, such as http://127.0.0.1:8000/v1")
    option("--model", help=f"its name there or here (default: the server's only one; here {NAME})")
    option("--token", help="what the server asks for as Authorization: Bearer TOKEN")
    shown = "(default: %(default)s)"
    option("--timeout", type=whole(1, 3600), default=60, help=f"seconds to wait for it {shown}")
    option("--window", type=whole(32, 10**6), default=WINDOW, help=f"tokens that are read at most {shown}")
    option("--reply", type=whole(1, 10**5), default=REPLY, help=f"tokens of an answer at most {shown}")


def chat(asked) -> int:
    """Hold a conversation, a line a turn, until standard input ends."""
    with folder_of(asked.desk) as folder:
        desk = Desk(folder, today=datetime.date.today())
        if asked.sample or asked.desk is None:
            desk.fill(asked.user, SAMPLE)
            print(f"{asked.user} has the orders {', '.join(SAMPLE.orders)}.", flush=True)
        assistant = Assistant(driver_of(asked), desk, window=asked.window, reply=asked.reply, trace=False)
        return converse(Session(assistant.conversation(asked.user), show))


def driver_of(asked) -> Driver:
    """The model that was asked for, here or elsewhere.

    Raises:
        ValueError: there is no such model, or what asks another engine is not installed.
        BackendTrouble: the server does not tell its models.
    """
    if asked.backend is not None:
        return BackendDriver(asked.backend, model=asked.model, token=asked.token, timeout=asked.timeout)
    if asked.token is not None:
        raise ValueError("--token goes with --backend: the model here asks for none")
    from llmasos_edu.kernel.torch_driver import TorchDriver
    from llmasos_edu.pretrained import load

    return TorchDriver(load(asked.model or NAME).model)


@contextmanager
def folder_of(desk: Path | None) -> Iterator[Path]:
    """The desk's folder, or one that is gone afterwards."""
    if desk is not None:
        yield desk
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def show(part: Said | Called) -> None:
    """Print a piece of an answer."""
    if isinstance(part, Called):
        print(f"[{part.name} {part.arguments} -> {part.errno} {part.text}".rstrip() + "]", flush=True)
    else:
        print(part.text, end="", flush=True)


def converse(session: Session) -> int:
    """Read lines and answer them. A person may go on after a trouble; with lines from a file it ends."""
    person = sys.stdin.isatty()
    while True:
        line = read_line(person)
        if line is None or (not line and session.open is None):
            session.let_go()
            return 0
        try:
            session.say(line) if line else session.go_on()
            print()
        except ValueError as error:
            print(error, file=sys.stderr)
        except (BackendTrouble, KeyboardInterrupt) as trouble:
            if not person:
                raise
            print(
                f"\n{str(trouble) or 'stopped'}; Enter goes on, anything else is said instead",
                file=sys.stderr,
            )


def read_line(person: bool) -> str | None:
    """The next line without blanks around it; None at the end. A line from a file is printed too."""
    if person:
        with suppress(ImportError):
            import readline  # noqa: F401 - arrows and earlier lines, where the system has it
        try:
            return input("> ").strip()
        except EOFError:
            print()
            return None
    line = sys.stdin.readline()
    if line:
        print(f"> {line.strip()}")
    return line.strip() if line else None
