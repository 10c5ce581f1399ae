"""Whatever reads what others may have written, and what each may be given.

A target is a function of a folder that returns two more: one that makes an input from a generator, and one that uses
it. The second tells whether the input was accepted, and fails if it was refused in another way than is documented, or
accepted and is not what it should be.
"""

import dataclasses
import gzip
import hashlib
import io
import json
import math
import os
import pickle
import re
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, SoftmaxLayer, config
from netlib.checkpoints import Checkpoints
from netlib.data import load_pickle, own_images
from netlib.data.idx import read_idx
from netlib.devices import Measurements
from netlib.experiments import Record, RecordError, Speeds, read, write
from netlib.expression import FUNCTIONS, ExpressionError, function
from netlib.optimizers import Momentum
from netlib.stopping import EarlyStopping
from netlib.storage import HEADER, FileError
from tests.experiments import make_record
from tests.fuzz.mutation import bytes_like, text_like, tree_like
from tests.fuzz.watch import watched
from tests.test_data import HOSTILE, PROGRAMS, python2_array, three_sets
from tests.test_expression import PIECES, SEEDS, survives
from tests.test_idx import idx as as_idx


def refused_well(error, *named):
    """A message that names what was bad; no error that stands for a memory that was full."""
    assert any(name in str(error) for name in named), f"{error} names none of {named}"
    while error:
        assert not isinstance(error, MemoryError), "so much memory was asked for that there was no more"
        error = error.__cause__ or error.__context__


def reader(folder, name, read_it, errors, sane, good):
    """What uses the content of a file; a good one comes first, whose reader may still have to be imported."""
    path = folder / name
    path.write_bytes(good)
    sane(read_it(path), good)

    def use(content):
        path.write_bytes(content)
        try:
            with watched(folder):
                found = read_it(path)
        except errors as error:
            refused_well(error, name)
            return False
        sane(found, content)
        return True

    return use


def unzipped(content):
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def zipped(rng, content):
    """Now and then gzipped, and then now and then spoiled."""
    if rng.random() < 0.5:
        return content
    content = gzip.compress(content, 1, mtime=0)
    return content if rng.random() < 0.5 else bytes_like(rng, [content])


def idx(folder):
    shapes = [(3, 4, 5), (7,), (), (0, 28, 28), (2, 1, 1, 1, 1)]
    good = [as_idx(np.arange(np.prod(shape, dtype=int), dtype=np.uint8).reshape(shape)) for shape in shapes]

    def sane(found, content):
        assert found.dtype == np.uint8
        assert as_idx(found) == unzipped(content)

    use = reader(folder, "images.idx", read_idx, ValueError, sane, good[0])
    return lambda rng: zipped(rng, bytes_like(rng, good)), use


def pickles(folder):
    sets = three_sets("<f4", "<i8")
    good = [pickle.dumps(sets, protocol) for protocol in range(6)]
    good.append(b"\x80\x02" + b"".join(python2_array(x) + python2_array(y) + b"\x86" for x, y in sets) + b"\x87.")
    good += [content for content, _ in HOSTILE.values() if len(content) < 10_000]
    good += [program(folder / "planted") for program in PROGRAMS.values()]

    def sane(found, content):
        for x, y in found:
            assert (x.ndim, x.dtype, y.dtype, y.shape) == (2, np.float32, np.int32, x.shape[:1])
        assert sum(x.size + y.size for x, y in found) <= 3 * len(unzipped(content))

    use = reader(folder, "mnist.pkl.gz", load_pickle, ValueError, sane, good[0])
    return lambda rng: zipped(rng, bytes_like(rng, good)), use


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        return {part.filename: archive.read(part) for part in archive.infolist()}


def archived(rng, parts):
    """A zip archive of these parts, now and then one that nobody but an attacker would make."""
    names, file = list(parts), io.BytesIO()
    odd = rng.random() < 0.2 and rng.choice(("squeezed", "twice", "missing", "elsewhere", "renamed", "nested"))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if odd == "squeezed" else zipfile.ZIP_STORED) as archive:
        left_out = rng.choice(names)
        for name in names:
            if name == left_out and odd == "missing":
                continue
            if name == left_out and odd in ("elsewhere", "renamed"):
                name = f"../../{name}" if odd == "elsewhere" else rng.choice(("0.w", "9.b.npy", "run.x.npy", "\x01"))
            archive.writestr(zipfile.ZipInfo(name), parts.get(name, parts[left_out]))
        if odd == "nested":
            archive.writestr("more.npy", bytes(file.getvalue()))
    content = file.getvalue()
    if odd == "twice":  # the second has the first one's name
        a, b = (name.encode() for name in rng.sample(names, 2))
        content = content.replace(a, b) if len(a) == len(b) else content
    return content


def model(rng, good):
    """A model file that is spoiled as bytes, in its header, in an array, or in what parts it has."""
    whole, parts = rng.choice(good)
    manner = rng.randrange(4)
    if manner == 0:
        return bytes_like(rng, [whole])
    parts = dict(parts)
    if manner == 1:
        name = rng.choice(list(parts))
        parts[name] = bytes_like(rng, [parts[name]])
    if manner > 1:
        header = parts[f"{HEADER}.npy"]
        tree = json.loads(header[header.index(b"\n") + 1 :])
        text = json.dumps(tree_like(rng, tree)).encode()
        file = io.BytesIO()
        np.save(file, np.frombuffer(text, np.uint8))
        parts[f"{HEADER}.npy"] = file.getvalue()
    return archived(rng, parts)


def _network(*layers, steps=True):
    net = Network(layers, 4, seed=3, device="cpu")
    draws = np.random.default_rng(0)
    data = draws.random((12, 12)), draws.integers(3, size=12)
    if steps:
        net.SGD(data, 2, 4, 0.1, data, data, 0.01, early_stopping=EarlyStopping(4), verbose=False)
    return net, data


def models(folder):
    layers = [
        (FullyConnectedLayer(12, 5, p_dropout=0.25), SoftmaxLayer(5, 3)),
        (ConvPoolLayer((2, 1, 2, 2), (4, 1, 4, 3), (1, 2)), SoftmaxLayer(6, 3)),
    ]
    good = []
    for i, row in enumerate(layers):
        net, _ = _network(*row)
        net.save(folder / f"{i}.npz")
        good.append(((folder / f"{i}.npz").read_bytes(), parts_of(folder / f"{i}.npz")))

    def sane(net, content):
        assert isinstance(net.steps, int)
        size = math.prod(net.layers[0].input_shape)  # another one than it was, if the layer after it still fits
        assert size > 1000 or net.forward(np.zeros((4, size))).shape == (4, 3)
        assert sum(parameter.nbytes for parameter in net.params) < len(content)

    use = reader(folder, "net.npz", lambda path: Network.load(path, device="cpu"), FileError, sane, good[0][0])
    return lambda rng: model(rng, good), use


def checkpoints(folder):
    net, data = _network(FullyConnectedLayer(12, 5), SoftmaxLayer(5, 3), steps=False)
    remembered = {"optimizer": Momentum(0.5), "early_stopping": EarlyStopping(4)}
    kept = folder / "run"
    net.SGD(data, 2, 4, 0.1, data, None, checkpoint=kept, verbose=False, **remembered)
    (path,) = kept.iterdir()
    good = [(path.read_bytes(), parts_of(path))]
    arguments = json.loads(good[0][1][f"{HEADER}.npy"].split(b"\n", 1)[1])["run"]
    more = {name: value for name, value in arguments.items() if name not in ("layers", "seed", "dtype", "data")}
    network, _ = _network(FullyConnectedLayer(12, 5), SoftmaxLayer(5, 3), steps=False)

    def resume(path):
        found = Checkpoints(path.parent, 1, network, [], Momentum(0.5), EarlyStopping(4), **more)
        found.run |= {"data": arguments["data"]}
        return found.resume(5)

    def sane(history, content):
        assert len(history.cost) <= 5

    def checked(path):
        try:
            return resume(path)
        except ValueError as error:  # a whole checkpoint of another run is one of the documented errors
            if not isinstance(error, FileError) and not re.match("checkpoint: .* another run|epochs: ", str(error)):
                raise AssertionError(str(error)) from error
            raise

    use = reader(kept, path.name, checked, ValueError, sane, good[0][0])
    return lambda rng: model(rng, good), use


def signature(content):
    """The checksum of a record, as anybody can compute it."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def records(folder, kind=Record, record=None):
    record = record or make_record()
    path = write(record, folder)
    whole = path.read_bytes()
    signed = json.loads(whole)

    def make(rng):
        manner = rng.randrange(4)
        if manner == 0:
            return bytes_like(rng, [whole])
        if manner == 1:
            return rng.choice((b"[", b'{"a":', b"[1,")) * rng.choice((1, 10, 1000, 100_000))
        content = tree_like(rng, {name: value for name, value in signed.items() if name != "sha256"})
        if manner == 2 and isinstance(content, dict):  # as somebody would who knows how
            content["sha256"] = signature(content)
        return json.dumps(content).encode()

    def sane(found, content):
        again = dataclasses.asdict(found)
        again["sha256"] = signature(again)
        assert json.dumps(again, sort_keys=True) == json.dumps(json.loads(content), sort_keys=True)

    use = reader(folder, "doctored.json", lambda path: read(path, kind), RecordError, sane, whole)
    return make, use


LAYERS = [{"kind": "FullyConnectedLayer", "n_in": 784, "n_out": 30}, {"kind": "SoftmaxLayer", "n_out": 10}]
SPEEDS = Speeds(LAYERS, {"eta": 0.1}, 0, "0123", [[0.5, 0.25]], [2.5], 0.5, "CPU", {"netlib": "1"}, 1.5, None)
TIMES = [["product", 64, 1e-5, 2e-5, 100, 200]]
MEASURED = Measurements("CPU, x86_64", "a processor", "2026-01-31", 3, TIMES, 1.5, {"netlib": "1"}, "0123")


def speeds(folder):
    return records(folder, Speeds, SPEEDS)


def devices(folder):
    return records(folder, Measurements, MEASURED)


def png_chunks(content):
    at = 8
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        yield content[at + 4 : at + 8], content[at + 8 : at + 8 + length]
        at += 12 + length


def png(chunks):
    """A PNG of these chunks, with the checksums that they need."""
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def images(folder):
    picture = np.full((14, 12), 230, np.uint8)
    picture[3:11, 5:7] = 20
    grey, good, chunked = Image.fromarray(picture), [], []
    for mode in ("L", "RGB", "RGBA", "P", "1", "LA"):
        file = io.BytesIO()
        grey.convert(mode).save(file, "PNG")
        good.append(file.getvalue())
        chunked.append(list(png_chunks(file.getvalue())))
    for mode in ("L", "RGB", "CMYK"):
        file = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        grey.convert(mode).save(file, "JPEG", exif=exif)
        good.append(file.getvalue())

    def make(rng):
        if rng.random() < 0.5:
            return bytes_like(rng, good)
        chunks = list(rng.choice(chunked))
        place = rng.randrange(len(chunks))
        kind, data = chunks[place]
        if kind == b"IDAT" and rng.random() < 0.7:
            data = zlib.compress(bytes_like(rng, [zlib.decompress(data)]), 1)
        else:
            data = bytes_like(rng, [data, b"\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0"])
        kind = (
            kind if rng.random() < 0.8 else rng.choice((b"tRNS", b"iCCP", b"zTXt", b"acTL", b"fdAT", b"eXIf", b"pHYs"))
        )
        chunks[place : place + rng.randrange(2)] = [(kind, data)]
        return png(chunks)

    def sane(found, content):
        assert (found.x.shape, found.x.dtype) == ((1, 784), np.float32)
        assert 0 <= found.x.min() <= found.x.max() == 1

    use = reader(folder, "picture.png", own_images, ValueError, sane, good[0])
    return make, use


def formulas(folder):
    def use(text):
        with watched(folder):
            survives(text)
            try:
                function(text)
            except ExpressionError:
                return False
        return True

    calls = [f"{name}({', '.join('xx1'[:n])})" for name, (_, n) in FUNCTIONS.items()]
    return lambda rng: text_like(rng, rng.choice((SEEDS, calls)), PIECES), use


SETTINGS = [
    'device = "cpu"\n',
    'dtype = "float64"\ndevice = "auto"\n',
    "# nothing\n",
    "[device]\na = 1\n",
    "x = 1979-05-27\n",
]
TOML = [
    *"\"=[]{}#.,\n\\'",
    '"""',
    "[[",
    "device",
    "dtype",
    "1e400",
    "0x",
    "\\u0000",
    "\\ud800",
    "nan",
    "é",
    "1" * 5000,
    "[" * 500,
]


def settings(folder):
    def setting(path):
        os.environ["NETLIB_CONFIG"] = str(path)
        try:
            return config.setting("device")
        finally:
            os.environ["NETLIB_CONFIG"] = os.devnull

    def make(rng):
        text = text_like(rng, SETTINGS, TOML).encode(errors="replace")
        return text if rng.random() < 0.9 else bytes_like(rng, [text])

    def sane(found, content):
        assert isinstance(found.value, str)

    return make, reader(folder, "netlib.toml", setting, ValueError, sane, SETTINGS[0].encode())


READERS = (idx, pickles, models, checkpoints, records, speeds, devices, images, formulas, settings)
