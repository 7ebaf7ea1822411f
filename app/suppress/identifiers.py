"""What a cell of a list says about who is meant: phone numbers and e-mail addresses, each in the ledger's own form.

A cell that holds a number or an address which cannot be read is never taken for an empty one: a dialler may read it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from app.wish import normalise_phone

Identifier = tuple[str, str]  # kind as in Vault.digest (`phone`, `mail`) and value
MAIL = re.compile(r"[^\s@<>,;:\"'()/|]+@[^\s@<>,;:\"'()/|]+")
BETWEEN = re.compile(r"[/;,|&\n\r\t]| or | atau |或", re.IGNORECASE)
TOO_MANY_DIGITS = 5  # from here on it may be somebody's number, not a placeholder such as 0 or n/a
MAIL_OF_OBRIEN = re.compile(r"[^\s@<>,;:\"'()/|][^\s@<>,;:\"()/|]{0,62}'" + MAIL.pattern)
BARE_MAIL = re.compile(r"[^\s@<>,;:\"()|\\]{1,64}@[^\s@<>,;:\"'()/|\\]{0,254}[^\W_]")
SURE = "+601"  # a Malaysian mobile is written in full in the ledger, whatever was typed
SHORT = 9  # digits of a number without its country: at most these (`normalise_phone` knows where longer ones belong)


def of_cell(cell: str) -> list[Identifier] | None:
    """Everybody this cell names, [] when it names nobody, None when it names somebody we cannot read."""
    cell = cell.strip()
    if not cell:
        return []
    if "@" in cell:
        return [("mail", cell)] if cell.isascii() and MAIL.fullmatch(cell) else _mails(cell)
    number = normalise_phone(cell)
    if not number:
        return _numbers(cell)
    if cell.endswith(".0"):
        return _alike(number) + _alike(normalise_phone(cell[:-2]))  # a number that went through a spreadsheet's float
    return [("phone", number)] if number.startswith(SURE) else _alike(number)


def phones_in(text: str) -> list[Identifier]:
    """Whose number this may be; [] when it is none, or not one alone that can be read."""
    return [one for one in of_cell(text) or [] if one[0] == "phone"] if "@" not in text else []


def mail_of(text: str) -> list[Identifier]:
    """The one address that this is, as typed and without marks that nobody sees; [] when it is anything else."""
    typed, clean = text.strip(), _clean(text).strip()
    return [("mail", one) for one in dict.fromkeys((typed, clean))] if BARE_MAIL.fullmatch(clean) else []


def everything_in(text: str) -> list[Identifier]:
    """Every number and address in a record of several lines: a stray quote may have swallowed another customer."""
    found: list[Identifier] = []
    for part in re.split(r"[\r\n\",;\t|]", text):
        found += of_cell(part) or []
    return found


def _alike(number: str) -> list[Identifier]:
    """A number and what else it may be: a fixed line that has lost its zero, or its plus, here or in the ledger."""
    if not number:
        return []
    found = [number]
    if number[0] != "+":
        found += ["+" + number, "+60" + number]
    else:
        found += [short for short in (number[1:], number.removeprefix("+60")) if _is_short(short)]
    return [("phone", one) for one in found]


def meant(found: Sequence[Identifier]) -> list[Identifier]:
    """Without what a number may be besides: enough to write down, since who asks looks for that as well."""
    kept: list[Identifier] = []
    besides: set[Identifier] = set()
    for one in found:
        if one not in besides:
            kept.append(one)
            besides.update(_alike(one[1])[1:] if one[0] == "phone" else [])
    return kept


def _is_short(number: str) -> bool:
    return len(number) <= SHORT and normalise_phone(number) == number


def _numbers(cell: str) -> list[Identifier] | None:
    clean = _clean(cell)
    found: list[Identifier] = []
    for part in BETWEEN.split(clean):
        number = normalise_phone(part.strip(" '\"=").removeprefix("tel:"))
        if number:
            found += _alike(number)
        elif _digits(part) >= TOO_MANY_DIGITS:
            return None
    return found if found or _digits(clean) < TOO_MANY_DIGITS else None


def _mails(cell: str) -> list[Identifier] | None:
    clean = _clean(cell)
    mails = MAIL.findall(clean)
    if not mails or len(mails) != clean.count("@"):
        return None
    rest = MAIL.sub(" ; ", clean)
    numbers = _numbers(rest) if _digits(rest) >= TOO_MANY_DIGITS else []
    if numbers is None:
        return None
    mails += MAIL_OF_OBRIEN.findall(clean)
    as_typed = [("mail", cell)] if MAIL.fullmatch(cell) or BARE_MAIL.fullmatch(cell) else []
    return [("mail", mail.removesuffix(".")) for mail in mails] + numbers + as_typed


def _clean(cell: str) -> str:
    """Wide digits made narrow; marks that nobody sees (zero width space, direction marks) taken out."""
    return "".join(char for char in unicodedata.normalize("NFKC", cell) if unicodedata.category(char) != "Cf")


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))
