"""The records that come along: nothing in them is taken on trust that can be computed."""

import json
import statistics

import numpy as np
import pytest

from netlib.data import load
from netlib.experiments import NETWORK2, NETWORK3, RECIPES, markdown, opening_costs, read, records, rows
from tests.committed import RESULTS, content, for_each, needs_mnist, signed
from tests.experiments import DEPTHS, ROOT, digest

# The records that are committed: nothing in them is taken on trust that can be computed.

COMMITTED = sorted(RESULTS.glob("*.json"))
each_record = for_each(COMMITTED)


def test_all_committed_records_are_found():
    assert {record.file_name for record in records()} == {path.name for path in COMMITTED}


@each_record
def test_a_committed_record_is_as_it_was_written_and_has_its_name(path):
    parts = signed(path)
    assert path.name == f"{parts['recipe']}-seed{parts['seed']}.json" == read(path).file_name


@each_record
def test_a_committed_record_is_of_a_recipe_as_it_is_today(path):
    record, recipe = content(path), RECIPES[content(path)["recipe"]]
    assert record["parameters"] == {
        "data": recipe.data,
        "expanded": recipe.expanded,
        "epochs": recipe.epochs,
        "mini_batch_size": 10,
        "eta": recipe.eta,
        "lmbda": recipe.lmbda,
        "dtype": recipe.dtype,
        "shuffle": recipe.name in DEPTHS,
        "drop_last": True,
        "penalty_divisor": "examples" if recipe.name in DEPTHS else "batches",
    }
    net = recipe.network(record["seed"], "cpu")
    assert len(record["layers"]) == len(net.layers)
    for layer, described in zip(net.layers, record["layers"], strict=True):
        for name, value in described.items():
            actual = (
                type(layer).__name__ if name == "kind" else getattr(layer, "cost_function" if name == "cost" else name)
            )
            actual = getattr(actual, "name", actual)
            assert json.loads(json.dumps(actual)) == value, name
    assert record["initial_weights"] == digest(net.params)
    assert [np.shape(filters) for filters in record["filters"]] == [
        (len(layer.w), *layer.w.shape[2:]) for layer in net.layers if layer.w.ndim == 4
    ]


@each_record
def test_the_numbers_of_a_committed_record_agree_with_each_other(path):
    record = content(path)
    n_test, epochs = record["n_test"], record["parameters"]["epochs"]
    validation, test = record["validation_accuracy"], record["test_accuracy"]
    assert n_test == 10_000
    assert {len(record[name]) for name in ("cost", "validation_accuracy", "test_accuracy")} == {epochs}
    best = max(range(epochs), key=lambda epoch: (validation[epoch], epoch))
    assert record["best_epoch"] == best
    assert [accuracy is not None for accuracy in test] == [
        validation[epoch] == max(validation[: epoch + 1]) for epoch in range(epochs)
    ]
    assert test[best] == pytest.approx(1 - len(record["best_errors"]) / n_test, abs=1e-12)
    assert read(path).accuracy == pytest.approx(test[best], abs=1e-12)
    assert read(path).last_accuracy == pytest.approx(1 - len(record["last_errors"]) / n_test, abs=1e-12)
    if best == epochs - 1:
        assert record["last_errors"] == record["best_errors"]
    for name in ("best_errors", "last_errors"):
        images = [image for image, _ in record[name]]
        assert images == sorted(set(images))
        assert all(0 <= image < n_test for image in images)
        assert {answer for _, answer in record[name]} <= set(range(10))
    assert all(cost > 0 for cost in record["cost"])
    assert list(record["opening_cost"]) == ["1", "10", "100"]
    assert record["seconds"] > 0


@each_record
def test_a_committed_record_comes_from_committed_code(path):
    commit = content(path)["commit"]
    assert commit
    assert set(commit) <= set("0123456789abcdef"), "the package differed from the commit"
    assert {"netlib", "python", "numpy"} <= content(path)["versions"].keys()


@needs_mnist
@each_record
def test_no_image_is_among_the_errors_of_a_committed_record_that_was_read_rightly(path):
    labels = load("mnist").test.y
    for name in ("best_errors", "last_errors"):
        assert [image for image, answer in content(path)[name] if labels[image] == answer] == []


@needs_mnist
@each_record
def test_a_committed_record_begins_as_its_recipe_does_today(path):
    record, recipe = content(path), RECIPES[content(path)["recipe"]]
    costs = opening_costs(recipe, record["seed"], load(recipe.data, expanded=recipe.expanded), "cpu")
    assert costs == pytest.approx(record["opening_cost"], rel=1e-3)


OF_DEPTH = {name: [path for path in COMMITTED if path.name.startswith(f"{name}-seed")] for name in DEPTHS}


@pytest.mark.parametrize("name", [name for name, paths in OF_DEPTH.items() if paths])
def test_each_run_of_chapter_5_is_near_the_books_and_their_mean_nearer(name):
    best = [max(content(path)["validation_accuracy"]) for path in OF_DEPTH[name]]
    assert best == pytest.approx([DEPTHS[name]] * len(best), abs=0.005)
    assert statistics.fmean(best) == pytest.approx(DEPTHS[name], abs=0.003)


@pytest.mark.parametrize("way", [NETWORK3, NETWORK2], ids=["chapter 6", "chapter 5"])
def test_the_readme_has_the_tables_of_the_records(way):
    measured = rows(records(), way)
    assert measured or way == NETWORK2
    assert not measured or markdown(measured) in (ROOT / "README.md").read_text()
