"""`python -m llmasos_edu chat`: a conversation in a terminal, on this engine or on a server."""

import io
import sys
from types import SimpleNamespace

import pytest
from false_server import FalseServer, call, chunk, stream
from scripted import ScriptedDriver, called

from llmasos_edu.__main__ import main
from llmasos_edu.dialogue import command
from llmasos_edu.dialogue.assistant import Assistant
from llmasos_edu.dialogue.backend import BackendTrouble
from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.dialogue.session import Session
from llmasos_edu.dialogue.transcript import Called, Said

SCRIPT = {
    "Where?": ["Well, ", called('orders.find {"number": "4711"}'), "your lamp is packed."],
    "Hello.": ["Hello."],
}


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command with lines on standard input: its exit code, what it said, what it complained of."""

    def run_command(lines, *arguments):
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        code = main(["chat", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run_command


def test_a_conversation_is_printed_with_its_calls(run, tmp_path):
    lines = ["Where is my order 4711?", "取消订单4711。", "是的。", "", "never said"]
    code, said, _ = run(lines, "--desk", tmp_path / "desk", "--sample")
    assert code == 0
    assert said.splitlines()[0] == "ada has the orders 4711, 2306, 1848."
    assert '> Where is my order 4711?\n[orders.find {"number": "4711"} -> OK lamp packed Friday]\n' in said
    assert "-> EAGAIN the user must confirm]" in said
    assert '[orders.cancel {"number": "4711"} -> OK receipt 1]' in said
    assert "never said" not in said
    code, said, _ = run(["Where is my order 4711?"], "--desk", tmp_path / "desk")
    assert "-> OK lamp cancelled" in said, "the desk outlives the program"
    assert "has the orders" not in said


def test_what_the_command_asks_of_a_server_and_of_the_window(run, monkeypatch):
    asked = []

    def backend(address, **options):
        asked.append((address, options))
        return ScriptedDriver(SCRIPT)

    def assistant(driver, desk, **options):
        asked.append(options)
        return Assistant(driver, desk, **options)

    monkeypatch.setattr(command, "BackendDriver", backend)
    monkeypatch.setattr(command, "Assistant", assistant)
    assert run(["Hello."], "--backend", "http://there:1/v1")[0] == 0
    more = ("--model", "m", "--token", "t", "--timeout", 7, "--window", 400, "--reply", 90)
    assert run(["Hello."], "--backend", "http://there:1/v1", *more)[0] == 0
    assert asked == [
        ("http://there:1/v1", {"model": None, "token": None, "timeout": 60}),
        {"window": 256, "reply": 80, "trace": False},
        ("http://there:1/v1", {"model": "m", "token": "t", "timeout": 7}),
        {"window": 400, "reply": 90, "trace": False},
    ]


def test_the_command_tells_what_it_takes_and_what_it_takes_for_granted(run, capsys):
    with pytest.raises(SystemExit):
        run([], "--help")
    said = " ".join(capsys.readouterr().out.split())
    for option, default in (("--timeout", 60), ("--window", 256), ("--reply", 80), ("--user", "ada")):
        told = said[said.rindex(f" {option} {option[2:].upper()} ") :].partition(")")[0]
        assert told.endswith(f"(default: {default}"), told


@pytest.mark.parametrize(
    ("option", "least", "most"), [("--timeout", 1, 3600), ("--window", 32, 10**6), ("--reply", 1, 10**5)]
)
def test_numbers_outside_their_bounds_are_refused_with_the_bounds(run, capsys, option, least, most):
    for number in (least - 1, most + 1):
        with pytest.raises(SystemExit) as ended:
            run([], option, number)
        assert ended.value.code == 2
        complained = capsys.readouterr().err
        assert f"argument {option}" in complained
        assert str(number) in complained


def test_the_help_says_what_stands_behind_an_option(run, capsys):
    with pytest.raises(SystemExit):
        run([], "--help")
    said = " ".join(capsys.readouterr().out.split())
    for words in ("--desk FOLDER", "--backend URL ask this server, such as http://127.0.0.1:8000/v1",
                  "here dialogue)", "--sample enter three orders and a note", "Bearer TOKEN"):  # fmt: skip
        assert words in said, words


class Screen(io.StringIO):
    """Keeps what can be seen: what was flushed."""

    seen = ""

    def flush(self):
        self.seen = self.getvalue()


def test_each_piece_is_seen_when_it_comes(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    for part, seen in (
        (Said("Well, "), "Well, "),
        (Called("a.b", "{}", "OK", "x"), "Well, [a.b {} -> OK x]\n"),
    ):
        command.show(part)
        assert screen.seen == seen


def test_where_lines_end_there_is_none(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(" Hello. \n\n"))
    assert [command.read_line(person=False) for _ in range(3)] == ["Hello.", "", None]
    assert capsys.readouterr().out == "> Hello.\n> \n"


def test_without_a_folder_the_desk_is_not_kept(run, monkeypatch):
    made = []
    desk = command.Desk
    monkeypatch.setattr(command, "Desk", lambda folder, **more: made.append(folder) or desk(folder, **more))
    code, said, _ = run(["Where is my order 2306?"], "--user", "eve")
    assert (code, said.splitlines()[0]) == (0, "eve has the orders 4711, 2306, 1848.")
    assert "OK chair sent Monday" in said
    assert not made[0].exists()


def test_what_is_too_long_is_told_and_the_next_line_is_answered(run):
    code, said, complained = run(["a b " * 200, "Thank you."])
    assert code == 0
    assert "1 to 171 fit into the window" in complained
    assert said.splitlines()[-1] == "You are welcome."


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--model", "manual-dense"], 2, "it has not learned these conversations"),
        (["--model", "gpt-9"], 2, "there is no model 'gpt-9'"),
        (["--token", "x"], 2, "--token goes with --backend"),
        (["--backend", "here"], 2, "'here' is no address such as"),
        (["--window", "64"], 2, "window=64 does not fit"),
        (["--backend", "http://127.0.0.1:9/v1"], 1, "the connection to http://127.0.0.1:9/v1 failed"),
        (["--desk", __file__], 2, "test_chat.py"),
    ],
)
def test_a_wrong_command_is_told_in_words(run, arguments, code, words):
    got, said, complained = run(["Hello."], *arguments)
    assert got == code
    assert words in complained
    assert "Traceback" not in said + complained
    assert complained.count("\n") == 1


def test_where_lines_come_from_a_file_a_trouble_ends_it(run, tmp_path):
    hello = stream(chunk("Hello."), chunk(end="stop"))
    with FalseServer(hello, *[(500, "text/plain", "no")] * 3) as server:  # the client asks twice again
        code, said, complained = run(["Hello.", "Again.", "More."], "--backend", server.address)
    assert code == 1
    assert said.endswith("> Hello.\nHello.\n> Again.\n")
    assert "refused (500)" in complained


def test_more_than_the_book_s_window_for_others(run):
    long = " ".join(["word"] * 300)
    with FalseServer(*[stream(chunk(long), chunk(end="stop"))] * 2) as server:
        options = ["--backend", server.address, "--model", "m"]
        assert len(run(["Hello."], *options)[1]) < 300
        assert long in run(["Hello."], *options, "--window", "4000", "--reply", "3000")[1]


# ---- a person at the keyboard --------------------------------------------------------


class Person:
    """Types lines; an exception in the place of a line is raised."""

    def __init__(self, *lines):
        self.lines = list(lines)

    def __call__(self, prompt):
        assert prompt == "> "
        line = self.lines.pop(0) if self.lines else EOFError()
        if isinstance(line, BaseException):
            raise line
        return line


@pytest.fixture
def typed(monkeypatch, tmp_path):
    """Let a person type lines to a driver."""

    def type_lines(driver, *lines):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
        monkeypatch.setattr("builtins.input", Person(*lines))
        desk = Desk(tmp_path / "desk")
        desk.fill("ada", command.SAMPLE)
        session = Session(Assistant(driver, desk).conversation("ada"), command.show)
        return command.converse(session), session

    return type_lines


class Tired(ScriptedDriver):
    """Fails at the steps that are named."""

    def __init__(self, script, failures):
        super().__init__(script)
        self.steps, self.failures = 0, failures

    def forward(self, rows):
        self.steps += 1
        if error := self.failures.pop(self.steps, None):
            raise error
        return super().forward(rows)


def test_a_person_can_go_on_after_a_trouble(typed, capsys):
    broken = {3: BackendTrouble("the cable is out")}
    code, session = typed(Tired(SCRIPT, broken), "Where?", "", "Hello.")
    said, complained = capsys.readouterr()
    assert code == 0
    assert complained == "\nthe cable is out; Enter goes on, anything else is said instead\n"
    assert "your lamp is packed.\n" in said
    assert len(session.talk.turns) == 2


def test_who_leaves_in_the_middle_loses_nothing_that_was_done(typed, capsys):
    code, session = typed(Tired(SCRIPT, {14: KeyboardInterrupt()}), "Where?")
    assert code == 0
    assert "stopped; Enter goes on" in capsys.readouterr().err
    assert session.open is None
    assert len(session.talk.turns) == 1


def test_ctrl_c_at_the_prompt_ends_it(typed):
    with pytest.raises(KeyboardInterrupt):
        typed(ScriptedDriver(SCRIPT), KeyboardInterrupt())


@pytest.mark.parametrize("failing", range(1, 40))
def test_wherever_a_turn_breaks_it_ends_the_same_and_the_call_is_made_once(tmp_path, failing):
    """What was told before the call or after it may be told once more; the call and its answer are not."""
    desk = Desk(tmp_path)
    desk.fill("ada", command.SAMPLE)
    parts, failures = [], {failing: ConnectionError("gone")}
    session = Session(Assistant(Tired(SCRIPT, failures), desk).conversation("ada"), parts.append)
    try:
        session.say("Where?")
    except ConnectionError:
        parts.append("gone")
        session.go_on()
    assert len(desk.table.audit) == 1
    assert sum(isinstance(part, Called) for part in parts) == 1
    whole = "".join(part.text for part in parts if isinstance(part, Said))
    assert whole.endswith("your lamp is packed.")
    assert session.talk.turns[0] == _undisturbed(tmp_path)
    assert session.open is None


def _undisturbed(folder):
    desk = Desk(folder / "other")
    desk.fill("ada", command.SAMPLE)
    talk = Assistant(ScriptedDriver(SCRIPT), desk).conversation("ada")
    talk.say("Where?")
    return talk.turns[0]


def test_a_call_without_words_is_shown_without_a_blank(capsys):
    command.show(Called("memory.save", "{}", "OK", ""))
    command.show(Said("Fine."))
    assert capsys.readouterr().out == "[memory.save {} -> OK]\nFine."
    assert call("a", "b")["function"]["name"] == "a"


def test_a_session_needs_a_conversation_and_somebody_who_listens(tmp_path):
    talk = Assistant(ScriptedDriver(SCRIPT), Desk(tmp_path)).conversation("ada")
    with pytest.raises(TypeError, match=r"talk=None has no method begin\(\)"):
        Session(None, print)
    with pytest.raises(TypeError, match="write=None cannot be called"):
        Session(talk, None)
