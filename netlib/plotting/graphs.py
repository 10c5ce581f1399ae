"""Drawings of computation graphs: a box for each node, an arrow to whoever needs it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from netlib.graph.views import Seen

FEW = 6  # numbers of a value that are written out


def graph(axis: Axes, nodes: Sequence[Seen], *, digits: int = 2) -> None:
    """Draw a graph from left to right, each node as far to the right as its longest way from an input.

    In its box stand the node's name, its shape, and, where they are few numbers, its value and its gradient.

    Parameters
    ----------
    axis : Axes
        To draw into; its own axes are taken away.
    nodes : sequence of Seen
        From `netlib.graph.views`, each after those that it needs.
    digits : int
        Of the numbers, after the point.
    """
    places = layout(nodes)
    boxes = []
    for node, (x, y) in zip(nodes, places, strict=True):
        face = "white" if node.needs else "#eef3fa"
        style = {"boxstyle": "round", "facecolor": face, "edgecolor": "black", "linewidth": 0.8}
        text = axis.text(x, y, label(node, digits), ha="center", va="center", fontsize=7.5, bbox=style, zorder=2)
        boxes.append(text.get_bbox_patch())
    for node, place, box in zip(nodes, places, boxes, strict=True):
        for i in node.needs:  # from edge to edge, and drawn after the boxes, which then have their size
            ends = {"patchA": boxes[i], "patchB": box, "shrinkA": 1, "shrinkB": 1}
            axis.annotate("", place, places[i], arrowprops={"arrowstyle": "->", "color": "gray", **ends}, zorder=3)
    xs, ys = zip(*places, strict=True)
    axis.set(xlim=(min(xs) - 0.6, max(xs) + 0.6), ylim=(min(ys) - 0.6, max(ys) + 0.6))
    axis.set_axis_off()


def label(node: Seen, digits: int = 2) -> str:
    """What is written in a node's box."""
    lines = [f"{node.name} {node.shape or ''}".rstrip()]
    for name, numbers in (("value", node.value), ("gradient", node.gradient)):
        if numbers is not None and numbers.size <= FEW:
            rounded = np.array2string(np.round(np.squeeze(numbers), digits) + 0, precision=digits, separator=", ")
            lines.append(f"{name} {rounded}")
    return "\n".join(lines)


def layout(nodes: Sequence[Seen]) -> list[tuple[float, float]]:
    """Where the nodes stand: in columns, each as near as there is room to the height of what it needs."""
    column: list[int] = []
    for node in nodes:
        column.append(1 + max((column[i] for i in node.needs), default=-1))
    height = [0.0] * len(nodes)
    for here in range(max(column, default=-1) + 1):
        members = [i for i, c in enumerate(column) if c == here]
        wish = {i: float(np.mean([height[j] for j in nodes[i].needs])) if nodes[i].needs else -i for i in members}
        members.sort(key=lambda i: -wish[i])
        middle = float(np.mean(list(wish.values()))) if here else 0.0
        for rank, i in enumerate(members):
            height[i] = middle + (len(members) - 1) / 2 - rank
    return [(float(c), h) for c, h in zip(column, height, strict=True)]
