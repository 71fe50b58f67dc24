"""Screen 4, ready: what will happen, with which model, how long; and the start button."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from booth import catalogue, jobs, machine, memory
from booth.catalogue import BaseModel
from booth.config import TrainingConfig, to_dict
from booth.errors import BaseModelError, BoothError, Busy
from booth.ledger import ACTIVE
from booth.prompts import kind_of
from booth.ui import fields, forecast
from booth.ui.desk import Desk, Place, Screen, Updates, place
from booth.ui.library_screen import samples
from booth.ui.words import plain

OTHER = "another"


@dataclass(frozen=True)
class Sitter:
    """Who is about to be learnt: a draft, or a subject to teach once more."""

    name: str
    class_noun: str
    photos: int
    drawn: bool  # from Toybox's world, or has been there: needs no warning of it


class ReadyScreen(Screen):
    """The last look before a training."""

    name = "ready"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        with gr.Column(visible=False, elem_classes="screen") as self.column:
            self.question = gr.HTML()
            self.base = gr.Radio(
                [(f"{row.title}: {row.sentence}", row.key) for row in catalogue.CATALOGUE]
                + [("Another model of your own", OTHER)],
                value="toybox",
                label="Which model learns?",
                elem_id="base-model",
            )
            self.other = gr.Textbox(
                "",
                label="Folder or Hub name",
                info="A folder in diffusers layout, a .safetensors file, or owner/name on "
                "huggingface.co.",
                visible=False,
                elem_id="other-model",
            )
            self.filled = gr.State("")  # the model whose numbers the fields show
            self.summary = gr.HTML(elem_id="summary")
            self.looking = gr.Timer(2.0, active=False)
            with gr.Accordion("Details", open=False, elem_id="details"):
                self.fields = fields.build()
            with gr.Row(elem_classes="actions"):
                self.back = gr.Button("Back")
                self.start = gr.Button(
                    "Start", variant="primary", elem_classes="go", elem_id="start-training"
                )
        self._wire()

    def _wire(self) -> None:
        desk, here = self.desk, self.desk.place
        everything = [here, self.base, self.other, *self.fields]
        shown = [self.other, self.filled, self.summary, *self.fields]
        choice = [here, self.base, self.other, self.filled]
        for event in (self.base.input, self.other.submit, self.other.blur):
            desk.on(event, self._chosen, choice, shown)
        for item in self.fields:
            desk.on(item.input, self._edited, everything, self.summary)
        desk.on(self.looking.tick, self._looked, here, self.parts())
        desk.go(self.start.click, self._start, everything)
        desk.go(self.back.click, self._back, here)

    def arrive(self, here: Place) -> Updates:
        """Sensible defaults for this subject on this computer."""
        sitter = self._sitter(here)
        base = self.desk.default_base()
        if sitter.drawn:
            base = catalogue.find("toybox")
        config = self._config(base, sitter)
        title = f'<div class="question"><h2>Ready to learn {plain(sitter.name)}?</h2></div>'
        return {
            self.question: title,
            self.base: base.key,
            self.filled: base.key,
            self.other: gr.Textbox(visible=False),
            self.summary: self._summary(base, config, sitter),
            self.start: f"Start learning {sitter.name}",
            self.looking: gr.Timer(active=machine.read(self.desk.library.root) is None),
            **dict(zip(self.fields, fields.values(config), strict=True)),
        }

    def _looked(self, here: Place) -> Updates:
        """Once the computer is known, plan for it."""
        known = machine.read(self.desk.library.root) is not None
        return self.arrive(here) if known and here["screen"] == self.name else {}

    def _chosen(self, here: Place, key: str, other: str | None, filled: str) -> Updates:
        """Another model: its own defaults. The same model again: what was typed stays."""
        visible = {self.other: gr.Textbox(visible=key == OTHER)}
        if key == OTHER and not (other or "").strip():
            return {**visible, self.summary: '<p class="soft">Which one?</p>'}
        sitter = self._sitter(here)
        base = catalogue.find((other or "").strip() if key == OTHER else key)
        if base.key == filled:
            return visible
        config = self._config(base, sitter)
        return {
            **visible,
            self.filled: base.key,
            self.summary: self._summary(base, config, sitter),
            **dict(zip(self.fields, fields.values(config), strict=True)),
        }

    def _edited(self, here: Place, key: str, other: str | None, *shown: Any) -> Updates:
        try:
            base = _base(key, other)
            config = fields.read(base.key, list(shown))
        except BoothError as error:
            return {self.summary: f'<div class="note bad">{plain(str(error))}</div>'}
        return {self.summary: self._summary(base, config, self._sitter(here))}

    def _start(self, here: Place, key: str, other: str | None, *shown: Any) -> Place:
        self.desk.must_write()
        config = fields.read(_base(key, other).key, list(shown))
        if machine.read(self.desk.library.root) is None:
            raise Busy(
                "The booth is still looking at this computer.", "Wait a few seconds, then start."
            )
        subject = self.desk.known(here["subject"])
        if subject is None:
            draft = self.desk.drafts.open(here["draft"])
            subject = self.desk.library.create(draft.name, draft.class_noun, draft.captioned)
            self.desk.drafts.forget(draft.id)
        job = self.desk.library.training(subject)
        if job is None or job.state not in ACTIVE:  # else another tab was quicker
            self.desk.start(subject, jobs.TrainSubject(to_dict(config)))
        return place("training", subject.id)

    def _back(self, here: Place) -> Place:
        if here["draft"]:
            return place("kind", draft=here["draft"])
        return place("booth" if self.desk.subject(here).weights else "library", here["subject"])

    def _config(self, base: BaseModel, sitter: Sitter) -> TrainingConfig:
        config = base.training_config(kind_of(sitter.class_noun))
        here = machine.read(self.desk.library.root)
        return memory.plan(base, config, here).config if here else config

    def _summary(self, base: BaseModel, config: TrainingConfig, sitter: Sitter) -> str:
        root, ledger = self.desk.library.root, self.desk.library.ledger
        will = forecast.will_happen(sitter.name, sitter.class_noun, sitter.photos, config)
        drawn = base.key == "toybox" and not sitter.drawn
        note = f'<div class="note">{plain(forecast.DRAWN_WORLD)}</div>' if drawn else ""
        rows = forecast.rows(base, config, machine.read(root), ledger, root)
        return f'{note}<p class="progress-line">{plain(will)}</p>{forecast.checklist(rows)}'

    def _sitter(self, here: Place) -> Sitter:
        subject = self.desk.known(here["subject"])
        if subject is None:
            draft = self.desk.drafts.open(here["draft"])
            drawn = any(path.is_relative_to(folder) for path in draft.paths for folder in samples())
            return Sitter(draft.name, draft.class_noun, len(draft.photos), drawn)
        knows_toybox = self.desk.library.training(subject) is not None
        return Sitter(subject.name, subject.class_noun, len(subject.photos), knows_toybox)


def _base(key: str, other: str | None) -> BaseModel:
    if key == OTHER and not (other or "").strip():
        raise BaseModelError("No model is chosen.", "Type a folder or a Hub name, or pick Toybox.")
    return catalogue.find((other or "").strip() if key == OTHER else key)
