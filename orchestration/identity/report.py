"""The training report: what each level of a model weighs, as one HTML page and as Markdown.

The page holds its chart as SVG and loads nothing. What does not belong here: the numbers themselves (`training`, `files`).
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from orchestration.identity.files import level_rows
from orchestration.identity.training import NULL_LEVEL, TrainedModel

HTML_FILE = "training_report.html"
MARKDOWN_FILE = "training_report.md"

# A bar's length in pixels per bit, and the widest bar: beyond, the figure beside it says how much more.
_PIXELS_PER_BIT = 14.0
_WIDEST_BITS = 16.0
_ROW = 22
_LEFT = 430
_COLORS = ("#b5482a", "#2a7f62")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #222; background: #fff; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem; text-align: left; border-bottom: 1px solid #ddd; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } svg text { font: 13px system-ui, sans-serif; fill: #222; }
"""


def write_report(model: TrainedModel, version: str, folder: Path) -> None:
    """Write ``training_report.html`` and ``training_report.md``.

    Parameters
    ----------
    model
        What training found.
    version
        Its version.
    folder
        Where the model lies.
    """
    rows = level_rows(model, version)
    (folder / HTML_FILE).write_text(_page(model, version, rows), encoding="utf-8")
    (folder / MARKDOWN_FILE).write_text(_markdown(model, version, rows), encoding="utf-8")


def _facts(model: TrainedModel, version: str) -> list[tuple[str, str]]:
    prior = float(model.settings["probability_two_random_records_match"])
    return [
        ("version", version),
        ("trained on", f"{model.profile_count:,} profiles, one per {model.spec.train_on.removesuffix('s')}"),
        ("prior", f"one pair in {1 / prior:,.0f}, {'stated' if model.spec.fit.prior is not None else 'estimated'}"),
        ("frequent terms kept", f"{len(model.terms):,}"),
    ]


def _page(model: TrainedModel, version: str, rows: Sequence[dict[str, Any]]) -> str:
    facts = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in _facts(model, version)
    )
    blocking = "".join(
        f"<tr><td>{escape(rule.name)}</td><td><code>{escape(rule.key)}</code></td><td>{escape(rule.because)}</td></tr>"
        for rule in model.spec.blocking
    )
    table = "".join(
        f"<tr><td>{escape(row['comparison'])}</td><td>{escape(row['label'])}</td><td class='number'>{_share(row, 'm_probability')}</td>"
        f"<td class='number'>{_share(row, 'u_probability')}</td><td class='number'>{row['match_weight']:+.2f}</td>"
        f"<td>{escape(row['evidence'])}</td></tr>"
        for row in rows
        if row["level"] != NULL_LEVEL
    )
    return (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{escape(version)}</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>Probable links: what each agreement weighs</h1>\n<table>{facts}</table>\n"
        "<p>A bar is bits of evidence: to the right for one person, to the left for two. A pair's score is the prior and one bar per "
        "comparison; a rare shared term adds to its bar.</p>\n"
        f"{_chart(rows)}\n<h2>Numbers</h2>\n<table><tr><th>comparison</th><th>level</th><th>one person's pairs (m)</th>"
        f"<th>strangers' pairs (u)</th><th>bits</th><th>counts as</th></tr>{table}</table>\n"
        f"<h2>Where pairs are looked for</h2>\n<table><tr><th>rule</th><th>key</th><th>finds</th></tr>{blocking}</table>\n</body></html>\n"
    )


def _share(row: dict[str, Any], name: str) -> str:
    return f"{row[name]:.3g}" if name in row else ""


def _chart(rows: Sequence[dict[str, Any]]) -> str:
    shown = [row for row in rows if row["level"] != NULL_LEVEL]
    middle = _LEFT + _WIDEST_BITS * _PIXELS_PER_BIT + 60
    width, height = middle + _WIDEST_BITS * _PIXELS_PER_BIT + 60, _ROW * len(shown) + 10
    parts = [
        f"<svg role='img' aria-label='match weights' width='{width:.0f}' height='{height}' xmlns='http://www.w3.org/2000/svg'>",
        f"<line x1='{middle:.0f}' x2='{middle:.0f}' y1='0' y2='{height}' stroke='#888'/>",
    ]
    before = ""
    for number, row in enumerate(shown):
        weight = float(row["match_weight"])
        length = min(abs(weight), _WIDEST_BITS) * _PIXELS_PER_BIT
        start = middle if weight >= 0 else middle - length
        y = number * _ROW + 5
        if row["comparison"] != before:
            parts.append(f"<text x='0' y='{y + 13}' font-weight='bold'>{escape(row['comparison'])}</text>")
            before = row["comparison"]
        anchor, place = ("start", start + length + 6) if weight >= 0 else ("end", start - 6)
        parts += [
            f"<text x='120' y='{y + 13}'>{escape(_short(row['label']))}</text>",
            f"<rect x='{start:.1f}' y='{y}' width='{length:.1f}' height='{_ROW - 6}' fill='{_COLORS[weight >= 0]}'/>",
            f"<text x='{place:.1f}' y='{y + 13}' text-anchor='{anchor}'>{weight:+.1f}</text>",
        ]
    return "\n".join([*parts, "</svg>"])


def _short(text: str, limit: int = 44) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _markdown(model: TrainedModel, version: str, rows: Sequence[dict[str, Any]]) -> str:
    lines = [f"# Link model {version}", ""]
    lines += [f"- {name}: {value}" for name, value in _facts(model, version)]
    lines += ["", "| comparison | level | m | u | bits | counts as |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row['comparison']} | {row['label']} | {_share(row, 'm_probability')} | {_share(row, 'u_probability')} | "
        f"{row['match_weight']:+.2f} | {row['evidence']} |"
        for row in rows
        if row["level"] != NULL_LEVEL
    ]
    return "\n".join(lines) + "\n"
