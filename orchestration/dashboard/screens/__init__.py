"""The pages, in the order of the menu; each module shows one and is called by `shell` alone.

A page asks queries, adds up nothing that a query has not, and hands rows to charts and tables. The folder is
not called ``pages``: Streamlit would take each file in it for a page of its own and run it bare.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestration.dashboard.screens import (
    accounts,
    attribution,
    channels,
    content,
    funnel,
    nurture,
    overview,
    person,
    quality,
    velocity,
)
from orchestration.dashboard.view import View


@dataclass(frozen=True)
class Page:
    """One page of the menu.

    Parameters
    ----------
    show
        Draws it.
    icon
        Name of a Material symbol, which Streamlit brings.
    """

    show: Callable[[View], None]
    icon: str


PAGES: Mapping[str, Page] = {
    "overview": Page(overview.show, "dashboard"),
    "funnel": Page(funnel.show, "filter_alt"),
    "velocity": Page(velocity.show, "speed"),
    "channels": Page(channels.show, "payments"),
    "attribution": Page(attribution.show, "call_split"),
    "accounts": Page(accounts.show, "domain"),
    "nurture": Page(nurture.show, "alt_route"),
    "content": Page(content.show, "article"),
    "quality": Page(quality.show, "fact_check"),
    "person": Page(person.show, "person_search"),
}
