"""What a camera beside a slab sees: whole molecules on continuous paths, and the bonds of the moment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from leaving_fluorine import BOX, IN_PLANE, leaving, leaving_analysed
from matplotlib.figure import Figure
from synthetic_trajectories import OBLIQUE, TIMES, Array, bond, breaks, fec_on_sodium, moving, noise, ramp

from natrium.analysis.moving_bonds import Joined, joined_at
from natrium.analysis.side_view import HIGHEST, SideView, survey
from natrium.analysis.trajectory import Trajectory
from natrium.analysis.unwrapped_frames import Frame, evenly_spaced, picked, unwrapped


def test_frames_are_evenly_spaced_in_time() -> None:
    times = np.concatenate([np.arange(0, 50, 0.5), np.arange(50, 200, 3.0), [200.0]])
    chosen = evenly_spaced(times, 21)
    assert times[chosen] == pytest.approx(np.linspace(0, 200, 21), abs=1.5)
    assert times[chosen][[0, -1]].tolist() == [0.0, 200.0]
    trajectory = moving(["C", "F"], bond(breaks), times, block=7)
    assert [frame.time_fs for frame in picked(trajectory, chosen.tolist())] == times[chosen].tolist()
    frames = list(picked(trajectory, [6, 7, 100]))
    assert [float(np.ptp(frame.positions_a[:, 2])) for frame in frames] == pytest.approx(breaks(times[[6, 7, 100]]))


def test_bonds_and_contacts_of_a_time() -> None:
    """By the events with their dwell time; by distance at once. The contact forms where Na–F has 2.7875 Å."""
    trajectory, reaction = leaving(), leaving_analysed()
    frames = {frame.time_fs: frame for frame in picked(trajectory, range(240))}
    by_event, by_distance = joined_at(trajectory, reaction), joined_at(trajectory, None)

    def broken_fs(joined: Any) -> float:
        return next(time for time, frame in frames.items() if not joined(frame).bonds)

    def contact_fs(joined: Any) -> float:
        return next(time for time, frame in frames.items() if joined(frame).contacts == {(1, 2)})

    assert (broken_fs(by_event), contact_fs(by_event)) == (52.5, 76.5)
    # Whole up to 1.8 Å, where a broken bond counts as healed; 1.2 times the sum of the covalent radii is 1.596 Å.
    assert (broken_fs(by_distance), contact_fs(by_distance)) == (38.5, 66.5)
    # A reaction that counted more events than it lists does not know what is bonded.
    cut = reaction.model_copy(update={"bond_events_left_out": 1})
    assert broken_fs(joined_at(trajectory, cut)) == 38.5


@pytest.mark.parametrize("block", [1, 7, 256])
@pytest.mark.parametrize("pbc", [(True, True, True), IN_PLANE], ids=["bulk", "surface"])
def test_paths_are_continuous(block: int, pbc: tuple[bool, bool, bool]) -> None:
    """Atoms that wander around, wrapped: unwrapped they are where they were, up to a constant lattice vector each."""
    times, positions, cells = noise(["C"] * 5, 3 * OBLIQUE, 400)
    cells = np.broadcast_to(3 * OBLIQUE, cells.shape)
    trajectory = moving(
        ["Na"] * 5, lambda t: positions[np.searchsorted(times, t)], times, cell=cells, pbc=pbc, block=block,
        wrapped=True,
    )  # fmt: skip
    found = np.concatenate([part.positions_a for part in unwrapped(trajectory)])
    moved = (found - positions) @ np.linalg.inv(3 * OBLIQUE)
    assert moved == pytest.approx(np.broadcast_to(moved[0], moved.shape), abs=1e-9)
    assert moved == pytest.approx(np.rint(moved), abs=1e-9)
    wrapped = np.concatenate([part.positions_a for part in trajectory.blocks()])
    assert np.abs(np.diff(wrapped, axis=0)).max() > 3 > np.abs(np.diff(found, axis=0)).max()


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (0.55, 0.48, 0.0), (0.3, 0.7, 0.5)])
def test_a_molecule_on_the_boundary_is_in_the_middle_and_whole(shift: tuple[float, float, float]) -> None:
    """FEC drifts over the boundary of a cell that cuts it, and for the third shift cuts the slab too."""
    symbols, positions, cell = fec_on_sodium()

    def drifts(times: Array) -> Array:
        moved = np.repeat((positions + shift @ cell)[None], len(times), axis=0)
        moved[:, 45:, :2] += ramp(times, 0)[:, None, None] * np.array([0.5, 0.3])
        return moved

    trajectory = moving(symbols, drifts, TIMES, cell=cell, pbc=(True,) * 3, wrapped=True, block=50)
    _, camera = survey(trajectory)
    assert camera.axes @ camera.axes.T == pytest.approx(np.eye(3), abs=1e-12)
    # No mirror image: FEC is chiral.
    assert np.linalg.det(camera.axes) == pytest.approx(1)
    size = np.ptp(positions[45:] @ camera.axes.T, axis=0)
    for frame in picked(trajectory, [0, 120, 239]):
        seen = camera.seen(frame.positions_a)
        assert np.ptp(seen[45:], axis=0) == pytest.approx(size)
        assert (seen[45:] > camera.low_a).all()
        assert (seen[45:] < camera.high_a).all()
        # As built: the molecule 6 Å above the slab's highest atoms.
        assert seen[45:, 1].min() - seen[:45, 1].max() == pytest.approx(6.0)
    middles = [camera.seen(frame.positions_a)[45:, 0] for frame in picked(trajectory, [0, 239])]
    assert np.mean([middles[0].min(), middles[0].max(), middles[1].min(), middles[1].max()]) == pytest.approx(
        (camera.low_a[0] + camera.high_a[0]) / 2, abs=1e-6
    )


def test_copies_repeat_the_picture() -> None:
    """Each lattice vector that fills the picture moves by whole periods to the side, neither up nor far to the back."""
    symbols, positions, cell = fec_on_sodium()
    trajectory = moving(
        symbols, lambda t: np.repeat(positions[None], len(t), axis=0), [0.0, 1.0], cell=cell, pbc=IN_PLANE
    )
    _, camera = survey(trajectory)
    (frame,) = picked(trajectory, [0])
    copies = camera.copies_a(frame)
    steps = copies @ np.linalg.inv(cell)
    assert steps == pytest.approx(np.rint(steps), abs=1e-9)
    seen = camera.seen(copies)
    area = float(np.linalg.norm(np.cross(cell[0], cell[1])))
    shorter = float(np.linalg.norm(cell[:2], axis=1).min())
    assert np.diff(seen[:, 0]) == pytest.approx(area / shorter)
    assert seen[:, 1] == pytest.approx(0, abs=1e-9)
    assert np.abs(seen[:, 2]).max() <= shorter / 2 + 1e-9
    # Wider than a period where the picture would be too high.
    width_a, height_a = camera.size_a
    assert width_a == pytest.approx(max(area / shorter, height_a / HIGHEST))


def drawn(trajectory: Trajectory, frame: Frame, joined: Joined) -> list[Array]:
    """Corners of all polygons, from the farthest to the nearest."""
    axes = Figure().subplots()
    SideView(axes, survey(trajectory)[1], trajectory).show(frame, joined)
    (collection,) = axes.collections
    return [np.asarray(path.vertices) for path in collection.get_paths()]


def test_bonds_go_to_the_nearest_image() -> None:
    """A chain of carbon without end, 1.5 Å from atom to atom and 6 Å the period: every stick is short."""
    chain = np.column_stack([1.5 * np.arange(4), np.full(4, 2.0), np.full(4, 9.0)])
    trajectory = moving(["C"] * 4, lambda t: np.repeat(chain[None], len(t), axis=0), [0.0], cell=BOX / 2, pbc=IN_PLANE)
    (frame,) = picked(trajectory, [0])
    joined = joined_at(trajectory, None)(frame)
    assert joined.bonds == {(0, 1), (1, 2), (2, 3), (0, 3)}
    assert max(float(np.ptp(corners[:, 0])) for corners in drawn(trajectory, frame, joined)) < 1.0


def test_contacts_are_dashed() -> None:
    trajectory = leaving()
    camera = survey(trajectory)[1]
    (frame,) = picked(trajectory, [239])
    without = {corners.tobytes() for corners in drawn(trajectory, frame, Joined(frozenset(), frozenset()))}
    contact = drawn(trajectory, frame, Joined(frozenset(), frozenset({(1, 2)})))
    dashes = np.array([corners for corners in contact if corners.tobytes() not in without])
    fluorine, sodium = camera.seen(frame.positions_a)[1:, :2]
    assert len(dashes) > 2
    between = np.sort([fluorine[0], sodium[0]])
    assert (dashes[..., 0] > between[0]).all()
    assert (dashes[..., 0] < between[1]).all()
    assert np.ptp(dashes[..., 0], axis=1).max() < 0.3
    # Gaps are left between them.
    assert np.ptp(dashes[..., 0], axis=1).sum() < 0.8 * np.ptp(dashes[..., 0])
