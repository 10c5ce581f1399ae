"""The table of the book's numbers and ours, and the committee's vote."""

import collections
import dataclasses

import pytest

from netlib import Network
from netlib.data import load
from netlib.experiments import COMMITTEE, NETWORK2, NETWORK3, RECIPES, RecordError, rows, vote
from tests.experiments import FIVE, FOUR_SEEDS, IN_ALL, OF_CHAPTER_5, SMALL, make_record, member, small_run


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0], [2, 3, 0, 1]])
def test_a_row_has_the_books_number_and_the_spread(order):
    (row,) = rows(FOUR_SEEDS[i] for i in order)
    assert row.recipe is RECIPES["shallow"]
    assert (row.epochs, row.runs) == (60, 4)
    assert row.books_rule == pytest.approx(0.976, abs=1e-12)
    assert row.mean == pytest.approx(1 - (20 + 24 + 10 + 30) / 4000, abs=1e-12)
    assert row.lowest == pytest.approx(0.970, abs=1e-12)
    assert row.highest == pytest.approx(0.990, abs=1e-12)
    assert row.mean_last == pytest.approx(1 - (30 + 25 + 12 + 33) / 4000, abs=1e-12)


def test_one_run_is_all_there_is():
    (row,) = rows([make_record("dbl_conv", 5, errors=8, last=9)])
    assert (row.recipe.name, row.runs) == ("dbl_conv", 1)
    ours = (row.books_rule, row.mean, row.lowest, row.highest, row.mean_last)
    assert ours == pytest.approx((0.992, 0.992, 0.992, 0.992, 0.991), abs=1e-12)


def test_runs_of_another_number_of_epochs_are_left_out():
    others = [make_record(seed=8, errors=0, epochs=5), make_record("dbl_conv", epochs=61)]
    assert rows([*FOUR_SEEDS, *others]) == rows(FOUR_SEEDS)
    assert rows(others) == rows([]) == []


def test_recipes_come_in_the_order_of_the_book():
    names = ["dbl_conv_relu", "basic_conv", "shallow", "dbl_conv"]
    mixed = [make_record(name, seed, errors=3 + seed) for seed in (2, 0, 1) for name in names]
    assert [(row.recipe.name, row.runs) for row in rows(mixed)] == [
        ("shallow", 3),
        ("basic_conv", 3),
        ("dbl_conv", 3),
        ("dbl_conv_relu", 3),
    ]


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0]])
def test_a_row_of_chapter_5_has_accuracies_on_validation_data_and_by_the_books_rule_one_run(order):
    (row,) = rows((OF_CHAPTER_5[i] for i in order), NETWORK2)
    assert row.recipe is RECIPES["depth_2"]
    assert (row.epochs, row.runs) == (30, 3)
    ours = (row.books_rule, row.mean, row.lowest, row.highest, row.mean_last)
    assert ours == pytest.approx((0.93, 0.94, 0.92, 0.97, 0.90), abs=1e-12)


def test_rows_of_one_chapter_are_not_among_the_others():
    both = [*FOUR_SEEDS, *OF_CHAPTER_5]
    assert rows(both) == rows(both, NETWORK3) == rows(FOUR_SEEDS)
    assert rows(both, NETWORK2) == rows(OF_CHAPTER_5, NETWORK2)
    assert rows(OF_CHAPTER_5) == rows(FOUR_SEEDS, NETWORK2) == []


def test_a_record_of_an_unknown_recipe_is_refused_whatever_the_way():
    for way in (NETWORK2, NETWORK3):
        with pytest.raises(RecordError, match="of the recipe 'unheard_of'; there are depth_1, "):
            rows([make_record("unheard_of")], way)


# The committee.


def test_the_committee_votes_and_where_votes_tie_its_first_member_decides():
    assert vote(FIVE) == [
        *IN_ALL,
        [10, 1],  # two say 1, two are right, and the first says 1
        [20, 7],  # likewise
        [30, 1],  # each says another thing
        [40, 6],  # two say 6, one is right
    ]  # of image 50, two are right, one of them the first, and two say 8; of 60, one is wrong
    assert vote(FIVE[::-1]) == [*IN_ALL, [30, 5], [40, 6], [50, 8]]
    assert vote(FIVE, last=False) == [[5, 1], [6, 1]]
    assert vote(FIVE[:1]) == FIVE[0].last_errors


def test_a_vote_from_records_is_the_networks_vote(tmp_path):
    recipe = dataclasses.replace(SMALL, epochs=1)
    members = [small_run(recipe, tmp_path / str(seed), seed=seed) for seed in range(5)]
    x, y = load("digits").test
    nets = [Network.load(tmp_path / str(seed) / "epoch-0000.npz", device="cpu") for seed in range(5)]
    answers = zip(*(net.predict(x).tolist() for net in nets), strict=True)
    votes = [collections.Counter(each).most_common(1)[0][0] for each in answers]
    assert vote(members) == [[i, vote] for i, vote in enumerate(votes) if vote != y[i]]
    assert len(vote(members)) > 0


def test_networks_of_other_test_data_do_not_vote_together():
    for members in ([FIVE[0], member(1, [], n_test=250)], []):
        with pytest.raises(RecordError, match="records: expected some of the same test data"):
            vote(members)


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 1, 3]])
def test_five_records_are_a_committee_whose_row_is_the_last(order):
    *_, dropout, row = rows([*FOUR_SEEDS, *(FIVE[i] for i in order), make_record("expanded_data_100")])
    assert dropout.recipe is RECIPES["double_fc_dropout"]
    assert row.recipe is COMMITTEE
    assert (row.epochs, row.runs) == (40, 1)
    ours = (row.books_rule, row.mean, row.lowest, row.highest, row.mean_last)
    assert ours == pytest.approx((0.993, 0.998, 0.998, 0.998, 0.993), abs=1e-12)


def test_ten_records_are_two_committees_by_their_seeds():
    others = [member(seed, [[1, 1]] * (seed % 2), best=[[1, 1], [2, 1], [3, 1]]) for seed in (5, 6, 7, 8, 11)]
    row = rows([*others, *FIVE])[-1]
    assert (row.recipe, row.runs) == (COMMITTEE, 2)
    ours = (row.books_rule, row.mean, row.lowest, row.highest, row.mean_last)
    assert ours == pytest.approx((0.993, 0.9975, 0.997, 0.998, 0.996), abs=1e-12)


@pytest.mark.parametrize(
    "members",
    [
        FIVE[:4],
        [*FIVE[:4], member(4, [], epochs=39)],
        [*FIVE[:4], member(4, [], recipe="dbl_conv_relu", epochs=60)],
    ],
    ids=["four", "four and a part of one", "four and a stranger"],
)
def test_what_is_no_whole_committee_has_no_row(members):
    assert COMMITTEE not in [row.recipe for row in rows(members)]
    assert COMMITTEE not in [row.recipe for row in rows(FIVE, NETWORK2)]


def test_nine_records_are_one_committee():
    assert rows([*FIVE, *(member(seed, []) for seed in (5, 6, 7, 8))])[-1].runs == 1


def test_a_corrected_recipe_has_its_row_after_the_books():
    names = ["dbl_conv_relu-corrected", "basic_conv", "shallow", "shallow-corrected", "omit_FC", "dbl_conv_relu"]
    assert [row.recipe.name for row in rows(make_record(name) for name in names)] == [
        "shallow",
        "shallow-corrected",
        "basic_conv",
        "omit_FC",
        "dbl_conv_relu",
        "dbl_conv_relu-corrected",
    ]
