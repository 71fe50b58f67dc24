"""The worker does the work, and the ledger tells the truth whatever happens to it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from booth import jobs, machine
from booth.config import TrainingConfig, to_dict
from booth.errors import Busy, SubjectError
from booth.ledger import Job
from booth.library import Library, Subject
from booth.worker import Runner


@pytest.fixture
def runner(library: Library) -> Iterator[Runner]:
    runner = Runner(library)
    yield runner
    runner.close()


def training(base: Path, steps: int) -> jobs.TrainSubject:
    config = TrainingConfig(
        base=str(base), steps=steps, prior_images=1, resolution=64, checkpoint_every=1000,
        preview_every=0,
    )  # fmt: skip
    return jobs.TrainSubject(to_dict(config))


def wait(library: Library, job: Job, ready: Callable[[Job], bool]) -> Job:
    """The job as soon as `ready` says so; a busy machine is slow, not wrong."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        job = library.ledger.find(job.id)
        if ready(job):
            return job
        time.sleep(0.05)
    raise AssertionError(f"still {job.state} after five minutes: {job.problem}")


def steps(library: Library, job: Job) -> list[int]:
    return [e["step"] for e in library.ledger.events(job) if e["event"] == "loss"]


def test_pause_continue_finish_take_and_a_worker_that_is_killed(
    library: Library, runner: Runner, subject: Subject, base_folder: Path
) -> None:
    job = jobs.ask(library, subject, training(base_folder, 100_000))
    with pytest.raises(SubjectError, match="not been trained"):
        jobs.ask(library, subject, jobs.TakePictures(("a [V] dog",)))
    runner.submit(job)
    wait(library, job, lambda j: len(steps(library, j)) > 1)
    runner.stop(job, "pause")
    wait(library, job, lambda j: j.state == "paused")
    paused_at = steps(library, job)[-1]

    runner.submit(library.ledger.find(job.id))
    wait(library, job, lambda j: steps(library, j)[-1] > paused_at + 1)
    assert steps(library, job) == list(range(1, steps(library, job)[-1] + 1)), "no step twice"

    assert runner._process is not None
    os.kill(runner._process.pid, signal.SIGKILL)
    runner._process.wait()
    again = runner.submit(library.ledger.find(job.id))
    assert again.state == "queued"
    wait(library, job, lambda j: j.state == "running")
    runner.stop(job, "finish")
    wait(library, job, lambda j: j.state == "done")
    assert subject.weights is not None

    pictures = jobs.ask(library, subject, jobs.TakePictures(("a [V] dog", "a [V] dog"), 1, 3))
    runner.submit(pictures)
    wait(library, pictures, lambda j: j.state == "done")
    assert len(subject.pictures) == 2
    assert machine.read(library.root) is not None


def test_a_worker_that_was_killed_leaves_an_interrupted_job_and_the_reason(
    library: Library, runner: Runner, subject: Subject, base_folder: Path
) -> None:
    job = runner.submit(jobs.ask(library, subject, training(base_folder, 100_000)))
    wait(library, job, lambda j: j.state == "running")
    assert runner._process is not None
    os.kill(runner._process.pid, signal.SIGKILL)
    runner._process.wait()
    runner.check()
    told = library.ledger.find(job.id)
    assert told.state == "interrupted" and "memory" in told.problem and "Continue" in told.remedy


def test_closing_the_booth_saves_the_work(
    library: Library, subject: Subject, base_folder: Path
) -> None:
    runner = Runner(library)
    job = runner.submit(jobs.ask(library, subject, training(base_folder, 100_000)))
    wait(library, job, lambda j: len(steps(library, j)) > 1)
    runner.close()
    assert library.ledger.find(job.id).state == "paused"
    saved = list(subject.run(job.id).glob("checkpoints/step-*"))
    assert [int(path.name[5:]) for path in saved] == [steps(library, job)[-1]]


def test_throwing_a_training_away_leaves_the_subject(
    library: Library, runner: Runner, subject: Subject, base_folder: Path
) -> None:
    job = runner.submit(jobs.ask(library, subject, training(base_folder, 100_000)))
    wait(library, job, lambda j: len(steps(library, j)) > 0)
    runner.stop(job, "discard")
    deadline = time.monotonic() + 30
    while library.training(subject) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert library.training(subject) is None and not subject.run(job.id).exists()
    assert library.find("Rex") == subject


def test_a_job_that_fails_says_why_and_what_to_do(
    library: Library, runner: Runner, subject: Subject, tmp_path: Path
) -> None:
    (tmp_path / "not a model").mkdir()
    job = jobs.ask(library, subject, training(tmp_path / "not a model", 3))
    runner.submit(job)
    told = wait(library, job, lambda j: j.state == "failed")
    assert "model_index.json" in told.problem and told.remedy


def test_a_window_that_only_looks_cannot_start_anything(
    library: Library, subject: Subject, base_folder: Path
) -> None:
    job = jobs.ask(library, subject, training(base_folder, 3))
    with pytest.raises(Busy, match="in use by the tests"):
        Runner(Library(library.root)).submit(job)
