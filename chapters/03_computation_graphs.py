# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 03 · Computation graphs
#
# In notebook [02](02_unstable_gradients.ipynb) gradients walked back through a network, layer by layer, and we watched
# them vanish. Who does the walking? For a chain of neurons we did it on paper. For the networks of the next notebooks
# nobody would want to: they have convolutions, pooling, dropout, several layers of each, and every change to one of
# them would mean a new derivation.
#
# The way out is to make the computation itself a thing that a program can look at: a **graph** of small steps. Each
# step knows how to go forward and how to go back. The rest is a matter of order, and a program can find that.
#
# **You will build** backpropagation twice: by hand for 26 parameters, and from five kinds of nodes. Then you will have
# it built for you, as it was done in Theano, the library in which the book's `network3` was written. In the end
# `network3` stands there in the way of its author, in symbols, and takes the same steps as the network of this package.
#
# **You will learn**
# - how to cut backpropagation into pairs of functions that know nothing of each other;
# - why gradients are added where a value is used twice, and how to find an order for any graph;
# - what symbols, shared variables, `function`, `grad`, `updates` and `givens` are for;
# - that a gradient is a graph too, and so has a gradient;
# - what a compiler can do with a graph before it computes anything, and what that is worth;
# - how to write a loop as part of a graph, and train a network that remembers;
# - what changes if the graph is built while computing, as in PyTorch, a library of today.
#
# **You need** notebooks [00](00_start_here.ipynb) to [02](02_unstable_gradients.ipynb), the chain rule, and products
# of matrices.

# %% tags=["nbval-ignore-output"]
import inspect
import platform
import textwrap
import time
import timeit

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import netlib
from netlib import data, graph, ops, plotting
from netlib.backend import to_host
from netlib.graph import tiny
from netlib.graph.tiny import MSE, Input, Linear, Sigmoid, Tanh, forward_and_backward, sgd_update, topological_sort
from netlib.threads import blas_threads
from netlib.widgets import Slider, explore

print(f"netlib {netlib.__version__}, Python {platform.python_version()}")
print(f"NumPy {np.__version__}, matplotlib {matplotlib.__version__}")

# %% tags=["parameters"]
dataset = "digits"  # or "mnist"; the text speaks of what comes out of the digits
device = "cpu"  # where the graphs of sections 6 to 12 compute: "cpu", "gpu", or "auto" for a GPU if there is one
dtype = "float64"  # precision of the networks for digits; everything else here is computed in float64
seed = 1  # decides everything that is random
epochs_logistic = 30  # passes through the training data for logistic regression
steps_recurrent = 1000  # steps of training for the recurrent network

# %%
plt.style.use("netlib.mplstyle")
rng = np.random.default_rng(seed)
training_data, validation_data, _ = data.load(dataset)

# %% [markdown]
# ## 1. By hand
#
# Take a network so small that we can look at every number in it: three inputs, four hidden neurons with sigmoids, two
# outputs with tanh, whose values lie between $-1$ and 1, because one answer is to be negative. There is one example.
# Its input is $x = (1, 2, 3)$, and the network should answer $(-0.85, 0.75)$.
#
# A mini-batch is a matrix with an example in each row, so $x$ has the shape (1, 3). A layer computes $z = xW + b$,
# where $W$ has a row for each input and a column for each neuron.

# %%
x, target = np.array([[1.0, 2, 3]]), np.array([[-0.85, 0.75]])
W1, b1 = np.arange(1, 13).reshape(3, 4) / 10, np.array([-2.0, -6, -1, -7])
W2, b2 = np.arange(13, 21).reshape(4, 2) / 10, np.array([-2.5, -5.0])
print(W1)
print(W2)
print("parameters:", sum(p.size for p in (W1, b1, W2, b2)))


# %% [markdown]
# The cost is a *mean squared error*: the sum of the squared differences, divided by the number of examples, and without
# the factor $\frac12$ of notebook 02. We shall come back to the divisor. Forward, network and cost are five lines:

# %%
def forward(x, target, W1, b1, W2, b2):
    z1 = x @ W1 + b1  # (1, 4)
    h = 1 / (1 + np.exp(-z1))
    z2 = h @ W2 + b2  # (1, 2)
    a = np.tanh(z2)
    cost = ((a - target) ** 2).sum() / len(x)
    return h, a, cost


h, a, cost = forward(x, target, W1, b1, W2, b2)
print("hidden", h.round(2), "output", a.round(2), f"cost {cost:.2f}")


# %% [markdown]
# Now backward. We write $\bar v$ (in the program `dv`) for the derivatives of the cost with respect to the entries of
# $v$; it has the shape of $v$. (Notebook 02 wrote $\delta$ for what is $\bar z$ here.) The chain rule, applied line by
# line from the last to the first, gives
#
# $$\bar a = \tfrac{2}{n}(a - t), \quad \bar z_2 = \bar a\,(1 - a^2), \quad \bar W_2 = h^T \bar z_2, \quad
# \bar h = \bar z_2 W_2^T, \quad \bar z_1 = \bar h\, h (1 - h), \quad \bar W_1 = x^T \bar z_1,$$
#
# where $n$ is the number of rows and $t$ the target. ($\bar b_2$ and $\bar b_1$ follow below.) Products with the slopes
# $\tanh' = 1 - \tanh^2$ and $\sigma' = \sigma(1 - \sigma)$ are taken entry by entry; those with a transpose are
# products of matrices. Why $h^T \bar z_2$? Entry by entry, $z_2 = hW_2 + b_2$ is $z_{rj} = \sum_i h_{ri} W_{ij} + b_j$.
# The weight $W_{ij}$ acts on $z_{rj}$ in every row $r$, with the slope $h_{ri}$; what comes by way of all the rows is
# added, $\bar W_{ij} = \sum_r h_{ri}\, \bar z_{rj}$, and that is the matrix product $h^T \bar z$. In the same way
# $h_{ri}$ acts on every $z_{rj}$ with the slope $W_{ij}$, which gives $\bar z W^T$; and $b_j$ acts on every row, so
# $\bar b$ is the sum of the rows of $\bar z$.

# %%
def backward(x, target, W1, b1, W2, b2):
    h, a, _ = forward(x, target, W1, b1, W2, b2)
    da = 2 * (a - target) / len(x)
    dz2 = da * (1 - a**2)
    dW2, db2 = h.T @ dz2, dz2.sum(axis=0)
    dh = dz2 @ W2.T
    dz1 = dh * h * (1 - h)
    dW1, db1 = x.T @ dz1, dz1.sum(axis=0)
    return dW1, db1, dW2, db2


by_hand = backward(x, target, W1, b1, W2, b2)
print(by_hand[0].round(3))


# %% [markdown]
# The second row of $\bar W_1$ is twice the first, and the third three times: $x = (1, 2, 3)$. That is reassuring, but
# is the rest right, too? One can always find out on the spot. Move a single parameter a little up and a little down,
# and see how the cost changes: $\partial C/\partial w \approx [C(w + \epsilon) - C(w - \epsilon)] / 2\epsilon$. These
# are *central differences*. They need two forward passes for each parameter, 52 here; backpropagation needs one pass
# forward and one back for all of them.

# %%
def central_differences(compute, array, step=1e-5):  # compute() reads this very array, in which we move numbers
    slopes = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        array[place] = kept + step
        above = compute()
        array[place] = kept - step
        slopes[place] = (above - compute()) / (2 * step)
        array[place] = kept
    return slopes


parameters = W1, b1, W2, b2
for name, parameter, found in zip(["W1", "b1", "W2", "b2"], parameters, by_hand):
    expected = central_differences(lambda: forward(x, target, *parameters)[-1], parameter)
    print(f"{name}: shape {found.shape}, differences below 1e-7: {abs(found - expected).max() < 1e-7}")


# %% [markdown]
# ## 2. Pairs
#
# Look at the backward pass again. Each of its lines belongs to one line of the forward pass, and needs only two
# things: the gradient $g$ with respect to what that line computed, and what that line saw. It does not need to know
# what comes before or after. So we can cut the computation into **modules**, each a pair of functions:

# %%
def linear(x, W, b):
    return x @ W + b


def linear_back(g, x, W):
    return g @ W.T, x.T @ g, g.sum(axis=0)  # for x, for W, for b


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_back(g, a):
    return g * a * (1 - a)


def tanh_back(g, a):
    return g * (1 - a**2)


# %% [markdown]
# The sigmoid's way back uses its own output $a$, not its input: $\sigma' = \sigma (1 - \sigma)$. So a module may keep
# whatever is most useful of its forward pass. (For tanh, forward is `np.tanh`.) Libraries were built of such pairs
# early on. In Torch, the ancestor of PyTorch, a module had `updateOutput` for the way forward and `updateGradInput` for
# the way back, and, if it had parameters, `accGradParameters` for theirs.
#
# Now any chain of modules can be put together, and the backward pass calls their second functions in reverse. (It
# begins at the cost, which is only half a pair: nothing arrives there.)

# %%
z1 = linear(x, W1, b1)
h = sigmoid(z1)
z2 = linear(h, W2, b2)
a = np.tanh(z2)

g = 2 * (a - target) / len(x)
g, of_w2, of_b2 = linear_back(tanh_back(g, a), h, W2)
g, of_w1, of_b1 = linear_back(sigmoid_back(g, h), x, W1)
print("the same as by hand:", all(np.allclose(p, q) for p, q in zip((of_w1, of_b1, of_w2, of_b2), by_hand)))
print("gradient with respect to the input:", g.round(2))


# %% [markdown]
# The last line is a gift: if there were modules below these, the way back could go on from there.
#
# **Exercise 1 (easy).** *Softplus*, $y = \ln(1 + e^z)$, is a smooth relative of ReLU. Write its pair, `softplus(z)` and
# `softplus_back(g, y)`. The second is given the module's *output* only, as for the sigmoid: find the slope in terms of
# $y$.

# %% jupyter={"source_hidden": true} tags=["solution"]
def softplus(z):
    return np.log1p(np.exp(z))


def softplus_back(g, y):
    return g * (1 - np.exp(-y))  # the slope is the sigmoid of z, and e^-y = 1 - sigmoid(z)


# %% tags=["check"]
z, g = np.random.default_rng(1).standard_normal((2, 2, 3))
assert softplus(z.copy()) is not None, "softplus should return an array"
assert np.allclose(softplus(z.copy()), np.logaddexp(0, z)), "softplus: ln(1 + e^z), entry by entry"
expected = central_differences(lambda: (g * np.logaddexp(0, z)).sum(), z)
computed = np.asarray(softplus_back(g.copy(), np.logaddexp(0, z)), dtype=float)
assert computed.shape == z.shape, f"softplus_back: expected the shape {z.shape}, not {computed.shape}"
assert np.allclose(computed, expected, atol=1e-7), "softplus_back: the slope in terms of y, times g"

# %% [markdown]
# ## 3. The graph
#
# A chain is not enough. A linear module has three inputs. A value may be used in several places. So let each use of a
# module be a **node**. A node knows its *inbound* nodes, from which it is computed, and its *outbound* nodes, which are
# computed from it. It has a value, and after the backward pass a gradient for each of its inbound nodes. What is given
# from outside, data and parameters alike, is a node without inbound ones, an `Input`.
#
# The package has such a framework, `netlib.graph.tiny`, of some two hundred lines. Here is one of its five kinds of
# nodes in full (the lines in the middle check shapes), and how gradients come and go:

# %%
for part in (Linear, tiny.Node.gradient, tiny.Node.hand, forward_and_backward):
    print(inspect.getsource(part))

# %% [markdown]
# `forward` and `backward` are our pair. What is new is `hand`, which hands each inbound node its *share*, the part of
# its gradient that comes by way of this node, and `gradient`. Where does a node's own gradient come from? From those
# who use it. Suppose that $u$ is used by two nodes, with the values $v$ and $w$, and both of them matter to the cost
# $C$. Move $u$ a little. Then $v$ moves and $w$ moves, and $C$ changes on account of both:
#
# $$\frac{\partial C}{\partial u} \;=\; \frac{\partial C}{\partial v}\,\frac{\partial v}{\partial u} \;+\;
# \frac{\partial C}{\partial w}\,\frac{\partial w}{\partial u}.$$
#
# **Where a value is used several times, its gradients are added.** (If it is used twice by the same node, `hand` has
# added the two shares there, and `dict.fromkeys` sees to it that they are fetched once.) That is all that a graph adds
# to the rules of a chain; what is left is the order. A node that nobody uses has the gradient 0, since it does not
# matter. The cost is the exception: `MSE` does not ask for its gradient, but begins the way back with its own
# derivative.
#
# For instance, let the cost be the squared distance between $\tanh u$ and $\sigma(u)$, where $u = \tanh x$ (all single
# numbers, so the mean is of one):

# %%
start = Input()
u = Tanh(start)
v, w = Tanh(u), Sigmoid(u)
distance = MSE(v, w)
paths = topological_sort({start: np.array([[-1.0]])})
forward_and_backward(paths)
shares = [node.gradients[u].item() for node in (v, w)]
print(f"u is {u.value.item():.3f}; its gradient: by way of v {shares[0]:.3f}, by way of w {shares[1]:.3f}, "
      f"together {u.gradient().item():.3f}")

point = u.value.copy()
slope = central_differences(lambda: ((np.tanh(point) - sigmoid(point)) ** 2).mean(), point)
print(f"central difference: {slope.item():.3f}")


# %%
def draw_graph(figure, nodes, **options):
    plotting.graph(figure.add_axes([0, 0, 1, 1]), nodes, **options)


figure = plt.figure(figsize=(8, 2))
seen = graph.seen_nodes(paths, {start: "x", u: "u", v: "v", w: "w", distance: "cost"})  # what each node holds now
draw_graph(figure, seen, digits=3)
plt.show()


# %% [markdown]
# Each box shows a node, its shape, its value and the gradient of the cost with respect to it. (The cost is a number, so
# there is no shape; and its own gradient, left out, would be 1.) Inputs are shaded. Arrows run from left to right, to
# whoever needs the value.
#
# ## 4. In which order?
#
# A node can go forward as soon as all of its inbound nodes have. On the way back, it can go as soon as all of its
# *outbound* nodes have, because it needs all shares of its gradient. So any order that is good for the way forward,
# read in reverse, is good for the way back. Such an order is called *topological*.
#
# Arthur Kahn described in 1962 how to find one. Count for each node how many others it waits for. Whoever waits for
# nobody is ready. Take a ready node, and lower by one the counts of those that wait for it; a node whose count comes to
# 0 is ready, too. Often several orders are good, and which one comes out depends on who stands first among the ready.
# Here is the rule at work on our 3-4-2 network, whose nodes we hand over in a jumbled order:

# %%
def build(mean_over):  # what the cost is a mean over: see section 5
    nodes = {name: Input() for name in ("x", "W1", "b1", "W2", "b2", "target")}
    nodes["z1"] = Linear(nodes["x"], nodes["W1"], nodes["b1"])
    nodes["h"] = Sigmoid(nodes["z1"])
    nodes["z2"] = Linear(nodes["h"], nodes["W2"], nodes["b2"])
    nodes["a"] = Tanh(nodes["z2"])
    nodes["cost"] = MSE(nodes["target"], nodes["a"], mean_over)
    return nodes


def kahn(nodes):
    name = {node: word for word, node in nodes.items()}
    waits = {node: len(node.inbound) for node in nodes.values()}
    ready = [node for node in waits if waits[node] == 0]
    order = []
    while ready:
        others = " ".join(name[node] for node in ready[1:]) or "nobody else"
        print(f"{len(order):2}  take {name[ready[0]]:7} ready: {others}")
        order.append(ready.pop(0))
        for user in order[-1].outbound:
            waits[user] -= 1
            if waits[user] == 0:
                ready.append(user)
    return [name[node] for node in order]


# %%
nodes = build("rows")
jumbled = {word: nodes[word] for word in rng.permutation(list(nodes))}
order = kahn(jumbled)
place = {word: i for i, word in enumerate(order)}
print("every node after its inbound ones:", all(
    place[word] > place[other] for word in nodes for other in nodes if nodes[other] in nodes[word].inbound))

# %% [markdown]
# `topological_sort` does the same: it starts from the inputs with their values, finds all that depends on them, and
# sorts it. Here is the network in the order that it finds, another good one, after one pass forward and one back. The
# number is a node's place; values and gradients are shown where they are few.

# %%
start_values = {"x": x, "W1": W1, "b1": b1, "W2": W2, "b2": b2, "target": target}
ordered = topological_sort({nodes[name]: value for name, value in start_values.items()})
forward_and_backward(ordered)
numbered = {node: f"{ordered.index(node)}: {word}" for word, node in nodes.items()}
figure = plt.figure(figsize=(11.5, 4.4))
draw_graph(figure, graph.seen_nodes(ordered, numbered))
plt.show()
print("gradients as by hand:", all(np.allclose(nodes[name].gradient(), expected)
                                   for name, expected in zip(["W1", "b1", "W2", "b2"], by_hand)))


# %% [markdown]
# What if there is no such order? Then some nodes wait for each other in a circle, and nothing can be computed. The sort
# notices, because it runs out of ready nodes before it runs out of nodes. (An ordinary program cannot even write such a
# graph down, since a node is made from nodes that are there already. We have to forge it.)

# %%
def complaint(run):  # the error that it ends in
    try:
        run()
    except (TypeError, ValueError) as error:
        print("\n".join(textwrap.wrap(f"{type(error).__name__}: {error}", 110, subsequent_indent="    ")))


first = Tanh(start)
second = Tanh(first)
first.inbound.append(second)  # forged: now each waits for the other
second.outbound.append(first)
complaint(lambda: topological_sort({start: np.array([[0.5]])}))


# %% [markdown]
# The error names the nodes of the circle, and the line on which each was built. That is worth copying if you ever write
# a framework: errors in a graph show up long after the line that caused them.
#
# **Exercise 2 (medium).** Very deep networks often have *skip connections*: a layer's output is added to its input.
# Write the node that this needs, `class Add(tiny.Node)`, for the sum of two nodes of the same shape. It needs two
# methods. `forward(self)` sets `self.value`; `backward(self)` sets `self.gradients`, a dict with the share of each
# inbound node, from `self.gradient()`; `hand` may help. (It needs no `__init__`: `tiny.Node` takes any number of nodes,
# and keeps them in `self.inbound`.) Mind that the two nodes may be one and the same.

# %% jupyter={"source_hidden": true} tags=["solution"]
class Add(tiny.Node):
    def forward(self):
        one, other = self.inbound
        self.value = one.value + other.value

    def backward(self):
        self.gradients = {}
        for node in self.inbound:
            self.hand(node, self.gradient())


# %% tags=["check"]
draw = np.random.default_rng(2)
for twice in (False, True):
    below, weights, shifts, wanted = (Input() for _ in range(4))
    layer = Sigmoid(Linear(below, weights, shifts))
    result = MSE(wanted, Add(layer, layer if twice else below))
    shapes = {below: (2, 3), weights: (3, 3), shifts: (3,), wanted: (2, 3)}
    fed = {node: draw.standard_normal(shape) for node, shape in shapes.items()}
    ordered_skip = topological_sort(fed)
    forward_and_backward(ordered_skip)
    inner = sigmoid(fed[below] @ fed[weights] + fed[shifts])
    added = inner + (inner if twice else fed[below])
    assert np.allclose(result.value, ((added - fed[wanted]) ** 2).mean()), "forward: add the two values"

    def recomputed(nodes=ordered_skip, result=result):
        for node in nodes:
            node.forward()
        return result.value

    hint = "if the two nodes are one, it gets both shares" if twice else "each inbound node gets a share"
    for node in fed:
        expected = central_differences(recomputed, node.value)
        assert np.allclose(node.gradients[node], expected, atol=1e-7), f"backward: {hint}"


# %% [markdown]
# ## 5. It learns
#
# After the passes, a step of gradient descent: every parameter moves by $-\eta$ times its gradient. Ten epochs of one
# example, $\eta = 0.1$:

# %%
def descend(mean_over, epochs=10, eta=0.1, learning=("W1", "b1", "W2", "b2")):
    nodes = build(mean_over)
    ordered = topological_sort({nodes[name]: value for name, value in start_values.items()})
    seen = []
    for epoch in range(epochs + 1):
        forward_and_backward(ordered)
        seen.append(graph.seen_nodes(ordered, {node: word for word, node in nodes.items()}))
        if epoch < epochs:
            sgd_update([nodes[name] for name in learning], eta)
    return seen


def values(seen, name):
    return np.array([next(node.value for node in nodes if node.name == name).ravel() for nodes in seen])  # (11, size)


by_rows = descend("rows")
for epoch in range(11):
    one, two = values(by_rows, "a")[epoch]
    print(f"after {epoch:2} updates: output ({one:5.2f}, {two:5.2f})  cost {values(by_rows, 'cost')[epoch].item():.2f}")


# %%
def draw_epochs(seen, title):
    figure, axes = plt.subplots(1, 4, figsize=(10, 3), layout="constrained", width_ratios=(1.15, 1, 1, 1))
    axes[0].plot(values(seen, "a"), marker="o")
    for name, wanted, height, color in zip(("first", "second"), target[0], (-0.55, 0.4), ("C0", "C1")):
        axes[0].axhline(wanted, color=color, linestyle="--", linewidth=1)
        axes[0].text(10, height, name, color=color, ha="right")
    axes[0].set(xlabel="updates", title="the two outputs", xticks=range(0, 11, 2), ylim=(-1, 1))
    output, first, second = values(seen, "a"), values(seen, "W1"), values(seen, "W2")
    panels = ("outputs", output, 1), ("change of W1", first - first[0], 0.2), ("change of W2", second - second[0], 0.75)
    for axis, (name, columns, most) in zip(axes[1:], panels):
        image = axis.imshow(columns.T, vmin=-most, vmax=most, cmap="RdBu_r", aspect="auto")
        axis.set(xlabel="updates", ylabel="output" if name == "outputs" else "entry, row by row", title=name,
                 xticks=range(0, 11, 2), yticks=range(0, columns.shape[1], 1 + columns.shape[1] // 10))
        axis.grid(visible=False)
        figure.colorbar(image, ax=axis)
    figure.suptitle(f"{title}; each panel has its own scale of colours", fontsize=10)
    plt.show()


draw_epochs(by_rows, r"squared error divided by the number of rows, $\eta$ = 0.1")

# %%
print("slopes of tanh at the beginning:", (1 - values(by_rows, "a")[0] ** 2).round(2))
for name in ("W1", "W2"):
    way = values(by_rows, name)
    largest = abs(way[1] - way[0]).max() / 0.1
    print(f"{name}: largest gradient at the beginning {largest:.2f}, longest way of an entry "
          f"{abs(np.diff(way, axis=0)).sum(axis=0).max():.2f}, "
          f"largest distance at the end {abs(way[-1] - way[0]).max():.2f}")
held = values(descend("rows", learning=("W2", "b2")), "a")[:, 1]
print("the second output, if W1 and b1 are held fast:", *(f"{output:.2f}" for output in held[:5]), "...")

# %% [markdown]
# On the left the two outputs and, dashed, their targets. In the heat maps each column is a moment (0 is before the
# first update), each row a number: the outputs themselves; and of the 12 entries of $W_1$ and the 8 of $W_2$, how far
# each has moved from where it began.
#
# The first output sets off at once. The second begins at $-0.88$, on the wrong side, where tanh has a slope of only
# 0.23, and for two steps it hardly moves. Its own weights pull it up. But both outputs hang on the same four hidden
# neurons, and the first, in its hurry downwards, pulls these down. (If $W_1$ and $b_1$ are held fast, the second sets
# off at once; that is the last line.) When the first slows down, the second comes up. On its way tanh becomes steeper,
# and it crosses over in two leaps; now it is the first that is pushed back a little. After ten steps both are near
# their targets, and move slowly.
#
# $W_1$ ends nearer to where it began than $W_2$. Its gradients are smaller: the slope of a sigmoid is in them,
# $\frac14$ at most. Above all they change their sign: first the hidden neurons are drawn down (blue), for the first
# output, then up again (red), for the second. The entries of $W_2$ go one way: those with an even number, which belong
# to the first output, down, the others up. (2, 3, 6 and 7 hardly move; their hidden neurons answer
# weakly.)
#
# ### Which mean?
#
# We divided by the number of *rows*, the examples. One may as well divide by the number of *elements*, here two. "Mean
# squared error" can be either, and many a puzzle over two programs that should agree comes down to this. Half the cost
# has half the gradient, so the same $\eta$ takes steps of half the size:

# %%
for mean_over in ("rows", "elements"):
    output = values(descend(mean_over), "a")[-1]
    print(f"mean over {mean_over:9} after 10 updates ({output[0]:.2f}, {output[1]:.2f})")
output = values(descend("elements", eta=0.2), "a")[-1]
print(f"mean over elements, eta 0.2                ({output[0]:.2f}, {output[1]:.2f})")

# %% [markdown]
# Divided by rows, the outputs end at $(-0.73, 0.67)$; divided by elements at $(-0.42, 0.32)$, on their way to the same
# place. `MSE` of the package divides by elements unless told otherwise.
#
# The network and its numbers are those with which James McCaffrey explained backpropagation to programmers in 2012. The
# nodes, but for the tanh, are those of *MiniFlow*, a lesson from which many have learnt what a graph is. In [its
# listing](https://github.com/gtoran/udacity-sdcnd-t1l7c14-sigmoid-gradient-descent) the cost is divided by elements,
# and its gradient by rows! With one output for each example that is the same. With our two, the gradient is twice that
# of the cost.
#
# There is another trap for more outputs. The listing makes a *column* of all the differences, and hands back a gradient
# of that shape, which does not fit two outputs. It is tempting to transpose it where it arrives, in a tanh, say. For
# one row, that mends it. For more rows, it does not:

# %%
for rows, units in ((1, 2), (3, 2), (3, 1)):
    outputs, targets = np.tanh(rng.standard_normal((rows, units))), rng.standard_normal((rows, units))
    column = (outputs - targets).reshape(-1, 1)
    try:
        shape = f"a gradient of shape {(column.T * (1 - outputs**2)).shape}"
    except ValueError:
        shape = "an error: the shapes do not fit"
    print(f"outputs of shape {outputs.shape}: {shape}")

# %% [markdown]
# The last line is the worst: no error, a gradient of the wrong shape, made by *broadcasting*, which stretches axes of
# length 1. So always test a gradient with several rows and several columns, and not as many of the ones as of the
# others. Ours, with five examples at once:

# %%
nodes = build("rows")
fed = start_values | {"x": rng.standard_normal((5, 3)), "target": rng.uniform(-1, 1, (5, 2))}
ordered = topological_sort({nodes[name]: value.copy() for name, value in fed.items()})
forward_and_backward(ordered)


def recomputed():
    for node in ordered:
        node.forward()
    return nodes["cost"].value


for name in ("x", "W1", "b1", "W2", "b2"):
    error = abs(nodes[name].gradient() - central_differences(recomputed, nodes[name].value)).max()
    print(f"{name:2}: shape {nodes[name].value.shape}, differences below 1e-7: {error < 1e-7}")


# %% [markdown]
# **Try it.** Move through the updates, and let the backward pass stop early: gradients are shown for as many of the
# eleven nodes as it has reached, from the end of the order. (The target is the last of the inputs there, so it has its
# gradient before the parameters have theirs.)

# %%
def draw_passes(figure, updates, gone_back):
    seen = by_rows[updates]
    reached = len(seen) - gone_back
    shown = [node if i >= reached else graph.Seen(node.name, node.value, None, node.needs)
             for i, node in enumerate(seen)]
    draw_graph(figure, shown)


explore(draw_passes, {"updates": Slider(0, 0, 10), "gone_back": Slider(6, 0, 11, label="nodes gone back")},
        size=(11.5, 4.4))

# %% [markdown]
# ## 6. Symbols
#
# In the tiny framework somebody has to write each kind of node. Could the kinds be so small that one set of them is
# enough for everything: `+`, `*`, `exp`, `dot`, `sum`? That was the idea of **Theano**, a library made in Montreal and
# developed from about 2007 to 2017. In 2015, when the book's chapter 6 appeared, it was one of the ordinary ways to
# train a network on a GPU. Its ideas are in all that came after, and an heir, PyTensor, is still being developed.
# `netlib.graph` brings back its way of programming, under the same names.
#
# One begins with **symbols**: names for arrays that are not there yet, with a dtype and a number of axes. `dscalar` is
# a number in float64 (*d* as in double precision), `dmatrix` a matrix, `lvector` a vector of 64-bit integers (*l* as in
# long), `tensor4` has four axes. Operations on symbols give symbols, which know by their `owner` what computes them,
# and from what. Nothing is computed; a graph is built.

# %%
here = {"device": device}  # for all that has no shared variables; these come soon, and know where they are
t = graph.dscalar("t")
y = graph.exp(t) * t**3
print(f"y is a {y.type}, computed by {y.owner.op}{y.owner.inputs}")
f = graph.function([t], y, **here)
print("y at t = 1:", f(1.0).round(4), "   at t = 2:", f(2.0).round(4))

# %% [markdown]
# `function` makes an expression callable: here are the inputs, here is what I want. Only now is the graph sorted, by
# Kahn's rule again. And `grad` gives the derivative, not as a number but **as another expression**: it walks the graph
# backwards, as in section 3, and at each node asks the operation for the *symbols* that are its gradients. The product
# $z = xy$, for instance, turns a symbol $\bar z$ into two new ones, $\bar z y$ and $\bar z x$. So the gradient is a
# graph too, and can be differentiated again.

# %%
first = graph.grad(y, t)
second = graph.grad(first, t)
derivatives = graph.function([t], [first, second], **here)
print("found:   ", " ".join(f"{v:.4f}" for v in derivatives(1.0)))
print("on paper:", f"{4 * np.e:.4f} {13 * np.e:.4f}")  # e^t (t^3 + 3 t^2), e^t (t^3 + 6 t^2 + 6 t)


def operations(function):
    return [str(step.node.op) for step in function.schedule.steps]


print("y is made of ", ", ".join(operations(f)))
print("y' is made of", ", ".join(operations(graph.function([t], first, **here))))

# %% [markdown]
# A neuron that learns has *state*: its weights outlive a call. In Theano that is a **shared variable**, a symbol with
# a value, which lives on the device (the processor or the GPU). `get_value` and `set_value` reach it from outside;
# both copy, unless one says `borrow=True`. A function reads it without being given it, and may replace it:
# **updates** are pairs of a shared variable and an expression for its new value.
#
# All new values, like all outputs, are computed from the old ones, and only then put in place. Two variables can pass
# values to each other without a third:

# %%
a, b = graph.shared(0, "a", **here), graph.shared(1, "b", **here)
step = graph.function([], a, updates=[(a, b), (b, a + b)])
print("Fibonacci:", *[int(step()) for _ in range(12)])
print("now a is", a.get_value(), "and b is", b.get_value())

# %% [markdown]
# Here is a neuron in symbols: $C = \frac12 (\sigma(wx + b) - y)^2$. A symbol is called by the operation that computes
# it, unless one gives it a name, as here the cost. `seen` computes a cost and its gradients with respect to
# *everything*, for the drawing. (Single numbers have no shape to show.)

# %%
x, y = graph.dscalar("x"), graph.dscalar("y")
w, b = graph.shared(np.float64(0.6), "w", **here), graph.shared(np.float64(0.9), "b", **here)
out = graph.sigmoid(w * x + b)
cost = 0.5 * (out - y) ** 2
cost.name = "cost"
figure = plt.figure(figsize=(9, 3))
draw_graph(figure, graph.seen(cost, {x: 1.0, y: 0.0}, **here))
plt.show()

slopes = graph.grad(cost, [w, b])
learn = graph.function([x, y], cost, updates=[(p, p - 0.15 * slope) for p, slope in zip((w, b), slopes)])
costs = [float(learn(1, 0)) for _ in range(300)]
print(f"cost before {costs[0]:.3f}, after 300 steps {costs[-1]:.3f}, output {float(out.eval({x: 1.0})):.2f}")

# %% [markdown]
# The line that makes `learn` is gradient descent, whole: no loop over nodes, no order, no backward pass to write. (It
# is the neuron of the book's chapter 3 that is to turn 1 into 0. There, too, it ends at 0.09. `eval` computes one
# expression for given values.)
#
# **Exercise 3 (medium).** Newton's method finds a minimum of $f$ by steps $x \to x - f'(x) / f''(x)$. Make `newton`, a
# function of no inputs that takes one such step for the shared variable `spot` and returns the value of $f = e^x - 3x$
# before it. The minimum lies at $\ln 3$.

# %%
spot = graph.shared(np.float64(2.5), "spot", **here)

# %% jupyter={"source_hidden": true} tags=["solution"]
height = graph.exp(spot) - 3 * spot
slope = graph.grad(height, spot)
newton = graph.function([], height, updates=[(spot, spot - slope / graph.grad(slope, spot))])

# %% tags=["check"]
assert callable(newton), "newton should be what graph.function returns"
spot.set_value(np.float64(2.5))
at, before = 2.5, newton()
for _ in range(5):
    assert np.isclose(before, np.exp(at) - 3 * at), "newton should return f before the step"
    at -= (np.exp(at) - 3) / np.exp(at)
    assert np.isclose(spot.get_value(), at), "the step: subtract f' / f'', with grad of grad"
    before = newton()
print(f"after six steps {spot.get_value():.6f}, the minimum is at {np.log(3):.6f}")

# %% [markdown]
# ## 7. What a compiler sees
#
# Because the whole expression is known before anything is computed, it can be looked through first. `function` does
# three things with it:
#
# - *Dead code*: what is not needed for the outputs is not computed.
# - *Common subexpressions*: the same operation on the same inputs is computed once, however often one has written it.
# - *Constants*: what does not depend on any input is computed beforehand.

# %%
x = graph.dvector("x")
written = graph.exp(x) + graph.exp(x) * graph.exp(x) + graph.sum(graph.arange(4)) * 0.5
never_used = graph.log(x)
for merge in (False, True):
    compiled = graph.function([x], written, merge=merge, **here)
    print(f"merged: {merge!s:5} {len(operations(compiled))} operations: {', '.join(operations(compiled))}")
    print("    value at 0 and 1:", compiled(np.array([0.0, 1.0])).round(3))

# %% [markdown]
# `log` is in neither. Merging leaves one `exp`, and the sum of 0 to 3 has become the constant 3 (6 times 0.5).
#
# Merging matters where the same terms come up again and again, and nowhere more than in gradients of gradients: each
# operation's gradient is written without a thought for what others have written. (`merge=False` switches the second and
# the third off, never the first.)

# %%
in_turn = [graph.exp(t) * t**3]
while len(in_turn) < 5:
    in_turn.append(graph.grad(in_turn[-1], t))
for n, derivative in enumerate(in_turn):
    counts = [len(operations(graph.function([t], derivative, merge=merge, **here))) for merge in (False, True)]
    print(f"derivative {n}: {counts[0]:4} operations as written, {counts[1]:3} merged")
fourths = {name: graph.function([t], in_turn[4], merge=name == "merged", **here) for name in ("as written", "merged")}

# %% [markdown]
# Theano went further. It put several operations into one loop (*fused* them), wrote that in C or for the GPU, and
# compiled it. And it knew some algebra. That was not only for speed: $\ln(\text{softmax}(z))$, computed as written,
# fails where a probability is so small that it becomes 0. But $\ln p_j = z_j - z_{\max} - \ln \sum_i e^{z_i -
# z_{\max}}$, where $z_{\max}$ is the largest of the $z_i$, does not fail, and Theano put this in its place.
# `netlib.graph` does not rewrite formulas; it has that form as an operation, `graph.log_likelihood` (a cost, with its
# minus sign). As written, `log(p)[arange(n), label]` picks from each row $i$ the entry whose number is `label[i]`:

# %%
z, label = graph.dmatrix("z"), graph.lvector("label")
written = -graph.mean(graph.log(graph.softmax(z))[graph.arange(label.shape[0]), label])
careful = graph.log_likelihood(z, label)
costs = graph.function([z, label], [written, careful], **here)
for scores in ([[2.0, 1.0]], [[1000.0, 0.0]]):
    with np.errstate(divide="ignore"):
        print("scores", scores, "as written {:.4f}, carefully {:.4f}".format(*costs(scores, [1])))

# %% [markdown]
# ### Errors far from home
#
# The price of building first and computing later: what is wrong with a line shows only when a function is called, in a
# loop over nodes that you never wrote. So each node remembers where it was built. Four mistakes: a matrix with a column
# too many, a vector in place of a matrix, a forgotten input, a cost without a slope. (`dot` is carried out as
# `tensordot`; `neq` is *not equal*.)

# %%
x = graph.dmatrix("x")
w = graph.shared(np.ones((3, 2)), "w", **here)
z = graph.dot(x, w)
total = graph.sum(z)
wrong = graph.mean(graph.neq(z, 1))  # the fraction that does not equal 1
score = graph.function([x], total)
print("five rows of three:", score(np.ones((5, 3))))
for mistake in (lambda: score(np.ones((5, 4))), lambda: score(np.ones(3)), lambda: graph.function([], total),
                lambda: graph.grad(wrong, w)):
    complaint(mistake)


# %% [markdown]
# **Exercise 4 (harder).** With more than one parameter, the second derivatives of a cost are a matrix, $H_{ij} =
# \partial^2 C / \partial w_i\, \partial w_j$. It soon becomes too large to write down. But one often needs only its
# product with some vector, $Hv$, and that is no larger than a gradient. Write `hessian_times(cost, w, v)` for a cost
# and two vectors of the same length, all of them symbols. Two calls of `grad` are enough, and no loop. (`grad` wants a
# number. $Hv$ is the gradient of which?)

# %% jupyter={"source_hidden": true} tags=["solution"]
def hessian_times(cost, w, v):
    along_v = graph.sum(graph.grad(cost, w) * v)  # how fast the cost changes in the direction v
    return graph.grad(along_v, w)


# %% tags=["check"]
w, v = graph.dvector("w"), graph.dvector("v")
draw = np.random.default_rng(4)
A, at, along = (draw.standard_normal(shape) for shape in ((5, 3), 3, 3))
product = hessian_times(graph.sum(graph.exp(graph.dot(A, w))), w, v)
assert product is not None, "hessian_times should return a symbol"
assert product.ndim == 1, f"hessian_times should give a vector; got one of {product.ndim} axes"
found = graph.function([w, v], product, on_unused_input="ignore", **here)(at, along)  # v may have been forgotten
expected = A.T @ np.diag(np.exp(A @ at)) @ A @ along  # on paper
assert not np.allclose(found, A.T @ np.exp(A @ at)), "that is the gradient of the cost; v has to come in"
assert np.allclose(found, expected), "find a number whose gradient is H v, and take its gradient"

# %% [markdown]
# ## 8. Logistic regression
#
# Now digits. *Logistic regression* is a network without hidden layers: ten weighted sums of the 784 pixels, and softmax
# to make probabilities of them. The cost is the *negative log-likelihood*, the mean of $-\ln p$ of the right digit: the
# cost of notebook 00, under its other name. What we would really like to see small is the *0-1 loss*: the fraction of
# wrong answers. But the fraction does not change if a weight moves a little; and where it does change, it jumps. So it
# has no useful gradient, as the last of the errors above said of `neq`. The likelihood stands in for it.
#
# We write it as one did in 2015. Data sets are *shared variables*, sent to the device once. The function that trains
# takes only the number of a mini-batch. **`givens`** puts, in the place of the symbols `x` and `y`, the slice of the
# data that belongs to that number. So the model does not know where its input comes from; the same symbols, without
# `givens`, make the function that tests. (`matrix`, without a letter for the dtype, takes `dtype=`, or else what the
# user's settings say, which Theano called `floatX`.)

# %%
pixels, digits = training_data
images = graph.shared(pixels.astype(dtype), "images", **here)
labels = graph.shared(digits.astype("int64"), "labels", **here)
x, y, index = graph.matrix("x", dtype=dtype), graph.lvector("y"), graph.lscalar("index")

w = graph.shared(np.zeros((784, 10), dtype), "w", **here)
b = graph.shared(np.zeros(10, dtype), "b", **here)
p = graph.softmax(graph.dot(x, w) + b)  # (mini-batch, 10)
cost = -graph.mean(graph.log(p)[graph.arange(y.shape[0]), y])
wrong = graph.mean(graph.neq(graph.argmax(p, axis=1), y))

batch, eta = 20, 0.2
part = slice(index * batch, (index + 1) * batch)  # its ends are symbols
train = graph.function([index], cost, givens={x: images[part], y: labels[part]},
                       updates=[(q, q - eta * slope) for q, slope in zip((w, b), graph.grad(cost, [w, b]))])
test = graph.function([x, y], [cost, wrong], **here)
print("images on the device:", images.value.shape, "labels:", labels.value.shape)

# %% [markdown]
# To pick by `arange` and labels is an operation like others. Its gradient is to put back.

# %%
checked = validation_data.x.astype(dtype), validation_data.y
curves = [test(*checked)]
for _ in range(epochs_logistic):
    for i in range(len(digits) // batch):
        train(i)
    curves.append(test(*checked))
likelihoods, losses = np.array(curves).T
for epoch in sorted({0, 1, 10, epochs_logistic}):
    if epoch < len(losses):
        print(f"validation after {epoch:2} epochs: 0-1 loss {losses[epoch]:4.0%}, cost {likelihoods[epoch]:.2f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(7, 2.6), layout="constrained")
left.semilogy(likelihoods)
left.set(xlabel="epochs", title="validation: negative log-likelihood")
right.semilogy(losses, color="C1")
right.set(xlabel="epochs", title="validation: 0-1 loss")
plt.show()

figure, axes = plt.subplots(1, 10, figsize=(10, 1.2), layout="constrained")
for axis, weights, digit in zip(axes, to_host(w.get_value()).T, range(10)):
    plotting.grid(axis, weights.reshape(28, 28), title=str(digit))
plt.show()


# %% [markdown]
# The likelihood goes on getting better (its negative logarithm falls) while the 0-1 loss only wavers, by an image or
# two of 250: answers that were right become surer. (An epoch here is 64 mini-batches of 20; the 17 images that are left
# over are not used.)
#
# The ten columns of $w$ as images: dark where ink speaks for the digit, light where it speaks against it, grey where it
# does not matter.
#
# **Exercise 5 (medium).** *Momentum* gives each parameter $q$ a velocity $v$. In each step it replaces $v \to \mu v -
# \eta \bar q$, and then $q \to q + v$, with the *new* $v$; the number $\mu$ below 1 says how much of a velocity stays.
# Write `momentum_updates(parameters, slopes, velocities, eta, mu)`, which returns the list of pairs for `updates`. All
# three lists have the same length; velocities are shared variables too. (Updates are simultaneous. What is the new $v$,
# in terms of old values?)

# %% jupyter={"source_hidden": true} tags=["solution"]
def momentum_updates(parameters, slopes, velocities, eta, mu):
    pairs = []
    for q, slope, v in zip(parameters, slopes, velocities):
        new = mu * v - eta * slope  # the expression, in both pairs; it is computed once
        pairs += [(v, new), (q, q + new)]
    return pairs


# %% tags=["check"]
points = [graph.shared(np.array([2.0, -1.0]), **here), graph.shared(np.array(0.5), **here)]
speeds = [graph.shared(np.zeros(2), **here), graph.shared(np.zeros(()), **here)]
bowl = graph.sum(points[0] ** 2) + points[1] ** 2
pairs = momentum_updates(points, graph.grad(bowl, points), speeds, 0.1, 0.5)
assert pairs, "momentum_updates should return pairs of a shared variable and its new value"
roll = graph.function([], bowl, updates=pairs)
position, speed = np.array([2.0, -1.0, 0.5]), np.zeros(3)
for turn in range(3):
    roll()
    speed = 0.5 * speed - 0.1 * 2 * position
    position = position + speed
    found = np.append(points[0].get_value(), points[1].get_value())
    late = "the parameter should move by the new velocity, in the same step"
    assert np.allclose(found, position), f"step {turn}: {late if turn == 0 else 'the velocity keeps mu of its size'}"
    assert np.allclose(speeds[0].get_value(), speed[:2]), "velocities have updates too"

# %% [markdown]
# ## 9. network3, as it was
#
# The book's `network3` is, at its heart and without its penalty on large weights, the following: a convolutional layer
# with pooling, a fully connected layer, a softmax layer; a cost, `grad`, `updates`, and `givens` with the number of a
# mini-batch. (What convolution and pooling do is the subject of notebook [04](04_convolution_and_pooling.ipynb); here
# they are two more operations with a way back.) Images have the shape (mini-batch, maps, rows, columns), filters (maps
# out, maps in, rows, columns).
#
# `dimshuffle` rearranges axes, and adds broadcastable ones where it says `"x"`: the bias, one number for each of 4
# maps, becomes (1, 4, 1, 1), and stretches over images, rows and columns. `flatten(2)` keeps the first axis and joins
# the rest: $4 \times 12 \times 12 = 576$ numbers for each image. *Dropout* silences each input of a layer with the
# probability `p_dropout`, anew in each step, and `RandomStreams` is a source of such masks. (When the network is used,
# nothing is silenced, and the inputs are multiplied by `1 - p_dropout` instead: notebook 06.) Beside the cost the
# function returns the 0-1 loss.

# %%
batch, eta = 10, 0.1


def symbols_of_network3(parameters, p_dropout=0.0, stream=None):
    w1, b1, w2, b2, w3, b3 = parameters

    def dropped(a, units, layer):
        if not p_dropout:  # decided now, while the graph is built
            return a
        # drawn as Network draws it: units in rows, and `place` keeps layers apart
        mask = stream.dropout_mask((units, a.shape[0]), p_dropout, place=layer)
        return graph.dropout(a, mask.T)

    pooled = graph.pool_2d(graph.conv2d(x.reshape((batch, 1, 28, 28)), w1), (2, 2))  # (10, 4, 12, 12)
    a1 = graph.relu(pooled + b1.dimshuffle("x", 0, "x", "x")).flatten(2)  # (10, 576)
    a2 = graph.sigmoid(graph.dot(dropped(a1, 576, 1), w2) + b2)  # (10, 30)
    p = graph.softmax(graph.dot(dropped(a2, 30, 2), w3) + b3)  # (10, 10)
    return -graph.mean(graph.log(p)[graph.arange(y.shape[0]), y]), graph.mean(graph.neq(graph.argmax(p, axis=1), y))


def trainer(parameters, cost, **options):
    part = slice(index * batch, (index + 1) * batch)
    updates = [(q, q - eta * slope) for q, slope in zip(parameters, graph.grad(cost, parameters))]
    return graph.function([index], cost, updates=updates, givens={x: images[part], y: labels[part]}, **options)


# %% [markdown]
# What comes out in which shape need not be guessed. A shape is a symbol too, and `eval` gives its value:

# %%
maps = graph.conv2d(x.reshape((batch, 1, 28, 28)), graph.zeros((4, 1, 5, 5), dtype))
for name, symbol in (("maps", maps), ("pooled", graph.pool_2d(maps, (2, 2))),
                     ("flat", graph.pool_2d(maps, (2, 2)).flatten(2))):
    print(f"{name:6} {symbol.type}, here", tuple(map(int, symbol.shape.eval({x: pixels[:batch].astype(dtype)}))))


# %% [markdown]
# Beside it the network of this package, which was written without symbols, with a forward and a backward pass for each
# kind of layer. Both begin with the same weights, see the same mini-batches, and draw the same masks. After twenty
# steps, are they in the same place?

# %%
def package_network(p_dropout):
    layers = [netlib.ConvPoolLayer((4, 1, 5, 5), (batch, 1, 28, 28), (2, 2), netlib.ReLU),
              netlib.FullyConnectedLayer(576, 30, netlib.sigmoid, p_dropout),
              netlib.SoftmaxLayer(30, 10, p_dropout)]
    return netlib.Network(layers, batch, seed=seed, device=device, dtype=dtype)


def shared_copies(net):
    return [graph.shared(to_host(parameter).copy(), **here) for parameter in net.params]


print("parameters:", sum(q.size for q in package_network(0.0).params))

# %%
tolerance = 1e-10 if dtype == "float64" else 1e-4  # float32 has seven digits
for p_dropout in (0.0, 0.5):
    net = package_network(p_dropout)
    parameters = shared_copies(net)
    cost, _ = symbols_of_network3(parameters, p_dropout, graph.RandomStreams(seed, **here))
    train = trainer(parameters, cost)
    begun = [q.get_value() for q in parameters]
    for i in range(20):
        last = train(i)
        part = slice(i * batch, (i + 1) * batch)
        net.train_mini_batch(images.value[part], labels.value[part], eta)
    apart = max(abs(q.get_value() - to_host(other)).max() for q, other in zip(parameters, net.params))
    moved = max(abs(q.get_value() - old).max() for q, old in zip(parameters, begun))
    print(f"dropout {p_dropout}: weights moved by up to {moved:.2f}; cost of the last mini-batch {last:.1f}; "
          f"agree to {tolerance:g}: {apart < tolerance}")

# %% [markdown]
# They are. Two programs, one with the gradient of every layer derived by people, the other put together by `grad` from
# the small ways back of its operations, agree in all 17,724 numbers to within $10^{-10}$. (A mistake in what both stand
# on, the operations at the bottom, would escape. Central differences would see it.)
#
# Twenty steps are a beginning: the cost is still that of knowing nothing, $\ln 10 = 2.3$. So let the symbols go on by
# themselves, for ten epochs. The function that tests has no `givens`; it takes mini-batches of ten images.

# %%
parameters = shared_copies(package_network(0.0))
cost, wrong = symbols_of_network3(parameters)
train, test = trainer(parameters, cost), graph.function([x, y], [cost, wrong])


def of_validation():
    parts = [slice(i, i + batch) for i in range(0, len(checked[1]) // batch * batch, batch)]
    return np.mean([test(checked[0][part], checked[1][part]) for part in parts], axis=0)


for epoch in range(11):
    if epoch % 5 == 0:
        print("after {:2} epochs: validation cost {:.1f}, 0-1 loss {:.0%}".format(epoch, *of_validation()))
    for i in range(len(digits) // batch if epoch < 10 else 0):
        train(i)

# %% [markdown]
# Three in a hundred are wrong after ten epochs, as in section 8: 250 images are too few to tell the two apart.
#
# ## 10. What it costs, what it gains
#
# Count first. Here is a step of `network3`, as `grad` wrote it down, and after the compiler has looked through it:

# %%
net = package_network(0.0)
counted = []
for merge in (False, True):
    parameters = shared_copies(net)
    counted.append(trainer(parameters, symbols_of_network3(parameters)[0], merge=merge))
before, after = (operations(function) for function in counted)
print(f"operations as written {len(before)}, after merging {len(after)}")
for name in ("conv2d", "sigmoid", "softmax", "log"):
    print(f"    {name}: {before.count(name)} and {after.count(name)}")


# %% [markdown]
# Merging finds next to nothing here. The large operations are there once in either case, because `grad` builds on the
# symbols of the way forward instead of writing them anew: the way back of the sigmoid takes its output (section 2).
#
# And what does it cost to go through a list of operations? For comparison, the same step by the same operations,
# called by hand one after the other:

# %%
def plain_step(net, short_cut):
    xp, params = net.xp, [q.copy() for q in net.params]  # xp: NumPy, or its double on the GPU
    rows, one_hot = xp.arange(batch), xp.eye(10, dtype=dtype)

    def step(i):
        (w1, b1, w2, b2, w3, b3), part = params, slice(i * batch, (i + 1) * batch)
        x, y = images.value[part].reshape(batch, 1, 28, 28), labels.value[part]
        z = ops.conv2d(x, w1)
        pooled = ops.pool2d(z, (2, 2))
        z1 = pooled + b1[None, :, None, None]
        a1 = ops.ReLU(z1)
        flat = a1.reshape(batch, -1)
        a2 = ops.sigmoid(flat @ w2 + b2)
        p = ops.softmax((z3 := a2 @ w3 + b3).T).T
        dp = xp.zeros_like(p)
        dp[rows, y] = -1 / (batch * p[rows, y])
        delta = (p - one_hot[y]) / batch if short_cut else ops.softmax.backward(z3.T, p.T, dp.T).T
        dz2 = (delta @ w3.T) * a2 * (1 - a2)
        dz1 = (dz2 @ w2.T).reshape(a1.shape) * (z1 > 0)
        dw1 = ops.conv2d_filter_gradient(x, w1, ops.pool2d_gradient(z, pooled, dz1, (2, 2)))
        slopes = dw1, dz1.sum((0, 2, 3)), flat.T @ dz2, dz2.sum(0), a2.T @ delta, delta.sum(0)
        params[:] = [q - eta * slope for q, slope in zip(params, slopes)]
        return float(-xp.log(p[rows, y]).mean())

    return step


# %% tags=["nbval-ignore-output"]
def package_step(net):
    def step(i):
        part = slice(i * batch, (i + 1) * batch)
        return float(net.train_mini_batch(images.value[part], labels.value[part], eta))

    return step


contenders = {"as written": counted[0], "merged": counted[1], "by hand": plain_step(net, False),
              "by hand, p - y": plain_step(net, True), "Network": package_step(net)}
taken = {name: [] for name in contenders}
with blas_threads(batch):  # as many as training uses
    for _ in range(30):
        for name, step in contenders.items():  # in turns, so that whatever else the computer does meets all of them
            begun = time.perf_counter()
            for i in range(10):
                step(i)
            taken[name].append((time.perf_counter() - begun) * 100)  # of ten steps, so in ms
for name, f in fourths.items():
    print(f"fourth derivative, {name}: {min(timeit.repeat(lambda f=f: f(1.0), number=10, repeat=30)) * 100:.3f} ms")
for name, times in taken.items():  # the fastest of thirty rounds
    print(f"{name:14} {min(times):6.2f} ms a step, {min(times) / min(taken['by hand']):.2f} times by hand")

# %%
costs = {name: [float(step(i)) for i in range(40, 45)] for name, step in contenders.items()}
print("all five are still in step:", all(np.allclose(found, costs["merged"], atol=0.01) for found in costs.values()))

# %% [markdown]
# Look at the differences between neighbours. (Times differ from computer to computer, and a little from run to run;
# these are of the computer and the day on which the notebook was stored.)
#
# - The fourth derivative of section 7, merged, has half the operations and takes about half the time. That is what the
#   second and third of the compiler's services can bring.
# - For `network3`, *as written* to *merged*: two operations of 65 are gone. That is worth a few per cent at most, and
#   hard to tell from chance.
# - *Merged* to *by hand*: what the framework costs, a small part of the step, and the same whatever the arrays hold.
#   (`tests/benchmarks` measures it with more care.) About half of it goes into picking and checking arguments, in
#   Python, the rest into nodes that a person would not write.
# - *By hand* to *p - y*: what a person sees, and `grad` does not. Softmax and logarithm together have the gradient $p -
#   y$; `grad` goes back through one after the other. The list becomes shorter. The time hardly does.
# - And on to *Network*, which takes about half the time: what it is worth to know what comes next. In the package's
#   `ConvPoolLayer`, convolution, pooling and activation are one operation, which works in arrays that it keeps from
#   step to step (notebook 04 takes it apart). A list of general operations cannot do that, whoever calls them. A
#   compiler that *fuses* operations can: that is what Theano's C code was for, and what XLA under JAX and
#   `torch.compile` are for today.
#
# ## 11. Loops
#
# A graph has no loop: a circle is an error. Yet many computations repeat a step, some of them as often as the data
# require. **`scan`** is an operation that stands for a whole loop. One gives it the step as a function, which it calls
# *once*, with symbols, to see the graph of a step. Arguments of that function come in a fixed order: an entry of each
# *sequence* to loop over, then the previous values of the outputs (`outputs_info` has the first ones), then what is the
# same in every step, the `non_sequences`. (The step may use other symbols, too, without being given them.) Results are
# stacked along a new first axis, the first value not among them.
#
# The powers of a vector, by repeated multiplication. The number of steps is a symbol as well:

# %%
v, n = graph.dvector("v"), graph.lscalar("n")
powers, _ = graph.scan(lambda before, v: before * v, outputs_info=graph.ones_like(v), non_sequences=v, n_steps=n)
up_to = graph.function([v, n], powers, **here)
print(up_to(np.array([2.0, 3.0]), 4))
slope = graph.function([v, n], graph.grad(graph.sum(powers[-1]), v), **here)
print("slope of the fourth power:", slope(np.array([2.0, 3.0]), 4), "on paper:", 4 * np.array([2.0, 3.0]) ** 3)

# %% [markdown]
# The gradient of a loop is a loop in the other direction, through the stored values. (What `_` holds are updates of
# shared variables, if the step made some.)
#
# ### A loop in a loop
#
# Python programs often have two loops, one within the other:
#
#     for i in range(len(p)):
#         for j in range(len(q)):
#             table[i, j] = exp(-(p[i] - q[j]) ** 2)
#
# One `scan` can do it. Write down the pairs $(i, j)$ in the order in which they come, and you have two sequences of
# length `len(p) * len(q)`: $i$ *repeats* each of its values `len(q)` times, $j$ goes through its values again and
# again, *tiled*.

# %%
p, q = graph.dvector("p"), graph.dvector("q")
i = graph.repeat(graph.arange(p.shape[0]), q.shape[0])
j = graph.tile(graph.arange(q.shape[0]), p.shape[0])
near, _ = graph.scan(lambda i, j, p, q: graph.exp(-((p[i] - q[j]) ** 2)), sequences=[i, j], non_sequences=[p, q])
table = graph.function([p, q], [i, j, near.reshape((p.shape[0], q.shape[0]))], **here)
given = np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0])
for found in table(*given):
    print(found.round(2))

# %% [markdown]
# In a second example each step hands a counter to the next, and there is an `if`. How many pairs of a list are in the
# wrong order?
#
#     count = 0
#     for i in range(len(p)):
#         for j in range(len(p)):
#             if i < j and p[i] > p[j]:
#                 count += 1
#
# The counter is an output with a first value, 0, an integer like all that follow. The `if` becomes `where(condition,
# this, that)` (Theano's `switch`). Of the stacked counts only the last is wanted.

# %%
i = graph.repeat(graph.arange(p.shape[0]), p.shape[0])
j = graph.tile(graph.arange(p.shape[0]), p.shape[0])


def compare(i, j, count, p):
    return graph.where((i < j) & (p[i] > p[j]), count + 1, count)


counts, _ = graph.scan(compare, sequences=[i, j], outputs_info=0, non_sequences=p)
disorder = graph.function([p], counts[-1], **here)
for numbers in ([1, 2, 3, 4], [2, 1, 4, 3], [4, 3, 2, 1]):
    print(numbers, "pairs in the wrong order:", disorder(np.array(numbers, float)))

# %% [markdown]
# Both are exercises in thinking, not in speed. Neither needs a loop: the counter only makes a sum, and all the rest is
# independent from step to step. That is better written with broadcasting. The table, without a loop:

# %%
at_once = graph.exp(-((p.dimshuffle(0, "x") - q) ** 2))
both = graph.function([p, q], [near.reshape((p.shape[0], q.shape[0])), at_once], **here)
looped, stretched = both(rng.standard_normal(30), rng.standard_normal(40))
print("shape", stretched.shape, "the same:", np.allclose(looped, stretched))
quick = graph.function([p, q], at_once, **here)
print("operations:", *operations(quick))
print("once each, where the loop goes through its step", looped.size, "times")


# %% [markdown]
# **Exercise 6 (medium).** A polynomial $c_0 + c_1 x + \dots + c_n x^n$ can be computed without any power, by
# *Horner's rule*: begin with 0; going through the coefficients from the *last* to the first, multiply by $x$ and add
# the coefficient. Write `horner(c, x)` for symbols `c` (vector) and `x` (number), with `scan`. It returns the symbol
# of the value. (The first value must have the dtype of the results, here `np.float64(0)`: a plain `0.0` is taken for
# a float32, a plain `0` for an integer. `go_backwards=True` makes `scan` begin at the end of its sequences.)

# %% jupyter={"source_hidden": true} tags=["solution"]
def horner(c, x):
    sums, _ = graph.scan(lambda c, total, x: total * x + c, sequences=c, outputs_info=np.float64(0),
                         non_sequences=x, go_backwards=True)
    return sums[-1]


# %% tags=["check"]
c, at = graph.dvector("c"), graph.dscalar("at")
polynomial = horner(c, at)
assert polynomial is not None, "horner should return a symbol"
assert polynomial.ndim == 0, "only the last of the stacked sums is wanted"
computed = graph.function([c, at], [polynomial, graph.grad(polynomial, at)], **here)
for coefficients in ([1.0, -2.0, 0.5], [0.0, 1.0, 2.0, 3.0, -1.0]):
    exact = np.polynomial.Polynomial(coefficients)
    value, slope = computed(np.array(coefficients), 1.7)
    hint = "the step gets the coefficient, then the sum; and which coefficient must come first?"
    assert np.isclose(value, exact(1.7)), f"{hint} Try 1 - 2x by hand"
    assert np.isclose(slope, exact.deriv()(1.7)), "the value is right, and its slope is not"
assert any("scan" in name for name in operations(computed)), "a loop by scan, please"

# %% [markdown]
# ### A network that remembers
#
# A *recurrent* network reads a sequence entry by entry, and has a state $h$ that it carries along: $h_t = \tanh(x_t w +
# h_{t-1} u)$. Its answer is a weighted sum of the last state. Let us ask it for an *echo*: it reads twelve random
# numbers, and is then to name the fourth, which it saw eight steps before the end. (Sequences have the shape (12,
# examples, 1): time comes first, because `scan` loops over the first axis.)

# %%
length, asked, units = 12, 3, 16


def recurrent(reach=-1, eta=0.03, mu=0.9):  # reach: how many steps the gradient goes back, -1 for all
    draw = np.random.default_rng(seed)
    scales = ((1, units), 0.5), ((units, units), units**-0.5), ((units,), units**-0.5)
    w, u, out = params = [graph.shared(s * draw.standard_normal(shape), **here) for shape, s in scales]
    heard, wanted = graph.dtensor3("heard"), graph.dvector("wanted")
    states, _ = graph.scan(lambda x, h, w, u: graph.tanh(graph.dot(x, w) + graph.dot(h, u)), sequences=heard,
                           outputs_info=graph.zeros((heard.shape[1], units), "float64"), non_sequences=[w, u],
                           truncate_gradient=reach)
    answer = graph.dot(states[-1], out)
    cost = graph.mean((answer - wanted) ** 2)
    speeds = [graph.shared(0 * q.get_value(), **here) for q in params]
    updates = momentum_updates(params, graph.grad(cost, params), speeds, eta, mu)
    train = graph.function([heard, wanted], cost, updates=updates)
    return train, graph.function([heard], [answer, graph.grad(graph.sum(answer), heard)]), u


def sequences(count, draw):
    heard = draw.uniform(-1, 1, (length, count, 1))
    return heard, heard[asked, :, 0]


# %% [markdown]
# The answer's slope with respect to each entry of the input tells what the network listens to; `grad` gives it as
# readily as any other. Here it is before training and after it:

# %%
train, listen, u = recurrent()
sizes_of_u = np.sort(abs(np.linalg.eigvals(to_host(u.get_value()))))[::-1]
fresh, wanted = sequences(500, np.random.default_rng(seed + 1))
draw = np.random.default_rng(seed + 2)
attention = [abs(listen(fresh)[1]).mean(axis=(1, 2))]
learning = [float(train(*sequences(100, draw))) for _ in range(steps_recurrent)]
answer, slopes = listen(fresh)
attention.append(abs(slopes).mean(axis=(1, 2)))

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
left.semilogy(learning, linewidth=0.8)
left.axhline(1 / 3, color="gray", linestyle="--", linewidth=1)
left.text(steps_recurrent, 0.3, "always 0", color="gray", ha="right", va="top")
left.set(xlabel="step", title="squared error of each mini-batch")
for sizes, name, marker in zip(attention, ("before training", "after training"), "os"):
    right.semilogy(range(1, length + 1), sizes, marker=marker, label=name)
right.set(xlabel="entry of the sequence", title="mean size of the answer's slope", xticks=range(1, length + 1))
right.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
print("error after training below 1 % of the variance of the numbers:", ((answer - wanted) ** 2).mean() < 0.01 / 3)
for when, sizes in zip(("before training", "after training"), attention):
    print(when, "it listens most to entry", 1 + sizes.argmax())
ratio = attention[0][-1] / attention[0][:7].max()
print("before training, the last entry counts more than ten times as much as any of the first seven:", ratio > 10)
print("sizes of the eigenvalues of u before training:", *sizes_of_u[:5].round(2), "...")

# %% [markdown]
# The dashed line is the error of always answering 0, the variance of the numbers. Before training, the last entries
# count most, and within five steps the slope falls to a few hundredths of what it was. That is notebook 02 again: going
# back through the steps, the gradient is a product with one factor for each step. Unrolled in time, a recurrent network
# is a deep one. (Further back it hardly falls: in the plane that belongs to the first two eigenvalues of $u$, a step
# takes only a small part of a state away.) After training the network hears the fourth entry, and little else.
#
# `truncate_gradient` lets the gradient go back only so many steps from the end of the loop. That saves time where
# sequences are long. What does it cost? The fourth entry of twelve is nine steps back, counting its own.

# %%
for reach in (-1, 9, 6, 4):
    train, listen, _ = recurrent(reach)
    draw = np.random.default_rng(seed + 2)
    for _ in range(steps_recurrent):
        train(*sequences(100, draw))
    error = ((listen(fresh)[0] - wanted) ** 2).mean() * 3
    told = "below 1 %" if error < 0.01 else "above 10 %" if error > 0.1 else "between 1 and 10 %"
    print(f"gradient goes back {'all' if reach < 0 else reach:>3} steps: error {told} of the variance")

# %% [markdown]
# Nine are enough, six are not: what the gradient does not reach, it cannot teach.
#
# ## 12. Define, then run; or define while running
#
# All of this is *define-then-run*: build the graph, then compute. There is another way, **define-by-run**: compute at
# once, and write down on a tape what was done. The tape of one run is its graph. PyTorch works much like that (instead
# of a tape it keeps links, from each result to what it was made of), and here is all that it takes for numbers:

# %%
tape = []


class Number:
    def __init__(self, value, *sources):
        self.value, self.sources, self.slope = value, sources, 0.0  # sources: (number, slope with respect to it)
        tape.append(self)

    def __add__(self, other):
        return Number(self.value + other.value, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        return Number(self.value * other.value, (self, other.value), (other, self.value))

    def __truediv__(self, other):
        return Number(self.value / other.value, (self, 1 / other.value), (other, -self.value / other.value**2))


def go_back(cost):
    cost.slope = 1.0
    for number in reversed(tape):  # the order in which they were made is a topological one
        for source, slope in number.sources:
            source.slope += number.slope * slope


# %% [markdown]
# No sort is needed: a tape is in order by itself. And every `if` and `while` of Python is allowed, for there are values
# to decide by. Take Heron's method for square roots: replace $y$ by the mean of $y$ and $x/y$, until $y^2$ is
# close to $x$. How many steps that takes depends on $x$.

# %%
def root(x):
    y = Number(1.0)
    while abs(y.value**2 - x.value) > 1e-12 * x.value:
        y = (y + x / y) * Number(0.5)
    return y


for number in (2.0, 100.0, 10_000.0):
    tape.clear()
    x = Number(number)
    y = root(x)
    go_back(y)
    print(f"root of {number:7.0f}: {y.value:.4f}, slope {x.slope:.6f}, on paper {0.5 / number**0.5:.6f}; "
          f"on the tape {len(tape)} numbers")

# %% [markdown]
# That is the derivative of a loop of unknown length, without any new idea. ($x$ and the first $y$ make two numbers on
# the tape, each step four more. So there were five, eight and eleven steps.) In symbols it is not so easy. There is no
# value yet to decide by, and an `if` cannot be seen by the graph:

# %%
x = graph.dscalar("x")


def absolute_value(x):
    if x > 0:
        return x
    return -x


complaint(lambda: absolute_value(x))
both = graph.where(x > 0, x, -x)
print("with where:", graph.function([x], both, **here)(-3.0))

# %% [markdown]
# `where` is no `if`: *both* branches are computed, and one is picked. That is wasteful, and has a trap, which PyTorch
# and JAX share. On the way back the branch that was not picked gets the gradient 0. But 0 times an infinite slope is
# not 0, it is nan, "not a number":

# %%
risky = graph.where(x > 0, graph.sqrt(x), 0.0)
safe = graph.where(x > 0, graph.sqrt(graph.where(x > 0, x, 1.0)), 0.0)
with np.errstate(divide="ignore", invalid="ignore"):
    for name, expression in (("risky", risky), ("safe", safe)):
        value, slope = graph.function([x], [expression, graph.grad(expression, x)], **here)(0.0)
        print(f"{name:5} at 0: value {value:.1f}, slope {slope:.1f}")


# %% [markdown]
# The way out is to give the branch that will not be picked something harmless to work on.
#
# A loop of unknown length becomes one of fixed length, long enough for all, in which a value that has arrived stands
# still. (Long enough for *our* numbers: for $10^{20}$ twenty steps are too few, and nothing says so. Theano's `scan`
# could also end early, by `until`.)

# %%
def heron(y, x):
    done = abs(y * y - x) <= 1e-12 * x
    return graph.where(done, y, 0.5 * (y + x / y))


steps, _ = graph.scan(heron, outputs_info=graph.ones_like(x), non_sequences=x, n_steps=20)
both = graph.function([x], [steps[-1], graph.grad(steps[-1], x)], **here)
for number in (2.0, 100.0, 10_000.0):
    value, slope = both(number)
    print(f"root of {number:7.0f}: {value:.4f}, slope {slope:.6f}; steps: always 20")

# %% [markdown]
# So what did define-then-run have to offer? The whole computation is known beforehand. It can be sorted once for
# millions of steps, merged, checked and drawn, as we saw; and it can be fused, and sent to another computer without the
# program that made it. Define-by-run has all of Python, errors on the line where they happen, and graphs that differ
# from example to example. For the sake of all this, [most research had changed
# over](https://thegradient.pub/state-of-ml-frameworks-2019-pytorch-dominates-research-tensorflow-dominates-industry/)
# by 2019. Then compilers came back: `jax.jit` runs ordinary code once, for each kind of input, with stand-ins for the
# arrays, `torch.compile` reads its bytecode just before it runs, and both make a graph of it. The limits came back with
# them. Under `jax.jit` an `if` on an array's value is an error, and one writes `lax.cond`. `torch.compile` ends its
# graph there, lets Python decide, and begins another.
#
# ## 13. The same in other libraries
#
# If you know one of these columns, read along the rows. (To stop a gradient is to treat something as a constant on the
# way back. JAX draws random numbers from *keys*, and makes new keys by splitting old ones.)
#
# | | Theano | here (`netlib.graph`) | PyTorch | JAX |
# |---|---|---|---|---|
# | an input | `T.dmatrix("x")` | `dmatrix("x")` | a tensor, with values | an argument of a function |
# | state | `theano.shared(value)` | `shared(value)` | `nn.Parameter(value)` | arrays, passed in and returned |
# | gradient | `T.grad(cost, w)` | `grad(cost, w)` | `cost.backward()`, then `w.grad` (1) | `jax.grad(f)(w)` |
# | gradient of a gradient | `T.grad` again | `grad` again | `create_graph=True` | `jax.grad(jax.grad(f))` |
# | stop a gradient | `consider_constant=` | `consider_constant=` | `.detach()` | `lax.stop_gradient` |
# | `w` has no influence | an error (2) | an error (2) | `w.grad` stays None (1) | zeros |
# | compile | `theano.function(...)` | `function(...)` | `torch.compile(f)`, if wanted | `jax.jit(f)`, if wanted |
# | a new state | `updates=[(w, new)]` | the same | in place: `optimizer.step()` | return the new value |
# | a mini-batch | `givens={x: data[a:b]}` | the same | `data[a:b]` | `data[a:b]`; `lax.dynamic_slice` under `jit` |
# | a loop | `theano.scan` | `scan` | `for`, `while` | `lax.scan`; `lax.while_loop`, without a way back |
# | a choice | `T.switch`; lazy `ifelse` | `where`, never lazy | `if`; `torch.where` | `jnp.where`; `lax.cond` |
# | axes | `dimshuffle(0, "x", 1)` | the same | `x.unsqueeze(1)`, `x.permute(...)` | `x[:, None]`, `jnp.transpose` |
# | random numbers | `RandomStreams(seed)` | the same | `torch.Generator`, with a state | keys, passed in and split |
# | convolution | turns its filters | turns its filters | does not | `lax.conv` does not |
# | look at the graph | `theano.printing.debugprint` | `seen`, `plotting.graph` | `torch.fx` | `jax.make_jaxpr(f)(x)` |
#
# (1) Or `torch.autograd.grad(cost, w)`, where a `w` without influence is an error, unless `allow_unused=True`. (2)
# Unless `disconnected_inputs` says otherwise.
#
# ## What we have seen
#
# - Backpropagation is made of pairs: each step forward has a step back, which needs to know only its own inputs and
#   outputs, and the gradient that arrives.
# - Where a value is used several times, its gradients are added. An order for any graph is found by Kahn's sort, and
#   its reverse is an order for the way back.
# - If the kinds of nodes are small and general, nobody needs to derive a gradient any more. In symbols the gradient is
#   a graph like others: it can be compiled, drawn and differentiated.
# - `network3` in symbols and the layers of this package are in the same place after twenty steps, to within $10^{-10}$.
# - A graph of general operations costs somewhat more than calling them by hand. Fusing them, knowing what comes next,
#   gains more than that.
# - A loop in a graph is an operation with a loop inside. Its gradient is a loop backwards, in which gradients vanish as
#   they do in deep networks.
# - Graphs built beforehand can be improved beforehand. Graphs built while computing can follow the data.
#
# ## In practice
#
# - Check gradients with several rows and several columns, all sizes different.
# - Ask of any mean squared error what it is a mean over, before comparing rates.
# - Compute a log-likelihood from the weighted sums, not from probabilities that may have become 0.
# - If a gradient is nan and the value is not, look for a `where` with a dangerous branch.
# - A loop whose steps are independent is not a loop: use broadcasting.
#
# The next notebook, [04](04_convolution_and_pooling.ipynb), takes apart one pair: convolution and its way back.
#
# ## Further reading
#
# - M. Nielsen, *Neural Networks and Deep Learning*, [chapter
#   6](http://neuralnetworksanddeeplearning.com/chap6.html#the_code_for_our_convolutional_networks): `network3` in
#   Theano; and [chapter 2](http://neuralnetworksanddeeplearning.com/chap2.html): backpropagation.
# - J. McCaffrey, [Neural network back-propagation for
#   programmers](https://jamesmccaffrey.wordpress.com/2012/11/20/coding-neural-network-back-propagation/), MSDN Magazine
#   (October 2012): the network of sections 1 to 5, in C#.
# - Udacity, [MiniFlow](https://github.com/swoldetsadick/sdce/blob/master/Lessons/lessons_07.md), a lesson, as a student
#   noted it down: where the nodes of section 3 are from.
# - A. B. Kahn, *Topological sorting of large networks*, Communications of the ACM 5 (1962).
# - J. Bergstra and others, *Theano: a CPU and GPU math expression compiler* (2010); The Theano Development Team,
#   [Theano: a Python framework for fast computation of mathematical expressions](https://arxiv.org/abs/1605.02688)
#   (2016).
# - A. G. Baydin, B. A. Pearlmutter, A. A. Radul and J. M. Siskind, [Automatic differentiation in machine learning: a
#   survey](https://arxiv.org/abs/1502.05767) (2018).
# - In this package: `graph/tiny.py` for the framework of sections 3 to 5, `graph/gradient.py` for `grad`,
#   `graph/schedule.py` for what `function` does, `graph/scanning.py` for `scan`.
