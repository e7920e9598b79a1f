"""How a model that the book ships is trained: one recipe for all, which goes on where it was stopped."""

import sys
import time
from pathlib import Path

from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.training.loop import History, TrainingInterrupted, train
from llmasos_edu.training.optimizers import make_optimizers

SEED = 0
RATES = {"matrix_lr": 0.02, "other_lr": 0.01, "weight_decay": 0.1}
RECIPE = {"optimizer": "muon and adamw", "warmup": 100}  # what else a card says of it


def train_shipped(name: str, model: LanguageModel, batches, *, steps: int, work: Path, **options) -> History:
    """Train a model by the book's recipe, and say every 100 steps how far it is.

    Args:
        name: of the model, and of its checkpoint in `work`.
        model: with its first weights; is changed.
        batches: what draws a batch, as for `train`.
        steps: of the whole training; those of a checkpoint are not made again.
        work: folder of the checkpoints.
        options: more of `train`, such as `loss` and `evaluate`.

    Raises:
        SystemExit: the training was interrupted; in words, how it goes on.
    """
    started = time.process_time()

    def report(step, model):
        if step % 100 == 0:
            minutes = (time.process_time() - started) / 60
            spent = f"{minutes:.1f} minutes of CPU time in this run"
            print(f"{name}: {step} of {steps} steps, {spent}", flush=True)

    try:
        return train(
            model,
            batches,
            steps=steps,
            optimizers=make_optimizers(model, **RATES),
            seed=SEED,
            final_lr_fraction=0.02,
            on_step=report,
            progress=False,
            checkpoint=work / f"{name}.safetensors",
            checkpoint_every=200,
            **options,
        )
    except TrainingInterrupted:
        sys.exit(f"{name} was interrupted: say the same command again, it goes on from its last step")
