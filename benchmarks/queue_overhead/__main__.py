"""What queues cost: natrium, plain FireWorks and jobflow-remote carry out the same trivial jobs on the same SLURM.

    python benchmarks/queue_overhead [--turns 3] [--jobflow-remote /path/to/its/python]

Two numbers count. The gap is the time from the return of a job's function to the call of the next one's in a chain.
The cost is the CPU time per job of everything that takes part: the SLURM jobs, what keeps the queue going, the database
server and the submission; daemons are started before, so their start does not count. FireWorks and jobflow-remote are
tuned in their favour: they look every second. All take turns in one session, and the ratios of the medians count (goal:
natrium half of each other or less).
"""

from __future__ import annotations

import argparse
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from measured import Cost, Meter, cpu_s
from pymongo import MongoClient
from queues import FireWorks, JobflowRemote, Natrium, Place, QueueUnderTest
from rich.console import Console
from rich.table import Table

from natrium.hpc.configuration import load_configuration
from natrium.hpc.database_server import server
from natrium.hpc.embedded.lifecycle import status, stop
from natrium.hpc.slurm.lab import Lab

_QUIET_CPU_S = 0.3
"""A daemon that uses less than this in a second has started."""
_PATIENCE_S = 300.0

Costs = dict[str, dict[str, list[Cost]]]


def main() -> None:
    """Take turns, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--chain", type=int, default=8, help="jobs of the chain")
    parser.add_argument("--fan", type=int, default=20, help="jobs of the fan")
    parser.add_argument("--jobflow-remote", type=Path, metavar="PYTHON", help="of a venv with jobflow-remote")
    parser.add_argument("--only", nargs="*", default=[], help="names of the queues to compare")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that what was started is stopped
    sizes = {"chain": arguments.chain, "fan": arguments.fan}
    with tempfile.TemporaryDirectory(prefix="overhead-", dir="/tmp", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        configuration = load_configuration(data_dir=folder / "data", database_uri=None)
        lab = Lab(folder / "lab", nodes=2, cores=2, memory_mb=4000, accounting=True)
        try:
            cluster = lab.up()
            lab.command("srun", "-N2", "--mem=100", "true")  # the first job on a new node may take long
            with server(configuration) as uri, MongoClient[dict[str, Any]](uri) as client:
                place = Place(folder, lab.folder.slurm_conf, uri, client)
                pid = status(configuration.embedded_folder).pid
                assert pid is not None
                described = cluster.model_dump(mode="json", exclude_defaults=True)
                chosen = [
                    make
                    for name, make in {
                        "natrium": lambda: Natrium(place, described),
                        "natrium+watch": lambda: Natrium(place, described, watch_interval_s=0.5),
                        "natrium+watch+packing": lambda: Natrium(place, described, watch_interval_s=0.5, packed=10),
                        "fireworks": lambda: FireWorks(place),
                        "jobflow-remote": lambda: JobflowRemote(place, arguments.jobflow_remote),
                    }.items()
                    if (name in arguments.only or not arguments.only)
                    and (name != "jobflow-remote" or arguments.jobflow_remote)
                ]
                costs = take_turns([make() for make in chosen], Meter(lab, pid), arguments.turns, sizes)
        finally:
            lab.down()
            stop(configuration.embedded_folder, force=True)
    show(costs)
    if arguments.jobflow_remote is None:
        print("jobflow-remote was left out: --jobflow-remote names the Python of a venv with it")


def take_turns(queues: Sequence[QueueUnderTest], meter: Meter, turns: int, sizes: Mapping[str, int]) -> Costs:
    """Each queue in each turn: a chain and a fan."""
    costs: Costs = {queue.name: {shape: [] for shape in sizes} for queue in queues}
    for turn in range(turns):
        for queue in queues:
            with queue.running() as daemons:
                _await_quiet(daemons)
                for shape, jobs in sizes.items():
                    folder = Path(tempfile.mkdtemp(prefix=f"{shape}-{turn}-", dir=meter.lab.folder.path.parent))
                    journal = folder / "journal.txt"
                    cost = meter.flow(queue, shape, jobs, daemons, journal, _PATIENCE_S)
                    costs[queue.name][shape].append(cost)
                    gap = "" if cost.gap_s is None else f"gap {cost.gap_s:.2f} s, "
                    parts = ", ".join(f"{name} {value:.3f}" for name, value in cost.cpu_s.items())
                    print(f"turn {turn + 1}, {queue.name}, {shape}: {gap}CPU s per job: {parts}", flush=True)
    return costs


def _await_quiet(daemons: Sequence[int]) -> None:
    while True:
        before = sum(map(cpu_s, daemons))
        time.sleep(1)
        if not daemons or sum(map(cpu_s, daemons)) - before < _QUIET_CPU_S:
            return


def show(costs: Costs) -> None:
    """The medians, and how many times those of natrium the others are."""

    def medians(of: Callable[[Cost], float], shape: str) -> dict[str, float]:
        return {name: statistics.median(map(of, found[shape])) for name, found in costs.items()}

    rows = {"gap in the chain, s": medians(lambda cost: cost.gap_s or 0.0, "chain")}
    for shape in ("chain", "fan"):
        rows[f"CPU per job in the {shape}, s"] = medians(lambda cost: sum(cost.cpu_s.values()), shape)
        for part in ("SLURM jobs", "launchers", "database", "submission"):
            rows[f"  {part}, {shape}"] = medians(lambda cost, part=part: cost.cpu_s[part], shape)
    table = Table("", *costs)
    for title, values in rows.items():
        table.add_row(title, *(f"{value:.2f}" for value in values.values()))
    others = [name for name in costs if not name.startswith("natrium")]
    for own in (name for name in costs if name.startswith("natrium")):
        for title, values in rows.items():
            if not title.startswith(" "):
                ratios = {name: values[own] / values[name] for name in others}
                table.add_row(f"{own} / other: {title}", *(f"{ratios[n]:.2f}" if n in ratios else "" for n in costs))
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
