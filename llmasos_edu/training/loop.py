"""Training: draw a batch, measure the loss, follow its gradient; and everything that keeps a run repeatable.

The article's section 3 and every experiment of the book stand on `train`.
"""

import math
import os
import sys
import time
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.characters import shown
from llmasos_edu.foundation.files import is_disk_trouble
from llmasos_edu.foundation.modes import modes_kept
from llmasos_edu.training.checkpoint import (
    cuda_devices,
    load_checkpoint,
    random_states,
    save_checkpoint,
    set_random_states,
)
from llmasos_edu.training.interrupts import Interrupts
from llmasos_edu.training.next_token import TextSampler, bits_per_byte, next_token_loss
from llmasos_edu.training.optimizers import cosine_schedule, make_optimizers

__all__ = [
    "History",
    "TextSampler",
    "TrainingError",
    "TrainingInterrupted",
    "bits_per_byte",
    "cosine_schedule",
    "make_optimizers",
    "next_token_loss",
    "train",
]


class TrainingError(RuntimeError):
    """Training cannot go on; the message says at which step and why, `history` holds what was reached."""

    def __init__(self, message, history=None):
        super().__init__(message)
        self.history = history


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C or the stop button; the model keeps all whole steps, `history` holds what was measured.

    `unsaved` is the error where a checkpoint was wanted and the disk did not take it.

    A KeyboardInterrupt, so that it ends what comes after the training too: in a notebook the rest of Run All,
    whose cells would otherwise go on with a model of a few steps.
    """

    def __init__(self, message, history, unsaved=None):
        super().__init__(message)
        self.history, self.unsaved = history, unsaved


@dataclass(repr=False)
class History:
    """What a training run measured.

    Fields:
        losses: training loss of each finished step, in the loss's unit (nats per token by default).
        evaluations: pairs (finished steps, value of `evaluate`).
        learning_rates: that of the first parameter group at each finished step.
        seconds: wall time, over all resumed runs; not compared by ==.
        stopped: "finished", "early stop" or "interrupted"; None while it runs.
    """

    losses: list[float] = field(default_factory=list)
    evaluations: list[tuple[int, float]] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    seconds: float = field(default=0.0, compare=False)
    stopped: str | None = None

    def __repr__(self):
        # no losses here: they differ in late digits between machines, and this text lands in stored outputs
        counts = f"steps={len(self.losses)}, evaluations={len(self.evaluations)}"
        return f"History({counts}, stopped={self.stopped!r})"


# ---- the loop ----


def train(
    model,
    sample,
    *,
    steps,
    loss=next_token_loss,
    optimizers=None,
    seed=0,
    clip=1.0,
    warmup=None,
    final_lr_fraction=0.1,
    evaluate=None,
    evaluate_every=None,
    patience=None,
    stop_when=None,
    on_step=None,
    progress=True,
    checkpoint=None,
    checkpoint_every=None,
    resume=True,
):
    """Train a model in place and say how it went.

    The same arguments give the same weights bit for bit at one number of threads, whether the run was killed
    and resumed in between or not. Interrupting (the stop button, Ctrl-C) keeps all whole steps and ends what
    called the training as well. The caller's random stream, the model's training modes and the optimizers'
    peak rates are left as they were.

    Args:
        model: any nn.Module that `loss` understands.
        sample: sample(generator) -> batch; draws from the generator only, whose state is the data order.
            Where it has an `identity()`, as `TextSampler` has, a checkpoint of other data is refused.
        steps: optimiser steps in all, those of a resumed checkpoint included.
        loss: loss(model, batch) -> scalar tensor.
        optimizers: a torch optimizer or a list of them at their peak rates; default make_optimizers(model).
        seed: seeds the data and torch's random numbers (dropout).
        clip: largest norm of the whole gradient; None leaves it as it is.
        warmup: steps of linear warm-up; by default a tenth of `steps`, at most 100.
        final_lr_fraction: share of the peak rate that is left at the last step.
        evaluate: evaluate(model) -> float, lower is better; called in evaluation mode without gradient, every
            `evaluate_every` steps (by default ten times in all) and after the last.
        patience: stop early when so many evaluations in a row are no better than the best one.
        stop_when: stop_when(history) -> bool; stop early once it is true.
        on_step: on_step(finished steps, model), for recordings.
        progress: show a bar while it runs; the environment's LLMASOS_PROGRESS=0 switches all bars off.
        checkpoint: path of a file to resume from where it exists (and `resume`), written every
            `checkpoint_every` steps, at the end, and on an interrupt. Where the disk is full a warning names
            the file, and training goes on.

    Returns:
        History.

    Raises:
        TrainingError: loss or gradient is not finite; the model keeps the weights of the last whole step.
        TrainingInterrupted: the run was interrupted, see there.
        CheckpointError: the checkpoint cannot be used.
    """
    optimizers = make_optimizers(model) if optimizers is None else optimizers
    optimizers = [optimizers] if isinstance(optimizers, torch.optim.Optimizer) else list(optimizers)
    counts = {"steps": steps, "evaluate_every": evaluate_every, "patience": patience}
    _check_arguments(counts | {"checkpoint_every": checkpoint_every}, evaluate, checkpoint, optimizers)
    warmup = min(100, steps // 10) if warmup is None else warmup
    evaluate_every = evaluate_every or max(1, steps // 10)
    recipe = {"steps": steps, "seed": seed, "clip": clip, "warmup": warmup, "final": final_lr_fraction}
    recipe["rates"] = [[group["lr"], group.get("weight_decay", 0.0)] for group in _groups(optimizers)]
    if checkpoint is not None and hasattr(sample, "identity"):
        recipe["data"] = sample.identity()
    with Interrupts() as interrupts, _as_found(model, optimizers), _bar(steps, progress) as bar:
        run = _Run(model, optimizers, recipe, interrupts, checkpoint)
        if checkpoint is not None and resume and Path(checkpoint).exists():
            run.resume()
        history = run.history
        try:
            while history.stopped is None:
                done = len(history.losses)
                bar.update(done - bar.n)
                if evaluate and done and (done % evaluate_every == 0 or done == steps):
                    run.evaluate(evaluate)
                if done == steps:
                    history.stopped = "finished"
                elif done and run.is_enough(patience, stop_when):
                    history.stopped = "early stop"
                if history.stopped or (checkpoint_every and done % checkpoint_every == 0):
                    run.save()
                if history.stopped is None:
                    run.step(sample, loss)
                    bar.set_postfix_str(f"loss {run.smooth_loss:.3f}", refresh=False)
                    run.record(on_step)
        except BaseException as error:
            interrupts.hold()  # one is enough: the next one must not tear what follows
            run.rewind()
            if not isinstance(error, KeyboardInterrupt):
                raise
            run.save()
        run.finish()
    if history.stopped == "interrupted":
        done = f"after {len(history.losses)} of {steps} steps"
        raise TrainingInterrupted(
            f"Interrupted {done}: the model keeps what they taught it.", history, run.unsaved
        )
    return history


class _Run:
    """A training in progress: all that changes from step to step, always at a whole number of steps."""

    def __init__(self, model, optimizers, recipe, interrupts, checkpoint):
        self.model, self.optimizers, self.recipe = model, optimizers, recipe
        self.interrupts, self.checkpoint = interrupts, checkpoint
        self.history, self.smooth_loss, self.saved_at, self.unsaved = History(), None, 0, None
        self.parameters = [p for group in _groups(optimizers) for p in group["params"]]
        own = {name for name, _ in model.named_parameters(remove_duplicate=False)}
        self.buffer_names = model.state_dict().keys() - own
        torch.manual_seed(recipe["seed"] + 1)  # not the data's seed: the two streams must not be one
        self.generator = torch.Generator().manual_seed(recipe["seed"])
        self.started = time.perf_counter()
        self.mark()

    def mark(self):
        """Remember what a step that is begun and not finished would have changed."""
        buffers = {name: b.clone() for name, b in self.model.named_buffers() if name in self.buffer_names}
        self.whole = random_states(self.model, self.generator), buffers

    def rewind(self):
        """Undo the begun step; weights and optimisers need nothing, they move only once it is whole."""
        states, buffers = self.whole
        set_random_states(self.model, self.generator, states)
        for name, buffer in self.model.named_buffers():
            if name in buffers:
                buffer.copy_(buffers[name])

    def step(self, sample, loss):
        done, recipe = len(self.history.losses), self.recipe
        with self.interrupts.allowed():
            self.model.train()
            for owner in (self.model, *self.optimizers):
                owner.zero_grad(set_to_none=True)
            value = loss(self.model, _on_device(sample(self.generator), self.parameters[0].device))
            self._check_loss(value)
            value.backward()
            self._check_gradient(recipe["clip"])
        share = cosine_schedule(done, recipe["steps"], recipe["warmup"], recipe["final"])
        groups = _groups(self.optimizers)
        for group, (peak, _) in zip(groups, recipe["rates"], strict=True):
            group["lr"] = share * peak
        for optimizer in self.optimizers:
            optimizer.step()
        last = value.item()
        self.history.losses.append(last)
        self.history.learning_rates.append(groups[0]["lr"])
        self.smooth_loss = last if self.smooth_loss is None else 0.95 * self.smooth_loss + 0.05 * last
        self.mark()

    def _check_loss(self, value):
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            found = list(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            raise ValueError(f"loss must return a tensor with one number, it returned {found}")
        if not math.isfinite(value.item()):
            self._give_up(f"the loss is {value.item()}")
        if not value.requires_grad:
            raise ValueError("the loss does not depend on any trainable parameter of the model")

    def _check_gradient(self, clip):
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if not math.isfinite(norm.item()):
            self._give_up(f"the norm of the gradient is {norm.item()}")
        if clip is not None:
            nn.utils.clip_grads_with_norm_(self.parameters, clip, norm)

    def _give_up(self, reason):
        done = len(self.history.losses)
        last = f", the loss before was {self.history.losses[-1]:.4g}" if done else ""
        advice = "the model keeps the weights from before. Try a lower learning rate, or look at the batch"
        raise TrainingError(f"in step {done + 1} {reason}{last}; {advice}", self.history)

    def evaluate(self, evaluate):
        done = len(self.history.losses)
        if self.history.evaluations and self.history.evaluations[-1][0] == done:
            return  # done before the interrupt that this run resumes from
        with self.interrupts.allowed(), _aside(self.model), torch.no_grad():
            self.model.eval()
            value = float(evaluate(self.model))
        self.history.evaluations.append((done, value))

    def record(self, on_step):
        if on_step:
            with self.interrupts.allowed(), _aside(self.model):
                on_step(len(self.history.losses), self.model)

    def is_enough(self, patience, stop_when):
        values = [math.inf if math.isnan(value) else value for _, value in self.history.evaluations]
        if patience and values and len(values) - 1 - values.index(min(values)) >= patience:
            return True
        with self.interrupts.allowed():
            return bool(stop_when and stop_when(self.history))

    def save(self):
        done = len(self.history.losses)
        if self.checkpoint is None or done == self.saved_at:
            return
        seconds = self.history.seconds + time.perf_counter() - self.started
        past = asdict(self.history) | {"stopped": None, "seconds": seconds}
        where = {"step": done, "generator": self.generator, "history": past, "recipe": self.recipe}
        try:
            save_checkpoint(self.checkpoint, self.model, self.optimizers, **where)
        except OSError as error:
            if not is_disk_trouble(error):
                raise
            what = f"{shown(self.checkpoint)} could not be written after step {done}: {error.strerror}"
            warnings.warn(f"{what}. The training goes on without it", stacklevel=3)
            self.unsaved = error
            return
        self.saved_at, self.unsaved = done, None

    def resume(self):
        found = load_checkpoint(
            self.checkpoint, self.model, self.optimizers, generator=self.generator, recipe=self.recipe
        )
        past = found.history | {"evaluations": [tuple(pair) for pair in found.history["evaluations"]]}
        self.history, self.saved_at = History(**past), found.step
        self.mark()

    def finish(self):
        if self.history.stopped is None or self.interrupts.pending:
            self.history.stopped = "interrupted"
        self.history.seconds += time.perf_counter() - self.started


@contextmanager
def _aside(model):
    """Let other code use the model and torch's random numbers without a trace in the run."""
    with torch.random.fork_rng(devices=cuda_devices(model)), modes_kept(model):
        yield


@contextmanager
def _as_found(model, optimizers):
    """Give the caller back the random stream, the training modes and the peak learning rates."""
    peaks = [group["lr"] for group in _groups(optimizers)]
    with _aside(model):
        try:
            yield
        finally:
            for owner in (model, *optimizers):
                owner.zero_grad(set_to_none=True)
            for group, peak in zip(_groups(optimizers), peaks, strict=True):
                group["lr"] = peak


def _groups(optimizers):
    # asked for anew each time: an optimizer that loads a state makes new groups
    return [group for one in optimizers for group in one.param_groups]


def _bar(steps, progress):
    hidden = not progress or os.environ.get("LLMASOS_PROGRESS") == "0"
    return tqdm(total=steps, desc="training", unit="step", file=sys.stdout, leave=False, disable=hidden)


def _on_device(batch, device):
    if device.type == "cpu":
        return batch
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    return type(batch)(part.to(device) for part in batch) if type(batch) in (tuple, list) else batch


# ---- at the door ----


def _check_arguments(counts, evaluate, checkpoint, optimizers):
    for name, value in counts.items():
        if value is not None or name == "steps":
            check_count(name, value)
    for name in ("patience", "evaluate_every"):
        if counts[name] is not None and evaluate is None:
            raise ValueError(f"{name}={counts[name]} needs a function `evaluate` to go by")
    if counts["checkpoint_every"] is not None and checkpoint is None:
        raise ValueError(
            f"checkpoint_every={counts['checkpoint_every']} needs a path `checkpoint` to write to"
        )
    if not optimizers:
        raise ValueError("optimizers is an empty list: nothing would move")
