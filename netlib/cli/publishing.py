"""``netlib publish``: where the book can be had, and how its notebooks open in Colab and on Binder."""

from __future__ import annotations

import re
from typing import Any

import click

from netlib.cli import chapters
from netlib.cli.errors import told_plainly
from netlib.cli.pairing import pair
from netlib.cli.rendering import identify
from netlib.files import writing

TAG = "colab"  # of the cell that installs what is needed there
ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+?(\.git|/)?")
LINKS = re.compile(r"\n*\[Open in Colab\].*\n\n\[colab\]: \S+\n\[binder\]: \S+")
URLS = re.compile(r'\n\[project\.urls\]\nRepository = "[^"]*"\n')
INSTALL = """\
import os
import subprocess
import sys

if "google.colab" in sys.modules:  # there, the book and its package have to be fetched first
    address, book = "{address}", "/content/book"
    if not os.path.exists(book):
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", address, book], check=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", book], check=True)
    os.chdir(f"{{book}}/chapters")"""


@click.command()
@click.argument("address")
@click.option("--branch", default="main", show_default=True, help="Where readers find the notebooks.")
def publish(address: str, branch: str) -> None:
    """Write into the checkout that readers find it at ADDRESS, such as https://github.com/OWNER/NAME.

    Each notebook gets links that open it in Colab and on Binder, and a first cell that, in Colab only, fetches the book
    and installs what is needed. Given again, the command replaces them. Outputs stay as they are; commit what changed.
    """
    if not ADDRESS.fullmatch(address):
        raise click.BadParameter(
            f"expected https://github.com/OWNER/NAME, since Colab opens notebooks from there; got {address!r}",
            param_hint="ADDRESS",
        )
    address = address.removesuffix("/").removesuffix(".git")
    project = chapters.folder().parent / "pyproject.toml"
    files = {project: registered(project.read_text(), address).encode()}
    for path in chapters.find(()):
        node = chapters.tool("nbformat").read(path, as_version=4)
        contents = pair(path.stem, opened(node, path.stem, address, branch))
        files |= {path.with_name(name): content for name, content in contents.items()}
    with told_plainly():
        for path, content in files.items():
            with writing(path) as file:
                file.write(content)
    click.echo(f"{len(files) // 2} notebooks open from {address}")


def registered(project: str, address: str) -> str:
    """The text of pyproject.toml with the address."""
    return URLS.sub("", project).replace(
        "\n[project.scripts]", f'\n[project.urls]\nRepository = "{address}"\n\n[project.scripts]'
    )


def opened(node: Any, stem: str, address: str, branch: str = "main") -> Any:
    """The notebook with its links below the first cell's text, and with the cell for Colab before all other code."""
    node.cells = [cell for cell in node.cells if TAG not in chapters.tags(cell)]
    where = address.removeprefix("https://github.com/")
    links = (
        "[Open in Colab][colab] · [on Binder][binder]\n\n"
        f"[colab]: https://colab.research.google.com/github/{where}/blob/{branch}/chapters/{stem}.ipynb\n"
        f"[binder]: https://mybinder.org/v2/gh/{where}/{branch}?labpath=chapters/{stem}.ipynb"
    )
    node.cells[0].source = LINKS.sub("", node.cells[0].source) + f"\n\n{links}"
    folded = {"jupyter": {"source_hidden": True}, "tags": [TAG]}
    install = chapters.tool("nbformat").v4.new_code_cell(INSTALL.format(address=address), metadata=folded)
    node.cells.insert(next(i for i, cell in enumerate(node.cells) if cell.cell_type == "code"), install)
    for count, cell in enumerate((cell for cell in node.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count
    return identify(node)
