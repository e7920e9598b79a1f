"""A small kernel with turns, evictions and calls: exercise 2.3-11 tests it; broken in `broken.py`.

Its model is `say`: the next token is a whole number computed from the whole text. `PAY` is a call.
"""

PAY, PAID, REFUSED = 7, 8, 9  # a call, and its two answers


def say(tokens: list[int]) -> int:
    """What the model says after these tokens: a number from 0 to 7."""
    mixed = 1
    for token in tokens:
        mixed = (mixed * 31 + token + 17) % 1_000_003
    return mixed // 7 % 8


def alone(prompt: list[int], max_new: int, rights: set[str]) -> list[int]:
    """What follows a prompt when nobody else is there, answers of calls included."""
    text = list(prompt)
    while len(text) < len(prompt) + max_new:
        text.append(say(text))
        if text[-1] == PAY and len(text) < len(prompt) + max_new:
            text.append(PAID if "pay" in rights else REFUSED)
    return text[len(prompt) :]


class Process:
    """One text: `tokens`, `output`, `state` (ready, done, killed, refused), `turns` that it has had."""

    def __init__(self, pid: int, prompt: list[int], max_new: int, rights: set[str]):
        self.pid, self.tokens, self.limit = pid, list(prompt), len(prompt) + max_new
        self.prompt_len, self.rights, self.state = len(prompt), set(rights), "ready"
        self.held, self.turns, self.back = 0, 0, 0  # tokens in memory, steps, when it went to the end

    @property
    def output(self) -> list[int]:
        return self.tokens[self.prompt_len :]


class TinyKernel:
    """Many texts on one model, in turns of a step.

    A process that runs needs room for all of its tokens. If there is none, those that stand behind it lose
    theirs, the last one first; what they had is read again when they run. A text that could never fit is
    refused. A call by a process without the right `pay` is answered with `REFUSED`, and nothing is paid.

    Args:
        slots: texts in a step, at most.
        memory: tokens that fit in all.
    """

    def __init__(self, slots: int, memory: int):
        self.slots, self.memory = slots, memory
        self.processes: list[Process] = []
        self.paid: list[int] = []  # pid of each payment
        self.ran: list[int] = []  # who ran in the last step
        self.order = 0

    @property
    def free(self) -> int:
        """Tokens that fit yet."""
        return self.memory - sum(process.held for process in self.processes)

    def spawn(self, prompt: list[int], max_new: int, rights: set[str] = frozenset()) -> Process:
        """A new process; its state is `refused` where it could not fit even alone."""
        process = Process(len(self.processes), prompt, max_new, rights)
        self.processes.append(process)
        if not self.could_fit(process):
            process.state = "refused"
        return process

    def kill(self, process: Process) -> None:
        """End a process; its memory is free at once."""
        if process.state == "ready":
            self.end(process, "killed")

    def step(self) -> bool:
        """One pass of the loop; False when nobody is ready."""
        ready = sorted((each for each in self.processes if each.state == "ready"), key=self.rank)
        self.ran = []
        for process in ready:
            if len(self.ran) == self.rows() or not self.make_room(process, ready):
                break
            self.read(process)
            self.ran.append(process.pid)
        for pid in self.ran:
            self.go_on(self.processes[pid])
        return bool(ready)

    def run(self, most: int = 1000) -> int:
        """Step until nobody is ready, or so many times; how many steps it took."""
        steps = 0
        while steps < most and self.step():
            steps += 1
        return steps

    # ---- the parts ----

    def could_fit(self, process: Process) -> bool:
        return process.limit - 1 <= self.memory

    def rank(self, process: Process) -> tuple:
        return process.back, process.pid

    def rows(self) -> int:
        return self.slots

    def make_room(self, process: Process, ready: list[Process]) -> bool:
        wanted = len(process.tokens) - process.held
        behind = [each for each in ready[ready.index(process) + 1 :] if each.held]
        while self.free < wanted and behind:
            self.evict(self.victim(behind))
        return self.free >= wanted

    def victim(self, behind: list[Process]) -> Process:
        return behind.pop()

    def evict(self, process: Process) -> None:
        process.held = 0

    def read(self, process: Process) -> None:
        process.held = len(process.tokens)

    def go_on(self, process: Process) -> None:
        process.tokens.append(self.next_token(process))
        process.turns += 1
        self.order += 1
        process.back = self.order
        if process.tokens[-1] == PAY and len(process.tokens) < process.limit:
            self.call(process)
        if self.is_done(process):
            self.end(process, "done")

    def next_token(self, process: Process) -> int:
        return say(process.tokens)

    def is_done(self, process: Process) -> bool:
        return len(process.tokens) >= process.limit

    def call(self, process: Process) -> None:
        allowed = self.may_pay(process)
        if allowed:
            self.paid.append(process.pid)
        process.tokens.append(PAID if allowed else REFUSED)

    def may_pay(self, process: Process) -> bool:
        return "pay" in process.rights

    def end(self, process: Process, state: str) -> None:
        process.state, process.held = state, 0
