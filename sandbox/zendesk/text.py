"""How Zendesk treats comment text: placeholders of agents' comments, HTML stripped, length cut (Z2.4-Z2.9)."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

LIMIT = 65_535  # bytes; a longer comment is cut silently (Z2.8)
PLACEHOLDER = re.compile(r"(?P<escape>\\+)?\{\{\s*(?P<name>[^{}]*?)\s*\}\}")
CODE = re.compile(r"(<code\b[^>]*>.*?</code>)", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"</?[a-zA-Z][^>]*>")
BREAK = re.compile(r"(?i)<br\s*/?>|</p>|</div>")


def render(text: str, look_up: Callable[[str], str | None]) -> str:
    """Replace placeholders; unknown ones vanish, `\\\\{{x}}` stays as `{{x}}` (the documented escape)."""

    def replace(found: re.Match[str]) -> str:
        if found["escape"]:
            return found[0][len(found["escape"]) :]
        return look_up(found["name"]) or ""

    return PLACEHOLDER.sub(replace, text)


def render_html(text: str, look_up: Callable[[str], str | None]) -> str:
    """The same for html_body, where text inside code tags is left alone and values are escaped."""
    parts = CODE.split(text)
    return "".join(
        part if n % 2 else render(part, lambda name: html.escape(look_up(name) or "")) for n, part in enumerate(parts)
    )


def plain(text: str) -> str:
    """HTML to text: breaks become lines, tags go, entities are read."""
    return html.unescape(TAG.sub("", BREAK.sub("\n", text))).strip()


def body_text(text: str) -> str:
    """What Zendesk makes of `body`: HTML stripped, runs of spaces collapsed, cut at 64 kB."""
    collapsed = re.sub(r"[ \t]{2,}", " ", TAG.sub("", text))
    return collapsed.encode()[:LIMIT].decode("utf-8", "ignore")


def to_html(text: str) -> str:
    """The html_body that Zendesk shows for a plain body."""
    paragraphs = "".join(
        f'<p dir="auto">{html.escape(p, quote=False)}</p>'.replace("\n", "<br>") for p in text.split("\n\n")
    )
    return f'<div class="zd-comment" dir="auto">{paragraphs}</div>'
