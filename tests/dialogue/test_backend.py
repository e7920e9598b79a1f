"""The same program on another engine: what a server says becomes tokens, what it does wrong a sentence."""

import json
import socket
import subprocess
import sys
from itertools import pairwise

import pytest
from false_server import FalseServer, call, chunk, late, stream

from llmasos_edu.dialogue.assistant import Assistant
from llmasos_edu.dialogue.backend import BackendDriver, BackendTrouble
from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.dialogue.orders import Order
from llmasos_edu.dialogue.session import Session
from llmasos_edu.dialogue.transcript import Called

HELLO = stream(chunk("Hel"), chunk("lo, Ada"), chunk("."), chunk(end="stop"))
FIND = stream(
    chunk(calls=[call("orders_find", '{"num')]),
    chunk(calls=[call(None, 'ber": "4711"}')]),
    chunk(end="tool_calls"),
)
CANCEL = stream(chunk(calls=[call("orders_cancel", '{"number": "4711"}')]), chunk(end="tool_calls"))
SHALL_I = stream(chunk("Shall I?"), chunk(end="stop"))
DONE = stream(chunk("Done."), chunk(end="stop"))


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    desk.orders.put("ada", [Order("4711", "lamp", "packed", "Friday")])
    return desk


def talk_to(server, desk, **options):
    options = {"retries": 0, "timeout": 5} | options
    return Assistant(BackendDriver(server.address, **options), desk).conversation("ada")


def test_a_turn_is_asked_for_as_a_client_asks(desk):
    with FalseServer(HELLO, HELLO) as server:
        talk = talk_to(server, desk)
        pieces = list(talk.stream("Who am I?"))
        assert "".join(piece.text for piece in pieces) == "Hello, Ada."
        talk.say("And now?")
    first, second = server.asked
    assert (first["model"], first["temperature"], first["stream"], first["user"]) == ("m", 0, True, "ada")
    assert first["messages"] == [{"role": "user", "content": "Who am I?"}]
    assert [tool["function"]["name"] for tool in first["tools"]][:2] == ["orders_find", "orders_cancel"]
    assert [each["content"] for each in second["messages"]] == ["Who am I?", "Hello, Ada.", "And now?"]


def test_words_are_whole_tokens_however_the_server_cuts_them(desk):
    whole, cut = "Your lamp was sent on Friday.", [*"Your lamp was sent on Friday."]
    with FalseServer(stream(*map(chunk, cut), chunk(end="stop")), stream(chunk(whole, end="stop"))) as server:
        one, other = talk_to(server, desk), talk_to(server, desk)
        assert one.say("?").text == other.say("?").text == whole
        assert one.turns == other.turns


def test_a_call_is_made_here_with_the_rights_of_this_desk(desk):
    with FalseServer(FIND, stream(chunk("It is packed."), chunk(end="stop"))) as server:
        reply = talk_to(server, desk).say("Where?")
    assert reply.text == "It is packed."
    assert reply.calls == (Called("orders.find", '{"number": "4711"}', "OK", "lamp packed Friday"),)
    _, assistant, tool = server.asked[1]["messages"]
    (made,) = assistant["tool_calls"]
    assert made["function"] == {"name": "orders_find", "arguments": '{"number": "4711"}'}
    assert (tool["role"], tool["tool_call_id"], tool["content"]) == (
        "tool",
        made["id"],
        "OK lamp packed Friday",
    )


def test_calls_may_come_whole_and_without_a_number(desk):
    find, other = call("orders_find", '{"number": "4711"}', None), call("memory_search", '{"key": "a"}', None)
    both = stream(chunk(calls=[find]), chunk(calls=[other]), chunk(end="tool_calls"))
    with FalseServer(both, DONE) as server:
        reply = talk_to(server, desk).say("Where?")
    assert [(part.name, part.errno) for part in reply.calls] == [("orders.find", "OK")]


def test_a_server_cannot_confirm_and_of_several_calls_the_first_is_made(desk):
    twice = stream(
        chunk("First, ", calls=[call("orders_cancel", '{"number": "4711"}'), call("orders_find", "{}", 1)]),
        chunk(end="tool_calls"),
    )
    odd = stream(chunk(calls=[call("rm -rf", "not JSON")]), chunk(end="tool_calls"))
    with FalseServer(twice, CANCEL, odd, SHALL_I, CANCEL, DONE) as server:
        talk = talk_to(server, desk)
        reply = talk.say("Cancel it.")
        assert [part.errno for part in reply.calls] == ["EAGAIN", "EAGAIN", "ENOSYS"]
        assert reply.text == "First, Shall I?"
        assert talk.pending is None, "the last call was another one"
        talk = talk_to(FalseServer(CANCEL, SHALL_I, CANCEL, DONE).__enter__(), desk)
        talk.say("Cancel it.")
        assert talk.say("Yes.").calls[0][2:] == ("OK", "receipt 1")


def garbage(body, kind="text/event-stream", status=200):
    return (status, kind, body)


def error(status, message):
    return (status, "application/json", json.dumps({"error": {"message": message, "type": "x"}}))


TROUBLES = {
    "unauthorised": (error(401, "who?"), r"refused \(401\): who\?; give its token with --token"),
    "no model": (error(404, "no such model"), r"refused \(404\): no such model; is it the right address"),
    "busy": (error(429, "later"), r"refused \(429\): later$"),
    "bad request": (error(400, "no tools here"), r"refused \(400\): no tools here$"),
    "broken": ((500, "text/html", "<h1>oh\nno</h1>"), r"refused \(500\): "),
    "hangs up": (None, "the connection to .* failed: "),
    "too late": (late(3, HELLO), r"did not answer within 1 s"),
    "html": (garbage("<html>hello</html>", "text/html"), "broke off before the end"),
    "empty": (garbage(""), "broke off before the end"),
    "no json": (stream("data: {oh no", chunk(end="stop")), "in a form that is not OpenAI's"),
    "no object": (stream("data: [1, 2]"), "in a form that is not OpenAI's"),
    "no choices": (stream('data: {"choices": 7}'), "in a form that is not OpenAI's"),
    "no delta": (stream('data: {"choices": [{"delta": null}]}'), "in a form that is not OpenAI's"),
    "no text": (stream(chunk(7)), "in a form that is not OpenAI's"),
    "half a character": (stream(chunk("ab \ud800 "), chunk(end="stop")), "in a form that is not OpenAI's"),
    "no call": (stream(chunk(calls=[{"index": "x"}])), "in a form that is not OpenAI's"),
    "far call": (stream(chunk(calls=[call("a", "{}", 5)])), "in a form that is not OpenAI's"),
    "broken off": (stream(chunk("Hello, "), done=False), "broke off before the end"),
    "error within": (stream(chunk("Hello, "), 'data: {"error": {"message": "no memory"}}'), "no memory"),
    "cut": ((200, "text/event-stream", stream(chunk("Hello, ")), 10_000), "failed: |broke off"),
}  # fmt: skip


@pytest.mark.parametrize("name", TROUBLES)
def test_a_trouble_is_a_sentence_and_the_turn_goes_on_where_it_was(desk, name):
    answer, words = TROUBLES[name]
    parts = []
    with FalseServer(FIND, answer, DONE, HELLO) as server:
        session = Session(talk_to(server, desk, timeout=1), parts.append)
        with pytest.raises(BackendTrouble, match=words) as met:
            session.say("Where is it?")
        assert server.address in str(met.value)
        assert "\n" not in str(met.value)
        made = [part for part in parts if isinstance(part, Called)]
        parts.clear()
        session.go_on()
        assert "".join(part.text for part in parts) == "Done."
        assert server.asked[2]["messages"] == server.asked[1]["messages"]
        session.say("Hello.")
    assert len(made) == len(desk.table.audit) == 1, "the call was made once"
    contents = [each["content"] for each in server.asked[3]["messages"]]
    assert contents == ["Where is it?", "", "OK lamp packed Friday", "Done.", "Hello."]


def test_a_question_that_broke_off_can_be_answered_and_a_cancelling_is_done_once(desk):
    with FalseServer(CANCEL, None, SHALL_I, CANCEL, None, DONE) as server:
        session = Session(talk_to(server, desk), lambda part: None)
        for said in ("Cancel it.", "Yes."):
            with pytest.raises(BackendTrouble):
                session.say(said)
            session.go_on()
    assert [line.errno for line in desk.table.audit] == ["EAGAIN", "OK"]
    assert [
        order[1] for order in [desk.orders.find(session.talk.assistant.kernel.processes[0], "4711").split()]
    ] == ["cancelled"]
    assert session.open is None


def test_who_says_something_else_keeps_what_was_done(desk):
    with FalseServer(FIND, None, HELLO) as server:
        session = Session(talk_to(server, desk), lambda part: None)
        with pytest.raises(BackendTrouble):
            session.say("Where is it?")
        session.say("Never mind.")
    roles = [message["role"] for message in server.asked[2]["messages"]]
    assert roles == ["user", "assistant", "tool", "user"]
    with pytest.raises(ValueError, match="no turn is open"):
        session.go_on()


def test_a_turn_that_is_killed_hangs_up(desk):
    with FalseServer(stream(*[chunk("word ")] * 50, chunk(end="stop")), HELLO) as server:
        talk = talk_to(server, desk)
        process = talk.begin("Talk.")
        driver, kernel = talk.assistant.kernel.driver, talk.assistant.kernel
        kernel.step()
        kernel.kill(process)
        talk.finish(process)
        assert process in driver._turns
        talk.say("Hello.")
        assert driver._turns == {}


def test_the_only_model_is_taken_and_several_are_told(desk):
    with FalseServer(HELLO, models=("theirs",)) as server:
        talk_to(server, desk).say("Hello.")
        assert server.asked[0]["model"] == "theirs"
    for models, words in ((("a", "b"), "choose with --model: a, b"), ((), "choose with --model: none")):
        with FalseServer(models=models) as server, pytest.raises(BackendTrouble, match=words):
            BackendDriver(server.address)


def test_a_server_that_is_down_is_told():
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(BackendTrouble, match=r"the connection to .* failed: "):
        BackendDriver(address, retries=0)


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8000", "ftp://a/v1", "http://", "http:///v1", "http://a b/v1"]
)
def test_what_is_no_address_is_told(address):
    with pytest.raises(ValueError, match="is no address such as"):
        BackendDriver(address)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"timeout": "a"}, TypeError, "timeout='a' must be a number"),
        ({"timeout": -1}, ValueError, "timeout=-1 is out of range"),
        ({"retries": -1}, ValueError, "retries=-1 is out of range"),
        ({"retries": None}, TypeError, "retries=None must be a whole number"),
        ({"address": None}, ValueError, "None is no address such as"),
    ],
)
def test_what_no_server_could_be_asked_with_is_told(options, error, words):
    with pytest.raises(error, match=words):
        BackendDriver(**({"address": "http://127.0.0.1:9/v1", "model": "m"} | options))


def test_without_the_client_it_is_said_how_to_get_it():
    program = (
        "import sys; sys.modules['openai'] = None\n"
        "from llmasos_edu.__main__ import main\n"
        "sys.exit(main(['chat', '--backend', 'http://127.0.0.1:9/v1']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("pip install openai")
    assert "Traceback" not in done.stderr


def test_a_server_samples_in_no_other_way(desk):
    with FalseServer() as server:
        driver = BackendDriver(server.address)
    driver.check(None)
    with pytest.raises(ValueError, match="the likeliest tokens are asked for"):
        driver.check({"temperature": 1.0})


def test_a_long_answer_comes_piece_by_piece(desk):
    with FalseServer(stream(*[chunk(f"{n} ") for n in range(12)], chunk(end="stop"))) as server:
        pieces = list(talk_to(server, desk).stream("Count."))
    texts = [piece.text for piece in pieces]
    assert "".join(texts) == " ".join(map(str, range(12))) + " "
    assert all(len(b) <= 3 for _, b in pairwise(texts))
