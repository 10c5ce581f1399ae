"""Strokes and the pictures of them."""

import json
import re

import numpy as np
import pytest

from netlib.drawing import SIZE, WIDTH, Sheet, picture


def test_a_dot_is_a_disc_as_wide_as_the_pen():
    dot = picture([[(100, 60)]])
    assert dot.shape == (SIZE, SIZE)
    ink = 1 - dot
    rows, columns = np.nonzero(ink > 0.5)
    assert (rows.mean(), columns.mean()) == (60, 100)
    assert ink.sum() == pytest.approx(np.pi * (WIDTH / 2) ** 2, rel=0.01)
    assert dot[60, 100] == 0
    assert dot[60, 100 + WIDTH // 2 + 1] == 1


def test_a_stroke_is_its_length_times_the_pen_with_round_ends():
    ink = 1 - picture([[(50, 80), (150, 80), (150, 200)]])
    one = 1 - picture([[(50, 80), (150, 80)]])
    assert one.sum() == pytest.approx(100 * WIDTH + np.pi * (WIDTH / 2) ** 2, rel=0.01)
    assert ink[140, 150] == ink[80, 60] == 1
    assert ink[140, 100] == 0
    diagonal = 1 - picture([[(50, 50), (110, 130)]])
    assert diagonal.sum() == pytest.approx(one.sum(), rel=0.01), "it is as long"


def test_strokes_lie_over_each_other_and_the_sheet_ends_at_its_edge():
    first, second = [(50, 50), (150, 150)], [(150, 50), (50, 150)]
    np.testing.assert_array_equal(picture([first, second]), np.minimum(picture([first]), picture([second])))
    assert picture([]).min() == 1
    assert picture([[(0, 0)]])[0, 0] == 0
    assert picture([[(-500, -500)]]).min() == 1


@pytest.mark.parametrize("stroke", [[], [(1,)], [(1, 2, 3)], [("a", "b")], [(1, np.nan)], 7, [(1, 2), (3,)]])
def test_what_is_no_stroke_is_refused(stroke):
    for draw in picture, Sheet:
        with pytest.raises(ValueError, match=r"^strokes\[1\]: expected points \(x, y\), at least one; got "):
            draw([[(1, 2)], stroke])


def test_a_sheet_holds_the_strokes_that_it_was_given():
    html = Sheet([[(1, 2), (3, 4.5)]])._repr_html_()
    found = json.loads(re.search(r"let strokes = (.*), drawing", html)[1])
    assert found == [[[1, 2], [3, 4.5]]]
    assert html.count("{") == html.count("}")
    assert "{{" not in html
