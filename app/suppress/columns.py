"""Which columns of a list name a person, and which says yes or no: by their headers, in English, Malay and Chinese."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.suppress.records import Head, ListError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PHONE = _words(
    "phone phoneno phonenumber phonenum contact contactno contactnumber contactnum contactphone mobile mobileno"
    " mobilenumber mobilephone msisdn tel telno telephone telephoneno telephonenumber telefon notel notelefon"
    " nombortelefon hp nohp handphone handphoneno cell cellno cellphone cellnumber whatsapp whatsappno whatsappnumber"
    " 电话 电话号码 电话号 手机 手机号 手机号码 联系电话 联系号码 電話 電話號碼 手機 手機號碼"
)
MAIL = _words(
    "email mail emailaddress mailaddress emailid emel alamatemel alamatemail 邮箱 电邮 邮件 电子邮件 电子邮箱 邮箱地址"
    " 電郵 電子郵件"
)
YES_MEANS_YES = _words(
    "status subscribed subscription subscriptionstatus consent consentstatus marketingconsent marketing optin optedin"
    " optinstatus acceptsmarketing langganan persetujuan statuslangganan 状态 同意 订阅 订阅状态"
)
YES_MEANS_NO = _words(
    "unsubscribed optout optedout optoutstatus donotcall donotcontact dnc suppressed berhentilanggan 退订 已退订"
)
YES = _words(
    "yes y true t 1 on subscribed optedin optin in active allowed allow granted given agreed agree accepted"
    " ya setuju bersetuju aktif langgan dilanggan melanggan dibenarkan benar"
    " 是 同意 已同意 订阅 已订阅 訂閱 已訂閱 有效 允许 可以"
)
NO = _words(
    "no n false f 0 off unsubscribed optedout optout out inactive stop stopped blocked denied refused withdrawn revoked"
    " donotcontact donotcall dnc cleaned disagree"
    " tidak tidaksetuju tidakbersetuju tidakaktif tak bantah berhenti batal dibatalkan berhentilanggan salah"
    " 否 不 不是 不同意 退订 已退订 取消 已取消 取消订阅 未订阅 未同意 退訂 已退訂 无效 拒绝 停止"
)
OF_WHOM = ("customer", "client", "user", "primary", "secondary", "main", "home", "work", "office", "alt", "alternate",
           "other", "pelanggan", "客户", "客戶")  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """Places (from 0) of what matters in a row. `status` None: there is no such column."""

    head: Head
    people: tuple[int, ...]
    status: int | None
    inverse: bool = False


def find(heads: Sequence[Head], phone: str | None, mail: str | None, status: str | None = None) -> Columns:
    """The reading of the header that finds most; a named column must be there. Raises ListError naming the headers."""
    asked = [name for name in (phone, mail, status) if name is not None]
    best: Columns | None = None
    for head in heads:
        wanted = [*_places(head, phone, PHONE), *_places(head, mail, MAIL)]
        named = all(_named(head, name) for name in asked)
        if named and wanted and (best is None or len(wanted) > len(best.people)):
            best = Columns(head, tuple(sorted(set(wanted))), *_status(head, status))
    if best is None:
        missing = " or ".join(map(repr, asked)) or "phone or e-mail column"
        raise ListError(f"no {missing} found; the headers are: {_shown(heads[0].names)}", "columns")
    return best


def verdict(cell: str, inverse: bool) -> bool | None:
    """Yes or no; None when the word is not one we know (never guessed)."""
    word = _squeezed(cell)
    if word in YES:
        return not inverse
    return inverse if word in NO else None


def _places(head: Head, name: str | None, known: frozenset[str]) -> list[int]:
    if name is not None:
        return _named(head, name)
    return [place for place, title in enumerate(head.names) if _means(title) & known]


def _named(head: Head, name: str) -> list[int]:
    return [place for place, title in enumerate(head.names) if title.casefold() == name.strip().casefold()]


def _status(head: Head, name: str | None) -> tuple[int | None, bool]:
    if name is not None:
        place = _named(head, name)[0]
        return place, bool(_means(head.names[place]) & YES_MEANS_NO)
    for known, inverse in ((YES_MEANS_YES, False), (YES_MEANS_NO, True)):
        for place, title in enumerate(head.names):
            if _means(title) & known:
                return place, inverse
    return None, False


def _means(title: str) -> set[str]:
    """`Customer Phone 2`, `customer_phone`, `Phone (Mobile)` and `phone` are one name."""
    words = {_squeezed(text).rstrip("0123456789") for text in (title, re.sub(r"[(\[（【].*", "", title))}
    return words | {word.removeprefix(whose) for whose in OF_WHOM for word in words}


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def _shown(names: Sequence[str]) -> str:
    """The headers, unless they are a customer: a file without a header row begins with one."""
    if any("@" in name or sum(map(str.isdigit, name)) >= 5 for name in names):
        return "not headers but a row (the first line must hold the names of the columns)"
    return ", ".join(name[:40] for name in names[:30])
