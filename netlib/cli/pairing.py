"""A notebook as two files of the same content: .ipynb with outputs, and .py, which people review."""

from __future__ import annotations

from typing import Any

from netlib.cli import chapters

PAIRING = {
    "formats": "ipynb,py:percent",
    "notebook_metadata_filter": "kernelspec,-all",
    "cell_metadata_filter": "tags,jupyter,-all",
}


def pair(stem: str, node: Any) -> dict[str, bytes]:
    """The two files of a notebook, by name.

    The .py file is to the byte what JupyterLab writes when it saves the notebook: it opens a pair only if that is so,
    or if the .py file is the newer one.
    """
    script = node.copy()
    script.metadata = {**node.metadata, "jupytext": {key: PAIRING[key] for key in PAIRING if key != "formats"}}
    return {
        f"{stem}.ipynb": chapters.tool("nbformat").writes(node).encode() + b"\n",
        f"{stem}.py": chapters.tool("jupytext").writes(script, "py:percent").encode(),
    }


def pairing() -> bytes:
    """What tells jupytext, in any folder, that the two files of a notebook belong together."""
    return "".join(f'{key} = "{value}"\n' for key, value in PAIRING.items()).encode()
