"""Molecular dynamics without an engine: what ASE's integrators are made to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from moving_copper import copper, move, table

from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.molecular_dynamics import maxwell_boltzmann


def test_energy_is_conserved(tmp_path: Path) -> None:
    for ensemble in ("nve", "nose-hoover"):
        move(tmp_path / ensemble, ensemble=ensemble, steps=80)
        conserved = table(tmp_path / ensemble, "conserved_ev")
        kinetic = table(tmp_path / ensemble, "kinetic_ev")
        assert np.ptp(conserved) < 0.02 * np.ptp(kinetic), ensemble


@pytest.mark.parametrize("ensemble", ["langevin", "nose-hoover"])
def test_a_thermostat_keeps_its_temperature_with_fixed_atoms_too(ensemble: str, tmp_path: Path) -> None:
    """A quarter of the atoms is fixed: ASE's own Nosé–Hoover chain ends at half of the temperature here."""
    move(tmp_path / "run", ensemble=ensemble, steps=600, thermostat_fs=20.0, time_step_fs=4.0)
    assert table(tmp_path / "run", "temperature_k")[100:].mean() == pytest.approx(300, abs=40)


@pytest.mark.parametrize("fixed", [True, False])
def test_starting_velocities(fixed: bool) -> None:
    atoms = copper(fixed)
    momenta = maxwell_boltzmann(atoms, 300.0, np.random.Generator(np.random.PCG64(1)))
    again = maxwell_boltzmann(atoms, 300.0, np.random.Generator(np.random.PCG64(1)))
    other = maxwell_boltzmann(atoms, 300.0, np.random.Generator(np.random.PCG64(2)))
    atoms.set_momenta(momenta)
    assert atoms.get_temperature() == pytest.approx(300)
    assert (momenta == again).all()
    assert not np.allclose(momenta, other)
    if not fixed:
        assert momenta.sum(axis=0) == pytest.approx(0, abs=1e-10)
    assert not maxwell_boltzmann(atoms, 0.0, np.random.Generator(np.random.PCG64(1))).any()


DYNAMICS = Calculation(kind="md", mode="lcao", basis="dzp", grid_spacing_a=0.3, seed=1)


@pytest.mark.parametrize(
    ("symbols", "longest_fs"),
    [("OH", 1.1), ("CO", 1.5), ("NN", 1.4), ("NaF", 5.0), ("NaCl", 5.0), ("NaO", 1.5)],
)
def test_longest_time_step(symbols: str, longest_fs: float) -> None:
    pair = System.from_atoms(Atoms(symbols, [(0, 0, 0), (0, 0, 1.5)], cell=[9, 9, 9], pbc=True), label=symbols)
    DYNAMICS.model_copy(update={"time_step_fs": longest_fs}).check(pair)
    with pytest.raises(InputError, match=f"too long.*\n.*at most {longest_fs:g}"):
        DYNAMICS.model_copy(update={"time_step_fs": 1.01 * longest_fs}).check(pair)


def test_what_is_fixed_does_not_move() -> None:
    pair = System.from_atoms(Atoms("OH", [(0, 0, 0), (0, 0, 1)]), label="OH", charge=0, multiplicity=2)
    DYNAMICS.check(pair.model_copy(update={"fixed": (0,)}))
    with pytest.raises(InputError, match="nothing can move"):
        DYNAMICS.check(pair.model_copy(update={"fixed": (0, 1)}))
