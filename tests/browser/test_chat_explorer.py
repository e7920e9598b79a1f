"""The chat explorer in a real Chromium: recorded without a kernel, alive with one."""

import pytest
from every_explorer import EXPLORERS
from playwright.sync_api import expect

from llmasos_edu.widgets import ChatExplorer

HOST = "document.querySelector('.llmasos-widget-host')"
CALL = {"call": "orders.find", "arguments": '{"number": "4711"}', "right": "orders.find", "held": True,
        "errno": "OK", "answer": "lamp sent Friday"}  # fmt: skip


@pytest.fixture
def view(explorer_page):
    return explorer_page(EXPLORERS["chat"]())


def rows(view):
    view.settle()
    found = view.locator(".lm-table tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in found]


def bubbles(view):
    view.settle()
    return [text.replace("\n", ": ", 1) for text in view.locator(".lm-chat-talk p").all_inner_texts()]


def test_a_recording_is_marked_as_one_and_stepped_through(view):
    assert view.text(".lm-chat-mark") == "Recorded: what you see was said once and is not computed now."
    assert view.readout() == "Turn 1 of 3. ada: Where is <i>my order? find: OK"
    assert bubbles(view)[0] == "ada: Where is <i>my order?"
    assert rows(view) == [["find", "<i>", "find ✓ held", "OK lamp sent Friday"]]
    view.locator(".lm-token").nth(1).click()
    assert view.readout() == "Turn 2 of 3. ada: 取消订单4711。 cancel: EPERM"
    assert rows(view) == [["cancel", "<i>", "cancel ✗ not held", "EPERM"]]
    assert len(bubbles(view)) == 6
    view.press("ArrowRight", "ArrowRight")
    assert view.state("turn") == 2
    assert rows(view) == []
    assert view.text(".lm-body .lm-hint") == "No call in this turn. Rights of ada: find."
    view.press("Home")
    assert view.state("turn") == 0
    assert view.locator(".lm-explorer i").count() == 0, "a text became HTML"


def test_another_recording_begins_at_its_first_turn(view):
    view.locator(".lm-token").nth(2).click()
    view.get_by_label("Conversation").first.select_option("1")
    view.settle()
    assert view.state("recording", "turn") == [1, 0]


def test_it_plays(view):
    view.get_by_role("button", name="Play").click()
    view.page.wait_for_function(f"{HOST}.model.get('turn') === 2")
    view.page.wait_for_timeout(1200)
    assert view.get_by_role("button", name="Play").count() == 1


def test_without_a_kernel_nothing_can_be_sent_and_the_field_says_why(view):
    field = view.get_by_label("Your message")
    assert field.is_disabled()
    assert field.get_attribute("placeholder") == "No kernel here: run the notebook to talk"
    assert view.get_by_role("button", name="Send").is_disabled()
    assert view.locator("option").count() == 2


def answer(view, turns):
    """What Python does when something was sent: the conversation grows, then the number is answered."""
    own = {"user": "you", "rights": ["orders.find"], "turns": turns}
    view.put(own=own, answered=view.state("sent"))


def test_where_a_kernel_answers_one_talks(view):
    answer(view, [])
    assert view.locator("option").last.inner_text() == "your own, live"
    view.get_by_label("Conversation").first.select_option("2")
    view.settle()
    assert view.readout() == "Nothing was said yet."
    assert view.get_by_role("button", name="Play").is_disabled(), "nothing to walk through"
    field = view.get_by_label("Your message")
    assert field.is_enabled()
    field.fill("Where is it?")
    field.press("Enter")
    view.settle()
    assert view.state("said", "recording") == ["Where is it?", 2]
    assert view.text(".lm-explorer > .lm-hint") == "The kernel is at work …"
    assert view.get_by_role("button", name="Send").is_disabled()
    answer(view, [{"said": "Where is it?", "parts": [CALL, {"text": "Sent on Friday."}]}])
    assert view.text(".lm-chat-mark") == "Live: a kernel answers, and its tools are real."
    colours = "(nodes) => nodes.map((node) => getComputedStyle(node).borderLeftColor)"
    live, assistant = (view.locator(f".lm-chat-{kind}").evaluate_all(colours)[0] for kind in ("mark", "call"))
    assert live == assistant != "rgb(179, 71, 0)", "what is live looks like what is recorded"
    assert view.readout() == "Turn 1 of 1. you: Where is it? orders.find: OK"
    assert rows(view) == [["orders.find", '{"number": "4711"}', "orders.find ✓ held", "OK lamp sent Friday"]]
    expect(field).to_have_value("")
    assert view.axe_violations() == []
    refused = {"said": "x", "parts": [], "refused": "nothing was said"}
    answer(view, [*view.state("own")["turns"], refused])
    view.locator(".lm-token").nth(1).click()
    assert view.readout() == "Turn 2 of 2. you: x refused: nothing was said"


def test_a_text_in_lines_and_a_picture_of_the_whole(view, tmp_path):
    wrapped = view.module("(module, model, text) => module.wrapped(text, 10)", "aaa bbb ccc ddd 订单在哪里呢")
    assert wrapped == ["aaa bbb ", "ccc ddd 订", "单在哪里呢"]
    assert view.module("(m, model, text) => m.wrapped(text, 10)", "a" * 25) == ["a" * 10, "a" * 10, "a" * 5]
    view.locator(".lm-token").nth(2).click()
    _, _, words = view.saved_picture(tmp_path)
    assert words[0] == "ada <i> one: what was said, and what the kernel was asked"
    assert "kernel: find <i> → OK lamp sent Friday" in words
    assert "assistant: You are welcome." in words


def test_live_recordings_and_library_agree_on_what_a_turn_is():
    with pytest.raises(ValueError, match="no turn"):
        ChatExplorer({"a": {"user": "x", "rights": [], "turns": [{"said": 3, "parts": []}]}})
