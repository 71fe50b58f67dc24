"""SDXL walks the same road as Stable Diffusion 1.5, told a little more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, StableDiffusionXLPipeline
from PIL import Image

from booth import catalogue, conditions, crops, generation, models
from booth.config import SamplingConfig, TrainingConfig
from booth.errors import BaseModelError
from booth.events import Picture
from booth.examples import Examples, View, draw
from booth.learner import Learner
from booth.training import learn

CONFIG = TrainingConfig(steps=2, learning_rate=1e-3, batch_size=2, prior_images=2, resolution=64)
PROMPTS = ("a bxz dog", "a dog")


@pytest.fixture(scope="module")
def parts(xl_folder: Path) -> models.Parts:
    return models.load(xl_folder)


def views(count: int) -> list[list[View]]:
    images = [Image.new("RGB", (64, 64), (70 * n, 90, 30)) for n in range(count)]
    return [[View(image, (100, 100, 7, n, 64, 64))] for n, image in enumerate(images)]


def learner(folder: Path, config: TrainingConfig = CONFIG) -> Learner:
    parts = models.load(folder)
    prior = [Image.new("RGB", (64, 64), (9, 90 * n, 30)) for n in range(2)]
    return Learner(parts, Examples.encode(parts, views(2), prior, PROMPTS), config)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_an_sdxl_picture_is_the_one_diffusers_pipeline_makes(
    xl_folder: Path, parts: models.Parts, guidance: float
) -> None:
    pipe = StableDiffusionXLPipeline.from_pretrained(xl_folder)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = generation.SAMPLERS["ddim"].from_config(dict(pipe.scheduler.config))
    theirs = pipe(
        "a dog", num_inference_steps=3, guidance_scale=guidance, height=64, width=64,
        generator=torch.Generator().manual_seed(5),
    ).images[0]  # fmt: skip
    events = generation.generate(parts, [("a dog", 5)], SamplingConfig(3, guidance, "ddim", 64))
    ours = next(e.image for e in events if isinstance(e, Picture))
    assert np.abs(np.asarray(ours, np.int16) - np.asarray(theirs, np.int16)).max() <= 1


def test_an_sdxl_step_has_the_loss_of_diffusers_own_formulas(xl_folder: Path) -> None:
    pupil = learner(xl_folder)
    batch = draw(pupil.examples, CONFIG, 0, pupil.factors)
    schedule = DDPMScheduler.from_pretrained(xl_folder / "scheduler")
    pipe = StableDiffusionXLPipeline.from_pretrained(xl_folder)
    texts = ["a bxz dog", "a bxz dog", "a dog", "a dog"]
    with torch.no_grad():
        context, _, pooled, _ = pipe.encode_prompt(
            texts, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        noisy = schedule.add_noise(batch.latents, batch.noise, batch.timesteps)
        added = {"text_embeds": pooled, "time_ids": batch.sizes}
        guess = pipe.unet(noisy, batch.timesteps, context, added_cond_kwargs=added).sample
        expected = [torch.nn.functional.mse_loss(a, b).item() for a, b in
                    zip(guess.chunk(2), batch.noise.chunk(2), strict=True)]  # fmt: skip
    assert learn(pupil, batch).tolist() == pytest.approx(expected, rel=1e-5)


def test_every_photo_tells_its_own_size_and_prior_images_theirs(xl_folder: Path) -> None:
    batch = draw(learner(xl_folder).examples, CONFIG, 0, (1.0, 1000))
    assert sorted(batch.sizes[:2].tolist()) == [[100, 100, 7, 0, 64, 64], [100, 100, 7, 1, 64, 64]]
    assert batch.sizes[2:].tolist() == [[64, 64, 0, 0, 64, 64]] * 2
    assert batch.sizes.dtype == torch.float32


def test_both_text_encoders_learn_when_asked(xl_folder: Path) -> None:
    pupil = learner(xl_folder, replace(CONFIG, train_text_encoder=True))
    before = [te.get_input_embeddings().weight.clone() for te in pupil.parts.text_encoders]
    learn(pupil, draw(pupil.examples, pupil.config, 0, pupil.factors))
    for old, encoder in zip(before, pupil.parts.text_encoders, strict=True):
        assert not torch.equal(old, encoder.get_input_embeddings().weight)


def test_the_vae_stays_in_full_precision_where_its_config_asks_for_it(xl_folder: Path) -> None:
    half = models.load(xl_folder, torch.float16)
    assert half.unet.dtype == torch.float16 and half.vae.dtype == torch.float32


def test_a_saved_sdxl_loads_with_plain_diffusers_and_makes_the_same_picture(
    xl_folder: Path, tmp_path: Path
) -> None:
    parts = models.load(xl_folder)
    models.save(parts, tmp_path / "out", torch.float32)
    saved = StableDiffusionXLPipeline.from_pretrained(tmp_path / "out")
    first = StableDiffusionXLPipeline.from_pretrained(xl_folder)
    pictures = []
    for pipe in (saved, first):
        pipe.set_progress_bar_config(disable=True)
        noise = torch.Generator().manual_seed(1)
        made = pipe("a dog", num_inference_steps=2, height=64, width=64, generator=noise)
        pictures.append(np.asarray(made.images[0]))
    assert np.array_equal(*pictures)
    assert models.fingerprint(tmp_path / "out") is not None


def test_the_empty_prompt_means_zeros_for_sdxl(parts: models.Parts) -> None:
    told = conditions.encode(parts, ["", "a dog"])
    assert told.pooled is not None
    assert not told.context[0].any() and not told.pooled[0].any()
    assert told.context[1].any() and told.pooled[1].any()


def test_an_sdxl_folder_without_its_second_text_encoder_is_refused(
    xl_folder: Path, tmp_path: Path
) -> None:
    models.save(models.load(xl_folder), tmp_path / "m", torch.float32)
    for path in (tmp_path / "m" / "text_encoder_2").iterdir():
        path.unlink()
    with pytest.raises(BaseModelError, match="text_encoder_2"):
        models.load(tmp_path / "m")


def test_a_folder_with_an_sdxl_is_trained_as_one(xl_folder: Path, base_folder: Path) -> None:
    xl, sd = (catalogue.find(str(folder)) for folder in (xl_folder, base_folder))
    assert xl.training_config("live").method == "lora" and xl.size == catalogue.find("sdxl").size
    assert sd.training_config("live").method == "full" and xl.hub_id is None


def test_closer_views_stay_inside_the_crop_and_say_where_they_are() -> None:
    photo = Image.effect_noise((300, 200), 90).convert("RGB")
    cut = crops.views_of(photo, crops.Crop(), 100, (5, 3))
    again = crops.views_of(photo, crops.Crop(), 100, (5, 3))
    assert [size for _, size in cut] == [size for _, size in again]
    assert cut[0][1] == (200, 200, 0, 0, 100, 100)
    for image, (height, width, top, left, *target) in cut[1:]:
        assert image.size == (100, 100) and target == [100, 100]
        assert (height, width) == (200, 200)
        assert 0 <= top <= 12 and 0 <= left <= 12
    assert len({image.tobytes() for image, _ in cut}) > 3
