"""What all screens share: the library, the runner, and the place where a visitor stands."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

import gradio as gr
from gradio.blocks import Block

from booth import catalogue, jobs, machine
from booth.errors import Busy, SubjectError
from booth.ledger import RESUMABLE, Job
from booth.library import Library, Subject
from booth.ui.drafts import Drafts
from booth.ui.manners import kindly
from booth.worker import Runner, Stop

ScreenName = Literal["library", "photos", "kind", "ready", "training", "booth"]
Updates = dict[Block, Any]
FRIENDLY_CARD_GB = 11.0


class Place(TypedDict):
    """Where a visitor stands: a screen, and whose. The browser remembers it."""

    screen: ScreenName
    subject: str  # id, or empty
    draft: str  # id, or empty
    visit: str  # new at every arrival, so that arriving where one stands counts too


def place(screen: ScreenName, subject: str = "", draft: str = "") -> Place:
    """A place to go to."""
    return {"screen": screen, "subject": subject, "draft": draft, "visit": uuid.uuid4().hex}


HOME = place("library")


@dataclass
class Desk:
    """The front desk of one app."""

    library: Library
    runner: Runner
    place: gr.State
    seen: gr.State  # fingerprints of what the page shows, see `changed`
    looking: gr.State  # the path of the picture somebody looks at in the tray, or empty
    drafts: Drafts = field(default_factory=Drafts)

    def go(self, event: Any, act: Callable[..., Place], inputs: Any = None) -> None:
        """When `event` happens, go where `act` says."""
        self.on(event, act, inputs, self.place)

    def on(
        self, event: Any, act: Callable[..., Any], inputs: Any, outputs: Any, **options: Any
    ) -> None:
        """When `event` happens, call `act`, politely; `then` is a script to run after that."""
        then = options.pop("then", None)
        options = {"show_progress": "hidden", "api_visibility": "private", **options}
        done = event(kindly(act), inputs, outputs, **options)
        if then:
            done.success(None, js=then, api_visibility="private")

    def subject(self, here: Place) -> Subject:
        """The subject one stands before; `SubjectError` when it is gone."""
        found = self.known(here["subject"])
        if found is None:
            raise SubjectError("That subject is no longer there.", "Go back to the library.")
        return found

    def known(self, subject_id: str) -> Subject | None:
        """The subject of that id, if it is still there."""
        return next((s for s in self.library.subjects() if s.id == subject_id), None)

    def home_of(self, subject: Subject) -> Place:
        """Where to go with a subject: on with what is unfinished, else to its pictures."""
        job = self.library.training(subject)
        if job is not None and job.state != "done":
            return place("training", subject.id)
        return place("booth" if subject.weights else "ready", subject.id)

    def default_base(self) -> catalogue.BaseModel:
        """The base model this computer is good for."""
        here = machine.read(self.library.root)
        large = here is not None and here.device == "cuda" and here.card_gb >= FRIENDLY_CARD_GB
        return catalogue.find("sd15" if large else "toybox")

    def start(self, subject: Subject, work: jobs.Work) -> Job:
        """Ask for something and hand it to the worker."""
        return self.runner.submit(jobs.ask(self.library, subject, work))

    def resume(self, job: Job) -> None:
        """Go on with a job that stopped; a second press does nothing."""
        job = self.library.ledger.find(job.id)
        if job.state in RESUMABLE:
            self.runner.submit(job)

    def must_write(self) -> None:
        """Raise `Busy` in a window that may only look."""
        if not self.library.writable:
            raise Busy(
                f"This library is in use by {self.library.owner()}.",
                "This window can look but not change anything. Go on over there.",
            )

    def stop(self, job: Job, how: Stop) -> None:
        """Pause, finish or throw away a job, if this window may."""
        self.must_write()
        self.runner.stop(job, how)


class Screen:
    """One question to the visitor. `column` shows or hides it."""

    name: ScreenName
    column: gr.Column

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def parts(self) -> list[Block]:
        """Every component that `arrive` and `tick` may update: the public ones."""
        found: list[Block] = []
        for name, value in vars(self).items():
            several = value if isinstance(value, (list, tuple)) else [value]
            if not name.startswith("_"):
                found += [item for item in several if isinstance(item, Block)]
        return [*found, self.desk.seen, self.desk.looking]

    def anew(self, here: Place) -> Updates:
        """The same as arriving, after something was done on the screen."""
        return {**self.arrive(here), self.desk.seen: {}}

    def arrive(self, here: Place) -> Updates:
        """How the screen looks when somebody comes to it."""
        return {}

    def tick(self, here: Place, looking: str = "") -> Updates:
        """The parts that may change by themselves, while a job runs, as they stand."""
        return {}


Seen = dict[int, str]


def changed(updates: Updates, seen: Seen) -> tuple[Updates, Seen]:
    """What of `updates` the page does not show yet, and what it shows then."""
    marks = {block._id: _mark(value) for block, value in updates.items()}
    fresh = {b: value for b, value in updates.items() if seen.get(b._id) != marks[b._id]}
    return fresh, {**seen, **marks}


def _mark(value: Any) -> str:
    text = value.to_json() if hasattr(value, "to_json") else _described(value)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def _described(value: Any) -> str:
    if isinstance(value, Block):
        told = value.constructor_args.items()
        return repr(sorted((item for item in told if item[0] != "selected_index"), key=str))
    return repr(value)
