"""The notebooks as pages: figures numbered and described, equations numbered, solutions folded."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workshop import words

CHAPTERS = Path(__file__).parents[2]
FENCED = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
FORMULA = re.compile(r"\$\$(?P<display>.+?)\$\$|(?<![\\$])\$(?P<inline>[^$]+?)\$", re.DOTALL)
FOLDS = {
    "parameters": ("hide-input", "The parameters of this notebook"),
    "solution": ("hide-cell", "A solution"),
    "check": ("hide-input", "The check"),
}
MOVES = re.compile(r"\b(explore|movie)\(")


@dataclass(frozen=True)
class Figure:
    """A picture in a notebook.

    Attributes
    ----------
    page, cell : str
        The notebook's stem, and the name of its cell.
    number : str
        Of the notebook and within it, "1.3".
    heading : str
        Of the section in which it is.
    description : str
        What it shows, for those who do not see it.
    moves : bool
        Whether it has controls, or frames, in a running notebook.
    png : bytes
    """

    page: str
    cell: str
    number: str
    heading: str
    description: str
    moves: bool
    png: bytes

    @property
    def anchor(self) -> str:
        """Where on its page it is."""
        return "figure-" + self.number.replace(".", "-")


@dataclass(frozen=True)
class Section:
    """A heading, and the prose until the next one.

    Attributes
    ----------
    page, title, anchor : str
        The notebook's stem, the heading, and what a link appends to the page for it.
    text : str
        Markdown.
    """

    page: str
    title: str
    anchor: str
    text: str


def paths(folder: Path = CHAPTERS) -> list[Path]:
    """The notebooks, in their order."""
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


def read(path: Path) -> dict[str, Any]:
    """A notebook whose cells' sources are strings."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    return notebook


def sections(path: Path) -> list[Section]:
    """The parts of a notebook, in order; the first is what stands under its title."""
    prose = "\n\n".join(cell["source"] for cell in read(path)["cells"] if cell["cell_type"] == "markdown")
    parts = re.split(r"^#{1,3} (.+)$", prose, flags=re.MULTILINE)[1:]
    return [Section(path.stem, title, slug(title), text) for title, text in zip(parts[::2], parts[1::2], strict=True)]


def slug(title: str) -> str:
    """The anchor of a heading: lower case, words joined by hyphens, nothing else."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def formulas(markdown: str) -> Iterator[tuple[str, bool]]:
    """Every formula of a text, and whether it is displayed."""
    for match in FORMULA.finditer(FENCED.sub("", markdown)):
        yield (match["display"], True) if match["display"] else (match["inline"], False)


def page(path: Path, filmed: Collection[str] = ()) -> tuple[dict[str, Any], list[Figure]]:
    """A notebook prepared for the site, and its figures.

    Parameters
    ----------
    path : Path
    filmed : collection of str
        Names of the cells whose figures move on the page.
    """
    notebook, cells, figures = read(path), [], []
    chapter, equations, depth, prose, heading = int(path.stem[:2]), 0, 0, "", ""
    for cell in (part for whole in notebook["cells"] for part in _one_picture_each(whole)):
        if cell["cell_type"] == "markdown":
            prose = cell["source"]
            heading = (re.findall(r"^#+ (.+)$", prose, re.MULTILINE) or [heading])[-1]
            cell["source"], equations = _numbered(prose, chapter, equations)
            cell["source"], depth = _levelled(cell["source"], depth)
        else:
            _fold(cell)
            for png in _pictures(cell):
                description = words.describe(heading, prose, cell["source"])
                moves = bool(MOVES.search(cell["source"]))
                if cell["id"] in filmed:
                    description += " Drawn as heights over the unit square."
                number = f"{chapter}.{len(figures) + 1}"
                figures.append(Figure(path.stem, cell["id"], number, words.bare(heading), description, moves, png))
                shown = _figure(figures[-1], cell["id"] in filmed)
                cell["metadata"]["mystnb"] = cell["metadata"].get("mystnb", {}) | shown
        cells.append(cell)
    return notebook | {"cells": cells}, figures


def _figure(figure: Figure, filmed: bool) -> dict[str, Any]:
    """What tells myst-nb to set a number and words beside a picture."""
    moving = " It moves in the running notebook." if figure.moves else ""
    if filmed:
        moving = " It moves in steps here, and freely in the running notebook."
    caption = f"**Figure {figure.number}.** {figure.heading}.{moving}".replace("?.", "?")
    alt = f"Figure {figure.number}. {figure.description}"
    return {"image": {"alt": alt}, "figure": {"name": figure.anchor, "caption": caption}}


def _numbered(markdown: str, chapter: int, equations: int) -> tuple[str, int]:
    """The text with a label behind every displayed formula, and the number of the last."""

    def label(match: re.Match) -> str:
        nonlocal equations
        if not match["display"]:
            return match[0]
        equations += 1
        return f"$${match['display']}$$ (equation-{chapter}-{equations})"

    ends = re.sub(r"(\$\$)([.,;:])(\s)", r"\2\1\3", markdown)  # a label must follow at once
    return FORMULA.sub(label, ends), equations


def _levelled(markdown: str, depth: int) -> tuple[str, int]:
    """The text without headings that leave out a level, which aloud are hard to follow, and the depth of its last."""

    def level(match: re.Match) -> str:
        nonlocal depth
        depth = min(len(match[0]), depth + 1)
        return "#" * depth

    return re.sub(r"^#+(?= )", level, markdown, flags=re.MULTILINE), depth


def _fold(cell: dict[str, Any]) -> None:
    tags = cell["metadata"].setdefault("tags", [])
    for tag, (fold, prompt) in FOLDS.items():
        if tag in tags:
            tags.append(fold)
            cell["metadata"]["mystnb"] = {"code_prompt_show": prompt, "code_prompt_hide": prompt}


def _one_picture_each(cell: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The cell; behind it, for each picture after its first, one without code that has it."""
    outputs = cell.get("outputs", [])
    cuts = [i for i, output in enumerate(outputs) if "image/png" in output.get("data", {})][1:]
    if not cuts:
        yield cell
        return
    for start, end in zip([0, *cuts], [*cuts, len(outputs)], strict=True):
        tags = [*cell["metadata"].get("tags", []), *(["remove-input"] if start else [])]
        name = f"{cell['id']}-{start}"
        yield cell | {"id": name, "outputs": outputs[start:end], "metadata": cell["metadata"] | {"tags": tags}}


def _pictures(cell: dict[str, Any]) -> list[bytes]:
    data = [output.get("data", {}) for output in cell["outputs"]]
    return [base64.b64decode("".join(each["image/png"])) for each in data if "image/png" in each]
