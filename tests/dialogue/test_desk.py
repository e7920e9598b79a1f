"""The tools behind the calls: rows of one's own alone, errors in a kernel's words, nothing lost by them."""

import datetime
import errno
import itertools
import json
import re
import sqlite3
import threading
from contextlib import closing

import pytest

from llmasos_edu.dialogue.calendar import Calendar
from llmasos_edu.dialogue.database import Database
from llmasos_edu.dialogue.desk import RIGHTS, Desk
from llmasos_edu.dialogue.grammar import World
from llmasos_edu.dialogue.notebook import Notebook
from llmasos_edu.dialogue.orders import Order, OrderBook, confirmed
from llmasos_edu.dialogue.template import tokenizer
from llmasos_edu.kernel.memory import AddressSpace, BlockPool
from llmasos_edu.kernel.process import Process

PIDS = itertools.count()
LAMP = Order("4711", "lamp", "packed", "Friday")


def process(user="ada", rights=RIGHTS, **fields):
    space, pid = AddressSpace(BlockPool(4, 4), ""), next(PIDS)
    fields = {
        "pid": pid,
        "job": str(pid),
        "tokens": [1],
        "prompt_len": 1,
        "limit": 9,
        "space": space,
    } | fields
    return Process(user=user, capabilities=frozenset(rights), **fields)


def call(desk, request, **fields):
    return desk.table.dispatch(process(**fields), request, 0.0)[:2]


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path / "shop")
    desk.orders.put("ada", [LAMP, Order("5000", "bag", "sent", "Monday")], receipts=41)
    desk.orders.put("bob", [Order("6000", "bike", "packed", "Sunday")])
    return desk


def rows(path, query, *values):
    with sqlite3.connect(path) as connection:
        return connection.execute(query, values).fetchall()


# ---- orders ----


def test_one_finds_ones_own_order_and_no_other(desk):
    assert call(desk, 'orders.find {"number": "4711"}') == ("OK", "lamp packed Friday")
    for number in ("6000", "9999"):
        assert call(desk, f'orders.find {{"number": "{number}"}}') == ("ENOENT", f"no order {number}")
    assert call(desk, 'orders.find {"number": "6000"}', user="bob") == ("OK", "bike packed Sunday")


@pytest.mark.parametrize(
    "number", ["4711' OR '1'='1", "x' UNION SELECT item, status, day FROM orders --", "%", "_", ""]
)
def test_words_of_a_query_are_only_a_number_that_there_is_not(desk, number):
    request = f"orders.find {json.dumps({'number': number})}"
    assert call(desk, request) == ("ENOENT", f"no order {number}")
    assert len(rows(desk.orders.database.path, "SELECT * FROM orders")) == 3


def test_without_the_right_nothing_is_asked_of_the_book(desk):
    assert call(desk, 'orders.find {"number": "4711"}', rights=RIGHTS - {"orders.find"})[0] == "EPERM"
    assert (
        call(desk, 'orders.cancel {"number": "4711"}', rights=["orders.find", confirmed("4711")])[0]
        == "EPERM"
    )
    assert call(desk, 'orders.find {"number": "4711"}')[1] == "lamp packed Friday"


def test_nobody_has_no_rows(desk):
    for request in ('orders.find {"number": "1"}', 'memory.search {"key": "a"}',
                    'memory.save {"key": "a", "value": "b"}',
                    'calendar.add {"what": "x", "day": "Monday", "time": "9:00"}'):  # fmt: skip
        assert call(desk, request, user="") == ("EPERM", "nobody is logged in")


def test_cancelling_wants_the_yes_to_this_very_order(desk):
    request = 'orders.cancel {"number": "4711"}'
    assert call(desk, request) == ("EAGAIN", "the user must confirm")
    assert call(desk, request, rights=RIGHTS | {confirmed("5000")}) == ("EAGAIN", "the user must confirm")
    assert rows(desk.orders.database.path, "SELECT status FROM orders WHERE number = '4711'") == [("packed",)]
    assert call(desk, request, rights=RIGHTS | {confirmed("4711")}) == ("OK", "receipt 42")
    assert call(desk, 'orders.find {"number": "4711"}') == ("OK", "lamp cancelled Monday")
    found = rows(
        desk.orders.database.path, "SELECT receipt, number FROM receipts WHERE owner = 'ada' ORDER BY receipt"
    )
    assert found == [(41, ""), (42, "4711")]


def test_what_has_left_the_shop_cannot_be_cancelled_and_not_twice(desk):
    rights = RIGHTS | {confirmed("4711"), confirmed("5000"), confirmed("6000")}
    assert call(desk, 'orders.cancel {"number": "5000"}', rights=rights) == ("EALREADY", "sent")
    assert call(desk, 'orders.cancel {"number": "6000"}', rights=rights) == ("ENOENT", "no order 6000")
    assert call(desk, 'orders.cancel {"number": "4711"}', rights=rights)[0] == "OK"
    desk.orders.told("ada", "4711")
    assert call(desk, 'orders.cancel {"number": "4711"}', rights=rights) == ("EALREADY", "cancelled")
    assert rows(desk.orders.database.path, "SELECT count(*) FROM receipts") == [(2,)]
    assert rows(desk.orders.database.path, "SELECT status FROM orders WHERE owner = 'bob'") == [("packed",)]


def test_a_receipt_that_nobody_was_told_of_waits_for_its_owner_and_a_yes(desk, tmp_path):
    request, rights = 'orders.cancel {"number": "4711"}', RIGHTS | {confirmed("4711")}
    desk.orders.put("bob", [LAMP])
    assert call(desk, request, rights=rights) == ("OK", "receipt 42")
    desk = Desk(tmp_path / "shop")  # the program has died and is begun anew
    assert call(desk, request) == ("EAGAIN", "the user must confirm")
    assert call(desk, request, rights=rights) == ("OK", "receipt 42")
    assert rows(desk.orders.database.path, "SELECT count(*) FROM receipts WHERE number <> ''") == [(1,)]
    assert call(desk, request, user="bob") == ("EAGAIN", "the user must confirm")  # bob's own is packed
    desk.orders.told("bob", "4711")
    desk.orders.told("ada", "5000")
    assert call(desk, request, rights=rights) == ("OK", "receipt 42")
    desk.orders.told("ada", "4711")
    assert call(desk, request, rights=rights) == ("EALREADY", "cancelled")


def test_an_order_that_is_entered_anew_has_no_receipt_that_waits(desk):
    request, rights = 'orders.cancel {"number": "4711"}', RIGHTS | {confirmed("4711")}
    assert call(desk, request, rights=rights) == ("OK", "receipt 42")
    desk.orders.put("ada", [LAMP._replace(status="cancelled")])
    assert call(desk, request, rights=rights) == ("EALREADY", "cancelled")
    for receipt in ("receipt 43", "receipt 44"):  # the last receipt is the one that waits
        desk.orders.put("ada", [LAMP])
        assert call(desk, request, rights=rights) == ("OK", receipt)
    assert call(desk, request, rights=rights) == ("OK", "receipt 44")


def marked(*parts):
    """Tokens of some marks and texts."""
    words = tokenizer()
    return [
        token
        for part in parts
        for token in ([words.marks[part]] if part in words.marks else words.encode(part))
    ]


TOLD = marked(
    "call", 'orders.cancel {"number": "4711"}', "do", "result", "OK receipt 42", "done", "Yes.", "end"
)


def test_a_whole_turn_has_told_its_receipt_and_a_broken_one_has_not(desk):
    request, rights = 'orders.cancel {"number": "4711"}', RIGHTS | {confirmed("4711")}
    found = marked(
        "call", 'orders.find {"number": "4711"}', "do", "result", "OK lamp", "done", "Here.", "end"
    )
    failed = marked("call", request, "do", "result", "EIO", "done", "No.", "end")
    assert call(desk, request, rights=rights) == ("OK", "receipt 42")
    for output in ([], TOLD[:-1], found, failed, marked("call", request, "end")):
        desk.heard("ada", output)
    desk.heard("bob", TOLD)
    assert call(desk, request, rights=rights) == ("OK", "receipt 42")
    desk.heard("ada", found[:-1] + TOLD)
    assert call(desk, request, rights=rights) == ("EALREADY", "cancelled")


def test_a_book_that_is_locked_tells_once_more(desk):
    request, rights = 'orders.cancel {"number": "4711"}', RIGHTS | {confirmed("4711")}
    assert call(desk, request, rights=rights) == ("OK", "receipt 42")
    desk.orders.database.patience = 0.0
    with closing(sqlite3.connect(desk.orders.database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        desk.heard("ada", TOLD)
        with pytest.raises(OSError, match="locked"):
            desk.orders.told("ada", "4711")
        other.execute("ROLLBACK")
    assert call(desk, request, rights=rights) == ("OK", "receipt 42")


def test_receipts_go_on_from_the_last_however_many_there_were(desk):
    desk.orders.put("eve", [LAMP], receipts=123_456)
    found = call(desk, 'orders.cancel {"number": "4711"}', user="eve", rights=RIGHTS | {confirmed("4711")})
    assert found == ("OK", "receipt 123457")


def test_receipts_are_counted_for_each_user(desk):
    desk.orders.put("bob", [Order("6001", "cup", "packed", "Sunday")])
    for number, receipt in (("6000", 1), ("6001", 2)):
        rights = RIGHTS | {confirmed(number)}
        found = call(desk, f'orders.cancel {{"number": "{number}"}}', user="bob", rights=rights)
        assert found == ("OK", f"receipt {receipt}")


def test_the_same_process_that_asks_again_gets_its_receipt_and_nothing_is_done(desk):
    rights = RIGHTS | {confirmed("4711")}
    first = desk.table.dispatch(process(rights=rights, job="5"), 'orders.cancel {"number": "4711"}', 0.0)
    again = desk.table.dispatch(process(rights=rights, job="5"), 'orders.cancel {"number": "4711"}', 0.0)
    assert (again.errno, again.text, again.replayed) == ("OK", first.text, True)
    assert rows(desk.orders.database.path, "SELECT count(*) FROM receipts WHERE number <> ''") == [(1,)]


def test_bad_orders_are_refused_in_words(desk, tmp_path):
    with pytest.raises(ValueError, match="status is one of packed"):
        desk.orders.put("ada", [LAMP._replace(status="lost")])
    with pytest.raises(ValueError, match="day one of Monday"):
        desk.orders.put("ada", [LAMP._replace(day="Fri")])
    with pytest.raises(ValueError, match="user='': rows belong to somebody"):
        desk.orders.put("", [LAMP])
    with pytest.raises(ValueError, match="user=3: rows belong"):
        desk.orders.put(3, [LAMP])
    with pytest.raises(ValueError, match="today='Fri' is none of Monday"):
        OrderBook(tmp_path / "x.sqlite", today="Fri")
    assert call(desk, "orders.find {}")[0] == "EINVAL"
    assert call(desk, 'orders.find {"number": 4711}') == ("EINVAL", "number=4711 is not str")


@pytest.mark.parametrize(
    ("orders", "receipts", "error", "words"),
    [
        (None, 0, TypeError, "orders=None: a list of orders"),
        ([("4711", "lamp", "packed", "Friday")], 0, TypeError, "is no Order with texts for number and item"),
        ([LAMP._replace(number=4711)], 0, TypeError, "is no Order with texts"),
        ([LAMP._replace(item=None)], 0, TypeError, "is no Order with texts"),
        ([LAMP._replace(day=["Friday"])], 0, ValueError, "day one of Monday"),
        ([], -1, ValueError, "receipts=-1 is out of range"),
        ([], 1.5, TypeError, "receipts=1.5 must be a whole number"),
    ],
)
def test_what_is_no_order_is_refused_and_nothing_is_entered(tmp_path, orders, receipts, error, words):
    book = OrderBook(tmp_path / "o.sqlite")
    with pytest.raises(error, match=words):
        book.put("ada", orders if orders is None else [LAMP, *orders], receipts=receipts)
    assert rows(book.database.path, "SELECT * FROM orders") == []
    with pytest.raises(ValueError, match="user=None: rows belong"):
        book.told(None, "4711")
    with pytest.raises(ValueError, match="is none of Monday"):
        OrderBook(tmp_path / "x.sqlite", today=["Monday"])


def test_putting_an_order_again_replaces_it(desk):
    desk.orders.put("ada", [LAMP._replace(status="delivered")])
    assert call(desk, 'orders.find {"number": "4711"}') == ("OK", "lamp delivered Friday")


def test_an_order_of_somebody_else_is_as_much_work_as_none(desk):
    desk.orders.put("bob", [Order(str(n), "cup", "sent", "Monday") for n in range(7000, 7200)])
    work = {}
    for number in ("6000", "7100", "9999", "0000"):
        call(desk, f'orders.find {{"number": "{number}"}}')
        work[number] = desk.orders.database.work
    assert len(set(work.values())) == 1
    call(desk, 'orders.find {"number": "4711"}')
    assert desk.orders.database.work != work["6000"]


# ---- notes ----


def test_notes_are_ones_own_and_the_latest_counts(desk):
    assert call(desk, 'memory.search {"key": "dog"}') == ("ENOENT", "no such note")
    assert call(desk, 'memory.save {"key": "dog", "value": "Rex"}') == ("OK", "kept")
    assert call(desk, 'memory.save {"key": "dog", "value": "Bo"}') == ("OK", "kept")
    assert call(desk, 'memory.search {"key": "dog"}') == ("OK", "Bo")
    assert call(desk, 'memory.search {"key": "dog"}', user="bob")[0] == "ENOENT"
    assert call(desk, 'memory.search {"key": "cat"}')[0] == "ENOENT"


def test_notes_outlive_the_program(tmp_path):
    call(Desk(tmp_path), 'memory.save {"key": "dog", "value": "豆豆"}')
    assert call(Desk(tmp_path), 'memory.search {"key": "dog"}') == ("OK", "豆豆")


@pytest.mark.parametrize(("key", "value"), [("", "x"), ("x", ""), ("k" * 101, "x"), ("x", "v" * 101)])
def test_a_note_has_some_signs_and_not_too_many(desk, key, value):
    assert call(desk, f'memory.save {{"key": "{key}", "value": "{value}"}}')[0] == "EINVAL"
    assert call(desk, f'memory.save {{"key": "{"k" * 100}", "value": "{"v" * 100}"}}')[0] == "OK"


def test_the_quota_counts_other_keys_alone(tmp_path):
    notebook = Notebook(tmp_path / "n.sqlite", quota=2)
    for key in ("a", "b", "a"):
        assert notebook.save(process(), key, "x") == "kept"
    with pytest.raises(OSError, match="there are 2 notes already") as error:
        notebook.save(process(), "c", "x")
    assert error.value.errno == errno.ENOSPC
    assert notebook.save(process("bob"), "c", "x") == "kept"
    with pytest.raises(ValueError, match="quota=0"):
        Notebook(tmp_path / "n.sqlite", quota=0)
    with pytest.raises(ValueError, match="user=''"):
        notebook.put("", {"a": "b"})


def test_a_hundred_notes_are_a_user_s_own_unless_said_otherwise(tmp_path):
    notebook = Notebook(tmp_path / "n.sqlite")
    notebook.put("ada", {f"fact {number}": "x" for number in range(100)})
    assert notebook.save(process(), "fact 7", "y") == "kept"
    with pytest.raises(OSError, match="there are 100 notes already"):
        notebook.save(process(), "one more", "x")


def test_what_a_device_breaks_off_is_entered_whole_or_not_at_all(tmp_path):
    desk = Desk(tmp_path)
    for path, table in ((desk.notes.database.path, "notes"), (desk.orders.database.path, "orders")):
        with closing(sqlite3.connect(path)) as other, other:
            other.execute(
                f"CREATE TRIGGER full BEFORE INSERT ON {table} WHEN (SELECT count(*) FROM {table}) > 0 "
                "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            )
    with pytest.raises(OSError, match="the disk is full"):
        desk.notes.put("ada", {"cat": "Mia", "dog": "Rex"})
    with pytest.raises(OSError, match="the disk is full"):
        desk.orders.put("ada", [LAMP, LAMP._replace(number="4712")])
    assert rows(desk.notes.database.path, "SELECT * FROM notes") == []
    assert rows(desk.orders.database.path, "SELECT * FROM orders") == []


def test_both_files_have_the_desk_s_patience_and_budget(tmp_path):
    desk = Desk(tmp_path, budget=3)
    for request in ('memory.search {"key": "dog"}', 'orders.find {"number": "4711"}'):
        assert call(desk, request) == ("ETIMEDOUT", "interrupted")


@pytest.mark.parametrize(
    ("notes", "error", "words"),
    [
        (None, TypeError, "notes=None: a dictionary of texts"),
        ({"dog": None}, ValueError, "the note 'dog': None is none: key and value have 1 to 100 characters"),
        ({3: "Rex"}, ValueError, "the note 3: 'Rex' is none"),
        ({"": "Rex"}, ValueError, "the note '': 'Rex' is none"),
        ({"dog": "v" * 101}, ValueError, "is none: key and value have 1 to 100"),
    ],
)
def test_what_is_no_note_is_refused_and_nothing_is_entered(tmp_path, notes, error, words):
    notebook = Notebook(tmp_path / "n.sqlite")
    with pytest.raises(error, match=words):
        notebook.put("ada", notes if notes is None else {"cat": "Mia"} | notes)
    assert rows(notebook.database.path, "SELECT * FROM notes") == []


# ---- the calendar ----


def test_an_appointment_stands_in_a_file_that_calendars_read(tmp_path):
    calendar = Calendar(tmp_path, today=datetime.date(2026, 1, 7))  # a Wednesday
    assert calendar.add(process(), "看牙, early; or\\not", "Friday", "8:05") == "noted"
    assert calendar.add(process(), "choir", "Wednesday", "14:30") == "noted"
    assert calendar.add(process(), "yoga", "Tuesday", "23:59") == "noted"
    text = calendar.path("ada").read_bytes().decode()
    assert text.split("\r\n") == [
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//LLMasOS edu//chapter 6.1//EN",
        *event(calendar, "20260107T143000", "choir"),
        *event(calendar, "20260109T080500", "看牙\\, early\\; or\\\\not"),
        *event(calendar, "20260113T235900", "yoga"), "END:VCALENDAR", "",
    ]  # fmt: skip
    assert calendar.events("ada")["20260109T080500"] == "看牙, early; or\\not"
    assert calendar.events("bob") == {}


def event(calendar, start, title):
    return ["BEGIN:VEVENT", f"UID:{calendar.path('ada').stem}-{start}@llmasos.invalid",
            "DTSTAMP:20260107T000000Z", f"DTSTART:{start}", "DURATION:PT1H", f"SUMMARY:{title}",
            "END:VEVENT"]  # fmt: skip


def test_an_hour_is_taken_once_and_for_its_owner_alone(desk):
    request = 'calendar.add {"what": "choir", "day": "Friday", "time": "14:30"}'
    assert call(desk, request) == ("OK", "noted")
    assert call(desk, request.replace("choir", "yoga")) == ("EEXIST", "choir")
    assert call(desk, request, user="bob") == ("OK", "noted")
    assert desk.calendar.events("ada") == {"20260109T143000": "choir"}


@pytest.mark.parametrize(
    ("what", "day", "time"),
    [
        ("x", "Fri", "9:00"), ("x", "Friday", "24:00"), ("x", "Friday", "9:60"), ("x", "Friday", "9"),
        ("x", "Friday", "noon"), ("", "Friday", "9:00"), ("x" * 61, "Friday", "9:00"),
        ("a\\nb", "Friday", "9:00"), ("x", "Friday", "9:0\u0663"), ("x", "Friday", "\u0661:00"),
    ],
)  # fmt: skip
def test_what_is_no_appointment_is_refused(desk, what, day, time):
    request = f'calendar.add {{"what": "{what}", "day": "{day}", "time": "{time}"}}'
    assert call(desk, request)[0] == "EINVAL"
    assert not desk.calendar.path("ada").exists()
    assert call(desk, f'calendar.add {{"what": "{"x" * 60}", "day": "Friday", "time": "09:00"}}')[0] == "OK"


@pytest.mark.parametrize(
    ("what", "day", "time"),
    [(None, "Friday", "9:00"), (3, "Friday", "9:00"), ("\ud800", "Friday", "9:00"), ("x", None, "9:00"),
     ("x", ["Friday"], "9:00"), ("x", "Friday", None), ("x", "Friday", 9), ("\x1f", "Friday", "9:00")],
)  # fmt: skip
def test_what_is_of_another_kind_is_no_appointment(tmp_path, what, day, time):
    calendar = Calendar(tmp_path)
    with pytest.raises(OSError, match=r"is no day and time|a title has 1 to 60 bytes") as error:
        calendar.put("ada", what, day, time)
    assert error.value.errno == errno.EINVAL
    assert calendar.events("ada") == {}


def test_a_calendar_belongs_to_somebody_and_begins_on_a_day(tmp_path):
    for ask in (Calendar(tmp_path).events, Calendar(tmp_path).path):
        with pytest.raises(ValueError, match="user=None: rows belong"):
            ask(None)
    for room in (Calendar, Desk):
        with pytest.raises(TypeError, match="today='Friday' is no date"):
            room(tmp_path, today="Friday")


def test_a_user_s_file_is_named_by_a_digest_in_a_folder_that_is_made(tmp_path):
    calendar = Calendar(tmp_path / "made" / "here")
    names = {user: calendar.path(user).name for user in ("ada", "../ada", "bob")}
    assert all(re.fullmatch(r"[0-9a-f]{16}\.ics", name) for name in names.values())
    assert len(set(names.values())) == 3
    calendar.put("../ada", "choir", "Friday", "9:00")
    assert [path.name for path in tmp_path.rglob("*.ics")] == [names["../ada"]]
    Calendar(tmp_path / "made" / "here")  # it may be there already


def test_bytes_that_are_no_text_are_no_calendar(tmp_path):
    calendar = Calendar(tmp_path)
    calendar.path("ada").write_bytes(b"BEGIN:VCALENDAR \xff\xfe")
    with pytest.raises(OSError, match="was cut or changed") as error:
        calendar.events("ada")
    assert error.value.errno == errno.EIO


@pytest.mark.parametrize("cut", [slice(0, -1), slice(1, None), slice(0, 0)])
def test_a_calendar_that_was_cut_is_not_written_over(desk, cut):
    request = 'calendar.add {"what": "choir", "day": "Friday", "time": "14:30"}'
    call(desk, request)
    path = desk.calendar.path("ada")
    path.write_bytes(path.read_bytes()[cut])
    before = path.read_bytes()
    assert call(desk, request.replace("Friday", "Monday")) == (
        "EIO",
        f"{path.name} was cut or changed",
    )
    assert path.read_bytes() == before


def test_a_user_s_name_is_no_path(desk):
    for user in ("../../etc/passwd", "a/b", "名"):
        assert desk.calendar.path(user).parent == desk.calendar.folder
    assert len({desk.calendar.path(user).name for user in ("a", "b", "A")}) == 3


# ---- when the database is in trouble ----


def test_a_book_that_another_program_holds_is_busy_and_nothing_is_lost(tmp_path):
    desk = Desk(tmp_path, patience=0.0)
    desk.orders.put("ada", [LAMP])
    with sqlite3.connect(desk.orders.database.path, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        for request in ('orders.find {"number": "4711"}', 'orders.cancel {"number": "4711"}'):
            assert call(desk, request, rights=RIGHTS | {confirmed("4711")}) == ("EBUSY", "database is locked")
        other.execute("ROLLBACK")
    assert call(desk, 'orders.find {"number": "4711"}') == ("OK", "lamp packed Friday")


def test_who_has_patience_waits_for_the_other(tmp_path):
    desk = Desk(tmp_path, patience=20.0)
    desk.orders.put("ada", [LAMP])
    other = sqlite3.connect(desk.orders.database.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.2, other.execute, ["ROLLBACK"])
    release.start()
    assert call(desk, 'orders.find {"number": "4711"}')[0] == "OK"
    release.join()
    other.close()


def test_a_call_that_works_too_long_is_stopped(tmp_path):
    desk = Desk(tmp_path)
    desk.orders.put("ada", [LAMP])
    desk.orders.database.budget = 5
    assert call(desk, 'orders.find {"number": "4711"}') == ("ETIMEDOUT", "interrupted")
    rights = RIGHTS | {confirmed("4711")}
    for budget in range(1, 200):
        desk.orders.database.budget = budget
        found = call(desk, 'orders.cancel {"number": "4711"}', rights=rights)
        if found[0] == "OK":
            break
        assert found == ("ETIMEDOUT", "interrupted")
        state = (
            rows(desk.orders.database.path, "SELECT status FROM orders"),
            rows(desk.orders.database.path, "SELECT * FROM receipts"),
        )
        assert state == ([("packed",)], [])  # both or neither, wherever it was stopped
    assert found == ("OK", "receipt 1")
    assert budget > 20


def test_a_call_may_take_as_many_steps_as_its_budget_has(desk):
    request, database = 'orders.find {"number": "4711"}', desk.orders.database
    call(desk, request)
    database.budget = steps = database.work
    assert call(desk, request)[0] == "OK"
    database.budget = steps - 1
    assert call(desk, request) == ("ETIMEDOUT", "interrupted")


def test_a_table_or_a_file_that_is_gone_is_an_error_of_the_device(desk):
    with sqlite3.connect(desk.orders.database.path) as connection:
        connection.execute("DROP TABLE orders")
    assert call(desk, 'orders.find {"number": "4711"}') == ("EIO", "no such table: orders")
    desk.notes.database.path.unlink()
    assert call(desk, 'memory.search {"key": "dog"}') == ("EIO", "unable to open database file")
    assert not desk.notes.database.path.exists()
    desk.orders.database.path.write_bytes(b"this is no database, it only looks like a file" * 30)
    assert call(desk, 'orders.find {"number": "4711"}') == ("EIO", "file is not a database")


def test_a_desk_that_cannot_be_opened_says_so_with_the_file(tmp_path):
    (tmp_path / "orders.sqlite").write_bytes(b"this is no database, it only looks like a file" * 30)
    with pytest.raises(OSError, match=r"file is not a database: .*orders\.sqlite") as trouble:
        Desk(tmp_path)
    assert trouble.value.errno == errno.EIO
    (tmp_path / "folder" / "orders.sqlite").mkdir(parents=True)
    with pytest.raises(OSError, match=r"unable to open database file: .*orders\.sqlite"):
        Desk(tmp_path / "folder")
    Desk(tmp_path / "held")
    with sqlite3.connect(tmp_path / "held" / "notes.sqlite") as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match=r"database is locked: .*notes\.sqlite") as trouble:
            Desk(tmp_path / "held", patience=0.0)
        assert trouble.value.errno == errno.EBUSY


def test_a_slow_tool_is_not_begun(tmp_path):
    desk = Desk(tmp_path, latency=9.0, limit=5.0)
    desk.orders.put("ada", [LAMP])
    result = desk.table.dispatch(process(), 'orders.find {"number": "4711"}', 0.0)
    assert (result.errno, result.latency) == ("ETIMEDOUT", 5.0)
    quick = Desk(tmp_path, latency=2.0).table.dispatch(process(), 'orders.find {"number": "4711"}', 0.0)
    assert (quick.errno, quick.latency) == ("OK", 2.0)


def test_each_tool_takes_the_desk_s_times(tmp_path):
    tools = Desk(tmp_path / "made" / "here", latency=2.0, limit=7.0).table.tools
    assert {(tool.latency, tool.limit) for tool in tools.values()} == {(2.0, 7.0)}
    assert len(tools) == 5


def test_bad_settings_of_a_database_are_refused_in_words(tmp_path):
    for options, words in (
        ({"patience": -1}, "patience=-1"),
        ({"patience": 60.5}, "patience=60.5 is out of range: 0 to 60"),
        ({"budget": 0}, "budget=0"),
    ):
        with pytest.raises(ValueError, match=words):
            Database(tmp_path / "x", "", **options)
    with pytest.raises(ValueError, match=r"there is no folder .*nowhere"):
        Database(tmp_path / "nowhere" / "x.sqlite", "")


# ---- the desk ----


def test_a_desk_is_filled_with_a_world(tmp_path):
    desk = Desk(tmp_path, today=datetime.date(2026, 1, 9))
    world = World(
        orders={"4711": ("lamp", "packed", "Friday"), "4712": None},
        notes={"dog": "Rex", "cat": None},
        calendar={("Friday", "9:00"): "choir"},
        receipts=8,
    )
    desk.fill("ada", world)
    assert desk.today == "Friday"
    assert call(desk, 'orders.find {"number": "4711"}')[1] == "lamp packed Friday"
    assert call(desk, 'orders.find {"number": "4712"}')[0] == "ENOENT"
    assert call(desk, 'memory.search {"key": "dog"}')[1] == "Rex"
    assert call(desk, 'memory.search {"key": "cat"}')[0] == "ENOENT"
    assert call(desk, 'calendar.add {"what": "x", "day": "Friday", "time": "9:00"}') == ("EEXIST", "choir")
    assert desk.calendar.events("ada") == {"20260109T090000": "choir"}
    desk.calendar.put("eve", "choir", "Thursday", "9:00")  # the next one, from this Friday on
    assert desk.calendar.events("eve") == {"20260115T090000": "choir"}
    rights = RIGHTS | {confirmed("4711")}
    assert call(desk, 'orders.cancel {"number": "4711"}', rights=rights) == ("OK", "receipt 9")
    assert call(desk, 'orders.find {"number": "4711"}')[1] == "lamp cancelled Friday"


def test_a_desk_is_filled_with_a_world_alone(desk):
    with pytest.raises(TypeError, match=r"world={'orders': {}} is no World"):
        desk.fill("ada", {"orders": {}})
    with pytest.raises(ValueError, match="user='': rows belong"):
        desk.fill("", World())


def test_every_effect_is_marked_as_one(desk):
    effects = {name: tool.effect for name, tool in desk.table.tools.items()}
    assert {name for name in effects if effects[name]} == {"orders.cancel", "memory.save", "calendar.add"}
    assert {tool.capability for tool in desk.table.tools.values()} == set(RIGHTS)
