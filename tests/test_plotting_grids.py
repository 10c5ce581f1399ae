"""Grids with framed fields, and layers of feature maps: tested through what they draw, and where."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, ConnectionPatch, Rectangle

from netlib import plotting

mpl.use("Agg")


@pytest.fixture
def axis():
    yield plt.figure().subplots()
    plt.close("all")


def rectangles(axis):
    """(left, bottom, width, height) of each rectangle in an axis, as it was drawn."""
    return [(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in rectangle_patches(axis)]


def rectangle_patches(axis):
    return [patch for patch in axis.patches if isinstance(patch, Rectangle)]


def lines_between_cells(axis):
    return {tuple(map(tuple, segment)) for lines in axis.collections for segment in lines.get_segments()}


def test_a_grid_shows_the_values_dark_for_large(axis):
    values = np.arange(6.0).reshape(2, 3)
    plotting.grid(axis, values, title="six")
    (image,) = axis.images
    assert np.array_equal(image.get_array(), values)
    assert (image.get_cmap().name, image.get_clim()) == ("gray_r", (0, 5))
    assert axis.get_title() == "six"
    assert len(axis.get_xticks()) == len(axis.get_yticks()) == 0


@pytest.mark.parametrize(
    ("values", "limits", "expected"),
    [
        ([[-3.0, 1.0]], None, (-3, 3)),
        ([[0.0, 0.0]], None, (0, 1)),
        ([[-3.0, 1.0]], (-1, 2), (-1, 2)),
        ([[0.25, 0.5]], None, (0, 0.5)),
    ],
)
def test_zero_is_paper_or_the_grey_in_the_middle(axis, values, limits, expected):
    plotting.grid(axis, np.array(values), limits=limits)
    assert axis.images[0].get_clim() == expected


def test_fields_are_framed_around_their_cells_each_in_its_colour(axis):
    plotting.grid(axis, np.zeros((6, 7)), fields=[(1, 2, 3, 4), None, (0, 0, 1, 1)])
    assert rectangles(axis) == [(1.5, 0.5, 4, 3), (-0.5, -0.5, 1, 1)]
    colours = [to_hex(patch.get_edgecolor()) for patch in rectangle_patches(axis)]
    assert colours == [to_hex("C1"), to_hex("C3")]
    assert not any(patch.get_fill() for patch in rectangle_patches(axis))


def test_numbers_stand_in_their_cells_light_on_dark_and_zero_has_no_sign(axis):
    plotting.grid(axis, np.array([[1.0, -0.04], [0.26, 0.0]]), limits=(0, 1), numbers=".1f")
    written = {text.get_position(): (text.get_text(), text.get_color()) for text in axis.texts}
    expected = {(0, 0): ("1.0", "white"), (1, 0): ("0.0", "black"), (0, 1): ("0.3", "black"), (1, 1): ("0.0", "black")}
    assert written == expected


@pytest.mark.parametrize(
    ("shape", "lines", "n"), [((3, 4), None, 5), ((3, 4), False, 0), ((20, 20), None, 0), ((20, 20), True, 38)]
)
def test_few_cells_are_told_apart_by_lines(axis, shape, lines, n):
    plotting.grid(axis, np.zeros(shape), lines=lines)
    assert len(lines_between_cells(axis)) == n


def test_lines_run_between_the_cells(axis):
    plotting.grid(axis, np.zeros((2, 3)))
    assert lines_between_cells(axis) == {
        ((-0.5, 0.5), (2.5, 0.5)),
        ((0.5, -0.5), (0.5, 1.5)),
        ((1.5, -0.5), (1.5, 1.5)),
    }


def test_a_field_is_projected_from_its_right_corners_to_the_left_ones_of_its_cell():
    figure, (left, right) = plt.subplots(1, 2)
    plotting.grid(left, np.zeros((9, 9)))
    plotting.grid(right, np.zeros((5, 5)))
    plotting.project(left, (2, 3, 5, 4), right, (1, 2, 1, 1))
    lines = [patch for patch in figure.artists if isinstance(patch, ConnectionPatch)]
    assert [(line.xy1, line.xy2) for line in lines] == [((6.5, 1.5), (1.5, 0.5)), ((6.5, 6.5), (1.5, 1.5))]
    assert all((line.axesA, line.axesB) == (left, right) for line in lines)
    figure.savefig("/dev/null", format="png")
    plt.close(figure)


SHAPES = [(1, 28, 28), (3, 24, 24), (3, 12, 12), (10,)]


def test_layers_are_drawn_with_a_square_for_each_map_and_a_circle_for_each_neuron(axis):
    plotting.layers(axis, SHAPES, captions=["image", "maps"])
    sizes = [round(width, 6) for _, _, width, _ in rectangles(axis)]
    assert sizes == [3.0] + 3 * [round(3 * 24 / 28, 6)] + 3 * [round(3 * 12 / 28, 6)]
    assert sum(isinstance(patch, Circle) for patch in axis.patches) == 10
    starts = [left for left, *_ in rectangles(axis)]
    assert starts == sorted(starts)
    assert [text.get_text() for text in axis.texts] == [
        "image",
        "1 x 28 x 28",
        "maps",
        "3 x 24 x 24",
        "3 x 12 x 12",
        "10",
    ]
    assert not axis.axison


def test_windows_are_framed_in_their_size_inside_the_map_before(axis):
    plotting.layers(axis, SHAPES, [(5, 5), (2, 2), None])
    framed = [patch for patch in rectangle_patches(axis) if to_hex(patch.get_edgecolor()) == to_hex("C1")]
    cell = 3 / 28
    assert [round(patch.get_width() / cell) for patch in framed] == [5, 1, 2, 1]
    image, *_ = rectangle_patches(axis)
    window = framed[0]
    assert image.get_x() < window.get_x() < window.get_x() + window.get_width() < image.get_x() + image.get_width()
    assert image.get_y() < window.get_y() < window.get_y() + window.get_height() < image.get_y() + image.get_height()
    plain = [line for line in axis.lines if to_hex(line.get_color()) != to_hex("C1")]
    assert len(axis.lines) == 6
    assert len(plain) == 2, "where a neuron reads everything, two lines lead from the edges of the map to the column"


def test_maps_that_are_not_square_and_a_layer_of_neurons_alone(axis):
    plotting.layers(axis, [(2, 10, 5), (4,)], [None])
    assert [(round(w, 6), round(h, 6)) for _, _, w, h in rectangles(axis)] == 2 * [(1.5, 3.0)]
    plotting.layers(axis, [(3,)])
