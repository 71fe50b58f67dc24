"""LoRA: small trainable matrices beside frozen weights (Hu et al. 2021), through peft.

The adapter's weights are float32 whatever the base model's precision: bfloat16 would lose most
of the small updates. The file written is the one diffusers' `load_lora_weights` reads. peft is
used directly and not through transformers, whose newest version refuses the newest peft.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers.training_utils import _collate_lora_metadata, cast_training_params
from peft import (
    LoraConfig,
    get_peft_model_state_dict,
    inject_adapter_in_model,
    set_peft_model_state_dict,
)
from safetensors import safe_open

from booth.config import TrainingConfig

FILE = "pytorch_lora_weights.safetensors"
UNET_TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
TEXT_TARGETS = ["q_proj", "k_proj", "v_proj", "out_proj"]

Modules = dict[str, Any]
"""Modules by the name of their folder: unet, text_encoder, text_encoder_2."""


def add(modules: Modules, config: TrainingConfig) -> None:
    """Put fresh, trainable adapters on these modules.

    A fresh adapter changes nothing: one of its two matrices is zero. What is random in the other
    follows from the seed.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        for name, module in modules.items():
            targets = UNET_TARGETS if name == "unet" else TEXT_TARGETS
            _inject(module, config.lora_rank, config.lora_alpha, targets)
            cast_training_params(module, torch.float32)


def save(modules: Modules, folder: Path, pipeline: Any) -> None:
    """Write the adapters of these modules into `folder`, as `pipeline`'s class reads them."""
    adapted = {name: m for name, m in modules.items() if hasattr(m, "peft_config")}
    layers = {f"{name}_lora_layers": get_peft_model_state_dict(m) for name, m in adapted.items()}
    pipeline.save_lora_weights(
        folder, weight_name=FILE, **layers, **_collate_lora_metadata(adapted)
    )


def load(modules: Modules, folder: Path) -> None:
    """Put the adapters that `save` wrote into `folder` on frozen modules."""
    with safe_open(folder / FILE, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        facts = json.loads(file.metadata()["lora_adapter_metadata"])
    for name, module in modules.items():
        own = {
            k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")
        }
        if own:
            rank, alpha, targets = (
                facts[f"{name}.{key}"] for key in ("r", "lora_alpha", "target_modules")
            )
            _inject(module, rank, alpha, targets)
            set_peft_model_state_dict(module, own)
            module.requires_grad_(False)


def _inject(module: Any, rank: int, alpha: int, targets: list[str]) -> None:
    config = LoraConfig(
        r=rank, lora_alpha=alpha, init_lora_weights="gaussian", target_modules=targets
    )
    inject_adapter_in_model(config, module)
