"""Diffusers pipelines written as one file, with the names of the original Stable Diffusion code.

The way back is diffusers' `from_single_file`; what it reads must equal what went in.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

Weights = dict[str, torch.Tensor]

_RESNET = (
    (".norm1.", ".in_layers.0."),
    (".conv1.", ".in_layers.2."),
    (".norm2.", ".out_layers.0."),
    (".conv2.", ".out_layers.3."),
    (".time_emb_proj.", ".emb_layers.1."),
    (".conv_shortcut.", ".skip_connection."),
)
_UNET_ENDS = (
    ("time_embedding.linear_1.", "time_embed.0."),
    ("time_embedding.linear_2.", "time_embed.2."),
    ("add_embedding.linear_1.", "label_emb.0.0."),
    ("add_embedding.linear_2.", "label_emb.0.2."),
    ("conv_in.", "input_blocks.0.0."),
    ("conv_norm_out.", "out.0."),
    ("conv_out.", "out.2."),
)
_VAE = (
    ("mid_block.resnets.0.", "mid.block_1."),
    ("mid_block.resnets.1.", "mid.block_2."),
    ("mid_block.attentions.0.", "mid.attn_1."),
    (".group_norm.", ".norm."),
    (".to_q.", ".q."),
    (".to_k.", ".k."),
    (".to_v.", ".v."),
    (".to_out.0.", ".proj_out."),
    (".conv_norm_out.", ".norm_out."),
    (".conv_shortcut.", ".nin_shortcut."),
    (".resnets.", ".block."),
    (".downsamplers.0.", ".downsample."),
    (".upsamplers.0.", ".upsample."),
)
_OPEN_CLIP = (
    ("embeddings.token_embedding.weight", "token_embedding.weight"),
    ("embeddings.position_embedding.weight", "positional_embedding"),
    ("final_layer_norm.", "ln_final."),
    ("encoder.layers.", "transformer.resblocks."),
    (".layer_norm1.", ".ln_1."),
    (".layer_norm2.", ".ln_2."),
    (".mlp.fc1.", ".mlp.c_fc."),
    (".mlp.fc2.", ".mlp.c_proj."),
    (".self_attn.out_proj.", ".attn.out_proj."),
)


def write(pipeline: Any, path: Path, open_clip: bool = False) -> Path:
    """Write a pipeline to `path`; `open_clip` names SD's text encoder as Stable Diffusion 2 does.

    An SDXL pipeline is known by its second text encoder.
    """
    second = getattr(pipeline, "text_encoder_2", None)
    first = clip(pipeline.text_encoder)
    if second is not None:
        text = _under("conditioner.embedders.0.transformer.", first)
        text |= _under("conditioner.embedders.1.model.", open_clip_of(second))
    elif open_clip:
        text = _under("cond_stage_model.model.", open_clip_of(pipeline.text_encoder))
    else:
        text = _under("cond_stage_model.transformer.", first)
    weights = _under("model.diffusion_model.", unet(pipeline.unet))
    weights |= _under("first_stage_model.", vae(pipeline.vae)) | text
    save_file({name: weight.contiguous() for name, weight in weights.items()}, path)
    return path


def unet(model: Any) -> Weights:
    """A UNet's weights; blocks are numbered through, a down- or upsampler counting with them."""
    layers = model.config.layers_per_block + 1
    written = {}
    for name, weight in model.state_dict().items():
        upsampler = re.fullmatch(r"up_blocks\.(\d+)\.upsamplers\.0\.(.*)", name)
        if upsampler:
            level, rest = int(upsampler[1]), upsampler[2]
            place = 2 if "CrossAttn" in model.config.up_block_types[level] else 1
            written[f"output_blocks.{layers * (level + 1) - 1}.{place}.{rest}"] = weight
        else:
            written[_unet_name(name, layers)] = weight
    return written


def _unet_name(name: str, layers: int) -> str:
    block = re.match(r"(down|mid|up)_blocks?\.(?:(\d+)\.)?(\w+)\.(\d+)\.(.*)", name)
    if block is None:
        return _renamed(name, _UNET_ENDS)
    way, level, kind, layer, rest = block.groups()
    if kind == "resnets":
        rest = _renamed(f".{rest}", _RESNET)[1:]
    if way == "mid":
        return f"middle_block.{2 * int(layer) if kind == 'resnets' else 1}.{rest}"
    if way == "down":
        if kind == "downsamplers":
            return f"input_blocks.{layers * (int(level) + 1)}.0.op.{rest.removeprefix('conv.')}"
        return (
            f"input_blocks.{1 + layers * int(level) + int(layer)}.{int(kind != 'resnets')}.{rest}"
        )
    return f"output_blocks.{layers * int(level) + int(layer)}.{int(kind != 'resnets')}.{rest}"


def vae(model: Any) -> Weights:
    """A VAE's weights; decoder levels count from the fine to the coarse, attention is 1x1 conv."""
    last = len(model.config.block_out_channels) - 1
    written = {}
    for name, weight in model.state_dict().items():
        name = re.sub(r"down_blocks\.(\d+)", r"down.\1", name)
        name = re.sub(r"up_blocks\.(\d+)", lambda found: f"up.{last - int(found[1])}", name)
        name = _renamed(name, _VAE)
        square = ".attn_1." in name and weight.ndim == 2
        written[name] = weight[:, :, None, None] if square else weight
    return written


def clip(model: Any) -> Weights:
    """A CLIP text encoder's weights under "text_model.", which transformers 5.6 dropped."""
    names = model.state_dict().items()
    return {f"text_model.{name.removeprefix('text_model.')}": weight for name, weight in names}


def open_clip_of(model: Any) -> Weights:
    """A CLIP text encoder's weights as OpenCLIP names them: query, key and value in one matrix."""
    plain = {name.removeprefix("text_model."): w for name, w in model.state_dict().items()}
    written: Weights = {}
    for name, weight in plain.items():
        if name == "text_projection.weight":
            written["text_projection"] = weight.T
        elif re.search(r"\.[kv]_proj\.", name):
            continue
        elif ".q_proj." in name:
            parts = [plain[name.replace(".q_proj.", f".{which}_proj.")] for which in "qkv"]
            joined = name.replace(".self_attn.q_proj.", ".attn.in_proj_")
            written[_renamed(joined, _OPEN_CLIP)] = torch.cat(parts)
        else:
            written[_renamed(name, _OPEN_CLIP)] = weight
    return written


def _renamed(name: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for new, old in pairs:
        name = name.replace(new, old)
    return name


def _under(prefix: str, weights: Weights) -> Weights:
    return {prefix + name: weight for name, weight in weights.items()}
