"""DreamBooth on drawn subjects that nobody ever trained on, in the paper's conditions.

The training is the booth's own, with the catalogue's defaults for Toybox; only what the paper's
ablations change is changed: the prior-preservation term (section 4.3, table 3) and the class noun
(table 4); and, which is ours, captions of the photos.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from booth import crops, disk, identifiers, learner, models, priors, prompts, training
from booth.catalogue import BaseModel
from booth.config import TrainingConfig, to_dict
from booth.events import Loss, result_of
from booth.examples import Examples, View
from booth.gallery import PAPER_LIVE, PAPER_OBJECTS
from booth.models import Parts
from booth.toybox.looks import CLASSES, COLOURS, Look, random_look
from booth.toybox.phrases import MARKING_WORDS, PLACE_WORDS, words_for
from booth.toybox.scene import Scene, draw
from booth.toybox.takes import digest

FIRST_SUBJECT = 3_000_000
"""Seeds of looks from here on belong to the score: no training, no sample has them."""
TUNED = frozenset({1, 5, 10, 14, 16, 19, 23})
"""Subjects that Toybox's training settings were chosen on; the score asks none of them."""
PHOTOS = 4
KIND_NOUNS = {"duck": "rubber duck", "car": "toy car", "robot": "robot"}


@dataclass(frozen=True)
class Condition:
    """One way to get pictures of a subject; its name is the key in the score."""

    name: str
    trained: bool = True
    prior: bool = True
    noun: str = "right"  # of the class: "right", "wrong", or "" for none
    captions: bool = False  # whether photos are labelled with their places too


CONDITIONS = (
    Condition("dreambooth"),
    Condition("captioned", captions=True),
    Condition("base", trained=False),
    Condition("no_prior", prior=False),
    Condition("wrong_noun", noun="wrong"),
    Condition("no_noun", noun=""),
)


@dataclass(frozen=True)
class Sitter:
    """A subject of the score: its look, its photos, and other renders of it as the ceiling."""

    number: int
    look: Look
    photos: list[Image.Image]
    places: list[str]  # of the photos
    others: list[Image.Image]

    @property
    def class_noun(self) -> str:
        """The right class noun."""
        return self.look.class_noun

    @property
    def captions(self) -> list[str]:
        """What a person would say of the photos: their places, "" for a plain wall."""
        return [PLACE_WORDS[place][0] for place in self.places]

    def was_seen(self, template: str) -> bool:
        """Whether a prompt asks for a place that is in the photos: a copied photo would do."""
        said = {words.lower() for place in self.places for words in PLACE_WORDS[place] if words}
        return template.lower().endswith(tuple(said))

    @property
    def wrong_noun(self) -> str:
        """The noun of the class half a table away."""
        return CLASSES[(CLASSES.index(self.class_noun) + len(CLASSES) // 2) % len(CLASSES)]


def strangers(count: int) -> list[int]:
    """The numbers of `count` subjects that nothing was chosen on; classes take turns."""
    numbers = []
    for number in range(count):
        while number in TUNED or number in numbers:
            number += len(CLASSES)  # the next of the same class
        numbers.append(number)
    return numbers


def sitter(number: int, size: int) -> Sitter:
    """Subject `number` of the score, photographed in eight places; classes take turns."""
    seed = FIRST_SUBJECT + number
    look = random_look(CLASSES[number % len(CLASSES)], seed)
    places = np.random.default_rng([seed, 51]).permutation(list(PLACE_WORDS)).tolist()[: 2 * PHOTOS]
    scenes = [Scene(look, place=place, seed=100 * seed + n) for n, place in enumerate(places)]
    images = [Image.fromarray(draw(scene, size)) for scene in scenes]
    return Sitter(number, look, images[:PHOTOS], places[:PHOTOS], images[PHOTOS:])


def asked_scene(who: Sitter, template: str, seed: int) -> Scene:
    """What the world draws of this subject for one of the paper's prompts.

    Raises `ValueError` for another prompt.
    """
    before, after = template.lower().removeprefix("a ").split("[v] {class}")
    said = {"property": before.strip(), "place": after.strip(), "accessory": after.strip()}
    told = {
        field: value
        for field, words in said.items()
        for value, phrases in words_for(field).items()
        if words and words in phrases
    }
    if not told:
        raise ValueError(f"The world cannot draw {template}.")
    return Scene(who.look, **told, seed=seed)


def paper_prompts(class_noun: str, known: frozenset[str]) -> list[str]:
    """The paper's prompts for this class, with "[V] {class}", that are made of `known` words."""
    paper = PAPER_LIVE if prompts.kind_of(class_noun) == "live" else PAPER_OBJECTS
    return [text for text in paper if understood(text.replace("{class}", ""), known)]


def understood(text: str, known: frozenset[str]) -> bool:
    """Whether all words are `known`, to a model that says which it knows (none: it does not)."""
    return not known or not prompts.unknown_words([text], known)


def description(look: Look, known: frozenset[str]) -> str:
    """A subject in the words captions have for it: "[main colour] dog with [other] spots".

    A toy is called by its kind where those words are `known`.
    """
    kind = KIND_NOUNS.get(look.kind, look.class_noun)
    noun = kind if understood(kind, known) else look.class_noun
    said = f"{look.main} {noun}"
    if look.marking not in MARKING_WORDS:
        return said
    options = MARKING_WORDS[look.marking]
    fullest = max(options, key=lambda words: words.count("{"))
    words = fullest.format(main=look.main, mark=look.mark)
    if words.startswith("with"):
        return f"{said} {words}"
    return f"{words} {noun}"


def filled(template: str, subject: str) -> str:
    """A template with words for the subject in place of "[V] {class}", and the right article.

    A template that gives the subject a colour takes the place of its own ones: "a red dog".
    """
    colour = f"({'|'.join(COLOURS)})"
    if re.match(rf"an? {colour} \[V\]", template):
        subject = re.sub(rf"^{colour}( and {colour})? ", "", subject)
    sentence = template.replace("[V] {class}", subject)
    return re.sub(r"\ba (?=[aeiou])", "an ", sentence)


def settings(condition: Condition, base: BaseModel, who: Sitter, share: float) -> TrainingConfig:
    """The catalogue's defaults with what the condition changes; `share` of the steps."""
    config = base.training_config(prompts.kind_of(who.class_noun), preview_every=0)
    assert base.folder is not None
    return replace(
        config,
        steps=max(1, round(config.steps * share)),
        prior_images=config.prior_images if condition.prior else 0,
        identifier=identifiers.identifier(models.tokenizer(base.folder), config.seed),
    )


@dataclass(frozen=True)
class Training:
    """One condition's training of one subject, in a folder of its own."""

    condition: Condition
    who: Sitter
    config: TrainingConfig
    base: BaseModel
    fingerprint: str  # of the base model

    @property
    def called(self) -> str:
        """What the subject is called in prompts: "[V] dog", or a description."""
        if not self.condition.trained:
            return description(self.who.look, self.base.words)
        noun = {"right": self.who.class_noun, "wrong": self.who.wrong_noun, "": ""}
        return f"{self.config.identifier} {noun[self.condition.noun]}".strip()

    def prompts(self) -> tuple[str, ...]:
        """What photos are labelled, all alike or one by one, and last what prior images are.

        Without a noun the prior images stay those of the right class: the label of the photos is
        all that changes.
        """
        noun = self.who.wrong_noun if self.condition.noun == "wrong" else self.who.class_noun
        captions = self.who.captions if self.condition.captions else [""]
        labels = [f"a {self.called} {words}".rstrip() for words in captions]
        return (*labels, prompts.class_prompt(noun))

    def facts(self) -> dict[str, Any]:
        """What decides the trained weights, ready for JSON."""
        return {
            "base model": self.fingerprint,
            "settings": to_dict(self.config),
            "prior sampling": to_dict(self.base.prior_sampling),
            "prompts": list(self.prompts()),
            "photos": digest([image.tobytes().hex() for image in self.who.photos]),
        }

    def run(self, parts: Parts, folder: Path, prior_root: Path) -> None:
        """Train `parts` in place, going on from the checkpoints in `folder`; notes the time."""
        examples = self._examples(parts, prior_root)
        pupil = learner.Learner(parts, examples, self.config)
        silent = training.Rehearsal((), self.base.sampling)
        seconds: list[float] = []
        for event in training.train(pupil, folder / "checkpoints", self.facts(), silent):
            if isinstance(event, Loss):
                seconds.append(event.seconds)
        pupil.settle()
        for module in parts.modules.values():
            module.eval()
        if seconds:
            whole = self.config.steps * sum(seconds) / len(seconds)
            disk.write_json(folder / "training.json", {"seconds": whole})

    def _examples(self, parts: Parts, prior_root: Path) -> Examples:
        views = [
            [
                View(image, size)
                for image, size in crops.views_of(
                    photo, crops.Crop(), self.config.resolution, (self.config.views, number)
                )
            ]
            for number, photo in enumerate(self.who.photos)
        ]
        said = self.prompts()
        examples = Examples.encode(parts, views, [], said)
        if not self.config.uses_priors:
            return examples
        sampling = replace(self.base.prior_sampling, resolution=self.config.resolution)
        bank = priors.Bank(self.fingerprint, said[-1], sampling)
        latents = result_of(priors.ensure(prior_root, bank, parts, self.config.prior_images))
        return examples.beside(parts, latents)
