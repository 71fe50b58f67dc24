"""A scene is everything one picture shows; `random_scene` draws one from the training world.

Some combinations are held back from training on purpose (`HELD_BACK`): they are the only honest
way to ask whether the model learnt words rather than whole captions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from booth.toybox import animals, objects
from booth.toybox.extras import ACCESSORIES, ACCESSORY_COLOURS, STYLES
from booth.toybox.looks import ANIMALS, CLASSES, Look, marked, random_look
from booth.toybox.parts import Part
from booth.toybox.places import PLACES, backdrop
from booth.toybox.render import Camera, Finish, Surface, paint, shade, trace

Floats = NDArray[np.float32]

BUILDERS: dict[str, Callable[[Look, str], list[Part]]] = {
    "dog": animals.dog,
    "cat": animals.cat,
    "stuffed animal": animals.teddy,
    "toy": animals.duck,
    "backpack": objects.backpack,
    "teapot": objects.teapot,
    "vase": objects.vase,
    "sneaker": objects.sneaker,
    "clock": objects.clock,
}
EXTENT = {
    "dog": (0.98, 0.80),
    "cat": (1.08, 0.86),
    "stuffed animal": (1.05, 0.88),
    "toy": (0.90, 0.98),
    "backpack": (1.03, 0.80),
    "teapot": (0.86, 1.12),
    "vase": (1.02, 0.74),
    "sneaker": (0.66, 1.16),
    "clock": (1.02, 0.80),
}
WEARERS = ("dog", "cat", "stuffed animal", "toy")
MOODS = ("happy", "sad", "sleeping")
MATERIALS = {
    "gold": ("gold", Finish(0.75, 9, 1.5)),
    "stone": ("stone", Finish(0.0, 8, 1.1)),
    "glass": ("glass", Finish(0.9, 26, 0.8, 0.5)),
}
VIEWS = ("side", "behind", "above")

HELD_BACK = frozenset(
    {
        ("dog", "snow"),
        ("dog", "forest rug"),
        ("dog", "santa hat"),
        ("cat", "city"),
        ("cat", "eiffel"),
        ("cat", "rainbow scarf"),
        ("stuffed animal", "beach"),
        ("stuffed animal", "black top hat"),
        ("toy", "cobblestones"),
        ("toy", "pink glasses"),
        ("backpack", "jungle"),
        ("teapot", "mountain"),
        ("teapot", "water"),
        ("vase", "autumn"),
        ("vase", "beach"),
        ("sneaker", "pink fabric"),
        ("clock", "wheat field"),
        ("clock", "blue house"),
    }
)
"""Pairs (class, place or accessory) that never appear in training."""


@dataclass(frozen=True)
class Scene:
    """One picture's content; an empty string means "none in particular"."""

    look: Look
    place: str = "studio"
    accessory: str = ""
    style: str = ""
    material: str = ""
    view: str = ""
    mood: str = ""
    seed: int = 0


def random_scene(seed: int) -> Scene:
    """Training scene number `seed`, each with a subject of its own."""
    rng = np.random.default_rng([seed, 21])
    class_noun = str(rng.choice(CLASSES))
    places = [p for p in PLACES if (class_noun, p) not in HELD_BACK]
    worn = [a for a in ACCESSORIES if (class_noun, a) not in HELD_BACK]
    weights = np.array([1.6 if p == "studio" else 1.0 for p in places])
    place = str(rng.choice(places, p=weights / weights.sum()))

    def sometimes(chance: float, options: list[str] | tuple[str, ...]) -> str:
        return str(rng.choice(options)) if rng.random() < chance else ""

    accessory = sometimes(0.22, worn) if class_noun in WEARERS else ""
    extra = rng.random()
    return Scene(
        look=random_look(class_noun, seed),
        place=place,
        accessory=accessory,
        style=sometimes(1, tuple(STYLES)) if extra < 0.06 else "",
        material=sometimes(1, tuple(MATERIALS)) if 0.06 <= extra < 0.12 else "",
        view=sometimes(1, VIEWS) if 0.12 <= extra < 0.21 else "",
        mood=sometimes(0.2, MOODS) if class_noun in ANIMALS else "",
        seed=seed,
    )


def draw(scene: Scene, size: int = 128) -> NDArray[np.uint8]:
    """The picture of a scene: `size` x `size` x 3, a pure function of the scene."""
    rng = np.random.default_rng([scene.seed, 22])
    fine = 2 * size
    camera = _camera(scene, rng)
    horizon = 0.0 if scene.view == "above" else float(rng.uniform(0.48, 0.58))
    frame = backdrop(scene.place, fine, horizon, rng).copy()
    parts = BUILDERS[scene.look.class_noun](scene.look, scene.mood)
    if scene.accessory:
        parts = parts + ACCESSORIES[scene.accessory](scene.look)
    surface = trace(parts, camera, fine)
    if scene.place != "pink fabric" or scene.view != "above":
        _shadow(frame, surface, camera)
    _put(frame, surface, scene)
    pixels = (frame[::2, ::2] + frame[1::2, ::2] + frame[::2, 1::2] + frame[1::2, 1::2]) / 4
    picture = Image.fromarray((np.clip(pixels, 0, 1) * 255 + 0.5).astype(np.uint8))
    if scene.style:
        picture = STYLES[scene.style](picture)
    return np.asarray(picture)


def _camera(scene: Scene, rng: np.random.Generator) -> Camera:
    """Mostly from the front; scaled so that the subject fills most of the frame."""
    yaw = {"side": 78.0, "behind": 180.0}.get(scene.view, 0.0) + float(rng.uniform(-24, 24))
    if scene.look.class_noun in ("sneaker", "toy", "teapot") and scene.view == "side":
        yaw = -70.0 + float(rng.uniform(-12, 12))
    pitch = 48.0 if scene.view == "above" else float(rng.uniform(8, 16))
    high, wide = EXTENT[scene.look.class_noun]
    if "hat" in scene.accessory or "crown" in scene.accessory:
        high += 0.22
    scale = min(0.80 / high, 0.86 / wide) * float(rng.uniform(0.88, 1.0))
    middle = 0.03 + scale * high / 2 * float(np.cos(np.radians(pitch)))
    across, down = rng.uniform(-0.05, 0.05), rng.uniform(-0.02, 0.02)
    return Camera(yaw, pitch, 0.0, scale, (float(across), float(middle + down)))


def _shadow(frame: Floats, surface: Surface, camera: Camera) -> None:
    """Darken a soft ellipse under the subject, in place."""
    size = frame.shape[0]
    columns = np.nonzero(surface.mask.any(0))[0]
    if not len(columns):
        return
    wide = (columns[-1] - columns[0]) / size * 0.52
    tilt = max(0.24, float(np.sin(np.radians(camera.pitch))))
    x = (columns[-1] + columns[0]) / 2 / size + 0.03
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    u = (axis - x) / wide
    v = (axis - 0.5 - camera.shift[1]) / (wide * tilt)
    far = u[None, :] ** 2 + v[:, None] ** 2
    frame *= (1 - 0.42 * np.clip(1.25 - far, 0, 1))[..., None]


def _put(frame: Floats, surface: Surface, scene: Scene) -> None:
    """Paint and light the subject onto the frame, in place."""
    look, mask = scene.look, surface.mask
    names = {**ACCESSORY_COLOURS, **look.palette}
    colours = paint(surface, names)
    points = surface.point[mask]
    if look.marking != "plain" and "main" in surface.names:
        spot = marked(look, points) & (surface.paint[mask] == surface.names.index("main"))
        colours[spot] = look.palette["mark"]
    finish = Finish()
    if scene.material:
        kind, finish = MATERIALS[scene.material]
        colours = _material(kind, colours, points, surface, mask)
    lit = shade(colours, surface.normal[mask], points[:, 1], finish)
    frame[mask] = lit * (1 - finish.clear) + frame[mask] * finish.clear


def _material(
    kind: str, colours: Floats, points: Floats, surface: Surface, mask: NDArray[np.bool_]
) -> Floats:
    """Replace colours by what the material shows; eyes and noses keep a trace of theirs."""
    light = colours.mean(1, keepdims=True)
    if kind == "gold":
        band = 0.5 + 0.5 * np.sin(7 * surface.normal[mask][:, 1:2] + 2)
        gold = np.array([0.95, 0.70, 0.18], np.float32)
        return gold * (0.55 + 0.3 * band + 0.25 * light)
    if kind == "stone":
        grain = np.sin(61 * points[:, 0]) * np.sin(67 * points[:, 1]) * np.sin(59 * points[:, 2])
        grey = np.array([0.60, 0.59, 0.57], np.float32)
        return (grey * (0.75 + 0.3 * light + 0.16 * grain[:, None])).astype(np.float32)
    glass = np.array([0.72, 0.90, 0.96], np.float32)
    return 0.25 * colours + 0.75 * glass
