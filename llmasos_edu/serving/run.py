"""Running the server: a port, Ctrl-C that lets begun texts end, and a second one that does not wait."""

import uvicorn

from llmasos_edu.serving.app import LOOPBACK, make_app
from llmasos_edu.serving.engine import Engine
from llmasos_edu.serving.model import ServedModel


class Server(uvicorn.Server):
    """uvicorn's server; the first Ctrl-C waits for what was begun and takes no more, the second ends all."""

    def __init__(self, config: uvicorn.Config, engine: Engine):
        super().__init__(config)
        self.engine = engine

    def handle_exit(self, sig: int, frame) -> None:
        """What a signal does."""
        self.engine.close()
        super().handle_exit(sig, frame)


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
