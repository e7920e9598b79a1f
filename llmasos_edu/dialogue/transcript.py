"""What an assistant wrote, read back from its tokens: sentences, calls, and what the kernel answered."""

from collections.abc import Iterable
from typing import NamedTuple

from llmasos_edu.dialogue.template import tokenizer


class Said(NamedTuple):
    """A piece of the assistant's text."""

    text: str


class Called(NamedTuple):
    """A system call that has been answered."""

    name: str
    arguments: str  # as the model wrote them
    errno: str
    text: str


class TranscriptReader:
    """Takes an assistant's tokens as they come and hands out what is whole: `reader.push(tokens)`.

    A character may be spread over several tokens and waits until it is whole. A call is handed out with its
    answer. Only an answer that follows a call is one: an answer that the model wrote itself is left out.
    """

    def __init__(self):
        self.words = tokenizer()
        self.names = {token: mark for mark, token in self.words.marks.items()}
        self.within, self.held, self.request = "text", [], ""

    def push(self, tokens: Iterable[int]) -> list[Said | Called]:
        """What has become whole with these tokens, in order."""
        return [part for token in tokens for part in self._take(token)]

    def finish(self) -> list[Said | Called]:
        """What was held back, when no more tokens come; a call without an answer is left out."""
        return self._text(whole=True) if self.within == "text" else []

    def _take(self, token: int) -> list[Said | Called]:
        mark = self.names.get(token)
        if mark is None:
            self.held.append(token)
            return self._text(whole=False) if self.within == "text" else []
        parts = self._text(whole=True) if self.within == "text" else []
        if mark == "call":
            self.within = "call"
        elif mark == "do" and self.within == "call":
            self.request, self.within = self.words.decode(self.held), "asked"
        elif mark == "result" and self.within in ("asked", "text"):
            self.within = "answer" if self.within == "asked" else "forged"
        elif mark == "done":
            if self.within == "answer":
                parts.append(self._called())
            self.within = "text"
        elif mark == "end":
            self.within = "text"
        self.held = []
        return parts

    def _called(self) -> Called:
        name, _, arguments = self.request.partition(" ")
        errno, _, text = self.words.decode(self.held).partition(" ")
        return Called(name, arguments, errno, text)

    def _text(self, *, whole: bool) -> list[Said]:
        """The held tokens as text; nothing yet where they end in half of a character that may go on."""
        text = self.words.decode(self.held)
        if not text or (text.endswith("\ufffd") and not whole and len(self.held) < 4):
            return []
        self.held = []
        return [Said(text)]


def parts_of(tokens: Iterable[int]) -> list[Said | Called]:
    """All that stands in an assistant's turn; neighbouring pieces of text are one."""
    reader, joined = TranscriptReader(), []
    for part in reader.push(tokens) + reader.finish():
        if joined and isinstance(part, Said) and isinstance(joined[-1], Said):
            joined[-1] = Said(joined[-1].text + part.text)
        else:
            joined.append(part)
    return joined
