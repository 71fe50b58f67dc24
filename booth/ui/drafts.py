"""Subjects that are still being prepared: photos chosen, name perhaps, nothing stored yet.

Drafts live with the app and not with the page, so that a reload finds them again.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from booth import photos
from booth.crops import Crop
from booth.errors import PhotoError
from booth.photos import Photo
from booth.prompts import check_caption

MOST_DRAFTS = 16


@dataclass
class Draft:
    """What a person has told the booth about a new subject so far."""

    id: str
    paths: list[Path] = field(default_factory=list)
    photos: list[Photo] = field(default_factory=list)
    refused: list[PhotoError] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    captions: dict[Path, str] = field(default_factory=dict)  # of photos, by where they come from
    chosen: int = 0  # the photo whose crop is being looked at
    name: str = ""
    class_noun: str = ""

    def add(self, paths: Sequence[Path], resolution: int) -> None:
        """Take in more files. The refused are named; crops already moved stay."""
        self._take([*self.paths, *paths], resolution, keep=self.photos)

    def remove(self, index: int, resolution: int) -> None:
        """Leave a photo out again."""
        kept = [photo for n, photo in enumerate(self.photos) if n != index]
        paths = [path for n, path in enumerate(self.paths) if n != index]
        self.chosen = max(0, min(index, len(kept) - 1))
        if not kept:
            self.paths, self.photos, self.refused, self.advice = [], [], [], []
            return
        self._take(paths, resolution, keep=kept)

    def move_crop(self, index: int, crop: Crop) -> None:
        """Cut a photo somewhere else."""
        self.photos[index] = replace(self.photos[index], crop=crop)

    def describe(self, path: Path, caption: str) -> None:
        """Say where the subject is in the photo from `path`, if that is still among them."""
        if path in self.paths:
            self.captions[path] = check_caption(caption)

    @property
    def captioned(self) -> list[Photo]:
        """The photos, each with its caption."""
        return photos.captioned(self.photos, [self.captions.get(path, "") for path in self.paths])

    def _take(self, paths: list[Path], resolution: int, keep: list[Photo]) -> None:
        paths = list(dict.fromkeys(paths))  # one photo for each, as `prepare` has it
        intake = photos.prepare(paths, resolution)
        if intake.refused:
            paths = [path for path in paths if _opens(path)]
        crops = [photo.crop for photo in keep]
        fresh = intake.photos
        self.photos = [replace(p, crop=c) for p, c in zip(fresh, crops)] + fresh[len(crops) :]  # noqa: B905
        self.paths, self.refused, self.advice = paths, intake.refused, intake.advice


class Drafts:
    """The drafts of this app, the oldest forgotten when there are many."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}

    def new(self) -> Draft:
        """An empty draft."""
        draft = Draft(uuid.uuid4().hex)
        self._drafts[draft.id] = draft
        while len(self._drafts) > MOST_DRAFTS:
            self._drafts.pop(next(iter(self._drafts)))
        return draft

    def find(self, draft_id: str) -> Draft | None:
        """The draft of that id, if the app still knows it."""
        return self._drafts.get(draft_id)

    def open(self, draft_id: str) -> Draft:
        """The draft of that id, or a `PhotoError` when the app was restarted meanwhile."""
        draft = self.find(draft_id)
        if draft is None:
            raise PhotoError(
                "These photos were put aside when the booth was restarted.",
                "Go back to the library and choose them again.",
            )
        return draft

    def forget(self, draft_id: str) -> None:
        """Let go of a draft that has become a subject."""
        self._drafts.pop(draft_id, None)


def _opens(path: Path) -> bool:
    try:
        photos.open_photo(path)
    except PhotoError:
        return False
    return True
