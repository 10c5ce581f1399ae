"""Loops as symbols against the same loops unrolled, and their gradients against central differences."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlib import graph as T  # noqa: N812 - as Theano was imported
from netlib import ops
from tests.symbols import assert_computes, assert_differentiates, normal, symbol_for


def step(x, h, w, u):
    return T.tanh(T.dot(x, w) + T.dot(h, u))


def recurrent(x, h, w, u, **options):
    return T.scan(step, sequences=x, outputs_info=h, non_sequences=[w, u], **options)[0]


def unrolled(x, h, w, u, backwards=False, n_steps=None):
    states = []
    for entry in list(x[::-1] if backwards else x)[:n_steps]:
        h = np.tanh(entry @ w + h @ u)
        states.append(h)
    return np.array(states)


ARRAYS = normal(5, 2, 3, seed=1), normal(2, 4, seed=2), normal(3, 4, seed=3) / 2, normal(4, 4, seed=4) / 2


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("n_steps", [None, 1, 3])
def test_a_recurrent_network_is_the_unrolled_loop(device, backwards, n_steps):
    def build(*symbols):
        return recurrent(*symbols, go_backwards=backwards, n_steps=n_steps)

    assert_computes(device, build, lambda *arrays: unrolled(*arrays, backwards, n_steps), *ARRAYS)
    assert_differentiates(device, build, *ARRAYS)


@pytest.mark.parametrize("k", [1, 3, 5, 9])
def test_a_truncated_gradient_goes_back_so_many_steps_from_the_last(device, k):
    symbols = [symbol_for(a, name) for a, name in zip(ARRAYS, "xhwu", strict=True)]
    last = recurrent(*symbols, truncate_gradient=k)[-1]
    found = T.function(symbols, T.grad(T.sum(last), symbols), device=device)(*ARRAYS)

    x, h, w, u = symbols  # the same, unrolled, with the state before the last k steps held constant
    states = [h]
    for t in range(5):
        states.append(step(x[t], states[-1], w, u))
    held = states[: max(0, 5 - k) + 1] if k < 5 else []
    cost = T.sum(states[-1])
    expected = T.grad(cost, symbols, consider_constant=held, disconnected_inputs="ignore")
    for mine, theirs in zip(found, T.function(symbols, expected, device=device)(*ARRAYS), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-14)


def test_only_what_a_cost_reads_of_a_loop_matters(device):
    def both(x, a, b):
        return a * x + b, T.sin(b) * a, a * b

    def build(x, a, b):
        (first, _, third), _ = T.scan(both, x, [a, b, None])
        return T.sum(first[2]) + T.sum(third[1:3] ** 2)

    assert_differentiates(device, build, normal(4), normal(3, seed=1), normal(3, seed=2))
    assert_differentiates(device, lambda x, a, b: T.scan(both, x, [a, b, None])[0][1], *map(normal, (4, 3, 3)))


def test_powers_by_repeated_multiplication(device):
    def build(a):
        return T.scan(lambda before, a: before * a, None, T.ones_like(a), a, n_steps=3)[0][-1]

    assert_computes(device, build, lambda a: a**3, normal(4))
    assert_differentiates(device, build, normal(4))


def test_a_polynomial_by_coefficients_and_exponents(device):
    def build(c, x):
        terms, updates = T.scan(lambda c, n, x: c * x**n, [c, T.arange(100)], None, x)
        assert updates == {}
        return terms.sum()

    c, x = np.array([1.0, -2, 3, 0.5]), np.array(1.7)
    assert_computes(device, build, lambda c, x: np.polynomial.polynomial.polyval(x, c), c, x)
    assert_differentiates(device, build, c, x)


def test_two_nested_loops_are_one_over_repeated_and_tiled_indices(device):
    def build(x, y):
        i = T.repeat(T.arange(x.shape[0]), y.shape[0])
        j = T.tile(T.arange(y.shape[0]), x.shape[0])
        products = T.scan(lambda i, j, x, y: x[i] * T.sin(y[j]), [i, j], None, [x, y])[0]
        return products.reshape((x.shape[0], y.shape[0]))

    def loops(x, y):
        result = np.zeros((len(x), len(y)))
        for i in range(len(x)):
            for j in range(len(y)):
                result[i, j] = x[i] * np.sin(y[j])
        return result

    assert_computes(device, build, loops, normal(3), normal(4, seed=1))
    assert_differentiates(device, build, normal(3), normal(4, seed=1))


def test_a_loop_in_a_loop(device):
    def build(x):
        def row(values):
            return T.scan(lambda v, total: total + v**2, values, T.as_variable(np.float64(0)))[0][-1]

        return T.scan(row, x)[0]

    assert_computes(device, build, lambda x: (x**2).sum(axis=1), normal(3, 4))
    assert_differentiates(device, build, normal(3, 4))


def test_taps_reach_further_back(device):
    def build(first):
        info = {"initial": first, "taps": [-2, -1]}
        return T.scan(lambda two, one: two + 0.5 * one, None, info, n_steps=6)[0]

    def loops(first):
        values = list(first)
        for _ in range(6):
            values.append(values[-2] + 0.5 * values[-1])
        return np.array(values[2:])

    assert_computes(device, build, loops, np.array([1.0, 1.5]))
    assert_differentiates(device, build, np.array([1.0, 1.5]))

    def differences(x):
        return T.scan(lambda before, now: now - before, {"input": x, "taps": [-1, 0]})[0]

    assert_computes(device, differences, np.diff, normal(5))
    assert_differentiates(device, differences, normal(5))


def test_updates_of_shared_variables_come_out_of_the_loop(device):
    count, total = T.shared(0, "count", device=device), T.shared(np.zeros(2), "total", device=device)
    x = T.dmatrix("x")

    def walk(row):
        return total.sum() + count, {count: count + 2, total: total + row}

    outputs, updates = T.scan(walk, x)
    assert set(updates) == {count, total}
    run = T.function([x], outputs, updates=updates)
    rows = np.arange(6.0).reshape(3, 2)
    assert run(rows).tolist() == [0, 3, 10]
    assert count.get_value() == 6
    assert total.get_value().tolist() == [6, 9]
    nothing, updates = T.scan(lambda: {count: count + 1}, n_steps=4)
    assert nothing == []
    T.function([], updates=updates)()
    assert count.get_value() == 10


def test_each_step_of_a_loop_can_draw_a_mask_of_its_own(device):
    stream = T.RandomStreams(3, device=device)
    masks, updates = T.scan(lambda: (stream.dropout_mask((4, 5), 0.5), {stream.step: stream.step + 1}), n_steps=3)
    first = T.function([], masks, updates=updates)()
    alone = T.RandomStreams(3, device=device)
    draw = T.function([], alone.dropout_mask((4, 5), 0.5))
    np.testing.assert_array_equal(first, [draw() for _ in range(3)])
    assert stream.step.get_value() == 3


def test_masks_that_a_step_draws_are_new_in_every_step(device):
    stream, still = T.RandomStreams(3, device=device), T.RandomStreams(4, device=device)
    held = still.dropout_mask((4,), 0.5)
    x, h = T.dmatrix("x"), T.dvector("h")

    def step(x, h, held):
        return T.dropout(h * x, stream.dropout_mask((4,), 0.5)) + T.dropout(x, held)

    states, updates = T.scan(step, x, h, held)
    assert set(updates) == {stream.step}
    f = T.function([x, h], [states, T.grad(T.sum(states[-1]), h)], updates=updates)
    arrays = np.abs(normal(3, 4)) + 1, np.ones(4)
    found, slope = f(*arrays)
    fixed = ops.dropout_mask(np, (4,), 0.5, seed=4, place=0, step=0)
    expected, product = [arrays[1]], 1
    for t in range(3):
        mask = ops.dropout_mask(np, (4,), 0.5, seed=3, place=0, step=t)
        expected.append(expected[-1] * arrays[0][t] * mask + arrays[0][t] * fixed)
        product = product * arrays[0][t] * mask
    np.testing.assert_allclose(found, expected[1:], rtol=1e-14)
    np.testing.assert_allclose(slope, product, rtol=1e-14)
    assert (stream.step.get_value(), still.step.get_value()) == (3, 1)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("taps", [[-1], [1], -2, [2], 0, [-1, -2], [1, -1], [0, 2]], ids=str)
def test_taps_of_a_sequence_stand_where_the_step_does(device, taps, backwards):
    offsets = taps if isinstance(taps, list) else [taps]

    def build(x):
        sequence = {"input": x, "taps": taps}
        return T.scan(lambda *parts: T.stack(parts), sequence, go_backwards=backwards)[0]

    def loops(x):
        steps = [t for t in range(len(x)) if all(0 <= t + k < len(x) for k in offsets)]
        return np.array([[x[t + k] for k in offsets] for t in (steps[::-1] if backwards else steps)])

    assert_computes(device, build, loops, normal(5))
    assert_differentiates(device, build, normal(5))


def test_a_sequence_shorter_than_its_taps_reach_has_no_steps(device):
    x = T.dvector("x")
    for taps in ([-3], [3], [-2, 2]):
        loop = T.function([x], T.scan(lambda *parts: parts[0], {"input": x, "taps": taps})[0], device=device)
        with pytest.raises(ValueError, match="n_steps: expected at least 1 where results are stacked; got 0"):
            loop(np.ones(2))


def test_what_does_not_change_in_a_loop_is_computed_before_it():
    x, w = T.dvector("x"), T.dmatrix("w")
    states = T.scan(lambda h: T.tanh(T.dot(T.exp(w), h)), None, x, n_steps=5)[0]
    f = T.function([x, w], states, device="cpu")
    (loop,) = [s.node.op for s in f.schedule.steps if str(s.node.op) == "scan"]
    assert "exp" in [str(s.node.op) for s in f.schedule.steps]
    assert [str(v.owner.op) for v in loop.news] == ["tanh"]
    assert len(loop.constants) == 1


def test_a_loop_of_no_steps_leaves_nothing():
    x = T.dvector("x")
    states = T.scan(lambda h: h * 2, None, x, n_steps=T.as_variable(0))[0]
    assert T.function([x], states, device="cpu")(np.ones(3)).shape == (0, 3)


def test_a_recurrent_toy_learns_to_remember(device):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 20, 1)), None
    y = x[0, :, 0]  # what came first is asked for at the end
    shapes = [(1, 8), (8, 8), (8,)]
    params = [T.shared(0.5 * rng.standard_normal(s), device=device) for s in shapes]
    w, u, v = params
    inputs, target = T.dtensor3("inputs"), T.dvector("target")
    states, _ = T.scan(step, inputs, T.zeros((inputs.shape[1], 8), "float64"), [w, u])
    cost = T.mean((T.dot(states[-1], v) - target) ** 2)
    updates = [(p, p - 0.1 * g) for p, g in zip(params, T.grad(cost, params), strict=True)]
    train = T.function([inputs, target], cost, updates=updates)
    costs = [train(x, y) for _ in range(300)]
    assert costs[-1] < 0.1 * costs[0]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_small_loop_is_the_unrolled_one(data):
    length, n, backwards = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4), st.booleans()))
    n = min(n, length)
    arrays = normal(length, 1, 2, seed=length), normal(1, 2), normal(2, 2, seed=1), normal(2, 2, seed=2)

    def build(*symbols):
        return recurrent(*symbols, go_backwards=backwards, n_steps=n)

    assert_computes("cpu", build, lambda *a: unrolled(*a, backwards, n), *arrays)
    assert_differentiates("cpu", build, *arrays)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda x: T.scan(lambda v: v, T.dscalar("s")), ValueError, "sequences: .*first axis; got s"),
        (lambda x: T.scan(lambda: x), ValueError, "n_steps: .*neither"),
        (
            lambda x: T.scan(lambda v: v, {"input": x, "tap": [-1]}),
            ValueError,
            "sequences: expected an input, and taps",
        ),
        (lambda x: T.scan(lambda v: v, {"taps": [-1]}), ValueError, "sequences: expected an input, and taps"),
        (lambda x: T.scan(lambda v: v, {"input": x, "taps": [0.5]}), ValueError, "taps that are whole numbers"),
        (lambda x: T.scan(lambda: x, n_steps=x), TypeError, "n_steps: expected a whole number; got x"),
        (lambda x: T.scan(lambda v, h: (v, h), x, x), ValueError, "outputs_info: .*2 outputs; got 1"),
        (lambda x: T.scan(lambda v, h: h, x, [x, None]), ValueError, "outputs_info: .*1 outputs; got 2"),
        (lambda x: T.scan(lambda v, h: h > 0, x, x), TypeError, r"outputs_info: .*got "),
        (lambda x: T.scan(lambda v, h: h[0], x, x), TypeError, "outputs_info: .*unlike its first value"),
        (lambda x: T.scan(lambda v: v, x, truncate_gradient=0), ValueError, "truncate_gradient: .*got 0"),
        (lambda x: T.scan(lambda v: ({}, {x: v}), x), TypeError, "fn's updates: expected a SharedVariable"),
        (lambda x: T.scan(lambda v: v, None, {"initial": x, "taps": [0]}, n_steps=2), ValueError, "taps"),
        (
            lambda x: T.scan(lambda a, b: a, None, {"initial": x[0], "taps": [-2, -1]}, n_steps=2),
            ValueError,
            "expected 2 first values",
        ),
    ],
)
def test_loops_that_cannot_be_are_refused_at_once(build, error, message):
    with pytest.raises(error, match=message):
        build(T.dvector("x"))


def test_errors_within_a_loop_name_the_node_and_where_it_was_built(device):
    x, h = T.dmatrix("x"), T.dvector("h")
    states = T.scan(lambda row, h: h + row, x, h)[0]
    f = T.function([x, h], states, device=device)
    with pytest.raises(
        ValueError, match=r"scan\(.*test_graph_scan.*add\(h\[t-1\], x\[t\]\), built at .*test_graph_scan"
    ):
        f(np.ones((3, 2)), np.ones(3))
    growing = T.scan(lambda h: T.concatenate([h, h]), None, h, n_steps=2)[0]
    with pytest.raises(ValueError, match=r"step 0: expected a state of shape \(3,\); got \(6,\)"):
        T.function([h], growing, device=device)(np.ones(3))
    n = T.lscalar("n")
    with pytest.raises(ValueError, match=r"n_steps: .*\[3\]; got 4"):
        T.function([x, n], T.scan(lambda v: v, x, n_steps=n)[0], device=device)(np.ones((3, 2)), 4)
    first = T.grad(T.sum(states**3), h)
    with pytest.raises(T.NotDifferentiableError, match=r"leads through scan\(.*keeps no states"):
        T.grad(T.sum(first**2), h)
    jumping = T.scan(lambda h: T.floor(h) + h, None, h, n_steps=2)[0]
    with pytest.raises(
        T.NotDifferentiableError, match=r"scan\(.*; cost: .*floor\(h\[t-1\]\), built at .*test_graph_scan"
    ):
        T.grad(T.sum(jumping), h)
