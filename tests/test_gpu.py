"""Why there is no GPU, what would mend it, and what happens when one fails.

Computers that this one is not are made of the stand-in for CuPy.
"""

import json
import sys
import types

import numpy as np
import pytest
from click.testing import CliRunner

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, data
from netlib.backend import device_namespace, to_host
from netlib.cli import main
from netlib.gpu import DeviceError, gpu_errors, gpu_problem
from netlib.optimizers import Penalty
from tests.conftest import CARD
from tests.device import Limits, OutOfMemoryError, crossings

without_card = pytest.mark.skipif(CARD, reason="counts and faults are the stand-in's; there is a card here")
with_card = pytest.mark.skipif(not CARD, reason="there is no card here")


class CUDARuntimeError(RuntimeError):
    """What CuPy raises when the driver reports an error."""

    __module__ = "cupy_backends.cuda.api.runtime"


def fails(kind, message):
    def fail(*_, **__):
        raise kind(message)

    return fail


# Why there is none.


def test_a_computer_without_cupy(no_cupy):
    assert gpu_problem().reason == "CuPy is not installed"
    assert '`pip install "cupy-cuda12x[ctk]"`' in gpu_problem().remedy
    assert device_namespace("auto") is np
    with pytest.raises(DeviceError, match=r'^device: "gpu" was asked for, but CuPy is not installed; `pip install .*'):
        device_namespace("gpu")


@pytest.mark.parametrize(
    ("runtime", "reason", "remedy"),
    [
        ({"driverGetVersion": lambda: 0}, "there is no NVIDIA driver", "install one"),
        (
            {"driverGetVersion": lambda: 12040, "runtimeGetVersion": lambda: 13000},
            "CuPy was built for CUDA 13, and the driver knows no more than 12.4",
            '`pip uninstall cupy-cuda13x`, then `pip install "cupy-cuda12x[ctk]"`',
        ),
        ({"getDeviceCount": lambda: 0}, "no card can be seen", "CUDA_VISIBLE_DEVICES"),
        ({"memGetInfo": lambda: (123 * 10**6, 10**10)}, "only 123 MB", "500 MB"),
        (
            {"driverGetVersion": fails(CUDARuntimeError, "cudaErrorUnknown")},
            "CUDARuntimeError: cudaErrorUnknown",
            "nvidia-smi",
        ),
    ],
    ids=["no driver", "older driver", "no card", "no room", "broken driver"],
)
def test_a_computer_whose_card_cannot_be_used(install_cupy, runtime, reason, remedy):
    install_cupy(**runtime)
    assert reason in gpu_problem().reason
    assert remedy in gpu_problem().remedy
    assert device_namespace("auto") is np
    with pytest.raises(DeviceError) as refused:
        device_namespace("gpu")
    assert reason in str(refused.value)
    assert remedy in str(refused.value)
    assert Network([SoftmaxLayer(2, 2)], 1).xp is np


@pytest.mark.parametrize(
    ("name", "replacement", "reason", "remedy"),
    [
        ("arange", fails(ImportError, "libnvrtc.so.12: not found"), "ImportError: libnvrtc", "[ctk]"),
        ("arange", fails(OSError, "libcublas.so.12: cannot open"), "OSError: libcublas", "[ctk]"),
        ("arange", fails(OutOfMemoryError, "allocating 512 bytes"), "OutOfMemoryError", "500 MB"),
        ("arange", lambda n, dtype: np.ones(n, dtype), "113 expected, 24.0 computed", "update"),
    ],
    ids=["no compiler", "no cuBLAS", "no memory", "wrong result"],
)
def test_a_card_that_does_not_compute(install_cupy, name, replacement, reason, remedy):
    setattr(install_cupy(), name, replacement)
    assert reason in gpu_problem().reason
    assert remedy in gpu_problem().remedy
    assert device_namespace("auto") is np


def test_a_cupy_that_cannot_be_imported(install_cupy, monkeypatch, tmp_path):
    install_cupy()
    (tmp_path / "cupy.py").write_text("raise ImportError('built for another NumPy')")
    monkeypatch.delitem(sys.modules, "cupy")
    monkeypatch.syspath_prepend(tmp_path)
    assert gpu_problem().reason.endswith("ImportError: built for another NumPy")
    assert "pip install" in gpu_problem().remedy


def test_the_question_is_asked_once(install_cupy):
    asked = []
    install_cupy(driverGetVersion=lambda: asked.append(1) or 12090)
    for _ in range(3):
        device_namespace("auto")
    assert asked == [1]


# What netlib doctor says of it.


def told(*options):
    result = CliRunner().invoke(main, ["doctor", *options])
    return result.exit_code, result.output


def test_the_doctor_says_why_there_is_no_gpu(no_cupy, monkeypatch, tmp_path):
    code, output = told()
    assert code == 0
    assert "none: CuPy is not installed; `pip install" in output
    assert "\"auto\" is the CPU ('auto', default)\n" in output
    code, output = told("--gpu-report", str(tmp_path / "report.json"))
    assert code == 1
    assert "no report without a GPU: CuPy is not installed" in output
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("NETLIB_DEVICE", "gpu")
    assert 'NETLIB_DEVICE (environment variable): "gpu" was asked for, but CuPy is not installed' in told()[1]


def test_the_doctor_shows_what_the_user_wants_everywhere(no_cupy, monkeypatch, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text('device = "cpu"\ndtype = "float64"\n')
    monkeypatch.setenv("NETLIB_CONFIG", str(file))
    assert f"\"auto\" is the CPU ('cpu', {file})\n" in told()[1]
    assert f'"auto" is float64 ({file})\n' in told()[1]
    monkeypatch.setenv("NETLIB_DTYPE", "float32")
    assert '"auto" is float32 (NETLIB_DTYPE (environment variable))\n' in told()[1]
    file.write_text("device = 7")
    code, output = told()
    assert code == 1
    assert f"{file}: expected" in output


def test_the_doctor_names_the_card(install_cupy):
    install_cupy()
    code, output = told()
    assert code == 0
    assert "a card that is not there, 8,589 of 17,179 MB free; CuPy " in output
    assert "a driver for CUDA up to 12.9" in output
    assert '"auto" is the GPU' in output


def test_a_report_holds_what_the_tests_and_the_benchmark_print(install_cupy, monkeypatch, tmp_path):
    install_cupy()
    commands = []

    def ran(command, **options):
        commands.append([str(part) for part in command])
        return types.SimpleNamespace(stdout=f"line {len(commands)}\nlast line\n")

    monkeypatch.setattr("subprocess.run", ran)
    code, output = told("--gpu-report", str(tmp_path / "report.json"))
    assert code == 0, output
    assert output.endswith("report.json: last line\n")
    report = json.loads((tmp_path / "report.json").read_text())
    assert set(report) == {"machine", "times", "tests"}
    assert report["machine"]["GPU"].startswith("a card that is not there")
    assert (report["times"][0], report["tests"][0]) == ("line 1", "line 2")
    assert "gpu.py" in commands[0][-1]
    assert commands[1][-3:-1] == ["-k", "gpu"]


# The same numbers on both.


def network(device, **options):
    """All kinds of layer, small."""
    layers = [
        ConvPoolLayer((4, 1, 3, 3), (None, 1, 12, 12), (2, 2), ReLU),
        ConvPoolLayer((3, 4, 2, 2), (None, 4, 5, 5), (2, 2), ties="first", p_dropout=0.2),
        FullyConnectedLayer(12, 20, p_dropout=0.5),
        FullyConnectedLayer(20, 10, ReLU, dropout="inverted", p_dropout=0.3),
        SoftmaxLayer(10, 3, p_dropout=0.1),
    ]
    return Network(layers, 5, device=device, **options)


def images(n, seed=0):
    """Random images (n, 144) without ties, with labels."""
    random = np.random.default_rng(seed)
    return random.random((n, 144)), random.integers(0, 3, n)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_initial_weights_are_the_same_bits(device, dtype):
    for ours, theirs in zip(network(device, dtype=dtype).params, network("cpu", dtype=dtype).params, strict=True):
        np.testing.assert_array_equal(to_host(ours), theirs)


def test_twenty_steps_agree_with_the_cpu(device):
    nets = [network(where, dtype="float64", seed=4) for where in (device, "cpu")]
    for net in nets:
        for layer in net.layers[-1:]:
            layer.w[...] = net.xp.asarray(np.random.default_rng(5).normal(size=layer.w.shape))
        net.SGD(images(100), 1, 5, 0.3, images(30, 1), images(30, 2), 0.1, shuffle=True, verbose=False)
    ours, theirs = nets
    assert ours.steps == theirs.steps == 20
    assert any(np.abs(p).max() > 1e-3 for p in theirs.params)
    for one, other in zip(ours.params, theirs.params, strict=True):
        np.testing.assert_allclose(to_host(one), other, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.history.cost, theirs.history.cost, rtol=1e-9)
    assert ours.history.validation_accuracy == theirs.history.validation_accuracy
    np.testing.assert_allclose(ours.forward(images(7)[0]), theirs.forward(images(7)[0]), rtol=1e-9)
    assert ours.cost(images(250)) == pytest.approx(theirs.cost(images(250)), rel=1e-9)


def test_whatever_a_network_answers_is_on_the_host(device):
    net = network(device)
    net.SGD(images(20), 1, 5, 0.3, images(10), images(10), verbose=False)
    for answer in net.forward(images(6)[0]), net.predict(images(6)[0]), net.predict_proba(images(6)[0]):
        assert type(answer) is np.ndarray
    assert type(net.test_mb_predictions(1)) is np.ndarray
    assert type(net.accuracy(images(6))) is type(net.cost(images(6))) is float
    assert all(type(value) is float for value in net.history.cost + net.history.validation_accuracy)


@pytest.mark.parametrize("to", ["cpu", "gpu"])
def test_a_network_is_saved_on_one_device_and_goes_on_on_another(device, to, install_cupy, tmp_path):
    if to == "gpu" and not CARD:
        install_cupy()
    net = network(device, dtype="float64")
    net.SGD(images(20), 2, 5, 0.3, None, None, verbose=False, checkpoint=tmp_path / "run")
    net.save(tmp_path / "net.npz")
    loaded = Network.load(tmp_path / "net.npz", device=to)
    assert loaded.xp is device_namespace(to)
    resumed = network(to, dtype="float64")
    resumed.SGD(images(20), 3, 5, 0.3, None, None, verbose=False, checkpoint=tmp_path / "run")
    net.SGD(images(20), 1, 5, 0.3, None, None, verbose=False)
    loaded.SGD(images(20), 1, 5, 0.3, None, None, verbose=False)
    for other in loaded, resumed:
        assert other.steps == net.steps == 12
        for one, another in zip(other.params, net.params, strict=True):
            np.testing.assert_allclose(to_host(one), to_host(another), rtol=1e-9, atol=1e-12)


@with_card
def test_accuracies_over_seeds_agree_with_the_cpu():
    sets = data.load("digits")

    def mean(device):
        accuracies = []
        for seed in range(5):
            layers = [FullyConnectedLayer(784, 30, ReLU, p_dropout=0.2), SoftmaxLayer(30, 10)]
            net = Network(layers, 10, seed=seed, device=device)
            net.SGD(sets.training, 5, 10, 0.1, None, None, verbose=False)
            accuracies.append(net.accuracy(sets.test))
        return np.mean(accuracies)

    assert mean("gpu") == pytest.approx(mean("cpu"), abs=0.02)


# What crosses the bus.


@without_card
@pytest.mark.parametrize("expanded", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_in_training_nothing_crosses_the_bus_but_results_once_an_epoch(install_cupy, shuffle, expanded):
    install_cupy()
    assert gpu_problem() is None  # which fetches a number, once

    def crossed(n, epochs):
        before = dict(crossings)
        pair = images(n)
        training = data.expand((pair[0].reshape(n, 12, 12), pair[1])) if expanded else pair
        net = network("gpu")
        net.SGD(training, epochs, 5, 0.1, images(300, 1), None, 0.1, shuffle=shuffle, verbose=False)
        return {way: crossings[way] - before[way] for way in crossings}

    once, longer, larger = crossed(20, 1), crossed(20, 3), crossed(60, 1)
    assert larger == once, "more steps, no more crossings"
    assert longer["to host"] - once["to host"] == 2 * 3, "cost, accuracy and the guard's look, in two more epochs"
    assert longer["to device"] - once["to device"] == 2 * shuffle, "the order, where there is a new one"


@without_card
def test_a_step_crosses_nothing(install_cupy):
    install_cupy()
    net = network("gpu")
    x, y = net.row.data("data", images(10), 5)
    net.train_mini_batch(x[:5], y[:5], 0.1, Penalty(0.1))
    before = dict(crossings)
    for _ in range(3):
        net.train_mini_batch(x[5:], y[5:], 0.1, Penalty(0.1))
    assert crossings == before


# A card that fails while it trains.


@without_card
@pytest.mark.parametrize("kept", [False, True])
def test_memory_that_runs_out_keeps_the_last_checkpoint(install_cupy, monkeypatch, tmp_path, kept):
    install_cupy()
    net, folder = network("gpu"), tmp_path / "run"

    def fill_the_card(net):
        if len(net.history.cost) == 2:
            monkeypatch.setattr(Limits, "largest", 100)

    options = {"verbose": False, "checkpoint": folder if kept else None}
    with pytest.raises(DeviceError) as raised:
        net.SGD(images(20), 5, 5, 0.1, None, None, **options, after_epoch=fill_the_card)
    message = str(raised.value)
    assert message.startswith("the GPU's memory is full while it trained (OutOfMemoryError: Out of memory allocating")
    assert 'a smaller mini_batch_size takes less of it, and device="cpu" does without it' in message
    assert isinstance(raised.value.__cause__, OutOfMemoryError)
    if kept:
        newest = sorted(folder.glob("epoch-*.npz"))[-1]
        assert message.endswith(f"The run can go on from {str(newest)!r}")
        net = network("cpu")
        net.SGD(images(20), 5, 5, 0.1, None, None, **options)
        assert len(net.history.cost) == 5


@without_card
def test_data_that_do_not_fit_onto_the_card(install_cupy, monkeypatch):
    install_cupy()
    net = network("gpu")
    monkeypatch.setattr(Limits, "largest", 10_000)
    with pytest.raises(DeviceError, match=r"^the GPU's memory is full while training_data were moved there"):
        net.SGD(images(50), 1, 5, 0.1, None, None, verbose=False)
    assert net.steps == 0


@without_card
def test_a_card_that_vanishes(install_cupy, tmp_path):
    cupy = install_cupy()
    net = network("gpu")

    def vanish(net):
        cupy.matmul = fails(CUDARuntimeError, "cudaErrorDevicesUnavailable")

    with pytest.raises(DeviceError, match=r"^the GPU failed while it trained \(CUDARuntimeError: cudaError.*doctor"):
        net.SGD(images(20), 5, 5, 0.1, None, None, verbose=False, after_epoch=vanish)


def test_other_errors_stay_what_they_are():
    with pytest.raises(ZeroDivisionError), gpu_errors("it trained"):
        raise ZeroDivisionError
