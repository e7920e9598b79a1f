"""What others bring in fails: drivers, policies, drafts, tools, and users who ask for what cannot be."""

import contextlib
import errno
import math
import random

import pytest

from llmasos_edu.kernel.drivers import IntegerDriver, IntegerModel
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import State
from llmasos_edu.kernel.scheduler import FirstComeFirstServed, MultiLevelFeedbackQueue, RoundRobin
from llmasos_edu.kernel.steering import fork_steer_select
from llmasos_edu.kernel.syscalls import MemoryFS, SyscallTable


def make(driver=None, **options):
    return Kernel(driver or IntegerDriver(), **{"num_blocks": 64, "block_size": 4} | options)


def patiently(kernel, *errors):
    """Step on through errors until all have ended; returns how many there were."""
    met = 0
    for _ in range(2000):
        try:
            if not kernel.step():
                return met
        except errors:
            met += 1
    raise AssertionError("it does not come to an end")


# ---- the doors ----


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"prompt": "123"}, "prompt=123 are no token numbers"),
        ({"prompt": [1.7]}, "prompt=.1.7. are no token numbers"),
        ({"prompt": None}, "prompt=None are no token numbers"),
        ({"stop": 5}, "stop=5 are no token numbers"),
        ({"stop": [9999]}, "token 9999 is outside"),
        ({"capabilities": "read"}, "capabilities='read' is one text"),
        ({"user": 5}, "user=5 must be a text"),
        ({"user": "\ud800"}, "half of a character"),
        ({"seed": 1.5}, "seed=1.5 must be a whole number"),
        ({"seed": 2**64}, "seed=18446744073709551616 is out of range"),
        ({"priority": math.nan}, "priority=nan"),
        ({"priority": "high"}, "priority='high' must be a number"),
    ],
)
def test_a_wish_that_cannot_be_is_refused_before_anything_is_done(wishes, words):
    kernel = make()
    with pytest.raises((TypeError, ValueError), match=words):
        kernel.spawn(**{"prompt": [1], "max_new": 3} | wishes)
    assert not kernel.processes


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"policy": RoundRobin}, r"policy=RoundRobin is a class: call it, RoundRobin\(...\)"),
        ({"policy": "mlfq"}, r"policy='mlfq' has no method key\(\)"),
        ({"admission": "watermark"}, r"admission='watermark' has no method admits\(\)"),
        ({"cost": 1.0}, r"cost=1.0 has no method of\(\)"),
        ({"syscalls": {}}, r"syscalls={} has no method dispatch\(\)"),
    ],
)
def test_a_part_that_is_none_is_refused(part, words):
    with pytest.raises(TypeError, match=words):
        make(**part)


def test_a_process_of_another_kernel_is_left_alone():
    ours, theirs = make(), make()
    process = theirs.spawn([1], 20)
    for asked in (ours.fork, ours.kill, ours.resume):
        with pytest.raises(ValueError, match="process 0 belongs to another kernel"):
            asked(process)
    assert process.state is State.WAITING


# ---- policies and drafts ----


class Keyed(FirstComeFirstServed):
    def __init__(self, key):
        self.answer = key

    def key(self, process, now):
        return self.answer


@pytest.mark.parametrize("key", [3, None, (None,), (math.nan,), ("first",), [1]])
def test_a_key_that_is_no_tuple_of_numbers_is_told(key):
    kernel = make(policy=Keyed(key))
    kernel.spawn([1], 5)
    with pytest.raises(TypeError, match=r"Keyed.key gave .* for process 0, a tuple of numbers is wanted"):
        kernel.run()


class Tired(FirstComeFirstServed):
    turns = 0

    def ran(self, process, now):
        self.turns += 1
        if self.turns % 3 == 0:
            raise OSError("tired")


def test_a_policy_that_fails_now_and_then_costs_no_token_and_adds_none():
    tired, calm = make(policy=Tired()), make()
    texts = [[kernel.spawn([at], 7) for at in range(4)] for kernel in (tired, calm)]
    assert patiently(tired, OSError) > 5
    calm.run()
    assert [each.tokens for each in texts[0]] == [each.tokens for each in texts[1]]


@pytest.mark.parametrize("guesses", [None, [-5], [9999], "ab", [1.5]])
def test_a_draft_that_guesses_no_tokens_is_told(guesses):
    kernel = make(draft=lambda tokens: guesses)
    kernel.spawn([1], 5)
    with pytest.raises((TypeError, ValueError), match=r"no token numbers|outside the vocabulary"):
        kernel.run()
    assert len(kernel.pool.free) == 64


# ---- drivers ----


class Flaky(IntegerDriver):
    """Fails at every fifth use or so, half way through what it was asked for."""

    def __init__(self, often=0.35):
        super().__init__()
        self.often, self.chance = often, random.Random(0)

    def _use(self):
        if self.chance.random() < self.often:
            raise ConnectionError("the cable is loose")

    def forward(self, rows):
        said = super().forward(rows)
        self._use()
        return said

    def copy(self, source, target):
        self._use()
        super().copy(source, target)

    def load(self, block, contents):
        self._use()
        super().load(block, contents)

    def save(self, block):
        self._use()
        return super().save(block)


@pytest.mark.parametrize("evict", ["drop", "swap"])
@pytest.mark.parametrize("chunk", [None, 3])
def test_a_driver_that_fails_in_the_middle_spoils_no_text(evict, chunk):
    texts = []
    for driver, blocks in ((Flaky(), 9), (IntegerDriver(), 64)):
        kernel = Kernel(driver, num_blocks=blocks, block_size=4, slots=3, evict=evict, chunk=chunk,
                        draft=lambda tokens: tokens[-2:])  # fmt: skip
        own = [kernel.spawn([7, 8, 9, at] * 2, 14) for at in range(4)]
        for _ in range(3):
            with contextlib.suppress(ConnectionError):
                kernel.step()
        own.append(kernel.fork(own[0], [5, 6], max_new=8, seed=1))
        met = patiently(kernel, ConnectionError)
        assert len(kernel.pool.free) == blocks
        texts.append([each.tokens for each in own[:4]])
        assert met >= 3 or driver.__class__ is IntegerDriver
        child = own[4].tokens
        fresh = make()
        alone = fresh.spawn(child[: own[4].prompt_len], 8, seed=1)
        fresh.run()
        assert child == alone.tokens
    assert texts[0] == texts[1]


class Odd(IntegerDriver):
    def __init__(self, change):
        super().__init__()
        self.change = change

    def forward(self, rows):
        return self.change(super().forward(rows))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda said: [[] for _ in said], r"Odd said \[\] for process 0: from 1 to 1 are wanted"),
        (lambda said: [[1] * 50 for _ in said], r"Odd said .* from 1 to 1 are wanted"),
        (lambda said: [[9999] for _ in said], r"Odd said \[9999\] for process 0: tokens are whole numbers"),
        (lambda said: [[math.nan] for _ in said], "tokens are whole numbers below 512"),
        (lambda said: said[1:], r"Odd answered 2 rows with"),
        (lambda said: None, "Odd answered 2 rows with None"),
    ],
)
def test_an_answer_that_would_spoil_texts_or_never_end_is_refused(change, words):
    kernel = make(Odd(change))
    texts = [kernel.spawn([at], 5) for at in range(2)]
    with pytest.raises(RuntimeError, match=words):
        kernel.run(max_steps=100)
    assert [len(each.tokens) for each in texts] == [1, 1]


# ---- tools ----


def with_tool(function, count=4, **options):
    """A kernel whose processes call `function(kernel, process)` again and again, all run to their ends."""
    table = SyscallTable()
    kernel = make(
        IntegerDriver(IntegerModel(calls=[b"t {}"], call_every=3)), syscalls=table, num_blocks=256, slots=8
    )
    table.register("t", lambda process: function(kernel, process), **options)
    texts = [kernel.spawn([at], 120, capabilities=["t"]) for at in range(count)]
    kernel.run(max_steps=2000)
    assert all(each.ended for each in kernel.processes.values())
    assert len(kernel.pool.free) == 256
    assert table.audit
    return texts, {call.errno for call in table.audit}


class Wordless(Exception):
    def __str__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    "error", [Wordless(), OSError([], "odd"), OSError("\ud800"), SystemExit(1), RecursionError()]
)
def test_no_error_of_a_tool_stops_the_kernel(error):
    def fail(kernel, process):
        raise error

    _, numbers = with_tool(fail)
    assert numbers == {"EIO"}


@pytest.mark.parametrize(("said", "number"), [("\ud800", "OK"), (math.nan, "EIO"), ({1}, "EIO")])
def test_what_a_tool_says_that_no_text_or_json_holds(said, number):
    _, numbers = with_tool(lambda kernel, process: said)
    assert numbers == {number}


def test_half_a_character_in_a_path_is_an_error_as_any_other():
    table, files = SyscallTable(), MemoryFS()
    files.install(table)
    calls = [rb'read {"path": "\ud800"}', rb'write {"path": "\ud800", "text": "\ud800"}']
    kernel = make(IntegerDriver(IntegerModel(calls=calls, call_every=3)), syscalls=table, num_blocks=256)
    kernel.spawn([1], 200, capabilities=["read", "write"])
    kernel.run()
    assert {call.errno for call in table.audit} == {errno.errorcode[errno.ENOENT], "EIO"}


def test_a_tool_that_asks_for_a_step_gets_an_error_and_no_text_is_spoilt():
    texts, numbers = with_tool(lambda kernel, process: kernel.step())
    assert numbers == {"EIO"}

    def refuse(kernel, process):
        raise RuntimeError("a step was asked for within a step: the kernel is in the middle of one")

    assert [each.tokens for each in texts] == [each.tokens for each in with_tool(refuse)[0]]


def test_a_tool_may_kill_its_caller():
    texts, _ = with_tool(lambda kernel, process: kernel.kill(process))
    assert {each.state for each in texts} == {State.KILLED}


def test_a_tool_may_kill_those_of_the_same_step():
    def only_me(kernel, process):
        return [kernel.kill(each) for each in kernel.processes.values() if each is not process]

    texts, _ = with_tool(only_me)
    assert sorted(each.state.value for each in texts) == ["done", "killed", "killed", "killed"]


def test_a_tool_may_fork_one_who_reads_its_prompt_in_the_same_step():
    """It has blocks for the whole prompt, and nothing of them counts as read: both would write there."""
    forks, shared = [], []

    def branch(kernel, process):
        fresh = [each for each in kernel.processes.values() if each.space.table and not each.space.length]
        for other in fresh:
            forks.append((other, kernel.fork(other, [99, 98], max_new=9)))
            shared.extend(forks[-1][1].space.table)

    def plain(tokens, new):
        kernel = make(IntegerDriver(model), num_blocks=256, syscalls=table)
        alone = kernel.spawn(tokens, new)
        kernel.run()
        return alone.tokens

    table, model = SyscallTable(), IntegerModel(calls=[b"t {}"], call_every=4)
    kernel = make(IntegerDriver(model), num_blocks=400, slots=64, syscalls=table)
    table.register("t", lambda process: branch(kernel, process))
    kernel.spawn([1], 300, capabilities=["t"])
    for arrival in range(1, 40):
        kernel.spawn([arrival, *range(20)], 9, arrival=float(arrival))
    kernel.run()
    assert forks
    assert not shared, "a block that is not read yet has two writers"
    for parent, child in forks:
        assert parent.tokens == plain(parent.tokens[:21], 9)
        assert child.tokens == plain(child.tokens[:23], 9)


# ---- fork, steer, select; the trace ----


def test_children_of_a_bad_steer_are_not_left_behind():
    kernel = make()
    parent = kernel.spawn([1], 20)
    kernel.run(max_steps=3)
    with pytest.raises(ValueError, match="token 9999"):
        fork_steer_select(kernel, parent, [[1], [9999]], len)
    assert [each.state for each in kernel.processes.values()] == [State.READY, State.KILLED]


@pytest.mark.parametrize("score", [math.nan, None])
def test_a_score_that_is_no_number_is_told(score):
    kernel = make()
    parent = kernel.spawn([1], 20)
    with pytest.raises(ValueError, match=f"score gave {score} for process 1, a number is wanted"):
        fork_steer_select(kernel, parent, [[1], [2]], lambda child: score)


def test_a_trace_is_json_whatever_a_policy_keeps():
    policy = MultiLevelFeedbackQueue(boost=math.inf)
    policy.rule = abs
    text = make(policy=policy).trace.to_json()
    assert '"boost": "inf"' in text
    assert '"rule": "<built-in function abs>"' in text
