"""The book's pickle, ``mnist.pkl.gz``, read without running it.

A pickle is a program that calls functions. The one that is expected here calls a handful of NumPy's, which build
arrays. It is only read here: each of its few operations is done below, those functions are known by name and never
called, and all else is refused. So nothing is executed, and what is built is as large as the file is, not as it claims.
"""

from __future__ import annotations

import math
import pickletools
import re
import zlib
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from netlib.data.sets import Data, DataSets
from netlib.files import open_unzipped, read_most

MAX_BYTES = 1 << 30  # unzipped; the book's has 220 million
KNOWN = {
    "numpy ndarray",
    "numpy dtype",
    "numpy._core.multiarray _reconstruct",
    "numpy._core.numeric _frombuffer",
    "_codecs encode",
}
VALUES = {"int", "int_or_bool", "bytes_or_str", "str", "bytes", "bytearray"}
SINGLE = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}


class _RefusedError(ValueError):
    """No pickle of arrays; says why."""


@dataclass
class _Dtype:
    """What a pickle says of a dtype: its kind and size, and the order of bytes."""

    code: str
    order: str = "="


@dataclass
class _Array:
    """What a pickle says of an array."""

    content: bytes | None = None
    dtype: _Dtype | None = None
    shape: tuple[int, ...] = ()
    order: str = "C"

    def made(self) -> np.ndarray:
        """The array, a view of these bytes."""
        if self.dtype is None:
            raise _RefusedError("it has an array that nothing is told of")
        code = self.dtype.order + self.dtype.code
        if not re.fullmatch(r"[<>|=][biufcSU]\d{1,6}", code):  # no objects, which would be addresses
            raise _RefusedError(f"it has an array of the type {code[:20]!r}")
        dtype, size = np.dtype(code), len(self.content)
        if min(self.shape, default=0) < 0 or math.prod(self.shape) * dtype.itemsize != size:
            raise _RefusedError(f"it has an array of shape {self.shape!r:.60} and type {code}, of {size} bytes")
        return np.ndarray(self.shape, dtype, self.content, order=self.order)


def _read(content: bytes) -> Any:
    """What a pickle would build, with `_Array` for arrays."""
    stack: list[Any] = []
    below: list[list[Any]] = []  # what was on the stack at each mark that is still open
    memo: dict[int, Any] = {}
    for opcode, argument, _ in pickletools.genops(content):
        match opcode.name:
            case "PROTO" | "FRAME" | "STOP":
                pass
            case "MARK":
                below.append(stack)
                stack = []
            case "TUPLE" | "LIST":
                items, stack = stack, below.pop()
                stack.append(tuple(items) if opcode.name == "TUPLE" else items)
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                n = int(opcode.name[-1])
                stack[-n:] = [tuple(stack[-n:])]
            case "EMPTY_TUPLE" | "EMPTY_LIST":
                stack.append(() if opcode.name == "EMPTY_TUPLE" else [])
            case "APPEND":
                stack[-2].append(stack.pop())
            case "APPENDS":
                items, stack = stack, below.pop()
                stack[-1].extend(items)
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_known(argument))
            case "STACK_GLOBAL":
                stack[-2:] = [_known(" ".join(stack[-2:]))]
            case "REDUCE":
                stack[-2:] = [_call(*stack[-2:])]
            case "BUILD":
                _tell(stack[-2], stack.pop())
            case name if name in SINGLE:
                stack.append(SINGLE[name])
            case _ if argument is not None and opcode.stack_after[0].name in VALUES:
                stack.append(argument)
            case name:
                raise _RefusedError(f"it has the operation {name}, which no array needs")
    return stack.pop()


def _known(name: str) -> str:
    """A function's name in today's NumPy, if it is one that arrays need."""
    today = name.replace("numpy.core.", "numpy._core.")
    if today not in KNOWN:
        raise _RefusedError(f"it asks for {name.replace(' ', '.')}, which is no part of an array")
    return today


def _call(function: Any, arguments: Any) -> Any:
    """What a call would give."""
    match function, arguments:
        case "numpy._core.multiarray _reconstruct", _:
            return _Array()
        case "numpy._core.numeric _frombuffer", (
            bytes() | bytearray() as content,
            _Dtype() as dtype,
            tuple(shape),
            "C" | "F" as order,
        ):
            return _Array(content, dtype, shape, order)
        case "numpy dtype", (str(code), *_):
            return _Dtype(code)
        case "_codecs encode", (str(text), "latin1"):
            return text.encode("latin1")
    raise _RefusedError("it calls something as no array does")


def _tell(part: Any, state: Any) -> None:
    """Let an array or a dtype have what it is made with."""
    match part, state:
        case _Array(), (_, tuple(shape), _Dtype() as dtype, int(by_columns), bytes() | str() as content):
            part.content = content.encode("latin1") if isinstance(content, str) else content  # Python 2 had no bytes
            part.dtype, part.shape, part.order = dtype, shape, "F" if by_columns else "C"
        case _Dtype(), (_, str(order), *_):
            part.order = order
        case _:
            raise _RefusedError("it builds something as no array is built")


def load_pickle(filename: str | PathLike) -> DataSets:
    """Read a pickle of the book's layout: three pairs (images, labels), gzipped or not.

    Parameters
    ----------
    filename : path
        Such as the book's ``mnist.pkl.gz``; written by Python 3, or by Python 2 with protocol 1 or 2.

    Returns
    -------
    DataSets
        Images (n, features) in float32, labels (n,) in int32.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, is no pickle, wants to build anything but arrays, holds something else, or has more
        than a GiB.
    """
    path = Path(filename)
    if not path.is_file():
        raise FileNotFoundError(
            f'filename: no file {str(path)!r}; netlib.data.load("digits") has handwriting that needs no file'
        )
    try:
        with open_unzipped(path) as file:
            content = bytes(read_most(file, MAX_BYTES + 1))  # to the end, where gzip compares its checksum
        if len(content) > MAX_BYTES:
            raise _RefusedError(f"it has more than {MAX_BYTES} bytes")
        built = _read(content)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"filename: {str(path)!r} cannot be read as a pickle of arrays: {error}") from error
    except Exception as error:  # damaged bytes can make a reader of pickles stumble in any way
        raise ValueError(f"filename: {str(path)!r} is damaged: {type(error).__name__}: {error}") from error
    return _data_sets(path, built)


def _data_sets(path: Path, built: Any) -> DataSets:
    expected = f"filename: expected {str(path)!r} to hold three pairs of images (n, features) and integer labels (n,)"
    if not isinstance(built, tuple | list):
        kind = "ndarray" if isinstance(built, _Array) else type(built).__name__
        raise ValueError(f"{expected}; got {kind}")
    if len(built) != 3:
        raise ValueError(f"{expected}; got {len(built)}")
    if not all(isinstance(pair, tuple | list) and [type(part) for part in pair] == [_Array, _Array] for pair in built):
        raise ValueError(f"{expected}; got {type(built).__name__}")
    try:
        pairs = [(x.made(), y.made()) for x, y in built]
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{expected}; {error}") from error
    for x, y in pairs:
        if x.ndim != 2 or x.dtype.kind not in "fiu" or y.shape != x.shape[:1] or y.dtype.kind not in "iu":
            raise ValueError(f"{expected}; got {x.dtype} of shape {x.shape} with {y.dtype} of shape {y.shape}")
        if len(y) and not 0 <= y.min() <= y.max() <= np.iinfo(np.int32).max:
            raise ValueError(f"{expected}, from 0 up; got labels from {y.min()} to {y.max()}")
    return DataSets(*(Data(x.astype(np.float32), y.astype(np.int32)) for x, y in pairs))
