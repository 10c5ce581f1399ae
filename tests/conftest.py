"""What the tests share: the backends to run on."""

import pytest

from netlib.backend import device_namespace, gpu_problem

DEVICES = ["cpu"] if gpu_problem() else ["cpu", "gpu"]


@pytest.fixture(params=DEVICES)
def device(request):
    """Every device that answers here."""
    return request.param


@pytest.fixture
def xp(device):
    """The array library of each device that answers here."""
    return device_namespace(device)
