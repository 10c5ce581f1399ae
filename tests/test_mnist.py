"""MNIST: found, fetched and verified, from mirrors that behave and mirrors that do not."""

import contextlib
import gzip
import hashlib
import http.server
import os
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from netlib.cli import main
from netlib.data import DataError, load, load_pickle, mnist
from tests.faults import full_disk, life, needs_fork

RNG = np.random.default_rng(0)
ARRAYS = [  # small twins of the four files, in their order
    RNG.integers(256, size=(12, 28, 28), dtype=np.uint8),
    RNG.integers(10, size=12, dtype=np.uint8),
    RNG.integers(256, size=(4, 28, 28), dtype=np.uint8),
    RNG.integers(10, size=4, dtype=np.uint8),
]


def packed(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


CONTENTS = dict(zip(mnist.FILES, map(packed, ARRAYS), strict=True))


LIES = {"claimsmore": 1 << 40, "claimsless": -20}  # about the length


class Mirror(http.server.BaseHTTPRequestHandler):
    """A mirror whose first folder in the address says how it behaves."""

    requests: list = []

    def do_GET(self):
        self.requests.append(self.path)
        manner, name = self.path.strip("/").split("/")
        content = CONTENTS[name]
        if manner in ("absent", "broken"):
            self.send_error(404 if manner == "absent" else 500)
            return
        if manner == "hangs":
            time.sleep(2)
            return
        if manner == "hangsup":
            self.close_connection = True
            return
        if manner == "circles":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
            return
        if manner in ("trickles", "endless"):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):  # until the other side has had enough
                for _ in range(500):
                    self.wfile.write(b"x" if manner == "trickles" else bytes(1 << 20))
                    time.sleep(0.01 if manner == "trickles" else 0)
            return
        if manner == "html":
            content = b"<!DOCTYPE html><html>Please log in</html>"
        if manner == "wrong":
            content = packed(np.zeros((3, 28, 28), np.uint8))
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) + LIES.get(manner, 0)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if manner == "cutsoff" else content)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def mirrors(server, tmp_path, monkeypatch):
    """Choose mirrors by their manners; the downloads are an empty folder, and the files are the small twins."""
    monkeypatch.delenv("NETLIB_DATA", raising=False)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}
    monkeypatch.setattr(mnist, "FILES", sums)
    monkeypatch.setattr(mnist, "N_TRAINING", 9)
    monkeypatch.setattr(mnist, "TIMEOUTS", (1, 0.3))
    monkeypatch.setattr(mnist, "PATIENCE", 1)
    monkeypatch.setattr(mnist, "downloads", lambda: tmp_path / "downloads")
    Mirror.requests.clear()
    mnist.load.cache_clear()
    yield lambda *manners: monkeypatch.setattr(mnist, "MIRRORS", tuple(f"{server}/{manner}/" for manner in manners))
    mnist.load.cache_clear()


def left(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def check(sets):
    images, labels = ARRAYS[0].reshape(12, 784) / np.float32(256), ARRAYS[1]
    for part, x, y in zip(sets, (images[:9], images[9:], ARRAYS[2].reshape(4, 784) / np.float32(256)),
                          (labels[:9], labels[9:], ARRAYS[3]), strict=True):  # fmt: skip
        assert part.x.dtype == np.float32
        assert part.y.dtype == np.int32
        assert np.array_equal(part.x, x)
        assert np.array_equal(part.y, y)


def test_it_is_fetched_once_and_held_once(mirrors, tmp_path):
    mirrors("good")
    first = load("mnist")
    check(first)
    assert load("mnist") is first
    assert len(Mirror.requests) == 4
    mnist.load.cache_clear()
    check(load("mnist"))
    assert len(Mirror.requests) == 4, "the downloads were not used"
    assert left(tmp_path / "downloads") == sorted(mnist.FILES)


def test_of_the_60_000_images_the_book_trains_on_50_000():
    assert mnist.N_TRAINING == 50_000


def test_the_sets_are_views_of_one_array_that_nobody_can_change(mirrors):
    mirrors("good")
    sets = load("mnist")
    assert sets.training.x.base is sets.validation.x.base
    with pytest.raises(ValueError, match="read-only"):
        sets.training.x[0, 0] = 1


MANNERS = {  # and what is said of each
    "absent": "404",
    "broken": "500",
    "hangs": "timed out",
    "hangsup": "ConnectionError",
    "html": "hash",
    "wrong": "hash",
    "circles": "hash",
    "cutsoff": "IncompleteRead|hash",
    "claimsmore": "IncompleteRead|hash",
    "claimsless": "hash",
    "trickles": "it has not sent all after 1 seconds",
    "endless": "it sends more than 16777216 bytes",
}


@pytest.mark.parametrize("manner", MANNERS)
def test_the_next_mirror_steps_in_for_one_that_fails(manner, mirrors, tmp_path):
    mirrors(manner, "good")
    check(load("mnist"))
    assert left(tmp_path / "downloads") == sorted(mnist.FILES)


@pytest.mark.parametrize(("manner", "said"), MANNERS.items())
def test_without_a_good_mirror_the_error_tells_what_became_of_each_and_nothing_stays(manner, said, mirrors, tmp_path):
    mirrors(manner, "absent")
    with pytest.raises(
        DataError, match=rf"(?s)could not be fetched:\n.*/{manner}/: .*({said}).*/absent/: .*404"
    ) as caught:
        load("mnist")
    assert "NETLIB_DATA" in str(caught.value)
    assert 'data.load("digits")' in str(caught.value)
    assert left(tmp_path) == []


def test_without_a_network_the_error_comes_at_once(mirrors, monkeypatch):
    monkeypatch.setattr(mnist, "MIRRORS", ("http://127.0.0.1:9/",))
    with pytest.raises(DataError, match=r"127\.0\.0\.1:9/: ConnectionError"):
        load("mnist")


@needs_fork
def test_processes_may_fetch_at_once(mirrors, tmp_path):
    mirrors("good")
    name = next(iter(mnist.FILES))
    with ThreadPoolExecutor(3) as pool:  # each waits for a process
        assert all(pool.map(life, [lambda: mnist.fetch(name)] * 3))
    assert 1 <= len(Mirror.requests) <= 3  # one that begins late finds what another has fetched
    assert left(tmp_path / "downloads") == [name]
    assert mnist.find(name).read_bytes() == CONTENTS[name]


@needs_fork
def test_what_a_killed_process_had_fetched_is_not_taken_for_the_file(mirrors, tmp_path):
    mirrors("trickles", "good")
    name = next(iter(mnist.FILES))
    assert not life(lambda: mnist.fetch(name), 0.5)
    assert mnist.find(name) is None
    mirrors("good")
    assert mnist.fetch(name).read_bytes() == CONTENTS[name]


@needs_fork
def test_a_full_disk_leaves_nothing_of_what_was_fetched(mirrors, tmp_path):
    mirrors("good")
    with full_disk(100), pytest.raises(DataError, match="File too large"):
        load("mnist")
    assert left(tmp_path) == []
    check(load("mnist"))


def test_two_may_fetch_at_once(mirrors, tmp_path):
    mirrors("good")
    name = next(iter(mnist.FILES))
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(mnist.fetch, [name] * 4))
    assert {path.read_bytes() for path in paths} == {CONTENTS[name]}
    assert left(tmp_path / "downloads") == [name]


def test_a_folder_that_is_named_comes_first(mirrors, tmp_path, monkeypatch):
    mirrors("absent")
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("NETLIB_DATA", str(folder))
    check(load("mnist"))
    assert Mirror.requests == []


def test_what_a_named_folder_lacks_is_fetched(mirrors, tmp_path, monkeypatch):
    mirrors("good")
    monkeypatch.setenv("NETLIB_DATA", str(tmp_path))
    check(load("mnist"))


@pytest.mark.parametrize("where", ["mine", "downloads"])
def test_a_file_that_is_not_the_right_one_is_named_and_left_alone(where, mirrors, tmp_path, monkeypatch):
    mirrors("good")
    name = next(iter(mnist.FILES))
    (tmp_path / where).mkdir()
    (tmp_path / where / name).write_bytes(b"something else")
    if where == "mine":
        monkeypatch.setenv("NETLIB_DATA", str(tmp_path / where))
    with pytest.raises(
        DataError, match=rf"{where}/{name}' is not the file of that name from MNIST: its SHA-256 begins"
    ):
        load("mnist")
    assert (tmp_path / where / name).read_bytes() == b"something else"


def test_a_named_folder_that_there_is_not(mirrors, monkeypatch):
    monkeypatch.setenv("NETLIB_DATA", "nowhere")
    with pytest.raises(DataError, match=r"^NETLIB_DATA .*expected the name of a folder; got 'nowhere'"):
        load("mnist")


def test_the_command_lists_the_sets_and_fetches(mirrors, tmp_path):
    mirrors("good")
    runner = CliRunner()
    listed = runner.invoke(main, ["data"]).output
    assert "digits   1,797 images" in listed
    assert "not here; `netlib data mnist` fetches it" in listed
    fetched = runner.invoke(main, ["data", "mnist"])
    assert fetched.exit_code == 0
    assert fetched.output.count(str(tmp_path / "downloads")) == 4
    assert str(tmp_path / "downloads") in runner.invoke(main, ["data"]).output


def test_the_command_says_what_went_wrong_without_a_traceback(mirrors):
    mirrors("html")
    ran = CliRunner().invoke(main, ["data", "mnist"])
    assert ran.exit_code == 1
    assert "Error: MNIST's train-images-idx3-ubyte.gz is not here and could not be fetched" in ran.output


REAL = Path(os.environ.get("NETLIB_DATA", "."))


@pytest.mark.skipif(not (REAL / "mnist.pkl.gz").is_file(), reason="needs mnist.pkl.gz and the original files")
def test_it_is_the_books_pickle_to_the_bit():
    for ours, theirs in zip(load("mnist"), load_pickle(REAL / "mnist.pkl.gz"), strict=True):
        assert np.array_equal(ours.x, theirs.x)
        assert np.array_equal(ours.y, theirs.y)
