"""What can be asked of the booth: a job is a value, running it is a generator of events.

Stopping a job is closing its generator; a training then saves its checkpoint. Torch arrives
only when a job runs, so the front desk can make jobs without it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from booth import catalogue, disk
from booth.config import SamplingConfig, TrainingConfig, from_dict, to_dict
from booth.errors import BaseModelError, SubjectError, for_people
from booth.events import Done, Event, Notice, Picture, Preview, record
from booth.ledger import Job
from booth.library import Library, Subject
from booth.prompts import PLACEHOLDER, fill

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainSubject:
    """Teach a base model one subject; `config` holds the values of a `TrainingConfig`."""

    kind: ClassVar[str] = "train"
    config: dict[str, Any]

    def run(self, library: Library, subject: Subject, job: Job) -> Generator[Event]:
        """Prior images, training with previews and checkpoints, then the finished weights."""
        from booth import course

        config = from_dict(TrainingConfig, self.config)
        run = subject.run(job.id)
        with closing(course.teach(subject, config, run, library.root / "priors")) as events:
            for event in events:
                if isinstance(event, Preview):
                    name = f"{event.step:06d}-{event.recipe['index']}.png"
                    event = _kept(event, run / "previews" / name)
                yield event


@dataclass(frozen=True)
class TakePictures:
    """Take `count` pictures of every prompt, with seeds `seed`, `seed + 1`, ...

    `prompts` contain [V]. `sampling` overrides the base model's `SamplingConfig`. With
    `untrained` the pictures come from the base model as it was, to compare.
    """

    kind: ClassVar[str] = "take"
    prompts: tuple[str, ...]
    count: int = 1
    seed: int = 0
    sampling: dict[str, Any] = field(default_factory=dict)
    untrained: bool = False
    sheet: bool = False  # also write a contact sheet of all pictures

    def run(self, library: Library, subject: Subject, job: Job) -> Generator[Event]:
        """Pictures as they finish, each stored with its recipe; then their paths."""
        from booth import generation, models

        training, weights = _newest_training(library, subject)
        adapter = weights if training.method == "lora" and not self.untrained else None
        if self.untrained or adapter:
            weights = yield from models.fetch(catalogue.find(training.base))
        usual = to_dict(self.usual_sampling(training))
        sampling = from_dict(SamplingConfig, usual | self.sampling)
        parts = yield from models.ready(weights, adapter)
        prompts = [fill(text, training.identifier) for text in self.prompts]
        shown = dict(zip(prompts, self.prompts, strict=True))
        yield from _notices(parts, shown, subject)
        yield from _not_learnt(training.base, self.prompts)
        facts = {
            "subject": subject.name,
            "class_noun": subject.class_noun,
            "base": training.base,
            "untrained": self.untrained,
            "job": job.id,
        }
        taken: list[Path] = []
        asked = [(prompt, self.seed + n) for prompt in prompts for n in range(self.count)]
        for event in generation.generate(parts, asked, sampling):
            if isinstance(event, Picture):
                recipe = {**facts, "shown": shown[event.recipe["prompt"]], **event.recipe}
                taken.append(subject.picture_path())
                event = _kept(Picture(recipe, event.image), taken[-1])
            yield event
        yield Done(self._result(taken, subject, job))

    @staticmethod
    def usual_sampling(training: TrainingConfig) -> SamplingConfig:
        """How pictures of a subject are made unless told otherwise.

        The base model's way, even when its own folder is no longer there.
        """
        try:
            sampling = catalogue.find(training.base).sampling
        except BaseModelError:
            sampling = SamplingConfig()
        return replace(sampling, resolution=training.resolution)

    def _result(self, taken: list[Path], subject: Subject, job: Job) -> dict[str, Any]:
        """What the job leaves behind: its pictures, and their contact sheet if asked for."""
        from booth import sheets

        result: dict[str, Any] = {"pictures": [str(path) for path in taken]}
        if self.sheet:
            path = subject.folder / "sheets" / f"{job.id}.png"
            disk.write_image(path, sheets.contact_sheet(taken, subject.name))
            result["sheet"] = str(path)
        return result


Work = TrainSubject | TakePictures
_KINDS: dict[str, type[TrainSubject] | type[TakePictures]] = {
    work.kind: work for work in (TrainSubject, TakePictures)
}


def work_of(job: Job) -> Work:
    """The work that a job in the ledger stands for."""
    spec = dict(job.spec)
    if "prompts" in spec:
        spec["prompts"] = tuple(spec["prompts"])
    return _KINDS[job.kind](**spec)


def ask(library: Library, subject: Subject, work: Work) -> Job:
    """Write `work` into the library's ledger, queued."""
    if isinstance(work, TakePictures):
        _newest_training(library, subject)
    return library.ask(work.kind, subject, asdict(work))


def perform(library: Library, job: Job) -> Generator[Event]:
    """Run a job from the ledger, writing down all it says and how it ends.

    Closing the generator pauses the job. Errors are written down and raised as `BoothError`.
    """
    yield from _written_down(library, job, lambda who: work_of(job).run(library, who, job))


def finish(library: Library, job: Job) -> Generator[Event]:
    """End a paused training early: its newest checkpoint becomes the finished weights."""
    from booth import course

    yield from _written_down(library, job, lambda who: course.finish(who.run(job.id)))


def _written_down(
    library: Library, job: Job, start: Callable[[Subject], Generator[Event]]
) -> Generator[Event]:
    """The events that `start` gives for the job's subject, with the ledger kept true."""
    ledger = library.ledger
    job = ledger.change(job, "running")
    try:
        with closing(start(library.find(job.subject))) as events:
            for event in events:
                if isinstance(event, Done):  # before anybody can stop what is already finished
                    ledger.change(job, "done")
                ledger.say(job, record(event))
                yield event
    except GeneratorExit:
        if ledger.find(job.id).state == "running":
            ledger.change(job, "paused")
        raise
    except Exception as error:
        log.exception("job %s failed", job.id)
        told = for_people(error)
        ledger.change(job, "failed", told)
        raise told from error


def discard(library: Library, job: Job) -> None:
    """Throw away a training and everything it made."""
    subject = library.find(job.subject)
    disk.remove_folder(subject.run(job.id))
    disk.remove_folder(library.ledger.folder / job.id)


def resumable(library: Library, subject: Subject) -> Job:
    """The newest training of a subject that can go on; `SubjectError` when there is none."""
    job = library.training(subject)
    if job is None or job.state == "done":
        raise SubjectError(
            f'"{subject.name}" has no interrupted training.',
            "Start a new one." if job is None else "It is finished: take pictures.",
        )
    return job


def _newest_training(library: Library, subject: Subject) -> tuple[TrainingConfig, Path]:
    """The newest finished training of a subject and its weights."""
    weights = subject.weights
    if weights is None:
        raise SubjectError(
            f'"{subject.name}" has not been trained yet.', "Train first, then take pictures."
        )
    config = disk.read_json(weights.parent / "config.json")
    return from_dict(TrainingConfig, config), weights


def _kept(picture: Picture, path: Path) -> Picture:
    """Store a picture at `path`; the event that says so carries the path instead of pixels."""
    assert picture.image is not None
    disk.write_image(path, picture.image, picture.recipe)
    return replace(picture, path=str(path))


def _notices(parts: Any, shown: dict[str, str], subject: Subject) -> Generator[Notice]:
    """What a person should know of the prompts (filled -> as typed) before the pictures come."""
    from booth import conditions

    yield from map(Notice, conditions.unread(parts, shown))
    for text in shown.values():
        if PLACEHOLDER.lower() not in text.lower():
            any_one = f"any {subject.class_noun}, not {subject.name}"
            yield Notice(f'There is no {PLACEHOLDER} in "{text[:60]}": this will be {any_one}.')


def _not_learnt(base_name: str, texts: tuple[str, ...]) -> Generator[Notice]:
    """Which words a model of a small world has never learnt, in one sentence."""
    from booth import conditions

    try:
        base = catalogue.find(base_name)
    except BaseModelError:  # its folder is gone; the subject's own weights are enough
        return
    yield from map(Notice, conditions.never_learnt(base, texts))
