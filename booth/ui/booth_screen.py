"""Screen 6, the booth: tap an idea or type one, and pictures fall into the tray."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import gradio as gr

from booth import prompts
from booth.errors import PromptError, SubjectError
from booth.jobs import TakePictures
from booth.ledger import Job
from booth.library import Subject
from booth.ui import tray
from booth.ui.desk import Desk, Place, Screen, Updates, place
from booth.ui.report import Report, tell
from booth.ui.words import count, duration, plain

MOST_SEED = 2**31


class BoothScreen(Screen):
    """Where pictures are taken and looked at."""

    name = "booth"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        with gr.Column(visible=False, elem_classes="screen") as self.column:
            self.title = gr.HTML()
            with gr.Row(elem_classes="actions"):
                self.idea = gr.Textbox(
                    "",
                    label="Your own idea",
                    elem_id="idea",
                    scale=4,
                    max_length=prompts.LONGEST_PROMPT,
                )
                self._take = gr.Button(
                    "Take pictures", variant="primary", elem_classes="go", elem_id="take", scale=1
                )
            self._details()
            with gr.Row(visible=False, elem_classes="actions") as self.work:
                self.state = gr.HTML(elem_id="taking-state")
                self.stop = gr.Button("Stop", scale=0, min_width=100, elem_id="stop-taking")
                self.retry = gr.Button("Try again", scale=0, min_width=120, elem_id="retry")
            self._tray()
            self._cards()
        self._wire()

    def _details(self) -> None:
        with gr.Accordion("Details", open=False, elem_id="booth-details"):
            with gr.Row(elem_classes="fields"):
                self.count = gr.Number(4, label="Pictures of each idea", minimum=1, maximum=64,
                                       precision=0, elem_id="count")  # fmt: skip
                self.seed = gr.Number(None, label="Seed", info="Empty: a new one each time.",
                                      precision=0, elem_id="seed")  # fmt: skip
                self.guidance = gr.Number(7.5, label="Guidance", step=0.5,
                                          info="Higher: closer to the words.")  # fmt: skip
                self.steps = gr.Number(25, label="Steps", info="More: finer, slower.",
                                       minimum=1, maximum=1000, precision=0)  # fmt: skip

    def _tray(self) -> None:
        self.pictures = gr.Gallery(
            label="Pictures, newest first", columns=4, height="auto", object_fit="cover",
            interactive=False, buttons=["download", "fullscreen"], elem_id="tray",
        )  # fmt: skip
        self.chosen = gr.State("")
        with gr.Column(visible=False, elem_id="chosen") as self.chosen_box:
            self.recipe = gr.Textbox(label="How it was made", interactive=False, lines=2)
            with gr.Row(elem_classes="actions"):
                self._again = gr.Button("Again with another seed", size="sm", elem_id="again-seed")
                self._compare = gr.Button("Compare with the base model", size="sm",
                                          elem_id="compare")  # fmt: skip
                self.download = gr.DownloadButton("Download", size="sm", elem_id="download")
            self.pair = gr.Gallery(
                label="Before and after training, same seed", columns=2, height="auto",
                interactive=False, visible=False, buttons=["fullscreen"], elem_id="pair",
            )  # fmt: skip
        self.sheet_box = gr.Accordion("Contact sheet", open=False, visible=False, elem_id="sheet")
        with self.sheet_box:
            self.sheet = gr.Image(interactive=False, show_label=False, buttons=["fullscreen"])
            self.sheet_file = gr.DownloadButton("Download the contact sheet", size="sm")

    def _cards(self) -> None:
        gr.HTML('<div class="question"><h3>Or tap an idea</h3></div>')
        self.groups = [
            gr.Dataset(
                components=[gr.Textbox(visible=False)], samples=[[""]], type="index", label=title,
                samples_per_page=40, elem_classes="ideas", elem_id=f"cards-{key}",
            )
            for key, title in prompts.APPLICATIONS.items()
        ]  # fmt: skip
        with gr.Row(elem_classes="actions"):
            self.whole = gr.Button("Take the whole gallery", elem_id="whole")
            again = gr.Button("See the training", elem_id="see-training")
        self.desk.go(again.click, lambda at: place("training", at["subject"]), self.desk.place)

    def _wire(self) -> None:
        desk, here, parts = self.desk, self.desk.place, self.parts()
        details = [self.count, self.seed, self.guidance, self.steps]
        for event in (self._take.click, self.idea.submit):
            desk.on(event, self._own_idea, [here, self.idea, *details], parts)
        for key, group in zip(prompts.APPLICATIONS, self.groups, strict=True):
            take = self._card_taker(key)
            desk.on(group.click, take, [here, group, *details], parts)
        desk.on(self.whole.click, self._whole_gallery, [here, *details], parts)
        desk.on(self.pictures.select, self._choose, here, parts, show_progress="hidden")
        desk.on(self._again.click, self._once_more, [here, self.chosen], parts)
        desk.on(self._compare.click, self._untrained, [here, self.chosen], parts)
        desk.on(self.stop.click, self._stop, here, parts)
        desk.on(self.retry.click, self._retry, here, parts)

    def arrive(self, here: Place) -> Updates:
        """The subject's own cards, its base model's numbers, and its tray."""
        subject = self.desk.subject(here)
        defaults = tray.defaults(self.desk.library, subject)
        noun = subject.class_noun
        cards = [samples(noun, key) for key in prompts.APPLICATIONS]
        groups = {
            group: gr.Dataset(samples=[[title] for title, _ in found], visible=bool(found))
            for group, found in zip(self.groups, cards, strict=True)
        }
        whole = f"Take the whole gallery ({len(prompts.cards(noun))} pictures)"
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
            **self._hide_chosen(),
            **self.tick(here),
        }

    def tick(self, here: Place) -> Updates:
        """New pictures, and what the worker is at."""
        subject = self.desk.subject(here)
        sheets = tray.sheets(subject)
        newest = str(sheets[0]) if sheets else None
        return {
            self.pictures: [(str(p), tray.caption(tray.recipe(p))) for p in tray.pictures(subject)],
            self.sheet_box: gr.Accordion(visible=bool(sheets)),
            self.sheet: newest,
            self.sheet_file: gr.DownloadButton(value=newest),
            **self._work(subject),
        }

    def _work(self, subject: Subject) -> Updates:
        jobs = self.desk.library.ledger.jobs(subject.id, "take")
        waiting = [job for job in jobs if job.state in ("running", "queued")]
        job = waiting[-1] if waiting else next(iter(jobs), None)
        if job is None or job.state == "done":
            return {self.work: gr.Row(visible=False), self.state: ""}
        report = tell(self.desk.library.ledger.events(job))
        return {
            self.work: gr.Row(visible=True),
            self.state: working(job, report, len(waiting) - 1, self.desk.library.ledger.active()),
            self.stop: gr.Button("Stop" if waiting else "Dismiss"),
            self.retry: gr.Button(visible=not waiting),
        }

    def _hide_chosen(self) -> Updates:
        return {
            self.chosen: "",
            self.chosen_box: gr.Column(visible=False),
            self.pair: gr.Gallery(visible=False),
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
        asked = tuple(prompts.card_prompt(card, noun) for card in prompts.cards(noun))
        return self._ask(here, asked, (1, *details[1:]), sheet=True)

    def _once_more(self, here: Place, chosen: str) -> Updates:
        made = _made(chosen)
        work = TakePictures((made["shown"],), 1, new_seed(), tray.sampling(made))
        self.desk.start(self.desk.subject(here), work)
        return self._refreshed(here)

    def _untrained(self, here: Place, chosen: str) -> Updates:
        made = _made(chosen)
        subject = self.desk.subject(here)
        if tray.twin(Path(chosen), tray.pictures(subject)):
            return self._pair(subject, Path(chosen))
        untrained = not made.get("untrained")
        work = TakePictures((made["shown"],), 1, made["seed"], tray.sampling(made), untrained)
        self.desk.start(subject, work)
        return self._refreshed(here)

    def _ask(
        self, here: Place, asked: tuple[str, ...], details: tuple[Any, ...], sheet: bool = False
    ) -> Updates:
        how_many, seed, guidance, steps = details
        work = TakePictures(
            prompts=asked,
            count=int(how_many or 1),
            seed=new_seed() if seed is None else int(seed),
            sampling={"guidance_scale": float(guidance), "num_inference_steps": int(steps)},
            sheet=sheet,
        )
        self.desk.start(self.desk.subject(here), work)
        return self._refreshed(here)

    def _choose(self, here: Place, event: gr.SelectData) -> Updates:
        subject = self.desk.subject(here)
        path = tray.named(subject, Path(event.value["image"]["path"]).name)
        made = tray.recipe(path)
        return {
            self.chosen: str(path),
            self.chosen_box: gr.Column(visible=True),
            self.recipe: tray.described(made),
            self.download: gr.DownloadButton(value=str(path)),
            **self._pair(subject, path),
        }

    def _pair(self, subject: Subject, path: Path) -> Updates:
        other = tray.twin(path, tray.pictures(subject))
        if other is None:
            return {self.pair: gr.Gallery(visible=False)}
        both = sorted((path, other), key=lambda p: not tray.recipe(p).get("untrained"))
        shown = [(str(p), tray.caption(tray.recipe(p))) for p in both]
        return {self.pair: gr.Gallery(shown, visible=True)}

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
        (card.title, prompts.card_prompt(card, noun))
        for card in prompts.cards(noun)
        if card.application == application
    ]


def new_seed() -> int:
    """A seed nobody chose."""
    return secrets.randbelow(MOST_SEED)


def working(job: Job, report: Report, more: int, active: Job | None) -> str:
    """What the booth is at, in a line."""
    if job.state not in ("running", "queued"):
        why = f"{plain(job.problem)} {plain(job.remedy)}"
        return f'<div class="note bad"><b>These pictures were not finished.</b>{why}</div>'
    notices = "".join(f'<div class="note">{plain(text)}</div>' for text in report.notices)
    if job.state == "queued":
        other = active is not None and active.id != job.id and active.kind == "train"
        line = "Waiting until the training is over." if other else "Warming up the camera..."
    else:
        asked = len(job.spec["prompts"]) * int(job.spec["count"])
        line = f"Picture {min(len(report.pictures) + 1, asked)} of {asked}"
        left = report.seconds_left
        line += f" · {duration(left)} left" if left is not None else ""
    line += f" · {count(more, 'more idea')} waiting" if more > 0 else ""
    bar = f'<div class="bar"><i style="width:{report.fraction:.1%}"></i></div>'
    return f'{notices}<p class="progress-line">{line}</p>{bar}'


def _title(subject: Subject) -> str:
    return (
        f'<div class="question"><h2>Where shall {plain(subject.name)} go?</h2>'
        "<p>Tap an idea below, or type your own.</p></div>"
    )


def _made(chosen: str) -> dict[str, Any]:
    made = tray.recipe(Path(chosen)) if chosen else {}
    if "shown" not in made:
        raise SubjectError("No picture is chosen.", "Tap a picture in the tray first.")
    return made
