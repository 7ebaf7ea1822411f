"""What a cell of a list says about who is meant: phone numbers and e-mail addresses, each in the ledger's own form.

A cell that holds a number or an address which cannot be read is never taken for an empty one: a dialler may read it.
"""

from __future__ import annotations

import re
import unicodedata

from app.wish import normalise_phone

Identifier = tuple[str, str]  # kind as in Vault.digest (`phone`, `mail`) and value
MAIL = re.compile(r"[^\s@<>,;:\"'()/|]+@[^\s@<>,;:\"'()/|]+")
BETWEEN = re.compile(r"[/;,|&\n\r\t]| or | atau |或", re.IGNORECASE)
TOO_MANY_DIGITS = 5  # from here on it may be somebody's number, not a placeholder such as 0 or n/a
MALAYSIAN = 10  # digits of a Malaysian number without its country and without its leading zero: at most these


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
    return [("phone", number)] if number[0] == "+" and not number.startswith("+600") else _alike(number)


def everything_in(text: str) -> list[Identifier]:
    """Every number and address in a record of several lines: a stray quote may have swallowed another customer."""
    found: list[Identifier] = []
    for part in re.split(r"[\r\n\",;\t|]", text):
        found += of_cell(part) or []
    return found


def _alike(number: str) -> list[Identifier]:
    """A number and what it is when a spreadsheet has eaten its zero or its plus, or somebody wrote +60 (0)12."""
    if not number:
        return []
    found = [number]
    if number.startswith("+600"):
        found.append("+60" + number[4:])
    elif number[0] != "+":
        found.append("+" + number)
        if len(number) <= MALAYSIAN:
            found.append("+60" + number)
    return [("phone", one) for one in found]


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
    as_typed = [("mail", cell)] if MAIL.fullmatch(cell) else []
    return [("mail", mail.removesuffix(".")) for mail in mails] + numbers + as_typed


def _clean(cell: str) -> str:
    """Wide digits made narrow; marks that nobody sees (zero width space, direction marks) taken out."""
    return "".join(char for char in unicodedata.normalize("NFKC", cell) if unicodedata.category(char) != "Cf")


def _digits(text: str) -> int:
    return sum(map(str.isdigit, text))
