"""PySCF as an engine: from a code-neutral Calculation to PySCF's settings, from its output to the result document."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from natrium.analysis.volumetric import VolumetricFile, file_sha256
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.atomic_file import replace_text
from natrium.workflows.calculation import Calculation
from natrium.workflows.engine import EngineError, Parallelism
from natrium.workflows.program import INPUT, OUTPUT, STATUS, STOP, SYSTEM
from natrium.workflows.provenance import natrium_version
from natrium.workflows.pyscf.functionals import FUNCTIONALS
from natrium.workflows.pyscf.progress import CHECKPOINT
from natrium.workflows.result import Attempt, CalculationResult, Provenance

CALCULATION = "calculation.json"
_D3 = {"d3-zero": "d3zero", "d3-bj": "d3bj"}
_FOREIGN: dict[str, str] = {
    "bands": "a basis has as many levels as functions",
    "valence_electrons": "there are no PAW datasets; a basis brings its own pseudopotential where it needs one",
    "density_e": "PySCF measures the gradient of the orbitals, which natrium converges to 3e-5 Hartree",
    "keep_density": "densities are kept by the engine gpaw",
    "charges": "charges are partitioned by the engine gpaw",
}
"""Words of a Calculation that PySCF does not carry out, and why."""


class PySCF:
    """PySCF 2.14, run as its own program of one process (natrium.workflows.pyscf.driver)."""

    name = "pyscf"
    parallelism: Parallelism = "threads"

    def check(self, calculation: Calculation, system: System) -> None:
        """Refuse what PySCF cannot do, or does silently wrong."""
        calculation.check(system)
        if calculation.mode != "gto" or calculation.basis is None:
            raise InputError(
                f"mode {calculation.mode}: PySCF calculates in Gaussian bases",
                "use mode=gto with a basis such as 6-311+G(d,p), or engine gpaw",
            )
        if any(system.pbc):
            raise InputError(
                f"{system.label} is periodic; natrium runs molecules and ions with PySCF",
                "give a system with pbc (F, F, F), or use engine gpaw",
            )
        if calculation.smearing != "none":
            raise InputError(
                f"smearing={calculation.smearing}: the levels of a molecule are full or empty", "set smearing=none"
            )
        for name, reason in _FOREIGN.items():
            if getattr(calculation, name):
                raise InputError(f"{name}={getattr(calculation, name)} with PySCF: {reason}", f"leave {name} out")
        functional = FUNCTIONALS.get(calculation.functional)
        if functional is None:
            raise InputError(
                f"natrium does not know functional {calculation.functional} with PySCF",
                f"use one of {', '.join(FUNCTIONALS)}",
            )
        if calculation.dispersion and calculation.dispersion not in functional.dispersion:
            raise InputError(
                f"{calculation.dispersion} has no parameters for functional {calculation.functional}",
                f"use {' or '.join(functional.dispersion) or 'another functional'}, or leave dispersion out",
            )
        moments = system.magnetic_moments or ()
        if moments and (min(moments) < 0 or abs(sum(moments) - (system.multiplicity or 1) + 1) > 1e-6):
            raise InputError(
                f"{system.label}: PySCF starts from the multiplicity ({system.multiplicity}) alone, magnetic_moments"
                f" {list(moments)} would be lost",
                "leave magnetic_moments out",
            )
        for package in ("pyscf", *(["dftd3"] if calculation.dispersion else [])):
            if find_spec(package) is None:
                raise InputError(f"the package {package} is not installed", "pip install 'natrium[pyscf]'")
        from natrium.workflows.pyscf.molecule import check_molecule

        check_molecule(system, calculation.basis)

    def settings(self, calculation: Calculation, system: System) -> dict[str, Any]:
        """What PySCF is told; the section `pyscf` of input.json."""
        return {
            "xc": FUNCTIONALS[calculation.functional].words,
            "basis": calculation.basis,
            "spin_polarised": calculation.is_polarised(system.multiplicity, has_moments=False),
            "solvent": calculation.solvent,
            "epsilon": calculation.epsilon,
            "energy_ev": calculation.energy_ev,
            "max_cycle": calculation.max_scf_iterations,
        }

    def write_inputs(
        self, calculation: Calculation, system: System, folder: Path, continue_from: Path | None = None
    ) -> None:
        """Write system.json, calculation.json (what was asked for) and input.json (what PySCF is told)."""
        self.check(calculation, system)
        task: dict[str, Any] = {
            "kind": calculation.kind,
            "pyscf": self.settings(calculation, system),
            "dispersion": calculation.dispersion
            and {"method": calculation.functional, "damping": _D3[calculation.dispersion]},
            "relax": {"force_ev_a": calculation.force_ev_a, "max_steps": calculation.max_steps},
            "keep_orbitals": list(calculation.keep_orbitals),
            "start_from": _usable_checkpoint(continue_from, system),
        }
        replace_text(folder / SYSTEM, system.model_dump_json(indent=1))
        replace_text(folder / INPUT, json.dumps(task, indent=1))
        # the last one: where it is, the others are whole
        replace_text(folder / CALCULATION, calculation.model_dump_json(indent=1))

    def command(self, attempt: int, deadline: float | None) -> list[str]:
        """`python -m natrium.workflows.pyscf.driver …` with this Python."""
        command = [sys.executable, "-m", "natrium.workflows.pyscf.driver", "--attempt", str(attempt)]
        return command + (["--deadline", repr(deadline)] if deadline is not None else [])

    def progress(self, folder: Path) -> dict[str, Any]:
        """The status file, or nothing before the program has started."""
        try:
            facts = json.loads((folder / STATUS).read_text())
        except (OSError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def log(self, folder: Path) -> Path | None:
        """PySCF's own text output, of the last attempt."""
        return max(folder.glob("pyscf.*.txt"), key=lambda path: int(path.name.split(".")[1]), default=None)

    def request_stop(self, folder: Path) -> None:
        """The program looks for this file after every SCF cycle."""
        (folder / STOP).touch()

    def withdraw_stop(self, folder: Path) -> None:
        """An old request must not stop a new start."""
        (folder / STOP).unlink(missing_ok=True)

    def checkpoint(self, folder: Path) -> Path | None:
        """The checkpoint that the program continues from by itself."""
        path = folder / CHECKPOINT
        return path if path.exists() else None

    def read_outputs(self, folder: Path, attempts: list[Attempt]) -> CalculationResult:
        """The result document; see `Engine.read_outputs`."""
        try:
            output = json.loads((folder / OUTPUT).read_text())
            system = System.model_validate_json((folder / SYSTEM).read_text())
            calculation = Calculation.model_validate_json((folder / CALCULATION).read_text())
            return self._result(folder, attempts, output, system, calculation)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise EngineError(
                f"{folder}: cannot read PySCF's output: {type(error).__name__}: {error}",
                "look at the pyscf.*.txt files there, or calculate again in a new folder",
            ) from error

    def _result(
        self,
        folder: Path,
        attempts: list[Attempt],
        output: dict[str, Any],
        system: System,
        calculation: Calculation,
    ) -> CalculationResult:
        last = attempts[-1].number if attempts else 0
        if output["attempt"] != last:
            raise EngineError(
                f"{folder}: {OUTPUT} is of attempt {output['attempt']}, the last one was {last}",
                "calculate again in a new folder",
            )
        if abs(output["electrons"] - output["expected_electrons"]) > 1e-6:
            raise EngineError(
                f"{folder}: PySCF counted {output['electrons']} electrons, the system has"
                f" {output['expected_electrons']} (charge {system.charge:+d})",
                "the charge was lost on the way: report this with the folder's input.json",
            )
        if calculation.kind == "relax" and output["max_force_ev_a"] > 1.001 * calculation.force_ev_a:
            raise EngineError(
                f"{folder}: the largest force is {output['max_force_ev_a']:.4f} eV/Å, not {calculation.force_ev_a}",
                "rerun with more max_steps",
            )
        provenance = Provenance(
            natrium=natrium_version(),
            engine=self.name,
            engine_version=output["engine_version"],
            implementation=output["implementation"],
            versions=output["versions"],
            datasets=output["datasets"],
            inputs_sha256={
                name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (SYSTEM, CALCULATION, INPUT)
            },
            host=socket.gethostname(),
            folder=str(folder),
        )
        shared = {name: value for name, value in output.items() if name in CalculationResult.model_fields}
        shared["orbitals"] = {
            name: _orbital(folder, name, facts, system) for name, facts in output["orbitals"].items()
        } or None
        shared["raw"] = output["raw"] | {"continued_from": output["continued_from"]}
        return CalculationResult(
            **shared,
            system=system.moved(output["positions_a"]),
            calculation=calculation,
            wall_time_s=sum(attempt.wall_time_s or 0.0 for attempt in attempts),
            attempts=attempts,
            provenance=provenance,
        )


def _orbital(folder: Path, name: str, facts: dict[str, Any], system: System) -> VolumetricFile:
    path = (folder / facts["file"]).absolute()
    return VolumetricFile(
        path=str(path),
        sha256=file_sha256(path),
        shape=facts["shape"],
        unit="Å^-3/2",
        cell_a=facts["cell_a"],
        origin_a=facts["origin_a"],
        kind=f"orbital {name}, spin {facts['spin']}, {facts['energy_ev']:.3f} eV; norm {facts['norm']:.4f} on the grid",
        name=system.label,
    )


def _usable_checkpoint(folder: Path | None, system: System) -> str | None:
    """The checkpoint of a finished calculation of the same electrons on the same elements.

    Geometry, basis and functional may differ: it is only where the SCF starts, and PySCF projects the orbitals.
    """
    if folder is None or not (folder / CHECKPOINT).exists() or not (folder / OUTPUT).exists():
        return None
    try:
        there = System.model_validate_json((folder / SYSTEM).read_text())
    except (OSError, ValueError):
        return None
    same = all(getattr(there, name) == getattr(system, name) for name in ("symbols", "charge", "multiplicity"))
    return str((folder / CHECKPOINT).absolute()) if same else None
