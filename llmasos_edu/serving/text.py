"""From tokens to text while a model is still writing: whole characters only, and not a letter past a stop."""

from collections.abc import Callable, Iterable, Sequence


class TextStream:
    """Turns tokens into text piece by piece; the pieces joined are the text.

    A character may be spread over several tokens, and a stop text as well. So what could be the beginning of
    either is held back until the next tokens tell.

    Args:
        decode: tokens to text; `"\\ufffd"` at the end stands for a cut character.
        stop: texts that end the writing; none of them is handed out.
    """

    def __init__(self, decode: Callable[[Iterable[int]], str], stop: Sequence[str] = ()):
        self.decode, self.stop = decode, tuple(stop)
        self.tokens: list[int] = []  # not handed out yet as text
        self.held = ""
        self.stopped = False

    def push(self, tokens: Iterable[int]) -> str:
        """The text that is sure after these tokens; empty once a stop text was met."""
        return "" if self.stopped else self._sure(self.held + self._whole(tokens))

    def _whole(self, tokens: Iterable[int]) -> str:
        """The whole characters that have come with these tokens."""
        self.tokens += tokens
        known = len(self.tokens) - self._cut()
        text, self.tokens = self.decode(self.tokens[:known]), self.tokens[known:]
        return text

    def _last(self) -> str:
        """What waited to become whole, as it is."""
        text, self.tokens = self.decode(self.tokens) if self.tokens else "", []
        return text

    def _cut(self) -> int:
        """How many of the last tokens to keep, since a character may not be complete in them: at most three.

        A character has up to four bytes and every token at least one. Bytes that are no text never look
        complete; of them the last three wait.
        """
        longest = min(3, len(self.tokens))
        ends = (self.decode(self.tokens[: len(self.tokens) - cut])[-1:] for cut in range(longest + 1))
        return next((cut for cut, end in enumerate(ends) if end != "\ufffd"), longest)

    def finish(self) -> str:
        """What was held back, when no more tokens come."""
        if self.stopped:
            return ""
        rest = self._sure(self.held + self._last())
        rest, self.held = rest + self.held, ""
        return rest

    def _sure(self, text: str) -> str:
        """The text up to a stop text, or up to where one may begin."""
        places = [text.find(stop) for stop in self.stop if stop in text]
        if places:
            self.stopped, self.held = True, ""
            return text[: min(places)]
        held = max((_overlap(text, stop) for stop in self.stop), default=0)
        self.held = text[len(text) - held :]
        return text[: len(text) - held]


class TurnStream(TextStream):
    """The same for a turn that holds more than text: of its parts one kind is said.

    Args:
        reader: `push(tokens)` and `finish()` give the parts that have become whole.
        said: the kind of the parts that are said.
        stop: as in `TextStream`.
    """

    def __init__(self, reader, said: type, stop: Sequence[str] = ()):
        super().__init__(None, stop)
        self.reader, self.said = reader, said

    def _whole(self, tokens: Iterable[int]) -> str:
        return "".join(part.text for part in self.reader.push(tokens) if isinstance(part, self.said))

    def _last(self) -> str:
        return "".join(part.text for part in self.reader.finish() if isinstance(part, self.said))


def _overlap(text: str, stop: str) -> int:
    """How many of the last letters of the text are the first of the stop text."""
    longest = min(len(text), len(stop) - 1)
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
