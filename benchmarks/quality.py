"""Quality for time: held-out bits per byte of the book's defaults beside nanoGPT's shape with AdamW.

python benchmarks/quality.py [--quick] [--budgets 60 240] [--rates 6e-4 1e-3 3e-3 6e-3] [--batches 8 32]

Both learn Python's manual in windows of 128 tokens. The reference learns its bytes and gets the best of
several rates and batch sizes, each with a cosine over the whole budget. The book gets part of the time:
with its library's defaults, with the recipe that suits a minute (batch 4 and twice the rates), and with
that recipe on pairs of bytes, as chapter 5's models read. How much of a gain is the pairs' is shown by a
control that is no part of the target: the reference on the same pairs, at the rate and batch size that
were best on bytes.

A budget is so many steps: seconds divided by those of a step, measured beforehand with all contenders taking
turns. So a noisy neighbour disturbs all alike, and what is learnt does not hang on him.
"""

import argparse
import itertools
import time
from functools import cache
from statistics import mean, median

import torch
from side_by_side import machine, take_turns
from torch import nn
from train import CONTEXT, NanoShaped, ours

from llmasos_edu.corpus.manual import manual
from llmasos_edu.corpus.split import split_documents
from llmasos_edu.text.tokenizer import BytePairTokenizer
from llmasos_edu.training.loop import train
from llmasos_edu.training.next_token import TextSampler, bits_per_byte, next_token_loss
from llmasos_edu.training.optimizers import make_optimizers

BYTES, PAIRS = 256, 2048  # sizes of the two vocabularies
SHORT = {"matrix_lr": 0.04, "other_lr": 0.02}
RECIPES = {  # vocabulary, batch size and peak rates, all else as the library has it
    "book, defaults, batch 8": (BYTES, 8, {}),
    "book, for short runs, batch 4": (BYTES, 4, SHORT),
    "book, the same on 2,048 byte pairs": (PAIRS, 4, SHORT),
}
SHARES = (5, 8)  # the book gets a fifth and an eighth of the reference's time


def nano_adamw(model, rate):
    """AdamW as nanoGPT sets it: averages of (0.9, 0.95), matrices decay by 0.1, the rest does not."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    return [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), fused=True)]


class Text:
    """The manual, split into a part to learn and a part to be measured on, in bytes or in pairs of them."""

    def __init__(self):
        split = split_documents(manual())
        self.learnt, self.held_out = split.train_text, split.held_out_text

    @cache  # noqa: B019, one text a run
    def tokens(self, vocabulary):
        """Both parts as LongTensors."""
        if vocabulary == BYTES:
            return tuple(torch.tensor(list(text.encode())) for text in (self.learnt, self.held_out))
        tokenizer = BytePairTokenizer.train(self.learnt, vocabulary)
        return tuple(torch.tensor(tokenizer.encode(text)) for text in (self.learnt, self.held_out))

    def bits(self, model, vocabulary):
        """Per byte of the held-out part, but for its first token, which is not scored."""
        held_out = self.tokens(vocabulary)[1]
        count = len(self.held_out.encode()) - 1
        return bits_per_byte(model, held_out, context=CONTEXT, num_bytes=count)

    def sampler(self, vocabulary, batch):
        return TextSampler(self.tokens(vocabulary)[0], context=CONTEXT, batch_size=batch)


def seconds_per_step(text, batches, rounds):
    """Median seconds of a whole step: batch, loss, gradient, clipping, optimizer.

    Returns:
        {recipe's name, or (vocabulary, batch size) of the reference: seconds}.
    """

    def step(model, optimizers, sampler):
        generator, parameters = torch.Generator().manual_seed(0), list(model.parameters())

        def one():
            next_token_loss(model, sampler(generator)).backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)

        return one

    steps = {}
    for name, (vocabulary, batch, rates) in RECIPES.items():
        book = ours(vocabulary)
        steps[name] = step(book, make_optimizers(book, **rates), text.sampler(vocabulary, batch))
    for vocabulary, batch in itertools.product((BYTES, PAIRS), batches):
        nano = NanoShaped(vocabulary)
        steps[vocabulary, batch] = step(nano, nano_adamw(nano, 1e-3), text.sampler(vocabulary, batch))
    timed = take_turns(steps, rounds=rounds)
    return {name: median(each[name] for each in timed) for name in steps}


def learn(text, vocabulary, model, optimizers, batch, steps, seed):
    """Train with the loop's defaults (warm-up over a tenth, then a cosine) and measure.

    Returns:
        held-out bits per byte, and the CPU seconds that it took.
    """
    start = time.process_time()
    train(model, text.sampler(vocabulary, batch), steps=steps, optimizers=optimizers, seed=seed)
    seconds = time.process_time() - start
    return text.bits(model, vocabulary), seconds


def report(name, steps, results):
    bits = " ".join(f"{value:.3f}" for value, _ in results)
    print(f"  {name:44} {steps:5} steps {mean(s for _, s in results):5.0f} s  {bits} bits/byte", flush=True)
    return mean(value for value, _ in results)


def reference(text, cost, budget, seeds, vocabulary, batch, rate):
    """nanoGPT's shape, trained for a budget of seconds: bits per byte."""
    steps, results = max(1, round(budget / cost[vocabulary, batch])), []
    for seed in seeds:
        torch.manual_seed(seed)
        nano = NanoShaped(vocabulary)
        results.append(learn(text, vocabulary, nano, nano_adamw(nano, rate), batch, steps, seed))
    reads = "bytes" if vocabulary == BYTES else f"{vocabulary:,} byte pairs"
    return report(f"nanoGPT's shape, AdamW {rate:g}, batch {batch}, {reads}", steps, results)


def book(text, cost, budget, seeds, name):
    """The book's model, optimizers and loop, with one of its recipes."""
    vocabulary, batch, rates = RECIPES[name]
    steps, results = max(1, round(budget / cost[name])), []
    for seed in seeds:
        torch.manual_seed(seed)
        model = ours(vocabulary)
        optimizers = make_optimizers(model, **rates)
        results.append(learn(text, vocabulary, model, optimizers, batch, steps, seed))
    return report(name, steps, results)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10 seconds, two rates, one batch size")
    parser.add_argument(
        "--budgets", type=float, nargs="+", default=[60, 240], help="seconds of the reference"
    )
    parser.add_argument("--rates", type=float, nargs="+", default=[6e-4, 1e-3, 3e-3, 6e-3])
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    if options.quick:
        options.budgets, options.rates, options.batches = [10], [3e-3, 6e-3], [8]
    return options


def main() -> None:
    options = arguments()
    torch.manual_seed(0)
    print(machine())
    text = Text()
    cost = seconds_per_step(text, options.batches, rounds=5 if options.quick else 15)
    for name, seconds in cost.items():
        name = name if name in RECIPES else "nanoGPT's shape, vocabulary of {}, batch {}".format(*name)
        print(f"a step of {name}: {1000 * seconds:.0f} ms")
    for budget in options.budgets:
        print(f"\nReference: {budget:g} s. Target: the book reaches its loss on bytes in a fifth.")
        tried = {
            (rate, batch): reference(text, cost, budget, options.seeds, BYTES, batch, rate)
            for batch, rate in itertools.product(options.batches, options.rates)
        }
        target, (rate, batch) = min((bits, setting) for setting, bits in tried.items())
        same = reference(text, cost, budget, options.seeds, PAIRS, batch, rate)
        for share, name in itertools.product(SHARES, RECIPES):
            bits = book(text, cost, budget / share, options.seeds, name)
            for what, wanted in (("on bytes", target), ("on pairs, the control", same)):
                verdict = "reached" if bits <= wanted else f"missed by {bits - wanted:.3f}"
                print(f"    in 1/{share} of the time {wanted:.3f} ({what}): {verdict}", flush=True)


if __name__ == "__main__":
    main()
