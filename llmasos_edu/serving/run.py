"""Running the server: a port, Ctrl-C that lets begun texts end, and a second one that does not wait."""

import asyncio
import time

import uvicorn

from llmasos_edu.serving.app import LOOPBACK, make_app
from llmasos_edu.serving.engine import Engine
from llmasos_edu.serving.model import ServedModel

PATIENCE = 30.0  # seconds for a client that takes nothing of what it is sent, or sends half a request
LAST_PATIENCE = 3.0  # the same when the server is about to stop
LOOK_SECONDS = 0.2


class Server(uvicorn.Server):
    """uvicorn's server; the first Ctrl-C waits for what was begun and takes no more, the second ends all.

    It hangs up on clients that hold it up: what they are sent fills the buffers between, then the sending
    waits, and with it the text, the process and its blocks, and at last Ctrl-C.
    """

    def __init__(self, config: uvicorn.Config, engine: Engine):
        super().__init__(config)
        self.engine = engine

    async def startup(self, sockets=None) -> None:
        """Open the port, and begin to watch who is slow."""
        await super().startup(sockets)
        self._watcher = asyncio.ensure_future(self._watch())

    async def _watch(self) -> None:
        seen: dict = {}  # connections that hold us up: their state, and since when
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now, patience = time.monotonic(), LAST_PATIENCE if self.engine.closing else PATIENCE
            held = {each: _held_up(each) for each in self.server_state.connections}
            seen = {
                each: (state, seen[each][1] if each in seen and seen[each][0] <= state else now)
                for each, state in held.items()
                if state is not None
            }
            for each, (_, since) in seen.items():
                if now - since > patience:
                    each.transport.abort()

    def handle_exit(self, sig: int, frame) -> None:
        """What a signal does."""
        self.engine.close()
        super().handle_exit(sig, frame)


def _held_up(connection) -> int | None:
    """None where a connection goes on; else the bytes that it does not take, or 0 for half a request's head.

    As long as the number does not fall, nothing moves. (A connection without any request is closed by uvicorn
    itself, which does not look after one that has begun to send.)
    """
    if waiting := connection.transport.get_write_buffer_size():
        return waiting
    cycle = connection.cycle
    return 0 if cycle is None or cycle.response_complete else None


def serve(
    engine: Engine,
    model: ServedModel,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    log_level: str = "warning",
) -> Server:
    """A server that is ready to `run()`.

    Args:
        engine, model, token: as in `make_app`.
        host: the address to listen on. Any but 127.0.0.1 lets others on the network in: give a token then.
        port: the port; 0 takes a free one.
    """
    hosts = LOOPBACK if host in LOOPBACK else ("*",)
    config = uvicorn.Config(
        make_app(engine, model, token=token, hosts=hosts),
        host=host, port=port, log_level=log_level, access_log=False, timeout_keep_alive=15,
        limit_concurrency=1024, h11_max_incomplete_event_size=64 * 1024,
    )  # fmt: skip
    return Server(config, engine)
