"""``netlib bench devices``: what this CPU or card is good at, measured and recorded for notebook 08."""

from __future__ import annotations

from pathlib import Path

import click

from netlib.cli.errors import told_plainly
from netlib.devices import devices_folder, measure
from netlib.devices.record import ROUNDS
from netlib.experiments import write


@click.command()
@click.option("--device", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=ROUNDS, show_default=True, help="How often each is timed.")
@click.option("--quick", is_flag=True, help="Two sizes of each, to see that it runs; name a folder for it with -o.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, file_okay=False), help="Instead of data/results/devices."
)
def devices(device: str, rounds: int, quick: bool, output: Path | None) -> None:
    """Time operations, transfers and training steps from small to large, and write a record of it.

    Notebook 08 draws what is recorded; `netlib render 08` draws it anew. On a CPU it takes some three minutes, with one
    thread of BLAS.
    """
    if quick and output is None:
        raise click.UsageError("--quick gives no record of the device: name a folder for it with -o")
    output = output or devices_folder()
    with told_plainly():
        output.mkdir(parents=True, exist_ok=True)
        record = measure(device, rounds=rounds, quick=quick, told=click.echo)
        path = write(record, output)
    click.echo(f"{record.device} ({record.processor}), {record.date}: {path}")
