"""Pipeline folders of the real SD 1.5 and SDXL topologies, small and random.

`python -m tests.tiny FOLDER` writes one of the full size (860 million weights in the UNet), to
try the booth on the real thing where no weights can be downloaded.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
)

from booth.bench.scene import save_full, schedule
from booth.bench.words import tokenizer as _tokenizer


def save(folder: Path, prediction_type: str = "epsilon") -> Path:
    """Write the pipeline to `folder`, float32 safetensors; the same weights every time."""
    torch.manual_seed(0)
    pipeline(prediction_type).save_pretrained(folder)
    return folder


def save_xl(folder: Path) -> Path:
    """Write a small SDXL to `folder`: 64 px pictures, three levels, two text encoders."""
    torch.manual_seed(0)
    pipeline_xl().save_pretrained(folder)
    return folder


def pipeline_xl() -> StableDiffusionXLPipeline:
    """The pipeline itself, with the empty prompt meaning zeros as in the real one."""
    small = pipeline()
    unet = UNet2DConditionModel(
        sample_size=8,
        layers_per_block=2,
        block_out_channels=(16, 32, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 2),
        attention_head_dim=(2, 4, 4),
        cross_attention_dim=48,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=32 + 6 * 8,
        use_linear_projection=True,
        norm_num_groups=8,
    )
    vae = AutoencoderKL.from_config({**small.vae.config, "force_upcast": True})
    return StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(_text_config(small.tokenizer, 16)),
        text_encoder_2=CLIPTextModelWithProjection(_text_config(small.tokenizer, 32)),
        tokenizer=small.tokenizer,
        tokenizer_2=_tokenizer(),
        unet=unet,
        scheduler=small.scheduler,
        force_zeros_for_empty_prompt=True,
        add_watermarker=False,
    )


def _text_config(tokenizer: CLIPTokenizer, width: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        projection_dim=width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def pipeline(prediction_type: str = "epsilon") -> StableDiffusionPipeline:
    """The pipeline itself: 64 px pictures, four levels of two layers like SD 1.5."""
    tokenizer = _tokenizer()
    text_encoder = CLIPTextModel(_text_config(tokenizer, 32))
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
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=schedule(prediction_type),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


if __name__ == "__main__":
    save_full(Path(sys.argv[1]))
