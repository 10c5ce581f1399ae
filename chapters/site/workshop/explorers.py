"""What moves in a notebook: its explorers and movies, made by its own cells, and by no more of them than they need."""

from __future__ import annotations

import contextlib
import io
import symtable
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import matplotlib.pyplot as plt

from netlib.widgets import Explorer, Movie
from workshop.notebooks import MOVES


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
    """Every explorer and every movie of a notebook, in order, able to draw as long as the context lasts.

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

    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
        with plt.rc_context({"backend": "agg"}), patch.multiple("netlib.widgets", explore=explore, movie=movie):
            names = {}
            for cell in needed(cells):
                exec(cell["source"], names)
            plt.close("all")
            yield made


def needed(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells that show something that moves, and those before them that bind a name which they use."""
    kept, wanted = [], set()
    for cell in reversed([cell for cell in cells if cell["cell_type"] == "code"]):
        bound, used = _names(cell["source"])
        if MOVES.search(cell["source"]) or bound & wanted:
            kept.append(cell)
            wanted = wanted - bound | used
    return kept[::-1]


def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell binds, and those that it uses, be it within a function."""
    top = symtable.symtable(source, "cell", "exec")
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    used = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced()}
    return bound, used | {name for part in top.get_children() for name in _free(part)}


def _free(table: symtable.SymbolTable) -> Iterator[str]:
    yield from (symbol.get_name() for symbol in table.get_symbols() if symbol.is_global())
    for part in table.get_children():
        yield from _free(part)
