"""What a running job can say, as small frozen dataclasses."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of a stage are finished; `stage` is a phrase for people."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Loss:
    """The two terms of Eq. 2 at `step`, averaged since the last one, and seconds per step.

    `prior` is None when prior preservation is off.
    """

    step: int
    total: int
    instance: float
    prior: float | None
    seconds: float


@dataclass(frozen=True)
class Picture:
    """A picture is finished. Whoever keeps it writes `image` to disk and fills in `path`.

    `latent` (channels, height, width) is what the VAE decoded it from.
    """

    recipe: dict[str, Any]
    image: Image.Image | None = field(default=None, compare=False)
    path: str = ""
    latent: Any = field(default=None, compare=False, kw_only=True)  # a tensor, or None


@dataclass(frozen=True)
class Preview(Picture):
    """A picture of a fixed prompt and seed, taken while training at `step`."""

    step: int = 0


@dataclass(frozen=True)
class Saved:
    """A checkpoint of `step` is safely on disk at `path`."""

    step: int
    path: str


@dataclass(frozen=True)
class Notice:
    """Something a person should know; the job goes on."""

    text: str


@dataclass(frozen=True)
class Done:
    """The job is finished; `result` is what it leaves behind (paths as strings)."""

    result: dict[str, Any]


Event = Progress | Loss | Picture | Saved | Notice | Done


def record(event: Event) -> dict[str, Any]:
    """The event as one flat JSON object, without pixels: {"event": "loss", "step": 3, ...}."""
    values = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
    for pixels in ("image", "latent"):
        values.pop(pixels, None)
    values.update(values.pop("result", {}))
    return {"event": type(event).__name__.lower(), **values}


Result = TypeVar("Result")


def result_of(working: Generator[Event, None, Result]) -> Result:
    """What a generator of events returns in the end, when nobody listens to them."""
    while True:
        try:
            next(working)
        except StopIteration as finished:
            result: Result = finished.value
            return result
