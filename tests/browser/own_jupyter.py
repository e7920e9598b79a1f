"""A Jupyter server of our own for browser tests: its settings, its folder, its token, nobody else's."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STARTING = 120_000  # a loaded machine takes its time, ms
RUNNING = 300_000  # a notebook of these tests takes 10 s where nothing else runs, ms

SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    # Cells off the screen stay in the page, so their outputs can be found.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
}


def write_settings(folder: Path, settings: dict = SETTINGS) -> None:
    """JupyterLab's settings where `jupyter_server` looks for them."""
    for name, values in settings.items():
        scope, plugin = name.split(":")
        path = folder / "settings" / scope / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))


def plain_lab(folder: Path) -> list[str]:
    """JupyterLab as it comes, its commands open to tests; it serves Notebook 7's pages as well."""
    command = [sys.executable, "-m", "jupyterlab", "--allow-root", f"--ServerApp.root_dir={folder}"]
    return [*command, "--LabApp.expose_app_in_browser=True"]


@contextmanager
def jupyter_server(
    folder: Path, command: Callable[[Path], list[str]] = plain_lab, environment: dict | None = None
) -> Iterator[tuple[str, str, Path]]:
    """Address, token and log of a server that shows `folder/work`.

    Args:
        folder: everything that the server writes lies in it.
        command: the folder that is shown -> the command that starts the server.
        environment: what the server is started in, apart from where it writes; if not given, this process's.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    own = {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "LLMASOS_PROGRESS": "0",
        "PYTHONPATH": str(ROOT),
    }
    options = ["--no-browser", f"--port={port}", "--ServerApp.ip=127.0.0.1"]
    options.append(f"--IdentityProvider.token={token}")
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command(folder / "work"), *options],
            env=(os.environ if environment is None else environment) | own,
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(f"{address}/api/status?token={token}", process, folder / "server.log")
            yield address, token, folder / "server.log"
        finally:
            process.terminate()  # Jupyter stops its kernels on the way out
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(address: str, process, log: Path) -> None:
    for _ in range(STARTING // 500):
        if process.poll() is not None:
            pytest.fail(f"Jupyter stopped at once:\n{log.read_text()[-2000:]}", pytrace=False)
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"Jupyter did not answer:\n{log.read_text()[-2000:]}", pytrace=False)
