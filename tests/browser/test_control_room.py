"""The control room in a real browser: spawn, fork, kill, another policy, and what one sees of it."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from running_server import Running


@pytest.fixture
def server():
    with Running(seconds=0.03, num_blocks=96) as running:
        yield running


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
    page.wait_for_selector(".block.shared")
    page.select_option("#policy", "round_robin")
    expect(page.locator("#said")).to_contain_text("round_robin")
    assert "held, " in page.get_attribute("#memory", "aria-label")
    assert page.locator(".turn").count() > 0
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="kill process 0").click()
    page.get_by_role("button", name="kill process 1").click()
    expect(page.locator("#processes tr.ended")).to_have_count(2)
    expect(page.locator("#memory")).to_have_attribute("aria-label", re.compile("^0 of 96 blocks held"))
    assert errors == []
    assert hosts == {server.base.removeprefix("http://")}
    page.close()
