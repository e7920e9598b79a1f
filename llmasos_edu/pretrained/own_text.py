"""Train a language model on a text file of your own, measure it honestly, keep it (chapter 5).

The text is cut into passages, some of which are held out; vocabulary and model learn from the others. The
result is a folder that `llmasos_edu.load` reads.
"""

import copy
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from llmasos_edu.corpus import Document, Split, cut_into_passages, read_text_file, split_documents
from llmasos_edu.foundation.arguments import check_count
from llmasos_edu.foundation.characters import shown
from llmasos_edu.foundation.files import is_disk_trouble, write_atomically
from llmasos_edu.layers.moe import MixtureLoss
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.pretrained import Pretrained, load, store, write_card
from llmasos_edu.pretrained.reading import HeldOut, baselines
from llmasos_edu.text.tokenizer import BytePairTokenizer
from llmasos_edu.training.loop import History, TrainingInterrupted, train
from llmasos_edu.training.next_token import TextSampler, bits_per_byte, next_token_loss

MIN_BYTES, MAX_BYTES = 5_000, 10_000_000  # less cannot be split and measured
KIND = "held-out passages"
PLAN, CHECKPOINT = "training.json", "training.safetensors"
READINGS, LEAST_STEPS, MOST_STEPS = 4, 100, 1000  # unless the reader asks for a number of steps
GLANCE = 50_000  # characters of the held-out text on which the learning curve is measured


class OwnText(NamedTuple):
    """A text ready to learn from: split, with the vocabulary of its training side."""

    split: Split
    tokenizer: BytePairTokenizer
    train_tokens: Tensor  # [n]
    sha256: str  # of the file

    def identity(self) -> str:
        """A digest of all that a training sees of it: both sides of the split and the vocabulary."""
        seen = [self.split.train_text, self.split.held_out_text, repr(self.tokenizer.merges)]
        return hashlib.sha256("\0".join(seen).encode()).hexdigest()

    def held_out(self, characters: int | None = None) -> HeldOut:
        """The held-out side, or its first so many characters."""
        text = self.split.held_out_text[:characters]
        return HeldOut(text, torch.tensor(self.tokenizer.encode(text)), len(text.encode()))


class NotStoredError(OSError):
    """The disk took no more, and the model is not where it was wanted.

    `trained` is the model with its tokenizer and its card; `folder` where it lies instead, or None where no
    other disk took it: `store` it while the session lasts.
    """

    def __init__(self, error: OSError, trained: Pretrained, folder: Path | None):
        super().__init__(error.errno, error.strerror, error.filename)
        self.trained, self.folder = trained, folder

    def __str__(self) -> str:
        where = f"is in {shown(self.folder)}" if self.folder else "is in memory alone: no other disk took it"
        return f"{shown(self.filename)} could not be written: {self.strerror}. The trained model {where}"


def read_own_text(path: str | Path, *, vocab_size: int = 1024, seed: int = 0) -> OwnText:
    """Read a text file, hold a tenth of its passages out, learn a vocabulary from the others.

    Args:
        path: a UTF-8 text of 5,000 bytes to 10 MB.
        vocab_size: byte pairs and bytes wanted, 256 or more; there are fewer where the text is short.
        seed: another one holds other passages out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text, too short, too long, or repeats itself so much that it cannot be split.
    """
    name, text = shown(path), read_text_file(path).text
    size = len(text.encode())
    if size < MIN_BYTES:
        raise ValueError(f"{name} is too short: {size} bytes of text, at least {MIN_BYTES:,} are needed")
    if size > MAX_BYTES:
        raise ValueError(f"{name} is too long: {size:,} bytes, at most {MAX_BYTES:,} fit; give a part of it")
    # Names decide what is held out: the same text is split in the same way whatever its file is called.
    passages = cut_into_passages(Document("passage", text), max(500, min(2000, len(text) // 50)))
    try:
        split = split_documents(passages, seed=seed)
    except ValueError as error:
        raise ValueError(f"{name} in passages of a page: {error}") from error
    tokenizer = BytePairTokenizer.train([passage.text for passage in split.train], vocab_size)
    tokens = torch.tensor(tokenizer.encode(split.train_text))
    return OwnText(split, tokenizer, tokens, hashlib.sha256(text.encode()).hexdigest())


def train_on_text(
    path: str | Path,
    folder: str | Path,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    vocab_size: int = 1024,
    d_model: int = 128,
    num_layers: int = 4,
    num_heads: int = 4,
    num_experts: int = 1,
    context: int = 128,
    batch_size: int = 8,
    seed: int = 0,
    progress: bool = True,
) -> Pretrained:
    """Train a model on a text file, say how it goes, and store it with tokenizer and card in a folder.

    A checkpoint lies in the folder. The same call goes on from it, and after the end measures and stores
    the same model again.

    Args:
        path, vocab_size, seed: as in `read_own_text`; `seed` also starts weights and data.
        folder: for the result: made where it is missing, refused where it holds anything else.
        steps: training steps in all; unless given, enough to read the text four times, from 100 to 1,000:
            to four readings a text repeated is worth nearly as much as a new one.
        minutes: instead of `steps`: as many as take about so long on this machine, by a short trial.
        d_model, num_layers, num_heads, num_experts: as in `LanguageModel`; more than one expert are half as
            wide as a single network, and two of them work on each token.
        context, batch_size: tokens in a window, windows in a step.
        progress: show a bar.

    Returns:
        the trained model as `load(folder)` gives it.

    Raises:
        FileNotFoundError, ValueError: as in `read_own_text`; a setting that does not fit; a folder of
            another training, with what differs.
        TrainingError: the loss has run away.
        TrainingInterrupted: Ctrl-C; the folder holds the last whole step.
        NotStoredError: the disk is full; the error holds the model, and says where it lies instead.
        OSError: the folder cannot be written, before anything is trained.

    Source: Muennighoff et al. 2023, "Scaling Data-Constrained Language Models", abstract, for the readings.
    """
    wanted = {name: value for name, value in locals().items() if name not in ("path", "folder", "progress")}
    folder = Path(folder)
    text = read_own_text(path, vocab_size=vocab_size, seed=seed)
    wanted |= {"text": text.sha256, "data": text.identity()}
    plan = _read_plan(folder, wanted)
    print(_description(path, text), flush=True)
    sample = TextSampler(text.train_tokens, context=context, batch_size=batch_size)
    shape = {"d_model": d_model, "num_layers": num_layers, "num_heads": num_heads}
    if num_experts > 1:
        shape |= {"d_ff": 2 * d_model, "num_experts": num_experts, "moe": {"top_k": 2}}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LanguageModel(text.tokenizer.vocab_size, **shape)
    loss = MixtureLoss() if num_experts > 1 else next_token_loss
    if plan is None:
        plan = wanted | {"total": _total_steps(steps, minutes, model, sample, loss)}
        write_atomically(folder / PLAN, (json.dumps(plan, indent=2) + "\n").encode())
    total, glance, whole = plan["total"], text.held_out(GLANCE), text.held_out()

    def evaluate(model, x=glance, stride=context):
        return bits_per_byte(model, x.tokens, context=context, num_bytes=x.num_bytes, stride=stride)

    size = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    print(f"model: {size:.2f} M parameters; {total} steps of {batch_size} x {context} tokens", flush=True)
    try:
        history = train(
            model, sample, steps=total, loss=loss, seed=seed, final_lr_fraction=0.02, evaluate=evaluate,
            stop_when=lambda history: _report(history, total), progress=progress,
            checkpoint=folder / CHECKPOINT, checkpoint_every=100,
        )  # fmt: skip
    except TrainingInterrupted as interrupted:
        if interrupted.unsaved is None:
            raise
        so_far = {"name": shown(folder.resolve().name), "steps": len(interrupted.history.losses)}
        trained = Pretrained(_rounded(model), text.tokenizer, so_far)
        raise NotStoredError(interrupted.unsaved, trained, _store_elsewhere(folder, trained)) from interrupted
    _report(history, total)
    rounded = _rounded(model)
    score = evaluate(rounded, whole, _stride(context))
    others = baselines(text.split, {KIND: whole})
    card = _card(path, folder, text, plan, shape, history, score, others)
    trained = Pretrained(rounded, text.tokenizer, card)
    try:
        _store(folder, trained)
    except OSError as error:
        if not is_disk_trouble(error):
            raise
        raise NotStoredError(error, trained, _store_elsewhere(folder, trained)) from error
    return load(folder)


def _rounded(model: LanguageModel) -> LanguageModel:
    """The model as `store` keeps it: what is measured is what will be loaded."""
    return model.half().float().eval()


def _store(folder: Path, trained: Pretrained) -> None:
    """Write model, tokenizer and card; the model in memory stays as it is."""
    try:
        store(folder, trained.model, trained.tokenizer)
        write_card(folder, trained.card)
    finally:
        trained.model.float()


def _store_elsewhere(folder: Path, trained: Pretrained) -> Path | None:
    """Store in a new folder on whichever other disk takes it; None if none does."""
    for parent in (tempfile.gettempdir(), Path.home(), Path.cwd()):
        try:
            place = Path(tempfile.mkdtemp(prefix=f"{folder.resolve().name}-", dir=parent))
        except OSError:
            continue
        try:
            _store(place, trained)
            return place
        except OSError:
            shutil.rmtree(place, ignore_errors=True)
    return None


def _read_plan(folder: Path, wanted: dict) -> dict | None:
    """What was begun in the folder, None where nothing was; refuse what is not the wanted training."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    path = folder / PLAN
    if not path.is_file():
        raise ValueError(
            f"{shown(folder)} is there already and holds no training ({PLAN}): name another output"
        )
    try:
        plan = json.loads(path.read_bytes())
        check_count("total", plan["total"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{shown(path)} was changed or cut, {error}: delete it, or name another output"
        ) from error
    other = [name for name in wanted if plan.get(name) != wanted[name]]
    if other:
        digests = {"text", "data"}
        words = [
            f"{name}={plan.get(name)} there, {wanted[name]} here" for name in other if name not in digests
        ]
        if "text" in other:
            words.append("the text has changed")
        elif not words:
            words.append("by another version of the book, which split the same text otherwise")
        raise ValueError(f"{shown(folder)} holds another training: {'; '.join(words)}. Name another output")
    return plan


def _stride(context: int) -> int:
    """Tokens between the windows of the final score: each is guessed from three quarters of a context."""
    return max(1, context // 4)


def _total_steps(steps: int | None, minutes: float | None, model, sample, loss) -> int:
    """The steps that were asked for, or as many as take the minutes, by a trial of ten on a copy."""
    if minutes is None:
        if steps is None:
            readings = READINGS * len(sample.tokens) // (sample.context * sample.batch_size)
            return min(max(readings, LEAST_STEPS), MOST_STEPS)
        check_count("steps", steps)
        return steps
    if steps is not None:
        raise ValueError(f"steps={steps} and minutes={minutes} cannot both be kept: give one of them")
    if not 0 < minutes <= 10_000:
        raise ValueError(f"minutes={minutes} must be above 0 and at most 10,000")
    trial = copy.deepcopy(model)
    for count in (2, 10):  # the first steps are slower than all others
        try:
            history = train(trial, sample, steps=count, loss=loss, progress=False)
        except TrainingInterrupted:
            raise KeyboardInterrupt from None  # nothing is begun yet that could go on
    return max(1, round(minutes * 60 * count / history.seconds))


def _description(path, text: OwnText) -> str:
    """What became of the text, in lines to print."""
    split = text.split
    learnt, held = (len(side.encode()) for side in (split.train_text, split.held_out_text))
    lines = [
        f"{shown(path)}: {learnt:,} bytes in {len(split.train)} passages to learn from",
        f"left out: {split.dropped}",
        f"held out: {held:,} bytes in {len(split.held_out)} passages, {split.leak:.1%} of them also read",
        f"vocabulary: {text.tokenizer.vocab_size} tokens, {learnt / len(text.train_tokens):.1f} bytes each",
    ]
    return "\n".join(lines)


def _report(history: History, total: int) -> bool:
    """Print each evaluation once it is there; False, so that the training goes on."""
    done = len(history.losses)
    if history.evaluations and history.evaluations[-1][0] == done:
        recent = history.losses[-20:]
        loss, bits = sum(recent) / len(recent), history.evaluations[-1][1]
        reached = f"loss {loss:.2f} nats per token, held out {bits:.3f} bits per byte"
        tqdm.write(f"step {done} of {total}: {reached}")  # above the bar
        sys.stdout.flush()
    return False


def _card(path, folder, text: OwnText, plan: dict, shape: dict, history: History, score, others) -> dict:
    """Data, recipe, seed and scores, as on the cards of the shipped models."""
    split = text.split
    return {
        "name": shown(folder.resolve().name),
        "data": {
            "text": f"{shown(Path(path).name)}, split by passages",
            "sha256": text.sha256,
            "train_bytes": len(split.train_text.encode()),
            "held_out_bytes": len(split.held_out_text.encode()),
            "dropped_bytes": split.dropped.copies + split.dropped.cut,
            "dropped_share": round(split.dropped.share, 4),
            "held_out_passages": [passage.topic for passage in split.held_out],
            "held_out_start": split.held_out_text[:60],
            "leak": split.leak,
        },
        "settings": {"vocab_size": text.tokenizer.vocab_size} | shape,
        "recipe": {
            "steps": plan["total"],
            "batch": plan["batch_size"],
            "context": plan["context"],
            "stride": _stride(plan["context"]),
            "optimizer": "muon and adamw",
            "torch": torch.__version__,
        },
        "seed": plan["seed"],
        "held_out_bits_per_byte": {KIND: round(score, 4)},
        "baselines_bits_per_byte": {KIND: {name: round(value, 4) for name, value in others[KIND].items()}},
        "learning_curve": [[step, round(value, 4)] for step, value in history.evaluations],
    }
