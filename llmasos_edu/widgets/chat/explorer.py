"""A conversation to hold, or recorded ones to step through, with the system calls beside the text.

Section 6.1 (dialogue).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import traitlets as t

from llmasos_edu.foundation.arguments import check_whole
from llmasos_edu.widgets.shared.explorer import Explorer, script, style, told_as_trait_error

MOST_TURNS, LONGEST = 40, 400  # of a conversation; characters that may be typed
CALL = {"call", "arguments", "right", "held", "errno", "answer"}


class ChatExplorer(Explorer):
    """Turns of a conversation, and for each the system calls: what was asked, by which right, what came back.

    Where a kernel runs behind the page, a conversation of one's own can be held: every message goes to
    `talk`. Where none does, the recorded conversations are there to step through, marked as recorded.

    Args:
        recordings: conversations, `{name: {"user": name, "rights": [names], "turns": [turn, ...]}}`. A turn
            is `{"said": text, "parts": [part, ...]}`, a part either `{"text": text}` or a call:
            `{"call": name, "arguments": text, "right": name, "held": whether the process had it, "errno":
            name, "answer": text}`. At most 40 turns each.
        talk: what answers the reader, `talk(text) -> turn`; raises ValueError, in words, for what it cannot
            take. Without it there are the recordings alone.
        rights: of the reader's own conversation.
        user: the reader's name there.
        recording: shown first, counted from 0.

    Raises:
        ValueError, TypeError: no recording, a turn of another form, with the place.
    """

    page_title = "Chat"
    _esm = script("chat/turns.js", "chat/explorer.js")
    _css = style("chat/style.css")

    names = t.List(t.Unicode(), help="of the recordings").tag(sync=True)
    recordings = t.List(help="user, rights and turns of each").tag(sync=True)
    recording = t.Int(0, help="on show; one more than the last is the reader's own").tag(sync=True)
    turn = t.Int(0, help="on show").tag(sync=True)
    own = t.Dict(help="the reader's conversation: user, rights, turns").tag(sync=True)
    said = t.Unicode("", help="what the reader sent last; empty: is somebody there?").tag(sync=True)
    sent = t.Int(0, help="counts what was sent").tag(sync=True)
    answered = t.Int(0, help="the last of `sent` that was answered").tag(sync=True)

    def __init__(
        self, recordings: Mapping[str, Mapping[str, Any]], *, talk: Callable[[str], Mapping] | None = None,
        rights: Sequence[str] = (), user: str = "you", recording: int = 0,
    ) -> None:  # fmt: skip
        if not isinstance(recordings, Mapping) or not recordings:
            raise ValueError("there is no recording: give at least one, {name: conversation}")
        if talk is not None and not callable(talk):
            raise TypeError(f"talk={talk!r} cannot be called: give a function of a text")
        self._talk, pairs = talk, recordings.items()
        super().__init__(
            names=[str(name) for name in recordings],
            recordings=[check_conversation(each, f"recordings[{name!r}]") for name, each in pairs],
            own=check_conversation({"user": user, "rights": rights, "turns": []}, "own", empty=True),
            recording=check_whole("recording", recording, 0, len(recordings) - 1),
        )
        self.observe(self._answer, names="sent")

    @t.validate("recording", "turn")
    def _in_range(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        most = len(self.names) if name == "recording" else MOST_TURNS
        with told_as_trait_error():
            return check_whole(name, value, 0, most)

    def _answer(self, change: dict) -> None:
        """The reader has sent something, or only asks whether somebody is there."""
        if self._talk is None:
            return
        if self.said and len(self.own["turns"]) < MOST_TURNS:
            self.own = self.own | {"turns": [*self.own["turns"], self._turn(self.said[:LONGEST])]}
        self.answered = change["new"]

    def _turn(self, text: str) -> dict:
        try:
            return check_turn(self._talk(text), "talk's turn")
        except ValueError as error:  # the reader's message; what else goes wrong is the program's
            return {"said": text, "parts": [], "refused": str(error)}

    def contents(self) -> str:
        turns = sum(len(each["turns"]) for each in self.recordings)
        return f"{len(self.names)} recorded conversations, {turns} turns" + (", live" if self._talk else "")


def check_conversation(given: Mapping[str, Any], where: str, *, empty: bool = False) -> dict:
    """A conversation in the form that is shown, as plain lists and dictionaries.

    Raises:
        ValueError: a part is missing, of another kind, or too many turns; with the place.
    """
    if not isinstance(given, Mapping) or {"user", "rights", "turns"} - given.keys():
        raise ValueError(f"{where} is no conversation: it needs user, rights and turns")
    for name in ("rights", "turns"):
        if isinstance(given[name], str) or not isinstance(given[name], Iterable):
            raise ValueError(f"{where} has {name}={given[name]!r}: a list is wanted")
    turns = [check_turn(turn, f"{where}, turn {at}") for at, turn in enumerate(given["turns"])]
    if not (empty or 0 < len(turns) <= MOST_TURNS):
        raise ValueError(f"{where} has {len(turns)} turns: 1 to {MOST_TURNS} are shown")
    return {"user": str(given["user"]), "rights": [str(right) for right in given["rights"]], "turns": turns}


def check_turn(given: Mapping[str, Any], where: str) -> dict:
    """A turn in the form that is shown.

    Raises:
        ValueError: it is none, with the place.
    """
    if not isinstance(given, Mapping) or not isinstance(given.get("said"), str) or "parts" not in given:
        raise ValueError(f"{where} is no turn: it needs what was said and its parts")
    parts = given["parts"]
    if isinstance(parts, str | Mapping) or not isinstance(parts, Iterable):
        raise ValueError(f"{where} has parts={parts!r}: a list is wanted")
    parts = list(parts)
    for part in parts:
        if not (isinstance(part, Mapping) and (isinstance(part.get("text"), str) or part.keys() >= CALL)):
            raise ValueError(f"{where} has a part that is neither text nor a whole call: {part!r}")
    return {"said": given["said"], "parts": [dict(part) for part in parts]}
