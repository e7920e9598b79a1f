"""A server of the dialogue model, shipped or played from a script, with or without a desk."""

from running_server import Running

from llmasos_edu.dialogue.assistant import WINDOW
from llmasos_edu.dialogue.template import tokenizer
from llmasos_edu.kernel.torch_driver import TorchDriver
from llmasos_edu.pretrained import load
from llmasos_edu.serving.dialogue import Dialogues, ServerCalls
from llmasos_edu.serving.model import ServedModel


class Talking(Running):
    """A server that holds conversations; `calls` is its kernel's table.

    Args:
        desk: whose tools it runs; None where clients run them.
        driver: of the shipped model unless given.
        kept: turns that it keeps.
    """

    def __init__(self, desk=None, *, driver=None, kept=1000, **options):
        self.calls = ServerCalls(None if desk is None else desk.table)
        self.kept, self.desk = kept, desk
        driver = TorchDriver(load("dialogue").model) if driver is None else driver
        super().__init__(driver=driver, syscalls=self.calls, **{"num_blocks": 512, "slots": 16} | options)

    def open(self, token=None):
        self.calls.serve(self.kernel)
        heard = None if self.desk is None else self.desk.heard
        self.dialogues = Dialogues(self.calls, WINDOW, kept=self.kept, heard=heard)
        end = frozenset({tokenizer().marks["end"]})
        self.model = ServedModel("dialogue", tokenizer(), WINDOW, end=end, chats=self.dialogues.plan)
        super().open(token)
