"""The light table: one picture of the tray, how it was made, and what to do with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from booth.errors import SubjectError
from booth.jobs import TakePictures
from booth.library import Subject
from booth.ui import tray
from booth.ui.desk import Desk, Place, Screen, Updates


class LightTable(Screen):
    """A part of the booth screen, shown while somebody looks at a picture."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        with gr.Column(visible=False, elem_id="chosen") as self.box:
            self.recipe = gr.Textbox(label="How it was made", interactive=False, lines=3)
            with gr.Row(elem_classes="actions"):
                self._again = gr.Button("Again with another seed", size="sm", elem_id="again-seed")
                self._compare = gr.Button("Before training", size="sm", elem_id="compare")
                self.download = gr.DownloadButton("Download", size="sm", elem_id="download")
            self.heading = gr.HTML("<h3>Before and after training, same seed</h3>", visible=False)
            self.pair = gr.Gallery(
                label="Before and after training, same seed",
                show_label=False,
                columns=2,
                height="auto",
                interactive=False,
                visible=False,
                buttons=["fullscreen"],
                elem_id="pair",
            )

    def wire(self, pictures: gr.Gallery, parts: list[Block]) -> None:
        """Connect the table with the tray it belongs to."""
        desk, here = self.desk, self.desk.place
        chosen = [here, desk.looking]
        desk.on(pictures.select, self._choose, here, self.parts())
        desk.on(pictures.preview_close, self.clear, None, self.parts())
        desk.on(self._again.click, self._once_more, chosen, parts)
        desk.on(self._compare.click, self._untrained, chosen, parts)

    def clear(self) -> Updates:
        """Nobody looks at a picture."""
        return {
            self.desk.looking: "",
            self.box: gr.Column(visible=False),
            self.heading: gr.HTML(visible=False),
            self.pair: gr.Gallery(visible=False),
        }

    def tick(self, here: Place, looking: str = "") -> Updates:
        """The picture beside its twin from the other model, once there is one."""
        if not looking:
            return {}
        return self._pair(self.desk.subject(here), Path(looking))

    def _choose(self, here: Place, event: gr.SelectData) -> Updates:
        subject = self.desk.subject(here)
        path = tray.named(subject, Path(event.value["image"]["path"]).name)
        return {
            self.desk.looking: str(path),
            self.box: gr.Column(visible=True),
            self.recipe: tray.described(tray.recipe(path)),
            self.download: gr.DownloadButton(value=str(path)),
            **self._pair(subject, path),
        }

    def _pair(self, subject: Subject, path: Path) -> Updates:
        other = tray.twin(path, tray.pictures(subject))
        if other is None:
            return {self.heading: gr.HTML(visible=False), self.pair: gr.Gallery(visible=False)}
        before, after = (path, other) if tray.recipe(path).get("untrained") else (other, path)
        shown = [(str(before), "Before training"), (str(after), "After training")]
        return {self.heading: gr.HTML(visible=True), self.pair: gr.Gallery(shown, visible=True)}

    def _once_more(self, here: Place, looking: str) -> Updates:
        made = _made(looking)
        work = TakePictures((made["shown"],), 1, tray.new_seed(), tray.sampling(made))
        self.desk.start(self.desk.subject(here), work)
        return {self.desk.seen: {}}

    def _untrained(self, here: Place, looking: str) -> Updates:
        made = _made(looking)
        subject = self.desk.subject(here)
        if tray.twin(Path(looking), tray.pictures(subject)):
            return self._pair(subject, Path(looking))
        untrained = not made.get("untrained")
        work = TakePictures((made["shown"],), 1, made["seed"], tray.sampling(made), untrained)
        self.desk.start(subject, work)
        return {self.desk.seen: {}}


def _made(looking: str) -> dict[str, Any]:
    made = tray.recipe(Path(looking)) if looking else {}
    if "shown" not in made:
        raise SubjectError("No picture is chosen.", "Tap a picture in the tray first.")
    return made
