"""Make digits.npz: the 8 x 8 digits that scikit-learn bundles, scaled into 28 x 28 the way MNIST was made.

MNIST's digits were scaled to fit 20 x 20 with their proportions kept, which gave grey levels, and then laid into
28 x 28 so that their centre of mass lies at the centre. The same is done here: the ink's bounding box is enlarged
until its longer side has 20 pixels, by cubic interpolation, and laid down by its centre of mass.

    python data/make_digits.py            write digits.npz beside this script
    python data/make_digits.py --check    compare with the file that is there

Needs scikit-learn and Pillow (the project's extras `test` and `book` bring them).
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

PATH = Path(__file__).with_name("digits.npz")
BOX, SIDE = 20, 28
SEED, N_VALIDATION, N_TEST = 0, 250, 250


def like_mnist(image):
    """An 8 x 8 digit (0 paper, 16 ink) as a 28 x 28 one (0 paper, 255 ink)."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(ink.shape)
    height, width = (max(1, round(side * scale)) for side in ink.shape)
    picture = Image.fromarray((ink * 255 / 16).astype(np.float32))
    digit = np.clip(np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC)), 0, 255)

    middle = (SIDE - 1) / 2
    top = round(middle - digit.sum(axis=1) @ np.arange(height) / digit.sum())
    left = round(middle - digit.sum(axis=0) @ np.arange(width) / digit.sum())
    top, left = np.clip(top, 0, SIDE - height), np.clip(left, 0, SIDE - width)
    paper = np.zeros((SIDE, SIDE), np.uint8)
    paper[top : top + height, left : left + width] = digit.round()
    return paper


def stratified_order(labels, rng):
    """An order of the images in which the last ones are a test set and those before them a validation set.

    Each class is spread evenly over the order, from a random start: any stretch of it holds the ten digits in
    nearly the proportions of the whole. Then each of the three sets is shuffled.
    """
    position = np.empty(len(labels))
    for digit in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == digit))
        position[members] = (np.arange(len(members)) + rng.random()) / len(members)
    order = np.argsort(position)
    n_training = len(labels) - N_VALIDATION - N_TEST
    parts = np.split(order, [n_training, n_training + N_VALIDATION])
    return np.concatenate([rng.permutation(part) for part in parts])


def make():
    """The arrays of digits.npz."""
    source = load_digits()
    order = stratified_order(source.target, np.random.RandomState(SEED))
    images = np.stack([like_mnist(image) for image in source.images[order]])
    return {"images": images, "labels": source.target[order].astype(np.uint8), "source_index": order.astype(np.int16)}


if __name__ == "__main__":
    made = make()
    if "--check" in sys.argv[1:]:
        with np.load(PATH) as there:
            differing = [name for name in made if not np.array_equal(made[name], there[name])]
        sys.exit(f"{PATH.name} differs from what the script makes: {', '.join(differing)}" if differing else 0)
    np.savez_compressed(PATH, **made)
    print(f"{PATH.name}: {len(made['labels'])} digits, {PATH.stat().st_size / 1000:.0f} kB")
