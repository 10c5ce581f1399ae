"""Pictures read off an image at other places: stretched, turned, displaced like rubber.

One question is asked for each pixel of a picture: where in the image does it come from? The answer lies between pixels,
and is read off by bilinear interpolation.
"""

from __future__ import annotations

import math

import numpy as np

from netlib import rng
from netlib.backend import Array, Workspace, gather, namespace

HALF = 1 << 15  # a displacement is drawn with 16 bits


def affine(
    angle: Array, lean: Array, tall: Array, wide: Array, down: Array, right: Array
) -> tuple[tuple[Array, Array, Array], ...]:
    """Where a picture's pixels come from, if the image was stretched, skewed, turned and shifted, in this order.

    Parameters
    ----------
    angle, lean : (n,)
        Radians: by how much the image is turned counter-clockwise, and uprights are skewed to the right.
    tall, wide : (n,)
        Factors of height and width.
    down, right : (n,)
        Pixels.

    Returns
    -------
    (by_row, by_column, offset) twice, each (n,)
        The pixel in row r and column c, counted from the centre, comes from row ``by_row r + by_column c + offset`` by
        the first three, and from the column that the other three give.
    """
    xp = namespace(angle)
    cos, sin, slope = xp.cos(angle), xp.sin(angle), xp.tan(lean)
    row = cos / tall, sin / tall
    column = (slope * cos - sin) / wide, (slope * sin + cos) / wide
    return tuple((r, c, -(r * down + c * right)) for r, c in (row, column))


def gaussian(n: int, sigma: float) -> np.ndarray:
    """Weights (n, n) that smooth n numbers in a row, ``gaussian(n, sigma) @ numbers``.

    They are those of a Gaussian of standard deviation `sigma`, with sum 1 on an endless row; beyond the n, there are
    zeros.
    """
    place = np.arange(n)
    far = np.arange(-math.ceil(9 * sigma), math.ceil(9 * sigma) + 1)
    with np.errstate(over="ignore"):  # a sigma near 0 smooths nothing
        weights, all_weights = (np.exp(-0.5 * (d / sigma) ** 2) for d in (place[:, None] - place, far))
    return weights / all_weights.sum()


def displacements(image: Array, stream: int, down: Array, along: Array, out: Array, work: Workspace) -> Array:
    """Smooth random displacements of all pixels of some images (Simard, Steinkraus and Platt, section 2).

    Parameters
    ----------
    image : (n,)
        Numbers of the images, which decide with the stream what is drawn.
    stream : int
        A key; see `rng`.
    down, along : (H, H), (W, W)
        What smooths columns and rows: for displacements drawn from -1 to 1, smoothed, and multiplied by alpha,
        ``gaussian(H, sigma) * alpha / HALF`` and ``gaussian(W, sigma)``.
    out : (2, n, H, W)
        Where they are written: pixels down and pixels to the right.
    work : Workspace
    """
    xp, (_, n, H, W) = namespace(out), out.shape
    bits = rng.words_of(image, stream, -(-2 * H * W // 4), work).view(np.uint16)[:, : 2 * H * W]
    drawn = work("drawn", out.shape, out.dtype)
    drawn[...] = bits.reshape(n, 2, H, W).swapaxes(0, 1)
    drawn += 0.5 - HALF
    rows = xp.matmul(drawn, along, out=work("rows", out.shape, out.dtype))
    return xp.matmul(down, rows, out=out)


def interpolate(images: Array, position: Array, work: Workspace) -> Array:
    """Images read off between their pixels, bilinearly; around them everything is 0.

    Parameters
    ----------
    images : (n, C, H, W)
    position : (2, n, OH, OW)
        Rows and columns, fractions included, at which to read all channels of each image.
    work : Workspace
        Where the result lives.

    Returns
    -------
    (n, C, OH, OW)
    """
    xp, (n, C, H, W), (OH, OW) = namespace(images, position), images.shape, position.shape[2:]
    framed = work("framed", (n, C, H + 2, W + 2), images.dtype)
    framed[...] = 0
    framed[:, :, 1:-1, 1:-1] = images
    pixel = work("pixel", (n, C, OH, OW), np.intp)
    pixel[...] = (xp.arange(n * C) * ((H + 2) * (W + 2))).reshape(n, C, 1, 1)
    beyond = []
    for axis, (size, stride) in enumerate(((H, W + 2), (W, 1))):
        at = xp.clip(position[axis], -1, size, out=work(f"beyond {axis}", (n, OH, OW), position.dtype))
        at += 1
        before = xp.floor(at, out=work("before", at.shape, at.dtype))
        xp.minimum(before, size, out=before)  # so that there is a pixel after it, too
        at -= before
        whole = work("whole", at.shape, pixel.dtype)
        whole[...] = before
        whole *= stride
        pixel += whole[:, None]
        beyond.append(at[:, None])  # (n, 1, OH, OW)

    def corner(first: int) -> Array:
        return gather(framed.reshape(-1)[first:], pixel, work(f"corner {first}", pixel.shape, images.dtype))

    upper = _between(corner(0), corner(1), beyond[1])
    lower = _between(corner(W + 2), corner(W + 3), beyond[1])
    return _between(upper, lower, beyond[0])


def _between(one: Array, other: Array, fraction: Array) -> Array:
    """What lies this far from `one` to `other`, in the place of `other`."""
    other -= one
    other *= fraction
    other += one
    return other
