"""What a page gets: the version of now, the filters, the words, and the few ways in which a page shows things.

A part of a page that has nothing to show says why and what to do; it never fails as a whole. What does not belong here: what a page asks
(`screens`), how a chart looks (`charts`).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from orchestration.dashboard import figures
from orchestration.dashboard.filters import DIMENSIONS, Filters
from orchestration.dashboard.published import NotPublishedError, Version, read
from orchestration.dashboard.words import Words
from orchestration.settings import Settings

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

_KEPT_RESULTS = 400
_VALUE_COLUMNS: Mapping[str, str] = {
    "stage": "stage",
    "stage_now": "stage",
    "from_stage": "stage",
    "to_stage": "stage",
    "channel": "channel",
    "route": "route",
    "direction": "direction",
    "next_step": "next_step",
    "assign_to": "team",
    "state": "state",
    "coverage": "coverage",
    "event_type": "event_type",
    "content_type": "content_type",
    "journey_stage": "journey_stage",
    "severity": "severity",
    "gate": "gate",
    "action": "action",
    "reason": "reason",
    "programme": "programme",
    "signal": "signal",
    "score_kind": "score_kind",
    "rule_id": "score_rule",
    "anomaly": "anomaly",
    "link_rule": "link",
    "because": "link",
    "identifier_type": "identifier_type",
    "guard_reason": "guard_reason",
    "refused_because": "refused_because",
    "region": "region",
    "industry": "industry",
}


# Of these the day is enough, and a narrower column.
_DAYS = {"last_at", "last_touch_at", "starts_at"}
SHORT_ID = 8


class NoRowsError(Exception):
    """A part of a page has no rows under the filters."""


@dataclass(frozen=True)
class View:
    """Everything that a page needs.

    Parameters
    ----------
    settings
        The home.
    version
        What is published now.
    words
        The language.
    filters
        What the reader chose.
    shows_people
        Whether names and addresses may be shown.
    """

    settings: Settings
    version: Version
    words: Words
    filters: Filters
    shows_people: bool

    @cached_property
    def currency(self) -> str:
        """Return the currency of all amounts, in words when nothing says which."""
        try:
            rows = self.rows("stage_worth", segment_type="all", segment_value="all")
        except NotPublishedError:
            return self.words("reporting_currency")
        return str(rows["reporting_currency"].iloc[0]) if len(rows) else self.words("reporting_currency")

    def rows(self, query: str, **more: Any) -> "pd.DataFrame":  # noqa: ANN401 - any value of a query
        """Return the rows of a query under the filters; remembered as long as the version stands, which never changes."""
        parameters = {**self.filters.parameters(), **more}
        remembered = st.cache_data(max_entries=_KEPT_RESULTS, show_spinner=False)(_read_open)
        found: pd.DataFrame = remembered(str(self.version.folder), query, tuple(sorted(parameters.items())))
        return found

    def people(self, person_ids: Sequence[str]) -> "pd.DataFrame":
        """Return names and addresses of some persons, read from the people file and never remembered."""
        return read(self.version.folder, "people", {"person_ids": list(person_ids)}, with_people=True)

    def with_people(self, rows: "pd.DataFrame", columns: Sequence[str]) -> "pd.DataFrame":
        """Return the rows with some columns of the people file, or as they are where names may not be shown."""
        if not self.shows_people:
            return rows
        people = self.people(rows["person_id"].unique().tolist())
        return rows.merge(people[["person_id", *columns]], how="left", on="person_id")

    def head(self, page: str, *followed: str) -> None:
        """Show the page's title, its question, and which of the filters it follows."""
        st.title(self.words(f"{page}_title"), anchor=False)
        st.markdown(f":gray[{self.words(f'{page}_question')}]")
        self._say_filters(followed)

    def _say_filters(self, followed: Sequence[str]) -> None:
        words, filters = self.words, self.filters
        told = []
        if "period" in followed:
            told.append(f":blue-badge[{words.period(filters.from_month, filters.to_month)}]")
        lost = []
        for name in filters.chosen:
            text = f"{words(name)}: {words.value(name, getattr(filters, name))}"
            if name in followed or ("segment" in followed and filters.segment[0] == name):
                told.append(f":blue-badge[{plain(text)}]")
            else:
                lost.append(plain(text))
        if lost:
            told.append(f":orange-badge[{words('not_followed')}: {', '.join(lost)}]")
        if told:
            st.markdown(" ".join(told))

    @contextmanager
    def part(self, key: str, **values: object) -> Iterator[None]:
        """Show one part of a page in a frame of its own: heading, what it means, and its content or the reason why there is none."""
        with st.container(border=True, height="stretch"):
            st.subheader(self.words(f"{key}_title", **values), anchor=False)
            st.caption(self.words(f"{key}_note", **values))
            try:
                yield
            except NotPublishedError:
                st.info(self.words("not_built"), icon=":material/construction:")
            except NoRowsError:
                st.info(self.words("no_rows"), icon=":material/filter_alt_off:")

    def some(self, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Return the rows, or leave the part with its empty state when there are none."""
        if rows.empty:
            raise NoRowsError
        return rows

    def chart(self, chart: "alt.Chart | alt.LayerChart", key: str) -> None:
        """Show a chart as wide as its part."""
        st.altair_chart(chart, width="stretch", key=key)

    def table(
        self, rows: "pd.DataFrame", mart: str, columns: Sequence[str], names: Mapping[str, str] | None = None
    ) -> None:
        """Show rows as a table with business labels.

        Parameters
        ----------
        rows
            As a query gave them.
        mart
            Whose yml names the columns.
        columns
            Which are shown, in this order.
        names
            What some columns are called in place of that.
        """
        shown = rows[list(columns)].copy()
        config: dict[str, Any] = {}
        for column in columns:
            label = (names or {}).get(column) or self.words.header(mart, column)
            config[column] = _column(column, label, self.words.meaning(mart, column), shown[column])
            if column == "person_id":
                config[column], shown[column] = self._person_links(label, shown[column])
            kind = _VALUE_COLUMNS.get(column)
            if kind == "stage":
                shown[column] = [self.words.stage(value) for value in shown[column]]
            elif kind:
                shown[column] = [self.words.value(kind, value) for value in shown[column]]
        st.dataframe(shown, hide_index=True, column_config=config, width="stretch", placeholder="\u2013")

    def _person_links(self, label: str, person_ids: "pd.Series[Any]") -> tuple[Any, list[str]]:
        """Return a narrow column whose cells lead to the page of a person."""
        links = [f"/person?person={person_id}&lang={self.words.language}" for person_id in person_ids]
        begin = rf"person=([^&]{{1,{SHORT_ID}}})"
        return st.column_config.LinkColumn(label, help=self.words("person_link"), display_text=begin), links

    def step(self, rows: "pd.DataFrame") -> "pd.DataFrame":
        """Return the rows with ``step``: from where to where, in words."""
        return figures.with_steps(rows, self.words)

    def named(self, rows: "pd.DataFrame", column: str, kind: str | None = None) -> "pd.DataFrame":
        """Return the rows with a column's values in the reader's language as ``<column>_label``."""
        return figures.with_names(rows, self.words, column, kind)

    def spoken(self, rows: "pd.DataFrame", label: str = "label") -> "pd.DataFrame":
        """Return the rows with the one of a mart's two label columns that the reader reads, as ``<label>``."""
        return rows.assign(**{label: rows[f"{label}_{self.words.language}"]})


def dimensions(words: Words) -> dict[str, str]:
    """Return the three dimensions and what they are called."""
    return {name: words(name) for name in DIMENSIONS}


def _read_open(folder: str, query: str, parameters: tuple[tuple[str, Any], ...]) -> "pd.DataFrame":
    return read(Path(folder), query, dict(parameters))


def _column(column: str, label: str, meaning: str | None, values: "pd.Series[Any]") -> Any:  # noqa: ANN401 - Streamlit's type
    kinds = st.column_config
    if column.endswith("_at"):
        style = "YYYY-MM-DD" if column in _DAYS else "YYYY-MM-DD HH:mm"
        return kinds.DatetimeColumn(label, help=meaning, format=style, timezone="UTC")
    if values.dtype.kind == "b":
        return kinds.CheckboxColumn(label, help=meaning)
    if values.dtype.kind in "iuf":
        if column.endswith(
            (
                "_rate",
                "_share",
                "_low",
                "_high",
                "_coverage",
                "roi",
                "readiness",
                "reach",
                "awareness",
                "precision",
                "recall",
                "influence",
            )
        ):
            return kinds.NumberColumn(label, help=meaning, format="percent", step=0.001)
        if column.endswith(("_days", "_hours", "hours_left")) or column in {
            "score",
            "score_display",
            "points_now",
            "targets_credited",
        }:
            return kinds.NumberColumn(label, help=meaning, format="%.1f")
        return kinds.NumberColumn(label, help=meaning, format="localized", step=1)
    return kinds.TextColumn(label, help=meaning)


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()#+!|<>$:~" else letter for letter in text)
