"""Passages of a Markdown file that a command writes, between two marks that nobody sees."""

from __future__ import annotations

import re
from pathlib import Path

from booth import disk
from booth.errors import BoothError


def write(path: Path, name: str, text: str) -> None:
    """Replace the passage `name` of the file.

    Raises `BoothError` when the file does not have the passage's two marks, once each.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    whole = path.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(whole)) != 1:
        raise BoothError(f"{path.name} has no place for the table.", f"Add {begin} and {end}.")
    disk.write_bytes(path, pattern.sub(lambda _: f"{begin}\n{text}\n{end}", whole).encode())
