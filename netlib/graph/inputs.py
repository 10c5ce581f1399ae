"""Symbols for what a function will be given, by the names of Theano: a letter for the dtype, a word for the rank.

``dmatrix("x")`` is a float64 matrix, ``ivector("y")`` a vector of int32, ``matrix("x")`` one of the user's dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from netlib.graph.nodes import KINDS, Type, Variable, float_x

LETTERS = {
    "b": "int8",
    "w": "int16",
    "i": "int32",
    "l": "int64",
    "f": "float32",
    "d": "float64",
    "c": "complex64",
    "z": "complex128",
}


def tensor(name: str | None = None, *, dtype: str | None = None, broadcastable: Sequence[bool] = ()) -> Variable:
    """A symbol with any axes.

    Parameters
    ----------
    name : str, optional
    dtype : str, optional
        The user's setting for floats (see `config`) unless given.
    broadcastable : sequence of bool
        For each axis, whether its length is 1, so that it may stretch.
    """
    dtype = np.dtype(dtype or float_x())
    if dtype.kind not in "biufc":
        raise TypeError(f"dtype: expected one of numbers; got {dtype}")
    return Variable(Type(dtype.name, tuple(map(bool, broadcastable))), name)


def _kind(word: str, broadcastable: tuple[bool, ...], dtype: str | None = None) -> Callable[..., Variable]:
    if dtype:

        def symbol(name: str | None = None) -> Variable:
            return tensor(name, dtype=dtype, broadcastable=broadcastable)
    else:

        def symbol(name: str | None = None, dtype: str | None = None) -> Variable:
            return tensor(name, dtype=dtype, broadcastable=broadcastable)

    symbol.__name__ = symbol.__qualname__ = word
    symbol.__doc__ = f"A {Type(dtype or 'symbolic', broadcastable)}."
    return symbol


PLAIN = {word: _kind(word, broadcastable) for broadcastable, word in KINDS.items()}
TYPED = {
    letter + word: _kind(letter + word, broadcastable, dtype)
    for letter, dtype in LETTERS.items()
    for broadcastable, word in KINDS.items()
}
scalar, vector, matrix, row, col, tensor3, tensor4 = PLAIN.values()
