"""``netlib read``: own handwriting, classified by a saved network."""

from __future__ import annotations

import math
from pathlib import Path

import click
import numpy as np

from netlib import Network
from netlib.cli.errors import told_plainly
from netlib.data import OwnImages, own_images
from netlib.files import writing

ROWS = 50  # pictures in a figure: more would make a file that no viewer likes


@click.command()
@click.argument("network", metavar="NETWORK.npz", type=click.Path(path_type=Path))
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a PNG: each picture, what the network saw of it, and all probabilities.",
)
@click.option(
    "--ink",
    type=click.Choice(["auto", "dark", "light"]),
    default="auto",
    show_default=True,
    help="Darker or lighter than the paper.",
)
def read(network: Path, path: Path, picture: Path | None, ink: str) -> None:
    """Read the digits in PATH, a PNG or JPEG file or a folder of them, with a network that was saved.

    One digit in each picture, drawn, scanned or photographed. It is found, scaled into 20 x 20 pixels and centred in
    28 x 28 as MNIST's were (larger or smaller where the network takes images of another size). Each line tells
    the file, the likeliest digit with its probability, and the runner-up.

    \b
        netlib read digits.npz three.jpg
        netlib read digits.npz photographs --picture seen.png
    """
    with told_plainly():
        net = Network.load(network, device="cpu")  # done before a GPU has woken
        side = _side(net)
        images = own_images(path, side=side, box=max(1, round(side * 20 / 28)), ink=ink)
        p = net.predict_proba(images.x)
        width = max(map(len, images.names))
        for name, row in zip(images.names, p, strict=True):
            best, second = np.argsort(-row, kind="stable")[:2]
            click.echo(f"{name:{width}}  {best:2}  {row[best]:6.1%}   then {second:2}  {row[second]:6.1%}")
        if picture:
            _draw(picture, images, p)


def _side(net: Network) -> int:
    """The side of the square grey images that a network takes."""
    shape = net.layers[0].input_shape
    side = math.isqrt(math.prod(shape))
    if shape not in ((side * side,), (1, side, side)):
        raise click.ClickException(
            f"network: expected one that takes square grey images; its first layer takes {shape}"
        )
    if net.n_out < 2:
        raise click.ClickException(f"network: expected one of two classes or more; it has {net.n_out}")
    return side


def _draw(path: Path, images: OwnImages, p: np.ndarray) -> None:
    import matplotlib as mpl

    mpl.use("Agg")  # a file is written, no window opened
    from matplotlib import pyplot as plt

    from netlib import plotting

    names = [name if len(name) <= 40 else f"{name[:25]}…{name[-14:]}" for name in images.names[:ROWS]]
    figure = plotting.seen(images.originals[:ROWS], images.x[:ROWS], p[:ROWS], names)
    with writing(path) as file:
        figure.savefig(file, format="png", dpi=120)
    plt.close(figure)
    click.echo(f"{path}" + f" shows the first {ROWS} of them" * (len(p) > ROWS))
