"""What a subject's skin is like: its colours and markings, a material, a wet or shiny finish."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from booth.toybox.looks import Colour, Look, marked
from booth.toybox.render import Finish, Surface, paint

Floats = NDArray[np.float32]

FINISHES: dict[str, Finish] = {
    "gold": Finish(0.75, 9, 1.5),
    "stone": Finish(0.0, 8, 1.1),
    "glass": Finish(0.9, 26, 0.8, 0.5),
    "wood": Finish(0.08, 12, 1.1),
    "marble": Finish(0.30, 14, 1.15),
    "shiny": Finish(1.15, 30, 1.25),
    "wet": Finish(0.95, 46, 1.1),
}
MATERIALS = ("gold", "stone", "glass", "wood")


def skin(surface: Surface, look: Look, worn: Mapping[str, Colour]) -> Floats:
    """The colour (n, 3) of every visible pixel, markings included."""
    colours = paint(surface, {**worn, **look.palette})
    if look.marking != "plain" and "main" in surface.names:
        points = surface.point[surface.mask]
        main = surface.paint[surface.mask] == surface.names.index("main")
        colours[marked(look, points) & main] = look.palette["mark"]
    return colours


def treated(colours: Floats, surface: Surface, kind: str) -> Floats:
    """The colours as the material or finish `kind` shows them; "" leaves them alone."""
    if not kind:
        return colours
    points, normals = surface.point[surface.mask], surface.normal[surface.mask]
    light = colours.mean(1, keepdims=True)
    return TREATMENTS[kind](colours, light, points, normals).astype(np.float32)


def _gold(_: Floats, light: Floats, __: Floats, normals: Floats) -> Floats:
    band = 0.5 + 0.5 * np.sin(7 * normals[:, 1:2] + 2)
    return np.array([0.95, 0.70, 0.18], np.float32) * (0.55 + 0.3 * band + 0.25 * light)


def _stone(_: Floats, light: Floats, points: Floats, __: Floats) -> Floats:
    """Grey rock: grain, dark and light blotches, and cracks that a small picture still shows."""
    x, y, z = points.T
    speckle = np.sin(np.round(x * 45) * 12.9 + np.round(y * 45) * 78.2 + np.round(z * 45) * 37.7)
    grain = np.modf(np.abs(speckle) * 4375.5)[0] - 0.5
    blotch = np.sin(13 * x + 2 * np.sin(9 * y)) * np.sin(12 * y + 2 * np.sin(10 * z + 7 * x))
    wave = np.sin(5 * x + 7 * y + 2.5 * np.sin(6 * y + 5 * z) + 2 * np.sin(8 * x - 3 * z))
    crack = np.exp(-((wave / 0.14) ** 2))
    tone = 0.75 + 0.3 * light + (0.2 * grain + 0.16 * blotch - 0.5 * crack)[:, None]
    return np.array([0.62, 0.60, 0.56], np.float32) * tone


def _glass(colours: Floats, *_: Floats) -> Floats:
    return 0.38 * colours + 0.62 * np.array([0.72, 0.90, 0.96], np.float32)


def _wood(_: Floats, light: Floats, points: Floats, __: Floats) -> Floats:
    x, y, z = points.T
    rings = np.sin(40 * np.hypot(x + 0.35 + 0.05 * np.sin(5 * y), z + 0.4) + 2.5 * np.sin(3 * y))
    share = np.clip(0.5 + 0.8 * rings, 0, 1)[:, None].astype(np.float32)
    brown = np.array([0.44, 0.23, 0.08], np.float32), np.array([0.84, 0.60, 0.33], np.float32)
    return (brown[0] * share + brown[1] * (1 - share)) * (0.72 + 0.4 * light)


def _marble(_: Floats, light: Floats, points: Floats, __: Floats) -> Floats:
    x, y, z = points.T
    wave = np.sin(6 * x + 9 * y + 3 * np.sin(5 * y + 4 * z) + 2 * np.sin(7 * x))
    vein = np.exp(-((wave / 0.10) ** 2))[:, None]
    return np.array([0.96, 0.95, 0.93], np.float32) * (0.78 + 0.24 * light) * (1 - 0.24 * vein)


def _shiny(colours: Floats, _: Floats, __: Floats, normals: Floats) -> Floats:
    """A bright sky and a dark horizon mirrored in the lacquer."""
    up = normals[:, 1:2]
    sky = np.clip((up - 0.30) * 5, 0, 1) * np.clip((0.85 - up) * 6, 0, 1)
    dark = np.clip(1 - np.abs(up + 0.02) * 7, 0, 1)
    return (colours * 1.08 + 0.40 * sky) * (1 - 0.42 * dark)


def _wet(colours: Floats, *_: Floats) -> Floats:
    return 0.66 * colours


TREATMENTS: dict[str, Callable[[Floats, Floats, Floats, Floats], Floats]] = {
    "gold": _gold,
    "stone": _stone,
    "glass": _glass,
    "wood": _wood,
    "marble": _marble,
    "shiny": _shiny,
    "wet": _wet,
}
