"""What natrium costs a person with many jobs: `natrium status` and a pass of `natrium watch` over 1,000 pending jobs.

    python benchmarks/queue_scale.py [--jobs 1000]

The jobs are real ones of a laptop cluster that one job fills, so that they stay pending. Goals: status below 1 s,
a pass that finds nothing changed below 2 s, and a number of SLURM commands that does not depend on the number of jobs.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent / "queue_overhead"))

from natrium.hpc.configuration import Configuration, load_configuration
from natrium.hpc.embedded.lifecycle import stop
from natrium.hpc.queue.connection import Queue, connected_queue
from natrium.hpc.queue.submit import plan_run, submit
from natrium.hpc.queue.watch import one_pass
from natrium.hpc.slurm.commands import Slurm
from natrium.hpc.slurm.lab import Lab
from natrium.workflows.study import settle


def main() -> None:
    """Submit, measure at two sizes, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that what was started is stopped
    with tempfile.TemporaryDirectory(prefix="scale-", dir="/tmp", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        lab = Lab(folder / "lab", nodes=2, cores=2, memory_mb=4000)
        configuration: Configuration | None = None
        try:
            cluster = lab.up()
            lab.command("sbatch", "-N2", "--exclusive", "--mem=0", "-o", "/dev/null", "--wrap", "sleep 100000")
            os.environ |= _environment(folder, cluster.model_dump(mode="json", exclude_defaults=True))
            configuration = load_configuration()
            with connected_queue(configuration) as queue:
                for jobs in (arguments.jobs // 10, arguments.jobs):
                    _fill(queue, folder, jobs)
                    _measure(queue, jobs, arguments.repeats)
        finally:
            lab.down()
            if configuration is not None:
                stop(configuration.embedded_folder, force=True)


def _environment(folder: Path, cluster: dict[str, Any]) -> dict[str, str]:
    clusters = {"lab": cluster | {"limits": cluster.get("limits", {}) | {"jobs": 10_000}}}
    (folder / "natrium.yaml").write_text(yaml.safe_dump({"clusters": clusters}))
    return {"NATRIUM_CONFIG": str(folder / "natrium.yaml"), "NATRIUM_DATA_DIR": str(folder), "NATRIUM_RANKS": "1"}


def _fill(queue: Queue, folder: Path, jobs: int) -> None:
    """Submit runs of one job each until there are so many."""
    from stamped_study import Stamped

    name, cluster = queue.configuration.cluster()
    own = {"shape": "chain", "jobs": 1, "journal": str(folder / "journal.txt")}
    settings = settle(Stamped(), "standard", own)
    began = time.monotonic()
    missing = jobs - queue.submissions.in_queue(name)
    for _ in range(missing):
        done = submit(queue, plan_run(Stamped(), settings, name, cluster, folder / "runs", {}, None))
        if len(done.launched) != 1:
            raise SystemExit(f"a run was not sent: {done}")
    took_s = time.monotonic() - began
    print(f"{missing} runs submitted, {1000 * took_s / max(1, missing):.0f} ms each", flush=True)


def _measure(queue: Queue, jobs: int, repeats: int) -> None:
    one_pass(queue)  # sees that they are pending
    with _commands_counted() as commands:
        passes_s = [_timed(lambda: one_pass(queue)) for _ in range(repeats)]
    done = one_pass(queue)
    if done.settled or done.open != jobs:
        raise SystemExit(f"a pass turned to {len(done.settled)} runs of {done.open} jobs instead of none of {jobs}")
    natrium = str(Path(sys.executable).with_name("natrium"))
    start_s = _median_s(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True), repeats)
    print(f"{jobs} pending jobs, medians of {repeats}:")
    for arguments in (["status"], ["status", "--limit", str(jobs)]):
        cpu_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        command = [natrium, *arguments]
        status_s = _median_s(lambda command=command: subprocess.run(command, capture_output=True, check=True), repeats)
        cpu_s = (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - cpu_s) / repeats
        said = f"{status_s:.2f} s, without the start of Python {status_s - start_s:.2f} s; {cpu_s:.2f} s of user time"
        print(f"  natrium {' '.join(arguments):20} {said}", flush=True)
    per_pass = {name: number / repeats for name, number in commands.items()}
    print(f"  one pass, nothing changed    {statistics.median(passes_s):.2f} s, SLURM commands {per_pass}", flush=True)


@contextmanager
def _commands_counted() -> Iterator[Counter[str]]:
    counted: Counter[str] = Counter()
    run = Slurm.run

    def counting(self: Slurm, command: str, *arguments: str, **options: Any) -> str:
        counted[command] += 1
        return run(self, command, *arguments, **options)

    with patch.object(Slurm, "run", counting):
        yield counted


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _median_s(action: Callable[[], object], repeats: int) -> float:
    return statistics.median(_timed(action) for _ in range(repeats))


if __name__ == "__main__":
    main()
