"""What a device is good at: times of operations and of training steps, on a CPU and on a GPU, and what they consist of.

`measure` takes the times, `device_records` reads those that were recorded, `tally` counts what one step asks of a
device, and `Together` trains many networks as one.
"""

from netlib.devices.networks import NETWORKS
from netlib.devices.record import Measurements, device_records, devices_folder, measure
from netlib.devices.tally import KINDS, Done, tally
from netlib.devices.timing import Case, Time, times
from netlib.devices.together import Together

__all__ = [
    "KINDS",
    "NETWORKS",
    "Case",
    "Done",
    "Measurements",
    "Time",
    "Together",
    "device_records",
    "devices_folder",
    "measure",
    "tally",
    "times",
]
