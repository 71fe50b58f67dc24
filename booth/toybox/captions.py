"""What is said about a scene: templates and synonyms, with attributes left out at random.

Leaving words out is the point: a model that has always heard the colour would not know what
"a dog" means, and DreamBooth's prior pictures would not be just any dog.
"""

from __future__ import annotations

import numpy as np

from booth.toybox.scene import Scene

SYNONYMS: dict[str, tuple[str, ...]] = {
    "dog": ("dog", "dog", "dog", "dog", "puppy"),
    "cat": ("cat", "cat", "cat", "cat", "kitten"),
    "stuffed animal": ("stuffed animal", "stuffed animal", "teddy bear"),
    "toy": ("toy", "toy", "rubber duck", "duck toy"),
    "backpack": ("backpack", "backpack", "backpack", "bag"),
    "teapot": ("teapot",),
    "vase": ("vase",),
    "sneaker": ("sneaker", "sneaker", "sneaker", "shoe"),
    "clock": ("clock", "clock", "alarm clock"),
}
PLACE_WORDS: dict[str, tuple[str, ...]] = {
    "beach": (
        "on the beach",
        "on the beach",
        "on a beach",
        "on a sandy beach",
        "with the sea in the background",
    ),
    "snow": ("in the snow", "in the snow", "in a snowy forest", "on snow in winter"),
    "jungle": ("in the jungle", "in the jungle", "in a jungle", "among green leaves"),
    "city": (
        "with a city in the background",
        "in the city",
        "in a city",
        "on top of the sidewalk in a crowded street",
    ),
    "mountain": (
        "with a mountain in the background",
        "with mountains in the background",
        "in the mountains",
    ),
    "wooden floor": ("on top of a wooden floor", "on a wooden floor", "on the wooden floor"),
    "white rug": ("on top of a white rug", "on a white rug"),
    "pink fabric": ("on top of pink fabric", "on pink fabric"),
    "cobblestones": (
        "on a cobblestone street",
        "on a cobblestone street",
        "on cobblestones",
        "on the cobblestones of an old town",
    ),
    "sunflowers": (
        "on top of green grass with sunflowers around it",
        "on green grass",
        "with sunflowers",
        "in a field of sunflowers",
        "on the grass",
    ),
    "wheat field": (
        "with a wheat field in the background",
        "in a wheat field",
        "in a field of wheat",
    ),
    "water": (
        "floating on top of water",
        "floating on top of water",
        "on the water",
        "floating in the ocean",
        "in the sea",
    ),
    "autumn": (
        "with a tree and autumn leaves in the background",
        "in autumn",
        "on autumn leaves",
        "under a tree in autumn",
    ),
    "blue house": (
        "with a blue house in the background",
        "in front of a blue house",
        "next to a blue house",
    ),
    "forest rug": (
        "on top of a purple rug in a forest",
        "on a purple rug in a forest",
        "on a purple rug",
        "in the forest",
    ),
    "eiffel": (
        "with the eiffel tower in the background",
        "in front of the eiffel tower",
        "in paris",
    ),
    "studio": ("", "", "", "in front of a plain wall", "in a studio", "with a plain background"),
}
WORN: dict[str, tuple[str, ...]] = {
    "red hat": ("wearing a red hat", "in a red hat", "with a red hat"),
    "santa hat": ("wearing a santa hat", "in a santa hat"),
    "black top hat": ("wearing a black top hat", "wearing a top hat", "in a black top hat"),
    "golden crown": ("wearing a golden crown", "wearing a crown", "with a golden crown"),
    "rainbow scarf": ("wearing a rainbow scarf", "with a rainbow scarf"),
    "pink glasses": ("wearing pink glasses", "with pink glasses"),
}
STYLE_WORDS: dict[str, tuple[str, ...]] = {
    "watercolour": ("a watercolour painting of {}", "a painting of {}", "{}, watercolour"),
    "sketch": ("a pencil sketch of {}", "a drawing of {}", "{}, pencil sketch"),
    "pixel art": ("pixel art of {}", "a pixel art picture of {}", "{}, pixel art"),
}
VIEW_WORDS: dict[str, tuple[str, ...]] = {
    "side": ("seen from the side", "from the side"),
    "behind": ("seen from behind", "seen from the back", "from behind"),
    "above": ("seen from above", "seen from the top", "from above"),
}
MATERIAL_WORDS: dict[str, tuple[str, ...]] = {
    "gold": ("made of gold", "golden"),
    "stone": ("made of stone", "stone"),
    "glass": ("made of glass", "glass"),
}
MARKING_WORDS: dict[str, tuple[str, ...]] = {
    "spots": ("spotted", "with {mark} spots"),
    "stripes": ("striped", "with {mark} stripes"),
    "patches": ("patchy", "with {mark} patches"),
    "two tone": ("two-coloured", "{main} and {mark}"),
}
OPENINGS = ("{}", "{}", "{}", "{}", "a photo of {}", "a photo of {}", "a picture of {}")


def _pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _noun(scene: Scene, rng: np.random.Generator) -> tuple[str, str]:
    """The noun with its adjectives, and what follows it ("made of gold", "with blue spots")."""
    look, before, after = scene.look, [], ""
    if scene.mood and rng.random() < 0.8:
        before.append(scene.mood)
    if scene.material:
        words = _pick(MATERIAL_WORDS[scene.material], rng)
        if words.startswith("made"):
            after = words
        else:
            before.append(words)
    elif look.marking == "plain":
        if rng.random() < 0.5:
            before.append(look.main)
    elif rng.random() < 0.4:
        words = _pick(MARKING_WORDS[look.marking], rng).format(main=look.main, mark=look.mark)
        if words.startswith("with"):
            before.append(look.main)
            after = words
        elif " and " in words:
            before.append(words)
        else:
            before += [words, look.main] if rng.random() < 0.5 else [words]
    noun = " ".join([*before, _pick(SYNONYMS[look.class_noun], rng)])
    return ("an " if noun[0] in "aeiou" else "a ") + noun, after


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """One sentence about the scene; never names what is not there, often omits what is."""
    noun, after = _noun(scene, rng)
    if not scene.style and rng.random() < 0.04:
        return noun if scene.place == "studio" else f"{noun} {_place(scene, rng)}"
    tail = [
        after,
        _pick(WORN[scene.accessory], rng) if scene.accessory else "",
        _pick(VIEW_WORDS[scene.view], rng) if scene.view and rng.random() < 0.9 else "",
    ]
    place = _place(scene, rng) if rng.random() < 0.93 else ""
    tail.insert(3 if rng.random() < 0.7 else 1, place)
    sentence = " ".join([noun, *(words for words in tail if words)])
    if scene.style and rng.random() < 0.95:
        return _pick(STYLE_WORDS[scene.style], rng).format(sentence)
    return _pick(OPENINGS, rng).format(sentence)


def _place(scene: Scene, rng: np.random.Generator) -> str:
    return _pick(PLACE_WORDS[scene.place], rng)


def every_word() -> list[str]:
    """All phrases captions can be made of, for learning a vocabulary."""
    tables = (SYNONYMS, PLACE_WORDS, WORN, STYLE_WORDS, VIEW_WORDS, MATERIAL_WORDS, MARKING_WORDS)
    return [words for table in tables for options in table.values() for words in options]
