"""Training steps of the book's networks: of one, from data here or there, and of many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from types import ModuleType

import numpy as np

from netlib.backend import Array
from netlib.devices.operations import noise
from netlib.devices.timing import Case
from netlib.devices.together import Together
from netlib.layers import ConvPoolLayer, FullyConnectedLayer, Layer, SoftmaxLayer
from netlib.network import Network
from netlib.ops import ReLU

SIZES = (1, 3, 10, 30, 100, 300, 1000)  # of mini-batches
MANY = (1, 2, 4, 8, 16, 32, 64)  # networks at once
BATCHES = 4  # mini-batches that steps go through, round and round
ETA = 0.01


def shallow() -> list[Layer]:
    """One hidden layer of 100 sigmoids (recipe "shallow")."""
    return [FullyConnectedLayer(784, 100), SoftmaxLayer(100, 10)]


def _two_conv_pools() -> list[Layer]:
    return [
        ConvPoolLayer((20, 1, 5, 5), (1, 28, 28), activation_fn=ReLU),
        ConvPoolLayer((40, 20, 5, 5), (20, 12, 12), activation_fn=ReLU),
    ]


def conv() -> list[Layer]:
    """Two convolutional layers and a fully connected one (recipe "dbl_conv_relu")."""
    return [*_two_conv_pools(), FullyConnectedLayer(640, 100, ReLU), SoftmaxLayer(100, 10)]


def dropout() -> list[Layer]:
    """Two convolutional and two large fully connected layers with dropout (recipe "double_fc_dropout")."""
    full = [FullyConnectedLayer(640, 1000, ReLU, 0.5), FullyConnectedLayer(1000, 1000, ReLU, 0.5)]
    return [*_two_conv_pools(), *full, SoftmaxLayer(1000, 10, 0.5)]


NETWORKS: dict[str, Callable[[], list[Layer]]] = {"shallow": shallow, "conv": conv, "dropout": dropout}


def steps(device: str, few: slice) -> Iterator[list[Case]]:
    """Groups of cases, as `operations` has them: steps with data from either side, and steps of many networks.

    Parameters
    ----------
    device : {"cpu", "gpu"}
    few : slice
        Which of the sizes.
    """
    yield [case for name in NETWORKS for n in SIZES[few] for case in _steps(device, name, n)]
    yield [case for n in MANY[few] for case in _many(device, n)]


def _network(device: str, name: str, n: int, seed: int = 0) -> Network:
    return Network(NETWORKS[name](), n, seed=seed, device=device, dtype="float32")


def _data(xp: ModuleType, n: int) -> tuple[Array, Array, Iterator[slice]]:
    """Images and labels there, and where the next mini-batch lies in them, without an end."""
    x, y = noise(xp, (BATCHES * n, 784)), xp.asarray(np.arange(BATCHES * n) % 10)
    return x, y, cycle([slice(i * n, i * n + n) for i in range(BATCHES)])


def _steps(device: str, name: str, n: int) -> list[Case]:
    """Steps on slices of data that lie on the device, and on mini-batches that are copied to it each time."""
    net = _network(device, name, n)
    x, y, batches = _data(net.xp, n)
    host_x, host_y, _ = _data(np, n)

    def sliced() -> None:
        batch = next(batches)
        net.train_mini_batch(x[batch], y[batch], ETA)

    def copied() -> None:
        batch = next(batches)
        net.train_mini_batch(net.xp.array(host_x[batch]), net.xp.array(host_y[batch]), ETA)

    moved = host_x[:n].nbytes + host_y[:n].nbytes
    return [Case(f"step, {name}", n, sliced), Case(f"step on a copy, {name}", n, copied, moved)]


def _many(device: str, n: int) -> list[Case]:
    """A step of each of n shallow networks, mini-batch 10: as one, and one network after the other."""
    nets = [_network(device, "shallow", 10, seed) for seed in range(n)]
    x, y, batches = _data(nets[0].xp, 10)
    all_of_them = Together(nets)

    def together() -> None:
        batch = next(batches)
        all_of_them.step(x[batch], y[batch], ETA)

    def in_turn() -> None:
        batch = next(batches)
        for net in nets:
            net.train_mini_batch(x[batch], y[batch], ETA)

    return [Case("many, together", n, together), Case("many, in turn", n, in_turn)]
