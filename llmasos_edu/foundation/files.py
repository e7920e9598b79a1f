"""Files written whole or not at all, and disks that take no more."""

import contextlib
import errno
import glob
import os
import secrets
import time

STALE_SECONDS = 3600.0  # a temporary file this old belongs to no running process
_TROUBLE = {getattr(errno, name, None) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EIO")} - {None}


def is_disk_trouble(error: OSError) -> bool:
    """Whether the disk is full or broken: nothing that was asked wrongly, and it may pass."""
    return error.errno in _TROUBLE


def write_atomically(path, raw):
    """Whoever looks, at any moment and after any crash, finds the old file or the new one, each whole.

    Raises:
        OSError: it cannot be written; `filename` is this path, not that of a temporary file.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "this is a directory, no file can be written there", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(
        f".{glob.escape(path.name)}.*.tmp"
    ):  # of a process that was killed while it wrote
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())  # the bytes are on the disk before the name points to them
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # and so is the name
        finally:
            os.close(folder)
