"""What is timed: three of the book's networks, as plain data, and images like MNIST's.

Everything here is NumPy and the standard library: a contender needs nothing of netlib to build the same network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

ETA = 0.03
SIDE = 28
CLASSES = 10


@dataclass(frozen=True)
class Conv:
    """A convolution of 5 x 5 with ReLU and max-pooling by 2 x 2, on maps of side x side."""

    filters: int
    maps: int
    side: int

    @property
    def w_shape(self) -> tuple[int, ...]:
        return self.filters, self.maps, 5, 5

    @property
    def flops(self) -> int:
        """Of the forward product, for one image."""
        return 2 * self.filters * self.maps * 25 * (self.side - 4) ** 2


@dataclass(frozen=True)
class Full:
    """A fully connected layer; `activation` is "ReLU", "sigmoid", or "softmax" for the last one."""

    n_in: int
    n_out: int
    activation: str
    p_dropout: float = 0.0

    @property
    def w_shape(self) -> tuple[int, ...]:
        return self.n_in, self.n_out

    @property
    def flops(self) -> int:
        """Of the forward product, for one image."""
        return 2 * self.n_in * self.n_out


class Workload(NamedTuple):
    """A network and how it is trained: each step first shrinks the weights by `decay`."""

    layers: tuple[Conv | Full, ...]
    decay: float = 1.0


def conv_net(n_filters: int = 20, n_hidden: int = 100) -> Workload:
    """Two convolutional layers and a fully connected one, ReLU and L2 (book, dbl_conv_relu)."""
    layers = (
        Conv(n_filters, 1, 28),
        Conv(2 * n_filters, n_filters, 12),
        Full(2 * n_filters * 16, n_hidden, "ReLU"),
        Full(n_hidden, CLASSES, "softmax"),
    )
    return Workload(layers, decay=1 - ETA * 0.1 / 5000)


def dropout_net(n_hidden: int = 1000) -> Workload:
    """Two convolutional and two large fully connected layers with dropout (book, double_fc_dropout)."""
    layers = (
        Conv(20, 1, 28),
        Conv(40, 20, 12),
        Full(640, n_hidden, "ReLU", 0.5),
        Full(n_hidden, n_hidden, "ReLU", 0.5),
        Full(n_hidden, CLASSES, "softmax", 0.5),
    )
    return Workload(layers)


WORKLOADS = {
    "dropout": dropout_net(),
    "conv": conv_net(),
    "shallow": Workload((Full(784, 100, "sigmoid"), Full(100, CLASSES, "softmax"))),
    **{f"conv, {n} maps": conv_net(n_filters=n) for n in (5, 10, 40)},
    **{f"dropout, {n} hidden": dropout_net(n) for n in (250, 500, 2000)},
}


def images(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of noise in the middle of blank paper, as rows in float32, and labels: pooling meets ties, as on MNIST."""
    rng = np.random.default_rng(0)
    x = np.zeros((n, SIDE, SIDE), np.float32)
    x[:, 6:22, 6:22] = rng.random((n, 16, 16))
    return x.reshape(n, SIDE * SIDE), rng.integers(0, CLASSES, n)


def parameters(workload: Workload) -> list[np.ndarray]:
    """Weights and biases in float32, [w, b, ...]: filters (F, C, 5, 5), which network3 turns; others (n_in, n_out)."""
    rng = np.random.default_rng(1)
    drawn = []
    for layer in workload.layers:
        fan_in = np.prod(layer.w_shape[1:]) if isinstance(layer, Conv) else layer.n_in
        drawn.append(rng.normal(0, fan_in**-0.5, layer.w_shape).astype(np.float32))
        drawn.append(rng.normal(0, 0.1, layer.w_shape[0 if isinstance(layer, Conv) else 1]).astype(np.float32))
    return drawn


def masks(workload: Workload, n: int) -> list[np.ndarray]:
    """For each fully connected layer, which of its inputs (n_in, n) are kept, as float32; only for the comparison."""
    rng = np.random.default_rng(2)
    full = [layer for layer in workload.layers if isinstance(layer, Full)]
    return [(rng.random((layer.n_in, n)) >= layer.p_dropout).astype(np.float32) for layer in full]


def step_flops(workload: Workload, n: int) -> int:
    """Multiplications and additions in the products of one training step: forward, and back to weights and inputs.

    The first layer needs no gradient with respect to its inputs.
    """
    forward = [layer.flops for layer in workload.layers]
    return n * (3 * sum(forward) - forward[0])


def step_bytes(workload: Workload) -> int:
    """Least traffic of the weights in one step: read forward, read backward, read and written in the update."""
    return 4 * 4 * sum(int(np.prod(layer.w_shape)) for layer in workload.layers)
