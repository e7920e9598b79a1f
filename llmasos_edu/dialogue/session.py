"""A conversation as a terminal holds it: what breaks off is gone on with, and no call is made twice."""

from collections.abc import Callable

from llmasos_edu.dialogue.assistant import Conversation
from llmasos_edu.dialogue.template import tokenizer
from llmasos_edu.dialogue.transcript import Called, Said, TranscriptReader
from llmasos_edu.foundation.arguments import check_methods
from llmasos_edu.kernel.process import Process


class Session:
    """Says what a user types and hands out what comes back, piece by piece.

    Args:
        talk: the conversation.
        write: takes each piece, a call with its answer or some text.

    Fields:
        open: the process of a turn that broke off; None where all turns are whole.

    Raises:
        TypeError: no conversation, a `write` that cannot be called.
    """

    def __init__(self, talk: Conversation, write: Callable[[Said | Called], object]):
        check_methods("talk", talk, ("begin", "finish"))
        if not callable(write):
            raise TypeError(f"write={write!r} cannot be called: a function of a piece is wanted")
        self.talk, self.write = talk, write
        self.kernel = talk.assistant.kernel
        self.open: Process | None = None

    def say(self, text: str) -> None:
        """Answer a text. A turn that broke off before counts as far as it came.

        Raises:
            ValueError: nothing was said, or more than the window holds.
            Exception: whatever the model's driver raises, or KeyboardInterrupt: the turn is then `open`.
        """
        self.let_go()
        self.open = self.talk.begin(text)
        self.go_on()

    def go_on(self) -> None:
        """Go on with the open turn after its last call: what was called is not called again.

        Raises:
            ValueError: no turn is open. Else as `say`.
        """
        process = self.open
        if process is None:
            raise ValueError("no turn is open: there is nothing to go on with")
        reader, seen = TranscriptReader(), len(process.output)
        try:
            while not process.ended:
                self.kernel.step()
                new, seen = process.output[seen:], len(process.output)
                self._hand_out(reader.push(new))
        except BaseException:
            self.open = self._stepped_back(process)
            self._hand_out(reader.push(process.output[seen:]))  # an answer that came just before
            raise
        self._hand_out(reader.finish())
        self.open = None
        self.talk.finish(process)

    def let_go(self) -> None:
        """Close the open turn as it stands; without one, nothing happens."""
        if self.open is not None:
            self.kernel.kill(self.open)
            self.talk.finish(self.open)
            self.open = None

    def _hand_out(self, parts: list[Said | Called]) -> None:
        for part in parts:
            self.write(part)

    def _stepped_back(self, process: Process) -> Process:
        """The process once more, from where the model was last asked: half a sentence is left out."""
        self.kernel.kill(process)
        done = tokenizer().marks["done"]
        whole = [at + 1 for at, token in enumerate(process.output) if token == done]
        kept = process.prompt_len + (whole[-1] if whole else 0)
        return self.kernel.resume(process, process.tokens[:kept])
