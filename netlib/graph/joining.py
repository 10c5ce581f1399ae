"""Arrays put together along an axis, and taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from netlib.backend import Array
from netlib.graph.axes import checked_axis, restored
from netlib.graph.indexing import FULL, HOLE
from netlib.graph.nodes import Op, Type, Variable, as_variable
from netlib.graph.reductions import shape
from netlib.graph.shapes import Length, whole_numbers


@dataclass(frozen=True)
class Join(Op):
    """Arrays one behind the other along an axis."""

    axis: int

    def types(self, *inputs: Variable) -> list[Type]:
        if len({x.ndim for x in inputs}) != 1 or not inputs[0].ndim:
            raise ValueError(f"concatenate: expected arrays with the same axes; got {', '.join(map(str, inputs))}")
        dtype = np.result_type(*(x.dtype for x in inputs)).name
        known = zip(*(x.broadcastable for x in inputs), strict=True)
        return [Type(dtype, tuple(any(bs) and a != self.axis for a, bs in enumerate(known)))]

    def perform(self, xp: ModuleType, *inputs: Array) -> Array:
        return xp.concatenate(inputs, axis=self.axis)

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable]:
        return _parts(dys[0], [shape(x)[self.axis] for x in inputs], self.axis)


def _several(name: str, arrays: Sequence[Any]) -> list[Variable]:
    found = [as_variable(x) for x in arrays]
    if not found:
        raise ValueError(f"{name}: expected at least one array; got none")
    return found


def concatenate(arrays: Sequence[Any], axis: int = 0) -> Variable:
    """Arrays one behind the other along an axis that they have."""
    arrays = _several("concatenate", arrays)
    axis = checked_axis(axis, arrays[0])
    return arrays[0] if len(arrays) == 1 else Join(axis)(*arrays)


def stack(arrays: Sequence[Any], axis: int = 0) -> Variable:
    """Arrays side by side along a new axis."""
    arrays = _several("stack", arrays)
    ndim = arrays[0].ndim + 1
    if len({x.ndim for x in arrays}) != 1 or not -ndim <= axis < ndim:
        raise ValueError(
            f"stack: expected arrays with the same axes, axis {axis} new; got {', '.join(map(str, arrays))}"
        )
    return Join(axis % ndim)(*(restored(x, [axis % ndim], ndim) for x in arrays))


@dataclass(frozen=True)
class Counted(Op):
    """The same array, if it is as long as it should be along an axis."""

    axis: int
    name = "split"
    takes_numbers = True  # in that the length is one of the host

    def types(self, x: Variable, length: Variable) -> list[Type]:
        return [x.type]

    def perform(self, xp: ModuleType, x: Array, length: Array) -> Array:
        if x.shape[self.axis] != length:
            raise ValueError(f"sizes: expected {x.shape[self.axis]} entries in all the parts; got {int(length)}")
        return x

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable | None]:
        return [dys[0], None]


def split(x: Any, sizes: Sequence[Length], axis: int = 0) -> list[Variable]:
    """Consecutive parts of so many entries each along an axis, all of it."""
    x = as_variable(x)
    axis = checked_axis(axis, x)
    numbers, _ = whole_numbers("sizes", sizes)
    if any(n is not HOLE and n < 0 for n in numbers):
        raise ValueError(f"sizes: expected no negative number; got {sizes}")
    return _parts(Counted(axis)(x, sum(sizes)), sizes, axis)


def _parts(x: Variable, sizes: Sequence[Length], axis: int) -> list[Variable]:
    parts, start = [], 0
    for size in sizes:
        parts.append(x[(FULL,) * axis + (slice(start, start + size),)])
        start = start + size
    return parts
