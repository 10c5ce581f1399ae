# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Dropout, more data, committees
#
# Notebook [05](05_network3.ipynb) ended at about 99.1 % of MNIST's test images. [The
# book](http://neuralnetworksanddeeplearning.com/chap6.html#convolutional_neural_networks_in_practice) goes on to
# 99.67 %, and none of the steps that lead there changes what kind of network it is. One makes more data out of the data
# that there are. One adds neurons, and silences half of them in every step of training. And the last one lets several
# networks vote. Each sounds like a trick; each has a reason that can be measured, and limits that can be measured as
# well.
#
# **You will build** training data that never repeat themselves, the average of a thousand networks in a single pass,
# and a committee of five.
#
# **You will learn**
# - how the book makes 250,000 images out of 50,000, and how to go on from there to images without end;
# - why a network of filters, which move along with a digit, has to be *shown* moved digits all the same;
# - what dropout does in one step, and in what sense a network with dropout is the average of very many networks;
# - what dropout does to the cost on training data and to the cost on others;
# - what a vote can gain, and why it gains so much less than the arithmetic of independent mistakes promises;
# - how ReLU, tanh and sigmoid compare epoch by epoch, and what a slip in the book's program costs.
#
# **You need** notebooks [00](00_start_here.ipynb), [04](04_convolution_and_pooling.ipynb) and 05.

# %% tags=["nbval-ignore-output"]
import platform
from collections import Counter
from itertools import combinations
from math import comb

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import netlib
from netlib import data, experiments, ops, plotting
from netlib.backend import to_host
from netlib.committee import dissent, plurality
from netlib.data.distortion import gaussian
from netlib.network3 import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, sigmoid, tanh
from netlib.uncertainty import wilson_interval
from netlib.widgets import Slider, explore

print(f"netlib {netlib.__version__}, Python {platform.python_version()}")
print(f"NumPy {np.__version__}, matplotlib {matplotlib.__version__}")

# %% tags=["parameters"]
dataset = "digits"  # or "mnist", the book's; the text speaks of what comes out of the digits
device = "cpu"  # where to compute: "cpu", "gpu", or "auto" for the GPU where there is one
dtype = "float64"  # precision of all numbers: "float32" is faster
seed = 1  # decides everything that is random; further networks take the numbers after it
n_filters = 8  # filters of the small network
n_hidden = 50  # its fully connected neurons
mini_batch_size = 10  # images in a training step, the book's
eta = 0.03  # learning rate of networks with ReLUs, the book's
eta_others = 0.1  # learning rate of networks with sigmoid or tanh, the book's
epochs = 15  # passes through the training data, or as many steps through the expanded ones
n_runs = 3  # networks of each kind, where kinds are compared
n_committee = 5  # networks that vote, as in the book
n_few = 300  # training images in the section on dropout
epochs_few = 60  # passes through these
eta_few = 0.1  # learning rate there
epochs_start = 4  # passes where only the beginning of training is looked at

# %% [markdown]
# The work is done by a small relative of the book's network: one convolutional layer of eight filters, fifty fully
# connected neurons, ReLUs. It trains in two seconds, so that we can afford several of each kind; all runs of this
# notebook together take a minute or two. What takes MNIST and hours is read, as in notebook 05, from the records of
# such runs.

# %%
plt.style.use("netlib.mplstyle")
side = 28  # pixels along the edge of an image
seeds = range(seed, seed + n_runs)
training_data, validation_data, test_data = data.load(dataset)
x, y = training_data
x_validation, y_validation = validation_data
pictures = x.reshape(-1, side, side).astype(float)
digit = pictures[21]
print(f"{len(y):,} images to learn from, {len(y_validation):,} to watch progress, {len(test_data.y):,} for the end")


def reader(seed, activation_fn=ReLU, init="book"):
    return Network([
        ConvPoolLayer((n_filters, 1, 5, 5), (mini_batch_size, 1, side, side), (2, 2), activation_fn, init=init),
        FullyConnectedLayer(n_filters * 12 * 12, n_hidden, activation_fn, init=init),
        SoftmaxLayer(n_hidden, 10)],
        mini_batch_size, seed=seed, device=device, dtype=dtype)


def trained(seed, training_data, epochs):
    net = reader(seed)
    net.SGD(training_data, epochs, mini_batch_size, eta, None, None, verbose=False)
    return net


# %% [markdown]
# ## 1. Five for one
#
# The book's script `expand_mnist.py` takes every training image and adds four copies, moved by one pixel down, up,
# right and left. What goes over the edge is lost, and the row or column that is left behind is blank. One may object
# that these are not new data, only the old ones again. Let us look.

# %%
SHIFTS = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]  # pixels down, pixels to the right


def shifted(image, down, right):
    copy = np.roll(image, (down, right), axis=(0, 1))
    if down:
        copy[0 if down > 0 else -1] = 0
    if right:
        copy[:, 0 if right > 0 else -1] = 0
    return copy


copies = np.stack([shifted(digit, *shift) for shift in SHIFTS])
ways = ["as it is", "down", "up", "right", "left"]
plotting.images(copies, captions=ways, columns=5, cell=1.1)
plotting.filters(copies - digit, captions=["no change", *(f"{way}: changes" for way in ways[1:])], columns=5, cell=1.1)
plt.show()

distances = np.linalg.norm((copies[1:] - digit).reshape(4, -1), axis=1)
same = pictures[y == y[21]][:100]
others = np.linalg.norm((same - digit).reshape(len(same), -1), axis=1)
print("to its copies:", *(f"{distance:.1f}" for distance in distances))
others = others[others > 0]
print(f"to {len(others)} others of the same kind: median {np.median(others):.1f}, nearest {others.min():.1f}")

# %% [markdown]
# Can you tell them apart? In the second picture the original is taken away from each copy, dark where there is more ink
# than before and light where there is less. To us it is the same digit; to a list of 784 numbers it is a large change.
# The numbers say how large, as distances: the root of the sum of all squared differences of pixels.
#
# A step of a single pixel leads half to two thirds as far away as the typical other digit of its kind, and further
# than the nearest of these, which somebody else may have written. For something that measures images by their pixels,
# a moved copy *is* a new image. And it comes with a label that is surely right.
#
# `data.expand` makes the whole set, shuffled once as the book's is. It does not store it: an image is made when it is
# asked for (the book's file takes 784 MB when it is unpacked in `float32`). We check some of it against our own copies.

# %%
expanded = data.expand(training_data)
number = expanded.x.order[:500]  # number 5 i + k is image i, with shift k
ours = np.stack([shifted(pictures[n // 5], *SHIFTS[n % 5]) for n in number])
print(f"{len(x):,} images have become {len(expanded.x):,}")
print("the first 500 are equal to ours:", np.array_equal(expanded.x[:500].reshape(-1, side, side), ours))

# %% [markdown]
# Does it help? To be fair, both kinds of training get the same number of steps: fifteen passes through the originals,
# or three through five times as many. Three networks each, from the same three sets of initial weights.

# %%
plain = [trained(s, training_data, epochs) for s in seeds]
more = [trained(s, expanded, max(1, epochs // 5)) for s in seeds]


def moved(images, down, right):
    paper = np.pad(images.reshape(-1, side, side), ((0, 0), (3, 3), (3, 3)))  # room for three pixels
    return paper[:, 3 - down : 3 - down + side, 3 - right : 3 - right + side].reshape(len(images), -1)


def when_moved(net, distance):  # accuracy, over moves down, up, right and left
    directions = [(distance, 0), (-distance, 0), (0, distance), (0, -distance)]
    return np.mean([net.accuracy((moved(x_validation, *way), y_validation)) for way in directions])


def report(name, nets):
    means = [np.mean([when_moved(net, distance) for net in nets]) for distance in range(4)]
    print(f"{name:10}" + "".join(f"{mean:8.1%}" for mean in means) + "      at rest, each: "
          + " ".join(f"{net.accuracy(validation_data):.1%}" for net in nets))


print("moved by  " + "".join(f"{distance:7} " for distance in range(4)))
report("originals", plain)
report("expanded", more)


# %% [markdown]
# On images at rest all three expanded networks do a little better than the three others, by one point. (One point is
# two or three images of 250, and all comparisons use the same ones: a hint, not a proof.) On moved images no interval
# is needed. At two pixels, where the copies never went, a third of all digits used to be lost, and now it is less
# than a fifth.
#
# ## 2. Why a convolutional network needs this
#
# That should surprise us. In notebook 04 we proved that the maps of a convolutional layer move along with the image. A
# filter that knows a stroke knows it everywhere. Is a moved digit then not old news to such a network? The book asks
# the question as a problem. Follow the digit up to where the filters' work ends.

# %%
def maps_of(net, images):  # answers of the convolutional layer, (n, filters, 12, 12)
    parts = []
    for start in range(0, len(images), 100):
        net.forward(images[start : start + 100])
        parts.append(to_host(net.layers[0].output).copy())
    return np.concatenate(parts)


net = plain[0]
at_rest, moved_by_two = maps_of(net, x_validation), maps_of(net, moved(x_validation, 0, 2))
strongest = at_rest.max(axis=(2, 3)), moved_by_two.max(axis=(2, 3))
for name, before, after in [("strongest answer of each filter", *strongest),
                            ("answers place by place", at_rest, moved_by_two)]:
    print(f"{name:32} changed by {abs(after - before).mean():.3f} on average; their mean is {before.mean():.3f}")


# %% [markdown]
# *What* is answered stays; *where* changes. And the layer above, the fully connected one, has a weight of its own for
# each filter and **each of 144 places**. To it, a strong answer one place further on is another input altogether.
#
# Then why not give it only what stays, the strongest answer of each filter? We try it: the same maps, once in full and
# once reduced to one number for each filter, and a fresh fully connected network on top. (Each input is standardised,
# so that neither kind suffers from its size: its mean is taken away, and it is divided by its spread.)

# %%
def answers(images):
    maps = maps_of(net, images)
    return {"places kept": maps.reshape(len(maps), -1), "strongest only": maps.max(axis=(2, 3))}


some = slice(0, 5000)  # enough, where there are more
learn_from, rest = answers(x[some]), answers(x_validation)
shifts = [answers(moved(x_validation, *way)) for way in ((2, 0), (-2, 0), (0, 2), (0, -2))]
for kind, inputs in learn_from.items():
    middle, width = inputs.mean(axis=0), inputs.std(axis=0)
    alive = width > 0  # an answer that is always the same says nothing
    learn, still, *moves = ((part[kind] - middle)[:, alive] / width[alive] for part in (learn_from, rest, *shifts))
    above = Network([FullyConnectedLayer(alive.sum(), n_hidden, ReLU), SoftmaxLayer(n_hidden, 10)],
                    mini_batch_size, seed=seed, device=device, dtype=dtype)
    above.SGD((learn, y[some]), epochs, mini_batch_size, eta, None, None, verbose=False)
    print(f"{kind:14}  {inputs.shape[1]:5} answers, {alive.sum():3} of them ever change   "
          f"at rest {above.accuracy((still, y_validation)):.0%}   "
          f"moved by two {np.mean([above.accuracy((move, y_validation)) for move in moves]):.0%}")


# %% [markdown]
# Without places the network hardly notices a move. But six living filters without their places read little more than
# a third of the digits, with them 96 %. (That with places it reads fewer moved digits than the same network does in
# section 1 is the price of standardising: it makes places loud that hardly ever answer. Left as they are, the answers
# let it read 63 %. Two of the eight filters are dead: their answer is always zero. And six numbers are few, to be
# fair; networks with hundreds of larger filters do very well on little more than *what* is there.) Knowing that there
# are horizontal edges *somewhere* does not tell a 2 from a 5; with few and small filters, most of what a digit is
# lies in *where*. So the fully connected layer has to look at places, and has to *learn* that an arrangement one
# place further on is the same arrangement; nothing in its structure says so. That is what the moved copies teach it.
#
# A trace of it can be seen in its weights. For each filter and each neuron, take what training has added to the
# weight of one place and to the weight of the place beside it. If neighbouring places were learned independently, the
# two would be uncorrelated; a layer that does not care about one place more or less would have correlation 1.

# %%
def neighbours_agree(net):
    learned = to_host(net.layers[1].w) - to_host(reader(net.seed).layers[1].w)  # since the beginning
    learned = learned.reshape(n_filters, 12, 12, n_hidden)
    beside = np.corrcoef(learned[:, :, 1:].ravel(), learned[:, :, :-1].ravel())[0, 1]
    below = np.corrcoef(learned[:, 1:].ravel(), learned[:, :-1].ravel())[0, 1]
    return (beside + below) / 2


for name, nets in [("originals", plain), ("expanded", more)]:
    print(f"{name:10} correlation of neighbouring weights", *(f"{neighbours_agree(net):.2f}" for net in nets))


# %% [markdown]
# Learning from the originals already brings neighbours halfway together, since most strokes are wider than one
# place. Moved copies bring them a little further together, in each of the three networks. This is part of what is
# being learned: that a place is not so very different from the next.
#
# ## 3. Images without end
#
# Why by whole pixels, why five of them, and why only shifts? The book points to P. Simard, D. Steinkraus and J.
# Platt, who in 2003 turned and skewed digits, and stretched them like rubber, and reached 99.6 %. All of this is
# *one* operation. Ask for every pixel of the new picture: **where in the old one does it come from?** The answer is a
# row and a column, fractions allowed, and the ink between four pixels is read off by linear interpolation, first
# along the two rows, then between them.

# %%
def read_off(image, rows, columns):  # blank paper around the image
    rows, columns = (np.clip(at + 1, 0, side + 1) for at in (rows, columns))  # in the image with a frame of one pixel
    r, c = (np.minimum(at.astype(int), side) for at in (rows, columns))
    v, u = rows - r, columns - c  # how far beyond, from 0 to 1
    framed = np.pad(image, 1)
    upper = (1 - u) * framed[r, c] + u * framed[r, c + 1]
    lower = (1 - u) * framed[r + 1, c] + u * framed[r + 1, c + 1]
    return (1 - v) * upper + v * lower


down, across = np.mgrid[:side, :side].astype(float)
print("nothing changed:    ", np.array_equal(read_off(digit, down, across), digit))
print("one to the right:   ", np.array_equal(read_off(digit, down, across - 1), copies[3]))
half = read_off(digit, down, across - 0.5)
print("half a pixel:        the mean of the two:", np.allclose(half, (copies[0] + copies[3]) / 2))


# %% [markdown]
# A shift says: the pixel in column $c$ comes from column $c - s$. To turn a picture counter-clockwise by an angle
# $\theta$, go back by the same angle. To make its uprights lean, go sideways in proportion to the height above the
# middle. Rows $r$ and columns $c$ are counted from the middle of the paper:
#
# $$ r' = r \cos\theta + c \sin\theta, \qquad c' = c \cos\theta - r \sin\theta + r' \tan\varphi. $$

# %%
def where_from(turn=0.0, lean=0.0, right=0.0):
    middle = (side - 1) / 2
    rows, columns = down - middle, across - middle - right
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    rows, columns = cos * rows + sin * columns, cos * columns - sin * rows
    return rows + middle, columns + np.tan(np.radians(lean)) * rows + middle


shown = {"as it is": {}, "half a pixel": {"right": 0.5}, "turned 15": {"turn": 15}, "turned -15": {"turn": -15},
         "leaning 15": {"lean": 15}, "leaning -15": {"lean": -15}}
pictured = np.stack([read_off(digit, *where_from(**how)) for how in shown.values()])
plotting.images(pictured, captions=list(shown), columns=6, cell=1.1)
plt.show()


# %% [markdown]
# ### Rubber
#
# Hands do not only turn and lean; they wobble. Simard's idea: give *every* pixel a displacement of its own. At random,
# pixel by pixel, that would be noise, and tear the strokes apart. So draw random numbers between -1 and 1, one field of
# them for rows and one for columns, and **smooth** both with a Gaussian of standard deviation $\sigma$; neighbours then
# go nearly the same way. Smoothing shrinks the numbers, so multiply by a strength $\alpha$.
#
# How far do pixels go? A draw has variance $1/3$. In a weighted mean of independent draws, variances add up with the
# squares of the weights, and for a Gaussian $g$ in two dimensions $\int g^2 = 1/(4\pi\sigma^2)$. So the root mean
# square, in each of the two directions, is $\alpha / (\sigma\sqrt{12\pi})$ pixels.

# %%
def wobble(sigma, alpha, draw=0):  # pixels down and pixels to the right, each (28, 28)
    noise = np.random.default_rng(draw).uniform(-1, 1, (2, side, side))
    smooth = gaussian(side, sigma)
    return alpha * smooth @ noise @ smooth.T


for sigma, alpha in [(2, 17), (4, 34), (6, 51)]:
    fields = np.stack([wobble(sigma, alpha, draw) for draw in range(1000)])
    central = fields[:, :, 9:19, 9:19]  # further out, the Gaussian reaches over the edge, where nothing is drawn
    print(f"sigma {sigma}, alpha {alpha}: predicted {alpha / sigma / np.sqrt(12 * np.pi):.2f} pixels, "
          f"measured {np.sqrt((central**2).mean()):.2f}")

# %% [markdown]
# About the same 1.4 pixels in all three. What does $\sigma$ do then? A row for each: 1, 4 and 12 pixels, with the
# strength chosen so that displacements are about equally large (with 12 they are a little smaller, because so wide a
# Gaussian reaches over the edges).

# %%
rubbed = []
for sigma in (1, 4, 12):
    alpha = 1.4 * sigma * np.sqrt(12 * np.pi)
    for draw in range(8):
        by_rows, by_columns = wobble(sigma, alpha, draw)
        rubbed.append(read_off(digit, down + by_rows, across + by_columns))
plotting.images(np.stack(rubbed), [f"sigma {sigma}" for sigma in (1, 4, 12) for _ in range(8)], columns=8, cell=0.8)
plt.show()


# %% [markdown]
# With $\sigma = 1$ each pixel goes its own way, and the stroke frays. With 12, nearly the whole paper goes one way:
# that is a shift, which we had. In between, at 4, most of the digits look as if the same person had written them
# again (a few have become another digit, or none). That is Simard's choice for images of this size, with $\alpha =
# 34$.
#
# Here are all of them together, for you to move. The arrows show, for every second pixel, where it comes from.

# %%
def draw_distorted(figure, turn, lean, right, sigma, alpha, draw):
    rows, columns = where_from(turn, lean, right)
    by_rows, by_columns = wobble(sigma, alpha, int(draw))
    rows, columns = rows + by_rows, columns + by_columns
    figure.subplots_adjust(left=0.02, right=0.98, bottom=0.03, top=0.89)
    axes = figure.subplots(1, 3)
    for axis, values, title in zip(axes, (digit, 0 * digit, read_off(digit, rows, columns)), ("image", "from", "now")):
        plotting.grid(axis, values, limits=(0, 1), title=title)
    every = np.s_[::2, ::2]
    axes[1].quiver(across[every], down[every], (columns - across)[every], (rows - down)[every],
                   angles="xy", scale_units="xy", scale=1, color="C0", width=0.006)


explore(draw_distorted, {
    "turn": Slider(10, -45, 45), "lean": Slider(0, -45, 45), "right": Slider(0.0, -4.0, 4.0, 0.1),
    "sigma": Slider(4.0, 0.5, 12.0, 0.5), "alpha": Slider(34, 0, 120), "draw": Slider(0, 0, 20)}, size=(7.5, 2.8))

# %% [markdown]
# ### Fresh in every step
#
# An image that takes a fraction of a millisecond to make need not be stored. `data.distort` makes each one when its
# mini-batch asks for it, **differently in each training step**: turn, lean, size, shift and wobble are drawn anew,
# from the seed, the image's number and the number of the step, so that a training can be repeated exactly. With
# `data.HANDWRITING` it takes bounds that leave digits readable: up to 10 degrees of turn (`rotation`) and of lean
# (`skew`), a tenth more or less in size (`scale`), one pixel of `shift`, and for the wobble (`elastic`) $\sigma$ and
# $\alpha$, weaker than Simard's because all the other changes come on top.

# %%
print(data.HANDWRITING)
distorted = data.distort(training_data, **data.HANDWRITING)
steps = len(y) // mini_batch_size * np.arange(8)  # the first of each epoch
seen = np.stack([distorted.x.take(np.arange(20, 24), step=step) for step in steps], axis=1)  # (4 images, 8 epochs, 784)
plotting.images(np.concatenate(seen), [f"epoch {epoch}" for epoch in range(8)] * 4, columns=8, cell=0.8)
plt.show()

# %% [markdown]
# Four images, a row each, as eight epochs see them. No image is ever seen twice. Now train on them, as many steps as
# before; each network gets distortions of its own.

# %%
endless = [trained(s, data.distort(training_data, **data.HANDWRITING, seed=s), epochs) for s in seeds]
print("moved by  " + "".join(f"{distance:7} " for distance in range(4)))
for name, nets in [("originals", plain), ("expanded", more), ("distorted", endless)]:
    report(name, nets)


def costs(name, nets):
    on_training = np.mean([net.cost(training_data) for net in nets])
    on_validation = np.mean([net.cost(validation_data) for net in nets])
    print(f"{name:10} cost on training images {on_training:.3f}, on validation images {on_validation:.3f}")


for name, nets in [("originals", plain), ("expanded", more), ("distorted", endless)]:
    costs(name, nets)

# %% [markdown]
# The further digits are moved, the more it pays to have seen distorted ones: of digits moved by three pixels, the
# originals' networks read three in ten, these read six, although they were shifted by one pixel at most (the wobble
# adds about another). On images at rest the three kinds cannot be told apart with 250 images.
#
# The costs below the table, on the training images as they are and on the validation images, say more. The network
# that sees each image fifteen times learns the images: its cost on others is more than three times that on its own.
# With five copies of each the gap is less than half as wide. With distortions without end there is hardly a gap left.
# But look at the left column too: the task has become harder, and after fifteen epochs its cost on the training
# images is three times that of the first network. **More data cure overfitting; they do not make learning faster.**
# If you distort, train longer. Three networks more, for forty-five epochs instead of fifteen, and for comparison three
# that see the originals as often:

# %%
longer = {"originals": [], "distorted": []}
for s in seeds:
    longer["originals"].append(trained(s, training_data, 3 * epochs))
    longer["distorted"].append(trained(s, data.distort(training_data, **data.HANDWRITING, seed=s), 3 * epochs))
print("moved by  " + "".join(f"{distance:7} " for distance in range(4)))
for name, nets in longer.items():
    report(name, nets)
for name, nets in longer.items():
    costs(name, nets)

# %% [markdown]
# The networks of the originals know their images by heart by now, and on others they are what they were after fifteen
# epochs. With distortions, the validation cost has halved, to little more than half of theirs; 98 % at rest is the best
# of this notebook, and of the digits moved by three pixels four in five are read.
#
# ### The book's seven runs
#
# What does expansion bring on MNIST? The book goes on from its network with two convolutional layers and ReLUs: first
# the expanded data, then more fully connected neurons, then a second layer of them, which it can afford because the
# expanded data are there. These are its numbers, and beside them ours, where the run has been made. (The book calls
# the first of the expanded ones *training* accuracy, which is a slip.)

# %%
recorded = {row.recipe.name: row for row in experiments.rows(experiments.records())}
names = ["dbl_conv_relu", *(name for name, recipe in experiments.RECIPES.items() if recipe.expanded)]
for name in names:
    recipe, row = experiments.RECIPES[name], recorded.get(name)
    here = f"   here {row.mean:.2%} ({row.runs} run{'s' * (row.runs > 1)})" if row else ""
    print(f"{name:28} book {recipe.book:.2%}{here}")
print("recorded of the expanded ones:", sum(name in recorded for name in names[1:]), "of", len(names) - 1)

# %% [markdown]
# Expansion takes the book from 99.23 to 99.37 %, 14 images in 10,000. Ours goes from 99.08, the mean of three runs,
# to 99.43 in the one that has been made. What follows, 99.37 to 99.48 %, for ten times as many neurons and for a
# second layer of them, lies within about a tenth of a point. In notebook 05, two seeds of the *same* recipe lay up to
# two tenths apart: by that yardstick none of these steps is certain from one number each; only the whole way from
# 99.23 to 99.48 % is more than that. The book draws the conclusion that larger layers help little, and looks for
# something else.
#
# ## 4. Dropout
#
# More data are the best cure for overfitting. The next best, in the book's story, is a strange one: in every step of
# training, each input of a layer is silenced with probability one half. (We call such an input a *unit*; it is a neuron
# of the layer below, or one of its pooled answers.) Notebook 00 did it too; here is what it does. The book uses it on
# the fully connected layers, where nearly all parameters are: with two of 1,000 neurons each, the expanded data, and
# dropout before each of the last three layers, 40 epochs and no penalty bring 99.48 to 99.60 %. Our record of that
# network, the last line of the table above, is of one seed: 99.59 %, after 40 epochs of 250,000 images, which took two
# hours on one core of a CPU. (It gives two reasons for leaving the convolutional ones alone: they have few parameters,
# and shared weights are made to learn from the whole image, so that they have little room for peculiarities.)
#
# Which units are silenced? Let us look. Here are the **masks** of a layer with thirty inputs and `p_dropout=0.5`, in
# three training steps: dark is kept, light is silenced. A row for each image of the mini-batch.

# %%
p_dropout = 0.5
masks = [ops.dropout_mask(np, (30, mini_batch_size), p_dropout, seed=seed, place=1, step=step) for step in range(3)]
figure, axes = plt.subplots(1, 3, figsize=(9, 1.8), layout="constrained")
for step, (axis, mask) in enumerate(zip(axes, masks)):
    plotting.grid(axis, mask.T.astype(float), lines=True, title=f"step {step}: {mask.sum()} of {mask.size} kept")
    axis.set(xlabel="unit", ylabel="image")
plt.show()

# %% [markdown]
# Not only each step, each *image* has a mask of its own: within one mini-batch, ten different networks are at work,
# with common weights. Every silenced unit means that the other units must manage without it, this time, and they do
# not know beforehand without whom.
#
# What does that mean for learning? A weight learns in proportion to the activation that it multiplies. So the weights
# that lead away from a silenced unit get no gradient at all. Check it: a network of 30 sigmoids, whose activations are
# never zero, one image, and the step number 7.

# %%
net = Network([FullyConnectedLayer(784, 30, sigmoid), SoftmaxLayer(30, 10, p_dropout=p_dropout)],
              mini_batch_size, seed=seed, device=device, dtype=dtype)
*_, dw, db = net.gradients((x[:1], y[:1]), step=7)
learns = to_host(abs(dw)).max(axis=1) > 0
kept = ops.dropout_mask(np, (30, 1), p_dropout, seed=seed, place=1, step=7)[:, 0]
print("units whose weights learn: ", *np.flatnonzero(learns))
print("units that the mask keeps: ", *np.flatnonzero(kept))

# %% [markdown]
# The two lists of units agree.
#
# ### The same masks everywhere
#
# We could draw this mask ourselves because nothing about it is left to chance. For each image, each unit has an
# integer of 16 bits, computed from the seed, the layer's place in the network, the step, and the places of the unit
# and of the image; the unit is silenced if its integer is below $p \cdot 2^{16}$. There is no generator whose state
# would have to be saved, and integers are the same on every processor. So are the masks, bit for bit, on a CPU and on a
# GPU. The cell below compares the device that you chose with NumPy (which says little if it is the CPU), and prints a
# mask as one number, bit by bit, which must be the same on your computer as on this page.

# %%
on_device = ops.dropout_mask(net.xp, (64, 1), p_dropout, seed=seed, place=1, step=7)
on_host = ops.dropout_mask(np, (64, 1), p_dropout, seed=seed, place=1, step=7)
print("equal to NumPy's:", np.array_equal(to_host(on_device), on_host))
print("step 7, 64 units:", np.packbits(on_host[:, 0] != 0).tobytes().hex())

# %% [markdown]
# (The book's program draws its masks from a generator that each layer starts anew from
# the same constant. By our reading of its code two layers of the same size then draw *identical* masks, and so do the
# five networks of its committee. Ours are independent in every layer, and follow the network's seed.)
#
# ### An average of very many networks
#
# After training, nothing is silenced. But then the layer above hears twice as much as it did on average, so its
# inputs are multiplied by $1 - p$. That looks like a stopgap. For a softmax layer it is more: it is *exactly* an
# average over all the networks that the masks can make of it.
#
# Take ten inputs, so that there are $2^{10} = 1024$ masks, and let us ask all of them. Multiply, for each class, the
# 1024 probabilities, take the 1024th root (that is a *geometric* mean), and scale the four results so that they add
# up to 1 again. Why must that be the same? The logarithm of a softmax is its weighted input, minus a number that is
# common to all classes. A geometric mean takes the mean of logarithms, so of weighted inputs; these are linear in the
# mask; and the mean of a mask is $1 - p$.

# %%
rng = np.random.default_rng(seed)
inputs, weights, biases = rng.random(10), rng.normal(size=(10, 4)), rng.normal(size=4)
all_masks = np.array(list(np.ndindex(*[2] * 10)))  # (1024, 10)


def softmax(z):
    return np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)


each = softmax((all_masks * inputs) @ weights + biases)  # (1024, 4)
geometric = np.exp(np.log(each).mean(axis=0))
geometric /= geometric.sum()
halved = softmax(((1 - p_dropout) * inputs) @ weights + biases)
for name, p in [("one network, inputs halved", halved), ("geometric mean of 1024", geometric),
                ("arithmetic mean of 1024", each.mean(axis=0))]:
    print(f"{name:27}", " ".join(f"{value:.6f}" for value in p))

# %% [markdown]
# The first two lines agree in every digit: one pass with halved inputs asks 1024 networks at once. The ordinary mean of
# the probabilities is something else.
#
# With more than one layer, the argument breaks: a ReLU's mean is not the ReLU of the mean. There the halving is an
# approximation. How good is it? We train a network with dropout in two places on 300 images. `net.gradients` runs it
# as training does, under the masks of any step that we name, and leaves the probabilities in `net.output_dropout`.
# Call what is left under a mask a *thinned* network. Let us ask thinned networks two hundred times, another one for
# each image, under masks that training has not used.

# %%
few = x[:n_few], y[:n_few]
net = Network([FullyConnectedLayer(784, 100, ReLU),
               FullyConnectedLayer(100, 100, ReLU, p_dropout),
               SoftmaxLayer(100, 10, p_dropout)],
              mini_batch_size, seed=seed, device=device, dtype=dtype)
net.SGD(few, epochs_few, mini_batch_size, eta_few, None, None, verbose=False)

asked = x_validation[:250], y_validation[:250]
thinned = []
for step in range(100_000, 100_200):
    net.gradients(asked, step=step)
    thinned.append(to_host(net.output_dropout).copy())
thinned = np.stack(thinned)  # (200 networks, 250 images, 10)

right = (thinned.argmax(axis=2) == asked[1]).mean(axis=1)
average = (thinned.mean(axis=0).argmax(axis=1) == asked[1]).mean()
print(f"thinned networks:    {right.mean():.0%} right on average, from {right.min():.0%} to {right.max():.0%}")
print(f"mean of 200 of them: {average:.1%}")
print(f"one, inputs halved:  {net.accuracy(asked):.1%}")

halved = net.predict_proba(asked[0])
for name, p in [("mean of 200 of them", thinned.mean(axis=0)), ("one, inputs halved", halved)]:
    print(f"{name}: probability of its answer {p.max(axis=1).mean():.2f} on average")


# %% [markdown]
# Thinned networks, half of whose units are missing, read 87 %. (This is what a program reports if it goes on
# silencing units while it measures accuracy. A version of `network3` for Python 3 that many have copied does that.)
# Averaged over two hundred, they read 94 %, and so does the one network with halved inputs, at the price of a single
# pass. The answers agree; the probabilities do so only roughly, for the single network is surer of itself. So dropout
# trains a whole *committee* of networks that share their weights, and what is left at the end is a good stand-in for
# what the committee would answer. Keep that picture in mind for section 5, where we shall pay for a committee.
#
# ### What it does to costs
#
# A network with one hidden layer, without and with dropout into the softmax layer, on the same 300 images, where
# overfitting is worst; three times each. Three costs matter: the one that training reports, measured while units are
# silenced; the cost on the same images afterwards, when all of them speak; and the cost on validation images.

# %%
def trained_on_few(seed, p_dropout):
    net = Network([FullyConnectedLayer(784, 100, ReLU), SoftmaxLayer(100, 10, p_dropout)],
                  mini_batch_size, seed=seed, device=device, dtype=dtype)
    costs = []
    history = net.SGD(few, epochs_few, mini_batch_size, eta_few, None, None, verbose=False,
                      after_epoch=lambda net: costs.append((net.cost(few), net.cost(validation_data))))
    return net, np.column_stack([history.cost, costs])  # (epochs, 3)


def line(name, runs):
    ends = np.array([costs[-1] for _, costs in runs])  # (runs, 3)
    reported, on_few, on_validation = ends.mean(axis=0)
    print(f"{name:16} as training reports it {reported:.3f}   the same images afterwards {on_few:.3f}   "
          f"validation {on_validation:.2f} ({', '.join(f'{end:.2f}' for end in ends[:, 2])})")


without = [trained_on_few(s, 0.0) for s in seeds]
with_it = [trained_on_few(s, p_dropout) for s in seeds]
line("without dropout", without)
line("with dropout", with_it)

# %%
figure, panels = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="constrained")
for panel, name, runs in zip(panels, ("without dropout", "with dropout"), (without, with_it)):
    lines = np.mean([costs for _, costs in runs], axis=0).T
    for cost, label in zip(lines, ("as training reports it", "the same images afterwards", "validation images")):
        panel.semilogy(cost, label=label)
    panel.set(title=name, xlabel="epoch")
panels[0].set_ylabel("cost")
panels[0].legend()
plt.show()

for name, runs in [("without dropout", without), ("with dropout", with_it)]:
    accuracies = [net.accuracy(validation_data) for net, _ in runs]
    print(f"{name:16} validation accuracy", " ".join(f"{accuracy:.1%}" for accuracy in accuracies))
low, high = wilson_interval(round(np.mean(accuracies) * len(y_validation)), len(y_validation))
print(f"chance alone leaves {low:.1%} to {high:.1%} around the mean of the last line")

# %% [markdown]
# Read the first line of numbers from left to right, and then the second. Without dropout the cost is forty times as
# high on images that the network has not seen as on those that it has. With dropout the training cost stays higher,
# and most of that is the handicap: on the same images, with all units, it is about a sixth of what training reported.
# Whoever compares the *reported* training cost with the validation cost underestimates the gap, or even sees
# validation below training, as in the first twenty epochs of the figure, and wonders.
#
# On validation images dropout brings a lower cost in two runs of three and a higher accuracy in all three, by one
# image to seven. The interval says how far such a thing can be trusted. Dropout may be expected to matter where there
# are few images for many parameters, as here. The price is in the figure as well: for the first twenty epochs the
# network with dropout lags behind.
#
# ### Halve later, or double now
#
# The book multiplies inputs by $1 - p$ when the network is used. Most libraries do the opposite, *inverted dropout*:
# they divide by $1 - p$ in training, and leave use alone. Here both are options of a layer, `dropout="rescale"` and
# `dropout="inverted"`. Are they the same? As networks, yes: weights $w$ under the one do what weights $(1 - p)w$ do
# under the other. But they do not *learn* alike. The inverted layer's inputs are $1/(1-p)$ times as large, and so is
# the gradient of its weights; yet these need to go only $1 - p$ times as far. Together, the same rate acts as one
# that is $1/(1-p)^2$ times as large, four times for $p = 0.5$. (For biases nothing changes. And both begin at zero
# here; weights that begin elsewhere must be scaled at the start as well.)
#
# A prediction like that can be checked to the last digit: one softmax layer, a hundred steps by hand, and for the
# weights of the inverted one the rate times $(1-p)^2$.

# %%
pair = {kind: Network([SoftmaxLayer(784, 10, p_dropout, dropout=kind)], mini_batch_size, seed=seed, device=device,
                      dtype="float64") for kind in ("rescale", "inverted")}
for step in range(100):
    batch = slice(mini_batch_size * step, mini_batch_size * (step + 1))
    for kind, net in pair.items():
        dw, db = net.gradients((x[batch], y[batch]), step=step)
        net.params[0][...] -= 0.1 * dw * ((1 - p_dropout) ** 2 if kind == "inverted" else 1)
        net.params[1][...] -= 0.1 * db

w, w_inverted = (to_host(net.params[0]) for net in pair.values())
print(f"largest weight {abs(w).max():.3f}, largest difference from twice the other's: "
      f"{abs(w - 2 * w_inverted).max():.9f}")
print(f"largest difference of probabilities: "
      f"{abs(pair['rescale'].predict_proba(x_validation) - pair['inverted'].predict_proba(x_validation)).max():.9f}")

# %% [markdown]
# They agree. So whoever copies a learning rate from a program of one kind into one of the other has changed the
# training by a factor of four without touching a single number.
#
# ## 5. A committee
#
# The last step of the book's story: train the same network five times, from five sets of initial weights, and let them
# vote. What most of them answer is the answer, a *plurality*. Each of the book's five reads about 99.60 %; together
# they read 99.67 %, 33 mistakes in 10,000.
#
# Was that to be expected? Suppose that five networks err independently, each on 0.40 % of the images. The vote can
# only be wrong if at least three of them are (and even then it may be right, if those do not agree on a wrong
# answer). Three or more of five:

# %%
error = 0.0040
three_or_more = sum(comb(5, k) * error**k * (1 - error) ** (5 - k) for k in (3, 4, 5))
print(f"images of 10,000 that three or more of five would misread: {10_000 * three_or_more:.3f}   the book: 33")

# %% [markdown]
# Independent networks would have made no mistake at all on the test images! Instead the vote removed 7 mistakes of 40.
# The book's own numbers say that networks with the same design and the same data make, to a large part, the *same*
# mistakes.
#
# Our records can say it more exactly. There are nine runs on MNIST of the network with two convolutional layers,
# three each with sigmoid, tanh and ReLU, and each record lists the test images that were misread at the epoch with
# the best validation accuracy, and the answers. That is all that a vote needs; we do not even have to know the
# digits, and write 10 for *the right one, whichever it is*.
#
# How many mistakes do two of them share, and how many would they share if they were independent? And how much does a
# vote gain? We try all committees of a size.

# %%
voters = [record for name in ("dbl_conv", "dbl_conv_tanh", "dbl_conv_relu") for record in experiments.records([name])]
RIGHT = 10
ballots = np.full((len(voters), voters[0].n_test), RIGHT)
for ballot, record in zip(ballots, voters):
    for image, answer in record.best_errors:
        ballot[image] = answer
wrong = ballots != RIGHT
print("mistakes of each:  ", *wrong.sum(axis=1))

both = np.mean([(wrong[i] & wrong[j]).sum() for i, j in combinations(range(len(voters)), 2)])
chance = np.mean([wrong[i].mean() * wrong[j].mean() for i, j in combinations(range(len(voters)), 2)]) * voters[0].n_test
print(f"mistakes that two of them share: {both:.0f} on average; if they were independent: {chance:.1f}")


def mistakes(committee):
    return int((plurality(ballots[list(committee)], ties="first") != RIGHT).sum())


for size in (1, 3, 5, 7, 9):
    counts = [mistakes(committee) for committee in combinations(range(len(voters)), size)]
    print(f"{size} voters: {np.mean(counts):5.1f} mistakes on average over {len(counts):3} committees, "
          f"from {min(counts)} to {max(counts)}")
print("three with the same activation:",
      *(f"{record.recipe} {mistakes(range(i, i + 3))}" for i, record in list(enumerate(voters))[::3]))

# %% [markdown]
# Two networks with some 93 mistakes each share more than half of them, where chance would have them share one. One
# network alone misreads 93 images on average, three that vote 78, all nine 68, which is 0.68 %. The first two voters
# that join bring more than all the others together. From one network to five it is a fifth; the book went from 40 to
# 33, about a sixth. (A committee is not always better than its best member: the three networks with sigmoids made 93,
# 98 and 84 mistakes, and 88 together, while those with ReLUs came from 101, 82 and 94 to 70.)
#
# Where do the mistakes go that a vote removes, and which stay? Count for each image how many of the nine misread it.

# %%
how_many = np.bincount(wrong.sum(axis=0), minlength=10)[1:]
by_vote = plurality(ballots, ties="first") != RIGHT
lost = np.bincount(wrong.sum(axis=0)[by_vote], minlength=10)[1:]
figure, axis = plt.subplots()
axis.bar(range(1, 10), how_many, color="C5", label="images")
axis.bar(range(1, 10), lost, color="C1", width=0.5, label="misread by the vote")
axis.set(xlabel="networks of nine that misread the image", ylabel="test images", xticks=range(1, 10))
axis.legend()
plt.show()
print("images:             ", *(f"{n:3}" for n in how_many))
print("misread by the vote:", *(f"{n:3}" for n in lost))

# %% [markdown]
# On the left, images that one to four of the nine stumbled over, each for reasons of its own: the vote, which has a
# majority that is right, saves them all. On the right, those that nearly all misread: there the majority is wrong,
# and the vote with it. (In between, five or six may be wrong and yet lose, if they do not agree on *what* they take
# the image for.) A vote averages away what is random in a network. What the networks have in common, their design,
# their training data, a label that is doubtful, it cannot touch.
#
# ### Ties
#
# With five voters and ten digits, two may vote for one digit, two for another. *Plurality* does not say what then.
# The book's script counts with Python's `Counter`, which names the one that comes first in the order of the networks.
# `numpy.bincount` would name the smallest digit. Both rules are arbitrary, and one should know which one is used. How
# often does it matter?

# %%
tied = np.array([[9], [4], [4], [9], [7]])
print("votes", *tied[:, 0], "  first of the tied:", plurality(tied, ties="first")[0],
      "  smallest:", plurality(tied, ties="smallest")[0])
disputed = ballots[:, wrong.any(axis=0)]  # where at least one is wrong
n_tied = []
for five in combinations(range(len(voters)), 5):
    votes_for = np.sort([(disputed[list(five)] == label).sum(axis=0) for label in range(RIGHT + 1)], axis=0)
    n_tied.append((votes_for[-1] == votes_for[-2]).sum())
print(f"images of 10,000 with a tie, over all committees of five of the nine: {np.mean(n_tied):.1f} on average")

# %% [markdown]
# ### Ours
#
# Now a committee of our own: five networks, each with initial weights of its own, each trained on distortions of its
# own. Three of them we have. It is the end of our story on digits too, so the test images are opened.

# %%
committee = endless[:n_committee]
for s in range(seed + len(committee), seed + n_committee):
    committee.append(trained(s, data.distort(training_data, **data.HANDWRITING, seed=s), epochs))

x_test, y_test = test_data
answers_of_each = np.stack([net.predict(x_test) for net in committee])
vote = plurality(answers_of_each, ties="first")
n_test, n_right = len(y_test), int((vote == y_test).sum())
low, high = wilson_interval(n_right, n_test)
print("mistakes of each:", *(answers_of_each != y_test).sum(axis=1), "  of the vote:", n_test - n_right)
print(f"the vote: {n_right / n_test:.1%} (95 % interval {low:.1%} to {high:.1%})")

only_best = (vote == y_test) & (answers_of_each[0] != y_test)
only_vote = (vote != y_test) & (answers_of_each[0] == y_test)
print(f"misread by the first network only: {only_best.sum()}, by the vote only: {only_vote.sum()}")

against = dissent(answers_of_each)
for n in range(n_committee):
    images = against == n
    if images.any():
        print(f"{n} of {n_committee} against: {images.sum():3} images, {(vote != y_test)[images].sum():2} misread")
print("mistakes of the three that were trained for longer:",
      *((net.predict(x_test) != y_test).sum() for net in longer["distorted"]))

# %% [markdown]
# Here the vote makes fewer mistakes than each of its members, three fewer than the best. Six are misread only by the
# first network, which is one of the two best, and three only by the vote: a coin that is thrown nine times is as
# uneven as that every second time. In one thing our five differ more than the book's, which all learned from the same
# expanded images: each has been shown distortions of its own. And they have no dropout, which wants layers larger
# than fit into this notebook.
#
# The last line is a warning. The three networks of section 3 that were trained for three times as long make 5, 9 and 5
# mistakes, each by itself. Before you pay for five networks, see that one has been trained to the end.
#
# And the lines in the middle: does it mean something that a committee is not of one mind? (*Against* are those that did
# not give the committee's answer; with three against, two agree and the others are scattered, or there is a tie.) It
# does: where all five agree, one image in a hundred is misread; where they do not, nearly one in five. A vote gives
# more than an answer: it tells which answers to doubt.
#
# The book shows all mistakes of its committee in one picture, eight in a row: the true digit at the top right, the
# committee's answer at the bottom right. Here are ours, in its layout.

# %%
misread = np.flatnonzero(vote != y_test)
plotting.errors(x_test[misread], y_test[misread], vote[misread])
plt.show()

# %% [markdown]
# Three of the seven were taken for a 1. The second 3, the 5 and the 9 are no riddles to a person; the others have
# loops that have closed or strokes that run together, and one would want to see more of the same hand.
#
# ### The book's 33
#
# Which digits did the book's committee confuse? The cell begins with its 33 mistakes, as pairs of the true digit and
# the vote, in the order of its picture.
#
# Are any of them ours as well? The book does not say *which* of the 10,000 images they are. So the most that can be
# compared are the pairs: if MNIST is the data set, the next cell counts how many of the 33 have a partner among our
# mistakes, with the same true digit and the same answer. That is an upper bound for the number of common images, not
# their number. It does so for the committee above and for the nine recorded networks, whose mistakes are known by
# image; for their true digits one needs the test set.

# %%
pairs = """6/0 5/3 8/9 6/5 7/1 9/4 9/5 7/1 9/4 5/3 6/0 4/9 9/4 5/3 6/1 7/9
           6/0 2/7 1/7 2/7 6/1 3/5 9/4 4/9 7/2 5/3 3/8 7/1 0/7 7/2 4/9 5/6 4/9"""
of_book = pairs.split()
print(len(of_book), "mistakes; the commonest:",
      ", ".join(f"{pair} {n} times" for pair, n in Counter(of_book).most_common(5)))
each_way = Counter("/".join(sorted(pair.split("/"))) for pair in of_book)
print("without regard to which was meant:", ", ".join(f"{pair} {n} times" for pair, n in each_way.most_common(4)))


def partners(truth, votes):
    ours = Counter(f"{t}/{v}" for t, v in zip(truth, votes) if t != v)
    return f"{sum(ours.values())} mistakes, at most {(ours & Counter(of_book)).total()} of them the book's"


if dataset == "mnist":
    of_nine = plurality(ballots, ties="first")
    print("this committee:     ", partners(y_test, vote))
    print("the nine of records:", partners(y_test, np.where(of_nine == RIGHT, y_test, of_nine)))
else:
    print("The book's mistakes are images of MNIST; with", dataset, "there is nothing to compare.")

# %% [markdown]
# ## 6. ReLU, tanh, sigmoid
#
# The nine recorded runs have more to tell. They are three activation functions with three seeds each, on MNIST, with
# the book's rates (0.1 for sigmoid and tanh; 0.03 and the L2 penalty for ReLU). The book asks for tanh against
# sigmoid as a problem: plot the validation accuracy epoch by epoch, for 20 epochs, then for 60. Here is the
# validation *error*, the mean over the three seeds.

# %%
kinds = {"sigmoid": "dbl_conv", "tanh": "dbl_conv_tanh", "ReLU": "dbl_conv_relu"}
per_epoch = {kind: 1 - np.array([record.validation_accuracy for record in experiments.records([name])])
             for kind, name in kinds.items()}
plotting.epochs({kind: errors.mean(axis=0) for kind, errors in per_epoch.items()}, "validation error", percent=True)
plt.show()

print("epochs until validation accuracy is at least          accuracy after")
print("            97.5 %        98 %          98.5 %        20 epochs   60 epochs")  # one number for each seed
for kind, errors in per_epoch.items():
    cells = []
    for level in (0.025, 0.02, 0.015):
        cells.append(" ".join(f"{int((row <= level + 1e-9).argmax()) + 1:3}" for row in errors))
    after = [f"{1 - errors[:, epoch].mean():.2%}" for epoch in (19, 59)]
    print(f"{kind:8}", "  ".join(cells), "     ", "      ".join(after), sep="  ")

# %% [markdown]
# (Under each level there is one number for each seed.) Up to 98 %, ReLU and tanh take about half as many epochs as
# sigmoids. The book reckons with a factor of three to five for ReLUs; ours is nearer two, and tanh has it as well. At
# 98.5 % ReLU's lead is nearly gone: its curve jumps about until epoch 24 or so, and then comes to rest below the
# others. After 20 epochs tanh and ReLU are a tenth of a point ahead of sigmoid; after 60, sigmoid and tanh are level,
# and ReLU is a tenth of a point better on the 10,000 validation images. On the test images nothing of that is left:
# see the mistakes counted in section 5. (With its penalty, and its own rate: three things differ, as notebook 05
# complained.)
#
# ## 7. A slip, both ways
#
# In a footnote of 2016, Nielsen owns up to a slip in `network3`. Weights should begin with a standard deviation of
# $\sqrt{1/n_\mathrm{in}}$, so that a sum of $n_\mathrm{in}$ terms of order 1 is of order 1. The program uses
# $\sqrt{1/n_\mathrm{out}}$. (It is issue 30 of the book's code; the results were not run again.) Here both are there:
# `init="book"`, which is what we have used all along, and `init="corrected"`. What is the difference, layer by layer?

# %%
layers = {"fully connected, 28 x 28 to 100": (784, 100), "fully connected, 20 maps of 12 x 12 to 100": (2880, 100),
          "fully connected, 40 maps of 4 x 4 to 100": (640, 100),
          "40 maps to 1,000 (the dropout network)": (640, 1000), "1,000 to 1,000 (the same)": (1000, 1000),
          "20 filters on pixels": (25, 20 * 25 / 4), "40 filters on 20 maps": (500, 40 * 25 / 4)}
for name, (n_in, n_out) in layers.items():
    print(f"{name:44} book {n_out**-0.5:.3f}   corrected {n_in**-0.5:.3f}   ratio {(n_in / n_out) ** 0.5:.2f}")


# %% [markdown]
# Where a layer reads many and has few neurons, the book's weights are too large, over the maps of one convolutional
# layer more than five times; over plain pixels, 28 x 28, less than three. In the first convolutional layer the slip
# goes the other way, and in the last layers of the book's best networks there is none, or little. (For a
# convolutional layer the program counts its outputs as filters times 25, divided by 4 for the pooling.)
#
# Large sums should push sigmoids to where they are flat. Before any training, on a hundred images: how large are the
# sums $z$ of the fully connected neurons, how steep is the sigmoid there (at best a quarter), and, what matters most,
# how much do the sums *differ from image to image*?

# %%
def at_the_start(nets):
    z_all, between, slopes = [], [], []
    for net in nets:
        net.forward(x[:100])
        z = to_host(net.layers[-2].passed("evaluation")[0])  # (neurons, images)
        z_all.append((z**2).mean() ** 0.5)
        between.append(z.std(axis=1).mean())
        slopes.append((sigmoid(z) * (1 - sigmoid(z))).mean())
    return f"size of z {np.mean(z_all):.1f}   slope {np.mean(slopes):.2f}   from image to image {np.mean(between):.3f}"


def on_pixels(seed, init):
    return Network([FullyConnectedLayer(784, 100, sigmoid, init=init), SoftmaxLayer(100, 10)],
                   mini_batch_size, seed=seed, device=device, dtype=dtype)


for init in ("book", "corrected"):
    print(f"28 x 28, {init:10}", at_the_start([on_pixels(s, init) for s in seeds]))
for init in ("book", "corrected"):
    print(f"maps,    {init:10}", at_the_start([reader(s, sigmoid, init) for s in seeds]))

# %% [markdown]
# The slopes confirm the reasoning. With the book's weights sums are large, and over maps the sigmoid has lost half of
# its slope; corrected, it is nearer to its best. But look at the last column. Sums of smaller weights also *differ*
# less from image to image, and only what differs can be learned from. Over the pixels they do so by the factor of the
# weights, 2.8. Over the maps of our small reader that factor is 4.8, but its filters, when corrected, are larger by
# 1.4. Slope times difference is what reaches the layer above, and over maps it is about twice as large for the book's
# weights, slip and all.
#
# Why do sums of order 1 differ by so little? Because most of each is the same for all images: a bias, drawn from a
# normal distribution of width 1, and a map that is blank paper for the most part. The rule $\sqrt{1/n_\mathrm{in}}$
# promises sums of order 1. It does not promise that they say anything about the image.
#
# What becomes of it in training? All three activation functions, with the book's rates, both ways, three seeds each,
# on digits: the training cost of the first epochs (mean over seeds), on a logarithmic axis.

# %%
starts = {}
for kind, activation_fn in [("sigmoid", sigmoid), ("tanh", tanh), ("ReLU", ReLU)]:
    for init in ("book", "corrected"):
        rate = eta if kind == "ReLU" else eta_others
        runs = [reader(s, activation_fn, init).SGD(training_data, epochs_start, mini_batch_size, rate, None, None,
                                                   verbose=False).cost for s in seeds]
        starts[f"{kind}, {init}"] = np.mean(runs, axis=0)
        print(f"{kind:8} {init:10}", " ".join(f"{cost:.1f}" for cost in np.mean(runs, axis=0)),
              "  last epoch, each:", " ".join(f"{cost[-1]:.1f}" for cost in runs))

plotting.epochs(starts, "training cost", paired=True)
plt.show()


# %% [markdown]
# On these digits, with these rates, the slip does no harm at the beginning. Sigmoids leave their plateau *earlier* with
# the book's weights, ReLUs learn faster with them, and tanh hardly cares. That is not to say that the slip was right.
# It made weights larger where that happened to help, and the same could have been had on purpose.
#
# And where does it end? One of these networks, that with ReLUs, and one that is not in the figure, sigmoids on plain
# pixels, are cheap enough to be trained for longer, both ways. (The first, with the book's weights, we have from
# section 1.)

# %%
def trained_to_the_end(net, rate):
    net.SGD(training_data, epochs, mini_batch_size, rate, None, None, verbose=False)
    return net


ends = {"ReLU, book": plain, "ReLU, corrected": [trained_to_the_end(reader(s, ReLU, "corrected"), eta) for s in seeds]}
for init in ("book", "corrected"):
    ends[f"28 x 28, {init}"] = [trained_to_the_end(on_pixels(s, init), eta_others) for s in seeds]
for name, nets in ends.items():
    print(f"{name:18} validation cost", " ".join(f"{net.cost(validation_data):.2f}" for net in nets),
          "  accuracy", " ".join(f"{net.accuracy(validation_data):.1%}" for net in nets))

# %% [markdown]
# They end at nearly the same place. The networks with ReLUs that began more slowly, those with corrected weights,
# even end at a slightly lower cost, with each of the three seeds; the sigmoids on plain pixels are level, and 250
# images cannot tell the accuracies apart. The slip matters for how training begins. And on MNIST? Two of the recorded
# networks have been trained both ways. Here are their accuracies on test data, one line for each seed, by the book's
# rule.

# %%
for name in ("shallow", "dbl_conv_relu"):
    corrected = {record.seed: record for record in experiments.records([f"{name}-corrected"])}
    for record in experiments.records([name]):
        if record.seed in corrected:
            print(f"{name:14} seed {record.seed}   the book's weights {record.accuracy:.2%}   "
                  f"corrected {corrected[record.seed].accuracy:.2%}")

# %% [markdown]
# As far as one seed of each can tell, they end where the others end, within the two tenths of a point by which seeds
# differ: the book's numbers were neither made nor spoilt by the slip.
#
# ## 8. From the records: three of the book's side roads
#
# **Without the fully connected layer.** The book asks for it as an exercise (`omit_FC`) and gives no number: the
# softmax layer reads the 2,880 answers of one convolutional layer directly, with 29,330 parameters in place of 289,630.

# %%
for name in ("shallow", "omit_FC", "basic_conv"):
    row = recorded[name]
    book = f"{row.recipe.book:.2%}" if row.recipe.book else "not given"
    print(f"{name:10}  book {book:9}   here {row.mean:.2%} (lowest {row.lowest:.2%}, highest {row.highest:.2%})")

# %% [markdown]
# With a tenth of the parameters it loses 0.15 points; its best run is one image short of the lowest of the other
# three. Five sixths of what the convolutional layer brings are there without a fully connected layer above it.
#
# **The sweep.** The book's script tries L2 penalties from 0.00001 to 100 on the network of two convolutional layers
# with sigmoids. The book does not print the outcome; it says that regularisation did not help much. Ours, for ten
# epochs and one seed each:

# %%
sweep = [record for record in experiments.records() if record.recipe.startswith("regularized")]
free = experiments.records(["dbl_conv"])[0]  # without penalty, the same seed; its first ten epochs
print(f"no penalty            validation accuracy after ten epochs {free.validation_accuracy[9]:.2%}")
for record in sorted(sweep, key=lambda record: record.parameters["lmbda"]):
    print(f"lmbda = {record.parameters['lmbda']:<12g}  validation accuracy after ten epochs "
          f"{record.validation_accuracy[-1]:.2%}")

# %% [markdown]
# The book's phrase fits. Up to 0.1 hardly anything changes, and from 1 on it gets worse, the more the stronger. The
# calculation of notebook 05 says why: weights that no gradient holds shrink by $e^{-\eta\lambda E}$, which for $\eta =
# 0.1$ and ten epochs is $e^{-\lambda}$. With $\lambda = 0.01$ they lose one per cent, with 1 nearly two thirds. With
# 10 only what gradients hold is left, and that still reads 96 %; with 100 nothing is, and the network answers one
# digit for all. And ten epochs are probably too few for a network with sigmoids to overfit, so that there is little
# for a penalty to cure.
#
# **Filters.** The book shows the filters of its first dropout network: the twenty of the first layer, in four rows of
# five. Its script draws the forty of the second as well, in five rows of eight. Of the second layer's filters, which
# have weights for each of the twenty maps below, its script draws those for map number 0. Here are the same pictures
# for our recorded network with ReLU (dark for positive weights; turned, as always, so that a filter looks like what
# excites it).

# %%
record = experiments.records(["dbl_conv_relu"])[0]
first, second = (np.array(layer)[:, ::-1, ::-1] for layer in record.filters)
plotting.filters(first, captions=range(20), columns=5).suptitle("first layer")
plt.show()

plotting.filters(second, columns=8, cell=0.6).suptitle("second layer, map 0")
plt.show()


# %% [markdown]
# About half of the first picture shows edges or strokes, as in notebook 05. What does the second show? Little that
# one could name. Before reading anything into it, ask how much of it was *learned*. A recipe and a seed give the
# network as it was before training, so we can compare: the
# correlation of each layer's filters with the noise that they began as. (A filter whose own correlation is 1 has only
# become shorter or longer. Such filters are counted apart.)

# %%
def correlation(one, other):
    return np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]


dead = []  # of each network with ReLUs: its seed, filters that learned nothing, how long they are by now
for kind, name in kinds.items():
    for record in experiments.records([name]):
        begun = experiments.RECIPES[name].network(record.seed, device="cpu")
        row = []
        for filters, layer in zip(record.filters, begun.layers):
            noise = layer.w[:, 0]
            alike = np.array([correlation(*pair) for pair in zip(filters, noise)])
            learned = alike < 0.999
            row.append(f"{correlation(np.array(filters)[learned], noise[learned]):.2f} ({(~learned).sum()} untouched)")
            if kind == "ReLU" and filters is record.filters[0]:
                lengths = np.linalg.norm(filters, axis=(1, 2)) / np.linalg.norm(noise, axis=(1, 2))
                dead.append((record.seed, np.flatnonzero(~learned), lengths[~learned].mean()))
        print(f"{kind:8} seed {record.seed}   first layer {row[0]:20}   second {row[1]}")

for number, untouched, length in dead:
    print(f"ReLU, seed {number}: {len(untouched)} of 20 filters are what they were, only {length:.3f} times as long:",
          *untouched)


# %% [markdown]
# After 60 epochs of 5,000 steps, what the filters began as is still there to be seen: correlations from 0.35 to 0.60,
# in the first layer as in the second, and once 0.93. (In that network the second layer has learned hardly anything
# about map 0, so it must have been blank most of the time.) So a good part of what such a picture shows was drawn at
# random. In the networks with ReLU some filters have learned *nothing*: they are only shorter. They have been dead
# from birth, like those of notebook 00: no gradient has ever reached them. Only the penalty has, which shortens them
# by the factor that the calculation predicts, $e^{-0.03 \cdot 0.1 \cdot 60} = 0.835$. Up to eight of twenty filters are
# work done for nothing. (It does not seem to matter: the network with eight dead ones made the fewest mistakes of all
# nine, 82.)
#
# ## Exercises
#
# Write your answer into a new cell, under the name that the exercise gives it, and run the check. Do not run
# the solution, which is folded away: it would put its own answer under that name. (`netlib exercises 06` writes a copy
# without solutions.)
#
# **Exercise 1 (easy).** *Nine for one.* Write `nine(image)`, which returns an image (28, 28) moved by every
# combination of -1, 0 and 1 pixels down and to the right, as an array (9, 28, 28). Use `shifted`.

# %% jupyter={"source_hidden": true} tags=["solution"]
def nine(image):
    return np.stack([shifted(image, down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)])


# %% tags=["check"]
for row, column in [(10, 20), (0, 0), (27, 27)]:  # a grey dot in the middle, and in two corners
    dot = np.zeros((side, side))
    dot[row, column] = 0.5
    result = np.asarray(nine(dot))
    assert result.shape == (9, side, side), f"expected nine images, got an array of shape {result.shape}"
    places = sorted(tuple(map(int, place[1:])) for place in np.argwhere(result == 0.5))
    around = [(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    on_paper = [place for place in around if 0 <= min(place) <= max(place) < side]
    assert places == on_paper, f"a dot at {row, column} should appear at {on_paper}, and appears at {places}"
    assert result.sum() == 0.5 * len(on_paper), "there is ink where no dot is"


# %% [markdown]
# **Exercise 2 (medium).** *How loud is the noise?* Dropout leaves the mean of a weighted sum $\sum_i w_i x_i$ at $1 -
# p$ of what it was, and makes the sum fluctuate from mask to mask. Write `spread(w, x, p)`, its standard deviation,
# for vectors `w` and `x`. (Begin with the variance of a single term, which is $w_i x_i$ or 0.)

# %% jupyter={"source_hidden": true} tags=["solution"]
def spread(w, x, p):
    return np.sqrt(p * (1 - p) * ((w * x) ** 2).sum())  # variances of independent terms add up


# %% tags=["check"]
for p in (0.5, 0.2):
    chances = (1 - p) ** all_masks.sum(axis=1) * p ** (10 - all_masks.sum(axis=1))  # of each of the 1024 masks
    sums = all_masks @ (weights[:, 0] * inputs)
    expected = np.sqrt((chances * (sums - (chances * sums).sum()) ** 2).sum())
    value = spread(weights[:, 0], inputs, p)
    assert isinstance(value, float | np.number), "return a number"
    assert np.isclose(value, expected), f"for p = {p} it should be {expected:.4f}, not {value:.4f}"


# %% [markdown]
# **Exercise 3 (medium).** *If they were independent.* Each of $n$ networks (an odd number) misreads a tenth of all
# images, independently. A vote can only err if more than half of them do, and we shall suppose the worst, that these
# all give the same wrong answer. From which $n$ on is that rarer than one image in a thousand? Put it into
# `n_needed`. (Nine recorded networks have brought 92.6 mistakes down to 68.)

# %% jupyter={"source_hidden": true} tags=["solution"]
def more_than_half_err(n, error):
    return sum(comb(n, k) * error**k * (1 - error) ** (n - k) for k in range(n // 2 + 1, n + 1))


n_needed = next(n for n in range(1, 100, 2) if more_than_half_err(n, 0.1) < 0.001)

# %% tags=["check"]
draws = np.random.default_rng(seed).random((100_000, 25)) < 0.1  # who errs
err = {n: (draws[:, :n].sum(axis=1) > n / 2).mean() for n in range(1, 26, 2)}
assert n_needed in err, "an odd number up to 25"
assert err[n_needed] < 0.0012, f"with {n_needed} networks, about {1000 * err[n_needed]:.1f} images in 1,000 are misread"
assert n_needed == 1 or err[n_needed - 2] > 0.0012, f"{n_needed - 2} networks are enough"


# %% [markdown]
# **Exercise 4 (harder).** *A vote with doubts.* A network that is unsure votes as loudly as one that is sure. Let
# them give their probabilities instead: write `soft_vote(nets, images)`, which returns the labels with the largest
# *mean* probability. There are no ties any more. Does it read more?

# %% jupyter={"source_hidden": true} tags=["solution"]
def soft_vote(nets, images):
    return np.mean([net.predict_proba(images) for net in nets], axis=0).argmax(axis=1)


# %% tags=["check"]
assert np.array_equal(soft_vote(committee[:1], x_validation), committee[0].predict(x_validation)), "one network alone"


class Voter:
    def __init__(self, p):
        self.p = p

    def predict_proba(self, images):
        return np.array([self.p])


pair_of_voters = [Voter([0.90, 0.06, 0.04]), Voter([0.02, 0.50, 0.48])]
assert soft_vote(pair_of_voters, None)[0] == 0, "the means are 0.46, 0.28 and 0.26"
total = sum(net.predict_proba(x_validation) for net in committee)
assert np.array_equal(soft_vote(committee, x_validation), total.argmax(axis=1)), "the mean, then the largest"
hard = plurality(np.stack([net.predict(x_validation) for net in committee]), ties="first")
print(f"of {len(y_validation)} validation images, the vote misreads {(hard != y_validation).sum()}, "
      f"the mean probability {(soft_vote(committee, x_validation) != y_validation).sum()}")

# %% [markdown]
# On these images it reads two fewer. By now you know what to make of two images.
#
# ## What we have seen
#
# - A digit moved by one pixel is, to a network, a new image. Five for one makes it steadier against moves, and narrows
#   the gap between training and validation.
# - A network of filters needs that too: its fully connected layer looks at *places*, and must, because without places
#   most of a digit is lost.
# - Turning, leaning and wobbling are one operation: where does each pixel come from? Made fresh in every step, such
#   images leave a small gap, and want longer training.
# - Dropout trains very many networks that share weights. For a softmax layer, halving the inputs is exactly their
#   geometric mean; above other layers it is a good approximation. The training cost that it reports is measured under a
#   handicap.
# - `rescale` and `inverted` make the same networks and not the same training: for weights the rates differ by
#   $(1-p)^2$.
# - A vote removes what is random in networks, and leaves what they have in common. On MNIST two of our networks share
#   more than half of their mistakes, and nine that vote make a quarter fewer than one.
# - The slip in the initial weights changes how training begins, and, in the two networks that we followed, hardly
#   where it ends.
# - Of the book's last half of a percent we have seen the mechanisms, on digits. Its best single network, run here on
#   MNIST, comes out as in the book: 99.59 %, where the book has 99.60 %.
#
# ## In practice
#
# - Before anything cleverer, ask which changes leave the label as it is, and show them to the network. (A 6 that is
#   turned far enough is a 9. Look at the pictures.)
# - Distort in training only, never the validation or test images.
# - Compare a training cost with a validation cost only if both are measured in the same way, with all units.
# - Use dropout where parameters are many and images few. With few images it needs more epochs; the book, with 250,000
#   of them, gave it 40.
# - When you copy a learning rate, ask which kind of dropout, and which initial weights, it was found with.
# - A committee of five costs five training runs, and five times the work in use. It is the last thing to try; but how
#   much its members disagree is worth knowing.
#
# ## Further reading
#
# - Nielsen, [chapter 6](http://neuralnetworksanddeeplearning.com/chap6.html#convolutional_neural_networks_in_practice):
#   expanded data, dropout and the ensemble, with the pictures of the 33 mistakes and of the filters; and
#   [chapter 3](http://neuralnetworksanddeeplearning.com/chap3.html#overfitting_and_regularization): overfitting, and
#   dropout and artificial data as cures.
# - P. Simard, D. Steinkraus and J. Platt, Best practices for convolutional neural networks applied to visual document
#   analysis, ICDAR 2003: elastic distortions.
# - N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov, [Dropout: a simple way to prevent neural
#   networks from overfitting](https://jmlr.org/papers/v15/srivastava14a.html), 2014.
# - L. K. Hansen and P. Salamon, Neural network ensembles, IEEE Transactions on Pattern Analysis and Machine
#   Intelligence 12, 1990: networks that vote, and why their errors should be independent.
# - In this package: `data/expansion.py`, `data/distortion.py`, `ops/masks.py`, `committee.py`; and `conv.py`, which has
#   the book's script name for name, `double_fc_dropout` and `ensemble` among them.
