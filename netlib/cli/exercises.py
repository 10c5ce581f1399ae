"""``netlib exercises``: notebooks to work in, with a cell for the answer where the solution was."""

from __future__ import annotations

import symtable
from pathlib import Path
from typing import Any

import click

from netlib.cli import chapters
from netlib.cli.chapters import tags
from netlib.cli.errors import told_plainly
from netlib.cli.pairing import pair, pairing
from netlib.files import writing

STYLE = "netlib.mplstyle"  # what the notebooks read from the folder that they are in
ANSWER = "# your answer"
NOTE = """\
*A copy to work in.* The solutions are left out. In the place of each there is a cell for your answer, and after it a
check, which says what is still wrong, and nothing, or a line of numbers, when all is well. When you are done, compare
with the notebook that this copy was made from."""


@click.command()
@click.argument("notebooks", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/exercises"),
    show_default=True,
    help="The folder to put them in.",
)
@click.option("--force", is_flag=True, help="Replace copies that somebody has worked in.")
def exercises(notebooks: tuple[str, ...], output: Path, force: bool) -> None:
    """Write copies of NOTEBOOKS (all if none is named) to work in, without solutions.

    A cell for the answer stands where the solution was, and the check after it tells what is missing. The rest of the
    notebook runs without it, but for cells that use the answer. Each copy is a pair, .ipynb and .py, as the notebooks
    themselves are.

    \b
        netlib exercises 03 05
        jupyter lab build/exercises

    A copy that has been worked in is not replaced, and then nothing at all is written.
    """
    if output.resolve() == chapters.folder().resolve():
        raise click.UsageError(f"{output} is where the notebooks themselves are; name another folder with -o")
    copies = {path.stem: student(path) for path in chapters.find(notebooks)}
    with told_plainly():
        files = {STYLE: (chapters.folder() / STYLE).read_bytes(), "jupytext.toml": pairing()}
        for stem, node in copies.items():
            files |= pair(stem, node)
        output.mkdir(parents=True, exist_ok=True)
        changed = [name for name, content in files.items() if differs(output / name, content)]
        if changed and not force:
            raise click.ClickException(
                f"in {output}, {', '.join(changed)} would be replaced, and what was written there lost: "
                "choose another folder with -o, or --force"
            )
        for name, content in files.items():
            with writing(output / name) as file:
                file.write(content)
    for stem, node in copies.items():
        count = sum("exercise" in tags(cell) for cell in node.cells)
        click.echo(f"{output / stem}.ipynb  {count} exercise{'s' * (count != 1)}")


def student(path: Path) -> Any:
    """The notebook as a student gets it.

    Cells that need an answer, all checks and sometimes what comes after them, first make sure that it is there, and
    hold no outputs. When they fail, "Run All Cells" goes on.
    """
    node = chapters.tool("nbformat").read(path, as_version=4)
    bound: set[str] = set()  # names from cells that stay as they are
    awaited: dict[str, set[str]] = {}  # names that are not there before some answers are, and these
    for cell in node.cells:
        if cell.cell_type != "code":
            continue
        names = assigned(cell.source)
        if "solution" in tags(cell):
            awaited |= {name: {name} for name in names - bound}
            cell.source, cell.metadata, cell.outputs, cell.execution_count = ANSWER, {"tags": ["exercise"]}, [], None
            continue
        needed = used(cell.source) & awaited.keys() - names
        if needed:
            answers = set().union(*(awaited[name] for name in needed))
            awaited |= dict.fromkeys(names - bound, answers)
            cell.source = f"{guard(needed, answers)}\n{cell.source}"
            cell.metadata["tags"] = [*tags(cell), "raises-exception"]
            cell.outputs, cell.execution_count = [], None
        else:
            bound |= names
            awaited = {name: answers for name, answers in awaited.items() if name not in names}
    node.cells.insert(1, chapters.tool("nbformat").v4.new_markdown_cell(NOTE, id="a-copy-to-work-in"))
    return node


def guard(needed: set[str], answers: set[str]) -> str:
    """A line of code that fails unless the names that a cell needs are there, and then says what to answer."""
    there = "{" + ", ".join(f'"{name}"' for name in sorted(needed)) + "} <= globals().keys()"
    return f'assert {there}, "answer the exercise first: {" and ".join(sorted(answers))}"'


def assigned(source: str) -> set[str]:
    """Names that a cell leaves behind."""
    symbols = symtable.symtable(source, "cell", "exec").get_symbols()
    return {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()}


def used(source: str) -> set[str]:
    """Names of the notebook, or of Python itself, that a cell reads, in its functions as well."""
    tables, names = [symtable.symtable(source, "cell", "exec")], set()
    for table in tables:  # which grows meanwhile
        inside = table.get_type() != "module"
        names |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (s.is_global() or not inside)}
        tables += table.get_children()
    return names


def differs(path: Path, content: bytes) -> bool:
    """Whether there is such a file, and it holds something else."""
    return path.exists() and path.read_bytes() != content
