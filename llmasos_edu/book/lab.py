"""JupyterLab as `make lab` starts it: on the first page, explorers kept, no question about news, one thread.

The settings are defaults of this start only. What a reader has set in JupyterLab goes before them, and
nothing is written into the reader's own folders.
"""

import os
import sqlite3
import sys
from pathlib import Path

from llmasos_edu.book.outline import notebook_paths

# Holds labconfig/default_setting_overrides.json. `saveState`: a saved notebook keeps its explorers' state, or
# each of them would read "model not found" when the notebook is opened again.
SETTINGS = Path(__file__).with_name("jupyter")


def lab_command(folder, first, arguments=()):
    """The command that opens JupyterLab.

    Args:
        folder: what its file list shows.
        first: the notebook in it that opens first, also by the address that the terminal prints.
        arguments: more of JupyterLab's own.
    """
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    command.append(f"--LabApp.default_url=/lab/tree/{first}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # JupyterLab refuses to run as root without
    return [*command, *arguments]


def lab_environment(environment=None):
    """The environment of that command: the book's settings first, and one thread for each kernel.

    A second thread makes the book's small models a third faster on a calm machine. Beside one busy program it
    makes them half as fast as one thread is, because each waits for the other at every step.
    """
    environment = dict(os.environ if environment is None else environment)
    more = environment.get("JUPYTER_CONFIG_PATH")
    environment["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [str(SETTINGS), more]))
    environment.setdefault("OMP_NUM_THREADS", "1")
    return environment


def open_lab(arguments):
    """Trust the book's notebooks and become JupyterLab; returns only if that fails."""
    from llmasos_edu.book.notebooks import trust

    paths = notebook_paths()
    try:
        trust(paths)
    except (OSError, sqlite3.Error) as error:
        print(f"Note: the notebooks could not be marked as trusted ({error}); run a cell to see its widget.")
    command = lab_command(paths[0].parent, paths[0].name, arguments)
    sys.stdout.flush()
    os.execve(command[0], command, lab_environment())
