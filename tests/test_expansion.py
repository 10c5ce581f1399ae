"""Expanded sets: five images for each one, made when they are asked for, against np.roll on each image in turn."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, SoftmaxLayer
from netlib.backend import namespace, to_host
from netlib.checkpoints import digest
from netlib.data import Expanded, expand, load, mnist, size
from netlib.rng import Purpose, key
from tests.test_rng import first_words

SHAPES = {
    "maps": (4, 3, 5, 7),
    "maps, tall": (3, 2, 6, 4),
    "pictures": (3, 4, 6),
    "rows of 5 x 5": (6, 25),
    "one image": (1, 1, 3, 2),
    "one pixel each": (3, 1, 1),
    "one pixel each, as rows": (4, 1),
    "one line each": (3, 1, 5),
    "one column each": (3, 5, 1),
    "more axes": (2, 2, 1, 3, 4),
    "no image": (0, 2, 3, 4),
    "no row": (0, 9),
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


def random_images(shape, dtype="float32"):
    """Images without a zero, so that every zero in a moved one is one that was left behind."""
    return np.random.default_rng(0).integers(1, 250, size=shape).astype(dtype)


def moved(image):
    """Five pictures (..., H, W): the image, and it rolled by a pixel down, up, right and left, zeros left behind."""
    pictures = [image]
    for axis, step, vacated in ((-2, 1, 0), (-2, -1, -1), (-1, 1, 0), (-1, -1, -1)):
        rolled = np.roll(image, step, axis)
        np.moveaxis(rolled, axis, 0)[vacated] = 0
        pictures.append(rolled)
    return pictures


def order(n, seed=0):
    """Numbers 0 .. 5n-1 as splitmix64 in plain Python shuffles them: number 5 i + k is image i in its k-th picture."""
    return sorted(range(5 * n), key=first_words(key(seed, Purpose.EXPANSION), 5 * n).__getitem__)


def in_one_array(x, seed=0):
    """What expanded images are, as rows."""
    if x.ndim == 2:
        side = {1: 1, 9: 3, 25: 5, 784: 28}[x.shape[1]]
        x = x.reshape(len(x), side, side)
    pictures = np.array([moved(image) for image in x], x.dtype)
    return pictures.reshape(5 * len(x), np.prod(x.shape[1:]))[np.array(order(len(x), seed), int)]


def same(array, expected):
    array = to_host(array)
    return array.dtype == expected.dtype and array.shape == expected.shape and np.array_equal(array, expected)


# What the images are.


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@every_shape
def test_every_image_comes_five_times_each_moved_by_a_pixel(shape, dtype, xp):
    x = random_images(shape, dtype)
    expanded = expand((xp.asarray(x), xp.arange(len(x)))).x
    assert namespace(expanded[:]) is xp
    assert same(expanded[:], in_one_array(x))


def test_by_hand(xp):
    x, y = expand((xp.asarray([[[1, 2, 3], [4, 5, 6]]]), xp.asarray([7])))
    assert {tuple(row) for row in to_host(x[:]).tolist()} == {
        (1, 2, 3, 4, 5, 6),
        (0, 0, 0, 1, 2, 3),
        (4, 5, 6, 0, 0, 0),
        (0, 1, 2, 0, 4, 5),
        (2, 3, 0, 5, 6, 0),
    }
    assert to_host(y).tolist() == [7] * 5


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x[::2],
        lambda x: x[::-1, :, 1:, ::-1],
        lambda x: x.transpose(0, 1, 3, 2),
        lambda x: x[..., ::2],
        np.asfortranarray,
    ],
    ids=["every other", "turned", "transposed", "every other column", "Fortran"],
)
def test_memory_layout_does_not_matter(view):
    x = view(random_images((4, 3, 5, 7)))
    assert same(expand((x, np.arange(len(x)))).x[:], in_one_array(x))


@every_shape
def test_it_has_the_attributes_of_an_array(shape, xp):
    x = random_images(shape, "float64")
    expanded, y = expand((xp.asarray(x), xp.arange(len(x))))
    assert expanded.shape == (5 * shape[0], np.prod(shape[1:]))
    assert (expanded.ndim, expanded.dtype) == (2, np.float64)
    assert len(expanded) == size((expanded, y)) == 5 * shape[0]


def test_numpy_makes_an_array_of_it():
    x = random_images((3, 4, 6))
    expanded = expand((x, np.arange(3))).x
    assert same(np.asarray(expanded), in_one_array(x))
    assert same(np.asarray(expanded, "float64"), in_one_array(x).astype("float64"))
    assert same(expanded.__array__(np.dtype("float64")), in_one_array(x).astype("float64"))
    assert same(np.array(list(expanded)), in_one_array(x))


# The order.


@pytest.mark.parametrize("n", [1, 2, 17])
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_the_order_is_a_permutation_that_the_seed_decides(n, seed, xp):
    x = random_images((n, 3, 4))
    expanded, y = expand((xp.asarray(x), xp.arange(n)), seed=seed)
    numbers = to_host(expanded.order).tolist()
    assert numbers == order(n, seed)
    assert sorted(numbers) == list(range(5 * n))
    assert same(expanded[:], in_one_array(x, seed))
    assert to_host(y).tolist() == [number // 5 for number in numbers]


def test_another_seed_is_another_order_and_the_default_is_0():
    pair = random_images((20, 3, 4)), np.arange(20)
    labels = [expand(pair, seed=seed).y.tolist() for seed in (0, 1, 2)]
    assert len({tuple(some) for some in labels}) == 3
    assert expand(pair).y.tolist() == labels[0]


def test_few_stand_where_they_would_unshuffled():
    y = expand((np.zeros((1000, 2, 2)), np.arange(1000))).y
    assert np.mean(y == np.arange(5000) // 5) < 0.01
    assert np.mean(y[1:] == y[:-1]) < 0.01


def test_it_is_shuffled_once():
    expanded = expand((random_images((6, 3, 4)), np.arange(6))).x
    assert np.array_equal(expanded[:], expanded[:])


@pytest.mark.parametrize("dtype", ["int32", "uint8", "int64"])
def test_labels_go_with_their_images(dtype, xp):
    labels = np.array([3, 1, 4, 1, 5, 9, 2, 6])
    x = np.broadcast_to(labels[:, None, None, None], (8, 2, 3, 4)).astype("float32")
    expanded, y = expand((xp.asarray(x), xp.asarray(labels.astype(dtype))))
    assert y.dtype == dtype
    assert np.array_equal(to_host(y), to_host(expanded[:]).max(axis=1))
    assert np.array_equal(np.bincount(to_host(y), minlength=10), 5 * np.bincount(labels, minlength=10))


# Indexing.

INDICES = {
    "number": 3,
    "first": 0,
    "last": -1,
    "NumPy's number": np.int64(7),
    "slice": slice(2, 9),
    "slice with a step": slice(1, None, 3),
    "backwards": slice(None, None, -1),
    "beyond the end": slice(12, 99),
    "nothing": slice(5, 5),
    "all": slice(None),
    "vector": np.array([4, 0, 14, -1, 4]),
    "vector of int32": np.array([4, 0], "int32"),
    "empty vector": np.array([], int),
    "table": np.array([[1, 2, 3], [9, 9, -9]]),
    "mask": np.arange(15) % 4 == 1,
    "mask of nothing": np.zeros(15, bool),
}


@pytest.mark.parametrize("rows", INDICES.values(), ids=INDICES.keys())
def test_it_is_indexed_as_an_array_would_be(rows, xp):
    x = random_images((3, 2, 3, 4))
    expected = in_one_array(x)[rows]
    rows = xp.asarray(rows) if isinstance(rows, np.ndarray) else rows
    assert same(expand((xp.asarray(x), xp.arange(3))).x[rows], expected)


@pytest.mark.parametrize("rows", [15, -16, np.array([0, 15]), (0, 0), 1.5, "a", np.ones(14, bool)])
def test_an_index_that_an_array_would_refuse_is_refused(rows):
    with pytest.raises(IndexError):
        expand((random_images((3, 2, 3)), np.arange(3))).x[rows]


@pytest.mark.parametrize("rows", [0, slice(None), np.arange(15)])
def test_what_is_done_to_images_that_were_made_changes_no_others(rows):
    x = random_images((3, 2, 3))
    x.flags.writeable = False
    expanded = expand((x, np.arange(3))).x
    expanded[rows][...] = 99
    np.asarray(expanded)[...] = 99
    assert same(expanded[:], in_one_array(x))


def test_a_network_may_change_the_dtype_and_keep_the_order(xp):
    x = random_images((4, 3, 5))
    expanded = expand((xp.asarray(x), xp.arange(4)), seed=3).x
    other = expanded.replace(xp.asarray(-2 * x.reshape(4, 15).astype("float64")))
    assert isinstance(other, Expanded)
    assert other.dtype == np.float64
    assert same(other[:], -2 * in_one_array(x, 3).astype("float64"))
    assert same(expanded[:], in_one_array(x, 3))


def test_other_originals_may_live_elsewhere(xp):
    x = random_images((4, 3, 5))
    other = expand((x, np.arange(4))).x.replace(xp.asarray(x.reshape(4, 15)))
    assert namespace(other[:]) is xp
    assert same(other[:], in_one_array(x))


# What is refused.

X, Y = np.zeros((3, 2, 4)), np.zeros(3, int)


@pytest.mark.parametrize(
    ("given", "error", "found"),
    [
        (None, TypeError, "a pair .*; got NoneType"),
        (5, TypeError, "a pair .*; got int"),
        (X, TypeError, "a pair .*; got ndarray"),
        ((X, Y, Y), TypeError, "a pair .*; got tuple"),
        ((X,), TypeError, "a pair .*; got tuple"),
        (load("digits"), TypeError, "a pair .*; got DataSets"),
        ((X, Y[:2]), ValueError, r"n labels; got \(3, 2, 4\), \(2,\)"),
        ((X[:2], Y), ValueError, r"n labels; got \(2, 2, 4\), \(3,\)"),
        ((np.zeros(3), Y), ValueError, r"images \(n, \.\.\., H, W\) or \(n, H \* H\) and n labels; got \(3,\), \(3,\)"),
        ((np.float64(3), Y), ValueError, r"got \(\), \(3,\)"),
        ((np.zeros((3, 8)), Y), ValueError, "rows of square images, .*; got rows of 8 numbers"),
        ((np.zeros((3, 24)), Y), ValueError, "rows of square images, .*; got rows of 24 numbers"),
        ((np.zeros((3, 26)), Y), ValueError, "rows of square images, .*; got rows of 26 numbers"),
    ],
)
def test_what_is_no_pair_of_images_and_labels_is_refused(given, error, found):
    with pytest.raises(error, match=f"^data: expected {found}" if error is TypeError else f"^data: expected .*{found}"):
        expand(given)


@pytest.mark.parametrize(
    ("seed", "error", "found"),
    [
        (-1, ValueError, "of at least 0; got -1"),
        (True, ValueError, "of at least 0; got True"),
        (1.0, TypeError, "got 1.0"),
        ("1", TypeError, "got '1'"),
        (None, TypeError, "got None"),
    ],
)
def test_a_seed_is_a_number_from_0(seed, error, found):
    with pytest.raises(error, match=f"^seed: expected an integer.*{found}$"):
        expand((X, Y), seed=seed)


# The digits.


def test_the_digits_come_expanded():
    plain, expanded = load("digits"), load("digits", expanded=True)
    assert size(expanded.training) == 6485
    assert expanded.training.x.shape == (6485, 784)
    assert expanded.training.x.dtype == np.float32
    assert expanded.training.y.dtype == np.int32
    assert same(expanded.training.x[:], in_one_array(plain.training.x))
    assert np.array_equal(expanded.training.y, plain.training.y[np.array(order(1297)) // 5])
    assert expanded.validation is plain.validation
    assert expanded.test is plain.test


def test_unexpanded_is_the_default_and_stays_as_it_was():
    before = load("digits")
    load("digits", expanded=True)
    assert load("digits") is load("digits", expanded=False) is before
    assert isinstance(before.training.x, np.ndarray)


def test_no_ink_of_the_digits_is_lost():
    training = load("digits").training
    ink, expanded_ink = (int((x[:] * 256).sum(dtype="float64")) for x in (training.x, expand(training).x))
    assert expanded_ink == 5 * ink


# In a network.


def pair(n=12, shape=(1, 6, 5), classes=3):
    x = np.random.default_rng(1).random((n, *shape), "float32") - np.float32(0.5)  # some pixels below 0
    return x, np.random.default_rng(2).integers(classes, size=n)


def both(**arguments):
    """Expanded data, and the same as arrays."""
    expanded = expand(pair(**arguments))
    return expanded, (np.asarray(expanded.x), expanded.y)


NETWORKS = {
    "fully connected": lambda: [FullyConnectedLayer(30, 8), SoftmaxLayer(8, 3, 0.5)],
    "convolutional": lambda: [ConvPoolLayer((2, 1, 3, 2), (None, 1, 6, 5), (2, 2)), SoftmaxLayer(8, 3, 0.5)],
}


def make(layers=NETWORKS["fully connected"], dtype="float32", device="cpu"):
    return Network(layers(), 4, seed=5, dtype=dtype, device=device)


def ending(net, history):
    """All that a run ends with, wall times aside."""
    kept = {name: value for name, value in vars(history).items() if name != "seconds"}
    return [to_host(parameter).tobytes() for parameter in net.params], net.steps, kept


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS.keys())
def test_training_ends_with_the_bits_of_training_on_an_array(layers, dtype, shuffle, device):
    endings = []
    for given in both():
        net = make(layers, dtype, device)
        history = net.SGD(given, 3, 4, 0.5, given, given, 0.1, shuffle=shuffle, verbose=False)
        assert net.steps == 45
        endings.append(ending(net, history))
    assert endings[0] == endings[1]
    assert len(set(endings[0][2]["cost"])) == 3, "it does not train"


def test_images_made_on_a_device_train_there(device, xp):
    x, y = pair()
    on_device = xp.asarray(x), xp.asarray(y)
    ends = []
    for given in (expand((x, y)), expand(on_device)):
        net = make(device=device)
        ends.append(ending(net, net.SGD(given, 1, 4, 0.5, given, None, verbose=False)))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS.keys())
@pytest.mark.parametrize("n", [1, 12, 41])
def test_all_that_a_network_does_with_images_it_does_with_expanded_ones(n, layers, device):
    expanded, arrays = both(n=n)
    net = make(layers, "float64", device)
    net.layers[-1].w[...] = net.xp.asarray(np.random.default_rng(0).standard_normal((8, 3)))
    assert np.array_equal(net.forward(expanded.x), net.forward(arrays[0]))
    assert np.array_equal(net.predict_proba(expanded.x), net.predict_proba(arrays[0]))
    assert np.array_equal(net.predict(expanded.x), net.predict(arrays[0]))
    assert net.accuracy(expanded) == net.accuracy(arrays)
    assert net.cost(expanded) == net.cost(arrays)
    for one, other in zip(net.gradients(expanded, step=2), net.gradients(arrays, step=2), strict=True):
        assert np.array_equal(to_host(one), to_host(other))


def test_a_mini_batch_of_expanded_test_data_is_predicted():
    expanded, arrays = both()
    net = make()
    net.SGD(arrays, 1, 4, 0.5, None, expanded, verbose=False)
    assert net.test_mb_predictions(2).tolist() == net.predict(arrays[0][8:12]).tolist()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (expand(pair(shape=(1, 6, 6))), r"training_data images: expected images \(n, 30\) .*; got \(12, 1, 6, 6\)"),
        (expand(pair(shape=(6, 5, 1))), r"training_data images: expected images .*; got \(12, 6, 5, 1\)"),
        (expand((np.full((12, 6, 5), np.nan), pair()[1])), "training_data images: expected finite numbers"),
        (expand(pair(n=0)), "training_data: expected at least 4 images, a mini-batch; got 0"),
        (expand(pair(classes=9)), "training_data labels: expected labels from 0 to 2; got 0 to 7"),
        ((expand(pair()).x, pair()[1]), "training_data labels: expected 60 labels, one for each image; got 12"),
    ],
)
def test_expanded_images_that_do_not_fit_are_refused(given, found):
    with pytest.raises(ValueError, match=f"^{found}"):
        make(NETWORKS["convolutional"]).SGD(given, 1, 4, 0.5, None, None, verbose=False)


def peak(call):
    """The most memory, in bytes, that was in use at once for what the call made."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_network_makes_no_more_images_at_once_than_it_looks_at():
    training, validation, test = load("digits", expanded=True)
    net = Network([SoftmaxLayer(784, 10)], 10, device="cpu")
    all_of_them = training.x.shape[0] * training.x.shape[1] * 4
    assert peak(lambda: net.SGD(training, 1, 10, 0.1, validation, test, shuffle=True, verbose=False)) < all_of_them / 5
    assert peak(lambda: net.accuracy(training)) < all_of_them / 5
    assert peak(lambda: net.forward(training.x)) < all_of_them / 5


# Checkpoints.


def test_an_interrupted_run_goes_on_with_expanded_data(tmp_path):
    def train(net, epochs, folder, given):
        return net.SGD(given, epochs, 4, 0.5, given, None, 0.1, shuffle=True, checkpoint=folder, verbose=False)

    expanded, arrays = both()
    whole = make()
    expected = ending(whole, train(whole, 4, tmp_path / "whole", arrays))
    train(make(), 2, tmp_path / "parts", expanded)
    net = make()
    assert ending(net, train(net, 4, tmp_path / "parts", expanded)) == expected


def test_a_run_on_images_in_another_order_is_another_run(tmp_path):
    make().SGD(expand(pair(), seed=0), 1, 4, 0.5, None, None, checkpoint=tmp_path, verbose=False)
    with pytest.raises(ValueError, match="belongs to another run, with data "):
        make().SGD(expand(pair(), seed=1), 2, 4, 0.5, None, None, checkpoint=tmp_path, verbose=False)


@pytest.mark.parametrize("n", [1, 2000, 2001, 4100])
def test_the_digest_is_that_of_the_array(n):
    expanded = expand((random_images((n, 2, 1)), np.arange(n))).x
    assert digest([expanded]) == digest([np.asarray(expanded)])


@pytest.mark.parametrize("n", [1, 9_999, 10_000, 10_001, 20_001])
def test_the_digest_sees_every_row(n):
    x = np.arange(2 * n).reshape(n, 2)
    names = {digest([x])}
    for row in {0, n // 2, n - 1}:
        x[row, 1] -= 1
        names.add(digest([x]))
    assert len(names) == 1 + len({0, n // 2, n - 1})


# MNIST itself.

REAL = Path(os.environ.get("NETLIB_DATA", "."))


@pytest.mark.skipif(not all((REAL / name).is_file() for name in mnist.FILES), reason="needs MNIST's files")
def test_the_books_250_000_images_are_not_made_before_they_are_asked_for():
    plain = load("mnist")
    assert peak(lambda: load("mnist", expanded=True)) < 50_000_000
    training = load("mnist", expanded=True).training
    assert training.x.shape == (250_000, 784)
    assert np.array_equal(np.bincount(training.y), 5 * np.bincount(plain.training.y))
    numbers = to_host(training.x.order)
    assert np.array_equal(np.sort(numbers), np.arange(250_000))
    for place in (0, 1, 123_456, 249_999):
        image, shift = divmod(int(numbers[place]), 5)
        assert same(training.x[place], moved(plain.training.x[image].reshape(28, 28))[shift].ravel())
        assert training.y[place] == plain.training.y[image]
