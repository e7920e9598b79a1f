"""Files written whole or not at all, also where the disk takes no more."""

import errno
import os
import subprocess
import sys

import pytest

from llmasos_edu.foundation.files import is_disk_trouble, write_atomically


def test_a_file_that_the_disk_does_not_take_is_named_and_the_old_one_stays(tmp_path):
    """The system's own limit on the size of a file stands in for a full disk: the write itself fails."""
    path = tmp_path / "model.safetensors"
    write_atomically(path, b"old")
    program = f"""
import resource, sys
from pathlib import Path
from llmasos_edu.foundation.files import is_disk_trouble, write_atomically
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomically(Path({str(path)!r}), bytes(5000))
except OSError as error:
    print(is_disk_trouble(error), error.filename)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said == f"True {path}\n"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_a_full_disk_is_no_mistake_of_who_asked_and_a_folder_in_the_way_is(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(IsADirectoryError, match=rf"directory.*{tmp_path.name}") as asked:
        write_atomically(tmp_path, b"")
    assert not is_disk_trouble(asked.value)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*new.bin'") as met:
        write_atomically(tmp_path / "new.bin", b"")
    assert is_disk_trouble(met.value)
    assert os.listdir(tmp_path) == []
