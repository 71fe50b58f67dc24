"""Screen 3, name and kind: what the subject is called, and what it is."""

from __future__ import annotations

import gradio as gr

from booth import prompts
from booth.errors import SubjectError
from booth.library import LONGEST_NAME
from booth.ui.desk import Desk, Place, Screen, Updates, place

QUESTION = (
    '<div class="question"><h2>Who is this?</h2>'
    "<p>A name, so that you find it again, and what it is in one word.</p></div>"
)
QUICK = ("dog", "cat", "person", "rabbit", "stuffed animal", "teapot", "vase", "toy", "sneaker")
PEOPLE = frozenset("person man woman boy girl child baby adult people face bride groom".split())


class KindScreen(Screen):
    """Name and class noun of the draft."""

    name = "kind"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        with gr.Column(visible=False, elem_classes="screen") as self.column:
            gr.HTML(QUESTION)
            self.called = gr.Textbox(
                label="Name",
                info="Any language, emoji welcome.",
                placeholder="Rex",
                max_length=LONGEST_NAME,
                elem_id="subject-name",
            )
            self.noun = gr.Dropdown(
                [noun for noun, _ in prompts.CLASS_NOUNS],
                value=None,
                label="What is it?",
                info="Choose one, or type your own: one plain word, such as dog or teapot.",
                allow_custom_value=True,
                elem_id="class-noun",
            )
            self._quick = gr.Dataset(
                components=[gr.Textbox(visible=False)],
                samples=[[noun] for noun in QUICK],
                samples_per_page=len(QUICK),
                type="values",
                show_label=False,
                elem_classes="ideas",
            )
            self.consent = gr.Checkbox(
                label="This is me, or a grown-up who agreed to it.",
                visible=False,
                elem_id="consent",
            )
            with gr.Row(elem_classes="actions"):
                back = gr.Button("Back")
                self.next = gr.Button(
                    "Next", variant="primary", elem_classes="go", elem_id="kind-next"
                )
        desk.on(self._quick.click, lambda row: row[0], self._quick, self.noun)
        desk.on(self.noun.change, _asks_consent, self.noun, self.consent)
        words = [self.called, self.noun, self.consent, desk.place]
        desk.go(back.click, self._back, words)
        desk.go(self.next.click, self._next, words)
        desk.go(self.called.submit, self._next, words)

    def arrive(self, here: Place) -> Updates:
        """What was said before."""
        draft = self.desk.drafts.open(here["draft"])
        return {self.called: draft.name, self.noun: draft.class_noun or None}

    def _back(self, name: str, noun: str | None, consent: bool, here: Place) -> Place:
        draft = self.desk.drafts.open(here["draft"])
        draft.name, draft.class_noun = name, noun or ""
        return place("photos", draft=draft.id)

    def _next(self, name: str, noun: str | None, consent: bool, here: Place) -> Place:
        draft = self.desk.drafts.open(here["draft"])
        draft.name, draft.class_noun = name, noun or ""
        if not name.strip():
            raise SubjectError("Your subject needs a name.", "Any language, emoji welcome.")
        draft.class_noun = prompts.check_class_noun(noun or "")
        if is_person(draft.class_noun) and not consent:
            raise SubjectError(
                "A person has to agree first.",
                "Tick the box if this is you, or a grown-up who agreed to it.",
            )
        return place("ready", draft=draft.id)


def is_person(noun: str) -> bool:
    """Whether a class noun is about a human being."""
    return not PEOPLE.isdisjoint(noun.lower().split())


def _asks_consent(noun: str | None) -> gr.Checkbox:
    return gr.Checkbox(visible=is_person(noun or ""))
