"""LoRA adapters: trained beside frozen weights, saved alone, taken off without a trace."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from peft.tuners.tuners_utils import BaseTunerLayer
from PIL import Image

from booth import adapters, checkpoints, generation, models, training
from booth.config import SamplingConfig, TrainingConfig
from booth.events import Loss, Picture
from booth.examples import Examples, View, draw
from booth.learner import Learner
from booth.training import Rehearsal, learn

CONFIG = TrainingConfig(
    steps=4, learning_rate=1e-2, prior_images=2, resolution=64, method="lora", lora_rank=4,
    lora_alpha=8, train_text_encoder=True, checkpoint_every=2, preview_every=0,
)  # fmt: skip
SAMPLING = SamplingConfig(2, 3.0, "ddim", 64)
SILENT = Rehearsal([], SAMPLING)


def learner(folder: Path, config: TrainingConfig = CONFIG) -> Learner:
    parts = models.load(folder)
    photos = [[View.of(Image.new("RGB", (64, 64), (90 * n, 20, 60)))] for n in range(2)]
    prior = [Image.new("RGB", (64, 64), (9, 90 * n, 30)) for n in range(2)]
    return Learner(parts, Examples.encode(parts, photos, prior, ("a bxz dog", "a dog")), config)


def picture(parts: models.Parts) -> np.ndarray:
    events = generation.generate(parts, [("a bxz dog", 3)], SAMPLING)
    return np.asarray(next(e.image for e in events if isinstance(e, Picture)), np.int16)


def trained(folder: Path, config: TrainingConfig = CONFIG) -> Learner:
    pupil = learner(folder, config)
    for step in range(3):
        learn(pupil, draw(pupil.examples, config, step, pupil.factors))
    return pupil


def test_only_the_adapters_learn_and_they_are_float32(base_folder: Path) -> None:
    pupil = trained(base_folder)
    base = models.load(base_folder)
    assert pupil.named and all("lora" in name for name in pupil.named)
    assert all(weight.dtype == torch.float32 for weight in pupil.weights)
    mine = {k: v for k, v in pupil.parts.unet.state_dict().items() if "lora" not in k}
    for name, tensor in base.unet.state_dict().items():
        kept = mine.get(name, mine.get(_inside(name)))
        assert kept is not None and torch.equal(kept, tensor), name


def _inside(name: str) -> str:
    """Where peft keeps a weight it has wrapped."""
    path, last = name.rsplit(".", 1)
    return f"{path}.base_layer.{last}"


def test_a_fresh_adapter_changes_nothing(base_folder: Path) -> None:
    base = models.load(base_folder)
    before = picture(base)
    adapters.add({"unet": base.unet, "text_encoder": base.text_encoder}, CONFIG)
    assert np.array_equal(before, picture(base))


def test_with_its_adapters_off_the_model_is_the_base_model_exactly(base_folder: Path) -> None:
    before = picture(models.load(base_folder))
    pupil = trained(base_folder)
    pupil.parts.unet.eval()
    pupil.parts.text_encoder.eval()
    assert not np.array_equal(before, picture(pupil.parts))
    for module in [*pupil.parts.unet.modules(), *pupil.parts.text_encoder.modules()]:
        if isinstance(module, BaseTunerLayer):
            module.enable_adapters(False)
    assert np.array_equal(before, picture(pupil.parts))


@pytest.mark.parametrize("text_too", [False, True])
@pytest.mark.parametrize("kind", ["sd", "xl"])
def test_a_saved_adapter_gives_the_same_picture_when_it_is_loaded_again(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, text_too: bool
) -> None:
    folder = request.getfixturevalue("base_folder" if kind == "sd" else "xl_folder")
    pupil = finished(folder, tmp_path, text_too)
    assert [path.name for path in tmp_path.iterdir()] == [adapters.FILE]
    parts = models.load(folder)
    adapters.load(parts.modules, tmp_path)
    assert np.array_equal(picture(pupil.parts), picture(parts))


@pytest.mark.parametrize("kind", ["sd", "xl"])
def test_a_saved_adapter_loads_with_plain_diffusers(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    folder = request.getfixturevalue("base_folder" if kind == "sd" else "xl_folder")
    pipeline = StableDiffusionPipeline if kind == "sd" else StableDiffusionXLPipeline
    pupil = finished(folder, tmp_path, text_too=False)
    pipe = pipeline.from_pretrained(folder)
    pipe.load_lora_weights(tmp_path)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = generation.SAMPLERS["ddim"].from_config(dict(pipe.scheduler.config))
    theirs = pipe(
        "a bxz dog", num_inference_steps=2, guidance_scale=3.0, height=64, width=64,
        generator=torch.Generator().manual_seed(3),
    ).images[0]  # fmt: skip
    assert np.abs(picture(pupil.parts) - np.asarray(theirs, np.int16)).max() <= 1


def finished(folder: Path, out: Path, text_too: bool) -> Learner:
    pupil = trained(folder, replace(CONFIG, train_text_encoder=text_too))
    for module in pupil.parts.modules.values():
        module.eval()
    adapters.save(pupil.parts.modules, out, pupil.parts.family.pipeline)
    return pupil


def test_a_stopped_and_resumed_adapter_ends_the_same_bit_for_bit(
    base_folder: Path, tmp_path: Path
) -> None:
    whole = learner(base_folder)
    list(training.train(whole, tmp_path / "whole", {}, SILENT))
    events = training.train(learner(base_folder), tmp_path / "parts", {}, SILENT)
    for event in events:
        if isinstance(event, Loss) and event.step == 3:
            events.close()
    second = learner(base_folder)
    list(training.train(second, tmp_path / "parts", {}, SILENT))
    assert all(torch.equal(second.named[name], weight) for name, weight in whole.named.items())


def test_an_adapters_checkpoint_is_small(base_folder: Path, tmp_path: Path) -> None:
    pupil = learner(base_folder, replace(CONFIG, train_text_encoder=False))
    path = checkpoints.save(tmp_path, 1, *pupil.state(), {})
    whole = sum(t.numel() for t in pupil.parts.unet.parameters())
    assert sum(weight.numel() for weight in pupil.weights) < whole / 10
    assert (path / "weights.safetensors").stat().st_size < 4 * whole / 10
