"""A driver that plays a model which answers by the book: what it says to each sentence is written down."""

from collections.abc import Mapping, Sequence

from llmasos_edu.dialogue.template import tokenizer
from llmasos_edu.kernel.drivers import Row

WORDS = tokenizer()
MARKS = WORDS.marks


def called(request):
    """The tokens of a call."""
    return [MARKS["call"], *WORDS.encode(request), MARKS["do"]]


class ScriptedDriver:
    """Says what the script has for the last sentence of the text, sign by sign, around the kernel's answers.

    Args:
        script: `{what the user says: [tokens or text, ...]}`; after the request for a summary it says the
            entry `summary`.
    """

    window, positions = None, None

    def __init__(self, script: Mapping[str, Sequence], vocab_size: int = WORDS.vocab_size):
        self.vocab_size, self.prompts = vocab_size, []
        self.script = {said: self._tokens(parts) for said, parts in script.items()}

    @staticmethod
    def _tokens(parts):
        tokens = [part if isinstance(part, list) else WORDS.encode(part) for part in parts]
        return [token for part in tokens for token in part] + [MARKS["end"]]

    def allocate(self, num_blocks, block_size):
        """No memory: the text is read from the process."""

    def check(self, sampling):
        """Any will do."""

    def forward(self, rows: Sequence[Row]):
        return [[self._next(row.process)] if row.speaks else [] for row in rows]

    def _next(self, process):
        text = process.tokens[: process.prompt_len]
        if not process.output:
            self.prompts.append(WORDS.decode(text))
        own, within, before = 0, False, None
        # Its turn may have begun in the prompt: after a call that somebody else has answered.
        begins = [at for at, token in enumerate(text) if token in (MARKS["assistant"], MARKS["summary"])]
        for token in process.tokens[begins[-1] + 1 :]:
            within = within or (token == MARKS["result"] and before == MARKS["do"])
            own += not within
            within, before = within and token != MARKS["done"], token
        return self.script[self._asked(text)][own]

    @staticmethod
    def _asked(text):
        if text[-1] == MARKS["summary"]:
            return "summary"
        start = max(at for at, token in enumerate(text) if token == MARKS["user"])
        return WORDS.decode(text[start + 1 : text.index(MARKS["end"], start)])

    def copy(self, source, target):
        """Nothing to copy."""

    def save(self, block):
        """Nothing to keep."""

    def load(self, block, contents):
        """Nothing to bring back."""
