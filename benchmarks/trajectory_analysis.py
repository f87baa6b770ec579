"""Frames per second of the analysis of reactive trajectories, beside programs that people have.

    python benchmarks/trajectory_analysis.py [--frames 20000] [--reacnetgenerator PYTHON]

FEC on 45 sodium atoms and one more Na+, 56 atoms that vibrate while the ring opens and fluorine leaves. Our analysis
does all that it does (events, sensitivity, fragments, NaF, curves); ASE's neighbour list only finds the pairs nearer
than 3.5 Å; ReacNetGenerator, with the Python of an environment that has it, finds species and reactions on one core; it
reads a file, and what it takes for ten frames (imports, the network's drawing) is taken off. All take turns in one
session on the same frames, the slow ones on a part of them; the ratio of the medians counts (goal: 5,000 frames/s).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from natrium.analysis.reaction_analysis import analyse
from natrium.analysis.trajectory import FRAMES_PER_BLOCK, Block, Trajectory
from natrium.structures.bonds import neighbours
from natrium.structures.molecule_library import library_molecule
from natrium.structures.slabs import metal_slab

FEC = library_molecule("FEC")
RADIUS_A = 3.5
MOLECULE = range(45, 56)


def trajectory(frames: int, orthogonal: bool, step_fs: float = 0.5) -> Trajectory:
    """All frames in memory: reading files is not what is measured."""
    slab = metal_slab("Na", layers=5, size=(3, 3), vacuum_a=25.0, orthogonal=False)
    cell = np.array(slab.cell_a)
    if orthogonal:
        cell = np.diag([11.0, 12.6, cell[2, 2]])
    sodium, molecule = np.array(slab.positions_a), np.array(FEC.positions_a)
    molecule += sodium.mean(axis=0) - molecule.mean(axis=0)
    molecule[:, 2] += sodium[:, 2].max() + 2.3 - molecule[:, 2].min()
    start = np.concatenate([sodium, molecule, molecule[:1] + np.array([0, 0, 2.2])])
    times_fs = step_fs * np.arange(frames)
    rng = np.random.default_rng(0)
    phases, periods_fs = rng.uniform(0, 2 * np.pi, start.shape), rng.uniform(20, 200, start.shape)
    positions = start + 0.06 * np.sin(2 * np.pi * times_fs[:, None, None] / periods_fs + phases)
    positions[:, 47] += np.clip(times_fs - 84, 0, 40)[:, None] * [0.02, 0.02, 0.0]
    positions[:, 50] += np.clip(times_fs - 117, 0, 60)[:, None] * [0.0, 0.0, -0.02]
    cells = np.broadcast_to(cell, (frames, 3, 3))

    def blocks() -> Iterator[Block]:
        for begin in range(0, frames, FRAMES_PER_BLOCK):
            chosen = slice(begin, begin + FRAMES_PER_BLOCK)
            yield Block(times_fs[chosen], positions[chosen], cells[chosen])

    symbols = (*slab.symbols, *FEC.symbols, "Na")
    return Trajectory("benchmark", symbols, (True, True, False), blocks)


def ours(read: Trajectory) -> None:
    bonds = [(45 + i, 45 + j) for i, others in enumerate(neighbours(FEC)) for j in others]
    assert analyse(read, MOLECULE, reference=bonds).first("ring opening")


def ase(read: Trajectory) -> None:
    for block in read.blocks():
        for positions, cell in zip(block.positions_a, block.cells_a, strict=True):
            neighbor_list("ijd", Atoms(read.symbols, positions, cell=cell, pbc=read.pbc), RADIUS_A)


def dump_file(read: Trajectory, path: Path) -> list[str]:
    """As LAMMPS writes it; the elements in the order of its types."""
    elements = sorted(set(read.symbols))
    types = [elements.index(symbol) + 1 for symbol in read.symbols]
    with path.open("w") as out:
        step = 0
        for block in read.blocks():
            for positions, cell in zip(block.positions_a, block.cells_a, strict=True):
                skew = cell[1, 0]
                low, high = min(0.0, skew), cell[0, 0] + max(0.0, skew)
                out.write(f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{len(types)}\n")
                out.write("ITEM: BOX BOUNDS xy xz yz pp pp ff\n")
                out.write(f"{low:.6f} {high:.6f} {skew:.6f}\n0 {cell[1, 1]:.6f} 0\n0 {cell[2, 2]:.6f} 0\n")
                out.write("ITEM: ATOMS id type x y z\n")
                out.writelines(
                    f"{atom + 1} {kind} {x:.5f} {y:.5f} {z:.5f}\n"
                    for atom, (kind, (x, y, z)) in enumerate(zip(types, positions, strict=True))
                )
                step += 1
    return elements


def reacnetgenerator(python: str, path: Path, elements: list[str]) -> None:
    program = str(Path(python).with_name("reacnetgenerator"))
    command = [program, "-i", str(path), "-a", *elements, "--type", "dump", "--nohmm", "-n", "1"]
    ran = subprocess.run(command, cwd=path.parent, capture_output=True, text=True)
    if ran.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}")


def rate(frames: int, call: Callable[[], object], overhead: Callable[[], object] | None = None) -> float:
    """Frames per second, the overhead's time taken off."""
    begin = time.perf_counter()
    call()
    between = time.perf_counter()
    if overhead:
        overhead()
    end = time.perf_counter() if overhead else between
    return frames / ((between - begin) - (end - between))


def turns(shape: str, frames: int, slow_frames: int, python: str | None, folder: Path) -> dict[str, partial[float]]:
    """What is compared, by name."""
    make = partial(trajectory, orthogonal=shape == "right-angled")
    part = make(slow_frames)
    compared = {
        "natrium": partial(rate, frames, partial(ours, make(frames))),
        "ASE neighbour list": partial(rate, slow_frames, partial(ase, part)),
    }
    if python:
        whole, ten = folder / "whole.dump", folder / "ten.dump"
        elements = dump_file(part, whole)
        dump_file(make(10), ten)
        each = (partial(reacnetgenerator, python, path, elements) for path in (whole, ten))
        compared["ReacNetGenerator"] = partial(rate, slow_frames - 10, *each)
    return compared


def main() -> None:
    """Take turns, print frames per second and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--slow-frames", type=int, default=1000, help="for what takes milliseconds a frame")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--reacnetgenerator", metavar="PYTHON", help="the Python of an environment that has it")
    arguments = parser.parse_args()
    python = arguments.reacnetgenerator
    for shape in ("right-angled", "oblique"):
        with tempfile.TemporaryDirectory() as scratch:
            compared = turns(shape, arguments.frames, arguments.slow_frames, python, Path(scratch))
            rates: dict[str, list[float]] = {name: [] for name in compared}
            for _ in range(arguments.repeats):
                for name, turn in compared.items():
                    rates[name].append(turn())
        medians = {name: statistics.median(values) for name, values in rates.items()}
        print(f"{shape} cell, {45 + len(MOLECULE)} atoms:")
        for name, median in medians.items():
            ratio = "" if name == "natrium" else f", natrium is {medians['natrium'] / median:.0f} times as fast"
            print(f"  {name:>18}: {median:8.0f} frames/s (median of {arguments.repeats}){ratio}", flush=True)
        if not python:
            print("    ReacNetGenerator: left out, no --reacnetgenerator")


if __name__ == "__main__":
    main()
