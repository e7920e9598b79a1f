"""The desk's tools as OpenAI's interface tells them to a model, and the names that they have there.

Source: OpenAI's API reference, "Chat Completions", `tools`.
"""

from llmasos_edu.dialogue.lexicon import DAYS
from llmasos_edu.dialogue.template import TOOLS

# What each tool takes, in the order in which the model says it: each one a text.
PARAMETERS = {
    "orders.find": {"number": "the number of the order"},
    "orders.cancel": {"number": "the number of the order"},
    "calendar.add": {
        "what": "the title",
        "day": f"one of {', '.join(DAYS)}",
        "time": "from 0:00 to 23:59",
    },
    "memory.save": {"key": "what it is about, such as name, dog or city", "value": "what was told"},
    "memory.search": {"key": "what it is about, such as name, dog or city"},
}
DESCRIPTIONS = {
    "orders.find": "Find an order of the user's: what, how it stands, since which day.",
    "orders.cancel": "Cancel an order of the user's. Answers EAGAIN until the user has said yes: ask then.",
    "calendar.add": "Enter an appointment of an hour into the user's calendar.",
    "memory.save": "Keep something that the user has told, for later conversations.",
    "memory.search": "Look up what the user has told in an earlier conversation.",
}
CALLS = {name.replace(".", "_"): name for name in TOOLS}  # a dot may not stand in OpenAI's names


def wire_name(name: str) -> str:
    """The name of a call as clients know it: `orders_find` for `orders.find`."""
    return name.replace(".", "_", 1)


def call_name(name: str) -> str:
    """The name of a call as the kernel knows it; an unknown one stays as it is."""
    return CALLS.get(name, name)


def schemas() -> list[dict]:
    """All tools of the desk as `tools` of a request."""
    return [_schema(name) for name in TOOLS]


def _schema(name: str) -> dict:
    properties = {each: {"type": "string", "description": text} for each, text in PARAMETERS[name].items()}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    function = {"name": wire_name(name), "description": DESCRIPTIONS[name], "parameters": parameters}
    return {"type": "function", "function": function}
