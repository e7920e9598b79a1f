"""One-line bugs: each is caught by the invariant that is named with it, or proved to change nothing."""

import tomllib
from pathlib import Path

import pytest
from kernel_workloads import kit, run_battery

BUGS = tomllib.loads((Path(__file__).parent / "kernel_mutants.toml").read_text(encoding="utf-8"))["bug"]
HARMFUL = [bug for bug in BUGS if bug["caught_by"]]
HARMLESS = [bug for bug in BUGS if not bug["caught_by"]]


def broken_kit(bug):
    return kit((bug["module"], bug["old"], bug["new"]))


@pytest.mark.parametrize("bug", HARMFUL, ids=[bug["name"] for bug in HARMFUL])
def test_the_invariants_catch(bug):
    found = run_battery(broken_kit(bug))
    assert found is not None
    number, words = found
    assert number == bug["caught_by"], words


@pytest.mark.parametrize("bug", HARMLESS, ids=[bug["name"] for bug in HARMLESS])
def test_what_is_proved_to_change_nothing_passes(bug):
    assert len(bug["why"]) > 40
    assert run_battery(broken_kit(bug), seeds=8) is None


def test_the_kernel_itself_passes_from_the_same_copies():
    assert run_battery(kit(("memory", "class BlockPool:", "class BlockPool:")), seeds=8) is None


def test_there_are_enough_bugs_and_every_invariant_catches_one():
    assert len(HARMFUL) >= 30
    assert {bug["caught_by"] for bug in HARMFUL} == {1, 2, 3, 4, 5, 6}
    assert len({bug["name"] for bug in BUGS}) == len(BUGS)
