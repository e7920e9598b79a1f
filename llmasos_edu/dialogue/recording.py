"""Conversations as plain data: what was said, which calls were made, by which right; for pages to show."""

from collections.abc import Callable, Iterable

from llmasos_edu.dialogue.assistant import Conversation, Reply
from llmasos_edu.dialogue.transcript import Called, parts_of


def recorded_turn(conversation: Conversation, said: str, reply: Reply) -> dict:
    """A turn as `{"said": text, "parts": [...]}`: pieces of text and calls, in the order in which they came.

    A call says besides its words which right it needed and whether the process of this turn had it.
    """
    tools, held = conversation.assistant.desk.table.tools, reply.process.capabilities
    parts = []
    for part in parts_of(reply.process.output):
        if not isinstance(part, Called):
            parts.append({"text": part.text})
            continue
        right = tools[part.name].capability if part.name in tools else part.name
        parts.append(
            {
                "call": part.name, "arguments": part.arguments, "right": right, "held": right in held,
                "errno": part.errno, "answer": part.text,
            }
        )  # fmt: skip
    return {"said": said, "parts": parts}


def record(conversation: Conversation, sentences: Iterable[str]) -> dict:
    """Hold a conversation now and keep it: `{"user": name, "rights": [names], "turns": [turn, ...]}`.

    Raises:
        TypeError: one text instead of several.
        ValueError: as in `Conversation.say`.
    """
    if isinstance(sentences, str) or not isinstance(sentences, Iterable):
        raise TypeError(f"sentences={sentences!r}: a list of texts is wanted")
    talk = live(conversation)
    turns = [talk(said) for said in sentences]
    return {"user": conversation.user, "rights": sorted(conversation.rights), "turns": turns}


def live(conversation: Conversation) -> Callable[[str], dict]:
    """A function that says something in this conversation and returns the turn."""

    def talk(said: str) -> dict:
        return recorded_turn(conversation, said, conversation.say(said))

    return talk
