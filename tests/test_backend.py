"""Choosing a device, telling arrays of host and GPU apart, moving them, and workspaces."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import netlib
from netlib.backend import Workspace, device_namespace, gather, move, namespace, to_host
from netlib.gpu import DeviceError


def test_cupy_is_not_imported_until_a_gpu_is_asked_for(tmp_path):
    (tmp_path / "cupy.py").touch()
    script = "import sys, netlib; netlib.backend.device_namespace('cpu'); sys.exit('cupy' in sys.modules)"
    path = os.pathsep.join([str(tmp_path), str(Path(netlib.__file__).parents[1])])
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path}, check=True)


def test_the_environment_variable_decides_what_auto_is_and_nothing_else(install_cupy, monkeypatch):
    cupy = install_cupy()
    monkeypatch.setenv("NETLIB_DEVICE", "cpu")
    assert device_namespace() is np
    assert device_namespace("gpu") is cupy
    for wish in "gpu", "auto", "":
        monkeypatch.setenv("NETLIB_DEVICE", wish)
        assert device_namespace() is cupy
        assert device_namespace("cpu") is np


def test_auto_is_the_gpu_where_there_is_one(install_cupy, no_cupy):
    assert device_namespace("auto") is device_namespace("cpu") is np
    cupy = install_cupy()
    assert device_namespace("auto") is device_namespace("gpu") is cupy
    assert device_namespace("cpu") is np


def test_a_gpu_that_the_environment_variable_asks_for_in_vain_is_an_error(no_cupy, monkeypatch):
    monkeypatch.setenv("NETLIB_DEVICE", "gpu")
    with pytest.raises(DeviceError, match="CuPy is not installed"):
        device_namespace()


@pytest.mark.parametrize("wish", ["cuda", "GPU", "", 0, None])
def test_unknown_devices_are_refused_by_name(wish):
    with pytest.raises(ValueError, match=f"device: expected one of auto, cpu, gpu; got {wish!r}"):
        device_namespace(wish)


def test_unknown_devices_in_the_environment_variable_are_refused_too(monkeypatch):
    monkeypatch.setenv("NETLIB_DEVICE", "tpu")
    with pytest.raises(ValueError, match="got 'tpu'"):
        device_namespace()


def test_the_namespace_of_arrays_is_the_library_that_made_them(xp, install_cupy):
    assert namespace(xp.zeros(2), xp.ones(3)[0:1]) is xp
    assert namespace(np.zeros(2), np.float32(1)) is np
    cupy = install_cupy()
    assert namespace(cupy.zeros(1), cupy.zeros(2)) is cupy


def test_arrays_of_host_and_device_cannot_be_mixed(install_cupy):
    cupy = install_cupy()
    for arrays in (np.zeros(2), cupy.zeros(1)), (cupy.zeros(1), cupy.zeros(2), np.zeros(2)):
        with pytest.raises(TypeError, match=r"host .* device .* mixed"):
            namespace(*arrays)


def test_moving_to_the_host_copies_only_what_is_on_a_gpu(xp):
    x = xp.arange(3.0)
    on_host = to_host(x)
    assert type(on_host) is np.ndarray
    assert on_host.tolist() == [0, 1, 2]
    assert (on_host is x) == (xp is np)
    assert move(x, np).tolist() == [0, 1, 2]


def test_lists_and_arrays_are_moved_to_the_library_that_is_asked_for(xp):
    for numbers in [1.5, 2.5], np.array([1.5, 2.5]), xp.asarray([1.5, 2.5]):
        moved = move(numbers, xp)
        assert namespace(moved) is xp
        assert to_host(moved).tolist() == [1.5, 2.5]
    array = xp.zeros(3)
    assert move(array, xp) is array


@pytest.mark.parametrize("chosen", [[2, 0, 2], [[1], [0]], 1, []])
def test_gathering_is_indexing_into_an_array_that_is_there(xp, chosen):
    array = np.arange(12.0).reshape(3, 4)
    chosen = np.array(chosen, int)
    out = xp.empty((*chosen.shape, 4))
    assert gather(xp.asarray(array), xp.asarray(chosen), out) is out
    np.testing.assert_array_equal(to_host(out), array[chosen])


def test_a_workspace_gives_the_same_array_as_long_as_shape_and_dtype_are_the_same(xp):
    work = Workspace(xp)
    array = work("z", (2, 3), "float32")
    assert namespace(array) is xp
    assert array.shape == (2, 3)
    assert array.dtype == np.float32
    array[...] = 7
    assert work("z", (2, 3), np.dtype("float32")) is array
    assert to_host(array).tolist() == [[7] * 3] * 2


def test_a_workspace_gives_other_arrays_for_other_names_shapes_dtypes_and_workspaces(xp):
    work = Workspace(xp)
    array = work("z", (2, 3), "float32")
    assert work("a", (2, 3), "float32") is not array
    assert Workspace(xp)("z", (2, 3), "float32") is not array
    assert work("z", (3, 2), "float32").shape == (3, 2)
    assert work("z", (3, 2), bool).dtype == bool
    assert work("z", (2, 3), "float32") is not array
