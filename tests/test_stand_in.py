"""The stand-in for CuPy: what it refuses, and that it has nothing which CuPy has not."""

import copy
import importlib.util
import pickle

import numpy as np
import pytest

from tests import device

HOST = np.ones(3)


@pytest.fixture
def cupy():
    return device.library()


@pytest.mark.parametrize(
    "mix",
    [
        lambda cupy, x: np.asarray(x),
        lambda cupy, x: np.array([x, x]),
        lambda cupy, x: x + HOST,
        lambda cupy, x: HOST + x,
        lambda cupy, x: x @ HOST,
        lambda cupy, x: x == HOST,
        lambda cupy, x: np.add(x, x),
        lambda cupy, x: np.add(HOST, 1, out=x),
        lambda cupy, x: np.sum(x),
        lambda cupy, x: np.concatenate([x, x]),
        lambda cupy, x: cupy.add(x, HOST),
        lambda cupy, x: cupy.concatenate([x, HOST]),
        lambda cupy, x: cupy.add(x, 1, out=HOST),
        lambda cupy, x: cupy.maximum(x, where=HOST),
        lambda cupy, x: x.dot(HOST),
        lambda cupy, x: x[HOST.astype(int)],
        lambda cupy, x: HOST[x.astype(int)],
        lambda cupy, x: x.__setitem__(0, HOST[:1]),
        lambda cupy, x: HOST.__setitem__(slice(None), x),
        lambda cupy, x: x.__iadd__(HOST),
    ],
)
def test_arrays_of_host_and_device_do_not_mix(cupy, mix):
    with pytest.raises((TypeError, IndexError, ValueError)):
        mix(cupy, cupy.zeros(3))


@pytest.mark.parametrize(
    "use",
    [
        lambda cupy, x: cupy.matrix,
        lambda cupy, x: cupy.nditer,
        lambda cupy, x: x.newbyteorder,
        lambda cupy, x: cupy.linalg.inv,
    ],
)
def test_names_that_cupy_does_not_have_are_refused(cupy, use):
    with pytest.raises(AttributeError):
        use(cupy, cupy.zeros(3))


@pytest.mark.parametrize(
    "use",
    [
        lambda cupy, x: x.take(cupy.zeros(2, int), mode="clip"),
        lambda cupy, x: x.sum(where=x > 0),
        lambda cupy, x: cupy.add(x, 1, where=x > 0),
        lambda cupy, x: cupy.take(x, cupy.zeros(2, int), 0, None, "clip"),
        lambda cupy, x: x.max(initial=0),
    ],
)
def test_arguments_that_cupy_does_not_have_are_refused(cupy, use):
    with pytest.raises(TypeError):
        use(cupy, cupy.zeros(3))


def test_what_is_on_the_device_stays_there(cupy):
    x = cupy.arange(6.0).reshape(2, 3)
    for result in x.sum(), x[0, 0], x.T, -x, 2 * x, x @ x.T, x > 1, cupy.exp(x), x.max(axis=0), next(iter(x)):
        assert type(result) is device.ndarray
    assert x.sum().get() == 15
    assert (2 - x)[1].tolist() == (np.float64(2) - x)[1].tolist() == [-1, -2, -3]
    x -= 1
    x[0] = 7
    assert x.tolist() == [[7, 7, 7], [2, 3, 4]]
    out = cupy.empty(2)
    assert x.sum(axis=1, out=out) is out
    assert x.sum(1, None, out) is out
    assert cupy.add(x[0], 1, out=x[0]).tolist() == [8, 8, 8]
    assert copy.deepcopy(x).tolist() == pickle.loads(pickle.dumps(x)).tolist() == x.tolist()


def test_every_way_over_the_bus_is_counted(cupy):
    start = dict(device.crossings)
    x = cupy.asarray(1.0)
    cupy.array(HOST)
    cupy.asarray(x)  # is there already
    assert device.crossings["to device"] - start["to device"] == 2
    for fetch in x.get, x.item, x.tolist, x.__float__, x.__int__, x.__bool__:
        fetch()
    assert device.crossings["to host"] - start["to host"] == 6


def test_memory_is_not_empty_before_it_is_written(cupy):
    assert np.isnan(cupy.empty((2, 2)).get()).all()
    assert (cupy.empty(3, int).get() != 0).all()


@pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="CuPy is not installed")
def test_the_names_are_those_of_the_installed_cupy():
    import cupy

    from tests.device.names import contents

    for part, thing in ("module", cupy), ("array", cupy.ndarray):
        there = contents(thing)
        gone = {name for name in device.NAMES[part] if name not in there}
        if cupy.__version__ == device.NAMES["version"]:
            assert there == device.NAMES[part]
        else:
            assert len(gone) < 10, gone


def test_asarray_casts_an_array_of_the_device_whatever_its_dtype_is_called(cupy):
    x = cupy.ones(3, dtype=np.float32)
    for dtype in (float, "float64", np.float64, np.dtype("float64")):
        assert cupy.asarray(x, dtype=dtype).dtype == np.float64
    assert cupy.asarray(x, dtype=np.dtype("float32")) is cupy.asarray(x) is x
