"""What will happen, whether it fits and how long it takes: the checklist before a training."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from booth import machine, memory
from booth.catalogue import BaseModel
from booth.config import TrainingConfig
from booth.ledger import Ledger
from booth.machine import Machine
from booth.ui.report import tell
from booth.ui.words import article, count, duration, gigabytes, plain

Sign = Literal["ok", "warn", "bad"]
SIGNS = {"ok": "&#10003;", "warn": "!", "bad": "&#10007;"}
SMALL_ROOM_GB, LARGE_ROOM_GB = 1.0, 25.0  # weights, and two checkpoints while one replaces another
DRAWN_WORLD = (
    "Toybox knows only a small drawn world: pictures of real photos will look like what a drawn "
    "world can make of them."
)


@dataclass(frozen=True)
class Row:
    """One line of the checklist."""

    sign: Sign
    title: str
    text: str = ""


def checklist(rows: list[Row]) -> str:
    """The rows as HTML; their words are text and nothing else."""
    items = []
    for row in rows:
        small = f"<small>{plain(row.text)}</small>" if row.text else ""
        sign = f'<span class="sign {row.sign}" aria-hidden="true">{SIGNS[row.sign]}</span>'
        items.append(f"<li>{sign}<span>{plain(row.title)}{small}</span></li>")
    return f'<ul class="checks">{"".join(items)}</ul>'


def will_happen(name: str, noun: str, photos: int, config: TrainingConfig) -> str:
    """What a training does, in plain sentences."""
    a_noun = article(noun)
    sentences = []
    if config.uses_priors:
        sentences.append(
            f"The booth first imagines {count(config.prior_images, 'picture')} of {a_noun}, "
            "so that it does not forget what others look like."
        )
    sentences.append(
        f"{'Then it' if sentences else 'The booth'} practises on your {count(photos, 'photo')} "
        f"in {count(config.steps, 'small step')}, until it knows {name}."
    )
    if config.preview_every:
        sentences.append(
            f"Every {config.preview_every} steps it takes three test pictures for you to watch."
        )
    return " ".join(sentences)


def rows(
    base: BaseModel, config: TrainingConfig, here: Machine | None, ledger: Ledger, root: Path
) -> list[Row]:
    """The checklist: computer, model, disk and time."""
    return [_computer(base, config, here), *_model(base), _disk(base, root),
            _time(base, config, here, ledger)]  # fmt: skip


def seconds_per_step(ledger: Ledger, config: TrainingConfig) -> float | None:
    """How long a step took in the newest finished training with the same base and sizes."""
    sizes = ("base", "resolution", "batch_size", "train_text_encoder", "method")
    for job in ledger.jobs(kind="train"):
        earlier = job.spec.get("config", {})
        same = all(earlier.get(key) == getattr(config, key) for key in sizes)
        if job.state == "done" and same:
            told = [(loss["at"], loss["step"]) for loss in tell(ledger.events(job)).losses]
            gaps = [
                (later - at) / (further - step)
                for (at, step), (later, further) in itertools.pairwise(told)
                if later > at
            ]
            if len(gaps) >= 3:
                return statistics.median(gaps)
    return None


def _computer(base: BaseModel, config: TrainingConfig, here: Machine | None) -> Row:
    if here is None:
        return Row("warn", "Looking at this computer...", "This takes a few seconds, once.")
    plan = memory.plan(base, config, here)
    title = here.title[:1].upper() + here.title[1:]
    text = "" if here.title in plan.sentence else plan.sentence
    slow = here.device == "cpu" and base.seconds_per_step is None
    sign: Sign = "bad" if not plan.fits else "warn" if slow else "ok"
    return Row(sign, f"{title}.", text)


def _model(base: BaseModel) -> list[Row]:
    if base.file is not None:
        once = "It is unpacked into the library, once; its configs may have to be downloaded."
        return [Row("ok", f"{base.title} is here.", once)]
    if base.folder is not None:
        there = (base.folder / "model_index.json").exists()
        missing = Row("bad", f"{base.title} is not here.", f"It should be in {base.folder}.")
        return [Row("ok", f"{base.title} is here. No download, no internet.") if there else missing]
    if base.hub_id and _in_cache(base.hub_id):
        return [Row("ok", f"{base.title} is already on this computer.")]
    size = f"{gigabytes(base.download_gb)}, once" if base.download_gb else "once, size not known"
    where = f"From huggingface.co to {hub_cache()}. Your photos are never sent anywhere."
    return [Row("warn", f"{base.title} will be downloaded: {size}.", where)]


def _disk(base: BaseModel, root: Path) -> Row:
    free = machine.free_disk_gb(root)
    need = base.download_gb + (SMALL_ROOM_GB if base.key == "toybox" else LARGE_ROOM_GB)
    if base.file is not None:
        need += base.file.stat().st_size / 1e9  # its unpacked copy
    text = f"It needs about {gigabytes(need)} while it learns."
    return Row("ok" if free >= need else "warn", f"{gigabytes(free)} free on the disk.", text)


def _time(base: BaseModel, config: TrainingConfig, here: Machine | None, ledger: Ledger) -> Row:
    known = seconds_per_step(ledger, config)
    if known is not None:
        text = "Measured on your earlier trainings."
        return Row("ok", f"The practising takes {duration(known * config.steps)}.", text)
    minutes = memory.plan(base, config, here).minutes if here else None
    if minutes is None:
        return Row("ok", "How long it takes shows after the first few steps.")
    text = "A first guess; making the other examples comes on top."
    return Row("ok", f"The practising takes {duration(minutes * 60)}.", text)


def hub_cache() -> Path:
    """Where downloads from the Hub are kept."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _in_cache(hub_id: str) -> bool:
    folder = hub_cache() / f"models--{hub_id.replace('/', '--')}" / "snapshots"
    return any(folder.glob("*/unet/*.safetensors"))  # single_file fetches configs alone
