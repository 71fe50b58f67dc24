"""Screen 2, photos: take them in, say what is wrong with which, cut them square."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image, ImageDraw

from booth import prompts
from booth.crops import Crop, cut
from booth.errors import PhotoError
from booth.photos import Photo
from booth.ui.desk import Desk, Place, Screen, Updates, place
from booth.ui.drafts import Draft
from booth.ui.words import count, plain

QUESTION = (
    '<div class="question"><h2>Which photos?</h2>'
    "<p>Three to five are enough. Different days, poses and backgrounds; one subject, all of it "
    "in the picture.</p></div>"
)
MOST_ZOOM = 4.0
_NOT_PHOTOS = {"thumbs.db", "desktop.ini"}


class PhotosScreen(Screen):
    """Where photos come in and get their square crops."""

    name = "photos"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        with gr.Column(visible=False, elem_classes="screen") as self.column:
            gr.HTML(QUESTION)
            self.drop = gr.File(
                label="Drop photos here", file_count="multiple", height=170, elem_id="drop"
            )
            with gr.Row(elem_classes="others"):
                self._folder = gr.UploadButton(
                    "Choose a whole folder", file_count="directory", size="sm", elem_id="folder"
                )
                with gr.Accordion("Camera or clipboard", open=False, elem_id="camera"):
                    self.shot = gr.Image(
                        sources=["webcam", "clipboard"],
                        type="filepath",
                        format="png",
                        show_label=False,
                        height=280,
                    )
            self.notes = gr.HTML()
            with gr.Column(visible=False) as self.darkroom:
                self._crops()
            with gr.Row(elem_classes="actions"):
                self.next = gr.Button(
                    "Next", variant="primary", elem_classes="go", elem_id="photos-next"
                )
        self._wire()

    def _crops(self) -> None:
        gr.HTML("<h3>What the booth will see</h3><p class='soft'>Tap one to move its frame.</p>")
        self.squares = gr.Gallery(
            label="What the booth will see",
            show_label=False,
            columns=5,
            height="auto",
            allow_preview=False,
            interactive=False,
            object_fit="cover",
            buttons=[],
            elem_id="squares",
        )
        with gr.Row(elem_classes="crop"):
            self.frame = gr.Image(
                label="The bright part is kept",
                alt_text="The chosen photo; the bright part is kept",
                show_label=False,
                interactive=False,
                buttons=[],
                height=320,
            )
            with gr.Column():
                self.left = gr.Slider(0, 100, 50, step=1, label="Left or right", buttons=[])
                self.up = gr.Slider(0, 100, 50, step=1, label="Up or down", buttons=[])
                self.zoom = gr.Slider(1, MOST_ZOOM, 1, step=0.05, label="Closer", buttons=[])
                self.caption = gr.Textbox(
                    label="Where is it in this photo?",
                    info="What you name here is less likely to follow into other pictures.",
                    placeholder="on a white rug",
                    max_length=prompts.LONGEST_CAPTION,
                    elem_id="caption",
                )
                # the browser sends both of one photo, whichever is chosen by the time they arrive
                self.described = gr.Textbox(visible="hidden")
                self.remove = gr.Button("Leave this photo out", size="sm", elem_id="remove-photo")

    def _wire(self) -> None:
        desk, here, parts = self.desk, self.desk.place, self.parts()
        desk.on(self.drop.upload, self._add, [self.drop, here], parts, show_progress="minimal")
        desk.on(self.shot.input, self._shoot, [self.shot, here], parts)
        desk.on(
            self._folder.upload, self._add, [self._folder, here], parts, show_progress="minimal"
        )
        desk.on(self.squares.select, self._choose, here, parts)
        desk.on(self.remove.click, self._remove, here, parts)
        for slider in (self.left, self.up, self.zoom):
            desk.on(
                slider.input,
                self._move,
                [self.left, self.up, self.zoom, here],
                [self.squares, self.frame],
                trigger_mode="always_last",
            )
        said = [self.caption, self.described, here]
        for event in (self.caption.input, self.caption.blur):  # "input" is of keys only
            desk.on(event, self._describe, said, self.caption, trigger_mode="always_last")
        desk.go(self.next.click, self._next, here)

    def arrive(self, here: Place) -> Updates:
        """The draft's photos, if there are any yet."""
        return {**self._show(self.desk.drafts.open(here["draft"])), self.drop: None}

    def _shoot(self, path: str | None, here: Place) -> Updates:
        return {**self._add([path], here), self.shot: None} if path else {}

    def _add(self, paths: list[str], here: Place) -> Updates:
        draft = self.desk.drafts.open(here["draft"])
        chosen = [Path(path) for path in paths if _is_meant(Path(path))]
        draft.add(chosen, self._resolution())
        draft.chosen = max(0, len(draft.photos) - 1)
        return {**self._show(draft), self.drop: None}

    def _choose(self, here: Place, event: gr.SelectData) -> Updates:
        draft = self.desk.drafts.open(here["draft"])
        draft.chosen = int(event.index)
        return self._show(draft)

    def _remove(self, here: Place) -> Updates:
        draft = self.desk.drafts.open(here["draft"])
        draft.remove(draft.chosen, self._resolution())
        return self._show(draft)

    def _move(self, left: float, up: float, zoom: float, here: Place) -> Updates:
        draft = self.desk.drafts.open(here["draft"])
        crop = Crop(left / 100, up / 100, 1 / min(max(zoom, 1.0), MOST_ZOOM))
        draft.move_crop(draft.chosen, crop)
        return {
            self.squares: _squares(draft.photos),
            self.frame: framed(draft.photos[draft.chosen]),
        }

    def _describe(self, caption: str, path: str, here: Place) -> Updates:
        self.desk.drafts.open(here["draft"]).describe(Path(path), caption)
        return {}

    def _next(self, here: Place) -> Place:
        draft = self.desk.drafts.open(here["draft"])
        if not draft.photos:
            raise PhotoError("There are no photos yet.", "Add 3 to 5 photos of your subject.")
        return place("kind", draft=draft.id)

    def _show(self, draft: Draft) -> Updates:
        updates: Updates = {
            self.notes: notes(draft),
            self.darkroom: gr.Column(visible=bool(draft.photos)),
            self.next: next_label(draft),
        }
        if draft.photos:
            photo, path = draft.photos[draft.chosen], draft.paths[draft.chosen]
            updates |= {
                self.squares: gr.Gallery(_squares(draft.photos), selected_index=draft.chosen),
                self.frame: framed(photo),
                self.caption: draft.captions.get(path, ""),
                self.described: str(path),
                self.left: round(photo.crop.x * 100),
                self.up: round(photo.crop.y * 100),
                self.zoom: round(1 / photo.crop.size, 2),
            }
        return updates

    def _resolution(self) -> int:
        return self.desk.default_base().training_config("live").resolution


def next_label(draft: Draft) -> Any:
    """The button that leads on, and why it does not yet."""
    if not draft.photos:
        return gr.Button("Next - add a photo first", interactive=False)
    return gr.Button(f"Next, with {count(len(draft.photos), 'photo')}", interactive=True)


def notes(draft: Draft) -> str:
    """What to tell about the photos: the refused first, then warnings, then advice."""
    bad = [
        f'<div class="note bad"><b>{plain(error.problem)}</b>{plain(error.remedy)}</div>'
        for error in draft.refused
    ]
    warnings = [warning for photo in draft.photos for warning in photo.warnings]
    mild = [f'<div class="note">{plain(text)}</div>' for text in [*warnings, *draft.advice]]
    return "".join([*bad, *mild])


def framed(photo: Photo, longest: int = 640) -> Image.Image:
    """The whole photo with everything outside its crop darkened."""
    scale = min(1.0, longest / max(photo.image.size))
    size = tuple(max(1, round(side * scale)) for side in photo.image.size)
    bright = photo.image.resize(size)  # type: ignore[arg-type]
    dark = Image.blend(bright, Image.new("RGB", bright.size, (23, 18, 15)), 0.72)
    box = photo.crop.box(*bright.size)
    dark.paste(bright.crop(box), box[:2])
    left, top, right, bottom = box
    ImageDraw.Draw(dark).rectangle((left, top, right - 1, bottom - 1), outline="white", width=3)
    return dark


def _squares(taken: list[Photo]) -> list[tuple[Image.Image, str]]:
    return [(cut(photo.image, photo.crop, 256), photo.name) for photo in taken]


def _is_meant(path: Path) -> bool:
    """Whether somebody who chose a folder meant this file."""
    return not path.name.startswith(".") and path.name.lower() not in _NOT_PHOTOS
