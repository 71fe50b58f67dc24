"""A cube shaped subject: its middle becomes a cube in its colours, its details sit on the faces.

Its largest parts of the main colour fill a box (of an animal only the head counts); that box is
stretched to a cube, and what stuck out of it (a spout, ears, wheels) sticks out of the cube.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from booth.toybox.bodies import can_wear, head
from booth.toybox.looks import Look
from booth.toybox.parts import Part, ball, both, rotation

Box = NDArray[np.float64]
HALF, MIDDLE = 0.42, 0.47
"""Half the cube's edge, and how high its middle is."""


def cubed(look: Look, parts: Sequence[Part]) -> list[Part]:
    """The subject's parts, rearranged on a cube with its main colour and markings."""
    cube = Part("box", (0, MIDDLE, 0), (HALF, HALF, HALF))
    if not can_wear(look):
        large = [p for p in parts if p.paint == "main" and max(p.size) > 0.13]
        core = _box(large, deep=0.7 if look.class_noun == "glasses" else 0.0)
        details = parts if look.class_noun == "glasses" else [p for p in parts if p not in large]
        return [cube, *(_on_cube(part, core) for part in details)]
    middle, radius, neck = head(look)
    face = [p for p in parts if p.centre[1] > neck[1] + 0.03]
    core = np.array([middle, (radius,) * 3])
    features = [p for p in face if p.paint != "main" or _from_middle(p, core).max() > 0.8]
    paws = both(ball((0.2, 0.05, HALF), (0.12, 0.06, 0.11), "pale"))
    return [cube, *paws, *(_off_ball(part, core) for part in features)]


def _reach(part: Part) -> Box:
    """How far a part reaches from its centre along the axes."""
    return np.abs(rotation(part.turn)) @ np.array(part.size)


def _box(parts: Sequence[Part], deep: float) -> Box:
    """Middle and half-widths (2, 3) of the box around the parts, at least `deep` from the front."""
    middles, reach = np.array([p.centre for p in parts]), np.array([_reach(p) for p in parts])
    low, high = (middles - reach).min(0), (middles + reach).max(0)
    low[2] = min(low[2], high[2] - deep)
    return np.array([(low + high) / 2, (high - low) / 2])


def _from_middle(part: Part, core: Box) -> Box:
    return np.abs((np.array(part.centre) - core[0]) / core[1])


def _placed(part: Part, at: Box, scale: float | Box) -> Part:
    """The part scaled, at a place relative to the cube's middle."""
    x, y, z = (float(c) for c in at)
    wide, tall, deep = (float(s) for s in scale * np.array(part.size))
    return replace(part, centre=(x, MIDDLE + y, z), size=(wide, tall, deep))


def _off_ball(part: Part, core: Box) -> Part:
    """A feature of a round head: what sat on the ball's skin sits on the cube's face."""
    at = (np.array(part.centre) - core[0]) / core[1]
    outside = np.where(np.abs(at) > 0.5, at + 0.14 * np.sign(at), at) * HALF
    return _placed(part, outside, HALF / float(core[1, 0]))


def _on_cube(part: Part, core: Box) -> Part:
    """A detail of a thing: as far out of the cube's faces as it was of the core's; what went all
    the way around still does.
    """
    scale = float(np.clip(1.06 * HALF / core[1, 0], 0.9, 1.7))
    at, reach = np.array(part.centre) - core[0], _reach(part)
    outer = (np.abs(at) + reach) / core[1]
    past = HALF + (outer - 1) * core[1] * scale + 0.012 - reach * scale
    placed = np.where(outer > 0.97, np.sign(at) * past, at / core[1] * HALF)
    wide = (reach > 0.8 * core[1]) & (part.turn == (0, 0, 0))
    return _placed(part, placed, np.where(wide, 1.06 * HALF / core[1], scale))
