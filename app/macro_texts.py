"""The Zendesk macros as the desk expects them: title, text, actions, and why we may write to the customer at all.

The account's own macro is what is sent; these files are what `desk check` compares it with. Sources: SOP 000 sections
2 and 3, features 1.5 (four questions before contact) and 1.6 (no marketing in a service message), faults Z7.
"""

from __future__ import annotations

import html
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import ConfigError
from app.texts import FAMILIES, FOLDER, LANGUAGES, by_language

PLACEHOLDERS = frozenset({"{{ticket.requester.first_name}}", "{{ticket.id}}"})
PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")
TAG = re.compile(r"<[^<>]{1,2000}>")
QUESTIONS = ("marketing_content", "lawful_reason", "necessary", "unsubscribe")
# Words and things that make a service message a marketing message, in any of the languages; SOP words such as
# "promotional messages" are not among them, because the message is about stopping those.
MARKETING = re.compile(
    r"https?://|www\.|<img|\[Insert|\bdiscount|\bcash ?back|\bvoucher|\bpromo code|\blimited time|\bspecial offer"
    r"|\bapply now|\bclick here|\bbuy now|\bfree gift|\binterest rate|\bdiskaun|\bbaucar|\bkod promosi"
    r"|\btawaran istimewa|\bmohon sekarang|\bklik di sini|\bhadiah percuma"
    r"|优惠券|折扣|立即申请|点击这里|限时|赠品|返现",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class MacroText:
    """One macro: `body` and `must_say` by language, `actions` as field -> value, `contact` answers by question."""

    title: str
    sop: str
    body: Mapping[str, str]
    must_say: Mapping[str, str]
    actions: Mapping[str, str]
    contact: Mapping[str, str]

    def faults(self, text: str) -> tuple[str, ...]:
        """Slugs of what is wrong with `text` as this macro's text in the account; () when it may be sent.

        `marketing`, `placeholder` (one we do not allow, or an unfinished `[Insert …]`), `advice` (the sentence that
        SOP 000 wants is in none of the languages). Rich text is read as its reader sees it.
        """
        wrong = []
        if MARKETING.search(text):
            wrong.append("marketing")
        left = PLACEHOLDER.sub(lambda mark: "" if re.sub(r"\s", "", mark[0]) in PLACEHOLDERS else mark[0], text)
        if re.search(r"\{\{|\{%|\[Insert", left, re.IGNORECASE):
            wrong.append("placeholder")
        plain = " ".join(html.unescape(TAG.sub(" ", text)).split()).casefold()
        if not any(" ".join(phrase.split()).casefold() in plain for phrase in self.must_say.values()):
            wrong.append("advice")
        return tuple(wrong)


def load_macros(folder: Path | None = None) -> dict[str, MacroText]:
    """Title -> macro, from every file in `folder` that is not a family of texts. Raises ConfigError, reason `texts`."""
    macros: dict[str, MacroText] = {}
    for path in sorted((folder or FOLDER).glob("*.toml")):
        if path.stem in FAMILIES:
            continue
        try:
            macro = _macro(path.stem, tomllib.loads(path.read_text("utf-8")))
        except (OSError, UnicodeError, tomllib.TOMLDecodeError, KeyError, TypeError):
            raise ConfigError(f"{path.name} is not a macro", "texts") from None
        if macro.title in macros:
            raise ConfigError(f"{path.name}: title is used twice", "texts")
        macros[macro.title] = macro
    return macros


def _macro(name: str, table: dict[str, dict[str, str]]) -> MacroText:
    contact = table["contact"]
    if tuple(contact) != QUESTIONS or not all(contact.values()):
        raise ConfigError(f"{name}: the four questions before contact are not answered", "texts")
    return MacroText(
        title=str(table["title"]),
        sop=str(table["sop"]),
        body=by_language(f"{name}.body", table["body"], marks=PLACEHOLDER),
        must_say={language: table["must_say"][language] for language in LANGUAGES},
        actions=dict(table.get("actions", {})),
        contact=dict(contact),
    )
