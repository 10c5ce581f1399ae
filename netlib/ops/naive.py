"""Convolution and pooling as plain loops: slow, and meant to be read.

This is the truth that the fast operations are held to. Nothing here is clever: every loop variable is an index of
the formula, every line one product or one comparison. Images are (N, C, H, W), filters (F, C, KH, KW).
"""

from __future__ import annotations

import numpy as np


def conv2d(x: np.ndarray, w: np.ndarray, stride: tuple[int, int] = (1, 1), *, flip: bool = True) -> np.ndarray:
    """Convolution of the part of the image that each filter covers wholly (border "valid").

    With `flip` the filter is turned by 180 degrees first, which makes it a convolution in the mathematical sense
    (and network3's); without, a cross-correlation, which is what the book's equation (125) writes.
    """
    N, C, H, W = x.shape
    F, _, KH, KW = w.shape
    OH, OW = (H - KH) // stride[0] + 1, (W - KW) // stride[1] + 1
    y = np.zeros((N, F, OH, OW), x.dtype)
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    for c in range(C):
                        for k in range(KH):
                            for m in range(KW):
                                weight = w[f, c, KH - 1 - k, KW - 1 - m] if flip else w[f, c, k, m]
                                y[n, f, i, j] += weight * x[n, c, i * stride[0] + k, j * stride[1] + m]
    return y


def conv2d_gradients(
    x: np.ndarray, w: np.ndarray, dy: np.ndarray, stride: tuple[int, int] = (1, 1), *, flip: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients (dx, dw) of a cost whose gradient with respect to the output of `conv2d` is `dy`.

    The loops of the forward pass again. Each of its products, weight times pixel, hands the gradient of its output
    on twice: to the pixel times the weight, to the weight times the pixel.
    """
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    (N, C), (F, _, KH, KW), (OH, OW) = x.shape[:2], w.shape, dy.shape[2:]
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    for c in range(C):
                        for k in range(KH):
                            for m in range(KW):
                                weight = (f, c, KH - 1 - k, KW - 1 - m) if flip else (f, c, k, m)
                                pixel = n, c, i * stride[0] + k, j * stride[1] + m
                                dx[pixel] += w[weight] * dy[n, f, i, j]
                                dw[weight] += x[pixel] * dy[n, f, i, j]
    return dx, dw


def max_pool(x: np.ndarray, window: tuple[int, int]) -> np.ndarray:
    """The maximum of every window of a grid; rows and columns that fill no whole window are left out."""
    N, C, H, W = x.shape
    P, Q = window
    y = np.zeros((N, C, H // P, W // Q), x.dtype)
    for n in range(N):
        for c in range(C):
            for i in range(H // P):
                for j in range(W // Q):
                    y[n, c, i, j] = max(x[n, c, i * P + a, j * Q + b] for a in range(P) for b in range(Q))
    return y


def max_pool_gradient(x: np.ndarray, dy: np.ndarray, window: tuple[int, int], *, ties: str = "all") -> np.ndarray:
    """Gradient with respect to the input of `max_pool`: it goes where the maximum was.

    If several entries of a window share the maximum, each gets the full gradient with ``ties="all"``, and only the
    first in reading order with ``ties="first"``.
    """
    dx = np.zeros_like(x)
    P, Q = window
    for n, c, i, j in np.ndindex(dy.shape):
        inside = [(n, c, i * P + a, j * Q + b) for a in range(P) for b in range(Q)]
        largest = max(x[place] for place in inside)
        winners = [place for place in inside if x[place] == largest]
        for place in winners if ties == "all" else winners[:1]:
            dx[place] = dy[n, c, i, j]
    return dx
