"""The house: two commands on a fresh machine, one list of packages in three files, a README that is true."""

import ast
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from llmasos_edu.book import load_outline

ROOT = Path(__file__).resolve().parents[1]
INSTALL = ROOT / "llmasos_edu" / "install.py"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
MUTATION = PROJECT["optional-dependencies"]["mutation"]  # installed by `make mutants` alone


def pins():
    """{package: exact version} of constraints.txt."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line) for line in lines)
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


def load(path):
    """A module by its path, whatever else has the same name."""
    spec = importlib.util.spec_from_file_location(f"{path.stem}_under_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def install():
    return load(INSTALL)


@pytest.fixture
def book(tmp_path):
    """A folder with the two files that name the packages, as an installation sees it."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("torch==2.13.0\n")
    return str(tmp_path)


# -- one list of packages ----------------------------------------------------------


@pytest.mark.parametrize("dependency", DEPENDENCIES + MUTATION)
def test_every_dependency_is_pinned_within_its_range(dependency):
    requirement = Requirement(dependency)
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])


def test_conda_users_get_the_same_environment():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (through_pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert f"python{PROJECT['requires-python']}" in conda
    assert [entry for entry in through_pip if not entry.startswith("--")] == DEPENDENCIES
    assert {"--constraint constraints.txt", "--editable ."} <= set(through_pip)


def test_the_oldest_python_is_the_same_everywhere(install):
    assert PROJECT["requires-python"] == ">={}.{}".format(*install.MINIMUM)
    assert install.pinned_torch(str(ROOT)) == f"torch=={pins()['torch']}"


# -- what the texts promise --------------------------------------------------------


def make_targets():
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("text", ["README.md", "CONTRIBUTING.md", "environment.yml"])
def test_commands_that_a_text_names_exist(text):
    written = (ROOT / text).read_text()
    named = set(re.findall(r"(?:`|^\s*)make ([a-z]+)", written, re.MULTILINE))
    assert named <= make_targets()
    for module in re.findall(r"python -m ([a-z_.]+)", written):
        assert importlib.util.find_spec(module), module


def test_the_readme_names_the_two_commands_and_is_short():
    readme = (ROOT / "README.md").read_text()
    assert "make lab" in readme
    assert "make test" in readme
    assert len(readme.splitlines()) < 150
    assert not re.search(r"!\[\s*\]", readme), "a picture without alt text"


@pytest.mark.parametrize("text", ["README.md", "CONTRIBUTING.md"])
def test_files_that_a_text_links_exist(text):
    written = (ROOT / text).read_text()
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", written)
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_s_map_is_the_outline():
    readme = (ROOT / "README.md").read_text()
    for chapter in load_outline():
        ready = chapter.status == "ready"
        title = f"[{chapter.en}](notebooks/en/{chapter.file}.ipynb)" if ready else chapter.en
        assert f"| {chapter.number} | {title} | {chapter.status} |" in readme


def test_make_alone_lists_every_command():
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z]+)", said, re.MULTILINE)) == make_targets()


def test_ci_runs_the_readme_s_test_command_and_nothing_else():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & stat.S_IXUSR
    lines = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[-1] == "exec make test"


# -- install.py: words for what is missing -----------------------------------------


def test_an_old_python_can_read_the_installer():
    tree = ast.parse(INSTALL.read_text(), feature_version=(3, 7))
    newer = (ast.JoinedStr, ast.NamedExpr, ast.Match, ast.AnnAssign)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, newer)]


def an_old_python():
    """An interpreter older than the book, from PATH or from where pyenv keeps them; or None."""
    found = [shutil.which(f"python3.{minor}") for minor in range(6, 11)]
    found += sorted(map(str, (Path.home() / ".pyenv" / "versions").glob("3.[6-9].*/bin/python3")))
    runs = (
        python
        for python in found
        if python and subprocess.call([python, "-c", ""], stderr=subprocess.DEVNULL) == 0
    )
    return next(runs, None)


def test_an_old_python_is_told_in_words():
    python = an_old_python()
    if python is None:
        pytest.skip("no Python older than 3.11 is here to try the installer with")
    said = subprocess.run(
        [python, "-I", INSTALL, "--this-python"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert said.returncode == 1
    assert "he book needs Python 3.11 or later" in said.stdout
    assert "make lab" in said.stdout
    assert said.stderr == ""


def test_too_old_without_another_python_names_the_remedy(install, monkeypatch):
    monkeypatch.setattr(install.sys, "version_info", (3, 8, 1))
    monkeypatch.setattr(install, "other_pythons", list)
    assert "Python 3.11 or later" in install.trouble_with_this_python()
    with pytest.raises(install.Missing, match=r"apt install python3 python3-venv"):
        install.hand_over(install.trouble_with_this_python(), [], exact=False)


def test_too_old_hands_over_to_a_newer_one(install, monkeypatch):
    calls = []
    monkeypatch.setattr(install, "other_pythons", lambda: ["python3.12"])
    monkeypatch.setattr(install.subprocess, "call", lambda command: calls.append(command) or 0)
    assert install.hand_over("it is too old", [], exact=False) == 0
    assert calls == [["python3.12", "-I", str(INSTALL)]]


def test_an_interpreter_that_was_asked_for_is_never_replaced(install, monkeypatch):
    monkeypatch.setattr(install, "other_pythons", lambda: ["python3.12"])
    with pytest.raises(install.Missing, match=r"make lab PYTHON=python3\.12"):
        install.hand_over("it is too old", [], exact=True)


def test_a_missing_venv_module_names_the_package(install, monkeypatch):
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(install, "other_pythons", list)
    trouble = install.trouble_with_this_python()
    assert "'ensurepip'" in trouble
    package = "python{}.{}-venv".format(*sys.version_info[:2])
    with pytest.raises(install.Missing, match=f"apt install {package}"):
        install.hand_over(trouble, [], exact=False)


def test_a_broken_or_absent_interpreter_is_not_suitable(install, tmp_path):
    broken = tmp_path / "python3.12"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    assert install.can_make_environments(sys.executable)
    assert not install.can_make_environments(str(broken))
    assert not install.can_make_environments(str(tmp_path / "none"))


def test_a_folder_that_cannot_be_written_is_named(install, book, monkeypatch):
    monkeypatch.setattr(install.os, "access", lambda folder, mode: False)
    with pytest.raises(install.Missing, match=rf"No permission to write in {re.escape(book)}"):
        install.need_room(book)


def test_a_full_disk_is_told_before_the_download(install, book, monkeypatch):
    monkeypatch.setattr(install.shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(9, 8, 10**8))
    with pytest.raises(install.Missing, match=r"has 0\.1 GB free"):
        install.need_room(book)


def test_a_file_in_the_way_is_told(install, book):
    Path(book, ".venv").write_text("")
    with pytest.raises(install.Missing, match="in the way"):
        install.need_room(book)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "disk is full"),
        (
            "WARNING: Retrying ... NewConnectionError: Temporary failure in name resolution",
            "Check the network",
        ),
        (
            "ReadTimeoutError: Read timed out.\nERROR: No matching distribution found for torch",
            "Check the network",
        ),
        ("ERROR: No matching distribution found for torch==2.13.0", "Choose another from 3.11 to 3.14"),
        ("OSError: [Errno 13] Permission denied: '/x'", "could not be written"),
        ("something else", "say what went wrong"),
    ],
)
def test_pip_s_failures_are_told_in_words(install, said, words):
    assert words in install.why_pip_failed(said)


# -- install.py: what is there is kept, what is half made is repaired --------------


def test_an_environment_is_ready_only_for_the_files_as_they_are(install, book, monkeypatch):
    here = "{}.{}".format(*sys.version_info[:2])
    monkeypatch.setattr(install, "environment_version", lambda root: here)
    monkeypatch.delenv("GPU", raising=False)
    assert not install.is_ready(book, exact=False)
    stamp = Path(book, ".venv", install.STAMP)
    stamp.parent.mkdir()
    stamp.write_text(install.fingerprint(book, here, False))
    assert install.is_ready(book, exact=False)
    assert install.is_ready(book, exact=True)
    monkeypatch.setenv("GPU", "1")
    assert not install.is_ready(book, exact=False), "the CPU build is not what was asked for"
    stamp.write_text(install.fingerprint(book, here, True))
    monkeypatch.delenv("GPU")
    assert install.is_ready(book, exact=False), "a build with CUDA also computes on the CPU"
    Path(book, "constraints.txt").write_text("torch==2.14.0\n")
    assert not install.is_ready(book, exact=False)


def test_an_environment_of_another_python_serves_unless_one_was_asked_for(install, book, monkeypatch):
    monkeypatch.setattr(install, "environment_version", lambda root: "3.99")
    Path(book, ".venv").mkdir()
    Path(book, ".venv", install.STAMP).write_text(install.fingerprint(book, "3.99", False))
    assert install.is_ready(book, exact=False)
    assert not install.is_ready(book, exact=True)


def test_a_half_made_environment_is_made_anew(install, book):
    half = Path(book, ".venv", "bin")
    half.mkdir(parents=True)
    (half / "python").symlink_to("/nowhere/python3")
    assert install.environment_version(book) == ""
    install.make_environment(book, exact=False)
    assert install.environment_version(book) == "{}.{}".format(*sys.version_info[:2])


@pytest.mark.parametrize(
    ("place", "version", "made"),
    [
        ("here", "3.12", []),
        ("elsewhere", "3.12", ["anew"]),
        ("here", "3.10", ["anew"]),
        ("here", "", ["anew"]),
    ],
)
def test_only_a_sound_environment_is_kept(install, book, monkeypatch, place, version, made):
    anew = []
    monkeypatch.setattr("venv.create", lambda target, **how: anew.append("anew"))
    monkeypatch.setattr(install, "environment_version", lambda root: version)
    Path(book, ".venv").mkdir()
    of = book if place == "here" else f"{book}-before-it-was-moved"
    Path(book, ".venv", install.STAMP).write_text(f"place {of}\n")
    install.make_environment(book, exact=False)
    assert anew == made


def test_no_stamp_is_left_when_pip_fails(install, book, monkeypatch, capsys):
    stamp = Path(book, ".venv", install.STAMP)
    stamp.parent.mkdir()
    stamp.write_text("of an earlier installation")
    monkeypatch.setattr(install, "install_cpu_torch", lambda root: None)
    monkeypatch.setattr(install, "run_pip", lambda root, arguments: (1, "Connection refused\n"))
    with pytest.raises(install.Missing, match="Check the network"):
        install.install(book)
    assert not stamp.exists()
    assert "Connection refused" in capsys.readouterr().out


def fake_urlopen(outcome):
    def urlopen(request, timeout):
        assert request.get_method() == "HEAD"
        if isinstance(outcome, Exception):
            raise outcome
        return open(os.devnull)  # a context manager without .status

    return urlopen


@pytest.mark.parametrize("outcome", [OSError("no route"), ValueError("odd"), None])
def test_a_probe_that_fails_is_a_no(install, monkeypatch, outcome):
    monkeypatch.setattr("urllib.request.urlopen", fake_urlopen(outcome))
    assert install.cpu_index_answers() is False


@pytest.mark.parametrize(
    ("platform", "gpu", "answers", "asked"),
    [
        ("linux", "", True, True),
        ("linux", "", False, False),
        ("linux", "1", True, False),
        ("darwin", "", True, False),
    ],
)
def test_the_cpu_build_is_asked_for_on_linux_without_a_gpu(
    install, book, monkeypatch, platform, gpu, answers, asked
):
    commands = []
    monkeypatch.setattr(install.sys, "platform", platform)
    monkeypatch.setenv("GPU", gpu)
    monkeypatch.setattr(install, "cpu_index_answers", lambda: answers)
    monkeypatch.setattr(install, "environment_python", lambda root: "false")
    monkeypatch.setattr(install, "run_pip", lambda root, arguments: commands.append(arguments) or (1, ""))
    install.install_cpu_torch(book)
    assert commands == ([["--no-deps", "--index-url", install.CPU_INDEX, "torch==2.13.0"]] if asked else [])


# -- the wheel: what `pip install` of the built package carries --------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the package as it stands, built in a copy without network, unpacked as pip does."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    shutil.copytree(
        ROOT / "llmasos_edu", source / "llmasos_edu", ignore=shutil.ignore_patterns("__pycache__")
    )
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        source,
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*command, "--quiet", "--wheel-dir", built], capture_output=True, check=True)
    (file,) = built.glob("*.whl")
    shutil.unpack_archive(file, built / "unpacked", "zip")
    return source, built / "unpacked"


def files_under(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_wheel_carries_every_file_of_the_package_and_nothing_else(wheel):
    source, unpacked = wheel
    assert files_under(unpacked / "llmasos_edu") == files_under(source / "llmasos_edu")
    (about,) = unpacked.glob("*.dist-info")
    assert {path.name for path in unpacked.iterdir()} == {"llmasos_edu", about.name}
    kinds = {Path(file).suffix for file in files_under(unpacked / "llmasos_edu")}
    assert {".py", ".js", ".css", ".json", ".safetensors"} <= kinds


def test_a_wheel_writes_and_draws_far_from_the_book_s_folder(wheel, tmp_path):
    program = """
import torch
import llmasos_edu
from llmasos_edu.__main__ import main
from llmasos_edu.widgets import PositionExplorer
assert main(["models"]) == 0
assert main(["generate", "The for statement", "--tokens", "2"]) == 0
PositionExplorer(16, 32).save_html("page.html")
print(llmasos_edu.__file__)
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(wheel[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines()[-1] == str(wheel[1] / "llmasos_edu" / "__init__.py")
    assert "manual-moe" in run.stdout
    assert "The for statement" in run.stdout
    assert len((tmp_path / "page.html").read_text(encoding="utf-8")) > 30_000


# -- the summary at the end of a test run ------------------------------------------


def test_the_summary_counts_tests_and_cells_apart_and_shouts_about_skipped_browser_tests():
    outcomes = {
        "passed": {"tests/test_a.py::test_b", "notebooks/en/x.ipynb::Cell 0", "notebooks/en/x.ipynb::Cell 1"},
        "failed": {"notebooks/en/x.ipynb::Cell 2"},
        "skipped": {"tests/browser/test_lab.py::test_c"},
    }
    lines = load(ROOT / "conftest.py").summary_lines(outcomes, 125.3)
    assert lines[0].strip() == "tests: 1 passed, 0 failed, 1 skipped"
    assert lines[1].strip() == "notebook cells: 2 passed, 1 failed, 0 skipped"
    assert lines[2].strip() == "time: 2 min 5 s"
    assert lines[3].startswith("BROWSER TESTS SKIPPED: 1 ")


def test_long_chapters_begin_first_and_nothing_else_changes_places():
    def item(path, name):
        return SimpleNamespace(path=ROOT / path, name=name)

    short, long = (
        item("notebooks/en/99_claims.ipynb", "Cell 0"),
        item("notebooks/en/05_project.ipynb", "Cell 0"),
    )
    tests = [item("tests/test_rooms.py", name) for name in "ba"]
    page = item("tests/browser/test_position_explorer.py", "test_c")
    items = [*tests, page, short, long]
    load(ROOT / "conftest.py").pytest_collection_modifyitems(items)
    assert items == [long, page, short, *tests]


def test_the_summary_names_the_slowest_a_notebook_as_a_whole():
    def report(nodeid, duration):
        return SimpleNamespace(nodeid=nodeid, duration=duration)

    stats = {
        "passed": [report("notebooks/en/x.ipynb::Cell 0", 2.0), report("notebooks/en/x.ipynb::Cell 1", 3.0),
                   report("tests/test_a.py::test_b", 4.0), report("tests/test_a.py::test_c", 1.0)],
        "": [report("tests/test_a.py::test_b", 0.5)],
        "warnings": ["no report"],
    }  # fmt: skip
    slowest = load(ROOT / "conftest.py").slowest(SimpleNamespace(stats=stats), number=2)
    assert slowest == [(5.0, "notebooks/en/x.ipynb"), (4.5, "tests/test_a.py::test_b")]


@pytest.mark.parametrize(("ci", "status"), [("1", 1), ("", 0)])
def test_in_ci_a_skipped_browser_test_is_a_failure(tmp_path, ci, status):
    (tmp_path / "conftest.py").write_text((ROOT / "conftest.py").read_text())
    browser = tmp_path / "tests" / "browser"
    browser.mkdir(parents=True)
    (browser / "test_one.py").write_text(
        "import pytest\n@pytest.mark.skip(reason='no Chromium')\ndef test_one():\n    pass\n"
    )
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:nbval",
            "--rootdir",
            tmp_path,
            "tests",
        ],
        cwd=tmp_path,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "BROWSER TESTS SKIPPED: 1" in run.stdout
    assert run.returncode == status
