"""Distorted images, against loops in plain Python over pixels and draws, and against closed forms."""

import functools
import itertools
import math

import numpy as np
import pytest

from netlib import FullyConnectedLayer, Network, SoftmaxLayer
from netlib.backend import Workspace, namespace, to_host
from netlib.checkpoints import digest
from netlib.data import HANDWRITING, Data, Distorted, distort, expand, load
from netlib.data.warping import HALF, affine, displacements, gaussian, interpolate
from netlib.guard import NonFiniteError
from netlib.rng import GOLDEN, Purpose, key, words_of
from netlib.stopping import EarlyStopping
from tests.device import crossings
from tests.test_expansion import NETWORKS, ending, make, moved, peak
from tests.test_rng import splitmix64

ALL = {"rotation": 40, "skew": 20, "scale": 0.3, "shift": 2.5, "elastic": (1.5, 8)}
EACH = {name: {name: value} for name, value in ALL.items()}
OPTIONS = EACH | {"all": ALL, "whole pixels": {"shift": 2, "whole_pixels": True}, "nothing": {}}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())

SHAPES = {
    "maps": (4, 3, 5, 7),
    "maps, tall": (3, 2, 6, 4),
    "pictures": (3, 4, 6),
    "pictures of odd sides": (3, 5, 3),
    "rows of 5 x 5": (6, 25),
    "one pixel each": (3, 1, 1),
    "one line each": (3, 1, 5),
    "one column each": (3, 5, 1),
    "more axes": (2, 2, 2, 3, 4),
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())


def random_images(shape, dtype="float64"):
    return np.random.default_rng(0).random(shape).astype(dtype)


def pair(shape, xp=np, dtype="float64"):
    return xp.asarray(random_images(shape, dtype)), xp.arange(shape[0])


def rows_of(x):
    return x.reshape(len(x), -1)


# Loops.


def word(stream, number):
    """A word of splitmix64 by its number."""
    return next(splitmix64((stream + number * GOLDEN) % 2**64))


def place(r, c, h, w, drawn, may):
    """Where pixel (r, c) comes from, by four matrices and the inverse of their product."""
    angle, lean, tall, wide, down, right = (2 * u - 1 for u in drawn)
    if may.get("whole_pixels"):
        down, right = (math.floor(u * (2 * may["shift"] + 1)) - may["shift"] for u in drawn[4:])
    else:
        down, right = (may.get("shift", 0) * u for u in (down, right))
    angle, lean = (math.radians(may.get(name, 0) * u) for name, u in (("rotation", angle), ("skew", lean)))
    stretch = np.diag([1 + may.get("scale", 0) * tall, 1 + may.get("scale", 0) * wide, 1])
    skew = np.array([[1, 0, 0], [-math.tan(lean), 1, 0], [0, 0, 1]])  # rows grow downwards
    turn = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    shift = np.array([[1, 0, down], [0, 1, right], [0, 0, 1]])
    centre = np.array([(h - 1) / 2, (w - 1) / 2, 0])
    return (np.linalg.inv(shift @ turn @ skew @ stretch) @ (np.array([r, c, 1]) - centre) + centre)[:2]


@functools.cache
def weight(distance, sigma):
    return math.exp(-(distance**2) / (2 * sigma**2)) / sum(math.exp(-(k**2) / (2 * sigma**2)) for k in range(-100, 101))


def displaced(stream, number, h, w, sigma, alpha):
    """Displacements (2, h, w) of an image: a sum over all pixels for each pixel."""
    count = -(-2 * h * w // 4)
    drawn = []
    for unit in range(2 * h * w):
        bits = word(stream, number * count + unit // 4) >> 16 * (unit % 4) & 0xFFFF
        drawn.append((bits + 0.5) / 2**15 - 1)
    drawn = np.array(drawn).reshape(2, h, w)
    field = np.zeros((2, h, w))
    for way, r, c, k, m in itertools.product(range(2), range(h), range(w), range(h), range(w)):
        field[way, r, c] += alpha * weight(r - k, sigma) * weight(c - m, sigma) * drawn[way, k, m]
    return field


def read(image, r, c):
    """An image (h, w) at a place between its pixels."""
    value = 0.0
    for i, j in itertools.product((math.floor(r), math.floor(r) + 1), (math.floor(c), math.floor(c) + 1)):
        if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
            value += (1 - abs(r - i)) * (1 - abs(c - j)) * image[i, j]
    return value


def by_loops(x, numbers, step=0, seed=0, **may):
    """Pictures, as rows."""
    if x.ndim == 2:
        x = x.reshape(len(x), *[math.isqrt(x.shape[1])] * 2)
    *_, h, w = x.shape
    pictures = []
    for number in numbers:
        stream = key(seed, Purpose.DISTORTION, 0, step)
        drawn = [(word(stream, 6 * number + k) >> 11) / 2**53 for k in range(6)]
        field = np.zeros((2, h, w))
        if "elastic" in may:
            field = displaced(key(seed, Purpose.DISTORTION, 1, step), number, h, w, *may["elastic"])
        picture = np.empty((x[0].size // (h * w), h, w))
        for m, r, c in np.ndindex(picture.shape):
            at = place(r, c, h, w, drawn, may) + field[:, r, c]
            picture[m, r, c] = read(x[number].reshape(-1, h, w)[m], *at)
        pictures.append(picture.ravel())
    return np.array(pictures)


@every_option
@every_shape
def test_images_are_those_of_the_loops(shape, options, xp):
    x, y = pair(shape, xp)
    distorted = distort((x, y), seed=3, **options).x
    numbers = [len(x) - 1, 0]
    pictures = distorted.take(xp.asarray(numbers), step=5)
    assert namespace(pictures) is xp
    expected = by_loops(random_images(shape), numbers, 5, 3, **options)
    np.testing.assert_allclose(to_host(pictures), expected, atol=1e-12)
    assert 1 in shape[-2:] or abs(expected).max() > 0.1, "all comes from outside"


def test_float32_is_as_near_as_it_can_be(xp):
    x, y = pair((4, 3, 5, 7), xp, "float32")
    distorted = distort((x, y), **ALL).x
    assert distorted.dtype == distorted[:].dtype == np.float32
    expected = by_loops(random_images((4, 3, 5, 7), "float32"), range(4), **ALL)
    np.testing.assert_allclose(to_host(distorted[:]), expected, atol=1e-5)


def test_more_images_than_are_made_at_once_are_those_of_the_loops():
    x, y = pair((47, 3, 4))
    np.testing.assert_allclose(distort((x, y), **ALL).x[:], by_loops(x, range(47), **ALL), atol=1e-12)


def test_words_of_items_are_those_of_the_stream(xp):
    words = words_of(xp.asarray([5, 0, 2]), 99, 7)
    assert words.dtype == np.uint64
    assert to_host(words).tolist() == [[word(99, 7 * item + k) for k in range(7)] for item in (5, 0, 2)]


# What leaves images as they are.


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [{}, {"elastic": (4, 0)}, {"rotation": 0, "skew": 0, "scale": 0, "shift": 0}, {"whole_pixels": True}],
)
@every_shape
def test_no_distortion_leaves_every_bit(shape, options, dtype, xp):
    x, y = pair(shape, xp, dtype)
    for step in (0, 1, 12345):
        pictures = distort((x, y), **options).x.take(slice(None), step=step)
        assert to_host(pictures).tobytes() == rows_of(random_images(shape, dtype)).tobytes()


def test_labels_stay_with_their_images(xp):
    x, y = pair((5, 3, 3), xp)
    data = distort((x, y), **ALL)
    assert isinstance(data, Data)
    assert to_host(data.y).tolist() == [0, 1, 2, 3, 4]
    assert len(data.x) == 5


# What each distortion does, in closed form.


def turned(x, **exact):
    """Images as `affine` and `interpolate` make them."""
    xp, (n, _, H, W) = namespace(x), x.shape
    amounts = {"angle": 0, "lean": 0, "tall": 1, "wide": 1, "down": 0, "right": 0} | exact
    maps = affine(**{name: xp.asarray(np.full(n, value, float)) for name, value in amounts.items()})
    r, c = (xp.arange(size) - (size - 1) / 2 for size in (H, W))
    position = xp.stack(
        [
            by_row[:, None, None] * r[:, None] + by_column[:, None, None] * c + offset[:, None, None] + (size - 1) / 2
            for (by_row, by_column, offset), size in zip(maps, (H, W), strict=True)
        ]
    )
    return to_host(interpolate(x, position, Workspace(xp)))


@pytest.mark.parametrize("quarters", [-1, 1, 2, 3])
@pytest.mark.parametrize("side", [1, 4, 5, 28])
def test_a_quarter_turn_is_rot90(side, quarters, xp):
    x = random_images((2, 3, side, side))
    made = turned(xp.asarray(x), angle=quarters * math.pi / 2)
    np.testing.assert_allclose(made, np.rot90(x, quarters, (2, 3)), atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1, 6, 6), (2, 3, 5, 8), (1, 2, 1, 4)])
def test_a_shift_by_whole_pixels_is_the_books(shape, xp):
    x = random_images(shape)
    shifts = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
    for (down, right), expected in zip(shifts, moved(x), strict=True):
        assert np.array_equal(turned(xp.asarray(x), down=down, right=right), expected)


def test_shifts_by_whole_pixels_are_all_that_there_are_and_keep_every_bit():
    x = random_images((1, 6, 9), "float32")
    distorted = distort((x, [0]), shift=1, whole_pixels=True).x
    allowed = {}
    for down, right in itertools.product((-1, 0, 1), repeat=2):
        by_rows = moved(x)[{0: 0, 1: 1, -1: 2}[down]]
        allowed[moved(by_rows)[{0: 0, 1: 3, -1: 4}[right]].tobytes()] = 0
    assert len(allowed) == 9
    for step in range(900):
        allowed[distorted.take(slice(None), step=step).tobytes()] += 1
    assert sum(allowed.values()) == 900
    assert min(allowed.values()) > 100 - 5 * 10
    assert max(allowed.values()) < 100 + 5 * 10


R, C = np.mgrid[:9, :12].astype(float)
RAMP = (100 + 3 * R + 7 * C)[None, None]  # bilinear interpolation of a plane is exact
INSIDE = np.s_[0, 0, 3:6, 4:8]  # what comes from inside the image


@pytest.mark.parametrize(
    ("exact", "row", "column"),
    [
        ({"down": 0.25}, R - 0.25, C),
        ({"right": -1.5}, R, C + 1.5),
        ({"down": 0.5, "right": 0.75}, R - 0.5, C - 0.75),
        ({"tall": 1.25}, 4 + (R - 4) / 1.25, C),
        ({"wide": 0.8}, R, 5.5 + (C - 5.5) / 0.8),
        ({"lean": math.atan(0.5)}, R, C + 0.5 * (R - 4)),  # what is above the centre comes from the left
        ({"lean": -math.atan(0.25)}, R, C - 0.25 * (R - 4)),
        ({"tall": 2, "lean": math.atan(0.5)}, 4 + (R - 4) / 2, C + 0.5 * (R - 4)),  # stretched before it is skewed
        ({"angle": math.pi / 6}, 4 + (R - 4) * 0.75**0.5 + (C - 5.5) / 2, 5.5 - (R - 4) / 2 + (C - 5.5) * 0.75**0.5),
        ({"angle": math.pi / 2, "down": 1}, 4 + C - 5.5, 5.5 - (R - 4) + 1),  # turned before it is shifted
        ({"angle": math.pi / 2, "wide": 2}, 4 + C - 5.5, 5.5 - (R - 4) / 2),  # and after it was stretched
    ],
)
def test_a_plane_is_read_where_the_closed_form_says(exact, row, column, xp):
    made = turned(xp.asarray(RAMP), **exact)
    np.testing.assert_allclose(made[INSIDE], (100 + 3 * row + 7 * column)[3:6, 4:8], atol=1e-10)


def test_outside_the_image_everything_is_zero(xp):
    ones = xp.asarray(np.ones((1, 2, 3, 4)))
    rows = np.array([[[-5e9, -1, -0.75, -0.5, 0, 2, 2.25, 3, 3.5, 1e30]]])
    for columns in (np.zeros_like(rows), np.full_like(rows, 3)):
        made = interpolate(ones, xp.asarray(np.stack([rows, columns])), Workspace(xp))
        assert to_host(made).tolist() == [[[[0, 0, 0.25, 0.5, 1, 1, 0.75, 0, 0, 0]]] * 2]
    columns = np.array([[[-9, -1, -0.25, 0, 3, 3.5, 3.75, 4, 4.5, 99]]])
    made = interpolate(ones, xp.asarray(np.stack([np.ones_like(columns), columns])), Workspace(xp))
    assert to_host(made).tolist() == [[[[0, 0, 0.75, 1, 1, 0.5, 0.25, 0, 0, 0]]] * 2]


def test_interpolation_reads_positions_of_another_size_and_leaves_its_arguments(xp):
    x, position = random_images((2, 3, 4, 5)), np.random.default_rng(1).uniform(-2, 6, (2, 2, 7, 3))
    given = xp.asarray(x), xp.asarray(position)
    made = to_host(interpolate(*given, Workspace(xp)))
    for i, m, r, c in np.ndindex(made.shape):
        assert made[i, m, r, c] == pytest.approx(read(x[i, m], *position[:, i, r, c]), abs=1e-12)
    assert np.array_equal(to_host(given[0]), x)
    assert np.array_equal(to_host(given[1]), position)


# The bounds of what is drawn.


def seen(name, bound, steps=2000):
    """What is drawn for one option, read off a plane: (steps, rows' part and columns' part)."""
    ramps = np.stack([100 + R, 100 + C])[None]
    distorted = distort((ramps, [0]), **{name: bound}).x
    return np.stack([distorted.take(0, step=step).reshape(2, 9, 12) - 100 for step in range(steps)])


def evenly(values, low, high):
    """Whether draws fill the range between two numbers evenly, as far as chance allows."""
    values = (np.asarray(values) - low) / (high - low)
    sd = 1 / math.sqrt(12 * len(values))
    inside = -1e-9 <= values.min() < 0.005 and 0.995 < values.max() <= 1 + 1e-9
    counts = np.histogram(values, 10, (0, 1))[0]
    return inside and abs(values.mean() - 0.5) < 5 * sd and abs(counts - len(values) / 10).max() < 5 * 14


def test_shifts_are_even_between_their_bounds_and_of_one_another_independent():
    rows, columns = seen("shift", 2.5)[:, (0, 1), 4, 5].T
    assert evenly(4 - rows, -2.5, 2.5)
    assert evenly(5 - columns, -2.5, 2.5)
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 5 / math.sqrt(2000)


def test_rotations_are_even_between_their_bounds():
    made = seen("rotation", 20)
    rows = made[:, 0, 4, 6] - made[:, 0, 4, 5]
    assert evenly(np.degrees(np.arcsin(rows)), -20, 20)
    np.testing.assert_allclose(made[:, 1, 4, 6] - made[:, 1, 4, 5], np.sqrt(1 - rows**2))


def test_skews_are_even_between_their_bounds():
    made = seen("skew", 30)
    assert evenly(np.degrees(np.arctan(made[:, 1, 5, 5] - made[:, 1, 4, 5])), -30, 30)
    np.testing.assert_allclose(made[:, 0, 3:6, 5], [[3, 4, 5]] * 2000)


def test_heights_and_widths_are_even_between_their_bounds_and_of_one_another_independent():
    made = seen("scale", 0.2)
    tall, wide = 1 / (made[:, 0, 5, 5] - made[:, 0, 4, 5]), 1 / (made[:, 1, 4, 6] - made[:, 1, 4, 5])
    assert evenly(tall, 0.8, 1.2)
    assert evenly(wide, 0.8, 1.2)
    assert abs(np.corrcoef(tall, wide)[0, 1]) < 5 / math.sqrt(2000)


# Elastic deformation.


def fields(n, H, W, sigma, alpha, xp=np, stream=7):
    smooth = [xp.asarray(gaussian(H, sigma) * alpha / HALF), xp.asarray(gaussian(W, sigma))]
    return to_host(displacements(xp.arange(n), stream, *smooth, xp.empty((2, n, H, W)), Workspace(xp)))


@pytest.mark.parametrize(("H", "W"), [(5, 7), (6, 3), (3, 3), (1, 4), (4, 1)])
@pytest.mark.parametrize(("sigma", "alpha"), [(0.5, 1), (2, 30), (8, 100)])
def test_displacements_are_a_convolution_with_a_gaussian(H, W, sigma, alpha, xp):
    made = fields(3, H, W, sigma, alpha, xp)
    for i in range(3):
        np.testing.assert_allclose(made[:, i], displaced(7, i, H, W, sigma, alpha), atol=1e-12)


@pytest.mark.parametrize("sigma", [1e-200, 0.01, 0.3, 1, 4, 50])
def test_weights_sum_to_1_where_the_row_is_long_enough(sigma):
    n = 2 * math.ceil(10 * sigma) + 3
    weights = gaussian(n, sigma)
    assert weights[n // 2].sum() == pytest.approx(1, abs=1e-12)
    assert np.array_equal(weights, weights.T)
    assert np.array_equal(weights[1:, 1:], weights[:-1, :-1])
    assert sigma > 0.01 or np.array_equal(weights, np.eye(n))


@pytest.mark.parametrize(("sigma", "alpha"), [(4, 34), (2, 10)])
def test_displacements_are_as_large_as_promised_in_both_ways_and_neighbours_go_together(sigma, alpha):
    made = fields(400, 48, 48, sigma, alpha)[:, :, 18:30, 18:30]  # far from the edges
    expected = alpha / (sigma * math.sqrt(12 * math.pi))
    independent = 400 * max(1, (12 / (4 * sigma)) ** 2)
    for way in made:
        assert abs(way.mean()) < 5 * expected / math.sqrt(independent)
        assert math.sqrt((way**2).mean()) == pytest.approx(expected, rel=5 / math.sqrt(2 * independent))
        for distance in (1, 4):
            together = (way[..., distance:] * way[..., :-distance]).mean() / (way**2).mean()
            assert together == pytest.approx(math.exp(-(distance**2) / (4 * sigma**2)), abs=0.05)
    assert abs((made[0] * made[1]).mean()) < 5 * expected**2 / math.sqrt(independent)


def test_unsmoothed_displacements_are_even_between_their_bounds():
    made = fields(20, 10, 10, 1e-3, 3)
    assert evenly(made.ravel()[:2000], -3, 3)
    assert len(np.unique(made)) > 3800, "draws repeat"


def test_elastic_deformation_changes_no_other_draw():
    x, y = pair((5, 6, 6))
    plain = distort((x, y), rotation=30, shift=2).x
    assert np.array_equal(distort((x, y), rotation=30, shift=2, elastic=(3, 0)).x[:], plain[:])
    assert np.array_equal(distort((x, y), rotation=30, shift=2, elastic=(3, 1e-14)).x[:].round(9), plain[:].round(9))


# What decides how an image is distorted.


@pytest.mark.parametrize("options", [OPTIONS[name] for name in (*EACH, "all")], ids=[*EACH, "all"])
def test_the_seed_the_image_and_the_step_decide(options, xp):
    same = xp.asarray(np.broadcast_to(random_images((6, 6)), (8, 6, 6)).copy()), xp.arange(8)
    made = [
        to_host(distort(same, seed=seed, **options).x.take(slice(None), step=step))
        for seed in (0, 1)
        for step in (0, 1, 2)
    ]
    pictures = {row.tobytes() for array in made for row in array}
    assert len(pictures) == 2 * 3 * 8
    again = to_host(distort(same, **options).x.take(slice(None), step=0))
    assert np.array_equal(again, made[0])
    assert np.array_equal(to_host(distort(same, seed=0, **options).x[:]), made[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_image_does_not_depend_on_those_that_are_made_with_it(dtype, xp):
    x, y = pair((60, 28, 28), xp, dtype)
    distorted = distort((x, y), **HANDWRITING).x
    work = Workspace(xp)
    alone = to_host(distorted.take(7, work, 4)).tobytes()
    for rows in (slice(None), slice(7, 8), slice(0, 10), xp.asarray([9, 7]), xp.asarray([7] * 45), xp.arange(60)[::-1]):
        batch = to_host(distorted.take(rows, work, 4))
        places = np.flatnonzero(np.arange(60)[rows if isinstance(rows, slice) else to_host(rows)] == 7)
        assert {batch[p].tobytes() for p in places} == {alone}


def test_cpu_and_gpu_see_the_same_images(xp):
    for dtype, error in (("float32", 1e-4), ("float64", 1e-12)):
        there, here = (distort(pair((9, 28, 28), library, dtype), **HANDWRITING).x for library in (xp, np))
        np.testing.assert_allclose(to_host(there.take(slice(None), step=9)), here.take(slice(None), step=9), atol=error)


def test_another_dtype_sees_the_same_images():
    x, y = pair((9, 28, 28))
    one, other = (distort((x.astype(dtype), y), **HANDWRITING).x[:] for dtype in ("float32", "float64"))
    np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int32", "float16"])
def test_what_cannot_hold_fractions_becomes_what_can(dtype, xp):
    x = (random_images((3, 5, 5)) * 200 % 2).astype(dtype)
    made = distort((xp.asarray(x), xp.arange(3)), **ALL).x
    assert made.dtype == made[:].dtype == (np.float64 if dtype == "int32" else np.float32)
    np.testing.assert_allclose(to_host(made[:]), by_loops(x.astype(float), range(3), **ALL), atol=1e-4)


def test_channels_are_distorted_alike():
    x = random_images((3, 1, 6, 7))
    made = distort((np.concatenate([x, 2 * x], axis=1), np.arange(3)), **ALL).x[:].reshape(3, 2, 6, 7)
    np.testing.assert_allclose(made[:, 1], 2 * made[:, 0], atol=1e-12)


# Answering as an array would.

INDICES = {
    "number": 3,
    "last": -1,
    "slice": slice(2, 9),
    "backwards": slice(None, None, -3),
    "nothing": slice(5, 5),
    "vector": np.array([4, 0, 14, -1, 4]),
    "empty vector": np.array([], int),
    "table": np.array([[1, 2, 3], [9, 9, -9]]),
    "mask": np.arange(15) % 4 == 1,
}


@pytest.mark.parametrize("rows", INDICES.values(), ids=INDICES.keys())
def test_it_is_indexed_as_an_array_would_be(rows, xp):
    distorted = distort(pair((15, 2, 3, 4), xp), **ALL).x
    everything = to_host(distorted[:])
    rows_there = xp.asarray(rows) if isinstance(rows, np.ndarray) else rows
    made = to_host(distorted[rows_there])
    assert made.shape == everything[rows].shape
    assert np.array_equal(made, everything[rows])


@pytest.mark.parametrize("rows", [15, -16, np.array([0, 15]), (0, 0), 1.5, "a", np.ones(14, bool)])
def test_an_index_that_an_array_would_refuse_is_refused(rows):
    with pytest.raises(IndexError):
        distort(pair((15, 2, 3))).x[rows]


def test_it_has_the_attributes_of_an_array():
    distorted = distort(pair((15, 2, 3, 4)), **ALL).x
    assert (distorted.shape, distorted.ndim, len(distorted), distorted.dtype) == ((15, 24), 2, 15, np.float64)
    assert np.array_equal(np.asarray(distorted), distorted[:])
    assert np.asarray(distorted, "float32").dtype == np.float32
    with pytest.raises(ValueError, match="only be made into an array by a copy"):
        np.array(distorted, copy=False)


def test_images_that_were_made_stay_and_the_originals_too():
    x, y = pair((3, 2, 3))
    x.flags.writeable = False
    distorted = distort((x, y), **ALL).x
    one = distorted[0]
    kept = one.copy()
    other = distorted.take(1, step=5)
    assert not np.array_equal(one, other)
    assert np.array_equal(one, kept)


def test_no_image_is_no_error():
    assert distort((np.zeros((0, 3, 4)), np.zeros(0, int)), **ALL).x[:].shape == (0, 12)


def test_a_network_may_change_the_dtype_and_keep_the_rest(xp):
    distorted = distort(pair((4, 3, 5)), seed=3, **ALL).x
    other = distorted.replace(xp.asarray(random_images((4, 15), "float32")))
    assert isinstance(other, Distorted)
    assert namespace(other[:]) is xp
    assert other.dtype == np.float32
    np.testing.assert_allclose(to_host(other[:]), distorted[:], atol=1e-5)


# What is refused.

X, Y = np.zeros((3, 2, 4)), np.zeros(3, int)


@pytest.mark.parametrize(
    ("options", "error", "found"),
    [
        ({"rotation": -1}, ValueError, "rotation: expected a finite number, zero or positive; got -1"),
        ({"rotation": math.nan}, ValueError, "rotation: expected a finite number, .*; got nan"),
        ({"rotation": math.inf}, ValueError, "rotation: expected a finite number, .*; got inf"),
        ({"rotation": "1"}, TypeError, "rotation: expected a finite number, .*; got '1'"),
        ({"rotation": None}, TypeError, "rotation: expected a finite number, .*; got None"),
        ({"rotation": (1, 2)}, TypeError, "rotation: expected a finite number, .*"),
        ({"skew": 90}, ValueError, "skew: expected a number below 90, zero or positive; got 90"),
        ({"skew": -5}, ValueError, "skew: expected a number below 90, .*; got -5"),
        ({"scale": 1}, ValueError, "scale: expected a number below 1, zero or positive; got 1"),
        ({"scale": True}, TypeError, "scale: expected a number below 1, .*; got True"),
        ({"shift": -0.5}, ValueError, "shift: expected a finite number, .*; got -0.5"),
        (
            {"shift": 1.5, "whole_pixels": True},
            ValueError,
            "shift: expected an integer, as whole_pixels is set; got 1.5",
        ),
        ({"whole_pixels": 1}, TypeError, "whole_pixels: expected a bool object; got 1"),
        ({"elastic": 4}, TypeError, r"elastic: expected a pair \(sigma, alpha\), or None; got 4"),
        ({"elastic": (4,)}, TypeError, r"elastic: expected a pair .*; got \(4,\)"),
        ({"elastic": "ab"}, TypeError, "elastic: expected a pair .*; got 'ab'"),
        ({"elastic": (0, 34)}, ValueError, "elastic sigma: expected a number above 0; got 0"),
        ({"elastic": (-1, 34)}, ValueError, "elastic sigma: expected a number below 1000, .*; got -1"),
        ({"elastic": (1000, 34)}, ValueError, "elastic sigma: expected a number below 1000, .*; got 1000"),
        ({"elastic": ("4", 34)}, TypeError, "elastic sigma: expected .*; got '4'"),
        ({"elastic": (4, -34)}, ValueError, "elastic alpha: expected a finite number, .*; got -34"),
        ({"seed": -1}, ValueError, "seed: expected an integer of at least 0; got -1"),
        ({"seed": 1.0}, TypeError, "seed: expected an integer; got 1.0"),
    ],
)
def test_arguments_out_of_range_are_named(options, error, found):
    with pytest.raises(error, match=f"^{found}$"):
        distort((X, Y), **options)


@pytest.mark.parametrize(
    ("given", "error", "found"),
    [
        (None, TypeError, "a pair of arrays .*; got NoneType"),
        (X, TypeError, "a pair of arrays .*; got ndarray"),
        ((X,), TypeError, "a pair of arrays .*; got tuple"),
        ((), TypeError, "a pair of arrays .*; got tuple"),
        ((X, Y[:2]), ValueError, r"images .*, W\) or .* and n labels; got \(3, 2, 4\), \(2,\)"),
        ((np.zeros((3, 8)), Y), ValueError, "rows of square images, .*; got rows of 8 numbers"),
        (expand((X, Y)), TypeError, "images that are stored; got Expanded, made when asked for"),
        (distort((X, Y)), TypeError, "images that are stored; got Distorted, made when asked for"),
    ],
)
def test_what_is_no_pair_of_images_and_labels_is_refused(given, error, found):
    with pytest.raises(error, match=f"^data: expected {found}$"):
        distort(given)


# In a network.


def digits(n=12, dtype="float64", classes=3):
    x = np.random.default_rng(1).random((n, 1, 6, 5)).astype(dtype)
    return x, np.random.default_rng(2).integers(classes, size=n)


def train(net, given, epochs=3, **options):
    options = {"shuffle": True, "verbose": False} | options
    return net.SGD(given, epochs, 4, 0.5, options.pop("validation", None), None, 0.1, **options)


def by_hand(net, given, steps, batches=3):
    """Training on mini-batches in a fixed order, each asked for by the number of the step."""
    x, y = net.row.data("data", given, 4)
    for step in range(steps):
        part = slice(step % batches * 4, (step % batches + 1) * 4)
        net.train_mini_batch(x.take(part, step=step), y[part], 0.5)
    return [to_host(parameter).tobytes() for parameter in net.params]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS.keys())
def test_each_step_trains_on_images_of_its_own(layers, dtype, device):
    given = distort(digits(), seed=2, **ALL)
    net, other = make(layers, dtype, device), make(layers, dtype, device)
    net.SGD(given, 3, 4, 0.5, None, None, verbose=False)
    assert ending(net, net.history)[0] == by_hand(other, given, 9)


def test_a_second_call_goes_on_with_new_images():
    given = distort(digits(), **ALL)
    net, other = make(), make()
    for epochs in (1, 2):
        net.SGD(given, epochs, 4, 0.5, None, None, verbose=False)
    assert ending(net, net.history)[0] == by_hand(other, given, 9)


def test_what_is_distorted_by_nothing_trains_as_it_is(device):
    endings = []
    for given in (digits(), distort(digits())):
        net = make(device=device)
        endings.append(ending(net, train(net, given, validation=given)))
    assert endings[0] == endings[1]


def test_in_all_else_they_are_the_images_of_step_0(device):
    given = distort(digits(41), **ALL)
    arrays = np.asarray(given.x), given.y
    net = make(NETWORKS["convolutional"], "float64", device)
    np.testing.assert_allclose(net.forward(given.x), net.forward(arrays[0]), atol=1e-12)
    assert net.predict(given.x).tolist() == net.predict(arrays[0]).tolist()
    assert net.accuracy(given) == net.accuracy(arrays)
    assert net.cost(given) == pytest.approx(net.cost(arrays))


def test_images_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"^training_data images: expected images \(n, 30\) .*; got \(12, 1, 5, 6\)"):
        train(make(NETWORKS["convolutional"]), distort((np.zeros((12, 1, 5, 6)), digits()[1])))
    with pytest.raises(ValueError, match=r"^training_data images: expected finite numbers"):
        train(make(), distort((np.full((12, 1, 6, 5), np.nan), digits()[1])))


def test_distorted_digits_are_learnt():
    training, validation, _ = load("digits")
    net = Network([FullyConnectedLayer(784, 30), SoftmaxLayer(30, 10)], 10, device="cpu")
    history = net.SGD(distort(training, **HANDWRITING), 5, 10, 0.5, validation, None, verbose=False)
    assert history.validation_accuracy[-1] > 0.85


# Interruptions.


def test_an_interrupted_run_goes_on_with_the_images_that_it_would_have_seen(tmp_path):
    given = distort(digits(), **ALL)
    whole = make()
    expected = ending(whole, train(whole, given, 4, validation=given))
    for epochs in (1, 3, 4):
        net = make()
        history = train(net, given, epochs, validation=given, checkpoint=tmp_path)
    assert ending(net, history) == expected


def test_with_more_patience_a_run_goes_on_in_the_middle_of_an_epoch():
    def run(net, stopping):
        train(net, given, 4, validation=digits(8), early_stopping=stopping)
        return stopping.stood.done, [to_host(parameter).tobytes() for parameter in stopping.stood.parameters]

    given = distort(digits(22), **ALL)
    expected = run(make(), EarlyStopping(14, increase=0))
    net, stopping = make(), EarlyStopping(7, increase=0)
    assert run(net, stopping)[0] == 8 - 5
    stopping.patience = 14
    assert run(net, stopping) == expected


def test_after_a_failure_the_steps_are_taken_again_on_the_same_images():
    given = distort(digits(20), **ALL)
    net, other = make(), make()
    back, met = net._backpropagate, []

    def spoiled(x, y, step):
        met.append((step, x.tobytes()))
        cost = back(x, y, step)
        if step == 6:
            net.layers[0].gradients[1][0] = np.nan
        return cost

    net._backpropagate = spoiled
    with pytest.raises(NonFiniteError) as caught:
        train(net, given)
    assert caught.value.step == net.steps == 6
    assert len(met) > len(set(met)) == len({step for step, _ in met}), "a step was taken again on other images"

    def stop(x, y, step):
        if step == 6:
            raise KeyboardInterrupt
        return Network._backpropagate(other, x, y, step)

    other._backpropagate = stop
    with pytest.raises(KeyboardInterrupt):
        train(other, given, guard=False)
    assert [a.tobytes() for a in net.params] == [a.tobytes() for a in other.params]


OTHERS = {
    "seed": lambda: distort(digits(), seed=1, **ALL),
    "rotation": lambda: distort(digits(), **ALL | {"rotation": 41}),
    "skew": lambda: distort(digits(), **ALL | {"skew": 21}),
    "scale": lambda: distort(digits(), **ALL | {"scale": 0.31}),
    "shift": lambda: distort(digits(), **ALL | {"shift": 2}),
    "elastic": lambda: distort(digits(), **ALL | {"elastic": (1.5, 9)}),
    "no elastic": lambda: distort(digits(), **ALL | {"elastic": None}),
    "shape": lambda: distort((digits()[0].reshape(12, 5, 6), digits()[1]), **ALL),
    "images": lambda: distort((digits()[0] / 2, digits()[1]), **ALL),
    "plain": digits,
    "step 0": lambda: (distort(digits(), **ALL).x[:], digits()[1]),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_a_run_on_images_distorted_otherwise_is_another_run(other, tmp_path):
    train(make(), distort(digits(), **ALL), 1, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="belongs to another run, with data "):
        train(make(), other(), 2, checkpoint=tmp_path)


def test_a_run_goes_on_where_images_are_rounded_in_another_way(xp, monkeypatch):
    here, there = (distort(pair((30, 5, 5), library), **ALL).x for library in (np, xp))
    monkeypatch.setattr(Distorted, "take", None)  # the digest does not look at what is made
    assert digest([here]) == digest([there])
    whole = distort(pair((30, 5, 5)), **{name: float(v) if name != "elastic" else v for name, v in ALL.items()}).x
    assert digest([whole]) == digest([here]), "1 and 1.0 are the same"


# What they cost.


def test_a_network_makes_no_more_images_at_once_than_it_looks_at():
    training, validation, test = load("digits")
    training = np.tile(training.x, (4, 1)), np.tile(training.y, 4)
    given = distort(training, **HANDWRITING)
    net = Network([SoftmaxLayer(784, 10)], 10, device="cpu")
    everything = training[0].nbytes
    assert peak(lambda: net.SGD(given, 1, 10, 0.1, validation, test, shuffle=True, verbose=False)) < everything / 5
    assert peak(lambda: net.accuracy(given)) < everything / 5
    assert peak(lambda: distort(training, **HANDWRITING)) < 100_000
    assert peak(lambda: given.x[:]) < 1.2 * everything


@pytest.mark.parametrize("n", [10, 20, 100])
def test_mini_batches_take_no_new_memory_but_for_numbers_of_their_images(n):
    distorted, work = distort(load("digits").training, **HANDWRITING).x, Workspace()
    rows = np.arange(n)
    for step in range(2):
        distorted.take(rows, work, step)
    size = np.setbufsize(16)
    try:
        assert peak(lambda: distorted.take(rows, work, 2)) < 30_000, "a field of twenty images has 125 KB"
    finally:
        np.setbufsize(size)


def test_on_a_gpu_no_mini_batch_crosses_the_bus(xp):
    distorted, work = distort(pair((12, 6, 6), xp), **ALL).x, Workspace(xp)
    rows = xp.arange(10)
    before = dict(crossings)
    for step in range(3):
        distorted.take(rows, work, step)
    assert crossings == before
