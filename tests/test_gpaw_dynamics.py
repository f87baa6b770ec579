"""Molecular dynamics with GPAW under supervision, killed and continued, for real."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import read
from gpaw_systems import isolated
from supervised import Saboteur, engines, outcomes, run, supervising, until

from natrium.hpc.supervise import CalculationStoppedError
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows.dynamics_record import SCALARS, TRAJECTORY, reached
from natrium.workflows.engine import engine
from natrium.workflows.gpaw.engine import GPAW
from natrium.workflows.gpaw.prediction import DensityPrediction

MD = {
    "kind": "md",
    "mode": "lcao",
    "basis": "sz(dzp)",
    "grid_spacing_a": 0.3,
    "smearing": "none",
    "energy_ev": 1e-4,
    "seed": 5,
    "steps": 30,
}
PW = {"kind": "md", "cutoff_ev": 150, "smearing": "none", "energy_ev": 1e-4, "seed": 5, "steps": 12}
LAYER = {"dipole_layer": True, "valence_electrons": {"Na": 1}, "steps": 8}

COARSE = {"potential_grid": "coarse"}


def hydrogen(periodic: bool = False) -> System:
    system = isolated(molecule("H2"), 1)
    return System.model_validate(system.model_dump() | {"pbc": (periodic,) * 3})


def polar_slab() -> System:
    atoms = Atoms("NaH", [(0, 0, 0), (0.2, 0.1, 1.9)], cell=[3.6, 3.6, 15.0], pbc=(True, True, False))
    atoms.center(axis=2)
    return System.from_atoms(atoms, "a layer of NaH", multiplicity=1)


def steps_of(folder: Path) -> tuple[list[int], list[int]]:
    frames = [int(frame.info["step"]) for frame in read(folder / TRAJECTORY, ":")]
    return frames, [int(line.split(",")[0]) for line in (folder / SCALARS).read_text().splitlines()[1:]]


def moment(folder: Path) -> dict[str, Any]:
    found = reached(folder)
    assert found is not None
    return found._asdict()


def kill_at(folder: Path, step: int) -> Any:
    def kill() -> None:
        until(lambda: GPAW().progress(folder).get("step", 0) >= step and engines(folder))
        os.kill(engines(folder)[0], signal.SIGKILL)

    return kill


@pytest.mark.parametrize(
    ("settings", "system"),
    [
        pytest.param(MD, hydrogen(), id="lcao"),
        pytest.param(PW, hydrogen(periodic=True), id="pw"),
        pytest.param(MD | {"ensemble": "langevin"}, hydrogen(), id="langevin"),
        pytest.param(MD | LAYER, polar_slab(), id="lcao with a dipole layer"),
        pytest.param(PW | LAYER | COARSE, polar_slab(), id="pw with a dipole layer and a coarse potential"),
    ],
)
def test_killed_five_times_ends_as_if_nothing_had_happened(
    settings: dict[str, Any], system: System, tmp_path: Path
) -> None:
    run(settings, system, tmp_path / "whole")
    at = sorted(random.sample(range(1, settings["steps"]), 5))

    def kill_often() -> None:
        for step in at:
            kill_at(tmp_path / "killed", step)()
            until(lambda: not engines(tmp_path / "killed"))

    with Saboteur(kill_often):
        result = run(settings, system, tmp_path / "killed")
    everything = list(range(settings["steps"] + 1))
    assert outcomes(tmp_path / "killed") == ["killed by signal 9"] * 5 + ["finished"], at
    assert steps_of(tmp_path / "killed") == (everything, everything), at
    whole, killed = moment(tmp_path / "whole"), moment(tmp_path / "killed")
    assert all(whole[name] == killed[name] for name in ("positions_a", "momenta", "forces_ev_a", "conserved_ev")), at
    assert result.dynamics is not None
    assert result.dynamics.quality.steps == settings["steps"]


def test_killed_in_parallel_agrees_to_rounding(tmp_path: Path) -> None:
    run(MD, hydrogen(), tmp_path / "whole", ranks=2)
    with Saboteur(kill_at(tmp_path / "killed", 9)):
        run(MD, hydrogen(), tmp_path / "killed", ranks=2)
    whole, killed = moment(tmp_path / "whole"), moment(tmp_path / "killed")
    assert outcomes(tmp_path / "killed") == ["killed by signal 9", "finished"]
    assert np.allclose(whole["positions_a"], killed["positions_a"], rtol=0, atol=1e-6)
    serial = moment_of_serial(tmp_path / "serial")
    assert np.allclose(whole["positions_a"], serial["positions_a"], rtol=0, atol=1e-3)


def moment_of_serial(folder: Path) -> dict[str, Any]:
    run(MD, hydrogen(), folder)
    return moment(folder)


def test_killed_with_its_supervisor_on_one_rank_more(tmp_path: Path, at_the_end: list[Any]) -> None:
    process = supervising(MD, hydrogen(), tmp_path, 1)
    at_the_end.append(process)
    until(lambda: GPAW().progress(tmp_path).get("step", 0) >= 8)
    process.kill()
    process.wait()
    until(lambda: not engines(tmp_path), 10)
    run(MD, hydrogen(), tmp_path, ranks=2)
    assert steps_of(tmp_path) == (list(range(31)), list(range(31)))


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize("damage", [Path.unlink, _torn, lambda path: path.write_bytes(b"")])
def test_electrons_that_a_crash_of_the_machine_tore_are_calculated_again(
    damage: Callable[[Path], object], tmp_path: Path
) -> None:
    def ask() -> None:
        until(lambda: GPAW().progress(tmp_path).get("step", 0) >= 5 and engines(tmp_path))
        GPAW().request_stop(tmp_path)

    with Saboteur(ask), pytest.raises(CalculationStoppedError):
        run(MD, hydrogen(), tmp_path)
    damage(tmp_path / f"{moment(tmp_path)['electrons']}.0.npz")
    run(MD, hydrogen(), tmp_path)
    assert outcomes(tmp_path)[1:] == ["finished"]
    assert steps_of(tmp_path) == (list(range(31)), list(range(31)))


def test_stops_when_it_is_asked_to_and_goes_on(tmp_path: Path) -> None:
    def ask() -> None:
        until(lambda: GPAW().progress(tmp_path / "asked").get("step", 0) >= 5 and engines(tmp_path / "asked"))
        GPAW().request_stop(tmp_path / "asked")

    with Saboteur(ask), pytest.raises(CalculationStoppedError):
        run(MD, hydrogen(), tmp_path / "asked")
    result = run(MD, hydrogen(), tmp_path / "asked")
    assert result.attempts[1].continued_from == "dynamics.json"
    assert moment_of_serial(tmp_path / "whole")["positions_a"] == moment(tmp_path / "asked")["positions_a"]


def test_segments_are_one_run(tmp_path: Path) -> None:
    run(MD, hydrogen(), tmp_path / "whole")
    first = run(MD | {"steps": 12}, hydrogen(), tmp_path / "first")
    second = run(MD | {"steps": 18}, first.system, tmp_path / "second", continue_from=tmp_path / "first")
    assert moment(tmp_path / "second")["positions_a"] == moment(tmp_path / "whole")["positions_a"]
    assert steps_of(tmp_path / "second")[0] == list(range(13, 31))
    assert second.dynamics is not None
    assert (second.dynamics.first_step, second.dynamics.last_step) == (12, 30)


def test_energy_is_conserved(tmp_path: Path) -> None:
    result = run(MD | {"basis": "dzp", "grid_spacing_a": 0.2, "density_e": 1e-6}, hydrogen(), tmp_path)
    assert result.dynamics is not None
    quality = result.dynamics.quality
    assert quality.noise_mev_atom is not None
    assert quality.noise_mev_atom < 1
    assert not quality.warnings


def test_a_coarse_potential_moves_forces_less_than_the_cutoff_does(tmp_path: Path) -> None:
    """Blöchl's correction on the grid of the density, against a potential on a finer one."""
    static = {"smearing": "none", "energy_ev": 1e-5, "dipole_layer": True, "valence_electrons": {"Na": 1}}
    forces = {
        name: np.array(run(static | changes, polar_slab(), tmp_path / name).forces_ev_a)
        for name, changes in {
            "coarse": COARSE | {"cutoff_ev": 350},
            "fine": {"cutoff_ev": 350},
            "converged": {"cutoff_ev": 700},
        }.items()
    }
    moved, cutoff = (np.abs(forces[name] - forces["fine"]).max() for name in ("coarse", "converged"))
    assert 0 < moved < 0.02
    assert moved < cutoff


def test_the_prediction_of_the_density_saves_iterations() -> None:
    import gpaw.dft

    iterations: dict[bool, list[int]] = {True: [], False: []}
    energies = []
    for predicted, counted in iterations.items():
        atoms = molecule("H2O", vacuum=2.5)
        atoms.calc = calc = gpaw.dft.GPAW(
            mode="lcao",
            basis="dzp",
            h=0.25,
            xc="PBE",
            symmetry="off",
            convergence={"density": 1e-5},
            txt=None,
            legacy_gpaw=False,
        )
        kept = DensityPrediction(calc) if predicted else None
        for _ in range(6):
            atoms.positions[1] += (0, 0.01, 0.01)
            energies.append(atoms.get_potential_energy())
            counted.append(calc.dft.scf_loop.niter)
        assert kept is None or kept.arrays()
    assert energies[5] == pytest.approx(energies[11], abs=1e-5)
    assert sum(iterations[True][3:]) < 0.6 * sum(iterations[False][3:])


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        (MD | {"seed": None}, "gpaw", "without a seed"),
        (MD | {"time_step_fs": 2.0}, "gpaw", "too long for its fastest vibrations"),
        ({"kind": "md", "mode": "gto", "basis": "sto-3g", "smearing": "none", "seed": 1}, "pyscf", "moves nothing"),
        (MD | {"keep_density": True}, "gpaw", "densities, charges or orbitals of a md calculation"),
        (MD | {"cell": "isotropic"}, "gpaw", "cell=isotropic in a md calculation"),
        (MD | COARSE, "gpaw", "potential_grid=coarse with mode lcao"),
        (PW | COARSE | {"kind": "relax", "cell": "full"}, "gpaw", "potential_grid=coarse with mode pw and cell=full"),
    ],
)
def test_refused_before_anything_runs(settings: dict[str, Any], name: str, words: str, tmp_path: Path) -> None:
    from natrium.workflows.calculation import Calculation

    with pytest.raises(InputError, match=words):
        engine(name).write_inputs(Calculation.model_validate(settings), hydrogen(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_does_not_go_on_from_the_motion_of_others(tmp_path: Path) -> None:
    run(MD | {"steps": 1}, hydrogen(), tmp_path / "first")
    with pytest.raises(InputError, match=r"not what the dynamics in .* ended with"):
        run(MD, hydrogen(), tmp_path / "second", continue_from=tmp_path / "first")
