"""The idx format of the original MNIST files: a header that gives type and shape, then the bytes."""

from __future__ import annotations

import math
import struct
import zlib
from os import PathLike
from pathlib import Path

import numpy as np

from netlib.files import open_unzipped, read_most

MAX_BYTES = 1 << 31  # a header that claims more is taken for damage, before anything is allocated


def read_idx(path: str | PathLike) -> np.ndarray:
    """Read an array of bytes from an idx file, gzipped or not.

    The header is two zero bytes, the type (8 for unsigned bytes), the number of axes, and the length of each axis
    as a 32-bit integer, most significant byte first.

    Returns
    -------
    array of uint8

    Raises
    ------
    ValueError
        If the file is no idx file of bytes, is shorter or longer than its header says, claims to be larger than
        2 GiB, or is damaged; the message names the file, what was found, and what was expected.
    """
    path = Path(path)

    def refuse(found: str) -> ValueError:
        return ValueError(f"{str(path)!r} is not a whole idx file of bytes: {found}")

    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}")
    try:
        with open_unzipped(path) as file:
            magic = file.read(4)
            if magic[:3] != b"\0\0\x08" or len(magic) < 4:
                raise refuse(f"it begins with {magic!r}, expected two zero bytes, 8, and the number of axes")
            header = file.read(4 * magic[3])
            if len(header) < 4 * magic[3]:
                raise refuse(f"it ends within its header, after {4 + len(header)} bytes")
            shape = struct.unpack(f">{magic[3]}I", header)
            size = math.prod(shape)
            if size > MAX_BYTES:
                raise refuse(f"its header claims the shape {shape}, which is more than {MAX_BYTES} bytes")
            content = read_most(file, size + 1)  # one more reaches gzip's checksum, or proves the file too long
    except (OSError, EOFError, zlib.error) as error:
        raise refuse(str(error)) from error
    if len(content) != size:
        found = f"only {len(content)}" if len(content) < size else "more"
        raise refuse(f"its header claims the shape {shape}, {size} bytes; there are {found}")
    try:
        return np.frombuffer(content, np.uint8).reshape(shape)
    except ValueError as error:  # more axes than NumPy has, or none of any length beside one that is too long
        raise refuse(f"its header claims the shape {shape}: {error}") from None
