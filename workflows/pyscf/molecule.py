"""From a System to PySCF's molecule; doubts about basis, electrons and geometry are raised before a calculation."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from natrium.structures.errors import InputError, NatriumError
from natrium.structures.system import System

LINEAR_DEPENDENCY = 1e-6
"""Smallest eigenvalue of the overlap matrix. PySCF drops what is below it: energies would be of another basis."""
_SHORTEST_DISTANCE_A = 0.4


class LinearDependencyError(NatriumError):
    """Basis functions of neighbouring atoms are so much alike that PySCF would drop some of them without a word."""


def molecule(system: System, basis: str, **settings: Any) -> Any:
    """PySCF's molecule: spherical functions, no symmetry, the pseudopotential that belongs to the basis.

    Args:
        system: An isolated system; its ghosts come after its atoms.
        basis: Name of the basis: 6-311+G(d,p).
        settings: Further arguments of pyscf.gto.M, such as output.

    Raises:
        InputError: no such basis, or none for one of the elements.
    """
    from pyscf import gto

    ghosts = [(f"GHOST-{symbol}", position_a) for symbol, position_a in system.ghosts]
    lent = {f"GHOST-{symbol}": _functions(symbol, basis, system.label) for symbol, _ in system.ghosts}
    try:
        return gto.M(
            atom=[*zip(system.symbols, system.positions_a, strict=True), *ghosts],
            unit="Angstrom",
            basis={symbol: _functions(symbol, basis, system.label) for symbol in set(system.symbols)} | lent,
            ecp={symbol: core for symbol in set(system.symbols) if (core := _core(symbol, basis))},
            charge=system.charge,
            spin=(system.multiplicity or 1) - 1,
            symmetry=False,
            **{"verbose": 0} | settings,
        )
    except RuntimeError as error:  # PySCF's own word on electrons and spin
        raise InputError(
            f"{system.label}: PySCF refuses it: {error}", "correct the charge or the multiplicity"
        ) from None


def check_molecule(system: System, basis: str) -> None:
    """Refuse a molecule that PySCF would calculate as something else.

    Raises:
        InputError: unknown basis, lost electrons, atoms on top of each other, linear dependency.
    """
    positions = np.array(system.positions_a)
    if len(positions) > 1:
        distances = np.linalg.norm(positions[:, None] - positions, axis=2) + np.diag([np.inf] * len(positions))
        i, j = (int(index) for index in np.unravel_index(distances.argmin(), distances.shape))
        if distances[i, j] < _SHORTEST_DISTANCE_A:
            raise InputError(
                f"{system.label}: atoms {i} ({system.symbols[i]}) and {j} ({system.symbols[j]}) are"
                f" {distances[i, j]:.2f} Å apart",
                "correct the geometry: positions are in Å",
            )
    mol = molecule(system, basis)
    if mol.nelectron != expected_electrons(mol, system):
        raise InputError(
            f"{system.label}: PySCF counts {mol.nelectron} electrons, the system has {expected_electrons(mol, system)}",
            "correct the charge or the multiplicity",
        )
    try:
        check_independence(mol, system.label)
    except LinearDependencyError as error:
        raise InputError(error.problem, error.remedy) from None


def expected_electrons(mol: Any, system: System) -> int:
    """Electrons of the system without those in the pseudopotentials of the basis."""
    return system.electrons - sum(int(mol.atom_nelec_core(index)) for index in range(mol.natm))


def check_independence(mol: Any, label: str) -> None:
    """Refuse a basis from which PySCF would drop functions.

    Raises:
        LinearDependencyError: an eigenvalue of the overlap matrix is too small.
    """
    eigenvalues = np.linalg.eigvalsh(mol.intor_symmetric("int1e_ovlp"))
    few = int((eigenvalues < LINEAR_DEPENDENCY).sum())
    if few:
        raise LinearDependencyError(
            f"{label}: {few} of {len(eigenvalues)} basis functions depend on the others (smallest eigenvalue of the"
            f" overlap {eigenvalues[0]:.1e})",
            "a basis with fewer diffuse functions; look at the distances of the atoms too",
        )


def _functions(symbol: str, basis: str, label: str) -> Any:
    """The functions of a basis."""
    from pyscf import gto

    try:
        return _quietly(gto.basis.load, basis, symbol)
    except (RuntimeError, KeyError, OSError):  # as it comes: PySCF also looks for files of such a name
        raise InputError(
            f"{label}: PySCF has no basis {basis!r} for {symbol}",
            "write the basis in full: 6-311+G(d,p), def2-TZVP, aug-cc-pVDZ; or use one that has this element",
        ) from None


def _core(symbol: str, basis: str) -> Any:
    """The pseudopotential that a basis was made for; PySCF would put all electrons into its valence functions."""
    from pyscf import gto

    try:
        return _quietly(gto.basis.load_ecp, basis, symbol)
    except RuntimeError:  # a basis of all electrons
        return None


def _quietly(load: Callable[[str, str], Any], basis: str, symbol: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PySCF advertises another package for what it does not know
        return load(basis, symbol)
