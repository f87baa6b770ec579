"""What natrium costs on top of GPAW: `natrium run na110` against a bare GPAW script that does the same calculations.

    python benchmarks/overhead.py [--repeats 3] [--preset standard]

Both use the same number of MPI processes and take turns in one session; the ratio of their median wall times counts
(goal: 1.10 or less). The bare script is what a person would write: one process, one calculator after the other, nothing
stored, no checkpoints.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from natrium.hpc.configuration import load_configuration
from natrium.hpc.engine_job import Launch
from natrium.structures.crystals import bulk_metal
from natrium.workflows.gpaw.engine import GPAW, program
from natrium.workflows.study import settle, study

BARE = """
import json, sys
from ase.build import bcc110, bulk
from ase.constraints import FixAtoms
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from gpaw.dft import GPAW

plan = json.load(open("plan.json"))
atoms = bulk("Na", "bcc", a=plan["reference_a"])
atoms.calc = GPAW(**plan["bulk"], txt="bulk.txt")
BFGS(FrechetCellFilter(atoms, hydrostatic_strain=True), logfile=None).run(fmax=plan["bulk_force"])
a = (2 * atoms.get_volume()) ** (1 / 3)
slab = bcc110("Na", size=(*plan["size"], plan["layers"]), a=a, vacuum=plan["vacuum"] / 2)
slab.pbc = (True, True, False)
slab.set_constraint(FixAtoms([atom.index for atom in slab if atom.tag > plan["layers"] - plan["fixed"]]))
slab.calc = GPAW(**plan["slab_relax"], txt="relax.txt")
BFGS(slab, logfile=None, **plan["bfgs"]).run(fmax=plan["slab_force"])
slab.calc = GPAW(**plan["slab_static"], txt="static.txt")
slab.get_potential_energy()
slab.get_forces()
print(json.dumps({"work_functions": [float(phi) for phi in slab.calc.dft.workfunctions()], "a": float(a)}))
"""


def plan_of(preset: str) -> dict[str, object]:
    """The bare script's settings, from natrium's own preset, so that both calculate the same."""
    from natrium.workflows.gpaw import driver

    settings = settle(study("na110"), preset, {})
    systems = study("na110").systems(settings)
    keywords = {name: GPAW().keywords(settings.calculations[name], systems[name]) for name in systems}
    return {
        **keywords,
        "reference_a": 2 * abs(bulk_metal("Na").cell_a[0][0]),
        "size": settings.size,
        "layers": settings.layers,
        "vacuum": settings.vacuum_a,
        "fixed": settings.fixed_layers,
        "bulk_force": settings.calculations["bulk"].force_ev_a,
        "slab_force": settings.calculations["slab_relax"].force_ev_a,
        "bfgs": getattr(driver, "BFGS_OPTIONS", {}),
    }


def timed(command: list[str], folder: Path, environment: dict[str, str]) -> float:
    """Wall time of a command that must succeed, s."""
    begin = time.perf_counter()
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    elapsed_s = time.perf_counter() - begin
    if ran.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}")
    return elapsed_s


def main() -> None:
    """Take turns, print the table and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--preset", default="standard")
    arguments = parser.parse_args()
    ranks = load_configuration().ranks
    launch = Launch(ranks)
    times: dict[str, list[float]] = {"bare GPAW": [], "natrium": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "plan.json").write_text(json.dumps(plan_of(arguments.preset)))
        (folder / "bare.py").write_text(BARE)
        environment = os.environ | {"NATRIUM_DATA_DIR": str(folder / "data")}
        natrium = [str(Path(sys.executable).with_name("natrium")), "run", "na110", "--preset", arguments.preset]
        for _ in range(arguments.repeats):
            times["bare GPAW"].append(
                timed(launch.command([program(), "python", "bare.py"]), folder, launch.environment())
            )
            times["natrium"].append(timed(natrium, folder, environment))
            print({name: [round(value, 1) for value in values] for name, values in times.items()}, flush=True)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:>10}: {value:.1f} s (median of {arguments.repeats}, {ranks} processes)")
    print(f"natrium / bare GPAW = {medians['natrium'] / medians['bare GPAW']:.2f}")


if __name__ == "__main__":
    main()
