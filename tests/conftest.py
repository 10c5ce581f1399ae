"""What the tests share: the backends to run on, and computers that this one is not."""

import os
import sys

import pytest

from netlib.backend import device_namespace
from netlib.gpu import gpu_problem
from tests import device as stand_in

CARD = gpu_problem() is None
DEVICES = ["cpu", "gpu"] if CARD else ["cpu", "stand-in for gpu"]


@pytest.fixture(autouse=True, scope="session")
def no_wishes():
    """No user's file of settings and no dtype of theirs reaches a test; NETLIB_DEVICE may choose where all run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NETLIB_CONFIG", os.devnull)
        patch.delenv("NETLIB_DTYPE", raising=False)
        yield


@pytest.fixture
def install_cupy(monkeypatch):
    """A function that puts the stand-in where CuPy would be, with other functions in its runtime; it is not probed."""
    monkeypatch.delenv("NETLIB_DEVICE", raising=False)

    def install(**runtime):
        cupy = stand_in.library()
        vars(cupy.cuda.runtime).update(runtime)
        monkeypatch.setitem(sys.modules, "cupy", cupy)
        gpu_problem.cache_clear()
        return cupy

    yield install
    gpu_problem.cache_clear()


@pytest.fixture
def no_cupy(monkeypatch):
    """A computer without CuPy."""
    monkeypatch.delenv("NETLIB_DEVICE", raising=False)
    monkeypatch.setitem(sys.modules, "cupy", None)
    gpu_problem.cache_clear()
    yield
    gpu_problem.cache_clear()


@pytest.fixture(params=DEVICES)
def device(request):
    """Every device that answers here; without a card, a stand-in that refuses what a card or CuPy would refuse."""
    if request.param == "stand-in for gpu":
        request.getfixturevalue("install_cupy")()
    return request.param.split()[-1]


@pytest.fixture
def xp(device):
    """The array library of each device that answers here."""
    return device_namespace(device)
