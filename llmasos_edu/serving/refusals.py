"""How a request is refused: in words, with the option that is at fault."""

from typing import Any


class BadRequest(ValueError):
    """A request that cannot be served; `param` is the option that is at fault."""

    def __init__(self, message: str, param: str | None = None, *, status: int = 400, code: str | None = None):
        super().__init__(message)
        self.param, self.status, self.code = param, status, code


def check_whole(text: str, name: str) -> None:
    """Refuse half of a surrogate pair, which JSON can carry and no text may hold."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadRequest(f"{name} is no text: half of a character stands at {error.start}", name) from error


def shown(value: Any) -> str:
    """A value in an error, not longer than a line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
