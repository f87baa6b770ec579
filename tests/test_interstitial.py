"""Formation energy and relaxation volume of an interstitial, from energies with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from ase.units import GPa

from natrium.analysis.interstitial import O2_CORRECTION_EV, formation_energy, volume_change
from natrium.structures.errors import InputError

STRAINS = np.array([-1.0, 0.0, 1.0])
SODIUM_A3, SODIUM_GPA = 37.0, 7.5


def energies_ev(strain: float, volume_a3: float, minimum_a3: float, modulus_gpa: float) -> list[float]:
    """½ B (V − V₀)²/V of a cell whose volume wants to be V₀, at edges shorter and longer by the strain."""
    volumes = volume_a3 * (1 + strain * STRAINS) ** 3
    return list(-60.0 + 0.5 * modulus_gpa * GPa * (volumes - minimum_a3) ** 2 / volume_a3)


@pytest.mark.parametrize(
    ("whole_ev", "host_ev", "o2_ev", "expected_ev"), [(-75.0, -70.0, -9.8, -0.1), (-60.0, -70.0, -9.8, 14.9)]
)
def test_formation_energy_is_against_half_a_molecule(
    whole_ev: float, host_ev: float, o2_ev: float, expected_ev: float
) -> None:
    found = formation_energy(whole_ev, host_ev, o2_ev)
    assert found.energy_ev == pytest.approx(expected_ev)
    # the molecule is bound too strongly, so what comes from it looks too expensive
    assert found.corrected_ev == pytest.approx(expected_ev - O2_CORRECTION_EV / 2)
    assert (found.whole_ev, found.host_ev, found.o2_ev) == (whole_ev, host_ev, o2_ev)


@pytest.mark.parametrize("strain", [0.001, 0.01, 0.03])
@pytest.mark.parametrize("relaxation_a3", [-12.5, 0.0, 20.0])
@pytest.mark.parametrize("residual_a3", [0.0, 5.0])
def test_the_relaxation_volume_is_where_the_minimum_moves(
    strain: float, relaxation_a3: float, residual_a3: float
) -> None:
    """Also where the host itself was not calculated at its own minimum."""
    volume_a3 = 54 * SODIUM_A3
    host = energies_ev(strain, volume_a3, volume_a3 + residual_a3, SODIUM_GPA)
    whole = energies_ev(strain, volume_a3, volume_a3 + residual_a3 + relaxation_a3, SODIUM_GPA)
    found = volume_change(strain, volume_a3, whole, host, 54)
    assert found.change_a3 == pytest.approx(relaxation_a3, abs=1e-6)
    assert found.in_host_atoms == pytest.approx(relaxation_a3 / SODIUM_A3, abs=1e-7)
    assert found.bulk_modulus_gpa == pytest.approx(SODIUM_GPA, rel=1e-6)
    assert found.host_pressure_gpa == pytest.approx(SODIUM_GPA * residual_a3 / volume_a3, abs=1e-6)
    assert found.pressure_gpa - found.host_pressure_gpa == pytest.approx(
        SODIUM_GPA * relaxation_a3 / volume_a3, abs=1e-6
    )


def test_an_anharmonic_crystal_changes_little() -> None:
    """Birch–Murnaghan with B' = 4 at a strain of 1 %: the parabola through three points is right to a percent."""
    volume_a3, strain, b0_ev_a3 = 54 * SODIUM_A3, 0.01, SODIUM_GPA * GPa

    def birch_murnaghan(minimum_a3: float) -> list[float]:
        volumes = volume_a3 * (1 + strain * STRAINS) ** 3
        x = (minimum_a3 / volumes) ** (2 / 3)
        return list(9 / 16 * minimum_a3 * b0_ev_a3 * (4 * (x - 1) ** 3 + (x - 1) ** 2 * (6 - 4 * x)))

    found = volume_change(strain, volume_a3, birch_murnaghan(volume_a3 + 10), birch_murnaghan(volume_a3), 54)
    assert found.change_a3 == pytest.approx(10.0, rel=0.02)
    assert found.bulk_modulus_gpa == pytest.approx(SODIUM_GPA, rel=0.01)


@pytest.mark.parametrize("host_ev", [(-1.0, -0.9, -1.0), (-1.0, -1.0, -1.0), (-3.0, -2.0, -1.0 - 1e-9)])
def test_a_host_without_a_minimum_is_refused(host_ev: tuple[float, ...]) -> None:
    # in V the third is curved downwards, since the volume grows faster than the strain
    with pytest.raises(InputError, match=r"have no minimum at ±0\.01") as refused:
        volume_change(0.01, 2000.0, (-1.0, -1.1, -1.0), host_ev, 54)
    assert "larger strain" in refused.value.remedy
