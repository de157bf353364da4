"""The frame around every page: menu, filters, language, and what is said when there is nothing to show.

Streamlit runs `run` anew for every click, so each page is one of the version of now.
"""

import os
from collections.abc import Callable
from functools import cache, partial

import streamlit as st
from PIL import Image, ImageDraw

from orchestration.dashboard.filters import DIMENSIONS, Filters
from orchestration.dashboard.palette import GOOD, MAIN, SERIES
from orchestration.dashboard.published import (
    BrokenVersionError,
    NotPublishedError,
    Version,
    VersionVanishedError,
    version_of_now,
)
from orchestration.dashboard.screens import PAGES
from orchestration.dashboard.view import View
from orchestration.dashboard.words import DEFAULT_LANGUAGE, LANGUAGES, Words, make_words
from orchestration.errors import LeadrelayError, NothingPublishedError
from orchestration.settings import LANGUAGE, Settings, load_settings

WITHOUT_PEOPLE = "LEADRELAY_WITHOUT_PEOPLE"
_MONTHS_SHOWN_AT_FIRST = 12
# Never shown, since the first page stands at /; but no two pages may have one name.
_START = "start"
_STYLE = """
<style>
.block-container {padding: 3.2rem 2.2rem 4rem; max-width: 1480px;}
h1 {font-size: 1.9rem !important; padding-bottom: 0.2rem !important;}
h3 {font-size: 1.12rem !important; padding-bottom: 0 !important;}
[data-testid="stMetricValue"] {font-variant-numeric: tabular-nums;}
@media (hover: none) {
  /* A touch screen shows a table's tools always; there they lie on a line of their own, not on the note above. */
  [data-testid="stDataFrame"] {margin-top: 1.9rem;}
}
@media (max-width: 640px) {
  .block-container {padding-left: 0.8rem; padding-right: 0.8rem;}
  h1 {font-size: 1.5rem !important;}
}
</style>
"""


def run(first: str = "overview") -> None:
    """Show the dashboard.

    Parameters
    ----------
    first
        Page that is shown when the address names none.
    """
    st.set_page_config(page_title="leadrelay", page_icon=_favicon(), layout="wide")
    st.html(_STYLE)
    st.logo(_favicon(), size="medium")
    settings = load_settings()
    language = _language()
    words = make_words(language, settings.models_dir)
    try:
        version = version_of_now(settings)
        view = _view(settings, version, language)
    except LeadrelayError as error:
        page = _menu(words, first, partial(_sayer, words, error))
        _language_choice(words)
        page.run()
        return
    shown = _menu(view.words, first, lambda key: partial(_show, key, view))
    _language_choice(view.words)
    _about(view)
    shown.run()


@cache
def _favicon() -> Image.Image:
    """Return a funnel of three bars; an icon by name would be fetched from another host by the browser."""
    image = Image.new("RGBA", (32, 32))
    draw = ImageDraw.Draw(image)
    for place, (inset, colour) in enumerate(((2, MAIN), (7, SERIES[3]), (12, GOOD))):
        draw.rounded_rectangle((inset, 4 + place * 9, 31 - inset, 10 + place * 9), radius=3, fill=colour)
    return image


def _view(settings: Settings, version: Version, language: str) -> View:
    """Return the view with its filters, whose choices are themselves read from the version."""
    empty = Filters("0000-00", "9999-99")
    shows_people = version.has_people and not os.environ.get(WITHOUT_PEOPLE)
    view = View(settings, version, make_words(language, settings.models_dir), empty, shows_people)
    words = make_words(language, settings.models_dir, view.rows("stages").to_dict("records"))
    view = View(settings, version, words, empty, shows_people)
    return View(settings, version, words, _filters(view), shows_people)


def _menu(words: Words, first: str, content: Callable[[str], Callable[[], None]]) -> "st.Page":
    pages = [
        st.Page(
            content(key),
            title=words(f"{key}_title"),
            icon=f":material/{page.icon}:",
            url_path=_START if key == first else key,
            default=key == first,
        )
        for key, page in PAGES.items()
    ]
    # Streamlit serves the first page at / alone; here its name is an address as that of every other page is.
    pages.append(st.Page(content(first), title=words(f"{first}_title"), url_path=first, visibility="hidden"))
    return st.navigation(pages, position="sidebar", expanded=True)


def _language() -> str:
    wanted = str(st.session_state.get("language") or st.query_params.get("lang") or os.environ.get(LANGUAGE))
    return wanted if wanted in LANGUAGES else DEFAULT_LANGUAGE


def _language_choice(words: Words) -> None:
    with st.sidebar:
        st.segmented_control(
            words("language"),
            list(LANGUAGES),
            default=None if "language" in st.session_state else words.language,
            format_func=LANGUAGES.get,
            key="language",
            label_visibility="collapsed",
            required=True,
        )


def _filters(view: View) -> Filters:
    words = view.words
    months = view.rows("months")
    known = list(months["month"])
    whole = list(months.loc[months["is_complete_month"], "month"]) or known
    with st.sidebar:
        st.markdown(f"**{words('filters')}**")
        if len(known) > 1:
            chosen = st.select_slider(
                words("period"),
                known,
                value=(whole[-_MONTHS_SHOWN_AT_FIRST:][0], whole[-1]),
                format_func=words.month,
                key="period",
                help=words("period_help"),
            )
        else:
            chosen = (known[0], known[0]) if known else ("0000-00", "9999-99")
        narrowed = {name: _choice(view, name) for name in DIMENSIONS}
    return Filters(chosen[0], chosen[1], **narrowed)


def _choice(view: View, dimension: str) -> str | None:
    words = view.words
    try:
        rows = view.rows("filter_values")
    except NotPublishedError:
        return None
    values = list(rows.loc[rows["segment_type"] == dimension, "segment_value"])
    chosen: str | None = st.selectbox(
        words(dimension),
        values,
        index=None,
        placeholder=words("everything"),
        format_func=lambda value: words.value(dimension, value),
        key=dimension,
    )
    return chosen


def _about(view: View) -> None:
    words = view.words
    with st.sidebar:
        st.caption(words("as_of", moment=view.version.as_of[:16].replace("T", " ")))
        st.caption(words("version", version=view.version.name))


def _show(key: str, view: View) -> None:
    try:
        PAGES[key].show(view)
    except LeadrelayError as error:
        _say(view.words, error)


def _sayer(words: Words, error: LeadrelayError, _page: str) -> Callable[[], None]:
    return partial(_say, words, error)


def _say(words: Words, error: LeadrelayError) -> None:
    """Say in plain words what is missing and what to do about it."""
    kinds: tuple[tuple[type[LeadrelayError], str, str], ...] = (
        (NothingPublishedError, "nothing_published", "inbox"),
        (VersionVanishedError, "vanished", "history"),
        (BrokenVersionError, "broken", "broken_image"),
        (NotPublishedError, "older", "construction"),
    )
    key, icon = next(((key, icon) for kind, key, icon in kinds if isinstance(error, kind)), ("failed_page", "error"))
    st.title(words(f"{key}_title"), anchor=False)
    st.markdown(words(f"{key}_note"))
    st.code(words(f"{key}_type"), language="shell")
    st.caption(f":material/{icon}: {error}")
