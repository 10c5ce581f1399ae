"""A graph made into steps: what must be computed, each thing once, in what order, and for how long it is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from netlib.backend import Array
from netlib.graph.nodes import Apply, Constant, Variable
from netlib.graph.sharing import SharedVariable
from netlib.graph.walking import ancestors, leaves


class Step(NamedTuple):
    """A node to be computed: how, from which slots, into which, and which are not needed afterwards."""

    node: Apply
    compute: Callable[..., Any]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    spent: tuple[int, ...]
    arguments: Callable[[list[Array]], Sequence[Array]]  # picks those of the inputs from the values of all slots


class Schedule:
    """The steps from inputs to outputs.

    Parameters
    ----------
    inputs, outputs : sequence of Variable
        What will be given, what is wanted. What is not needed for the outputs is not computed.
    xp : module
        The array library.
    merge : bool
        Compute common subexpressions once, and those of constants beforehand.

    Raises
    ------
    ValueError
        If an output depends on something that is not given, or on itself.
    """

    def __init__(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], xp: ModuleType, *, merge: bool = True
    ) -> None:
        nodes = ancestors(outputs, inputs)
        for leaf in leaves(outputs, inputs):
            if leaf not in inputs and not isinstance(leaf, Constant | SharedVariable):
                user = next((node for node in nodes if leaf in node.inputs), None)
                raise ValueError(f"inputs: expected {leaf} among them, which is needed for {user or 'an output'}")
        twin = _twins(nodes, leaves(outputs, inputs)) if merge else {}

        def one(variable: Variable) -> Variable:
            return twin.get(variable, variable)

        nodes = list(dict.fromkeys(node for node in nodes if one(node.outputs[0]) is node.outputs[0]))
        known = dict.fromkeys([*inputs, *(one(v) for v in (*outputs, *(v for n in nodes for v in n.inputs)))])
        slots = {v: i for i, v in enumerate([*known, *(y for n in nodes for y in n.outputs if y not in known)])}
        on_host = _on_host(known, nodes, one) if xp is not np else set()
        self.constants = {
            slots[v]: v.value[()] if v in on_host else xp.asarray(v.value) for v in known if isinstance(v, Constant)
        }
        self.shared = [(slots[v], v) for v in known if isinstance(v, SharedVariable) and v not in inputs]
        self._inputs = [slots[v] for v in inputs]
        self._outputs = [slots[one(v)] for v in outputs]
        self._blank = [self.constants.get(i) for i in range(len(slots))]
        self.steps: list[Step] = []
        last_user = {one(v): n for n in nodes for v in n.inputs}
        wanted = {one(v) for v in outputs}
        for node in nodes:
            read = tuple(slots[one(v)] for v in node.inputs)
            made = tuple(slots[y] for y in node.outputs)
            ends = {one(v) for v in node.inputs if last_user[one(v)] is node}
            spent = tuple(slots[v] for v in ends - wanted if slots[v] not in self.constants)
            compute = node.op.prepare(node, xp)
            if xp is not np:
                compute = _beside_the_host(compute, node, xp, on_host, one)
            step = Step(node, compute, read, made, spent, _picked(read))
            if merge and len(made) == 1 and read and all(i in self.constants for i in read):
                self.constants[made[0]] = self._blank[made[0]] = self._folded(step)
            else:
                self.steps.append(step)

    def _folded(self, step: Step) -> Array:
        """What a step computes from constants alone."""
        try:
            return step.compute(*[self.constants[i] for i in step.inputs])
        except Exception as error:
            raise _named(error, step, self._blank) from error

    def run(self, given: Sequence[Array]) -> list[Array]:
        """Values of the outputs for these of the inputs."""
        values = self._blank.copy()
        for slot, value in zip(self._inputs, given, strict=True):
            values[slot] = value
        for slot, variable in self.shared:
            values[slot] = variable.value
        step = None
        try:
            for step in self.steps:
                _, compute, _, made, spent, arguments = step
                result = compute(*arguments(values))
                if len(made) == 1:
                    values[made[0]] = result
                else:
                    for slot, part in zip(made, result, strict=True):
                        values[slot] = part
                for slot in spent:
                    values[slot] = None
        except Exception as error:
            raise _named(error, step, values) from error
        return [values[i] for i in self._outputs]


def _picked(slots: tuple[int, ...]) -> Callable[[list[Array]], Sequence[Array]]:
    """What takes these slots out of a list, without a loop in Python."""
    if len(slots) > 1:
        return itemgetter(*slots)
    first = slots[0] if slots else 0
    return itemgetter(slice(first, first + len(slots)))


def _twins(nodes: Sequence[Apply], starts: Any) -> dict[Variable, Variable]:
    """For each variable the first one that is computed in the same way from the same."""
    twin: dict[Variable, Variable] = {}
    first: dict[Any, Any] = {}
    for leaf in starts:
        if isinstance(leaf, Constant):
            key = leaf.type, leaf.value.shape, leaf.value.tobytes()
            twin[leaf] = first.setdefault(key, leaf)
    for node in nodes:
        key = node.op, tuple(twin.get(v, v) for v in node.inputs)
        twin.update(zip(node.outputs, first.setdefault(key, node.outputs), strict=True))
    return twin


def _on_host(known: Any, nodes: Sequence[Apply], one: Callable[[Variable], Variable]) -> set[Variable]:
    """Numbers that stay on the host where arrays live on a GPU: whole ones, and what is made of constants alone.

    Lengths and indices are needed there, to make arrays and to cut them; and a number travels with any operation.
    """
    found = {v for v in known if v.ndim == 0 and (isinstance(v, Constant) or _is_whole(v))}
    for node in nodes:
        made = [y for y in node.outputs if y.ndim == 0]
        from_host = node.op.takes_numbers and node.inputs and all(one(v) in found for v in node.inputs)
        found.update(y for y in made if from_host or _is_whole(y))
    return found


def _is_whole(variable: Variable) -> bool:
    return np.dtype(variable.dtype).kind in "iu"


def _beside_the_host(
    compute: Callable[..., Any],
    node: Apply,
    xp: ModuleType,
    on_host: set[Variable],
    one: Callable[[Variable], Variable],
) -> Callable[..., Any]:
    """The same computation, given and giving the numbers of `on_host` on the host."""
    numbers = [one(v) in on_host for v in node.inputs]
    fetched = [y in on_host for y in node.outputs]
    if node.op.takes_numbers and all(numbers) and all(fetched):
        on_cpu = node.op.prepare(node, np)
        return on_cpu if len(fetched) > 1 else lambda *values: np.asarray(on_cpu(*values))[()]  # a number, not an array

    def across(*values: Array) -> Any:
        if not node.op.takes_numbers:
            values = [xp.asarray(v) if number else v for v, number in zip(values, numbers, strict=True)]
        results = compute(*values)
        if not any(fetched):
            return results
        results = [results] if len(fetched) == 1 else results
        dtypes = [np.dtype(y.dtype).type for y in node.outputs]
        results = [t(r.item()) if f else r for r, t, f in zip(results, dtypes, fetched, strict=True)]
        return results[0] if len(fetched) == 1 else results

    return across


def _named(error: Exception, step: Step, values: Sequence[Array]) -> Exception:
    """The error, which names the node, what it was given, and where the user built it."""
    given = " and ".join(f"{values[i].dtype} {values[i].shape}" for i in step.inputs if hasattr(values[i], "shape"))
    message = f"{step.node}: {error}; given {given or 'nothing'}"
    for kind in (IndexError, TypeError, ZeroDivisionError, ValueError):
        if isinstance(error, kind):
            return kind(message)
    error.add_note(message)
    return error
