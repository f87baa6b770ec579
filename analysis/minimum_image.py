"""Distances of chosen pairs of atoms in blocks of frames: nearest images in any cell, along the periodic directions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from natrium.structures.errors import InputError

Array = NDArray[np.float64]

RIGHT_ANGLE = 1e-9
"""Cosines below this are right angles: the image that rounding finds is then off by less than the last digits."""


class MinimumImage:
    """Shortest distances between atoms and periodic images of others.

    Where the periodic lattice vectors are at right angles, rounding finds the nearest image. In an oblique cell it does
    so only up to half of the cell's smallest height, so there the lattice basis is reduced (Minkowski; Nguyen and
    Stehlé, ACM Trans. Algorithms 5, 46, 2009) and the images around are looked at besides: in a reduced basis the
    nearest is among them. Only the periodic vectors count: how a vacuum direction is tilted has no influence.

    Every step works on numbers of one frame alone and in a fixed order, so a distance has the same last digit
    whatever block its frame came in.
    """

    def __init__(self, source: str, pbc: tuple[bool, bool, bool]) -> None:
        """Distances in a trajectory.

        Args:
            source: Of the trajectory, for messages.
            pbc: Periodic along each lattice vector.
        """
        self._source = source
        self._periodic = [axis for axis in range(3) if pbc[axis]]
        self._reduction: NDArray[np.int_] | None = None

    def distances_a(
        self, positions_a: Array, cells_a: Array, first: NDArray[np.int_], second: NDArray[np.int_]
    ) -> Array:
        """Distances, shape (frames, pairs), Å.

        Args:
            positions_a: Shape (frames, atoms, 3), Å; wrapped into the cell or not.
            cells_a: Lattice vectors in rows, shape (frames, 3, 3), Å.
            first: Indices of the first atoms, shape (pairs,).
            second: Indices of the second atoms, shape (pairs,).

        Raises:
            InputError: periodic lattice vectors that span no cell.
        """
        components = np.ascontiguousarray(np.moveaxis(positions_a, 2, 0))
        apart = [np.take(axis, second, axis=1) - np.take(axis, first, axis=1) for axis in components]
        constant = bool((cells_a == cells_a[:1]).all())
        vectors = (cells_a[:1] if constant else cells_a)[:, self._periodic]
        self._check(vectors)
        right_angled = _right_angled(vectors)
        if right_angled.all():
            return np.asarray(np.sqrt(_wrapped_square(apart, vectors)))
        if not right_angled.any():
            return self._oblique(apart, self._reduced(vectors))
        distances: Array = np.empty_like(apart[0])
        distances[right_angled] = np.sqrt(
            _wrapped_square([axis[right_angled] for axis in apart], vectors[right_angled])
        )
        distances[~right_angled] = self._oblique(
            [axis[~right_angled] for axis in apart], self._reduced(vectors[~right_angled])
        )
        return distances

    def _oblique(self, apart: list[Array], vectors: Array) -> Array:
        square = _wrapped_square(apart, vectors)
        # |d ± v|² = |d|² + |v|² ± 2 d·v: the nearer of both opposite images has the minus sign.
        nearer = np.zeros_like(square)
        for image in _images(vectors):
            change = _dot(apart, image)
            np.abs(change, out=change)
            change *= -2
            change += (image * image).sum(axis=-1)[:, None]
            np.minimum(nearer, change, out=nearer)
        square += nearer
        return np.asarray(np.sqrt(np.maximum(square, 0, out=square)))

    def _reduced(self, vectors: Array) -> Array:
        """The same lattices in reduced bases. Cells that breathe keep the reduction of the first one seen."""
        if self._reduction is None:
            self._reduction = _reduction(vectors[0])
        reduced = _combined(self._reduction, vectors)
        for frame in np.flatnonzero(~_is_reduced(reduced)):
            reduced[frame] = _combined(_reduction(vectors[frame]), vectors[frame][None])[0]
        return reduced

    def _check(self, vectors: Array) -> None:
        if self._periodic:
            gram = vectors @ vectors.transpose(0, 2, 1)
            sizes = np.prod(np.diagonal(gram, axis1=1, axis2=2), axis=1)
            if not (np.linalg.det(gram) > 1e-12 * sizes).all():
                raise InputError(
                    f"{self._source}: periodic, and its periodic lattice vectors span no cell",
                    "give the cell of every frame, or pbc False along the directions that have none",
                )


def _right_angled(vectors: Array) -> NDArray[np.bool_]:
    """Of which frames the periodic vectors are at right angles, shape (frames,)."""
    right = np.ones(len(vectors), dtype=bool)
    for i in range(vectors.shape[1]):
        for j in range(i):
            a, b = vectors[:, i], vectors[:, j]
            sizes = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
            right &= np.abs((a * b).sum(axis=-1)) < RIGHT_ANGLE * sizes
    return right


def _wrapped_square(apart: list[Array], vectors: Array) -> Array:
    """Squares of the distances after rounding off whole lattice vectors, Å²; `apart` is wrapped in place."""
    whole = [np.rint(_dot(apart, dual)) for dual in np.moveaxis(_duals(vectors), 1, 0)]
    for count, vector in zip(whole, np.moveaxis(vectors, 1, 0), strict=True):
        for axis in range(3):
            if vector[:, axis].any():
                apart[axis] -= count * vector[:, axis, None]
    x, y, z = apart
    square = x * x
    square += y * y
    square += z * z
    return square


def _dot(apart: list[Array], vector: Array) -> Array:
    """Scalar products, shape (frames, pairs), with one vector a frame, shape (frames or 1, 3)."""
    # Not by matrix multiplication: its last digit depends on the shape of the block.
    product_ = None
    for axis, component in zip(apart, vector.T, strict=True):
        if component.any():
            term = axis * component[:, None]
            product_ = term if product_ is None else np.add(product_, term, out=product_)
    return np.zeros_like(apart[0]) if product_ is None else product_


def _duals(vectors: Array) -> Array:
    """Vectors whose scalar products with a displacement count its lattice vectors; shape of `vectors`."""
    count = vectors.shape[1]
    if count < 2:
        squares = (vectors * vectors).sum(axis=-1, keepdims=True)
        return np.asarray(vectors / squares)
    a, b = vectors[:, 0], vectors[:, 1]
    c = vectors[:, 2] if count == 3 else np.cross(a, b)
    volume = (np.cross(a, b) * c).sum(axis=-1)[:, None]
    duals = [np.cross(b, c) / volume, np.cross(c, a) / volume, np.cross(a, b) / volume]
    return np.stack(duals[:count], axis=1)


def _images(vectors: Array) -> Iterator[Array]:
    """Around the origin, one of each opposite two: shape (frames, 3)."""
    count = vectors.shape[1]
    for steps in product((1, 0, -1), repeat=count):
        if steps > (0,) * count:
            yield _combined(np.array([steps]), vectors)[:, 0]


def _combined(steps: NDArray[np.int_], vectors: Array) -> Array:
    """Whole-numbered combinations of lattice vectors: (n, k) and (frames, k, 3) to (frames, n, 3)."""
    return np.asarray((steps[None, :, :, None] * vectors[:, None]).sum(axis=2))


def _reduction(vectors: Array) -> NDArray[np.int_]:
    """Whole numbers that combine two or three lattice vectors to a Minkowski-reduced basis."""
    from ase.geometry.minkowski_reduction import minkowski_reduce

    count = len(vectors)
    basis = vectors if count == 3 else np.vstack([vectors, np.cross(*vectors)])
    steps = minkowski_reduce(basis, pbc=[True, True, count == 3])[1]
    return np.asarray(steps[:count, :count], dtype=int)


def _is_reduced(vectors: Array) -> NDArray[np.bool_]:
    """Minkowski's conditions, for each frame: no vector gets shorter by adding or subtracting shorter ones."""
    order = np.argsort((vectors * vectors).sum(axis=-1), axis=1, kind="stable")
    by_length = np.take_along_axis(vectors, order[:, :, None], axis=1)
    reduced = np.ones(len(vectors), dtype=bool)
    for longest in range(1, vectors.shape[1]):
        size = (by_length[:, longest] ** 2).sum(axis=-1)
        for steps in product((-1, 0, 1), repeat=longest):
            other = _combined(np.array([[*steps, 1]]), by_length[:, : longest + 1])[:, 0]
            reduced &= (other * other).sum(axis=-1) >= size * (1 - 1e-9)
    return reduced
