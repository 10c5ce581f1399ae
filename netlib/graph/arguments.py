"""What a function is given and gives: how a value becomes an array of the type that was declared."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from netlib.backend import Array, move
from netlib.graph.nodes import Variable


@dataclass(frozen=True)
class In:
    """An input of a function.

    Attributes
    ----------
    variable : Variable
    value : array, optional
        What it is unless it is given.
    name : str, optional
        By which it can be given; the variable's.
    borrow : bool
        Whether outputs and shared variables may become the very array that was given.
    """

    variable: Variable
    value: Any = None
    name: str | None = None
    borrow: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.variable, Variable):
            raise TypeError(f"inputs: expected variables; got {self.variable!r}")
        object.__setattr__(self, "name", self.name or self.variable.name)


@dataclass(frozen=True)
class Out:
    """An output of a function.

    Attributes
    ----------
    variable : Variable
    borrow : bool
        Whether it may be memory that the function goes on using, and stay on the device: no copy, but what is in it
        may be a shared variable's value, or change if that is written into.
    """

    variable: Variable
    borrow: bool = False


def converted(one: In, value: Any, xp: ModuleType, downcast: bool | None) -> Array:
    """A value as an array of an input's type, in the library `xp`; a whole number of no axes stays on the host.

    Raises
    ------
    TypeError
        If its dtype does not fit: a cast that loses nothing is made, another only if `downcast` allows it.
    ValueError
        If its axes do not fit.
    """
    variable = one.variable
    dtype = np.dtype(variable.dtype)
    is_array = isinstance(value, (np.generic, np.ndarray, xp.ndarray))
    given = value if is_array else _as_array(variable, value)
    if given.dtype.kind not in "biufc":
        raise TypeError(f"expected numbers for {variable}; got {value!r}")
    if given.ndim != variable.ndim or any(
        b and n != 1 for b, n in zip(variable.broadcastable, given.shape, strict=True)
    ):
        raise ValueError(f"expected a value for {variable}; got one of shape {given.shape}")
    if given.dtype != dtype and not np.can_cast(given.dtype, dtype, "safe"):
        harmless = not is_array and downcast is None and (isinstance(value, float) or _same(given, dtype))
        imaginary = given.dtype.kind == "c" and dtype.kind != "c"
        if imaginary or not ((harmless and (dtype.kind in "fc" or _same(given, dtype))) or downcast):
            raise TypeError(f"expected a value for {variable}; got {given.dtype} (allow_input_downcast would cast it)")
    if variable.ndim == 0 and dtype.kind in "iu":
        return dtype.type(given.item())
    given = move(given, xp)
    return given if given.dtype == dtype else given.astype(dtype)


def _as_array(variable: Variable, value: Any) -> Array:
    """Numbers or lists of them as an array."""
    try:
        given = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"expected a value for {variable}; got lists of different lengths") from error
    return given


def _same(given: np.ndarray, dtype: np.dtype) -> bool:
    """Whether a cast leaves every number as it is."""
    if given.dtype.kind == "c" and dtype.kind != "c":
        return False
    with np.errstate(all="ignore"):
        return np.array_equal(given.astype(dtype), given, equal_nan=True)
