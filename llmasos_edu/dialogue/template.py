"""The form of a conversation in tokens: who speaks is told by marks, which no text can hold.

    <system> notes <end> <user> text <end> <assistant> text or calls <end> <user> ...

A call stands within the assistant's turn: `<call> name {"argument": "value"} <do>`, then the kernel's answer
`<result> OK text <done>`, then the assistant goes on. What a user types is text alone: a typed `<system>` is
eight characters, and no mark.
"""

import functools
import random
import re
from collections.abc import Iterable, Mapping, Sequence

from llmasos_edu.dialogue import lexicon
from llmasos_edu.dialogue.grammar import Talk, Turn, notes_text
from llmasos_edu.foundation.arguments import check_count, check_whole
from llmasos_edu.kernel.syscalls import CallSyntax
from llmasos_edu.text.words import WordTokenizer

MARKS = ("pad", "system", "user", "assistant", "summary", "end", "call", "do", "result", "done")
TOOLS = ("orders.find", "orders.cancel", "calendar.add", "memory.save", "memory.search")
FRAMES = (' {"', '": "', '", "', '"}', " = ", "; ", "[cut]")
ERRNOS = (
    "OK", "ENOENT", "EALREADY", "EAGAIN", "EEXIST", "EPERM", "EBUSY", "ETIMEDOUT", "EINVAL", "EIO",
    "ENOSYS", "ESTALE", "ENOSPC",
)  # fmt: skip
KEYS = ("number", "what", "day", "time", "key", "value")
RESULTS = (
    "receipt", "noted", "kept", "no", "such", "note", "order", "the", "user", "must", "confirm", "table",
)  # fmt: skip

# What is hard comes more often in training than in conversations: sums, and what was told before.
PRACTICE = {
    "find": 8, "cancel": 11, "hours": 4, "plus": 20, "minus": 18, "add": 11, "tell": 16, "ask": 20,
    "hello": 5, "thanks": 1, "bye": 1, "sad": 2, "glad": 2, "who": 1, "beyond": 4, "yes": 1, "no": 1,
}  # fmt: skip
SUMMARIES = 0.07  # the share of training turns after which a summary is asked for


@functools.cache
def tokenizer() -> WordTokenizer:
    """The vocabulary of the grammar: its words, Chinese signs, the frames of calls, and the marks."""
    tables = (lexicon.ITEMS, lexicon.DAYS, lexicon.EVENTS, lexicon.FACTS)
    spoken = [*_strings(lexicon.USER, last=False), *_strings(lexicon.ANSWER), *_strings(list(tables))]
    spoken = [re.sub(r"\{\w+\}", "", text) for text in spoken]
    alone = {name for table in tables for name in table} | {*KEYS, *RESULTS, *lexicon.STATUSES}
    words = {word for text in spoken for word in re.findall(" ?[A-Za-z]+", text)}
    words |= {*ERRNOS, *alone} | {f" {word}" for word in alone}
    words |= {event.capitalize() for event in lexicon.EVENTS}  # a sentence may begin with one
    signs = {sign for text in [*spoken, lexicon.GIVEN, lexicon.SURNAMES] for sign in text if ord(sign) > 127}
    return WordTokenizer([*TOOLS, *FRAMES, *sorted(words), *sorted(signs)], MARKS)


def _strings(node, *, last: bool = True) -> list[str]:
    """All texts in a nest of lists and dictionaries; without the last of each list unless wanted."""
    if isinstance(node, str):
        return [node]
    if isinstance(node, list) and not last:
        node = node[:-1]
    parts = node if isinstance(node, list) else [*node, *node.values()]
    return [text for part in parts for text in _strings(part, last=last)]


def syntax() -> CallSyntax:
    """How the kernel finds calls in the template's tokens."""
    words = tokenizer()
    return CallSyntax(
        begin=words.marks["call"], end=words.marks["do"], result=words.marks["result"],
        result_end=words.marks["done"], cut=tuple(words.encode("[cut]")), encode=words.encode,
        decode=words.decode,
    )  # fmt: skip


def framed(role: str, text: str) -> list[int]:
    """A whole turn of the system, the user or the assistant: mark, text, end.

    Raises:
        TypeError: no text.
        ValueError: a role that has no mark.
    """
    words = tokenizer()
    if role not in ("system", "user", "assistant"):
        raise ValueError(f"role={role!r} is none of system, user, assistant")
    return [words.marks[role], *words.encode(text), words.marks["end"]]


def turn_tokens(turn: Turn) -> tuple[list[int], list[bool]]:
    """A turn of the grammar as tokens, and which of them the model must say itself."""
    words = tokenizer()
    tokens = [*framed("user", turn.said), words.marks["assistant"]]
    own = [False] * len(tokens)
    for call in turn.calls:
        asked = [words.marks["call"], *words.encode(call.request), words.marks["do"]]
        given = f"{call.errno} {call.text}".rstrip()
        given = [words.marks["result"], *words.encode(given), words.marks["done"]]
        tokens += asked + given
        own += [True] * len(asked) + [False] * len(given)
    said = [*words.encode(turn.answer), words.marks["end"]]
    return tokens + said, own + [True] * len(said)


def summary_tokens(facts: dict[str, str]) -> tuple[list[int], list[bool]]:
    """The request for a summary, and the summary: what stands in the window, as notes."""
    words = tokenizer()
    said = [*words.encode(notes_text(facts)), words.marks["end"]]
    return [words.marks["summary"], *said], [False] + [True] * len(said)


def training_row(seed: int, length: int, *, trouble: float = 0.12) -> tuple[list[int], list[bool]]:
    """A drawn conversation of at most `length` tokens, filled up; and which tokens the model must say.

    Raises:
        TypeError: a seed that is no whole number.
        ValueError: a share of trouble outside 0 to 1, a length that the notes alone do not fit.
    """
    check_count("length", length)
    check_whole("seed", seed, 0, 2**63)
    wish = random.Random(seed)
    known = wish.choice([0, 0, 1, 2, 3])
    talk = Talk(seed, trouble=trouble, switch=0.1, known=known, weights=PRACTICE)
    tokens = framed("system", notes_text(talk.notes))
    own = [False] * len(tokens)
    if len(tokens) > length:
        raise ValueError(f"length={length}: the notes alone have {len(tokens)} tokens")
    while True:
        more, theirs = turn_tokens(talk.turn())
        if wish.random() < SUMMARIES:
            more, theirs = (
                one + two for one, two in zip((more, theirs), summary_tokens(talk.facts), strict=True)
            )
        if len(tokens) + len(more) > length:
            break
        tokens, own = tokens + more, own + theirs
    short = length - len(tokens)
    return tokens + [tokenizer().marks["pad"]] * short, own + [False] * short


def own_targets(tokens: Sequence[int], own: Sequence[bool]) -> list[int]:
    """Targets of the next-token loss: the model's own tokens; -100, which is not scored, for all others.

    Raises:
        ValueError: not as many marks as tokens.
    """
    if len(tokens) != len(own):
        raise ValueError(
            f"{len(tokens)} tokens, and for {len(own)} it is said whose they are: one each is wanted"
        )
    return [token if mine else -100 for token, mine in zip(tokens[1:], own[1:], strict=True)]


def messages_tokens(messages: Sequence[dict]) -> list[int]:
    """The prompt of a conversation that is kept outside, as messages: the next turn is the assistant's.

    Args:
        messages: `{"role": ..., "content": text}` with the roles `system` (notes, only first), `user`,
            `assistant` and `tool`. An assistant's message may hold `tool_calls`, a list of
            `{"function": {"name": ..., "arguments": JSON}}`; the `tool` message of each follows it, its
            content the kernel's answer (`OK lamp sent Friday`).

    Returns:
        Tokens; what the model says next belongs to the assistant.

    Raises:
        ValueError: a role or an order of messages that the template has no form for; a text that is none.
    """
    messages = _checked(messages)
    tokens = framed("system", "") if not messages or messages[0].get("role") != "system" else []
    words, speaker, owed = tokenizer(), None, 0
    for at, message in enumerate(messages):
        role, text = message.get("role"), message.get("content") or ""
        calls = [_request(call, at) for call in message.get("tool_calls") or []]
        fits = {"system": at == 0, "user": speaker != "user" and not owed, "tool": owed > 0}
        if not isinstance(text, str) or not fits.get(role, role == "assistant" and speaker and not owed):
            raise ValueError(f"message {at} with role={role!r} has no place here, or its content is no text")
        if role in ("system", "user"):
            tokens += framed(role, text)
        elif role == "tool":
            tokens += [words.marks["result"], *words.encode(text), words.marks["done"]]
        else:
            tokens += [words.marks["assistant"]] if speaker == "user" else []
            tokens += words.encode(text)
            tokens += [words.marks["end"]] if not calls else []
        for request in calls:
            tokens += [words.marks["call"], *words.encode(request), words.marks["do"]]
        owed += len(calls) - (role == "tool")
        speaker = role if role in ("user", "assistant") else speaker
    if speaker == "user":
        tokens.append(words.marks["assistant"])
    return tokens


def _checked(messages: Sequence[dict]) -> list[dict]:
    """A list of messages as one.

    Raises:
        ValueError: it is none, or holds what is no message, with its place.
    """
    if isinstance(messages, str | Mapping) or not isinstance(messages, Iterable):
        raise ValueError(f"messages={messages!r}: a list of messages is wanted")
    messages = list(messages)
    for at, message in enumerate(messages):
        if not isinstance(message, Mapping) or not isinstance(message.get("tool_calls") or [], list | tuple):
            raise ValueError(f"message {at} is {message!r}: it needs a role, a content, a list of tool_calls")
    return messages


def _request(call: dict, at: int) -> str:
    """The words of a call in a message: its name and its arguments."""
    function = call.get("function") if isinstance(call, Mapping) else None
    words = [function.get(key) for key in ("name", "arguments")] if isinstance(function, Mapping) else [None]
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"message {at} has the call {call!r}: it needs a function with name and arguments")
    return " ".join(words)
