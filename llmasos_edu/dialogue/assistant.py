"""A conversation on the kernel: the program around the model (chapter 6.1).

The model writes text. The program decides what it may read (the window and its notes), who it works for,
which rights each turn has, and what counts as a yes. None of this can be talked over, since none of it is in
the text.
"""

import itertools
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from llmasos_edu.dialogue.desk import RIGHTS, Desk
from llmasos_edu.dialogue.grammar import notes_text
from llmasos_edu.dialogue.lexicon import USER
from llmasos_edu.dialogue.orders import confirmed
from llmasos_edu.dialogue.template import framed, tokenizer
from llmasos_edu.dialogue.transcript import Called, Said, TranscriptReader, parts_of
from llmasos_edu.foundation.arguments import check_count, check_methods
from llmasos_edu.kernel.drivers import Driver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import Process, State
from llmasos_edu.kernel.syscalls import SyscallTable

WINDOW, REPLY = 256, 80  # tokens that the shipped model was trained to read, and that a turn may add


def _plain(said: str) -> str:
    """A message in small letters, without marks at its end; a comma or blanks between words are one blank."""
    return " ".join(re.split(r"[\s,，、]+", said.strip().rstrip(".!。！").strip().lower()))


YES = {_plain(form) for forms in USER["yes"].values() for form in forms}
# Short answers in any spelling, and the one form of each language that the model has surely read.
SHORT = {_plain(form): forms[0] for act in ("yes", "no") for forms in USER[act].values() for form in forms}


class Reply(NamedTuple):
    """What came back on what a user said."""

    text: str
    calls: tuple[Called, ...]
    process: Process


class Assistant:
    """A model, a desk of tools and a kernel between them: serves many conversations at once.

    Args:
        driver: of a model that has read the template, such as `TorchDriver(load("dialogue").model)`.
        desk: the tools.
        window: tokens that the model reads at most, its answer included.
        reply: tokens that a turn may add, calls and their answers included.
        num_blocks, block_size: the kernel's memory; as much as 32 windows unless given.
        options: of the kernel.

    Raises:
        TypeError: no driver, no desk.
        ValueError: a model with another vocabulary, a window that the memory or the reply does not fit.
    """

    def __init__(
        self,
        driver: Driver,
        desk: Desk,
        *,
        window: int = WINDOW,
        reply: int = REPLY,
        num_blocks: int | None = None,
        block_size: int = 16,
        **options,
    ):
        check_methods("driver", driver, ("forward", "allocate"))
        check_methods("desk", desk, ("fill", "heard"))
        for name, value in {"window": window, "reply": reply, "block_size": block_size}.items():
            check_count(name, value)
        if driver.vocab_size != tokenizer().vocab_size:
            raise ValueError(
                f"the model has {driver.vocab_size} tokens, the template {tokenizer().vocab_size}: "
                "it has not learned these conversations"
            )
        num_blocks = 32 * -(-window // block_size) if num_blocks is None else num_blocks
        check_count("num_blocks", num_blocks)
        if num_blocks * block_size < window or reply + 16 > window:
            raise ValueError(
                f"window={window} does not fit: {num_blocks} blocks of {block_size} tokens, reply={reply}"
            )
        self.desk, self.window, self.reply = desk, window, reply
        self.kernel = Kernel(
            driver, num_blocks=num_blocks, block_size=block_size, syscalls=desk.table, **options
        )

    def conversation(self, user: str, **options) -> "Conversation":
        """A new conversation with a user; options as in `Conversation`."""
        return Conversation(self, user, **options)


class Conversation:
    """One user's conversation, turn by turn: `conversation.say("Hello.").text`.

    Args:
        assistant: who answers.
        user: whose rows and notes the calls see.
        rights: what the calls may do; those of `RIGHTS` unless given.
        summarise: whether turns that leave the window are summed up by the model and stand in its notes.
        notes: facts at the top of the window.

    Fields:
        turns: the tokens of each turn that stands in the window.
        pending: the order whose cancelling waits for a yes.
        forgotten: how many turns have left the window.

    Raises:
        TypeError: rights that are no list of names, notes that are no dictionary of texts.
    """

    def __init__(
        self,
        assistant: Assistant,
        user: str,
        *,
        rights: Iterable[str] = RIGHTS,
        summarise: bool = False,
        notes: dict[str, str] | None = None,
    ):
        if isinstance(rights, str) or not isinstance(rights, Iterable):
            raise TypeError(f"rights={rights!r}: a list of names of calls is wanted")
        if not isinstance(notes or {}, Mapping) or any(
            not isinstance(each, str) for fact in (notes or {}).items() for each in fact
        ):
            raise TypeError(f"notes={notes!r}: a dictionary of texts is wanted")
        self.assistant, self.user, self.rights = assistant, user, frozenset(rights)
        self.summarise, self.notes = summarise, dict(notes or {})
        self.turns: list[list[int]] = []
        self.pending: str | None = None
        self.forgotten = 0
        self._asked: list[int] | None = None  # the user's turn that is being answered

    def say(self, text: str) -> Reply:
        """Answer what the user says.

        Raises:
            TypeError: no text.
            ValueError: nothing was said, or more than the window holds.
            Exception: whatever the model's driver raises; the turn then counts as far as it came.
        """
        process = self.begin(text)
        try:
            while not process.ended:
                self.assistant.kernel.step()
        except BaseException:
            self._close(process)
            raise
        return self.finish(process)

    def stream(self, text: str) -> Iterator[Said | Called]:
        """Answer as `say` does, piece by piece; who takes no more ends the turn there, as far as it came."""
        process, reader, seen = self.begin(text), TranscriptReader(), 0
        try:
            while not process.ended:
                self.assistant.kernel.step()
                output = process.output
                yield from reader.push(output[seen:])
                seen = len(output)
            yield from reader.finish()
        finally:
            self._close(process)

    def begin(self, text: str) -> Process:
        """Start to answer; the kernel's steps do the rest, then `finish`. For many conversations at once.

        Raises:
            ValueError: as in `say`, or the kernel refuses the turn; the conversation then is as it was.
        """
        if self._asked is not None:
            raise ValueError("the turn before is not finished: a conversation has one at a time")
        if not isinstance(text, str):
            raise TypeError(f"text={text!r}: what is said is a text")
        asked = [*framed("user", as_read(text)), tokenizer().marks["assistant"]]
        room = self.assistant.window - self.assistant.reply - len(framed("system", notes_text(self.notes)))
        if not text.strip() or len(asked) > room:
            raise ValueError(
                f"{len(asked) - 3} tokens were said: 1 to {max(0, room - 3)} fit into the window"
            )
        rights = turn_rights(self.rights, self.pending, text)
        notes, turns = self._window(asked)
        prompt = [*framed("system", notes_text(notes)), *itertools.chain(*turns), *asked]
        process = self._spawn(prompt, self.assistant.reply, rights)
        self.forgotten += len(self.turns) - len(turns)
        self.notes, self.turns, self._asked = notes, turns, asked
        return process

    def finish(self, process: Process) -> Reply:
        """Take over what an ended process has said; what a broken one has said counts as far as it came.

        Raises:
            ValueError: the process has not ended, or no turn is being answered.
        """
        if self._asked is None or not process.ended:
            raise ValueError(f"process {process.pid} is {process.state.value}: there is no turn to finish")
        parts = parts_of(process.output)
        said = "".join(part.text for part in parts if isinstance(part, Said))
        calls = tuple(part for part in parts if isinstance(part, Called))
        output = list(process.output)
        if not output or output[-1] != tokenizer().marks["end"]:
            output.append(tokenizer().marks["end"])
        self.turns.append([*self._asked, *output])
        self._asked = None
        self.pending = self._waits_for_a_yes(process)
        self.assistant.desk.heard(self.user, process.output)
        return Reply(said, calls, process)

    def _close(self, process: Process) -> None:
        """End the turn where it stands, so that the next one can begin."""
        self.assistant.kernel.kill(process)
        self.finish(process)

    def _spawn(self, prompt: list[int], max_new: int, rights: frozenset[str]) -> Process:
        process = self.assistant.kernel.spawn(
            prompt, max_new, user=self.user, capabilities=rights, stop=[tokenizer().marks["end"]]
        )
        if process.state is State.REJECTED:
            raise ValueError(f"the kernel refused the turn: it {process.reason}")
        return process

    def _window(self, asked: list[int]) -> tuple[dict[str, str], list[list[int]]]:
        """Notes and past turns that the model reads before `asked`; nothing of the conversation is changed.

        Turns leave, the oldest first, until the rest fits. Where they are summed up the notes grow, and more
        may have to leave; of notes that alone are too long the oldest facts go.
        """
        notes, turns, room = self.notes, self.turns, self.assistant.window - self.assistant.reply - len(asked)
        while many := leaving(turns, room - _size(notes)):
            many = self._readable(notes, turns[:many]) if self.summarise else many
            notes = self._summary(notes, turns[:many]) if self.summarise else notes
            turns = turns[many:]
        while len(notes) > 1 and _size(notes) > room:
            notes = dict(list(notes.items())[1:])
        return notes, turns

    def _readable(self, notes: dict[str, str], gone: list[list[int]]) -> int:
        """How many of the turns that leave the model can read at once to sum them up; one at least."""
        room = self.assistant.window - self.assistant.reply - _size(notes) - 1
        return max(1, len(gone) - leaving(gone[::-1], room))

    def _summary(self, notes: dict[str, str], gone: list[list[int]]) -> dict[str, str]:
        """What the model itself says is worth keeping of its notes and the turns that leave."""
        head = framed("system", notes_text(notes))
        prompt = [*head, *itertools.chain(*gone), tokenizer().marks["summary"]]
        process = self._spawn(prompt, self.assistant.reply, frozenset())
        while not process.ended:
            self.assistant.kernel.step()
        text = "".join(part.text for part in parts_of(process.output) if isinstance(part, Said))
        return dict(fact.split(" = ", 1) for fact in text.split("; ") if " = " in fact)

    def _waits_for_a_yes(self, process: Process) -> str | None:
        """The order that this turn's last call wanted confirmed, by the kernel's log and not by the text."""
        kernel = self.assistant.kernel
        same = {each.pid for each in kernel.processes.values() if each.job == process.job}  # resumed ones too
        return waits_for_a_yes(self.assistant.desk.table, same | {process.pid}, process.output)


def waits_for_a_yes(table: SyscallTable, pids: Collection[int], output: Sequence[int]) -> str | None:
    """The order that a yes would now confirm, or None.

    It is the one that the last call of these processes wanted confirmed, if the user has read a whole
    question after it, and one that names no other number: a yes answers what was read, not what was called.

    Args:
        table: whose log tells the calls.
        pids: of the processes that said this turn, resumed ones too.
        output: the turn's tokens.
    """
    log = [call for call in table.audit if call.pid in pids]
    if not log or (log[-1].name, log[-1].errno) != ("orders.cancel", "EAGAIN"):
        return None
    number, parts = json.loads(log[-1].arguments)["number"], parts_of(output)
    question = parts[-1].text if parts and isinstance(parts[-1], Said) else ""
    if not question.strip() or output[-1] != tokenizer().marks["end"]:
        return None
    others = re.search(r"\d", question) and not re.search(
        rf"(?<![0-9A-Za-z]){re.escape(number)}(?![0-9A-Za-z])", question
    )
    return None if others else number


def _size(notes: dict[str, str]) -> int:
    """Tokens of the notes at the top of a window."""
    return len(framed("system", notes_text(notes)))


def turn_rights(rights: frozenset[str], pending: str | None, text: str) -> frozenset[str]:
    """The rights of a turn: those of the conversation, and that to what a yes has just confirmed."""
    return rights | {confirmed(pending)} if pending is not None and is_yes(text) else rights


def leaving(turns: Sequence[Sequence[int]], room: int) -> int:
    """How many of the oldest turns leave the window, so that the tokens of the others fit into `room`."""
    return next(at for at in range(len(turns) + 1) if at == len(turns) or sum(map(len, turns[at:])) <= room)


def is_yes(text: str) -> bool:
    """Whether a whole message is a yes; what says more than yes is none."""
    return _plain(text) in YES


def as_read(text: str) -> str:
    """A message as the model is to read it: a bare yes or no in the spelling that it has learned.

    `yes`, `YES!` and `Sure.` are `Yes.` to the program, and nothing but noise to a model that has read `Yes.`
    alone. All else stays as it is.
    """
    return SHORT.get(_plain(text), text)
