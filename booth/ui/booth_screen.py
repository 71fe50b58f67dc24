"""Screen 6, the booth: tap an idea or type one, and pictures fall into the tray."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.blocks import Block

from booth import gallery, prompts
from booth.errors import PromptError
from booth.jobs import TakePictures
from booth.ledger import Job
from booth.library import Subject
from booth.ui import fields, tray
from booth.ui.desk import Desk, Place, Screen, Updates, place
from booth.ui.light_table import LightTable
from booth.ui.report import Report, tell
from booth.ui.theme import TO_TRAY
from booth.ui.words import plain


class BoothScreen(Screen):
    """Where pictures are taken and looked at."""

    name = "booth"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        with gr.Column(visible=False, elem_classes="screen") as self.column:
            self.title = gr.HTML()
            with gr.Row(elem_classes="booth"):
                with gr.Column(scale=2, min_width=300):
                    self._ideas()
                with gr.Column(scale=3, min_width=300, elem_id="tray-side"):
                    self._tray()
        self._wire()

    def _ideas(self) -> None:
        self.idea = gr.Textbox(
            "",
            label="Your own idea",
            elem_id="idea",
            lines=2,
            max_length=prompts.LONGEST_PROMPT,
        )
        self._take = gr.Button(
            "Take pictures", variant="primary", elem_classes="go", elem_id="take"
        )
        self._details()
        gr.HTML('<div class="question"><h3>Or tap an idea</h3></div>')
        self.groups = [
            gr.Dataset(
                components=[gr.Textbox(visible=False)],
                samples=[[""]],
                type="index",
                label=title,
                samples_per_page=40,
                elem_classes="ideas",
                elem_id=f"cards-{key}",
            )
            for key, title in gallery.APPLICATIONS.items()
        ]
        self.whole = gr.Button("Take the whole gallery", elem_id="whole")

    def _details(self) -> None:
        with gr.Accordion("Details", open=False, elem_id="booth-details"):
            with gr.Row(elem_classes="fields"):
                self.count = gr.Number(4, label="Pictures of each idea", elem_id="count")
                self.seed = gr.Textbox(
                    "", label="Seed", info="Empty: a new one each time.", elem_id="seed"
                )
                self.guidance = gr.Number(
                    7.5, label="Guidance", info="Higher: closer to the words.", step=0.5
                )
                self.steps = gr.Number(25, label="Steps", info="More: finer, slower.")

    def _tray(self) -> None:
        with gr.Row(visible=False, elem_classes="actions work") as self.work:
            self.state = gr.HTML(elem_id="taking-state")
            self.stop = gr.Button("Stop", scale=0, min_width=100, elem_id="stop-taking")
            self.retry = gr.Button("Try again", scale=0, min_width=120, elem_id="retry")
        self.empty = gr.HTML('<div class="empty">Your pictures fall in here.</div>')
        self.pictures = gr.Gallery(
            label="Pictures, newest first",
            show_label=False,
            columns=3,
            height="auto",
            object_fit="cover",
            interactive=False,
            buttons=["download", "fullscreen"],
            elem_id="tray",
        )
        self.table = LightTable(self.desk)
        self.sheet_box = gr.Accordion("Contact sheet", open=False, visible=False, elem_id="sheet")
        with self.sheet_box:
            self.sheet = gr.Image(interactive=False, show_label=False, alt_text="Contact sheet")
            self.sheet_file = gr.DownloadButton("Download the contact sheet", size="sm")
        training = gr.Button("See the training", size="sm", elem_id="see-training")
        self.desk.go(training.click, lambda at: place("training", at["subject"]), self.desk.place)

    def _wire(self) -> None:
        desk, here, parts = self.desk, self.desk.place, self.parts()
        details = [self.count, self.seed, self.guidance, self.steps]
        for event in (self._take.click, self.idea.submit):
            desk.on(event, self._own_idea, [here, self.idea, *details], parts, then=TO_TRAY)
        for key, group in zip(gallery.APPLICATIONS, self.groups, strict=True):
            take = self._card_taker(key)
            desk.on(group.click, take, [here, group, *details], parts, then=TO_TRAY)
        desk.on(self.whole.click, self._whole_gallery, [here, *details], parts, then=TO_TRAY)
        self.table.wire(self.pictures, parts)
        desk.on(self.stop.click, self._stop, here, parts)
        desk.on(self.retry.click, self._retry, here, parts)

    def parts(self) -> list[Block]:
        """The light table's parts are the screen's too."""
        return [*super().parts(), *self.table.parts()[:-2]]

    def arrive(self, here: Place) -> Updates:
        """The subject's own cards, its base model's numbers, and its tray."""
        subject = self.desk.subject(here)
        defaults = tray.defaults(self.desk.library, subject)
        noun = subject.class_noun
        cards = [samples(noun, key) for key in gallery.APPLICATIONS]
        groups = {
            group: gr.Dataset(samples=[[title] for title, _ in found], visible=bool(found))
            for group, found in zip(self.groups, cards, strict=True)
        }
        whole = f"Take the whole gallery ({len(gallery.cards(noun))} pictures)"
        return {
            self.title: _title(subject),
            self.idea: gr.Textbox(
                placeholder=f"a [V] {noun} on the moon",
                info=f"[V] stands for {subject.name}. Describe where, how, in which style.",
            ),
            self.guidance: defaults.guidance_scale,
            self.steps: defaults.num_inference_steps,
            self.whole: whole,
            **groups,
            **self.table.clear(),
            **self.tick(here),
        }

    def tick(self, here: Place, looking: str = "") -> Updates:
        """New pictures, and what the worker is at."""
        subject = self.desk.subject(here)
        taken = tray.pictures(subject)
        sheets = tray.sheets(subject)
        newest = str(sheets[0]) if sheets else None
        return {
            self.pictures: tray.gallery(taken, looking),
            self.empty: gr.HTML(visible=not taken),
            self.sheet_box: gr.Accordion(visible=bool(sheets)),
            self.sheet: newest,
            self.sheet_file: gr.DownloadButton(value=newest),
            **self._work(subject),
            **self.table.tick(here, looking),
        }

    def _work(self, subject: Subject) -> Updates:
        jobs = self.desk.library.ledger.jobs(subject.id, "take")
        waiting = [job for job in jobs if job.state in ("running", "queued")]
        job = waiting[-1] if waiting else next(iter(jobs), None)
        report = tell(self.desk.library.ledger.events(job)) if job else Report()
        if job is None or job.state == "done":
            heard = tray.heard(report)
            return {
                self.work: gr.Row(visible=bool(heard)),
                self.state: heard,
                self.stop: gr.Button(visible=False),
                self.retry: gr.Button(visible=False),
            }
        return {
            self.work: gr.Row(visible=True),
            self.state: tray.working(
                job, report, len(waiting) - 1, self.desk.library.ledger.active()
            ),
            self.stop: gr.Button("Stop" if waiting else "Dismiss", visible=True),
            self.retry: gr.Button(visible=not waiting),
        }

    def _card_taker(self, application: str) -> Any:
        def take(here: Place, index: int, *details: Any) -> Updates:
            subject = self.desk.subject(here)
            _, prompt = samples(subject.class_noun, application)[int(index)]
            return self._ask(here, (prompt,), details)

        return take

    def _own_idea(self, here: Place, idea: str, *details: Any) -> Updates:
        if not (idea or "").strip():
            raise PromptError("There is no idea to photograph yet.", "Type one, or tap a card.")
        return self._ask(here, (idea,), details)

    def _whole_gallery(self, here: Place, *details: Any) -> Updates:
        noun = self.desk.subject(here).class_noun
        asked = tuple(gallery.card_prompt(card, noun) for card in gallery.cards(noun))
        return self._ask(here, asked, (1, *details[1:]), sheet=True)

    def _ask(
        self, here: Place, asked: tuple[str, ...], details: tuple[Any, ...], sheet: bool = False
    ) -> Updates:
        how_many, seed, guidance, steps = details
        work = TakePictures(
            prompts=asked,
            count=fields.number("Pictures of each idea", how_many, int, (1, 64)),
            seed=tray.chosen_seed(seed),
            sampling={
                "guidance_scale": fields.number("Guidance", guidance, float, (0, 50)),
                "num_inference_steps": fields.number("Steps", steps, int, (1, 1000)),
            },
            sheet=sheet,
        )
        self.desk.start(self.desk.subject(here), work)
        return self._refreshed(here)

    def _stop(self, here: Place) -> Updates:
        for job in self._unfinished(here):
            self.desk.stop(job, "discard")
        return self._refreshed(here)

    def _retry(self, here: Place) -> Updates:
        for job in self._unfinished(here)[:1]:
            self.desk.resume(job)
        return self._refreshed(here)

    def _unfinished(self, here: Place) -> list[Job]:
        jobs = self.desk.library.ledger.jobs(self.desk.subject(here).id, "take")
        return [job for job in jobs if job.state != "done"]

    def _refreshed(self, here: Place) -> Updates:
        return {**self._work(self.desk.subject(here)), self.desk.seen: {}}


def samples(noun: str, application: str) -> list[tuple[str, str]]:
    """The cards of one application that suit a class noun: (title, prompt)."""
    return [
        (card.title, gallery.card_prompt(card, noun))
        for card in gallery.cards(noun)
        if card.application == application
    ]


def _title(subject: Subject) -> str:
    return (
        f'<div class="question"><h2>Where shall {plain(subject.name)} go?</h2>'
        "<p>Tap an idea below, or type your own.</p></div>"
    )
