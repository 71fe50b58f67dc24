"""Screen 1, the library: every subject, a new one, or a sample to play with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gradio as gr

from booth import catalogue, disk
from booth.library import Subject
from booth.ui.desk import Desk, Place, Screen, Updates, place
from booth.ui.report import tell
from booth.ui.words import count, picture, plain

AT_HOME = "Your photos stay on this computer."
ON_SPACE = (
    "This booth runs on a Space: whoever visits it sees the same library. "
    "Use the samples here, and run Birdie at home for your own photos."
)
WELCOME = """
<div class="hero">
  <h2>Step into the booth</h2>
  <p>Show Birdie three to five photos of your dog, your teapot, your favourite mug.
  It learns what makes it special, and then photographs it on the beach, in the snow,
  or painted by Van Gogh.</p>
  <p class="soft">{privacy}</p>
</div>
"""
TITLE = '<div class="question"><h2>Who is in front of the camera?</h2><p>{privacy}</p></div>'
SAMPLES_TITLE = (
    '<div class="question"><h3>Try it now with a sample</h3>'
    "<p>No photos at hand? Borrow a model. You go through the very same steps.</p></div>"
)


class LibraryScreen(Screen):
    """The shelf of subjects. Its cards are drawn anew whenever the shelf changes."""

    name = "library"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        with gr.Column(visible=False, elem_classes="screen") as self.column:
            self.shelf = gr.State([])
            self.title = gr.HTML(_with_privacy(WELCOME))
            self.new = gr.Button(
                "New subject", variant="primary", elem_classes="go", elem_id="new-subject"
            )
            gr.render(inputs=self.shelf, triggers=[self.shelf.change])(self._draw)
            self._samples()
        desk.go(self.new.click, lambda: place("photos", draft=desk.drafts.new().id))

    def arrive(self, here: Place) -> Updates:
        """The shelf as it stands."""
        shelf = [card_facts(self.desk, subject) for subject in self.desk.library.subjects()]
        return {self.shelf: shelf, self.title: _with_privacy(TITLE if shelf else WELCOME)}

    def tick(self, here: Place, looking: str = "") -> Updates:
        """A card changes when its training does."""
        return self.arrive(here)

    def _draw(self, shelf: list[dict[str, Any]]) -> None:
        with gr.Row(elem_classes="shelf"):
            for facts in shelf:
                with gr.Column(elem_classes="subject-card"):
                    self._card(facts)

    def _card(self, facts: dict[str, Any]) -> None:
        desk, subject_id = self.desk, facts["id"]
        gr.HTML(card(facts))
        opened = gr.Button("Open", size="sm", elem_classes="open-subject")
        with gr.Accordion("Rename or delete", open=False):
            name = gr.Textbox(facts["name"], label="Name", max_length=60, interactive=True)
            rename = gr.Button("Rename", size="sm")
            delete = gr.Button("Delete...", size="sm", variant="stop")
            with gr.Group(visible=False) as sure:
                gr.HTML(f'<div class="note bad">{_last_words(facts)}</div>')
                yes = gr.Button("Delete for good", size="sm", variant="stop")
                no = gr.Button("Keep", size="sm")
        desk.go(opened.click, lambda: desk.home_of(desk.subject(place("library", subject_id))))
        desk.on(rename.click, lambda text: self._rename(subject_id, text), name, self.parts())
        desk.on(delete.click, lambda: gr.Group(visible=True), None, sure)
        desk.on(no.click, lambda: gr.Group(visible=False), None, sure)
        desk.on(yes.click, lambda: self._delete(subject_id), None, self.parts())

    def _rename(self, subject_id: str, name: str) -> Updates:
        here = place("library", subject_id)
        self.desk.library.rename(self.desk.subject(here), name)
        return self.anew(here)

    def _delete(self, subject_id: str) -> Updates:
        here = place("library", subject_id)
        self.desk.library.remove(self.desk.subject(here))
        return self.anew(here)

    def _samples(self) -> None:
        found = samples()
        if not found:
            return
        gr.HTML(SAMPLES_TITLE)
        with gr.Row(elem_classes="shelf"):
            for folder in found:
                facts = disk.read_json(folder / "subject.json")
                with gr.Column(elem_classes="subject-card"):
                    gr.HTML(sample_card(folder, facts))
                    words = f"Try with {facts['name']}"
                    button = gr.Button(words, size="sm", elem_classes="sample")
                self.desk.go(button.click, lambda folder=folder: self._borrow(folder))

    def _borrow(self, folder: Path) -> Place:
        facts = disk.read_json(folder / "subject.json")
        draft = self.desk.drafts.new()
        draft.add(_sample_photos(folder), 128)
        draft.captions = dict(zip(draft.paths, facts["captions"], strict=True))
        draft.name, draft.class_noun = facts["name"], facts["class_noun"]
        return place("photos", draft=draft.id)


def _with_privacy(words: str) -> str:
    """The words with where the photos stay; a Space is somebody else's computer."""
    return words.replace("{privacy}", ON_SPACE if "SPACE_ID" in os.environ else AT_HOME)


def samples() -> list[Path]:
    """The folders of the samples that ship with the booth."""
    return sorted(path.parent for path in catalogue.assets().glob("samples/*/subject.json"))


def state_words(desk: Desk, subject: Subject) -> tuple[str, str]:
    """How a subject stands, in words, and the colour of its chip."""
    job = desk.library.training(subject)
    if job is None or job.state == "done":
        return ("Ready for pictures", "ok") if subject.weights else ("Not trained yet", "")
    if job.state == "queued":
        return "Waiting for its turn", "busy"
    if job.state == "running":
        return "Learning now", "busy"
    report = tell(desk.library.ledger.events(job))
    at = f" at step {report.step} of {report.steps}" if report.steps else ""
    words = {"paused": "Paused", "interrupted": "Stopped", "failed": "Stopped by a problem"}
    return f"{words[job.state]}{at}", "warn"


def card_facts(desk: Desk, subject: Subject) -> dict[str, Any]:
    """What a subject's card shows."""
    words, chip = state_words(desk, subject)
    return {
        "id": subject.id,
        "name": subject.name,
        "noun": subject.class_noun,
        "cover": str(subject.cover or ""),
        "photos": len(subject.photos),
        "pictures": len(subject.pictures),
        "state": words,
        "chip": chip,
    }


def card(facts: dict[str, Any]) -> str:
    """A subject's card; the name is text and nothing else."""
    cover = picture(facts["cover"], f"A photo of {facts['name']}", 'class="cover"')
    taken = f"<span>{count(facts['pictures'], 'picture')}</span>" if facts["pictures"] else ""
    return (
        f"{cover if facts['cover'] else ''}<h3>{plain(facts['name'])}</h3>"
        f"<p><span>{plain(facts['noun'])}</span>{taken}"
        f'<span class="chip {facts["chip"]}">{facts["state"]}</span></p>'
    )


def sample_card(folder: Path, facts: dict[str, Any]) -> str:
    """A sample's card: its four photos in a fan."""
    alt = f"{facts['name']}, {facts['class_noun']}"
    fan = "".join(picture(path, alt) for path in _sample_photos(folder)[:4])
    return (
        f'<div class="strip"><div class="fan">{fan}</div></div>'
        f"<h3>{plain(facts['name'])}</h3><p>{plain(facts['class_noun'])}</p>"
    )


def _sample_photos(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.png"))


def _last_words(facts: dict[str, Any]) -> str:
    also = f" and {count(facts['pictures'], 'picture')}" if facts["pictures"] else ""
    return (
        f"<b>Delete {plain(facts['name'])}?</b>{count(facts['photos'], 'photo')}{also} "
        "and everything learnt go with it. This cannot be undone."
    )
