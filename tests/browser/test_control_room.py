"""The control room in a real browser: spawn, fork, kill, another policy, and what one sees of it."""

import re

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from running_server import Running
from scripted import ScriptedDriver, called
from talking_server import Talking

from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.dialogue.orders import Order
from llmasos_edu.dialogue.schemas import schemas
from llmasos_edu.kernel.memory import AddressSpace
from llmasos_edu.kernel.process import Process
from llmasos_edu.kernel.syscalls import SyscallTable


@pytest.fixture
def server():
    with Running(seconds=0.03, num_blocks=96) as running:
        yield running


def colours_of(page, canvas):
    """How many different colours a canvas shows."""
    return page.locator(canvas).evaluate("""(canvas) => new Set(new Uint32Array(
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size""")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_lives(server, browser, scheme):
    page = browser.new_page(color_scheme=scheme)
    hosts, errors = set(), []
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.base)
    page.wait_for_selector('body[data-state="ready"]')
    page.fill("#prompt", "The kernel is a loop that")
    page.fill("#tokens", "200")
    page.press("#tokens", "Enter")
    page.wait_for_selector("#processes tbody tr:not(.ended)")
    page.get_by_role("button", name="fork process 0").click()
    several = re.compile(r", [1-9]\d* of them by several processes")
    expect(page.locator("#memory")).to_have_attribute("aria-label", several)
    page.select_option("#policy", "round_robin")
    expect(page.locator("#said")).to_contain_text("round_robin")
    assert "held, " in page.get_attribute("#memory", "aria-label")
    assert re.match(r"in the latest step [12] of 8 slots held: ", page.get_attribute("#slots", "aria-label"))
    for canvas in ("#memory", "#slots"):
        assert colours_of(page, canvas) > 4, "nearly nothing is drawn"
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="kill process 0").click()
    page.get_by_role("button", name="kill process 1").click()
    expect(page.locator("#processes tr.ended")).to_have_count(2)
    expect(page.locator("#memory")).to_have_attribute("aria-label", re.compile("^0 of 96 blocks held"))
    assert errors == []
    assert hosts == {server.base.removeprefix("http://")}
    page.close()


def test_the_audit_log_says_what_it_does_not_keep(browser):
    calls = SyscallTable(kept=2)
    with Running(syscalls=calls, num_blocks=32) as running:
        page = browser.new_page()
        page.goto(running.base)
        page.wait_for_selector('body[data-state="ready"]')
        expect(page.locator("#audit tbody")).to_have_text("no system call yet")
        assert page.text_content("#forgotten") == ""
        process = Process(pid=0, tokens=[1], prompt_len=1, limit=2, space=AddressSpace(running.kernel.pool))
        for _ in range(5):
            calls.dispatch(process, "nothing", 0.0)
        page.fill("#prompt", "a step, so that a picture is sent")
        page.press("#prompt", "Enter")
        expect(page.locator("#audit tbody tr")).to_have_count(2)
        expect(page.locator("#forgotten")).to_have_text("too old to be kept: 3 lines, 0 receipts")
        page.close()


def test_two_texts_from_one_prompt_are_seen_as_in_the_explorers(server, browser):
    """The page's memory is the kernel's own, block for block; a phone's width holds it."""
    page = browser.new_page(viewport={"width": 390, "height": 900})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server.base)
    page.wait_for_selector('body[data-state="ready"]')
    page.fill("#prompt", "The kernel is a loop that")
    page.fill("#tokens", "400")
    page.press("#tokens", "Enter")
    page.get_by_role("button", name="fork process 0").click()
    expect(page.locator("#memory")).to_have_attribute(
        "aria-label", re.compile(r", [1-9]\d* of them by several")
    )
    page.hover("#memory", position={"x": 5, "y": 5})
    assert re.match(
        r"block 0: shared by processes 0 and 1, 8 of 8 slots filled", page.get_attribute("#memory", "title")
    )
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    before = colours_of(page, "#memory")
    page.emulate_media(color_scheme="dark", forced_colors="active")
    assert colours_of(page, "#memory") > 4 < before
    assert errors == []
    page.close()


CANCEL = called('orders.cancel {"number": "4711"}')
SCRIPT = {
    "Cancel order 4711.": [CANCEL, "Shall I cancel it?"],
    "Yes.": [CANCEL, "It is cancelled."],
    "Where?": [called('orders.find {"number": "5"}'), "There is none."],
}


def answer(server, messages, **options):
    """What a client of the desk gets."""
    body = {"model": "dialogue", "messages": messages, "user": "ada"} | options
    done = httpx.post(f"{server.base}/v1/chat/completions", json=body, timeout=30).json()
    return done["choices"][0]["message"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_calls_of_conversations_are_seen_with_rights_and_answers(browser, tmp_path, scheme):
    """Live: who called what, with which rights, and what the kernel said; also what a client is to run."""
    desk = Desk(tmp_path)
    desk.orders.put("ada", [Order("4711", "lamp", "packed", "Friday")])
    with Talking(desk, driver=ScriptedDriver(SCRIPT)) as server:
        page = browser.new_page(color_scheme=scheme, viewport={"width": 390, "height": 900})
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.base)
        page.wait_for_selector('body[data-state="ready"]')
        rows = page.locator("#audit tbody tr")
        expect(rows).to_have_text(["no system call yet"])
        messages = [{"role": "user", "content": "Cancel order 4711."}]
        messages.append(answer(server, messages))
        expect(rows).to_have_count(1)
        row = ["0", "ada", "orders.cancel", '{"number": "4711"}', "orders.cancel", "EAGAIN"]
        expect(rows.nth(0).locator("td")).to_have_text(row)
        messages.append({"role": "user", "content": "Yes."})
        assert answer(server, messages)["content"] == "It is cancelled."
        row = ["1", "ada", "orders.cancel", '{"number": "4711"}', "orders.cancel, confirmed:4711", "OK"]
        expect(rows.nth(0).locator("td")).to_have_text(row)
        where = [{"role": "user", "content": "Where?"}]
        answer(server, where, tools=schemas())
        expect(rows.nth(0).locator("td").last).to_have_text("handed to the client")
        answer(server, where, tools=schemas(), tool_choice="none")
        row = ["3", "ada", "orders.find", '{"number": "5"}', "-", "EPERM"]
        expect(rows.nth(0).locator("td")).to_have_text(row)
        assert [each.get_attribute("class") for each in rows.all()] == ["refused", "", "", "refused"]
        marked = "getComputedStyle(document.querySelector('#audit .refused td:last-child')).color"
        plain = "getComputedStyle(document.querySelector('#audit tr:not(.refused) td:last-child')).color"
        assert page.evaluate(marked) != page.evaluate(plain)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert Axe().run(page).response["violations"] == []
        assert errors == []
        page.close()
