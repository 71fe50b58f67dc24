"""The tray that pictures fall into: what is there, and how each was made."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from booth import catalogue, disk
from booth.config import SamplingConfig
from booth.errors import BaseModelError, SubjectError
from booth.library import Library, Subject

MOST_SHOWN = 60
_SAMPLING = ("num_inference_steps", "guidance_scale", "sampler", "resolution")


@functools.lru_cache(maxsize=4096)
def recipe(path: Path) -> dict[str, Any]:
    """How a picture was made; empty when it does not say."""
    try:
        return disk.read_recipe(path)
    except (OSError, ValueError):
        return {}


def caption(made: dict[str, Any]) -> str:
    """What a picture shows, for people: the prompt as typed, and the seed."""
    shown = made.get("shown", "a picture")
    untrained = " · before training" if made.get("untrained") else ""
    return f"{shown} · seed {made.get('seed', '?')}{untrained}"


def pictures(subject: Subject) -> list[Path]:
    """The newest pictures, newest first."""
    return subject.pictures[:MOST_SHOWN]


def sheets(subject: Subject) -> list[Path]:
    """The contact sheets, newest first."""
    return sorted((subject.folder / "sheets").glob("*.png"), reverse=True)


def sampling(made: dict[str, Any]) -> dict[str, Any]:
    """The sampling values of a recipe, to ask for the like again."""
    return {key: made[key] for key in _SAMPLING if key in made}


def twin(path: Path, among: Sequence[Path]) -> Path | None:
    """The picture with the same idea and seed from the other model: untrained or trained."""
    mine = recipe(path)
    for other in among:
        theirs = recipe(other)
        alike = all(mine.get(key) == theirs.get(key) for key in ("shown", "seed", *_SAMPLING))
        if alike and bool(mine.get("untrained")) != bool(theirs.get("untrained")):
            return other
    return None


def named(subject: Subject, name: str) -> Path:
    """The picture of that file name; `SubjectError` when it is gone."""
    path = next((path for path in subject.pictures if path.name == name), None)
    if path is None:
        raise SubjectError("That picture is no longer there.", "Choose another one.")
    return path


def described(made: dict[str, Any]) -> str:
    """A recipe in a line for people."""
    model = "the base model, before training" if made.get("untrained") else made.get("base", "?")
    return (
        f"{made.get('shown', '?')}\nseed {made.get('seed', '?')}, "
        f"{made.get('num_inference_steps', '?')} steps, "
        f"guidance {made.get('guidance_scale', '?')}, {made.get('resolution', '?')} pixels, {model}"
    )


def defaults(library: Library, subject: Subject) -> SamplingConfig:
    """How the subject's own base model takes pictures."""
    for job in library.ledger.jobs(subject.id, "train"):
        try:
            return catalogue.find(str(job.spec["config"]["base"])).sampling
        except (BaseModelError, KeyError):
            continue
    return SamplingConfig()
