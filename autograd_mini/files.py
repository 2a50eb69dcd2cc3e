"""Files: written whole or not at all, and whether code in them is the user's."""

from __future__ import annotations

import functools
import os
import secrets
import shutil
import sysconfig
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file whole or not at all: what stood there stays until the new file is complete.

    Arguments:
        path: the file; its folder is made if it is missing.
        content: all of its bytes.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(folder + "/deep/note.txt", b"done")
    ...     Path(folder, "deep", "note.txt").read_bytes()
    b'done'
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb") as file:
            file.write(content)
        if target.exists():
            shutil.copymode(target, beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


@functools.lru_cache(maxsize=1024)
def is_users(file: str) -> bool:
    """Whether code of a file is the user's: neither Python's, nor installed, nor this library's.

    >>> is_users(os.__file__), is_users(__file__), is_users("<ipython-input-1>")
    (False, False, True)
    """
    if not os.path.isabs(file):
        return not file.startswith(("<frozen", "<string>", "<__array"))
    path = os.path.realpath(file)
    installed = {"site-packages", "dist-packages"} & {*Path(path).parts}
    return not installed and not any(path.startswith(folder) for folder in _NOT_USERS)


def _folders() -> tuple[str, ...]:
    here = Path(__file__).parent
    kinds = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = [*(sysconfig.get_path(kind) for kind in kinds), str(here), str(here / "nn")]
    return tuple(os.path.join(os.path.realpath(folder), "") for folder in folders)


_NOT_USERS = _folders()
