"""Symbolic operations against NumPy, against central differences, and on every device."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlib import graph as T  # noqa: N812 - as Theano was imported
from tests.symbols import assert_computes, assert_differentiates, normal

X, Y, Z = normal(3, 4, seed=1), normal(3, 4, seed=2), normal(2, 3, 4, seed=3)
POSITIVE = np.abs(X) + 0.5
INTEGERS = np.array([[3, -2, 0], [5, 1, -4]])

ELEMENTWISE = [
    ("add", lambda x, y: x + y, np.add, (X, Y)),
    ("subtract", lambda x, y: x - y, np.subtract, (X, Y)),
    ("multiply", lambda x, y: x * y, np.multiply, (X, Y)),
    ("divide", lambda x, y: x / y, np.divide, (X, POSITIVE)),
    ("power", lambda x, y: x**y, np.power, (POSITIVE, Y)),
    ("square", lambda x: x**2, np.square, (X,)),
    ("cube", lambda x: x**3, lambda x: x**3, (X,)),
    ("power of a number", lambda x: 2**x, lambda x: 2**x, (X,)),
    ("number minus", lambda x: 1 - x, lambda x: 1 - x, (X,)),
    ("number over", lambda x: 1 / x, lambda x: 1 / x, (POSITIVE,)),
    ("mod", lambda x, y: x % y, np.mod, (X, POSITIVE)),
    ("negative", lambda x: -x, np.negative, (X,)),
    ("abs", lambda x: abs(x), np.abs, (X,)),
    ("exp", T.exp, np.exp, (X,)),
    ("expm1", T.expm1, np.expm1, (X,)),
    ("log", T.log, np.log, (POSITIVE,)),
    ("log1p", T.log1p, np.log1p, (POSITIVE,)),
    ("sqrt", T.sqrt, np.sqrt, (POSITIVE,)),
    ("sin", T.sin, np.sin, (X,)),
    ("cos", T.cos, np.cos, (X,)),
    ("sign", T.sign, np.sign, (X,)),
    ("maximum", T.maximum, np.maximum, (X, Y)),
    ("minimum", T.minimum, np.minimum, (X, Y)),
    ("clip", lambda x: T.clip(x, -0.5, 0.5), lambda x: np.clip(x, -0.5, 0.5), (X,)),
    ("where", lambda x, y: T.where(x > y, x, y * 2), lambda x, y: np.where(x > y, x, y * 2), (X, Y)),
    ("relu by mask", lambda x: x * (x > 0), lambda x: x * (x > 0), (X,)),
    ("tanh", T.tanh, np.tanh, (X,)),
    ("sigmoid", T.sigmoid, lambda x: 1 / (1 + np.exp(-x)), (X,)),
    ("relu", T.relu, lambda x: np.maximum(x, 0), (X,)),
]
AXES = [
    ("transpose", lambda z: z.T, lambda z: z.T, (Z,)),
    ("transpose by axes", lambda z: z.transpose(1, -1, 0), lambda z: z.transpose(1, 2, 0), (Z,)),
    ("dimshuffle", lambda x: x.dimshuffle(1, "x", 0), lambda x: x.T[:, None], (X,)),
    ("dimshuffle drops", lambda x: x.dimshuffle("x", 0, 1).dimshuffle(2, 1), lambda x: x.T, (X,)),
    ("new axis and sum", lambda x, y: x + y.dimshuffle("x", 0), lambda x, y: x + y, (X, normal(4))),
    ("column and sum", lambda x, y: x * y.dimshuffle(0, "x"), lambda x, y: x * y[:, None], (X, normal(3))),
    ("vector on the last axis", lambda x, y: y - x, lambda x, y: y - x, (X, normal(4))),
    ("number on all", lambda x, y: x / y, lambda x, y: x / y, (X, np.array(2.5))),
    ("outer sum", lambda x, y: x.dimshuffle(0, "x") + y, lambda x, y: x[:, None] + y, (normal(3), normal(4))),
    ("reshape", lambda z: z.reshape((4, 6)), lambda z: z.reshape(4, 6), (Z,)),
    ("reshape to the rest", lambda z: z.reshape(3, -1), lambda z: z.reshape(3, -1), (Z,)),
    ("reshape by lengths", lambda z: z.reshape((z.shape[1], -1)), lambda z: z.reshape(3, 8), (Z,)),
    ("reshape with one", lambda x: x.reshape((3, 1, 4)) + 1, lambda x: x.reshape(3, 1, 4) + 1, (X,)),
    ("flatten", lambda z: z.flatten(), lambda z: z.reshape(-1), (Z,)),
    ("flatten to two", lambda z: z.flatten(2), lambda z: z.reshape(2, -1), (Z,)),
    ("squeeze", lambda x: x.dimshuffle(0, "x", 1).squeeze(), lambda x: x, (X,)),
    ("concatenate", lambda x, y: T.concatenate([x, y, x]), lambda x, y: np.concatenate([x, y, x]), (X, Y)),
    ("along the last", lambda x, y: T.concatenate([x, y], axis=-1), lambda x, y: np.hstack([x, y]), (X, Y[:, :2])),
    ("stack", lambda x, y: T.stack([x, y]), lambda x, y: np.stack([x, y]), (X, Y)),
    ("stack last", lambda x, y: T.stack([x, y], axis=-1), lambda x, y: np.stack([x, y], axis=-1), (X, Y)),
    ("stack numbers", lambda x: T.stack([x[0], x[1]]), lambda x: x[:2], (normal(3),)),
    ("split", lambda x: T.split(x, [1, 3], axis=1)[1], lambda x: x[:, 1:], (X,)),
    ("repeat", lambda x: T.repeat(x, 3, axis=1), lambda x: np.repeat(x, 3, axis=1), (X,)),
    ("repeat flat", lambda x: x.repeat(2), lambda x: np.repeat(x, 2), (X,)),
    ("tile", lambda x: T.tile(x, (2, 3)), lambda x: np.tile(x, (2, 3)), (X,)),
    ("tile to more axes", lambda x: T.tile(x, (2, 1, 2)), lambda x: np.tile(x, (2, 1, 2)), (X,)),
    ("tile nothing", lambda x: T.tile(x[:0], (2, 1)), lambda x: x[:0], (X,)),
    ("repeat nothing", lambda x: T.repeat(x, 0, axis=0), lambda x: x[:0], (X,)),
    ("tile the last", lambda x: T.tile(x, 2), lambda x: np.tile(x, 2), (X,)),
    ("zeros", lambda x: x + T.zeros(x.shape, "float64"), lambda x: x, (X,)),
    ("ones like", lambda x: x * T.ones_like(x), lambda x: x, (X,)),
    ("full", lambda x: T.full((2, x.shape[0]), x[0]), lambda x: np.full((2, 3), x[0]), (normal(3),)),
]
SUMS = [
    ("sum", lambda z: z.sum(), np.sum, (Z,)),
    ("sum over axes", lambda z: z.sum(axis=(0, -1)), lambda z: z.sum(axis=(0, 2)), (Z,)),
    ("sum keeping", lambda z: z / z.sum(axis=1, keepdims=True), lambda z: z / z.sum(axis=1, keepdims=True), (Z + 5,)),
    ("mean", lambda z: z.mean(), np.mean, (Z,)),
    ("mean over one", lambda z: T.mean(z, axis=1), lambda z: z.mean(axis=1), (Z,)),
    ("var", lambda z: z.var(axis=0), lambda z: z.var(axis=0), (Z,)),
    ("std", lambda z: z.std(), np.std, (Z,)),
    ("prod", lambda x: x.prod(axis=1), lambda x: x.prod(axis=1), (X,)),
    ("max", lambda z: z.max(axis=(1, 2)), lambda z: z.max(axis=(1, 2)), (Z,)),
    ("max of all", T.max, np.max, (Z,)),
    ("min", lambda z: z.min(axis=-1, keepdims=True), lambda z: z.min(axis=-1, keepdims=True), (Z,)),
]
INDEXING = [
    ("number", lambda z: z[1], lambda z: z[1], (Z,)),
    ("last", lambda z: z[-1, :, -2], lambda z: z[-1, :, -2], (Z,)),
    ("slices", lambda z: z[:, 1:, ::2], lambda z: z[:, 1:, ::2], (Z,)),
    ("backwards", lambda z: z[..., ::-1], lambda z: z[..., ::-1], (Z,)),
    ("new axes", lambda x: x[:, None, 1:3, None] * 2, lambda x: x[:, None, 1:3, None] * 2, (X,)),
    ("list", lambda x: x[[2, 0, 2]], lambda x: x[[2, 0, 2]], (X,)),
    ("vector", lambda x, i: x[i], lambda x, i: x[i], (X, np.array([2, 0, 2]))),
    ("vector of columns", lambda x, i: x[:, i], lambda x, i: x[:, i], (X, np.array([3, 0, 3, 3]))),
    ("two vectors", lambda x, i, j: x[i, j], lambda x, i, j: x[i, j], (X, np.array([0, 0, 2]), np.array([1, 1, 3]))),
    ("a matrix", lambda x, i: x[i], lambda x, i: x[i], (X, np.array([[0, 1], [1, 1]]))),
    ("mask", lambda x: x[x > 0], lambda x: x[x > 0], (X,)),
    ("row mask", lambda x, i: x[i > 0], lambda x, i: x[i > 0], (X, np.array([1, 0, 3]))),
    ("apart", lambda z, i: z[i, :, 1], lambda z, i: z[i, :, 1], (Z, np.array([1, 0, 1]))),
    ("symbolic number", lambda x, i: x[i], lambda x, i: x[i], (X, np.array(2))),
    ("symbolic slice", lambda x, i: x[i : i + 2], lambda x, i: x[i : i + 2], (X, np.array(1))),
    ("labels", lambda x, y: T.log(x)[T.arange(y.shape[0]), y], lambda x, y: np.log(x)[range(3), y], ()),
]
PRODUCTS = [
    (f"dot {a} {b}", T.dot, np.dot, (normal(*a, seed=1), normal(*b, seed=2)))
    for a, b in [
        ((), ()),
        ((), (2, 3)),
        ((3,), ()),
        ((3,), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3,)),
        ((2, 3), (3, 4)),
        ((2, 3), (4, 3, 2)),
        ((4, 2, 3), (3, 2)),
        ((4, 2, 3), (3,)),
        ((2, 2, 3), (2, 3, 4)),
        ((3,), (2, 3, 4)),
    ]
] + [
    (f"tensordot {a} {b} {axes}", lambda x, y, axes=axes: T.tensordot(x, y, axes), None, (normal(*a), normal(*b)))
    for a, b, axes in [
        ((2, 3, 4), (3, 4, 2), 2),
        ((2, 3), (4, 5), 0),
        ((2, 3, 4), (4, 3, 5), ([1, 2], [1, 0])),
        ((2, 3, 4), (3, 2), ([0, 1], [1, 0])),
        ((2, 3, 4), (4, 3, 5), ([2, 1], [0, 1])),
        ((3, 2), (3, 4), ([0], [0])),
        ((3, 2), (4, 3), (0, -1)),
        ((2, 3), (4, 3), (-1, 1)),
        ((2, 3), (3, 2), ([0, 1], [1, 0])),
    ]
]
PRODUCTS = [
    (name, build, oracle or (lambda x, y, axes=build.__defaults__[0]: np.tensordot(x, y, axes)), arrays)
    for name, build, oracle, arrays in PRODUCTS
]
OTHERS = [
    ("softmax", T.softmax, lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True), (X,)),
    ("softmax of a vector", T.softmax, lambda x: np.exp(x) / np.exp(x).sum(), (normal(5),)),
    (
        "softmax of columns",
        lambda z: T.softmax(z, axis=1),
        lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
        (Z,),
    ),
    ("outer", T.outer, np.outer, (normal(3), normal(4))),
    ("matmul", lambda x, y: x @ y.T, lambda x, y: x @ y.T, (X, Y)),
]
GROUPS = ELEMENTWISE + AXES + SUMS + INDEXING + PRODUCTS + OTHERS
CASES = [
    pytest.param(build, oracle, arrays or (POSITIVE[:3], np.array([1, 3, 0])), id=name)
    for name, build, oracle, arrays in GROUPS
]


@pytest.mark.parametrize(("build", "oracle", "arrays"), CASES)
def test_values_are_numpys_and_gradients_central_differences(device, build, oracle, arrays):
    assert_computes(device, build, oracle, *arrays)
    assert_differentiates(device, build, *arrays)


WHOLE = [
    ("add", lambda i: i + 1, lambda i: i + 1),
    ("true division", lambda i: i / 2, lambda i: i / 2),
    ("floor division", lambda i: i // 2, lambda i: i // 2),
    ("number over", lambda i: 7 // (i + 9), lambda i: 7 // (i + 9)),
    ("mod", lambda i: i % 3, lambda i: i % 3),
    ("abs", lambda i: abs(i), np.abs),
    ("float", lambda i: i * 0.5, lambda i: i * 0.5),
    ("exp", T.exp, np.exp),
    ("less", lambda i: i < 1, lambda i: i < 1),
    ("less or equal", lambda i: i <= 1, lambda i: i <= 1),
    ("greater", lambda i: i > 1, lambda i: i > 1),
    ("greater or equal", lambda i: i >= 1, lambda i: i >= 1),
    ("equal", lambda i: T.eq(i, 1), lambda i: i == 1),
    ("not equal", lambda i: T.neq(i, 1), lambda i: i != 1),
    ("and", lambda i: (i > 0) & (i < 4), lambda i: (i > 0) & (i < 4)),
    ("or", lambda i: (i < 0) | T.eq(i, 5), lambda i: (i < 0) | (i == 5)),
    ("xor", lambda i: (i > 0) ^ (i < 4), lambda i: (i > 0) ^ (i < 4)),
    ("not", lambda i: ~(i > 0), lambda i: ~(i > 0)),
    ("isnan", lambda i: T.isnan(T.log(i * 1.0)), lambda i: i < 0),
    ("isinf", lambda i: T.isinf(1.0 / i), lambda i: i == 0),
    ("floor", lambda i: T.floor(i / 2), lambda i: np.floor(i / 2)),
    ("ceil", lambda i: T.ceil(i / 2), lambda i: np.ceil(i / 2)),
    ("round", lambda i: T.rounded(i / 2), lambda i: np.rint(i / 2)),
    ("sum", lambda i: i.sum(axis=0), lambda i: i.sum(axis=0)),
    ("mean", lambda i: i.mean(), lambda i: i.mean()),
    ("max", lambda i: i.max(axis=1), lambda i: i.max(axis=1)),
    ("argmax", lambda i: T.argmax(i, axis=1), lambda i: i.argmax(axis=1)),
    ("argmax of all", lambda i: i.argmax(), lambda i: i.argmax()),
    ("argmin", lambda i: i.argmin(axis=0, keepdims=True), lambda i: i.argmin(axis=0, keepdims=True)),
    ("any", lambda i: i.any(axis=0), lambda i: i.any(axis=0)),
    ("all", lambda i: i.all(axis=0), lambda i: i.all(axis=0)),
    ("arange", lambda i: T.arange(i[1, 0]), lambda i: np.arange(5)),
    ("arange by steps", lambda i: T.arange(i[0, 0], -3, -2), lambda i: np.arange(3, -3, -2)),
    ("repeat by a vector", lambda i: T.repeat(i, abs(i[0]), axis=1), lambda i: np.repeat(i, [3, 2, 0], axis=1)),
    ("symbolic repeat", lambda i: T.repeat(i, i[1, 1] + 1, axis=0), lambda i: np.repeat(i, 2, axis=0)),
    ("symbolic tile", lambda i: T.tile(i, (1, i[0, 0])), lambda i: np.tile(i, (1, 3))),
    ("shape", lambda i: T.stack(i.shape), lambda i: np.array(i.shape)),
    ("size", lambda i: i.size, lambda i: np.int64(i.size)),
    ("cast", lambda i: T.cast(i, "int8"), lambda i: i.astype("int8")),
]


@pytest.mark.parametrize(("build", "oracle"), [pytest.param(*case, id=name) for name, *case in WHOLE])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_whole_numbers_and_comparisons_are_numpys(device, build, oracle):
    assert_computes(device, build, oracle, INTEGERS, exact=True)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_other_dtypes_stay_what_they_are(device, dtype):
    x = (X + 1j * Y if dtype.startswith("complex") else X).astype(dtype)
    assert_computes(device, lambda x: x * 2 + 1, lambda x: x * 2 + 1, x, exact=True)
    assert_computes(device, lambda x: x.sum(axis=0).T, lambda x: x.sum(axis=0), x, exact=True)


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        (lambda x, i: x[:, i, :, i], (False, True, False)),
        (lambda x, i: x[:, :, i, i], (True, False, False)),
        (lambda x, i: x[:, i, i], (True, False, True)),
        (lambda x, i: x[:, i, 0], (True, False, True)),
        (lambda x, i: x[:, 0], (True, False, True)),
        (lambda x, i: x[0, :, None, ::2], (False, True, False, True)),
        (lambda x, i: x[0:1], (False, False, False, True)),
    ],
)
def test_parts_know_which_of_their_axes_stretch(key, pattern):
    x, i = T.tensor(dtype="float64", broadcastable=[True, False, False, True]), T.lvector("i")
    part = key(x, i)
    assert part.broadcastable == pattern
    found = T.function([x, i], part, device="cpu", on_unused_input="ignore")(np.zeros((1, 3, 3, 1)), np.array([0, 0]))
    assert found.ndim == len(pattern)
    assert all(n == 1 for n, b in zip(found.shape, pattern, strict=True) if b)


def test_functions_of_bytes_are_of_single_precision(device):
    bytes_ = np.arange(-3, 4, dtype="int8")
    assert_computes(device, T.exp, lambda i: np.exp(i.astype("float32")), bytes_, exact=True)
    assert_computes(device, lambda i: T.sqrt(abs(i)), lambda i: np.sqrt(abs(i).astype("float32")), bytes_, exact=True)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda x: T.split(x, [1, 1])[0], r"split\(x, 2\), built at .*expected 3 entries in all the parts; got 2"),
        (lambda x: T.split(x, [2, 2])[1], "expected 3 entries in all the parts; got 4"),
        (lambda x: T.repeat(x, [1, 2], axis=0), r"repeat\(.*built at .*test_graph_operations"),
        (lambda x: T.repeat(x, [1, 2, 3, 4], axis=0), r"repeat\(.*built at .*test_graph_operations"),
        (lambda x: T.repeat(x, -1, axis=0), r"repeat\(.*negative"),
    ],
)
def test_parts_and_repetitions_must_be_those_of_the_whole_axis(device, build, message):
    x = T.dmatrix("x")
    with pytest.raises(ValueError, match=message):
        T.function([x], build(x), device=device)(X)


def test_a_batch_of_nothing_keeps_its_other_axes(device):
    empty = Z[:0]
    for build, oracle in [
        (lambda z: z.flatten(2), lambda z: z.reshape(0, 12)),
        (lambda z: z.sum(axis=0), lambda z: z.sum(axis=0)),
        (lambda z: T.softmax(z.flatten(2)), lambda z: z.reshape(0, 12)),
        (lambda z: z[T.arange(z.shape[0]), 1], lambda z: z[:, 1]),
    ]:
        assert_computes(device, build, oracle, empty)
        assert_differentiates(device, build, empty)


@pytest.mark.parametrize("build", [lambda z: z.reshape((4, 6)), lambda z: z.flatten(2)])
def test_gradients_of_other_shapes_have_gradients(build):
    assert_differentiates("cpu", lambda z: T.grad(T.sum(build(z) ** 3 * T.sum(z)), z), Z)


def test_an_axis_may_be_a_number_of_numpys(device):
    axis = np.int64(1)
    assert_computes(device, lambda z: z.sum(axis=axis), lambda z: z.sum(axis=1), Z)
    assert_computes(device, lambda z: T.argmax(z, axis=axis), lambda z: z.argmax(axis=1), Z)
    assert_computes(device, lambda z: T.stack(T.split(z, [1, 2], axis)[:1]), lambda z: z[None, :, :1], Z)


def test_powers_of_zero_have_finite_slopes():
    x, n = np.zeros(4), np.arange(4.0)
    symbols = T.dvector("x"), T.dvector("n")
    slopes = T.function(symbols, T.grad(T.sum(symbols[0] ** symbols[1]), symbols), device="cpu")(x, n)
    assert [s.tolist() for s in slopes] == [[0, 1, 0, 0], [0, 0, 0, 0]]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_dot_follows_numpys_rules_for_any_ranks(data):
    k = data.draw(st.integers(1, 3))
    a = (*data.draw(st.lists(st.integers(1, 3), max_size=2)), k)
    before = data.draw(st.lists(st.integers(1, 3), max_size=2))
    b = (*before, k, data.draw(st.integers(1, 3))) if data.draw(st.booleans()) else (k,)
    arrays = normal(*a, seed=1), normal(*b, seed=2)
    assert_computes("cpu", T.dot, np.dot, *arrays)
    assert_differentiates("cpu", T.dot, *arrays)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_dimshuffle_is_a_transposition_with_new_axes(data):
    order = data.draw(st.permutations([0, 1, 2, "x", "x"]))
    kept = [axis for axis in order if axis != "x"]
    new = tuple(i for i, axis in enumerate(order) if axis == "x")
    x = normal(2, 3, 2)
    assert_computes("cpu", lambda x: x.dimshuffle(order), lambda x: np.expand_dims(x.transpose(kept), new), x)
    assert_differentiates("cpu", lambda x: x.dimshuffle(order), x)


def test_results_have_the_dtype_that_was_announced_whatever_the_librarys_rules():
    x, n = T.fvector("x"), T.lscalar("n")
    product = x * n
    assert product.dtype == "float64"
    older = SimpleNamespace(multiply=lambda x, n: x * int(n))  # a number beside an array has no say
    found = product.owner.op.prepare(product.owner, older)(np.ones(2, "float32"), np.int64(3))
    assert found.dtype == np.float64
    assert found.tolist() == [3, 3]
