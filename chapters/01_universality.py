# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 01 · Networks can compute any function
#
# Draw a curve, any curve, from the left edge of a sheet of paper to the right, without lifting the pen and without
# turning back. There is a neural network that draws the same curve, as closely as you like. It needs no training: in
# this notebook you will write its weights down with your own hands.
#
# **You will build** networks whose weights nobody learned: first a neuron that is a switch, from two switches a bump,
# from bumps any curve, and from bumps in two directions any landscape.
#
# **You will learn**
# - what the weight and the bias of a neuron do to its curve;
# - how to read a network with one hidden layer as a row of bumps;
# - how many neurons a curve costs, and how that grows with the number of inputs;
# - what goes wrong in a step that is not infinitely steep, and how to mend it;
# - which activation functions would have done as well, and which never would;
# - what exactly has been proved in the end, and what has not: above all, nothing about learning.
#
# **You need** to read plots and a little Python. A *neuron* with inputs $x_1, x_2, \dots$ computes $\sigma(w_1 x_1 +
# w_2 x_2 + \dots + b)$, where the *weights* $w$ and the *bias* $b$ are numbers that belong to it, and the *sigmoid*
# $\sigma(z) = 1/(1 + e^{-z})$ is its *activation function*. That is all about networks that this notebook takes for
# granted. (Section 6, on training, leans on notebook [00](00_start_here.ipynb).)
#
# Where a figure has sliders, move them: that is what this notebook is for. (They work while the notebook is running. On
# a page that only shows it you see each figure as it begins, or steps of some of them.)

# %% tags=["nbval-ignore-output"]
import platform

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import netlib
from netlib import Network, expression, plotting, schedules, universality
from netlib.backend import to_host
from netlib.layers import FullyConnectedLayer
from netlib.ops import ReLU, linear, sigmoid, tanh
from netlib.universality import goal, logit, neuron, outputs
from netlib.widgets import Slider, Text, explore, movie

print(f"netlib {netlib.__version__}, Python {platform.python_version()}")
print(f"NumPy {np.__version__}, matplotlib {matplotlib.__version__}")

# %% tags=["parameters"]
device = "cpu"  # where to compute: "cpu", "gpu", or "auto" for the GPU where there is one
seed = 1  # decides the random heights of the challenge and the initial weights of the trained networks
own_function = "abs(sin(2 * pi * x)) * exp(-x)"  # a function of x, to be approximated in section 5
n_most = 160  # bumps, at most, where errors are measured; at least 40
epochs = 300  # passes through the data for the networks that are trained, in section 6

# %%
plt.style.use("netlib.mplstyle")
x = np.linspace(0, 1, 501)
here = {"device": device}  # where each network is to live
rng = np.random.default_rng(seed)
assert n_most >= 40, f"n_most: expected at least 40, since slopes are taken from 20 bumps on; got {n_most}"

# %% [markdown]
# ## 1. The claim
#
# Here is the curve that [chapter
# 4](http://neuralnetworksanddeeplearning.com/chap4.html#universality_with_one_input_and_one_output) of Michael
# Nielsen's book (*the book*, from here on) draws again and again, $f(x) = 0.2 + 0.4x^2 + 0.3x\sin 15x + 0.05\cos 50x$.
# Nothing is special about it. Beside it are two networks. The first has one input, a *hidden layer* of five neurons and
# one output, so it computes some function of one number. The second has three inputs and two outputs; it computes two
# functions $f^1$ and $f^2$ of three numbers. (The raised numbers are labels, not powers.) In the drawings the circles
# on the left are the inputs, and every other circle is a neuron. A line carries a number from left to right, and has a
# weight. Neurons in a column are a *layer*; it is *hidden* if it is not the last.

# %%
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9, 2.8))
left.plot(x, goal(x))
left.set(xlabel="x", ylabel="f(x)", ylim=(0, 1))
plotting.network(middle, [1, 5, 1], inputs=["$x$"])
plotting.network(right, [3, 5, 2], inputs=["$x_1$", "$x_2$", "$x_3$"], outputs=["$f^1$", "$f^2$"])
plt.show()


# %% [markdown]
# The claim of this notebook, the **universality theorem**: for every function of one or more numbers there is a
# network that computes it. Three pieces of small print belong to it from the start.
#
# - *Approximately.* We do not get $f$ itself. We say how far off we may be, say by 0.01, and get a network $g$ with
#   $|g(x) - f(x)| < 0.01$ at every $x$. A smaller error costs more neurons.
# - *Continuous.* The function must not jump. (A network of sigmoids never does.)
# - *On an interval.* Here it is the one from 0 to 1. Outside, nothing is promised.
#
# One hidden layer is enough. We shall see that for one input and one output, where everything can be drawn. Section 7
# has more inputs and outputs; for several inputs it uses two hidden layers, though one would do (exercise 4).
#
# ## 2. One neuron is a switch
#
# Take a network with two hidden neurons, and look at the upper one alone. It has one weight and one bias, and it
# computes $\sigma(wx + b)$. What can such a curve look like? `neuron(w, b)` is a network of that single neuron, and
# `outputs(net, x)` asks a network for its outputs at the points `x`. (At most settings of the bias the climb is
# outside of the picture, and the curve is flat. A click on the number beside a slider lets you type one.)

# %%
def draw_neuron(figure, w, b):
    # (1, 0) is the uppermost neuron of layer 1, (1, 0, 0) the line to it from number 0 of the layer before
    labels = {"neurons": {(1, 0): f"b = {b}"}, "connections": {(1, 0, 0): f"w = {w}"}}
    axis = plotting.beside(figure, [1, 2, 1], inputs=["$x$"], **labels)
    axis.plot(x, outputs(neuron(w, b, **here), x))
    axis.set(xlabel="x", ylim=(-0.03, 1.03), title="output of the upper hidden neuron")


explore(draw_neuron, {"w": Slider(8, -999, 999), "b": Slider(-4, -999, 999)})


# %% [markdown]
# The bias slides the curve to the left or to the right and leaves its shape alone. The weight makes it flat or steep,
# and moves it as well, and turns it around when it becomes negative. Let us make it steep: raise the weight past 100,
# and then bring the bias after it until the climb stands near $x = 0.3$.

# %%
def draw_frame(figure, w, b):
    axis = figure.subplots()
    axis.plot(x, outputs(neuron(w, b, **here), x))
    axis.set(xlabel="x", ylim=(-0.03, 1.03), title=f"w = {w},  b = {b}")


steepening = [{"w": w, "b": -4} for w in range(8, 121, 8)] + [{"w": 120, "b": b} for b in range(-8, -37, -4)]
movie(draw_frame, steepening)

# %% [markdown]
# What we are left with is nearly a *step*: off on one side, on on the other. A step would be easier to think with than
# a sigmoid. How near is it?
#
# The sigmoid goes from 5 % to 95 % while its argument $wx + b$ goes from $-\ln 19$ to $\ln 19$ (solve $1/(1+e^{-z}) =
# 0.95$), so while $x$ goes a distance of $2 \ln 19 / w \approx 5.9 / w$. Measure it on the curves:

# %%
fine = np.linspace(0, 1, 100_001)
figure, axis = plt.subplots()
for w in (8, 100, 999):
    curve = outputs(neuron(w, -0.4 * w, **here), fine)
    climbing = fine[(curve > 0.05) & (curve < 0.95)]
    print(f"w = {w:3}: climbs over a distance of {np.ptp(climbing):.4f}, by the formula {2 * np.log(19) / w:.4f}")
    axis.plot(fine, curve, label=f"w = {w}")
axis.set(xlabel="x")
axis.legend()
plt.show()


# %% [markdown]
# At $w = 8$ the climb takes three quarters of the picture, at $w = 999$ only 0.6 %. From here on we shall use $w =
# 1000$ wherever we want a step, and forget for a while that it is not one.
#
# And where is it? The middle of the climb is where $wx + b = 0$, at
#
# $$s = -\frac{b}{w}.$$

# %%
def draw_step(figure, w, b):
    axis = plotting.beside(figure, [1, 2, 1], inputs=["$x$"], connections={(1, 0, 0): f"w = {w}"},
                           neurons={(1, 0): f"b = {b}"})
    axis.plot(x, outputs(neuron(w, b, **here), x))
    title = "no step in the picture"
    if w and 0 <= -b / w <= 1:
        axis.axvline(-b / w, color="C1", linestyle="--", linewidth=1)
        title = f"s = -b/w = {-b / w:.2f}"
    axis.set(xlabel="x", ylim=(-0.03, 1.03), title=title)


explore(draw_step, {"w": Slider(100, -999, 999), "b": Slider(-40, -999, 999)})


# %% [markdown]
# That allows a change of language. Instead of a weight and a bias, say only *where the step is*: $w = 1000$ is
# understood, and the bias is $b = -1000\,s$. One number for a neuron in place of two, and one that you can see in the
# picture.

# %%
def draw_position(figure, s):
    axis = plotting.beside(figure, [1, 2, 1], inputs=["$x$"], neurons={(1, 0): f"s = {s:.2f}"})
    axis.plot(x, outputs(neuron(1000, -1000 * s, **here), x))
    axis.set(xlabel="x", ylim=(-0.03, 1.03), title="output of the upper hidden neuron")


explore(draw_position, {"s": Slider(0.40, 0.0, 1.0, 0.01)})


# %% [markdown]
# ## 3. Two neurons are a bump
#
# Now both hidden neurons: steps at $s_1$ and $s_2$, whose outputs $a_1$ and $a_2$ go to the output neuron with weights
# $w_1$ and $w_2$. Leave the output neuron's own sigmoid aside until section 4 and look at what arrives there, the
# *weighted output* $w_1 a_1 + w_2 a_2$. `universality.steps` makes that network: the output neuron of the networks it
# makes is `linear`, which means that it passes on the weighted output as it is.

# %%
def draw_two(figure, s1, s2, w1, w2):
    labels = {"neurons": {(1, 0): f"s = {s1:.2f}", (1, 1): f"s = {s2:.2f}"},
              "connections": {(2, 0, 0): f"{w1:.1f}", (2, 1, 0): f"{w2:.1f}"}}
    axis = plotting.beside(figure, [1, 2, 1], inputs=["$x$"], **labels)
    axis.plot(x, outputs(universality.steps([s1, s2], [w1, w2], **here), x))
    axis.set(xlabel="x", ylim=(-1.5, 2), title="weighted output")


positions = {"s1": Slider(0.40, 0.0, 1.0, 0.01), "s2": Slider(0.60, 0.0, 1.0, 0.01)}
weights = {"w1": Slider(0.6, -9.9, 9.9, 0.1), "w2": Slider(1.2, -9.9, 9.9, 0.1)}
explore(draw_two, positions | weights, buttons={"A bump": {"w1": 0.8, "w2": -0.8}})


# %% [markdown]
# Stairs: the curve rises by $w_1$ at $s_1$ and by $w_2$ at $s_2$. What if the second step takes back what the first
# has given, $w_2 = -w_1$? Then the curve is up between the two positions, and zero elsewhere: a *bump*. Call its height
# $h$. A pair of neurons is now three numbers: where it begins, where it ends, how high it is.

# %%
def draw_bumps(figure, intervals, heights):
    ends = np.ravel(intervals)
    signs = {(2, i, 0): f"{h:.1f}" for i, h in enumerate(np.outer(heights, [1, -1]).ravel())}
    labels = {"connections": signs, "neurons": {(1, i): f"{s:.2f}" for i, s in enumerate(ends)}}
    axis = plotting.beside(figure, [1, len(ends), 1], inputs=["$x$"], **labels)
    axis.plot(x, outputs(universality.bumps(intervals, heights, **here), x))
    axis.set(xlabel="x", ylim=(-1.5, 1.5), title="weighted output")


explore(lambda figure, s1, s2, h: draw_bumps(figure, [(s1, s2)], [h]), positions | {"h": Slider(0.6, -1.5, 1.5, 0.1)})


# %% [markdown]
# Two bumps do not disturb each other: each is zero where the other one is not. (Unless you let them overlap. Then
# they add up.)

# %%
def draw_two_bumps(figure, s1, s2, h1, s3, s4, h2):
    draw_bumps(figure, [(s1, s2), (s3, s4)], [h1, h2])


first = positions | {"h1": Slider(-1.2, -1.5, 1.5, 0.1)}
second = {"s3": Slider(0.70, 0.0, 1.0, 0.01), "s4": Slider(0.90, 0.0, 1.0, 0.01), "h2": Slider(0.3, -1.5, 1.5, 0.1)}
explore(draw_two_bumps, first | second, size=(7, 3.2))

# %% [markdown]
# And so on. Cut the interval from 0 to 1 into five pieces of equal width, and give each a bump: ten hidden neurons,
# with their steps at 0, 0.2, 0.2, 0.4, 0.4 … 1, and five heights to choose. Any row of five plateaus can be had.

# %%
fifths = [(i / 5, (i + 1) / 5) for i in range(5)]


def five_random():
    return {f"h{i}": float(h) for i, h in enumerate(rng.integers(-15, 16, 5) / 10, start=1)}


def draw_five(figure, **heights):
    axis = figure.subplots()
    axis.plot(x, outputs(universality.bumps(fifths, list(heights.values()), **here), x))
    axis.set(xlabel="x", ylim=(-2, 2), title="weighted output of ten hidden neurons")


sliders = {name: Slider(h, -2.0, 2.0, 0.1) for name, h in five_random().items()}
explore(draw_five, sliders, buttons={"Other heights": five_random}, vertical=True)

# %% [markdown]
# Now and then there is an exercise. Write your answer into a new cell, under the name that the exercise gives it, and
# run the check. Do not run the solution, which is folded away: it would put its own answer under that name.
# (`netlib exercises 01` writes a copy without solutions.)
#
# **Exercise 1 (medium).** There is a bump in which no output weight is negative. A hidden neuron whose *weight* is
# negative falls where others rise. Write down two hidden neurons, one rising at 0.4 with the weight 1000, one falling
# at 0.6 with the weight $-1000$, and a linear output neuron with both weights $+0.8$, so that the network's output is
# the bump of height 0.8 between 0.4 and 0.6. (What do the two add up to outside of it? The output neuron has a bias.)
# `universality.constructed` makes a network of layers `(w, b, activation)`, where `w` has a row for each input and a
# column for each neuron. For instance, `universality.constructed(([[3, 5]], [1, 2], sigmoid), ([[1], [1]], [0],
# linear), **here)` has one input, two hidden neurons and one output (`**here` only says on which device). Call yours
# `bump`.

# %% jupyter={"source_hidden": true} tags=["solution"]
hidden = ([[1000, -1000]], [-400, 600], sigmoid)
bump = universality.constructed(hidden, ([[0.8], [0.8]], [-0.8], linear), **here)

# %% tags=["check"]
points = np.array([0.1, 0.39, 0.41, 0.5, 0.59, 0.61, 0.9])
print(" ".join(f"{y:.2f}" for y in np.abs(outputs(bump, points))))
assert np.allclose(outputs(bump, points), [0, 0, 0.8, 0.8, 0.8, 0, 0], atol=0.01), "0.8 between 0.4 and 0.6, else 0"
assert [layer.w.shape for layer in bump.layers] == [(1, 2), (2, 1)], "two hidden neurons, one output"
assert np.allclose(to_host(bump.layers[1].w), 0.8), "both output weights are 0.8"
assert bump.layers[1].activation_fn is linear, "the output neuron is linear"


# %% [markdown]
# ## 4. The challenge
#
# We can make plateaus. But the *weighted* output is not yet the network's output: there is the sigmoid of the output
# neuron. Which weighted output do we need so that $\sigma(\text{weighted output}) = f(x)$? Undo the sigmoid: its
# inverse is called the *logit*,
#
# $$\sigma^{-1}(y) = \ln\frac{y}{1 - y}.$$
#
# So we aim at $\sigma^{-1}(f(x))$, where $f$ must lie between 0 and 1, as the output of every sigmoid does.

# %%
def target(x):
    return logit(goal(x))


figure, (left, right) = plt.subplots(1, 2)
left.plot(x, goal(x))
left.set(xlabel="x", ylim=(0, 1), title="the goal, f")
right.plot(x, target(x))
right.set(xlabel="x", ylim=(-2.5, 2.5), title="what must arrive at the output neuron, logit f")
figure.tight_layout()
plt.show()


# %% [markdown]
# **The challenge.** Here are the five bumps, and behind them the right-hand curve of the last figure. Choose the five
# heights so that they follow it. The score is the mean distance between the two (with perfect steps), over $x = 0,
# 0.01, \dots, 0.99$: the lower, the better. A score of 0.40 or below wins.

# %%
def draw_challenge(figure, **heights):
    axis = figure.subplots()
    axis.plot(x, target(x), color="C1", linewidth=1)
    axis.plot(x, outputs(universality.bumps(fifths, list(heights.values()), **here), x))
    score = universality.score(list(heights.values()), target)
    won = " You have done it!" if score < 0.405 else ""
    axis.set(xlabel="x", ylim=(-2.5, 2.5), title=f"score {score:.2f}, the best possible is {lowest:.3f}.{won}")


best = universality.best_heights(target, 5)
lowest = universality.score(best, target)
solution = {f"h{i}": round(h, 2) for i, h in enumerate(best.tolist(), start=1)}
sliders = {name: Slider(h, -2.0, 2.0, 0.01) for name, h in five_random().items()}
explore(draw_challenge, sliders, buttons={"Other heights": five_random, "Solution": solution}, vertical=True)

# %% [markdown]
# How low can the score get? For each bump alone, we look for the number whose mean distance to the twenty values of
# the curve within its fifth is the least. That is their *median*: move away from it, and you move away from at least
# as many values as you approach.

# %%
print("best heights", " ".join(f"{h:.3f}" for h in best))
for n in (5, 10, 20, 50):
    possible = universality.score(universality.best_heights(target, n), target)
    print(f"{n:2} bumps: the best possible score is {possible:.3f}")

# %% [markdown]
# So 0.40 leaves a little room above the best possible, 0.372. With more bumps one gets closer; with as many as we like,
# as close as we like.
#
# Now put it all together. The weights of the first layer are all 1000, and a step at $s$ has the bias $-1000\,s$: for
# $s = 0.2$ that is $-200$. The output weights are $h$ and $-h$ in turn. The output neuron has the bias 0, and its
# sigmoid is back.

# %%
network = universality.bumps(fifths, best, output=sigmoid, **here)
print(network)
w, b, output_weights, output_bias = map(to_host, network.params)  # from the GPU, if they are there
print("w", w[0].astype(int))
print("b", b.astype(int))
print("output weights", " ".join(f"{h:.2f}" for h in output_weights[:, 0]))

# %%
figure, axis = plt.subplots()
axis.plot(x, goal(x), color="C1", linewidth=1, label="f")
axis.plot(x, outputs(network, x), label="a network of ten hidden neurons")
axis.set(xlabel="x", ylim=(0, 1))
axis.legend()
plt.show()


# %% [markdown]
# Not a good likeness, with five bumps. But there is nothing about five, or about this $f$, in what we have done.
#
# ## 5. Any function
#
# `universality.approximate(f, n)` does the same for any function: it cuts $[0, 1]$ into $n$ cells, and gives each a
# bump as high as $f$ in the middle of the cell. Some things it does differently from what you just did by hand:
#
# - The first bump begins outside of the interval, at $-1/n$, and the last one ends outside. A step that stands exactly
#   at 0 is only halfway up there. (That is the peak at the left end of the last figure: half of the first bump's height
#   arrives there, and $\sigma(-1.243/2) = 0.35$, in place of 0.22.)
# - The output neuron is linear, unless one asks for a sigmoid. Then the weighted output aims at $f$ itself, and $f$
#   may take any values.
# - With a sigmoid at the output, $f$ is first squeezed into the numbers between 0.1 and 0.9, or what else one asks for,
#   and what comes out is stretched again.
# - The height of a bump is $f$ in the middle of its cell, not a median: that is easier to compute, and only a little
#   worse in the mean.
#
# Type a function of your own. It may be made of numbers, `x`, `pi`, and the usual functions (`sin`, `exp`, `sqrt`,
# `abs`, `where(x < 0.5, a, b)` …).

# %%
def draw_own(figure, f, n):
    own = expression.function(f)
    approximation = universality.approximate(own, n, **here)
    axis = figure.subplots()
    axis.plot(x, own(x), color="C1", linewidth=1, label="f")
    axis.plot(x, approximation(x), label="the network")
    error = universality.sup_error(own, approximation)
    axis.set(xlabel="x", title=f"{2 * n} hidden neurons, largest error {error:.3f}")
    axis.legend(loc="upper right")


explore(draw_own, {"f": Text(own_function), "n": Slider(20, 1, 100)})

# %% [markdown]
# How does the error fall with $n$? There is an argument for that, and it is the heart of the proof.
#
# Think of very sharp steps first. Between them, the network is as high as $f$ in the middle of the cell that $x$ lies
# in, and that is at most $\frac{1}{2n}$ away from $x$. Near a step, its output is a mixture of two heights: that of
# the cell that $x$ lies in, and that of the cell beyond the step, whose middle is at most $\frac1n$ away from $x$. So
# the error is not larger than the most by which $f$ can change over a distance of $\frac1n$. (What blunt steps add to
# the error comes below.) That quantity has a name, the *modulus of continuity* $\omega_f(\tfrac1n)$, and that it
# becomes as small as we like, if only $n$ is large enough, is a theorem about continuous functions on a closed
# interval (they are *uniformly* continuous). If $f$ is nowhere steeper than $L$ (a *Lipschitz* function), then
# $\omega_f(\tfrac1n) \le L / n$: twice the bumps, half the error.
#
# Four functions that differ in just that: our $f$, which is smooth; $|\sin 7x|$, with kinks but nowhere steeper than 7;
# $\sqrt x$, which is infinitely steep at 0; and one that jumps.

# %%
functions = {
    "f": goal,
    "|sin 7x|": lambda x: np.abs(np.sin(7 * x)),
    "sqrt(x)": np.sqrt,
    "a jump": lambda x: np.where(x < 1 / 3, 0.0, 1.0)}
numbers = [n for n in (5, 10, 20, 40, 80, 160, 320, 640) if n <= n_most]
figure, (left, right) = plt.subplots(1, 2)
for name, f in functions.items():
    nets = [universality.approximate(f, n, weight=1e5, **here) for n in numbers]
    sups, means = ([error(f, net) for net in nets] for error in (universality.sup_error, universality.mean_error))
    left.loglog(numbers, sups, marker="o", label=name)
    right.loglog(numbers, means, marker="o", label=name)
    slopes = (np.polyfit(np.log(numbers[2:]), np.log(errors[2:]), 1)[0] for errors in (sups, means))
    print("{:9} slope of the largest error {:.2f}, of the mean error {:.2f}".format(name, *slopes))
left.set(xlabel="bumps", ylabel="error", title="largest error")
right.set(xlabel="bumps", title="mean error")
for axis in (left, right):
    axis.set_xticks(numbers, numbers)
right.legend(loc="upper left", bbox_to_anchor=(1, 1))
figure.tight_layout()
plt.show()

# %% [markdown]
# On log axes, "twice the bumps, half the error" is a line of slope $-1$, and in the left figure there are two of them
# (that of $f$ nearly hidden by the other). The root has slope $-\frac12$: $\omega(\frac1n) = \sqrt{1/n}$, so four
# times the bumps halve the error. (It is made in the first cell alone, so the mean error falls faster.) And the
# largest error of the jump does not fall at all: between the jump and the edge of a cell, the network is on the wrong
# side. No continuous curve does better than to be wrong by a half somewhere. That is the second piece of small print.
# The *mean* error does fall: the place where it is wrong gets narrower.
#
# These networks had steps of $w = 100{,}000$. A finite weight sets a limit:

# %%
figure, axis = plt.subplots()
print("bumps:                   ", "  ".join(f"{n:5}" for n in numbers))
for weight in (100, 1000, 10_000):
    nets = [universality.approximate(goal, n, weight=weight, **here) for n in numbers]
    errors = [universality.sup_error(goal, net) for net in nets]
    axis.loglog(numbers, errors, marker="o", label=f"w = {weight:,}")
    print(f"w = {weight:6,}: largest error", "  ".join(f"{e:.3f}" for e in errors))
bounds = [universality.error_bound(goal, n, 10_000) for n in numbers]
axis.loglog(numbers, bounds, color="C2", linestyle="--", label="proved for w = 10,000")
axis.set(xlabel="bumps", ylabel="largest error")
axis.set_xticks(numbers, numbers, minor=False)
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# Two things happen. At first, smaller weights are *better*: round shoulders are nearer to a smooth curve than sharp
# ones. But a step of $w = 100$ climbs over a distance of 0.06. When bumps become much narrower than that, a step
# reaches over many of them. Inside the interval that only smooths $f$. At its ends, where the outermost step stands
# no farther off than $1/n$, it is no longer all the way up, and the error grows again.
#
# The best is in between, where the climb is about as wide as a bump, $w \approx 6n$: see $w = 100$, which is best at
# 20 bumps. ($w = 1000$ turns beyond the figure, at about 200.) To be safe, one takes $w$ much larger than that. The
# dashed line is what can be proved for $w = 10{,}000$, the bound that `universality.error_bound` computes:
#
# $$|g(x) - f(x)| \;\le\; \omega_f(\tfrac1n) + 2e^{-w/2n} (\max f - \min f) + 2e^{-w/n} \max|f|,$$
#
# where $g$ is the network. The first term we know. For the second: the output is an average of the heights of all
# bumps, with averaging weights that depend on $x$, and all bumps but the two from above together have at most the
# weight $2e^{-w/2n}$, since they are at least $\frac1{2n}$ away. For the third: these averaging weights do not quite
# add up to 1; what is missing is at most $2e^{-w/n}$, because the outermost steps stand $\frac1n$ outside. The bound
# must hold for the worst of functions. For most the error is smaller, as for ours.
#
# **Exercise 2 (medium).** Five bumps took ten hidden neurons. But neighbours share an edge: where one ends, the next
# begins. Make a network of *six* hidden neurons, called `six`, with the same weighted output as
# `universality.bumps(fifths, best)`. (`universality.steps` takes positions and heights.)

# %% jupyter={"source_hidden": true} tags=["solution"]
changes = np.diff(best, prepend=0, append=0)
six = universality.steps(np.arange(6) / 5, changes, **here)

# %% tags=["check"]
ten = universality.bumps(fifths, best, **here)
difference = np.abs(outputs(six, x) - outputs(ten, x)).max()
print(f"hidden neurons: {six.layers[0].n_out}, largest difference {difference:.3f}")
assert six.layers[0].n_out == 6, "one neuron for each edge: 0, 0.2, 0.4, 0.6, 0.8 and 1"
assert np.allclose(outputs(six, x), outputs(ten, x)), "a step climbs by the difference of the heights at its sides"

# %% [markdown]
# ## 6. Constructed, and trained
#
# We wrote the weights down. Everywhere else in these notebooks they are *learned*: begin with random ones, and change
# them in many small steps so that the mean squared error at 401 points of the curve falls (that is *stochastic
# gradient descent*, with the *quadratic* cost; notebook [00](00_start_here.ipynb) tells how it works). Forty hidden
# neurons are enough for twenty bumps. What does training make of forty? We let it start from three places: from our
# twenty bumps; from random weights as one usually draws them, in the hidden layer of about the size of 1; and from
# forty steps at random positions.

# %%
data = np.linspace(0, 1, 401)[:, None]


def trained(start=None):
    # "corrected" draws weights of about the size 1 / sqrt(number of inputs)
    net = Network([FullyConnectedLayer(1, 40, sigmoid, init="corrected"),
                   FullyConnectedLayer(40, 1, linear, init="corrected", cost="quadratic")],
                  mini_batch_size=10, seed=seed, device=device, dtype="float64")
    if start:
        for parameter, value in zip(net.params, start.params):
            parameter[...] = value
    falling = schedules.OfEpoch(lambda epoch: 0.1 * (1 - epoch / epochs))  # the learning rate of each epoch
    net.SGD((data, goal(data)), epochs, 10, falling, validation_data=None, test_data=None, shuffle=True, verbose=False)
    return universality.Approximation(net)


written = universality.approximate(goal, 20, weight=60, **here)
random_steps = universality.steps(rng.random(40), 0.1 * rng.normal(size=40), weight=60, **here)
contest = {"written down": written, "written down, then trained": trained(written.network),
           "trained from random weights": trained(), "trained from random steps": trained(random_steps)}

# %%
figure, axis = plt.subplots()
axis.plot(x, goal(x), color="lightgray", linewidth=5, label="f")
for name, net in contest.items():
    axis.plot(x, net(x), label=name, linewidth=1.2)
    mean, largest = (measure(goal, net) for measure in (universality.mean_error, universality.sup_error))
    print(f"{name:27} mean error {mean:.3f}, largest {largest:.2f}")
axis.set(xlabel="x")
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# All of these have forty hidden neurons. The one trained from random weights finds a slightly bent line, and after
# hundreds of passes through the data it has not found the waves. Started from our construction, with $w = 60$,
# training brings the error down to about a third. And started from steps at random places, whose heights say nothing
# about $f$, it does at least as well as we did by hand. So neither the network nor gradient descent was to blame, but
# the start. Hidden weights and biases of about the size of 1 make neurons that climb over the whole interval, and in
# no particular place of it. A wave needs neurons that climb within a tenth of the interval, with their positions
# $-b/w$ spread over it.
#
# Then the steeper the better? Start the training from other constructions:

# %%
for weight in (60, 200, 1000):
    start = universality.approximate(goal, 20, weight=weight, **here)
    before, after = (universality.mean_error(goal, net) for net in (start, trained(start.network)))
    print(f"w = {weight:4}: mean error {before:.3f} as written down, {after:.3f} after training")

# %% [markdown]
# The steeper the steps, the less is learned. A neuron learns by its slope, and a sharp step has none except on the
# spot where it climbs: at nearly all of the 401 points, changing its weight or its bias a little changes nothing.
# What makes the construction easy to understand, steepness, makes it hard to improve. Notebook 02 takes up this
# thread.
#
# The theorem says that good weights *exist*. It does not say that training finds them, and from the usual start we
# have just seen it not find them.
#
# ## 7. Many inputs
#
# A neuron with two inputs computes $\sigma(w_1 x + w_2 y + b)$. It is a function on a square, so a surface. First,
# let the second weight be zero. Then nothing changes along $y$, and along $x$ we know what to expect. (The last
# slider walks you around the surface.)

# %%
X, Y = plotting.square()
turning = {"turn": Slider(0, -180, 180, 5)}


def draw_plane(figure, w1, w2, b, turn):
    left = figure.add_subplot(1, 2, 1)
    plotting.network(left, [2, 1], inputs=["$x$", "$y$"], neurons={(1, 0): f"b = {b}"},
                     connections={(1, 0, 0): f"{w1}", (1, 1, 0): f"{w2}"})
    z = outputs(neuron((w1, w2), b, **here), X, Y)
    plotting.surface(figure, z, zlim=(0, 1), title="output", turn=turn, place=(1, 2, 2))


sliders = {"w1": Slider(8, -100, 100), "w2": Slider(0, -100, 100), "b": Slider(-5, -100, 100)}
explore(draw_plane, sliders | turning, size=(7, 3.4))

# %%
movie(lambda figure, w: plotting.surface(figure, outputs(neuron((w, 0), -w / 2, **here), X, Y), zlim=(0, 1),
                                         title=f"w1 = {w},  b = {-w // 2}"),
      [{"w": w} for w in range(8, 101, 4)], size=(4, 3))


# %% [markdown]
# A step again, a cliff along a line. It stands at $s_x = -b/w_1$, and with the weights exchanged there is one in the
# other direction, at $s_y = -b/w_2$. We keep to $w = 1000$ for the one and 0 for the other, and speak of *steps in
# $x$* and *steps in $y$*:

# %%
def draw_steps(figure, s_x, s_y, turn):
    for place, (w, s, axis) in enumerate((((1000, 0), s_x, "x"), ((0, 1000), s_y, "y")), start=1):
        z = outputs(neuron(w, -1000 * s, **here), X, Y)
        plotting.surface(figure, z, zlim=(0, 1), title=f"a step in {axis} at {s:.2f}", turn=turn, place=(1, 2, place))


explore(draw_steps, {"s_x": Slider(0.5, 0.0, 1.0, 0.01), "s_y": Slider(0.5, 0.0, 1.0, 0.01)} | turning, size=(7, 3.2))


# %% [markdown]
# Two steps in $x$ make a bump in $x$, which looks less like a bump than like a wall across the whole square.
# `universality.crossed_bumps` makes it; it takes an interval for each input, or `None` for an input along which there
# is to be no bump.

# %%
def draw_walls(figure, s1, s2, h, turn):
    for place, box in enumerate(([(s1, s2), None], [None, (s1, s2)]), start=1):
        z = outputs(universality.crossed_bumps(box, h, **here), X, Y)
        plotting.surface(figure, z, zlim=(-1, 1), title=f"a bump in {'xy'[place - 1]}", turn=turn, place=(1, 2, place))


sliders = {"s1": Slider(0.30, 0.0, 0.49, 0.01), "s2": Slider(0.70, 0.5, 1.0, 0.01), "h": Slider(0.6, -1.0, 1.0, 0.1)}
explore(draw_walls, sliders | turning, size=(7, 3.2))


# %% [markdown]
# And both together, four hidden neurons, one bump in $x$ and one in $y$, of the same height $h$?

# %%
def draw_cross(figure, h, turn):
    net = universality.crossed_bumps([(0.4, 0.6), (0.3, 0.7)], h, **here)
    z = outputs(net, X, Y)
    plotting.surface(figure, z, zlim=(0, 1), title="weighted output of four hidden neurons", turn=turn)


explore(draw_cross, {"h": Slider(0.3, 0.0, 0.5, 0.1)} | turning, size=(5, 3.6))

# %% [markdown]
# Where the walls cross, the heights add up to $2h$; the rest of the walls stays at $h$, and the corners at 0. We would
# like to keep only the crossing, a *tower*:

# %%
plan = universality.tower([(0.4, 0.6), (0.3, 0.7)], **here)
figure = plt.figure(figsize=(5, 3.6))
plotting.surface(figure, 0.7 * outputs(plan, X, Y), zlim=(0, 1), title="what we would like")
plt.show()


# %% [markdown]
# That is what an output neuron can decide. Its sigmoid is a switch as well: it is on where its argument is well above
# 0, and off where it is well below. With the bias $b$ the argument is $2h + b$ at the crossing, and $h + b$ on the
# walls. Choose $h$ and $b$ so that the output is nearly 1 in the first case and nearly 0 in the second. At $h = 0.3$
# and $b = -0.5$ it is neither.

# %%
def draw_tower(figure, h, b, turn):
    net = universality.crossed_bumps([(0.4, 0.6), (0.3, 0.7)], h, bias=b, output=sigmoid, **here)
    plotting.surface(figure, outputs(net, X, Y), zlim=(0, 1), title=f"output, h = {h:g}, b = {b:g}", turn=turn)


sliders = {"h": Slider(0.3, 0.0, 20.0, 0.1), "b": Slider(-0.5, -40.0, 0.0, 0.1)}
explore(draw_tower, sliders | turning, buttons={"A solution": {"h": 10, "b": -15}}, size=(5, 3.6))

# %%
movie(lambda figure, h: draw_tower(figure, h, -1.5 * h, 0), [{"h": h / 2} for h in range(1, 21)], size=(4, 3))

# %% [markdown]
# The threshold belongs midway between $h$ and $2h$, so $b = -\frac32 h$, and $h$ must be large: at $h = 10$ the
# argument is $+5$ on the tower and $-5$ on the walls, and $\sigma(5) = 0.993$. With $m$ inputs it is the same: $m$
# bumps cross with a height of $mh$, everywhere else at least one of them is missing, and the threshold belongs midway
# between $(m-1)h$ and $mh$:
#
# $$b = \left(-m + \tfrac12\right) h.$$
#
# For three inputs, $b = -\frac52 h$:

# %%
box = [(0.2, 0.5), (0.4, 0.6), (0.1, 0.9)]
in_three = universality.tower(box, height=10, **here)
print("output bias", to_host(in_three.layers[1].b))
for point in ((0.3, 0.5, 0.5), (0.3, 0.5, 0.95), (0.3, 0.7, 0.5), (0.9, 0.9, 0.95)):
    print(point, "inside " if all(low < p < high for p, (low, high) in zip(point, box)) else "outside",
          f"{outputs(in_three, *point):.3f}")

# %%
figure, axis = plt.subplots(figsize=(7, 3.2))
signs = {(2, i, 0): f"{'+-'[i % 2]}h" for i in range(6)}
ends = {(1, i): f"{'st'[i % 2]}$_{i // 2 + 1}$" for i in range(6)}
names = ["$x_1$", "$x_2$", "$x_3$"]
plotting.network(axis, [3, 6, 1], inputs=names, connections=signs, neurons=ends | {(2, 0): "\nb = $-5h/2$"})
plt.show()


# %% [markdown]
# (The hidden neurons of this drawing are steps at $s_i$ and $t_i$; only the lines from $x_i$ to those two have a
# weight that is not zero.)
#
# Now towers are what bumps were. Give each a part of the network, four neurons for its steps, one neuron for its
# threshold, and let the weights to the output neuron say how high each tower is in the sum. Two of them:

# %%
def draw_two_towers(figure, w1, w2, turn):
    boxes = [[(0.1, 0.2), (0.8, 0.9)], [(0.7, 0.8), (0.2, 0.3)]]
    net = universality.towers(boxes, [w1, w2], **here)
    plotting.network(figure.add_subplot(1, 2, 1), [2, 8, 2, 1], inputs=["$x$", "$y$"],
                     connections={(3, 0, 0): f"{w1:.1f}", (3, 1, 0): f"{w2:.1f}"})
    plotting.surface(figure, outputs(net, X, Y), zlim=(0, 1), title="weighted output", turn=turn, place=(1, 2, 2))


sliders = {"w1": Slider(0.7, 0.0, 1.0, 0.1), "w2": Slider(0.5, 0.0, 1.0, 0.1)}
explore(draw_two_towers, sliders | turning, size=(8, 3.6))


# %% [markdown]
# And with many, side by side, any landscape. On the left are $5 \times 5$ towers of height $(i^2 + j^2)/50$; then a
# smooth landscape, and what 15 towers along each side make of it.

# %%
def hills(x, y):
    return 0.5 + 0.25 * np.sin(5 * x) + 0.25 * np.cos(4 * y) * x


cells = [(i, j) for i in range(5) for j in range(5)]
ends = [-0.2, 0.2, 0.4, 0.6, 0.8, 1.2]  # the outermost outside, as in section 5
boxes = [[(ends[i], ends[i + 1]), (ends[j], ends[j + 1])] for i, j in cells]
stairs = universality.towers(boxes, [(i**2 + j**2) / 50 for i, j in cells], **here)
landscape = universality.approximate_on_cube(hills, 15, **here)
figure = plt.figure(figsize=(9.5, 3.2))
surfaces = {"25 towers": outputs(stairs, X, Y), "a landscape": hills(X, Y), "225 towers": landscape(X, Y)}
for place, (title, z) in enumerate(surfaces.items(), start=1):
    plotting.surface(figure, z, zlim=(0, 1), title=title, place=(1, 3, place))
plt.show()

# %% [markdown]
# `universality.approximate_on_cube` lets towers that stand in a row share their steps, as in exercise 2. So the first
# hidden layer has only 16 steps in each direction, and the second has 225 neurons, one for each tower.
#
# (The needles are really there. At every corner where four towers meet there is a hole. The holes are narrower than
# drawn, and the mesh of the drawing hits only some of them. Section 9 is about them.)
#
# There are two hidden layers now. The book leaves [as a
# problem](http://neuralnetworksanddeeplearning.com/chap4.html#problem_863961) to do it with one (exercise 4).
#
# ### What dimension costs
#
# If $f$ changes by at most $L/n$ over a distance of $1/n$, we need $n$ towers along each of $m$ inputs for an error
# of about $L/n$, so $n^m$ of them:

# %%
for m in (2, 3, 6, 784):
    print(f"{m:3} inputs, ten towers along each: {m * 11:5,} + 10^{m} neurons")

# %% [markdown]
# The last line is the network of this construction for a picture of $28 \times 28$ pixels. The universe has some
# $10^{80}$ atoms. So this is no way to read digits; a network with a hundred hidden neurons reads 98 % of them
# (notebook 05), because the function from pictures to digits is not just any continuous function. The theorem is
# about all of them, and pays for that.
#
# **Exercise 3 (medium).** *Vector-valued functions.* A network with two outputs can draw a curve in the plane, $x
# \mapsto (f^1(x), f^2(x))$. Make such a `Network`, called `circle`, with one input, *one* hidden layer and two linear
# outputs that follow $(\cos 2\pi x, \sin 2\pi x)$ to within 0.1. (The hidden layer of one approximation will do for
# both: only output weights need two columns. `universality.approximate(f, n).network.params` lists `w` and `b` of the
# hidden layer, then those of the output layer.)

# %% jupyter={"source_hidden": true} tags=["solution"]
one, two = (universality.approximate(f, 70, **here).network.params
            for f in (lambda x: np.cos(2 * np.pi * x), lambda x: np.sin(2 * np.pi * x)))
both = np.hstack([to_host(one[2]), to_host(two[2])])
circle = universality.constructed((one[0], one[1], sigmoid), (both, [0, 0], linear), **here)

# %% tags=["check"]
around = circle.forward(x[:, None])
wanted = np.stack([np.cos(2 * np.pi * x), np.sin(2 * np.pi * x)], axis=1)
print(f"{circle.layers[0].n_out} hidden neurons, largest error {np.abs(around - wanted).max():.3f}")
assert len(circle.layers) == 2, "one hidden layer and the output layer"
assert np.abs(around - wanted).max() < 0.1, "cos(2 pi x) in the first output, sin(2 pi x) in the second"

# %%
figure, axis = plt.subplots(figsize=(3, 3))
axis.plot(*around.T)
axis.set(aspect="equal", xlabel="first output", ylabel="second output")
plt.show()

# %% [markdown]
# **Exercise 4 (harder).** *One hidden layer for two inputs.* A bump need not run along $x$ or $y$: with weights $(w,
# w)$ a neuron is a step in $x + y$, and with $(w, -w)$ one in $x - y$. Since $xy = \frac14 (x + y)^2 - \frac14 (x -
# y)^2$, the product of two numbers is a sum of a function of $x + y$ and a function of $x - y$. Make a network called
# `product` with one hidden layer and a linear output that multiplies two numbers from $[0, 1]$ to within 0.05.
# (Approximate $t^2/4$ by steps, as in exercise 2, once for $t = x + y$, which goes from 0 to 2, and once for $t = x -
# y$, from $-1$ to 1. In general: any continuous function is, as nearly as you like, a sum of multiples of waves
# $\cos(ax + by + c)$, and each wave is a function of one number, $ax + by$.)

# %% jupyter={"source_hidden": true} tags=["solution"]
edges = np.linspace(-1.02, 2.02, 153)
middle = (edges[:-1] + edges[1:]) / 2
changes = np.diff(middle**2 / 4, prepend=0, append=0)
hidden = 1000 * np.hstack([np.ones((2, 153)), [[1] * 153, [-1] * 153]])
biases = -1000 * np.concatenate([edges, edges])
product = universality.constructed((hidden, biases, sigmoid),
                                   (np.concatenate([changes, -changes])[:, None], [0], linear), **here)

# %% tags=["check"]
one, other = np.random.default_rng(0).random((2, 1000))
wrong = np.abs(outputs(product, one, other) - one * other).max()
print(f"{product.layers[0].n_out} hidden neurons, largest error {wrong:.3f}")
assert len(product.layers) == 2, "one hidden layer and the output layer"
assert wrong < 0.05, "steps in x + y and in x - y that climb as their squares do, a fourth of them"

# %% [markdown]
# ## 8. Not only the sigmoid
#
# What did we use of the sigmoid? That it becomes a step if its weight is large: far to the left it goes to one
# number, far to the right to another, and what it does in between is squeezed into a narrow place (how much that
# matters, section 9 will say). So any activation function with two different finite limits will do. Here is one that
# wobbles in between.

# %%
z = np.linspace(-3, 3, 601)
figure, axis = plt.subplots()
axis.plot(z, sigmoid(z), label="sigmoid")
axis.plot(z, universality.wobbly(z), label="another activation function")
axis.set(xlabel="z")
axis.legend()
plt.show()


# %%
def draw_wobbly(figure, w, b):
    axis = figure.subplots()
    axis.plot(x, outputs(neuron(w, b, universality.wobbly, **here), x))
    axis.set(xlabel="x", ylim=(-0.3, 1.3), title="output")


explore(draw_wobbly, {"w": Slider(6, 1, 999), "b": Slider(-3, -999, 0)}, buttons={"w = 100": {"w": 100, "b": -50}})

# %% [markdown]
# Raise $w$, or press the button: it becomes a step too. `universality.approximate` takes an activation function, and
# first looks for its limits, far outside (which is why $10^{12}$ appears below):

# %%
for activation in (sigmoid, universality.wobbly, tanh, ReLU, linear):
    try:
        net = universality.approximate(goal, 50, activation_fn=activation, **here)
        left, right = universality.limits(activation)
        error = universality.sup_error(goal, net)
        print(f"{activation!s:13} goes from {left:2.0f} to {right:.0f}: largest error {error:.3f}")
    except ValueError as error:
        print(error)


# %% [markdown]
# The last two are refused. For **ReLU**, $\max(0, z)$, that means only that *this* construction fails. There is
# another, and it is even simpler: a neuron $\max(0, x - s)$ is a straight line that begins to climb at $s$. Where a
# curve of straight pieces changes its slope, put such a neuron, with the change of slope as its output weight. So a
# network of ReLUs draws any line that is made of straight pieces, *exactly*; the bias of its output is its height at
# $x = 0$.

# %%
def draw_polygon(figure, n):
    net = universality.piecewise_linear(goal, n, **here)
    axis = figure.subplots()
    axis.plot(x, goal(x), color="C1", linewidth=1, label="f")
    axis.plot(x, net(x), label="the network")
    axis.set(xlabel="x", title=f"hidden neurons: {n}, largest error {universality.sup_error(goal, net):.3f}")
    axis.legend()


explore(draw_polygon, {"n": Slider(12, 1, 100)})

# %%
straight = [universality.sup_error(goal, universality.piecewise_linear(goal, n, **here)) for n in numbers]
bumpy = [universality.sup_error(goal, universality.approximate(goal, n, weight=1e5, **here)) for n in numbers]
print("pieces or bumps    ", "  ".join(f"{n:5}" for n in numbers))
print("bumps of sigmoids  ", "  ".join(f"{error:.3f}" for error in bumpy))
print("pieces of ReLU     ", "  ".join(f"{error:.3f}" for error in straight))

# %% [markdown]
# Twice the pieces, a quarter of the error, once they are short against the waves: a chord is off by $\frac18
# \max|f''| / n^2$ at most. And a piece takes one neuron, where a bump takes two. The price is that no heights can be
# read off the output weights any more, and that outside of $[0, 1]$ the last piece climbs or falls for ever.
#
# A **linear** activation function fails for good, in every network of any size. Two linear layers compute
# $(x w_1 + b_1) w_2 + b_2 = x\,(w_1 w_2) + (b_1 w_2 + b_2)$, a single linear layer: a straight line. Here is such a
# network, and the straight line that fits our $f$ best in the mean square:

# %%
hidden = ([rng.normal(size=50)], rng.normal(size=50), linear)
deep = universality.constructed(hidden, (rng.normal(size=(50, 50)), rng.normal(size=50), linear),
                                (rng.normal(size=(50, 1)), [0.0], linear), **here)
bends = np.abs(np.diff(outputs(deep, np.linspace(0, 1, 5)), 2)).max()
print(f"a linear network with two hidden layers of 50 neurons is a straight line, but for rounding: {bends < 1e-10}")
line = np.polynomial.Polynomial.fit(x, goal(x), 1)
print(f"largest error of the line that is best in the mean square: {np.abs(line(x) - goal(x)).max():.2f}")

# %% [markdown]
# **Exercise 5 (medium).** *Activation functions without limits.* ReLU has no finite limit on the right. But the
# *difference* of two ReLUs can have one. Write down a network of two ReLU neurons and a linear output, called `ramp`,
# that is 0 up to $x = 0.40$, is 1 from $x = 0.41$ on, and climbs in between. So a pair of ReLUs can do what one sigmoid
# did.

# %% jupyter={"source_hidden": true} tags=["solution"]
ramp = universality.constructed(([[100, 100]], [-40, -41], ReLU), ([[1], [-1]], [0], linear), **here)

# %% tags=["check"]
heights = outputs(ramp, np.array([0, 0.2, 0.4, 0.405, 0.41, 0.7, 1]))
print(" ".join(f"{abs(h):.2f}" for h in heights))
assert np.allclose(heights, [0, 0, 0, 0.5, 1, 1, 1]), "one ReLU begins at 0.40, the other ends the climb at 0.41"
assert [layer.activation_fn for layer in ramp.layers] == [ReLU, linear], "ReLUs, and a linear output"
assert ramp.layers[0].n_out == 2, "two hidden neurons"

# %% [markdown]
# ## 9. The window of failure
#
# Our steps are no steps. Section 5 has paid for that once; here is the rest. Over a distance of about $6/w$ a step is
# neither off nor on. The book calls that the *window of failure*. Here it is for $w = 50$, shaded:

# %%
figure, axis = plt.subplots()
axis.plot(x, outputs(neuron(50, -25, **here), x))
axis.axvspan(0.44, 0.56, color="C4", alpha=0.25)
axis.set(xlabel="x", title="w = 50, b = -25")
plt.show()

# %% [markdown]
# With sigmoids that was harmless. There, each window is a smooth crossing from one plateau to the next, and our proof
# in section 5 covered it. With activation functions that do as they like on their way from one limit to the other, it
# is not: in its windows, the network does as it likes too. (The wobbly one above hardly shows it. One that wobbles ten
# times as much does, below.) A larger $w$ makes windows narrower, but what happens in them does not become smaller.
# Here is how to make it smaller.
#
# First, a row of five bumps. Second, the same at half the height. Third, a row that makes up for the other half,
# shifted by half a bump. (The heights are the book's, and so is the beginning of the third row at 0.1; left of it,
# there is one half only.) Last, the two halves together: a little like the first row, in smaller steps. Where one of
# them has its windows, the other is in the middle of its plateaus.

# %%
starts = np.arange(5) / 5
heights = np.array([-1.3, -1.8, -0.5, -0.9, 0.3])
shifted = np.array([-0.775, -0.575, -0.35, -0.3, 0.3])
rows = {"a row of bumps": (starts, heights), "half as high": (starts, heights / 2),
        "and shifted": (starts + 0.1, shifted)}
figure, axes = plt.subplots(1, 4, figsize=(9.5, 2.4), sharey=True)
curves = {title: outputs(universality.bumps(list(zip(begin, begin + 0.2)), h, weight=300, **here), x)
          for title, (begin, h) in rows.items()}
curves["the halves together"] = curves["half as high"] + curves["and shifted"]
for axis, (title, curve) in zip(axes, curves.items()):
    axis.plot(x, curve)
    axis.set(xlabel="x", title=title, ylim=(-2, 1))
figure.tight_layout()
plt.show()

# %% [markdown]
# So away from the edge, at any point at least one half is right, and a failure counts only half. With $M$ rows of
# bumps, each $\frac1M$ as high and each shifted by $\frac1M$ of a bump, at most one of them fails at any point, if
# the windows are narrower than the shift; and a failure counts $\frac1M$. Measure it where it hurts, with the
# activation function that wobbles ten times as much. The argument `copies` is $M$.

# %%
wild = universality.wobbling(2)


def draw_copies(figure, copies):
    net = universality.approximate(goal, 20, copies=copies, activation_fn=wild, **here)
    axis = figure.subplots()
    axis.plot(x, goal(x), color="C1", linewidth=1, label="f")
    axis.plot(fine[::20], net(fine[::20]), linewidth=1, label="the network")
    axis.legend(loc="upper left")
    error = universality.sup_error(goal, net)
    axis.set(xlabel="x", ylim=(-0.2, 1.3), title=f"rows of 20 bumps: {copies}, largest error {error:.3f}")


explore(draw_copies, {"copies": Slider(1, 1, 10)})

# %%
print("rows   sigmoid   wobbling")
for copies in (1, 2, 4, 8):
    nets = (universality.approximate(goal, 20, copies=copies, activation_fn=f, **here) for f in (sigmoid, wild))
    print("{:4}   {:7.3f}   {:8.3f}".format(copies, *(universality.sup_error(goal, net) for net in nets)))

# %% [markdown]
# Twice the rows, half the error, as the argument says, or nearly. (The sigmoid's first gains have another reason: $M$
# rows have edges at $M$ times as many places, so that the plateaus become finer. What remains at last, in both
# columns, is that each bump is as wide as before, and cannot follow what $f$ does within it.)
#
# In two dimensions not even the sigmoid is harmless. Where four towers meet, at a corner, each of them has a step in
# $x$ and one in $y$ halfway up. So each of its two bumps counts only $\frac h2$, which makes $h$, below the threshold
# of $\frac32 h$. All four towers are off, and there is a hole. Seen from above, in a part of the square, and with $w
# = 300$, which makes the holes wide enough to be seen: how far off is our landscape?

# %%
corners = np.meshgrid(*[np.linspace(0.2, 0.55, 201)] * 2)
figure, axes = plt.subplots(1, 3, figsize=(9, 2.9), layout="constrained")
for axis, copies in zip(axes, (1, 2, 8)):
    net = universality.approximate_on_cube(hills, 8, weight=300, copies=copies, **here)
    wrong = np.abs(net(*corners) - hills(*corners))
    image = axis.imshow(wrong, origin="lower", extent=(0.2, 0.55, 0.2, 0.55), vmin=0, vmax=0.8, cmap="viridis")
    axis.set(xlabel="x", ylabel="y", title=f"copies: {copies}")
    axis.grid(visible=False)
    print(f"copies: {copies}   largest error {wrong.max():.2f}, mean error {wrong.mean():.3f}")
figure.colorbar(image, ax=axes, label="error")
plt.show()

# %% [markdown]
# With one copy there is a hole at every corner, as deep as the landscape is high. More copies do not remove the
# holes. They make them shallow: a point that is a corner for one copy is a good place for nearly all others. (In the
# third panel they are the faint diagonals.)
#
# ## 10. What has been proved, and what has not
#
# Let us collect the argument, and say what it gives.
#
# 1. *Steps.* A neuron $\sigma(w(x - s))$ differs from the step at $s$ by at most $e^{-w|x - s|}$: by nothing to
#    speak of, except within a few $1/w$ of $s$.
# 2. *Bumps.* The difference of two steps is a plateau of height 1 with two such windows.
# 3. *One input.* $n$ bumps of the heights $f(\text{middle of the cell})$ differ from $f$ by at most
#    $\omega_f(\frac1n)$ plus terms that vanish as $w/n$ grows. For continuous $f$ on $[0, 1]$ the first vanishes as
#    $n$ grows. So for every $\varepsilon$ there are an $n$ and a $w$ such that the error is below $\varepsilon$
#    *everywhere*. With a sigmoid at the output, the same holds for $\sigma^{-1} \circ f$, if $f$ stays within
#    $[d, 1 - d]$ for some $d > 0$; and $\sigma$ is nowhere steeper than $\frac14$, so the error only shrinks on the
#    way through it.
# 4. *Other activation functions.* With two different finite limits, 1 to 3 hold outside the windows. Inside, a
#    continuous function with limits is at least bounded, so $M$ shifted rows make the windows count for $\frac1M$.
# 5. *Several inputs.* A threshold above $(m - \frac12) h$ makes a tower of $m$ crossing bumps; towers do for
#    $[0,1]^m$ what bumps do for $[0, 1]$, again with windows that copies make shallow. That takes two hidden
#    layers.
#
# What has **not** been proved:
#
# - That functions with jumps can be approximated everywhere. They cannot; only their mean error can be made small.
# - Anything about what happens outside of the interval. (All bumps are 0 there.)
# - That *one* hidden layer is enough for several inputs. It is (exercise 4 is the way), but our towers use two.
# - Anything about ReLU with several inputs. Our lines of straight pieces have one.
# - That the number of neurons is reasonable. For many inputs this construction is far from it.
# - That training finds the weights. In section 6, it did not.
#
# So why use *deep* networks, if one or two hidden layers can do everything? For the same reason that nobody wants to
# write programs for a machine with a single instruction, though any program can be written for it. Which functions a
# network can represent at all is the first question. The questions that matter are which it represents with few
# neurons, and which it can learn. With the first of these, depth helps. With the second it makes trouble: that is
# notebook [02](02_unstable_gradients.ipynb).
#
# ## In practice
#
# - Read the weight of a neuron as *how sharp*, and $-b/w$ as *where*.
# - If a network will not learn a wavy function of few inputs, look at its first layer: neurons that climb over the
#   whole range of the input cannot make waves in it. Make them steep, and spread their places $-b/w$ over the inputs,
#   as the last line of the contest in section 6 did.
# - A network that fits perfectly on an interval says nothing outside of it.
#
# ## Further reading
#
# - M. Nielsen, *Neural Networks and Deep Learning*,
#   [chapter 4](http://neuralnetworksanddeeplearning.com/chap4.html): the argument of this notebook, with demos of its
#   own.
# - G. Cybenko, *Approximation by superpositions of a sigmoidal function* (1989), and K. Hornik, M. Stinchcombe and H.
#   White, *Multilayer feedforward networks are universal approximators* (1989): the first proofs, for one hidden layer.
# - M. Leshno, V. Lin, A. Pinkus and S. Schocken, *Multilayer feedforward networks with a nonpolynomial activation
#   function can approximate any function* (1993): exactly which activation functions will do. All that are not
#   polynomials.
