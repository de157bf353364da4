"""Texts become pages: links lead inside the site or lose themselves, names of marts become links, nobody's HTML is obeyed."""

from orchestration.site.markdown import render

PAGES = {"other.md": "other.html"}


def rendered(text, words=None):
    return render(text, lambda target: target if target.startswith(("http", "#")) else PAGES.get(target), words or {})


def test_a_title_is_taken_out_and_headings_get_anchors_once_each():
    done = rendered("# Title of `it`\n\n## A part\n\n## A part\n\n### Deep_er (1)\n")
    assert done.title == "Title of it"
    assert "<h1>" not in done.html
    assert [(heading.level, heading.anchor) for heading in done.headings] == [
        (2, "a-part"),
        (2, "a-part-1"),
        (3, "deep_er-1"),
    ]
    assert '<h2 id="a-part-1">' in done.html


def test_a_link_leads_to_the_page_or_keeps_its_words_alone():
    html = rendered("[a](other.md) [b](LICENSE) [c](#x) [d](https://example.com/)").html
    assert '<a href="other.html">a</a>' in html
    assert '<span class="elsewhere">b</span>' in html
    assert '<a href="#x">c</a>' in html
    assert '<a href="https://example.com/" rel="noreferrer">d</a>' in html


def test_a_name_in_code_is_a_link_but_not_inside_another():
    html = rendered("`mart_x` and [`mart_x`](other.md)", {"mart_x": "marts/mart_x.html"}).html
    assert html.count("marts/mart_x.html") == 1
    assert '<a href="other.html"><code>mart_x</code></a>' in html


def test_html_is_shown_and_not_obeyed():
    html = rendered("<script>alert(1)</script>\n\n[x](javascript:alert(1))\n\n```sql\nselect '<b>'\n```\n").html
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "&lt;b&gt;" in html


def test_code_is_coloured_when_its_language_is_known():
    assert '<span class="k">select</span>' in rendered("```sql\nselect 1\n```\n").html
    assert "any thing" in rendered("```nosuch\nany thing\n```\n").html
