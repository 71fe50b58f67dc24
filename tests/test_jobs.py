"""How a job ends is written down truly, whatever happens around its end."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from booth import checkpoints, course, jobs
from booth.config import TrainingConfig, to_dict
from booth.errors import DiskError, SubjectError
from booth.events import Done, Event, Loss, Notice, Picture
from booth.ledger import Job
from booth.library import Library, Subject


def training(base: Path, steps: int = 2) -> jobs.TrainSubject:
    config = TrainingConfig(
        base=str(base), steps=steps, prior_images=1, resolution=64, preview_every=0
    )
    return jobs.TrainSubject(to_dict(config))


@pytest.fixture
def job(library: Library, subject: Subject, base_folder: Path) -> Job:
    return jobs.ask(library, subject, training(base_folder))


@pytest.fixture
def trained(library: Library, subject: Subject, job: Job) -> Subject:
    list(jobs.perform(library, job))
    return subject


def test_a_stop_that_comes_after_the_end_changes_nothing(library: Library, job: Job) -> None:
    events = jobs.perform(library, job)
    for event in events:
        if isinstance(event, Done):
            events.close()
    assert library.ledger.find(job.id).state == "done"


def test_a_run_that_was_killed_after_its_last_file_is_done_when_continued(
    library: Library, job: Job
) -> None:
    first = [event for event in jobs.perform(library, job) if isinstance(event, Done)]
    library.ledger.change(job, "interrupted")
    again = list(jobs.perform(library, job))
    assert again == first and library.ledger.find(job.id).state == "done"


def test_a_pause_that_cannot_be_saved_is_told(
    library: Library, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    events = jobs.perform(library, job)
    with pytest.raises(DiskError, match="disk is full"):
        for event in events:
            if isinstance(event, Loss):
                monkeypatch.setattr(checkpoints, "save", full)
                events.close()
    told = library.ledger.find(job.id)
    assert told.state == "failed" and "full" in told.problem


def test_whatever_goes_wrong_is_one_problem_and_one_remedy(
    library: Library, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Generator[Event]:
        yield Notice("so far, so good")
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(course, "teach", broken)
    with pytest.raises(Exception, match="ran out of memory"):
        list(jobs.perform(library, job))
    assert library.ledger.find(job.id).state == "failed"


def test_an_end_before_the_first_step_says_that_nothing_was_learnt(
    library: Library, job: Job
) -> None:
    with pytest.raises(SubjectError, match="Nothing has been learnt"):
        list(jobs.finish(library, job))


def test_pictures_can_be_taken_when_the_base_model_has_moved_away(
    library: Library, trained: Subject, base_folder: Path
) -> None:
    path = trained.run(library.training(trained).id) / "config.json"  # type: ignore[union-attr]
    path.write_text(path.read_text().replace(str(base_folder), "/gone/away/for good"))
    job = jobs.ask(library, trained, jobs.TakePictures(("a [V] dog",), 1, 0, {}))
    assert any(isinstance(event, Picture) for event in jobs.perform(library, job))


def test_a_prompt_without_the_subject_is_taken_and_said(library: Library, trained: Subject) -> None:
    job = jobs.ask(library, trained, jobs.TakePictures(("a dog",), 1, 0, {}))
    told = [event.text for event in jobs.perform(library, job) if isinstance(event, Notice)]
    assert any("no [V]" in text and "not Rex" in text for text in told)


def test_with_and_without_training_are_two_pictures(library: Library, trained: Subject) -> None:
    taken = []
    for untrained in (False, True):
        work = jobs.TakePictures(("a [V] dog",), 1, 3, {}, untrained)
        events = jobs.perform(library, jobs.ask(library, trained, work))
        taken += [Path(event.path) for event in events if isinstance(event, Picture)]
    assert len(taken) == 2 and taken[0].read_bytes() != taken[1].read_bytes()


def test_words_that_a_small_model_never_learnt_are_named(tmp_path: Path) -> None:
    (tmp_path / "words.json").write_text(json.dumps(["a", "dog", "on", "the", "beach"]))
    texts = ("a [V] dog on the beach", "a [V] dog on mars", "a [V] dog on mars at night")
    (notice,) = jobs._not_learnt(str(tmp_path), texts)
    assert "mars, at, night" in notice.text
    assert list(jobs._not_learnt(str(tmp_path), texts[:1])) == []
    assert list(jobs._not_learnt("sd15", texts)) == [], "it knows language at large"
