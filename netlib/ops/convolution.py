"""Convolution of images with filters, and its gradients, for any stride and border."""

from __future__ import annotations

from netlib import checks
from netlib.backend import Array, namespace

Border = str | int | tuple[int, int]


def _padding(border: Border, KH: int, KW: int) -> tuple[int, int]:
    """Rows and columns of zeros that `border` puts on each side of the image."""
    if isinstance(border, str):
        named = {"valid": (0, 0), "half": (KH // 2, KW // 2), "full": (KH - 1, KW - 1)}
        return named[checks.choice("border", border, named)]
    return checks.pair("border", border, 0)


def _check_maps(x: Array, w: Array) -> None:
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[1]:
        raise ValueError(
            "x, w: expected images (N, C, H, W) and filters (F, C, KH, KW) with the same number of input maps C; "
            f"got {x.shape} and {w.shape}"
        )


def _windows(x: Array, KH: int, KW: int, stride: tuple[int, int], pad: tuple[int, int]) -> Array:
    """Every patch of the padded image that a filter looks at, (N, C, OH, OW, KH, KW): a view, nothing is copied."""
    xp = namespace(x)
    x = xp.pad(x, ((0, 0), (0, 0), (pad[0], pad[0]), (pad[1], pad[1]))) if any(pad) else x
    N, C, H, W = x.shape
    if KH > H or KW > W:
        raise ValueError(f"w: expected filters no larger than the padded image, {H} x {W}; got {KH} x {KW}")
    OH, OW = (H - KH) // stride[0] + 1, (W - KW) // stride[1] + 1
    sn, sc, sh, sw = x.strides
    strides = (sn, sc, sh * stride[0], sw * stride[1], sh, sw)
    return xp.lib.stride_tricks.as_strided(x, (N, C, OH, OW, KH, KW), strides)


def _oriented(w: Array, flip: bool) -> Array:
    """The filters turned by 180 degrees, or as they are; turning twice changes nothing."""
    return w[:, :, ::-1, ::-1] if flip else w


def conv2d(
    x: Array, w: Array, *, stride: int | tuple[int, int] = 1, border: Border = "valid", flip: bool = True
) -> Array:
    r"""Convolve images with filters; the products over all input maps are summed.

    .. math:: y_{nfij} = \sum_{ckm} w_{fc\,K_H-1-k\,K_W-1-m}\, x_{n\,c\,is+k\,js+m}

    Parameters
    ----------
    x : (N, C, H, W)
        Images.
    w : (F, C, KH, KW)
        Filters.
    stride : int or (int, int)
        Step of the filter in rows and columns.
    border : {"valid", "half", "full"}, int or (int, int)
        Zeros around the image: none, half a filter, a filter less one, or so many rows and columns on each side.
    flip : bool
        True for a convolution, as in network3; False for the cross-correlation of the book's equation (125).

    Returns
    -------
    (N, F, OH, OW)

    Raises
    ------
    ValueError
        If the maps of `x` and `w` differ, or a filter is larger than the padded image.
    """
    _check_maps(x, w)
    KH, KW = w.shape[2:]
    windows = _windows(x, KH, KW, checks.pair("stride", stride, 1), _padding(border, KH, KW))
    y = namespace(x, w).tensordot(windows, _oriented(w, flip), axes=((1, 4, 5), (1, 2, 3)))  # (N, OH, OW, F)
    return y.transpose(0, 3, 1, 2)


def conv2d_gradients(
    x: Array,
    w: Array,
    dy: Array,
    *,
    stride: int | tuple[int, int] = 1,
    border: Border = "valid",
    flip: bool = True,
) -> tuple[Array, Array]:
    """Gradients (dx, dw) of a cost with respect to the images and the filters of `conv2d`.

    A weight meets one pixel of every patch, so its gradient is the sum of those pixels, each times the gradient of
    its patch's output. A pixel lies under each weight of the filter once, for different outputs: its gradient is
    gathered weight by weight.

    Parameters
    ----------
    x, w, stride, border, flip
        As given to `conv2d`.
    dy : (N, F, OH, OW)
        Gradient of the cost with respect to the result of `conv2d`.

    Returns
    -------
    dx : (N, C, H, W)
    dw : (F, C, KH, KW)
    """
    options = {"stride": stride, "border": border, "flip": flip}
    return conv2d_image_gradient(x, w, dy, **options), conv2d_filter_gradient(x, w, dy, **options)


def conv2d_image_gradient(
    x: Array,
    w: Array,
    dy: Array,
    *,
    stride: int | tuple[int, int] = 1,
    border: Border = "valid",
    flip: bool = True,
) -> Array:
    """The first of `conv2d_gradients`, (N, C, H, W), alone; of `x` only the shape matters."""
    (SH, SW), (top, left), (OH, OW) = _checked_gradient(x, w, dy, stride, border)
    (N, C, H, W), (KH, KW), xp = x.shape, w.shape[2:], namespace(x, w, dy)
    kernel = _oriented(w, flip)
    dx = xp.zeros((N, C, H + 2 * top, W + 2 * left), x.dtype)
    for k in range(KH):
        for m in range(KW):
            share = xp.tensordot(dy, kernel[:, :, k, m], axes=((1,), (0,)))  # (N, OH, OW, C)
            dx[:, :, k : k + SH * OH : SH, m : m + SW * OW : SW] += share.transpose(0, 3, 1, 2)
    return dx[:, :, top : top + H, left : left + W]


def conv2d_filter_gradient(
    x: Array,
    w: Array,
    dy: Array,
    *,
    stride: int | tuple[int, int] = 1,
    border: Border = "valid",
    flip: bool = True,
) -> Array:
    """The second of `conv2d_gradients`, (F, C, KH, KW), alone; of `w` only the shape matters."""
    step, pad, _ = _checked_gradient(x, w, dy, stride, border)
    windows = _windows(x, *w.shape[2:], step, pad)
    dw = namespace(x, w, dy).tensordot(dy, windows, axes=((0, 2, 3), (0, 2, 3)))  # (F, C, KH, KW)
    return _oriented(dw, flip)


def _checked_gradient(
    x: Array, w: Array, dy: Array, stride: int | tuple[int, int], border: Border
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Stride, padding, and rows and columns of the result, once `dy` is found to have its shape."""
    _check_maps(x, w)
    stride, pad = checks.pair("stride", stride, 1), _padding(border, *w.shape[2:])
    size = _windows(x, *w.shape[2:], stride, pad).shape[2:4]
    expected = (x.shape[0], w.shape[0], *size)
    if dy.shape != expected:
        raise ValueError(f"dy: expected the shape of conv2d's result, {expected}; got {dy.shape}")
    return stride, pad, size
