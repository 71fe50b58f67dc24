"""Where a viewing ray meets a ball, a pillow, a box or a cone, in the shape's own coordinates.

Every shape fills -1..1 and is stretched by an affine map, so one formula serves any size; the
eye looks along falling z, so the visible hit is always the one with the *largest* z.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Hit = tuple[Array, NDArray[np.bool_], Array]
"""Depth along the ray, whether it hits at all, and the unnormalised local normal (h, w, 3)."""


def ball(start: Array, step: Array, _: float) -> Hit:
    """The unit ball."""
    a = float(step @ step)
    b = start @ step
    c = np.einsum("hwi,hwi->hw", start, start) - 1
    inside = b * b - a * c
    depth = (-b + np.sqrt(np.maximum(inside, 0))) / a
    return depth, inside > 0, start + depth[..., None] * step


def pillow(start: Array, step: Array, _: float) -> Hit:
    """x^4 + y^4 + z^4 <= 1, a box with very round edges: Newton from outside never overshoots."""
    depth, valid, _normal = box(start, step, 0.0)
    depth = np.where(valid, depth, 0).astype(np.float32)
    for _round in range(7):
        point = start + depth[..., None] * step
        cubed = point * point * point
        value = np.einsum("hwi,hwi->hw", cubed, point) - 1
        slope = 4 * (cubed @ step)
        depth = np.where(valid, depth - np.clip(value / np.maximum(slope, 0.05), -9, 9), 0)
        valid = valid & ((slope > 0.05) | (np.abs(value) < 0.05))
    point = start + depth[..., None] * step
    cubed = point * point * point
    value = np.einsum("hwi,hwi->hw", cubed, point) - 1
    return depth, valid & (np.abs(value) < 0.08), cubed


def box(start: Array, step: Array, _: float) -> Hit:
    """The cube from -1 to 1, its edges bevelled by its normals alone."""
    safe = np.where(np.abs(step) < 1e-3, np.float32(1e-3), step)
    far = (np.sign(safe) - start) / safe
    near = (-np.sign(safe) - start) / safe
    depth = far.min(-1)
    point = start + depth[..., None] * step
    return depth, depth > near.max(-1), point**7


def cone(start: Array, step: Array, taper: float) -> Hit:
    """A capped cone along y: radius 1 at the bottom, `taper` at the top (1 is a cylinder)."""
    middle, slope = (1 + taper) / 2, (taper - 1) / 2
    radius = middle + slope * start[..., 1]
    lean = slope * float(step[1])
    a = float(step[0] ** 2 + step[2] ** 2) - lean * lean
    b = start[..., 0] * step[0] + start[..., 2] * step[2] - radius * lean
    c = start[..., 0] ** 2 + start[..., 2] ** 2 - radius * radius
    inside = b * b - a * c
    depth = (-b + np.sqrt(np.maximum(inside, 0))) / (a if abs(a) > 1e-6 else 1e-6)
    point = start + depth[..., None] * step
    valid = (inside > 0) & (np.abs(point[..., 1]) <= 1)
    wall = middle + slope * point[..., 1]
    normal = np.stack([point[..., 0], -slope * wall, point[..., 2]], -1)
    depth = np.where(valid, depth, -np.inf)
    for side, cap_radius in ((1.0, taper), (-1.0, 1.0)):
        _cap(start, step, side, cap_radius, (depth, valid, normal))
    return depth, valid, normal


def _cap(start: Array, step: Array, side: float, radius: float, hit: Hit) -> None:
    """Let the flat end at y = `side` win where it is nearer, in place."""
    if abs(float(step[1])) < 1e-4:
        return
    depth, valid, normal = hit
    flat = (side - start[..., 1]) / step[1]
    x, z = start[..., 0] + flat * step[0], start[..., 2] + flat * step[2]
    nearer = (x * x + z * z <= radius * radius) & (flat > depth)
    depth[nearer] = flat[nearer]
    valid |= nearer
    normal[nearer] = (0, side, 0)


SHAPES: dict[str, Callable[[Array, Array, float], Hit]] = {
    "ball": ball,
    "pillow": pillow,
    "box": box,
    "cone": cone,
}
