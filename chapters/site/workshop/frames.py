"""The demos of two inputs: surfaces, drawn beforehand, frame after frame."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator

from matplotlib.figure import Figure
from PIL import Image

from netlib import plotting, universality
from netlib.network import Network
from netlib.ops import sigmoid

COLOURS = 48  # in a frame: few enough for a small file, and more than one can tell apart in a surface
SIZE, DPI = (4.2, 3.0), 110
BOX = [(0.4, 0.6), (0.3, 0.7)]


def cliff() -> Iterator[tuple[str, Network]]:
    """A neuron of two inputs whose first weight grows."""
    for w in (2, 4, 8, 12, 16, 24, 32, 48, 64, 100):
        yield f"w₁ = {w}, w₂ = 0, b = {-w // 2}", universality.neuron((w, 0), -w / 2, device="cpu")


def tower() -> Iterator[tuple[str, Network]]:
    """Two crossing bumps, and an output neuron that lets only the crossing through, the better the higher they are."""
    for h in (0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 10):
        net = universality.crossed_bumps(BOX, h, bias=-1.5 * h, output=sigmoid, device="cpu")
        yield f"h = {h:g}, b = {-1.5 * h:g}", net


FILMS = {
    "cliff": ("The output of a neuron with two inputs, as a surface over a square", "first weight", cliff),
    "tower": ("The output of a network with two crossing bumps, as a surface over a square", "height of bumps", tower),
}


def picture(network: Network) -> bytes:
    """The output of a network over the unit square, as a PNG file."""
    figure = Figure(figsize=SIZE, dpi=DPI, facecolor="white")
    plotting.surface(figure, universality.outputs(network, *plotting.square()), zlim=(0, 1))
    drawn, file = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png")
    Image.open(drawn).convert("RGB").quantize(COLOURS).save(file, format="png", optimize=True)
    return file.getvalue()


def films() -> list[dict]:
    """All frames, for the script."""
    return [
        {
            "name": name,
            "title": title,
            "label": label,
            "frames": [{"words": words, "picture": _inline(picture(network))} for words, network in frames()],
        }
        for name, (title, label, frames) in FILMS.items()
    ]


def _inline(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
