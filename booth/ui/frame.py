"""What every screen has on top: the curtain, the steps, and the ribbon while something runs."""

from __future__ import annotations

import gradio as gr

from booth.ledger import Job
from booth.ui.desk import HOME, Desk, Place, Screen, ScreenName, Updates, place
from booth.ui.report import LEARNING, Report, tell
from booth.ui.theme import RETITLE, SWITCH_LIGHT
from booth.ui.words import duration, plain

STEPS: tuple[tuple[ScreenName, str], ...] = (
    ("photos", "Photos"),
    ("kind", "Name"),
    ("ready", "Ready?"),
    ("training", "Training"),
    ("booth", "Pictures"),
)
BRAND = '<div class="brand">Birdie<small>your magic photo booth</small></div>'


class Frame(Screen):
    """The part of the page that stays."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        with gr.Row(elem_classes="curtain"):
            gr.HTML(BRAND)
            with gr.Row(elem_id="curtain-buttons"):
                home = gr.Button("Subjects", size="sm", elem_id="home")
                light = gr.Button("Light / dark", size="sm", elem_id="light")
        self.banner = gr.HTML(visible=False)
        with gr.Row(elem_classes="ribbon", visible=False) as self.ribbon:
            self.words = gr.HTML()
            watch = gr.Button("Watch", size="sm", scale=0, elem_id="watch")
        self.aloud = gr.HTML(elem_id="announce")
        self.steps = gr.HTML(visible=False)
        # nothing can be pressed before the page knows where it is
        self.opening = gr.HTML('<p class="soft" role="status">Opening the booth...</p>')
        desk.go(home.click, lambda: place("library"))
        desk.go(watch.click, self._watch, desk.place)
        self.aloud.change(None, js=RETITLE, api_visibility="private")
        light.click(None, js=SWITCH_LIGHT, api_visibility="private")

    def arrive(self, here: Place) -> Updates:
        """The steps as far as one has come, and the ribbon."""
        banner = look_only(self.desk)
        return {
            self.opening: gr.HTML(visible=False),
            self.banner: gr.HTML(banner, visible=bool(banner)),
            self.steps: gr.HTML(steps(here["screen"]), visible=here["screen"] != "library"),
            **self.tick(here),
        }

    def tick(self, here: Place, looking: str = "") -> Updates:
        """The ribbon, unless one is already looking at what it tells about."""
        job = self.desk.library.ledger.active()
        if job is None:
            return {self.ribbon: gr.Row(visible=False), self.words: "", self.aloud: ""}
        subject = self.desk.known(job.subject)
        name = subject.name if subject else "a subject"
        report = tell(self.desk.library.ledger.events(job))
        return {
            self.ribbon: gr.Row(visible=not _in_view(job, here)),
            self.words: ribbon(job, name, report),
            self.aloud: aloud(job, name, report),
        }

    def _watch(self, here: Place) -> Place:
        job = self.desk.library.ledger.active()
        if job is None:
            return HOME
        return place("training" if job.kind == "train" else "booth", job.subject)


def look_only(desk: Desk) -> str:
    """The banner of a window that may only look; empty in one that may write."""
    if desk.library.writable:
        return ""
    return (
        '<div class="banner" role="status">The library is in use by '
        f"{plain(desk.library.owner())}. This window can look but not change anything.</div>"
    )


def steps(screen: ScreenName) -> str:
    """The way through the booth, with where one stands marked."""
    names = [name for name, _ in STEPS]
    reached = names.index(screen) if screen in names else -1
    items = []
    for number, (_, title) in enumerate(STEPS):
        mark = ' class="past"' if number < reached else ""
        mark = ' aria-current="step"' if number == reached else mark
        items.append(f"<li{mark}>{title}</li>")
    return f'<ol class="steps" aria-label="Steps">{"".join(items)}</ol>'


def ribbon(job: Job, name: str, report: Report) -> str:
    """One line about the job that runs: what, whose, how far, how long."""
    parts = [f"<b>{_doing(job, name, report)}</b>"]
    if report.total:
        parts.append(f"{report.fraction:.0%}")
    if report.seconds_left is not None:
        parts.append(f"{duration(report.seconds_left)} left")
    bar = f'<div class="bar" aria-hidden="true"><i style="width:{report.fraction:.1%}"></i></div>'
    return f'<div class="ribbon-text">{" · ".join(parts)}{bar}</div>'


def aloud(job: Job, name: str, report: Report) -> str:
    """The same for a screen reader, in words that change only at every tenth of the way."""
    return f"{_doing(job, name, report)}, {int(report.fraction * 10) * 10} percent"


def _doing(job: Job, name: str, report: Report) -> str:
    who = plain(name)
    if job.state == "queued":
        return f"{who} is next"
    if job.kind == "take":
        return f"Taking pictures of {who}"
    return f"Learning {who}" if report.stage == LEARNING else f"{who}: {plain(report.stage)}"


def _in_view(job: Job, here: Place) -> bool:
    screen = "training" if job.kind == "train" else "booth"
    return here["screen"] == screen and here["subject"] == job.subject
