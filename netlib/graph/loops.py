"""Loops as symbols: one step written once, repeated over sequences, and its gradient, which is a loop backwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from netlib.backend import Array
from netlib.graph.axes import restored, unbroadcast
from netlib.graph.elementwise import cast, minimum
from netlib.graph.gradient import backpropagate
from netlib.graph.indexing import placed
from netlib.graph.joining import concatenate
from netlib.graph.nodes import Apply, NotDifferentiableError, Op, Type, Variable
from netlib.graph.reductions import zeros_like
from netlib.graph.schedule import Schedule


class Scan(Op):
    """A loop. Compared by identity: what is inside of two loops is not looked into.

    Parameters
    ----------
    sequences, states, constants : sequence of Variable
        What stands in a step for an entry of each sequence, for what the step before left, and for what stays.
    news, results : sequence of Variable
        What the step makes of each state, and what else it computes.
    kept : sequence of bool
        For each state, whether all its values are wanted, or only the last.
    truncate : int
        How many steps a gradient goes back; -1 for all.

    Its inputs are the number of steps, the sequences, the first states, and the constants; its outputs the states, and
    the other results stacked along a new first axis.
    """

    def __init__(
        self,
        sequences: Sequence[Variable],
        states: Sequence[Variable],
        constants: Sequence[Variable],
        news: Sequence[Variable],
        results: Sequence[Variable],
        kept: Sequence[bool],
        truncate: int = -1,
    ) -> None:
        self.sequences, self.states, self.constants = list(sequences), list(states), list(constants)
        self.news, self.results, self.kept, self.truncate = list(news), list(results), list(kept), truncate

    takes_numbers = True

    def types(self, n_steps: Variable, *inputs: Variable) -> list[Type]:
        states = [
            Type(s.dtype, (False, *s.broadcastable) if all_of_it else s.broadcastable)
            for s, all_of_it in zip(self.states, self.kept, strict=True)
        ]
        return states + [Type(y.dtype, (False, *y.broadcastable)) for y in self.results]

    def prepare(self, node: Apply, xp: ModuleType) -> Callable[..., Any]:
        inside = Schedule([*self.sequences, *self.states, *self.constants], [*self.news, *self.results], xp)
        n_sequences, n_states = len(self.sequences), len(self.states)
        homes = [_home(v, xp) for v in (*self.sequences, *self.states, *self.constants)]

        def loop(n_steps: Array, *inputs: Array) -> Any:
            sequences = inputs[:n_sequences]
            firsts = [home(v) for home, v in zip(homes[n_sequences:], inputs[n_sequences:], strict=True)]
            states, constants = firsts[:n_states], firsts[n_states:]
            n = int(n_steps)
            if n < 0 or any(len(s) < n for s in sequences):
                raise ValueError(f"n_steps: expected at most the sequences' lengths, {[*map(len, sequences)]}; got {n}")
            if n == 0 and self.results:
                raise ValueError("n_steps: expected at least 1 where results are stacked; got 0")
            stacks: list[list[Array]] = [[] for _ in (*self.news, *self.results)]
            for i in range(n):
                entries = [home(s[i]) for home, s in zip(homes, sequences, strict=False)]
                made = inside.run([*entries, *states, *constants])
                for state, new in zip(states, made, strict=False):
                    if state.shape != new.shape:
                        raise ValueError(f"step {i}: expected a state of shape {state.shape}; got {new.shape}")
                states = made[:n_states]
                for stack, value in zip(stacks, made, strict=True):
                    stack.append(value)
            finals = [
                _stacked(stack, xp, first) if kept else state
                for stack, first, state, kept in zip(stacks, firsts, states, self.kept, strict=False)
            ]
            outputs = finals + [_stacked(stack, xp) for stack in stacks[n_states:]]
            return outputs[0] if len(outputs) == 1 else outputs

        return loop

    def gradients(
        self, inputs: Sequence[Variable], outputs: Sequence[Variable], dys: Sequence[Variable | None]
    ) -> list[Variable | None]:
        """The loop backwards: it carries gradients with respect to states, and adds up those of constants."""
        if not all(self.kept):
            raise NotDifferentiableError("a loop backwards keeps no states from which to go forward again")
        n, *rest = inputs
        first, last = len(self.sequences), len(self.sequences) + len(self.states)
        sequences, firsts, constants = rest[:first], rest[first:last], rest[last:]
        back = n if self.truncate == -1 else minimum(n, self.truncate)

        def backwards(sequence: Variable) -> Variable:
            return sequence[:n][::-1]

        # the same step again, with what each state was before it
        before = [concatenate([restored(f, [0], f.ndim + 1), h[:-1]]) for f, h in zip(firsts, outputs, strict=False)]
        arriving = [None if dy is None else Variable(Type(dy.dtype, dy.broadcastable[1:])) for dy in dys]
        carried = {s: Variable(s.type) for s in self.states if s.type.is_float}
        starts: dict[Variable, Variable] = {}
        for made, dy in zip((*self.news, *self.results), arriving, strict=True):
            if dy is not None:
                starts[made] = starts[made] + dy if made in starts else dy
        for state, new in zip(self.states, self.news, strict=True):
            if state in carried:
                starts[new] = starts[new] + carried[state] if new in starts else carried[state]
        wanted = [v for v in (*self.sequences, *self.states, *self.constants) if v.type.is_float]
        found = dict(zip(wanted, backpropagate(starts, wanted), strict=True))
        slopes = {v: zeros_like(v) if g is None else g for v, g in found.items()}

        sums = {c: Variable(c.type) for c in self.constants if c in slopes}
        loop = Scan(
            [*self.sequences, *self.states, *(dy for dy in arriving if dy is not None)],
            [*carried.values(), *sums.values()],
            self.constants,
            [*(unbroadcast(slopes[s]) for s in carried), *(total + slopes[c] for c, total in sums.items())],
            [slopes[s] for s in self.sequences if s in slopes],
            [False] * (len(carried) + len(sums)),
        )
        begin = [zeros_like(v) for v in (*firsts, *constants) if v.type.is_float]
        over = [backwards(v) for v in (*sequences, *before, *(dy for dy in dys if dy is not None))]
        made = loop(back, *over, *begin, *constants)
        results = iter([made] if isinstance(made, Variable) else made)
        reaches_first = cast(back >= n, "float64")  # where it is cut off, the first states are out of its reach
        to_firsts = [next(results) * cast(reaches_first, f.dtype) if f.type.is_float else None for f in firsts]
        to_constants = [next(results) if c.type.is_float else None for c in constants]
        to_sequences = [
            placed(next(results)[::-1], s, slice(n - back, n)) if s.type.is_float else None for s in sequences
        ]
        return [None, *to_sequences, *to_firsts, *to_constants]


def _home(variable: Variable, xp: ModuleType) -> Callable[[Array], Array]:
    """How a value reaches a step: whole numbers on the host, everything else where the loop runs."""
    dtype = np.dtype(variable.dtype)
    if xp is np:
        return lambda value: value
    if variable.ndim == 0 and dtype.kind in "iu":
        return lambda value: dtype.type(value.item())
    return xp.asarray


def _stacked(stack: Sequence[Array], xp: ModuleType, like: Array | None = None) -> Array:
    """Values of all the steps along a new first axis; of none, in the shape that `like` says."""
    if not stack:
        return xp.zeros((0, *like.shape), like.dtype)
    return xp.asarray(np.array(stack)) if isinstance(stack[0], np.generic) else xp.stack(stack)
