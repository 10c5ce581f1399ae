"""From symbols to something that can be called: inputs, outputs, updates of shared variables, and substitutions."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from netlib import checks
from netlib.backend import Array, device_namespace, to_host
from netlib.graph.arguments import In, Out, converted
from netlib.graph.elementwise import together
from netlib.graph.nodes import Variable, as_variable, method
from netlib.graph.schedule import Schedule
from netlib.graph.sharing import SharedVariable
from netlib.graph.walking import fitting, leaves, replaced

Pairs = Mapping[Variable, Any] | Iterable[tuple[Variable, Any]] | None
Outputs = Variable | Out | Sequence[Variable | Out] | None


class Function:
    """What `function` makes: a callable with a schedule.

    Attributes
    ----------
    inputs : list of In
    updates : dict of SharedVariable to Variable
        What each call makes of shared variables, those among them that update themselves.
    schedule : Schedule
        The steps of a call.
    xp : module
        The array library that it computes with.
    """

    def __init__(
        self,
        inputs: Sequence[In],
        outputs: Sequence[Out],
        updates: dict[SharedVariable, Variable],
        *,
        listed: bool,
        allow_input_downcast: bool | None,
        merge: bool,
        name: str | None,
        xp: ModuleType,
    ) -> None:
        self.inputs, self.updates, self.name, self.xp = list(inputs), updates, name, xp
        self._outputs, self._listed, self._downcast = list(outputs), listed, allow_input_downcast
        wanted = [out.variable for out in outputs] + list(updates.values())
        self.schedule = Schedule([i.variable for i in inputs], wanted, xp, merge=merge)
        self._constants = {id(value) for value in self.schedule.constants.values()}

    def __repr__(self) -> str:
        return f"function {self.name or ''}({', '.join(i.name or '_' for i in self.inputs)})"

    def __call__(self, *values: Any, **named: Any) -> Any:
        """Outputs for these inputs, in the order of `inputs` or by name; then shared variables are updated, at once."""
        given = [
            converted(one, value, self.xp, self._downcast)
            for one, value in zip(self.inputs, self._matched(values, named), strict=True)
        ]
        results = self.schedule.run(given)
        kept = self._constants | {id(variable.value) for _, variable in self.schedule.shared}
        kept |= {id(value) for one, value in zip(self.inputs, given, strict=True) if not one.borrow}
        count = len(self._outputs)
        outputs = [
            value if out.borrow else _own(value, kept)
            for out, value in zip(self._outputs, results[:count], strict=True)
        ]
        news = [_own(value, kept) for value in results[count:]]
        for variable, value in zip(self.updates, news, strict=True):
            variable.value = variable.home.asarray(value)
        outputs = [value if out.borrow else to_host(value) for out, value in zip(self._outputs, outputs, strict=True)]
        return outputs if self._listed else outputs[0] if outputs else None

    def _matched(self, values: Sequence[Any], named: dict[str, Any]) -> list[Any]:
        """A value for each input."""
        if len(values) > len(self.inputs):
            raise TypeError(f"{self!r}: expected at most {len(self.inputs)} inputs; got {len(values)}")
        rest = self.inputs[len(values) :]
        for name in named:
            if name not in [one.name for one in rest]:
                raise TypeError(f"{self!r}: expected no input {name!r} besides those that were given")
        found = list(values)
        for one in rest:
            value = named.get(one.name, one.value) if one.name else one.value
            if value is None:
                raise TypeError(f"{self!r}: expected a value for {one.variable}")
            found.append(value)
        return found


def _own(value: Array, kept: set[int]) -> Array:
    """The array, or a copy if somebody else holds it or the memory that it shows; from now on somebody does."""
    if isinstance(value, np.generic):
        return np.asarray(value)
    if id(value) in kept or value.base is not None:
        return value.copy()
    kept.add(id(value))
    return value


def function(
    inputs: Sequence[Variable | In],
    outputs: Outputs = None,
    *,
    updates: Pairs = None,
    givens: Pairs = None,
    allow_input_downcast: bool | None = None,
    on_unused_input: str = "raise",
    name: str | None = None,
    merge: bool = True,
    device: str = "auto",
) -> Function:
    """Make a function of symbols callable.

    Parameters
    ----------
    inputs : sequence of Variable or In
        What it will be given.
    outputs : Variable, Out, or sequence of these, optional
        What it returns, as arrays of the host.
    updates : mapping or pairs of SharedVariable and Variable
        New values of shared variables, computed from the old ones, all of them, and the inputs.
    givens : mapping or pairs of Variable and Variable
        What to put in the place of variables, all at once, before anything else.
    allow_input_downcast : bool, optional
        Whether inputs may lose precision: True, False, or, unless given, Python's floats only.
    on_unused_input : {"raise", "warn", "ignore"}
        What to do about an input of which nothing depends.
    name : str, optional
        For its errors.
    merge : bool
        Compute common subexpressions once, and those of constants beforehand.
    device : {"auto", "cpu", "gpu"}
        Where to compute, if no shared variable says so.

    Returns
    -------
    Function

    Raises
    ------
    TypeError, ValueError
        If something that is needed is not among the inputs, types do not fit, or shared variables live on different
        devices; the message names the variable and where it was built.
    """
    checks.choice("on_unused_input", on_unused_input, ("raise", "warn", "ignore"))
    several = isinstance(outputs, Sequence)
    listed = [] if outputs is None else list(outputs) if several else [outputs]
    ins = [one if isinstance(one, In) else In(one) for one in inputs]
    outs = [one if isinstance(one, Out) else Out(as_variable(one)) for one in listed]
    symbols = [one.variable for one in ins]
    for i, one in enumerate(symbols):
        if isinstance(one, SharedVariable) or one in symbols[:i]:
            raise ValueError(f"inputs: expected different variables that have no value; got {one}")

    instead = {old: together(old, value)[1] for old, value in _pairs("givens", givens)}
    shown = [out.variable for out in outs]
    news = dict(_pairs("updates", updates))
    news = _updates(shown, news | _self_updates(shown, news, instead), instead)
    wanted = replaced([*(out.variable for out in outs), *news.values()], instead)
    outs = [Out(variable, out.borrow) for variable, out in zip(wanted, outs, strict=False)]
    used = set(leaves(wanted, symbols))
    for one in symbols:
        if one not in used and on_unused_input != "ignore":
            message = f"inputs: expected only what outputs and updates depend on; got {one}"
            if on_unused_input == "raise":
                raise ValueError(message)
            warnings.warn(message, stacklevel=2)
    homes = {v.xp.__name__: v.xp for v in (*used, *news) if isinstance(v, SharedVariable)}
    if len(homes) > 1:
        raise ValueError(f"device: expected shared variables of one device; they are of {' and '.join(homes)}")
    xp = next(iter(homes.values()), None) or device_namespace(device)
    return Function(
        ins,
        outs,
        dict(zip(news, wanted[len(outs) :], strict=True)),
        listed=several,
        allow_input_downcast=allow_input_downcast,
        merge=merge,
        name=name,
        xp=xp,
    )


def _pairs(name: str, pairs: Pairs) -> list[tuple[Variable, Any]]:
    """Pairs with a variable in front, each of them once."""
    listed = list(pairs.items()) if isinstance(pairs, Mapping) else list(pairs or ())
    for pair in listed:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"{name}: expected pairs of a variable and what becomes of it; got {pair!r}")
    firsts = [pair[0] for pair in listed]
    for i, first in enumerate(firsts):
        if not isinstance(first, Variable) or (name == "updates" and not isinstance(first, SharedVariable)):
            raise TypeError(f"{name}: expected pairs of a variable and what becomes of it; got {first}")
        if first in firsts[:i]:
            raise ValueError(f"{name}: expected each variable once; got {first} again")
    return listed


def _updates(
    outputs: Sequence[Variable], updates: dict[SharedVariable, Any], instead: Mapping[Variable, Variable]
) -> dict[SharedVariable, Variable]:
    """The updates, and those of shared variables that update themselves, if outputs or updates use them."""
    found: dict[SharedVariable, Variable] = {}
    while updates:
        for variable, value in updates.items():
            try:
                found[variable] = fitting(together(variable, value)[1], variable)
            except TypeError as error:
                raise TypeError(f"updates: {error}") from None
        updates = _self_updates([*outputs, *found.values()], found, instead)
    return found


def _self_updates(
    outputs: Sequence[Variable], found: Collection[Variable], instead: Mapping[Variable, Variable]
) -> dict[SharedVariable, Variable]:
    used = leaves(replaced(outputs, instead))
    shared = [v for v in used if isinstance(v, SharedVariable) and v not in found]
    return {v: v.default_update for v in shared if v.default_update is not None}


@method("eval")
def evaluate(output: Variable, given: Mapping[Variable, Any] | None = None) -> Array:
    """The value of a variable for values of its inputs; the function for it is kept."""
    given = given or {}
    kept = output.__dict__.setdefault("_evaluators", {})
    if tuple(given) not in kept:
        kept[tuple(given)] = function(list(given), output, on_unused_input="ignore")
    return kept[tuple(given)](*given.values())
