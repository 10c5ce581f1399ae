"""Surfaces that move without a kernel: frames drawn beforehand by the notebooks' own explorers and movies."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from netlib.widgets import Explorer
from workshop import explorers, notebooks

COLOURS = 48  # in a frame: few enough for a small file, and more than one can tell apart in a surface
MOST = 10  # frames of a movie
AROUND = (-90, -45, 0, 45, 90)  # degrees

# Which sliders of an explorer move on the page, by the function that draws it, and where they may stand. There is a
# frame for every combination.
WAYS = {
    "draw_plane": {"w2": (-8, 0, 8, 100), "turn": AROUND},
    "draw_steps": {"s_x": (0.2, 0.5, 0.8), "s_y": (0.2, 0.5, 0.8)},
    "draw_walls": {"s1": (0.0, 0.3, 0.45), "h": (-0.6, 0.2, 0.6, 1.0)},
    "draw_cross": {"h": (0.1, 0.3, 0.5), "turn": AROUND},
    "draw_tower": {"h": (0.3, 2.0, 5.0, 10.0), "b": (-15.0, -7.5, -3.0, -0.5)},
    "draw_two_towers": {"w1": (0.0, 0.3, 0.7, 1.0), "w2": (0.0, 0.5, 1.0)},
}


@dataclass(frozen=True)
class Slider:
    """What moves through frames: it stands at one of a few values, at first at number `start`."""

    label: str
    values: Sequence[float]
    start: int


@dataclass(frozen=True)
class Film:
    """Frames under sliders.

    Attributes
    ----------
    size : (width, height)
        Of a frame in pixels.
    sliders : list of Slider
    pictures : dict
        Each frame as a PNG file, by the places of all sliders.
    """

    size: tuple[int, int]
    sliders: list[Slider]
    pictures: dict[tuple[int, ...], bytes]


def films(path: Path) -> dict[str, Film]:
    """A film of each surface that moves in a notebook, by the cell that shows it.

    Raises
    ------
    ValueError
        If nothing is said of an explorer in `WAYS`, or values that it does not begin at or cannot stand at.
    """
    with explorers.running(notebooks.read(path)["cells"], path.parent) as moving:
        return {each.cell: _film(each) for each in moving}


def _film(moving: explorers.Moving) -> Film:
    if isinstance(moving.shown, Explorer):
        if moving.name not in WAYS:
            raise ValueError(f"{moving.name}: draws a surface; expected its sliders in workshop.frames.WAYS")
        sliders, drawn = _explored(moving.shown, WAYS[moving.name])
    else:
        last = len(moving.frames) - 1
        chosen = [round(i * last / (MOST - 1)) for i in range(MOST)] if last >= MOST else list(range(last + 1))
        ((label, _),) = moving.frames[0].items()
        sliders = [Slider(label, [moving.frames[i][label] for i in chosen], 0)]
        drawn = {(place,): moving.shown.frame(i) for place, i in enumerate(chosen)}
    pictures = {places: _small(png) for places, png in drawn.items()}
    size = Image.open(io.BytesIO(next(iter(pictures.values())))).size
    return Film(size, sliders, pictures)


def _explored(explorer: Explorer, ways: Mapping[str, Sequence[float]]) -> tuple[list[Slider], dict]:
    """The sliders, and the picture at each of their places."""
    sliders, drawn = [], {}
    for name, values in ways.items():
        if explorer.initial[name] not in values:
            raise ValueError(f"{name}: expected {explorer.initial[name]} among its values; got {values}")
        sliders.append(Slider(explorer.controls[name].description, values, values.index(explorer.initial[name])))
    for places in itertools.product(*(range(len(values)) for values in ways.values())):
        wanted = {name: values[place] for (name, values), place in zip(ways.items(), places, strict=True)}
        explorer.set(**wanted)
        if explorer.values != explorer.initial | wanted:
            raise ValueError(f"expected values that the sliders can stand at; got {wanted}")
        drawn[places] = explorer.picture.value
    return sliders, drawn


def _small(png: bytes) -> bytes:
    """The same picture in few colours."""
    file = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS).save(file, format="png")
    return file.getvalue()


def files(figure: notebooks.Figure, film: Film) -> dict[str, bytes]:
    """All frames, by the names under which the page finds them."""
    return {_name(figure, places): png for places, png in film.pictures.items()}


def told(figure: notebooks.Figure, film: Film) -> dict[str, Any]:
    """What the script needs to know."""
    return {"figure": figure.anchor, "size": film.size, "frames": [asdict(slider) for slider in film.sliders]}


def html(figure: notebooks.Figure, film: Film) -> str:
    """The figure on another page than its notebook's, with its first frame."""
    width, height = film.size
    first = _name(figure, [slider.start for slider in film.sliders])
    alt = escape(f"Figure {figure.number}. {figure.description}")
    link = f'<a href="{figure.page}.html#{figure.anchor}">Figure {figure.number}</a>'
    return (
        f'<figure id="{figure.anchor}"><img src="{first}" alt="{alt}" width="{width}" height="{height}">'
        f"<figcaption><p>{link}</p></figcaption></figure>"
    )


def _name(figure: notebooks.Figure, places: Sequence[int]) -> str:
    return f"frames/{'-'.join([figure.anchor, *map(str, places)])}.png"
