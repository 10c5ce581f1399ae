"""Axes: their order, their lengths, and sums over them, which are what stretching is to gradients.

An axis stretches to the length of another variable's only if its type says that it is broadcastable. So it is known
beforehand over which axes a gradient must be summed: those along which the forward pass copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from netlib.backend import Array
from netlib.graph.nodes import Apply, Op, Type, Variable, as_variable, method


def checked_axes(axis: int | Sequence[int] | None, variable: Variable) -> tuple[int, ...]:
    """One axis, some or all (None) of a variable's, counted from the front and in order."""
    given = range(variable.ndim) if axis is None else [axis] if isinstance(axis, int | np.integer) else axis
    axes = sorted(a + variable.ndim if a < 0 else a for a in given)
    if len(set(axes)) < len(axes) or any(not 0 <= a < variable.ndim for a in axes):
        raise ValueError(f"axis: expected different axes of {variable}; got {axis}")
    return tuple(axes)


def checked_axis(axis: int, variable: Variable) -> int:
    """One axis of a variable's, counted from the front."""
    if not isinstance(axis, int | np.integer):
        raise TypeError(f"axis: expected one axis of {variable}; got {axis!r}")
    return checked_axes(axis, variable)[0]


@dataclass(frozen=True)
class DimShuffle(Op):
    """Axes in another order, some dropped, some new."""

    order: tuple[int | str, ...]

    def types(self, x: Variable) -> list[Type]:
        kept = [a for a in self.order if a != "x"]
        known = set(range(x.ndim))
        if len(set(kept)) < len(kept) or not set(kept) <= known:
            raise ValueError(f"pattern: expected different axes of {x}, and 'x' for new ones; got {self.order}")
        lost = [a for a in known - set(kept) if not x.broadcastable[a]]
        if lost:
            raise ValueError(f"pattern: expected every axis of {x} that is not broadcastable; {lost} are missing")
        return [Type(x.dtype, tuple(a == "x" or x.broadcastable[a] for a in self.order))]

    def prepare(self, node: Apply, xp: ModuleType) -> Callable[..., Array]:
        kept = [a for a in self.order if a != "x"]
        dropped = [a for a in range(node.inputs[0].ndim) if a not in kept]
        axes = (*kept, *dropped)
        key = (*(None if a == "x" else slice(None) for a in self.order), *[0] * len(dropped))
        if len(kept) == len(key):
            return lambda x: x.transpose(axes)
        return lambda x: x.transpose(axes)[key]

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable]:
        places = {axis: place for place, axis in enumerate(self.order)}
        return [DimShuffle(tuple(places.get(a, "x") for a in range(inputs[0].ndim)))(dys[0])]


@dataclass(frozen=True)
class Sum(Op):
    """The sum over some axes, which are then gone."""

    axes: tuple[int, ...]

    def types(self, x: Variable) -> list[Type]:
        dtype = np.zeros(0, x.dtype).sum().dtype.name
        return [Type(dtype, tuple(b for a, b in enumerate(x.broadcastable) if a not in self.axes))]

    def perform(self, xp: ModuleType, x: Array) -> Array:
        return x.sum(axis=self.axes)

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable]:
        (x,) = inputs
        return [fill(x, restored(dys[0], self.axes, x.ndim))]


@dataclass(frozen=True)
class Fill(Op):
    """An array stretched to the shape of another."""

    def types(self, like: Variable, value: Variable) -> list[Type]:
        pairs = list(zip(like.broadcastable[::-1], value.broadcastable[::-1], strict=False))
        if value.ndim > like.ndim or any(b and not a for b, a in pairs):
            raise ValueError(f"fill: expected a value that stretches to {like}; got {value}")
        return [Type(value.dtype, like.broadcastable)]

    def perform(self, xp: ModuleType, like: Array, value: Array) -> Array:
        return xp.broadcast_to(value, like.shape)

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable | None]:
        return [None, summed_to(dys[0], inputs[1])]


@dataclass(frozen=True)
class Declare(Op):
    """The same array, of whose axes something else is known."""

    broadcastable: tuple[bool, ...]

    def types(self, x: Variable) -> list[Type]:
        return [Type(x.dtype, self.broadcastable)]

    def perform(self, xp: ModuleType, x: Array) -> Array:
        if any(b and n != 1 for b, n in zip(self.broadcastable, x.shape, strict=True)):
            raise ValueError(f"expected length 1 along the axes that are declared so; got shape {x.shape}")
        return x

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable]:
        return [declared(dys[0], inputs[0].broadcastable)]


@dataclass(frozen=True)
class Length(Op):
    """The length of an axis."""

    axis: int

    def types(self, x: Variable) -> list[Type]:
        return [Type("int64", ())]

    def perform(self, xp: ModuleType, x: Array) -> np.int64:
        return np.int64(x.shape[self.axis])


def declared(x: Variable, broadcastable: Sequence[bool]) -> Variable:
    """`x`, of which just these axes are taken to have length 1 and to stretch; checked when it is computed."""
    return x if x.broadcastable == tuple(broadcastable) else Declare(tuple(broadcastable))(x)


def unbroadcast(x: Any) -> Variable:
    """`x`, none of whose axes stretches."""
    x = as_variable(x)
    return declared(x, (False,) * x.ndim)


@method("dimshuffle")
def dimshuffle(x: Any, *pattern: int | str) -> Variable:
    """Axes in another order.

    Parameters
    ----------
    x : Variable
    pattern : int or "x"
        For each axis of the result, which one of `x` it is, or "x" for a new one that is broadcastable; one by one, or
        as one sequence. An axis of `x` may be left out if it is broadcastable.
    """
    order = pattern[0] if len(pattern) == 1 and isinstance(pattern[0], list | tuple) else pattern
    return DimShuffle(tuple(order))(x)


@method("transpose")
def transpose(x: Any, *axes: Any) -> Variable:
    """Axes in this order; without `axes`, in the reverse one."""
    x = as_variable(x)
    order = axes[0] if len(axes) == 1 and isinstance(axes[0], list | tuple) else axes
    return dimshuffle(x, *(range(x.ndim)[::-1] if not order or order[0] is None else checked_order(order, x)))


def checked_order(order: Sequence[int], x: Variable) -> list[int]:
    """All axes of `x` in an order that may count some from the end."""
    if sorted(a % x.ndim for a in order) != list(range(x.ndim)):
        raise ValueError(f"axes: expected every axis of {x} once; got {tuple(order)}")
    return [a % x.ndim for a in order]


def fill(like: Variable, value: Any) -> Variable:
    """`value` stretched to the shape of `like`."""
    return Fill()(like, value)


def restored(reduced: Variable, axes: Sequence[int], ndim: int) -> Variable:
    """A variable that has lost some axes of `ndim`, with axes of length 1 in their place."""
    rest = iter(range(ndim))
    return dimshuffle(reduced, [("x" if a in axes else next(rest)) for a in range(ndim)]) if axes else reduced


def summed_to(stretched: Variable, like: Variable) -> Variable:
    """`stretched` summed over the axes along which `like` must have stretched to its shape."""
    new = stretched.ndim - like.ndim
    axes = [new + a for a, b in enumerate(like.broadcastable) if b and not stretched.broadcastable[new + a]]
    if not new and not axes:
        return stretched
    summed = Sum((*range(new), *axes))(stretched)
    return restored(summed, [a - new for a in axes], like.ndim)


Variable.T = property(transpose)
