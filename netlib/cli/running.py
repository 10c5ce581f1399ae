"""``netlib run``: notebooks executed from end to end, with other parameters if one likes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from netlib.cli import chapters
from netlib.cli.errors import told_plainly


@click.command()
@click.argument("notebooks", nargs=-1)
@click.option(
    "-p",
    "--parameter",
    "given",
    nargs=2,
    multiple=True,
    metavar="NAME VALUE",
    help="Set a parameter, in every notebook that is run; may be given several times.",
)
@click.option("--profile", default="quick", show_default=True, help="A set of parameters: quick, or book.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where results go, instead of build/PROFILE.")
def run(notebooks: tuple[str, ...], given: tuple[tuple[str, str], ...], profile: str, output: Path | None) -> None:
    """Run NOTEBOOKS (all of them if none is named) and collect their figures.

    A notebook is named by its number or its name: 00, start_here or 00_start_here. Each runs with the parameters
    that stand in its cell tagged "parameters" (the quick profile: embedded digits, a CPU, seconds), changed by
    those of another profile in chapters/profiles/, changed by those given with -p:

    \b
        netlib run                            everything, quickly
        netlib run 00 -p epochs 3             one notebook with another parameter
        netlib run --profile book             at the book's scale

    The executed notebooks, and each of their figures as a PNG file under figures/, go to build/PROFILE. A result
    replaces an older one only when its notebook has run to the end.
    """
    paths = chapters.find(notebooks)
    output = output or Path("build") / profile
    plans = {path: _parameters(path, profile, given) for path in paths}
    with told_plainly():
        (output / "figures").mkdir(parents=True, exist_ok=True)
    rows, failed = [], []
    for path, parameters in plans.items():
        click.echo(f"running {path.stem} ...", err=True)
        started = time.perf_counter()
        figures, problem = _run_one(path, output, parameters)
        rows.append((path.stem, f"{time.perf_counter() - started:.1f}", "failed" if problem else str(figures)))
        if problem:
            failed.append(path.stem)
            click.echo(problem, err=True)
    click.echo(_table(("notebook", "seconds", "figures"), rows))
    if failed:
        raise click.ClickException(f"{', '.join(failed)} did not run to the end")
    click.echo(f"executed notebooks are in {output}, their figures in {output / 'figures'}")


def _parameters(path: Path, profile: str, given: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """What to set in this notebook, checked against what it has."""
    parameters: dict[str, Any] = {}
    if profile != "quick":
        profiles = {file.stem: file for file in (chapters.folder() / "profiles").glob("*.yaml")}
        if profile not in profiles:
            raise click.UsageError(f"no profile {profile!r}{chapters.near(profile, ['quick', *profiles])}")
        parameters |= _read_profile(profiles[profile]).get(path.stem, {})
    defaults = chapters.parameters(path) if given else {}
    parameters |= {name: chapters.read_value(text, defaults.get(name)) for name, text in given}
    chapters.check_parameters(path, parameters)
    return parameters


def _read_profile(path: Path) -> dict[str, dict[str, Any]]:
    """Parameters by the stems of notebooks."""
    try:
        content = chapters.tool("yaml").safe_load(path.read_text())
    except Exception as error:  # besides its own errors, the reader stumbles in other ways too
        raise click.ClickException(f"{path}: expected a profile in YAML; {error}") from None
    understood = isinstance(content, dict) and all(
        isinstance(stem, str)
        and isinstance(given, dict)
        and all(isinstance(name, str) and isinstance(value, str | float | int) for name, value in given.items())
        for stem, given in content.items()
    )
    if not understood:
        raise click.ClickException(f"{path}: expected parameters, numbers or words, under the names of notebooks")
    return {chapters.find([name])[0].stem: given for name, given in content.items()}


def _run_one(path: Path, output: Path, parameters: dict[str, Any]) -> tuple[int, str | None]:
    """Run one notebook into the output folder; the number of its figures, or what went wrong."""
    partial, failed = output / f"partial-{path.name}", output / f"failed-{path.name}"
    try:
        node = chapters.execute(path, partial, parameters)
    except Exception as error:  # a cell that fails, a kernel that dies, a disk that is full
        what = f"cell {error.cell_index}: {error.ename}: {error.evalue}" if hasattr(error, "cell_index") else error
        if not partial.exists():
            return 0, f"{path.stem}: {what}"
        return 0, f"{path.stem}, {what}\n(as far as it came: {partial.replace(failed)})"
    figures = _save_figures(node, output / "figures", path.stem)
    partial.replace(output / path.name)
    failed.unlink(missing_ok=True)
    return figures, None


def _save_figures(node: Any, folder: Path, stem: str) -> int:
    """Write every PNG among the notebook's outputs to a file, in place of those of an earlier run."""
    for old in folder.glob(f"{stem}-*.png"):
        old.unlink()
    figures = [picture for cell in node.cells for picture in chapters.pictures(cell)]
    for number, picture in enumerate(figures, start=1):
        (folder / f"{stem}-{number:02d}.png").write_bytes(picture)
    return len(figures)


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, tuple("-" * width for width in widths), *rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
