"""All pages in one folder, from which Sphinx makes the site."""

from __future__ import annotations

import json
import re
from pathlib import Path

from workshop import bibliography, demos, frames, gallery, machines, notation, notebooks, reference, results


def stage(here: Path, target: Path) -> None:
    """Put the sources of all pages into a folder; files that are as they were keep their dates.

    Parameters
    ----------
    here : Path
        The folder of the site's own pages.
    target : Path
        The folder to fill.
    """
    pages = {path.name: path.read_bytes() for path in here.glob("*.md")}
    figures, films, titles = [], [], {}
    for path in notebooks.paths():
        drawn = frames.films(path)
        notebook, found = notebooks.page(path, drawn)
        shown = [(figure, drawn[figure.cell]) for figure in found if figure.cell in drawn]
        if shown:
            source = demos.script([frames.told(*each) for each in shown])
            notebook["cells"].append({"cell_type": "markdown", "id": "films", "metadata": {}, "source": source})
        figures += found
        films += shown
        titles[path.stem] = notebooks.sections(path)[0].title
        pages[path.name] = json.dumps(notebook).encode()
    pages |= gallery.files(figures, titles)
    pages |= {f"extra/{name}": png for each in films for name, png in frames.files(*each).items()}
    pages |= {f"figures/{path.name}": path.read_bytes() for path in (notebooks.CHAPTERS / "figures").glob("*.png")}
    written = {
        "index.md": _front((here / "index.md").read_text(encoding="utf-8")),
        "bibliography.md": bibliography.page(),
        "demos.md": demos.page((here / "demos.md").read_text(encoding="utf-8"), films),
        "many_machines.md": machines.page((here / "many_machines.md").read_text(encoding="utf-8")),
        "notation.md": notation.page(),
        "results.md": results.page(),
        **reference.pages(),
    }
    pages |= {name: text.encode() for name, text in written.items()}
    for name, content in pages.items():
        _write(target / name, content)
    for old in [path for path in target.rglob("*") if path.is_file() and str(path.relative_to(target)) not in pages]:
        old.unlink()


def _front(markdown: str) -> str:
    """The front page with the notebooks in it, and what is built in each."""
    lines = []
    for path in notebooks.paths():
        opening = notebooks.sections(path)[0]
        builds = re.search(r"\*\*(You will (?!learn)\w+)\*\*(.+?)\n\n", opening.text, re.DOTALL)
        told = " ".join((builds[1] + builds[2]).split()) if builds else "In the making."
        lines.append(f"[{opening.title}]({path.name})\n: {told}\n")
    return markdown.replace("@notebooks@", "\n".join(lines))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        path.write_bytes(content)
