"""Run a notebook and store it so that two runs write the same bytes.

What is stored is what nbval compares on other machines, and what a reader sees before running anything:
outputs without times, random ids, terminal tricks or the version of the drawing library.
"""

import base64
import contextlib
import io
import os
import struct
import tempfile
import zlib
from pathlib import Path

import nbformat

from llmasos_edu.book.alt_texts import MODULE as DESCRIBES_PICTURES
from llmasos_edu.book.alt_texts import PNG, write_alt_text
from llmasos_edu.book.folding import fold_what_only_draws

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CELL_METADATA = ("jupyter", "mystnb", "tags")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
KEEP_PICTURE = "keep-picture"
WAYS_ON = "ways-on"
PNG_COLOURS = {"L": 0, "RGB": 2, "RGBA": 6}  # how a PNG calls them
PNG_START = b"\x89PNG\r\n\x1a\n"


class CellFailed(Exception):
    """A cell raised an error; the message names notebook, cell and error."""


def execute(notebook, folder, *, timeout=600, store_widget_state=False, progress=None):
    """Run all cells in a fresh kernel of this environment; outputs are put into `notebook`.

    Args:
        notebook: a notebook as `nbformat.read` gives it.
        folder: where the kernel runs.
        timeout: seconds that one cell may take.
        store_widget_state: keep the widgets' state in the notebook's metadata, for a static page.
        progress: progress(cell, cells), numbers from 1, is called before each code cell.

    Raises:
        CellFailed: a cell raised an error, ran too long, or took the kernel down with it.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name=KERNEL["name"],
        extra_arguments=["--log-level=ERROR", f"--ext={DESCRIBES_PICTURES}"],
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=store_widget_state,
        record_timing=False,
    )
    running = {"cell": None}

    code = [cell.id for cell in notebook.cells if cell.cell_type == "code"]

    def remember(cell, **_):
        running["cell"] = cell
        if progress:
            progress(code.index(cell.id) + 1, len(code))

    client.on_cell_execute = remember
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "LLMASOS_PROGRESS": "0"}
    try:
        client.execute(env=environment)
    except CellExecutionError as error:
        raise CellFailed(f"cell '{cell_name(running)}': {error.ename}: {error.evalue}") from None
    except CellTimeoutError:
        raise CellFailed(f"cell '{cell_name(running)}' ran longer than {timeout} s") from None
    except DeadKernelError:
        raise CellFailed(
            f"cell '{cell_name(running)}': the kernel died, perhaps for lack of memory"
        ) from None


def cell_name(running):
    return running["cell"].id if running["cell"] is not None else "(before the first)"


# -- the same bytes every time -----------------------------------------------------


def normalise(notebook, stored=None):
    """Strip from an executed notebook all that differs from run to run, in place.

    Args:
        notebook: the executed notebook.
        stored: the notebook as it stood in the file. A cell tagged `keep-picture`, because it draws what was
            measured on this machine, keeps the picture stored there.
    """
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    pictures = kept_pictures(stored) if stored is not None else {}
    count = 0
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: value for key, value in cell.metadata.items() if key in CELL_METADATA and value}
        )
        cell.source = cell.source.strip("\n")
        if cell.cell_type != "code":
            continue
        if cell.source.strip():
            count += 1
            cell.execution_count = count
        else:
            cell.execution_count = None
        cell.outputs = [normal_output(output, count) for output in merge_streams(cell.outputs)]
        put_pictures(cell, pictures.get(cell.id, []))
        write_alt_text(cell)
    fold_what_only_draws(notebook)


def merge_streams(outputs):
    """Join neighbouring pieces of the same stream: where the kernel cuts them is a matter of timing."""
    merged = []
    for output in outputs:
        last = merged[-1] if merged else None
        if (
            last is not None
            and output.output_type == "stream" == last.output_type
            and output.name == last.name
        ):
            last.text += output.text
        else:
            merged.append(nbformat.from_dict(output))
    return merged


def normal_output(output, count):
    output.pop("transient", None)
    if output.output_type == "stream":
        output.text = as_a_terminal_shows(output.text)
        return output
    if "execution_count" in output:
        output.execution_count = count
    data = output.get("data", {})
    if WIDGET_VIEW in data and len(data) > 1:
        # The view points to a model that lives in a kernel or in stored state; without either, JupyterLab
        # shows "model not found" in place of the widget's own description.
        del data[WIDGET_VIEW]
        output.metadata["widget"] = True
    if PNG in data:
        data[PNG] = plain_png(data[PNG])
    return output


def as_a_terminal_shows(text):
    """The text after carriage returns did their work: a progress bar leaves only its last state."""
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))


def plain_png(encoded):
    """The same picture, every dot of it, in fewer bytes: no comments, no opacity where all is opaque.

    Args:
        encoded: base64 text of a PNG.

    Returns:
        Base64 text, one line.

    Raises:
        ValueError: not a PNG.
    """
    from PIL import Image  # matplotlib's own, late: not every command needs pictures

    data = base64.b64decode(encoded)
    if not data.startswith(PNG_START):
        raise ValueError("an output that calls itself image/png does not begin like a PNG")
    picture = Image.open(io.BytesIO(data))
    if picture.mode == "RGBA" and picture.getextrema()[3] == (255, 255):
        picture = picture.convert("RGB")
    elif picture.mode not in PNG_COLOURS:
        picture = picture.convert("RGBA")
    dots, (width, height) = picture.tobytes(), picture.size
    row = len(dots) // height
    # Rows as they are: a drawing of few colours packs better so than by what differs from dot to dot.
    rows = b"".join(b"\0" + dots[at : at + row] for at in range(0, len(dots), row))
    header = struct.pack(">IIBBBBB", width, height, 8, PNG_COLOURS[picture.mode], 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    return base64.b64encode(PNG_START + b"".join(chunks)).decode("ascii")


def kept_pictures(stored):
    """{cell id: its stored PNGs, each with its metadata} for the cells that are tagged to keep them."""
    return {
        cell.id: [
            (output.data[PNG], output.metadata.get(PNG, {}))
            for output in cell.outputs
            if PNG in output.get("data", {})
        ]
        for cell in stored.cells
        if cell.cell_type == "code" and KEEP_PICTURE in cell.metadata.get("tags", [])
    }


def put_pictures(cell, pictures):
    """Put stored pictures, and what is said of them, back in place of new ones, if there are as many."""
    drawn = [output for output in cell.outputs if PNG in output.get("data", {})]
    if KEEP_PICTURE in cell.metadata.get("tags", []) and len(drawn) == len(pictures):
        for output, (picture, said) in zip(drawn, pictures, strict=True):
            output.data[PNG] = plain_png(picture)
            output.metadata = nbformat.from_dict({**output.metadata, PNG: said})
            if not said:
                del output.metadata[PNG]


# -- files -------------------------------------------------------------------------


def store(path, *, redraw=False):
    """Execute the notebook at `path` and store its normalised outputs; the file changes only as a whole.

    Args:
        path: the notebook.
        redraw: draw measured pictures anew too (cells tagged `keep-picture`).

    Returns:
        True when the file changed.

    Raises:
        CellFailed: a cell failed; the file is as it was.
    """
    path = Path(path)
    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    execute(notebook, path.parent)
    normalise(notebook, None if redraw else nbformat.reads(before, as_version=4))
    nbformat.validate(notebook)
    after = as_text(notebook)
    if after != before:
        write_whole(path, after)
    return after != before


def store_normal(path):
    """Store the notebook at `path` as `store` would, without running it; True when the file changed."""
    path = Path(path)
    before = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(before, as_version=4)
    normalise(notebook, nbformat.reads(before, as_version=4))
    nbformat.validate(notebook)
    after = as_text(notebook)
    if after != before:
        write_whole(path, after)
    return after != before


def as_text(notebook):
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def write_whole(path, text):
    """Write a file so that a reader, or a crash, sees the old text or the new, never half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(name)
        raise


def trust(paths):
    """Sign notebooks, so that JupyterLab shows their stored HTML and widgets before anything is run.

    Returns:
        The number of notebooks signed.
    """
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()
    paths = [Path(path) for path in paths if Path(path).is_file()]
    for path in paths:
        notary.sign(nbformat.read(path, as_version=4))
    return len(paths)
