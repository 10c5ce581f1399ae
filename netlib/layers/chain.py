"""Whether layers can stand in a row."""

from __future__ import annotations

import math

from netlib.layers.base import Layer


def check_chain(layers: list[Layer], mini_batch_size: int) -> None:
    """Refuse layers that cannot form a network, before any of them is touched."""
    if not layers:
        raise ValueError("layers: expected at least one layer; got none")
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise TypeError(f"layers[{i}]: expected a layer; got {layer!r}")
        if layer.place is not None or layer in layers[:i]:
            raise ValueError(f"layers[{i}]: {layer!r} is part of a network already; make a new layer for each place")
        given = getattr(layer, "image_shape", ())
        if len(given) == 4 and given[0] not in (None, mini_batch_size):
            raise ValueError(
                f"layers[{i}]: expected image_shape to begin with the network's mini_batch_size, {mini_batch_size}; "
                f"got {given}"
            )
        if i == 0:
            continue
        arriving, expected = layers[i - 1].output_shape, layer.input_shape
        flat = len(expected) == 1 or len(arriving) == 1
        if math.prod(arriving) != math.prod(expected) if flat else arriving != expected:
            raise ValueError(
                f"layers[{i}]: {layer!r} expects {expected} for each image, but layers[{i - 1}] gives {arriving}"
            )
