"""Does everything that the chapters need work here? Each check answers in words, with the remedy.

What a sound machine prints is the same on every machine (no versions, no paths, no counts), so that it can
stand as a stored output in notebook 00.
"""

import importlib.util
import os
import sys
import tempfile
import warnings
from pathlib import Path

REINSTALL = "In a terminal, in the book's folder:  make clean, then  make lab"


def python_version():
    if sys.version_info < (3, 11):  # noqa: UP036  (conda and hand-made environments)
        return (
            f"This is Python {sys.version_info[0]}.{sys.version_info[1]}; the book needs 3.11 or later. "
            "Start the book with  make lab PYTHON=python3.12  (or another that you have)."
        )
    return ""


def imports(*names):
    """A check that the named packages can be imported."""

    def check():
        for name in names:
            try:
                importlib.import_module(name)
            except ImportError as error:
                return f"{name} cannot be imported ({error}). {REINSTALL}."
        return ""

    return check


def torch_computes():
    trouble = imports("torch")()
    if trouble:
        return trouble
    import torch

    weight = torch.tensor([3.0], requires_grad=True)
    (weight**2).sum().backward()
    if weight.grad.item() != 6.0:
        return f"torch says that the derivative of w² at 3 is {weight.grad.item()}, not 6. {REINSTALL}."
    return ""


def threads():
    """More threads than cores make every experiment several times slower."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if torch.get_num_threads() > cores:
        return (
            f"torch uses {torch.get_num_threads()} threads on {cores} cores, which is slow. "
            f"Before starting the book:  export OMP_NUM_THREADS={cores}"
        )
    return ""


def widget_front_end():
    """A widget is half in the kernel, half in the browser (a JupyterLab extension): both are needed."""
    trouble = imports("ipywidgets", "anywidget")()
    if trouble:
        return trouble
    if importlib.util.find_spec("jupyterlab") is None:  # found, not imported: that alone takes seconds
        return f"JupyterLab is not installed. {REINSTALL}."
    from jupyter_core.paths import jupyter_path

    places = [Path(place) for place in jupyter_path("labextensions")]
    for extension in ("anywidget", "@jupyter-widgets/jupyterlab-manager"):
        if not any((place / extension).is_dir() for place in places):
            return f"JupyterLab lacks the extension {extension}, so widgets stay text. {REINSTALL}."
    return ""


def this_folder_can_be_written():
    """Answers to predictions and checkpoints are kept in files."""
    try:
        with tempfile.TemporaryFile(dir="."):
            return ""
    except OSError as error:
        return f"This folder cannot be written ({error.strerror}). Copy the book to a folder of your own."


def answers_can_be_checked():
    """Exercises run the reader's code in a process of its own, which is made by fork."""
    if not hasattr(os, "fork"):
        return (
            "This system cannot fork, so check() cannot run your answers safely. "
            "On Windows, use the book in WSL (in a terminal:  wsl --install)."
        )
    try:
        with warnings.catch_warnings():
            # Python 3.12 warns that a process with threads forks; this child only exits.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
    except OSError as error:
        return f"No further process can be started ({error.strerror}). Close other notebooks or programs."
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return ""


CHECKS = (
    ("Python", python_version),
    ("torch computes", torch_computes),
    ("threads and cores", threads),
    ("pictures", imports("numpy", "matplotlib")),
    ("widgets in JupyterLab", widget_front_end),
    ("tokenizers", imports("tokenizers")),
    ("saving models", imports("safetensors")),
    ("progress bars", imports("tqdm")),
    ("checking of exercises", imports("cloudpickle")),
    ("a process for your answers", answers_can_be_checked),
    ("writing in this folder", this_folder_can_be_written),
)


def self_test(checks=CHECKS):
    """Print one line per check, 'fine' or what is missing and its remedy; nothing is raised."""
    lines, troubles = [], 0
    for name, check in checks:
        try:
            trouble = check()
        except Exception as error:
            trouble = f"The check itself failed: {type(error).__name__}: {error}. {REINSTALL}."
        troubles += bool(trouble)
        lines.append(f"{name} ".ljust(30, ".") + " " + (trouble or "fine"))
    verdict = "Everything that the book needs is here."
    if troubles:
        verdict = (
            f"{troubles} of {len(checks)} checks found something: do what they say, then run this again."
        )
    print("\n".join([*lines, "", verdict]))  # at once, so that a notebook shows one box of words
