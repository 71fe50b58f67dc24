"""The tray that pictures fall into: what is there, and how each was made."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from booth import catalogue, disk
from booth.config import SamplingConfig
from booth.errors import BaseModelError, PromptError, SubjectError
from booth.ledger import Job
from booth.library import Library, Subject
from booth.ui.report import Report
from booth.ui.words import count, duration, plain

MOST_SHOWN = 60
MOST_SEED = 2**31
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


def gallery(taken: list[Path], looking: str) -> gr.Gallery:
    """The tray; a picture that is being looked at stays in view when others come before it."""
    shown = [(str(path), caption(recipe(path))) for path in taken]
    spot = next((n for n, path in enumerate(taken) if str(path) == looking), None)
    return gr.Gallery(shown, selected_index=spot, visible=bool(taken))


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


def new_seed() -> int:
    """A seed nobody chose."""
    return secrets.randbelow(100_000)


def chosen_seed(text: str | None) -> int:
    """The seed somebody typed, or a new one."""
    typed = (text or "").strip()
    if not typed:
        return new_seed()
    if not (typed.isascii() and typed.isdigit() and int(typed) < MOST_SEED):
        raise PromptError(
            "That seed is not a number we can use.", f"Use 0 to {MOST_SEED - 1}, or leave it empty."
        )
    return int(typed)


def working(job: Job, report: Report, more: int, active: Job | None) -> str:
    """What the booth is at, in a line."""
    if job.state not in ("running", "queued"):
        why = f"{plain(job.problem)} {plain(job.remedy)}"
        return f'<div class="note bad"><b>These pictures were not finished.</b>{why}</div>'
    if job.state == "queued":
        other = active is not None and active.id != job.id and active.kind == "train"
        line = "Waiting until the training is over." if other else "Warming up the camera..."
    else:
        asked = len(job.spec["prompts"]) * int(job.spec["count"])
        line = f"Picture {min(len(report.pictures) + 1, asked)} of {asked}"
        left = report.seconds_left
        line += f" · {duration(left)} left" if left is not None else ""
    line += f" · {count(more, 'more idea')} waiting" if more > 0 else ""
    bar = f'<div class="bar"><i style="width:{report.fraction:.1%}"></i></div>'
    return f'{heard(report)}<p class="progress-line">{line}</p>{bar}'


def heard(report: Report) -> str:
    """What the worker wanted a person to know about the pictures."""
    return "".join(f'<div class="note">{plain(text)}</div>' for text in report.notices)
