"""What each format may say besides, and everything about a trajectory that is refused."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trajectory_samples as samples
from ase.io import read
from trajectory_samples import SYMBOLS

from natrium.analysis.trajectory import Block
from natrium.analysis.trajectory_files import open_trajectory
from natrium.structures.errors import InputError

XDATCAR_HEAD = "cell\n 1.0\n 4 0 0\n 0 5 0\n 0 0 6\n Na O\n 1 1\n"
ATOMS = " 0.10 0.20 0.30\n 0.50 0.60 0.70\n"
MOVED = " 0.11 0.20 0.30\n 0.50 0.60 0.70\n"
POSITIONS_A = np.array([[0.4, 1.0, 1.8], [2.0, 3.0, 4.2]])


def configuration(number: int | str, atoms: str = ATOMS) -> str:
    return f"Direct configuration={number!s:>6}\n{atoms}"


def xyz(*frames: tuple[str, str], atoms: int = 2) -> str:
    return "".join(f"{atoms}\n{comment}\n{rows}" for comment, rows in frames)


FIRST, SECOND = "Na 0.4 1.0 1.8\nO 2.0 3.0 4.2\n", "Na 0.5 1.0 1.8\nO 2.0 3.0 4.2\n"


def snapshot(
    step: object = 0,
    columns: str = "id type element x y z",
    rows: str = "1 1 Na 0.4 1.0 1.8\n2 2 O 2.0 3.0 4.2\n",
    box: str = "pp pp ff\n0 4\n0 5\n0 6\n",
    before: str = "",
    atoms: object = 2,
) -> str:
    return (
        f"{before}ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{atoms}\n"
        f"ITEM: BOX BOUNDS {box}ITEM: ATOMS {columns}\n{rows}"
    )


def first_block(path: Path, content: str, **settings: Any) -> tuple[tuple[str, ...], Block]:
    path.write_text(content)
    trajectory = open_trajectory(path, **settings)
    return trajectory.symbols, next(iter(trajectory.blocks()))


def of_types(one: int | str = "Na", other: int | str = "O", **settings: Any) -> str:
    return snapshot(rows=f"1 1 {one} 0.4 1.0 1.8\n2 2 {other} 2.0 3.0 4.2\n", **settings)


NAMELESS = {"columns": "id type x y z", "rows": "2 2 2.0 3.0 4.2\n1 1 0.4 1.0 1.8\n"}
STEP = {"time_step_fs": 0.5}

ACCEPTED: dict[str, tuple[str, dict[str, Any], list[float]]] = {
    "XDATCAR": (XDATCAR_HEAD + configuration(1) + configuration(2, MOVED), STEP, [0.0, 0.5]),
    "NBLOCK = 10": (XDATCAR_HEAD + configuration(10) + configuration(20, MOVED), STEP, [4.5, 9.5]),
    "from step 1000000 on": (
        XDATCAR_HEAD
        + configuration(999989)
        + configuration(999999)
        + configuration("******")
        + configuration("******"),
        STEP,
        [499994.0, 499999.0, 500004.0, 500009.0],
    ),
    "blank lines at the end": (XDATCAR_HEAD + configuration(1) + "\n \n\n", STEP, [0.0]),
    "no comment": (XDATCAR_HEAD.replace("cell", "") + configuration(1), STEP, [0.0]),
    "names of POTCARs and their hashes": (
        XDATCAR_HEAD.replace("Na O", "Na_pv O_h/0a1b") + configuration(1),
        STEP,
        [0.0],
    ),
    "labels": (XDATCAR_HEAD + configuration(1, " 0.1 0.2 0.3 Na\n 0.5 0.6 0.7 O\n"), STEP, [0.0]),
    "scale": (
        XDATCAR_HEAD.replace(" 1.0", " 2.0").replace("4 0 0\n 0 5 0\n 0 0 6", "2 0 0\n 0 2.5 0\n 0 0 3")
        + configuration(1),
        STEP,
        [0.0],
    ),
    "time_fs": (xyz(("time_fs=3.0", FIRST), ("time_fs=3.5", SECOND)), {}, [3.0, 3.5]),
    "time, and a step that agrees": (xyz(("time=3.0", FIRST), ("time=3.5", SECOND)), STEP, [3.0, 3.5]),
    "CP2K": (
        xyz(
            (" i =        0, time =        0.000, E =  -1.1", FIRST),
            (" i =        1, time =        0.500, E =  -1.2", SECOND),
        ),
        {},
        [0.0, 0.5],
    ),
    "another time": (xyz(("wall_time=7 cpu-time=3", FIRST), ("wall_time=9", SECOND)), STEP, [0.0, 0.5]),
    "atomic numbers": (xyz(("", "11 0.4 1.0 1.8\n8 2.0 3.0 4.2\n")), STEP, [0.0]),
    "small letters": (xyz(("", "NA 0.4 1.0 1.8\no 2.0 3.0 4.2\n")), STEP, [0.0]),
    "charges behind": (xyz(("", "Na 0.4 1.0 1.8 0.9\nO 2.0 3.0 4.2 -0.9\n")), STEP, [0.0]),
    "columns in another order": (
        xyz(("Properties=id:I:1:pos:R:3:Z:I:1", "1 0.4 1.0 1.8 11\n2 2.0 3.0 4.2 8\n")),
        STEP,
        [0.0],
    ),
    "LAMMPS": (snapshot(0) + snapshot(20), STEP, [0.0, 10.0]),
    "types named": (snapshot(**NAMELESS), STEP | {"symbols": ["Na", "O"]}, [0.0]),
    "types named where LAMMPS wrote C": (of_types("C", "C"), STEP | {"symbols": ["Na", "O"]}, [0.0]),
    "types named as the dump does": (of_types(), STEP | {"symbols": ["Na", "O"]}, [0.0]),
    "metal": (
        snapshot(0, before="ITEM: UNITS\nmetal\nITEM: TIME\n0.002\n") + snapshot(9, before="ITEM: TIME\n0.0025\n"),
        {},
        [2.0, 2.5],
    ),
    "real": (snapshot(0, before="ITEM: UNITS\nreal\nITEM: TIME\n2.0\n"), {}, [2.0]),
    "any box": (snapshot(box="abc origin pp pp ff\n0 4 0 1\n5 0 0 2\n0 0 6 3\n"), STEP, [0.0]),
    "vasprun and its own step": (samples.vasprun(3), STEP, [0.0, 0.5, 1.0]),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(tmp_path: Path, case: str) -> None:
    content, settings, times_fs = ACCEPTED[case]
    symbols, block = first_block(tmp_path / "run", content, **settings)
    assert block.times_fs.tolist() == pytest.approx(times_fs)
    if not case.startswith("vasprun"):
        assert symbols == ("Na", "O")
        assert block.positions_a[0] == pytest.approx(POSITIONS_A)


def test_numbers_that_touch(tmp_path: Path) -> None:
    glued = configuration(1, "-0.10000000-0.20000000 12.30000000\n  0.50000000-10.60000000-10.70000000\n")
    _, block = first_block(tmp_path / "XDATCAR", XDATCAR_HEAD + glued, **STEP)
    assert block.positions_a[0] == pytest.approx(np.array([[-0.4, -1.0, 73.8], [2.0, -53.0, -64.2]]))


@pytest.mark.parametrize("columns", ["x y z", "xu yu zu", "xs ys zs", "xsu ysu zsu"])
def test_columns_of_lammps(tmp_path: Path, columns: str) -> None:
    symbols, block = first_block(
        tmp_path / "dump", samples.lammps(columns, elements=False), symbols=["C", "F", "Na", "O"], time_step_fs=0.05
    )
    assert symbols == SYMBOLS
    known_a = samples.ORIGIN_A + samples.positions_a(samples.CELLS_A)
    assert block.positions_a == pytest.approx(known_a, abs=1e-8)
    assert block.cells_a == pytest.approx(samples.CELLS_A, abs=1e-10)


@pytest.mark.parametrize(("xy", "xz", "yz"), list(product((-1.5, 1.5), (-0.7, 0.7), (-0.9, 0.9))))
def test_tilted_boxes_of_lammps(tmp_path: Path, xy: float, xz: float, yz: float) -> None:
    cell_a = np.array([[6.0, 0.0, 0.0], [xy, 5.5, 0.0], [xz, yz, 9.0]])
    rows = "1 Na 0.5 0.25 0.125\n2 O 0 0 0\n"
    content = snapshot(columns="id element xs ys zs", rows=rows, box=samples.lammps_box(cell_a))
    _, block = first_block(tmp_path / "dump", content, **STEP)
    assert block.cells_a[0] == pytest.approx(cell_a)
    assert block.positions_a[0] == pytest.approx(samples.ORIGIN_A + np.array([[0.5, 0.25, 0.125], [0, 0, 0]]) @ cell_a)


def test_ase_reads_the_same_from_lammps(tmp_path: Path) -> None:
    path = tmp_path / "dump"
    _, block = first_block(path, samples.lammps(), time_step_fs=0.05)
    for found_a, cell_a, atoms in zip(
        block.positions_a, block.cells_a, read(path, ":", format="lammps-dump-text"), strict=True
    ):
        assert found_a == pytest.approx(atoms.positions, abs=1e-8)
        assert cell_a == pytest.approx(atoms.cell.array, abs=1e-8)


TWO = XDATCAR_HEAD + configuration(1) + configuration(2, MOVED)
REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "empty": ("", STEP, "is empty"),
    "blank": ("\n \n", STEP, "is empty"),
    "unknown format": ("# a table\n1 2 3\n", STEP, r"known format[\s\S]*ASE .traj[\s\S]*LAMMPS[\s\S]*XDATCAR"),
    "unknown name of a format": (TWO, STEP | {"format": "pdb"}, "'pdb'[\\s\\S]*xdatcar"),
    "no step": (TWO, {"time_step_fs": 0.0}, "above 0"),
    "NaN step": (TWO, {"time_step_fs": float("nan")}, "above 0"),
    "every 0": (TWO, STEP | {"every": 0}, "every 0"),
    "symbols for a file that has them": (TWO, STEP | {"symbols": ["Na", "O"]}, "names its elements itself"),
    # times
    "XDATCAR without time step": (TWO, {}, "--time-step-fs[\\s\\S]*step to the next"),
    "xyz without time step": (xyz(("", FIRST)), {}, "--time-step-fs[\\s\\S]*frame to the next"),
    "LAMMPS without time step": (snapshot(), {}, "--time-step-fs"),
    "TIME without units": (snapshot(before="ITEM: TIME\n0.5\n"), {}, "--time-step-fs"),
    "POTIM contradicted": (samples.vasprun(3), {"time_step_fs": 1.0}, "frame 2 .* is 0.5 fs after frame 1 .* 1 fs by"),
    "time_fs contradicted": (xyz(("time_fs=0", FIRST), ("time_fs=1", SECOND)), STEP, "leave --time-step-fs out"),
    "TIME contradicted": (
        snapshot(0, before="ITEM: UNITS\nreal\nITEM: TIME\n0\n") + snapshot(10, before="ITEM: TIME\n10\n"),
        STEP,
        "10 fs after",
    ),
    "some times only": (xyz(("time=0", FIRST), ("", SECOND)), {}, "frame 2 .* does not say its time"),
    "some times only, with step": (xyz(("", FIRST), ("time=0.5", SECOND)), STEP, "frame 2 .* says its time, unlike"),
    "time is NaN": (xyz(("time=nan", FIRST)), {}, "at nan fs"),
    # runs that were started again
    "same configuration again": (
        TWO + configuration(2, MOVED),
        STEP,
        "frame 3 .* at the time of frame 2[\\s\\S]*started again",
    ),
    "configurations from 1 again": (TWO + XDATCAR_HEAD + configuration(1), STEP, "frame 3 .* goes back in time"),
    "same TIMESTEP again": (snapshot(5) + snapshot(5), STEP, "frame 2 .* at the time of frame 1"),
    "TIMESTEP goes back": (snapshot(5) + snapshot(0), STEP, "frame 2 .*0 fs. goes back in time behind frame 1"),
    "same time again": (xyz(("time=1", FIRST), ("time=1", SECOND)), {}, "frame 2 .* at the time of frame 1"),
    "same positions again": (xyz(("", FIRST), ("", SECOND), ("", SECOND)), STEP, "frame 3 .* repeats the positions"),
    # atoms
    "fewer atoms": (xyz(("", FIRST)) + xyz(("", "Na 0 0 0\n"), atoms=1), STEP, "frame 2 .* has 1 atoms, the first 2"),
    "other atoms": (
        xyz(("", FIRST), ("", SECOND.replace("O", "F"))),
        STEP,
        "atom 1 of frame 2 .* is F, in the first frame O",
    ),
    "other atoms, NPT": (TWO + XDATCAR_HEAD.replace("O", "F") + configuration(3), STEP, "atom 1 of frame 3 .* is F"),
    "another atom's id": (snapshot(0) + snapshot(1, rows="1 1 Na 0 0 0\n3 2 O 1 1 1\n"), STEP, "line 22: the ids"),
    "an id twice": (snapshot(0, rows="1 1 Na 0 0 0\n1 2 O 1 1 1\n"), STEP, "each once"),
    "other periodicity": (snapshot(0) + snapshot(1, box="pp pp pp\n0 4\n0 5\n0 6\n"), STEP, "frame 2 .* is periodic"),
    "no element": (xyz(("", "Na 0 0 0\nOw 1 1 1\n")), STEP, "Ow is no element"),
    "no atoms": (xyz(("", ""), atoms=0), STEP, "known format|no number of atoms"),
    # numbers
    "NaN": (xyz(("", FIRST), ("", SECOND), ("", FIRST.replace("1.8", "nan"))), STEP, "frame 3 .* no numbers"),
    "infinite cell": (XDATCAR_HEAD.replace("6\n", "inf\n") + configuration(1), STEP, "frame 1 .* no numbers"),
    "stars": (TWO + configuration(3, MOVED.replace("0.11", "****")), STEP, r"line 16: .*'\*\*\*\*'"),
    "too few coordinates": (
        XDATCAR_HEAD + configuration(1, " 0.1 0.2\n 0.3 0.4 0.5\n"),
        STEP,
        "less than 3 coordinates",
    ),
    "too many atoms": (
        XDATCAR_HEAD + configuration(1, ATOMS + " 0.1 0.2 0.3\n") + configuration(2),
        STEP,
        "line 12: the line before, .0.1 0.2 0.3., begins neither",
    ),
    "ragged": (xyz(("", "Na 0.4 1.0\nO 2.0 3.0 4.2\n")), STEP | {"format": "xyz"}, "line 4: the 2 lines"),
    "more atoms than it says": (xyz(("", FIRST + "F 0 0 0\n")), STEP, "line 5: 'F 0 0 0' is no number of atoms"),
    "Properties that lie": (xyz(("Properties=species:S:1:pos:R:3:q:R:1", FIRST)), STEP, "4 columns, not 5"),
    "no pos": (xyz(("Properties=species:S:1:forces:R:3", FIRST)), STEP, "no species or no pos"),
    "Lattice of six": (xyz(('Lattice="4 5 6 90 90 90"', FIRST)), STEP, "Lattice has 6 numbers"),
    "pbc": (xyz(('Lattice="4 0 0 0 5 0 0 0 6" pbc="T T"', FIRST)), STEP, "not three of T and F"),
    # what an XDATCAR lacks
    "VASP 4": (
        "  2  2  1\n 0.1E+03 0.4E-9 0.4E-9 0.5E-9 0.5E-15\n 300.0\n  CAR\n title\n Konfig=    1\n" + ATOMS,
        STEP,
        "VASP 4",
    ),
    "no species": (
        XDATCAR_HEAD.replace(" Na O\n", "") + configuration(1),
        STEP,
        "line 6: .*VASP 4[\\s\\S]*element symbols",
    ),
    "counts for other species": (XDATCAR_HEAD.replace("1 1", "1") + configuration(1), STEP, "line 7: the header"),
    "negative scale": (XDATCAR_HEAD.replace("1.0", "-120") + configuration(1), STEP, "scale .* is -120"),
    "stars at once": (XDATCAR_HEAD + configuration("******"), STEP, "no number"),
    # what a vasprun.xml is not
    "relaxation": (samples.vasprun(3, IBRION=2), {}, "no molecular dynamics: IBRION = 2"),
    "thinned out": (samples.vasprun(3, ML_OUTBLOCK=10), {}, "ML_OUTBLOCK = 10[\\s\\S]*XDATCAR"),
    "POTIM": (samples.vasprun(3, POTIM="****"), {}, "no readable POTIM"),
    "damaged": (samples.vasprun(3).replace("</v>", "<v>", 9), {}, "is damaged behind step 0"),
    "stars in positions": (samples.vasprun(3).replace("0.9", "**", 40), {}, "step 1 of .* could not convert"),
    # what a dump must say
    "elements": (snapshot(**NAMELESS), STEP, "line 11: the dump does not name[\\s\\S]*symbols="),
    "C for every type": (of_types("C", "C"), STEP, "C for all types"),
    "too few symbols": (
        snapshot(**NAMELESS),
        STEP | {"symbols": ["Na"]},
        "for the types 1, the dump has the types 1 2",
    ),
    "symbols contradicted": (of_types(), STEP | {"symbols": ["O", "Na"]}, "the dump itself says otherwise"),
    "symbols are no elements": (of_types(), STEP | {"symbols": ["Na", "Xx"]}, "Xx is no element"),
    "ids": (snapshot(columns="element x y z", rows="Na 0 0 0\nO 1 1 1\n"), STEP, "ids or coordinates are missing"),
    "coordinates": (
        snapshot(columns="id element x y vz", rows="1 Na 0 0 0\n2 O 1 1 1\n"),
        STEP,
        "coordinates are missing",
    ),
    "column names": (snapshot(columns="id type element x y z q"), STEP, "6 words for the columns"),
    "lj": (snapshot(before="ITEM: UNITS\nlj\n"), STEP, "units lj"),
    "periodicity": (snapshot(box="\n0 4\n0 5\n0 6\n"), STEP, "the box that ends here"),
    "tilt": (snapshot(box="xy xz yz pp pp pp\n0 4\n0 5\n0 6\n"), STEP, "the box that ends here"),
    "bonds": ("ITEM: TIMESTEP\n0\nITEM: NUMBER OF ENTRIES\n2\n", STEP, "unexpected in a dump of atoms"),
    "no atoms in a dump": (snapshot(atoms=0, rows=""), STEP, "the frame has 0 atoms"),
    "step": (snapshot("now"), STEP, "could not convert"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(tmp_path: Path, case: str) -> None:
    content, settings, message = REFUSED[case]
    path = tmp_path / "run"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        list(open_trajectory(path, **settings).blocks())
    assert caught.value.remedy


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not there"):
        open_trajectory(tmp_path / "run.xyz")
    with pytest.raises(InputError, match="a folder"):
        open_trajectory(tmp_path)
