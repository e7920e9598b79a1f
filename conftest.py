"""The order of a test run, and what it says at its end: how many ran, what was skipped, the slowest."""

import collections
import gc
import os
import re
import time

import pytest

STARTED = pytest.StashKey[float]()
CELL = re.compile(r"\.ipynb::Cell \d+")


def pytest_configure(config):
    # No progress bars in what is compared, also where pytest is called by hand.
    os.environ.setdefault("LLMASOS_PROGRESS", "0")
    config.stash[STARTED] = time.monotonic()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """Nothing that is collected is garbage: looking for some takes a fifth of the time, in every worker."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The longest files first: a chapter that began last would leave one of two workers alone with it.

    xdist hands out files in this order (`--dist loadscope --no-loadscope-reorder`).
    """
    from llmasos_edu.book import load_outline

    seconds = {f"{chapter.file}.ipynb": chapter.seconds for chapter in load_outline()}
    seconds |= {
        "test_stored_evidence.py": 90,
        "test_every_explorer_page.py": 70,
        "test_every_explorer_in_jupyter.py": 45,
        "test_static_pages.py": 45,
        "test_jupyterlab.py": 30,
        "test_project_exercises.py": 30,
        "test_command.py": 25,
        "test_checker.py": 25,
        "test_checkpoint.py": 20,
        "test_command_line.py": 20,
    }

    def longest_first(item):
        return -seconds.get(item.path.name, 20 if item.path.parent.name == "browser" else 5)

    items.sort(key=longest_first)  # stable: the order within a file and among equals stays


def slowest(terminalreporter, number=10):
    """(seconds, name) of the slowest tests and whole notebooks, the slowest first."""
    spent = collections.Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if hasattr(report, "duration"):
                spent[CELL.sub(".ipynb", report.nodeid)] += report.duration
    return [(seconds, name) for name, seconds in spent.most_common(number)]


def reports_by_outcome(terminalreporter):
    """{outcome: {nodeid}} over passed, failed and skipped; an error in set-up counts as failed."""
    words = {
        "passed": "passed",
        "failed": "failed",
        "error": "failed",
        "skipped": "skipped",
        "xfailed": "passed",
    }
    outcomes = {"passed": set(), "failed": set(), "skipped": set()}
    for category, outcome in words.items():
        outcomes[outcome].update(report.nodeid for report in terminalreporter.stats.get(category, []))
    return outcomes


def summary_lines(outcomes, seconds):
    """The lines of the summary; skipped browser tests get a line of their own."""
    lines = []
    for name, is_cell in (("tests", False), ("notebook cells", True)):
        counts = {
            outcome: sum(bool(CELL.search(nodeid)) == is_cell for nodeid in nodeids)
            for outcome, nodeids in outcomes.items()
        }
        lines.append(f"{name:>15}: " + ", ".join(f"{number} {outcome}" for outcome, number in counts.items()))
    lines.append(f"{'time':>15}: {int(seconds) // 60} min {int(seconds) % 60} s")
    if skipped := skipped_browser_tests(outcomes):
        lines.append(
            f"BROWSER TESTS SKIPPED: {len(skipped)} (no Chromium could be had; in CI this is a failure)"
        )
    return lines


def latency_lines(terminalreporter):
    """What the browser tests measured: from a key press to changed pixels."""
    stats = terminalreporter.stats
    reports = stats.get("passed", []) + stats.get("failed", [])
    return sorted(text for r in reports for name, text in r.user_properties if name == "latency")


def skipped_browser_tests(outcomes):
    return sorted(nodeid for nodeid in outcomes["skipped"] if nodeid.startswith("tests/browser"))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    """In CI a browser test that did not run is a failure, or nobody would notice for months."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    on_a_worker = hasattr(session.config, "workerinput")
    if reporter is None or on_a_worker or not os.environ.get("CI"):
        return
    if skipped_browser_tests(reports_by_outcome(reporter)) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.section("the book")
    lines = summary_lines(reports_by_outcome(terminalreporter), time.monotonic() - config.stash[STARTED])
    lines += [f"{'key to pixels':>15}: {text}" for text in latency_lines(terminalreporter)]
    lines += [f"{seconds:>13.0f} s: {name}" for seconds, name in slowest(terminalreporter)]
    for line in lines:
        terminalreporter.write_line(line)
