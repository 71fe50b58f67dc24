"""Class nouns, the words around a subject, and the gallery of ideas to photograph it in.

Templates hold two markers: "[V]" for the identifier, as in the paper, and "{class}" for the noun.
Both are replaced as plain text, because `str.format` on somebody's words would run them.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from booth.errors import PromptError

Kind = Literal["live", "object"]
PLACEHOLDER = "[V]"
LONGEST_NOUN = 40
LONGEST_PROMPT = 2000

_CLASS = "{class}"
_ANY_CASE_PLACEHOLDER = re.compile(re.escape(PLACEHOLDER), re.IGNORECASE)
_IN_WORD = re.compile(r"(?<=[^\s'\u2019-])['\u2019-](?=[^\s'\u2019-])")
_WORDS = re.compile(r"[぀-ヿ㐀-鿿]|[^\s぀-ヿ㐀-鿿]+")

CLASS_NOUNS: tuple[tuple[str, Kind], ...] = (
    ("dog", "live"),
    ("cat", "live"),
    ("person", "live"),
    ("rabbit", "live"),
    ("hamster", "live"),
    ("horse", "live"),
    ("bird", "live"),
    ("parrot", "live"),
    ("fish", "live"),
    ("turtle", "live"),
    ("stuffed animal", "object"),
    ("toy", "object"),
    ("backpack", "object"),
    ("boot", "object"),
    ("sneaker", "object"),
    ("glasses", "object"),
    ("teapot", "object"),
    ("vase", "object"),
    ("bowl", "object"),
    ("can", "object"),
    ("candle", "object"),
    ("clock", "object"),
    ("cartoon", "object"),
    ("car", "object"),
    ("guitar", "object"),
)
_LIVE_WORDS = frozenset(
    """
    animal pet puppy doggy hound retriever terrier poodle corgi beagle bulldog dachshund shepherd
    spaniel husky labrador chihuahua pug collie setter pointer mastiff pinscher dalmatian
    labradoodle schnauzer samoyed boxer kitten kitty tabby siamese tomcat bunny hare mouse rat
    gerbil chinchilla ferret hedgehog squirrel guinea-pig pig piglet cow calf bull sheep lamb goat
    kid donkey pony foal mare stallion llama alpaca chicken hen rooster chick duck duckling goose
    swan turkey pigeon dove crow raven owl eagle hawk falcon penguin canary budgie parakeet
    cockatiel cockatoo macaw finch tortoise lizard gecko iguana chameleon snake frog toad newt
    axolotl goldfish koi betta crab snail spider tarantula bee butterfly bear panda koala lion
    tiger leopard wolf fox deer moose elephant giraffe zebra monkey ape gorilla kangaroo sloth
    otter seal whale dolphin shark octopus dinosaur dragon unicorn man woman boy girl baby toddler
    child teenager adult human face bride groom mother father grandmother grandfather
    """.split()
)
_PLURALS = {
    "people": "person",
    "men": "man",
    "women": "woman",
    "children": "child",
    "mice": "mouse",
    "geese": "goose",
    "wolves": "wolf",
    "calves": "calf",
}
_LIVE_PHRASES = frozenset({"guinea pig", "toy poodle", "toy terrier"})
_OBJECT_PHRASES = frozenset({"stuffed animal", "teddy bear", "hot dog", "computer mouse"})
_MADE_OF = frozenset(
    "ceramic clay crochet glass knitted lego metal paper plastic plush plushie porcelain robot "
    "rubber soft stone stuffed toy wood wooden".split()
)
_LEADING = frozenset({"a", "an", "the", "my", "our"})
_SENTENCE_WORDS = frozenset({"i", "is", "are", "was", "and", "with", "this", "that", "it", "it's"})


def check_class_noun(text: str) -> str:
    """The class noun in lower case, without article or stray spaces: 1 to 3 words, any language.

    Raises PromptError for an empty text, a sentence, digits, markup or more than 40 characters.
    """
    visible = "".join(c for c in text if unicodedata.category(c) != "Cf")
    words = unicodedata.normalize("NFC", unicodedata.normalize("NFC", visible).lower()).split()
    while len(words) > 1 and words[0] in _LEADING:
        del words[0]
    noun = " ".join(words)
    if not noun:
        raise _not_a_noun("The kind of subject is missing.")
    if len(words) > 3 or len(noun) > LONGEST_NOUN or not _SENTENCE_WORDS.isdisjoint(words):
        raise _not_a_noun("The kind of subject is too long.")
    if not all(_is_word(word) for word in words):
        raise _not_a_noun("The kind of subject may only have letters in it.")
    return noun


def kind_of(class_noun: str) -> Kind:
    """Whether a class noun is alive, which decides the cards it gets; "object" when unknown."""
    noun = " ".join(class_noun.lower().split())
    known = dict(CLASS_NOUNS).get(noun)
    if known:
        return known
    if noun in _LIVE_PHRASES:
        return "live"
    words = noun.split()
    if not words or noun in _OBJECT_PHRASES or not _MADE_OF.isdisjoint(words[:-1]):
        return "object"
    return "live" if _is_live(words[-1]) else "object"


def instance_prompt(identifier: str, class_noun: str) -> str:
    """What every photo of the subject is labelled: "a [V] dog" (section 3.2)."""
    return f"a {identifier} {class_noun}"


def class_prompt(class_noun: str) -> str:
    """What the class pictures of prior preservation are made from: "a dog" (section 3.3)."""
    return f"a {class_noun}"


def fill(text: str, identifier: str) -> str:
    """A person's prompt as the model gets it: each [V] replaced, control characters as spaces.

    Raises PromptError when nothing is left or more than 2000 characters are.
    """
    seen = "".join(_readable(c) for c in text)
    prompt = re.sub(r"[ \n]*\n[ \n]*", " ", seen).strip()
    if not prompt:
        raise PromptError("There is no idea to photograph yet.", "Type one, or choose a card.")
    if len(prompt) > LONGEST_PROMPT:
        raise PromptError(
            f"That idea has {len(prompt)} characters, more than any model reads.",
            f"Shorten it to at most {LONGEST_PROMPT}.",
        )
    return _ANY_CASE_PLACEHOLDER.sub(lambda _: identifier, prompt)


def with_class(template: str, class_noun: str) -> str:
    """A template of this room with its noun in place; "[V]" stays for `fill`."""
    return template.replace(_CLASS, class_noun)


def dropped_words(prompt: str, tokenize: Callable[[str], Sequence[int]], limit: int) -> str:
    """The end of `prompt`, in whole words, that a text encoder of `limit` tokens does not see.

    `tokenize` gives the tokens of a text without special ones; CLIP has room for 75 of them.
    """
    words = list(_WORDS.finditer(prompt))
    seen = bisect.bisect_right(words, limit, key=lambda word: len(tokenize(prompt[: word.end()])))
    return prompt[words[seen].start() :].rstrip() if seen < len(words) else ""


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


def _not_a_noun(problem: str) -> PromptError:
    return PromptError(problem, 'One word for the kind: "dog". The name goes in the other box.')


def _is_word(word: str) -> bool:
    return all(unicodedata.category(c)[0] in "LM" for c in _IN_WORD.sub("", word))


def _is_live(word: str) -> bool:
    live = {noun for noun, kind in CLASS_NOUNS if kind == "live"} | _LIVE_WORDS
    singulars = {word, _PLURALS.get(word, word)}
    if word.endswith("s"):
        singulars |= {word[:-1], word.removesuffix("es"), word.removesuffix("ies") + "y"}
    return not live.isdisjoint(singulars)


def _readable(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return ""
    return "\n" if category in ("Cc", "Zl", "Zp") else character


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
