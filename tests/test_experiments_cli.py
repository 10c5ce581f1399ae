"""``netlib experiments``: list, run, table."""

import dataclasses
import importlib
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from netlib import Network
from netlib.cli import main
from netlib.data import mnist
from netlib.experiments import COMMITTEE, RECIPES, read, records, running, write
from netlib.experiments import record as record_files
from netlib.experiments import speeds as speed_files
from netlib.gpu import gpu_problem
from tests.experiments import (
    CONVOLVING,
    DEEP,
    DEPTHS,
    FAILING,
    FIVE,
    FOUR_SEEDS,
    OF_CHAPTER_5,
    SMALL,
    essence,
    make_record,
    small_run,
    steps_counted,
    validation_that_falls,
)

CLI = importlib.import_module("netlib.cli.experiments")  # the command of this name hides it


def test_the_accuracy_that_is_printed_is_that_of_the_best_epoch(small_recipes, monkeypatch):
    validation_that_falls(monkeypatch)
    ran = experiments("run", "small", "--seed", 1, "--device", "cpu", "-o", "out")
    record = read("out/small-seed1.json")
    assert record.accuracy != record.last_accuracy
    assert f"{record.accuracy:.2%} of test data, " in ran.output.splitlines()[-1]


# The command line.


def experiments(*arguments):
    return CliRunner().invoke(main, ["experiments", *map(str, arguments)])


def assert_clean_error(ran, code, found):
    """One message, no traceback: click ends with SystemExit, whatever else would end with itself."""
    assert ran.exit_code == code, ran.output
    assert isinstance(ran.exception, SystemExit), repr(ran.exception)
    assert found in ran.output
    assert "Traceback" not in ran.output


@pytest.fixture
def small_recipes(tmp_path, monkeypatch):
    """Small recipes among the book's, and an empty folder to work in, where the records that come along lie, too."""
    monkeypatch.setitem(RECIPES, "small", SMALL)
    monkeypatch.setitem(RECIPES, "convolving", CONVOLVING)
    monkeypatch.setitem(RECIPES, "deep", DEEP)
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(record_files, "folder", lambda: tmp_path / "results")
    monkeypatch.setattr(CLI, "folder", lambda: tmp_path / "results")
    monkeypatch.setattr(speed_files, "folder", lambda: tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_list_names_every_recipe_with_the_books_number(monkeypatch):
    monkeypatch.setitem(RECIPES, "small", SMALL)
    lines = experiments("list").output.splitlines()
    assert [line.split()[0] for line in lines] == [*RECIPES, "committee"]
    told = {line.split()[0]: line.split()[1:] for line in lines}
    assert {name: words[0] for name, words in told.items() if words[0].endswith("%")} == {
        "depth_1": "96.48%",
        "depth_2": "96.90%",
        "depth_3": "96.57%",
        "depth_4": "96.53%",
        "shallow": "97.80%",
        "basic_conv": "98.78%",
        "dbl_conv": "99.06%",
        "dbl_conv_relu": "99.23%",
        "expanded_data_100": "99.37%",
        "expanded_data_300": "99.46%",
        "expanded_data_1000": "99.43%",
        "expanded_data_double_fc_100": "99.43%",
        "expanded_data_double_fc_300": "99.48%",
        "expanded_data_double_fc_1000": "99.47%",
        "double_fc_dropout": "99.60%",
        "committee": "99.67%",
    }
    assert told["omit_FC"][:2] == ["60", "epochs"]
    assert told["double_fc_dropout"][1:3] == ["40", "epochs"]
    assert "3 epochs  a network for tests" in lines[-2]
    assert [line.split()[0] for line in lines if line.endswith(" (validation data)")] == list(DEPTHS)


def test_run_writes_a_record_of_each_recipe_and_seed(small_recipes):
    ran = experiments("run", "convolving", "small", "--seed", 1, "--seed", 5, "--device", "cpu", "-o", "out/new")
    assert ran.exit_code == 0, ran.output
    found = records(place="out/new")
    assert [record.file_name for record in found] == [
        "convolving-seed1.json",
        "convolving-seed5.json",
        "small-seed1.json",
        "small-seed5.json",
    ]
    for record, recipe in zip(found, [CONVOLVING, CONVOLVING, SMALL, SMALL], strict=True):
        expected = small_run(recipe, small_recipes / "again" / record.file_name, seed=record.seed)
        assert dataclasses.replace(record, seconds=0, layers=None) == dataclasses.replace(
            expected, seconds=0, layers=None
        )
        assert f"{record.recipe}, seed {record.seed}\n" in ran.output
        assert (
            f"{record.recipe}, seed {record.seed}: {record.accuracy:.2%} of test data, "
            f"{record.seconds:.0f} seconds: out/new/{record.file_name}\n" in ran.output
        )
    assert ran.output.count("Epoch 2: validation accuracy") == 4
    assert sorted(path.name for path in Path("build/runs").iterdir()) == [
        "convolving-seed1",
        "convolving-seed5",
        "small-seed1",
        "small-seed5",
    ]
    assert list(Path("results").iterdir()) == []


def test_run_tells_of_validation_data_where_the_book_does(small_recipes, monkeypatch):
    validation_that_falls(monkeypatch)
    ran = experiments("run", "deep", "--device", "cpu", "-o", "out")
    assert read("out/deep-seed0.json").accuracy < 0.9
    assert ran.output.splitlines()[-1].startswith("deep, seed 0: 90.00% of validation data, ")


def test_run_takes_seed_0_all_epochs_and_the_packages_folder_unless_told_otherwise(small_recipes):
    assert experiments("run", "small", "--checkpoints", "kept").exit_code == 0
    (record,) = records()
    assert (record.seed, record.parameters["epochs"], len(record.cost)) == (0, 3, 3)
    assert Path("kept/small-seed0/best.npz").is_file()
    assert not Path("build").exists()


def test_a_run_of_other_epochs_does_not_take_the_place_of_a_record(small_recipes):
    assert_clean_error(experiments("run", "small", "--epochs", 1), 2, "name a folder for it with -o")
    assert records() == []


def test_run_goes_on_where_it_was_interrupted(small_recipes, monkeypatch):
    assert experiments("run", "small", "--epochs", 2, "-o", "partial").exit_code == 0
    steps, step = [], Network.train_mini_batch
    monkeypatch.setattr(running, "opening_costs", lambda *arguments: {})
    monkeypatch.setattr(Network, "train_mini_batch", lambda *arguments: steps.append(0) or step(*arguments))
    assert experiments("run", "small").exit_code == 0
    assert len(steps) == 129


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["run"], "Missing argument 'NAMES...'"),
        (["run", "dbl_conv_rely"], "no recipe 'dbl_conv_rely'; did you mean dbl_conv_relu or dbl_conv"),
        (["run", "small", "smal"], "no recipe 'smal'; did you mean small?"),
        (
            ["run", "xyz"],
            "no recipe 'xyz'; there are basic_conv, basic_conv-corrected, committee, convolving, dbl_conv, ",
        ),
        (["run", "small", "--seed", "-1"], "-1 is not in the range x>=0"),
        (["run", "small", "--epochs", "0"], "0 is not in the range x>=1"),
        (["run", "small", "--device", "tpu"], "'tpu' is not one of 'auto', 'cpu', 'gpu'"),
        (["run", "small", "--seeds", "0"], "0 is not in the range x>=1"),
        (["run", "small", "--workers", "0"], "0 is not in the range x>=1"),
        (["run", "small", "--profile", "slow"], "'slow' is not one of 'book', 'quick'"),
        (["run", "small", "--seeds", "2", "--seed", "0"], "give one of the two"),
    ],
)
def test_what_cannot_be_run_is_an_error_before_anything_is(arguments, found, small_recipes):
    assert_clean_error(experiments(*arguments, "-o", "out"), 2, found)
    assert sorted(path.name for path in small_recipes.iterdir()) == ["results"]


def test_without_mnist_the_error_says_so_and_no_record_is_left(small_recipes, monkeypatch):
    monkeypatch.delenv("NETLIB_DATA", raising=False)
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    monkeypatch.setattr(mnist, "downloads", lambda: small_recipes / "downloads")
    mnist.load.cache_clear()
    ran = experiments("run", "shallow", "-o", "out")
    mnist.load.cache_clear()
    assert_clean_error(ran, 1, "Error: MNIST's train-images-idx3-ubyte.gz is not here and could not be fetched")
    assert list(Path("out").iterdir()) == []


def test_seeds_are_as_many_from_0(small_recipes):
    assert experiments("run", "small", "--seeds", 3, "-o", "out").exit_code == 0
    assert [record.seed for record in records(place="out")] == [0, 1, 2]


def test_workers_make_the_same_records_and_print_none_of_network3s_lines(small_recipes):
    here = experiments("run", "small", "convolving", "--seeds", 2, "--device", "cpu", "-o", "here")
    there = experiments(
        *("run", "small", "convolving", "--seeds", 2, "--device", "cpu", "-o", "there"),
        *("--workers", 2, "--checkpoints", "build/others"),
    )
    assert (here.exit_code, there.exit_code) == (0, 0)
    one, other = ([essence(record) for record in records(place=place)] for place in ("here", "there"))
    assert one == other
    assert len(one) == 4
    assert "Epoch 0" in here.output
    lines = there.output.splitlines()
    assert len(lines) == 4
    assert all(
        re.fullmatch(r"\w+, seed \d: [\d.]+% of test data, \d+ seconds: there/\S+\.json", line) for line in lines
    )


def test_a_quick_run_is_on_digits_and_leaves_the_records_alone(small_recipes):
    ran = experiments("run", "shallow-corrected", "small", "--profile", "quick", "--device", "cpu")
    assert ran.exit_code == 0, ran.output
    found = records(place="build/experiments/quick")
    assert [record.recipe for record in found] == ["shallow-corrected", "small"]
    for record in found:
        assert (record.parameters["data"], record.parameters["epochs"], record.n_test) == ("digits", 2, 250)
    assert records() == []
    assert sorted(path.name for path in Path("build/runs/quick").iterdir()) == [
        "shallow-corrected-seed0",
        "small-seed0",
    ]


def test_a_quick_committee_is_five_networks(small_recipes, monkeypatch):
    monkeypatch.setattr(CLI, "COMMITTEE", dataclasses.replace(COMMITTEE, recipe=SMALL))
    assert experiments("run", "committee", "--profile", "quick", "--device", "cpu").exit_code == 0
    assert [record.seed for record in records(place="build/experiments/quick")] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("options", [["--profile", "quick"], ["--epochs", 1]])
def test_what_is_no_record_of_a_recipe_cannot_be_sent_among_the_records(options, small_recipes):
    for place in ("results", "out/../results", small_recipes / "results"):
        ran = experiments("run", "small", *options, "-o", place)
        assert_clean_error(ran, 2, "such a run is no record of the recipe: name a folder for it with -o")
    assert records() == []


def test_runs_go_on_unless_they_are_to_begin_anew(small_recipes, monkeypatch):
    assert experiments("run", "small", "--epochs", 2, "-o", "partial").exit_code == 0
    steps = steps_counted(monkeypatch)
    assert experiments("run", "small", "--resume").exit_code == 0
    assert len(steps) == 129
    assert experiments("run", "small", "--no-resume").exit_code == 0
    assert len(steps) == 129 * 4


def test_the_command_tells_of_what_failed_makes_the_rest_and_ends_with_1(small_recipes, monkeypatch):
    monkeypatch.setitem(RECIPES, "failing", FAILING)
    another_run(small_recipes)
    ran = experiments("run", "failing", "small", "convolving", "--device", "cpu", "-o", "out")
    assert_clean_error(ran, 1, "Error: failing, seed 0: ZeroDivisionError: no such layers\n")
    assert "Error: small, seed 0: checkpoint: " in ran.output
    assert [record.recipe for record in records(place="out")] == ["convolving"]


def no_gpu(folder):
    return experiments("run", "small", "--device", "gpu")


def another_run(folder):
    small_run(dataclasses.replace(SMALL, eta=0.1), folder / "build" / "runs" / "small-seed0", seed=0, epochs=1)
    return experiments("run", "small", "--device", "cpu")


def a_file_for_a_folder(folder):
    (folder / "out").write_text("a file")
    return experiments("run", "small", "-o", "out")


def a_damaged_record(folder):
    (folder / "results" / "shallow-seed0.json").write_text("{}")
    return experiments("table")


def a_record_of_an_unknown_recipe(folder):
    write(make_record("unheard_of"), folder / "results")
    return experiments("table")


def no_best_network(folder):
    small_run(SMALL, folder / "build" / "runs" / "small-seed0", seed=0)
    (folder / "build" / "runs" / "small-seed0" / "best.npz").unlink()
    return experiments("run", "small", "--device", "cpu")


@pytest.mark.parametrize(
    ("case", "found"),
    [
        pytest.param(
            no_gpu, '"gpu" was asked for', marks=pytest.mark.skipif(not gpu_problem(), reason="there is a GPU")
        ),
        (another_run, "belongs to another run"),
        (a_file_for_a_folder, "out"),
        (a_damaged_record, "shallow-seed0.json' is no record"),
        (a_record_of_an_unknown_recipe, "unheard_of"),
        (no_best_network, "best.npz"),
    ],
)
def test_what_goes_wrong_is_told_without_a_traceback(case, found, small_recipes):
    ran = case(small_recipes)
    assert isinstance(ran.exception, SystemExit), repr(ran.exception)
    assert ran.exit_code in (1, 2)
    assert found in ran.output


def test_the_table_has_the_books_numbers_and_ours(small_recipes):
    for record in [
        *FOUR_SEEDS,
        *OF_CHAPTER_5,
        make_record("small", errors=100, last=200, epochs=3),
        make_record("dbl_conv", epochs=5),
        make_record("depth_1", epochs=5),
    ]:
        write(record, "results")
    ran = experiments("table")
    assert ran.exit_code == 0, ran.output
    first, gap, *chapter_5, between, second, gap_too, head, one, other = ran.output.splitlines()
    assert [first, second] == ["Chapter 5, accuracy on validation data", "Chapter 6, accuracy on test data"]
    assert gap == between == gap_too == ""
    assert [line.split() for line in chapter_5] == [
        ["recipe", "book", "its", "rule", "mean", "lowest", "highest", "last", "runs"],
        ["depth_2", "96.90%", "93.00%", "94.00%", "92.00%", "97.00%", "90.00%", "3"],
    ]
    assert [line.split() for line in (head, one, other)] == [
        ["recipe", "book", "its", "rule", "mean", "lowest", "highest", "last", "runs"],
        ["shallow", "97.80%", "97.60%", "97.90%", "97.00%", "99.00%", "97.50%", "4"],
        ["small", "90.00%", "90.00%", "90.00%", "90.00%", "80.00%", "1"],
    ]
    assert len({len(line) for line in (*chapter_5, head, one, other)}) == 1, "the columns are not one below the other"


def test_the_table_ends_with_the_committee(small_recipes):
    for record in FIVE:
        write(record, "results")
    lines = [line.split() for line in experiments("table").output.splitlines()]
    assert lines[-1] == ["committee", "99.67%", "99.30%", "99.80%", "99.80%", "99.80%", "99.30%", "1"]
    assert lines[-2][:2] == ["double_fc_dropout", "99.60%"]
    last = cells(experiments("table", "--markdown").output)[-1]
    assert last == ["five of these vote", "`committee`", "40", "99.67%", "99.30%", "99.80% (1)", "99.30%"]


def cells(text):
    """Those of a Markdown table, below its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    head, line, *body = [[cell.strip() for cell in row.strip("|").split("|")] for row in lines]
    assert len(head) == len(line) == 7
    assert set("".join(line)) == {"-"}
    return body


def test_the_table_in_markdown_has_the_same_numbers(small_recipes):
    for record in [*FOUR_SEEDS, *OF_CHAPTER_5, make_record("small", errors=100, last=200, epochs=3)]:
        write(record, "results")
    ran = experiments("table", "--markdown")
    assert ran.exit_code == 0, ran.output
    chapter_5, chapter_6 = ran.output.split("Chapter 6, accuracy on test data")
    assert chapter_5.startswith("Chapter 5, accuracy on validation data\n\n|")
    assert cells(chapter_5) == [["two of them", "`depth_2`", "30", "96.90%", "93.00%", "94.00% (3)", "90.00%"]]
    assert cells(chapter_6) == [
        ["fully connected, 100 neurons", "`shallow`", "60", "97.80%", "97.60%", "97.90% (4)", "97.50%"],
        ["a network for tests", "`small`", "3", "", "90.00%", "90.00% (1)", "80.00%"],
    ]


def test_the_tables_of_no_records_are_their_heads(small_recipes):
    ran = experiments("table")
    assert ran.exit_code == 0
    assert [line.split()[0] for line in ran.output.splitlines() if line] == ["Chapter", "recipe"] * 2
