"""What is to be seen of a graph: for each node its name, shape, value and gradient, and what it is computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netlib.backend import Array, to_host
from netlib.graph.functions import function
from netlib.graph.gradient import backpropagate
from netlib.graph.nodes import Variable, as_variable
from netlib.graph.tiny import Input, Node
from netlib.graph.walking import ancestors, leaves


@dataclass(frozen=True)
class Seen:
    """A node of a graph with what went through it.

    Attributes
    ----------
    name : str
    value : array
    gradient : array or None
        Of the cost at the end of the graph; None if there is none.
    needs : tuple of int
        Places, in the list that this is part of, of what it is computed from.
    """

    name: str
    value: np.ndarray
    gradient: np.ndarray | None
    needs: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The value's."""
        return self.value.shape


def seen(output: Variable, given: Mapping[Variable, Any] | None = None, *, device: str = "auto") -> list[Seen]:
    """Every variable of which `output` is computed, in order, and `output` itself, for values of the inputs.

    Parameters
    ----------
    output : Variable
        If it is a float without axes, it is taken for a cost, and gradients are shown.
    given : mapping of Variable to array
        Values of the inputs.
    device : {"auto", "cpu", "gpu"}
        As for `function`.
    """
    nodes = ancestors([output])
    variables = list(dict.fromkeys([*leaves([output]), *(y for node in nodes for y in node.outputs)]))
    gradients: list[Variable | None] = [None] * len(variables)
    if output.ndim == 0 and output.type.is_float:
        found = backpropagate({output: as_variable(1).astype(output.dtype)}, [v for v in variables if v.type.is_float])
        rest = iter(found)
        gradients = [next(rest) if v.type.is_float else None for v in variables]
    given = dict(given or {})
    wanted = [*variables, *(g for g in gradients if g is not None)]
    values = iter(function(list(given), wanted, on_unused_input="ignore", device=device)(*given.values()))
    shown = [next(values) for _ in variables]
    place = {v: i for i, v in enumerate(variables)}
    return [
        Seen(
            repr(variable),
            value,
            None if gradient is None else next(values),
            tuple(dict.fromkeys(place[v] for v in variable.owner.inputs)) if variable.owner else (),
        )
        for variable, value, gradient in zip(variables, shown, gradients, strict=True)
    ]


def seen_nodes(graph: Sequence[Node], names: Mapping[Node, str] | None = None) -> list[Seen]:
    """The same for sorted nodes of the tiny framework, after a pass forward and back.

    Parameters
    ----------
    graph : sequence of Node
        From `tiny.topological_sort`.
    names : mapping of Node to str, optional
        What to call some of them; others are called by their kind.
    """
    place = {node: i for i, node in enumerate(graph)}
    return [
        Seen(
            (names or {}).get(node, type(node).__name__),
            _on_host(node.value),
            _on_host(node.gradient()) if node.outbound else None,
            () if isinstance(node, Input) else tuple(dict.fromkeys(place[n] for n in node.inbound)),
        )
        for node in graph
    ]


def _on_host(value: Array) -> np.ndarray:
    return np.asarray(to_host(value))
