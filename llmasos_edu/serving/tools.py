"""Tools in OpenAI's form: what a request offers, which calls its messages hold, and a call on its way out.

Source: OpenAI's API reference, "Chat Completions": `tools`, `tool_choice`, `parallel_tool_calls`, and the
`tool_calls` and `tool_call_id` of messages.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from llmasos_edu.serving.refusals import BadRequest, check_whole, shown

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST = 128  # tools in a request, and calls in a message
CHOICES = ("none", "auto", "required")
FUNCTION = {"name", "description", "parameters", "strict"}


@dataclass(frozen=True)
class Offered:
    """The tools that a request brings, and what the model may do with them.

    Fields:
        functions: name of each function: the JSON schema of its parameters, None where it has none.
        choice: "none", "auto" or "required".
        only: the one function that must be called; None where the model chooses.
    """

    functions: dict[str, dict | None]
    choice: str = "auto"
    only: str | None = None


@dataclass(frozen=True)
class ToolCall:
    """A call that the client is to run: the function's name, and its arguments as JSON."""

    name: str
    arguments: str
    id: str = field(default_factory=lambda: f"call_{secrets.token_hex(12)}")

    def json(self) -> dict:
        """As it stands in a message."""
        function = {"name": self.name, "arguments": self.arguments}
        return {"id": self.id, "type": "function", "function": function}

    def deltas(self) -> list[dict]:
        """As it is streamed: the name first, then the arguments."""
        head = self.json() | {"function": {"name": self.name, "arguments": ""}}
        return [{"index": 0} | head, {"index": 0, "function": {"arguments": self.arguments}}]


def offered(options: dict) -> Offered | None:
    """What `tools`, `tool_choice` and `parallel_tool_calls` of a request say; None where there are no tools.

    Raises:
        BadRequest: with the option, and the tool that is at fault by its number.
    """
    tools, choice = options.get("tools"), options.get("tool_choice")
    parallel = options.get("parallel_tool_calls")
    if parallel is not None and not isinstance(parallel, bool):
        raise BadRequest(
            f"parallel_tool_calls={shown(parallel)} must be true or false", "parallel_tool_calls"
        )
    if tools is None or tools == []:
        if choice not in (None, "none"):
            raise BadRequest(f"tool_choice={shown(choice)} without tools: there is none", "tool_choice")
        return None
    if not isinstance(tools, list) or len(tools) > MOST:
        raise BadRequest(f"tools={shown(tools)} must be a list of at most {MOST}", "tools")
    functions: dict[str, dict | None] = {}
    for at, tool in enumerate(tools):
        name, parameters = _function(at, tool)
        if name in functions:
            raise BadRequest(f"tools[{at}]: there are two functions {name!r}", "tools")
        functions[name] = parameters
    return Offered(functions, *_choice(choice, functions))


def _function(at: int, tool: Any) -> tuple[str, dict | None]:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or tool.get("type") != "function" or len(tool) != 2:
        form = '{"type": "function", "function": {"name": ...}}'
        raise BadRequest(f"tools[{at}]={shown(tool)} is not of the form {form}", "tools")
    if more := function.keys() - FUNCTION:
        raise BadRequest(f"tools[{at}].function has no {min(more)!r}: {', '.join(sorted(FUNCTION))}", "tools")
    name, parameters = function.get("name"), function.get("parameters")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        what = "1 to 64 letters a to z, digits, _ and -"
        raise BadRequest(f"tools[{at}].function.name={shown(name)} must be {what}", "tools")
    if not isinstance(function.get("description"), str | None):
        raise BadRequest(f"tools[{at}].function.description must be a text", "tools")
    if not isinstance(function.get("strict"), bool | None):
        raise BadRequest(f"tools[{at}].function.strict must be true or false", "tools")
    if not isinstance(parameters, dict | None):
        raise BadRequest(f"tools[{at}].function.parameters={shown(parameters)} is no JSON schema", "tools")
    return name, parameters


def _choice(choice: Any, functions: dict) -> tuple[str, str | None]:
    if choice is None or choice in CHOICES:
        return choice or "auto", None
    function = choice.get("function") if isinstance(choice, dict) else None
    if not isinstance(function, dict) or choice.get("type") != "function":
        form = f'{", ".join(CHOICES)} or {{"type": "function", "function": {{"name": ...}}}}'
        raise BadRequest(f"tool_choice={shown(choice)} is not one of {form}", "tool_choice")
    name = function.get("name")
    if not isinstance(name, str) or name not in functions:
        raise BadRequest(
            f"tool_choice names {shown(name)}; the tools are {', '.join(functions)}", "tool_choice"
        )
    return "required", name


# ---- calls in messages ---------------------------------------------------------------


def calls_of(at: int, message: dict) -> list[dict]:
    """The calls of an assistant's message, checked: `{"id", "function": {"name", "arguments"}}` each.

    Raises:
        BadRequest: with the number of the message.
    """
    calls = message.get("tool_calls")
    if calls is None:
        return []
    if not isinstance(calls, list) or not 0 < len(calls) <= MOST:
        raise BadRequest(f"messages[{at}].tool_calls must be a list of 1 to {MOST} calls", "messages")
    return [_call(f"messages[{at}].tool_calls[{number}]", call) for number, call in enumerate(calls)]


def _call(where: str, call: Any) -> dict:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or call.get("type", "function") != "function":
        raise BadRequest(f"{where}={shown(call)} is no call of a function", "messages")
    texts = {"id": call.get("id")} | {name: function.get(name) for name in ("name", "arguments")}
    for name, text in texts.items():
        if not isinstance(text, str) or (name != "arguments" and not text):
            raise BadRequest(f"{where}: {name}={shown(text)} must be a text", "messages")
        check_whole(text, "messages")
    return {"id": texts["id"], "function": {name: texts[name] for name in ("name", "arguments")}}


def paired(messages: Sequence[dict]) -> list[dict]:
    """The messages with every call right before its answer, in whatever order the answers came.

    Args:
        messages: checked; a `tool` message has a `tool_call_id`.

    Returns:
        The same; a message with several calls stands as several, each with one call and then its answer.

    Raises:
        BadRequest: a call without an answer, an answer without a call, something else in between.
    """
    found, at = [], 0
    while at < len(messages):
        message, calls = messages[at], messages[at].get("tool_calls", [])
        if message["role"] == "tool":
            raise BadRequest(f"messages[{at}] answers no call of the message before", "messages")
        answers = _answers(messages, at, [call["id"] for call in calls])
        if not calls:
            found.append(message)
        for number, call in enumerate(calls):
            said = message["content"] if number == 0 else ""
            found += [{"role": "assistant", "content": said, "tool_calls": [call]}, answers[call["id"]]]
        at += 1 + len(calls)
    return found


def _answers(messages: Sequence[dict], at: int, ids: list[str]) -> dict[str, dict]:
    """The `tool` messages right after a message, by the call that each answers."""
    if len(set(ids)) < len(ids):
        raise BadRequest(f"messages[{at}]: two calls have one id", "messages")
    answers: dict[str, dict] = {}
    for place in range(at + 1, at + 1 + len(ids)):
        answer = messages[place] if place < len(messages) else {"role": "nothing"}
        if answer["role"] != "tool":
            missing = next(each for each in ids if each not in answers)
            raise BadRequest(
                f"the call {shown(missing)} of messages[{at}] has no answer: a message with role 'tool' and "
                f"its tool_call_id must follow, not {answer['role']!r}",
                "messages",
            )
        name = answer["tool_call_id"]
        if name not in ids or name in answers:
            raise BadRequest(
                f"messages[{place}]: tool_call_id={shown(name)} is no call of messages[{at}] that waits",
                "messages",
            )
        answers[name] = answer
    return answers
