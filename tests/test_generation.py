"""Pictures from prompts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from booth import conditions, generation, models
from booth.config import SamplingConfig
from booth.events import Picture, Progress

SAMPLING = SamplingConfig(4, 3.0, "dpm++", 64)


@pytest.fixture(scope="module")
def parts(base_folder: Path) -> models.Parts:
    return models.load(base_folder)


def taken(parts: models.Parts, asked: list[tuple[str, int]], **options: int) -> list[np.ndarray]:
    events = generation.generate(parts, asked, SAMPLING, **options)
    return [np.asarray(e.image, np.int16) for e in events if isinstance(e, Picture)]


@pytest.mark.parametrize("sampler", list(generation.SAMPLERS))
def test_a_picture_is_the_one_diffusers_pipeline_makes(base_folder: Path, sampler: str) -> None:
    pipe = StableDiffusionPipeline.from_pretrained(base_folder)
    pipe.set_progress_bar_config(disable=True)
    own = dict(pipe.scheduler.config)
    pipe.scheduler = generation.SAMPLERS[sampler].from_config(own)
    theirs = pipe(
        "a dog", num_inference_steps=4, guidance_scale=3.0, height=64, width=64,
        generator=torch.Generator().manual_seed(5),
    ).images[0]  # fmt: skip
    sampling = SamplingConfig(4, 3.0, sampler, 64)
    events = list(generation.generate(models.load(base_folder), [("a dog", 5)], sampling))
    ours = next(e.image for e in events if isinstance(e, Picture))
    assert np.abs(np.asarray(ours, np.int16) - np.asarray(theirs, np.int16)).max() <= 1


def test_a_picture_does_not_depend_on_what_else_is_taken(parts: models.Parts) -> None:
    alone = taken(parts, [("a cat", 9)])[0]
    among = taken(parts, [("a dog", 1), ("a cat", 9), ("a photo", 3)], batch_size=3)[1]
    assert np.abs(alone - among).max() <= 1


def test_another_seed_is_another_picture(parts: models.Parts) -> None:
    one, two = taken(parts, [("a dog", 0), ("a dog", 1)])
    assert np.abs(one - two).mean() > 1


def test_progress_is_told_at_every_denoising_step(parts: models.Parts) -> None:
    events = list(generation.generate(parts, [("a dog", 0), ("a cat", 0)], SAMPLING, 1))
    told = [(e.done, e.total) for e in events if isinstance(e, Progress)]
    assert told == [(n, 8) for n in range(1, 9)]
    assert isinstance(events[4], Picture), "a picture comes as soon as it is finished"


def test_the_words_a_model_will_not_see_are_named(parts: models.Parts) -> None:
    assert conditions.dropped(parts, "a photo of the dog") == ""
    assert conditions.dropped(parts, "dog " * 75 + "snow beach") == "snow beach"
