"""The book's pickle, ``mnist.pkl.gz``, read without running what a pickle may contain.

A pickle is a program. The one that is expected here calls a handful of functions that build arrays; the unpickler
below knows these and refuses everything else before it is called.
"""

from __future__ import annotations

import importlib
import pickle
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from netlib.data.sets import Data, DataSets
from netlib.files import open_unzipped

ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.numeric", "_frombuffer"),
    ("numpy._core.numeric", "_frombuffer"),
    ("_codecs", "encode"),
}


class _ArraysOnly(pickle.Unpickler):
    """Builds arrays, tuples, lists, numbers and bytes, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no part of an array")
        return getattr(importlib.import_module(module.replace("numpy.core", "numpy._core")), name)

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to things outside of itself")


def load_pickle(filename: str | PathLike) -> DataSets:
    """Read a pickle of the book's layout: three pairs (images, labels), gzipped or not.

    Parameters
    ----------
    filename : path
        Such as the book's ``mnist.pkl.gz``, written by Python 2 or 3.

    Returns
    -------
    DataSets
        Images (n, features) in float32, labels (n,) in int32.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, is no pickle, wants to build anything but arrays, or holds something else.
    """
    path = Path(filename)
    if not path.is_file():
        raise FileNotFoundError(
            f'filename: no file {str(path)!r}; netlib.data.load("digits") has handwriting that needs no file'
        )
    try:
        with open_unzipped(path) as file:
            content = _ArraysOnly(file, encoding="latin1").load()
            while file.read(1 << 20):  # gzip compares its checksum at the end, which the pickle does not reach
                pass
    except (pickle.UnpicklingError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"filename: {str(path)!r} cannot be read as a pickle of arrays: {error}") from error
    except Exception as error:  # damaged bytes can make the unpickler stumble in any way
        raise ValueError(f"filename: {str(path)!r} is damaged: {type(error).__name__}: {error}") from error
    return _data_sets(path, content)


def _data_sets(path: Path, content: Any) -> DataSets:
    expected = f"filename: expected {str(path)!r} to hold three pairs of images (n, features) and integer labels (n,)"
    try:
        pairs = [(np.asarray(x), np.asarray(y)) for x, y in content]
    except (TypeError, ValueError):
        raise ValueError(f"{expected}; got {type(content).__name__}") from None
    if len(pairs) != 3:
        raise ValueError(f"{expected}; got {len(pairs)}")
    for x, y in pairs:
        if x.ndim != 2 or x.dtype.kind not in "fiu" or y.shape != x.shape[:1] or y.dtype.kind not in "iu":
            raise ValueError(f"{expected}; got {x.dtype} of shape {x.shape} with {y.dtype} of shape {y.shape}")
        if len(y) and not 0 <= y.min() <= y.max() <= np.iinfo(np.int32).max:
            raise ValueError(f"{expected}, from 0 up; got labels from {y.min()} to {y.max()}")
    return DataSets(*(Data(x.astype(np.float32, copy=False), y.astype(np.int32)) for x, y in pairs))
