"""Devices measured: what is timed, when the clock is read, what is counted, and what is kept of it."""

import dataclasses
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

import netlib
from netlib.backend import device_namespace, to_host
from netlib.cli import main
from netlib.devices import NETWORKS, Case, Measurements, Time, Together, device_records, measure, tally, timing
from netlib.devices import networks as device_networks
from netlib.devices import record as devices_record
from netlib.devices.operations import operations
from netlib.experiments import RecordError, read, write
from netlib.gpu import DeviceError
from netlib.layers import ConvPoolLayer, FullyConnectedLayer, SoftmaxLayer
from netlib.network import Network
from netlib.ops import ReLU, linear, tanh
from tests import device as stand_in
from tests.committed import RESULTS, for_each, signed

ROOT = Path(netlib.__file__).parents[1]
QUICK = {"rounds": 1, "quick": True}


@pytest.fixture
def waits(device):
    """A list that grows whenever the stand-in's device is waited for; None where there is a card, or none is meant."""
    library = device_namespace(device)
    if not isinstance(library, stand_in.Library):
        return None
    counted = []
    library.cuda.runtime.deviceSynchronize = lambda: counted.append(1)
    return counted


# The clock.


class Clock:
    """A device whose work costs its time only when it is waited for."""

    def __init__(self, monkeypatch):
        self.now, self.queued = 0.0, 0.0
        monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: self.now))

    def work(self, seconds):
        def run():
            self.now += 1e-6  # the call
            self.queued += seconds

        return run

    def wait(self):
        self.now += self.queued
        self.queued = 0.0


def test_what_is_queued_belongs_to_who_queued_it(monkeypatch):
    clock = Clock(monkeypatch)
    cases = [Case("long", 3, clock.work(0.5), 12, 5), Case("short", 1, clock.work(0.001))]
    long, short = timing.times(cases, 3, clock.wait)
    assert long == Time("long", 3, 12, 5, 0.5, 0.5)
    assert short == Time("short", 1, 0, 0, 0.001001, 0.001001)


def test_the_smallest_and_the_median_of_the_rounds_are_kept(monkeypatch):
    clock = Clock(monkeypatch)
    costs = iter([9, 9, 9, 5, 9, 1, 9, 2])  # a first run, one to see how many are wanted; each round another and it
    (found,) = timing.times([Case("changing", 1, lambda: clock.work(next(costs))())], 3, clock.wait)
    assert (found.best, found.median) == (1, 2)


def test_cases_take_turns_and_short_ones_are_repeated(monkeypatch):
    clock, order = Clock(monkeypatch), []

    def named(name, seconds):
        return Case(name, 1, lambda: (order.append(name), clock.work(seconds)()))

    timing.times([named("a", 1), named("b", 0.002)], 2, clock.wait)
    assert "".join(order) == "aabb" + 2 * ("aa" + "bbbb")


@pytest.mark.parametrize(("rounds", "error"), [(0, ValueError), (1.5, TypeError)])
def test_rounds_are_counted(rounds, error):
    with pytest.raises(error, match=r"^rounds: "):
        measure("cpu", rounds=rounds, quick=True)


def test_numpy_is_not_waited_for_and_a_card_is(waits, xp):
    timing.waiting(xp)()
    assert waits in (None, [1])


# What is timed.


def test_operations_compute_what_they_are_called(xp):
    small = {(case.what, case.size): case for group in operations(xp, slice(1)) for case in group}

    def done(what, size):
        return to_host(small[what, size].run())

    def again(shape, dtype=np.float32):
        return np.random.default_rng(0).random(shape, dtype) + dtype(0.5)

    a, square = again(16), again((16, 16))
    np.testing.assert_allclose(done("multiply", 16), a * a)
    np.testing.assert_allclose(done("exp", 16), np.exp(a), rtol=1e-6)
    np.testing.assert_allclose(done("sum of each row", 256), square.sum(axis=1), rtol=1e-6)
    np.testing.assert_allclose(done("sum of each column", 256), square.sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(done("product", 16), square @ square, rtol=1e-5)
    assert done("product, float64", 16).dtype == done("multiply, float64", 16).dtype == np.float64
    assert done("layer", 1).shape == (1000, 1)
    np.testing.assert_array_equal(done("to the device", 16), a)
    np.testing.assert_array_equal(small["back", 16].run(), a)
    assert isinstance(small["back", 16].run(), np.ndarray)
    assert small["call and fetch", 1].run() == pytest.approx(float(again(1)[0]) ** 2)
    assert done("conv2d", 1).shape == (1, 20, 24, 24)
    assert to_host(small["conv_pool", 1].run()[0]).shape == (20, 12, 12, 1)


def test_bytes_and_flops_are_those_of_the_arrays():
    small = {case.what: case for group in operations(np, slice(1)) for case in group}
    assert (small["multiply"].bytes, small["multiply"].flops) == (3 * 4 * 16, 16)
    assert (small["multiply, float64"].bytes, small["exp"].bytes) == (3 * 8 * 16, 2 * 4 * 16)
    assert (small["product"].bytes, small["product"].flops) == (3 * 4 * 256, 2 * 16**3)
    assert (small["layer"].bytes, small["layer"].flops) == (4 * (10**6 + 2000), 2 * 10**6)
    assert small["conv2d"].flops == small["conv_pool"].flops == 2 * 20 * 24 * 24 * 25
    assert small["to the device"].bytes == small["back"].bytes == 64


def test_data_cross_the_bus_only_where_they_are_copied(waits, monkeypatch):
    if waits is None:
        pytest.skip("crossings are counted on the stand-in")
    monkeypatch.setattr(device_networks, "NETWORKS", {"shallow": NETWORKS["shallow"]})
    cases = {(case.what, case.size): case for group in device_networks.steps("gpu", slice(1)) for case in group}
    assert sorted(cases) == [
        ("many, in turn", 1),
        ("many, together", 1),
        ("step on a copy, shallow", 1),
        ("step, shallow", 1),
    ]
    for (what, _), case in cases.items():
        case.run()
        before = dict(stand_in.crossings)
        case.run()
        after = {way: number - before[way] for way, number in stand_in.crossings.items()}
        assert after == {"to device": 2 if "copy" in what else 0, "to host": 0}, what


# What is counted.

SHALLOW = """
    copy product add negative exp add reciprocal
    product add max subtract exp sum divide
    equal copy max subtract exp sum log subtract multiply sum divide
    subtract divide
    copy product product sum
    subtract multiply multiply copy product sum
"""  # the layers forward, the cost, and back; then two calls for each of four parameters


def test_the_calls_of_a_step_are_those_in_the_code():
    named = {"matmul": "product", "a[...] = b": "copy", "astype": "copy", "add.reduce": "sum", "maximum.reduce": "max"}
    found = [named.get(done.name, done.name) for done in tally(NETWORKS["shallow"](), 10)]
    assert found == SHALLOW.split() + 4 * ["multiply", "subtract"]


@pytest.mark.parametrize("n", [1, 10, 1000])
def test_the_products_of_a_step_cost_what_the_layers_say(n):
    forward = {"shallow": [784 * 100, 1000], "conv": [24 * 24 * 20 * 36, 64 * 40 * 500, 64000, 1000]}
    for name, each in forward.items():  # 6 x 6 numbers in a patch: pooling is folded into the first layer
        flops = sum(done.flops for done in tally(NETWORKS[name](), n) if done.kind == "product")
        assert flops == 2 * n * (3 * sum(each) - each[0])  # the first layer needs no gradient of its inputs


def test_bytes_are_counted_once_for_each_operand():
    done = tally([SoftmaxLayer(784, 10)], 5)
    first = next(one for one in done if one.kind == "product")
    assert first.bytes == 4 * (784 * 10 + 784 * 5 + 10 * 5)
    assert done[0].bytes == 2 * 4 * 784 * 5  # images turned
    double = tally([SoftmaxLayer(784, 10)], 5, "float64")
    assert [(one.kind, one.flops) for one in double] == [(one.kind, one.flops) for one in done]
    assert next(one for one in double if one.kind == "product").bytes == 2 * first.bytes


def test_a_tally_sees_dropout_and_blocks():
    with_, without = ([SoftmaxLayer(784, 10, p_dropout=p)] for p in (0.5, 0.0))
    assert len(tally(with_, 10)) > len(tally(without, 10)) + 10
    large = Counter(one.kind for one in tally([FullyConnectedLayer(1000, 1000), SoftmaxLayer(1000, 10)], 10))
    assert large["product"] == 10 + 10 + 1 + 2  # the weights in ten blocks: forward, and back to the weights


# Many networks as one.


def networks(k, layers=NETWORKS["shallow"], device="cpu", dtype="float64", n=10):
    return [Network(layers(), n, seed=seed, device=device, dtype=dtype) for seed in range(k)]


def deep(activation_fn):
    return lambda: [FullyConnectedLayer(784, 12, tanh), FullyConnectedLayer(12, 7, activation_fn), SoftmaxLayer(7, 10)]


@pytest.mark.parametrize(("dtype", "near"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("layers", [NETWORKS["shallow"], deep(ReLU), deep(linear)], ids=["shallow", "ReLU", "linear"])
def test_a_step_of_all_is_a_step_of_each(layers, dtype, near, device):
    nets = networks(3, layers, device, dtype, n=6)
    together = Together(nets)
    xp = device_namespace(device)
    random = np.random.default_rng(0)
    for step in range(4):
        x, y = xp.asarray(random.random((6, 784)).astype(dtype)), xp.asarray(random.integers(0, 10, 6))
        expected = [float(net.train_mini_batch(x, y, 0.3)) for net in nets]
        costs = to_host(together.step(x, y, 0.3))
        assert costs.shape == (3,)
        np.testing.assert_allclose(costs, expected, rtol=near, err_msg=f"step {step}")
    for place, layer in enumerate(zip(*(net.layers for net in nets), strict=True)):
        w, b = map(to_host, together.params[2 * place : 2 * place + 2])
        np.testing.assert_allclose(w, [to_host(one.w) for one in layer], rtol=0, atol=near)
        np.testing.assert_allclose(b[:, :, 0], [to_host(one.b) for one in layer], rtol=0, atol=near)


def test_the_networks_that_are_given_stay_as_they_are():
    nets = networks(2)
    before = [parameter.copy() for net in nets for parameter in net.params]
    Together(nets).step(np.ones((10, 784)), np.arange(10), 0.3)
    after = [parameter for net in nets for parameter in net.params]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))


@pytest.mark.parametrize(
    "nets",
    [
        [],
        networks(1, lambda: [SoftmaxLayer(784, 10, p_dropout=0.1)]),
        networks(1, lambda: [FullyConnectedLayer(784, 10, cost="quadratic")]),
        networks(1, lambda: [ConvPoolLayer((2, 1, 5, 5), (1, 28, 28)), SoftmaxLayer(288, 10)]),
        networks(1) + networks(1, deep(tanh)),
        networks(1, deep(tanh)) + networks(1, deep(ReLU)),
        networks(1) + networks(1, dtype="float32"),
    ],
    ids=["none", "dropout", "no softmax", "convolution", "other sizes", "another activation", "another dtype"],
)
def test_networks_that_cannot_go_together_are_refused(nets):
    with pytest.raises(ValueError, match=r"^networks: expected "):
        Together(nets)


# Records.


@pytest.fixture(scope="module")
def record():
    return measure("cpu", **QUICK)


def test_a_quick_measurement_has_two_sizes_of_each(record):
    counts = Counter(fields[0] for fields in record.times)
    assert counts.pop("call") == counts.pop("call and fetch") == 1
    assert set(counts.values()) == {2}
    assert {f"{what}, {name}" for what in ("step", "step on a copy") for name in NETWORKS} <= counts.keys()
    assert all(0 < Time(*fields).best <= Time(*fields).median for fields in record.times)


def test_a_record_tells_where_and_when(record):
    assert record.kind == "CPU"
    assert record.file_name.startswith("cpu-")
    assert record.rounds == 1
    assert len(record.date.split("-")) == 3
    assert "1 threads" in record.processor or "does not know" in record.processor
    assert record.versions.keys() == {"netlib", "python", "numpy"}
    assert [time.size for time in record.of("step, conv")] == [1, 3]
    with pytest.raises(KeyError, match="'step, deep' was not measured; back, call, "):
        record.of("step, deep")


def test_another_device_is_measured_alike(device, waits, record):
    if device == "cpu":
        pytest.skip("that is the record")
    other = measure("gpu", **QUICK)
    assert [fields[:4] for fields in other.times] == [fields[:4] for fields in record.times]
    assert other.kind == "GPU"
    assert {"cupy", "cuda", "driver's cuda"} <= other.versions.keys()
    if waits is not None:
        assert other.file_name == "gpu-a-card-that-is-not-there.json"
        assert len(waits) == 4 * len(other.times)  # before and after: once to see how long it takes, and one round


def test_no_card_is_told(no_cupy):
    with pytest.raises(DeviceError, match="CuPy is not installed"):
        measure("gpu", **QUICK)


def test_what_is_written_is_read(record, tmp_path):
    path = write(record, tmp_path)
    assert path.name == record.file_name
    assert read(path, Measurements) == record
    assert device_records(tmp_path) == [record]
    names = [*(field.name for field in dataclasses.fields(Measurements)), "sha256"]
    assert [line.split('"')[1] for line in path.read_text().splitlines()[1:-1]] == names


@pytest.mark.parametrize(
    "edit",
    [
        lambda content: content["times"][0].__setitem__(4, 1e-9),
        lambda content: content.update(device="GPU, of my dreams"),
        lambda content: content.update(date="2020-01-01"),
        lambda content: content.pop("rounds"),
        lambda content: content.update(remark="fast"),
        lambda content: content.pop("sha256"),
    ],
    ids=["a time", "the device", "the date", "a key less", "a key more", "no checksum"],
)
def test_an_edit_by_hand_is_noticed(edit, record, tmp_path):
    path = write(record, tmp_path)
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match=str(path)):
        device_records(tmp_path)


def test_records_come_cpus_first(record, tmp_path):
    card = dataclasses.replace(record, device="GPU, some card")
    write(card, tmp_path)
    write(record, tmp_path)
    assert device_records(tmp_path) == [record, card]
    assert card.file_name == "gpu-some-card.json"
    assert device_records(tmp_path / "nowhere") == []


COMMITTED = sorted((RESULTS / "devices").glob("*.json"))


@for_each(COMMITTED)
def test_a_committed_record_is_whole(path, record):
    signed(path)
    found = read(path, Measurements)
    assert path.name == found.file_name
    assert found.rounds >= 10
    assert {fields[0] for fields in found.times} == {fields[0] for fields in record.times}
    assert [time.size for time in found.of("step, dropout")] == [1, 3, 10, 30, 100, 300, 1000]
    assert all(0 < Time(*fields).best <= Time(*fields).median for fields in found.times)


def test_the_records_of_the_package_are_those_that_are_committed():
    assert COMMITTED
    assert {found.file_name for found in device_records()} == {path.name for path in COMMITTED}


# The command line.


def bench(*arguments):
    return CliRunner().invoke(main, ["bench", "devices", *map(str, arguments)])


def test_the_command_writes_a_record(tmp_path):
    ran = bench("--device", "cpu", "--quick", "--rounds", 1, "-o", tmp_path / "out")
    assert ran.exit_code == 0, ran.output
    (record,) = device_records(tmp_path / "out")
    assert record.device in ran.output
    assert "step, dropout" in ran.output


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--quick"], "name a folder for it with -o"),
        (["--rounds", 0, "-o", "out"], "0 is not in the range x>=1"),
        (["--device", "tpu", "-o", "out"], "'tpu' is not one of 'auto', 'cpu', 'gpu'"),
    ],
)
def test_what_cannot_be_measured_is_an_error_before_anything_is(arguments, found, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices_record, "folder", lambda: tmp_path)
    ran = bench(*arguments)
    assert ran.exit_code == 2
    assert found in ran.output
    assert list(tmp_path.iterdir()) == []


def test_the_command_tells_of_a_card_that_is_not_there_in_a_line(no_cupy, tmp_path):
    ran = bench("--device", "gpu", "--quick", "-o", tmp_path)
    assert (ran.exit_code, type(ran.exception)) == (1, SystemExit)
    assert "CuPy is not installed" in ran.output


def test_both_commands_explain_themselves():
    assert "--scaling" in CliRunner().invoke(main, ["bench", "--help"]).output
    assert "--quick" in bench("--help").output
