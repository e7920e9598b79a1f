"""Real English prose without a download: the language reference that every CPython carries for `help()`."""

from llmasos_edu.corpus.document import Document


def manual() -> list[Document]:
    """Read the Python language reference, one document per topic of `help()`, about half a megabyte.

    The text is that of the running Python: versions differ by some percent, so figures measured on it do too.
    Whole passages stand in several topics ('customization' is part of 'specialnames'): before measuring
    anything on held-out topics, split with `split_documents`.

    Returns:
        documents in the order of their topics' names, without outer blank space, none empty.

    Raises:
        ModuleNotFoundError: this Python came without `pydoc_data`.

    Source: The Python Language Reference (docs.python.org/reference), as shipped in `pydoc_data.topics`.
    """
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise ModuleNotFoundError(
            "this Python came without the language reference (module pydoc_data.topics): some systems put it"
            " in a package of its own. Install that package (its name holds 'pydoc'), or use the Python from"
            " python.org or conda, or give a text of your own: read_text_file('my_text.txt')"
        ) from error
    stripped = ((topic, text.strip()) for topic, text in sorted(topics.items()))
    return [Document(topic, text) for topic, text in stripped if text]
