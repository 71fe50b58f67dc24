"""The gallery: cards in the paper's applications (Ruiz et al. 2022, section 4.4), ready to take.

The paper's 25 prompts for live subjects and 25 for objects are among them, word for word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from booth.prompts import Kind, kind_of, with_class


@dataclass(frozen=True)
class Card:
    """One idea of the gallery: an application of the paper with a template to fill."""

    key: str
    title: str
    application: str
    kind: Literal["live", "object", "both"]
    template: str


def cards(class_noun: str) -> list[Card]:
    """The cards that suit a class noun, in the order of `APPLICATIONS`."""
    kind = kind_of(class_noun)
    return [card for card in GALLERY if card.kind in (kind, "both")]


def card_prompt(card: Card, class_noun: str) -> str:
    """The card's prompt for a class noun, such as "a [V] dog in the jungle"."""
    return with_class(card.template, class_noun)


def preview_prompts(class_noun: str) -> list[str]:
    """Three fixed prompts, with "[V]", to watch a training by: a portrait, a place, a style."""
    return [with_class(template, class_noun) for template in _PREVIEWS[kind_of(class_noun)]]


_PREVIEWS: dict[Kind, tuple[str, str, str]] = {
    "live": (
        "a photo of a [V] {class}",
        "a [V] {class} on the beach",
        "a watercolour painting of a [V] {class}",
    ),
    "object": (
        "a photo of a [V] {class}",
        "a [V] {class} in the snow",
        "a watercolour painting of a [V] {class}",
    ),
}
APPLICATIONS = {
    "places": "Places",
    "art": "As art",
    "views": "From another side",
    "changes": "Changed",
    "outfits": "Dressed up",
    "moods": "Moods",
}
Row = tuple[str, str, str]
_PLACES: tuple[Row, ...] = (
    ("jungle", "In the jungle", "a [V] {class} in the jungle"),
    ("snow", "In the snow", "a [V] {class} in the snow"),
    ("beach", "On the beach", "a [V] {class} on the beach"),
    ("cobblestones", "On cobblestones", "a [V] {class} on a cobblestone street"),
    ("pink-fabric", "On pink fabric", "a [V] {class} on top of pink fabric"),
    ("wooden-floor", "On a wooden floor", "a [V] {class} on top of a wooden floor"),
    ("city", "In front of a city", "a [V] {class} with a city in the background"),
    ("mountain", "By a mountain", "a [V] {class} with a mountain in the background"),
    ("blue-house", "By a blue house", "a [V] {class} with a blue house in the background"),
    ("purple-rug", "Rug in a forest", "a [V] {class} on top of a purple rug in a forest"),
)
_OBJECT_PLACES: tuple[Row, ...] = (
    ("wheat", "By a wheat field", "a [V] {class} with a wheat field in the background"),
    (
        "autumn",
        "In autumn",
        "a [V] {class} with a tree and autumn leaves in the background",
    ),
    ("eiffel", "In Paris", "a [V] {class} with the Eiffel Tower in the background"),
    ("water", "Floating on water", "a [V] {class} floating on top of water"),
    ("milk", "In an ocean of milk", "a [V] {class} floating in an ocean of milk"),
    (
        "sunflowers",
        "Among sunflowers",
        "a [V] {class} on top of green grass with sunflowers around it",
    ),
    ("mirror", "On a mirror", "a [V] {class} on top of a mirror"),
    (
        "sidewalk",
        "On a busy sidewalk",
        "a [V] {class} on top of the sidewalk in a crowded street",
    ),
    ("dirt-road", "On a dirt road", "a [V] {class} on top of a dirt road"),
    ("white-rug", "On a white rug", "a [V] {class} on top of a white rug"),
)
_OUTFITS: tuple[Row, ...] = (
    ("red-hat", "Red hat", "a [V] {class} wearing a red hat"),
    ("santa-hat", "Santa hat", "a [V] {class} wearing a santa hat"),
    ("rainbow-scarf", "Rainbow scarf", "a [V] {class} wearing a rainbow scarf"),
    (
        "monocle",
        "Top hat and monocle",
        "a [V] {class} wearing a black top hat and a monocle",
    ),
    ("chef", "Chef", "a [V] {class} in a chef outfit"),
    ("firefighter", "Firefighter", "a [V] {class} in a firefighter outfit"),
    ("police", "Police", "a [V] {class} in a police outfit"),
    ("pink-glasses", "Pink glasses", "a [V] {class} wearing pink glasses"),
    ("yellow-shirt", "Yellow shirt", "a [V] {class} wearing a yellow shirt"),
    ("wizard", "Purple wizard", "a [V] {class} in a purple wizard outfit"),
)
_CHANGES: tuple[Row, ...] = (
    ("red", "Red", "a red [V] {class}"),
    ("purple", "Purple", "a purple [V] {class}"),
    ("shiny", "Shiny", "a shiny [V] {class}"),
    ("wet", "Wet", "a wet [V] {class}"),
    ("cube", "Cube shaped", "a cube shaped [V] {class}"),
)
PAPER_LIVE = [template for *_, template in (*_PLACES, *_OUTFITS, *_CHANGES)]
PAPER_OBJECTS = [template for *_, template in (*_PLACES, *_OBJECT_PLACES, *_CHANGES)]
_LIVE_PLACES: tuple[Row, ...] = (
    ("paris", "In Paris", "a [V] {class} with the Eiffel Tower in the background"),
    ("leaves", "Autumn leaves", "a [V] {class} in a pile of autumn leaves"),
    ("swimming", "Swimming", "a [V] {class} swimming in a pool"),
    ("reading", "Reading a book", "a [V] {class} reading a book in an armchair"),
)
_ART: tuple[Row, ...] = (
    ("watercolour", "Watercolour", "a watercolour painting of a [V] {class}"),
    ("pencil", "Pencil sketch", "a pencil sketch of a [V] {class}"),
    ("pixels", "Pixel art", "pixel art of a [V] {class}"),
)
_LIVE_ART: tuple[Row, ...] = (
    ("van-gogh", "Van Gogh", "a painting of a [V] {class} in the style of Vincent van Gogh"),
    ("rembrandt", "Rembrandt", "a portrait of a [V] {class} in the style of Rembrandt"),
    ("vermeer", "Vermeer", "a painting of a [V] {class} in the style of Johannes Vermeer"),
    ("hokusai", "Hokusai", "a woodblock print of a [V] {class} in the style of Hokusai"),
    ("michelangelo", "Marble", "a statue of a [V] {class} in the style of Michelangelo"),
)
_OBJECT_ART: tuple[Row, ...] = (
    ("monet", "Monet", "a painting of a [V] {class} in the style of Claude Monet"),
    ("cezanne", "Still life", "a painting of a [V] {class} in the style of Paul Cezanne"),
    ("chardin", "Old master", "a still life of a [V] {class} in the style of Chardin"),
    ("print", "Woodblock print", "a woodblock print of a [V] {class} in the style of Hokusai"),
    ("rodin", "Bronze", "a statue of a [V] {class} in the style of Auguste Rodin"),
    ("blueprint", "Blueprint", "a blueprint drawing of a [V] {class}"),
)
_VIEWS: tuple[Row, ...] = (
    ("above", "From above", "a [V] {class} seen from the top"),
    ("below", "From below", "a [V] {class} seen from the bottom"),
    ("side", "From the side", "a [V] {class} seen from the side"),
    ("behind", "From behind", "a [V] {class} seen from the back"),
)
_LIVE_VIEWS: tuple[Row, ...] = (("face", "Close up", "a close-up of the face of a [V] {class}"),)
_OBJECT_VIEWS: tuple[Row, ...] = (("macro", "Close up", "a macro photo of a [V] {class}"),)
_MATERIALS: tuple[Row, ...] = (
    ("glass", "Made of glass", "a [V] {class} made of glass"),
    ("gold", "Made of gold", "a [V] {class} made of gold"),
    ("stone", "Made of stone", "a [V] {class} made of stone"),
)
_LIVE_CHANGES: tuple[Row, ...] = (
    ("panda", "Half panda", "a cross of a [V] {class} and a panda"),
    ("lion", "Half lion", "a cross of a [V] {class} and a lion"),
    ("koala", "Half koala", "a cross of a [V] {class} and a koala"),
    ("plush", "As a plush toy", "a [V] {class} made out of plush"),
)
_OBJECT_CHANGES: tuple[Row, ...] = (
    ("transparent", "Transparent", "a transparent [V] {class}"),
    ("wood", "Of wood", "a [V] {class} made out of wood"),
    ("wool", "Of wool", "a [V] {class} made out of knitted wool"),
    ("ice", "Of ice", "a [V] {class} made out of ice"),
)
_OBJECT_OUTFITS: tuple[Row, ...] = (
    ("bow", "With a bow", "a [V] {class} wrapped with a red ribbon and a bow"),
    ("party-hat", "Party hat", "a [V] {class} wearing a party hat"),
    ("lights", "Fairy lights", "a [V] {class} decorated with fairy lights"),
    ("flowers", "Flower wreath", "a [V] {class} wearing a wreath of flowers"),
)
_LIVE_MOODS: tuple[Row, ...] = (
    ("happy", "Happy", "a happy [V] {class}"),
    ("sleeping", "Asleep", "a sleeping [V] {class}"),
    ("sad", "Sad", "a sad [V] {class}"),
    ("grumpy", "Grumpy", "a grumpy [V] {class} frowning"),
    ("surprised", "Surprised", "a surprised [V] {class} with wide open eyes"),
    ("shouting", "Loud", "a [V] {class} with its mouth wide open"),
)
_OBJECT_MOODS: tuple[Row, ...] = (
    ("smiling", "Smiling", "a [V] {class} with a smiling cartoon face"),
    ("angry", "Angry", "a [V] {class} with an angry cartoon face"),
    ("dreamy", "Dreamy", "a [V] {class} in a dreamy soft light"),
    ("spooky", "Spooky", "a [V] {class} in a dark and spooky room"),
)
_ROWS: tuple[tuple[str, Literal["live", "object", "both"], tuple[Row, ...]], ...] = (
    ("places", "both", _PLACES),
    ("places", "object", _OBJECT_PLACES),
    ("places", "live", _LIVE_PLACES),
    ("art", "both", _ART),
    ("art", "live", _LIVE_ART),
    ("art", "object", _OBJECT_ART),
    ("views", "both", _VIEWS),
    ("views", "live", _LIVE_VIEWS),
    ("views", "object", _OBJECT_VIEWS),
    ("changes", "both", _CHANGES),
    ("changes", "both", _MATERIALS),
    ("changes", "live", _LIVE_CHANGES),
    ("changes", "object", _OBJECT_CHANGES),
    ("outfits", "live", _OUTFITS),
    ("outfits", "object", _OBJECT_OUTFITS),
    ("moods", "live", _LIVE_MOODS),
    ("moods", "object", _OBJECT_MOODS),
)
GALLERY = tuple(
    Card(f"{application}-{slug}", title, application, kind, template)
    for application, kind, rows in _ROWS
    for slug, title, template in rows
)
