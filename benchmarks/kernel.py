"""Serving many texts: the kernel's batches against static ones, guesses, and what the kernel itself costs.

python benchmarks/kernel.py [--quick]
"""

import argparse
import random
import time
from statistics import median

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


# How many tokens answers had in two of Azure's services, at these shares of all requests: quantiles of the
# 8,819 and 19,366 requests of the public 2023 trace (Patel et al. 2024, "Splitwise", section 3; CC-BY 4.0,
# github.com/Azure/AzurePublicDataset). Our context is short: conversations are a quarter as long here, and
# nothing is longer than 200 tokens.
SHARES = (0, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 1)
CODE = (6, 7, 9, 13, 24, 55, 90, 251, 1899)
CONVERSATION = (7, 54, 85, 129, 395, 424, 451, 601, 1000)
LENGTHS = {
    "completing code": lambda share: interpolated(CODE, share),
    "conversations": lambda share: interpolated(CONVERSATION, share) / 4,
    "equal lengths (control)": lambda share: 40,
}


def interpolated(quantiles, share: float) -> float:
    """The length below which this share of the answers lies."""
    at = next(at for at in range(1, len(SHARES)) if share <= SHARES[at])
    part = (share - SHARES[at - 1]) / (SHARES[at] - SHARES[at - 1])
    return quantiles[at - 1] + part * (quantiles[at] - quantiles[at - 1])


def requests(number: int, length, seed: int = 0) -> list[tuple[list[int], int]]:
    """Prompts of 8 to 40 tokens, and how many tokens each answer has."""
    draw = random.Random(seed)
    prompts = [[draw.randrange(VOCAB) for _ in range(draw.randint(8, 40))] for _ in range(number)]
    return [(prompt, max(1, min(200, round(length(draw.random()))))) for prompt in prompts]


def padded(wanted) -> list[tuple[list[int], int]]:
    """The same in batches of `SLOTS` whose rows all stay until the longest has ended."""
    batches = [wanted[at : at + SLOTS] for at in range(0, len(wanted), SLOTS)]
    return [(prompt, max(new for _, new in batch)) for batch in batches for prompt, _ in batch]


def served(model: LanguageModel, wanted, *, static: bool = False, shares=None, steps=None):
    """All requests through the kernel.

    Args:
        static: batch by batch. Rows that end leave the batch and cost nothing, unless requests are `padded`.
        shares: a list for the kernel's own work as a share of the model's time.
        steps: a list for the number of steps.
    """

    def write():
        driver = Clocked(model)
        kernel = Kernel(
            driver, num_blocks=SLOTS * LONGEST // 16, slots=SLOTS, trace=False,
            admission=WholeBatches(SLOTS) if static else None,
        )  # fmt: skip
        for prompt, new in wanted:
            kernel.spawn(prompt, new)
        began = time.process_time()
        count = kernel.run()
        if shares is not None:
            shares.append((time.process_time() - began - driver.seconds) / driver.seconds)
        if steps is not None:
            steps.append(count)

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


def generating(model: LanguageModel, rows: int, new: int):
    """`generate` on prompts of one length: the fastest that the book has for a batch that never changes."""
    tokens = torch.randint(VOCAB, (rows, 24), generator=torch.Generator().manual_seed(0))
    return lambda: model.generate(tokens, new, temperature=0)


def compare_batches(model: LanguageModel, batches: int, rounds: int) -> None:
    """Continuous against static batches, for each kind of lengths."""
    for name, length in LENGTHS.items():
        wanted = requests(batches * SLOTS, length)
        shares, steps = [], {"continuous": [], "static": []}
        ways = {
            "continuous": served(model, wanted, shares=shares, steps=steps["continuous"]),
            "static": served(model, padded(wanted), static=True, steps=steps["static"]),
            "leaving": served(model, wanted, static=True),
            "transformers": transformers_static(wanted),
        }
        timed = take_turns(ways, rounds=rounds, warmup=1)
        told = [new for _, new in wanted]
        print(
            f"\n{name}: {len(told)} requests of {sum(told) / len(told):.0f} tokens on average, "
            f"{max(told)} at most"
        )
        print(f"  steps: {steps['static'][0]} in static batches, {steps['continuous'][0]} in continuous ones")
        for reference, words in REFERENCES.items():
            print(f"  tokens/s, continuous against {words}: {spread(timed, reference, 'continuous')} x")
        print(f"  static batches, paged against transformers': {spread(timed, 'transformers', 'static')} x")
        print(f"  the kernel's own work: {100 * median(shares):.1f} % of the model's time")


REFERENCES = {
    "static": "static batches, ended rows stay (as in `generate`)",
    "leaving": "static batches whose ended rows leave at once",
    "transformers": "static batches of transformers",
}
TEXTS = {
    "prose": "The value of an assignment is bound to the name on its left. If the name is not yet",
    "code": "def area(width, height):\n    return width * height\n\ndef volume(width, height, depth):\n",
    "repeated": "one two three four five six seven one two three four five six seven one two three",
}
LIKELIEST, DRAWN = None, {"temperature": 1.0}


def guessing(shipped, text: str, draft, *, sampling, copies: int):
    """A text continued `copies` times at once; with lists of its steps and the share of guesses kept."""
    prompt, steps, kept = shipped.tokenizer.encode(text), [], []

    def write():
        kernel = Kernel(TorchDriver(shipped.model), num_blocks=16 * copies, slots=copies, draft=draft)
        for seed in range(copies):
            kernel.spawn(prompt, 100, seed=seed, sampling=sampling)
        steps.append(kernel.run())
        rows = [row for step in kernel.trace.steps for row in step["batch"]]
        kept.append(sum(len(row["said"]) - 1 for row in rows) / max(1, sum(row["guesses"] for row in rows)))

    return write, steps, kept


def compare_guesses(rounds: int) -> None:
    """Speculative decoding with n-grams: where it gains, and where it loses."""
    shipped = load("manual-dense")
    print("\nfour n-gram guesses a step against none (manual-dense, 100 tokens)")
    for copies, sampling, how in ((1, LIKELIEST, "likeliest"), (1, DRAWN, "drawn"), (16, DRAWN, "drawn")):
        for name, text in TEXTS.items():
            options = {"sampling": sampling, "copies": copies}
            plain, plain_steps, _ = guessing(shipped, text, None, **options)
            guessed, guessed_steps, kept = guessing(shipped, text, NGramDraft(4), **options)
            timed = take_turns({"plain": plain, "guessing": guessed}, rounds=rounds, warmup=1)
            print(
                f"  {name + ',':9} {how:9} {copies:2} at once: {100 * kept[0]:2.0f} % of guesses kept, "
                f"{plain_steps[0]:3} steps become {guessed_steps[0]:3}, "
                f"{spread(timed, 'plain', 'guessing')} x tokens/s"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = parser.parse_args().quick
    rounds, batches = (3, 3) if quick else (5, 6)
    torch.manual_seed(0)
    print(machine())
    model = LanguageModel(VOCAB, **SHAPE).eval()
    compare_batches(model, batches, rounds)
    alone = [(prompt[:8] * 3, 64) for prompt, _ in requests(SLOTS, LENGTHS["equal lengths (control)"])]
    timed = take_turns(
        {"paged": served(model, alone), "generate": generating(model, SLOTS, 64)}, rounds=rounds, warmup=1
    )
    print(
        f"\nwhat blocks and a batch that may change cost: {SLOTS} equal texts take "
        f"{spread(timed, 'paged', 'generate')} times as long as by `generate`"
    )
    compare_guesses(rounds)


if __name__ == "__main__":
    main()
