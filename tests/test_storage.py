"""Networks that are kept: what is saved comes back, and what is damaged is refused."""

import io
import json
import os
import pickle
import stat
import tracemalloc
import zipfile

import numpy as np
import pytest

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, linear, tanh
from netlib.ops import Activation
from netlib.stopping import EarlyStopping
from netlib.storage import HEADER, FileError, read

MADE = {
    "softmax": lambda: [FullyConnectedLayer(12, 5, p_dropout=0.25), SoftmaxLayer(5, 3, 0.5, dropout="inverted")],
    "convolution": lambda: [
        ConvPoolLayer((2, 1, 2, 2), (4, 1, 4, 3), (1, 2), ReLU, ties="first", init="corrected", p_dropout=0.1),
        SoftmaxLayer(6, 3),
    ],
    "any mini-batch": lambda: [ConvPoolLayer((3, 1, 2, 2), (None, 1, 4, 3), (1, 1), tanh), SoftmaxLayer(18, 3)],
    "quadratic": lambda: [FullyConnectedLayer(12, 3, linear, cost="quadratic", init="corrected")],
    "cross-entropy": lambda: [FullyConnectedLayer(12, 3, cost="cross_entropy", dropout="inverted")],
    "no cost": lambda: [FullyConnectedLayer(12, 3, tanh)],
}


def data(n=16):
    draws = np.random.default_rng(0)
    return draws.random((n, 12)), draws.integers(3, size=n)


def trained(layers=MADE["softmax"], dtype="float64"):
    net = Network(layers(), 4, seed=7, dtype=dtype, device="cpu")
    if net.layers[-1].cost_function:
        net.SGD(data(), 2, 4, 0.1, data(8), data(8), 0.01, verbose=False)
    return net


@pytest.fixture
def kept(tmp_path):
    """A file of a trained network."""
    trained().save(tmp_path / "net.npz")
    return tmp_path / "net.npz"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", MADE.values(), ids=MADE.keys())
def test_what_is_saved_comes_back(layers, dtype, device, tmp_path):
    net = trained(layers, dtype)
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz", device="cpu")
    assert repr(again) == repr(net)
    assert [vars(a).keys() for a in again.layers] == [vars(b).keys() for b in net.layers]
    for ours, theirs in zip(again.params, net.params, strict=True):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
    for name in ("mini_batch_size", "seed", "dtype", "steps", "history"):
        assert getattr(again, name) == getattr(net, name)
    assert np.array_equal(again.forward(data()[0]), net.forward(data()[0]))


@pytest.mark.parametrize("layers", ["softmax", "convolution", "quadratic", "cross-entropy"])
def test_it_trains_on_as_the_saved_one_would(layers, tmp_path):
    net = trained(MADE[layers])
    net.save(tmp_path / "net.npz")
    again = Network.load(tmp_path / "net.npz")
    for one in (net, again):
        one.SGD(data(), 3, 4, 0.1, None, None, 0.01, shuffle=True, verbose=False)
    assert all(np.array_equal(a, b) for a, b in zip(again.params, net.params, strict=True))


def test_the_looks_of_early_stopping_come_back(tmp_path):
    net = Network(MADE["softmax"](), 4, device="cpu")
    net.SGD(data(), 2, 4, 0.1, data(8), None, early_stopping=EarlyStopping(4), verbose=False)
    net.save(tmp_path / "net.npz")
    assert len(net.history.looks) > 1
    assert Network.load(tmp_path / "net.npz", device="cpu").history == net.history


def test_numpy_and_json_alone_can_read_it(kept):
    with np.load(kept, allow_pickle=False) as parts:
        header = json.loads(bytes(parts[HEADER]))
        assert np.array_equal(parts["0.w"], trained().params[0])
    assert header["layers"][1] == {
        "kind": "SoftmaxLayer",
        "n_in": 5,
        "n_out": 3,
        "p_dropout": 0.5,
        "dropout": "inverted",
    }
    assert (header["format"], header["version"], header["steps"]) == ("netlib network", 1, 8)


# What is not whole


def test_a_truncated_file_is_refused_wherever_it_ends(kept):
    whole = kept.read_bytes()
    for end in [*range(0, len(whole) - 1, 61), len(whole) - 1]:
        kept.write_bytes(whole[:end])
        with pytest.raises(FileError, match=r"net\.npz' is no model file"):
            Network.load(kept)


def test_an_altered_byte_is_refused_or_changes_nothing(kept):
    whole, net = kept.read_bytes(), trained()
    refused = 0
    for place in range(0, len(whole), 17):
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :])
        try:
            again = Network.load(kept)
        except FileError:
            refused += 1
        else:  # a date or a flag of the archive, which nobody reads
            assert all(np.array_equal(a, b) for a, b in zip(again.params, net.params, strict=True))
    assert refused > len(whole) / 17 / 2


def rewritten(path, header=None, compress=False, **arrays):
    """The file with another header or other arrays, made as a stranger might, with right checksums."""
    with np.load(path) as parts:
        content = {name: parts[name] for name in parts.files}
    old = json.loads(bytes(content[HEADER]))
    content[HEADER] = np.frombuffer(json.dumps(header(old) if header else old).encode(), np.uint8)
    content |= arrays
    (np.savez_compressed if compress else np.savez)(path, **{k: v for k, v in content.items() if v is not None})
    return path


def without(name):
    return lambda header: {key: value for key, value in header.items() if key != name}


def with_layer(**changes):
    return lambda header: header | {"layers": [header["layers"][0] | changes, header["layers"][1]]}


STRANGE = {
    "a newer version": (lambda h: h | {"version": 2}, "has version 2 of the format, and this netlib reads up to 1"),
    "no version": (without("version"), "has version None of the format"),
    "another format": (lambda h: h | {"format": "other"}, "its header does not say 'netlib network'"),
    "a header that is a list": (lambda h: [h], "its header does not say"),
    "no layers": (without("layers"), "does not describe a network: KeyError: 'layers'"),
    "empty layers": (lambda h: h | {"layers": []}, "layers: expected at least one layer"),
    "an unknown kind": (with_layer(kind="os.system"), "does not describe a network: KeyError: 'os.system'"),
    "an unknown argument": (with_layer(n_middle=3), "unexpected keyword argument 'n_middle'"),
    "an unknown activation": (with_layer(activation_fn="magic"), "KeyError: 'magic'"),
    "a size of its own": (with_layer(n_in=11), r"array 0\.w: expected the shape \(11, 5\); got \(12, 5\)"),
    "one layer too many": (
        lambda h: h | {"layers": h["layers"] + h["layers"][1:]},
        r"KeyError: '2\.w'",
    ),
    "a bad option": (lambda h: h | {"dtype": "object"}, "dtype: expected one of"),
    "a huge layer": (with_layer(n_in=10**10), r"array 0\.w: expected the shape \(10000000000, 5\)"),
    "an infinite number of steps": (lambda h: h | {"steps": float("inf")}, "steps: expected an integer; got inf"),
    "fewer steps than none": (lambda h: h | {"steps": -4}, "steps: expected an integer of at least 0; got -4"),
    "a version before the first": (lambda h: h | {"version": 0}, "has version 0 of the format"),
    "a history of no epochs": (lambda h: h | {"history": {"cost": 5}}, "history: cost is no list"),
    "looks of another kind": (lambda h: h | {"history": {"looks": [[1, 2.5]]}}, "history: looks is no list"),
    "a strange history": (lambda h: h | {"history": {"coast": []}}, "unexpected keyword argument 'coast'"),
}


@pytest.mark.parametrize(("header", "found"), STRANGE.values(), ids=STRANGE.keys())
def test_a_header_that_describes_no_network_is_refused(header, found, kept):
    with pytest.raises(FileError, match=found):
        Network.load(rewritten(kept, header))


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"0.w": None}, r"KeyError: '0\.w'"),
        ({"0.w": np.zeros((12, 5), "f4")}, r"array 0\.w: expected float64 \(12, 5\); got float32"),
        ({"9.w": np.zeros(3)}, r"arrays that belong to no layer: 9\.w"),
        ({"0.w": np.array([print], dtype=object)}, "it has an array of objects"),
        ({HEADER: np.frombuffer(b"{", np.uint8)}, "JSONDecodeError"),
        ({HEADER: None}, "KeyError"),
    ],
)
def test_arrays_that_fit_no_layer_are_refused(arrays, found, kept):
    with pytest.raises(FileError, match=found):
        Network.load(rewritten(kept, **arrays))


def test_a_compressed_part_is_refused_because_it_may_be_a_bomb(kept):
    with pytest.raises(FileError, match="is compressed"):
        Network.load(rewritten(kept, compress=True))


def test_a_zip_bomb_whose_parts_are_all_the_same_bytes_is_refused(kept):
    with zipfile.ZipFile(kept, "a") as archive:
        archive.writestr("2.w.npy", bytes(10**6))
        archive.filelist += [archive.getinfo("2.w.npy")] * 1000
    assert kept.stat().st_size < 2 * 10**6
    tracemalloc.start()
    try:
        with pytest.raises(FileError, match=r"net\.npz' is no model file: its parts claim more bytes than it has"):
            Network.load(kept)
        assert tracemalloc.get_traced_memory()[1] < 4 * 10**6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", ["(1000000000, 784)", "(1000000000,)", "(-1, -60)", "(12, 5, 1, 2)"])
def test_an_array_that_claims_a_billion_images_takes_no_memory(shape, kept):
    with zipfile.ZipFile(kept) as archive:
        contents = {part.filename: archive.read(part) for part in archive.infolist()}
    claim = f"{shape}, }}".encode()
    before = b"(12, 5), }".ljust(len(claim))
    assert before in contents["0.w.npy"]
    contents["0.w.npy"] = contents["0.w.npy"].replace(before, claim)
    with zipfile.ZipFile(kept, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    tracemalloc.start()
    try:
        with pytest.raises(FileError, match=r"net\.npz' is no model file.*(it has an array of shape|negative)"):
            Network.load(kept)
        assert tracemalloc.get_traced_memory()[1] < 10**6
    finally:
        tracemalloc.stop()


class Trap:
    def __reduce__(self):
        return os.mkdir, ("sprung",)


@pytest.mark.parametrize("content", [b"", b"<html>", pickle.dumps(Trap()), np.zeros(3).tobytes()])
def test_another_kind_of_file_is_refused_and_never_executed(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.npz").write_bytes(content)
    with pytest.raises(FileError, match="is no model file"):
        Network.load("net.npz")
    assert not (tmp_path / "sprung").exists()


def test_a_part_with_a_path_stays_inside(kept):
    whole = io.BytesIO()
    np.save(whole, np.zeros(3))
    with zipfile.ZipFile(kept, "a") as archive:
        archive.writestr("../../escaped.npy", whole.getvalue())
    with pytest.raises(FileError, match=r"arrays that belong to no layer: \.\./\.\./escaped"):
        Network.load(kept)
    assert not (kept.parents[2] / "escaped.npy").exists()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Network.load(tmp_path / "nowhere.npz")


# What cannot be written


def test_a_full_disk_loses_nothing(kept, monkeypatch):
    before = kept.read_bytes()

    def full(file, **parts):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        trained().save(kept)
    assert kept.read_bytes() == before
    assert [path.name for path in kept.parent.iterdir()] == ["net.npz"]


@pytest.mark.skipif(os.geteuid() == 0, reason="for root no folder is read-only")
def test_a_read_only_folder_loses_nothing(kept):
    before = kept.read_bytes()
    kept.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(PermissionError):
        trained().save(kept)
    kept.parent.chmod(stat.S_IRWXU)
    assert kept.read_bytes() == before


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        trained().save(tmp_path / "no" / "net.npz")


def test_an_activation_of_ones_own_cannot_be_saved_and_says_so(tmp_path):
    own = Activation("own", tanh.function, tanh.gradient)
    net = Network([FullyConnectedLayer(3, 2, own), SoftmaxLayer(2, 2)], 1)
    with pytest.raises(ValueError, match=r"^activation_fn: only netlib's own can be saved, sigmoid, .*; got own"):
        net.save(tmp_path / "net.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_larger_than_what_it_holds(kept):
    _, arrays = read(kept)
    assert kept.stat().st_size < sum(array.nbytes for array in arrays.values()) + 5000
