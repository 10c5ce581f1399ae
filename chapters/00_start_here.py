# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here
#
# In a few minutes and a few dozen lines we teach a computer to read handwritten digits. The network that does it
# has the shape that this whole series works towards: a *convolutional layer* that looks at small patches of an
# image, a *fully connected layer* that puts together what was seen, and a *softmax layer* that says how likely each
# digit is. It comes from chapter 6 of Michael Nielsen's book
# [Neural Networks and Deep Learning](http://neuralnetworksanddeeplearning.com/chap6.html), whose program
# `network3.py` lives again here as a small package, `netlib`.
#
# **You will build** a network from the book's own listing, train it, look inside it, and have it read a digit that
# you drew yourself.
#
# **You will learn**
# - what a network is made of, and how to count its parameters;
# - what a step of training does to it, and how to tell from two curves whether training works;
# - how far a measured accuracy can be trusted;
# - how to run this notebook, and every other one, with other numbers than ours.
#
# **You need** some Python, and the idea of a derivative. Nothing about neural networks: every term is explained
# where it first appears, and what deserves a longer argument is marked as such and gets a notebook of its own.

# %% tags=["nbval-ignore-output"]
import platform

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import netlib
from netlib import data, ops, plotting
from netlib.uncertainty import wilson_interval

print(f"netlib {netlib.__version__}, Python {platform.python_version()}")
print(f"NumPy {np.__version__}, matplotlib {matplotlib.__version__}")

# %% [markdown]
# The next cell holds every number that you may want to change. The values there run in seconds on any computer.
# From a terminal, `netlib run 00 -p epochs 30` runs the notebook with another one, without touching this file.

# %% tags=["parameters"]
dataset = "digits"  # the data to learn from
device = "cpu"  # where to compute: "cpu", "gpu", or "auto" for the GPU where there is one
dtype = "float64"  # precision of all numbers: "float32" is faster
seed = 1  # decides everything that is random
n_filters = 20  # patterns that the convolutional layer looks for
n_hidden = 100  # neurons in the fully connected layer
p_dropout = 0.5  # part of the fully connected layer's inputs that is silent in each training step
mini_batch_size = 10  # images in a training step
eta = 0.05  # learning rate: how far a step goes
epochs = 16  # how often training goes through all images

# %%
plt.style.use("netlib.mplstyle")
side = 28  # pixels along the edge of an image
n_pooled = n_filters * 12 * 12  # numbers that leave the convolutional layer, as we shall see

# %% [markdown]
# ## Handwriting, as numbers
#
# Our data are 1,797 digits written by many hands
# ([where they are from](https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits)). They
# come with the package, so nothing is downloaded. Each one is a picture of 28 by 28 pixels and a *label*, the digit
# that the writer meant.
#
# They come as three sets. The network learns from the *training data*. We watch its progress on the *validation
# data*, which it never learns from. And we keep the *test data* for one honest look at the end.

# %%
training_data, validation_data, test_data = data.load(dataset)

for name, (x, y) in [("training", training_data), ("validation", validation_data), ("test", test_data)]:
    print(f"{name:10}  images {x.shape}   labels {y.shape}   pixels from {x.min():.0f} to {x.max():.3f}")

# %% [markdown]
# An image arrives as a row of 784 numbers, pixel after pixel: 0 is paper, and the nearer to 1, the darker the ink.
# The largest value is 255/256, because a byte ends at 255 and the book divides by 256. Here are the first twenty
# training images with their labels.

# %%
x, y = training_data
plotting.images(x[:20].reshape(-1, side, side), captions=y[:20])
plt.show()

# %% [markdown]
# A person reads these without thinking. Now try to write down how: what, in terms of 784 numbers, makes a 4 a 4?
# Every rule has an exception a few pictures on. So we shall not write rules. We shall write a function with very
# many adjustable numbers in it, and let the examples adjust them.
#
# ## A network, layer by layer
#
# The function is put together from *neurons*. A neuron takes some numbers $x_1, x_2, \ldots$, multiplies each by a
# *weight*, adds a *bias*, and passes the sum through a fixed *activation function* $f$:
#
# $$ \text{output} = f(w_1 x_1 + w_2 x_2 + \cdots + b). $$
#
# Ours will use the *rectified linear unit*, $f(z) = \max(0, z)$, ReLU for short: a neuron either has something to
# say, or is silent. The weights and biases are the adjustable numbers, the network's *parameters*. Neurons that do
# the same job at the same stage form a *layer*, and a network is layers in a row, each reading what the one before
# it wrote. The book's listing builds ours like this:

# %%
from netlib.network3 import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer


def build():
    return Network([
        ConvPoolLayer(filter_shape=(n_filters, 1, 5, 5),
                      image_shape=(mini_batch_size, 1, side, side),
                      poolsize=(2, 2), activation_fn=ReLU),
        FullyConnectedLayer(n_in=n_pooled, n_out=n_hidden, activation_fn=ReLU, p_dropout=p_dropout),
        SoftmaxLayer(n_in=n_hidden, n_out=10)],
        mini_batch_size, seed=seed, device=device, dtype=dtype)  # fmt: skip


net = build()

# %% [markdown]
# Three layers, three ideas:
#
# 1. The **convolutional layer** has twenty *filters*, each a patch of 5 by 5 weights. A filter slides over the image
#    and at every place asks: how much does this patch look like me? With 28 pixels in a row, a 5-wide window fits in
#    24 places, so each filter turns the image into a map of 24 by 24 answers. *Pooling* then keeps only the largest
#    of every 2 by 2 neighbouring answers, which leaves 12 by 12: what was seen matters more than the exact pixel
#    where it was seen.
# 2. The **fully connected layer** has 100 neurons, and each reads all the answers of all the filters.
# 3. The **softmax layer** has one neuron for each digit. Its activation function makes ten numbers that are positive
#    and sum to 1, so that we may read them as probabilities.
#
# Let us send one image through and look at the shape of what comes out of each layer. The first axis counts images.

# %%
net.forward(x[:1])

print(f"{'input':22} {(1, 1, side, side)}")
for layer in net.layers:
    print(f"{type(layer).__name__:22} {layer.output.shape}")

# %% [markdown]
# ### Where the parameters are
#
# A filter has $5 \times 5$ weights and one bias, and it uses the same ones at all its 576 places. This sharing is the
# great economy of convolution:

# %%
for layer in net.layers:
    n_weights, n_biases = layer.w.size, layer.b.size
    print(f"{type(layer).__name__:22} {n_weights:8,} weights + {n_biases:4} biases")
print(f"{'in all':22} {sum(p.size for p in net.params):8,} parameters")

# %% [markdown]
# Twenty filters cost 520 parameters. The book makes the same count, and sets against it a fully connected layer of
# only 30 neurons on the same image, which costs $784 \times 30 + 30 = 23{,}550$. Our own fully connected layer shows
# what the economy is worth: nearly all parameters are there.
#
# ### Before it has learned anything
#
# The weights start as random numbers, except in the softmax layer, where they start at zero. So an untrained network
# must find all ten digits equally likely, whatever it is shown:

# %%
print("probabilities of the ten digits:", net.predict_proba(x[:1]).round(3)[0])
print(f"validation accuracy: {net.accuracy(validation_data):.1%}")

# %% [markdown]
# It answers "0" every time (where all are equal, the first one wins), and one digit in ten is a 0.
#
# ## Learning
#
# To learn, the network needs to be told how wrong it is. Look at the probability $p$ that it gave to the *right*
# digit. If $p$ is near 1, fine; the smaller it is, the worse. The *cost* of an image is $-\ln p$, which is 0 for
# $p = 1$ and grows without bound as $p$ goes to 0; the cost of many images is the mean. For a network that gives
# every digit one tenth, we can say what it must be:

# %%
print(f"cost measured {net.cost(training_data):.4f}   -ln(1/10) = {np.log(10):.4f}")

# %% [markdown]
# Now comes the one idea that makes it all work. The cost depends on every one of the parameters, and smoothly (but
# for the kink of the ReLU). So for each parameter there is a derivative: how fast the cost grows if that one number
# grows. All of them together are the *gradient*, and if we change every parameter a little *against* its derivative,
# the cost must fall. That is a step of **gradient descent**:
#
# $$ w \;\leftarrow\; w - \eta\, \frac{\partial C}{\partial w}. $$
#
# How all the derivatives are found in one sweep from the last layer back to the first, the *backpropagation* of the
# error, is a story of its own. Here we use it, and look at what it gives: how long is the gradient, layer by layer,
# for the first ten images, and again after a single step?


# %%
def print_gradient_lengths(when):
    gradients = net.gradients((x[:10], y[:10]))
    lengths = [np.sqrt((dw**2).sum() + (db**2).sum()) for dw, db in zip(gradients[::2], gradients[1::2], strict=True)]
    print(f"{when:16}" + "".join(f"   {length:.4f}" for length in lengths))
    return gradients


print(f"{'':16}   layer 0  layer 1  layer 2")
gradients = print_gradient_lengths("before the step")

for parameter, gradient in zip(net.params, gradients, strict=True):
    parameter -= eta * gradient
_ = print_gradient_lengths("after the step")

# %% [markdown]
# In the very first step, only the last layer learns! The reason is in the listing: the softmax layer's weights are
# all zero, the way back to the layers below leads through these weights, and anything times zero is zero. One step
# later they are no longer zero, and the whole network wakes up. You will meet the gradient that fades on its way to
# the lower layers again; it is the subject of the book's chapter 5.
#
# Did the step help?

# %%
print(f"cost of these ten images: {np.log(10):.4f} before, {net.cost((x[:10], y[:10])):.4f} after one step")

# %% [markdown]
# It did. Training is nothing but this, many times over. Using all images for every step would be slow, so each step
# looks at ten of them, a *mini-batch*, whose gradient is a rough but cheap estimate of the whole: **stochastic
# gradient descent**, or SGD. One pass through all the images is an *epoch*. We begin anew, with the book's call, for
# one epoch:

# %%
net = build()
first = net.SGD(training_data, 1, mini_batch_size, eta, validation_data, test_data)

# %% [markdown]
# These are the lines that `network3` has always printed. Iterations are counted from 0 and each is one mini-batch;
# 1,297 images make 129 mini-batches of ten, and the seven left over are not used, exactly as in the book.
#
# One epoch brings little. So we go on, this time quietly, and keep what `SGD` returns: the history of the training.
# It trains all parameters of all layers, without being told what to look for.

# %%
history = net.SGD(training_data, epochs, mini_batch_size, eta, validation_data, test_data, verbose=False)

for epoch in range(0, epochs, 3):
    print(f"epoch {epoch + 1:3}   cost {history.cost[epoch]:.2f}   "
          f"validation accuracy {history.validation_accuracy[epoch]:.1%}")  # fmt: skip

# %% [markdown]
# ## Is it learning? Two curves
#
# Two curves tell nearly everything about a training. The cost, on the left, should fall: if it jumps about, the
# learning rate is too large, and if it creeps, too small. The axis is logarithmic, because the interesting part is how
# often it halves. The validation accuracy, on the right, is what we care about: it counts right answers on images
# that the network has not learned from.

# %%
plotting.training(history)
plt.show()

# %% [markdown]
# The cost goes on falling long after the accuracy has stopped rising. That is the usual picture. The network becomes
# ever surer about images that it gets right already, and it begins to know the training images by heart, which does
# nothing for new ones. This is *overfitting*, and a good part of the book's chapter 6 is a fight against it.
#
# One weapon is at work here. In every training step, the inputs of the fully connected layer are silenced at
# random, each with probability `p_dropout`. Nothing can be learned that hangs on one neuron being there. This is
# *dropout*. When the network is used, all take part, each weakened to make up for their larger number. So
# the training cost is measured with a handicap that falls away in use:

# %%
print(f"cost in the last epoch, half the inputs silent  {history.cost[-1]:.3f}")
print(f"cost on the same images, every input heard      {net.cost(training_data):.3f}")

# %% [markdown]
# ## How good is it?
#
# Time for the test data. One number, and then a question that should follow every such number: how far can it be
# trusted?

# %%
x_test, y_test = test_data
predicted = net.predict(x_test)
n_right = int((predicted == y_test).sum())
low, high = wilson_interval(n_right, len(y_test))
print(f"{n_right} of {len(y_test)} test images right: {n_right / len(y_test):.1%}")
print(f"95 % interval for the accuracy on all such handwriting: {low:.1%} to {high:.1%}")

# %% [markdown]
# With 250 test images, one image more or less is 0.4 percentage points, and chance alone spreads the result over an
# interval of several. So results on these digits **show how something works; they do not show which of two good
# networks is better**. For that, there is MNIST, with 50,000 training and 10,000 test images. On MNIST, the book
# reports 98.78 % for a network of this shape (with sigmoid neurons and without dropout) and 99.67 % for its best,
# five larger ones that vote. Ours saw one fortieth of the data.
#
# ## What has it learned?
#
# ### Filters
#
# The twenty filters began as noise. Here they are after training, each on its own scale: dark for positive weights,
# light for negative ones. (A convolution, as mathematicians define it and as `network3` computes it, turns its filter
# by 180 degrees before laying it on the image. We draw the filters turned as well, so that each picture shows the
# patch that its filter answers to most.)

# %%
plotting.filters(net.layers[0].w[:, 0, ::-1, ::-1])
plt.show()

# %% [markdown]
# Some have become what one would hope for: dark beside light along a line, which answers to an edge in that
# direction. Others still look like noise, and one must be careful not to see too much in twenty small pictures. It
# is clearer to ask what a filter *answers to*. Below are the twenty maps of answers for one digit: dark where the
# patch looks like the filter.

# %%
digit = x_test[:1]
net.forward(digit)
maps = np.array(net.layers[0].output[0])  # (20, 12, 12)
print("the digit is a", y_test[0], "   maps:", maps.shape)

plotting.images(maps / maps.max())
plt.show()

# %% [markdown]
# Some maps trace the whole stroke, some only its upper or lower or left edges. The fully connected layer above sees
# all of them at once, so it can ask for combinations: an edge here *and* none there.
#
# And many maps are blank. Is it this digit, or are those filters blind?

# %%
net.forward(x_test[:100])
strongest = net.layers[0].output.max(axis=(0, 2, 3))  # over a hundred images and all places, (20,)
silent = strongest == 0

print(f"{silent.sum()} of {n_filters} filters answer to nothing in a hundred images")
print(f"biases of the silent ones: {net.layers[0].b[silent].max():.1f} or less")

# %% [markdown]
# They are blind, and their biases tell why. The book draws every initial bias from a normal distribution, and when a
# filter happens to be born with a bias so low that no patch of any image can lift its sum above zero, its ReLU never
# fires. Where the ReLU is flat its derivative is zero, so the filter has no gradient either, and will never learn:
# a *dead* neuron. The network does well without these filters, but they are work done for nothing. You have just seen
# your first problem with how weights and biases are made to start, and it will not be the last.
#
# All of it in one picture, from pixels to an answer, with the filters that do answer:

# %% tags=["picture"]
plotting.journey(digit.reshape(side, side), maps[~silent], net.predict_proba(digit)[0])
plt.show()

# %% [markdown]
# ### Mistakes
#
# No statistic is as instructive as looking at what goes wrong. Every test image that the network misreads, with its
# label, and the network's answer after the arrow:

# %%
wrong = np.flatnonzero(predicted != y_test)
captions = [f"{y_test[i]} → {predicted[i]}" for i in wrong]

plotting.images(x_test[wrong].reshape(-1, side, side), captions=captions, cell=0.8)
plt.show()

# %% [markdown]
# How sure was it of these answers? The probability of its answer, when wrong and when right:

# %%
confidence = net.predict_proba(x_test).max(axis=1)
print(f"median confidence when right: {np.median(np.delete(confidence, wrong)):.2f}")
print(f"median confidence when wrong: {np.median(confidence[wrong]):.2f}")

# %% [markdown]
# It is less sure where it errs. That is useful: a machine that sorts letters could hand the doubtful ones to a
# person.
#
# ## Your own digit
#
# The network takes any image of 28 by 28 numbers. Here is one, drawn with a keyboard on a grid of half that size. The
# first drawing is ours; change the `#` signs, run the cells again, and see what the network makes of yours.

# %%
drawing = """
    . . . . . . . . . . . . . .
    . . . . . . . . . . . . . .
    . . . # # # # # # # # . . .
    . . . # # # # # # # # . . .
    . . . . . . . . . # # . . .
    . . . . . . . . # # . . . .
    . . . . . . . . # # . . . .
    . . . . . . . # # . . . . .
    . . . . . . . # # . . . . .
    . . . . . . # # . . . . . .
    . . . . . . # # . . . . . .
    . . . . . . # # . . . . . .
    . . . . . . . . . . . . . .
    . . . . . . . . . . . . . ."""

# %%
marks = np.array([mark == "#" for mark in drawing.split()]).reshape(14, 14)
mine = np.kron(marks, np.ones((2, 2)))  # every mark becomes 2 by 2 pixels of ink
probabilities = net.predict_proba(mine[None, None])  # one image, one map
print("the network reads:", probabilities.argmax())

# %% [markdown]
# And does it still, if the digit is written elsewhere on the paper? We move it two pixels up and to the left, and
# then four.

# %%
moved = np.stack([np.roll(mine, (-shift, -shift), axis=(0, 1)) for shift in (0, 2, 4)])

plotting.probabilities(moved, net.predict_proba(moved[:, None]))
plt.show()

# %% [markdown]
# Not at all, and look how sure of itself it is. Two lessons. Pooling forgives a shift of a pixel, but every digit in
# the training data sat in the middle of its paper, and what the network has never been shown, it has not learned.
# (The book's cure is as simple as it is effective: show it moved copies of every training image.) And a softmax layer
# tells us which of ten answers is likeliest *if the image is like those it knows*. It has no way of saying "I have
# never seen anything like this".
#
# ## How to run everything else
#
# | to do what | type |
# |---|---|
# | run this notebook with other parameters | `netlib run 00 -p epochs 30 -p n_filters 40` |
# | run all notebooks | `netlib run`, or `make chapters` |
# | read and change them | `make lab`; the `.py` file beside each notebook opens as a notebook too |
# | check that every printed number still holds | `make test` |
#
# Results go to `build/`, with each figure as a file of its own, and the notebooks here stay as they are. To use the
# package on its own, `from netlib import Network, ConvPoolLayer, FullyConnectedLayer, SoftmaxLayer` is all it takes.
#
# `netlib` is meant to be read. A good order is `ops/naive.py` (convolution and pooling as plain loops),
# `ops/convolution.py` (the same without loops), `layers/`, `network.py`, `training.py`.
#
# ## What we saw
#
# - A network is a function with many parameters, built from layers; ours has 289,630, and only 520 of them do the
#   seeing.
# - Training follows the gradient of a cost downhill, one mini-batch at a time. Nobody tells the filters what to look
#   for.
# - Two curves show whether it works. The training cost can fall while nothing is gained.
# - An accuracy is an estimate and has an interval around it; with 250 images it is wide.
#
# ## Exercises
#
# **1 (easy). Count.** How many parameters would the network have with 40 filters instead of 20? Work it out on
# paper, then run the check.

# %% tags=["solution"]
answer = (40 * 5 * 5 + 40) + (40 * 12 * 12 * 100 + 100) + (100 * 10 + 10)

# %% tags=["check"]
forty = Network([
    ConvPoolLayer(filter_shape=(40, 1, 5, 5), image_shape=(None, 1, 28, 28)),
    FullyConnectedLayer(n_in=40 * 12 * 12, n_out=100), SoftmaxLayer(n_in=100, n_out=10)], 10)  # fmt: skip
assert answer == sum(p.size for p in forty.params), "count filters, then 40 x 12 x 12 inputs, then 100 x 10"

# %% [markdown]
# **2 (medium). How many images?** A network gets 98 % of its test images right. About how many test images does it
# take until the 95 % interval is no wider than one percentage point in all? Use `wilson_interval`.

# %% tags=["solution"]
n_images = 100
while np.diff(wilson_interval(round(0.98 * n_images), n_images))[0] > 0.01:
    n_images += 100

# %% tags=["check"]
assert 2900 <= n_images <= 3300, "the width shrinks like one over the square root of the number of images"

# %% [markdown]
# **3 (medium). Is the convolution worth it?** Train a network without the convolutional layer: 784 inputs into a
# fully connected layer of `n_hidden` ReLU neurons (no dropout), then softmax, with the same learning rate and the same
# number of epochs. Compare its accuracy on the validation data with the one above. Do the intervals overlap?

# %% tags=["solution"]
shallow = Network([
    FullyConnectedLayer(n_in=784, n_out=n_hidden, activation_fn=ReLU),
    SoftmaxLayer(n_in=n_hidden, n_out=10)], mini_batch_size, seed=seed, device=device, dtype=dtype)  # fmt: skip
shallow.SGD(training_data, epochs, mini_batch_size, eta, validation_data, None, verbose=False)

for name, network in [("with convolution", net), ("without", shallow)]:
    n_right = round(network.accuracy(validation_data) * len(validation_data.y))
    low, high = wilson_interval(n_right, len(validation_data.y))
    print(f"{name:17} {n_right} right, between {low:.1%} and {high:.1%}")

# %% tags=["check"]
assert shallow.params[0].shape == (784, n_hidden), "the first layer reads the 784 pixels directly"

# %% [markdown]
# **4 (harder). Watch a filter grow.** Train a new network one epoch at a time (`SGD` goes on where it stopped), keep a
# copy of `net.layers[0].w[0, 0]` after each, and show the copies with `plotting.filters`. When does the filter stop
# changing? Compare with the accuracy curve.
#
# ## Further reading
#
# - Nielsen, [chapter 6](http://neuralnetworksanddeeplearning.com/chap6.html#introducing_convolutional_networks):
#   convolutional networks introduced, and
#   [in practice](http://neuralnetworksanddeeplearning.com/chap6.html#convolutional_neural_networks_in_practice), with
#   the listing that we used.
# - Nielsen, [chapter 1](http://neuralnetworksanddeeplearning.com/chap1.html): gradient descent from the beginning.
# - E. Alpaydin and C. Kaynak, [Optical Recognition of Handwritten
#   Digits](https://doi.org/10.24432/C50P49), UCI Machine Learning Repository: the data.
