"""Own handwriting: drawn here by code, and what becomes of it on its way to a network."""

import struct
import sys
import tracemalloc
import zlib

import matplotlib.pyplot as plt
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from netlib import ConvPoolLayer, FullyConnectedLayer, Network, SoftmaxLayer, data
from netlib.cli import main
from netlib.data import as_mnist, own_images

WHITE, BLACK = 1.0, 0.0
SEVEN = [((0.1, 0.05), (0.9, 0.05)), ((0.9, 0.05), (0.4, 0.95))]  # strokes from (x, y) to (x, y)


def drawn(shape=(300, 240), corner=(60, 50), height=150, strokes=SEVEN, thickness=0.12):
    """Ink (H, W) from 0 to 1: strokes with round ends, drawn `height` pixels high below and right of a corner."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    y, x = (y - corner[0]) / height, (x - corner[1]) / height
    far = np.full(shape, np.inf)
    for (x0, y0), (x1, y1) in strokes:
        along = ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2)
        along = along.clip(0, 1)
        far = np.minimum(far, np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)))
    return ((thickness / 2 - far) * height + 0.5).clip(0, 1)


def on_paper(ink, strength=0.8, noise=0.03, seed=0):
    """Ink on grey paper under a light that falls off to one side and to the bottom, photographed with noise."""
    y, x = (np.linspace(0, 1, n) for n in ink.shape)
    paper = 0.9 - 0.3 * x - 0.15 * y[:, None] ** 2
    draws = np.random.default_rng(seed).standard_normal(ink.shape)
    return (paper * (1 - strength * ink) + noise * draws).clip(0, 1)


def extent(image):
    """Rows and columns of the box around what is not 0."""
    return tuple(int(np.ptp(places)) + 1 for places in np.nonzero(image))


def off_centre(image):
    """How far the centre of mass is from the centre, in rows and columns."""
    middle = [(n - 1) / 2 for n in image.shape]
    mass = [np.average(places, weights=image[image > 0]) for places in np.nonzero(image)]
    return np.abs(np.subtract(mass, middle)).max()


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


CLEAN = as_mnist(1 - drawn())

# What is the same for every picture.

PICTURES = {
    "clean": 1 - drawn(),
    "on uneven, noisy paper": on_paper(drawn()),
    "white on black": drawn(),
    "chalk": 1 - on_paper(drawn()),
    "bytes": (255 * (1 - drawn())).astype(np.uint8),
    "coloured": 1 - drawn()[..., None] * [0.9, 0.6, 0.1],
    "on transparent paper": np.stack([*np.zeros((3, 300, 240)), drawn()], axis=-1),
    "pale": 1 - 0.2 * drawn(),
    "small": 1 - drawn((40, 30), (8, 6), 24),
    "large": on_paper(drawn((1700, 1900), (300, 900), 800)),
    "in a corner": on_paper(drawn(corner=(12, 12), height=100)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_ink_is_20_pixels_long_and_its_weight_in_the_middle(name):
    image = as_mnist(PICTURES[name])
    assert (image.shape, image.dtype) == ((28, 28), np.float32)
    assert (image.min(), image.max()) == (0, 1)
    assert max(extent(image)) == 20
    assert off_centre(image) <= 0.5


@pytest.mark.parametrize("name", PICTURES)
def test_the_same_strokes_give_the_same_image(name):
    assert correlation(as_mnist(PICTURES[name]), CLEAN) > 0.98


def test_the_image_shows_the_strokes_and_not_their_mirror_image():
    box = tuple(slice(places.min(), places.max() + 1) for places in np.nonzero(CLEAN))
    seven = CLEAN[box]
    assert seven[1].min() > 0.8, "no bar at the top"
    assert seven[18, 5:9].max() > 0.9, "no foot left of the middle"
    assert max(seven[4:16, :5].max(), seven[11:, -4:].max()) < 0.01, "ink where none was drawn"


def test_proportions_are_kept():
    ink = drawn()
    rows, columns = extent(ink > 0.5)
    assert extent(CLEAN) == (20, round(20 * columns / rows))


@pytest.mark.parametrize("shift", [(0, 0), (1, 2), (60, -30), (-40, 40)])
def test_where_it_is_drawn_does_not_matter(shift):
    np.testing.assert_allclose(as_mnist(1 - np.roll(drawn(), shift, axis=(0, 1))), CLEAN, atol=0.01)


@pytest.mark.parametrize("size", [50, 100, 190])
def test_how_large_it_is_drawn_hardly_matters(size):
    assert correlation(as_mnist(1 - drawn(corner=(40, 40), height=size)), CLEAN) > 0.98


@pytest.mark.parametrize(("paper", "ink"), [(1, 0), (0.9, 0.5), (0.6, 0.1), (0, 1), (0.1, 0.4)])
def test_contrast_and_which_of_the_two_is_darker_do_not_matter(paper, ink):
    np.testing.assert_allclose(as_mnist(paper + (ink - paper) * drawn()), CLEAN, atol=0.02)


def test_paper_is_0_where_nothing_was_drawn_in_spite_of_noise_and_shadow():
    image = as_mnist(on_paper(drawn()))
    assert (image[CLEAN == 0] > 0.5).sum() == 0
    assert (image == 0).mean() > 0.6


def test_a_shadow_that_is_no_smooth_surface_is_not_ink():
    shadow = np.ones((300, 240))
    shadow[200:, :90] = 0.9
    assert correlation(as_mnist((1 - drawn()) * shadow), CLEAN) > 0.98


def test_a_speck_of_dust_does_not_move_the_box():
    speckled = 1 - drawn()
    speckled[280, 230] = 0
    assert np.array_equal(as_mnist(speckled), CLEAN)


def test_ink_that_reaches_the_border_leaves_the_paper_what_it_is():
    bar = drawn(strokes=[((0, 0.5), (2, 0.5))], thickness=0.6)  # 90 of the 300 pixels of the right border
    image = as_mnist(on_paper(bar, noise=0.01))
    rows, columns = extent(bar > 0.5)
    assert extent(image) == (round(20 * rows / columns), 20)
    assert (image > 0.85).sum() > 0.85 * (image > 0).sum()


def test_ink_is_as_dark_in_the_shade_as_in_the_light():
    light = np.linspace(1, 0.3, 600)
    image = as_mnist((1 - 0.8 * drawn((200, 600), (50, 50), 100, strokes=[((0, 0.5), (5, 0.5))])) * light)
    assert image.max(axis=0)[5:23].min() > 0.95


def test_light_that_falls_off_towards_the_corners_is_not_ink():
    y, x = np.linspace(-1, 1, 300)[:, None], np.linspace(-1, 1, 240)
    assert correlation(as_mnist((1 - 0.8 * drawn()) * (1 - 0.3 * (x * x + y * y))), CLEAN) > 0.98


def test_heavy_noise_averages_away_in_a_large_picture():
    image = as_mnist(on_paper(drawn((1600, 1600), (300, 300), 800, thickness=0.12), noise=0.2))
    assert correlation(image, CLEAN) > 0.97


def test_a_thin_line_in_a_large_picture_is_not_lost():
    image = as_mnist(1 - drawn((900, 900), (100, 100), 700, thickness=0.005))
    assert max(extent(image)) == 20
    assert np.median(image[image > 0]) > 0.2


def test_a_very_wide_line_is_one_row():
    image = as_mnist(1 - drawn((60, 2000), (30, 100), 20, strokes=[((0, 0), (90, 0))], thickness=0.2))
    assert extent(image) == (1, 20)
    assert off_centre(image) <= 0.5


def test_a_single_pixel_becomes_a_square():
    picture = np.ones((5, 5))
    picture[1, 3] = 0
    image = as_mnist(picture)
    assert extent(image) == (20, 20)
    assert np.array_equal(image[4:24, 4:24], np.ones((20, 20)))


@pytest.mark.parametrize(("side", "box"), [(28, 28), (28, 10), (14, 10), (1, 1)])
def test_side_and_box_are_what_one_asks_for(side, box):
    image = as_mnist(1 - drawn(), side=side, box=box)
    assert image.shape == (side, side)
    assert max(extent(image)) == box


def test_heavy_ends_do_not_push_ink_off_the_sheet():
    ink = np.zeros((200, 200))
    ink[20:40, 20:180] = 1
    ink[20:180, 99:101] = 1
    image = as_mnist(1 - ink, box=26)
    assert extent(image) == (26, 26)
    assert off_centre(image) > 0.5


def test_dark_and_light_can_be_asked_for():
    both = np.full((100, 100), 0.5)
    both[20:80, 20:30] = 1
    both[40:50, 60:90] = 0
    assert extent(as_mnist(both, ink="light")) == (20, 3)
    assert extent(as_mnist(both, ink="dark")) == (7, 20)


def test_transparent_paper_is_white_whatever_colour_it_hides():
    hidden = np.stack([*np.full((3, 300, 240), 0.3), drawn()], axis=-1)
    np.testing.assert_allclose(as_mnist(hidden), CLEAN, atol=0.02)


def test_colours_weigh_as_the_eye_sees_them():
    squares = np.ones((40, 90, 3))
    squares[10:30, 10:30] = (0, 1, 1)  # without red, 0.299 of the light is gone; then green; then blue
    squares[10:30, 35:55] = (1, 0, 1)
    squares[10:30, 60:80] = (1, 1, 0)
    image = as_mnist(squares, box=14, side=14)[5:9]
    levels = [image[:, columns].max() for columns in (slice(0, 4), slice(5, 9), slice(10, 14))]
    np.testing.assert_allclose(levels[0], 0.299 / 0.587, atol=0.05)
    assert levels[1] == 1


# Digits that are known.


@pytest.fixture(scope="module")
def net():
    """A small network that has learned the embedded digits."""
    training, _, _ = data.load("digits")
    network = Network([FullyConnectedLayer(784, 40), SoftmaxLayer(40, 10)], 10, device="cpu")
    network.SGD(training, 10, 10, 0.5, None, None, verbose=False)
    return network


def on_a_sheet(digit, seed):
    """A digit blown up by ten, off the centre of a larger, noisy sheet of grey paper."""
    ink = np.zeros((420, 500))
    ink[100:380, 30:310] = np.kron(digit, np.ones((10, 10)))
    return on_paper(ink, seed=seed)


def test_digits_on_a_photographed_sheet_come_back_and_are_read_as_before(net):
    digits = data.load("digits").test.x[:20].reshape(-1, 28, 28)
    again = np.stack([as_mnist(on_a_sheet(digit, seed)) for seed, digit in enumerate(digits)])
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]  # centres of mass are rounded to pixels
    best = [max(correlation(np.roll(b, s, (0, 1)), a) for s in shifts) for a, b in zip(digits, again, strict=True)]
    assert min(best) > 0.95
    assert (net.predict(again) == net.predict(digits)).sum() >= 18


def test_an_image_of_mnists_kind_stays_as_it_is():
    digits = data.load("digits").test.x[:50].reshape(-1, 28, 28)
    assert np.median([correlation(as_mnist(digit), digit) for digit in digits]) > 0.99


# What is refused.


@pytest.mark.parametrize(
    "blank",
    [
        np.ones((50, 50)),
        np.zeros((50, 50, 3), np.uint8),
        np.zeros((50, 50, 4)),
        on_paper(np.zeros((300, 240))),
        1 - 0.05 * drawn(),
        np.ones((1, 1)),
    ],
    ids=["white", "black", "transparent", "noisy", "too faint", "one pixel"],
)
def test_a_picture_without_ink_is_refused(blank):
    with pytest.raises(ValueError, match="picture: expected ink on paper; found none"):
        as_mnist(blank)


def test_dark_ink_is_not_found_where_ink_is_light():
    with pytest.raises(ValueError, match="expected dark ink on paper; found none"):
        as_mnist(drawn(), ink="dark")


@pytest.mark.parametrize(
    ("picture", "complaint"),
    [
        (np.ones(5), r"expected \(H, W\), .*; got \(5,\)"),
        (np.ones((5, 5, 2)), r"got \(5, 5, 2\)"),
        (np.ones((1, 5, 5, 3)), r"got \(1, 5, 5, 3\)"),
        (np.ones((0, 5)), r"not empty; got \(0, 5\)"),
        (np.full((5, 5), np.nan), "expected floats from 0 to 1; got float64 from nan"),
        (np.full((5, 5), np.inf), "expected floats from 0 to 1; got float64 from inf"),
        (np.full((5, 5), 7.0), "expected floats from 0 to 1; got float64 from 7"),
        (np.full((5, 5), 256), "expected integers from 0 to 255; got int64 from 256"),
        (np.full((5, 5), -1), "expected integers from 0 to 255; got int64 from -1"),
    ],
)
def test_what_is_no_picture_is_refused(picture, complaint):
    with pytest.raises(ValueError, match=f"picture: .*{complaint}"):
        as_mnist(picture)


def test_letters_are_no_picture():
    with pytest.raises(TypeError, match="picture: expected integers or floats; got dtype <U1"):
        as_mnist([["a", "b"]])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"box": 29}, "box: expected at most side, 28; got 29"),
        ({"box": 0}, "box: expected an integer of at least 1"),
        ({"side": 0}, "side: expected an integer of at least 1"),
        ({"ink": "blue"}, "ink: expected one of 'auto', 'dark', 'light'; got 'blue'"),
    ],
)
def test_other_arguments_are_checked_before_a_file_is_opened(arguments, complaint):
    for call, first in ((as_mnist, 1 - drawn()), (own_images, "nowhere.png")):
        with pytest.raises(ValueError, match=f"^{complaint}"):
            call(first, **arguments)


# Files.


def as_bytes(levels):
    return (255 * np.asarray(levels)).round().astype(np.uint8)


def save(path, levels, **options):
    Image.fromarray(as_bytes(levels)).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """Pictures and other things."""
    save(tmp_path / "b.png", 1 - drawn())
    save(tmp_path / "a.JPG", on_paper(drawn()), quality=95)
    save(tmp_path / "c.jpeg", np.stack([drawn()] * 3, axis=-1), quality=95)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "._b.png").write_bytes(b"what macOS leaves")
    (tmp_path / "more.png").mkdir()
    return tmp_path


def test_a_folder_is_read_in_the_order_of_its_names(folder):
    images = own_images(folder)
    assert images.names == ["a.JPG", "b.png", "c.jpeg"]
    assert (images.x.shape, images.x.dtype) == ((3, 784), np.float32)
    assert [original.shape for original in images.originals] == [(300, 240), (300, 240), (300, 240, 3)]
    assert np.array_equal(images.x[1], as_mnist(as_bytes(1 - drawn())).ravel())
    assert np.array_equal(images.originals[1], as_bytes(1 - drawn()))
    assert min(correlation(row, CLEAN) for row in images.x) > 0.98


def test_a_file_alone_and_other_sizes(folder):
    images = own_images(str(folder / "b.png"), side=14, box=10)
    assert images.names == ["b.png"]
    assert np.array_equal(images.x, as_mnist(as_bytes(1 - drawn()), side=14, box=10).reshape(1, 196))


def test_what_ink_is_applies_to_files(folder):
    with pytest.raises(ValueError, match=r"c\.jpeg': picture: expected dark ink"):
        own_images(folder, ink="dark")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_turned_as_the_camera_noted(orientation, tmp_path):
    upright = as_bytes(1 - drawn())
    stored = {  # what a camera has written that was held so
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: np.rot90(upright, 2).T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "turned.png", exif=exif)
    images = own_images(tmp_path)
    assert np.array_equal(images.originals[0], upright)
    assert np.array_equal(images.x[0], as_mnist(upright).ravel())


@pytest.mark.parametrize("kind", ["1", "P", "LA", "RGBA", "I;16"])
def test_every_kind_of_png_is_read(kind, tmp_path):
    grey = Image.fromarray(as_bytes(1 - drawn()))
    if kind == "I;16":
        picture = Image.fromarray((65535 * (1 - 0.5 * drawn())).astype(np.uint16))
    elif kind in ("LA", "RGBA"):
        picture = Image.new(kind, grey.size)
        picture.putalpha(Image.fromarray(as_bytes(drawn())))
    else:
        picture = grey.convert(kind)
    assert picture.mode == kind
    picture.save(tmp_path / "kind.png")
    assert correlation(own_images(tmp_path).x[0], CLEAN) > 0.98


def test_large_originals_are_kept_small(tmp_path):
    save(tmp_path / "large.png", 1 - drawn((1200, 900), (100, 100), 500))
    (original,) = own_images(tmp_path).originals
    assert original.shape == (400, 300)


def test_a_folder_without_pictures_and_no_folder_at_all_are_errors(tmp_path):
    with pytest.raises(ValueError, match=r"path: expected a folder with PNG or JPEG files; .* has none"):
        own_images(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"path: no file or folder .*nowhere"):
        own_images(tmp_path / "nowhere")


def png_of_claimed_size(width, height):
    """A PNG whose header claims this size, and that ends where the pixels would begin."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + header
        + struct.pack(">I", zlib.crc32(header))
        + bytes(4)
        + b"IDAT"
    )


def png_of_one_pixel(colours):
    """A PNG whose header claims this way of storing colours, and that has nothing else."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, colours, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(2))),
        (b"IEND", b""),
    ]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "gif", "bomb", "large", "colours without a palette"])
def test_a_broken_file_is_an_error_that_names_it(folder, damage):
    path = folder / "broken.png"
    save(path, 1 - drawn(), format="GIF" if damage == "gif" else "PNG")
    content = {
        "empty": b"",
        "text": b"no picture",
        "cut": path.read_bytes()[:-100],
        "gif": path.read_bytes(),
        "bomb": png_of_claimed_size(60_000, 60_000),
        "large": png_of_claimed_size(10_000, 10_000),
        "colours without a palette": png_of_one_pixel(colours=3),
    }
    path.write_bytes(content[damage])
    with pytest.raises(ValueError, match=r"broken\.png' cannot be read as a PNG or JPEG") as caught:
        own_images(folder)
    if damage in ("bomb", "large"):
        assert "decompression bomb" in str(caught.value)


@pytest.mark.parametrize("shape", [(8_000_001, 1), (40, 300_000), (700, 12_000)])
def test_a_picture_with_a_side_that_is_many_times_the_other_is_refused_before_it_fills_the_memory(shape):
    strip = np.broadcast_to(np.uint8(255), shape)
    with pytest.raises(ValueError, match=rf"sides of about the same length; got {shape[0]} x {shape[1]}$"):
        as_mnist(strip)


def test_a_file_of_a_few_bytes_that_is_a_large_picture_is_read_with_bounded_memory(tmp_path):
    Image.new("RGBA", (4000, 4000), (255, 255, 255, 255)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"bomb\.png': picture: expected ink on paper"):
            own_images(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 10 * 4000 * 4000
    finally:
        tracemalloc.stop()


def test_a_blank_file_is_an_error_that_names_it(folder):
    save(folder / "blank.png", np.ones((50, 50)))
    with pytest.raises(ValueError, match=r"blank\.png': picture: expected ink on paper"):
        own_images(folder)


def test_without_pillow_it_is_said_how_to_get_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    for call in (lambda: own_images(folder), lambda: as_mnist(1 - drawn())):
        with pytest.raises(ImportError, match="pip install pillow"):
            call()


# netlib read.


def netlib(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def digits_folder(tmp_path):
    """Three of the embedded digits as photographs."""
    folder = tmp_path / "digits"
    folder.mkdir()
    for i, digit in enumerate(data.load("digits").test.x[:3].reshape(-1, 28, 28)):
        save(folder / f"photo{i}.png", on_a_sheet(digit, i))
    return folder


def test_read_prints_the_likeliest_digit_and_the_runner_up(net, digits_folder, tmp_path):
    net.save(tmp_path / "net.npz")
    ran = netlib("read", tmp_path / "net.npz", digits_folder)
    assert ran.exit_code == 0, ran.output
    p = net.predict_proba(own_images(digits_folder).x)
    lines = [line.split() for line in ran.output.splitlines()]
    assert [line[0] for line in lines] == ["photo0.png", "photo1.png", "photo2.png"]
    for (_, digit, share, _, second, second_share), row in zip(lines, p, strict=True):
        assert [int(digit), int(second)] == np.argsort(-row)[:2].tolist()
        assert [share, second_share] == [f"{row[int(label)]:.1%}" for label in (digit, second)]
    assert [int(line[1]) for line in lines] == net.predict(data.load("digits").test.x[:3]).tolist()


def test_read_writes_the_picture(net, digits_folder, tmp_path):
    net.save(tmp_path / "net.npz")
    ran = netlib("read", tmp_path / "net.npz", digits_folder, "--picture", tmp_path / "seen.png")
    assert ran.exit_code == 0, ran.output
    with Image.open(tmp_path / "seen.png") as picture:
        assert picture.format == "PNG"
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits", "net.npz", "seen.png"]
    assert plt.get_fignums() == []


def test_read_takes_the_size_of_image_that_a_convolutional_network_wants(tmp_path):
    layers = [ConvPoolLayer((2, 1, 3, 3), (None, 1, 14, 14)), SoftmaxLayer(2 * 6 * 6, 3)]
    network = Network(layers, 1, device="cpu")
    layers[1].w[...] = np.random.default_rng(0).standard_normal(layers[1].w.shape)  # which begins as zeros
    network.save(tmp_path / "net.npz")
    save(tmp_path / "seven.png", 1 - drawn())
    p = network.predict_proba(own_images(tmp_path, side=14, box=10).x)[0]
    ran = netlib("read", tmp_path / "net.npz", tmp_path / "seven.png")
    assert ran.output.split()[:3] == ["seven.png", str(p.argmax()), f"{p.max():.1%}"]


@pytest.mark.parametrize(
    ("layers", "complaint"),
    [
        ([SoftmaxLayer(30, 10)], "expected one that takes square grey images; its first layer takes (30,)"),
        ([ConvPoolLayer((2, 3, 3, 3), (None, 3, 14, 14)), SoftmaxLayer(72, 10)], "takes (3, 14, 14)"),
        ([ConvPoolLayer((2, 1, 3, 3), (None, 1, 14, 4)), SoftmaxLayer(12, 10)], "takes (1, 14, 4)"),
        ([SoftmaxLayer(784, 1)], "expected one of two classes or more; it has 1"),
        ([FullyConnectedLayer(784, 10)], "expected a SoftmaxLayer at the end"),
    ],
)
def test_read_refuses_networks_of_another_kind(layers, complaint, tmp_path):
    Network(layers, 1, device="cpu").save(tmp_path / "net.npz")
    save(tmp_path / "seven.png", 1 - drawn())
    ran = netlib("read", tmp_path / "net.npz", tmp_path / "seven.png")
    assert ran.exit_code == 1
    assert complaint in ran.output


def test_read_tells_plainly_what_is_wrong(net, folder, tmp_path):
    net.save(tmp_path / "net.npz")
    for arguments, complaint in [
        ((tmp_path / "no.npz", folder), "no.npz"),
        ((folder / "b.png", folder), "is no model file"),
        ((tmp_path / "net.npz", tmp_path / "nowhere"), "no file or folder"),
        ((tmp_path / "net.npz", folder, "--ink", "dark"), "expected dark ink on paper"),
        ((tmp_path / "net.npz", folder, "--picture", tmp_path / "none" / "seen.png"), "No such file or directory"),
    ]:
        ran = netlib("read", *arguments)
        assert ran.exit_code == 1
        assert complaint in ran.output
        assert "Traceback" not in ran.output
