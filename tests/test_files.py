"""Files: whole or not at all, whatever happens on the way; and read alike whether gzipped or not."""

import gzip
import os
import subprocess
import sys

import pytest

from netlib.files import open_unzipped, writing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def content(path):
    return path.read_bytes() if path.exists() else None


@pytest.mark.parametrize("named", [str, lambda path: path], ids=["str", "Path"])
@pytest.mark.parametrize("older", [None, b"the older one, which is longer"])
def test_a_file_has_its_name_when_it_is_complete(named, older, tmp_path):
    path = tmp_path / "record.json"
    if older is not None:
        path.write_bytes(older)
    with writing(named(path)) as file:
        file.write(b"the ")
        file.write(b"newer one")
        assert content(path) == older
    assert path.read_bytes() == b"the newer one"
    assert names(tmp_path) == ["record.json"]
    assert file.closed


@pytest.mark.parametrize("error", [ValueError("no"), OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("older", [None, b"older"])
def test_an_exception_on_the_way_passes_on_and_leaves_all_as_it_was(older, error, tmp_path):
    path = tmp_path / "record.json"
    if older is not None:
        path.write_bytes(older)
    with pytest.raises(type(error)) as raised, writing(path) as file:  # noqa: PT012
        file.write(b"half of it")
        raise error
    assert raised.value is error
    assert content(path) == older
    assert names(tmp_path) == ([] if older is None else ["record.json"])


def test_it_is_on_the_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    path, sizes = tmp_path / "record.json", []
    monkeypatch.setattr(os, "fsync", lambda number: sizes.append((os.fstat(number).st_size, path.exists())))
    with writing(path) as file:
        file.write(b"0123456789")
    assert sizes == [(10, False)]
    assert path.exists()


def test_a_disk_that_refuses_at_the_end_loses_nothing(tmp_path, monkeypatch):
    def refuse(number):
        raise OSError(5, "Input/output error")

    path = tmp_path / "record.json"
    path.write_bytes(b"older")
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="Input/output error"), writing(path) as file:
        file.write(b"newer")
    assert path.read_bytes() == b"older"
    assert names(tmp_path) == ["record.json"]


def test_a_folder_that_is_not_there_is_an_error_and_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError), writing(tmp_path / "no" / "record.json"):
        pytest.fail("there is nothing to write into")
    assert names(tmp_path) == []


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "record.json").mkdir()
    with pytest.raises(OSError, match="directory"), writing(tmp_path / "record.json") as file:
        file.write(b"x")
    assert names(tmp_path) == ["record.json"]
    assert (tmp_path / "record.json").is_dir()


def test_two_processes_may_write_one_file_at_once(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with writing(path) as one:
        one.write(b"one")
        monkeypatch.setattr(os, "getpid", lambda: 2)
        with writing(path) as other:
            other.write(b"the other")
        assert path.read_bytes() == b"the other"
    assert path.read_bytes() == b"one"
    assert names(tmp_path) == ["record.json"]


def test_a_process_that_is_killed_leaves_the_older_file_and_a_hidden_part(tmp_path):
    path = tmp_path / "record.json"
    path.write_bytes(b"older")
    code = """
import os, sys
from netlib.files import writing
with writing(sys.argv[1]) as file:
    file.write(b"half of it")
    file.flush()
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 9
    assert path.read_bytes() == b"older"
    (left,) = (name for name in names(tmp_path) if name != "record.json")
    assert left.startswith(".record.json.")
    assert left.endswith(".partial")


# Gzipped or not.


@pytest.mark.parametrize("text", [b"", b"\x1f", b"\x1f\x8a", b"x\x1f\x8b", b"PK", b"a longer text\n" * 1000])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "zipped"])
def test_what_is_read_is_the_content_from_its_beginning(text, pack, tmp_path):
    (tmp_path / "file.idx").write_bytes(pack(text))
    with open_unzipped(tmp_path / "file.idx") as file:
        assert file.read(3) == text[:3]
        assert file.read() == text[3:]
    assert file.closed


def test_gzipped_twice_is_unzipped_once(tmp_path):
    (tmp_path / "file").write_bytes(gzip.compress(gzip.compress(b"text")))
    with open_unzipped(tmp_path / "file") as file:
        assert gzip.decompress(file.read()) == b"text"


@pytest.mark.parametrize(
    ("damaged", "error", "found"),
    [
        (lambda zipped: zipped[:-9], EOFError, "ended before"),
        (lambda zipped: zipped[:-5] + b"\0" + zipped[-4:], OSError, "CRC check failed"),
        (lambda zipped: zipped[:2], EOFError, "ended before"),
        (lambda zipped: zipped[:2] + b"\0" * 20, OSError, "compression method"),
    ],
)
def test_a_damaged_gzip_is_an_error_when_it_is_read(damaged, error, found, tmp_path):
    (tmp_path / "file").write_bytes(damaged(gzip.compress(b"some text", mtime=0)))
    with open_unzipped(tmp_path / "file") as file, pytest.raises(error, match=found):
        file.read()


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_unzipped(tmp_path / "nowhere")
