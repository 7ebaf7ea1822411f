r"""One encoder a sink: what a customer typed stays text wherever it is shown.

Every encoder is pure and linear, and cuts *after* encoding, between two characters as people see them: never inside an
entity, an escape or an emoji. A cut text ends in an ellipsis. Characters nobody can see but a machine obeys (control,
bidirectional, zero-width) are taken out first. Sources: facts chat-and-jira S29-S31, J6, M31, zendesk Z2.9; bad-inputs
group X; Atlassian's BackslashEscapeRendererComponent (the characters that ``\`` escapes in wiki text).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlsplit

NAME_LIMIT = 80  # characters as people see them, bad-inputs "Conventions"
CONTACT_LIMIT = 40
ELLIPSIS = "…"
GAP = "\u200b"  # zero-width space: breaks a sequence that a machine would obey, and shows nothing

JOINERS = "\u200c\u200d"
# Bidirectional marks, zero-width and other invisible characters, blank letters, tag characters.
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
UNIT_LIMIT = 32  # code points in one such character; more is no emoji and no letter
MARKS_KEPT = 6  # combining marks on one letter; more is there to smear over the neighbours
WIKI = frozenset("-#*_+?^~|%{}[]()!@")
MARKDOWN = frozenset("\\`*_[]#|~>")
MATTERMOST = frozenset("`*_[]|>")
FORMULA = frozenset("=+-@\t\r\n\x00＝＋－＠")
PLAIN = re.compile(r"(?:[A-Za-z0-9][ !#-~]*)?")  # no quote, no control, and a formula begins otherwise
URL_SAFE = "/?&=:;,.@$+~-_%#"


def mrkdwn(text: str, limit: int) -> str:
    """Slack's mrkdwn: the three entities and nothing else; `limit` in code points of the result (S29, S30)."""
    entities = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
    return _fit(("".join(entities.get(char, char) for char in unit) for unit in _units(_visible(text))), limit)


def slack_plain(text: str, limit: int) -> str:
    """Text of a Slack `plain_text` object (send it with `emoji: false`): nothing to encode, only to clean and cut."""
    return _fit(_units(_visible(text)), limit)


def typed(text: str, limit: int) -> str:
    """What somebody wrote into a form, before it is stored: cleaned and cut, its lines kept; sinks still encode it."""
    return _fit(_units(_visible(text[: limit * 4]).strip()), limit)


def jira_wiki(text: str, limit: int) -> str:
    r"""Wiki text of JIRA's API v2: markup is escaped with ``\``; what that cannot escape is broken by a gap.

    Line breaks stay. A backslash of the customer's gets a gap behind it: two in a row are a forced line break, and one
    before our own escape would undo it.
    """
    text = re.sub(r"(?im)^( *(?:h[1-6]|bq))\.", rf"\1{GAP}.", _visible(text))
    text = re.sub(r":(?=[/\\DPp])|&(?=[#a-zA-Z])", rf"\g<0>{GAP}", text).replace("\\", "\\" + GAP)
    return _fit(("".join(f"\\{char}" if char in WIKI else char for char in unit) for unit in _units(text)), limit)


def mattermost(text: str, limit: int) -> str:
    r"""Markdown of Mattermost's clients: no mention, link, hashtag, emoji, image, list or table comes of it (M31).

    Their lexers put an escaped character back beside its neighbours before they look for mentions, hashtags and emoji,
    so a gap breaks the sequence there, where ``\`` would not. Bare addresses link too, with and without a scheme.
    """
    text = re.sub(r"(?m)^ {4,}", "   ", _visible(text))
    text = re.sub(r"(?m)^( *[-+=])(?=[\s\-+=])", rf"\1{GAP}", text)
    text = re.sub(r"(?m)^( *\d+)(?=[.)])", rf"\1{GAP}", text)
    text = re.sub(r"(?<=\S)\.(?=\S)", f"{GAP}.", text)
    text = re.sub(r":(?=\S)|&(?=[#a-zA-Z])|[@#~\\]", rf"\g<0>{GAP}", text)
    return _fit(("".join(_mattermost_char(char) for char in unit) for unit in _units(text)), limit)


def zendesk(text: str, limit: int) -> str:
    """Text of a Zendesk comment `body`: no placeholder is expanded, no HTML stripped, no Markdown rendered (Z2.8-9)."""
    text = re.sub(r"(?m)^( *[-+=])(?=[\s\-+=])", rf"\1{GAP}", _visible(text))
    text = re.sub(r"(?m)^( *\d+)(?=[.)])", rf"\1{GAP}", text)
    units = ("".join(_zendesk_char(char) for char in unit) for unit in _units(text))
    return _fit(units, limit)


def shown(text: str, limit: int = NAME_LIMIT) -> str:
    """One line for a person to read, `limit` in characters as people see them; no markup is touched."""
    units = list(_units(" ".join(_visible(text).split())))
    return "".join(units) if len(units) <= limit else "".join(units[: max(limit - 1, 0)]).rstrip() + ELLIPSIS


def one_line(text: str, limit: int) -> str:
    r"""One line for a log or a terminal: control, bidirectional and invisible characters appear as ``\x1b``."""
    return _fit((_escaped(char) for char in text), limit)


def csv_cell(text: str) -> str:
    """One quoted RFC 4180 field that no spreadsheet takes for a formula (X016); controls but line breaks are gone."""
    if PLAIN.fullmatch(text):  # nearly every cell of a file of ten thousand rows: two seconds less
        return f'"{text}"'
    starts = (text[:1], text.lstrip()[:1], _visible(text).lstrip()[:1])
    guard = "'" if any(start in FORMULA for start in starts) else ""
    clean = "".join(char for char in _whole(text) if char in "\t\r\n" or unicodedata.category(char) != "Cc")
    return '"' + guard + clean.replace('"', '""') + '"'


def web_url(text: str) -> str | None:
    """The same address in plain ASCII when it is a simple http(s) one, else None: it is then shown as text, no link.

    Refused: other schemes, a user part (it hides the host), a host beyond letters, digits, dots and dashes, blanks.
    """
    if len(text) > 2000 or any(char.isspace() or not char.isprintable() or char in "\\<>\"'`" for char in text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?", parts.netloc):
        return None
    return quote(text, safe=URL_SAFE)


def slack_link(url: str, label: str, limit: int) -> str:
    """`<url|label>` for mrkdwn, or the encoded text when `url` is not an address we link to or does not fit."""
    address = web_url(url)
    if address is not None:
        address = address.replace("&", "&amp;")
        room = limit - len(address) - 3
        if room >= 1:
            return f"<{address}|{mrkdwn(shown(label, 200), room)}>"
    return mrkdwn(shown(url, 200), limit)


def mattermost_link(url: str, label: str, limit: int) -> str:
    """`[label](url)` for Markdown, or the encoded text when `url` is not an address we link to or does not fit.

    Square brackets of the label become round: the clients do not agree on escaped ones there.
    """
    address = web_url(url)
    if address is not None:
        room = limit - len(address) - 4
        if room >= 1:
            said = shown(label, 200).replace("[", "(").replace("]", ")")
            return f"[{mattermost(said, room)}]({address})"
    return mattermost(shown(url, 200), limit)


def jira_link(url: str, limit: int) -> str:
    """`[url]` for wiki text, or the encoded text when `url` is not an address we link to or does not fit."""
    address = web_url(url)
    if address is not None and len(address) + 2 <= limit:
        return "[" + address.replace("~", "%7E") + "]"
    return jira_wiki(shown(url, 200), limit)


def _whole(text: str) -> str:
    """Lone surrogates cannot be sent as UTF-8."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _visible(text: str) -> str:
    """Without control and invisible characters; line breaks become `\\n`, tabs a blank, joiners stay where they join.

    An emoji and many scripts need the joiners (X025); between or after Latin letters they only hide something.
    """
    text = INVISIBLE.sub("", _whole(re.sub("\r\n?|[\x85\u2028\u2029]", "\n", text)).replace("\t", " "))
    kept: list[str] = []
    marks = 0
    for index, char in enumerate(text):
        if char in JOINERS:
            if not (kept and _joins(kept[-1]) and index + 1 < len(text) and _joins(text[index + 1])):
                continue
        elif char != "\n" and unicodedata.category(char) == "Cc":
            continue
        marks = marks + 1 if unicodedata.category(char)[0] == "M" else 0
        if marks <= MARKS_KEPT:
            kept.append(char)
    return "".join(kept)


def _joins(char: str) -> bool:
    return char >= "\u0590" and char not in JOINERS and unicodedata.category(char)[0] in "LMS"


def _units(text: str) -> Iterator[str]:
    """The characters as people see them: marks, joined emoji, skin tones and flags stay in one piece."""
    unit = ""
    flags = 0
    for char in text:
        flag = "\U0001f1e6" <= char <= "\U0001f1ff"
        extends = (
            unicodedata.category(char)[0] == "M"
            or char in JOINERS
            or char == GAP
            or "\U0001f3fb" <= char <= "\U0001f3ff"
            or unit.endswith("\u200d")
            or (flag and flags % 2 == 1)
        )
        if unit and (not extends or unit == "\n" or len(unit) >= UNIT_LIMIT):
            yield unit
            unit = ""
        unit += char
        flags = flags + 1 if flag else 0
    if unit:
        yield unit


def _fit(units: Iterable[str], limit: int) -> str:
    """As many whole units as fit into `limit` code points, with an ellipsis when something is left out."""
    kept: list[str] = []
    used = 0
    for unit in units:
        used += len(unit)
        kept.append(unit)
        if used > limit:
            break
    else:
        return "".join(kept)
    while kept and used > limit - len(ELLIPSIS):
        used -= len(kept.pop())
    return ("".join(kept) + ELLIPSIS)[: max(limit, 0)]


def _mattermost_char(char: str) -> str:
    if char == "<":
        return "&lt;"  # `<x@y>` and `<http://x>` are links whatever stands between, and it cannot be escaped
    return f"\\{char}" if char in MATTERMOST else char


def _zendesk_char(char: str) -> str:
    if char in "{<&":
        return char + GAP  # `{{`, `{%`, a tag or an entity needs its next character at once
    return f"\\{char}" if char in MARKDOWN else char


def _escaped(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if char.isprintable() and not INVISIBLE.match(char):
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
