"""The demos of one input: networks whose weights depend on sliders, as numbers that a small script can use.

All weights are affine in the sliders' values, so each is given by what netlib makes it where all sliders are 0, and by
what it changes by where one of them is 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from netlib import universality
from netlib.backend import to_host
from netlib.network import Network
from netlib.ops import linear, sigmoid
from workshop import frames
from workshop.notebooks import Figure

ROUGH = 6  # digits behind the point: far finer than a line is thick
FIFTHS = [(i / 5, (i + 1) / 5) for i in range(5)]
X = np.linspace(0, 1, 401)
CHALLENGE = np.arange(100) / 100  # where the book's score is measured
PLACE = {"min": 0.0, "max": 1.0, "step": 0.01}
HEIGHT = {"min": -2.5, "max": 2.5, "step": 0.01}


@dataclass(frozen=True)
class Slider:
    """A number that a reader may change."""

    name: str
    label: str
    value: float
    min: float
    max: float
    step: float = 1.0


@dataclass(frozen=True)
class Demo:
    """A network of one input, sliders for its weights, and what it may be compared with.

    Attributes
    ----------
    name, title : str
    sliders : sequence of Slider
    network : callable
        Of the sliders' values: a network with one hidden layer of sigmoids and a linear output.
    limits : (float, float)
        Of the vertical axis.
    target : callable, optional
        The curve to come near to.
    buttons : dict
        Values of all sliders, by the words on a button.
    """

    name: str
    title: str
    sliders: Sequence[Slider]
    network: Callable[..., Network]
    limits: tuple[float, float]
    target: Callable[[np.ndarray], np.ndarray] | None = None
    buttons: dict[str, list[float]] = field(default_factory=dict)


def target(x: np.ndarray) -> np.ndarray:
    """What must arrive at the output neuron, so that its sigmoid gives the book's curve."""
    return universality.logit(universality.goal(x))


def five(*heights: float) -> Network:
    """Five bumps side by side."""
    return universality.bumps(FIFTHS, heights, device="cpu")


def _best() -> list[float]:
    return [round(float(height), 2) for height in universality.best_heights(target, 5)]


DEMOS = [
    Demo(
        "neuron",
        "One neuron",
        [Slider("w", "weight w", 8, -200, 200), Slider("b", "bias b", -4, -200, 200)],
        lambda w, b: universality.constructed(([[w]], [b], sigmoid), ([[1.0]], [0.0], linear), device="cpu"),
        (-0.1, 1.1),
        buttons={"A step at 0.3": [200, -60], "Falling": [-50, 25]},
    ),
    Demo(
        "step",
        "A step",
        [Slider("s", "place s", 0.4, **PLACE), Slider("h", "height h", 1, **HEIGHT)],
        lambda s, h: universality.steps([s], [h], device="cpu"),
        (-2.6, 2.6),
    ),
    Demo(
        "bump",
        "A bump",
        [Slider("s1", "begins at", 0.4, **PLACE), Slider("s2", "ends at", 0.6, **PLACE),
         Slider("h", "height h", 0.8, **HEIGHT)],
        lambda s1, s2, h: universality.bumps([(s1, s2)], [h], device="cpu"),
        (-2.6, 2.6),
    ),
    Demo(
        "challenge",
        "Five bumps, and a curve to follow",
        [Slider(f"h{i}", f"height {i}", 0.0, **HEIGHT) for i in range(1, 6)],
        five,
        (-2.6, 2.6),
        target,
        {"Solution": _best(), "All zero": [0.0] * 5},
    ),
]  # fmt: skip


def affine(demo: Demo) -> dict[str, list[list[float]]]:
    """Hidden weights, hidden biases and output weights: for each neuron the constant, and the factor of each slider.

    Raises
    ------
    ValueError
        If the weights are not affine in the sliders' values, or the output neuron has a bias.
    """
    zero = np.zeros(len(demo.sliders))
    at = {tuple(values): _weights(demo.network(*values)) for values in (zero, *np.eye(len(zero)))}
    start = at[tuple(zero)]
    factors = [at[tuple(unit)] - start for unit in np.eye(len(zero))]
    trial = np.arange(1, len(zero) + 1) / 8
    if not np.allclose(_weights(demo.network(*trial)), start + np.tensordot(trial, factors, 1)):
        raise ValueError(f"{demo.name}: expected weights that are affine in the sliders' values")
    each = np.stack([start, *factors], axis=-1)
    return dict(zip(("w", "b", "out"), each.round(ROUGH).tolist(), strict=True))


def _weights(network: Network) -> np.ndarray:
    """Hidden weights, hidden biases, output weights, (3, neurons)."""
    hidden, last = network.layers
    if to_host(last.b).any():
        raise ValueError("expected an output neuron without bias")
    return np.stack([to_host(hidden.w)[0], to_host(hidden.b), to_host(last.w)[:, 0]])


def described(demo: Demo) -> dict:
    """All that the script needs to know of a demo."""
    told = {"name": demo.name, "title": demo.title, "limits": demo.limits, "buttons": demo.buttons}
    told |= {"sliders": [asdict(slider) for slider in demo.sliders], "neurons": affine(demo)}
    if demo.target:
        told["target"] = demo.target(X).round(ROUGH).tolist()
        told["scored"] = demo.target(CHALLENGE).round(ROUGH).tolist()
    return told


def approximations(most: int = 30) -> dict:
    """Networks of 1 to `most` bumps that approximate the book's curve, and how far off each is."""
    networks = [universality.approximate(universality.goal, n, device="cpu") for n in range(1, most + 1)]
    return {
        "name": "any",
        "title": "As many bumps as you like",
        "limits": [0.0, 1.0],
        "target": universality.goal(X).round(ROUGH).tolist(),
        "choices": [_weights(each.network).round(ROUGH).tolist() for each in networks],
        "errors": [round(universality.sup_error(universality.goal, each), 3) for each in networks],
    }


def told() -> list[dict]:
    """All that the script needs to know of the demos of one input."""
    return [*map(described, DEMOS), approximations()]


def script(told: Sequence[dict]) -> str:
    """The script, and before it what it needs to know."""
    data = json.dumps(told, separators=(",", ":"))
    return f'<script type="application/json" id="demo-data">{data}</script>\n\n<script src="_static/demos.js"></script>'


def page(markdown: str, films: Sequence[tuple[Figure, frames.Film]]) -> str:
    """The page of demos: at the name of a figure the film of it, and at the end the script."""
    for figure, film in films:
        markdown = markdown.replace(f"@{figure.anchor}@", frames.html(figure, film))
    return f"{markdown}\n{script([*told(), *(frames.told(*each) for each in films)])}\n"
