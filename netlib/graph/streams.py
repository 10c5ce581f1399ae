"""Random masks as symbols: drawn anew in every call, and never by chance.

A draw is a hash of where it is used (see `rng`), so all the state of a stream is the number of the call. It is a shared
variable that updates itself; set it to a step's number, and that step's masks come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from netlib import checks, ops
from netlib.backend import Array
from netlib.graph.elementwise import cast
from netlib.graph.nodes import Op, Type, Variable
from netlib.graph.shapes import Lengths, filled, whole_numbers
from netlib.graph.sharing import shared


@dataclass(frozen=True)
class Mask(Op):
    """The mask of `ops.dropout_mask` for a step."""

    seed: int
    place: int
    p_dropout: float
    lengths: tuple[int | str, ...]
    takes_numbers = True

    def types(self, step: Variable, *given: Variable) -> list[Type]:
        return [Type("bool", tuple(n == 1 for n in self.lengths))]

    def perform(self, xp: ModuleType, step: Array, *given: Array) -> Array:
        lengths, where = filled(self.lengths, given), {"seed": self.seed, "place": self.place, "step": int(step)}
        return ops.dropout_mask(xp, lengths, self.p_dropout, **where)


class RandomStreams:
    """A source of masks.

    Parameters
    ----------
    seed : int
        Decides all of them.
    device : {"auto", "cpu", "gpu"}
        Where functions that use it compute.

    Attributes
    ----------
    step : SharedVariable
        The number of the call, which every function that draws increases by one.
    """

    def __init__(self, seed: int = 0, *, device: str = "auto") -> None:
        self.seed = checks.integer("seed", seed, 0)
        self.step = shared(np.int64(0), "step", device=device)
        self.step.default_update = self.step + 1
        self._places = 0

    def dropout_mask(self, lengths: Lengths, p_dropout: float, *, place: int | None = None) -> Variable:
        """Which units are kept: True with probability ``1 - p_dropout``.

        Parameters
        ----------
        lengths : sequence of int or Variable
            The mask's shape. `Network` draws the mask of a fully connected layer for inputs (n_in, mini-batch).
        p_dropout : float
            Probability in [0, 1) that a unit is silent.
        place : int, optional
            What tells this mask from others of the same step, a layer's place in a network; another one for each mask
            of this stream unless given.
        """
        p_dropout = checks.non_negative("p_dropout", p_dropout, below=1)
        place = self._places if place is None else checks.integer("place", place, 0)
        self._places += 1
        numbers, given = whole_numbers("lengths", lengths)
        return Mask(self.seed, place, p_dropout, tuple(numbers))(self.step, *given)

    def binomial(self, size: Lengths, n: int = 1, p: float = 0.5, *, dtype: str = "int64") -> Variable:
        """Theano's way to a mask: 1 with probability `p`, in (0, 1], otherwise 0; `n` must be 1."""
        if n != 1:
            raise ValueError(f"n: expected 1, a mask; got {n}")
        return cast(self.dropout_mask(size, 1 - p), dtype)
