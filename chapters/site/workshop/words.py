"""Pictures in words, for those who do not see them: made of what is said and written around them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from docutils.utils.math import tex2unichar

SIGNS = (tex2unichar.mathalpha, tex2unichar.mathbin, tex2unichar.mathrel, tex2unichar.mathord)
LABELS = {"title", "xlabel", "ylabel", "suptitle", "set_title", "set_xlabel", "set_ylabel"}


def describe(heading: str, prose: str, source: str) -> str:
    """A picture in words: where it is, what was said before it, and what is written at its axes."""
    paragraphs = [part for part in re.split(r"\n\s*\n", prose) if part.strip() and not part.startswith("#")]
    sentences = re.split(r"(?<=[.?!:])\s+(?=[A-Z])", plain(paragraphs[-1])) if paragraphs else []
    said = sentences[-1] if sentences else ""
    if len(said) < 60 and len(sentences) > 1:
        said = f"{sentences[-2]} {said}"
    written = "; ".join(dict.fromkeys(_written(source)))
    parts = [f"{bare(heading)}.".replace("?.", "?"), said, f"Written at the axes: {written}." if written else ""]
    return re.sub(r"\s+", " ", " ".join(part for part in parts if part))


def _written(source: str) -> Iterator[str]:
    """Titles and labels in the code of a picture."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            named = [keyword.value for keyword in node.keywords if keyword.arg in LABELS]
            set_so = getattr(node.func, "attr", "") in LABELS
            for value in named + (node.args[:1] if set_so else []):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    yield plain(value.value)


def plain(markdown: str) -> str:
    """Words without marks."""
    words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    words = re.sub(r"\\(?:[td]?frac)\s*(\w|{[^{}]*})\s*(\w|{[^{}]*})", r"\1/\2", words)
    words = re.sub(r"\\([a-zA-Z]+)", _sign, words)
    return re.sub(r"[`*$\\{}]|^\s*[-#>|]+ ?", "", words, flags=re.MULTILINE).replace("\n", " ").strip()


def bare(heading: str) -> str:
    """A heading's words, without its number."""
    return re.sub(r"^\d+\. ", "", re.sub(r"[`*$]", "", heading))


def _sign(command: re.Match) -> str:
    """A letter or sign for a command of TeX; its name if there is none, and nothing for spaces."""
    known = next((table[command[1]] for table in SIGNS if command[1] in table), command[1])
    return "" if known.endswith("quad") else known
