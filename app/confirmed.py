"""How, by whom, when and through which channel the customer confirmed and was identified (SOP 000 section 1).

From ticket fields, as codes of closed lists: a field's free text may hold anything, also an identity number, and is
never stored. A name that DESK_FIELDS holds is asked of every ticket; one that it does not hold is derived (features
0.10, 0.11, 1.1).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from app.clients.types import Ticket
from app.events import Json
from app.settings import Settings

if TYPE_CHECKING:
    from app.notes import Note

ASKED = ("identity", "confirmed_by", "confirmed_via", "authority")
CUSTOMER, REPRESENTATIVE = "customer", "representative"
RECORDED = "recorded"  # something is written there; what it is stays on the ticket
OTHER = "other"

# Codes and the words people write for them, in English, Malay and Chinese; Zendesk's own channel names too.
PARTIES = {
    CUSTOMER: ("customer", "client", "borrower", "self", "himself", "herself", "pelanggan", "sendiri", "peminjam",
               "客户", "本人", "顾客", "借款人"),
    REPRESENTATIVE: ("representative", "representatives", "rep", "lawyer", "solicitor", "parent", "guardian",
                     "attorney", "third", "behalf", "wakil", "peguam", "penjaga", "ibu", "bapa",
                     "代表", "代理", "律师", "父母", "监护人"),
}  # fmt: skip
CHANNELS = {
    "phone": ("phone", "call", "calls", "voice", "telephone", "tel", "talk", "telefon", "panggilan", "电话", "来电"),
    "email": ("email", "mail", "e_mail", "emel", "e_mel", "邮件", "电邮", "邮箱"),
    "chat": ("chat", "messaging", "native_messaging", "whatsapp", "wechat", "line", "telegram", "sms", "mesej",
             "sembang", "微信", "聊天", "短信", "即时消息"),
    "form": ("web", "form", "web_form", "webform", "portal", "app", "mobile", "mobile_sdk", "borang", "laman",
             "表格", "表单", "网页", "网站"),
    "branch": ("branch", "counter", "walk_in", "walkin", "in_person", "person", "office", "cawangan", "kaunter",
               "分行", "柜台", "亲临", "当面"),
    "letter": ("letter", "post", "fax", "surat", "faks", "信函", "信件", "传真"),
    "social": ("facebook", "twitter", "x", "instagram", "social", "tiktok", "sosial", "社交媒体"),
}  # fmt: skip
AUTHORITIES = {
    "lawyer": ("lawyer", "solicitor", "law", "peguam", "律师"),
    "power_of_attorney": ("attorney", "power_of_attorney", "poa", "surat_kuasa", "授权书", "授权委托书"),
    "parent": ("parent", "mother", "father", "ibu", "bapa", "ibu_bapa", "父母", "父亲", "母亲", "家长"),
    "guardian": ("guardian", "penjaga", "监护人"),
    "estate": ("executor", "administrator", "estate", "wasi", "pentadbir_harta", "pusaka", "遗嘱执行人", "遗产"),
    "letter_of_authority": ("authorisation", "authorization", "consent", "kebenaran", "授权", "同意书"),
}  # fmt: skip
CHECKS = {
    "mykad": ("mykad", "ic", "nric", "identity_card", "id_card", "kad_pengenalan", "身份证"),
    "passport": ("passport", "pasport", "护照"),
    "otp": ("otp", "tac", "one_time", "code", "kod", "验证码"),
    "questions": ("questions", "question", "kba", "soalan", "安全问题", "问题"),
    "callback": ("callback", "call_back", "回拨", "回电"),
    "ekyc": ("ekyc", "e_kyc", "kyc", "selfie", "swafoto"),
    "in_person": ("in_person", "branch", "counter", "cawangan", "kaunter", "当面", "柜台"),
    "voice": ("voice", "biometric", "suara", "声纹"),
}  # fmt: skip
NOTHING = frozenset({"", "no", "none", "false", "not", "n_a", "na", "unknown", "tidak", "tiada", "没有", "无", "否"})


def read(ticket: Ticket, settings: Settings) -> tuple[dict[str, Json], tuple[str, ...]]:
    """(the record in codes, problems): `missing:<field>` or `contradictory:<field>` for names that DESK_FIELDS holds.

    The record: `by` customer or representative, `via`, `identity`, `authority`; '' where nothing is recorded.
    """
    given = {name: _value(ticket, settings, name) for name in ASKED}
    problems = [
        f"missing:{name}" for name in ("identity", "confirmed_by", "confirmed_via")
        if name in settings.fields and not given[name]
    ]  # fmt: skip
    parties = _codes(given["confirmed_by"], PARTIES)
    if given["confirmed_by"] and not parties:
        problems.append("contradictory:confirmed_by")
    # "The customer's lawyer" is a representative; and who has no such field says it by naming an authority.
    party = parties[-1] if parties else REPRESENTATIVE if given["authority"] else ""
    if party == CUSTOMER:
        given["authority"] = ""
    if party == REPRESENTATIVE and "authority" in settings.fields and not given["authority"]:
        problems.append("missing:authority")
    record: dict[str, Json] = {
        "by": party,
        "via": _first(given["confirmed_via"] or ticket.channel, CHANNELS),
        "identity": "+".join(_codes(given["identity"], CHECKS)) or (RECORDED if given["identity"] else ""),
        "authority": _first(given["authority"], AUTHORITIES),
    }
    return record, tuple(problems)


def record(found: Mapping[str, Json], *, tagger_id: int | None, at: datetime) -> dict[str, Json]:
    """What goes into the case row: the codes, the agent who tagged, and the tag's time (UTC)."""
    return {**found, "agent": tagger_id, "at": at.isoformat(timespec="seconds")}


def lines(note: Note) -> Sequence[str]:
    """The note's line; none while nothing is confirmed."""
    found, get = note.case.confirmation, note.texts.get
    if not found or note.case.state in ("open", "incomplete"):
        return ()
    by = get(f"confirmed.by.{found.get('by') or 'unnamed'}")
    if found.get("authority"):
        by = get("confirmed.by.authority", by=by, authority=get(f"confirmed.authority.{found['authority']}"))
    codes = str(found.get("identity") or "none").split("+")
    how = get("cards.channel.comma").join(get(f"confirmed.identity.{code}") for code in codes)
    agent = found.get("agent")
    return (
        get(
            "confirmed.line",
            by=by,
            via=get(f"confirmed.via.{found.get('via') or OTHER}"),
            when=note.when(datetime.fromisoformat(str(found["at"]))),
            agent=get("confirmed.agent", agent=str(agent)) if agent else get("confirmed.automatic"),
        ),
        get("confirmed.checked", how=how),
    )


def _value(ticket: Ticket, settings: Settings, name: str) -> str:
    """The field in one form: lower case, words joined by `_`; '' when it says nothing, or says no."""
    raw = ticket.fields.get(settings.fields.get(name, 0), "")
    text = " ".join(raw) if isinstance(raw, tuple) else raw
    found = re.sub(r"[\W_]+", "_", unicodedata.normalize("NFKC", text).casefold()).strip("_")
    return "" if found in NOTHING or found.startswith(("not_", "no_", "tidak_", "未", "没")) else found


def _codes(value: str, table: Mapping[str, Sequence[str]]) -> list[str]:
    """The codes whose words are in the value: whole words, and any part of Chinese text, which has no spaces."""
    around = f"_{value}_"
    return [
        code for code, words in table.items()
        if any(f"_{word}_" in around or (not word.isascii() and word in value) for word in words)
    ]  # fmt: skip


def _first(value: str, table: Mapping[str, Sequence[str]]) -> str:
    return next(iter(_codes(value, table)), OTHER) if value else ""
