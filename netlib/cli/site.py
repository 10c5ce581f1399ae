"""``netlib site``: the notebooks, and what belongs to them, as a site that needs no server."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import click

from netlib.cli import chapters

NEEDED = {"sphinx": "sphinx", "myst_nb": "myst-nb", "sphinx_book_theme": "sphinx-book-theme"}


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/site"),
    show_default=True,
    help="The folder to put it in.",
)
def site(output: Path) -> None:
    """Make the site from the notebooks as they were last run; nothing is fetched, and nothing run again but what draws
    the frames of surfaces that move.

    Notebooks, demos, a gallery of all figures, the table of results, notation, glossary, bibliography, and the
    reference of the package. Open index.html in any browser.
    """
    missing = [name for module, name in NEEDED.items() if not importlib.util.find_spec(module)]
    if missing:
        raise click.ClickException(
            f'{", ".join(missing)} missing: the site needs the "site" extra, which `make site` installs '
            '(by hand, in the checkout: pip install -e ".[book,site]")'
        )
    build = subprocess.run([sys.executable, chapters.folder() / "site" / "build.py", output.resolve()], check=False)
    if build.returncode:
        raise click.ClickException("the site was not finished; what is wrong with its pages stands above")
    click.echo(output / "index.html")
