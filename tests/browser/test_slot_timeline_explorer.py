"""The slot timeline in a real Chromium, on our own host page: no Jupyter, no network."""

import pytest
from kernel_traces import crowded
from latency import report_latency

from llmasos_edu.kernel.clock import Cost
from llmasos_edu.kernel.drivers import IntegerDriver
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import RoundRobin
from llmasos_edu.widgets import SlotTimelineExplorer
from llmasos_edu.widgets.shared.trace import lanes_of

SLOTS = 3


@pytest.fixture
def show(explorer_page):
    def show(*traces, dark=False, width=900, **settings):
        traces = traces or (crowded("fcfs"), crowded("round_robin"))
        explorer = SlotTimelineExplorer(*traces, **settings)
        return explorer_page(explorer, dark=dark, width=width), explorer

    return show


def geometry(view):
    base = view.locator(".lm-map canvas").first
    left, scale, row = (float(base.get_attribute(f"data-{name}")) for name in ("left", "scale", "row"))
    return left, scale, row, [float(top) for top in base.get_attribute("data-tops").split(",")]


def place(view, lane, time):
    left, scale, row, tops = geometry(view)
    return {"x": left + scale * time, "y": tops[lane // SLOTS] + row * (lane % SLOTS + 0.5)}


def table(view, number):
    view.settle()
    rows = view.locator(".lm-table").nth(number).locator("tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td").all()] for row in rows]


# ---- what is shown follows from the trace ----


@pytest.mark.parametrize("policy", ["fcfs", "sjf", "round_robin", "mlfq"])
def test_slots_are_as_in_python(show, policy):
    trace = crowded(policy)
    view, _ = show(trace)
    found = view.module("(module, model) => module.lanesOf(model.get('trace').steps, 3)")
    assert found == lanes_of(trace["steps"], SLOTS)


def test_stays_cover_every_row_of_every_batch_once(show):
    cost = Cost(step=1, token=0.1)
    kernel = Kernel(IntegerDriver(), num_blocks=30, block_size=4, slots=3, policy=RoundRobin(2), cost=cost)
    for pid in range(6):
        kernel.spawn([pid] * 5, 9, arrival=pid * 9)
    kernel.run()
    view, _ = show(kernel.trace.as_dict())
    stays = view.module("""(module, model) => module.timelinePanel('x', model.get('trace'))
        .stays.map(({ slot, pid, from, to }) => [slot, pid, from, to])""")
    steps, lanes = kernel.trace.steps, lanes_of(kernel.trace.steps, 3)
    covered = [[None] * 3 for _ in steps]
    for slot, pid, first, last in stays:
        for at in range(first, last + 1):
            assert covered[at][slot] is None
            covered[at][slot] = pid
            assert at == first or steps[at]["time"] == steps[at - 1]["end"], "a pause within a stay"
        assert first == 0 or lanes[first - 1][slot] != pid or steps[first]["time"] > steps[first - 1]["end"]
    assert covered == lanes


def test_measures_are_those_of_the_processes(show):
    view, explorer = show()
    rows = {name: values for name, *values in table(view, 0)}
    for number, trace in enumerate((explorer.trace, explorer.other)):
        procs, steps = trace["procs"], trace["steps"]
        turnaround = [each["finished"] - each["arrival"] for each in procs]
        response = [each["first_token"] - each["arrival"] for each in procs]
        busy = sum(len(step["batch"]) for step in steps) / (3 * steps[-1]["end"])
        shown = [float(values[number].removesuffix(" %")) for values in rows.values()]
        assert shown[:3] == pytest.approx([sum(turnaround) / 8, sum(response) / 8, max(response)], abs=0.051)
        assert shown[3:5] == [steps[-1]["end"], len(steps)]
        assert shown[5] == pytest.approx(100 * busy, abs=0.51)
        assert shown[6] == sum(each["evictions"] for each in procs)


def test_the_readout_tells_both_policies_at_one_time(show):
    view, explorer = show(step=12)
    ((first, second),) = [(explorer.trace["steps"][12], explorer.other["steps"][12])]
    pid = lanes_of(explorer.trace["steps"], 3)[12][0]
    row = next(row for row in first["batch"] if row["pid"] == pid)
    waiting = [
        sum(
            each["arrival"] <= 12 < each["finished"]
            and each["pid"] not in [row["pid"] for row in step["batch"]]
            for each in trace["procs"]
        )
        for trace, step in ((explorer.trace, first), (explorer.other, second))
    ]
    assert view.readout() == (
        f"time 12 to 13 FCFS slot 0: process {pid} reads {row['read']} token and says 1 {waiting[0]} waiting "
        f"round robin runs {', '.join(str(row['pid']) for row in second['batch'])} {waiting[1]} waiting"
    )
    rows = table(view, 1)
    for (name, response, turnaround, computed, evicted), trace in zip(
        rows, (explorer.trace, explorer.other), strict=True
    ):
        process = trace["procs"][pid]
        assert float(turnaround) == process["finished"] - process["arrival"]
        assert float(response) == process["first_token"] - process["arrival"]
        assert [int(computed), int(evicted)] == [process["computed"], process["evictions"]], name
    assert view.locator(".lm-explorer i").count() == 0, "a name became HTML"


def test_whoever_never_spoke_and_never_ended_counts_for_nothing(show):
    kernel = Kernel(IntegerDriver(), num_blocks=4, block_size=4, slots=1)
    kernel.spawn([1] * 4, 30)  # could never fit
    kernel.spawn([1] * 4, 3)
    kernel.spawn([1] * 4, 3)
    kernel.run(max_steps=2)
    view, _ = show(kernel.trace.as_dict())
    rows = dict(table(view, 0))
    assert (rows["mean turnaround"], rows["mean response"]) == ("–", "1.0")


# ---- mouse and keys ----


def test_hovering_tells_of_a_step_and_a_click_goes_there(show):
    view, explorer = show()
    before, lanes = view.readout(), lanes_of(explorer.other["steps"], 3)
    view.locator(".lm-map").hover(position=place(view, 4, 20.5))
    assert view.readout().startswith("time 20 to 21 FCFS runs ")
    assert f"round robin slot 1: process {lanes[20][1]} reads" in view.readout()
    assert view.state("step", "lane") == [0, 0]
    view.locator(".lm-hint").hover()
    assert view.readout() == before
    view.locator(".lm-map").click(position=place(view, 4, 20.5))
    view.settle()
    assert view.state("step", "lane") == [20, 4]


def test_keys_go_through_steps_slots_and_changes(show):
    view, explorer = show()
    lanes = lanes_of(explorer.other["steps"], 3)
    view.locator(".lm-map").focus()
    view.press("ArrowRight", "ArrowRight", "ArrowLeft")
    assert view.state("step", "lane") == [1, 0]
    view.press("ArrowDown", "ArrowDown", "ArrowDown")
    assert view.state("step", "lane") == [1, 3], "into the other panel at the same time"
    view.press("PageDown")
    step = view.state("step")
    assert lanes[step][0] != lanes[step - 1][0]
    assert len({lanes[at][0] for at in range(1, step)}) == 1
    view.press("PageUp")
    assert view.state("step") == 0
    view.press("End")
    assert view.state("step") == len(explorer.other["steps"]) - 1
    view.press("ArrowUp")
    last = len(explorer.trace["steps"]) - 1
    assert view.state("step", "lane") == [last, 2], "the first trace ends earlier"
    view.press("Home", "ArrowUp", "ArrowUp", "ArrowUp")
    assert view.state("step", "lane") == [0, 0]


def test_a_process_is_marked_wherever_it_stands(show):
    view, _ = show(step=12)
    ground, marks = view.pixels(".lm-map canvas >> nth=0"), view.pixels(".lm-over")
    view.locator(".lm-map").focus()
    view.press("ArrowDown")
    assert view.pixels(".lm-over") != marks
    assert view.pixels(".lm-map canvas >> nth=0") == ground, "what does not change is not drawn again"


def test_python_moves_it_and_no_step_is_out_of_range(show):
    view, explorer = show()
    view.put(lane=4, step=7)
    assert view.readout().startswith("time 7 to 8 ")
    assert "round robin slot 1:" in view.readout()
    view.put(lane=0, step=len(explorer.other["steps"]) - 1)
    assert view.readout().startswith(f"time {explorer.trace['steps'][-1]['time']:g} to ")


def test_a_time_in_which_nobody_runs_is_told(show):
    kernel = Kernel(IntegerDriver(), num_blocks=30, slots=1)
    for arrival in (0, 20):
        kernel.spawn([1, 2], 3, arrival=arrival)
    kernel.run()
    view, _ = show(kernel.trace.as_dict(), crowded("fcfs"), names=["rare", "busy"], step=0)
    view.put(lane=1, step=10)
    assert "rare nobody runs 0 waiting busy slot 0: process" in view.readout()


# ---- house rules ----


@pytest.fixture(scope="module")
def largest():
    kernel = Kernel(IntegerDriver(), num_blocks=2000, block_size=4, slots=32, policy=RoundRobin(1))
    for pid in range(300):
        kernel.spawn([pid % 7] * 6, 100)
    kernel.run(max_steps=1500)
    return kernel.trace.as_dict()


@pytest.mark.parametrize("width", [390, 900])
def test_the_largest_fits(show, largest, width):
    view, _ = show(largest, largest, width=width)
    assert view.fits()
    view.locator(".lm-map").focus()
    view.press("End", "ArrowLeft")
    assert view.state("step") > 900


def test_png_and_svg_are_downloaded(show, tmp_path):
    view, _ = show()
    name, size, words = view.saved_picture(tmp_path)
    assert name == "slot-timeline"
    assert size[0] == 1720
    assert {"Who stood in the batch", "FCFS", "round robin", "slot 0", "slot 2", "memory", "time"} <= set(
        words
    )
    assert any(text.startswith("round robin: mean turnaround 18.1, mean response 1.3, all") for text in words)


def test_key_press_to_changed_pixels_is_reported(show, record_property):
    kernel = Kernel(IntegerDriver(), num_blocks=500, block_size=4, slots=8, policy=RoundRobin(1))
    for pid in range(60):
        kernel.spawn([pid] * 10, 60)
    kernel.run()
    view, _ = show(kernel.trace.as_dict(), kernel.trace.as_dict())
    report_latency(view.page, record_property, f"slot timeline, 2 x {len(kernel.trace.steps)} steps, 8 slots",
                   keys=("ArrowRight", "ArrowLeft"))  # fmt: skip
