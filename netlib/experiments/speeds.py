"""How fast the layers of the book's deep networks learn: its figures of chapter 5, recorded.

The book looks at the norms, then goes one step down the gradient of all of a few images together, and so on: each step
is an epoch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from netlib import checks
from netlib.checkpoints import digest
from netlib.data import load
from netlib.experiments.provenance import provenance
from netlib.experiments.recipes import deep_sizes
from netlib.experiments.record import folder, read
from netlib.gradients import Recorder, deep, speeds
from netlib.layers.description import describe

DEPTHS = (2, 3, 4)  # hidden layers in the book's figures
IMAGES = 1000  # the first of the training data
EPOCHS = 500
ETA, LMBDA = 0.1, 5.0


@dataclass(frozen=True)
class Speeds:
    """One descent, and how fast each hidden layer learned on the way.

    Attributes
    ----------
    layers : list of dict
        The network, with all options; see `layers.description.describe`.
    parameters : dict
        Data, how many of its images, epochs, eta, lmbda and what else decided the outcome.
    seed : int
    initial_weights : str
        `checkpoints.digest` of the parameters at the start.
    speeds : list of list of float
        Before each step, the norm of the gradient by the biases of each hidden layer, to four digits.
    cost : list of float
        Before each step, of the images, without the penalty.
    accuracy : float
        At the end, on the same images.
    device, versions, seconds, commit
        As in `Record`.
    """

    layers: list[dict[str, Any]]
    parameters: dict[str, Any]
    seed: int
    initial_weights: str
    speeds: list[list[float]]
    cost: list[float]
    accuracy: float
    device: str
    versions: dict[str, str]
    seconds: float
    commit: str | None

    @property
    def sizes(self) -> list[int]:
        """Numbers of inputs, of neurons in each hidden layer, and of classes."""
        return [self.layers[0]["n_in"], *(layer["n_out"] for layer in self.layers)]

    @property
    def depth(self) -> int:
        """Hidden layers."""
        return len(self.layers) - 1

    @property
    def file_name(self) -> str:
        """Under which it is kept."""
        return f"speeds_{self.depth}-seed{self.seed}.json"


def run_speeds(
    depth: int,
    seed: int,
    *,
    epochs: int = EPOCHS,
    device: str = "auto",
    dtype: str = "float64",
    data: str = "mnist",
) -> Speeds:
    """Go down the gradient of 1,000 images as the book does, and tell how fast each layer learned.

    Parameters
    ----------
    depth : int
        Hidden layers, of 30 neurons each.
    seed : int
        Of the network.
    epochs : int
        Steps, at least 1.
    device : {"auto", "cpu", "gpu"}
    dtype : {"float32", "float64"}
        Of the network.
    data : str
        Name of the data set.

    Returns
    -------
    Speeds

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind or out of range; the message names it.
    DataError, DeviceError
        If the data or the device cannot be had.
    """
    sizes, epochs = deep_sizes(checks.integer("depth", depth, 1)), checks.integer("epochs", epochs, 1)
    training = load(data).training
    images = training.x[:IMAGES], training.y[:IMAGES]
    net = deep(sizes, mini_batch_size=IMAGES, seed=seed, device=device, dtype=dtype)
    initial_weights = digest(net.params)
    measured = Recorder(net, lambda net: speeds(net, images))
    options = {"shuffle": False, "drop_last": True, "penalty_divisor": "examples"}
    history = net.SGD(images, epochs, IMAGES, ETA, None, None, LMBDA, **options, after_epoch=measured, verbose=False)
    return Speeds(
        layers=[describe(layer) for layer in net.layers],
        parameters={
            "data": data,
            "images": IMAGES,
            "epochs": epochs,
            "mini_batch_size": IMAGES,
            "eta": ETA,
            "lmbda": LMBDA,
            "dtype": dtype,
            **options,
        },
        seed=seed,
        initial_weights=initial_weights,
        speeds=[[float(f"{speed:.4g}") for speed in of_each] for of_each in measured.values[:-1]],
        cost=[float(f"{cost:.6g}") for cost in history.cost],
        accuracy=net.accuracy(images),
        seconds=round(sum(history.seconds), 1),
        **provenance(net),
    )


def speeds_folder() -> Path:
    """Where the records lie that come with the package."""
    return folder() / "speeds"


def speed_records(depths: Iterable[int] | None = None, *, place: str | PathLike | None = None) -> list[Speeds]:
    """All of them in a folder, those that come with the package if none is named; by depth and seed.

    Raises
    ------
    RecordError
        If one of them is damaged.
    """
    found = [read(path, Speeds) for path in Path(place or speeds_folder()).glob("*.json")]
    wanted = None if depths is None else set(depths)
    chosen = [record for record in found if wanted is None or record.depth in wanted]
    return sorted(chosen, key=lambda record: (record.depth, record.seed))
