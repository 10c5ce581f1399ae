"""The gallery: every figure of the notebooks, each leading to the cell that makes it."""

from __future__ import annotations

from collections.abc import Sequence

from workshop.notebooks import Figure

OPENING = """# Gallery

All {n} figures of the notebooks. Each leads to the cell that makes it. Those marked ↔ have sliders, buttons or frames
in a running notebook. Some of them move here, too: surfaces, and the [demos](demos.md).
"""


def files(figures: Sequence[Figure], titles: dict[str, str]) -> dict[str, bytes]:
    """The page and its pictures, by name.

    Parameters
    ----------
    figures : sequence of Figure
        In their order.
    titles : dict
        Titles of the pages, by their stems.
    """
    lines, page = [OPENING.format(n=len(figures))], None
    for figure in figures:
        if figure.page != page:
            page = figure.page
            lines.append(f"## {titles[page]}\n")
        mark = " ↔" if figure.moves else ""
        lines += [
            f"```{{figure}} {_picture(figure)}",
            f":alt: Figure {figure.number}. {figure.description}",
            f":target: {figure.page}.html#{figure.anchor}",
            ":loading: lazy\n",
            f"[{figure.number}](#{figure.anchor}){mark} {figure.heading}",
            "```\n",
        ]
    pictures = {_picture(figure): figure.png for figure in figures}
    return pictures | {"gallery.md": "\n".join(lines).encode()}


def _picture(figure: Figure) -> str:
    return f"gallery/{figure.anchor}.png"
