"""The words for everything a scene can show, the paper's own first; repeats make one likelier.

Only phrases live here. What is said of a scene, in which order and how much of it, is decided in
`captions`.
"""

from __future__ import annotations

from booth.toybox.looks import COLOURS

SYNONYMS: dict[str, tuple[str, ...]] = {
    "dog": ("dog", "dog", "dog", "dog", "puppy"),
    "cat": ("cat", "cat", "cat", "cat", "kitten"),
    "stuffed animal": ("stuffed animal", "stuffed animal", "teddy bear"),
    "toy": ("toy",),
    "duck": ("toy", "toy", "toy", "rubber duck", "duck toy"),
    "car": ("toy", "toy", "toy", "toy car", "car"),
    "robot": ("toy", "toy", "toy", "toy robot", "robot"),
    "backpack": ("backpack", "backpack", "backpack", "bag"),
    "teapot": ("teapot",),
    "vase": ("vase",),
    "sneaker": ("sneaker", "sneaker", "sneaker", "shoe"),
    "clock": ("clock", "clock", "alarm clock"),
    "bowl": ("bowl",),
    "can": ("can", "can", "can", "soda can", "tin can"),
    "candle": ("candle", "candle", "candle", "burning candle"),
    "boot": ("boot",),
    "glasses": ("glasses", "glasses", "glasses", "pair of glasses", "sunglasses"),
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
        "in front of tall buildings",
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
    "ocean of milk": (
        "floating in an ocean of milk",
        "floating in an ocean of milk",
        "in an ocean of milk",
        "floating in milk",
        "in a sea of milk",
    ),
    "mirror": ("on top of a mirror", "on top of a mirror", "on a mirror", "on a round mirror"),
    "dirt road": ("on top of a dirt road", "on top of a dirt road", "on a dirt road"),
    "sidewalk": (
        "on top of the sidewalk in a crowded street",
        "on top of the sidewalk in a crowded street",
        "on the sidewalk",
        "in a crowded street",
        "among people on a busy street",
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
    "top hat and monocle": (
        "wearing a black top hat and a monocle",
        "wearing a black top hat and a monocle",
        "with a monocle and a top hat",
        "wearing a monocle",
    ),
    "chef outfit": (
        "in a chef outfit",
        "in a chef outfit",
        "wearing a chef outfit",
        "dressed as a chef",
        "wearing a white chef hat",
    ),
    "firefighter outfit": (
        "in a firefighter outfit",
        "in a firefighter outfit",
        "wearing a firefighter outfit",
        "dressed as a firefighter",
        "wearing a red firefighter helmet",
    ),
    "police outfit": (
        "in a police outfit",
        "in a police outfit",
        "wearing a police outfit",
        "dressed as a police officer",
        "in a police uniform",
    ),
    "wizard outfit": (
        "in a purple wizard outfit",
        "in a purple wizard outfit",
        "wearing a purple wizard outfit",
        "in a wizard outfit",
        "dressed as a wizard",
    ),
    "yellow shirt": (
        "wearing a yellow shirt",
        "wearing a yellow shirt",
        "in a yellow shirt",
        "with a yellow shirt",
    ),
}
STYLE_WORDS: dict[str, tuple[str, ...]] = {
    "watercolour": ("a watercolour painting of {}", "a painting of {}", "{}, watercolour"),
    "sketch": ("a pencil sketch of {}", "a drawing of {}", "{}, pencil sketch"),
    "stained glass": (
        "a stained glass window of {}",
        "a stained glass picture of {}",
        "{}, stained glass",
    ),
    "van gogh": (
        "a painting of {} in the style of van gogh",
        "a painting of {} in the style of vincent van gogh",
        "a van gogh painting of {}",
        "{} in the style of van gogh",
    ),
    "pointillism": (
        "a painting of {} in the style of seurat",
        "a painting of {} in the style of georges seurat",
        "a pointillist painting of {}",
        "{}, pointillism",
    ),
    "woodblock": (
        "a woodblock print of {}",
        "a woodblock print of {} in the style of hokusai",
        "{} in the style of hokusai",
        "{}, japanese print",
    ),
    "statue": (
        "a statue of {}",
        "a statue of {} in the style of michelangelo",
        "a marble statue of {}",
        "a white marble sculpture of {}",
    ),
    "pixel art": ("pixel art of {}", "a pixel art picture of {}", "{}, pixel art"),
}
VIEW_WORDS: dict[str, tuple[str, ...]] = {
    "side": ("seen from the side", "from the side"),
    "behind": ("seen from behind", "seen from the back", "from behind"),
    "front": ("seen from the front", "from the front"),
    "above": ("seen from above", "seen from the top", "from above"),
}
MATERIAL_WORDS: dict[str, tuple[str, ...]] = {
    "gold": ("made of gold", "golden"),
    "stone": ("made of stone", "stone"),
    "glass": ("made of glass", "glass"),
    "wood": ("made of wood", "wooden"),
}
MOOD_WORDS: dict[str, tuple[str, ...]] = {
    "happy": ("happy", "happy", "joyful", "smiling"),
    "sad": ("sad", "sad", "depressed"),
    "sleeping": ("sleeping", "sleeping", "sleepy"),
    "angry": ("angry", "angry", "grumpy"),
}
PROPERTY_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red",),
    "purple": ("purple",),
    "shiny": ("shiny", "shiny", "glossy"),
    "wet": ("wet", "wet", "soaking wet"),
    "cube": ("cube shaped", "cube shaped", "in the shape of a cube"),
}
CROSS_WORDS: dict[str, tuple[str, ...]] = {
    name: (f"cross of {{}} and a {name}", f"cross between {{}} and a {name}")
    for name in ("bear", "panda", "koala", "lion", "hippo")
}
MARKING_WORDS: dict[str, tuple[str, ...]] = {
    "spots": ("spotted", "with {mark} spots"),
    "stripes": ("striped", "with {mark} stripes"),
    "patches": ("patchy", "with {mark} patches"),
    "two tone": ("two tone", "{main} and {mark}"),
}
OPENINGS = ("{}", "{}", "{}", "{}", "a photo of {}", "a photo of {}", "a picture of {}")


def words_for(field: str) -> dict[str, tuple[str, ...]]:
    """The phrases captions have for each value of a scene's field; none for most fields."""
    table = "WORN" if field == "accessory" else f"{field.upper()}_WORDS"
    return dict(globals().get(table, {}))


def every_phrase() -> list[str]:
    """All that captions are made of, so that a vocabulary misses no word."""
    tables = (
        SYNONYMS,
        PLACE_WORDS,
        WORN,
        STYLE_WORDS,
        VIEW_WORDS,
        MATERIAL_WORDS,
        MOOD_WORDS,
        PROPERTY_WORDS,
        CROSS_WORDS,
        MARKING_WORDS,
    )
    phrases = [words for table in tables for options in table.values() for words in options]
    blank = {"main": "", "mark": ""}
    return [words.format("an", **blank) for words in (*phrases, *OPENINGS, *COLOURS)]
