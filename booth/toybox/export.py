"""Writes the trained parts as an ordinary diffusers folder, in half precision.

Nothing of ours is needed to use it: every class in the folder is a stock one, so
`StableDiffusionPipeline.from_pretrained` loads it like any downloaded model.
"""

from __future__ import annotations

import copy
import os
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from transformers import CLIPTokenizer

from booth.toybox.denoiser import Denoiser, build_scheduler

LIMIT = 32 * 2**20


def assemble(
    vae: AutoencoderKL, tokenizer: CLIPTokenizer, denoiser: Denoiser
) -> StableDiffusionPipeline:
    """The parts as one pipeline, with no safety checker since it can only draw toys."""
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=denoiser.text_encoder,
        tokenizer=tokenizer,
        unet=denoiser.unet,
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@torch.no_grad()
def level_unseen(denoiser: Denoiser, seen: set[int]) -> None:
    """Give the embeddings of never-seen tokens the mean length of the others.

    They kept their small random start; as long as the rest, a rare token can be told apart.
    """
    table = denoiser.text_encoder.get_input_embeddings().weight
    lengths = table.norm(dim=1)
    known = torch.zeros(len(table), dtype=torch.bool)
    known[list(seen)] = True
    table[~known] *= lengths[known].mean() / lengths[~known].mean()


def folder_size(folder: Path) -> int:
    """Bytes in a folder and everything below it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def export(vae: AutoencoderKL, tokenizer: CLIPTokenizer, denoiser: Denoiser, folder: Path) -> int:
    """Write the pipeline to `folder`, file by file into place; returns its size in bytes."""
    fresh = folder.with_name(folder.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    half = assemble(
        copy.deepcopy(vae).to("cpu", torch.float16),
        tokenizer,
        copy.deepcopy(denoiser).to("cpu", torch.float16),
    )
    for part in (half.vae, half.unet):
        part.register_to_config(_name_or_path="")  # where it came from is of no use elsewhere
    half.save_pretrained(fresh, safe_serialization=True)
    size = folder_size(fresh)
    if size > LIMIT:
        raise ValueError(f"Toybox would take {size / 2**20:.1f} MB; at most 32 MB are allowed.")
    for source in sorted(path for path in fresh.rglob("*") if path.is_file()):
        target = folder / source.relative_to(fresh)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.chmod(0o644)
        os.replace(source, target)
    shutil.rmtree(fresh)
    return size
