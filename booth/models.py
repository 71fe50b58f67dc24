"""A base model's parts: found, checked, loaded and placed on a device.

Only folders in diffusers' layout with safetensors weights are loaded, of the kinds in `families`;
a pickle can run code, so it is refused, not scanned.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import huggingface_hub
import torch
import transformers
from diffusers import AutoencoderKL, DDIMScheduler, SchedulerMixin, UNet2DConditionModel
from transformers import CLIPTokenizer

from booth import adapters, disk, hub, single_file
from booth.catalogue import BaseModel
from booth.errors import BaseModelError, out_of_memory
from booth.events import Event, Progress
from booth.families import Family, family_of
from booth.library import home

PREDICTIONS = ("epsilon", "v_prediction")


@dataclass
class Parts:
    """The parts of a latent diffusion model, in the field's names.

    `tokenizers` and `text_encoders` are in the order in which the UNet reads them; SDXL has two.
    `scheduler` is the model's own scheduler config: it fixes the noise schedule it was trained
    with; samplers are built from it. `device` is where computing is; parts may wait elsewhere
    (see `at_hand`).
    """

    folder: Path
    family: Family
    tokenizers: list[CLIPTokenizer]
    text_encoders: list[Any]
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    scheduler: dict[str, Any]
    device: torch.device
    blank_is_zero: bool = False  # SDXL was trained with zeros for the empty prompt

    @property
    def tokenizer(self) -> CLIPTokenizer:
        """The first tokenizer, in which identifiers are looked up."""
        return self.tokenizers[0]

    @property
    def text_encoder(self) -> Any:
        """The first text encoder."""
        return self.text_encoders[0]

    @property
    def modules(self) -> dict[str, Any]:
        """Everything with weights, by the name of its folder."""
        encoders = dict(zip(self.family.text_encoders, self.text_encoders, strict=True))
        return {"unet": self.unet, "vae": self.vae, **encoders}

    @property
    def factor(self) -> int:
        """Pixels per latent pixel, per side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    def autocast(self) -> AbstractContextManager[Any]:
        """Half-precision arithmetic for float32 weights on a CUDA card; nothing elsewhere."""
        if self.device.type != "cuda" or self.unet.dtype != torch.float32:
            return nullcontext()
        return torch.autocast("cuda", quick())

    def vae_autocast(self) -> AbstractContextManager[Any]:
        """The same for the VAE, unless it needs full precision."""
        return nullcontext() if self.full_vae else self.autocast()

    @property
    def full_vae(self) -> bool:
        """Whether the VAE has to compute in float32: SDXL's first one overflows float16."""
        return self.family.full_vae and bool(self.vae.config.force_upcast)

    def move(self, device: torch.device, *names: str) -> None:
        """Compute on a device from now on: the parts `names` go there, the others stay."""
        for name in names:
            self.modules[name].to(device)
        self.device = device

    @contextmanager
    def at_hand(self, *modules: Any) -> Iterator[None]:
        """Have these modules where computing is; those that wait elsewhere for this moment only.

        What waits does not learn: its weights stay there too, and nothing is copied back.
        """
        away = [(module, module.device) for module in modules if module.device != self.device]
        kept = [(weight, weight.data) for module, _ in away for weight in module.parameters()]
        try:
            for module, _ in away:
                module.to(self.device)
            yield
        finally:
            for weight, data in kept:
                weight.data = data
            for module, place in away:
                module.to(place)


def device() -> torch.device:
    """The best device here."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("mps", 0) if torch.backends.mps.is_available() else torch.device("cpu")


def quick() -> torch.dtype:
    """What a frozen model computes in here: half precision on a card, float32 elsewhere."""
    if device().type != "cuda":
        return torch.float32
    bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if bf16 else torch.float16


def fetch(base: BaseModel) -> Generator[Event, None, Path]:
    """The folder of a base model; downloads or unpacks what is missing, with progress."""
    folder = base.folder
    if base.file is not None:
        _quiet()
        folder = yield from single_file.unpack(base.file, home().absolute() / "unpacked")
    if folder is not None:
        check(folder)
        return folder
    assert base.hub_id is not None
    return (yield from hub.fetch(base.hub_id, check))


def check(folder: Path) -> None:
    """Raise `BaseModelError` unless `folder` is a whole, safe model of a kind we train."""
    for part in _family(folder).parts:
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


def load(
    folder: Path,
    dtype: torch.dtype = torch.float32,
    here: torch.device | None = None,
    whole: Callable[[str], bool] = lambda part: False,
) -> Parts:
    """The parts of the model in `folder`, frozen, on the device `here` or the best one.

    They are read one by one, in `dtype`; in float32 those that are `whole`, and a VAE that half
    precision would overflow.
    """
    check(folder)
    _quiet()
    here, family = here or device(), _family(folder)

    def read(name: str, kind: Any) -> Any:
        exact = whole(name) or (name == "vae" and family.full_vae)
        part = _part(kind, folder, name, torch.float32 if exact else dtype)
        return part.requires_grad_(False).eval().to(here)

    try:
        loaded = {name: read(name, kind) for name, kind in family.parts.items()}
        parts = Parts(
            folder=folder,
            family=family,
            tokenizers=[tokenizer(folder, name) for name in family.tokenizers],
            text_encoders=[loaded[name] for name in family.text_encoders],
            unet=loaded["unet"],
            vae=loaded["vae"],
            scheduler=_scheduler_config(folder),
            device=here,
            blank_is_zero=bool(_index(folder).get("force_zeros_for_empty_prompt")),
        )
    except (OSError, ValueError, RuntimeError) as error:
        if out_of_memory(error):
            raise
        raise BaseModelError(
            f'"{folder.name}" could not be loaded: {str(error).splitlines()[0][:160]}',
            "Copy or download the model again.",
        ) from error
    if not parts.full_vae:
        parts.vae.to(dtype)
    for reader, encoder in zip(parts.tokenizers, parts.text_encoders, strict=True):
        if reader.model_max_length > 10**6:  # bare vocab.json and merges.txt do not say
            reader.model_max_length = encoder.config.max_position_embeddings
    return parts


def waiting(folder: Path, dtype: torch.dtype) -> Parts:
    """`load`ed into main memory: every part comes to the best device when it is needed there."""
    parts = load(folder, dtype, torch.device("cpu"))
    parts.move(device())
    return parts


def pipeline(parts: Parts) -> Any:
    """The parts as diffusers' own pipeline."""
    return parts.family.pipeline(
        **parts.modules,
        **dict(zip(parts.family.tokenizers, parts.tokenizers, strict=True)),
        scheduler=scheduler_of(parts),
        **_options(parts),
    )


def save(parts: Parts, folder: Path, dtype: torch.dtype = torch.float16) -> None:
    """Write the model into the empty `folder` in diffusers' layout; casts `parts` to `dtype`.

    What did not learn is read again: training may have kept it in bfloat16, which loses bits.
    """
    for name, module in parts.modules.items():
        learnt = any(weight.requires_grad for weight in module.parameters())
        module.to(dtype)
        if not learnt:
            fresh = _part(parts.family.parts[name], parts.folder, name, dtype)
            module.load_state_dict(fresh.state_dict())
    pipeline(parts).save_pretrained(folder)


def _options(parts: Parts) -> dict[str, Any]:
    """What a pipeline of the family wants to be told beside its parts."""
    if "safety_checker" in parts.family.empty:
        return {**dict.fromkeys(parts.family.empty), "requires_safety_checker": False}
    return {"force_zeros_for_empty_prompt": parts.blank_is_zero, "add_watermarker": False}


def scheduler_of(parts: Parts) -> SchedulerMixin:
    """The model's own scheduler, for saving; DDIM when diffusers does not know its class."""
    kind: Any = getattr(diffusers, str(parts.scheduler.get("_class_name")), None)
    if not (isinstance(kind, type) and issubclass(kind, SchedulerMixin)):
        kind = DDIMScheduler
    return kind.from_config(parts.scheduler)


def factor(folder: Path) -> int:
    """`Parts.factor` of the model in `folder`, told without loading it."""
    vae = _read_config(folder / "vae" / "config.json", folder)
    return int(2 ** (len(vae["block_out_channels"]) - 1))


def tokenizer(folder: Path, name: str = "tokenizer") -> CLIPTokenizer:
    """The tokenizer called `name` of the model in `folder`."""
    return CLIPTokenizer.from_pretrained(folder / name)


_ready: dict[tuple[Path, Path | None, float], Parts] = {}


def ready(folder: Path, adapter: Path | None = None) -> Generator[Event, None, Parts]:
    """The model in `folder`, with the LoRA in the folder `adapter` if there is one, for pictures.

    The last one used stays in memory.
    """
    newest = (adapter / adapters.FILE if adapter else folder / "model_index.json").stat().st_mtime
    key = (folder, adapter, newest)
    if key not in _ready:
        yield Progress("Loading the model", 0, 1)
        _ready.clear()
        half = device().type == "cuda"
        parts = waiting(folder, torch.float16 if half else torch.float32)
        parts.move(device(), "unet")
        if adapter:
            adapters.load(parts.modules, adapter)
        _ready[key] = parts
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
    family = _family(folder)
    for part in (*family.parts, *family.tokenizers, "scheduler"):
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


def _index(folder: Path) -> dict[str, Any]:
    return _read_config(folder / "model_index.json", folder)


def _family(folder: Path) -> Family:
    return family_of(_index(folder), folder.name)


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
            "tokenizer and scheduler folders (SDXL: text_encoder_2 and tokenizer_2 too).",
        ) from error
