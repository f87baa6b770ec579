"""Grimme's D3 on top of an engine's own energy and forces."""

from __future__ import annotations

from typing import Any


def with_dispersion(calc: Any, dispersion: dict[str, str] | None) -> Any:
    """GPAW alone, or GPAW plus Grimme's D3 (two-body, as in VASP's IVDW=11 and 12)."""
    if dispersion is None:
        return calc
    from ase.calculators.mixing import SumCalculator
    from dftd3.ase import DFTD3

    # atm: the three-body term of Axilrod, Teller and Muto
    d3 = DFTD3(damping=dispersion["damping"], params_tweaks={"method": dispersion["method"], "atm": False})
    return SumCalculator([calc, d3])
