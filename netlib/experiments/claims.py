"""A folder for one run at a time: two that wrote the same checkpoints would delete each other's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where nothing is claimed
    fcntl = None


class BusyError(OSError):
    """A folder belongs to another run at the moment; the message names it."""


@contextmanager
def claimed(folder: str | PathLike) -> Iterator[None]:
    """Keep a folder, made if it is not there, for oneself.

    The system keeps the claim (`flock`), and lets go of it when the process ends, however it ends: nothing is left
    behind that could be stale. On a network's drive a claim may be seen by the processes of one computer only.

    Raises
    ------
    BusyError
        If another process or thread has claimed it.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        told = f"{str(folder)!r} is in use: another process makes this run; wait for its end, or name another folder"
        raise BusyError(told) from None
    try:
        yield
    finally:
        os.close(number)


def discard(folder: str | PathLike) -> None:
    """Delete a run's checkpoints, so that it begins anew; nothing else that lies in the folder.

    Raises
    ------
    BusyError
        If the run is being made.
    """
    with claimed(folder):
        for path in [*Path(folder).glob("epoch-*.npz"), Path(folder) / "best.npz"]:
            path.unlink(missing_ok=True)
