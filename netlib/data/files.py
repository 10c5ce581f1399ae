"""Opening files that may be gzipped."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import BinaryIO


def open_unzipped(path: Path) -> BinaryIO:
    """Open a file for reading; if it begins as gzip does, what is read is unzipped and its checksum compared."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path) if zipped else path.open("rb")
