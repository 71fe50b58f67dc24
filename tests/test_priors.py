"""Prior images are made once, and only from the model they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from booth import generation, models, priors
from booth.config import SamplingConfig
from booth.examples import Examples, View

SAMPLING = SamplingConfig(2, 2.0, "ancestral", 64)
BANK = priors.Bank("base", "a dog", SAMPLING)


@pytest.fixture(scope="module")
def parts(base_folder: Path) -> models.Parts:
    return models.load(base_folder)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every (prompt, seed) the model is really asked for."""
    seen: list[Any] = []
    generate = generation.generate

    def watched(parts: Any, wanted: Any, *rest: Any) -> Iterator[Any]:
        seen.extend(wanted)
        return generate(parts, wanted, *rest)

    monkeypatch.setattr(generation, "generate", watched)
    return seen


def make(root: Path, bank: priors.Bank, parts: models.Parts, count: int) -> list[np.ndarray]:
    making = priors.ensure(root, bank, parts, count)
    while True:
        try:
            next(making)
        except StopIteration as finished:
            return [np.asarray(latent) for latent in finished.value]


def test_a_second_subject_of_the_class_makes_none(
    tmp_path: Path, parts: models.Parts, asked: list[Any]
) -> None:
    first = make(tmp_path, BANK, parts, 3)
    second = make(tmp_path, BANK, parts, 3)
    assert len(asked) == 3
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_larger_wish_makes_only_the_missing_ones(
    tmp_path: Path, parts: models.Parts, asked: list[Any]
) -> None:
    make(tmp_path, BANK, parts, 2)
    make(tmp_path, BANK, parts, 4)
    assert [seed for _, seed in asked] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "other",
    [
        replace(BANK, base="another base model"),
        replace(BANK, prompt="a cat"),
        replace(BANK, seed=1),
        replace(BANK, sampling=replace(SAMPLING, guidance_scale=3.0)),
        replace(BANK, sampling=replace(SAMPLING, num_inference_steps=3)),
        replace(BANK, sampling=replace(SAMPLING, sampler="ddim")),
        replace(BANK, sampling=replace(SAMPLING, resolution=32)),
    ],
)
def test_whatever_changes_the_images_is_another_bank(other: priors.Bank) -> None:
    assert other.key != BANK.key


def test_an_interrupted_bank_goes_on_and_ends_the_same(
    tmp_path: Path, parts: models.Parts, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(priors.BATCH, "cpu", 1)
    whole = make(tmp_path / "whole", BANK, parts, 3)
    asked.clear()
    making = priors.ensure(tmp_path / "parts", BANK, parts, 3)
    while len(list((tmp_path / "parts" / BANK.key).glob("*.safetensors"))) < 2:
        next(making)
    making.close()
    continued = make(tmp_path / "parts", BANK, parts, 3)
    assert [seed for _, seed in asked] == [0, 1, 2, 2]
    assert all(np.array_equal(a, b) for a, b in zip(whole, continued, strict=True))


def test_two_base_models_have_two_fingerprints(base_folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = shutil.copytree(base_folder, tmp_path / "copy")
    assert models.fingerprint(copy) == models.fingerprint(base_folder)
    path = copy / "unet" / "diffusion_pytorch_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert models.fingerprint(copy) != models.fingerprint(base_folder)


def test_what_is_learnt_from_is_what_the_model_sampled_and_the_picture_shows_it(
    tmp_path: Path, parts: models.Parts
) -> None:
    (latent,) = make(tmp_path, BANK, parts, 1)
    (png,) = (tmp_path / BANK.key).glob("*.png")
    shown = generation.decode(parts, torch.from_numpy(latent))
    with Image.open(png) as kept:
        assert np.array_equal(np.asarray(kept), np.asarray(shown))
    photo = View.of(Image.new("RGB", (64, 64)))
    examples = Examples.encode(parts, [[photo]], [], ("", ""))
    moments = examples.beside(parts, torch.from_numpy(latent)[None]).prior
    assert moments is not None
    mean, log_variance = moments[0, 0].chunk(2)
    assert np.array_equal(mean.numpy(), latent) and (log_variance == -30).all()


def test_a_damaged_latent_is_made_again(
    tmp_path: Path, parts: models.Parts, asked: list[Any]
) -> None:
    first = make(tmp_path, BANK, parts, 2)
    path = tmp_path / BANK.key / "000001.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    again = make(tmp_path, BANK, parts, 2)
    assert [seed for _, seed in asked] == [0, 1, 1]
    assert np.allclose(first, again, atol=1e-4)  # alone or in a batch: the same but for rounding
