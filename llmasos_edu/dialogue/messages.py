"""A prompt read back as messages, for a model that is elsewhere: `template.messages_tokens` backwards."""

from collections.abc import Sequence

from llmasos_edu.dialogue.template import tokenizer


def tokens_messages(tokens: Sequence[int]) -> list[dict]:
    """The messages that a prompt's tokens say; `messages_tokens` makes the prompt of them again.

    Args:
        tokens: a prompt, or a text that has ended with the answer to a call.

    Returns:
        Messages as `messages_tokens` takes them, without an empty system message; each call has an `id`, and
        its answer, a `tool` message, names it in `tool_call_id`.

    Raises:
        TypeError: what is no sequence of tokens.
        ValueError: the request for a summary, which no message says; a text that begins with no mark, a call
            before anybody has spoken, an answer to no call.
    """
    messages: list[dict] = []
    for mark, text in _runs(tokens):
        if mark == "summary":
            raise ValueError("a summary is asked for by a mark, and no message has one")
        if mark in ("system", "user"):
            messages.append({"role": mark, "content": text})
        elif mark == "call":
            if not messages:
                raise ValueError(f"the call {text!r} stands before anything that was said")
            if messages[-1]["role"] != "assistant":
                messages.append({"role": "assistant", "content": ""})
            messages[-1]["tool_calls"] = [_call(f"call_{len(messages)}", text)]
        elif mark == "result":
            if not messages or "tool_calls" not in messages[-1]:
                raise ValueError(f"the answer {text!r} follows no call")
            (call,) = messages[-1]["tool_calls"]
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
        elif text:  # what the assistant says after its mark, or after a call's answer
            messages.append({"role": "assistant", "content": text})
    return messages if messages and messages[0]["content"] else messages[1:]


def _runs(tokens: Sequence[int]) -> list[tuple[str, str]]:
    """Marks and the text after each."""
    if isinstance(tokens, str | bytes) or not isinstance(tokens, Sequence):
        raise TypeError(f"tokens={tokens!r:.60}: a list of token ids is wanted")
    words = tokenizer()
    names = {token: mark for mark, token in words.marks.items()}
    if not len(tokens):
        return []
    if tokens[0] not in names:
        raise ValueError(f"a prompt begins with a mark, not with token {tokens[0]!r}")
    places = [at for at, token in enumerate(tokens) if token in names]
    ends = [*places[1:], len(tokens)]
    return [
        (names[tokens[at]], words.decode(tokens[at + 1 : end])) for at, end in zip(places, ends, strict=True)
    ]


def _call(name: str, request: str) -> dict:
    called, _, arguments = request.partition(" ")
    return {"id": name, "type": "function", "function": {"name": called, "arguments": arguments}}
