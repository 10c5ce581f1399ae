"""The surfaces that move in a notebook: made by its own cells, and by no more of them than they need."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import matplotlib.pyplot as plt

from netlib.cli.exercises import assigned, used
from netlib.widgets import Explorer, Movie
from workshop.notebooks import MOVES

SURFACE = re.compile(r"\bsurface\(|\b3d\b")


@dataclass(frozen=True)
class Moving:
    """An explorer or a movie.

    Attributes
    ----------
    cell, name : str
        The cell that shows it, and the function that draws it.
    shown : Explorer or Movie
    frames : sequence of mappings
        The values of each frame of a movie.
    """

    cell: str
    name: str
    shown: Explorer | Movie
    frames: Sequence[Mapping[str, Any]] = ()


@contextlib.contextmanager
def running(cells: Sequence[dict[str, Any]], folder: Path) -> Iterator[list[Moving]]:
    """Every explorer and movie of a surface in a notebook, in order, able to draw as long as the context lasts.

    Parameters
    ----------
    cells : sequence of dict
        Of the notebook, their sources strings.
    folder : Path
        Where they run.
    """
    made, cell = [], {}

    def explore(draw: Any, controls: Any, **options: Any) -> None:
        made.append(Moving(cell["id"], draw.__name__, Explorer(draw, controls, **options)))

    def movie(draw: Any, frames: Any, **options: Any) -> None:
        made.append(Moving(cell["id"], draw.__name__, Movie(draw, frames, **options), frames))

    quiet = contextlib.redirect_stdout(io.StringIO())
    watched = patch.multiple("netlib.widgets", explore=explore, movie=movie)
    with contextlib.chdir(folder), plt.rc_context(), quiet, watched:
        names = {}
        for cell in needed(cells):
            exec(cell["source"], names)
        yield [each for each in made if any(axis.name == "3d" for axis in each.shown.figure.axes)]


def needed(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells that show a surface that moves, and those before them that bind a name which they use."""
    parts = [(cell, *_names(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
    drawing, moving = set(), []
    for cell, bound, needs in parts:
        if SURFACE.search(cell["source"]) or needs & drawing:
            drawing |= {name for name in bound if f"def {name}(" in cell["source"]}
            moving += [cell] if MOVES.search(cell["source"]) else []
    kept, wanted = [], set()
    for cell, bound, needs in reversed(parts):
        if cell in moving or bound & wanted:
            kept.append(cell)
            wanted = wanted - bound | needs
    return kept[::-1]


def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell binds, and those that it uses before, be it within a function."""
    bound, before = set(), set()
    for statement in ast.parse(source).body:
        code = ast.unparse(statement)
        before |= used(code) - bound
        bound |= assigned(code)
    return bound, before
