"""Checks: what is let through, and that every error names the argument, its value and what was expected."""

import math

import numpy as np
import pytest

from netlib import checks
from netlib.backend import namespace, to_host


@pytest.mark.parametrize("value", [0, 5, np.int64(5), np.uint8(200)])
def test_integers_of_any_make_become_ints(value):
    number = checks.integer("epochs", value, 0)
    assert type(number) is int
    assert number == value


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (0, ValueError, "at least 1; got 0"),
        (-3, ValueError, "at least 1; got -3"),
        (True, ValueError, "at least 1; got True"),
        (2.0, TypeError, "got 2.0"),
        ("2", TypeError, "got '2'"),
        (None, TypeError, "got None"),
    ],
)
def test_what_is_no_integer_or_too_small_is_refused(value, error, shown):
    with pytest.raises(error, match=f"^epochs: expected an integer.*{shown}$"):
        checks.integer("epochs", value, 1)


@pytest.mark.parametrize(("value", "expected"), [(2, (2, 2)), ((1, 3), (1, 3)), ((np.int32(2), 0), (2, 0))])
def test_one_integer_or_two_become_a_pair(value, expected):
    assert checks.pair("stride", value, 0) == expected


@pytest.mark.parametrize(
    ("value", "error"),
    [
        *[(value, ValueError) for value in [(1, 0), 0, [1, 0]]],
        *[(value, TypeError) for value in [(1, 2, 3), (1, 2.5), None, "55", {"rows": 1}]],
    ],
)
def test_what_is_no_pair_is_refused(value, error):
    with pytest.raises(error, match=r"^stride: expected .*; got "):
        checks.pair("stride", value, 1)


@pytest.mark.parametrize("value", [(20, 5), [20, np.int64(5)], np.array([20, 5])])
def test_shapes_become_tuples_of_ints(value):
    shape = checks.integers("shape", value, ("rows", "columns"))
    assert shape == (20, 5)
    assert all(type(number) is int for number in shape)


@pytest.mark.parametrize(
    ("value", "error"),
    [
        *[(value, ValueError) for value in [(1, 0), (1, -1), (1,), (), (1, 2, 3), (True, 2)]],
        *[(value, TypeError) for value in [(1, 2.0), (1, None), 5, "55"]],
    ],
)
def test_what_is_no_shape_is_refused_and_its_meaning_told(value, error):
    with pytest.raises(error, match=r"^shape: expected 2 positive integers \(rows, columns\); got ") as caught:
        checks.integers("shape", value, ("rows", "columns"))
    assert str(caught.value).endswith(repr(value))


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.25), 1e300])
def test_numbers_of_any_make_become_floats(value):
    number = checks.non_negative("eta", value)
    assert type(number) is float
    assert number == value


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, -math.inf, 10**400])
def test_negative_and_infinite_numbers_and_nan_are_refused(value):
    with pytest.raises(ValueError, match=f"^eta: expected a finite number, zero or positive; got {value!r}$"):
        checks.non_negative("eta", value)


@pytest.mark.parametrize("value", [None, "much", "0.5", True, 1j, [1, 2]])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match=r"^eta: expected a finite number, zero or positive; got ") as caught:
        checks.non_negative("eta", value)
    assert str(caught.value).endswith(repr(value))


def test_numbers_have_to_stay_below_their_bound():
    assert checks.non_negative("p", 0.999, below=1) == 0.999
    with pytest.raises(ValueError, match=r"^p: expected a number below 1, zero or positive; got 1\.0$"):
        checks.non_negative("p", 1.0, below=1)


def test_a_ragged_list_of_images_is_refused():
    with pytest.raises(ValueError, match=r"^x: expected entries of one shape"):
        checks.images("x", [[1.0, 2.0], [3.0]], (2,), np, "float64")


def test_numbers_too_large_for_the_dtype_are_refused_without_a_warning(recwarn):
    with pytest.raises(ValueError, match=r"^x: expected finite numbers; found nan or infinity, first in row 1"):
        checks.images("x", [[1.0, 2.0], [1e300, 0.0]], (2,), np, "float32")
    assert not recwarn


def test_choices_are_listed_when_another_is_made():
    assert checks.choice("init", "book", ("book", "zeros")) == "book"
    assert checks.choice("init", "zeros", {"book": 1, "zeros": 2}) == "zeros"
    for value in "Book", None, ["book"]:
        with pytest.raises(ValueError, match=r"^init: expected one of 'book', 'zeros'; got ") as caught:
            checks.choice("init", value, ("book", "zeros"))
        assert str(caught.value).endswith(repr(value))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_the_first_row_that_is_not_finite_is_named(xp, bad):
    x = xp.zeros((5, 3), "float32")
    checks.finite("x", x)
    x[4, 0] = x[2, 1] = bad
    with pytest.raises(ValueError, match=r"^x: expected finite numbers; .* first in row 2$"):
        checks.finite("x", x)


def test_no_images_and_integers_are_finite(xp):
    checks.finite("x", xp.zeros((0, 3)))
    checks.finite("x", xp.full((2, 2), 2**31 - 1))


@pytest.mark.parametrize("dtype", ["uint8", "int64"])
def test_labels_from_0_to_the_last_class_are_let_through(xp, dtype):
    checks.labels("y", xp.asarray([0, 9, 3], dtype), 3, 10)
    checks.labels("y", xp.asarray([], dtype), 0, 10)


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        ([0.0, 1, 2], TypeError, r"integer labels; got dtype float64, shape \(3,\)"),
        ([True, False, True], TypeError, "got dtype bool"),
        ([[0, 1, 2]], TypeError, r"got dtype int64, shape \(1, 3\)"),
        ([0, 1], ValueError, "expected 3 labels.*; got 2"),
        ([0, 10, 2], ValueError, "from 0 to 9; got 0 to 10"),
        ([0, -1, 2], ValueError, "from 0 to 9; got -1 to 2"),
    ],
)
def test_labels_of_another_kind_number_or_range_are_refused(xp, y, error, message):
    with pytest.raises(error, match=f"^y: .*{message}"):
        checks.labels("y", xp.asarray(y), 3, 10)


@pytest.mark.parametrize("shape", [(2, 6), (2, 1, 2, 3)])
@pytest.mark.parametrize("kind", [list, np.asarray, "xp"], ids=["list", "NumPy", "backend"])
def test_images_become_rows_on_the_device_in_the_networks_dtype(xp, shape, kind):
    x = np.arange(12).reshape(shape)
    given = x.tolist() if kind is list else xp.asarray(x) if kind == "xp" else x
    rows = checks.images("x", given, (1, 2, 3), xp, "float32")
    assert namespace(rows) is xp
    assert rows.dtype == np.float32
    assert to_host(rows).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]


def test_images_of_any_shape_are_rows_for_a_fully_connected_layer(xp):
    rows = checks.images("x", np.arange(12.0).reshape(2, 2, 3), (6,), xp, "float64")
    assert to_host(rows).tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]


@pytest.mark.parametrize(
    ("x", "shape", "error", "message"),
    [
        (np.zeros((2, 5)), (1, 2, 3), ValueError, r"\(n, 6\) or \(n, 1, 2, 3\); got \(2, 5\)"),
        (np.zeros((2, 1, 3, 2)), (1, 2, 3), ValueError, r"\(n, 6\) or \(n, 1, 2, 3\); got \(2, 1, 3, 2\)"),
        (np.zeros((2, 2, 2)), (6,), ValueError, r"expected images \(n, 6\); got \(2, 2, 2\)"),
        (np.zeros(6), (6,), ValueError, r"got \(6,\)"),
        (np.zeros((2, 6), complex), (6,), TypeError, "real numbers; got dtype complex128"),
        ([["a"] * 6], (6,), TypeError, "real numbers; got dtype <U1"),
        ([[0.0] * 6, [math.nan] * 6], (6,), ValueError, "first in row 1"),
    ],
)
def test_what_is_no_image_for_the_first_layer_is_refused(x, shape, error, message):
    with pytest.raises(error, match=f"^x: .*{message}"):
        checks.images("x", x, shape, np, "float32")


def rows_of_two(xp):
    return lambda name, x: checks.images(name, x, (2,), xp, "float64")


def test_labelled_images_are_checked_together(xp):
    data = [[1, 2], [3, 4], [5, 6]], [0, 1, 1]
    x, y = checks.labelled_images("data", data, rows_of_two(xp), 2, 3, xp)
    assert namespace(x, y) is xp
    assert to_host(x).tolist() == data[0]
    assert to_host(y).tolist() == data[1]


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (None, TypeError, r"data: expected a pair \(images, labels\); got NoneType"),
        (([[1, 2]], [0], [0]), TypeError, "data: expected a pair .*; got tuple"),
        (([[1, 2]], [0]), ValueError, "data: expected at least 2 images.*; got 1"),
        (([[1, 2], [3, math.inf]], [0, 1]), ValueError, "data images: .*row 1"),
        (([[1, 2], [3, 4]], [0, 5]), ValueError, "data labels: .*from 0 to 1; got 0 to 5"),
    ],
)
def test_labelled_images_that_do_not_fit_are_refused(data, error, message):
    with pytest.raises(error, match=f"^{message}"):
        checks.labelled_images("data", data, rows_of_two(np), 2, 2, np)
