"""How the front desk behaves when something goes wrong: a problem and a remedy, in words."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr

from booth.errors import BoothError, for_people
from booth.ui.words import plain

log = logging.getLogger(__name__)
Result = TypeVar("Result")


def spoken(error: BaseException) -> gr.Error:
    """Any error as a note to the person: the problem, and below it the remedy."""
    told = for_people(error)
    text = f"<b>{plain(told.problem)}</b><br>{plain(told.remedy)}"
    return gr.Error(text, title=told.problem, duration=12, print_exception=False)


def kindly(act: Callable[..., Result]) -> Callable[..., Result]:
    """`act`, a Gradio handler, with every error turned into a note; surprises go to the log."""

    @functools.wraps(act)
    def wrapped(*args: Any, **kwargs: Any) -> Result:
        try:
            return _or_skip(act(*args, **kwargs))
        except gr.Error:
            raise
        except BoothError as error:
            log.info("%s", type(error).__name__)
            raise spoken(error) from None
        except Exception as error:
            log.exception("a handler of the front desk failed")
            raise spoken(error) from None

    return wrapped


def quietly(act: Callable[..., Result]) -> Callable[..., Result]:
    """`act`, called by a timer: what goes wrong is logged and tried again at the next tick."""

    @functools.wraps(act)
    def wrapped(*args: Any, **kwargs: Any) -> Result:
        try:
            return _or_skip(act(*args, **kwargs))
        except Exception:
            log.exception("a look at the library failed")
            return gr.skip()

    return wrapped


def _or_skip(updates: Result) -> Result:
    """Nothing to update, said so that Gradio understands it."""
    return gr.skip() if isinstance(updates, dict) and not updates else updates
