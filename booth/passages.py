"""Passages of a Markdown file that a command writes, between two marks that nobody sees."""

from __future__ import annotations

from pathlib import Path

from booth import disk
from booth.errors import BoothError


def check(path: Path, name: str) -> tuple[str, str]:
    """What stands before the passage `name` of the file and after it, marks included.

    Raises `BoothError` when the file does not have both marks, once each and in their order.
    """
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    try:
        whole = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BoothError(f"{path} cannot be read.", "Name a Markdown file.") from error
    before, _, rest = whole.partition(begin)
    _, _, after = rest.partition(end)
    if (whole.count(begin), rest.count(end), whole.count(end)) != (1, 1, 1):
        raise BoothError(
            f"{path.name} has no place for the table.", f"It needs {begin} and {end}, once each."
        )
    return before + begin, end + after


def write(path: Path, name: str, text: str) -> None:
    """Replace the passage `name` of the file; raises what `check` raises."""
    before, after = check(path, name)
    disk.write_bytes(path, f"{before}\n{text}\n{after}".encode())
