"""Pictures laid out in HTML: the proof sheet of a training, and its newest previews."""

from __future__ import annotations

from booth.ui.report import Record, Report
from booth.ui.words import picture, plain

MOST_COLUMNS = 12


def newest(report: Report) -> str:
    """The latest previews, large."""
    if not report.preview_steps:
        return ""
    step = report.preview_steps[-1]
    figures = [
        f"<figure>{picture(record['path'], _alt(record))}"
        f"<figcaption>{plain(record['recipe']['shown'])}</figcaption></figure>"
        for record in _row_by_row(report, step)
    ]
    when = "Before it has learnt anything" if step == 0 else f"After {step} steps"
    return f'<h3>{when}</h3><div class="newest">{"".join(figures)}</div>'


def proof_sheet(report: Report) -> str:
    """Rows are prompts, columns are steps; empty until there are two columns to compare."""
    steps = spread(report.preview_steps, MOST_COLUMNS)
    if len(steps) < 2:
        return ""
    there = {(r["recipe"]["index"], int(r["step"])): r for r in report.previews}
    shown = {r["recipe"]["index"]: r["recipe"]["shown"] for r in report.previews}
    head = "".join(f'<th scope="col">step {step}</th>' for step in steps)
    body = ""
    for index in sorted(shown):
        cells = "".join(f"<td>{_cell(there.get((index, step)))}</td>" for step in steps)
        body += f'<tr><th scope="row">{plain(shown[index])}</th>{cells}</tr>'
    return (
        '<div class="proof" tabindex="0" role="region" aria-label="Proof sheet"><table><thead>'
        f"<tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def spread(steps: list[int], most: int) -> list[int]:
    """At most so many of the steps, evenly, with the first and the last."""
    if len(steps) <= most:
        return steps
    places = {round(n * (len(steps) - 1) / (most - 1)) for n in range(most)}
    return [steps[n] for n in sorted(places)]


def _cell(record: Record | None) -> str:
    return picture(record["path"], _alt(record)) if record else ""


def _row_by_row(report: Report, step: int) -> list[Record]:
    there = [record for record in report.previews if int(record["step"]) == step]
    return sorted(there, key=lambda record: int(record["recipe"]["index"]))


def _alt(record: Record) -> str:
    return f"{record['recipe']['shown']}, step {record['step']}"
