"""The history of a run, as tables and for TensorBoard."""

import csv
import sys
import types

import pytest

from netlib.history import COLUMNS, History

MEASURED = History(
    cost=[2.302585092994046, 0.1, 1e-300],
    eta=[0.5, 0.25, 0.125],
    validation_accuracy=[0.5, 2 / 3, 0.6],
    test_accuracy=[0.0, 0.7, None],
    seconds=[1.5, 0.1 + 0.2, 3.0],
    best_epoch=1,
)
TRAINED_ONLY = History(cost=[1.0, float("nan")], eta=[0.1, 0.1], seconds=[1.0, 2.0])


@pytest.mark.parametrize("history", [MEASURED, TRAINED_ONLY, History()], ids=["measured", "trained only", "empty"])
def test_the_table_has_a_line_for_each_epoch_and_every_digit(history, tmp_path):
    history.to_csv(str(tmp_path / "history.csv"))
    with (tmp_path / "history.csv").open(newline="") as file:
        head, *lines = csv.reader(file)
    assert head == ["epoch", "cost", "eta", "validation_accuracy", "test_accuracy", "seconds"]
    assert [int(line[0]) for line in lines] == list(range(len(history.cost)))
    for place, name in enumerate(COLUMNS, start=1):
        read = [None if line[place] == "" else float(line[place]) for line in lines]
        expected = getattr(history, name) or [None] * len(history.cost)
        assert repr(read) == repr(expected)


def test_a_table_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "history.csv"
    TRAINED_ONLY.to_csv(path)
    before = path.read_bytes()

    def refuse(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("netlib.files.os.fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            MEASURED.to_csv(path)
    assert path.read_bytes() == before
    MEASURED.to_csv(path)
    assert len(path.read_bytes().splitlines()) == 4
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_best_is_looked_up():
    assert (MEASURED.best_validation_accuracy, MEASURED.best_test_accuracy) == (2 / 3, 0.7)
    assert (TRAINED_ONLY.best_validation_accuracy, TRAINED_ONLY.best_test_accuracy) == (None, None)


def test_looks_that_come_from_a_file_as_lists_are_the_same_looks():
    assert History(looks=[[3, 0.5, None]]) == History(looks=[(3, 0.5, None)])


def test_tensorboard_is_given_what_was_measured(tmp_path, monkeypatch):
    """Without TensorBoard: what its Writer would be given."""
    written, closed = [], []

    class Writer:
        def __init__(self, folder):
            assert folder == str(tmp_path)

        def add_scalar(self, *scalar):
            written.append(scalar)

        def close(self):
            closed.append(True)

    for name in ("tensorboard", "tensorboard.summary"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["tensorboard.summary"].Writer = Writer
    MEASURED.to_tensorboard(tmp_path)
    columns = ((name, epoch, value) for name in COLUMNS for epoch, value in enumerate(getattr(MEASURED, name)))
    assert written == [(name, value, epoch) for name, epoch, value in columns if value is not None]
    assert closed == [True]


def test_tensorboard_reads_what_was_measured(tmp_path):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from tensorboard.util.tensor_util import make_ndarray

    MEASURED.to_tensorboard(tmp_path)
    events = accumulators.EventAccumulator(str(tmp_path)).Reload()
    assert sorted(events.Tags()["tensors"]) == sorted(COLUMNS)
    for name in COLUMNS:
        read = {event.step: float(make_ndarray(event.tensor_proto)) for event in events.Tensors(name)}
        expected = {epoch: value for epoch, value in enumerate(getattr(MEASURED, name)) if value is not None}
        assert read == pytest.approx(expected, rel=1e-6)


def test_without_tensorboard_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(ImportError, match=r"^TensorBoard is not installed; `pip install tensorboard`"):
        MEASURED.to_tensorboard(tmp_path / "events")
    assert list(tmp_path.iterdir()) == []
