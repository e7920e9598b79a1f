"""What clients ask for, checked at the door: OpenAI's JSON for completions, and the same for chats.

An option that this server does not know, or cannot honour, is refused by name and never ignored in silence.
Beyond OpenAI's own there are `top_k`, `min_p` and `repetition_penalty`, as in the book's chapter 5.

Source: OpenAI's API reference, "Completions" and "Chat Completions".
"""

import math
from dataclasses import dataclass, field
from typing import Any

from llmasos_edu.serving.refusals import BadRequest, check_whole, shown
from llmasos_edu.serving.tools import Offered, calls_of, offered

MAX_CHOICES = 16  # texts that one request may ask for, prompts times n
MAX_STOPS = 4  # as in OpenAI's interface
ANY_SEED = 2**63

# Options that are accepted at the one value that means "off", with the reason why not at others.
ONLY_OFF = {
    "logprobs": ((None, False, 0), "this server hands out no probabilities"),
    "top_logprobs": ((None, 0), "this server hands out no probabilities"),
    "presence_penalty": ((None, 0), "use repetition_penalty"),
    "frequency_penalty": ((None, 0), "use repetition_penalty"),
    "logit_bias": ((None, {}), "this server changes no single token's chance"),
    "best_of": ((None, 1), "ask for n and choose yourself"),
    "suffix": ((None, ""), "the model writes forward only"),
    "tools": ((None, []), "texts that are continued have not learned to call tools; a chat may"),
    "tool_choice": ((None, "none"), "texts that are continued have not learned to call tools; a chat may"),
    "response_format": ((None, {"type": "text"}), "the models of this server write plain text"),
}


@dataclass(frozen=True)
class Asked:
    """A request, checked.

    Fields:
        model: its name, as the client wrote it.
        prompts: texts, or lists of token numbers; for a chat the messages stand in `messages` instead.
        messages: `{"role", "content"}` of a chat, with the assistant's `tool_calls` and the `tool_call_id` of
            their answers; empty for a completion.
        max_tokens: how many tokens each text may grow by; None where the window decides.
        n: texts for each prompt.
        stream: whether the text is sent as it is written.
        usage: whether a stream ends with the count of tokens.
        echo: whether a completion begins with its prompt.
        stop: texts that end the writing.
        seed: of the chances; None for one drawn by the server.
        user: whose process it becomes: its prompts share cached blocks with those of the same user only.
        sampling: temperature, top_p, top_k, min_p, repetition_penalty.
        offered: the tools that a chat brings; None where it brings none.
    """

    model: str
    prompts: tuple = ()
    messages: tuple = ()
    max_tokens: int | None = None
    n: int = 1
    stream: bool = False
    usage: bool = False
    echo: bool = False
    stop: tuple[str, ...] = ()
    seed: int | None = None
    user: str = ""
    sampling: dict[str, float] = field(default_factory=dict)
    offered: Offered | None = None


def completion(body: Any) -> Asked:
    """Check the body of `POST /v1/completions`.

    Raises:
        BadRequest: with the option and its value.
    """
    options = _options(body, {"prompt", "max_tokens", "echo"})
    prompts = _prompts(options.pop("prompt", "") or "")
    asked = _common(options)
    if len(prompts) * asked["n"] > MAX_CHOICES:
        raise BadRequest(f"{len(prompts)} prompts times n={asked['n']} are more than {MAX_CHOICES}", "n")
    most = _number(options, "max_tokens", 16, least=1, whole=True)
    return Asked(prompts=prompts, max_tokens=most, echo=_flag(options, "echo"), **asked)


def chat(body: Any) -> Asked:
    """Check the body of `POST /v1/chat/completions`.

    Raises:
        BadRequest: with the option and its value.
    """
    options = _options(body, {"messages", "max_tokens", "max_completion_tokens", *TOOLS})
    messages = options.pop("messages", None)
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list with at least one message", "messages")
    checked = tuple(_message(at, message) for at, message in enumerate(messages))
    most = options.pop("max_completion_tokens", None)
    if most is not None and options.get("max_tokens") is not None:
        raise BadRequest("max_tokens and max_completion_tokens are one option: give one", "max_tokens")
    options["max_tokens"] = options.get("max_tokens") if most is None else most
    most = _number(options, "max_tokens", None, least=1, whole=True)
    return Asked(messages=checked, max_tokens=most, offered=offered(options), **_common(options))


TOOLS = {"tools", "tool_choice", "parallel_tool_calls"}
COMMON = {"model", "n", "stream", "stream_options", "stop", "seed", "user"}
SAMPLING = {"temperature", "top_p", "top_k", "min_p", "repetition_penalty"}


def _options(body: Any, own: set[str]) -> dict:
    if not isinstance(body, dict):
        raise BadRequest(f"the body must be a JSON object, got {type(body).__name__}")
    known = own | COMMON | SAMPLING
    for name, value in body.items():
        if name in ONLY_OFF and name not in own:
            off, why = ONLY_OFF[name]
            if value not in off:
                raise BadRequest(f"{name}={shown(value)} is not served: {why}", name)
        elif name not in known:
            raise BadRequest(f"there is no option {name!r}; known are {', '.join(sorted(known))}", name)
    return dict(body)


def _common(options: dict) -> dict:
    model = options.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("model must name one of GET /v1/models", "model")
    user = options.get("user") or ""
    if not isinstance(user, str):
        raise BadRequest(f"user={shown(user)} must be a text", "user")
    check_whole(user, "user")
    return {
        "model": model,
        "n": _number(options, "n", 1, least=1, most=MAX_CHOICES, whole=True),
        "stream": _flag(options, "stream"),
        "usage": _usage(options),
        "stop": _stops(options.get("stop")),
        "seed": _number(options, "seed", None, least=-ANY_SEED, most=ANY_SEED - 1, whole=True),
        "user": user,
        "sampling": _sampling(options),
    }


def _sampling(options: dict) -> dict[str, float]:
    chosen = {
        "temperature": _number(options, "temperature", 1.0, least=0, most=2),
        "top_p": _number(options, "top_p", 1.0, least=0, most=1),
        "top_k": _number(options, "top_k", None, least=1, whole=True),
        "min_p": _number(options, "min_p", None, least=0, most=1),
        "repetition_penalty": _number(options, "repetition_penalty", None, least=1, most=10),
    }
    if chosen["top_p"] == 0:
        raise BadRequest("top_p=0 leaves no token: it must be above 0", "top_p")
    if chosen["top_p"] == 1:
        chosen["top_p"] = None
    return {name: value for name, value in chosen.items() if value is not None}


def _number(options: dict, name: str, default, *, least: float, most: float = math.inf, whole: bool = False):
    value = options.get(name)
    if value is None:
        return default
    kinds = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        kind = "a whole number" if whole else "a number"
        bounds = f"of at least {least}" if most == math.inf else f"from {least} to {most}"
        raise BadRequest(f"{name}={shown(value)} is not {kind} {bounds}", name)
    return value


def _flag(options: dict, name: str) -> bool:
    value = options.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise BadRequest(f"{name}={shown(value)} must be true or false", name)
    return value


def _usage(options: dict) -> bool:
    wanted = options.get("stream_options")
    if wanted is None:
        return False
    if not isinstance(wanted, dict) or wanted.keys() - {"include_usage"} or not options.get("stream"):
        raise BadRequest("stream_options goes with stream and knows include_usage alone", "stream_options")
    return _flag(wanted, "include_usage")


def _stops(stop: Any) -> tuple[str, ...]:
    texts = [] if stop is None else [stop] if isinstance(stop, str) else stop
    if not isinstance(texts, list) or len(texts) > MAX_STOPS:
        raise BadRequest(f"stop={shown(stop)} must be a text or at most {MAX_STOPS} of them", "stop")
    if not all(isinstance(text, str) and text for text in texts):
        raise BadRequest(f"stop={shown(stop)} holds what is no text, or an empty one", "stop")
    return tuple(texts)


def _prompts(prompt: Any) -> tuple:
    """One or several prompts, each a text or a tuple of token numbers."""
    if isinstance(prompt, str):
        return (_text(prompt),)
    if isinstance(prompt, list) and prompt:
        if all(isinstance(item, str) for item in prompt):
            return tuple(_text(item) for item in prompt)
        if _is_tokens(prompt):
            return (tuple(prompt),)
        if all(isinstance(item, list) and _is_tokens(item) for item in prompt):
            return tuple(tuple(item) for item in prompt)
    raise BadRequest("prompt must be a text, a list of token numbers, or a list of either", "prompt")


def _is_tokens(items: list) -> bool:
    return bool(items) and all(isinstance(item, int) and not isinstance(item, bool) for item in items)


def _text(prompt: str) -> str:
    if not prompt:
        raise BadRequest("the prompt is empty: give the model some words to go on from", "prompt")
    return prompt


ROLES = ("system", "developer", "user", "assistant", "tool")


def _message(at: int, message: Any) -> dict:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        role = message.get("role") if isinstance(message, dict) else message
        raise BadRequest(f"messages[{at}].role={shown(role)} is not one of {', '.join(ROLES)}", "messages")
    role, content = message["role"], message.get("content")
    calls = calls_of(at, message) if role == "assistant" else []
    if not isinstance(content, str) and not (content is None and calls):
        raise BadRequest(f"messages[{at}] must have a role and a content, both texts", "messages")
    checked = {"role": role, "content": content or ""}
    check_whole(checked["content"], "messages")
    if role == "tool":
        checked["tool_call_id"] = message.get("tool_call_id")
        if not isinstance(checked["tool_call_id"], str):
            raise BadRequest(f"messages[{at}] must say in tool_call_id which call it answers", "messages")
    return checked | ({"tool_calls": calls} if calls else {})
