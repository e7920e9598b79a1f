"""When Ctrl-C may end a training."""

import signal
import threading
from contextlib import contextmanager


class Interrupts:
    """Ctrl-C comes through only where the run can be left as it stands; elsewhere it waits."""

    def __enter__(self):
        self.open = self.pending = False
        main = threading.current_thread() is threading.main_thread()  # no other thread is interrupted
        self.before = signal.getsignal(signal.SIGINT) if main else None
        if callable(self.before):
            signal.signal(signal.SIGINT, self._arrived)
        return self

    def __exit__(self, *error):
        if callable(self.before):
            signal.signal(signal.SIGINT, self.before)

    def _arrived(self, number, frame):
        self.pending = True
        if self.open:
            self._deliver()

    def _deliver(self):
        self.pending = False
        self.before(signal.SIGINT, None)

    @contextmanager
    def allowed(self):
        """Within this, Ctrl-C arrives at once, and first of all one that has waited."""
        self.open = True
        try:
            if self.pending:
                self._deliver()
            yield
        finally:
            self.open = False

    def hold(self):
        """From now on Ctrl-C waits, and one that has come is forgotten."""
        self.open = self.pending = False
