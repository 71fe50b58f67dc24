"""The score as one object, and as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from booth.toybox import metrics
from booth.toybox.questions import HEADS

TITLE = "Words: right in the pictures, in renders of the same, and in any unseen renders"
FIGURES = ("dino", "clip_i", "clip_t", "pres", "div")
CALLED = {
    "ceiling": "other renders of the subject",
    "drawn": "renders of the same prompts",
    "dreambooth": "**DreamBooth**",
    "captioned": "**DreamBooth**, its photos with captions",
    "base": "the best description, no training",
    "no_prior": "without prior preservation",
    "wrong_noun": "a wrong class noun",
    "no_noun": "no class noun",
}
"""What a reader of the tables calls the conditions."""

Row = dict[str, Any]
"""What was measured of one subject, by the figure's name."""


def summary(
    told: dict[str, Any], rows: dict[str, list[Row]], own: dict[str, float | None]
) -> dict[str, Any]:
    """The whole score of both parts, beside the checker's `own` accuracy by head."""
    seconds = [row["seconds"] for row in rows["dreambooth"] if "seconds" in row]
    return {
        **told["accuracy"],
        "asked": told["asked"],
        "renders": told["renders"],
        "checker": own,
        "subjects": len(rows["dreambooth"]),
        "dreambooth": {name: over_subjects(figures) for name, figures in rows.items()},
        "orderings": {ordering.words: found(ordering, rows) for ordering in metrics.ORDERINGS},
        "seconds_per_picture": told["seconds"],
        "seconds_training": sum(seconds) / len(seconds) if seconds else None,
    }


def over_subjects(rows: Sequence[Row]) -> dict[str, Any]:
    """Every figure's mean over subjects, and its interval."""
    series = {kind: [row[kind] for row in rows] for kind in rows[0] if kind != "seconds"}
    means = {kind: sum(values) / len(values) for kind, values in series.items()}
    return {**means, **{f"{kind}_interval": metrics.interval(v) for kind, v in series.items()}}


def found(ordering: metrics.Ordering, rows: dict[str, list[Row]]) -> dict[str, Any]:
    """Whether a finding holds, and the interval of the difference."""
    values: dict[str, metrics.Subjects] = {
        name: [row[ordering.metric] for row in rows[name]]
        for name in (ordering.more, ordering.less)
    }
    verdict, band = ordering.verdict(values)
    about = {name: getattr(ordering, name) for name in ("metric", "more", "less", "margin")}
    return {"verdict": verdict, **about, "difference_interval": band}


def report(score: dict[str, Any]) -> str:
    """The score as lines of text."""
    lines = ["", TITLE]
    lines += [_head(score, head) for head in HEADS]
    lines += ["", f"DreamBooth on {score['subjects']} unseen subjects, with 95 % intervals"]
    lines += [_condition(*item) for item in score["dreambooth"].items()]
    lines += ["", "Findings, the paper's and ours on captions"]
    lines += [
        f"  {told['verdict']:13} {words} {_band(told['difference_interval'], '+.3f')}"
        for words, told in score["orderings"].items()
    ]
    lines += ["", f"{score['seconds_per_picture']:.2f} s per picture"]
    if score["seconds_training"] is not None:
        lines.append(f"{score['seconds_training']:.0f} s for a training")
    return "\n".join(lines)


def tables(score: dict[str, Any]) -> str:
    """The score as two Markdown tables and a list."""
    rows = {
        "asked in this many pictures": [str(score["asked"][head]) for head in HEADS],
        "Toybox, % right": _shares(score, HEADS),
        "its 95 % interval": [_likely(score[head], score["asked"][head]) for head in HEADS],
        "renders of the same prompts": _shares(score["renders"], HEADS),
        "any unseen renders": _shares(score["checker"], HEADS),
    }
    figures = {CALLED[name]: _means(row) for name, row in score["dreambooth"].items()}
    shown = [figure.upper().replace("_", "-") for figure in FIGURES]
    means = (
        f"DreamBooth, {score['subjects']} unseen subjects with up to {score['prompts']} of the "
        f"paper's prompts and {score['pictures']} pictures of each; means, ± half the 95 % "
        "interval. Of PRES, less is better:"
    )
    how = "Findings, the paper's and ours, and the 95 % interval of the difference that decides:"
    verdicts = [_finding(*item) for item in score["orderings"].items()]
    parts = [_table(HEADS, rows), means, _table(shown, figures), how, "\n".join(verdicts)]
    return "\n\n".join(parts)


def _finding(words: str, told: dict[str, Any]) -> str:
    metric = told["metric"].upper().replace("_", "-")
    between = f"{metric} of {told['more']} minus {told['less']}"
    band = _band(told["difference_interval"], "+.2f")
    return f"- {told['verdict']}: {words} ({between}: {band}, above {told['margin']:+.2f} asked)"


def _table(columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    lines = (
        ["", *columns],
        ["---"] * (len(columns) + 1),
        *([name, *row] for name, row in rows.items()),
    )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _shares(shares: Mapping[str, float | None], heads: Sequence[str]) -> list[str]:
    told = [shares.get(head) for head in heads]
    return ["" if share is None else f"{100 * share:.0f}" for share in told]


def _likely(share: float | None, count: int) -> str:
    if share is None:
        return ""
    low, high = metrics.share_interval(share, count)
    return f"{100 * low:.0f}-{100 * high:.0f}"


def _means(figures: Row) -> list[str]:
    """Every figure with half its interval, "" where it was not measured."""
    return [
        _mean(figures[kind], figures[f"{kind}_interval"]) if kind in figures else ""
        for kind in FIGURES
    ]


def _mean(mean: float, band: metrics.Interval | None) -> str:
    return f"{mean:.2f}" if band is None else f"{mean:.2f} ± {(band[1] - band[0]) / 2:.2f}"


def _head(score: dict[str, Any], head: str) -> str:
    right = [_percent(figures.get(head)) for figures in (score["renders"], score["checker"])]
    return f"  {head:10} {_percent(score[head])} of {score['asked'][head]:3} {' '.join(right)}"


def _condition(name: str, figures: dict[str, Any]) -> str:
    shown = [
        f"{kind} {figures[kind]:.3f} {_band(figures[f'{kind}_interval'], '.3f')}"
        for kind in FIGURES
        if kind in figures
    ]
    return f"  {name:11} " + "  ".join(shown)


def _band(band: metrics.Interval | None, form: str) -> str:
    return "[one subject]" if band is None else f"[{band[0]:{form}}, {band[1]:{form}}]"


def _percent(share: float | None) -> str:
    return "  not asked" if share is None else f"{100 * share:9.1f} %"
