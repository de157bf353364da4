"""Writes the report of one version: ``report.html``, which opens from disk and asks nobody for anything, and a PNG for each chart.

The libraries that draw (Vega, Vega-Lite, Vega-Embed) come out of the vl-convert wheel and stand inside the file; the pictures are drawn by the
same wheel without a browser. The same version gives the same bytes: there is no clock and no counter in it.
"""

import html
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from orchestration.errors import LeadrelayError
from orchestration.publish.versions import MANIFEST_FILE
from orchestration.report.contents import Contents, Section, gather_contents

REPORT_FILE = "report.html"
_FOR_READERS = 0o644
_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_WIDTH, _SCALE = 760, 2
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif"
_PICTURE_FONT = "Noto Sans, DejaVu Sans, Noto Sans CJK SC, sans-serif"


class ReportError(LeadrelayError):
    """The report was not made; the published files are not touched by it."""


def write_report(
    folder: Path, version: str, as_of: str, models_dir: Path, languages: Sequence[str], *, pictures: bool
) -> list[str]:
    """Write the report of one version into its folder.

    Parameters
    ----------
    folder
        Holds ``leadrelay.duckdb``; may be one that is not published yet.
    version
        Its name, for the foot of the page.
    as_of
        The moment that it looks back from, ISO 8601.
    models_dir
        Where the models' yml lie.
    languages
        The first is the one that is shown, and that of the pictures; a button leads to the others.
    pictures
        Whether PNGs are drawn as well; they cost most of the time.

    Returns
    -------
    list of str
        Names of the files, by name.

    Raises
    ------
    ReportError
        If the packages of the extra ``dashboard`` are missing.
    LeadrelayError
        If the version cannot be read.
    """
    try:
        import altair as alt  # noqa: F401 - the charts need it
        import vl_convert
    except ImportError as error:
        raise ReportError(
            f"the report needs the packages of the extra `dashboard` ({error.name} is missing). Type: pip install 'leadrelay[dashboard]', "
            "or set LEADRELAY_REPORT=off"
        ) from error
    told = gather_contents(folder, models_dir, languages)
    page = _page(told, version, as_of, _bundle())
    written = {REPORT_FILE: page.encode("utf-8")}
    if pictures:
        for section in told[0].sections:
            if section.chart is not None:
                spec = _spec(
                    section,
                    {"width": _WIDTH, "background": "white", "config": _config("#1B2530", "#E3E8EE", _PICTURE_FONT)},
                )
                written[f"report-{section.name.replace('_', '-')}.png"] = vl_convert.vegalite_to_png(spec, scale=_SCALE)
    for name, content in written.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(_FOR_READERS)
    return sorted(written)


def renew_report(folder: Path, models_dir: Path, languages: Sequence[str], *, pictures: bool) -> list[str]:
    """Make the report of a version that is published already, and name it in its manifest.

    Parameters
    ----------
    folder
        The version's folder.
    models_dir, languages, pictures
        As for `write_report`.
    """
    path = folder / MANIFEST_FILE
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    files = write_report(
        folder, str(manifest["version"]), str(manifest.get("as_of") or ""), models_dir, languages, pictures=pictures
    )
    manifest["report"] = {"files": files}
    renewed = path.with_name(f".{MANIFEST_FILE}.tmp")
    renewed.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    renewed.chmod(_FOR_READERS)
    renewed.replace(path)
    return files


@cache
def _bundle() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script; putting it together takes two CPU-seconds."""
    import vl_convert

    script: str = vl_convert.javascript_bundle(_SNIPPET)
    return script


def _spec(section: Section, more: dict[str, Any]) -> dict[str, Any]:
    if section.chart is None:
        return {}
    return {**section.chart.to_dict(), **more}


def _config(text: str, line: str, font: str) -> dict[str, Any]:
    return {
        "font": font,
        "view": {"stroke": None},
        "axis": {
            "labelColor": text,
            "titleColor": text,
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "gridColor": line,
            "domainColor": line,
            "tickColor": line,
        },
        "legend": {"labelColor": text, "titleColor": text, "labelFontSize": 12},
        "text": {"font": font, "fontSize": 12},
    }


def _page(told: Sequence[Contents], version: str, as_of: str, bundle: str) -> str:
    specs = {
        contents.words.language: {
            section.name: _spec(section, {"width": "container", "background": "transparent"})
            for section in contents.sections
            if section.chart is not None
        }
        for contents in told
    }
    configs = {"light": _config("#1B2530", "#E3E8EE", _FONT), "dark": _config("#D5DCE5", "#2A3542", _FONT)}
    first = told[0].words
    return _TEMPLATE.format(
        language="zh-CN" if first.language == "zh" else first.language,
        title=html.escape(first("report_title")),
        font=_FONT,
        bodies="\n".join(
            _body(contents, version, as_of, is_first=contents is told[0], all_of=told) for contents in told
        ),
        bundle=bundle.replace("</script", "<\\/script"),
        specs=_json(specs),
        configs=_json(configs),
        first=_json(first.language),
    )


def _json(value: object) -> str:
    # `</` would end the script element.
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str).replace("</", "<\\/")


def _body(contents: Contents, version: str, as_of: str, *, is_first: bool, all_of: Sequence[Contents]) -> str:
    words = contents.words
    others = "".join(
        f'<button type="button" data-to="{one.words.language}">{html.escape(one.words("this_language"))}</button>'
        for one in all_of
        if one is not contents
    )
    lead = words("report_lead", moment=as_of[:16].replace("T", " "), period=contents.period)
    cards = "".join(
        f'<div class="card"><span>{html.escape(label)}</span><b>{html.escape(figure)}</b></div>'
        for label, figure in contents.cards
    )
    sections = "".join(_section(section, words.language, words("report_empty")) for section in contents.sections)
    table = _table(contents)
    hidden = "" if is_first else " hidden"
    return (
        f'<div class="body" id="body-{words.language}"{hidden}><header><div><h1>{html.escape(words("report_title"))}</h1>'
        f'<p>{html.escape(lead)}</p></div><nav>{others}</nav></header><div class="cards">{cards}</div>'
        f"<main>{sections}{table}</main><footer>{html.escape(words('report_foot', version=version))}</footer></div>"
    )


def _table(contents: Contents) -> str:
    """Return the moves as a table, which is read without a script as well; nothing when there are none."""
    header, rows = contents.moves
    if not rows:
        return ""
    words = contents.words
    lines = "".join(f"<tr>{_cells('td', row)}</tr>" for row in rows)
    return (
        f'<section class="wide"><h2>{html.escape(words("moves_title"))}</h2><p>{html.escape(words("moves_note"))}</p>'
        f'<div class="scroll"><table><thead><tr>{_cells("th", header)}</tr></thead><tbody>{lines}</tbody></table></div></section>'
    )


def _section(section: Section, language: str, empty: str) -> str:
    drawn = (
        f"<p class='empty'>{html.escape(empty)}</p>"
        if section.chart is None
        else f'<div class="chart" id="{language}-{section.name}"></div>'
    )
    return f"<section><h2>{html.escape(section.title)}</h2><p>{html.escape(section.note)}</p>{drawn}</section>"


def _cells(kind: str, texts: Sequence[str]) -> str:
    return "".join(f"<{kind}>{html.escape(text)}</{kind}>" for text in texts)


_TEMPLATE = (Path(__file__).parent / "report.html.template").read_text(encoding="utf-8")
