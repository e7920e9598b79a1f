"""Break a module on purpose, again and again: do its tests notice? `make mutants MODULE=layers/positional`

mutmut makes one small change after another (`+` to `-`, an argument dropped, a default turned round) in
a copy of the book under `build/mutants`. A change that no test notices has survived, and is printed as a
diff. Some are no fault: they change nothing. Lines that raise are left alone, since they are mostly
words; so is what stands outside functions, or in one with a decorator other than torch's, which mutmut does
not reach.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "llmasos_edu"
RAISES = r"^\s*raise \w+\("
DECORATED = re.compile(r"^@(torch\.(?:inference_mode|no_grad)\(\))\n(?=def (\w+)\()", re.MULTILINE)


def test_of(module):
    """Where the tests of a module stand: `layers/moe` has `tests/layers/test_moe.py`."""
    return ROOT / "tests" / Path(module).parent / f"test_{Path(module).name}.py"


def settings(module, tests):
    """The table for mutmut: JSON's strings, numbers, lists and booleans are TOML's too."""
    table = {
        "source_paths": [PACKAGE],
        "only_mutate": [f"{PACKAGE}/{module}.py"],
        "do_not_mutate_patterns": [RAISES],
        "also_copy": ["conftest.py", "notebooks"],
        "pytest_add_cli_args_test_selection": tests,
        # Always the same random examples, or a mutant would die in one run and live in the next.
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-p", "no:nbval", "--hypothesis-seed=0"],
        # A process that has run torch before it forks may hang: fork from one that has only imported it.
        "process_isolation": "forkserver",
        # An endless mutant ends after three times the tests' own time and a minute; a busy machine does not.
        "timeout_constant": 20.0,
        "timeout_multiplier": 3.0,
        "use_git_change_detection": False,
    }
    return "\n[tool.mutmut]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())


def bare(source):
    """The module with `f = torch.no_grad()(f)` at its end for a decorated `f`, which mutmut passes over."""
    wrapped = "".join(f"\n{name} = {decorator}({name})\n" for decorator, name in DECORATED.findall(source))
    return DECORATED.sub("", source) + wrapped


def copy_book(target, module, tests):
    """What the module's tests need, in `target`, with mutmut's settings in its pyproject.toml."""
    shutil.rmtree(target, ignore_errors=True)
    leave = shutil.ignore_patterns("__pycache__", ".*")
    for folder in (PACKAGE, "tests"):
        shutil.copytree(ROOT / folder, target / folder, ignore=leave)
    path = target / PACKAGE / f"{module}.py"
    path.write_text(bare(path.read_text(encoding="utf-8")), encoding="utf-8")
    shutil.copy(ROOT / "conftest.py", target)
    (target / "notebooks").mkdir()
    shutil.copy(ROOT / "notebooks" / "outline.toml", target / "notebooks")  # conftest.py reads it
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (target / "pyproject.toml").write_text(project + settings(module, tests), encoding="utf-8")


def exit_codes(target, module):
    """{name of a mutant: exit code of its tests, None where they have not run}."""
    meta = json.loads((target / "mutants" / PACKAGE / f"{module}.py.meta").read_text(encoding="utf-8"))
    return meta["exit_code_by_key"]


def drawn(target, module, mutmut, number, seed):
    """Names of `number` mutants, drawn at random, the same ones every time with the same seed."""
    # mutmut tells its names only when it has made the mutants, so it is asked for one that there is not.
    subprocess.run([mutmut, "run", "no such mutant"], cwd=target, capture_output=True)
    names = sorted(exit_codes(target, module))
    return random.Random(seed).sample(names, min(number, len(names)))


def report(target, module, mutmut, wanted):
    """Print the survivors as diffs, then the score; False when mutmut left a wanted mutant unchecked."""
    codes = exit_codes(target, module)
    status = {name: status_by_exit_code[codes[name]] for name in wanted or codes}
    noticed = ("killed", "timeout", "segfault")
    for name in sorted(name for name in status if status[name] not in noticed):
        print(subprocess.run([mutmut, "show", name], cwd=target, capture_output=True, text=True).stdout)
    counts = Counter(status.values())
    found = sum(counts[word] for word in noticed)
    source = (ROOT / PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    silent = len(re.findall(RAISES, source, re.MULTILINE))
    print(f"{module}: " + ", ".join(f"{number} {word}" for word, number in counts.most_common()))
    print(f"{module}: {silent} lines that raise were left alone")
    print(f"{module}: mutation score {100 * found / max(1, len(status)):.1f} % ({found} of {len(status)})")
    return not counts["not checked"] and not counts["check was interrupted by user"]


def main():
    package = ROOT / PACKAGE
    modules = sorted(
        str(path.relative_to(package).with_suffix(""))
        for path in package.rglob("*.py")
        if not path.stem.startswith("__")
    )
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", choices=modules, metavar="MODULE", help=", ".join(modules))
    parser.add_argument(
        "tests",
        nargs="*",
        help="more test files than tests/ROOM/test_MODULE.py",
    )
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of this drawing (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at a time")
    wanted = parser.parse_args()
    own = test_of(wanted.module)
    if not own.exists() and not wanted.tests:
        parser.error(f"{wanted.module} has no test file of its own: name those that use it")
    tests = [str(own.relative_to(ROOT))] * own.exists() + wanted.tests
    if missing := [test for test in wanted.tests if not (ROOT / test).exists()]:
        parser.error(f"there is no {', '.join(missing)}")
    target = ROOT / "build" / "mutants" / wanted.module
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    copy_book(target, wanted.module, tests)
    names = drawn(target, wanted.module, mutmut, wanted.sample, wanted.seed) if wanted.sample else []
    status = subprocess.run(
        [mutmut, "run", "--max-children", str(wanted.jobs), *names], cwd=target
    ).returncode
    if status:
        return status
    return 0 if report(target, wanted.module, mutmut, names) else 1


if __name__ == "__main__":
    sys.exit(main())
