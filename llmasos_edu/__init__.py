"""The library beside the book: one module per idea, named as the section that teaches it."""

__version__ = "0.1.0"


def load(name: str):
    """Load a model with its tokenizer and its card: `llmasos_edu.load("manual-dense")`, or a folder of yours.

    See `llmasos_edu.pretrained.load`, which is imported when it is first needed.
    """
    from llmasos_edu.pretrained import load as load_pretrained

    return load_pretrained(name)
