"""Docstrings as they are meant: single backticks are code, and a star or a bar alone is itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CODE = re.compile(r"(:\w+:`[^`]*`|``.+?``)|(?<![`:\w])`([^`\n]+)`(?![`_])")
STARS = re.compile(r"(?<![\w*\\])(\*{1,2})(?=\w)(?![^*\n]*[^\s*]\*)")
BARS = re.compile(r"(?<!\\)\|(?=\S)")
BEFORE_NAPOLEON = 400  # lower numbers are called first; others have 500


def mended(line: str) -> str:
    """A line of a docstring as reStructuredText."""
    line = CODE.sub(lambda match: match[1] or f"``{match[2]}``", line)
    pieces = re.split(r"(:\w+:`[^`]*`|``.+?``)", line)
    return "".join(piece if i % 2 else _escaped(piece) for i, piece in enumerate(pieces))


def _escaped(words: str) -> str:
    return BARS.sub(r"\\|", STARS.sub(lambda match: match[1].replace("*", r"\*"), words))


def _mend(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [line if line.lstrip().startswith(".. ") else mended(line) for line in lines]


def setup(app: Sphinx) -> None:
    """Mend docstrings before anything else reads them."""
    app.connect("autodoc-process-docstring", _mend, priority=BEFORE_NAPOLEON)
