"""`natrium density`: a charge density difference as pictures, pages and files for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from natrium.workflows.result import Evaluation

    Writer = Callable[[Path, Evaluation, float, bool], None]

ISOVALUE_E_BOHR3 = 1.5e-3
EVALUATION = "evaluation"


def density(
    address: Annotated[
        str,
        typer.Argument(metavar="ID", help="An evaluation: na-bulk-o-3f9c2a/octahedral (-evaluation is understood)."),
    ],
    outputs: Annotated[
        list[Path],
        typer.Option(
            "--output",
            "-o",
            help="Repeatable. By its name: .png isosurfaces, .html to turn them, profile.png or .pdf Δρ(z) of a slab,"
            " .cube, .vasp (CHGCAR format, for VESTA).",
        ),
    ],
    isovalue: Annotated[float, typer.Option(help="Of both isosurfaces, ±, e/Bohr³.")] = ISOVALUE_E_BOHR3,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
) -> None:
    """Write the charge density difference of a structure: isosurfaces, profile, cube and CHGCAR files."""
    from natrium.commands.output import line
    from natrium.commands.results import open_store
    from natrium.commands.written_files import chosen_writers
    from natrium.structures.errors import InputError
    from natrium.workflows.result import Evaluation

    writers = chosen_writers(outputs, _WRITERS, force=force)
    with open_store() as store:
        whole = address if address.endswith(EVALUATION) else f"{address}-{EVALUATION}"
        output = store.get(whole, arrays=True)["output"]
    if not isinstance(output, dict) or "difference" not in output:
        raise InputError(f"{address} has no density difference", "name an evaluation: natrium show lists a run's steps")
    found = Evaluation.model_validate({name: output[name] for name in Evaluation.model_fields})
    if found.difference is None:
        raise InputError(
            f"{address}: its density difference is missing", "natrium show says why; resume or rerun what failed"
        )
    for path, by_name in writers:
        write = _profile if path.stem.endswith("profile") else by_name
        write(path, found, isovalue, force)
        line(f"{path}")


def _surfaces(found: Evaluation, isovalue: float) -> dict[str, Any]:
    """Both isosurfaces, with the oxygen in the middle."""
    from natrium.analysis.isosurface import Region

    assert found.difference is not None
    return {
        "data": found.difference.volumetric(),
        "system": found.system,
        "isovalues": (isovalue, -isovalue),
        "region": Region.around(found.system, len(found.system.symbols) - 1),
        "title": f"Δρ = ±{isovalue:g} e/Bohr³: {found.system.label}",
    }


def _picture(path: Path, found: Evaluation, isovalue: float, force: bool) -> None:
    from natrium.analysis.plot_isosurface import plot_isosurfaces

    plot_isosurfaces(path, **_surfaces(found, isovalue), overwrite=force)


def _page(path: Path, found: Evaluation, isovalue: float, force: bool) -> None:
    from natrium.analysis.isosurface_page import write_isosurface_page

    write_isosurface_page(path, **_surfaces(found, isovalue), overwrite=force)


def _profile(path: Path, found: Evaluation, _isovalue: float, force: bool) -> None:
    from natrium.analysis.plot_density_profile import plot_density_profile

    assert found.difference is not None
    plot_density_profile(path, found.difference, found.system, overwrite=force)


def _cube(path: Path, found: Evaluation, _isovalue: float, force: bool) -> None:
    from natrium.analysis.volumetric_files import write_cube

    assert found.difference is not None
    write_cube(path, found.difference.volumetric(), found.system, overwrite=force)


def _chgcar(path: Path, found: Evaluation, _isovalue: float, force: bool) -> None:
    from natrium.analysis.volumetric_files import write_chgcar

    assert found.difference is not None
    write_chgcar(path, found.difference.volumetric(), found.system, overwrite=force)


_WRITERS: dict[str, Writer] = {
    ".png": _picture,
    ".html": _page,
    ".cube": _cube,
    ".vasp": _chgcar,
    ".pdf": _profile,
    ".svg": _profile,
    "CHGCAR": _chgcar,
}
