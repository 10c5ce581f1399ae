"""Parts of an array: by numbers, slices, vectors of indices and masks, symbolic ones among them, and its way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from netlib.backend import Array
from netlib.graph.nodes import Op, Type, Variable, as_variable, method

HOLE = "?"  # stands in a key for an input of the node
FULL = slice(None)


class Part(NamedTuple):
    """What stands for an axis in a key: "slice", "number", "array" or "new", with holes for what is symbolic."""

    kind: str
    entries: tuple[int | str | None, ...] = ()

    def filled(self, given: Iterator[Array]) -> Any:
        """The part of a key that NumPy understands."""
        if self.kind == "array":
            return next(given)
        entries = [int(next(given)) if e is HOLE else e for e in self.entries]
        return None if self.kind == "new" else entries[0] if self.kind == "number" else slice(*entries)


@dataclass(frozen=True)
class Index(Op):
    """``x[key]``."""

    parts: tuple[Part, ...]
    takes_numbers = True  # in that its indices are numbers of the host

    def types(self, x: Variable, *given: Variable) -> list[Type]:
        arrays = [v for v in given if v.ndim or v.dtype == "bool"]
        before: list[bool] = []  # what each axis of the result is known to be
        chosen_ndim = max((v.ndim if v.dtype != "bool" else 1 for v in arrays), default=0)
        axis, where, apart, masks = 0, None, False, iter(arrays)
        previous = None
        for part in self.parts:
            if part.kind == "new":
                before.append(True)
            elif part.kind == "slice":
                before.append(part == Part("slice", (None, None, None)) and x.broadcastable[axis])
                axis += 1
            else:
                if arrays and where is None:
                    where = len(before)
                elif arrays and previous not in ("array", "number"):
                    apart = True
                mask = part.kind == "array" and (index := next(masks)).dtype == "bool"
                axis += index.ndim if mask else 1
            previous = part.kind
        where = 0 if apart else where or 0
        return [Type(x.dtype, (*before[:where], *[False] * chosen_ndim, *before[where:]))]

    def perform(self, xp: ModuleType, x: Array, *given: Array) -> Array:
        holes = iter(given)
        return x[tuple(part.filled(holes) for part in self.parts)]

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable | None]:
        x, *given = inputs
        return [Scatter(self.parts)(dys[0], x, *given), *[None] * len(given)]


@dataclass(frozen=True)
class Scatter(Op):
    """Zeros in the shape of another array, with `part` added where a key points; `Index` backwards."""

    parts: tuple[Part, ...]
    takes_numbers = True

    def types(self, part: Variable, like: Variable, *given: Variable) -> list[Type]:
        return [Type(part.dtype, like.broadcastable)]

    def perform(self, xp: ModuleType, part: Array, like: Array, *given: Array) -> Array:
        holes = iter(given)
        key = tuple(part.filled(holes) for part in self.parts)
        if not any(p.kind == "array" for p in self.parts):
            whole = xp.zeros(like.shape, part.dtype)
            whole[key] = part
            return whole
        # an index may stand in a vector more than once: then all that belongs to one entry is added up
        places = xp.arange(like.size).reshape(like.shape)[key]
        whole = xp.bincount(places.ravel(), part.ravel(), like.size)
        return whole.reshape(like.shape).astype(part.dtype)

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable | None]:
        _, _, *given = inputs
        return [Index(self.parts)(dys[0], *given), None, *[None] * len(given)]


@method("__getitem__")
def index(x: Any, key: Any) -> Variable:
    """Symbolic ``x[key]``: integers, slices, ``None``, ``...``, vectors of indices and masks, symbolic or not."""
    x = as_variable(x)
    parts, given = _parsed(key, x)
    return Index(parts)(x, *given)


def placed(part: Variable, like: Variable, key: Any) -> Variable:
    """Zeros in the shape of `like`, with `part` added where the key points."""
    parts, given = _parsed(key, like)
    return Scatter(parts)(part, like, *given)


def _parsed(key: Any, x: Variable) -> tuple[tuple[Part, ...], list[Variable]]:
    """A key of `x` as its parts, and what fills their holes."""
    parts: list[Part] = []
    given: list[Variable] = []
    for entry in _expanded(key if isinstance(key, tuple) else (key,), x):
        if entry is None:
            parts.append(Part("new"))
        elif isinstance(entry, slice):
            parts.append(Part("slice", tuple(_number(e, given) for e in (entry.start, entry.stop, entry.step))))
        elif _is_number(entry):
            parts.append(Part("number", (_number(entry, given),)))
        else:
            entry = as_variable(np.asarray(entry, "int64") if entry == [] else entry)
            if np.dtype(entry.dtype).kind not in "biu":
                raise TypeError(f"key: expected whole numbers or a mask; got {entry}")
            parts.append(Part("array"))
            given.append(entry)
    return tuple(parts), given


def _is_number(entry: Any) -> bool:
    if isinstance(entry, Variable):
        return entry.ndim == 0 and np.dtype(entry.dtype).kind in "iu"
    return isinstance(entry, int | np.integer) and not isinstance(entry, bool)


def _number(entry: Any, given: list[Variable]) -> int | str | None:
    """A number of a key as it stands in a part; a symbolic one goes to `given`."""
    if entry is None:
        return None
    if not _is_number(entry):
        raise TypeError(f"key: expected whole numbers; got {entry}")
    if not isinstance(entry, Variable):
        return int(entry)
    given.append(entry)
    return HOLE


def _expanded(key: tuple, x: Variable) -> list[Any]:
    """The key with an entry for every axis."""
    used = sum(_axes(entry) for entry in key)
    if used > x.ndim:
        raise IndexError(f"key: expected at most {x.ndim} indices for {x}; got {used}")
    dots = [i for i, entry in enumerate(key) if entry is Ellipsis]
    if len(dots) > 1:
        raise IndexError(f"key: expected at most one ... in a key for {x}; got {len(dots)}")
    cut = dots[0] if dots else len(key)
    return [*key[:cut], *[FULL] * (x.ndim - used), *key[cut + 1 :]]


def _axes(entry: Any) -> int:
    """How many axes an entry of a key is for."""
    if entry is None or entry is Ellipsis:
        return 0
    is_mask = not isinstance(entry, slice | int) and as_variable(entry).dtype == "bool"
    return as_variable(entry).ndim if is_mask else 1
