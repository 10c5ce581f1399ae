"""Where arrays live: NumPy on a CPU, CuPy on a GPU, behind one namespace.

Code of this package never names a library. It asks `namespace` which one made its arrays and computes with that,
so the same line runs on either device.
"""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import Any

import numpy as np

from netlib import config
from netlib.gpu import DeviceError, gpu_problem

Array = Any  # numpy.ndarray or cupy.ndarray: the two share the interface that is used here
DEVICES = ("auto", "cpu", "gpu")


def device_namespace(device: str = "auto") -> ModuleType:
    """The array library for a device.

    Parameters
    ----------
    device : {"auto", "cpu", "gpu"}
        "auto" is what the user's configuration says (see `config`), and without it the GPU where one answers.

    Raises
    ------
    ValueError
        If the name is none of the three.
    DeviceError
        If "gpu" is asked for and there is none.
    """
    source = "device"
    if device == "auto":
        device, source = config.setting("device")
    if device not in DEVICES:
        raise ValueError(f"{source}: expected one of {', '.join(DEVICES)}; got {device!r}")
    if device == "cpu" or (device == "auto" and gpu_problem()):
        return np
    if gpu_problem():
        raise DeviceError(f'{source}: "gpu" was asked for, but {gpu_problem()}. "cpu" runs everywhere')
    return importlib.import_module("cupy")


def namespace(*arrays: Array) -> ModuleType:
    """The library that all these arrays belong to.

    Raises
    ------
    TypeError
        If host and device arrays are mixed: a silent copy over the bus is a bug, not a convenience.
    """
    libraries = {_is_cupys(type(array)) for array in arrays}
    if len(libraries) > 1:
        raise TypeError("arrays of host (numpy) and device (cupy) are mixed in one operation; move them first")
    return importlib.import_module("cupy") if True in libraries else np


@functools.cache  # asked some twenty times in a training step that may take a tenth of a millisecond
def _is_cupys(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "cupy"


def to_host(array: Array) -> np.ndarray:
    """The same numbers as a NumPy array; copied only if they live on a GPU."""
    return array if namespace(array) is np else array.get()


def move(array: Any, xp: ModuleType) -> Array:
    """The same numbers, a list's too, as an array of the library `xp`; copied only if they are elsewhere."""
    return np.asarray(to_host(array)) if xp is np else xp.asarray(array)


def gather(array: Array, chosen: Array, out: Array) -> Array:
    """``array[chosen]`` for valid integers, written to `out` without an array in between."""
    # NumPy makes a second array in case an index is wrong, unless it is told to clip; CuPy does not look
    return array.take(chosen, 0, out, **{"mode": "clip"} if namespace(array) is np else {})


class Workspace:
    """Named scratch arrays that are made once and used again.

    ``work("columns", shape, dtype)`` returns the array of that name, uninitialised at first and whenever shape or
    dtype change, and otherwise holding whatever was last written. A training step that draws all its arrays from
    here allocates nothing once it has run for the first time.
    """

    def __init__(self, xp: ModuleType = np) -> None:
        self.xp = xp
        self._arrays: dict[str, Array] = {}

    def __getstate__(self) -> str:
        return self.xp.__name__  # a copy of a network makes scratch arrays of its own

    def __setstate__(self, library: str) -> None:
        self.__init__(importlib.import_module(library))

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        array = self._arrays.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            array = self._arrays[name] = self.xp.empty(shape, dtype)
        return array
