"""``netlib data``: which data sets there are, where they lie, and getting them."""

from __future__ import annotations

import click

from netlib.cli.errors import told_plainly
from netlib.data import digits, mnist


@click.command()
@click.argument("name", required=False, type=click.Choice(["digits", "mnist"]))
def data(name: str | None) -> None:
    """List the data sets, or get the one called NAME and verify it.

    \b
        digits    1,797 handwritten digits, 28 x 28, that come with the package
        mnist     70,000 handwritten digits, 28 x 28, the book's; 11 MB to fetch

    The book's expanded set, 250,000 images, is made of mnist while one trains: data.load("mnist", expanded=True).

    MNIST is looked for in the folder that the environment variable NETLIB_DATA names, then among the downloads,
    and is then fetched from public mirrors. Every file's checksum is compared.
    """
    with told_plainly():
        if name in (None, "digits"):
            sets = digits.load()
            click.echo(f"digits  {sum(len(part.y) for part in sets):6,} images  {digits.path()}")
        if name == "mnist":
            for file in mnist.FILES:
                click.echo(f"mnist   {file}  {mnist.find(file) or mnist.fetch(file)}")
        if name is None:
            found = [mnist.find(file) for file in mnist.FILES]
            absent = f"not here; `netlib data mnist` fetches it into {mnist.downloads()}"
            click.echo(f"mnist   70,000 images  {found[0].parent if all(found) else absent}")
