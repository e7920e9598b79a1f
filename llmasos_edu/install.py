"""Make the book's own environment in `.venv`, or say in words what is missing and what to do about it.

Run by path with whatever Python the reader has: `python3 -I llmasos_edu/install.py [--this-python]`.
So it imports only the standard library and must parse on any Python 3: no f-strings, no walrus, no match.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading

MINIMUM = (3, 11)
TRIED_WITH = ("3.11", "3.12", "3.13", "3.14")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 3
ROOM_NEEDED = 3 * 10**9
STAMP = "llmasos-edu.installed"
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Missing(Exception):
    """Something that the reader can put right; the message says what and how."""


def say(text):
    print(text)
    sys.stdout.flush()


# -- which Python -----------------------------------------------------------------


def can_make_environments(python):
    """True where `python` is new enough and carries venv with pip; an absent one is not suitable."""
    question = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] < (%d, %d))" % MINIMUM
    try:
        with open(os.devnull, "w") as nowhere:
            return subprocess.call([python, "-I", "-c", question], stdout=nowhere, stderr=nowhere) == 0
    except OSError:
        return False


def other_pythons():
    """Suitable interpreters on PATH by name, the versions that the book was tried with first."""
    names = ["python" + version for version in TRIED_WITH] + ["python3"]
    return [name for name in names if shutil.which(name) and can_make_environments(name)]


def trouble_with_this_python():
    """What keeps the running interpreter from making an environment, or '' when it can."""
    if sys.version_info[:2] < MINIMUM:
        return "the book needs Python %d.%d or later, and " % MINIMUM + "%s is Python %d.%d" % (
            (sys.executable,) + sys.version_info[:2]
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        return "%s is without the module '%s', which makes environments" % (sys.executable, error.name)
    return ""


def remedy(others):
    """One sentence that says how to get a suitable Python here."""
    if others:
        return "This machine also has %s. Say:  make lab PYTHON=%s" % (", ".join(others), others[0])
    if sys.version_info[:2] >= MINIMUM:
        package = "python%d.%d-venv" % sys.version_info[:2]
        return "On Debian, Ubuntu and WSL:  sudo apt install %s   (or python3-venv)" % package
    return (
        "Debian 12, Ubuntu 24.04 and later:  sudo apt install python3 python3-venv\n"
        "macOS:  brew install python@3.12   or the installer from python.org\n"
        "conda:  conda env create -f environment.yml\n"
        "Then say again:  make lab   (or  make lab PYTHON=/path/to/python3.12)"
    )


def hand_over(trouble, arguments, exact):
    """Run this file again with a suitable Python; raise `Missing` where none is or this was asked for."""
    others = other_pythons()
    if exact or not others:
        raise Missing("%s.\n%s" % (trouble[0].upper() + trouble[1:], remedy(others)))
    say("Note: %s. Using %s instead." % (trouble, others[0]))
    return subprocess.call([others[0], "-I", os.path.abspath(__file__)] + arguments)


# -- is everything there already --------------------------------------------------


def environment_python(root):
    return os.path.join(root, ".venv", "bin", "python")


def environment_version(root):
    """'3.11' as the environment's own Python says it, or '' when there is none that runs and has pip."""
    question = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        with open(os.devnull, "w") as nowhere:
            answer = subprocess.check_output([environment_python(root), "-I", "-c", question], stderr=nowhere)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer.decode("ascii", "replace").strip()


def fingerprint(root, version, gpu):
    """What an installation depends on: place, Python, GPU or not, and the two files that name packages."""
    lines = ["place " + root, "python " + version, "gpu " + str(gpu)]
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(root, name), "rb") as file:
            lines.append(name + " " + hashlib.sha256(file.read()).hexdigest())
    return "\n".join(lines) + "\n"


def stored_fingerprint(root):
    try:
        with open(os.path.join(root, ".venv", STAMP)) as file:
            return file.read()
    except OSError:
        return ""


def wants_gpu():
    return os.environ.get("GPU", "").strip() not in ("", "0", "no")


def is_ready(root, exact):
    """True when the environment stands for the files as they are (and for this very Python, if `exact`)."""
    stored = stored_fingerprint(root)
    version = environment_version(root) if stored else ""
    if not version or (exact and version != "%d.%d" % sys.version_info[:2]):
        return False
    # Who asks for no GPU is content with an environment that has one.
    return stored in (fingerprint(root, version, True), fingerprint(root, version, wants_gpu()))


# -- make it ----------------------------------------------------------------------


def need_room(root):
    """Refuse early what pip finds out only after minutes: a folder that cannot be written, a full disk."""
    target = os.path.join(root, ".venv")
    if os.path.lexists(target) and not os.path.isdir(target):
        raise Missing(
            "%s is in the way: it is not a folder. Move it away, then say again:  make lab" % target
        )
    for folder in (root, target):
        if os.path.isdir(folder) and not os.access(folder, os.W_OK | os.X_OK):
            raise Missing(
                "No permission to write in %s.\nCopy the book to a folder of your own (git clone, or cp -r), "
                "or:  sudo chown -R $USER %s" % (folder, root)
            )
    free = shutil.disk_usage(root).free
    if free < ROOM_NEEDED and not environment_version(root):
        raise Missing(
            "The disk that holds %s has %.1f GB free; the book's packages need about %.0f GB."
            % (root, free / 1e9, ROOM_NEEDED / 1e9)
        )


@contextlib.contextmanager
def only_one_at_a_time():
    """Hold a lock on this very file, so that `make lab` and `make test` started together take turns."""
    import fcntl

    with open(os.path.abspath(__file__)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another installation is at work in this folder: waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_environment(root, exact):
    """Make `.venv`, or keep the one that runs; a half-made, moved or wrong one is made anew."""
    import venv

    target = os.path.join(root, ".venv")
    version = environment_version(root)
    stored = stored_fingerprint(root)
    moved = bool(stored) and not stored.startswith("place " + root + "\n")
    other = exact and version != "%d.%d" % sys.version_info[:2]
    too_old = bool(version) and tuple(int(part) for part in version.split(".")) < MINIMUM
    if version and not (moved or other or too_old):
        return
    say("Making the environment in .venv with Python %d.%d ..." % sys.version_info[:2])
    if os.path.isdir(target):
        say("(the .venv that was there is incomplete or of another place or Python: it is made anew)")
    try:
        venv.create(target, clear=True, symlinks=True, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing("The environment could not be made in %s: %s.\n%s" % (target, error, remedy([])))


def cpu_index_answers():
    """True when PyTorch's index of CPU builds answers within a few seconds; never raises, never hangs."""
    answers = []

    def ask():
        from urllib.request import Request, urlopen

        try:
            request = Request(CPU_INDEX + "/torch/", method="HEAD")
            with urlopen(request, timeout=PROBE_SECONDS) as reply:
                answers.append(reply.status == 200)
        except Exception:
            answers.append(False)

    # In a thread, because looking up a name ignores the time-out.
    asking = threading.Thread(target=ask)
    asking.daemon = True
    asking.start()
    asking.join(PROBE_SECONDS + 1)
    return bool(answers and answers[0])


def pinned_torch(root):
    """The line 'torch==...' of constraints.txt."""
    with open(os.path.join(root, "constraints.txt")) as file:
        return re.search(r"^torch==\S+", file.read(), re.MULTILINE).group(0)


def install_cpu_torch(root):
    """On Linux take torch's CPU build where its index answers: PyPI's build brings gigabytes of CUDA.

    Only torch itself comes from there, and failing is no error: the next step takes torch as PyPI has it.
    """
    if not sys.platform.startswith("linux") or wants_gpu():
        return
    question = "from importlib.metadata import version as v; print('torch==' + v('torch').split('+')[0])"
    with open(os.devnull, "w") as nowhere, contextlib.suppress(subprocess.CalledProcessError):
        found = subprocess.check_output([environment_python(root), "-I", "-c", question], stderr=nowhere)
        if found.decode().strip() == pinned_torch(root):
            return
    if not cpu_index_answers():
        return
    say("Taking torch's CPU build (with an NVIDIA GPU:  make lab GPU=1) ...")
    run_pip(root, ["--no-deps", "--index-url", CPU_INDEX, pinned_torch(root)])


def run_pip(root, arguments):
    """Run `pip install`, showing only its large steps; return (exit status, its last lines)."""
    command = [environment_python(root), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    quiet = ["--progress-bar=off", "--root-user-action=ignore"]
    process = subprocess.Popen(
        command + quiet + arguments,
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        download = re.match(r"\s*Downloading (\S*?)(-py\d|-cp\d|\.tar|\.whl)\S* \(([\d.]+ [MG]B)\)", line)
        if download:
            say("  downloading %s (%s)" % (download.group(1), download.group(3)))
        elif line.startswith("Installing collected packages"):
            say("  installing %d packages" % (line.count(",") + 1))
    process.stdout.close()
    return process.wait(), "".join(lines[-60:])


def why_pip_failed(said):
    """A sentence for the common ways in which pip fails, most telling first."""
    if "No space left" in said:
        return "The disk is full. The packages need about %.0f GB." % (ROOM_NEEDED / 1e9)
    if re.search(r"Permission denied|Read-only file system", said):
        return "A folder could not be written. Keep the book in a folder of your own."
    network = (
        r"connection|timed out|name resolution|Name or service|Max retries|ProxyError|SSLError"
        r"|Could not fetch|unreachable|HTTP error"
    )
    if re.search(network, said, re.IGNORECASE):
        return (
            "pip could not reach the package index. Check the network (behind a proxy: set https_proxy, "
            "behind a company mirror: pip config set global.index-url ...)."
        )
    if "No matching distribution" in said or "Requires-Python" in said:
        return (
            "A package has no build for Python %d.%d on this machine. Choose another from 3.11 to 3.14, "
            "for example:  make lab PYTHON=python3.12" % sys.version_info[:2]
        )
    return "pip's own last lines above say what went wrong."


def install(root):
    """Install the book and its dependencies; the stamp is written only when all of it is there."""
    stamp = os.path.join(root, ".venv", STAMP)
    if os.path.exists(stamp):
        os.remove(stamp)
    if wants_gpu():
        # pip counts the CPU build as the pinned version and would keep it.
        subprocess.call([environment_python(root), "-m", "pip", "uninstall", "-q", "-y", "torch"])
    install_cpu_torch(root)
    say("Installing the book's packages (a few minutes the first time) ...")
    status, last_lines = run_pip(root, ["-e", ".[test]", "-c", "constraints.txt"])
    if status != 0:
        say("".join(last_lines.splitlines(True)[-15:]))
        raise Missing(
            "The packages could not be installed.\n%s\nWhat is done stays: say the same again to go on."
            % why_pip_failed(last_lines)
        )
    with open(stamp + ".new", "w") as file:
        file.write(fingerprint(root, environment_version(root), wants_gpu()))
    os.replace(stamp + ".new", stamp)
    say("Installed.")


def main(arguments):
    exact = "--this-python" in arguments
    try:
        if is_ready(ROOT, exact):
            return 0
        trouble = trouble_with_this_python()
        if trouble:
            return hand_over(trouble, arguments, exact)
        if os.name != "posix":
            raise Missing(
                "On Windows the book runs in WSL (Linux inside Windows): run  wsl --install  and go on there."
            )
        need_room(ROOT)
        with only_one_at_a_time():
            if not is_ready(ROOT, exact):
                make_environment(ROOT, exact)
                install(ROOT)
    except Missing as missing:
        say("\n%s\n" % missing)
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted. Say the same command again to go on.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
