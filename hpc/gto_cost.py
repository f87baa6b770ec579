"""A model of what a molecule in Gaussian orbitals costs, as threads of one process calculate it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from ase.data import atomic_numbers

from natrium.structures.ion_complexes import ION_RADII_A
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation

# Fitted to H2O, FEC and FEC-Na+ in B3LYP (18 to 172 functions), PySCF 2.14 on one core of a 2.6 GHz server: see
# tests/test_estimate_gto.py. Seconds are for each atom and each pair of functions: the points of the integration grid
# grow with the atoms, and on each point all pairs of functions meet.
_CYCLE_S = 1.0e-5
_INTEGRALS_S = 3.0e-5
"""All integrals, once, before the first cycle."""
_INTEGRALS_ANEW_S = 1.3e-5
"""Those that matter, in each cycle, where memory does not hold them all."""
_GRADIENT_S = 1.5e-4
_START_S = 2.0
_CYCLES = 12
_POLARISED = 1.6
_IN_SOLVENT = 1.8
"""FEC in IEF-PCM: the charges on the cavity meet all pairs of functions too, in each cycle and in the gradient."""
_GEOMETRIES, _GEOMETRIES_WITH_ION = 12, 25
"""Of a relaxation, the first Hessian included: an ion finds its place slowly. A molecule of few atoms takes no more
geometries than it has atoms."""
_IONS = frozenset(symbol for symbol, _ in ION_RADII_A)
_THREADS = 0.7
"""Speed grows with this power of the number of threads: 1.6 times with two (FEC, 104 functions)."""

_START_MB = 135
_FUNCTION_MB, _GRID_MB = 7.5, 4000
"""Functions on a block of grid points; PySCF makes the blocks smaller where that exceeds its limit."""
_INTEGRALS_MB = 3800
"""PySCF keeps the integrals below this, of its default limit of 4000 MB."""


@dataclass(frozen=True)
class GaussianSize:
    """What the cost of a calculation in Gaussian orbitals depends on."""

    atoms: int
    bands: int
    """Functions: a basis has as many levels."""
    factor: float
    geometries: int
    kpoints: int = 1

    core: ClassVar[str] = "thread"
    """What runs on one core."""

    @classmethod
    def of(
        cls,
        calculation: Calculation,
        symbols: Sequence[str],
        _cell_a: Sequence[Sequence[float]],
        polarised: bool,
        _kpoints: int,
    ) -> GaussianSize:
        """The size of a calculation, with one or both spins; the functional makes no difference.

        Raises:
            InputError: PySCF has no such basis, or none for one of the elements.
        """
        holds_ion = len(symbols) > 1 and not _IONS.isdisjoint(symbols)
        relaxation = _GEOMETRIES_WITH_ION if holds_ion else min(_GEOMETRIES, len(symbols))
        return cls(
            atoms=len(symbols),
            bands=sum(_functions(symbol, str(calculation.basis)) for symbol in symbols),
            factor=(_POLARISED if polarised else 1.0) * (_IN_SOLVENT if calculation.solvent else 1.0),
            geometries=relaxation if calculation.kind == "relax" else 1,
        )

    @property
    def words(self) -> str:
        """The basis as people say it."""
        return f"{self.bands} functions"

    def wall_time_s(self, threads: int) -> float:
        """Wall time with so many threads, s.

        Geometries × atoms × functions² × (integrals + cycles + gradient); integrals that memory does not hold are made
        anew in each cycle.
        """
        integrals_s = _INTEGRALS_S if self._integrals_mb() else _CYCLES * _INTEGRALS_ANEW_S
        a_pair_s = integrals_s + _CYCLES * _CYCLE_S + _GRADIENT_S
        alone_s = self.factor * self.geometries * self.atoms * self.bands**2 * a_pair_s
        return float(_START_S + alone_s / threads**_THREADS)

    def processes(self, threads: int) -> int:  # noqa: ARG002 (the word of `natrium.hpc.cost_model.Size`)
        """How many processes so many cores hold: one."""
        return 1

    def memory_per_rank_mb(self, threads: int) -> float:
        """The share of one of so many threads in the resident size of their process, MB."""
        return (_START_MB + min(self.bands * _FUNCTION_MB, _GRID_MB) + self._integrals_mb()) / threads

    def _integrals_mb(self) -> float:
        """What the integrals take, 8 bytes for one of eight that symmetry makes equal; 0 where they are not kept."""
        all_mb = self.bands**4 / 1e6
        return all_mb if all_mb < _INTEGRALS_MB else 0.0


@lru_cache(maxsize=256)
def _functions(symbol: str, basis: str) -> int:
    """Basis functions of an atom."""
    from natrium.workflows.pyscf.molecule import molecule

    nowhere = (0.0, 0.0, 0.0)
    atom = System(
        label=symbol,
        symbols=(symbol,),
        positions_a=(nowhere,),
        cell_a=(nowhere,) * 3,
        pbc=(False, False, False),
        multiplicity=1 + int(atomic_numbers[symbol]) % 2,
    )
    return int(molecule(atom, basis).nao)
