"""A slab and what is on it from the side, in parallel projection: a camera that stands still and what it sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from natrium.analysis.atom_drawing import COLOURS, OTHER_COLOUR, OTHER_RADIUS_A, RADII_A
from natrium.analysis.molecular_graphs import Pair
from natrium.analysis.moving_bonds import Joined
from natrium.analysis.trajectory import Trajectory
from natrium.analysis.unwrapped_frames import Frame, nearest_image, unwrapped
from natrium.structures.bonds import IONIC
from natrium.structures.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]

MARGIN_A = 1.4
HIGHEST = 4 / 3
"""Height of the picture by its width. Where one period of a slab is narrower, more of it is seen, molecules too."""

_METAL_SCALE = 1.7
"""Metal atoms fill the slab; smaller they would leave the molecule with no ground to stand on."""
_BOND_WIDTH_A, _DASH_WIDTH_A, _DASH_A, _GAP_A = 0.26, 0.16, 0.2, 0.14
_FARTHEST_PALE = 0.55
_CORNERS = 32
# Of each disc of a shaded ball: radius, offset of its middle from the ball's to the upper left, both in units of the
# ball's radius, and brightness: below 1 darker, above 1 a mixture with white.
_DISCS = ((1.0, 0.0, 0.5), (0.92, 0.03, 0.86), (0.66, 0.15, 1.05), (0.24, 0.32, 1.4))
_TUBE = ((1.0, 0.0, 0.5), (0.7, 0.0, 1.0))
_DASH = ((1.0, 0.0, 0.75),)

_CIRCLE = np.exp(2j * np.pi * np.arange(_CORNERS) / _CORNERS)
_UPPER_LEFT = np.array([-1.0, 1.0]) / np.sqrt(2)


@dataclass(frozen=True)
class Camera:
    """Where the picture is taken from, the same for all frames."""

    axes: Floats
    """Rows are right, up and towards the eye, shape (3, 3)."""
    low_a: Floats
    """The left, lower and farthest end of what is seen, along these axes, Å."""
    high_a: Floats
    depth: int | None
    """Lattice vector along which the eye looks; the other one of the surface repeats the picture. None: no slab."""

    @property
    def size_a(self) -> tuple[float, float]:
        """Width and height of the picture, Å."""
        width, height, _ = self.high_a - self.low_a
        return float(width), float(height)

    def seen(self, positions_a: Floats) -> Floats:
        """Positions to the right, upwards and towards the eye, Å."""
        return np.asarray(positions_a @ self.axes.T)

    def copies_a(self, frame: Frame) -> Floats:
        """Lattice vectors that bring periodic images into the picture, zero among them; shape (n, 3), Å.

        Moved along the line of sight besides, which nobody sees, they stay as far from the eye as what they repeat.
        """
        if self.depth is None:
            return np.zeros((1, 3))
        along, across = frame.cell_a[self.depth], frame.cell_a[1 - self.depth]
        period_a = abs(float(self.seen(across)[0]))
        right = self.seen(frame.positions_a)[:, 0]
        most = int(np.ceil((max(self.high_a[0] - right.min(), right.max() - self.low_a[0]) + MARGIN_A) / period_a))
        steps = np.arange(-most, most + 1)
        back = -np.rint(steps * (across @ along) / (along @ along))
        return np.asarray(steps[:, None] * across + back[:, None] * along)


def survey(trajectory: Trajectory) -> tuple[Floats, Camera]:
    """The times of all frames, fs, and the camera for them, by one pass.

    The eye looks along the shorter vector of the surface; the picture is as wide as one period, with the molecules in
    the middle, and as high as atoms ever get.

    Raises:
        InputError: no frames, positions that are not numbers, or periodic lattice vectors that span no surface.
    """
    times: list[Floats] = []
    molecules = np.array([symbol not in IONIC for symbol in trajectory.symbols])
    middle = molecules if molecules.any() else ~molecules
    axes, depth, period_a = np.eye(3), None, 0.0
    low, high, left_right = np.full(3, np.inf), np.full(3, -np.inf), np.array([np.inf, -np.inf])
    for block in unwrapped(trajectory):
        if not times:
            axes, depth, period_a = _standpoint(trajectory, block.cells_a[0])
        seen = block.positions_a @ axes.T
        low, high = np.minimum(low, seen.min(axis=(0, 1))), np.maximum(high, seen.max(axis=(0, 1)))
        right = seen[:, middle, 0]
        left_right = np.array([min(left_right[0], right.min()), max(left_right[1], right.max())])
        times.append(block.times_fs)
    if not times:
        raise InputError(f"{trajectory.source}: no frames", "give a trajectory with at least one frame")
    low[:2] -= MARGIN_A
    high[:2] += MARGIN_A
    width_a = high[0] - low[0] if depth is None else period_a
    centre_a = (low[0] + high[0]) / 2 if depth is None else left_right.mean()
    width_a = max(width_a, (high[1] - low[1]) / HIGHEST)
    low[0], high[0] = centre_a - width_a / 2, centre_a + width_a / 2
    return np.concatenate(times), Camera(axes, low, high, depth)


def _standpoint(trajectory: Trajectory, cell_a: Floats) -> tuple[Floats, int | None, float]:
    """The camera's axes, the lattice vector that it looks along, and the period of what it sees, Å."""
    if not (trajectory.pbc[0] and trajectory.pbc[1]):
        return np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]), None, 0.0
    normal = np.cross(cell_a[0], cell_a[1])
    lengths_a = np.linalg.norm(cell_a[:2], axis=1)
    if np.linalg.norm(normal) < 1e-6 * lengths_a.prod() or not lengths_a.all():
        raise InputError(
            f"{trajectory.source}: periodic, and its periodic lattice vectors span no surface",
            "give the cell of every frame, or pbc False along the directions that have none",
        )
    up = normal / np.linalg.norm(normal) * (-1 if normal @ cell_a[2] < 0 else 1)
    depth = int(lengths_a.argmin())
    towards = cell_a[depth] / lengths_a[depth]
    right = np.cross(up, towards)
    if right @ cell_a[1 - depth] < 0:
        right, towards = -right, -towards
    return np.stack([right, up, towards]), depth, float(right @ cell_a[1 - depth])


class SideView:
    """The atoms in a figure: drawn once, then moved."""

    def __init__(self, axes: Axes, camera: Camera, trajectory: Trajectory) -> None:
        from matplotlib.collections import PolyCollection
        from matplotlib.colors import to_rgb

        self._camera, self._symbols, self._pbc = camera, trajectory.symbols, trajectory.pbc
        self._colours = np.array([to_rgb(COLOURS.get(symbol, OTHER_COLOUR)) for symbol in trajectory.symbols])
        self._radii_a = np.array([drawn_radius_a(symbol) for symbol in trajectory.symbols])
        (left, lower, _), (right, upper, _) = camera.low_a, camera.high_a
        axes.set(xlim=(left, right), ylim=(lower, upper))
        axes.set_axis_off()
        self._polygons = PolyCollection([], edgecolors="none")
        axes.add_collection(self._polygons, autolim=False)

    def show(self, frame: Frame, joined: Joined) -> None:
        """Move everything to where it is in this frame."""
        balls = self._balls(frame)
        tubes = self._tubes(frame, joined.bonds)
        dashes = self._dashes(frame, joined.contacts)
        polygons, colours, depths = (np.concatenate(parts) for parts in zip(balls, tubes, dashes, strict=True))
        order = np.argsort(depths, kind="stable")
        self._polygons.set_verts(cast(Any, polygons[order]))
        self._polygons.set_facecolor(cast(Any, colours[order]))

    def _balls(self, frame: Frame) -> tuple[Floats, Floats, Floats]:
        seen, atoms = self._in_sight(frame, frame.positions_a, self._radii_a)
        radii = self._radii_a[atoms]
        polygons = [
            (seen[:, :2] + offset * radii[:, None] * _UPPER_LEFT)[:, None]
            + (size * radii)[:, None, None] * np.column_stack([_CIRCLE.real, _CIRCLE.imag])
            for size, offset, _ in _DISCS
        ]
        return self._coloured(polygons, self._colours[atoms], seen[:, 2], [bright for *_, bright in _DISCS])

    def _tubes(self, frame: Frame, bonds: Iterable[Pair]) -> tuple[Floats, Floats, Floats]:
        """From the surface of each ball to the middle of the bond, in the colour of the atom."""
        pairs = sorted(bonds)
        ends = np.array([*pairs, *(pair[::-1] for pair in pairs)], dtype=np.int64).reshape(-1, 2)
        start, along = self._between(frame, ends)
        middle = frame.positions_a[ends[:, 0]] + along / 2
        return self._sticks(frame, start, middle, self._colours[ends[:, 0]], _BOND_WIDTH_A, _TUBE)

    def _dashes(self, frame: Frame, contacts: Iterable[Pair]) -> tuple[Floats, Floats, Floats]:
        """From surface to surface, in the colour of the atom that is not metal."""
        ends = np.array([sorted(pair, key=self._is_metal) for pair in sorted(contacts)], dtype=np.int64).reshape(-1, 2)
        start, along = self._between(frame, ends)
        surface = frame.positions_a[ends[:, 0]] + along * (1 - self._trimmed(along, ends[:, 1]))[:, None]
        starts, stops, colours = [np.zeros((0, 3))], [np.zeros((0, 3))], [np.zeros((0, 3))]
        for one, other, atom in zip(start, surface, ends[:, 0], strict=True):
            length = float(np.linalg.norm(other - one))
            count = max(1, round((length + _GAP_A) / (_DASH_A + _GAP_A)))
            begin = np.arange(count)[:, None] / count
            starts.append(one + begin * (other - one))
            stops.append(one + (begin + _DASH_A / (_DASH_A + _GAP_A) / count) * (other - one))
            colours.append(np.repeat(self._colours[atom][None], count, axis=0))
        return self._sticks(
            frame, np.concatenate(starts), np.concatenate(stops), np.concatenate(colours), _DASH_WIDTH_A, _DASH
        )

    def _is_metal(self, atom: int) -> bool:
        return self._symbols[atom] in IONIC

    def _between(self, frame: Frame, ends: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Where sticks leave the first balls, and the way from atom to atom, nearest images."""
        first = frame.positions_a[ends[:, 0]]
        along = nearest_image(frame.positions_a[ends[:, 1]] - first, frame.cell_a, self._pbc)
        return first + along * self._trimmed(along, ends[:, 0])[:, None], along

    def _trimmed(self, along: Floats, atoms: NDArray[np.int64]) -> Floats:
        """The part of the way that is inside the ball, less a little so that no gap is seen; never beyond a half."""
        lengths = np.maximum(np.linalg.norm(along, axis=1), 1e-9)
        return np.asarray(np.minimum(0.9 * self._radii_a[atoms] / lengths, 0.5))

    def _sticks(
        self,
        frame: Frame,
        start: Floats,
        stop: Floats,
        colours: Floats,
        width_a: float,
        layers: Sequence[tuple[float, float, float]],
    ) -> tuple[Floats, Floats, Floats]:
        half = (stop - start) / 2
        seen, sticks = self._in_sight(frame, start + half, np.linalg.norm(half, axis=1) + width_a)
        ahead = self._camera.seen(half)[sticks, :2]
        lengths = np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
        aside = ahead[:, ::-1] * np.array([-1.0, 1.0]) / lengths * width_a / 2
        polygons = []
        for size, _, _ in layers:
            corners = [-ahead - size * aside, -ahead + size * aside, ahead + size * aside, ahead - size * aside]
            # As many corners as the discs have: polygons of one shape are drawn without a loop.
            polygons.append(seen[:, None, :2] + np.repeat(np.stack(corners, axis=1), _CORNERS // 4, axis=1))
        return self._coloured(polygons, colours[sticks], seen[:, 2], [bright for *_, bright in layers])

    def _in_sight(self, frame: Frame, middles_a: Floats, reach_a: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """All images that reach into the picture: where they are seen, and which they are."""
        copies = self._camera.copies_a(frame)
        seen = self._camera.seen(middles_a[None] + copies[:, None])
        low, high = self._camera.low_a[0], self._camera.high_a[0]
        inside = (seen[..., 0] > low - reach_a) & (seen[..., 0] < high + reach_a)
        return seen[inside], np.nonzero(inside)[1]

    def _coloured(
        self, layers: list[Floats], colours: Floats, depths: Floats, brightness: Sequence[float]
    ) -> tuple[Floats, Floats, Floats]:
        """Polygons, colours and depths of things in layers, thing by thing: so a stable sort keeps layers together."""
        count = len(layers)
        far, near = self._camera.low_a[2], self._camera.high_a[2]
        pale = _FARTHEST_PALE * np.clip((near - depths) / max(near - far, 1e-9), 0, 1)[:, None]
        shades = []
        for bright in brightness:
            shade = colours * min(bright, 1.0)
            shade = shade + (1 - shade) * max(bright - 1.0, 0.0)
            shades.append(shade + (1 - shade) * pale)
        return (
            np.stack(layers, axis=1).reshape(-1, _CORNERS, 2),
            np.stack(shades, axis=1).reshape(-1, 3),
            np.repeat(depths, count),
        )


def drawn_radius_a(symbol: str) -> float:
    """Radius of a ball, Å."""
    return RADII_A.get(symbol, OTHER_RADIUS_A) * (_METAL_SCALE if symbol in IONIC else 1.0)


def element_legend(figure: Figure, symbols: Sequence[str]) -> None:
    """Which colour is which element, along the lower edge of the figure."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [], [], ls="none", marker="o", ms=7, mfc=COLOURS.get(name, OTHER_COLOUR), mec="#606060", mew=0.6, label=name
        )
        for name in dict.fromkeys(symbols)
    ]
    figure.legend(
        handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=8, borderaxespad=0.1,
        handletextpad=0.0, columnspacing=0.9,
    )  # fmt: skip
