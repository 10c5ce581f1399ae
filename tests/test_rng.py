"""Random numbers against splitmix64 in plain Python, published values, and what chance allows (5 sigma)."""

import itertools
import math

import numpy as np
import pytest

from netlib.backend import to_host
from netlib.rng import Purpose, keep_mask, key, normals, permutation, words

WORD = 2**64


def splitmix64(state):
    """The generator of Steele, Lea and Flood, on Python's integers."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) % WORD
        z = state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
        yield z ^ (z >> 31)


def first_words(stream, count):
    return list(itertools.islice(splitmix64(stream), count))


def first_draws(stream, units):
    """The 16 bits that each unit of a mask reads."""
    stream = first_words(stream, units // 4 + 1)
    return [stream[u // 4] >> 16 * (u % 4) & 0xFFFF for u in range(units)]


def test_words_are_splitmix64s_published_ones(xp):
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    result = words(xp, 1234567, 5)
    assert result.dtype == np.uint64
    assert to_host(result).tolist() == published


@pytest.mark.parametrize("stream", [0, 1, WORD - 1, 0x9E3779B97F4A7C15, 2**63])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_words_are_splitmix64s_for_every_stream_and_count(xp, stream, count):
    assert to_host(words(xp, stream, count)).tolist() == first_words(stream, count)


def test_every_bit_of_the_words_is_set_half_the_time():
    drawn = words(np, key(1), 10_000)
    for bit in range(64):
        ones = int((drawn >> np.uint64(bit) & np.uint64(1)).sum())
        assert abs(ones - 5000) < 5 * 50


@pytest.mark.parametrize("parts", [(0,), (1, 2, 3), (7, Purpose.DROPOUT, 0, 12), (WORD - 1, WORD + 5), (-3, 4)])
def test_a_key_is_splitmix64_over_each_part_in_turn(parts):
    folded = 0
    for part in parts:
        folded = next(splitmix64(folded ^ (part % WORD)))
    assert key(*parts) == folded


def test_keys_differ_by_each_part_by_order_and_by_length():
    parts = [
        (),
        (0,),
        (0, 0),
        (0, 0, 0),
        (1,),
        (0, 1),
        (1, 0),
        (1, 1),
        (1, 2, 3),
        (1, 3, 2),
        (3, 2, 1),
        (2**32,),
        (-1,),
    ]
    assert len({key(*some) for some in parts}) == len(parts)
    grid = {key(*some) for some in itertools.product(range(10), repeat=4)}
    assert len(grid) == 10_000


def test_the_numbers_of_the_purposes_never_change():
    assert {purpose.name: purpose.value for purpose in Purpose} == {
        "WEIGHTS": 1,
        "BIASES": 2,
        "DROPOUT": 3,
        "ORDER": 4,
        "EXPANSION": 5,
        "DISTORTION": 6,
    }


@pytest.mark.parametrize("p_drop", [0.5, 0.1, 0.25, 1 / 3, 0.999, 1e-9, 0.0])
@pytest.mark.parametrize("shape", [(8,), (1,), (3, 5), (2, 3, 3, 5), (0, 4), ()])
def test_masks_are_those_of_plain_python_bit_for_bit(xp, p_drop, shape):
    draws = first_draws(99, math.prod(shape))
    expected = np.array([draw >= round(p_drop * 65536) for draw in draws], bool).reshape(shape)
    mask = keep_mask(xp, 99, shape, p_drop)
    assert mask.dtype == bool
    np.testing.assert_array_equal(to_host(mask), expected)


@pytest.mark.parametrize("unit", range(8))
@pytest.mark.parametrize(("above", "kept"), [(-1, True), (0, True), (0.4, True), (0.6, False), (1, False)])
def test_a_unit_is_kept_if_its_draw_is_at_least_the_rounded_threshold(xp, unit, above, kept):
    draw = first_draws(99, 8)[unit]
    assert bool(keep_mask(xp, 99, (8,), (draw + above) / 65536)[unit]) is kept


@pytest.mark.parametrize("p_drop", [0.01, 0.2, 0.5, 0.8, 0.99])
def test_masks_drop_the_asked_for_fraction(xp, p_drop):
    n = 200_000
    dropped = n - int(keep_mask(xp, key(5), (n,), p_drop).sum())
    assert abs(dropped - n * p_drop) < 5 * math.sqrt(n * p_drop * (1 - p_drop))


def test_masks_keep_everything_for_zero_and_only_the_largest_draw_short_of_one(xp):
    assert keep_mask(xp, 1, (1000, 7), 0.0).all()
    draws = np.array(first_draws(1, 300_000))
    assert {65534, 65535} <= set(draws)
    np.testing.assert_array_equal(to_host(keep_mask(xp, 1, (300_000,), 1 - 1e-9)), draws == 65535)


def test_masks_of_neighbouring_keys_and_units_are_unrelated(xp):
    masks = np.array([to_host(keep_mask(xp, key(*parts), (10_000,), 0.5)) for parts in ((0, 0), (0, 1), (1, 0))])
    for a, b in [*itertools.combinations(masks, 2), *((mask[1:], mask[:-1]) for mask in masks)]:
        assert abs((a == b).sum() - 5000) < 5 * 50


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_a_permutation_sorts_the_words_of_its_stream(n):
    hashes = first_words(key(3), n)
    order = permutation(key(3), n)
    assert order.tolist() == sorted(range(n), key=hashes.__getitem__)
    assert sorted(order.tolist()) == list(range(n))


def test_permutations_depend_on_the_stream_and_leave_few_in_place():
    orders = [permutation(key(stream), 1000) for stream in range(20)]
    assert len({tuple(order) for order in orders}) == 20
    in_place = sum(int((order == np.arange(1000)).sum()) for order in orders)
    assert abs(in_place - 20) < 5 * math.sqrt(20)


def test_normals_have_mean_0_deviation_1_and_gaussian_tails():
    n = 200_000
    drawn = normals(key(8), (n,))
    assert abs(drawn.mean()) < 5 / math.sqrt(n)
    assert abs(drawn.std() - 1) < 5 / math.sqrt(2 * n)
    for limit in 0.5, 1, 2, 3:
        beyond = math.erfc(limit / math.sqrt(2)) / 2
        for tail in drawn > limit, drawn < -limit:
            assert abs(tail.mean() - beyond) < 5 * math.sqrt(beyond * (1 - beyond) / n)


def test_normals_are_the_same_again_in_float64_and_any_shape():
    drawn = normals(key(8), (6, 4))
    assert drawn.dtype == np.float64
    np.testing.assert_array_equal(drawn, normals(key(8), (24,)).reshape(6, 4))


def test_normals_are_those_of_all_earlier_versions():
    """A NumPy that draws others would give every network other initial weights."""
    drawn = [1.02028797736073, 0.7597131895605167, -0.24583790273512823, 0.4420758466537692]
    assert normals(1, (4,)).tolist() == drawn
    drawn = [0.17468502191317076, -0.1586236393423535, 1.0221978127575304]
    assert normals(key(0, Purpose.WEIGHTS, 0), (3,)).tolist() == drawn


def test_normals_of_different_streams_are_unrelated():
    n = 20_000
    streams = [(0, Purpose.WEIGHTS, 0), (0, Purpose.BIASES, 0), (0, Purpose.WEIGHTS, 1), (1, Purpose.WEIGHTS, 0)]
    correlations = np.corrcoef([normals(key(*stream), (n,)) for stream in streams])
    assert np.abs(correlations - np.eye(4)).max() < 5 / math.sqrt(n)
