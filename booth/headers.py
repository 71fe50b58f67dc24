"""What is in one .safetensors file, told from its header: names, shapes and types, no weights.

Whole models travel as one file in the layout of the original Stable Diffusion code; what else
is handed around under the same ending is named here and refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from booth.errors import BaseModelError

UNET = "model.diffusion_model.input_blocks.0.0.weight"
VAE = "first_stage_model.decoder.conv_in.weight"
_CLIP = "transformer.text_model.embeddings.position_embedding.weight"
# catalogue key: how the names of its text encoders begin, and a weight that each must have
_FAMILIES = {
    "sdxl": (
        "conditioner.embedders.1.",
        (f"conditioner.embedders.0.{_CLIP}", "conditioner.embedders.1.model.positional_embedding"),
    ),
    "sd15": ("cond_stage_model.transformer.", (f"cond_stage_model.{_CLIP}",)),
    "sd21": ("cond_stage_model.model.", ("cond_stage_model.model.token_embedding.weight",)),
}
_OTHERS = (  # a pattern of names, and what has them; the first that matches is told
    (r"(^|[._])lora_|\.lora\.|\.(hada|lokr)_", "is a LoRA, an addition to a model, not a model"),
    (r"(^|\.)double_blocks\.", "is a Flux model, which the booth does not train"),
    (r"(^|\.)joint_blocks\.", "is a Stable Diffusion 3 model, which the booth does not train"),
    (r"^control_model\.|^controlnet_", "is a ControlNet, an addition to a model, not a model"),
    (r"^conditioner\.embedders\.0\.model\.", "is the refiner of SDXL, not its base model"),
    (r"^emb_params$|^clip_[gl]$", "is a textual inversion, an addition to a model, not a model"),
    (r"^(first_stage_model\.|vae\.)?(encoder|decoder)\.", "is only a VAE, one part of a model"),
    (r"^(down_blocks|mid_block|text_model)\.", "is one part of a model in diffusers' layout"),
)
_UNLIKE = (  # the shape of a model we train, but another meaning
    (r"^v_pred$", "is an SDXL model that predicts velocity, which one file does not tell in full"),
    (r"^edm_(mean|std|vpred)", "has a noise schedule of its own (EDM), which the booth has not"),
    (r"scaled_fp8$|\.scale_weight$", "is in a scaled 8-bit format, which the booth cannot read"),
)
_REMEDY = (
    "Choose the .safetensors file of a whole Stable Diffusion 1.x, 2.x or XL model, "
    "or a folder in diffusers' layout."
)


@dataclass(frozen=True)
class Header:
    """A whole model in one file: the catalogue's key of its family, and the type of each part."""

    family: str
    types: dict[str, str]  # "unet", "vae", "text": safetensors' names, like F16


def read(path: Path) -> Header:
    """The header of the model in `path`.

    Raises `BaseModelError`, naming what the file is or is not, unless it is a model we train.
    """
    try:
        with safe_open(path, framework="np") as file:
            names = list(file.keys())
            family, needed = _family(path.name, names)
            weights = dict(zip(("unet", "vae", "text"), needed, strict=False))
            channels = file.get_slice(UNET).get_shape()[1]
            types = {part: file.get_slice(name).get_dtype() for part, name in weights.items()}
    except SafetensorError as error:
        cut = "incomplete" in str(error) or "invalid header length" in str(error)
        words = "is cut short: the copy is not complete" if cut else "is not a safetensors file"
        remedy = "Copy or download it again." if cut else _REMEDY
        raise BaseModelError(f'"{path.name}" {words}.', remedy) from error
    except OSError as error:
        raise BaseModelError(
            f'"{path.name}" could not be read.', "Check that the file is there and yours to read."
        ) from error
    if channels != 4:
        raise _refused(
            path.name, "is made for inpainting or editing, which the booth does not train"
        )
    return Header(family, types)


def _family(file: str, names: list[str]) -> tuple[str, tuple[str, ...]]:
    """The family's key, and a weight that each part must have: UNet, VAE, text encoders."""
    for pattern, words in _UNLIKE:
        if any(re.search(pattern, name) for name in names):
            raise _refused(file, words)
    if UNET in names:
        for family, (begin, needed) in _FAMILIES.items():
            if any(name.startswith(begin) for name in names):
                return family, _all_there(file, (UNET, VAE, *needed), names)
    for pattern, words in _OTHERS:
        if any(re.search(pattern, name) for name in names):
            raise _refused(file, words)
    if UNET in names:
        raise _refused(file, "has no text encoder in it: it is not a whole model")
    raise _refused(file, "is not a Stable Diffusion model")


def _all_there(file: str, needed: tuple[str, ...], names: list[str]) -> tuple[str, ...]:
    """`needed`, if `names` has all of them."""
    if VAE not in names:
        raise _refused(file, "has no VAE in it: it is not a whole model")
    if not set(needed) <= set(names):
        raise _refused(file, "names its text encoder in a way the booth does not know")
    return needed


def _refused(file: str, words: str) -> BaseModelError:
    return BaseModelError(f'"{file}" {words}.', _REMEDY)
