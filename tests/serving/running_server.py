"""A server on a free port of this machine, in a thread, over the kernel's exact integer model."""

import asyncio
import threading
import time

from llmasos_edu.kernel.drivers import IntegerDriver, IntegerModel
from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.serving.engine import Engine
from llmasos_edu.serving.model import ServedModel
from llmasos_edu.serving.run import serve
from llmasos_edu.text.tokenizer import ByteTokenizer

WINDOW = 512


class SlowDriver(IntegerDriver):
    """The integer model with a pause in each step, so that a test can come in between."""

    def __init__(self, seconds: float):
        super().__init__(IntegerModel(128))
        self.seconds = seconds

    def forward(self, rows):
        time.sleep(self.seconds)
        return super().forward(rows)


def as_chat(messages):
    """A template for tests: each message on a line of its own."""
    return list("".join(f"{each['role']}: {each['content']}\n" for each in messages).encode())


class Running:
    """A server that answers; `base` is its address."""

    def __init__(
        self, *, seconds=0.0, template=None, token=None, max_waiting=64, window=WINDOW, driver=None, **kernel
    ):
        driver = SlowDriver(seconds) if driver is None else driver
        self.kernel = Kernel(driver, **({"num_blocks": 256, "block_size": 8, "slots": 8} | kernel))
        self.engine = Engine(self.kernel, max_waiting=max_waiting)
        self.model = ServedModel("integers", ByteTokenizer(), window, template=template)
        self.open(token)

    def open(self, token=None):
        """The server itself, over what there is."""
        self.server = serve(self.engine, self.model, port=0, token=token)
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self):
        self.thread.start()
        deadline = time.monotonic() + 20
        while not self.server.started:
            assert time.monotonic() < deadline
            assert self.thread.is_alive()
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        return self

    def __exit__(self, *_):
        self.engine.close()
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()

    def alone(self, prompt: str, count: int, seed: int = 0) -> str:
        """What the model writes after the prompt when nobody else is there."""
        kernel = Kernel(IntegerDriver(IntegerModel(128)), num_blocks=256, block_size=8)
        process = kernel.spawn(prompt.encode(), count, seed=seed)
        kernel.run()
        return bytes(process.output).decode()

    def until(self, condition, seconds: float = 10.0):
        """Wait until `condition(kernel)` holds in the kernel's thread."""
        deadline = time.monotonic() + seconds
        while not asyncio.run(self.engine.call(condition)):
            assert time.monotonic() < deadline, "it did not come to pass"
            time.sleep(0.01)
