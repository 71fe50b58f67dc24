"""The paper's metrics (Ruiz et al. 2022, section 4.1 and 4.3) and how sure one may be of them.

Embeddings are unit vectors (n, width). A figure of a whole experiment is a mean over subjects,
and its interval is the t interval of that mean, since pictures of one subject are no independent
evidence. It takes subjects' figures to be normal, and is as wide as few of them demand.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import special

Subjects = Sequence[float]
"""One figure per subject, in the order of the subjects."""
Interval = tuple[float, float]


def fidelity(generated: torch.Tensor, real: torch.Tensor) -> float:
    """DINO, CLIP-I or PRES: the mean cosine over all pairs of a generated and a real picture.

    The subject encoder (`judges.likeness`) gives what is called DINO here.
    """
    return float((generated @ real.T).mean())


def prompt_fidelity(generated: torch.Tensor, prompts: torch.Tensor) -> float:
    """CLIP-T: the mean cosine of each picture with its own prompt; both (pictures, width)."""
    return float((generated * prompts).sum(1).mean())


def diversity(
    pictures: torch.Tensor, distance: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
) -> float:
    """DIV: the mean distance over all pairs of pictures (n, ...) made from one prompt.

    0 for a single picture, which differs from no other.
    """
    if len(pictures) < 2:
        return 0.0
    pairs = torch.tensor(list(itertools.combinations(range(len(pictures)), 2)))
    return float(distance(pictures[pairs[:, 0]], pictures[pairs[:, 1]]).mean())


def interval(values: Subjects) -> Interval | None:
    """The 95 % interval of the mean of `values` by Student's t; None for a single one."""
    count = len(values)
    if count < 2:
        return None
    error = np.std(values, ddof=1) / count**0.5
    reach = float(special.stdtrit(count - 1, 0.975) * error)
    mean = float(np.mean(values))
    return mean - reach, mean + reach


def share_interval(share: float, count: int) -> Interval:
    """The 95 % interval of a share that was found in `count` cases (Wilson, 1927)."""
    square = 1.96**2 / count
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    return middle - half, middle + half


@dataclass(frozen=True)
class Ordering:
    """A finding of the paper, or ours: of `metric`, `more` exceeds `less` by more than `margin`."""

    words: str
    metric: str
    more: str
    less: str
    margin: float = 0.0

    def verdict(self, by_condition: dict[str, Subjects]) -> tuple[str, Interval | None]:
        """Whether it holds, and the interval of the difference, subject by subject.

        "holds" when the whole interval lies above the margin, "does not hold" when it lies
        below, "undecided" otherwise and with a single subject.
        """
        pairs = zip(by_condition[self.more], by_condition[self.less], strict=True)
        band = interval([more - less for more, less in pairs])
        if band is None or band[0] <= self.margin < band[1]:
            return "undecided", band
        return ("holds" if band[0] > self.margin else "does not hold"), band


NEAR_CEILING = 0.08  # in DINO, below other renders of the same subject
SAME_PROMPT = 0.05  # a CLIP-T difference that people notice (section 4.2)

ORDERINGS = (
    Ordering("DreamBooth above the best description", "dino", "dreambooth", "base"),
    Ordering("DreamBooth near the ceiling", "dino", "dreambooth", "ceiling", -NEAR_CEILING),
    Ordering(
        "DreamBooth follows prompts like the base", "clip_t", "dreambooth", "base", -SAME_PROMPT
    ),
    Ordering(
        "with captions it follows prompts like the base",
        "clip_t",
        "captioned",
        "base",
        -SAME_PROMPT,
    ),
    Ordering("captions make it follow prompts better", "clip_t", "captioned", "dreambooth"),
    Ordering("without priors the class drifts", "pres", "no_prior", "dreambooth"),
    Ordering(
        "without priors a prompt's pictures are less diverse", "div", "dreambooth", "no_prior"
    ),
    Ordering("the right noun beats a wrong one", "dino", "dreambooth", "wrong_noun"),
    Ordering("the right noun beats no noun", "dino", "dreambooth", "no_noun"),
)
