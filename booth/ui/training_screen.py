"""Screen 5, training: how far it is, what it looks like by now, and how to stop or go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr
import pandas as pd

from booth.errors import SubjectError
from booth.ledger import Job
from booth.library import Subject
from booth.ui.desk import Desk, Place, Screen, Updates, place
from booth.ui.previews import newest, proof_sheet
from booth.ui.report import LEARNING, Report, curve, tell
from booth.ui.words import duration, plain

LEAVE = (
    '<p class="soft">You can close this page. The booth goes on without you; '
    "come back whenever you like.</p>"
)
STOPPING = (
    '<div class="note"><b>Stop how?</b>Finish now: what it has learnt so far becomes the result. '
    "Throw away: this training is gone, your photos stay.</div>"
)


@dataclass(frozen=True)
class Choices:
    """What can be done with a training as it stands."""

    pause: bool = False
    stop: bool = False
    resume: bool = False
    finish: bool = False
    discard: bool = False
    pictures: bool = False
    again: bool = False


class TrainingScreen(Screen):
    """One training, told from disk, so that any page at any time shows the truth."""

    name = "training"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        with gr.Column(visible=False, elem_classes="screen") as self.column:
            self.title = gr.HTML()
            self.state = gr.HTML(elem_id="training-state")
            self._buttons()
            self.newest = gr.HTML(elem_id="newest")
            with gr.Column(visible=False) as self.sheet_box:
                gr.HTML("<h3>Proof sheet</h3>")
                self.sheet = gr.HTML(elem_id="proof-sheet")
            with gr.Accordion("How well it is learning", open=False, elem_id="learning"):
                gr.HTML(
                    '<p class="soft">The error while it practises, smoothed. It jumps about; a '
                    "slow fall is all one can ask of it. The pictures above tell more.</p>"
                )
                self.curve = gr.LinePlot(
                    x="step", y="loss", color="what", height=260, show_label=False,
                    x_title="step", y_title="error", color_title="on",
                    color_map={"your photos": "#b4233c", "other examples": "#8a7a6d"},
                )  # fmt: skip
        self._wire()

    def _buttons(self) -> None:
        with gr.Row(elem_classes="actions") as self.row:
            self.resume = _button("Continue", "resume", "primary")
            self.pictures = _button("Take pictures", "to-booth", "primary")
            self.pause = _button("Pause", "pause")
            self.stop = _button("Stop...", "stop")
            self.finish = _button("Finish with what we have", "finish")
            self.again = _button("Teach once more", "again")
            self.discard = _button("Throw away", "discard", "stop")
        with gr.Column(visible=False) as self.stopping:
            gr.HTML(STOPPING)
            with gr.Row(elem_classes="actions"):
                self.finish_now = _button("Finish now", "finish-now")
                self.discard_now = _button("Throw away", "discard-now", "stop")
                self.keep_on = _button("Keep going", "keep-going", visible=True)

    def _wire(self) -> None:
        desk, here, parts = self.desk, self.desk.place, self.parts()
        desk.on(self.resume.click, self._doing(desk.resume), here, parts)
        desk.on(self.pause.click, self._doing(lambda job: desk.stop(job, "pause")), here, parts)
        for button in (self.finish, self.finish_now):
            finish = self._doing(lambda job: desk.stop(job, "finish"))
            desk.on(button.click, finish, here, parts)
        for button in (self.discard, self.discard_now):
            desk.go(button.click, self._discard, here)
        desk.on(self.stop.click, lambda: gr.Column(visible=True), None, self.stopping)
        desk.on(self.keep_on.click, lambda: gr.Column(visible=False), None, self.stopping)
        desk.go(self.pictures.click, lambda at: place("booth", at["subject"]), here)
        desk.go(self.again.click, lambda at: place("ready", at["subject"]), here)

    def arrive(self, here: Place) -> Updates:
        """The newest training of the subject, as the ledger tells it."""
        subject = self.desk.subject(here)
        title = f"<h2>{plain(subject.name)} in the darkroom</h2>"
        return {
            self.title: f'<div class="question">{title}</div>',
            self.stopping: gr.Column(visible=False),
            **self.tick(here),
        }

    def tick(self, here: Place, looking: str = "") -> Updates:
        """State, buttons, pictures and curve."""
        subject = self.desk.subject(here)
        job = self.desk.library.training(subject)
        report = tell(self.desk.library.ledger.events(job)) if job else Report()
        can = choices(job, report)
        sheet = proof_sheet(report)
        return {
            self.state: state(job, subject, report),
            self.newest: newest(report),
            self.sheet: sheet,
            self.sheet_box: gr.Column(visible=bool(sheet)),
            self.curve: pd.DataFrame(curve(report), columns=["step", "loss", "what"]),
            **self._show(can),
        }

    def _show(self, can: Choices) -> Updates:
        shown = {
            self.pause: can.pause, self.stop: can.stop, self.resume: can.resume,
            self.finish: can.finish, self.discard: can.discard, self.pictures: can.pictures,
            self.again: can.again, self.finish_now: can.stop, self.discard_now: can.stop,
        }  # fmt: skip
        updates: Updates = {b: gr.Button(visible=visible) for b, visible in shown.items()}
        return updates if can.stop else {**updates, self.stopping: gr.Column(visible=False)}

    def _doing(self, act: Callable[[Job], None]) -> Callable[[Place], Updates]:
        def handler(here: Place) -> Updates:
            act(self._job(here))
            return self.anew(here)

        return handler

    def _discard(self, here: Place) -> Place:
        self.desk.stop(self._job(here), "discard")
        return place("library")

    def _job(self, here: Place) -> Job:
        job = self.desk.library.training(self.desk.subject(here))
        if job is None:
            raise SubjectError("There is no training any more.", "Go back to the library.")
        return job


def choices(job: Job | None, report: Report) -> Choices:
    """What can be done with a training: always at least one thing."""
    if job is None:
        return Choices(again=True)
    if job.state in ("queued", "running"):
        return Choices(pause=True, stop=True)
    if job.state == "done":
        return Choices(pictures=True, again=True)
    saved = report.saved > 0 or (job.state == "paused" and report.step > 0)
    return Choices(resume=True, finish=saved, discard=True)


def state(job: Job | None, subject: Subject, report: Report) -> str:
    """How a training stands, in a sentence, with a bar while it runs."""
    if job is None:
        return '<p class="progress-line">Not trained yet.</p>'
    heard = "".join(f'<p class="soft">{plain(text)}</p>' for text in report.notices)
    at = f" at step {report.step} of {report.steps}" if report.steps else ""
    if job.state == "done":
        learnt = f"{plain(subject.name)} is ready. It practised {report.step} steps."
        return f'<div class="note ok"><b>{learnt}</b>Now for the fun: take pictures.</div>{heard}'
    if job.state == "paused":
        return f'<div class="note"><b>Paused{at}.</b>Everything so far is kept.</div>{heard}'
    if job.state in ("interrupted", "failed"):
        why = f"{plain(job.problem)} {plain(job.remedy)}"
        return f'<div class="note bad"><b>Stopped{at}.</b>{why}</div>{heard}'
    return _under_way(job, report) + heard + LEAVE


def _under_way(job: Job, report: Report) -> str:
    if job.state == "queued" and not report.losses:
        line = "Waiting for its turn."
    elif report.stage == LEARNING:
        line = f"Learning: step {report.step} of {report.steps}"
    elif report.total > 1:
        line = f"{plain(report.stage)}: {report.fraction:.0%}"
    else:
        line = plain(report.stage or "Getting ready")
    left = report.seconds_left
    line += f" · {duration(left)} left" if left is not None else ""
    percent = f"{report.fraction:.1%}"
    return (
        f'<p class="progress-line">{line}</p>'
        '<div class="bar" role="progressbar" aria-label="Progress" '
        f'aria-valuenow="{report.fraction * 100:.0f}"><i style="width:{percent}"></i></div>'
    )


def _button(label: str, name: str, variant: str = "secondary", visible: bool = False) -> gr.Button:
    return gr.Button(label, variant=variant, visible=visible, elem_id=name, min_width=120)
