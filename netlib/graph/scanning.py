"""scan: a loop over symbolic sequences, written as a function of one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from netlib import checks
from netlib.graph.axes import unbroadcast
from netlib.graph.elementwise import cast, maximum, minimum, together
from netlib.graph.loops import Scan
from netlib.graph.nodes import Constant, Type, Variable, as_variable
from netlib.graph.sharing import SharedVariable
from netlib.graph.walking import ancestors, fitting, leaves, replaced


def scan(
    fn: Callable[..., Any],
    sequences: Any = None,
    outputs_info: Any = None,
    non_sequences: Any = None,
    n_steps: int | Variable | None = None,
    *,
    truncate_gradient: int = -1,
    go_backwards: bool = False,
) -> tuple[Variable | list[Variable], dict[SharedVariable, Variable]]:
    """Repeat a step, and stack what it computes.

    Parameters
    ----------
    fn : callable
        The step. It is called once, with symbols for an entry of each sequence, for the previous value of each output
        that has one, and with the non-sequences; it returns the outputs (one, a list, or none), a dict of updates of
        shared variables, or both.
    sequences : Variable, dict or list of these
        What is looped over, along the first axis. ``{"input": x, "taps": [-1, 0]}`` gives a step the entry before
        its own as well.
    outputs_info : Variable, dict, None, or a list of these
        For each output its value before the first step; None, if a step does not need the one before. With
        ``{"initial": x, "taps": [-2, -1]}``, it needs the last two, and `x` holds the first values along its first
        axis.
    non_sequences : Variable or list of Variable
        What is the same in every step, a mask that was drawn before too. Other symbols may be used by `fn` as well;
        a mask among them is drawn anew in every step.
    n_steps : int or Variable, optional
        As many as the shortest sequence has entries unless given.
    truncate_gradient : int
        How many steps, from the last, a gradient goes back; -1 for all.
    go_backwards : bool
        Begin with the last entries of the sequences.

    Returns
    -------
    outputs : Variable or list of Variable
        Of all steps along a new first axis, in the order of the steps.
    updates : dict of SharedVariable to Variable
        What the loop makes of shared variables, those too that update themselves, to be handed to `function`.
    """
    if not isinstance(truncate_gradient, int) or truncate_gradient == 0 or truncate_gradient < -1:
        raise ValueError(f"truncate_gradient: expected -1 or a positive number; got {truncate_gradient!r}")
    over = [one for given in _listed(sequences) for one in _taken(given, go_backwards)]
    entries = [Variable(Type(s.dtype, s.broadcastable[1:]), s.name and f"{s.name}[t]") for s in over]
    memories = [_Memory(info) for info in _listed(outputs_info)]
    before = [symbol for memory in memories for symbol in memory.symbols()]
    fixed = list(map(as_variable, _listed(non_sequences)))
    outputs, updates = _parted(fn(*entries, *before, *fixed))
    _add_self_updates(updates, outputs, [*entries, *before, *fixed])
    if memories and len(memories) != len(outputs):
        raise ValueError(f"outputs_info: expected an entry for each of {len(outputs)} outputs; got {len(memories)}")
    memories = memories or [_Memory(None) for _ in outputs]

    states = [state for memory in memories for state in memory.states]
    firsts = [first for memory in memories for first in memory.firsts]
    news = [new for memory, output in zip(memories, outputs, strict=True) for new in memory.news(output)]
    results = [output for memory, output in zip(memories, outputs, strict=True) if not memory.states]
    counters = {variable: Variable(unbroadcast(variable).type) for variable in updates}
    news += [fitting(unbroadcast(value), counters[variable]) for variable, value in updates.items()]
    states += counters.values()
    firsts += map(unbroadcast, updates)

    instead = {old: fitting(new, old) for old, new in counters.items()}
    inside = replaced([*news, *results], instead)
    outer = _constant_in(inside, [*entries, *states])
    copies = {variable: Variable(variable.type, variable.name) for variable in outer}
    inside = replaced(inside, copies)
    step = entries, states, list(copies.values()), inside[: len(news)], inside[len(news) :]
    loop = Scan(*step, [True] * len(states), truncate_gradient)
    made = loop(_length(n_steps, over), *over, *firsts, *outer)
    made = [made] if isinstance(made, Variable) else list(made)

    stacked = iter(made[len(states) :])
    histories = iter(made)
    found = []
    for memory in memories:
        own = [next(histories) for _ in memory.states]
        found.append(own[0] if own else next(stacked))
    finals = {variable: fitting(next(histories)[-1], variable) for variable in updates}
    return found[0] if len(found) == 1 else found, finals


class _Memory:
    """What an output remembers from step to step: its last values, the newest first; nothing without `info`."""

    def __init__(self, info: Any) -> None:
        given = info if isinstance(info, Mapping) else {"initial": info}
        unknown = given.keys() - {"initial", "taps"}
        taps = _listed(given.get("taps")) or [-1]
        if unknown or any(not isinstance(tap, int) or tap >= 0 for tap in taps):
            raise ValueError(f"outputs_info: expected initial values, and taps that are negative; got {info}")
        self.taps, initial = list(taps), given.get("initial")
        depth = -min(taps)
        self.firsts: list[Variable] = []
        if initial is not None:
            values = unbroadcast(initial)
            if taps == [-1]:
                self.firsts = [values]
            elif values.ndim:
                self.firsts = [values[depth - 1 - back] for back in range(depth)]
            else:
                raise ValueError(f"outputs_info: expected {depth} first values along an axis; got {values}")
        self.states = [Variable(first.type, first.name and f"{first.name}[t-1]") for first in self.firsts]

    def symbols(self) -> list[Variable]:
        """What a step is given of it."""
        return [self.states[-tap - 1] for tap in self.taps] if self.states else []

    def news(self, output: Variable) -> list[Variable]:
        """What a step leaves of it: the newest value is the output, and the others move on."""
        if not self.states:
            return []
        try:
            newest = fitting(unbroadcast(output), self.states[0])
        except TypeError as error:
            raise TypeError(f"outputs_info: the step's output is unlike its first value; {error}") from None
        return [newest, *self.states[:-1]]


def _listed(value: Any) -> list[Any]:
    """Nothing, one thing or several, as a list."""
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _taken(given: Any, go_backwards: bool) -> list[Variable]:
    """A sequence as the sequences of entries that a step is given of it, one for each tap."""
    given = given if isinstance(given, Mapping) else {"input": given}
    taps = _listed(given.get("taps")) or [0]
    if "input" not in given or given.keys() - {"input", "taps"} or not all(isinstance(tap, int) for tap in taps):
        raise ValueError(f"sequences: expected an input, and taps that are whole numbers; got {given}")
    sequence = as_variable(given["input"])
    if not sequence.ndim:
        raise ValueError(f"sequences: expected something with a first axis; got {sequence}")
    sequence = unbroadcast(sequence) if sequence.broadcastable[0] else sequence
    low, high = min(0, *taps), max(0, *taps)  # a step stands where its own entry is, even if it is not given that
    ends = [maximum(sequence.shape[0] - (high - tap), 0) if tap < high else None for tap in taps]
    parts = [sequence[tap - low : end] if low < high else sequence for tap, end in zip(taps, ends, strict=True)]
    return [part[::-1] for part in parts] if go_backwards else parts


def _parted(returned: Any) -> tuple[list[Variable], dict[SharedVariable, Variable]]:
    """What a step returned: outputs, and updates."""
    outputs, updates = returned, {}
    if isinstance(returned, Mapping):
        outputs, updates = None, returned
    elif isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping):
        outputs, updates = returned
    for variable in updates:
        checks.kind("fn's updates", variable, SharedVariable)
    news = {variable: together(variable, value)[1] for variable, value in updates.items()}
    return [as_variable(output) for output in _listed(outputs)], news


def _add_self_updates(
    updates: dict[SharedVariable, Variable], outputs: Sequence[Variable], given: Sequence[Variable]
) -> None:
    """Add to the updates those of shared variables that update themselves and that a step reads."""
    more = True
    while more:
        read = leaves([*outputs, *updates.values()], given)
        shared = [v for v in read if isinstance(v, SharedVariable) and v not in given and v not in updates]
        more = {v: v.default_update for v in shared if v.default_update is not None}
        updates |= more


def _constant_in(inside: Sequence[Variable], changing: Iterable[Variable]) -> list[Variable]:
    """The variables from outside that a step reads: computed once, from nothing that changes within the loop."""
    depending = set(changing)
    read = dict.fromkeys(inside)
    for node in ancestors(inside, depending):
        if any(v in depending for v in node.inputs):
            depending.update(node.outputs)
            read.update(dict.fromkeys(node.inputs))
    return [v for v in read if v not in depending and not isinstance(v, Constant)]


def _length(n_steps: Any, sequences: Sequence[Variable]) -> Variable:
    """The number of steps."""
    if n_steps is None:
        if not sequences:
            raise ValueError("n_steps: expected a number of steps, or sequences; got neither")
        return reduce(minimum, [s.shape[0] for s in sequences])
    n_steps = as_variable(n_steps)
    if n_steps.ndim or np.dtype(n_steps.dtype).kind not in "iu":
        raise TypeError(f"n_steps: expected a whole number; got {n_steps}")
    return cast(n_steps, "int64")
