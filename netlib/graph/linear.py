"""Products that are summed: dot with its rules for every pair of ranks, and tensordot, of which it is a case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from netlib.backend import Array
from netlib.graph.axes import dimshuffle
from netlib.graph.elementwise import cast, multiply
from netlib.graph.nodes import Op, Type, Variable, as_variable, method


@dataclass(frozen=True)
class TensorDot(Op):
    """Products summed over pairs of axes; the other axes of `a` come first in the result, then those of `b`."""

    a_axes: tuple[int, ...]
    b_axes: tuple[int, ...]

    def types(self, a: Variable, b: Variable) -> list[Type]:
        free = [[v.broadcastable[i] for i in _others(v.ndim, axes)] for v, axes in ((a, self.a_axes), (b, self.b_axes))]
        return [Type(a.dtype, (*free[0], *free[1]))]

    def perform(self, xp: ModuleType, a: Array, b: Array) -> Array:
        if a.ndim == b.ndim == 2 and len(self.a_axes) == 1:  # without tensordot's detour over reshapes
            return xp.dot(a if self.a_axes == (1,) else a.T, b if self.b_axes == (0,) else b.T)
        return xp.tensordot(a, b, (self.a_axes, self.b_axes))

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable]:
        (a, b), (dy,) = inputs, dys
        a_free, b_free = _others(a.ndim, self.a_axes), _others(b.ndim, self.b_axes)
        n = len(a_free)
        da = TensorDot(tuple(range(n, dy.ndim)), tuple(b_free))(dy, b)  # axes: a's free ones, b's summed ones in order
        db = TensorDot(tuple(a_free), tuple(range(n)))(a, dy)  # axes: a's summed ones in order, b's free ones
        in_b = {i: n + sorted(self.b_axes).index(j) for i, j in zip(self.a_axes, self.b_axes, strict=True)}
        in_a = {j: sorted(self.a_axes).index(i) for i, j in zip(self.a_axes, self.b_axes, strict=True)}
        a_order = [in_b[i] if i in in_b else a_free.index(i) for i in range(a.ndim)]
        b_order = [in_a[j] if j in in_a else len(in_a) + b_free.index(j) for j in range(b.ndim)]
        return [_ordered(da, a_order), _ordered(db, b_order)]


def _others(ndim: int, axes: Sequence[int]) -> list[int]:
    return [axis for axis in range(ndim) if axis not in axes]


def _ordered(x: Variable, order: list[int]) -> Variable:
    return x if order == sorted(order) else dimshuffle(x, order)


def tensordot(a: Any, b: Any, axes: int | Sequence = 2) -> Variable:
    """Products summed over pairs of axes; the other axes of `a` come first in the result, then those of `b`.

    Parameters
    ----------
    a, b : Variable
    axes : int or (axes of a, axes of b)
        The last so many of `a` with the first so many of `b`, or which with which.
    """
    a, b = as_variable(a), as_variable(b)
    if isinstance(axes, int):
        pairs = list(range(a.ndim - axes, a.ndim)), list(range(axes))
    else:
        pairs = tuple([one] if isinstance(one, int) else list(one) for one in axes)
    counted = [[i + v.ndim if i < 0 else i for i in part] for v, part in zip((a, b), pairs, strict=True)]
    for v, part in zip((a, b), counted, strict=True):
        if len(set(part)) < len(part) or any(not 0 <= i < v.ndim for i in part) or len(part) != len(counted[0]):
            raise ValueError(f"axes: expected pairs of different axes of {a} and {b}; got {axes}")
    dtype = np.result_type(a.dtype, b.dtype).name
    return TensorDot(*map(tuple, counted))(cast(a, dtype), cast(b, dtype))


@method("dot", "__matmul__")
def dot(a: Any, b: Any) -> Variable:
    """Matrix product, inner product, or what NumPy's dot makes of other ranks.

    A number times anything is entry by entry. Otherwise products are summed over the last axis of `a` and the one
    before the last of `b`, or its only one.
    """
    a, b = as_variable(a), as_variable(b)
    if not a.ndim or not b.ndim:
        return multiply(a, b)
    return tensordot(a, b, ([a.ndim - 1], [max(b.ndim - 2, 0)]))


@method("__rmatmul__")
def _reflected_dot(b: Any, a: Any) -> Variable:
    return dot(a, b)


def outer(a: Any, b: Any) -> Variable:
    """Every entry of one vector times every entry of another."""
    return tensordot(a, b, 0)
