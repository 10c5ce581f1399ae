"""Convolution and max-pooling as one operation: the form in which layers compute them, and why it is fast.

Inside a network the mini-batch is the last axis, (C, H, W, N): neighbouring numbers in memory belong to different
images and get the same treatment, so every inner loop runs over them at full speed, and a convolution becomes one
matrix product for the whole mini-batch. The price is one copy (`columns`) in which every pixel stands as often as
filters look at it. Both forms add the same products, a weight times a pixel, for each place; only the order in which
they are added is the BLAS's.

**Folding.** Pooling picks one of P*Q neighbouring sums. One may also cut patches that are large enough for all of
them, (KH+P-1) x (KW+Q-1) pixels around each window, and lay P*Q shifted copies of every filter, the rest zeros, on
such a patch: the P*Q sums of a window are then rows of one product. They are the same sums with zeros between their
terms. The product has more to multiply (36/25 as much for 5 x 5 filters and 2 x 2 windows), but the columns shrink to
36/100, and the candidates of a window lie in P*Q contiguous blocks, over which maxima and their gradients run at full
speed. It pays where the unfolded product would be so thin that the processor waits for memory: in a first layer, which
reads a single map. Both forms are the same lines below; unfolded is a fold by 1 x 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from netlib import checks
from netlib.backend import Array, Workspace, namespace
from netlib.ops.convolution import conv2d, conv2d_gradients
from netlib.ops.pooling import TIES, pool2d, pool2d_gradient

FOLD_BELOW = 64  # numbers in a patch; measured in tests/benchmarks


class Saved(NamedTuple):
    """What the forward pass leaves for the backward pass; (S, T) is the fold, (P, Q) or (1, 1)."""

    columns: Array  # (C, KH + S-1, KW + T-1, OH / S, OW / T, N), every pixel of every patch
    kernel: Array  # (S, T, F, C, KH + S-1, KW + T-1), the filters, turned and shifted by (s, t)
    z: Array  # (S, T, F, OH / S, OW / T, N), the convolution before pooling
    pooled: Array  # (F, PH, PW, N)
    x_shape: tuple[int, ...]
    w_shape: tuple[int, ...]


def plain_conv_pool(x: Array, w: Array, poolsize: tuple[int, int]) -> Array:
    """The definition that `conv_pool` is held to."""
    return pool2d(conv2d(x.transpose(3, 0, 1, 2), w), poolsize).transpose(1, 2, 3, 0)


def conv_pool(
    x: Array, w: Array, poolsize: tuple[int, int], work: Workspace | None = None, *, fold: bool | None = None
) -> tuple[Array, Saved]:
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
    fold : bool, optional
        Whether to fold the windows into the product; by default, where that is faster.

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
    S, T = (P, Q) if (C * KH * KW < FOLD_BELOW if fold is None else fold) else (1, 1)
    OH, OW = PH * P // S, PW * Q // T  # patches down and across

    columns = work("columns", (C, KH + S - 1, KW + T - 1, OH, OW, N), x.dtype)
    sc, sh, sw, sn = x.strides
    xp.copyto(columns, xp.lib.stride_tricks.as_strided(x, columns.shape, (sc, sh, sw, S * sh, T * sw, sn)))
    kernel = work("kernel", (S, T, F, C, KH + S - 1, KW + T - 1), x.dtype)
    kernel[...] = 0
    for s, t in _places(S, T):
        kernel[s, t, :, :, s : s + KH, t : t + KW] = w[:, :, ::-1, ::-1]
    z = work("z", (S, T, F, OH, OW, N), x.dtype)
    xp.matmul(_rows(kernel, 3), _rows(columns, 3), out=_rows(z, 3))

    pooled = work("pooled", (F, PH, PW, N), x.dtype)
    first, *others = _candidates(z, P, Q)
    xp.copyto(pooled, first)
    for candidate in others:
        xp.maximum(pooled, candidate, out=pooled)
    return pooled, Saved(columns, kernel, z, pooled, x.shape, w.shape)


def plain_conv_pool_gradients(
    x: Array, w: Array, poolsize: tuple[int, int], dpooled: Array, ties: str = "all"
) -> tuple[Array, Array]:
    """The definition that `conv_pool_gradients` is held to."""
    x, dpooled = x.transpose(3, 0, 1, 2), dpooled.transpose(3, 0, 1, 2)
    z = conv2d(x, w)
    dz = pool2d_gradient(z, pool2d(z, poolsize), dpooled, poolsize, ties=ties)
    dx, dw = conv2d_gradients(x, w, dz)
    return dx.transpose(1, 2, 3, 0), dw


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
    columns, kernel, z, pooled, x_shape, w_shape = saved
    S, T, _, OH, OW, _ = z.shape
    _, _, KH, KW = w_shape
    P, Q = S * OH // pooled.shape[1], T * OW // pooled.shape[2]

    dz = work("dz", z.shape, z.dtype)
    winner = work("winner", pooled.shape, bool)
    unclaimed = work("unclaimed", pooled.shape, bool)
    unclaimed[...] = True
    for candidate, gradient in zip(_candidates(z, P, Q), _candidates(dz, P, Q), strict=True):
        xp.equal(candidate, pooled, out=winner)
        if ties == "first":
            winner &= unclaimed
            unclaimed ^= winner
        xp.multiply(dpooled, winner, out=gradient)

    dkernel = work("dkernel", (*columns.shape[:3], S, T, w_shape[0]), z.dtype)  # the kernel, transposed
    xp.matmul(_rows(columns, 3), _rows(dz, 3).T, out=_rows(dkernel, 3))
    dw = work("dw", w_shape, z.dtype)
    shifted = dkernel.transpose(3, 4, 5, 0, 1, 2)
    first, *others = (shifted[s, t, :, :, s : s + KH, t : t + KW][:, :, ::-1, ::-1] for s, t in _places(S, T))
    xp.copyto(dw, first)
    for part in others:
        dw += part
    if not input_gradient:
        return None, dw

    dcolumns = work("dcolumns", columns.shape, z.dtype)
    xp.matmul(_rows(kernel, 3).T, _rows(dz, 3), out=_rows(dcolumns, 3))
    dx = work("dx", x_shape, z.dtype)
    dx[...] = 0
    for k, m in _places(*columns.shape[1:3]):
        dx[:, k : k + S * OH : S, m : m + T * OW : T] += dcolumns[:, k, m]
    return dx, dw


def _places(P: int, Q: int) -> list[tuple[int, int]]:
    """The places in a P x Q rectangle, in reading order."""
    return [(a, b) for a in range(P) for b in range(Q)]


def _rows(array: Array, axes: int) -> Array:
    """The array as a matrix whose rows are its first axes, so many, and whose columns are the others."""
    return array.reshape(math.prod(array.shape[:axes]), -1)


def _candidates(z: Array, P: int, Q: int) -> list[Array]:
    """Views (F, PH, PW, N) of the convolution z, each one place of all the windows, in reading order."""
    S, T = z.shape[:2]
    return [z[s, t, :, a :: P // S, b :: Q // T] for s, t in _places(S, T) for a, b in _places(P // S, Q // T)]
