"""The autoencoder that turns 128-pixel pictures into 16x16 latents, and its training.

It is trained on 64-pixel crops: the net is convolutional, so crops teach it as well as whole
pictures do and give four times as many steps; what a newcomer would get wrong is to skip the
latent statistics at the end, without which the diffusion model sees latents of the wrong size.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray
from torch.nn import functional

from booth.toybox.optimizer import Mixed
from booth.toybox.training import Plan, Pupil, learn

Pool = NDArray[np.uint8]


def build_autoencoder(
    channels: Sequence[int], latent_channels: int, sample_size: int = 128
) -> AutoencoderKL:
    """A small AutoencoderKL without attention; each level after the first halves the size."""
    levels = len(channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=tuple(channels),
        layers_per_block=1,
        norm_num_groups=8,
        latent_channels=latent_channels,
        sample_size=sample_size,
        mid_block_add_attention=False,
    )


def to_tensor(pictures: Pool) -> torch.Tensor:
    """uint8 pictures (n, h, w, 3) as floats (n, 3, h, w) in -1..1."""
    return torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def crops(
    pools: Sequence[Pool], shares: Sequence[float], rng: np.random.Generator, batch: int, size: int
) -> torch.Tensor:
    """A batch of random, randomly flipped crops, drawn from the pools in the given shares."""
    taken = []
    for which in rng.choice(len(pools), batch, p=np.array(shares) / sum(shares)):
        pool = pools[which]
        picture = pool[rng.integers(len(pool))]
        top, left = rng.integers(0, picture.shape[0] - size + 1, 2)
        crop = picture[top : top + size, left : left + size]
        taken.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return to_tensor(np.stack(taken))


def reconstruction_loss(decoded: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """L1 + 2 MSE, plus L1 of neighbours' differences for edges and of colour differences for hue.

    Without the last term brightness is learnt first and green against pink a thousand steps later.
    """
    error = decoded - target
    across = (error[..., :, 1:] - error[..., :, :-1]).abs().mean()
    along = (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    red, green, blue = functional.avg_pool2d(error, 4).unbind(1)
    hue = (red - green).abs().mean() + (blue - (red + green) / 2).abs().mean()
    return error.abs().mean() + 2 * error.square().mean() + 0.5 * (across + along) + hue


def train_autoencoder(
    vae: AutoencoderKL,
    pools: Sequence[Pool],
    shares: Sequence[float],
    crop: int,
    checkpoint: Path,
    plan: Plan,
) -> int:
    """Train on crops from the pools, going on from the checkpoint; returns the steps in all."""
    optimizer = Mixed(
        vae.named_parameters(),
        lambda name: name.endswith(("coder.conv_in.weight", "coder.conv_out.weight")),
        lr=plan.peak,
        adam_lr=plan.peak / 10,
    )
    pupil = Pupil(vae, optimizer, checkpoint, key="vae")
    pupil.restore()
    rng = np.random.default_rng([5, pupil.step])

    def loss_of(_: int) -> torch.Tensor:
        return autoencoding_loss(vae, crops(pools, shares, rng, plan.batch, crop).to(vae.device))

    return learn(pupil, loss_of, plan)


def autoencoding_loss(vae: AutoencoderKL, pictures: torch.Tensor) -> torch.Tensor:
    """The reconstruction loss, and a little of the latents' distance from a normal distribution."""
    posterior = vae.encode(pictures).latent_dist
    decoded = vae.decode(posterior.sample()).sample
    spread = 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar).mean()
    return reconstruction_loss(decoded, pictures) + 3e-4 * spread


def freeze_encoder(vae: AutoencoderKL) -> None:
    """Keep the latents as they are; the decoder alone may go on learning."""
    for module in (vae.encoder, vae.quant_conv):
        module.requires_grad_(False)


@torch.no_grad()
def encode(vae: AutoencoderKL, pictures: Pool, batch: int = 32) -> NDArray[np.float16]:
    """Latent means of the pictures, unscaled."""
    vae.eval()
    parts = [
        vae.encode(to_tensor(pictures[i : i + batch]).to(vae.device)).latent_dist.mean
        for i in range(0, len(pictures), batch)
    ]
    latents: NDArray[np.float16] = torch.cat(parts).half().cpu().numpy()
    return latents


@torch.no_grad()
def standardise(vae: AutoencoderKL, pictures: Pool) -> None:
    """Give every latent channel mean 0 and deviation 1, by folding that into the 1x1 convs.

    Pipelines know one scaling factor for all channels; this way it is simply 1, and no channel
    drowns in the noise before the others do.
    """
    latents = torch.from_numpy(encode(vae, pictures)).float().to(vae.device)
    mean, deviation = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    channels = len(mean)
    into, out = vae.quant_conv, vae.post_quant_conv
    into.weight[:channels] /= deviation[:, None, None, None]
    into.bias[:channels] = (into.bias[:channels] - mean) / deviation
    into.bias[channels:] -= 2 * deviation.log()
    out.bias += (out.weight[:, :, 0, 0] * mean).sum(1)
    out.weight *= deviation[None, :, None, None]
    vae.register_to_config(scaling_factor=1.0)


@torch.no_grad()
def psnr(vae: AutoencoderKL, pictures: Pool) -> float:
    """Mean peak signal-to-noise ratio of decoded pictures, in dB."""
    vae.eval()
    ratios = []
    for i in range(0, len(pictures), 16):
        target = to_tensor(pictures[i : i + 16]).to(vae.device)
        decoded = vae.decode(vae.encode(target).latent_dist.mean).sample.clamp(-1, 1)
        error = functional.mse_loss(decoded, target, reduction="none").mean((1, 2, 3)) / 4
        ratios.append(-10 * torch.log10(error.clamp_min(1e-10)))
    return float(torch.cat(ratios).mean())
