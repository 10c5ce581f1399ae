"""Arithmetic, comparisons and functions that work entry by entry, by the names of NumPy and of Theano."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from netlib.backend import Array
from netlib.graph.axes import fill, summed_to
from netlib.graph.nodes import Apply, Constant, Op, Type, Variable, as_variable, constant, method


@dataclass(frozen=True)
class Elementwise(Op):
    """A function of the array library, entry by entry, and the gradient: slopes(*inputs, output, dy)."""

    name: str
    function: str
    slopes: Callable[..., Sequence[Variable | None]] | None = field(default=None, compare=False, repr=False)
    takes_numbers = True

    def types(self, *inputs: Variable) -> list[Type]:
        dtype = _dtype(self.function, tuple(x.dtype for x in inputs))
        if dtype is None:
            raise TypeError(f"{self.name}: expected numbers that it is defined for; got {', '.join(map(str, inputs))}")
        ndim = max(x.ndim for x in inputs)
        padded = [(True,) * (ndim - x.ndim) + x.broadcastable for x in inputs]
        return [Type(dtype, tuple(map(all, zip(*padded, strict=True))))]

    def perform(self, xp: ModuleType, *values: Array) -> Array:
        return getattr(xp, self.function)(*values)

    def prepare(self, node: Apply, xp: ModuleType) -> Callable[..., Array]:
        function, dtype = getattr(xp, self.function), np.dtype(node.outputs[0].dtype)
        rigid = [(i, [a - x.ndim for a, b in enumerate(x.broadcastable) if not b]) for i, x in enumerate(node.inputs)]
        rigid = [(i, axes) for i, axes in rigid if axes]
        if len(rigid) < 2 and all(len(axes) == node.outputs[0].ndim for _, axes in rigid):
            rigid = []  # nothing beside it that it could stretch to
        if not rigid and xp is np:  # whose rules for dtypes are those of `_dtype`
            return function

        def compute(*values: Array) -> Array:
            y = function(*values)
            for i, axes in rigid:
                shape = values[i].shape
                if shape != y.shape and any(shape[a] != y.shape[a] for a in axes):
                    shapes = " and ".join(str(value.shape) for value in values)
                    raise ValueError(f"expected equal lengths, where no axis is broadcastable; got {shapes}")
            return y if y.dtype == dtype else y.astype(dtype)

        return compute

    def gradients(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], dys: Sequence[Variable]
    ) -> list[Variable | None]:
        if self.slopes is None:
            return super().gradients(inputs, outputs, dys)
        found = self.slopes(*inputs, outputs[0], dys[0])
        return [dx if dx is None else summed_to(dx, x) for x, dx in zip(inputs, found, strict=True)]


@functools.cache
def _dtype(function: str, dtypes: tuple[str, ...]) -> str | None:
    """The dtype of the result; None if there is none."""
    try:
        with np.errstate(all="ignore"):
            return getattr(np, function)(*(np.ones((), dtype) for dtype in dtypes)).dtype.name
    except TypeError:
        return None


@dataclass(frozen=True)
class Cast(Op):
    """The same numbers in another dtype."""

    dtype: str
    takes_numbers = True

    def types(self, x: Variable) -> list[Type]:
        return [Type(self.dtype, x.broadcastable)]

    def perform(self, xp: ModuleType, x: Array) -> Array:
        return x.astype(self.dtype)

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable]:
        return [cast(dys[0], inputs[0].dtype)]


@method("astype")
def cast(x: Any, dtype: str) -> Variable:
    """The same numbers in another dtype."""
    x, dtype = as_variable(x), np.dtype(dtype).name
    return x if x.dtype == dtype else Cast(dtype)(x)


def together(*values: Any) -> list[Variable]:
    """Variables and constants; a Python number takes the dtype of what it is used with, where that can hold it."""
    weak = [isinstance(v, bool | int | float | complex) and not isinstance(v, np.generic) for v in values]
    dtypes = [np.dtype(as_variable(v).dtype) for v, w in zip(values, weak, strict=True) if not w]
    if not dtypes:
        return [as_variable(v) for v in values]
    return [
        constant(v, dtype=np.result_type(*dtypes, v).name) if w else as_variable(v)
        for v, w in zip(values, weak, strict=True)
    ]


def _function(
    function: str, slopes: Callable | None = None, *, name: str = "", does: str = "", operator: str = ""
) -> Callable[..., Variable]:
    """A symbolic function, and with `operator` the operators +, -, ... of that name."""
    op = Elementwise(name or function, function, slopes)

    def symbolic(*inputs: Any) -> Variable:
        found = together(*inputs)
        if _dtype(function, tuple(x.dtype for x in found)) == "float16":  # of bytes; half precision is no type of ours
            found = [cast(x, "float32") for x in found]
        return op(*found)

    symbolic.__name__ = symbolic.__qualname__ = op.name
    symbolic.__doc__ = does or f"Symbolic ``numpy.{function}``, entry by entry."
    if operator:
        method(f"__{operator}__")(symbolic)
        if operator not in ("lt", "le", "gt", "ge", "neg", "abs", "invert"):  # what Python reflects by itself
            method(f"__r{operator}__")(lambda right, left: symbolic(left, right))
    return symbolic


def _divide_slopes(x: Variable, y: Variable, z: Variable, dz: Variable) -> list[Variable]:
    return [dz / y, -dz * z / y]


def _power_slopes(x: Variable, y: Variable, z: Variable, dz: Variable) -> list[Variable]:
    # at x = 0, slopes that are 0 must not become nan by way of 0 ** -1 or ln 0
    base = x if isinstance(y, Constant) and y.value.all() else where(eq(y, 0), 1, x)
    return [dz * y * base ** (y - 1), dz * z * log(where(eq(x, 0), 1, x))]


def _chosen(which: Callable) -> Callable:
    """Gradients of a choice between two: to the one that was taken, to both where they are equal."""
    return lambda x, y, z, dz: [where(which(x, y), dz, 0), where(which(y, x), dz, 0)]


add = _function("add", lambda x, y, z, dz: [dz, dz], operator="add")
subtract = _function("subtract", lambda x, y, z, dz: [dz, -dz], operator="sub")
multiply = _function("multiply", lambda x, y, z, dz: [dz * y, dz * x], operator="mul")
divide = _function("true_divide", _divide_slopes, name="divide", operator="truediv")
floor_divide = _function("floor_divide", operator="floordiv")
mod = _function("remainder", lambda x, y, z, dz: [dz, -dz * floor(x / y)], name="mod", operator="mod")
_power = _function("power", _power_slopes)
negative = _function("negative", lambda x, y, dy: [-dy], operator="neg")
absolute = _function("abs", lambda x, y, dy: [dy * sign(x)], operator="abs")

lt = _function("less", name="lt", operator="lt")
le = _function("less_equal", name="le", operator="le")
gt = _function("greater", name="gt", operator="gt")
ge = _function("greater_equal", name="ge", operator="ge")
eq = _function("equal", name="eq", does="Whether entries are equal; ``==`` asks whether two symbols are the same.")
neq = _function("not_equal", name="neq", does="Whether entries differ.")
and_ = _function("bitwise_and", name="and_", operator="and")
or_ = _function("bitwise_or", name="or_", operator="or")
xor = _function("bitwise_xor", name="xor", operator="xor")
invert = _function("invert", operator="invert")
isnan = _function("isnan")
isinf = _function("isinf")

exp = _function("exp", lambda x, y, dy: [dy * y])
expm1 = _function("expm1", lambda x, y, dy: [dy * (y + 1)])
log = _function("log", lambda x, y, dy: [dy / x])
log1p = _function("log1p", lambda x, y, dy: [dy / (1 + x)])
sqrt = _function("sqrt", lambda x, y, dy: [dy / (2 * y)])
square = _function("square", lambda x, y, dy: [dy * 2 * x])
sin = _function("sin", lambda x, y, dy: [dy * cos(x)])
cos = _function("cos", lambda x, y, dy: [-dy * sin(x)])
sign = _function("sign", lambda x, y, dy: [fill(x, constant(0, dtype=dy.dtype))])
floor = _function("floor")
ceil = _function("ceil")
rounded = _function("rint", name="round", does="Entries rounded to whole numbers, halves to even ones.")
maximum = _function("maximum", _chosen(ge))
minimum = _function("minimum", _chosen(le))
_where = Elementwise("where", "where", lambda c, x, y, z, dz: [None, where(c, dz, 0), where(c, 0, dz)])


@method("__pow__")
def power(x: Any, y: Any) -> Variable:
    """Symbolic ``numpy.power``, entry by entry."""
    return square(x) if isinstance(y, int) and y == 2 else _power(x, y)  # a square is a product, and far cheaper


@method("__rpow__")
def _reflected_power(y: Any, x: Any) -> Variable:
    return power(x, y)


def where(condition: Any, x: Any, y: Any) -> Variable:
    """Entries of `x` where the condition holds, of `y` elsewhere; Theano's switch."""
    condition = as_variable(condition)
    return _where(condition if condition.dtype == "bool" else neq(condition, 0), *together(x, y))


@method("clip")
def clip(x: Any, low: Any, high: Any) -> Variable:
    """Entries moved into [low, high]."""
    return minimum(maximum(x, low), high)
