"""One text on its way: from a listener's tokens to pieces of text, a reason why it ended, and a count."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from llmasos_edu.kernel.process import State
from llmasos_edu.serving.engine import Closed, Engine, Listener, TooLarge
from llmasos_edu.serving.model import ServedModel
from llmasos_edu.serving.requests import Asked, BadRequest
from llmasos_edu.serving.text import TextStream


class Writing:
    """A text that a process writes.

    Args:
        engine: that runs the process.
        listener: to the process.
        model: whose tokens they are.
        stop: texts that end it.

    Fields:
        finish_reason: "stop" where an end token or a stop text was met, "length" where all were used up;
            None while it writes.
        completion_tokens: tokens said so far.
    """

    def __init__(self, engine: Engine, listener: Listener, model: ServedModel, stop: tuple[str, ...] = ()):
        self.engine, self.listener, self.model = engine, listener, model
        self.text = TextStream(model.tokenizer.decode, stop)
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
            self.finish_reason = self._reason(process)
            if piece := self.text.finish():
                yield piece
        finally:
            self.engine.kill(process.pid, "nobody listens")

    def _reason(self, process) -> str:
        if self.text.stopped or process.reason == "stop":
            return "stop"
        if process.state is State.DONE:
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
    prompts = model.prompts(asked)
    rooms = [model.room(prompt, asked) for prompt in prompts]
    writings: list[Writing] = []
    try:
        for prompt, room in zip(prompts, rooms, strict=True):
            for _ in range(asked.n):
                listener = await spawn(
                    engine, prompt, room, seed=seed + len(writings), **model.options(asked)
                )
                writings.append(Writing(engine, listener, model, asked.stop))
    except BaseException:
        for writing in writings:
            engine.kill(writing.listener.process.pid, "the request was refused")
        raise
    return writings, sum(map(len, prompts))
