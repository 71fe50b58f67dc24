"""A base model's parts: found, checked, loaded and placed on a device.

Only folders in the layout of diffusers' `StableDiffusionPipeline` with safetensors weights are
loaded; a pickle can run code, so it is refused, not scanned.
"""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import huggingface_hub
import torch
import transformers
from diffusers import AutoencoderKL, DDIMScheduler, SchedulerMixin, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from booth import disk, hub
from booth.catalogue import BaseModel
from booth.errors import BaseModelError
from booth.events import Event, Progress

PARTS = ("unet", "vae", "text_encoder")
PREDICTIONS = ("epsilon", "v_prediction")


@dataclass
class Parts:
    """The parts of a latent diffusion model, in the field's names.

    `scheduler` is the model's own scheduler config: it fixes the noise schedule it was trained
    with; samplers are built from it.
    """

    folder: Path
    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    scheduler: dict[str, Any]
    device: torch.device

    @property
    def factor(self) -> int:
        """Pixels per latent pixel, per side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def autocast(self) -> AbstractContextManager[Any]:
        """Half-precision arithmetic for float32 weights on a CUDA card; nothing elsewhere."""
        if self.device.type != "cuda" or self.unet.dtype != torch.float32:
            return nullcontext()
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.autocast("cuda", torch.bfloat16 if bf16 else torch.float16)


def device() -> torch.device:
    """The best device here."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def fetch(base: BaseModel) -> Generator[Event, None, Path]:
    """The folder of a base model; downloads what is missing, with progress."""
    if base.folder is not None:
        check(base.folder)
        return base.folder
    assert base.hub_id is not None
    return (yield from hub.fetch(base.hub_id, check))


def check(folder: Path) -> None:
    """Raise `BaseModelError` unless `folder` is a whole, safe model of a kind we train."""
    kind = _read_config(folder / "model_index.json", folder).get("_class_name")
    if kind != "StableDiffusionPipeline":
        raise BaseModelError(
            f'"{folder.name}" is a {kind}, which the booth does not train.',
            "Choose a model of Stable Diffusion 1.x or 2.x layout.",
        )
    for part in PARTS:
        _read_config(folder / part / "config.json", folder)
        if not list((folder / part).glob("*.safetensors")):
            pickles = [*(folder / part).glob("*.bin"), *(folder / part).glob("*.ckpt")]
            raise BaseModelError(
                f'"{folder.name}" has its {part} weights only as a pickle, which can run code.'
                if pickles
                else f'"{folder.name}" has no {part} weights: the copy is not complete.',
                "Use a version with .safetensors files."
                if pickles
                else "Copy or download the model again.",
            )
    prediction = _scheduler_config(folder).get("prediction_type", "epsilon")
    if prediction not in PREDICTIONS:
        raise BaseModelError(
            f'"{folder.name}" predicts "{prediction}", which the booth does not train.',
            f"Choose a model that predicts one of {', '.join(PREDICTIONS)}.",
        )


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Parts:
    """The parts of the model in `folder`, frozen, on the best device."""
    check(folder)
    _quiet()
    here = device()
    try:
        parts = Parts(
            folder=folder,
            tokenizer=tokenizer(folder),
            text_encoder=_part(CLIPTextModel, folder, "text_encoder", dtype),
            unet=_part(UNet2DConditionModel, folder, "unet", dtype),
            vae=_part(AutoencoderKL, folder, "vae", dtype),
            scheduler=_scheduler_config(folder),
            device=here,
        )
    except (OSError, ValueError, RuntimeError) as error:
        if "out of memory" in str(error).lower():
            raise
        raise BaseModelError(
            f'"{folder.name}" could not be loaded: {str(error).splitlines()[0][:160]}',
            "Copy or download the model again.",
        ) from error
    if parts.tokenizer.model_max_length > 10**6:  # bare vocab.json and merges.txt do not say
        parts.tokenizer.model_max_length = parts.text_encoder.config.max_position_embeddings
    for module in (parts.text_encoder, parts.unet, parts.vae):
        module.requires_grad_(False).eval().to(here)
    return parts


def scheduler_of(parts: Parts) -> SchedulerMixin:
    """The model's own scheduler, for saving; DDIM when diffusers does not know its class."""
    kind: Any = getattr(diffusers, str(parts.scheduler.get("_class_name")), None)
    if not (isinstance(kind, type) and issubclass(kind, SchedulerMixin)):
        kind = DDIMScheduler
    return kind.from_config(parts.scheduler)


def tokenizer(folder: Path) -> CLIPTokenizer:
    """The tokenizer of the model in `folder`."""
    return CLIPTokenizer.from_pretrained(folder / "tokenizer")


_ready: dict[tuple[Path, float], Parts] = {}


def ready(folder: Path) -> Generator[Event, None, Parts]:
    """The model in `folder`, loaded for taking pictures; the last one used stays in memory."""
    key = (folder, (folder / "model_index.json").stat().st_mtime)
    if key not in _ready:
        yield Progress("Loading the model", 0, 1)
        _ready.clear()
        half = device().type == "cuda"
        _ready[key] = load(folder, torch.float16 if half else torch.float32)
    return _ready[key]


def release() -> None:
    """Forget the model kept by `ready`, to make room for a training."""
    _ready.clear()
    gc.collect()  # a learner and its optimizer refer to each other
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def fingerprint(folder: Path) -> str:
    """What a model is, in 16 hexadecimal digits: a digest of its weights, configs and tokenizer.

    Two folders with the same files have the same fingerprint wherever they lie.
    """
    digest = hashlib.sha256()
    for part in (*PARTS, "tokenizer", "scheduler"):
        half_only = _variant(folder / part) == "fp16"
        for path in sorted((folder / part).iterdir()):
            ours = half_only == (".fp16." in path.name) or path.suffix != ".safetensors"
            if ours and path.suffix in (".safetensors", ".json", ".txt"):
                digest.update(f"{part}/{path.name}:{disk.sha256(path)};".encode())
    return digest.hexdigest()[:16]


def _quiet() -> None:
    """No progress bars and hints of the libraries below us between our own events."""
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    huggingface_hub.utils.disable_progress_bars()


def _part(kind: Any, folder: Path, name: str, dtype: torch.dtype) -> Any:
    """One part with its weights, from whichever safetensors variant the folder has."""
    variant = _variant(folder / name)
    return kind.from_pretrained(folder / name, variant=variant, use_safetensors=True, dtype=dtype)


def _variant(folder: Path) -> str | None:
    """Which of diffusers' weight variants to load: the plain one, unless there is only fp16."""
    weights = [path.name for path in folder.glob("*.safetensors")]
    return "fp16" if weights and all(".fp16." in name for name in weights) else None


def _scheduler_config(folder: Path) -> dict[str, Any]:
    return _read_config(folder / "scheduler" / "scheduler_config.json", folder)


def _read_config(path: Path, folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise BaseModelError(
            f'"{folder.name}" is not a whole diffusers model: '
            f"{path.relative_to(folder)} is missing or damaged.",
            "Choose a folder that has model_index.json and the unet, vae, text_encoder, "
            "tokenizer and scheduler folders.",
        ) from error
