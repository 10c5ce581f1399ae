"""Votes of several networks, against counting by hand."""

from collections import Counter

import numpy as np
import pytest

from netlib.committee import dissent, plurality

VOTES = np.array(
    [
        [3, 4, 9, 1, 0, 7],
        [2, 9, 4, 4, 0, 8],
        [2, 4, 9, 3, 5, 8],
        [3, 9, 4, 2, 5, 8],
        [5, 1, 0, 0, 0, 7],
    ]
)  # in order: 2 and 3 tie, 4 and 9 tie twice, all tie, a majority, another one


def test_most_votes_win_and_of_as_many_the_smallest_label():
    assert plurality(VOTES).tolist() == [2, 4, 4, 0, 0, 8]
    assert plurality(VOTES[::-1]).tolist() == [2, 4, 4, 0, 0, 8]


def test_of_as_many_the_first_network_decides_if_that_is_asked_for():
    assert plurality(VOTES, ties="first").tolist() == [3, 4, 9, 1, 0, 8]
    assert plurality(VOTES[::-1], ties="first").tolist() == [3, 9, 4, 0, 0, 8]


def test_two_votes_among_five_are_enough_where_the_others_scatter():
    assert plurality([[1], [7], [2], [7], [9]]).tolist() == [7]


@pytest.mark.parametrize("nets", [1, 2, 3, 5, 8])
def test_votes_are_counted_as_bincount_and_as_the_books_counter_do(nets):
    votes = np.random.default_rng(nets).integers(4, size=(nets, 500))
    assert plurality(votes).tolist() == [np.bincount(column).argmax() for column in votes.T]
    counted = [Counter(column.tolist()).most_common(1)[0][0] for column in votes.T]
    assert plurality(votes, ties="first").tolist() == counted


def test_one_network_has_its_way_and_no_image_no_vote():
    assert plurality([[3, 0, 9]]).tolist() == [3, 0, 9]
    assert plurality(np.zeros((4, 0), int)).shape == (0,)


def test_dissent_is_the_number_of_networks_that_answer_otherwise():
    assert dissent(VOTES).tolist() == [3, 3, 3, 4, 2, 2]
    assert dissent([[1, 2], [1, 2]]).tolist() == [0, 0]


@pytest.mark.parametrize("ties", ["smallest", "first"])
def test_votes_may_live_on_a_device(xp, ties):
    labels = plurality(xp.asarray(VOTES), ties=ties)
    assert isinstance(labels, np.ndarray)
    assert labels.tolist() == plurality(VOTES, ties=ties).tolist()


@pytest.mark.parametrize(
    ("predictions", "error", "found"),
    [
        ([[0.5, 1.0]], TypeError, "predictions: expected integer labels; got float64"),
        ([1, 2, 3], ValueError, r"a row for each network and a column for each image; got \(3,\)"),
        (np.zeros((0, 3), int), ValueError, r"got \(0, 3\)"),
        ([[1, -1]], ValueError, "expected labels from 0; got -1"),
    ],
)
def test_what_is_no_table_of_labels_is_refused(predictions, error, found):
    with pytest.raises(error, match=found):
        plurality(predictions)


def test_an_unknown_rule_for_ties_is_refused():
    with pytest.raises(ValueError, match="ties: expected one of 'smallest', 'first'; got 'last'"):
        plurality(VOTES, ties="last")
