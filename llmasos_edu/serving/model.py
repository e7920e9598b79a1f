"""A model as the server sees it: its name, its tokens, its window, its chat form."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llmasos_edu.serving.plan import Plan
from llmasos_edu.serving.refusals import BadRequest
from llmasos_edu.serving.requests import Asked


@dataclass(frozen=True)
class ServedModel:
    """What the server must know beside the kernel's driver.

    Fields:
        name: under which clients ask for it.
        tokenizer: `encode(text)`, `decode(ids)`, `vocab_size`.
        window: tokens that a text may have in all, prompt included.
        end: tokens that end a text.
        template: a chat's messages to a prompt's tokens; None where the model has learned no chat.
        chats: a whole chat to a `Plan`, for a model that has learned to call tools; goes before `template`.
        sampling: a request's options in the words of the driver; as they are unless given.
    """

    name: str
    tokenizer: Any
    window: int
    end: frozenset[int] = frozenset()
    template: Callable[[Sequence[dict]], list[int]] | None = None
    chats: Callable[[Asked], Plan] | None = None
    sampling: Callable[[dict], object] = dict

    def plans(self, asked: Asked) -> list[Plan]:
        """What is to be written for every prompt of a request.

        Raises:
            BadRequest: another model, no chat form, tokens outside the vocabulary, no room.
        """
        if asked.model != self.name:
            message = f"there is no model {asked.model!r} here; there is {self.name!r}"
            raise BadRequest(message, "model", status=404, code="model_not_found")
        if asked.messages:
            plan = self._templated(asked) if self.chats is None else self.chats(asked)
            self._fitting(plan.prompt, "messages")
            return [plan]
        prompts = [self._fitting(self._tokens(prompt), "prompt") for prompt in asked.prompts]
        return [Plan(prompt, self.end) for prompt in prompts]

    def room(self, plan: Plan, asked: Asked) -> int:
        """How many tokens the text may grow by.

        Raises:
            BadRequest: more were asked for than the window holds.
        """
        left = self.window - len(plan.prompt)
        if asked.max_tokens is not None and asked.max_tokens > left:
            raise BadRequest(
                f"{len(plan.prompt)} tokens of prompt and max_tokens={asked.max_tokens} are more than the "
                f"window of {self.window}",
                "max_tokens",
                code="context_length_exceeded",
            )
        return asked.max_tokens or min(left, plan.longest or left)

    def options(self, plan: Plan, asked: Asked) -> dict:
        """What `Kernel.spawn` must know of a request beside prompt, room and seed."""
        sampling = self.sampling(asked.sampling)
        return {"user": asked.user, "stop": plan.stop, "capabilities": plan.rights, "sampling": sampling}

    def _templated(self, asked: Asked) -> Plan:
        if self.template is None:
            raise BadRequest(
                f"{self.name} has learned no conversations: it continues texts, so use POST /v1/completions",
                "messages",
            )
        if asked.offered is not None or any(set(each) - {"role", "content"} for each in asked.messages):
            raise BadRequest(f"{self.name} has not learned to call tools", "tools")
        return Plan(self.template(asked.messages), self.end)

    def _tokens(self, prompt: str | tuple[int, ...]) -> list[int]:
        if isinstance(prompt, str):
            return self._encoded(prompt)
        wrong = [token for token in prompt if not 0 <= token < self.tokenizer.vocab_size]
        if wrong:
            raise BadRequest(
                f"token {wrong[0]} is outside the vocabulary of {self.tokenizer.vocab_size}", "prompt"
            )
        return list(prompt)

    def _encoded(self, text: str) -> list[int]:
        try:
            return list(self.tokenizer.encode(text))
        except ValueError as error:  # half of a surrogate pair, which JSON can carry and no text may hold
            raise BadRequest(f"the prompt is no text: {error}", "prompt") from error

    def _fitting(self, tokens: list[int], param: str) -> list[int]:
        if len(tokens) >= self.window:
            raise BadRequest(
                f"the prompt has {len(tokens)} tokens and the window {self.window}: no room to write",
                param,
                code="context_length_exceeded",
            )
        return tokens


def parsed(raw: bytes) -> Any:
    """The JSON of a body.

    Raises:
        BadRequest: it is none, with the place.
    """
    try:
        return json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from error


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not a number in JSON")
