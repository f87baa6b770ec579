"""Documents of the calculations of FEC, alone and with Na+, that nobody carried out."""

from __future__ import annotations

from typing import Any

import numpy as np
from synthetic import calculated

from natrium.structures.ion_complexes import ion_complexes
from natrium.structures.molecule_library import library_molecule
from natrium.structures.redox import reduced
from natrium.structures.system import System
from natrium.workflows.studies.ion_places import rank
from natrium.workflows.studies.molecule_levels import (
    MoleculeLevels,
    evaluate,
)
from natrium.workflows.studies.orbital_settings import OrbitalsSettings
from natrium.workflows.studies.orbitals import summarise
from natrium.workflows.study import settle, study

FEC = library_molecule("FEC")
COMPLEX = ion_complexes(FEC)["carbonyl-o"]
ION = System(
    label="Na+", symbols=("Na",), positions_a=((0, 0, 0),), cell_a=((0, 0, 0),) * 3, pbc=(False,) * 3, charge=1,
    multiplicity=1,
)  # fmt: skip


def settings(**overrides: Any) -> OrbitalsSettings:
    found = settle(study("orbitals"), "standard", overrides)
    assert isinstance(found, OrbitalsSettings)
    return found


GAS = settings().calculations["b3lyp"]
RELAX = settings().calculations["b3lyp_relax"]
ENERGIES_EV = {
    "fec-b3lyp": -1000.0,
    "fec-electron-b3lyp": -999.4,
    "fec-reduced-b3lyp": -1001.5,
    "fec-ion-b3lyp": -1101.4,
    "fec-ion-electron-b3lyp": -1105.4,
    "fec-ion-reduced-b3lyp": -1106.0,
    "fec-ion-deformed-b3lyp": -999.9,
    "fec-ion-molecule-b3lyp": -999.95,
    "fec-ion-ion-b3lyp": -100.02,
}
LEVELS_EV = {"fec-b3lyp": (-8.9, -0.4), "fec-ion-b3lyp": (-13.3, -5.5)}
ION_EV = -100.0


def documents(**instead: Any) -> dict[str, Any]:
    """The documents of FEC's calculations at one level of theory; None for one that failed."""
    electron = reduced(FEC)
    opened = np.array(FEC.positions_a)
    fluorine = FEC.symbols.index("F")
    opened[fluorine] += (
        2.0 * (opened[fluorine] - opened.mean(axis=0)) / np.linalg.norm(opened[fluorine] - opened.mean(axis=0))
    )
    found: dict[str, Any] = {
        "fec-b3lyp-relax": calculated(FEC, RELAX, -990.0),
        "fec-reduced-b3lyp-relax": calculated(electron.moved(opened), RELAX, -991.0),
        "fec-ion-b3lyp-relax": calculated(COMPLEX, RELAX, -1090.0),
        "fec-ion-reduced-b3lyp-relax": calculated(reduced(COMPLEX), RELAX, -1095.0),
    }
    for step, energy_ev in ENERGIES_EV.items():
        homo, lumo = LEVELS_EV.get(step, (-5.0, -1.0))
        found[step] = calculated(COMPLEX if "ion" in step else FEC, GAS, energy_ev, homo_ev=homo, lumo_ev=lumo)
    return found | instead


def places() -> dict[str, Any]:
    made = {name: calculated(system, RELAX, -50.0) for name, system in ion_complexes(FEC).items()}
    energies = dict.fromkeys(made, -50.0) | {"f": -50.3, "ring-o-1": -50.2}
    each = {name: one.model_copy(update={"energy_ev": energies[name]}) for name, one in made.items()}
    found: dict[str, Any] = rank.original({**each, "ring-o-2": None}, "FEC", None)
    return found


def evaluated(found: dict[str, Any], ion_ev: float | None = ION_EV) -> MoleculeLevels:
    given = {"ion": "Na+", "levels": ["b3lyp"], "geometry": "b3lyp_relax"}
    molecule = {"name": "FEC", "source": "FEC"}
    result: MoleculeLevels = evaluate.original(molecule, found, {"b3lyp": ion_ev}, places(), given)
    return result


def result_of(*names: str) -> Any:
    each = {}
    for position, name in enumerate(names):
        own = evaluated(documents())
        rows = [
            row.model_copy(update={"molecule": name, "species": row.species.replace("FEC", name), "lumo_ev": -position})
            for row in own.levels
        ]
        each[name] = own.model_copy(update={"name": name, "levels": rows})
    document = calculated(ION, GAS, ION_EV, homo_ev=-47.0, lumo_ev=-5.3)
    chosen = settings(levels=["b3lyp"], molecules=[{"name": name, "source": "FEC"} for name in names])
    return summarise.original({**each, "lost": None}, {"b3lyp": document}, chosen)
