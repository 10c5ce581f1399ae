# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 · network3: from one hidden layer to a convolutional network
#
# The book's chapter 6 tells a story in numbers. A network with one hidden layer reads 97.80 % of MNIST's test images.
# One change after another, each a few words of code, and the number climbs: 98.78, 99.06, 99.23 %. We follow the first
# half of that story here. At every step we ask the same three things: *why* this change, what does it do to what the
# network *sees*, and what did it bring?
#
# **You will build** four networks from the book's listings, each from the one before: fully connected; one
# convolutional layer; two of them; two with rectified linear units and L2 regularisation.
#
# **You will learn**
# - what a fully connected network does *not* know about images, shown by scrambling every one of them;
# - what convolution and pooling build in, and how to count what it costs;
# - which patterns the second convolutional layer looks for, and how large a patch it sees;
# - why two layers of sigmoids sit still for so long before they learn anything, and what ReLU changes;
# - what L2 regularisation does to the weights, predicted with a pencil and then measured;
# - how the book's table comes out today, and where ours differs.
#
# **You need** notebook [00](00_start_here.ipynb), which explains neurons, layers, gradient descent, mini-batches and
# the intervals around an accuracy.

# %% tags=["nbval-ignore-output"]
import platform

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import netlib
from netlib import data, experiments, ops, plotting
from netlib.network3 import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, sigmoid, tanh
from netlib.uncertainty import wilson_interval

print(f"netlib {netlib.__version__}, Python {platform.python_version()}")
print(f"NumPy {np.__version__}, matplotlib {matplotlib.__version__}")

# %% [markdown]
# With the values in the next cell, all trainings together take about a minute on the 1,297 embedded digits. The text
# speaks of what comes out of these. The book trains for 60 epochs on MNIST's 50,000; `netlib run 05 --profile book`
# does that, in about an hour.

# %% tags=["parameters"]
dataset = "digits"  # or "mnist", the book's
device = "cpu"  # where to compute: "cpu", "gpu", or "auto" for the GPU where there is one
dtype = "float64"  # precision of all numbers: "float32" is faster
seed = 1  # decides the initial weights
mini_batch_size = 10  # images in a training step, the book's
eta = 0.1  # learning rate of the networks with sigmoids, the book's
eta_relu = 0.03  # learning rate of the networks with ReLUs, the book's
lmbda = 0.1  # strength of L2 regularisation, the book's
epochs_shallow = 30  # passes through the training data, without a convolutional layer
epochs_one = 20  # with one
epochs_two = 45  # with two, and sigmoids
epochs_relu = 15  # with two, and ReLUs

# %%
plt.style.use("netlib.mplstyle")
side = 28  # pixels along the edge of an image
training_data, validation_data, test_data = data.load(dataset)
x, y = training_data
x_validation, y_validation = validation_data
print(f"{len(y):,} images to learn from, {len(y_validation):,} to watch progress, {len(test_data.y):,} for the end")

# %% [markdown]
# ### Two kinds of numbers
#
# Our embedded digits are real handwriting, but few: with 250 validation images, chance moves an accuracy by a point or
# two either way. They are good for *seeing how something works*, and everything that we train below is trained on them.
#
# *Which network is better* takes MNIST's 10,000 test images and hours of training. These runs have been made, with the
# same code, and each left a **record**: a small file with the recipe, the seed, the accuracy after every epoch and the
# list of test images that were misread. We shall read from the records whenever a ranking is claimed.

# %%
records = experiments.records()
for record in records:
    print(f"{record.recipe:15} seed {record.seed}   {record.parameters['epochs']} epochs of {record.parameters['data']}"
          f"   {len(record.best_errors):3} of {record.n_test:,} test images misread")

# %% [markdown]
# ## 1. A fully connected network
#
# The starting point: 784 pixels, 100 neurons that each read all of them, 10 outputs. The 100 use the *sigmoid*,
# $\sigma(z) = 1 / (1 + e^{-z})$, which squeezes any sum smoothly between 0 and 1. It was the activation function of
# the book's first chapters. The book calls this network *shallow*.


# %%
def shallow():
    return Network([
        FullyConnectedLayer(n_in=784, n_out=100, activation_fn=sigmoid),
        SoftmaxLayer(n_in=100, n_out=10)],
        mini_batch_size, seed=seed, device=device, dtype=dtype)


def train(net, epochs, eta, lmbda=0.0, training_data=training_data, validation_data=validation_data):
    return net.SGD(training_data, epochs, mini_batch_size, eta, validation_data, None, lmbda, verbose=False)


net_shallow = shallow()
history_shallow = train(net_shallow, epochs_shallow, eta)
print(f"cost {history_shallow.cost[0]:.2f} in the first epoch, {history_shallow.cost[-1]:.2f} in the last")

# %% [markdown]
# One number stands for each training: the accuracy on the validation data at the end, and the interval that chance
# leaves around it.


# %%
def report(name, net):
    n = len(y_validation)
    right = round(net.accuracy(validation_data) * n)
    low, high = wilson_interval(right, n)
    print(f"{name:18} {right / n:6.1%} of the validation images (95 % interval {low:.1%} to {high:.1%})")


report("shallow", net_shallow)

# %% [markdown]
# That is a good score, and it should make us suspicious. Reading digits seems to be so easy that a network can do it
# without any idea of what an image *is*. Let us find out what it knows.
#
# ### What it does not know
#
# Draw a random rearrangement of the 784 pixel positions, one for all, and scramble every image with it. Nothing is
# lost: scrambling back gives the digit. But what was near is now far.

# %%
scramble = np.random.default_rng(seed).permutation(side * side)
scrambled_training = x[:, scramble], y
scrambled_validation = x_validation[:, scramble], y_validation

plotting.images(np.concatenate([x[:5], x[:5][:, scramble]]).reshape(-1, side, side), columns=5)
plt.show()

# %% [markdown]
# Could you learn to read the second row? (The five are the same digits as above them.) Here is how our network does,
# trained from the beginning on scrambled images, and judged on scrambled images:

# %%
net_scrambled = shallow()
train(net_scrambled, epochs_shallow, eta, 0.0, scrambled_training, scrambled_validation)
print(f"trained and judged on scrambled images:   {net_scrambled.accuracy(scrambled_validation):.1%}")
print(f"trained and judged on images as they are: {net_shallow.accuracy(validation_data):.1%}")

# %% [markdown]
# Just as well! The few images that it reads more or less than before are chance. On reflection it must be so: a neuron
# sums up its 784 inputs, and a sum does not ask in which order they come. Scramble the weights of each neuron like the
# pixels, and the network is what it was. A fully connected layer has no idea that two pixels are neighbours, that a
# stroke is a line, or that a digit moved by one pixel is the same digit. What it knows of these, it has to learn from
# examples, everywhere anew.
#
# Here is the price. Take the validation images, move them, and see how accuracy falls. (Our digits have a margin of at
# least four pixels, so no ink goes over the edge.)


# %%
def moved(images, down, right):
    return np.roll(images.reshape(-1, side, side), (down, right), axis=(1, 2)).reshape(len(images), -1)


def accuracy_when_moved(net, distance, order=slice(None)):  # with order=scramble, scrambled after the move
    directions = [(distance, 0), (-distance, 0), (0, distance), (0, -distance)]  # down, up, right, left
    images = [moved(x_validation, *direction)[:, order] for direction in directions]
    return np.mean([net.accuracy((some, y_validation)) for some in images])


distances = [0, 1, 2, 3]
print("moved by (pixels)  ", "".join(f"{d:6}   " for d in distances))
print("shallow            ", "".join(f"{accuracy_when_moved(net_shallow, d):8.1%} " for d in distances))

# %% [markdown]
# Two pixels, less than the width of a stroke, and far more than a third of the digits are lost. We shall come back to
# this row with every network.
#
# ## 2. A convolutional layer
#
# So build the missing knowledge in. That nearby pixels belong together: let each neuron read only a *local receptive
# field* of 5 by 5 pixels. That a stroke is a stroke wherever it lies: let the same neuron, with the same 25 weights,
# look at all 24 by 24 places. That the exact place matters little: keep only the strongest of every 2 by 2 answers,
# *max-pooling*. The book's listing is a line longer than the last:


# %%
def one_layer():
    return Network([
        ConvPoolLayer(image_shape=(mini_batch_size, 1, 28, 28),
                      filter_shape=(20, 1, 5, 5),
                      poolsize=(2, 2), activation_fn=sigmoid),
        FullyConnectedLayer(n_in=20*12*12, n_out=100, activation_fn=sigmoid),
        SoftmaxLayer(n_in=100, n_out=10)],
        mini_batch_size, seed=seed, device=device, dtype=dtype)


net_one = one_layer()
history_one = train(net_one, epochs_one, eta)
report("shallow", net_shallow)
report("one conv layer", net_one)

# %% [markdown]
# On 250 images the two cannot be told apart: their intervals overlap almost entirely. On MNIST they can:


# %%
def on_mnist(*names):
    for row in experiments.rows(records):
        if row.recipe.name in names:
            print(f"{row.recipe.name:15} book {row.recipe.book:.2%}   here {row.mean:.2%}, mean of {row.runs} "
                  f"(lowest {row.lowest:.2%}, highest {row.highest:.2%})")


on_mnist("shallow", "basic_conv")

# %% [markdown]
# ### What it sees
#
# A convolution has a property that one can state exactly: **move the image, and the map of answers moves along.** We
# check it with the layer that we just trained. A digit, and the same digit two pixels further right. After pooling by
# two, the maps should have moved by exactly one place.

# %%
digit = x_validation[:1]
net_one.forward(digit)
maps = net_one.layers[0].output[0].copy()  # (20, 12, 12)
net_one.forward(moved(digit, 0, 2))
maps_moved = net_one.layers[0].output[0].copy()

along = float(abs(maps_moved[:, :, 1:] - maps[:, :, :-1]).max())
in_place = float(abs(maps_moved - maps).max())
print(f"largest difference from maps moved by one place: {along:.9f}")
print(f"largest difference from maps that stay in place: {in_place:.2f}")

# %% [markdown]
# This is called *equivariance*. The fully connected layer could never promise it: what its neurons answer to the moved
# digit has nothing to do with what they answered before.
#
# It is often said that pooling then makes the answers *invariant*: that they hardly notice a small move. Do not believe
# it, measure it. We move 250 validation images by one pixel, and ask how far the answers travel: all the way to those
# of another digit would be 1.


# %%
def travel(answers, distance):
    some = x_validation[:250]
    before, after = answers(some), answers(moved(some, 0, distance))
    to_another_digit = abs(before - before[::-1]).mean()
    return float(abs(after - before).mean() / to_another_digit)


def unpooled(images):
    layer = net_one.layers[0]
    pictures = net_one.xp.asarray(images.reshape(-1, 1, side, side), dtype=dtype)
    return sigmoid(ops.conv2d(pictures, layer.w) + layer.b[:, None, None])


def pooled(images):
    return ops.pool2d(unpooled(images), (2, 2))


print(f"pixels                {travel(lambda images: images, 1):.2f}")
print(f"before pooling        {travel(unpooled, 1):.2f}")
print(f"after pooling by two  {travel(pooled, 1):.2f}")

# %% [markdown]
# Almost half the way, after pooling as before. Pooling by two does not buy much invariance. What it does buy is a
# quarter as many numbers for the next layer, each of which stands for twice as wide a piece of the image; that will
# matter soon. And a layer above that is *trained* on such answers can learn to be tolerant more easily, because a moved
# stroke gives the same answers in other places, not other answers.

# %% [markdown]
# ### What it costs
#
# Count the parameters: weights plus biases, layer by layer. You can do it in your head: the convolutional layer has
# $20 \times (5 \times 5 + 1) = 520$.


# %%
def count(name, net):
    sizes = [sum(p.size for p in layer.params) for layer in net.layers]
    print(f"{name:16}", " + ".join(f"{n:,}" for n in sizes), f"= {sum(sizes):,}")


count("shallow", net_shallow)
count("one conv layer", net_one)

# %% [markdown]
# The layer that was added is the cheap one. The fully connected layer above it, which now reads 2,880 answers in place
# of 784 pixels, has grown to nearly four times its size. Keep that in mind for the next step.
#
# ## 3. A second convolutional layer
#
# If a layer that looks for small patterns in pixels is good, what about a second that looks for patterns in the
# *answers* of the first? Its 40 filters read all 20 maps at once: each has $20 \times 5 \times 5$ weights, so it can
# ask for a horizontal edge here, none there, and a corner between.


# %%
def two_layers(activation_fn):
    return Network([
        ConvPoolLayer(image_shape=(mini_batch_size, 1, 28, 28),
                      filter_shape=(20, 1, 5, 5),
                      poolsize=(2, 2), activation_fn=activation_fn),
        ConvPoolLayer(image_shape=(mini_batch_size, 20, 12, 12),
                      filter_shape=(40, 20, 5, 5),
                      poolsize=(2, 2), activation_fn=activation_fn),
        FullyConnectedLayer(n_in=40*4*4, n_out=100, activation_fn=activation_fn),
        SoftmaxLayer(n_in=100, n_out=10)],
        mini_batch_size, seed=seed, device=device, dtype=dtype)


count("one conv layer", net_one)
count("two conv layers", two_layers(sigmoid))

# %% [markdown]
# A layer more, and less than a third of the parameters: pooling has shrunk what the fully connected layer reads to
# $40 \times 4 \times 4 = 640$ answers. Depth need not be expensive.
#
# And how far does such a neuron see? Go down from one answer of the second layer. Pooling took it from 2 by 2 answers;
# those saw, 5 wide each, a patch of $5 + 1 = 6$ by 6 of the first layer's pooled answers. Each of these came from 2 by
# 2 answers, so all of them from 12 by 12; and those saw $12 + 4$:

# %%
field = 1
for layer in ("second", "first"):
    field = 2 * field  # pooling
    field = field + 5 - 1  # convolution
    print(f"through the {layer} layer: {field} by {field}")

# %% [markdown]
# Patches of 16 by 16 pixels: large enough for a loop, or the crossing of a 4. Each neuron of the second layer sees more
# than a quarter of the image, although no filter is larger than 5 by 5.
#
# Now train it.

# %%
net_two = two_layers(sigmoid)
history_two = train(net_two, epochs_two, eta)

plotting.epochs({"shallow": history_shallow.cost, "one conv layer": history_one.cost, "two, sigmoid": history_two.cost},
                "training cost")
plt.show()

# %% [markdown]
# What a strange curve! The deeper the network, the later it begins to learn; and the one with two convolutional layers
# sits at $\ln 10 \approx 2.30$, the cost of knowing nothing, for more than half of its training. Then it falls off a
# cliff, and falls fast.

# %%
for name, history in [("shallow", history_shallow), ("one conv layer", history_one), ("two, sigmoid", history_two)]:
    first = next((epoch for epoch, cost in enumerate(history.cost) if cost < np.log(10) / 2), None)
    print(f"{name:15} cost below half of ln 10 for the first time in epoch {first}")
report("two, sigmoid", net_two)

# %% [markdown]
# It ends well. (On MNIST an epoch has 38 times as many steps, and the plateau is over in the first.) But why does it
# wait? Its gradient knows. We train the network anew, for one epoch only, and look at the length of the gradient layer
# by layer.


# %%
def gradient_lengths(net):
    gradients = net.gradients((x[:500], y[:500]))[::2]  # of the weights, without those of the biases
    return [float((dw**2).sum()) ** 0.5 for dw in gradients]


def lengths_after_one_epoch(activation_fn, eta):
    net = two_layers(activation_fn)
    net.SGD(training_data, 1, mini_batch_size, eta, None, None, verbose=False)
    return gradient_lengths(net)


names = ["conv", "conv", "fully connected", "softmax"]
lengths_sigmoid = lengths_after_one_epoch(sigmoid, eta)
for name, length in zip(names, lengths_sigmoid):
    print(f"{name:16} {length:.4f}")

# %% [markdown]
# From the top to the bottom it shrinks, with each layer by a factor of two to eleven. The reason is the sigmoid's
# derivative, $\sigma'(z) = \sigma(z)(1 - \sigma(z))$: never above a quarter. On the way down every layer multiplies by
# it once more. The lowest layer is told almost nothing about what it should do; but until it does something useful, the
# layers above have nothing useful to work with. This is the *vanishing gradient*, the subject of the book's chapter 5.
#
# ## 4. Rectified linear units
#
# The cure that the book tries is a change of one word. The rectified linear unit, $\max(0, z)$, has derivative 1
# wherever it answers at all, and 0 elsewhere. Nothing is shrunk on the way down; a path is open or closed.

# %%
z = np.linspace(-6, 6, 241)
for name, f in [("sigmoid", sigmoid), ("ReLU", ReLU)]:
    a = f(z)
    plt.plot(z, np.gradient(a, z), label=f"derivative of {name}")
plt.xlabel("z")
plt.legend()
plt.show()

# %%
lengths_relu = lengths_after_one_epoch(ReLU, eta_relu)
print(f"{'':16} sigmoid     ReLU")
for name, *pair in zip(names, lengths_sigmoid, lengths_relu):
    print(f"{name:16} " + "   ".join(f"{length:.4f}" for length in pair))

# %% [markdown]
# After one epoch, the lowest layer of the ReLU network hears a gradient four hundred times as long, and all four layers
# hear about equally much. (It is easy to say that ReLU "solves" vanishing gradients. It does not: paths can all be
# closed, as for the dead filters of notebook 00, and lengths still depend on how large the weights are. Notebook 02 is
# to measure that.)
#
# Two more things change with it, as in the book: the learning rate goes from 0.1 to 0.03, and L2 regularisation is
# added, of which more below. (Three changes at once make a poor experiment. Exercise 5 takes them apart.) The whole
# training, in fewer epochs:

# %%
net_relu = two_layers(ReLU)
history_relu = train(net_relu, epochs_relu, eta_relu, lmbda)
plotting.epochs({"two, sigmoid": history_two.cost, "two, ReLU": history_relu.cost}, "training cost")
plt.show()

# %%
report("two, sigmoid", net_two)
report("two, ReLU with L2", net_relu)
on_mnist("dbl_conv", "dbl_conv_relu")

# %% [markdown]
# No plateau, and a third of the epochs. Why should a *kink* learn better than a smooth curve? The book is frank about
# it: people tried it, it worked, and the explanations came later and remain incomplete.
#
# ### Regularisation, with a pencil
#
# *L2 regularisation* adds a penalty to the cost: $\frac{\lambda}{2m} \sum w^2$, over all weights of all layers, biases
# excepted, where network3 takes for $m$ the number of mini-batches in an epoch. Its derivative with respect to one
# weight is $\lambda w / m$, so each step becomes
#
# $$ w \;\leftarrow\; \Bigl(1 - \frac{\eta\lambda}{m}\Bigr)\, w \;-\; \eta \frac{\partial C}{\partial w} . $$
#
# Every weight decays a little, unless the gradient holds against it. How strongly? One epoch has $m$ such steps, so
# where no gradient speaks, weights shrink in $E$ epochs by $(1 - \eta\lambda/m)^{mE} \approx e^{-\eta\lambda E}$. We
# train once more without the penalty, and compare the sums of squares, which should shrink by the square of that.

# %%
net_free = two_layers(ReLU)
train(net_free, epochs_relu, eta_relu, lmbda=0.0)

predicted = np.exp(-eta_relu * lmbda * epochs_relu) ** 2
print(f"predicted, where no gradient speaks: {predicted:.3f}")
for layer, free in zip(net_relu.layers, net_free.layers):
    ratio = float((layer.w**2).sum() / (free.w**2).sum())
    print(f"{type(layer).__name__:20} sum of squares with the penalty / without: {ratio:.3f}")

# %% [markdown]
# The pencil is right where most weights are, in the fully connected layer and the second convolutional one: the
# gradient speaks to few of them. So we know something about the book's choice: with $\eta = 0.03$, $\lambda = 0.1$ and
# 60 epochs, idle weights lose no more than $1 - e^{-0.18} \approx 16$ %. That is a gentle push, which fits what Nielsen
# remarks in his code: regularisation did not help much there. (Note that $m$ cancels: with this definition, the same
# $\lambda$ does the same in an epoch of 129 steps as in one of 5,000.)
#
# ## What the layers have learned
#
# ### The first
#
# The filters of the ReLU network's first layer, as in notebook 00: turned by 180 degrees, so that each picture shows
# the patch that excites its filter most; dark for positive weights. Above, as they began; below, after training.

# %%
filters_before = two_layers(ReLU).layers[0].w[:, 0, ::-1, ::-1]
filters_after = net_relu.layers[0].w[:, 0, ::-1, ::-1]
plotting.filters(np.concatenate([filters_before[:10], filters_after[:10]]))
plt.show()

# %% [markdown]
# A thousand images, seen fifteen times, have pushed them only so far from the noise that they began as. Sixty epochs of
# MNIST push further. From the record of such a run:

# %%
record = next(record for record in records if record.recipe == "dbl_conv_relu")
first_layer = np.array(record.filters[0])
plotting.filters(first_layer[:, ::-1, ::-1])
plt.show()

# %% [markdown]
# Many have lost their speckle: dark patches border on light ones, along a line in one direction or another, which makes
# a filter that answers to an edge or a stroke of that direction. Nobody asked for edges. They are what pays when digits
# must be told apart.
#
# ### The second
#
# The filters of the second layer have $20 \times 5 \times 5$ weights, and pictures of these tell little. It is better
# to ask for *what* each is excited by. We search the training images for the patches of 16 by 16 pixels, the field that
# we worked out above, to which a filter gives its strongest answers: at most one patch from an image.

# %%
def answers_of(net, layer, images):
    parts = []
    for start in range(0, len(images), 100):
        net.forward(images[start : start + 100])
        parts.append(net.layers[layer].output)
    return net.xp.concatenate(parts)


some = x[:2000]
answers = answers_of(net_relu, 1, some).reshape(len(some), 40, 16)  # at each of 4 x 4 places
alive = [f for f in range(40) if answers[:, f].max() > 0]
print(f"{len(alive)} of the 40 filters ever answer")

# %%
fields = np.lib.stride_tricks.sliding_window_view(some.reshape(-1, side, side), (16, 16), axis=(1, 2))
fields = fields[:, ::4, ::4].reshape(len(some), 16, 16, 16)  # what each of the 4 x 4 places sees


def favourites(f, n):
    images = answers[:, f].max(axis=1).argsort()[::-1][:n].tolist()
    return np.stack([fields[i, int(answers[i, f].argmax())] for i in images])


rows = [np.concatenate([favourites(f, 50).mean(axis=0, keepdims=True), favourites(f, 9)]) for f in alive[:6]]
plotting.images(np.concatenate(rows), columns=10, cell=0.55)
plt.show()

# %% [markdown]
# A row for each of the first six filters that answer at all (the others are dead, like those we met in notebook 00). On
# the left, the average of its fifty favourite patches; then the nine that it likes best. Look at the averages first: a
# filter wants blank paper here and ink there, an arc, the end of a stroke. The single patches show how loose such a
# theme is. The same filter finds it in different digits, and it is only together that forty of them tell a 3 from an 8.
#
# All the way, for one digit: the maps of the first layer, those of the second, and the answer.

# %%
net_relu.forward(digit)
maps = [layer.output[0] for layer in net_relu.layers[:2]]
plotting.journey(digit.reshape(side, side), maps, net_relu.predict_proba(digit)[0])
plt.show()

# %% [markdown]
# ### Moved digits, again
#
# We promised to come back to this table.

# %%
networks = {"shallow": net_shallow, "one conv layer": net_one, "two, sigmoid": net_two, "two, ReLU": net_relu}
print("moved by (pixels)  ", "".join(f"{d:6}   " for d in distances))
for name, net in networks.items():
    print(f"{name:19}", "".join(f"{accuracy_when_moved(net, d):8.1%} " for d in distances))

# %% [markdown]
# Here the ranking shows even on our few digits, because the question is harder: each layer of convolution and pooling
# makes the network less surprised by a move. Less, not immune: the fully connected layer on top still has to learn what
# each place of the last maps means. With poolings by 2 and 2, four pixels are one place.
#
# Is it really the knowledge of neighbours that helps? Scrambling takes that away. We train our best network on
# scrambled images, and judge it on images that were first moved and then scrambled.

# %%
net_relu_scrambled = two_layers(ReLU)
train(net_relu_scrambled, epochs_relu, eta_relu, lmbda, scrambled_training, scrambled_validation)
print("moved by (pixels)  ", "".join(f"{d:6}   " for d in distances))
for name, net in [("shallow, scrambled", net_scrambled), ("ReLU, scrambled", net_relu_scrambled)]:
    print(f"{name:19}", "".join(f"{accuracy_when_moved(net, d, scramble):8.1%} " for d in distances))

# %% [markdown]
# Now all its advantage is gone. On scrambled images that rest where they are, it reads about as many as before; but
# move them by two pixels, and it is no better than the shallow network, and twenty points worse than its twin that saw
# the images whole. Whatever the convolutional network does better, it does better because images are *images*.
#
# ## Mistakes
#
# Time for the test data. All that our last network misreads, with the label, and its answer after the arrow:

# %%
x_test, y_test = test_data
answers = net_relu.predict(x_test)
wrong = np.flatnonzero(answers != y_test)
n_test, n_wrong = len(y_test), len(wrong)
low, high = wilson_interval(n_test - n_wrong, n_test)
print(f"{n_wrong} of {n_test} misread: accuracy {1 - n_wrong / n_test:.1%} (95 % interval {low:.1%} to {high:.1%})")

shown = wrong[:40]
captions = [f"{y_test[i]} → {answers[i]}" for i in shown]
plotting.images(x_test[shown].reshape(-1, side, side), captions=captions, columns=8, cell=0.8)
plt.show()

# %% [markdown]
# On MNIST the records know which of the 10,000 test images each network misread. Do the better networks solve other
# images, or the same ones and a few more?

# %%
def misread(record):
    return {image for image, answer in record.best_errors}


reference = next(misread(record) for record in records if record.recipe == "shallow")
for record in records:
    both = len(misread(record) & reference)
    print(f"{record.recipe:15} seed {record.seed}   misreads {len(misread(record)):3}, {both:3} of them in common with "
          f"the shallow network of seed 0")
print("misread in every one of these runs:", len(set.intersection(*map(misread, records))))

# %% [markdown]
# The better networks do not trade old mistakes for new ones. More than half of the images that they misread defeat the
# shallow network as well, where chance would have it be one in fifty. Twenty images are misread by all, whatever the
# network and the seed; these have something to do with the image, not with the network.
#
# ## The book's table, and ours
#
# The book reports, of three runs of each network, the one with the best validation accuracy, and of that run the test
# accuracy at the epoch where validation was best. *By its rule* is the same rule applied to our runs (as many as there
# are, at most three); beside it the mean over runs, and the mean at the last epoch, which needs no choosing at all.

# %%
print(f"{'':15}     book   by its rule    mean   last epoch   runs")
for row in experiments.rows(records):
    print(f"{row.recipe.name:15}  {row.recipe.book:.2%}        {row.books_rule:.2%}  {row.mean:.2%}       "
          f"{row.mean_last:.2%}   {row.runs:4}")

low, high = wilson_interval(9923, 10_000)
print(f"\nchance alone, around 99.23 % of 10,000 images: {low:.2%} to {high:.2%}")

# %% [markdown]
# By the book's own rule, every row agrees with the book's to within a twentieth of a percentage point. But look at the
# last row: its mean lies 0.15 points below, and its three runs spread over two tenths, although only the seed differs.
# Three things stand between a single number in such a table and the truth:
#
# - **the test images**: on other 10,000 images of the same kind, the same network would get another score, within the
#   interval in the last line. Two networks that differ by less have not been told apart by one run each;
# - **the seed**: over seeds, one and the same recipe spreads by a tenth or two;
# - **the choice**: reporting the best of three runs (even by validation, as the book rightly does) gives a number that
#   a fourth run will rarely reach. The mean is what you should expect if you run it once.
#
# The ranking survives all three: each step of the story is larger than what chance explains, but for the last one, from
# sigmoid to ReLU, where our means are level and only the book's rule sees a gain. What ReLU did bring us is the
# speed with which it gets there:

# %%
curves = {record.recipe: [1 - accuracy for accuracy in record.validation_accuracy]
          for record in records if record.seed == 0}
plotting.epochs(curves, "validation error", percent=True)
plt.show()

# %% [markdown]
# The curves are the validation errors of the runs with seed 0, on MNIST. One can read off what no final number tells:
# every step of the story lowers the whole curve, and after some twenty epochs little changes, except for the patience
# of the reader. The book says so too, and recommends *early stopping*.
#
# ## Exercises
#
# Cells with solutions are folded; open them by a click on the three dots. Each is followed by a check.
#
# **1. Without the fully connected layer.** The book asks (its function `omit_FC`) what happens if the softmax layer
# reads the 2,880 answers of one convolutional layer directly. How many parameters does that network have? Put your
# answer into `n_parameters`, without building the network.

# %% tags=["solution"] jupyter={"source_hidden": true}
n_parameters = 20 * (5 * 5 + 1) + 10 * (20 * 12 * 12 + 1)

# %% tags=["check"]
net_omit_fc = Network([
    ConvPoolLayer(image_shape=(mini_batch_size, 1, 28, 28), filter_shape=(20, 1, 5, 5), poolsize=(2, 2)),
    SoftmaxLayer(n_in=20*12*12, n_out=10)], mini_batch_size, seed=seed, device=device, dtype=dtype)
expected = sum(p.size for p in net_omit_fc.params)
assert n_parameters == expected, "20 filters of 5 x 5 and a bias each; 10 outputs of 2,880 weights and a bias each"

# %% [markdown]
# A ninth of the network that we trained. Train it, if you like, and look at its row in the table of moved digits.
#
# **2. A third activation function.** The book's problem: the hyperbolic tangent, $\tanh z = 2\sigma(2z) - 1$, runs from
# -1 to 1 and has derivative 1 at 0. Train two convolutional layers with `tanh` for five epochs (with `eta`, without
# regularisation) into `history_tanh`. Does it sit on a plateau?

# %% tags=["solution"] jupyter={"source_hidden": true}
history_tanh = train(two_layers(tanh), 5, eta)

# %% tags=["check"]
assert len(history_tanh.cost) == 5, "five epochs"
print("cost with tanh:", *(f"{cost:.2f}" for cost in history_tanh.cost))

# %% [markdown]
# It does not. Its derivative is up to four times the sigmoid's, and three layers of it make sixty-four. ReLU is not the
# only way off the plateau.
#
# **3. A better beginning.** In a footnote of 2016 Nielsen says that the weights of the fully connected layers should
# have been drawn with standard deviation $\sqrt{1/n_\mathrm{in}}$; network3 uses $\sqrt{1/n_\mathrm{out}}$. Here the
# option `init="corrected"` of every layer but the softmax does the former. For `FullyConnectedLayer(2880, 100)`, by
# which factor are the book's weights too large? Put it into `factor`.

# %% tags=["solution"] jupyter={"source_hidden": true}
factor = (1 / 100) ** 0.5 / (1 / 2880) ** 0.5

# %% tags=["check"]
weights = [Network([FullyConnectedLayer(2880, 100, init=init), SoftmaxLayer(100, 10)], 10, device=device).params[0]
           for init in ("book", "corrected")]
measured = float(weights[0].std() / weights[1].std())
assert abs(factor / measured - 1) < 0.01, f"their standard deviations differ by a factor of {measured:.1f}"

# %% [markdown]
# **4 (harder). Where a neuron looks.** We worked out on paper that a neuron of the second layer sees 16 by 16 pixels.
# Check it by experiment: change one pixel of an image at a time, and see whether the answer `output[0, 0, 0, 0]` of
# layer 1 changes. Collect the positions at which it does, for a few random images, in a boolean array `seen` of 28 by
# 28. (Why several, and random? A change shows only where it makes an answer the largest of its pool.)

# %% tags=["solution"] jupyter={"source_hidden": true}
seen = np.zeros((side, side), bool)
noise = np.random.default_rng(seed)
net = two_layers(sigmoid)
for _ in range(10):
    image = noise.random(side * side)
    changed = np.tile(image, (side * side, 1)) + 2 * np.eye(side * side)  # one pixel in each
    net.forward(image[None])
    before = float(net.layers[1].output[0, 0, 0, 0])
    for start in range(0, side * side, 98):
        net.forward(changed[start : start + 98])
        differs = abs(net.layers[1].output[:, 0, 0, 0] - before) > 1e-5  # more than rounding
        seen.reshape(-1)[start : start + 98] |= np.array(differs.tolist())

# %% tags=["check"]
rows, columns = np.nonzero(seen)
assert seen[0, 0] or rows.size, "no pixel changed the answer"
assert rows.max() == columns.max() == 15, f"expected rows and columns up to 15; got {rows.max()} and {columns.max()}"

# %% [markdown]
# **5 (harder). An honest comparison.** From sigmoid to ReLU we changed three things at once, as the book does: the
# activation function, the learning rate and the penalty. Which of them did it? Train two more networks for five epochs
# each: sigmoids with the ReLU network's `eta_relu` and `lmbda`, into `history_a`; ReLUs with the sigmoid network's
# `eta` and no penalty, into `history_b`. Say before you run it which curve you expect.

# %% tags=["solution"] jupyter={"source_hidden": true}
history_a = train(two_layers(sigmoid), 5, eta_relu, lmbda)
history_b = train(two_layers(ReLU), 5, eta)

# %% tags=["check"]
assert len(history_a.cost) == len(history_b.cost) == 5, "five epochs each"
assert history_a.cost != history_b.cost, "two different networks"
for name, history in [("sigmoid", history_a), ("ReLU", history_b)]:
    print(f"{name:8}", *(f"{cost:.2f}" for cost in history.cost))

# %% [markdown]
# It was the activation function. The other two hardly matter here; the ReLU network even learns faster at the larger
# rate (whether it still would after 60 epochs of MNIST is another question).
#
# ## What we saw
#
# - A fully connected network does not know what an image is: scramble all pixels, and it learns as well as before.
# - A convolutional layer moves its answers along with the image, exactly. Pooling adds little invariance of its own; it
#   makes the next layer's field wider and its work smaller.
# - A second convolutional layer *saves* parameters, sees patches of 16 by 16 pixels, and makes the network steadier
#   when digits move.
# - Layers of sigmoids pass down less gradient with every layer, and sit on a plateau until the lowest has learned
#   something. ReLU (or tanh) does away with the plateau.
# - The book's L2 penalty is a gentle one: weights that no gradient holds lose 16 % in all of its 60 epochs.
# - On MNIST, the ranking of the book's table comes out again, with differences that chance and choosing explain.
#
# Next in the book come more data, dropout and committees, which bring the last half of a percent.
#
# ## Further reading
#
# - Nielsen, [chapter 6](http://neuralnetworksanddeeplearning.com/chap6.html#convolutional_neural_networks_in_practice):
#   the experiments that we repeated, and his reflections on each.
# - Nielsen, [chapter 5](http://neuralnetworksanddeeplearning.com/chap5.html): why deep networks are hard to train.
# - Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, [Gradient-based learning applied to document
#   recognition](http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf), Proceedings of the IEEE 86, 1998: convolutional
#   networks reading digits, and MNIST.
# - X. Glorot, A. Bordes and Y. Bengio, [Deep sparse rectifier neural
#   networks](https://proceedings.mlr.press/v15/glorot11a.html), 2011: rectified linear units, and why they may work.
# - M. D. Zeiler and R. Fergus, [Visualizing and understanding convolutional
#   networks](https://arxiv.org/abs/1311.2901), 2013: favourite patches, done thoroughly.
