"""Symbols, gradients and functions of the symbolic graph: what they promise, and what they refuse."""

import linecache
import re

import numpy as np
import pytest

from netlib import graph as T  # noqa: N812 - as Theano was imported
from netlib import ops
from netlib.backend import device_namespace, to_host
from netlib.graph.inputs import LETTERS, PLAIN, TYPED
from netlib.graph.nodes import Apply, Op, Place, Type, place
from netlib.graph.sorting import kahn

HERE = r"built at .*test_graph\.py:\d+"


def ops_of(function):
    return [str(step.node.op) for step in function.schedule.steps]


# Symbols


def test_typed_symbols_have_the_dtype_of_their_letter_and_the_axes_of_their_word():
    axes = {"scalar": (), "vector": (0,), "matrix": (0, 0), "row": (1, 0), "col": (0, 1)}
    axes |= {"tensor3": (0, 0, 0), "tensor4": (0, 0, 0, 0)}
    letters = {"b": "int8", "w": "int16", "i": "int32", "l": "int64"}
    letters |= {"f": "float32", "d": "float64", "c": "complex64", "z": "complex128"}
    assert letters == LETTERS
    assert len(TYPED) == 56
    for word, pattern in axes.items():
        for letter, dtype in letters.items():
            symbol = getattr(T, letter + word)("s")
            assert (symbol.dtype, symbol.name, symbol.ndim) == (dtype, "s", len(pattern))
            assert symbol.broadcastable == tuple(map(bool, pattern))
        assert getattr(T, word)("s", dtype="int8").dtype == "int8"
    assert "dmatrix" in dir(T)
    with pytest.raises(AttributeError, match="qmatrix"):
        _ = T.qmatrix


def test_floats_that_do_not_say_are_of_the_users_dtype(monkeypatch):
    assert T.matrix().dtype == T.as_variable(1.5).dtype == T.zeros(3).dtype == "float32"
    monkeypatch.setenv("NETLIB_DTYPE", "float64")
    assert T.matrix().dtype == T.as_variable(1.5).dtype == T.shared(0.5, device="cpu").dtype == "float64"
    assert set(PLAIN) == {"scalar", "vector", "matrix", "row", "col", "tensor3", "tensor4"}


@pytest.mark.parametrize(
    ("letter", "number", "dtype"),
    [
        ("f", 2.5, "float32"),
        ("f", 2, "float32"),
        ("d", 2, "float64"),
        ("l", 2, "int64"),
        ("l", 2.5, "float64"),
        ("b", 2, "int8"),
        ("f", np.float64(2), "float64"),
        ("c", 2.5, "complex64"),
    ],
)
def test_a_number_takes_the_dtype_of_what_it_is_used_with(letter, number, dtype):
    x = TYPED[letter + "vector"]()
    for result in (x + number, number + x, x * number, T.maximum(x, number) if letter != "c" else x - number):
        assert result.dtype == dtype


def test_a_symbol_is_neither_true_nor_a_sequence_and_keeps_its_identity():
    x = T.dvector("x")
    with pytest.raises(TypeError, match=rf"x \(float64 vector, {HERE}.*use where"):
        bool(x)
    with pytest.raises(TypeError, match="use scan"):
        list(x)
    assert x == x
    assert x != T.dvector("x")
    assert len({x, x, x + 1}) == 2


def test_an_array_on_the_left_leaves_arithmetic_to_the_symbol():
    x = T.dvector("x")
    assert isinstance(np.ones(3) * x, T.Variable)
    assert (np.ones(3) - x).eval({x: np.array([1.0, 2, 3])}).tolist() == [0, -1, -2]
    assert (np.ones((2, 3)) @ x).eval({x: np.array([1.0, 2, 3])}).tolist() == [6, 6]
    assert (2.0**x).eval({x: np.array([1.0, 2, 3])}).tolist() == [2, 4, 8]


@pytest.mark.parametrize("what", ["text", None, [1, "a"], np.array(["a"])])
def test_what_is_no_number_is_no_constant(what):
    with pytest.raises(TypeError, match="value: expected numbers"):
        T.as_variable(what)


def test_a_place_in_a_notebook_is_a_line_of_a_cell(tmp_path):
    assert str(Place("/tmp/ipykernel_123/456.py", 3)) == "a notebook cell, line 3"
    file = tmp_path / "net.py"
    file.write_text("x = 1\n")
    linecache.clearcache()
    assert str(Place(str(file), 1)) == f"{file}:1 (x = 1)"
    assert place().file == __file__


# Shared variables


def test_shared_values_are_copied_unless_borrowed(device):
    xp = device_namespace(device)
    mine = xp.asarray(np.arange(3.0))
    kept, borrowed = T.shared(mine, device=device), T.shared(mine, device=device, borrow=True)
    mine[0] = 7
    assert kept.get_value().tolist() == [0, 1, 2]
    assert borrowed.get_value().tolist() == [7, 1, 2]
    assert isinstance(kept.get_value(), np.ndarray)
    copy = kept.get_value()
    copy[0] = 9
    kept.get_value(borrow=True)[1] = 5
    assert kept.get_value().tolist() == [0, 5, 2]
    assert kept.get_value(borrow=True) is kept.get_value(borrow=True)
    kept.set_value(mine)
    mine[2] = -1
    assert kept.get_value().tolist() == [7, 1, 2]
    kept.set_value(mine, borrow=True)
    mine[2] = -2
    assert kept.get_value().tolist() == [7, 1, -2]
    kept.set_value([1, 2, 3, 4])
    assert kept.get_value().tolist() == [1, 2, 3, 4]


def test_shared_values_keep_their_dtype_and_axes():
    b = T.shared(np.zeros((1, 3)), "b", broadcastable=(True, False), device="cpu")
    assert b.broadcastable == (True, False)
    with pytest.raises(ValueError, match=rf"value: .*b \(float64 row, {HERE}.*got shape \(2, 3\)"):
        b.set_value(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"got shape \(3,\)"):
        b.set_value(np.zeros(3))
    with pytest.raises(TypeError, match=r"value: .*float64 row.*got complex128"):
        b.set_value(np.zeros((1, 3), complex))
    with pytest.raises(ValueError, match="broadcastable: expected 1"):
        T.shared(np.zeros(3), broadcastable=(True, False), device="cpu")
    with pytest.raises(ValueError, match=r"got shape \(3,\)"):
        T.shared(np.zeros(3), broadcastable=(True,), device="cpu")


@pytest.mark.parametrize("value", [T.as_variable(1.5), np.array(["a"]), np.array([None]), "text", None])
def test_only_numbers_are_shared(value):
    with pytest.raises(TypeError, match="value: expected numbers"):
        T.shared(value, device="cpu")


def test_whole_numbers_live_on_the_host_and_others_on_the_device(device):
    xp = device_namespace(device)
    n, a = T.shared(3, device=device), T.shared(np.float64(0.5), device=device)
    grow = T.function([], [a.dimshuffle("x") * T.ones(n, "float64")], updates=[(n, n + 1), (a, a * 2)])
    assert grow()[0].tolist() == [0.5, 0.5, 0.5]
    assert grow()[0].tolist() == [1, 1, 1, 1]
    assert isinstance(n.get_value(borrow=True), np.ndarray)
    assert isinstance(a.get_value(borrow=True), xp.ndarray)
    a.set_value(1.0)
    assert isinstance(a.get_value(borrow=True), xp.ndarray)


# Functions


@pytest.mark.parametrize("merge", [False, True])
def test_what_is_made_of_constants_alone_may_meet_arrays_of_the_device(merge, device):
    t = T.dscalar("t")
    fourth = T.exp(t) * t**3
    for _ in range(4):
        fourth = T.grad(fourth, t)  # the exponents of its powers are computed, and chosen by `where`
    slope = T.function([t], fourth, merge=merge, device=device)(2.0)
    assert float(slope) == pytest.approx(np.exp(2) * (8 + 12 * 4 + 36 * 2 + 24), rel=1e-12)


def test_updates_are_simultaneous_and_come_after_the_outputs(device):
    a, b = T.shared(np.array([1.0, 2]), "a", device=device), T.shared(np.array([3.0, 4]), "b", device=device)
    step = T.function([], [a, b.sum()], updates=[(a, b), (b, a + b)])
    assert [out.tolist() for out in step()] == [[1, 2], 7]
    assert [v.get_value().tolist() for v in (a, b)] == [[3, 4], [4, 6]]
    step()
    assert [v.get_value().tolist() for v in (a, b)] == [[4, 6], [7, 10]]


def test_two_shared_variables_never_come_to_share_memory(device):
    a, b = T.shared(np.zeros((2, 2)), device=device), T.shared(np.ones((2, 2)), device=device)
    x = T.dmatrix("x")
    given = np.full((2, 2), 5.0)
    T.function([x], updates={a: b.T, b: x})(given)
    given[:] = 0
    b.get_value(borrow=True)[0, 1] = 8
    assert a.get_value().tolist() == [[1, 1], [1, 1]]
    assert b.get_value().tolist() == [[5, 8], [5, 5]]
    T.function([], updates={a: a + 1, b: a + 1})()
    a.get_value(borrow=True)[0, 0] = -1
    assert b.get_value().tolist() == [[2, 2], [2, 2]]


def test_what_a_function_returns_is_the_callers():
    a = T.shared(np.zeros(3), device="cpu")
    x = T.dvector("x")
    given = np.ones(3)
    outputs = T.function([x], [a, x, x[1:], a, x + a, T.as_variable(np.ones(2))])
    for output in outputs(given):
        output += 5
    assert a.get_value().tolist() == [0, 0, 0]
    assert given.tolist() == [1, 1, 1]
    assert outputs(given)[-1].tolist() == [1, 1]


def test_what_is_borrowed_is_not_copied(device):
    xp = device_namespace(device)
    a = T.shared(np.zeros(3), device=device)
    assert T.function([], T.Out(a, borrow=True))() is a.get_value(borrow=True)
    assert isinstance(T.function([], T.Out(a + 1, borrow=True))(), xp.ndarray)
    x = T.dvector("x")
    given = xp.asarray(np.ones(3))
    T.function([T.In(x, borrow=True)], updates=[(a, x)], device=device)(given)
    assert a.get_value(borrow=True) is given
    T.function([T.In(x)], updates=[(a, x)], device=device)(given)
    assert a.get_value(borrow=True) is not given


def test_givens_are_put_in_place_all_at_once(device):
    x, y, i = T.dvector("x"), T.dvector("y"), T.lscalar("i")
    data = T.shared(np.arange(12.0), device=device)
    part = T.function([i], (x - y).sum(), givens={x: data[i * 3 : (i + 1) * 3], y: data[:3]})
    assert [part(n) for n in range(4)] == [0, 9, 18, 27]
    swap = T.function([x, y], x - y, givens=[(x, y), (y, x)], device=device)
    assert swap(np.array([1.0]), np.array([5.0])).tolist() == [4]
    z = T.exp(x)
    inner = T.function([x], z + z * 2, givens={z: x + 1}, device=device)
    assert inner(np.array([1.0])).tolist() == [6]
    assert ops_of(inner).count("exp") == 0
    n, s = T.lscalar("n"), T.fscalar("s")
    numbers = T.function([], s * n, givens={s: 0.5, n: 3}, device=device)
    assert numbers() == 1.5


def test_a_replacement_must_be_of_the_same_type():
    x, y = T.dvector("x"), T.dvector("y")
    with pytest.raises(TypeError, match=rf"expected something of the type of x .*{HERE}.*got m \(float64 matrix"):
        T.function([y], x + y, givens={x: T.dmatrix("m")})
    with pytest.raises(TypeError, match=r"got float32|got v"):
        T.function([y], x + y, givens={x: T.fvector("v")})
    one = T.as_variable(np.ones(1))
    assert T.function([y], x * y, givens={x: one}, device="cpu")(np.array([3.0])).tolist() == [3]
    with pytest.raises(TypeError, match=r"updates: .*got"):
        T.function([y], updates=[(T.shared(np.zeros(3, "f"), "w", device="cpu"), y)])


def test_inputs_come_in_order_by_name_or_by_default():
    x, y = T.dscalar("x"), T.dscalar("y")
    f = T.function([x, T.In(y, value=2)], x * 10 + y, device="cpu")
    assert f(1) == f(x=1) == 12
    assert f(1, 3) == f(1, y=3) == f(y=3, x=1) == 13
    g = T.function([T.In(x, name="height")], x, device="cpu", name="g")
    assert g(height=2) == 2
    for call, message in [
        (lambda: f(), "expected a value for x"),
        (lambda: f(1, 2, 3), "at most 2 inputs; got 3"),
        (lambda: f(1, z=2), "no input 'z'"),
        (lambda: f(1, x=2), "no input 'x'"),
        (lambda: g(x=2), r"function g\(height\): .*no input 'x'"),
    ]:
        with pytest.raises(TypeError, match=message):
            call()


@pytest.mark.parametrize(
    ("symbol", "value", "downcast", "accepted"),
    [
        (T.fvector, np.ones(2), None, False),
        (T.fvector, np.ones(2), True, True),
        (T.fvector, np.ones(2, "f"), False, True),
        (T.dvector, np.ones(2, "f"), False, True),
        (T.dvector, np.ones(2, int), None, True),
        (T.dvector, np.ones(2, "i4"), None, True),
        (T.fscalar, 0.1, None, True),
        (T.fscalar, 0.1, False, False),
        (T.fscalar, 3, None, True),
        (T.lscalar, 3, None, True),
        (T.lscalar, 3.5, None, False),
        (T.lscalar, 3.5, True, True),
        (T.bscalar, 300, None, False),
        (T.fvector, [1, 2], None, True),
        (T.fvector, [0.1, 2], None, False),
        (T.lvector, [1, 2], None, True),
        (T.dvector, [1j, 2], None, False),
        (T.dvector, np.array([1j, 2]), True, False),
        (T.dvector, np.array(["1", "2"]), True, False),
        (T.dvector, np.array([1, None]), True, False),
        (T.fvector, [np.nan, 2], None, True),
        (T.lvector, [np.nan, 2], None, False),
    ],
)
def test_inputs_lose_precision_only_where_that_is_allowed(symbol, value, downcast, accepted):
    x = symbol("x")
    f = T.function([x], x + 0, allow_input_downcast=downcast, device="cpu")
    if accepted:
        assert f(value).dtype == x.dtype
        np.testing.assert_array_equal(f(value), np.asarray(value).astype(x.dtype))
    else:
        with pytest.raises(TypeError, match=rf"expected (a value|numbers) for x .*{HERE}.*got "):
            f(value)


def test_inputs_of_another_shape_are_refused_by_name():
    m, r = T.dmatrix("m"), T.drow("r")
    f = T.function([m, r], m + r, device="cpu")
    with pytest.raises(ValueError, match=rf"for m \(float64 matrix, {HERE}.*shape \(3,\)"):
        f(np.ones(3), np.ones((1, 3)))
    with pytest.raises(ValueError, match=rf"for r \(float64 row, {HERE}.*shape \(2, 3\)"):
        f(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="lists of different lengths"):
        f([[1.0], [1.0, 2.0]], np.ones((1, 3)))
    with pytest.raises(TypeError, match="numbers for m"):
        f("text", np.ones((1, 3)))


def test_unused_inputs_are_an_error_a_warning_or_nothing():
    x, y = T.dscalar("x"), T.dscalar("y")
    with pytest.raises(ValueError, match=rf"depend on; got y \(float64 scalar, {HERE}"):
        T.function([x, y], x, device="cpu")
    with pytest.warns(UserWarning, match="got y"):
        T.function([x, y], x, on_unused_input="warn", device="cpu")
    assert T.function([x, y], x, on_unused_input="ignore", device="cpu")(1, 2) == 1
    with pytest.raises(ValueError, match="on_unused_input"):
        T.function([x], x, on_unused_input="no")


def test_missing_and_doubled_inputs_are_named():
    x, y = T.dscalar("x"), T.dscalar("y")
    with pytest.raises(ValueError, match=rf"expected y \(float64 scalar, {HERE}.*needed for multiply\(x, y\), {HERE}"):
        T.function([x], x * y)
    for inputs in ([x, x], [T.shared(0.0, device="cpu")]):
        with pytest.raises(ValueError, match="expected different variables"):
            T.function(inputs, x)
    with pytest.raises(TypeError, match="inputs: expected variables; got 3"):
        T.function([3], x)
    with pytest.raises(TypeError, match="updates: expected pairs"):
        T.function([x], updates=[(x, x)])
    w = T.shared(0.0, device="cpu")
    for pairs in ([(w, w, w)], (w, w + 1), "ab"):
        with pytest.raises(TypeError, match="updates: expected pairs"):
            T.function([], updates=pairs)
    with pytest.raises(ValueError, match="updates: expected each variable once"):
        T.function([], updates=[(w, w + 1), (w, w + 2)])


def test_outputs_come_as_they_were_asked_for():
    x = T.dscalar("x")
    assert T.function([x], [x, x + 1], device="cpu")(1) == [1, 2]
    assert T.function([x], (x,), device="cpu")(1) == [1]
    assert T.function([x], device="cpu", on_unused_input="ignore")(1) is None
    assert isinstance(T.function([x], x + 1, device="cpu")(1), np.ndarray)


def test_shared_variables_of_two_devices_do_not_meet(install_cupy):
    install_cupy()
    a, b = T.shared(0.0, device="cpu"), T.shared(0.0, device="gpu")
    with pytest.raises(ValueError, match=r"device: .*numpy and cupy|device: .*cupy and numpy"):
        T.function([], a + b)


def test_an_error_in_a_step_names_the_node_and_where_it_was_built(device):
    x, w = T.dmatrix("x"), T.shared(np.ones((3, 2)), "w", device=device)
    z = T.dot(x, w)
    cost = T.sum(z + T.dvector("b"))
    f = T.function([x], z)
    with pytest.raises(ValueError, match=rf"tensordot\(x, w\), {HERE} \(z = T\.dot\(x, w\)\): .*float64 \(2, 4\)"):
        f(np.ones((2, 4)))
    b = T.dvector("b")
    g = T.function([x, b], x + b, device=device)
    with pytest.raises(ValueError, match=rf"add\(x, b\), {HERE}"):
        g(np.ones((2, 4)), np.ones(3))
    i = T.lscalar("i")
    if device == "cpu":
        with pytest.raises(IndexError, match=rf"index\(x, i\), {HERE}"):
            T.function([x, i], x[i], device=device)(np.ones((2, 4)), 5)
    assert cost.ndim == 0


def test_an_error_on_the_way_back_names_the_line_of_the_way_forward(device):
    x, w, g = T.dvector("x"), T.dvector("w"), T.dvector("g")
    product = x * w
    slope = T.grad(None, x, known_grads={product: g})
    f = T.function([w, g], slope, device=device)
    with pytest.raises(ValueError, match=rf"multiply\(g, w\), {HERE} \(product = x \* w\)"):
        f(np.ones(3), np.ones(2))


def test_an_axis_of_length_one_stretches_only_if_its_type_says_so(device):
    x, y = T.dmatrix("x"), T.dmatrix("y")
    f = T.function([x, y], x + y, device=device)
    with pytest.raises(ValueError, match=rf"add\(x, y\), {HERE}.*no axis is broadcastable; got \(1, 3\) and \(2, 3\)"):
        f(np.ones((1, 3)), np.ones((2, 3)))
    r = T.drow("r")
    assert T.function([r, y], r + y, device=device)(np.ones((1, 3)), np.ones((2, 3))).shape == (2, 3)
    assert T.function([r, y], T.unbroadcast(r) + y, device=device)(np.ones((1, 3)), np.ones((1, 3))).shape == (1, 3)


# The schedule


def test_kahns_sort_puts_everyone_behind_what_they_need():
    needs = {"f": "de", "e": "b", "d": "ab", "c": "", "b": "a", "a": ""}
    order = kahn(needs, needs.__getitem__)
    assert sorted(order) == sorted(needs)
    assert all(order.index(other) < order.index(node) for node, those in needs.items() for other in those)


def test_a_cycle_is_named_with_all_its_nodes():
    needs = {"a": "b", "b": "c", "c": "a", "d": "", "e": "ad"}
    with pytest.raises(T.CycleError) as error:
        kahn(needs, needs.__getitem__)
    assert set(re.findall(r"\b[a-e]\b", str(error.value).partition(": ")[2])) == set("abc")


def test_a_cycle_that_somebody_made_by_hand_is_found(device):
    x = T.dscalar("x")
    y = x + 1
    z = y * 2
    y.owner.inputs = (z, y.owner.inputs[1])
    z.name = "z"
    with pytest.raises(T.CycleError, match=rf"(?s)add\(.*{HERE}.*multiply\(.*{HERE}|multiply\(.*{HERE}.*add\("):
        T.function([x], z)


def test_common_subexpressions_are_computed_once_and_dead_ones_not_at_all():
    x = T.dvector("x")
    y = T.exp(x) + T.exp(x) * 2 + T.log(x) * 0
    merged = T.function([x], [T.exp(x) + T.exp(x) * 2, T.exp(x)], device="cpu")
    assert sorted(ops_of(merged)) == ["add", "exp", "multiply"]
    plain = T.function([x], [T.exp(x) + T.exp(x) * 2, T.exp(x)], device="cpu", merge=False)
    assert sorted(ops_of(plain)) == ["add", "exp", "exp", "exp", "multiply"]
    given = np.array([0.5, 1.5])
    for a, b in zip(merged(given), plain(given), strict=True):
        np.testing.assert_array_equal(a, b)
    assert "log" in ops_of(T.function([x], y, device="cpu"))
    assert ops_of(T.function([x], [(T.log(x) + 1).shape[0]], device="cpu")) == ["log", "add", "length"]


def test_equal_constants_are_one_and_different_ones_are_not():
    x = T.dvector("x")
    f = T.function([x], (x + 2) * (x + 2.0) * (x + 3) - T.cast(x, "float32") * 2, device="cpu")
    assert ops_of(f).count("add") == 2
    assert f(np.array([1.0])).tolist() == [34]


def test_what_is_constant_is_computed_beforehand(device):
    x = T.dvector("x")
    y = x * T.exp(T.as_variable(np.array([1.0, 2])).sum() - 3) + T.arange(4)[1:3]
    f = T.function([x], y, device=device)
    assert ops_of(f) == ["multiply", "add"]
    assert f(np.ones(2)).tolist() == [2, 3]
    assert "exp" in ops_of(T.function([x], y, device=device, merge=False))
    fixed = T.function([], [T.arange(3) * 1.0, T.arange(3)], device=device)
    first = fixed()
    for part in first:
        part += 1
    assert [part.tolist() for part in fixed()] == [[0, 1, 2], [0, 1, 2]]
    with pytest.raises(ValueError, match=rf"reshape\(.*\), {HERE}"):
        T.function([], T.arange(3).reshape((2, 2)), device=device)


def test_a_chain_of_thousands_of_nodes_is_no_deeper_than_a_short_one(device):
    x = y = T.dvector("x")
    for i in range(3000):
        y = T.sin(y) if i % 2 else y * 0.5 + x
    cost = T.sum(y)
    z = T.dvector("z")
    f = T.function([z], [cost, T.grad(cost, x)], givens={x: z / 1}, device=device)
    value, slope = f(np.ones(1))
    h = 1e-6
    assert slope[0] == pytest.approx((f(np.full(1, 1 + h))[0] - f(np.full(1, 1 - h))[0]) / (2 * h), rel=1e-6)
    assert len(T.seen(cost, {x: np.ones(1)}, device=device)) > 6000
    assert np.isfinite(value)


def test_what_is_not_needed_any_more_is_let_go():
    x = T.dvector("x")
    a = T.exp(x)
    b = a + 1
    f = T.function([x], [b * 2, a], device="cpu")
    spent = {str(step.node.op): len(step.spent) for step in f.schedule.steps}
    assert spent == {"exp": 1, "add": 0, "multiply": 1}


# Gradients


def test_gradients_are_added_where_paths_meet(device):
    x = T.dscalar("x")
    y = x * x
    cost = y * x + T.sin(y) + x
    slope = T.function([x], T.grad(cost, x), device=device)
    assert slope(1.5) == pytest.approx(3 * 1.5**2 + 2 * 1.5 * np.cos(1.5**2) + 1, rel=1e-14)
    assert T.function([x], T.grad(cost, y), device=device)(1.5) == pytest.approx(1.5 + np.cos(1.5**2), rel=1e-14)


def test_gradients_are_graphs_that_have_gradients():
    x = T.dscalar("x")
    first = T.grad(T.exp(x) * x**3, x)
    second = T.grad(first, x)
    assert T.function([x], second, device="cpu")(1.0) == pytest.approx(13 * np.e, rel=1e-14)


def test_one_or_several_gradients_have_the_types_of_what_they_are_taken_by():
    x, r, f = T.dmatrix("x"), T.drow("r"), T.fmatrix("f")
    cost = T.sum(x * r + f)
    alone = T.grad(cost, x)
    assert isinstance(alone, T.Variable)
    found = T.grad(cost, [x, r, f])
    assert [g.type for g in found] == [x.type, r.type, f.type]
    arrays = np.ones((3, 2)), np.ones((1, 2)), np.ones((3, 2), "f")
    values = T.function([x, r, f], found[1], device="cpu")(*arrays)
    assert values.tolist() == [[3, 3]]


def test_what_does_not_influence_the_cost_is_an_error_a_warning_or_zeros():
    x, y = T.dvector("x"), T.dvector("y")
    cost = T.sum(x)
    with pytest.raises(T.DisconnectedError, match=rf"wrt: .*got y \(float64 vector, {HERE}"):
        T.grad(cost, [x, y])
    with pytest.warns(UserWarning, match="got y"):
        T.grad(cost, y, disconnected_inputs="warn")
    zeros = T.grad(cost, y, disconnected_inputs="ignore")
    assert T.function([y], zeros, device="cpu")(np.ones(2)).tolist() == [0, 0]
    for cost in (T.sum(x * y.shape[0]), T.sum(T.zeros_like(y)), T.sum(x * y[T.arange(0)].shape[0])):
        with pytest.raises(T.DisconnectedError):
            T.grad(cost, y)


def test_constants_by_request_and_known_gradients():
    x = T.dscalar("x")
    y = x * x
    assert T.function([x], T.grad(y * x, x, consider_constant=[y]), device="cpu")(3.0) == 9
    z = T.exp(x)
    slope = T.grad(None, x, known_grads={z: 2.0, y: 1.0})
    assert T.function([x], slope, device="cpu")(3.0) == pytest.approx(2 * np.exp(3) + 6, rel=1e-14)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda x: T.sum(T.floor(x) * 2), "floor"),
        (lambda x: T.sum(T.ceil(x)), "ceil"),
        (lambda x: T.sum(T.rounded(x)), "round"),
        (lambda x: T.mean(T.neq(x, 1)), "neq"),
        (lambda x: T.argmax(x) * 0.5, "argmax"),
        (lambda x: T.sum(T.cast(x, "int64") * 1.0), "cast"),
        (lambda x: T.sum(T.cast(x, "complex128")).astype("float64"), "cast"),
    ],
)
def test_what_has_no_gradient_is_named(make, name):
    x = T.dvector("x")
    cost = make(x)
    with pytest.raises(T.NotDifferentiableError, match=rf"{name}\(.*{HERE}"):
        T.grad(cost, x)


@pytest.mark.parametrize(
    ("cost", "wrt", "message"),
    [
        (lambda x, i: x, lambda x, i: x, "cost: expected a float of no axes; got x"),
        (lambda x, i: i.sum(), lambda x, i: x, "cost: expected a float"),
        (lambda x, i: x.sum(), lambda x, i: i, "wrt: expected variables of floats; got i"),
        (lambda x, i: x.sum(), lambda x, i: [3], "wrt: expected variables of floats; got 3"),
        (lambda x, i: 3, lambda x, i: x, "cost: expected a float of no axes; got 3"),
    ],
)
def test_only_numbers_have_gradients_and_only_by_floats(cost, wrt, message):
    x, i = T.dvector("x"), T.lvector("i")
    with pytest.raises(TypeError, match=message):
        T.grad(cost(x, i), wrt(x, i))


@pytest.mark.parametrize(("kind", "winners"), [(T.maximum, [1, 1, 0]), (T.minimum, [1, 0, 1])])
def test_both_of_two_equal_numbers_are_the_larger(kind, winners):
    x, y = T.dvector("x"), T.dvector("y")
    slope = T.function([x, y], T.grad(T.sum(kind(x, y)), x), device="cpu")
    assert slope(np.array([2.0, 5, 1]), np.array([2.0, 3, 4])).tolist() == winners


def test_at_kinks_and_ties_slopes_are_finite():
    x = T.dvector("x")
    slope = T.function([x], [T.grad(T.sum(f), x) for f in (abs(x), T.relu(x), x**3, x.max())], device="cpu")
    assert [s.tolist() for s in slope(np.zeros(2))] == [[0, 0], [0, 0], [0, 0], [1, 1]]


def test_an_operation_of_ones_own_is_checked_like_the_others(device):
    class Thrice(Op):
        def types(self, x):
            return [x.type]

        def perform(self, xp, x):
            return xp.multiply(x, 3)

    x = T.dscalar("x")
    y = Thrice()(x)
    assert isinstance(y.owner, Apply)
    assert y.type == Type("float64", ())
    assert T.function([x], y, device=device)(2) == 6
    with pytest.raises(T.NotDifferentiableError, match=rf"thrice\(x\), {HERE}"):
        T.grad(y, x)


# Evaluation, and masks


def test_eval_and_symbolic_shapes(device, monkeypatch):
    monkeypatch.setenv("NETLIB_DEVICE", device)
    x = T.dmatrix("x")
    given = {x: np.ones((3, 4))}
    assert (x * 2).sum().eval(given) == 24
    assert T.dot(x, x.T).shape.eval(given) == (3, 3)
    assert T.tensor4("i").dimshuffle(0, "x", 1, 2, 3).shape[1] == 1
    assert T.shape(x.dimshuffle(0, "x", 1)).eval(given) == (3, 1, 4)
    assert T.as_variable(3).eval() == 3
    y = x + 1
    y.eval(given)
    (kept,) = vars(y)["_evaluators"].values()
    y.eval({x: np.zeros((1, 1))})
    assert list(vars(y)["_evaluators"].values()) == [kept]


def test_a_stream_draws_anew_in_every_call_and_again_when_told(device):
    stream = T.RandomStreams(5, device=device)
    n = T.lscalar("n")
    one, two = stream.dropout_mask((3, n), 0.4), stream.dropout_mask((3, n), 0.4)
    draw = T.function([n], [one, two])
    first, second = draw(50), draw(50)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], second[0])
    for step, masks in enumerate((first, second)):
        for place_, mask in enumerate(masks):
            np.testing.assert_array_equal(mask, ops.dropout_mask(np, (3, 50), 0.4, seed=5, place=place_, step=step))
    again = T.RandomStreams(5, device=device)
    same = T.function([], [again.dropout_mask((3, 50), 0.4) for _ in range(2)])
    for masks in (first, second):
        np.testing.assert_array_equal(same(), masks)
    stream.step.set_value(0)
    np.testing.assert_array_equal(draw(50)[0], first[0])
    assert stream.step.get_value() == 1
    other = T.function([n], one, updates={stream.step: stream.step + 10})
    other(50)
    assert stream.step.get_value() == 11


def test_what_updates_itself_may_use_another_that_does():
    a, b = T.shared(0, "a", device="cpu"), T.shared(1, "b", device="cpu")
    a.default_update, b.default_update = a + b, b * 2
    f = T.function([], a)
    assert [f() for _ in range(4)] == [0, 1, 3, 7]
    assert b.get_value() == 16


def test_binomial_is_one_with_its_probability():
    stream = T.RandomStreams(1, device="cpu")
    draws = T.function([], stream.binomial(size=(100, 100), p=0.8, dtype="float32"))()
    assert draws.dtype == np.float32
    assert set(np.unique(draws)) == {0, 1}
    assert draws.mean() == pytest.approx(0.8, abs=0.02)
    with pytest.raises(ValueError, match="n: expected 1"):
        stream.binomial((2,), n=3)
    with pytest.raises(ValueError, match="p_dropout"):
        stream.dropout_mask((2,), 1.0)


def test_masks_that_are_not_used_do_not_count():
    stream = T.RandomStreams(1, device="cpu")
    x = T.dvector("x")
    dropped = T.dropout(x, stream.dropout_mask(x.shape, 0.5))
    assert T.function([x], x, givens={dropped: x})(np.ones(3)).tolist() == [1, 1, 1]
    assert T.function([x], dropped * 2, givens={dropped: x})(np.ones(3)).tolist() == [2, 2, 2]
    assert stream.step.get_value() == 0
    assert isinstance(to_host(stream.step.value), np.ndarray | np.generic)


# What cannot be built is refused where it is written


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda x, z: x.dimshuffle(0), ValueError, r"pattern: .*x \(float64 matrix.*\[1\] are missing"),
        (lambda x, z: x.dimshuffle(0, 0, 1), ValueError, "pattern: expected different axes"),
        (lambda x, z: x.transpose(0, 0), ValueError, "axes: expected every axis"),
        (lambda x, z: x.sum(axis=2), ValueError, "axis: .*got 2"),
        (lambda x, z: x.sum(axis=(0, 0)), ValueError, "axis: .*different"),
        (lambda x, z: x[0, 0, 0], IndexError, "at most 2 indices.*got 3"),
        (lambda x, z: x[..., ...], IndexError, "at most one"),
        (lambda x, z: x[1.5], TypeError, "key: expected whole numbers"),
        (lambda x, z: x[x], TypeError, "key: expected whole numbers"),
        (lambda x, z: x[x.sum() :], TypeError, "key: expected whole numbers"),
        (lambda x, z: x.reshape((-1, -1)), ValueError, "lengths: expected at most one -1"),
        (lambda x, z: x.reshape((2.5, 1)), TypeError, "lengths: expected whole numbers"),
        (lambda x, z: x.reshape(T.lvector()), ValueError, "lengths: .*number of entries"),
        (lambda x, z: x.flatten(3), ValueError, "ndim: expected 1 to 2"),
        (lambda x, z: T.concatenate([x, x[0]]), ValueError, "concatenate: expected arrays with the same axes"),
        (lambda x, z: T.stack([x, x[0]]), ValueError, "stack: expected arrays with the same axes"),
        (lambda x, z: T.stack([]), ValueError, "stack: expected at least one"),
        (lambda x, z: T.concatenate([]), ValueError, "concatenate: expected at least one"),
        (lambda x, z: T.split(x, [4, -1]), ValueError, "sizes: expected no negative"),
        (lambda x, z: T.repeat(x, 1.5, axis=0), TypeError, "times: expected a whole number or a vector"),
        (lambda x, z: T.argmax(x, axis=(0, 1)), TypeError, r"axis: expected one axis of x .*got \(0, 1\)"),
        (lambda x, z: T.softmax(x, axis=None), TypeError, "axis: expected one axis of x .*got None"),
        (lambda x, z: T.tensordot(x, x, 3), ValueError, "axes: expected pairs"),
        (lambda x, z: T.tensordot(x, x, ([0], [0, 1])), ValueError, "axes: expected pairs"),
        (lambda x, z: T.conv2d(x, x), ValueError, "x: expected four axes"),
        (lambda x, z: T.conv2d(z, z.astype("float32")), TypeError, "conv2d: expected floats of one dtype"),
        (lambda x, z: T.conv2d(z, z, border_mode="same"), ValueError, "border_mode: expected one of"),
        (lambda x, z: T.conv2d(z, z, subsample=0), ValueError, "subsample: .*got 0"),
        (lambda x, z: T.pool_2d(z, 2, mode="mean"), ValueError, "mode: expected one of"),
        (lambda x, z: T.pool_2d(z, 0), ValueError, "ws: .*got 0"),
        (lambda x, z: T.dropout(x, x), TypeError, "mask: expected one of bools"),
        (lambda x, z: ~x, TypeError, "invert: expected numbers that it is defined for; got x"),
        (lambda x, z: T.full((2,), x), TypeError, "value: expected a number"),
        (lambda x, z: T.arange(x), TypeError, "arange: expected numbers"),
        (lambda x, z: T.tensor(dtype="U3"), TypeError, "dtype: expected one of numbers"),
    ],
)
def test_what_cannot_be_built_is_refused_at_once(build, error, message):
    with pytest.raises(error, match=message):
        build(T.dmatrix("x"), T.dtensor4("z"))
