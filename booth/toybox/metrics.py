"""The paper's metrics (Ruiz et al. 2022, section 4.1 and 4.3) and how sure one may be of them.

Embeddings are unit vectors (n, width). A figure of a whole experiment is a mean over subjects,
and its interval comes from drawing subjects again, since pictures of one subject are no
independent evidence.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

Subjects = Sequence[float]
"""One figure per subject, in the order of the subjects."""


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


def interval(values: Subjects, rounds: int = 10_000, seed: int = 0) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean of `values`, subjects drawn with replacement."""
    drawn = np.random.default_rng(seed).integers(0, len(values), (rounds, len(values)))
    means = np.asarray(values, dtype=np.float64)[drawn].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


@dataclass(frozen=True)
class Ordering:
    """One of the paper's findings: of `metric`, `more` exceeds `less` by more than `margin`."""

    words: str
    metric: str
    more: str
    less: str
    margin: float = 0.0

    def verdict(self, by_condition: dict[str, Subjects]) -> tuple[str, tuple[float, float]]:
        """Whether it holds, and the interval of the difference, subject by subject.

        "holds" when the whole interval lies above the margin, "does not hold" when it lies
        below, "undecided" otherwise and with fewer than four subjects.
        """
        pairs = zip(by_condition[self.more], by_condition[self.less], strict=True)
        differences = [more - less for more, less in pairs]
        low, high = interval(differences)
        if len(differences) < 4 or low <= self.margin < high:
            return "undecided", (low, high)
        return ("holds" if low > self.margin else "does not hold"), (low, high)


NEAR_CEILING = 0.08  # in DINO, below other renders of the same subject
SAME_PROMPT = 0.05  # a CLIP-T difference that people notice (section 4.2)

ORDERINGS = (
    Ordering("DreamBooth above the best description", "dino", "dreambooth", "base"),
    Ordering("DreamBooth near the ceiling", "dino", "dreambooth", "ceiling", -NEAR_CEILING),
    Ordering(
        "DreamBooth follows prompts like the base", "clip_t", "dreambooth", "base", -SAME_PROMPT
    ),
    Ordering("without priors the class drifts", "pres", "no_prior", "dreambooth"),
    Ordering(
        "without priors a prompt's pictures are less diverse", "div", "dreambooth", "no_prior"
    ),
    Ordering("the right noun beats a wrong one", "dino", "dreambooth", "wrong_noun"),
    Ordering("the right noun beats no noun", "dino", "dreambooth", "no_noun"),
)
