"""Make the shipped models anew: `make models`, or `python -m llmasos_edu.pretrained [NAME ...]`.

Each model trains in a process of its own on one core. A run that is stopped goes on from its last checkpoint
(in `build/models`) when the command is given again.
"""

import argparse
import platform
import subprocess
import sys
from pathlib import Path

import torch

from llmasos_edu.layers.moe import MixtureLoss
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import FOLDER, store, write_card
from llmasos_edu.pretrained.making import RATES, RECIPE, SEED, train_shipped
from llmasos_edu.pretrained.reading import (
    CODE_BYTES,
    MANUAL_READINGS,
    baselines,
    held_out_texts,
    reading_split,
    train_tokenizer,
    training_tokens,
)
from llmasos_edu.training.next_token import TextSampler, bits_per_byte, next_token_loss

WORK = Path("build/models")
CONTEXT, BATCH, STEPS = 256, 8, 4000
STRIDE = 64  # of the final scores: every token is guessed from at least 192 before it
VOCAB = 2048
SHAPE = {"d_model": 128, "num_layers": 4, "num_heads": 4}
# Both use the same number of weights for a token: two experts of width 256 do the work of one of width 512.
MODELS = {
    "manual-dense": SHAPE | {"d_ff": 512},
    "manual-moe": SHAPE | {"d_ff": 256, "num_experts": 8, "moe": {"top_k": 2}},
}
# Made by a program of their own, since what they read stands on a higher floor of the house.
ELSEWHERE = {"dialogue": "llmasos_edu.dialogue"}
BALANCE = 0.01


def make(name: str, steps: int) -> None:
    """Train one model, store it with its tokenizer and card."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    split = reading_split()
    print(f"{name}: left out: {split.dropped}", flush=True)
    tokenizer = train_tokenizer(split, VOCAB)
    held_out = held_out_texts(split, tokenizer)
    model = LanguageModel(tokenizer.vocab_size, **MODELS[name])

    def bits(model, kind, stride=CONTEXT):
        text = held_out[kind]
        return bits_per_byte(model, text.tokens, context=CONTEXT, num_bytes=text.num_bytes, stride=stride)

    history = train_shipped(
        name,
        model,
        TextSampler(training_tokens(split, tokenizer), context=CONTEXT, batch_size=BATCH),
        steps=steps,
        work=WORK,
        loss=MixtureLoss(BALANCE) if model.settings["num_experts"] > 1 else next_token_loss,
        evaluate=lambda model: bits(model, "manual"),
    )
    folder = FOLDER / name
    rounded = store(folder, model, tokenizer)
    scores = {kind: bits(rounded, kind, STRIDE) for kind in held_out}
    write_card(folder, _card(name, split, steps, history, scores, baselines(split, held_out)))
    print(f"{name}: done, held-out bits per byte {', '.join(f'{k} {v:.3f}' for k, v in scores.items())}")


def _card(name, split, steps, history, scores, others):
    """Data, recipe, seed and scores of a model."""
    recipe = {"steps": steps, "batch": BATCH, "context": CONTEXT, "stride": STRIDE} | RECIPE
    return {
        "name": name,
        "data": {
            "text": f"Python's manual, read {MANUAL_READINGS} times, and {CODE_BYTES} bytes of its library",
            "python": platform.python_version(),
            "train_bytes": len(split.train_text.encode()),
            "held_out_bytes": len(split.held_out_text.encode()),
            "held_out_topics": [document.topic for document in split.held_out],
            "leak": split.leak,
        },
        "settings": {"vocab_size": VOCAB} | MODELS[name],
        "recipe": recipe | RATES | {"balance": BALANCE if "moe" in name else 0.0, "torch": torch.__version__},
        "seed": SEED,
        "held_out_bits_per_byte": {kind: round(value, 4) for kind, value in scores.items()},
        "baselines_bits_per_byte": {
            kind: {name: round(value, 4) for name, value in rows.items()} for kind, rows in others.items()
        },
        "learning_curve": [[step, round(value, 4)] for step, value in history.evaluations],
    }


def command(name: str, steps: int | None) -> list[str]:
    """The command that makes one model, in a process of its own."""
    asked = [] if steps is None else ["--steps", str(steps)]
    if name in ELSEWHERE:
        return [sys.executable, "-m", ELSEWHERE[name], *asked]
    return [sys.executable, "-m", "llmasos_edu.pretrained", name, *asked]


def main() -> None:
    known = [*MODELS, *ELSEWHERE]
    parser = argparse.ArgumentParser(prog="python -m llmasos_edu.pretrained", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"models to make: {', '.join(known)}; all unless given")
    parser.add_argument("--steps", type=int, help="training steps (default: those of each recipe)")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        parser.error(f"there is no recipe for {', '.join(unknown)}; there are {', '.join(known)}")
    names = arguments.names or known
    if len(names) == 1 and names[0] in MODELS:
        make(names[0], arguments.steps or STEPS)
        return
    runs = [subprocess.Popen(command(name, arguments.steps)) for name in names]
    try:
        sys.exit(max(run.wait() for run in runs))
    except KeyboardInterrupt:
        for run in runs:
            run.wait()  # each saves its last whole step
        sys.exit("interrupted: say the same command again, it goes on from the last step")


if __name__ == "__main__":
    main()
