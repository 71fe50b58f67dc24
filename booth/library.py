"""Where subjects live on disk; the only room that knows the paths.

    <home>/subjects/<id>/subject.json      name, class noun, crops, captions (written last)
                         photos/000.png    upright, sRGB, without metadata
                         runs/<job id>/    config.json, checkpoints/, previews/, weights/
                         pictures/*.png    every picture taken, each with its recipe
    <home>/jobs/                           see ledger.py
    <home>/priors/<key>/                   see priors.py
    <home>/unpacked/<key>/                 see single_file.py
    <home>/booth.lock, owner.json          who may write

Names are free text and never become paths: folders are called by random ids.
"""

from __future__ import annotations

import os
import time
import unicodedata
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock, Timeout
from PIL import Image

from booth import disk
from booth.crops import Crop, View, views_of
from booth.errors import Busy, DiskError, SubjectError, for_people
from booth.ledger import Job, Ledger
from booth.photos import Photo
from booth.prompts import check_caption

LONGEST_NAME = 60


def home() -> Path:
    """The library's folder: BOOTH_HOME if set, else the user's data folder."""
    chosen = os.environ.get("BOOTH_HOME")
    if chosen:
        return Path(chosen).expanduser()
    return platformdirs.user_data_path("birdie-booth", appauthor=False)


@dataclass(frozen=True)
class Subject:
    """The dog, the teapot: its name, its class noun, and where its photos and runs lie."""

    id: str
    name: str
    class_noun: str
    created: float
    crops: tuple[Crop, ...]
    captions: tuple[str, ...]  # of the photos, "" for none; see prompts.instance_prompt
    folder: Path

    @property
    def photos(self) -> list[Path]:
        """The stored photos, in order."""
        return sorted((self.folder / "photos").glob("*.png"))

    @property
    def cover(self) -> Path | None:
        """A picture to show for the subject: its first photo."""
        return next(iter(self.photos), None)

    def instance_views(self, size: int, views: int = 1) -> list[list[View]]:
        """Every photo as `crops.views_of` cuts it: `views` square images of `size` pixels each."""
        cut = []
        for number, (path, crop) in enumerate(zip(self.photos, self.crops, strict=True)):
            with Image.open(path, formats=["PNG"]) as image:
                cut.append(views_of(image.convert("RGB"), crop, size, (views, number)))
        return cut

    @property
    def pictures(self) -> list[Path]:
        """Every picture taken of the subject, newest first."""
        return sorted((self.folder / "pictures").glob("*.png"), reverse=True)

    def run(self, job_id: str) -> Path:
        """The folder of one training run."""
        return self.folder / "runs" / os.path.basename(job_id)

    @property
    def weights(self) -> Path | None:
        """The newest finished weights of the subject, or None before it is trained."""
        found = sorted((self.folder / "runs").glob(f"*/weights/{disk.MANIFEST}"))
        return found[-1].parent if found else None

    def picture_path(self) -> Path:
        """A new name for a picture; later pictures sort after earlier ones."""
        name = f"{time.time_ns() // 1000:017d}-{uuid.uuid4().hex[:6]}.png"
        return self.folder / "pictures" / name


class Library:
    """All subjects of one person on one disk.

    Anybody may read. Writing needs `claim`, which one process at a time can hold; a worker
    started by that process passes `trusted=True`.
    """

    def __init__(self, root: Path | None = None, trusted: bool = False) -> None:
        self.root = (root or home()).absolute()
        self.ledger = Ledger(self.root / "jobs")
        self.trusted = trusted
        self._lock = FileLock(self.root / "booth.lock", timeout=0, thread_local=False)

    def claim(self, owner: str, patience: float = 20) -> None:
        """Become the one who may write; `owner` says who to others ("the booth at http://...").

        Waits up to `patience` seconds for a worker whose booth was closed and who is still
        saving; then tidies up after crashes. Raises `Busy` naming the other owner, or `DiskError`.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise Busy(
                f"This library is in use by {self.owner()}.",
                "Go on there, or close it and try again. Nothing was changed.",
            ) from error
        except OSError as error:
            raise for_people(error) from error
        try:
            with self.working(patience):
                self._tidy(owner)
        except BaseException:
            self._lock.release()
            raise

    @contextmanager
    def working(self, patience: float = -1) -> Iterator[None]:
        """Hold the lock of the one process that does the heavy work, waiting for it if need be."""
        try:
            with FileLock(self.root / "worker.lock", timeout=patience):
                yield
        except Timeout as error:
            raise Busy(
                "The booth was just closed and is still saving its work.",
                "Wait a minute, then try again.",
            ) from error

    def _tidy(self, owner: str) -> None:
        """Put right what a crash left: unfinished files, and jobs that claim to run."""
        for name in ("subjects", "jobs", "priors", "unpacked"):
            disk.sweep(self.root / name)
        disk.write_json(self.root / "owner.json", {"owner": owner, "pid": os.getpid()})
        self.ledger.reconcile()

    def release(self) -> None:
        """Let somebody else write."""
        self._lock.release()

    def catch_up(self) -> None:
        """Let the ledger tell the truth about crashed jobs, if nobody holds the library."""
        with suppress(Busy, DiskError):
            self.claim("a look at the library", patience=0)
            self.release()

    @property
    def writable(self) -> bool:
        """Whether this process may write."""
        return self.trusted or self._lock.is_locked

    def owner(self) -> str:
        """Who holds the library, for people."""
        try:
            return str(disk.read_json(self.root / "owner.json")["owner"])
        except (OSError, ValueError, KeyError):
            return "another window"

    def subjects(self) -> list[Subject]:
        """All subjects, newest first."""
        found = [_read(path.parent) for path in self.root.glob("subjects/*/subject.json")]
        return sorted((s for s in found if s), key=lambda s: s.created, reverse=True)

    def find(self, name: str) -> Subject:
        """The subject of that id or name (upper and lower case alike)."""
        for subject in self.subjects():
            if name == subject.id or _folded(name) == _folded(subject.name):
                return subject
        known = ", ".join(f'"{subject.name}"' for subject in self.subjects()) or "none yet"
        raise SubjectError(
            f'There is no subject called "{name[:LONGEST_NAME]}".', f"Subjects here: {known}."
        )

    def create(self, name: str, class_noun: str, taken: Sequence[Photo]) -> Subject:
        """Store a new subject with its photos. A name already taken gets a number."""
        self._must_be_writable()
        if not taken:
            raise SubjectError("There are no photos yet.", "Add 3 to 5 photos of your subject.")
        subject_id = uuid.uuid4().hex
        folder = self.root / "subjects" / subject_id
        values = {
            "name": self._free_name(_checked_name(name)),
            "class_noun": class_noun,
            "created": time.time(),
            "crops": [asdict(photo.crop) for photo in taken],
            "captions": [check_caption(photo.caption) for photo in taken],
        }
        try:
            with disk.new_folder(folder / "photos") as staging:
                for number, photo in enumerate(taken):
                    photo.image.save(staging / f"{number:03d}.png")
            disk.write_json(folder / "subject.json", values)
        except BaseException:
            disk.remove_folder(folder)
            raise
        return _expect(folder)

    def rename(self, subject: Subject, name: str) -> Subject:
        """Give a subject another name."""
        self._must_be_writable()
        path = subject.folder / "subject.json"
        name = _checked_name(name)
        if _folded(name) != _folded(subject.name):
            name = self._free_name(name)
        disk.write_json(path, {**disk.read_json(path), "name": name})
        return _expect(subject.folder)

    def remove(self, subject: Subject) -> None:
        """Delete a subject with its photos, runs and pictures."""
        self._must_be_writable()
        running = [
            job for job in self.ledger.jobs(subject.id) if job.state in ("queued", "running")
        ]
        if running:
            raise Busy(
                f'"{subject.name}" is being worked on.', "Stop that first, then delete it again."
            )
        disk.remove_folder(subject.folder)
        self.ledger.remove(subject.id)

    def ask(self, kind: str, subject: Subject, spec: dict[str, Any]) -> Job:
        """Write a new job into the ledger."""
        self._must_be_writable()
        return self.ledger.add(kind, subject.id, spec)

    def training(self, subject: Subject) -> Job | None:
        """The subject's newest training, in whatever state."""
        return next(iter(self.ledger.jobs(subject.id, "train")), None)

    def _must_be_writable(self) -> None:
        if not self.writable:
            raise Busy(
                f"This library is in use by {self.owner()}.",
                "This window can look but not change anything. Go on over there.",
            )

    def _free_name(self, name: str) -> str:
        taken = {_folded(subject.name) for subject in self.subjects()}
        candidate, number = name, 1
        while _folded(candidate) in taken:
            number += 1
            candidate = f"{name} {number}"
        return candidate


def _read(folder: Path) -> Subject | None:
    """The subject in `folder`; None when its file is damaged or was just deleted."""
    try:
        values = disk.read_json(folder / "subject.json")
        crops = tuple(Crop(**crop) for crop in values.pop("crops"))
        captions = tuple(values.pop("captions", [""] * len(crops)))  # older subjects have none
        if len(captions) != len(crops):
            return None
        return Subject(id=folder.name, crops=crops, captions=captions, folder=folder, **values)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _expect(folder: Path) -> Subject:
    subject = _read(folder)
    if subject is None:
        raise DiskError(
            "The subject could not be read back after saving.", "Check the disk and try again."
        )
    return subject


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip().casefold()


def _checked_name(name: str) -> str:
    """A name to show: any language, emoji welcome, one line."""
    cleaned = unicodedata.normalize("NFC", " ".join(name.split()))
    cleaned = "".join(c for c in cleaned if unicodedata.category(c) not in ("Cc", "Cs"))
    if not cleaned or len(cleaned) > LONGEST_NAME:
        raise SubjectError(
            "Your subject needs a name." if not cleaned else "That name is too long.",
            f"Any language, emoji welcome, at most {LONGEST_NAME} characters.",
        )
    return cleaned
