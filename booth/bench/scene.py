"""What every variant trains on: a model with random weights, photos and prior images, on disk.

On a card the model is Stable Diffusion 1.5 in its full size. Without one it is a small likeness
with the same topology, at 128 pixels, whose VAE costs about as much of a step, in multiplications,
as SD 1.5's does at 512 pixels (`python -m booth.bench.scene` counts both).

Photos and prior images lie there in the training size, which is kind to the peer: it decodes a
photo at every step, and a phone's photo takes many times longer.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

import accelerate
import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel

from booth import disk, models
from booth.bench import words
from booth.bench.plan import PHOTOS, PRIORS, Plan, plan_for

MATMUL = 8192  # side of the square bf16 matrices whose product is the ceiling
_FACTORS = {"down_block_types": ("DownEncoderBlock2D",) * 4}
_FACTORS |= {"up_block_types": ("UpDecoderBlock2D",) * 4}


def prepare(folder: Path) -> dict[str, Any]:
    """Write model, photos and prior images to `folder`; say what this machine is."""
    cuda = torch.cuda.is_available()
    plan = plan_for(cuda, cuda and torch.cuda.is_bf16_supported(including_emulation=False))
    torch.manual_seed(0)
    if cuda:
        save_full(folder / "model")
    else:
        small_pipeline().save_pretrained(folder / "model")
    _images(folder / "photos", PHOTOS, plan.resolution, first_seed=0)
    _images(folder / "priors", PRIORS, plan.resolution, first_seed=1000)
    facts = {**machine(), **(_card(folder / "model", plan) if cuda else {})}
    disk.write_json(folder / "facts.json", facts)
    return facts


def machine() -> dict[str, Any]:
    """Device and versions."""
    cuda = torch.cuda.is_available()
    named = (torch, diffusers, transformers, accelerate)
    return {
        "cuda": cuda,
        "bf16": cuda and torch.cuda.is_bf16_supported(including_emulation=False),
        "device": torch.cuda.get_device_name() if cuda else f"cpu ({platform.machine()})",
        "versions": {
            "python": platform.python_version(),
            **{module.__name__: module.__version__ for module in named},
            **({"cuda": torch.version.cuda} if cuda else {}),
        },
    }


def small_pipeline() -> StableDiffusionPipeline:
    """SD 1.5's topology with narrow channels: seconds, not minutes, per step on one core."""
    unet = UNet2DConditionModel(
        sample_size=16,
        layers_per_block=2,
        block_out_channels=(32, 64, 64, 64),
        cross_attention_dim=64,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(
        **_FACTORS,
        block_out_channels=(12, 24, 24, 24),
        layers_per_block=2,
        norm_num_groups=4,
        sample_size=128,
    )
    return _assembled(unet, vae, hidden_size=64, intermediate_size=128, num_hidden_layers=2)


def save_full(folder: Path) -> None:
    """Write the full-size architecture of SD 1.5 with random weights, float16."""
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    vae = AutoencoderKL(
        **_FACTORS, block_out_channels=(128, 256, 512, 512), layers_per_block=2, sample_size=512
    )
    shape = {"hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12}
    _assembled(unet, vae, num_hidden_layers=12, **shape).to(torch.float16).save_pretrained(folder)


def step_operations(model: Path, resolution: int) -> tuple[float, float]:
    """Floating-point operations of the UNet's step and of the VAE's encoding, for 1 + 1 images.

    Counted by torch's own counter (convolutions, products, attention) on this very model.
    """
    parts = models.load(model)
    parts.unet.requires_grad_(True)
    side = resolution // parts.factor
    width = int(parts.unet.config.cross_attention_dim)
    device = parts.device
    with FlopCounterMode(display=False) as unet, parts.autocast():
        latents = torch.randn(2, 4, side, side, device=device)
        context = torch.randn(2, 77, width, device=device)
        parts.unet(latents, torch.tensor([1, 2], device=device), context).sample.sum().backward()
    with FlopCounterMode(display=False) as vae, parts.autocast(), torch.no_grad():
        parts.vae.encode(torch.randn(2, 3, resolution, resolution, device=device))
    return float(unet.get_total_flops()), float(vae.get_total_flops())


def matmul_ceiling(repeats: int = 20) -> float:
    """Operations per second of a large bf16 product of random matrices on this card."""
    left, right = (
        torch.randn(MATMUL, MATMUL, device="cuda", dtype=torch.bfloat16) for _ in range(2)
    )
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    for number in range(repeats + 5):
        if number == 5:
            start.record()
        left @ right
    end.record()
    torch.cuda.synchronize()
    return 2 * MATMUL**3 * repeats / (start.elapsed_time(end) / 1000)


def _card(model: Path, plan: Plan) -> dict[str, Any]:
    ceiling = matmul_ceiling()
    unet, vae = step_operations(model, plan.resolution)
    return {"matmul_ceiling": ceiling, "unet_operations": unet, "vae_operations": vae}


def _assembled(
    unet: UNet2DConditionModel, vae: AutoencoderKL, **text: int
) -> StableDiffusionPipeline:
    tokenizer = words.tokenizer()
    ends = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos")}
    shape = {"num_attention_heads": 4, "max_position_embeddings": 77, **text}
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id, **ends, **shape
    )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(config),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=schedule(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def schedule(prediction_type: str = "epsilon") -> DDIMScheduler:
    """The noise schedule of Stable Diffusion 1.5."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=prediction_type,
    )


def _images(folder: Path, count: int, size: int, first_seed: int) -> None:
    """Square PNGs of smooth noise: no two alike, and not free to decode."""
    for number in range(count):
        generator = torch.Generator().manual_seed(first_seed + number)
        coarse = torch.rand(1, 3, size // 8, size // 8, generator=generator)
        smooth = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic")
        pixels = (smooth[0].permute(1, 2, 0).clamp(0, 1) * 255).byte().numpy()
        disk.write_image(folder / f"{number:03}.png", Image.fromarray(pixels))


if __name__ == "__main__":
    unet_work, vae_work = step_operations(Path(sys.argv[1]), int(sys.argv[2]))
    print(f"UNet {unet_work / 1e9:.2f} GFLOP, VAE {vae_work / unet_work:.2f} of that")
