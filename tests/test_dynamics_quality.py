"""Which trajectories are doubtful: drift of the energy, and the mean temperature."""

from __future__ import annotations

import numpy as np
import pytest

from natrium.analysis.dynamics import judge_dynamics

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


@pytest.mark.parametrize(
    ("temperature_k", "length_fs", "degrees_of_freedom", "doubtful"),
    [
        pytest.param(20, 150, 78, True, id="too cold"),
        pytest.param(2000, 150, 78, True, id="too hot"),
        pytest.param(1298, 15, 30, True, id="a start that was torn apart"),
        pytest.param(150, 150, 78, False, id="a lattice that began at its sites"),
        pytest.param(410, 10, 78, False, id="a molecule that sticks"),
        pytest.param(620, 10, 3, False, id="one atom"),
        pytest.param(400, 600, 78, True, id="long"),
    ],
)
def test_temperature_of_short_runs(
    temperature_k: float, length_fs: float, degrees_of_freedom: int, doubtful: bool
) -> None:
    """What begins at rest cools to half, and a thermostat of 100 fs does little in a segment: the rest is told."""
    times = np.arange(0, length_fs + 0.1, 0.5)
    quality = judge_dynamics(
        times,
        None,
        temperature_k + 0 * times,
        atoms=34,
        degrees_of_freedom=degrees_of_freedom,
        thermostat_k=300.0,
        thermostat_fs=100.0,
    )
    assert [f"mean temperature is {temperature_k:.0f} K" in one for one in quality.warnings] == [True] * doubtful
    assert quality.time_fs == length_fs
