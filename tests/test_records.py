"""Records that cannot be doctored."""

import dataclasses
import hashlib
import json
import os
import re

import pytest

from netlib.experiments import Record, RecordError, read, records, write
from netlib.experiments import record as record_files
from tests.experiments import ROOT, make_record


def test_accuracies_are_the_shares_of_images_without_an_error():
    record = make_record(errors=4, last=9)
    assert (record.accuracy, record.last_accuracy) == pytest.approx((0.996, 0.991), abs=1e-12)
    assert record.file_name == "shallow-seed0.json"
    assert make_record("dbl_conv", 12).file_name == "dbl_conv-seed12.json"


def test_accuracies_are_to_be_had_on_either_data():
    record = make_record(errors=4, last=9, validation=(0.5, 0.75, 0.25))
    assert record.accuracies("test") == (record.accuracy, record.last_accuracy)
    assert record.accuracies("validation") == (0.75, 0.25)


def test_what_is_written_is_read(tmp_path):
    record = make_record()
    path = write(record, str(tmp_path))
    assert path == tmp_path / "shallow-seed0.json"
    assert read(path) == read(str(path)) == record
    assert [file.name for file in tmp_path.iterdir()] == ["shallow-seed0.json"]


def test_a_file_has_a_line_for_each_attribute_and_a_checksum_that_others_can_compute(tmp_path):
    lines = write(make_record(), tmp_path).read_text().split("\n")
    names = [*(field.name for field in dataclasses.fields(Record)), "sha256"]
    assert [line.split('"')[1] for line in lines[1:-2]] == names
    assert [lines[0], *lines[-2:]] == ["{", "}", ""]
    content = json.loads("\n".join(lines))
    checksum = content.pop("sha256")
    assert content == dataclasses.asdict(make_record())
    assert checksum == hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def test_a_record_takes_the_place_of_an_older_one_whole_or_not_at_all(tmp_path, monkeypatch):
    write(make_record(errors=5), tmp_path)
    write(make_record(errors=6), tmp_path)
    assert len(read(tmp_path / "shallow-seed0.json").best_errors) == 6

    def refuse(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space left"):
        write(make_record(errors=7), tmp_path)
    assert [len(record.best_errors) for record in records(place=tmp_path)] == [6]


def edited(**changes):
    def edit(content):
        return content | changes

    return edit


EDITS = {
    "an epoch's accuracy": edited(validation_accuracy=[0.5, 0.76, 0.25]),
    "a test accuracy": edited(test_accuracy=[0.5, 0.999, None]),
    "one accuracy less": edited(test_accuracy=[0.5, 0.998]),
    "an error left out": edited(best_errors=[[0, 7]]),
    "no errors": edited(best_errors=[]),
    "another answer": edited(last_errors=[[0, 9], [2, 9], [4, 8]]),
    "the order of errors": edited(best_errors=[[1, 7], [0, 7]]),
    "the number of images": edited(n_test=10000),
    "another seed": edited(seed=1),
    "another recipe": edited(recipe="dbl_conv"),
    "a hyperparameter": lambda content: content | {"parameters": content["parameters"] | {"eta": 0.2}},
    "one parameter more": lambda content: content | {"parameters": content["parameters"] | {"lmbda": 0.1}},
    "the weights": edited(initial_weights="0123456789abcdee"),
    "the opening": edited(opening_cost={"1": 2.30258, "10": 2.2, "100": 1.7}),
    "a filter": edited(filters=[[[[0.125, 1.5], [0.0, 2.0]]]]),
    "the commit": edited(commit="0123456789ab"),
    "an integer for a float": edited(seconds=12),
    "the checksum": edited(sha256="0" * 64),
    "no checksum": lambda content: {key: value for key, value in content.items() if key != "sha256"},
    "one key less": lambda content: {key: value for key, value in content.items() if key != "device"},
    "one key more": edited(remark="very good"),
    "text for a number": edited(seed="0"),
    "a truth for a number": edited(seed=True),
    "numbers for text": edited(recipe=[1, 2]),
    "words among accuracies": edited(validation_accuracy=[0.5, "good", 0.25]),
    "two keys swapped": lambda content: content | {"seed": content["n_test"], "n_test": content["seed"]},
}


def refused(path):
    with pytest.raises(RecordError) as caught:
        read(path)
    assert repr(str(path)) in str(caught.value)
    with pytest.raises(RecordError):
        records(place=path.parent)
    return str(caught.value)


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_by_hand_is_noticed(edit, tmp_path):
    path = write(make_record(), tmp_path)
    path.write_text(json.dumps(edit(json.loads(path.read_text()))))
    assert "is not as it was written" in refused(path) or "is no record of recipe, layers, " in refused(path)


@pytest.mark.parametrize("name", ["a truth for a number", "words among accuracies", "numbers for text"])
def test_a_checksum_does_not_make_a_record_of_other_types_one(name, tmp_path):
    path = write(make_record(), tmp_path)
    content = EDITS[name](json.loads(path.read_text()))
    content.pop("sha256")
    content["sha256"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(content))
    assert re.search("TypeError: (seed|recipe|validation_accuracy) is no ", refused(path))


def test_a_name_that_stands_twice_is_noticed_though_the_last_one_is_as_it_was_written(tmp_path):
    path = write(make_record(), tmp_path)
    path.write_text(path.read_text().replace(' "seed": 0,', ' "seed": 3,\n "seed": 0,'))
    assert "a name stands twice" in refused(path)


def test_a_file_that_is_nested_without_end_is_no_record(tmp_path):
    (tmp_path / "deep.json").write_bytes(b"[" * 100_000)
    assert "RecursionError" in refused(tmp_path / "deep.json")


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.998", "0.988"), ("[1, 7]", "[1, 1]"), ('"seed": 0', '"seed": 3'), ("null,", '"late",')],
)
def test_an_edit_of_the_text_is_noticed(old, new, tmp_path):
    path = write(make_record(), tmp_path)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    assert "is not as it was written: its checksum is another one" in refused(path)


def test_a_file_that_breaks_off_is_no_record_wherever_it_does(tmp_path):
    path = write(make_record(), tmp_path)
    content = path.read_bytes()
    for end in range(0, len(content) - 2, 13):
        path.write_bytes(content[:end])
        assert "is no record of recipe, layers, parameters, seed, " in refused(path)


@pytest.mark.parametrize(
    "content", [b"", b"[1, 2]", b"3", b"null", b'"text"', b"{}", b"<html>", b"\xff\xfe\x00", b"{} {}"]
)
def test_something_else_is_no_record(content, tmp_path):
    (tmp_path / "else.json").write_bytes(content)
    assert "is no record of recipe, layers, parameters, seed, " in refused(tmp_path / "else.json")


def test_a_missing_record_is_named_and_an_empty_folder_has_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read(tmp_path / "nowhere.json")
    assert records(place=tmp_path) == []
    (tmp_path / "README.md").write_text("no record")
    assert records(place=str(tmp_path)) == []


def test_records_come_by_recipe_and_seed(tmp_path):
    for recipe, seed in [("shallow", 10), ("dbl_conv", 1), ("shallow", 2), ("basic_conv", 0), ("dbl_conv", 0)]:
        write(make_record(recipe, seed), tmp_path)

    def found(*arguments):
        return [(record.recipe, record.seed) for record in records(*arguments, place=tmp_path)]

    by_name = [("basic_conv", 0), ("dbl_conv", 0), ("dbl_conv", 1), ("shallow", 2), ("shallow", 10)]
    assert found() == found(None) == by_name
    assert found(["dbl_conv"]) == by_name[1:3]
    assert found(iter(["shallow", "basic_conv"])) == [by_name[0], *by_name[3:]]
    assert found(["dbl_conv_relu"]) == found([]) == []


def test_the_records_that_come_along_lie_in_the_checkout_or_in_the_installed_package(tmp_path, monkeypatch):
    assert record_files.folder() == ROOT / "data" / "results"
    installed = tmp_path / "netlib"
    (installed / "experiments").mkdir(parents=True)
    monkeypatch.setattr("netlib.files.__file__", str(installed / "files.py"))
    assert record_files.folder() == tmp_path / "data" / "results"
    (installed / "assets" / "results").mkdir(parents=True)
    assert record_files.folder() == installed / "assets" / "results"
    write(make_record(seed=77), installed / "assets" / "results")
    assert [record.seed for record in records()] == [77]
