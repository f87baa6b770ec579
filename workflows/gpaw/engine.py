"""GPAW as an engine: from a code-neutral Calculation to GPAW's keywords, and from its output to the result document."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from ase.units import Bohr, Hartree

from natrium.analysis.volumetric import VolumetricData, VolumetricFile
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.dynamics_task import dynamics_task
from natrium.workflows.engine import EngineError, Parallelism
from natrium.workflows.frontier_orbitals import levels_needed
from natrium.workflows.gpaw.continuation import usable_checkpoint
from natrium.workflows.gpaw.datasets import FUNCTIONALS, Dataset, check_basis, choose
from natrium.workflows.gpaw.harvest import DENSITY, POTENTIAL
from natrium.workflows.gpaw.orbitals import check_orbitals
from natrium.workflows.gpaw.progress import CHECKPOINT
from natrium.workflows.gpaw.solvent import check_solvent, solvent_facts, solvent_keywords
from natrium.workflows.program_engine import ProgramEngine

_HYBRIDS = ("PBE0", "B3LYP", "HSE03", "HSE06", "EXX", "YS-PBE0")
_D3_FUNCTIONALS = ("PBE", "RPBE", "revPBE")
_D3 = {"d3-zero": "d3zero", "d3-bj": "d3bj"}
_OPEN_SPIN_MIXER = {"name": "pulay", "beta": 0.1, "nmaxold": 8, "weight": 100.0}
"""For spins that find their own moment. O2 on three layers of Na(110), 300 eV: 30 iterations; GPAW's default (MSR1)
wanders between states for more than 150, and with beta 0.2 Pulay's ends in one without a moment, 0.1 eV higher."""


class GPAW(ProgramEngine):
    """GPAW 26.7, run as its own MPI program (natrium.workflows.gpaw.driver)."""

    name = "gpaw"
    title = "GPAW"
    electron_tolerance = 1e-3
    checkpoint_file = CHECKPOINT
    orbital_kind = "PAW pseudo wave function of orbital"
    parallelism: Parallelism = "processes"

    def check(self, calculation: Calculation, system: System) -> None:
        """Refuse what GPAW cannot do, or does silently wrong."""
        calculation.check(system)
        if calculation.mode == "gto":
            raise InputError("mode=gto: GPAW has no Gaussian bases", "use engine pyscf, for molecules and ions")
        check_solvent(calculation, system)
        if calculation.functional in _HYBRIDS:
            raise InputError(
                f"functional {calculation.functional}: GPAW 26.7 is silently wrong with hybrids on a real-space grid,"
                " and natrium does not use its plane-wave hybrids",
                "use functional=PBE with GPAW, or engine pyscf for molecules",
            )
        if calculation.functional not in FUNCTIONALS:
            raise InputError(
                f"functional {calculation.functional}: there are no PAW datasets made for it",
                f"use one of {', '.join(FUNCTIONALS)}",
            )
        if calculation.dispersion and calculation.functional not in _D3_FUNCTIONALS:
            raise InputError(
                f"D3 has no parameters for functional {calculation.functional}",
                f"use one of {', '.join(_D3_FUNCTIONALS)}, or leave dispersion out",
            )
        if system.charge and any(system.pbc):
            raise InputError(
                f"{system.label}: the energy and the levels of charge {system.charge:+d} in a periodic cell depend on"
                " the cell and mean nothing",
                "use mode=fd or lcao with pbc (F, F, F), or make the cell neutral",
            )
        if calculation.cell != "fixed" and calculation.mode != "pw":
            raise InputError(f"GPAW has no stress in mode {calculation.mode}", "use mode=pw to relax the cell")
        if calculation.cutoff_ev is not None and calculation.grid_spacing_a is not None:
            _check_grid(calculation.cutoff_ev, calculation.grid_spacing_a)
        self._check_spin(calculation, system)
        chosen = choose(set(system.symbols), calculation.functional, calculation.valence_electrons)
        if calculation.basis is not None:
            check_basis(chosen, calculation.basis)
        occupied = _occupied(chosen, system)
        if not occupied:
            raise InputError(
                f"{system.label}: the PAW dataset leaves no electrons to calculate, all are in its core",
                "use engine pyscf, which has them, or leave it out",
            )
        check_orbitals(calculation, system, occupied)
        _, empty = levels_needed(calculation.keep_orbitals)
        if calculation.bands is not None and calculation.bands < occupied + empty:
            raise InputError(
                f"{system.label}: {calculation.bands} bands cannot hold its electrons"
                + (" and the empty orbitals to keep" if empty else ""),
                f"set bands to {occupied + empty} or more",
            )

    def _check_spin(self, calculation: Calculation, system: System) -> None:
        if calculation.spin_polarised and system.multiplicity is None and system.magnetic_moments is None:
            raise InputError(
                f"{system.label}: spin-polarised, but nothing says where the spins start, so they would stay zero",
                "give the system magnetic_moments or a multiplicity",
            )
        if not _polarised(calculation, system) or system.multiplicity is None:
            return
        moment = sum(_initial_moments(system))
        if abs(moment - (system.multiplicity - 1)) > 1e-6:
            raise InputError(
                f"{system.label}: magnetic_moments add up to {moment:g}, multiplicity {system.multiplicity} needs"
                f" {system.multiplicity - 1}",
                "correct one of them, or leave the multiplicity open for a metal",
            )
        if system.is_slab:
            raise InputError(
                f"{system.label}: a slab with a fixed multiplicity has two Fermi levels and no work function",
                "leave the multiplicity open and give magnetic_moments to start from",
            )

    def keywords(self, calculation: Calculation, system: System) -> dict[str, Any]:
        """GPAW's own keywords. Functional and k-points are always said: the defaults are LDA and Γ."""
        mode: dict[str, Any] = {"name": calculation.mode}
        if calculation.mode == "pw":
            mode["ecut"] = calculation.cutoff_ev
        polarised = _polarised(calculation, system)
        chosen = choose(set(system.symbols), calculation.functional, calculation.valence_electrons)
        width_ev = 0.0 if calculation.smearing == "none" else calculation.smearing_width_ev
        name = "fermi-dirac" if calculation.smearing == "none" else calculation.smearing
        occupations: dict[str, Any] = {"name": name, "width": width_ev}
        if name == "methfessel-paxton":
            occupations["order"] = 1
        if polarised and system.multiplicity is not None:
            occupations["fixmagmom"] = True
        convergence: dict[str, Any] = {"energy": {"name": "energy", "tol": calculation.energy_ev, "relative": False}}
        if calculation.density_e is not None:
            convergence["density"] = calculation.density_e
            # GPAW's own two criteria stand in this proportion: 1e-4 e and 4e-8 eV²
            convergence["eigenstates"] = 4e-4 * calculation.density_e
        occupied = _occupied(chosen, system)
        _, empty = levels_needed(calculation.keep_orbitals)
        if calculation.smearing == "none" and calculation.kind == "static" and calculation.mode != "lcao":
            # iterative eigensolvers converge occupied bands only; the lowest empty one is a result too
            convergence["bands"] = occupied + max(empty, 1)
        keywords: dict[str, Any] = {
            "mode": mode,
            "xc": calculation.functional,
            "kpts": {"size": list(calculation.kpoints), "gamma": calculation.gamma_centred},
            "occupations": occupations,
            "spinpol": polarised,
            "charge": system.charge,
            "convergence": convergence,
            "maxiter": calculation.max_scf_iterations,
            "setups": {symbol: dataset.name for symbol, dataset in chosen.items() if dataset.name},
            **solvent_keywords(calculation, system),
        }
        if calculation.grid_spacing_a is not None:
            keywords["h"] = calculation.grid_spacing_a
        if calculation.basis is not None:
            keywords["basis"] = calculation.basis
        if calculation.bands is not None:
            keywords["nbands"] = calculation.bands
        elif empty:
            keywords["nbands"] = "nao" if calculation.mode == "lcao" else _bands(occupied, empty)
        if polarised and system.multiplicity is None:
            keywords["mixer"] = dict(_OPEN_SPIN_MIXER)
        if calculation.kind == "md":
            keywords["symmetry"] = "off"
        elif system.fixed:
            # A slab with one side fixed relaxes away from its mirror plane, and GPAW would refuse the step. The same
            # in all kinds: a calculation with other keywords does not start from the relaxation's density.
            held = set(system.fixed)
            keywords["symmetry"] = {"extra_ids": [int(atom in held) for atom in range(len(system.symbols))]}
        poisson_solver: dict[str, Any] = {"dipolelayer": "xy"} if calculation.dipole_layer else {}
        if calculation.potential_grid == "coarse":
            poisson_solver["fast"] = True
        if poisson_solver:
            keywords["poissonsolver"] = poisson_solver
        return keywords

    def write_inputs(
        self, calculation: Calculation, system: System, folder: Path, continue_from: Path | None = None
    ) -> None:
        """Write system.json, calculation.json (what was asked for) and input.json (what GPAW is told)."""
        self.check(calculation, system)
        keywords = self.keywords(calculation, system)
        dispersion = calculation.dispersion and {
            "method": calculation.functional,
            "damping": _D3[calculation.dispersion],
        }
        task: dict[str, Any] = {
            "kind": calculation.kind,
            "gpaw": keywords,
            "dispersion": dispersion,
            "relax": {
                "cell": calculation.cell,
                "force_ev_a": calculation.force_ev_a,
                "max_steps": calculation.max_steps,
            },
            "md": dynamics_task(calculation, system, continue_from) if calculation.kind == "md" else None,
            "magnetic_moments": _initial_moments(system) if keywords["spinpol"] else None,
            "keep_density": _keeps_density(calculation),
            "keep_orbitals": list(calculation.keep_orbitals),
        }
        task["start_from"] = usable_checkpoint(continue_from, task, system)
        self._write(folder, task, calculation, system)

    def _own(self, folder: Path, output: dict[str, Any], system: System, calculation: Calculation) -> dict[str, Any]:
        return {
            "electrostatic_potential_ev": np.load(folder / POTENTIAL)
            if system.is_slab and calculation.kind != "md"
            else None,
            "density": _density(folder, output, system, calculation) if _keeps_density(calculation) else None,
            "raw": {
                **{name: output[name] for name in ("gpaw_work_functions_ev", "continued_from")},
                "solvent": solvent_facts(calculation, system),
            },
        }


def _keeps_density(calculation: Calculation) -> bool:
    return calculation.keep_density or calculation.charges


def _density(folder: Path, output: dict[str, Any], system: System, calculation: Calculation) -> VolumetricFile:
    """The file of the density of all electrons, once its integral has been checked."""
    path = folder / DENSITY
    data = VolumetricData(np.load(path, mmap_mode="r"), np.array(output["cell_a"]), system.label, calculation.cutoff_ev)
    if abs(data.integral_e - system.electrons) > 1e-3:
        raise EngineError(
            f"{path}: the density has {data.integral_e:.4f} electrons, the system {system.electrons}",
            "calculate again in a new folder",
        )
    return VolumetricFile.of(path, data, "density of all electrons, cores included, spins added up")


def _check_grid(cutoff_ev: float, spacing_a: float) -> None:
    coarsest_a = math.pi / math.sqrt(2 * cutoff_ev / Hartree) * Bohr  # two points in the shortest plane wave
    if spacing_a > coarsest_a:
        raise InputError(
            f"grid_spacing_a={spacing_a:g} is too coarse for plane waves to {cutoff_ev:g} eV",
            f"set grid_spacing_a to {math.floor(100 * coarsest_a) / 100:g} or less, or leave it out",
        )


def _initial_moments(system: System) -> list[float]:
    if system.magnetic_moments is not None:
        return list(system.magnetic_moments)
    return [((system.multiplicity or 1) - 1) / len(system.symbols)] * len(system.symbols)


def _bands(occupied: int, empty: int) -> int:
    """Bands for so many empty levels: GPAW's default number has no more of them than bound partial waves.

    The highest bands converge slowly, so there are some above those that count.
    """
    return max(math.ceil(1.2 * occupied) + 4, occupied + empty + 3)


def _polarised(calculation: Calculation, system: System) -> bool:
    return calculation.is_polarised(system.multiplicity, system.magnetic_moments is not None)


def _occupied(chosen: dict[str, Dataset], system: System) -> int:
    """Bands that hold electrons in the spin channel that has more of them."""
    electrons = sum(chosen[symbol].valence for symbol in system.symbols) - system.charge
    return (electrons + (system.multiplicity or 1)) // 2
