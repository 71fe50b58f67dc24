"""Pictures from prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


def test_pictures_that_do_not_fit_together_are_taken_apart(
    parts: models.Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [("a dog", 1), ("a cat", 9), ("a photo", 3)]
    expected = taken(parts, asked, batch_size=1)
    forward, seen = parts.unet.forward, []

    def narrow(noisy: torch.Tensor, *args: Any, **more: Any) -> Any:
        seen.append(len(noisy) // 2)
        if len(noisy) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(noisy, *args, **more)

    monkeypatch.setattr(parts.unet, "forward", narrow)
    found = taken(parts, asked, batch_size=3)
    assert seen[0] == 3 and set(seen[1:]) == {1}
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one, other)


def test_a_large_picture_that_does_not_fit_whole_is_decoded_in_tiles(
    parts: models.Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    latent = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(0))
    forward, seen = parts.vae.decoder.forward, []

    def narrow(latents: torch.Tensor, *args: Any) -> torch.Tensor:
        seen.append(latents.shape[-1])
        if seen[-1] > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(latents, *args)

    monkeypatch.setattr(parts.vae.decoder, "forward", narrow)
    with pytest.raises(torch.OutOfMemoryError):  # it is small: nothing is gained by tiles
        generation.decode(parts, latent)
    monkeypatch.setattr(generation, "TILE", 32)
    tiled = np.asarray(generation.decode(parts, latent), np.int16)
    assert seen[:2] == [8, 8] and max(seen[2:]) == 4
    corner = np.asarray(generation.decode(parts, latent[:, :4, :4]), np.int16)
    assert tiled.shape == (64, 64, 3) and not parts.vae.use_tiling
    assert np.array_equal(tiled[:24, :24], corner[:24, :24])  # beside it tiles are blended


def test_a_part_that_waits_comes_for_a_moment_and_nothing_is_copied_back(
    base_folder: Path,
) -> None:
    parts = models.waiting(base_folder, torch.float32)
    parts.move(torch.device("cpu", 0))  # a place that is told apart from where it was read

    def places(module: Any) -> list[int]:
        return [weight.data_ptr() for weight in module.parameters()]

    named = (parts.unet, parts.vae, parts.text_encoder)
    waiting, seen = list(map(places, named)), []
    with pytest.raises(KeyError), parts.at_hand(parts.vae, parts.text_encoder):
        seen = list(map(places, named))
        raise KeyError
    assert seen[0] == waiting[0]
    assert not set(seen[1]) & set(waiting[1]) and not set(seen[2]) & set(waiting[2])
    assert list(map(places, named)) == waiting


def test_a_part_that_does_not_fit_goes_back_whole_and_can_come_again(
    base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = models.waiting(base_folder, torch.float32)
    parts.move(torch.device("cpu", 0))
    before = [weight.data_ptr() for weight in parts.vae.parameters()]
    last = parts.vae.post_quant_conv
    move = last._apply

    def full(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(last, "_apply", full)
    with pytest.raises(torch.OutOfMemoryError), parts.at_hand(parts.vae):
        pass
    monkeypatch.setattr(last, "_apply", move)
    assert [weight.data_ptr() for weight in parts.vae.parameters()] == before
    with parts.at_hand(parts.vae):
        here = [weight.data_ptr() for weight in parts.vae.parameters()]
    assert not set(here) & set(before)


def test_a_picture_is_the_same_when_its_parts_wait(base_folder: Path, parts: models.Parts) -> None:
    waiting = models.waiting(base_folder, torch.float32)
    waiting.move(torch.device("cpu", 0), "unet")
    (one,), (other,) = (taken(each, [("a dog", 5)]) for each in (waiting, parts))
    assert np.array_equal(one, other)


def test_the_words_a_model_will_not_see_are_named(parts: models.Parts) -> None:
    assert conditions.dropped(parts, "a photo of the dog") == ""
    assert conditions.dropped(parts, "dog " * 75 + "snow beach") == "snow beach"
