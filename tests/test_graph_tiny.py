"""The tiny framework: the worked example with its numbers, and gradients for any batch."""

import numpy as np
import pytest

from netlib.backend import device_namespace, to_host
from netlib.graph import CycleError
from netlib.graph.tiny import (
    MSE,
    Input,
    Linear,
    Node,
    Sigmoid,
    Tanh,
    forward_and_backward,
    sgd_update,
    topological_sort,
)
from tests.gradients import assert_gradient, random_like


def network(xp, mean_over, x=((1, 2, 3),), y=((-0.85, 0.75),)):
    """The worked example: 3-4-2, sigmoid then tanh."""
    nodes = dict(zip(["x", "y", "w1", "b1", "w2", "b2"], (Input() for _ in range(6)), strict=True))
    nodes["a"] = Tanh(Linear(Sigmoid(Linear(nodes["x"], nodes["w1"], nodes["b1"])), nodes["w2"], nodes["b2"]))
    nodes["cost"] = MSE(nodes["y"], nodes["a"], mean_over)
    values = {
        "x": x,
        "y": y,
        "w1": np.arange(1, 13).reshape(3, 4) / 10,
        "b1": [-2, -6, -1, -7],
        "w2": np.arange(13, 21).reshape(4, 2) / 10,
        "b2": [-2.5, -5],
    }
    feed = {nodes[name]: xp.asarray(np.array(value, float)) for name, value in values.items()}
    return nodes, feed, topological_sort(feed)


@pytest.mark.parametrize(("mean_over", "expected"), [("rows", (-0.73, 0.67)), ("elements", (-0.42, 0.32))])
def test_the_worked_example_ends_where_it_should_after_ten_updates(xp, mean_over, expected):
    nodes, _, graph = network(xp, mean_over)
    trainables = [nodes[name] for name in ("w1", "b1", "w2", "b2")]
    assert sum(nodes[name].value.size for name in ("w1", "b1", "w2", "b2")) == 26
    for _ in range(10):
        forward_and_backward(graph)
        sgd_update(trainables, 0.1)
    forward_and_backward(graph)
    assert to_host(nodes["a"].value)[0] == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("mean_over", ["rows", "elements"])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_gradients_of_any_batch_are_central_differences(xp, mean_over, rows):
    x, y = random_like(xp, (rows, 3), 1), random_like(xp, (rows, 2), 2)
    nodes, feed, graph = network(xp, mean_over, to_host(x), to_host(y))
    forward_and_backward(graph)

    def cost():
        for node in graph:
            node.forward()
        return nodes["cost"].value

    for node in feed:
        assert_gradient(node.gradients[node], cost, node.value)


def test_the_cost_is_the_mean_over_elements_or_rows():
    for mean_over, expected in (("elements", 14 / 4), ("rows", 14 / 2)):
        y, a = Input(), Input()
        cost = MSE(y, a, mean_over)
        forward_and_backward(topological_sort({y: np.array([[1.0, 2], [3, 0]]), a: np.zeros((2, 2))}))
        assert cost.value == expected


def test_a_node_that_several_use_adds_up_its_gradients(xp):
    x, w, b, y = (Input() for _ in range(4))
    hidden = Sigmoid(x)
    both = MSE(Linear(hidden, w, b), Product(hidden, y))
    values = (
        random_like(xp, (2, 2), 1),
        random_like(xp, (2, 2), 2),
        random_like(xp, (2,), 3),
        random_like(xp, (2, 2), 4),
    )
    graph = topological_sort(dict(zip((x, w, b, y), values, strict=True)))
    forward_and_backward(graph)

    def cost():
        for node in graph:
            node.forward()
        return both.value

    for node in (x, w, b, y):
        assert_gradient(node.gradients[node], cost, node.value)


class Product(Node):
    """The product of two nodes, entry by entry; a kind of node that somebody adds."""

    def forward(self):
        self.value = self.inbound[0].value * self.inbound[1].value

    def backward(self):
        (a, b), g = self.inbound, self.gradient()
        self.gradients = {}
        self.hand(a, g * b.value)
        self.hand(b, g * a.value)


def test_a_node_can_be_used_twice_by_the_same_one(xp):
    x, y = Input(), Input()
    square = Product(x, x)
    cost = MSE(y, square)
    graph = topological_sort({x: random_like(xp, (2, 3), 1), y: random_like(xp, (2, 3), 2)})
    forward_and_backward(graph)

    def value():
        for node in graph:
            node.forward()
        return cost.value

    assert_gradient(x.gradients[x], value, x.value)


def test_updates_leave_the_arrays_that_were_given(xp):
    nodes, feed, graph = network(xp, "rows")
    given = feed[nodes["w1"]]
    before = to_host(given).copy()
    forward_and_backward(graph)
    sgd_update([nodes["w1"]], 0.1)
    assert nodes["w1"].value is not given
    np.testing.assert_array_equal(to_host(given), before)


def test_the_sort_puts_every_node_behind_its_inputs():
    nodes, _, graph = network(device_namespace("cpu"), "rows")
    assert len(graph) == len(set(graph)) == 11
    assert all(graph.index(node) < graph.index(user) for user in graph for node in user.inbound)
    assert graph[-1] is nodes["cost"]


def test_mistakes_are_named_with_the_line_that_made_them():
    here = r"built at .*test_graph_tiny\.py:\d+"
    x, w, b = Input(), Input(), Input()
    z = Linear(x, w, b)
    with pytest.raises(ValueError, match=rf"feed_dict: .*none for Input, {here}"):
        topological_sort({x: np.ones((1, 2)), w: np.ones((2, 2))})
    with pytest.raises(TypeError, match="feed_dict: expected a Input"):
        topological_sort({x: 1, w: 2, b: 3, z: 4})
    graph = topological_sort({x: np.ones((1, 3)), w: np.ones((2, 2)), b: np.ones(2)})
    with pytest.raises(
        ValueError, match=rf"Linear, {here} \(z = Linear\(x, w, b\)\): .*got \(1, 3\), \(2, 2\) and \(2,\)"
    ):
        forward_and_backward(graph)
    cost = MSE(z, x)
    x.value = np.ones((1, 2))
    graph = topological_sort({x: np.ones((1, 2)), w: np.ones((2, 3)), b: np.ones(3)})
    with pytest.raises(ValueError, match=rf"MSE, {here}.*got \(1, 3\) and \(1, 2\)"):
        forward_and_backward(graph)
    z.inbound.append(cost)
    cost.outbound.append(z)
    with pytest.raises(CycleError, match=r"Linear.*needs MSE.*needs Linear|MSE.*needs Linear.*needs MSE"):
        topological_sort({x: 1, w: 2, b: 3})
    with pytest.raises(TypeError, match="Sigmoid: expected a Node"):
        Sigmoid(3)
    with pytest.raises(ValueError, match="mean_over: expected one of"):
        MSE(z, x, "columns")
