"""Many numbers summed up in one: sums, means, extremes and where they are, over all axes or some."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from netlib.backend import Array
from netlib.graph.axes import Length, Sum, checked_axes, checked_axis, fill, restored
from netlib.graph.elementwise import cast, eq, sqrt, square
from netlib.graph.nodes import Op, Type, Variable, as_variable, method

Axes = int | Sequence[int] | None


class Shape(tuple):
    """The lengths of a variable's axes, a tuple of symbolic integers."""

    def eval(self, given: dict | None = None) -> tuple[int, ...]:
        """The lengths for given values of the inputs."""
        return tuple(int(length.eval(given)) if isinstance(length, Variable) else length for length in self)


def shape(x: Any) -> Shape:
    """The symbolic lengths of the axes of `x`; those of broadcastable ones are known."""
    x = as_variable(x)
    return Shape(1 if b else Length(a)(x) for a, b in enumerate(x.broadcastable))


def _product(lengths: Sequence[int | Variable]) -> Variable:
    return as_variable(functools.reduce(operator.mul, lengths) if lengths else 1)


Variable.shape = property(shape)
Variable.size = property(lambda x: _product(shape(x)))


@dataclass(frozen=True)
class Reduction(Op):
    """A method of arrays that reduces axes."""

    name: str
    axes: tuple[int, ...]

    def types(self, x: Variable) -> list[Type]:
        dtype = getattr(np.ones(1, x.dtype), self.name)().dtype.name
        return [Type(dtype, tuple(b for a, b in enumerate(x.broadcastable) if a not in self.axes))]

    def perform(self, xp: ModuleType, x: Array) -> Array:
        return getattr(x, self.name)(axis=self.axes)

    def gradients(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], dys: Sequence[Variable]
    ) -> list[Variable]:
        (x,) = inputs
        y, dy = (restored(v, self.axes, x.ndim) for v in (outputs[0], dys[0]))
        if self.name == "prod":
            return [dy * y / x]
        return [dy * cast(eq(x, y), dy.dtype)]  # every entry that is the extreme one, as for ties in pooling


@dataclass(frozen=True)
class WhereExtreme(Op):
    """The place of the largest or smallest entry along an axis, the first of several."""

    name: str
    axis: int

    def types(self, x: Variable) -> list[Type]:
        return [Type("int64", tuple(b for a, b in enumerate(x.broadcastable) if a != self.axis))]

    def perform(self, xp: ModuleType, x: Array) -> Array:
        return getattr(x, self.name)(axis=self.axis)


def _reduced(x: Any, axis: Axes, keepdims: bool, op: Callable[[tuple[int, ...]], Op]) -> Variable:
    x = as_variable(x)
    axes = checked_axes(axis, x)
    y = op(axes)(x)
    return restored(y, axes, x.ndim) if keepdims else y


@method("sum")
def sum(x: Any, axis: Axes = None, keepdims: bool = False) -> Variable:  # noqa: A001 - NumPy's name
    """The sum over some axes, or all."""
    return _reduced(x, axis, keepdims, Sum)


@method("mean")
def mean(x: Any, axis: Axes = None, keepdims: bool = False) -> Variable:
    """The mean over some axes, or all; of whole numbers in float64."""
    x = as_variable(x)
    total = sum(x, axis, keepdims)
    dtype = total.dtype if x.type.is_float or x.dtype.startswith("complex") else "float64"
    count = _product([shape(x)[a] for a in checked_axes(axis, x)])
    return cast(total, dtype) / cast(count, dtype)


@method("var")
def var(x: Any, axis: Axes = None, keepdims: bool = False) -> Variable:
    """The variance: the mean square of the distance from the mean."""
    return mean(square(as_variable(x) - mean(x, axis, keepdims=True)), axis, keepdims)


@method("std")
def std(x: Any, axis: Axes = None, keepdims: bool = False) -> Variable:
    """The standard deviation, the square root of the variance."""
    return sqrt(var(x, axis, keepdims))


@method("prod")
def prod(x: Any, axis: Axes = None, keepdims: bool = False) -> Variable:
    """The product over some axes, or all; its gradient wants entries that are not 0."""
    return _reduced(x, axis, keepdims, lambda axes: Reduction("prod", axes))


@method("max")
def max(x: Any, axis: Axes = None, keepdims: bool = False) -> Variable:  # noqa: A001 - NumPy's name
    """The largest entry over some axes, or all; its gradient goes to each of those that share it."""
    return _reduced(x, axis, keepdims, lambda axes: Reduction("max", axes))


@method("min")
def min(x: Any, axis: Axes = None, keepdims: bool = False) -> Variable:  # noqa: A001 - NumPy's name
    """The smallest entry over some axes, or all."""
    return _reduced(x, axis, keepdims, lambda axes: Reduction("min", axes))


@method("any")
def any(x: Any, axis: Axes = None, keepdims: bool = False) -> Variable:  # noqa: A001 - NumPy's name
    """Whether at least one entry is not 0."""
    return _reduced(x, axis, keepdims, lambda axes: Reduction("any", axes))


@method("all")
def all(x: Any, axis: Axes = None, keepdims: bool = False) -> Variable:  # noqa: A001 - NumPy's name
    """Whether no entry is 0."""
    return _reduced(x, axis, keepdims, lambda axes: Reduction("all", axes))


def _place(name: str, x: Any, axis: int | None, keepdims: bool) -> Variable:
    x = as_variable(x)
    if axis is not None:
        axis = checked_axis(axis, x)
        y = WhereExtreme(name, axis)(x)
        return restored(y, [axis], x.ndim) if keepdims else y
    return _place(name, x.flatten(), 0, keepdims)


@method("argmax")
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Variable:
    """The place of the largest entry along an axis, or in reading order; the first, where several share it."""
    return _place("argmax", x, axis, keepdims)


@method("argmin")
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Variable:
    """The place of the smallest entry along an axis, or in reading order; the first, where several share it."""
    return _place("argmin", x, axis, keepdims)


def zeros_like(x: Any, dtype: str | None = None) -> Variable:
    """Zeros in the shape of `x`."""
    x = as_variable(x)
    return fill(x, cast(as_variable(0), dtype or x.dtype))


def ones_like(x: Any, dtype: str | None = None) -> Variable:
    """Ones in the shape of `x`."""
    x = as_variable(x)
    return fill(x, cast(as_variable(1), dtype or x.dtype))
