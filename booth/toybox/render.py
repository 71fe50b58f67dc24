"""Parts to pixels: a z-buffer over exact ray hits, then one pass of soft light for all pixels.

The view is orthographic, so a ray differs from its neighbour only by an offset and each part
costs one small array expression over its own bounding box; nothing is a mesh.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from booth.toybox.parts import Part, rotation
from booth.toybox.shapes import SHAPES

Floats = NDArray[np.float32]
Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Camera:
    """How the subject is looked at; angles in degrees, `scale` in frame heights per unit."""

    yaw: float = 0.0
    pitch: float = 12.0
    roll: float = 0.0
    scale: float = 0.7
    shift: tuple[float, float] = (0.0, 0.0)

    def matrix(self) -> NDArray[np.float64]:
        """The turn from model space to view space."""
        return rotation((self.pitch, 0, self.roll)) @ rotation((0, self.yaw, 0))


@dataclass
class Surface:
    """What each pixel of a frame shows: which paint, where on the model, facing which way."""

    paint: NDArray[np.int16]
    point: Floats
    normal: Floats
    names: list[str]

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Pixels that show the subject."""
        return self.paint >= 0


def trace(parts: Sequence[Part], camera: Camera, size: int) -> Surface:
    """Find the nearest part behind every pixel of a square frame."""
    view = camera.matrix()
    depth = np.full((size, size), -np.inf, np.float32)
    names = sorted({part.paint for part in parts})
    surface = Surface(
        np.full((size, size), -1, np.int16),
        np.zeros((size, size, 3), np.float32),
        np.zeros((size, size, 3), np.float32),
        names,
    )
    axis = ((np.arange(size) + 0.5) / size - 0.5).astype(np.float32)
    across = (axis - np.float32(camera.shift[0])) / np.float32(camera.scale)
    up = (np.float32(camera.shift[1]) - axis) / np.float32(camera.scale)
    for part in parts:
        _draw(part, view, (across, up), depth, surface)
    _to_model(surface, view, (across, up), depth)
    return surface


def _draw(
    part: Part,
    view: NDArray[np.float64],
    axes: tuple[Floats, Floats],
    depth: Floats,
    surface: Surface,
) -> None:
    """Trace one part into the buffers, in place."""
    across, up = axes
    to_view = view @ rotation(part.turn) * np.array(part.size)
    centre = view @ np.array(part.centre)
    reach = np.sqrt((to_view**2).sum(1)) if part.shape == "ball" else np.abs(to_view).sum(1)
    left, right = np.searchsorted(across, (centre[0] - reach[0], centre[0] + reach[0]))
    top, bottom = np.searchsorted(-up, (-centre[1] - reach[1], -centre[1] + reach[1]))
    if left >= right or top >= bottom:
        return
    back = np.linalg.inv(to_view).astype(np.float32)
    start = (across[left:right, None] - np.float32(centre[0])) * back[:, 0]
    start = start[None] + ((up[top:bottom, None] - np.float32(centre[1])) * back[:, 1])[:, None]
    far, valid, normal = SHAPES[part.shape](start, back[:, 2], part.taper)
    far = far + np.float32(centre[2])
    window = (slice(top, bottom), slice(left, right))
    wins = valid & (far > depth[window])
    depth[window][wins] = far[wins]
    surface.paint[window][wins] = surface.names.index(part.paint)
    surface.normal[window][wins] = normal[wins] @ back


def _to_model(
    surface: Surface, view: NDArray[np.float64], axes: tuple[Floats, Floats], depth: Floats
) -> None:
    """Fill in model-space points and normalise the normals, in place."""
    mask = surface.mask
    rows, columns = np.nonzero(mask)
    seen = np.stack([axes[0][columns], axes[1][rows], depth[mask]], -1)
    surface.point[mask] = seen @ view.astype(np.float32)
    normals = surface.normal[mask]
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    surface.normal[mask] = normals / np.maximum(length, 1e-6)


@dataclass(frozen=True)
class Finish:
    """How a surface answers light."""

    gloss: float = 0.15
    sharpness: float = 18.0
    contrast: float = 1.0
    clear: float = 0.0


LIGHT = np.array([-0.45, 0.68, 0.58], np.float32)
LIGHT /= np.linalg.norm(LIGHT)


def shade(colours: Floats, normals: Floats, heights: Floats, finish: Finish) -> Floats:
    """Light the visible pixels: soft key light, sky and ground fill, a rim and a highlight."""
    lambert = normals @ LIGHT
    key = np.clip(0.5 + 0.5 * lambert, 0, 1) ** 1.4
    sky = 0.5 + 0.5 * normals[:, 1]
    contact = 0.72 + 0.28 * np.clip(heights * 6, 0, 1)
    light = (0.34 + 0.68 * key * finish.contrast + 0.14 * sky) * contact
    half = LIGHT + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    spark = finish.gloss * np.clip(normals @ half, 0, 1) ** finish.sharpness
    rim = 0.10 * (1 - np.clip(normals[:, 2], 0, 1)) ** 3
    return colours * light[:, None] + (spark + rim)[:, None]


def paint(surface: Surface, palette: Mapping[str, Colour]) -> Floats:
    """The plain colour of every visible pixel (n, 3)."""
    table = np.array([palette[name] for name in surface.names], np.float32)
    return table[surface.paint[surface.mask]]
