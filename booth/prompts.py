"""Class nouns, and the words around a subject.

Templates hold two markers: "[V]" for the identifier, as in the paper, and "{class}" for the noun.
Both are replaced as plain text, because `str.format` on somebody's words would run them.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Literal

from booth.errors import PromptError

Kind = Literal["live", "object"]
PLACEHOLDER = "[V]"
LONGEST_NOUN = 40
LONGEST_PROMPT = 2000
LONGEST_CAPTION = 120

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


def instance_prompt(identifier: str, class_noun: str, caption: str = "") -> str:
    """What a photo of the subject is labelled: "a [V] dog" (section 3.2), then its caption.

    A caption says where the subject is in that photo: what words explain, [V] need not mean.
    """
    caption = _ANY_CASE_PLACEHOLDER.sub(lambda _: identifier, caption)
    return f"a {identifier} {class_noun} {caption}".rstrip()


def check_caption(text: str) -> str:
    """A photo's caption on one line; most photos have none. Raises PromptError for a long one."""
    caption = " ".join("".join(_readable(c) for c in text).split())
    if len(caption) > LONGEST_CAPTION:
        raise PromptError(
            f"The caption of a photo has {len(caption)} characters.",
            f'A few words are enough, such as "on the beach"; at most {LONGEST_CAPTION}.',
        )
    return caption


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


def unknown_words(texts: Iterable[str], known: Collection[str]) -> list[str]:
    """The words of these prompts that are not `known`, each once; [V] is no word."""
    plain = " ".join(_ANY_CASE_PLACEHOLDER.sub(" ", text) for text in texts).lower()
    found = re.findall(r"[^\W\d_]+", plain)
    return [word for word in dict.fromkeys(found) if word not in known]


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
