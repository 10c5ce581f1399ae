"""BLAS threads in training: few for small mini-batches, as before afterwards."""

import numpy as np
import pytest
import threadpoolctl

from netlib import Network, SoftmaxLayer
from netlib.threads import blas_threads

BLAS = threadpoolctl.ThreadpoolController().select(user_api="blas")


def threads():
    """The largest number of threads that a BLAS library may use now."""
    return max(library["num_threads"] for library in BLAS.info())


@pytest.fixture(autouse=True)
def _two_threads_outside(monkeypatch):
    monkeypatch.delenv("NETLIB_THREADS", raising=False)
    with BLAS.limit(limits=2):
        if threads() != 2:
            pytest.skip("BLAS takes no second thread here")
        yield
        assert threads() == 2, "not restored"


@pytest.mark.parametrize(("mini_batch_size", "expected"), [(1, 1), (10, 1), (31, 1), (32, 2), (512, 2)])
def test_small_mini_batches_get_one_thread(mini_batch_size, expected):
    with blas_threads(mini_batch_size):
        assert threads() == expected
    assert threads() == 2


@pytest.mark.parametrize(("asked", "mini_batch_size"), [("2", 10), ("1", 512)])
def test_the_environment_decides_if_it_wants(asked, mini_batch_size, monkeypatch):
    monkeypatch.setenv("NETLIB_THREADS", asked)
    with blas_threads(mini_batch_size):
        assert threads() == int(asked)


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5", ""])
def test_another_number_is_an_error_that_names_the_variable(asked, monkeypatch):
    monkeypatch.setenv("NETLIB_THREADS", asked)
    with pytest.raises(ValueError, match=r"^NETLIB_THREADS .*: expected an integer of at least 1"):
        train(10)
    assert threads() == 2


def train(mini_batch_size, **options):
    x, y = np.ones((64, 4)), np.zeros(64, int)
    net = Network([SoftmaxLayer(4, 2)], mini_batch_size, device="cpu")
    net.SGD((x, y), 1, mini_batch_size, 0.1, None, None, verbose=False, **options)


@pytest.mark.parametrize(("mini_batch_size", "expected"), [(10, 1), (64, 2)])
def test_training_uses_them_and_restores_what_was(mini_batch_size, expected):
    seen = []
    train(mini_batch_size, after_epoch=lambda net: seen.append(threads()))
    assert seen == [expected]
    assert threads() == 2


def test_what_was_is_restored_after_an_error_too():
    with pytest.raises(ZeroDivisionError):
        train(10, after_epoch=lambda net: 1 / 0)
    assert threads() == 2
