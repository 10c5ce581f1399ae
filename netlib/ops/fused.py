"""Convolution and max-pooling as one operation: the form in which layers compute them, and why it is fast.

Inside a network the mini-batch is the last axis, (C, H, W, N): neighbouring numbers in memory belong to different
images and get the same treatment, so every inner loop runs over them at full speed, and a convolution becomes one
matrix product for the whole mini-batch. The price is one copy (`columns`) in which every pixel stands as often as
filters look at it.

The plain version is the composition of `convolution.conv2d` and `pooling.pool2d`; the tests hold the two together.
"""

from __future__ import annotations

from typing import NamedTuple

from netlib import checks
from netlib.backend import Array, Workspace, namespace
from netlib.ops.pooling import TIES


class Saved(NamedTuple):
    """What the forward pass leaves for the backward pass."""

    columns: Array  # (C, KH, KW, OH, OW, N), every pixel of every patch
    kernel: Array  # (F, C, KH, KW), the filters, turned
    z: Array  # (F, OH, OW, N), the convolution before pooling
    pooled: Array  # (F, PH, PW, N)
    image_shape: tuple[int, ...]


def conv_pool(x: Array, w: Array, poolsize: tuple[int, int], work: Workspace | None = None) -> tuple[Array, Saved]:
    """Convolve (border "valid", stride 1, filters turned), then take the maximum of non-overlapping windows.

    Every patch that a filter looks at is copied into a column; the convolution of all images with all filters is
    then one product of the matrix of filters with the matrix of columns. Rows and columns of the convolution that
    fill no whole window are never computed.

    Parameters
    ----------
    x : (C, H, W, N)
        Images, mini-batch innermost.
    w : (F, C, KH, KW)
        Filters.
    poolsize : (int, int)
        Rows and columns of a pooling window.
    work : Workspace, optional
        Where the arrays live; what is returned stays valid until `work` is used for the next call.

    Returns
    -------
    pooled : (F, PH, PW, N)
    saved : Saved
        What `conv_pool_gradients` needs.

    Raises
    ------
    ValueError
        If the maps of `x` and `w` differ, or no filter with a whole window behind it fits into the images.
    """
    xp = namespace(x, w)
    work = work or Workspace(xp)
    if x.ndim != 4 or w.ndim != 4 or x.shape[0] != w.shape[1]:
        raise ValueError(f"x, w: expected (C, H, W, N) and (F, C, KH, KW) with the same C; got {x.shape} and {w.shape}")
    C, H, W, N = x.shape
    F, _, KH, KW = w.shape
    P, Q = checks.pair("poolsize", poolsize, 1)
    PH, PW = (H - KH + 1) // P, (W - KW + 1) // Q
    if PH < 1 or PW < 1:
        smallest = f"{KH + P - 1} x {KW + Q - 1}, room for a filter and a window"
        raise ValueError(f"x: expected images of at least {smallest}; got {H} x {W}")
    OH, OW = PH * P, PW * Q

    columns = work("columns", (C, KH, KW, OH, OW, N), x.dtype)
    sc, sh, sw, sn = x.strides
    xp.copyto(columns, xp.lib.stride_tricks.as_strided(x, columns.shape, (sc, sh, sw, sh, sw, sn)))
    kernel = work("kernel", w.shape, x.dtype)
    xp.copyto(kernel, w[:, :, ::-1, ::-1])
    z = work("z", (F, OH, OW, N), x.dtype)
    xp.matmul(kernel.reshape(F, C * KH * KW), columns.reshape(C * KH * KW, OH * OW * N), out=z.reshape(F, OH * OW * N))

    pooled = work("pooled", (F, PH, PW, N), x.dtype)
    xp.copyto(pooled, z[:, ::P, ::Q])
    for a, b in _window(P, Q)[1:]:
        xp.maximum(pooled, z[:, a::P, b::Q], out=pooled)
    return pooled, Saved(columns, kernel, z, pooled, x.shape)


def conv_pool_gradients(
    dpooled: Array, saved: Saved, *, ties: str = "all", input_gradient: bool = True, work: Workspace | None = None
) -> tuple[Array | None, Array]:
    """Gradients (dx, dw) of a cost with respect to the images and filters given to `conv_pool`.

    The forward pass backwards: the gradient of each pooled number goes to the entry (with ``ties="all"``, the
    entries) of its window that was the maximum; then two matrix products, with the columns for the filters and
    with the filters for the columns; and what arrives at a pixel's copies in the columns is added up.

    Parameters
    ----------
    dpooled : (F, PH, PW, N)
        Gradient of the cost with respect to the pooled convolution.
    saved : Saved
        From `conv_pool`.
    ties : {"all", "first"}
        Who gets the gradient where entries of a window share the maximum; see `pooling.pool2d_gradient`.
    input_gradient : bool
        Whether `dx` is wanted; a first layer has no use for it.
    work : Workspace, optional
        Where the arrays live; may be the one that `conv_pool` used. What is returned stays valid until its next use.

    Returns
    -------
    dx : (C, H, W, N) or None
    dw : (F, C, KH, KW)

    Raises
    ------
    ValueError
        If `dpooled` does not have the shape of what `conv_pool` returned, or `ties` is neither word.
    """
    checks.choice("ties", ties, TIES)
    if dpooled.shape != saved.pooled.shape:
        raise ValueError(f"dpooled: expected the shape of the pooled maps, {saved.pooled.shape}; got {dpooled.shape}")
    xp = namespace(dpooled, saved.z)
    work = work or Workspace(xp)
    columns, kernel, z, pooled, image_shape = saved
    C, KH, KW, OH, OW, N = columns.shape
    F, PH, PW, _ = pooled.shape
    P, Q = OH // PH, OW // PW

    dz = work("dz", z.shape, z.dtype)
    winner = work("winner", pooled.shape, bool)
    unclaimed = work("unclaimed", pooled.shape, bool)
    unclaimed[...] = True
    for a, b in _window(P, Q):
        xp.equal(z[:, a::P, b::Q], pooled, out=winner)
        if ties == "first":
            winner &= unclaimed
            unclaimed ^= winner
        xp.multiply(dpooled, winner, out=dz[:, a::P, b::Q])

    dz_rows = dz.reshape(F, OH * OW * N)
    column_rows = columns.reshape(C * KH * KW, OH * OW * N)
    dkernel = work("dkernel", kernel.shape, z.dtype)
    xp.matmul(dz_rows, column_rows.T, out=dkernel.reshape(F, C * KH * KW))
    dw = dkernel[:, :, ::-1, ::-1]
    if not input_gradient:
        return None, dw

    dcolumns = work("dcolumns", columns.shape, z.dtype)
    xp.matmul(kernel.reshape(F, C * KH * KW).T, dz_rows, out=dcolumns.reshape(C * KH * KW, OH * OW * N))
    dx = work("dx", image_shape, z.dtype)
    dx[...] = 0
    for k in range(KH):
        for m in range(KW):
            dx[:, k : k + OH, m : m + OW] += dcolumns[:, k, m]
    return dx, dw


def _window(P: int, Q: int) -> list[tuple[int, int]]:
    """The places in a pooling window, in reading order."""
    return [(a, b) for a in range(P) for b in range(Q)]
