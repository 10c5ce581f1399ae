"""What happened while a network was trained."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from os import PathLike

from netlib import files

COLUMNS = ("cost", "eta", "validation_accuracy", "test_accuracy", "seconds")


@dataclass
class History:
    """What happened in a call of SGD, epoch by epoch.

    Attributes
    ----------
    cost : list of float
        Mean cost over the epoch's mini-batches, with dropout and while the weights were changing.
    eta : list of float
        The learning rate of each epoch.
    validation_accuracy : list of float
        After each epoch, in [0, 1]; empty without validation data.
    test_accuracy : list of float or None
        After each epoch whose validation accuracy was the best so far, None after the others; without validation
        data, after the last epoch only. Empty without test data.
    seconds : list of float
        Duration of each epoch, evaluation included.
    best_epoch, best_iteration : int or None
        When validation accuracy was best (a tie counts for the later epoch); the iteration is the epoch's last
        mini-batch, counted from 0 over all epochs.
    looks : list of (int, float, float or None)
        With early stopping, each look at the validation data: after which mini-batch, the loss there, and the loss on
        the test data if it was the best so far.
    """

    cost: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    test_accuracy: list[float | None] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int | None = None
    best_iteration: int | None = None
    eta: list[float] = field(default_factory=list)
    looks: list[tuple[int, float, float | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.looks = [tuple(look) for look in self.looks]  # a file has lists

    @property
    def best_validation_accuracy(self) -> float | None:
        """The best of the validation accuracies."""
        return None if self.best_epoch is None else self.validation_accuracy[self.best_epoch]

    @property
    def best_test_accuracy(self) -> float | None:
        """Test accuracy at the epoch of the best validation accuracy: the number that the book reports."""
        return None if self.best_epoch is None or not self.test_accuracy else self.test_accuracy[self.best_epoch]

    def to_csv(self, path: str | PathLike) -> None:
        """Write a table with a line for each epoch; what was not measured is left empty.

        Raises
        ------
        OSError
            If it cannot be written; see `files.writing`.
        """
        table = io.StringIO(newline="")
        writer = csv.writer(table)
        writer.writerow(["epoch", *COLUMNS])
        for epoch in range(len(self.cost)):
            columns = (getattr(self, name) for name in COLUMNS)
            writer.writerow([epoch, *(column[epoch] if epoch < len(column) else None for column in columns)])
        with files.writing(path) as file:
            file.write(table.getvalue().encode())

    def to_tensorboard(self, folder: str | PathLike) -> None:
        """Write the same as TensorBoard's event file, to be looked at with ``tensorboard --logdir``.

        Raises
        ------
        ImportError
            If TensorBoard is not installed.
        """
        try:
            from tensorboard.summary import Writer
        except ImportError as error:
            raise ImportError("TensorBoard is not installed; `pip install tensorboard`") from error
        writer = Writer(str(folder))
        for name in COLUMNS:
            for epoch, value in enumerate(getattr(self, name)):
                if value is not None:
                    writer.add_scalar(name, value, epoch)
        writer.close()
