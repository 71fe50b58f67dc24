"""The appointment book on disk: which jobs were asked for, how each stands, what each said.

    <home>/jobs/<job id>/job.json      kind, subject, what was asked, state
                         events.jsonl  everything the job said, one JSON object per line

Only the process that holds the library's lock, and the worker it started, write here.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

from booth import disk
from booth.errors import BoothError, SubjectError

State = Literal["queued", "running", "paused", "interrupted", "failed", "done"]
KINDS = ("train", "take")
ACTIVE: frozenset[str] = frozenset({"queued", "running"})
RESUMABLE: frozenset[str] = frozenset({"paused", "interrupted", "failed"})


@dataclass(frozen=True)
class Job:
    """One thing asked of the worker. A training keeps its job through every pause and resume."""

    id: str
    kind: str  # one of KINDS
    subject: str  # subject id
    spec: dict[str, Any]  # what was asked, as jobs.py understands it
    created: float  # seconds since 1970
    state: State = "queued"
    problem: str = ""  # why it failed or stopped, for people
    remedy: str = ""


class Ledger:
    """All jobs of one library."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, kind: str, subject: str, spec: dict[str, Any]) -> Job:
        """Write down a new job, queued."""
        now = time.time()
        job = Job(f"{int(now * 1000):013d}-{uuid.uuid4().hex[:8]}", kind, subject, spec, now)
        self._write(job)
        return job

    def find(self, job_id: str) -> Job:
        """The job of that id as it stands now; `SubjectError` when there is none."""
        try:
            return Job(**disk.read_json(self._path(job_id) / "job.json"))
        except (OSError, ValueError, TypeError) as error:
            raise SubjectError(
                "That training or picture session is no longer there.",
                "Go back to the library and choose again.",
            ) from error

    def jobs(self, subject: str | None = None, kind: str | None = None) -> list[Job]:
        """Jobs, newest first, of one subject and one kind if given."""
        names = sorted((path.parent.name for path in self.folder.glob("*/job.json")), reverse=True)
        found = []
        for name in names:
            try:
                found.append(self.find(name))
            except SubjectError:  # deleted between the listing and the reading, or damaged
                continue
        return [job for job in found if subject in (None, job.subject) and kind in (None, job.kind)]

    def active(self) -> Job | None:
        """The job that is running, or else the next one in the queue."""
        waiting = [job for job in self.jobs() if job.state in ACTIVE]
        running = [job for job in waiting if job.state == "running"]
        return next(iter(running or waiting[::-1]), None)

    def change(self, job: Job, state: State, error: BoothError | None = None) -> Job:
        """Write down a job's new state, with the reason when something went wrong."""
        problem, remedy = (error.problem, error.remedy) if error else ("", "")
        changed = replace(job, state=state, problem=problem, remedy=remedy)
        self._write(changed)
        return changed

    def say(self, job: Job, record: dict[str, Any]) -> None:
        """Append one event record to what the job said."""
        line = json.dumps({**record, "at": time.time()}, ensure_ascii=False) + "\n"
        with (self._path(job.id) / "events.jsonl").open("ab+") as file:
            torn = file.tell() and _last_byte(file) != b"\n"
            file.write(b"\n" * bool(torn) + line.encode())

    def events(self, job: Job) -> list[dict[str, Any]]:
        """Everything the job said, oldest first; a line torn by a crash is left out."""
        try:
            lines = (self._path(job.id) / "events.jsonl").read_bytes().splitlines()
        except OSError:
            return []
        return list(_whole(lines))

    def reconcile(
        self, what_happened: str = "The booth was closed or the computer went off."
    ) -> None:
        """Mark as interrupted what claims to run. Only for whoever holds the library's lock."""
        reason = SubjectError(what_happened, "Press Continue to go on from the last checkpoint.")
        for job in self.jobs():
            if job.state in ACTIVE:
                self.change(job, "interrupted", reason)

    def remove(self, subject: str) -> None:
        """Forget every job of a subject."""
        for job in self.jobs(subject):
            disk.remove_folder(self._path(job.id))

    def _path(self, job_id: str) -> Path:
        return self.folder / os.path.basename(job_id)

    def _write(self, job: Job) -> None:
        disk.write_json(self._path(job.id) / "job.json", asdict(job))


def _last_byte(file: IO[bytes]) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)


def _whole(lines: Iterable[bytes]) -> Iterable[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue
