"""A StableDiffusionPipeline folder of the real SD 1.5 topology, small and random.

`python -m tests.tiny FOLDER` writes one of the full size (860 million weights in the UNet), to
try the booth on the real thing where no weights can be downloaded.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from booth.bench.scene import save_full
from booth.bench.words import tokenizer as _tokenizer


def save(folder: Path, prediction_type: str = "epsilon") -> Path:
    """Write the pipeline to `folder`, float32 safetensors; the same weights every time."""
    torch.manual_seed(0)
    pipeline(prediction_type).save_pretrained(folder)
    return folder


def pipeline(prediction_type: str = "epsilon") -> StableDiffusionPipeline:
    """The pipeline itself: 64 px pictures, four levels of two layers like SD 1.5."""
    tokenizer = _tokenizer()
    text_encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=77,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        layers_per_block=2,
        block_out_channels=(16, 32, 32, 32),
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 16, 16),
        layers_per_block=2,
        norm_num_groups=8,
        sample_size=64,
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=prediction_type,
    )
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


if __name__ == "__main__":
    save_full(Path(sys.argv[1]))
