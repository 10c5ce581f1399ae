"""What the notebooks recommend to read, and which of them do."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from workshop.notebooks import paths, sections

LIST = Path(__file__).parents[1] / "bibliography.toml"
READING = "Further reading"
PAGE = """# Bibliography

What the notebooks recommend to read, each with the notebooks that do. The works are in the order in which one meets
them.

{works}
"""


def works() -> list[dict]:
    """The works, in the order of the notebooks."""
    return tomllib.loads(LIST.read_text(encoding="utf-8"))["work"]


def recommendations() -> list[tuple[str, str]]:
    """Notebook and words of each entry under "Further reading"."""
    found = [section for path in paths() for section in sections(path) if section.title == READING]
    return [
        (section.page, " ".join(entry.split()))
        for section in found
        for entry in re.split(r"^- ", section.text, flags=re.MULTILINE)[1:]
    ]


def recommends(entry: str, work: dict) -> bool:
    """Whether an entry speaks of a work."""
    return work.get("named", work["title"]).lower() in entry.lower()


def page() -> str:
    """The page, in Markdown."""
    return PAGE.format(works="\n".join(map(_line, works())))


def _line(work: dict) -> str:
    title = f"[{work['title']}](<{work['link']}>)" if "link" in work else work["title"]
    pages = sorted({page for page, entry in recommendations() if recommends(entry, work)})
    notebooks = ", ".join(f"[{page[:2]}]({page}.ipynb#further-reading)" for page in pages)
    return (
        f"- {work['authors']}, *{title}*. {work['where'][0].upper()}{work['where'][1:]}. {work['about']} ({notebooks})"
    )
