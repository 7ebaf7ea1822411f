"""The Zendesk macros as the desk expects them: title, text, actions, and why we may write to the customer at all.

The account's own macro is what is sent; these files are what `desk check` compares it with. Sources: SOP 000 sections
2 and 3, features 1.5 (four questions before contact) and 1.6 (no marketing in a service message), faults Z7.
"""

from __future__ import annotations

import hashlib
import html
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import ConfigError
from app.texts import FAMILIES, FOLDER, LANGUAGES, by_language

if TYPE_CHECKING:
    from app.notes import Note

PLACEHOLDERS = frozenset({"{{ticket.requester.first_name}}", "{{ticket.id}}"})
PLACEHOLDER = re.compile(r"\{\{[^{}]*\}\}")
TAG = re.compile(r"<[^<>]{1,2000}>")
QUESTIONS = ("marketing_content", "lawful_reason", "necessary", "unsubscribe")
# Words and links that make a service message a marketing message, in any of the languages; SOP words such as
# "promotional messages" are not among them, because the message is about stopping those.
MARKETING = re.compile(
    r"\bdiscount|\bcash ?back|\bvoucher|\bpromo code|\blimited time|\bspecial offer"
    r"|\bapply now|\bclick here|\bbuy now|\bfree gift|\binterest rate|\bdiskaun|\bbaucar|\bkod promosi"
    r"|\btawaran istimewa|\bmohon sekarang|\bklik di sini|\bhadiah percuma"
    r"|优惠券|折扣|立即申请|点击这里|限时|赠品|返现"
    r"|(?:https?://|www\.)[^\s\"'<>]*(?:promo|offer|campaign|apply)",
    re.IGNORECASE,
)
# What tells the sender that a message was read, or by whom: images (a pixel is one) and links with a reader's mark.
TRACKING = re.compile(
    r"<img|!\[[^\]]*\]\(|background(?:-image)?\s*[:=][^;>]*url|<iframe|<object|<script"
    r"|(?:https?://|www\.)[^\s\"'<>]*(?:utm_|gclid|fbclid|mc_eid|/track|/click|/open\b|pixel)",
    re.IGNORECASE,
)
LINK = re.compile(r"https?://|www\.|<a\s", re.IGNORECASE)
LEFTOVER = re.compile(r"\{\{|\{%|\[Insert", re.IGNORECASE)


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

        `marketing`, `tracking`, `link` (a plain one), `placeholder` (one we do not allow, or an unfinished
        `[Insert …]`), `advice` (the sentence that SOP 000 wants is in none of the languages). Rich text is read as
        its reader sees it.
        """
        wrong = list(unfit(text))
        if LINK.search(text) and not {"marketing", "tracking"} & set(wrong):
            wrong.append("link")
        left = PLACEHOLDER.sub(lambda mark: "" if re.sub(r"\s", "", mark[0]) in PLACEHOLDERS else mark[0], text)
        if LEFTOVER.search(left):
            wrong.append("placeholder")
        if not any(_plain(phrase) in _plain(text) for phrase in self.must_say.values()):
            wrong.append("advice")
        return tuple(wrong)

    def approved(self, text: str) -> bool:
        """Whether `text` is ours in one of the languages: the same hash, whatever its markup and white space."""
        return text_hash(text) in {text_hash(body) for body in self.body.values()}


def unfit(text: str) -> tuple[str, ...]:
    """`marketing`, `tracking`: what no service message may hold, whichever macro it is (features 1.6)."""
    found = {"marketing": MARKETING, "tracking": TRACKING}
    return tuple(fault for fault, pattern in found.items() if pattern.search(text))


def text_hash(text: str) -> str:
    """SHA-256 of the words alone: no markup, no white space, no difference of case."""
    return hashlib.sha256(re.sub(r"\s", "", _plain(text)).encode()).hexdigest()


def _plain(text: str) -> str:
    return " ".join(html.unescape(TAG.sub(" ", text)).split()).casefold()


@cache
def ours() -> Mapping[str, MacroText]:
    """As load_macros, read once a process."""
    return load_macros()


def lines(note: Note) -> Sequence[str]:
    """The note's lines on the wording of what was sent, and on advice that the agent must give (SOP 000 section 2)."""
    from app.notes import REQUEST_MACRO

    found, advise = [], "info:no_email" in note.case.problems and note.case.is_open
    for effect in note.effects:
        if effect.verb != "apply_macro" or effect.state != "done":
            continue
        if effect.evidence.get("wording") == "changed":
            found.append(note.texts.get("notes.email.wording", macro=effect.arg))
        faults = effect.evidence.get("faults")
        advise = advise or (effect.arg == REQUEST_MACRO and isinstance(faults, list) and "advice" in faults)
    return [*found, note.texts.get("notes.email.advise")] if advise else found


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
