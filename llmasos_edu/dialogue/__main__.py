"""Make the shipped dialogue model anew: `make models ARGS=dialogue`, or `python -m llmasos_edu.dialogue`.

A run that is stopped goes on from its last checkpoint (in `build/models`) when the command is given again.
"""

import argparse
import tempfile
from pathlib import Path

import torch

from llmasos_edu.dialogue.assistant import Assistant
from llmasos_edu.dialogue.desk import Desk
from llmasos_edu.dialogue.learning import DialogueSampler
from llmasos_edu.dialogue.template import tokenizer
from llmasos_edu.dialogue.trial import held_out_dialogue, hold, share
from llmasos_edu.kernel.torch_driver import TorchDriver
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import FOLDER, store, write_card
from llmasos_edu.pretrained.making import RATES, RECIPE, SEED, train_shipped
from llmasos_edu.training.loop import History

NAME, WORK = "dialogue", Path("build/models")
CONTEXT, BATCH, STEPS = 256, 8, 3000
SHAPE = {"d_model": 128, "num_layers": 4, "num_heads": 4}
TRIALS = 200  # held-out conversations of the card


def make(steps: int, folder: Path) -> None:
    """Train the model, store it with its tokenizer and card."""
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    model = LanguageModel(tokenizer().vocab_size, **SHAPE)
    history = train_shipped(
        NAME, model, DialogueSampler(context=CONTEXT, batch_size=BATCH), steps=steps, work=WORK
    )
    rounded = store(folder, model, tokenizer())
    scores = exact_turns(rounded.eval())
    write_card(folder, _card(steps, history, scores))
    print(f"{NAME}: done, exact turns of held-out conversations: {scores['all']:.3f} of {scores['turns']}")


def exact_turns(model: LanguageModel) -> dict[str, float | int]:
    """The share of exact turns in held-out conversations, of all and by language, and how many there were."""
    with tempfile.TemporaryDirectory() as folder:
        assistant = Assistant(TorchDriver(model), Desk(folder), slots=32)
        wanted = assistant.window - assistant.reply
        dialogues = {f"user {seed}": held_out_dialogue(seed, wanted) for seed in range(TRIALS)}
        judged = hold(assistant, dialogues)
    groups = {"all": judged} | {
        language: [each for each in judged if each.turn.language == language] for language in ("en", "zh")
    }
    return {name: round(share(group), 4) for name, group in groups.items()} | {"turns": len(judged)}


def _card(steps: int, history: History, scores: dict[str, float]) -> dict:
    """Data, recipe, seed and scores."""
    recipe = {"steps": steps, "batch": BATCH, "context": CONTEXT} | RECIPE
    pieces = [history.losses[at : at + 300] for at in range(0, steps, 300)]
    return {
        "name": NAME,
        "data": {
            "text": "conversations of the book's grammar, each drawn once, English and Chinese",
            "held_out": "a fifth of all names, order numbers, sums and appointments; a form of each sentence",
        },
        "settings": {"vocab_size": tokenizer().vocab_size} | SHAPE,
        "recipe": recipe | RATES | {"torch": torch.__version__},
        "seed": SEED,
        "held_out_exact_turns": scores,
        "loss_curve": [
            [min(steps, 300 * number), round(sum(piece) / len(piece), 4)]
            for number, piece in enumerate(pieces, 1)
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m llmasos_edu.dialogue", description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps (default: %(default)s)")
    make(parser.parse_args().steps, FOLDER / NAME)


if __name__ == "__main__":
    main()
