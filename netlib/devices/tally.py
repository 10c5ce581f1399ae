"""What a training step asks of a device, counted while NumPy takes one: calls, bytes, additions and multiplications.

On a GPU each of these calls is a kernel, or at least one. An operation is taken to read each of its operands once and
to write its result once, as if nothing stayed in a cache between two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from netlib.devices.operations import noise
from netlib.layers import Layer
from netlib.layers.row import Row
from netlib.optimizers import GradientDescent

KINDS = ("product", "elementwise", "sum", "copy")
KIND_OF = {"matmul": "product", "cumsum": "sum", "copyto": "copy"}


class Done(NamedTuple):
    """One operation: its kind out of `KINDS`, its name, bytes read and written, additions and multiplications."""

    kind: str
    name: str
    bytes: int
    flops: int


class Counted(np.ndarray):
    """An array that writes down what is computed with it; views of it, and results, do the same."""

    done: list[Done]

    def __array_finalize__(self, source: Any) -> None:
        self.done = getattr(source, "done", [])

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: tuple = (), **options: Any) -> Any:
        operands = [_plain(value) for value in inputs]
        into = {"out": tuple(_plain(array) for array in out)} if out else {}
        result = getattr(ufunc, method)(*operands, **into, **options)
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        kind = KIND_OF.get(ufunc.__name__, "elementwise") if method == "__call__" else "sum"
        flops = np.size(operands[0]) if kind == "sum" else np.size(result)
        if kind == "product":
            flops *= 2 * operands[0].shape[-1]
        self._write(kind, name, [*operands, result], int(flops))
        return out[0] if out else self._counted(result)

    def __array_function__(self, function: Any, types: Any, arguments: Any, keywords: Any) -> Any:
        out = keywords.get("out")
        result = function(*map(_plain, arguments), **{name: _plain(value) for name, value in keywords.items()})
        kind = KIND_OF[function.__name__]  # a step calls no others; a new one is an error here, and not left out
        moved = arguments[:2] if result is None else [arguments[0], result]
        self._write(kind, function.__name__, moved, 0 if kind == "copy" else np.size(result))
        return self._counted(result) if out is None and result is not None else out

    def __setitem__(self, key: Any, value: Any) -> None:
        value, array = _plain(value), _plain(self)
        place = array[key]
        array[key] = value
        if not np.may_share_memory(place, value):  # or else it is the end of a[i] += b
            self._write("copy", "a[...] = b", [place, value], 0)

    def astype(self, *arguments: Any, **options: Any) -> Counted:
        """A copy of another type."""
        result = _plain(self).astype(*arguments, **options)
        self._write("copy", "astype", [self, result], 0)
        return self._counted(result)

    def _counted(self, result: Any) -> Counted:
        array = np.asarray(result).view(Counted)
        array.done = self.done
        return array

    def _write(self, kind: str, name: str, arrays: Sequence[Any], flops: int) -> None:
        moved = sum(array.nbytes for array in arrays if isinstance(array, np.ndarray | np.generic))
        self.done.append(Done(kind, name, int(moved), flops))


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Counted) else value


def _library(done: list[Done]) -> Any:
    """As much of NumPy as makes the arrays of a network, with arrays that count."""

    def counted(array: np.ndarray) -> Counted:
        array = array.view(Counted)
        array.done = done
        return array

    return SimpleNamespace(
        asarray=lambda values: counted(np.array(values)), empty=lambda shape, dtype: counted(np.zeros(shape, dtype))
    )


def tally(layers: Sequence[Layer], mini_batch_size: int, dtype: str = "float32") -> list[Done]:
    """Every operation of one step of plain gradient descent, in order.

    The device is the CPU, but the operations are those of any: the same lines of this package compute on all. Numbers
    made of nothing (``arange``) are not seen; that is one call in a step.

    Parameters
    ----------
    layers : sequence of Layer
        New ones, in which the step is taken.
    mini_batch_size : int
        Images in the step.
    dtype : {"float32", "float64"}
    """
    done: list[Done] = []
    xp = _library(done)
    row = Row(layers, mini_batch_size, 0, xp, np.dtype(dtype))
    images = xp.asarray(noise(np, (mini_batch_size, row.n_in)).astype(dtype))
    labels = xp.asarray(np.arange(mini_batch_size) % row.n_out)
    done.clear()
    row.backpropagate(images, labels, 0)
    GradientDescent().step(row.layers, 0.1)
    return done
