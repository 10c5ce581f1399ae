"""The step that training takes with a gradient.

Each optimiser moves the parameters of all layers against their gradients, by what the learning rate eta says. The
gradients are used up: their arrays become the step. What an optimiser remembers from step to step lies in `memory`,
is kept in checkpoints, and belongs to one network.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from netlib import checks
from netlib.backend import Array, Workspace, namespace
from netlib.history import History
from netlib.layers import Layer
from netlib.schedules import Schedule, described, value


class Penalty(NamedTuple):
    """What penalties add to the gradient of a weight: ``l2 * w + l1 * sign(w)``; nothing to that of a bias."""

    l2: float = 0.0
    l1: float = 0.0


NO_PENALTY = Penalty()


class GradientDescent:
    """``w <- w - eta * dw``: the book's stochastic gradient descent.

    Attributes
    ----------
    memory : dict of str to array
        What it remembers, by name; plain gradient descent remembers nothing.
    """

    def __init__(self) -> None:
        self.memory: dict[str, Array] = {}
        self._first: Layer | None = None  # of the network that the memory belongs to
        self._work: Workspace | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def begin_epoch(self, history: History) -> None:
        """Take the values that schedules give for the next epoch."""

    def step(self, layers: Iterable[Layer], eta: float, penalty: Penalty = NO_PENALTY) -> None:
        """Move every parameter by what its gradient and the penalty say.

        Parameters
        ----------
        layers : iterable of Layer
            Each with `gradients` from a backward pass, which are used up.
        eta : float
            Learning rate.
        penalty : Penalty
            Of weights.

        Raises
        ------
        ValueError
            If what is remembered belongs to another network; nothing has been moved then.
        """
        layers = list(layers)
        if self.memory and self._first not in (None, layers[0]):
            raise ValueError(
                f"optimizer: expected one that belongs to this network, or a new one; got {self!r}, which remembers "
                "the steps of another"
            )
        self._first = layers[0]
        for place, layer in enumerate(layers):
            for name, parameter, gradient in zip("wb", layer.params, layer.gradients, strict=True):
                self._move(f"{place}.{name}", parameter, gradient, eta, penalty if name == "w" else NO_PENALTY)
            layer.gradients = []

    def _move(self, name: str, parameter: Array, gradient: Array, eta: float, penalty: Penalty) -> None:
        number = parameter.dtype.type
        if penalty.l1:
            gradient += self._signs(name, parameter, penalty.l1)
        if penalty.l2:
            parameter *= number(1 - eta * penalty.l2)
        gradient *= number(eta)
        parameter -= gradient

    def _penalise(self, name: str, parameter: Array, gradient: Array, penalty: Penalty) -> None:
        """Add the penalty's gradient, where it does not simply shrink the weights."""
        if penalty.l1:
            gradient += self._signs(name, parameter, penalty.l1)
        if penalty.l2:
            scaled = self._scratch(name, parameter)
            gradient += namespace(parameter).multiply(parameter, parameter.dtype.type(penalty.l2), out=scaled)

    def _signs(self, name: str, parameter: Array, l1: float) -> Array:
        """``l1 * sign(w)``; 0 where a weight is 0."""
        signs = namespace(parameter).sign(parameter, out=self._scratch(name, parameter))
        signs *= parameter.dtype.type(l1)
        return signs

    def _scratch(self, name: str, like: Array) -> Array:
        if self._work is None or self._work.xp is not namespace(like):
            self._work = Workspace(namespace(like))
        return self._work(name, like.shape, like.dtype)

    def _remembered(self, name: str, like: Array) -> Array:
        """The array of this name, zeros at first."""
        found = self.memory.get(name)
        if found is None:
            found = self.memory[name] = namespace(like).zeros(like.shape, like.dtype)
        return found


class Momentum(GradientDescent):
    """``v <- mu * v - eta * dw``, ``w <- w + v``: the step goes on in the direction of those before (book, chapter 3).

    Parameters
    ----------
    mu : float or Schedule
        What is left of the velocity after a step, from 0 (plain gradient descent) to below 1.
    nesterov : bool
        Take the gradient, in effect, where the velocity leads: ``w <- w + mu * v - eta * dw`` with the new v (Sutskever
        and others, "On the importance of initialization and momentum in deep learning", ICML 2013).
    """

    def __init__(self, mu: float | Schedule = 0.9, *, nesterov: bool = False) -> None:
        super().__init__()
        self.mu, self.nesterov = mu, nesterov
        self._mu = 0.0 if callable(mu) else checks.non_negative("mu", mu, below=1)

    def __repr__(self) -> str:
        return f"Momentum({described(self.mu)}, nesterov={self.nesterov})"

    def begin_epoch(self, history: History) -> None:
        """Take the schedule's mu."""
        self._mu = checks.non_negative("mu", value("mu", self.mu, history), below=1)

    def _move(self, name: str, parameter: Array, gradient: Array, eta: float, penalty: Penalty) -> None:
        number = parameter.dtype.type
        self._penalise(name, parameter, gradient, penalty)
        velocity = self._remembered(f"{name} velocity", parameter)
        gradient *= number(eta)
        velocity *= number(self._mu)
        velocity -= gradient
        if self.nesterov:
            parameter += namespace(velocity).multiply(velocity, number(self._mu), out=self._scratch(name, parameter))
            parameter -= gradient
        else:
            parameter += velocity


class RMSprop(GradientDescent):
    """``s <- rho * s + (1 - rho) * dw**2``, ``w <- w - eta * dw / (sqrt(s) + epsilon)``: each weight at its own pace.

    Source: Tieleman and Hinton, "Lecture 6.5, rmsprop", 2012.

    Parameters
    ----------
    rho : float
        How much of the mean square of a gradient is left after a step.
    epsilon : float
        Keeps the quotient finite where gradients vanish.
    """

    def __init__(self, rho: float = 0.9, epsilon: float = 1e-8) -> None:
        super().__init__()
        self.rho = checks.non_negative("rho", rho, below=1)
        self.epsilon = checks.non_negative("epsilon", epsilon)

    def __repr__(self) -> str:
        return f"RMSprop({self.rho}, {self.epsilon})"

    def _move(self, name: str, parameter: Array, gradient: Array, eta: float, penalty: Penalty) -> None:
        xp, number = namespace(parameter), parameter.dtype.type
        self._penalise(name, parameter, gradient, penalty)
        mean_square = self._remembered(f"{name} mean square", parameter)
        scratch = xp.multiply(gradient, gradient, out=self._scratch(name, parameter))
        scratch *= number(1 - self.rho)
        mean_square *= number(self.rho)
        mean_square += scratch
        xp.sqrt(mean_square, out=scratch)
        scratch += number(self.epsilon)
        gradient *= number(eta)
        gradient /= scratch
        parameter -= gradient
