"""The notebooks: where they are, what their parameters are, and how one is executed."""

from __future__ import annotations

import ast
import base64
import difflib
import importlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import click

import netlib

VIEW = "application/vnd.jupyter.widget-view+json"


def folder() -> Path:
    """The chapters of the checkout that netlib is installed from, or of the folder one is in."""
    for place in (Path(netlib.__file__).parents[1], Path.cwd()):
        if (place / "chapters").is_dir():
            return place / "chapters"
    raise click.ClickException("no chapters/ here: the notebooks come with the project's checkout, not the package")


def find(names: Iterable[str], suffix: str = ".ipynb") -> list[Path]:
    """Notebooks by number ("05"), name ("network3") or both ("05_network3"); all of them if no name is given."""
    paths = sorted(folder().glob(f"[0-9][0-9]_*{suffix}"))
    called = {alias: path for path in paths for alias in (path.stem, path.stem[:2], path.stem[3:])}
    names = [name.removesuffix(suffix) for name in names]
    unknown = [name for name in names if name not in called]
    if unknown:
        raise click.UsageError(f"no notebook {unknown[0]!r}{near(unknown[0], called)}")
    return [called[name] for name in names] or paths


def near(name: str, known: Iterable[str]) -> str:
    """What a misspelt name may have meant, as the end of an error message."""
    known = sorted(known)
    guesses = difflib.get_close_matches(name, known, n=3)
    return f"; did you mean {' or '.join(guesses)}?" if guesses else f"; there are {', '.join(known)}"


def parameters(notebook: Path) -> dict[str, Any]:
    """Names and default values in the notebook's cell tagged "parameters"."""
    cells = tool("nbformat").read(notebook, as_version=4).cells
    tagged = "\n".join(cell.source for cell in cells if "parameters" in tags(cell))
    return {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(tagged).body}


def tags(cell: Any) -> list[str]:
    """The cell's tags, none if there are none."""
    return cell.metadata.get("tags", [])


def read_value(text: str, default: Any) -> Any:
    """What a word of the command line means for a parameter with this default; the word itself if it means nothing."""
    if isinstance(default, str):
        return text
    if isinstance(default, bool):
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # whatever literal_eval may raise
        return text


def check_parameters(notebook: Path, given: Mapping[str, Any]) -> None:
    """Refuse parameters that the notebook does not have, or of another type than their default."""
    defaults = parameters(notebook)
    for name, value in given.items():
        if name not in defaults:
            raise click.UsageError(f"{notebook.stem} has no parameter {name!r}{near(name, defaults)}")
        default = defaults[name]
        accepted = (int, float) if isinstance(default, float) else type(default)
        if isinstance(value, bool) != isinstance(default, bool) or not isinstance(value, accepted):
            raise click.UsageError(f"{notebook.stem}: {name} is like {default!r}; got {value!r}")


def tool(module: str) -> ModuleType:
    """One of the notebooks' tools, imported when it is needed: papermill alone takes two seconds."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise click.ClickException(
            f'{module} is missing: notebooks need the "book" extra, which `make setup` installs '
            '(by hand, in the checkout: pip install -e ".[book]")'
        ) from None


def execute(notebook: Any, output: Path | None = None, given: Mapping[str, Any] | None = None) -> Any:
    """Run a notebook, a path or a node, in the chapters' folder; returns it executed, its widgets as pictures.

    Raises
    ------
    papermill.exceptions.PapermillExecutionError
        If a cell fails; what was executed until then is in `output`.
    """
    config = tool("traitlets.config").Config()
    config.KernelManager.transport_encryption = "auto"  # without it, a new kernel prints a warning
    return tool("papermill").execute_notebook(
        notebook,
        output,
        given,
        cwd=str(folder()),
        kernel_name="python3",
        progress_bar=sys.stderr.isatty(),
        config=config,
        store_widget_state=False,
        on_cell_executed=still,
    )


def still(cell: Any, **_: Any) -> None:
    """Take the live half of widgets out of a cell's outputs: without a kernel, an error would hide their pictures."""
    for output in cell.outputs:
        output.get("data", {}).pop(VIEW, None)


def pictures(cell: Any) -> list[bytes]:
    """The PNG files among a cell's outputs."""
    encoded = (output.get("data", {}).get("image/png") for output in cell.get("outputs", []))
    return [base64.b64decode(picture) for picture in encoded if picture]
