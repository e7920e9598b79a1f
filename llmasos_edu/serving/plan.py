"""How one text of a request begins, which rights it has, how it is read, and what is done at its end."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from llmasos_edu.kernel.process import Process
from llmasos_edu.serving.engine import Engine
from llmasos_edu.serving.text import TextStream
from llmasos_edu.serving.tools import ToolCall

HANDED = "handed to the client"  # the right of processes whose calls the client runs; and why they end


class NoCall(RuntimeError):
    """The model was made to call a tool, and what it wrote is none."""


@dataclass(frozen=True)
class Plan:
    """A text to be written.

    Fields:
        prompt: its tokens.
        stop: tokens that end it.
        rights: what its system calls may do.
        longest: tokens that it may grow by where the request says nothing; None for all that fit.
        stream: makes what turns tokens into text, from texts that stop it; None where all tokens are text.
        close: called at the end with the engine and the process; gives the calls that the client is to run.
    """

    prompt: Sequence[int]
    stop: frozenset[int] = frozenset()
    rights: frozenset[str] = frozenset()
    longest: int | None = None
    stream: Callable[[Sequence[str]], TextStream] | None = None
    close: Callable[[Engine, Process], Awaitable[list[ToolCall]]] | None = None
