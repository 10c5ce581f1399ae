"""What a run leaves: a small file that tells how its numbers came about, and lets others check them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeVar, get_type_hints

from netlib import checks
from netlib.files import carried, writing


class RecordError(ValueError):
    """A file is no record, or not the one that was written; the message names it."""


class Kept(Protocol):
    """A dataclass of what JSON knows, which is kept in a file."""

    @property
    def file_name(self) -> str:
        """Under which it is kept."""


AnyKept = TypeVar("AnyKept", bound=Kept)


@dataclass(frozen=True)
class Record:
    """One run of a recipe.

    Attributes
    ----------
    recipe : str
        Its name in `RECIPES`.
    layers : list of dict
        The network, with all options; see `layers.description.describe`.
    parameters : dict
        Data, epochs, eta, lmbda and what else SGD was called with.
    seed : int
    initial_weights : str
        `checkpoints.digest` of the parameters before training.
    opening_cost : dict of float
        Cost of training's mini-batches number 1, 10 and 100, each before its step, in float64.
    cost, validation_accuracy : list of float
        For each epoch, as in `History`.
    test_accuracy : list of float or None
        After each epoch whose validation accuracy was the best so far.
    best_epoch : int
        The last of those.
    n_test : int
        Test images.
    best_errors, last_errors : list of [int, int]
        Which test images were read wrongly, and as what, after the best epoch and after the last.
    filters : list
        For each convolutional layer, the filters of its first input map (n, KH, KW) after the last epoch, rounded.
    device, versions, seconds, commit
        Where and when: the hardware's kind, versions of what computed, duration of all epochs, state of the code.
    """

    recipe: str
    layers: list[dict[str, Any]]
    parameters: dict[str, Any]
    seed: int
    initial_weights: str
    opening_cost: dict[str, float]
    cost: list[float]
    validation_accuracy: list[float]
    test_accuracy: list[float | None]
    best_epoch: int
    n_test: int
    best_errors: list[list[int]]
    last_errors: list[list[int]]
    filters: list[Any]
    device: str
    versions: dict[str, str]
    seconds: float
    commit: str | None

    @property
    def accuracy(self) -> float:
        """Test accuracy after the epoch of the best validation accuracy."""
        return 1 - len(self.best_errors) / self.n_test

    @property
    def last_accuracy(self) -> float:
        """Test accuracy at the end."""
        return 1 - len(self.last_errors) / self.n_test

    def accuracies(self, data: str) -> tuple[float, float]:
        """After the best epoch and at the end, on these data: "test" or "validation"."""
        if data == "validation":
            return self.validation_accuracy[self.best_epoch], self.validation_accuracy[-1]
        return self.accuracy, self.last_accuracy

    @property
    def file_name(self) -> str:
        """Under which it is kept."""
        return f"{self.recipe}-seed{self.seed}.json"


_types = cache(get_type_hints)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON's in which no name stands twice: Python would take one of the two, and a reader the other."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError(f"a name stands twice in {', '.join(name for name, _ in pairs):.60}")
    return content


def _signature(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write(record: Kept, folder: str | PathLike) -> Path:
    """Write a record into a folder, one line for each attribute, and a checksum of them all; returns the file."""
    content = json.loads(json.dumps(asdict(record)))
    content["sha256"] = _signature(content)
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in content.items())
    path = Path(folder) / record.file_name
    with writing(path) as file:
        file.write(f"{{\n{lines}\n}}\n".encode())
    return path


def read(path: str | PathLike, kind: type[AnyKept] = Record) -> AnyKept:
    """Read a record, of a recipe's run if no other kind is named.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    RecordError
        If it is no record, or has been changed since it was written.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=_once)
        signature = content.pop("sha256")
        record = kind(**content)
        for name, hint in _types(kind).items():
            if not checks.fits(content[name], hint):
                raise TypeError(f"{name} is no {hint}")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        expected = ", ".join(field.name for field in fields(kind))
        raise RecordError(f"{str(path)!r} is no record of {expected}: {type(error).__name__}: {error}") from error
    if signature != _signature(content):
        raise RecordError(f"{str(path)!r} is not as it was written: its checksum is another one")
    return record


def folder() -> Path:
    """Where the records lie that come with the package."""
    return carried("results")


def records(recipes: Iterable[str] | None = None, *, place: str | PathLike | None = None) -> list[Record]:
    """All records in a folder, those that come with the package if none is named; by recipe and seed.

    Raises
    ------
    RecordError
        If one of them is damaged.
    """
    found = [read(path) for path in Path(place or folder()).glob("*.json")]
    wanted = None if recipes is None else set(recipes)
    chosen = [record for record in found if wanted is None or record.recipe in wanted]
    return sorted(chosen, key=lambda record: (record.recipe, record.seed))
