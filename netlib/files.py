"""Files: those that come with the package; opened whether gzipped or not, and written whole or not at all."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import BinaryIO


def carried(name: str) -> Path:
    """What comes with the package, a file or a folder: inside an installed one, or in a checkout's ``data`` folder."""
    package = Path(__file__).parent
    installed = package / "assets" / name
    return installed if installed.exists() else package.parent / "data" / name


def open_unzipped(path: Path) -> BinaryIO:
    """Open a file for reading; if it begins as gzip does, what is read is unzipped and its checksum compared."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else path.open("rb")


def read_most(file: BinaryIO, most: int) -> bytearray:
    """At most so many bytes of a file; memory is taken as they come, so that a claim of a billion takes none."""
    content = bytearray()
    while len(content) < most and (piece := file.read(min(1 << 20, most - len(content)))):
        content += piece
    return content


@contextmanager
def writing(path: str | PathLike) -> Iterator[BinaryIO]:
    """A file to write into; it takes its name, and the place of an older one, only when it is complete on the disk.

    Raises
    ------
    OSError
        If it cannot be written: a full disk, a folder that is not there or cannot be written to. An older file is
        then as it was, and nothing new is left behind.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
