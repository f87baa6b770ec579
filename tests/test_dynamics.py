"""Molecular dynamics without an engine: what ASE's integrators are made to do, and what kills leave behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import fcc110
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.io import read
from ase.parallel import world

from natrium.analysis.dynamics import judge_dynamics
from natrium.structures.errors import InputError
from natrium.structures.system import System
from natrium.workflows import dynamics_record, molecular_dynamics
from natrium.workflows.calculation import Calculation
from natrium.workflows.dynamics_record import SCALARS, STATE, TRAJECTORY, Moment, reached
from natrium.workflows.molecular_dynamics import maxwell_boltzmann

SETTINGS = {
    "steps": 12,
    "time_step_fs": 2.0,
    "ensemble": "nve",
    "temperature_k": 300.0,
    "thermostat_fs": 50.0,
    "seed": 7,
}


class Watch:
    """Progress that ends a run when it is told to."""

    def __init__(self, stop_before: int | None = None) -> None:
        self.step = 0
        self.stop_before = stop_before

    def report(self, force: bool = True, **facts: Any) -> None:
        pass

    def check_stop(self) -> None:
        if self.step + 1 == self.stop_before:
            raise InterruptedError


class Forgetful(EMT):
    """EMT whose neighbour list does not depend on where the atoms were before: the order of a sum is its last bit."""

    def calculate(self, atoms: Any, properties: Any, system_changes: Any) -> None:  # noqa: ARG002
        super().calculate(atoms, properties, all_changes)


def copper(fixed: bool = True) -> Atoms:
    atoms = fcc110("Cu", (2, 2, 4), vacuum=6.0)
    atoms.calc = Forgetful()
    if fixed:
        atoms.set_constraint(FixAtoms(mask=atoms.get_tags() == 4))
    return atoms


def move(folder: Path, before: Moment | None = None, watch: Watch | None = None, **settings: Any) -> Atoms:
    folder.mkdir(exist_ok=True)
    atoms = copper()
    moment = before or reached(folder)
    molecular_dynamics.run(atoms, SETTINGS | settings, moment, folder, watch or Watch(), world, lambda step: f"e{step}")
    return atoms


def steps_of(folder: Path) -> tuple[list[int], list[int]]:
    """In the trajectory, and in the table."""
    frames = [int(frame.info["step"]) for frame in read(folder / TRAJECTORY, ":")]
    rows = [int(line.split(",")[0]) for line in (folder / SCALARS).read_text().splitlines()[1:]]
    return frames, rows


def table(folder: Path, column: str) -> np.ndarray:
    lines = [line.split(",") for line in (folder / SCALARS).read_text().splitlines()]
    return np.array([float(line[lines[0].index(column)]) for line in lines[1:]])


@pytest.mark.parametrize("ensemble", ["nve", "langevin", "nose-hoover"])
@pytest.mark.parametrize("cut", [1, 2, 7, 12])
def test_interrupted_and_continued_is_the_same_to_the_last_bit(ensemble: str, cut: int, tmp_path: Path) -> None:
    whole = move(tmp_path / "whole", ensemble=ensemble)
    with pytest.raises(InterruptedError):
        move(tmp_path / "cut", watch=Watch(cut), ensemble=ensemble)
    parts = move(tmp_path / "cut", ensemble=ensemble)
    assert (whole.positions == parts.positions).all()
    assert (whole.get_momenta() == parts.get_momenta()).all()
    assert steps_of(tmp_path / "cut") == (list(range(13)), list(range(13)))
    assert (tmp_path / "cut" / SCALARS).read_text() == (tmp_path / "whole" / SCALARS).read_text()


@pytest.mark.parametrize("ensemble", ["nve", "langevin", "nose-hoover"])
def test_segments_are_one_run(ensemble: str, tmp_path: Path) -> None:
    whole = move(tmp_path / "whole", ensemble=ensemble)
    move(tmp_path / "first", ensemble=ensemble, steps=5)
    second = move(tmp_path / "second", before=reached(tmp_path / "first"), ensemble=ensemble, steps=7)
    assert (whole.positions == second.positions).all()
    assert steps_of(tmp_path / "second") == (list(range(6, 13)), list(range(6, 13)))
    third = reached(tmp_path / "second")
    assert third is not None
    assert (third.step, third.first_step, third.time_fs) == (12, 5, 24.0)


def _torn_line(folder: Path) -> None:
    with (folder / SCALARS).open("a") as file:
        file.write("7,14.0,-3.")


def _no_last_line(folder: Path) -> None:
    lines = (folder / SCALARS).read_text().splitlines(keepends=True)
    (folder / SCALARS).write_text("".join(lines[:-1]))


def _no_last_frame(folder: Path) -> None:
    frames = read(folder / TRAJECTORY, ":")
    (folder / TRAJECTORY).unlink()
    from ase.io import write

    write(folder / TRAJECTORY, frames[:-1])


def _neither(folder: Path) -> None:
    _no_last_frame(folder)
    _no_last_line(folder)


@pytest.mark.parametrize("damage", [_torn_line, _no_last_line, _no_last_frame, _neither])
def test_what_a_kill_between_two_writes_leaves_is_completed(damage: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        move(tmp_path / "run", watch=Watch(7))
    damage(tmp_path / "run")
    move(tmp_path / "run")
    assert steps_of(tmp_path / "run") == (list(range(13)), list(range(13)))
    whole = move(tmp_path / "whole")
    assert read(tmp_path / "run" / TRAJECTORY, "6").positions == pytest.approx(
        read(tmp_path / "whole" / TRAJECTORY, "6").positions, abs=0
    )
    assert (read(tmp_path / "run" / TRAJECTORY).positions == whole.positions).all()


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:11])


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [Path.unlink, _nothing, _torn, _half])
@pytest.mark.parametrize("name", [SCALARS, TRAJECTORY])
def test_a_kill_while_the_first_step_is_written(name: str, damage: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(InterruptedError):
        move(tmp_path / "run", watch=Watch(1))
    damage(tmp_path / "run" / name)
    move(tmp_path / "run")
    assert steps_of(tmp_path / "run") == (list(range(13)), list(range(13)))
    assert (tmp_path / "run" / SCALARS).read_text().startswith("step,time_fs")


def test_a_kill_before_the_state_is_written_costs_that_step_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = dynamics_record.replace_text

    def die(path: Path, text: str) -> None:
        if path.name == STATE and json.loads(text)["step"] == 9:
            raise KeyboardInterrupt
        original(path, text)

    with monkeypatch.context() as patched:
        patched.setattr(dynamics_record, "replace_text", die)
        with pytest.raises(KeyboardInterrupt):
            move(tmp_path / "run")
    assert steps_of(tmp_path / "run")[0] == list(range(9))
    move(tmp_path / "run")
    assert steps_of(tmp_path / "run") == (list(range(13)), list(range(13)))


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


TIMES = np.arange(2001) * 0.5


@pytest.mark.parametrize(
    ("conserved", "temperatures", "thermostat_k", "said"),
    [
        pytest.param(-80 + 0 * TIMES, 300 + 0 * TIMES, 300.0, [], id="sound"),
        pytest.param(-80 + 34e-5 * TIMES, 300 + 0 * TIMES, 300.0, ["drifts by +10.0"], id="just too much"),
        pytest.param(-80 - 33e-5 * TIMES, 300 + 0 * TIMES, 300.0, [], id="just not"),
        pytest.param(-80 + 0 * TIMES, 600 + 0 * TIMES, 300.0, ["mean temperature is 600 K"], id="too hot"),
        pytest.param(-80 + 0 * TIMES, 600 + 0 * TIMES, None, [], id="hot without a thermostat"),
        pytest.param(None, 300 + 0 * TIMES, 300.0, [], id="nothing conserved"),
    ],
)
def test_judgement(
    conserved: np.ndarray | None, temperatures: np.ndarray, thermostat_k: float | None, said: list[str]
) -> None:
    if conserved is not None and said and "drifts" in said[0]:
        conserved = conserved + 1e-6 * TIMES
    quality = judge_dynamics(
        TIMES,
        conserved,
        temperatures,
        atoms=34,
        degrees_of_freedom=78,
        thermostat_k=thermostat_k,
        thermostat_fs=50.0,
    )
    assert len(quality.warnings) == len(said)
    assert all(text in warning for text, warning in zip(said, quality.warnings, strict=True))
    assert (quality.drift_mev_atom_ps is None) == (conserved is None)


def test_a_short_run_cannot_show_that_its_thermostat_is_wrong() -> None:
    quality = judge_dynamics(
        TIMES[:100],
        None,
        600 + 0 * TIMES[:100],
        atoms=34,
        degrees_of_freedom=78,
        thermostat_k=300.0,
        thermostat_fs=50.0,
    )
    assert not quality.warnings
    assert quality.time_fs == 49.5
