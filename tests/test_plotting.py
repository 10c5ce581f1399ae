"""Figures, tested through the numbers that they draw."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from mpl_toolkits.mplot3d import Axes3D

from netlib import History, plotting

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def drawn(figure):
    """The arrays of all images in a figure, in order."""
    return [np.asarray(image.get_array()) for axis in figure.axes for image in axis.images]


@pytest.mark.parametrize("shape", [(7, 4, 4), (7, 16), (1, 4, 4)])
def test_images_draws_each_image_with_its_caption(shape):
    x = np.random.default_rng(0).random(shape)
    figure = plotting.images(x, captions=range(len(x)), columns=3)
    assert np.array_equal(np.stack(drawn(figure)), x.reshape(-1, 4, 4))
    assert [axis.get_title() for axis in figure.axes if axis.images] == [str(i) for i in range(len(x))]


def test_images_are_drawn_dark_for_ink_and_on_one_scale():
    figure = plotting.images(np.zeros((2, 3, 3)))
    assert {image.get_clim() for axis in figure.axes for image in axis.images} == {(0, 1)}
    assert {image.get_cmap().name for axis in figure.axes for image in axis.images} == {"gray_r"}


def test_no_image_at_all_is_an_empty_figure():
    assert drawn(plotting.images(np.zeros((0, 784)))) == []


def test_filters_have_grey_for_zero():
    w = np.random.default_rng(0).standard_normal((3, 5, 5))
    figure = plotting.filters(w)
    assert np.array_equal(np.stack(drawn(figure)), w)
    limits = [image.get_clim() for axis in figure.axes for image in axis.images]
    assert limits == [(-np.abs(kernel).max(), np.abs(kernel).max()) for kernel in w]


def written(axis):
    """What is written into an axis: text, and where, across and up."""
    return [(text.get_text(), *text.get_position(), text.get_ha(), text.get_va()) for text in axis.texts]


@pytest.mark.parametrize("shape", [(3, 6, 6), (3, 36)])
def test_errors_has_the_true_label_at_the_top_right_and_the_vote_below_it(shape):
    x = np.random.default_rng(0).random(shape)
    figure = plotting.errors(x, np.array([6, 5, 8]), [0, 3, 9])
    assert np.array_equal(np.stack(drawn(figure)), x.reshape(-1, 6, 6))
    for axis, truth, vote in zip(figure.axes, "658", "039", strict=True):
        assert written(axis) == [(truth, 0.97, 0.97, "right", "top"), (vote, 0.97, 0.03, "right", "bottom")]
        assert all(text.get_transform() == axis.transAxes for text in axis.texts)
    assert {image.get_cmap().name for axis in figure.axes for image in axis.images} == {"gray_r"}
    assert {image.get_clim() for axis in figure.axes for image in axis.images} == {(0, 1)}


@pytest.mark.parametrize(("options", "n", "grid"), [({}, 40, (5, 8)), ({"columns": 3, "rows": 2}, 6, (2, 3))])
def test_errors_draws_no_more_than_the_books_figure_has_room_for(options, n, grid):
    labels = np.arange(44) % 10
    figure = plotting.errors(np.zeros((44, 4, 4)), labels, (labels + 1) % 10, **options)
    assert len(drawn(figure)) == n
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == grid
    told = [[entry[0] for entry in written(axis)] for axis in figure.axes if axis.images]
    assert told == [[str(i % 10), str((i + 1) % 10)] for i in range(n)]


def test_errors_without_votes_has_the_true_labels_alone():
    figure = plotting.errors(np.zeros((2, 4, 4)), [1, 2])
    assert [[entry[0] for entry in written(axis)] for axis in figure.axes] == [["1"], ["2"]]


def test_no_error_at_all_is_an_empty_figure():
    assert drawn(plotting.errors(np.zeros((0, 784)), [], [])) == []


@pytest.mark.parametrize(("truth", "votes"), [([1, 2], [1, 2, 3]), ([1, 2, 3], [1]), ([1], None)])
def test_errors_wants_a_label_and_a_vote_for_each_image(truth, votes):
    with pytest.raises(ValueError, match="expected 3 of each"):
        plotting.errors(np.zeros((3, 4, 4)), truth, votes)


def test_training_draws_cost_and_validation_accuracy_over_the_epochs():
    history = History(cost=[2.0, 0.5, 0.1], validation_accuracy=[0.5, 0.9, 0.95])
    left, right = plotting.training(history).axes
    for axis, values in [(left, history.cost), (right, history.validation_accuracy)]:
        (line,) = axis.lines
        assert line.get_xdata().tolist() == [0, 1, 2]
        assert list(line.get_ydata()) == values
        assert axis.get_xlabel() == "epoch"
    assert left.get_yscale() == "log"


def test_training_without_validation_data_has_one_panel():
    (panel,) = plotting.training(History(cost=[2.0, 0.5])).axes
    assert list(panel.lines[0].get_ydata()) == [2.0, 0.5]


def test_a_filter_of_zeros_is_grey():
    figure = plotting.filters(np.zeros((1, 3, 3)))
    assert figure.axes[0].images[0].get_clim() == (-1, 1)


def test_probabilities_draws_bars_as_high_as_the_probabilities():
    p = np.array([[0.1, 0.7, 0.2], [0.0, 0.0, 1.0]])
    x = np.random.default_rng(0).random((2, 4, 4))
    figure = plotting.probabilities(x, p)
    assert np.array_equal(np.stack(drawn(figure)), x)
    heights = [[bar.get_height() for bar in axis.patches] for axis in figure.axes if axis.patches]
    assert heights == p.tolist()


def test_journey_lays_the_maps_side_by_side_with_a_blank_line_between():
    rng = np.random.default_rng(0)
    x, maps, p = rng.random((6, 6)), rng.random((5, 2, 3)), np.array([0.25, 0.75])
    figure = plotting.journey(x, [maps], p)
    image, sheet = drawn(figure)
    sheet = np.ma.filled(sheet, np.nan)
    assert np.array_equal(image, x)
    assert sheet.shape == (2 * 3 - 1, 3 * 4 - 1)
    for i, answers in enumerate(maps):
        top, left = i // 3 * 3, i % 3 * 4
        assert np.array_equal(sheet[top : top + 2, left : left + 3], answers)
    assert np.isnan(sheet[2]).all()
    assert [bar.get_height() for bar in figure.axes[-1].patches] == p.tolist()


def test_journey_has_a_sheet_for_each_layer():
    rng = np.random.default_rng(0)
    figure = plotting.journey(rng.random((6, 6)), [rng.random((4, 3, 3)), rng.random((9, 2, 2))], np.array([1.0]))
    assert [sheet.shape for sheet in drawn(figure)] == [(6, 6), (7, 7), (8, 8)]
    assert [axis.get_title() for axis in figure.axes[1:3]] == ["what layer 0 answers", "what layer 1 answers"]


def test_epochs_draws_a_line_for_each_run_and_a_dashed_one_for_its_mark():
    series = {"one": [2.0, 1.0, 0.5], "other": [3.0, 0.1]}
    (axis,) = plotting.epochs(series, "cost", marks={"other": 0.2}).axes
    one, other, mark = axis.lines
    assert [list(line.get_ydata()) for line in (one, other)] == list(series.values())
    assert [line.get_xdata().tolist() for line in (one, other)] == [[0, 1, 2], [0, 1]]
    assert set(mark.get_ydata()) == {0.2}
    assert (mark.get_color(), mark.get_linestyle()) == (other.get_color(), "--")
    assert (axis.get_yscale(), axis.get_xlabel(), axis.get_ylabel()) == ("log", "epoch", "cost")
    assert [text.get_text() for text in axis.figure.legends[0].get_texts()] == ["one", "other"]


@pytest.mark.parametrize("classes", [3, 10, 40])
def test_seen_draws_picture_image_and_bars_and_marks_the_highest(classes):
    rng = np.random.default_rng(0)
    originals = [rng.integers(256, size=(9, 7)).astype(np.uint8), rng.random((5, 8, 3)), rng.random((6, 6))]
    x, p = rng.random((3, 16)), rng.dirichlet(np.ones(classes), size=3)
    figure = plotting.seen(originals, x, p, ["one", "two", "$_$"])
    rows = np.reshape(figure.axes, (3, 3))
    for i, (left, middle, right) in enumerate(rows):
        assert np.array_equal(left.images[0].get_array(), originals[i])
        assert left.images[0].get_cmap()(0.0)[:3] == (0, 0, 0), "black is not drawn black"
        assert np.array_equal(middle.images[0].get_array(), x[i].reshape(4, 4))
        assert (middle.images[0].get_cmap().name, middle.images[0].get_clim()) == ("gray_r", (0, 1))
        assert [bar.get_height() for bar in right.patches] == p[i].tolist()
        colours = [bar.get_facecolor() for bar in right.patches]
        (marked,) = [k for k, colour in enumerate(colours) if colour != colours[p[i].argmin()]]
        assert marked == p[i].argmax()
        assert [text.get_text() for text in right.texts] == [f"{p[i].max():.0%}"]
        assert right.get_title(loc="left") == ["one", "two", "$_$"][i]
        assert len(right.get_xticks()) <= 26
    assert [left.images[0].get_clim() for left, *_ in rows[::2]] == [(0, 255), (0, 1)]
    figure.savefig("/dev/null", format="png")


def test_seen_wants_a_picture_for_every_image():
    with pytest.raises(ValueError, match="shorter"):
        plotting.seen([np.zeros((3, 3))], np.zeros((2, 4)), np.full((2, 3), 1 / 3))


# Networks, and surfaces.


def circles(axis):
    """Centres of the neurons that are drawn, layer by layer from the left, each from the top."""
    return sorted((patch.center for patch in axis.patches), key=lambda centre: (centre[0], -centre[1]))


def test_a_network_is_drawn_with_a_circle_for_each_neuron_and_a_line_for_each_connection():
    axis = plt.figure().subplots()
    plotting.network(axis, [2, 3, 1])
    centres = circles(axis)
    assert [round(x, 6) for x, _ in centres] == [0, 0, 1.9, 1.9, 1.9, 3.8]
    assert [y for x, y in centres if x == 0] == pytest.approx([0.7, -0.7])
    assert centres[-1][1] == 0
    lines = {tuple(map(tuple, line.get_xydata())) for line in axis.lines}
    assert len(axis.lines) == len(lines) == 2 * 3 + 3 * 1
    assert all(start in centres and end in centres and start[0] < end[0] for start, end in lines)
    assert not axis.axison
    assert axis.get_aspect() == 1


def test_what_is_written_stands_at_its_neuron_or_connection():
    axis = plt.figure().subplots()
    labels = {"neurons": {(1, 0): "upper", (1, 1): "lower"}, "connections": {(1, 0, 1): "w", (2, 1, 0): "v"}}
    plotting.network(axis, [1, 2, 1], inputs=["x"], outputs=["f"], **labels)
    (start, upper, lower, end) = circles(axis)
    place = {text.get_text(): text.get_position() for text in axis.texts}
    assert set(place) == {"upper", "lower", "w", "v", "x", "f"}
    assert place["w"] == pytest.approx(((start[0] + lower[0]) / 2, (start[1] + lower[1]) / 2))
    assert place["v"] == pytest.approx(((end[0] + lower[0]) / 2, (end[1] + lower[1]) / 2))
    assert place["upper"][0] == upper[0]
    assert place["upper"][1] > upper[1]
    assert place["lower"][1] < lower[1]
    assert place["x"][0] < start[0]
    assert place["f"][0] > end[0]


def test_labels_of_a_crowded_layer_stand_in_its_neurons_and_do_not_overlap():
    axis = plt.figure().subplots()
    plotting.network(axis, [1, 8, 1], neurons={(1, i): str(i) for i in range(8)})
    middle = circles(axis)[1:9]
    assert [text.get_position() for text in axis.texts] == middle
    assert min(np.diff([y for _, y in middle][::-1])) > 2 * axis.patches[0].radius


def test_beside_a_network_there_is_an_axis_for_what_it_computes():
    figure = plt.figure()
    right = plotting.beside(figure, [1, 2, 1], inputs=["x"])
    left, other = figure.axes
    assert other is right
    assert len(left.patches) == 4
    assert right.axison
    assert not right.lines
    assert left.get_position().x1 < right.get_position().x0


def test_the_square_is_covered_from_corner_to_corner():
    x, y = plotting.square(4)
    assert x.shape == y.shape == (5, 5)
    assert x[2].tolist() == y[:, 2].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert plotting.square()[0].shape == (51, 51)


def test_a_surface_has_its_heights_over_the_square_and_turns(monkeypatch):
    x, y = plotting.square(10)
    figure, drawn, plot_surface = plt.figure(), [], Axes3D.plot_surface

    def plot_and_tell(axis, *coordinates, **options):
        drawn.append(coordinates)
        return plot_surface(axis, *coordinates, **options)

    monkeypatch.setattr(Axes3D, "plot_surface", plot_and_tell)
    front = plotting.surface(figure, x + 2 * y, zlim=(0, 3), title="plane", place=(1, 2, 1))
    left = plotting.surface(figure, x + 2 * y, zlim=(0, 3), turn=90, place=(1, 2, 2))
    assert left.azim - front.azim == 90
    assert left.elev == front.elev
    assert front.get_title() == "plane"
    assert front.get_zlim() == pytest.approx((0, 3), abs=0.1)
    (surface,) = front.collections
    assert surface.get_clim() == (0, 3)
    assert all(np.array_equal(a, b) for a, b in zip(drawn[0], (x, y, x + 2 * y), strict=True))
