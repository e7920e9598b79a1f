"""Conversations of known truth, held free-running with real model, kernel and tools, and judged exactly."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from llmasos_edu.dialogue.assistant import Assistant, Conversation, Reply
from llmasos_edu.dialogue.grammar import Talk, Turn, World
from llmasos_edu.dialogue.lexicon import FACTS
from llmasos_edu.dialogue.template import framed, turn_tokens
from llmasos_edu.foundation.arguments import check_count, check_whole

FIRST = 10**13  # seeds of trials; those of the training lie below 2**40


class Dialogue(NamedTuple):
    """A drawn conversation: what the tools know before it, and its turns."""

    start: World
    turns: list[Turn]


class Judged(NamedTuple):
    """A turn as it should be and as it was."""

    user: str
    turn: Turn
    reply: Reply

    @property
    def exact(self) -> bool:
        """Whether every call, every answer of a tool and the sentence are the right ones, sign by sign."""
        wanted = [(call.name, call.arguments, call.errno, call.text) for call in self.turn.calls]
        return self.reply.text == self.turn.answer and _calls(self.reply) == wanted


def held_out_dialogue(seed: int, tokens: int, *, today: str = "Monday", **options) -> Dialogue:
    """A conversation whose names, numbers, sums and appointments the model has never read.

    Args:
        seed: of the conversation.
        tokens: it ends before it is longer, so that nothing leaves the window.
        today: as at the desk that will answer.
        options: of `Talk`.
    """
    check_count("tokens", tokens)
    check_whole("seed", seed, 0, 2**40)
    talk, turns = Talk(FIRST + seed, kept=True, today=today, **options), []
    length = len(framed("system", ""))
    while True:
        turn = talk.turn()
        length += len(turn_tokens(turn)[0])
        if length > tokens:
            return Dialogue(talk.start, turns)
        turns.append(turn)


OTHER_TOPICS = ("find", "hours", "plus", "minus", "add", "thanks", "sad", "glad", "who", "beyond")


def recall_dialogue(seed: int, distance: int, *, today: str = "Monday", **options) -> Dialogue:
    """A fact is told, then come other topics, and in turn number `distance` after it the fact is asked for.

    Args:
        seed: of the conversation.
        distance: turns from telling to asking, at least 1.
        today, options: as in `held_out_dialogue`.
    """
    check_count("distance", distance)
    check_whole("seed", seed, 0, 2**40)
    talk = Talk(FIRST + seed, kept=True, today=today, switch=0.0, **options)
    key = talk.chance.choice(list(FACTS))
    turns = [talk.turn("tell", key=key)]
    turns += [talk.turn(talk.chance.choice(OTHER_TOPICS)) for _ in range(distance - 1)]
    return Dialogue(talk.start, [*turns, talk.turn("ask", key=key)])


def hold(assistant: Assistant, dialogues: Mapping[str, Dialogue], **options) -> list[Judged]:
    """Let all users talk at the same time: in each round everybody who has a turn left takes it.

    Args:
        assistant: its desk is filled with what each user's conversation starts from.
        dialogues: of each user.
        options: of `Conversation`.

    Raises:
        ValueError: no dialogues.
    """
    if not isinstance(dialogues, Mapping) or not dialogues:
        raise ValueError(f"dialogues={dialogues!r}: a dictionary of users and their dialogues is wanted")
    talks: dict[str, Conversation] = {}
    for user, dialogue in dialogues.items():
        assistant.desk.fill(user, dialogue.start)
        talks[user] = assistant.conversation(user, **options)
    judged = []
    for number in range(max(len(dialogue.turns) for dialogue in dialogues.values())):
        round_ = {user: each.turns[number] for user, each in dialogues.items() if number < len(each.turns)}
        begun = {user: talks[user].begin(turn.said) for user, turn in round_.items()}
        assistant.kernel.run()
        judged += [Judged(user, round_[user], talks[user].finish(begun[user])) for user in round_]
    return judged


def share(judged: Sequence[Judged]) -> float:
    """The share of exact turns."""
    if not judged:
        raise ValueError("no turn was judged")
    return sum(each.exact for each in judged) / len(judged)


def _calls(reply: Reply) -> list[tuple]:
    """The calls of a reply, arguments as values; as they stand where they are no JSON."""
    found = []
    for call in reply.calls:
        try:
            arguments = json.loads(call.arguments)
        except ValueError:
            arguments = call.arguments
        found.append((call.name, arguments, call.errno, call.text))
    return found
