"""The kinds of models we train, and what differs between them: their parts and their pipeline.

Everything else is one road. A new kind is a row here and, if its UNet wants to be told something
new, a line in `conditions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from diffusers import (
    AutoencoderKL,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from booth.errors import BaseModelError

_SD_PARTS = {"unet": UNet2DConditionModel, "vae": AutoencoderKL, "text_encoder": CLIPTextModel}


@dataclass(frozen=True)
class Family:
    """One kind of model: diffusers' pipeline class and the folders with weights in it."""

    title: str
    pipeline: Any
    parts: dict[str, Any]  # folder -> class
    empty: tuple[str, ...] = ()  # optional parts we never load, named so that none are expected
    full_vae: bool = False  # its VAE overflows float16, unless its config says otherwise

    @property
    def text_encoders(self) -> tuple[str, ...]:
        """The folders of the text encoders, in the order in which the UNet reads them."""
        return tuple(name for name in self.parts if name.startswith("text_encoder"))

    @property
    def tokenizers(self) -> tuple[str, ...]:
        """The folders of the tokenizers, in the same order."""
        return tuple(name.replace("text_encoder", "tokenizer") for name in self.text_encoders)


FAMILIES = {
    "StableDiffusionPipeline": Family(
        "Stable Diffusion 1 and 2",
        StableDiffusionPipeline,
        _SD_PARTS,
        empty=("safety_checker", "feature_extractor"),
    ),
    "StableDiffusionXLPipeline": Family(
        "Stable Diffusion XL",
        StableDiffusionXLPipeline,
        {**_SD_PARTS, "text_encoder_2": CLIPTextModelWithProjection},
        full_vae=True,
    ),
}


def family_of(index: dict[str, Any], name: str) -> Family:
    """The family that a model_index.json belongs to; `name` is the model's, for the message.

    Raises `BaseModelError` for a kind of model we do not train.
    """
    kind = str(index.get("_class_name"))
    if kind not in FAMILIES:
        raise BaseModelError(
            f'"{name}" is a {kind}, which the booth does not train.',
            "Choose a model of Stable Diffusion 1.x, 2.x or XL layout.",
        )
    return FAMILIES[kind]
