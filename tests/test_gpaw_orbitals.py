"""Orbitals and levels of molecules in GPAW: symmetry, nodes, norms, energies, and where they lie in space."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from numpy.typing import NDArray

from natrium.analysis.volumetric import VolumetricFile
from natrium.analysis.volumetric_files import write_orbital_cube
from natrium.hpc.engine_job import Launch
from natrium.hpc.supervise import supervise
from natrium.structures.errors import InputError, NatriumError
from natrium.structures.system import System
from natrium.workflows.calculation import Calculation
from natrium.workflows.gpaw.engine import GPAW
from natrium.workflows.result import CalculationResult

FD = {"mode": "fd", "grid_spacing_a": 0.3, "smearing": "none"}
LCAO = {"mode": "lcao", "basis": "dzp", "grid_spacing_a": 0.3, "smearing": "none"}


def in_box(atoms: Atoms, multiplicity: int = 1, edges_a: tuple[float, float, float] = (4.8, 5.4, 6.0)) -> System:
    atoms.set_cell(edges_a)
    atoms.center()
    return System.from_atoms(atoms, atoms.get_chemical_formula(), multiplicity=multiplicity)


def hydrogen() -> System:
    """Along z, its middle on a grid point; x and y differ, so that no level is degenerate."""
    return in_box(molecule("H2"))


def lithium_hydride() -> System:
    """Li below, H above, away from the middle of the cell."""
    atoms = Atoms("LiH", positions=[(3.3, 2.9, 3.3), (3.3, 2.9, 4.9)], cell=(6.0, 6.6, 7.2))
    return System.from_atoms(atoms, "LiH", multiplicity=1)


def lithium() -> System:
    """One valence electron."""
    return in_box(Atoms("Li"), 2, (6.0, 6.0, 6.0))


def oxygen() -> System:
    return in_box(molecule("O2"), 3)


def periodic() -> System:
    return System.from_atoms(bulk("Na", "bcc", a=4.2), "bulk Na")


# --- what GPAW is told, and what is refused --------------------------------------------------------------------------

BANDS: dict[str, tuple[dict[str, Any], int | None, int | str | None]] = {
    "homo alone": (FD | {"keep_orbitals": ("homo",)}, 2, None),
    "lumo": (FD | {"keep_orbitals": ("homo", "lumo")}, 2, 6),
    "lumo+4": (FD | {"keep_orbitals": ("lumo+4",)}, 6, 9),
    "as many as were asked for": (FD | {"keep_orbitals": ("lumo+1",), "bands": 4}, 3, 4),
    "atomic orbitals give all levels": (LCAO | {"keep_orbitals": ("lumo+1",)}, None, "nao"),
}


@pytest.mark.parametrize("case", BANDS)
def test_bands_for_empty_orbitals(case: str) -> None:
    """H2 has one occupied band."""
    settings, converged, bands = BANDS[case]
    calculation = Calculation.model_validate(settings)
    GPAW().check(calculation, hydrogen())
    keywords = GPAW().keywords(calculation, hydrogen())
    assert (keywords["convergence"].get("bands"), keywords.get("nbands")) == (converged, bands)


REFUSALS: dict[str, tuple[dict[str, Any], Callable[[], System], str]] = {
    "periodic": (FD | {"keep_orbitals": ("homo",)}, periodic, "is periodic"),
    "plane waves": (
        {"mode": "pw", "cutoff_ev": 300, "smearing": "none", "keep_orbitals": ("homo",)},
        hydrogen,
        "mode pw: levels in plane waves",
    ),
    "smeared": (FD | {"smearing": "fermi-dirac", "keep_orbitals": ("lumo",)}, hydrogen, "partly filled"),
    "below the lowest": (FD | {"keep_orbitals": ("homo-1",)}, hydrogen, "1 occupied levels"),
    "too few bands": (FD | {"keep_orbitals": ("lumo+1",), "bands": 2}, hydrogen, "set bands to 3"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refuses(case: str) -> None:
    settings, build, words = REFUSALS[case]
    with pytest.raises(InputError, match=words):
        GPAW().check(Calculation.model_validate(settings), build())


# --- GPAW for real ---------------------------------------------------------------------------------------------------

CASES: dict[str, tuple[dict[str, Any], Callable[[], System], int]] = {
    "grid": (FD | {"keep_orbitals": ("homo", "lumo", "lumo+1")}, hydrogen, 1),
    "grid on two ranks": (FD | {"keep_orbitals": ("homo", "lumo", "lumo+1")}, hydrogen, 2),
    "atomic orbitals": (LCAO | {"keep_orbitals": ("homo", "lumo")}, hydrogen, 1),
    "atomic orbitals on two ranks": (LCAO | {"keep_orbitals": ("homo", "lumo")}, hydrogen, 2),
    "LiH": (FD | {"keep_orbitals": ("homo", "lumo")}, lithium_hydride, 1),
    "Li": (FD | {"keep_orbitals": ("homo", "lumo")}, lithium, 1),
    "Li, a rank for each spin": (FD | {"keep_orbitals": ("homo", "lumo")}, lithium, 2),
    "O2": (LCAO | {"keep_orbitals": ("homo", "lumo")}, oxygen, 1),
    "relaxed Li": (FD | {"kind": "relax"}, lithium, 1),
}


@pytest.fixture(scope="module")
def calculated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], CalculationResult]:
    """The result of a case; each is calculated once."""
    results: dict[str, CalculationResult] = {}

    def result(case: str) -> CalculationResult:
        if case not in results:
            settings, build, ranks = CASES[case]
            folder = tmp_path_factory.mktemp("orbitals")
            calculation = Calculation.model_validate(settings)
            results[case] = supervise(GPAW(), calculation, build(), folder, launch=Launch(ranks=ranks))
        return results[case]

    return result


Calculated = Callable[[str], CalculationResult]


def orbital(result: CalculationResult, name: str) -> tuple[VolumetricFile, NDArray[np.float64]]:
    assert result.orbitals is not None
    file = result.orbitals[name]
    return file, np.array(file.values())


def norm(file: VolumetricFile, values: NDArray[np.float64]) -> float:
    return float((values**2).sum() * abs(np.linalg.det(np.array(file.cell_a))) / values.size)


@pytest.mark.gpaw
@pytest.mark.parametrize("case", ["grid", "grid on two ranks", "atomic orbitals", "atomic orbitals on two ranks"])
def test_hydrogen(case: str, calculated: Calculated) -> None:
    """σ is even about the middle of the bond, σ* odd with its node there; they are orthogonal."""
    result = calculated(case)
    homo_file, homo = orbital(result, "homo")
    lumo_file, lumo = orbital(result, "lumo")
    assert homo == pytest.approx(homo[:, :, ::-1], abs=1e-4)
    extremes = sorted(np.abs([homo.min(), homo.max()]))
    assert extremes[0] < 1e-3 * extremes[1]  # no node
    assert lumo == pytest.approx(-lumo[:, :, ::-1], abs=2e-2 * np.abs(lumo).max())
    x, y, z = (n // 2 for n in lumo.shape)
    axis = lumo[x, y]
    assert abs(axis[z]) < 0.01 * np.abs(axis).max()
    assert np.count_nonzero(np.diff(np.sign(np.delete(axis, z)))) == 1
    assert abs((homo * lumo).sum()) < 0.01 * (homo**2).sum()
    for name, file, values in (("homo", homo_file, homo), ("lumo", lumo_file, lumo)):
        assert norm(file, values) == pytest.approx(1, abs=0.1)
        assert f"norm {norm(file, values):.4f} on the grid" in file.kind
        assert f"pseudo wave function of orbital {name}, spin both" in file.kind
        assert file.unit == "Å^-3/2"


@pytest.mark.gpaw
@pytest.mark.parametrize("case", [case for case in CASES if case != "relaxed Li"])
def test_energies_are_those_of_the_levels(case: str, calculated: Calculated) -> None:
    result = calculated(case)
    assert result.levels is not None
    occupied = [e for spin in result.levels for e, f in zip(spin.energies_ev, spin.occupations, strict=True) if f > 0.5]
    empty = [e for spin in result.levels for e, f in zip(spin.energies_ev, spin.occupations, strict=True) if f < 0.5]
    assert (result.homo_ev, result.lumo_ev) == (max(occupied), min(empty))
    for name, energy_ev in (("homo", result.homo_ev), ("lumo", result.lumo_ev)):
        assert f"{energy_ev:.3f} eV" in orbital(result, name)[0].kind
    assert sum(sum(spin.occupations) for spin in result.levels) == pytest.approx(result.electrons)
    # GPAW's own table of levels, printed with three decimals
    text = (Path(result.provenance.folder) / "gpaw.1.txt").read_text()
    for energy_ev in (result.homo_ev, result.lumo_ev):
        assert f" {energy_ev:.3f}" in text


@pytest.mark.gpaw
@pytest.mark.parametrize(
    ("one", "two", "names", "shared"),
    [
        ("grid", "grid on two ranks", ("homo", "lumo", "lumo+1"), "domain: 2"),
        ("atomic orbitals", "atomic orbitals on two ranks", ("homo", "lumo"), "domain: 2"),
        ("Li", "Li, a rank for each spin", ("homo",), "kpt:    2"),  # its 2p may point anywhere
    ],
)
def test_ranks_do_not_change_them(
    one: str, two: str, names: tuple[str, ...], shared: str, calculated: Calculated
) -> None:
    assert shared in (Path(calculated(two).provenance.folder) / "gpaw.1.txt").read_text()
    for name in names:
        (file, alone), (other, together) = orbital(calculated(one), name), orbital(calculated(two), name)
        assert (file.shape, file.origin_a, file.cell_a) == (other.shape, other.origin_a, other.cell_a)
        # the sign means nothing
        assert together**2 == pytest.approx(alone**2, abs=2e-3 * (alone**2).max())


@pytest.mark.gpaw
@pytest.mark.parametrize("case", ["grid", "atomic orbitals"])
def test_continued_from_a_checkpoint(case: str, calculated: Calculated, tmp_path: Path) -> None:
    first = calculated(case)
    settings, build, _ = CASES[case]
    before = Path(first.provenance.folder)
    again = supervise(GPAW(), Calculation.model_validate(settings), build(), tmp_path, before, Launch(ranks=1))
    assert again.raw["continued_from"] == str(before / "checkpoint.gpw")
    for name in ("homo", "lumo"):
        (_, there), (_, here) = orbital(first, name), orbital(again, name)
        assert here**2 == pytest.approx(there**2, abs=2e-3 * (there**2).max())


@pytest.mark.gpaw
def test_spin_without_electrons(calculated: Calculated) -> None:
    result = calculated("Li")
    assert result.levels is not None
    up, down = result.levels
    assert (up.occupations, down.occupations) == ([pytest.approx(1), 0], [0, 0])
    assert (result.homo_ev, result.lumo_ev) == (up.energies_ev[0], min(up.energies_ev[1], down.energies_ev[0]))


@pytest.mark.gpaw
def test_triplet(calculated: Calculated) -> None:
    """The hole of O2: both frontier orbitals are π*, the occupied one of spin up, the empty one of spin down."""
    result = calculated("O2")
    assert result.levels is not None
    up, down = result.levels
    assert (up.spin, down.spin, up.first, down.first) == ("up", "down", 1, 1)
    assert (sum(up.occupations), sum(down.occupations)) == (pytest.approx(7), pytest.approx(5))
    assert (result.homo_ev, result.lumo_ev) == (up.energies_ev[6], down.energies_ev[5])
    for name, spin in (("homo", "up"), ("lumo", "down")):
        file, values = orbital(result, name)
        assert f"orbital {name}, spin {spin}" in file.kind
        x, y, _ = (n // 2 for n in values.shape)
        # nothing of it on the axis; odd about the middle of the bond, which makes it antibonding
        assert np.abs(values[x, y]).max() < 1e-3 * np.abs(values).max()
        assert values == pytest.approx(-values[:, :, ::-1], abs=1e-3 * np.abs(values).max())
        assert values == pytest.approx(-values[::-1, ::-1, :], abs=1e-3 * np.abs(values).max())


@pytest.mark.gpaw
def test_relaxation_lists_occupied_levels(calculated: Calculated) -> None:
    """The empty ones are not converged."""
    result = calculated("relaxed Li")
    assert result.levels is not None
    assert [len(spin.energies_ev) for spin in result.levels] == [1, 0]
    assert (result.homo_ev, result.lumo_ev) == (pytest.approx(calculated("Li").homo_ev, abs=0.01), None)
    assert result.orbitals is None


@pytest.mark.gpaw
def test_lies_where_the_atoms_are(calculated: Calculated, tmp_path: Path) -> None:
    """The bond of LiH is on its hydrogen, its lowest empty orbital behind the lithium; read back from cube files."""
    from ase.io.cube import read_cube

    result = calculated("LiH")
    lithium_a, hydrogen_a = np.array(result.system.positions_a)
    centre = {}
    for name in ("homo", "lumo"):
        file, values = orbital(result, name)
        with write_orbital_cube(tmp_path / f"{name}.cube", file, result.system).open() as cube:
            read = read_cube(cube)
        assert read["atoms"].positions == pytest.approx(np.array(result.system.positions_a), abs=1e-5)
        density = read["datas"][0] ** 2
        points = np.stack(np.meshgrid(*map(np.arange, density.shape), indexing="ij"), axis=-1) @ read["spacing"]
        centre[name] = np.einsum("ijk,ijkv->v", density, points + read["origin"]) / density.sum()
        # cube files are in Bohr
        element_bohr3 = abs(np.linalg.det(read["spacing"])) / 0.529177210544**3
        assert density.sum() * element_bohr3 == pytest.approx(norm(file, values), abs=1e-4)
    # on the axis of the molecule; a grid that is one spacing off would put it 0.3 Å away
    assert centre["homo"][:2] == pytest.approx(hydrogen_a[:2], abs=0.06)
    assert abs(centre["homo"][2] - hydrogen_a[2]) < 0.5
    assert centre["lumo"][2] < lithium_a[2] - 0.3


@pytest.mark.gpaw
def test_grid_ends_at_the_walls(calculated: Calculated) -> None:
    """The first and the last point are one spacing inside the cell."""
    result = calculated("grid")
    file, _ = orbital(result, "homo")
    assert result.grid is not None
    steps_a = np.diag(np.array(result.system.cell_a)) / result.grid
    assert np.array(file.shape) == pytest.approx(np.array(result.grid) - 1)
    assert file.origin_a == pytest.approx(steps_a)
    assert np.array(file.origin_a) + np.diag(np.array(file.cell_a)) == pytest.approx(np.diag(result.system.cell_a))


@pytest.mark.gpaw
def test_basis_without_such_an_orbital(tmp_path: Path) -> None:
    """H2 has ten functions in dzp, one level occupied: lumo+8 is the last."""
    calculation = Calculation.model_validate(LCAO | {"keep_orbitals": ("lumo+8", "lumo+9")})
    with pytest.raises(NatriumError, match=r"no orbital lumo\+9"):
        supervise(GPAW(), calculation, hydrogen(), tmp_path, launch=Launch(ranks=1))
    facts = json.loads((tmp_path / "failure.1.json").read_text())
    assert facts["message"].startswith("there is no orbital lumo+9")
    assert (tmp_path / "orbital-lumo+8.npy").exists()


def test_levels_of_an_ion_do_not_depend_on_its_box(tmp_path: Path) -> None:
    """The potential of its charge goes on beyond the walls; the empty 3s is wide and still feels them."""
    levels = []
    for edge_a in (8.0, 11.0):
        atoms = Atoms("Na", cell=(edge_a,) * 3)
        atoms.center()
        system = System.from_atoms(atoms, f"Na+ in {edge_a:g} Å", charge=1, multiplicity=1)
        folder = tmp_path / f"{edge_a:g}"
        folder.mkdir()
        settings = Calculation.model_validate(FD | {"grid_spacing_a": 0.25})
        levels.append(supervise(GPAW(), settings, system, folder, launch=Launch(1)))
    small, large = levels
    assert small.homo_ev == pytest.approx(large.homo_ev, abs=0.02)
    assert small.lumo_ev == pytest.approx(large.lumo_ev, abs=0.06)
    assert large.lumo_ev is not None
    assert large.lumo_ev < 0
