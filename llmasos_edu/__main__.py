"""The book's models without a notebook: let one write, train one on your own text, list those that are here.

    python -m llmasos_edu generate "The for statement"
    python -m llmasos_edu train my_novel.txt
    python -m llmasos_edu generate "Once upon a time" --model my_novel-model
    python -m llmasos_edu models
    python -m llmasos_edu serve --demo
    python -m llmasos_edu chat

Each command explains its options with `--help`. Exit codes: 0 done, 1 it went wrong on the way,
2 the command asks for what cannot be, 130 stopped by Ctrl-C, 141 the reader of a pipe has gone.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

from llmasos_edu.dialogue import command as talking
from llmasos_edu.foundation.characters import decode_whole, shown
from llmasos_edu.foundation.files import is_disk_trouble
from llmasos_edu.serving import command

GENERATE = """\
Print a prompt and what a model writes after it, token by token. Ctrl-C ends it where it stands.

A model gives every token of its vocabulary a probability, and one is drawn. The options say how: a low
temperature makes the likely likelier; top-k, top-p and min-p rule the unlikely out. Chapter 5 explains them.
"""
GENERATE_EXAMPLES = """\
examples:
  python -m llmasos_edu generate "The for statement"
  python -m llmasos_edu generate "class Stack:" --model manual-moe --temperature 0 --tokens 200
  python -m llmasos_edu generate "Once" --model my_novel-model --top-p 0.9 --repetition-penalty 1.2 --seed 7
  head -c 500 my_novel.txt | python -m llmasos_edu generate - --model my_novel-model
"""
TRAIN = """\
Train a small language model on a text file of your own, then measure it and let it write.

A tenth of the text is held out, in whole passages, and no 50 bytes of it stay in the part that is read. The
score is bits per byte of what was held out: how much the model needs to be told to know each byte; lower is
better. Beside it stand what compressors need (gzip, bz2, xz), and what a Kneser-Ney model does that counts
runs of six bytes. All have read the same text before.

Ctrl-C keeps all whole steps; the same command goes on from there.
"""
TRAIN_EXAMPLES = """\
examples:
  python -m llmasos_edu train my_novel.txt
  python -m llmasos_edu train my_novel.txt --minutes 10 --output novelist
  python -m llmasos_edu train my_novel.txt --experts 8 --d-model 64 --steps 500 --output experts
"""


def generate(asked) -> int:
    """Write the prompt and its continuation to standard output, whole characters as they come."""
    import torch

    from llmasos_edu.pretrained import load

    model, tokenizer, _ = load(asked.model)
    prompt = read_prompt(asked.prompt)
    if not prompt:
        raise ValueError("the prompt is empty: give the model some words to go on from")
    tokens = model.stream(
        torch.tensor([tokenizer.encode(prompt)]),
        asked.tokens,
        temperature=asked.temperature,
        top_k=asked.top_k,
        top_p=asked.top_p,
        min_p=asked.min_p,
        repetition_penalty=asked.repetition_penalty,
        generator=None if asked.seed is None else torch.Generator().manual_seed(asked.seed),
    )
    try:
        print(prompt, end="", flush=True)
        for text in tokenizer.decode_stream(token.item() for token in tokens):
            print(text, end="", flush=True)
    finally:
        print(flush=True)
    return 0


def read_prompt(given: str) -> str:
    """The prompt as it was given, or for `-` that of standard input, without the line end that closes it.

    A last character that was cut (`head -c` counts bytes) is left out, which standard error tells.
    """
    data = sys.stdin.buffer.read() if given == "-" else os.fsencode(given)
    try:
        prompt, cut = decode_whole(data)
    except UnicodeDecodeError as error:
        where = f"byte {error.start} is 0x{data[error.start]:02x}"
        raise ValueError(f"the prompt is not UTF-8 text: {where}") from error
    if cut:
        print(f"the last character of the prompt is cut: its {cut} bytes are left out", file=sys.stderr)
    return prompt.removesuffix("\n") if given == "-" else prompt


def train(asked) -> int:
    """Train on the reader's file, then print scores and a sample."""
    import torch

    from llmasos_edu.pretrained.own_text import train_on_text
    from llmasos_edu.training.loop import TrainingInterrupted

    folder = asked.output or Path(f"{asked.file.stem}-model")
    try:
        done = train_on_text(
            asked.file,
            folder,
            steps=asked.steps,
            minutes=asked.minutes,
            vocab_size=asked.vocab_size,
            d_model=asked.d_model,
            num_layers=asked.layers,
            num_heads=asked.heads,
            num_experts=asked.experts,
            context=asked.context,
            batch_size=asked.batch,
            seed=asked.seed,
            progress=sys.stdout.isatty(),
        )
    except TrainingInterrupted as interrupted:
        print(interrupted)
        print("The same command goes on from there.")
        return 130
    print("\nbits per byte of what was held out (lower is better):")
    print_scores(done.card)
    curve = [bits for _, bits in done.card["learning_curve"]]
    if min(curve) < 0.99 * curve[-1]:
        step = done.card["learning_curve"][curve.index(min(curve))][0]
        print(f"It was best after {step} steps and learns by heart since: give it more text, or fewer steps.")
    prompt = done.tokenizer.encode(done.card["data"]["held_out_start"])
    generator = torch.Generator().manual_seed(asked.seed)
    (sample,) = done.model.generate([prompt], 80, temperature=0.8, generator=generator)
    print(f"\na sample, from the first words that were held out:\n\n{done.tokenizer.decode(sample)}\n")
    where = shown(folder)
    print(f'saved in {where}; let it write: python -m llmasos_edu generate "..." --model {where}')
    return 0


def models(asked) -> int:
    """List the shipped models with what their cards say."""
    from llmasos_edu.pretrained import FOLDER, available, read_card

    if not available():
        print("This copy of the book carries no model: make models makes them.")
    for name in available():
        card = read_card(FOLDER / name)
        size = sum(path.stat().st_size for path in (FOLDER / name).iterdir()) / 1e6
        print(f"{name}, {size:.1f} MB\n  has read: {card['data']['text']}")
        print_scores(card)
    return 0


def print_scores(card: dict) -> None:
    """What a model scores on each kind of held-out text, beside what counts and compressors do."""
    if turns := card.get("held_out_exact_turns"):
        print(
            f"    exact turns of conversations that it has not read: {turns['all']:.1%} of {turns['turns']}"
        )
    for kind, bits in card.get("held_out_bits_per_byte", {}).items():
        rows = {card["name"]: bits} | card.get("baselines_bits_per_byte", {}).get(kind, {})
        for name, value in sorted(rows.items(), key=lambda row: row[1]):
            print(f"    {kind:<18} {name:<24}{value:6.3f}")


def whole(least: int, most: int):
    """A reader of whole numbers within bounds, for argparse."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most:,}")
        return number

    return read


def add_parser(commands, name, run, line, description="", examples=""):
    parser = commands.add_parser(
        name,
        help=line,
        description=description or line,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m llmasos_edu",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    write = add_parser(
        commands, "generate", generate, "let a model continue a text", GENERATE, GENERATE_EXAMPLES
    )
    write.add_argument("prompt", help="the text to go on from; - reads it from standard input")
    option = write.add_argument
    source = "a name that `models` lists, a folder that `train` made, or a file of save_model"
    option("--model", default="manual-dense", help=f"{source} (default: %(default)s)")
    option("--tokens", type=whole(0, 100_000), default=100, help="how many to write (default: %(default)s)")
    option("--temperature", type=float, default=0.8, help="0: always the likeliest (default: %(default)s)")
    option("--top-k", type=int, help="choose among the K likeliest tokens")
    option("--top-p", type=float, help="choose among the likeliest that have this probability together")
    option("--min-p", type=float, help="rule out what is less likely than this share of the likeliest")
    option("--repetition-penalty", type=float, help="above 1, what was said becomes less likely")
    option("--seed", type=whole(0, 2**62), help="the same seed writes the same text")

    learn = add_parser(commands, "train", train, "train a model on your own text file", TRAIN, TRAIN_EXAMPLES)
    learn.add_argument("file", type=Path, help="a text in UTF-8, from 5,000 bytes to 10 MB")
    option = learn.add_argument
    option("--output", type=Path, help="folder of the result (default: FILE's name and -model)")
    length = learn.add_mutually_exclusive_group()
    length.add_argument(
        "--steps",
        type=whole(1, 10**9),
        help="training steps (default: enough to read it four times, 100 to 1000)",
    )
    length.add_argument("--minutes", type=float, help="instead: as many steps as take about so long here")
    for name, most, default, words in (
        ("--vocab-size", 65_536, 1024, "tokens of the vocabulary, 256 or more"),
        ("--d-model", 4096, 128, "width of the vector of a token"),
        ("--layers", 100, 4, "blocks, one on the other"),
        ("--heads", 1024, 4, "attention heads in a block"),
        ("--experts", 1024, 1, "networks in a block, of which two work on a token; 1: a single one"),
        ("--context", 65_536, 128, "tokens that the model sees at a time"),
        ("--batch", 4096, 8, "windows of the text in a step"),
    ):
        option(name, type=whole(1, most), default=default, help=f"{words} (default: %(default)s)")
    option("--seed", type=whole(0, 2**62), default=0, help="another one splits and starts differently")

    line = "put a model behind HTTP, with a control room to watch it"
    offer = add_parser(commands, "serve", command.serve, line, command.SERVE, command.SERVE_EXAMPLES)
    command.add_options(offer, whole)

    line = "talk to the dialogue model, whose tools are real; or to another engine"
    talk = add_parser(commands, "chat", talking.chat, line, talking.CHAT, talking.CHAT_EXAMPLES)
    talking.add_options(talk, whole)

    add_parser(commands, "models", models, "list the models that the book ships, with their scores")
    return parser.parse_args(arguments)


def main(arguments=None) -> int:
    asked = parse(arguments)
    sys.stdout.reconfigure(errors="replace")  # a terminal without a character shows ?
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("always", category=UserWarning, module=r"llmasos_edu\.")
            warnings.showwarning = lambda message, *_, **__: print(message, file=sys.stderr, flush=True)
            code = asked.run(asked)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python flushes it again at exit
        return 141
    except OSError as error:
        print(shown(error), file=sys.stderr)
        return 1 if is_disk_trouble(error) else 2
    except ValueError as error:
        print(shown(error), file=sys.stderr)
        return 2
    except RuntimeError as error:  # the loss ran away
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
