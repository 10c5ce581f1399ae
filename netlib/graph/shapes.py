"""Arrays in another shape, repeated, or made from nothing but a shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from netlib.backend import Array
from netlib.graph.axes import checked_axis, dimshuffle, restored
from netlib.graph.elementwise import cast
from netlib.graph.indexing import FULL, HOLE
from netlib.graph.nodes import Op, Type, Variable, as_variable, float_x, method
from netlib.graph.reductions import shape

Length = int | Variable
Lengths = Sequence[Length] | Length


def whole_numbers(name: str, values: Lengths, count: int | None = None) -> tuple[list[int | str], list[Variable]]:
    """A shape as numbers with holes for what is symbolic, and what fills these."""
    if isinstance(values, Variable) and values.ndim == 1:
        if count is None:
            raise ValueError(f"{name}: expected a tuple, or the number of entries too; got {values}")
        values = [values[i] for i in range(count)]
    values = [values] if isinstance(values, int | np.integer | Variable) else list(values)
    given = [v for v in values if isinstance(v, Variable)]
    for v in values:
        if not (v.ndim == 0 and v.dtype.startswith("int") if isinstance(v, Variable) else hasattr(v, "__index__")):
            raise TypeError(f"{name}: expected whole numbers; got {v}")
    return [HOLE if isinstance(v, Variable) else int(v) for v in values], given


def filled(lengths: Sequence[int | str], given: Sequence[Array]) -> tuple[int, ...]:
    """The numbers, with the holes filled."""
    rest = iter(given)
    return tuple(int(next(rest)) if n is HOLE else n for n in lengths)


@dataclass(frozen=True)
class Reshape(Op):
    """The same entries in the same order in another shape."""

    lengths: tuple[int | str, ...]
    takes_numbers = True

    def types(self, x: Variable, *given: Variable) -> list[Type]:
        return [Type(x.dtype, tuple(n == 1 for n in self.lengths))]

    def perform(self, xp: ModuleType, x: Array, *given: Array) -> Array:
        return xp.asarray(x).reshape(filled(self.lengths, given))

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable | None]:
        x, *given = inputs
        return [ReshapeLike()(dys[0], x), *[None] * len(given)]


@dataclass(frozen=True)
class ReshapeLike(Op):
    """The same entries in the same order in the shape of another array."""

    name = "reshape_like"

    def types(self, x: Variable, like: Variable) -> list[Type]:
        return [Type(x.dtype, like.broadcastable)]

    def perform(self, xp: ModuleType, x: Array, like: Array) -> Array:
        return x.reshape(like.shape)

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable | None]:
        return [ReshapeLike()(dys[0], inputs[0]), None]


@dataclass(frozen=True)
class Flatten(Op):
    """The last axes made one."""

    ndim: int

    def types(self, x: Variable) -> list[Type]:
        return [Type(x.dtype, (*x.broadcastable[: self.ndim - 1], all(x.broadcastable[self.ndim - 1 :])))]

    def perform(self, xp: ModuleType, x: Array) -> Array:
        kept = self.ndim - 1
        return x.reshape(*x.shape[:kept], math.prod(x.shape[kept:]))

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable]:
        return [ReshapeLike()(dys[0], inputs[0])]


@method("reshape")
def reshape(x: Any, lengths: Lengths, *more: Length, ndim: int | None = None) -> Variable:
    """The same entries in the same order in another shape.

    Parameters
    ----------
    x : Variable
    lengths : sequence of int or Variable
        One of them may be -1: what is left. A symbolic vector needs `ndim`, the number of its entries.
    """
    numbers, given = whole_numbers("lengths", (lengths, *more) if more else lengths, ndim)
    if numbers.count(-1) > 1 or any(n is not HOLE and n < -1 for n in numbers):
        raise ValueError(f"lengths: expected at most one -1 and no other negative number; got {lengths}")
    return Reshape(tuple(numbers))(x, *given)


@method("flatten")
def flatten(x: Any, ndim: int = 1) -> Variable:
    """The last axes made one, so that `ndim` are left."""
    x = as_variable(x)
    if not 1 <= ndim <= max(x.ndim, 1):
        raise ValueError(f"ndim: expected 1 to {max(x.ndim, 1)} for {x}; got {ndim}")
    return x if x.ndim == ndim else Flatten(ndim)(x)


@method("squeeze")
def squeeze(x: Any) -> Variable:
    """Without the axes that are broadcastable."""
    x = as_variable(x)
    return dimshuffle(x, [a for a, b in enumerate(x.broadcastable) if not b])


@dataclass(frozen=True)
class Arange(Op):
    """Numbers in equal steps."""

    dtype: str
    takes_numbers = True

    def types(self, start: Variable, stop: Variable, step: Variable) -> list[Type]:
        if start.ndim or stop.ndim or step.ndim:
            raise TypeError(f"arange: expected numbers; got {start}, {stop}, {step}")
        return [Type(self.dtype, (False,))]

    def perform(self, xp: ModuleType, start: Array, stop: Array, step: Array) -> Array:
        return xp.arange(start.item(), stop.item(), step.item(), self.dtype)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: str | None = None) -> Variable:
    """The numbers from `start`, or 0, to before `stop`."""
    start, stop = (0, start) if stop is None else (start, stop)
    ends = [as_variable(v) for v in (start, stop, step)]
    return Arange(dtype or np.result_type(*(v.dtype for v in ends)).name)(*ends)


@dataclass(frozen=True)
class RepeatedIndex(Op):
    """Each of the places 0, 1, ... of an axis as often in a row as a number or a vector says."""

    name = "repeat"
    takes_numbers = True

    def types(self, length: Variable, times: Variable) -> list[Type]:
        if times.ndim > 1 or np.dtype(times.dtype).kind not in "iu":
            raise TypeError(f"times: expected a whole number or a vector of them; got {times}")
        return [Type("int64", (False,))]

    def perform(self, xp: ModuleType, length: Array, times: Array) -> Array:
        return xp.asarray(np.repeat(np.arange(int(length)), times.tolist()))


@method("repeat")
def repeat(x: Any, times: Any, axis: int | None = None) -> Variable:
    """Each entry along an axis so many times in a row; without an axis, each entry in reading order."""
    if axis is None:
        return repeat(flatten(x), times, 0)
    x, times = as_variable(x), as_variable(times)
    axis = checked_axis(axis, x)
    return x[(FULL,) * axis + (RepeatedIndex()(shape(x)[axis], times),)]


def tile(x: Any, times: Sequence[Length] | Length) -> Variable:
    """The whole array so many times along each axis; `times` counts from the last axis."""
    x = as_variable(x)
    times = [times] if isinstance(times, int | Variable) else list(times)
    whole_numbers("times", times)
    x = restored(x, range(len(times) - x.ndim), max(x.ndim, len(times)))
    for axis, n in enumerate(times, start=x.ndim - len(times)):
        if isinstance(n, Variable) or n != 1:
            length = shape(x)[axis]
            x = x[(FULL,) * axis + (arange(length * n) % length,)]
    return x


@dataclass(frozen=True)
class Full(Op):
    """A number all over a shape."""

    lengths: tuple[int | str, ...]
    takes_numbers = True

    def types(self, value: Variable, *given: Variable) -> list[Type]:
        return [Type(value.dtype, tuple(n == 1 for n in self.lengths))]

    def perform(self, xp: ModuleType, value: Array, *given: Array) -> Array:
        return xp.broadcast_to(xp.asarray(value), filled(self.lengths, given))

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable | None]:
        return [dys[0].sum(), *[None] * (len(inputs) - 1)]


def full(lengths: Lengths, value: Any, dtype: str | None = None) -> Variable:
    """A number all over a shape that may be symbolic."""
    numbers, given = whole_numbers("lengths", lengths)
    value = as_variable(value)
    if value.ndim:
        raise TypeError(f"value: expected a number; got {value}")
    return Full(tuple(numbers))(cast(value, dtype or value.dtype), *given)


def zeros(lengths: Lengths, dtype: str | None = None) -> Variable:
    """Zeros, of the dtype `float_x` unless it is given."""
    return full(lengths, 0, dtype or float_x())


def ones(lengths: Lengths, dtype: str | None = None) -> Variable:
    """Ones, of the dtype `float_x` unless it is given."""
    return full(lengths, 1, dtype or float_x())
