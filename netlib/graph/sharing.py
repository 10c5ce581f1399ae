"""Shared variables: arrays that outlive a call, which every function reads and updates may replace."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from netlib.backend import Array, device_namespace, move, namespace
from netlib.graph.nodes import Type, Variable, constant


class SharedVariable(Variable):
    """A symbol with a value of its own, on a device.

    Attributes
    ----------
    value : array
    home : module
        The library that its value belongs to; a whole number of no axes lives on the host, wherever the others are.
    default_update : Variable or None
        What every function that uses it makes of it, unless its updates say otherwise.
    """

    def __init__(self, kind: Type, name: str | None, xp: ModuleType) -> None:
        super().__init__(kind, name)
        self.xp = xp
        self.home = np if self.ndim == 0 and np.dtype(self.dtype).kind in "iu" else xp
        self.value: Array = None
        self.default_update: Variable | None = None

    def get_value(self, borrow: bool = False) -> Array:
        """Its value: a copy on the host, or with `borrow` the very array, which writing into changes."""
        return self.value if borrow else move(self.value, np).copy()

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Give it another value of its dtype and number of axes; with `borrow` that very array, if it can be kept."""
        given = value if hasattr(value, "dtype") else np.asarray(value)
        if given.ndim != self.ndim or any(b and n != 1 for b, n in zip(self.broadcastable, given.shape, strict=True)):
            raise ValueError(f"value: expected the axes of {self}; got shape {given.shape}")
        if not np.can_cast(given.dtype, self.dtype, "safe" if hasattr(value, "dtype") else "same_kind"):
            raise TypeError(f"value: expected the dtype of {self}; got {given.dtype}")
        kept = self.home.asarray(move(given, self.home), dtype=self.dtype)
        self.value = kept if borrow and kept is value else self.home.array(kept)


def shared(
    value: Any,
    name: str | None = None,
    *,
    borrow: bool = False,
    broadcastable: Sequence[bool] | None = None,
    device: str = "auto",
) -> SharedVariable:
    """A shared variable.

    Parameters
    ----------
    value : array or number
        Its first value, which decides its dtype.
    name : str, optional
    borrow : bool
        Keep that very array, where it is one of the device.
    broadcastable : sequence of bool, optional
        For each axis, whether its length is and stays 1, so that it may stretch; none does unless given.
    device : {"auto", "cpu", "gpu"}
        Where it lives; an array that is on a GPU already stays there with "auto".
    """
    on_gpu = hasattr(value, "dtype") and namespace(value) is not np
    xp = namespace(value) if on_gpu and device == "auto" else device_namespace(device)
    given = value if hasattr(value, "dtype") else constant(value).value
    if isinstance(value, Variable) or given.dtype.kind not in "biufc":
        raise TypeError(f"value: expected numbers; got {value!r}")
    pattern = (False,) * given.ndim if broadcastable is None else tuple(map(bool, broadcastable))
    if len(pattern) != given.ndim:
        raise ValueError(f"broadcastable: expected {given.ndim} of them, one for each axis; got {broadcastable}")
    made = SharedVariable(Type(np.dtype(given.dtype).name, pattern), name, xp)
    made.set_value(given, borrow)
    return made
