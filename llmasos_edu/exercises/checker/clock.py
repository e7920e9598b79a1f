"""How long another process has run, and what it holds, as far as the system tells."""

import contextlib
import os
import time

# Seconds that may pass before an answer is called for the first time: solution and mistakes run before it.
LOADING = 60.0
# An answer that uses less than this share of a processor waits for something. The others get, on a machine
# that is busy, this many times their seconds on the wall.
IDLE, BUSY = 0.03, 8


class Clock:
    """How long an answer has run: its own processor time counts, so that a busy machine is no loop.

    It starts when the answer is called for the first time, not while it is loaded. An answer that does
    nothing is stopped by the clock on the wall.
    """

    def __init__(self, child: int, seconds: float):
        self.child, self.seconds = child, seconds
        self.begin, self.started = time.monotonic(), False
        self.processor, self.memory = 0.0, 0

    def start(self) -> None:
        """The answer is called for the first time."""
        self.begin, self.started = time.monotonic(), True
        self.processor, self.memory = processor_seconds(self.child) or 0.0, resident_bytes(self.child)

    def is_over(self) -> bool:
        wall = time.monotonic() - self.begin
        if not self.started:
            return wall > LOADING
        if wall < self.seconds:
            return False
        used = processor_seconds(self.child)
        if used is None:  # a system that does not tell
            return True
        used -= self.processor
        return used >= self.seconds or used < IDLE * wall or wall >= BUSY * self.seconds

    def grown(self) -> int:
        """Bytes that the answer holds more than at its start."""
        return resident_bytes(self.child) - self.memory


def processor_seconds(process: int) -> float | None:
    """The processor time of a process, None where the system does not tell."""
    with contextlib.suppress(OSError), open(f"/proc/{process}/stat") as status:
        fields = status.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return None


def resident_bytes(process: int) -> int:
    """The memory that a process holds, 0 where the system does not tell."""
    with contextlib.suppress(OSError), open(f"/proc/{process}/statm") as status:
        return int(status.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
