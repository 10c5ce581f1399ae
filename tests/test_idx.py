"""The idx format: read if whole, refused with what was found if not."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from netlib.data.idx import read_idx


def idx(array, magic=b"\0\0\x08"):
    return magic + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
GOOD = idx(IMAGES)


@pytest.mark.parametrize("array", [IMAGES, np.array([5, 0, 4], np.uint8), np.zeros((0, 28, 28), np.uint8)])
@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["zipped", "plain"])
def test_arrays_of_bytes_are_read(array, pack, tmp_path):
    (tmp_path / "a").write_bytes(pack(idx(array)))
    read = read_idx(tmp_path / "a")
    assert read.dtype == np.uint8
    assert np.array_equal(read, array)
    assert read.shape == array.shape


def test_lengths_are_most_significant_byte_first(tmp_path):
    (tmp_path / "a").write_bytes(b"\0\0\x08\x01\0\0\x01\x02" + bytes(258))
    assert read_idx(tmp_path / "a").shape == (258,)


DAMAGED = {
    "empty": (b"", "it begins with b''"),
    "another magic number": (idx(IMAGES, b"\0\0\x0d"), r"it begins with .*, expected two zero bytes, 8, and"),
    "a web page": (b"<!DOCTYPE html><html>", "it begins with b'<!DO'"),
    "cut in its magic number": (GOOD[:3], "it begins with"),
    "cut in its header": (GOOD[:9], "it ends within its header, after 9 bytes"),
    "cut in its pixels": (GOOD[:-1], r"claims the shape \(2, 3, 4\), 24 bytes; there are only 23"),
    "too long": (GOOD + b"\0", r"claims the shape \(2, 3, 4\), 24 bytes; there are more"),
    "absurd": (b"\0\0\x08\x03" + b"\xff" * 12, "which is more than 2147483648 bytes"),
    "absurdly many axes": (b"\0\0\x08\xff" + b"\0\0\0\x02" * 255, "which is more than 2147483648 bytes"),
    "more axes than NumPy has": (b"\0\0\x08\x64" + b"\0\0\0\x01" * 100 + b"x", "maximum supported dimension"),
    "none of the longest": (b"\0\0\x08\x03\0\0\0\0" + b"\xff" * 8, "array is too big"),
    "zipped and cut": (gzip.compress(GOOD)[:-9], "ended before the end-of-stream marker"),
    "zipped, then changed": (gzip.compress(GOOD)[:-5] + b"\0" + gzip.compress(GOOD)[-4:], "CRC check failed"),
    "zipped, absurd": (gzip.compress(b"\0\0\x08\x03" + b"\xff" * 12), "which is more than"),
    "a bomb": (gzip.compress(GOOD + bytes(10**7)), "there are more"),
}


@pytest.mark.parametrize(("content", "found"), DAMAGED.values(), ids=DAMAGED.keys())
def test_what_is_no_whole_idx_file_is_refused(content, found, tmp_path):
    (tmp_path / "damaged").write_bytes(content)
    with pytest.raises(ValueError, match=rf"damaged' is not a whole idx file of bytes: .*{found}"):
        read_idx(tmp_path / "damaged")


@pytest.mark.parametrize("pack", [gzip.compress, bytes], ids=["zipped", "plain"])
def test_a_header_that_claims_a_billion_images_takes_no_memory(pack, tmp_path):
    (tmp_path / "damaged").write_bytes(pack(b"\0\0\x08\x03" + struct.pack(">3I", 10**9, 1, 2) + bytes(100)))
    tracemalloc.start()
    try:
        with pytest.raises(
            ValueError, match=r"claims the shape \(1000000000, 1, 2\), 2000000000 bytes; there are only 100"
        ):
            read_idx(tmp_path / "damaged")
        assert tracemalloc.get_traced_memory()[1] < 1 << 23
    finally:
        tracemalloc.stop()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")
