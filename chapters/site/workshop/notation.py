"""The table of symbols, with the place where each is first used."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from workshop.notebooks import Section, formulas, paths, sections

TABLE = Path(__file__).parents[1] / "notation.toml"
NAMES = re.compile(r"\\(?:text|mathrm|begin|end)\s*{[^}]*}")
TOKEN = re.compile(r"\\mathcal\s*{?[A-Za-z]}?|\\[A-Za-z]+|[A-Za-z]")
PAGE = """# Notation

The letters in the formulas of the notebooks, in the order of their coming. A letter may mean one thing in one notebook
and another in the next; then it has several rows, and the last column says which holds where.

| symbol | meaning | first used in |
|---|---|---|
{rows}
"""


def entries() -> list[dict]:
    """The rows of the table: what is written, what it means, which tokens and notebooks it is for."""
    listed = _table()["symbol"]
    return [{"tokens": [entry["tex"]], "pages": None} | entry for entry in listed]


def _table() -> dict:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def tokens(section: Section) -> set[str]:
    """Letters and commands in the formulas of a section."""
    found = (token for formula, _ in formulas(section.text) for token in TOKEN.findall(NAMES.sub("", formula)))
    return {re.sub(r"\s|(?<=mathcal)(?=[A-Z])", "", token) for token in found}


def unexplained() -> Iterator[tuple[str, str]]:
    """Notebook and token of everything in a formula that no row of the table is about."""
    known = set(_table()["known"].split())
    for path in paths():
        rows = [entry for entry in entries() if _holds(entry, path.stem)]
        explained = known.union(*(entry["tokens"] for entry in rows))
        used = set().union(*(tokens(section) for section in sections(path)))
        yield from ((path.stem, token) for token in sorted(used - explained))


def page() -> str:
    """The page, in Markdown."""
    everything = [section for path in paths() for section in sections(path)]
    used = [(tokens(section), section) for section in everything]
    rows = []
    for entry in entries():
        places = [
            i for i, (found, section) in enumerate(used) if _holds(entry, section.page) and found & set(entry["tokens"])
        ]
        if places:
            rows.append((places[0], _row(entry, everything[places[0]])))
    return PAGE.format(rows="\n".join(row for _, row in sorted(rows, key=lambda pair: pair[0])))


def _holds(entry: dict, page: str) -> bool:
    return entry["pages"] is None or page[:2] in entry["pages"]


def _row(entry: dict, section: Section) -> str:
    only = "" if entry["pages"] is None else f" (in {', '.join(entry['pages'])})"
    title = section.title.replace("|", r"\|")
    return f"| ${entry['tex']}$ | {entry['means']} | [{_where(section, title)}]({_link(section)}){only} |"


def _where(section: Section, title: str) -> str:
    return title if title.startswith(section.page[:2]) else f"{section.page[:2]}: {title}"


def _link(section: Section) -> str:
    return f"{section.page}.ipynb#{section.anchor}"
