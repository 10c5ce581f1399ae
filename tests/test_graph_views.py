"""What is shown of a graph, and its drawing."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from netlib import graph as T  # noqa: N812 - as Theano was imported
from netlib import plotting
from netlib.graph import tiny
from netlib.plotting.graphs import label, layout


def example(device="cpu"):
    x, w = T.dmatrix("x"), T.shared(np.array([[1.0], [2.0]]), "w", device=device)
    return T.seen(T.sum(T.dot(x, w) ** 2), {x: np.array([[1.0, 1], [0, -1]])}, device=device)


def test_every_variable_is_seen_with_its_value_and_gradient(device):
    nodes = {node.name: node for node in example(device)}
    assert list(nodes) == ["x", "w", "tensordot", "square", "sum"]
    assert nodes["tensordot"].value.tolist() == [[3], [-2]]
    assert nodes["tensordot"].gradient.tolist() == [[6], [-4]]
    assert nodes["w"].gradient.tolist() == [[6], [10]]
    assert nodes["x"].gradient.tolist() == [[6, 12], [-4, -8]]
    assert (nodes["sum"].value, nodes["sum"].gradient, nodes["sum"].shape) == (13, 1, ())
    assert [node.needs for node in nodes.values()] == [(), (), (0, 1), (2,), (3,)]


def test_without_a_cost_there_are_no_gradients():
    i = T.lvector("i")
    nodes = T.seen(i * i, {i: np.array([1, 2])}, device="cpu")
    assert [(node.value.tolist(), node.gradient, node.needs) for node in nodes] == [
        ([1, 2], None, ()),
        ([1, 4], None, (0,)),
    ]


def test_nodes_of_the_tiny_framework_are_seen_too(xp):
    x, y = tiny.Input(), tiny.Input()
    graph = tiny.topological_sort({x: xp.asarray([[1.0, 2]]), y: xp.asarray([[0.0, 0]])})
    cost = tiny.MSE(y, tiny.Tanh(x))
    graph = tiny.topological_sort({x: xp.asarray([[1.0, 2]]), y: xp.asarray([[0.0, 0]])})
    tiny.forward_and_backward(graph)
    nodes = T.seen_nodes(graph, {x: "x"})
    by_name = {node.name: node for node in nodes}
    assert set(by_name) == {"x", "Input", "Tanh", "MSE"}
    a = np.tanh([[1, 2]])
    np.testing.assert_allclose(by_name["Tanh"].gradient, a)
    np.testing.assert_allclose(by_name["x"].gradient, a * (1 - a**2))
    assert by_name["MSE"].gradient is None
    assert {nodes[i].name for i in by_name["MSE"].needs} == {"Input", "Tanh"}
    assert float(cost.value) == pytest.approx((a**2).mean())


def test_a_graph_is_drawn_with_a_box_for_each_node_and_an_arrow_for_each_need():
    nodes = example()
    axis = plt.figure().subplots()
    plotting.graph(axis, nodes)
    boxes = [text for text in axis.texts if text.get_text()]
    arrows = [text for text in axis.texts if not text.get_text()]
    assert [box.get_text() for box in boxes] == [label(node) for node in nodes]
    places = layout(nodes)
    assert [box.get_position() for box in boxes] == places
    assert [(arrow.xyann, arrow.xy) for arrow in arrows] == [
        (places[i], places[j]) for j, node in enumerate(nodes) for i in node.needs
    ]
    assert not axis.axison
    axis.figure.savefig("/dev/null", format="png")
    plt.close(axis.figure)


def test_a_box_tells_name_shape_value_and_gradient_if_they_are_short():
    nodes = example()
    assert label(nodes[1]) == "w (2, 1)\nvalue [1., 2.]\ngradient [ 6., 10.]"
    assert label(nodes[-1]) == "sum\nvalue 13.\ngradient 1."
    assert label(T.Seen("big", np.zeros((3, 4)), None, ())) == "big (3, 4)"


def test_nodes_stand_to_the_right_of_what_they_need_and_apart():
    x = T.dvector("x")
    nodes = T.seen(T.sum(T.exp(x) * T.log(x) + T.sin(x) * x), {x: np.ones(2)}, device="cpu")
    places = layout(nodes)
    assert all(places[i][0] < places[j][0] for j, node in enumerate(nodes) for i in node.needs)
    assert len(set(places)) == len(places)
    columns = {x for x, _ in places}
    for column in columns:
        heights = sorted(y for x, y in places if x == column)
        assert all(b - a >= 1 for a, b in pairwise(heights))
