"""One-line bugs: each is caught by the invariant that is named with it, or proved to change nothing."""

import pytest
from kernel_workloads import run_battery

from llmasos_edu.kernel.kept_bugs import INVARIANTS, broken_kernel, copied, kept_bugs, source_of

BUGS = kept_bugs()
HARMFUL = [bug for bug in BUGS if bug.caught_by]
HARMLESS = [bug for bug in BUGS if not bug.caught_by]


def battery(bug, **options):
    return run_battery(vars(broken_kernel(bug.name)), **options)


@pytest.mark.parametrize("bug", HARMFUL, ids=[bug.name for bug in HARMFUL])
def test_the_invariants_catch(bug):
    found = battery(bug)
    assert found is not None
    number, words = found
    assert number == bug.caught_by, words


@pytest.mark.parametrize("bug", HARMLESS, ids=[bug.name for bug in HARMLESS])
def test_what_is_proved_to_change_nothing_passes(bug):
    assert len(bug.why) > 40
    assert battery(bug, seeds=8) is None


def test_the_kernel_itself_passes_from_the_same_copies():
    assert run_battery(copied(("memory", "class BlockPool:", "class BlockPool:")), seeds=8) is None


def test_there_are_enough_bugs_and_every_invariant_catches_one():
    assert len(HARMFUL) >= 30
    assert {bug.caught_by for bug in HARMFUL} == set(INVARIANTS)
    assert len({bug.name for bug in BUGS}) == len(BUGS)


def test_a_bug_names_the_line_that_it_changes():
    for bug in BUGS:
        first, *_ = bug.old.strip("\n").splitlines()
        assert first in source_of(bug.module).splitlines()[bug.line - 1]


def test_an_unknown_bug_and_a_line_that_is_not_there_are_told():
    with pytest.raises(ValueError, match="no bug is called 'none'"):
        broken_kernel("none")
    with pytest.raises(LookupError, match=r"stands 0 times in memory\.py"):
        copied(("memory", "no such line", ""))
