"""What the preset `standard` of na110 costs beside `published`, at the same work function.

    python benchmarks/presets.py            # takes the newest results from the results database, runs what is missing
    python benchmarks/presets.py --fresh    # runs both now, one after the other

The cost is the engine's wall time times its processes, over all attempts (goal: at most 1/10, work functions within
0.02 eV). Only runs of one session on one machine compare well: the published slab takes many minutes on two cores, so
--fresh is not the default.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from natrium.analysis.results_store import ResultsStore
from natrium.hpc.configuration import load_configuration
from natrium.hpc.databases import results_store
from natrium.workflows.studies.na110 import NA110Result

PRESETS = ("standard", "published")


def newest(preset: str) -> tuple[str, NA110Result] | None:
    """Address and document of the newest unchanged run of a preset."""
    with results_store(load_configuration()) as store:
        rows = ResultsStore(store).find(study="na110", preset=preset)
    for row in rows:
        if not row.output["overrides"]:
            return row.address, NA110Result.model_validate(row.output)
    return None


def cost_s(result: NA110Result) -> float:
    """Core-seconds of all calculations, s."""
    return sum(
        (attempt.wall_time_s or 0.0) * attempt.ranks
        for calculation in result.calculations.values()
        for attempt in calculation.attempts
    )


def main() -> None:
    """Print both presets and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true")
    arguments = parser.parse_args()
    costs, levels = [], []
    for preset in PRESETS:
        if arguments.fresh or newest(preset) is None:
            subprocess.run([Path(sys.executable).with_name("natrium"), "run", "na110", "--preset", preset], check=True)
        found = newest(preset)
        assert found is not None
        address, result = found
        sides = result.work_functions
        costs.append(cost_s(result))
        levels.append(sides.top.work_function_ev)
        print(
            f"{preset:>9} {address}: Φ {sides.top.work_function_ev:.3f} / {sides.bottom.work_function_ev:.3f} eV,"
            f" a {result.lattice_constant_a:.3f} Å, {costs[-1]:.0f} core-seconds"
        )
    apart_ev = levels[0] - levels[1]
    print(f"standard / published = 1/{costs[1] / costs[0]:.0f} of the cost, work functions {apart_ev:+.3f} eV apart")


if __name__ == "__main__":
    main()
