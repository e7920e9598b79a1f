"""One text on its way: from a listener's tokens to pieces of text, a reason why it ended, and a count."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial

from llmasos_edu.kernel.process import State
from llmasos_edu.serving.engine import Closed, Engine, Listener, TooLarge
from llmasos_edu.serving.model import ServedModel
from llmasos_edu.serving.plan import HANDED, Plan
from llmasos_edu.serving.refusals import BadRequest
from llmasos_edu.serving.requests import Asked
from llmasos_edu.serving.text import TextStream
from llmasos_edu.serving.tools import ToolCall


class Writing:
    """A text that a process writes.

    Args:
        engine: that runs the process.
        listener: to the process.
        model: whose tokens they are.
        plan: how it was begun.
        stop: texts that end it.

    Fields:
        finish_reason: "stop" where an end token or a stop text was met, "length" where all were used up,
            "tool_calls" where the client is to run a call; None while it writes.
        calls: the calls that the client is to run, once the text has ended.
        completion_tokens: tokens said so far, answers of system calls among them.
    """

    def __init__(
        self,
        engine: Engine,
        listener: Listener,
        model: ServedModel,
        plan: Plan,
        stop: tuple[str, ...] = (),
    ):
        self.engine, self.listener, self.model, self.plan = engine, listener, model, plan
        stream = partial(TextStream, model.tokenizer.decode) if plan.stream is None else plan.stream
        self.text, self.calls = stream(stop), list[ToolCall]()
        self.finish_reason: str | None = None
        self.completion_tokens = 0

    async def pieces(self) -> AsyncIterator[str]:
        """The text as it comes. Who stops listening ends the process: its blocks are free at once."""
        process = self.listener.process
        try:
            while (tokens := await self.listener.said.get()) is not None:
                self.completion_tokens += len(tokens)
                if piece := self.text.push(token for token in tokens if token not in self.model.end):
                    yield piece
                if self.text.stopped:
                    break
            reason = self._reason(process)
            if self.plan.close is not None and not self.text.stopped:
                self.calls = await self.plan.close(self.engine, process)
            self.finish_reason = "tool_calls" if self.calls else reason
            if piece := self.text.finish():
                yield piece
        finally:
            self.engine.kill(process.pid, "nobody listens")

    def _reason(self, process) -> str:
        if self.text.stopped or process.reason == "stop":
            return "stop"
        if process.state is State.DONE or process.reason == HANDED:
            return "length"
        raise Closed(f"the text was cut off: {process.reason or self.engine.failure or 'the server stopped'}")

    async def whole(self) -> str:
        """The whole text."""
        async with aclosing(self.pieces()) as pieces:
            return "".join([piece async for piece in pieces])


async def spawn(engine: Engine, prompt: list[int], room: int, **options) -> Listener:
    """`Engine.spawn`, where what the kernel or its driver refuse is the client's mistake.

    Raises:
        BadRequest: such as options that this model's driver does not take. Else as `Engine.spawn`.
    """
    try:
        return await engine.spawn(prompt, room, **options)
    except TooLarge:
        raise
    except ValueError as error:
        raise BadRequest(str(error)) from error


async def begin(engine: Engine, model: ServedModel, asked: Asked, seed: int) -> tuple[list[Writing], int]:
    """Spawn the processes of a request.

    Returns:
        A writing for each choice, `n` for each prompt in turn, and how many tokens the prompts have.

    Raises:
        BadRequest, TooLarge, Busy, Closed: as the door and the engine say; no process is left behind.
    """
    plans = model.plans(asked)
    rooms = [model.room(plan, asked) for plan in plans]
    writings: list[Writing] = []
    try:
        for plan, room in zip(plans, rooms, strict=True):
            for _ in range(asked.n):
                listener = await spawn(
                    engine, plan.prompt, room, seed=seed + len(writings), **model.options(plan, asked)
                )
                writings.append(Writing(engine, listener, model, plan, asked.stop))
    except BaseException:
        for writing in writings:
            engine.kill(writing.listener.process.pid, "the request was refused")
        raise
    return writings, sum(len(plan.prompt) for plan in plans)
