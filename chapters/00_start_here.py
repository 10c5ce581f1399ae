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
# In a few minutes and a few dozen lines we teach a computer to read handwritten digits. We shall use a *network* of a
# kind that comes from chapter 6 of Michael Nielsen's book
# [Neural Networks and Deep Learning](http://neuralnetworksanddeeplearning.com/chap6.html): a *convolutional layer*
# looks at small patches of an image, a *fully connected layer* puts together what was seen, and a *softmax layer*
# says how likely each digit is. The book's program for it, `network3.py`, lives again here as a small package,
# `netlib`.
#
# **You will build** a network from the book's own listing, train it, look inside it, and have it read a digit that
# you drew yourself.
#
# **You will learn**
# - what a network is made of, and how to count its parameters;
# - what a step of training does to it, and how to tell from two curves whether training works;
# - how far a measured accuracy can be trusted;
# - three ways in which it fails, because failures teach more than successes.
#
# **You need** some Python, and the idea of a derivative. Nothing about neural networks: every term is explained where
# it first matters.

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
# The next cell holds the numbers that you may want to change. Skim it now; each is explained in its place. With the
# values there everything runs in seconds on any computer, and the text below speaks of what comes out of these.

# %% tags=["parameters"]
dataset = "digits"  # the data to learn from: what comes with the package, or "mnist", the book's
device = "cpu"  # where to compute: "cpu", "gpu", or "auto" for the GPU where there is one
dtype = "float64"  # precision of all numbers: "float32" is faster
seed = 1  # decides everything that is random
n_filters = 20  # patterns that the convolutional layer looks for
n_hidden = 100  # neurons in the fully connected layer
p_dropout = 0.5  # fraction of the fully connected layer's inputs that is silenced in each training step
mini_batch_size = 10  # images in a training step
eta = 0.05  # learning rate: how far a step goes
epochs = 20  # how often training goes through all images

# %%
plt.style.use("netlib.mplstyle")
side = 28  # pixels along the edge of an image
n_pooled = n_filters * 12 * 12  # numbers that leave the convolutional layer: 12 by 12 for each filter, as we shall see

# %% [markdown]
# ## Handwriting, as numbers
#
# Our data are 1,797 digits that 13 people wrote
# ([where they are from](https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits)). They come
# with the package, so nothing is downloaded; originally 8 by 8 pixels large, they have been enlarged and centred to
# look like those of the book. Each one is a picture of 28 by 28 pixels and a *label*, the digit that was meant.
#
# They come as three sets. The network learns from the *training data*. We watch its progress on the *validation
# data*, which it never learns from. And we keep the *test data* for one honest look at the end.

# %%
training_data, validation_data, test_data = data.load(dataset)

for name, (x, y) in [("training", training_data), ("validation", validation_data), ("test", test_data)]:
    print(f"{name:10}  images {x.shape}   labels {y.shape}   pixels from {x.min():.0f} to {x.max():.3f}")

# %% [markdown]
# An image arrives as a row of 784 numbers, pixel after pixel: 0 is paper, and the nearer to 1, the darker the ink.
# Here are the first twenty training images with their labels.

# %%
x, y = training_data
plotting.images(x[:20].reshape(-1, side, side), captions=y[:20])
plt.show()

# %% [markdown]
# A person reads these without thinking. Now try to write down how: what, in terms of 784 numbers, makes a 4 a 4?
# Every rule has an exception a few pictures on. So we shall not write rules. We shall write a function with very many
# adjustable numbers in it, and let the examples adjust them.
#
# ## A network, layer by layer
#
# The function is put together from *neurons*. A neuron takes some numbers $x_1, x_2, \ldots$, multiplies each by a
# *weight*, adds a *bias*, and passes the sum, its *weighted input* $z$, through a fixed *activation function* $f$:
#
# $$ \text{output} = f(z), \qquad z = w_1 x_1 + w_2 x_2 + \cdots + b. $$
#
# Ours will mostly use the *rectified linear unit*, $f(z) = \max(0, z)$, ReLU for short: a neuron either has something
# to say, or is silent. The weights and biases are the adjustable numbers, the network's *parameters*. Neurons that do
# the same job at the same stage form a *layer*, and a network is layers in a row, each reading what the one before it
# wrote. The book's listing builds ours like this:

# %%
from netlib.network3 import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer


def build():
    return Network([
        ConvPoolLayer(filter_shape=(n_filters, 1, 5, 5),
                      image_shape=(mini_batch_size, 1, side, side),
                      poolsize=(2, 2), activation_fn=ReLU),
        FullyConnectedLayer(n_in=n_pooled, n_out=n_hidden, activation_fn=ReLU, p_dropout=p_dropout),
        SoftmaxLayer(n_in=n_hidden, n_out=10)],
        mini_batch_size, seed=seed, device=device, dtype=dtype)


net = build()

# %% [markdown]
# Three layers, three ideas:
#
# - **Layer 0, convolutional**, has twenty *filters*. A filter is a neuron with 5 by 5 weights that reads a patch of
#   the image, and it is moved over the image and asked at every place: how strongly does this patch excite you? With
#   28 pixels in a row, a 5-wide window fits in 24 places, so each filter turns the image into a *map* of 24 by 24
#   answers. *Pooling* then keeps only the largest of every 2 by 2 neighbouring answers, which leaves 12 by 12: what
#   was seen matters more than the exact pixel where it was seen. (In the listing, `filter_shape` is filters, maps that
#   each reads, rows, columns; `image_shape` is images in a mini-batch, of which more later, maps, rows, columns. A grey
#   image is one map; a colour image would be three.)
# - **Layer 1, fully connected**, has 100 neurons, and each reads all the answers of all the filters.
# - **Layer 2, softmax**, has one neuron for each digit. It turns its ten sums into ten numbers that are positive and
#   add up to 1, so that we may read them as probabilities: $p_j = e^{z_j} / (e^{z_0} + \cdots + e^{z_9})$.
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
# A filter has $5 \times 5$ weights and one bias, and it uses the same ones at all its $24 \times 24$ places. This
# sharing is the great economy of convolution:

# %%
for layer in net.layers:
    n_weights, n_biases = layer.w.size, layer.b.size
    print(f"{type(layer).__name__:22} {n_weights:8,} weights + {n_biases:4} biases")
print(f"{'in all':22} {sum(p.size for p in net.params):8,} parameters")

# %% [markdown]
# Twenty filters cost 520 parameters. The book makes the same count, and sets against it a fully connected layer of
# only 30 neurons that reads the image itself: $784 \times 30 + 30 = 23{,}550$. The economy ends at the next layer:
# nearly all of our parameters are between the $20 \times 12 \times 12 = 2{,}880$ answers and the 100 neurons.
#
# ### Before it has learned anything
#
# The parameters start as random numbers, except those of the softmax layer, which start at zero. So all ten sums
# $z_j$ of an untrained network are zero, whatever it is shown, and it must find all ten digits equally likely:

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
# $p = 1$ and grows without bound as $p$ goes to 0; the cost $C$ of many images is the mean. For a network that gives
# every digit one tenth, we can say what it must be:

# %%
print(f"cost measured {net.cost(training_data):.4f}   -ln(1/10) = {np.log(10):.4f}")


# %% [markdown]
# Now comes the one idea that makes it all work. The cost depends on every one of the parameters, and smoothly (but
# for the kinks of the ReLU and of taking a maximum). So for each parameter there is a derivative: how fast the cost
# grows if that one number grows. All of them together are the *gradient*, and if we change every parameter a little
# *against* its derivative, the cost falls, provided that the step is small enough. That is **gradient descent**:
#
# $$ w \;\leftarrow\; w - \eta\, \frac{\partial C}{\partial w}, $$
#
# and the same for the biases. The number $\eta$, which says how far to go, is the *learning rate*. How all the
# derivatives are found in one sweep from the last layer back to the first, by *backpropagation*, is a story of its
# own. Here we use it, and ask of the first ten images: how long is the gradient, layer by layer, as a vector (the
# root of the sum of all squares)? We take one step by hand, and ask again. (The gradients are computed as in training,
# where the fully connected layer does not hear all its inputs; that is explained further down.)

# %%
def gradient_lengths(when):
    gradients = net.gradients((x[:10], y[:10]))  # by weights and biases of layer 0, of layer 1, of layer 2
    lengths = [float((dw**2).sum() + (db**2).sum()) ** 0.5 for dw, db in zip(gradients[::2], gradients[1::2])]
    print(f"{when:16}" + "".join(f"   {length:.4f}" for length in lengths))
    return gradients


print(f"{'':16}   layer 0  layer 1  layer 2")
gradients = gradient_lengths("before the step")

for parameter, gradient in zip(net.params, gradients):
    parameter -= eta * gradient  # changes the network in place
_ = gradient_lengths("after the step")

# %% [markdown]
# In the very first step, only the last layer learns! The reason is in the way it starts: the way back from the cost
# to the lower layers leads through the softmax layer's weights, these are all zero, and anything times zero is zero.
# One step later they are no longer zero, and the gradient reaches every layer. Gradients that get lost on their way
# down are the subject of the book's chapter 5, where they do not vanish quite so neatly.
#
# Did the step help?

# %%
print("                    these ten images   all training images")
print(f"cost before         {np.log(10):16.4f}   {np.log(10):19.4f}")
print(f"cost after one step {net.cost((x[:10], y[:10])):16.4f}   {net.cost(training_data):19.4f}")

# %% [markdown]
# For these ten it did. For all the others it made things *worse*: ten images are a biased teacher. Look at them, at
# the top of the picture above: three are a 1, and no 2, 4, 5, 7 or 8 is among them, so the step has taught that these
# digits do not exist.
#
# The remedy is not to take better steps, but many of them, each on the next ten images, a *mini-batch*. Each step is
# a rough guess at the right direction, it costs little, and the errors of the guesses average out. This is
# **stochastic gradient descent**, or SGD. One pass through all the images is an *epoch*. We begin anew, with the
# book's call, for one epoch. (It also takes test data, and prints the accuracy on them. We have promised not to look
# yet, and pass `None`.)

# %%
net = build()
_ = net.SGD(training_data, 1, mini_batch_size, eta, validation_data, None)

# %% [markdown]
# These are the lines that `network3` has always printed. It counts from 0, and each iteration is one mini-batch: 1,297
# images make 129 of them, and the seven images left over are not used, exactly as in the book.
#
# One epoch brings little: as we shall see in a moment, its mean cost is still above the $\ln 10$ of knowing nothing,
# because the first steps do harm, as ours did. (How long that lasts depends on the seed.) So we begin once more, for
# all the epochs, quietly, and keep the *history* that `SGD` returns. Everything random comes from the seed, so the
# first epoch comes out as it just did.

# %%
net = build()
initial_filters = net.layers[0].w.copy()
history = net.SGD(training_data, epochs, mini_batch_size, eta, validation_data, None, verbose=False)

for epoch in sorted({*range(0, epochs, 3), epochs - 1}):
    print(f"epoch {epoch:2}   cost {history.cost[epoch]:.2f}   "
          f"validation accuracy {history.validation_accuracy[epoch]:.1%}")

# %% [markdown]
# ## Is it learning? Two curves
#
# Two curves tell nearly everything about a training run. The cost, on the left, should fall: if it jumps about, the
# learning rate may be too large, and if it creeps, too small. Its axis is logarithmic, to show how often it halves. The
# validation accuracy, on the right, is what we care about: it counts right answers on images that the network has not
# learned from.

# %%
plotting.training(history)
plt.show()

# %% [markdown]
# After a dozen epochs the accuracy hardly moves, and the cost still falls. Some of that is the network growing surer
# of images that it already gets right. Some of it is not worth having: the network learns peculiarities of the very
# images that it is trained on. That is *overfitting*, and its sign is a gap:

# %%
print(f"accuracy on training data    {net.accuracy(training_data):.1%}")
print(f"accuracy on validation data  {net.accuracy(validation_data):.1%}")

# %% [markdown]
# A weapon against it is at work already. In every training step, each input of the fully connected layer is silenced
# with probability `p_dropout`, which discourages a neuron from relying on any single one of them. This is *dropout*;
# whether it helps here, 250 validation images can hardly tell, but in the book it brings a good part of the best
# result. When the network is used, all inputs take part, each multiplied by `1 - p_dropout`, so that the sums are on
# average as large as in training. The training cost in the left curve is therefore measured under a handicap, which
# falls away in use:

# %%
print(f"cost over the last epoch of training, with dropout  {history.cost[-1]:.3f}")
print(f"cost on the same images afterwards, without         {net.cost(training_data):.3f}")

# %% [markdown]
# ## How good is it?
#
# Time for the test data. One number, and then a question that should follow every such number: how far can it be
# trusted? Had we drawn another 250 digits of these writers, the count would be another. A *95 % interval* is made by a
# method (here [Wilson's](https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval)) whose intervals
# contain the true accuracy about 95 times in 100. (It accounts for the choice of test images, not for another seed.)

# %%
x_test, y_test = test_data
predicted = net.predict(x_test)
n_right = int((predicted == y_test).sum())
low, high = wilson_interval(n_right, len(y_test))
print(f"{n_right} of {len(y_test)} test images right: {n_right / len(y_test):.1%}")
print(f"95 % interval for the accuracy on digits like these: {low:.1%} to {high:.1%}")

# %% [markdown]
# With 250 test images, one image more or less is 0.4 percentage points, and chance alone explains differences of
# several points. So results on these digits **show how something works; they do not show which of two good networks
# is better**. For that the book uses MNIST, the classic collection of handwritten digits, with 50,000 training and
# 10,000 test images. There it reports 98.78 % for a network of this shape (without dropout, and with another
# activation function, the *sigmoid*), and 99.67 % for its best, five larger ones that learn from five times the data
# and vote. Ours saw one fortieth of the data of the first.
#
# ## What has it learned?
#
# ### Filters
#
# The twenty filters began as noise. Here they are after training, each on its own scale: dark for positive weights,
# light for negative ones, and the grey of zero between them. (A convolution, as mathematicians define it and as
# `network3` computes it, turns its filter by 180 degrees before laying it on the image. We draw the filters turned as
# well, so that each picture shows the patch that excites its filter most.)

# %%
plotting.filters(net.layers[0].w[:, 0, ::-1, ::-1], captions=range(n_filters))
plt.show()

# %% [markdown]
# Some have become what one would hope for: dark beside light along a line, which answers to an edge in that direction.
# Others still look like noise. It is clearer to ask what a filter *answers to*. Here is a validation image, and below
# it the twenty maps of answers under the numbers of their filters: the darker, the stronger the answer at that place.

# %%
digit = validation_data.x[4:5]
net.forward(digit)
maps = net.layers[0].output[0]  # of the one image: (20, 12, 12)
print("the digit is a", validation_data.y[4], "   maps:", maps.shape)

plotting.images(digit.reshape(1, side, side))
plotting.images(maps / maps.max(), captions=range(n_filters))
plt.show()

# %% [markdown]
# Some maps trace the whole stroke, some only its upper or lower or left edges. The fully connected layer above sees
# all of them at once, so it can ask for combinations: an edge here *and* none there. Two maps, 6 and 15, are grey
# where the paper is blank: their filters have a positive bias, and answer even to nothing.
#
# And many maps are empty. Is it this digit, or are those filters blind? We compute the largest sum $z$ that each
# filter reaches at any place of any training image (of two thousand, where there are more). A ReLU answers only where
# $z > 0$.

# %%
filters = net.layers[0]
pictures = net.xp.asarray(x[:2000].reshape(-1, 1, side, side), dtype=dtype)
largest = ops.conv2d(pictures, filters.w).max(axis=(0, 2, 3)) + filters.b
silent = largest <= 0

print("filters that never answer:  ", np.arange(n_filters)[silent.tolist()])
print("their largest sums:         ", largest[silent].round(2))
print("has training moved a weight?", bool((filters.w != initial_filters)[silent].any()))

# %% [markdown]
# They are blind, and have been from birth: training has not moved a single one of their weights. Each drew a bias so
# far below zero that its weights cannot overcome it on any patch that our digits contain. There its ReLU is flat, its
# derivative is zero, and without a gradient a neuron never learns: it is *dead*. This is our first failure. The network
# does well without these filters, but they are work done for nothing, and how parameters are made to start will occupy
# us again.
#
# All of it in one picture, from pixels to an answer, with the filters that are not dead:

# %% tags=["picture"]
plotting.journey(digit.reshape(side, side), [maps[~silent]], net.predict_proba(digit)[0])
plt.show()

# %% [markdown]
# ### Mistakes
#
# A number hides what a look at the failures shows. Every test image that the network misreads, with its label, and the
# network's answer after the arrow:

# %%
wrong = np.flatnonzero(predicted != y_test)
captions = [f"{y_test[i]} → {predicted[i]}" for i in wrong]

plotting.images(x_test[wrong].reshape(-1, side, side), captions=captions, cell=0.8)
plt.show()

# %% [markdown]
# Half of them are eights, and in each of those a loop is tiny, or has filled with ink: perhaps small holes are what
# gets lost. A person would hesitate over some of these. Does the network? We compare the probability that it gave to
# its answers, the right ones and the wrong ones.

# %%
confidence = net.predict_proba(x_test).max(axis=1)
print(f"when right: median {np.median(np.delete(confidence, wrong)):.2f}")
print("when wrong:", *(f"{c:.2f}" for c in np.sort(confidence[wrong])))

# %% [markdown]
# It is mostly less sure where it errs, which is useful: a machine that sorts letters could hand the doubtful ones to a
# person. But not always, and that is the second failure: a wrong answer can come with a probability close to 1.
#
# ## Your own digit
#
# The network takes any image of 28 by 28 numbers. Here is one, drawn with a keyboard on a grid of half that size. The
# first drawing is ours; change the `#` signs, run this cell and those below it again, and see what the network makes of
# yours.

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


# %% [markdown]
# Every mark becomes 2 by 2 pixels of ink. Then we do what was done to all the training images: move the digit until
# its centre of mass is in the middle of the paper.

# %%
def shifted(images, down, right):
    return np.roll(images, (down, right), axis=(-2, -1))


marks = np.array([mark == "#" for mark in drawing.split()])
assert marks.size == 14 * 14, "draw in 14 rows of 14 signs"
assert marks.any(), "draw with at least one #"
marks = marks.reshape(14, 14)
drawn = np.kron(marks, np.ones((2, 2)))
rows, columns = np.nonzero(drawn)
mine = shifted(drawn, round(13.5 - rows.mean()), round(13.5 - columns.mean()))

print("the network reads:", net.predict(mine[None, None])[0])  # one image of one map

# %% [markdown]
# Was the centring necessary? Here is the same digit moved away from the middle again, up and to the left:

# %%
distances = [0, 1, 2, 3]
copies = np.stack([shifted(mine, -d, -d) for d in distances])

plotting.probabilities(copies, net.predict_proba(copies[:, None]), captions=[f"moved by {d}" for d in distances])
plt.show()

# %% [markdown]
# Moved by one pixel, it is still a 7. By two, the network wavers between other digits, and by three it has made up its
# mind: a 3. One drawing proves little, so we move all the validation images:

# %%
x_validation, y_validation = validation_data.x.reshape(-1, side, side), validation_data.y
for d in distances:
    probabilities = net.predict_proba(shifted(x_validation, -d, -d)[:, None])
    accuracy = (probabilities.argmax(axis=1) == y_validation).mean()
    print(f"moved by {d}: accuracy {accuracy:6.1%}, median confidence {np.median(probabilities.max(axis=1)):.2f}")

# %% [markdown]
# This is the third failure, and the worst. Every digit in the training data sat in the middle of its paper, and what
# the network has never been shown, it has not learned: at three pixels it does worse than guessing, because a moved
# digit lies where the strokes of others usually are. Convolution and pooling soften this only a little. (The book's
# cure is as simple as it is effective: show the network moved copies of every training image.) And it hardly notices.
# It is a little less sure, but where nearly every answer is wrong it still stands by half of them with more than 80 %.
# A softmax layer says which of ten answers is likeliest *if the image is like those it knows*. It has no way of saying
# "I have never seen anything like this".
#
# ## What we have seen
#
# - A network is a function with many parameters, built from layers. Ours has 289,630, and 520 of them are its filters.
# - Training follows the gradient of a cost downhill, one mini-batch at a time. A single step may even do harm; many of
#   them find filters that nobody has told what to look for.
# - Two curves show whether it works, and a gap between training and validation shows how much was learned by heart.
# - An accuracy is an estimate and has an interval around it; with 250 images it is wide.
# - Parameters that start badly may never move, and a network is only as good as what it has been shown.
#
# ## Exercises
#
# Write your answer into a new cell, under the name that the exercise gives it, and run the check. Do not run
# the solution, which is folded away: it would put its own answer under that name. (`netlib exercises 00` writes a copy
# without solutions.)
#
# **Exercise 1 (easy).** *Count.* How many parameters would the network have with 40 filters instead of 20? Work it
# out on paper and store the number in `answer`.

# %% jupyter={"source_hidden": true} tags=["solution"]
answer = (40 * 5 * 5 + 40) + (40 * 12 * 12 * 100 + 100) + (100 * 10 + 10)

# %% tags=["check"]
forty = Network([
    ConvPoolLayer(filter_shape=(40, 1, 5, 5), image_shape=(None, 1, 28, 28)),
    FullyConnectedLayer(n_in=40 * 12 * 12, n_out=100), SoftmaxLayer(n_in=100, n_out=10)], 10)
assert answer == sum(p.size for p in forty.params), "count filters, then 40 x 12 x 12 inputs, then 100 x 10"

# %% [markdown]
# **Exercise 2 (medium).** *How many images?* A network gets 98 % of its test images right. Of 100, 200, 300, and so
# on, what is the first number of test images for which the 95 % interval, from end to end, is no wider than one
# percentage point? Use `wilson_interval`, and store the number in `n_images`.

# %% jupyter={"source_hidden": true} tags=["solution"]
n_images = 100
while np.diff(wilson_interval(round(0.98 * n_images), n_images))[0] > 0.01:
    n_images += 100

# %% tags=["check"]
width, width_before = (np.diff(wilson_interval(round(0.98 * n), n))[0] for n in (n_images, n_images - 100))
assert width <= 0.01, f"with {n_images} images the interval is {100 * width:.2f} points wide"
assert width_before > 0.01, f"{n_images - 100} images are enough"

# %% [markdown]
# **Exercise 3 (medium).** *Is the convolution worth it?* Train a network without the convolutional layer, and call it
# `shallow`: 784 inputs into a fully connected layer of `n_hidden` ReLU neurons (no dropout), then softmax, with the
# same learning rate and as many epochs as above. Compare its accuracy on the validation data with that of `net`.

# %% jupyter={"source_hidden": true} tags=["solution"]
shallow = Network([
    FullyConnectedLayer(n_in=784, n_out=n_hidden, activation_fn=ReLU),
    SoftmaxLayer(n_in=n_hidden, n_out=10)], mini_batch_size, seed=seed, device=device, dtype=dtype)
shallow.SGD(training_data, epochs, mini_batch_size, eta, validation_data, None, verbose=False)

for name, network in [("with convolution", net), ("without", shallow)]:
    n_right = round(network.accuracy(validation_data) * len(y_validation))
    low, high = wilson_interval(n_right, len(y_validation))
    print(f"{name:17} {n_right} of {len(y_validation)} right, between {low:.1%} and {high:.1%}")

# %% tags=["check"]
hidden = shallow.layers[0]
assert (hidden.n_in, hidden.n_out, hidden.activation_fn, hidden.p_dropout) == (784, n_hidden, ReLU, 0)
assert shallow.steps == net.steps, "train it for as many epochs as above"

# %% [markdown]
# With the values above you will hardly see a difference, although on MNIST the book finds a large one: 97.80 %
# without a convolutional layer against 98.78 % with it. That is what the interval warned of. If you like, ask a
# sharper question: what does each of the two make of images that are moved by one pixel?
#
# **Exercise 4 (harder).** *Watch a filter form.* Train a new network for eight epochs, one at a time (`SGD` goes on
# where it stopped). After each, put a copy of one filter that is not dead, turned as above, into a list `snapshots`,
# and show them with `plotting.filters`. How far back can you recognise the final pattern? Compare with the curves.

# %% jupyter={"source_hidden": true} tags=["solution"]
net4 = build()
alive = int(np.argmin(silent.tolist()))  # the first filter that is not silent
snapshots = []
for _ in range(8):
    net4.SGD(training_data, 1, mini_batch_size, eta, None, None, verbose=False)
    snapshots.append(net4.layers[0].w[alive, 0, ::-1, ::-1].copy())

plotting.filters(net4.xp.stack(snapshots), captions=[f"epoch {i}" for i in range(8)])
plt.show()

# %% tags=["check"]
assert len(snapshots) == 8, "one for each epoch"
assert abs(snapshots[1] - snapshots[0]).max() > 0, "a dead filter, or the same array eight times: use .copy()"

# %% [markdown]
# The final pattern is there after a few epochs, when the accuracy is still far from its best: from then on it is
# sharpened, not redrawn, and it never stops changing altogether.

# %% [markdown]
# ## How to go on
#
# | to do what | type, in the project's folder |
# |---|---|
# | run this notebook with other parameters | `.venv/bin/netlib run 00 -p epochs 30 -p n_filters 40` |
# | run all notebooks | `make chapters` |
# | read and change them | `make lab`; the `.py` file beside each notebook opens as a notebook too |
# | check that every printed number still holds | `make test` |
#
# Results go to `build/quick`, with each figure as a file of its own, and the notebooks stay as they are. In a program
# of your own, `from netlib import Network, ConvPoolLayer, FullyConnectedLayer, SoftmaxLayer, ReLU, data` is all that
# this notebook needs to train.
#
# `netlib` is meant to be read. A good order is `ops/naive.py` (convolution and pooling as plain loops),
# `ops/convolution.py` and `ops/pooling.py` (the same with hardly a loop), `layers/`, `network.py`, `training.py`.
#
# ## Further reading
#
# - Nielsen, [chapter 6](http://neuralnetworksanddeeplearning.com/chap6.html#introducing_convolutional_networks):
#   convolutional networks introduced, and
#   [in practice](http://neuralnetworksanddeeplearning.com/chap6.html#convolutional_neural_networks_in_practice), with
#   the listing that we used.
# - Nielsen, [chapter 1](http://neuralnetworksanddeeplearning.com/chap1.html): gradient descent from the beginning, and
#   [chapter 2](http://neuralnetworksanddeeplearning.com/chap2.html): how backpropagation works.
# - E. Alpaydin and C. Kaynak, [Optical Recognition of Handwritten
#   Digits](https://doi.org/10.24432/C50P49), UCI Machine Learning Repository: the data.
