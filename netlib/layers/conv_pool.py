"""The convolutional layer, with the pooling behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netlib import checks, ops
from netlib.backend import Array, Workspace
from netlib.layers.base import Layer


class ConvPoolLayer(Layer):
    """A convolutional layer and the max-pooling behind it: ``activation_fn(pool(w * x) + b)`` (book, chapter 6).

    Pooling comes before bias and activation, as in network3: for an increasing activation the result is the same,
    and of four numbers in a 2 x 2 window three need no activation.

    Parameters
    ----------
    filter_shape : (int, int, int, int)
        Number of filters, number of input maps, rows and columns of a filter; the shape of w. b is (filters,).
    image_shape : tuple
        Mini-batch size, maps, rows, columns, as in the book. The first may be None or left out: any number of
        images can pass; if it is given, it must be the network's.
    poolsize : (int, int)
        Rows and columns of a pooling window; rows and columns of the convolution that fill none are left out.
    activation_fn : Activation
        sigmoid, tanh, ReLU or linear.
    init : {"book", "corrected", "he", "glorot", "zeros"}
        Scale of the initial weights: ``sqrt(1/n_out)`` with n_out = filters * rows * columns / pool area as in
        network3, or ``sqrt(1/n_in)`` with n_in = maps * rows * columns.
    ties : {"all", "first"}
        Who gets the gradient where entries of a pooling window share the maximum: each of them (network3 under
        Theano), or the first (PyTorch).
    p_dropout : float
        Probability in [0, 1) that an input is silent in a training step; the book has none here.
    dropout : {"rescale", "inverted"}
        See `FullyConnectedLayer`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or out of range, or shapes do not fit; the message names it.
    """

    def __init__(
        self,
        filter_shape: tuple[int, int, int, int],
        image_shape: tuple,
        poolsize: tuple[int, int] = (2, 2),
        activation_fn: ops.Activation = ops.sigmoid,
        *,
        init: str = "book",
        ties: str = "all",
        p_dropout: float = 0.0,
        dropout: str = "rescale",
    ) -> None:
        self.filter_shape = checks.integers("filter_shape", filter_shape, ("filters", "maps", "rows", "columns"))
        if not isinstance(image_shape, Iterable):
            raise TypeError(f"image_shape: expected (mini-batch size, maps, rows, columns); got {image_shape!r}")
        self.image_shape = tuple(image_shape)
        self.poolsize = checks.integers("poolsize", poolsize, ("rows", "columns"))
        self.ties = checks.choice("ties", ties, ops.TIES)
        per_image = self.image_shape[-3:]
        if len(self.image_shape) == 4 and self.image_shape[0] is not None:
            checks.integers("image_shape", self.image_shape, ("mini-batch size", "maps", "rows", "columns"))
        C, H, W = checks.integers("image_shape", per_image, ("maps", "rows", "columns"))
        F, maps, KH, KW = self.filter_shape
        P, Q = self.poolsize
        if len(self.image_shape) not in (3, 4) or maps != C:
            raise ValueError(
                f"image_shape: expected (mini-batch size, {maps}, rows, columns), since filter_shape is "
                f"{self.filter_shape}; got {image_shape!r}"
            )
        if KH > H or KW > W:
            raise ValueError(f"filter_shape: expected filters no larger than the image, {H} x {W}; got {KH} x {KW}")
        OH, OW = H - KH + 1, W - KW + 1
        if P > OH or Q > OW:
            raise ValueError(f"poolsize: expected no more than the convolved image, {OH} x {OW}; got {P} x {Q}")
        super().__init__(
            (C, H, W),
            (F, OH // P, OW // Q),
            self.filter_shape,
            (maps * KH * KW, F * KH * KW / (P * Q)),
            activation_fn=activation_fn,
            p_dropout=p_dropout,
            init=init,
            dropout=dropout,
        )

    def __repr__(self) -> str:
        return f"ConvPoolLayer(filter_shape={self.filter_shape}, image_shape={self.image_shape})"

    def _weighted_sum(self, x: Array, work: Workspace) -> tuple[Array, Any]:
        return ops.conv_pool(x, self.w, self.poolsize, work)

    def _weighted_sum_gradients(
        self, dz: Array, saved: Any, input_gradient: bool, work: Workspace
    ) -> tuple[Array | None, Array]:
        return ops.conv_pool_gradients(dz, saved, ties=self.ties, input_gradient=input_gradient, work=work)
