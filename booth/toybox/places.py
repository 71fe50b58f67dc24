"""Every place by its name: the indoor ones are painted here, the others in `outdoors` and
`streets`.

A place is drawn without its subject; the scene adds the contact shadow, since only it knows where
the subject stands.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from booth.toybox import outdoors, streets
from booth.toybox.canvas import Backdrop

Floats = NDArray[np.float32]


def _planks(b: Backdrop) -> None:
    b.ground((176, 118, 66), (145, 90, 45))
    for k in range(7):
        y = b.horizon + (b.size - b.horizon) * (k / 7) ** 1.4
        b.draw.line((0, y, b.size, y), fill=(105, 62, 30), width=max(1, b.size // 110))


def wooden_floor(b: Backdrop) -> None:
    """A cream wall over brown planks."""
    b.sky((236, 224, 200), (224, 208, 182))
    _planks(b)


def white_rug(b: Backdrop) -> None:
    """A white oval rug on planks, before a grey-blue wall."""
    b.sky((150, 168, 185), (170, 186, 200))
    _planks(b)
    b.draw.ellipse(b.at(0.04, 0.66, 0.96, 0.98), fill=b.vary((245, 243, 238), 4))


def pink_fabric(b: Backdrop) -> None:
    """Pink folds everywhere."""
    rows, columns = np.mgrid[0 : b.size, 0 : b.size].astype(np.float32) / b.size
    a, c = b.rng.uniform(0, 6, 2)
    fold = np.sin(9 * rows + 3 * np.sin(3 * columns + a) + c) * 0.5 + 0.5
    low, high = np.array(b.vary((225, 110, 160))), np.array(b.vary((250, 165, 200)))
    pixels = low + (high - low) * fold[..., None]
    b.image.paste(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)))


def studio(b: Backdrop) -> None:
    """A plain wall in one soft colour, lighter in the middle."""
    tint = b.rng.uniform(150, 245, 3) * 0.5 + b.rng.uniform(170, 235) * 0.5
    red, green, blue = (int(c) for c in tint)
    b.fade((0, b.size), (red, green, blue), (int(red * 0.86), int(green * 0.86), int(blue * 0.86)))


PLACES: dict[str, Callable[[Backdrop], None]] = {
    "beach": outdoors.beach,
    "snow": outdoors.snow,
    "jungle": outdoors.jungle,
    "city": outdoors.city,
    "mountain": outdoors.mountain,
    "wooden floor": wooden_floor,
    "pink fabric": pink_fabric,
    "cobblestones": outdoors.cobblestones,
    "sunflowers": outdoors.sunflowers,
    "wheat field": outdoors.wheat_field,
    "water": outdoors.water,
    "autumn": outdoors.autumn,
    "blue house": outdoors.blue_house,
    "forest rug": outdoors.forest_rug,
    "eiffel": outdoors.eiffel,
    "white rug": white_rug,
    "studio": studio,
    "ocean of milk": streets.ocean_of_milk,
    "mirror": streets.mirror,
    "dirt road": streets.dirt_road,
    "sidewalk": streets.sidewalk,
}
AFLOAT = ("water", "ocean of milk")
"""Places where a subject floats rather than stands."""


def backdrop(place: str, size: int, horizon: float, rng: np.random.Generator) -> Floats:
    """The empty place as floats in 0..1; `horizon` is a fraction of the height, 0 for none.

    Without a horizon one looks down: only the ground is kept, and stretched to the frame.
    """
    canvas = Backdrop(size, int((horizon or 0.5) * size), rng, Image.new("RGB", (size, size)))
    PLACES[place](canvas)
    image = canvas.image
    if not horizon:
        ground = (int(0.15 * size), int(0.6 * size), int(0.85 * size), size)
        image = image.crop(ground).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32) / np.float32(255)
