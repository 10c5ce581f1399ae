"""A whole framework in one short room, as lessons build it: nodes that compute, and know the way back.

Every operation is a pair: `forward`, and `backward`, which turns the gradient of the cost with respect to a node's
value into those with respect to its inputs. Everything else is order: forward in the order of Kahn's sort, backward in
the reverse one.

    x, w, b, y = Input(), Input(), Input(), Input()
    cost = MSE(y, Sigmoid(Linear(x, w, b)))
    graph = topological_sort({x: ..., w: ..., b: ..., y: ...})
    forward_and_backward(graph)
    sgd_update([w, b], 0.1)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from netlib import checks, ops
from netlib.backend import Array
from netlib.graph.nodes import place
from netlib.graph.sorting import kahn


class Node(ABC):
    """Something with a value.

    Attributes
    ----------
    inbound, outbound : list of Node
        What it is computed from, and what is computed from it.
    value : array or None
    gradients : dict of Node to array
        The share that goes by way of this node in the gradient with respect to each inbound one; an `Input` has its
        own gradient there, under itself.
    """

    def __init__(self, *inbound: Node) -> None:
        self.inbound, self.outbound = list(inbound), []
        self.value: Array | None = None
        self.gradients: dict[Node, Array] = {}
        self.place = place()
        for node in inbound:
            checks.kind(type(self).__name__, node, Node).outbound.append(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}, built at {self.place}"

    @abstractmethod
    def forward(self) -> None:
        """Compute the value from those of the inbound nodes."""

    @abstractmethod
    def backward(self) -> None:
        """Compute the gradients with respect to the inbound nodes."""

    def gradient(self) -> Array:
        """That of the cost with respect to the value: the shares of all who use it, added up."""
        shares = [node.gradients[self] for node in dict.fromkeys(self.outbound)]
        return sum(shares[1:], start=shares[0]) if shares else self.value * 0

    def hand(self, node: Node, share: Array) -> None:
        """Hand a share of the gradient to an inbound node, which may be one twice."""
        self.gradients[node] = self.gradients[node] + share if node in self.gradients else share


class Input(Node):
    """A value that is given: data, or a parameter."""

    def __init__(self) -> None:
        super().__init__()

    def forward(self) -> None:
        """Nothing to compute."""

    def backward(self) -> None:
        """Keep what has arrived."""
        self.gradients = {self: self.gradient()}


class Linear(Node):
    """Rows of weighted inputs, ``X W + b``."""

    def __init__(self, x: Node, w: Node, b: Node) -> None:
        super().__init__(x, w, b)

    def forward(self) -> None:
        """Z = X W + b."""
        x, w, b = (node.value for node in self.inbound)
        if x.ndim != 2 or w.ndim != 2 or x.shape[1] != w.shape[0] or b.shape != (w.shape[1],):
            shapes = f"{x.shape}, {w.shape} and {b.shape}"
            raise ValueError(f"{self!r}: expected x (rows, inputs), w (inputs, units) and b (units,); got {shapes}")
        self.value = x @ w + b

    def backward(self) -> None:
        """With g for Z's: g W^T for X, X^T g for W, and g summed over the rows for b."""
        (x, w, b), g = self.inbound, self.gradient()
        self.gradients = {}
        self.hand(x, g @ w.value.T)
        self.hand(w, x.value.T @ g)
        self.hand(b, g.sum(axis=0))


class _Activated(Node):
    """An activation, entry by entry."""

    activation: ops.Activation

    def __init__(self, z: Node) -> None:
        super().__init__(z)

    def forward(self) -> None:
        """a = f(z)."""
        self.value = self.activation(self.inbound[0].value)

    def backward(self) -> None:
        """With g for a's: g f'(z), which these functions know from their own value."""
        (z,) = self.inbound
        self.gradients = {z: self.activation.backward(z.value, self.value, self.gradient())}


class Sigmoid(_Activated):
    """``1 / (1 + e^-z)``; its slope is a (1 - a)."""

    activation = ops.sigmoid


class Tanh(_Activated):
    """The hyperbolic tangent; its slope is 1 - a^2."""

    activation = ops.tanh


class MSE(Node):
    """The mean squared error, a cost.

    Parameters
    ----------
    y, a : Node
        Targets and outputs, of one shape.
    mean_over : {"elements", "rows"}
        What the sum of squares is divided by: the number of entries, or that of rows. With two outputs the second
        is twice the first, and so is every step.
    """

    def __init__(self, y: Node, a: Node, mean_over: str = "elements") -> None:
        super().__init__(y, a)
        self.mean_over = checks.choice("mean_over", mean_over, ("elements", "rows"))

    def forward(self) -> None:
        """Cost = sum (y - a)^2 / count."""
        y, a = (node.value for node in self.inbound)
        if y.shape != a.shape:
            raise ValueError(f"{self!r}: expected targets and outputs of one shape; got {y.shape} and {a.shape}")
        self.difference = y - a
        self.count = y.size if self.mean_over == "elements" else len(y)
        self.value = (self.difference**2).sum() / self.count

    def backward(self) -> None:
        """2 (y - a) / count for y, and the opposite for a."""
        y, a = self.inbound
        self.gradients = {}
        self.hand(y, 2 * self.difference / self.count)
        self.hand(a, -2 * self.difference / self.count)


def topological_sort(feed_dict: Mapping[Input, Array]) -> list[Node]:
    """Give the inputs their values, and sort all that depends on them (see `sorting`).

    Raises
    ------
    ValueError
        If an input is missing; the message says where it was built.
    CycleError
        If nodes need each other in a circle.
    """
    found: dict[Node, None] = {}
    waiting: list[Node] = list(feed_dict)
    while waiting:
        node = waiting.pop(0)
        if node not in found:
            found[node] = None
            waiting += node.outbound
    missing = [node for user in found for node in user.inbound if node not in found]
    if missing:
        raise ValueError(f"feed_dict: expected a value for every input; got none for {missing[0]!r}")
    for node, value in feed_dict.items():
        checks.kind("feed_dict", node, Input).value = value
    return kahn(found, lambda node: node.inbound)


def forward_and_backward(graph: Sequence[Node]) -> None:
    """One pass through sorted nodes, and one back."""
    for node in graph:
        node.forward()
    for node in reversed(graph):
        node.backward()


def sgd_update(trainables: Iterable[Input], learning_rate: float) -> None:
    """Move each input's value against its gradient."""
    for node in trainables:
        node.value = node.value - learning_rate * node.gradients[node]
