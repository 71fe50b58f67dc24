"""The three judges together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from booth import disk
from booth.toybox.judges import checker, clip, likeness, shelf


@dataclass(frozen=True)
class Judges:
    """The three judges, and what they are."""

    checker: checker.Checker
    clip: clip.Clip
    likeness: likeness.Likeness
    fingerprint: str
    figures: dict[str, Any]  # what the judges reach on unseen renders

    @staticmethod
    def load(root: Path) -> Judges:
        """The judges in `root`. Raises `BoothError` when one is missing."""
        path = root / "figures.json"
        return Judges(
            checker.load(root / "checker"),
            clip.load(root / "clip"),
            likeness.load(root / "likeness"),
            shelf.fingerprint(root),
            disk.read_json(path) if path.exists() else {},
        )
