"""Conversations as plain data, and the dialogues that ask what was told."""

import pytest
from scripted import ScriptedDriver, called

from llmasos_edu.dialogue import names
from llmasos_edu.dialogue.assistant import Assistant
from llmasos_edu.dialogue.desk import RIGHTS, Desk
from llmasos_edu.dialogue.orders import Order
from llmasos_edu.dialogue.recording import live, record
from llmasos_edu.dialogue.trial import OTHER_TOPICS, recall_dialogue

SCRIPT = {
    "Where?": [called('orders.find {"number": "1"}'), "There."],
    "Both.": ["Wait. ", called('orders.cancel {"number": "1"}'), called("fly {}"), "No."],
}


def test_a_turn_tells_calls_with_their_rights_in_order(tmp_path):
    desk = Desk(tmp_path)
    desk.orders.put("ada", [Order("1", "lamp", "packed", "Friday")])
    assistant = Assistant(ScriptedDriver(SCRIPT), desk)
    talk = assistant.conversation("ada", rights=RIGHTS - {"orders.cancel"})
    kept = record(talk, ["Where?", "Both."])
    assert (kept["user"], kept["rights"]) == ("ada", sorted(RIGHTS - {"orders.cancel"}))
    find = {"call": "orders.find", "arguments": '{"number": "1"}', "right": "orders.find", "held": True}
    cancel = {
        "call": "orders.cancel",
        "arguments": '{"number": "1"}',
        "right": "orders.cancel",
        "held": False,
    }
    fly = {"call": "fly", "arguments": "{}", "right": "fly", "held": False}
    assert kept["turns"] == [
        {
            "said": "Where?",
            "parts": [find | {"errno": "OK", "answer": "lamp packed Friday"}, {"text": "There."}],
        },
        {
            "said": "Both.",
            "parts": [
                {"text": "Wait. "},
                cancel | {"errno": "EPERM", "answer": "this process may not orders.cancel"},
                fly | {"errno": "ENOSYS", "answer": "there is no call 'fly'"},
                {"text": "No."},
            ],
        },
    ]
    assert live(talk)("Where?")["said"] == "Where?"
    with pytest.raises(ValueError, match="tokens were said"):
        live(talk)(" ")
    for one in ("Where?", None):
        with pytest.raises(TypeError, match=f"sentences={one!r}: a list of texts".replace("?", r"\?")):
            record(talk, one)


def test_a_right_of_another_name_is_told_as_it_is(tmp_path):
    desk = Desk(tmp_path)
    desk.table.register("fly", lambda process: "up", capability="wings")
    assistant = Assistant(ScriptedDriver(SCRIPT), desk)
    for rights, held, errno in ((["wings"], True, "OK"), (["fly"], False, "EPERM")):
        parts = live(assistant.conversation("ada", rights=rights))("Both.")["parts"]
        (fly,) = (part for part in parts if part.get("call") == "fly")
        assert (fly["right"], fly["held"], fly["errno"]) == ("wings", held, errno)


def test_a_fact_is_told_once_and_asked_for_so_many_turns_later():
    keys = set()
    for seed in range(60):
        for distance in (1, 5):
            dialogue = recall_dialogue(seed, distance)
            told, *others, asked = dialogue.turns
            assert len(others) == distance - 1
            assert {turn.act for turn in others} <= set(OTHER_TOPICS)
            value = told.calls[0].arguments["value"]
            assert names.held_out("name", value)
            assert (asked.act, asked.calls) == ("ask", ())
            assert value in asked.answer
            keys.add(told.calls[0].arguments["key"])
    assert len(keys) == 6
    assert recall_dialogue(0, 2) == recall_dialogue(0, 2) != recall_dialogue(1, 2)
    assert recall_dialogue(0, 2, today="Friday").start.today == "Friday"
    with pytest.raises(ValueError, match="distance=0"):
        recall_dialogue(0, 0)
