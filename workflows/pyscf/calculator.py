"""PySCF as an ASE calculator: one SCF at each geometry, started from the one before."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.units import Bohr, Hartree

from natrium.structures.system import System
from natrium.workflows.pyscf.molecule import check_independence, molecule
from natrium.workflows.pyscf.progress import CHECKPOINT, Progress, trend

ORBITAL_GRADIENT = 3e-5
"""Convergence of the orbitals, Hartree: that of an SCF to PySCF's default of 1e-9 Hartree. A looser energy alone would
leave levels and forces uncertain."""
GRID_LEVEL = 4
"""Of the integration grid; PySCF's default is 3."""
CAVITY_SCALE = 1.2
"""Radii of the PCM cavity in van der Waals radii (Bondi's, hydrogen 1.1 Å), as in Q-Chem and PySCF."""
PCM_MODELS = {"iefpcm": "IEF-PCM", "cpcm": "C-PCM", "cosmo": "COSMO", "ssvpe": "SS(V)PE"}


class ScfNotConvergedError(Exception):
    """The allowed number of cycles was spent."""


class GaussianOrbitals(Calculator):
    """Energy (eV) and forces (eV/Å) of a molecule in a basis of Gaussian orbitals.

    Args:
        task: input.json.
        system: The System as it was given; positions come from the atoms.
        progress: Of the run.
        text: PySCF's own output.
        start_from: A checkpoint whose density serves as the start, or None.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def __init__(
        self, task: dict[str, Any], system: System, progress: Progress, text: Path, start_from: Path | None
    ) -> None:
        super().__init__()
        self.task = task
        self.system = system
        self.progress = progress
        self.start_from = start_from
        self.output = text.open("a")
        self.mean_field: Any = None
        self.continued_from: str | None = None

    def calculate(
        self,
        atoms: Any = None,
        properties: Any = ("energy",),
        system_changes: Any = all_changes,
    ) -> None:
        """SCF and forces at the atoms' positions; ASE's signature.

        Raises:
            ScfNotConvergedError: with whether the energy oscillated or went down too slowly.
            LinearDependencyError: at this geometry the basis is not independent.
        """
        super().calculate(atoms, properties, system_changes)
        mol = molecule(self.system.moved(self.atoms.positions), self.task["pyscf"]["basis"], verbose=4)
        mol.stdout = self.output
        check_independence(mol, self.system.label)
        mean_field = mean_field_of(mol, self.task["pyscf"])
        density = self._density(mean_field)
        mean_field.callback = self.progress.scf_cycle
        self.progress.energies_ev.clear()
        mean_field.kernel(dm0=density)
        self.output.flush()
        if not mean_field.converged:
            how = trend(self.progress.energies_ev)
            self.progress.report(trend=how)
            last_ev = self.progress.energies_ev[-1] - self.progress.energies_ev[-2:][0]
            raise ScfNotConvergedError(
                f"{len(self.progress.energies_ev)} cycles, {how}, last change of the energy {last_ev:.1e} eV"
            )
        self.mean_field = mean_field
        self.progress.check_stop()
        gradient = mean_field.nuc_grad_method()
        self.results = {
            "energy": float(mean_field.e_tot) * Hartree,
            # ghosts are no atoms: what pulls at their functions is no force
            "forces": -np.asarray(gradient.kernel())[: len(self.system.symbols)] * Hartree / Bohr,
        }
        self.output.flush()

    def _density(self, mean_field: Any) -> Any:
        """Density matrix to start from: of the geometry before, of a checkpoint, or None for PySCF's own guess."""
        if self.mean_field is not None:
            return self.mean_field.make_rdm1()
        own = self.progress.folder / CHECKPOINT
        for source in (own, self.start_from):
            if source is None or not source.exists():
                continue
            try:
                density = mean_field.init_guess_by_chkfile(str(source))
            except MemoryError:
                raise
            except Exception as error:  # one that cannot be read costs time, not the run
                print(f"cannot continue from {source}: {error!r}", file=sys.stderr)
                if source == own:
                    own.replace(own.with_name(f"checkpoint.unreadable-{int(own.stat().st_mtime)}.chk"))
                continue
            self.continued_from = str(source)
            return density
        return None


def mean_field_of(mol: Any, settings: dict[str, Any]) -> Any:
    """PySCF's mean-field object for the section `pyscf` of input.json."""
    from pyscf import dft, scf

    hartree_fock = settings["xc"] == "HF"
    kinds = (scf.RHF, scf.UHF) if hartree_fock else (dft.RKS, dft.UKS)
    mean_field = kinds[settings["spin_polarised"]](mol)
    if not hartree_fock:
        mean_field.xc = settings["xc"]
        mean_field.grids.level = GRID_LEVEL
    if settings["solvent"] is not None:
        mean_field = _in_solvent(mean_field, settings["solvent"], settings["epsilon"])
    mean_field.chkfile = None  # the checkpoint is ours: PySCF changes its file in place
    if settings.get("level_shift_ev"):
        mean_field.level_shift = settings["level_shift_ev"] / Hartree
        mean_field.damp = settings["damping"]
    if settings.get("second_order"):
        mean_field = mean_field.newton()
    mean_field.conv_tol = settings["energy_ev"] / Hartree
    mean_field.conv_tol_grad = ORBITAL_GRADIENT
    mean_field.max_cycle = settings["max_cycle"]
    return mean_field


def _in_solvent(mean_field: Any, model: str, epsilon: float) -> Any:
    from pyscf import solvent
    from pyscf.solvent import pcm

    if model == "ddcosmo":
        mean_field = solvent.ddCOSMO(mean_field)
    else:
        mean_field = solvent.PCM(mean_field)
        mean_field.with_solvent.method = PCM_MODELS[model]
        # said, and recorded, instead of left to the default
        mean_field.with_solvent.radii_table = CAVITY_SCALE * pcm.modified_Bondi
    mean_field.with_solvent.eps = epsilon
    return mean_field
