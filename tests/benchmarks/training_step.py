"""Milliseconds for a training step of the book's dropout net, beside PyTorch where it is installed.

    python tests/benchmarks/training_step.py [rounds]

Each has a process of its own, so that their thread pools do not meet, and they take turns, so that a machine whose
speed drifts is fair to both. The data are random with a blank background, as MNIST's is.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer

MINI_BATCH, STEPS, ETA = 10, 30, 0.03


def make_data(n: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    """Images of noise in the middle of blank paper, and labels."""
    rng = np.random.default_rng(0)
    x = np.zeros((n, 28, 28), np.float32)
    x[:, 6:22, 6:22] = rng.random((n, 16, 16))
    return x.reshape(n, 784), rng.integers(0, 10, n)


def netlib_step(x: np.ndarray, y: np.ndarray) -> Callable[[int], None]:
    net = Network(
        [
            ConvPoolLayer((20, 1, 5, 5), (None, 1, 28, 28), activation_fn=ReLU),
            ConvPoolLayer((40, 20, 5, 5), (None, 20, 12, 12), activation_fn=ReLU),
            FullyConnectedLayer(640, 1000, ReLU, p_dropout=0.5),
            FullyConnectedLayer(1000, 1000, ReLU, p_dropout=0.5),
            SoftmaxLayer(1000, 10, p_dropout=0.5),
        ],
        MINI_BATCH,
        device="cpu",
    )
    return lambda i: net.train_mini_batch(x[i : i + MINI_BATCH], y[i : i + MINI_BATCH], ETA)


def torch_step(x: np.ndarray, y: np.ndarray) -> Callable[[int], None]:
    import torch
    from torch import nn

    net = nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(20, 40, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()),
        *(nn.Dropout(0.5), nn.Linear(640, 1000), nn.ReLU()),
        *(nn.Dropout(0.5), nn.Linear(1000, 1000), nn.ReLU()),
        *(nn.Dropout(0.5), nn.Linear(1000, 10)),
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=ETA)
    images, labels = torch.from_numpy(x).reshape(-1, 1, 28, 28), torch.from_numpy(y)

    def step(i: int) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images[i : i + MINI_BATCH]), labels[i : i + MINI_BATCH]).backward()
        optimizer.step()

    return step


def work(make_step: Callable, pipe: Connection) -> None:
    """Take `STEPS` steps at every request and answer with their milliseconds; the first answer is whether it can."""
    x, y = make_data()
    try:
        step = make_step(x, y)
    except ImportError as error:
        pipe.send(str(error))
        return
    pipe.send(None)
    while pipe.recv():
        times = []
        for i in range(STEPS):
            started = time.perf_counter()
            step(i * MINI_BATCH)
            times.append(1000 * (time.perf_counter() - started))
        pipe.send(times)


def main(rounds: int) -> None:
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for name, make_step in {"netlib": netlib_step, "PyTorch": torch_step}.items():
        pipe, theirs = context.Pipe()
        context.Process(target=work, args=(make_step, theirs), daemon=True).start()
        if problem := pipe.recv():
            print(f"{name} does not take part: {problem}")
        else:
            pipes[name] = pipe
    times: dict[str, list[float]] = {name: [] for name in pipes}
    for turn in range(rounds + 1):
        for name, pipe in pipes.items():
            pipe.send(True)
            answer = pipe.recv()
            times[name] += answer if turn else []  # the first turn warms up
    for pipe in pipes.values():
        pipe.send(False)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        low, high = np.percentile(times[name], [10, 90])
        print(f"{name:8} median {median:6.2f} ms   80 % between {low:.2f} and {high:.2f}")
    if len(medians) == 2:
        print(f"netlib takes {medians['netlib'] / medians['PyTorch']:.2f} of PyTorch's time")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
