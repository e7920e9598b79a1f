"""The memory map in a real Chromium, on our own host page: no Jupyter, no network."""

import re

import pytest
from kernel_traces import crowded, step_with
from latency import report_latency
from playwright.sync_api import expect

from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.widgets import MemoryMapExplorer

SIZE = 4


@pytest.fixture
def show(explorer_page):
    def show(trace=None, *, dark=False, width=900, **settings):
        explorer = MemoryMapExplorer(crowded() if trace is None else trace, **settings)
        return explorer_page(explorer, dark=dark, width=width), explorer.trace

    return show


def holders(step, count=14):
    owners = [[] for _ in range(count)]
    for pid, held in step["tables"].items():
        for block in held["table"]:
            if block >= 0:
                owners[block].append(int(pid))
    return owners


def click(view, block):
    cell, columns = (
        int(view.locator(".lm-map canvas").first.get_attribute(f"data-{name}"))
        for name in ("cell", "columns")
    )
    place = {"x": block % columns * cell + cell / 2, "y": block // columns * cell + cell / 2}
    view.locator(".lm-map").click(position=place)
    view.settle()


def rows(view):
    view.settle()
    found = view.locator(".lm-table tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in found]


# ---- what is shown is what the trace says ----


@pytest.mark.parametrize("evict", ["swap", "drop"])
def test_holders_and_sums_follow_from_the_tables_at_every_step(show, evict):
    view, trace = show(crowded(evict=evict))
    found = view.module("""(module, model) => {
        const { meta, steps } = model.get('trace');
        return steps.map((step) => {
            const memory = module.memoryOf(meta, step);
            return [memory.owners, [...memory.cached], module.memorySums(memory, meta.block_size)];
        }); }""")
    for step, (owners, cached, sums) in zip(trace["steps"], found, strict=True):
        expected = holders(step)
        assert [sorted(each) for each in owners] == [sorted(each) for each in expected]
        assert cached == step["cached"]
        filled = {}
        for held in step["tables"].values():
            for at, block in enumerate(held["table"]):
                filled[block] = max(filled.get(block, 0), min(SIZE, held["slots"] - at * SIZE))
        held = [each for each in expected if each]
        assert sums == {
            "held": len(held), "shared": sum(len(each) > 1 for each in held),
            "saved": sum(map(len, held)) - len(held), "cached": len(step["cached"]),
            "empty": sum(SIZE - each for each in filled.values()),
        }  # fmt: skip
        assert len(held) + step["free"] == 14


def test_a_block_behind_the_window_is_nobody_s(show):
    from llmasos_edu.kernel.drivers import IntegerModel

    kernel = Kernel(IntegerDriver(IntegerModel(window=4)), num_blocks=8, block_size=2, trace="memory")
    kernel.spawn(range(6), 6)
    kernel.run()
    view, trace = show(kernel.trace.as_dict(), step=3, process=0)
    table = trace["steps"][3]["tables"]["0"]["table"]
    assert table[0] == -1
    assert rows(view)[0] == ["block 0", "given back", "behind the window", "–"]
    assert view.figures()[0] == f"{sum(block >= 0 for block in table)} of 8"


def test_figures_and_words_of_a_step(show):
    at = step_with(crowded(), "shared", "swapped")
    view, trace = show(step=at)
    step = trace["steps"][at]
    held = [each for each in holders(step) if each]
    away = sum(step["swapped"].values())
    assert view.figures()[0] == f"{len(held)} of 14"
    assert view.figures()[1] == str(sum(map(len, held)) - len(held))
    assert view.figures()[4] == str(away)
    assert view.text(".lm-time output") == f"step {at + 1} of {len(trace['steps'])}, time {at} to {at + 1}"
    told = view.text(".lm-caption")
    for kind, pid, *rest in step["events"]:
        assert f"process {pid} {'evicted for process ' + str(rest[0]) if rest else kind}" in told
    for row in step["batch"]:
        assert f"process {row['pid']} reads {row['read']} token" in told
    assert view.locator(".lm-explorer i").count() == 0, "a name became HTML"
    assert "of <i>ada" in view.text(".lm-processes")


# ---- mouse ----


def test_a_click_on_a_process_shows_its_block_table_and_a_second_one_hides_it(show):
    at = step_with(crowded(), "shared", "swapped")
    view, trace = show(step=at)
    step = trace["steps"][at]
    pid, held = next(iter(step["tables"].items()))
    ground = view.pixels(".lm-map canvas >> nth=0")
    button = view.locator(".lm-owner", has_text=re.compile(rf"process {pid} "))
    button.click()
    view.settle()
    assert view.state("process") == int(pid)
    assert button.get_attribute("aria-pressed") == "true"
    assert view.pixels(".lm-map canvas >> nth=0") != ground, "its blocks do not stand out"
    owners = holders(step)
    for place, (row, block) in enumerate(zip(rows(view), held["table"], strict=True)):
        last = min(held["slots"], (place + 1) * SIZE) - 1
        others = [other for other in owners[block] if other != int(pid)]
        assert row[:3] == [f"block {place}", f"block {block}", f"{place * SIZE} to {last}"]
        assert row[3] == (", ".join(map(str, others)) or "nobody")
    button.click()
    assert view.state("process") == -1
    assert rows(view) == [["–", "–", "click a process or one of its blocks", "–"]]
    swapped = next(iter(step["swapped"]))
    view.put(process=int(swapped))
    assert rows(view)[0][2] == f"all {step['swapped'][swapped]} blocks are swapped out"


def test_clicks_on_a_shared_block_choose_its_holders_in_turn(show):
    at = step_with(crowded(), "shared")
    view, trace = show(step=at)
    owners = holders(trace["steps"][at])
    block = next(block for block, each in enumerate(owners) if len(each) > 1)
    seen = []
    for _ in range(len(owners[block]) + 1):
        click(view, block)
        seen.append(view.state("process"))
    assert sorted(seen[:-1]) == sorted(owners[block])
    assert seen[-1] == -1
    assert view.state("block") == block
    assert view.readout().startswith(f"block {block} shared by processes ")


def test_hovering_tells_of_a_block_and_leaves_the_cursor(show):
    view, _ = show(step=6)
    before = view.readout()
    cell = int(view.locator(".lm-map canvas").first.get_attribute("data-cell"))
    view.locator(".lm-map").hover(position={"x": 3 * cell + 5, "y": 5})
    assert view.readout().startswith("block 3 ")
    assert view.state("block") == 0
    view.locator(".lm-hint").hover()
    assert view.readout() == before


# ---- keys, playing ----


def test_keys_walk_over_blocks_steps_and_processes(show):
    view, trace = show(step=6, width=390)
    columns = int(view.locator(".lm-map canvas").first.get_attribute("data-columns"))
    assert columns < 14
    view.locator(".lm-map").focus()
    view.press("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown")
    assert view.state("block") == columns + 1
    view.press("ArrowUp", "ArrowUp")
    assert view.state("block") == 1, "there is no line above the first"
    view.press("Enter")
    assert view.state("process") == holders(trace["steps"][6])[1][0]
    view.press("PageDown", "PageDown", "PageUp")
    assert view.state("step") == 7
    view.press("End")
    assert view.state("step") == len(trace["steps"]) - 1
    view.press("Home")
    assert view.state("step") == 0
    view.put(process=-1)
    living = sorted(map(int, trace["steps"][0]["states"]))
    seen = []
    for _ in range(len(living) + 1):
        view.press("n")
        seen.append(view.state("process"))
    assert seen == [*living, -1]
    view.press("p")
    assert view.state("process") == living[-1]


def test_playing_goes_to_the_end_and_stops(show):
    view, trace = show(step=len(crowded()["steps"]) - 4)
    view.locator(".lm-map").focus()
    view.press(" ")
    view.page.wait_for_function("document.querySelector('.lm-time button').textContent === 'Pause'")
    expect(view.locator(".lm-readout")).to_have_attribute("aria-live", "off")
    view.page.wait_for_function("document.querySelector('.lm-time button').textContent === 'Play'")
    assert view.state("step") == len(trace["steps"]) - 1
    assert rows(view)[0][1] == "–"
    assert "none lives" in view.text(".lm-processes")


def test_python_moves_it(show):
    view, _ = show()
    view.put(step=6, block=13, process=1)
    assert view.text(".lm-time output").startswith("step 7 of ")
    assert view.readout().startswith("block 13 ")
    assert view.text(".lm-two .lm-main >> nth=1 >> .lm-heading") == "Block table of process 1"


# ---- house rules ----


@pytest.mark.parametrize("width", [390, 900])
def test_the_largest_fits(show, width):
    trace = crowded()
    trace["meta"]["num_blocks"] = 4096
    view, _ = show(trace, step=6, width=width)
    assert view.fits()
    assert view.locator(".lm-map").bounding_box()["height"] < 1500


def test_png_and_svg_are_downloaded(show, tmp_path):
    at = step_with(crowded(), "shared", "swapped")
    view, trace = show(step=at)
    name, size, words = view.saved_picture(tmp_path)
    assert name == f"memory-step-{at}"
    assert size[0] == 1520
    assert f"Memory after step {at + 1} of {len(trace['steps'])}, time {at} to {at + 1}" in words
    signs = [
        f"{len(each)}×" if len(each) > 1 else str(each[0]) for each in holders(trace["steps"][at]) if each
    ]
    assert [word for word in words if re.fullmatch(r"\d+×?", word)][: len(signs)] == signs


def test_key_press_to_changed_pixels_is_reported(show, record_property):
    kernel = Kernel(IntegerDriver(), num_blocks=512, block_size=4, slots=16, trace="memory")
    for pid in range(60):
        kernel.spawn([pid] * 40, 60)
    kernel.run()
    view, _ = show(kernel.trace.as_dict(), step=100)
    report_latency(
        view.page, record_property, "memory map, 512 blocks, 60 processes", keys=("ArrowRight", "ArrowLeft")
    )
