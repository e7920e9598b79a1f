"""Serving many texts: the kernel's batches against static ones, guesses, and what the kernel itself costs.

python benchmarks/kernel.py [--quick]
"""

import argparse
import random
import time

import torch
from side_by_side import machine, spread, take_turns
from transformers import GPT2Config, GPT2LMHeadModel

from llmasos_edu.kernel.kernel import Kernel
from llmasos_edu.kernel.speculation import NGramDraft
from llmasos_edu.kernel.torch_driver import TorchDriver
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import load

VOCAB, SLOTS, LONGEST = 2048, 16, 256
SHAPE = {
    "d_model": 128, "num_layers": 4, "num_heads": 4, "d_ff": 512, "position": "learned", "max_len": LONGEST,
    "norm": "layer", "activation": "gelu", "qk_norm": False, "bias": True, "tie_weights": True,
}  # fmt: skip


class WholeBatches:
    """Admission as static batching has it: `slots` at a time, the next ones when all of them have ended."""

    def __init__(self, slots: int):
        self.slots, self.left = slots, slots

    def admits(self, process, admitted, pool) -> bool:
        """Whether the process belongs to the batch that is being put together."""
        if not admitted:
            self.left = self.slots
        self.left -= 1
        return self.left >= 0


def requests(number: int, seed: int = 0) -> list[tuple[list[int], int]]:
    """Prompts of 8 to 40 tokens, and how many tokens each wants: exponential with mean 40, at most 200."""
    draw = random.Random(seed)
    prompts = [[draw.randrange(VOCAB) for _ in range(draw.randint(8, 40))] for _ in range(number)]
    return [(prompt, min(200, 1 + int(draw.expovariate(1 / 40)))) for prompt in prompts]


def served(model: LanguageModel, wanted, *, static: bool = False, timed: list | None = None):
    """All requests through the kernel; with `timed`, also the share of its own work is appended there."""

    def write():
        driver = Clocked(model)
        kernel = Kernel(
            driver, num_blocks=SLOTS * LONGEST // 16, slots=SLOTS, trace=False,
            admission=WholeBatches(SLOTS) if static else None,
        )  # fmt: skip
        for prompt, new in wanted:
            kernel.spawn(prompt, new)
        began = time.process_time()
        kernel.run()
        if timed is not None:
            timed.append((time.process_time() - began - driver.seconds) / driver.seconds)

    return write


class Clocked(TorchDriver):
    """Counts the seconds of the model."""

    seconds = 0.0

    def forward(self, rows):
        began = time.process_time()
        said = super().forward(rows)
        self.seconds += time.process_time() - began
        return said


def transformers_static(wanted):
    """`generate` of transformers on padded batches, each as long as its longest answer."""
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB, n_positions=LONGEST, n_embd=128, n_layer=4, n_head=4, n_inner=512,
            activation_function="gelu", bos_token_id=None, eos_token_id=None, pad_token_id=0,
            attn_implementation="sdpa",
        )
    ).eval()  # fmt: skip

    def write():
        for start in range(0, len(wanted), SLOTS):
            batch = wanted[start : start + SLOTS]
            longest = max(len(prompt) for prompt, _ in batch)
            tokens = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt, _ in batch])
            mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt, _ in batch])
            new = max(new for _, new in batch)
            model.generate(tokens, attention_mask=mask, max_new_tokens=new, do_sample=False)

    return write


TEXTS = {
    "prose": "The value of an assignment is bound to the name on its left. If the name is not yet",
    "code": "def area(width, height):\n    return width * height\n\ndef volume(width, height, depth):\n",
    "repeated": "one two three four five six seven one two three four five six seven one two three",
}


def guessing(shipped, text: str, draft):
    """One text written alone, with a draft or without; returns the function, and a list of its steps."""
    prompt, steps = shipped.tokenizer.encode(text), []

    def write():
        kernel = Kernel(TorchDriver(shipped.model), num_blocks=16, draft=draft, trace=False)
        kernel.spawn(prompt, 100)
        steps.append(kernel.run())

    return write, steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = parser.parse_args().quick
    rounds, batches = (3, 3) if quick else (9, 6)
    torch.manual_seed(0)
    print(machine())
    wanted, shares = requests(batches * SLOTS), []
    model = LanguageModel(VOCAB, **SHAPE).eval()
    timed = take_turns(
        {
            "continuous": served(model, wanted, timed=shares),
            "static": served(model, wanted, static=True),
            "transformers": transformers_static(wanted),
        },
        rounds=rounds,
        warmup=1,
    )
    print(
        f"continuous against static batches, same driver: {spread(timed, 'static', 'continuous')} x tokens/s"
    )
    print(f"continuous against transformers' static batches: {spread(timed, 'transformers', 'continuous')} x")
    print(f"static batches against transformers' own: {spread(timed, 'transformers', 'static')} x")
    print(f"the kernel's own work: {100 * sorted(shares)[len(shares) // 2]:.1f} % of the model's time")
    shipped = load("manual-dense")
    for name, text in TEXTS.items():
        plain, plain_steps = guessing(shipped, text, None)
        guessed, guessed_steps = guessing(shipped, text, NGramDraft(4))
        timed = take_turns({"plain": plain, "guessing": guessed}, rounds=rounds, warmup=1)
        gain = spread(timed, "plain", "guessing")
        print(f"n-gram guesses, {name}: {plain_steps[0]} steps become {guessed_steps[0]}, {gain} x tokens/s")


if __name__ == "__main__":
    main()
