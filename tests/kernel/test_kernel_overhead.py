"""The kernel's own work beside the model's, in processor seconds of one run."""

import random
import time

import torch

from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.scheduler import MultiLevelFeedbackQueue
from llmasos_edu.kernel.torch_driver import TorchDriver
from llmasos_edu.pretrained import load


class Timed(TorchDriver):
    """Counts what the model takes."""

    seconds = 0.0

    def forward(self, rows):
        began = time.process_time()
        said = super().forward(rows)
        self.seconds += time.process_time() - began
        return said


def test_at_16_slots_bookkeeping_takes_less_than_15_percent_of_the_model_s_time():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = load("manual-dense").model.eval()
        driver, draw = Timed(model), random.Random(0)
        kernel = Kernel(driver, num_blocks=400, slots=16, policy=MultiLevelFeedbackQueue())
        for _ in range(32):
            prompt = [draw.randrange(model.vocab_size) for _ in range(draw.randint(10, 60))]
            kernel.spawn(prompt, draw.randint(20, 80))
        began = time.process_time()
        kernel.run()
        own = time.process_time() - began - driver.seconds
    finally:
        torch.set_num_threads(threads)
    assert own < 0.15 * driver.seconds
