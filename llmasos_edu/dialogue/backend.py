"""A model that is elsewhere, as a driver: any server that speaks OpenAI's chat completions (chapter 6.1).

The kernel asks a driver what comes next and cares little who knows. Here a server does, over HTTP: the
process's text is read back as messages, and what the server says becomes tokens again. So window, rights,
confirmation, tools and log are those of the same program, whatever engine answers.

Source: OpenAI's API reference, "Chat Completions" and its streaming.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from types import ModuleType

from llmasos_edu.dialogue.messages import tokens_messages
from llmasos_edu.dialogue.schemas import call_name, schemas, wire_name
from llmasos_edu.dialogue.template import tokenizer
from llmasos_edu.foundation.arguments import check_number, check_whole
from llmasos_edu.kernel.drivers import Row
from llmasos_edu.kernel.process import Process

LAST_WORD = re.compile(r" ?[A-Za-z]*$")  # the next piece may go on with it, and only whole it is one token
HINTS = {401: "; give its token with --token", 404: "; is it the right address, and --model?"}
GARBAGE = (ValueError, TypeError, AttributeError, KeyError, IndexError)


class BackendTrouble(RuntimeError):
    """The server could not be asked, or what it said is no answer; in words."""


class BackendDriver:
    """Asks a server for every turn; as in `kernel.drivers.Driver`.

    Args:
        address: of the interface, such as `http://127.0.0.1:8000/v1`.
        model: the model's name there; the only one that there is unless given.
        token: sent as `Authorization: Bearer TOKEN`; none unless given.
        timeout: seconds to wait for each piece of an answer.
        retries: how often a request is sent again by itself where no connection came about, or where the
            server was busy.

    Raises:
        TypeError: a time or a number that is none.
        ValueError: the package `openai` is missing, an address that is none, a time below 0.
        BackendTrouble: the server does not tell its models, or there are several.
    """

    window, positions = None, None

    def __init__(
        self,
        address: str,
        *,
        model: str | None = None,
        token: str | None = None,
        timeout: float = 60.0,
        retries: int = 2,
    ):
        check_number("timeout", timeout, 0, 86_400)
        check_whole("retries", retries, 0, 100)
        if not isinstance(address, str) or not re.fullmatch(r"https?://[^\s/]+(/\S*)?", address):
            raise ValueError(f"{address!r} is no address such as http://127.0.0.1:8000/v1")
        self.openai, self.address, self.timeout = _openai(), address, timeout
        self.vocab_size = tokenizer().vocab_size
        self.client = self.openai.OpenAI(
            base_url=address, api_key=token or "none", timeout=timeout, max_retries=retries
        )
        self.model = self._only_model() if model is None else model
        self._turns: dict[Process, tuple[Iterator[list[int]], deque[int]]] = {}  # what comes, what has come

    def allocate(self, num_blocks: int, block_size: int) -> None:
        """No memory here: keys and values are the server's."""

    def check(self, sampling: object) -> None:
        """As in `Driver`: the likeliest token is asked for, nothing else.

        Raises:
            ValueError: another way of sampling.
        """
        if sampling is not None:
            raise ValueError(f"sampling={sampling!r}: of a server the likeliest tokens are asked for")

    def forward(self, rows: Sequence[Row]) -> list[list[int]]:
        """As in `Driver`: the next token of each process's turn, as far as the server has said it.

        Raises:
            BackendTrouble: it does not answer, refuses, breaks off or says what is no answer.
        """
        return [[self._next(row.process)] if row.speaks else [] for row in rows]

    def copy(self, source: int, target: int) -> None:
        """Nothing to copy."""

    def save(self, block: int) -> None:
        """Nothing to keep."""

    def load(self, block: int, contents: None) -> None:
        """Nothing to bring back."""

    def _next(self, process: Process) -> int:
        if process not in self._turns:
            for other in [each for each in self._turns if each.ended]:  # killed in the middle of a turn
                self._over(other)
            self._turns[process] = self._turn(process), deque()
        coming, said = self._turns[process]
        try:
            while not said:
                said.extend(next(coming))
        except BaseException:
            self._over(process)
            raise
        token, marks = said.popleft(), tokenizer().marks
        if token in (marks["end"], marks["do"]):  # the turn is over, or waits for an answer
            self._over(process)
        return token

    def _over(self, process: Process) -> None:
        """Hang up."""
        self._turns.pop(process)[0].close()

    # ---- the server ----

    def _turn(self, process: Process) -> Iterator[list[int]]:
        """The tokens of the server's next turn, as they come: text and the end, or a call.

        Raises:
            BackendTrouble: as in `forward`.
        """
        words, held, calls, reason = tokenizer(), "", [], None
        try:
            for choice in self._choices(process):
                held += choice.delta.content or ""
                _gather(calls, choice.delta.tool_calls or [])
                whole = LAST_WORD.search(held).start()
                yield words.encode(held[:whole])
                held, reason = held[whole:], choice.finish_reason or reason
            said = words.encode(held)
            # One call at a time: of several the first, and the model may ask again.
            request = [words.encode(f"{call_name(name)} {text}") for name, text in calls[:1]]
        except (*_client_errors(self.openai), *GARBAGE) as error:
            raise self._trouble(error) from error
        if reason is None:
            raise BackendTrouble(f"{self.address} broke off before the end of its answer")
        yield said
        for asked in request:
            yield [words.marks["call"], *asked, words.marks["do"]]
        yield [words.marks["end"]]

    def _choices(self, process: Process) -> Iterator:
        """The pieces of the answer to a process's text."""
        messages = [_on_the_wire(message) for message in tokens_messages(process.tokens)]
        named = {"user": process.user} if process.user else {}
        with self.client.chat.completions.create(
            model=self.model, messages=messages, tools=schemas(), temperature=0, stream=True, **named
        ) as answer:
            for chunk in answer:
                yield from chunk.choices[:1]

    def _only_model(self) -> str:
        try:
            names = [model.id for model in self.client.models.list().data]
        except (*_client_errors(self.openai), *GARBAGE) as error:
            raise self._trouble(error) from error
        if len(names) != 1:
            found = ", ".join(map(str, names[:20])) or "none"
            raise BackendTrouble(f"{self.address} has several models or none, choose with --model: {found}")
        return names[0]

    def _trouble(self, error: Exception) -> BackendTrouble:
        """What went wrong, in a sentence."""
        openai, where = self.openai, self.address
        if isinstance(error, openai.APITimeoutError) or "Timeout" in type(error).__name__:
            return BackendTrouble(f"{where} did not answer within {self.timeout:g} s")
        if isinstance(error, openai.APIStatusError):
            hint = HINTS.get(error.status_code, "")
            return BackendTrouble(f"{where} refused ({error.status_code}): {_line(_words(error))}{hint}")
        if isinstance(error, openai.APIConnectionError):
            return BackendTrouble(f"the connection to {where} failed: {_line(error.__cause__ or error)}")
        if isinstance(error, GARBAGE):
            return BackendTrouble(f"{where} answered in a form that is not OpenAI's: {_line(error)}")
        return BackendTrouble(f"{where} broke off: {_line(error) or type(error).__name__}")


def _line(words: object) -> str:
    """Words of others, on one line and no longer than a few."""
    return " ".join(str(words).split())[:300]


def _words(error) -> str:
    """What a refusal says for itself."""
    body = error.body if isinstance(error.body, dict) else {}
    return body.get("message") or error.message


def _on_the_wire(message: dict) -> dict:
    """A message with the tools' names as clients know them."""
    told = []
    for call in message.get("tool_calls", []):
        function = call["function"]
        told.append(call | {"function": function | {"name": wire_name(function["name"])}})
    return message | ({"tool_calls": told} if told else {})


def _gather(calls: list[list[str]], deltas: list) -> None:
    """Put pieces of calls where they belong: `[name, arguments]` for each."""
    for delta in deltas:
        at = len(calls) if delta.index is None else delta.index
        if at == len(calls):
            calls.append(["", ""])
        calls[at][0] += delta.function.name or ""
        calls[at][1] += delta.function.arguments or ""


def _client_errors(openai: ModuleType) -> tuple[type[Exception], ...]:
    """What the client raises: its own, and of the connection below it what it lets through."""
    import httpx

    return (openai.OpenAIError, httpx.HTTPError, httpx.StreamError)


def _openai() -> ModuleType:
    """The client, which only this needs.

    Raises:
        ValueError: it is missing; how to get it.
    """
    try:
        import openai
    except ImportError as error:
        raise ValueError(
            "another engine is asked through the package openai, which is not installed: pip install openai"
        ) from error
    return openai
