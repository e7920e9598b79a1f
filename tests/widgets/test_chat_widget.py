"""The chat explorer in Python: what it takes, and how a live conversation goes through it."""

import pytest
import traitlets as t

from llmasos_edu.widgets import ChatExplorer

CALL = {"call": "a", "arguments": "{}", "right": "a", "held": True, "errno": "OK", "answer": "b"}
TALK = {"user": "ada", "rights": ["a"], "turns": [{"said": "Hi", "parts": [{"text": "Hello"}, CALL]}]}


def echo(text):
    if text == "bad":
        raise ValueError("nothing like that")
    return {"said": text, "parts": [{"text": text.upper()}]}


def test_it_says_what_it_holds():
    assert repr(ChatExplorer({"x": TALK})) == "ChatExplorer(1 recorded conversations, 1 turns)"
    assert (
        ChatExplorer({"x": TALK, "y": TALK}, talk=echo).contents()
        == "2 recorded conversations, 2 turns, live"
    )


def test_what_the_reader_sends_is_answered_once():
    chat = ChatExplorer({"x": TALK}, talk=echo, rights=["a"], user="you")
    chat.sent = 1  # the page asks whether somebody is there
    assert (chat.answered, chat.own["turns"]) == (1, [])
    chat.said = "hello"
    chat.sent = 2
    assert chat.own == {
        "user": "you",
        "rights": ["a"],
        "turns": [{"said": "hello", "parts": [{"text": "HELLO"}]}],
    }
    chat.said = "bad"
    chat.sent = 3
    assert chat.own["turns"][1] == {"said": "bad", "parts": [], "refused": "nothing like that"}
    assert chat.answered == 3
    chat.said = "x" * 1000
    chat.sent = 4
    assert chat.own["turns"][2]["said"] == "x" * 400
    for number in range(5, 60):
        chat.sent = number
    assert (len(chat.own["turns"]), chat.answered) == (40, 59)


def test_without_somebody_to_talk_nothing_is_answered():
    chat = ChatExplorer({"x": TALK})
    chat.said = "hello"
    chat.sent = 1
    assert (chat.answered, chat.own["turns"]) == (0, [])


@pytest.mark.parametrize(
    ("recordings", "words"),
    [
        ({}, "there is no recording"),
        ([TALK], "there is no recording"),
        ({"x": {}}, r"recordings\['x'\] is no conversation"),
        ({"x": TALK | {"turns": []}}, r"recordings\['x'\] has 0 turns: 1 to 40"),
        ({"x": TALK | {"turns": TALK["turns"] * 41}}, "has 41 turns"),
        ({"x": TALK | {"turns": [{"said": "a"}]}}, r"recordings\['x'\], turn 0 is no turn"),
        ({"x": TALK | {"turns": [{"said": "a", "parts": [{"call": "a"}]}]}}, "neither text nor a whole call"),
        ({"x": TALK | {"turns": [{"said": "a", "parts": [None]}]}}, "nor a whole call: None"),
        ({"x": TALK | {"turns": [{"said": "a", "parts": None}]}}, "turn 0 has parts=None: a list"),
        ({"x": TALK | {"turns": [{"said": "a", "parts": "abc"}]}}, "turn 0 has parts='abc': a list"),
        ({"x": TALK | {"turns": [{"said": "a", "parts": {"text": "b"}}]}}, "a list is wanted"),
        ({"x": TALK | {"turns": None}}, r"recordings\['x'\] has turns=None: a list"),
        ({"x": TALK | {"rights": "read"}}, r"recordings\['x'\] has rights='read': a list"),
    ],
)
def test_what_is_no_conversation_is_refused_with_its_place(recordings, words):
    with pytest.raises(ValueError, match=words):
        ChatExplorer(recordings)


def test_bad_settings_are_refused_in_words():
    with pytest.raises(TypeError, match="talk='x' cannot be called"):
        ChatExplorer({"x": TALK}, talk="x")
    with pytest.raises(ValueError, match="recording=1 is out of range: 0 to 0"):
        ChatExplorer({"x": TALK}, recording=1)
    chat = ChatExplorer({"x": TALK})
    for name in ("recording", "turn"):
        with pytest.raises(t.TraitError, match=f"{name}=-1 is out of range"):
            setattr(chat, name, -1)
    chat.recording = 1  # the reader's own
