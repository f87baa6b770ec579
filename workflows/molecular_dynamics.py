"""Molecular dynamics with any calculator: integrators, starting velocities, and the steps. Runs on every MPI rank."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from ase import units
from ase.calculators.calculator import Calculator, all_changes
from ase.md.langevin import Langevin
from ase.md.nose_hoover_chain import NoseHooverChainNVT, NoseHooverChainThermostat
from ase.md.verlet import VelocityVerlet
from numpy.typing import NDArray

from natrium.workflows.dynamics_record import Moment, Record, reached

_CHAIN = ("_eta", "_p_eta")
"""The variables of ASE's Nosé–Hoover chain; it has no public names for them."""


class Progress(Protocol):
    """Reports and stop requests of a run."""

    step: int

    def report(self, force: bool = True, **facts: Any) -> None:
        """Say how far the run is."""

    def check_stop(self) -> None:
        """Stop here if asked to."""


class Remembering(Calculator):
    """Asks another calculator, and remembers what it said last: a continued run needs the same forces, bit by bit."""

    implemented_properties: ClassVar = ["energy", "free_energy", "forces"]

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Energies (eV) and forces (eV/Å) at the atoms' positions."""
        super().calculate(atoms, properties, system_changes)
        self.results = {
            "energy": float(self.inner.get_potential_energy(self.atoms)),
            "free_energy": float(self.inner.get_potential_energy(self.atoms, force_consistent=True)),
            "forces": np.array(self.inner.get_forces(self.atoms)),
        }

    def recall(self, moment: Moment, atoms: Any) -> None:
        """Know what was said at a step, without asking again."""
        self.atoms = atoms.copy()
        self.results = {
            "energy": moment.potential_ev,
            "free_energy": moment.free_energy_ev,
            "forces": np.array(moment.forces_ev_a),
        }


def run(
    atoms: Any,
    settings: dict[str, Any],
    before: Moment | None,
    folder: Path,
    progress: Progress,
    comm: Any,
    save_electrons: Callable[[int], str],
) -> None:
    """Move the atoms, step by step, until the last one.

    Args:
        atoms: With their calculator, whose electrons are those of `before`; otherwise as they are at step 0.
        settings: `md` of input.json.
        before: The last finished step of this folder, or of the run that this one continues; None: at step 0.
        folder: Of the run.
        progress: Of the run.
        comm: MPI communicator.
        save_electrons: Keeps the electrons of a step, and returns the name under which they are found again.
    """
    random = np.random.Generator(np.random.PCG64(settings["seed"]))
    atoms.calc = calculator = Remembering(atoms.calc)
    if before is None:
        atoms.set_momenta(maxwell_boltzmann(atoms, settings["temperature_k"], random))
    else:
        atoms.set_positions(before.positions_a, apply_constraint=False)
        atoms.set_momenta(before.momenta, apply_constraint=False)
        calculator.recall(before, atoms)
        random.bit_generator.state = before.random
    dynamics = integrator(atoms, settings, random, comm)
    thermostat = getattr(dynamics, "_thermostat", None)
    if before is not None and thermostat is not None:
        for name, values in before.thermostat.items():
            setattr(thermostat, name, np.array(values))
    record = Record(folder, comm)
    first, interrupted = _began(before, folder)

    def moment(step: int) -> Moment:
        free_energy_ev = float(atoms.get_potential_energy(force_consistent=True))
        conserved_ev = None
        if settings["ensemble"] != "langevin":
            conserved_ev = free_energy_ev + float(atoms.get_kinetic_energy())
            conserved_ev += thermostat.get_thermostat_energy() if thermostat is not None else 0.0
        return Moment(
            step=step,
            first_step=first,
            time_fs=step * settings["time_step_fs"],
            positions_a=atoms.get_positions().tolist(),
            momenta=atoms.get_momenta().tolist(),
            forces_ev_a=atoms.get_forces(apply_constraint=False).tolist(),
            potential_ev=float(atoms.get_potential_energy()),
            free_energy_ev=free_energy_ev,
            conserved_ev=conserved_ev,
            thermostat={name: getattr(thermostat, name).tolist() for name in _CHAIN if thermostat is not None},
            random=dict(random.bit_generator.state),
            electrons=save_electrons(step),
        )

    step = 0 if before is None else before.step
    last = first + settings["steps"]
    if before is None:
        progress.report(phase="moving", step=0, last_step=last)
        record.finish(moment(0), atoms)
    elif interrupted:
        record.complete(before, atoms)
    while step < last:
        progress.check_stop()
        progress.step = step = step + 1
        dynamics.step()
        record.finish(moment(step), atoms)
        progress.report(
            phase="moving",
            step=step,
            last_step=last,
            time_fs=step * settings["time_step_fs"],
            temperature_k=float(atoms.get_temperature()),
        )


def _began(before: Moment | None, folder: Path) -> tuple[int, bool]:
    """The step that the run in this folder begins or began from, and whether it was interrupted."""
    if before is None:
        return 0, False
    interrupted = reached(folder) is not None
    return (before.first_step if interrupted else before.step), interrupted


def maxwell_boltzmann(atoms: Any, temperature_k: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Random momenta of this temperature, √(eV·u); where no atom is fixed, the centre of mass stands still.

    The kinetic energy is that of the temperature exactly: of a few dozen atoms a random one would be off by tenths.
    """
    momenta = random.standard_normal((len(atoms), 3)) * np.sqrt(atoms.get_masses() * units.kB * temperature_k)[:, None]
    moving = atoms.copy()
    if not moving.constraints:
        masses = moving.get_masses()[:, None]
        momenta -= masses * momenta.sum(axis=0) / masses.sum()
    moving.set_momenta(momenta)
    scale = np.sqrt(temperature_k / moving.get_temperature()) if temperature_k > 0 else 0.0
    return np.array(moving.get_momenta() * scale)


def integrator(atoms: Any, settings: dict[str, Any], random: np.random.Generator, comm: Any) -> Any:
    """ASE's integrator for an ensemble: nve, langevin or nose-hoover."""
    step = settings["time_step_fs"] * units.fs
    damping = settings["thermostat_fs"] * units.fs
    temperature_k = settings["temperature_k"]
    if settings["ensemble"] == "nve":
        return VelocityVerlet(atoms, step)
    if settings["ensemble"] == "langevin":
        # fixcm: ASE's default, and deprecated; a fixed layer holds the slab already
        return Langevin(
            atoms, step, temperature_K=temperature_k, friction=1 / damping, fixcm=False, rng=random, comm=comm
        )
    return NoseHooverWithFixedAtoms(atoms, step, temperature_k, damping)


class NoseHooverWithFixedAtoms(NoseHooverChainNVT):
    """ASE 3.29 counts fixed atoms among those that it heats, and lets the forces on them feed the thermostat.

    With a quarter of the atoms fixed, 300 K would be 400 K at first, and less and less later.
    """

    def __init__(self, atoms: Any, step: float, temperature_k: float, damping: float) -> None:
        super().__init__(atoms, step, temperature_k, damping)
        self._thermostat = NoseHooverChainThermostat(
            atoms.get_number_of_degrees_of_freedom() / 3,
            masses=atoms.get_masses()[:, None],
            temperature_K=temperature_k,
            tdamp=damping,
        )

    def _get_forces(self) -> NDArray[np.float64]:
        self._update_atoms()
        return np.array(self.atoms.get_forces())
