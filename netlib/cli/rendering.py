"""``netlib render``: the committed notebooks, made anew from their .py files."""

from __future__ import annotations

import base64
import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

from netlib.cli import chapters
from netlib.cli.pairing import pair
from netlib.files import writing

UNCOMPARED = "nbval-ignore-output"
PNG = "image/png"
COLOURS = 128
PICTURE = "picture"  # the tag of a cell whose figure is wanted as a file too, for the README


def processors() -> list[dict[str, str]]:
    """Environments in which one machine computes like two: as it is, and like a plain old one with a single thread.

    The second takes OpenBLAS's kernels of 2008 and NumPy's loops without the instructions that came later. Sums
    are then rounded differently, and a printed number that hangs on that shows.
    """
    newer = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    plain = {"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "1", "NPY_DISABLE_CPU_FEATURES": " ".join(newer)}
    return [{}, plain]


@click.command()
@click.argument("notebooks", nargs=-1)
def render(notebooks: tuple[str, ...]) -> None:
    """Execute the .py files of NOTEBOOKS (all if none is named) and write the .ipynb files beside them.

    The .py file is what counts: cells that are only in the .ipynb are lost. (It is written again as JupyterLab would
    save it, which changes blank lines at most.) Each is executed twice, in two environments that round differently;
    where a printed output differs nothing is written, and the cell is named. The figure of a cell tagged "picture" is
    written to chapters/figures as well.
    """
    jupytext = chapters.tool("jupytext")
    for path in chapters.find(notebooks, ".py"):
        click.echo(f"rendering {path.stem} ...", err=True)
        executed = []
        for environment in processors():
            with _environment(environment):
                executed.append(chapters.execute(jupytext.read(path)))
        differing = differences(*executed)
        if differing:
            raise click.ClickException(f"{path.stem} is not written: " + "\n".join(differing))
        _write(tidy(executed[0]), path)


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Environment variables as the kernel will inherit them."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def printed(cell: Any) -> str:
    """The text of a cell's outputs, as nbval compares it: streams, and results as text."""
    parts = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", []))
    return "".join(parts)


def differences(first: Any, second: Any) -> list[str]:
    """Cells whose printed outputs differ between two executions of a notebook."""
    return [
        f"cell {number} prints other text when sums are rounded differently:\n{printed(a)}\n--- or ---\n{printed(b)}"
        for number, (a, b) in enumerate(zip(first.cells, second.cells, strict=True))
        if UNCOMPARED not in chapters.tags(a) and printed(a) != printed(b)
    ]


def tidy(node: Any) -> Any:
    """The notebook without what changes at every execution; counts and outputs stay."""
    node.metadata = {"kernelspec": node.metadata["kernelspec"]}
    for cell in node.cells:
        cell.metadata = {key: cell.metadata[key] for key in ("jupyter", "tags") if cell.metadata.get(key)}
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
            for output in cell.outputs:
                if PNG in output.get("data", {}):
                    output.data[PNG] = lighter(output.data[PNG])
    return identify(node)


def identify(node: Any) -> Any:
    """Give each cell a name of its own that changes only when the cell does."""
    seen: dict[str, int] = {}
    for cell in node.cells:
        digest = hashlib.sha256(f"{cell.cell_type} {cell.source}".encode()).hexdigest()[:8]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = f"{digest}-{seen[digest]}"
    return node


def lighter(picture: str) -> str:
    """A picture, PNG in base64, in as few colours as a figure needs: a third of its size in the repository."""
    image = chapters.tool("PIL.Image").open(io.BytesIO(base64.b64decode(picture)))
    file = io.BytesIO()
    image.convert("RGB").quantize(COLOURS, dither=0).save(file, "png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _joined(outputs: list[Any]) -> list[Any]:
    """Outputs with text that arrived in pieces in one piece."""
    joined: list[Any] = []
    for output in outputs:
        if joined and output.output_type == "stream" and output.name == joined[-1].get("name"):
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _write(node: Any, path: Path) -> None:
    for name, content in pair(path.stem, node).items():
        with writing(path.with_name(name)) as file:
            file.write(content)
    for cell in node.cells:
        if PICTURE in chapters.tags(cell):
            (path.parent / "figures").mkdir(exist_ok=True)
            (path.parent / "figures" / f"{path.stem}.png").write_bytes(chapters.pictures(cell)[0])
