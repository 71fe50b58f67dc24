"""Where a subject meets its place: a shadow, a mirror image, a waterline, a puddle, candlelight.

The empty place and the lit subject come from elsewhere; this is what makes them one picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from booth.toybox.render import Camera, Surface
from booth.toybox.streets import MIRROR

Floats = NDArray[np.float32]


def oval(size: int, centre: tuple[float, float], radii: tuple[float, float]) -> Floats:
    """Squared distance from an ellipse's middle, 1 on its edge, for every pixel of the frame."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    u, v = (axis - centre[0]) / radii[0], (axis - centre[1]) / radii[1]
    return np.asarray(u[None, :] ** 2 + v[:, None] ** 2, np.float32)


def footprint(surface: Surface, camera: Camera) -> tuple[tuple[float, float], tuple[float, float]]:
    """Middle and radii of the ellipse a subject stands on, in fractions of the frame."""
    size = surface.mask.shape[0]
    columns = np.nonzero(surface.mask.any(0))[0]
    if not len(columns):
        return (0.5, 0.5), (0.01, 0.01)
    wide = (columns[-1] - columns[0]) / size * 0.52
    tilt = max(0.24, float(np.sin(np.radians(camera.pitch))))
    return ((columns[-1] + columns[0]) / 2 / size, 0.5 + camera.shift[1]), (wide, wide * tilt)


def shadow(frame: Floats, surface: Surface, camera: Camera) -> None:
    """Darken a soft ellipse under the subject, in place."""
    (x, y), radii = footprint(surface, camera)
    far = oval(frame.shape[0], (x + 0.03, y), radii)
    frame *= (1 - 0.42 * np.clip(1.25 - far, 0, 1))[..., None]


def puddle(frame: Floats, surface: Surface, camera: Camera) -> None:
    """A pale blue puddle with a bright rim under a wet subject, in place."""
    (x, y), (wide, tall) = footprint(surface, camera)
    far = oval(frame.shape[0], (x, y + 0.012), (wide * 1.12, tall * 1.05))
    water = np.array([0.55, 0.78, 0.92], np.float32)
    inside = (far < 1)[..., None]
    frame[:] = np.where(inside, 0.45 * frame + 0.5 * water, frame)
    frame[(far > 0.86) & (far < 1)] += 0.14


def drops(frame: Floats, surface: Surface, seed: int) -> None:
    """Beads of water on a wet subject, each with a glint, in place."""
    size = frame.shape[0]
    rows, columns = np.nonzero(surface.mask)
    if not len(rows):
        return
    rng = np.random.default_rng([seed, 23])
    axis = np.arange(size, dtype=np.float32)
    for k in rng.integers(len(rows), size=26):
        r = size * float(rng.uniform(0.010, 0.021))
        y, x = int(rows[k]), int(columns[k])
        box = (
            slice(max(0, y - int(2 * r)), y + int(2 * r)),
            slice(max(0, x - int(2 * r)), x + int(2 * r)),
        )
        v, u = (axis[box[0], None] - y) / (1.25 * r), (axis[None, box[1]] - x) / r
        bead = u * u + v * v < 1
        glint = (u + 0.3) ** 2 + (v + 0.35) ** 2 < 0.16
        patch = frame[box]
        patch[bead] = 0.35 * patch[bead] + np.array([0.42, 0.55, 0.64], np.float32)
        patch[bead & (v > 0.45)] += 0.12
        patch[bead & glint] = 1.0


def ripples(frame: Floats, surface: Surface, camera: Camera) -> None:
    """Light rings on the water around a floating subject, in place."""
    middle, (wide, tall) = footprint(surface, camera)
    far = np.sqrt(oval(frame.shape[0], (middle[0], middle[1] - 0.03), (wide, tall)))
    frame *= (1 - 0.20 * np.clip(1.2 - far, 0, 1))[..., None]
    for ring in (1.06, 1.38):
        frame += (0.16 * np.exp(-(((far - ring) / 0.045) ** 2)))[..., None]


def submerge(frame: Floats, surface: Surface, water: Floats, depth: float = 0.13) -> None:
    """Let the water hide what of the subject is below the waterline, in place."""
    height = surface.point[..., 1]
    sunk = surface.mask & (height < depth)
    share = np.clip(0.62 + (depth - height[sunk]) * 3, 0, 0.95)[:, None]
    frame[sunk] = frame[sunk] * (1 - share) + water[sunk] * share
    line = surface.mask & (np.abs(height - depth) < 0.012)
    frame[line] += 0.22


def reflect(frame: Floats, lit: Floats, surface: Surface, camera: Camera) -> None:
    """The subject upside down in the mirror it stands on, in place."""
    size = frame.shape[0]
    foot = int((0.5 + camera.shift[1]) * size)
    rows = 2 * foot - np.arange(size)
    valid = (rows >= 0) & (rows < size)
    left, top, right, bottom = MIRROR
    centre, radii = (
        ((left + right) / 2, (top + bottom) / 2),
        ((right - left) / 2, (bottom - top) / 2),
    )
    seen = np.zeros((size, size), bool)
    seen[valid] = surface.mask[rows[valid]]
    seen &= oval(size, centre, radii) < 1
    upright, image = np.zeros_like(frame), np.zeros_like(frame)
    upright[surface.mask] = lit
    image[valid] = upright[rows[valid]]
    frame[seen] = 0.42 * frame[seen] + 0.55 * image[seen]


def candlelight(frame: Floats, surface: Surface) -> None:
    """A warm halo around a flame, in place."""
    if "flame" not in surface.names:
        return
    rows, columns = np.nonzero(surface.paint == surface.names.index("flame"))
    if not len(rows):
        return
    size = frame.shape[0]
    far = oval(size, (columns.mean() / size, rows.mean() / size), (0.20, 0.20))
    frame += np.exp(-far)[..., None] * np.array([0.34, 0.20, 0.04], np.float32)
