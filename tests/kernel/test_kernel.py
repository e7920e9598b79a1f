"""The kernel from outside: its doors, the life of a process, the clock, the size of the code."""

import ast
import io
import itertools
import json
import os
import tokenize
from pathlib import Path

import pytest

import llmasos_edu.kernel
from llmasos_edu.kernel.clock import Cost
from llmasos_edu.kernel.drivers import IntegerDriver, IntegerModel
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import State
from llmasos_edu.kernel.scheduler import RoundRobin
from llmasos_edu.kernel.speculation import NGramDraft
from llmasos_edu.kernel.syscalls import MemoryFS, SyscallTable

CORE = (
    *("admission", "batch", "clock", "drivers", "kernel", "memory", "process", "scheduler"),
    *("speculation", "steering", "syscalls", "trace"),
)


def make(**options):
    return Kernel(IntegerDriver(), **{"num_blocks": 8, "block_size": 4, "slots": 2} | options)


def code_lines(source):
    """Lines with code: no docstrings, no comments, no blanks."""
    docs = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            docs.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    no_code = (
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENDMARKER,
    )
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in no_code:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docs)


def test_code_lines_counts_code_alone():
    source = (
        '"""Doc."""\n\n# words\nx = 1  # more\n\ndef f():\n    """Doc\n    on."""\n    return (\n        x)\n'
    )
    assert code_lines(source) == 4


@pytest.mark.skipif("MUTANT_UNDER_TEST" in os.environ, reason="mutmut's copies of the code are longer")
def test_the_core_is_under_1200_lines():
    folder = Path(llmasos_edu.kernel.__file__).parent
    counts = {name: code_lines((folder / f"{name}.py").read_text(encoding="utf-8")) for name in CORE}
    assert sum(counts.values()) < 1200, counts


# ---- the doors ----


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_blocks": 0}, "num_blocks=0"),
        ({"block_size": -1}, "block_size=-1"),
        ({"slots": 1.5}, "slots=1.5"),
        ({"chunk": 0}, "chunk=0"),
        ({"evict": "lose"}, "evict='lose'"),
    ],
)
def test_bad_settings_are_told(options, words):
    with pytest.raises(ValueError, match=words):
        make(**options)


@pytest.mark.parametrize("cost", [{"step": 0}, {"token": -1}, {"copy": float("inf")}])
def test_a_clock_that_stands_or_goes_back_is_refused(cost):
    with pytest.raises(ValueError, match="step must be positive"):
        Cost(**cost)


def test_an_empty_prompt_no_token_to_say_and_the_past_are_refused():
    kernel = make()
    with pytest.raises(ValueError, match="prompt is empty"):
        kernel.spawn([], 3)
    with pytest.raises(ValueError, match="max_new=0"):
        kernel.spawn([1], 0)
    kernel.spawn([1], 3)
    kernel.run()
    with pytest.raises(ValueError, match=r"arrival=1 lies before now=3"):
        kernel.spawn([1], 3, arrival=1)
    assert len(kernel.processes) == 1


def test_what_can_never_fit_is_rejected_with_the_blocks():
    kernel = make()
    process = kernel.spawn([1] * 30, 4)
    assert process.state is State.REJECTED
    assert process.reason == "needs 9 blocks, the pool has 8"
    assert kernel.spawn([1] * 30, 3).state is State.WAITING  # 32 slots: the last token needs none
    kernel.run()


def test_who_has_ended_cannot_be_forked_reaped_twice_or_resumed_unless_killed():
    kernel = make()
    process = kernel.spawn([1], 2)
    with pytest.raises(ValueError, match="kill it first"):
        kernel.reap(process)
    kernel.run()
    with pytest.raises(ValueError, match="process 0 is done and cannot be forked"):
        kernel.fork(process)
    with pytest.raises(ValueError, match="process 0 is done, not killed"):
        kernel.resume(process)
    assert not kernel.kill(process)
    kernel.reap(process)
    assert not kernel.processes


# ---- life ----


def test_a_process_keeps_what_it_was_born_with_and_hands_it_on():
    class Choosing(IntegerDriver):
        def check(self, sampling):
            assert sampling in (None, "hot")

    kernel = Kernel(Choosing(), num_blocks=8, block_size=4)
    plain = kernel.spawn([1], 3)
    assert (plain.user, plain.priority, plain.seed, plain.sampling) == ("", 0.0, 0, None)
    given = {"user": "Ada", "priority": -2.5, "seed": 7, "sampling": "hot"}
    mother = kernel.spawn([1], 3, stop=[5], capabilities=["read"], **given)
    child = kernel.fork(mother)
    for process in (mother, child):
        assert {name: getattr(process, name) for name in given} == given
        assert (process.stop, process.capabilities) == (frozenset({5}), frozenset({"read"}))
    assert kernel.fork(mother, seed=2**64 - 1).seed == 2**64 - 1
    kernel.kill(mother)
    assert mother.reason == "killed"


def test_a_child_s_seed_and_length_are_checked_under_their_names():
    kernel = make()
    mother = kernel.spawn([1], 3)
    with pytest.raises(ValueError, match=r"^max_new=0"):
        kernel.fork(mother, max_new=0)
    with pytest.raises(ValueError, match=rf"^seed={2**64}"):
        kernel.fork(mother, seed=2**64)
    with pytest.raises(ValueError, match=rf"^seed={-(2**63) - 1}"):
        kernel.fork(mother, seed=-(2**63) - 1)


def test_a_step_gives_every_slot_a_token():
    kernel = make()
    processes = [kernel.spawn([number], 3) for number in range(3)]
    kernel.step()
    assert [len(process.output) for process in processes] == [1, 1, 0]
    assert [process.first_token for process in processes] == [1, 1, None]
    kernel.run()
    assert [process.finished for process in processes] == [3, 3, 6]


def test_losing_ones_turn_is_not_being_evicted():
    kernel = make(policy=RoundRobin(1), slots=1)
    processes = [kernel.spawn([number] * 3, 6) for number in range(3)]
    kernel.run()
    assert [process.evictions for process in processes] == [0, 0, 0]
    assert [process.computed for process in processes] == [8, 8, 8]


def test_processes_that_begin_alike_share_blocks_and_other_users_do_not():
    for salted, blocks in ((True, 6), (False, 5)):
        kernel = make(salted=salted, num_blocks=20, slots=3)
        prompt = list(range(9))
        first = kernel.spawn(prompt, 9, user="a")
        kernel.step()
        second, third = kernel.spawn(prompt, 9, user="a"), kernel.spawn(prompt, 9, user="b")
        kernel.step()
        assert second.reused == 8
        assert third.reused == (0 if salted else 8)
        assert 20 - len(kernel.pool.free) == blocks + (1 if salted else 0)
        kernel.run()
        assert first.output == second.output == third.output


def test_a_child_shares_until_one_of_the_two_writes():
    kernel = make(slots=2)
    parent = kernel.spawn([1] * 6, 8)
    kernel.step()
    child = kernel.fork(parent, seed=7)
    assert child.reused == 6
    assert child.space.table == parent.space.table
    kernel.step()
    assert child.space.table[0] == parent.space.table[0]
    assert child.space.table[1] != parent.space.table[1]
    kernel.run()
    assert child.output != parent.output[1:]


def test_a_killed_child_leaves_the_parent_alone_and_the_other_way_round():
    alone = make()
    right = alone.spawn([1] * 6, 8)
    alone.run()
    for who in (0, 1):
        kernel = make(slots=2)
        parent = kernel.spawn([1] * 6, 8)
        kernel.step()
        both = parent, kernel.fork(parent)
        kernel.step()
        kernel.kill(both[who])
        kernel.run()
        assert both[1 - who].tokens == right.tokens
        assert len(kernel.pool.free) == 8


def test_a_killed_process_goes_on_from_its_transcript():
    alone = make()
    right = alone.spawn([1] * 6, 8)
    alone.run()
    kernel = make()
    process = kernel.spawn([1] * 6, 8)
    kernel.run(max_steps=4)
    kernel.kill(process, "the user left")
    assert (process.state, process.reason) == (State.KILLED, "the user left")
    assert kernel.resume(process).job == process.job
    half = kernel.resume(process, process.tokens[:7])
    with pytest.raises(ValueError, match="no transcript of process 0"):
        kernel.resume(process, [9] * 7)
    with pytest.raises(ValueError, match="no transcript of process 0"):
        kernel.resume(process, [1] * 5)
    kernel.run()
    assert [p.tokens for p in kernel.processes.values()][1:] == [right.tokens, half.tokens]
    assert half.tokens == right.tokens


def test_run_stops_at_the_time_or_after_the_steps():
    kernel = make()
    kernel.spawn([1], 20)
    assert kernel.run(until=5) == 5
    assert kernel.run(max_steps=2) == 2
    assert kernel.now == 7


def test_nobody_there_means_the_clock_jumps_to_the_next_arrival():
    kernel = make()
    process = kernel.spawn([1], 2, arrival=100)
    kernel.run()
    assert (process.first_token, process.finished) == (101, 102)
    never = kernel.spawn([1], 2, arrival=300)
    assert kernel.kill(never)
    kernel.reap(never)
    kernel.run()
    assert never.output == []


def test_the_clock_counts_steps_tokens_and_copies():
    kernel = make(cost=Cost(step=10, token=1, copy=100))
    parent = kernel.spawn([1] * 6, 3)
    kernel.step()
    assert kernel.now == 16
    kernel.fork(parent, seed=3)
    kernel.step()
    assert kernel.now == 16 + 10 + 2 + 100


def test_swapping_copies_where_dropping_computes_again():
    computed, copied = {}, {}
    for evict in ("drop", "swap"):
        kernel = make(evict=evict, policy=RoundRobin(1), num_blocks=5, prefix_cache=False)
        processes = [kernel.spawn([number] * 5, 12) for number in range(2)]
        kernel.run()
        assert sum(process.evictions for process in processes) > 0
        computed[evict] = sum(process.computed for process in processes)
        copied[evict] = sum(step["copied"] for step in kernel.trace.steps)
    assert computed["swap"] == 2 * 16 < computed["drop"]
    assert copied["drop"] == 0 < copied["swap"]


def test_pieces_of_a_long_prompt_let_the_others_go_on():
    worst = {}
    for chunk in (None, 8):
        kernel = make(num_blocks=40, chunk=chunk, cost=Cost(step=1, token=0.1))
        short = kernel.spawn([1], 30)
        kernel.spawn([2] * 80, 2, arrival=5)
        kernel.run()
        batches = [(step["end"], [row["pid"] for row in step["batch"]]) for step in kernel.trace.steps]
        times = [end for end, pids in batches if short.pid in pids]
        worst[chunk] = max(after - before for before, after in itertools.pairwise(times))
    assert worst[None] > 9
    assert worst[8] < 2


def test_right_guesses_save_steps_and_change_nothing():
    said, steps = {}, {}
    for draft in (None, NGramDraft(4)):
        kernel = Kernel(IntegerDriver(IntegerModel(1)), num_blocks=20, block_size=4, draft=draft)
        process = kernel.spawn([0, 0, 0], 20)
        steps[draft is None] = kernel.run()
        said[draft is None] = process.tokens
    assert said[True] == said[False]
    assert (steps[True], steps[False]) == (20, 4)


def test_blocks_behind_the_window_are_given_back():
    kernel = Kernel(IntegerDriver(IntegerModel(window=6)), num_blocks=20, block_size=4)
    process = kernel.spawn([1] * 10, 40)
    held = []
    while kernel.step():
        held.append(20 - len(kernel.pool.free))
    assert max(held[1:]) <= 3
    assert len(process.output) == 40


# ---- calls ----


def test_a_blocked_process_leaves_its_slot_to_others_and_its_answer_becomes_text():
    table = SyscallTable()
    table.register("clock", lambda process: "noon", latency=7)
    driver = IntegerDriver(IntegerModel(3, calls=[b"clock"], call_every=1))
    kernel = Kernel(driver, num_blocks=40, slots=1, syscalls=table)
    caller = kernel.spawn([1], 30, capabilities=["clock"])
    other = kernel.spawn([2], 4)
    kernel.run()
    words = [256, *b"clock", 257, 258, *b"OK noon", 259]
    assert caller.output[: len(words)] == words
    assert other.finished < caller.finished
    first = table.audit[0]
    assert (first.time, first.pid, first.name, first.errno) == (7, 0, "clock", "OK")
    with pytest.raises(ValueError, match="cannot be forked"):
        blocked_again(kernel)


def blocked_again(kernel):
    process = kernel.spawn([1], 30, capabilities=["clock"])
    while process.state is not State.BLOCKED:
        kernel.step()
    kernel.fork(process)


def test_an_effect_is_not_done_twice_after_kill_and_resume():
    table, files = SyscallTable(), MemoryFS()
    files.install(table, latency=5)
    driver = IntegerDriver(IntegerModel(2, calls=[b'append {"path": "log", "text": "x"}'], call_every=1))
    kernel = Kernel(driver, num_blocks=40, syscalls=table)
    process = kernel.spawn([1], 55, user="ada", capabilities=["write"])
    while process.state is not State.BLOCKED:
        kernel.step()
    kernel.kill(process)
    assert files.files == {"ada": {"log": "x"}}
    kernel.resume(process)
    kernel.resume(process, process.tokens[:1])  # from its prompt: it writes the call once more
    kernel.run()
    assert files.files == {"ada": {"log": "x"}}
    assert [call.replayed for call in table.audit] == [False, True, True]


# ---- the trace ----


def test_the_trace_is_json_with_tables_where_asked_for():
    kernel = make(trace="memory")
    kernel.spawn([1] * 5, 2)
    kernel.run()
    trace = json.loads(kernel.trace.to_json())
    assert set(trace) == {"meta", "steps", "rest", "procs"}
    assert trace["meta"]["policy"] == {"name": "FirstComeFirstServed"}
    assert trace["steps"][0]["tables"] == {"0": {"table": [0, 1], "slots": 5}}
    assert [event[0] for event in trace["steps"][0]["events"]] == ["admit"]
    assert trace["procs"][0]["state"] == "done"


def test_a_trace_of_the_memory_tells_what_is_swapped_out_and_what_is_known():
    kernel = make(num_blocks=6, block_size=2, slots=1, policy=RoundRobin(1), evict="swap", trace="memory")
    first, second = kernel.spawn([1, 2, 3], 6), kernel.spawn([4, 5, 6], 6)
    kernel.spawn([7], 1, arrival=50)
    while not first.evictions + second.evictions:
        kernel.step()
    step = kernel.trace.as_dict()["steps"][-1]
    victim = first if first.evictions else second
    other = second if first.evictions else first
    assert step["swapped"] == {str(victim.pid): 3}
    assert list(step["tables"]) == [str(other.pid)]
    assert step["states"] == {"0": "ready", "1": "ready"}, "who comes later is not there yet"
    kernel.run()
    steps = kernel.trace.as_dict()["steps"]
    assert steps[-1]["states"] == {}
    known = [at for at, block in enumerate(kernel.pool.blocks) if block.key is not None]
    assert steps[-1]["cached"] == known != []
    for step in steps:
        held = {block for each in step["tables"].values() for block in each["table"]}
        assert not held & set(step["cached"])
        assert len(held) + step["free"] == 6


def test_without_a_trace_nothing_is_kept():
    kernel = make(trace=False)
    kernel.spawn([1] * 5, 2)
    kernel.run()
    assert kernel.trace.steps == kernel.trace.events == []
