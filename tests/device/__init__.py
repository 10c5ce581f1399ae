"""A stand-in for CuPy where there is no card: NumPy behind a wall."""

from __future__ import annotations

import importlib.machinery
import json
import operator
import types
from pathlib import Path

import numpy as np

NAMES = json.loads(Path(__file__).with_name("names.json").read_text())
crossings = {"to device": 0, "to host": 0}  # how often data has crossed the bus


class OutOfMemoryError(MemoryError):
    """What CuPy raises where the card has no room left."""

    __module__ = "cupy.cuda.memory"


class Limits:
    """How much room the card has; a test may take it away."""

    free = 8 << 30
    largest = 1 << 62  # bytes of one array


def refuse(name, expected, given, keywords):
    """Refuse arguments that CuPy's function of this name does not have."""
    takes = [argument for argument in expected if not argument.startswith("*")]
    stars = [argument for argument in expected if argument.startswith("*")]
    unknown = [keyword for keyword in keywords if keyword not in takes]
    if unknown and "**kwargs" not in stars:
        raise TypeError(f"CuPy's {name} has no argument {unknown[0]}")
    if given > len(takes) and not stars:
        raise TypeError(f"CuPy's {name} takes {len(takes)} arguments at most; got {given}")


def out_of(expected, arguments, keywords):
    """What was given as `out`, in its place or by its name."""
    place = expected.index("out") if "out" in expected and not expected[0].startswith("*") else None
    return arguments[place] if place is not None and len(arguments) > place else keywords.get("out")


def bare(value):
    """What an operation may be given, as NumPy's: arrays of the device, numbers, and lists of these."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, np.ndarray):
        raise TypeError(f"an array of the host, of shape {value.shape}, was given to an operation of the device")
    if isinstance(value, tuple | list):
        return type(value)(bare(entry) for entry in value)
    return value


def on_device(value):
    """A result as CuPy would give it: arrays of the device, of no dimension where NumPy gives a number."""
    if isinstance(value, tuple | list):
        return type(value)(on_device(entry) for entry in value)
    if not isinstance(value, np.ndarray | np.generic):
        return value
    array = np.asarray(value)
    if array.nbytes > Limits.largest:
        raise OutOfMemoryError(f"Out of memory allocating {array.nbytes:,} bytes.")
    made = object.__new__(ndarray)
    made._host = array
    return made


class ndarray:  # noqa: N801 - CuPy's name
    """An array of the device."""

    __module__ = "cupy"
    __hash__ = None

    def __init__(self, *_, **__):
        raise TypeError("make arrays by the module's functions")

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Use `.get()`.")

    def __array_ufunc__(self, function, method, *inputs, **keywords):
        if method == "__call__" and not keywords and any(isinstance(value, np.generic) for value in inputs):
            return on_device(function(*bare(inputs)))  # a number of NumPy's, to the left of an array
        raise TypeError(f"numpy.{function.__name__} was called with an array of the device")

    def __array_function__(self, function, *_, **__):
        raise TypeError(f"numpy.{function.__name__} was called with an array of the device")

    def __getattr__(self, name):
        if name.startswith("_") or name not in NAMES["array"]:
            raise AttributeError(f"CuPy's arrays have no attribute {name}")
        expected = NAMES["array"][name]
        if expected is None:
            return on_device(getattr(self._host, name))

        def method(*arguments, **keywords):
            refuse(f"ndarray.{name}", expected, len(arguments), keywords)
            if name in ("item", "tolist"):
                crossings["to host"] += 1
                return getattr(self._host, name)(*arguments)
            more = {"mode": "wrap"} if name == "take" else {}  # CuPy's only mode
            more |= {key: bare(value) for key, value in keywords.items()}
            made = on_device(getattr(self._host, name)(*bare(arguments), **more))
            out = out_of(expected, arguments, keywords)
            return made if out is None else out

        return method

    def get(self):
        """The numbers on the host."""
        crossings["to host"] += 1
        return self._host.copy()

    def __getitem__(self, key):
        return on_device(self._host[bare(key)])

    def __setitem__(self, key, value):
        self._host[bare(key)] = bare(value)

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __deepcopy__(self, _):
        return on_device(self._host.copy())

    def __reduce__(self):
        return on_device, (self._host,)

    def __repr__(self):
        return f"on the device: {self._host!r}"


def binary(name):
    def operate(self, other):
        if not isinstance(other, ndarray | np.generic | int | float | complex):
            bare(other)
            return NotImplemented
        return on_device(getattr(operator, name)(self._host, bare(other)))

    def reflected(self, other):
        bare(other)
        return on_device(getattr(operator, name)(other, self._host))

    def in_place(self, other):
        getattr(operator, "i" + name.strip("_"))(self._host, bare(other))
        return self

    return operate, reflected, in_place


def unary(name):
    return lambda self: on_device(getattr(operator, name)(self._host))


ARITHMETIC = "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift"
for _name in ARITHMETIC.split():
    for _prefix, _function in zip(("", "r", "i"), binary(_name), strict=True):
        setattr(ndarray, f"__{_prefix}{_name.strip('_')}__", _function)
for _name in ("lt", "le", "eq", "ne", "gt", "ge"):
    setattr(ndarray, f"__{_name}__", binary(_name)[0])
for _name in ("neg", "pos", "abs", "invert"):
    setattr(ndarray, f"__{_name}__", unary(_name))


def crossing(convert):
    def cross(self):
        crossings["to host"] += 1
        return convert(self._host)

    return cross


for _name, _convert in {"bool": bool, "int": int, "float": float, "complex": complex, "index": operator.index}.items():
    setattr(ndarray, f"__{_name}__", crossing(_convert))


class Library(types.ModuleType):
    """The module."""

    ndarray = ndarray
    __version__ = NAMES["version"]

    def __getattr__(self, name):
        if name.startswith("_") or name not in NAMES["module"]:
            raise AttributeError(f"module 'cupy' has no attribute {name!r}")
        expected = NAMES["module"][name]
        if expected is None:
            value = getattr(np, name)
            if isinstance(value, types.ModuleType):
                raise AttributeError(f"the stand-in for CuPy has no {name}; a card is needed to try it")
            return value

        def function(*arguments, **keywords):
            refuse(name, expected, len(arguments), keywords)
            bare_keywords = {key: bare(value) for key, value in keywords.items()}
            made = on_device(getattr(np, name)(*bare(arguments), **bare_keywords))
            given = out_of(expected, arguments, keywords)
            return made if given is None else given

        return function

    def asarray(self, a, dtype=None, order=None):
        """An array of the device; the only way in, besides `array`."""
        if isinstance(a, ndarray):
            same = (dtype is None or np.dtype(dtype) == a._host.dtype) and order is None
            return a if same else on_device(np.asarray(a._host, dtype, order=order))
        crossings["to device"] += 1
        return on_device(np.array(bare(a) if isinstance(a, list | tuple) else a, dtype, order=order))

    def array(self, obj, dtype=None, copy=True, order="K"):
        """The same, always a copy."""
        return on_device(self.asarray(obj, dtype)._host.copy())

    def empty(self, shape, dtype=float, order="C"):
        """An array full of rubbish, as memory is that was used before."""
        kind = np.dtype(dtype).kind
        return on_device(np.full(shape, np.nan if kind == "f" else 1, dtype, order))


def library():
    """A new module that can stand in `sys.modules` as cupy."""
    made = Library("cupy")
    made.__spec__ = importlib.machinery.ModuleSpec("cupy", loader=None)
    made.lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(as_strided=_as_strided))
    runtime = types.SimpleNamespace(
        getDeviceCount=lambda: 1,
        driverGetVersion=lambda: 12090,
        runtimeGetVersion=lambda: 12090,
        memGetInfo=lambda: (Limits.free, 16 << 30),
        getDeviceProperties=lambda _: {"name": b"a card that is not there", "major": 9, "minor": 0},
    )
    made.cuda = types.SimpleNamespace(
        is_available=lambda: True, runtime=runtime, memory=types.SimpleNamespace(OutOfMemoryError=OutOfMemoryError)
    )
    return made


def _as_strided(x, shape=None, strides=None):
    return on_device(np.lib.stride_tricks.as_strided(bare(x), shape, strides))
