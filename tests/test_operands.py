"""What operations have in common: operands of one device, and scratch arrays that fit and are used again."""

import tracemalloc

import numpy as np
import pytest

from netlib import ops
from netlib.backend import Workspace

OPERATIONS = {  # a function and the shapes of its operands
    "conv2d": (ops.conv2d, [(2, 1, 5, 5), (3, 1, 2, 2)]),
    "conv2d_image_gradient": (ops.conv2d_image_gradient, [(2, 1, 5, 5), (3, 1, 2, 2), (2, 3, 4, 4)]),
    "conv2d_filter_gradient": (ops.conv2d_filter_gradient, [(2, 1, 5, 5), (3, 1, 2, 2), (2, 3, 4, 4)]),
    "pool2d_gradient": (lambda x, y, dy: ops.pool2d_gradient(x, y, dy, 2), [(2, 1, 4, 4), (2, 1, 2, 2), (2, 1, 2, 2)]),
    "weighted_sum": (ops.weighted_sum, [(5, 2), (5, 3)]),
    "weighted_sum_gradients": (ops.weighted_sum_gradients, [(5, 2), (5, 3), (3, 2)]),
    "conv_pool": (lambda x, w: ops.conv_pool(x, w, (2, 2)), [(1, 6, 6, 2), (3, 1, 3, 3)]),
    "dropout": (ops.dropout, [(4,), (4,)]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operands_of_two_devices_are_refused_whichever_is_elsewhere(name, install_cupy):
    function, shapes = OPERATIONS[name]
    libraries = np, install_cupy()
    for elsewhere in range(len(shapes)):
        operands = [libraries[i == elsewhere].ones(shape) for i, shape in enumerate(shapes)]
        with pytest.raises(TypeError, match="mixed in one operation"):
            function(*operands)


def test_a_gradient_on_another_device_than_the_pooled_maps_is_refused(install_cupy):
    pooled, saved = ops.conv_pool(np.ones((1, 6, 6, 2)), np.ones((3, 1, 3, 3)), (2, 2))
    with pytest.raises(TypeError, match="mixed in one operation"):
        ops.conv_pool_gradients(install_cupy().ones(pooled.shape), saved)


class Watched(Workspace):
    """A workspace that notes what it is asked for."""

    def __init__(self):
        super().__init__(np)
        self.asked = []

    def __call__(self, name, shape, dtype):
        self.asked.append((name, shape, dtype))
        return super().__call__(name, shape, dtype)


def fully_connected(work, N=125):  # in blocks of 32 rows
    x, w, dz = (np.ones(shape, "float32") for shape in ((100, N), (100, 250), (250, N)))
    return lambda: (ops.weighted_sum(x, w, work), ops.weighted_sum_gradients(x, w, dz, work=work))


def convolutional(work, C=1, N=800):
    x, w, d = (np.ones(shape, "float32") for shape in ((C, 20, 20, N), (8, C, 5, 5), (8, 8, 8, N)))

    def step():
        saved = ops.conv_pool(x, w, (2, 2), work)[1]
        return [ops.conv_pool_gradients(d, saved, ties=ties, work=work) for ties in ops.TIES]

    return step


def unfolded(work):
    return convolutional(work, C=3, N=400)


def activated(work):
    z, a, da = (np.ones((100, 2000), "float32") for _ in range(3))

    def step():
        for activation in (ops.sigmoid, ops.tanh, ops.ReLU, ops.linear):
            activation(z, out=a)
            activation.gradient(z, a, da, da)

    return step


STEPS = [fully_connected, convolutional, unfolded]


@pytest.mark.parametrize("make", STEPS)
def test_every_scratch_array_has_a_name_of_its_own_and_the_operands_dtype(make):
    work = Watched()
    make(work)()
    assert work.asked
    assert {np.dtype(dtype).name for _, _, dtype in work.asked if dtype is not None} <= {"float32", "bool"}
    assert None not in {dtype for _, _, dtype in work.asked}
    names = {name: (shape, dtype) for name, shape, dtype in work.asked}
    assert all(names[name] == (shape, dtype) for name, shape, dtype in work.asked), "two arrays of one name"


@pytest.mark.parametrize("make", [*STEPS, activated])
def test_a_second_step_takes_no_new_memory(make):
    step = make(Workspace(np))
    step()
    tracemalloc.start()
    try:
        step()
        assert tracemalloc.get_traced_memory()[1] < 100_000, "an array of all images has more"
    finally:
        tracemalloc.stop()
