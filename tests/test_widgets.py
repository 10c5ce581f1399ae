"""Figures with controls, tested without a browser: through what they draw, and through the widgets' own values."""

import base64
import io

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image
from traitlets import TraitError

from netlib import widgets
from netlib.widgets import Choice, Explorer, Movie, Slider, Text

X = np.arange(3)


@pytest.fixture(autouse=True)
def _nothing_is_left_to_pyplot():
    plt.close("all")
    yield
    assert plt.get_fignums() == []


class Draw:
    """A function that draws a line with a slope, and remembers what it was asked for."""

    def __init__(self, error=ValueError):
        self.calls = []
        self.error = error

    def __call__(self, figure, slope, **others):
        self.calls.append({"slope": slope, **others})
        if slope == 9:
            raise self.error("slope: 9 < 10 & more")
        figure.subplots().plot(X, slope * X)


def heights(figure):
    """The lines of a figure, of its parts if it has any."""
    return [line.get_ydata().tolist() for axis in figure.axes for line in axis.lines]


def size(png):
    image = Image.open(io.BytesIO(png))
    image.load()
    assert image.format == "PNG"
    return image.size


def slopes(*values):
    return [[0, slope, 2 * slope] for slope in values]


@pytest.fixture
def draw():
    return Draw()


@pytest.fixture
def explorer(draw):
    return Explorer(draw, {"slope": Slider(2, 0, 9), "name": Choice("a", ["a", "b"])})


# Explorer


def test_at_first_the_figure_is_drawn_once_from_the_initial_values(explorer, draw):
    assert draw.calls == [{"slope": 2, "name": "a"}]
    assert heights(explorer.figure) == slopes(2)
    assert explorer.picture.value == widgets.png(explorer.figure)
    assert size(explorer.picture.value) == (700, 280)
    assert explorer.picture.format == "png"
    assert explorer.message.value == ""


def test_a_figure_has_the_size_that_is_asked_for_and_keeps_it(draw):
    explorer = Explorer(draw, {"slope": Slider(2, 0, 9)}, size=(3, 2.5))
    assert size(explorer.picture.value) == (300, 250)
    explorer.set(slope=3)
    assert size(explorer.picture.value) == (300, 250)


def test_axes_do_not_move_when_their_labels_grow_longer():
    def labelled(figure, slope):
        figure.subplots().set_ylabel("long\n" * slope)

    explorer = Explorer(labelled, {"slope": Slider(0, 0, 9)})
    before = explorer.figure.axes[0].get_position().bounds
    explorer.set(slope=5)
    assert explorer.figure.axes[0].get_position().bounds == before
    left, bottom, width, height = before
    inches = (7 * left, 2.8 * bottom, 7 * (1 - left - width), 2.8 * (1 - bottom - height))
    assert inches == pytest.approx((0.7, 0.53, 0.2, 0.28)), "left, below, right, above"


def test_margins_that_one_drawing_sets_are_not_those_of_the_next():
    def narrow(figure, slope):
        if slope == 1:
            figure.subplots_adjust(left=0.5)
        figure.subplots()

    explorer = Explorer(narrow, {"slope": Slider(0, 0, 9)})
    places = []
    for slope in (0, 1, 2):
        explorer.set(slope=slope)
        places.append(explorer.figure.axes[0].get_position().x0)
    assert places == pytest.approx([0.1, 0.5, 0.1])


def by_hand(control, value):
    """What a front end's message does."""
    control.set_state({"value": value})


def by_code(control, value):
    control.value = value


@pytest.mark.parametrize("move", [by_hand, by_code])
def test_a_moved_control_draws_once(move, explorer, draw):
    before = explorer.picture.value
    move(explorer.controls["slope"], 5)
    assert draw.calls[1:] == [{"slope": 5, "name": "a"}]
    assert heights(explorer.figure) == slopes(5)
    assert explorer.picture.value == widgets.png(explorer.figure) != before
    move(explorer.controls["slope"], 5)
    assert len(draw.calls) == 2


def test_a_choice_is_moved_by_its_place(explorer, draw):
    explorer.controls["name"].set_state({"index": 1})
    assert draw.calls[1:] == [{"slope": 2, "name": "b"}]


def test_setting_several_controls_draws_once_and_the_same_values_not_at_all(explorer, draw):
    explorer.set(slope=4, name="b")
    assert draw.calls[1:] == [{"slope": 4, "name": "b"}]
    assert explorer.values == {"slope": 4, "name": "b"}
    explorer.set(name="b", slope=4)
    explorer.set()
    assert len(draw.calls) == 2


def test_values_beyond_the_ends_become_the_ends(explorer, draw):
    explorer.set(slope=-3)
    assert (explorer.values["slope"], heights(explorer.figure)) == (0, slopes(0))
    explorer.set(slope=-1)
    assert len(draw.calls) == 2


def test_an_initial_value_beyond_the_ends_is_drawn_where_its_control_stands():
    explorer = Explorer(Draw(), {"slope": Slider(20, 0, 8)})
    assert (explorer.values["slope"], heights(explorer.figure)) == (8, slopes(8))


@pytest.mark.parametrize(
    ("values", "error"),
    [({"slope": 5, "nonsense": 1}, KeyError), ({"slope": 5, "name": "c"}, TraitError), ({"slope": "x"}, TraitError)],
)
def test_after_values_that_are_refused_the_picture_agrees_with_the_controls_which_still_move(values, error, explorer):
    with pytest.raises(error, match=r"nonsense|Invalid selection|invalid literal|expected"):
        explorer.set(**values)
    assert heights(explorer.figure) == slopes(explorer.values["slope"])
    explorer.set(slope=3)
    assert heights(explorer.figure) == slopes(3)
    by_hand(explorer.controls["slope"], 4)
    assert heights(explorer.figure) == slopes(4)


def buttons(explorer):
    """The buttons by their labels."""
    controls, row, picture, message = explorer.panel.children
    assert controls.children == tuple(explorer.controls.values())
    assert (picture, message) == (explorer.picture, explorer.message)
    return {button.description: button for button in row.children}


def test_reset_sets_what_was_there_at_first_and_draws_once(explorer, draw):
    assert list(buttons(explorer)) == ["Reset"]
    explorer.set(slope=4, name="b")
    buttons(explorer)["Reset"].click()
    assert draw.calls[2:] == [{"slope": 2, "name": "a"}]
    assert heights(explorer.figure) == slopes(2)


def test_a_button_sets_its_values_and_one_with_a_function_asks_it_anew_each_time(draw):
    numbers = iter([5, 6])
    explorer = Explorer(
        draw,
        {"slope": Slider(1, 0, 9), "name": Choice("a", ["a", "b"])},
        buttons={"Four": {"slope": 4, "name": "b"}, "Next": lambda: {"slope": next(numbers)}},
    )
    assert list(buttons(explorer)) == ["Reset", "Four", "Next"]
    for label in ["Four", "Next", "Next"]:
        buttons(explorer)[label].click()
    assert draw.calls[1:] == [{"slope": slope, "name": "b"} for slope in (4, 5, 6)]


def test_a_value_error_is_shown_while_the_last_picture_stays_until_a_good_value(explorer):
    figure, picture = explorer.figure, explorer.picture.value
    by_hand(explorer.controls["slope"], 9)
    assert explorer.message.value == "<pre>slope: 9 &lt; 10 &amp; more</pre>"
    assert explorer.figure is figure
    assert explorer.picture.value == picture
    by_hand(explorer.controls["slope"], 3)
    assert explorer.message.value == ""
    assert heights(explorer.figure) == slopes(3)


def test_a_value_error_that_a_button_leads_to_is_shown_as_well(draw):
    explorer = Explorer(draw, {"slope": Slider(1, 0, 9)}, buttons={"Nine": {"slope": 9}})
    buttons(explorer)["Nine"].click()
    assert "9 &lt; 10" in explorer.message.value
    buttons(explorer)["Reset"].click()
    assert explorer.message.value == ""


def test_at_first_there_is_no_last_picture_and_a_value_error_is_raised(draw):
    with pytest.raises(ValueError, match="9 < 10"):
        Explorer(draw, {"slope": Slider(9, 0, 9)})


def test_other_errors_are_not_swallowed_and_the_controls_still_move():
    explorer = Explorer(Draw(ZeroDivisionError), {"slope": Slider(2, 0, 9)})
    with pytest.raises(ZeroDivisionError):
        explorer.controls["slope"].value = 9
    with pytest.raises(ZeroDivisionError):
        Explorer(Draw(ZeroDivisionError), {"slope": Slider(2, 0, 9)}).set(slope=9)
    explorer.set(slope=3)
    assert heights(explorer.figure) == slopes(3)


@pytest.mark.parametrize("control", [3, "slope", ipywidgets.IntSlider(), Slider])
def test_what_is_no_control_is_named(control, draw):
    with pytest.raises(TypeError, match=r"controls\['slope'\]: expected a Control object"):
        Explorer(draw, {"slope": control})


# Controls


def made(control, label="its name", vertical=False):
    return Explorer(lambda figure, **_: None, {label: control}, vertical=vertical).controls[label]


@pytest.mark.parametrize("control", [Slider(2, 0, 9), Choice("a", ["a"]), Text("x")], ids=lambda c: type(c).__name__)
def test_a_control_is_called_by_its_label_or_else_its_name(control):
    assert made(control).description == "its name"
    assert made(type(control)(**{**vars(control), "label": "a label"})).description == "a label"


def test_a_slider_of_integers_gives_integers():
    slider = made(Slider(4, 2, 12, 2))
    assert isinstance(slider, ipywidgets.IntSlider)
    assert (slider.value, slider.min, slider.max, slider.step) == (4, 2, 12, 2)
    assert slider.readout_format == "d"
    assert type(slider.value) is int


@pytest.mark.parametrize(
    "numbers",
    [(4.0, 2, 12, 2), (4, 2.0, 12, 2), (4, 2, 12.0, 2), (4, 2, 12, 0.5)],
    ids=["value", "low", "high", "step"],
)
def test_a_slider_with_one_number_that_is_no_integer_gives_floats(numbers):
    slider = made(Slider(*numbers))
    assert isinstance(slider, ipywidgets.FloatSlider)
    assert (slider.value, slider.min, slider.max, slider.step) == numbers
    assert type(slider.value) is float


@pytest.mark.parametrize(
    ("step", "decimals"),
    [(0.1, 1), (0.5, 1), (0.25, 2), (0.001, 3), (1e-5, 5), (1.0, 0), (10.0, 0), (2.5, 1), (0.1 + 0.2, 1)],
)
def test_a_slider_shows_the_decimals_that_its_steps_need(step, decimals):
    assert made(Slider(0.0, 0, 100, step)).readout_format == f".{decimals}f"


@pytest.mark.parametrize("slider", [Slider(1, 0, 9), Slider(0.5, 0, 1, 0.1)], ids=["integers", "floats"])
def test_sliders_lie_below_each_other_or_stand_side_by_side(slider):
    for vertical, way, box in [(False, "horizontal", ipywidgets.VBox), (True, "vertical", ipywidgets.HBox)]:
        explorer = Explorer(lambda figure, **_: None, {"a": slider, "b": slider}, vertical=vertical)
        assert {control.orientation for control in explorer.controls.values()} == {way}
        column = explorer.panel.children[0]
        assert type(column) is box
        assert column.children == tuple(explorer.controls.values())
        assert {control.style.description_width for control in column.children} == {"initial"}


def test_a_choice_has_its_options():
    choice = made(Choice("b", ("a", "b")))
    assert isinstance(choice, ipywidgets.Dropdown)
    assert (choice.value, choice.options) == ("b", ("a", "b"))


def test_a_text_counts_when_enter_is_pressed():
    text = made(Text("x + 1"))
    assert isinstance(text, ipywidgets.Text)
    assert text.value == "x + 1"
    assert text.continuous_update is False


# What a page stores


@pytest.mark.parametrize(
    ("shown", "pixels"),
    [
        (lambda draw: Explorer(draw, {"slope": Slider(2, 0, 9)}), (700, 280)),
        (lambda draw: Movie(draw, [{"slope": 1}, {"slope": 2}]), (1000, 280)),
    ],
    ids=["Explorer", "Movie"],
)
def test_a_page_has_text_a_picture_and_the_panel(shown, pixels, draw):
    shown = shown(draw)
    data, _ = DisplayFormatter().format(shown)
    assert set(data) == {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"}
    assert data["text/plain"] == f"Figure({pixels[0]}x{pixels[1]})"
    picture = base64.b64decode(data["image/png"], validate=True)
    assert size(picture) == pixels
    assert picture == widgets.png(shown.figure)
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == shown.panel.model_id


def test_the_picture_of_a_page_is_the_last_one(explorer):
    explorer.set(slope=7)
    data, _ = DisplayFormatter().format(explorer)
    assert base64.b64decode(data["image/png"]) == explorer.picture.value


def test_explore_and_movie_show_what_they_are_asked_for(monkeypatch, draw):
    shown = []
    monkeypatch.setattr(widgets.showing, "display", shown.append)
    assert widgets.explore(draw, {"slope": Slider(2, 0, 9)}, size=(3, 2), buttons={"Five": {"slope": 5}}) is None
    assert widgets.movie(draw, [{"slope": i} for i in range(9)], strip=2) is None
    explorer, movie = shown
    assert list(buttons(explorer)) == ["Reset", "Five"]
    assert size(explorer.picture.value) == (300, 200)
    assert heights(movie.figure) == slopes(0, 8)


# Movie


@pytest.mark.parametrize("strip", [2, 4, 7])
@pytest.mark.parametrize("frames", [1, 2, 3, 5, 8, 30])
def test_a_strip_goes_from_the_first_frame_to_the_last_in_even_steps(strip, frames):
    movie = Movie(Draw(None), [{"slope": 10 + i} for i in range(frames)], strip=strip)
    assert len(movie.shown) == min(strip, frames)
    assert (movie.shown[0], movie.shown[-1]) == (0, frames - 1)
    steps = set(np.diff(movie.shown).tolist())
    assert all(step > 0 for step in steps)
    assert not steps or max(steps) - min(steps) <= 1
    assert heights(movie.figure) == slopes(*(10 + i for i in movie.shown))
    assert size(widgets.png(movie.figure)) == (1000, 280)
    parts = [axis.get_window_extent().x0 for axis in movie.figure.axes]
    assert parts == sorted(set(parts)), "the frames are not side by side, in order"
    width = 1000 / len(parts)
    assert [x - i * width for i, x in enumerate(parts)] == pytest.approx([70] * len(parts)), "0.7 inches for the labels"


def test_a_strip_has_four_frames_unless_told_and_at_least_two(draw):
    frames = [{"slope": i} for i in range(8)]
    assert Movie(draw, frames).shown == [0, 2, 5, 7]
    with pytest.raises(ValueError, match="strip: expected an integer of at least 2; got 1"):
        Movie(draw, frames, strip=1)


@pytest.mark.parametrize("frames", [[], ()])
def test_a_movie_without_frames_is_refused(frames, draw):
    with pytest.raises(ValueError, match="frames: expected at least one frame; got none"):
        Movie(draw, frames)


def test_frames_are_drawn_when_they_are_asked_for_and_once(draw):
    movie = Movie(draw, [{"slope": i} for i in range(8)], strip=2)
    strip_and_first = [{"slope": i} for i in (0, 7, 0)]
    assert draw.calls == strip_and_first
    third = movie.frame(3)
    assert draw.calls == [*strip_and_first, {"slope": 3}]
    assert size(third) == (420, 280)
    assert movie.frame(3) == third
    assert movie.frame(4) != third
    assert [call["slope"] for call in draw.calls[3:]] == [3, 4]


def test_the_place_that_plays_along_chooses_the_picture(draw):
    movie = Movie(draw, [{"slope": i} for i in range(6)], interval=250)
    assert (movie.place.min, movie.place.value, movie.place.max) == (0, 0, 5)
    assert movie.picture.value == movie.frame(0)
    by_hand(movie.place, 4)
    assert movie.picture.value == movie.frame(4) != movie.frame(0)
    by_hand(movie.place, 0)
    assert movie.picture.value == movie.frame(0)
    assert movie.picture.format == "png"
    row, picture = movie.panel.children
    play, place = row.children
    assert (place, picture) == (movie.place, movie.picture)
    assert (play.min, play.max, play.interval) == (0, 5, 250)
    assert place.readout is False


def test_play_and_place_are_linked_in_the_browser(monkeypatch, draw):
    links = []
    monkeypatch.setattr(ipywidgets, "jslink", lambda *ends: links.append(ends))
    movie = Movie(draw, [{"slope": i} for i in range(3)])
    play, place = movie.panel.children[0].children
    assert links == [((play, "value"), (place, "value"))]


def test_a_movie_has_the_size_that_is_asked_for(draw):
    movie = Movie(draw, [{"slope": 1}, {"slope": 2}], size=(2, 3))
    assert size(movie.picture.value) == size(movie.frame(1)) == (200, 300)
    assert size(widgets.png(movie.figure)) == (1000, 300)


def test_a_movie_keeps_its_frames_when_the_list_that_it_was_given_changes(draw):
    frames = [{"slope": 1}, {"slope": 2}]
    movie = Movie(draw, frames)
    frames.clear()
    movie.frame(1)
    assert draw.calls[-1] == {"slope": 2}


# Figures


def test_a_picture_is_the_figure_pixel_for_pixel(explorer):
    explorer.figure.canvas.draw()
    canvas = np.asarray(explorer.figure.canvas.buffer_rgba())
    picture = Image.open(io.BytesIO(widgets.png(explorer.figure))).convert("RGBA")
    assert np.array_equal(np.asarray(picture), canvas)


def test_a_blank_figure_is_empty_and_of_its_size():
    figure = widgets.blank((3, 2))
    assert figure.axes == []
    assert tuple(figure.get_size_inches()) == (3, 2)
