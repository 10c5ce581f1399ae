"""Bad input by the thousand: refused by documented errors, with little memory, and nothing is ever executed.

`NETLIB_FUZZ` says how many inputs each target is given; ``tests/fuzz/README.md`` tells of a long run, `make fuzz`.
"""

import os
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.fuzz.commands import COMMANDS
from tests.fuzz.mutation import bytes_like, generator, text_like, tree_like
from tests.fuzz.readers import READERS, refused_well
from tests.fuzz.watch import Forbidden, memory, watched

INPUTS = int(os.environ.get("NETLIB_FUZZ", "300"))


@pytest.mark.filterwarnings("ignore")  # readers warn of what they meet
@pytest.mark.parametrize("target", READERS, ids=lambda target: target.__name__)
def test_no_file_does_harm(target, tmp_path):
    by_the_thousand(target.__name__, *target(tmp_path))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", COMMANDS, ids=lambda target: target.__name__)
def test_no_words_do_harm(target, tmp_path, monkeypatch):
    by_the_thousand(target.__name__, *target(tmp_path, monkeypatch))


def by_the_thousand(name, make, use):
    """Each input is made again by its name and number: make(generator(name, number))."""
    accepted, began = Counter(), time.process_time()
    with memory(1 << 30):
        for number in range(INPUTS):
            made = make(generator(name, number))
            try:
                accepted[use(made)] += 1
            except BaseException as error:
                raise AssertionError(f"input {number} of {name}, {str(made[:300])!r}: {error!r}") from error
    print(f"{name}: {INPUTS} inputs, {accepted[True]} accepted, {time.process_time() - began:.0f} s")
    assert min(accepted[True], accepted[False]) > 0


# That harm would be seen.


PLANTED = {
    "a program": lambda folder: subprocess.run(["true"], check=True),
    "a command": lambda folder: os.system("true"),
    "text": lambda folder: exec("1 + 1"),
    "a connection": lambda folder: socket.create_connection(("127.0.0.1", 9), 1),
    "a file": lambda folder: (folder / "planted").write_bytes(b""),
    "a file by way of another folder": lambda folder: (folder / "in" / ".." / "planted").write_bytes(b""),
    "a folder": lambda folder: (folder / "planted").mkdir(),
    "a name": lambda folder: (folder / "in" / "file").rename(folder / "planted"),
}


@pytest.mark.parametrize("harm", PLANTED.values(), ids=PLANTED.keys())
def test_harm_is_noticed_before_it_is_done(harm, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"")
    with pytest.raises(Forbidden), watched(tmp_path / "in"):
        harm(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_what_is_asked_for_is_allowed(tmp_path):
    with watched(tmp_path):
        (tmp_path / "file").write_bytes(b"x")
        assert (tmp_path / "file").read_bytes() == b"x"
        assert len(Path(__file__).read_bytes()) > 1000
    (tmp_path / "elsewhere").mkdir()


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of resources as Linux has them")
def test_memory_is_bounded():
    with memory(1 << 28):
        assert len(bytes(1 << 26)) == 1 << 26
        with pytest.raises(MemoryError):
            bytes(1 << 29)
    assert len(bytes(1 << 29)) == 1 << 29


@pytest.mark.parametrize("error", [ValueError("no file is named"), MemoryError("net.npz")])
def test_a_message_that_does_not_help_is_noticed(error):
    with pytest.raises(AssertionError):
        refused_well(error, "net.npz")


def test_an_input_is_made_again_by_its_name_and_number():
    def make():
        rng = generator("idx", 7)
        return bytes_like(rng, [b"one", b"another"]), tree_like(rng, {"a": [1, {"b": 2}]}), text_like(rng, ["x"], ["+"])

    assert make() == make()
    assert len({bytes_like(generator("idx", number), [b"one", b"another"]) for number in range(100)}) > 50
