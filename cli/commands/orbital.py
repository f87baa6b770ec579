"""`natrium orbital`: an orbital of a molecule as pictures, pages and files for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from natrium.analysis.results_store import ResultsStore
    from natrium.analysis.volumetric import VolumetricFile
    from natrium.structures.system import System

    Writer = Callable[[Path, VolumetricFile, System, float, bool], Path]

ISOVALUE_BOHR_3_2 = 0.05


def orbital(
    address: Annotated[
        str, typer.Argument(metavar="ID", help="A step that kept its orbitals: orbitals-3f9c2a/fec-b3lyp.")
    ],
    name: Annotated[str, typer.Argument(help="homo, homo-1, … lumo, lumo+1, …, of those that the step kept.")] = "lumo",
    *,
    outputs: Annotated[
        list[Path],
        typer.Option(
            "--output", "-o", help="Repeatable. By its name: .png isosurfaces, .html to turn them, .cube (VMD, Jmol)."
        ),
    ],
    isovalue: Annotated[float, typer.Option(help="Of both isosurfaces, ±, Bohr⁻³ᐟ².")] = ISOVALUE_BOHR_3_2,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
) -> None:
    """Write an orbital of a molecule: isosurfaces with the atoms, and cube files."""
    from natrium.analysis.volumetric import VolumetricFile
    from natrium.commands.output import line
    from natrium.commands.results import open_store
    from natrium.commands.written_files import chosen_writers
    from natrium.structures.errors import InputError
    from natrium.structures.system import System

    writers = chosen_writers(outputs, _WRITERS, force=force)
    with open_store() as store:
        document = store.get(address)
        output = document["output"]
        kept = output.get("orbitals") if isinstance(output, dict) else None
        if not kept:
            raise InputError(f"{address} kept no orbitals", _remedy(store, document["metadata"]["natrium"]["run"]))
    if name not in kept:
        raise InputError(f"{address} kept no orbital {name!r}", f"it kept {', '.join(kept)}")
    found = VolumetricFile.model_validate(kept[name])
    system = System.model_validate(output["system"])
    for path, write in writers:
        write(path, found, system, isovalue, force)
        line(f"{path}")


def _remedy(store: ResultsStore, run: str) -> str:
    """Which steps of the run have orbitals."""
    steps = [
        row.address
        for row in store.find(run=run, kind="calculation")
        if isinstance(row.output, dict) and row.output.get("orbitals")
    ]
    if not steps:
        return "calculate it with keep_orbitals, such as keep_orbitals: [homo, lumo]"
    return f"name a step that did: {', '.join(sorted(steps))}"


def _surfaces(found: VolumetricFile, isovalue: float) -> dict[str, Any]:
    """Both isosurfaces; the title is what the file says of the orbital: its spin where there are two, its energy."""
    words = found.kind.partition(";")[0].rpartition("orbital ")[2].replace(", spin both", "").replace(" -", " −")
    name, _, rest = words.partition(", ")
    return {"isovalues": (isovalue, -isovalue), "title": f"{found.name}\n{name.upper()}, {rest}"}


def _picture(path: Path, found: VolumetricFile, system: System, isovalue: float, force: bool) -> Path:
    from natrium.analysis.plot_isosurface import plot_isosurfaces

    return plot_isosurfaces(path, found, system, **_surfaces(found, isovalue), overwrite=force)


def _page(path: Path, found: VolumetricFile, system: System, isovalue: float, force: bool) -> Path:
    from natrium.analysis.isosurface_page import write_isosurface_page

    return write_isosurface_page(path, found, system, **_surfaces(found, isovalue), overwrite=force)


def _cube(path: Path, found: VolumetricFile, system: System, _isovalue: float, force: bool) -> Path:
    from natrium.analysis.volumetric_files import write_orbital_cube

    return write_orbital_cube(path, found, system, overwrite=force)


_WRITERS: dict[str, Writer] = {".png": _picture, ".html": _page, ".cube": _cube}
