"""LoRA: small trainable matrices beside frozen weights (Hu et al. 2021), through peft.

The adapter's weights are float32 whatever the base model's precision: bfloat16 would lose most
of the small updates. The file written is diffusers' own, so other programs read it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from diffusers.training_utils import _collate_lora_metadata, cast_training_params
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig, get_peft_model_state_dict

from booth.config import TrainingConfig
from booth.models import ADAPTER, Parts

UNET_TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
TEXT_TARGETS = ["q_proj", "k_proj", "v_proj", "out_proj"]


def add(parts: Parts, config: TrainingConfig) -> None:
    """Put fresh adapters on the UNet, and on the text encoders if they are to be trained.

    A fresh adapter changes nothing: one of its two matrices is zero. What is random in the other
    follows from the seed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        for name, module in _adapted(parts, config.train_text_encoder).items():
            targets = UNET_TARGETS if name == "unet" else TEXT_TARGETS
            module.add_adapter(
                LoraConfig(
                    r=config.lora_rank,
                    lora_alpha=config.lora_alpha,
                    init_lora_weights="gaussian",
                    target_modules=targets,
                )
            )
            cast_training_params(module, torch.float32)


def save(parts: Parts, folder: Path) -> None:
    """Write the adapters into `folder`, float32, in the layout of diffusers' `save_lora_weights`."""
    adapted = {
        name: module for name, module in parts.modules.items() if hasattr(module, "peft_config")
    }
    layers: dict[str, Any] = {
        f"{name}_lora_layers": convert_state_dict_to_diffusers(get_peft_model_state_dict(module))
        for name, module in adapted.items()
    }
    parts.family.pipeline.save_lora_weights(
        folder, weight_name=ADAPTER, **layers, **_collate_lora_metadata(adapted)
    )


def _adapted(parts: Parts, text_too: bool) -> dict[str, Any]:
    """The modules that get an adapter, by name."""
    wanted = ("unet", *(parts.family.text_encoders if text_too else ()))
    return {name: parts.modules[name] for name in wanted}
