"""Markdown to HTML by markdown-it, with what a page of this site adds: anchors, colours of code, links that lead inside the site.

What belongs here: one text at a time. What does not: which pages there are (`build`).
"""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

# Takes the target of a link as it is written, returns where it leads from this page, or None when that is not part of the site.
Resolve = Callable[[str], str | None]
_FORMATTER = HtmlFormatter(nowrap=True)


@dataclass(frozen=True)
class Heading:
    """A heading below the title: its level (2 or 3), anchor and text."""

    level: int
    anchor: str
    text: str


@dataclass
class Rendered:
    """A text as HTML, with its title and headings."""

    html: str
    title: str = ""
    headings: list[Heading] = field(default_factory=list)


def render(text: str, resolve: Resolve, words: Mapping[str, str], *, drop_title: bool = True) -> Rendered:
    """Render a text.

    Parameters
    ----------
    text
        Markdown (CommonMark and tables); HTML in it is shown, not obeyed.
    resolve
        Where links lead.
    words
        Code spans that are a link wherever they stand, such as names of marts, and their targets.
    drop_title
        Leave the first heading out of the HTML, since the page shows it itself.

    Returns
    -------
    Rendered
        The page's body.
    """
    parser = MarkdownIt("commonmark", {"html": False, "highlight": highlighted}).enable(["table", "strikethrough"])
    parser.add_render_rule("table_open", lambda *_: '<div class="table"><table>\n', fmt="html")
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n", fmt="html")
    tokens = parser.parse(text)
    done = Rendered("")
    anchors: dict[str, int] = {}
    kept: list[Token] = []
    inside_title = False
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            words_of = _plain(tokens[place + 1])
            level = int(token.tag[1])
            if level == 1 and not done.title:
                done.title = words_of
                inside_title = drop_title
            elif level in {2, 3}:
                anchor = _anchor(words_of, anchors)
                token.attrSet("id", anchor)
                done.headings.append(Heading(level, anchor, words_of))
        if token.type == "inline":
            token.children = _linked(token.children or [], resolve, words)
        if not inside_title:
            kept.append(token)
        if token.type == "heading_close" and inside_title:
            inside_title = False
    done.html = parser.renderer.render(kept, parser.options, {})
    return done


def highlighted(code: str, language: str, _attributes: str = "") -> str:
    """Return code as HTML with a class for each kind of word; as it is when the language is unknown.

    Parameters
    ----------
    code
        The text of the block.
    language
        Such as ``sql``.
    """
    try:
        return str(highlight(code, get_lexer_by_name(language), _FORMATTER))
    except ClassNotFound:
        return html.escape(code)


def code_styles() -> str:
    """Return the style rules of highlighted code for light and for dark pages."""
    light = HtmlFormatter(style="friendly").get_style_defs("pre")
    dark = HtmlFormatter(style="github-dark").get_style_defs(":root[data-theme=dark] pre")
    return "\n".join(line for line in f"{light}\n{dark}".splitlines() if "." in line.split("{", 1)[0])


def _linked(children: Sequence[Token], resolve: Resolve, words: Mapping[str, str]) -> list[Token]:
    """Turn links to where they lead on this site; what is not part of it keeps its words and loses the link."""
    found: list[Token] = []
    inside: list[bool] = []
    for token in children:
        if token.type == "link_open":
            target = resolve(str(token.attrGet("href")))
            inside.append(target is not None)
            if target is None:
                found.append(_raw('<span class="elsewhere">'))
                continue
            token.attrSet("href", target)
            if target.startswith(("http:", "https:")):
                token.attrSet("rel", "noreferrer")
        elif token.type == "link_close" and not inside.pop():
            found.append(_raw("</span>"))
            continue
        elif token.type == "code_inline" and not any(inside) and token.content in words:
            found.append(
                _raw(f'<a href="{html.escape(words[token.content])}"><code>{html.escape(token.content)}</code></a>')
            )
            continue
        elif token.type == "image":
            token.attrSet("src", resolve(str(token.attrGet("src"))) or "")
        found.append(token)
    return found


def _raw(text: str) -> Token:
    token = Token("html_inline", "", 0)
    token.content = text
    return token


def _plain(token: Token) -> str:
    return "".join(child.content for child in token.children or [] if child.type in {"text", "code_inline"})


def _anchor(text: str, taken: dict[str, Any]) -> str:
    base = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") or "part"
    taken[base] = taken.get(base, -1) + 1
    return base if taken[base] == 0 else f"{base}-{taken[base]}"
