# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 02 · Why deep networks are hard to train
#
# Notebook [01](01_universality.ipynb) ended with a promise and a warning. The promise: for some tasks, depth makes
# networks that need far fewer neurons. The warning: it makes learning hard. This notebook puts numbers to both. Most
# of it is about the warning, because for a long time it was the reason why hardly anybody used deep networks.
#
# **You will build** networks of one to twenty hidden layers, and an instrument that tells how fast each of those layers
# learns.
#
# **You will learn**
# - what depth can buy: a function for which a shallow circuit of gates needs exponentially more of them;
# - what happens if one simply adds layers, as the book's chapter 5 does: accuracy hardly gains, or falls;
# - how to measure the speed of learning of a layer, and that first layers are slow;
# - why: the gradient of an early layer is a product, with one factor for each layer after it;
# - when such products vanish, when they explode, and how little there is in between;
# - what other activation functions and other initial weights change, and what they do not.
#
# **You need** notebook [00](00_start_here.ipynb): layers, weights and biases, the cost $C$, gradient descent with a
# learning rate $\eta$, mini-batches, epochs; and for exercise 1 notebook [01](01_universality.ipynb), how steps make
# a function. You need the chain rule, and for section 6 products of matrices. $\sigma(z) = 1/(1 + e^{-z})$ is the
# sigmoid.

# %% tags=["nbval-ignore-output"]
import platform

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import netlib
from netlib import data, experiments, gradients, plotting
from netlib.backend import to_host
from netlib.gradients import Recorder, chain_terms, deep, speeds
from netlib.ops import ReLU, sigmoid, tanh
from netlib.universality import constructed
from netlib.widgets import Choice, Slider, explore

print(f"netlib {netlib.__version__}, Python {platform.python_version()}")
print(f"NumPy {np.__version__}, matplotlib {matplotlib.__version__}")

# %% tags=["parameters"]
dataset = "digits"  # or "mnist"; the text speaks of what comes out of the digits
device = "cpu"  # where to compute: "cpu", "gpu", or "auto" for the GPU where there is one
dtype = "float64"  # precision of all numbers: "float32" is faster
epochs_depths = 20  # passes through the training data for the four depths
n_seeds = 50  # networks for each distribution of initial speeds
n_descent = 200  # images for the descent with all of them at once (the book: 1000)
epochs_descent = 500  # steps of that descent
epochs_cures = 10  # passes through the training data for the networks of ten hidden layers

# %%
plt.style.use("netlib.mplstyle")
training_data, validation_data, _ = data.load(dataset)
x, y = training_data
thousand = x[:1000], y[:1000]
here = {"device": device, "dtype": dtype}
print(f"{len(y):,} images to learn from, {len(validation_data.y):,} to check with")

# %% [markdown]
# ## 1. What depth can buy
#
# A network is *deep* if it has more than one *hidden* layer, that is, one between inputs and outputs. Why should one
# want that, if one is enough for every function?

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
plotting.network(left, [4, 8, 1])
plotting.network(right, [4, 4, 4, 4, 1])
left.set_title("shallow")
right.set_title("deep")
plt.show()


# %% [markdown]
# Ask for the *parity* of eight bits: 1 if an odd number of them is 1, else 0. A deep network does it as a tree. Two
# bits $p$ and $q$ differ if *p or q* is true and *p and q* is not. That takes a neuron for each of these two
# conditions, and a third to join them. Compare pairs, then pairs of the results, then the last pair. (A neuron is a
# gate here. With the weights 20 and 20 and the bias $-10$, its output is nearly 1 if at least one input is 1: *or*.
# The weights $-20$ and $-20$ with the bias 30 make *not both*, and 20 and 20 with $-30$ make *and*.)

# %%
def parity_tree(bits):
    layers = []
    while bits > 1:
        pairs = np.kron(np.eye(bits // 2), np.ones((2, 1)))  # two inputs for each gate: 1, 1 along the diagonal
        or_and_nand = np.hstack([20 * pairs, -20 * pairs])
        both = np.vstack([np.eye(bits // 2)] * 2)
        layers += [(or_and_nand, [-10] * (bits // 2) + [30] * (bits // 2), sigmoid),
                   (20 * both, [-30] * (bits // 2), sigmoid)]
        bits //= 2
    return constructed(*layers, device=device)


tree = parity_tree(8)
bits = np.array(list(np.ndindex(*[2] * 8)), dtype=float)
print("neurons", [layer.n_out for layer in tree.layers], "together", sum(layer.n_out for layer in tree.layers))
print("right for", (tree.forward(bits)[:, 0].round() == bits.sum(axis=1) % 2).sum(), "of", len(bits))


# %% [markdown]
# Twenty-one neurons, in six layers. With a single hidden layer there is the obvious way: one neuron for each
# pattern that has an odd number of ones, which is on for that pattern alone. That is half of all patterns.

# %%
def parity_list(n):
    every = np.array(list(np.ndindex(*[2] * n)), dtype=float)
    odd = every[every.sum(axis=1) % 2 == 1]
    hidden = (20 * (2 * odd - 1).T, 10 - 20 * odd.sum(axis=1), sigmoid)
    return constructed(hidden, (np.full((len(odd), 1), 20), [-10], sigmoid), device=device)


flat = parity_list(8)
print("right for", (flat.forward(bits)[:, 0].round() == bits.sum(axis=1) % 2).sum(), "of", len(bits))
for n in (4, 8, 16, 32):
    print(f"{n:2} bits: tree {3 * (n - 1):3} neurons, list {2**(n - 1) + 1:,}")

# %% [markdown]
# With four bits the two are level; with 32 it is 93 neurons against two thousand million. Neurons with sigmoids can
# be cleverer than gates, and a network with one hidden layer can do parity with as many hidden neurons as there are
# bits (exercise 1). But for circuits of *and*, *or* and *not*, it is a theorem: with a fixed number of layers, the
# number of gates for parity grows faster than any power of the number of bits, even if a gate may have any number of
# inputs. Depth lets one step build on the result of another, as intermediate results do in a calculation. (The book
# shows circuits for adding and multiplying as its example.)
#
# **Exercise 1 (medium).** Make the clever network: `clever`, with eight inputs, *eight* hidden neurons with sigmoids
# and one output, right for all 256 patterns. (With all weights equal, a hidden neuron sees how many ones there are.
# Notebook 01 made any function of one number from steps, and large weights make a sigmoid a step. Build it as
# `parity_list` does: `constructed` takes, for each layer, a matrix of weights with a row for each input and a column
# for each neuron, the biases, and the activation function.)

# %% jupyter={"source_hidden": true} tags=["solution"]
hidden = (np.full((8, 8), 20), -20 * (np.arange(8) + 0.5), sigmoid)
clever = constructed(hidden, (20.0 * (-1) ** np.arange(8)[:, None], [-10], sigmoid), device=device)

# %% tags=["check"]
right = (clever.forward(bits)[:, 0].round() == bits.sum(axis=1) % 2).sum()
print("neurons", [layer.n_out for layer in clever.layers], "right for", right, "of", len(bits))
assert [layer.n_out for layer in clever.layers] == [8, 1], "eight hidden neurons and an output"
assert right == 256, "steps after 0, 1, 2 ... ones that count up and down in turn"


# %% [markdown]
# ## 2. Adding layers
#
# Take a plain network: 784 pixels, a fully connected layer of 30 sigmoids, 10 outputs, which are sigmoids too. Then
# add hidden layers of 30. The training is that of the book's chapter 5. The cost is the *cross-entropy*: for an image
# whose outputs are $a_0, \dots, a_9$, it is $-\sum_j [y_j \ln a_j + (1 - y_j) \ln (1 - a_j)]$, where $y_j$ is 1 for
# the right digit and else 0. Initial weights are drawn from a normal distribution whose standard deviation is one
# over the square root of the number of inputs, biases from the standard normal distribution. There are mini-batches
# of ten, shuffled, $\eta = 0.1$, and a small penalty on large weights (*L2 regularisation*; notebook
# [05](05_network3.ipynb) explains it). `deep` makes such networks. Of each depth we train two, with different seeds,
# and draw two lines.

# %%
def sizes(depth):
    return [784, *[30] * depth, 10]


def train(net, epochs, eta, **more):
    penalty = {"lmbda": 5 * len(y) / 50_000,  # the book's 5, scaled to fewer images
               "penalty_divisor": "examples"}  # which divides it by the number of images
    return net.SGD(training_data, epochs, net.mini_batch_size, eta, validation_data, None, **penalty,
                   shuffle=True, verbose=False, **more)


accuracies = {}
for depth in (1, 2, 3, 4):
    for seed in (0, 1):
        accuracies[depth, seed] = train(deep(sizes(depth), seed=seed, **here), epochs_depths, 0.1).validation_accuracy
    ends = " and ".join(f"{accuracies[depth, seed][-1]:.0%}" for seed in (0, 1))
    print(f"hidden layers: {depth}   validation accuracy after {epochs_depths} epochs: {ends}")

# %%
figure, axis = plt.subplots()
for (depth, seed), accuracy in accuracies.items():
    label = f"{depth} hidden" if seed == 0 else None
    axis.plot(np.arange(1, epochs_depths + 1), accuracy, color=f"C{depth - 1}", label=label)
axis.set(xlabel="epochs", ylabel="validation accuracy", ylim=(0, 1))
axis.xaxis.get_major_locator().set_params(integer=True)
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# Here a second layer costs a little; each one after it makes things much worse. With four, after twenty epochs, the
# answers are still no better than guessing (10 %).
#
# Twenty epochs of these digits are about 2,600 steps. The book has 150,000 of them, 30 epochs of MNIST. Given that much
# time, do the deeper ones catch up? Recorded runs, with the book's numbers beside ours:

# %%
for row in experiments.rows(experiments.records(), experiments.NETWORK2):
    print(f"hidden layers: {row.recipe.name[-1]}   the book {row.recipe.book:.2%}   here, mean of {row.runs}: "
          f"{row.mean:.2%} ({row.lowest:.2%} to {row.highest:.2%}), at the last epoch {row.mean_last:.2%}")

# %% [markdown]
# They do. On MNIST all four end within half a point of each other. (The accuracies are on validation images, after
# the best of the 30 epochs; the book gives one run each, and does not say after which epoch.) But they gain little: a
# second hidden layer brings three tenths of a point, and the third and the fourth lose them again. (The runs of one
# depth spread by up to two tenths.) In principle, a network with more layers could do whatever the one with fewer
# does, and more. It had the time; something keeps it from making use of its layers. So let us look at the learning.
#
# ## 3. The speed of learning
#
# Take two hidden layers, before the first step of training. The gradient says for every bias $b$ how fast the cost
# would change if it did, $\partial C/\partial b$. In a step of gradient descent, the bias changes by $-\eta$ times
# that. So the size of the gradient *is* the speed at which the bias moves, and we take it for the speed at which the
# neuron learns. Here are six neurons of each hidden layer, and their gradients, averaged over the first thousand
# images; and beside them those that the book shows, of a network with other random weights. (Neuron 1 here has
# nothing to do with neuron 1 there: compare heights, not bars.)

# %%
net = deep(sizes(2), **here)
_, first, _, second, _, _ = map(to_host, gradients.mean_gradients(net, thousand))  # weights and biases in turn
book_bars = {"first hidden layer": (-0.0040, -0.0032, 0.0081, 0.0126, -0.0265, 0.0018),
             "second hidden layer": (0.0415, 0.0440, -0.0097, 0.0467, 0.0388, 0.0123)}
figure, (left, right) = plt.subplots(1, 2, sharey=True)
for axis, layer, title in ((left, first, "first hidden layer"), (right, second, "second hidden layer")):
    axis.bar(np.arange(1, 7) - 0.2, layer[:6], width=0.4, label="here")
    axis.bar(np.arange(1, 7) + 0.2, book_bars[title], width=0.4, label="the book's network")
    axis.set(xlabel="neuron", title=title, xticks=range(1, 7))
left.set(ylabel="dC/db")
left.legend()
plt.show()
print(f"mean size of all thirty: {np.abs(first).mean():.3f} and {np.abs(second).mean():.3f}")

# %% [markdown]
# The neurons of our second layer learn about five times as fast as those of the first. Is that chance, or a rule?
#
# Let the *speed* of a layer be the length of the vector of all its $\partial C/\partial b$, after these have been
# averaged over the images. The book measures one network of each depth. We make fifty of each, with other initial
# weights, and look where most of them lie.

# %%
book = {2: (0.07, 0.31), 3: (0.012, 0.060, 0.283), 4: (0.003, 0.017, 0.070, 0.285)}
initial = {depth: np.array([speeds(deep(sizes(depth), seed=seed, **here), thousand) for seed in range(n_seeds)])
           for depth in book}
for depth, found in initial.items():
    low, middle, high = np.quantile(found, (0.05, 0.5, 0.95), axis=0)
    rising = (np.diff(found, axis=1) > 0).all(axis=1).sum()
    print(f"{depth} hidden layers: median", " ".join(f"{v:.2g}" for v in middle),
          f"  rising from layer to layer in {rising} of {n_seeds}")
    print(f"{'the book':>15}:        ", " ".join(f"{v:g}" for v in book[depth]))

# %%
by_weights = np.median([speeds(deep(sizes(4), seed=seed, **here), thousand, "weights") for seed in range(9)], axis=0)
print("the same for the weights, 4 hidden layers: median", " ".join(f"{v:.1g}" for v in by_weights))

# %%
figure, axes = plt.subplots(1, 3, sharey=True, figsize=(8, 2.8))
for axis, (depth, found) in zip(axes, initial.items()):
    low, middle, high = np.quantile(found, (0.05, 0.5, 0.95), axis=0)
    layers = np.arange(1, depth + 1)
    axis.fill_between(layers, low, high, alpha=0.25, label="5 to 95 %")
    axis.semilogy(layers, middle, marker="o", label="median")
    axis.semilogy(layers, book[depth], "x", color="C1", markersize=8, label="the book's network")
    axis.set(xlabel="hidden layer", xticks=layers, title=f"{depth} hidden layers")
axes[0].set(ylabel="speed before training")
axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# It is a rule: in a hundred and fifty networks, without an exception, the later layer is the faster one, typically by
# a factor of five. With four hidden layers, the first learns a hundred times slower than the last. (The gradients
# with respect to the weights, of which there are more, are larger. They grow from layer to layer too, though less
# between the first two.) And the book's networks, which have seen MNIST and not our digits, lie in the same bands:
# this is a property of the networks, hardly of the data. It has a name, the **vanishing gradient**.
#
# Does it pass, once training has begun? Follow the speeds over 500 steps, each with the gradient of the same images
# all at once, so that nothing of what we see is the noise of mini-batches. (With mini-batches the curves are similar,
# and rough.)

# %%
few = x[:n_descent], y[:n_descent]
descents = {}
for depth in (2, 3, 4):
    net = deep(sizes(depth), mini_batch_size=n_descent, **here)
    record = Recorder(net, lambda net: speeds(net, few))
    history = net.SGD(few, epochs_descent, n_descent, 0.1, None, None, 5 * n_descent / 1000,
                      penalty_divisor="examples", verbose=False, after_epoch=record)
    descents[depth] = record.values[:-1]  # before each step, as in the book
    gap = descents[depth][:, -1] / descents[depth][:, 0]
    print(f"{depth} hidden layers: the last is {gap[0]:.3g} times as fast as the first, at the least {gap.min():.3g}, "
          f"in the end {gap[-1]:.3g}; the cost goes from {history.cost[0]:.2f} to {history.cost[-1]:.2f}")


# %%
def draw_descents(curves, where=""):
    _, axes = plt.subplots(1, 3, sharey=True, figsize=(9, 3))
    for axis, (depth, values) in zip(axes, curves.items()):
        for layer, speed in enumerate(values.T, start=1):
            axis.semilogy(speed, label=f"hidden layer {layer}", linewidth=1.2)
        axis.set(xlabel="step", title=f"{depth} hidden layers{where}")
    axes[0].set(ylabel="speed")
    axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    plt.show()


draw_descents(descents)

# %% [markdown]
# The speeds fall together at first, hundredfold in some tens of steps. With two layers the gap between them closes,
# for a while the first is even the faster one, and then it opens again. With three, the gap between the first two
# narrows. With four, the gap between first and last halves during the fall, and then slowly grows back. So early
# layers being slow is a rule for the start, and a tendency later.
#
# What is that fall? Look at the cost. With three and four layers it goes to 3.24 or so and stays there, and that
# number can be had without looking at an image at all: it is the cost of always giving the same answer, for each
# digit the fraction of the images that show it.

# %%
p = np.bincount(few[1], minlength=10) / n_descent
constant = -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum()
print(f"cost of always giving the same answer: {constant:.2f}")

# %% [markdown]
# That is the first thing such a network learns, and for that the biases of the output are enough. Then it must learn
# to tell the images apart, through layers that hardly move. The network with two hidden layers has set out for that
# (its speeds rise again). The others have hardly begun.
#
# The same on MNIST, with the book's thousand images, recorded. The figure shows the first seed, the lines below it
# tell of all:

# %%
recorded, ends = {}, {2: [], 3: [], 4: []}
for record in experiments.speed_records():
    recorded.setdefault(record.depth, np.array(record.speeds))  # of the first seed
    ends[record.depth].append(record.speeds[-1][0])
book_ends = {2: 3.4e-3, 3: 8.6e-5, 4: 8.2e-6}  # from the data of its figures
draw_descents(recorded, ", MNIST")
for depth, found in ends.items():
    print(f"{depth} hidden layers, first one's speed after 500 steps: here {min(found):.2g} to {max(found):.2g} "
          f"({len(found)} seeds), the book's {book_ends[depth]:.2g}")

# %% [markdown]
# It is the same: the fall, the order of the layers, and with two layers the crossing. The book's ends lie within our
# ranges, or, with two layers, just below.
#
# ## 4. A chain of neurons
#
# Why is it so? Make the network as narrow as can be: a single neuron in each layer, one after the other. Neuron $j$
# computes $a_j = \sigma(z_j)$ from $z_j = w_j a_{j-1} + b_j$, where $a_0$ is the input (the circle on the left), and
# the cost $C$ depends on the last activation; here it is $C = \frac12 (a_4 - 1)^2$.

# %%
figure, axis = plt.subplots(figsize=(8, 1.6))
wires = {(j, 0, 0): f"$w_{j}$" for j in range(1, 5)}
plotting.network(axis, [1] * 5, inputs=["$a_0$"], outputs=["$C$"], connections=wires,
                 neurons={(j, 0): f"$b_{j}$" for j in range(1, 5)})
plt.show()

# %% [markdown]
# Move the first bias by a little, $\Delta b_1$. Then $a_1$ moves by $\sigma'(z_1)\,\Delta b_1$. That moves $z_2$ by
# $w_2$ times as much, so $a_2$ by another factor $w_2\,\sigma'(z_2)$, and so on to the end, where the cost moves by
# $\partial C/\partial a_4$ times what has arrived:
#
# $$\frac{\partial C}{\partial b_1} = \sigma'(z_1)\; w_2\,\sigma'(z_2)\; w_3\,\sigma'(z_3)\; w_4\,\sigma'(z_4)\;
# \frac{\partial C}{\partial a_4}.$$
#
# One factor $w_j\,\sigma'(z_j)$ for every neuron after the first. For the third bias the same formula is shorter by
# two factors: $\frac{\partial C}{\partial b_3} = \sigma'(z_3)\; w_4\,\sigma'(z_4)\; \frac{\partial C}{\partial a_4}$.
#
# How large is such a factor? The slope of the sigmoid is at most $\frac14$, at $z = 0$, and weights drawn from a
# standard normal distribution (which is what section 2 draws for a neuron with one input) are mostly smaller than 1
# in size.

# %%
z = np.linspace(-5, 5, 401)
figure, axis = plt.subplots(figsize=(5, 2.4))
axis.plot(z, gradients.slope(sigmoid, z))
axis.set(xlabel="z", ylim=(0, 0.26), title="the slope of the sigmoid")
plt.show()

# %%
rng = np.random.default_rng(0)
chains = [chain_terms(rng.normal(size=4), rng.normal(size=4), rng.random()) for _ in range(2000)]
factors = np.abs([chain.factors[1:] for chain in chains])
ratios = np.abs([chain.bias_gradients[2] / chain.bias_gradients[0] for chain in chains])
print(f"of {factors.size} factors, {(factors < 0.25).mean():.0%} are below 1/4, {(factors >= 1).sum()} are 1 or more; "
      f"the median is {np.median(factors):.2f}")
print(f"the third bias learns faster than the first in {(ratios > 1).mean():.1%} of {len(chains)} chains, "
      f"at least 16 times as fast in {(ratios > 16).mean():.0%}")

# %% [markdown]
# A product of numbers that are mostly below $\frac14$ shrinks with every factor. The first bias has two more of them
# than the third, so it is usually slower by a factor of $4 \cdot 4 = 16$ or more. That is how gradients vanish.
#
# Set the numbers yourself. Below, eight neurons in a chain all have the weight $w$ and the bias $b$. On the left are
# the factors; the line marks 1. On the right is what their product makes of each bias's gradient, on a log scale. In
# a running notebook, press *Explosion*, and then move $b$ by a single step, from $-50$ to $-50.1$. It turns factors
# of 25 into factors of nearly 0, explosion into vanishing, and section 5 says why.

# %%
functions = {"sigmoid": sigmoid, "tanh": tanh, "ReLU": ReLU}


def draw_chain(figure, w, b, a0, activation):
    terms = chain_terms([w] * 8, [b] * 8, a0, functions[activation])
    left, right = figure.subplots(1, 2)
    left.bar(range(2, 9), np.abs(terms.factors[1:]))
    left.axhline(1, color="gray", linewidth=1)
    left.set(xlabel="neuron", ylabel="|w times slope|", title="size of the factors")
    sizes_of = np.maximum(np.abs(terms.bias_gradients), 1e-30)  # a log scale knows no 0
    right.semilogy(range(1, 9), sizes_of, "o")
    right.set(xlabel="neuron", xticks=range(1, 9), ylabel="|dC/db|", title="size of the gradients",
                   ylim=(sizes_of.min() / 10, sizes_of.max() * 10))


sliders = {"w": Slider(1.0, -100.0, 100.0, 0.1), "b": Slider(0.0, -50.0, 50.0, 0.1), "a0": Slider(0.5, 0.0, 1.0, 0.01)}
explosion = {"w": 100.0, "b": -50.0, "a0": 0.5, "activation": "sigmoid"}
explore(draw_chain, sliders | {"activation": Choice("sigmoid", list(functions))}, buttons={"Explosion": explosion})

# %% [markdown]
# Is the formula right? `gradients.chain` makes the same chain as a real network, and backpropagation knows nothing of
# our product:

# %%
weights, biases = rng.normal(size=6), rng.normal(size=6)
terms = chain_terms(weights, biases, 0.5)
net = gradients.chain(weights, biases, device=device)
backpropagated = np.array([float(b[0]) for b in net.gradients(([[0.5]], [0]))[1::2]])
print("product        ", " ".join(f"{v:.3e}" for v in terms.bias_gradients))
print("backpropagation", " ".join(f"{v:.3e}" for v in backpropagated))
print("equal to twelve digits:", np.allclose(terms.bias_gradients, backpropagated, rtol=1e-12, atol=0))

# %% [markdown]
# ## 5. Exploding, and how little lies between
#
# Then take large weights! With $w = 100$ in every neuron, and biases such that every $z_j$ is 0, where the slope is
# $\frac14$, each factor is $100 \cdot \frac14 = 25$. The product grows with every layer. That is an **exploding
# gradient**.

# %%
weights = [100.0] * 4
biases = gradients.biases_for_zero(weights, 0.3)
print("biases", biases)
for a0 in (0.3, 0.301, 0.31, 0.35):
    terms = chain_terms(weights, biases, a0)
    print(f"input {a0:5}: factors", "  ".join(f"{f:.1e}" for f in terms.factors[1:]),
          f"  dC/db1 {abs(terms.bias_gradients[0]):.1e}")

# %% [markdown]
# It takes an input of exactly 0.3. A thousandth beside that, and the last factors have collapsed: the first neuron
# magnifies the difference, the second one magnifies it further, and the third is *saturated*: its $z$ is so far from
# 0 that the sigmoid is flat there. (The factors are those of neurons 2, 3 and 4. A zero among them is rounded: with
# the input 0.301, the third neuron's slope is about $4 \cdot 10^{-19}$.)
#
# That is the catch with large weights. $w\,\sigma'(wa + b)$ has $w$ in it twice: a large one in front makes the slope
# small, unless $wa + b$ happens to be near 0. For which activations $a$ is the factor at least 1? For none if $|w| <
# 4$. Above that, for an interval around $-b/w$. The slope of the sigmoid is $\sigma' = \sigma(1 - \sigma)$. At the
# ends of the interval $|w|\,\sigma(1 - \sigma) = 1$, so $\sigma = \frac12 (1 + \sqrt{1 - 4/|w|})$ at one of them.
# There $|wa + b| = \ln\frac{\sigma}{1 - \sigma}$, and since $\frac{\sigma}{1 - \sigma} = \frac1{1 - \sigma} - 1$ and
# $\frac1{1 - \sigma} = |w|\,\sigma$, that is $\ln(|w|\,\sigma - 1)$. The width is twice this, divided by $|w|$:
#
# $$\frac{2}{|w|} \ln\left(\frac{|w|\,(1 + \sqrt{1 - 4/|w|})}{2} - 1\right).$$

# %%
w = np.linspace(4, 60, 400)
best_w, widest = gradients.widest_window()
figure, axis = plt.subplots(figsize=(5, 2.4))
axis.plot(w, gradients.window_width(w))
axis.plot(best_w, widest, "o", color="C1")
axis.set(xlabel="|w|", ylabel="width of the interval", ylim=(0, 0.5))
plt.show()
print(f"widest at |w| = {best_w:.1f}: {widest:.2f}; there, counted point by point: "
      f"{gradients.measured_window(best_w, -best_w / 2):.2f}")

# %% [markdown]
# At best, with $|w| = 6.9$, the interval is 0.45 wide: less than half of the activations between 0 and 1. If its
# inputs were spread evenly from 0 to 1, then even the best single neuron would shrink the gradient more often than
# not.
#
# So the trouble is not that gradients vanish. It is that the gradient of an early layer is a *product*, of as many
# factors as there are layers after it. For a product of many numbers to be about 1, the numbers must balance, and
# nothing makes them do so. In general it will be much too small or much too large, and differ by powers of ten
# between the first layers and the last. The book calls that the **unstable gradient problem**. With sigmoids,
# vanishing is what nearly always happens.
#
# **Exercise 2 (easy).** *The identity neuron.* Take a single hidden neuron, with $w_1$, $b$ and $w_2$, and the output
# $w_2\,\sigma(w_1 x + b)$. Choose the three numbers so that the output is $x + c$ for some constant $c$, to within
# 0.001, for all $x$ from 0 to 1. (Where is the sigmoid nearly straight? Write a dictionary `identity` with the keys
# `w1`, `b` and `w2`.)

# %% jupyter={"source_hidden": true} tags=["solution"]
identity = {"w1": 0.05, "b": -0.025, "w2": 4 / 0.05}

# %% tags=["check"]
inputs = np.linspace(0, 1, 101)
outputs = identity["w2"] * sigmoid(identity["w1"] * inputs + identity["b"])
distance = np.ptp(outputs - inputs) / 2
factor = identity["w2"] * identity["w1"] * gradients.slope(sigmoid, identity["w1"] * inputs + identity["b"])
print(f"farthest from x + c: {distance:.5f}; both weights times the slope: {factor.min():.4f} to {factor.max():.4f}")
assert distance < 0.001, "a small w1 keeps to the middle of the sigmoid, w2 = 4 / w1 makes up for it"

# %% [markdown]
# So a layer *can* hand on what it gets, and its gradient with it. But that needs one weight near 0 and one very
# large, and nothing about initial weights or about gradient descent makes that likely.
#
# **Exercise 3 (easy).** At $|w| = 4$ the interval is a single point. How large must $|w|$ be for the interval to be
# 0.3 wide? There are two answers; give them as a pair `answers`, the smaller one first, to two decimals. (Try many
# values of $|w|$; the function `gradients.window_width` takes arrays.)

# %% jupyter={"source_hidden": true} tags=["solution"]
w = np.arange(4, 60, 0.001)
above = w[gradients.window_width(w) >= 0.3]
answers = round(above[0], 2), round(above[-1], 2)

# %% tags=["check"]
print("between", answers[0], "and", answers[1])
widths = gradients.window_width(np.array(answers, dtype=float))
assert np.allclose(widths, 0.3, atol=0.005), f"there the interval is {widths[0]:.3f} and {widths[1]:.3f} wide"
assert answers[1] > answers[0] + 1, "two different answers, the smaller one first"

# %% [markdown]
# ## 6. Layers of many neurons
#
# With more than one neuron in a layer, numbers become matrices. Write $\delta^l$ for the vector of $\partial
# C/\partial b$ in layer $l$, $w^l$ for the matrix of weights into it, and $\Sigma'(z^l)$ (not a sum) for the diagonal
# matrix of its slopes. The last layer is $L$. The same walk, from layer to layer, gives
#
# $$\delta^l \;=\; \Sigma'(z^l)\,(w^{l+1})^T\, \Sigma'(z^{l+1})\,(w^{l+2})^T \cdots \Sigma'(z^L)\; \nabla_a C,$$
#
# where $\nabla_a C$ has the derivatives of the cost with respect to the outputs. Instead of a factor, each layer
# after layer $l$ now gives a pair of matrices.

# %%
net = deep(sizes(4), device=device, dtype="float64")
form = gradients.matrix_form(net, x[0], int(y[0]))
backpropagated = list(map(to_host, net.gradients((x[:1], y[:1]))[1::2]))
print("matrices multiplied agree with backpropagation:",
      all(np.allclose(a, b, rtol=1e-9, atol=0) for a, b in zip(form.deltas, backpropagated)))
lengths = [np.linalg.norm(delta) for delta in form.deltas]
print("length of delta, from the first layer to the last:", " ".join(f"{length:.2g}" for length in lengths))
print("each pair of matrices can stretch a vector by at most", " ".join(f"{g:.2f}" for g in form.growth[1:]))
square = np.random.default_rng(0).normal(size=(30, 30)) / np.sqrt(30)
print(f"30 x 30 random numbers, at most {np.linalg.norm(square, 2):.1f}, typically "
      f"{np.linalg.norm(square) / np.sqrt(30):.1f}")

# %% [markdown]
# No pair can stretch a vector even to half of its length (what is printed is the *largest singular value* of $\Sigma'
# w^T$, the most by which it stretches any vector). A matrix of $30 \times 30$ random numbers with the standard
# deviation $1/\sqrt{30}$ stretches a vector by about 2 at the most, and typically by 1. The slopes are about 0.2 (the
# curve of section 4, at the $z$ that occur). So a typical layer multiplies the gradient by 0.2: here is the factor of
# five from section 3.
#
# ## 7. Cures?
#
# If the factors are too small, make them larger. There are three things to set: the activation function, the size of
# the initial weights, and the biases.
#
# - *tanh* has the slope 1 at 0, four times that of the sigmoid. *ReLU* has the slope 1 for all positive $z$, and 0
#   for negative ones.
# - Weights with the variance $1/n$, for $n$ inputs, are right for a slope of 1 (section 6: such a matrix stretches a
#   typical vector by 1). For ReLU, where half of the slopes are 0, Kaiming He chose $2/n$ to make up for that (in the
#   table, *He's weights*). Xavier Glorot's choice is $2/(n + m)$ for $m$ outputs: between $1/n$, which keeps the
#   signal even on its way forward, and $1/m$, which keeps the gradient even on its way back.
# - Biases of 0 keep a neuron, at first, in the middle of its activation function.
#
# Measure the speed of the first hidden layer relative to that of the last, with 4, 10 and 20 hidden layers; 1 would
# be perfect. (In the table's second row, a sigmoid four times as steep, with the slope 1 at 0, is the plain one with
# weights and biases four times as large.)

# %%
cures = {
    "sigmoid": {},
    "sigmoid, four times as steep": {"scale": 4, "bias_scale": 4},
    "tanh": {"activation_fn": tanh},
    "tanh, biases 0": {"activation_fn": tanh, "bias_scale": 0},
    "tanh, Glorot's weights, biases 0": {"activation_fn": tanh, "init": "glorot", "bias_scale": 0},
    "ReLU": {"activation_fn": ReLU},
    "ReLU, biases 0": {"activation_fn": ReLU, "bias_scale": 0},
    "ReLU, He's weights": {"activation_fn": ReLU, "init": "he"},
    "ReLU, He's weights, biases 0": {"activation_fn": ReLU, "init": "he", "bias_scale": 0}}


def relative_speed(depth, images, seeds, **options):
    found = [speeds(deep(sizes(depth), seed=seed, **options, **here), images) for seed in range(seeds)]
    return np.median([speed[0] / speed[-1] for speed in found])


some = x[:300], y[:300]
print(f"{'hidden layers':34}       4       10       20")
for name, options in cures.items():
    print(f"{name:34}", "".join(f"{relative_speed(depth, some, 9, **options):9.1g}" for depth in (4, 10, 20)))

# %% [markdown]
# With sigmoids the first of twenty layers is slower by a factor of $10^{13}$. Such a layer does not learn. (In
# float32, which has seven digits, adding such a step changes nothing.) tanh and ReLU as they come are better by many
# powers of ten, and still lose a power or more every ten layers. With biases of 0 for tanh, or with He's weights for
# ReLU, the first layer's speed is within a factor of ten of the last's, even at twenty layers. (For ReLU, biases of 0
# alone do nothing.) Which of these matter? Look at all depths and all sizes of weights at once:

# %%
depths = (2, 4, 6, 10, 14, 20)
scales = (0.25, 0.5, 1, 1.41, 2, 4, 8, 16, 32)
figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), sharey=True, layout="constrained")
hundred = x[:100], y[:100]
for axis, (name, options) in zip(axes, (("sigmoid", {}), ("tanh, biases 0", cures["tanh, biases 0"]),
                                        ("ReLU, biases 0", cures["ReLU, biases 0"]))):
    heat = [[np.log10(relative_speed(depth, hundred, 3, scale=scale, **options)) for scale in scales]
            for depth in depths]
    image = axis.imshow(heat, vmin=-4, vmax=4, cmap="RdBu_r", aspect="auto")
    axis.contour(heat, levels=[-1, 1], colors="black", linewidths=0.8, linestyles="solid")
    axis.set(title=name, xlabel="weights multiplied by", xticks=range(len(scales)), yticks=range(len(depths)))
    axis.set_xticklabels([f"{scale:g}" for scale in scales], fontsize=8)
    axis.set_yticklabels(depths)
    axis.grid(visible=False)
axes[0].set_ylabel("hidden layers")
figure.colorbar(image, ax=axes, label="log10 (first / last)", extend="both")
plt.show()

# %% [markdown]
# White is where the first layer is as fast as the last; between the black lines they differ by less than a factor of
# ten. Blue is vanishing, red is exploding; the colours end at a factor of $10^4$. (Note the uneven steps of both
# scales.) For each activation there is a white band; the deeper the network, the narrower. For ReLU it lies at 1.41,
# He's $\sqrt 2$, or a little above. At twenty layers, the first is more than a thousand times slower than the last at
# a scale of 1, and about a thousand times faster at a scale of 2. tanh is kinder: where weights are too large it
# explodes too, but far more slowly, probably because it saturates. The sigmoid's band lies at sixteen (not at five,
# as the factor of 0.2 would suggest: larger weights also flatten the slopes).
#
# **Exercise 4 (medium).** Find a scale of the weights (two digits are enough) for which, in networks of *twelve*
# hidden layers of ReLU with biases 0, the first layer learns about as fast as the last: `relative_speed(12, hundred,
# 20, scale=..., activation_fn=ReLU, bias_scale=0)`, the median over twenty networks, should lie between 1/4 and 4.
# Call it `balanced`.

# %% jupyter={"source_hidden": true} tags=["solution"]
balanced = 1.5

# %% tags=["check"]
ratio = relative_speed(12, hundred, 20, scale=balanced, activation_fn=ReLU, bias_scale=0)
print(f"scale {balanced}: the first layer is {ratio:.1f} times as fast as the last")
assert 0.25 < ratio < 4, "larger weights make it grow, smaller ones shrink it"

# %% [markdown]
# ## 8. Does it help?
#
# The speed before the first step is one thing, learning another. Ten hidden layers, ten epochs, three seeds, each
# method with a learning rate that suits it. (For each we tried three, about three times apart, with one of the seeds,
# and kept the one with the best validation accuracy.) And for comparison, one hidden layer:

# %%
contest = {"one hidden layer, sigmoid": ({}, 0.1),
           "sigmoid": ({}, 0.5), "sigmoid, weights times 16": ({"scale": 16}, 0.1), "tanh": (cures["tanh"], 0.1),
           "tanh, biases 0": (cures["tanh, biases 0"], 0.03), "ReLU": (cures["ReLU"], 0.03),
           "ReLU, He's weights": (cures["ReLU, He's weights"], 0.01),
           "ReLU, He's weights, biases 0": (cures["ReLU, He's weights, biases 0"], 0.03)}
reached = {}
for name, (options, eta) in contest.items():
    depth = 1 if "one hidden" in name else 10
    nets = (deep(sizes(depth), seed=seed, **options, **here) for seed in (0, 1, 2))
    reached[name] = [max(train(net, epochs_cures, eta).validation_accuracy) for net in nets]
    middle = np.median(reached[name])
    told = "like guessing" if middle < 0.13 else "three of four right, or more" if middle > 0.75 else "between"
    print(f"{name:30} eta {eta:4}: {told}")

# %%
figure, axis = plt.subplots(figsize=(7, 2.6))
for place, name in enumerate(reversed(reached)):
    axis.plot(reached[name], [place] * 3, "o", color="C0", alpha=0.6)
axis.set(xlim=(0, 1), xlabel="best validation accuracy, with each of three seeds", yticks=range(len(reached)))
axis.set_yticklabels(reversed(reached))
plt.show()

# %% [markdown]
# With the plain sigmoid nothing happens in ten epochs. The networks of tanh or ReLU that section 7 found balanced get
# to between 80 and 95 %; the other three, to anything from 20 to 80 %. Two seeds differ by as much as two methods
# here, so do not rank the upper ones by this. And see the first line: on these digits, in this time, one hidden layer
# does better than any network with ten. The cures have made deep networks able to learn. They have not made depth
# pay.
#
# And one line is a warning: sigmoids with sixteenfold weights are as well balanced, in section 7, as the best, and
# they learn far worse than those. An even speed helps. It is not enough. One suspect: most of these neurons are
# *saturated*, so far from $z = 0$ that their slope is below a tenth of its largest value.

# %%
net = deep(sizes(10), scale=16, **here)
saturated = gradients.silent(net, some[0], at_most=0.025).silent
print(f"saturated, of the sigmoids with sixteenfold weights: {saturated.mean():.0%}")
saturated = gradients.silent(deep(sizes(10), **here), some[0], at_most=0.025).silent
print(f"of those with plain ones: {saturated.mean():.0%}")

# %% [markdown]
# ## 9. "ReLU has the derivative 1"
#
# One reads that ReLU cures vanishing gradients because its derivative is 1. That is half of the truth. The derivative
# is 1 or 0, and a neuron whose $z$ is negative hands back nothing. How many of them are there? A neuron is *silent* for
# an image if its slope there is 0, and *dead* if it is silent for all of the images (here, three hundred). We train
# again, all at the rate 0.03.

# %%
figure, axes = plt.subplots(1, 3, figsize=(9, 2.6), sharey=True)
for axis, name in zip(axes, ("ReLU", "ReLU, He's weights", "ReLU, He's weights, biases 0")):
    net = deep(sizes(10), **cures[name], **here)
    before = gradients.silent(net, some[0])
    train(net, epochs_cures, 0.03)
    after = gradients.silent(net, some[0])
    print(f"{name:29} before training: silent {before.silent.mean():.0%}, dead {before.dead.mean():.0%}; "
          f"after it fewer dead: {after.dead.mean() < before.dead.mean()}, "
          f"in the first layer: {after.dead[0] < before.dead[0]}")
    for shift, found, when in ((-0.2, before, "before"), (0.2, after, "after")):
        axis.bar(np.arange(1, 11) + shift, found.dead, width=0.4, label=when)
    axis.set(xlabel="hidden layer", title=name, xticks=range(1, 11))
axes[0].set(ylabel="dead neurons", ylim=(0, 1))
axes[0].legend()
plt.show()

# %% [markdown]
# On average half of the neurons are silent for an image. So half of the paths back through each layer are cut, and the
# derivatives of 1 on the other paths cannot make up for it: that is what He's factor 2 in the variance is for. And
# the *weights* are in the product as before. A derivative of 1 takes away one of two causes, the slopes.
#
# Forty per cent are dead before training begins, if biases are drawn from $N(0, 1)$: the sums of a neuron's inputs
# differ little between images, in deeper layers less and less, so a bias of the size of 1 decides: the neuron is on for
# all images or for none. With biases of 0 there are half as many. In training many of the dead in later layers
# revive, because the layers below them move (others die, so the bars fall by less). In the first hidden layer they
# hardly can. Its inputs, the images, stay what they are, and a neuron that is silent for all training images never
# moves (notebook [07](07_training_in_practice.ipynb), section 6; a few that are dead for our three hundred answer to
# another). There training has added to the dead. See the last panel.
#
# **Think.** Suppose that there were a sigmoid four times as steep, with the slope 1 at its middle. Would unstable
# gradients be gone? (The answer stands in one of the tables above. In which row?)
#
# ## What we have seen
#
# - The gradient of an early layer is a *product* with one factor for each layer after it: $w\,\sigma'(z)$ for neurons
#   in a chain, $w^T \Sigma'$ for layers.
# - So from layer to layer it changes by a factor, and these multiply to powers of ten. If the factors are mostly
#   below 1, early gradients *vanish*; if above, they *explode*. Either way gradients are *unstable*: only a balance
#   of all factors would keep them even, and nothing in gradient descent provides it.
# - With sigmoids and the usual weights they vanish, by a factor of 5 for each layer of 30 neurons.
# - Other activation functions, and initial weights that fit them, set the balance at the start. That made deep
#   networks able to learn. Nothing in them keeps the balance during training, and it is not all that learning needs:
#   sigmoids with large weights had it too.
#
# What else helps is the subject of the next notebooks: more data and more time (both are what the book's chapter 6
# relies on), layers that share weights, so that each weight collects gradient from many places
# ([04](04_convolution_and_pooling.ipynb)), ReLU ([05](05_network3.ipynb)), better optimisers
# ([07](07_training_in_practice.ipynb)).
#
# ## In practice
#
# - If a deep network does not learn at all, measure `gradients.speeds` before touching anything else. A factor of a
#   hundred between first and last layer makes learning slow, one of many thousands hardly possible.
# - The usual pairs are ReLU with He's weights and tanh with Glorot's, and biases that begin at 0. (Our networks are
#   too small and too few to say which of these matters most.)
# - A cost that stands still from the first epoch on, at the value for constant answers, means that only the output
#   biases have learned.
# - A cost that becomes infinite or nan is the other end of the same problem; notebook 07 hunts one down.
#
# ## Further reading
#
# - M. Nielsen, *Neural Networks and Deep Learning*,
#   [chapter 5](http://neuralnetworksanddeeplearning.com/chap5.html): the experiments of sections 2 to 6.
# - S. Hochreiter, *Untersuchungen zu dynamischen neuronalen Netzen* (1991), and Y. Bengio, P. Simard and P. Frasconi,
#   *Learning long-term dependencies with gradient descent is difficult* (1994): where the problem was first
#   understood.
# - X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010); K.
#   He, X. Zhang, S. Ren and J. Sun, *Delving deep into rectifiers* (2015): initial weights that fit.
# - J. Håstad, *Almost optimal lower bounds for small depth circuits* (1986): parity needs depth.
