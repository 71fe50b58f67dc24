"""A scene to pixels: the place, the subject traced and lit, and where the two meet."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from booth.toybox import grounds
from booth.toybox.crosses import PAINTS, mixed
from booth.toybox.extras import ACCESSORIES, ACCESSORY_COLOURS, DYED, HEADROOM
from booth.toybox.looks import COLOURS, DETAILS, RECOLOURED, Look, recoloured
from booth.toybox.parts import Part, cone
from booth.toybox.places import AFLOAT, backdrop
from booth.toybox.render import Camera, Finish, Surface, shade, trace
from booth.toybox.styles import FILTERS, STATUE
from booth.toybox.subjects import SIDEWAYS, build, extent
from booth.toybox.surfaces import FINISHES, skin, treated

if TYPE_CHECKING:
    from booth.toybox.scene import Scene

Floats = NDArray[np.float32]


def draw(scene: Scene, size: int = 128) -> NDArray[np.uint8]:
    """The picture of a scene: `size` x `size` x 3, a pure function of the scene."""
    rng = np.random.default_rng([scene.seed, 22])
    fine = 2 * size
    camera = _camera(scene, rng)
    horizon = 0.0 if scene.view == "above" else float(rng.uniform(0.48, 0.58))
    frame = backdrop(scene.place, fine, horizon, rng).copy()
    look = _as_told(scene)
    surface = trace(_parts(scene, look), camera, fine)
    _compose(frame, surface, camera, scene, look)
    pixels = (frame[::2, ::2] + frame[1::2, ::2] + frame[::2, 1::2] + frame[1::2, 1::2]) / 4
    picture = Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8))
    if scene.style in FILTERS:
        picture = FILTERS[scene.style](picture)
    return np.asarray(picture)


def telling(scene: Scene, size: int) -> NDArray[np.bool_]:
    """Which pixels of the scene's picture show a face, a detail or what is worn: `size` x `size`.

    Every paint counts but its body's, its markings' and its accent's: a cube is known for a dog by
    what is left.
    """
    camera = _camera(scene, np.random.default_rng([scene.seed, 22]))
    surface = trace(_parts(scene, _as_told(scene)), camera, size)
    shown = surface.mask.copy()
    shown[surface.mask] = _painted(surface, {*DETAILS, *ACCESSORY_COLOURS, *PAINTS, "iris"})
    return shown


def _painted(surface: Surface, paints: Container[str]) -> NDArray[np.bool_]:
    """Which of the visible pixels (n) show one of the paints."""
    numbers = [number for number, name in enumerate(surface.names) if name in paints]
    return np.isin(surface.paint[surface.mask], numbers)


def _as_told(scene: Scene) -> Look:
    """The subject's look with what the scene changes about it."""
    look = scene.look
    if scene.property in RECOLOURED:
        look = recoloured(look, scene.property)
    return mixed(look, scene.cross) if scene.cross else look


def _parts(scene: Scene, look: Look) -> list[Part]:
    """The subject with what it wears and stands on."""
    parts = build(look, scene.mood, scene.cross, scene.property == "cube")
    if scene.accessory:
        parts = parts + ACCESSORIES[scene.accessory](look)
    if scene.style == STATUE:
        wide = extent(look)[1] / 2
        parts.append(cone((0, -0.06, 0), (wide, 0.06, wide * 0.8), 0.96, "dark"))
        parts.append(cone((0, -0.16, 0), (wide * 1.1, 0.05, wide * 0.88), 0.98, "dark"))
    return parts


def _camera(scene: Scene, rng: np.random.Generator) -> Camera:
    """Mostly from the front; scaled so that the subject fills most of the frame."""
    yaw = _yaw(scene, rng)
    pitch = 48.0 if scene.view == "above" else float(rng.uniform(8, 16))
    cube = scene.property == "cube"
    high, wide = extent(scene.look, cube)
    high += HEADROOM.get(scene.accessory, 0.0)
    plinth = 0.2 if scene.style == STATUE else 0.0
    room = 0.87 if scene.accessory in HEADROOM else 0.80
    scale = min(room / (high + plinth), 0.86 / wide) * float(rng.uniform(0.88, 1.0))
    middle = 0.03 + scale * (high - plinth) / 2 * float(np.cos(np.radians(pitch)))
    across, down = rng.uniform(-0.05, 0.05), rng.uniform(-0.02, 0.02)
    if scene.place == "mirror" and scene.view != "above":
        scale, middle = 0.84 * scale, 0.84 * middle - 0.05
    if cube:
        yaw += 18.0 * (1 if yaw > 0 else -1)
    return Camera(yaw, pitch, 0.0, scale, (float(across), float(middle + down)))


def _yaw(scene: Scene, rng: np.random.Generator) -> float:
    """By how many degrees the subject is turned: in most pictures hardly."""
    shake = float(rng.uniform(-24, 24))
    noun = scene.look.kind or scene.look.class_noun
    if noun in SIDEWAYS:
        turned = {"front": -70.0, "behind": 110.0}.get(scene.view)
        return shake if turned is None else turned + shake / 2
    if noun == "teapot" and scene.view == "side":
        return -70.0 + shake / 2
    if scene.view == "front":
        return 0.2 * shake
    return {"side": 78.0, "behind": 180.0}.get(scene.view, 0.0) + shake


def _compose(frame: Floats, surface: Surface, camera: Camera, scene: Scene, look: Look) -> None:
    """Let the subject and its place meet, in place."""
    below, afloat, mask = scene.view == "above", scene.place in AFLOAT, surface.mask
    empty = frame.copy() if afloat else frame
    lit, clear = _lit(surface, scene, look)
    if afloat:
        grounds.ripples(frame, surface, camera)
    elif scene.place == "mirror" and not below:
        grounds.reflect(frame, lit, surface, camera)
    elif scene.place != "pink fabric" or not below:
        grounds.shadow(frame, surface, camera)
    if scene.property == "wet":
        grounds.puddle(frame, surface, camera)
    grounds.candlelight(frame, surface)
    frame[mask] = lit * (1 - clear) + frame[mask] * clear
    if scene.property == "wet":
        grounds.drops(frame, surface, scene.seed)
    if afloat:
        grounds.submerge(frame, surface, empty)


def _lit(surface: Surface, scene: Scene, look: Look) -> tuple[Floats, Floats]:
    """The visible pixels (n, 3) in their material and in the light, and how clear each is (n, 1).

    One made of gold, stone, glass or wood wears clothes of cloth.
    """
    kind = "marble" if scene.style == STATUE else scene.material
    kind = kind or (scene.property if scene.property in FINISHES else "")
    finish = FINISHES.get(kind, Finish())
    dyed = {DYED[scene.accessory][1]: COLOURS[scene.dye]} if scene.dye else {}
    colours = skin(surface, look, {**ACCESSORY_COLOURS, **dyed})
    normals, heights = surface.normal[surface.mask], surface.point[surface.mask][:, 1]
    lit = shade(treated(colours, surface, kind), normals, heights, finish)
    clear = np.full((len(lit), 1), finish.clear, np.float32)
    if scene.material and scene.accessory:
        cloth = _painted(surface, ACCESSORY_COLOURS)
        lit[cloth] = shade(colours[cloth], normals[cloth], heights[cloth], Finish())
        clear[cloth] = 0
    return lit, clear
