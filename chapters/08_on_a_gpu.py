# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · What a card is good at, and why ten images at a time starve it
#
# Every notebook of this edition has a parameter `device`. Set it to `"gpu"`, and the same lines compute on a graphics
# card. (Its processor is called a *GPU*. We say *card* for both.) When does that make training faster? By its data
# sheet, a large card multiplies hundreds of times as fast as one core of a CPU. And yet the book's networks, trained
# on ten images at a time, gain little there, and the smallest may well be slower. This notebook explains why, in
# numbers that you can check.
#
# **You will build** a model of a training step: so many calls, so many bytes, so many multiplications. It tells what a
# step must cost on a machine that you do not have.
#
# **You will learn**
# - what a kernel is, and what it costs to launch one;
# - how to tell whether an operation waits for memory or for arithmetic;
# - how many kernels a training step has, and why ten images do not keep them busy;
# - when it pays to keep the data on the device, a question on which authorities disagree;
# - what capturing a step in a graph could bring;
# - how to train many networks for little more than the price of one;
# - how much more a number of eight bytes costs than one of four.
#
# **You need** notebooks [00](00_start_here.ipynb) and [05](05_network3.ipynb); dropout is explained in
# [06](06_dropout_data_committees.ipynb). You need no card. What has been measured comes from records; they say on
# which device, and when. What has not been measured is computed, and says so.

# %% tags=["nbval-ignore-output"]
import platform
from collections import Counter
from itertools import groupby
from math import fsum  # sums without rounding on the way, and so alike in all versions of Python
from typing import NamedTuple

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

import netlib
from netlib import data, devices
from netlib.backend import to_host
from netlib.devices import NETWORKS, Together, tally
from netlib.network3 import Network

print(f"netlib {netlib.__version__}, Python {platform.python_version()}")
print(f"NumPy {np.__version__}, matplotlib {matplotlib.__version__}")

# %% tags=["parameters"]
device = "cpu"  # where to compute, and what to measure: "cpu", "gpu", or "auto" for the GPU where there is one
measure = False  # True: time this computer now, which takes minutes; False: show what has been recorded
rounds = 20  # if you measure: how often each computation is timed
seed = 0  # decides the weights of the networks that are trained here

# %% [markdown]
# ## 1. What has been measured
#
# A *device* is what computes, with memory of its own: the CPU, or a card. Whoever times a device has to beware of two
# things.
#
# - **A card works behind your back.** A call of CuPy's, the NumPy of cards, puts its work into a queue and returns at
#   once. A clock that is read then has timed the putting. So here the clock is read when the queue is empty, before
#   and after.
# - **Other programs disturb.** They can only make a computation slower. So each is timed many times, in turn with the
#   others, and the *smallest* time counts. A time is the mean over some milliseconds of runs on the same arrays, so
#   small arrays stay in a *cache*, a small, fast memory of the processor's own. Before that, each has been run once,
#   since a first run makes arrays and, on a card, translates the programs that it will run.

# %%
plt.style.use("netlib.mplstyle")
records = devices.device_records()
if measure:
    now = devices.measure(device, rounds=rounds)
    records = sorted([record for record in records if record.kind != now.kind] + [now], key=lambda one: one.kind)
for record in records:
    disturbed = np.median([median / best for *_, best, median in record.times])
    print(f"{record.device}, measured on {record.date}, {record.rounds} rounds")
    print(f"    {record.processor}")
    print(f"    the median of the rounds is typically {disturbed:.1f} times the smallest")
recorded = {record.kind: record for record in records}
if "GPU" not in recorded:
    print("No card has been measured yet. `netlib bench devices --device gpu` does it, on a computer that has one;")
    print("`netlib render 08` then draws it beside the CPU.")


# %% [markdown]
# All figures draw what records there are, with one core of the CPU at work, and in numbers of four bytes (`float32`)
# unless they say otherwise. The text speaks of the recorded times; if you measure, yours will differ. (OpenBLAS is
# the library that multiplies matrices for NumPy. Its *kernels*, in the output above, are its routines for one kind of
# processor; those for one of Intel's run on this one as well. From section 2 on, a kernel is something else.)
#
# Where a statement below is about a card and no card has been measured, it comes from four numbers: what a *call*
# takes; the *bandwidth*, bytes in a second between memory and what computes; the *peak*, FLOP in a second, where a
# *FLOP* is one addition or multiplication of numbers with a fractional part; and the *bus*, bytes in a second from
# the computer that the card sits in, its *host*. Bandwidth and peak are from the data sheet of a large card of 2024,
# NVIDIA's H200, and upper bounds. Call and bus are guesses of ours: 5 microseconds (us; a thousandth of one is ns)
# from Python to the card, and 25 gigabytes in a second. They may well be wrong by a factor of two. So what hangs on
# them is computed with half and with twice the guess, too.

# %%
class Machine(NamedTuple):
    call: float  # seconds that a call takes, even if it does nothing
    bandwidth: float  # bytes in a second, between memory and what computes
    peak: float  # FLOP in a second, at best
    bus: float  # bytes in a second, from the host's memory to the device's


def measured(record):
    streamed, product, moved = (record.of(what)[-1] for what in ("multiply", "product", "to the device"))
    return Machine(record.of("call")[0].best, streamed.bytes / streamed.best, product.flops / product.best,
                   moved.bytes / moved.best)


machines = {"CPU": measured(recorded["CPU"]), "card": Machine(5e-6, 4.8e12, 67e12, 25e9)}
source = {"CPU": "measured", "card": "data sheet and guesses"}
if "GPU" in recorded:
    machines["card"], source["card"] = measured(recorded["GPU"]), "measured"
card = machines["card"]
guesses = [Machine(off * card.call, card.bandwidth, card.peak, card.bus / off) for off in (0.5, 1, 2)]  # second: ours
for name, machine in machines.items():
    print(f"{name:4}  a call {machine.call * 1e6:.2g} us, memory {machine.bandwidth / 1e9:,.0f} GB/s, "
          f"arithmetic {machine.peak / 1e9:,.0f} GFLOP/s, bus {machine.bus / 1e9:.0f} GB/s ({source[name]})")


# %% [markdown]
# A GFLOP/s is $10^9$ FLOP in a second. (Any other function of a number, such as $e^x$, we count as one FLOP too,
# though it costs several. The CPU has no bus to cross; there it is a copy into new memory.) The card gets its data
# 150 times as fast as this one core gets them from its memory, and computes 320 times as fast. (A whole CPU of many
# cores is much nearer.) Only the call takes *longer*, by our guess fifteen times. Most of what follows comes from
# that.
#
# ## 2. The price of a call, and the price of a number
#
# A *kernel* is a small program that a card runs thousands of times at once, each time on other numbers: one that
# multiplies two arrays, one that sums rows. (The filters of notebook 04, which are called kernels too, have nothing
# to do with it.) To *launch* it is to tell the card which kernel to run on which arrays. Nearly every call of a
# function of CuPy's launches one. On the CPU there is no launch, but each call passes through Python and NumPy, which
# takes time too.
#
# Here is how long some operations take, from small to large. Dotted lines are not measured: they are what the model
# of section 1's card gives, a call, and then the larger of bytes over bandwidth and FLOP over peak. (Those of the two
# sums coincide, and nearly so those of `multiply` and `exp`. A convolution is several calls, and has none.)

# %%
def draw(axis, what, label, **style):
    for record, line in zip(records, ("-", "--")):
        found = record.of(what)
        axis.loglog([time.size for time in found], [time.best * 1e6 for time in found], line, marker=".",
                    label=f"{label}, {record.kind}", **style)
    if "GPU" not in recorded and not what.startswith("conv"):
        found = recorded["CPU"].of(what)
        axis.loglog([time.size for time in found],
                    [1e6 * (card.call + max(time.bytes / card.bandwidth, time.flops / card.peak)) for time in found],
                    ":", label=f"{label}, card, computed", **style)


panels = {"elementwise": ("multiply", "exp"), "sums of a matrix": ("sum of each row", "sum of each column"),
          "product of square matrices": ("product",), "convolution and pooling": ("conv2d", "conv_pool")}
sizes = {"elementwise": "numbers", "sums of a matrix": "numbers", "product of square matrices": "rows",
         "convolution and pooling": "images"}
figure, axes = plt.subplots(2, 2, figsize=(8, 5.6), layout="constrained")
for axis, (title, names) in zip(axes.flat, panels.items()):
    for colour, what in enumerate(names):
        draw(axis, what, what, color=f"C{colour}")
    axis.set(title=title, xlabel=sizes[title], ylabel="microseconds")
    axis.legend(fontsize=8)
plt.show()

# %%
multiply = {time.size: time.best for time in recorded["CPU"].of("multiply")}
for n in (16, 256, 4096, 65_536, 4_194_304):
    print(f"multiply {n:9,} numbers: {multiply[n] * 1e6:8.2f} us, {multiply[n] / n * 1e9:8.3f} ns for each")

# %% [markdown]
# The elementwise curves show it best. They are nearly flat on the left, and rise on the right. On the left one pays
# for the *call*: sixteen numbers or 256, it is about half a microsecond. (Why 256 take least we do not know.) On the
# right one pays for the *numbers*. (The others have begun to rise at the left edge: a convolution of one image is
# nearly 300,000 multiplications already. And their calls cost more: a sum or a product takes about a microsecond at
# least.) In between there is a third effect, which the table shows. A number costs least in arrays of some ten
# thousands, because these stay in the processor's cache, which is several times as fast as memory. From millions on
# they have to come from memory each time, and a number costs several times as much.
#
# So a rough model of any operation is: the price of the call, plus bytes over bandwidth. How large must an array be
# for the work to cost as much as the call?
#
# **Exercise 1 (easy).** A multiplication of two arrays of $n$ numbers reads $8n$ bytes and writes $4n$. For each
# machine in `machines`, find the $n$ at which moving these bytes takes as long as the call itself. Make a dictionary
# `half`, from "CPU" and "card" to $n$.

# %% jupyter={"source_hidden": true} tags=["solution"]
half = {name: machine.call * machine.bandwidth / 12 for name, machine in machines.items()}

# %% tags=["check"]
assert set(half) == {"CPU", "card"}, "an answer for each machine"
for name, machine in machines.items():
    assert abs(12 * half[name] / machine.bandwidth / machine.call - 1) < 0.01, f"{name}: moving takes another time"
    print(f"{name:4}  {half[name]:11,.0f} numbers")

# %% [markdown]
# By this model the CPU has earned its call back after a thousand numbers, the card after two million; with half or
# twice our guess for the call, after one or four. (By the table above it is rather four thousand on the CPU, since so
# few are in the cache; a card has caches too.) Now, how many numbers do our layers have to offer? A hidden layer of
# 100 neurons, for ten images, has a thousand activations. The weights of its 784 inputs are 78,400. For this core
# that is enough. For the card it is a two-thousandth and a twenty-fifth of the two million: it starves.
#
# ## 3. Rows, columns, and the way to the device
#
# Theano, the library that the book's program was written with (notebook 03), came with a guide, [Using the
# GPU](https://github.com/Theano/Theano/blob/master/doc/tutorial/using_gpu.txt). It warned that sums of rows and of
# columns may be slower there than on a CPU. What is recorded about the two directions?

# %%
for record in records:
    row, column = (next(time.best for time in record.of(f"sum of each {which}") if time.size == 1024 * 1024)
                   for which in ("row", "column"))
    print(f"{record.kind}: sums of 1024 x 1024 numbers: of each row {row * 1e6:.0f} us, "
          f"of each column {column * 1e6:.0f} us")
print("By the model a card is faster from how many numbers on, if a call takes",
      ", ".join(f"{guess.call * 1e6:g} us" for guess in guesses))
for which in ("row", "column"):
    found = recorded["CPU"].of(f"sum of each {which}")
    wins = [min(time.size for time in found if time.best > guess.call + time.bytes / guess.bandwidth)
            for guess in guesses]
    print(f"    sums of each {which:6}", " ".join(f"{size:10,}" for size in wins))

# %% [markdown]
# It is the same number of additions and the same bytes, in another order, and on this CPU one order takes more than
# twice as long. A matrix lies in memory row by row. To sum each *column*, NumPy adds whole rows to each other, many
# numbers with one instruction. To sum each *row* it has to add up neighbours, one after the other or nearly so. Does
# a card lose at sums? By our model, four megabytes are a microsecond for it, six with the call; so it wins here, and
# loses where a CPU is done before the call has arrived. That is at some ten thousand numbers, more or less: the last
# two lines show how much hangs on the guess. A record of a card would tell.
#
# Now the way. Between host and card data have to travel, and that has a price of its own.

# %%
figure, axis = plt.subplots()
for record, line in zip(records, ("-", "--")):
    ways = {"to the device": "a copy in memory, CPU"} if record.kind == "CPU" else {
        "to the device": "to the card", "back": "back from the card"}
    for colour, (what, label) in enumerate(ways.items()):
        found = record.of(what)
        axis.loglog([time.bytes for time in found], [time.bytes / time.best / 1e9 for time in found], line,
                    marker=".", color=f"C{colour}", label=label)
axis.axvline(10 * 784 * 4, color="grey", linestyle=":")
axis.text(10 * 784 * 4 * 1.1, axis.get_ylim()[0] * 1.5, "ten images", color="grey")
axis.set(xlabel="bytes", ylabel="gigabytes in a second")
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# On the CPU nothing has to travel; what is drawn is a copy in memory. Small ones are slow because each is a call,
# large ones because they no longer fit into a cache, and probably also because the system has to hand out fresh
# memory first. (Bytes are counted once, though a copy reads and writes them.) A card's way back costs more than its
# bytes: whoever fetches a number, the cost for instance, waits until all work queued before it is done. Section 6
# comes back to transfers.
#
# ## 4. Bytes and multiplications
#
# A processor does two things: it moves numbers, and it computes with them. It does both at the same time, so an
# *operation*, a call on arrays, takes as long as the slower of the two. Which one that is, the operation's
# *arithmetic intensity* decides:
#
# $$\text{intensity} = \frac{\text{FLOP}}{\text{bytes moved}}.$$
#
# A machine can compute at most at its peak, and at most at intensity times bandwidth. Drawn over the intensity, with
# both axes logarithmic, that is a roof: it rises, and from the intensity peak/bandwidth on it is flat. Left of that
# ridge an operation is *bound by memory*, right of it *by arithmetic*. A multiplication of arrays has the intensity
# 1/12: one multiplication for twelve bytes. A product of two matrices of $n$ rows has $2n^3$ FLOP for $12 n^2$ bytes,
# an intensity of $n/6$. It gets better with size, and that is why cards love large products.
#
# Each colour below is one operation in several sizes. (A multiplication of arrays has the same intensity in all of
# them, so its dots stand above each other: small arrays lowest, those of the cache on top.)

# %%
figure, axis = plt.subplots(figsize=(7, 3.8))
across = np.logspace(-1.3, 3.2, 100)
for (name, machine), line in zip(machines.items(), ("-", "--")):
    roof = np.minimum(machine.peak, across * machine.bandwidth) / 1e9
    axis.loglog(across, roof, line, color="grey", label=f"roof of the {name} ({source[name]})")
points = {"multiply": "multiply", "sum of each row": "sum of each row", "product": "square product",
          "layer": "layer of 1000 x 1000", "conv_pool": "convolution and pooling"}
for colour, (what, label) in enumerate(points.items()):
    for record, marker in zip(records, "o^"):
        found = record.of(what)
        axis.loglog([time.flops / time.bytes for time in found], [time.flops / time.best / 1e9 for time in found],
                    marker, color=f"C{colour}", label=f"{label}, {record.kind}")
axis.set(xlabel="intensity (FLOP for each byte)", ylabel="GFLOP/s")
axis.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
plt.show()

# %%
for layer in recorded["CPU"].of("layer"):
    cpu = machines["CPU"]
    intensity = layer.flops / layer.bytes
    side = "left" if intensity < cpu.peak / cpu.bandwidth else "right"
    print(f"layer of 1000 x 1000, {layer.size:4} images: intensity {intensity:5.1f}, {side:5} of the ridge"
          f"  {layer.flops / layer.best / 1e9:4.0f} GFLOP/s")
print(f"ridges: CPU {cpu.peak / cpu.bandwidth:.1f}, card {machines['card'].peak / machines['card'].bandwidth:.1f}")


# %% [markdown]
# The largest product lies on the flat roof and the largest multiplication on the slope because the roof was made from
# these two. The others show what it leaves out. Points *above* the slope have their numbers in the cache, which is
# faster than the memory that the slope stands for. Points far *below* are small, and one pays for the call, as on the
# left of the first figure; or a product is too thin for the library. Sums of rows stay below even when they are
# large: neighbours are added up nearly one after the other (section 3). (Three images do worse than one: a product
# with a single column has a routine of its own.) The convolution is a case of its own: on the way it copies every
# pixel once for each place of a filter that looks at it, and these bytes are not in its intensity here, which knows
# of images and results alone.
#
# Look at the layer of a thousand neurons with a thousand inputs; the book's best network has one. It has a million
# weights, and each of them is needed once for each image. One image: half a FLOP for each byte. Ten: five, which is
# still left of the ridge. The measured points tell more than the roof. One image is above the slope: its four
# megabytes of weights were in a cache from the run before. Three and ten are below it by a factor of two or more: the
# library first copies the operands into an order of its own, and that costs as much as multiplying (see
# `netlib/ops/products.py`). With a hundred, the CPU works at nearly its peak.
#
# **Exercise 2 (easy).** From which mini-batch on is that layer's product bound by arithmetic? For $N$ images it needs
# $2 \cdot 1000 \cdot 1000 \cdot N$ FLOP, and moves the weights, the inputs and the outputs, $4 \cdot (1000
# \cdot 1000 + 1000 N + 1000 N)$ bytes. Make a dictionary `enough` from "CPU" and "card" to the smallest such $N$.

# %% jupyter={"source_hidden": true} tags=["solution"]
def layer_intensity(n):
    return 2 * 1000 * 1000 * n / (4 * (1000 * 1000 + 2000 * n))


enough = {name: next(n for n in range(1, 10_000) if layer_intensity(n) >= machine.peak / machine.bandwidth)
          for name, machine in machines.items()}

# %% tags=["check"]
assert set(enough) == {"CPU", "card"}, "an answer for each machine"
for name, machine in machines.items():
    assert enough[name] == int(enough[name]), f"{name}: a whole number of images"
    computes, moves = ([2e6 * n / machine.peak for n in (enough[name], enough[name] - 1)],
                       [(4e6 + 8e3 * n) / machine.bandwidth for n in (enough[name], enough[name] - 1)])
    assert computes[0] >= moves[0], f"{name}: with {enough[name]} images it still waits for memory"
    assert computes[1] < moves[1], f"{name}: fewer images are enough"
    print(f"{name:4}  {enough[name]} images")

# %% [markdown]
# Thirteen on this core, thirty on the card: ten are left of both ridges. (In fact a card would wait for something
# else: four megabytes take it one microsecond, the call five.)
#
# Now a whole training step. `tally` takes one, and writes down each operation: its kind, the bytes that it reads and
# writes, its FLOP. It does that on the CPU, but the lines of code are the same on a card, and there each of these
# calls is a kernel at least. Here is the step of the smallest network, 784 pixels, 100 sigmoids, ten outputs, on ten
# images.

# %%
steps = {(name, n): tally(make(), n) for name, make in NETWORKS.items() for n in (10, 1000)}
names = [operation.name for operation in steps["shallow", 10]]
for start in range(0, len(names), 9):
    print(", ".join(names[start:start + 9]))
moved = {kind: sum(done.bytes for done in steps["shallow", 10] if done.kind == kind) for kind in devices.KINDS}
print("megabytes moved:", ", ".join(f"{kind} {size / 1e6:.2f}" for kind, size in moved.items()))


# %% [markdown]
# You can follow backpropagation: forward, a product, biases added, the sigmoid in four calls, the output's product
# and its softmax; the cost; then the way back, and at the end a multiplication with $\eta$ and a subtraction for each
# of four arrays, the weights and biases of two layers. (`a[...] = b` is a copy into an array. `add.reduce` is a sum,
# `maximum.reduce` the largest entry, which softmax subtracts so that nothing overflows. `equal` and `astype` make the
# right answers, a 1 among nine 0s.) Five of these calls are products of matrices; nearly all arithmetic is in them.
# But the elementwise calls move more bytes, and most of these in two calls near the end, the update of the 78,400
# weights. Most others are small change.
#
# Is such a tally worth anything? Let it predict the time of a step: for each call its price, and the larger of bytes
# over bandwidth and FLOP over peak. Compare with the time that was measured. The networks are *shallow* as above;
# *conv*, two convolutional layers and 100 ReLUs; and *dropout*, the book's best, with two layers of a thousand.

# %%
def work(operations, machine):
    """Seconds that the operations take in all, without the price of a call."""
    return fsum(max(done.bytes / machine.bandwidth, done.flops / machine.peak) for done in operations)


for kind, record in recorded.items():
    machine = machines["CPU" if kind == "CPU" else "card"]
    print(f"network  images  calls      MB   MFLOP  FLOP/byte  bound by memory*   model    measured ({kind})")
    for (name, n), operations in steps.items():
        size, flops = (sum(getattr(done, what) for done in operations) for what in ("bytes", "flops"))
        waits = [done for done in operations if done.bytes / machine.bandwidth > done.flops / machine.peak]
        model = len(operations) * machine.call + work(operations, machine)
        found = next(time.best for time in record.of(f"step, {name}") if time.size == n)
        print(f"{name:8} {n:5}   {len(operations):4} {size / 1e6:8.1f} {flops / 1e6:7.0f} {flops / size:8.1f}"
              f"  {len(waits):8} calls {work(waits, machine) / work(operations, machine):4.0%}"
              f" {model * 1e3:8.2f} ms {found * 1e3:7.2f} ms")
    print("* how many calls, and their part of the work, in which the price of the calls is not counted")

# %% [markdown]
# Nothing in the model is fitted to these steps: three numbers from the simplest operations, and counts. The measured
# times are 13 to 36 per cent longer. Some of that goes into thin products that do not reach the peak, as in the table
# of the layer, into Python between the calls, and into calls that cost more than a multiplication's. In the other
# direction, a cache makes bytes cheaper than the model thinks. (A single image, which is not in the table, takes
# about twice as long as the model says, or more; see below.) For what follows a factor of two will do.
#
# By the model, all calls but some ten are bound by memory, in every network. At ten images they make up most of the
# work in the shallow and the dropout network, and half of it in the conv network; at a thousand, arithmetic has the
# larger part in all three.
#
# ## 5. Ten images at a time
#
# What does an image cost, if it comes alone, with nine others, or with 999? (Dotted again: computed, from the counts
# of the last section, in a way that is explained below.)

# %%
figure, axis = plt.subplots()
for colour, name in enumerate(NETWORKS):
    for record, line in zip(records, ("-", "--")):
        found = record.of(f"step, {name}")
        axis.loglog([time.size for time in found], [time.best * 1e6 / time.size for time in found], line, marker=".",
                    color=f"C{colour}", label=f"{name}, {record.kind}")
    if "GPU" not in recorded:
        counted = {n: tally(NETWORKS[name](), n) for n in (1, 10, 100, 1000)}
        seconds = [max(len(done) * card.call, work(done, card)) for done in counted.values()]
        axis.loglog(list(counted), [1e6 * each / n for n, each in zip(counted, seconds)], ":", marker=".",
                    color=f"C{colour}", label=f"{name}, card, computed")
axis.set(xlabel="images in a mini-batch", ylabel="microseconds for an image")
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
for name in NETWORKS:
    found = {time.size: time.best / time.size for time in recorded["CPU"].of(f"step, {name}")}
    print(f"{name:8} an image alone costs {found[1] / found[1000]:3.0f} times as much as in a thousand, "
          f"in ten {found[10] / found[1000]:.1f} times")

# %% [markdown]
# (One image is a case of its own. In the shallow and the dropout network the whole step takes *longer* than with
# three, probably because a product with a single column goes another way through the library.) On the CPU, ten images
# are few, but no great waste. A convolutional layer uses its few weights at dozens or hundreds of places of each
# image, so ten images give the *conv* network nearly all the work that it can use. The *dropout* network, with its
# million weights between two layers, gains a factor of two or so from a thousand, and the *shallow* one, whose step
# is mostly calls and weights, four.
#
# And on a card? There the calls are kernels. Python launches them one after the other, at 5 microseconds each by our
# guess. So a step takes at least the launches, and at least the work. We take the larger of the two, since Python can
# queue the next kernels while the card is still at the last.

# %%
print("network  images     products  sums  elementwise  copies    launches     work (card)")
for (name, n), operations in steps.items():
    kinds = Counter(done.kind for done in operations)
    print(f"{name:8} {n:5}   {len(operations):4} = {kinds['product']:3} +{kinds['sum']:5} +{kinds['elementwise']:8}"
          f"   +{kinds['copy']:4}   {len(operations) * card.call * 1e6:9,.0f} us "
          f"{work(operations, card) * 1e6:9.1f} us")
print(f"card: {source['card']}; calls of the dropout network on",
      ", ".join(f"{n:,}: {len(tally(NETWORKS['dropout'](), n))}" for n in (1, 10, 100, 1000)))

# %%
print("How many times as fast as the core, if a call takes", ", ".join(f"{each.call * 1e6:g} us" for each in guesses))
for (name, n), operations in steps.items():
    found = next(time.best for time in recorded["CPU"].of(f"step, {name}") if time.size == n)
    ratios = [found / max(len(operations) * each.call, work(operations, each)) for each in guesses]
    print(f"{name:8} {n:5} ", " ".join(f"{ratio:8.1f}" for ratio in ratios))

# %% [markdown]
# The bytes of the shallow step are half a microsecond's work for that card (were it a single kernel; section 7 comes
# to what each kernel costs besides), and launching takes two hundred. The largest network has seventeen microseconds
# of work at ten images, and more than a millisecond of launches. In other words: *by this estimate the card does, at
# mini-batch 10, about one per cent of what it could, or less*, and one with twice the bandwidth and twice the peak
# would not be faster. It needs twice as long for the shallow step as one core of a CPU, which was measured to need a
# tenth of a millisecond. At the conv step it is twice as fast as the core, at the dropout step two and a half times,
# with an arithmetic that is three hundred times as fast.
#
# How safe is that? As safe as the 5 microseconds. With half of them, the card would be nearly level with the core at
# the shallow step, and do up to three per cent of what it could; with twice as many, it would be level at the conv
# step. Were the guess worse than that, even the winners would change. But nobody would win by hundreds.
#
# At a thousand images the launches are as many as before, or nearly so, and there is a great deal more work. In the
# two large networks, launches and work are now of the same order. By this estimate the card is then at best 150 times
# as fast as the core or more; at the shallow step, a dozen times. (At best, because the work is computed with the
# data sheet's upper bounds. With twice the price of a call it is half of that.)
#
# (The calls of the dropout network change with the mini-batch, up and down, because its products are cut into blocks
# whose number depends on it. That is faster on a CPU; see `netlib/ops/products.py`. netlib does so on a card too,
# where it only adds launches: without it, the step on ten images would have sixty calls fewer.)
#
# Three cures follow from that table. Cheaper launches: a graph (section 7). Fewer launches: kernels that do several
# operations (section 7 too). More work in each launch: larger mini-batches, or many networks (section 8). But first the
# question where the data should lie, whose answer depends on them.
#
# ## 6. Where should the data lie?
#
# The [tutorials](https://github.com/lisa-lab/DeepLearningTutorials/blob/master/doc/gettingstarted.txt) for Theano put
# the whole data set into the card's memory, and say that copying each mini-batch would make a card hardly faster than
# a CPU. Keras, a library of the same years, copied each mini-batch. When [somebody asked
# why](https://github.com/keras-team/keras/issues/1754), its author, François Chollet, answered that the copies matter
# for very small networks and data alone, such as ours. And from a user of the book's program, who did put the data on
# the card, we have heard that it brought no speed, or even cost some. (We know neither card nor figures.) Who is
# right? Let us count. A training set of 50,000 images takes 157 MB; an H200 has 141 GB. A mini-batch is two copies,
# images and labels.

# %%
for kind, record in recorded.items():
    print(f"images     bytes   network   on a slice    on a copy   ({kind}, measured)")
    for n in (10, 100, 1000):
        for name in NETWORKS:
            sliced, copied = (next(time for time in record.of(f"{what}, {name}") if time.size == n)
                              for what in ("step", "step on a copy"))
            print(f"{n:5} {copied.bytes:10,}   {name:8} {sliced.best * 1e3:8.3f} ms {copied.best * 1e3:9.3f} ms"
                  f"   {copied.best / sliced.best - 1:+6.1%}")

# %% [markdown]
# On the CPU, where both sides are the same memory, a copy costs little, often less than these measurements can tell
# (they are good to some per cent; a negative cost is noise). For a card we can compute what a copy would cost beside
# the rest of the step. Three kinds of step: with its launches as they are; an ideal one, in which of all launches one
# remains (the next section is about that); and the work alone. The time of copying is given as a part of each; above
# 100 % it takes longer than that. In brackets: with a bus twice and half as fast.

# %%
print("network  images   copying        of a step as it is           of an ideal one         of the work alone")
for (name, n), operations in steps.items():
    kinder, copying, harsher = (2 * card.call + n * (784 * 4 + 8) / guess.bus for guess in guesses)
    pure = work(operations, card)
    bases = (max(len(operations) * card.call, pure), card.call + pure, pure)
    parts = (f"{copying / base:.0%} ({kinder / base:.0%} to {harsher / base:.0%})" for base in bases)
    print(f"{name:8} {n:5} {copying * 1e6:8.1f} us" + "".join(f"{part:>26}" for part in parts))
print(f"card: {source['card']}")

# %% [markdown]
# By these counts there is something in each. In a step as it is, of a hundred launches, two more calls do not matter:
# ten images cost some per cent at most, whatever the bus. That is what the user saw (why keeping the data on the card
# should even cost something, these counts do not explain). A thousand images are three megabytes, and need their time
# on the bus: a third of the small network's step or all of it, as the bus may be, and less of those of the large
# ones. And whoever cures the launches finds copying among the largest items: in a step of five to twenty
# microseconds, the copy of ten images costs from half as much as the step to twice as much. There Chollet is right:
# the smaller the network, the more it weighs. That copying would make a card hardly faster than a CPU, as the
# tutorials warn, does not follow, at least from today's numbers: a copy of ten images takes a tenth of what the CPU
# needs for the smallest step. (The table assumes that nothing else happens while data travel. One can copy the next
# mini-batch during the step, from memory that the system promises not to move, at the price of more code.)
#
# In netlib the data are moved once, before training, and a mini-batch is a slice. It costs nothing, and it does not get
# in the way of faster steps.
#
# ## 7. One launch for all
#
# A step always launches the same kernels on the same arrays; only the mini-batch and the masks of dropout change. So
# CUDA, the system by which NVIDIA's cards are programmed, can *capture* it: it notes down what is launched, without
# running it, and makes a *graph* of it (one of launches, not that of notebook 03). The graph is launched as one.
# (With CuPy as it is, not quite: while it captures, it refuses calls of the library that multiplies matrices. One has
# to call that library past CuPy, or write kernels of one's own. netlib does not capture its steps.) A graph repeats
# its launches with the same arrays. So what changes from step to step, such as the place of the mini-batch, is best
# read from the card's memory, where a kernel can count it up. Within a graph a kernel follows the one before without
# waiting for Python. It still has to start and end, which takes a microsecond or two.
#
# **None of this has been measured here.** The following is an estimate from the counts above, with a third guess, 1.5
# microseconds for a kernel in a graph (in brackets: half and twice that). It takes, kernel by kernel, the larger of
# launch and work, as if Python never got ahead of the card; section 5 took the larger of all launches and all the
# work, as if it always did. At ten images the two are the same.

# %%
in_graph = 1.5e-6  # guessed: from the start of a kernel in a graph to the start of the next, if it has nothing to do
print("network  images    one by one      in a graph                 the work alone   (card, estimated)")
for (name, n), operations in steps.items():
    one_by_one = fsum(max(card.call, work([done], card)) for done in operations)
    low, captured, high = (1e6 * (card.call + fsum(max(each, work([done], card)) for done in operations))
                           for each in (in_graph / 2, in_graph, 2 * in_graph))
    print(f"{name:8} {n:5} {one_by_one * 1e6:10,.0f} us {captured:10,.0f} us ({low:3,.0f} to {high:5,.0f})"
          f" {work(operations, card) * 1e6:13,.1f} us")


# %% [markdown]
# At ten images that is little else than 5 microseconds over 1.5, guess over guess: a factor of three, which could as
# well be two or six. It is still far from the work: the kernels have become cheap, but not few. The next cure is to
# have fewer, by *fusing* kernels: one that adds the bias, takes the sigmoid and writes the result does in a launch
# what now takes five, and reads and writes the numbers once instead of five times.
#
# **Exercise 3 (medium).** How far does the simplest fusion get? Suppose that in the list of a step all elementwise
# operations and copies that directly follow each other became one kernel, products and sums staying as they are. How
# many kernels are left at mini-batch 10? Make a dictionary `left` from the name of each network to that number.
# (`steps[name, 10]` is the list. Each of its entries has a `kind`: "product", "elementwise", "sum" or "copy". One
# that stands alone stays one kernel.)

# %% jupyter={"source_hidden": true} tags=["solution"]
def fused(operations):
    runs = groupby(operations, key=lambda done: done.kind in ("elementwise", "copy"))
    return sum(1 if mergeable else len(list(run)) for mergeable, run in runs)


left = {name: fused(steps[name, 10]) for name in NETWORKS}

# %% tags=["check"]
assert set(left) == set(NETWORKS), "a number for each network"
for name in NETWORKS:
    string = "".join("e" if done.kind in ("elementwise", "copy") else "x" for done in steps[name, 10])
    expected = string.count("x") + len(string.replace("x", " ").split())
    assert left[name] == expected, f"{name}: count each run of elementwise operations and copies as one"
    print(f"{name:8} {len(string):4} calls now, {left[name]:4} after fusion")

# %% [markdown]
# Not all of these runs could really be one kernel; an update of the weights and one of the biases, say, have
# different shapes. But whoever writes kernels by hand gets further, because sums and products can take part as well:
# a kernel for a layer can multiply, add the bias and apply the activation function. Five layers times three, one
# kernel on the way forward and two on the way back, which update the weights too: some fifteen kernels for the
# largest step is what one may hope for.
#
# ## 8. Many networks at once
#
# One often wants more than one network: several seeds, to know what is chance, or the members of a committee
# ([06](06_dropout_data_committees.ipynb)). Trained one after the other, $K$ networks take $K$ times as long. But if
# they have the same layers and see the same mini-batches, they ask for the same operations, on other weights. So put
# the weights of all into one array, with the network as its first axis. `matmul` then makes $K$ products in one call,
# and so do all other operations. A step of $K$ networks has about as many calls as a step of one. (Whether a card's
# library makes each of these products in a single launch is one more thing to be measured. `Together` takes fully
# connected networks without dropout.)
#
# First: is it the same training? Five networks, forty mini-batches of ten digits, each on its own and all together.

# %%
x, y = data.load("digits").training
nets = [Network(NETWORKS["shallow"](), 10, seed=seed + k, device=device, dtype="float32") for k in range(5)]
together = Together(nets)
rows, labels = nets[0].row.data("data", (x[:400], y[:400]), 10)  # on the device, in the networks' type
for start in range(0, 400, 10):
    batch = slice(start, start + 10)
    costs = [float(net.train_mini_batch(rows[batch], labels[batch], 0.5)) for net in nets]
    costs_together = to_host(together.step(rows[batch], labels[batch], 0.5))
weights = [to_host(parameter) for parameter in together.params[::2]]  # between them are the biases
difference = max(np.abs(to_host(layer.w) - all_of_them[k]).max()
                 for k, net in enumerate(nets) for layer, all_of_them in zip(net.layers, weights))
print("weights of the first layer, all networks:", weights[0].shape)
print("costs of the last step, each on its own:  ", " ".join(f"{cost:.2f}" for cost in costs))
print("                        and all together: ", " ".join(f"{cost:.2f}" for cost in costs_together))
print(f"no weight differs by more than 0.00001: {difference < 1e-5}")

# %% [markdown]
# The same, up to the rounding of sums in another order. What does it bring? Measured, for the shallow network and
# mini-batches of ten:

# %%
figure, axis = plt.subplots()
for record, line in zip(records, ("-", "--")):
    for colour, how in enumerate(("in turn", "together")):
        found = record.of(f"many, {how}")
        axis.semilogx([time.size for time in found], [time.best / time.size * 1e6 for time in found], line,
                      marker="o", color=f"C{colour}", label=f"{how}, {record.kind}")
axis.set(xlabel="networks", ylabel="microseconds for each network's step")
if "GPU" in recorded:
    axis.set(yscale="log")
else:
    axis.set(ylim=(0, None))
axis.set_xticks([1, 2, 4, 8, 16, 32, 64], [1, 2, 4, 8, 16, 32, 64])
axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
plt.show()
for kind, record in recorded.items():
    pairs = zip(record.of("many, in turn"), record.of("many, together"))
    gains = ", ".join(f"{in_turn.best / at_once.best:.1f} ({at_once.size})" for in_turn, at_once in pairs)
    print(f"{kind}: how many times as fast as in turn (number of networks): {gains}")

# %% [markdown]
# Even on the CPU it pays: Python is asked once and not $K$ times. (Not all is due to that: a single network
# "together" is 1.3 times as fast already, because that program does less around its calls.) The gain grows up to
# sixteen networks, and then it shrinks again. The likely reason is in section 4: a network's weights and their
# gradients take 0.6 MB. Those of sixteen, 10 MB, may still fit into a cache; those of sixty-four, 40 MB, have to come
# from memory at each step. (In turn, too, each of many networks takes longer, probably because none finds its weights
# in the cache from the step before.)
#
# On a card the gain should be of another size, because nearly all of the step is launches. How many networks would it
# take?
#
# **Exercise 4 (easy).** A step of one shallow network on ten images takes the card `len(steps["shallow", 10])`
# launches, and `work(steps["shallow", 10], machines["card"])` seconds of work. For $K$ networks together the launches
# stay and the work is $K$ times as much. What is the smallest `K` for which the work takes at least as long as the
# launches?

# %% jupyter={"source_hidden": true} tags=["solution"]
one = steps["shallow", 10]
K = int(np.ceil(len(one) * machines["card"].call / work(one, machines["card"])))

# %% tags=["check"]
launches = len(steps["shallow", 10]) * machines["card"].call
alone = work(steps["shallow", 10], machines["card"])
assert int(K) == K, "a whole number of networks"
assert K * alone >= launches, "the card still waits for launches"
assert (K - 1) * alone < launches, "fewer networks are enough"
print(f"{K} networks; by this count each further one up to there costs nothing (card: {source['card']})")

# %%
for k in (10, 50, 100, 400):
    single, many = (fsum(max(card.call, n * work([done], card)) for done in steps["shallow", 10]) for n in (1, k))
    print(f"counted kernel by kernel, {k:3} networks take {many / single:.2f} times as long as one")

# %% [markdown]
# Hundreds of networks in the time of one? That holds if Python queues the next step while the card still updates
# weights. Counted kernel by kernel, as in section 7, the update of all the weights soon takes longer than its launch.
# And with half or twice the price of a call it is half or twice as many. So: dozens of networks in the time of one,
# perhaps hundreds. (The first count gives the two larger networks room for about a hundred of their kind, but
# `Together` does not take them.) Few people want so many; but five seeds for the price of one is something that
# everybody wants.
#
# ## 9. Four bytes or eight
#
# The number in a Python `float` has eight bytes (NumPy's `float64`), with sixteen digits. Networks are trained with
# four (`float32`), with seven. Do the other digits matter? Take the gradients of one mini-batch in both.

# %%
gradients = {}
for dtype in ("float32", "float64"):
    net = Network(NETWORKS["conv"](), 10, seed=seed, device=device, dtype=dtype)
    last = net.layers[-1].w
    last[...] = net.xp.asarray(np.cos(np.arange(last.size)).reshape(last.shape) / 10)  # any numbers but zeros
    gradients[dtype] = [to_host(gradient) for gradient in net.gradients((x[:10], y[:10]))]
for k, (short, long) in enumerate(zip(*gradients.values())):
    if long.ndim > 1:
        off = np.linalg.norm(short - long) / np.linalg.norm(long)
        print(f"layer {k // 2}, {long.size:6,} weights: the gradients differ by less than 0.00001 of their length:",
              off < 1e-5)

# %% [markdown]
# (The last layer's weights start at zero and would stop the gradient, so we gave it others.) A mini-batch of ten is a
# sample, and another ten images have quite another gradient ([07](07_training_in_practice.ipynb) is about that
# noise). What is rounded away is far below that. And what do the digits cost?

# %%
for record in records:
    for what, unit in (("multiply", "numbers"), ("product", "rows")):
        short, long = record.of(what), record.of(f"{what}, float64")
        ratios = {a.size: b.best / a.best for a, b in zip(short, long)}
        chosen = [n for n in (16, 64, 1024, 2048, 65_536, 16_777_216) if n in ratios]
        print(f"{record.kind}, float64 / float32, {what:8}",
              ", ".join(f"{ratios[n]:.1f} ({n:,} {unit})" for n in chosen))

# %% [markdown]
# Where the call is the price, nothing. (0.9 is noise.) Where bytes are, twice as much, because there are twice as
# many; and more than that where the shorter numbers still fit into a cache and the longer do not. Where arithmetic
# is, somewhat more than twice as much: an instruction of this CPU works on 64 bytes, whether these are sixteen
# numbers or eight. That explains two; the rest may be the cache. On a card that last ratio is a matter of what was
# built in. The H200's data sheet says two. For products it can be one, because its *tensor cores*, units made for
# products of matrices, take numbers of eight bytes as fast as the ordinary units take those of four. Cards for games
# often have one unit for eight bytes where they have 32 or 64 for four. For large products, `float64` is out of the
# question there. In the notebooks of this edition it is the default for another reason: the few digits that the text
# quotes then come out the same on other CPUs.
#
# ## What we have seen
#
# - An operation costs a call, and then the larger of bytes over bandwidth and FLOP over peak. A card has a much larger
#   bandwidth and peak, and a more expensive call.
# - Products of large matrices are bound by arithmetic; nearly everything else is bound by memory, products with few
#   images included.
# - A training step is 45 to 249 calls in our networks. At ten images they are so small that a card would do about one
#   per cent of what it could, or less. That is an estimate; all that goes into it is above.
# - To feed a card: more images or more networks in each call, fewer kernels, a captured graph.
# - Whether data should lie on the device depends on what else a step waits for. If the launches are cured, it matters.
#
# ## In practice
#
# - Time a device only when its queue is empty. Take the smallest of many rounds, in turn with what you compare it to.
# - The shallow network on ten images: the CPU. Hundreds of images at a time: the card. In between it depends on what
#   a call costs: measure. (By our estimates, and against one core.)
# - `netlib bench devices` measures the computer that you sit at and records it, with `--device gpu` its card. With
#   `measure = True` this notebook does it itself, and records nothing.
# - `tally` tells of a network of your own how many calls a step has, and what they move.
#
# ## Further reading
#
# - S. Williams, A. Waterman and D. Patterson, *Roofline: an insightful visual performance model for multicore
#   architectures* (2009): the figure of section 4.
# - NVIDIA, *CUDA C++ Programming Guide*, on streams, asynchronous execution and graphs; and the data sheet of the
#   *H200 Tensor Core GPU*.
# - *Getting started* of the *Deep Learning Tutorials* for Theano, and issue 1754 of Keras (2016), both linked in
#   section 6: two answers to where the data should lie.
# - `tests/benchmarks/README.md` in this project: where the time of a step goes on a CPU, and what was tried against it.
