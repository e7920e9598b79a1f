"""Tools that the client runs: the real `openai` client, the shipped dialogue model, and what is refused."""

import json

import httpx
import openai
import pytest
from running_server import Running, as_chat
from scripted import MARKS, ScriptedDriver, called
from talking_server import Talking

from llmasos_edu.dialogue.schemas import PARAMETERS, schemas
from llmasos_edu.dialogue.template import TOOLS
from llmasos_edu.serving.refusals import BadRequest
from llmasos_edu.serving.tools import paired

WHERE = [{"role": "user", "content": "Where is my order 4711?"}]
FIND = {"name": "orders_find", "arguments": '{"number": "4711"}'}


@pytest.fixture(scope="module")
def server():
    with Talking() as talking:
        yield talking


def ask(server, messages, **options):
    client = openai.OpenAI(base_url=f"{server.base}/v1", api_key="none", max_retries=0)
    options = {"model": "dialogue", "temperature": 0, "tools": schemas()} | options
    return client.chat.completions.create(messages=messages, **options)


def refusal(server, **options):
    body = {"model": "dialogue", "messages": WHERE, "tools": schemas()} | options
    answer = httpx.post(f"{server.base}/v1/chat/completions", json=body, timeout=60)
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


def last_call(server):
    return httpx.get(f"{server.base}/kernel", timeout=30).json()["audit"][-1]


def only(**changes):
    """One tool, `orders_find`, with other parts."""
    (tool,) = (tool for tool in schemas() if tool["function"]["name"] == "orders_find")
    return [{"type": "function", "function": tool["function"] | changes}]


def test_a_call_ends_the_turn_and_its_answer_is_told_in_words(server):
    choice = ask(server, WHERE, user="ada").choices[0]
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    (call,) = choice.message.tool_calls
    assert call.type == "function"
    assert call.function.model_dump() == FIND
    seen = last_call(server)
    assert (seen["user"], seen["name"], seen["rights"], seen["handed"]) == (
        "ada", "orders.find", ["orders.find"], True,
    )  # fmt: skip
    answer = {"role": "tool", "tool_call_id": call.id, "content": "OK lamp sent Friday"}
    done = ask(server, [*WHERE, choice.message, answer]).choices[0]
    assert (done.finish_reason, done.message.tool_calls) == ("stop", None)
    assert done.message.content == "Your lamp was sent on Friday."
    unknown = answer | {"content": "ENOENT no order 4711"}
    assert ask(server, [*WHERE, choice.message, unknown]).choices[0].message.content.startswith("I cannot")
    assert ask(server, [*WHERE, choice.message, answer]).usage.prompt_tokens_details.cached_tokens > 0


def test_a_streamed_call_comes_as_openai_s(server):
    chunks = list(ask(server, WHERE, stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    pieces = [delta.tool_calls[0] for delta in deltas if delta.tool_calls]
    assert {piece.index for piece in pieces} == {0}
    assert [bool(piece.id) for piece in pieces] == [True, False]
    assert pieces[0].function.name == "orders_find"
    assert "".join(piece.function.arguments for piece in pieces) == FIND["arguments"]
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]][-1] == "tool_calls"
    assert chunks[-1].usage.completion_tokens > 3
    with openai.OpenAI(base_url=f"{server.base}/v1", api_key="none").chat.completions.stream(
        model="dialogue", messages=WHERE, tools=schemas(), temperature=0
    ) as stream:  # the client's own accumulator agrees
        final = stream.get_final_completion().choices[0]
    assert final.message.tool_calls[0].function.arguments == FIND["arguments"]


def test_texts_between_calls_are_streamed_as_they_come(server):
    told = [*WHERE, call_message("a"), answer_message("a")]
    texts = [chunk.choices[0].delta.content or "" for chunk in ask(server, told, stream=True)]
    assert "".join(texts) == "Your lamp was sent on Friday."
    assert sum(map(bool, texts)) > 4


@pytest.mark.parametrize("offered", ["nothing", "none", "another"])
def test_what_is_not_offered_is_not_called(server, offered):
    """The kernel refuses the call, the model reads that and says so: no client gets what it did not offer."""
    others = [tool for tool in schemas() if tool["function"]["name"] != "orders_find"]
    options = {
        "nothing": {"tools": []},
        "none": {"tool_choice": "none"}, "another": {"tools": others},
    }[offered]  # fmt: skip
    choice = ask(server, WHERE, **options).choices[0]
    assert (choice.finish_reason, choice.message.tool_calls) == ("stop", None)
    assert choice.message.content
    assert "4711" not in choice.message.content
    seen = last_call(server)
    assert (seen["name"], seen["errno"], seen["rights"], seen["handed"]) == (
        "orders.find",
        "EPERM",
        [],
        False,
    )


@pytest.mark.parametrize("parallel", [True, False])
def test_a_call_can_be_demanded(server, parallel):
    hello = [{"role": "user", "content": "Thank you."}]
    assert ask(server, hello).choices[0].message.tool_calls is None
    choice = ask(server, WHERE, tool_choice="required", parallel_tool_calls=parallel).choices[0]
    assert choice.message.tool_calls[0].function.model_dump() == FIND
    named = {"type": "function", "function": {"name": "memory_search"}}
    for options in ({"tool_choice": named}, {"tools": only_search(), "tool_choice": "required"}):
        choice = ask(server, WHERE, **options).choices[0]
        assert (choice.finish_reason, choice.message.tool_calls[0].function.name) == (
            "tool_calls", "memory_search",
        )  # fmt: skip
        assert set(json.loads(choice.message.tool_calls[0].function.arguments)) == {"key"}
        assert last_call(server)["handed"]


def only_search():
    return [tool for tool in schemas() if tool["function"]["name"] == "memory_search"]


def test_several_choices_have_calls_of_their_own(server):
    choices = ask(server, WHERE, n=3, seed=1).choices
    assert len({choice.message.tool_calls[0].id for choice in choices}) == 3


def call_message(*ids):
    calls = [{"id": name, "type": "function", "function": FIND} for name in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def with_call(call):
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def answer_message(name, content="OK lamp sent Friday"):
    return {"role": "tool", "tool_call_id": name, "content": content}


def test_answers_in_another_order_are_brought_to_their_calls(server):
    two = call_message("a", "b")
    two["tool_calls"][1]["function"] = FIND | {"arguments": '{"number": "5"}'}
    first, second = answer_message("a"), answer_message("b", "ENOENT no order 5")
    assert (
        ask(server, [*WHERE, two, second, first]).choices == ask(server, [*WHERE, two, first, second]).choices
    )
    one, other = ({**two, "content": "", "tool_calls": [call]} for call in two["tool_calls"])
    checked = [{"role": "user", "content": "?"}, two | {"content": ""}, second, first]
    assert paired(checked) == [checked[0], one, first, other, second]
    with pytest.raises(BadRequest, match="answers no call"):
        paired([first])


WRONG = [
    ([call_message("a")], "the call 'a' of messages[1] has no answer"),
    ([call_message("a"), {"role": "user", "content": "well?"}], "must follow, not 'user'"),
    ([call_message("a", "b"), answer_message("a")], "the call 'b' of messages[1] has no answer"),
    ([call_message("a"), answer_message("b")], "tool_call_id='b' is no call of messages[1] that waits"),
    ([call_message("a", "b"), answer_message("a"), answer_message("a")], "tool_call_id='a' is no call"),
    ([call_message("a", "a"), answer_message("a"), answer_message("a")], "two calls have one id"),
    ([answer_message("a")], "messages[1] answers no call"),
    ([call_message("a"), answer_message("a", "lamp sent")], "a tool's answer begins with OK or the name of"),
    ([{"role": "tool", "content": "OK"}], "messages[1] must say in tool_call_id"),
    ([{"role": "user", "content": "again"}], "the model has learned no such order"),
    ([{"role": "system", "content": "late"}], "the model has learned no such order"),
    ([{"role": "assistant", "content": "Hello."}], "the last message must be the user's or a tool's"),
    ([{"role": "assistant", "content": None}], "a role and a content, both texts"),
    ([{"role": "robot", "content": "x"}], "messages[1].role='robot' is not one of system"),
    (["hello"], "messages[1].role='hello'"),
    ([call_message()], "tool_calls must be a list of 1 to 128"),
    ([with_call(7)], "tool_calls[0]=7 is no call of a function"),
    ([with_call({"id": "", "function": FIND})], "id='' must be a text"),
    ([with_call({"id": "a", "function": {"name": "orders_find"}})], "arguments=None must"),
    (
        [with_call({"id": "a", "function": FIND | {"name": "rm"}}), answer_message("a")],
        "the call of 'rm' is none that the model has learned",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("messages", "words"), WRONG, ids=range(len(WRONG)))
def test_messages_in_no_order_are_refused_in_words(server, messages, words):
    error = refusal(server, messages=[*WHERE, *messages])
    assert words in error["message"]
    assert error["param"] == "messages"


def schema(**changes):
    return {"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]} | changes


BAD = [
    ({"tools": "all"}, "tools='all' must be a list of at most 128"),
    ({"tools": only() * 129}, "must be a list of at most 128"),
    ({"tools": ["find"]}, "tools[0]='find' is not of the form"),
    ({"tools": [{"type": "retrieval", "function": {"name": "a"}}]}, "is not of the form"),
    ({"tools": [only()[0] | {"more": 1}]}, "is not of the form"),
    ({"tools": only(name="orders.find")}, "function.name='orders.find' must be 1 to 64 letters"),
    ({"tools": only(name=7)}, "function.name=7 must be"),
    ({"tools": only(code="x")}, "tools[0].function has no 'code'"),
    ({"tools": only(description=7)}, "description must be a text"),
    ({"tools": only(strict="yes")}, "strict must be true or false"),
    ({"tools": only(parameters=[])}, "parameters=[] is no JSON schema"),
    ({"tools": only() * 2}, "tools[1]: there are two functions 'orders_find'"),
    ({"tools": only(name="get_weather")}, "not learned to call 'get_weather'; it has learned orders_find"),
    ({"tools": only(parameters={})}, "must be of the type object"),
    ({"tools": only(parameters=schema(properties=[]))}, "must be of the type object"),
    ({"tools": only(parameters=schema(oneOf=[]))}, "keeps to no 'oneOf'"),
    ({"tools": only(parameters=schema(properties={}))}, "has learned number, not nothing"),
    ({"tools": only(parameters=schema(properties={"id": {}}))}, "has learned number, not id"),
    ({"tools": only(parameters=schema(properties={"number": {"type": "integer"}}))}, "writes texts alone"),
    ({"tools": only(parameters=schema(properties={"number": 7}))}, "writes texts alone"),
    ({"tools": only(parameters=schema(properties={"number": {"enum": ["1"]}}))}, "keeps to no 'enum'"),
    ({"tools": only(parameters=schema(required=["day"]))}, "required=['day'] must list parameters"),
    ({"tools": only(parameters=schema(required={}))}, "required={} must list parameters"),
    ({"tools": only(parameters=schema(additionalProperties={}))}, "additionalProperties must be true or"),
    ({"tool_choice": "always"}, "tool_choice='always' is not one of none, auto, required or"),
    ({"tool_choice": {"type": "allowed_tools"}}, "is not one of none, auto"),
    ({"tool_choice": {"type": "function", "function": {"name": "rm"}}}, "tool_choice names 'rm'; the tools"),
    ({"tool_choice": {"type": "function", "function": {"name": []}}}, "tool_choice names []"),
    ({"tools": schemas()[:2], "tool_choice": "required"}, "with 2 of the 5 tools"),
    ({"tools": None, "tool_choice": "auto"}, "tool_choice='auto' without tools"),
    ({"parallel_tool_calls": "no"}, "parallel_tool_calls='no' must be true or false"),
    ({"functions": []}, "there is no option 'functions'"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "words"), BAD, ids=range(len(BAD)))
def test_bad_tools_are_refused_in_words(server, options, words):
    error = refusal(server, **options)
    assert words in error["message"]
    assert error["param"] in options or error["param"] is None or error["param"] in ("tools", "tool_choice")


def test_a_tool_needs_no_schema_and_may_have_less_than_all(server):
    for parameters in (None, schema(), schema(additionalProperties=False, required=[]), schema(title="x")):
        choice = ask(server, WHERE, tools=only(parameters=parameters, strict=True)).choices[0]
        assert choice.message.tool_calls[0].function.model_dump() == FIND


def test_the_schemas_are_those_of_the_kernel_s_calls(tmp_path):
    from llmasos_edu.dialogue.desk import Desk

    table = Desk(tmp_path).table
    assert set(PARAMETERS) == set(TOOLS) == set(table.tools)
    for name, parameters in PARAMETERS.items():
        assert list(table.tools[name].signature.parameters) == ["process", *parameters]


def test_a_model_that_continues_texts_has_learned_no_tools():
    with Running(template=as_chat) as plain:
        for options in ({}, {"tools": None, "messages": [*WHERE, call_message("a"), answer_message("a")]}):
            error = refusal(plain, model="integers", **options)
            assert error["message"] == "integers has not learned to call tools"


# ---- a model that does not do as it should -------------------------------------------

SCRIPT = {
    "Bad JSON.": [called('orders.find {"number": '), "That went wrong."],
    "Bad name.": [called('orders.find {"key": "1"}'), "That went wrong."],
    "Bad number.": [called('orders.find {"number": 1}'), "That went wrong."],
    "Talk.": ["I would rather talk."],
    "Talk on.": ["I would rather talk ", called('orders.find {"number": ""}')],
    "Forge.": [[MARKS["result"]], "OK all", [MARKS["done"]], "Done."],
}


@pytest.fixture(scope="module")
def scripted():
    with Talking(driver=ScriptedDriver(SCRIPT)) as talking:
        yield talking


def said(text):
    return [{"role": "user", "content": text}]


def test_text_before_a_call_is_kept_and_a_forged_answer_is_not(scripted):
    choice = ask(scripted, said("Talk on.")).choices[0]
    assert choice.message.content == "I would rather talk "
    assert choice.message.tool_calls[0].function.arguments == '{"number": ""}'
    assert ask(scripted, said("Forge.")).choices[0].message.content == "Done."


@pytest.mark.parametrize("text", ["Bad JSON.", "Bad name.", "Bad number."])
def test_a_call_that_does_not_fit_its_schema_is_answered_here_and_not_handed_on(scripted, text):
    choice = ask(scripted, said(text)).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("That went wrong.", "stop")
    assert last_call(scripted)["errno"] == "EINVAL"


@pytest.mark.parametrize("stream", [False, True])
def test_a_demanded_call_that_does_not_come_is_told(scripted, stream):
    body = {
        "model": "dialogue",
        "messages": said("Talk."),
        "tools": schemas(),
        "tool_choice": "required",
        "stream": stream,
    }
    answer = httpx.post(f"{scripted.base}/v1/chat/completions", json=body, timeout=60)
    assert "made to call a tool and wrote" in answer.text
    assert answer.status_code == (200 if stream else 500)
    assert "Traceback" not in answer.text


def test_a_stop_text_ends_a_turn_before_its_call(scripted):
    choice = ask(scripted, said("Talk on."), stop=["rather"]).choices[0]
    assert (choice.message.content, choice.finish_reason, choice.message.tool_calls) == (
        "I would ",
        "stop",
        None,
    )
