"""Layers as plain data, for model files, and back."""

from __future__ import annotations

import inspect
from typing import Any

from netlib.layers.base import Layer
from netlib.layers.conv_pool import ConvPoolLayer
from netlib.layers.fully_connected import FullyConnectedLayer, SoftmaxLayer
from netlib.ops import ACTIVATIONS

KINDS = {kind.__name__: kind for kind in (ConvPoolLayer, FullyConnectedLayer, SoftmaxLayer)}


def describe(layer: Layer) -> dict[str, Any]:
    """The layer's kind and the arguments that make another like it, as JSON knows them.

    Raises
    ------
    ValueError
        If its activation function is not one of netlib's: a file cannot hold a function.
    """
    if ACTIVATIONS.get(layer.activation_fn.name) != layer.activation_fn:
        known = ", ".join(ACTIVATIONS)
        raise ValueError(f"activation_fn: only netlib's own can be saved, {known}; got {layer.activation_fn}")
    special = {
        "activation_fn": layer.activation_fn.name,
        "cost": layer.cost_function.name if layer.cost_function else None,
    }
    arguments = inspect.signature(type(layer)).parameters
    return {"kind": type(layer).__name__} | {
        name: special[name] if name in special else getattr(layer, name) for name in arguments
    }


def rebuild(description: dict[str, Any]) -> Layer:
    """The layer that was described, without its parameters.

    Raises
    ------
    TypeError, ValueError, KeyError
        If this is no description of a layer.
    """
    arguments = dict(description)
    kind = KINDS[arguments.pop("kind")]
    if "activation_fn" in arguments:
        arguments["activation_fn"] = ACTIVATIONS[arguments["activation_fn"]]
    return kind(**arguments)
