"""The reference: a page for each room of the package, from the ground up, out of the docstrings."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

HOUSE = Path(__file__).parents[3] / "tests" / "test_house.py"  # where the order of the floors is written down
UNLISTED = {"cli"}  # a program, not a library: `netlib --help` is its reference


def rooms() -> list[list[str]]:
    """The rooms of each floor, the lowest first."""
    tree = ast.parse(HOUSE.read_text(encoding="utf-8"))
    (floors,) = (node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "FLOORS")
    return [sorted(ast.literal_eval(floor) - UNLISTED) for floor in map(ast.unparse, floors.elts)]


def pages() -> dict[str, str]:
    """Name and reStructuredText of each page of the reference."""
    listed = [(height, room) for height, floor in enumerate(rooms(), start=1) for room in floor]
    return {"reference.rst": _contents(listed)} | {f"reference/{room}.rst": room_page(room) for _, room in listed}


def room_page(room: str) -> str:
    """The page of a room: what it is for, and everything public in it, module by module."""
    front = importlib.import_module(f"netlib.{room}")
    lines = [*_titled(f"netlib.{room}", "="), inspect.getdoc(front), ""]
    for module in [front, *_modules(front)]:
        names = public(module)
        if module is not front and names:
            first, _, rest = (inspect.getdoc(module) or "").partition("\n")
            lines += [*_titled(module.__name__.removeprefix("netlib."), "-"), first, *rest.splitlines(), ""]
        for name in names:
            lines += _entry(module, name)
    return "\n".join(lines)


def public(module: ModuleType) -> list[str]:
    """Names of the functions and classes that a module itself defines and does not keep to itself, as they stand."""
    made = [
        (name, value)
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
        and value.__name__ == name
    ]
    return [name for name, value in sorted(made, key=lambda pair: inspect.getsourcelines(pair[1])[1])]


def _modules(front: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(getattr(front, "__path__", [])):
        yield importlib.import_module(f"{front.__name__}.{found.name}")


def _entry(module: ModuleType, name: str) -> list[str]:
    if inspect.isclass(getattr(module, name)):
        return [f".. autoclass:: {module.__name__}.{name}", "   :members:", "   :show-inheritance:", ""]
    return [f".. autofunction:: {module.__name__}.{name}", ""]


def _titled(title: str, line: str) -> list[str]:
    return [title, line * len(title), ""]


def _contents(listed: list[tuple[int, str]]) -> str:
    lines = [
        *_titled("Reference", "="),
        "The package is a house: a room imports from the floors below its own, never from its own floor or above. Here",
        "is everything public in it, from the ground up.",
        "",
        ".. list-table::",
        "   :header-rows: 1",
        "",
        "   * - floor",
        "     - room",
        "     - what it is for",
    ]
    for height, room in listed:
        purpose = (inspect.getdoc(importlib.import_module(f"netlib.{room}")) or "").split("\n")[0]
        lines += [f"   * - {height}", f"     - :doc:`netlib.{room} <reference/{room}>`", f"     - {purpose}"]
    return "\n".join(
        [*lines, "", ".. toctree::", "   :hidden:", "", *(f"   reference/{room}" for _, room in listed), ""]
    )
