"""Kahn's sort: nodes in an order in which each comes after those that it needs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


class CycleError(ValueError):
    """Nodes need each other in a circle, so none of them can come first."""


def kahn(nodes: Iterable[Node], needed: Callable[[Node], Iterable[Node]]) -> list[Node]:
    """Sort nodes (A. B. Kahn, "Topological sorting of large networks", 1962).

    Whoever needs nothing can come first. Once a node has its place, it is taken off the needs of the others, and who
    needs nothing more is next. What is left at the end, with needs that nobody meets, goes round in a circle.

    Parameters
    ----------
    nodes : iterable
    needed : callable
        The nodes, all of them among `nodes`, that one needs.

    Raises
    ------
    CycleError
        If there is no such order; the message names the nodes of a circle.
    """
    needs = {node: set(needed(node)) for node in nodes}
    users: dict[Node, list[Node]] = {node: [] for node in needs}
    for node, those in needs.items():
        for other in those:
            users[other].append(node)
    missing = {node: len(those) for node, those in needs.items()}
    ready = [node for node, count in missing.items() if count == 0]
    for node in ready:  # grows while it is read
        for user in users[node]:
            missing[user] -= 1
            if missing[user] == 0:
                ready.append(user)
    if len(ready) < len(needs):
        raise CycleError("a graph must have no cycle; this one has: " + " needs ".join(map(str, _cycle(needs, ready))))
    return ready


def _cycle(needs: dict[Node, set[Node]], done: list[Node]) -> list[Node]:
    """Nodes of a circle, each followed by one that it needs."""
    left = needs.keys() - set(done)
    walk = [next(node for node in needs if node in left)]
    while walk[-1] not in walk[:-1]:
        walk.append(next(other for other in needs if other in left and other in needs[walk[-1]]))
    return walk[walk.index(walk[-1]) :]
