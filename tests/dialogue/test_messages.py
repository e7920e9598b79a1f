"""Prompts and messages are one thing in two forms."""

import jsonschema
import pytest

from llmasos_edu.dialogue.grammar import Talk, notes_text
from llmasos_edu.dialogue.messages import tokens_messages
from llmasos_edu.dialogue.schemas import call_name, schemas, wire_name
from llmasos_edu.dialogue.template import TOOLS, framed, messages_tokens, tokenizer, turn_tokens

MARKS = tokenizer().marks


@pytest.mark.parametrize("seed", range(60))
def test_a_prompt_read_back_as_messages_is_the_same_prompt(seed):
    talk = Talk(seed, trouble=0.2, known=seed % 3)
    tokens = framed("system", notes_text(talk.notes))
    for _ in range(6):
        more, _ = turn_tokens(talk.turn())
        answered = [at + 1 for at, token in enumerate(more) if token == MARKS["done"]]
        for end in [more.index(MARKS["assistant"]) + 1, *answered]:
            messages = tokens_messages(tokens + more[:end])
            assert messages_tokens(messages) == tokens + more[:end]
            assert messages[-1]["role"] == ("user" if end not in answered else "tool")
        tokens = tokens + more
        assert all(isinstance(each["content"], str) for each in tokens_messages(tokens))
        assert messages_tokens(tokens_messages(tokens)) == tokens


def test_calls_and_answers_belong_together_and_nothing_is_said_twice():
    tokens = [
        *framed("system", ""), *framed("user", "Cancel 5."), MARKS["assistant"], *b"Well, ", MARKS["call"],
        *tokenizer().encode('orders.cancel {"number": "5"}'), MARKS["do"], MARKS["result"],
        *b"EAGAIN the user", MARKS["done"],
    ]  # fmt: skip
    user, assistant, tool = tokens_messages(tokens)
    assert user == {"role": "user", "content": "Cancel 5."}
    assert assistant["content"] == "Well, "
    (call,) = assistant["tool_calls"]
    assert call["function"] == {"name": "orders.cancel", "arguments": '{"number": "5"}'}
    assert call["type"] == "function"
    assert tool == {"role": "tool", "tool_call_id": call["id"], "content": "EAGAIN the user"}


def test_every_call_of_a_conversation_has_a_name_of_its_own():
    turns = [Talk(seed).turn("find") for seed in range(4)]
    tokens = [token for turn in turns for token in turn_tokens(turn)[0]]
    messages = tokens_messages([*framed("system", ""), *tokens])
    names = [call["id"] for message in messages for call in message.get("tool_calls", [])]
    assert len(set(names)) == 4
    assert all(isinstance(name, str) for name in names)
    assert [each["tool_call_id"] for each in messages if each["role"] == "tool"] == names


def test_notes_are_the_system_message_and_without_any_there_is_none():
    user = framed("user", "Hello.")
    assert tokens_messages([*framed("system", "cat = Mia"), *user])[0] == {
        "role": "system",
        "content": "cat = Mia",
    }
    assert [each["role"] for each in tokens_messages([*framed("system", ""), *user])] == ["user"]


def test_the_request_for_a_summary_has_no_message():
    with pytest.raises(ValueError, match="a summary is asked for by a mark"):
        tokens_messages([*framed("system", ""), *framed("user", "Hello."), MARKS["summary"]])


def test_names_have_no_dots_on_the_wire_and_come_back():
    names = [tool["function"]["name"] for tool in schemas()]
    assert names == ["orders_find", "orders_cancel", "calendar_add", "memory_save", "memory_search"]
    assert [call_name(name) for name in names] == list(TOOLS)
    assert [wire_name(name) for name in TOOLS] == names
    assert call_name("rm_all") == "rm_all"


def test_tools_are_told_in_openai_s_form_and_fit_the_calls_that_are_made():
    told = {}
    for tool in schemas():
        assert tool.keys() == {"type", "function"}
        assert tool["type"] == "function"
        assert tool["function"].keys() == {"name", "description", "parameters"}
        told[call_name(tool["function"]["name"])] = tool["function"]["parameters"]
        assert all(each["description"] for each in [tool["function"], *told_of(tool).values()])
    for schema in told.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    calls = [call for seed in range(80) for call in Talk(seed).turn().calls]
    assert {call.name for call in calls} == set(TOOLS)
    for call in calls:
        fits = jsonschema.Draft202012Validator(told[call.name]).is_valid
        assert fits(call.arguments)
        assert not fits([])
        for name in call.arguments:
            assert not fits({key: value for key, value in call.arguments.items() if key != name})
            assert not fits(call.arguments | {name: 4711})


def told_of(tool):
    """What is told of each argument."""
    return tool["function"]["parameters"]["properties"]


def test_what_is_no_prompt_is_refused_in_words():
    text, call, result = tokenizer().encode("Hello."), MARKS["call"], MARKS["result"]
    for tokens, error, words in (
        (None, TypeError, "tokens=None: a list of token ids"),
        ("Hello.", TypeError, "tokens='Hello.': a list"),
        (text, ValueError, f"begins with a mark, not with token {text[0]}"),
        ([10**6], ValueError, "not with token 1000000"),
        ([call, *text, MARKS["do"]], ValueError, "the call 'Hello.' stands before anything that was said"),
        ([result, *text], ValueError, "the answer 'Hello.' follows no call"),
        ([*framed("user", "a"), result, *text], ValueError, "the answer 'Hello.' follows no call"),
    ):
        with pytest.raises(error, match=words):
            tokens_messages(tokens)
    assert tokens_messages([]) == []
