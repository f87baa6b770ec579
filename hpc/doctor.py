"""Examining a machine: each part that natrium needs is tried, not looked up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from natrium.hpc.blas_kernels import VARIABLE, kernel_variables, used_kernels
from natrium.hpc.engine_job import Launch
from natrium.hpc.finding import Finding, State, tried

# MPI is switched on as in natrium.workflows.gpaw.driver.
_PROBE = """
import json, gpaw
from gpaw import cgpaw
gpaw.GPAW_MPI_BACKEND = "cgpaw" if cgpaw.have_mpi else "serial"
from gpaw.fftw import have_fftw
from gpaw.mpi import world
from gpaw.utilities import compiled_with_sl
total = world.sum_scalar(1)
if world.rank == 0:
    print(json.dumps({"version": gpaw.__version__, "where": cgpaw.get_extension_module_path(), "ranks": total,
                      "ScaLAPACK": compiled_with_sl(), "FFTW": have_fftw(), "BLAS": hasattr(cgpaw, "mmm"),
                      "libxc": bool(gpaw.get_libraries()["libxc"])}))
"""
_LIBRARIES = ("ScaLAPACK", "FFTW", "BLAS", "libxc")
_H2_BOHR, _H2_HARTREE = 1.4, -1.1167
"""H2 in HF/STO-3G: Szabo and Ostlund, Modern Quantum Chemistry, section 3.5.2."""


def examine() -> list[Finding]:
    """Try everything. Never raises: what fails is a finding."""
    parts = (_configuration, _gpaw, _datasets, _dispersion, _pyscf, _rdkit, _database)
    return [finding for part in parts for finding in tried(part.__name__.strip("_"), part)]


def _state(works: bool) -> State:
    return "ok" if works else "problem"


def _configuration() -> Iterator[Finding]:
    from natrium.hpc.configuration import config_file, load_configuration

    settings = load_configuration()
    source = str(config_file()) if config_file().exists() else "defaults and environment"
    yield Finding("configuration", "ok", f"{source}; {settings.ranks} MPI processes with {settings.mpi_launcher}")


def _gpaw() -> Iterator[Finding]:
    from natrium.hpc.configuration import load_configuration

    settings = load_configuration()
    launch = Launch(ranks=settings.ranks, launcher=settings.mpi_launcher)
    command = launch.command([sys.executable, "-c", _PROBE])
    remedy = "make setup builds GPAW with MPI, ScaLAPACK and FFTW; NATRIUM_MPI_LAUNCHER names the launcher"
    try:
        ran = subprocess.run(command, env=launch.environment(), capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding("engine gpaw", "problem", f"{command[0]}: {error}", remedy)
        return
    lines = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode or not lines:
        yield Finding("engine gpaw", "problem", f"exit code {ran.returncode}: {_telling_line(ran.stderr)}", remedy)
        return
    facts = json.loads(lines[-1])
    yield Finding("engine gpaw", "ok", f"GPAW {facts['version']}, {facts['where']}")
    yield Finding(
        "MPI",
        _state(facts["ranks"] == settings.ranks),
        f"{facts['ranks']} of {settings.ranks} processes see each other",
        remedy,
    )
    for library in _LIBRARIES:
        yield Finding(
            library, _state(facts[library]), f"GPAW was built {'with' if facts[library] else 'without'} it", remedy
        )
    used, chosen = used_kernels(), kernel_variables()
    if used is not None:
        told = f"; it does not know this processor: engines get those for {chosen[VARIABLE]}" if chosen else ""
        yield Finding("OpenBLAS", "ok", f"kernels for {used}{told}")


def _telling_line(errors: str) -> str:
    """The line that names an exception; MPI launchers write theirs below it."""
    lines = [line.strip(" -") for line in errors.splitlines() if line.strip(" -")]
    named = [line for line in lines if re.search(r"(Error|Exception)\b", line)]
    return (named or lines or ["no output"])[-1]


def _datasets() -> Iterator[Finding]:
    from natrium.workflows.gpaw.datasets import available, dataset_folders

    folders = dataset_folders()
    remedy = "install the package gpaw-data, or set GPAW_SETUP_PATH"
    found = {symbol: available(symbol, "PBE", tuple(folders)) for symbol in ("Na", "O", "F", "C", "H")}
    missing = [symbol for symbol, datasets in found.items() if not datasets]
    where = ", ".join(str(folder) for folder in folders) or "no folder"
    yield Finding(
        "datasets",
        _state(not missing),
        f"missing: {missing}" if missing else f"Na, O, F, C, H for PBE in {where}",
        remedy,
    )


def _dispersion() -> Iterator[Finding]:
    from ase.build import molecule
    from dftd3.ase import DFTD3

    atoms = molecule("H2O")
    atoms.calc = DFTD3(method="PBE", damping="d3zero")
    yield Finding("D3 dispersion", "ok", f"water: {atoms.get_potential_energy() * 1000:.2f} meV")


def _pyscf() -> Iterator[Finding]:
    yield from _extra("engine pyscf", "pyscf", "pyscf", "molecules in Gaussian bases", _hydrogen_molecule)


def _rdkit() -> Iterator[Finding]:
    yield from _extra("RDKit", "rdkit", "smiles", "molecules from SMILES", _water_from_smiles)


def _extra(
    what: str, package: str, extra: str, purpose: str, trial: Callable[[], tuple[bool, str]]
) -> Iterator[Finding]:
    """A package that only some need: absent it is worth a note, present it has to work."""
    remedy = f"pip install 'natrium[{extra}]'"
    if find_spec(package) is None:
        yield Finding(what, "warning", f"not installed; only {purpose} need it", remedy)
        return
    try:
        works, evidence = trial()
    except Exception as error:  # a package that is broken raises what it likes
        works, evidence = False, f"{type(error).__name__}: {error}"
    yield Finding(what, _state(works), evidence, remedy)


def _hydrogen_molecule() -> tuple[bool, str]:
    import pyscf
    from ase.units import Bohr
    from pyscf import scf

    from natrium.structures.system import System
    from natrium.workflows.pyscf.molecule import molecule

    nowhere = (0.0, 0.0, 0.0)
    ends = (nowhere, (0.0, 0.0, _H2_BOHR * Bohr))
    alone = {"cell_a": (nowhere,) * 3, "pbc": (False,) * 3, "multiplicity": 1}
    hydrogen = System(label="H2", symbols=("H", "H"), positions_a=ends, **alone)
    energy_hartree = float(scf.RHF(molecule(hydrogen, "sto-3g")).kernel())
    works = abs(energy_hartree - _H2_HARTREE) < 1e-4
    return works, f"PySCF {pyscf.__version__}; H2: {energy_hartree:.4f} Hartree, {_H2_HARTREE} expected"


def _water_from_smiles() -> tuple[bool, str]:
    import rdkit

    from natrium.structures.smiles import molecule_from_smiles

    formula = molecule_from_smiles("O").formula
    return formula == "H2O", f"RDKit {rdkit.__version__}; SMILES O: {formula}"


def _database() -> Iterator[Finding]:
    from natrium.analysis.results_store import ResultsStore
    from natrium.hpc.configuration import load_configuration
    from natrium.hpc.databases import results_store

    configuration = load_configuration()
    with results_store(configuration) as store:
        newest = ResultsStore(store).find(limit=1)
    last = f"newest result {newest[0].address}" if newest else "no results yet"
    yield Finding("results database", "ok", f"{configuration.database_shown}; {last}")
    folder = Path(configuration.data_dir)
    yield Finding(
        "data folder", _state(folder.is_dir()), str(folder), "set NATRIUM_DATA_DIR to a folder on a local disk"
    )
