# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 07 · Training in practice
#
# The networks of notebooks [00](00_start_here.ipynb) and [05](05_network3.ipynb) were trained with numbers that fell
# from the sky: mini-batches of ten, a learning rate of 0.05 or 0.1, so many epochs. Whoever trains a network of their
# own has to find such numbers, and to notice when they are wrong. This notebook is about that craft: which knobs
# there are, what each one does, *measured*, and what to do when a run goes to pieces.
#
# **You will build** nothing that is larger than before. You will train small networks a few dozen times, and change
# one thing each time.
#
# **You will learn**
# - why we minimise one number and report another;
# - what the size of a mini-batch costs, and how to compare two sizes fairly;
# - momentum and RMSprop, and how much of their gain is a learning rate in disguise;
# - rates that fall, and who decides when;
# - what an L1 penalty does to weights that an L2 penalty does not;
# - how many neurons of a layer are silent, and what becomes of the dead ones;
# - when to stop, and how to go on if that was too early;
# - how to find the step in which a number stopped being a number;
# - how to show the network a digit that you drew yourself.
#
# **You need** notebook 00. The *sigmoid*, $\sigma(z) = 1 / (1 + e^{-z})$, is the activation function of a layer that is
# not told of another one; *ReLU* is $\max(0, z)$.

# %% tags=["nbval-ignore-output"]
import platform
import tempfile
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import netlib
from netlib import data, drawing, ops, plotting, schedules
from netlib.backend import to_host
from netlib.guard import NonFiniteError
from netlib.network3 import ConvPoolLayer, FullyConnectedLayer, Network, ReLU, SoftmaxLayer, sigmoid
from netlib.optimizers import GradientDescent, Momentum, RMSprop
from netlib.stopping import EarlyStopping
from netlib.uncertainty import wilson_interval

print(f"netlib {netlib.__version__}, Python {platform.python_version()}")
print(f"NumPy {np.__version__}, matplotlib {matplotlib.__version__}")

# %% tags=["parameters"]
dataset = "digits"  # or "mnist"; the text speaks of what comes out of the digits
device = "cpu"  # where to compute: "cpu", "gpu", or "auto" for the GPU where there is one
dtype = "float64"  # precision of all numbers: "float32" is faster
seed = 1  # decides everything that is random
n_hidden = 30  # neurons in the hidden layer of the small networks
epochs_long = 40  # passes through the training data where a training is to come to rest
epochs_optimizers = 4  # passes for each training of the convolutional network in the section on optimisers
n_few = 300  # training images in the section on too few of them

# %% [markdown]
# Two networks will do. The small one has one *hidden* layer (one between the pixels and the outputs) and trains in a
# second or two; the other is the book's first convolutional network.

# %%
plt.style.use("netlib.mplstyle")
training_data, validation_data, test_data = data.load(dataset)
x, y = training_data


def small(activation_fn=sigmoid, mini_batch_size=10):
    return Network([
        FullyConnectedLayer(784, n_hidden, activation_fn),
        SoftmaxLayer(n_hidden, 10)],
        mini_batch_size, seed=seed, device=device, dtype=dtype)


def convolutional(seed=seed):
    return Network([
        ConvPoolLayer(image_shape=(10, 1, 28, 28), filter_shape=(20, 1, 5, 5), poolsize=(2, 2)),
        FullyConnectedLayer(20 * 12 * 12, 100),
        SoftmaxLayer(100, 10)],
        10, seed=seed, device=device, dtype=dtype)


print(f"{len(y):,} images to learn from, {len(validation_data.y):,} to choose by, {len(test_data.y):,} for the end")

# %% [markdown]
# Every choice below is made on the **validation** images. The test images are for the end, once in each notebook:
# whoever tries twelve rates and keeps the one that does best on the test images has used them to choose, and can no
# longer judge by them.
#
# ## 1. Two losses
#
# What we care about is the *0-1 loss*: one for an image that is misread, zero for one that is not; its mean is the
# error rate. What we minimise is the *negative log-likelihood*, $-\ln p$ of the right label. Why not minimise the
# first? Let us walk, in a straight line from the weights before training towards the weights after it, and look at
# both losses of fifty images along the first fifth of the way, in which most of them come to be read. (The second is
# the *cost* of notebook 00.)

# %%
net = small()
before = [parameter.copy() for parameter in net.params]
net.SGD(training_data, 10, 10, 0.3, None, None, verbose=False)
after = [parameter.copy() for parameter in net.params]


def losses_at(t, images):
    for parameter, start, end in zip(net.params, before, after):
        parameter[...] = (1 - t) * start + t * end
    return net.error(images), net.cost(images)


few = x[:50], y[:50]
along = np.linspace(0, 0.2, 201)
walk = np.array([losses_at(t, few) for t in along])
print(f"different values at 201 points: 0-1 loss {len(set(walk[:, 0]))}, "
      f"negative log-likelihood {len(set(walk[:, 1]))}")

# %%
figure, (left, right) = plt.subplots(1, 2)
left.step(along, walk[:, 0], where="post")
left.set(xlabel="part of the way", title="mean 0-1 loss")
right.plot(along, walk[:, 1])
right.set(xlabel="part of the way", title="mean negative log-likelihood")
plt.show()

# %% [markdown]
# On the left are stairs. (They begin at 0.7: untrained, the network says 0 to every image, and 15 of these fifty
# are.) Nearly everywhere the 0-1 loss does not change at all when the weights change a little, so its gradient is
# zero and says nothing about where to go. The log-likelihood slopes everywhere. It stands in for the loss that we
# care about: making the right label likelier will, sooner or later, make it the likeliest.
#
# The two can disagree. Keep that in mind for section 7, where one of them gets worse while the other does not.
#
# ## 2. How large should a mini-batch be?
#
# A mini-batch of ten gives a noisy gradient, one of a hundred a better one, for ten times the work. Which learns
# faster? That depends on what we hold fixed. An *epoch* is one pass through the data. With 1,200 images in
# mini-batches of 1, 10 and 100 it has 1,200, 120 and 12 steps of training, each an *update* of the weights. So compare
# twice: after equally many epochs, and after equally many updates.

# %%
twelve_hundred = x[:1200], y[:1200]


def trained(mini_batch_size, epochs, eta=0.1):  # as many epochs as images in a mini-batch: 1,200 updates
    net = small(mini_batch_size=mini_batch_size)
    net.SGD(twelve_hundred, epochs, mini_batch_size, eta, None, None, verbose=False)
    return net


print("validation cost")
print("size   5 epochs:  updates  cost     1,200 updates:  epochs  cost")
for size in (1, 10, 100):
    one, other = trained(size, 5), trained(size, size)
    print(f"{size:4}            {one.steps:8,}  {one.cost(validation_data):.3f}"
          f"                    {size:6}  {other.cost(validation_data):.3f}")

# %% [markdown]
# After five epochs, the smallest wins by far: one image at a time has made six thousand updates, while a hundred at a
# time have hardly begun. After 1,200 updates the larger ones are ahead; but ten at a time have seen the data ten times
# for that, and a hundred at a time a hundred times, with next to nothing to show for it.
#
# Neither comparison is the fair one. What you wait for is *time*, and there a mini-batch has one more property: a
# product of matrices takes less time per image than many products with vectors, up to a point (for a convolutional
# network, `tests/benchmarks` has measured 0.5 ms an image alone, 0.14 in tens, and hardly less in hundreds).
#
# A step along a better gradient may also be longer. Give each size its own rate:

# %%
for size, eta in ((1, 0.03), (10, 0.3), (100, 3.0)):
    print(f"size {size:3}, eta {eta:4}   5 epochs: cost {trained(size, 5, eta).cost(validation_data):.3f}")

# %% [markdown]
# Rates in proportion to the size, and most of the difference is gone (the smallest has become worse; 0.1 was the
# better rate for it). Ten updates with one image each, at a tenth of the rate, go nearly where one update with all
# ten goes, because the weights have hardly changed in between. That is a rule of thumb worth having: *change the size
# of the mini-batch, change the rate in proportion*, as long as the steps stay small. At a rate of 3 they are not
# quite.
#
# ## 3. Momentum and RMSprop
#
# Plain gradient descent forgets each gradient as soon as it has been used. **Momentum** keeps a velocity: after each
# step a part $\mu$ of it is left, and the new gradient is added,
#
# $$v \leftarrow \mu v - \eta\,\nabla C, \qquad w \leftarrow w + v.$$
#
# If the gradient stays what it is, the velocity grows to $-\eta\,\nabla C\,(1 + \mu + \mu^2 + \dots) =
# -\frac{\eta}{1-\mu}\nabla C$: for $\mu = 0.9$, ten times the step. Gradients that point to and fro cancel instead.
# **Nesterov's** variant steps as if the next part of the velocity had been taken already, $w \leftarrow w + \mu v -
# \eta\, \nabla C$ with the new $v$, and so meets the gradient a little earlier.
#
# **RMSprop** gives each weight its own rate: it keeps a running mean $s \leftarrow \rho s + (1 - \rho) (\nabla C)^2$
# of the squares of that weight's gradients, and divides by its root, $w \leftarrow w - \eta\,\nabla C / \sqrt s$
# (with $\rho = 0.9$, and something tiny beside the root, so that nothing is divided by zero). Weights with small
# gradients get on as fast as those with large ones.
#
# To compare them fairly, each gets four rates and may keep its best. The network is the book's first convolutional
# one, with sigmoids, which spends its first epochs on a plateau: the outputs learn how frequent each digit is, and
# the layers below receive gradients that are almost nothing.

# %%
contest = {
    "plain": (GradientDescent, (0.03, 0.1, 0.3, 1.0)),
    "momentum 0.9": (Momentum, (0.003, 0.01, 0.03, 0.1)),
    "Nesterov 0.9": (lambda: Momentum(nesterov=True), (0.003, 0.01, 0.03, 0.1)),
    "RMSprop": (RMSprop, (0.0003, 0.001, 0.003, 0.01))}
costs = {}
for name, (make, etas) in contest.items():
    for eta in etas:
        net = convolutional()
        history = net.SGD(training_data, epochs_optimizers, 10, eta, None, None, optimizer=make(), verbose=False)
        costs[name, eta] = history.cost, net.cost(validation_data)
    print(f"{name:13}" + "".join(f"   {eta:6}: {costs[name, eta][1]:.1f}" for eta in etas))

# %%
figure, axis = plt.subplots()
for name, (_, etas) in contest.items():
    best_eta = min(etas, key=lambda eta: costs[name, eta][1])
    axis.plot(costs[name, best_eta][0], marker="o", label=f"{name}, rate {best_eta}")
axis.set(xlabel="epoch", ylabel="training cost")
axis.set_xticks(range(epochs_optimizers))
axis.legend()
plt.show()

# %% [markdown]
# The table is the cost on the validation images in the end, the figure the training cost of each method at its best
# rate, averaged over each epoch. Read the table along its rows first: the rate matters more than the method. Plain
# descent, Nesterov's and RMSprop each have one or two rates that work, and within a factor of three on either side
# nothing happens in four epochs, or nothing good. Classical momentum has none among its four.
#
# Then compare the best of each. Plain descent at 0.3 and Nesterov's momentum at 0.03 end at the same cost, and the
# factor of ten between their rates is the $1/(1-\mu)$ from above: some of what momentum is praised for is a larger
# rate in disguise. But the classical momentum, with the same two numbers, has hardly left the plateau (2.0, where
# that lies at 2.3). Ten steps in one velocity overshoot where Nesterov's look ahead corrects. RMSprop leaves the
# plateau first, as it should: there, gradients are small everywhere, and it divides by their size.
#
# That is one run of each, with one seed. How far can it be trusted? Two more seeds of the best of each, and of
# momentum at 0.03: does the cost come below 1 in four epochs?

# %%
best = [(name, min(etas, key=lambda eta: costs[name, eta][1])) for name, (_, etas) in contest.items()]
for name, eta in [*best, ("momentum 0.9", 0.03)]:
    make, _ = contest[name]
    ends = [costs[name, eta][1]]
    for other_seed in (seed + 1, seed + 2):
        net = convolutional(other_seed)
        net.SGD(training_data, epochs_optimizers, 10, eta, None, None, optimizer=make(), verbose=False)
        ends.append(net.cost(validation_data))
    print(f"{name:13} rate {eta:5}:", ", ".join("below 1" if end < 1 else "above" for end in ends))

# %% [markdown]
# With one of the seeds, plain descent and Nesterov's have not come below 1 after four epochs. RMSprop does each time,
# momentum never. An order that one run suggests is worth one run; what three say, a little more.
#
# **Exercise 1 (easy).** With momentum $\mu$ and a gradient that does not change, how many times the plain step is the
# velocity after ten steps, for $\mu = 0.5$, $0.9$ and $0.99$? Predict, then compute it with the update rule, as a
# dictionary `velocities` from $\mu$ to the answer.

# %% jupyter={"source_hidden": true} tags=["solution"]
velocities = {}
for mu in (0.5, 0.9, 0.99):
    velocity = 0.0
    for _ in range(10):
        velocity = mu * velocity + 1
    velocities[mu] = velocity

# %% tags=["check"]
assert set(velocities) == {0.5, 0.9, 0.99}, "an answer for each of the three"
for mu, velocity in velocities.items():
    print(f"mu = {mu}: {velocity:.2f} times the plain step after ten, {1 / (1 - mu):.0f} times in the end")
    assert abs(velocity - (1 - mu**10) / (1 - mu)) < 1e-9, "the sum of a geometric series of ten terms"

# %% [markdown]
# So a large $\mu$ takes its time: 0.99 needs hundreds of steps to get up to speed, and as many to get rid of a
# direction that has become wrong. That is why it is often raised in stages. `Momentum` takes a *schedule* for that,
# here four values for three epochs each (the next section has more of them):

# %%
stages = schedules.Through((0.5, 0.9, 0.95, 0.99), epochs=3)
for name, mu in {"in stages": stages, "0.9": 0.9, "0.99": 0.99}.items():
    history = small().SGD(training_data, 12, 10, 0.02, validation_data, None, optimizer=Momentum(mu), verbose=False)
    print(f"{name:9} validation accuracy", " ".join(f"{accuracy:.2f}" for accuracy in history.validation_accuracy))

# %% [markdown]
# In stages, the run reaches 0.99 more smoothly than the one that has it from the start. But a plain 0.9 all the way
# does as well or better: on so small a network stages are not needed.

# %% [markdown]
# ## 4. Rates that fall
#
# A large rate gets far quickly, a small one changes little of what has been learned. So begin with a large one and
# let it fall. Who decides when? The calendar: *halve it every five epochs*. A formula: the rate as a function of the
# epoch, a [problem in the book's chapter
# 6](http://neuralnetworksanddeeplearning.com/chap6.html#the_code_for_our_convolutional_networks). Or the network
# itself: *halve it when validation accuracy has not become better for three epochs*, the book's [advice in its chapter
# 3](http://neuralnetworksanddeeplearning.com/chap3.html#how_to_choose_a_neural_network's_hyper-parameters), and end
# when it would fall below 1/128 of its first value.

# %%
falling = {
    "0.5": 0.5,
    "0.1": 0.1,
    "halved every 5 epochs": schedules.Every(0.5, epochs=5),
    "halved when stalled": schedules.WhenStalled(0.5, epochs=3, least=1 / 128),
    "a tenth when stalled": schedules.WhenStalled(0.5, factor=0.1, epochs=3, least=1 / 128),
    "0.5 / (1 + epoch / 5)": schedules.OfEpoch(lambda epoch: 0.5 / (1 + epoch / 5))}
figure, axis = plt.subplots()
for name, eta in falling.items():
    net = small()
    history = net.SGD(training_data, epochs_long, 10, eta, validation_data, None, verbose=False)
    axis.step(range(len(history.eta)), history.eta, where="post", label=name)
    print(f"{name:22} {len(history.cost)} epochs   training cost {history.cost[-1]:.4f}   validation cost "
          f"{net.cost(validation_data):.4f}   accuracy {net.accuracy(validation_data):.1%}")
axis.set(xlabel="epoch", ylabel="rate", yscale="log")
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# The constant rate of 0.5 has by far the lowest training cost and the lowest accuracy. It has gone on to learn the
# training images better and better, which the validation images do not thank it for. The small constant rate has not
# got that far, and reads as many as any. Three of the four falling rates end between the two, with the lowest
# validation costs of all; here they work like stopping in time. The fourth, "a tenth when stalled", gave up after 14
# epochs, and is where the small constant rate is. The accuracies differ by three images at most, which is chance.
#
# What the listening schedules have over the others: they know when to end. "A tenth when stalled" needed 14 epochs of
# the 40. But with few validation images accuracy stands still by chance, and three epochs are little patience.
#
# **Exercise 2 (easy).** Write a schedule `warm_up` whose rate is 0.1 in the first epoch, grows by 0.1 in each, and
# stays at 0.5 from the fifth on. `schedules.OfEpoch` makes a schedule of any function of the epoch, which counts from
# 0.

# %% jupyter={"source_hidden": true} tags=["solution"]
warm_up = schedules.OfEpoch(lambda epoch: min(epoch + 1, 5) / 10)

# %% tags=["check"]
history = small().SGD(training_data, 7, 10, warm_up, None, None, verbose=False)
assert np.allclose(history.eta, [0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5]), history.eta
print("rates:", history.eta)

# %% [markdown]
# ## 5. Two penalties
#
# A penalty on large weights makes training prefer small ones unless the data insist. **L2** adds
# $\frac{\lambda}{2m}\sum w^2$ to the cost, **L1** adds $\frac{\lambda}{m}\sum |w|$, where $m$ is the number of
# mini-batches in an epoch, as in network3. (Elsewhere it is the number of images; `penalty_divisor` chooses.)
#
# Their gradients differ in one thing. L2 pulls at a weight in proportion to its size, $\lambda w / m$: every step
# takes the same *share* of each weight. L1 pulls at all with the same force, $\pm\lambda / m$: every step takes the
# same *amount*, until a weight that nothing holds has come to zero. There it hops to and fro by less than 0.0001. So
# we expect two very different histograms. (Both strengths are chosen to show that, not to win.)

# %%
penalties = {"none": {}, "L2, 0.5": {"lmbda": 0.5}, "L1, 0.02": {"l1": 0.02}}
layers_of = {}
figure, axes = plt.subplots(1, 3, sharey=True)
for axis, (name, penalty) in zip(axes, penalties.items()):
    net = small()
    net.SGD(training_data, epochs_long, 10, 0.3, None, None, verbose=False, **penalty)
    weights = layers_of[name] = to_host(net.layers[0].w).ravel()
    small_share, tiny_share = ((abs(weights) < bound).mean() for bound in (0.01, 0.0001))
    print(f"{name:9} accuracy {net.accuracy(validation_data):.1%}, cost {net.cost(validation_data):.3f};   "
          f"weights below 0.01: {small_share:3.0%}, below 0.0001: {tiny_share:3.0%}, largest {abs(weights).max():.2f}")
    axis.hist(weights, bins=np.linspace(-1, 1, 61))
    axis.set(title=name, xlabel="weight", yscale="log")
axes[0].set_ylabel("how many")
plt.show()

# %% [markdown]
# Without a penalty the weights are still much like the noise that they began as. L2 has drawn all of them together:
# what nothing holds has lost all but $e^{-6}$ of its size ($\eta\lambda$ times 40 epochs is 6), small, but not zero;
# and the large weights, which the network needs, have paid the most. L1 has taken 0.24 from each at most
# ($\eta\lambda$ times 40). Most of them began with less than that; those that nothing held are gone, and the large
# ones are still large. The accuracies differ by one image, but the cost of L2 has doubled.
#
# Which weights have gone? Draw the same ten neurons of all three networks as pictures of the 28 x 28 pixels, dark for
# positive weights.

# %%
neurons = np.concatenate([weights.reshape(784, -1).T[:10] for weights in layers_of.values()])
plotting.filters(neurons.reshape(-1, 28, 28))
plt.show()


# %% [markdown]
# From top to bottom: no penalty, L2, L1, each picture on its own scale. In the top row there is noise up to the rims,
# over pixels that are always paper; this network would answer to a speck of dust in the corner. L2 has wiped the rims
# clean and left broad strokes. L1 has thinned the noise out, not removed it: what began larger than 0.24 there is
# still in place, after 40 epochs, and fewer pixels do the work.
#
# ## 6. Silent neurons
#
# A ReLU is silent for an image whose weighted sum is below zero, that is, whose sum without the bias is below the
# *threshold* $-b$. Silence is not a fault; a neuron that answers to everything says nothing. But a neuron that is
# silent for *every* image gets no gradient from any, and does not change by itself: it is dead. (In the first layer,
# whose inputs stay what they are, for good; in later layers some revive when the layers below them move, as notebook
# [02](02_unstable_gradients.ipynb) shows.) How much silence is good? We set all biases of the hidden layer to the same
# number before training, and count.

# %%
def silence(net):
    sums = x.astype(dtype) @ to_host(net.layers[0].w) + to_host(net.layers[0].b)
    return (sums <= 0).mean(), (sums <= 0).all(axis=0).mean()


print("threshold   silent: before  after   dead: before  after   accuracy")
shares = []
for threshold in (3, 2, 1, 0.5, 0, -0.5, -1, -2):
    net = small(ReLU)
    net.layers[0].b[...] = -threshold
    (silent_before, dead_before) = silence(net)
    net.SGD(training_data, 10, 10, 0.1, None, None, verbose=False)
    (silent_after, dead_after) = silence(net)
    shares.append((threshold, silent_before, silent_after, dead_after))
    print(f"{threshold:9}   {silent_before:14.0%}  {silent_after:5.0%}   {dead_before:12.0%}  {dead_after:5.0%}   "
          f"{net.accuracy(validation_data):8.1%}")

# %%
threshold, silent_before, silent_after, dead_after = np.array(shares).T
figure, axis = plt.subplots()
axis.plot(threshold, silent_before, marker="o", label="silent, before training")
axis.plot(threshold, silent_after, marker="o", label="silent, after")
axis.plot(threshold, dead_after, marker="o", label="dead")
axis.set(xlabel="threshold before training", ylabel="share", ylim=(-0.02, 1.02))
axis.legend()
plt.show()

# %% [markdown]
# Training draws all of them towards a quarter or a third of silence, if not all the way: layers that begin with more
# silence than that grow louder, those that begin with less, quieter. But the dead stay dead; their two columns agree
# to the neuron. And the accuracy hardly cares. With a threshold of 2, two fifths of the layer are dead, and it reads
# nearly as many digits as the others; with 3 there are twelve neurons left of thirty, and 94 % are still right. That
# is the treacherous thing about dead neurons: a network rarely tells you that most of it is gone. So there is no
# right share of silence. What counts is that hardly a neuron is silent for *every* image.
#
# ## 7. When to stop
#
# Three hundred images are too few, and a fast method learns them by heart. Here is what that looks like on the
# validation images, after every epoch.

# %%
few = x[:n_few], y[:n_few]


def learn_by_heart(epochs, **options):
    net = small(ReLU)
    curve = []
    history = net.SGD(
        few, epochs, 10, 0.002, validation_data, None, optimizer=RMSprop(), verbose=False,
        after_epoch=lambda net: curve.append((net.cost(few), net.cost(validation_data), net.error(validation_data))),
        **options)
    return net, history, np.array(curve)


net_long, history_long, curve = learn_by_heart(epochs_long)
lowest = int(curve[:, 1].argmin())
print(f"lowest validation cost {curve[lowest, 1]:.3f} after {lowest + 1} epochs, {curve[-1, 1]:.3f} at the end; "
      f"misread {curve[lowest, 2]:.1%} and {curve[-1, 2]:.1%}")


# %%
def sure_and_wrong(net):
    p = net.predict_proba(validation_data.x)
    wrong = p.argmax(axis=1) != validation_data.y
    return f"{wrong.sum()} images misread, half of them with more than {np.median(p[wrong].max(axis=1)):.0%} certainty"


print("at the end:", sure_and_wrong(net_long))

# %% [markdown]
# The cost on the validation images falls and then climbs, while the number of misread images hardly changes. There it
# is, the disagreement of section 1. The network is not wrong more often; it grows *surer* when it is wrong (below, we
# shall see by how much), and the logarithm makes it pay for that. If all you want is the label, you may not mind. If
# you want to know how far to trust it, you do.
#
# **Early stopping with patience** watches while it trains. Look at the validation images every so often. Look at so
# many mini-batches in any case: that is the patience. Whenever the loss becomes clearly better (by half a per cent),
# patience grows to twice the mini-batches that it took. When it has run out, stop, and go back to the best weights.
# (Iterations are counted from 0, and the last one is made, as in the tutorials from which the scheme is. So a
# patience of 60 ends after 61 mini-batches.)

# %%
stopping = EarlyStopping(patience=150, loss="cost")
net_early, history_early, _ = learn_by_heart(epochs_long, early_stopping=stopping)
iterations = [iteration for iteration, _, _ in history_early.looks]
print(f"looks after every {stopping.frequency(n_few // 10)} mini-batches, {len(iterations)} in all")
best_after = stopping.best_iteration(history_early) + 1  # iterations count from 0
print(f"best after {best_after} mini-batches: cost {stopping.best_loss(history_early):.3f}")
print(f"patience ended after {stopping.stood.steps} mini-batches")
print(f"the network now: validation cost {net_early.cost(validation_data):.3f}, "
      f"misread {net_early.error(validation_data):.1%}")
print(sure_and_wrong(net_early))

# %%
figure, axis = plt.subplots()
per_epoch = n_few // 10
ends = per_epoch * (np.arange(len(curve)) + 1)
axis.plot(ends, curve[:, 0], label="training cost")
axis.plot(ends, curve[:, 1], label="validation cost")
looks = [loss for _, loss, _ in history_early.looks]
axis.plot(np.array(iterations) + 1, looks, "o", markerfacecolor="none", label="looks")
axis.axvline(best_after, linestyle=":", color="black", label="best")
axis.axvline(stopping.stood.steps, linestyle="--", color="black", label="stopped")
axis.set(xlabel="mini-batches", ylabel="cost", ylim=(0, 0.7))
axis.legend()
plt.show()

# %% [markdown]
# With the weights of the best look, half of the misread images are misread with more than 60 % certainty; at the
# end, with more than 85 %. That is what stopping in time was for.
#
# What if patience was too short? Nothing is lost. The object remembers where training *stood*, not only where it was
# best. Give it more and call SGD again with the same arguments, the same optimiser among them: it goes on from there,
# in the middle of an epoch if need be. (With `increase=1`, patience never grows by itself.)

# %%
hasty = EarlyStopping(patience=60, increase=1.0, loss="cost")
net = small(ReLU)
arguments = few, epochs_long, 10, 0.002, validation_data, None
options = {"optimizer": RMSprop(), "early_stopping": hasty, "verbose": False}
history = net.SGD(*arguments, **options)
print(f"stopped after {hasty.stood.steps} mini-batches, best {hasty.best_loss(history):.3f}")
hasty.patience = 300
history = net.SGD(*arguments, **options)
print(f"went on to {hasty.stood.steps} mini-batches, best {hasty.best_loss(history):.3f}; without any stop, the cost "
      f"after 300 was {curve[300 // per_epoch - 1, 1]:.3f}")

# %% [markdown]
# **Exercise 3 (medium; the book's problem).** Overfitting shows in the gap between two numbers. Print, for `net_long`
# and for `net_early`, the accuracy on the few training images and on the validation images, and the gap. Then train a
# third network, `net_more`, as `net_long` was, on all training images. Which cure closes the gap more? Collect the
# three gaps in a dictionary `gaps`, under "long", "early" and "more data".

# %% jupyter={"source_hidden": true} tags=["solution"]
net_more = small(ReLU)
net_more.SGD(training_data, epochs_long, 10, 0.002, None, None, optimizer=RMSprop(), verbose=False)
gaps = {}
for name, net, seen in (("long", net_long, few), ("early", net_early, few), ("more data", net_more, training_data)):
    gaps[name] = net.accuracy(seen) - net.accuracy(validation_data)
    print(f"{name:10} training {net.accuracy(seen):.1%}, validation {net.accuracy(validation_data):.1%}, "
          f"gap {100 * gaps[name]:.1f} points")

# %% tags=["check"]
assert set(gaps) == {"long", "early", "more data"}, "three networks"
assert net_more.steps == epochs_long * (len(y) // 10), "train net_more for as many epochs, on all training images"
for name, net, known in (("long", net_long, few), ("early", net_early, few), ("more data", net_more, training_data)):
    gap = net.accuracy(known) - net.accuracy(validation_data)
    assert np.isclose(gaps[name], gap), f"accuracy on what {name} was trained on, minus that on validation data"

# %% [markdown]
# Stopping early has not narrowed the gap; the two validation accuracies are one image apart. When the validation cost
# was lowest, the network already knew every one of its 300 images by heart, and all that stopping did was to keep it
# from growing ever surer. More data halve the gap, and from the side that counts. (They also
# are four times as many updates; section 2 told you to ask.) If you can have more data, have more data.
#
# ## 8. Keep what you trained
#
# A run of hours should survive a power cut, and one often wants to look later at what happened in between. SGD writes a
# model after every epoch if it is given a folder, and finding one there, goes on from it, to as many epochs in all as
# it is asked for. We keep every one (`keep` says how many), and draw from the files, not while training.

# %%
folder = Path(tempfile.mkdtemp())
net = convolutional()
options = {"checkpoint": folder, "keep": 100, "verbose": False}
net.SGD(training_data, 3, 10, 0.001, validation_data, None, optimizer=RMSprop(), **options)
net = convolutional()  # as if the computer had been switched off
history = net.SGD(training_data, 6, 10, 0.001, validation_data, None, optimizer=RMSprop(), **options)
models = sorted(folder.glob("*.npz"))
print(", ".join(model.name for model in models))
print("validation accuracy", " ".join(f"{accuracy:.2f}" for accuracy in history.validation_accuracy))

# %%
stages = [convolutional(), *(Network.load(model, device=device) for model in models)]
filters = [to_host(net.layers[0].w)[:8, 0, ::-1, ::-1] for net in stages]
plotting.filters(np.concatenate(filters), columns=8)
plt.show()

# %% [markdown]
# Each column is one of eight filters, turned so that it shows the patch that excites it most. The top row is the
# noise that they began as, below it are the six epochs. The noise is soon overlaid: most have a side where ink is
# wanted, dark, and one where it is not.
#
# A history can be written too, as a table for a spreadsheet, one line an epoch. (`history.to_tensorboard` writes it for
# TensorBoard, a program that shows the curves of many runs in a browser, where that is installed.)

# %%
history.to_csv(folder / "history.csv")
names, *lines = (line.split(",") for line in (folder / "history.csv").read_text().splitlines())
print(", ".join(names))
for epoch, cost, eta, accuracy, *_ in lines:
    print(f"{epoch}: {float(cost):.3f}, {float(eta)}, {float(accuracy):.3f}, ...")

# %% [markdown]
# **Exercise 4 (easy).** Load the models after the first and after the fourth epoch, and compute how far the first
# layer's filters have `moved` in between: the norm of the difference of all of them, divided by the norm of the
# earlier ones.

# %% jupyter={"source_hidden": true} tags=["solution"]
first, fourth = (to_host(Network.load(models[i], device=device).layers[0].w) for i in (0, 3))
moved = np.linalg.norm(fourth - first) / np.linalg.norm(first)

# %% tags=["check"]
early, late = (to_host(net.layers[0].w) for net in (stages[1], stages[4]))
expected = ((late - early) ** 2).sum() ** 0.5 / (early**2).sum() ** 0.5
assert np.isclose(moved, expected), "the models after the first and the fourth epoch, in this order"
print(f"the filters have moved by {moved:.0%} of their size")

# %% [markdown]
# ## 9. Initial weights for ReLUs
#
# The book asks: multiply all weights of a network of ReLUs by the same $c > 0$, without biases; what becomes of its
# output? A ReLU lets a positive factor through, $\max(0, cz) = c \max(0, z)$, so each layer passes on the factor that
# it receives, times its own $c$. A network of $L$ layers, the input counted as one as in the book, has $L - 1$ layers
# of weights, so its output is multiplied by $c^{L-1}$.

# %%
layers = [FullyConnectedLayer(784, 100, ReLU), FullyConnectedLayer(100, 100, ReLU), FullyConnectedLayer(100, 10, ReLU)]
deep = Network(layers, 10, seed=seed, device=device, dtype=dtype)
for layer in deep.layers:
    layer.b[...] = 0
plain = deep.forward(x[:5])
for layer in deep.layers:
    layer.w *= 1.5
print(f"outputs grew by {deep.forward(x[:5]).sum() / plain.sum():.6f}, 1.5 ** 3 = {1.5**3}")

# %% [markdown]
# Three layers of weights, so $c^3$. In a deep network that is a lever of great length: twenty layers turn a factor of
# 1.5 into 3,325, and one of 1/1.5 into nearly nothing. So the scale of initial weights matters more the deeper the
# network is. Which scale lets signals through as they are? A sum of $n_\text{in}$ terms keeps its mean square if the
# weights have variance $1 / n_\text{in}$; the ReLU cuts off half of the sums, so twice that, $2 / n_\text{in}$, gives
# it back (He and others, 2015). network3 uses $1 / n_\text{out}$, a slip that the book owns up to. From our second
# layer on, where inputs and outputs are equally many, that is half of what it takes. Measure it, over twenty layers,
# `init="book"` against `init="he"`.

# %%
figure, axis = plt.subplots()
for init in ("book", "he"):
    layers = [FullyConnectedLayer(784, 100, ReLU, init=init)]
    layers += [FullyConnectedLayer(100, 100, ReLU, init=init) for _ in range(19)]
    deep = Network(layers, 10, seed=seed, device=device, dtype=dtype)
    for layer in deep.layers:
        layer.b[...] = 0
    deep.forward(x[:100])
    sizes = [float((to_host(layer.output) ** 2).mean() ** 0.5) for layer in deep.layers]
    print(f"{init:4} root mean square after layer 1: {sizes[0]:.2g}, after layer 20: {sizes[-1]:.2g}")
    axis.semilogy(range(1, 21), sizes, marker=".", label=init)
axis.set(xlabel="layer", ylabel="root mean square of the activations", xticks=range(1, 21, 3))
axis.legend()
plt.show()


# %% [markdown]
# (In the first layer the book's is the larger scale, with 784 inputs and 100 outputs.) Then it loses a factor of
# $\sqrt 2$ in every layer, 724 in nineteen, and another 2.4 by chance, which He's scale, drawn from the same random
# numbers, loses too: one draw of a hundred neurons is not the average. After twenty layers hardly anything is left of
# the signal's size.
#
# ## 10. A hunt
#
# Now break something on purpose. Three layers, ReLUs, and a rate that is far too high, in the shorter of the two number
# formats, `float32`, which ends at $3 \cdot 10^{38}$.

# %%
def fragile(eta, images=x):
    layers = [FullyConnectedLayer(784, 30, ReLU), FullyConnectedLayer(30, 30, ReLU), SoftmaxLayer(30, 10)]
    net = Network(layers, 10, seed=seed, device=device, dtype="float32")
    with np.errstate(all="ignore"):
        history = net.SGD((images, y), 3, 10, eta, None, None, verbose=False)
    return net, history


for eta in (0.1, 3):
    net, history = fragile(eta)
    print(f"eta {eta:3}: cost", " ".join(f"{cost:.3g}" for cost in history.cost),
          f"  accuracy {net.accuracy(validation_data):.0%}"
          f"  second-layer neurons answering to some image {float((net.layers[1].output > 0).any(axis=0).mean()):.0%}")


# %% [markdown]
# At 3 the first epoch's cost is a hundred million, and then it sits at 2.38. No number has ceased to be one, nothing
# was reported, and yet the network is ruined: one huge step has thrown all ReLUs below zero, for every image. It is
# dead, and what remains are ten output biases. The best that these can do, for ten digits equally frequent, is a cost
# of $\ln 10 = 2.303$; at this rate they jump about a little above it. *When a cost stands still near the logarithm of
# the number of classes, the answers have nothing useful to do with the images.* The network may be on a plateau that
# it will leave, as in section 3. It may be dead. Or the labels may be wrong.
#
# Ten million breaks it for good.

# %%
def broken(*arguments):
    try:
        fragile(*arguments)
    except NonFiniteError as error:
        return error
    raise AssertionError("nothing broke")


error = broken(1e7)
print(error)


# %% [markdown]
# The guard looks at the cost every hundred mini-batches. That costs next to nothing and is enough, since what is
# computed from a NaN (*not a number*, as the difference of two infinities is called) is NaN as well. Finding one, it
# puts the weights back, takes the last hundred steps again, the same ones, and examines every number on the way. So
# it can name the step, the layer and the operation.
#
# Let us go there by hand: mini-batch after mini-batch, as SGD does it inside, and a look at the weights after each.

# %%
def power(number):
    """The power of ten in a number; its digits are another matter when everything grows like this."""
    return f"10^{int(np.floor(np.log10(number))):<3}" if np.isfinite(number) else "nan   "


layers = [FullyConnectedLayer(784, 30, ReLU), FullyConnectedLayer(30, 30, ReLU), SoftmaxLayer(30, 10)]
net = Network(layers, 10, seed=seed, device=device, dtype="float32")
rows, labels = net.row.data("data", training_data, 10)  # the images and labels as SGD prepares them
with np.errstate(all="ignore"):
    for step in range(5):
        batch = slice(10 * step, 10 * step + 10)
        cost = float(net.train_mini_batch(rows[batch], labels[batch], 1e7))
        largest = [float(abs(to_host(layer.w)).max()) for layer in net.layers]
        print(f"step {step}: cost {power(cost)}   largest weight of each layer afterwards",
              "  ".join(map(power, largest)))

# %% [markdown]
# In step 0 only the last layer moves; its weights were zero, and nothing went back through them. From then on the
# gradient of each layer is a product with the weights above it and with the activations from below, so growth feeds
# on growth. In step 3, the one that the guard named, the sums are beyond what the format can hold. They become
# infinite, the next difference of two of them is NaN, and from there it is everywhere. (The weights that the guard
# puts back are finite, not good: here they are as large as those of step 2. To go on, take a model from before, as in
# section 8, and a tenth of the rate.)
#
# The second suspect is always the data. Suppose that one pixel of one image is a stray measurement of $10^{30}$:

# %%
spoiled = x.copy()
spoiled[3, 400] = 1e30
error = broken(0.1, spoiled)
print(f"step {error.step}, {error.operation}")
print(f"likely cause: {error.cause}")

# %% [markdown]
# Image 3 was in step 0. There it did no more than throw the last layer's weights far out (their zeros let nothing back,
# as before); step 1 threw the others, and in step 2 a sum was infinite. The step that is named is the first with a
# number that is none. The cause lies before it.
#
# The third is the logarithm of zero. If the network is sure of a wrong label, the probability of the right one can be
# smaller than the smallest number of the format, and $-\ln 0 = \infty$. In the notation of the book:

# %%
z = np.array([[800.0], [0.0]])  # weighted inputs of two outputs, for one image with label 1
a = ops.softmax(z)
with np.errstate(divide="ignore"):
    print("probabilities", a.ravel(), "  -ln a =", -np.log(a[1, 0]))
print("netlib's cost", float(ops.log_likelihood.value(z, a, ops.one_hot(np.array([1]), 2, "float64"))))

# %% [markdown]
# netlib never takes that logarithm. It computes $-\ln a_1 = \ln \sum_k e^{z_k} - z_1$ from the weighted inputs, with
# the largest of them taken out of the sum, and finds 800, which is right. Many a training has died of $\ln 0$.
#
# **Exercise 5 (medium).** Two patients, A and B, each learn nothing. Find out why, with the tools above, and write
# the causes into `diagnosis`, a dictionary from "A" and "B" to "dead" (ReLUs that are silent for every image) or
# "labels" (images and labels do not belong together; then the ReLUs are alive, and all the same no other image is
# read). The patients come from a folded cell.

# %% jupyter={"source_hidden": true}
patients = {"A": small(ReLU), "B": small(ReLU)}
chart = {"A": (y[::-1], 0), "B": (y, 20)}  # what befell them; look at the networks before you look closely at this
for name, net in patients.items():
    labels, threshold = chart[name]
    net.layers[0].b -= threshold
    history = net.SGD((x, labels), 3, 10, 0.1, None, None, verbose=False)
    print(f"{name}: cost", " ".join(f"{cost:.3f}" for cost in history.cost),
          f"  validation accuracy {net.accuracy(validation_data):.0%}")

# %% jupyter={"source_hidden": true} tags=["solution"]
diagnosis = {name: "dead" if silence(net)[1] == 1 else "labels" for name, net in patients.items()}

# %% tags=["check"]
assert set(diagnosis) == {"A", "B"}, "a cause for each"
for name, net in patients.items():
    cause = "dead" if silence(net)[1] == 1 else "labels"
    assert diagnosis[name] == cause, f"{name}: look at silence(patients[{name!r}])"
print(diagnosis)

# %% [markdown]
# ## 11. Your own digits
#
# A network that reads the validation images may read your handwriting, too, if it gets to see it as it saw the digits
# that it learned from. MNIST's makers did this to every digit, and ours were treated alike:
#
# 1. paper 0, ink 1, whatever the light was;
# 2. cut out the ink, and scale it so that its longer side is 20 pixels, keeping its proportions;
# 3. lay it on a sheet of 28 x 28 so that its centre of mass is in the middle.
#
# `data.as_mnist` does the same to a picture of yours (its description names the details), and `data.own_images` to a
# file or a folder of them. First a network: ReLUs, ten epochs, a little momentum, and a little dropout (notebook 00).

# %%
reader = Network([
    ConvPoolLayer(image_shape=(10, 1, 28, 28), filter_shape=(20, 1, 5, 5), activation_fn=ReLU),
    FullyConnectedLayer(20 * 12 * 12, 100, ReLU, p_dropout=0.2),
    SoftmaxLayer(100, 10, p_dropout=0.2)],
    10, seed=seed, device=device, dtype=dtype)
reader.SGD(training_data, 10, 10, 0.03, validation_data, None, optimizer=Momentum(0.5), verbose=False)
print(f"validation accuracy {reader.accuracy(validation_data):.1%}")

# %% [markdown]
# Now draw. Under the sheet stand your strokes, lists of points. Copy that line over the first one of this cell, and run
# this cell and the next.

# %%
strokes = [[[70, 75], [205, 70], [150, 150], [120, 235]], [[105, 150], [185, 145]]]
drawing.Sheet(strokes)

# %%
paper = drawing.picture(strokes)
seen = data.as_mnist(paper)[None]
p = reader.predict_proba(seen.reshape(1, -1))
plotting.seen([paper], seen, p)
plt.show()

plotting.images(x[y == 7][:10])
plt.show()

# %% [markdown]
# A seven with a bar, and no doubt about it. Most sevens that the network learned from have one: the second picture
# shows the first ten of them. (The writers of our digits are from Turkey.)
#
# How much does the scaling matter? Four more drawings, with and without the steps above: left out, the sheet is
# simply shrunk to 28 x 28.

# %%
drawn = {
    "7 without": strokes[:1],
    "4": [[[95, 50], [75, 160], [210, 160]], [[165, 70], [160, 240]]],
    "small 3": [[[30, 30], [60, 25], [75, 40], [50, 55], [75, 70], [60, 90], [30, 85]]],
    "1, low": [[[230, 170], [230, 265]]]}
papers = [drawing.picture(strokes) for strokes in drawn.values()]
seen = np.array([data.as_mnist(paper) for paper in papers])
shrunk = np.array([1 - paper.reshape(28, 10, 28, 10).mean(axis=(1, 3)) for paper in papers])
for name, prepared, as_it_is in zip(
        drawn, reader.predict_proba(seen.reshape(4, -1)), reader.predict_proba(shrunk.reshape(4, -1))):
    print(f"{name:10} read as {prepared.argmax()} ({prepared.max():.0%})      "
          f"only shrunk: {as_it_is.argmax()} ({as_it_is.max():.0%})")

# %%
plotting.seen(papers, seen, reader.predict_proba(seen.reshape(4, -1)), list(drawn))
plt.show()

# %% [markdown]
# The seven is read without its bar, too. Scaled and centred, the small three in its corner and the one at the rim are
# read with certainty; merely shrunk, the three is read with some doubt, and the one is taken for a zero. (Strokes are
# scaled with the rest, which is why the three has become so fat.) The four is read as a nine either way. Scaling
# removes what differs in place and size, not what differs in hand; for that one needs more hands. And note the 94 %:
# a network is sure of what it says, not of whether it was asked something that it has learned.
#
# What is it that makes it a nine? Change one thing at a time: lean the stem, or narrow the gap at the top.

# %%
fours = {"4, leaning": [[[120, 50], [75, 160], [210, 160]], [[190, 70], [140, 240]]],
         "4, narrow": [[[130, 50], [75, 160], [210, 160]], [[165, 70], [160, 240]]]}
for name, changed in fours.items():
    p = reader.predict_proba(data.as_mnist(drawing.picture(changed)).reshape(1, -1))[0]
    print(f"{name:11} read as {p.argmax()} ({p.max():.0%})")

# %% [markdown]
# Either change is enough. It is an upright stem and a wide gap at the top *together* that mislead this network, and
# nobody could have told it so beforehand.
#
# ## 12. Any other images
#
# Nothing in the layers knows of digits. A convolutional layer takes any number of input maps, for instance the three
# of a colour picture, of any height and width (`None` in place of the number of images: any); the last layer has as
# many outputs as there are classes. A small world to try that on: pictures of 20 x 24 pixels with one blob, which is
# red, green, blue or grey.

# %%
rng = np.random.default_rng(seed)
tints = np.array([[1, 0.2, 0.2], [0.2, 1, 0.2], [0.2, 0.2, 1], [0.7, 0.7, 0.7]])


def blobs(n):
    colours = rng.integers(0, 4, n)
    rows, columns = rng.uniform(5, 15, (n, 1, 1)), rng.uniform(5, 19, (n, 1, 1))
    distance = np.hypot(np.arange(20)[:, None] - rows, np.arange(24) - columns)
    blob = np.clip(5 - distance, 0, 1)[:, None] * tints[colours][:, :, None, None]
    return np.clip(blob + rng.normal(0, 0.15, (n, 3, 20, 24)), 0, 1), colours


colour_training, colour_validation = blobs(400), blobs(200)
colour_net = Network([
    ConvPoolLayer(image_shape=(None, 3, 20, 24), filter_shape=(6, 3, 5, 5), poolsize=(4, 5), activation_fn=ReLU),
    FullyConnectedLayer(6 * 4 * 4, 20, ReLU),  # 16 x 20 positions of a filter, pooled by 4 x 5
    SoftmaxLayer(20, 4)],
    10, seed=seed, device=device, dtype=dtype)
history = colour_net.SGD(colour_training, 6, 10, 0.05, colour_validation, None, verbose=False)
print("validation accuracy", " ".join(f"{accuracy:.0%}" for accuracy in history.validation_accuracy))

# %%
some = colour_validation[0][[int((colour_validation[1] == colour).argmax()) for colour in range(4)]]
captions = ["red", "green", "blue", "grey"]
pictures = some.transpose(0, 2, 3, 1)  # as pictures are drawn: rows, columns, colours
plotting.seen(pictures, pictures, colour_net.predict_proba(some),
              [f"{number}, {caption}" for number, caption in enumerate(captions)])
plt.show()

# %% [markdown]
# All of them are read, and no layer had to be told what a colour is.
#
# ## In practice
#
# - Choose on the validation images; look at the test images once.
# - Turn the learning rate first. Compare methods only at their own best rates, and over more than one seed.
# - A larger mini-batch wants a larger rate. Say what you hold equal: epochs, updates, or time.
# - Let the rate fall when validation stands still. Keep the best weights, and keep the models.
# - A cost that stands still at $\ln(\text{classes})$: a plateau, dead neurons (count them), or labels that do not
#   belong to the images. A validation cost that climbs while the number of misread images does not: a network that
#   grows surer of its mistakes, and too few data. A cost that is no number: find the first step, and ask the rate, the
#   data, the logarithm, in this order.
#
# And now, at the end, once: the test images, for the one network that we would keep.

# %%
n_test = len(test_data.y)
right = round(reader.accuracy(test_data) * n_test)
low, high = wilson_interval(right, n_test)
print(f"{right} of {n_test} test images read, {right / n_test:.1%} (95 % interval {low:.1%} to {high:.1%})")

# %% [markdown]
# ## Further reading
#
# - Nielsen, [chapter 3](http://neuralnetworksanddeeplearning.com/chap3.html): how to choose a network's
#   hyperparameters, regularisation, and momentum.
# - L. Prechelt, *Early stopping - but when?* (1998): when to stop, compared in many trainings.
# - I. Sutskever, J. Martens, G. Dahl and G. Hinton, *On the importance of initialization and momentum in deep
#   learning* (2013): momentum, and Nesterov's form of it.
# - Y. Bengio, *Practical recommendations for gradient-based training of deep architectures* (2012): learning rates and
#   all the rest, from long experience.
# - In this package: `optimizers.py`, `schedules.py`, `stopping.py` and `guard.py`.
