"""A whole training from photos to weights: base model, identifier, prior images, loop, export."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from booth import (
    adapters,
    catalogue,
    checkpoints,
    conditions,
    crew,
    disk,
    identifiers,
    learner,
    machine,
    memory,
    models,
    priors,
    prompts,
    training,
)
from booth.catalogue import BaseModel
from booth.config import TrainingConfig, from_dict, to_dict
from booth.errors import BaseModelError, OutOfMemory, SubjectError, main_memory, out_of_memory
from booth.events import Done, Event, Notice, Progress, result_of
from booth.examples import Examples, View
from booth.gallery import preview_prompts
from booth.learner import Learner
from booth.library import Library, Subject
from booth.models import Parts

Places = tuple[Path, Path]
"""The folder of a run, and the folder of all prior images."""


def teach(
    subject: Subject, config: TrainingConfig, run: Path, prior_root: Path
) -> Generator[Event]:
    """Train a subject in the folder `run`, going on where an earlier try stopped."""
    if _finished(run):
        crew.tell({})
        yield _done(run)
        return
    machine.adam8bit_runs()  # a full card could not tell; it remembers
    places = (run, prior_root)
    while (smaller := (yield from _attempt(subject, config, places))) is not None:
        config = smaller
        disk.write_json(run / "config.json", to_dict(config))
        words = ", ".join(memory.savings(config))
        yield Notice(f"The memory ran out. It goes on from where it was saved, with {words}.")


def _attempt(
    subject: Subject, config: TrainingConfig, places: Places
) -> Generator[Event, None, TrainingConfig | None]:
    """Train and export in the run's folder.

    Returns None when it is done, and the next smaller way to train the same when memory ran out
    while learning; nothing is left on the card then. Raises `OutOfMemory` when there is none.
    """
    run, _ = places
    started = time.perf_counter()
    base = catalogue.find(config.base)
    folder = yield from models.fetch(base)
    config = _settle(config, folder, run)
    try:
        pupil, facts = yield from _pupil(subject, config, folder, places)
        rehearsal = _rehearsal(subject, config, base)
        yield from training.train(pupil, run / "checkpoints", facts, rehearsal)
        pupil.settle()
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        smaller = _smaller(config, error)
        if smaller is None:
            saved = ", ".join(memory.savings(config))
            instead = "LoRA, " if config.method == "full" else ""
            raise _too_large(error, f", even with {saved}" if saved else "", instead) from error
        return smaller
    yield from _export(pupil.parts, config, run, (config.steps, started))
    return None


def _pupil(
    subject: Subject, config: TrainingConfig, folder: Path, places: Places
) -> Generator[Event, None, tuple[Learner, dict[str, Any]]]:
    """The model in `folder`, ready to learn a subject, and what its checkpoints must agree on.

    On a card a frozen copy in half precision looks at the photos and makes the prior images;
    the model that learns comes to the card when that is gone. Elsewhere they are one, in float32.
    """
    run, prior_root = places
    yield Progress("Loading the model", 0, 1)
    models.release()
    with _nothing_smaller():
        parts = models.waiting(folder, models.quick())
        yield Progress("Getting ready", 0, 1)
        fingerprint = models.fingerprint(folder)
        examples = yield from _examples(subject, config, parts, prior_root, fingerprint)
    crew.tell({"subject": subject.id, "run": str(run), "priors": str(prior_root)})
    parts = learner.exact(parts, config)
    models.release()
    facts = {
        "photos": examples.fingerprint,
        "base model": fingerprint,
        "settings": to_dict(memory.bare(config)),
    }
    return Learner(parts, examples, config), facts


@contextmanager
def _nothing_smaller() -> Iterator[None]:
    """Getting ready takes the same in every way to train: when memory runs out, that is said."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        raise _too_large(error, ", even to get ready") from error


def _smaller(config: TrainingConfig, error: BaseException) -> TrainingConfig | None:
    """The next smaller way to train the same, after an error; None: there is none that helps.

    Beside a card it saves the card's memory, never the computer's.
    """
    alone = crew.size() == 1  # followers would wait for a step that never comes
    if not alone or _beside_the_card(error):
        return None
    return memory.step_down(config, machine.adam8bit_runs())


def _too_large(error: BaseException, even: str, instead: str = "") -> OutOfMemory:
    if _beside_the_card(error):
        return OutOfMemory(
            "The computer's main memory ran out; the card's was large enough so far.",
            "Close other programs, or choose a smaller base model.",
        )
    whose = "card's" if models.device().type == "cuda" else "computer's"
    return OutOfMemory(
        f"The {whose} memory is too small{even}.",
        f"Close other programs, or choose {instead}a smaller picture size or a smaller base model.",
    )


def _beside_the_card(error: BaseException) -> bool:
    """Whether it was main memory that ran out, on a computer that learns on its card."""
    return models.device().type == "cuda" and main_memory(error)


def follow(library: Library) -> None:
    """Train along with a leader (see `crew`) until it is done; nothing is kept or shown."""
    order = crew.listen()
    if not order:
        return
    run = Path(order["run"])
    config = from_dict(TrainingConfig, disk.read_json(run / "config.json"))
    base, subject = catalogue.find(config.base), library.find(order["subject"])
    folder = result_of(models.fetch(base))
    places = (run, Path(order["priors"]))
    pupil, facts = result_of(_pupil(subject, config, folder, places))
    silent = training.Rehearsal((), base.sampling)
    for _ in training.train(pupil, run / "checkpoints", facts, silent):
        pass


def finish(run: Path) -> Generator[Event]:
    """Make the newest checkpoint of a run its finished weights."""
    if _finished(run):
        yield _done(run)
        return
    started = time.perf_counter()
    checkpoint = checkpoints.latest(run / "checkpoints")
    if checkpoint is None:
        raise SubjectError("Nothing has been learnt yet.", "Press Continue to go on training.")
    config = from_dict(TrainingConfig, disk.read_json(run / "config.json"))
    folder = yield from models.fetch(catalogue.find(config.base))
    yield Progress("Loading the model", 0, 1)
    models.release()
    parts = models.load(folder, here=torch.device("cpu"))
    learner.apply(parts, config, checkpoint.weights)
    yield from _export(parts, config, run, (checkpoint.step, started))


def rare_tokens(base_name: str, count: int, seed: int) -> list[str]:
    """Rare tokens of a base model's tokenizer; downloads the model if it is not here."""
    tokenizer = models.tokenizer(result_of(models.fetch(catalogue.find(base_name))))
    return identifiers.rare_tokens(tokenizer, count, seed)


def _settle(config: TrainingConfig, folder: Path, run: Path) -> TrainingConfig:
    """The run's settings with its identifier; written down once, read ever after."""
    path = run / "config.json"
    if path.exists():
        return from_dict(TrainingConfig, disk.read_json(path))
    factor = models.factor(folder)
    if config.resolution % factor:
        raise BaseModelError(
            f"Pictures of {config.resolution} pixels do not fit this model.",
            f"Choose a size that is a multiple of {factor}.",
        )
    if not config.identifier:
        tokenizer = models.tokenizer(folder)
        config = replace(config, identifier=identifiers.identifier(tokenizer, config.seed))
    disk.write_json(path, to_dict(config))
    return config


def _examples(
    subject: Subject, config: TrainingConfig, parts: Parts, prior_root: Path, fingerprint: str
) -> Generator[Event, None, Examples]:
    """The subject's photos, encoded while the UNet still waits, and the class's prior images."""
    yield Progress("Looking at the photos", 0, 1)
    class_prompt = prompts.class_prompt(subject.class_noun)
    base, labels = catalogue.find(config.base), _labels(subject, config.identifier)
    yield from map(Notice, conditions.unread(parts, {label: label for label in labels}))
    yield from map(Notice, conditions.never_learnt(base, subject.captions))
    examples = Examples.encode(parts, _views(subject, config), [], (*labels, class_prompt))
    if not config.uses_priors:
        return examples
    sampling = replace(base.prior_sampling, resolution=config.resolution)
    bank = priors.Bank(fingerprint, class_prompt, sampling)
    latents = yield from priors.ensure(prior_root, bank, parts, config.prior_images)
    return examples.beside(parts, latents)


def _labels(subject: Subject, identifier: str) -> list[str]:
    """The label of every photo; one for all of them when none has a caption."""
    captions = subject.captions if any(subject.captions) else ("",)
    return [prompts.instance_prompt(identifier, subject.class_noun, words) for words in captions]


def _views(subject: Subject, config: TrainingConfig) -> list[list[View]]:
    """Every photo as the model will see it: its crop, and `views` - 1 slightly closer ones."""
    return [
        [View(image, size) for image, size in views]
        for views in subject.instance_views(config.resolution, config.views)
    ]


def _rehearsal(subject: Subject, config: TrainingConfig, base: BaseModel) -> training.Rehearsal:
    shown = preview_prompts(subject.class_noun)
    return training.Rehearsal(
        prompts=[(prompts.fill(text, config.identifier), text) for text in shown],
        sampling=replace(base.sampling, resolution=config.resolution),
        seed=config.seed,
    )


def _export(
    parts: Parts, config: TrainingConfig, run: Path, reached: tuple[int, float]
) -> Generator[Event]:
    """Write the finished model, or only its adapter; then let the checkpoints go.

    `reached` is the number of steps trained, and when this began.
    """
    yield Progress("Saving the finished model", 0, 1)
    steps, started = reached
    with disk.new_folder(run / "weights") as staging:
        if config.method == "lora":
            adapters.save(parts.modules, staging, parts.family.pipeline)
        else:
            models.save(parts, staging)
        seconds = round(time.perf_counter() - started, 1)
        disk.write_json(staging / "training.json", {"steps": steps, "seconds": seconds})
    yield _done(run)


def _finished(run: Path) -> bool:
    """Whether the weights are there already: stopped after the last file was saved."""
    return (run / "weights" / disk.MANIFEST).exists()


def _done(run: Path) -> Done:
    """A finished run: its weights read back whole, its checkpoints no longer needed."""
    weights = run / "weights"
    disk.verify(weights)
    disk.remove_folder(run / "checkpoints")
    return Done({**disk.read_json(weights / "training.json"), "weights": str(weights)})
