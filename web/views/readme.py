"""A README as safe HTML: no scripts, no styles, no images, no way into our own pages."""

import re
from collections.abc import MutableMapping, Sequence
from functools import lru_cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

_MOST = 100_000
"""One that is made for it takes seconds to render, in proportion to its length."""
_RST = re.compile(r"^\.\. [\w-]+::", re.MULTILINE)
_TAGS = set(
    [
        "p",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "blockquote",
        "pre",
        "code",
        "kbd",
        "samp",
        "em",
        "strong",
        "b",
        "i",
        "s",
        "del",
        "ins",
        "sub",
        "sup",
        "a",
        "br",
        "hr",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "details",
        "summary",
    ]
)


def _image(
    self: RendererHTML,
    tokens: Sequence[Token],
    idx: int,
    options: Any,
    env: MutableMapping[str, Any],
) -> str:
    return ""  # badges and remote pictures would tell strangers who reads this page


_markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_markdown.add_render_rule("image", _image)


def _only_web_links(tag: str, attribute: str, value: str) -> str | None:
    if tag == "a" and attribute == "href":
        return value if re.match(r"(?i)https?://|mailto:", value) else None
    return value


@lru_cache(maxsize=32)
def html(text: str) -> Markup:
    """The README rendered; reStructuredText stays as it is."""
    text = text[:_MOST]
    if _RST.search(text):
        return Markup("<pre>{}</pre>").format(text)
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"  # below the page's own headings
    rendered = _markdown.renderer.render(tokens, _markdown.options, {})
    cleaned = nh3.clean(
        rendered,
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        attribute_filter=_only_web_links,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow ugc",
    )
    cleaned = re.sub(r"<a[^>]*>\s*</a>|<p>\s*</p>", "", cleaned)
    cleaned = cleaned.replace("<pre>", '<pre tabindex="0">')  # it scrolls: keys must reach it
    return Markup(cleaned)  # noqa: S704 - nh3 has cleaned it


def plain(text: str) -> Markup:
    """Text as it stands."""
    return Markup("<pre>{}</pre>").format(escape(text))
