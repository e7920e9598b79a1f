"""Random workloads for the kernel, and what must hold while they run (chapter 2.3).

The rules are written here once more, from the outside: nothing of what is judged is used to judge, save the
policies' keys. `run_workload(seed)` raises `Broken` with the number of the invariant:

1. a block's references are the tables that hold it; free if and only if none; at the end all are free;
2. a block has one owner when it is written;
3. every text is what the model says alone; of a killed process a beginning of it;
4. everyone admitted ends, who was refused could not fit, nobody is evicted for one ranked below, and no slot
   stays empty while the next in rank would fit;
5. no block is read across salts; a call answers OK only with the right to it; no effect happens twice;
6. the same seed gives the same trace, byte for byte.
"""

import random
from dataclasses import dataclass, field

from kernel_oracle import ANSWERS, Broken, alone, expected, need, tools

from llmasos_edu.kernel.drivers import IntegerModel
from llmasos_edu.kernel.kept_bugs import copied

# ---- a driver that watches what the kernel asks of it ----


class Watcher:
    """Passes everything on to an `IntegerDriver` and checks the rules that can be seen from below."""

    def __init__(self, driver):
        self.driver, self.window, self.kernel = driver, driver.window, None
        self.vocab_size, self.positions = driver.vocab_size, driver.positions
        self.writer = {}  # block: salt of who wrote it last
        self.heard, self.answered = 0, {}  # calls seen, and when each process gets its last answer

    def check(self, sampling):
        self.driver.check(sampling)

    def allocate(self, num_blocks, block_size):
        self.driver.allocate(num_blocks, block_size)

    def copy(self, source, target):
        self.writer[target] = self.writer[source]
        self.driver.copy(source, target)

    def save(self, block):
        return self.writer[block], self.driver.save(block)

    def load(self, block, contents):
        self.writer[block] = contents[0]
        self.driver.load(block, contents[1])

    def forward(self, rows):
        kernel, written = self.kernel, {}
        need(0 < len(rows) <= kernel.slots, 4, f"{len(rows)} rows for {kernel.slots} slots")
        for row in rows:
            salt = row.process.user if kernel.salted else ""
            end, size = row.start + len(row.tokens), kernel.pool.block_size
            need(len(row.tokens) > 0, 4, "a row without tokens")
            if kernel.chunk is not None:
                need(len(row.tokens) - row.guesses <= kernel.chunk, 4, "a piece longer than a chunk")
            need(len(row.table) * size >= end, 2, "written beyond the table")
            for number in row.table[: -(-row.start // size)]:
                if number >= 0:
                    need(number in self.writer, 3, f"block {number} read before it was written")
                    need(self.writer[number] == salt, 5, f"block {number} read across salts")
            for number in row.table[row.start // size : -(-end // size)]:
                references = kernel.pool.blocks[number].references
                need(references == 1, 2, f"block {number} written with {references} owners")
                need(number not in written, 2, f"block {number} written by two rows")
                written[number] = self.writer[number] = salt
        self.check_answers(rows)
        self.check_evictions(rows)
        self.check_idle(rows)
        return self.driver.forward(rows)

    def order(self, process):
        """The rank, told once more."""
        state = process.state.value
        group = {"blocked": 1, "waiting": 2}.get(state, 0)
        first = 0 if process is self.kernel.reader else 1
        key = self.kernel.policy.key(process, self.kernel.now)
        return (first, group, *key, process.arrival, process.pid)

    def check_evictions(self, rows):
        for event in self.kernel.trace.events:
            if event[0] == "evict":
                victim, requester = (self.kernel.processes[pid] for pid in event[1:])
                if victim.ended:
                    continue
                rank, running = self.order(victim), {row.process for row in rows}
                need(rank > self.order(requester), 4, f"evicted from above: {event}")
                need(requester in running, 4, f"evicted for nothing: {event}")
                lower = [p for p in self.kernel.processes.values() if p.space.table and self.order(p) > rank]
                need(not lower or victim in running, 4, f"not the lowest in rank: {event}")

    def check_answers(self, rows):
        audit = [] if self.kernel.syscalls is None else self.kernel.syscalls.audit
        for call in audit[self.heard :]:
            rights = self.kernel.processes[call.pid].capabilities
            _, latency = expected(f"{call.name} {call.arguments}".strip(), rights)
            self.answered[call.pid] = call.time + latency
        self.heard = len(audit)
        for row in rows:
            due = self.answered.get(row.process.pid, 0)
            need(due <= self.kernel.now, 4, f"process {row.process.pid} runs before its call is answered")

    def check_idle(self, rows):
        kernel, running = self.kernel, {row.process for row in rows}
        ranked = sorted((p for p in kernel.ready), key=self.order)
        need(set(ranked[: len(rows)]) == running, 4, "the rows are not the first in rank")
        if len(rows) < min(kernel.slots, len(ranked)):
            idle = ranked[len(rows)]
            blocks = -(-len(idle.tokens) // kernel.pool.block_size) + 1
            need(blocks - len(idle.space.table) > len(kernel.pool.free), 4, "a slot is empty without need")


def check_memory(kernel):
    """Invariant 1, after every step."""
    pool, holders = kernel.pool, {}
    for process in kernel.processes.values():
        space = process.space
        held = [number for number in space.table if number != -1]
        need(len(held) == len(set(held)), 1, f"process {process.pid} holds a block twice: {space.table}")
        need(not process.ended or not space.table, 1, f"process {process.pid} has ended with {space.table}")
        for number in held:
            holders[number] = holders.get(number, 0) + 1
        if space.saved is None:
            blocks = -(-space.length // pool.block_size)
            need(len(space.table) == blocks, 1, f"{space.length} slots in a table of {len(space.table)}")
            behind = 0
            if kernel.driver.window is not None and space.length:
                behind = max(0, space.length - kernel.driver.window + 1) // pool.block_size
            need(
                space.table.count(-1) == behind, 1, f"{space.table.count(-1)} blocks given back, not {behind}"
            )
        need(process.ended or space.length < len(process.tokens), 1, "more slots than tokens to come")
    for number, block in enumerate(pool.blocks):
        count = holders.get(number, 0)
        need(block.references == count, 1, f"block {number}: {block.references} references, {count} holders")
        need((number in pool.free) == (count == 0), 1, f"block {number}: {count} holders, free or not")
        need(block.key is None or pool.index.get(block.key) == number, 1, f"block {number} under another key")
    need(len(pool.index) == sum(block.key is not None for block in pool.blocks), 1, "keys without blocks")


# ---- a workload ----


@dataclass
class Workload:
    """Settings and arrivals drawn from a seed; the switches may be fixed by name."""

    seed: int
    switches: dict = field(default_factory=dict)

    def __post_init__(self):
        draw = self.draw = random.Random(self.seed)
        pick = lambda name, *values: self.switches.get(name, draw.choice(values))  # noqa: E731
        self.block_size = draw.randint(1, 5)
        self.slots, self.jobs = draw.randint(1, 5), {}  # which process a resumed one goes on with
        self.notes = pick("notes", False, False, True)
        tokens = draw.randint(60, 150) if self.notes else draw.randint(16, 90)
        self.num_blocks = -(-tokens // self.block_size)
        self.policy = pick("policy", "fcfs", "sjf", "round_robin", "priority", "mlfq")
        self.admission = pick("admission", "optimistic", "watermark", "future_peak")
        self.evict = pick("evict", "drop", "swap")
        self.chunk = pick("chunk", None, None, 1, 2, 4)
        self.draft = pick("draft", False, False, True)
        self.window = pick("window", None, None, None, 2, 5, 9)
        self.calls = pick("calls", False, True)
        self.forks = pick("forks", False, True)
        self.kills = pick("kills", False, True)
        self.salted = draw.random() < 0.8
        self.prefix_cache = draw.random() < 0.8
        self.vocab, self.call_every = draw.choice((2, 3, 40)), draw.choice((3, 12))
        self.call_every = self.switches.get("call_every", self.call_every)
        self.kill_rate = pick("kill_rate", 0.03, 0.06, 0.2)
        self.cost = {
            "step": draw.choice((1, 0.5)),
            "token": draw.choice((0, 0.1)),
            "copy": draw.choice((0, 2)),
        }

    def model(self, modules=None):
        kind = IntegerModel if modules is None else modules["drivers"].IntegerModel
        menu = [text for text in ANSWERS if text.startswith("note") or not self.notes]
        calls = [text.encode() for text in menu] if self.calls else ()
        return kind(self.vocab, window=self.window, calls=calls, call_every=self.call_every)

    def kernel(self, modules, effects):
        policies = {
            "round_robin": lambda make: make(self.draw.randint(1, 3)),
            "priority": lambda make: make(0.1),
        }
        make = modules["scheduler"].POLICIES[self.policy]
        policy = policies.get(self.policy, lambda make: make())(make)
        make = modules["admission"].ADMISSIONS[self.admission]
        settings = {"future_peak": (self.slots,), "watermark": (self.draw.choice((0.1, 0.6)),)}
        admission = make(*settings.get(self.admission, ()))
        watcher = Watcher(modules["drivers"].IntegerDriver(self.model(modules)))
        kernel = modules["kernel"].Kernel(
            watcher, num_blocks=self.num_blocks, block_size=self.block_size, slots=self.slots, policy=policy,
            admission=admission, syscalls=tools(modules, effects) if self.calls else None,
            cost=modules["clock"].Cost(**self.cost), evict=self.evict, prefix_cache=self.prefix_cache,
            salted=self.salted, chunk=self.chunk,
            draft=modules["speculation"].NGramDraft() if self.draft else None,
        )  # fmt: skip
        watcher.kernel = kernel
        return kernel

    def spawn(self, kernel):
        draw = self.draw
        common = [random.Random(draw.randint(0, 1)).randrange(self.vocab) for _ in range(draw.randint(0, 12))]
        own = [draw.randrange(self.vocab) for _ in range(draw.randint(1, 8))]
        longest = 60 if self.calls else 16
        if self.notes and draw.random() < 0.5:
            common, own = [], [0, 1]  # texts that are equal, so are the places of their calls
        arrival = None if draw.random() < 0.5 else kernel.now + draw.randint(0, 20)
        return kernel.spawn(
            common + own, draw.randint(1, longest), user=draw.choice("ab"), seed=draw.randint(0, 2),
            capabilities=draw.sample(("math", "note", "read"), draw.randint(0, 3)), arrival=arrival,
            stop=draw.sample(range(self.vocab), 1) if draw.random() < 0.2 else (),
            priority=draw.randint(0, 3),
        )  # fmt: skip


def steps_bound(kernel):
    """More steps than anybody could need: each says a token or reads a piece, or jumps to an event."""
    bound = 50
    for process in kernel.processes.values():
        pieces = 1 if kernel.chunk is None else 1 + process.limit // kernel.chunk
        bound += (process.limit - process.prompt_len + 1) * pieces + 4
    return bound


def disturb(work, kernel, killed):
    """Between two steps: perhaps a fork, a kill, a resume."""
    draw, living = work.draw, [p for p in kernel.processes.values() if not p.ended]
    if work.forks and living and draw.random() < 0.15 and len(kernel.processes) < 16:
        parent = draw.choice(living)
        steer = [draw.randrange(work.vocab) for _ in range(draw.choice((0, 0, 1, 3)))]
        if parent.state.value != "blocked":
            kernel.fork(parent, steer, seed=draw.randint(0, 3), max_new=draw.choice((None, 1, 9)))
    if work.kills and living and draw.random() < work.kill_rate:
        victim = draw.choice(living)
        kernel.kill(victim)
        need(not victim.space.table and victim.space.saved is None, 1, "killed, and memory is held")
        killed.append(victim)
        check_memory(kernel)
    if killed and draw.random() < 2 * work.kill_rate:
        dead = killed.pop()
        keep = len(dead.tokens) if draw.random() < 0.5 else draw.randint(dead.prompt_len, len(dead.tokens))
        again = kernel.resume(dead, dead.tokens[:keep])
        work.jobs[again.pid] = work.jobs.get(dead.pid, dead.pid)


def run_workload(seed, modules=None, **switches):
    """Run a workload to its end with everything watched; returns its kernel."""
    modules = modules or copied()
    work, effects, killed = Workload(seed, switches), [], []
    kernel = work.kernel(modules, effects)
    for _ in range(work.draw.randint(2, 8)):
        work.spawn(kernel)
    steps, clock = 0, 0.0
    while True:
        disturb(work, kernel, killed)
        try:
            more = kernel.step()
        except Broken:
            raise
        except Exception as error:
            raise Broken(4, f"the kernel raised {type(error).__name__}: {error}") from error
        check_memory(kernel)
        need(kernel.now >= clock, 6, "the clock went back")
        clock, steps = kernel.now, steps + 1
        need(steps <= steps_bound(kernel), 4, f"{steps} steps and no end")
        if not more:
            break
    check_end(work, kernel, effects)
    return kernel


def check_end(work, kernel, effects):
    """Invariants 1, 3, 4 and 5 of a finished workload."""
    need(len(kernel.pool.free) == work.num_blocks, 1, "not all blocks are free at the end")
    if kernel.syscalls is not None:
        check_calls(work, kernel, effects)
    model = work.model()
    for process in kernel.processes.values():
        words = f"process {process.pid} ({process.state.value})"
        fits = -(-(process.limit - 1) // work.block_size) <= work.num_blocks
        need(process.ended and (process.state.value == "rejected") == (not fits), 4, words)
        if fits:
            prompt = process.tokens[: process.prompt_len]
            right = alone(
                model, prompt, process.limit, process.seed, process.stop, process.capabilities, work.calls
            )
            killed = process.state.value == "killed"
            right = right[: len(process.tokens)] if killed else right
            need(process.tokens == right, 3, f"{words}: {process.tokens}, alone {right}")
    if work.admission == "future_peak" and not (work.calls or work.forks or work.draft or work.chunk):
        need(not sum(p.evictions for p in kernel.processes.values()), 4, "evictions after a future-peak test")


def check_calls(work, kernel, effects):
    """Invariant 5: rights, receipts and the log."""
    done = [(work.jobs.get(pid, pid), place, text) for pid, place, text in effects]
    need(len(done) == len(set(done)), 5, f"an effect was done twice: {done}")
    for call in kernel.syscalls.audit:
        rights = kernel.processes[call.pid].capabilities
        said, _ = expected(f"{call.name} {call.arguments}".strip(), rights)
        need(call.errno == said.split(" ")[0], 5, f"{call} should have come to {said}")
    wanted = set()
    for process in kernel.processes.values():
        for at, token in enumerate(process.tokens):
            if token == 257 and at >= process.prompt_len and at + 1 < process.limit:
                before = process.tokens[process.prompt_len : at]
                begin = max((i for i, each in enumerate(before) if each > 255), default=None)
                if begin is not None and before[begin] == 256:
                    words = bytes(before[begin + 1 :]).decode()
                    if words.startswith("note") and "note" in process.capabilities:
                        wanted.add((work.jobs.get(process.pid, process.pid), at + 1, words[-3]))
    need(set(done) == wanted, 5, f"effects asked for {sorted(wanted)}, done {sorted(done)}")


def check_repeats(seed, modules=None, **switches):
    """Invariant 6: the same seed, the same bytes."""
    first, second = (run_workload(seed, modules, **switches).trace.to_json() for _ in range(2))
    need(first == second, 6, f"seed {seed} gives two traces")
    return first


def tight_readers(modules=None):
    """Two long prompts read in pieces, in memory for one, and round robin: both must come to their end."""
    modules = modules or copied()
    watcher = Watcher(modules["drivers"].IntegerDriver())
    kernel = modules["kernel"].Kernel(
        watcher, num_blocks=6, block_size=4, slots=2, chunk=3, prefix_cache=False,
        policy=modules["scheduler"].RoundRobin(1),
    )  # fmt: skip
    watcher.kernel = kernel
    both = [kernel.spawn([number] * 20, 4) for number in (1, 2)]
    kernel.run(max_steps=200)
    need(all(process.state.value == "done" for process in both), 4, "two readers take turns for ever")


def tight_fork(modules=None):
    """A parent that fills the memory and shares its last block with a child that waits to begin."""
    modules = modules or copied()
    watcher = Watcher(modules["drivers"].IntegerDriver())
    kernel = modules["kernel"].Kernel(
        watcher, num_blocks=3, block_size=4, slots=1, admission=modules["admission"].FuturePeak(1)
    )
    watcher.kernel = kernel
    parent = kernel.spawn([1] * 9, 4)
    kernel.step()
    child = kernel.fork(parent, seed=1)
    try:
        kernel.run(max_steps=100)
    except RuntimeError as error:
        raise Broken(4, str(error)) from error
    need(parent.state.value == child.state.value == "done", 4, "parent and child wait for each other")


BARE = {"calls": False, "forks": False, "kills": False, "draft": False, "chunk": None}
NOTES = {"calls": True, "notes": True, "kills": True, "window": None, "call_every": 3, "kill_rate": 0.06}


def run_battery(modules, seeds=120):
    """The first invariant that does not hold, as `(number, words)`; None if all hold."""
    try:
        check_repeats(0, modules)
        tight_readers(modules)
        tight_fork(modules)
        for seed in range(seeds):
            run_workload(seed, modules)
            if seed % 2 == 0:
                run_workload(seed, modules, **NOTES)
            if seed % 4 == 0:
                run_workload(seed, modules, admission="future_peak", **BARE)
                run_workload(seed, modules, calls=True, notes=False, window=None, call_every=3)
    except Broken as broken:
        return broken.number, str(broken)
    except Exception as error:
        return 4, f"{type(error).__name__}: {error}"
    return None
