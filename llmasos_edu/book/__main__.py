"""`python -m llmasos_edu.book`: execute, trust and export the book's notebooks, and test the installation."""

import argparse
import sqlite3
import sys
import time
from pathlib import Path

from llmasos_edu.book import notebook_paths, self_test
from llmasos_edu.book.lab import open_lab
from llmasos_edu.book.notebooks import CellFailed, store, store_normal, trust
from llmasos_edu.foundation.characters import shown


def execute_all(paths, redraw):
    """Run and store each notebook; go on after a failure, so that one run tells all of them."""
    failed = 0
    for path in paths:
        started = time.monotonic()
        try:
            changed = store(path, redraw=redraw)
        except CellFailed as error:
            failed += 1
            print(f"{shown(path)}: FAILED, left as it was\n    {error}", flush=True)
            continue
        word = "stored" if changed else "unchanged"
        print(f"{shown(path)}: {word} ({time.monotonic() - started:.0f} s)", flush=True)
    return 1 if failed else 0


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m llmasos_edu.book", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("execute", help="run notebooks and store their normalised outputs")
    run.add_argument("paths", nargs="*", type=Path, help="notebooks; all chapters if none is named")
    run.add_argument("--redraw", action="store_true", help="also draw anew the pictures of measured times")
    normal = commands.add_parser("normalise", help="store notebooks in the book's form, without running them")
    normal.add_argument("paths", nargs="*", type=Path)
    sign = commands.add_parser("trust", help="let JupyterLab show the stored outputs of our own notebooks")
    sign.add_argument("paths", nargs="*", type=Path)
    page = commands.add_parser("html", help="write one self-contained page with living widgets")
    page.add_argument("notebook", type=Path)
    page.add_argument("out", nargs="?", type=Path, help="the page; beside the notebook if not named")
    commands.add_parser("links", help="write citations, the page of references and each chapter's end")
    sweep = commands.add_parser(
        "evidence", help="compute what the verdicts rest on; goes on where it stopped"
    )
    sweep.add_argument("sections", nargs="*", help="such as 4.1; all if none is named")
    sweep.add_argument("--only", metavar="EXPERIMENT", help="one experiment of the sections named")
    sweep.add_argument("--workers", type=int, default=2, help="processes side by side (default 2)")
    sweep.add_argument("--again", action="store_true", help="also what is stored for the code as it is")
    commands.add_parser("lab", help="open the book in JupyterLab; what follows goes to JupyterLab")
    commands.add_parser("self-test", help="say whether everything that the chapters need works here")
    return parser.parse_args(arguments)


def say_where(cell, cells):
    """A notebook takes minutes to run: tell the terminal how far it is, and leave standard output alone."""
    end = "\r" if sys.stderr.isatty() and cell < cells else "\n"
    print(f"running cell {cell} of {cells}", end=end, file=sys.stderr, flush=True)


def compute_evidence(asked):
    """Compute the sections' runs, then print their verdicts."""
    from llmasos_edu.book.evidence import decisions
    from llmasos_edu.book.evidence.results import files, find
    from llmasos_edu.book.evidence.running import RunFailed, compute

    try:
        paths = [path for section in asked.sections for path in find(section)] or files()
        for path in dict.fromkeys(paths):
            compute(path, workers=max(1, asked.workers), only=asked.only, again=asked.again)
            for key, each in {} if asked.only else decisions(path).items():
                print(f"{key}: {each.verdict} ({each.live()} {each.statement.unit} in the chapter's setting)")
    except (ValueError, RunFailed) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def write_links():
    """Write what leads from page to page, and say which notebooks changed."""
    from llmasos_edu.book.links import store_links

    try:
        for path in store_links():
            print(f"{shown(path)}: stored")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def missing(paths):
    return [shown(path) for path in paths if not path.is_file()]


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["lab"]:
        return open_lab(arguments[1:])
    asked = parse(arguments)
    if asked.command == "self-test":
        self_test()
        return 0
    if asked.command == "links":
        return write_links()
    if asked.command == "html":
        from llmasos_edu.book.page import export_html

        out = asked.out or asked.notebook.with_suffix(".html")
        try:
            print(shown(export_html(asked.notebook, out, progress=say_where)))
        except (CellFailed, OSError, ValueError) as error:
            print(f"{shown(asked.notebook)}: {error}", file=sys.stderr)
            return 1
        return 0
    if asked.command == "evidence":
        return compute_evidence(asked)
    paths = asked.paths or notebook_paths()
    if asked.command == "trust":
        try:
            trust(paths)
        except (OSError, sqlite3.Error) as error:
            print(
                f"Note: the notebooks could not be marked as trusted ({error}); run a cell to see its widget."
            )
        return 0
    if missing(paths):
        print("There is no such notebook: " + ", ".join(missing(paths)), file=sys.stderr)
        return 1
    if asked.command == "normalise":
        for path in paths:
            print(f"{shown(path)}: {'stored' if store_normal(path) else 'unchanged'}")
        return 0
    return execute_all(paths, asked.redraw)


if __name__ == "__main__":
    sys.exit(main())
