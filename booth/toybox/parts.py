"""Parts are what subjects are built of: a shape, where it sits, how it is turned, its paint.

Sizes are half-widths, angles are degrees, y is up, the ground is y = 0 and a subject faces +z.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Part:
    """One stretched and turned shape; `paint` names a colour of the subject's palette."""

    shape: str
    centre: Point
    size: Point
    paint: str = "main"
    turn: Point = (0.0, 0.0, 0.0)
    taper: float = 1.0


def rotation(turn: Point) -> NDArray[np.float64]:
    """Turn about x, then y, then z."""
    a, b, c = np.radians(turn)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def ball(centre: Point, size: float | Point, paint: str = "main", turn: Point = (0, 0, 0)) -> Part:
    """A ball or an ellipsoid."""
    return Part("ball", centre, size if isinstance(size, tuple) else (size,) * 3, paint, turn)


def pillow(centre: Point, size: Point, paint: str = "main", turn: Point = (0, 0, 0)) -> Part:
    """A box with very round edges."""
    return Part("pillow", centre, size, paint, turn)


def cone(
    centre: Point, size: Point, taper: float, paint: str = "main", turn: Point = (0, 0, 0)
) -> Part:
    """A capped cone standing on its wide end; `taper` 1 is a cylinder, 0 a point."""
    return Part("cone", centre, size, paint, turn, taper)


def tube(
    points: Sequence[Point], radii: tuple[float, float], paint: str = "main", beads: int = 0
) -> list[Part]:
    """A bent tube through `points`, as a chain of overlapping balls, by default close ones."""
    path = np.array(points, dtype=float)
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    beads = beads or int(np.clip(length / (0.7 * min(radii)), 8, 40))
    at = np.linspace(0, len(path) - 1, beads)
    low = np.minimum(at.astype(int), len(path) - 2)
    share = (at - low)[:, None]
    before, after = np.maximum(low - 1, 0), np.minimum(low + 2, len(path) - 1)
    p0, p1, p2, p3 = path[before], path[low], path[low + 1], path[after]
    centres = 0.5 * (
        2 * p1
        + (p2 - p0) * share
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * share**2
        + (3 * p1 - p0 - 3 * p2 + p3) * share**3
    )
    sizes = np.linspace(*radii, beads)
    return [
        ball((float(x), float(y), float(z)), float(r), paint)
        for (x, y, z), r in zip(centres, sizes, strict=True)
    ]


def ring(centre: Point, size: Point, radius: float, paint: str, beads: int = 26) -> list[Part]:
    """A flat ring of beads around y: a collar, a rim or the edge of a rug."""
    turns = np.linspace(0, 2 * np.pi, beads, endpoint=False)
    return [
        ball(
            (
                centre[0] + size[0] * float(np.cos(t)),
                centre[1],
                centre[2] + size[2] * float(np.sin(t)),
            ),
            radius,
            paint,
        )
        for t in turns
    ]


def both(part: Part) -> list[Part]:
    """A part and its mirror image on the other side of the body."""
    x, y, z = part.centre
    a, b, c = part.turn
    return [part, replace(part, centre=(-x, y, z), turn=(a, -b, -c))]
