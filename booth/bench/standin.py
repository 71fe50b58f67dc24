"""A stand-in for the few torchvision transforms that diffusers' script uses.

The booth does not need torchvision, so it may not be here; then the script gets these, which do
the same to a PIL image in the same order. The report says which ones were used.
"""

from __future__ import annotations

import enum
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image


class InterpolationMode(enum.Enum):
    """The ways to resize that the script may ask for."""

    BILINEAR = Image.Resampling.BILINEAR
    BICUBIC = Image.Resampling.BICUBIC


class Compose:
    """One transform after another."""

    def __init__(self, steps: Sequence[Callable[[Any], Any]]) -> None:
        self.steps = steps

    def __call__(self, image: Any) -> Any:
        for step in self.steps:
            image = step(image)
        return image


class Resize:
    """The shorter side to `size` pixels; nothing when it has them already."""

    def __init__(
        self, size: int, interpolation: InterpolationMode = InterpolationMode.BILINEAR
    ) -> None:
        self.size, self.resampling = size, interpolation.value

    def __call__(self, image: Image.Image) -> Image.Image:
        short = min(image.size)
        if short == self.size:
            return image
        sides = [int(self.size * side / short) for side in image.size]
        return image.resize((sides[0], sides[1]), self.resampling)


class CenterCrop:
    """The square in the middle."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, image: Image.Image) -> Image.Image:
        left, top = (self.place(side - self.size) for side in image.size)
        return image.crop((left, top, left + self.size, top + self.size))

    def place(self, room: int) -> int:
        """Where in the room that is left the square begins."""
        return round(room / 2)


class RandomCrop(CenterCrop):
    """A square anywhere."""

    def place(self, room: int) -> int:
        """Anywhere."""
        return int(torch.randint(room + 1, ()))


class ToTensor:
    """Pixels as (channels, height, width) from 0 to 1."""

    def __call__(self, image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)


class Normalize:
    """Mean subtracted, divided by the deviation."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self.mean, self.std = (torch.tensor(x).view(-1, 1, 1) for x in (mean, std))

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        return (image - self.mean) / self.std


def install() -> None:
    """Let `from torchvision import transforms` find these.

    The libraries that look for torchvision themselves are made to look first: they find none,
    remember it, and use what they have without it.
    """
    import diffusers.utils.import_utils  # noqa: F401
    import transformers.utils.import_utils as seen

    seen.is_torchvision_available()
    package, transforms = ModuleType("torchvision"), ModuleType("torchvision.transforms")
    for kind in (InterpolationMode, Compose, Resize, CenterCrop, RandomCrop, ToTensor, Normalize):
        setattr(transforms, kind.__name__, kind)
    package.transforms = transforms  # type: ignore[attr-defined]
    sys.modules.update({"torchvision": package, "torchvision.transforms": transforms})
