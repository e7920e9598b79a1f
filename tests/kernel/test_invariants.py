"""The six invariants over random workloads: 300 on every change, `make workloads` for 10,000 and more."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_workloads import BARE, NOTES, check_repeats, run_workload, tight_fork, tight_readers

HERE = Path(__file__).parent
WORKLOADS = int(os.environ.get("LLMASOS_WORKLOADS", "200"))


def seen(kernels):
    """What the workloads came across, so that none of it is left untested."""
    processes = [process for kernel in kernels for process in kernel.processes.values()]
    rows = [row for kernel in kernels for step in kernel.trace.steps for row in step["batch"]]
    return {
        "evictions": sum(process.evictions for process in processes),
        "reused": sum(process.reused for process in processes),
        "rejected": sum(process.state.value == "rejected" for process in processes),
        "killed": sum(process.state.value == "killed" for process in processes),
        "forked": sum(process.parent is not None for process in processes),
        "calls": sum(process.calls for process in processes),
        "pieces": sum(not row["said"] for row in rows),
        "guessed": sum(len(row["said"]) > 1 for row in rows),
        "copied": sum(step["copied"] for kernel in kernels for step in kernel.trace.steps),
    }


@pytest.mark.parametrize("part", range(4))
def test_random_workloads_keep_all_invariants(part):
    kernels = [run_workload(seed) for seed in range(part, WORKLOADS, 4)]
    if WORKLOADS >= 100:
        assert min(seen(kernels).values()) > 0, seen(kernels)


def test_random_workloads_of_calls_with_effects():
    kernels = [run_workload(seed, **NOTES) for seed in range(1_000_000, 1_000_000 + WORKLOADS // 4)]
    replays = sum(call.replayed for kernel in kernels for call in kernel.syscalls.audit)
    assert replays > 0


def test_the_future_peak_needs_no_eviction():
    for seed in range(2_000_000, 2_000_000 + WORKLOADS // 4):
        run_workload(seed, admission="future_peak", **BARE)


@settings(max_examples=max(40, WORKLOADS // 10), deadline=None)
@given(
    seed=st.integers(0, 1 << 40),
    switches=st.fixed_dictionaries(
        {},
        optional={
            "policy": st.sampled_from(["fcfs", "sjf", "round_robin", "priority", "mlfq"]),
            "admission": st.sampled_from(["optimistic", "watermark", "future_peak"]),
            "evict": st.sampled_from(["drop", "swap"]),
            "chunk": st.sampled_from([None, 1, 3]),
            "window": st.sampled_from([None, 1, 2, 7]),
            "draft": st.booleans(),
            "calls": st.booleans(),
            "forks": st.booleans(),
            "kills": st.booleans(),
        },
    ),
)
def test_every_mixture_of_switches_keeps_all_invariants(seed, switches):
    run_workload(seed, **switches)


def test_long_prompts_in_pieces_do_not_evict_each_other_for_ever():
    tight_readers()


def test_a_parent_does_not_wait_for_a_child_that_waits():
    tight_fork()


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed():
    script = (
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "from kernel_workloads import check_repeats\n"
        "for seed in range(6): print(check_repeats(seed))"
    )
    said = set()
    for hash_seed in ("0", "1", "4242"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", script]
        said.add(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert len(said) == 1
    assert len(said.pop()) > 1000


def test_other_seeds_give_other_traces():
    assert check_repeats(1) != check_repeats(2)
