"""Evaluating what several calculations gave together, when some of them may have failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import numpy as np

from natrium.analysis.charges import AtomicCharges
from natrium.analysis.density_difference import DensityDifference, MissingPartnerError, density_difference
from natrium.structures.errors import InputError, NatriumError
from natrium.workflows.result import CalculationResult

T = TypeVar("T")


def require(what: str, partners: Mapping[str, object]) -> None:
    """Refuse to go on without one of the partners.

    Args:
        what: What cannot be had without them.
        partners: By the step that would have given them; None where it failed.

    Raises:
        MissingPartnerError: naming every step that gave nothing.
    """
    absent = [step for step, value in partners.items() if value is None]
    if absent:
        raise MissingPartnerError(
            f"{what}: {', '.join(absent)} gave no result",
            "see why it failed, and rerun or resume: only that is repeated",
        )


def or_note(what: str, missing: list[str], evaluate: Callable[[], T]) -> T | None:
    """What the function returns; where it cannot, None, and a note of what is missing and why."""
    try:
        return evaluate()
    except NatriumError as error:
        missing.append(f"{what}: {error.problem.removeprefix(f'{what}: ')}")
        return None


def check_same_method(results: Iterable[CalculationResult]) -> None:
    """Refuse to subtract energies of calculations by different methods.

    Raises:
        InputError: with what differs.
    """
    first, *others = results
    for other in others:
        if other.calculation.method != first.calculation.method:
            differs = [
                f"{name} {value} and {other.calculation.method[name]}"
                for name, value in first.calculation.method.items()
                if other.calculation.method[name] != value
            ]
            raise InputError(
                f"{first.system.label} and {other.system.label} were calculated differently: {'; '.join(differs)}",
                "use the same settings for all calculations whose energies are subtracted",
            )


MOMENT_TOLERANCE = 0.2


def check_moment(part: CalculationResult | None) -> None:
    """Refuse a partner that lost the moment it started with.

    Raises:
        InputError: with both moments, Bohr magnetons.
    """
    started = sum(part.system.magnetic_moments or ()) if part is not None else 0.0
    if part is not None and abs(part.magnetic_moment - started) > MOMENT_TOLERANCE:
        raise InputError(
            f"{part.system.label} has a moment of {part.magnetic_moment:.2f} and not of {started:g} Bohr magnetons",
            "use a smaller smearing width",
        )


def check_one_spin_state(relaxed: CalculationResult, static: CalculationResult) -> None:
    """Refuse a static calculation that found another spin state than the relaxation whose geometry it has.

    Raises:
        InputError: with both moments, Bohr magnetons.
    """
    if abs(abs(relaxed.magnetic_moment) - abs(static.magnetic_moment)) > MOMENT_TOLERANCE:
        raise InputError(
            f"the relaxation had a moment of {relaxed.magnetic_moment:.2f} Bohr magnetons, the static calculation"
            f" {static.magnetic_moment:.2f}",
            "compare the energies of both states, and use a smaller smearing width",
        )


NET_FORCE_EV_A = 0.3


def check_net_force(static: CalculationResult) -> None:
    """Refuse forces that add up to something: nothing outside pulls, so the atoms feel the points of the grid.

    Raises:
        InputError: with the sum, eV/Å.
    """
    net_ev_a = float(np.linalg.norm(np.sum(static.forces_ev_a, axis=0)))
    if net_ev_a > NET_FORCE_EV_A:
        raise InputError(
            f"those of all atoms add up to {net_ev_a:.1f} eV/Å and not to zero: the grid is too coarse",
            "set grid_spacing_a to 0.18 or less",
        )


def charges_of(static: CalculationResult) -> AtomicCharges | None:
    """The charges of a calculation's atoms, where they were asked for.

    Raises:
        InputError: they could not be had.
    """
    if static.no_charges_because is not None:
        raise InputError(static.no_charges_because, "set charges=false, or look at the density")
    return static.charges


def difference_of(
    whole: CalculationResult, parts: Mapping[str, CalculationResult | None], coarsening: int
) -> DensityDifference:
    """The density difference of a calculation and of its parts, stored coarser by the factor, or by one that divides.

    Raises:
        MissingPartnerError: a part gave no result, or no density.
        GridMismatchError: they are not on one grid.
        VolumetricFileError: a file is gone.
    """
    files = {name: None if part is None else part.density for name, part in parts.items()}
    require("density difference", {"the whole": whole.density, **files})
    assert whole.density is not None
    densities = {name: file.load() for name, file in files.items() if file is not None}
    shape = whole.density.shape
    possible = max(factor for factor in range(1, coarsening + 1) if not any(n % factor for n in shape))
    return density_difference(whole.density.load(), densities, coarsening=possible)
