"""The site: which pages there are, where they lie, how they lead to each other.

    index.html            what it is and what is published now, then the README
    how-to/ reference/ decisions/ changelog.html    the Markdown of docs/
    marts/<name>.html     a page for each mart
    metrics.html lineage.html
    dbt/ data-docs/       dbt's own pages and Great Expectations' own
    assets/               style, script, index of the search, pictures

Two builds of one checkout over one published version are the same to the byte, but for the pages of the two libraries.
What does not belong here: words.
"""

import json
import posixpath
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from orchestration.metrics.engine import Metric, described_metrics, read_semantic_manifest
from orchestration.publish.build import MARTS_FILE
from orchestration.publish.versions import current_version, read_manifest
from orchestration.quality.datadocs import build_data_docs
from orchestration.settings import Settings
from orchestration.site import lineage
from orchestration.site.markdown import Heading, code_styles, highlighted, render
from orchestration.site.reference import Mart, Published, metrics_by_mart, read_marts, read_published, read_sections
from orchestration.transform.docs import write_dbt_docs
from orchestration.transform.project import load_manifest

THEME = Path(__file__).with_name("theme")
_PICTURES = frozenset({".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp"})
_FOLDERS = {"how-to": "How to", "reference": "Reference", "decisions": "Decisions"}


@dataclass
class Page:
    """One page before it is put into its frame."""

    path: str
    title: str
    kind: str
    body: str
    headings: Sequence[Heading] = ()
    words: str = ""
    lead: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Link:
    """One line of the navigation."""

    title: str
    path: str


@dataclass
class Site:
    """What all pages share while they are made."""

    root: Path
    documents: Mapping[str, str]
    marts: Mapping[str, str]
    pages: list[Page] = field(default_factory=list)

    def words(self, page: str) -> dict[str, str]:
        """Return where the names of marts lead from a page; not to itself."""
        return {name: relative(target, page) for name, target in self.marts.items() if target != page}

    def resolver(self, source: str, page: str) -> Callable[[str], str | None]:
        """Return where the links of a text lead, which is written at ``source`` in the checkout and shown on ``page``."""

        def resolve(target: str) -> str | None:
            if re.match(r"[a-z]+:", target):
                return target
            path, mark, anchor = target.partition("#")
            if not path:
                return target
            place = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
            if place in self.documents:
                return relative(self.documents[place], page) + mark + anchor
            return None

        return resolve


def build_site(settings: Settings, out: Path | None = None, *, with_libraries: bool = True) -> Path:
    """Build the site; what was in its folder is replaced.

    Parameters
    ----------
    settings
        The home; with a published version, pages show what the example queries answer on it.
    out
        The folder; default ``docs/`` of the home.
    with_libraries
        Build the pages of dbt and Great Expectations too, which take most of the time.

    Returns
    -------
    Path
        The start page.

    Raises
    ------
    LeadrelayError
        If dbt cannot parse the project, or an example query fails on what is published.
    """
    out = out or settings.home / "docs"
    building = out.with_name(f".{out.name}-building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    manifest = load_manifest(settings)
    semantics = read_semantic_manifest(settings)
    sections = read_sections((settings.project_root / "docs" / "reference" / "marts.md").read_text(encoding="utf-8"))
    version = current_version(settings.published_dir)
    opened = duckdb.connect(str(version / MARTS_FILE), read_only=True) if version else nullcontext()
    with opened as connection:
        published = None
        if connection is not None:
            # One thread: an example that leaves the order of equal rows open answers the same way each time.
            connection.execute("set TimeZone = 'UTC'; set threads = 1")
            published = read_published(connection, read_manifest(settings.published_dir) or {})
        marts = read_marts(
            sections, manifest, metrics_by_mart(semantics), settings.expectations_dir, published, connection
        )
    graph = lineage.Graph(manifest)
    site = Site(
        settings.project_root, _documents(settings.project_root), {name: f"marts/{name}.html" for name in sections}
    )
    environment = _environment()
    site.pages += [_start_page(site, environment, published, marts)]
    site.pages += _written_pages(site)
    site.pages += [_mart_index(site, environment, marts)]
    site.pages += [_mart_page(site, environment, graph, mart, published) for mart in marts]
    site.pages += [_metrics_page(environment, described_metrics(semantics), metrics_by_mart(semantics))]
    site.pages += [_lineage_page(environment, graph, marts)]
    if with_libraries:
        write_dbt_docs(settings, building / "dbt" / "index.html")
        build_data_docs(settings.expectations_dir, settings.published_dir, building / "data-docs")
    site.pages += [_suites_page(environment, building / "data-docs")]
    navigation = _navigation(site, marts)
    frame = environment.get_template("page.html")
    for page in site.pages:
        target = building / page.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shown = frame.render(
            page=page,
            body=Markup(page.body),  # noqa: S704 - made by markdown-it and autoescaped templates
            navigation=navigation,
            published=published,
            to=lambda path, here=page.path: relative(path, here),
        )
        target.write_text(shown, encoding="utf-8")
    _write_assets(building / "assets", site)
    shutil.rmtree(out, ignore_errors=True)
    building.rename(out)
    return out / "index.html"


def relative(target: str, page: str) -> str:
    """Return the address of a page or asset from another page, both from the site's root."""
    return posixpath.relpath(target, posixpath.dirname(page) or ".")


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(THEME), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    return environment


def _documents(root: Path) -> dict[str, str]:
    """Return the pages and pictures that files and folders of the checkout become."""
    found = {"README.md": "index.html", "CHANGELOG.md": "changelog.html"}
    for folder in _FOLDERS:
        found[f"docs/{folder}"] = f"{folder}/index.html"
        for path in sorted((root / "docs" / folder).glob("*.md")):
            found[f"docs/{folder}/{path.name}"] = f"{folder}/{path.stem}.html"
    for path in sorted((root / "docs").rglob("*")):
        if path.suffix in _PICTURES:
            found[path.relative_to(root).as_posix()] = f"assets/{path.relative_to(root / 'docs').as_posix()}"
    return found


def _start_page(site: Site, environment: Environment, published: Published | None, marts: Sequence[Mart]) -> Page:
    text = (site.root / "README.md").read_text(encoding="utf-8")
    path = "index.html"
    readme = render(text, site.resolver("README.md", path), site.words(path))
    body = environment.get_template("start.html").render(
        readme=Markup(readme.html),  # noqa: S704 - made by markdown-it, which shows HTML and does not obey it
        published=published,
        mart_count=len(marts),
        check_count=sum(len(mart.checks) for mart in marts),
        most=max((count for _, _, count in published.stages), default=0) if published else 0,
    )
    return Page(path, readme.title, "start", body, readme.headings, "home start overview")


def _written_pages(site: Site) -> list[Page]:
    pages = []
    for source, path in site.documents.items():
        if not source.endswith(".md") or path == "index.html":
            continue
        kind = _FOLDERS.get(path.split("/")[0], "")
        done = render((site.root / source).read_text(encoding="utf-8"), site.resolver(source, path), site.words(path))
        words = " ".join(heading.text for heading in done.headings)
        pages.append(Page(path, done.title, kind, done.html, done.headings, words))
    for folder, title in _FOLDERS.items():
        listed = [page for page in pages if page.path.startswith(f"{folder}/")]
        items = "".join(
            f'<li><a href="{posixpath.basename(page.path)}">{Markup.escape(page.title)}</a></li>' for page in listed
        )
        pages.append(Page(f"{folder}/index.html", title, "", f'<ul class="list">{items}</ul>'))
    return pages


def _mart_index(site: Site, environment: Environment, marts: Sequence[Mart]) -> Page:
    topics = dict.fromkeys(mart.section.topic for mart in marts)
    groups = [(topic, [mart for mart in marts if mart.section.topic == topic]) for topic in topics]
    body = environment.get_template("marts.html").render(groups=groups, anchor=_anchor)
    headings = [Heading(2, _anchor(topic), topic) for topic in topics]
    del site
    return Page(
        "marts/index.html", "Marts", "", body, headings, "tables questions", "Which table answers which question."
    )


def _mart_page(
    site: Site, environment: Environment, graph: lineage.Graph, mart: Mart, published: Published | None
) -> Page:
    path = site.marts[mart.name]
    source = "docs/reference/marts.md"

    def html(text: str) -> Markup:
        return Markup(render(text, site.resolver(source, path), site.words(path), drop_title=False).html)  # noqa: S704

    picture = lineage.mart_picture(graph, mart.name, lambda name: relative(f"marts/{name}.html", path), mart.metrics)
    body = environment.get_template("mart.html").render(
        mart=mart,
        published=published,
        before=html(_GRAIN_LINE.sub("", mart.section.before)),
        after=html(mart.section.notes if mart.result else mart.section.after),
        sql=Markup(highlighted(mart.section.sql, "sql")),  # noqa: S704 - pygments escapes
        picture=Markup(picture),  # noqa: S704 - lineage escapes
        marts=site.words(path),
        topic_anchor=_anchor(mart.section.topic),
    )
    words = " ".join([mart.section.question, *(f"{column.name} {column.label_zh}" for column in mart.columns)])
    headings = [
        Heading(2, anchor, title)
        for anchor, title in (
            ("example", "Example"),
            ("columns", "Columns"),
            ("lineage", "Lineage"),
            ("checks", "Checks"),
        )
    ]
    return Page(path, mart.name, mart.section.topic, body, headings, words, mart.section.question)


_GRAIN_LINE = re.compile(r"^Grain: [^.]*\.\s*", re.MULTILINE)


def _metrics_page(environment: Environment, metrics: Iterable[Metric], by_mart: Mapping[str, Sequence[str]]) -> Page:
    marts: dict[str, list[str]] = {}
    for mart, names in by_mart.items():
        for name in names:
            marts.setdefault(name, []).append(mart)
    shown = [metric for metric in metrics if not metric.is_part]
    subjects = dict.fromkeys(metric.subject for metric in shown)
    groups = [(subject, [metric for metric in shown if metric.subject == subject]) for subject in subjects]
    body = environment.get_template("metrics.html").render(groups=groups, marts=marts)
    headings = [Heading(2, subject, subject.capitalize()) for subject in subjects]
    words = " ".join(f"{metric.name} {metric.label} {metric.label_zh}" for metric in shown)
    return Page("metrics.html", "Metrics", "", body, headings, words, "Defined once, the same number in every tool.")


def _lineage_page(environment: Environment, graph: lineage.Graph, marts: Sequence[Mart]) -> Page:
    first_of = {mart.domain: f"marts/{mart.name}.html" for mart in reversed(marts)}
    domains, whole = lineage.domain_picture(graph, first_of.get), lineage.whole_picture(graph, "marts/{}.html".format)
    body = environment.get_template("lineage.html").render(
        domains=Markup(domains),  # noqa: S704 - lineage escapes
        whole=Markup(whole),  # noqa: S704 - lineage escapes
        count=len(graph.nodes),
    )
    headings = [Heading(2, "domains", "By domain"), Heading(2, "models", "Every table and model")]
    return Page(
        "lineage.html", "Lineage", "", body, headings, "graph dependencies", "What is built from what.", wide=True
    )


def _suites_page(environment: Environment, folder: Path) -> Page:
    """List Great Expectations' own pages; the list that it makes itself is filled by a script from elsewhere, which is not loaded here."""
    results = {path.parents[2].name: path for path in sorted(folder.glob("validations/marts/*/*/*/*.html"))}
    groups = [
        (
            title,
            [
                (
                    path.stem,
                    path.relative_to(folder).as_posix(),
                    results[path.stem].relative_to(folder).as_posix()
                    if kind == "marts" and path.stem in results
                    else "",
                )
                for path in sorted(folder.glob(f"expectations/{kind}/*.html"))
            ],
        )
        for kind, title in (("raw", "At the gate to raw"), ("marts", "At the gate to publishing"))
    ]
    body = environment.get_template("suites.html").render(groups=groups)
    lead = "Great Expectations' own pages of every suite, and what it found in the published version."
    return Page("data-docs/index.html", "Data Docs", "", body, (), "great expectations suites validations", lead)


def _navigation(site: Site, marts: Sequence[Mart]) -> list[tuple[str, list[Link]]]:
    def of(folder: str) -> list[Link]:
        return [
            Link(page.title, page.path)
            for page in site.pages
            if page.path.startswith(f"{folder}/") and not page.path.endswith("/index.html")
        ]

    topics = dict.fromkeys(mart.section.topic for mart in marts)
    by_topic = [
        (topic, [Link(mart.name, site.marts[mart.name]) for mart in marts if mart.section.topic == topic])
        for topic in topics
    ]
    return [
        (
            "",
            [
                Link("Start", "index.html"),
                Link("All marts", "marts/index.html"),
                Link("Metrics", "metrics.html"),
                Link("Lineage", "lineage.html"),
            ],
        ),
        ("How to", of("how-to")),
        *[(f"Marts: {topic}", links) for topic, links in by_topic],
        ("Reference", [*of("reference"), Link("Changelog", "changelog.html")]),
        ("Decisions", of("decisions")),
    ]


def _write_assets(folder: Path, site: Site) -> None:
    folder.mkdir(parents=True)
    style = (THEME / "style.css").read_text(encoding="utf-8")
    (folder / "style.css").write_text(f"{style}\n{code_styles()}\n", encoding="utf-8")
    shutil.copyfile(THEME / "site.js", folder / "site.js")
    index: list[dict[str, Any]] = [
        {"title": page.title, "path": page.path, "kind": page.kind, "lead": page.lead, "words": page.words}
        for page in site.pages
    ]
    # A script and not a JSON file: a page from a disk may not fetch.
    text = json.dumps(index, ensure_ascii=False, separators=(",", ":"))
    (folder / "search-index.js").write_text(f"window.SITE_INDEX={text};\n", encoding="utf-8")
    for source, target in site.documents.items():
        if target.startswith("assets/"):
            place = folder.parent / target
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(site.root / source, place)


def _anchor(text: str) -> str:
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
