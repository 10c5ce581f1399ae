"""Backpropagation as symbols: from the graph of a cost, the graph of its gradients."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from netlib import checks
from netlib.graph.axes import Length, declared, fill
from netlib.graph.elementwise import cast
from netlib.graph.nodes import UNDEFINED, Apply, NotDifferentiableError, Variable, as_variable, built_at
from netlib.graph.reductions import zeros_like
from netlib.graph.walking import ancestors


class DisconnectedError(ValueError):
    """A gradient was asked for with respect to something on which the cost does not depend."""


def grad(
    cost: Variable | None,
    wrt: Variable | Sequence[Variable],
    *,
    consider_constant: Collection[Variable] = (),
    disconnected_inputs: str = "raise",
    known_grads: Mapping[Variable, Any] | None = None,
) -> Variable | list[Variable]:
    """Symbolic gradients of a cost.

    Parameters
    ----------
    cost : Variable
        A number; None if `known_grads` says where to begin.
    wrt : Variable or sequence of Variable
        Of floats; with respect to what.
    consider_constant : collection of Variable
        Through these, no gradient goes back.
    disconnected_inputs : {"raise", "warn", "ignore"}
        What to do if the cost does not depend on one of `wrt`; its gradient is zeros, if it is not an error.
    known_grads : mapping of Variable to Variable, optional
        Gradients of the cost with respect to some variables, from which to go on.

    Returns
    -------
    Variable or list of Variable
        As `wrt`; each of the type of what it is taken with respect to.

    Raises
    ------
    TypeError
        If the cost is no number, or something in `wrt` has no gradient.
    NotDifferentiableError
        If the way from the cost leads through an operation without gradient; the message says where it was built.
    DisconnectedError
        If the cost does not depend on one of `wrt`.
    """
    checks.choice("disconnected_inputs", disconnected_inputs, ("raise", "warn", "ignore"))
    several = isinstance(wrt, list | tuple)
    wrt = list(wrt) if several else [wrt]
    for variable in wrt:
        if not isinstance(variable, Variable) or not variable.type.is_float:
            raise TypeError(f"wrt: expected variables of floats; got {variable}")
    starts = {v: matched(as_variable(g), v) for v, g in (known_grads or {}).items()}
    if cost is not None:
        cost = as_variable(cost)
        if cost.ndim or not cost.type.is_float:
            raise TypeError(f"cost: expected a float of no axes; got {cost}")
        starts[cost] = cast(as_variable(1), cost.dtype)
    found = backpropagate(starts, wrt, consider_constant)
    for i, variable in enumerate(wrt):
        if found[i] is None:
            _complain(list(starts), variable, disconnected_inputs)
            found[i] = zeros_like(variable)
    return found if several else found[0]


def backpropagate(
    starts: Mapping[Variable, Variable], wrt: Sequence[Variable], consider_constant: Collection[Variable] = ()
) -> list[Variable | None]:
    """Gradients with respect to each of `wrt`, given those with respect to some variables; None: no influence."""
    nodes = ancestors(starts, consider_constant)
    reached = _reached(nodes, wrt)
    arrived: dict[Variable, Variable] = {v: g for v, g in starts.items() if v in reached}
    for node in reversed(nodes):
        dys = [arrived.get(y) for y in node.outputs]
        if not any(x in reached for x in node.inputs) or all(dy is None for dy in dys):
            continue
        with built_at(node.place):
            why = ""
            try:
                dxs = node.op.gradients(node.inputs, node.outputs, dys)
            except NotDifferentiableError as error:
                dxs, why = [UNDEFINED] * len(node.inputs), f"; {error}" if str(error) else ""
            for x, dx in zip(node.inputs, dxs, strict=True):
                if x not in reached or dx is None:
                    continue
                if dx is UNDEFINED:
                    raise NotDifferentiableError(
                        f"cost: the way back to {x!r} leads through {node}, which has no gradient{why}"
                    )
                dx = matched(dx, x)
                arrived[x] = arrived[x] + dx if x in arrived else dx  # where paths meet, gradients are added
    return [arrived.get(v) for v in wrt]


def _reached(nodes: Sequence[Apply], wrt: Sequence[Variable]) -> set[Variable]:
    """All that depends on `wrt` by way of real numbers; whole numbers and truth values let no gradient through."""
    reached = set(wrt)
    for node in nodes:
        if any(x in reached for x in node.inputs):
            for y in node.outputs:
                if y.dtype.startswith("complex"):
                    raise NotDifferentiableError(f"cost: gradients of complex numbers are not defined; got {node}")
                if y.type.is_float:
                    reached.add(y)
    return reached


def matched(gradient: Variable, variable: Variable) -> Variable:
    """The gradient as something of the variable's type."""
    gradient = cast(gradient, variable.dtype)
    if gradient.ndim != variable.ndim:
        raise ValueError(f"expected a gradient with the axes of {variable}; got {gradient}")
    if any(a and not b for a, b in zip(gradient.broadcastable, variable.broadcastable, strict=True)):
        return fill(variable, gradient)
    return declared(gradient, variable.broadcastable)


def _complain(starts: list[Variable], variable: Variable, how: str) -> None:
    if how == "ignore":
        return
    depending, steps = {variable}, []
    for node in ancestors(starts):
        if any(x in depending for x in node.inputs) and not isinstance(node.op, Length):
            depending.update(node.outputs)
            steps += [node] if not any(y.type.is_float for y in node.outputs) else []
    if how == "raise" and steps and depending & set(starts):
        raise NotDifferentiableError(
            f"cost: it depends on {variable} only by whole numbers, whose slope is 0 or does not exist: by {steps[0]}"
        )
    message = f"wrt: expected something that the cost depends on; got {variable}"
    if how == "raise":
        raise DisconnectedError(message)
    warnings.warn(message, stacklevel=3)
