"""Find a Chromium or Chrome for the browser tests, or get one.

`python tests/browser/chromium.py` is what `make test` calls first; it prints what it found or did.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

VARIABLE = "LLMASOS_CHROMIUM"
COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# A browser under test talks to nobody and asks nothing; root may not use Chromium's own sandbox.
FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
] + (["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else [])


def find() -> str | None:
    """The browser's path, or None. The variable LLMASOS_CHROMIUM goes before everything else."""
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise FileNotFoundError(
                f"{VARIABLE}={named!r} names no file: give the browser's own path, or unset it"
            )
        return named
    for command in COMMANDS:
        if path := shutil.which(command):
            return path
    for path in MAC_APPLICATIONS:
        if Path(path).is_file():
            return path
    return _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).is_file() else None


def get() -> str | None:
    """Install a browser where that is possible; returns its path, or None."""
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        attempts.insert(0, ["apt-get", "install", "-y", "--no-install-recommends", "chromium"])
    for command in attempts:
        print("browser tests: no Chromium here, trying:", " ".join(command), flush=True)
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"  that failed: {error}")
            continue
        if path := find():
            return path
        last = (result.stderr or result.stdout).strip().splitlines()[-1:] or ["no message"]
        print(f"  that gave no browser (exit status {result.returncode}): {last[0]}")
    return None


def main() -> int:
    path = find()
    if path:
        print(f"browser tests: using {path}")
        return 0
    path = get()
    if path:
        print(f"browser tests: installed, using {path}")
        return 0
    print(
        "browser tests: NO CHROMIUM OR CHROME, they will be skipped. "
        f"Install one, or set {VARIABLE} to its path."
    )
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
