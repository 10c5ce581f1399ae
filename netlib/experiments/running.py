"""Running a recipe: from a seed to a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from netlib import checks
from netlib.backend import to_host
from netlib.checkpoints import digest
from netlib.data import Data, DataSets, load
from netlib.experiments.claims import claimed
from netlib.experiments.provenance import provenance
from netlib.experiments.recipe import MINI_BATCH_SIZE, Recipe
from netlib.experiments.record import Record
from netlib.layers import ConvPoolLayer
from netlib.layers.description import describe
from netlib.network import Network
from netlib.training import shuffled

OPENING_STEPS = (1, 10, 100)


def run(
    recipe: Recipe,
    seed: int,
    folder: str | PathLike,
    *,
    epochs: int | None = None,
    device: str = "auto",
    verbose: bool = True,
    after_epoch: Callable[[Network], None] = lambda net: None,
) -> Record:
    """Train a network by a recipe, and tell of it.

    Parameters
    ----------
    recipe : Recipe
    seed : int
        Of the network.
    folder : path
        For checkpoints: if the run is interrupted, the same call goes on from the newest.
    epochs : int, optional
        Another number than the recipe's, at least 1.
    device : {"auto", "cpu", "gpu"}
    verbose : bool
        Print network3's lines.
    after_epoch : callable
        Called with the network after each epoch, before anything is kept of that; what it raises ends the run.

    Returns
    -------
    Record

    Raises
    ------
    ValueError
        If `epochs` is no positive number, or `folder` holds another run, or a longer one.
    DataError, DeviceError
        If the data or the device cannot be had.
    BusyError
        If another process, or another thread, writes into `folder`.
    """
    folder = Path(folder)
    best = folder / "best.npz"

    def keep_best(net: Network) -> None:
        after_epoch(net)
        if net.history.best_epoch == len(net.history.cost) - 1:
            net.save(best)

    sets = load(recipe.data, expanded=recipe.expanded)
    epochs = recipe.epochs if epochs is None else checks.integer("epochs", epochs, 1)
    net = recipe.network(seed, device)
    initial_weights = digest(net.params)
    with claimed(folder):
        train(recipe, net, sets, epochs, checkpoint=folder, after_epoch=keep_best, verbose=verbose)
        best_net = _load_best(best, net.history.best_epoch, device)
    history = net.history
    return Record(
        recipe=recipe.name,
        layers=[describe(layer) for layer in net.layers],
        parameters={
            "data": recipe.data,
            "expanded": recipe.expanded,
            "epochs": epochs,
            "mini_batch_size": MINI_BATCH_SIZE,
            "eta": recipe.eta,
            "lmbda": recipe.lmbda,
            "dtype": recipe.dtype,
            **recipe.way.options,
        },
        seed=seed,
        initial_weights=initial_weights,
        opening_cost=opening_costs(recipe, seed, sets, device),
        cost=[float(f"{cost:.6g}") for cost in history.cost],
        validation_accuracy=history.validation_accuracy,
        test_accuracy=history.test_accuracy,
        best_epoch=history.best_epoch,
        n_test=len(sets.test.y),
        best_errors=_errors(best_net, sets.test),
        last_errors=_errors(net, sets.test),
        filters=[
            to_host(layer.w)[:, 0].astype(float).round(3).tolist()
            for layer in net.layers
            if isinstance(layer, ConvPoolLayer)
        ],
        seconds=round(sum(history.seconds), 1),
        **provenance(net),
    )


def train(recipe: Recipe, net: Network, sets: DataSets, epochs: int, **options: Any) -> None:
    """Train a network of a recipe, on any data; the options are those of `Network.SGD` that no recipe decides."""
    training, *measured = sets
    net.SGD(training, epochs, MINI_BATCH_SIZE, recipe.eta, *measured, recipe.lmbda, **recipe.way.options, **options)


def opening_costs(recipe: Recipe, seed: int, sets: DataSets, device: str = "auto") -> dict[str, float]:
    """Costs of the mini-batches 1, 10 and 100 that training takes: a run's fingerprint.

    They take a second to compute, and differ if anything in the recipe, the data or the code does. They are computed
    in float64: in float32, rounding decides which of several equal numbers pooling takes for the maximum, so that
    processors come apart by a few per cent within a hundred steps.
    """
    net = replace(recipe, dtype="float64").network(seed, device)
    x, y = sets.training
    divisor = {"batches": len(y) // MINI_BATCH_SIZE, "examples": len(y)}[recipe.way.penalty_divisor]
    order = shuffled(net, y) if recipe.way.shuffle else None
    costs = []
    for step in range(max(OPENING_STEPS)):
        places = slice(step * MINI_BATCH_SIZE, (step + 1) * MINI_BATCH_SIZE)
        chosen = places if order is None else order[places]
        penalty = {"lmbda": recipe.lmbda / divisor, "penalty_divisor": "none"}  # the data here are one mini-batch
        batch = x[chosen], y[chosen]
        costs += net.SGD(batch, 1, MINI_BATCH_SIZE, recipe.eta, None, None, **penalty, verbose=False).cost
    return {str(step): float(f"{costs[step - 1]:.6g}") for step in OPENING_STEPS}


def _load_best(path: Path, epoch: int, device: str) -> Network:
    """The network that was kept after the best epoch; if it is another or gone, the run has to be made anew."""
    net = Network.load(path, device=device) if path.exists() else None
    if net is None or len(net.history.cost) != epoch + 1:
        raise ValueError(f"folder: expected {str(path)!r} to be the network after epoch {epoch}; delete its folder")
    return net


def _errors(net: Network, test: Data) -> list[list[int]]:
    """Which images are read wrongly, and as what."""
    predicted = net.predict(test.x)
    return [[int(i), int(predicted[i])] for i in np.flatnonzero(predicted != test.y)]
