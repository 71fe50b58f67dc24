"""Plain words for people, and their own words made safe to stand in HTML."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote


def plain(text: str) -> str:
    """Somebody's text as HTML that can only ever be text.

    Every character but ASCII letters, digits and spaces becomes a numeric entity, so that
    neither HTML nor a template language finds anything to act on.
    """
    safe = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")
    return "".join(char if char in safe else f"&#{ord(char)};" for char in text)


def file_url(path: Path | str) -> str:
    """Where the browser finds a file of the library, safe to stand in an HTML attribute."""
    return "gradio_api/file=" + quote(str(path), safe="/")


def picture(path: Path | str, alt: str, extra: str = "") -> str:
    """An `<img>` of a file of the library; `extra` is markup of ours."""
    return f'<img src="{file_url(path)}" alt="{plain(alt)}" loading="lazy" {extra}>'


def duration(seconds: float) -> str:
    """A stretch of time as one would say it: "about 7 minutes"."""
    minutes = round(seconds / 60)
    if seconds < 50:
        return "less than a minute"
    if minutes < 100:
        return "about a minute" if minutes <= 1 else f"about {minutes} minutes"
    hours = seconds / 3600
    if hours < 36:
        return f"about {hours:.0f} hours"
    return f"about {hours / 24:.0f} days"


def count(number: int, noun: str) -> str:
    """A number with its noun: "1 photo", "4 photos"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def gigabytes(amount: float) -> str:
    """An amount of disk or memory."""
    return f"{amount:.1f} GB" if amount < 10 else f"{amount:.0f} GB"


def article(noun: str) -> str:
    """A noun with its article: "a dog", "an owl"."""
    return f"an {noun}" if noun[:1].lower() in "aeiou" else f"a {noun}"
