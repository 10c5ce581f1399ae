"""The costs of `netlib.ops` as symbols, for outputs in rows: exact where a formula of probabilities would overflow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from netlib import ops
from netlib.backend import Array
from netlib.graph.nodes import UNDEFINED, NotDifferentiableError, Op, Type, Variable, as_variable


@dataclass(frozen=True)
class CostOf(Op):
    """A cost of weighted inputs (N, K) against labels (N,) or targets (N, K), or its gradient by the former."""

    cost: ops.Cost
    slope: bool = False

    def __str__(self) -> str:
        return f"{self.cost.name}'s gradient" if self.slope else self.cost.name

    def types(self, z: Variable, y: Variable) -> list[Type]:
        labels = y.ndim == 1 and y.dtype.startswith("int")
        if z.ndim != 2 or not z.type.is_float or not (labels or (y.ndim == 2 and y.dtype == z.dtype)):
            raise TypeError(f"{self}: expected floats (N, K), and labels (N,) or targets like them; got {z} and {y}")
        return [z.type if self.slope else Type(z.dtype, ())]

    def perform(self, xp: ModuleType, z: Array, y: Array) -> Array:
        if len(z) != len(y) or z.shape[1:] != (y.shape[1:] or z.shape[1:]):
            raise ValueError(f"expected as many targets as outputs; got {y.shape} for {z.shape}")
        activation = self.cost.activation or ops.linear
        z, targets = z.T, ops.targets(y, z.shape[1], z.dtype)
        a = activation(z)
        return self.cost.gradient(activation, z, a, targets).T if self.slope else self.cost.value(z, a, targets)

    def gradients(self, inputs: Sequence[Variable], outputs: Any, dys: Sequence[Variable]) -> list[Variable | None]:
        if self.slope:
            raise NotDifferentiableError
        return [CostOf(self.cost, slope=True)(*inputs) * dys[0], None if inputs[1].ndim == 1 else UNDEFINED]


def log_likelihood(z: Any, y: Any) -> Variable:
    """``-mean(log(softmax(z))[arange(N), y])``, for weighted inputs z (N, K) and labels y (N,) or targets (N, K)."""
    return CostOf(ops.log_likelihood)(as_variable(z), as_variable(y))


def cross_entropy(z: Any, y: Any) -> Variable:
    """The cross-entropy of ``sigmoid(z)``, for weighted inputs z (N, K) and labels y (N,) or targets (N, K)."""
    return CostOf(ops.cross_entropy)(as_variable(z), as_variable(y))


def quadratic(a: Any, y: Any) -> Variable:
    """Half the squared distance, the mean over N, of outputs a (N, K) from labels y (N,) or targets (N, K)."""
    return CostOf(ops.quadratic)(as_variable(a), as_variable(y))
