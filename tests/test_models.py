"""Base models: what is loaded, and what is refused with which reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from booth import catalogue, models
from booth.errors import BaseModelError


@pytest.fixture
def folder(base_folder: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model to damage."""
    return shutil.copytree(base_folder, tmp_path / "model")


def as_pickle(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").rename(
        folder / "unet" / "diffusion_pytorch_model.bin"
    )


def without_unet_weights(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()


def cut_off(folder: Path) -> None:
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:20_000])


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def edited(name: str, key: str, value: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (as_pickle, "can run code"),
        (without_unet_weights, "not complete"),
        (cut_off, "could not be loaded"),
        (empty, "model_index.json is missing"),
        (edited("model_index.json", "_class_name", "FluxPipeline"), "does not train"),
        (edited("scheduler/scheduler_config.json", "prediction_type", "sample"), "predicts"),
    ],
)
def test_a_bad_model_folder_is_refused_with_the_reason(
    folder: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(folder)
    with pytest.raises(BaseModelError, match=words) as caught:
        models.load(folder)
    assert caught.value.remedy


def test_nothing_is_unpickled_anywhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("torch.load was called")

    monkeypatch.setattr(torch, "load", never)
    assert models.load(folder).unet is not None


def test_half_precision_files_are_found_and_loaded_in_full(folder: Path) -> None:
    for part in models.load(folder).modules:
        (path,) = (folder / part).glob("*.safetensors")
        path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    assert models.load(folder).unet.dtype == torch.float32


def test_everything_is_frozen_until_somebody_trains_it(base_folder: Path) -> None:
    parts = models.load(base_folder)
    for module in (parts.unet, parts.vae, parts.text_encoder):
        assert not any(weight.requires_grad for weight in module.parameters())


def test_the_last_model_stays_ready_until_room_is_needed(base_folder: Path) -> None:
    models.release()
    first = list(models.ready(base_folder))
    assert first and list(models.ready(base_folder)) == []
    models.release()
    assert list(models.ready(base_folder))


def test_without_a_network_the_message_says_what_still_works() -> None:
    with pytest.raises(BaseModelError) as caught:
        list(models.fetch(catalogue.find("sd15")))
    assert "could not be reached" in caught.value.problem
    assert "Toybox" in caught.value.remedy


def test_the_catalogue_knows_keys_folders_and_hub_ids(base_folder: Path) -> None:
    assert catalogue.find("toybox").folder is not None
    local = catalogue.find(str(base_folder))
    assert local.folder == base_folder and local.training_config("live").resolution == 64
    assert catalogue.find("owner/name").hub_id == "owner/name"
    with pytest.raises(BaseModelError, match="no base model"):
        catalogue.find("no such model")
