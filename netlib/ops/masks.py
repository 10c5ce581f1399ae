"""Dropout: in each training step another random part of a layer's inputs is silent."""

from __future__ import annotations

from types import ModuleType

from netlib import checks, rng
from netlib.backend import Array, Workspace, move, namespace


def dropout_mask(
    xp: ModuleType,
    shape: tuple[int, ...],
    p_dropout: float,
    *,
    seed: int,
    place: int,
    step: int,
    work: Workspace | None = None,
) -> Array:
    """Which inputs the layer at `place` keeps in training step `step`: True with probability ``1 - p_dropout``.

    With `work`, the mask lives there, until the next one is drawn there.
    """
    p_dropout = checks.non_negative("p_dropout", p_dropout, below=1)
    return rng.keep_mask(xp, rng.key(seed, rng.Purpose.DROPOUT, place, step), shape, p_dropout, work)


def dropout(x: Array, mask: Array, scale: float = 1.0, out: Array | None = None) -> Array:
    """Silence the units where `mask` is False and multiply the others by `scale`.

    Gradients go back the same way: the gradient with respect to `x` is ``dropout(dy, mask, scale)``.

    Raises
    ------
    TypeError
        If `x` is no array of floats.
    """
    if x.dtype.kind != "f":
        raise TypeError(f"x: expected an array of floats; got dtype {x.dtype}")
    out = namespace(x, mask).multiply(x, mask, out=out)
    if scale != 1:
        out *= x.dtype.type(scale)
    return out


def dropout_layer(layer: Array, p_dropout: float, *, seed: int = 0, place: int = 0, step: int = 0) -> Array:
    """Drop each entry of an array with probability `p_dropout`; network3's function of this name.

    The book's draws another mask at every call, from a generator of its own. This one draws the mask of (seed,
    place, step), which can be drawn again.

    Raises
    ------
    ValueError
        If `p_dropout` is not in [0, 1).
    """
    layer = move(layer, namespace(layer))
    mask = dropout_mask(namespace(layer), layer.shape, p_dropout, seed=seed, place=place, step=step)
    return dropout(layer, mask)
