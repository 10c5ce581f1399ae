"""Ways through a graph: all that a variable is computed from, in order, and the same graph with parts replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from netlib.graph.axes import declared
from netlib.graph.nodes import Apply, Variable, built_at
from netlib.graph.sorting import kahn


def ancestors(variables: Iterable[Variable], stop: Collection[Variable] = ()) -> list[Apply]:
    """Every node that is needed to compute the variables, each after those that it needs; not behind `stop`."""
    found: dict[Apply, list[Apply]] = {}
    waiting = [v.owner for v in variables if v.owner and v not in stop]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found[node] = [v.owner for v in node.inputs if v.owner and v not in stop]
            waiting += found[node]
    return kahn(reversed(found), found.__getitem__)


def leaves(variables: Sequence[Variable], stop: Collection[Variable] = ()) -> Iterator[Variable]:
    """What the variables are computed from in the end: inputs, shared variables, constants, and what `stop` holds."""
    read = [*variables, *(v for node in ancestors(variables, stop) for v in node.inputs)]
    return iter(dict.fromkeys(v for v in read if v.owner is None or v in stop))


def replaced(variables: Sequence[Variable], by: Mapping[Variable, Variable]) -> list[Variable]:
    """The variables as they would be if those in `by` had been others from the start; all at once, not in turn.

    Raises
    ------
    TypeError
        If a replacement has another dtype or number of axes.
    """
    new = {old: fitting(replacement, old) for old, replacement in by.items()}
    for node in ancestors(variables, by):
        if any(v in new for v in node.inputs):
            with built_at(node.place):
                made = Apply(node.op, [new.get(v, v) for v in node.inputs])
            pairs = zip(node.outputs, made.outputs, strict=True)
            for old, output in pairs:
                output.name = old.name
                new.setdefault(old, output)
    return [new.get(v, v) for v in variables]


def fitting(value: Variable, old: Variable) -> Variable:
    """`value` as something that can stand for `old`; that lengths are 1 where they must be is checked in a call."""
    if value.dtype != old.dtype or value.ndim != old.ndim:
        raise TypeError(f"expected something of the type of {old}; got {value}")
    return declared(value, old.broadcastable)
