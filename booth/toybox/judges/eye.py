"""The convolutional network that all judges see with, and how their pictures are prepared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

Pictures = NDArray[np.uint8]  # (pictures, height, width, 3)

SIZE = 128  # pixels per side that every picture is brought to
CHANNELS = (16, 32, 64, 128, 128, 192)
STRIDES = (2, 2, 2, 2, 1, 2)
FEATURES = 2 * CHANNELS[-1]


class Eye(nn.Module):
    """Six convolutions; pixels in -1..1 in, features out.

    A picture of 128 px costs 64 MFLOP, which are 32 million multiplications and additions.

    The features are the mean and the strongest answer of every channel of the last layer,
    standardised, so that the angle between two of them says something: answers after a ReLU all
    point the same way.
    """

    def __init__(self) -> None:
        super().__init__()
        before = (3, *CHANNELS[:-1])
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(
                    ins, outs, 5 if ins == 3 else 3, stride, 2 if ins == 3 else 1, bias=False
                ),
                nn.BatchNorm2d(outs),
                nn.ReLU(inplace=True),
            )
            for ins, outs, stride in zip(before, CHANNELS, STRIDES, strict=True)
        )
        self.standard = nn.BatchNorm1d(FEATURES, affine=False)

    def maps(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """What every layer answers: tensors (pictures, channels, height, width)."""
        answers = []
        for layer in self.layers:
            pixels = layer(pixels)
            answers.append(pixels)
        return answers

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features (pictures, FEATURES)."""
        last = self.maps(pixels)[-1]
        features: torch.Tensor = self.standard(torch.cat([last.mean((2, 3)), last.amax((2, 3))], 1))
        return features


def pixels_of(pictures: Pictures | Sequence[Any], size: int = SIZE) -> torch.Tensor:
    """Pictures of one size (arrays or PIL images) as pixels (pictures, 3, size, size) in -1..1."""
    stacked = np.stack([np.asarray(picture, dtype=np.uint8) for picture in pictures])
    pixels = torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 127.5 - 1
    if pixels.shape[-1] != size:
        pixels = functional.interpolate(pixels, (size, size), mode="bilinear", antialias=True)
    return pixels.contiguous(memory_format=torch.channels_last)


def rough_up(pixels: torch.Tensor, random: torch.Generator) -> torch.Tensor:
    """Pixels shifted, mirrored, softened, brightened and made noisy a little, each batch anew.

    A diffusion model's pictures are softer and noisier than renders; a judge must not care.
    """
    count, _, height, _ = pixels.shape

    def uniform(low: float, high: float) -> torch.Tensor:
        drawn = torch.rand(count, 1, 1, 1, generator=random)
        return (low + (high - low) * drawn).to(pixels.device)

    margin = height // 16
    padded = functional.pad(pixels, (margin,) * 4, mode="replicate")
    x, y = torch.randint(2 * margin + 1, (2,), generator=random).tolist()
    pixels = padded[:, :, y : y + height, x : x + height]
    pixels = torch.where(uniform(0, 1) < 0.5, pixels.flip(3), pixels)
    softness = float(torch.rand((), generator=random)) * 1.5 + 1
    small = functional.interpolate(pixels, scale_factor=1 / softness, mode="bilinear")
    soft = functional.interpolate(small, pixels.shape[2:], mode="bilinear")
    pixels = torch.where(uniform(0, 1) < 0.5, soft, pixels)
    noise = torch.randn(pixels.shape, generator=random).to(pixels.device)
    rough = pixels * uniform(0.85, 1.15) + uniform(-0.12, 0.12) + noise * uniform(0, 0.12)
    return rough.contiguous(memory_format=torch.channels_last)
