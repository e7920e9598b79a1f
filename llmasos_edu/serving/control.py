"""The control room: the kernel's memory, slots, processes and audit log as one page that keeps up with them.

The page asks once for `/kernel/events` and gets a picture of the kernel as JSON whenever something
changes. Its buttons are `POST /kernel/spawn`, `fork`, `kill` and `policy`.
"""

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.process import Process, State
from llmasos_edu.kernel.scheduler import POLICIES
from llmasos_edu.serving.engine import Engine
from llmasos_edu.serving.model import ServedModel, parsed
from llmasos_edu.serving.refusals import BadRequest
from llmasos_edu.serving.requests import completion
from llmasos_edu.serving.writing import spawn
from llmasos_edu.widgets.shared.host import read_module

HERE = Path(__file__).parent
PAGE = {"/": "room.html", "/room.js": "room.js", "/room.css": "room.css"}
# What draws the memory and the slots is the explorers' own; it goes before the page's script.
DRAWING = ("shared/elements.js", "shared/owners.js", "shared/blocks.js", "shared/slots.js")
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
TAIL_TOKENS = 40  # of a process's text, shown in its row
AUDIT_LINES = 30
SECONDS_A_PICTURE = 0.2
FRESH = {"cache-control": "no-store"}  # nobody between may keep a stream


class ControlRoom:
    """What the page is told, and what its buttons do."""

    def __init__(self, engine: Engine, model: ServedModel):
        self.engine, self.model = engine, model
        self.seeds = itertools.count(secrets.randbits(32))

    def routes(self, body: Callable) -> list[Route]:
        """The page and what it asks for; `body(request)` reads a request's bytes within limits."""
        self.body = body
        files = [Route(path, self.file) for path in PAGE]
        buttons = [("spawn", self.spawn), ("fork", self.fork), ("kill", self.kill), ("policy", self.policy)]
        posts = [Route(f"/kernel/{name}", button, methods=["POST"]) for name, button in buttons]
        return [*files, Route("/kernel/events", self.events), Route("/kernel", self.once), *posts]

    async def file(self, request: Request) -> Response:
        """The page, its script or its style; nothing on it comes from anywhere else."""
        path = HERE / PAGE[request.url.path]
        policy = {"content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'"}
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".js":
            text = f"{read_module(*DRAWING)}\n{text}"
        return Response(text, media_type=KINDS[path.suffix], headers=policy)

    async def once(self, request: Request) -> Response:
        """The kernel's picture, now."""
        return JSONResponse(await self.engine.call(self.picture))

    async def events(self, request: Request) -> Response:
        """The kernel's picture whenever it has changed, as server-sent events, until the server closes."""

        async def pictures() -> AsyncIterator[str]:
            last = None
            while not self.engine.closing:
                text = json.dumps(await self.engine.call(self.picture), ensure_ascii=False)
                yield f"data: {text}\n\n" if text != last else ": still here\n\n"
                last = text
                await asyncio.sleep(SECONDS_A_PICTURE)

        return StreamingResponse(pictures(), media_type="text/event-stream", headers=FRESH)

    def picture(self, kernel: Kernel) -> dict:
        """All that the page shows; called in the kernel's thread."""
        owners: list[list[int]] = [[] for _ in kernel.pool.blocks]
        for process in kernel.processes.values():
            for block in process.space.table:
                if block >= 0:
                    owners[block].append(process.pid)
        known = [at for at, block in enumerate(kernel.pool.blocks) if block.key is not None]
        audit = [] if kernel.syscalls is None else kernel.syscalls.audit[-AUDIT_LINES:]
        noted = getattr(kernel.syscalls, "noted", lambda line: {})  # what a server's own table knows besides
        return {
            "model": self.model.name,
            "policy": _policy_name(kernel.policy),
            "policies": list(POLICIES),
            "slots": kernel.slots,
            "turns": [[row["pid"] for row in step["batch"]] for step in kernel.trace.steps],
            "latest": [_short(step) for step in kernel.trace.steps],
            "block_size": kernel.pool.block_size,
            "steps": self.engine.steps,
            "owners": owners,
            "cached": [at for at in known if not owners[at]],
            "processes": [self._row(process) for process in kernel.processes.values()],
            "ended": [self._ended(summary) for summary in self.engine.ended],
            "audit": [line._asdict() | noted(line) for line in audit],
            "dropped": {} if kernel.syscalls is None else kernel.syscalls.dropped,
        }

    def _row(self, process: Process) -> dict:
        listener = self.engine.listeners.get(process.pid)
        return {
            "pid": process.pid,
            "parent": process.parent,
            "user": process.user,
            "state": process.state.value,
            "prompt": process.prompt_len,
            "tokens": len(process.tokens),
            "limit": process.limit,
            "table": list(process.space.table),
            "slots": process.space.length,
            "swapped": process.space.swapped,
            "reused": process.reused,
            "evictions": process.evictions,
            "rate": round(listener.rate(time.monotonic()), 1) if listener else 0.0,
            "tail": self.model.tokenizer.decode(process.tokens[-TAIL_TOKENS:]),
        }

    def _ended(self, summary: dict) -> dict:
        names = ("pid", "parent", "user", "state", "reason", "evictions", "reused")
        tail = self.model.tokenizer.decode(summary["output"][-TAIL_TOKENS:])
        return {name: summary[name] for name in names} | {"tokens": len(summary["output"]), "tail": tail}

    async def _asked(self, request: Request) -> dict:
        asked = parsed(await self.body(request))
        if not isinstance(asked, dict):
            raise BadRequest("the body must be a JSON object")
        return asked

    async def spawn(self, request: Request) -> Response:
        """Begin a text, with the options of a completion; nobody waits for it but the page."""
        options = await self._asked(request)
        if useless := options.keys() & {"n", "stop", "stream", "stream_options", "echo"}:
            raise BadRequest(f"a text that nobody waits for knows no {min(useless)}", min(useless))
        asked = completion({"model": self.model.name} | options)
        plan, *others = self.model.plans(asked)
        if others:
            raise BadRequest(f"one text at a time: there are {len(asked.prompts)} prompts", "prompt")
        seed = next(self.seeds) if asked.seed is None else asked.seed
        room, options = self.model.room(plan, asked), self.model.options(plan, asked)
        listener = await spawn(self.engine, plan.prompt, room, seed=seed, **options)
        return JSONResponse({"pid": listener.process.pid})

    async def fork(self, request: Request) -> Response:
        """A second text from where a process stands, with other chances from there on."""
        pid = _pid(await self._asked(request))
        try:
            listener = await self.engine.fork(pid, seed=next(self.seeds))
        except (KeyError, ValueError) as error:
            raise BadRequest(str(error.args[0]), "pid") from error
        return JSONResponse({"pid": listener.process.pid, "reused": listener.process.reused})

    async def kill(self, request: Request) -> Response:
        """End a process; its blocks are free at once."""
        pid = _pid(await self._asked(request))

        def end(kernel: Kernel) -> bool:
            process = kernel.processes.get(pid)
            return process is not None and kernel.kill(process, "killed in the control room")

        if not await self.engine.call(end):
            raise BadRequest(f"there is no process {pid}", "pid")
        return JSONResponse({"pid": pid, "state": State.KILLED.value})

    async def policy(self, request: Request) -> Response:
        """Another policy from the next step on; what the old one noted about processes is forgotten."""
        name = (await self._asked(request)).get("policy")
        if not isinstance(name, str) or name not in POLICIES:
            raise BadRequest(f"policy={name!r} is not one of {', '.join(POLICIES)}", "policy")

        def change(kernel: Kernel) -> None:
            kernel.policy = POLICIES[name]()
            for process in kernel.processes.values():
                process.account.clear()

        await self.engine.call(change)
        return JSONResponse({"policy": name})


def _short(step: dict) -> dict:
    """A step of the trace, with the number of tokens said in the place of the tokens."""
    batch = [row | {"said": len(row["said"])} for row in step["batch"]]
    return {name: step[name] for name in ("time", "end", "free", "events")} | {"batch": batch}


def _policy_name(policy: object) -> str:
    known = {kind: name for name, kind in POLICIES.items()}
    return known.get(type(policy), type(policy).__name__)


def _pid(asked: dict) -> int:
    pid = asked.get("pid")
    if isinstance(pid, bool) or not isinstance(pid, int):
        raise BadRequest(f"pid={pid!r} is not the number of a process", "pid")
    return pid
