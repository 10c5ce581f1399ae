# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 04 · Convolution and pooling
#
# Cut a small square hole into a sheet of paper and slide it over a picture. At every place you see only a scrap, and
# you put the same question to each: is there an edge here, a corner, a stroke? Write the answers down where you found
# them, and you have a new picture, one of *answers*. That is a convolutional layer. This notebook takes it apart down
# to single multiplications, finds its gradients, and puts it together again so that it is fast.
#
# **You will build** a convolution three times: as plain loops that hide nothing, as one matrix product, and in the form
# in which our networks compute it, with the pooling in it; and, on the way, the gradients from which they learn.
#
# **You will learn**
# - what a local receptive field is, and what sharing weights saves, and what it does not save;
# - why some libraries turn their filters around and others do not, and when you have to care;
# - how to *derive* the gradients with respect to weights, biases and inputs, and how to check any gradient on the spot;
# - what pooling does to gradients, and why two good libraries disagree about it where numbers are equal;
# - what three filters, trained on digits, look for;
# - what it takes to make all this fast.
#
# **You need** notebook [00](00_start_here.ipynb), which explains neurons, layers and gradient descent, and the chain
# rule of calculus.

# %% tags=["nbval-ignore-output"]
import platform

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import netlib
from netlib import data, ops, plotting
from netlib.backend import Workspace, to_host
from netlib.network3 import ConvPoolLayer, Network, SoftmaxLayer, sigmoid
from netlib.ops import naive
from netlib.threads import blas_threads
from netlib.widgets import Choice, Slider, explore

print(f"netlib {netlib.__version__}, Python {platform.python_version()}")
print(f"NumPy {np.__version__}, matplotlib {matplotlib.__version__}")

# %% tags=["parameters"]
dataset = "digits"  # or "mnist"; the text speaks of what comes out of the digits
device = "cpu"  # where the network of section 9 computes: "cpu", "gpu", or "auto" for the GPU where there is one
dtype = "float64"  # precision of that network; everything else here is computed in float64
seed = 1  # decides everything that is random
n_filters = 3  # filters of that network; the text speaks of three
epochs = 12  # passes through the training data
eta = 0.1  # its learning rate
mini_batch_size = 10  # images in a training step
n_measured = 1000  # training images, at most, on which ties are counted and the filters' favourites sought

# %%
plt.style.use("netlib.mplstyle")
rng = np.random.default_rng(seed)
training_data, validation_data, test_data = data.load(dataset)
images = training_data.x.reshape(-1, 28, 28).astype(float)  # multiples of 1/256: 0 is paper, 255/256 full ink
digit = images[21]

# %% [markdown]
# ## 1. A window on the image
#
# In a *fully connected* layer every neuron reads every pixel. To it an image is a column of 784 numbers (below on the
# left, with eight of them), in an order that means nothing. But an image has a shape, so let us leave its 28 by 28
# *input neurons* where they are: in a square.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
plotting.network(left, [8, 5, 3])
left.set_title("fully connected: a column of pixels")
down, across = np.mgrid[:28, :28]
right.scatter(across, down, s=26, c=digit, cmap=plotting.PAPER, edgecolors="gray", linewidths=0.4, vmin=0, vmax=1)
right.set(title="28 x 28 input neurons", xlim=(-1, 28), ylim=(28, -1), aspect="equal")
right.set_axis_off()
plt.show()


# %% [markdown]
# Now connect a *hidden neuron* (one that is neither input nor output) to a small part of the square only, 5 by 5 input
# neurons: its **local receptive field**.
# A second hidden neuron gets the field one pixel further to the right, and so on to the edge; then one pixel down, and
# again from the left. Lay the hidden neurons out in the order of their fields, and they form a square too.

# %%
def draw_pair(left, right, row, column):
    plotting.grid(left, digit, fields=[(row, column, 5, 5)], lines=True, title="input neurons, 28 x 28")
    plotting.grid(right, np.zeros((24, 24)), fields=[(row, column, 1, 1)], lines=True, title="hidden neurons, 24 x 24")
    plotting.project(left, (row, column, 5, 5), right, (row, column, 1, 1))


figure, axes = plt.subplots(3, 2, figsize=(5.6, 7.8), layout="constrained")
for pair, (row, column) in zip(axes, [(0, 0), (0, 1), (12, 10)]):
    draw_pair(*pair, row, column)
plt.show()

# %% [markdown]
# How many fields fit? The field's left edge can stand at pixel $0, 1, 2, \dots$, and the last place at which its right
# edge is still on the paper is $28 - 5 = 23$. That makes $28 - 5 + 1 = 24$ places across, and as many down.
#
# Each hidden neuron has a weight for each of the 25 pixels of its field. And here is the second idea: **all of them
# have the same 25 weights, and the same bias.** With $w_{k,m}$ for the weight in row $k$ and column $m$ of the field,
# counted from 0, and $x_{i,j}$ for the pixels, hidden neuron $(i, j)$ computes
#
# $$\sigma\Bigl(b + y_{i,j}\Bigr), \qquad y_{i,j} = \sum_{k=0}^{4}\sum_{m=0}^{4} w_{k,m}\, x_{i+k,\,j+m}.$$
#
# This is equation (125) of [the book's chapter
# 6](http://neuralnetworksanddeeplearning.com/chap6.html#introducing_convolutional_networks), in our letters. The
# function $\sigma$ is the *activation function*; where this notebook computes with it, it is the sigmoid
# $\sigma(z) = 1/(1 + e^{-z})$, as in the book's first programs (notebook 00 used ReLUs), unless we say otherwise. Its
# argument $z = b + y$ is the neuron's *weighted input*. The 25 weights are called a **filter** or *kernel*, and the
# square of answers $y$ (or what the activation function makes of it) is a **feature map**: the filter stands for one
# feature, and the map tells where in the image it is.
#
# Here are three filters whose answers we can foresee: one weighs paper above against ink below, one is the same lying
# on its side, and one takes the mean of its field.
#
# Move the field over the digit. For each place the figure shows the patch that lies in the field, the filter, their
# product pixel by pixel, and the map on the right, in which the sum of these 25 products is one number. Digit and patch
# go from white for 0 to black for 1. Where numbers can be negative, 0 is grey, positive ones are darker and negative
# ones lighter.

# %%
upper_edge = np.repeat([-1.0, -1.0, 0.0, 1.0, 1.0], 5).reshape(5, 5)
kernels = {"upper edge": upper_edge, "left edge": upper_edge.T, "mean": np.full((5, 5), 1 / 25)}
print(upper_edge.astype(int))


def draw_field(figure, row, column, kernel):
    w = kernels[kernel]
    patch = digit[row : row + 5, column : column + 5]
    answers = ops.conv2d(digit[None, None], w[None, None], flip=False)[0, 0]
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.04, top=0.88)
    first, *middle, last = figure.subplots(1, 5, width_ratios=(1.25, 1, 1, 1, 1.25))
    plotting.grid(first, digit, fields=[(row, column, 5, 5)], title="digit and field")
    lowest, form = (-1, ".1f") if (w < 0).any() else (0, ".2f")
    for axis, values, low, title in zip(middle, (patch, w, patch * w), (0, lowest, lowest),
                                        ("patch", f"times {kernel}", "is")):
        plotting.grid(axis, values, limits=(low, 1), numbers=form, title=title)
    plotting.grid(last, answers, fields=[(row, column, 1, 1)], title=f"map; here the sum, {answers[row, column]:.2f}")


choice = Choice("upper edge", list(kernels))
explore(draw_field, {"row": Slider(2, 0, 23), "column": Slider(12, 0, 23), "kernel": choice}, size=(10, 2.2))


# %% [markdown]
# ## 2. The loops
#
# The formula is four loops: over the places $(i, j)$ where the field can lie, and over the weights $(k, m)$ in it.
# Apart from bias and activation function, nothing else happens in a convolutional layer, and most of what follows in
# this notebook is a rearrangement of these four loops.
#
# First by hand. A filter of 2 by 2 on an image of 3 by 4 fits in $2 \times 3$ places. Its weights are 1 in the upper
# left corner and 10 in the lower right one, so that we can read off which two pixels each answer was made of.

# %%
def correlate(image, kernel):
    (H, W), (KH, KW) = image.shape, kernel.shape
    OH, OW = H - KH + 1, W - KW + 1
    y = np.zeros((OH, OW))
    for i in range(OH):
        for j in range(OW):
            for k in range(KH):
                for m in range(KW):
                    y[i, j] += kernel[k, m] * image[i + k, j + m]
    return y


small = np.arange(12).reshape(3, 4)
corners = np.array([[1, 0], [0, 10]])
print(small)
print("upper left answer: 1 * 0 + 10 * 5 = 50; all of them:")
print(correlate(small, corners).astype(int))

# %% [markdown]
# Now the digit, and the maps that our three filters make of it:

# %%
maps = {name: correlate(digit, kernel) for name, kernel in kernels.items()}
figure, axes = plt.subplots(1, 4, figsize=(8, 2.2), layout="constrained")
plotting.grid(axes[0], digit, title="digit")
for axis, (name, answers) in zip(axes[1:], maps.items()):
    plotting.grid(axis, answers, title=name)
    print(f"{name:10}  {answers.shape}  from {answers.min():5.2f} to {answers.max():5.2f}")
plt.show()


# %% [markdown]
# The first map is dark along the upper edges of strokes and light along the lower ones; the second does the same for
# left and right. The mean blurs. Note the size: 24 by 24, two pixels lost at each side.
#
# ### Many filters, many maps, many images
#
# A layer has not one filter but $F$ of them, each with its own map: 3 in the book's drawings, 20 in its programs, and
# 40 in their second layers. Its input may have several maps as well (three for a colour image, or as many as the
# layer below has filters); then a filter has weights for *each* input map, and the answer is the sum over all of
# them. And we want to treat a mini-batch of images at once. These are the letters that the whole package uses:
#
# | letter | counts | letter | counts |
# |---|---|---|---|
# | N, index n | images | F, index f | filters, so output maps |
# | C, index c | input maps | KH, KW, indices k, m | rows, columns of a filter |
# | H, W | rows, columns of an image | OH, OW, indices i, j | rows, columns of an output map |
#
# Three more indices, three more loops:

# %%
def convolve_loops(x, w):  # (N, C, H, W) and (F, C, KH, KW)
    (N, C, H, W), (F, _, KH, KW) = x.shape, w.shape
    OH, OW = H - KH + 1, W - KW + 1
    y = np.zeros((N, F, OH, OW))
    for n in range(N):
        for f in range(F):
            for i in range(OH):
                for j in range(OW):
                    for c in range(C):
                        for k in range(KH):
                            for m in range(KW):
                                y[n, f, i, j] += w[f, c, k, m] * x[n, c, i + k, j + m]
    return y


# %% [markdown]
# The package keeps these loops too, in `ops.naive`, as the truth to which everything faster is held. `ops.conv2d` is
# the first such thing: the same sums without a single Python loop; in section 5 we shall see how. (`flip=False` is
# explained in section 3.)

# %%
x = images[:2, None]  # two images with one map each: (2, 1, 28, 28)
w = rng.standard_normal((3, 1, 5, 5))
y = convolve_loops(x, w)

print("shape", y.shape)
print(f"largest difference from ops.naive:  {abs(naive.conv2d(x, w, flip=False) - y).max():.9f}")
print(f"largest difference from ops.conv2d: {abs(ops.conv2d(x, w, flip=False) - y).max():.9f}")

figure, axis = plt.subplots(figsize=(6, 2.8))
plotting.layers(axis, [(1, 28, 28), (3, 24, 24)], [(5, 5)], captions=["image", "3 feature maps"])
plt.show()


# %% [markdown]
# ### What it costs
#
# Take the book's 20 filters. A filter has 25 weights and one bias, so the layer has $20 \times 26 = 520$ parameters.
# The book sets against it a fully connected layer of a mere 30 neurons: $784 \times 30 + 30 = 23{,}550$.
#
# Two ideas have saved something here, and we can tell them apart. Give all the $20 \times 24 \times 24$ hidden neurons
# what they would have in a fully connected layer; then a field of 25 pixels each; then the field, with shared weights.
#
# And each of these neurons multiplies every weight that it has with something, once for every image. The last column
# counts that.

# %%
def compare(name, n_neurons, n_inputs, n_parameters):
    print(f"{name:37} {n_parameters:9,} parameters {n_neurons * n_inputs:10,} multiplications")


neurons = 20 * 24 * 24
compare("fully connected, 30 neurons", 30, 784, 784 * 30 + 30)
compare(f"fully connected, {neurons:,} neurons", neurons, 784, neurons * (784 + 1))
compare("local fields, each neuron its own", neurons, 25, neurons * (25 + 1))
compare("local fields, shared weights", neurons, 25, 20 * (25 + 1))
print(f"parameters: {(784 * 30 + 30) / 520:.1f} times fewer than the first; "
      f"multiplications: {neurons * 25 / (784 * 30):.1f} times as many")

# %% [markdown]
# From the second line to the third, local fields save a factor of some 30, in parameters and in multiplications alike.
# From the third to the fourth, sharing saves another $24 \times 24 = 576$ in parameters, and not one multiplication.
# But do not think that the layer is therefore cheap to *compute*: it
# multiplies twelve times as often as the fully connected one of the first line. That is why section 10 is about speed.
#
# ### Moved images
#
# What do shared weights *mean*? Move an image down by $u$ pixels and right by $v$, so that $x'_{i,j} = x_{i-u,\,j-v}$.
# Then
#
# $$y'_{i,j} = \sum_{k,m} w_{k,m}\, x'_{i+k,\,j+m} = \sum_{k,m} w_{k,m}\, x_{i-u+k,\,j-v+m} = y_{i-u,\,j-v}.$$
#
# The map moves with the image, by the same distance, whatever the filter. This is called *translation equivariance*.
# (Except along the edge, where new pixels come in and others fall off.)

# %%
u, v = 3, 2
moved = np.roll(digit, (u, v), axis=(0, 1))  # our digit has room for that: only blank pixels go over the edge
before, after = correlate(digit, upper_edge), correlate(moved, upper_edge)
print("largest difference from the map moved along: ", abs(after[u:, v:] - before[:-u, :-v]).max())
print("largest difference from the map left in place:", round(abs(after - before).max(), 2))

figure, axes = plt.subplots(1, 4, figsize=(8, 2.2), layout="constrained")
for axis, values, title in zip(axes, (digit, before, moved, after), ("digit", "its map", "moved", "its map")):
    plotting.grid(axis, values, title=title)
plt.show()

# %% [markdown]
# Not nearly zero: zero, because each answer is the same sum of the same products in the same order. What a filter has
# learned in one corner of the image it knows in all of them.
#
# ## 3. Turned, or not
#
# What we have computed so far is, strictly speaking, *not* a convolution. Mathematicians call it a
# **cross-correlation**. In a **convolution** the index of the weights runs against that of the pixels:
#
# $$(w * x)_{i,j} = \sum_{k,m} w_{k,m}\, x_{i-k,\,j-m}.$$
#
# That looks odd until one sees what it is for. Multiply $1 + 2t$ by $3 + 4t + 5t^2$. The coefficient of $t^2$ gathers
# all pairs of powers that add up to 2: $1 \cdot 5 + 2 \cdot 4$. As one index goes up, the other goes down. A product of
# polynomials does not care which factor comes first, and neither does a convolution. A cross-correlation does.
#
# Turn the filter by 180 degrees, and its index runs the other way. So a convolution is a cross-correlation with the
# turned filter. (In the formula above, pixels with negative indices are outside of the image. We leave out the places
# that need them, and number the others from 0 again.) The plainest way to see the difference is an image with a
# single bright pixel. A convolution puts a copy of the filter there: $(w * x)_{i,j}$ is $w$ itself, moved to that
# pixel. Running the filter over the image as it is gives a turned copy, because the *last* row of the filter is the
# first to meet the pixel.

# %%
print("coefficients of (1 + 2t)(3 + 4t + 5t^2):", np.convolve([1, 2], [3, 4, 5]))


def convolve(image, kernel):
    return correlate(image, kernel[::-1, ::-1])  # turned by 180 degrees


spot = np.zeros((5, 5))
spot[2, 2] = 1
numbered = np.arange(1, 10).reshape(3, 3)
for row in np.hstack([numbered, convolve(spot, numbered), correlate(spot, numbered)]).astype(int):
    print("   ".join(" ".join(map(str, part)) for part in np.split(row, 3)))
print("filter  convolved  correlated")

# %% [markdown]
# So the two are the same up to turning the filter. The book's text writes the cross-correlation. Its program,
# `network3`, was written with the library Theano (notebook 03), whose convolution turns the filters. Our layers do
# the same: `ops.conv2d` convolves unless told `flip=False`. (PyTorch and TensorFlow, with which many networks are
# made today, do not turn.)
#
# Does it matter? Compare the outputs, and then the gradients of the weights. (Gradients come in section 6; here take
# them on trust. `delta` says how much each output matters to what comes after it, and may be anything.)

# %%
turned = w[:, :, ::-1, ::-1]
delta = rng.standard_normal(y.shape)
flipped, plain = ops.conv2d(x, w), ops.conv2d(x, turned, flip=False)
print(f"outputs, filters turned beforehand: largest difference {abs(flipped - plain).max():.9f}")

dw_flipped = ops.conv2d_gradients(x, w, delta)[1]
dw_plain = ops.conv2d_gradients(x, turned, delta, flip=False)[1]
back = dw_plain[:, :, ::-1, ::-1]
print(f"their gradients, turned back:       largest difference {abs(dw_flipped - back).max():.9f}")

# %% [markdown]
# To learning it does not matter at all. A network that convolves, started with the filters turned, has the same
# outputs and the turned gradients, so it takes the same step with its filters turned; and so the next, and every one
# after it. It matters in three places: when you *draw* a filter and ask which patch it likes (turn it first), when
# you carry weights from one library to another, and in the derivation of a gradient in section 6, where a turned
# filter will appear of itself. Until then we go on unturned, as in the book's formula.
#
# ## 4. Steps and borders
#
# Two things can be varied. The field may move by $s > 1$ pixels at a time; that is the **stride**. And the image may
# get a **border** of $p$ rows and columns of zeros on each side, so that fields may hang over its edge. The places
# are then $0, s, 2s, \dots$, as long as the field stays within $H + 2p$ pixels:
#
# $$OH = \Bigl\lfloor \frac{H + 2p - KH}{s} \Bigr\rfloor + 1.$$
#
# `ops.conv2d` knows three borders by name: `"valid"` has none, `"half"` adds $\lfloor KH/2 \rfloor$ rows on each
# side, which at stride 1 keeps the size of the image if $KH$ is odd, and `"full"` adds $KH - 1$, so that every field
# that touches the image at all is counted. Put the formula to the test:

# %%
print("filter  stride  border   by the formula   measured")
for K, s, border, p in [(5, 1, "valid", 0), (5, 1, "half", 2), (5, 1, "full", 4), (5, 2, "valid", 0),
                        (5, 3, "half", 2), (4, 4, "valid", 0), (3, 2, "half", 1)]:
    measured = ops.conv2d(digit[None, None], np.ones((1, 1, K, K)), stride=s, border=border).shape[2]
    print(f"{K:6}  {s:6}  {border:7}  {(28 + 2 * p - K) // s + 1:14}   {measured:8}")


def draw_stride(figure, stride, border, kernel):
    p = {"valid": 0, "half": 2, "full": 4}[border]
    padded = np.pad(digit, p)
    answers = ops.conv2d(digit[None, None], kernels[kernel][None, None], stride=stride, border=border, flip=False)[0, 0]
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.04)
    left, right = figure.subplots(1, 2)
    plotting.grid(left, padded, title=f"{len(padded)} x {len(padded)}, with the border",
                  fields=[(p, p, 28, 28), (0, 0, 5, 5), (0, stride, 5, 5)])
    plotting.grid(right, answers, title=f"map, {answers.shape[0]} x {answers.shape[1]}",
                  fields=[None, (0, 0, 1, 1), (0, 1, 1, 1)])


explore(draw_stride, {"stride": Slider(2, 1, 5), "border": Choice("half", ["valid", "half", "full"]),
                      "kernel": choice}, size=(6.5, 3))


# %% [markdown]
# The frame around the digit is the edge of the paper; the other two are the first field and its neighbour, and their
# answers in the map. A stride of $s$ does the work for one place in $s^2$, and forgets the others: an image that
# moves by one pixel no longer moves its map along. The book's networks use stride 1 and no border; from here on, so
# do we.
#
# ## 5. The same sums, as one matrix product
#
# Python interprets every step of a loop anew, which takes far longer than the multiplication itself. One call that does
# many of them is better, and the best of all is a large product of matrices, for which there are programs with decades
# of care in them. Is there one in our sum? Write all patches side by side, **each patch as a column**. Then the
# filter, written as a row, times the matrix of columns is the map, written as a row.

# %%
def as_columns(image, KH, KW):
    OH, OW = image.shape[0] - KH + 1, image.shape[1] - KW + 1
    columns = np.empty((KH * KW, OH * OW))
    for k in range(KH):
        for m in range(KW):
            columns[k * KW + m] = image[k : k + OH, m : m + OW].ravel()  # what weight (k, m) meets, at every place
    return columns


columns = as_columns(small, 2, 2)
print(columns.astype(int))
print("filter as a row, times that:", (corners.ravel() @ columns).astype(int))
print("from the loops:             ", correlate(small, corners).ravel().astype(int))

# %% [markdown]
# The matrix is made without looking at any patch: a *row* of it holds all the pixels that one weight $(k, m)$ meets,
# and that is the image without the rows and columns that this weight never reaches. Move the slider from place to
# place, and watch patch and column:

# %%
numbers = np.arange(30).reshape(5, 6)


def draw_column(figure, place):
    row, column = divmod(place, 4)
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.04)
    left, right = figure.subplots(1, 2, width_ratios=(1, 2))
    plotting.grid(left, numbers, limits=(0, 60), numbers="d", fields=[(row, column, 3, 3)], title="image, and a patch")
    plotting.grid(right, as_columns(numbers, 3, 3), limits=(0, 60), numbers=".0f", fields=[(0, place, 9, 1)],
                  title="all patches as columns")


explore(draw_column, {"place": Slider(6, 0, 11)}, size=(7.5, 3))


# %% [markdown]
# With more input maps a column becomes longer, with more images there are more columns, and with more filters more rows
# on the left. It remains one product: $(F) \times (C \cdot KH \cdot KW)$ times $(C \cdot KH \cdot KW) \times (N \cdot
# OH \cdot OW)$.

# %%
def columns_of(x, KH, KW):
    return np.hstack([np.vstack([as_columns(image, KH, KW) for image in maps]) for maps in x])


def convolve_product(x, w):
    (N, _, H, W), (F, _, KH, KW) = x.shape, w.shape
    y = w.reshape(F, -1) @ columns_of(x, KH, KW)  # (F, N * OH * OW)
    return y.reshape(F, N, H - KH + 1, W - KW + 1).transpose(1, 0, 2, 3)


print(f"largest difference from the loops: {abs(convolve_product(x, w) - convolve_loops(x, w)).max():.9f}")
ratio = columns_of(x, 5, 5).size / x.size
print(f"numbers in the columns for each pixel: {ratio:.1f}")

# %% [markdown]
# This is how `ops.conv2d` does it. The price is memory: a pixel in the middle lies in 25 patches and is copied 25
# times; only towards the edges are there fewer.
#
# ### Convolution is a matrix
#
# There is a second matrix in this. For a given filter, every $y$ is a sum of weights times pixels, so the map is a
# linear function of the image, and a linear function of 36 pixels to 16 answers *is* a matrix $M$ of 16 by 36. Its
# columns are found by asking what each single bright pixel does:

# %%
kernel = np.arange(1.0, 10.0).reshape(3, 3)
pixels = np.eye(36).reshape(36, 6, 6)
M = np.stack([correlate(pixel, kernel).ravel() for pixel in pixels], axis=1)  # (16, 36)
print("entries", M.size, "  not zero", np.count_nonzero(M), "  different ones", len(np.unique(M[M > 0])))

figure, axis = plt.subplots(figsize=(6, 2.8))
plotting.grid(axis, M, title="the matrix $M$; the greys are nine weights")
axis.set(xlabel="pixel (36)", ylabel="hidden neuron (16)")
plt.show()


# %% [markdown]
# This is what is left of a fully connected layer, seen from its side: 576 weights that could be anything, of which 432
# have been set to zero (local fields) and the other 144 to the same nine numbers (shared weights), over and over along
# slanting lines. Nobody would compute with $M$; but it makes the next section easier to believe.
#
# ## 6. Gradients
#
# The *forward pass* computes the outputs of all layers, from the image upwards, and somewhere above our layer a cost
# $\mathcal{C}$ is computed from its output $y$. (A curly letter, because the plain $C$ counts input maps.)
# *Backpropagation* then goes from the top down: by the time it comes to us, it has found how $\mathcal{C}$ depends on
# each of our answers,
#
# $$\delta_{n,f,i,j} = \frac{\partial \mathcal{C}}{\partial y_{n,f,i,j}},$$
#
# and it asks two things. How does $\mathcal{C}$ depend on our weights and biases (so that we can learn), and how on our
# inputs (so that the layer below can)?
#
# There is a way to answer that needs no theory. Nudge one number up by a little, then down, and see how much the cost
# changes. These **central differences** take two evaluations for every single number, which is far too slow for
# training, but just right for checking.

# %%
def central_differences(cost, numbers, step=1e-4):
    gradient = np.empty(numbers.shape)
    for place in np.ndindex(numbers.shape):
        kept = numbers[place]
        numbers[place] = kept + step
        above = cost()
        numbers[place] = kept - step
        below = cost()
        numbers[place] = kept
        gradient[place] = (above - below) / (2 * step)
    return gradient


# %% [markdown]
# As a test bed: two images of three maps, four filters, unequal sizes so that no mix-up of rows and columns goes
# unnoticed, and as cost half the sum of squares of $y - t$, where $t$ are the outputs that are `wanted` (any numbers
# will do). Then simply $\delta = y - t$. (We count the bias as part of $y$ here, and leave the activation function to
# the layer's last line: if $\partial \mathcal{C} / \partial a$ is known for an output $a = \sigma(y)$, the chain rule
# gives $\delta = \partial \mathcal{C} / \partial a \cdot \sigma'(y)$, number by number. That is all that an activation
# function does on the way back.)

# %%
N, C, F, KH, KW = 2, 3, 4, 3, 2
x = rng.standard_normal((N, C, 7, 6))
w, b = rng.standard_normal((F, C, KH, KW)), rng.standard_normal(F)
wanted = rng.standard_normal((N, F, 5, 5))


def output():
    return ops.conv2d(x, w, flip=False) + b[:, None, None]


def cost():
    return 0.5 * ((output() - wanted) ** 2).sum()


def report(name, gradient, numbers, cost=cost):
    error = abs(gradient - central_differences(cost, numbers)).max()
    print(f"{name:24} shape {gradient.shape}   largest error {error:.7f}, largest entry {abs(gradient).max():.1f}")


delta = output() - wanted

# %% [markdown]
# ### The bias
#
# A bias is added to every answer of its map, in every image, and $\partial y_{n,f,i,j} / \partial b_f = 1$ for each.
# The chain rule adds up all ways by which $b_f$ reaches $\mathcal{C}$:
#
# $$\frac{\partial \mathcal{C}}{\partial b_f} = \sum_{n,i,j} \delta_{n,f,i,j}.$$
#
# ### The weights
#
# The weight $w_{f,c,k,m}$ is used at every place too. At place $(i, j)$ of image $n$ it meets the pixel
# $x_{n,c,i+k,j+m}$, and that pixel is the derivative of $y_{n,f,i,j}$ with respect to it. Again all ways are added
# up:
#
# $$\frac{\partial \mathcal{C}}{\partial w_{f,c,k,m}} = \sum_{n,i,j} \delta_{n,f,i,j}\; x_{n,c,i+k,\,j+m}.$$
#
# Compare this with the formula that we started from. It is a cross-correlation again: of the image, with $\delta$ in
# the place of the filter! The gradient asks, at every offset $(k, m)$, how well the pattern of pixels there agrees with
# the pattern of the $\delta$. In code, the pixels that a weight meets are a piece of the image:

# %%
db = delta.sum(axis=(0, 2, 3))
report("bias", db, b)


def weight_gradient(x, delta, KH, KW):
    OH, OW = delta.shape[2:]
    dw = np.empty((delta.shape[1], x.shape[1], KH, KW))
    for k in range(KH):
        for m in range(KW):
            met = x[:, :, k : k + OH, m : m + OW]  # (N, C, OH, OW)
            dw[:, :, k, m] = np.einsum("nfij,ncij->fc", delta, met)
    return dw


report("weights", weight_gradient(x, delta, KH, KW), w)

# %% [markdown]
# (`einsum` multiplies, and sums over every letter that is missing after the arrow: here over n, i and j. The errors are
# zero but for rounding, although a nudge is not infinitely small: in each single number this cost is a parabola, and
# for parabolas central differences are exact.)
#
# ### The inputs
#
# Now the pixel's point of view. Which answers does the pixel $x_{p,q}$ take part in? In those of all fields that it
# lies in. At place $(i, j)$ it is met by the weight $(k, m)$ with $i + k = p$ and $j + m = q$. So for each weight
# there is one place, $(p - k, q - m)$ (if that is on the map), and
#
# $$\frac{\partial \mathcal{C}}{\partial x_{n,c,p,q}} = \sum_{f,k,m} w_{f,c,k,m}\; \delta_{n,f,\,p-k,\,q-m}.$$
#
# The index of the weights runs against that of $\delta$: there it is, the true convolution. And places outside of the
# map count as zero, which is the border `"full"`. Where the forward pass correlates, the way back convolves. (For
# layers that convolve forward, as network3's do, the way back correlates.)

# %%
w_back = w.transpose(1, 0, 2, 3)  # (C, F, KH, KW): the sum is over f now
report("inputs", ops.conv2d(delta, w_back, border="full", flip=True), x)

back = ops.conv2d(delta, w_back, border="full", flip=False)
expected = ops.conv2d_gradients(x, w, delta, flip=True)[0]
print(f"the other way round: largest difference {abs(back - expected).max():.9f}")


# %% [markdown]
# If you prefer loops to indices: there is a way to see both gradients at once. The forward pass is made of products,
# weight times pixel, each added to an answer. The derivative of a product $w x$ with respect to $w$ is $x$, and with
# respect to $x$ it is $w$. So run the loops of the forward pass again, and let each product hand on the $\delta$ of its
# answer twice: to its weight, times the pixel; to its pixel, times the weight.
#
# A pixel in a corner lies in one field only, one in the middle in 25. Set all weights and all $\delta$ to 1, and the
# gradient of the pixels counts the fields:

# %%
def gradients_loops(image, kernel, delta):
    d_image, d_kernel = np.zeros(image.shape), np.zeros(kernel.shape)
    for i, j in np.ndindex(delta.shape):
        for k, m in np.ndindex(kernel.shape):
            d_kernel[k, m] += image[i + k, j + m] * delta[i, j]
            d_image[i + k, j + m] += kernel[k, m] * delta[i, j]
    return d_image, d_kernel


one_x, one_w, one_delta = x[0, 0], w[0, 0], delta[0, 0]
d_image, d_kernel = gradients_loops(one_x, one_w, one_delta)
expected = ops.conv2d_gradients(one_x[None, None], one_w[None, None], one_delta[None, None], flip=False)
for name, computed, other in zip(["inputs", "weights"], [d_image, d_kernel], expected):
    print(f"{name:8} largest difference from ops.conv2d_gradients: {abs(computed - other[0, 0]).max():.9f}")


coverage, _ = gradients_loops(np.zeros((28, 28)), np.ones((5, 5)), np.ones((24, 24)))
print("fields along the upper edge: ", *coverage[0, :6].astype(int), "...")
print("fields along the middle row: ", *coverage[14, :6].astype(int), "...")

figure, axis = plt.subplots(figsize=(2.4, 2.4))
plotting.grid(axis, coverage, title="fields of a pixel, 1 to 25")
plt.show()

# %% [markdown]
# A convolution without a border reads the edges of an image less often than its middle. Where much happens near the
# edges, that is a reason for having a border.
#
# ### By matrices
#
# A product of matrices $Y = W X$ is, entry by entry, $Y_{fs} = \sum_r W_{fr} X_{rs}$. The weight $W_{fr}$ takes part in
# row $f$ of $Y$, at every column $s$, where it meets $X_{rs}$; and $X_{rs}$ takes part in column $s$, at every row $f$,
# where it meets $W_{fr}$. With $\delta_{fs}$ for the derivative with respect to $Y_{fs}$ the chain rule gives
#
# $$\frac{\partial \mathcal{C}}{\partial W_{fr}} = \sum_s \delta_{fs} X_{rs}, \qquad
# \frac{\partial \mathcal{C}}{\partial X_{rs}} = \sum_f W_{fr}\, \delta_{fs}.$$
#
# These are products again: $dW = \delta X^T$ and $dX = W^T \delta$, where a $d$ in front stands for the gradient, as
# in the code. So the columns of section 5 serve both ways. The gradient $dX$ belongs to the *copies* of the pixels in
# the columns; what arrives at the copies of one pixel has to be added up, row by row of the columns, as they were cut
# out. And for the large matrix, $y = M x$, the way back is simply $M^T$:

# %%
delta_rows = delta.transpose(1, 0, 2, 3).reshape(F, -1)  # (F, N * OH * OW)
dw = (delta_rows @ columns_of(x, KH, KW).T).reshape(w.shape)
report("weights, from columns", dw, w)


def from_columns(columns, shape, KH, KW):  # the reverse of columns_of: every copy is added to its pixel
    N, C, H, W = shape
    OH, OW = H - KH + 1, W - KW + 1
    columns = columns.reshape(C, KH, KW, N, OH, OW)
    x = np.zeros(shape)
    for k in range(KH):
        for m in range(KW):
            x[:, :, k : k + OH, m : m + OW] += columns[:, k, m].transpose(1, 0, 2, 3)
    return x


report("inputs, from columns", from_columns(w.reshape(F, -1).T @ delta_rows, x.shape, KH, KW), x)

some = rng.standard_normal((4, 4))
back, _ = gradients_loops(np.zeros((6, 6)), kernel, some)
print(f"inputs, by M transposed: largest difference from the loops {abs(M.T @ some.ravel() - back.ravel()).max():.9f}")

# %% [markdown]
# ### Does it learn?
#
# Twenty digits, and for each the map that the filter `upper_edge` makes of it. Can gradient descent find the filter
# from the maps alone? It starts from zeros, and minimises the mean of half the squared differences. (The learning rate
# of 0.8 is nearly the largest that works: from 0.81 on, the steps go too far, and the weights grow without end.) All
# pictures are on one scale, from white for $-1$ to black for 1.

# %%
few = images[:20, None]
wanted = ops.conv2d(few, upper_edge[None, None], flip=False)
learned = np.zeros((1, 1, 5, 5))
snapshots = {}
for step in range(1001):
    delta_learned = (ops.conv2d(few, learned, flip=False) - wanted) / wanted.size
    if step in (0, 1, 10, 100, 1000):
        snapshots[f"step {step}"] = learned[0, 0].copy()
        print(f"step {step:4}: no weight is off by more than {abs(learned[0, 0] - upper_edge).max():.2f}")
    learned -= 0.8 * weight_gradient(few, delta_learned, 5, 5)

figure, axes = plt.subplots(1, len(snapshots) + 1, figsize=(6.6, 1.4), layout="constrained")
for axis, (title, k) in zip(axes, [*snapshots.items(), ("wanted", upper_edge)]):
    plotting.grid(axis, k, limits=(-1, 1), title=title)
plt.show()


# %% [markdown]
# It does. The stripes show, faintly, after a single step; the last corrections take hundreds.
#
# ## 7. Pooling
#
# A feature map says *where* a feature is, to the pixel. A **pooling layer** makes a summary: it cuts the map into
# windows, mostly of 2 by 2, and puts one number in the place of each window. **Max-pooling** takes the largest
# answer: the feature is somewhere in here. *Mean-pooling* takes the mean. The book mentions a third kind, *L2
# pooling*: the root of the sum of squares. The loops for the first:

# %%
def max_pool_loops(image, P, Q):
    PH, PW = image.shape[0] // P, image.shape[1] // Q  # rows and columns that fill no window are left out
    y = np.zeros((PH, PW))
    for i in range(PH):
        for j in range(PW):
            y[i, j] = max(image[i * P + k, j * Q + m] for k in range(P) for m in range(Q))
    return y


block = np.array([[1, 3, 0, 2, 9], [2, 4, 1, 5, 9], [0, 0, 3, 3, 9], [6, 0, 3, 3, 9]])
print(block)
print("pooled by 2 x 2:")
print(max_pool_loops(block, 2, 2).astype(int))

figure, axis = plt.subplots(figsize=(8, 2.8))
plotting.layers(axis, [(1, 28, 28), (3, 24, 24), (3, 12, 12)], [(5, 5), (2, 2)],
                captions=["image", "feature maps", "pooled"])
plt.show()


# %% [markdown]
# The nines fill no window and are dropped. Each map is pooled by itself. Three maps of 24 by 24 become three of 12 by
# 12, a quarter of the numbers, and a neuron of the next layer whose field is 5 pooled answers wide reaches over 10 by
# 10 answers instead of 5 by 5. (In pixels it sees 14 by 14 instead of 9 by 9.)
#
# `ops.pool2d` does this for all images and maps at once, and knows the sum and the mean as well; the L2 form is made of
# its sum. Try other windows, and other summaries:

# %%
def pooled_by(mode, answers, window):
    if mode == "L2":
        return np.sqrt(ops.pool2d(answers**2, window, mode="sum"))
    return ops.pool2d(answers, window, mode={"max": "max", "mean": "average_inc_pad"}[mode])


def draw_pooling(figure, window, mode, kernel):
    answers = np.maximum(maps[kernel], 0)  # ReLU: what speaks against the feature is silent
    summary = pooled_by(mode, answers[None, None], window)[0, 0]
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.04)
    left, right = figure.subplots(1, 2)
    row, column = 9 // window, 13 // window
    field = (row * window, column * window, window, window)
    plotting.grid(left, answers, fields=[field], title="hidden neurons, 24 x 24")
    plotting.grid(right, summary, fields=[(row, column, 1, 1)], title=f"pooled, {len(summary)} x {len(summary)}")
    plotting.project(left, field, right, (row, column, 1, 1))


explore(draw_pooling, {"window": Slider(2, 1, 8), "mode": Choice("max", ["max", "mean", "L2"]),
                       "kernel": choice}, size=(6.5, 3))

# %% [markdown]
# It is often said that pooling makes a network indifferent to small movements of the image. Notebook
# [05](05_network3.ipynb) measures that, and finds little of it.
#
# ### Before or after the activation function?
#
# The book describes bias and activation function first, pooling second. Its program pools first. For max-pooling it is
# all the same: $\sigma$ increases and $b$ is the same for the whole window, so the largest $y$ makes the largest
# $\sigma(b + y)$. If we pool first, three activations out of four need not be computed. For the mean it is *not* the
# same:

# %%
z = ops.conv2d(images[:10, None], np.stack([*kernels.values()])[:, None], flip=False)
for mode in ("max", "mean"):
    difference = abs(sigmoid(pooled_by(mode, z, 2) - 1) - pooled_by(mode, sigmoid(z - 1), 2)).max()  # bias -1
    print(f"{mode:5} largest difference between the two orders: {difference:.4f}")

# %% [markdown]
# ### Gradients
#
# A pooling layer has nothing to learn, but it must pass $\delta$ down to its inputs. For the mean you will do it
# yourself (exercise 3). For the L2 form, $y = \sqrt{\sum x^2}$ over a window, we differentiate:
#
# $$\frac{\partial y}{\partial x_{a}} = \frac{1}{2\sqrt{\sum x^2}} \cdot 2x_{a} = \frac{x_{a}}{y}.$$
#
# (Unless all are zero; there the root has a kink.)
#
# And for the maximum: as long as one entry is larger than the others, a little nudge of it moves $y$ by just as much,
# and a little nudge of another one does nothing. So $\delta$ goes to the winner, undiminished, and the others get
# zero.
#
# To check, take as cost the sum of $t\,y$ with random numbers $t$: then $\delta = t$.

# %%
x = rng.standard_normal((2, 3, 6, 8))
t = rng.standard_normal((2, 3, 3, 4))


def spread(values):  # each pooled number back to the 2 x 2 entries of its window
    return values.repeat(2, axis=2).repeat(2, axis=3)


dx = spread(t) * x / spread(pooled_by("L2", x, 2))
report("L2-pooling", dx, x, lambda: (t * pooled_by("L2", x, 2)).sum())
dx = spread(t) * (x == spread(pooled_by("max", x, 2)))
report("max-pooling", dx, x, lambda: (t * pooled_by("max", x, 2)).sum())

# %% [markdown]
# ## 8. Where numbers are equal
#
# "As long as one entry is larger than the others." And if two are equal? Then the maximum has a kink, like $|x|$ at 0,
# and *no* derivative. Here is such a window, and three answers to what the derivatives of its maximum are.

# %%
window = np.array([[2.0, 2.0], [0.0, 2.0]])
x = window[None, None]
y, one = ops.pool2d(x, 2), np.ones((1, 1, 1, 1))

print("window                ", *window.ravel().astype(int))
print('ties="all"            ', *ops.pool2d_gradient(x, y, one, 2, ties="all").ravel().astype(int))
print('ties="first"          ', *ops.pool2d_gradient(x, y, one, 2, ties="first").ravel().astype(int))
differences = central_differences(lambda: ops.pool2d(x, 2).sum(), x)
print("central differences   ", *differences.ravel().round(2))

step = 0.01
raised = (ops.pool2d(x + step, 2) - y).sum() / step
print(f"all four raised together, the maximum grows {raised:.2f} times as much")
for ties in ("all", "first"):
    claimed = ops.pool2d_gradient(x, y, one, 2, ties=ties).sum()
    print(f"by the gradient with ties={ties!r:8} it should be   {claimed:.2f}")

# %% [markdown]
# The first rule is that of Theano's own code, and ours unless we ask otherwise: *every* entry that equals the maximum
# gets the full $\delta$. It comes naturally to code that asks of each entry "are you the maximum?". The second is that
# of PyTorch's pooling: the first one found, in reading order, gets it, which comes naturally to code that remembers
# *where* the maximum was. The central differences say a half, three times: a nudge up raises the maximum, a nudge down
# leaves it where it is.
#
# A single library may follow several rules. Theano's own code ran on the processor, and on GPUs without NVIDIA's
# library cuDNN. Where it called cuDNN, one entry got all, so that one and the same `network3` could have
# two gradients. TensorFlow's `max_pool` has one winner, but its `reduce_max` gives equal shares: a third rule.
#
# None of them is *the* derivative. But the last lines ask something that has an answer: what if all entries move up
# together? There `"first"` is right, and `"all"` claims three times as much. (Any shares that add up to 1 would do.)
# On the other hand, `"first"` prefers the upper left corner for no reason. So ties could matter. How often do they
# occur?
#
# ### Counted
#
# Pixels are whole multiples of 1/256. If we take filters with whole numbers too, every sum is exact, and "equal"
# means equal. Four such filters, on real digits, pooled by 2 by 2: how many of the four answers of a window share the
# maximum?

# %%
x = images[:n_measured, None]
w1 = rng.integers(-99, 100, (4, 1, 5, 5)).astype(float)


def winners(z):
    y = ops.pool2d(z, 2)
    return sum(z[:, :, k::2, m::2] == y for k in (0, 1) for m in (0, 1))  # (N, F, PH, PW), from 1 to 4


z1 = ops.conv2d(x, w1, flip=False)
counts = np.bincount(winners(z1).ravel(), minlength=5)[1:]
for n, part in enumerate(counts / counts.sum(), start=1):
    print(f"{n} of 4 share the maximum: {part:6.1%} of the windows")
blank = ops.pool2d(x, 6, stride=2) == 0  # a window's four fields cover 6 x 6 pixels
print(f"windows that see only blank paper:            {blank.mean():6.1%}")
elsewhere = (winners(z1) > 1) & (ops.pool2d(z1, 2) != 0)
print(f"windows with a tie at another value than zero: {elsewhere.mean():5.1%}")


# %% [markdown]
# In a quarter of all windows, *all four* are equal. They are the windows over blank paper: each answer there is a sum
# of zeros. Most of the other ties are at zero as well: two or three of a window's fields are blank, and the rest
# answer with something negative. Equal answers to *ink* are rare.
#
# Does it change what is learned? We ask both rules for the gradient of the weights, with $\delta = 1$ for every pooled
# number. And how much $\delta$ in all would a bias receive that is added before the pooling, as the book's text has it?
# Raise such a bias by a little, and every pooled number rises by as much, so we know what is right: 1 for each.

# %%
def both(x, w, z):
    y = ops.pool2d(z, 2)
    dz = [ops.pool2d_gradient(z, y, np.ones(y.shape), 2, ties=ties) for ties in ("all", "first")]  # delta = 1
    return dz, [ops.conv2d_gradients(x, w, d, flip=False)[1] for d in dz]


def relative(pair):
    return np.linalg.norm(pair[0] - pair[1]) / np.linalg.norm(pair[1])


dz, dw = both(x, w1, z1)
print(f"weights' gradients: the rules differ by {relative(dw):.1%} of their length")

n_pooled = z1.size / 4
nudge = 0.001
by_nudge = (ops.pool2d(z1 + nudge, 2) - ops.pool2d(z1, 2)).sum() / nudge
print("delta for a bias in front of the pooling, for each pooled number:")
for name, total in [("by a nudge", by_nudge), ("ties='all'", dz[0].sum()), ("ties='first'", dz[1].sum())]:
    print(f"    {name:13} {total / n_pooled:.2f}")

# %% [markdown]
# The gradient of a weight is $\delta$ times the pixel that it meets, and over blank paper that pixel is 0: it does
# not matter how many answers get the $\delta$. A bias in front of the pooling is another matter: by the rule `"all"`
# it hears about every blank window four times. But network3 adds its bias *behind* the pooling, where it gets the
# $\delta$ of each pooled number once, whatever the rule. An order of operations that saves time also keeps its
# program safe.
#
# And in a *second* layer, where blank paper has turned into some constant other than zero? Let the first one add a
# bias, and put filters on top, of 5 by 5 as in the book, or smaller. (All numbers stay multiples of 1/256, through a
# ReLU too, so "equal" still means equal.)

# %%
a1 = np.maximum(ops.pool2d(z1, 2) + 100, 0)
for size in (5, 3, 1):
    w2 = rng.integers(-99, 100, (4, 4, size, size)).astype(float)
    z2 = ops.conv2d(a1, w2, flip=False)
    tied = (winners(z2) > 1).mean()
    _, dw2 = both(a1, w2, z2)
    print(f"{size} x {size} filters, windows that see {2 * (size + 1) + 4:2} pixels across: {tied:5.1%} of them tie, "
          f"the weights' gradients differ by {relative(dw2):.1%}")
print(f"first layer, with a ReLU in front of the pooling: {(winners(np.maximum(z1, 0)) > 1).mean():.1%} tie")

# %% [markdown]
# With the book's filters of 5 by 5 nothing ties: a window of the second layer looks at 16 by 16 pixels, and nowhere
# beside our digits is there so large a square of blank paper. (With a bias that keeps most of the first layer silent
# there would be ties again; but where everything that a weight meets is silent, it learns nothing by either rule.)
# With smaller filters there are ties, and then the two rules give the weights different gradients. So it depends on
# the architecture. And it depends on the order: elsewhere the ReLU mostly comes *before* the pooling. The last line
# shows how many windows of the first layer tie then: all those in which nothing is above zero. (The $\delta$ that
# they receive, once or four times, ends at the ReLU.) Two lessons remain: when two libraries give different gradients
# for the same network, look for equal numbers before you look for a bug; and central differences are to be trusted
# only where there is no kink.
#
# ## 9. A whole network, and what it sees
#
# This is the network of the book's drawings: an image, three feature maps, pooled, and ten output neurons that read all
# that is left.
#
# In its experiments the book has at least twenty maps. Can a network read with three? (`init="corrected"` draws the
# first weights the smaller, the more inputs a neuron has; notebook 05 says why.)

# %%
figure, axis = plt.subplots(figsize=(9, 2.8))
plotting.layers(axis, [(1, 28, 28), (n_filters, 24, 24), (n_filters, 12, 12), (10,)], [(5, 5), (2, 2), None],
                captions=["image", "feature maps", "pooled", "outputs"])
plt.show()



def three_filters():
    return Network([
        ConvPoolLayer(image_shape=(mini_batch_size, 1, 28, 28), filter_shape=(n_filters, 1, 5, 5), poolsize=(2, 2),
                      activation_fn=sigmoid, init="corrected"),
        SoftmaxLayer(n_in=n_filters * 12 * 12, n_out=10)],
        mini_batch_size, seed=seed, device=device, dtype=dtype)


net = three_filters()
history = net.SGD(training_data, epochs, mini_batch_size, eta, validation_data, None, verbose=False)

print("parameters:", " + ".join(f"{sum(p.size for p in layer.params):,}" for layer in net.layers))
print("validation accuracy after the first epoch and the last:",
      ", ".join(f"{history.validation_accuracy[epoch]:.0%}" for epoch in (0, -1)))


# %% [markdown]
# Seventy-eight numbers in three filters, and a softmax layer on what they say, read all but a few of a hundred digits.
# Is that the filters' merit? We ask two others: a softmax layer that reads the pixels themselves, and one on top of
# the three filters as they were drawn at random, before any training.

# %%
def features(net):  # training and validation images as the softmax layer of that network reads them
    read = []
    for x in (training_data.x, validation_data.x):
        parts = []
        for start in range(0, len(x), 100):
            net.forward(x[start : start + 100])
            parts.append(to_host(net.layers[0].output).reshape(-1, n_filters * 144).copy())
        read.append(np.concatenate(parts))
    return read


def softmax_on(x_training, x_validation):
    top = Network([SoftmaxLayer(x_training.shape[1], 10)], mini_batch_size, seed=seed, device=device, dtype=dtype)
    top.SGD((x_training, training_data.y), epochs, mini_batch_size, eta, None, None, verbose=False)
    return top.accuracy((x_validation, validation_data.y))


begun = three_filters()
print(f"softmax on the pixels:         {softmax_on(training_data.x, validation_data.x):.0%}")
print(f"softmax on the random filters: {softmax_on(*features(begun)):.0%}")
print("correlation of each learned filter with the random one:", " ".join(
    f"{np.corrcoef(to_host(before).ravel(), to_host(after).ravel())[0, 1]:.2f}"
    for before, after in zip(begun.layers[0].w, net.layers[0].w)))

# %% [markdown]
# The pixels alone do as well: these digits are small and neat. On MNIST it is different, as notebook 05 shows; here we
# train filters to see what becomes of them. Training did make something of them: on what the random ones say, a
# softmax layer gets less far in the same number of epochs. And it kept a good part of what it found, as the
# correlations tell.
#
# What do the three look for? Here they are, *turned* (the layer convolves), so that each picture shows the patch it is
# looking for: dark where it wants ink, light where it wants paper.
#
# Below them are their maps, before pooling, for three digits, each map on a scale of its own, with 0 in grey. In each
# map a frame marks the strongest answer; a frame of the same colour marks the patch of the digit that it is the
# answer to. (Filter 0 has the widest frames, so that it can be seen where another has chosen nearly the same patch.)

# %%
layer = net.layers[0]
kernels_learned = to_host(layer.w)[:, 0, ::-1, ::-1].astype(float)
plotting.filters(kernels_learned, captions=[f"filter {f}" for f in range(n_filters)], cell=1.2)
plt.show()

shown = validation_data.x.reshape(-1, 28, 28)[[0, 3, 4]].astype(float)
answers = ops.conv2d(shown[:, None], kernels_learned[:, None], flip=False)  # (3, F, 24, 24)
widths = np.linspace(4.5, 1.5, n_filters)  # of the frames on the digits
figure, axes = plt.subplots(3, 1 + n_filters, figsize=(1.7 * (1 + n_filters), 5.4), layout="constrained")
for (first, *others), image, maps_of_image in zip(axes, shown, answers):
    best = [divmod(int(answer.argmax()), 24) for answer in maps_of_image]
    plotting.grid(first, image, fields=[(row, column, 5, 5) for row, column in best])
    for frame, wide in zip(first.patches, widths):
        frame.set_linewidth(wide)
    for f, (axis, answer, (row, column)) in enumerate(zip(others, maps_of_image, best)):
        fields = [None] * f + [(row, column, 1, 1)]  # a colour for each filter
        plotting.grid(axis, answer, fields=fields, title=f"filter {f}")
        axis.patches[-1].set_linewidth(3)
plt.show()

# %% [markdown]
# To get to know a filter it is best to ask for its favourites: of all patches of 5 by 5 pixels in the training images,
# those that it answers most strongly, at most one from an image. A row for each filter: itself, the mean of its fifty
# favourites, and the first eight of them.
#
# Which patch *could* excite a filter most? Each pixel is between 0 and 1, so the best that a patch can do is full ink
# under every positive weight, and paper under every negative one: the answer is then the sum of the positive weights.
# How near to that do real strokes come, and how much do the favourites look like the filter? For the likeness we take
# the correlation between the 25 weights and the 25 mean pixels: 1 is equal up to scale and shift, 0 is nothing in
# common.

# %%
patches = np.lib.stride_tricks.sliding_window_view(images[:n_measured], (5, 5), axis=(1, 2))  # (N, 24, 24, 5, 5)
answers = ops.conv2d(images[:n_measured, None], kernels_learned[:, None], flip=False).reshape(-1, n_filters, 576)


def favourites(f, n):
    best = answers[:, f].max(axis=1).argsort()[::-1][:n]
    row, column = np.divmod(answers[best, f].argmax(axis=1), 24)
    return patches[best, row, column]


as_wanted = 0.5 + 0.5 * kernels_learned / abs(kernels_learned).max(axis=(1, 2), keepdims=True)  # 0 is grey
rows = [np.stack([as_wanted[f], favourites(f, 50).mean(axis=0), *favourites(f, 8)]) for f in range(n_filters)]
captions = [caption for f in range(n_filters) for caption in (f"filter {f}", "mean", *range(1, 9))]
plotting.images(np.concatenate(rows), captions, columns=10, cell=0.7)
plt.show()

for f, kernel in enumerate(kernels_learned):
    possible = kernel[kernel > 0].sum()
    likeness = np.corrcoef(kernel.ravel(), favourites(f, 50).mean(axis=0).ravel())[0, 1]
    print(f"filter {f}: strongest answer {answers[:, f].max() / possible:.0%} of the possible, likeness {likeness:.2f}")

# %% [markdown]
# Compare the rows. The favourites of filter 0 are lower left edges of strokes, those of filter 1 upper edges, those of
# filter 2 lower ones. The ruler-straight lines are not handwriting: our digits were enlarged from 8 by 8 pixels until
# they fill 20 rows, and most of them ended in the first and the last row of the eight.
#
# The numbers add two things. What the filters ask for does occur: the strongest answers reach 86 to 98 % of the
# possible. (For that, ink must lie under the large positive weights and paper under the large negative ones; of the
# small weights it says little.) And the favourites look like their filter, those of filter 0 almost exactly (0.96).
# The other two filters have finer patterns than a straight edge; but of all that our digits have to offer, a straight
# edge excites them most (0.77 and 0.85).
#
# A favourite is an extreme, though. What does a filter say the rest of the time? Its answer to blank paper is 0, and to
# plain ink it is the sum of the weights. And we can compare its answers at *all* places with those of filters that we
# understand: `upper_edge` upside down, the left edge, and the mean. For each we take the correlation again; and the
# output of the neuron, $\sigma(b + y)$, on blank paper and at the strongest answer.

# %%
known = {"lower edge": -upper_edge, "left edge": kernels["left edge"], "mean": kernels["mean"]}
others = ops.conv2d(images[:n_measured, None], np.stack([*known.values()])[:, None], flip=False)
biases = to_host(layer.b).astype(float)

print("          sum of   correlation with                 output on blank paper,")
print("          weights ", *(f"{name:>10}" for name in known), "     and at the strongest")
for f, kernel in enumerate(kernels_learned):
    alike = [np.corrcoef(answers[:, f].ravel(), others[:, g].ravel())[0, 1] for g in range(len(known))]
    outputs = sigmoid(biases[f] + np.array([0, answers[:, f].max()]))
    print(f"filter {f}  {kernel.sum():7.1f} ", *(f"{round(a, 1) + 0:10.1f}" for a in alike), "    ",
          *(f"{output:9.2f}" for output in outputs))


# %% [markdown]
# Filter 0 looks for the lower left edge of a stroke: its weights nearly cancel, so plain paper and plain ink leave it
# cold. Filter 2 prefers lower edges, and has something against ink as such. Filter 1 is of another kind: its weights
# add up to $-9$, and its map is nearly the negative of the (blurred) digit. It says where there is no ink. Its neuron
# is nearly on (0.87) over blank paper already, and upper edges, its favourites, take it only a little further.
# Favourites tell what excites a filter most, not all that it tells the layer above.
#
# Nobody told the network about edges, or about paper. Gradient descent, which does nothing but lower the cost, made
# these out of random numbers. From other random numbers it makes others: with the seeds that we tried, each filter was
# some mixture of an edge and of paper.
#
# ## 10. Fast
#
# The layer that has just been trained computed all this, but not by our loops. Three things make the difference.
#
# **Pool first.** We have seen it: bias and activation for one number of each window only.
#
# **The mini-batch goes innermost.** Arrays inside a layer are (C, H, W, N): the numbers that are next to each other in
# memory belong to different images, and the same is to be done to all of them. Copying patches, taking maxima, adding
# gradients: each becomes a run over neighbouring numbers, which is what processors are built for.
#
# **The pooling window is folded into the product.** The four answers of a window look at four fields which overlap. All
# of them lie within 6 by 6 pixels. So cut patches of 6 by 6, one for each *window*, and make four filters of 6 by 6 out
# of each filter, by putting it into the four corners, with zeros around:

# %%
def folded(kernel):
    corners = np.zeros((2, 2, 6, 6))
    for s in range(2):
        for t in range(2):
            corners[s, t, s : s + 5, t : t + 5] = kernel
    return corners.reshape(4, 6, 6)


plotting.filters(folded(kernels_learned[0]), captions=["answer (0, 0)", "answer (0, 1)", "(1, 0)", "(1, 1)"], cell=1.2)
plt.show()


# %% [markdown]
# One product of these with the columns gives all four answers of every window, in four blocks, and pooling is the
# maximum of four blocks.
#
# Is that a good deal? There are a quarter of the patches, each of 36 pixels in place of 25, and each is multiplied
# with four times as many filters; the last lines below count what becomes of that. First the whole of it, for images
# of one map, forward:

# %%
def answers_folded(x, kernels):  # x (H, W, N), mini-batch innermost; kernels (F, 5, 5)
    H, W, N = x.shape
    PH, PW = (H - 4) // 2, (W - 4) // 2
    columns = np.empty((6, 6, PH, PW, N))
    for k in range(6):
        for m in range(6):
            columns[k, m] = x[k : k + 2 * PH : 2, m : m + 2 * PW : 2]
    rows = np.stack([folded(kernel) for kernel in kernels], axis=1).reshape(-1, 36)  # (4 * F, 36)
    return (rows @ columns.reshape(36, -1)).reshape(4, len(kernels), PH, PW, N), columns.reshape(36, -1)


def conv_pool_folded(x, kernels):
    answers, _ = answers_folded(x, kernels)
    return answers.max(axis=0)  # (F, PH, PW, N)


batch = images[:10]
fast = conv_pool_folded(batch.transpose(1, 2, 0), kernels_learned)
plain = ops.pool2d(ops.conv2d(batch[:, None], kernels_learned[:, None], flip=False), 2)
turned = kernels_learned[:, None, ::-1, ::-1]  # conv_pool turns its filters, as network3 does
layers_own, _ = ops.conv_pool(batch.transpose(1, 2, 0)[None], turned, (2, 2))
print(f"largest difference from conv2d, then pool2d: {abs(fast.transpose(3, 0, 1, 2) - plain).max():.9f}")
print(f"largest difference from ops.conv_pool:       {abs(fast - layers_own).max():.9f}")


# %% [markdown]
# The way back is short. Each $\delta$ goes into the block, of the four, whose answer won; one product with the columns
# gives the gradient of the four filters of 6 by 6; and since these are one filter in four places, we cut out the four
# places and add them up. (The gradient of the inputs, which a first layer does not need, is the other product, added
# patch by patch as in `from_columns`.)

# %%
def filter_gradient_folded(x, kernels, delta):  # delta (F, PH, PW, N)
    answers, columns = answers_folded(x, kernels)
    to_the_winners = (answers == answers.max(axis=0)) * delta  # (4, F, PH, PW, N)
    blocks = (to_the_winners.reshape(-1, columns.shape[1]) @ columns.T).reshape(2, 2, len(kernels), 6, 6)
    return sum(blocks[s, t, :, s : s + 5, t : t + 5] for s in range(2) for t in range(2))


noise = rng.random((28, 28, 3))  # no two answers are equal there, see section 8
t = rng.standard_normal((n_filters, 12, 12, 3))  # the cost is the sum of t times the pooled answers
w = kernels_learned.copy()
dw = filter_gradient_folded(noise, w, t)
report("filters, folded", dw, w, lambda: (t * conv_pool_folded(noise, w)).sum())

print(f"multiplications: {4 * 36 * 144 / (25 * 576):.2f} times as many")
print(f"numbers copied into columns: {36 * 144 / (25 * 576):.2f} times as many")

# %% [markdown]
# More arithmetic, less traffic. Whether that pays depends on how long the columns are: 25 numbers in a first layer,
# 500 in a second one that reads 20 maps. So `ops.conv_pool`, which our layers use, folds for short columns and does
# not for long ones. (In our runs folding saved a sixth in the first layer, and cost nearly half as much again in the
# second.) Here are the times on the machine at hand, forward, for one mini-batch of 10 images: a first layer of 20
# filters in all forms, and a second one of 40. (They will differ on yours, and from run to run. The loops are timed
# on a hundredth of the work. `blas_threads` lets the product use as many processor cores as suit so small a
# mini-batch.)

# %% tags=["nbval-ignore-output"]
import timeit

w20, w40 = rng.standard_normal((20, 1, 5, 5)), rng.standard_normal((40, 20, 5, 5))
outer, inner = batch[:, None], np.ascontiguousarray(batch.transpose(1, 2, 0)[None])  # (N, C, H, W), (C, H, W, N)
second, work = rng.random((20, 12, 12, 10)), Workspace(np)
turned20 = np.ascontiguousarray(w20[:, :, ::-1, ::-1])  # for the first two: our own forms do not turn, the others do


def fused(x, w, fold):
    return lambda: ops.conv_pool(x, w, (2, 2), work, fold=fold)


contenders = {
    "loops": lambda: [max_pool_loops(y, 2, 2) for y in convolve_loops(outer[:1], turned20[:2])[0]],
    "columns, image by image": lambda: ops.pool2d(convolve_product(outer, turned20), 2),
    "ops.conv2d, then ops.pool2d": lambda: ops.pool2d(ops.conv2d(outer, w20), 2),
    "conv_pool": fused(inner, w20, fold=False), "conv_pool, folded": fused(inner, w20, fold=True),
    "conv_pool, second layer": fused(second, w40, fold=False),
    "conv_pool, second layer, folded": fused(second, w40, fold=True)}
with blas_threads(10):
    for name, run in contenders.items():
        repeat, parts = (1, 100) if name == "loops" else (30, 1)
        print(f"{name:32} {1000 * parts * min(timeit.repeat(run, number=1, repeat=repeat)):10.2f} ms")

# %% [markdown]
# The first five lines are the same sums. The loops lose by a factor in the thousands, from columns to folded columns
# more and more; but nearly all of it is Python itself, which interprets every single multiplication. We have also
# written the same loops in C: they took between 1 ms and 0.15 ms, depending on how the compiler was told to optimise
# (gcc, from `-O1` to `-O3 -march=native`). So a good compiler finds by itself much of what product, layout and folding
# bring; what is left to them is a small factor, and that they can be had from Python.
#
# ## Exercises
#
# Write your answer into a new cell, under the name that the exercise gives it, and run the check. Do not run
# the solution, which is folded away: it would put its own answer under that name. (`netlib exercises 04` writes a copy
# without solutions.)
#
# **Exercise 1 (easy).** *Shapes.* A colour image of 33 by 33 pixels has three maps. It goes through 16 filters of 5
# by 5 (stride 1, no border), then through max-pooling by 2 by 2, which leaves out a last row and column that fill no
# window. What is the shape of the output of one image, as (maps, rows, columns)? How many parameters has the layer?
# Put them into `shape` and `n_parameters`.

# %% jupyter={"source_hidden": true} tags=["solution"]
shape = (16, 14, 14)
n_parameters = 16 * (3 * 5 * 5 + 1)

# %% tags=["check"]
colour_layer = ConvPoolLayer(image_shape=(None, 3, 33, 33), filter_shape=(16, 3, 5, 5), poolsize=(2, 2))
n_out = int(np.prod(colour_layer.output_shape))
colour_net = Network([colour_layer, SoftmaxLayer(n_in=n_out, n_out=10)], 10, device=device)
assert np.shape(shape) == (3,), "shape: three numbers, (maps, rows, columns), for instance (3, 33, 33)"
assert tuple(shape) == colour_layer.output_shape, "33 - 5 + 1 places, then whole windows of two, one map a filter"
assert n_parameters == sum(p.size for p in colour_layer.params), "a filter has weights for each input map, and one bias"

# %% [markdown]
# **Exercise 2 (easy).** *A filter that moves.* Find weights `mover` of 3 by 3 such that `ops.conv2d(..., border="half",
# flip=False)` moves an image one pixel to the *right* and leaves it otherwise as it is. And `mover_turned`, which
# does the same with `flip=True`.

# %% jupyter={"source_hidden": true} tags=["solution"]
mover = np.array([[0, 0, 0], [1, 0, 0], [0, 0, 0]])  # each answer is the pixel to the left of it
mover_turned = mover[::-1, ::-1]

# %% tags=["check"]
to_the_right = np.roll(digit, 1, axis=1)
for name, weights, flip in [("mover", mover, False), ("mover_turned", mover_turned, True)]:
    assert np.shape(weights) == (3, 3), f"{name}: expected weights of shape (3, 3), got {np.shape(weights)}"
    weights = np.asarray(weights, float).reshape(1, 1, 3, 3)
    result = ops.conv2d(digit[None, None], weights, border="half", flip=flip)[0, 0]
    assert np.allclose(result, to_the_right), f"{name}: each answer should be the pixel one to the left of its place"


# %% [markdown]
# **Exercise 3 (medium).** *Mean-pooling, backwards.* Write `mean_pool_gradient(dy, P, Q)`, which takes the gradient
# with respect to the output of a mean-pooling by P by Q, of shape (N, C, PH, PW), and returns that with respect to
# the input, of shape (N, C, P * PH, Q * PW).

# %% jupyter={"source_hidden": true} tags=["solution"]
def mean_pool_gradient(dy, P, Q):
    return dy.repeat(P, axis=2).repeat(Q, axis=3) / (P * Q)


# %% tags=["check"]
draw = np.random.default_rng(3)
for P, Q in [(2, 2), (3, 2), (1, 4)]:
    x, t = draw.standard_normal((2, 2, 2 * P, 3 * Q)), draw.standard_normal((2, 2, 2, 3))
    size = {"window": (P, Q), "mode": "average_inc_pad"}  # Theano's name for the mean, the border's zeros included
    expected = central_differences(lambda t=t, x=x, size=size: (t * ops.pool2d(x, **size)).sum(), x)
    computed = mean_pool_gradient(t.copy(), P, Q)
    assert np.shape(computed) == x.shape, f"{P} x {Q}: the shape should be {x.shape}, not {np.shape(computed)}"
    assert np.allclose(computed, expected, atol=1e-6), f"{P} x {Q}: each entry moves the mean by 1 / {P * Q} of its own"


# %% [markdown]
# **Exercise 4 (medium).** *Three after three sees five.* Two layers of 3 by 3 filters, one on top of the other,
# without an activation function in between, are one layer of 5 by 5. Write `composed(first, second)`, which makes the 5
# by 5 filter from the two, such that `correlate(correlate(image, first), second)` equals `correlate(image,
# composed(first, second))`. Then: two such filters have 18 weights, the one has 25. Can every 5 by 5 filter be had that
# way? (Put True or False into `every`.)

# %% jupyter={"source_hidden": true} tags=["solution"]
def composed(first, second):
    both = np.zeros((5, 5))
    for k, m in np.ndindex(3, 3):
        both[k : k + 3, m : m + 3] += second[k, m] * first  # the second looks at the first's answer at (k, m)
    return both


every = False  # 18 numbers cannot describe all choices of 25

# %% tags=["check"]
draw = np.random.default_rng(4)
first, second = draw.integers(-4, 5, (2, 3, 3)).astype(float)
image = draw.integers(0, 9, (9, 8)).astype(float)
result = np.asarray(composed(first.copy(), second.copy()), float)
assert result.shape == (5, 5), f"expected 5 by 5 weights, not {result.shape}"
assert np.allclose(correlate(image, result), correlate(correlate(image, first), second)), "try a single bright pixel"
assert isinstance(every, (bool, np.bool_)), "every: True or False"
assert not every, "count what can be chosen on each side"


# %% [markdown]
# With an activation function between them the two layers are no longer one, and see 5 by 5 all the same: this is how
# deep networks get by with small filters.

# %% [markdown]
# **Exercise 5 (harder).** *The book's problem.* In the book's chapter 2 there are [four equations of
# backpropagation](http://neuralnetworksanddeeplearning.com/chap2.html#backpropsummary), for fully connected layers.
# With $z^l$ for the weighted inputs of layer $l$, $a^l = \sigma(z^l)$, and $\delta^l$ for the gradient of the cost with
# respect to $z^l$, they are, for one image,
#
# $$\delta^L = \frac{\partial \mathcal{C}}{\partial a^L} \odot \sigma'(z^L), \quad
# \delta^l = (w^{l+1})^T \delta^{l+1} \odot \sigma'(z^l), \quad
# \frac{\partial \mathcal{C}}{\partial b^l} = \delta^l, \quad
# \frac{\partial \mathcal{C}}{\partial w^l} = \delta^l (a^{l-1})^T,$$
#
# where $\odot$ multiplies entry by entry, and $L$ is the last layer. Chapter 6 asks: what becomes of them in a
# network with a convolutional layer, a max-pooling layer and a fully connected output layer, like that of section 9?
# Work it out, and write `backpropagate(x, y, w1, b1, w2, b2)` for that network: x are images (N, 1, 28, 28), y labels
# (N,), w1 (F, 1, 5, 5), w2 (144 F, 10), and it returns the gradients of the mean cost with respect to w1, b1, w2, b2.
# (The cost is $-\ln p$ of the right digit. With softmax outputs $p$, its gradient with respect to their weighted
# inputs, which are the numbers that go into the softmax, is $p_j - 1$ for the right digit and $p_j$ for the others. The
# activation function is the sigmoid; its derivative is $\sigma' = \sigma (1 - \sigma)$. The layer turns its filters,
# pools, and only then adds the bias. In the book's order, bias and activation function first, ties get in the way: see
# section 8.)

# %% jupyter={"source_hidden": true} tags=["solution"]
def backpropagate(x, y, w1, b1, w2, b2):
    z = ops.conv2d(x, w1)
    pooled = ops.pool2d(z, 2)
    a = sigmoid(pooled + b1[:, None, None])
    flat = a.reshape(len(x), -1)
    scores = flat @ w2 + b2
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)

    delta = (p - np.eye(10)[y]) / len(x)  # at the weighted inputs of the output neurons
    dw2, db2 = flat.T @ delta, delta.sum(axis=0)
    d_pooled = (delta @ w2.T).reshape(a.shape) * a * (1 - a)  # through the activation
    db1 = d_pooled.sum(axis=(0, 2, 3))
    dz = ops.pool2d_gradient(z, pooled, d_pooled, 2)  # to the winners
    dw1 = ops.conv2d_gradients(x, w1, dz)[1]
    return dw1, db1, dw2, db2


# %% tags=["check"]
inputs, labels = images[:10, None], training_data.y[:10]
expected = [to_host(gradient) for gradient in net.gradients((inputs, labels))]
computed = backpropagate(inputs, labels, *(to_host(parameter).astype(float) for parameter in net.params))
assert isinstance(computed, tuple), "return four gradients: dw1, db1, dw2, db2"
for name, ours, right in zip(["w1", "b1", "w2", "b2"], computed, expected):
    assert np.shape(ours) == right.shape, f"{name}: the shape should be {right.shape}, not {np.shape(ours)}"
    error = np.abs(ours - right).max() / np.abs(right).max()  # room for either rule on ties
    hint = "; pool before you add the bias, or see section 8 on ties" if name == "b1" else ""
    assert error < 0.01, f"{name}: off by {error:.0%} of its largest entry{hint}"

# %% [markdown]
# ## What we have seen
#
# - A convolutional layer asks one question at every place. Local fields save parameters and multiplications alike, a
#   factor of some 30; sharing the weights saves another 576 in parameters, and not one multiplication.
# - Convolution and cross-correlation differ by turning the filter, which learning does not notice. Where the forward
#   pass does the one, the gradient of the inputs does the other.
# - The gradient of a weight gathers, from all places, what it met times the $\delta$ of the answer there. Each
#   gradient here was derived on paper and agrees with central differences.
# - Max-pooling sends the gradient to the winner. Where there are several, libraries disagree; on our digits more than a
#   quarter of the windows tie, and in the order of the book's program it changes almost nothing (0.1 % of the gradient,
#   with random filters), for reasons that one can name.
# - Three filters became, with this seed, one that looks for an edge, one that mostly does so, and one for blank paper;
#   nobody asked for any of them. (These small digits can be read without any filter, too.)
# - A convolution is a matrix product of patches. It is thousands of times as fast as loops in Python, which says more
#   about Python than about the product.
#
# ## In practice
#
# - Check every gradient that you write against central differences, in float64, with unequal sizes, at a point without
#   kinks.
# - Count shapes before you build: $H - KH + 1$, then divided by the window.
# - Before you compare filters between libraries, find out which of them turns.
# - Use `ops.conv2d` and `ops.pool2d` where you want any stride and border, and a `ConvPoolLayer` where you want speed.
#
# ## Further reading
#
# - Nielsen, [chapter 6](http://neuralnetworksanddeeplearning.com/chap6.html#introducing_convolutional_networks): local
#   receptive fields, shared weights, pooling; and
#   [chapter 2](http://neuralnetworksanddeeplearning.com/chap2.html): the equations of backpropagation.
# - V. Dumoulin and F. Visin, [A guide to convolution arithmetic for deep learning](https://arxiv.org/abs/1603.07285),
#   2016: strides and borders in pictures, for every combination.
# - Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, [Gradient-based learning applied to document
#   recognition](http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf), Proceedings of the IEEE 86, 1998.
# - In this package: `ops/naive.py` for the loops, `ops/convolution.py` and `ops/pooling.py` for the general forms,
#   `ops/fused.py` for the fast one, forward and backward.
