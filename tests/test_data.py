"""The digits that come with the package, and the book's pickle: read if it is one, refused if it is anything else."""

import gzip
import pickle
import re
import shutil
import struct
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import netlib.data
from netlib.data import digits, load, load_pickle, size

SCRIPT = Path(__file__).parents[1] / "data" / "make_digits.py"
SETS = ("training", "validation", "test")

# The digits.


def test_the_digits_are_three_sets_of_images_and_labels():
    training, validation, test = data = load("digits")
    assert [size(part) for part in data] == [1297, 250, 250]
    assert (data.training, data.validation, data.test) == (training, validation, test)
    for x, y in data:
        assert (x.shape, x.dtype) == ((len(y), 784), np.float32)
        assert y.dtype == np.int32
        assert set(y) == set(range(10))


def test_grey_levels_are_bytes_over_256():
    levels = np.concatenate([x for x, _ in load("digits")]) * 256
    assert np.array_equal(levels, levels.astype(np.uint8))
    assert (levels.min(), levels.max()) == (0, 255)


def test_every_digit_has_ink_within_20_by_20_and_its_weight_in_the_middle():
    ink = np.concatenate([x for x, _ in load("digits")]).reshape(-1, 28, 28)
    rows, columns = ink.any(axis=2), ink.any(axis=1)
    for side in (rows, columns):
        extent = 28 - side.argmax(axis=1) - side[:, ::-1].argmax(axis=1)
        assert (extent.min() >= 1, extent.max()) == (True, 20)
    for axis in (1, 2):
        centre = ink.sum(axis=3 - axis) @ np.arange(28) / ink.sum(axis=(1, 2))
        assert np.median(np.abs(centre - 13.5)) < 0.5


def test_the_sets_are_those_of_the_file_and_share_no_image():
    with np.load(digits.path()) as file:
        images, labels, source = file["images"], file["labels"], file["source_index"]
    assert np.array_equal(np.sort(source), np.arange(1797))
    assert np.array_equal(np.concatenate([x for x, _ in load("digits")]), images.reshape(-1, 784) / np.float32(256))
    assert np.array_equal(np.concatenate([y for _, y in load("digits")]), labels)
    assert len(np.unique(images.reshape(1797, -1), axis=0)) == 1797, "the same picture stands in it twice"


def test_each_set_has_the_ten_digits_as_often_as_the_whole():
    counts = np.array([np.bincount(y, minlength=10) for _, y in load("digits")])
    expected = counts.sum(axis=0) * counts.sum(axis=1, keepdims=True) / counts.sum()
    assert np.abs(counts - expected).max() <= 2


def test_neighbours_in_a_set_are_no_neighbours_in_the_source():
    with np.load(digits.path()) as file:
        source = file["source_index"].astype(int)
    assert np.mean(np.abs(np.diff(source)) == 1) < 0.01


@pytest.mark.parametrize("part", SETS)
def test_the_shared_arrays_cannot_be_written_into(part):
    x, y = getattr(load("digits"), part)
    with pytest.raises(ValueError, match="read-only"):
        x[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        y[0] = 1


def test_loading_twice_gives_the_same_arrays():
    assert load("digits").training.x is load("digits").training.x


def make_digits(script, *arguments):
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, timeout=120)


def test_the_script_makes_the_same_digits_again_and_notices_others(tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("PIL")
    agreeing = make_digits(SCRIPT, "--check")
    assert (agreeing.returncode, agreeing.stderr) == (0, "")
    with np.load(SCRIPT.with_name("digits.npz")) as file:
        arrays = dict(file)
    arrays["images"][1000, 14, 14] += 1
    np.savez(tmp_path / "digits.npz", **arrays)
    differing = make_digits(shutil.copy(SCRIPT, tmp_path), "--check")
    assert (differing.returncode, differing.stderr) == (1, "digits.npz differs from what the script makes: images\n")


def test_an_unknown_data_set_is_an_error_that_names_those_there_are():
    with pytest.raises(ValueError, match=r"name: expected one of 'digits'.*; got 'letters'"):
        load("letters")


# The book's pickle.


def three_sets(dtype="float32", label_dtype="int64"):
    """Three small sets with nothing in common."""
    draws = np.random.default_rng(0)
    return tuple(
        (draws.random((n, 6)).astype(dtype), draws.integers(10, size=n).astype(label_dtype)) for n in (5, 3, 4)
    )


def written(path, content):
    """The path of a file with these bytes."""
    path.write_bytes(content)
    return path


def assert_loaded(path, sets):
    loaded = load_pickle(path)
    assert loaded._fields == SETS
    for (x, y), (x_expected, y_expected) in zip(loaded, sets, strict=True):
        np.testing.assert_array_equal(x, x_expected.astype(np.float32))
        np.testing.assert_array_equal(y, y_expected)
        assert (x.dtype, y.dtype) == (np.float32, np.int32)


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_every_protocol_load(protocol, zipped, tmp_path):
    content = pickle.dumps(three_sets(), protocol)
    assert_loaded(written(tmp_path / "sets", gzip.compress(content) if zipped else content), three_sets())


@pytest.mark.parametrize(
    ("dtype", "label_dtype"),
    [("float32", "int32"), ("float64", "int64"), (">f4", ">i8"), ("float16", "uint8"), ("uint8", "int16")],
)
def test_images_become_float32_and_labels_int32(dtype, label_dtype, tmp_path):
    sets = three_sets(dtype, label_dtype)
    assert_loaded(written(tmp_path / "sets.pkl", pickle.dumps(sets)), sets)


@pytest.mark.parametrize("as_list", [list, lambda sets: [list(pair) for pair in sets]], ids=["of pairs", "of lists"])
def test_lists_load_too(as_list, tmp_path):
    assert_loaded(written(tmp_path / "sets.pkl", pickle.dumps(as_list(three_sets()))), three_sets())


def test_the_path_may_be_a_string(tmp_path):
    assert_loaded(str(written(tmp_path / "sets.pkl", pickle.dumps(three_sets()))), three_sets())


@pytest.mark.parametrize("module", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_pickles_of_old_and_new_numpy_load(module, tmp_path):
    content, n = re.subn(rb"numpy\._?core\.multiarray", module, pickle.dumps(three_sets(), 2))
    assert n > 0
    assert_loaded(written(tmp_path / "sets.pkl", content), three_sets())


def python2_array(array):
    """The opcodes with which Python 2 and the NumPy of its day pickled an array: names as bytes, data as a string."""
    name = array.dtype.str[1:].encode()
    integer = b"J" + struct.pack("<i", -1)
    lengths = b"".join(b"J" + struct.pack("<i", n) for n in array.shape) + {1: b"\x85", 2: b"\x86"}[array.ndim]
    dtype = (
        b"cnumpy\ndtype\nU" + bytes([len(name)]) + name + b"K\x00K\x01\x87R(K\x03U\x01<NNN" + 2 * integer + b"K\x00tb"
    )
    data = array.tobytes()
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    return empty + b"(K\x01" + lengths + dtype + b"\x89T" + struct.pack("<i", len(data)) + data + b"tb"


def test_a_pickle_written_by_python_2_loads(tmp_path):
    sets = three_sets("<f4", "<i8")
    assert max(sets[0][0].tobytes()) > 127, "all bytes are ASCII: nothing is shown about encodings"
    pairs = b"".join(python2_array(x) + python2_array(y) + b"\x86" for x, y in sets)
    content = b"\x80\x02" + pairs + b"\x87."
    assert_loaded(written(tmp_path / "mnist.pkl.gz", gzip.compress(content)), sets)


# What else may be in a file: programs.


def text(string):
    return b"S" + repr(str(string)).encode() + b"\n"


def stack_global(module, name):
    return b"\x80\x04" + b"".join(b"\x8c" + bytes([len(part)]) + part.encode() for part in (module, name)) + b"\x93"


PROGRAMS = {  # each leaves a file, if it is run
    "os.system": lambda path: b"cos\nsystem\n(" + text(f"echo > {path}") + b"tR.",
    "builtins.eval": lambda path: b"cbuiltins\neval\n(" + text(f"open({str(path)!r}, 'w').close()") + b"tR.",
    "builtins.exec": lambda path: (
        stack_global("builtins", "exec") + b"(" + text(f"open({str(path)!r}, 'w').close()") + b"tR."
    ),
    "numpy.savetxt": lambda path: b"cnumpy\nsavetxt\n(" + text(path) + b"(K\x01ttR.",
    "pathlib.Path.touch": lambda path: (
        stack_global("pathlib", "Path.touch") + b"(cpathlib\nPath\n(" + text(path) + b"tRtR."
    ),
}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzipped"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_pickle_that_is_a_program_is_refused_and_not_run(name, zipped, tmp_path):
    trace = tmp_path / "trace"
    program = PROGRAMS[name](trace)
    pickle.loads(program)
    assert trace.exists(), "the program is harmless, and its refusal would show nothing"
    trace.unlink()
    path = written(tmp_path / "mnist.pkl", gzip.compress(program) if zipped else program)
    with pytest.raises(ValueError, match=rf"^filename: '.*mnist\.pkl' cannot be read .*: it asks for {name},"):
        load_pickle(path)
    assert not trace.exists()


def test_a_program_behind_good_arrays_is_refused_too(tmp_path):
    trace = tmp_path / "trace"
    arrays = pickle.dumps(three_sets(), 2)[:-1]
    path = written(tmp_path / "mnist.pkl", arrays + PROGRAMS["builtins.eval"](trace)[:-1] + b"0.")
    with pytest.raises(ValueError, match=r"mnist\.pkl.*builtins\.eval"):
        load_pickle(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "function", ["numpy.load", "numpy.fromfile", "numpy.core.multiarray.fromfile", "numpy.ndarray.dump"]
)
def test_numpys_own_functions_that_touch_files_are_refused(function, tmp_path):
    module, _, name = function.rpartition(".")
    if function == "numpy.ndarray.dump":
        module, name = "numpy", "ndarray.dump"
    path = written(tmp_path / "mnist.pkl", stack_global(module, name) + b".")
    with pytest.raises(ValueError, match=re.escape(f"it asks for {function},")):
        load_pickle(path)


# What else may be in a file: claims that would fill the memory, or take for ever, if one believed them.

TWICE = b"h\x00h\x00\x86q\x00"  # a pair of what is remembered, remembered in its place
RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
BYTES = b"cnumpy\ndtype\nU\x02u1\x85R"


def hexed(n):
    """The bytes of one letter, encoded n times; each time they become twice as many."""
    return b"\x80\x04C\x01xq\x00" + n * b"c_codecs\nencode\nh\x00U\x03hex\x86Rq\x00" + b"."


def array(shape, content, code=b"u1", more=b""):
    """A call of numpy.ndarray itself."""
    lengths = b"".join(b"J" + struct.pack("<i", n) for n in shape)
    return b"cnumpy\nndarray\n((" + lengths + b"tU\x02" + code + b"C" + bytes([len(content)]) + content + more + b"tR"


HOSTILE = {
    "a billion images": (
        b"\x80\x02" + RECONSTRUCT + b"(K\x01J" + struct.pack("<i", 10**9) + b"M\x10\x03\x86" + BYTES + b"\x89U\x01xtb.",
        "got ndarray",
    ),
    "bytes that are not there": (b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.", "only 2 remain"),
    "a place far away to remember": (b"\x80\x02Nr" + struct.pack("<I", 1 << 31) + b".", "got NoneType"),
    "twice as many 60 times": (hexed(60), "it calls something as no array does"),
    "pairs of pairs, 60 deep": (b"\x80\x02Nq\x00" + 60 * TWICE + b".", "got 2"),
    "such a key of a dictionary": (b"\x80\x02}Nq\x00" + 60 * TWICE + b"Ns.", "it has the operation EMPTY_DICT"),
    "such a name of a dtype": (
        b"\x80\x02cnumpy\ndtype\nNq\x00" + 60 * TWICE + b"\x85R.",
        "it calls something as no array does",
    ),
    "a million rows in one byte": (
        b"\x80\x04" + array((10**6, 10**6), b"x", more=b"K\x00K\x00K\x00\x86"),
        "as no array",
    ),
    "objects at an address": (b"\x80\x04" + array((1,), b"A" * 8, b"O8") + b".", "as no array"),
    "a function of NumPy's, changed": (
        b"\x80\x02cnumpy.core.numeric\n_frombuffer\nNU\x0c__defaults__K\x05\x86b.",
        "it builds something as no array is built",
    ),
    "a gzip bomb": (
        gzip.compress(b"\x80\x04\x8e" + struct.pack("<Q", 1 << 29) + bytes(1 << 24)),
        "only 16777216 remain",
    ),
}


@pytest.mark.parametrize(("content", "found"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_pickle_is_refused_at_once_with_little_memory(content, found, tmp_path):
    path = written(tmp_path / "mnist.pkl", content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"^filename: .*mnist\.pkl'.*{found}"):
            load_pickle(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 26
    finally:
        tracemalloc.stop()


def test_more_than_a_gibibyte_is_not_unzipped(tmp_path, monkeypatch):
    monkeypatch.setattr("netlib.data.pickles.MAX_BYTES", 1000)
    small, large = (pickle.dumps(((np.zeros((n, 6), "u1"), np.zeros(n, "u1")),) * 3) for n in (10, 150))
    assert load_pickle(written(tmp_path / "small", gzip.compress(small))).training.x.shape == (10, 6)
    with pytest.raises(ValueError, match=r"large' cannot be read .*: it has more than 1000 bytes"):
        load_pickle(written(tmp_path / "large", gzip.compress(large)))


# What else may be in a file: damage, and other things.

GOOD = pickle.dumps(three_sets(), 2)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(b"", "exhausted before seeing STOP", id="empty"),
        pytest.param(gzip.compress(b""), "exhausted before seeing STOP", id="gzip of nothing"),
        pytest.param(b"<!DOCTYPE html><html>404</html>", "opcode b'<' unknown", id="web page"),
        pytest.param(gzip.compress(b"<html>404</html>"), "opcode b'<' unknown", id="zipped web page"),
        pytest.param(GOOD[: len(GOOD) // 2], "not enough data", id="truncated"),
        pytest.param(GOOD[:-1], "exhausted before seeing STOP", id="truncated by a byte"),
        pytest.param(gzip.compress(GOOD)[:-20], "end-of-stream", id="zipped, truncated"),
        pytest.param(gzip.compress(GOOD)[:40] + b"\0" * 99, "while decompressing data", id="zipped, overwritten"),
        pytest.param(b"\x1f\x8b" + b"\0" * 20, "compression method", id="gzip magic only"),
        pytest.param(b"\x80\x02]q", "not enough data", id="unfinished opcode"),
        pytest.param(b"PK\x03\x04" + b"\0" * 30, "no newline", id="zip archive"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it_and_what_was_found(content, found, tmp_path):
    with pytest.raises(ValueError, match=rf"^filename: '.*mnist\.pkl\.gz' .*({found})"):
        load_pickle(written(tmp_path / "mnist.pkl.gz", content))


def test_wherever_a_file_breaks_off_the_error_names_it(tmp_path):
    path = tmp_path / "mnist.pkl.gz"
    for end in range(0, len(GOOD), 7):
        with pytest.raises(ValueError, match=r"^filename: '.*mnist\.pkl\.gz' "):
            load_pickle(written(path, GOOD[:end]))


X, Y = np.zeros((4, 6), "float32"), np.zeros(4, int)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(((X, Y), (X, Y)), "got 2", id="two pairs"),
        pytest.param(((X, Y),) * 4, "got 4", id="four pairs"),
        pytest.param(X, "got ndarray", id="one array"),
        pytest.param(None, "got NoneType", id="nothing"),
        pytest.param("three", "got str", id="text"),
        pytest.param(((X, Y, Y),) * 3, "got tuple", id="three triples"),
        pytest.param(((X, Y[:3]),) * 3, r"float32 of shape \(4, 6\) with int64 of shape \(3,\)", id="too few labels"),
        pytest.param(((X, Y * 1.0),) * 3, r"with float64 of shape \(4,\)", id="labels of floats"),
        pytest.param(((X, np.zeros((4, 10), int)),) * 3, r"int64 of shape \(4, 10\)", id="one-hot labels"),
        pytest.param(((X[0], Y),) * 3, r"float32 of shape \(6,\)", id="images in one row"),
        pytest.param(((X.reshape(4, 2, 3), Y),) * 3, r"float32 of shape \(4, 2, 3\)", id="images as maps"),
        pytest.param(((X.astype("S1"), Y),) * 3, r"\|S1 of shape \(4, 6\)", id="images of text"),
        pytest.param(((X * 1j, Y),) * 3, "complex64", id="complex images"),
        pytest.param(((X, Y), (X, Y), (Y, X)), r"int64 of shape \(4,\)", id="one pair the other way round"),
    ],
)
def test_a_pickle_of_another_layout_is_an_error_that_names_the_file_and_what_was_found(content, found, tmp_path):
    path = written(tmp_path / "mnist.pkl.gz", pickle.dumps(content))
    expected = r"^filename: expected '.*mnist\.pkl\.gz' to hold three pairs of images .*; "
    with pytest.raises(ValueError, match=expected + f".*{found}"):
        load_pickle(path)


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (np.array([3, -1, 0, 2]), "from -1 to 3"),
        (np.array([3, 0, -128, -1], "int8"), "from -128 to 3"),
        (np.array([2**31, 1, 2, 3]), "from 1 to 2147483648"),
        (np.array([0, 0, 0, 2**32 - 1], "uint32"), "from 0 to 4294967295"),
        (np.array([0, 0, 2**63, 5], "uint64"), "from 0 to 9223372036854775808"),
    ],
)
def test_labels_that_are_no_numbers_from_0_up_in_int32_are_refused_instead_of_changed(labels, found, part, tmp_path):
    sets = [(X, Y)] * 3
    sets[part] = (X, labels)
    path = written(tmp_path / "mnist.pkl", pickle.dumps(sets))
    with pytest.raises(ValueError, match=rf"^filename: expected '.*mnist\.pkl' .*, from 0 up; got labels {found}$"):
        load_pickle(path)


@pytest.mark.parametrize("labels", [[], [0], [2**31 - 1, 0]])
def test_every_label_from_0_to_the_largest_of_int32_is_read(labels, tmp_path):
    sets = ((np.zeros((len(labels), 6)), np.array(labels, "uint64")),) * 3
    assert_loaded(written(tmp_path / "sets.pkl", pickle.dumps(sets)), sets)


@pytest.mark.parametrize("name", ["missing.pkl.gz", ""], ids=["file", "folder"])
def test_a_missing_file_is_an_error_that_names_it_and_points_to_the_digits(name, tmp_path):
    path = tmp_path / name
    with pytest.raises(FileNotFoundError, match=re.escape(repr(str(path))) + r".*load\(\"digits\"\)"):
        load_pickle(path)


def test_what_is_loaded_trains_a_network(tmp_path):
    path = written(tmp_path / "sets.pkl", pickle.dumps(three_sets()))
    data = netlib.data.load_pickle(path)
    net = netlib.Network([netlib.SoftmaxLayer(6, 10)], 2, device="cpu")
    assert len(net.SGD(data.training, 1, 2, 0.1, data.validation, data.test, verbose=False).cost) == 1


def test_a_flipped_bit_in_a_gzip_is_found(tmp_path):
    sets = tuple((np.ones((5, 6), np.float32), np.zeros(5, int)) for _ in range(3))
    content = bytearray(gzip.compress(pickle.dumps(sets, 4), compresslevel=0))
    content[content.index(np.ones(3, np.float32).tobytes()) + 3] ^= 0x40
    path = tmp_path / "flipped.pkl.gz"
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=r"flipped\.pkl\.gz.*CRC"):
        load_pickle(path)


def test_a_gzip_without_its_end_is_found(tmp_path):
    path = tmp_path / "short.pkl.gz"
    sets = ((np.ones((5, 6)), np.zeros(5, int)),) * 3
    path.write_bytes(gzip.compress(pickle.dumps(sets))[:-8])
    with pytest.raises(ValueError, match=r"short\.pkl\.gz"):
        load_pickle(path)


def test_another_kind_of_archive_is_refused_in_one_line(tmp_path):
    path = tmp_path / "archive.pkl.gz"
    path.write_bytes(b"PK\x03\x04" + bytes(30))
    with pytest.raises(ValueError, match=r"archive\.pkl\.gz") as caught:
        load_pickle(path)
    assert "\n" not in str(caught.value)
