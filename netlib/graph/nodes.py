"""Symbols, and the operations that join them: what a computation graph is made of.

A `Variable` stands for an array that is not there yet. An `Op` is a kind of operation; an `Apply` is one use of it, the
node that joins its input variables to its output variables. Every node remembers the line on which it was built, since
what goes wrong with it goes wrong much later, when a function is called.
"""

from __future__ import annotations

import contextlib
import contextvars
import linecache
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from netlib import config
from netlib.backend import Array, to_host

ROOM = os.path.dirname(__file__) + os.sep
KINDS = {
    (): "scalar",
    (False,): "vector",
    (False, False): "matrix",
    (True, False): "row",
    (False, True): "col",
    (False, False, False): "tensor3",
    (False, False, False, False): "tensor4",
}


UNDEFINED = object()  # in the place of a gradient that exists, but that nobody has written down


class NotDifferentiableError(TypeError):
    """A gradient was asked for, and the way to it leads through something that has none."""


class Place(NamedTuple):
    """A line of the user's code."""

    file: str
    line: int

    def __str__(self) -> str:
        source = linecache.getline(self.file, self.line).strip()
        # a cell's file has another name in every run
        name = f"a notebook cell, line {self.line}" if "ipykernel" in self.file else f"{self.file}:{self.line}"
        return f"{name} ({source})" if source else name


_place: contextvars.ContextVar[Place | None] = contextvars.ContextVar("place", default=None)


def place() -> Place:
    """The innermost line outside this package that is being executed."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith(ROOM):
        frame = frame.f_back
    return _place.get() or Place(frame.f_code.co_filename, frame.f_lineno)


@contextlib.contextmanager
def built_at(there: Place) -> Iterator[None]:
    """Within this block, nodes count as built at that place: gradients belong to what they are the gradient of."""
    token = _place.set(there)
    try:
        yield
    finally:
        _place.reset(token)


class Type(NamedTuple):
    """What is known of an array beforehand: its dtype, and for each axis whether it has length 1 and may stretch."""

    dtype: str
    broadcastable: tuple[bool, ...]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.broadcastable)

    @property
    def is_float(self) -> bool:
        """Whether gradients exist: of real numbers, not of whole ones."""
        return np.dtype(self.dtype).kind == "f"

    def __str__(self) -> str:
        pattern = f"tensor{self.ndim} with lengths ({', '.join('1' if b else '?' for b in self.broadcastable)})"
        return f"{self.dtype} {KINDS.get(self.broadcastable, pattern)}"


class Variable:
    """A symbol: an input, or the result of an operation.

    Attributes
    ----------
    type : Type
        Its dtype, and which axes are broadcastable.
    name : str or None
    owner : Apply or None
        The node that computes it; None for an input.
    index : int
        Which of the node's results it is.
    place : Place
        Where it was built.
    """

    __array_ufunc__ = None  # NumPy's arrays leave the arithmetic with variables to these

    def __init__(self, kind: Type, name: str | None = None, owner: Apply | None = None, index: int = 0) -> None:
        self.type, self.name, self.owner, self.index = kind, name, owner, index
        self.place = owner.place if owner else place()

    @property
    def dtype(self) -> str:
        """The name of its dtype."""
        return self.type.dtype

    @property
    def ndim(self) -> int:
        """The number of its axes."""
        return self.type.ndim

    @property
    def broadcastable(self) -> tuple[bool, ...]:
        """For each axis, whether it has length 1 and may stretch."""
        return self.type.broadcastable

    def __repr__(self) -> str:
        return self.name or (str(self.owner.op) if self.owner else f"<{self.type}>")

    def __str__(self) -> str:
        return f"{self!r} ({self.type}, built at {self.place})"

    def __bool__(self) -> bool:
        raise TypeError(f"{self}: expected a number to decide by; a symbol has no value yet (use where)")

    def __iter__(self) -> Iterator[Variable]:
        raise TypeError(f"{self}: expected something to loop over; a symbol has no length yet (use scan)")


class Constant(Variable):
    """A variable whose value is known and stays."""

    def __init__(self, value: np.ndarray, name: str | None = None) -> None:
        super().__init__(Type(value.dtype.name, tuple(n == 1 for n in value.shape)), name)
        self.value = value

    def __repr__(self) -> str:
        return self.name or (str(self.value) if self.value.size == 1 else f"<constant {self.type}>")


class Apply:
    """A node: one use of an operation.

    Attributes
    ----------
    op : Op
    inputs, outputs : tuple of Variable
    place : Place
        Where it was built.
    """

    def __init__(self, op: Op, inputs: Sequence[Variable]) -> None:
        self.op, self.inputs, self.place = op, tuple(inputs), place()
        self.outputs = tuple(Variable(kind, None, self, i) for i, kind in enumerate(op.types(*self.inputs)))

    def __repr__(self) -> str:
        names = ", ".join(map(repr, self.inputs))
        return f"{self.op}({names}), built at {self.place}"


class Op(ABC):
    """A kind of operation. Two that are equal, on the same inputs, are computed once."""

    takes_numbers = False  # whether numbers of the host may stand beside arrays of the device

    def __str__(self) -> str:
        return getattr(self, "name", type(self).__name__.lower())

    def __call__(self, *inputs: Any) -> Any:
        """The symbolic result, or a tuple of them."""
        outputs = Apply(self, [as_variable(value) for value in inputs]).outputs
        return outputs[0] if len(outputs) == 1 else outputs

    @abstractmethod
    def types(self, *inputs: Variable) -> Sequence[Type]:
        """Types of the results; raises TypeError or ValueError for inputs that cannot be."""

    def perform(self, xp: ModuleType, *values: Array) -> Any:
        """The result for these arrays, or a tuple of results. The arrays are left as they are.

        An operation that can do something beforehand, for all calls, has a `prepare` of its own instead.
        """
        raise NotImplementedError

    def prepare(self, node: Apply, xp: ModuleType) -> Callable[..., Any]:
        """What computes a node's results from its inputs' values, in the library `xp`."""
        return partial(self.perform, xp)

    def gradients(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], dys: Sequence[Variable | None]
    ) -> Sequence[Variable | None]:
        """Symbolic gradients of a cost with respect to the inputs, given those with respect to the outputs.

        None among `dys` is a result on which the cost does not depend; None in the answer an input that has no
        influence on the results' values, or none that a gradient could tell of; UNDEFINED, one that has.
        """
        raise NotDifferentiableError


def float_x() -> str:
    """The dtype of floats that do not say: the user's setting (see `config`), as Theano's floatX was."""
    return config.setting("dtype").value


def constant(value: Any, name: str | None = None, dtype: str | None = None) -> Constant:
    """A constant variable: a number, an array, or lists of numbers. A Python float is of the dtype `float_x`."""
    if isinstance(value, float) and not isinstance(value, np.generic) and dtype is None:
        dtype = float_x()
    numbers = np.array(value if isinstance(value, bool | int | float | complex | list | tuple) else to_host(value))
    if numbers.dtype.kind not in "biufc":
        raise TypeError(f"value: expected numbers or a variable; got {value!r}")
    return Constant(numbers if dtype is None else numbers.astype(dtype), name)


def as_variable(value: Any) -> Variable:
    """`value` if it is a variable, otherwise the constant that it is."""
    return value if isinstance(value, Variable) else constant(value)


def method(*names: str) -> Callable[[Callable], Callable]:
    """Make a function of variables a method of theirs too: rooms above this one extend what variables can do."""

    def attach(function: Callable) -> Callable:
        for name in names:
            setattr(Variable, name, function)
        return function

    return attach
