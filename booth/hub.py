"""Base models from the Hugging Face Hub: what to download, and downloading it with progress.

Files land in the Hub's own cache, which other programs share. An interrupted download keeps
the files that are whole; the file that was under way starts over.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from booth.errors import BaseModelError, DiskError, for_people
from booth.events import Event, Progress

FOLDERS = (
    "unet", "vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2", "scheduler",
)  # fmt: skip
_FIRST = "model_index.json"
_WANTED = (".json", ".txt", ".safetensors")
_REMEDY = (
    "Connect to the internet and try again, or choose a model folder on this computer. "
    "Toybox and every subject already trained keep working without a network."
)


def fetch(
    hub_id: str, check: Callable[[Path], None], weights: bool = True
) -> Generator[Event, None, Path]:
    """The folder of a Hub model, downloaded if need be; `check` raises when it is not usable.

    Without `weights` only its configs and tokenizers: a few megabytes.

    Yields the progress in megabytes every second, so that it can be stopped in between.
    """
    try:
        folder = Path(hf_hub_download(hub_id, _FIRST, local_files_only=True)).parent
        check(folder)
        return folder
    except (LocalEntryNotFoundError, BaseModelError):  # not here, or not all of it
        wanted = {
            name: size
            for name, size in _files(hub_id).items()
            if weights or not name.endswith(".safetensors")
        }
    total = sum(wanted.values()) // 10**6
    what = hub_id if weights else f"the configs of {hub_id}"
    stage = f"Downloading {what} ({total / 1000:.1f} GB)"
    done = 0
    for name, size in wanted.items():
        download = _Download(hub_id, name)
        while download.is_alive():
            yield Progress(stage, done // 10**6, total)
            download.join(1)
        folder = download.folder(f"{done / 1e9:.1f} of {total / 1e3:.1f} GB")
        done += size
    check(folder)
    return folder


class _Download(threading.Thread):
    """One file on its way into the cache."""

    def __init__(self, hub_id: str, name: str) -> None:
        super().__init__(daemon=True)
        self.hub_id, self.file = hub_id, name
        self.path = ""
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        """Download, and remember how it ended."""
        try:
            self.path = hf_hub_download(self.hub_id, self.file)
        except Exception as error:  # told by `folder`, in the thread that waits
            self.error = error

    def folder(self, reached: str) -> Path:
        """The model's folder, once the file is there."""
        if self.error is None:
            return Path(self.path).parents[self.file.count("/")]
        told = for_people(self.error)
        if isinstance(told, DiskError):
            raise told from self.error
        raise BaseModelError(
            f"The download of {self.hub_id} broke off at {reached}; whole files are kept.",
            _REMEDY,
        ) from self.error


def _files(hub_id: str) -> dict[str, int]:
    """The files we need with their sizes in bytes, half precision if offered; index first."""
    try:
        siblings = HfApi().model_info(hub_id, files_metadata=True).siblings or []
    except GatedRepoError as error:
        raise BaseModelError(
            f"{hub_id} needs your permission first.",
            "Accept its licence on its Hugging Face page and log in with `hf auth login`.",
        ) from error
    except RepositoryNotFoundError as error:
        raise BaseModelError(
            f"There is no model called {hub_id} on the Hugging Face Hub.", "Check its spelling."
        ) from error
    except Exception as error:
        raise BaseModelError(
            f"{hub_id} is not on this computer and the Hugging Face Hub could not be reached.",
            _REMEDY,
        ) from error
    sizes = {file.rfilename: file.size or 0 for file in siblings}
    return needed(hub_id, sizes)


def needed(hub_id: str, sizes: dict[str, int]) -> dict[str, int]:
    """Those of a repository's files that we load, `model_index.json` first.

    Raises `BaseModelError` for a repository that is not in diffusers' layout or has pickles only.
    """
    if _FIRST not in sizes:
        raise BaseModelError(
            f"{hub_id} is not in diffusers' layout.", "Choose a model with a model_index.json."
        )
    ours = {
        name: size
        for name, size in sizes.items()
        if name.split("/")[0] in FOLDERS and name.endswith(_WANTED) and "non_ema" not in name
    }
    weights = {name for name in ours if name.endswith(".safetensors")}
    half = {name for name in weights if ".fp16." in name}
    kept = half if len(half) >= 3 else weights - half
    if len(kept) < 3:
        raise BaseModelError(
            f"{hub_id} has its weights only as pickles, which can run code.",
            "Choose a version with .safetensors files.",
        )
    chosen = {name: size for name, size in ours.items() if name not in weights - kept}
    return {_FIRST: sizes[_FIRST], **chosen}
