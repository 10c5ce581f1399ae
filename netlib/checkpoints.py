"""Training that survives: a model file after every epoch, and a run that goes on from the newest one.

Since nothing random has a state (see `netlib.rng`), weights, biases, the number of steps and the history are all that
there is to a run. One that was killed and goes on ends with the same bits as one that was not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from netlib import checks, storage
from netlib.backend import Array, move, to_host
from netlib.data import Distorted
from netlib.history import History
from netlib.layers.description import describe
from netlib.optimizers import GradientDescent
from netlib.stopping import EarlyStopping


def digest(arrays: Iterable[Array]) -> str:
    """A short name for these very numbers."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype} {array.shape}".encode())
        if isinstance(array, Distorted):  # other images in every step, which another machine rounds in another way
            total.update(f"{array.image_shape} {array.distortion}".encode())
            array = array.images
        for start in range(0, len(array), 10_000):  # some arrays are made when they are asked for, and fill a memory
            total.update(np.ascontiguousarray(to_host(array[start : start + 10_000])))
    return total.hexdigest()[:16]


class Checkpoints:
    """The checkpoints of one run, in a folder of their own.

    Each is a model file, ``epoch-0007.npz``, that `Network.load` reads as well: what the network was after that epoch.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    keep : int
        How many to keep, the newest; older ones are deleted.
    network : Network
        As it is before the run.
    data : iterable of array
        What it is trained and measured on.
    optimizer, stopping
        What remembers something in the run.
    arguments
        What else makes the run what it is, of JSON's types.
    """

    def __init__(
        self,
        folder: str | PathLike,
        keep: int,
        network: Any,
        data: Iterable[Array],
        optimizer: GradientDescent,
        stopping: EarlyStopping | None,
        **arguments: Any,
    ) -> None:
        self.folder, self.keep, self.network = Path(folder), checks.integer("keep", keep, 1), network
        self.optimizer, self.stopping = optimizer, stopping
        run = arguments | {
            "layers": [describe(layer) for layer in network.layers],
            "seed": network.seed,
            "dtype": network.dtype.name,
            "data": digest(data),
        }
        self.run = json.loads(json.dumps(run))  # as it comes back from a file
        self.folder.mkdir(parents=True, exist_ok=True)
        for partial in self.folder.glob(".*.partial"):  # of a process that was killed while it wrote
            partial.unlink()

    def files(self) -> list[Path]:
        """The checkpoints, the newest last."""
        return sorted(self.folder.glob("epoch-*.npz"))

    def save(self) -> None:
        """Write a checkpoint after the last epoch in the network's history, and delete those that are too old."""
        epoch = len(self.network.history.cost) - 1
        remembered = {f"optimizer.{name}": array for name, array in self.optimizer.memory.items()}
        best = {f"best.{name}": array for name, array in self.stopping.best.items()} if self.stopping else {}
        storage.save(self.network, self.folder / f"epoch-{epoch:04d}.npz", remembered | best, run=self.run)
        for old in self.files()[: -self.keep]:
            old.unlink(missing_ok=True)

    def resume(self, epochs: int) -> History:
        """Set the network to the newest checkpoint that is whole; the history up to there, empty if there is none.

        Raises
        ------
        ValueError
            If the checkpoint is one of another run, or was made after more than `epochs`.
        storage.FileError
            If there are checkpoints and all of them are damaged.
        """
        damaged: storage.FileError | None = None
        for path in reversed(self.files()):
            try:
                header, arrays = storage.read(path)
            except storage.FileError as error:
                damaged = error
                continue
            with storage.describing(path):
                run, done = dict(header.get("run", {})), len(header["history"]["cost"])
            self._compare(path, run)
            if done > epochs:
                raise ValueError(f"epochs: expected at least {done}, after which {str(path)!r} was made; got {epochs}")
            with storage.describing(path):
                storage.restore(self.network, header, arrays)
                for name, array in arrays.items():
                    owner, _, name = name.removeprefix(storage.RUN).partition(".")
                    memory = self.optimizer.memory if owner == "optimizer" else self.stopping.best
                    memory[name] = move(array, self.network.xp)
            return self.network.history
        if damaged:
            raise damaged
        return History()

    def told(self) -> str:
        """Where the run can go on from, in words."""
        files = self.files()
        return f"The run can go on from {str(files[-1])!r}" if files else "No epoch had ended"

    def _compare(self, path: Path, run: dict[str, Any]) -> None:
        differing = [name for name in self.run | run if run.get(name) != self.run.get(name)]
        if differing:
            name = differing[0]
            raise ValueError(
                f"checkpoint: {str(path)!r} belongs to another run, with {name} {run.get(name)!r} and not "
                f"{self.run.get(name)!r}; name another folder, or delete this one to begin anew"
            )
