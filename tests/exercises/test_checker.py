"""The checker: what becomes of answers that loop, crash, print or return odd things, and of the worker."""

import functools
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import cloudpickle
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import llmasos_edu.exercises as exercises
from llmasos_edu.exercises import Case, Exercise, Mistake, check, hint, judge, solution
from llmasos_edu.exercises.checker import client, judging, worker
from llmasos_edu.exercises.checker.blanks import is_empty
from llmasos_edu.exercises.checker.comparing import agree, to_tensor
from llmasos_edu.exercises.checker.exercise import value_and_gradient
from llmasos_edu.exercises.checker.judging import examine

# As in a notebook, where functions travel whole and not by the name of their module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
KEY = "4.1-3"
DEAR = "4.2-10"  # its mistakes take much longer than an answer


def right(query, key, value):
    return F.scaled_dot_product_attention(query, key, value, is_causal=True)


def judge_right():
    return judge(KEY, right).status


# A small exercise, judged in this process ------------------------------------------------------------


def double(x):
    """x [n] -> twice x [n]."""
    return 2 * x


def make_exercise(**changes):
    settings = {
        "key": "0-1",
        "title": "Twice",
        "difficulty": 1,
        "minutes": 5,
        "statement": "Return twice x.",
        "takeaway": "Two is more than one.",
        "reference": double,
        "explanation": "Two times.",
        "hints": ("one", "two", "three"),
        "cases": (
            Case("three numbers", (torch.tensor([1.0, 2.0, -3.0]),)),
            Case("two numbers", (torch.tensor([0.5, 4.0]),)),
            Case("a table", (torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0]]),)),
        ),
        "mistakes": (Mistake("squared", "You square.", (lambda x: x * x,)),),
    }
    return Exercise(**settings | changes)


def examined(answer, **changes):
    return examine(make_exercise(**changes), lambda: answer)


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (lambda x: x + x, "correct", "all 3 cases"),
        (lambda x: (x + x).numpy(), "correct", "an ndarray"),
        (lambda x: (x + x).tolist(), "correct", "a list"),
        (lambda x: [2 * row for row in x], "correct", "a list"),
        (lambda x: "twice", "wrong", "a str ('twice')"),
        (lambda x: {"a": x}, "wrong", "a dict"),
        (lambda x: [x, None], "wrong", "a list of 2 things"),
        (lambda x: object(), "wrong", "an object"),
        (lambda x: 2 * x.sum(), "wrong", "For two numbers, your result has the shape [], but [2]"),
        (
            lambda x: 2 * x[None],
            "wrong",
            "right numbers in the right order, but the shape [1, 3] instead of [3]",
        ),
        (
            lambda x: 2 * x / 0 * 0,
            "wrong",
            "your result is NaN in 2 of 2 places, the first for entry 0: 0/0, 0 times infinity",
        ),
        (lambda x: 6 * x, "wrong", "3 times what it should be, here and in every other case"),
        (
            lambda x: -2 * x,
            "wrong",
            "-1 times what it should be, here and in every other case that fails. The sign",
        ),
        (lambda x: 2 * x * x.numel(), "wrong", "another multiple in other cases"),
        (lambda x: 2 * x.T if x.ndim == 2 else 2 * x, "wrong", "axes 0 and 1 exchanged"),
        (
            lambda x: 2 * x + (x == 2),
            "wrong",
            "differs in 1 of 3 places: the first, entry 1, is 5 and should be 4",
        ),
        (lambda x: 2 * x if x.ndim == 1 else x + 1, "wrong", "Right in 2 of 3 cases. For a table"),
        (lambda x: (2 * x + 0.03 * (x > 1)).bfloat16(), "wrong", "bfloat16 keeps too few digits"),
        (lambda x: 2 * x + 0.02, "wrong", "too large by 0.02, here and in every other case that fails"),
        (lambda x: 2 * x if len(x) > 2 else None, "wrong", "every branch"),
        (lambda x: print(end=""), "wrong", "nothing back (None) in every case"),
        (lambda x: 2 * x.mul_(1.5), "wrong", "writes into `x`"),
        (lambda x: x.mul_(2), "wrong", "your input `x` is different after the call"),
        (lambda x: 2 * x + torch.rand(()), "wrong", "another call with the same inputs"),
        (lambda x: x * x, "known mistake", "You square."),
        (lambda x: ..., "blank", "not answered yet"),
        (
            lambda x, y: x,
            "wrong",
            "takes (x, y), but the exercise calls it with 1 arguments in this order: x",
        ),
        (torch.ones(3), "wrong", "without brackets after the name"),
        (lambda x: x[9], "error", "For three numbers, your code stopped with IndexError"),
        (lambda x: 2 * x if x.ndim == 1 else x[9], "error", "Right in 2 of 3 cases, but for a table"),
        (lambda x: sys.exit(), "error", "asked Python to exit"),
        (lambda x: right(), "error", "TypeError"),
        (lambda x: 1 / 0, "error", "ZeroDivisionError: division by zero."),
    ],
)
def test_a_verdict_in_words(answer, status, said):
    verdict = examined(answer)
    assert verdict.status == status, verdict.message
    assert said in verdict.message


def test_whole_numbers_in_place_of_fractions_are_noticed():
    verdict = examined(lambda x: (x / 4).int(), reference=lambda x: x / 4)
    assert "cut to whole numbers (int32)" in verdict.message


def test_a_function_that_is_right_once_only_is_not_correct():
    calls = []

    def forgetful(x):
        calls.append(x)
        return 2 * x if len(calls) <= 3 else x

    assert "another call with the same inputs" in examined(forgetful).message


def test_a_mistake_with_a_second_slip_beside_it_is_still_named():
    cases = (*make_exercise().cases, Case("one number", (torch.tensor([3.0]),)))
    verdict = examined(lambda x: x * x if x.ndim == 1 else x * x + 1, cases=cases)
    assert (verdict.status, verdict.mistake) == ("known mistake", "squared")
    assert verdict.message.startswith(
        "In 3 of the 4 cases that come out wrong your answer is that of a usual"
    )
    assert (
        "For a table, yours gives something else than the form of this slip that I know." in verdict.message
    )
    assert "For a table, your result differs" in verdict.message


def test_a_mistake_that_explains_too_little_is_not_named():
    assert examined(lambda x: x * x if len(x) == 3 else x + 1).mistake is None, "one case of three"
    fourth = Case("four numbers", (torch.arange(4.0) + 3,))
    cases = (*make_exercise().cases, fourth)
    half = examined(lambda x: x * x if x.ndim == 1 and len(x) < 4 else x + 1, cases=cases)
    assert half.mistake is None, "two cases of four"
    rare = Mistake("tables summed", "You sum tables.", (lambda x: x.sum() if x.ndim == 2 else 2 * x,))
    lone = examined(lambda x: x.sum() if x.ndim == 2 else x + 1, mistakes=(rare,))
    assert lone.mistake is None, "the only case that shows it, with everything else wrong"


def test_a_gradient_that_is_asked_for_must_flow():
    parts = ("output", "gradient of x")
    cut = examined(lambda x: 2 * x.detach(), observe=value_and_gradient, parts=parts)
    assert cut.status == "wrong"
    assert "the gradient of x is missing" in cut.message
    assert examined(lambda x: x + x, observe=value_and_gradient, parts=parts).status == "correct"
    assert examined(lambda x: None, observe=value_and_gradient, parts=parts).status == "blank"


def test_several_results_are_named():
    reference = make_exercise(reference=lambda x: (2 * x, x), parts=("double", "itself"))
    assert examine(reference, lambda: lambda x: 2 * x).message.endswith(
        "2 results are asked for: double, itself."
    )
    assert (
        "The double is right. The itself is too large by 1"
        in examine(reference, lambda: lambda x: (2 * x, x + 1)).message
    )
    assert examine(reference, lambda: lambda x: [x + x, x * 1]).status == "correct"


def test_whole_numbers_that_are_asked_for_are_compared_to_the_last_unit():
    whole = {"reference": lambda x: (1_000_000 * len(x), len(x)), "parts": ("millions", "length")}
    exact = whole | {"rtol": 0, "atol": 0.5}
    assert examined(lambda x: (10**6 * len(x), len(x)), **exact).status == "correct"
    near = examined(lambda x: (10**6 * len(x) + 20, len(x)), **exact)
    assert near.status == "wrong"
    assert "The millions are too large by 20, here and in every other case" in near.message
    far = examined(lambda x: (10**6 * len(x), 7 + len(x)), **exact)
    assert "The length is too large by 7, here" in far.message
    assert "a number is asked for" in examined(lambda x: (10**6 * len(x), "three"), **exact).message


def test_known_results_are_computed_before_the_answer_is_loaded():
    def load():
        torch.Tensor.__mul__, keep = (lambda self, other: self), torch.Tensor.__mul__
        try:
            return lambda x: x + x
        finally:
            torch.Tensor.__mul__ = keep

    order = []
    item = make_exercise(reference=lambda x: order.append("reference") or 2 * x)
    examine(item, lambda: order.append("load") or load())
    assert order.index("load") == 3


def test_looking_for_words_never_costs_the_verdict(monkeypatch):
    def stumbles(*anything):
        raise IndexError

    monkeypatch.setattr(judging, "describe", stumbles)
    verdict = examined(lambda x: x.square().cos())
    assert verdict.status == "wrong"
    assert "It is wrong for" in verdict.message


def test_blanks_are_told_from_answers():
    def dots(x):
        """What it does."""
        ...  # noqa: PIE790

    def passes(x):
        pass

    def todo(x):
        raise NotImplementedError

    def todo_in_words(x):
        raise NotImplementedError("later")

    assert all(is_empty(blank) for blank in (None, ..., dots, passes, todo, todo_in_words))
    assert not is_empty(lambda x: "a text that is handed back")
    assert not any(is_empty(answer) for answer in (lambda x: x, lambda x: 0, print, torch.nn.Identity()))


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5) | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=6,
)


@given(values)
@settings(max_examples=200, deadline=None)
def test_any_returned_value_gets_a_sentence(value):
    wanted = torch.tensor([1.0, 2.0])
    assert to_tensor(value) is None or isinstance(to_tensor(value), torch.Tensor)
    if not agree(value, wanted, rtol=1e-3, atol=1e-5):
        verdict = examined(lambda x: value, reference=lambda x: wanted, mistakes=())
        assert verdict.status in ("wrong", "blank")
        assert verdict.message.endswith((".", "?"))
    else:
        assert np.allclose(np.asarray(value), [1, 2], rtol=1e-2)


# In the worker ---------------------------------------------------------------------------------------


def loops(query, key, value):
    while True:
        pass


def sleeps(query, key, value):
    time.sleep(60)


def raises(query, key, value):
    scores = query @ key
    return scores @ value


def exits(query, key, value):
    raise SystemExit(3)


def exits_hard(query, key, value):
    os._exit(0)


def exits_hard_when_done(query, key, value):
    import atexit

    threading.Timer(0.01, os._exit, (0,)).start()
    time.sleep(0.5)
    atexit.register(print)
    return right(query, key, value)


def segfaults(query, key, value):
    import ctypes

    ctypes.string_at(0)


def hogs_memory(query, key, value):
    return torch.zeros(10**11)


def hogs_memory_in_a_list(query, key, value):
    rows = []
    while True:
        rows.append([0.0] * 10**7)


def writes_a_huge_file(query, key, value):
    import tempfile

    with tempfile.TemporaryFile() as file:
        for _ in range(100):
            file.write(b"x" * 2**20)
            file.flush()


def asks(query, key, value):
    return input("your name? ")


def leaves_a_thread(query, key, value):
    threading.Thread(target=time.sleep, args=(60,)).start()
    return right(query, key, value)


def leaves_a_process(query, key, value):
    if os.fork() == 0:
        while True:
            print("child")
    return right(query, key, value)


def checks_itself(query, key, value):
    check(KEY, right)
    return right(query, key, value)


def recurses(query, key, value):
    return recurses(query, key, value)


def generates(query, key, value):
    yield 1


def grows(query, key, value):
    rows = []
    while True:
        rows.append([0.0] * 1000)


def prints_a_lot(query, key, value):
    while True:
        print("step", query.shape)


@functools.lru_cache
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def uses_a_cached_helper(query, key, value):
    return right(query, key, value) * fibonacci(2)


@functools.lru_cache
def is_cached(query, key, value):
    return right(query, key, value)


@torch.jit.script
def is_scripted(query, key, value):
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)


BIG = torch.zeros(2**28)


def drags_a_gigabyte(query, key, value):
    return right(query, key, value) + BIG[0]


def meta(query, key, value):
    return right(query, key, value).to("meta")


def sparse(query, key, value):
    return right(query, key, value).to_sparse()


def nested(query, key, value):
    return torch.nested.nested_tensor([query[0, :1], query[0]])


def only_the_cases(answer):
    """An answer that never comes back from other inputs than those of the cases."""
    sums = {case.inputs[0].sum().item() for case in exercises.find(KEY).cases}

    def called(query, key, value):
        while query.sum().item() not in sums:
            pass
        return answer(query, key, value)

    return called


def returns_an_error(query, key, value):
    return ValueError("too short")


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (grows, "too slow", "MB more than at its start by then: is there a list"),
        (prints_a_lot, "too slow", "lines by then, which takes time: take the `print` out"),
        (uses_a_cached_helper, "correct", "all 8 cases"),
        (is_cached, "correct", "all 8 cases"),
        (is_scripted, "correct", "all 8 cases"),
        (drags_a_gigabyte, "error", "uses `BIG` from another cell, 1,024 MB"),
        (meta, "wrong", "a tensor on the device `meta`, which has a shape and no numbers"),
        (sparse, "correct", "all 8 cases"),
        (nested, "wrong", "a nested tensor"),
        (returns_an_error, "wrong", "a ValueError, handed back with `return`"),
        (loops, "too slow", "still running for 2 sequences of 5 tokens, head size 4 after 0.5 seconds"),
        (sleeps, "too slow", "after 0.5 seconds"),
        (only_the_cases(lambda q, k, v: v + 1.0), "wrong", "right in 0 of 8 cases. I had no time left"),
        (only_the_cases(right), "too slow", "right in all 8 cases, but after 0.5 seconds it was still"),
        (raises, "error", "RuntimeError"),
        (exits, "error", "asked Python to exit"),
        (exits_hard, "crashed", "ended its whole process for 2 sequences"),
        (exits_hard_when_done, "crashed", "ended its whole process"),
        (segfaults, "crashed", "SIGSEGV"),
        (hogs_memory, "error", "more memory than an answer may use"),
        (hogs_memory_in_a_list, "error", "more memory than an answer may use"),
        (writes_a_huge_file, "error", "OSError"),
        (asks, "error", "input() cannot be answered"),
        (leaves_a_thread, "correct", "all 8 cases"),
        (leaves_a_process, "correct", "all 8 cases"),
        (checks_itself, "correct", "all 8 cases"),
        (recurses, "error", "RecursionError"),
        (generates, "wrong", "a generator"),
        (threading.Lock(), "error", "could not send your answer"),
    ],
)
def test_whatever_an_answer_does_it_gets_a_sentence(answer, status, said):
    seconds = (
        1.0 if answer in (grows, prints_a_lot) else 0.5 if status == "too slow" or "no time" in said else 10
    )
    megabytes = 4096 if answer is grows else 512  # so that its time is over before its memory is
    verdict = judge(KEY, answer, seconds=seconds, megabytes=megabytes)
    assert verdict.status == status, verdict.message
    assert said in verdict.message
    assert "Traceback" not in verdict.message
    assert "llmasos" not in verdict.message


def test_a_list_that_fills_the_memory_leaves_room_for_a_sentence():
    verdict = judge(KEY, grows, seconds=20, megabytes=128)
    assert verdict.status == "error", verdict.message
    assert "more memory than an answer may use" in verdict.message


def test_an_error_names_the_readers_line():
    verdict = judge(KEY, raises)
    file, line = verdict.place
    assert file == __file__
    assert verdict.message.endswith(f"your line {line}: scores = query @ key")
    assert (
        "In the cases here in which it runs it is not right either: see 4 tokens with scores"
        in verdict.message
    )


def slow_to_load():
    time.sleep(1.5)
    return right


class LoadsSlowly:
    """An answer that takes longer to load than it may take to run, as on a machine that is busy."""

    def __reduce__(self):
        return slow_to_load, ()

    def __call__(self, query, key, value):
        return right(query, key, value)


def test_the_clock_starts_when_the_answer_is_called():
    assert judge(KEY, LoadsSlowly(), seconds=1).status == "correct"


def test_a_checker_that_stumbles_says_so():
    class Odd(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            if function.__name__ in ("shape", "detach", "__get__"):
                raise MemoryError("odd on purpose")
            return super().__torch_function__(function, types, args, kwargs or {})

    verdict = judge(KEY, lambda query, key, value: right(query, key, value).as_subclass(Odd))
    assert verdict.status == "crashed"
    assert "the checker itself stumbled" in verdict.message


def test_prints_are_shown_and_cut():
    def few(query, key, value):
        print("shape", list(query.shape))
        return right(query, key, value)

    def many(query, key, value):
        print("x" * 10**6)
        return right(query, key, value)

    shown = judge(KEY, few)
    assert shown.status == "correct"
    assert shown.prints.startswith("[for 2 sequences of 5 tokens, head size 4]\nshape [2, 5, 4]\n[for one")
    cut = judge(KEY, many)
    assert cut.status == "correct"
    assert len(cut.prints) < 2100
    assert "(cut here; 8,000," in cut.prints


def test_the_readers_own_state_is_untouched(tmp_path):
    seen = []

    def meddles(query, key, value):
        seen.append(1)
        os.environ["MEDDLED"] = "1"
        torch.set_default_dtype(torch.float64)
        return right(query, key, value)

    assert judge(KEY, meddles).status == "correct"
    assert seen == []
    assert "MEDDLED" not in os.environ
    assert torch.get_default_dtype() == torch.float32
    assert judge_right() == "correct"


def test_one_worker_serves_all_and_is_replaced_when_it_dies():
    assert judge_right() == "correct"
    first = client._worker.process.pid
    assert judge_right() == "correct"
    assert client._worker.process.pid == first
    os.kill(first, signal.SIGKILL)
    client._worker.process.wait()
    assert judge_right() == "correct"
    assert client._worker.process.pid != first


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads processor times from /proc")
def test_what_solution_and_mistakes_give_is_found_once_for_all_answers():
    """They take longer than most answers: a second answer to the same exercise does not wait for them."""

    def seconds_of_children():
        with open(f"/proc/{client._worker.process.pid}/stat") as status:
            return sum(map(int, status.read().rpartition(")")[2].split()[13:15]))

    client.stop_worker()
    assert judge_right() == "correct"
    item, spent, verdicts = exercises.find(DEAR), [], []
    slip = item.mistakes[0].implementations[0]
    for answer in (lambda decoder, tokens, vocab_size: 0, slip, item.reference):
        before = seconds_of_children()
        verdicts.append(judge(DEAR, answer))
        spent.append(seconds_of_children() - before)
    assert [verdict.mistake for verdict in verdicts[1:]] == [item.mistakes[0].name, None]
    assert verdicts[2].status == "correct"
    assert spent[0] > 3 * max(spent[1:]), spent


def test_an_answer_cannot_say_what_the_mistakes_give():
    """Only what came before it ran is kept."""
    line = json.dumps({"known": "AAAA"}).encode() + b"\n"
    assert worker._sent_before_the_answer(line + b'{"running": "one"}\n') == b"\0\0\0"
    assert worker._sent_before_the_answer(b'{"running": "one"}\n' + line) is None
    assert worker._sent_before_the_answer(b"") is None


def test_a_worker_that_dies_during_a_check_is_no_success():
    assert judge_right() == "correct"
    threading.Timer(0.3, os.kill, (client._worker.process.pid, signal.SIGKILL)).start()
    verdict = judge(KEY, sleeps, seconds=5)
    assert verdict.status == "crashed"
    assert "starts anew" in verdict.message
    assert judge_right() == "correct"


@pytest.fixture
def interrupts():
    """Ctrl-C arrives, also where the tests run as a background job, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_interrupting_a_check_is_clean(interrupts):
    assert judge_right() == "correct"
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    started = time.monotonic()
    verdict = judge(KEY, sleeps, seconds=20)
    assert verdict.status == "stopped"
    assert "interrupted" in verdict.message
    assert time.monotonic() - started < 15
    assert judge_right() == "correct"


def test_a_second_check_at_the_same_time_is_told_to_wait():
    assert judge_right() == "correct"
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(judge(KEY, sleeps, seconds=1)))
    thread.start()
    time.sleep(0.3)
    assert "another check is still running" in judge(KEY, right).message
    thread.join()
    assert verdicts[0].status == "too slow"


def test_a_forked_kernel_gets_a_worker_of_its_own():
    assert judge_right() == "correct"
    own = client._worker.process.pid
    child = os.fork()
    if child == 0:
        good = judge_right() == "correct" and client._worker.process.pid != own
        client.stop_worker()
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client._worker.process.pid == own
    assert judge_right() == "correct"


def gone(pid, within=10.0):
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat") as status:
                if status.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads process states from /proc")
def test_nothing_is_left_when_the_kernel_is_killed_during_a_check():
    kernel_code = """
        import os, time, llmasos_edu.exercises as exercises
        from llmasos_edu.exercises.checker import client
        def answer(query, key, value):
            print(os.getpid(), flush=True)
            time.sleep(60)
        exercises.judge("4.1-3", lambda query, key, value: query)
        print(client._worker.process.pid, flush=True)
        exercises.judge("4.1-3", answer, seconds=50)
    """
    kernel = subprocess.Popen([sys.executable, "-c", textwrap.dedent(kernel_code)], stdout=subprocess.PIPE)
    worker = int(kernel.stdout.readline())
    children = f"/proc/{worker}/task/{worker}/children"
    answer = None
    while not answer:
        with open(children) as listing:
            answer = listing.read().split()
    kernel.kill()
    kernel.wait()
    kernel.stdout.close()
    assert gone(worker)
    assert gone(int(answer[0]))


def test_without_fork_it_says_so(monkeypatch):
    monkeypatch.delattr(os, "fork")
    verdict = judge(KEY, right)
    assert verdict.status == "stopped"
    assert "Windows" in verdict.message


def test_a_worker_that_cannot_start_is_told_in_words(monkeypatch):
    client.stop_worker()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    verdict = judge(KEY, right)
    assert verdict.status == "crashed"
    assert "could not be started" in verdict.message
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert "ended before a verdict" in judge(KEY, right).message
    monkeypatch.undo()
    assert judge_right() == "correct"


# What the reader sees --------------------------------------------------------------------------------


def test_check_prints_one_paragraph_and_returns_nothing(capsys):
    assert check(KEY, right) is None
    text = capsys.readouterr().out
    assert text.startswith("✓ 4.1-3: correct in all 8 cases.")
    assert max(map(len, text.splitlines())) <= exercises.WIDTH
    check(KEY, lambda query, key, value: value)
    assert capsys.readouterr().out.startswith("✗ 4.1-3: ")
    check(KEY)
    assert capsys.readouterr().out == '4.1-3: not answered yet. hint("4.1-3") gives a first push.\n'


def test_keys_that_do_not_exist_get_their_neighbours(capsys):
    for call in (lambda: check("4.1-33", right), lambda: hint("4.1-33"), lambda: solution("4.1-33")):
        call()
        text = capsys.readouterr().out
        assert "no exercise '4.1-33'" in text
        assert "4.1-3," in text
    exercises.exercise("nonsense")
    first, *_, last = exercises.all_exercises()
    assert f"{first.key}, ..., {last.key}" in capsys.readouterr().out
    check(right, KEY)
    assert "key comes first" in capsys.readouterr().out
    with pytest.raises(ValueError, match="no exercise 7"):
        judge(7, right)


def test_hints_come_one_by_one(capsys, monkeypatch):
    monkeypatch.setattr(exercises, "_hints_shown", {})
    texts = []
    for _ in range(4):
        hint(KEY)
        texts.append(capsys.readouterr().out)
    assert "hint 1 of 3" in texts[0]
    assert "(2 more.)" in texts[0]
    assert "hint 3 of 3" in texts[2]
    assert "solution(" in texts[2]
    assert "seen all 3" in texts[3]
    hint(KEY, all=True)
    assert capsys.readouterr().out.count("of 3:") == 3


def test_a_solution_shows_code_that_passes(capsys):
    solution("4.1-5")
    explanation, code = capsys.readouterr().out.split("\n\n", 1)
    assert explanation.startswith("4.1-5: Split into heads.")
    names = {}
    exec(code, names)
    assert judge("4.1-5", names["split_heads"]).status == "correct"


def test_an_exercise_shows_statement_and_starter(capsys):
    exercises.exercise("4.1-5")
    text = capsys.readouterr().out
    assert "Split into heads [**., 10 minutes]" in text
    assert "def split_heads(x, num_heads):" in text
    assert 'check("4.1-5", split_heads)' in text


def test_what_torch_imports_late_is_imported_once_for_all_answers():
    """A child that is forked imports what its answer needs, and forgets it: slow imports are named."""
    program = """
        import importlib, sys, torch
        from llmasos_edu.exercises import Exercise, all_exercises
        from llmasos_edu.exercises.checker.running import run
        functions = [item for item in all_exercises() if isinstance(item, Exercise)]
        for item in sorted(functions, key=lambda item: len(item.imports)):
            for name in item.imports:
                assert name not in sys.modules, f"{item.key}: {name} is there already"
                importlib.import_module(name)
            before = len(sys.modules)
            run(item, item.reference, item.cases[0])
            if len(sys.modules) - before > 50:
                print(item.key, len(sys.modules) - before)
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert said.stdout == ""
