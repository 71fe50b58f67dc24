"""What a job's events amount to: how far it is, what it has shown, how long it will take."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]
LEARNING = "Learning"
_RECENT = 40  # steps that a forecast looks back on


@dataclass
class Report:
    """The story of one job so far, put together from its events."""

    stage: str = ""
    done: int = 0
    total: int = 0
    losses: list[Record] = field(default_factory=list)
    previews: list[Record] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    saved: int = 0  # the newest checkpoint's step
    sheet: str = ""
    ended: bool = False
    _marks: list[tuple[float, int]] = field(default_factory=list)  # (when, done) of this stage

    @property
    def step(self) -> int:
        """The last step learnt."""
        return int(self.losses[-1]["step"]) if self.losses else 0

    @property
    def steps(self) -> int:
        """How many steps there will be; 0 before the first."""
        return int(self.losses[-1]["total"]) if self.losses else 0

    @property
    def fraction(self) -> float:
        """How much of the present stage is done, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """A forecast for the present stage; None while there is nothing to go by."""
        marks = self._marks[-_RECENT:]
        if len(marks) < 4 or self.done >= self.total:
            return None
        pace = [
            (later[0] - sooner[0]) / (later[1] - sooner[1])
            for sooner, later in itertools.pairwise(marks)
            if later[1] > sooner[1]
        ]
        return max(0.0, statistics.median(pace) * (self.total - self.done)) if pace else None

    @property
    def preview_steps(self) -> list[int]:
        """The steps at which previews were taken."""
        return sorted({int(record["step"]) for record in self.previews})

    def hear(self, record: Record) -> None:
        """Take one more event into account; what this version does not know is left out."""
        _HEARD.get(record.get("event", ""), lambda report, record: None)(self, record)

    def reach(self, stage: str, done: int, total: int, at: float) -> None:
        """Note how far a stage has come."""
        if stage != self.stage or done < self.done:
            self._marks = []
        self.stage, self.done, self.total = stage, done, total
        self._marks.append((at, done))


def tell(events: Iterable[Record]) -> Report:
    """The report of a job that said `events`."""
    report = Report()
    for record in events:
        report.hear(record)
    return report


def curve(report: Report, most: int = 160) -> list[Record]:
    """The two terms of the loss, smoothed, as rows (step, loss, what) for a plot."""
    rows: list[Record] = []
    every = max(1, len(report.losses) // most)
    for key, what in (("instance", "your photos"), ("prior", "other examples")):
        level: float | None = None
        for number, record in enumerate(report.losses):
            value = record.get(key)
            if value is None:
                continue
            level = value if level is None else 0.92 * level + 0.08 * value
            if number % every == 0 or number == len(report.losses) - 1:
                rows.append({"step": record["step"], "loss": level, "what": what})
    return rows


def _progress(report: Report, record: Record) -> None:
    report.reach(record["stage"], record["done"], record["total"], record.get("at", 0.0))


def _loss(report: Report, record: Record) -> None:
    """A resumed training says its steps again; the later word counts."""
    while report.losses and report.losses[-1]["step"] >= record["step"]:
        report.losses.pop()
    report.losses.append(record)
    report.reach(LEARNING, record["step"], record["total"], record.get("at", 0.0))


def _preview(report: Report, record: Record) -> None:
    spot = (record["step"], record["recipe"]["index"])
    others = [r for r in report.previews if (r["step"], r["recipe"]["index"]) != spot]
    report.previews = [*others, record]


def _picture(report: Report, record: Record) -> None:
    report.pictures.append(record["path"])


def _saved(report: Report, record: Record) -> None:
    report.saved = int(record["step"])


def _notice(report: Report, record: Record) -> None:
    if record["text"] not in report.notices:
        report.notices.append(record["text"])


def _done(report: Report, record: Record) -> None:
    report.ended = True
    report.sheet = str(record.get("sheet", ""))


_HEARD: dict[str, Callable[[Report, Record], None]] = {
    "progress": _progress,
    "loss": _loss,
    "preview": _preview,
    "picture": _picture,
    "saved": _saved,
    "notice": _notice,
    "done": _done,
}
