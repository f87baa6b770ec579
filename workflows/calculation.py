"""The code-neutral specification of one calculation: what is asked of an engine, in the words of the field."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from natrium.structures.errors import InputError
from natrium.structures.system import System

KPoints = tuple[PositiveInt, PositiveInt, PositiveInt]
OrbitalName = Annotated[str, Field(pattern=r"^(homo(-[1-9])?|lumo(\+[1-9])?)$")]
"""An orbital counted from the gap."""

LONGEST_TIME_STEP_FS = {"H": 1.1, "C": 1.5, "N": 1.4, "O": 1.5}
"""A tenth of the shortest period of an element's bonds: X–H 11 fs; N≡N 14 fs; C≡O 15 fs."""
_LONGEST_TIME_STEP_ELSE_FS = 5.0
"""A tenth of the lattice vibrations of NaF."""


class Calculation(BaseModel):
    """One calculation on one `System`. Every engine understands these words or refuses them by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["static", "relax", "md"] = Field(
        "static", description="A single point, a geometry relaxation, or molecular dynamics"
    )
    functional: str = Field("PBE", description="Exchange-correlation functional")
    mode: Literal["pw", "fd", "lcao", "gto"] = Field(
        "pw", description="Plane waves, real-space grid, a basis of atomic orbitals, or one of Gaussian orbitals"
    )
    cutoff_ev: PositiveFloat | None = Field(None, description="Plane-wave cutoff energy, eV (mode pw)")
    grid_spacing_a: PositiveFloat | None = Field(
        None,
        description="Real-space grid spacing, Å (modes fd and lcao); in mode pw the density's, None leaves it to the"
        " engine",
    )
    basis: str | None = Field(
        None, description="Basis set of atomic orbitals: dzp (mode lcao), 6-311+G(d,p) (mode gto)"
    )
    kpoints: KPoints = Field((1, 1, 1), description="k-point grid")
    gamma_centred: bool = Field(True, description="Whether the k-point grid includes Γ")
    smearing: Literal["fermi-dirac", "methfessel-paxton", "marzari-vanderbilt", "none"] = Field(
        "fermi-dirac", description="Occupation of the levels around the Fermi level"
    )
    smearing_width_ev: PositiveFloat = Field(0.1, description="Smearing width, eV")
    spin_polarised: bool | None = Field(None, description="None: only where the multiplicity is not 1")
    dispersion: Literal["d3-zero", "d3-bj"] | None = Field(
        None, description="Grimme's D3 with zero or Becke-Johnson damping"
    )
    solvent: Literal["iefpcm", "cpcm", "ssvpe", "cosmo", "ddcosmo", "held-walter"] | None = Field(
        None,
        description="Implicit solvent: the model of the continuum (held-walter: GPAW, the others: PySCF)",
    )
    epsilon: float | None = Field(None, gt=1, description="Relative permittivity of the solvent; FEC 107, EC 90")
    dipole_layer: bool = Field(False, description="Dipole layer in the vacuum of a slab, so that its sides decouple")
    potential_grid: Literal["fine", "coarse"] = Field(
        "fine",
        description="Grid of the electrostatic potential (mode pw); coarse: the density's own, with Blöchl's correction"
        " near the nuclei: faster",
    )
    valence_electrons: dict[str, PositiveInt] = Field(
        default_factory=dict,
        description="Valence electrons of the PAW dataset, where not the engine's default: {Na: 1}",
    )
    bands: PositiveInt | None = Field(None, description="Number of bands; None leaves it to the engine")
    energy_ev: PositiveFloat = Field(1e-5, description="SCF convergence of the total energy, eV")
    density_e: PositiveFloat | None = Field(
        None, description="SCF convergence of the density, e for each valence electron; None leaves it to the engine"
    )
    max_scf_iterations: PositiveInt = Field(200, description="SCF iterations before the run counts as not converging")
    force_ev_a: PositiveFloat = Field(0.02, description="Relaxation ends when no force is larger, eV/Å")
    max_steps: PositiveInt = Field(100, description="Relaxation steps before it counts as not converging")
    cell: Literal["fixed", "isotropic", "full"] = Field("fixed", description="Which part of the cell is relaxed too")
    steps: PositiveInt = Field(100, description="Steps of molecular dynamics")
    time_step_fs: PositiveFloat = Field(0.5, description="Time step, fs; 0.5 is right where there is hydrogen")
    ensemble: Literal["nve", "langevin", "nose-hoover"] = Field(
        "nve", description="Constant energy, random forces and friction, or a chain of three Nosé–Hoover thermostats"
    )
    temperature_k: NonNegativeFloat = Field(
        300.0, description="Temperature of the starting velocities, and of the thermostat, K"
    )
    thermostat_fs: PositiveFloat = Field(
        100.0,
        description="Time in which a thermostat acts, fs: the inverse of the friction, or the chain's period / 2π",
    )
    seed: int | None = Field(None, ge=0, description="Of the starting velocities and the random forces; md needs one")
    keep_density: bool = Field(
        False, description="Keep the density of all electrons, for density differences (static only)"
    )
    charges: bool = Field(False, description="Partition the density among the atoms: Bader, Hirshfeld (static only)")
    keep_orbitals: tuple[OrbitalName, ...] = Field(
        (), description="Orbitals of a molecule to keep on a grid: homo, lumo, homo-1, lumo+1 … (static only)"
    )

    @model_validator(mode="after")
    def _is_complete(self) -> Calculation:
        needed, foreign = {
            "pw": ("cutoff_ev", ("basis",)),
            "fd": ("grid_spacing_a", ("cutoff_ev", "basis")),
            "lcao": ("basis", ("cutoff_ev",)),
            "gto": ("basis", ("cutoff_ev", "grid_spacing_a")),
        }[self.mode]
        if getattr(self, needed) is None:
            raise InputError(f"mode {self.mode} needs {needed}", f"set {needed}, or choose another mode")
        for name in foreign:
            if getattr(self, name) is not None:
                raise InputError(f"{name}={getattr(self, name)} means nothing in mode {self.mode}", f"leave {name} out")
        if self.potential_grid != "fine" and (self.mode != "pw" or self.cell != "fixed"):
            raise InputError(
                f"potential_grid={self.potential_grid} with mode {self.mode} and cell={self.cell}",
                "use potential_grid=fine, or mode=pw in a fixed cell",
            )
        if self.cell != "fixed" and self.kind != "relax":
            raise InputError(f"cell={self.cell} in a {self.kind} calculation", "use kind=relax, or cell=fixed")
        if self.kind == "md" and self.seed is None:
            raise InputError("molecular dynamics without a seed", "set seed: the same one gives the same motion again")
        if self.kind != "static" and (self.keep_density or self.charges or self.keep_orbitals):
            raise InputError(
                f"densities, charges or orbitals of a {self.kind} calculation",
                "ask for them in the static one that follows it",
            )
        if (self.solvent is None) != (self.epsilon is None):
            raise InputError(
                f"solvent={self.solvent} with epsilon={self.epsilon}: the model and the permittivity belong together",
                "give both: solvent=iefpcm and epsilon=107 for FEC (EC 90, water 78.4); or neither",
            )
        return self

    @property
    def method(self) -> dict[str, object]:
        """The settings that must agree between calculations whose energies are subtracted."""
        names = ("functional", "mode", "cutoff_ev", "grid_spacing_a", "basis", "smearing", "smearing_width_ev")
        others = ("potential_grid", "dispersion", "valence_electrons", "solvent", "epsilon")
        return {name: getattr(self, name) for name in (*names, *others)}

    def is_polarised(self, multiplicity: int | None, has_moments: bool) -> bool:
        """Whether both spins are calculated, for a system of this multiplicity."""
        return (multiplicity not in (None, 1) or has_moments) if self.spin_polarised is None else self.spin_polarised

    def check(self, system: System) -> None:
        """Refuse what cannot be right for this system.

        Raises:
            InputError: dynamics of nothing or with too long a time step, k-points along a direction without
                periodicity, a dipole layer without a slab, a relaxed cell without three periodic directions, ghosts
                without Gaussian functions, a spin-paired open shell.
        """
        for axis, points, periodic in zip("xyz", self.kpoints, system.pbc, strict=True):
            if points > 1 and not periodic:
                raise InputError(
                    f"{system.label}: {points} k-points along {axis}, where the system is not periodic",
                    f"use kpoints with 1 along {axis}",
                )
        if self.dipole_layer and not system.is_slab:
            raise InputError(
                f"{system.label}: a dipole layer needs a slab with pbc (T, T, F)", "set dipole_layer=false"
            )
        if self.cell != "fixed" and not all(system.pbc):
            raise InputError(
                f"{system.label}: its cell cannot be relaxed, it is not periodic everywhere", "use cell=fixed"
            )
        if system.ghosts and (self.mode != "gto" or self.kind != "static" or self.solvent is not None):
            raise InputError(
                f"{system.label}: ghosts lend Gaussian functions, in static calculations without a solvent (mode"
                f" {self.mode}, kind {self.kind}, solvent {self.solvent or 'none'})",
                "leave the ghosts out: a grid or plane waves have no superposition error; a cavity would hold them too",
            )
        if self.kind == "md":
            self._check_dynamics(system)
        if self.spin_polarised is False and system.multiplicity not in (None, 1):
            raise InputError(
                f"{system.label}: multiplicity {system.multiplicity} cannot be spin-paired", "leave spin_polarised out"
            )

    def _check_dynamics(self, system: System) -> None:
        if len(system.fixed) == len(system.symbols):
            raise InputError(f"{system.label}: all its atoms are fixed, nothing can move", "free some of them")
        longest_fs = min(LONGEST_TIME_STEP_FS.get(symbol, _LONGEST_TIME_STEP_ELSE_FS) for symbol in set(system.symbols))
        if self.time_step_fs > longest_fs:
            raise InputError(
                f"{system.label}: time_step_fs={self.time_step_fs:g} is too long for its fastest vibrations",
                f"use at most {longest_fs:g}; 0.5 is usual where there is hydrogen",
            )
