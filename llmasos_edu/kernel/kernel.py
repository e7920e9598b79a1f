"""The kernel: one loop that lets many processes share one model (chapter 2.3).

A step: wake the processes whose calls are answered; admit newcomers; sort the ready ones by the policy; take
the first `slots` of them and make room for each, evicting who is ranked below; read one token each, or a
prompt, in one pass of the driver; advance the clock; append what was said; end, or trap into a system call.

Losing one's turn is not being evicted: blocks stay where they are until somebody ranked above needs them.
The first in rank always finds room, since whoever could never fit was refused at `spawn`, and it says a token
or reads on. So everybody comes to an end.
"""

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Sequence

from llmasos_edu.foundation.arguments import check_count, check_methods, check_whole
from llmasos_edu.kernel.admission import Optimistic
from llmasos_edu.kernel.batch import compose, rank
from llmasos_edu.kernel.clock import Cost
from llmasos_edu.kernel.drivers import Driver, Row, check_said, in_vocabulary
from llmasos_edu.kernel.memory import AddressSpace, BlockPool
from llmasos_edu.kernel.process import Process, State, check_wishes
from llmasos_edu.kernel.scheduler import FirstComeFirstServed
from llmasos_edu.kernel.syscalls import SyscallTable
from llmasos_edu.kernel.trace import Trace

PARTS = {"policy": ("key", "ran"), "admission": ("admits",), "cost": ("of",), "syscalls": ("dispatch",)}


class Kernel:
    """Many processes on one driver.

    Args:
        driver: the model, as in `drivers.Driver`.
        num_blocks: blocks of memory.
        block_size: tokens in a block.
        slots: rows in a batch, at most.
        policy: who runs next, as in `scheduler`; first come, first served unless given.
        admission: who may begin, as in `admission`; everyone unless given.
        syscalls: the calls that processes may make; without them a mark in a text is a token like others.
        cost: what a step takes on the virtual clock.
        evict: what happens to the blocks of an evicted process: `drop` (and compute again) or `swap`.
        prefix_cache: whether processes share the blocks of prompts that begin alike.
        salted: whether they do so within one user only.
        chunk: a prompt is read in pieces of at most so many tokens; at once unless given.
        draft: speculative decoding: `draft(tokens)` guesses what follows; none unless given.
        trace: whether steps are recorded, and with `"memory"` also the block tables.

    Raises:
        ValueError: a setting out of its range, with the value. TypeError: a policy and the like that is none.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        num_blocks: int,
        block_size: int = 16,
        slots: int = 8,
        policy=None,
        admission=None,
        syscalls: SyscallTable | None = None,
        cost: Cost | None = None,
        evict: str = "drop",
        prefix_cache: bool = True,
        salted: bool = True,
        chunk: int | None = None,
        draft: Callable[[Sequence[int]], Sequence[int]] | None = None,
        trace: bool | str = True,
    ):
        counts = {"num_blocks": num_blocks, "block_size": block_size, "slots": slots}
        for name, value in (counts if chunk is None else counts | {"chunk": chunk}).items():
            check_count(name, value)
        if evict not in ("drop", "swap"):
            raise ValueError(f"evict={evict!r} is not one of drop, swap")
        self.driver, self.slots, self.evict_by, self.chunk, self.draft = driver, slots, evict, chunk, draft
        self.policy = FirstComeFirstServed() if policy is None else policy
        self.admission = Optimistic() if admission is None else admission
        self.syscalls, self.cost, self.salted = syscalls, Cost() if cost is None else cost, salted
        for name, methods in PARTS.items():
            if getattr(self, name) is not None:
                check_methods(name, getattr(self, name), methods)
        self.pool = BlockPool(num_blocks, block_size, prefix_cache=prefix_cache)
        driver.allocate(num_blocks, block_size)
        self.now = 0.0
        self.processes: dict[int, Process] = {}
        self.waiting: list[Process] = []  # arrived, not admitted
        self.ready: list[Process] = []
        self.blocked: list[Process] = []
        self.coming: list[tuple[float, int, Process]] = []  # a heap of arrivals to come
        # Who has begun a prompt and not spoken keeps the first rank, one at a time. Else two long prompts
        # that are read in pieces could evict each other for ever.
        self.reader: Process | None = None
        self._pids, self._stepping = itertools.count(), False
        self.trace = Trace(self, enabled=bool(trace), memory=trace == "memory")

    # ---- what a user asks for ----

    def spawn(
        self,
        prompt: Iterable[int],
        max_new: int,
        *,
        user: str = "",
        capabilities: Iterable[str] = (),
        stop: Iterable[int] = (),
        seed: int = 0,
        sampling: object = None,
        priority: float = 0.0,
        arrival: float | None = None,
    ) -> Process:
        """A new process that continues `prompt` by at most `max_new` tokens, answers of calls included.

        Args:
            arrival: when it comes; now unless given.
            user, capabilities, stop, seed, sampling, priority: as in `Process`.

        Returns:
            The process; `REJECTED`, with the reason, where it could not fit even alone.

        Raises:
            ValueError: an empty prompt, tokens outside the vocabulary, nothing to say, a past arrival, or
                a sampling that the driver does not understand; as in `check_wishes`.
            TypeError: text, or anything else that is no token; as in `check_wishes`.
        """
        tokens = in_vocabulary(self.driver, prompt, "prompt")
        stop = frozenset(in_vocabulary(self.driver, stop, "stop"))
        check_wishes(user, capabilities, seed, priority)
        if not tokens:
            raise ValueError("the prompt is empty: there is nothing to continue")
        check_count("max_new", max_new)
        self.driver.check(sampling)
        arrival = self.now if arrival is None else arrival
        if not self.now <= arrival < math.inf:
            raise ValueError(f"arrival={arrival} lies before now={self.now} or never comes")
        process = self._new(
            tokens, len(tokens) + max_new, AddressSpace(self.pool, user if self.salted else ""),
            prompt_len=len(tokens), user=user, capabilities=frozenset(capabilities), stop=stop,
            seed=seed, sampling=sampling, priority=priority, arrival=arrival,
        )  # fmt: skip
        return self._enter(process)

    def fork(
        self,
        process: Process,
        tokens: Iterable[int] = (),
        *,
        max_new: int | None = None,
        seed: int | None = None,
    ) -> Process:
        """A child that goes on from where the process stands; the two share their blocks until one writes.

        Args:
            tokens: put after the child's text, to steer it.
            max_new: tokens that the child may say; what the parent has left unless given.
            seed: of the child's chances; the parent's unless given.

        Raises:
            ValueError: the process has ended or waits for a call, the child could say nothing, bad tokens.
        """
        self._check_own(process)
        if process.ended or process.state is State.BLOCKED:
            raise ValueError(f"process {process.pid} is {process.state.value} and cannot be forked")
        text = process.tokens + in_vocabulary(self.driver, tokens, "tokens")
        seed = process.seed if seed is None else check_whole("seed", seed, -(2**63), 2**64 - 1)
        max_new = process.remaining if max_new is None else max_new
        check_count("max_new", max_new)
        space = AddressSpace(self.pool, process.space.salt)
        if self._needed(len(text) + max_new) <= len(self.pool.blocks) and process.space.saved is None:
            space = process.space.fork()
        child = self._new(
            text, len(text) + max_new, space, prompt_len=len(text), parent=process.pid,
            arrival=max(self.now, process.arrival), reused=space.length, **_inherited(process),
        )  # fmt: skip
        child.seed = seed
        return self._enter(child)

    def resume(self, process: Process, tokens: Sequence[int] | None = None) -> Process:
        """Go on with a killed process from its transcript; no effect of its calls is done twice.

        Args:
            tokens: the transcript, which begins with the prompt; all that it had unless given. Half an answer
                at its end is left out: the receipt gives the whole one again.

        Raises:
            ValueError: the process was not killed, or the transcript is not its own.
        """
        self._check_own(process)
        whole = tokens is None
        tokens = list(process.tokens if whole else tokens)
        if process.state is not State.KILLED:
            raise ValueError(f"process {process.pid} is {process.state.value}, not killed")
        if len(tokens) < process.prompt_len or tokens != process.tokens[: len(tokens)]:
            raise ValueError(f"{len(tokens)} tokens are no transcript of process {process.pid}")
        if self.syscalls is not None:
            del tokens[process.prompt_len + self.syscalls.syntax.whole(tokens[process.prompt_len :]) :]
        again = self._new(
            tokens, process.limit, AddressSpace(self.pool, process.space.salt),
            prompt_len=process.prompt_len, parent=process.pid, job=process.job, arrival=self.now,
            random=process.random if whole else None, **_inherited(process),
        )  # fmt: skip
        return self._enter(again)

    def kill(self, process: Process, reason: str = "killed") -> bool:
        """End a process; its blocks are free at once. False where it had ended already."""
        self._check_own(process)
        if process.ended:
            return False
        self._end(process, State.KILLED, reason)
        return True

    def reap(self, process: Process) -> None:
        """Forget an ended process, as a long-running server must."""
        if not process.ended:
            raise ValueError(f"process {process.pid} is {process.state.value}: kill it first")
        del self.processes[process.pid]

    def run(self, until: float = math.inf, max_steps: float = math.inf) -> int:
        """Step until all have ended, the clock has reached `until`, or so many steps; returns the steps."""
        steps = 0
        while self.now < until and steps < max_steps and self.step():
            steps += 1
        return steps

    # ---- the loop ----

    def step(self) -> bool:
        """One pass of the loop, or a jump of the clock to the next event; False when all have ended.

        Whatever a driver, a policy or a draft raises comes out here; the next step begins where this one did.
        So does a RuntimeError, where one of them, or a system call, asks for a step within the step.
        """
        if self._stepping:
            raise RuntimeError("a step was asked for within a step: the kernel is in the middle of one")
        self._stepping = True
        try:
            return self._pass()
        except BaseException:
            for process in self.ready:  # the blocks taken for this step go back
                process.state = State.READY
                process.space.commit(process.space.length, process.tokens)
            raise
        finally:
            self._stepping = False

    def _pass(self) -> bool:
        self._arrive()
        self._wake()
        self._admit()
        rows, copied = compose(self)
        if not rows:
            return self._sleep()
        began, read = self.now, sum(len(row.tokens) for row in rows)
        said = self.driver.forward(rows)
        check_said(self.driver, rows, said)
        self.now += self.cost.of(read, copied)
        said = [self._commit(row, tokens) for row, tokens in zip(rows, said, strict=True)]
        self.trace.step(began, rows, said, copied)
        return True

    def _arrive(self) -> None:
        while self.coming and self.coming[0][0] <= self.now:
            process = heapq.heappop(self.coming)[2]
            if not process.ended:
                self.waiting.append(process)

    def _wake(self) -> None:
        """Answered calls: the answer becomes part of the text."""
        for process in [each for each in self.blocked if each.wakes_at <= self.now]:
            self.blocked.remove(process)
            process.tokens += process.answer
            process.answer = []
            self._go_on(process)

    def _admit(self) -> None:
        self.waiting.sort(key=lambda process: rank(self, process))
        while self.waiting and self.admission.admits(
            self.waiting[0], [*self.ready, *self.blocked], self.pool
        ):
            process = self.waiting.pop(0)
            self.trace.event("admit", process.pid)
            self._go_on(process)

    def _commit(self, row: Row, said: list[int]) -> list[int]:
        """Keep what was computed and said; returns the tokens that the text grew by."""
        process = row.process
        if process.ended:  # a call of a row before has killed it
            return []
        self.policy.ran(process, self.now)  # first: should it fail, nothing of this row has changed
        said = self._until_end(process, said)
        process.tokens += said
        sure = row.start + len(row.tokens) - row.guesses
        process.space.commit(sure + max(0, len(said) - 1), process.tokens, self.driver.window)
        process.computed += len(row.tokens)
        process.state = State.READY
        if not row.speaks:
            self.reader = self.reader or process
            return said
        if self.reader is process:
            self.reader = None
        if process.first_token is None:
            process.first_token = self.now
        self._go_on(process)
        return said

    def _until_end(self, process: Process, said: list[int]) -> list[int]:
        """What was said up to the first token that ends the process or closes a call."""
        for at, token in enumerate(said):
            if token in process.stop or (self.syscalls is not None and token == self.syscalls.syntax.end):
                return said[: at + 1]
        return said

    def _go_on(self, process: Process) -> None:
        """The text has grown, or may begin to: the process ends, traps or is ready."""
        if process.tokens[-1] in process.stop and len(process.tokens) > process.prompt_len:
            self._end(process, State.DONE, "stop")
        elif process.remaining <= 0:
            self._end(process, State.DONE, "window")
        elif not self._trap(process):
            process.state = State.READY
            if process not in self.ready:
                self.ready.append(process)

    def _trap(self, process: Process) -> bool:
        """Whether the last token closes a call; then it is made. What stands in a prompt is no call."""
        if self.syscalls is None or process.tokens[-1] != self.syscalls.syntax.end:
            return False
        request = self.syscalls.syntax.request(process.output or [process.tokens[-1]])
        if request is None:
            return False
        result = self.syscalls.dispatch(process, request, self.now)
        if process.ended:  # the call has killed its caller
            return True
        process.answer = self.syscalls.syntax.answer(result, process.remaining)
        process.wakes_at, process.state = self.now + result.latency, State.BLOCKED
        if process in self.ready:
            self.ready.remove(process)
        self.blocked.append(process)
        self.trace.event("call", process.pid, result.errno)
        return True

    def _sleep(self) -> bool:
        """Nobody can run: jump to the next arrival or answer."""
        events = [each.wakes_at for each in self.blocked] + [arrival for arrival, *_ in self.coming[:1]]
        if events:
            self.now = max(self.now, min(events))
        elif self.ready or self.waiting:
            raise RuntimeError(
                f"deadlock at {self.now}: {len(self.ready)} ready, {len(self.waiting)} waiting"
            )
        return bool(events)

    # ---- the beginning and the end of a process ----

    def _new(self, tokens: list[int], limit: int, space: AddressSpace, **fields) -> Process:
        pid = next(self._pids)
        process = Process(pid=pid, tokens=tokens, limit=limit, space=space, **{"job": str(pid)} | fields)
        self.processes[pid] = process
        return process

    def _check_own(self, process: Process) -> None:
        if process.space.pool is not self.pool:
            raise ValueError(f"process {process.pid} belongs to another kernel")

    def _needed(self, limit: int) -> int:
        """Blocks for a text of `limit` tokens; the last token's slot is never computed.

        A sliding window gives blocks back, but a text that was dropped is read again from its beginning.
        """
        return self.pool.blocks_for(limit - 1)

    def _enter(self, process: Process) -> Process:
        needed, there = self._needed(process.limit), len(self.pool.blocks)
        reads, positions = process.limit - 1, self.driver.positions
        if needed > there:
            self._end(process, State.REJECTED, f"needs {needed} blocks, the pool has {there}")
        elif positions is not None and reads > positions:
            self._end(process, State.REJECTED, f"needs {reads} positions, the model has {positions}")
        elif process.arrival > self.now:
            heapq.heappush(self.coming, (process.arrival, process.pid, process))
        else:
            self.waiting.append(process)
        return process

    def _end(self, process: Process, state: State, reason: str) -> None:
        for queue in (self.ready, self.blocked, self.waiting):
            if process in queue:
                queue.remove(process)
        if self.reader is process:
            self.reader = None
        process.space.drop()
        process.state, process.reason, process.finished = state, reason, self.now
        self.trace.event(state.value, process.pid)


def _inherited(process: Process) -> dict:
    """What a process hands on to those that continue it."""
    names = ("user", "capabilities", "stop", "seed", "sampling", "priority")
    return {name: getattr(process, name) for name in names}
