"""What is downloaded from the Hub, and what is said when it cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from booth import catalogue, hub, models
from booth.errors import BaseModelError, DiskError
from booth.events import Progress

PARTS = ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model")
CONFIGS = {f"{name}/config.json": 1 for name in hub.FOLDERS} | {"model_index.json": 1}


@pytest.fixture
def cache(tmp_path: Path, base_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the Hub and its cache: `owner/model` is the tiny model."""
    snapshot = tmp_path / "snapshots" / "0123"

    def download(hub_id: str, name: str, local_files_only: bool = False) -> str:
        path = snapshot / name
        if not path.exists():
            if local_files_only:
                raise hub.LocalEntryNotFoundError("not here")
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(base_folder / name, path)
        return str(path)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    files = [path for path in base_folder.rglob("*") if path.is_file()]
    sizes = {path.relative_to(base_folder).as_posix(): path.stat().st_size for path in files}
    monkeypatch.setattr(hub, "_files", lambda hub_id: hub.needed(hub_id, sizes))
    return snapshot


def fetched(name: str) -> tuple[list[Any], Path]:
    fetching, told = models.fetch(catalogue.find(name)), []
    while True:
        try:
            told.append(next(fetching))
        except StopIteration as finished:
            return told, finished.value


def test_a_model_is_downloaded_once_with_progress_and_then_used_from_the_cache(
    cache: Path,
) -> None:
    told, folder = fetched("owner/model")
    assert folder == cache and models.load(folder).unet is not None
    assert all(isinstance(event, Progress) and "owner/model" in event.stage for event in told)
    again, folder = fetched("owner/model")
    assert folder == cache and again == []


def test_a_half_downloaded_model_is_completed(cache: Path) -> None:
    fetched("owner/model")
    (cache / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    assert models.load(fetched("owner/model")[1]).unet is not None


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(28, "No space left on device"), DiskError, "disk is full"),
        (ConnectionError("gone"), BaseModelError, "broke off"),
    ],
)
def test_a_download_that_breaks_says_why(
    cache: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: Any, words: str
) -> None:
    def broken(hub_id: str, name: str, local_files_only: bool = False) -> str:
        raise hub.LocalEntryNotFoundError("not here") if local_files_only else error

    monkeypatch.setattr(hub, "hf_hub_download", broken)
    with pytest.raises(kind, match=words):
        fetched("owner/model")


def test_half_precision_is_taken_when_offered_and_pickles_never() -> None:
    sizes = dict(CONFIGS)
    for part in PARTS:
        sizes |= {f"{part}{end}": 5 for end in (".safetensors", ".fp16.safetensors", ".bin")}
    chosen = hub.needed("owner/model", {**sizes, "v1-5-pruned.ckpt": 9})
    weights = [name for name in chosen if not name.endswith(".json")]
    assert sorted(weights) == sorted(f"{part}.fp16.safetensors" for part in PARTS)


def test_a_model_of_pickles_only_is_refused_before_anything_is_downloaded() -> None:
    with pytest.raises(BaseModelError, match="can run code"):
        hub.needed("owner/model", {**CONFIGS, **{f"{part}.bin": 5 for part in PARTS}})
