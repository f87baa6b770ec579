"""PySCF as an engine: from a code-neutral Calculation to PySCF's settings, from its output to the result document."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.engine import Parallelism
from natrium.workflows.program import OUTPUT, SYSTEM
from natrium.workflows.program_engine import ProgramEngine
from natrium.workflows.pyscf.functionals import FUNCTIONALS
from natrium.workflows.pyscf.progress import CHECKPOINT

SOLVENTS = ("iefpcm", "cpcm", "ssvpe", "cosmo", "ddcosmo")
_D3 = {"d3-zero": "d3zero", "d3-bj": "d3bj"}
_FOREIGN: dict[str, str] = {
    "bands": "a basis has as many levels as functions",
    "valence_electrons": "there are no PAW datasets; a basis brings its own pseudopotential where it needs one",
    "density_e": "PySCF measures the gradient of the orbitals, which natrium converges to 3e-5 Hartree",
    "keep_density": "densities are kept by the engine gpaw",
    "charges": "charges are partitioned by the engine gpaw",
}
"""Words of a Calculation that PySCF does not carry out, and why."""


class PySCF(ProgramEngine):
    """PySCF 2.14, run as its own program of one process (natrium.workflows.pyscf.driver)."""

    name = "pyscf"
    title = "PySCF"
    electron_tolerance = 1e-6
    checkpoint_file = CHECKPOINT
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
        if calculation.solvent is not None and calculation.solvent not in SOLVENTS:
            raise InputError(
                f"solvent={calculation.solvent}: PySCF has no such continuum", f"use one of {', '.join(SOLVENTS)}"
            )
        if calculation.kind == "md":
            raise InputError(
                f"{system.label}: natrium moves nothing with PySCF", "use engine gpaw for molecular dynamics"
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
            try:
                import_module(package)
            except (ImportError, OSError) as error:
                if isinstance(error, ModuleNotFoundError) and error.name == package:
                    raise InputError(
                        f"the package {package} is not installed", "pip install 'natrium[pyscf]'"
                    ) from error
                raise InputError(
                    f"the package {package} is installed and cannot be imported: {error}",
                    "install it again: pip install --force-reinstall 'natrium[pyscf]'",
                ) from error
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
        self._write(folder, task, calculation, system)

    def _own(self, folder: Path, output: dict[str, Any], system: System, calculation: Calculation) -> dict[str, Any]:  # noqa: ARG002
        return {"raw": output["raw"] | {"continued_from": output["continued_from"]}}


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
