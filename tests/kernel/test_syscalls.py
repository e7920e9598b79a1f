"""System calls: rights, errors as answers, receipts, files."""

import errno
import math

import pytest

from llmasos_edu.kernel.memory import AddressSpace, BlockPool
from llmasos_edu.kernel.process import Process
from llmasos_edu.kernel.syscalls import CallSyntax, MemoryFS, Result, SyscallTable


def caller(*capabilities, user="ada", job="0", place=9):
    return Process(
        pid=3, tokens=[1] * place, prompt_len=1, limit=99, space=AddressSpace(BlockPool(1, 1)), user=user,
        job=job, capabilities=frozenset(capabilities),
    )  # fmt: skip


def table(**tools):
    made = SyscallTable()
    for name, function in tools.items():
        made.register(name, function)
    return made


def add(process, a: int, b: float = 1.0):
    return a + b


# ---- the table ----


def test_a_call_with_the_right_answers_ok_and_is_written_down():
    calls = table(add=add)
    assert calls.dispatch(caller("add"), 'add {"a": 2, "b": 0.5}', 7.0) == Result("OK", "2.5")
    assert calls.dispatch(caller("add"), ' add {"a": 2} ', 8.0) == Result("OK", "3.0")
    first = calls.audit[0]
    assert first == (7.0, 3, "ada", "add", '{"a": 2, "b": 0.5}', "OK", False)
    assert [call.time for call in calls.audit] == [7.0, 8.0]


@pytest.mark.parametrize(
    ("request_", "rights", "number", "words"),
    [
        ("sub {}", ["sub"], "ENOSYS", "there is no call 'sub'"),
        ("", [], "ENOSYS", "there is no call ''"),
        ('add {"a": 2}', [], "EPERM", "this process may not add"),
        ("add nonsense", [], "EPERM", "this process may not add"),  # nobody without the right learns more
        ("add nonsense", ["add"], "EINVAL", "Expecting value"),
        ("add [2]", ["add"], "EINVAL", "must be a JSON object"),
        ("add", ["add"], "EINVAL", "missing a required argument: 'a'"),
        ('add {"a": 1, "c": 2}', ["add"], "EINVAL", "unexpected keyword argument 'c'"),
        ('add {"a": "1"}', ["add"], "EINVAL", "a='1' is not int"),
        ('add {"a": 1.5}', ["add"], "EINVAL", "a=1.5 is not int"),
        ('add {"a": 1, "b": true}', ["add"], "EINVAL", "b=True is not float"),
        ('add {"process": 1, "a": 1}', ["add"], "EINVAL", "multiple values for argument 'process'"),
        ('add {"a": ' + 2000 * "[" + 2000 * "]" + "}", ["add"], "EINVAL", ""),
    ],
)
def test_what_goes_wrong_comes_back_as_an_error(request_, rights, number, words):
    result = table(add=add).dispatch(caller(*rights), request_, 0.0)
    assert result.errno == number
    assert words in result.text
    assert result.latency == 0


def test_what_a_tool_raises_comes_back_with_its_latency():
    def fails(process, kind: str):
        raise {
            "plain": RuntimeError("broken"),
            "os": OSError(errno.ENOENT, "no such"),
            "odd": OSError("odd"),
        }[kind]

    calls = SyscallTable()
    calls.register("fails", fails, latency=2.5)
    said = [
        calls.dispatch(caller("fails"), f'fails {{"kind": "{kind}"}}', 0) for kind in ("plain", "os", "odd")
    ]
    assert said == [
        ("EIO", "RuntimeError: broken", 2.5, False),
        ("ENOENT", "no such", 2.5, False),
        ("EIO", "odd", 2.5, False),
    ]


def test_results_that_are_no_text_are_written_as_json_and_what_json_cannot_write_is_an_error():
    calls = table(pair=lambda process: [1, "ö"], odd=lambda process: {1, 2})
    assert calls.dispatch(caller("pair"), "pair", 0) == Result("OK", '[1, "ö"]')
    assert calls.dispatch(caller("odd"), "odd", 0).errno == "EIO"


def test_a_slow_call_is_not_begun():
    begun = []
    calls = SyscallTable()
    calls.register("slow", lambda process: begun.append(1), latency=9, limit=4)
    calls.register("just", lambda process: "in time", latency=4, limit=4)
    assert calls.dispatch(caller("slow"), "slow", 0) == Result("ETIMEDOUT", "no answer within 4", 4)
    assert calls.dispatch(caller("just"), "just", 0) == Result("OK", "in time", 4)
    assert begun == []


def test_one_right_may_open_several_calls():
    calls = SyscallTable()
    calls.register("look", lambda process: "seen", capability="read")
    assert calls.dispatch(caller("look"), "look", 0).errno == "EPERM"
    assert calls.dispatch(caller("read"), "look", 0).errno == "OK"


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("", {}, "name=''"),
        ("a b", {}, "name='a b'"),
        ("add", {}, "registered already"),
        ("x", {"latency": -1}, "latency=-1"),
        ("x", {"latency": math.inf}, "latency=inf"),
        ("x", {"limit": -1}, "limit=-1"),
    ],
)
def test_a_bad_registration_is_told(name, options, words):
    with pytest.raises(ValueError, match=words):
        table(add=add).register(name, add, **options)


# ---- receipts ----


def count(table, processes, effect=True):
    done = []
    table.register("pay", lambda process: done.append(1) or "paid", effect=effect)
    results = [table.dispatch(process, "pay", 0) for process in processes]
    return len(done), [result.replayed for result in results], [result.errno for result in results]


def test_the_same_job_at_the_same_place_is_answered_from_the_receipt():
    twice = [caller("pay"), caller("pay")]
    assert count(SyscallTable(), twice) == (1, [False, True], ["OK", "OK"])
    assert count(SyscallTable(), twice, effect=False) == (2, [False, False], ["OK", "OK"])


def test_another_place_and_another_job_are_other_effects():
    others = [caller("pay"), caller("pay", place=10), caller("pay", job="1")]
    assert count(SyscallTable(), others) == (3, [False, False, False], ["OK"] * 3)


def test_a_receipt_is_no_right():
    assert count(SyscallTable(), [caller("pay"), caller()]) == (1, [False, False], ["OK", "EPERM"])


def test_what_failed_leaves_no_receipt():
    calls, tries = SyscallTable(), []

    def flaky(process):
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("not yet")
        return "now"

    calls.register("flaky", flaky, effect=True)
    assert [calls.dispatch(caller("flaky"), "flaky", 0).errno for _ in range(3)] == ["EIO", "OK", "OK"]
    assert len(tries) == 2


# ---- the syntax ----


def test_a_call_is_what_stands_between_the_last_two_marks():
    syntax = CallSyntax()
    call = [256, *b"add {}", 257]
    assert syntax.request([1, 2, *call]) == "add {}"
    assert syntax.request([1, 2, *call, 3]) is None
    assert syntax.request([1, 2, 257]) is None
    assert syntax.request([*call, 257]) is None
    assert syntax.request([256, 258, *b"x", 257]) is None
    assert syntax.request([256, *b"lost", *call]) == "add {}"
    assert syntax.request([256, 0xFF, 257]) == "\N{REPLACEMENT CHARACTER}"


def test_an_answer_that_is_too_long_ends_in_a_mark_and_fits():
    syntax, result = CallSyntax(), Result("OK", "twelve chars")
    whole = [258, *b"OK twelve chars", 259]
    assert syntax.answer(result, 17) == whole
    assert syntax.answer(result, 16) == [258, *b"OK twelve"[:9], *b"[cut]", 259]
    assert syntax.answer(result, 7) == [258, *b"[cut]", 259]
    assert [len(syntax.answer(result, room)) for room in range(8)] == list(range(8))
    assert syntax.answer(Result("OK", ""), 9) == [258, *b"OK", 259]


def test_half_an_answer_is_found():
    syntax = CallSyntax()
    assert syntax.whole([1, 257, 258, 5, 6]) == 2
    for tokens in ([1, 257, 258, 5, 259], [1, 257, 258, 5, 259, 7], [1, 2], [258, 256], []):
        assert syntax.whole(tokens) == len(tokens)


# ---- files ----


def files(quota=1 << 20):
    calls, memory = SyscallTable(), MemoryFS(quota)
    memory.install(calls, latency=1)
    return calls, memory


def test_files_outlive_a_process_and_belong_to_its_user():
    calls, memory = files()
    ada, bob = caller("read", "write"), caller("read", "write", user="bob")
    assert calls.dispatch(ada, 'write {"path": "a", "text": "höher"}', 0) == Result("OK", "6 bytes", 1)
    assert calls.dispatch(caller("write", place=11), 'append {"path": "a", "text": "!"}', 0).errno == "OK"
    assert calls.dispatch(caller("write", place=12), 'append {"path": "b", "text": "?"}', 0).errno == "OK"
    assert calls.dispatch(ada, 'read {"path": "a"}', 0).text == "höher!"
    assert calls.dispatch(ada, "list", 0).text == "a\nb"
    assert calls.dispatch(bob, "list", 0).text == ""
    assert calls.dispatch(bob, 'read {"path": "a"}', 0) == Result("ENOENT", "there is no a", 1)
    assert calls.dispatch(bob, 'read {"path": "../ada/a"}', 0).errno == "ENOENT"
    assert calls.dispatch(ada, 'delete {"path": "a"}', 0) == Result("OK", "deleted a", 1)
    assert calls.dispatch(caller("write", place=13), 'delete {"path": "a"}', 0).errno == "ENOENT"
    assert memory.files == {"ada": {"b": "?"}}


def test_reading_is_no_right_to_write():
    calls, memory = files()
    for request in (
        'write {"path": "a", "text": ""}',
        'append {"path": "a", "text": ""}',
        'delete {"path": "a"}',
    ):
        assert calls.dispatch(caller("read"), request, 0).errno == "EPERM"
    assert calls.dispatch(caller("write"), "list", 0).errno == "EPERM"
    assert memory.files == {}


def test_the_quota_counts_names_and_texts_and_not_what_is_replaced():
    calls, memory = files(quota=10)
    assert calls.dispatch(caller("write"), 'write {"path": "ab", "text": "12345678"}', 0).errno == "OK"
    assert (
        calls.dispatch(caller("write", place=10), 'write {"path": "ab", "text": "87654321"}', 0).errno == "OK"
    )
    full = calls.dispatch(caller("write"), 'write {"path": "c", "text": ""}', 0)
    assert full[:2] == ("ENOSPC", "11 bytes are more than the quota of 10")
    assert calls.dispatch(caller("write"), 'write {"path": "", "text": ""}', 0).errno == "EINVAL"
    assert memory.files == {"ada": {"ab": "87654321"}}
    with pytest.raises(ValueError, match="quota=-1"):
        MemoryFS(-1)


def test_a_memory_begins_with_what_it_is_given():
    kept = {"ada": {"a": "x"}}
    assert MemoryFS(files=kept).read(caller(), "a") == "x"
    MemoryFS(files=kept).write(caller(), "b", "y")
    assert kept == {"ada": {"a": "x", "b": "y"}}


# ---- the bound ----


def effects(kept):
    """A table with one call that has an effect; the list shows what was done."""
    done, made = [], SyscallTable(kept=kept)
    made.register("note", lambda process, text: done.append(text) or "noted", effect=True)
    return made, done


def test_the_oldest_lines_and_receipts_go_and_are_counted():
    calls, done = effects(kept=3)
    for number in range(5):
        calls.dispatch(caller("note", job=str(number)), f'note {{"text": "{number}"}}', float(number))
    assert [call.time for call in calls.audit] == [2.0, 3.0, 4.0]
    assert [key[0] for key in calls.receipts] == ["2", "3", "4"]
    assert calls.dropped == {"audit": 2, "receipts": 2}
    calls.dispatch(caller(), "read", 5.0)  # a line without a receipt
    assert calls.dropped == {"audit": 3, "receipts": 2}
    assert len(done) == 5


@pytest.mark.parametrize("kept", [0, -1, 1.5, True])
def test_a_bound_that_keeps_nothing_is_refused(kept):
    with pytest.raises((ValueError, TypeError), match="kept="):
        SyscallTable(kept=kept)


def test_whose_receipt_is_gone_is_told_so_and_nothing_is_done_twice():
    calls, done = effects(kept=2)
    calls.register("look", lambda process: "seen")
    asked = 'note {"text": "once"}'
    for job in ("0", "1", "2"):
        calls.dispatch(caller("note", job=job), asked, 0.0)
    resumed = caller("note", "look", job="0")  # its pid is 3: it goes on with the job of process 0
    assert calls.dispatch(resumed, asked, 1.0)[:2] == (
        "ESTALE",
        "this may have been done already: the receipt is gone",
    )
    assert calls.dispatch(resumed, "look", 1.0).errno == "OK"  # no effect, no receipt
    assert calls.dispatch(caller("note", job="1"), asked, 1.0).replayed
    assert (
        calls.dispatch(caller("note", job="2"), 'note {"text": "new"}', 1.0).errno == "OK"
    )  # younger: all known
    calls.dispatch(caller("note", job="3"), asked, 2.0)  # its own process, not resumed
    assert done == ["once"] * 3 + ["new", "once"]


def test_what_json_has_no_number_for_is_the_tool_s_failure():
    calls = table(share=lambda process: [math.nan], name=lambda process: ["Käthe"])
    assert calls.dispatch(caller("share"), "share", 0.0).errno == "EIO"
    assert calls.dispatch(caller("name"), "name", 0.0).text == '["Käthe"]'


def test_half_an_answer_is_left_out_even_where_nothing_stands_before_it():
    syntax = CallSyntax()
    assert [syntax.whole([258, 5]), syntax.whole([7, 258, 5]), syntax.whole([7, 258, 5, 259])] == [0, 1, 4]
