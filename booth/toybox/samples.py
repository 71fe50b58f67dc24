"""The sample subjects that ship with the booth: four pictures each, of subjects never trained on.

Their seeds lie beyond every training seed, so a photo booth that has learnt one of them has
learnt it from these four pictures and from nowhere else.
"""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from booth.toybox.looks import Look, make_look
from booth.toybox.phrases import PLACE_WORDS
from booth.toybox.scene import Scene, draw

FIRST_SEED = 2_000_000
SUBJECTS: dict[str, tuple[str, int, tuple[str, str, str], str]] = {
    "Marmalade": ("cat", FIRST_SEED + 1, ("orange", "blue", "green"), "spots"),
    "Domino": ("dog", FIRST_SEED + 13, ("white", "black", "red"), "spots"),
    "Polka": ("teapot", FIRST_SEED + 3, ("yellow", "red", "blue"), "spots"),
}
PLACES = {
    "cat": ("studio", "wooden floor", "sunflowers", "blue house"),
    "dog": ("studio", "mountain", "white rug", "wheat field"),
    "teapot": ("studio", "wooden floor", "beach", "cobblestones"),
}


def sample_look(name: str) -> Look:
    """How the named sample subject looks."""
    return make_look(SUBJECTS[name][0], *SUBJECTS[name][1:])


def sample_scenes(name: str) -> list[Scene]:
    """The four scenes a sample subject is photographed in."""
    look = sample_look(name)
    return [
        Scene(look, place=place, seed=look.seed + 100 * k)
        for k, place in enumerate(PLACES[look.class_noun])
    ]


def write_samples(folder: Path, size: int = 512) -> list[Path]:
    """Draw every sample picture below `folder`, one folder per subject."""
    written = []
    for name, (class_noun, *_rest) in SUBJECTS.items():
        home = folder / name.lower()
        home.mkdir(parents=True, exist_ok=True)
        scenes = sample_scenes(name)
        captions = [PLACE_WORDS[scene.place][0] for scene in scenes]
        facts = {"name": name, "class_noun": class_noun, "captions": captions}
        (home / "subject.json").write_text(json.dumps(facts, indent=2) + "\n")
        for number, scene in enumerate(scenes):
            path = home / f"{number}.png"
            Image.fromarray(draw(scene, size)).save(path, optimize=True)
            written.append(path)
    return written
