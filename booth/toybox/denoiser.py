"""The text encoder and the UNet, and how they learn to denoise latents together.

They train on exactly what diffusers will feed them: prompts padded to the tokenizer's full length
with no attention mask, since the UNet attends to the padding too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from numpy.typing import NDArray
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from booth.toybox.captions import caption
from booth.toybox.drawing import telling
from booth.toybox.scene import Scene, random_scene
from booth.toybox.training import Average, Plan, Pupil, learn

STRESS = 4.0
"""How many times as much the loss counts where a face, a detail or something worn is: they are
small, and a picture without them is hardly wrong."""
OFTEN = 2.0
"""How many times as often a scene is shown where something is worn, or that is a cube: there is
most to learn."""


def text_config(
    tokenizer: CLIPTokenizer, width: int, layers: int, space: int | None = None
) -> CLIPTextConfig:
    """A small causal CLIP text encoder for the tokenizer's vocabulary and length.

    `space` is the width that CLIP projects to, where it projects at all; by default `width`.
    """
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        hidden_act="quick_gelu",
        max_position_embeddings=tokenizer.model_max_length,
        projection_dim=space or width,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def build_text_encoder(tokenizer: CLIPTokenizer, width: int, layers: int) -> CLIPTextModel:
    """The text encoder of `text_config`, untrained."""
    return CLIPTextModel(text_config(tokenizer, width, layers))


@torch.no_grad()
def grow_vocabulary(text_encoder: CLIPTextModel, size: int) -> None:
    """Lengthen the table of embeddings to `size` rows, in place; the rows there stay as they are.

    New rows are drawn with the mean and the spread of the old, so no word starts out louder.
    """
    old = text_encoder.get_input_embeddings().weight.clone()
    if size <= len(old):
        return
    text_encoder.resize_token_embeddings(size, mean_resizing=False)
    noise = torch.randn(size - len(old), old.shape[1], generator=torch.Generator().manual_seed(2))
    text_encoder.get_input_embeddings().weight[len(old) :] = old.mean(0) + old.std(0) * noise


@torch.no_grad()
def take_over(unet: UNet2DConditionModel, earlier: UNet2DConditionModel) -> None:
    """Give `unet` the weights of an earlier one, in place; attention that is new says nothing yet.

    Raises `RuntimeError` where they differ in more than that.
    """
    missing, unexpected = unet.load_state_dict(earlier.state_dict(), strict=False)
    if strange := [name for name in missing if ".attentions." not in name] + unexpected:
        raise RuntimeError(f"Only one of the two UNets has {', '.join(strange)}.")
    for name, weight in unet.named_parameters():
        if name in missing and ".proj_out." in name:
            weight.zero_()


def build_unet(
    channels: tuple[int, int, int], width: int, latent_channels: int, sample_size: int
) -> UNet2DConditionModel:
    """Three levels, one layer each; text is attended to on all of them and in the middle.

    The outer level is the thinnest, since it has the most pixels to pay for.
    """
    return UNet2DConditionModel(
        sample_size=sample_size,
        in_channels=latent_channels,
        out_channels=latent_channels,
        layers_per_block=1,
        block_out_channels=channels,
        down_block_types=("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=width,
        attention_head_dim=tuple(c // 32 for c in channels),
        norm_num_groups=16,
        time_embedding_dim=4 * channels[1],
    )


def build_scheduler() -> DDIMScheduler:
    """The noise schedule used for training and, by default, for sampling."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="trailing",
    )


class Denoiser(nn.Module):
    """Text encoder and UNet as one module: token ids and noisy latents in, velocity out."""

    def __init__(self, text_encoder: CLIPTextModel, unet: UNet2DConditionModel) -> None:
        super().__init__()
        self.text_encoder = text_encoder
        self.unet = unet

    def forward(self, noisy: torch.Tensor, times: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """The predicted velocity."""
        words = self.text_encoder(ids).last_hidden_state
        velocity: torch.Tensor = self.unet(noisy, times, words).sample
        return velocity


def encode_prompts(tokenizer: CLIPTokenizer, prompts: list[str]) -> torch.Tensor:
    """Token ids, padded as diffusers pads them."""
    ids: torch.Tensor = tokenizer(
        prompts,
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids
    return ids


def velocity_loss(
    denoiser: nn.Module,
    latents: torch.Tensor,
    ids: torch.Tensor,
    scheduler: DDIMScheduler,
    stress: torch.Tensor | float = 1.0,
) -> torch.Tensor:
    """Min-SNR weighted velocity error; times are stratified over the batch.

    `stress` says how much each place counts, and is laid over the latents. Times are drawn on the
    CPU, whatever device `latents` and `ids` lie on; a card computes in bfloat16.
    """
    count, steps = len(latents), scheduler.config.num_train_timesteps
    times = ((torch.arange(count) + torch.rand(count)) * steps / count).long().to(latents.device)
    noise = torch.randn_like(latents)
    noisy = scheduler.add_noise(latents, noise, times)
    target = scheduler.get_velocity(latents, noise, times)
    kept = scheduler.alphas_cumprod.to(latents.device)[times]
    ratio = kept / (1 - kept)
    weight = ratio.clamp(max=5) / (ratio + 1)
    card = latents.device.type == "cuda"
    with torch.autocast(latents.device.type, torch.bfloat16, enabled=card):
        velocity = denoiser(noisy, times, ids)
    error = (stress * (velocity.float() - target).square()).mean((1, 2, 3))
    return (weight * error).mean() / weight.mean()


def details_of(scene: Scene, size: int) -> NDArray[np.float16]:
    """How much of each of `size` x `size` places shows what tells: (1, size, size) in 0..1."""
    shown = telling(scene, 2 * size).reshape(1, size, 2, size, 2).mean((2, 4))
    return shown.astype(np.float16)


Lesson = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Latents (n, channels, size, size), token ids (n, length), stress (n, 1, size, size)."""


class CaptionedLatents:
    """Batches of cached latents with freshly written captions; the cache may still be growing.

    `source` gives the latents and the details of the pictures there are, in their order.
    """

    def __init__(
        self,
        source: Callable[[], tuple[NDArray[np.float16], NDArray[np.float16]]],
        tokenizer: CLIPTokenizer,
        dropout: float = 0.1,
    ) -> None:
        self.source, self.tokenizer, self.dropout = source, tokenizer, dropout
        self.scene = functools.lru_cache(maxsize=200_000)(random_scene)
        self.refresh()

    def refresh(self) -> None:
        """Look for pictures that were added since."""
        latents, details = self.source()
        count = min(len(latents), len(details))
        self.latents, self.details = latents[:count], details[:count]
        shares = np.array([_share(self.scene(i)) for i in range(len(self.latents))])
        self.chances = shares / shares.sum()

    def batch(self, count: int, rng: np.random.Generator) -> Lesson:
        """A batch; some prompts are empty, which is what guidance needs, and stress nothing."""
        chosen = rng.choice(len(self.latents), count, p=self.chances)
        prompts = [
            "" if rng.random() < self.dropout else caption(self.scene(int(i)), rng) for i in chosen
        ]
        cached = (self.latents, self.details)
        latents, details = (torch.from_numpy(rows[chosen]).float() for rows in cached)
        stress = 1 + (STRESS - 1) * details
        stress[[not prompt for prompt in prompts]] = 1
        return latents, encode_prompts(self.tokenizer, prompts), stress


def _share(scene: Scene) -> float:
    return OFTEN if scene.accessory or scene.property == "cube" else 1.0


def _optimizer(denoiser: Denoiser) -> torch.optim.AdamW:
    """AdamW; embeddings are not decayed, or never-seen tokens would fade to nothing."""
    embeddings = [p for n, p in denoiser.named_parameters() if "embedding" in n or p.ndim < 2]
    matrices = [p for n, p in denoiser.named_parameters() if "embedding" not in n and p.ndim >= 2]
    groups = [
        {"params": matrices, "weight_decay": 1e-2},
        {"params": embeddings, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98))


def train_denoiser(
    denoiser: Denoiser,
    data: CaptionedLatents,
    scheduler: DDIMScheduler,
    checkpoint: Path,
    plan: Plan,
) -> int:
    """Train where the denoiser lies, going on from the checkpoint; returns the steps in all."""
    device = denoiser.unet.device
    pupil = Pupil(denoiser, _optimizer(denoiser), checkpoint, "denoiser", Average(denoiser))
    pupil.restore()
    rng = np.random.default_rng([6, pupil.step])
    torch.manual_seed(pupil.step)

    def loss_of(step: int) -> torch.Tensor:
        if step % plan.save_every == 0:
            data.refresh()
        latents, ids, stress = (part.to(device) for part in data.batch(plan.batch, rng))
        return velocity_loss(denoiser, latents, ids, scheduler, stress)

    return learn(pupil, loss_of, plan)
