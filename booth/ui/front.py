"""Puts the screens together into one page that always tells the truth from disk."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.blocks import Block

from booth.errors import BoothError
from booth.library import Library
from booth.ui.booth_screen import BoothScreen
from booth.ui.desk import HOME, Desk, Place, Screen, Seen, Updates, changed, place
from booth.ui.frame import Frame
from booth.ui.kind_screen import KindScreen
from booth.ui.library_screen import LibraryScreen
from booth.ui.manners import kindly, quietly
from booth.ui.photos_screen import PhotosScreen
from booth.ui.ready_screen import ReadyScreen
from booth.ui.theme import TO_TOP
from booth.ui.training_screen import TrainingScreen
from booth.worker import Runner

EVERY = 1.5  # seconds between looks at the disk
SCREENS: tuple[type[Screen], ...] = (
    LibraryScreen,
    PhotosScreen,
    KindScreen,
    ReadyScreen,
    TrainingScreen,
    BoothScreen,
)


def build(library: Library, runner: Runner) -> gr.Blocks:
    """The whole page for one library."""
    with gr.Blocks(
        title="Birdie, the photo booth", analytics_enabled=False, delete_cache=(3600, 86400)
    ) as page:
        desk = Desk(library, runner, gr.State(HOME), gr.State(None), gr.State(""))
        memory = gr.BrowserState(HOME, storage_key="birdie-place", secret="not a secret")
        frame = Frame(desk)
        screens = [screen(desk) for screen in SCREENS]
        _Front(desk, frame, screens, memory).wire(page)
    return page


class _Front:
    """The events of the page as a whole: coming, going, and looking again."""

    def __init__(
        self, desk: Desk, frame: Frame, screens: list[Screen], memory: gr.BrowserState
    ) -> None:
        self.desk, self.frame, self.memory = desk, frame, memory
        self.screens = {screen.name: screen for screen in screens}

    def wire(self, page: gr.Blocks) -> None:
        """Connect the page's events."""
        every: list[Block] = []
        for screen in (self.frame, *self.screens.values()):
            every += [part for part in screen.parts() if part not in every]
        common: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        page.load(kindly(self._come_back), self.memory, self.desk.place, **common)
        self.desk.place.change(
            kindly(self._arrive), self.desk.place, [*every, self.memory], **common
        ).then(None, js=TO_TOP, api_visibility="private")
        gr.Timer(EVERY).tick(
            quietly(self._tick),
            [self.desk.place, self.desk.seen, self.desk.looking],
            every,
            concurrency_limit=None,
            **common,
        )

    def _come_back(self, remembered: Place | None) -> Place:
        """Where the browser remembers standing, if that is still a place."""
        here = {**HOME, **(remembered or {})}
        return place(here["screen"], here["subject"], here["draft"])  # type: ignore[arg-type]

    def _arrive(self, here: Place) -> Updates:
        updates = self._look(here)
        return {**updates, self.desk.seen: changed(updates, {})[1], self.memory: here}

    def _look(self, here: Place) -> Updates:
        """Everything as it stands at a place; the library, when that place is gone."""
        try:
            screen = self.screens[here["screen"]]
            updates = screen.arrive(here)
        except (BoothError, KeyError):
            here = HOME
            screen = self.screens["library"]
            updates = screen.arrive(here)
        columns: Updates = {
            other.column: gr.Column(visible=other is screen) for other in self.screens.values()
        }
        return {**columns, **self.frame.arrive(here), **updates}

    def _tick(self, here: Place, seen: Seen | None, looking: str) -> Updates:
        self.desk.runner.check()
        if seen is None:  # nobody has arrived anywhere yet
            return {}
        screen = self.screens[here["screen"]]
        fresh, marks = changed({**self.frame.tick(here), **screen.tick(here, looking)}, seen)
        return {**fresh, self.desk.seen: marks} if fresh else {}
