"""The kernel in a thread of its own: requests reach it through a queue, tokens leave it as they are said.

The kernel is one loop and knows nothing of threads. So one thread owns it: whatever asyncio's side wants,
`spawn`, `fork`, `kill` or a look at the memory, is a function put into a queue and called between two steps.
What a process says goes the other way, through the queue of asyncio that its listener waits on.
"""

import asyncio
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import Process

RATE_SECONDS = 5.0  # tokens per second are counted over so long
ENDED_KEPT = 12  # processes that the control room still shows after their end
STEPS_KEPT = 48  # and steps


class Busy(RuntimeError):
    """Too many wait already; `retry_after` says in how many seconds a place may be free."""

    def __init__(self, waiting: int, limit: int, retry_after: int):
        super().__init__(f"{waiting} requests wait already, and the queue holds {limit}: try again later")
        self.retry_after = retry_after


class TooLarge(ValueError):
    """The request could never fit into the memory, even alone."""


class Closed(RuntimeError):
    """The engine takes no more requests: it is about to stop, or its thread has failed."""


@dataclass(eq=False)
class Listener:
    """Somebody who waits for what a process says."""

    process: Process
    loop: asyncio.AbstractEventLoop
    said: asyncio.Queue = field(default_factory=asyncio.Queue)  # lists of tokens, then one None
    heard: int = 0  # tokens handed over
    started: float = field(default_factory=time.monotonic)
    times: deque = field(default_factory=deque)  # (when, how many) of the last seconds

    def tell(self, item: list[int] | None) -> None:
        """Hand something over to asyncio's side; a loop that has closed no longer listens."""
        try:
            self.loop.call_soon_threadsafe(self.said.put_nowait, item)
        except RuntimeError:
            self.loop = _Silent()

    def rate(self, now: float) -> float:
        """Tokens per second, lately."""
        while self.times and self.times[0][0] < now - RATE_SECONDS:
            self.times.popleft()
        return sum(count for _, count in self.times) / min(RATE_SECONDS, max(0.2, now - self.started))


class _Silent:
    """In the place of a loop that has closed."""

    def call_soon_threadsafe(self, *_) -> None:
        """Nobody is there to be told."""


class Engine:
    """A kernel that runs as long as somebody has asked for something.

    Args:
        kernel: as it is to serve; nobody else may touch it from now on. Of its trace the last steps are kept.
        max_waiting: requests that may wait to be admitted before `Busy` is raised.

    Raises:
        ValueError: `max_waiting` is no count.
    """

    def __init__(self, kernel: Kernel, *, max_waiting: int = 64):
        check_count("max_waiting", max_waiting)
        self.kernel, self.max_waiting = kernel, max_waiting
        self.commands: queue.SimpleQueue = queue.SimpleQueue()
        self.listeners: dict[int, Listener] = {}
        self.ended: deque[dict] = deque(maxlen=ENDED_KEPT)
        self.steps = 0
        self.failure: BaseException | None = None
        self._closing = self._over = False
        self._seconds_a_request = 1.0  # a running mean, for Retry-After
        self._thread = threading.Thread(target=self._serve, name="kernel", daemon=True)

    def start(self) -> "Engine":
        """Begin to serve."""
        self._thread.start()
        return self

    # ---- asyncio's side ----

    async def call(self, function: Callable[[Kernel], Any]) -> Any:
        """Call `function(kernel)` in the kernel's thread, between two steps, and hand its result back.

        Raises:
            Closed: the engine has stopped. Otherwise whatever the function raises.
        """
        return await asyncio.wrap_future(self._put(function))

    async def spawn(self, prompt: Sequence[int], max_new: int, **options) -> Listener:
        """A new process and its listener; `options` as in `Kernel.spawn`.

        Raises:
            Busy: the queue is full.
            TooLarge: the request could never fit, with the blocks that it needs and that there are.
            Closed: the engine takes no more requests.
        """
        loop = asyncio.get_running_loop()

        def begin(kernel: Kernel) -> Listener:
            if self._closing:
                raise Closed("the server is about to stop and takes no more requests")
            waiting = len(kernel.waiting)
            if waiting >= self.max_waiting:
                turns = waiting / kernel.slots
                raise Busy(waiting, self.max_waiting, max(1, round(turns * self._seconds_a_request)))
            process = kernel.spawn(prompt, max_new, **options)
            if process.ended:
                kernel.reap(process)
                raise TooLarge(process.reason)
            return self._listen(process, loop)

        return await self.call(begin)

    async def fork(self, pid: int, **options) -> Listener:
        """A child of a living process, and its listener; `options` as in `Kernel.fork`.

        Raises:
            KeyError: no such process lives. ValueError: it cannot be forked.
        """
        loop = asyncio.get_running_loop()

        def branch(kernel: Kernel) -> Listener:
            child = kernel.fork(_living(kernel, pid), **options)
            if child.ended:
                kernel.reap(child)
                raise TooLarge(child.reason)
            return self._listen(child, loop)

        return await self.call(branch)

    def kill(self, pid: int, reason: str = "killed") -> None:
        """End a process before the next step; nothing happens where it has ended. Waits for nothing."""

        def end(kernel: Kernel) -> None:
            if pid in kernel.processes:
                kernel.kill(kernel.processes[pid], reason)

        self.commands.put((end, Future()))

    def close(self) -> None:
        """Take no more requests; what was begun goes on."""
        self._closing = True

    async def drain(self) -> None:
        """Take no more requests, and return when all that were begun have ended."""
        self.close()
        while self.listeners and self._thread.is_alive():
            await asyncio.sleep(0.02)

    def stop(self) -> None:
        """Kill what still runs and end the thread."""
        self._closing = True

        def last(kernel: Kernel) -> None:
            for process in list(kernel.processes.values()):
                kernel.kill(process, "the server stopped")
            self._tell()
            raise SystemExit

        self.commands.put((last, Future()))
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether the kernel's thread runs."""
        return self._thread.is_alive()

    @property
    def closing(self) -> bool:
        """Whether requests are no longer taken."""
        return self._closing or self.failure is not None

    # ---- the kernel's side ----

    def _put(self, function: Callable[[Kernel], Any]) -> Future:
        answer: Future = Future()
        if self.failure is not None or not self._thread.is_alive():
            answer.set_exception(Closed(f"the kernel's thread has ended: {self.failure or 'it was stopped'}"))
        else:
            self.commands.put((function, answer))
            if self._over:  # the thread has ended since it was asked, and looks into the queue no more
                self._refuse_the_rest()
        return answer

    def _serve(self) -> None:
        """The thread: commands, a step, news for the listeners, and again."""
        try:
            while True:
                self._obey(block=not self._busy())
                if self._busy():
                    self.kernel.step()
                    self.steps += 1
                    del self.kernel.trace.steps[:-STEPS_KEPT]
                self._tell()
        except SystemExit:
            pass
        except BaseException as error:  # a bug in the kernel or the driver: say it to all who wait
            self.failure = error
        finally:
            self._over = True
            for listener in self.listeners.values():
                listener.tell(None)
            self.listeners.clear()
            self._refuse_the_rest()

    def _busy(self) -> bool:
        return bool(self.listeners)

    def _obey(self, block: bool) -> None:
        """Call what was asked for; with nothing else to do, wait for it."""
        while True:
            try:
                function, answer = self.commands.get(block=block)
            except queue.Empty:
                return
            block = False
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(function(self.kernel))
            except SystemExit:
                answer.set_result(None)
                raise
            except Exception as error:  # belongs to the one who asked
                answer.set_exception(error)

    def _refuse_the_rest(self) -> None:
        """Nobody who asked too late may wait for ever."""
        while True:
            try:
                _, answer = self.commands.get(block=False)
            except queue.Empty:
                return
            if answer.set_running_or_notify_cancel():
                answer.set_exception(Closed(f"the kernel's thread has ended: {self.failure or 'stopped'}"))

    def _listen(self, process: Process, loop: asyncio.AbstractEventLoop) -> Listener:
        listener = Listener(process, loop, heard=len(process.tokens))
        self.listeners[process.pid] = listener
        return listener

    def _tell(self) -> None:
        """Hand over what was said since, and forget who has ended."""
        now = time.monotonic()
        for pid, listener in list(self.listeners.items()):
            process = listener.process
            if len(process.tokens) > listener.heard:
                new = process.tokens[listener.heard :]
                listener.heard = len(process.tokens)
                listener.times.append((now, len(new)))
                listener.tell(new)
            if process.ended:
                del self.listeners[pid]
                self.ended.append(process.summary() | {"rate": listener.rate(now)})
                self._seconds_a_request += 0.2 * (now - listener.started - self._seconds_a_request)
                self.kernel.reap(process)
                listener.tell(None)


def _living(kernel: Kernel, pid: int) -> Process:
    if pid not in kernel.processes:
        raise KeyError(f"there is no process {pid}")
    return kernel.processes[pid]
