"""A whole evening with Toybox: a sample subject's photos in, its pictures out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from booth import catalogue, jobs, photos
from booth.config import to_dict
from booth.disk import read_json
from booth.events import Done, Loss, Picture, Preview
from booth.library import Library

SAMPLES = sorted(path.parent for path in (catalogue.assets() / "samples").glob("*/subject.json"))


def test_there_are_three_samples_of_four_photos() -> None:
    assert len(SAMPLES) == 3
    assert all(len(list(sample.glob("*.png"))) == 4 for sample in SAMPLES)


def test_the_model_inside_is_small_enough_to_travel() -> None:
    folder = catalogue.assets() / "toybox"
    assert sum(path.stat().st_size for path in folder.rglob("*")) <= 32 * 2**20
    index = json.loads((folder / "model_index.json").read_bytes())
    assert index["_class_name"] == "StableDiffusionPipeline"


@pytest.mark.parametrize("sample", SAMPLES[:1], ids=lambda p: p.name)
def test_photos_become_pictures(library: Library, sample: Path) -> None:
    facts = read_json(sample / "subject.json")
    intake = photos.prepare(sorted(sample.glob("*.png")), 128)
    assert not intake.refused
    subject = library.create(facts["name"], facts["class_noun"], intake.photos)
    toybox = catalogue.find("toybox")
    config = toybox.training_config("live", steps=12, prior_images=4, preview_every=6)
    job = jobs.ask(library, subject, jobs.TrainSubject(to_dict(config)))
    events = list(jobs.perform(library, job))
    losses = [event.instance for event in events if isinstance(event, Loss)]
    assert len(losses) == 12 and np.mean(losses) < 1
    assert len([event for event in events if isinstance(event, Preview)]) == 9
    text = f"a [V] {subject.class_noun} on the beach"
    taking = jobs.ask(library, subject, jobs.TakePictures((text,), count=2, seed=5, sheet=True))
    taken = list(jobs.perform(library, taking))
    paths = [e.path for e in taken if isinstance(e, Picture)]
    assert len(paths) == 2
    with Image.open(paths[0]) as picture:
        assert picture.size == (128, 128) and np.asarray(picture).std() > 10
    last = taken[-1]
    assert isinstance(last, Done) and Path(last.result["sheet"]).exists()
