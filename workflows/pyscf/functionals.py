"""Functionals that natrium runs with PySCF, and what PySCF is told: its own shorthand is not always what it seems."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Functional:
    """A functional in PySCF's words (exchange, correlation), and the dampings for which D3 has parameters."""

    words: str
    dispersion: tuple[str, ...] = ("d3-zero", "d3-bj")


FUNCTIONALS = {
    # PySCF's LDA is Slater exchange without any correlation; GPAW's has that of Perdew and Wang
    "LDA": Functional("LDA,PW", ()),
    "PBE": Functional("PBE,PBE"),
    "RPBE": Functional("RPBE,PBE"),
    "revPBE": Functional("PBE_R,PBE"),
    "BLYP": Functional("B88,LYP"),
    "TPSS": Functional("TPSS,TPSS"),
    "PBE0": Functional("PBE0"),
    # Gaussian's B3LYP (VWN's fit to the random-phase approximation), whatever PySCF's own settings say
    "B3LYP": Functional("B3LYPG"),
    "CAM-B3LYP": Functional("CAM-B3LYP"),
    "HSE06": Functional("HSE06"),
    "M06-2X": Functional("M06-2X", ("d3-zero",)),
    "HF": Functional("HF"),
}
"""By natrium's name. Double hybrids and functionals with a dispersion of their own (ωB97X-D, ωB97M-V) are left out:
PySCF takes the names of some of them and leaves that part away."""
