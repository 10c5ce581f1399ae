"""A formula, computed on whole arrays."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlib.expression.reading import CONSTANTS, FUNCTIONS, ExpressionError, Reader, Step, short


@dataclass(frozen=True)
class Expression:
    """A function of arrays, written as a formula.

    Parameters
    ----------
    text : str
        The formula, of at most 500 characters and 200 numbers, names and operations. It may hold numbers, `names`,
        pi and e; + - * / // % ** and comparisons with Python's precedence, where a comparison is 1 or 0; and calls of
        `FUNCTIONS`, which are NumPy's: sinc(x) is sin(pi*x) / (pi*x), and round(0.5) is 0.
    names : sequence of str
        What the arguments are called in it.

    Raises
    ------
    TypeError
        If `text` is no string.
    ExpressionError
        If the formula holds anything else; says what, where, and what is allowed.
    ValueError
        If `names` is no list or tuple, two of them are the same, or one is no name or that of a function or constant.
    """

    text: str
    names: tuple[str, ...] = ("x",)
    _steps: tuple[Step, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"text: expected a string; got {self.text!r}")
        taken = {*FUNCTIONS, *CONSTANTS, *keyword.kwlist}
        names = self.names if isinstance(self.names, list | tuple) else [None]
        strings = {name for name in names if isinstance(name, str) and re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name)}
        if len(strings - taken) < len(names):
            raise ValueError(f"names: expected a tuple of different names, none of them taken; got {self.names!r}")
        object.__setattr__(self, "names", tuple(names))
        object.__setattr__(self, "_steps", tuple(Reader(self.text, self.names).steps))

    @np.errstate(all="ignore")  # what is not finite is refused in the end
    def __call__(self, *arrays: ArrayLike) -> NDArray[np.float64]:
        """The function's values.

        Parameters
        ----------
        *arrays : array_like
            One of finite real numbers for each of `names`, in shapes that broadcast to one.

        Returns
        -------
        array of float64
            Of that one shape; never a view of an argument.

        Raises
        ------
        TypeError
            If there are more or fewer arguments than names, or one holds no real numbers.
        ValueError
            If an argument holds nan or infinity, or the shapes do not broadcast.
        ExpressionError
            If a value is not finite; says which one, and for which numbers.
        """
        if len(arrays) != len(self.names):
            raise TypeError(f"arrays: expected {len(self.names)}, {', '.join(self.names)}; got {len(arrays)}")
        inputs = {name: _real(name, array) for name, array in zip(self.names, arrays, strict=True)}
        try:
            shape = np.broadcast_shapes(*(array.shape for array in inputs.values()))
        except ValueError as error:
            raise ValueError(f"{', '.join(inputs)}: expected shapes that broadcast to one; got a {error}") from None
        stack: list[Any] = []
        for step in self._steps:
            if isinstance(step, tuple):
                function, n = step
                stack[-n:] = [function(*stack[-n:])]
            else:
                stack.append(inputs.get(step, step))
        values = np.array(np.broadcast_to(stack.pop(), shape), dtype=np.float64, order="C")
        finite = np.isfinite(values)
        if not finite.all():
            first = np.unravel_index(finite.argmin(), shape)
            given = (f"{name} = {np.broadcast_to(array, shape)[first].item()!r}" for name, array in inputs.items())
            place = " at " * bool(inputs) + ", ".join(number.removesuffix(".0") for number in given)
            text, wanted = short(" ".join(self.text.split())), "expected a finite number on all of the inputs"
            raise ExpressionError(f"{text}: is {values[first]}{place}; {wanted}")
        return values


def _real(name: str, value: ArrayLike) -> NDArray[np.float64]:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: expected entries of one shape; got a list of different ones") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected real numbers; got dtype {array.dtype}")
    array = array.astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers; found nan or infinity")
    return array


def function(text: str, names: Sequence[str] = ("x",)) -> Expression:
    """The function that a formula describes; see `Expression`.

    >>> function("x**2 + where(x < 1, 0, y)", ("x", "y"))([0, 1, 2], 10)
    array([ 0., 11., 14.])
    """
    return Expression(text, names)
